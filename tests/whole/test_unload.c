/*
 * A program that loads the library as a plug-in can unload it at any time. No mapping and no thread of it remain. This
 * suite isn't linked with the library; RNN_LIBRARY is its path.
 */
#include "../support/processes.h"
#include "rnn/rnn.h"

#include <dlfcn.h>
#include <stdio.h>

enum { ROUNDS = 20, THREADS = 4, STEPS = 16, STREAMS = 32, SYMBOLS = 50 };

/* The functions that the tests call */
#define FUNCTIONS(each)                                                                                                \
    each(rnn_set_threads) each(rnn_last_error) each(rnn_model_options_init) each(rnn_model_create)                     \
        each(rnn_model_destroy) each(rnn_state_create) each(rnn_state_destroy) each(rnn_forward_backward)

typedef struct library {
    void *handle;
#define MEMBER(name) __typeof__(&name) name; // NOLINT(bugprone-macro-parentheses): this declares the name
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

/* Trains on four threads, after an error that leaves a sentence in the thread's memory. */
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
    library own;
    return load(&own) && compute(&own) && dlclose(own.handle) == 0;
}

/* ---- What remains after unloading ---- */

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

static void assert_nothing_is_left(void)
{
    assert_int_equal(count_tasks_down_to(1), 1);
    assert_false(is_mapped());
}

static library rnn; /* for tests that unload it later */

static void load_and_compute(void)
{
    assert_true(load(&rnn));
    assert_true(compute(&rnn));
}

static void unload(void)
{
    assert_int_equal(dlclose(rnn.handle), 0);
    assert_nothing_is_left();
}

/* ---- The tests ---- */

static void test_the_library_is_mapped_while_it_is_loaded(void **state)
{
    assert_true(load(&rnn));
    assert_true(is_mapped());
    unload();
}

static void test_the_library_can_be_loaded_and_unloaded_again_and_again(void **state)
{
    for (int n = 0; n < ROUNDS; n++) {
        assert_true(load_compute_unload());
        assert_nothing_is_left();
    }
}

static void load_in_thread(void *right)
{
    *(bool *)right = load_compute_unload();
}

static void load_in_threads(int count)
{
    bool right[THREADS] = {false};
    run_in_threads(count, load_in_thread, right, sizeof *right);
    for (int i = 0; i < count; i++)
        assert_true(right[i]);
    assert_nothing_is_left();
}

static void test_a_thread_of_its_own_can_load_and_unload_the_library(void **state)
{
    for (int n = 0; n < ROUNDS; n++)
        load_in_threads(1);
}

static void test_threads_can_load_and_unload_the_library_at_once(void **state)
{
    for (int n = 0; n < ROUNDS; n++)
        load_in_threads(THREADS);
}

static void compute_in_thread(void *right)
{
    *(bool *)right = compute(&rnn);
}

static void test_another_thread_than_the_one_that_computed_can_unload_the_library(void **state)
{
    bool right = false;
    assert_true(load(&rnn));
    run_in_threads(1, compute_in_thread, &right, sizeof right);
    assert_true(right);
    unload();
}

/* ---- With fork ---- */

static bool do_nothing(void *argument)
{
    return true;
}

static bool child_loads_computes_unloads(void *argument)
{
    return load_compute_unload();
}

static void test_a_program_that_has_unloaded_the_library_can_fork(void **state)
{
    assert_true(load_compute_unload());
    assert_true(holds_in_child(do_nothing, NULL));
}

static void test_a_forked_child_can_load_the_library_that_its_parent_has_unloaded(void **state)
{
    assert_true(load_compute_unload());
    assert_true(holds_in_child(child_loads_computes_unloads, NULL));
}

static bool child_unloads(void *argument)
{
    return dlclose(rnn.handle) == 0 && !is_mapped() && count_tasks() == 1;
}

/* The child doesn't have the parent's helpers, so nothing may wait for them there. */
static void test_a_forked_child_can_unload_the_library_that_its_parent_has_loaded(void **state)
{
    load_and_compute();
    assert_true(holds_in_child(child_unloads, NULL));
    assert_true(compute(&rnn));
    unload();
}

static bool child_computes_and_unloads(void *argument)
{
    return compute(&rnn) && dlclose(rnn.handle) == 0 && !is_mapped();
}

static void test_a_forked_child_that_computes_can_unload_the_library(void **state)
{
    load_and_compute();
    assert_true(holds_in_child(child_computes_and_unloads, NULL));
    unload();
}

static bool child_exits(void *argument)
{
    exit(0);
}

static bool child_computes_and_exits(void *argument)
{
    exit(compute(&rnn) ? 0 : 1);
}

static void test_a_forked_child_can_exit_with_the_library_loaded(void **state)
{
    load_and_compute();
    fflush(NULL); /* or the child would write the same again */
    assert_true(holds_in_child(child_exits, NULL));
    assert_true(holds_in_child(child_computes_and_exits, NULL));
    unload();
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
