/*
 * Models to test with, and their numbers. Used by the suites of models and their parameters.
 */
#ifndef RNN_TESTS_MODELS_H
#define RNN_TESTS_MODELS_H

#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

static inline rnn_model *create(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                                int32_t precision)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    return create_model(&options);
}

/* Runs a random chunk forward and back from a state of zeros, so that the model has gradients. */
static inline void run_random_chunk(rnn_model *model, int64_t steps, int64_t streams, uint64_t seed)
{
    rnn_model_options options = options_of(model);
    rnn_state *state = create_state(model, streams);
    owned_chunk chunk = create_random_chunk(steps, streams, options.input_size, options.output_size, 0, seed);
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
    destroy_chunk(&chunk);
    rnn_state_destroy(state);
}

static inline rnn_model_options make_tied_options(int64_t input_size, int64_t embedding_size, int64_t hidden_size,
                                                  int64_t output_size)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, 1, RNN_FLOAT32);
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = embedding_size;
    options.tied = 1;
    return options;
}

/* The element of a buffer of the model's precision. */
static inline double element(const void *values, int32_t precision, int64_t index)
{
    return precision == RNN_FLOAT32 ? ((const float *)values)[index] : ((const double *)values)[index];
}

#endif
