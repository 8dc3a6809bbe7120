/*
 * peak.h: what one core can do at most: fused multiply-adds on registers, with the widest vectors that it has.
 */
#ifndef RNN_BENCH_PEAK_H
#define RNN_BENCH_PEAK_H

#include <stdbool.h>

/* One core's GFLOP/s in float64 or float32, an addition and a multiplication counting as two. */
double peak_gflops(bool float64);

#endif
