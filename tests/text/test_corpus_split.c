/*
 * Splitting a corpus in two, and going to a position in it.
 */
#include "corpora.h"

/* ---- Split ---- */

/* Serves both parts alternately for three rounds and compares with the definition on the two parts of the text. */
static void assert_parts_are(rnn_corpus *corpus, rnn_corpus *validation, const unsigned char *text, int64_t size,
                             int64_t moved, int64_t steps, int64_t streams)
{
    definition first = {text, size - moved, steps, streams, 0};
    definition second = {text + size - moved, moved, steps, streams, 0};
    assert_int_equal(rnn_corpus_size(corpus), size - moved);
    assert_int_equal(rnn_corpus_size(validation), moved);
    int64_t chunks = rnn_corpus_chunks(corpus) + rnn_corpus_chunks(validation);
    for (int64_t n = 0; n < 3 * chunks; n++) {
        assert_next_is_as_defined(corpus, &first);
        assert_next_is_as_defined(validation, &second);
    }
}

static void test_split_moves_the_end_rounded_down_to_whole_symbols(void **state)
{
    static const struct {
        double share;
        int64_t moved;
    } splits[] = {{0.5, 501}, {0.25, 250}, {0.125, 125}, {0.75, 752}, {0x1p-6, 15}, {0.9375, 940}};
    enum { SIZE = 1003, STEPS = 3, STREAMS = 4 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        rnn_corpus *memory = open_text(text, SIZE, STEPS, STREAMS);
        rnn_corpus *memory_validation = split(memory, splits[i].share);
        rnn_corpus *file = open_file("text", STEPS, STREAMS);
        rnn_corpus *file_validation = split(file, splits[i].share);
        assert_parts_are(memory, memory_validation, text, SIZE, splits[i].moved, STEPS, STREAMS);
        assert_parts_are(file, file_validation, text, SIZE, splits[i].moved, STEPS, STREAMS);
        rnn_corpus_destroy(memory);
        rnn_corpus_destroy(memory_validation);
        rnn_corpus_destroy(file);
        rnn_corpus_destroy(file_validation);
    }
    free(text);
}

static void test_split_sets_both_to_their_start(void **state)
{
    enum { SIZE = 200000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", 10, 2) : open_text(text, SIZE, 10, 2);
        definition whole = {text, SIZE, 10, 2, 0};
        for (int n = 0; n < 5; n++)
            assert_next_is_as_defined(corpus, &whole);
        rnn_corpus *validation = split(corpus, 0.25);
        definition first = {text, 150000, 10, 2, 0};
        definition second = {text + 150000, 50000, 10, 2, 0};
        for (int n = 0; n < 5; n++) {
            assert_next_is_as_defined(corpus, &first);
            assert_next_is_as_defined(validation, &second);
        }
        rnn_corpus_destroy(corpus);
        rnn_corpus_destroy(validation);
    }
    free(text);
}

static void test_the_parts_of_a_split_outlive_one_another_and_the_files_name(void **state)
{
    enum { SIZE = 200000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    for (int first_goes = 0; first_goes < 2; first_goes++) {
        write_file("text", text, SIZE);
        for (int in_file = 0; in_file < 2; in_file++) {
            rnn_corpus *corpus = in_file ? open_file("text", 10, 2) : open_text(text, SIZE, 10, 2);
            if (in_file)
                assert_int_equal(unlink("text"), 0);
            rnn_corpus *validation = split(corpus, 0.5);
            rnn_corpus *left = first_goes ? validation : corpus;
            definition defined = {first_goes ? text + 100000 : text, 100000, 10, 2, 0};
            rnn_corpus_destroy(first_goes ? corpus : validation);
            for (int64_t n = 0; n < rnn_corpus_chunks(left) + 1; n++)
                assert_next_is_as_defined(left, &defined);
            rnn_corpus_destroy(left);
        }
    }
    free(text);
}

static void test_each_part_may_be_split_again(void **state)
{
    enum { SIZE = 4000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", 10, 2) : open_text(text, SIZE, 10, 2);
        rnn_corpus *end = split(corpus, 0.5);
        rnn_corpus *middle = split(corpus, 0.5);
        rnn_corpus *last = split(end, 0.25);
        assert_parts_are(corpus, middle, text, 2000, 1000, 10, 2);
        assert_parts_are(end, last, text + 2000, 2000, 500, 10, 2);
        rnn_corpus_destroy(corpus);
        rnn_corpus_destroy(end);
        rnn_corpus_destroy(middle);
        rnn_corpus_destroy(last);
    }
    free(text);
}

static void test_one_parts_chunk_stays_while_the_other_is_used(void **state)
{
    enum { SIZE = 200000, COUNT = 2000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", COUNT, 1) : open_text(text, SIZE, COUNT, 1);
        rnn_corpus *validation = split(corpus, 0.5);
        rnn_chunk chunk = empty_chunk();
        rnn_chunk other = empty_chunk();
        assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
        assert_ok(rnn_corpus_next(validation, &other, NULL));
        assert_ok(rnn_corpus_rewind(validation));
        rnn_corpus_destroy(validation);
        for (int t = 0; t < COUNT; t++) {
            assert_int_equal(chunk.inputs[t], text[t]);
            assert_int_equal(chunk.targets[t], text[t + 1]);
        }
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

/* What one of two threads does with its part of a split. */
typedef struct part_user {
    rnn_corpus *part;
    pthread_barrier_t *barrier; /* passed before the part is destroyed, so that both are at the same time */
    int failures;
} part_user;

/* No cmocka check in here: they belong to the main thread. */
static void *serve_and_destroy(void *argument)
{
    part_user *user = argument;
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    for (int64_t n = 0; n < rnn_corpus_chunks(user->part); n++)
        user->failures += rnn_corpus_next(user->part, &chunk, NULL) != RNN_OK;
    pthread_barrier_wait(user->barrier);
    rnn_corpus_destroy(user->part);
    return NULL;
}

static void test_two_threads_may_use_and_destroy_the_parts_of_a_split(void **state)
{
    enum { SIZE = 100, ROUNDS = 3000 };
    unsigned char *text = create_text(SIZE, 1);
    pthread_barrier_t barrier;
    (void)state;
    write_file("text", text, SIZE);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int round = 0; round < ROUNDS; round++) {
        rnn_corpus *corpus = round % 2 == 0 ? open_file("text", 5, 2) : open_text(text, SIZE, 5, 2);
        part_user second = {.part = split(corpus, 0.5), .barrier = &barrier};
        part_user first = {.part = corpus, .barrier = &barrier};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, serve_and_destroy, &second), 0);
        serve_and_destroy(&first);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(first.failures + second.failures, 0);
    }
    pthread_barrier_destroy(&barrier);
    free(text);
}

static void test_a_split_that_leaves_either_part_too_short_is_refused_and_changes_nothing(void **state)
{
    enum { SIZE = 100, STEPS = 5, STREAMS = 3 }; /* a part needs 16 symbols */
    static const double shares[] = {0.15, 0.85, 0.01, 0.99, 1e-300, 0x1.fffffffffffffp-1};
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", STEPS, STREAMS) : open_text(text, SIZE, STEPS, STREAMS);
        rnn_corpus *validation = UNTOUCHED;
        definition defined = {text, SIZE, STEPS, STREAMS, 0};
        assert_next_is_as_defined(corpus, &defined);
        for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
            assert_fails(rnn_corpus_split(corpus, shares[i], &validation), RNN_ERROR_ARGUMENT, "16");
        assert_ptr_equal(validation, UNTOUCHED);
        assert_int_equal(rnn_corpus_size(corpus), SIZE);
        for (int n = 0; n < 20; n++)
            assert_next_is_as_defined(corpus, &defined);
        validation = split(corpus, 0.1601);
        assert_int_equal(rnn_corpus_size(validation), 16);
        rnn_corpus_destroy(validation);
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

/* ---- Seek ---- */

/* Seeks to every position that there is, from wherever it is, and compares a few chunks with the definition. */
static void assert_seeks(rnn_corpus *corpus, const unsigned char *text, int64_t size, int64_t steps, int64_t streams)
{
    int64_t chunks = rnn_corpus_chunks(corpus);
    for (int64_t n = chunks; n >= 0; n--) {
        definition defined = {text, size, steps, streams, n * steps};
        assert_ok(rnn_corpus_seek(corpus, n * steps));
        for (int k = 0; k < 3; k++)
            assert_next_is_as_defined(corpus, &defined);
    }
}

static void test_after_a_seek_the_same_is_served_as_without_an_interruption(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 18; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        write_file("text", text, (size_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                rnn_corpus *memory = open_text(text, size, steps, streams);
                rnn_corpus *file = open_file("text", steps, streams);
                assert_seeks(memory, text, size, steps, streams);
                assert_seeks(file, text, size, steps, streams);
                rnn_corpus_destroy(file);
                rnn_corpus_destroy(memory);
            }
        }
        free(text);
    }
}

static void test_seek_refuses_what_is_no_position_and_stays(void **state)
{
    static const int64_t bad[] = {-1, -5, 1, 4, 6, 25, 1000, INT64_MAX, INT64_MIN};
    unsigned char *text = create_text(50, 1);
    rnn_corpus *corpus = open_text(text, 50, 5, 2); /* S = 24: chunks at 0, 5, 10, 15 */
    definition defined = {text, 50, 5, 2, 0};
    (void)state;
    assert_next_is_as_defined(corpus, &defined);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[64];
        snprintf(part, sizeof part, "position is %lld; it must be 0 to 20", (long long)bad[i]);
        assert_fails(rnn_corpus_seek(corpus, bad[i]), RNN_ERROR_ARGUMENT, part);
    }
    assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_split_moves_the_end_rounded_down_to_whole_symbols),
        test_with_files(test_split_sets_both_to_their_start),
        test_with_files(test_the_parts_of_a_split_outlive_one_another_and_the_files_name),
        test_with_files(test_each_part_may_be_split_again),
        test_with_files(test_one_parts_chunk_stays_while_the_other_is_used),
        test_with_files(test_two_threads_may_use_and_destroy_the_parts_of_a_split),
        test_with_files(test_a_split_that_leaves_either_part_too_short_is_refused_and_changes_nothing),
        test_with_files(test_after_a_seek_the_same_is_served_as_without_an_interruption),
        test_with_files(test_seek_refuses_what_is_no_position_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
