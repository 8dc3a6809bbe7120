/*
 * core.c: one build of the compute core. This file includes all others of the core. The build system compiles it once
 * for each pair of precision and instruction set, with
 *
 *     RNN_CORE_PRECISION     32 or 64
 *     RNN_CORE_VECTOR_BYTES  16, 32 or 64
 *     RNN_CORE_NAME          the table to define: librnn_core_f32_baseline, ...
 *
 * Everything except that table is static. So the builds don't clash when linked, and the compiler sees all of the code
 * at once.
 */
#include "core/core.h"

#include "core/cells/cells.h"
#include "core/kernels/outer.h"
#include "core/kernels/pack.h"
#include "core/kernels/product.h"
#include "core/pass/backward.h"
#include "core/pass/forward.h"
#include "core/pass/output.h"
#include "core/pass/step.h"
#include "core/pass/weights.h"
#include "core/pass/workspace.h"
#include "core/update.h"

static const core_cell_info *cell_info(int32_t number)
{
    return number >= 0 && number < CORE_CELLS ? &cells[number].info : NULL;
}

static size_t state_stride(int64_t hidden_size)
{
    return round_up((size_t)hidden_size);
}

const rnn_core RNN_CORE_NAME = {
    .cell = cell_info,
    .state_stride = state_stride,
    .plan = plan,
    .pack = pack,
    .count_decoded = count_decoded,
    .workspace_size = workspace_size,
    .forward = forward,
    .backward = backward,
    .step = step,
    .decode_state = decode_state,
    .loss_of = loss_of,
    .activations = activations,
    .all_finite = all_finite,
    .all_moderate = all_moderate,
    .clip = clip,
    .scale = scale,
    .sum_of_squares = sum_of_squares,
    .blend = blend,
    .adagrad = adagrad,
    .sgd = sgd,
    .rmsprop = rmsprop,
    .adam = adam,
    .adamw = adamw,
    .exponentials = exponentials,
};
