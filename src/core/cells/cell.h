/*
 * cell.h: what a cell is to the rest of the core. A cell is one file with the two functions below, and one entry in the
 * table in cells.h.
 */
#ifndef RNN_CORE_CELL_H
#define RNN_CORE_CELL_H

#include "core/core.h"
#include "core/kernels/real.h"

/*
 * One step of one layer, for some of its streams. A row of `gates` has `width` = H rounded up to whole vectors for each
 * gate, and in this order:
 *
 *     the input products of the gates that are apart; the sums of both products of the other gates; the recurrent
 *     products of the gates that are apart
 *
 * with the biases of each. So the input products stand side by side, and the recurrent ones do.
 *
 * What is beyond H is zero in the products, h, c and all gradients that a cell reads, and must be zero in the h, c and
 * gradients that it writes: so a cell turns zeros into h = 0 and c = 0 (tanh does, σ alone would not).
 */
typedef struct cell_step {
    size_t streams;
    size_t width;
    real *gates;        /* [B][G + apart][width] forward: in, as above; out, activations. backward: out, gradients */
    const real *h_prev; /* [B][width] */
    real *h;            /* [B][width] forward: out */
    const real *c_prev; /* [B][width] second part of the state, of cells that have one */
    real *c;            /* [B][width] forward: out */
    const real *dh;     /* [B][width] backward: in */
    real *dh_prev;      /* [B][width] backward: what doesn't come through W_hh is added here */
    real *dc;           /* [B][width] backward: in, gradient of c; out, of c_prev */
    const real *keep;   /* [B][width] dropout: what the candidate is multiplied by; NULL: 1 */
} cell_step;

/* The candidate, or its gradient, as dropout leaves it; `keep` may be NULL */
INLINE vector kept(const real *keep, size_t at, vector candidate)
{
    if (keep)
        candidate *= load(keep + at); /* formula: dropout-candidate */
    return candidate;
}

typedef struct core_cell {
    core_cell_info info;
    void (*forward)(const cell_step *step);
    void (*backward)(const cell_step *step);
} core_cell;

#endif
