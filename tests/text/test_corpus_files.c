/*
 * Corpora of files: they serve what memory does, and say so when a file changes or can't be read.
 */
#include "corpora.h"

/* ---- Files ---- */

static void test_a_file_serves_what_its_text_does(void **state)
{
    enum { SIZE = 3000017, MOST_CHUNKS = 500 };
    static const struct {
        int64_t steps, streams;
    } shapes[] = {{1, 1},       {25, 1},      {65535, 1},   {65536, 1},  {65537, 1},  {65537, 3}, {100000, 5},
                  {700000, 1},  {3000016, 1}, {1, 1048576}, {1, 1000},   {64, 64},    {4096, 50}, {333333, 8},
                  {1500008, 2}, {3, 999999},  {131072, 2},  {8192, 300}, {1048576, 2}};
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        definition in_memory = {text, SIZE, shapes[i].steps, shapes[i].streams, 0};
        definition in_file = in_memory;
        rnn_corpus *memory = open_text(text, SIZE, shapes[i].steps, shapes[i].streams);
        rnn_corpus *file = open_file("text", shapes[i].steps, shapes[i].streams);
        assert_int_equal(rnn_corpus_size(file), SIZE);
        assert_int_equal(rnn_corpus_chunks(file), rnn_corpus_chunks(memory));
        for (int64_t n = 0; n < rnn_corpus_chunks(file) + 2 && n < MOST_CHUNKS; n++) {
            assert_next_is_as_defined(file, &in_file);
            assert_next_is_as_defined(memory, &in_memory);
        }
        rnn_corpus_destroy(file);
        rnn_corpus_destroy(memory);
    }
    free(text);
}

static void test_every_chunk_of_small_files_is_as_defined(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 14; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        write_file("text", text, (size_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                definition defined = {text, size, steps, streams, 0};
                rnn_corpus *corpus = open_file("text", steps, streams);
                for (int64_t n = 0; n < 3 * rnn_corpus_chunks(corpus) + 1; n++)
                    assert_next_is_as_defined(corpus, &defined);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

static void test_a_file_may_be_rewound_anywhere(void **state)
{
    enum { SIZE = 500000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    rnn_corpus *corpus = open_file("text", 3000, 3);
    for (int served = 0; served < 60; served += 7) {
        definition defined = {text, SIZE, 3000, 3, 0};
        for (int n = 0; n < served; n++)
            assert_next_is_as_defined(corpus, &defined);
        assert_ok(rnn_corpus_rewind(corpus));
    }
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_a_file_is_held_open_whatever_happens_to_its_name(void **state)
{
    enum { SIZE = 300000 };
    unsigned char *text = create_text(SIZE, 1);
    definition defined = {text, SIZE, 1000, 2, 0};
    (void)state;
    write_file("text", text, SIZE);
    rnn_corpus *corpus = open_file("text", 1000, 2);
    assert_int_equal(unlink("text"), 0);
    write_file("text", "another", 7);
    for (int n = 0; n < 200; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

/* Sets a file's time of modification to so many seconds since 1970. */
static void set_time(const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/*
 * Truncates the corpus's file behind its back to `remaining` bytes and restores it, its time of modification too, after
 * the first error. The corpus then goes on, or starts over, as if nothing had been.
 */
static void assert_truncation_is_an_error_until_undone(int64_t remaining, bool from_start)
{
    enum { SIZE = 3000000, STEPS = 1000, STREAMS = 2 };
    unsigned char *text = create_text(SIZE, 1);
    definition defined = {text, SIZE, STEPS, STREAMS, 0};
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    write_file("text", text, SIZE);
    set_time("text", 1000000000);
    rnn_corpus *corpus = open_file("text", STEPS, STREAMS);
    for (int n = 0; n < 3; n++)
        assert_next_is_as_defined(corpus, &defined);
    assert_int_equal(truncate("text", remaining), 0);

    /* What was read before may still be served, but not beyond the file's new end. */
    int64_t position = rnn_corpus_position(corpus);
    rnn_status status = rnn_corpus_next(corpus, &chunk, &restarted);
    while (status == RNN_OK) {
        int64_t length = (SIZE - 1) / STREAMS;
        for (int64_t i = 0; i < STEPS * STREAMS; i++)
            assert_int_equal(chunk.inputs[i], text[i % STREAMS * length + position + i / STREAMS]);
        position = rnn_corpus_position(corpus);
        assert_true(position < SIZE / STREAMS);
        restarted = -7;
        status = rnn_corpus_next(corpus, &chunk, &restarted);
    }
    assert_int_equal(status, RNN_ERROR_IO);
    assert_int_equal(restarted, -7);
    assert_int_equal(rnn_corpus_position(corpus), position);
    assert_fails(rnn_corpus_next(corpus, &chunk, &restarted), RNN_ERROR_IO, "");
    assert_int_equal(rnn_corpus_position(corpus), position);

    write_file("text", text, SIZE);
    set_time("text", 1000000000);
    defined.position = from_start ? 0 : position;
    if (from_start)
        assert_ok(rnn_corpus_rewind(corpus));
    for (int64_t n = 0; n < 10; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_a_file_that_has_become_shorter_is_an_error_and_the_position_stays(void **state)
{
    (void)state;
    static const int64_t remaining[] = {0, 1, 1400000, 2900000};
    for (size_t i = 0; i < sizeof remaining / sizeof remaining[0]; i++) {
        assert_truncation_is_an_error_until_undone(remaining[i], false);
        assert_truncation_is_an_error_until_undone(remaining[i], true);
    }
}

static void test_a_file_that_has_grown_or_was_written_to_is_an_error_and_the_position_stays(void **state)
{
    enum { SIZE = 3000000, STEPS = 1000, STREAMS = 2 };
    unsigned char *text = create_text(SIZE + 1, 1);
    (void)state;
    for (int grown = 0; grown < 2; grown++) {
        definition defined = {text, SIZE, STEPS, STREAMS, 0};
        rnn_chunk chunk = empty_chunk();
        write_file("text", text, SIZE);
        set_time("text", 1000000000);
        rnn_corpus *corpus = open_file("text", STEPS, STREAMS);
        for (int n = 0; n < 3; n++)
            assert_next_is_as_defined(corpus, &defined);
        write_file("text", text, (size_t)SIZE + (size_t)grown);
        set_time("text", grown ? 1000000000 : 1000000001);
        rnn_status status = RNN_OK;
        while (status == RNN_OK) {
            defined.position = rnn_corpus_position(corpus); /* what is in memory may still be served */
            assert_true(defined.position < SIZE / STREAMS);
            status = rnn_corpus_next(corpus, &chunk, NULL);
        }
        assert_int_equal(rnn_corpus_position(corpus), defined.position);
        assert_fails(rnn_corpus_next(corpus, &chunk, NULL), RNN_ERROR_IO, grown ? "text has 3000001 bytes" : "changed");
        write_file("text", text, SIZE);
        set_time("text", 1000000000);
        for (int n = 0; n < 10; n++)
            assert_next_is_as_defined(corpus, &defined);
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

static void test_an_unknown_symbol_in_a_file_is_found_by_the_chunk_that_comes_to_it(void **state)
{
    enum { SIZE = 200000, OFFSET = 150001, STEPS = 1000 };
    char *text = allocate(SIZE, 1);
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    (void)state;
    memset(text, 'a', SIZE);
    text[OFFSET] = '?';
    write_file("text", text, SIZE);
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_ok(rnn_corpus_create_from_file(vocab, "text", STEPS, 1, &corpus));
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

static void test_an_unknown_symbol_may_be_a_chunks_last_target(void **state)
{
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk = empty_chunk();
    (void)state;
    write_file("text", "aaaaaaaaa?aaaaaa", 16);
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_ok(rnn_corpus_create_from_file(vocab, "text", 3, 1, &corpus));
    rnn_vocab_destroy(vocab);
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_fails(rnn_corpus_next(corpus, &chunk, NULL), RNN_ERROR_SYMBOL, "9");
    assert_int_equal(rnn_corpus_position(corpus), 6);
    rnn_corpus_destroy(corpus);
}

static void test_an_unknown_symbol_that_no_chunk_holds_does_not_matter_in_a_file(void **state)
{
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk = empty_chunk();
    (void)state;
    write_file("text", "aaaaaaaaa?", 10);
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_ok(rnn_corpus_create_from_file(vocab, "text", 4, 1, &corpus)); /* two chunks, of symbols 0 to 8 */
    rnn_vocab_destroy(vocab);
    for (int n = 0; n < 5; n++)
        assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    rnn_corpus_destroy(corpus);
}

static void test_create_from_file_reports_the_file_and_the_systems_reason(void **state)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = UNTOUCHED;
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    alarm(20); /* Ends the suite, should a call wait for a writer. */
    assert_fails(rnn_corpus_create_from_file(vocab, "absent", 1, 1, &corpus), RNN_ERROR_IO, "absent");
    assert_fails(rnn_corpus_create_from_file(vocab, "absent", 1, 1, &corpus), RNN_ERROR_IO, strerror(ENOENT));
    assert_fails(rnn_corpus_create_from_file(vocab, "", 1, 1, &corpus), RNN_ERROR_IO, strerror(ENOENT));
    assert_fails(rnn_corpus_create_from_file(vocab, "folder", 1, 1, &corpus), RNN_ERROR_IO, "folder");
    assert_fails(rnn_corpus_create_from_file(vocab, "pipe", 1, 1, &corpus), RNN_ERROR_IO, "pipe");
    assert_fails(rnn_corpus_create_from_file(vocab, "/dev/null", 1, 1, &corpus), RNN_ERROR_IO, "/dev/null");
    assert_fails(rnn_corpus_create_from_file(vocab, "/dev/zero", 1, 1, &corpus), RNN_ERROR_IO, "/dev/zero");
    alarm(0);
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
}

static int is_refused(const char *path)
{
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = UNTOUCHED;
    rnn_status status = rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &vocab);
    if (status == RNN_OK)
        status = rnn_corpus_create_from_file(vocab, path, 1, 1, &corpus);
    rnn_vocab_destroy(vocab);
    return status == RNN_ERROR_IO && corpus == UNTOUCHED && strstr(rnn_last_error(), path) != NULL &&
           strstr(rnn_last_error(), strerror(EACCES)) != NULL;
}

static void test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason(void **state)
{
    (void)state;
    assert_true(holds_for_an_unreadable_file("secret", is_refused));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_file_serves_what_its_text_does),
        test_with_files(test_every_chunk_of_small_files_is_as_defined),
        test_with_files(test_a_file_may_be_rewound_anywhere),
        test_with_files(test_a_file_is_held_open_whatever_happens_to_its_name),
        test_with_files(test_a_file_that_has_become_shorter_is_an_error_and_the_position_stays),
        test_with_files(test_a_file_that_has_grown_or_was_written_to_is_an_error_and_the_position_stays),
        test_with_files(test_an_unknown_symbol_in_a_file_is_found_by_the_chunk_that_comes_to_it),
        test_with_files(test_an_unknown_symbol_may_be_a_chunks_last_target),
        test_with_files(test_an_unknown_symbol_that_no_chunk_holds_does_not_matter_in_a_file),
        test_with_files(test_create_from_file_reports_the_file_and_the_systems_reason),
        test_with_files(test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
