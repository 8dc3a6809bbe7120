/*
 * Each optimizer's rule against its formula in plain C, over steps with varying gradients. The learning rate changes
 * halfway.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { STEPS = 20 };

typedef struct rule_case {
    const char *name;
    int32_t rule;
    int32_t nesterov;
    double learning_rate, epsilon, weight_decay, momentum, beta1, beta2;
} rule_case;

enum {
    ADAGRAD = RNN_OPTIMIZER_ADAGRAD,
    SGD = RNN_OPTIMIZER_SGD,
    RMSPROP = RNN_OPTIMIZER_RMSPROP,
    ADAM = RNN_OPTIMIZER_ADAM,
    ADAMW = RNN_OPTIMIZER_ADAMW,
};

/* clang-format off */
static const rule_case cases[] = {
    /*                                                           rate  epsilon decay momentum beta1 beta2 */
    {"test_adagrad",                              ADAGRAD, 0,    0.1,  1e-8,   0,    0,       0,    0},
    {"test_adagrad_with_a_large_epsilon",         ADAGRAD, 0,    3,    1e-3,   0,    0,       0,    0},
    {"test_adagrad_with_decay",                   ADAGRAD, 0,    0.1,  1e-8,   0.02, 0,       0,    0},
    {"test_sgd",                                  SGD,     0,    0.01, 0,      0,    0,       0,    0},
    {"test_sgd_with_decay",                       SGD,     0,    0.01, 0,      0.3,  0,       0,    0},
    {"test_sgd_with_momentum",                    SGD,     0,    0.01, 0,      0,    0.9,     0,    0},
    {"test_sgd_with_momentum_and_decay",          SGD,     0,    0.01, 0,      0.3,  0.5,     0,    0},
    {"test_sgd_with_nesterovs_momentum",          SGD,     1,    0.01, 0,      0,    0.9,     0,    0},
    {"test_sgd_with_nesterovs_and_decay",         SGD,     -7,   0.01, 0,      0.3,  0.9,     0,    0},
    {"test_rmsprop",                              RMSPROP, 0,    0.01, 1e-8,   0,    0,       0,    0.99},
    {"test_rmsprop_without_memory",               RMSPROP, 0,    0.01, 1e-3,   0,    0,       0,    0},
    {"test_rmsprop_with_momentum",                RMSPROP, 0,    0.01, 1e-8,   0,    0.9,     0,    0.99},
    {"test_rmsprop_with_momentum_and_decay",      RMSPROP, 0,    0.01, 1e-4,   0.3,  0.9,     0,    0.9},
    {"test_adam",                                 ADAM,    0,    1e-3, 1e-8,   0,    0,       0.9,  0.999},
    {"test_adam_with_decay",                      ADAM,    0,    1e-3, 1e-8,   0.3,  0,       0.9,  0.999},
    {"test_adam_without_a_first_moment",          ADAM,    0,    1e-3, 1e-8,   0,    0,       0,    0.999},
    {"test_adam_without_memory",                  ADAM,    0,    1e-3, 1e-3,   0,    0,       0,    0},
    {"test_adam_with_a_large_epsilon",            ADAM,    0,    0.1,  0.5,    0,    0,       0.5,  0.9},
    {"test_adamw",                                ADAMW,   0,    1e-3, 1e-8,   0.01, 0,       0.9,  0.999},
    {"test_adamw_with_a_large_decay",             ADAMW,   0,    0.1,  1e-8,   2,    0,       0.9,  0.99},
    {"test_adamw_without_decay",                  ADAMW,   0,    1e-3, 1e-8,   0,    0,       0.9,  0.999},
};
/* clang-format on */

enum { CASES = COUNT_OF(cases) };

/* The values that a rule accumulates for one parameter */
typedef struct accumulated {
    double m, v;
} accumulated;

/* The header's formulas for step k, which counts from 1. Returns the parameter's next value. */
static double apply_rule(const rule_case *c, double learning_rate, int k, double x, double g, accumulated *a)
{
    if (c->rule != ADAMW)
        g += c->weight_decay * x;
    switch (c->rule) {
    case ADAGRAD:
        a->m += g * g;
        return x - learning_rate * g / sqrt(a->m + c->epsilon);
    case SGD:
        a->v = c->momentum * a->v + g;
        return x - learning_rate * (c->nesterov ? g + c->momentum * a->v : a->v);
    case RMSPROP:
        a->m = c->beta2 * a->m + (1 - c->beta2) * g * g;
        a->v = c->momentum * a->v + g / (sqrt(a->m) + c->epsilon);
        return x - learning_rate * a->v;
    default:
        if (c->rule == ADAMW)
            x -= learning_rate * c->weight_decay * x;
        a->m = c->beta1 * a->m + (1 - c->beta1) * g;
        a->v = c->beta2 * a->v + (1 - c->beta2) * g * g;
        return x - learning_rate * (a->m / (1 - pow(c->beta1, k))) / (sqrt(a->v / (1 - pow(c->beta2, k))) + c->epsilon);
    }
}

static rnn_optimizer *create_optimizer(const rnn_model *model, const rule_case *c)
{
    rnn_optimizer_options options;
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, c->rule));
    options.nesterov = c->nesterov;
    options.learning_rate = c->learning_rate;
    options.epsilon = c->epsilon;
    options.weight_decay = c->weight_decay;
    options.momentum = c->momentum;
    options.beta1 = c->beta1;
    options.beta2 = c->beta2;
    assert_ok(rnn_optimizer_create(model, &options, &optimizer));
    return optimizer;
}

/* Magnitudes from 1e-5 to 10 with either sign, and some zeros */
static double random_gradient(random_source *source)
{
    double gradient = random_between(source, -1, 1) * pow(10, random_below(source, 7) - 5);
    return random_below(source, 11) == 0 ? 0 : gradient;
}

/* The flat parameters as doubles */
static void get_parameters(const rnn_model *model, int32_t precision, double *values)
{
    const void *flat = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_parameters(model, &flat, &count));
    to_doubles(precision, flat, values, count);
}

/*
 * Each step must agree with the formula, applied to the parameters before the step and to what the formula has
 * accumulated since the first step. `tolerance` is relative to the parameter, to its update, and to the update of a
 * gradient of 1. The last is needed because accumulated values keep the rounding errors of the largest gradients after
 * they have become small.
 */
static void check_rule(const rule_case *c, int32_t precision, double tolerance)
{
    rnn_model_options options = make_options(7, 5, 3, 2, precision); /* 143 parameters: not a multiple of any vector */
    scoped_model *model = create_random_model(&options, 0.5, 1);
    scoped_optimizer *optimizer = create_optimizer(model, c);
    random_source source = {1};
    void *flat = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_gradients(model, &flat, &count));
    scoped_memory accumulated *accumulators = allocate(count, sizeof *accumulators);
    scoped_memory double *gradients = allocate(count, sizeof(double));
    scoped_memory double *before = allocate(count, sizeof(double));
    scoped_memory double *after = allocate(count, sizeof(double));
    double learning_rate = c->learning_rate;
    for (int k = 1; k <= STEPS; k++) {
        if (k == STEPS / 2) {
            learning_rate /= 4;
            assert_ok(rnn_optimizer_set_learning_rate(optimizer, learning_rate));
        }
        for (int64_t i = 0; i < count; i++)
            gradients[i] = random_gradient(&source);
        from_doubles(precision, gradients, flat, count);
        to_doubles(precision, flat, gradients, count); /* as rounded */
        get_parameters(model, precision, before);
        assert_ok(rnn_optimizer_step(optimizer, model));
        get_parameters(model, precision, after);
        for (int64_t i = 0; i < count; i++) {
            double expected = apply_rule(c, learning_rate, k, before[i], gradients[i], &accumulators[i]);
            double allowed = tolerance * (fabs(before[i]) + fabs(expected - before[i]) + learning_rate);
            if (!(fabs(after[i] - expected) <= allowed))
                fail_msg("step %d, element %lld: %.17g instead of %.17g", k, (long long)i, after[i], expected);
        }
    }
}

static void is_its_formula_in_float64(void **state)
{
    check_rule(*state, RNN_FLOAT64, 1e-14);
}

static void is_its_formula_in_float32(void **state)
{
    check_rule(*state, RNN_FLOAT32, 2e-6);
}

int main(void)
{
    static char names[2 * CASES][128];
    struct CMUnitTest tests[2 * CASES];
    for (int i = 0; i < 2 * CASES; i++) {
        const rule_case *c = &cases[i / 2];
        snprintf(names[i], sizeof names[i], "%s_in_float%d_is_its_formula", c->name, i % 2 ? 32 : 64);
        tests[i] = (struct CMUnitTest){.name = names[i],
                                       .test_func = i % 2 ? is_its_formula_in_float32 : is_its_formula_in_float64,
                                       .initial_state = (void *)c};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
