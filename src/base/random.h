/*
 * random.h: random numbers by index. A number depends only on `seed`, the sequence `stream`, and its `index` in the
 * sequence. It is the same on every machine, and in whatever order the numbers are computed.
 */
#ifndef RNN_RANDOM_H
#define RNN_RANDOM_H

#include <stdint.h>

/* Uniform in [0, 1), a multiple of 2^-53. */
double librnn_random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* An integer from 0 to limit - 1, where limit is 1 to 2^32 - 1. The integers are equally likely, to within 2^-32. */
uint32_t librnn_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit);

/* From the standard normal distribution. */
double librnn_random_normal(uint64_t seed, uint64_t stream, uint64_t index);

#endif
