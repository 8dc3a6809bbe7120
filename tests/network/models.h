/*
 * Models to test with, and their parameters and gradients. Used by the suites of models and optimizers.
 */
#ifndef RNN_TESTS_MODELS_H
#define RNN_TESTS_MODELS_H

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

static inline rnn_model_options make_tied_options(int64_t input_size, int64_t embedding_size, int64_t hidden_size,
                                                  int64_t output_size)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, 1, RNN_FLOAT32);
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = embedding_size;
    options.tied = 1;
    return options;
}

/* Runs a random chunk forward and back, so that the model has gradients. */
static inline void run_chunk(rnn_model *model, rnn_state *state, int64_t steps, uint64_t seed)
{
    scoped_chunk chunk = create_random_chunk_for(model, steps, rnn_state_streams(state), 0, seed);
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
}

/* The same from a new state. */
static inline void run_random_chunk(rnn_model *model, int64_t steps, int64_t streams, uint64_t seed)
{
    scoped_state *state = create_state(model, streams);
    run_chunk(model, state, steps, seed);
}

/* The element of a buffer of this precision. */
static inline double element(const void *values, int32_t precision, int64_t index)
{
    return precision == RNN_FLOAT32 ? ((const float *)values)[index] : ((const double *)values)[index];
}

static inline void *flat_gradients(rnn_model *model)
{
    void *gradients = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
    assert_int_equal(count, parameter_total(model));
    return gradients;
}

/* Writes all gradients: as many as the model has parameters, in the order of the flat buffers. */
static inline void set_flat_gradients(rnn_model *model, const double *values)
{
    from_doubles(options_of(model).precision, values, flat_gradients(model), parameter_total(model));
}

/* Sets all gradients to this number. */
static inline void fill_gradients(rnn_model *model, double value)
{
    int64_t count = parameter_total(model);
    scoped_memory double *values = allocate(count, sizeof(double));
    for (int64_t i = 0; i < count; i++)
        values[i] = value;
    set_flat_gradients(model, values);
}

static inline void assert_all_gradients_are_zero(const rnn_model *model)
{
    scoped_memory double *gradients = get_all_gradients(model);
    for (int64_t i = 0, count = parameter_total(model); i < count; i++)
        assert_true(gradients[i] == 0);
}

static inline void assert_same_parameters(const rnn_model *a, const rnn_model *b)
{
    scoped_memory double *of_a = get_all_parameters(a), *of_b = get_all_parameters(b);
    assert_memory_equal(of_a, of_b, (size_t)parameter_total(a) * sizeof(double));
}

#endif
