/*
 * Corpora of files that change or can't be read, and symbols that are found late. test_corpus.c has what they serve.
 */
#include "corpora.h"

#include <errno.h>
#include <stdbool.h>

static void test_a_file_is_held_open_whatever_happens_to_its_name(void **state)
{
    (void)state;
#ifdef _WIN32
    skip(); /* the name of a deleted file stays taken until the file is closed */
#endif
    sample s = create_bytes(300000, 1);
    definition defined = define(&s, 1000, 2);
    rnn_corpus *corpus = open_corpus(&s, IN_FILE, 1000, 2);
    assert_int_equal(unlink("text"), 0);
    write_file("text", "another", 7);
    assert_serves(corpus, &defined, 200);
    rnn_corpus_destroy(corpus);
    destroy_sample(&s);
}

/* ---- Files that change ---- */

enum { SIZE = 3000000, STEPS = 1000, STREAMS = 2, LENGTH = (SIZE - 1) / STREAMS, TIME = 1000000000 };

/* What happens to the file of a corpus behind its back */
typedef struct alteration {
    int64_t size;
    time_t time; /* of modification; the file was written at TIME */
    const char *part;
} alteration;

/*
 * Alters the file and restores it, and its time of modification, after the first error. The corpus then goes on, or
 * starts over, as if nothing had happened.
 */
static void assert_alteration_is_an_error_until_undone(const sample *s, const alteration *a, int rewinds)
{
    definition defined = define(s, STEPS, STREAMS);
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    write_file("text", s->bytes, SIZE);
    set_time("text", TIME);
    rnn_corpus *corpus = open_corpus(s, IN_FILE, STEPS, STREAMS);
    assert_serves(corpus, &defined, 3);
    write_file("text", s->bytes, (size_t)a->size);
    set_time("text", a->time);

    /* The corpus may still serve the symbols that it has read before. */
    rnn_status status = rnn_corpus_next(corpus, &chunk, &restarted);
    for (; status == RNN_OK; status = rnn_corpus_next(corpus, &chunk, &restarted)) {
        for (int64_t i = 0; i < STEPS * STREAMS; i++)
            assert_int_equal(chunk.inputs[i], s->ids[i % STREAMS * LENGTH + defined.position + i / STREAMS]);
        defined.position += STEPS;
        assert_true(defined.position < LENGTH);
        restarted = -7;
    }
    assert_int_equal(status, RNN_ERROR_IO);
    assert_int_equal(restarted, -7);
    assert_int_equal(rnn_corpus_position(corpus), defined.position);
    assert_fails(rnn_corpus_next(corpus, &chunk, &restarted), RNN_ERROR_IO, a->part);
    assert_int_equal(rnn_corpus_position(corpus), defined.position);

    write_file("text", s->bytes, SIZE);
    set_time("text", TIME);
    if (rewinds) {
        assert_ok(rnn_corpus_rewind(corpus));
        defined.position = 0;
    }
    assert_serves(corpus, &defined, 10);
    rnn_corpus_destroy(corpus);
}

static void test_a_file_that_has_changed_is_an_error_and_the_position_stays(void **state)
{
    (void)state;
    static const alteration alterations[] = {
        {0, TIME, ""},       {1, TIME, ""},
        {1400000, TIME, ""}, {SIZE + 1, TIME, "text has 3000001 bytes"},
        {2900000, TIME, ""}, {SIZE, TIME + 1, "changed"},
    };
    sample s = create_bytes(SIZE + 1, 1);
    s.count = SIZE;
    for (size_t i = 0; i < sizeof alterations / sizeof alterations[0]; i++)
        for (int rewinds = 0; rewinds < 2; rewinds++)
            assert_alteration_is_an_error_until_undone(&s, &alterations[i], rewinds);
    destroy_sample(&s);
}

/* ---- Unknown symbols ---- */

static void test_an_unknown_symbol_in_a_file_is_found_by_the_chunk_that_comes_to_it(void **state)
{
    (void)state;
    enum { BYTES = 200000, OFFSET = 150001 };
    char *text = allocate(BYTES, 1);
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    memset(text, 'a', BYTES);
    text[OFFSET] = '?';
    write_file("text", text, BYTES);
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "ab", 2);
    rnn_corpus *corpus = corpus_of_file(vocab, "text", STEPS, 1);
    for (int epoch = 0; epoch < 2; epoch++) {
        for (int n = 0; n < 150; n++) {
            assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
            assert_int_equal(restarted, n == 0);
        }
        rnn_chunk before = chunk;
        for (int n = 0; n < 2; n++) {
            restarted = -7;
            assert_fails(rnn_corpus_next(corpus, &chunk, &restarted), RNN_ERROR_SYMBOL, "150001");
            assert_non_null(strstr(rnn_last_error(), "?"));
            assert_int_equal(rnn_corpus_position(corpus), 150 * STEPS);
            assert_int_equal(restarted, -7);
            assert_memory_equal(&chunk, &before, sizeof chunk);
        }
        assert_ok(rnn_corpus_rewind(corpus));
    }
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    free(text);
}

static void test_an_unknown_symbol_matters_as_a_chunks_last_target_and_not_beyond_all_chunks(void **state)
{
    (void)state;
    rnn_chunk chunk = empty_chunk();
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "ab", 2);
    write_file("target", "aaaaaaaaa?aaaaaa", 16);
    rnn_corpus *corpus = corpus_of_file(vocab, "target", 3, 1);
    (void)next_chunk(corpus);
    (void)next_chunk(corpus);
    assert_fails(rnn_corpus_next(corpus, &chunk, NULL), RNN_ERROR_SYMBOL, "9");
    assert_int_equal(rnn_corpus_position(corpus), 6);
    rnn_corpus_destroy(corpus);

    write_file("beyond", "aaaaaaaaa?", 10);
    corpus = corpus_of_file(vocab, "beyond", 4, 1); /* two chunks, of symbols 0 to 8 */
    for (int n = 0; n < 5; n++)
        (void)next_chunk(corpus);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
}

/* ---- Files that can't be read ---- */

static void test_a_file_that_cannot_be_read_is_an_error_with_its_name_and_the_systems_reason(void **state)
{
    (void)state;
    char deep[3001]; /* a path so long that it must not push the reason out of the sentence */
    for (size_t i = 0; i < sizeof deep - 1; i++)
        deep[i] = i % 100 == 99 ? '/' : 'd';
    deep[sizeof deep - 1] = '\0';
    const char *const cases[][2] = {
        {"absent", "absent"},       {"absent", strerror(ENOENT)}, {"", strerror(ENOENT)},
        {deep, strerror(ENOENT)},   {"folder", "folder"},         {"pipe", "pipe"},
        {"/dev/null", "/dev/null"}, {"/dev/zero", "/dev/zero"},
    };
    rnn_vocab *all = vocab_of_all_bytes(), *vocab = UNTOUCHED;
    rnn_corpus *corpus = UNTOUCHED;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    alarm(20); /* ends the suite if a call waits for a writer */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, cases[i][0], &vocab), RNN_ERROR_IO, cases[i][1]);
        assert_fails(rnn_corpus_create_from_file(all, cases[i][0], 1, 1, &corpus), RNN_ERROR_IO, cases[i][1]);
    }
    alarm(0);
    assert_ptr_equal(vocab, UNTOUCHED);
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(all);
}

static bool is_refusal(rnn_status status, const char *path)
{
    return status == RNN_ERROR_IO && strstr(rnn_last_error(), path) && strstr(rnn_last_error(), strerror(EACCES));
}

/* Runs in a child process, so it leaves nothing allocated that a leak checker would find there. */
static int is_refused(const char *path)
{
    rnn_vocab *vocab = UNTOUCHED, *all_bytes = vocab_of_all_bytes();
    rnn_corpus *corpus = UNTOUCHED;
    rnn_source *source = UNTOUCHED;
    bool refused = is_refusal(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, path, &vocab), path) && vocab == UNTOUCHED &&
                   is_refusal(rnn_corpus_create_from_file(all_bytes, path, 1, 1, &corpus), path) &&
                   corpus == UNTOUCHED && is_refusal(rnn_source_open(&path, 1, &source), path) && source == UNTOUCHED;
    rnn_vocab_destroy(all_bytes);
    return refused;
}

static void test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason(void **state)
{
    (void)state;
    assert_true(holds_for_an_unreadable_file("secret", is_refused));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_file_is_held_open_whatever_happens_to_its_name),
        test_with_files(test_a_file_that_has_changed_is_an_error_and_the_position_stays),
        test_with_files(test_an_unknown_symbol_in_a_file_is_found_by_the_chunk_that_comes_to_it),
        test_with_files(test_an_unknown_symbol_matters_as_a_chunks_last_target_and_not_beyond_all_chunks),
        test_with_files(test_a_file_that_cannot_be_read_is_an_error_with_its_name_and_the_systems_reason),
        test_with_files(test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
