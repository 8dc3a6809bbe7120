/* Observing a state: each layer's activations, the norms of the loss's gradients at them, and when there are none. */
#include "formulas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 3, STEPS = 6, STREAMS = 2, HIDDEN = 5, COUNT = STEPS * STREAMS * HIDDEN };
enum { ACTIVATIONS = RNN_OBSERVE_ACTIVATIONS, NORMS = RNN_OBSERVE_GRADIENT_NORMS, BOTH = ACTIVATIONS + NORMS };

static const int32_t cells[] = {RNN_CELL_TANH, RNN_CELL_GRU, RNN_CELL_LSTM};

enum { CELLS = sizeof cells / sizeof cells[0] };

/* A model, its states and a chunk */
typedef struct fixture {
    rnn_model *model;
    rnn_state *start; /* before the chunk */
    rnn_state *state; /* a copy of it, to run on */
    owned_chunk chunk;
} fixture;

static fixture create_fixture_of(const rnn_model_options *options, int64_t steps, int64_t streams)
{
    fixture made = {.model = create_random_model(options, 0.7, 1)};
    made.start = create_random_state(made.model, streams, 0.8, 2);
    made.state = create_state(made.model, streams);
    assert_ok(rnn_state_copy(made.state, made.start));
    made.chunk = create_random_chunk_for(made.model, steps, streams, 0.2, 3);
    return made;
}

static rnn_model_options make_cell_options(int32_t cell, int32_t precision)
{
    rnn_model_options options = make_options(7, HIDDEN, 4, LAYERS, precision);
    options.cell = cell;
    options.bias = RNN_BIAS_BOTH;
    return options;
}

static fixture create_fixture(int32_t cell, int32_t precision)
{
    rnn_model_options options = make_cell_options(cell, precision);
    return create_fixture_of(&options, STEPS, STREAMS);
}

static void destroy_fixture(fixture *f)
{
    destroy_chunk(&f->chunk);
    rnn_state_destroy(f->state);
    rnn_state_destroy(f->start);
    rnn_model_destroy(f->model);
}

#define scoped_fixture RELEASED_BY(destroy_fixture) fixture
#define scoped_formulas RELEASED_BY(free_formulas) formulas

static void forward_backward(const fixture *f)
{
    assert_ok(rnn_forward_backward(f->model, f->state, &f->chunk.chunk, NULL));
}

/* A layer's activations as doubles, `count` of them, to free(). */
static double *get_activations(const fixture *f, int64_t layer, int64_t count)
{
    int32_t precision = options_of(f->model).precision;
    scoped_memory char *values = allocate(count, precision_size(precision));
    double *doubles = allocate(count, sizeof(double));
    assert_ok(rnn_state_get_activations(f->state, layer, values, count));
    to_doubles(precision, values, doubles, count);
    return doubles;
}

/* Every layer must show activations and gradient norms of a chunk of `steps`. */
static void assert_shows(const fixture *f, int64_t steps)
{
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        scoped_memory double *norms = allocate(steps, sizeof(double));
        free(get_activations(f, layer, steps * STREAMS * HIDDEN));
        assert_ok(rnn_state_get_gradient_norms(f->state, layer, norms, steps));
    }
}

/* The state must show none of these, whatever the count, and write nothing. */
static void assert_hides(const rnn_state *state, int32_t what)
{
    double values[COUNT] = {7};
    for (int64_t steps = 0; steps <= STEPS; steps++) {
        if (what & ACTIVATIONS)
            assert_fails(rnn_state_get_activations(state, 0, values, steps * STREAMS * HIDDEN), RNN_ERROR_ARGUMENT,
                         "activations");
        if (what & NORMS)
            assert_fails(rnn_state_get_gradient_norms(state, 0, values, steps), RNN_ERROR_ARGUMENT, "gradient norms");
    }
    assert_true(values[0] == 7);
}

/* ---- Activations ---- */

static void test_activations_are_those_of_the_formulas(void **state)
{
    (void)state;
    static const double tolerances[] = {1e-5, 1e-12};
    for (int c = 0; c < CELLS; c++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++)
            for (int backward = 0; backward < 2; backward++) {
                scoped_fixture f = create_fixture(cells[c], precision);
                scoped_formulas expected = run_formulas(f.model, f.start, &f.chunk.chunk, NULL, NULL);
                assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
                if (backward)
                    forward_backward(&f);
                else
                    assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
                for (int64_t layer = 0; layer < LAYERS; layer++) {
                    scoped_memory double *activations = get_activations(&f, layer, COUNT);
                    assert_all_close(activations, expected.activations + layer * COUNT, COUNT, tolerances[precision]);
                }
            }
}

/* 3000 steps are more than rnn_forward() keeps at a time when it isn't observed. */
static void test_activations_of_the_last_step_are_the_state(void **state)
{
    (void)state;
    static const int64_t steps[] = {1, 2, STEPS, 3000};
    for (int c = 0; c < CELLS; c++)
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            rnn_model_options options = make_cell_options(cells[c], RNN_FLOAT64);
            scoped_fixture f = create_fixture_of(&options, steps[i], STREAMS);
            int64_t last = (steps[i] - 1) * STREAMS * HIDDEN;
            assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
            assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
            scoped_memory double *hidden = get_state(f.model, f.state);
            for (int64_t layer = 0; layer < LAYERS; layer++) {
                scoped_memory double *activations = get_activations(&f, layer, last + STREAMS * HIDDEN);
                assert_memory_equal(activations + last, hidden + layer * STREAMS * HIDDEN,
                                    STREAMS * HIDDEN * sizeof(double));
            }
        }
}

static void test_activations_of_a_chunk_are_the_states_of_its_steps_run_one_by_one(void **state)
{
    (void)state;
    enum { LONG = 3000 };
    for (int c = 0; c < CELLS; c++) {
        rnn_model_options options = make_cell_options(cells[c], RNN_FLOAT64);
        scoped_fixture f = create_fixture_of(&options, LONG, STREAMS);
        scoped_state *stepping = create_state(f.model, STREAMS);
        double *activations[LAYERS];
        assert_ok(rnn_state_copy(stepping, f.start));
        assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
        assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
        for (int64_t layer = 0; layer < LAYERS; layer++)
            activations[layer] = get_activations(&f, layer, LONG * STREAMS * HIDDEN);
        for (int64_t t = 0; t < LONG; t++) {
            rnn_chunk step = chunk_steps(&f.chunk, t, 1);
            assert_ok(rnn_forward(f.model, stepping, &step, NULL, 0, NULL));
            scoped_memory double *hidden = get_state(f.model, stepping);
            for (int64_t layer = 0; layer < LAYERS; layer++)
                assert_all_close(activations[layer] + t * STREAMS * HIDDEN, hidden + layer * STREAMS * HIDDEN,
                                 STREAMS * HIDDEN, 1e-12);
        }
        for (int64_t layer = 0; layer < LAYERS; layer++)
            free(activations[layer]);
    }
}

/* The first layer's activations don't depend on dropout. After dropout they would be zeros and larger numbers. */
static void test_activations_are_those_before_dropout(void **state)
{
    (void)state;
    rnn_model_options options = make_cell_options(RNN_CELL_LSTM, RNN_FLOAT64);
    options.dropout = 0.5;
    scoped_fixture f = create_fixture_of(&options, STEPS, STREAMS);
    assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
    forward_backward(&f);
    scoped_memory double *training = get_activations(&f, 0, COUNT);
    assert_ok(rnn_state_copy(f.state, f.start));
    assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
    scoped_memory double *inference = get_activations(&f, 0, COUNT);
    assert_all_close(training, inference, COUNT, 1e-12);
}

/* ---- Gradient norms ---- */

static double loss_with(const fixture *f, const nudge *nudged)
{
    scoped_formulas got = run_formulas(f->model, f->start, &f->chunk.chunk, NULL, nudged);
    double loss = got.loss.sum;
    if (options_of(f->model).reduction == RNN_REDUCTION_MEAN)
        loss /= (double)got.loss.count;
    return loss;
}

/* The norm of the derivative of the loss with respect to h of a layer and step, from the losses with h nudged. */
static double numerical_norm(const fixture *f, int64_t layer, int64_t step)
{
    const double distance = 1e-3;
    double squares = 0;
    for (int64_t b = 0; b < STREAMS; b++)
        for (int64_t j = 0; j < HIDDEN; j++) {
            nudge up = {layer, step, b, j, distance}, down = {layer, step, b, j, -distance};
            nudge up2 = {layer, step, b, j, 2 * distance}, down2 = {layer, step, b, j, -2 * distance};
            double near = loss_with(f, &up) - loss_with(f, &down), far = loss_with(f, &up2) - loss_with(f, &down2);
            double derivative = (8 * near - far) / (12 * distance);
            squares += derivative * derivative;
        }
    return sqrt(squares);
}

static void test_gradient_norms_are_those_of_numerical_derivatives(void **state)
{
    (void)state;
    for (int c = 0; c < CELLS; c++)
        for (int32_t loss = RNN_LOSS_CROSS_ENTROPY; loss <= RNN_LOSS_SQUARED_ERROR; loss++) {
            rnn_model_options options = make_cell_options(cells[c], RNN_FLOAT64);
            options.loss = loss;
            options.reduction = loss == RNN_LOSS_SQUARED_ERROR ? RNN_REDUCTION_MEAN : RNN_REDUCTION_SUM;
            scoped_fixture f = create_fixture_of(&options, STEPS, STREAMS);
            assert_ok(rnn_state_observe(f.state, NORMS));
            forward_backward(&f);
            for (int64_t layer = 0; layer < LAYERS; layer++) {
                double norms[STEPS];
                assert_ok(rnn_state_get_gradient_norms(f.state, layer, norms, STEPS));
                for (int64_t t = 0; t < STEPS; t++)
                    assert_relative(norms[t], numerical_norm(&f, layer, t), 1e-6);
            }
        }
}

/* The parameters' gradients still hold those of the chunk before. */
static void test_gradient_norms_are_of_the_last_chunk_alone(void **state)
{
    (void)state;
    scoped_fixture f = create_fixture(RNN_CELL_GRU, RNN_FLOAT64);
    double first[STEPS], second[STEPS];
    assert_ok(rnn_state_observe(f.state, NORMS));
    forward_backward(&f);
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, first, STEPS));
    assert_ok(rnn_state_copy(f.state, f.start));
    forward_backward(&f);
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, second, STEPS));
    assert_memory_equal(first, second, sizeof first);
}

static void test_gradient_norms_of_float32_are_those_of_float64(void **state)
{
    (void)state;
    scoped_fixture single = create_fixture(RNN_CELL_LSTM, RNN_FLOAT32),
                   twice = create_fixture(RNN_CELL_LSTM, RNN_FLOAT64);
    assert_ok(rnn_state_observe(single.state, NORMS));
    assert_ok(rnn_state_observe(twice.state, NORMS));
    forward_backward(&single);
    forward_backward(&twice);
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        double norms[STEPS], expected[STEPS];
        assert_ok(rnn_state_get_gradient_norms(single.state, layer, norms, STEPS));
        assert_ok(rnn_state_get_gradient_norms(twice.state, layer, expected, STEPS));
        assert_all_close(norms, expected, STEPS, 1e-5);
    }
}

/* ---- What there is to see, and when ---- */

static void test_nothing_is_kept_that_was_not_asked_for(void **state)
{
    (void)state;
    static const int32_t asked[] = {0, ACTIVATIONS, NORMS};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        scoped_fixture f = create_fixture(RNN_CELL_LSTM, RNN_FLOAT64);
        assert_ok(rnn_state_observe(f.state, asked[i]));
        forward_backward(&f);
        assert_hides(f.state, BOTH - asked[i]);
    }
}

static void test_there_is_nothing_to_see_before_an_observed_chunk_has_run(void **state)
{
    (void)state;
    scoped_fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    forward_backward(&f);
    assert_hides(f.state, BOTH);
    assert_ok(rnn_state_observe(f.state, BOTH));
    assert_hides(f.state, BOTH);
    forward_backward(&f);
    assert_shows(&f, STEPS);
}

static void test_a_chunk_that_only_went_forward_has_no_gradient_norms(void **state)
{
    (void)state;
    scoped_fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    assert_ok(rnn_state_observe(f.state, BOTH));
    assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
    assert_hides(f.state, NORMS);
    free(get_activations(&f, 0, COUNT));
}

static void test_observing_nothing_stops_it(void **state)
{
    (void)state;
    scoped_fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    assert_ok(rnn_state_observe(f.state, BOTH));
    forward_backward(&f);
    assert_shows(&f, STEPS);
    assert_ok(rnn_state_observe(f.state, 0));
    assert_hides(f.state, BOTH);
    forward_backward(&f);
    assert_hides(f.state, BOTH);
}

static void test_what_is_seen_is_the_last_chunk_longer_or_shorter(void **state)
{
    (void)state;
    static const int64_t steps[] = {2, STEPS, 1, 3};
    scoped_fixture f = create_fixture(RNN_CELL_GRU, RNN_FLOAT64);
    assert_ok(rnn_state_observe(f.state, BOTH));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        rnn_chunk part = chunk_steps(&f.chunk, 0, steps[i]);
        assert_ok(rnn_state_copy(f.state, f.start));
        scoped_formulas expected = run_formulas(f.model, f.start, &part, NULL, NULL);
        assert_ok(rnn_forward_backward(f.model, f.state, &part, NULL));
        assert_shows(&f, steps[i]);
        for (int64_t layer = 0; layer < LAYERS; layer++) {
            int64_t count = steps[i] * STREAMS * HIDDEN;
            scoped_memory double *activations = get_activations(&f, layer, count);
            assert_all_close(activations, expected.activations + layer * count, count, 1e-12);
        }
    }
}

static void test_observing_changes_nothing_that_is_computed(void **state)
{
    (void)state;
    for (int c = 0; c < CELLS; c++) {
        scoped_fixture observed = create_fixture(cells[c], RNN_FLOAT32), plain = create_fixture(cells[c], RNN_FLOAT32);
        rnn_loss losses[2];
        assert_ok(rnn_state_observe(observed.state, BOTH));
        for (int n = 0; n < 3; n++) {
            assert_ok(rnn_forward_backward(observed.model, observed.state, &observed.chunk.chunk, &losses[0]));
            assert_ok(rnn_forward_backward(plain.model, plain.state, &plain.chunk.chunk, &losses[1]));
            assert_true(losses[0].sum == losses[1].sum);
            scoped_snapshot bits = take_snapshot(plain.model, plain.state);
            assert_unchanged(&bits, observed.model, observed.state);
        }
    }
}

static void test_resetting_and_setting_a_state_leaves_what_was_seen(void **state)
{
    (void)state;
    scoped_fixture f = create_fixture(RNN_CELL_LSTM, RNN_FLOAT64);
    double before[STEPS], after[STEPS];
    assert_ok(rnn_state_observe(f.state, BOTH));
    forward_backward(&f);
    scoped_memory double *activations = get_activations(&f, 1, COUNT);
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, before, STEPS));
    assert_ok(rnn_state_copy(f.state, f.start));
    assert_ok(rnn_state_reset(f.state));
    scoped_memory double *again = get_activations(&f, 1, COUNT);
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, after, STEPS));
    assert_memory_equal(again, activations, COUNT * sizeof(double));
    assert_memory_equal(after, before, sizeof before);
}

static void test_calls_that_fail_leave_what_was_seen(void **state)
{
    (void)state;
    scoped_fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    double huge[4] = {1.7e308, -1.7e308, 1.7e308, -1.7e308};
    double before[STEPS], after[STEPS];
    assert_ok(rnn_state_observe(f.state, BOTH));
    rnn_chunk part = chunk_steps(&f.chunk, 0, STEPS - 1);
    assert_ok(rnn_forward_backward(f.model, f.state, &part, NULL));
    scoped_memory double *activations = get_activations(&f, 2, COUNT - STREAMS * HIDDEN);
    assert_ok(rnn_state_get_gradient_norms(f.state, 2, before, STEPS - 1));

    set_parameter(f.model, index_of(f.model, "decoder.bias"), huge);
    assert_fails(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL), RNN_ERROR_NONFINITE, "loss");
    rnn_loss loss;
    assert_fails(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, &loss), RNN_ERROR_NONFINITE, "loss");
    assert_fails(rnn_state_observe(f.state, BOTH + 1), RNN_ERROR_ARGUMENT, "what is 4");
    scoped_memory double *again = get_activations(&f, 2, COUNT - STREAMS * HIDDEN);
    assert_ok(rnn_state_get_gradient_norms(f.state, 2, after, STEPS - 1));
    assert_memory_equal(again, activations, (COUNT - STREAMS * HIDDEN) * sizeof(double));
    assert_memory_equal(after, before, (STEPS - 1) * sizeof(double));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations_are_those_of_the_formulas),
        cmocka_unit_test(test_activations_of_the_last_step_are_the_state),
        cmocka_unit_test(test_activations_of_a_chunk_are_the_states_of_its_steps_run_one_by_one),
        cmocka_unit_test(test_activations_are_those_before_dropout),
        cmocka_unit_test(test_gradient_norms_are_those_of_numerical_derivatives),
        cmocka_unit_test(test_gradient_norms_are_of_the_last_chunk_alone),
        cmocka_unit_test(test_gradient_norms_of_float32_are_those_of_float64),
        cmocka_unit_test(test_nothing_is_kept_that_was_not_asked_for),
        cmocka_unit_test(test_there_is_nothing_to_see_before_an_observed_chunk_has_run),
        cmocka_unit_test(test_a_chunk_that_only_went_forward_has_no_gradient_norms),
        cmocka_unit_test(test_observing_nothing_stops_it),
        cmocka_unit_test(test_what_is_seen_is_the_last_chunk_longer_or_shorter),
        cmocka_unit_test(test_observing_changes_nothing_that_is_computed),
        cmocka_unit_test(test_resetting_and_setting_a_state_leaves_what_was_seen),
        cmocka_unit_test(test_calls_that_fail_leave_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
