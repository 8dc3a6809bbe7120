/*
 * lstm.h: long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000; no peepholes).
 *
 * h' and c' are h and c of the previous step.
 *
 *     i = σ(W_ii x + b_ii + W_hi h' + b_hi)
 *     f = σ(W_if x + b_if + W_hf h' + b_hf)
 *     g = tanh(W_ig x + b_ig + W_hg h' + b_hg)
 *     o = σ(W_io x + b_io + W_ho h' + b_ho)
 *     c = f c' + i g
 *     h = o tanh(c)
 *
 * Order of the gates: i, f, g, o.
 */
#ifndef RNN_CORE_CELLS_LSTM_H
#define RNN_CORE_CELLS_LSTM_H

#include "core/cells/cell.h"
#include "core/kernels/real.h"
#include "core/kernels/vector_math.h"

/*
 * o and h must wait for c, so they are computed in a second loop. This gives the processor more independent work at any
 * time.
 */
static void lstm_cell_forward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *row_i = s->gates + 4 * b * s->width, *row_f = row_i + s->width, *row_g = row_f + s->width;
        real *row_o = row_g + s->width, *row_c = s->c + b * s->width, *row_h = s->h + b * s->width;
        const real *row_c_prev = s->c_prev + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector i = vector_sigmoid(load(row_i + j)), f = vector_sigmoid(load(row_f + j)); /* formula: lstm-if */
            vector g = vector_tanh(load(row_g + j)), c_prev = load(row_c_prev + j);          /* formula: lstm-g */
            store(row_i + j, i);
            store(row_f + j, f);
            store(row_g + j, g);
            /* With dropout c = f c' + i m g. */
            store(row_c + j, multiply_add(f, c_prev, i * kept(keep, j, g))); /* formula: lstm-c */
        }
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector o = vector_sigmoid(load(row_o + j)), c = load(row_c + j); /* formula: lstm-o */
            store(row_o + j, o);
            store(row_h + j, o * vector_tanh(c)); /* formula: lstm-h */
        }
    }
}

/*
 * do = tanh(c) dh,  dc += o (1 - tanh²(c)) dh,  di = g dc,  df = c' dc,  dg = i dc,  dc' = f dc.
 * Before the non-linearities, multiply by σ (1 - σ) or 1 - tanh².
 */
static void lstm_cell_backward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *row_i = s->gates + 4 * b * s->width, *row_f = row_i + s->width, *row_g = row_f + s->width;
        real *row_o = row_g + s->width, *row_dc = s->dc + b * s->width;
        const real *row_c_prev = s->c_prev + b * s->width, *row_c = s->c + b * s->width;
        const real *row_dh = s->dh + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector i = load(row_i + j), f = load(row_f + j), g = load(row_g + j), o = load(row_o + j);
            vector c_prev = load(row_c_prev + j), tanh_c = vector_tanh(load(row_c + j)), dh = load(row_dh + j);
            vector dc = multiply_add(o * one_minus_square(tanh_c), dh, load(row_dc + j)); /* formula: lstm-dc */
            vector m_dc = kept(keep, j, dc);
            store(row_i + j, i * (1 - i) * (g * m_dc));         /* formula: lstm-da-i */
            store(row_f + j, f * (1 - f) * (c_prev * dc));      /* formula: lstm-da-f */
            store(row_g + j, one_minus_square(g) * (i * m_dc)); /* formula: lstm-da-g */
            store(row_o + j, o * (1 - o) * (tanh_c * dh));      /* formula: lstm-da-o */
            store(row_dc + j, f * dc);                          /* formula: lstm-dc-before */
        }
    }
}

#endif
