/*
 * sampler.h: the internals of a sampler.
 */
#ifndef RNN_SAMPLER_H
#define RNN_SAMPLER_H

#include "base/status.h"

struct rnn_sampler {
    rnn_sampler_options options; /* the sampler owns `excluded`, which is sorted and has no duplicates */
    uint64_t drawn;              /* number of symbols that each stream has drawn */
};

#endif
