/*
 * dropout.h: inverted dropout (Srivastava et al. 2014). Each element is dropped with probability p, and otherwise
 * multiplied by 1 / (1 - p). It applies to inputs, between layers, before the decoder, and to the cells' candidates
 * (Semeniuta et al. 2016).
 *
 * The mask of an element depends only on the seed, the kind, the chunk's index, the layer and the position (t, b). If
 * one mask serves the whole chunk (Gal and Ghahramani 2016), it doesn't depend on t. One block of random bits serves
 * four elements. The counters have space for fewer than 2^18 blocks in a row, 2^24 steps, 2^20 streams and 2^10 layers.
 */
#ifndef RNN_CORE_PASS_DROPOUT_H
#define RNN_CORE_PASS_DROPOUT_H

#include "base/philox.h"
#include "base/share.h"
#include "core/core.h"
#include "core/kernels/real.h"
#include "core/pass/workspace.h"

/* Do not renumber: these numbers determine the masks that a seed gives. */
typedef enum dropout_kind { DROP_BETWEEN, DROP_INPUT, DROP_OUTPUT, DROP_CANDIDATE } dropout_kind;

/* Draws the factors of the `width` elements of a row. The padding gets arbitrary factors. */
static void draw_mask(const core_pass *pass, dropout_kind kind, double p, int64_t l, size_t row, size_t width,
                      real *mask)
{
    uint32_t threshold = (uint32_t)(p * 0x1p32), bits[4];
    real kept = (real)(1 / (1 - p));
    uint64_t seed = pass->seed ^ (uint64_t)kind * UINT64_C(0x9e3779b97f4a7c15);
    uint64_t stream = pass->random_index << 10 | (uint64_t)l, streams = (uint64_t)pass->shape.streams;
    uint64_t t = pass->network->dropout.per_chunk ? 0 : row / streams, position = t << 20 | row % streams;
    size_t j = 0;
    for (; j + 4 <= width; j += 4) {
        philox(seed, stream, position << 18 | j / 4, bits);
        for (size_t k = 0; k < 4; k++)
            mask[j + k] = bits[k] < threshold ? 0 : kept; /* formula: dropout-mask */
    }
    if (j == round_up(width))
        return;
    philox(seed, stream, position << 18 | j / 4, bits);
    for (; j < round_up(width); j++)
        mask[j] = bits[j % 4] < threshold ? 0 : kept;
}

/* to = mask x, for whole vectors. `to` may be x. */
static void apply_mask(const real *mask, const real *x, size_t count, real *to)
{
    for (size_t j = 0; j < count; j += WIDTH)
        store(to + j, load(mask + j) * load(x + j)); /* formula: dropout-apply */
}

static void drop_inputs(const core_pass *pass, const workspace *w, share rows)
{
    const core_network *n = pass->network;
    if (!w->x_mask)
        return;
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        real *mask = w->x_mask + row * w->x_stride, *x = w->x + row * w->x_stride;
        draw_mask(pass, DROP_INPUT, n->dropout.input, 0, row, (size_t)n->layer[0].inputs, mask);
        apply_mask(mask, x, w->x_stride, x);
    }
}

/* Drops elements of a layer's h before they reach the next layer. */
static void drop_between(const core_pass *pass, const workspace *w, int64_t l, share rows)
{
    const core_network *n = pass->network;
    size_t layer = (size_t)l * w->rows * w->stride;
    if (!w->dropped || l == n->layers - 1)
        return;
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        size_t at = layer + row * w->stride;
        draw_mask(pass, DROP_BETWEEN, n->dropout.between, l, row, w->hidden, w->mask + at);
        apply_mask(w->mask + at, h_at(w, l, 1) + row * w->stride, w->stride, w->dropped + at);
    }
}

/* Drops elements of the last level's output at `row`, which is row `at` of `top`. */
static void drop_output(const core_pass *pass, const workspace *w, size_t row, size_t at)
{
    if (!w->top_mask)
        return;
    real *mask = w->top_mask + at * w->top_stride, *top = w->top + at * w->top_stride;
    draw_mask(pass, DROP_OUTPUT, pass->network->dropout.output, 0, row, w->features, mask);
    apply_mask(mask, top, w->top_stride, top);
}

/* Draws the masks for the cells' candidates, for some rows. */
static void draw_candidates(const core_pass *pass, const workspace *w, int64_t l, share rows)
{
    double p = pass->network->dropout.candidate;
    if (!w->keep)
        return;
    for (size_t row = rows.first; row < rows.first + rows.count; row++)
        draw_mask(pass, DROP_CANDIDATE, p, l, row, w->hidden, keep_at(w, l, 0) + row * w->stride);
}

#endif
