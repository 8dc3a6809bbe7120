/* Seeing inside: each layer's activations and how strongly the loss depends on them, and when there is nothing to see.
 */
#include "formulas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 3, STEPS = 6, STREAMS = 2, HIDDEN = 5, COUNT = STEPS * STREAMS * HIDDEN };
enum { ACTIVATIONS = RNN_OBSERVE_ACTIVATIONS, NORMS = RNN_OBSERVE_GRADIENT_NORMS, BOTH = ACTIVATIONS + NORMS };

static const int32_t cells[] = {RNN_CELL_TANH, RNN_CELL_GRU, RNN_CELL_LSTM};

enum { CELLS = sizeof cells / sizeof cells[0] };

/* A model that has a state and a chunk. */
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

/* A layer's activations as doubles, `count` of them, to free(). */
static double *get_activations(const fixture *f, int64_t layer, int64_t count)
{
    int32_t precision = options_of(f->model).precision;
    void *values = allocate(count, precision_size(precision));
    double *doubles = allocate(count, sizeof(double));
    assert_ok(rnn_state_get_activations(f->state, layer, values, count));
    to_doubles(precision, values, doubles, count);
    free(values);
    return doubles;
}

/* Both must have something to show, of every layer of a chunk of `steps`. */
static void assert_shows(const fixture *f, int64_t steps)
{
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        double *norms = allocate(steps, sizeof(double));
        free(get_activations(f, layer, steps * STREAMS * HIDDEN));
        assert_ok(rnn_state_get_gradient_norms(f->state, layer, norms, steps));
        free(norms);
    }
}

/* There must be nothing of these to see, whatever the count, and what was to be filled stays. */
static void assert_hides(const rnn_state *state, int32_t what)
{
    double values[COUNT] = {7};
    for (int64_t steps = 0; steps <= STEPS; steps++) {
        if (what & ACTIVATIONS) {
            assert_fails(rnn_state_get_activations(state, 0, values, steps * STREAMS * HIDDEN), RNN_ERROR_ARGUMENT,
                         "activations");
        }
        if (what & NORMS)
            assert_fails(rnn_state_get_gradient_norms(state, 0, values, steps), RNN_ERROR_ARGUMENT, "gradient norms");
    }
    assert_true(values[0] == 7);
}

/* ---- Activations ---- */

static void test_activations_are_those_of_the_formulas(void **state)
{
    static const double tolerances[] = {1e-5, 1e-12};
    (void)state;
    for (int c = 0; c < CELLS; c++) {
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
            for (int backward = 0; backward < 2; backward++) {
                fixture f = create_fixture(cells[c], precision);
                formulas expected = run_formulas(f.model, f.start, &f.chunk.chunk, NULL, NULL);
                assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
                if (backward)
                    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
                else
                    assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
                for (int64_t layer = 0; layer < LAYERS; layer++) {
                    double *activations = get_activations(&f, layer, COUNT);
                    assert_all_close(activations, expected.activations + layer * COUNT, COUNT, tolerances[precision]);
                    free(activations);
                }
                free_formulas(&expected);
                destroy_fixture(&f);
            }
        }
    }
}

/* Of one step, also of more steps than rnn_forward() keeps at a time when there is nothing to show. */
static void test_activations_of_the_last_step_are_the_state(void **state)
{
    static const int64_t steps[] = {1, 2, STEPS, 3000};
    (void)state;
    for (int c = 0; c < CELLS; c++) {
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            rnn_model_options options = make_cell_options(cells[c], RNN_FLOAT64);
            fixture f = create_fixture_of(&options, steps[i], STREAMS);
            int64_t last = (steps[i] - 1) * STREAMS * HIDDEN;
            assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
            assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
            double *hidden = get_state(f.model, f.state);
            for (int64_t layer = 0; layer < LAYERS; layer++) {
                double *activations = get_activations(&f, layer, last + STREAMS * HIDDEN);
                assert_memory_equal(activations + last, hidden + layer * STREAMS * HIDDEN,
                                    STREAMS * HIDDEN * sizeof(double));
                free(activations);
            }
            free(hidden);
            destroy_fixture(&f);
        }
    }
}

static void test_activations_of_a_chunk_are_the_states_of_its_steps_run_one_by_one(void **state)
{
    enum { LONG = 3000 };
    (void)state;
    for (int c = 0; c < CELLS; c++) {
        rnn_model_options options = make_cell_options(cells[c], RNN_FLOAT64);
        fixture f = create_fixture_of(&options, LONG, STREAMS);
        rnn_state *stepping = create_state(f.model, STREAMS);
        double *activations[LAYERS];
        assert_ok(rnn_state_copy(stepping, f.start));
        assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
        assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
        for (int64_t layer = 0; layer < LAYERS; layer++)
            activations[layer] = get_activations(&f, layer, LONG * STREAMS * HIDDEN);
        for (int64_t t = 0; t < LONG; t++) {
            rnn_chunk step = chunk_steps(&f.chunk, t, 1);
            assert_ok(rnn_forward(f.model, stepping, &step, NULL, 0, NULL));
            double *hidden = get_state(f.model, stepping);
            for (int64_t layer = 0; layer < LAYERS; layer++) {
                assert_all_close(activations[layer] + t * STREAMS * HIDDEN, hidden + layer * STREAMS * HIDDEN,
                                 STREAMS * HIDDEN, 1e-12);
            }
            free(hidden);
        }
        for (int64_t layer = 0; layer < LAYERS; layer++)
            free(activations[layer]);
        rnn_state_destroy(stepping);
        destroy_fixture(&f);
    }
}

/* The first layer's don't depend on dropout; after it they would be zeros and larger numbers. */
static void test_activations_are_those_before_dropout(void **state)
{
    rnn_model_options options = make_cell_options(RNN_CELL_LSTM, RNN_FLOAT64);
    (void)state;
    options.dropout = 0.5;
    fixture f = create_fixture_of(&options, STEPS, STREAMS);
    assert_ok(rnn_state_observe(f.state, ACTIVATIONS));
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    double *training = get_activations(&f, 0, COUNT);
    assert_ok(rnn_state_copy(f.state, f.start));
    assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
    double *inference = get_activations(&f, 0, COUNT);
    assert_all_close(training, inference, COUNT, 1e-12);
    free(inference);
    free(training);
    destroy_fixture(&f);
}

/* ---- Gradient norms ---- */

static double loss_with(const fixture *f, const nudge *nudged)
{
    formulas got = run_formulas(f->model, f->start, &f->chunk.chunk, NULL, nudged);
    double loss = got.loss.sum;
    if (options_of(f->model).reduction == RNN_REDUCTION_MEAN)
        loss /= (double)got.loss.count;
    free_formulas(&got);
    return loss;
}

/* The norm of the derivative of the loss with respect to h of a layer and step, from the loss with h nudged. */
static double numerical_norm(const fixture *f, int64_t layer, int64_t step)
{
    const double distance = 1e-3;
    double squares = 0;
    for (int64_t b = 0; b < STREAMS; b++) {
        for (int64_t j = 0; j < HIDDEN; j++) {
            nudge up = {layer, step, b, j, distance}, down = {layer, step, b, j, -distance};
            nudge up2 = {layer, step, b, j, 2 * distance}, down2 = {layer, step, b, j, -2 * distance};
            double near = loss_with(f, &up) - loss_with(f, &down), far = loss_with(f, &up2) - loss_with(f, &down2);
            double derivative = (8 * near - far) / (12 * distance);
            squares += derivative * derivative;
        }
    }
    return sqrt(squares);
}

static void test_gradient_norms_are_those_of_numerical_derivatives(void **state)
{
    (void)state;
    for (int c = 0; c < CELLS; c++) {
        for (int32_t loss = RNN_LOSS_CROSS_ENTROPY; loss <= RNN_LOSS_SQUARED_ERROR; loss++) {
            rnn_model_options options = make_cell_options(cells[c], RNN_FLOAT64);
            options.loss = loss;
            options.reduction = loss == RNN_LOSS_SQUARED_ERROR ? RNN_REDUCTION_MEAN : RNN_REDUCTION_SUM;
            fixture f = create_fixture_of(&options, STEPS, STREAMS);
            assert_ok(rnn_state_observe(f.state, NORMS));
            assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
            for (int64_t layer = 0; layer < LAYERS; layer++) {
                double norms[STEPS];
                assert_ok(rnn_state_get_gradient_norms(f.state, layer, norms, STEPS));
                for (int64_t t = 0; t < STEPS; t++)
                    assert_relative(norms[t], numerical_norm(&f, layer, t), 1e-6);
            }
            destroy_fixture(&f);
        }
    }
}

/* With gradients left from an earlier chunk, which add up and have no part in these norms. */
static void test_gradient_norms_are_of_the_last_chunk_alone(void **state)
{
    fixture f = create_fixture(RNN_CELL_GRU, RNN_FLOAT64);
    double first[STEPS], second[STEPS];
    (void)state;
    assert_ok(rnn_state_observe(f.state, NORMS));
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, first, STEPS));
    assert_ok(rnn_state_copy(f.state, f.start));
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, second, STEPS));
    assert_memory_equal(first, second, sizeof first);
    destroy_fixture(&f);
}

static void test_gradient_norms_of_float32_are_those_of_float64(void **state)
{
    fixture single = create_fixture(RNN_CELL_LSTM, RNN_FLOAT32), twice = create_fixture(RNN_CELL_LSTM, RNN_FLOAT64);
    (void)state;
    assert_ok(rnn_state_observe(single.state, NORMS));
    assert_ok(rnn_state_observe(twice.state, NORMS));
    assert_ok(rnn_forward_backward(single.model, single.state, &single.chunk.chunk, NULL));
    assert_ok(rnn_forward_backward(twice.model, twice.state, &twice.chunk.chunk, NULL));
    for (int64_t layer = 0; layer < LAYERS; layer++) {
        double norms[STEPS], expected[STEPS];
        assert_ok(rnn_state_get_gradient_norms(single.state, layer, norms, STEPS));
        assert_ok(rnn_state_get_gradient_norms(twice.state, layer, expected, STEPS));
        assert_all_close(norms, expected, STEPS, 1e-5);
    }
    destroy_fixture(&twice);
    destroy_fixture(&single);
}

/* ---- What there is to see, and when ---- */

static void test_nothing_is_kept_that_was_not_asked_for(void **state)
{
    static const int32_t asked[] = {0, ACTIVATIONS, NORMS};
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        fixture f = create_fixture(RNN_CELL_LSTM, RNN_FLOAT64);
        assert_ok(rnn_state_observe(f.state, asked[i]));
        assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
        assert_hides(f.state, BOTH - asked[i]);
        destroy_fixture(&f);
    }
}

static void test_a_state_begins_with_nothing_kept(void **state)
{
    fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    (void)state;
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_hides(f.state, BOTH);
    destroy_fixture(&f);
}

static void test_there_is_nothing_to_see_before_a_chunk_has_run(void **state)
{
    fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    (void)state;
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_ok(rnn_state_observe(f.state, BOTH));
    assert_hides(f.state, BOTH);
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_shows(&f, STEPS);
    destroy_fixture(&f);
}

static void test_a_chunk_that_only_went_forward_has_no_gradient_norms(void **state)
{
    fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    (void)state;
    assert_ok(rnn_state_observe(f.state, BOTH));
    assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, NULL));
    assert_hides(f.state, NORMS);
    free(get_activations(&f, 0, COUNT));
    destroy_fixture(&f);
}

static void test_observing_nothing_stops_it(void **state)
{
    fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    (void)state;
    assert_ok(rnn_state_observe(f.state, BOTH));
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_shows(&f, STEPS);
    assert_ok(rnn_state_observe(f.state, 0));
    assert_hides(f.state, BOTH);
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_hides(f.state, BOTH);
    destroy_fixture(&f);
}

static void test_what_is_seen_is_the_last_chunk_longer_or_shorter(void **state)
{
    static const int64_t steps[] = {2, STEPS, 1, 3};
    fixture f = create_fixture(RNN_CELL_GRU, RNN_FLOAT64);
    (void)state;
    assert_ok(rnn_state_observe(f.state, BOTH));
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        rnn_chunk part = chunk_steps(&f.chunk, 0, steps[i]);
        assert_ok(rnn_state_copy(f.state, f.start));
        formulas expected = run_formulas(f.model, f.start, &part, NULL, NULL);
        assert_ok(rnn_forward_backward(f.model, f.state, &part, NULL));
        assert_shows(&f, steps[i]);
        for (int64_t layer = 0; layer < LAYERS; layer++) {
            int64_t count = steps[i] * STREAMS * HIDDEN;
            double *activations = get_activations(&f, layer, count);
            assert_all_close(activations, expected.activations + layer * count, count, 1e-12);
            free(activations);
        }
        free_formulas(&expected);
    }
    destroy_fixture(&f);
}

static void test_observing_changes_nothing_that_is_computed(void **state)
{
    (void)state;
    for (int c = 0; c < CELLS; c++) {
        fixture observed = create_fixture(cells[c], RNN_FLOAT32), plain = create_fixture(cells[c], RNN_FLOAT32);
        rnn_loss losses[2];
        assert_ok(rnn_state_observe(observed.state, BOTH));
        for (int n = 0; n < 3; n++) {
            assert_ok(rnn_forward_backward(observed.model, observed.state, &observed.chunk.chunk, &losses[0]));
            assert_ok(rnn_forward_backward(plain.model, plain.state, &plain.chunk.chunk, &losses[1]));
            assert_true(losses[0].sum == losses[1].sum);
            snapshot bits = take_snapshot(plain.model, plain.state);
            assert_unchanged(&bits, observed.model, observed.state);
            free(bits.bytes);
        }
        destroy_fixture(&plain);
        destroy_fixture(&observed);
    }
}

static void test_resetting_and_setting_a_state_leaves_what_was_seen(void **state)
{
    fixture f = create_fixture(RNN_CELL_LSTM, RNN_FLOAT64);
    double before[STEPS], after[STEPS];
    (void)state;
    assert_ok(rnn_state_observe(f.state, BOTH));
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    double *activations = get_activations(&f, 1, COUNT);
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, before, STEPS));
    assert_ok(rnn_state_copy(f.state, f.start));
    assert_ok(rnn_state_reset(f.state));
    double *again = get_activations(&f, 1, COUNT);
    assert_ok(rnn_state_get_gradient_norms(f.state, 1, after, STEPS));
    assert_memory_equal(again, activations, COUNT * sizeof(double));
    assert_memory_equal(after, before, sizeof before);
    free(again);
    free(activations);
    destroy_fixture(&f);
}

/* ---- Calls that fail and change nothing ---- */

static void test_a_failed_chunk_leaves_what_was_seen(void **state)
{
    fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    double huge[4] = {1.7e308, -1.7e308, 1.7e308, -1.7e308};
    double before[STEPS], after[STEPS];
    (void)state;
    assert_ok(rnn_state_observe(f.state, BOTH));
    rnn_chunk part = chunk_steps(&f.chunk, 0, STEPS - 1);
    assert_ok(rnn_forward_backward(f.model, f.state, &part, NULL));
    double *activations = get_activations(&f, 2, COUNT - STREAMS * HIDDEN);
    assert_ok(rnn_state_get_gradient_norms(f.state, 2, before, STEPS - 1));

    set_parameter(f.model, index_of(f.model, "decoder.bias"), huge);
    assert_fails(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL), RNN_ERROR_NONFINITE, "loss");
    rnn_loss loss;
    assert_fails(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, &loss), RNN_ERROR_NONFINITE, "loss");
    double *again = get_activations(&f, 2, COUNT - STREAMS * HIDDEN);
    assert_ok(rnn_state_get_gradient_norms(f.state, 2, after, STEPS - 1));
    assert_memory_equal(again, activations, (COUNT - STREAMS * HIDDEN) * sizeof(double));
    assert_memory_equal(after, before, (STEPS - 1) * sizeof(double));
    free(again);
    free(activations);
    destroy_fixture(&f);
}

static void test_what_to_observe_must_be_a_sum_of_what_there_is(void **state)
{
    static const int32_t bad[] = {-1, BOTH + 1, 1000, INT32_MAX, INT32_MIN};
    fixture f = create_fixture(RNN_CELL_TANH, RNN_FLOAT64);
    (void)state;
    assert_ok(rnn_state_observe(f.state, BOTH));
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(rnn_state_observe(f.state, bad[i]), RNN_ERROR_ARGUMENT, "what is ");
    assert_shows(&f, STEPS);
    destroy_fixture(&f);
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
        cmocka_unit_test(test_a_state_begins_with_nothing_kept),
        cmocka_unit_test(test_there_is_nothing_to_see_before_a_chunk_has_run),
        cmocka_unit_test(test_a_chunk_that_only_went_forward_has_no_gradient_norms),
        cmocka_unit_test(test_observing_nothing_stops_it),
        cmocka_unit_test(test_what_is_seen_is_the_last_chunk_longer_or_shorter),
        cmocka_unit_test(test_observing_changes_nothing_that_is_computed),
        cmocka_unit_test(test_resetting_and_setting_a_state_leaves_what_was_seen),
        cmocka_unit_test(test_a_failed_chunk_leaves_what_was_seen),
        cmocka_unit_test(test_what_to_observe_must_be_a_sum_of_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
