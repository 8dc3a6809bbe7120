/*
 * A program that loads the library as a plug-in can unload it at any time. Nothing of it stays behind,
 * no mapping and no thread. This suite isn't linked with the library: RNN_LIBRARY is its path.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rnn/rnn.h"

enum { ROUNDS = 20, THREADS = 4, STEPS = 16, STREAMS = 32, SYMBOLS = 50 };

/* The functions that the tests call. */
#define FUNCTIONS(each)                                                                                                \
    each(rnn_set_threads) each(rnn_last_error) each(rnn_model_options_init) each(rnn_model_create)                     \
        each(rnn_model_destroy) each(rnn_state_create) each(rnn_state_destroy) each(rnn_forward_backward)

typedef struct library {
    void *handle;
#define MEMBER(name) __typeof__(&name) name;
    FUNCTIONS(MEMBER)
} library;

static bool find_function(void *handle, const char *name, void *function)
{
    void *symbol = dlsym(handle, name);
    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static bool load(library *rnn)
{
    rnn->handle = dlopen(RNN_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    bool found = rnn->handle != NULL;
#define FIND(name) found = found && find_function(rnn->handle, #name, &rnn->name);
    FUNCTIONS(FIND)
    return found;
}

/* Trains on four threads; an error before that leaves a sentence in the thread's memory. */
static bool compute(const library *rnn)
{
    static const int32_t ids[STEPS * STREAMS];
    const rnn_chunk chunk = {
        .struct_size = sizeof chunk, .steps = STEPS, .streams = STREAMS, .inputs = ids, .targets = ids};
    rnn_model_options options;
    rnn_model *model = NULL;
    rnn_state *state = NULL;
    bool right = rnn->rnn_set_threads(-1) == RNN_ERROR_ARGUMENT && rnn->rnn_last_error()[0] != '\0' &&
                 rnn->rnn_set_threads(4) == RNN_OK && rnn->rnn_model_options_init(&options, sizeof options) == RNN_OK;
    if (right) {
        options.cell = RNN_CELL_LSTM;
        options.input_size = options.output_size = SYMBOLS;
        right = rnn->rnn_model_create(&options, &model) == RNN_OK &&
                rnn->rnn_state_create(model, STREAMS, &state) == RNN_OK &&
                rnn->rnn_forward_backward(model, state, &chunk, NULL) == RNN_OK;
    }
    rnn->rnn_state_destroy(state);
    rnn->rnn_model_destroy(model);
    return right;
}

static bool load_compute_unload(void)
{
    library rnn;
    return load(&rnn) && compute(&rnn) && dlclose(rnn.handle) == 0;
}

/* ---- What is left ---- */

static bool is_mapped(void)
{
    char line[4200];
    bool mapped = false;
    FILE *maps = fopen("/proc/self/maps", "r");
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps) != NULL)
        mapped = mapped || strstr(line, "librnn") != NULL;
    fclose(maps);
    return mapped;
}

static int count_tasks(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* A thread that has been joined may still be in /proc for a moment. */
static void assert_nothing_is_left(void)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    for (int i = 0; i < 200 && count_tasks() > 1; i++)
        nanosleep(&moment, NULL);
    assert_int_equal(count_tasks(), 1);
    assert_false(is_mapped());
}

/* ---- The tests ---- */

static void test_the_library_is_mapped_while_it_is_loaded(void **state)
{
    (void)state;
    library rnn;
    assert_true(load(&rnn));
    assert_true(is_mapped());
    assert_int_equal(dlclose(rnn.handle), 0);
    assert_nothing_is_left();
}

static void test_the_library_can_be_loaded_and_unloaded_again_and_again(void **state)
{
    (void)state;
    for (int n = 0; n < ROUNDS; n++) {
        assert_true(load_compute_unload());
        assert_nothing_is_left();
    }
}

static void *load_in_thread(void *argument)
{
    bool *right = argument;
    *right = load_compute_unload();
    return NULL;
}

static void test_a_thread_of_its_own_can_load_and_unload_the_library(void **state)
{
    (void)state;
    for (int n = 0; n < ROUNDS; n++) {
        bool right = false;
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, load_in_thread, &right), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_true(right);
        assert_nothing_is_left();
    }
}

static void test_threads_can_load_and_unload_the_library_at_once(void **state)
{
    (void)state;
    for (int n = 0; n < ROUNDS; n++) {
        bool right[THREADS] = {false};
        pthread_t threads[THREADS];
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, load_in_thread, &right[i]), 0);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (int i = 0; i < THREADS; i++)
            assert_true(right[i]);
        assert_nothing_is_left();
    }
}

static void *compute_in_thread(void *argument)
{
    const library *rnn = argument;
    return compute(rnn) ? argument : NULL;
}

static void test_another_thread_than_the_one_that_computed_can_unload_the_library(void **state)
{
    (void)state;
    library rnn;
    pthread_t thread;
    void *right;
    assert_true(load(&rnn));
    assert_int_equal(pthread_create(&thread, NULL, compute_in_thread, &rnn), 0);
    assert_int_equal(pthread_join(thread, &right), 0);
    assert_non_null(right);
    assert_int_equal(dlclose(rnn.handle), 0);
    assert_nothing_is_left();
}

/* ---- With fork ---- */

static void assert_ends_well(pid_t pid)
{
    int status;
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_a_program_that_has_unloaded_the_library_can_fork(void **state)
{
    (void)state;
    assert_true(load_compute_unload());
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        _exit(0);
    }
    assert_ends_well(pid);
}

static void test_a_forked_child_can_load_the_library_that_its_parent_has_unloaded(void **state)
{
    (void)state;
    assert_true(load_compute_unload());
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        _exit(load_compute_unload() ? 0 : 1);
    }
    assert_ends_well(pid);
}

/* The parent's helpers aren't in the child: nobody may wait for them there. */
static void test_a_forked_child_can_unload_the_library_that_its_parent_has_loaded(void **state)
{
    (void)state;
    library rnn;
    assert_true(load(&rnn));
    assert_true(compute(&rnn));
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        _exit(dlclose(rnn.handle) == 0 && !is_mapped() && count_tasks() == 1 ? 0 : 1);
    }
    assert_ends_well(pid);
    assert_true(compute(&rnn));
    assert_int_equal(dlclose(rnn.handle), 0);
    assert_nothing_is_left();
}

static void test_a_forked_child_that_computes_can_unload_the_library(void **state)
{
    (void)state;
    library rnn;
    assert_true(load(&rnn));
    assert_true(compute(&rnn));
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        _exit(compute(&rnn) && dlclose(rnn.handle) == 0 && !is_mapped() ? 0 : 1);
    }
    assert_ends_well(pid);
    assert_int_equal(dlclose(rnn.handle), 0);
    assert_nothing_is_left();
}

static void test_a_forked_child_can_exit_with_the_library_loaded(void **state)
{
    (void)state;
    library rnn;
    assert_true(load(&rnn));
    assert_true(compute(&rnn));
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        exit(0);
    }
    assert_ends_well(pid);
    pid = fork();
    if (pid == 0) {
        alarm(60);
        exit(compute(&rnn) ? 0 : 1);
    }
    assert_ends_well(pid);
    assert_int_equal(dlclose(rnn.handle), 0);
    assert_nothing_is_left();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_library_is_mapped_while_it_is_loaded),
        cmocka_unit_test(test_the_library_can_be_loaded_and_unloaded_again_and_again),
        cmocka_unit_test(test_a_thread_of_its_own_can_load_and_unload_the_library),
        cmocka_unit_test(test_threads_can_load_and_unload_the_library_at_once),
        cmocka_unit_test(test_another_thread_than_the_one_that_computed_can_unload_the_library),
        cmocka_unit_test(test_a_program_that_has_unloaded_the_library_can_fork),
        cmocka_unit_test(test_a_forked_child_can_load_the_library_that_its_parent_has_unloaded),
        cmocka_unit_test(test_a_forked_child_can_unload_the_library_that_its_parent_has_loaded),
        cmocka_unit_test(test_a_forked_child_that_computes_can_unload_the_library),
        cmocka_unit_test(test_a_forked_child_can_exit_with_the_library_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
