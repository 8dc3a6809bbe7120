/*
 * run.h: running a model on a state, for sampling.
 */
#ifndef RNN_RUN_H
#define RNN_RUN_H

#include "network/chunk.h"

/* Where copies of the caller's arrays begin in what a state keeps */
typedef struct kept_arrays {
    size_t ids, lengths, starts;
} kept_arrays;

/* A call under way: the state as far as it has come, and what it computes with. */
typedef struct rnn_run {
    const rnn_model *model;
    rnn_state *state;
    core_team team;
    void *memory;          /* all of what follows */
    void *next;            /* the state after the last piece */
    void *outputs;         /* as many numbers as librnn_run_begin() was asked for */
    double *position_loss; /* [T][B] of a piece */
    uint8_t *hits;         /* the same; NULL: not wanted */
    void *workspace;       /* of a piece */
    uint8_t *fresh;        /* [B] streams that begin with the chunk; NULL: none, or it doesn't matter */
    const void *packed, *packed_back;
    bool training;
    growing *kept; /* what holds the memory, if that is a state's; or NULL */
    kept_arrays kept_at;
    bool started;  /* `next` holds the state */
    bool one_step; /* pieces are of one step and one stream, of which nothing but outputs are wanted */
} rnn_run;

/* Some steps of a chunk to run forward. */
typedef struct rnn_piece {
    rnn_chunk chunk;    /* targets: only if their losses are wanted */
    void *outputs;      /* [steps][B][O] or NULL */
    int64_t first_step; /* of the whole chunk, which `lengths` refers to */
} rnn_piece;

/*
 * Begins a call whose largest piece is `largest`, with room for `outputs` numbers. training: `model` is not const, and
 * backward() follows. After RNN_OK, end the run.
 */
rnn_status librnn_run_begin(rnn_run *run, const rnn_model *model, rnn_state *state, const rnn_piece *largest,
                            bool training, int64_t outputs);
void librnn_run_end(rnn_run *run);

/* Runs a piece forward, from where the one before has ended; `pass` is what backward() needs. */
void librnn_run_piece(rnn_run *run, const rnn_piece *piece, core_pass *pass);

/* The outputs [B][O] that follow from a state as it is */
rnn_status librnn_decode_state(const rnn_model *model, rnn_state *state, void *outputs);

/* Whether a caller's array of outputs has the length that a chunk's have; 0, if it is NULL. */
rnn_status librnn_check_outputs(const rnn_model *model, const rnn_chunk *chunk, const void *outputs, int64_t count);

#endif
