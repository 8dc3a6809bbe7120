/*
 * rnn_forward_training() and rnn_backward(): training with a loss that the caller computes. The gradients are compared
 * with numerical ones and with those of rnn_forward_backward().
 */
#include "own_losses.h"

enum { STEPS = 7, STREAMS = 3, LAYERS = 2, HIDDEN = 5, INPUTS = 4, OUTPUTS = 6 };

enum { STATE_MOST = 2 * 2 * LAYERS * STREAMS * HIDDEN }; /* h and c, in both directions */

static const int32_t cells[] = {RNN_CELL_TANH, RNN_CELL_GRU, RNN_CELL_LSTM};
enum { CELLS = sizeof cells / sizeof *cells };

static rnn_model_options vector_options(int32_t cell)
{
    rnn_model_options o = make_options(INPUTS, HIDDEN, OUTPUTS, LAYERS, RNN_FLOAT64);
    o.cell = cell;
    o.input = RNN_INPUT_VECTORS;
    o.loss = RNN_LOSS_SQUARED_ERROR;
    return o;
}

/* ---- Against numerical gradients --------------------------------------------------------------------------------- */

/* How a chunk differs from a plain one: streams that end early or begin anew, outputs at the end alone, dropout. */
typedef struct chunk_kind {
    const char *name;
    bool lengths, starts, last_only;
    double between, input, output, recurrent;
    int32_t per_chunk;
} chunk_kind;

static const chunk_kind kinds[] = {
    {.name = "plain"},
    {.name = "lengths", .lengths = true},
    {.name = "starts", .starts = true},
    {.name = "both", .lengths = true, .starts = true},
    {.name = "last only", .last_only = true},
    {.name = "dropout between layers", .between = 0.4},
    {.name = "dropout of inputs", .input = 0.4},
    {.name = "dropout before the decoder", .output = 0.4},
    {.name = "recurrent dropout", .recurrent = 0.4},
    {.name = "dropout per chunk", .between = 0.4, .input = 0.3, .output = 0.4, .recurrent = 0.3, .per_chunk = 1},
    {.name = "everything",
     .lengths = true,
     .starts = true,
     .last_only = true,
     .between = 0.4,
     .input = 0.3,
     .output = 0.4,
     .recurrent = 0.3},
};

/*
 * The loss is a fixed linear function of all outputs and of the state after the chunk. Its gradients with respect to
 * them are `output_weights` and `state_weights`.
 */
typedef struct linear_loss {
    rnn_model *model;
    rnn_state *state;
    rnn_chunk chunk;
    int64_t outputs, states;
    int32_t ids[STEPS * STREAMS];
    double vectors[STEPS * STREAMS * INPUTS];
    int64_t lengths[STREAMS];
    uint8_t starts[STEPS * STREAMS];
    double output_weights[STEPS * STREAMS * OUTPUTS];
    double state_weights[STATE_MOST];
    double initial[STATE_MOST];
} linear_loss;

static linear_loss *create_loss(const rnn_model_options *options, const chunk_kind *kind)
{
    linear_loss *l = allocate(1, sizeof *l);
    random_source source = {77};
    l->model = create_random_model(options, 0.8, 5);
    l->state = create_state(l->model, STREAMS);
    int64_t places = kind->last_only ? STREAMS : STEPS * STREAMS;
    l->outputs = places * options->output_size;
    l->states = (options->cell == RNN_CELL_LSTM ? 2 : 1) * options->layers * STREAMS * options->hidden_size;
    l->states *= 1 + options->bidirectional;
    for (int i = 0; i < STEPS * STREAMS; i++) {
        l->ids[i] = random_below(&source, INPUTS);
        l->starts[i] = random_below(&source, 4) == 0;
    }
    for (int b = 0; b < STREAMS; b++)
        l->lengths[b] = b == 0 ? STEPS : random_below(&source, STEPS);
    random_fill(&source, l->vectors, STEPS * STREAMS * INPUTS, 1);
    random_fill(&source, l->output_weights, l->outputs, 1);
    random_fill(&source, l->state_weights, l->states, 1);
    random_fill(&source, l->initial, l->states, 0.8);
    l->chunk = (rnn_chunk){.struct_size = sizeof l->chunk,
                           .steps = STEPS,
                           .streams = STREAMS,
                           .lengths = kind->lengths ? l->lengths : NULL,
                           .starts = kind->starts ? l->starts : NULL,
                           .last_only = kind->last_only};
    if (options->input == RNN_INPUT_VECTORS)
        l->chunk.input_vectors = l->vectors;
    else
        l->chunk.inputs = l->ids;
    return l;
}

static void destroy_loss(linear_loss **l)
{
    rnn_model_destroy((*l)->model);
    rnn_state_destroy((*l)->state);
    free(*l);
}

#define scoped_loss RELEASED_BY(destroy_loss) linear_loss

/* The last stream begins with the model's initial state, the others with `initial`. */
static double loss_of(linear_loss *l)
{
    double outputs[STEPS * STREAMS * OUTPUTS], state[STATE_MOST], sum = 0;
    assert_ok(rnn_state_set_all(l->state, l->initial, l->states));
    assert_ok(rnn_state_reset_stream(l->state, STREAMS - 1));
    assert_ok(rnn_state_set_random_index(l->state, 3));
    assert_ok(rnn_forward_training(l->model, l->state, &l->chunk, outputs, l->outputs));
    assert_ok(rnn_state_get_all(l->state, state, l->states));
    for (int64_t i = 0; i < l->outputs; i++)
        sum += l->output_weights[i] * outputs[i];
    for (int64_t i = 0; i < l->states; i++)
        sum += l->state_weights[i] * state[i];
    return sum;
}

/*
 * Differences over four points, as in test_gradient.c, but always with the short step that layer normalisation needs.
 */
static double numerical(linear_loss *l, double *element, rnn_model *changed, int64_t parameter, double *values)
{
    const double step = 2e-4, kept = *element;
    double f[4];
    for (int i = 0; i < 4; i++) {
        *element = kept + step * (i < 2 ? i - 2 : i - 1);
        if (changed != NULL)
            set_parameter(changed, parameter, values);
        f[i] = loss_of(l);
    }
    *element = kept;
    if (changed != NULL)
        set_parameter(changed, parameter, values);
    return (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * step);
}

static void assert_gradient(double actual, double expected, const char *what, const char *name, int64_t i)
{
    double size = fabs(expected) > 1e-4 ? fabs(expected) : 1e-4;
    if (!(fabs(actual - expected) <= 1e-6 * size))
        fail_msg("%s, %s: element %lld is %.12g; the numerical gradient is %.12g", name, what, (long long)i, actual,
                 expected);
}

static void check_array(linear_loss *l, double *values, const double *gradients, int64_t count, const char *what,
                        const char *name)
{
    for (int64_t i = 0; i < count; i++)
        assert_gradient(gradients[i], numerical(l, &values[i], NULL, 0, NULL), what, name, i);
}

static void check_parameters(linear_loss *l, const char *name)
{
    for (int64_t p = 0; p < rnn_model_parameter_count(l->model); p++) {
        scoped_memory double *values = get_parameter(l->model, p), *gradients = get_gradient(l->model, p);
        rnn_parameter about = parameter_of(l->model, p);
        for (int64_t i = 0; i < about.count; i++)
            assert_gradient(gradients[i], numerical(l, &values[i], l->model, p, values), about.name, name, i);
    }
}

static void check_kind(const rnn_model_options *options, const chunk_kind *kind)
{
    char name[120];
    double inputs[STEPS * STREAMS * INPUTS], initial[STATE_MOST];
    scoped_loss *l = create_loss(options, kind);
    snprintf(name, sizeof name, "cell %d, input %d, %s, directions %d, learned %d, layer norm %d", (int)options->cell,
             (int)options->input, kind->name, 1 + (int)options->bidirectional, (int)options->learned_state,
             (int)options->layer_norm);
    loss_of(l);
    rnn_chunk_gradients gradients = {.struct_size = sizeof gradients,
                                     .outputs = l->output_weights,
                                     .final_state = l->state_weights,
                                     .initial_state = initial,
                                     .input_vectors = options->input == RNN_INPUT_VECTORS ? inputs : NULL};
    assert_ok(rnn_backward(l->model, l->state, &gradients));
    check_parameters(l, name);
    for (int64_t i = 0; i < l->states; i++) /* the last stream has not begun with these */
        if (i / HIDDEN % STREAMS < STREAMS - 1)
            check_array(l, &l->initial[i], &initial[i], 1, "the initial state", name);
    if (options->input == RNN_INPUT_VECTORS)
        check_array(l, l->vectors, inputs, STEPS * STREAMS * INPUTS, "the input vectors", name);
}

/* Sets the dropout of a kind, as far as the model can use it. */
static void drop(rnn_model_options *options, const chunk_kind *kind)
{
    if (options->input != RNN_INPUT_IDS)
        options->dropout_input = kind->input;
    if (options->cell != RNN_CELL_TANH)
        options->dropout_recurrent = kind->recurrent;
    options->dropout_output = kind->output;
    options->dropout_per_chunk = kind->per_chunk;
}

/*
 * Checks a kind with plain options; then, depending on `which`, with both directions, a learned initial state or both;
 * then with layer normalisation as well.
 */
static void check_variants(rnn_model_options options, const chunk_kind *kind, int which)
{
    check_kind(&options, kind);
    options.bidirectional = which % 3 != 0;
    options.learned_state = which % 3 != 1;
    check_kind(&options, kind);
    options.layer_norm = 1;
    check_kind(&options, kind);
}

static void test_gradients_of_parameters_inputs_and_initial_state_are_numerical_ones(void **state)
{
    (void)state;
    for (int c = 0; c < CELLS; c++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            rnn_model_options vectors = vector_options(cells[c]);
            vectors.bias = k % 2 ? RNN_BIAS_BOTH : RNN_BIAS_INPUT;
            vectors.dropout = kinds[k].between;
            drop(&vectors, &kinds[k]);
            check_variants(vectors, &kinds[k], c);
            rnn_model_options embedded = make_options(INPUTS, HIDDEN, OUTPUTS, 1, RNN_FLOAT64);
            embedded.cell = cells[c];
            embedded.input = k % 2 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
            embedded.embedding_size = k % 2 ? 3 : 0;
            drop(&embedded, &kinds[k]);
            check_variants(embedded, &kinds[k], c + 1);
        }
}

/* ---- Against rnn_forward_backward() ------------------------------------------------------------------------------ */

static void test_cross_entropy_by_hand_gives_the_librarys_gradients(void **state)
{
    (void)state;
    for (int c = 0; c < CELLS; c++) {
        rnn_model_options o = make_options(INPUTS, HIDDEN, OUTPUTS, LAYERS, RNN_FLOAT64);
        o.cell = cells[c];
        o.dropout = 0.3;
        scoped_model *model = create_random_model(&o, 0.8, 5);
        scoped_state *own = create_random_state(model, STREAMS, 0.5, 6), *library = create_state(model, STREAMS);
        scoped_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0.2, 7);
        assert_ok(rnn_state_copy(library, own));
        assert_ok(rnn_forward_backward(model, library, &chunk.chunk, NULL));
        scoped_memory double *expected = get_all_gradients(model);
        assert_ok(rnn_model_zero_gradients(model));

        double outputs[STEPS * STREAMS * OUTPUTS];
        rnn_chunk_gradients gradients = {.struct_size = sizeof gradients, .outputs = outputs};
        assert_ok(rnn_forward_training(model, own, &chunk.chunk, outputs, STEPS * STREAMS * OUTPUTS));
        to_softmax_gradient(outputs, chunk.targets, STEPS * STREAMS, OUTPUTS);
        assert_ok(rnn_backward(model, own, &gradients));
        scoped_memory double *actual = get_all_gradients(model);
        assert_all_close(actual, expected, parameter_total(model), 1e-13);
        assert_true(rnn_state_random_index(own) == rnn_state_random_index(library));
    }
}

/* ---- The same bits ----------------------------------------------------------------------------------------------- */

/* All gradients of a model large enough for several threads. Fills in `input_gradients`. */
static double *gradients_on(int32_t threads, double *input_gradients)
{
    enum { T = 20, B = 24, I = 30, H = 64, O = 40 };
    rnn_model_options o = make_options(I, H, O, 2, RNN_FLOAT64);
    random_source source = {9};
    o.cell = RNN_CELL_GRU;
    o.input = RNN_INPUT_VECTORS;
    scoped_model *model = create_random_model(&o, 0.3, 5);
    scoped_state *state = create_state(model, B);
    scoped_chunk chunk = create_random_chunk_for(model, T, B, 0, 7);
    scoped_memory double *outputs = allocate(T * B * O, sizeof *outputs);
    rnn_chunk_gradients gradients = {.struct_size = sizeof gradients, .outputs = outputs};
    gradients.input_vectors = input_gradients;
    assert_ok(rnn_set_threads(threads));
    assert_ok(rnn_forward_training(model, state, &chunk.chunk, outputs, T * B * O));
    random_fill(&source, outputs, T * B * O, 1);
    assert_ok(rnn_set_threads(threads == 1 ? 3 : threads)); /* the number may change in between */
    assert_ok(rnn_backward(model, state, &gradients));
    assert_ok(rnn_set_threads(0));
    return get_all_gradients(model);
}

static void test_any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    static const int32_t threads[] = {2, 3, 7};
    static double inputs[20 * 24 * 30], expected_inputs[20 * 24 * 30];
    size_t count = (size_t)(3 * 64 * (30 + 64 + 1) + 3 * 64 * (64 + 64 + 1) + 40 * 65);
    scoped_memory double *expected = gradients_on(1, expected_inputs);
    for (int i = 0; i < 3; i++) {
        scoped_memory double *actual = gradients_on(threads[i], inputs);
        assert_memory_equal(actual, expected, count * sizeof *actual);
        assert_memory_equal(inputs, expected_inputs, sizeof inputs);
    }
}

/* ---- What is refused --------------------------------------------------------------------------------------------- */

/* A model that takes vectors, its state, a chunk, and the arguments of both passes */
typedef struct fixture {
    rnn_model *model;
    rnn_state *state;
    owned_chunk chunk;
    double outputs[STEPS * STREAMS * OUTPUTS];
    rnn_chunk_gradients gradients;
} fixture;

static fixture *create_fixture(void)
{
    fixture *f = allocate(1, sizeof *f);
    rnn_model_options o = vector_options(RNN_CELL_LSTM);
    f->model = create_random_model(&o, 0.5, 5);
    f->state = create_state(f->model, STREAMS);
    f->chunk = create_random_chunk_for(f->model, STEPS, STREAMS, 0, 7);
    f->gradients = (rnn_chunk_gradients){.struct_size = sizeof f->gradients, .outputs = f->outputs};
    return f;
}

static void destroy_fixture(fixture **f)
{
    rnn_model_destroy((*f)->model);
    rnn_state_destroy((*f)->state);
    destroy_chunk(&(*f)->chunk);
    free(*f);
}

#define scoped_fixture RELEASED_BY(destroy_fixture) fixture

static void forward(fixture *f)
{
    assert_ok(rnn_forward_training(f->model, f->state, &f->chunk.chunk, f->outputs, STEPS * STREAMS * OUTPUTS));
}

static double *take_gradients(fixture *f)
{
    assert_ok(rnn_backward(f->model, f->state, &f->gradients));
    double *gradients = get_all_gradients(f->model);
    assert_ok(rnn_model_zero_gradients(f->model));
    assert_ok(rnn_state_reset(f->state));
    return gradients;
}

static void test_backward_needs_a_forward_pass_of_its_own(void **state)
{
    (void)state;
    scoped_fixture *f = create_fixture();
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_ARGUMENT,
                 "the state has no activations for the backward pass; call rnn_forward_training() on this "
                 "state before each rnn_backward()");
    assert_ok(rnn_forward(f->model, f->state, &f->chunk.chunk, NULL, 0, NULL));
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_ARGUMENT,
                 "has no activations for the backward pass");
    forward(f);
    assert_ok(rnn_backward(f->model, f->state, &f->gradients));
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_ARGUMENT,
                 "has no activations for the backward pass");
}

static void test_backward_refuses_another_model_and_one_that_has_changed(void **state)
{
    (void)state;
    scoped_fixture *f = create_fixture();
    rnn_model_options o = options_of(f->model);
    scoped_model *other = create_random_model(&o, 0.5, 5);
    scoped_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_create(f->model, NULL, &optimizer));
    forward(f);
    assert_fails(rnn_backward(other, f->state, &f->gradients), RNN_ERROR_MISMATCH, "another model");
    assert_ok(rnn_backward(f->model, f->state, &f->gradients));
    forward(f);
    assert_ok(rnn_optimizer_step(optimizer, f->model));
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_MISMATCH, "have changed since");
    forward(f);
    scoped_memory double *values = get_parameter(f->model, 0);
    set_parameter(f->model, 0, values);
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_MISMATCH, "have changed since");
}

/* After the refusals the right call works, and gives the gradients that it gives without them. */
static void test_bad_gradients_are_refused_and_change_nothing(void **state)
{
    (void)state;
    scoped_fixture *f = create_fixture();
    double bad[2 * LAYERS * STREAMS * HIDDEN] = {0, NAN};
    rnn_chunk_gradients none = {.struct_size = sizeof none},
                        not_finite = {.struct_size = sizeof none, .final_state = bad};
    forward(f);
    scoped_memory double *expected = take_gradients(f);
    forward(f);

    assert_fails(rnn_backward(f->model, f->state, &none), RNN_ERROR_ARGUMENT,
                 "gradients->outputs and gradients->final_state are both NULL");
    assert_fails(rnn_backward(f->model, f->state, &not_finite), RNN_ERROR_ARGUMENT, "gradients->final_state[1] is ");
    double kept = f->outputs[5];
    f->outputs[5] = INFINITY;
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_ARGUMENT,
                 "gradients->outputs[5] is inf; it must be finite");
    f->outputs[5] = kept;

    scoped_memory double *actual = take_gradients(f);
    assert_memory_equal(actual, expected, (size_t)parameter_total(f->model) * sizeof *actual);
}

static void test_a_gradient_after_a_streams_end_is_not_read(void **state)
{
    (void)state;
    static const int64_t lengths[STREAMS] = {STEPS, 0, 3};
    scoped_fixture *f = create_fixture();
    f->chunk.chunk.lengths = lengths;
    forward(f);
    scoped_memory double *expected = take_gradients(f);
    forward(f);
    for (int i = 0; i < STEPS * STREAMS * OUTPUTS; i++)
        if (i / OUTPUTS / STREAMS >= lengths[i / OUTPUTS % STREAMS])
            f->outputs[i] = NAN;
    double kept = f->outputs[2];
    f->outputs[2] = NAN;
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_ARGUMENT, "gradients->outputs[2] is ");
    f->outputs[2] = kept;
    scoped_memory double *actual = take_gradients(f);
    assert_memory_equal(actual, expected, (size_t)parameter_total(f->model) * sizeof *actual);
}

static void test_what_a_pass_has_not_computed_has_no_gradient(void **state)
{
    (void)state;
    scoped_fixture *f = create_fixture();
    double weights[STEPS * STREAMS * OUTPUTS] = {0}, inputs[STEPS * STREAMS];
    f->gradients.outputs = weights;
    assert_ok(rnn_forward_training(f->model, f->state, &f->chunk.chunk, NULL, 0));
    assert_fails(rnn_backward(f->model, f->state, &f->gradients), RNN_ERROR_ARGUMENT,
                 "rnn_forward_training() computed no outputs");

    rnn_model_options o = make_options(INPUTS, HIDDEN, OUTPUTS, 1, RNN_FLOAT64);
    scoped_model *model = create_model(&o);
    scoped_state *own = create_state(model, STREAMS);
    scoped_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0, 7);
    rnn_chunk_gradients g = {.struct_size = sizeof g, .outputs = weights, .input_vectors = inputs};
    double outputs[STEPS * STREAMS * OUTPUTS];
    assert_ok(rnn_forward_training(model, own, &chunk.chunk, outputs, STEPS * STREAMS * OUTPUTS));
    assert_fails(rnn_backward(model, own, &g), RNN_ERROR_ARGUMENT,
                 "gradients->input_vectors is not NULL; it must be NULL, since the model's inputs are ids");
}

static void test_forward_training_refuses_what_it_does_not_compute(void **state)
{
    (void)state;
    scoped_fixture *f = create_fixture();
    double losses[STEPS * STREAMS];
    scoped_snapshot before = take_snapshot(f->model, f->state);
    f->chunk.chunk.losses = losses;
    f->chunk.chunk.target_vectors = f->chunk.target_vectors;
    assert_fails(rnn_forward_training(f->model, f->state, &f->chunk.chunk, NULL, 0), RNN_ERROR_ARGUMENT,
                 "chunk->losses is not NULL; it must be NULL, since the caller computes the loss");
    f->chunk.chunk.losses = NULL;
    assert_fails(rnn_forward_training(f->model, f->state, &f->chunk.chunk, f->outputs, 5), RNN_ERROR_ARGUMENT,
                 "outputs_count is 5; it must be 126, which is steps times streams times output_size");
    assert_unchanged(&before, f->model, f->state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_of_parameters_inputs_and_initial_state_are_numerical_ones),
        cmocka_unit_test(test_cross_entropy_by_hand_gives_the_librarys_gradients),
        cmocka_unit_test(test_any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(test_backward_needs_a_forward_pass_of_its_own),
        cmocka_unit_test(test_backward_refuses_another_model_and_one_that_has_changed),
        cmocka_unit_test(test_bad_gradients_are_refused_and_change_nothing),
        cmocka_unit_test(test_a_gradient_after_a_streams_end_is_not_read),
        cmocka_unit_test(test_what_a_pass_has_not_computed_has_no_gradient),
        cmocka_unit_test(test_forward_training_refuses_what_it_does_not_compute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
