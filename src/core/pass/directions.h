/*
 * directions.h: networks that read a chunk in both directions (Schuster and Paliwal, "Bidirectional recurrent neural
 * networks", 1997). Each level has two layers, and the second one reads each stream from its end. The level's output is
 * h of both, side by side.
 *
 * A layer in reverse stores its rows in its own order, in which step 0 is the stream's last position. So it runs like
 * any other layer, and only its input and output are reordered. It begins with the initial state at each stream's end.
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

/*
 * Converts a row from the chunk's order to that of a layer in reverse, or back. Rows after a stream's end stay in
 * place.
 */
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
 * The row of the last layer in reverse that is decoded together with a row of the chunk. Usually it is the row of the
 * same position. With last_only it is the first position of the same sequence: there the layer in reverse has seen the
 * whole sequence, as the forward layer has at its last position.
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

/*
 * Puts ids and starts into reverse order. In that order, a position starts a sequence if the position after it in the
 * chunk starts one.
 */
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

/* Reorders the input of a layer in reverse, for a share of the streams. */
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

/*
 * Joins h of the layer in reverse and of the layer before it, side by side. `row` is the row of the forward layer,
 * `reverse` that of the layer in reverse.
 */
static void join(const workspace *w, int64_t l, size_t row, size_t reverse, real *to)
{
    memcpy(to, h_at(w, l - 1, 1) + row * w->stride, w->hidden * sizeof *to);
    /* formula: directions-join */
    copy_padded(to + w->hidden, h_at(w, l, 1) + reverse * w->stride, w->hidden, w->top_stride - w->hidden);
}

/* Computes a level's output, for a share of the streams. `l` is the level's layer in reverse. */
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

/* Initialises dh of a layer from the gradient of its level's output, for a share of the streams. */
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

/* Multiplies dx of a layer in reverse by the masks. The masks are in the chunk's order. */
static void apply_mask_in_reverse(const core_pass *pass, const real *mask, share rows, size_t stride, real *dx)
{
    for (size_t row = rows.first; row < rows.first + rows.count; row++, dx += stride)
        apply_mask(mask + reverse_row(pass, row) * stride, dx, stride, dx);
}

/*
 * Adds a layer's part to the gradient of the output of the level below. The layer in reverse comes first and overwrites
 * the old values; the other layer adds its part.
 */
static void add_below(const core_pass *pass, const workspace *w, int64_t l, share rows)
{
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        const real *from = w->both.dinput + row * w->top_stride;
        real *to = w->both.dbelow + own_row(pass, w, l, row) * w->top_stride;
        if (is_reverse(w, l))
            memcpy(to, from, w->top_stride * sizeof *to);
        else
            for (size_t j = 0; j < w->top_stride; j += WIDTH)
                store(to + j, load(to + j) + load(from + j)); /* formula: directions-dx */
    }
}

#endif
