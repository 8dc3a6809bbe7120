/*
 * float_mode.h: the floating-point mode in which the library computes, whatever the caller's mode is: numbers are
 * rounded to nearest, subnormal numbers are zero, and no exception traps. Afterwards the caller's mode and exception
 * flags are restored.
 *
 * Each API function that computes consists of two functions, the body and a wrapper:
 *
 *     float_mode mode = rnn_float_enter();
 *     rnn_status status = body(...);
 *     rnn_float_leave(mode);
 *     return status;
 *
 * The caller's numbers are checked by their bits (see status.h), because a subnormal argument isn't zero. The body is
 * marked RNN_FLOAT_BODY, so that the compiler can't move its arithmetic out of the mode. Each thread has its own mode,
 * so every thread that computes enters it.
 *
 * x86 flushes results that are subnormal after rounding, and AArch64 flushes results that are subnormal before it. The
 * two differ if a result is less than half a unit in the last place below the smallest normal number.
 */
#ifndef RNN_FLOAT_MODE_H
#define RNN_FLOAT_MODE_H

#include <fenv.h>
#include <stdint.h>

#define RNN_FLOAT_BODY __attribute__((noinline))

#if defined __SSE2_MATH__
#include <xmmintrin.h>
#endif

/*
 * The exact mode, for converting and comparing numbers from a file or from the caller: they are rounded to nearest,
 * nothing traps, and subnormal numbers are kept. Functions of the C library that read numbers depend on every part of
 * the mode, so this saves and sets all of it. It is slower than rnn_float_enter().
 */
typedef struct float_exact_mode {
    fenv_t environment;
#if defined _WIN32 && defined __x86_64__
    uint32_t sse; /* fesetenv() of mingw-w64 forgets the mode of SSE */
#endif
} float_exact_mode;

static inline float_exact_mode rnn_float_enter_exact(void)
{
    float_exact_mode mode;
    fegetenv(&mode.environment);
    fesetenv(FE_DFL_ENV);
#if defined _WIN32 && defined __x86_64__
    enum { ALL_MASKED = 0x1f80 };
    mode.sse = _mm_getcsr();
    _mm_setcsr(ALL_MASKED);
#endif
    return mode;
}

static inline void rnn_float_leave_exact(const float_exact_mode *mode)
{
    fesetenv(&mode->environment);
#if defined _WIN32 && defined __x86_64__
    _mm_setcsr(mode->sse);
#endif
}

#if defined __x86_64__

typedef uint32_t float_mode;

static inline float_mode rnn_float_enter(void)
{
    enum { SUBNORMAL_INPUTS_ARE_ZERO = 0x0040, ALL_MASKED = 0x1f80, SUBNORMAL_RESULTS_ARE_ZERO = 0x8000 };
    float_mode mode = _mm_getcsr();
    _mm_setcsr(SUBNORMAL_INPUTS_ARE_ZERO | ALL_MASKED | SUBNORMAL_RESULTS_ARE_ZERO);
    return mode;
}

static inline void rnn_float_leave(float_mode mode)
{
    _mm_setcsr(mode);
}

#elif defined __i386__ && defined __SSE2_MATH__

typedef struct float_mode {
    uint32_t sse;
    float_exact_mode x87; /* functions return doubles in registers of the x87 unit, which may round them to float */
} float_mode;

static inline float_mode rnn_float_enter(void)
{
    enum { SUBNORMAL_INPUTS_ARE_ZERO = 0x0040, ALL_MASKED = 0x1f80, SUBNORMAL_RESULTS_ARE_ZERO = 0x8000 };
    float_mode mode;
    mode.sse = _mm_getcsr();
    mode.x87 = rnn_float_enter_exact();
    _mm_setcsr(SUBNORMAL_INPUTS_ARE_ZERO | ALL_MASKED | SUBNORMAL_RESULTS_ARE_ZERO);
    return mode;
}

static inline void rnn_float_leave(float_mode mode)
{
    rnn_float_leave_exact(&mode.x87);
    _mm_setcsr(mode.sse);
}

#elif defined __aarch64__

typedef struct float_mode {
    uint64_t control, flags;
} float_mode;

static inline float_mode rnn_float_enter(void)
{
    const uint64_t flush_to_zero = (uint64_t)1 << 24; /* only this bit: round to nearest, no traps */
    float_mode mode;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(mode.control)::"memory");
    __asm__ __volatile__("mrs %0, fpsr" : "=r"(mode.flags)::"memory");
    __asm__ __volatile__("msr fpcr, %0" ::"r"(flush_to_zero) : "memory");
    return mode;
}

static inline void rnn_float_leave(float_mode mode)
{
    __asm__ __volatile__("msr fpcr, %0" ::"r"(mode.control) : "memory");
    __asm__ __volatile__("msr fpsr, %0" ::"r"(mode.flags) : "memory");
}

#else

typedef float_exact_mode float_mode;

/* Standard C can't flush subnormal numbers to zero, so they are kept here. */
static inline float_mode rnn_float_enter(void)
{
    return rnn_float_enter_exact();
}

static inline void rnn_float_leave(float_mode mode)
{
    rnn_float_leave_exact(&mode);
}

#endif

#endif
