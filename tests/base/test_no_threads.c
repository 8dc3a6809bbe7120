/* If the system refuses to create threads, calls compute with those that they have, and get the same bits. */
#define _GNU_SOURCE /* RTLD_NEXT */

#include "processes.h"
#include "support.h"
#include "training.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>

/* ---- The library calls this pthread_create() instead of the C library's ---- */

static atomic_int allowed; /* how many threads may still be created */
static atomic_int refused;

typedef int create_function(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

create_function __interceptor_pthread_create __attribute__((weak)); /* a sanitizer's, which must know all threads */

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*run)(void *),
                   void *restrict argument)
{
    if (atomic_fetch_sub(&allowed, 1) <= 0) {
        atomic_fetch_add(&refused, 1);
        return EAGAIN;
    }
    create_function *create = __interceptor_pthread_create;
    if (create == NULL) {
        void *symbol = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&create, &symbol, sizeof create);
    }
    return create(thread, attributes, run, argument);
}

/* ---- The tests ---- */

static training alone; /* the result of one thread */

static int set_up(void **state)
{
    if (rnn_set_threads(1) != RNN_OK)
        return -1;
    alone = train();
    return alone.status;
}

/* The tests run in forked children, which have no helpers yet and so ask for new ones. */
enum { SAME = 0, DIFFERENT = 1, NOTHING_REFUSED = 2, NOTHING_TO_SEE = 3 };

static int train_with(int threads_allowed)
{
    atomic_store(&allowed, threads_allowed);
    atomic_store(&refused, 0);
    if (rnn_set_threads(4) != RNN_OK)
        return DIFFERENT;
    training first = train(), second = train();
    if (!same_training(&first, &alone) || !same_training(&second, &alone))
        return DIFFERENT;
    return atomic_load(&refused) > 0 ? SAME : NOTHING_REFUSED;
}

static int train_in_child_with(int threads_allowed)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE);
        _exit(train_with(threads_allowed));
    }
    return exit_status(pid);
}

static void test_a_call_computes_alone_when_no_thread_can_be_created(void **state)
{
    assert_int_equal(train_in_child_with(0), SAME);
}

static void test_a_call_computes_with_the_threads_that_could_be_created(void **state)
{
    assert_int_equal(train_in_child_with(1), SAME);
    assert_int_equal(train_in_child_with(2), SAME);
}

static void test_a_call_computes_once_threads_can_be_created_again(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE);
        int end = train_with(0);
        atomic_store(&allowed, 1000);
        training later = train();
        _exit(same_training(&later, &alone) ? end : DIFFERENT);
    }
    assert_int_equal(exit_status(pid), SAME);
}

static void *return_at_once(void *argument)
{
    return argument;
}

/* Forbids this process any more threads. Root, which no limit binds, becomes another user first. */
static bool reach_the_limit_of_processes(void)
{
    const struct rlimit none = {0, 0};
    pthread_t thread;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        return false;
    atomic_store(&allowed, 1);
    return setrlimit(RLIMIT_NPROC, &none) == 0 && pthread_create(&thread, NULL, return_at_once, NULL) == EAGAIN;
}

static void test_a_process_at_its_limit_of_processes_computes(void **state)
{
    pid_t pid = fork();
    if (pid == 0) {
        alarm(PATIENCE);
        if (!reach_the_limit_of_processes())
            _exit(NOTHING_TO_SEE);
        int end = train_with(1000);
        _exit(end == NOTHING_REFUSED ? SAME : end); /* the system refused them, not pthread_create() above */
    }
    int end = exit_status(pid);
    if (end == NOTHING_TO_SEE)
        skip(); /* the limit doesn't bind this user, or root may not give up its privileges */
    assert_int_equal(end, SAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_computes_alone_when_no_thread_can_be_created),
        cmocka_unit_test(test_a_call_computes_with_the_threads_that_could_be_created),
        cmocka_unit_test(test_a_call_computes_once_threads_can_be_created_again),
        cmocka_unit_test(test_a_process_at_its_limit_of_processes_computes),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
