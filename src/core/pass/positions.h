/*
 * positions.h: finds the positions of a chunk that have outputs and targets, and their indices in the caller's arrays.
 *
 * Usually all rows have outputs, and row (t, b) has target (t, b). A stream that has ended has neither. If only the
 * last position of each stream counts, outputs and targets have one row per stream.
 */
#ifndef RNN_CORE_PASS_POSITIONS_H
#define RNN_CORE_PASS_POSITIONS_H

#include "core/core.h"
#include "core/kernels/real.h"

/* Whether a row's stream stands still because it has ended earlier. */
INLINE bool stands_still(const core_pass *pass, size_t row)
{
    size_t streams = (size_t)pass->shape.streams;
    return pass->lengths && pass->first_step + (int64_t)(row / streams) >= pass->lengths[row % streams];
}

INLINE bool has_outputs(const core_pass *pass, size_t row)
{
    size_t streams = (size_t)pass->shape.streams;
    if (pass->last_only)
        return pass->first_step + (int64_t)(row / streams) + 1 == pass->lengths[row % streams];
    return !stands_still(pass, row);
}

/* The index of a row's outputs, target, loss and hit. */
INLINE size_t place_of(const core_pass *pass, size_t row)
{
    return pass->last_only ? row % (size_t)pass->shape.streams : row;
}

INLINE bool has_target(const core_pass *pass, size_t row)
{
    if (pass->lengths && !has_outputs(pass, row))
        return false;
    if (pass->targets)
        return pass->targets[place_of(pass, row)] >= 0;
    return pass->target_vectors && (!pass->target_mask || pass->target_mask[place_of(pass, row)]);
}

/* Whether a row is decoded, if not all rows are. */
static bool must_decode(const core_pass *pass, size_t row)
{
    return pass->outputs ? has_outputs(pass, row) : has_target(pass, row);
}

static int64_t count_decoded(const core_pass *pass)
{
    int64_t rows = pass->shape.steps * pass->shape.streams, count = 0;
    bool all = pass->outputs || (pass->target_vectors && !pass->target_mask);
    if (rows >= UINT32_MAX || (all && !pass->lengths))
        return rows;
    for (int64_t row = 0; row < rows; row++)
        count += must_decode(pass, (size_t)row);
    return count;
}

#endif
