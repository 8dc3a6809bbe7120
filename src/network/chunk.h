/*
 * chunk.h: reads and checks the chunk that a caller passes.
 */
#ifndef RNN_CHUNK_H
#define RNN_CHUNK_H

#include "network/state.h"

/* A chunk that has been checked. Its pointers are the caller's, or point into `memory`. */
typedef struct chunk_reading {
    rnn_chunk chunk; /* `lengths` is set if `last_only` is. The targets are NULL if they weren't requested. */
    void *memory;
} chunk_reading;

/*
 * Reads a chunk and checks it against the model and against the state that it runs on. targets: the caller needs the
 * targets. They are also read if the chunk asks for losses or hits. After RNN_OK, call librnn_chunk_forget().
 */
rnn_status librnn_chunk_read(const rnn_model *model, const rnn_state *state, const rnn_chunk *given, bool targets,
                             chunk_reading *reading);

/* Reads a chunk without its inputs, which may hold anything, and checks the targets. */
rnn_status librnn_chunk_read_targets(const rnn_model *model, const rnn_chunk *given, chunk_reading *reading);
void librnn_chunk_forget(chunk_reading *reading);

/* A range of a chunk's steps, as a chunk. Its `lengths` still count from the first step of the whole chunk. */
rnn_chunk librnn_chunk_steps(const rnn_model *model, const rnn_chunk *chunk, int64_t first, int64_t count);

/* The number of rows of outputs and targets: one per position, or one per stream if only the last positions count. */
int64_t librnn_chunk_places(const rnn_chunk *chunk);

/* Checks ids. Fails with RNN_ERROR_SYMBOL, for example "inputs[7] is 70; it must be 0 to 64". */
rnn_status librnn_check_ids(const char *name, const int32_t *ids, size_t count, int32_t least, int64_t size);

#endif
