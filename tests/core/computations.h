/* A model, a state and a chunk, and the results of a pass over the chunk. Used by test_compute.c and its refusals. */
#ifndef RNN_TESTS_COMPUTATIONS_H
#define RNN_TESTS_COMPUTATIONS_H

#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * A model, a state that isn't zero, and a chunk. The larger H is, the smaller the parameters, so that the input of a
 * unit stays where tanh is neither linear nor saturated.
 */
typedef struct fixture {
    rnn_model_options options;
    rnn_model *model;
    rnn_state *state;
    owned_chunk chunk;
} fixture;

static inline fixture create_fixture(const rnn_model_options *options, int64_t steps, int64_t streams,
                                     double ignored_share)
{
    fixture made = {.options = *options};
    made.model = create_random_model(options, fmin(1, 1.5 / sqrt((double)options->hidden_size)), 11);
    made.state = create_random_state(made.model, streams, 0.9, 12);
    made.chunk = create_random_chunk(steps, streams, options->input_size, options->output_size, ignored_share, 13);
    return made;
}

static inline void destroy_fixture(fixture *f)
{
    destroy_chunk(&f->chunk);
    rnn_state_destroy(f->state);
    rnn_model_destroy(f->model);
}

#define scoped_fixture RELEASED_BY(destroy_fixture) fixture

/* Each test runs on every kind of model. */
static const struct kind {
    const char *name;
    int32_t cell, input, bias;
    int64_t embedding_size;
} kinds[] = {
    {"compute: tanh", RNN_CELL_TANH, RNN_INPUT_IDS, RNN_BIAS_INPUT, 0},
    {"compute: gru", RNN_CELL_GRU, RNN_INPUT_EMBEDDING, RNN_BIAS_BOTH, 11},
    {"compute: lstm", RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_BIAS_INPUT, 0},
};

static const struct kind *kind; /* the current one */

static inline rnn_model_options make_kind_options(int64_t input_size, int64_t hidden_size, int64_t output_size,
                                                  int64_t layers, int32_t precision)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    options.cell = kind->cell;
    options.input = kind->input;
    options.bias = kind->bias;
    options.embedding_size = kind->embedding_size;
    return options;
}

/* Two layers, four streams, ten steps */
static inline fixture create_small_fixture(int32_t precision, int32_t reduction, double ignored_share)
{
    rnn_model_options options = make_kind_options(9, 13, 6, 2, precision);
    options.reduction = reduction;
    return create_fixture(&options, 10, 4, ignored_share);
}

static inline rnn_state *copy_state(const fixture *f)
{
    rnn_state *copy = create_state(f->model, rnn_state_streams(f->state));
    assert_ok(rnn_state_copy(copy, f->state));
    return copy;
}

/* The results of a pass over a chunk, as doubles */
typedef struct results {
    rnn_loss loss;
    double *state;     /* as get_state() returns it */
    double *gradients; /* of all parameters */
    int64_t state_count, gradient_count;
} results;

static inline void free_results(results *r)
{
    free(r->state);
    free(r->gradients);
}

#define scoped_results RELEASED_BY(free_results) results

/* Runs a chunk from a copy of `start`. The gradients are those of this chunk alone; the model's are zeros afterwards.
 */
static inline results run_forward_backward(rnn_model *model, const rnn_state *start, const rnn_chunk *chunk)
{
    results got = {0};
    scoped_state *state = create_state(model, rnn_state_streams(start));
    assert_ok(rnn_state_copy(state, start));
    assert_ok(rnn_model_zero_gradients(model));
    assert_ok(rnn_forward_backward(model, state, chunk, &got.loss));
    got.state = get_state(model, state);
    got.state_count = state_total(model, state);
    got.gradients = get_all_gradients(model);
    got.gradient_count = parameter_total(model);
    assert_ok(rnn_model_zero_gradients(model));
    return got;
}

static inline void assert_zero(const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        assert_true(values[i] == 0);
}

/* The forward pass from the fixture's state, on the state `work` */
static inline double loss_from(const rnn_model *model, rnn_state *work, const fixture *f)
{
    rnn_loss loss = {0};
    assert_ok(rnn_state_copy(work, f->state));
    assert_ok(rnn_forward(model, work, &f->chunk.chunk, NULL, 0, &loss));
    return loss.sum;
}

static inline double fresh_loss(const rnn_model *model, const fixture *f)
{
    scoped_state *work = create_state(model, f->chunk.chunk.streams);
    return loss_from(model, work, f);
}

#endif
