/*
 * A short training run whose results can be compared bit by bit. It contains no check of cmocka, so threads and forked
 * children may call it too. Used by the suites about threads.
 */
#ifndef RNN_TESTS_TRAINING_H
#define RNN_TESTS_TRAINING_H

#include "scoped.h"

#include <stdbool.h>
#include <stdint.h>

/* Enough work for 16 threads */
enum { TRAINING_STEPS = 16, TRAINING_STREAMS = 32, TRAINING_SYMBOLS = 50, TRAINING_HIDDEN = 96, TRAINING_CHUNKS = 2 };

typedef struct training {
    rnn_status status;
    double losses[TRAINING_CHUNKS];
    uint64_t parameters; /* a hash of the trained parameters */
} training;

static inline bool same_training(const training *a, const training *b)
{
    bool same = a->status == RNN_OK && b->status == RNN_OK && a->parameters == b->parameters;
    for (int n = 0; n < TRAINING_CHUNKS; n++)
        same = same && a->losses[n] == b->losses[n];
    return same;
}

/* FNV-1a */
static inline uint64_t hash_of(const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    return hash;
}

static inline rnn_status run_training(rnn_model *model, rnn_state *state, rnn_optimizer *optimizer, training *result)
{
    int32_t ids[(TRAINING_STEPS + 1) * TRAINING_STREAMS];
    for (int i = 0; i < (TRAINING_STEPS + 1) * TRAINING_STREAMS; i++)
        ids[i] = i * i % TRAINING_SYMBOLS;
    rnn_chunk chunk = {.struct_size = sizeof chunk,
                       .steps = TRAINING_STEPS,
                       .streams = TRAINING_STREAMS,
                       .inputs = ids,
                       .targets = ids + TRAINING_STREAMS};
    rnn_status status = RNN_OK;
    for (int n = 0; n < TRAINING_CHUNKS && status == RNN_OK; n++) {
        rnn_loss loss;
        status = rnn_forward_backward(model, state, &chunk, &loss);
        if (status == RNN_OK)
            status = rnn_model_clip_norm(model, 1, NULL);
        if (status == RNN_OK)
            status = rnn_optimizer_step(optimizer, model);
        if (status == RNN_OK)
            result->losses[n] = loss.sum;
    }
    const void *parameters;
    int64_t count;
    if (status == RNN_OK)
        status = rnn_model_flat_parameters(model, &parameters, &count);
    if (status == RNN_OK)
        result->parameters = hash_of(parameters, (size_t)count * sizeof(float));
    return status;
}

/* Creates an LSTM and trains it with the number of threads that is set. */
static inline training train(void)
{
    training result = {.status = RNN_OK};
    rnn_model_options options;
    scoped_model *model = NULL;
    scoped_state *state = NULL;
    scoped_optimizer *optimizer = NULL;
    result.status = rnn_model_options_init(&options, sizeof options);
    options.cell = RNN_CELL_LSTM;
    options.input_size = options.output_size = TRAINING_SYMBOLS;
    options.hidden_size = TRAINING_HIDDEN;
    options.initialization = RNN_INIT_UNIFORM;
    options.dropout_output = 0.25;
    if (result.status == RNN_OK)
        result.status = rnn_model_create(&options, &model);
    if (result.status == RNN_OK)
        result.status = rnn_state_create(model, TRAINING_STREAMS, &state);
    if (result.status == RNN_OK)
        result.status = rnn_optimizer_create(model, NULL, &optimizer);
    if (result.status == RNN_OK)
        result.status = run_training(model, state, optimizer, &result);
    return result;
}

#endif
