/* The state: its values, copying and resetting it, its random index, and which models and chunks it fits. */
#include "checkpoint_memory.h"
#include "models.h"

/* All that a state's shape depends on, apart from sizes */
static const struct kind {
    int32_t precision, cell;
    int32_t parts; /* h, and c of an LSTM */
} kinds[] = {
    {RNN_FLOAT32, RNN_CELL_TANH, 1}, {RNN_FLOAT64, RNN_CELL_TANH, 1}, {RNN_FLOAT32, RNN_CELL_GRU, 1},
    {RNN_FLOAT64, RNN_CELL_GRU, 1},  {RNN_FLOAT32, RNN_CELL_LSTM, 2}, {RNN_FLOAT64, RNN_CELL_LSTM, 2},
};

enum { KINDS = sizeof kinds / sizeof kinds[0] };

static rnn_model *create_of_cell(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                                 int32_t precision, int32_t cell)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    options.cell = cell;
    return create_random_model(&options, 0.5, 1);
}

static rnn_model *create_of_kind(int64_t hidden_size, int64_t layers, int kind)
{
    return create_of_cell(4, hidden_size, 3, layers, kinds[kind].precision, kinds[kind].cell);
}

/* The two streams must have the same bits, in all layers and parts. */
static void assert_same_stream(const rnn_model *model, const rnn_state *a, int64_t a_stream, const rnn_state *b,
                               int64_t b_stream)
{
    rnn_model_options options = options_of(model);
    int64_t hidden = options.hidden_size;
    scoped_memory double *a_values = get_state(model, a), *b_values = get_state(model, b);
    int64_t rows = options.layers * (options.cell == RNN_CELL_LSTM ? 2 : 1);
    for (int64_t row = 0; row < rows; row++)
        assert_memory_equal(a_values + (row * rnn_state_streams(a) + a_stream) * hidden,
                            b_values + (row * rnn_state_streams(b) + b_stream) * hidden,
                            (size_t)hidden * sizeof(double));
}

static void assert_all_zero(const rnn_model *model, const rnn_state *state)
{
    scoped_memory double *values = get_state(model, state);
    for (int64_t i = 0; i < state_total(model, state); i++)
        assert_true(values[i] == 0);
}

/* ---- Creating ---- */

static void test_a_new_state_is_zeros(void **unused)
{
    (void)unused;
    for (int k = 0; k < KINDS; k++) {
        scoped_model *model = create_of_kind(5, 2, k);
        scoped_state *state = create_state(model, 3);
        assert_int_equal(rnn_state_streams(state), 3);
        assert_all_zero(model, state);
    }
}

static void test_a_state_outlives_its_model(void **unused)
{
    (void)unused;
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT64);
    scoped_model *another = create(4, 5, 3, 2, RNN_FLOAT64);
    scoped_state *state = create_random_state(model, 3, 1, 1);
    scoped_state *copy = create_state(another, 3);
    rnn_model_destroy(model);
    assert_ok(rnn_state_copy(copy, state));
    assert_ok(rnn_state_reset_stream(state, 1));
    scoped_chunk chunk = create_random_chunk(6, 3, 4, 3, 0, 1);
    assert_ok(rnn_forward(another, state, &chunk.chunk, NULL, 0, NULL));
}

/* ---- Get and set ---- */

static void test_what_is_set_is_what_is_got_layer_by_layer_and_part_by_part(void **unused)
{
    (void)unused;
    enum { LAYERS = 3, STREAMS = 4, HIDDEN = 5, COUNT = STREAMS * HIDDEN };
    for (int k = 0; k < KINDS; k++) {
        scoped_model *model = create_of_kind(HIDDEN, LAYERS, k);
        scoped_state *state = create_state(model, STREAMS);
        double expected[2 * LAYERS][COUNT] = {{0}};
        for (int row = 0; row < kinds[k].parts * LAYERS; row++) {
            double values[COUNT];
            for (int i = 0; i < COUNT; i++)
                expected[row][i] = (double)(100 * row + i) - 50; /* beyond the range of tanh */
            from_doubles(kinds[k].precision, expected[row], values, COUNT);
            assert_ok(rnn_state_set(state, row % LAYERS, row / LAYERS, values, COUNT));
            scoped_memory double *got = get_state(model, state);
            assert_memory_equal(got, expected, (size_t)(kinds[k].parts * LAYERS) * sizeof expected[0]);
        }
    }
}

/* With all parameters 0 the gates are 1/2 and the candidate is 0. The next step then depends on c alone, not on h. */
static void test_the_cell_of_an_lstm_is_what_its_next_step_remembers(void **unused)
{
    (void)unused;
    scoped_model *model = create_of_cell(4, 1, 3, 1, RNN_FLOAT64, RNN_CELL_LSTM);
    scoped_state *state = create_state(model, 1);
    const double zeros[16] = {0};
    const int32_t input = 0;
    const double h = 0.75, c = 0.5;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = 1, .inputs = &input};
    double got = 0;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++)
        set_parameter(model, index, zeros);
    assert_ok(rnn_state_set(state, 0, RNN_STATE_HIDDEN, &h, 1));
    assert_ok(rnn_state_set(state, 0, RNN_STATE_MEMORY, &c, 1));
    assert_ok(rnn_forward(model, state, &chunk, NULL, 0, NULL));
    assert_ok(rnn_state_get(state, 0, RNN_STATE_MEMORY, &got, 1));
    assert_relative(got, c / 2, 1e-15);
    assert_ok(rnn_state_get(state, 0, RNN_STATE_HIDDEN, &got, 1));
    assert_relative(got, tanh(c / 2) / 2, 1e-15);
}

static void test_set_values_are_ordered_by_stream_and_then_hidden_unit(void **unused)
{
    (void)unused;
    scoped_model *model = create(4, 2, 3, 1, RNN_FLOAT64);
    scoped_state *state = create_state(model, 3);
    const double values[] = {1, 2, 3, 4, 5, 6}, expected[] = {1, 2, 0, 0, 5, 6};
    double got[6];
    assert_ok(rnn_state_set(state, 0, RNN_STATE_HIDDEN, values, 6));
    assert_ok(rnn_state_reset_stream(state, 1));
    assert_ok(rnn_state_get(state, 0, RNN_STATE_HIDDEN, got, 6));
    assert_memory_equal(got, expected, sizeof expected);
}

static void test_set_refuses_values_that_are_not_finite_wherever_they_stand(void **unused)
{
    (void)unused;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int k = 0; k < KINDS; k++) {
        scoped_model *model = create_of_kind(5, 1, k);
        scoped_state *state = create_random_state(model, 3, 1, 1);
        scoped_snapshot before = take_snapshot(model, state);
        for (int i = 0; i < 15; i++) {
            double numbers[15] = {0}, values[15];
            numbers[i] = bad[i % 3];
            from_doubles(kinds[k].precision, numbers, values, 15);
            char expected[80];
            snprintf(expected, sizeof expected, "values[%d] is %g; all values of layer 0 must be finite", i,
                     bad[i % 3]);
            for (int32_t what = 0; what < kinds[k].parts; what++)
                assert_fails(rnn_state_set(state, 0, what, values, 15), RNN_ERROR_ARGUMENT, expected);
            double all[30] = {0}, all_values[30];
            int last_part = (kinds[k].parts - 1) * 15;
            all[last_part + i] = bad[i % 3];
            from_doubles(kinds[k].precision, all, all_values, 30);
            snprintf(expected, sizeof expected, "values[%d] is %g; it must be finite", last_part + i, bad[i % 3]);
            assert_fails(rnn_state_set_all(state, all_values, last_part + 15), RNN_ERROR_ARGUMENT, expected);
        }
        assert_unchanged(&before, model, state);
    }
}

/* ---- Reset ---- */

static void test_reset_sets_all_streams_to_zeros(void **unused)
{
    (void)unused;
    for (int k = 0; k < KINDS; k++) {
        scoped_model *model = create_of_kind(5, 2, k);
        scoped_state *state = create_random_state(model, 3, 1, 1);
        assert_ok(rnn_state_reset(state));
        assert_all_zero(model, state);
    }
}

static void test_reset_stream_sets_that_stream_to_zeros_and_no_other(void **unused)
{
    (void)unused;
    for (int k = 0; k < KINDS; k++) {
        scoped_model *model = create_of_kind(5, 2, k);
        scoped_state *zeros = create_state(model, 1);
        scoped_state *original = create_random_state(model, 4, 1, 1);
        for (int64_t stream = 0; stream < 4; stream++) {
            scoped_state *state = create_random_state(model, 4, 1, 1);
            assert_ok(rnn_state_reset_stream(state, stream));
            for (int64_t b = 0; b < 4; b++)
                assert_same_stream(model, state, b, b == stream ? zeros : original, b == stream ? 0 : b);
        }
    }
}

/* ---- Copy ---- */

static void test_copy_makes_a_state_of_its_own_with_the_same_values(void **unused)
{
    (void)unused;
    for (int k = 0; k < KINDS; k++) {
        scoped_model *model = create_of_kind(5, 2, k);
        scoped_state *source = create_random_state(model, 3, 1, 1);
        scoped_state *copy = create_random_state(model, 3, 1, 2);
        assert_ok(rnn_state_copy(copy, source));
        for (int64_t b = 0; b < 3; b++)
            assert_same_stream(model, copy, b, source, b);
        scoped_snapshot before = take_snapshot(model, copy);
        assert_ok(rnn_state_reset(source));
        assert_unchanged(&before, model, copy);
    }
}

static void test_copy_onto_itself_changes_nothing(void **unused)
{
    (void)unused;
    scoped_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    scoped_state *state = create_random_state(model, 3, 1, 1);
    scoped_snapshot before = take_snapshot(model, state);
    assert_ok(rnn_state_copy(state, state));
    assert_ok(rnn_state_copy_stream(state, 1, state, 1));
    assert_unchanged(&before, model, state);
}

static void test_copy_stream_copies_that_stream_and_no_other(void **unused)
{
    (void)unused;
    for (int k = 0; k < KINDS; k++) {
        scoped_model *model = create_of_kind(5, 2, k);
        scoped_state *source = create_random_state(model, 3, 1, 1);
        scoped_state *original = create_random_state(model, 2, 1, 2);
        for (int64_t from = 0; from < 3; from++)
            for (int64_t to = 0; to < 2; to++) {
                scoped_state *state = create_random_state(model, 2, 1, 2);
                assert_ok(rnn_state_copy_stream(state, to, source, from));
                assert_same_stream(model, state, to, source, from);
                assert_same_stream(model, state, 1 - to, original, 1 - to);
            }
    }
}

static void test_copy_stream_may_copy_within_a_state(void **unused)
{
    (void)unused;
    scoped_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    scoped_state *original = create_random_state(model, 3, 1, 1);
    scoped_state *state = create_random_state(model, 3, 1, 1);
    assert_ok(rnn_state_copy_stream(state, 0, state, 2));
    assert_same_stream(model, state, 0, original, 2);
    assert_same_stream(model, state, 1, original, 1);
    assert_same_stream(model, state, 2, original, 2);
}

/* ---- What fits ---- */

/* Each differs from `create(4, 5, 3, 2, RNN_FLOAT32)` in one thing that a state depends on. */
static const struct {
    const char *what;
    int64_t hidden_size, layers;
    int32_t precision, cell;
} others[] = {
    {"hidden_size", 6, 2, RNN_FLOAT32, RNN_CELL_TANH}, {"layers", 5, 1, RNN_FLOAT32, RNN_CELL_TANH},
    {"precision", 5, 2, RNN_FLOAT64, RNN_CELL_TANH},   {"cell", 5, 2, RNN_FLOAT32, RNN_CELL_GRU},
    {"cell", 5, 2, RNN_FLOAT32, RNN_CELL_LSTM},
};

static rnn_model *create_other(size_t number, int64_t output_size)
{
    return create_of_cell(4, others[number].hidden_size, output_size, others[number].layers, others[number].precision,
                          others[number].cell);
}

static void test_states_of_models_of_another_shape_do_not_mix(void **unused)
{
    (void)unused;
    scoped_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    scoped_state *state = create_random_state(model, 3, 1, 1);
    scoped_state *narrow = create_random_state(model, 2, 1, 1);
    scoped_snapshot before = take_snapshot(model, state);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        scoped_model *other = create_other(i, 3);
        scoped_state *foreign = create_random_state(other, 3, 1, 1);
        assert_fails(rnn_state_copy(state, foreign), RNN_ERROR_MISMATCH, others[i].what);
        assert_fails(rnn_state_copy_stream(state, 0, foreign, 0), RNN_ERROR_MISMATCH, others[i].what);
    }
    assert_fails(rnn_state_copy(state, narrow), RNN_ERROR_MISMATCH, "streams");
    assert_unchanged(&before, model, state);
}

static void test_a_model_does_not_run_on_a_state_of_another_shape_or_chunks_of_other_streams(void **unused)
{
    (void)unused;
    scoped_model *model = create(4, 5, 4, 2, RNN_FLOAT32);
    scoped_chunk chunk = create_random_chunk(6, 3, 4, 4, 0, 1);
    const int32_t first[] = {0, 1, 2};
    scoped_sampler *sampler = NULL;
    rnn_loss loss = {.sum = 7, .count = 7};
    assert_ok(rnn_sampler_create(NULL, &sampler));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        scoped_model *other = create_other(i, 4);
        scoped_state *foreign = create_random_state(other, 3, 1, 1);
        scoped_snapshot before = take_snapshot(other, foreign);
        int32_t ids[3] = {-7, -7, -7};
        const char *what = others[i].what;
        assert_fails(rnn_forward(model, foreign, &chunk.chunk, NULL, 0, &loss), RNN_ERROR_MISMATCH, what);
        assert_fails(rnn_forward_backward(model, foreign, &chunk.chunk, &loss), RNN_ERROR_MISMATCH, what);
        assert_fails(rnn_sample(model, foreign, sampler, first, 1, ids), RNN_ERROR_MISMATCH, what);
        assert_int_equal(ids[0], -7);
        assert_unchanged(&before, other, foreign);
    }
    scoped_state *narrow = create_random_state(model, 2, 1, 1);
    scoped_snapshot before = take_snapshot(model, narrow);
    assert_fails(rnn_forward(model, narrow, &chunk.chunk, NULL, 0, &loss), RNN_ERROR_MISMATCH, "streams");
    assert_fails(rnn_forward_backward(model, narrow, &chunk.chunk, &loss), RNN_ERROR_MISMATCH, "streams");
    assert_unchanged(&before, model, narrow);
    assert_true(loss.sum == 7);
    assert_int_equal(loss.count, 7);
}

/* Models with the same cell, layers, hidden size and precision that differ in everything else. */
static rnn_model_options make_options_of_the_shape(int number, int kind)
{
    rnn_model_options options = make_options(50, 5, 50, 2, kinds[kind].precision);
    options.cell = kinds[kind].cell;
    options.output_size = number == 1 ? 7 : 50;
    options.input = number == 2 ? RNN_INPUT_VECTORS : number > 2 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
    options.embedding_size = number == 3 ? 3 : number > 3 ? 5 : 0;
    options.tied = number == 4;
    options.bias = number % 2 ? RNN_BIAS_BOTH : RNN_BIAS_INPUT;
    options.loss = number == 2 || number == 3 ? RNN_LOSS_SQUARED_ERROR : RNN_LOSS_CROSS_ENTROPY;
    options.reduction = number % 2 ? RNN_REDUCTION_MEAN : RNN_REDUCTION_SUM;
    options.dropout = number % 2 ? 0.25 : 0;
    return options;
}

static void test_a_state_fits_every_model_of_its_cell_layers_hidden_size_and_precision(void **unused)
{
    (void)unused;
    enum { MODELS = 5 };
    for (int k = 0; k < KINDS; k++) {
        scoped_model *maker = create_of_kind(5, 2, k);
        scoped_state *shared = create_random_state(maker, 3, 1, 1);
        for (int round = 0; round < 2 * MODELS; round++) {
            rnn_model_options options = make_options_of_the_shape(round % MODELS, k);
            scoped_model *model = create_random_model(&options, 0.5, 1);
            scoped_state *own = create_state(model, 3);
            scoped_chunk chunk = create_random_chunk_for(model, 9, 3, 0, (uint64_t)round);
            rnn_loss losses[2];
            assert_ok(rnn_state_copy(own, shared));
            assert_ok(rnn_state_set_random_index(own, rnn_state_random_index(shared)));
            assert_ok(rnn_forward_backward(model, own, &chunk.chunk, &losses[0]));
            assert_ok(rnn_forward_backward(model, shared, &chunk.chunk, &losses[1]));
            assert_true(losses[0].sum == losses[1].sum);
            for (int64_t b = 0; b < 3; b++)
                assert_same_stream(model, own, b, shared, b);
        }
    }
}

/* ---- A learned initial state ---- */

typedef struct learner {
    rnn_model *model;
    rnn_state *state;
    owned_chunk chunk;
    double expected[4 * 3]; /* outputs of the chunk's 4 steps, from the initial state */
} learner;

static learner create_learner(void)
{
    rnn_model_options o = make_options(6, 5, 3, 2, RNN_FLOAT64);
    o.cell = RNN_CELL_LSTM;
    o.learned_state = 1;
    learner l = {.model = create_random_model(&o, 1, 3)};
    l.state = create_state(l.model, 1);
    l.chunk = create_random_chunk_for(l.model, 4, 1, 0, 1);
    assert_ok(rnn_forward(l.model, l.state, &l.chunk.chunk, l.expected, 12, NULL));
    return l;
}

static void destroy_learner(learner *l)
{
    rnn_model_destroy(l->model);
    rnn_state_destroy(l->state);
    destroy_chunk(&l->chunk);
}

#define scoped_learner RELEASED_BY(destroy_learner) learner

/* Whether the state begins with the model's initial state. It runs single steps, since these have their own code. */
static bool begins_anew(const learner *l, rnn_state *state)
{
    double outputs[12];
    for (int t = 0; t < 4; t++) {
        rnn_chunk step = chunk_steps(&l->chunk, t, 1);
        assert_ok(rnn_forward(l->model, state, &step, outputs + 3 * t, 3, NULL));
    }
    return memcmp(outputs, l->expected, sizeof outputs) == 0;
}

static void test_a_state_begins_with_what_the_model_has_learned(void **unused)
{
    (void)unused;
    scoped_learner l = create_learner();
    scoped_state *other = create_state(l.model, 1), *three = create_state(l.model, 3);
    double values[2 * 2 * 5], initial[5], zeros[2 * 2 * 5] = {0};
    assert_false(begins_anew(&l, l.state));
    assert_ok(rnn_state_reset(l.state));
    assert_ok(rnn_state_get_all(l.state, values, 20));
    assert_memory_equal(values, zeros, sizeof zeros);
    assert_true(begins_anew(&l, l.state));
    assert_ok(rnn_state_reset_stream(l.state, 0));
    assert_ok(rnn_state_copy(other, l.state));
    assert_true(begins_anew(&l, other));
    assert_ok(rnn_state_copy_stream(three, 1, other, 0));
    assert_ok(rnn_state_copy_stream(other, 0, three, 2));
    assert_true(begins_anew(&l, other));
    assert_ok(rnn_state_copy_stream(other, 0, three, 1));
    assert_false(begins_anew(&l, other));
    assert_ok(rnn_state_reset(other)); /* a stream that was set has begun, whatever its values */
    assert_ok(rnn_state_set_all(other, zeros, 20));
    assert_false(begins_anew(&l, other));
    for (int64_t layer = 0; layer < 2; layer++)
        for (int32_t part = 0; part < 2; part++) {
            char name[32];
            snprintf(name, sizeof name, "rnn.initial_%c_l%d", part ? 'c' : 'h', (int)layer);
            assert_ok(rnn_model_get_parameter(l.model, index_of(l.model, name), initial, 5));
            assert_ok(rnn_state_set(other, layer, part, initial, 5));
        }
    assert_true(begins_anew(&l, other));
}

static void test_a_failed_call_or_an_empty_stream_is_no_beginning(void **unused)
{
    (void)unused;
    scoped_learner l = create_learner();
    const int64_t none[] = {0};
    rnn_chunk chunk = l.chunk.chunk;
    int64_t bias = index_of(l.model, "decoder.bias");
    scoped_memory double *values = get_parameter(l.model, bias);
    assert_ok(rnn_state_reset(l.state));
    const double kept[] = {values[0], values[1]};
    values[0] = DBL_MAX; /* makes the loss of target 1 infinite */
    values[1] = -DBL_MAX;
    l.chunk.targets[3] = 1;
    set_parameter(l.model, bias, values);
    assert_fails(rnn_forward(l.model, l.state, &chunk, NULL, 0, &(rnn_loss){0}), RNN_ERROR_NONFINITE, "the loss");
    memcpy(values, kept, sizeof kept);
    set_parameter(l.model, bias, values);
    assert_true(begins_anew(&l, l.state));
    assert_ok(rnn_state_reset(l.state));
    chunk.lengths = none;
    assert_ok(rnn_forward_backward(l.model, l.state, &chunk, NULL));
    assert_true(begins_anew(&l, l.state));
}

static void test_a_checkpoint_keeps_which_streams_have_not_begun(void **unused)
{
    (void)unused;
    scoped_learner l = create_learner();
    scoped_state *three = create_state(l.model, 3), *one = create_state(l.model, 1);
    assert_ok(rnn_state_copy_stream(three, 1, l.state, 0));
    rnn_checkpoint saved = empty_checkpoint();
    saved.model = l.model;
    saved.state = three;
    scoped_checkpoint loaded = save_and_load(&saved);
    for (int64_t b = 0; b < 3; b++) {
        assert_ok(rnn_state_copy_stream(one, 0, loaded.state, b));
        assert_true(begins_anew(&l, one) == (b != 1));
    }
}

/* ---- The random index ---- */

static void test_the_random_index_counts_forward_backward_calls_that_succeed(void **unused)
{
    (void)unused;
    scoped_model *model = create(4, 5, 4, 2, RNN_FLOAT32);
    scoped_state *state = create_state(model, 3);
    scoped_chunk chunk = create_random_chunk(6, 3, 4, 4, 0, 1);
    const int32_t first[] = {0, 1, 2};
    int32_t ids[3];
    scoped_sampler *sampler = NULL;
    rnn_loss loss;
    assert_int_equal(rnn_state_random_index(state), 0);
    for (uint64_t n = 1; n <= 3; n++) {
        assert_ok(rnn_forward_backward(model, state, &chunk.chunk, &loss));
        assert_int_equal(rnn_state_random_index(state), n);
    }
    chunk.inputs[17] = -1;
    assert_fails(rnn_forward_backward(model, state, &chunk.chunk, &loss), RNN_ERROR_SYMBOL, "inputs");
    chunk.inputs[17] = 0;
    assert_ok(rnn_forward(model, state, &chunk.chunk, NULL, 0, &loss));
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_ok(rnn_sample(model, state, sampler, first, 1, ids));
    assert_int_equal(rnn_state_random_index(state), 3);
}

static void test_the_random_index_goes_on_from_where_it_was_set(void **unused)
{
    (void)unused;
    static const uint64_t indices[] = {0, 7, UINT64_C(1) << 32, (UINT64_C(1) << 54) - 2};
    scoped_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    scoped_state *state = create_state(model, 3);
    scoped_chunk chunk = create_random_chunk(6, 3, 4, 3, 0, 1);
    for (size_t i = 0; i < sizeof indices / sizeof indices[0]; i++) {
        assert_ok(rnn_state_set_random_index(state, indices[i]));
        assert_true(rnn_state_random_index(state) == indices[i]);
        assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
        assert_true(rnn_state_random_index(state) == indices[i] + 1);
    }
}

static void test_reset_and_copy_leave_the_random_index_alone(void **unused)
{
    (void)unused;
    scoped_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    scoped_state *state = create_state(model, 3);
    scoped_state *other = create_state(model, 3);
    assert_ok(rnn_state_set_random_index(state, 7));
    assert_ok(rnn_state_set_random_index(other, 9));
    assert_ok(rnn_state_reset(state));
    assert_ok(rnn_state_reset_stream(state, 1));
    assert_ok(rnn_state_copy(state, other));
    assert_ok(rnn_state_copy_stream(state, 0, other, 1));
    assert_int_equal(rnn_state_random_index(state), 7);
    assert_int_equal(rnn_state_random_index(other), 9);
}

static void test_a_random_index_of_2_to_the_54_or_more_is_refused(void **unused)
{
    (void)unused;
    static const uint64_t bad[] = {UINT64_C(1) << 54, (UINT64_C(1) << 54) + 1, UINT64_C(1) << 63, UINT64_MAX};
    scoped_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    scoped_state *state = create_state(model, 3);
    assert_ok(rnn_state_set_random_index(state, (UINT64_C(1) << 54) - 1));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(rnn_state_set_random_index(state, bad[i]), RNN_ERROR_ARGUMENT, "index is ");
    assert_true(rnn_state_random_index(state) == (UINT64_C(1) << 54) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_state_is_zeros),
        cmocka_unit_test(test_a_state_outlives_its_model),
        cmocka_unit_test(test_what_is_set_is_what_is_got_layer_by_layer_and_part_by_part),
        cmocka_unit_test(test_the_cell_of_an_lstm_is_what_its_next_step_remembers),
        cmocka_unit_test(test_set_values_are_ordered_by_stream_and_then_hidden_unit),
        cmocka_unit_test(test_set_refuses_values_that_are_not_finite_wherever_they_stand),
        cmocka_unit_test(test_reset_sets_all_streams_to_zeros),
        cmocka_unit_test(test_reset_stream_sets_that_stream_to_zeros_and_no_other),
        cmocka_unit_test(test_copy_makes_a_state_of_its_own_with_the_same_values),
        cmocka_unit_test(test_copy_onto_itself_changes_nothing),
        cmocka_unit_test(test_copy_stream_copies_that_stream_and_no_other),
        cmocka_unit_test(test_copy_stream_may_copy_within_a_state),
        cmocka_unit_test(test_states_of_models_of_another_shape_do_not_mix),
        cmocka_unit_test(test_a_model_does_not_run_on_a_state_of_another_shape_or_chunks_of_other_streams),
        cmocka_unit_test(test_a_state_fits_every_model_of_its_cell_layers_hidden_size_and_precision),
        cmocka_unit_test(test_a_state_begins_with_what_the_model_has_learned),
        cmocka_unit_test(test_a_failed_call_or_an_empty_stream_is_no_beginning),
        cmocka_unit_test(test_a_checkpoint_keeps_which_streams_have_not_begun),
        cmocka_unit_test(test_the_random_index_counts_forward_backward_calls_that_succeed),
        cmocka_unit_test(test_the_random_index_goes_on_from_where_it_was_set),
        cmocka_unit_test(test_reset_and_copy_leave_the_random_index_alone),
        cmocka_unit_test(test_a_random_index_of_2_to_the_54_or_more_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
