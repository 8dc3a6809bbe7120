/*
 * Corpora of code points: unknown and malformed ones, and changes of the file. test_corpus.c and test_corpus_split.c
 * have what such corpora serve.
 */
#include "corpora.h"

static void test_unknown_code_points_and_malformed_utf8_are_found_at_creation(void **state)
{
    (void)state;
    enum { SIZE = 200001 };
    static const struct {
        size_t offset;
        const char *bytes, *part;
    } bad[] = {{0, "中", "U+4E2D '中' at offset 0"},
               {131070, "中", "U+4E2D '中' at offset 131070"},
               {65535, "🙂", "U+1F642 '🙂' at offset 65535"},
               {SIZE - 3, "中", "U+4E2D '中' at offset 199998"},
               {65534, "\xed\xa0\x80", "the byte 0xed at offset 65534"},
               {131071, "\xff", "the byte 0xff at offset 131071"},
               {SIZE - 2, "\xe4\xb8", "the byte 0xe4 at offset 199999"}};
    char *text = allocate(SIZE + 1, 1);
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_UTF8, "ab", 2);
    rnn_corpus *corpus = UNTOUCHED;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[100];
        memset(text, 'a', SIZE);
        memcpy(text + bad[i].offset, bad[i].bytes, strlen(bad[i].bytes));
        write_file("text", text, SIZE);
        assert_fails(rnn_corpus_create_from_text(vocab, text, SIZE, 10, 2, &corpus), RNN_ERROR_SYMBOL, bad[i].part);
        snprintf(part, sizeof part, "%s of text is not", bad[i].part);
        assert_fails(rnn_corpus_create_from_file(vocab, "text", 10, 2, &corpus), RNN_ERROR_SYMBOL, part);
    }
    for (size_t i = 0; i < MALFORMED_TEXTS; i++)
        assert_fails(
            rnn_corpus_create_from_text(vocab, malformed_texts[i].text, malformed_texts[i].size, 1, 1, &corpus),
            RNN_ERROR_SYMBOL, "");
    assert_fails(rnn_corpus_create_from_text(vocab, "", 0, 1, 1, &corpus), RNN_ERROR_ARGUMENT, "has 0 symbols");
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
    free(text);
}

static void test_with_an_unknown_symbol_any_text_can_be_served(void **state)
{
    (void)state;
    static const int32_t inputs[] = {0, 2, 2, 1};
    static const int32_t targets[] = {2, 2, 1, 2};
    static const char *const texts[] = {[RNN_VOCAB_BYTES] = "ax\377b\377", [RNN_VOCAB_UTF8] = "a中🙂b中"};
    for (int32_t kind = RNN_VOCAB_BYTES; kind <= RNN_VOCAB_UTF8; kind++) {
        rnn_vocab *known = vocab_of_list(kind, "ab", 2), *vocab = vocab_with_unknown(known, NULL);
        rnn_corpus *corpus = corpus_of_text(vocab, texts[kind], strlen(texts[kind]), 4, 1);
        rnn_chunk chunk = next_chunk(corpus);
        assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
        assert_memory_equal(chunk.targets, targets, sizeof targets);
        rnn_corpus_destroy(corpus);
        rnn_vocab_destroy(vocab);
        rnn_vocab_destroy(known);
    }
}

/* The library reads the file when it creates the corpus, and never again. */
static void test_changes_of_a_file_of_code_points_do_not_matter(void **state)
{
    (void)state;
    sample s = create_code_points(100000, 500, 4);
    definition defined = define(&s, 1000, 2);
    rnn_corpus *corpus = open_corpus(&s, IN_FILE, 1000, 2);
    write_file("text", "other", 5);
    assert_serves(corpus, &defined, 60);
    rnn_corpus_destroy(corpus);
    destroy_sample(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_unknown_code_points_and_malformed_utf8_are_found_at_creation),
        cmocka_unit_test(test_with_an_unknown_symbol_any_text_can_be_served),
        test_with_files(test_changes_of_a_file_of_code_points_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
