/*
 * The optimizer: its options, and what every rule's step must do. test_optimizer_rules.c tests each rule's formula,
 * test_optimizer_refusals.c what a step refuses.
 */
#include "optimizers.h"

/* ---- Options ---- */

static void test_options_init_fills_in_each_rules_usual_settings(void **state)
{
    (void)state;
    static const rnn_optimizer_options usual[RULES] = {
        {.rule = ADAGRAD, .learning_rate = 0.1, .epsilon = 1e-8},
        {.rule = SGD, .learning_rate = 0.01},
        {.rule = RMSPROP, .learning_rate = 0.01, .epsilon = 1e-8, .beta2 = 0.99},
        {.rule = ADAM, .learning_rate = 0.001, .epsilon = 1e-8, .beta1 = 0.9, .beta2 = 0.999},
        {.rule = ADAMW, .learning_rate = 0.001, .epsilon = 1e-8, .weight_decay = 0.01, .beta1 = 0.9, .beta2 = 0.999},
    };
    for (int32_t rule = 0; rule < RULES; rule++) {
        rnn_optimizer_options options;
        memset(&options, 0x77, sizeof options);
        assert_ok(rnn_optimizer_options_init(&options, sizeof options, rule));
        assert_int_equal(options.struct_size, sizeof options);
        options.struct_size = 0;
        assert_memory_equal(&options, &usual[rule], sizeof options);
    }
}

/* ---- Creating ---- */

static void assert_refused(const rnn_optimizer_options *options, const char *part)
{
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    rnn_optimizer *optimizer = UNTOUCHED;
    assert_fails(rnn_optimizer_create(model, options, &optimizer), RNN_ERROR_ARGUMENT, part);
    assert_ptr_equal(optimizer, UNTOUCHED);
}

/* Each number of the options, the rules that use it, and values that they refuse */
static const struct {
    const char *name;
    size_t place;
    int used[RULES];
    double bad[6];
} numbers[] = {
#define NUMBER(name) #name, offsetof(rnn_optimizer_options, name)
    {NUMBER(learning_rate), {1, 1, 1, 1, 1}, {-0.1, -DBL_TRUE_MIN, INFINITY, -INFINITY, NAN, -1}},
    {NUMBER(epsilon), {1, 0, 1, 1, 1}, {0, -0.0, -1e-8, INFINITY, -INFINITY, NAN}},
    {NUMBER(weight_decay), {1, 1, 1, 1, 1}, {-0.1, -DBL_TRUE_MIN, INFINITY, -INFINITY, NAN, -1}},
    {NUMBER(momentum), {0, 1, 1, 0, 0}, {-0.1, 1, 1.5, INFINITY, -INFINITY, NAN}},
    {NUMBER(beta1), {0, 0, 0, 1, 1}, {-0.1, 1, 1.5, INFINITY, -INFINITY, NAN}},
    {NUMBER(beta2), {0, 0, 1, 1, 1}, {-0.1, 1, 1.5, INFINITY, -INFINITY, NAN}},
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
    for (int32_t rule = 0; rule < RULES; rule++)
        for (int i = 0; i < NUMBERS; i++)
            for (size_t k = 0; numbers[i].used[rule] && k < sizeof numbers[i].bad / sizeof numbers[i].bad[0]; k++)
                assert_number_refused(rule, i, numbers[i].bad[k]);
}

static void test_create_refuses_numbers_that_the_rule_has_no_use_for(void **state)
{
    (void)state;
    static const double others[] = {0.5, 1e-8, -0.5, 2, DBL_TRUE_MIN, NAN};
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
    (void)state;
    static const double nearly_1 = 1 - DBL_EPSILON / 2;
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
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
        rnn_optimizer_destroy(create_optimizer(model, &least));
        rnn_optimizer_destroy(create_optimizer(model, &most));
    }
}

static void test_create_refuses_an_unknown_rule(void **state)
{
    (void)state;
    static const int32_t bad[] = {-1, RULES, 1000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[64];
        rnn_optimizer_options options = usual_options(ADAGRAD);
        options.rule = bad[i];
        snprintf(part, sizeof part, "rule is %d", bad[i]);
        assert_refused(&options, part);
    }
}

/* ---- A step ---- */

static void test_a_step_sets_the_gradients_to_zero(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++)
        for (size_t p = 0; p < 2; p++)
            for (int written = 0; written < 2; written++) {
                scoped_model *model = create(100, 5, 3, 2, precisions[p]);
                scoped_state *stream = create_state(model, 2);
                rnn_optimizer_options options = usual_options(rule);
                scoped_optimizer *optimizer = create_optimizer(model, &options);
                run_chunk(model, stream, 6, 1);
                if (written)
                    fill_gradients(model, 1);
                assert_ok(rnn_optimizer_step(optimizer, model));
                assert_all_gradients_are_zero(model);
            }
}

static void test_a_first_step_without_gradients_and_decay_changes_nothing(void **state)
{
    (void)state;
    for (int32_t rule = 0; rule < RULES; rule++)
        for (size_t p = 0; p < 2; p++) {
            scoped_model *model = create(7, 5, 3, 2, precisions[p]);
            rnn_optimizer_options options = usual_options(rule);
            options.weight_decay = 0;
            scoped_optimizer *optimizer = create_optimizer(model, &options);
            scoped_state *stream = create_state(model, 2);
            scoped_snapshot before = take_snapshot(model, NULL);
            assert_ok(rnn_optimizer_step(optimizer, model));
            assert_unchanged(&before, model, NULL);
            run_chunk(model, stream, 6, 1);
            assert_ok(rnn_model_zero_gradients(model));
            assert_ok(rnn_optimizer_step(optimizer, model));
            assert_unchanged(&before, model, NULL);
        }
}

/* ---- Symbols of which few are seen ---- */

/* Models of many symbols: 0 feeds ids straight into the gates, 1 through an embedding, 2 through a tied embedding. */
enum { MODEL_CASES = 3 };

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
 * Trains with chunks of few symbols, and sometimes of many. Some rounds sum the gradients of two chunks, some discard
 * them, some have a chunk that is refused. After `flat_from` rounds it asks for the flat gradients: from then on the
 * library goes through all gradients.
 */
static void train(rnn_model *model, const rnn_optimizer_options *options, int rounds, int flat_from)
{
    scoped_optimizer *optimizer = create_optimizer(model, options);
    scoped_state *stream = create_state(model, 2);
    for (int n = 0; n < rounds; n++) {
        if (n == flat_from)
            flat_gradients(model);
        run_chunk(model, stream, n % 10 == 9 ? 600 : 4, (uint64_t)n);
        if (n % 3 == 1)
            run_chunk(model, stream, 3, (uint64_t)(1000 + n));
        if (n % 4 == 2) {
            const int32_t bad = -5, target = 0;
            rnn_chunk chunk = {
                .struct_size = sizeof chunk, .steps = 1, .streams = 1, .inputs = &bad, .targets = &target};
            assert_int_not_equal(rnn_forward_backward(model, stream, &chunk, NULL), RNN_OK);
        }
        assert_ok(rnn_model_clip_value(model, 0.125));
        if (n % 7 == 3)
            assert_ok(rnn_model_zero_gradients(model));
        else
            assert_ok(rnn_optimizer_step(optimizer, model));
        assert_all_gradients_are_zero(model);
    }
}

static void test_going_through_all_gradients_gives_the_same_bits(void **state)
{
    (void)state;
    enum { ROUNDS = 22 };
    static const int flat_from[] = {0, ROUNDS / 2};
    for (int r = 0; r < RULE_CASES; r++) {
        rnn_optimizer_options options = options_of_case(r);
        for (int m = 0; m < MODEL_CASES; m++)
            for (size_t p = 0; p < 2; p++) {
                scoped_model *model = create_of_many_symbols(m, precisions[p]);
                train(model, &options, ROUNDS, ROUNDS);
                scoped_snapshot bits = take_snapshot(model, NULL);
                for (size_t i = 0; i < sizeof flat_from / sizeof flat_from[0]; i++) {
                    scoped_model *with_flat = create_of_many_symbols(m, precisions[p]);
                    train(with_flat, &options, ROUNDS, flat_from[i]);
                    assert_unchanged(&bits, with_flat, NULL);
                }
            }
    }
}

/* The first step sees symbols 3, 150 and 77, the second only 9. Which columns of weight_ih does the second change? */
static void test_what_was_accumulated_for_a_symbol_goes_on_moving_its_weights(void **state)
{
    (void)state;
    enum { SYMBOLS = 200, HIDDEN = 5 };
    static const int32_t inputs[] = {3, 150, 3, 77}, others[] = {9, 9, 9, 9}, targets[] = {0, 1, 2, 0};
    for (int r = 0; r < RULE_CASES; r++) {
        rnn_optimizer_options options = options_of_case(r);
        int goes_on = options.momentum > 0 || options.rule == ADAM || options.rule == ADAMW;
        scoped_model *model = create(SYMBOLS, HIDDEN, 3, 1, RNN_FLOAT64);
        scoped_optimizer *optimizer = create_optimizer(model, &options);
        scoped_state *stream = create_state(model, 1);
        rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 4, .streams = 1, .inputs = inputs, .targets = targets};
        int64_t index = index_of(model, "rnn.weight_ih_l0");
        assert_ok(rnn_forward_backward(model, stream, &chunk, NULL));
        assert_ok(rnn_optimizer_step(optimizer, model));
        scoped_memory double *before = get_parameter(model, index);
        chunk.inputs = others;
        assert_ok(rnn_forward_backward(model, stream, &chunk, NULL));
        assert_ok(rnn_optimizer_step(optimizer, model));
        scoped_memory double *after = get_parameter(model, index);
        for (int64_t j = 0; j < HIDDEN; j++)
            for (int64_t id = 0; id < SYMBOLS; id++) {
                int seen_before = id == 3 || id == 150 || id == 77;
                int changes = id == 9 || options.weight_decay > 0 || (goes_on && seen_before);
                assert_int_equal(before[j * SYMBOLS + id] != after[j * SYMBOLS + id], changes);
            }
    }
}

static void test_gradients_may_be_written_at_any_time_for_any_symbol(void **state)
{
    (void)state;
    scoped_model *model = create(500, 5, 3, 1, RNN_FLOAT64);
    scoped_optimizer *optimizer = create_optimizer(model, NULL);
    scoped_state *stream = create_state(model, 2);
    double *flat = flat_gradients(model);
    int64_t count = parameter_total(model);
    for (int n = 0; n < 3; n++) {
        run_chunk(model, stream, 2, (uint64_t)n);
        for (int64_t i = 0; i < count; i++)
            flat[i] = 1;
        scoped_memory double *before = get_all_parameters(model);
        assert_ok(rnn_optimizer_step(optimizer, model));
        scoped_memory double *after = get_all_parameters(model);
        for (int64_t i = 0; i < count; i++) {
            assert_relative(before[i] - after[i], 0.1 / sqrt(n + 1 + 1e-8), 1e-12);
            assert_true(flat[i] == 0);
        }
    }
}

/* ---- The learning rate ---- */

static void test_a_learning_rate_of_0_leaves_the_parameters_and_still_accumulates(void **state)
{
    (void)state;
    rnn_optimizer_options options = usual_options(ADAGRAD);
    options.learning_rate = 0;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        scoped_optimizer *optimizer = create_optimizer(model, &options);
        scoped_snapshot before = take_snapshot(model, NULL);
        for (int n = 0; n < 3; n++) {
            fill_gradients(model, 1);
            assert_ok(rnn_optimizer_step(optimizer, model));
        }
        assert_unchanged(&before, model, NULL);

        assert_ok(rnn_optimizer_set_learning_rate(optimizer, 0.5));
        scoped_memory double *parameters = get_all_parameters(model);
        fill_gradients(model, 1);
        assert_ok(rnn_optimizer_step(optimizer, model));
        scoped_memory double *after = get_all_parameters(model);
        for (int64_t i = 0; i < parameter_total(model); i++)
            assert_relative(parameters[i] - after[i], 0.5 / 2, 1e-6); /* m is 4 */
    }
}

static void test_the_learning_rate_is_what_was_set_last(void **state)
{
    (void)state;
    static const double rates[] = {0.25, 1e-3, 0};
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    rnn_optimizer_options options = usual_options(ADAGRAD);
    options.learning_rate = 0.125;
    scoped_optimizer *optimizer = create_optimizer(model, &options);
    assert_true(rnn_optimizer_learning_rate(optimizer) == 0.125);
    for (int i = 0; i < 3; i++) {
        assert_ok(rnn_optimizer_set_learning_rate(optimizer, rates[i]));
        assert_true(rnn_optimizer_learning_rate(optimizer) == rates[i]);
    }
}

/* A step of an optimizer with these numbers must not change a parameter whose gradient is 0. */
static void assert_leaves_parameters_without_gradient_alone(int32_t rule, double learning_rate, double epsilon)
{
    rnn_optimizer_options options = usual_options(rule);
    options.learning_rate = learning_rate;
    options.epsilon = rule == SGD ? 0 : epsilon;
    options.weight_decay = 0;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        scoped_optimizer *optimizer = create_optimizer(model, &options);
        fill_gradients(model, 0);
        scoped_snapshot before = take_snapshot(model, NULL);
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_unchanged(&before, model, NULL);
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
