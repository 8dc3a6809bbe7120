/*
 * cell.h: the interface of a cell to the rest of the core. A cell is one file with the two functions below, and one
 * entry of the table in cells.h.
 */
#ifndef RNN_CORE_CELL_H
#define RNN_CORE_CELL_H

#include "core/core.h"
#include "core/kernels/real.h"

/*
 * One step of one layer, for some of its streams. Each gate takes `width` reals of a row of `gates`, where `width` is H
 * rounded up to whole vectors.
 *
 * Most gates need only the sum of their input product W_ih x and their recurrent product W_hh h'. These gates are
 * called joint. A separate gate, such as the GRU's candidate, needs each of the two products on its own. A row of
 * `gates` has, in this order:
 *
 *     the input products of the separate gates
 *     the sums of both products of the joint gates
 *     the recurrent products of the separate gates
 *
 * Each includes its biases. In this order all input products are adjacent, and so are all recurrent products.
 *
 * The columns beyond H are padding. The padding is zero in the products, in h and c, and in all gradients that a cell
 * reads. The cell must keep it zero in the h, c and gradients that it writes. So a cell must turn zeros into h = 0 and
 * c = 0. (tanh does; σ on its own doesn't.)
 */
typedef struct cell_step {
    size_t streams;
    size_t width;
    real *gates; /* [B][G + separate][width] forward: in, see above; out, activations. backward: out, gradients */
    const real *h_prev; /* [B][width] h of the previous step */
    real *h;            /* [B][width] forward: out */
    const real *c_prev; /* [B][width] c of the previous step; only for cells that have c */
    real *c;            /* [B][width] forward: out */
    const real *dh;     /* [B][width] backward: in */
    real *dh_prev;      /* [B][width] backward: the cell adds the gradient that doesn't flow through W_hh */
    real *dc;           /* [B][width] backward: in, gradient of c; out, gradient of c_prev */
    const real *keep;   /* [B][width] dropout factors of the candidate; NULL: no dropout */
} cell_step;

/* The candidate or its gradient after dropout. `keep` may be NULL. */
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
