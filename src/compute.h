/*
 * compute.h: running a model on a state, for sampling.
 */
#ifndef RNN_COMPUTE_H
#define RNN_COMPUTE_H

#include "state.h"

/* Some steps of a chunk to run forward. */
typedef struct rnn_piece {
    rnn_chunk chunk; /* targets: only if their losses are wanted */
    bool training;
    bool first;    /* starts from the state; the others of a call go on where the one before ended */
    void *outputs; /* [steps][B][O] or NULL */
} rnn_piece;

/* Runs a piece; `pass` is what backward() needs. The state's `next` holds the end; nothing is committed. */
rnn_status rnn_run_piece(const rnn_model *model, rnn_state *state, const rnn_piece *piece, core_pass *pass);

/* RNN_ERROR_SYMBOL "inputs[7] is 70; it must be 0 to 64" */
rnn_status rnn_check_ids(const char *name, const int32_t *ids, size_t count, int32_t least, int64_t size);

#endif
