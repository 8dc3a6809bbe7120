/*
 * What the suites use of POSIX and Windows lacks. On Windows the compiler includes this header before each suite, and
 * finds the headers beside it, which include this one. A test that needs a function without a counterpart is skipped
 * when it calls the function.
 */
#ifndef RNN_TESTS_POSIX_H
#define RNN_TESTS_POSIX_H

#include "../suite.h"

#include <direct.h>
#include <fcntl.h>
#include <fenv.h>
#include <io.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/utime.h>
#include <time.h>
#include <unistd.h>

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

/* Ends the test. */
static inline int skip_without(const char *what)
{
    print_message("Windows has no %s.\n", what);
    skip();
    return -1;
}

#define chmod(path, permissions) skip_without("permissions")
#define fork() skip_without("fork()")
#define mkfifo(path, permissions) skip_without("FIFOs")
#define symlink(target, path) skip_without("symbolic links that every user may create")
#define system(command) skip_without("POSIX shell")
#define sigaction(number, action, before) ((void)(action), (void)(before), skip_without("signals"))
#define pthread_kill(thread, number) ((void)(number), skip_without("signals"))
#define fcntl(descriptor, command, flags) skip_without("flags of descriptors")

/* These are reached only after fork() or sigaction(), or change nothing. */
struct sigaction {
    void (*sa_handler)(int number);
};
enum { SIGUSR1 = 10, SIGKILL = 9, O_NONBLOCK = 0, F_SETFL = 0 };
#define alarm(seconds) ((void)(seconds))
#define geteuid() 1
#define setgid(id) (-1)
#define setuid(id) (-1)
#define kill(child, number) (-1)
#define waitpid(child, status, flags) (*(status) = -1)
#define WIFEXITED(status) false
#define WIFSIGNALED(status) false
#define WEXITSTATUS(status) (status)

#define mkdir(path, permissions) _mkdir(path)
#define write(descriptor, bytes, size) _write(descriptor, bytes, (unsigned)(size))
#define pipe(ends) _pipe(ends, 1 << 16, _O_BINARY)
#define setenv(name, value, replaces) _putenv_s(name, value)
#define unsetenv(name) _putenv_s(name, "")

static inline char *mkdtemp(char *path)
{
    return _mktemp(path) != NULL && _mkdir(path) == 0 ? path : NULL;
}

enum { AT_FDCWD = -1 };

static inline int utimensat(int directory, const char *path, const struct timespec times[2], int flags)
{
    struct __utimbuf64 both = {times[0].tv_sec, times[1].tv_sec};
    return _utime64(path, &both);
}

/* fesetenv() of mingw-w64 forgets the mode of SSE. */
#ifdef __x86_64__
static inline int set_environment(const fenv_t *environment)
{
    _mm_setcsr(0x1f80);
    return fesetenv(environment);
}
#define fesetenv(environment) set_environment(environment)
#endif

#endif
