/*
 * threads.c: the number of threads, and what becomes of them in a forked process.
 */
#include "threads.h"

#include "status.h"

#include <pthread.h>
#include <stdatomic.h>

#ifdef _OPENMP
#include <omp.h>
#endif

enum { THREADS_MOST = 1024 };

/* Less than this, and waiting for one another costs more than the work: some ten microseconds of it. */
#define WORK_OF_A_THREAD 250e3

static atomic_int setting; /* 0: OpenMP's */
static atomic_bool
    forked; /* OpenMP's threads don't come along into a forked process, and waiting for them has no end */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void note_fork(void)
{
    atomic_store(&forked, true);
}

static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, note_fork);
}

rnn_status rnn_set_threads(int32_t threads)
{
    RNN_TRY(rnn_check_range("threads", threads, 0, THREADS_MOST));
    atomic_store(&setting, threads);
    return RNN_OK;
}

int32_t rnn_threads(void)
{
#ifdef _OPENMP
    int threads = atomic_load(&setting);
    return atomic_load(&forked) ? 1 : threads > 0 ? threads : omp_get_max_threads();
#else
    return 1;
#endif
}

int rnn_threads_for(double multiplications)
{
    double worth = multiplications / WORK_OF_A_THREAD;
    int threads = worth < 2 ? 1 : rnn_threads();
    if (threads == 1)
        return 1;
    pthread_once(&once, watch_forks);
    return worth < threads ? (int)worth : threads;
}
