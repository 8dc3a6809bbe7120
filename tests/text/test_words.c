/*
 * Vocabularies of words: from texts by frequency, from lists, with an unknown word; encoding, decoding, corpora of
 * words, and what is saved of them.
 */
#include "model_files.h"
#include "temporary.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char text[] = "the cat sat on the mat\nthe dog \t sat\r\n\n  on the cat \n";

static rnn_vocab *words_of(const void *bytes, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_WORDS, bytes, size, &vocab));
    return vocab;
}

static rnn_vocab *listed(const char *list)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_WORDS, list, strlen(list), &vocab));
    return vocab;
}

static rnn_vocab *frequent(const rnn_vocab *known, int64_t most, int64_t least)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_frequent(known, most, least, &vocab));
    return vocab;
}

/* All symbols with "|" between each two; a line's end as "/" */
static void assert_symbols(const rnn_vocab *vocab, const char *expected)
{
    char all[256] = "";
    for (int32_t id = 0; id < rnn_vocab_size(vocab); id++) {
        const char *symbol;
        size_t size;
        assert_ok(rnn_vocab_symbol(vocab, id, &symbol, &size));
        assert_int_equal(strlen(symbol), size);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", id > 0 ? "|" : "",
                 strcmp(symbol, "\n") == 0 ? "/" : symbol);
    }
    assert_string_equal(all, expected);
}

/* What a text becomes when it is encoded and decoded */
static void assert_becomes(const rnn_vocab *vocab, const char *given, const char *expected)
{
    int32_t ids[64];
    int64_t count = -1, counted = -1;
    char decoded[256];
    size_t size = 0, asked = 0;
    assert_ok(rnn_vocab_encode(vocab, given, strlen(given), ids, 64, &count));
    assert_ok(rnn_vocab_encode(vocab, given, strlen(given), NULL, 0, &counted));
    assert_int_equal(count, counted);
    assert_ok(rnn_vocab_decode(vocab, ids, count, NULL, 0, &asked));
    assert_ok(rnn_vocab_decode(vocab, ids, count, decoded, sizeof decoded, &size));
    assert_int_equal(size, asked);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(decoded, expected, size);
    if (count > 0)
        assert_fails(rnn_vocab_encode(vocab, given, strlen(given), ids, count - 1, NULL), RNN_ERROR_ARGUMENT,
                     "; the text has ");
}

/* ---- Creation ---- */

static void test_a_texts_words_come_by_frequency_and_then_in_order(void **state)
{
    (void)state;
    rnn_vocab *vocab = words_of(text, strlen(text));
    assert_int_equal(rnn_vocab_kind(vocab), RNN_VOCAB_WORDS);
    assert_int_equal(rnn_vocab_unknown(vocab), -1);
    assert_symbols(vocab, "/|the|cat|on|sat|dog|mat");
    rnn_vocab_destroy(vocab);
}

static void test_a_file_a_source_and_a_text_give_the_same(void **state)
{
    (void)state;
    enum { SIZE = 300000 };
    static char large[SIZE];
    static const char *const paths[] = {"one", "two"};
    random_source random = {3};
    rnn_vocab *vocab = NULL, *of_text;
    rnn_source *source = NULL;
    for (size_t i = 0; i < SIZE; i++) /* words of all lengths, and one that is longer than what is read at a time */
        large[i] = i > 100000 && i < 200000 ? 'x' : " \nabcdef"[random_below(&random, 8)];
    write_file("one", large, SIZE / 3);
    write_file("two", large + SIZE / 3, SIZE - SIZE / 3);
    write_file("both", large, SIZE);
    of_text = words_of(large, SIZE);
    assert_ok(rnn_source_open(paths, 2, &source));
    for (int from_file = 0; from_file < 2; from_file++) {
        assert_ok(from_file ? rnn_vocab_create_from_file(RNN_VOCAB_WORDS, "both", &vocab)
                            : rnn_vocab_create_from_source(RNN_VOCAB_WORDS, source, &vocab));
        assert_int_equal(rnn_vocab_size(vocab), rnn_vocab_size(of_text));
        for (int32_t id = 0; id < rnn_vocab_size(vocab); id++) {
            const char *a, *b;
            size_t size_a, size_b;
            assert_ok(rnn_vocab_symbol(vocab, id, &a, &size_a));
            assert_ok(rnn_vocab_symbol(of_text, id, &b, &size_b));
            assert_true(size_a == size_b && memcmp(a, b, size_a) == 0);
        }
        rnn_vocab_destroy(vocab);
    }
    rnn_source_destroy(source);
    rnn_vocab_destroy(of_text);
}

static void test_the_frequent_words_are_kept_and_the_line_end_always(void **state)
{
    (void)state;
    static const char rare_line[] = "a a a b b c d\n";
    rnn_vocab *all = words_of(text, strlen(text)), *rare = words_of(rare_line, strlen(rare_line)), *few;
    few = frequent(all, 3, 1);
    assert_symbols(few, "/|the|cat|<unk>");
    assert_int_equal(rnn_vocab_unknown(few), 3);
    assert_becomes(few, "the  dog\n", "the <unk>\n");
    rnn_vocab_destroy(few);
    few = frequent(all, 0, 2);
    assert_symbols(few, "/|the|cat|on|sat|<unk>");
    rnn_vocab_destroy(few);
    few = frequent(rare, 2, 2);
    assert_symbols(few, "a|/|<unk>");
    rnn_vocab_destroy(few);
    few = frequent(rare, 0, 100);
    assert_symbols(few, "/|<unk>");
    rnn_vocab_destroy(few);
    rnn_vocab_destroy(all);
    rnn_vocab_destroy(rare);
}

/* As in the files of the Penn Treebank, which have "<unk>" for what is rare */
static void test_a_word_that_is_spelled_as_the_unknown_one_becomes_it(void **state)
{
    (void)state;
    static const char treebank[] = "<unk> <unk> <unk> N a a\n";
    rnn_vocab *all = words_of(treebank, strlen(treebank)), *vocab = frequent(all, 0, 1), *other = NULL;
    assert_symbols(all, "<unk>|a|/|N");
    assert_symbols(vocab, "a|/|N|<unk>");
    assert_becomes(vocab, "x <unk>", "<unk> <unk>");
    rnn_vocab_destroy(vocab);
    assert_ok(rnn_vocab_create_with_unknown(all, "N", 1, &vocab));
    assert_symbols(vocab, "<unk>|a|/|N");
    assert_int_equal(rnn_vocab_unknown(vocab), 3);
    assert_ok(rnn_vocab_create_frequent(vocab, 1, 1, &other)); /* the unknown word stays what it is */
    assert_symbols(other, "/|N");
    rnn_vocab_destroy(other);
    rnn_vocab_destroy(vocab);
    assert_ok(rnn_vocab_create_with_unknown(all, NULL, 0, &vocab));
    assert_symbols(vocab, "a|/|N|<unk>");
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(all);
}

static void test_a_list_has_a_word_a_line_and_an_empty_line_is_the_lines_end(void **state)
{
    (void)state;
    rnn_vocab *vocab = listed("dog\n\ncat\n"), *without = listed("cat\ndog");
    assert_symbols(vocab, "dog|/|cat");
    assert_becomes(vocab, "cat\tdog \n\n cat", "cat dog\n\ncat");
    assert_symbols(without, "cat|dog");
    assert_becomes(without, "cat\n\ndog\n", "cat dog"); /* passes over line ends */
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(without);
}

static void test_words_may_hold_any_byte_but_white_space(void **state)
{
    (void)state;
    static const char odd[] = "a\0b \xff\xfe\x01 \xc2\xa0 a";
    rnn_vocab *vocab = words_of(odd, sizeof odd - 1);
    const char *symbol;
    size_t size;
    int32_t ids[4];
    char decoded[16];
    assert_int_equal(rnn_vocab_size(vocab), 4);
    assert_ok(rnn_vocab_symbol(vocab, 1, &symbol, &size));
    assert_int_equal(size, 3);
    assert_memory_equal(symbol, "a\0b", 4);
    assert_ok(rnn_vocab_encode(vocab, odd, sizeof odd - 1, ids, 4, NULL));
    assert_ok(rnn_vocab_decode(vocab, ids, 4, decoded, sizeof decoded, &size));
    assert_int_equal(size, sizeof odd - 1);
    assert_memory_equal(decoded, odd, size);
    rnn_vocab_destroy(vocab);
}

static void test_many_words_have_ids_of_their_own(void **state)
{
    (void)state;
    enum { COUNT = 30000 };
    char *list = allocate(COUNT, 8);
    size_t size = 0;
    int32_t id;
    for (int i = 0; i < COUNT; i++)
        size += (size_t)sprintf(list + size, "w%d\n", i);
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_WORDS, list, size, &vocab));
    for (int i = 0; i < COUNT; i += 7) {
        char word[16];
        assert_ok(rnn_vocab_encode(vocab, word, (size_t)sprintf(word, "w%d", i), &id, 1, NULL));
        assert_int_equal(id, i);
    }
    rnn_vocab_destroy(vocab);
    free(list);
}

/* ---- What is refused ---- */

static void test_what_is_no_vocabulary_of_words_is_refused(void **state)
{
    (void)state;
    rnn_vocab *vocab = NULL, *words = words_of("a b", 3), *list = listed("a"), *bytes = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &bytes));
    assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_WORDS, " \t ", 3, &vocab), RNN_ERROR_ARGUMENT,
                 "the text has no words");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_WORDS, "a\nb\na\n", 6, &vocab), RNN_ERROR_ARGUMENT,
                 "symbols has the word \"a\" twice; the second is at offset 4");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_WORDS, "a\n\nb\n\n", 6, &vocab), RNN_ERROR_ARGUMENT,
                 "symbols has an empty line (the line's end) twice; the second is at offset 5");
    assert_fails(rnn_vocab_create_from_list(RNN_VOCAB_WORDS, "a\nb c\n", 6, &vocab), RNN_ERROR_SYMBOL,
                 "the word \"b c\" at offset 2 contains white space");
    assert_fails(rnn_vocab_create_with_unknown(words, "a b", 3, &vocab), RNN_ERROR_SYMBOL, "contains white space");
    assert_fails(rnn_vocab_create_frequent(bytes, 0, 1, &vocab), RNN_ERROR_ARGUMENT,
                 "the kind of known is RNN_VOCAB_BYTES");
    assert_fails(rnn_vocab_create_frequent(list, 0, 1, &vocab), RNN_ERROR_ARGUMENT, "not made from a text");
    assert_null(vocab);
    rnn_vocab_destroy(bytes);
    rnn_vocab_destroy(words);
    rnn_vocab_destroy(list);
}

static void test_an_unknown_word_is_named_with_its_place(void **state)
{
    (void)state;
    rnn_vocab *vocab = listed("cat\n\ndog");
    rnn_corpus *corpus = NULL;
    int32_t ids[8];
    write_file("text", "cat dog\ncow", 11);
    assert_fails(rnn_vocab_encode(vocab, "cat \n cow", 9, ids, 8, NULL), RNN_ERROR_SYMBOL,
                 "the word \"cow\" at offset 6 is not in the vocabulary");
    assert_fails(rnn_corpus_create_from_file(vocab, "text", 1, 1, &corpus), RNN_ERROR_SYMBOL,
                 "the word \"cow\" at offset 8 of text is not in the vocabulary");
    assert_null(corpus);
    rnn_vocab_destroy(vocab);
}

/* ---- Corpora ---- */

static void test_a_corpus_serves_the_words_that_encoding_gives(void **state)
{
    (void)state;
    enum { STEPS = 3, STREAMS = 2 };
    rnn_vocab *all = words_of(text, strlen(text)), *vocab = frequent(all, 4, 1);
    int32_t ids[64];
    int64_t count;
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    assert_ok(rnn_vocab_encode(vocab, text, strlen(text), ids, 64, &count));
    write_file("text", text, strlen(text));
    for (int from_file = 0; from_file < 2; from_file++) {
        rnn_corpus *corpus = NULL;
        assert_ok(from_file ? rnn_corpus_create_from_file(vocab, "text", STEPS, STREAMS, &corpus)
                            : rnn_corpus_create_from_text(vocab, text, strlen(text), STEPS, STREAMS, &corpus));
        assert_int_equal(rnn_corpus_size(corpus), count);
        int64_t length = (count - 1) / STREAMS;
        for (int64_t n = 0; n < rnn_corpus_chunks(corpus); n++) {
            assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
            for (int64_t i = 0; i < STEPS * STREAMS; i++) {
                int64_t at = i % STREAMS * length + n * STEPS + i / STREAMS;
                assert_int_equal(chunk.inputs[i], ids[at]);
                assert_int_equal(chunk.targets[i], ids[at + 1]);
            }
        }
        rnn_corpus_destroy(corpus);
    }
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(all);
}

/* ---- Files ---- */

static void test_words_come_back_from_a_file(void **state)
{
    (void)state;
    rnn_vocab *all = words_of(text, strlen(text)), *loaded = NULL;
    rnn_vocab *kinds[] = {all, frequent(all, 3, 1), listed("\xff\x01\ncat"), listed("\n"), listed("a\n\n")};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        rnn_model_options o = make_options(rnn_vocab_size(kinds[i]), 2, rnn_vocab_size(kinds[i]), 1, RNN_FLOAT32);
        rnn_model *model = create_model(&o), *again = NULL;
        file_bytes file = saved(model, kinds[i]);
        assert_ok(rnn_model_load_from_memory(file.bytes, file.size, NULL, &again, &loaded));
        assert_int_equal(rnn_vocab_kind(loaded), RNN_VOCAB_WORDS);
        assert_int_equal(rnn_vocab_size(loaded), rnn_vocab_size(kinds[i]));
        assert_int_equal(rnn_vocab_unknown(loaded), rnn_vocab_unknown(kinds[i]));
        for (int32_t id = 0; id < rnn_vocab_size(loaded); id++) {
            const char *a, *b;
            assert_ok(rnn_vocab_symbol(loaded, id, &a, NULL));
            assert_ok(rnn_vocab_symbol(kinds[i], id, &b, NULL));
            assert_string_equal(a, b);
        }
        file_bytes twice = saved(again, loaded);
        assert_int_equal(twice.size, file.size);
        assert_memory_equal(twice.bytes, file.bytes, file.size);
        free(twice.bytes);
        free(file.bytes);
        rnn_vocab_destroy(loaded);
        rnn_model_destroy(again);
        rnn_model_destroy(model);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        rnn_vocab_destroy(kinds[i]);
}

/* ---- Memory ---- */

static void test_whichever_allocation_fails_nothing_is_left_behind(void **state)
{
    (void)state;
    enum { SIZE = 60000 };
    static char large[SIZE];
    random_source random = {5};
    int failures = 0;
    for (size_t i = 0; i < SIZE; i++)
        large[i] = " \nabcdefgh"[random_below(&random, 10)];
    write_file("text", large, SIZE);
    assert_ok(rnn_set_allocator(&failing_allocator));
    for (int64_t n = 0, done = 0; !done; n++) {
        rnn_vocab *all = NULL, *vocab = NULL;
        rnn_corpus *corpus = NULL;
        allocations_left = n;
        rnn_status status = rnn_vocab_create_from_file(RNN_VOCAB_WORDS, "text", &all);
        if (status == RNN_OK)
            status = rnn_vocab_create_frequent(all, 0, 3, &vocab);
        if (status == RNN_OK)
            status = rnn_corpus_create_from_file(vocab, "text", 5, 2, &corpus);
        done = status == RNN_OK;
        failures += !done;
        if (!done)
            assert_int_equal(status, RNN_ERROR_MEMORY);
        rnn_corpus_destroy(corpus);
        rnn_vocab_destroy(vocab);
        rnn_vocab_destroy(all);
    }
    assert_in_range(failures, 20, 200);
    assert_ok(rnn_set_allocator(NULL)); /* or something would be left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_texts_words_come_by_frequency_and_then_in_order),
        test_with_files(test_a_file_a_source_and_a_text_give_the_same),
        cmocka_unit_test(test_the_frequent_words_are_kept_and_the_line_end_always),
        cmocka_unit_test(test_a_word_that_is_spelled_as_the_unknown_one_becomes_it),
        cmocka_unit_test(test_a_list_has_a_word_a_line_and_an_empty_line_is_the_lines_end),
        cmocka_unit_test(test_words_may_hold_any_byte_but_white_space),
        cmocka_unit_test(test_many_words_have_ids_of_their_own),
        cmocka_unit_test(test_what_is_no_vocabulary_of_words_is_refused),
        test_with_files(test_an_unknown_word_is_named_with_its_place),
        test_with_files(test_a_corpus_serves_the_words_that_encoding_gives),
        cmocka_unit_test(test_words_come_back_from_a_file),
        test_with_files(test_whichever_allocation_fails_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
