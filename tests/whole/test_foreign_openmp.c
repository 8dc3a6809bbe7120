/*
 * In a program that computes with OpenMP itself, the library works beside it, and in a forked
 * child, where OpenMP's run time doesn't.
 */
#include "support.h"
#include "training.h"

#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

static void run_a_parallel_region(void)
{
    int threads = 0;
#pragma omp parallel num_threads(2) reduction(+ : threads)
    threads += 1;
    assert_int_equal(threads, 2);
}

static training train_on(int32_t threads)
{
    assert_ok(rnn_set_threads(threads));
    return train();
}

static void assert_forked_child_trains(void)
{
    training alone = train_on(1);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(120);
        training child = {.status = RNN_ERROR_ARGUMENT};
        if (rnn_set_threads(2) == RNN_OK)
            child = train();
        _exit(same_training(&child, &alone) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_child_forked_after_a_parallel_region_trains(void **state)
{
    (void)state;
    run_a_parallel_region();
    assert_forked_child_trains();
}

static void test_a_child_forked_after_a_parallel_region_and_training_trains(void **state)
{
    (void)state;
    run_a_parallel_region();
    (void)train_on(2);
    run_a_parallel_region();
    assert_forked_child_trains();
}

static void test_each_thread_of_a_parallel_region_trains(void **state)
{
    (void)state;
    training alone = train_on(1), results[2] = {{.status = RNN_ERROR_ARGUMENT}, {.status = RNN_ERROR_ARGUMENT}};
    assert_ok(rnn_set_threads(2));
#pragma omp parallel num_threads(2)
    results[omp_get_thread_num()] = train();
    assert_true(same_training(&results[0], &alone));
    assert_true(same_training(&results[1], &alone));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_child_forked_after_a_parallel_region_trains),
        cmocka_unit_test(test_a_child_forked_after_a_parallel_region_and_training_trains),
        cmocka_unit_test(test_each_thread_of_a_parallel_region_trains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
