/*
 * The vocabulary: which ids symbols get, and the symbol for all that are unknown.
 */
#include "vocabularies.h"

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
    assert_fails(rnn_vocab_create_with_unknown(has_one, "?", 1, &vocab), RNN_ERROR_ARGUMENT, "with id 1");
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
        cmocka_unit_test(test_an_unknown_symbol_stands_for_all_others),
        cmocka_unit_test(test_the_unknown_symbol_is_shown_as_wanted),
        cmocka_unit_test(test_malformed_utf8_is_no_unknown_symbol),
        cmocka_unit_test(test_create_with_unknown_refuses_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
