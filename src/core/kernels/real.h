/*
 * real.h: the number type that this build of the core computes with, and vectors of it.
 *
 * Vectors are GCC's vector extensions, which clang supports as well. The same source becomes SSE2, AVX2, AVX-512 or
 * NEON code, or plain loops, depending on the compiler flags. Byte order makes no difference.
 *
 * All builds that have a fused multiply-add give the same bits. Two rules ensure this. Compilers must not fuse on their
 * own (-ffp-contract=off): the code calls multiply_add() wherever a product and a sum are rounded once. And the order
 * of a sum never depends on WIDTH: see LANES. Builds without the instruction (SSE2) round twice and give different
 * bits.
 */
#ifndef RNN_CORE_REAL_H
#define RNN_CORE_REAL_H

#ifdef __FAST_MATH__
#error "librnn computes what its formulas say: compile it without -ffast-math"
#endif

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if FLT_EVAL_METHOD > 0
#error "numbers must be rounded after each operation: use -msse2 -mfpmath=sse on i386, else -fexcess-precision=fast"
#endif

#if defined __SSE2__
#include <immintrin.h>
#elif defined __aarch64__
#include <arm_neon.h>
#elif defined __wasm_simd128__
#include <wasm_simd128.h>
#endif

#if RNN_CORE_PRECISION == 32
typedef float real;
typedef int32_t integer; /* as wide as a real */
typedef uint32_t unsigned_integer;
#define square_root sqrtf
#define fused fmaf
#define REAL_MOST FLT_MAX
#define REAL_LEAST FLT_MIN
#else
typedef double real;
typedef int64_t integer;
typedef uint64_t unsigned_integer;
#define square_root sqrt
#define fused fma
#define REAL_MOST DBL_MAX
#define REAL_LEAST DBL_MIN
#endif

enum {
    WIDTH = RNN_CORE_VECTOR_BYTES / sizeof(real), /* reals in a vector */

    /*
     * A sum along a row is computed as LANES partial sums, whatever the vector width. Element i goes into lane i %
     * LANES.
     */
    LANES = 64 / sizeof(real),
    LANE_VECTORS = LANES / WIDTH
};

typedef real vector __attribute__((vector_size(RNN_CORE_VECTOR_BYTES), may_alias));
typedef integer int_vector __attribute__((vector_size(RNN_CORE_VECTOR_BYTES), may_alias));
typedef unsigned_integer unsigned_vector __attribute__((vector_size(RNN_CORE_VECTOR_BYTES), may_alias));
typedef real unaligned_vector __attribute__((vector_size(RNN_CORE_VECTOR_BYTES), aligned(sizeof(real)), may_alias));

/* An x86 intrinsic for this vector type. For example, X86_OPERATION(min) is _mm256_min_ps. */
#if RNN_CORE_VECTOR_BYTES == 16
#define X86_PREFIX _mm_
#elif RNN_CORE_VECTOR_BYTES == 32
#define X86_PREFIX _mm256_
#else
#define X86_PREFIX _mm512_
#endif
#if RNN_CORE_PRECISION == 32
#define X86_SUFFIX _ps
#else
#define X86_SUFFIX _pd
#endif
#define X86_PASTE(prefix, name, suffix) prefix##name##suffix
#define X86_NAME(prefix, name, suffix) X86_PASTE(prefix, name, suffix)
#define X86_OPERATION(name) X86_NAME(X86_PREFIX, name, X86_SUFFIX)

/* Forces the vector into a register. */
#if defined __SSE2__
#define KEEP(v) __asm__("" : "+v"(v))
#elif defined __aarch64__
#define KEEP(v) __asm__("" : "+w"(v))
#else
#define KEEP(v) ((void)0)
#endif

/* Whether multiply_add() rounds once. */
#if defined __FMA__ || defined __aarch64__ || defined __s390x__
#define ROUNDS_ONCE
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE vector load(const real *p)
{
    return *(const unaligned_vector *)p;
}

/* a b + c. It is rounded once if the machine can, at every optimization level, and otherwise twice. */
INLINE vector multiply_add(vector a, vector b, vector c)
{
#if defined __FMA__
    return (vector)X86_OPERATION(fmadd)(a, b, c);
#elif defined __aarch64__ && RNN_CORE_PRECISION == 32
    return (vector)vfmaq_f32(c, a, b);
#elif defined __aarch64__
    return (vector)vfmaq_f64(c, a, b);
#elif defined ROUNDS_ONCE
    for (int i = 0; i < WIDTH; i++)
        c[i] = fused(a[i], b[i], c[i]);
    return c;
#else
    return a * b + c;
#endif
}

/* c - a b, rounded in the same way. */
INLINE vector subtract_product(vector c, vector a, vector b)
{
    return multiply_add(-a, b, c);
}

INLINE void store(real *p, vector v)
{
    *(unaligned_vector *)p = v;
}

/* Loads the first n numbers of a vector. The others are 0. */
INLINE vector load_part(const real *p, size_t n)
{
    if (n == WIDTH)
        return load(p);
    real lanes[WIDTH] = {0};
    memcpy(lanes, p, n * sizeof *p);
    return load(lanes);
}

INLINE void store_part(real *p, vector v, size_t n)
{
    if (n == WIDTH)
        store(p, v);
    else
        memcpy(p, &v, n * sizeof *p);
}

INLINE vector broadcast(real x)
{
#if defined __SSE2__
    return (vector)X86_OPERATION(set1)(x);
#elif defined __aarch64__ && RNN_CORE_PRECISION == 32
    return (vector)vdupq_n_f32(x);
#elif defined __aarch64__
    return (vector)vdupq_n_f64(x);
#else
    return x - (vector){0}; /* a loop over the elements would store them to memory and load the vector */
#endif
}

/* `yes` where the mask is set, `no` elsewhere. */
INLINE vector choose(int_vector mask, vector yes, vector no)
{
    return (vector)((mask & (int_vector)yes) | (~mask & (int_vector)no));
}

/* The elements of a and b, in the order of the indices. */
#if defined __clang__
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (int_vector){__VA_ARGS__})
#endif

/* a0 b0 a1 b1 ..., from the lower or the upper half of both. */
#if RNN_CORE_VECTOR_BYTES * 8 / RNN_CORE_PRECISION == 2
#define interleave_low(a, b) SHUFFLE(a, b, 0, 2)
#define interleave_high(a, b) SHUFFLE(a, b, 1, 3)
#elif RNN_CORE_VECTOR_BYTES * 8 / RNN_CORE_PRECISION == 4
#define interleave_low(a, b) SHUFFLE(a, b, 0, 4, 1, 5)
#define interleave_high(a, b) SHUFFLE(a, b, 2, 6, 3, 7)
#elif RNN_CORE_VECTOR_BYTES * 8 / RNN_CORE_PRECISION == 8
#define interleave_low(a, b) SHUFFLE(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define interleave_high(a, b) SHUFFLE(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
#else
#define interleave_low(a, b) SHUFFLE(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define interleave_high(a, b) SHUFFLE(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#endif

/* The sum of all lanes. It repeatedly adds the upper half of the lanes to the lower half, until one lane is left. */
INLINE real sum_of_lanes(const vector sums[LANE_VECTORS])
{
    vector v[LANE_VECTORS];
    memcpy(v, sums, sizeof v);
    for (int half = LANE_VECTORS / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            v[i] += v[i + half];
    for (int left = WIDTH; left > 1; left /= 2)
        v[0] = interleave_low(v[0], v[0]) +
               interleave_high(v[0], v[0]); /* each remaining sum then fills twice as many lanes */
    return v[0][0];
}

/* Converts a positive setting to the nearest number that is neither 0 nor infinite. */
INLINE real positive(double x)
{
    return x < (double)REAL_LEAST ? REAL_LEAST : x > (double)REAL_MOST ? REAL_MOST : (real)x;
}

INLINE size_t least_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* n rounded up to whole vectors. */
INLINE size_t round_up(size_t n)
{
    return (n + WIDTH - 1) / WIDTH * WIDTH;
}

#endif
