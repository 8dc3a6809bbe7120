/*
 * cpu.h: the choice of a build of the core.
 */
#ifndef RNN_CPU_H
#define RNN_CPU_H

#include "base/status.h"
#include "core/core.h"

/*
 * The build for a precision and the best instruction set that this machine has, or the one that RNN_CPU in the
 * environment names.
 */
rnn_status librnn_cpu_core(int32_t precision, const rnn_core **core);

#endif
