/*
 * cpu.c: lists the builds of the core and chooses one that this machine can run.
 */
#include "network/cpu.h"

#include <stdlib.h>
#include <string.h>

typedef struct build {
    const char *name;
    bool (*runs_here)(void);
    const rnn_core *core[2]; /* indexed by precision */
} build;

static bool always(void)
{
    return true;
}

#ifdef RNN_HAVE_AVX2
static bool has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#endif

#ifdef RNN_HAVE_AVX512
static bool has_avx512(void)
{
    return __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}
#endif

/* In ascending order of preference. */
static const build builds[] = {
    {"baseline", always, {&librnn_core_f32_baseline, &librnn_core_f64_baseline}},
#ifdef RNN_HAVE_AVX2
    {"avx2", has_avx2, {&librnn_core_f32_avx2, &librnn_core_f64_avx2}},
#endif
#ifdef RNN_HAVE_AVX512
    {"avx512", has_avx512, {&librnn_core_f32_avx512, &librnn_core_f64_avx512}},
#endif
};

rnn_status librnn_cpu_core(int32_t precision, const rnn_core **core)
{
    const char *wanted = getenv("RNN_CPU");
    if (wanted && !*wanted)
        wanted = NULL;
    for (size_t i = sizeof builds / sizeof *builds; i-- > 0;) {
        const build *b = &builds[i];
        if (wanted && strcmp(wanted, b->name) != 0)
            continue;
        if (b->runs_here()) {
            *core = b->core[precision];
            return RNN_OK;
        }
        if (wanted)
            return librnn_fail(RNN_ERROR_ARGUMENT, "RNN_CPU is %s; this machine doesn't support that instruction set",
                               wanted);
    }
    return librnn_fail(RNN_ERROR_ARGUMENT, "RNN_CPU is %s; this library has no build for that instruction set", wanted);
}
