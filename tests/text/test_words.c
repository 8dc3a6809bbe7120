/*
 * Vocabularies of words: from texts by frequency, from lists, with an unknown word; encoding and decoding, corpora of
 * words, and files.
 */
#include "corpora.h"
#include "model_files.h"

static const char text[] = "the cat sat on the mat\nthe dog \t sat\r\n\n  on the cat \n";

static rnn_vocab *words_of(const char *string)
{
    return vocab_of_text(RNN_VOCAB_WORDS, string, strlen(string));
}

static rnn_vocab *listed(const char *list)
{
    return vocab_of_list(RNN_VOCAB_WORDS, list, strlen(list));
}

static rnn_vocab *frequent(const rnn_vocab *known, int64_t most, int64_t least)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_frequent(known, most, least, &vocab));
    return vocab;
}

/* The symbols, joined with "|" and with "/" for a line's end, must be `expected`. */
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

/* A text that is encoded and decoded must become `expected`. */
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
    rnn_vocab *vocab = words_of(text);
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
    rnn_source *source = NULL;
    for (size_t i = 0; i < SIZE; i++) /* words of all lengths, one of them longer than a read */
        large[i] = (char)(i > 100000 && i < 200000 ? 'x' : " \nabcdef"[random_below(&random, 8)]);
    write_file("one", large, SIZE / 3);
    write_file("two", large + SIZE / 3, SIZE - SIZE / 3);
    write_file("both", large, SIZE);
    assert_ok(rnn_source_open(paths, 2, &source));
    rnn_vocab *of_text = vocab_of_text(RNN_VOCAB_WORDS, large, SIZE);
    rnn_vocab *of_file = vocab_of_file(RNN_VOCAB_WORDS, "both");
    rnn_vocab *of_source = vocab_of_source(RNN_VOCAB_WORDS, source);
    assert_same_vocab(of_file, of_text);
    assert_same_vocab(of_source, of_text);
    rnn_vocab_destroy(of_source);
    rnn_vocab_destroy(of_file);
    rnn_vocab_destroy(of_text);
    rnn_source_destroy(source);
}

static void test_the_frequent_words_are_kept_and_the_line_end_always(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t most, least;
        const char *symbols;
    } cases[] = {
        {text, 3, 1, "/|the|cat|<unk>"},
        {text, 0, 2, "/|the|cat|on|sat|<unk>"},
        {"a a a b b c d\n", 2, 2, "a|/|<unk>"},
        {"a a a b b c d\n", 0, 100, "/|<unk>"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rnn_vocab *all = words_of(cases[i].text), *few = frequent(all, cases[i].most, cases[i].least);
        assert_symbols(few, cases[i].symbols);
        assert_int_equal(rnn_vocab_unknown(few), rnn_vocab_size(few) - 1);
        if (i == 0)
            assert_becomes(few, "the  dog\n", "the <unk>\n");
        rnn_vocab_destroy(few);
        rnn_vocab_destroy(all);
    }
}

/* As in the files of the Penn Treebank, where "<unk>" stands for rare words. */
static void test_a_word_that_is_spelled_as_the_unknown_one_becomes_it(void **state)
{
    (void)state;
    rnn_vocab *all = words_of("<unk> <unk> <unk> N a a\n"), *vocab = frequent(all, 0, 1);
    assert_symbols(all, "<unk>|a|/|N");
    assert_symbols(vocab, "a|/|N|<unk>");
    assert_becomes(vocab, "x <unk>", "<unk> <unk>");
    rnn_vocab_destroy(vocab);
    vocab = vocab_with_unknown(all, "N");
    assert_symbols(vocab, "<unk>|a|/|N");
    assert_int_equal(rnn_vocab_unknown(vocab), 3);
    rnn_vocab *other = frequent(vocab, 1, 1); /* the unknown word stays the same */
    assert_symbols(other, "/|N");
    rnn_vocab_destroy(other);
    rnn_vocab_destroy(vocab);
    vocab = vocab_with_unknown(all, NULL);
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
    assert_becomes(without, "cat\n\ndog\n", "cat dog"); /* a vocabulary without line ends passes over them */
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(without);
}

static void test_words_may_hold_any_byte_but_white_space(void **state)
{
    (void)state;
    static const char odd[] = "a\0b \xff\xfe\x01 \xc2\xa0 a";
    rnn_vocab *vocab = vocab_of_text(RNN_VOCAB_WORDS, odd, sizeof odd - 1);
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
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_WORDS, list, size);
    for (int i = 0; i < COUNT; i += 7) {
        char word[16];
        assert_ok(rnn_vocab_encode(vocab, word, (size_t)sprintf(word, "w%d", i), &id, 1, NULL));
        assert_int_equal(id, i);
    }
    rnn_vocab_destroy(vocab);
    free(list);
}

/* ---- Refusals ---- */

static void test_what_is_no_vocabulary_of_words_is_refused(void **state)
{
    (void)state;
    rnn_vocab *vocab = NULL, *words = words_of("a b"), *list = listed("a");
    rnn_vocab *bytes = vocab_of_list(RNN_VOCAB_BYTES, "ab", 2);
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
    rnn_vocab *all = words_of(text), *vocab = frequent(all, 4, 1);
    int32_t ids[64];
    int64_t count;
    assert_ok(rnn_vocab_encode(vocab, text, strlen(text), ids, 64, &count));
    write_file("text", text, strlen(text));
    definition defined = {ids, count, STEPS, STREAMS, 0};
    rnn_corpus *corpora[] = {corpus_of_text(vocab, text, strlen(text), STEPS, STREAMS),
                             corpus_of_file(vocab, "text", STEPS, STREAMS)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rnn_corpus_size(corpora[i]), count);
        assert_serves(corpora[i], &defined, chunks_of(&defined));
        defined.position = 0;
        rnn_corpus_destroy(corpora[i]);
    }
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(all);
}

/* ---- Files ---- */

static void test_words_come_back_from_a_file(void **state)
{
    (void)state;
    rnn_vocab *all = words_of(text), *loaded = NULL;
    rnn_vocab *kinds[] = {all, frequent(all, 3, 1), listed("\xff\x01\ncat"), listed("\n"), listed("a\n\n")};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        rnn_model_options o = make_options(rnn_vocab_size(kinds[i]), 2, rnn_vocab_size(kinds[i]), 1, RNN_FLOAT32);
        rnn_model *model = create_model(&o), *again = NULL;
        file_bytes file = saved(model, kinds[i]);
        assert_ok(rnn_model_load_from_memory(file.bytes, file.size, NULL, &again, &loaded));
        assert_same_vocab(loaded, kinds[i]);
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
