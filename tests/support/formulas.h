/*
 * The header's formulas in plain C for every kind of model: forward and backward, in double, one position after the
 * other. The suites compare the library with them.
 */
#ifndef RNN_TESTS_FORMULAS_H
#define RNN_TESTS_FORMULAS_H

#include "support.h"

/* A distance to add to one activation as soon as it is computed, to see what depends on it */
typedef struct nudge {
    int64_t layer, step, stream, unit;
    double distance;
} nudge;

typedef struct formulas {
    rnn_loss loss;
    double *outputs;     /* [T][B][O], or [B][O] with last_only */
    double *losses;      /* [T][B], or [B] with last_only */
    double *activations; /* [L][T][B][H], before dropout; [2 L] with two directions */
    double *state;       /* after the chunk, as get_state() returns it */
    double *gradients;   /* as get_all_gradients() returns them; NULL after run_formulas() */
} formulas;

/*
 * Runs a model forward over a chunk and leaves `start` unchanged. `masks`, [L - 1][T][B][H], multiply each layer's
 * outputs on their way to the next layer; NULL means no dropout. `nudged` may be NULL. The chunk may have `lengths`,
 * `starts` and `last_only`. A state that was reset, and not set since, counts as a state with these values: the initial
 * values get no gradient from it.
 */
formulas run_formulas(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk, const double *masks,
                      const nudge *nudged);

/* Runs forward without dropout, then backward. The chunk must have targets. */
formulas train_formulas(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk);

void free_formulas(formulas *results);

#define scoped_formulas RELEASED_BY(free_formulas) formulas

#endif
