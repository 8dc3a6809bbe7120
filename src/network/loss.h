/*
 * loss.h: adds up losses, and checks outputs that a caller passes.
 */
#ifndef RNN_LOSS_H
#define RNN_LOSS_H

#include "base/status.h"
#include "core/core.h"

/* The loss of some positions, and the number of hits among them. */
typedef struct score {
    rnn_loss loss;
    int64_t hits;
} score;

/* Whether a place (a position, or a stream if only last positions count) has a target. Without ids, `mask` decides. */
static inline bool rnn_place_counts(const int32_t *targets, const uint8_t *mask, size_t place)
{
    return targets ? targets[place] != RNN_IGNORE : !mask || mask[place];
}

/* Adds the losses of the places that count, in order. hits: [places], or NULL. */
void librnn_score_add(score *total, const int32_t *targets, const uint8_t *mask, const double *losses,
                      const uint8_t *hits, size_t places);

/* Hands a score to the caller, who may not want all of it. */
void librnn_score_give(const score *total, const rnn_chunk *chunk, rnn_loss *loss);

/*
 * Checks that rows of logits are finite. Fails with RNN_ERROR_ARGUMENT, for example "logits[7] is nan; it must be
 * finite".
 */
rnn_status librnn_check_logits(const rnn_core *core, int32_t precision, const void *logits, size_t rows, size_t count);

#endif
