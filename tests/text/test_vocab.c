/*
 * The vocabulary: which ids symbols get, and the symbol for all that are unknown. Files that can't be read are in
 * test_corpus_files.c.
 */
#include "temporary.h"
#include "texts.h"

/* The vocabulary must have exactly these bytes, in this order, each followed by a NUL that its size doesn't count. */
static void assert_symbols(const rnn_vocab *vocab, const void *symbols, int64_t count)
{
    assert_int_equal(rnn_vocab_size(vocab), count);
    for (int32_t id = 0; id < count; id++) {
        const char *symbol = NULL, expected = ((const char *)symbols)[id];
        size_t size = 0;
        assert_ok(rnn_vocab_symbol(vocab, id, &symbol, &size));
        if (size != 1 || symbol[0] != expected || symbol[1] != '\0')
            fail_msg("of %lld symbols, number %d is not 0x%02x and a NUL", (long long)count, id,
                     (unsigned char)expected);
    }
}

/* ---- From a text or a file ---- */

static void test_ids_follow_the_ascending_order_of_the_bytes_of_a_text_or_file(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        const char *symbols;
        int64_t count;
    } cases[] = {
        {"hello, world", 12, " ,dehlorw", 9},
        {"aaaa", 4, "a", 1},
        {"\xff\x80z\0A\x7f", 6, "\0Az\x7f\x80\xff", 6},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_file("text", cases[i].text, cases[i].size);
        rnn_vocab *of_text = vocab_of_text(RNN_VOCAB_BYTES, cases[i].text, cases[i].size);
        rnn_vocab *of_file = vocab_of_file(RNN_VOCAB_BYTES, "text");
        assert_symbols(of_text, cases[i].symbols, cases[i].count);
        assert_symbols(of_file, cases[i].symbols, cases[i].count);
        rnn_vocab_destroy(of_text);
        rnn_vocab_destroy(of_file);
    }
}

static void test_a_text_of_all_256_bytes_gives_each_byte_itself_as_id(void **state)
{
    (void)state;
    unsigned char bytes[256], reversed[256];
    fill_with_all_bytes(bytes);
    for (int i = 0; i < 256; i++)
        reversed[i] = bytes[255 - i];
    rnn_vocab *vocab = vocab_of_text(RNN_VOCAB_BYTES, reversed, sizeof reversed);
    assert_symbols(vocab, bytes, 256);
    rnn_vocab_destroy(vocab);
}

static void test_neither_a_text_nor_a_list_is_kept(void **state)
{
    (void)state;
    char symbols[] = "cab";
    rnn_vocab *of_text = vocab_of_text(RNN_VOCAB_BYTES, symbols, 3);
    rnn_vocab *of_list = vocab_of_list(RNN_VOCAB_BYTES, symbols, 3);
    memset(symbols, 'x', 3);
    assert_symbols(of_text, "abc", 3);
    assert_symbols(of_list, "cab", 3);
    rnn_vocab_destroy(of_text);
    rnn_vocab_destroy(of_list);
}

static void test_an_empty_text_list_or_file_is_refused(void **state)
{
    (void)state;
    rnn_vocab *vocab = UNTOUCHED;
    write_file("empty", "", 0);
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, NULL, 0, &vocab), RNN_ERROR_ARGUMENT, "");
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, "", 0, &vocab), RNN_ERROR_ARGUMENT, "size is 0");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "", 0, &vocab), RNN_ERROR_ARGUMENT, "size is 0");
    assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "empty", &vocab), RNN_ERROR_ARGUMENT, "empty");
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_a_symbol_anywhere_in_a_large_file_is_found(void **state)
{
    (void)state;
    enum { SIZE = 3000001 };
    static const size_t offsets[] = {0, 4095, 4096, 65535, 65536, 131072, 1048575, 1048576, SIZE - 2, SIZE - 1};
    char *text = allocate(SIZE, 1);
    memset(text, 'z', SIZE);
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        text[offsets[i]] = (char)('a' + i);
    write_file("text", text, SIZE);
    rnn_vocab *vocab = vocab_of_file(RNN_VOCAB_BYTES, "text");
    assert_symbols(vocab, "abcdefghijz", 11);
    rnn_vocab_destroy(vocab);
    free(text);
}

/* ---- From a list ---- */

static void test_a_list_keeps_its_order(void **state)
{
    (void)state;
    unsigned char bytes[256];
    fill_with_all_bytes(bytes);
    bytes[0] = 255;
    bytes[255] = 0;
    rnn_vocab *all = vocab_of_list(RNN_VOCAB_BYTES, bytes, sizeof bytes);
    rnn_vocab *some = vocab_of_list(RNN_VOCAB_BYTES, "zebra\0\xfe", 7);
    assert_symbols(all, bytes, 256);
    assert_symbols(some, "zebra\0\xfe", 7);
    rnn_vocab_destroy(all);
    rnn_vocab_destroy(some);
}

static void test_a_list_with_a_symbol_twice_is_refused(void **state)
{
    (void)state;
    unsigned char bytes[257] = {0};
    rnn_vocab *vocab = UNTOUCHED;
    fill_with_all_bytes(bytes);
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "aa", 2, &vocab), RNN_ERROR_ARGUMENT, "symbols");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abcda", 5, &vocab), RNN_ERROR_ARGUMENT, "symbols");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, bytes, 257, &vocab), RNN_ERROR_ARGUMENT, "symbols");
    assert_ptr_equal(vocab, UNTOUCHED);
}

/* ---- Symbols ---- */

static void test_a_caller_may_leave_out_the_size_of_a_symbol(void **state)
{
    (void)state;
    const char *symbol = NULL;
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "xy", 2);
    assert_ok(rnn_vocab_symbol(vocab, 1, &symbol, NULL));
    assert_string_equal(symbol, "y");
    rnn_vocab_destroy(vocab);
}

static void test_a_symbol_of_an_id_out_of_range_is_an_error(void **state)
{
    (void)state;
    static const int32_t ids[] = {-1, 2, 256, INT32_MAX, INT32_MIN};
    const char *symbol = "untouched";
    size_t size = 77;
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "xy", 2);
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

/* The unknown symbol must have the last id, `id`, and be shown as `shown`. */
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
    (void)state;
    static const struct {
        int32_t kind;
        const char *known;
        const char *text; /* the ids 1, 2, 0, 2, 2, 2 */
        size_t size;
        const char *shown, *decoded;
    } cases[] = {
        {RNN_VOCAB_BYTES, "ba", "azb\xff\0?", 6, "?", "a?b???"},
        {RNN_VOCAB_UTF8, "中文", "文a中\xf4\x8f\xbf\xbfé丮", 16, "\xef\xbf\xbd",
         "文\xef\xbf\xbd中\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* 丮 follows 中 */
    };
    static const int32_t expected[] = {1, 2, 0, 2, 2, 2};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t ids[8];
        char text[32];
        int64_t count = 0;
        size_t size = 0;
        rnn_vocab *known = vocab_of_list(cases[i].kind, cases[i].known, strlen(cases[i].known));
        assert_int_equal(rnn_vocab_kind(known), cases[i].kind);
        assert_int_equal(rnn_vocab_unknown(known), -1);
        rnn_vocab *vocab = vocab_with_unknown(known, NULL);
        rnn_vocab_destroy(known);
        assert_int_equal(rnn_vocab_kind(vocab), cases[i].kind);
        assert_unknown_is(vocab, 2, cases[i].shown);
        assert_ok(rnn_vocab_encode(vocab, cases[i].text, cases[i].size, ids, 8, &count));
        assert_int_equal(count, 6);
        assert_memory_equal(ids, expected, sizeof expected);
        assert_ok(rnn_vocab_decode(vocab, ids, 6, text, sizeof text, &size));
        assert_int_equal(size, strlen(cases[i].decoded));
        assert_memory_equal(text, cases[i].decoded, size);
        rnn_vocab_destroy(vocab);
    }
}

static void test_the_caller_chooses_how_the_unknown_symbol_is_shown(void **state)
{
    (void)state;
    static const int32_t ids[] = {0, 1, 1, 0};
    char text[40];
    size_t size = 0;
    rnn_vocab *known = vocab_of_list(RNN_VOCAB_BYTES, "a", 1);
    rnn_vocab *vocab = vocab_with_unknown(known, "0123456789abcdef");
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
    (void)state;
    int32_t ids[4];
    rnn_vocab *known = vocab_of_text(RNN_VOCAB_UTF8, "中文", 6);
    rnn_vocab *vocab = vocab_with_unknown(known, "?");
    assert_fails(rnn_vocab_encode(vocab, "ab\xff", 3, ids, 4, NULL), RNN_ERROR_SYMBOL, "0xff at offset 2");
    assert_fails(rnn_vocab_encode(vocab, "a\xe4\xb8", 3, ids, 4, NULL), RNN_ERROR_SYMBOL, "0xe4 at offset 1");
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(known);
}

static void test_create_with_unknown_refuses_bad_arguments(void **state)
{
    (void)state;
    rnn_vocab *vocab = UNTOUCHED;
    rnn_vocab *known = vocab_of_list(RNN_VOCAB_BYTES, "a", 1);
    rnn_vocab *has_one = vocab_with_unknown(known, "?");
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
        test_with_files(test_ids_follow_the_ascending_order_of_the_bytes_of_a_text_or_file),
        cmocka_unit_test(test_a_text_of_all_256_bytes_gives_each_byte_itself_as_id),
        cmocka_unit_test(test_neither_a_text_nor_a_list_is_kept),
        test_with_files(test_an_empty_text_list_or_file_is_refused),
        test_with_files(test_a_symbol_anywhere_in_a_large_file_is_found),
        cmocka_unit_test(test_a_list_keeps_its_order),
        cmocka_unit_test(test_a_list_with_a_symbol_twice_is_refused),
        cmocka_unit_test(test_a_caller_may_leave_out_the_size_of_a_symbol),
        cmocka_unit_test(test_a_symbol_of_an_id_out_of_range_is_an_error),
        cmocka_unit_test(test_an_unknown_symbol_stands_for_all_others),
        cmocka_unit_test(test_the_caller_chooses_how_the_unknown_symbol_is_shown),
        cmocka_unit_test(test_malformed_utf8_is_no_unknown_symbol),
        cmocka_unit_test(test_create_with_unknown_refuses_bad_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
