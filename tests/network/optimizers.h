/*
 * Models and optimizers to test with. Used by the suites of optimizers.
 */
#ifndef RNN_TESTS_OPTIMIZERS_H
#define RNN_TESTS_OPTIMIZERS_H

#include "support.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

static inline rnn_model *create(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
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

static inline rnn_optimizer_options usual_options(int32_t rule)
{
    rnn_optimizer_options options;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, rule));
    return options;
}

static inline rnn_optimizer *create_optimizer_of(const rnn_model *model, const rnn_optimizer_options *options)
{
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_create(model, options, &optimizer));
    assert_non_null(optimizer);
    return optimizer;
}

/* Adagrad */
static inline rnn_optimizer *create_optimizer(const rnn_model *model, double learning_rate, double epsilon)
{
    rnn_optimizer_options options = usual_options(ADAGRAD);
    options.learning_rate = learning_rate;
    options.epsilon = epsilon;
    return create_optimizer_of(model, &options);
}

/* Writes all gradients: as many as the model has parameters, in the order of the flat buffers. */
static inline void set_flat_gradients(rnn_model *model, const double *values)
{
    void *gradients = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
    from_doubles(options_of(model).precision, values, gradients, count);
}

static inline void run_chunk(rnn_model *model, rnn_state *state, int64_t steps, uint64_t seed)
{
    owned_chunk chunk = create_random_chunk_for(model, steps, rnn_state_streams(state), 0, seed);
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
    destroy_chunk(&chunk);
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

/* Rules with and without decay and momentum: those that pass over what has no gradient, and those that mustn't. */
static inline rnn_optimizer_options options_of_case(int number)
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

#endif
