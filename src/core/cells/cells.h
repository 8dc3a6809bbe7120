/*
 * cells.h: the table of the cells.
 */
#ifndef RNN_CORE_CELLS_CELLS_H
#define RNN_CORE_CELLS_CELLS_H

#include "core/cells/cell.h"
#include "core/cells/gru.h"
#include "core/cells/lstm.h"
#include "core/cells/tanh.h"
#include "core/core.h"

static const core_cell cells[CORE_CELLS] = {
    [CORE_TANH] = {{"tanh", .gates = 1, .separate = 0, .state_parts = 1, .forget_gate = -1},
                   tanh_cell_forward,
                   tanh_cell_backward},
    [CORE_GRU] = {{"gru", .gates = 3, .separate = 1, .state_parts = 1, .forget_gate = -1, .candidate = true},
                  gru_cell_forward,
                  gru_cell_backward},
    [CORE_LSTM] = {{"lstm", .gates = 4, .separate = 0, .state_parts = 2, .forget_gate = 1, .candidate = true},
                   lstm_cell_forward,
                   lstm_cell_backward},
};

static const core_cell *cell_of(const core_network *network)
{
    return &cells[network->cell];
}

#endif
