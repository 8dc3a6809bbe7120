/* The division of work among threads, calls and streams doesn't change a bit of any result. */
#include "bits.h"

/* ---- How the work is divided --------------------------------------------------------------------------------- */

static void check_threads(const bits_case *c)
{
    assert_ok(rnn_set_threads(1));
    hashes alone = compute(c);
    for (int32_t threads = 2; threads <= 3; threads++) {
        assert_ok(rnn_set_threads(threads));
        hashes together = compute(c);
        assert_memory_equal(&together, &alone, sizeof alone);
    }
    assert_ok(rnn_set_threads(0));
}

/* One call for each step must give the same outputs and state as one call for the chunk. */
static void check_steps(const bits_case *c)
{
    scoped_model *model = create_model(&c->model);
    scoped_state *whole = create_random_state(model, STREAMS, 0.5, 1),
                 *stepwise = create_random_state(model, STREAMS, 0.5, 1);
    int64_t row = STREAMS * c->model.output_size;
    size_t size = (size_t)row * precision_size(c->model.precision);
    scoped_memory char *expected = allocate(STEPS, size), *actual = allocate(STEPS, size);
    RUN(rnn_forward(model, whole, &c->chunks[0].chunk, expected, STEPS * row, NULL));
    for (int64_t t = 0; t < STEPS; t++) {
        rnn_chunk step = chunk_steps(&c->chunks[0], t, 1);
        RUN(rnn_forward(model, stepwise, &step, actual + (size_t)t * size, row, NULL));
    }
    assert_memory_equal(actual, expected, STEPS * size);
    uint64_t hash[2] = {0, 0};
    add_state(&hash[0], &c->model, whole);
    add_state(&hash[1], &c->model, stepwise);
    assert_true(hash[0] == hash[1]);
}

/* Copies the inputs of one stream of a chunk. */
static void gather_stream(const rnn_model_options *o, const owned_chunk *from, int64_t stream, int32_t *ids,
                          char *vectors)
{
    size_t vector = (size_t)o->input_size * precision_size(o->precision);
    for (int64_t t = 0; t < STEPS; t++) {
        int64_t at = t * STREAMS + stream;
        if (from->inputs)
            ids[t] = from->inputs[at];
        else
            memcpy(vectors + (size_t)t * vector, (const char *)from->input_vectors + (size_t)at * vector, vector);
    }
}

/* Each stream must have the outputs that it has alone. */
static void check_streams(const bits_case *c)
{
    const rnn_model_options *o = &c->model;
    scoped_model *model = create_model(o);
    scoped_state *together = create_random_state(model, STREAMS, 0.5, 1), *alone = create_state(model, 1);
    size_t row = (size_t)o->output_size * precision_size(o->precision);
    scoped_memory char *expected = allocate(STEPS * STREAMS, row), *actual = allocate(STEPS, row);
    scoped_memory char *vectors = allocate(STEPS * o->input_size, precision_size(o->precision));
    int32_t ids[STEPS];
    for (int64_t b = 0; b < STREAMS; b++) {
        rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = STEPS, .streams = 1};
        if (c->chunks[0].inputs)
            chunk.inputs = ids;
        else
            chunk.input_vectors = vectors;
        gather_stream(o, &c->chunks[0], b, ids, vectors);
        RUN(rnn_state_copy_stream(alone, 0, together, b));
        RUN(rnn_forward(model, alone, &chunk, actual, STEPS * o->output_size, NULL));
        for (int64_t t = 0; t < STEPS; t++)
            memcpy(expected + (size_t)(t * STREAMS + b) * row, actual + (size_t)t * row, row);
    }
    scoped_memory char *outputs = allocate(STEPS * STREAMS, row);
    RUN(rnn_forward(model, together, &c->chunks[0].chunk, outputs, STEPS * STREAMS * o->output_size, NULL));
    assert_memory_equal(outputs, expected, STEPS * STREAMS * row);
}

static void check_cells(void (*check)(const bits_case *c))
{
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++)
            for (int input = 0; input < INPUTS; input++) {
                bits_case c = case_of(cell, precision, input, input % 2);
                check(&c);
                destroy_chunks(&c);
            }
}

static void test_1_2_and_3_threads_give_the_same_bits(void **state)
{
    check_cells(check_threads);
}

static void test_a_call_for_each_step_gives_the_same_bits_as_one_for_all(void **state)
{
    check_cells(check_steps);
}

static void test_each_stream_alone_gives_the_same_bits_as_all_together(void **state)
{
    check_cells(check_streams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_1_2_and_3_threads_give_the_same_bits),
        cmocka_unit_test(test_a_call_for_each_step_gives_the_same_bits_as_one_for_all),
        cmocka_unit_test(test_each_stream_alone_gives_the_same_bits_as_all_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
