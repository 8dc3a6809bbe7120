/*
 * core.c: one build of the compute core. The build system compiles this file, which takes in the others, once for each
 * (precision, instruction set), with
 *
 *     RNN_CORE_PRECISION     32 or 64
 *     RNN_CORE_VECTOR_BYTES  16, 32 or 64
 *     RNN_CORE_NAME          the table to define: librnn_core_f32_baseline, ...
 *
 * All is static but that table, so that the builds don't meet, and the compiler sees all of it at once.
 */
#include "core.h"
#include "cell.h"

/* What each of these needs is in those before it. */
#include "pack.c"
#include "product.c"

#include "outer.c"
#include "output.c"
#include "update.c"

#include "gru.c"
#include "lstm.c"
#include "rnn.c"

static const core_cell cells[CORE_CELLS] = {
    [CORE_TANH] = {{"tanh", .gates = 1, .apart = 0, .parts = 1, .forget_gate = -1},
                   rnn_cell_forward,
                   rnn_cell_backward},
    [CORE_GRU] = {{"gru", .gates = 3, .apart = 1, .parts = 1, .forget_gate = -1, .candidate = true},
                  gru_cell_forward,
                  gru_cell_backward},
    [CORE_LSTM] = {{"lstm", .gates = 4, .apart = 0, .parts = 2, .forget_gate = 1, .candidate = true},
                   lstm_cell_forward,
                   lstm_cell_backward},
};

static const core_cell *cell_of(const core_network *network)
{
    return &cells[network->cell];
}

#include "weights.c"

#include "workspace.c"

#include "norm.c"

#include "positions.c"

#include "dropout.c"

#include "directions.c"

#include "ragged.c"

#include "forward.c"

#include "step.c"

#include "backward.c"

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
