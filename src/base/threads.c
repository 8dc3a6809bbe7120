/*
 * threads.c: a pool of helper threads. It also decides how many of them a call uses.
 *
 * A call divides each phase of its work into shares. Every worker, including the caller, has a range of shares. It
 * takes these one after the other, then the remaining shares of the other workers. So a helper that isn't running
 * delays nobody. And on an idle machine each worker computes the same shares in each phase, and finds its data in its
 * own caches.
 *
 * A range is one number that holds the phase, the next share and the end. If a helper comes after its phase has ended,
 * it finds an empty range or another phase, and takes nothing. A waiting thread spins for some microseconds, then
 * sleeps.
 */
#include "base/threads.h"

#include "base/float_mode.h"
#include "base/processors.h"
#include "base/status.h"
#include "base/system.h"

#include <stdatomic.h>

enum {
    THREADS_MOST = 1024,
    SPINS = 1000,            /* 10 to 40 microseconds, depending on the processor */
    HELPER_STACK = 256 << 10 /* bytes; rnn.h states this number */
};

/*
 * The minimum number of multiplications for each thread, about ten microseconds of work. With less, the threads would
 * spend more time waiting for one another than working.
 */
#define WORK_OF_A_THREAD 250e3

/* One worker's data, on its own cache line. */
typedef struct worker {
    _Alignas(64) _Atomic(uint_fast64_t) range; /* phase << 32 | end << 16 | next share */
    atomic_bool asleep;
    system_condition wake;
    system_thread thread; /* not used for worker 0, the caller */
} worker;

static struct pool {
    system_lock lock;          /* only for sleeping and waking */
    system_condition finished; /* wakes the caller */
    atomic_bool caller_asleep;
    atomic_bool stop;
    atomic_bool taken; /* a call is using the pool */
    size_t helpers;    /* number of helpers created; only the call that uses the pool changes it */

    /* The current phase. A helper that comes late may read these fields, but doesn't use them. */
    _Atomic(uint_fast32_t) phase;
    _Atomic(core_task *) task;
    _Atomic(void *) context;
    atomic_size_t workers;
    _Alignas(64) atomic_size_t left; /* shares that aren't finished */

    worker worker[THREADS_MOST];
} pool = {.lock = SYSTEM_LOCK_INITIALIZER, .finished = SYSTEM_CONDITION_INITIALIZER};

static atomic_int setting; /* argument of rnn_set_threads(); 0: the default number */
static atomic_int usual;   /* the default number of threads; 0: not known yet */

/* The id of the process that the helpers belong to, or one of these values. */
enum { NOBODY = 0, CHANGING = -1, PARENT = -2 };
static atomic_int owner;

static void pause_briefly(void)
{
#if defined __x86_64__ || defined __i386__
    __builtin_ia32_pause();
#elif defined __aarch64__
    __asm__ volatile("isb");
#endif
}

/* ---- Shares ------------------------------------------------------------------------------------------------------ */

/* A worker's range of the shares, with none taken. */
static uint_fast64_t range_of(uint_fast32_t phase, size_t rank, size_t workers, size_t shares)
{
    return (uint_fast64_t)phase << 32 | shares * (rank + 1) / workers << 16 | shares * rank / workers;
}

/* Takes the next share of a range. Returns false if the range is empty or belongs to another phase. */
static bool take_share(worker *of, uint_fast32_t phase, size_t *share)
{
    uint_fast64_t range = atomic_load(&of->range);
    do {
        *share = (size_t)(range & UINT16_MAX);
        if (range >> 32 != phase || *share >= (range >> 16 & UINT16_MAX))
            return false;
    } while (!atomic_compare_exchange_weak(&of->range, &range, range + 1));
    return true;
}

/* Counts a share as finished. The last one wakes the caller. */
static void finish_share(void)
{
    if (atomic_fetch_sub(&pool.left, 1) > 1 || !atomic_load(&pool.caller_asleep))
        return;
    librnn_system_lock(&pool.lock);
    librnn_system_signal(&pool.finished);
    librnn_system_unlock(&pool.lock);
}

/* Computes shares until none is left, beginning with this worker's own range. */
static void take_shares(size_t me, uint_fast32_t phase)
{
    core_task *task = atomic_load(&pool.task);
    void *context = atomic_load(&pool.context);
    size_t workers = atomic_load(&pool.workers), share;
    if (me >= workers)
        return;
    for (size_t i = 0; i < workers; i++)
        while (take_share(&pool.worker[(me + i) % workers], phase, &share)) {
            task(context, me, share);
            finish_share();
        }
}

/* ---- Helpers ----------------------------------------------------------------------------------------------------- */

/* Waits until the phase isn't `seen` any more or the helpers must stop. Returns the phase. */
static uint_fast32_t await_phase(worker *me, uint_fast32_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool.phase) != seen || atomic_load(&pool.stop))
            return atomic_load(&pool.phase);
        pause_briefly();
    }
    librnn_system_lock(&pool.lock);
    atomic_store(&me->asleep, true);
    while (atomic_load(&pool.phase) == seen && !atomic_load(&pool.stop))
        librnn_system_wait(&me->wake, &pool.lock);
    atomic_store(&me->asleep, false);
    librnn_system_unlock(&pool.lock);
    return atomic_load(&pool.phase);
}

static void *help(void *argument)
{
    worker *me = argument;
    uint_fast32_t seen = 0; /* no phase has this number */
    rnn_float_enter();      /* never left, because the thread belongs to the library */
    while (!atomic_load(&pool.stop)) {
        uint_fast32_t phase = await_phase(me, seen);
        if (phase != seen)
            take_shares((size_t)(me - pool.worker), phase);
        seen = phase;
    }
    return NULL;
}

static void wake_helper(worker *helper)
{
    if (!atomic_load(&helper->asleep))
        return;
    librnn_system_lock(&pool.lock);
    librnn_system_signal(&helper->wake);
    librnn_system_unlock(&pool.lock);
}

static bool make_helper(void)
{
    worker *helper = &pool.worker[pool.helpers + 1];
    librnn_system_condition_init(&helper->wake);
    atomic_store(&helper->asleep, false);
    bool made = librnn_system_start(&helper->thread, HELPER_STACK, help, helper);
    if (made)
        pool.helpers++;
    else
        librnn_system_condition_destroy(&helper->wake);
    return made;
}

/*
 * A forked process has no helpers, and locks that they held stay locked. So the first call in a new process resets the
 * pool. Returns false while another thread does so. The process is recognised by its id and also by a fork() handler,
 * because in a new namespace of ids a child can have the same id as its parent.
 */
static bool own_pool(void)
{
    int process = librnn_system_process(), known = atomic_load(&owner);
    if (known == process)
        return true;
    if (known == CHANGING || !atomic_compare_exchange_strong(&owner, &known, CHANGING))
        return false;
    if (known != NOBODY) {
        librnn_system_lock_init(&pool.lock);
        librnn_system_condition_init(&pool.finished);
        pool.helpers = 0;
        for (size_t i = 0; i < THREADS_MOST; i++)
            atomic_store(&pool.worker[i].range, 0); /* the parent may have forked during a phase of another thread */
        atomic_store(&pool.taken, false);
        atomic_store(&pool.caller_asleep, false);
    }
    atomic_store(&owner, process);
    return true;
}

static void become_child(void)
{
    if (atomic_load(&owner) != NOBODY)
        atomic_store(&owner, PARENT);
}

__attribute__((constructor)) static void await_forks(void)
{
    librnn_system_after_fork(become_child);
}

/*
 * No thread remains after dlclose() and exit(). On Windows a library that is being unloaded can't wait for threads, so
 * the helpers keep it loaded, and end with the process: see system_windows.c.
 */
#ifndef _WIN32
__attribute__((destructor)) static void stop_helpers(void)
{
    if (atomic_load(&owner) != librnn_system_process())
        return;
    atomic_store(&pool.stop, true);
    for (size_t i = 1; i <= pool.helpers; i++)
        wake_helper(&pool.worker[i]);
    for (size_t i = 1; i <= pool.helpers; i++)
        librnn_system_join(&pool.worker[i].thread);
}
#endif

/* ---- Teams ------------------------------------------------------------------------------------------------------- */

static void run_alone(const core_team *team, core_task *task, void *context, size_t shares)
{
    (void)team;
    for (size_t share = 0; share < shares; share++)
        task(context, 0, share);
}

/* Waits for the shares that helpers have taken. */
static void await_finish(void)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load(&pool.left) == 0)
            return;
        pause_briefly();
    }
    librnn_system_lock(&pool.lock);
    atomic_store(&pool.caller_asleep, true);
    while (atomic_load(&pool.left) > 0)
        librnn_system_wait(&pool.finished, &pool.lock);
    atomic_store(&pool.caller_asleep, false);
    librnn_system_unlock(&pool.lock);
}

static void run_together(const core_team *team, core_task *task, void *context, size_t shares)
{
    uint_fast32_t phase = (uint32_t)(atomic_load(&pool.phase) + 1);
    phase = phase == 0 ? 1 : phase;
    atomic_store(&pool.task, task);
    atomic_store(&pool.context, context);
    atomic_store(&pool.workers, team->size);
    atomic_store(&pool.left, shares);
    for (size_t i = 0; i < team->size; i++)
        atomic_store(&pool.worker[i].range, range_of(phase, i, team->size, shares));
    atomic_store(&pool.phase, phase);
    for (size_t i = 1; i < team->size; i++)
        wake_helper(&pool.worker[i]);
    take_shares(0, phase);
    await_finish();
}

core_team librnn_team_alone(void)
{
    return (core_team){.size = 1, .run = run_alone};
}

core_team librnn_team_begin(double multiplications)
{
    double worth = multiplications / WORK_OF_A_THREAD;
    if (worth < 2)
        return librnn_team_alone();
    size_t size = (size_t)rnn_threads();
    size = worth < (double)size ? (size_t)worth : size;
    if (size == 1 || !own_pool() || atomic_exchange(&pool.taken, true))
        return librnn_team_alone();
    while (pool.helpers + 1 < size && make_helper())
        continue;
    size = pool.helpers + 1 < size ? pool.helpers + 1 : size;
    return (core_team){.size = size, .run = size > 1 ? run_together : run_alone, .pooled = true};
}

void librnn_team_end(core_team *team)
{
    if (team->pooled)
        atomic_store(&pool.taken, false);
    *team = librnn_team_alone();
}

/* ---- Number of threads ------------------------------------------------------------------------------------------- */

rnn_status rnn_set_threads(int32_t threads)
{
    RNN_TRY(librnn_check_range("threads", threads, 0, THREADS_MOST));
    atomic_store(&setting, threads);
    if (threads == 0)
        atomic_store(&usual, librnn_usual_threads(THREADS_MOST));
    return RNN_OK;
}

int32_t rnn_threads(void)
{
    int threads = atomic_load(&setting);
    if (threads > 0)
        return threads;
    threads = atomic_load(&usual);
    if (threads == 0) {
        threads = librnn_usual_threads(THREADS_MOST);
        atomic_store(&usual, threads);
    }
    return threads;
}
