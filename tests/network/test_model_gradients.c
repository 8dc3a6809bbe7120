/* A model's gradients: reading, setting, zeroing and clipping them. */
#include "optimizers.h"

/* ---- Gradients ---- */

static void assert_some_gradient_is_not_zero(const rnn_model *model)
{
    scoped_memory double *gradients = get_all_gradients(model);
    int64_t nonzero = 0;
    for (int64_t i = 0; i < parameter_total(model); i++)
        nonzero += gradients[i] != 0;
    assert_true(nonzero > 0);
}

static void test_gradients_are_zeros_and_without_a_view_before_the_first_backward(void **state)
{
    (void)state;
    scoped_model *model = create(7, 5, 3, 2, RNN_FLOAT32);
    assert_all_gradients_are_zero(model);
    assert_ok(rnn_model_zero_gradients(model));
    assert_ok(rnn_model_clip_value(model, 5));
    assert_all_gradients_are_zero(model);
    assert_null(parameter_of(model, 0).gradient);
    run_random_chunk(model, 3, 2, 1);
    assert_non_null(parameter_of(model, 0).gradient);
    assert_some_gradient_is_not_zero(model);
}

static void test_flat_gradients_creates_zeros(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 2, precisions[p]);
        const void *gradients = flat_gradients(model);
        for (int64_t i = 0; i < parameter_total(model); i++)
            assert_true(element(gradients, precisions[p], i) == 0);
    }
}

static void test_the_flat_buffers_stay_where_they_are(void **state)
{
    (void)state;
    scoped_model *model = create(7, 5, 3, 2, RNN_FLOAT32);
    scoped_optimizer *optimizer = create_optimizer(model, NULL);
    const void *values[2] = {NULL, NULL}, *gradients[2];
    int64_t count = 0;
    for (int i = 0; i < 2; i++) {
        assert_ok(rnn_model_flat_parameters(model, &values[i], &count));
        gradients[i] = flat_gradients(model);
        run_random_chunk(model, 3, 2, 1);
        assert_ok(rnn_model_clip_value(model, 5));
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_ok(rnn_model_zero_gradients(model));
    }
    assert_ptr_equal(values[0], values[1]);
    assert_ptr_equal(gradients[0], gradients[1]);
}

static void test_what_is_written_to_the_flat_gradients_is_what_get_gradient_shows(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 2, precisions[p]);
        const char *flat = flat_gradients(model);
        int64_t count = parameter_total(model);
        scoped_memory double *written = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++)
            written[i] = (double)(i + 1);
        set_flat_gradients(model, written);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            int64_t start = ((const char *)parameter.gradient - flat) / (int64_t)precision_size(precisions[p]);
            scoped_memory double *gradient = get_gradient(model, index);
            for (int64_t i = 0; i < parameter.count; i++) {
                int64_t row = i / parameter.shape[1], column = i % parameter.shape[1];
                int64_t at = start + row * parameter.strides[0] + column * parameter.strides[1];
                assert_true(gradient[i] == written[at]);
            }
        }
    }
}

/* One model computes gradients, the other gets them set. Both train to the same bits, whatever their input. */
static void test_gradients_that_are_set_train_as_those_that_were_computed(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        rnn_model_options o = make_options(50, 6, 50, 2, precisions[k % 2]);
        o.input = k / 2 % 2 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
        o.embedding_size = k / 2 % 2 ? 6 : 0;
        o.tied = k / 2 % 2 && k / 4;
        o.bidirectional = !o.tied && k / 4;
        scoped_model *computed = create_random_model(&o, 0.5, 3), *set = create_random_model(&o, 0.5, 3);
        scoped_optimizer *of_computed = create_optimizer(computed, NULL), *of_set = create_optimizer(set, NULL);
        for (int step = 0; step < 3; step++) {
            run_random_chunk(computed, 4, 2, (uint64_t)step); /* few of the symbols */
            for (int64_t index = rnn_model_parameter_count(set) - 1; index >= 0; index--) {
                rnn_parameter parameter = parameter_of(set, index);
                scoped_memory char *values = allocate(parameter.count, sizeof(double));
                assert_ok(rnn_model_get_gradient(computed, index, values, parameter.count));
                assert_ok(rnn_model_set_gradient(set, index, values, parameter.count));
            }
            assert_ok(rnn_optimizer_step(of_computed, computed));
            assert_ok(rnn_optimizer_step(of_set, set));
            scoped_snapshot expected = take_snapshot(computed, NULL);
            assert_unchanged(&expected, set, NULL);
        }
        assert_all_gradients_are_zero(set);
    }
}

static void test_set_gradient_refuses_what_is_no_gradient(void **state)
{
    (void)state;
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT64);
    int64_t bias = index_of(model, "decoder.bias");
    const double good[3] = {1, 2, 3}, bad[3] = {1, INFINITY, 3};
    double got[3];
    assert_ok(rnn_model_set_gradient(model, bias, good, 3));
    assert_fails(rnn_model_set_gradient(model, bias, bad, 3), RNN_ERROR_ARGUMENT,
                 "values[1] is inf; all values of decoder.bias must be finite");
    assert_fails(rnn_model_set_gradient(model, bias, good, 2), RNN_ERROR_ARGUMENT,
                 "count is 2; decoder.bias has 3 elements");
    assert_ok(rnn_model_get_gradient(model, bias, got, 3));
    assert_memory_equal(got, good, sizeof good);
}

static void test_zero_gradients_zeroes_what_backward_left_and_what_was_written(void **state)
{
    (void)state;
    scoped_model *model = create(1000, 5, 3, 1, RNN_FLOAT64);
    run_random_chunk(model, 9, 2, 1);
    assert_some_gradient_is_not_zero(model);
    assert_ok(rnn_model_zero_gradients(model));
    assert_all_gradients_are_zero(model);

    fill_gradients(model, 1);
    assert_ok(rnn_model_zero_gradients(model));
    assert_all_gradients_are_zero(model);

    double *flat = flat_gradients(model);
    flat[parameter_total(model) / 2] = NAN;
    flat[0] = 1;
    assert_ok(rnn_model_zero_gradients(model));
    assert_all_gradients_are_zero(model);
}

/* ---- Clipping ---- */

/* Gradients that are not finite stay. */
static void test_clip_value_limits_each_gradient_to_plus_minus_limit(void **state)
{
    (void)state;
    static const struct {
        double before, after;
    } cases[] = {{0, 0},
                 {1, 1},
                 {-4.5, -4.5},
                 {5, 5},
                 {-5, -5},
                 {5.5, 5},
                 {-5.5, -5},
                 {1e30, 5},
                 {-1e30, -5},
                 {1e-30, 1e-30},
                 {NAN, NAN},
                 {INFINITY, INFINITY},
                 {-INFINITY, -INFINITY}};
    enum { CASES = sizeof cases / sizeof cases[0], COUNT = 83 }; /* not a multiple of any vector's length */
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        double gradients[COUNT];
        assert_int_equal(parameter_total(model), COUNT);
        for (int i = 0; i < COUNT; i++)
            gradients[i] = cases[i % CASES].before;
        set_flat_gradients(model, gradients);
        assert_ok(rnn_model_clip_value(model, 5));
        for (int i = 0; i < COUNT; i++) {
            double actual = element(flat_gradients(model), precisions[p], i), expected = cases[i % CASES].after;
            if (precisions[p] == RNN_FLOAT32)
                expected = (double)(float)expected;
            assert_true(isnan(expected) ? isnan(actual) : actual == expected);
        }
    }
}

/* Without rnn_model_flat_gradients() the library knows which symbols have a gradient. */
static void test_clip_value_limits_what_backward_left(void **state)
{
    (void)state;
    static const double limit = 0x1p-9;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(300, 9, 5, 2, precisions[p]);
        run_random_chunk(model, 20, 3, 1);
        scoped_memory double *before = get_all_gradients(model);
        assert_ok(rnn_model_clip_value(model, limit));
        scoped_memory double *after = get_all_gradients(model);
        int64_t limited = 0, kept = 0;
        for (int64_t i = 0; i < parameter_total(model); i++) {
            assert_true(after[i] == fmax(-limit, fmin(limit, before[i])));
            limited += fabs(before[i]) > limit;
            kept += before[i] != 0 && fabs(before[i]) < limit;
        }
        assert_true(limited > 0 && kept > 0);
    }
}

static void test_clip_value_with_a_limit_beyond_the_precision_keeps_all(void **state)
{
    (void)state;
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    run_random_chunk(model, 9, 2, 1);
    scoped_snapshot before = take_snapshot(model, NULL);
    assert_ok(rnn_model_clip_value(model, 1e300));
    assert_unchanged(&before, model, NULL);
}

/* The norm of all gradients as one vector. */
static double norm_of_gradients(const rnn_model *model)
{
    scoped_memory double *gradients = get_all_gradients(model);
    double squares = 0;
    for (int64_t i = 0; i < parameter_total(model); i++)
        squares += gradients[i] * gradients[i];
    return sqrt(squares);
}

/*
 * A model that has seen few of its symbols. The library then knows where gradients are, and forgets it after
 * rnn_model_flat_gradients().
 */
static rnn_model *create_with_gradients(int32_t precision, int flat)
{
    rnn_model *model = create(300, 9, 5, 2, precision);
    run_random_chunk(model, 20, 3, 1);
    if (flat)
        flat_gradients(model);
    return model;
}

static void test_clip_norm_multiplies_all_gradients_by_limit_over_norm_plus_a_millionth(void **state)
{
    (void)state;
    static const double tolerances[] = {1e-6, 1e-14}, limits[] = {1e-3, 0.5, 3};
    for (size_t p = 0; p < 2; p++)
        for (int flat = 0; flat < 2; flat++)
            for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
                scoped_model *model = create_with_gradients(precisions[p], flat);
                scoped_memory double *before = get_all_gradients(model);
                double expected = norm_of_gradients(model), norm = -7;
                assert_true(expected > 2 * limits[i]);
                assert_ok(rnn_model_clip_norm(model, limits[i], &norm));
                assert_relative(norm, expected, 1e-13);
                scoped_memory double *after = get_all_gradients(model);
                for (int64_t k = 0; k < parameter_total(model); k++)
                    assert_relative(after[k], before[k] * limits[i] / (expected + 1e-6), tolerances[p]);
            }
}

static void test_clip_norm_changes_nothing_below_the_limit(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++)
        for (int flat = 0; flat < 2; flat++) {
            scoped_model *model = create_with_gradients(precisions[p], flat);
            scoped_snapshot before = take_snapshot(model, NULL);
            double expected = norm_of_gradients(model), norm = -7;
            assert_ok(rnn_model_clip_norm(model, 1.001 * expected, &norm));
            assert_relative(norm, expected, 1e-13);
            assert_ok(rnn_model_clip_norm(model, DBL_MAX, NULL));
            assert_unchanged(&before, model, NULL);
        }
}

static void test_clip_norm_of_a_model_without_gradients_is_0(void **state)
{
    (void)state;
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    double norm = -7;
    assert_ok(rnn_model_clip_norm(model, 1, &norm));
    assert_true(norm == 0);
    run_random_chunk(model, 3, 2, 1);
    assert_ok(rnn_model_zero_gradients(model));
    norm = -7;
    assert_ok(rnn_model_clip_norm(model, 1, &norm));
    assert_true(norm == 0);
}

/* Squared in float32, these would be 0 or infinite. */
static void test_clip_norm_takes_the_smallest_and_the_largest_gradients_of_float32(void **state)
{
    (void)state;
    static const float sizes[] = {1e-30f, 1e30f};
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    const float *flat = flat_gradients(model);
    int64_t count = parameter_total(model);
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        double norm = -7;
        fill_gradients(model, sizes[s]);
        assert_ok(rnn_model_clip_norm(model, 1e20, &norm));
        assert_relative(norm, sizes[s] * sqrt((double)count), 1e-6);
        double limited = sizes[s] > 1 ? 1e20 / sqrt((double)count) : sizes[s];
        for (int64_t i = 0; i < count; i++)
            assert_relative(flat[i], limited, 1e-6);
    }
}

static void test_clip_norm_refuses_gradients_that_are_not_finite_wherever_they_stand(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        int64_t count = parameter_total(model);
        scoped_memory double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++) {
            double norm = -7;
            for (int64_t k = 0; k < count; k++)
                gradients[k] = k == i ? bad[i % 3] : 1;
            set_flat_gradients(model, gradients);
            scoped_snapshot before = take_snapshot(model, NULL);
            assert_fails(rnn_model_clip_norm(model, 1, &norm), RNN_ERROR_NONFINITE, "norm");
            assert_true(norm == -7);
            assert_unchanged(&before, model, NULL);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_are_zeros_and_without_a_view_before_the_first_backward),
        cmocka_unit_test(test_flat_gradients_creates_zeros),
        cmocka_unit_test(test_the_flat_buffers_stay_where_they_are),
        cmocka_unit_test(test_what_is_written_to_the_flat_gradients_is_what_get_gradient_shows),
        cmocka_unit_test(test_gradients_that_are_set_train_as_those_that_were_computed),
        cmocka_unit_test(test_set_gradient_refuses_what_is_no_gradient),
        cmocka_unit_test(test_zero_gradients_zeroes_what_backward_left_and_what_was_written),
        cmocka_unit_test(test_clip_value_limits_each_gradient_to_plus_minus_limit),
        cmocka_unit_test(test_clip_value_limits_what_backward_left),
        cmocka_unit_test(test_clip_value_with_a_limit_beyond_the_precision_keeps_all),
        cmocka_unit_test(test_clip_norm_multiplies_all_gradients_by_limit_over_norm_plus_a_millionth),
        cmocka_unit_test(test_clip_norm_changes_nothing_below_the_limit),
        cmocka_unit_test(test_clip_norm_of_a_model_without_gradients_is_0),
        cmocka_unit_test(test_clip_norm_takes_the_smallest_and_the_largest_gradients_of_float32),
        cmocka_unit_test(test_clip_norm_refuses_gradients_that_are_not_finite_wherever_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
