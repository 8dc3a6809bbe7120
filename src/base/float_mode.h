/*
 * float_mode.h: the floating-point mode that all computing is done in, whatever the caller's: numbers round to nearest,
 * subnormal ones are zero, no exception traps. The caller's mode and its exception flags come back afterwards.
 *
 * A function of the API that computes is two: the body, and around it
 *
 *     float_mode mode = rnn_float_enter();
 *     rnn_status status = body(...);
 *     rnn_float_leave(mode);
 *     return status;
 *
 * The caller's numbers are checked by their bits (status.h): a subnormal one isn't zero. The body is RNN_FLOAT_BODY, so
 * that compilers can't move its arithmetic out of the mode. A mode is its thread's own: every thread that computes
 * enters it.
 *
 * x86 flushes what is subnormal after rounding, AArch64 what was before: they differ where a result lies less than
 * half a unit in the last place below the least normal number.
 */
#ifndef RNN_FLOAT_MODE_H
#define RNN_FLOAT_MODE_H

#include <fenv.h>
#include <stdint.h>

#define RNN_FLOAT_BODY __attribute__((noinline))

/*
 * Numbers that come from a file or a caller are converted and compared as they are: rounded to nearest, nothing traps,
 * subnormal ones stay. What reads text looks at every part of the mode, so this is the whole of it; it takes longer.
 */
static inline fenv_t rnn_float_enter_exact(void)
{
    fenv_t mode;
    fegetenv(&mode);
    fesetenv(FE_DFL_ENV);
    return mode;
}

static inline void rnn_float_leave_exact(const fenv_t *mode)
{
    fesetenv(mode);
}

#if defined __x86_64__
#include <xmmintrin.h>

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

#elif defined __aarch64__

typedef struct float_mode {
    uint64_t control, flags;
} float_mode;

static inline float_mode rnn_float_enter(void)
{
    const uint64_t flush_to_zero = (uint64_t)1 << 24; /* and nothing else: round to nearest, no traps */
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

typedef fenv_t float_mode;

/* The standard has no way of flushing subnormal numbers to zero; here they stay. */
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
