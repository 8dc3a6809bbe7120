/*
 * peak.c: measures the peak with sums that stay in registers, enough of them to fill the pipeline. The best of a few
 * short runs counts.
 */
#include "peak.h"

#include <time.h>

enum { SUMS = 12, ROUNDS = 20000, REPEATS = 5 };

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#define IN_REGISTER "+x" /* stops the compiler from computing the sums in another way */
#else
#define IN_REGISTER "+w"
#endif

#define EACH_SUM(do)                                                                                                   \
    do                                                                                                                 \
    (0) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11)
#define BEGIN(s) vector sum##s = factor;
#define ADD(s)                                                                                                         \
    sum##s = sum##s * factor + term;                                                                                   \
    __asm__ volatile("" : IN_REGISTER(sum##s));

/* Returns the number of operations done. */
#define DEFINE_LOOP(name, type, bytes, attributes)                                                                     \
    attributes static double name(void)                                                                                \
    {                                                                                                                  \
        typedef type vector __attribute__((vector_size(bytes)));                                                       \
        vector factor = {0}, term = {0};                                                                               \
        factor = factor + (type)0.999999;                                                                              \
        term = term + (type)1e-6;                                                                                      \
        EACH_SUM(BEGIN)                                                                                                \
        for (int r = 0; r < ROUNDS; r++) {                                                                             \
            EACH_SUM(ADD)                                                                                              \
        }                                                                                                              \
        return 2.0 * ROUNDS * SUMS * (bytes) / sizeof(type);                                                           \
    }

#if defined(__x86_64__)
DEFINE_LOOP(float_avx512, float, 64, __attribute__((target("avx512f"))))
DEFINE_LOOP(double_avx512, double, 64, __attribute__((target("avx512f"))))
DEFINE_LOOP(float_avx2, float, 32, __attribute__((target("avx2,fma"))))
DEFINE_LOOP(double_avx2, double, 32, __attribute__((target("avx2,fma"))))
#endif
DEFINE_LOOP(float_baseline, float, 16, )
DEFINE_LOOP(double_baseline, double, 16, )

double peak_gflops(bool float64)
{
    double (*loop)(void) = float64 ? double_baseline : float_baseline, best = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        loop = float64 ? double_avx512 : float_avx512;
    else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        loop = float64 ? double_avx2 : float_avx2;
#endif
    for (int i = 0; i < REPEATS; i++) {
        double start = now(), operations = loop(), rate = operations / (now() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}
