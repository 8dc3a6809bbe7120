/*
 * What helps a model to generalise, outside the core: copies and averages of models, frozen parameters, decay that
 * spares biases, clipping by norm within the step, options changed on the way, schedules. Each against what a program
 * would have to do by hand, bit for bit.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SYMBOLS = 11, HIDDEN = 13, STEPS = 6, STREAMS = 3 };

static rnn_model *new_model(int32_t precision, uint64_t seed)
{
    rnn_model_options o = make_options(SYMBOLS, HIDDEN, SYMBOLS, 2, precision);
    o.cell = RNN_CELL_LSTM;
    return create_random_model(&o, 0.5, seed);
}

static rnn_optimizer *new_optimizer(const rnn_model *model, const rnn_optimizer_options *options)
{
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_create(model, options, &optimizer));
    return optimizer;
}

static rnn_optimizer_options usual(int32_t rule)
{
    rnn_optimizer_options o;
    assert_ok(rnn_optimizer_options_init(&o, sizeof o, rule));
    return o;
}

/* Adds the gradients of some chunk. */
static void learn(rnn_model *model, uint64_t seed)
{
    rnn_state *state = create_state(model, STREAMS);
    owned_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0, seed);
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
    destroy_chunk(&chunk);
    rnn_state_destroy(state);
}

static void assert_same_parameters(const rnn_model *a, const rnn_model *b)
{
    const void *of_a, *of_b;
    int64_t count;
    assert_ok(rnn_model_flat_parameters(a, &of_a, &count));
    assert_ok(rnn_model_flat_parameters(b, &of_b, &count));
    assert_memory_equal(of_a, of_b, (size_t)count * precision_size(options_of(a).precision));
}

/* ---- Copies and averages ---- */

static void test_a_copy_has_the_options_parameters_and_frozen_flags_and_a_life_of_its_own(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        rnn_model *model = new_model(precision, 3), *copy = NULL;
        learn(model, 1);
        assert_ok(rnn_model_freeze(model, 2, 1));
        assert_ok(rnn_model_copy(model, &copy));
        rnn_model_options own = options_of(model), copied = options_of(copy);
        assert_memory_equal(&own, &copied, sizeof own);
        assert_same_parameters(model, copy);
        assert_int_equal(parameter_of(copy, 2).frozen, 1);
        assert_int_equal(parameter_of(copy, 1).frozen, 0);
        assert_null(parameter_of(copy, 0).gradient);
        double *before = get_all_parameters(copy);
        rnn_model_destroy(model);
        double *after = get_all_parameters(copy);
        assert_memory_equal(before, after, (size_t)parameter_total(copy) * sizeof *after);
        free(before);
        free(after);
        rnn_model_destroy(copy);
    }
}

static void test_an_average_moves_by_its_share_of_the_difference(void **state)
{
    static const double weights[] = {0, 0.25, 1};
    (void)state;
    for (int i = 0; i < 3; i++) {
        rnn_model *average = new_model(RNN_FLOAT64, 3), *model = new_model(RNN_FLOAT64, 4);
        double *a = get_all_parameters(average), *m = get_all_parameters(model);
        assert_ok(rnn_model_average(average, model, weights[i]));
        double *actual = get_all_parameters(average);
        for (int64_t k = 0; k < parameter_total(average); k++)
            assert_true(fabs(actual[k] - (a[k] + weights[i] * (m[k] - a[k]))) < 1e-15);
        free(a);
        free(m);
        free(actual);
        rnn_model_destroy(average);
        rnn_model_destroy(model);
    }
}

/* Weights 1 / (n + 1) make the mean. */
static void test_weights_of_one_over_n_make_the_mean(void **state)
{
    (void)state;
    enum { MODELS = 4 };
    rnn_model *average = new_model(RNN_FLOAT64, 0);
    double *sum = get_all_parameters(average);
    int64_t count = parameter_total(average);
    for (uint64_t n = 1; n < MODELS; n++) {
        rnn_model *model = new_model(RNN_FLOAT64, n);
        double *values = get_all_parameters(model);
        assert_ok(rnn_model_average(average, model, 1.0 / (double)(n + 1)));
        for (int64_t k = 0; k < count; k++)
            sum[k] += values[k];
        free(values);
        rnn_model_destroy(model);
    }
    double *actual = get_all_parameters(average);
    for (int64_t k = 0; k < count; k++)
        assert_true(fabs(actual[k] - sum[k] / MODELS) < 1e-15);
    free(sum);
    free(actual);
    rnn_model_destroy(average);
}

/* What has packed the average's parameters before must not be used after. */
static void test_an_average_computes_with_its_new_parameters(void **state)
{
    (void)state;
    rnn_model *average = new_model(RNN_FLOAT32, 3), *model = new_model(RNN_FLOAT32, 4);
    rnn_state *a = create_state(average, STREAMS), *b = create_state(average, STREAMS);
    owned_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0, 1);
    rnn_loss actual, expected;
    assert_ok(rnn_forward(average, a, &chunk.chunk, NULL, 0, &actual));
    assert_ok(rnn_state_reset(a));
    assert_ok(rnn_model_average(average, model, 1));
    assert_ok(rnn_forward(average, a, &chunk.chunk, NULL, 0, &actual));
    assert_ok(rnn_forward(model, b, &chunk.chunk, NULL, 0, &expected));
    assert_relative(actual.sum, expected.sum, 1e-5);
    destroy_chunk(&chunk);
    rnn_state_destroy(a);
    rnn_state_destroy(b);
    rnn_model_destroy(average);
    rnn_model_destroy(model);
}

static void test_averages_refuse_another_precision(void **state)
{
    (void)state;
    rnn_model *model = new_model(RNN_FLOAT32, 3), *other = new_model(RNN_FLOAT64, 4);
    snapshot before = take_snapshot(model, NULL);
    assert_fails(rnn_model_average(model, other, 0.5), RNN_ERROR_MISMATCH, "precision");
    assert_unchanged(&before, model, NULL);
    free(before.bytes);
    rnn_model_destroy(model);
    rnn_model_destroy(other);
}

/* ---- Frozen parameters ---- */

/* After a step the frozen parameters have their old bits, and all others what they have without any frozen. */
static void test_a_frozen_parameter_stays_and_the_others_do_not_notice(void **state)
{
    (void)state;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        rnn_optimizer_options options = usual(rule);
        options.weight_decay = 0.01;
        rnn_model *frozen = new_model(RNN_FLOAT64, 3), *free_model = new_model(RNN_FLOAT64, 3);
        rnn_optimizer *a = new_optimizer(frozen, &options), *b = new_optimizer(free_model, &options);
        const int64_t chosen[] = {0, index_of(frozen, "rnn.weight_hh_l1"), index_of(frozen, "decoder.bias")};
        double *kept[3];
        for (int i = 0; i < 3; i++) {
            kept[i] = get_parameter(frozen, chosen[i]);
            assert_ok(rnn_model_freeze(frozen, chosen[i], 1));
        }
        learn(frozen, 1);
        learn(free_model, 1);
        assert_ok(rnn_optimizer_step(a, frozen));
        assert_ok(rnn_optimizer_step(b, free_model));
        for (int64_t p = 0; p < rnn_model_parameter_count(frozen); p++) {
            double *actual = get_parameter(frozen, p), *expected = get_parameter(free_model, p);
            int at = p == chosen[0] ? 0 : p == chosen[1] ? 1 : p == chosen[2] ? 2 : -1;
            size_t bytes = (size_t)parameter_of(frozen, p).count * sizeof *actual;
            assert_memory_equal(actual, at >= 0 ? kept[at] : expected, bytes);
            free(actual);
            free(expected);
        }
        double *gradients = get_all_gradients(frozen);
        for (int64_t k = 0; k < parameter_total(frozen); k++)
            assert_true(gradients[k] == 0);
        free(gradients);
        for (int i = 0; i < 3; i++)
            free(kept[i]);
        rnn_optimizer_destroy(a);
        rnn_optimizer_destroy(b);
        rnn_model_destroy(frozen);
        rnn_model_destroy(free_model);
    }
}

static void test_freezing_can_be_undone_and_is_counted(void **state)
{
    (void)state;
    rnn_model *model = new_model(RNN_FLOAT64, 3), *plain = new_model(RNN_FLOAT64, 3);
    rnn_optimizer *a = new_optimizer(model, NULL), *b = new_optimizer(plain, NULL);
    assert_ok(rnn_model_freeze(model, 1, 1));
    assert_ok(rnn_model_freeze(model, 1, 1));
    assert_ok(rnn_model_freeze(model, 1, 0));
    assert_ok(rnn_model_freeze(model, 2, 0));
    learn(model, 1);
    learn(plain, 1);
    assert_ok(rnn_optimizer_step(a, model));
    assert_ok(rnn_optimizer_step(b, plain));
    assert_same_parameters(model, plain);
    rnn_optimizer_destroy(a);
    rnn_optimizer_destroy(b);
    rnn_model_destroy(model);
    rnn_model_destroy(plain);
}

static void test_the_norm_leaves_frozen_parameters_out(void **state)
{
    (void)state;
    rnn_model *model = new_model(RNN_FLOAT64, 3);
    double all, rest, sum = 0;
    learn(model, 1);
    assert_ok(rnn_model_clip_norm(model, 1e9, &all));
    double *gradient = get_gradient(model, 1);
    for (int64_t i = 0; i < parameter_of(model, 1).count; i++)
        sum += gradient[i] * gradient[i];
    assert_ok(rnn_model_freeze(model, 1, 1));
    assert_ok(rnn_model_clip_norm(model, 1e9, &rest));
    assert_relative(rest * rest, all * all - sum, 1e-12);
    free(gradient);
    rnn_model_destroy(model);
}

/* ---- Decay that spares biases ---- */

static void test_decay_spares_biases_and_nothing_else(void **state)
{
    (void)state;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        rnn_optimizer_options options[3] = {usual(rule), usual(rule), usual(rule)};
        rnn_model *models[3];
        options[0].weight_decay = options[1].weight_decay = 0.1;
        options[2].weight_decay = 0;
        options[0].spare_biases = 1;
        for (int i = 0; i < 3; i++) {
            models[i] = new_model(RNN_FLOAT32, 3);
            rnn_optimizer *optimizer = new_optimizer(models[i], &options[i]);
            learn(models[i], 1);
            assert_ok(rnn_optimizer_step(optimizer, models[i]));
            rnn_optimizer_destroy(optimizer);
        }
        for (int64_t p = 0; p < rnn_model_parameter_count(models[0]); p++) {
            rnn_parameter about = parameter_of(models[0], p);
            double *actual = get_parameter(models[0], p), *other = get_parameter(models[about.rank == 1 ? 2 : 1], p);
            assert_memory_equal(actual, other, (size_t)about.count * sizeof *actual);
            free(actual);
            free(other);
        }
        for (int i = 0; i < 3; i++)
            rnn_model_destroy(models[i]);
    }
}

/* ---- Clipping by norm within the step ---- */

static void test_clipping_by_norm_within_the_step_is_clipping_before_it(void **state)
{
    (void)state;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        rnn_optimizer_options within = usual(rule);
        within.clip_norm = 0.5;
        rnn_model *a = new_model(RNN_FLOAT32, 3), *b = new_model(RNN_FLOAT32, 3), *c = new_model(RNN_FLOAT32, 3);
        rnn_optimizer *of_a = new_optimizer(a, &within), *of_b = NULL, *of_c = NULL;
        within.clip_norm = 0;
        of_b = new_optimizer(b, &within);
        of_c = new_optimizer(c, &within);
        for (uint64_t n = 0; n < 3; n++) {
            double norm;
            learn(a, n);
            learn(b, n);
            learn(c, n);
            assert_ok(rnn_model_clip_norm(b, 0.5, &norm));
            assert_true(norm > 0.5);
            assert_ok(rnn_optimizer_step(of_a, a));
            assert_ok(rnn_optimizer_step(of_b, b));
            assert_ok(rnn_optimizer_step(of_c, c));
        }
        assert_same_parameters(a, b);
        double *clipped = get_all_parameters(a), *raw = get_all_parameters(c);
        assert_memory_not_equal(clipped, raw, (size_t)parameter_total(a) * sizeof *raw);
        free(clipped);
        free(raw);
        rnn_optimizer_destroy(of_a);
        rnn_optimizer_destroy(of_b);
        rnn_optimizer_destroy(of_c);
        rnn_model_destroy(a);
        rnn_model_destroy(b);
        rnn_model_destroy(c);
    }
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    rnn_model *model = new_model(RNN_FLOAT32, 3);
    rnn_optimizer *optimizer = NULL;
    rnn_optimizer_options o = usual(RNN_OPTIMIZER_ADAM);
    o.clip_norm = -1;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT, "clip_norm is -1");
    o.clip_norm = o.clip_value = 1;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT,
                 "clip_value is 1 and clip_norm is 1; one of them must be 0");
    o = usual(RNN_OPTIMIZER_ADAM);
    o.spare_biases = 1;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT,
                 "spare_biases is 1; it must be 0, since weight_decay is 0");
    o.spare_biases = 0;
    o.reserved = 3;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT, "reserved is 3");
    assert_null(optimizer);
    rnn_model_destroy(model);
}

/* ---- Options on the way ---- */

static void test_options_can_be_read_and_changed_and_what_is_accumulated_stays(void **state)
{
    (void)state;
    rnn_model *model = new_model(RNN_FLOAT32, 3), *twin = new_model(RNN_FLOAT32, 3);
    rnn_optimizer_options o = usual(RNN_OPTIMIZER_ADAMW), got = usual(RNN_OPTIMIZER_SGD);
    rnn_optimizer *a = new_optimizer(model, &o), *b = new_optimizer(twin, &o);
    learn(model, 1);
    learn(twin, 1);
    assert_ok(rnn_optimizer_step(a, model));
    assert_ok(rnn_optimizer_step(b, twin));
    assert_ok(rnn_optimizer_get_options(a, &got));
    assert_memory_equal(&got, &o, sizeof o);
    got.learning_rate = 0.5;
    assert_ok(rnn_optimizer_set_options(a, &got));
    assert_ok(rnn_optimizer_set_learning_rate(b, 0.5));
    learn(model, 2);
    learn(twin, 2);
    assert_ok(rnn_optimizer_step(a, model));
    assert_ok(rnn_optimizer_step(b, twin));
    assert_same_parameters(model, twin);

    rnn_optimizer_options bad = got;
    bad.beta1 = 2;
    assert_fails(rnn_optimizer_set_options(a, &bad), RNN_ERROR_ARGUMENT, "beta1 is 2");
    bad = usual(RNN_OPTIMIZER_SGD);
    assert_fails(rnn_optimizer_set_options(a, &bad), RNN_ERROR_ARGUMENT,
                 "rule is RNN_OPTIMIZER_SGD; it must stay RNN_OPTIMIZER_ADAMW");
    assert_true(rnn_optimizer_learning_rate(a) == 0.5);
    rnn_optimizer_destroy(a);
    rnn_optimizer_destroy(b);

    o = usual(RNN_OPTIMIZER_SGD);
    a = new_optimizer(model, &o);
    o.momentum = 0.9;
    assert_fails(rnn_optimizer_set_options(a, &o), RNN_ERROR_ARGUMENT, "momentum is 0.9; it must stay at 0");
    rnn_optimizer_destroy(a);
    rnn_model_destroy(model);
    rnn_model_destroy(twin);
}

/* A run that is stopped and goes on has the bits of one that isn't. */
static void test_checkpoints_keep_what_is_frozen_and_the_options(void **state)
{
    (void)state;
    static unsigned char file[1 << 18];
    size_t size;
    rnn_optimizer_options o = usual(RNN_OPTIMIZER_ADAM), read = o;
    o.weight_decay = 0.01;
    o.spare_biases = 1;
    o.clip_norm = 0.5;
    rnn_checkpoint saved, loaded;
    assert_ok(rnn_checkpoint_init(&saved, sizeof saved));
    assert_ok(rnn_checkpoint_init(&loaded, sizeof loaded));
    saved.model = new_model(RNN_FLOAT32, 3);
    saved.optimizer = new_optimizer(saved.model, &o);
    assert_ok(rnn_model_freeze(saved.model, 3, 1));
    assert_ok(rnn_model_freeze(saved.model, 7, 1));
    learn(saved.model, 1);
    assert_ok(rnn_optimizer_step(saved.optimizer, saved.model));
    assert_ok(rnn_checkpoint_save_to_memory(&saved, file, sizeof file, &size));
    assert_ok(rnn_checkpoint_load_from_memory(file, size, &loaded));
    assert_ok(rnn_optimizer_get_options(loaded.optimizer, &read));
    assert_memory_equal(&read, &o, sizeof o);
    for (int64_t p = 0; p < rnn_model_parameter_count(loaded.model); p++)
        assert_int_equal(parameter_of(loaded.model, p).frozen, p == 3 || p == 7);
    learn(saved.model, 2);
    learn(loaded.model, 2);
    assert_ok(rnn_optimizer_step(saved.optimizer, saved.model));
    assert_ok(rnn_optimizer_step(loaded.optimizer, loaded.model));
    assert_same_parameters(saved.model, loaded.model);
    rnn_optimizer_destroy(saved.optimizer);
    rnn_optimizer_destroy(loaded.optimizer);
    rnn_model_destroy(saved.model);
    rnn_model_destroy(loaded.model);
}

/* ---- Schedules ---- */

static void test_schedules_have_the_values_of_their_formulas(void **state)
{
    (void)state;
    const double pi = 3.14159265358979323846;
    for (int64_t k = 0; k < 130; k++) {
        double part = k < 100 ? (double)k / 100 : 1;
        assert_true(fabs(rnn_schedule_warmup(k, 20) - (k < 20 ? (double)(k + 1) / 20 : 1)) < 1e-15);
        assert_true(fabs(rnn_schedule_cosine(k, 100, 0.1) - (0.1 + 0.9 * (1 + cos(pi * part)) / 2)) < 1e-15);
        assert_true(fabs(rnn_schedule_step_decay(k, 30, 0.5) - pow(0.5, (double)(k / 30))) < 1e-15);
        double up = (double)k / 30, down = k < 100 ? (double)(k - 30) / 70 : 1;
        double expected = k < 30 ? 1 + (0.04 - 1) * (1 + cos(pi * up)) / 2 : 0.01 + 0.99 * (1 + cos(pi * down)) / 2;
        assert_true(fabs(rnn_schedule_one_cycle(k, 100, 30, 0.04, 0.01) - expected) < 1e-15);
    }
    assert_true(rnn_schedule_cosine(0, 7, 0.3) == 1);
    assert_true(rnn_schedule_cosine(INT64_MAX, 7, 0.3) == 0.3);
    assert_true(rnn_schedule_step_decay(INT64_MAX, 1, 0.5) == 0);
    assert_true(rnn_schedule_one_cycle(30, 100, 30, 0.04, 0) == 1);
}

static void test_schedules_of_bad_arguments_are_no_rate(void **state)
{
    (void)state;
    const double nan = (double)NAN;
    const double bad[] = {rnn_schedule_warmup(-1, 5),
                          rnn_schedule_warmup(1, 0),
                          rnn_schedule_cosine(-1, 5, 0),
                          rnn_schedule_cosine(1, 0, 0),
                          rnn_schedule_cosine(1, 5, 1.5),
                          rnn_schedule_cosine(1, 5, nan),
                          rnn_schedule_step_decay(1, 0, 0.5),
                          rnn_schedule_step_decay(1, 1, -0.5),
                          rnn_schedule_one_cycle(1, 10, 0, 0, 0),
                          rnn_schedule_one_cycle(1, 10, 10, 0, 0),
                          rnn_schedule_one_cycle(1, 10, 3, 2, 0),
                          rnn_schedule_one_cycle(1, 10, 3, 0, nan)};
    rnn_model *model = new_model(RNN_FLOAT32, 3);
    rnn_optimizer *optimizer = new_optimizer(model, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(rnn_optimizer_set_learning_rate(optimizer, bad[i]), RNN_ERROR_ARGUMENT, "learning_rate is ");
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

/* ---- A state as one array ---- */

static void test_all_values_of_a_state_go_out_and_in(void **state)
{
    (void)state;
    rnn_model *model = new_model(RNN_FLOAT64, 3);
    rnn_state *from = create_random_state(model, STREAMS, 1, 5), *to = create_state(model, STREAMS);
    enum { COUNT = 2 * 2 * STREAMS * HIDDEN };
    double all[COUNT], one[STREAMS * HIDDEN];
    assert_ok(rnn_state_get_all(from, all, COUNT));
    for (int32_t part = 0; part < 2; part++)
        for (int64_t l = 0; l < 2; l++) {
            assert_ok(rnn_state_get(from, l, part, one, STREAMS * HIDDEN));
            assert_memory_equal(one, all + (part * 2 + l) * STREAMS * HIDDEN, sizeof one);
        }
    assert_ok(rnn_state_set_all(to, all, COUNT));
    snapshot same = take_snapshot(model, from);
    assert_unchanged(&same, model, to);
    all[7] = INFINITY;
    assert_fails(rnn_state_set_all(to, all, COUNT), RNN_ERROR_ARGUMENT, "not finite");
    assert_fails(rnn_state_set_all(to, all, COUNT - 1), RNN_ERROR_ARGUMENT, "count is 155; the state has 156 values");
    assert_unchanged(&same, model, to);
    free(same.bytes);
    rnn_state_destroy(from);
    rnn_state_destroy(to);
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_copy_has_the_options_parameters_and_frozen_flags_and_a_life_of_its_own),
        cmocka_unit_test(test_an_average_moves_by_its_share_of_the_difference),
        cmocka_unit_test(test_weights_of_one_over_n_make_the_mean),
        cmocka_unit_test(test_an_average_computes_with_its_new_parameters),
        cmocka_unit_test(test_averages_refuse_another_precision),
        cmocka_unit_test(test_a_frozen_parameter_stays_and_the_others_do_not_notice),
        cmocka_unit_test(test_freezing_can_be_undone_and_is_counted),
        cmocka_unit_test(test_the_norm_leaves_frozen_parameters_out),
        cmocka_unit_test(test_decay_spares_biases_and_nothing_else),
        cmocka_unit_test(test_clipping_by_norm_within_the_step_is_clipping_before_it),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_options_can_be_read_and_changed_and_what_is_accumulated_stays),
        cmocka_unit_test(test_checkpoints_keep_what_is_frozen_and_the_options),
        cmocka_unit_test(test_schedules_have_the_values_of_their_formulas),
        cmocka_unit_test(test_schedules_of_bad_arguments_are_no_rate),
        cmocka_unit_test(test_all_values_of_a_state_go_out_and_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
