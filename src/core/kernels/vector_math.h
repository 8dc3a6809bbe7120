/*
 * vector_math.h: exp, tanh and the logistic sigmoid of vectors. For infinities and NaN they return what the
 * mathematical functions return.
 *
 * All three use exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2, with exp(r) - 1 = r + r² P(r). P is the
 * Chebyshev interpolant of (exp(r) - 1 - r) / r² on that range.
 */
#ifndef RNN_CORE_VECTOR_MATH_H
#define RNN_CORE_VECTOR_MATH_H

#include "core/kernels/real.h"

#if RNN_CORE_PRECISION == 32
enum { MANTISSA_BITS = 23, EXPONENT_BIAS = 127 };
#define ROUNDER 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer, which is then in the low bits */
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440054690581e-4f
#define EXP_LEAST -105.0f /* exp is 0 from here down */
#define EXP_MOST 90.0f    /* exp is infinite from here up */
#define TANH_MOST 10.0f   /* tanh rounds to 1 from here up */
#define SIGMOID_MOST 40.0f
#define SIGMOID_BACK 0x1p-64f
enum { SIGMOID_SHIFT = 64 };
static const real exp_polynomial[] = {0.0013926213466332444f, 0.008363202971575855f, 0.04166655443768594f,
                                      0.16666576845993977f, 0.5f};
#else
enum { MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };
#define ROUNDER 6755399441055744.0 /* 1.5 * 2^52 */
#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW 1.90821492927058770002e-10
#define EXP_LEAST -746.0
#define EXP_MOST 710.0
#define TANH_MOST 20.0
#define SIGMOID_MOST 40.0
#define SIGMOID_BACK 0x1p-512
enum { SIGMOID_SHIFT = 512 };
static const real exp_polynomial[] = {2.5100424157005067e-08, 2.7620138719733994e-07,
                                      2.7557268378684192e-06, 2.480152119021773e-05,
                                      0.00019841269863105968, 0.0013888888917281794,
                                      0.008333333333330051,   0.04166666666662399,
                                      0.16666666666666669,    0.5};
#endif
#define INVERSE_LN2 ((real)1.44269504088896340736)

/*
 * min(limit, x) and max(limit, x). If x is NaN, the result is NaN: x86 returns the second operand, x, and AArch64
 * returns NaN.
 */
#if defined __SSE2__
#define LESSER(limit, x) X86_OPERATION(min)(limit, x)
#define GREATER(limit, x) X86_OPERATION(max)(limit, x)
#elif defined __aarch64__ && RNN_CORE_PRECISION == 32
#define LESSER(limit, x) vminq_f32(limit, x)
#define GREATER(limit, x) vmaxq_f32(limit, x)
#elif defined __aarch64__
#define LESSER(limit, x) vminq_f64(limit, x)
#define GREATER(limit, x) vmaxq_f64(limit, x)
#elif defined __wasm_simd128__ && RNN_CORE_PRECISION == 32
#define LESSER(limit, x) wasm_f32x4_pmin((v128_t)(x), (v128_t)(limit))
#define GREATER(limit, x) wasm_f32x4_pmax((v128_t)(x), (v128_t)(limit))
#elif defined __wasm_simd128__
#define LESSER(limit, x) wasm_f64x2_pmin((v128_t)(x), (v128_t)(limit))
#define GREATER(limit, x) wasm_f64x2_pmax((v128_t)(x), (v128_t)(limit))
#else
#define LESSER(limit, x) choose((limit) < (x), limit, x)
#define GREATER(limit, x) choose((limit) > (x), limit, x)
#endif

INLINE vector limit_above(vector x, real limit)
{
    return (vector)LESSER(broadcast(limit), x);
}

INLINE vector limit_below(vector x, real limit)
{
    return (vector)GREATER(broadcast(limit), x);
}

INLINE vector square_roots(vector x)
{
#if defined __SSE2__
    return (vector)X86_OPERATION(sqrt)(x);
#elif defined __wasm_simd128__ && RNN_CORE_PRECISION == 32
    return (vector)wasm_f32x4_sqrt((v128_t)x);
#elif defined __wasm_simd128__
    return (vector)wasm_f64x2_sqrt((v128_t)x);
#else
    for (int i = 0; i < WIDTH; i++)
        x[i] = square_root(x[i]);
    return x;
#endif
}

/* The derivative of tanh, where x is the value of tanh. */
INLINE vector one_minus_square(vector x)
{
    return subtract_product(broadcast(1), x, x); /* formula: tanh-slope */
}

/* exp(x) = 2^n (1 + *tail), for |x| < 2^(MANTISSA_BITS - 2). Returns n. */
INLINE int_vector reduce(vector x, vector *tail)
{
    vector shifted = multiply_add(x, broadcast(INVERSE_LN2), broadcast(ROUNDER));
    vector n = shifted - ROUNDER;
    vector r = subtract_product(x, n, broadcast(LN2_HIGH));
    r = subtract_product(r, n, broadcast(LN2_LOW));
    vector p = broadcast(exp_polynomial[0]);
    for (size_t i = 1; i < sizeof exp_polynomial / sizeof *exp_polynomial; i++)
        p = multiply_add(p, r, broadcast(exp_polynomial[i]));
    *tail = multiply_add(p, r * r, r);
    return (int_vector)shifted - (int_vector)broadcast(ROUNDER);
}

/* 2^n, for n in the exponent range of normal numbers. */
INLINE vector power_of_two(int_vector n)
{
    return (vector)((n + EXPONENT_BIAS) << MANTISSA_BITS);
}

INLINE vector vector_exp(vector x)
{
    vector tail;
    int_vector n = reduce(limit_below(limit_above(x, EXP_MOST), EXP_LEAST), &tail);
    int_vector half = n >> 1; /* two factors, for results that are subnormal or overflow */
    return (tail + 1) * power_of_two(half) * power_of_two(n - half); /* formula: exp */
}

/* tanh |x| = e / (e + 2) with e = exp(2 |x|) - 1, which is accurate near 0. */
INLINE vector vector_tanh(vector x)
{
    int_vector sign = (int_vector)x & (int_vector)broadcast((real)-0.0);
    vector magnitude = limit_above((vector)((int_vector)x ^ sign), TANH_MOST);
    vector tail;
    vector scale = power_of_two(reduce(magnitude + magnitude, &tail));
    vector e = multiply_add(scale, tail, scale - 1);
    return (vector)((int_vector)(e / (e + 2)) | sign); /* formula: tanh */
}

/*
 * e / (1 + e) with e = exp(x); 1 from SIGMOID_MOST up. n is small, so 2^(n + SIGMOID_SHIFT) is always a normal number.
 * The constant SIGMOID_BACK then undoes the shift. That multiplication rounds only if e is subnormal.
 */
INLINE vector vector_sigmoid(vector x)
{
    vector tail;
    int_vector n = reduce(limit_below(limit_above(x, SIGMOID_MOST), EXP_LEAST), &tail);
    vector e = (tail + 1) * power_of_two(n + SIGMOID_SHIFT) * SIGMOID_BACK;
    return e / (e + 1); /* formula: sigmoid */
}

#endif
