/*
 * Vocabularies of code points: which ids they get, and what is malformed.
 */
#include "temporary.h"
#include "texts.h"
#include "unicode.h"

/* ---- Code points ---- */

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

/* `text` has all symbols of the vocabulary, by id: it must become the ids 0, 1, 2, ..., and these the text. */
static void assert_all_come_back(const rnn_vocab *vocab, const void *text, size_t size)
{
    int64_t symbols = rnn_vocab_size(vocab), count = 0;
    int32_t *ids = allocate(symbols, sizeof *ids);
    char *decoded = allocate((int64_t)size, 1);
    size_t decoded_size = 0;
    assert_ok(rnn_vocab_encode(vocab, text, size, ids, symbols, &count));
    assert_int_equal(count, symbols);
    for (int32_t i = 0; i < count; i++)
        assert_int_equal(ids[i], i);
    assert_ok(rnn_vocab_decode(vocab, ids, count, decoded, size, &decoded_size));
    assert_int_equal(decoded_size, size);
    assert_memory_equal(decoded, text, size);
    free(decoded);
    free(ids);
}

static void test_code_points_get_ids_in_ascending_order(void **state)
{
    (void)state;
    static const int32_t expected[] = {' ', 'a', 0xef, 0x4e2d, 0x6587, 0x1f642};
    rnn_vocab *vocab = vocab_of_text(RNN_VOCAB_UTF8, "文中 🙂aï中文", strlen("文中 🙂aï中文"));
    assert_code_points(vocab, expected, 6);
    rnn_vocab_destroy(vocab);
}

static void test_the_boundaries_of_utf8_are_symbols(void **state)
{
    (void)state;
    rnn_vocab *vocab = vocab_of_text(RNN_VOCAB_UTF8, boundary_text, sizeof boundary_text - 1);
    assert_code_points(vocab, boundaries, BOUNDARIES);
    assert_all_come_back(vocab, boundary_text, sizeof boundary_text - 1);
    rnn_vocab_destroy(vocab);
}

static void test_a_list_of_code_points_keeps_its_order(void **state)
{
    (void)state;
    static const int32_t expected[] = {0x6587, 'z', 0, 0x1f642, 0xe9, 'a', 0x4e2d};
    static const char list[] = "文z\0🙂éa中";
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_UTF8, list, sizeof list - 1);
    assert_code_points(vocab, expected, 7);
    rnn_vocab_destroy(vocab);
}

static void test_a_list_with_a_code_point_twice_is_refused(void **state)
{
    (void)state;
    rnn_vocab *vocab = UNTOUCHED;
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "中a文中", 10, &vocab), RNN_ERROR_ARGUMENT,
                 "symbols has U+4E2D '中' twice; the second is at offset 7");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "\0a\0", 3, &vocab), RNN_ERROR_ARGUMENT,
                 "symbols has U+0000 twice; the second is at offset 2");
    assert_ptr_equal(vocab, UNTOUCHED);
}

static void test_malformed_utf8_is_an_error_with_its_offset_everywhere(void **state)
{
    (void)state;
    int32_t ids[16];
    int64_t count = -7;
    rnn_vocab *known = vocab_of_text(RNN_VOCAB_UTF8, "abc中é🙂", strlen("abc中é🙂"));
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
        int64_t encoded = 0, unique = 0;
        vocab = vocab_of_text(RNN_VOCAB_UTF8, text, size);
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
    (void)state;
    enum { ROUNDS = 4000 };
    random_source source = {7};
    int valid = 0;
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
    (void)state;
    static const unsigned char seconds[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
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
    (void)state;
    enum { SIZE = 300000 };
    unsigned char *text = allocate(SIZE + 8, 1);
    for (size_t lead = 0; lead < 4; lead++) {
        size_t size = lead;
        memset(text, 'a', SIZE);
        for (int32_t i = 0; size < SIZE; i++)
            size += write_code_point(0x10000 + i % 50000, text + size); /* 50000 different ones */
        write_file("text", text, size);
        rnn_vocab *vocab = vocab_of_file(RNN_VOCAB_UTF8, "text");
        assert_int_equal(rnn_vocab_size(vocab), (lead > 0) + 50000);
        rnn_vocab_destroy(vocab);
        vocab = UNTOUCHED;
        for (size_t cut = 65533; cut <= 65539; cut++) {
            char part[64];
            snprintf(part, sizeof part, "offset %zu of text is not", cut - (cut - lead) % 4);
            write_file("text", text, cut);
            if ((cut - lead) % 4 != 0) {
                assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, "text", &vocab), RNN_ERROR_SYMBOL, part);
                assert_non_null(strstr(rnn_last_error(), "ends in the middle"));
            }
            unsigned char kept = text[cut];
            text[cut] = 0xff;
            write_file("text", text, size);
            assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, "text", &vocab), RNN_ERROR_SYMBOL, part);
            text[cut] = kept;
        }
        assert_ptr_equal(vocab, UNTOUCHED);
    }
    free(text);
}

static void test_a_vocabulary_may_have_every_code_point(void **state)
{
    (void)state;
    enum { ALL = 1112064 };
    unsigned char *text = allocate(ALL, 4);
    size_t size = 0;
    for (int32_t i = 0; i < 0x110000; i++)
        if (i < 0xd800 || i >= 0xe000)
            size += write_code_point(i, text + size);
    for (int from_list = 0; from_list < 2; from_list++) {
        rnn_vocab *vocab =
            from_list ? vocab_of_list(RNN_VOCAB_UTF8, text, size) : vocab_of_text(RNN_VOCAB_UTF8, text, size);
        assert_int_equal(rnn_vocab_size(vocab), ALL);
        assert_all_come_back(vocab, text, size);
        rnn_vocab_destroy(vocab);
    }
    free(text);
}

static void test_a_vocabulary_of_20000_symbols_is_rebuilt_from_its_symbols(void **state)
{
    (void)state;
    enum { SYMBOLS = 20000, STRIDE = 53 };
    unsigned char *list = allocate(SYMBOLS, 4);
    char *symbols = allocate(SYMBOLS, 4);
    size_t size = 0, joined = 0;
    for (int32_t i = SYMBOLS - 1; i >= 0; i--) { /* descending: an order that no text gives */
        int32_t code_point = i * STRIDE;
        size += write_code_point(code_point >= 0xd800 && code_point < 0xe000 ? 0x10f000 + i % 2000 : code_point,
                                 list + size);
    }
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_UTF8, list, size);
    assert_int_equal(rnn_vocab_size(vocab), SYMBOLS);
    for (int32_t id = 0; id < SYMBOLS; id++) {
        const char *symbol = NULL;
        size_t length = 0;
        assert_ok(rnn_vocab_symbol(vocab, id, &symbol, &length));
        memcpy(symbols + joined, symbol, length);
        joined += length;
    }
    rnn_vocab *again = vocab_of_list(rnn_vocab_kind(vocab), symbols, joined);
    assert_int_equal(rnn_vocab_size(again), SYMBOLS);
    assert_int_equal(joined, size);
    assert_all_come_back(again, list, size);
    rnn_vocab_destroy(again);
    rnn_vocab_destroy(vocab);
    free(symbols);
    free(list);
}

static void test_an_unknown_code_point_is_named_with_its_offset_and_nothing_is_written(void **state)
{
    (void)state;
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
    rnn_vocab *vocab = vocab_of_text(RNN_VOCAB_UTF8, "abé", 4);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t size = strlen(texts[i].text);
        assert_fails(rnn_vocab_encode(vocab, texts[i].text, size, ids, 8, &count), RNN_ERROR_SYMBOL, texts[i].sentence);
        assert_string_equal(rnn_last_error(), texts[i].sentence);
    }
    assert_int_equal(count, -7);
    assert_int_equal(ids[0], -7);
    rnn_vocab_destroy(vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
