/*
 * tanh.h: the vanilla RNN cell (Elman 1990, with tanh).
 *
 * h' is h of the previous step.
 *
 *     a = W_ih x + b_ih + W_hh h' + b_hh
 *     h = tanh(a)
 *
 * The forward pass reads a from `gates`, whose contents are undefined afterwards.
 */
#ifndef RNN_CORE_CELLS_TANH_H
#define RNN_CORE_CELLS_TANH_H

#include "core/cells/cell.h"
#include "core/kernels/real.h"
#include "core/kernels/vector_math.h"

static void tanh_cell_forward(const cell_step *s)
{
    for (size_t i = 0; i < s->streams * s->width; i += WIDTH)
        store(s->h + i, vector_tanh(load(s->gates + i))); /* formula: tanh-h */
}

/* da = (1 - h²) dh */
static void tanh_cell_backward(const cell_step *s)
{
    for (size_t i = 0; i < s->streams * s->width; i += WIDTH) {
        vector h = load(s->h + i);
        store(s->gates + i, one_minus_square(h) * load(s->dh + i)); /* formula: tanh-da */
    }
}

#endif
