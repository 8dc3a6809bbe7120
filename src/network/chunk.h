/*
 * chunk.h: reading what a caller gives for one pass.
 */
#ifndef RNN_CHUNK_H
#define RNN_CHUNK_H

#include "network/state.h"

/* A chunk that has been checked; what it points to is the caller's, or in `memory`. */
typedef struct chunk_reading {
    rnn_chunk chunk; /* `lengths` is there if `last_only` is; `targets` and so on only where they are wanted */
    void *memory;
} chunk_reading;

/*
 * Reads a chunk and checks it against the model and the state that it is to run on. targets: they are wanted; they are
 * in any case if the chunk asks for losses or hits. After RNN_OK, forget it.
 */
rnn_status librnn_chunk_read(const rnn_model *model, const rnn_state *state, const rnn_chunk *given, bool targets,
                             chunk_reading *reading);

/* Reads the targets of a chunk, with lengths and so on, and checks them; what it has as inputs is not looked at. */
rnn_status librnn_chunk_read_targets(const rnn_model *model, const rnn_chunk *given, chunk_reading *reading);
void librnn_chunk_forget(chunk_reading *reading);

/* Some steps of a chunk, as a chunk; its `lengths` still count from the whole one's first step. */
rnn_chunk librnn_chunk_steps(const rnn_model *model, const rnn_chunk *chunk, int64_t first, int64_t count);

/* How many rows outputs and targets have: one a position, or, if only the last ones count, one a stream */
int64_t librnn_chunk_places(const rnn_chunk *chunk);

/* RNN_ERROR_SYMBOL "inputs[7] is 70; it must be 0 to 64" */
rnn_status librnn_check_ids(const char *name, const int32_t *ids, size_t count, int32_t least, int64_t size);

#endif
