/*
 * random.c: random distributions, from Philox's bits.
 *
 * It uses only operations that IEEE 754 rounds exactly, and no function of the C library whose last bit differs between
 * systems. It is compiled without contraction to fused multiply-adds. Callers must be between rnn_float_enter() and
 * rnn_float_leave().
 */
#include "base/random.h"

#include "base/logarithm.h"
#include "base/philox.h"

#include <math.h>

static uint64_t random_53_bits(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint32_t bits[4];
    philox(seed, stream, index, bits);
    return ((uint64_t)bits[1] << 32 | bits[0]) >> 11;
}

double librnn_random_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    return (double)random_53_bits(seed, stream, index) * 0x1p-53;
}

/* The integer part of r limit / 2^64, where r is the first 64 bits. */
uint32_t librnn_random_below(uint64_t seed, uint64_t stream, uint64_t index, uint32_t limit)
{
    uint32_t bits[4];
    philox(seed, stream, index, bits);
    return (uint32_t)(((uint64_t)bits[1] * limit + ((uint64_t)bits[0] * limit >> 32)) >> 32);
}

/* p(x) / q(x), both of degree 7. */
static double rational(double x, const double p[8], const double q[8])
{
    double above = p[7], below = q[7];
    for (int i = 6; i >= 0; i--) {
        above = above * x + p[i];
        below = below * x + q[i];
    }
    return above / below;
}

/* The inverse of the standard normal distribution function: Wichura 1988, algorithm AS 241, PPND16. */
static double normal_quantile(double probability)
{
    static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
    static const double b[8] = {1,
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
    static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[8] = {1,
                                2.05319162663775882187e0,
                                1.67638483018380384940e0,
                                6.89767334985100004550e-1,
                                1.48103976427480074590e-1,
                                1.51986665636164571966e-2,
                                5.47593808499534494600e-4,
                                1.05075007164441684324e-9};
    static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[8] = {1,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};
    double q = probability - 0.5;
    if (fabs(q) <= 0.425)
        return q * rational(0.180625 - q * q, a, b);
    double r = sqrt(-logarithm(q < 0 ? probability : 1 - probability));
    double magnitude = r <= 5 ? rational(r - 1.6, c, d) : rational(r - 5, e, f);
    return q < 0 ? -magnitude : magnitude;
}

double librnn_random_normal(uint64_t seed, uint64_t stream, uint64_t index)
{
    /* the middle of one of 2^52 cells: never 0 or 1 */
    double u = ((double)(random_53_bits(seed, stream, index) >> 1) + 0.5) * 0x1p-52;
    return normal_quantile(u);
}
