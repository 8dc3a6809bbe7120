/* The vocabulary: which ids symbols get, and text to ids and back. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "temporary.h"

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
    for (int i = 0; i < 256; i++) {
        bytes[i] = (unsigned char)i;
    }
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
    for (int i = 0; i < 256; i++) {
        reversed[i] = (unsigned char)(255 - i);
    }
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

static void test_create_from_text_refuses_bad_arguments(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, NULL, 3, &vocab), RNN_ERROR_ARGUMENT, "text is NULL");
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, NULL, 0, &vocab), RNN_ERROR_ARGUMENT, "");
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, "", 0, &vocab), RNN_ERROR_ARGUMENT, "size is 0");
    assert_fails(rnn_vocab_create_from_text(-1, "abc", 3, &vocab), RNN_ERROR_ARGUMENT, "kind is -1");
    assert_fails(rnn_vocab_create_from_text(2, "abc", 3, &vocab), RNN_ERROR_ARGUMENT, "kind is 2");
    assert_fails(rnn_vocab_create_from_text(INT32_MAX, "abc", 3, &vocab), RNN_ERROR_ARGUMENT, "kind is 2147483647");
    assert_ptr_equal(vocab, UNTOUCHED);
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, "abc", 3, NULL), RNN_ERROR_ARGUMENT, "vocab is NULL");
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
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        text[offsets[i]] = (char)('a' + i);
    }
    write_file("text", text, SIZE);
    assert_ok(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "text", &vocab));
    assert_symbols(vocab, "abcdefghijz", 11);
    rnn_vocab_destroy(vocab);
    free(text);
}

static void test_create_from_file_refuses_bad_arguments(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    write_file("text", "abc", 3);
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, NULL, &vocab), RNN_ERROR_ARGUMENT, "path is NULL");
    assert_fails(rnn_vocab_create_from_file(-1, "text", &vocab), RNN_ERROR_ARGUMENT, "kind is -1");
    assert_fails(rnn_vocab_create_from_file(2, "text", &vocab), RNN_ERROR_ARGUMENT, "kind is 2");
    assert_ptr_equal(vocab, UNTOUCHED);
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "text", NULL), RNN_ERROR_ARGUMENT, "vocab is NULL");
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
    for (size_t i = 0; i < sizeof path - 1; i++) {
        path[i] = i % 100 == 99 ? '/' : 'd';
    }
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

static void test_create_from_list_refuses_bad_arguments(void **state)
{
    rnn_vocab *vocab = UNTOUCHED;
    (void)state;
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, NULL, 3, &vocab), RNN_ERROR_ARGUMENT, "symbols is NULL");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "", 0, &vocab), RNN_ERROR_ARGUMENT, "size is 0");
    assert_fails(rnn_vocab_create_from_list(-1, "abc", 3, &vocab), RNN_ERROR_ARGUMENT, "kind is -1");
    assert_fails(rnn_vocab_create_from_list(2, "abc", 3, &vocab), RNN_ERROR_ARGUMENT, "kind is 2");
    assert_ptr_equal(vocab, UNTOUCHED);
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, NULL), RNN_ERROR_ARGUMENT, "vocab is NULL");
}

/* ---- Size and symbols ---- */

static void test_destroying_null_does_nothing_and_its_size_is_0(void **state)
{
    (void)state;
    rnn_vocab_destroy(NULL);
    assert_int_equal(rnn_vocab_size(NULL), 0);
}

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
    assert_fails(rnn_vocab_symbol(NULL, 0, &symbol, &size), RNN_ERROR_ARGUMENT, "vocab is NULL");
    assert_fails(rnn_vocab_symbol(vocab, 0, NULL, &size), RNN_ERROR_ARGUMENT, "symbol is NULL");
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
    for (int i = 0; i < SIZE; i++) {
        assert_int_equal(ids[i], 0x77777777);
    }
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
        if (byte != 'a' && byte != 'b') {
            assert_fails(rnn_vocab_encode(vocab, &text, 1, ids, 1, NULL), RNN_ERROR_SYMBOL, "0");
        }
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
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ids[i], -7);
    }
    rnn_vocab_destroy(vocab);
}

static void test_encode_refuses_null(void **state)
{
    int32_t ids[3] = {-7, -7, -7};
    int64_t count = -7;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    assert_fails(rnn_vocab_encode(NULL, "aba", 3, ids, 3, &count), RNN_ERROR_ARGUMENT, "vocab is NULL");
    assert_fails(rnn_vocab_encode(vocab, NULL, 3, ids, 3, &count), RNN_ERROR_ARGUMENT, "text is NULL");
    assert_fails(rnn_vocab_encode(vocab, "aba", 3, NULL, 3, &count), RNN_ERROR_ARGUMENT, "ids is NULL");
    assert_int_equal(count, -7);
    assert_int_equal(ids[0], -7);
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
        char part[32];
        snprintf(part, sizeof part, "id %d", bad[i]);
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

static void test_decode_refuses_null_and_a_negative_count(void **state)
{
    static const int32_t ids[] = {0, 1, 0};
    char text[3] = "---";
    size_t size = 77;
    (void)state;
    rnn_vocab *vocab = create_from_list("ab", 2);
    assert_fails(rnn_vocab_decode(NULL, ids, 3, text, 3, &size), RNN_ERROR_ARGUMENT, "vocab is NULL");
    assert_fails(rnn_vocab_decode(vocab, NULL, 3, text, 3, &size), RNN_ERROR_ARGUMENT, "ids is NULL");
    assert_fails(rnn_vocab_decode(vocab, ids, 3, NULL, 3, &size), RNN_ERROR_ARGUMENT, "text is NULL");
    assert_fails(rnn_vocab_decode(vocab, ids, -1, text, 3, &size), RNN_ERROR_ARGUMENT, "count is -1");
    assert_fails(rnn_vocab_decode(vocab, ids, INT64_MIN, text, 3, &size), RNN_ERROR_ARGUMENT, "count is -9");
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
    for (int i = 0; i < SIZE; i++) {
        text[i] = (unsigned char)(i < 256 ? i : random_below(&source, 256));
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_follow_the_ascending_order_of_the_symbols_of_a_text),
        cmocka_unit_test(test_a_text_of_one_symbol_makes_a_vocabulary_of_one),
        cmocka_unit_test(test_bytes_above_127_come_after_ascii_and_nul_comes_first),
        cmocka_unit_test(test_a_text_of_all_256_bytes_gives_each_byte_itself_as_id),
        cmocka_unit_test(test_a_text_is_not_kept),
        cmocka_unit_test(test_create_from_text_refuses_bad_arguments),
        test_with_files(test_a_file_makes_the_same_vocabulary_as_its_text),
        test_with_files(test_a_symbol_anywhere_in_a_large_file_is_found),
        test_with_files(test_create_from_file_refuses_bad_arguments),
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
        cmocka_unit_test(test_create_from_list_refuses_bad_arguments),
        cmocka_unit_test(test_destroying_null_does_nothing_and_its_size_is_0),
        cmocka_unit_test(test_a_symbol_is_terminated_by_a_nul_that_its_size_does_not_count),
        cmocka_unit_test(test_the_size_of_a_symbol_need_not_be_wanted),
        cmocka_unit_test(test_a_symbol_of_an_id_out_of_range_is_an_error),
        cmocka_unit_test(test_encode_gives_each_symbols_id),
        cmocka_unit_test(test_encode_writes_no_more_than_the_text_has),
        cmocka_unit_test(test_encode_of_an_empty_text_writes_nothing),
        cmocka_unit_test(test_encode_reports_an_unknown_symbol_with_its_offset_and_writes_nothing),
        cmocka_unit_test(test_encode_refuses_unprintable_unknown_symbols_in_one_line),
        cmocka_unit_test(test_encode_into_too_small_a_capacity_writes_nothing),
        cmocka_unit_test(test_encode_refuses_null),
        cmocka_unit_test(test_decode_gives_each_ids_symbol),
        cmocka_unit_test(test_decode_of_no_ids_writes_nothing),
        cmocka_unit_test(test_decode_refuses_an_id_out_of_range_and_writes_nothing),
        cmocka_unit_test(test_decode_into_too_small_a_capacity_writes_nothing),
        cmocka_unit_test(test_decode_refuses_null_and_a_negative_count),
        cmocka_unit_test(test_decode_undoes_encode_for_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
