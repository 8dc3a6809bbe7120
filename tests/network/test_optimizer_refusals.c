/*
 * A step of an optimizer refuses gradients and sums that aren't finite, and models of another shape, and then changes
 * nothing.
 */
#include "optimizers.h"

/* ---- What is refused ---- */

static void test_a_gradient_that_is_not_finite_is_refused_wherever_it_stands(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        scoped_optimizer *optimizer = create_optimizer(model, NULL);
        int64_t count = parameter_total(model);
        scoped_memory double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++) {
            for (int64_t k = 0; k < count; k++)
                gradients[k] = k == i ? bad[i % 3] : 1;
            set_flat_gradients(model, gradients);
            scoped_snapshot before = take_snapshot(model, NULL);
            assert_fails(rnn_optimizer_step(optimizer, model), RNN_ERROR_NONFINITE, "gradient");
            assert_unchanged(&before, model, NULL);
        }
    }
}

/* Steps with the same gradients until one is refused, ten times at most. Returns how many steps worked. */
static int steps_until_refused(rnn_model *model, rnn_optimizer *optimizer, const double *gradients)
{
    for (int n = 0; n < 10; n++) {
        set_flat_gradients(model, gradients);
        scoped_snapshot before = take_snapshot(model, NULL);
        rnn_status status = rnn_optimizer_step(optimizer, model);
        if (status == RNN_OK)
            continue;
        check_fails(status, RNN_ERROR_NONFINITE, "so large that an accumulator of the optimizer would become infinite",
                    "the step", __FILE__, __LINE__);
        assert_unchanged(&before, model, NULL);
        return n;
    }
    return 10;
}

/* All gradients are 1 but the last, which is the largest number. */
static void test_a_gradient_that_makes_an_accumulator_infinite_is_refused(void **state)
{
    (void)state;
    for (int r = 0; r < RULE_CASES; r++)
        for (size_t p = 0; p < 2; p++) {
            double most = precisions[p] == RNN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
            rnn_optimizer_options options = options_of_case(r);
            options.clip_value = 0;
            options.weight_decay = 0;
            bool sums = options.rule != RNN_OPTIMIZER_SGD, sgd_sums = !sums && options.momentum > 0;
            scoped_model *model = create(7, 5, 3, 1, precisions[p]);
            scoped_optimizer *optimizer = create_optimizer(model, &options);
            int64_t count = parameter_total(model);
            scoped_memory double *gradients = allocate(count, sizeof(double));
            for (int64_t i = 0; i < count; i++)
                gradients[i] = i < count - 1 ? 1 : -most;
            int steps = steps_until_refused(model, optimizer, gradients);
            if (sums)
                assert_int_equal(steps, 0); /* a square of it is infinite */
            else
                assert_in_range(steps, sgd_sums ? 1 : 10, sgd_sums ? 9 : 10);
            assert_ok(rnn_model_zero_gradients(model));
            assert_ok(rnn_optimizer_step(optimizer, model));

            options.clip_value = 5; /* makes the large gradient small */
            scoped_optimizer *clipping = create_optimizer(model, &options);
            assert_int_equal(steps_until_refused(model, clipping, gradients), 10);
        }
}

/* Each square is finite, but the sum of two is not. */
static void test_a_sum_that_becomes_infinite_is_refused_in_time(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        double large = precisions[p] == RNN_FLOAT32 ? 1.8e19 : 1.3e154;
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        scoped_optimizer *optimizer = create_optimizer(model, NULL);
        int64_t count = parameter_total(model);
        scoped_memory double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++)
            gradients[i] = i % 2 == 0 ? large : -large;
        assert_int_equal(steps_until_refused(model, optimizer, gradients), 1);
    }
}

/*
 * The first gradient's square is one unit in the last place below the largest number, and the second adds that unit.
 * The third is among the smallest whose square then makes the sum infinite.
 */
static void test_a_small_gradient_that_makes_the_largest_sum_infinite_is_refused(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        bool single = precisions[p] == RNN_FLOAT32;
        double root = ldexp(1, single ? 64 : 512), unit = ldexp(1, single ? 104 : 971);
        const double sizes[] = {root - ldexp(root, single ? -24 : -53), sqrt(unit), 1.1 * sqrt(unit / 2)};
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        scoped_optimizer *optimizer = create_optimizer(model, NULL);
        int64_t count = parameter_total(model);
        scoped_memory double *gradients = allocate(count, sizeof(double));
        for (int n = 0; n < 3; n++) {
            for (int64_t i = 0; i < count; i++)
                gradients[i] = sizes[n];
            set_flat_gradients(model, gradients);
            if (n < 2)
                assert_ok(rnn_optimizer_step(optimizer, model));
        }
        assert_fails(rnn_optimizer_step(optimizer, model), RNN_ERROR_NONFINITE,
                     "so large that an accumulator of the optimizer would become infinite");
    }
}

/* Trains for five rounds. `disturbed`: a step that is refused comes before each. */
static rnn_model *train_with_refusals(const rnn_optimizer_options *options, int32_t precision, int disturbed)
{
    rnn_model *model = create(7, 5, 3, 1, precision);
    scoped_optimizer *optimizer = create_optimizer(model, options);
    scoped_state *stream = create_state(model, 2);
    int64_t count = parameter_total(model);
    scoped_memory double *gradients = allocate(count, sizeof(double));
    for (int64_t i = 0; i < count; i++)
        gradients[i] = i < count - 1 ? 3 : NAN;
    for (int n = 0; n < 5; n++) {
        if (disturbed) {
            set_flat_gradients(model, gradients);
            assert_fails(rnn_optimizer_step(optimizer, model), RNN_ERROR_NONFINITE, "gradient");
            assert_ok(rnn_model_zero_gradients(model));
        }
        run_chunk(model, stream, 6, (uint64_t)n);
        assert_ok(rnn_optimizer_step(optimizer, model));
    }
    return model;
}

static void test_training_goes_on_after_a_refused_step_as_if_it_had_not_been(void **state)
{
    (void)state;
    for (int r = 0; r < RULE_CASES; r++) {
        rnn_optimizer_options options = options_of_case(r);
        for (size_t p = 0; p < 2; p++) {
            scoped_model *undisturbed = train_with_refusals(&options, precisions[p], 0);
            scoped_model *disturbed = train_with_refusals(&options, precisions[p], 1);
            scoped_snapshot bits = take_snapshot(undisturbed, NULL);
            assert_unchanged(&bits, disturbed, NULL);
        }
    }
}

/* ---- Which models an optimizer fits ---- */

/* The first shape, and shapes that differ from it in one thing */
/* clang-format off */
static const struct {
    const char *what;
    int64_t V, H, O, L, E;
    int32_t precision, cell, input, tied, bias;
} shapes[] = {
    /*                 V  H  O  L  E */
    {NULL,             7, 5, 7, 2, 5, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"input_size",     8, 5, 7, 2, 5, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"hidden_size",    7, 6, 7, 2, 5, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"output_size",    7, 5, 4, 2, 5, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"layers",         7, 5, 7, 1, 5, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"embedding_size", 7, 5, 7, 2, 4, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"precision",      7, 5, 7, 2, 5, RNN_FLOAT64, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"cell",           7, 5, 7, 2, 5, RNN_FLOAT32, RNN_CELL_GRU,  RNN_INPUT_EMBEDDING, 0, RNN_BIAS_INPUT},
    {"input",          7, 5, 7, 2, 0, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_VECTORS,   0, RNN_BIAS_INPUT},
    {"tied",           7, 5, 7, 2, 5, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 1, RNN_BIAS_INPUT},
    {"bias",           7, 5, 7, 2, 5, RNN_FLOAT32, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, 0, RNN_BIAS_BOTH},
};
/* clang-format on */

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static rnn_model_options make_shape(int number)
{
    rnn_model_options options =
        make_options(shapes[number].V, shapes[number].H, shapes[number].O, shapes[number].L, shapes[number].precision);
    options.embedding_size = shapes[number].E;
    options.cell = shapes[number].cell;
    options.input = shapes[number].input;
    options.tied = shapes[number].tied;
    options.bias = shapes[number].bias;
    return options;
}

static void test_a_model_of_another_shape_is_refused(void **state)
{
    (void)state;
    rnn_model_options shape = make_shape(0);
    scoped_model *model = create_random_model(&shape, 0.5, 1);
    scoped_optimizer *optimizer = create_optimizer(model, NULL);
    for (int i = 1; i < SHAPES; i++) {
        rnn_model_options options = make_shape(i);
        scoped_model *other = create_random_model(&options, 0.5, 1);
        run_random_chunk(other, 6, 2, 1);
        scoped_snapshot before = take_snapshot(other, NULL);
        assert_fails(rnn_optimizer_step(optimizer, other), RNN_ERROR_MISMATCH, shapes[i].what);
        assert_unchanged(&before, other, NULL);
    }
}

/* Loss, reduction, dropout and initialisation aren't part of the shape. */
static void test_an_optimizer_outlives_its_model_and_fits_others_of_the_shape(void **state)
{
    (void)state;
    rnn_model_options shape = make_shape(0);
    rnn_model *maker = create_random_model(&shape, 0.5, 1);
    scoped_optimizer *optimizer = create_optimizer(maker, NULL);
    rnn_model_destroy(maker);
    shape.loss = RNN_LOSS_SQUARED_ERROR;
    shape.reduction = RNN_REDUCTION_MEAN;
    shape.initialization = RNN_INIT_UNIFORM;
    shape.orthogonal = 1;
    shape.dropout = 0.5;
    shape.forget_bias = 1;
    shape.seed = 7;
    scoped_model *model = create_model(&shape);
    run_random_chunk(model, 6, 2, 1);
    scoped_memory double *before = get_parameter(model, index_of(model, "decoder.bias"));
    assert_ok(rnn_optimizer_step(optimizer, model));
    scoped_memory double *after = get_parameter(model, index_of(model, "decoder.bias"));
    for (int i = 0; i < 7; i++)
        assert_true(before[i] != after[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_gradient_that_is_not_finite_is_refused_wherever_it_stands),
        cmocka_unit_test(test_a_gradient_that_makes_an_accumulator_infinite_is_refused),
        cmocka_unit_test(test_a_sum_that_becomes_infinite_is_refused_in_time),
        cmocka_unit_test(test_a_small_gradient_that_makes_the_largest_sum_infinite_is_refused),
        cmocka_unit_test(test_training_goes_on_after_a_refused_step_as_if_it_had_not_been),
        cmocka_unit_test(test_a_model_of_another_shape_is_refused),
        cmocka_unit_test(test_an_optimizer_outlives_its_model_and_fits_others_of_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
