/* The vocabulary: which ids symbols get, and text to ids and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "temporary.h"
#include "unicode.h"

/* What an out-parameter holds before a call that fails, and must hold afterwards. */
static char untouched_object;
#define UNTOUCHED ((rnn_vocab *)&untouched_object)

static rnn_vocab *create_from_text(const void *text, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, text, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

static rnn_vocab *create_from_list(const void *symbols, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, symbols, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

/* The vocabulary must have exactly these one-byte symbols, in this order. */
static void assert_symbols(const rnn_vocab *vocab, const void *symbols, int64_t count)
{
    assert_int_equal(rnn_vocab_size(vocab), count);
    for (int32_t id = 0; id < count; id++) {
        const char *symbol = NULL;
        size_t size = 0;
        assert_ok(rnn_vocab_symbol(vocab, id, &symbol, &size));
        assert_int_equal(size, 1);
        assert_memory_equal(symbol, (const char *)symbols + id, 1);
    }
}

static void fill_with_all_bytes(unsigned char bytes[256])
{
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
}

/* ---- From a text ---- */

static void test_ids_follow_the_ascending_order_of_the_symbols_of_a_text(void **state)
{
    (void)state;
    rnn_vocab *vocab = create_from_text("hello, world", 12);
    assert_symbols(vocab, " ,dehlorw", 9);
    rnn_vocab_destroy(vocab);
}

static void test_a_text_of_one_symbol_makes_a_vocabulary_of_one(void **state)
{
    (void)state;
    rnn_vocab *vocab = create_from_text("aaaa", 4);
    assert_symbols(vocab, "a", 1);
    rnn_vocab_destroy(vocab);
}

static void test_bytes_above_127_come_after_ascii_and_nul_comes_first(void **state)
{
    (void)state;
    rnn_vocab *vocab = create_from_text("\xff\x80z\0A\x7f", 6);
    assert_symbols(vocab, "\0Az\x7f\x80\xff", 6);
    rnn_vocab_destroy(vocab);
}

static void test_a_text_of_all_256_bytes_gives_each_byte_itself_as_id(void **state)
{
    unsigned char bytes[256];
    unsigned char reversed[256];
    (void)state;
    fill_with_all_bytes(bytes);
    for (int i = 0; i < 256; i++)
        reversed[i] = (unsigned char)(255 - i);
    rnn_vocab *vocab = create_from_text(reversed, sizeof reversed);
    assert_symbols(vocab, bytes, 256);
    rnn_vocab_destroy(vocab);
}

static void test_a_text_is_not_kept(void **state)
{
    char text[] = "abc";
    (void)state;
    rnn_vocab *vocab = create_from_text(text, 3);
    memset(text, 'x', 3);
    assert_symbols(vocab, "abc", 3);
    rnn_vocab_destroy(vocab);
}

static void test_create_from_text_refuses_no_text(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, NULL, 0, &vocab), RNN_ERROR_ARGUMENT, "");
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, "", 0, &vocab), RNN_ERROR_ARGUMENT, "size is 0");
    assert_ptr_equal(vocab, UNTOUCHED);
}

/* ---- From a file ---- */

static void test_a_file_makes_the_same_vocabulary_as_its_text(void **state)
{
    rnn_vocab *vocab = NULL;
    (void)state;
    write_file("text", "\xff\x80z\0A\x7f", 6);
    assert_ok(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "text", &vocab));
    assert_symbols(vocab, "\0Az\x7f\x80\xff", 6);
    rnn_vocab_destroy(vocab);
}

static void test_a_symbol_anywhere_in_a_large_file_is_found(void **state)
{
    enum { SIZE = 3000001 };
    static const size_t offsets[] = {0, 4095, 4096, 65535, 65536, 131072, 1048575, 1048576, SIZE - 2, SIZE - 1};
    char *text = allocate(SIZE, 1);
    rnn_vocab *vocab = NULL;
    (void)state;
    memset(text, 'z', SIZE);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        text[offsets[i]] = (char)('a' + i);
    write_file("text", text, SIZE);
    assert_ok(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "text", &vocab));
    assert_symbols(vocab, "abcdefghijz", 11);
    rnn_vocab_destroy(vocab);
    free(text);
}

static void test_a_missing_file_is_an_error_with_its_name_and_the_systems_reason(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "absent", &vocab), RNN_ERROR_IO, "absent");
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "absent", &vocab), RNN_ERROR_IO, strerror(ENOENT));
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "", &vocab), RNN_ERROR_IO, strerror(ENOENT));
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_a_long_path_does_not_push_the_systems_reason_out(void **state)
{
    char path[3001];
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    for (size_t i = 0; i < sizeof path - 1; i++)
        path[i] = i % 100 == 99 ? '/' : 'd';
    path[sizeof path - 1] = '\0';
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, path, &vocab), RNN_ERROR_IO, strerror(ENOENT));
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_an_empty_file_is_an_error(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    write_file("empty", "", 0);
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "empty", &vocab), RNN_ERROR_ARGUMENT, "empty");
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_a_directory_is_an_error(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "folder", &vocab), RNN_ERROR_IO, "folder");
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_a_device_or_a_pipe_is_an_error_and_not_waited_for(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    alarm(20); /* Ends the suite, should a call wait for a writer. */
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "pipe", &vocab), RNN_ERROR_IO, "pipe");
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "/dev/null", &vocab), RNN_ERROR_IO, "/dev/null");
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "/dev/zero", &vocab), RNN_ERROR_IO, "/dev/zero");
    alarm(0);
    assert_ptr_equal(vocab, UNTOUCHED);
}

static int is_refused(const char *path)
{
    rnn_vocab *vocab = UNTOUCHED;
    return rnn_vocab_create_from_file(RNN_VOCAB_BYTES, path, &vocab) == RNN_ERROR_IO && vocab == UNTOUCHED &&
           strstr(rnn_last_error(), path) != NULL && strstr(rnn_last_error(), strerror(EACCES)) != NULL;
}

static void test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason(void **state)
{
    (void)state;
    assert_true(holds_for_an_unreadable_file("secret", is_refused));
}

/* ---- From a list ---- */

static void test_a_list_keeps_its_order(void **state)
{
    (void)state;
    rnn_vocab *vocab = create_from_list("zebra\0\xfe", 7);
    assert_symbols(vocab, "zebra\0\xfe", 7);
    rnn_vocab_destroy(vocab);
}

static void test_a_list_may_hold_all_256_bytes(void **state)
{
    unsigned char bytes[256];
    (void)state;
    fill_with_all_bytes(bytes);
    bytes[0] = 255;
    bytes[255] = 0;
    rnn_vocab *vocab = create_from_list(bytes, sizeof bytes);
    assert_symbols(vocab, bytes, 256);
    rnn_vocab_destroy(vocab);
}

static void test_a_list_is_not_kept(void **state)
{
    char symbols[] = "cab";
    (void)state;
    rnn_vocab *vocab = create_from_list(symbols, 3);
    memset(symbols, 'x', 3);
    assert_symbols(vocab, "cab", 3);
    rnn_vocab_destroy(vocab);
}

static void test_a_list_with_a_symbol_twice_is_refused(void **state)
{
    unsigned char bytes[257] = {0};
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "aa", 2, &vocab), RNN_ERROR_ARGUMENT, "symbols");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abcda", 5, &vocab), RNN_ERROR_ARGUMENT, "symbols");
    fill_with_all_bytes(bytes);
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, bytes, 257, &vocab), RNN_ERROR_ARGUMENT, "symbols");
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_create_from_list_refuses_an_empty_list(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "", 0, &vocab), RNN_ERROR_ARGUMENT, "size is 0");
    assert_ptr_equal(vocab, UNTOUCHED);
}

/* ---- Size and symbols ---- */

static void test_a_symbol_is_terminated_by_a_nul_that_its_size_does_not_count(void **state)
{
    unsigned char bytes[256];
    (void)state;
    fill_with_all_bytes(bytes);
    rnn_vocab *vocab = create_from_text(bytes, sizeof bytes);
    for (int32_t id = 0; id < 256; id++) {
        const char *symbol = NULL;
        size_t size = 0;
        assert_ok(rnn_vocab_symbol(vocab, id, &symbol, &size));
        assert_int_equal(size, 1);
        assert_int_equal((unsigned char)symbol[0], id);
        assert_int_equal(symbol[1], '\0');
    }
    rnn_vocab_destroy(vocab);
}

static void test_the_size_of_a_symbol_need_not_be_wanted(void **state)
{
    const char *symbol = NULL;
    (void)state;
    rnn_vocab *vocab = create_from_list("xy", 2);
    assert_ok(rnn_vocab_symbol(vocab, 1, &symbol, NULL));
    assert_string_equal(symbol, "y");
    rnn_vocab_destroy(vocab);
}

static void test_a_symbol_of_an_id_out_of_range_is_an_error(void **state)
{
    static const int32_t ids[] = {-1, 2, 256, INT32_MAX, INT32_MIN};
    const char *symbol = "untouched";
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_from_list("xy", 2);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        char part[32];
        snprintf(part, sizeof part, "id is %d", ids[i]);
        assert_fails(rnn_vocab_symbol(vocab, ids[i], &symbol, &size), RNN_ERROR_SYMBOL, part);
    }
    assert_string_equal(symbol, "untouched");
    assert_int_equal(size, 77);
    rnn_vocab_destroy(vocab);
}

/* ---- Text to ids ---- */

static void test_encode_gives_each_symbols_id(void **state)
{
    static const int32_t expected[] = {2, 0, 1, 0, 2};
    int32_t ids[5] = {-7, -7, -7, -7, -7};
    int64_t count = -7;
    (void)state;
    rnn_vocab *vocab = create_from_list("bac", 3);
    assert_ok(rnn_vocab_encode(vocab, "cbabc", 5, ids, 5, &count));
    assert_int_equal(count, 5);
    assert_memory_equal(ids, expected, sizeof expected);
    rnn_vocab_destroy(vocab);
}

static void test_encode_writes_no_more_than_the_text_has(void **state)
{
    int32_t ids[4] = {-7, -7, -7, -7};
    int64_t count = -7;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    assert_ok(rnn_vocab_encode(vocab, "ba", 2, ids, 4, &count));
    assert_int_equal(count, 2);
    assert_int_equal(ids[2], -7);
    assert_int_equal(ids[3], -7);
    assert_ok(rnn_vocab_encode(vocab, "aa", 2, ids, 4, NULL));
    assert_int_equal(ids[0], 0);
    rnn_vocab_destroy(vocab);
}

static void test_encode_of_an_empty_text_writes_nothing(void **state)
{
    int32_t ids[1] = {-7};
    int64_t count = -7;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    assert_ok(rnn_vocab_encode(vocab, NULL, 0, ids, 1, &count));
    assert_int_equal(count, 0);
    assert_ok(rnn_vocab_encode(vocab, "ab", 0, ids, 0, NULL));
    assert_int_equal(ids[0], -7);
    rnn_vocab_destroy(vocab);
}

static void test_encode_reports_an_unknown_symbol_with_its_offset_and_writes_nothing(void **state)
{
    enum { SIZE = 100000, OFFSET = 54321 };
    char *text = allocate(SIZE, 1);
    int32_t *ids = allocate(SIZE, sizeof(int32_t));
    int64_t count = -7;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    memset(text, 'a', SIZE);
    memset(ids, 0x77, SIZE * sizeof(int32_t));
    text[OFFSET] = '?';
    text[OFFSET + 5] = '!';
    assert_fails(rnn_vocab_encode(vocab, text, SIZE, ids, SIZE, &count), RNN_ERROR_SYMBOL, "54321");
    assert_non_null(strstr(rnn_last_error(), "?"));
    assert_int_equal(count, -7);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal(ids[i], 0x77777777);
    rnn_vocab_destroy(vocab);
    free(ids);
    free(text);
}

static void test_encode_refuses_unprintable_unknown_symbols_in_one_line(void **state)
{
    int32_t ids[1] = {-7};
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    for (int byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        if (byte != 'a' && byte != 'b')
            assert_fails(rnn_vocab_encode(vocab, &text, 1, ids, 1, NULL), RNN_ERROR_SYMBOL, "0");
    }
    assert_int_equal(ids[0], -7);
    rnn_vocab_destroy(vocab);
}

static void test_encode_into_too_small_a_capacity_writes_nothing(void **state)
{
    static const int64_t capacities[] = {2, 1, 0, -1, INT64_MIN};
    int32_t ids[3] = {-7, -7, -7};
    int64_t count = -7;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
        char part[64];
        snprintf(part, sizeof part, "capacity is %lld", (long long)capacities[i]);
        assert_fails(rnn_vocab_encode(vocab, "aba", 3, ids, capacities[i], &count), RNN_ERROR_ARGUMENT, part);
    }
    assert_fails(rnn_vocab_encode(vocab, "aba", SIZE_MAX, ids, 3, &count), RNN_ERROR_ARGUMENT, "capacity is 3");
    assert_fails(rnn_vocab_encode(vocab, "", 0, ids, -1, &count), RNN_ERROR_ARGUMENT, "capacity is -1");
    assert_int_equal(count, -7);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ids[i], -7);
    rnn_vocab_destroy(vocab);
}

/* ---- Ids to text ---- */

static void test_decode_gives_each_ids_symbol(void **state)
{
    static const int32_t ids[] = {2, 0, 1, 0, 2};
    char text[7] = "------";
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_from_list("bac", 3);
    assert_ok(rnn_vocab_decode(vocab, ids, 5, text, 6, &size));
    assert_int_equal(size, 5);
    assert_memory_equal(text, "cbabc-", 6);
    assert_ok(rnn_vocab_decode(vocab, ids, 1, text, 1, NULL));
    assert_memory_equal(text, "cbabc-", 6);
    rnn_vocab_destroy(vocab);
}

static void test_decode_of_no_ids_writes_nothing(void **state)
{
    char text[1] = {'-'};
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    assert_ok(rnn_vocab_decode(vocab, NULL, 0, text, 1, &size));
    assert_int_equal(size, 0);
    assert_int_equal(text[0], '-');
    rnn_vocab_destroy(vocab);
}

static void test_decode_refuses_an_id_out_of_range_and_writes_nothing(void **state)
{
    static const int32_t bad[] = {-1, 2, 256, INT32_MAX, INT32_MIN};
    char text[4] = "----";
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const int32_t ids[4] = {0, 1, 0, bad[i]};
        char part[64];
        snprintf(part, sizeof part, "ids[3] is %d; it must be 0 to 1", bad[i]);
        assert_fails(rnn_vocab_decode(vocab, ids, 4, text, 4, &size), RNN_ERROR_SYMBOL, part);
    }
    assert_memory_equal(text, "----", 4);
    assert_int_equal(size, 77);
    rnn_vocab_destroy(vocab);
}

static void test_decode_into_too_small_a_capacity_writes_nothing(void **state)
{
    static const int32_t ids[] = {0, 1, 0};
    char text[3] = "---";
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    assert_fails(rnn_vocab_decode(vocab, ids, 3, text, 2, &size), RNN_ERROR_ARGUMENT, "capacity is 2");
    assert_fails(rnn_vocab_decode(vocab, ids, 3, text, 0, &size), RNN_ERROR_ARGUMENT, "capacity is 0");
    assert_fails(rnn_vocab_decode(vocab, ids, INT64_MAX, text, 3, &size), RNN_ERROR_ARGUMENT, "capacity is 3");
    assert_memory_equal(text, "---", 3);
    assert_int_equal(size, 77);
    rnn_vocab_destroy(vocab);
}

static void test_decode_undoes_encode_for_every_byte(void **state)
{
    enum { SIZE = 10000 };
    unsigned char *text = allocate(SIZE, 1);
    unsigned char *again = allocate(SIZE, 1);
    int32_t *ids = allocate(SIZE, sizeof(int32_t));
    random_source source = {1};
    int64_t count = 0;
    size_t size = 0;
    (void)state;
    for (int i = 0; i < SIZE; i++)
        text[i] = (unsigned char)(i < 256 ? i : random_below(&source, 256));
    rnn_vocab *vocab = create_from_text(text, SIZE);
    assert_ok(rnn_vocab_encode(vocab, text, SIZE, ids, SIZE, &count));
    assert_int_equal(count, SIZE);
    assert_ok(rnn_vocab_decode(vocab, ids, count, (char *)again, SIZE, &size));
    assert_int_equal(size, SIZE);
    assert_memory_equal(again, text, SIZE);
    rnn_vocab_destroy(vocab);
    free(ids);
    free(again);
    free(text);
}

/* ---- Code points ---- */

static rnn_vocab *create_utf8(const void *text, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

/* The vocabulary must have exactly these code points, in this order, each followed by a NUL. */
static void assert_code_points(const rnn_vocab *vocab, const int32_t *code_points, int64_t count)
{
    assert_int_equal(rnn_vocab_size(vocab), count);
    for (int32_t id = 0; id < count; id++) {
        unsigned char bytes[5] = {0};
        const char *symbol = NULL;
        size_t size = 0;
        size_t expected = write_code_point(code_points[id], bytes);
        assert_ok(rnn_vocab_symbol(vocab, id, &symbol, &size));
        assert_int_equal(size, expected);
        assert_memory_equal(symbol, bytes, expected + 1);
    }
}

/* The first and the last of each length, and those beside the surrogates. */
static const int32_t boundaries[] = {0,      0x7f,   0x80,   0x7ff,   0x800,   0xd7ff,
                                     0xe000, 0xfffd, 0xffff, 0x10000, 0xfffff, 0x10ffff};
enum { BOUNDARIES = sizeof boundaries / sizeof boundaries[0] };
static const char boundary_text[] = "\0\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd\xef\xbf\xbf"
                                    "\xf0\x90\x80\x80\xf3\xbf\xbf\xbf\xf4\x8f\xbf\xbf";
enum { BOUNDARY_SIZE = sizeof boundary_text - 1 };

static void test_the_kind_is_what_the_vocabulary_was_created_with(void **state)
{
    (void)state;
    rnn_vocab *bytes = create_from_text("ab", 2);
    rnn_vocab *code_points = create_utf8("ab", 2);
    assert_int_equal(rnn_vocab_kind(bytes), RNN_VOCAB_BYTES);
    assert_int_equal(rnn_vocab_kind(code_points), RNN_VOCAB_UTF8);
    rnn_vocab_destroy(code_points);
    rnn_vocab_destroy(bytes);
}

static void test_code_points_get_ids_in_ascending_order(void **state)
{
    static const int32_t expected[] = {' ', 'a', 0xef, 0x4e2d, 0x6587, 0x1f642};
    (void)state;
    rnn_vocab *vocab = create_utf8("文中 🙂aï中文", strlen("文中 🙂aï中文"));
    assert_code_points(vocab, expected, 6);
    rnn_vocab_destroy(vocab);
}

static void test_the_boundaries_of_utf8_are_symbols(void **state)
{
    int32_t ids[BOUNDARIES];
    char text[BOUNDARY_SIZE];
    int64_t count = 0;
    size_t size = 0;
    (void)state;
    rnn_vocab *vocab = create_utf8(boundary_text, BOUNDARY_SIZE);
    assert_code_points(vocab, boundaries, BOUNDARIES);
    assert_ok(rnn_vocab_encode(vocab, boundary_text, BOUNDARY_SIZE, ids, BOUNDARIES, &count));
    assert_int_equal(count, BOUNDARIES);
    for (int32_t i = 0; i < BOUNDARIES; i++)
        assert_int_equal(ids[i], i);
    assert_ok(rnn_vocab_decode(vocab, ids, BOUNDARIES, text, BOUNDARY_SIZE, &size));
    assert_int_equal(size, BOUNDARY_SIZE);
    assert_memory_equal(text, boundary_text, BOUNDARY_SIZE);
    rnn_vocab_destroy(vocab);
}

static void test_a_list_of_code_points_keeps_its_order(void **state)
{
    static const int32_t expected[] = {0x6587, 'z', 0, 0x1f642, 0xe9, 'a', 0x4e2d};
    static const char list[] = "文z\0🙂éa中";
    rnn_vocab *vocab = NULL;
    (void)state;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, list, sizeof list - 1, &vocab));
    assert_code_points(vocab, expected, 7);
    rnn_vocab_destroy(vocab);
}

static void test_a_list_with_a_code_point_twice_is_refused(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "中a文中", 10, &vocab), RNN_ERROR_ARGUMENT,
                 "symbols has U+4E2D '中' twice, the second time at offset 7");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "\0a\0", 3, &vocab), RNN_ERROR_ARGUMENT,
                 "symbols has U+0000 twice, the second time at offset 2");
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_malformed_utf8_is_an_error_with_its_offset_everywhere(void **state)
{
    int32_t ids[16];
    int64_t count = -7;
    (void)state;
    rnn_vocab *known = create_utf8("abc中é🙂", strlen("abc中é🙂"));
    for (size_t i = 0; i < MALFORMED_TEXTS; i++) {
        const malformed_text *bad = &malformed_texts[i];
        rnn_vocab *vocab = UNTOUCHED;
        char part[64];
        snprintf(part, sizeof part, "the byte 0x%02x at offset %d", (unsigned char)bad->text[bad->offset], bad->offset);
        assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, bad->text, bad->size, &vocab), RNN_ERROR_SYMBOL, part);
        assert_non_null(strstr(rnn_last_error(), bad->part));
        assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, bad->text, bad->size, &vocab), RNN_ERROR_SYMBOL, part);
        assert_non_null(strstr(rnn_last_error(), bad->part));
        assert_fails(rnn_vocab_create_with_unknown(known, bad->text, bad->size, &vocab), RNN_ERROR_SYMBOL, part);
        assert_fails(rnn_vocab_encode(known, bad->text, bad->size, ids, 16, &count), RNN_ERROR_SYMBOL, part);
        assert_non_null(strstr(rnn_last_error(), bad->part));
        assert_fails(rnn_vocab_encode(known, bad->text, bad->size, NULL, 0, &count), RNN_ERROR_SYMBOL, part);
        write_file("text", bad->text, bad->size);
        strcat(part, " of text ");
        assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, "text", &vocab), RNN_ERROR_SYMBOL, part);
        assert_non_null(strstr(rnn_last_error(), bad->part));
        assert_ptr_equal(vocab, UNTOUCHED);
    }
    assert_int_equal(count, -7);
    rnn_vocab_destroy(known);
}

static int compare_code_points(const void *a, const void *b)
{
    return (*(const int32_t *)a > *(const int32_t *)b) - (*(const int32_t *)a < *(const int32_t *)b);
}

/* Creates a vocabulary of a text that may be no UTF-8 and encodes it, and compares with the reference. */
static void assert_text_is_read_as_defined(const unsigned char *text, size_t size)
{
    int32_t *expected = allocate((int64_t)size, sizeof *expected);
    int32_t *symbols = allocate((int64_t)size, sizeof *symbols);
    int32_t *ids = allocate((int64_t)size, sizeof *ids);
    size_t end = 0;
    int64_t count = read_code_points(text, size, expected, &end);
    rnn_vocab *vocab = UNTOUCHED;
    if (end < size) {
        char part[64];
        snprintf(part, sizeof part, "0x%02x at offset %zu is not valid UTF-8", text[end], end);
        assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, size, &vocab), RNN_ERROR_SYMBOL, part);
        assert_ptr_equal(vocab, UNTOUCHED);
    } else {
        int64_t encoded = 0;
        int64_t unique = 0;
        vocab = create_utf8(text, size);
        memcpy(symbols, expected, (size_t)count * sizeof *symbols);
        qsort(symbols, (size_t)count, sizeof *symbols, compare_code_points);
        for (int64_t i = 0; i < count; i++)
            if (i == 0 || symbols[i] != symbols[i - 1])
                symbols[unique++] = symbols[i];
        assert_code_points(vocab, symbols, unique);
        assert_ok(rnn_vocab_encode(vocab, text, size, ids, (int64_t)size, &encoded));
        assert_int_equal(encoded, count);
        for (int64_t i = 0; i < count; i++)
            assert_int_equal(symbols[ids[i]], expected[i]);
        rnn_vocab_destroy(vocab);
    }
    free(ids);
    free(symbols);
    free(expected);
}

static void test_random_and_damaged_texts_are_read_as_the_grammar_defines(void **state)
{
    enum { ROUNDS = 4000 };
    random_source source = {7};
    int valid = 0;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        size_t size = 0;
        unsigned char *text = create_unicode_text(1 + random_below(&source, 12), 8, (uint64_t)round, &size);
        int32_t damages = random_below(&source, 4);
        for (int32_t n = 0; n < damages; n++) {
            size_t where = (size_t)random_below(&source, (int64_t)size);
            switch (random_below(&source, 3)) {
            case 0:
                text[where] = (unsigned char)random_below(&source, 256);
                break;
            case 1:
                text[where] ^= (unsigned char)(1 << random_below(&source, 8));
                break;
            default:
                size = where + 1;
            }
        }
        size_t end = 0;
        int32_t code_points[64];
        read_code_points(text, size, code_points, &end);
        valid += end == size;
        assert_text_is_read_as_defined(text, size);
        free(text);
    }
    assert_in_range(valid, ROUNDS / 8, ROUNDS - ROUNDS / 8); /* both kinds were among them */
}

static void test_every_first_byte_is_read_as_defined_with_every_kind_of_second(void **state)
{
    static const unsigned char seconds[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (size_t second = 0; second < sizeof seconds; second++) {
            unsigned char text[4] = {(unsigned char)first, seconds[second], 0xbf, 0x80};
            for (size_t size = 2; size <= 4; size++)
                assert_text_is_read_as_defined(text, size);
        }
    }
}

static void test_a_file_may_cut_code_points_wherever_it_is_read_in_pieces(void **state)
{
    enum { SIZE = 300000 };
    unsigned char *text = allocate(SIZE + 8, 1);
    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        size_t size = lead;
        rnn_vocab *vocab = NULL;
        memset(text, 'a', SIZE);
        for (int32_t i = 0; size < SIZE; i++)
            size += write_code_point(0x10000 + i % 50000, text + size); /* so many that no other place has it */
        write_file("text", text, size);
        assert_ok(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, "text", &vocab));
        assert_int_equal(rnn_vocab_size(vocab), (lead > 0) + 50000);
        rnn_vocab_destroy(vocab);
        vocab = UNTOUCHED;
        for (size_t cut = 65533; cut <= 65539; cut++) {
            char part[64];
            write_file("text", text, cut);
            if ((cut - lead) % 4 != 0) {
                snprintf(part, sizeof part, "offset %zu of text is not", cut - (cut - lead) % 4);
                assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, "text", &vocab), RNN_ERROR_SYMBOL, part);
                assert_non_null(strstr(rnn_last_error(), "ends within"));
            }
            unsigned char kept = text[cut];
            text[cut] = 0xff;
            write_file("text", text, size);
            snprintf(part, sizeof part, "offset %zu of text is not", cut - (cut - lead) % 4);
            assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, "text", &vocab), RNN_ERROR_SYMBOL, part);
            text[cut] = kept;
        }
        assert_ptr_equal(vocab, UNTOUCHED);
    }
    free(text);
}

/* Every code point there is, ascending: `*size` bytes, to free(). */
static unsigned char *create_all_code_points(size_t *size)
{
    unsigned char *text = allocate(0x110000, 4);
    *size = 0;
    for (int32_t i = 0; i < 0x110000; i++)
        if (i < 0xd800 || i >= 0xe000)
            *size += write_code_point(i, text + *size);
    return text;
}

static void test_a_vocabulary_may_have_every_code_point(void **state)
{
    enum { ALL = 1112064 };
    size_t size = 0;
    size_t again = 0;
    int64_t count = 0;
    unsigned char *text = create_all_code_points(&size);
    char *decoded = allocate((int64_t)size, 1);
    int32_t *ids = allocate(ALL, sizeof *ids);
    rnn_vocab *vocab = NULL;
    (void)state;
    for (int from_list = 0; from_list < 2; from_list++) {
        assert_ok(from_list ? rnn_vocab_create_from_list(RNN_VOCAB_UTF8, text, size, &vocab)
                            : rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, size, &vocab));
        assert_int_equal(rnn_vocab_size(vocab), ALL);
        assert_ok(rnn_vocab_encode(vocab, text, size, ids, ALL, &count));
        assert_int_equal(count, ALL);
        for (int32_t i = 0; i < ALL; i++)
            assert_int_equal(ids[i], i);
        assert_ok(rnn_vocab_decode(vocab, ids, ALL, decoded, size, &again));
        assert_int_equal(again, size);
        assert_memory_equal(decoded, text, size);
        rnn_vocab_destroy(vocab);
    }
    free(ids);
    free(decoded);
    free(text);
}

static void test_a_vocabulary_of_20000_symbols_is_rebuilt_from_its_symbols(void **state)
{
    enum { SYMBOLS = 20000, STRIDE = 53 };
    unsigned char *list = allocate(SYMBOLS, 4);
    size_t size = 0;
    size_t joined = 0;
    rnn_vocab *vocab = NULL;
    rnn_vocab *again = NULL;
    (void)state;
    for (int32_t i = SYMBOLS - 1; i >= 0; i--) { /* descending: an order that no text gives */
        int32_t code_point = i * STRIDE;
        size += write_code_point(code_point >= 0xd800 && code_point < 0xe000 ? 0x10f000 + i % 2000 : code_point,
                                 list + size);
    }
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, list, size, &vocab));
    assert_int_equal(rnn_vocab_size(vocab), SYMBOLS);
    char *symbols = allocate(SYMBOLS, 4);
    for (int32_t id = 0; id < SYMBOLS; id++) {
        const char *symbol = NULL;
        size_t length = 0;
        assert_ok(rnn_vocab_symbol(vocab, id, &symbol, &length));
        memcpy(symbols + joined, symbol, length);
        joined += length;
    }
    assert_int_equal(joined, size);
    assert_memory_equal(symbols, list, size);
    assert_ok(rnn_vocab_create_from_list(rnn_vocab_kind(vocab), symbols, joined, &again));
    int32_t *ids = allocate(SYMBOLS, sizeof *ids);
    assert_ok(rnn_vocab_encode(again, list, size, ids, SYMBOLS, NULL));
    for (int32_t id = 0; id < SYMBOLS; id++)
        assert_int_equal(ids[id], id);
    rnn_vocab_destroy(again);
    rnn_vocab_destroy(vocab);
    free(ids);
    free(symbols);
    free(list);
}

static void test_an_unknown_code_point_is_named_with_its_offset_and_nothing_is_written(void **state)
{
    static const struct {
        const char *text, *sentence;
    } texts[] = {
        {"ab中", "U+4E2D '中' at offset 2 is not in the vocabulary"},
        {"é🙂", "U+1F642 '🙂' at offset 2 is not in the vocabulary"},
        {"a\n", "U+000A at offset 1 is not in the vocabulary"},
        {"\xc2\x85", "U+0085 at offset 0 is not in the vocabulary"},     /* next line */
        {"\xe2\x80\xa8", "U+2028 at offset 0 is not in the vocabulary"}, /* line separator */
        {"a—", "U+2014 '—' at offset 1 is not in the vocabulary"},
        {"\xf4\x8f\xbf\xbf", "U+10FFFF '\xf4\x8f\xbf\xbf' at offset 0 is not in the vocabulary"},
        {"\x7f", "U+007F at offset 0 is not in the vocabulary"},
        {"z", "U+007A 'z' at offset 0 is not in the vocabulary"},
    };
    int32_t ids[8] = {-7, -7};
    int64_t count = -7;
    (void)state;
    rnn_vocab *vocab = create_utf8("abé", 4);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = strlen(texts[i].text);
        assert_fails(rnn_vocab_encode(vocab, texts[i].text, size, ids, 8, &count), RNN_ERROR_SYMBOL, texts[i].sentence);
        assert_string_equal(rnn_last_error(), texts[i].sentence);
    }
    assert_int_equal(count, -7);
    assert_int_equal(ids[0], -7);
    rnn_vocab_destroy(vocab);
}

/* ---- Sizing the buffer ---- */

static void test_without_room_encode_and_decode_only_count(void **state)
{
    static const char text[] = "naïve 中文 🙂";
    int32_t ids[11] = {-7};
    char decoded[sizeof text];
    int64_t count = -7;
    size_t size = 77;
    (void)state;
    rnn_vocab *code_points = create_utf8(text, sizeof text - 1);
    rnn_vocab *bytes = create_from_text(text, sizeof text - 1);
    assert_ok(rnn_vocab_encode(bytes, text, sizeof text - 1, NULL, 0, &count));
    assert_int_equal(count, sizeof text - 1);
    assert_ok(rnn_vocab_encode(code_points, text, sizeof text - 1, NULL, 0, &count));
    assert_int_equal(count, 10);
    assert_ok(rnn_vocab_encode(code_points, text, sizeof text - 1, NULL, 0, NULL));
    assert_ok(rnn_vocab_encode(code_points, text, sizeof text - 1, ids, count, NULL));
    assert_ok(rnn_vocab_decode(code_points, ids, count, NULL, 0, &size));
    assert_int_equal(size, sizeof text - 1);
    assert_ok(rnn_vocab_decode(code_points, ids, count, decoded, size, NULL));
    assert_memory_equal(decoded, text, size);
    assert_ok(rnn_vocab_decode(bytes, ids, count, NULL, 0, &size));
    assert_int_equal(size, count);
    rnn_vocab_destroy(bytes);
    rnn_vocab_destroy(code_points);
}

static void test_counting_fails_as_writing_would(void **state)
{
    static const int32_t ids[] = {0, 2};
    int64_t count = -7;
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    assert_fails(rnn_vocab_encode(vocab, "abc", 3, NULL, 0, &count), RNN_ERROR_SYMBOL, "offset 2");
    assert_fails(rnn_vocab_decode(vocab, ids, 2, NULL, 0, &size), RNN_ERROR_SYMBOL, "ids[1] is 2; it must be 0 to 1");
    assert_int_equal(count, -7);
    assert_int_equal(size, 77);
    rnn_vocab_destroy(vocab);
}

static void test_too_small_a_capacity_for_code_points_writes_nothing(void **state)
{
    static const char text[] = "a中é🙂";
    static const int32_t expected[] = {0, 2, 1, 3};
    int32_t ids[4] = {-7, -7, -7, -7};
    char decoded[10] = "---------";
    int64_t count = -7;
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_utf8(text, sizeof text - 1);
    assert_fails(rnn_vocab_encode(vocab, text, sizeof text - 1, ids, 3, &count), RNN_ERROR_ARGUMENT,
                 "capacity is 3; the text has 4 symbols");
    assert_fails(rnn_vocab_encode(vocab, text, sizeof text - 1, ids, 0, &count), RNN_ERROR_ARGUMENT, "capacity is 0");
    assert_fails(rnn_vocab_encode(vocab, text, SIZE_MAX, ids, 3, &count), RNN_ERROR_ARGUMENT, "capacity is 3");
    assert_int_equal(count, -7);
    assert_int_equal(ids[0], -7);
    assert_ok(rnn_vocab_encode(vocab, text, sizeof text - 1, ids, 4, &count));
    assert_memory_equal(ids, expected, sizeof expected);
    assert_fails(rnn_vocab_decode(vocab, ids, 4, decoded, 9, &size), RNN_ERROR_ARGUMENT,
                 "capacity is 9; the text has 10 bytes");
    assert_fails(rnn_vocab_decode(vocab, ids, 4, decoded, 3, &size), RNN_ERROR_ARGUMENT, "capacity is 3");
    assert_fails(rnn_vocab_decode(vocab, ids, INT64_MAX, decoded, 3, &size), RNN_ERROR_ARGUMENT, "capacity is 3");
    assert_string_equal(decoded, "---------");
    assert_int_equal(size, 77);
    assert_ok(rnn_vocab_decode(vocab, ids, 4, decoded, 10, &size));
    assert_memory_equal(decoded, text, 10);
    rnn_vocab_destroy(vocab);
}

static void test_any_ids_decode_to_valid_utf8(void **state)
{
    enum { COUNT = 20000 };
    random_source source = {3};
    int32_t *ids = allocate(COUNT, sizeof *ids);
    int32_t *code_points = allocate(16 * COUNT, sizeof *code_points);
    char *text = allocate(COUNT, 16);
    size_t size = 0;
    (void)state;
    unsigned char *known_text = create_unicode_text(5000, 3000, 1, &size);
    rnn_vocab *known = create_utf8(known_text, size);
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_with_unknown(known, "<未知>", 8, &vocab));
    for (int i = 0; i < COUNT; i++)
        ids[i] = random_below(&source, rnn_vocab_size(vocab));
    ids[COUNT / 2] = rnn_vocab_unknown(vocab);
    size_t end = 0;
    assert_ok(rnn_vocab_decode(vocab, ids, COUNT, text, (size_t)16 * COUNT, &size));
    assert_int_equal(read_code_points((const unsigned char *)text, size, code_points, &end) >= COUNT, 1);
    assert_int_equal(end, size);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(known);
    free(known_text);
    free(text);
    free(code_points);
    free(ids);
}

/* ---- The unknown symbol ---- */

/* The unknown symbol must be the last and be shown like that. */
static void assert_unknown_is(const rnn_vocab *vocab, int64_t id, const char *shown)
{
    const char *symbol = NULL;
    size_t size = 0;
    assert_int_equal(rnn_vocab_unknown(vocab), id);
    assert_int_equal(rnn_vocab_size(vocab), id + 1);
    assert_ok(rnn_vocab_symbol(vocab, (int32_t)id, &symbol, &size));
    assert_string_equal(symbol, shown);
    assert_int_equal(size, strlen(shown));
}

static void test_an_unknown_symbol_stands_for_all_others(void **state)
{
    static const int32_t expected_bytes[] = {1, 2, 0, 2, 2, 2};
    static const int32_t expected_code_points[] = {1, 2, 0, 2, 2, 2};
    int32_t ids[8];
    char text[8];
    int64_t count = 0;
    size_t size = 0;
    rnn_vocab *vocab = NULL;
    (void)state;
    rnn_vocab *known = create_from_list("ba", 2);
    assert_int_equal(rnn_vocab_unknown(known), -1);
    assert_ok(rnn_vocab_create_with_unknown(known, NULL, 0, &vocab));
    rnn_vocab_destroy(known);
    assert_int_equal(rnn_vocab_kind(vocab), RNN_VOCAB_BYTES);
    assert_unknown_is(vocab, 2, "?");
    assert_ok(rnn_vocab_encode(vocab, "azb\xff\0?", 6, ids, 8, &count));
    assert_int_equal(count, 6);
    assert_memory_equal(ids, expected_bytes, sizeof expected_bytes);
    assert_ok(rnn_vocab_decode(vocab, ids, 6, text, 8, &size));
    assert_int_equal(size, 6);
    assert_memory_equal(text, "a?b???", 6);
    rnn_vocab_destroy(vocab);

    known = create_utf8("中文", 6);
    assert_ok(rnn_vocab_create_with_unknown(known, NULL, 0, &vocab));
    rnn_vocab_destroy(known);
    assert_int_equal(rnn_vocab_kind(vocab), RNN_VOCAB_UTF8);
    assert_unknown_is(vocab, 2, "\xef\xbf\xbd");
    assert_ok(rnn_vocab_encode(vocab, "文a中\xf4\x8f\xbf\xbfé丮", 16, ids, 8, &count)); /* the last beside 中 */
    assert_int_equal(count, 6);
    assert_memory_equal(ids, expected_code_points, sizeof expected_code_points);
    rnn_vocab_destroy(vocab);
}

static void test_the_unknown_symbol_is_shown_as_wanted(void **state)
{
    static const int32_t ids[] = {0, 1, 1, 0};
    char text[40];
    size_t size = 0;
    rnn_vocab *vocab = NULL;
    (void)state;
    rnn_vocab *known = create_from_list("a", 1);
    assert_ok(rnn_vocab_create_with_unknown(known, "0123456789abcdef", 16, &vocab));
    assert_unknown_is(vocab, 1, "0123456789abcdef");
    assert_fails(rnn_vocab_decode(vocab, ids, 4, text, 33, &size), RNN_ERROR_ARGUMENT,
                 "capacity is 33; the text has 34 bytes");
    assert_ok(rnn_vocab_decode(vocab, ids, 4, NULL, 0, &size));
    assert_int_equal(size, 34);
    assert_ok(rnn_vocab_decode(vocab, ids, 4, text, 34, NULL));
    assert_memory_equal(text, "a0123456789abcdef0123456789abcdefa", 34);
    rnn_vocab_destroy(vocab);
    assert_ok(rnn_vocab_create_with_unknown(known, "\xff\0", 2, &vocab)); /* bytes need not be UTF-8 */
    assert_ok(rnn_vocab_decode(vocab, ids, 2, text, 40, &size));
    assert_int_equal(size, 3);
    assert_memory_equal(text, "a\xff\0", 3);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(known);
}

static void test_malformed_utf8_is_no_unknown_symbol(void **state)
{
    int32_t ids[4];
    rnn_vocab *vocab = NULL;
    (void)state;
    rnn_vocab *known = create_utf8("中文", 6);
    assert_ok(rnn_vocab_create_with_unknown(known, "?", 1, &vocab));
    assert_fails(rnn_vocab_encode(vocab, "ab\xff", 3, ids, 4, NULL), RNN_ERROR_SYMBOL, "0xff at offset 2");
    assert_fails(rnn_vocab_encode(vocab, "a\xe4\xb8", 3, ids, 4, NULL), RNN_ERROR_SYMBOL, "0xe4 at offset 1");
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(known);
}

static void test_create_with_unknown_refuses_bad_arguments(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    rnn_vocab *has_one = NULL;
    (void)state;
    rnn_vocab *known = create_from_list("a", 1);
    assert_ok(rnn_vocab_create_with_unknown(known, "?", 1, &has_one));
    assert_fails(rnn_vocab_create_with_unknown(known, "?", 0, &vocab), RNN_ERROR_ARGUMENT, "size is 0");
    assert_fails(rnn_vocab_create_with_unknown(known, "0123456789abcdefg", 17, &vocab), RNN_ERROR_ARGUMENT,
                 "size is 17; it must be 1 to 16");
    assert_fails(rnn_vocab_create_with_unknown(has_one, "?", 1, &vocab), RNN_ERROR_ARGUMENT, "the id 1");
    assert_ptr_equal(vocab, UNTOUCHED);
    rnn_vocab_destroy(has_one);
    rnn_vocab_destroy(known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_follow_the_ascending_order_of_the_symbols_of_a_text),
        cmocka_unit_test(test_a_text_of_one_symbol_makes_a_vocabulary_of_one),
        cmocka_unit_test(test_bytes_above_127_come_after_ascii_and_nul_comes_first),
        cmocka_unit_test(test_a_text_of_all_256_bytes_gives_each_byte_itself_as_id),
        cmocka_unit_test(test_a_text_is_not_kept),
        cmocka_unit_test(test_create_from_text_refuses_no_text),
        test_with_files(test_a_file_makes_the_same_vocabulary_as_its_text),
        test_with_files(test_a_symbol_anywhere_in_a_large_file_is_found),
        test_with_files(test_a_missing_file_is_an_error_with_its_name_and_the_systems_reason),
        test_with_files(test_a_long_path_does_not_push_the_systems_reason_out),
        test_with_files(test_an_empty_file_is_an_error),
        test_with_files(test_a_directory_is_an_error),
        test_with_files(test_a_device_or_a_pipe_is_an_error_and_not_waited_for),
        test_with_files(test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason),
        cmocka_unit_test(test_a_list_keeps_its_order),
        cmocka_unit_test(test_a_list_may_hold_all_256_bytes),
        cmocka_unit_test(test_a_list_is_not_kept),
        cmocka_unit_test(test_a_list_with_a_symbol_twice_is_refused),
        cmocka_unit_test(test_create_from_list_refuses_an_empty_list),
        cmocka_unit_test(test_a_symbol_is_terminated_by_a_nul_that_its_size_does_not_count),
        cmocka_unit_test(test_the_size_of_a_symbol_need_not_be_wanted),
        cmocka_unit_test(test_a_symbol_of_an_id_out_of_range_is_an_error),
        cmocka_unit_test(test_encode_gives_each_symbols_id),
        cmocka_unit_test(test_encode_writes_no_more_than_the_text_has),
        cmocka_unit_test(test_encode_of_an_empty_text_writes_nothing),
        cmocka_unit_test(test_encode_reports_an_unknown_symbol_with_its_offset_and_writes_nothing),
        cmocka_unit_test(test_encode_refuses_unprintable_unknown_symbols_in_one_line),
        cmocka_unit_test(test_encode_into_too_small_a_capacity_writes_nothing),
        cmocka_unit_test(test_decode_gives_each_ids_symbol),
        cmocka_unit_test(test_decode_of_no_ids_writes_nothing),
        cmocka_unit_test(test_decode_refuses_an_id_out_of_range_and_writes_nothing),
        cmocka_unit_test(test_decode_into_too_small_a_capacity_writes_nothing),
        cmocka_unit_test(test_decode_undoes_encode_for_every_byte),
        cmocka_unit_test(test_the_kind_is_what_the_vocabulary_was_created_with),
        cmocka_unit_test(test_code_points_get_ids_in_ascending_order),
        cmocka_unit_test(test_the_boundaries_of_utf8_are_symbols),
        cmocka_unit_test(test_a_list_of_code_points_keeps_its_order),
        cmocka_unit_test(test_a_list_with_a_code_point_twice_is_refused),
        test_with_files(test_malformed_utf8_is_an_error_with_its_offset_everywhere),
        cmocka_unit_test(test_random_and_damaged_texts_are_read_as_the_grammar_defines),
        cmocka_unit_test(test_every_first_byte_is_read_as_defined_with_every_kind_of_second),
        test_with_files(test_a_file_may_cut_code_points_wherever_it_is_read_in_pieces),
        cmocka_unit_test(test_a_vocabulary_may_have_every_code_point),
        cmocka_unit_test(test_a_vocabulary_of_20000_symbols_is_rebuilt_from_its_symbols),
        cmocka_unit_test(test_an_unknown_code_point_is_named_with_its_offset_and_nothing_is_written),
        cmocka_unit_test(test_without_room_encode_and_decode_only_count),
        cmocka_unit_test(test_counting_fails_as_writing_would),
        cmocka_unit_test(test_too_small_a_capacity_for_code_points_writes_nothing),
        cmocka_unit_test(test_any_ids_decode_to_valid_utf8),
        cmocka_unit_test(test_an_unknown_symbol_stands_for_all_others),
        cmocka_unit_test(test_the_unknown_symbol_is_shown_as_wanted),
        cmocka_unit_test(test_malformed_utf8_is_no_unknown_symbol),
        cmocka_unit_test(test_create_with_unknown_refuses_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
