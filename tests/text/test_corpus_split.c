/*
 * Splitting a corpus in two, and going to a position in it.
 */
#include "corpora.h"

#include <pthread.h>

/* Serves both parts alternately, three passes or 3000 chunks of each, and then from a position in their middle. */
static void assert_parts_are(rnn_corpus *corpus, rnn_corpus *validation, definition first, definition second)
{
    int64_t chunks = 3 * (chunks_of(&first) + chunks_of(&second));
    assert_int_equal(rnn_corpus_size(corpus), first.size);
    assert_int_equal(rnn_corpus_size(validation), second.size);
    for (int64_t n = 0; n < chunks && n < 3000; n++) {
        assert_serves(corpus, &first, 1);
        assert_serves(validation, &second, 1);
    }
    seek_chunk(corpus, &first, chunks_of(&first) / 2);
    seek_chunk(validation, &second, chunks_of(&second) / 2);
    assert_serves(corpus, &first, 3);
    assert_serves(validation, &second, 3);
}

/* Splits a corpus that has served some chunks, and both parts again. */
static void check_split(const sample *s, double share, int64_t steps, int64_t streams)
{
    int64_t moved = (int64_t)((double)s->count * share), kept = s->count - moved, middle = kept / 4, last = moved / 2;
    for (int where = IN_MEMORY; where <= IN_FILE; where++) {
        definition whole = define(s, steps, streams);
        rnn_corpus *corpora[4] = {open_corpus(s, where, steps, streams)};
        assert_serves(corpora[0], &whole, 5);
        corpora[2] = split(corpora[0], share);
        assert_parts_are(corpora[0], corpora[2], part_of(&whole, 0, kept), part_of(&whole, kept, moved));
        corpora[1] = split(corpora[0], 0.25);
        corpora[3] = split(corpora[2], 0.5);
        assert_parts_are(corpora[0], corpora[1], part_of(&whole, 0, kept - middle),
                         part_of(&whole, kept - middle, middle));
        assert_parts_are(corpora[2], corpora[3], part_of(&whole, kept, moved - last),
                         part_of(&whole, s->count - last, last));
        for (int i = 0; i < 4; i++)
            rnn_corpus_destroy(corpora[i]);
    }
}

static void test_split_moves_the_end_rounded_down_to_whole_symbols_and_sets_both_to_their_start(void **state)
{
    (void)state;
    static const double shares[] = {0.5, 0.25, 0.125, 0.75, 0x1p-6, 0.9375, 0.1};
    for (int kind = 0; kind < 3; kind++) {
        sample s = kind == 0   ? create_bytes(10003, 1)
                   : kind == 1 ? create_bytes(200003, 1)
                               : create_code_points(100003, 500, 2);
        for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
            check_split(&s, shares[i], 3, 4);
        destroy_sample(&s);
    }
}

static void test_the_parts_of_a_split_outlive_one_another_and_the_files_name(void **state)
{
    (void)state;
    for (int first_goes = 0; first_goes < 2; first_goes++) {
        sample s = create_bytes(200000, 1);
        for (int where = IN_MEMORY; where <= IN_FILE; where++) {
            rnn_corpus *corpus = open_corpus(&s, where, 10, 2);
            if (where == IN_FILE)
                assert_int_equal(unlink("text"), 0);
            rnn_corpus *validation = split(corpus, 0.5), *left = first_goes ? validation : corpus;
            definition whole = define(&s, 10, 2), defined = part_of(&whole, first_goes ? 100000 : 0, 100000);
            rnn_corpus_destroy(first_goes ? corpus : validation);
            assert_serves(left, &defined, rnn_corpus_chunks(left) + 1);
            rnn_corpus_destroy(left);
        }
        destroy_sample(&s);
    }
}

static void test_a_chunk_of_one_part_stays_while_the_other_is_used(void **state)
{
    (void)state;
    enum { COUNT = 2000 };
    sample s = create_bytes(200000, 1);
    for (int where = IN_MEMORY; where <= IN_FILE; where++) {
        rnn_corpus *corpus = open_corpus(&s, where, COUNT, 1), *validation = split(corpus, 0.5);
        rnn_chunk chunk = next_chunk(corpus);
        (void)next_chunk(validation);
        assert_ok(rnn_corpus_rewind(validation));
        rnn_corpus_destroy(validation);
        assert_memory_equal(chunk.inputs, s.ids, COUNT * sizeof *s.ids);
        assert_memory_equal(chunk.targets, s.ids + 1, COUNT * sizeof *s.ids);
        rnn_corpus_destroy(corpus);
    }
    destroy_sample(&s);
}

/* What one of two threads does with its part of a split. */
typedef struct part_user {
    rnn_corpus *part;
    pthread_barrier_t *barrier; /* passed before the part is destroyed, so that both threads do this at the same time */
    int failures;
} part_user;

/* Without cmocka's checks: only the main thread may use them. */
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
    (void)state;
    enum { ROUNDS = 3000 };
    sample s = create_bytes(100, 1);
    pthread_barrier_t barrier;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int round = 0; round < ROUNDS; round++) {
        rnn_corpus *corpus = open_corpus(&s, round % 2, 5, 2);
        part_user second = {.part = split(corpus, 0.5), .barrier = &barrier};
        part_user first = {.part = corpus, .barrier = &barrier};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, serve_and_destroy, &second), 0);
        serve_and_destroy(&first);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(first.failures + second.failures, 0);
    }
    pthread_barrier_destroy(&barrier);
    destroy_sample(&s);
}

static void test_a_split_that_leaves_either_part_too_short_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    enum { SIZE = 100, STEPS = 5, STREAMS = 3 }; /* a part needs 16 symbols */
    static const double shares[] = {0.85, 0.01, 0.99, 1e-300, 0x1.fffffffffffffp-1, 0.15};
    for (int kind = 0; kind < 2; kind++) {
        sample s = kind == 0 ? create_bytes(SIZE, 1) : create_code_points(SIZE, 20, 3);
        for (int where = IN_MEMORY; where <= IN_FILE; where++) {
            rnn_corpus *corpus = open_corpus(&s, where, STEPS, STREAMS), *validation = UNTOUCHED;
            definition defined = define(&s, STEPS, STREAMS);
            assert_serves(corpus, &defined, 1);
            for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
                assert_fails(rnn_corpus_split(corpus, shares[i], &validation), RNN_ERROR_ARGUMENT, "16");
            assert_non_null(strstr(rnn_last_error(), "100 symbols into 85 and 15"));
            assert_ptr_equal(validation, UNTOUCHED);
            assert_int_equal(rnn_corpus_size(corpus), SIZE);
            assert_serves(corpus, &defined, 20);
            validation = split(corpus, 0.1601);
            assert_int_equal(rnn_corpus_size(validation), 16);
            rnn_corpus_destroy(validation);
            rnn_corpus_destroy(corpus);
        }
        destroy_sample(&s);
    }
}

static void test_seek_refuses_a_number_that_is_no_position_and_stays(void **state)
{
    (void)state;
    static const int64_t bad[] = {-1, -5, 1, 4, 6, 25, 1000, INT64_MAX, INT64_MIN};
    sample s = create_bytes(50, 1);
    rnn_corpus *corpus = open_corpus(&s, IN_MEMORY, 5, 2); /* S = 24: chunks at 0, 5, 10, 15 */
    definition defined = define(&s, 5, 2);
    assert_serves(corpus, &defined, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[64];
        snprintf(part, sizeof part, "position is %lld; it must be 0 to 20", (long long)bad[i]);
        assert_fails(rnn_corpus_seek(corpus, bad[i]), RNN_ERROR_ARGUMENT, part);
    }
    assert_serves(corpus, &defined, 1);
    rnn_corpus_destroy(corpus);
    destroy_sample(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_split_moves_the_end_rounded_down_to_whole_symbols_and_sets_both_to_their_start),
        test_with_files(test_the_parts_of_a_split_outlive_one_another_and_the_files_name),
        test_with_files(test_a_chunk_of_one_part_stays_while_the_other_is_used),
        test_with_files(test_two_threads_may_use_and_destroy_the_parts_of_a_split),
        test_with_files(test_a_split_that_leaves_either_part_too_short_is_refused_and_changes_nothing),
        test_with_files(test_seek_refuses_a_number_that_is_no_position_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
