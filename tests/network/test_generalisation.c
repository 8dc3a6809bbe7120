/*
 * Aids to generalisation outside the core: copies and averages of models, frozen parameters, decay that spares biases,
 * clipping by norm within the step, options changed on the way, schedules. Most are compared, bit for bit, with a
 * program that does the same by hand.
 */
#include "checkpoint_memory.h"
#include "optimizers.h"

enum { SYMBOLS = 11, HIDDEN = 13, STEPS = 6, STREAMS = 3 };

static rnn_model *new_model(int32_t precision, uint64_t seed)
{
    rnn_model_options o = make_options(SYMBOLS, HIDDEN, SYMBOLS, 2, precision);
    o.cell = RNN_CELL_LSTM;
    return create_random_model(&o, 0.5, seed);
}

static void learn(rnn_model *model, uint64_t seed)
{
    run_random_chunk(model, STEPS, STREAMS, seed);
}

/* ---- Copies and averages ---- */

static void test_a_copy_has_the_options_parameters_and_frozen_flags_and_a_life_of_its_own(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        rnn_model *model = new_model(precision, 3);
        scoped_model *copy = NULL;
        learn(model, 1);
        assert_ok(rnn_model_freeze(model, 2, 1));
        assert_ok(rnn_model_copy(model, &copy));
        rnn_model_options own = options_of(model), copied = options_of(copy);
        assert_memory_equal(&own, &copied, sizeof own);
        assert_same_parameters(model, copy);
        assert_int_equal(parameter_of(copy, 2).frozen, 1);
        assert_int_equal(parameter_of(copy, 1).frozen, 0);
        assert_null(parameter_of(copy, 0).gradient);
        scoped_snapshot before = take_snapshot(copy, NULL);
        rnn_model_destroy(model);
        assert_unchanged(&before, copy, NULL);
    }
}

static void test_an_average_moves_by_its_share_of_the_difference(void **state)
{
    (void)state;
    static const double weights[] = {0, 0.25, 1};
    for (int i = 0; i < 3; i++) {
        scoped_model *average = new_model(RNN_FLOAT64, 3), *model = new_model(RNN_FLOAT64, 4);
        scoped_memory double *a = get_all_parameters(average), *m = get_all_parameters(model);
        assert_ok(rnn_model_average(average, model, weights[i]));
        scoped_memory double *actual = get_all_parameters(average);
        for (int64_t k = 0; k < parameter_total(average); k++)
            assert_true(fabs(actual[k] - (a[k] + weights[i] * (m[k] - a[k]))) < 1e-15);
    }
}

static void test_weights_of_one_over_n_make_the_mean(void **state)
{
    (void)state;
    enum { MODELS = 4 };
    scoped_model *average = new_model(RNN_FLOAT64, 0);
    scoped_memory double *sum = get_all_parameters(average);
    int64_t count = parameter_total(average);
    for (uint64_t n = 1; n < MODELS; n++) {
        scoped_model *model = new_model(RNN_FLOAT64, n);
        scoped_memory double *values = get_all_parameters(model);
        assert_ok(rnn_model_average(average, model, 1.0 / (double)(n + 1)));
        for (int64_t k = 0; k < count; k++)
            sum[k] += values[k];
    }
    scoped_memory double *actual = get_all_parameters(average);
    for (int64_t k = 0; k < count; k++)
        assert_true(fabs(actual[k] - sum[k] / MODELS) < 1e-15);
}

/* The first pass packs the parameters. After the average the packed copy must not be used. */
static void test_an_average_computes_with_its_new_parameters(void **state)
{
    (void)state;
    scoped_model *average = new_model(RNN_FLOAT32, 3), *model = new_model(RNN_FLOAT32, 4);
    scoped_state *a = create_state(average, STREAMS), *b = create_state(average, STREAMS);
    scoped_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0, 1);
    rnn_loss actual, expected;
    assert_ok(rnn_forward(average, a, &chunk.chunk, NULL, 0, &actual));
    assert_ok(rnn_state_reset(a));
    assert_ok(rnn_model_average(average, model, 1));
    assert_ok(rnn_forward(average, a, &chunk.chunk, NULL, 0, &actual));
    assert_ok(rnn_forward(model, b, &chunk.chunk, NULL, 0, &expected));
    assert_relative(actual.sum, expected.sum, 1e-5);
}

static void test_averages_refuse_another_precision(void **state)
{
    (void)state;
    scoped_model *average = new_model(RNN_FLOAT32, 3), *model = new_model(RNN_FLOAT64, 4);
    scoped_snapshot before = take_snapshot(average, NULL);
    assert_fails(rnn_model_average(average, model, 0.5), RNN_ERROR_MISMATCH, "precision");
    assert_unchanged(&before, average, NULL);
}

/* ---- Frozen parameters ---- */

/* After a step the frozen parameters have their old bits. All others have the bits of a step with nothing frozen. */
static void test_a_frozen_parameter_stays_and_the_others_do_not_notice(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        rnn_optimizer_options options = usual_options(rule);
        options.weight_decay = 0.01;
        scoped_model *frozen = new_model(RNN_FLOAT64, 3), *free_model = new_model(RNN_FLOAT64, 3);
        scoped_optimizer *a = create_optimizer(frozen, &options), *b = create_optimizer(free_model, &options);
        const int64_t chosen[] = {0, index_of(frozen, "rnn.weight_hh_l1"), index_of(frozen, "decoder.bias")};
        scoped_model *old = new_model(RNN_FLOAT64, 3);
        for (int i = 0; i < 3; i++)
            assert_ok(rnn_model_freeze(frozen, chosen[i], 1));
        learn(frozen, 1);
        learn(free_model, 1);
        assert_ok(rnn_optimizer_step(a, frozen));
        assert_ok(rnn_optimizer_step(b, free_model));
        for (int64_t p = 0; p < rnn_model_parameter_count(frozen); p++) {
            bool stays = p == chosen[0] || p == chosen[1] || p == chosen[2];
            scoped_memory double *actual = get_parameter(frozen, p),
                                 *expected = get_parameter(stays ? old : free_model, p);
            assert_memory_equal(actual, expected, (size_t)parameter_of(frozen, p).count * sizeof *actual);
        }
        assert_all_gradients_are_zero(frozen);
    }
}

static void test_freezing_can_be_undone_and_is_counted(void **state)
{
    (void)state;
    scoped_model *model = new_model(RNN_FLOAT64, 3), *plain = new_model(RNN_FLOAT64, 3);
    scoped_optimizer *a = create_optimizer(model, NULL), *b = create_optimizer(plain, NULL);
    assert_ok(rnn_model_freeze(model, 1, 1));
    assert_ok(rnn_model_freeze(model, 1, 1));
    assert_ok(rnn_model_freeze(model, 1, 0));
    assert_ok(rnn_model_freeze(model, 2, 0));
    learn(model, 1);
    learn(plain, 1);
    assert_ok(rnn_optimizer_step(a, model));
    assert_ok(rnn_optimizer_step(b, plain));
    assert_same_parameters(model, plain);
}

static void test_the_norm_leaves_frozen_parameters_out(void **state)
{
    (void)state;
    scoped_model *model = new_model(RNN_FLOAT64, 3);
    double all, rest, sum = 0;
    learn(model, 1);
    assert_ok(rnn_model_clip_norm(model, 1e9, &all));
    scoped_memory double *gradient = get_gradient(model, 1);
    for (int64_t i = 0; i < parameter_of(model, 1).count; i++)
        sum += gradient[i] * gradient[i];
    assert_ok(rnn_model_freeze(model, 1, 1));
    assert_ok(rnn_model_clip_norm(model, 1e9, &rest));
    assert_relative(rest * rest, all * all - sum, 1e-12);
}

/* ---- Decay that spares biases ---- */

/* A model after one step with these options */
static rnn_model *create_trained(int32_t rule, double weight_decay, int32_t spare_biases)
{
    rnn_model *model = new_model(RNN_FLOAT32, 3);
    rnn_optimizer_options options = usual_options(rule);
    options.weight_decay = weight_decay;
    options.spare_biases = spare_biases;
    scoped_optimizer *optimizer = create_optimizer(model, &options);
    learn(model, 1);
    assert_ok(rnn_optimizer_step(optimizer, model));
    return model;
}

static void test_decay_spares_biases_and_nothing_else(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        scoped_model *spared = create_trained(rule, 0.1, 1), *decayed = create_trained(rule, 0.1, 0);
        scoped_model *plain = create_trained(rule, 0, 0);
        for (int64_t p = 0; p < rnn_model_parameter_count(spared); p++) {
            rnn_parameter about = parameter_of(spared, p);
            scoped_memory double *actual = get_parameter(spared, p);
            scoped_memory double *expected = get_parameter(about.rank == 1 ? plain : decayed, p);
            assert_memory_equal(actual, expected, (size_t)about.count * sizeof *actual);
        }
    }
}

/* ---- Clipping by norm within the step ---- */

static void test_clipping_by_norm_within_the_step_is_clipping_before_it(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        rnn_optimizer_options within = usual_options(rule);
        within.clip_norm = 0.5;
        scoped_model *a = new_model(RNN_FLOAT32, 3), *b = new_model(RNN_FLOAT32, 3), *c = new_model(RNN_FLOAT32, 3);
        scoped_optimizer *of_a = create_optimizer(a, &within);
        within.clip_norm = 0;
        scoped_optimizer *of_b = create_optimizer(b, &within), *of_c = create_optimizer(c, &within);
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
        scoped_memory double *clipped = get_all_parameters(a), *raw = get_all_parameters(c);
        assert_memory_not_equal(clipped, raw, (size_t)parameter_total(a) * sizeof *raw);
    }
}

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    scoped_model *model = new_model(RNN_FLOAT32, 3);
    rnn_optimizer *optimizer = NULL;
    rnn_optimizer_options o = usual_options(ADAM);
    o.clip_norm = -1;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT, "clip_norm is -1");
    o.clip_norm = o.clip_value = 1;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT,
                 "clip_value is 1 and clip_norm is 1; one of them must be 0");
    o = usual_options(ADAM);
    o.spare_biases = 1;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT,
                 "spare_biases is 1; it must be 0, since weight_decay is 0");
    o.spare_biases = 0;
    o.reserved = 3;
    assert_fails(rnn_optimizer_create(model, &o, &optimizer), RNN_ERROR_ARGUMENT, "reserved is 3");
    assert_null(optimizer);
}

/* ---- Options on the way ---- */

static void test_options_can_be_read_and_changed_and_what_is_accumulated_stays(void **state)
{
    (void)state;
    scoped_model *model = new_model(RNN_FLOAT32, 3), *twin = new_model(RNN_FLOAT32, 3);
    rnn_optimizer_options o = usual_options(ADAMW), got = usual_options(SGD);
    scoped_optimizer *a = create_optimizer(model, &o), *b = create_optimizer(twin, &o);
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
    bad = usual_options(SGD);
    assert_fails(rnn_optimizer_set_options(a, &bad), RNN_ERROR_ARGUMENT,
                 "rule is RNN_OPTIMIZER_SGD; it must stay RNN_OPTIMIZER_ADAMW");
    assert_true(rnn_optimizer_learning_rate(a) == 0.5);

    scoped_optimizer *sgd = create_optimizer(model, &bad);
    bad.momentum = 0.9;
    assert_fails(rnn_optimizer_set_options(sgd, &bad), RNN_ERROR_ARGUMENT, "momentum is 0.9; it must stay at 0");
}

/* A run that is stopped and continued has the bits of one that isn't. */
static void test_checkpoints_keep_what_is_frozen_and_the_options(void **state)
{
    (void)state;
    rnn_optimizer_options o = usual_options(ADAM), read = o;
    o.weight_decay = 0.01;
    o.spare_biases = 1;
    o.clip_norm = 0.5;
    scoped_checkpoint saved = empty_checkpoint();
    saved.model = new_model(RNN_FLOAT32, 3);
    saved.optimizer = create_optimizer(saved.model, &o);
    assert_ok(rnn_model_freeze(saved.model, 3, 1));
    assert_ok(rnn_model_freeze(saved.model, 7, 1));
    learn(saved.model, 1);
    assert_ok(rnn_optimizer_step(saved.optimizer, saved.model));
    scoped_checkpoint loaded = save_and_load(&saved);
    assert_ok(rnn_optimizer_get_options(loaded.optimizer, &read));
    assert_memory_equal(&read, &o, sizeof o);
    for (int64_t p = 0; p < rnn_model_parameter_count(loaded.model); p++)
        assert_int_equal(parameter_of(loaded.model, p).frozen, p == 3 || p == 7);
    learn(saved.model, 2);
    learn(loaded.model, 2);
    assert_ok(rnn_optimizer_step(saved.optimizer, saved.model));
    assert_ok(rnn_optimizer_step(loaded.optimizer, loaded.model));
    assert_same_parameters(saved.model, loaded.model);
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
        assert_true(fabs(rnn_schedule_step_decay(k, 30, 0.5) - pow(0.5, floor((double)k / 30))) < 1e-15);
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
    scoped_model *model = new_model(RNN_FLOAT32, 3);
    scoped_optimizer *optimizer = create_optimizer(model, NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(rnn_optimizer_set_learning_rate(optimizer, bad[i]), RNN_ERROR_ARGUMENT, "learning_rate is ");
}

/* ---- A state as one array ---- */

static void test_all_values_of_a_state_go_out_and_in(void **state)
{
    (void)state;
    scoped_model *model = new_model(RNN_FLOAT64, 3);
    scoped_state *from = create_random_state(model, STREAMS, 1, 5), *to = create_state(model, STREAMS);
    enum { COUNT = 2 * 2 * STREAMS * HIDDEN };
    double all[COUNT], one[STREAMS * HIDDEN];
    assert_ok(rnn_state_get_all(from, all, COUNT));
    for (int32_t part = 0; part < 2; part++)
        for (int64_t l = 0; l < 2; l++) {
            assert_ok(rnn_state_get(from, l, part, one, STREAMS * HIDDEN));
            assert_memory_equal(one, all + (part * 2 + l) * STREAMS * HIDDEN, sizeof one);
        }
    assert_ok(rnn_state_set_all(to, all, COUNT));
    scoped_snapshot same = take_snapshot(model, from);
    assert_unchanged(&same, model, to);
    all[7] = INFINITY;
    assert_fails(rnn_state_set_all(to, all, COUNT), RNN_ERROR_ARGUMENT, "values[7] is inf; it must be finite");
    assert_fails(rnn_state_set_all(to, all, COUNT - 1), RNN_ERROR_ARGUMENT, "count is 155; the state has 156 values");
    assert_unchanged(&same, model, to);
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
