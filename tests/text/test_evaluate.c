/*
 * Corpora of ids, in memory and in files, and the loss of a model over a whole corpus.
 */
#include "corpora.h"

enum { COUNT = 1000, STEPS = 7, STREAMS = 3 };

static int32_t *make_ids(int64_t count, int64_t symbols)
{
    random_source source = {17};
    int32_t *ids = allocate(count, sizeof *ids);
    for (int64_t i = 0; i < count; i++)
        ids[i] = random_below(&source, symbols);
    ids[count / 2] = (int32_t)(symbols - 1);
    return ids;
}

static rnn_corpus *corpus_of_ids(const int32_t *ids, int64_t count, int64_t symbols, int64_t steps, int64_t streams)
{
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_ids(ids, count, symbols, steps, streams, &corpus));
    return corpus;
}

/* Each id becomes an unsigned number of `id_size` bytes, the lowest first. */
static void write_ids(const char *path, const int32_t *ids, int64_t count, int64_t id_size)
{
    unsigned char *bytes = allocate(count, (size_t)id_size);
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < id_size; k++)
            bytes[i * id_size + k] = (unsigned char)((uint32_t)ids[i] >> 8 * k);
    write_file(path, bytes, (size_t)(count * id_size));
    free(bytes);
}

/* The corpus must serve the ids, through the end and once more from the start. */
static void assert_serves_ids(rnn_corpus *corpus, const int32_t *ids, int64_t count)
{
    definition defined = {ids, count, STEPS, STREAMS, 0};
    assert_int_equal(rnn_corpus_size(corpus), count);
    assert_serves(corpus, &defined, chunks_of(&defined) + 2);
}

static rnn_corpus *corpus_of_id_file(const char *path, int32_t id_size, int64_t symbols, int64_t steps, int64_t streams)
{
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_id_file(path, id_size, symbols, steps, streams, &corpus));
    return corpus;
}

/* ---- Corpora of ids ---- */

static void test_ids_of_every_size_are_served_from_memory_and_from_files(void **state)
{
    (void)state;
    static const struct {
        int64_t symbols;
        int32_t id_size;
    } sizes[] = {{1, 1}, {2, 2}, {256, 1}, {257, 2}, {65536, 2}, {65537, 4}, {1 << 24, 4}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int32_t *ids = make_ids(COUNT, sizes[i].symbols);
        write_ids("ids", ids, COUNT, sizes[i].id_size);
        rnn_corpus *memory = corpus_of_ids(ids, COUNT, sizes[i].symbols, STEPS, STREAMS);
        rnn_corpus *file = corpus_of_id_file("ids", sizes[i].id_size, sizes[i].symbols, STEPS, STREAMS);
        assert_serves_ids(memory, ids, COUNT);
        assert_serves_ids(file, ids, COUNT);
        rnn_corpus_destroy(memory);
        rnn_corpus_destroy(file);
        free(ids);
    }
}

/* The file is larger than the window of 1 MiB that all streams share. */
static void test_a_large_file_of_ids_is_read_in_windows(void **state)
{
    (void)state;
    enum { LARGE = 900000 };
    int32_t *ids = make_ids(LARGE, 70000);
    write_ids("ids", ids, LARGE, 4);
    rnn_corpus *file = corpus_of_id_file("ids", 4, 70000, STEPS, STREAMS);
    assert_serves_ids(file, ids, LARGE);
    rnn_corpus_destroy(file);
    free(ids);
}

static void test_a_corpus_of_ids_is_split_and_goes_to_any_position(void **state)
{
    (void)state;
    int32_t *ids = make_ids(COUNT, 300);
    rnn_corpus *corpus = corpus_of_ids(ids, COUNT, 300, STEPS, STREAMS), *rest = split(corpus, 0.25);
    assert_serves_ids(corpus, ids, 750);
    assert_serves_ids(rest, ids + 750, 250);
    assert_ok(rnn_corpus_seek(rest, 2 * STEPS));
    assert_int_equal(next_chunk(rest).inputs[0], ids[750 + 2 * STEPS]);
    rnn_corpus_destroy(corpus);
    rnn_corpus_destroy(rest);
    free(ids);
}

static void test_bad_ids_and_arguments_are_refused(void **state)
{
    (void)state;
    static const int32_t ids[] = {0, 1, 2, 3, 4, 5};
    rnn_corpus *corpus = NULL;
    assert_fails(rnn_corpus_create_from_ids(ids, 6, 5, 1, 1, &corpus), RNN_ERROR_SYMBOL,
                 "ids[5] is 5; it must be 0 to 4");
    assert_fails(rnn_corpus_create_from_ids(ids, 6, 6, 3, 2, &corpus), RNN_ERROR_ARGUMENT, "at least 7");
    write_file("ids", "\x01\x00\x02\x00\x09\x00\x01", 7);
    assert_fails(rnn_corpus_create_from_id_file("ids", 2, 6, 1, 1, &corpus), RNN_ERROR_FORMAT,
                 "ids has 7 bytes; it must have a multiple of id_size, 2");
    assert_fails(rnn_corpus_create_from_id_file("ids", 3, 6, 1, 1, &corpus), RNN_ERROR_ARGUMENT,
                 "id_size is 3; it must be 1, 2 or 4");
    assert_fails(rnn_corpus_create_from_id_file("none", 2, 6, 1, 1, &corpus), RNN_ERROR_IO, "none");
    assert_null(corpus);
}

static void test_an_id_out_of_range_is_found_where_it_is_read(void **state)
{
    (void)state;
    rnn_chunk chunk = empty_chunk();
    write_file("ids", "\x01\x00\x02\x00\x03\x00\xff\xff\x01\x00", 10);
    rnn_corpus *corpus = corpus_of_id_file("ids", 2, 6, 1, 1);
    (void)next_chunk(corpus);
    (void)next_chunk(corpus);
    assert_fails(rnn_corpus_next(corpus, &chunk, NULL), RNN_ERROR_SYMBOL,
                 "the id at offset 6 of ids is 65535; it must be 0 to 5");
    assert_int_equal(rnn_corpus_position(corpus), 2);
    rnn_corpus_destroy(corpus);
}

/* ---- Evaluating ---- */

static rnn_model *model_for(int64_t symbols, int32_t precision)
{
    rnn_model_options o = make_options(symbols, 8, symbols, 2, precision);
    o.cell = RNN_CELL_LSTM;
    return create_random_model(&o, 0.8, 3);
}

/* The loss by rnn_forward(), step by step. The streams are parts of the text as equal in length as can be. */
static rnn_loss evaluate_by_steps(const rnn_model *model, const int32_t *ids, int64_t count, int64_t streams)
{
    rnn_state *run = create_state(model, 1);
    rnn_loss total = {0, 0};
    int64_t at = 0;
    for (int64_t b = 0; b < streams; b++) {
        int64_t part = (count - 1) / streams + (b < (count - 1) % streams);
        assert_ok(rnn_state_reset(run));
        for (int64_t t = 0; t < part; t++, at++) {
            rnn_loss loss;
            const int32_t *id = ids + at;
            rnn_chunk one = {.struct_size = sizeof one, .steps = 1, .streams = 1, .inputs = id, .targets = id + 1};
            assert_ok(rnn_forward(model, run, &one, NULL, 0, &loss));
            total.sum += loss.sum;
            total.count += loss.count;
        }
    }
    assert_int_equal(at, count - 1);
    rnn_state_destroy(run);
    return total;
}

static void test_every_symbol_but_the_first_is_a_target_once(void **state)
{
    (void)state;
    static const int64_t streams[] = {1, 2, 7, 64, COUNT - 1};
    int32_t *ids = make_ids(COUNT, 9);
    rnn_model *model = model_for(9, RNN_FLOAT64);
    for (int i = 0; i < 5; i++) {
        rnn_loss expected = evaluate_by_steps(model, ids, COUNT, streams[i]);
        for (int64_t steps = 1; steps <= 100; steps *= 10) { /* the corpus's T and B don't matter */
            rnn_corpus *corpus = corpus_of_ids(ids, COUNT, 9, steps, 3);
            rnn_loss loss;
            int64_t hits = -1;
            assert_ok(rnn_evaluate(model, corpus, streams[i], &loss, &hits));
            assert_int_equal(loss.count, COUNT - 1);
            assert_relative(loss.sum, expected.sum, 1e-12);
            assert_in_range(hits, 1, COUNT - 2);
            assert_int_equal(rnn_corpus_position(corpus), 0);
            rnn_corpus_destroy(corpus);
        }
    }
    rnn_model_destroy(model);
    free(ids);
}

/* The same symbols as bytes, code points and ids, in memory and in a file, and a part of a corpus */
static void test_all_kinds_of_corpora_give_the_same_loss(void **state)
{
    (void)state;
    enum { LETTERS = 6, TEXT = 500 };
    static const char *const letters[LETTERS] = {"a", "b", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x99\x82", "z"};
    int32_t *ids = make_ids(TEXT, LETTERS);
    char *bytes = allocate(TEXT + 1, 1), *text = allocate(4 * TEXT + 1, 1), all[32] = "";
    for (int i = 0; i < LETTERS; i++)
        strcat(all, letters[i]);
    for (int i = 0; i < TEXT; i++) {
        bytes[i] = (char)('A' + ids[i]);
        strcat(text, letters[ids[i]]);
    }
    write_file("text", text, strlen(text));
    rnn_vocab *of_bytes = vocab_of_list(RNN_VOCAB_BYTES, "ABCDEF", LETTERS);
    rnn_vocab *of_points = vocab_of_list(RNN_VOCAB_UTF8, all, strlen(all));
    rnn_corpus *corpora[] = {
        corpus_of_ids(ids, TEXT, LETTERS, 5, 2),
        corpus_of_text(of_bytes, bytes, TEXT, 5, 2),
        corpus_of_text(of_points, text, strlen(text), 5, 2),
        corpus_of_file(of_points, "text", 5, 2),
    };
    rnn_model *model = model_for(LETTERS, RNN_FLOAT32);
    rnn_loss expected = {0, 0}, loss;
    assert_ok(rnn_evaluate(model, corpora[0], 3, &expected, NULL));
    for (int i = 1; i < 4; i++) {
        assert_ok(rnn_evaluate(model, corpora[i], 3, &loss, NULL));
        assert_memory_equal(&loss, &expected, sizeof loss);
    }
    rnn_corpus *end = split(corpora[3], 0.5), *half = corpus_of_ids(ids + TEXT / 2, TEXT / 2, LETTERS, 5, 2);
    assert_ok(rnn_evaluate(model, half, 3, &expected, NULL));
    assert_ok(rnn_evaluate(model, end, 3, &loss, NULL));
    assert_memory_equal(&loss, &expected, sizeof loss);
    for (int i = 0; i < 4; i++)
        rnn_corpus_destroy(corpora[i]);
    rnn_corpus_destroy(half);
    rnn_corpus_destroy(end);
    rnn_vocab_destroy(of_bytes);
    rnn_vocab_destroy(of_points);
    rnn_model_destroy(model);
    free(ids);
    free(bytes);
    free(text);
}

static void test_evaluation_refuses_what_does_not_fit_and_results_stay(void **state)
{
    (void)state;
    int32_t *ids = make_ids(COUNT, 9);
    rnn_corpus *corpus = corpus_of_ids(ids, COUNT, 9, STEPS, STREAMS);
    rnn_model *model = model_for(9, RNN_FLOAT32), *small = model_for(8, RNN_FLOAT32);
    rnn_model_options v = make_options(2, 3, 9, 1, RNN_FLOAT32);
    v.input = RNN_INPUT_VECTORS;
    rnn_model *vectors = create_model(&v);
    rnn_loss loss = {-7, -7};
    assert_fails(rnn_evaluate(model, corpus, COUNT, &loss, NULL), RNN_ERROR_ARGUMENT,
                 "streams is 1000; the corpus has 999 targets");
    assert_fails(rnn_evaluate(vectors, corpus, 1, &loss, NULL), RNN_ERROR_MISMATCH, "vectors");
    assert_fails(rnn_evaluate(small, corpus, 1, &loss, NULL), RNN_ERROR_SYMBOL, "is 8; it must be 0 to 7");
    assert_true(loss.sum == -7 && loss.count == -7);
    rnn_corpus_destroy(corpus);
    rnn_model_destroy(model);
    rnn_model_destroy(small);
    rnn_model_destroy(vectors);
    free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_ids_of_every_size_are_served_from_memory_and_from_files),
        test_with_files(test_a_large_file_of_ids_is_read_in_windows),
        cmocka_unit_test(test_a_corpus_of_ids_is_split_and_goes_to_any_position),
        test_with_files(test_bad_ids_and_arguments_are_refused),
        test_with_files(test_an_id_out_of_range_is_found_where_it_is_read),
        cmocka_unit_test(test_every_symbol_but_the_first_is_a_target_once),
        test_with_files(test_all_kinds_of_corpora_give_the_same_loss),
        cmocka_unit_test(test_evaluation_refuses_what_does_not_fit_and_results_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
