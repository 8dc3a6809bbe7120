/*
 * The formulas of the header in plain C, for every kind of model: forward and backward, in double, one position after
 * the other. What the library computes is compared with this.
 */
#ifndef RNN_TESTS_FORMULAS_H
#define RNN_TESTS_FORMULAS_H

#include "support.h"

/* Something to add to one activation as soon as it is computed, to see what depends on it. */
typedef struct nudge {
    int64_t layer, step, stream, unit;
    double distance;
} nudge;

typedef struct formulas {
    rnn_loss loss;
    double *outputs;     /* [T][B][O] */
    double *activations; /* [L][T][B][H], before dropout */
    double *state;       /* after the chunk, as get_state() returns it */
    double *gradients;   /* as get_all_gradients() returns them; NULL after run_formulas() */
} formulas;

/*
 * Runs a model forward over a chunk, from a state that stays. `masks` are what the layers' outputs are multiplied by on
 * their way up, [L - 1][T][B][H]; NULL for no dropout. `nudged` may be NULL.
 */
formulas run_formulas(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk, const double *masks,
                      const nudge *nudged);

/* The same without dropout, and the way back. The chunk must have targets. */
formulas train_formulas(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk);

void free_formulas(formulas *results);

#define scoped_formulas RELEASED_BY(free_formulas) formulas

#endif
