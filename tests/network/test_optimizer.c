/*
 * The optimizer: its options, what a step leaves behind whatever its rule, and what it refuses. Each rule's formula is
 * in test_optimizer_rules.c.
 */
#include "optimizers.h"

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

/* Models of many symbols. number 0: ids go straight into the gates; 1: through an embedding; 2: through a tied one. */
static rnn_model *create_of_many_symbols(int number, int32_t precision)
{
    rnn_model_options options = make_options(1000, 5, number == 2 ? 1000 : 3, 2, precision);
    options.cell = RNN_CELL_GRU;
    options.input = number == 0 ? RNN_INPUT_IDS : RNN_INPUT_EMBEDDING;
    options.embedding_size = number == 0 ? 0 : number == 1 ? 3 : 5;
    options.tied = number == 2;
    return create_random_model(&options, 0.5, 1);
}

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
