/*
 * update.c: element-wise work on flat buffers of parameters and gradients.
 */
#include "real.h"

/* x - x is 0 for finite x and NaN otherwise. */
static bool all_finite(const void *values, size_t count)
{
    const real *x = values;
    vector sum = broadcast(0);
    size_t i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
        vector v = load(x + i);
        sum += v - v;
    }
    real rest = sum_of(sum);
    for (; i < count; i++)
        rest += x[i] - x[i];
    return rest == 0;
}

static void clip(void *values, size_t count, double limit)
{
    real *x = values, most = (real)limit;
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] > most ? most : x[i] < -most ? -most : x[i];
}

/* A rate that the precision can't hold is its largest number: times a gradient of 0 that is 0, which infinity isn't. */
INLINE real rate_of(double rate)
{
    return rate > (double)REAL_MOST ? REAL_MOST : (real)rate;
}

/* m += g²; x -= learning_rate g / sqrt(m + epsilon); g = 0 */
static void adagrad(void *values, void *gradients, void *squares, size_t count, double learning_rate, double epsilon)
{
    real *restrict x = values, *restrict g = gradients, *restrict m = squares;
    real rate = rate_of(learning_rate), small = positive(epsilon);
    for (size_t i = 0; i < count; i++) {
        m[i] += g[i] * g[i];
        x[i] -= rate * g[i] / square_root(m[i] + small);
        g[i] = 0;
    }
}
