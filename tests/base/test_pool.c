/*
 * The threads that help a call to compute. They don't change a bit of any result, they work in a forked process, handle
 * no signals, sleep when there is no work, and never exceed the number that was set.
 */
#define _GNU_SOURCE /* sched_setaffinity() */

#include "processes.h"
#include "support.h"
#include "training.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#if defined(__has_feature)
#define SANITIZED(name) __has_feature(name)
#else
#define SANITIZED(name) 0
#endif

enum { CALLERS = 6, ROUNDS = 10, FORKS = 40 };

/* The library calls this getpid() instead of the C library's. */
static atomic_int assumed_id; /* its result; if 0, it returns the true id */

pid_t getpid(void)
{
    pid_t assumed = (pid_t)atomic_load(&assumed_id);
    return assumed != 0 ? assumed : (pid_t)syscall(SYS_getpid);
}

static training alone;  /* the result of one thread */
static int first_tasks; /* the number of threads before the library created any */

static void assert_trains_as_alone(int32_t threads)
{
    assert_ok(rnn_set_threads(threads));
    training together = train();
    assert_int_equal(together.status, RNN_OK);
    assert_true(same_training(&together, &alone));
}

static void do_nothing(void *argument) {}

static int set_up(void **state)
{
    int none = 0;
    run_in_threads(1, do_nothing, &none, sizeof none); /* the thread sanitizer then starts a thread of its own */
    sleep_milliseconds(50);
    first_tasks = count_tasks();
    if (rnn_set_threads(1) != RNN_OK)
        return -1;
    alone = train();
    return alone.status;
}

static int use_four_threads(void **state)
{
    return rnn_set_threads(4);
}

static int use_the_default(void **state)
{
    return rnn_set_threads(0);
}

/* ---- The number of threads ---- */

static void test_1_2_3_and_16_threads_compute_the_same_bits(void **state)
{
    static const int32_t threads[] = {1, 2, 3, 16};
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_trains_as_alone(threads[i]);
}

static void test_the_number_of_threads_may_change_from_call_to_call(void **state)
{
    static const int32_t threads[] = {16, 1, 3, 2, 16, 2, 1, 3};
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_trains_as_alone(threads[i]);
}

/* For a child process, which begins without the helpers of earlier tests */
static bool training_has_one_to_three_helpers(void *argument)
{
    int before = count_tasks();
    (void)train();
    int helpers = count_tasks() - before;
    return helpers >= 1 && helpers <= 3;
}

static void test_a_call_on_four_threads_has_one_to_three_helpers(void **state)
{
    assert_true(holds_in_child(training_has_one_to_three_helpers, NULL));
}

/* ---- Several callers ---- */

static void train_often(void *argument)
{
    training *results = argument;
    for (int n = 0; n < ROUNDS; n++)
        results[n] = train();
}

static void test_threads_that_call_at_once_get_the_bits_of_one_alone(void **state)
{
    static training results[CALLERS][ROUNDS];
    run_in_threads(CALLERS, train_often, results, sizeof *results);
    for (int i = 0; i < CALLERS; i++)
        for (int n = 0; n < ROUNDS; n++)
            assert_true(same_training(&results[i][n], &alone));
}

static void test_callers_share_at_most_15_helpers_of_16_threads(void **state)
{
    assert_ok(rnn_set_threads(16));
    for (int n = 0; n < 3; n++) {
        test_threads_that_call_at_once_get_the_bits_of_one_alone(NULL);
        assert_in_range(count_tasks_down_to(first_tasks + 15), first_tasks, first_tasks + 15);
    }
}

static void test_threads_that_come_and_go_leave_no_helpers_behind(void **state)
{
    static training results[ROUNDS];
    for (int i = 0; i < 20; i++)
        run_in_threads(1, train_often, results, sizeof results);
    /* an earlier test has used 16 threads */
    assert_in_range(count_tasks_down_to(first_tasks + 15), first_tasks, first_tasks + 15);
}

static atomic_bool stop;

static void *train_until_stopped(void *argument)
{
    bool *same = argument;
    while (!atomic_load(&stop)) {
        training result = train();
        *same = *same && same_training(&result, &alone);
    }
    return NULL;
}

static void test_the_number_of_threads_may_change_while_another_thread_computes(void **state)
{
    bool same = true;
    pthread_t thread;
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, train_until_stopped, &same), 0);
    for (int32_t n = 0; n < 100; n++) {
        assert_ok(rnn_set_threads(1 + n % 5));
        sleep_milliseconds(2);
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(same);
}

static void *train_often_in_thread(void *argument)
{
    train_often(argument);
    return NULL;
}

static void test_a_thread_with_a_stack_of_64_kib_can_compute(void **state)
{
    if (SANITIZED(address_sanitizer) || SANITIZED(thread_sanitizer))
        skip(); /* their stack frames are larger */
    static training results[ROUNDS];
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, 64 * 1024), 0);
    assert_int_equal(pthread_create(&thread, &attributes, train_often_in_thread, results), 0);
    pthread_attr_destroy(&attributes);
    assert_int_equal(pthread_join(thread, NULL), 0);
    for (int n = 0; n < ROUNDS; n++)
        assert_true(same_training(&results[n], &alone));
}

/* ---- Fork ---- */

/* Whether training on the four threads that are set has helpers and gives the right bits */
static bool four_threads_train_as_alone(void *argument)
{
    training result = train();
    /* a child process has no thread of the thread sanitizer */
    bool helped = SANITIZED(thread_sanitizer) || count_tasks() > first_tasks;
    return rnn_threads() == 4 && helped && same_training(&result, &alone);
}

static bool forked_child_trains_as_alone(void)
{
    return holds_in_child(four_threads_train_as_alone, NULL);
}

static void test_a_forked_child_computes_on_as_many_threads_as_its_parent(void **state)
{
    assert_true(four_threads_train_as_alone(NULL));
    assert_true(forked_child_trains_as_alone());
}

static bool this_and_a_child_train_as_alone(void *argument)
{
    return four_threads_train_as_alone(NULL) && forked_child_trains_as_alone();
}

static bool this_and_a_child_with_the_same_id_train_as_alone(void *argument)
{
    atomic_store(&assumed_id, 1); /* the id of the first process in every namespace */
    return this_and_a_child_train_as_alone(NULL);
}

static void test_a_forked_child_may_have_the_id_of_its_parent(void **state)
{
    assert_true(holds_in_child(this_and_a_child_with_the_same_id_train_as_alone, NULL));
}

static void test_a_parent_still_computes_after_fork(void **state)
{
    assert_true(forked_child_trains_as_alone());
    assert_true(four_threads_train_as_alone(NULL));
    assert_true(forked_child_trains_as_alone());
}

static void fork_in_thread(void *well)
{
    *(bool *)well = this_and_a_child_train_as_alone(NULL);
}

static void test_a_child_that_another_thread_has_forked_computes(void **state)
{
    bool well = false;
    assert_true(four_threads_train_as_alone(NULL));
    run_in_threads(1, fork_in_thread, &well, sizeof well);
    assert_true(well);
}

static void test_a_child_forked_while_another_thread_computes_computes(void **state)
{
    if (SANITIZED(address_sanitizer))
        skip(); /* its allocator's locks stay locked in the child */
    bool same = true, well = true;
    pthread_t thread;
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&thread, NULL, train_until_stopped, &same), 0);
    for (int n = 0; n < FORKS; n++) {
        sleep_milliseconds(n % 5); /* to fork at different moments of the other thread's work */
        well = forked_child_trains_as_alone() && well;
    }
    atomic_store(&stop, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(same);
    assert_true(well);
}

static void test_a_child_of_a_forked_child_computes(void **state)
{
    assert_true(four_threads_train_as_alone(NULL));
    assert_true(holds_in_child(this_and_a_child_train_as_alone, NULL));
}

static bool a_child_and_then_this_train_as_alone(void *argument)
{
    return forked_child_trains_as_alone() && four_threads_train_as_alone(NULL);
}

static void test_a_child_of_a_forked_child_that_has_not_computed_computes(void **state)
{
    assert_true(four_threads_train_as_alone(NULL));
    assert_true(holds_in_child(a_child_and_then_this_train_as_alone, NULL));
}

/* ---- Helpers do nothing but compute ---- */

static atomic_int handled;

static void count_signal(int number)
{
    atomic_fetch_add(&handled, 1);
}

/* The process's own threads block the signal. So it stays pending, unless a helper handles it. */
static void assert_helpers_do_not_take(int number)
{
    struct sigaction action = {.sa_handler = count_signal}, before;
    sigset_t set, mask, pending;
    assert_int_equal(sigaction(number, &action, &before), 0);
    sigemptyset(&set);
    sigaddset(&set, number);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &mask), 0);
    atomic_store(&handled, 0);

    assert_int_equal(kill(getpid(), number), 0);
    sleep_milliseconds(50);
    (void)train(); /* a helper that wakes up must not handle it either */
    assert_int_equal(sigpending(&pending), 0);
    assert_int_equal(sigismember(&pending, number), 1);
    assert_int_equal(atomic_load(&handled), 0);

    assert_int_equal(pthread_sigmask(SIG_SETMASK, &mask, NULL), 0);
    assert_int_equal(atomic_load(&handled), 1); /* on this thread, which no longer blocks it */
    assert_int_equal(sigaction(number, &before, NULL), 0);
}

static void test_a_signal_to_the_process_is_handled_on_no_helper(void **state)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCHLD};
    (void)train();
    for (size_t i = 0; i < COUNT_OF(numbers); i++)
        assert_helpers_do_not_take(numbers[i]);
}

static double processor_seconds(void)
{
    struct timespec time;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time), 0);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void test_idle_helpers_use_no_processor_time(void **state)
{
    (void)train();
    double before = processor_seconds();
    sleep_milliseconds(200);
    assert_true(processor_seconds() - before < 0.05);
}

/* ---- The default number of threads ---- */

/* Returns rnn_threads() in a program with these environment variables; NULL means that a variable isn't set. */
static int threads_of_program(const char *rnn_num_threads, const char *omp_num_threads, bool on_one_processor)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *arguments[] = {"test_pool", "threads", NULL};
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET((size_t)sched_getcpu(), &one);
        if (on_one_processor && sched_setaffinity(0, sizeof one, &one) != 0)
            _exit(1);
        unsetenv("RNN_NUM_THREADS");
        unsetenv("OMP_NUM_THREADS");
        if (rnn_num_threads != NULL)
            setenv("RNN_NUM_THREADS", rnn_num_threads, 1);
        if (omp_num_threads != NULL)
            setenv("OMP_NUM_THREADS", omp_num_threads, 1);
        dup2(ends[1], STDOUT_FILENO);
        execv("/proc/self/exe", arguments);
        _exit(1);
    }
    close(ends[1]);
    char text[16] = "";
    ssize_t size = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    assert_int_equal(exit_status(pid), 0);
    assert_true(size > 0);
    return atoi(text);
}

static void test_the_default_is_at_most_the_processors_that_the_process_may_use(void **state)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        skip(); /* more processors than the set holds */
    assert_in_range(threads_of_program(NULL, NULL, false), 1, CPU_COUNT(&set));
}

static void test_the_default_is_rnn_num_threads_or_else_the_first_of_omp_num_threads(void **state)
{
    static const struct {
        const char *rnn, *omp;
        bool on_one_processor;
        int threads;
    } cases[] = {
        {NULL, NULL, true, 1},       {"1", NULL, false, 1},
        {"3", NULL, false, 3},       {"3", NULL, true, 3}, /* may exceed the number of processors */
        {"1024", NULL, false, 1024}, {NULL, "7", false, 7},
        {NULL, "5,2", false, 5},     {"3", "5,2", false, 3},
    };
    for (int i = 0; i < COUNT_OF(cases); i++) {
        int threads = threads_of_program(cases[i].rnn, cases[i].omp, cases[i].on_one_processor);
        if (threads != cases[i].threads)
            fail_msg("case %d: %d threads instead of %d", i, threads, cases[i].threads);
    }
}

static void test_a_variable_that_is_no_number_from_1_to_1024_is_ignored(void **state)
{
    static const char *const values[] = {"", "0", "-2", "1025", "many", "4294967299", "99999999999999999999", "3x"};
    int usual = threads_of_program(NULL, NULL, false);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_int_equal(threads_of_program(values[i], NULL, false), usual);
        assert_int_equal(threads_of_program(NULL, values[i], false), usual);
    }
    assert_int_equal(threads_of_program("3,2", NULL, false), usual); /* only OMP_NUM_THREADS may be a list */
}

#define on_four_threads(test) cmocka_unit_test_setup_teardown(test, use_four_threads, use_the_default)

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "threads") == 0) {
        printf("%d\n", (int)rnn_threads());
        return EXIT_SUCCESS;
    }
    const struct CMUnitTest tests[] = {
        on_four_threads(test_1_2_3_and_16_threads_compute_the_same_bits),
        on_four_threads(test_the_number_of_threads_may_change_from_call_to_call),
        on_four_threads(test_a_call_on_four_threads_has_one_to_three_helpers),
        on_four_threads(test_threads_that_call_at_once_get_the_bits_of_one_alone),
        on_four_threads(test_callers_share_at_most_15_helpers_of_16_threads),
        on_four_threads(test_threads_that_come_and_go_leave_no_helpers_behind),
        on_four_threads(test_the_number_of_threads_may_change_while_another_thread_computes),
        on_four_threads(test_a_thread_with_a_stack_of_64_kib_can_compute),
        on_four_threads(test_a_forked_child_computes_on_as_many_threads_as_its_parent),
        on_four_threads(test_a_forked_child_may_have_the_id_of_its_parent),
        on_four_threads(test_a_parent_still_computes_after_fork),
        on_four_threads(test_a_child_that_another_thread_has_forked_computes),
        on_four_threads(test_a_child_forked_while_another_thread_computes_computes),
        on_four_threads(test_a_child_of_a_forked_child_computes),
        on_four_threads(test_a_child_of_a_forked_child_that_has_not_computed_computes),
        on_four_threads(test_a_signal_to_the_process_is_handled_on_no_helper),
        on_four_threads(test_idle_helpers_use_no_processor_time),
        cmocka_unit_test(test_the_default_is_at_most_the_processors_that_the_process_may_use),
        cmocka_unit_test(test_the_default_is_rnn_num_threads_or_else_the_first_of_omp_num_threads),
        cmocka_unit_test(test_a_variable_that_is_no_number_from_1_to_1024_is_ignored),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
