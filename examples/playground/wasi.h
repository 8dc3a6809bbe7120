/*
 * wasi.h: included before every source that is compiled to WebAssembly. It declares the few things that librnn uses to
 * replace files and wasi-libc lacks. Files in WebAssembly have no owners or permissions, so these functions fail.
 */
#ifndef PLAYGROUND_WASI_H
#define PLAYGROUND_WASI_H

#define _WASI_EMULATED_GETPID
#define _WASI_EMULATED_PROCESS_CLOCKS
#define _WASI_EMULATED_SIGNAL
#define _GNU_SOURCE
#define _Thread_local /* there is one thread */

#include <limits.h>
#undef PAGE_SIZE /* of POSIX; src/text/vocab.c has another */

#include <fcntl.h>
#include <sys/types.h>
#define F_DUPFD_CLOEXEC F_SETFD

static inline int fchown(int descriptor, uid_t owner, gid_t group)
{
    (void)descriptor, (void)owner, (void)group;
    return -1;
}

static inline int fchmod(int descriptor, mode_t mode)
{
    (void)descriptor, (void)mode;
    return -1;
}

#endif
