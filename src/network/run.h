/*
 * run.h: runs a model on a state, for forward passes, training and sampling.
 */
#ifndef RNN_RUN_H
#define RNN_RUN_H

#include "network/chunk.h"

/* Offsets of the copies of the caller's arrays in the memory that a state keeps. */
typedef struct kept_arrays {
    size_t ids, lengths, starts;
} kept_arrays;

/* A call in progress: the state so far and the resources of the call. */
typedef struct rnn_run {
    const rnn_model *model;
    rnn_state *state;
    core_team team;
    void *memory;          /* one block that holds all of the following */
    void *next;            /* the state after the last piece */
    void *outputs;         /* room for as many numbers as librnn_run_begin() was asked for */
    double *position_loss; /* [T][B] losses of a piece */
    uint8_t *hits;         /* [T][B] hits of a piece; or NULL */
    void *workspace;       /* work space of a piece */
    uint8_t *fresh;        /* [B] 1: the stream begins with the chunk; NULL: none does, or it doesn't matter */
    const void *packed, *packed_back;
    bool training;
    growing *kept; /* the state's memory that `memory` belongs to; or NULL */
    kept_arrays kept_at;
    bool started;  /* `next` holds the state */
    bool one_step; /* each piece is one step of one stream, and only its outputs are needed */
} rnn_run;

/* A range of a chunk's steps to run forward. */
typedef struct rnn_piece {
    rnn_chunk chunk;    /* targets are set only if losses are needed */
    void *outputs;      /* [steps][B][O] or NULL */
    int64_t first_step; /* index in the whole chunk, which `lengths` refers to */
} rnn_piece;

/*
 * Begins a call. `largest` is the call's largest piece, and run->outputs has room for `outputs` numbers.
 * training: `model` is not const, and backward() follows. After RNN_OK, call librnn_run_end().
 */
rnn_status librnn_run_begin(rnn_run *run, const rnn_model *model, rnn_state *state, const rnn_piece *largest,
                            bool training, int64_t outputs);
void librnn_run_end(rnn_run *run);

/* Runs a piece forward, continuing after the previous piece. Sets `pass`, which backward() needs. */
void librnn_run_piece(rnn_run *run, const rnn_piece *piece, core_pass *pass);

/* Computes the outputs [B][O] of a state as it is now. */
rnn_status librnn_decode_state(const rnn_model *model, rnn_state *state, void *outputs);

/* Checks that the length of the caller's output array matches the chunk; it must be 0 if the array is NULL. */
rnn_status librnn_check_outputs(const rnn_model *model, const rnn_chunk *chunk, const void *outputs, int64_t count);

#endif
