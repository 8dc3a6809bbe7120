/*
 * directions.h: networks that read a chunk in both directions (Schuster and Paliwal, "Bidirectional recurrent neural
 * networks", 1997). Each level has two layers, the second of which reads from each stream's end; both hand on h, side
 * by side.
 *
 * A layer in reverse has its rows in an order of its own, in which its first step is the stream's last one: so it runs
 * as every other layer does, and only what comes in and goes out is put in order. It begins with the initial state at
 * each stream's end.
 */
#ifndef RNN_CORE_PASS_DIRECTIONS_H
#define RNN_CORE_PASS_DIRECTIONS_H

#include "base/share.h"
#include "core/core.h"
#include "core/kernels/real.h"
#include "core/pass/dropout.h"
#include "core/pass/weights.h"
#include "core/pass/workspace.h"

static bool is_reverse(const workspace *w, int64_t layer)
{
    return w->directions > 1 && layer % 2 > 0;
}

/* Where a row of the chunk stands in the order of a layer in reverse, and the other way round. A stream's rows beyond
 * its end stay. */
static size_t reverse_row(const core_pass *pass, size_t row)
{
    size_t streams = (size_t)pass->shape.streams, t = row / streams, b = row % streams;
    size_t length = (size_t)(pass->lengths ? pass->lengths[b] : pass->shape.steps);
    return t < length ? (length - 1 - t) * streams + b : row;
}

static size_t own_row(const core_pass *pass, const workspace *w, int64_t layer, size_t row)
{
    return is_reverse(w, layer) ? reverse_row(pass, row) : row;
}

/*
 * The row of the last layer in reverse that is decoded with a row of the chunk: as a rule, that of the same position.
 * If only a stream's last position counts, the one that has seen as much as that: the first position of the same
 * sequence.
 */
static size_t decoded_in_reverse(const core_pass *pass, size_t row)
{
    size_t streams = (size_t)pass->shape.streams;
    if (pass->last_only)
        while (row >= streams && !(pass->starts && pass->starts[row]))
            row -= streams;
    return reverse_row(pass, row);
}

static const int32_t *ids_of(const core_pass *pass, const workspace *w, int64_t layer)
{
    return is_reverse(w, layer) ? w->both.ids : pass->ids;
}

/* Ids and starts in the reverse order: a stream starts after a sequence's first position, which is the last one now. */
static void begin_reverse(const core_pass *pass, const workspace *w)
{
    for (size_t row = 0; row < w->rows; row++) {
        size_t from = reverse_row(pass, row), after = from + w->streams;
        if (pass->ids)
            w->both.ids[row] = pass->ids[from];
        if (pass->starts)
            w->both.starts[row] = row >= w->streams && after < w->rows && pass->starts[after];
    }
}

/* What a layer in reverse gets from below, for a share of the streams */
static void reverse_input(const core_pass *pass, const workspace *w, int64_t l)
{
    layer_input from = input_of(w, l - 1), to = input_of(w, l);
    size_t end = w->my_streams.first + w->my_streams.count;
    if (!has_input_product(pass->network, l))
        return;
    for (size_t t = 0; t < w->steps; t++)
        for (size_t b = w->my_streams.first; b < end; b++) {
            size_t row = t * w->streams + b;
            memcpy(to.rows + row * to.stride, from.rows + reverse_row(pass, row) * from.stride,
                   to.stride * sizeof(real));
        }
}

/* h of the layer in reverse, and of the one before it, side by side; `row` of the one, `reverse` of the other */
static void join(const workspace *w, int64_t l, size_t row, size_t reverse, real *to)
{
    memcpy(to, h_at(w, l - 1, 1) + row * w->stride, w->hidden * sizeof *to);
    copy_padded(to + w->hidden, h_at(w, l, 1) + reverse * w->stride, w->hidden, w->top_stride - w->hidden);
}

/* What a level hands on to the next, for a share of the streams; `l` is its layer in reverse. */
static void join_level(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t end = w->my_streams.first + w->my_streams.count;
    int64_t level = level_of(pass->network, l);
    for (size_t t = 0; t < w->steps; t++)
        for (size_t b = w->my_streams.first; b < end; b++) {
            size_t row = t * w->streams + b, at = ((size_t)level * w->rows + row) * w->top_stride;
            real *to = w->both.joined + at;
            join(w, l, row, reverse_row(pass, row), to);
            if (w->mask) {
                draw_mask(pass, DROP_BETWEEN, pass->network->dropout.between, level, row, w->features, w->mask + at);
                apply_mask(w->mask + at, to, w->top_stride, to);
            }
        }
}

/* dh of a layer, from that of what its level hands on, for a share of the streams */
static void begin_layer_backwards(const core_pass *pass, const workspace *w, int64_t l)
{
    bool top = level_of(pass->network, l) == level_of(pass->network, pass->network->layers - 1);
    size_t end = w->my_streams.first + w->my_streams.count, mine = is_reverse(w, l) ? w->hidden : 0;
    real *dh = w->dh + w->streams * w->stride;
    for (size_t t = 0; t < w->steps; t++)
        memset(dh + (t * w->streams + w->my_streams.first) * w->stride, 0,
               w->my_streams.count * w->stride * sizeof *dh);
    for (size_t t = 0; t < w->steps; t++)
        for (size_t b = w->my_streams.first; b < end; b++) {
            size_t row = t * w->streams + b, from = row, to = own_row(pass, w, l, row);
            if (top && (w->decoded == 0 || !is_decoded(w, row)))
                continue;
            if (top) {
                from = decoded_of(w, (share){row, 1}).first;
                to = is_reverse(w, l) ? decoded_in_reverse(pass, row) : row;
            }
            memcpy(dh + to * w->stride, (top ? w->dtop : w->both.djoined) + from * w->top_stride + mine,
                   w->hidden * sizeof *dh);
        }
}

/* dx of rows of a layer in reverse through the masks of the positions that these are */
static void apply_mask_in_reverse(const core_pass *pass, const real *mask, share rows, size_t stride, real *dx)
{
    for (size_t row = rows.first; row < rows.first + rows.count; row++, dx += stride)
        apply_mask(mask + reverse_row(pass, row) * stride, dx, stride, dx);
}

/* The gradient of what the level below hands on: of the layer in reverse, which comes first, and then of both. */
static void add_below(const core_pass *pass, const workspace *w, int64_t l, share rows)
{
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        const real *from = w->both.dinput + row * w->top_stride;
        real *to = w->both.dbelow + own_row(pass, w, l, row) * w->top_stride;
        if (is_reverse(w, l))
            memcpy(to, from, w->top_stride * sizeof *to);
        else
            for (size_t j = 0; j < w->top_stride; j += WIDTH)
                store(to + j, load(to + j) + load(from + j));
    }
}

#endif
