/*
 * logarithm.h: a natural logarithm that gives the same bits on every machine, unlike that of the C library. It uses
 * only operations that IEEE 754 rounds exactly. It must be compiled without contraction to fused multiply-adds.
 */
#ifndef RNN_CORE_LOGARITHM_H
#define RNN_CORE_LOGARITHM_H

#include <float.h>
#include <math.h>

/*
 * log x for x > 0; infinity and NaN are returned unchanged. It uses x = 2^n m and the series of
 * log m = 2 artanh((m - 1) / (m + 1)).
 */
static inline double logarithm(double x)
{
    static const double coefficients[] = {1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11,
                                          1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3,  1.0};
    if (!(x <= DBL_MAX))
        return x;
    int n;
    double m = frexp(x, &n);
    if (m < 0.70710678118654752) {
        m *= 2;
        n--;
    }
    double s = (m - 1) / (m + 1), s2 = s * s, series = 1.0 / 23;
    for (int i = 0; i < (int)(sizeof coefficients / sizeof *coefficients); i++)
        series = series * s2 + coefficients[i];
    return n * 0.69314718055994531 + 2 * s * series;
}

#endif
