/*
 * cell.h: what a cell is to the rest of the core. A cell is one file with the two functions below, and one entry in the
 * table in core.c.
 */
#ifndef RNN_CORE_CELL_H
#define RNN_CORE_CELL_H

#include "core.h"
#include "real.h"

/*
 * One step of one layer, for some of its streams. Rows of `width` = H rounded up to whole vectors; what is beyond H is
 * zero in h, c and their gradients and stays zero.
 */
typedef struct cell_step {
    size_t streams;
    size_t width;
    real *gates;        /* [B][G][width] forward: in, the products; out, the activations. backward: out, d gates */
    const real *h_prev; /* [B][width] */
    real *h;            /* [B][width] forward: out */
    real *dh_prev;      /* [B][width] backward: what doesn't come through W_hh is added here */
    const real *dh;     /* [B][width] backward: in */
} cell_step;

typedef struct cell {
    core_cell_info info;
    void (*forward)(const cell_step *step);
    void (*backward)(const cell_step *step);
} cell;

#endif
