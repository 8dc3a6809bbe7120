/*
 * optimizer.h: the inside of an optimizer, for checkpoints.
 */
#ifndef RNN_OPTIMIZER_H
#define RNN_OPTIMIZER_H

#include "network/model.h"

/* A checkpoint holds steps as a number, which is exact up to here; more than these are not counted. */
#define RNN_STEPS_MOST ((INT64_C(1) << 53) - 1)

struct rnn_optimizer {
    rnn_optimizer_options options;
    model_shape shape;
    int64_t steps;
    void *first, *second; /* what is accumulated for each parameter, in the parameters' layout; NULL: not needed */
};

/*
 * Whether a rule accumulates the one or the other. In the order of the RNN_OPTIMIZER_ enumerators `first` is squares,
 * momentum, squares, means, means; `second` is nothing, nothing, momentum, squares, squares.
 */
bool librnn_optimizer_needs_first(const rnn_optimizer_options *options);
bool librnn_optimizer_needs_second(const rnn_optimizer_options *options);

#endif
