/*
 * core.c: one build of the compute core. The build system compiles this file, which takes in the others, once for each
 * (precision, instruction set), with
 *
 *     RNN_CORE_PRECISION     32 or 64
 *     RNN_CORE_VECTOR_BYTES  16, 32 or 64
 *     RNN_CORE_NAME          the table to define: rnn_core_f32_baseline, ...
 *
 * All is static but that table, so that the builds don't meet, and the compiler sees all of it at once.
 */
#include "core.h"

#include "network.c"
#include "rnn.c"
#include "update.c"

/* In the order of the RNN_CELL_ enumerators. */
static const cell cells[] = {
    {{.gates = 1, .parts = 1}, rnn_cell_forward, rnn_cell_backward},
};

static const cell *cell_of(const core_network *network)
{
    return &cells[network->cell];
}

static const core_cell_info *cell_info(int32_t number)
{
    return number >= 0 && (size_t)number < sizeof cells / sizeof *cells ? &cells[number].info : NULL;
}

const rnn_core RNN_CORE_NAME = {
    .cell = cell_info,
    .state_stride = state_stride,
    .packed_size = packed_size,
    .pack = pack,
    .workspace_size = workspace_size,
    .forward = forward,
    .backward = backward,
    .all_finite = all_finite,
    .clip = clip,
    .adagrad = adagrad,
    .softmax = softmax,
};
