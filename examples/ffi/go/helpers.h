/*
 * helpers.h: calls that take a struct, for Go. cgo doesn't let C read a struct in Go's memory that points to Go's
 * memory. So these functions take the arrays as arguments and fill the structs in C.
 */
#ifndef RNN_GO_HELPERS_H
#define RNN_GO_HELPERS_H

#include <rnn/rnn.h>
#include <stdlib.h>

typedef struct go_chunk {
    int64_t steps, streams;
    int32_t last_only;
} go_chunk;

static inline rnn_status go_fill(rnn_chunk *chunk, const go_chunk *shape, const int32_t *inputs, const int32_t *targets,
                                 const void *input_vectors, const void *target_vectors, const int64_t *lengths)
{
    rnn_status status = rnn_chunk_init(chunk, sizeof *chunk);
    chunk->steps = shape->steps;
    chunk->streams = shape->streams;
    chunk->last_only = shape->last_only;
    chunk->inputs = inputs;
    chunk->targets = targets;
    chunk->input_vectors = input_vectors;
    chunk->target_vectors = target_vectors;
    chunk->lengths = lengths;
    return status;
}

static inline rnn_status go_forward(const rnn_model *model, rnn_state *state, const go_chunk *shape,
                                    const int32_t *inputs, const int32_t *targets, const void *input_vectors,
                                    const void *target_vectors, const int64_t *lengths, void *outputs, int64_t count,
                                    rnn_loss *loss)
{
    rnn_chunk chunk;
    rnn_status status = go_fill(&chunk, shape, inputs, targets, input_vectors, target_vectors, lengths);
    return status == RNN_OK ? rnn_forward(model, state, &chunk, outputs, count, loss) : status;
}

static inline rnn_status go_forward_backward(rnn_model *model, rnn_state *state, const go_chunk *shape,
                                             const int32_t *inputs, const int32_t *targets, const void *input_vectors,
                                             const void *target_vectors, const int64_t *lengths, rnn_loss *loss)
{
    rnn_chunk chunk;
    rnn_status status = go_fill(&chunk, shape, inputs, targets, input_vectors, target_vectors, lengths);
    return status == RNN_OK ? rnn_forward_backward(model, state, &chunk, loss) : status;
}

static inline rnn_status go_next(rnn_corpus *corpus, rnn_chunk *chunk, int32_t *restarted)
{
    rnn_status status = rnn_chunk_init(chunk, sizeof *chunk);
    return status == RNN_OK ? rnn_corpus_next(corpus, chunk, restarted) : status;
}

static inline rnn_status go_generate(const rnn_model *model, rnn_state *state, rnn_sampler *sampler,
                                     const int32_t *prompt, int64_t steps, int64_t most, int32_t stop, int32_t *ids,
                                     int64_t *counts, double *log_probabilities)
{
    rnn_generate_options options;
    rnn_status status = rnn_generate_options_init(&options, sizeof options);
    options.prompt = prompt;
    options.prompt_steps = steps;
    options.most = most;
    options.stop = stop;
    return status == RNN_OK ? rnn_generate(model, state, sampler, &options, ids, counts, log_probabilities) : status;
}

static inline rnn_status go_sampler(rnn_sampler_options *options, const int32_t *excluded, int64_t count,
                                    const rnn_vocab *vocab, rnn_sampler **sampler)
{
    rnn_sampler_options filled = *options;
    filled.excluded = excluded;
    filled.excluded_count = count;
    filled.vocab = vocab;
    return rnn_sampler_create(&filled, sampler);
}

static inline rnn_status go_load(const char *path, const void *bytes, size_t size, int32_t precision, rnn_model **model,
                                 rnn_vocab **vocab)
{
    rnn_load_options options;
    rnn_status status = rnn_load_options_init(&options, sizeof options);
    options.precision = precision;
    if (status != RNN_OK)
        return status;
    return path ? rnn_model_load(path, &options, model, vocab)
                : rnn_model_load_from_memory(bytes, size, &options, model, vocab);
}

#endif
