/*
 * ragged.c: streams that end before the chunk does, and streams whose state begins anew within it.
 *
 * A stream that has ended stands still: its h and c are handed on from step to step, and on the way back their
 * gradients are. A stream that starts begins its step with zeros, and no gradient goes further back. What such a step
 * computes in vain is overwritten, so the others' arithmetic is what it always is.
 */
#include "arena.h"
#include "cell.h"

static bool starts_at(const core_pass *pass, size_t row)
{
    return pass->starts && pass->starts[row];
}

/* What a stream begins a step with: what it had, or zeros */
static void hand_on(const real *from, real *to, size_t bytes, bool start)
{
    if (start)
        memset(to, 0, bytes);
    else
        memcpy(to, from, bytes);
}

/* Before a step of a layer forward, for a share of the streams: the state that it begins with */
static void begin_step(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride;
        bool start = starts_at(pass, t * w->streams + b);
        hand_on(h_at(w, l, t) + at, h_before(w, l, t) + at, bytes, start);
        if (w->c)
            hand_on(c_at(w, l, t) + at, c_before(w, l, t) + at, bytes, start);
    }
}

/* After it: streams that have ended get back what they had. */
static void end_step(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride;
        if (!stands_still(pass, t * w->streams + b))
            continue;
        memcpy(h_at(w, l, t + 1) + at, h_at(w, l, t) + at, bytes);
        if (w->c)
            memcpy(c_at(w, l, t + 1) + at, c_at(w, l, t) + at, bytes);
    }
}

/* Before a step backwards: keeps what the step must not change, dh before the step and dc. */
static void hold_gradients(const core_pass *pass, const workspace *w, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride, row = t * w->streams + b;
        if (!stands_still(pass, row) && !starts_at(pass, row))
            continue;
        memcpy(w->dh_held + at, w->dh + row * w->stride, bytes);
        memcpy(w->dc_held + at, w->dc + at, bytes);
    }
}

/* After the cell: the gates of a stream that stands still have no gradient. */
static void clear_gates(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    size_t end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; pass->lengths && b < end; b++)
        if (stands_still(pass, t * w->streams + b))
            memset(gate_at(w, l, t) + b * w->gates.row, 0, w->gates.row * sizeof(real));
}

/* After the step: dh before the step and dc as they must be. */
static void restore_gradients(const core_pass *pass, const workspace *w, size_t t)
{
    size_t bytes = w->stride * sizeof(real), end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        size_t at = b * w->stride, row = t * w->streams + b;
        real *before = w->dh + row * w->stride;
        const real *after = before + w->streams * w->stride, *held = w->dh_held + at;
        if (stands_still(pass, row)) {
            for (size_t j = 0; j < w->stride; j++)
                before[j] = held[j] + after[j];
            memcpy(w->dc + at, w->dc_held + at, bytes);
        } else if (starts_at(pass, row)) {
            memcpy(before, held, bytes);
            memset(w->dc + at, 0, bytes);
        }
    }
}
