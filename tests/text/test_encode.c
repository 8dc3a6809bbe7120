/*
 * Text to ids and ids to text, by vocabularies of bytes, and how long the results are.
 */
#include "texts.h"
#include "unicode.h"

#include <stdio.h>

/* A vocabulary of the bytes "a" and "b". */
static rnn_vocab *ab;

static int create_ab(void **state)
{
    (void)state;
    ab = vocab_of_list(RNN_VOCAB_BYTES, "ab", 2);
    return 0;
}

static int destroy_ab(void **state)
{
    (void)state;
    rnn_vocab_destroy(ab);
    return 0;
}

/* ---- Text to ids ---- */

static void test_encode_gives_each_symbols_id(void **state)
{
    (void)state;
    static const int32_t expected[] = {2, 0, 1, 0, 2};
    int32_t ids[5] = {-7, -7, -7, -7, -7};
    int64_t count = -7;
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "bac", 3);
    assert_ok(rnn_vocab_encode(vocab, "cbabc", 5, ids, 5, &count));
    assert_int_equal(count, 5);
    assert_memory_equal(ids, expected, sizeof expected);
    rnn_vocab_destroy(vocab);
}

static void test_encode_writes_no_more_than_the_text_has(void **state)
{
    (void)state;
    static const int32_t expected[] = {1, 0, -7, -7};
    int32_t ids[4] = {-7, -7, -7, -7};
    int64_t count = -7;
    assert_ok(rnn_vocab_encode(ab, "ba", 2, ids, 4, &count));
    assert_int_equal(count, 2);
    assert_memory_equal(ids, expected, sizeof expected);
    assert_ok(rnn_vocab_encode(ab, "aa", 2, ids, 4, NULL));
    assert_int_equal(ids[0], 0);
    assert_ok(rnn_vocab_encode(ab, NULL, 0, ids + 2, 1, &count));
    assert_int_equal(count, 0);
    assert_ok(rnn_vocab_encode(ab, "ab", 0, ids + 2, 0, NULL));
    assert_int_equal(ids[2], -7);
}

static void test_encode_reports_an_unknown_symbol_with_its_offset_and_writes_nothing(void **state)
{
    (void)state;
    enum { SIZE = 100000, OFFSET = 54321 };
    char *text = allocate(SIZE, 1);
    int32_t *ids = allocate(SIZE, sizeof(int32_t));
    int64_t count = -7;
    memset(text, 'a', SIZE);
    memset(ids, 0x77, SIZE * sizeof(int32_t));
    text[OFFSET] = '?';
    text[OFFSET + 5] = '!';
    assert_fails(rnn_vocab_encode(ab, text, SIZE, ids, SIZE, &count), RNN_ERROR_SYMBOL, "54321");
    assert_non_null(strstr(rnn_last_error(), "?"));
    assert_int_equal(count, -7);
    for (int i = 0; i < SIZE; i++)
        assert_int_equal(ids[i], 0x77777777);
    free(ids);
    free(text);
}

static void test_encode_refuses_unprintable_unknown_symbols_in_one_line(void **state)
{
    (void)state;
    int32_t ids[1] = {-7};
    for (int byte = 0; byte < 256; byte++) {
        char text = (char)byte;
        if (byte != 'a' && byte != 'b')
            assert_fails(rnn_vocab_encode(ab, &text, 1, ids, 1, NULL), RNN_ERROR_SYMBOL, "0");
    }
    assert_int_equal(ids[0], -7);
}

static void test_encode_into_too_small_a_capacity_writes_nothing(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        int64_t capacity;
    } cases[] = {{3, 2}, {3, 1}, {3, 0}, {3, -1}, {3, INT64_MIN}, {SIZE_MAX, 3}, {0, -1}};
    static const int32_t untouched[] = {-7, -7, -7};
    int32_t ids[3] = {-7, -7, -7};
    int64_t count = -7;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char part[64];
        snprintf(part, sizeof part, "capacity is %lld", (long long)cases[i].capacity);
        assert_fails(rnn_vocab_encode(ab, "aba", cases[i].size, ids, cases[i].capacity, &count), RNN_ERROR_ARGUMENT,
                     part);
    }
    assert_int_equal(count, -7);
    assert_memory_equal(ids, untouched, sizeof ids);
}

/* ---- Ids to text ---- */

static void test_decode_gives_each_ids_symbol(void **state)
{
    (void)state;
    static const int32_t ids[] = {2, 0, 1, 0, 2};
    char text[7] = "------";
    size_t size = 77;
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "bac", 3);
    assert_ok(rnn_vocab_decode(vocab, ids, 5, text, 6, &size));
    assert_int_equal(size, 5);
    assert_memory_equal(text, "cbabc-", 6);
    assert_ok(rnn_vocab_decode(vocab, ids, 1, text, 1, NULL));
    assert_memory_equal(text, "cbabc-", 6);
    assert_ok(rnn_vocab_decode(vocab, NULL, 0, text, 1, &size));
    assert_int_equal(size, 0);
    assert_memory_equal(text, "cbabc-", 6);
    rnn_vocab_destroy(vocab);
}

static void test_decode_refuses_an_id_out_of_range_and_writes_nothing(void **state)
{
    (void)state;
    static const int32_t bad[] = {-1, 2, 256, INT32_MAX, INT32_MIN};
    char text[] = "----";
    size_t size = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const int32_t ids[4] = {0, 1, 0, bad[i]};
        char part[64];
        snprintf(part, sizeof part, "ids[3] is %d; it must be 0 to 1", bad[i]);
        assert_fails(rnn_vocab_decode(ab, ids, 4, text, 4, &size), RNN_ERROR_SYMBOL, part);
    }
    assert_string_equal(text, "----");
    assert_int_equal(size, 77);
}

static void test_decode_into_too_small_a_capacity_writes_nothing(void **state)
{
    (void)state;
    static const int32_t ids[] = {0, 1, 0};
    char text[] = "---";
    size_t size = 77;
    assert_fails(rnn_vocab_decode(ab, ids, 3, text, 2, &size), RNN_ERROR_ARGUMENT, "capacity is 2");
    assert_fails(rnn_vocab_decode(ab, ids, 3, text, 0, &size), RNN_ERROR_ARGUMENT, "capacity is 0");
    assert_fails(rnn_vocab_decode(ab, ids, INT64_MAX, text, 3, &size), RNN_ERROR_ARGUMENT, "capacity is 3");
    assert_string_equal(text, "---");
    assert_int_equal(size, 77);
}

static void test_decode_undoes_encode_for_every_byte(void **state)
{
    (void)state;
    enum { SIZE = 10000 };
    unsigned char text[SIZE], again[SIZE];
    int32_t ids[SIZE];
    random_source source = {1};
    int64_t count = 0;
    size_t size = 0;
    for (int i = 0; i < SIZE; i++)
        text[i] = (unsigned char)(i < 256 ? i : random_below(&source, 256));
    rnn_vocab *vocab = vocab_of_text(RNN_VOCAB_BYTES, text, SIZE);
    assert_ok(rnn_vocab_encode(vocab, text, SIZE, ids, SIZE, &count));
    assert_int_equal(count, SIZE);
    assert_ok(rnn_vocab_decode(vocab, ids, count, (char *)again, SIZE, &size));
    assert_int_equal(size, SIZE);
    assert_memory_equal(again, text, SIZE);
    rnn_vocab_destroy(vocab);
}

/* ---- Sizing the buffer ---- */

static void test_without_room_encode_and_decode_only_count(void **state)
{
    (void)state;
    static const char text[] = "naïve 中文 🙂";
    int32_t ids[11] = {-7};
    char decoded[sizeof text];
    int64_t count = -7;
    size_t size = 77;
    rnn_vocab *code_points = vocab_of_text(RNN_VOCAB_UTF8, text, sizeof text - 1);
    rnn_vocab *bytes = vocab_of_text(RNN_VOCAB_BYTES, text, sizeof text - 1);
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
    (void)state;
    static const int32_t ids[] = {0, 2};
    int64_t count = -7;
    size_t size = 77;
    assert_fails(rnn_vocab_encode(ab, "abc", 3, NULL, 0, &count), RNN_ERROR_SYMBOL, "offset 2");
    assert_fails(rnn_vocab_decode(ab, ids, 2, NULL, 0, &size), RNN_ERROR_SYMBOL, "ids[1] is 2; it must be 0 to 1");
    assert_int_equal(count, -7);
    assert_int_equal(size, 77);
}

static void test_too_small_a_capacity_for_code_points_writes_nothing(void **state)
{
    (void)state;
    static const char text[] = "a中é🙂";
    static const int32_t expected[] = {0, 2, 1, 3};
    int32_t ids[4] = {-7, -7, -7, -7};
    char decoded[10] = "---------";
    int64_t count = -7;
    size_t size = 77;
    rnn_vocab *vocab = vocab_of_text(RNN_VOCAB_UTF8, text, sizeof text - 1);
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
    (void)state;
    enum { COUNT = 20000 };
    random_source source = {3};
    int32_t *ids = allocate(COUNT, sizeof *ids);
    int32_t *code_points = allocate(16 * COUNT, sizeof *code_points);
    char *text = allocate(COUNT, 16);
    size_t size = 0, end = 0;
    unsigned char *known_text = create_unicode_text(5000, 3000, 1, &size);
    rnn_vocab *known = vocab_of_text(RNN_VOCAB_UTF8, known_text, size);
    rnn_vocab *vocab = vocab_with_unknown(known, "<未知>");
    for (int i = 0; i < COUNT; i++)
        ids[i] = random_below(&source, rnn_vocab_size(vocab));
    ids[COUNT / 2] = rnn_vocab_unknown(vocab);
    assert_ok(rnn_vocab_decode(vocab, ids, COUNT, text, (size_t)16 * COUNT, &size));
    assert_true(read_code_points((const unsigned char *)text, size, code_points, &end) >= COUNT);
    assert_int_equal(end, size);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(known);
    free(known_text);
    free(text);
    free(code_points);
    free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_gives_each_symbols_id),
        cmocka_unit_test(test_encode_writes_no_more_than_the_text_has),
        cmocka_unit_test(test_encode_reports_an_unknown_symbol_with_its_offset_and_writes_nothing),
        cmocka_unit_test(test_encode_refuses_unprintable_unknown_symbols_in_one_line),
        cmocka_unit_test(test_encode_into_too_small_a_capacity_writes_nothing),
        cmocka_unit_test(test_decode_gives_each_ids_symbol),
        cmocka_unit_test(test_decode_refuses_an_id_out_of_range_and_writes_nothing),
        cmocka_unit_test(test_decode_into_too_small_a_capacity_writes_nothing),
        cmocka_unit_test(test_decode_undoes_encode_for_every_byte),
        cmocka_unit_test(test_without_room_encode_and_decode_only_count),
        cmocka_unit_test(test_counting_fails_as_writing_would),
        cmocka_unit_test(test_too_small_a_capacity_for_code_points_writes_nothing),
        cmocka_unit_test(test_any_ids_decode_to_valid_utf8),
    };
    return cmocka_run_group_tests(tests, create_ab, destroy_ab);
}
