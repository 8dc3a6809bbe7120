/* The optimizer's clip_value does within a step what rnn_model_clip_value() does before it. */
#include "support.h"

#include <math.h>
#include <string.h>

enum { SYMBOLS = 9, HIDDEN = 13, STEPS = 6, CHUNKS = 4 };

static rnn_model *new_model(void)
{
    rnn_model_options options = make_options(SYMBOLS, HIDDEN, SYMBOLS, 1, RNN_FLOAT32);
    options.initialization = RNN_INIT_UNIFORM;
    return create_model(&options);
}

/* Trains on a few chunks and clips before each step or within it. Returns the model. */
static rnn_model *train(int32_t rule, double before, double within)
{
    static const int32_t ids[STEPS + 1] = {0, 5, 5, 8, 1, 2, 3};
    rnn_model *model = new_model();
    scoped_optimizer *optimizer;
    rnn_optimizer_options options;
    scoped_state *state = create_state(model, 1);
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, rule));
    options.clip_value = within;
    assert_ok(rnn_optimizer_create(model, &options, &optimizer));
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = STEPS, .streams = 1, .inputs = ids, .targets = ids + 1};
    for (int n = 0; n < CHUNKS; n++) {
        assert_ok(rnn_forward_backward(model, state, &chunk, NULL));
        if (before > 0)
            assert_ok(rnn_model_clip_value(model, before));
        assert_ok(rnn_optimizer_step(optimizer, model));
    }
    return model;
}

static int compare_parameters(const rnn_model *a, const rnn_model *b)
{
    const void *of_a, *of_b;
    int64_t count;
    assert_ok(rnn_model_flat_parameters(a, &of_a, &count));
    assert_ok(rnn_model_flat_parameters(b, &of_b, &count));
    return memcmp(of_a, of_b, (size_t)count * sizeof(float));
}

static void test_clipping_within_the_step_is_clipping_before_it(void **state)
{
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        scoped_model *before = train(rule, 0.05, 0), *within = train(rule, 0, 0.05), *without = train(rule, 0, 0);
        assert_int_equal(compare_parameters(before, within), 0);
        assert_int_not_equal(compare_parameters(before, without), 0);
    }
}

/* One step of SGD on a parameter of 10 with gradient 100, limit 5 and decay 0.5: 10 - 0.1 (5 + 0.5 10) */
static void test_the_gradient_is_clipped_before_the_decay_is_added(void **state)
{
    scoped_model *model = new_model();
    scoped_optimizer *optimizer;
    rnn_optimizer_options options;
    float values[SYMBOLS], *gradients;
    void *all;
    int64_t total, bias;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_SGD));
    options.learning_rate = 0.1;
    options.weight_decay = 0.5;
    options.clip_value = 5;
    assert_ok(rnn_optimizer_create(model, &options, &optimizer));
    assert_ok(rnn_model_find_parameter(model, "decoder.bias", &bias));
    for (int i = 0; i < SYMBOLS; i++)
        values[i] = 10;
    assert_ok(rnn_model_set_parameter(model, bias, values, SYMBOLS));
    assert_ok(rnn_model_flat_gradients(model, &all, &total));
    gradients = all;
    for (int64_t i = 0; i < total; i++)
        gradients[i] = 100;
    assert_ok(rnn_optimizer_step(optimizer, model));
    assert_ok(rnn_model_get_parameter(model, bias, values, SYMBOLS));
    for (int i = 0; i < SYMBOLS; i++)
        assert_relative((double)values[i], 9, 1e-6);
}

static void test_a_limit_that_is_none_is_refused(void **state)
{
    const double limits[] = {-1, (double)NAN, (double)INFINITY};
    scoped_model *model = new_model();
    rnn_optimizer *optimizer = NULL;
    rnn_optimizer_options options;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_SGD));
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        options.clip_value = limits[i];
        assert_fails(rnn_optimizer_create(model, &options, &optimizer), RNN_ERROR_ARGUMENT, "clip_value is ");
        assert_null(optimizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clipping_within_the_step_is_clipping_before_it),
        cmocka_unit_test(test_the_gradient_is_clipped_before_the_decay_is_added),
        cmocka_unit_test(test_a_limit_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
