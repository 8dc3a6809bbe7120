/* peak.h: the peak of one core, which is reached by fused multiply-adds on registers with its widest vectors. */
#ifndef RNN_BENCH_PEAK_H
#define RNN_BENCH_PEAK_H

#include <stdbool.h>

/* Returns one core's GFLOP/s in float64 or float32. A multiply-add counts as two operations. */
double peak_gflops(bool float64);

#endif
