/* The corpus: which symbols each chunk holds, and where it starts over, for texts in memory and in files. */
#include "corpora.h"

/* ---- What is served, and in which order ---- */

static void test_streams_lie_one_behind_the_other_and_targets_are_one_symbol_on(void **state)
{
    (void)state;
    static const int32_t inputs[] = {'a', 'f', 'b', 'g'};
    static const int32_t targets[] = {'b', 'g', 'c', 'h'};
    rnn_vocab *vocab = vocab_of_all_bytes();
    rnn_corpus *corpus = corpus_of_text(vocab, "abcdefghijk", 11, 2, 2); /* S = 5: "abcde", "fghij" */
    rnn_chunk chunk = next_chunk(corpus);
    assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
    assert_memory_equal(chunk.targets, targets, sizeof targets);
    assert_int_equal(rnn_corpus_position(corpus), 2);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
}

static void test_ids_are_the_vocabularys(void **state)
{
    (void)state;
    static const int32_t inputs[] = {2, 1, 0};
    static const int32_t targets[] = {1, 0, 1};
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "zya", 3);
    rnn_corpus *corpus = corpus_of_text(vocab, "ayzya", 5, 3, 1);
    rnn_vocab_destroy(vocab);
    rnn_chunk chunk = next_chunk(corpus);
    assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
    assert_memory_equal(chunk.targets, targets, sizeof targets);
    rnn_corpus_destroy(corpus);
}

/*
 * Serves the corpus from its start, in so many passes but at most 500 chunks, then from about `seeks` of its positions
 * (from all if there are fewer) and after a rewind, unless `seeks` is 0.
 */
static void check_shape(const sample *s, int64_t steps, int64_t streams, int64_t passes, int64_t seeks)
{
    for (int where = IN_MEMORY; where <= IN_FILE; where++) {
        definition defined = define(s, steps, streams);
        rnn_corpus *corpus = open_corpus(s, where, steps, streams);
        int64_t chunks = chunks_of(&defined), served = passes * chunks + 2;
        assert_int_equal(rnn_corpus_size(corpus), s->count);
        assert_int_equal(rnn_corpus_chunks(corpus), chunks);
        assert_serves(corpus, &defined, served < 500 ? served : 500);
        if (seeks > 0) {
            for (int64_t n = chunks; n >= 0; n -= 1 + chunks / seeks) {
                seek_chunk(corpus, &defined, n);
                assert_serves(corpus, &defined, 2);
            }
            assert_ok(rnn_corpus_rewind(corpus));
            defined.position = 0;
            assert_serves(corpus, &defined, 1);
        }
        rnn_corpus_destroy(corpus);
    }
}

static void check_small_shape(const sample *s, int64_t steps, int64_t streams)
{
    check_shape(s, steps, streams, 3, 30);
}

static void test_every_chunk_of_every_small_shape_is_as_defined_from_every_position(void **state)
{
    (void)state;
    for_each_small_shape(26, check_small_shape);
}

static void test_large_texts_are_served_as_defined(void **state)
{
    (void)state;
    static const struct {
        int64_t steps, streams;
    } byte_shapes[] = {{1, 1},       {25, 1},      {65535, 1},   {65536, 1},  {65537, 1},  {65537, 3}, {100000, 5},
                       {700000, 1},  {3000016, 1}, {1, 1048576}, {1, 1000},   {64, 64},    {4096, 50}, {333333, 8},
                       {1500008, 2}, {3, 999999},  {131072, 2},  {8192, 300}, {1048576, 2}},
      code_point_shapes[] = {{1, 1},      {25, 1},    {65535, 1}, {262143, 1}, {131072, 2}, {400002, 1}, {1, 400002},
                             {100, 1000}, {1000, 50}, {3, 33333}, {21845, 12}, {20000, 16}, {7, 20000},  {4096, 64}};
    sample bytes = create_bytes(3000017, 1);
    for (size_t i = 0; i < sizeof byte_shapes / sizeof byte_shapes[0]; i++)
        check_shape(&bytes, byte_shapes[i].steps, byte_shapes[i].streams, 1, 0);
    destroy_sample(&bytes);
    sample code_points = create_code_points(400003, 3000, 1);
    for (size_t i = 0; i < sizeof code_point_shapes / sizeof code_point_shapes[0]; i++)
        check_shape(&code_points, code_point_shapes[i].steps, code_point_shapes[i].streams, 1, 2);
    destroy_sample(&code_points);
}

/* One pass must have every symbol but the first as a target, once, in streams as equal in length as can be. */
static void assert_all_is_served(rnn_corpus *corpus, const definition *d)
{
    int64_t share = (d->size - 1) / d->streams, longer = (d->size - 1) % d->streams, longest = share + (longer > 0);
    int64_t served = 0, chunks = rnn_corpus_chunks(corpus);
    assert_int_equal(chunks, (longest + d->steps - 1) / d->steps);
    for (int64_t n = 0; n < chunks; n++) {
        rnn_chunk chunk = empty_chunk();
        int32_t restarted = -7;
        int64_t position = n * d->steps, rest = longest - position, most = 0;
        if (n > 0) /* before the first chunk it may be the end of the last pass */
            assert_int_equal(rnn_corpus_position(corpus), position);
        assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
        assert_int_equal(restarted, n == 0);
        assert_int_equal(chunk.streams, d->streams);
        assert_int_equal(chunk.steps, rest < d->steps ? rest : d->steps);
        for (int64_t b = 0; b < d->streams; b++) {
            int64_t begin = b * share + (b < longer ? b : longer), left = share + (b < longer) - position;
            int64_t length = left < chunk.steps ? left : chunk.steps;
            assert_int_equal(chunk.lengths ? chunk.lengths[b] : chunk.steps, length);
            most = length > most ? length : most;
            for (int64_t t = 0; t < chunk.steps; t++) {
                int64_t at = begin + position + t;
                assert_int_equal(chunk.inputs[t * d->streams + b], t < length ? d->ids[at] : 0);
                assert_int_equal(chunk.targets[t * d->streams + b], t < length ? d->ids[at + 1] : RNN_IGNORE);
            }
            served += length;
        }
        assert_int_equal(most, chunk.steps);
    }
    assert_int_equal(served, d->size - 1);
    assert_int_equal(rnn_corpus_position(corpus), chunks * d->steps);
}

static void check_that_all_is_served(const sample *s, int64_t steps, int64_t streams)
{
    for (int where = IN_MEMORY; where <= IN_FILE; where++) {
        definition defined = define(s, steps, streams);
        rnn_corpus *corpus = open_corpus(s, where, steps, streams);
        assert_ok(rnn_corpus_set_drop_last(corpus, 0));
        assert_all_is_served(corpus, &defined);
        assert_all_is_served(corpus, &defined);
        rnn_corpus_destroy(corpus);
    }
}

static void test_without_drop_last_every_symbol_is_a_target_once_a_pass(void **state)
{
    (void)state;
    for_each_small_shape(26, check_that_all_is_served);
}

static void test_without_drop_last_a_file_larger_than_its_windows_is_served_whole(void **state)
{
    (void)state;
    sample s = create_bytes((5 << 19) + 3, 5);
    for (int64_t streams = 1; streams <= 7; streams += 2)
        check_that_all_is_served(&s, 1000, streams);
    destroy_sample(&s);
}

static void test_set_drop_last_goes_back_to_the_start_and_can_be_undone(void **state)
{
    (void)state;
    sample s = create_bytes(26, 26);
    definition defined = define(&s, 4, 3);
    rnn_corpus *corpus = open_corpus(&s, IN_MEMORY, 4, 3);
    (void)next_chunk(corpus);
    assert_ok(rnn_corpus_set_drop_last(corpus, 0));
    assert_all_is_served(corpus, &defined);
    assert_ok(rnn_corpus_seek(corpus, 8));
    rnn_chunk chunk = next_chunk(corpus);
    assert_int_equal(chunk.steps, 1);
    assert_non_null(chunk.lengths);
    assert_ok(rnn_corpus_set_drop_last(corpus, 1));
    assert_serves(corpus, &defined, 5);
    rnn_corpus_destroy(corpus);
    destroy_sample(&s);
}

static void test_both_parts_of_a_split_keep_set_drop_last(void **state)
{
    (void)state;
    sample s = create_bytes(26, 26);
    definition whole = define(&s, 2, 3), first = part_of(&whole, 0, 13), second = part_of(&whole, 13, 13);
    rnn_corpus *corpus = open_corpus(&s, IN_MEMORY, 2, 3);
    assert_ok(rnn_corpus_set_drop_last(corpus, 0));
    rnn_corpus *validation = split(corpus, 0.5);
    assert_all_is_served(corpus, &first);
    assert_all_is_served(validation, &second);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(corpus);
    destroy_sample(&s);
}

static void test_rewind_goes_back_to_the_start_from_anywhere(void **state)
{
    (void)state;
    static const int64_t sizes[] = {50, 500000}, steps[] = {5, 3000}, streams[] = {2, 3}, most[] = {7, 60};
    for (int i = 0; i < 2; i++) {
        sample s = create_bytes(sizes[i], 1);
        for (int where = IN_MEMORY; where <= IN_FILE; where++) {
            rnn_corpus *corpus = open_corpus(&s, where, steps[i], streams[i]);
            for (int64_t served = 0; served < most[i]; served += 1 + most[i] / 10) {
                definition defined = define(&s, steps[i], streams[i]);
                assert_serves(corpus, &defined, served);
                assert_ok(rnn_corpus_rewind(corpus));
                assert_int_equal(rnn_corpus_position(corpus), 0);
            }
            rnn_corpus_destroy(corpus);
        }
        destroy_sample(&s);
    }
}

static void test_a_text_is_copied(void **state)
{
    (void)state;
    sample s = create_bytes(50, 1);
    definition defined = define(&s, 5, 2);
    rnn_corpus *corpus = open_corpus(&s, IN_MEMORY, 5, 2);
    memset(s.bytes, 0, s.size);
    free(s.bytes);
    s.bytes = NULL;
    assert_serves(corpus, &defined, 10);
    rnn_corpus_destroy(corpus);
    destroy_sample(&s);
}

/* ---- Bad arguments ---- */

static void test_a_text_of_fewer_than_b_t_plus_1_symbols_is_refused(void **state)
{
    (void)state;
    rnn_vocab *vocab = vocab_of_all_bytes();
    rnn_corpus *corpus = UNTOUCHED;
    for (size_t size = 0; size <= 12; size++) {
        const char *part = size == 0 ? "" : "13";
        write_file("text", "abcdefghijkl", size);
        assert_fails(rnn_corpus_create_from_text(vocab, "abcdefghijkl", size, 4, 3, &corpus), RNN_ERROR_ARGUMENT, part);
        assert_fails(rnn_corpus_create_from_file(vocab, "text", 4, 3, &corpus), RNN_ERROR_ARGUMENT, part);
    }
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
}

static void test_an_unknown_symbol_in_a_text_is_refused_with_its_offset(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    char *text = allocate(SIZE, 1);
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "ab", 2);
    rnn_corpus *corpus = UNTOUCHED;
    memset(text, 'a', SIZE);
    text[54321] = '?';
    text[54322] = '!';
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
        cmocka_unit_test(test_streams_lie_one_behind_the_other_and_targets_are_one_symbol_on),
        cmocka_unit_test(test_ids_are_the_vocabularys),
        test_with_files(test_every_chunk_of_every_small_shape_is_as_defined_from_every_position),
        test_with_files(test_large_texts_are_served_as_defined),
        test_with_files(test_without_drop_last_every_symbol_is_a_target_once_a_pass),
        test_with_files(test_without_drop_last_a_file_larger_than_its_windows_is_served_whole),
        test_with_files(test_set_drop_last_goes_back_to_the_start_and_can_be_undone),
        test_with_files(test_both_parts_of_a_split_keep_set_drop_last),
        test_with_files(test_rewind_goes_back_to_the_start_from_anywhere),
        test_with_files(test_a_text_is_copied),
        test_with_files(test_a_text_of_fewer_than_b_t_plus_1_symbols_is_refused),
        cmocka_unit_test(test_an_unknown_symbol_in_a_text_is_refused_with_its_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
