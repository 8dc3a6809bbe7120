/*
 * Optimizers to test with. Used by the suites of optimizers.
 */
#ifndef RNN_TESTS_OPTIMIZERS_H
#define RNN_TESTS_OPTIMIZERS_H

#include "models.h"

enum {
    ADAGRAD = RNN_OPTIMIZER_ADAGRAD,
    SGD = RNN_OPTIMIZER_SGD,
    RMSPROP = RNN_OPTIMIZER_RMSPROP,
    ADAM = RNN_OPTIMIZER_ADAM,
    ADAMW = RNN_OPTIMIZER_ADAMW,
    RULES,
};

static inline rnn_optimizer_options usual_options(int32_t rule)
{
    rnn_optimizer_options options;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, rule));
    return options;
}

/* `options` may be NULL. */
static inline rnn_optimizer *create_optimizer(const rnn_model *model, const rnn_optimizer_options *options)
{
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_create(model, options, &optimizer));
    assert_non_null(optimizer);
    return optimizer;
}

enum { RULE_CASES = 10 };

/* Rules with and without decay and momentum. Some may skip parameters without a gradient, the others must not. */
static inline rnn_optimizer_options options_of_case(int number)
{
    static const struct {
        int32_t rule;
        double weight_decay, momentum;
    } rules[RULE_CASES] = {{ADAGRAD, 0, 0}, {ADAGRAD, 0.1, 0}, {SGD, 0, 0},       {SGD, 0.1, 0}, {SGD, 0, 0.9},
                           {RMSPROP, 0, 0}, {RMSPROP, 0, 0.9}, {RMSPROP, 0.1, 0}, {ADAM, 0, 0},  {ADAMW, 0.1, 0}};
    rnn_optimizer_options options = usual_options(rules[number].rule);
    options.weight_decay = rules[number].weight_decay;
    options.momentum = rules[number].momentum;
    return options;
}

#endif
