/*
 * logarithm.h: a natural logarithm with the same bits on every machine, as the C library's hasn't. It takes only
 * operations that IEEE 754 rounds exactly; compile it without contraction to fused multiply-adds.
 */
#ifndef RNN_CORE_LOGARITHM_H
#define RNN_CORE_LOGARITHM_H

#include <float.h>
#include <math.h>

/* Of x > 0; infinity and NaN stay. x = 2^n m, log m = 2 artanh((m - 1) / (m + 1)) by its series. */
static inline double logarithm(double x)
{
    if (!(x <= DBL_MAX))
        return x;
    int n;
    double m = frexp(x, &n);
    if (m < 0.70710678118654752) {
        m *= 2;
        n--;
    }
    double s = (m - 1) / (m + 1), s2 = s * s, series = 0;
    for (int k = 23; k > 0; k -= 2)
        series = series * s2 + 1.0 / k;
    return n * 0.69314718055994531 + 2 * s * series;
}

#endif
