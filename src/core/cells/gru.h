/*
 * gru.h: the gated recurrent unit, in the form of PyTorch and cuDNN (Cho et al. 2014, with the reset gate applied after
 * the recurrent product).
 *
 * h' is h of the previous step.
 *
 *     r = σ(W_ir x + b_ir + W_hr h' + b_hr)
 *     z = σ(W_iz x + b_iz + W_hz h' + b_hz)
 *     q = W_hn h' + b_hn
 *     n = tanh(W_in x + b_in + r q)
 *     h = (1 - z) n + z h'
 *
 * Order of the gates: n, r, z, q.
 */
#ifndef RNN_CORE_CELLS_GRU_H
#define RNN_CORE_CELLS_GRU_H

#include "core/cells/cell.h"
#include "core/kernels/real.h"
#include "core/kernels/vector_math.h"

/*
 * n must wait for r, so r and n are computed in separate loops. This gives the processor more independent work at any
 * time.
 */
static void gru_cell_forward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *row_n = s->gates + 4 * b * s->width, *row_r = row_n + s->width, *row_z = row_r + s->width;
        const real *row_q = row_z + s->width, *row_h_prev = s->h_prev + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        real *row_h = s->h + b * s->width;
        /* r and z are adjacent, so this loop computes both. */
        for (size_t j = 0; j < 2 * s->width; j += WIDTH)
            store(row_r + j, vector_sigmoid(load(row_r + j))); /* formula: gru-rz */
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector r = load(row_r + j), z = load(row_z + j), q = load(row_q + j), h_prev = load(row_h_prev + j);
            vector n = vector_tanh(multiply_add(r, q, load(row_n + j))); /* formula: gru-n */
            /* With dropout h = (1 - z) m n + z h'. */
            vector mn = kept(keep, j, n);
            store(row_n + j, n);
            store(row_h + j, multiply_add(z, h_prev - mn, mn)); /* formula: gru-h */
        }
    }
}

/*
 * dn = (1 - z) dh,  dz = (h' - n) dh,  dh' = z dh + the gradients through q, r and z.
 * Before the non-linearities: (1 - n²) dn,  z (1 - z) dz,  dq = r (1 - n²) dn,  r (1 - r) q (1 - n²) dn.
 */
static void gru_cell_backward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *row_n = s->gates + 4 * b * s->width, *row_r = row_n + s->width, *row_z = row_r + s->width;
        real *row_q = row_z + s->width, *row_dh_prev = s->dh_prev + b * s->width;
        const real *row_h_prev = s->h_prev + b * s->width, *row_dh = s->dh + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector r = load(row_r + j), z = load(row_z + j), n = load(row_n + j), q = load(row_q + j);
            vector h_prev = load(row_h_prev + j), dh = load(row_dh + j);
            vector da_n = one_minus_square(n) * kept(keep, j, (1 - z) * dh); /* formula: gru-da-n */
            store(row_n + j, da_n);
            store(row_r + j, r * (1 - r) * (q * da_n));                         /* formula: gru-da-r */
            store(row_z + j, z * (1 - z) * ((h_prev - kept(keep, j, n)) * dh)); /* formula: gru-da-z */
            store(row_q + j, r * da_n);                                         /* formula: gru-dq */
            store(row_dh_prev + j, multiply_add(z, dh, load(row_dh_prev + j))); /* formula: gru-dh */
        }
    }
}

#endif
