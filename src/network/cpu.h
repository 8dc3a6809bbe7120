/*
 * cpu.h: chooses a build of the core.
 */
#ifndef RNN_CPU_H
#define RNN_CPU_H

#include "base/status.h"
#include "core/core.h"

/*
 * Returns the build for a precision and the best instruction set that this machine supports, or for the one that the
 * environment variable RNN_CPU names.
 */
rnn_status librnn_cpu_core(int32_t precision, const rnn_core **core);

#endif
