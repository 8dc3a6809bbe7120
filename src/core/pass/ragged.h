/*
 * ragged.h: streams that end before the chunk does, and streams whose state begins anew within it.
 *
 * A stream that has ended stands still: its h and c are copied from step to step, and so are their gradients in the
 * backward pass. A stream that starts at a step begins the step with the initial state (zeros or parameters), and no
 * gradient flows further back. The step computes these streams like the others, and their results are then overwritten.
 * So the arithmetic of all other streams is unchanged.
 */
#ifndef RNN_CORE_PASS_RAGGED_H
#define RNN_CORE_PASS_RAGGED_H

#include "core/core.h"
#include "core/kernels/real.h"
#include "core/pass/directions.h"
#include "core/pass/positions.h"
#include "core/pass/weights.h"
#include "core/pass/workspace.h"

static bool starts_at(const core_pass *pass, const workspace *w, int64_t l, size_t row)
{
    const uint8_t *starts = is_reverse(w, l) ? w->both.starts : pass->starts;
    return starts && starts[row];
}

/* Writes h or c of a layer's initial state: parameters, or zeros if it isn't learned. */
static void put_initial(const core_pass *pass, const workspace *w, size_t parameter, real *to)
{
    if (parameter == CORE_NONE)
        memset(to, 0, w->stride * sizeof *to);
    else
        copy_padded(to, (const real *)pass->parameters + parameter, w->hidden, w->stride);
}

/* Before a step of a layer forward: sets the state that the step begins with, for a share of the streams. */
static void begin_step(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    const core_layer *layer = &pass->network->layer[l];
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride;
        if (!starts_at(pass, w, l, t * w->streams + b)) {
            memcpy(h_before(w, l, t) + at, h_at(w, l, t) + at, bytes);
            if (w->c)
                memcpy(c_before(w, l, t) + at, c_at(w, l, t) + at, bytes);
            continue;
        }
        put_initial(pass, w, layer->initial_h, h_before(w, l, t) + at); /* formula: start-h */
        if (w->c)
            put_initial(pass, w, layer->initial_c, c_before(w, l, t) + at);
    }
}

/* After the step: restores the state of streams that have ended. */
static void end_step(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride;
        if (!stands_still(pass, t * w->streams + b))
            continue;
        memcpy(h_at(w, l, t + 1) + at, h_at(w, l, t) + at, bytes); /* formula: ended-h */
        if (w->c)
            memcpy(c_at(w, l, t + 1) + at, c_at(w, l, t) + at, bytes);
    }
}

/* Whether a layer begins a stream of the chunk with its initial state. An empty stream doesn't begin. */
static bool is_fresh(const core_pass *pass, const workspace *w, int64_t l, size_t b)
{
    bool fresh = is_reverse(w, l) || (pass->fresh && pass->fresh[b]);
    return fresh && !(pass->lengths && pass->lengths[b] == 0);
}

/*
 * Before a step of the backward pass: saves dc, and dh of the state before the step, for streams where the step must
 * not change them.
 */
static void hold_gradients(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride, row = t * w->streams + b;
        if (!stands_still(pass, row) && !starts_at(pass, w, l, row))
            continue;
        memcpy(w->dh_held + at, w->dh + row * w->stride, bytes);
        memcpy(w->dc_held + at, w->dc + at, bytes);
        if (w->dinitial && !stands_still(pass, row)) /* so that dh holds only the step's part */
            memset(w->dh + row * w->stride, 0, bytes);
    }
}

/* Adds the gradients of a stream's h and c before a step to those of the initial state. */
static void add_initial(const workspace *w, size_t b, const real *dh)
{
    real *to = w->dinitial + b * w->stride, *to_c = to + w->streams * w->stride;
    for (size_t j = 0; j < w->stride; j += WIDTH)
        store(to + j, load(to + j) + load(dh + j));
    if (!w->c)
        return;
    for (size_t j = 0; j < w->stride; j += WIDTH)
        store(to_c + j, load(to_c + j) + load(w->dc + b * w->stride + j));
}

/* After the cell: clears the gate gradients of streams that stand still. */
static void clear_gates(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t end = w->my_streams.first + w->my_streams.count;
    if (!pass->lengths)
        return;
    for (size_t b = w->my_streams.first; b < end; b++)
        if (stands_still(pass, t * w->streams + b))
            memset(gate_at(w, l, t) + b * w->gates.row, 0, w->gates.row * sizeof(real));
}

/* After the step: corrects dc, and dh of the state before the step, for streams that stand still or start. */
static void restore_gradients(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride, row = t * w->streams + b;
        real *before = w->dh + row * w->stride;
        const real *after = before + w->streams * w->stride, *held = w->dh_held + at;
        if (stands_still(pass, row)) {
            for (size_t j = 0; j < w->stride; j++)
                before[j] = held[j] + after[j]; /* formula: ended-dh */
            memcpy(w->dc + at, w->dc_held + at, bytes);
        } else if (starts_at(pass, w, l, row)) {
            if (w->dinitial)
                add_initial(w, b, before);
            memcpy(before, held, bytes); /* formula: start-dh */
            memset(w->dc + at, 0, bytes);
        }
    }
}

#endif
