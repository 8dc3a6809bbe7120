/*
 * loss.h: checks of outputs that a caller gives.
 */
#ifndef RNN_LOSS_H
#define RNN_LOSS_H

#include "base/status.h"
#include "core/core.h"

/* Whether rows of a caller's logits are finite: RNN_ERROR_ARGUMENT "logits[7] is nan; it must be finite" */
rnn_status librnn_check_logits(const rnn_core *core, int32_t precision, const void *logits, size_t rows, size_t count);

#endif
