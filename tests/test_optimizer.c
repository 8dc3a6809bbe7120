/* The optimizer: Adagrad by its formula, what a step leaves behind, and gradients that it refuses. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* What an out-parameter holds before a call that fails, and must hold afterwards. */
static char untouched_object;
#define UNTOUCHED ((rnn_optimizer *)&untouched_object)

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

/* Options of a later version of the library, with a field more. */
typedef struct later_options {
    rnn_optimizer_options options;
    unsigned char tail[16];
} later_options;

static rnn_model *create(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                         int32_t precision)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    return create_random_model(&options, 0.5, 1);
}

static rnn_optimizer *create_optimizer(const rnn_model *model, double learning_rate, double epsilon)
{
    rnn_optimizer_options options;
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options));
    options.learning_rate = learning_rate;
    options.epsilon = epsilon;
    assert_ok(rnn_optimizer_create(model, &options, &optimizer));
    assert_non_null(optimizer);
    return optimizer;
}

/* The flat parameters as doubles, to free(). */
static double *get_flat_parameters(const rnn_model *model)
{
    const void *values = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_parameters(model, &values, &count));
    double *doubles = allocate(count, sizeof(double));
    to_doubles(options_of(model).precision, values, doubles, count);
    return doubles;
}

/* Writes all gradients: as many as the model has parameters, in the order of the flat buffers. */
static void set_flat_gradients(rnn_model *model, const double *values)
{
    void *gradients = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
    from_doubles(options_of(model).precision, values, gradients, count);
}

static void run_chunk(rnn_model *model, rnn_state *state, int64_t steps, uint64_t seed)
{
    rnn_model_options options = options_of(model);
    owned_chunk chunk =
        create_random_chunk(steps, rnn_state_streams(state), options.input_size, options.output_size, 0, seed);
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
    destroy_chunk(&chunk);
}

/* ---- Options ---- */

static void test_options_init_fills_in_the_seeds_defaults(void **state)
{
    rnn_optimizer_options options;
    (void)state;
    memset(&options, 0x77, sizeof options);
    assert_ok(rnn_optimizer_options_init(&options, sizeof options));
    assert_int_equal(options.struct_size, sizeof options);
    assert_int_equal(options.rule, RNN_OPTIMIZER_ADAGRAD);
    assert_int_equal(options.reserved, 0);
    assert_true(options.learning_rate == 0.1);
    assert_true(options.epsilon == 1e-8);
}

static void test_options_init_fills_a_later_versions_options_to_their_end(void **state)
{
    later_options later;
    unsigned char zeros[sizeof later.tail] = {0};
    (void)state;
    memset(&later, 0x77, sizeof later);
    assert_ok(rnn_optimizer_options_init(&later.options, sizeof later));
    assert_int_equal(later.options.struct_size, sizeof later);
    assert_true(later.options.learning_rate == 0.1);
    assert_memory_equal(later.tail, zeros, sizeof zeros);
}

static void test_options_init_refuses_null_and_a_size_that_is_none(void **state)
{
    rnn_optimizer_options options;
    rnn_optimizer_options before;
    (void)state;
    memset(&options, 0x77, sizeof options);
    before = options;
    assert_fails(rnn_optimizer_options_init(NULL, sizeof options), RNN_ERROR_ARGUMENT, "options is NULL");
    assert_fails(rnn_optimizer_options_init(&options, 0), RNN_ERROR_ARGUMENT, "struct_size");
    assert_fails(rnn_optimizer_options_init(&options, sizeof options - 1), RNN_ERROR_ARGUMENT, "struct_size");
    assert_fails(rnn_optimizer_options_init(&options, SIZE_MAX), RNN_ERROR_ARGUMENT, "struct_size");
    assert_memory_equal(&options, &before, sizeof options);
}

/* ---- Creating ---- */

static void assert_refused(const rnn_optimizer_options *options, const char *part)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    rnn_optimizer *optimizer = UNTOUCHED;
    assert_fails(rnn_optimizer_create(model, options, &optimizer), RNN_ERROR_ARGUMENT, part);
    assert_ptr_equal(optimizer, UNTOUCHED);
    rnn_model_destroy(model);
}

static rnn_optimizer_options default_options(void)
{
    rnn_optimizer_options options;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options));
    return options;
}

static void test_create_refuses_numbers_out_of_range(void **state)
{
    static const double learning_rates[] = {-0.1, -DBL_TRUE_MIN, INFINITY, -INFINITY, NAN};
    static const double epsilons[] = {0, -0.0, -1e-8, INFINITY, -INFINITY, NAN};
    (void)state;
    for (size_t i = 0; i < sizeof learning_rates / sizeof learning_rates[0]; i++) {
        rnn_optimizer_options options = default_options();
        options.learning_rate = learning_rates[i];
        assert_refused(&options, "learning_rate is ");
    }
    for (size_t i = 0; i < sizeof epsilons / sizeof epsilons[0]; i++) {
        rnn_optimizer_options options = default_options();
        options.epsilon = epsilons[i];
        assert_refused(&options, "epsilon is ");
    }
}

static void test_create_refuses_an_unknown_rule_and_a_set_reserved_field(void **state)
{
    static const int32_t bad[] = {-1, 1, 1000, INT32_MAX, INT32_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[64];
        rnn_optimizer_options options = default_options();
        options.rule = bad[i];
        snprintf(part, sizeof part, "rule is %d", bad[i]);
        assert_refused(&options, part);
        options = default_options();
        options.reserved = bad[i];
        snprintf(part, sizeof part, "reserved is %d", bad[i]);
        assert_refused(&options, part);
    }
}

static void test_create_reads_struct_size_first(void **state)
{
    rnn_optimizer_options options = default_options();
    (void)state;
    options.struct_size = 0;
    assert_refused(&options, "struct_size");
    options.struct_size = sizeof options - 1;
    assert_refused(&options, "struct_size");
    options.struct_size = SIZE_MAX;
    assert_refused(&options, "struct_size");
}

static void test_create_accepts_a_later_versions_options_when_what_it_does_not_know_is_zero(void **state)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    rnn_optimizer *optimizer = NULL;
    later_options later;
    (void)state;
    assert_ok(rnn_optimizer_options_init(&later.options, sizeof later));
    later.options.learning_rate = 0.25;
    assert_ok(rnn_optimizer_create(model, &later.options, &optimizer));
    assert_true(rnn_optimizer_learning_rate(optimizer) == 0.25);
    for (size_t i = 0; i < sizeof later.tail; i++) {
        later.tail[i] = 1;
        assert_refused(&later.options, "options");
        later.tail[i] = 0;
    }
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

static void test_null_is_refused_except_as_options(void **state)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    rnn_optimizer *optimizer = UNTOUCHED;
    (void)state;
    rnn_optimizer_destroy(NULL);
    assert_true(rnn_optimizer_learning_rate(NULL) == 0);
    assert_fails(rnn_optimizer_create(NULL, NULL, &optimizer), RNN_ERROR_ARGUMENT, "model is NULL");
    assert_fails(rnn_optimizer_create(model, NULL, NULL), RNN_ERROR_ARGUMENT, "optimizer is NULL");
    assert_ptr_equal(optimizer, UNTOUCHED);
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    assert_true(rnn_optimizer_learning_rate(optimizer) == 0.1);
    assert_fails(rnn_optimizer_step(NULL, model), RNN_ERROR_ARGUMENT, "optimizer is NULL");
    assert_fails(rnn_optimizer_step(optimizer, NULL), RNN_ERROR_ARGUMENT, "model is NULL");
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

/* ---- Adagrad ---- */

/*
 * Takes steps with random gradients of all magnitudes and compares each update with m += g²; x -= rate g / sqrt(m +
 * eps), computed in double from the parameters before the step. `tolerance` is relative to |x| + |update|.
 */
static void assert_adagrad(int32_t precision, double learning_rate, double epsilon, double tolerance)
{
    rnn_model *model = create(7, 5, 3, 2, precision); /* 143 parameters: no multiple of anything */
    rnn_optimizer *optimizer = create_optimizer(model, learning_rate, epsilon);
    int64_t count = parameter_total(model);
    double *squares = allocate(count, sizeof(double));
    double *gradients = allocate(count, sizeof(double));
    random_source source = {1};
    for (int step = 0; step < 8; step++) {
        for (int64_t i = 0; i < count; i++) {
            double gradient = random_between(&source, -1, 1) * pow(10, random_below(&source, 7) - 5);
            gradient = i % 11 == 0 ? 0 : gradient;
            gradients[i] = precision == RNN_FLOAT32 ? (double)(float)gradient : gradient;
        }
        double *before = get_flat_parameters(model);
        set_flat_gradients(model, gradients);
        assert_ok(rnn_optimizer_step(optimizer, model));
        double *after = get_flat_parameters(model);
        for (int64_t i = 0; i < count; i++) {
            squares[i] += gradients[i] * gradients[i];
            double update = learning_rate * gradients[i] / sqrt(squares[i] + epsilon);
            double expected = before[i] - update;
            if (!(fabs(after[i] - expected) <= tolerance * (fabs(before[i]) + fabs(update)))) {
                fail_msg("step %d, element %lld: %.17g instead of %.17g", step, (long long)i, after[i], expected);
            }
        }
        free(before);
        free(after);
    }
    free(gradients);
    free(squares);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

static void test_adagrad_in_float64_is_its_formula(void **state)
{
    (void)state;
    assert_adagrad(RNN_FLOAT64, 0.1, 1e-8, 1e-15);
    assert_adagrad(RNN_FLOAT64, 3, 1e-3, 1e-15);
}

static void test_adagrad_in_float32_is_its_formula(void **state)
{
    (void)state;
    assert_adagrad(RNN_FLOAT32, 0.1, 1e-8, 5e-7);
    assert_adagrad(RNN_FLOAT32, 3, 1e-3, 5e-7);
}

static void test_the_default_is_adagrad_with_the_seeds_numbers(void **state)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT64);
    rnn_optimizer *optimizer = NULL;
    int64_t count = parameter_total(model);
    double *gradients = allocate(count, sizeof(double));
    (void)state;
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    for (int64_t i = 0; i < count; i++) {
        gradients[i] = 2e-4;
    }
    double *before = get_flat_parameters(model);
    set_flat_gradients(model, gradients);
    assert_ok(rnn_optimizer_step(optimizer, model));
    double *after = get_flat_parameters(model);
    for (int64_t i = 0; i < count; i++) {
        assert_relative(before[i] - after[i], 0.1 * 2e-4 / sqrt(4e-8 + 1e-8), 1e-12);
    }
    free(after);
    free(before);
    free(gradients);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

static void test_a_step_sets_the_gradients_to_zero(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (int written = 0; written < 2; written++) {
            rnn_model *model = create(100, 5, 3, 2, precisions[p]);
            rnn_state *stream = create_state(model, 2);
            rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
            run_chunk(model, stream, 6, 1);
            if (written) {
                double *ones = allocate(parameter_total(model), sizeof(double));
                for (int64_t i = 0; i < parameter_total(model); i++) {
                    ones[i] = 1;
                }
                set_flat_gradients(model, ones);
                free(ones);
            }
            assert_ok(rnn_optimizer_step(optimizer, model));
            double *gradients = get_all_gradients(model);
            for (int64_t i = 0; i < parameter_total(model); i++) {
                assert_true(gradients[i] == 0);
            }
            free(gradients);
            rnn_optimizer_destroy(optimizer);
            rnn_state_destroy(stream);
            rnn_model_destroy(model);
        }
    }
}

static void test_a_step_without_gradients_changes_nothing(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 2, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
        rnn_state *stream = create_state(model, 2);
        snapshot before = take_snapshot(model, NULL);
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_unchanged(&before, model, NULL);
        run_chunk(model, stream, 6, 1);
        assert_ok(rnn_model_zero_gradients(model));
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_unchanged(&before, model, NULL);
        free(before.bytes);
        rnn_state_destroy(stream);
        rnn_optimizer_destroy(optimizer);
        rnn_model_destroy(model);
    }
}

static void test_the_next_chunk_runs_on_the_updated_parameters(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 2, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
        rnn_state *used = create_state(model, 2);
        rnn_state *fresh = create_state(model, 2);
        owned_chunk chunk = create_random_chunk(6, 2, 7, 3, 0, 1);
        rnn_loss before, after, expected;
        assert_ok(rnn_forward_backward(model, used, &chunk.chunk, &before));
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_ok(rnn_state_reset(used));
        assert_ok(rnn_forward_backward(model, used, &chunk.chunk, &after));
        assert_ok(rnn_forward_backward(model, fresh, &chunk.chunk, &expected));
        assert_true(after.sum != before.sum);
        assert_true(after.sum == expected.sum);
        destroy_chunk(&chunk);
        rnn_state_destroy(fresh);
        rnn_state_destroy(used);
        rnn_optimizer_destroy(optimizer);
        rnn_model_destroy(model);
    }
}

static void test_symbols_that_were_not_seen_keep_their_weights(void **state)
{
    enum { SYMBOLS = 200, HIDDEN = 5 };
    static const int32_t inputs[] = {3, 150, 3, 77};
    static const int32_t targets[] = {0, 1, 2, 0};
    rnn_model *model = create(SYMBOLS, HIDDEN, 3, 1, RNN_FLOAT64);
    rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
    rnn_state *stream = create_state(model, 1);
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 4, .streams = 1, .inputs = inputs, .targets = targets};
    int64_t index = index_of(model, "rnn.weight_ih_l0");
    (void)state;
    double *before = get_parameter(model, index);
    assert_ok(rnn_forward_backward(model, stream, &chunk, NULL));
    assert_ok(rnn_optimizer_step(optimizer, model));
    double *after = get_parameter(model, index);
    for (int64_t j = 0; j < HIDDEN; j++) {
        for (int64_t id = 0; id < SYMBOLS; id++) {
            int seen = id == 3 || id == 150 || id == 77;
            assert_int_equal(before[j * SYMBOLS + id] != after[j * SYMBOLS + id], seen);
        }
    }
    free(before);
    free(after);
    rnn_state_destroy(stream);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

/* Trains with chunks of few and of many symbols, summed gradients, clipping, dropped gradients and a refused chunk. */
static void train(rnn_model *model, int first, int last)
{
    rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
    rnn_state *stream = create_state(model, 2);
    for (int n = first; n < last; n++) {
        run_chunk(model, stream, n % 5 == 4 ? 300 : 4, (uint64_t)n);
        if (n % 3 == 1) {
            run_chunk(model, stream, 3, (uint64_t)(1000 + n));
        }
        if (n % 4 == 2) {
            const int32_t bad = -5;
            const int32_t target = 0;
            rnn_chunk chunk = {
                .struct_size = sizeof chunk, .steps = 1, .streams = 1, .inputs = &bad, .targets = &target};
            assert_int_not_equal(rnn_forward_backward(model, stream, &chunk, NULL), RNN_OK);
        }
        assert_ok(rnn_model_clip_value(model, 0.125));
        if (n % 7 == 3) {
            assert_ok(rnn_model_zero_gradients(model));
        } else {
            assert_ok(rnn_optimizer_step(optimizer, model));
        }
    }
    rnn_state_destroy(stream);
    rnn_optimizer_destroy(optimizer);
}

static void test_flat_gradients_make_no_difference_to_what_is_learned(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(500, 5, 3, 2, precisions[p]);
        rnn_model *with_flat = create(500, 5, 3, 2, precisions[p]);
        void *gradients = NULL;
        int64_t count = 0;
        train(model, 0, 30);
        train(model, 30, 60);
        train(with_flat, 0, 30);
        assert_ok(rnn_model_flat_gradients(with_flat, &gradients, &count));
        train(with_flat, 30, 60);
        snapshot bits = take_snapshot(model, NULL);
        assert_unchanged(&bits, with_flat, NULL);
        free(bits.bytes);
        rnn_model_destroy(with_flat);
        rnn_model_destroy(model);
    }
}

static void test_gradients_may_be_written_at_any_time_for_any_symbol(void **state)
{
    rnn_model *model = create(500, 5, 3, 1, RNN_FLOAT64);
    rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
    rnn_state *stream = create_state(model, 2);
    void *flat = NULL;
    int64_t count = 0;
    (void)state;
    assert_ok(rnn_model_flat_gradients(model, &flat, &count));
    for (int n = 0; n < 3; n++) {
        run_chunk(model, stream, 2, (uint64_t)n);
        for (int64_t i = 0; i < count; i++) {
            ((double *)flat)[i] = 1;
        }
        double *before = get_flat_parameters(model);
        assert_ok(rnn_optimizer_step(optimizer, model));
        double *after = get_flat_parameters(model);
        for (int64_t i = 0; i < count; i++) {
            assert_relative(before[i] - after[i], 0.1 / sqrt(n + 1 + 1e-8), 1e-12);
            assert_true(((double *)flat)[i] == 0);
        }
        free(before);
        free(after);
    }
    rnn_state_destroy(stream);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

/* ---- The learning rate ---- */

static void test_a_learning_rate_of_0_leaves_the_parameters_and_still_accumulates(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer(model, 0, 1e-8);
        int64_t count = parameter_total(model);
        double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++) {
            gradients[i] = 1;
        }
        snapshot before = take_snapshot(model, NULL);
        for (int n = 0; n < 3; n++) {
            set_flat_gradients(model, gradients);
            assert_ok(rnn_optimizer_step(optimizer, model));
        }
        assert_unchanged(&before, model, NULL);

        assert_ok(rnn_optimizer_set_learning_rate(optimizer, 0.5));
        double *parameters = get_flat_parameters(model);
        set_flat_gradients(model, gradients);
        assert_ok(rnn_optimizer_step(optimizer, model));
        double *after = get_flat_parameters(model);
        for (int64_t i = 0; i < count; i++) {
            assert_relative(parameters[i] - after[i], 0.5 / 2, 1e-6); /* m is 4 */
        }
        free(after);
        free(parameters);
        free(before.bytes);
        free(gradients);
        rnn_optimizer_destroy(optimizer);
        rnn_model_destroy(model);
    }
}

static void test_the_learning_rate_is_what_was_set_last(void **state)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    rnn_optimizer *optimizer = create_optimizer(model, 0.25, 1e-8);
    (void)state;
    assert_true(rnn_optimizer_learning_rate(optimizer) == 0.25);
    assert_ok(rnn_optimizer_set_learning_rate(optimizer, 1e-3));
    assert_true(rnn_optimizer_learning_rate(optimizer) == 1e-3);
    assert_ok(rnn_optimizer_set_learning_rate(optimizer, 0));
    assert_true(rnn_optimizer_learning_rate(optimizer) == 0);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

static void test_set_learning_rate_refuses_what_is_negative_or_not_finite(void **state)
{
    static const struct {
        double value;
        const char *part;
    } bad[] = {{-0.5, "learning_rate is -0.5"},
               {INFINITY, "learning_rate is inf"},
               {-INFINITY, "learning_rate is -inf"},
               {NAN, "learning_rate is "}};
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    rnn_optimizer *optimizer = create_optimizer(model, 0.25, 1e-8);
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_fails(rnn_optimizer_set_learning_rate(optimizer, bad[i].value), RNN_ERROR_ARGUMENT, bad[i].part);
    }
    assert_int_equal(rnn_optimizer_set_learning_rate(NULL, 0.1), RNN_ERROR_ARGUMENT);
    assert_string_equal(rnn_last_error(), "optimizer is NULL");
    assert_true(rnn_optimizer_learning_rate(optimizer) == 0.25);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

/* A step without gradients, of an optimizer with these numbers, must not change a parameter. */
static void assert_leaves_parameters_without_gradient_alone(double learning_rate, double epsilon)
{
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer(model, learning_rate, epsilon);
        double *zeros = allocate(parameter_total(model), sizeof(double));
        set_flat_gradients(model, zeros);
        snapshot before = take_snapshot(model, NULL);
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_unchanged(&before, model, NULL);
        free(before.bytes);
        free(zeros);
        rnn_optimizer_destroy(optimizer);
        rnn_model_destroy(model);
    }
}

static void test_the_smallest_epsilon_leaves_parameters_without_gradient_alone(void **state)
{
    (void)state;
    assert_leaves_parameters_without_gradient_alone(0.1, 1e-50);
    assert_leaves_parameters_without_gradient_alone(0.1, DBL_TRUE_MIN);
}

static void test_the_largest_learning_rate_leaves_parameters_without_gradient_alone(void **state)
{
    (void)state;
    assert_leaves_parameters_without_gradient_alone(1e50, 1e-8);
    assert_leaves_parameters_without_gradient_alone(DBL_MAX, 1e-8);
}

/* ---- What is refused ---- */

static void test_a_gradient_that_is_not_finite_is_refused_wherever_it_stands(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
        int64_t count = parameter_total(model);
        double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++) {
            for (int64_t k = 0; k < count; k++) {
                gradients[k] = k == i ? bad[i % 3] : 1;
            }
            set_flat_gradients(model, gradients);
            snapshot before = take_snapshot(model, NULL);
            assert_fails(rnn_optimizer_step(optimizer, model), RNN_ERROR_NONFINITE, "gradient");
            assert_unchanged(&before, model, NULL);
            free(before.bytes);
        }
        free(gradients);
        rnn_optimizer_destroy(optimizer);
        rnn_model_destroy(model);
    }
}

static void test_the_largest_finite_gradients_are_not_refused(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        double most = precisions[p] == RNN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
        int64_t count = parameter_total(model);
        double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++) {
            gradients[i] = i % 2 == 0 ? most : -most;
        }
        set_flat_gradients(model, gradients);
        assert_ok(rnn_optimizer_step(optimizer, model));
        double *after = get_flat_parameters(model);
        for (int64_t i = 0; i < count; i++) {
            assert_true(isfinite(after[i]));
        }
        free(after);
        free(gradients);
        rnn_optimizer_destroy(optimizer);
        rnn_model_destroy(model);
    }
}

static void test_training_goes_on_after_a_refused_step_as_if_it_had_not_been(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *models[2];
        for (int disturbed = 0; disturbed < 2; disturbed++) {
            rnn_model *model = models[disturbed] = create(7, 5, 3, 1, precisions[p]);
            rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
            rnn_state *stream = create_state(model, 2);
            int64_t count = parameter_total(model);
            for (int n = 0; n < 5; n++) {
                if (disturbed) {
                    double *gradients = allocate(count, sizeof(double));
                    for (int64_t i = 0; i < count; i++) {
                        gradients[i] = 3;
                    }
                    gradients[count - 1] = NAN;
                    set_flat_gradients(model, gradients);
                    assert_fails(rnn_optimizer_step(optimizer, model), RNN_ERROR_NONFINITE, "gradient");
                    assert_ok(rnn_model_zero_gradients(model));
                    free(gradients);
                }
                run_chunk(model, stream, 6, (uint64_t)n);
                assert_ok(rnn_optimizer_step(optimizer, model));
            }
            rnn_state_destroy(stream);
            rnn_optimizer_destroy(optimizer);
        }
        snapshot bits = take_snapshot(models[0], NULL);
        assert_unchanged(&bits, models[1], NULL);
        free(bits.bytes);
        rnn_model_destroy(models[0]);
        rnn_model_destroy(models[1]);
    }
}

static void test_a_model_of_another_shape_is_refused(void **state)
{
    static const struct {
        const char *what;
        int64_t input_size, hidden_size, output_size, layers;
        int32_t precision;
    } others[] = {
        {"input_size", 8, 5, 3, 2, RNN_FLOAT32},  {"hidden_size", 7, 6, 3, 2, RNN_FLOAT32},
        {"output_size", 7, 5, 4, 2, RNN_FLOAT32}, {"layers", 7, 5, 3, 1, RNN_FLOAT32},
        {"precision", 7, 5, 3, 2, RNN_FLOAT64},
    };
    rnn_model *model = create(7, 5, 3, 2, RNN_FLOAT32);
    rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        rnn_model *other = create(others[i].input_size, others[i].hidden_size, others[i].output_size, others[i].layers,
                                  others[i].precision);
        rnn_state *stream = create_state(other, 2);
        run_chunk(other, stream, 6, 1);
        snapshot before = take_snapshot(other, NULL);
        assert_fails(rnn_optimizer_step(optimizer, other), RNN_ERROR_MISMATCH, others[i].what);
        assert_unchanged(&before, other, NULL);
        free(before.bytes);
        rnn_state_destroy(stream);
        rnn_model_destroy(other);
    }
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

static void test_an_optimizer_outlives_its_model_and_fits_others_of_the_shape(void **state)
{
    rnn_model *maker = create(7, 5, 3, 2, RNN_FLOAT64);
    rnn_optimizer *optimizer = create_optimizer(maker, 0.1, 1e-8);
    (void)state;
    rnn_model_destroy(maker);
    rnn_model *model = create(7, 5, 3, 2, RNN_FLOAT64);
    rnn_state *stream = create_state(model, 2);
    run_chunk(model, stream, 6, 1);
    double *before = get_parameter(model, index_of(model, "decoder.bias"));
    assert_ok(rnn_optimizer_step(optimizer, model));
    double *after = get_parameter(model, index_of(model, "decoder.bias"));
    for (int i = 0; i < 3; i++) {
        assert_true(before[i] != after[i]);
    }
    free(before);
    free(after);
    rnn_state_destroy(stream);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init_fills_in_the_seeds_defaults),
        cmocka_unit_test(test_options_init_fills_a_later_versions_options_to_their_end),
        cmocka_unit_test(test_options_init_refuses_null_and_a_size_that_is_none),
        cmocka_unit_test(test_create_refuses_numbers_out_of_range),
        cmocka_unit_test(test_create_refuses_an_unknown_rule_and_a_set_reserved_field),
        cmocka_unit_test(test_create_reads_struct_size_first),
        cmocka_unit_test(test_create_accepts_a_later_versions_options_when_what_it_does_not_know_is_zero),
        cmocka_unit_test(test_null_is_refused_except_as_options),
        cmocka_unit_test(test_adagrad_in_float64_is_its_formula),
        cmocka_unit_test(test_adagrad_in_float32_is_its_formula),
        cmocka_unit_test(test_the_default_is_adagrad_with_the_seeds_numbers),
        cmocka_unit_test(test_a_step_sets_the_gradients_to_zero),
        cmocka_unit_test(test_a_step_without_gradients_changes_nothing),
        cmocka_unit_test(test_the_next_chunk_runs_on_the_updated_parameters),
        cmocka_unit_test(test_symbols_that_were_not_seen_keep_their_weights),
        cmocka_unit_test(test_flat_gradients_make_no_difference_to_what_is_learned),
        cmocka_unit_test(test_gradients_may_be_written_at_any_time_for_any_symbol),
        cmocka_unit_test(test_a_learning_rate_of_0_leaves_the_parameters_and_still_accumulates),
        cmocka_unit_test(test_the_learning_rate_is_what_was_set_last),
        cmocka_unit_test(test_set_learning_rate_refuses_what_is_negative_or_not_finite),
        cmocka_unit_test(test_the_smallest_epsilon_leaves_parameters_without_gradient_alone),
        cmocka_unit_test(test_the_largest_learning_rate_leaves_parameters_without_gradient_alone),
        cmocka_unit_test(test_a_gradient_that_is_not_finite_is_refused_wherever_it_stands),
        cmocka_unit_test(test_the_largest_finite_gradients_are_not_refused),
        cmocka_unit_test(test_training_goes_on_after_a_refused_step_as_if_it_had_not_been),
        cmocka_unit_test(test_a_model_of_another_shape_is_refused),
        cmocka_unit_test(test_an_optimizer_outlives_its_model_and_fits_others_of_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
