/*
 * loss.h: checks outputs that a caller passes.
 */
#ifndef RNN_LOSS_H
#define RNN_LOSS_H

#include "base/status.h"
#include "core/core.h"

/*
 * Checks that rows of logits are finite. Fails with RNN_ERROR_ARGUMENT, for example "logits[7] is nan; it must be
 * finite".
 */
rnn_status librnn_check_logits(const rnn_core *core, int32_t precision, const void *logits, size_t rows, size_t count);

#endif
