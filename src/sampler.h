/*
 * sampler.h: the inside of a sampler, for checkpoints.
 */
#ifndef RNN_SAMPLER_H
#define RNN_SAMPLER_H

#include "status.h"

struct rnn_sampler {
    rnn_sampler_options options;
    uint64_t drawn; /* by each stream */
};

#endif
