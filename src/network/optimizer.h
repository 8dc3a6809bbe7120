/*
 * optimizer.h: the internals of an optimizer, for checkpoints.
 */
#ifndef RNN_OPTIMIZER_H
#define RNN_OPTIMIZER_H

#include "network/model.h"

/* The count of steps stops here. Programs that read numbers as doubles can read this number exactly in a checkpoint. */
#define RNN_STEPS_MOST ((INT64_C(1) << 53) - 1)

struct rnn_optimizer {
    rnn_optimizer_options options;
    model_shape shape;
    int64_t steps;
    void *first,
        *second; /* accumulators of each parameter, in the parameters' layout; NULL: the rule doesn't need them */
};

/*
 * Whether a rule needs the first or the second accumulator. In the order of the RNN_OPTIMIZER_ enumerators, `first`
 * holds squares, momentum, squares, means, means, and `second` holds nothing, nothing, momentum, squares, squares.
 */
bool librnn_optimizer_needs_first(const rnn_optimizer_options *options);
bool librnn_optimizer_needs_second(const rnn_optimizer_options *options);

/* Whether an accumulator that the rule needs holds squares, which can't be negative. */
bool librnn_optimizer_first_is_squares(const rnn_optimizer_options *options);
bool librnn_optimizer_second_is_squares(const rnn_optimizer_options *options);

#endif
