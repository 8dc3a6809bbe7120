/* The corpus: which symbols each chunk holds, where it starts over, and that a file serves what memory does. */
#include "corpora.h"

/* ---- What is served, and in which order ---- */

static void test_streams_stand_one_behind_the_other_and_targets_are_one_symbol_on(void **state)
{
    static const int32_t inputs[] = {'a', 'f', 'b', 'g'};
    static const int32_t targets[] = {'b', 'g', 'c', 'h'};
    rnn_chunk chunk = empty_chunk();
    (void)state;
    rnn_corpus *corpus = open_text("abcdefghijk", 11, 2, 2); /* S = 5: "abcde", "fghij" */
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
    assert_memory_equal(chunk.targets, targets, sizeof targets);
    rnn_corpus_destroy(corpus);
}

static void test_ids_are_the_vocabularys(void **state)
{
    static const int32_t inputs[] = {2, 1, 0};
    static const int32_t targets[] = {1, 0, 1};
    rnn_chunk chunk = empty_chunk();
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    (void)state;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "zya", 3, &vocab));
    assert_ok(rnn_corpus_create_from_text(vocab, "ayzya", 5, 3, 1, &corpus));
    rnn_vocab_destroy(vocab);
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
    assert_memory_equal(chunk.targets, targets, sizeof targets);
    rnn_corpus_destroy(corpus);
}

static void test_one_stream_is_served_in_the_seeds_order(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 40; size++) {
        for (int64_t steps = 1; steps < size; steps++) {
            unsigned char *text = create_text(size, (uint64_t)size);
            rnn_corpus *corpus = open_text(text, size, steps, 1);
            rnn_chunk chunk = empty_chunk();
            int32_t restarted = -7;
            int64_t p = 0;
            for (int n = 0; n < 100; n++) {
                int starts = p + steps + 1 >= size || n == 0; /* the seed's condition */
                p = starts ? 0 : p;
                assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
                assert_int_equal(restarted, starts);
                for (int64_t t = 0; t < steps; t++) {
                    assert_int_equal(chunk.inputs[t], text[p + t]);
                    assert_int_equal(chunk.targets[t], text[p + t + 1]);
                }
                p += steps;
            }
            rnn_corpus_destroy(corpus);
            free(text);
        }
    }
}

static void test_every_chunk_of_every_small_shape_is_as_defined(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 26; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                definition defined = {text, size, steps, streams, 0};
                rnn_corpus *corpus = open_text(text, size, steps, streams);
                for (int64_t n = 0; n < 3 * rnn_corpus_chunks(corpus) + 1; n++)
                    assert_next_is_as_defined(corpus, &defined);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

static void test_chunks_counts_those_served_until_it_starts_over(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 26; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                rnn_corpus *corpus = open_text(text, size, steps, streams);
                rnn_chunk chunk = empty_chunk();
                int64_t served = 0;
                int32_t restarted = 0;
                assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
                assert_int_equal(restarted, 1);
                do {
                    served++;
                    assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
                } while (restarted == 0);
                assert_int_equal(rnn_corpus_chunks(corpus), served);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

/* All chunks of a text must have every symbol but the first as a target, once, in streams as equal as can be. */
static void assert_all_is_served(rnn_corpus *corpus, const unsigned char *text, int64_t size, int64_t steps,
                                 int64_t streams)
{
    int64_t share = (size - 1) / streams, longer = (size - 1) % streams, longest = share + (longer > 0);
    int64_t served = 0, chunks = rnn_corpus_chunks(corpus);
    assert_int_equal(chunks, (longest + steps - 1) / steps);
    for (int64_t n = 0; n < chunks; n++) {
        rnn_chunk chunk = empty_chunk();
        int32_t restarted = -7;
        int64_t position = n * steps, rest = longest - position, most = 0;
        if (n > 0) /* at first it may be that of the last pass' end */
            assert_int_equal(rnn_corpus_position(corpus), position);
        assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
        assert_int_equal(restarted, n == 0);
        assert_int_equal(chunk.streams, streams);
        assert_int_equal(chunk.steps, rest < steps ? rest : steps);
        for (int64_t b = 0; b < streams; b++) {
            int64_t begin = b * share + (b < longer ? b : longer), left = share + (b < longer) - position;
            int64_t length = left < chunk.steps ? left : chunk.steps;
            assert_int_equal(chunk.lengths ? chunk.lengths[b] : chunk.steps, length);
            most = length > most ? length : most;
            for (int64_t t = 0; t < chunk.steps; t++) {
                int64_t at = begin + position + t;
                assert_int_equal(chunk.inputs[t * streams + b], t < length ? text[at] : 0);
                assert_int_equal(chunk.targets[t * streams + b], t < length ? text[at + 1] : RNN_IGNORE);
            }
            served += length;
        }
        assert_int_equal(most, chunk.steps);
    }
    assert_int_equal(served, size - 1);
    assert_int_equal(rnn_corpus_position(corpus), chunks * steps);
}

static void test_without_drop_last_every_symbol_is_a_target_once_a_pass(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 26; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                rnn_corpus *corpus = open_text(text, size, steps, streams);
                assert_ok(rnn_corpus_set_drop_last(corpus, 0));
                assert_all_is_served(corpus, text, size, steps, streams);
                assert_all_is_served(corpus, text, size, steps, streams);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

static void test_without_drop_last_a_file_larger_than_its_windows_is_served_whole(void **state)
{
    const int64_t size = (5 << 19) + 3;
    (void)state;
    unsigned char *text = create_text(size, 5);
    write_file("text", text, (size_t)size);
    for (int64_t streams = 1; streams <= 7; streams += 2) {
        rnn_corpus *corpus = open_file("text", 1000, streams);
        assert_ok(rnn_corpus_set_drop_last(corpus, 0));
        assert_all_is_served(corpus, text, size, 1000, streams);
        assert_all_is_served(corpus, text, size, 1000, streams);
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

static void test_set_drop_last_goes_back_to_the_start_and_can_be_undone(void **state)
{
    (void)state;
    unsigned char *text = create_text(26, 26);
    definition defined = {text, 26, 4, 3, 0};
    rnn_corpus *corpus = open_text(text, 26, 4, 3);
    rnn_chunk chunk = empty_chunk();
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_ok(rnn_corpus_set_drop_last(corpus, 0));
    assert_all_is_served(corpus, text, 26, 4, 3);
    assert_ok(rnn_corpus_seek(corpus, 8));
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_int_equal(chunk.steps, 1);
    assert_non_null(chunk.lengths);
    assert_ok(rnn_corpus_set_drop_last(corpus, 1));
    for (int n = 0; n < 5; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_what_a_split_moves_is_served_as_the_rest(void **state)
{
    rnn_corpus *validation = NULL;
    (void)state;
    unsigned char *text = create_text(26, 26);
    rnn_corpus *corpus = open_text(text, 26, 2, 3);
    assert_ok(rnn_corpus_set_drop_last(corpus, 0));
    assert_ok(rnn_corpus_split(corpus, 0.5, &validation));
    assert_all_is_served(corpus, text, 13, 2, 3);
    assert_all_is_served(validation, text + 13, 13, 2, 3);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_the_shortest_text_has_one_chunk_that_is_served_again_and_again(void **state)
{
    unsigned char *text = create_text(13, 1);
    definition defined = {text, 13, 4, 3, 0};
    (void)state;
    rnn_corpus *corpus = open_text(text, 13, 4, 3);
    assert_int_equal(rnn_corpus_size(corpus), 13);
    assert_int_equal(rnn_corpus_chunks(corpus), 1);
    for (int n = 0; n < 3; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_rewind_goes_back_to_the_start_from_anywhere(void **state)
{
    unsigned char *text = create_text(50, 1);
    (void)state;
    rnn_corpus *corpus = open_text(text, 50, 5, 2);
    for (int served = 0; served < 7; served++) {
        definition defined = {text, 50, 5, 2, 0};
        for (int n = 0; n < served; n++)
            assert_next_is_as_defined(corpus, &defined);
        assert_ok(rnn_corpus_rewind(corpus));
        assert_int_equal(rnn_corpus_position(corpus), 0);
    }
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_a_text_is_copied(void **state)
{
    unsigned char *original = create_text(50, 1);
    unsigned char *text = create_text(50, 1);
    definition defined = {original, 50, 5, 2, 0};
    (void)state;
    rnn_corpus *corpus = open_text(text, 50, 5, 2);
    memset(text, 0, 50);
    free(text);
    for (int n = 0; n < 10; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(original);
}

static void test_whether_it_restarted_need_not_be_wanted(void **state)
{
    rnn_chunk chunk = empty_chunk();
    (void)state;
    rnn_corpus *corpus = open_text("abcdefghijk", 11, 2, 2);
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_int_equal(rnn_corpus_position(corpus), 2);
    rnn_corpus_destroy(corpus);
}

/* ---- Bad arguments ---- */

static void test_a_text_of_fewer_than_b_t_plus_1_symbols_is_refused(void **state)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = UNTOUCHED;
    char text[12] = "abcdefghijkl";
    (void)state;
    for (size_t size = 1; size <= 12; size++) {
        assert_fails(rnn_corpus_create_from_text(vocab, text, size, 4, 3, &corpus), RNN_ERROR_ARGUMENT, "13");
        write_file("text", text, size);
        assert_fails(rnn_corpus_create_from_file(vocab, "text", 4, 3, &corpus), RNN_ERROR_ARGUMENT, "13");
    }
    assert_fails(rnn_corpus_create_from_text(vocab, "", 0, 1, 1, &corpus), RNN_ERROR_ARGUMENT, "");
    write_file("text", "", 0);
    assert_fails(rnn_corpus_create_from_file(vocab, "text", 1, 1, &corpus), RNN_ERROR_ARGUMENT, "");
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
}

static void test_an_unknown_symbol_in_a_text_is_refused_with_its_offset(void **state)
{
    enum { SIZE = 100000 };
    char *text = allocate(SIZE, 1);
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = UNTOUCHED;
    (void)state;
    memset(text, 'a', SIZE);
    text[54321] = '?';
    text[54322] = '!';
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_fails(rnn_corpus_create_from_text(vocab, text, SIZE, 1, 1, &corpus), RNN_ERROR_SYMBOL, "54321");
    assert_non_null(strstr(rnn_last_error(), "?"));
    text[54321] = text[54322] = 'a';
    text[SIZE - 1] = '?'; /* in no chunk, but in the text */
    assert_fails(rnn_corpus_create_from_text(vocab, text, SIZE, 10, 1, &corpus), RNN_ERROR_SYMBOL, "99999");
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_stand_one_behind_the_other_and_targets_are_one_symbol_on),
        cmocka_unit_test(test_ids_are_the_vocabularys),
        cmocka_unit_test(test_one_stream_is_served_in_the_seeds_order),
        cmocka_unit_test(test_every_chunk_of_every_small_shape_is_as_defined),
        cmocka_unit_test(test_chunks_counts_those_served_until_it_starts_over),
        cmocka_unit_test(test_without_drop_last_every_symbol_is_a_target_once_a_pass),
        test_with_files(test_without_drop_last_a_file_larger_than_its_windows_is_served_whole),
        cmocka_unit_test(test_set_drop_last_goes_back_to_the_start_and_can_be_undone),
        cmocka_unit_test(test_what_a_split_moves_is_served_as_the_rest),
        cmocka_unit_test(test_the_shortest_text_has_one_chunk_that_is_served_again_and_again),
        cmocka_unit_test(test_rewind_goes_back_to_the_start_from_anywhere),
        cmocka_unit_test(test_a_text_is_copied),
        cmocka_unit_test(test_whether_it_restarted_need_not_be_wanted),
        test_with_files(test_a_text_of_fewer_than_b_t_plus_1_symbols_is_refused),
        cmocka_unit_test(test_an_unknown_symbol_in_a_text_is_refused_with_its_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
