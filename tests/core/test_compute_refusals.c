/* Chunks that the forward and backward passes refuse, and losses that aren't finite. Neither may change anything. */
#include "computations.h"

/* ---- Calls that fail and change nothing ---- */

/* A small fixture whose gradients, state and parameters aren't zero */
static fixture create_trained_fixture(int32_t precision)
{
    fixture f = create_small_fixture(precision, RNN_REDUCTION_SUM, 0.2);
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    return f;
}

/* Both passes over the chunk must fail with this status and leave model, state and loss as they were. */
static void assert_refuses_state(fixture *f, rnn_state *state, const rnn_chunk *chunk, rnn_status status,
                                 const char *part)
{
    const rnn_loss untouched = {-7, -7};
    rnn_loss loss = untouched;
    scoped_snapshot before = take_snapshot(f->model, f->state);
    assert_fails(rnn_forward(f->model, state, chunk, NULL, 0, &loss), status, part);
    assert_unchanged(&before, f->model, f->state);
    assert_fails(rnn_forward_backward(f->model, state, chunk, &loss), status, part);
    assert_unchanged(&before, f->model, f->state);
    assert_true(loss.sum == untouched.sum && loss.count == untouched.count);
}

static void assert_refuses(fixture *f, const rnn_chunk *chunk, rnn_status status, const char *part)
{
    assert_refuses_state(f, f->state, chunk, status, part);
}

static void test_sizes_out_of_range_are_refused(void **state)
{
    static const int64_t bad_steps[] = {0, -1, 16777217, INT64_C(1) << 40, INT64_MIN, INT64_MAX};
    static const int64_t bad_streams[] = {0, -1, 1048577, INT64_C(1) << 40, INT64_MIN, INT64_MAX};
    scoped_fixture f = create_trained_fixture(RNN_FLOAT32);
    for (int i = 0; i < COUNT_OF(bad_steps); i++) {
        rnn_chunk steps = f.chunk.chunk, streams = f.chunk.chunk;
        steps.steps = bad_steps[i];
        streams.streams = bad_streams[i];
        assert_refuses(&f, &steps, RNN_ERROR_ARGUMENT, "steps");
        assert_refuses(&f, &streams, RNN_ERROR_ARGUMENT, "streams");
    }
}

static void test_another_number_of_streams_than_the_states_is_refused(void **state)
{
    scoped_fixture f = create_trained_fixture(RNN_FLOAT32);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.streams = f.chunk.chunk.streams - 1;
    assert_refuses(&f, &chunk, RNN_ERROR_MISMATCH, "streams");
    chunk.streams = f.chunk.chunk.streams + 1;
    assert_refuses(&f, &chunk, RNN_ERROR_MISMATCH, "streams");
}

/* Puts each bad id at the first position, one in the middle, and the last. */
static void assert_refuses_ids(fixture *f, int32_t *ids, const int32_t *bad, int count, const char *part)
{
    int64_t last = f->chunk.chunk.steps * f->chunk.chunk.streams - 1;
    const int64_t places[] = {0, last / 2, last};
    for (size_t p = 0; p < COUNT_OF(places); p++) {
        int32_t good = ids[places[p]];
        for (int i = 0; i < count; i++) {
            ids[places[p]] = bad[i];
            assert_refuses(f, &f->chunk.chunk, RNN_ERROR_SYMBOL, part);
        }
        ids[places[p]] = good;
    }
}

static void test_ids_out_of_range_are_refused(void **state)
{
    scoped_fixture f = create_trained_fixture(RNN_FLOAT32);
    const int32_t bad_inputs[] = {(int32_t)f.options.input_size, -1, INT32_MIN, INT32_MAX};
    const int32_t bad_targets[] = {(int32_t)f.options.output_size, -2, INT32_MIN, INT32_MAX};
    assert_refuses_ids(&f, f.chunk.inputs, bad_inputs, COUNT_OF(bad_inputs), "inputs");
    assert_refuses_ids(&f, f.chunk.targets, bad_targets, COUNT_OF(bad_targets), "targets");
}

static void test_missing_ids_are_refused(void **state)
{
    scoped_fixture f = create_trained_fixture(RNN_FLOAT32);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.inputs = NULL;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "inputs");
    chunk = f.chunk.chunk;
    chunk.targets = NULL;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "targets");
    scoped_snapshot before = take_snapshot(f.model, f.state);
    assert_fails(rnn_forward_backward(f.model, f.state, &chunk, NULL), RNN_ERROR_ARGUMENT, "targets");
    assert_unchanged(&before, f.model, f.state);
}

static void assert_refuses_state_of(fixture *f, int64_t hidden_size, int64_t layers, int32_t precision)
{
    rnn_model_options options =
        make_kind_options(f->options.input_size, hidden_size, f->options.output_size, layers, precision);
    scoped_model *other = create_random_model(&options, 0.5, 51);
    scoped_state *foreign = create_random_state(other, f->chunk.chunk.streams, 0.9, 52);
    scoped_snapshot before = take_snapshot(other, foreign);
    assert_refuses_state(f, foreign, &f->chunk.chunk, RNN_ERROR_MISMATCH, "state");
    assert_unchanged(&before, other, foreign);
}

static void test_a_state_of_another_shape_or_precision_is_refused(void **state)
{
    scoped_fixture f = create_trained_fixture(RNN_FLOAT32);
    int64_t hidden_size = f.options.hidden_size, layers = f.options.layers;
    assert_refuses_state_of(&f, hidden_size + 1, layers, RNN_FLOAT32);
    assert_refuses_state_of(&f, hidden_size - 1, layers, RNN_FLOAT32);
    assert_refuses_state_of(&f, hidden_size, layers + 1, RNN_FLOAT32);
    assert_refuses_state_of(&f, hidden_size, layers - 1, RNN_FLOAT32);
    assert_refuses_state_of(&f, hidden_size, layers, RNN_FLOAT64);
}

static void test_a_state_of_a_model_with_other_symbols_is_accepted(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    rnn_model_options options = make_kind_options(f.options.input_size + 5, f.options.hidden_size,
                                                  f.options.output_size + 5, f.options.layers, RNN_FLOAT32);
    scoped_model *other = create_model(&options);
    scoped_state *work = create_state(other, f.chunk.chunk.streams);
    assert_true(loss_from(f.model, work, &f) == fresh_loss(f.model, &f));
}

/* ---- Losses that aren't finite ---- */

/* Makes the outputs infinite, some of each sign: saturated units times the largest numbers. */
static void make_outputs_infinite(rnn_model *model)
{
    rnn_model_options options = options_of(model);
    double huge = options.precision == RNN_FLOAT32 ? 3e38 : 1.7e308;
    int64_t count = options.output_size * options.hidden_size;
    double *values = allocate(count, sizeof(double));
    for (int64_t i = 0; i < count; i++)
        values[i] = i < options.hidden_size ? huge : -huge;
    set_parameter(model, index_of(model, "decoder.weight"), values);
    free(values);
    int64_t bias = index_of(model, "rnn.bias_ih_l1");
    count = parameter_of(model, bias).count;
    values = allocate(count, sizeof(double));
    for (int64_t j = 0; j < count; j++) {
        int keeps = options.cell == RNN_CELL_GRU && j / options.hidden_size == 1; /* z = 1 would keep h as it is */
        values[j] = keeps ? -50 : 50;
    }
    set_parameter(model, bias, values);
    free(values);
}

static void test_a_loss_that_is_not_finite_is_an_error_that_changes_nothing(void **state)
{
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        scoped_fixture f = create_trained_fixture(precision);
        make_outputs_infinite(f.model);
        assert_refuses(&f, &f.chunk.chunk, RNN_ERROR_NONFINITE, "loss");
    }
}

/* Only the last position is bad, so all others have been computed when it is found. */
static void test_one_position_with_a_loss_that_is_not_finite_is_enough(void **state)
{
    scoped_fixture f = create_trained_fixture(RNN_FLOAT32);
    make_outputs_infinite(f.model);
    int64_t positions = f.chunk.chunk.steps * f.chunk.chunk.streams;
    for (int64_t i = 0; i < positions; i++)
        f.chunk.targets[i] = RNN_IGNORE;
    f.chunk.targets[positions - 1] = 1;
    assert_refuses(&f, &f.chunk.chunk, RNN_ERROR_NONFINITE, "loss");
}

static void test_a_state_computes_as_before_after_a_loss_that_was_not_finite(void **state)
{
    scoped_fixture f = create_trained_fixture(RNN_FLOAT32);
    scoped_model *infinite = create_random_model(&f.options, 0.5, 61);
    make_outputs_infinite(infinite);
    scoped_state *work = copy_state(&f);
    double expected = fresh_loss(f.model, &f);
    assert_fails(rnn_forward_backward(infinite, work, &f.chunk.chunk, NULL), RNN_ERROR_NONFINITE, "loss");
    rnn_loss loss = {0};
    assert_ok(rnn_forward(f.model, work, &f.chunk.chunk, NULL, 0, &loss));
    assert_true(loss.sum == expected);
}

static void test_large_finite_outputs_are_no_error(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    int64_t count = f.options.output_size;
    double *bias = allocate(count, sizeof(double));
    bias[0] = 1e30;
    bias[1] = -1e30;
    set_parameter(f.model, index_of(f.model, "decoder.bias"), bias);
    free(bias);
    for (int64_t i = 0; i < f.chunk.chunk.steps * f.chunk.chunk.streams; i++)
        f.chunk.targets[i] = 0;
    scoped_results got = run_forward_backward(f.model, f.state, &f.chunk.chunk);
    assert_true(got.loss.sum == 0);
    assert_zero(got.gradients, got.gradient_count);
}

/* Destroys a model and returns a copy whose embedding begins with infinity. Only a file can contain that. */
static rnn_model *with_infinite_embedding(rnn_model *model)
{
    enum { ROOM = 1 << 16 };
    const float mark = 12345.678f, infinite = INFINITY;
    float embedding[3 * 4] = {mark};
    scoped_memory char *bytes = allocate(ROOM, 1);
    size_t size = 0, at = 0;
    rnn_model *loaded = NULL;
    assert_ok(rnn_model_set_parameter(model, index_of(model, "embedding.weight"), embedding, 3 * 4));
    assert_ok(rnn_model_save_to_memory(model, NULL, bytes, ROOM, &size));
    while (memcmp(bytes + at, &mark, sizeof mark) != 0)
        at++;
    memcpy(bytes + at, &infinite, sizeof infinite);
    assert_ok(rnn_model_load_from_memory(bytes, size, NULL, &loaded, NULL));
    rnn_model_destroy(model);
    return loaded;
}

/* With 4, 8 and 16 units, the rows have no padding at one vector width or more. Otherwise they always have some. */
static void test_an_infinite_embedding_saturates_units_and_nothing_else(void **test)
{
    static const int64_t sizes[] = {1, 4, 5, 8, 9, 13, 16, 17};
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int size = 0; size < COUNT_OF(sizes); size++)
            for (int64_t streams = 1; streams <= 2; streams++) {
                rnn_model_options options = make_options(3, sizes[size], 3, 1, RNN_FLOAT32);
                options.cell = cell;
                options.input = RNN_INPUT_EMBEDDING;
                options.embedding_size = 4;
                options.initialization = RNN_INIT_UNIFORM;
                scoped_model *model = with_infinite_embedding(create_model(&options));
                const int32_t ids[2] = {0, 0};
                float outputs[2][2 * 3];
                scoped_state *state = create_state(model, streams);
                rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = streams, .inputs = ids};
                for (int call = 0; call < 2; call++) {
                    assert_ok(rnn_state_reset(state));
                    assert_ok(rnn_forward(model, state, &chunk, outputs[call], streams * 3, NULL));
                }
                assert_memory_equal(outputs[0], outputs[1], (size_t)streams * 3 * sizeof(float));
                for (int64_t i = 0; i < streams * 3; i++)
                    assert_true(isfinite(outputs[0][i]));
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes_out_of_range_are_refused),
        cmocka_unit_test(test_another_number_of_streams_than_the_states_is_refused),
        cmocka_unit_test(test_ids_out_of_range_are_refused),
        cmocka_unit_test(test_missing_ids_are_refused),
        cmocka_unit_test(test_a_state_of_another_shape_or_precision_is_refused),
        cmocka_unit_test(test_a_state_of_a_model_with_other_symbols_is_accepted),
        cmocka_unit_test(test_a_loss_that_is_not_finite_is_an_error_that_changes_nothing),
        cmocka_unit_test(test_one_position_with_a_loss_that_is_not_finite_is_enough),
        cmocka_unit_test(test_a_state_computes_as_before_after_a_loss_that_was_not_finite),
        cmocka_unit_test(test_large_finite_outputs_are_no_error),
        cmocka_unit_test(test_an_infinite_embedding_saturates_units_and_nothing_else),
    };
    int failed = 0;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        kind = &kinds[i];
        failed += cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
    }
    return failed;
}
