/*
 * lstm.c: long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000; no peepholes).
 *
 * h' and c' are h and c of the step before.
 *
 *     i = σ(W_ii x + b_ii + W_hi h' + b_hi)
 *     f = σ(W_if x + b_if + W_hf h' + b_hf)
 *     g = tanh(W_ig x + b_ig + W_hg h' + b_hg)
 *     o = σ(W_io x + b_io + W_ho h' + b_ho)
 *     c = f c' + i g
 *     h = o tanh(c)
 *
 * gates: i, f, g, o.
 */
#include "cell.h"
#include "vector_math.h"

/* Two loops, since o and h must wait for c: so there is more at a time that waits for nothing. */
static void lstm_cell_forward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *i = s->gates + 4 * b * s->width, *f = i + s->width, *g = f + s->width, *o = g + s->width;
        const real *c_prev = s->c_prev + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        real *c = s->c + b * s->width, *h = s->h + b * s->width;
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector in = vector_sigmoid(load(i + j)), forget = vector_sigmoid(load(f + j));
            vector fresh = vector_tanh(load(g + j));
            store(i + j, in);
            store(f + j, forget);
            store(g + j, fresh);
            store(c + j, multiply_add(forget, load(c_prev + j), in * kept(keep, j, fresh)));
        }
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector out = vector_sigmoid(load(o + j));
            store(o + j, out);
            store(h + j, out * vector_tanh(load(c + j)));
        }
    }
}

/*
 * do = tanh(c) dh,  dc += o (1 - tanh²(c)) dh,  di = g dc,  df = c' dc,  dg = i dc,  dc' = f dc; before the
 * non-linearities: σ (1 - σ) and 1 - tanh² of each.
 */
static void lstm_cell_backward(const cell_step *s)
{
    for (size_t b = 0; b < s->streams; b++) {
        real *i = s->gates + 4 * b * s->width, *f = i + s->width, *g = f + s->width, *o = g + s->width;
        const real *c_prev = s->c_prev + b * s->width, *c = s->c + b * s->width, *dh = s->dh + b * s->width;
        const real *keep = s->keep ? s->keep + b * s->width : NULL;
        real *dc = s->dc + b * s->width;
        for (size_t j = 0; j < s->width; j += WIDTH) {
            vector in = load(i + j), forget = load(f + j), fresh = load(g + j), out = load(o + j), dy = load(dh + j);
            vector shown = vector_tanh(load(c + j));
            vector dmemory = multiply_add(out * one_minus_square(shown), dy, load(dc + j));
            vector dcandidate = kept(keep, j, dmemory); /* with dropout c = f c' + i m g */
            store(i + j, in * (1 - in) * (fresh * dcandidate));
            store(f + j, forget * (1 - forget) * (load(c_prev + j) * dmemory));
            store(g + j, one_minus_square(fresh) * (in * dcandidate));
            store(o + j, out * (1 - out) * (shown * dy));
            store(dc + j, forget * dmemory);
        }
    }
}
