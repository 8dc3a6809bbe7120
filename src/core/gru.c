/*
 * gru.c: the gated recurrent unit, in the form of PyTorch and cuDNN (Cho et al. 2014, with the reset gate behind the
 * recurrent product).
 *
 * h' is h of the step before.
 *
 *     r = σ(W_ir x + b_ir + W_hr h' + b_hr)
 *     z = σ(W_iz x + b_iz + W_hz h' + b_hz)
 *     q = W_hn h' + b_hn
 *     n = tanh(W_in x + b_in + r q)
 *     h = (1 - z) n + z h'
 *
 * gates: n, r, z, q.
 */
#include "cell.h"
#include "vector_math.h"

/* Two loops, since n must wait for r: so there is more at a time that waits for nothing. */
static void gru_cell_forward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *n = s->gates + 4 * b * s->width, *r = n + s->width, *z = r + s->width;
        const real *q = z + s->width, *h_prev = s->h_prev + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        real *h = s->h + b * s->width;
        for (size_t j = 0; j < 2 * s->width; j += WIDTH) /* z stands behind r */
            store(r + j, vector_sigmoid(load(r + j)));
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector fresh = vector_tanh(multiply_add(load(r + j), load(q + j), load(n + j)));
            vector candidate = kept(keep, j, fresh); /* with dropout h = (1 - z) m n + z h' */
            store(n + j, fresh);
            store(h + j, multiply_add(load(z + j), load(h_prev + j) - candidate, candidate));
        }
    }
}

/*
 * dn = (1 - z) dh,  dz = (h' - n) dh,  dh' = z dh + what comes through q, r and z; before the non-linearities:
 * (1 - n²) dn,  z (1 - z) dz,  dq = r (1 - n²) dn,  r (1 - r) q (1 - n²) dn.
 */
static void gru_cell_backward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *n = s->gates + 4 * b * s->width, *r = n + s->width, *z = r + s->width, *q = z + s->width;
        const real *h_prev = s->h_prev + b * s->width, *dh = s->dh + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        real *dh_prev = s->dh_prev + b * s->width;
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector reset = load(r + j), update = load(z + j), fresh = load(n + j), dy = load(dh + j);
            vector dn = one_minus_square(fresh) * kept(keep, j, (1 - update) * dy);
            store(n + j, dn);
            store(r + j, reset * (1 - reset) * (load(q + j) * dn));
            store(z + j, update * (1 - update) * ((load(h_prev + j) - kept(keep, j, fresh)) * dy));
            store(q + j, reset * dn);
            store(dh_prev + j, multiply_add(update, dy, load(dh_prev + j)));
        }
    }
}
