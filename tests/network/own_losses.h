/* Used by the suites of losses that the caller computes. */
#ifndef RNN_TESTS_OWN_LOSSES_H
#define RNN_TESTS_OWN_LOSSES_H

#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replaces the logits by the gradient of the sum of softmax cross-entropies with respect to them. */
static inline void to_softmax_gradient(double *logits, const int32_t *targets, int64_t rows, int64_t symbols)
{
    for (int64_t row = 0; row < rows; row++, logits += symbols) {
        double most = logits[0], sum = 0;
        for (int64_t o = 1; o < symbols; o++)
            most = fmax(most, logits[o]);
        for (int64_t o = 0; o < symbols; o++)
            sum += exp(logits[o] - most);
        for (int64_t o = 0; o < symbols; o++)
            logits[o] = targets[row] == RNN_IGNORE ? 0 : exp(logits[o] - most) / sum - (o == targets[row]);
    }
}

#endif
