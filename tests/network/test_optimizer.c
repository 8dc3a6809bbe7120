/*
 * The optimizer: its options, what a step leaves behind whatever its rule, and what it refuses. Each rule's formula is
 * in test_optimizer_rules.c.
 */
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* What an out-parameter holds before a call that fails, and must hold afterwards. */
static char untouched_object;
#define UNTOUCHED ((rnn_optimizer *)&untouched_object)

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

static rnn_model *create(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                         int32_t precision)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    return create_random_model(&options, 0.5, 1);
}

enum {
    ADAGRAD = RNN_OPTIMIZER_ADAGRAD,
    SGD = RNN_OPTIMIZER_SGD,
    RMSPROP = RNN_OPTIMIZER_RMSPROP,
    ADAM = RNN_OPTIMIZER_ADAM,
    ADAMW = RNN_OPTIMIZER_ADAMW,
    RULES,
};

static rnn_optimizer_options usual_options(int32_t rule)
{
    rnn_optimizer_options options;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, rule));
    return options;
}

static rnn_optimizer *create_optimizer_of(const rnn_model *model, const rnn_optimizer_options *options)
{
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_create(model, options, &optimizer));
    assert_non_null(optimizer);
    return optimizer;
}

/* Adagrad */
static rnn_optimizer *create_optimizer(const rnn_model *model, double learning_rate, double epsilon)
{
    rnn_optimizer_options options = usual_options(ADAGRAD);
    options.learning_rate = learning_rate;
    options.epsilon = epsilon;
    return create_optimizer_of(model, &options);
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
    owned_chunk chunk = create_random_chunk_for(model, steps, rnn_state_streams(state), 0, seed);
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
    destroy_chunk(&chunk);
}

/* ---- Options ---- */

static void test_options_init_fills_in_each_rules_usual_settings(void **state)
{
    static const struct {
        int32_t rule;
        double learning_rate, epsilon, weight_decay, momentum, beta1, beta2;
    } usual[] = {
        {ADAGRAD, 0.1, 1e-8, 0, 0, 0, 0},          {SGD, 0.01, 0, 0, 0, 0, 0},
        {RMSPROP, 0.01, 1e-8, 0, 0, 0, 0.99},      {ADAM, 0.001, 1e-8, 0, 0, 0.9, 0.999},
        {ADAMW, 0.001, 1e-8, 0.01, 0, 0.9, 0.999},
    };
    (void)state;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        rnn_optimizer_options options;
        memset(&options, 0x77, sizeof options);
        assert_ok(rnn_optimizer_options_init(&options, sizeof options, usual[i].rule));
        assert_int_equal(options.struct_size, sizeof options);
        assert_int_equal(options.rule, usual[i].rule);
        assert_int_equal(options.nesterov, 0);
        assert_true(options.learning_rate == usual[i].learning_rate);
        assert_true(options.epsilon == usual[i].epsilon);
        assert_true(options.weight_decay == usual[i].weight_decay);
        assert_true(options.momentum == usual[i].momentum);
        assert_true(options.beta1 == usual[i].beta1);
        assert_true(options.beta2 == usual[i].beta2);
    }
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

/* Each number of the options, the rules that have a use for it, and what they don't take. */
static const struct {
    const char *name;
    size_t place;
    int used[RULES];
    double bad[6];
} numbers[] = {
    {"learning_rate",
     offsetof(rnn_optimizer_options, learning_rate),
     {1, 1, 1, 1, 1},
     {-0.1, -DBL_TRUE_MIN, INFINITY, -INFINITY, NAN, -1}},
    {"epsilon", offsetof(rnn_optimizer_options, epsilon), {1, 0, 1, 1, 1}, {0, -0.0, -1e-8, INFINITY, -INFINITY, NAN}},
    {"weight_decay",
     offsetof(rnn_optimizer_options, weight_decay),
     {1, 1, 1, 1, 1},
     {-0.1, -DBL_TRUE_MIN, INFINITY, -INFINITY, NAN, -1}},
    {"momentum", offsetof(rnn_optimizer_options, momentum), {0, 1, 1, 0, 0}, {-0.1, 1, 1.5, INFINITY, -INFINITY, NAN}},
    {"beta1", offsetof(rnn_optimizer_options, beta1), {0, 0, 0, 1, 1}, {-0.1, 1, 1.5, INFINITY, -INFINITY, NAN}},
    {"beta2", offsetof(rnn_optimizer_options, beta2), {0, 0, 1, 1, 1}, {-0.1, 1, 1.5, INFINITY, -INFINITY, NAN}},
};

enum { NUMBERS = sizeof numbers / sizeof numbers[0] };

/* A rule's usual settings with this value for one of the numbers must be refused by that number's name. */
static void assert_number_refused(int32_t rule, int number, double value)
{
    rnn_optimizer_options options = usual_options(rule);
    char part[64];
    memcpy((char *)&options + numbers[number].place, &value, sizeof value);
    snprintf(part, sizeof part, "%s is ", numbers[number].name);
    assert_refused(&options, part);
}

static void test_create_refuses_numbers_out_of_range(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        for (int i = 0; i < NUMBERS; i++)
            for (size_t k = 0; numbers[i].used[rule] && k < sizeof numbers[i].bad / sizeof numbers[i].bad[0]; k++)
                assert_number_refused(rule, i, numbers[i].bad[k]);
    }
}

static void test_create_refuses_numbers_that_the_rule_has_no_use_for(void **state)
{
    static const double others[] = {0.5, 1e-8, -0.5, 2, DBL_TRUE_MIN, NAN};
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        for (int i = 0; i < NUMBERS; i++)
            for (size_t k = 0; !numbers[i].used[rule] && k < sizeof others / sizeof others[0]; k++)
                assert_number_refused(rule, i, others[k]);
        if (rule != SGD) {
            rnn_optimizer_options options = usual_options(rule);
            options.nesterov = 1;
            assert_refused(&options, "nesterov is 1");
        }
    }
}

static void test_create_accepts_the_ends_of_the_ranges(void **state)
{
    static const double nearly_1 = 1 - DBL_EPSILON / 2;
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        rnn_optimizer_options least = usual_options(rule);
        rnn_optimizer_options most = usual_options(rule);
        least.learning_rate = least.weight_decay = least.momentum = least.beta1 = least.beta2 = 0;
        least.epsilon = rule == SGD ? 0 : DBL_TRUE_MIN;
        most.learning_rate = most.weight_decay = DBL_MAX;
        most.epsilon = rule == SGD ? 0 : DBL_MAX;
        most.momentum = rule == SGD || rule == RMSPROP ? nearly_1 : 0;
        most.beta1 = rule == ADAM || rule == ADAMW ? nearly_1 : 0;
        most.beta2 = rule == ADAM || rule == ADAMW || rule == RMSPROP ? nearly_1 : 0;
        most.nesterov = rule == SGD;
        rnn_optimizer_destroy(create_optimizer_of(model, &least));
        rnn_optimizer_destroy(create_optimizer_of(model, &most));
    }
    rnn_model_destroy(model);
}

static void test_create_refuses_an_unknown_rule(void **state)
{
    static const int32_t bad[] = {-1, RULES, 1000, INT32_MAX, INT32_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[64];
        rnn_optimizer_options options = usual_options(ADAGRAD);
        options.rule = bad[i];
        snprintf(part, sizeof part, "rule is %d", bad[i]);
        assert_refused(&options, part);
    }
}

/* ---- A step ---- */

static void test_the_default_is_adagrad_with_its_usual_settings(void **state)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT64);
    rnn_optimizer *optimizer = NULL;
    int64_t count = parameter_total(model);
    double *gradients = allocate(count, sizeof(double));
    (void)state;
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    for (int64_t i = 0; i < count; i++)
        gradients[i] = 2e-4;
    double *before = get_flat_parameters(model);
    set_flat_gradients(model, gradients);
    assert_ok(rnn_optimizer_step(optimizer, model));
    double *after = get_flat_parameters(model);
    for (int64_t i = 0; i < count; i++)
        assert_relative(before[i] - after[i], 0.1 * 2e-4 / sqrt(4e-8 + 1e-8), 1e-12);
    free(after);
    free(before);
    free(gradients);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

static void assert_all_zero(const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        assert_true(values[i] == 0);
}

static void test_a_step_sets_the_gradients_to_zero(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        for (size_t p = 0; p < 2; p++) {
            for (int written = 0; written < 2; written++) {
                rnn_model *model = create(100, 5, 3, 2, precisions[p]);
                rnn_state *stream = create_state(model, 2);
                rnn_optimizer_options options = usual_options(rule);
                rnn_optimizer *optimizer = create_optimizer_of(model, &options);
                run_chunk(model, stream, 6, 1);
                if (written) {
                    double *ones = allocate(parameter_total(model), sizeof(double));
                    for (int64_t i = 0; i < parameter_total(model); i++)
                        ones[i] = 1;
                    set_flat_gradients(model, ones);
                    free(ones);
                }
                assert_ok(rnn_optimizer_step(optimizer, model));
                double *gradients = get_all_gradients(model);
                assert_all_zero(gradients, parameter_total(model));
                free(gradients);
                rnn_optimizer_destroy(optimizer);
                rnn_state_destroy(stream);
                rnn_model_destroy(model);
            }
        }
    }
}

static void test_a_first_step_without_gradients_and_decay_changes_nothing(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        for (size_t p = 0; p < 2; p++) {
            rnn_model *model = create(7, 5, 3, 2, precisions[p]);
            rnn_optimizer_options options = usual_options(rule);
            options.weight_decay = 0;
            rnn_optimizer *optimizer = create_optimizer_of(model, &options);
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
}

/* ---- Symbols of which few are seen ---- */

/* What there is to update: the input weights of symbols, their embeddings, or embeddings that are the decoder's, too.
 */
static rnn_model *create_of_many_symbols(int number, int32_t precision)
{
    rnn_model_options options = make_options(1000, 5, number == 2 ? 1000 : 3, 2, precision);
    options.cell = RNN_CELL_GRU;
    options.input = number == 0 ? RNN_INPUT_IDS : RNN_INPUT_EMBEDDING;
    options.embedding_size = number == 0 ? 0 : number == 1 ? 3 : 5;
    options.tied = number == 2;
    return create_random_model(&options, 0.5, 1);
}

/* Rules with and without decay and momentum: those that pass over what has no gradient, and those that mustn't. */
static rnn_optimizer_options options_of_case(int number)
{
    static const struct {
        int32_t rule;
        double weight_decay, momentum;
    } rules[] = {{ADAGRAD, 0, 0}, {ADAGRAD, 0.1, 0}, {SGD, 0, 0},       {SGD, 0.1, 0}, {SGD, 0, 0.9},
                 {RMSPROP, 0, 0}, {RMSPROP, 0, 0.9}, {RMSPROP, 0.1, 0}, {ADAM, 0, 0},  {ADAMW, 0.1, 0}};
    rnn_optimizer_options options = usual_options(rules[number].rule);
    options.weight_decay = rules[number].weight_decay;
    options.momentum = rules[number].momentum;
    return options;
}

enum { RULE_CASES = 10, MODEL_CASES = 3 };

/*
 * Trains with chunks of few and, at times, of many symbols, summed gradients, clipping, dropped gradients and a refused
 * chunk. After `flat_from` rounds it asks for the flat gradients, so that the library goes through all from then on.
 */
static void train(rnn_model *model, const rnn_optimizer_options *options, int rounds, int flat_from)
{
    rnn_optimizer *optimizer = create_optimizer_of(model, options);
    rnn_state *stream = create_state(model, 2);
    for (int n = 0; n < rounds; n++) {
        if (n == flat_from) {
            void *gradients = NULL;
            int64_t count = 0;
            assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
        }
        run_chunk(model, stream, n % 10 == 9 ? 600 : 4, (uint64_t)n);
        if (n % 3 == 1)
            run_chunk(model, stream, 3, (uint64_t)(1000 + n));
        if (n % 4 == 2) {
            const int32_t bad = -5;
            const int32_t target = 0;
            rnn_chunk chunk = {
                .struct_size = sizeof chunk, .steps = 1, .streams = 1, .inputs = &bad, .targets = &target};
            assert_int_not_equal(rnn_forward_backward(model, stream, &chunk, NULL), RNN_OK);
        }
        assert_ok(rnn_model_clip_value(model, 0.125));
        if (n % 7 == 3)
            assert_ok(rnn_model_zero_gradients(model));
        else
            assert_ok(rnn_optimizer_step(optimizer, model));
        double *gradients = get_all_gradients(model);
        assert_all_zero(gradients, parameter_total(model));
        free(gradients);
    }
    rnn_state_destroy(stream);
    rnn_optimizer_destroy(optimizer);
}

static void test_going_through_all_gradients_gives_the_same_bits(void **state)
{
    enum { ROUNDS = 22 };
    static const int flat_from[] = {0, ROUNDS / 2};
    (void)state;
    for (int r = 0; r < RULE_CASES; r++) {
        rnn_optimizer_options options = options_of_case(r);
        for (int m = 0; m < MODEL_CASES; m++) {
            for (size_t p = 0; p < 2; p++) {
                rnn_model *model = create_of_many_symbols(m, precisions[p]);
                train(model, &options, ROUNDS, ROUNDS);
                snapshot bits = take_snapshot(model, NULL);
                for (size_t i = 0; i < sizeof flat_from / sizeof flat_from[0]; i++) {
                    rnn_model *with_flat = create_of_many_symbols(m, precisions[p]);
                    train(with_flat, &options, ROUNDS, flat_from[i]);
                    assert_unchanged(&bits, with_flat, NULL);
                    rnn_model_destroy(with_flat);
                }
                free(bits.bytes);
                rnn_model_destroy(model);
            }
        }
    }
}

/* One step with symbols 3, 150 and 77, another with symbol 9 alone: which rows of weight_ih does the second change? */
static void test_what_was_accumulated_for_a_symbol_goes_on_moving_its_weights(void **state)
{
    enum { SYMBOLS = 200, HIDDEN = 5 };
    static const int32_t inputs[] = {3, 150, 3, 77};
    static const int32_t others[] = {9, 9, 9, 9};
    static const int32_t targets[] = {0, 1, 2, 0};
    (void)state;
    for (int r = 0; r < RULE_CASES; r++) {
        rnn_optimizer_options options = options_of_case(r);
        int goes_on = options.momentum > 0 || options.rule == ADAM || options.rule == ADAMW;
        rnn_model *model = create(SYMBOLS, HIDDEN, 3, 1, RNN_FLOAT64);
        rnn_optimizer *optimizer = create_optimizer_of(model, &options);
        rnn_state *stream = create_state(model, 1);
        rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 4, .streams = 1, .inputs = inputs, .targets = targets};
        int64_t index = index_of(model, "rnn.weight_ih_l0");
        assert_ok(rnn_forward_backward(model, stream, &chunk, NULL));
        assert_ok(rnn_optimizer_step(optimizer, model));
        double *before = get_parameter(model, index);
        chunk.inputs = others;
        assert_ok(rnn_forward_backward(model, stream, &chunk, NULL));
        assert_ok(rnn_optimizer_step(optimizer, model));
        double *after = get_parameter(model, index);
        for (int64_t j = 0; j < HIDDEN; j++) {
            for (int64_t id = 0; id < SYMBOLS; id++) {
                int seen_before = id == 3 || id == 150 || id == 77;
                int changes = id == 9 || options.weight_decay > 0 || (goes_on && seen_before);
                assert_int_equal(before[j * SYMBOLS + id] != after[j * SYMBOLS + id], changes);
            }
        }
        free(before);
        free(after);
        rnn_state_destroy(stream);
        rnn_optimizer_destroy(optimizer);
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
        for (int64_t i = 0; i < count; i++)
            ((double *)flat)[i] = 1;
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
        for (int64_t i = 0; i < count; i++)
            gradients[i] = 1;
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
        for (int64_t i = 0; i < count; i++)
            assert_relative(parameters[i] - after[i], 0.5 / 2, 1e-6); /* m is 4 */
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

/* A step without gradients, of an optimizer with these numbers, must not change a parameter. */
static void assert_leaves_parameters_without_gradient_alone(int32_t rule, double learning_rate, double epsilon)
{
    rnn_optimizer_options options = usual_options(rule);
    options.learning_rate = learning_rate;
    options.epsilon = rule == SGD ? 0 : epsilon;
    options.weight_decay = 0;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer_of(model, &options);
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
    for (int32_t rule = 0; rule < RULES; rule++) {
        assert_leaves_parameters_without_gradient_alone(rule, 0.1, 1e-50);
        assert_leaves_parameters_without_gradient_alone(rule, 0.1, DBL_TRUE_MIN);
    }
}

static void test_the_largest_learning_rate_leaves_parameters_without_gradient_alone(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++) {
        assert_leaves_parameters_without_gradient_alone(rule, 1e50, 1e-8);
        assert_leaves_parameters_without_gradient_alone(rule, DBL_MAX, 1e-8);
    }
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
            for (int64_t k = 0; k < count; k++)
                gradients[k] = k == i ? bad[i % 3] : 1;
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

/* Steps with the same gradients until one is refused; returns how many were not, of ten. */
static int steps_until_refused(rnn_model *model, rnn_optimizer *optimizer, const double *gradients)
{
    for (int n = 0; n < 10; n++) {
        set_flat_gradients(model, gradients);
        snapshot before = take_snapshot(model, NULL);
        rnn_status status = rnn_optimizer_step(optimizer, model);
        if (status != RNN_OK) {
            assert_int_equal(status, RNN_ERROR_NONFINITE);
            assert_non_null(strstr(rnn_last_error(), "so large that what the optimizer accumulates would be infinite"));
            assert_unchanged(&before, model, NULL);
        }
        free(before.bytes);
        if (status != RNN_OK)
            return n;
    }
    return 10;
}

/* One of the largest numbers among ones, in the last place */
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
            rnn_model *model = create(7, 5, 3, 1, precisions[p]);
            rnn_optimizer *optimizer = create_optimizer_of(model, &options);
            int64_t count = parameter_total(model);
            double *gradients = allocate(count, sizeof(double));
            for (int64_t i = 0; i < count; i++)
                gradients[i] = i < count - 1 ? 1 : -most;
            int steps = steps_until_refused(model, optimizer, gradients);
            if (sums)
                assert_int_equal(steps, 0); /* a square of it is infinite */
            else
                assert_in_range(steps, sgd_sums ? 1 : 10, sgd_sums ? 9 : 10);
            assert_ok(rnn_model_zero_gradients(model));
            assert_ok(rnn_optimizer_step(optimizer, model));
            rnn_optimizer_destroy(optimizer);

            options.clip_value = 5; /* then it is small */
            optimizer = create_optimizer_of(model, &options);
            assert_int_equal(steps_until_refused(model, optimizer, gradients), 10);
            free(gradients);
            rnn_optimizer_destroy(optimizer);
            rnn_model_destroy(model);
        }
}

/* Each square is finite, and the sum of the first two is not. */
static void test_a_sum_that_becomes_infinite_is_refused_in_time(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        double large = precisions[p] == RNN_FLOAT32 ? 1.8e19 : 1.3e154;
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
        int64_t count = parameter_total(model);
        double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++)
            gradients[i] = i % 2 == 0 ? large : -large;
        assert_int_equal(steps_until_refused(model, optimizer, gradients), 1);
        free(gradients);
        rnn_optimizer_destroy(optimizer);
        rnn_model_destroy(model);
    }
}

/* Trains for five rounds, each `disturbed` by a step that is refused or not. */
static rnn_model *train_with_refusals(const rnn_optimizer_options *options, int32_t precision, int disturbed)
{
    rnn_model *model = create(7, 5, 3, 1, precision);
    rnn_optimizer *optimizer = create_optimizer_of(model, options);
    rnn_state *stream = create_state(model, 2);
    int64_t count = parameter_total(model);
    double *gradients = allocate(count, sizeof(double));
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
    free(gradients);
    rnn_state_destroy(stream);
    rnn_optimizer_destroy(optimizer);
    return model;
}

static void test_training_goes_on_after_a_refused_step_as_if_it_had_not_been(void **state)
{
    (void)state;
    for (int r = 0; r < RULE_CASES; r++) {
        rnn_optimizer_options options = options_of_case(r);
        for (size_t p = 0; p < 2; p++) {
            rnn_model *undisturbed = train_with_refusals(&options, precisions[p], 0);
            rnn_model *disturbed = train_with_refusals(&options, precisions[p], 1);
            snapshot bits = take_snapshot(undisturbed, NULL);
            assert_unchanged(&bits, disturbed, NULL);
            free(bits.bytes);
            rnn_model_destroy(disturbed);
            rnn_model_destroy(undisturbed);
        }
    }
}

/* ---- Which models an optimizer fits ---- */

/* The first, and those that differ from it in one thing. */
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
    rnn_model_options shape = make_shape(0);
    rnn_model *model = create_random_model(&shape, 0.5, 1);
    rnn_optimizer *optimizer = create_optimizer(model, 0.1, 1e-8);
    (void)state;
    for (int i = 1; i < SHAPES; i++) {
        rnn_model_options options = make_shape(i);
        rnn_model *other = create_random_model(&options, 0.5, 1);
        rnn_state *stream = create_state(other, 2);
        run_chunk(other, stream, 6, 1);
        snapshot before = take_snapshot(other, NULL);
        assert_fails(rnn_optimizer_step(optimizer, other), RNN_ERROR_MISMATCH, shapes[i].what);
        assert_unchanged(&before, other, NULL);
        free(before.bytes);
        rnn_state_destroy(stream);
        rnn_model_destroy(other);
    }
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

/* The loss, what the gradients are of, dropout and the start don't make another shape. */
static void test_an_optimizer_outlives_its_model_and_fits_others_of_the_shape(void **state)
{
    rnn_model_options shape = make_shape(0);
    rnn_model *maker = create_random_model(&shape, 0.5, 1);
    rnn_optimizer *optimizer = create_optimizer(maker, 0.1, 1e-8);
    (void)state;
    rnn_model_destroy(maker);
    shape.loss = RNN_LOSS_SQUARED_ERROR;
    shape.reduction = RNN_REDUCTION_MEAN;
    shape.initialization = RNN_INIT_UNIFORM;
    shape.orthogonal = 1;
    shape.dropout = 0.5;
    shape.forget_bias = 1;
    shape.seed = 7;
    rnn_model *model = create_model(&shape);
    rnn_state *stream = create_state(model, 2);
    run_chunk(model, stream, 6, 1);
    double *before = get_parameter(model, index_of(model, "decoder.bias"));
    assert_ok(rnn_optimizer_step(optimizer, model));
    double *after = get_parameter(model, index_of(model, "decoder.bias"));
    for (int i = 0; i < 7; i++)
        assert_true(before[i] != after[i]);
    free(before);
    free(after);
    rnn_state_destroy(stream);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init_fills_in_each_rules_usual_settings),
        cmocka_unit_test(test_create_refuses_numbers_out_of_range),
        cmocka_unit_test(test_create_refuses_numbers_that_the_rule_has_no_use_for),
        cmocka_unit_test(test_create_accepts_the_ends_of_the_ranges),
        cmocka_unit_test(test_create_refuses_an_unknown_rule),
        cmocka_unit_test(test_the_default_is_adagrad_with_its_usual_settings),
        cmocka_unit_test(test_a_step_sets_the_gradients_to_zero),
        cmocka_unit_test(test_a_first_step_without_gradients_and_decay_changes_nothing),
        cmocka_unit_test(test_going_through_all_gradients_gives_the_same_bits),
        cmocka_unit_test(test_what_was_accumulated_for_a_symbol_goes_on_moving_its_weights),
        cmocka_unit_test(test_gradients_may_be_written_at_any_time_for_any_symbol),
        cmocka_unit_test(test_a_learning_rate_of_0_leaves_the_parameters_and_still_accumulates),
        cmocka_unit_test(test_the_learning_rate_is_what_was_set_last),
        cmocka_unit_test(test_the_smallest_epsilon_leaves_parameters_without_gradient_alone),
        cmocka_unit_test(test_the_largest_learning_rate_leaves_parameters_without_gradient_alone),
        cmocka_unit_test(test_a_gradient_that_is_not_finite_is_refused_wherever_it_stands),
        cmocka_unit_test(test_a_gradient_that_makes_an_accumulator_infinite_is_refused),
        cmocka_unit_test(test_a_sum_that_becomes_infinite_is_refused_in_time),
        cmocka_unit_test(test_training_goes_on_after_a_refused_step_as_if_it_had_not_been),
        cmocka_unit_test(test_a_model_of_another_shape_is_refused),
        cmocka_unit_test(test_an_optimizer_outlives_its_model_and_fits_others_of_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
