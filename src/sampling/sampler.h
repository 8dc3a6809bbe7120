/*
 * sampler.h: the inside of a sampler.
 */
#ifndef RNN_SAMPLER_H
#define RNN_SAMPLER_H

#include "base/status.h"

struct rnn_sampler {
    rnn_sampler_options options; /* `excluded` is the sampler's own: each id once, in order */
    uint64_t drawn;              /* by each stream */
};

#endif
