/*
 * The library works in a program that uses OpenMP itself. It also works in a forked child of that program, where
 * OpenMP's run time doesn't.
 */
#include "processes.h"
#include "support.h"
#include "training.h"

#include <omp.h>

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

static bool two_threads_train_as_alone(void *alone)
{
    if (rnn_set_threads(2) != RNN_OK)
        return false;
    training result = train();
    return same_training(&result, alone);
}

static void assert_forked_child_trains(void)
{
    training alone = train_on(1);
    assert_true(holds_in_child(two_threads_train_as_alone, &alone));
}

static void test_a_child_forked_after_a_parallel_region_trains(void **state)
{
    run_a_parallel_region();
    assert_forked_child_trains();
}

static void test_a_child_forked_after_a_parallel_region_and_training_trains(void **state)
{
    run_a_parallel_region();
    (void)train_on(2);
    run_a_parallel_region();
    assert_forked_child_trains();
}

static void test_each_thread_of_a_parallel_region_trains(void **state)
{
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
