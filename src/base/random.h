/*
 * random.h: random numbers by their coordinates. Number `index` of sequence `stream` under `seed` is the same on every
 * machine, in whatever order the numbers are asked for.
 */
#ifndef RNN_RANDOM_H
#define RNN_RANDOM_H

#include <stdint.h>

/* Uniform in [0, 1), a multiple of 2^-53. */
double librnn_random_uniform(uint64_t seed, uint64_t stream, uint64_t index);

/* A whole number from 0 to limit - 1; limit: 1 to 2^32 - 1. Each is as likely as another, up to 2^-32. */
uint32_t librnn_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit);

/* Of the standard normal distribution. */
double librnn_random_normal(uint64_t seed, uint64_t stream, uint64_t index);

#endif
