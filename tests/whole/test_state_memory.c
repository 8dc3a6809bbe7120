/*
 * How much memory states and models hold. A state holds little more than its values, however much it has run. So a
 * server can keep a state for each of thousands of users of one model.
 */
#include "processes.h"
#include "support.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SYMBOLS = 65, HIDDEN = 512, LAYERS = 2, STATES = 1000, PROMPT = 2048, READERS = 8 };

/* h, c, and 1 KiB for everything else */
enum { STATE_BYTES = 2 * LAYERS * HIDDEN * (int)sizeof(float) + 1024 };

/* ---- An allocator that counts ---- */

static atomic_llong held;       /* bytes */
static long long held_at_start; /* of a test; failed tests may have left some */

static void *allocate_and_count(void *context, size_t alignment, size_t size)
{
    void *pointer = allocate_aligned(alignment, size);
    if (pointer != NULL)
        atomic_fetch_add(&held, (long long)size);
    return pointer;
}

static void release_and_count(void *context, void *pointer, size_t size)
{
    atomic_fetch_sub(&held, (long long)size);
    release_aligned(pointer);
}

static int count_memory(void **state)
{
    const rnn_allocator counting = {.allocate = allocate_and_count, .release = release_and_count};
    return rnn_set_allocator(&counting);
}

static int begin_at_zero(void **state)
{
    held_at_start = atomic_load(&held);
    return 0;
}

static long long bytes_held(void)
{
    return atomic_load(&held) - held_at_start;
}

/* ---- The model, and running it ---- */

static rnn_model *create_lstm(int64_t hidden_size)
{
    rnn_model_options options = make_options(SYMBOLS, hidden_size, SYMBOLS, LAYERS, RNN_FLOAT32);
    options.cell = RNN_CELL_LSTM;
    options.initialization = RNN_INIT_UNIFORM;
    return create_model(&options);
}

static void run_prompt(const rnn_model *model, rnn_state *state, int64_t symbols)
{
    static int32_t ids[PROMPT];
    float outputs[SYMBOLS];
    const rnn_chunk prompt = {.struct_size = sizeof prompt, .steps = symbols, .streams = 1, .inputs = ids};
    assert_ok(rnn_forward(model, state, &prompt, symbols == 1 ? outputs : NULL, symbols == 1 ? SYMBOLS : 0, NULL));
}

static void train(rnn_model *model, rnn_state *state, int64_t steps, int64_t streams)
{
    scoped_memory int32_t *ids = allocate(steps * streams, sizeof *ids);
    const rnn_chunk chunk = {
        .struct_size = sizeof chunk, .steps = steps, .streams = streams, .inputs = ids, .targets = ids};
    assert_ok(rnn_forward_backward(model, state, &chunk, NULL));
}

/* ---- States ---- */

static void test_1000_states_that_have_run_a_step_hold_h_and_c_and_at_most_1_kib_each(void **state)
{
    static rnn_state *states[STATES];
    rnn_model *model = create_lstm(HIDDEN);
    rnn_state *first = create_state(model, 1);
    run_prompt(model, first, 1);
    long long before = bytes_held();
    for (int i = 0; i < STATES; i++) {
        states[i] = create_state(model, 1);
        run_prompt(model, states[i], 1);
        assert_in_range(bytes_held() - before, 0, (i + 1) * (long long)STATE_BYTES);
    }
    for (int i = 0; i < STATES; i++)
        rnn_state_destroy(states[i]);
    assert_int_equal(bytes_held(), before);
    rnn_state_destroy(first);
    rnn_model_destroy(model);
    assert_int_equal(bytes_held(), 0);
}

static long long bytes_of_state_after(const rnn_model *model, int64_t symbols)
{
    rnn_state *state = create_state(model, 1);
    run_prompt(model, state, symbols);
    long long with = bytes_held();
    rnn_state_destroy(state);
    return with - bytes_held();
}

static void test_a_prompt_of_2048_symbols_leaves_a_state_as_large_as_a_prompt_of_1(void **state)
{
    scoped_model *model = create_lstm(HIDDEN);
    long long after_1 = bytes_of_state_after(model, 1);
    assert_in_range(after_1, STATE_BYTES - 1024, STATE_BYTES);
    assert_int_equal(bytes_of_state_after(model, PROMPT), after_1);
}

static void test_states_that_have_each_run_a_long_prompt_hold_no_more_than_others(void **state)
{
    enum { FEW = 4 };
    rnn_state *states[FEW];
    scoped_model *model = create_lstm(HIDDEN);
    scoped_state *first = create_state(model, 1);
    run_prompt(model, first, PROMPT);
    long long before = bytes_held();
    for (int i = 0; i < FEW; i++) {
        states[i] = create_state(model, 1);
        run_prompt(model, states[i], PROMPT);
        assert_in_range(bytes_held() - before, 0, (i + 1) * (long long)STATE_BYTES);
    }
    for (int i = 0; i < FEW; i++)
        rnn_state_destroy(states[i]);
}

static void test_a_model_and_its_states_give_back_all_memory(void **state)
{
    rnn_model *model = create_lstm(HIDDEN);
    rnn_state *one = create_state(model, 1), *four = create_state(model, 4);
    run_prompt(model, one, 100);
    train(model, four, 10, 4);
    rnn_model_destroy(model); /* a state outlives its model */
    rnn_state_destroy(four);
    rnn_state_destroy(one);
    assert_int_equal(bytes_held(), 0);
}

/* ---- Models ---- */

enum { LARGE_STEPS = 1000, SMALL_STEPS = 4, TRAINED_STREAMS = 8, SMALL_CHUNKS = 100 };

/* Returns the memory of a model and its state after a large chunk (none if `large_steps` is 0) and many small ones. */
static long long bytes_after_training(int64_t large_steps)
{
    scoped_model *model = create_lstm(64);
    scoped_state *state = create_state(model, TRAINED_STREAMS);
    if (large_steps > 0)
        train(model, state, large_steps, TRAINED_STREAMS);
    for (int n = 0; n < SMALL_CHUNKS; n++)
        train(model, state, SMALL_STEPS, TRAINED_STREAMS);
    long long bytes = bytes_held();
    return bytes;
}

static void test_small_chunks_after_a_large_one_give_its_memory_back(void **state)
{
    enum { MARGIN = 1 << 20 }; /* the large chunk takes about 20 MiB */
    long long small_alone = bytes_after_training(0);
    assert_in_range(bytes_after_training(LARGE_STEPS), 0, small_alone + MARGIN);
}

/* ---- Several readers of a model that hasn't run yet ---- */

typedef struct reader {
    const rnn_model *model;
    rnn_status status;
    float outputs[10 * SYMBOLS];
} reader;

static void read_model(void *argument)
{
    static const int32_t ids[10] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    reader *task = argument;
    scoped_state *state = NULL;
    const rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 10, .streams = 1, .inputs = ids};
    task->status = rnn_state_create(task->model, 1, &state);
    if (task->status == RNN_OK)
        task->status = rnn_forward(task->model, state, &chunk, task->outputs, 10 * SYMBOLS, NULL);
}

static void assert_readers_agree(const rnn_model *model)
{
    static reader readers[READERS], alone;
    alone = (reader){.model = model};
    for (int i = 0; i < READERS; i++)
        readers[i] = alone;
    run_in_threads(READERS, read_model, readers, sizeof *readers);
    read_model(&alone);
    assert_int_equal(alone.status, RNN_OK);
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(readers[i].status, RNN_OK);
        assert_memory_equal(readers[i].outputs, alone.outputs, sizeof alone.outputs);
    }
}

static void test_threads_may_be_the_first_to_run_a_fresh_model_at_once(void **state)
{
    for (int n = 0; n < 10; n++) {
        scoped_model *model = create_lstm(64);
        assert_readers_agree(model);
    }
}

static void test_threads_may_be_the_first_to_run_a_trained_model_at_once(void **state)
{
    scoped_model *model = create_lstm(64);
    scoped_state *trained = create_state(model, TRAINED_STREAMS);
    scoped_optimizer *optimizer;
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    for (int n = 0; n < 10; n++) {
        train(model, trained, SMALL_STEPS, TRAINED_STREAMS);
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_readers_agree(model);
    }
}

static void test_readers_of_one_model_hold_its_packed_weights_once(void **state)
{
    rnn_model *model = create_lstm(HIDDEN);
    const void *parameters;
    int64_t count;
    assert_ok(rnn_model_flat_parameters(model, &parameters, &count));
    assert_readers_agree(model);
    assert_in_range(bytes_held(), 0, 3 * count * (int64_t)sizeof(float)); /* the parameters, packed, and scratch */
    rnn_model_destroy(model);
    assert_int_equal(bytes_held(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_1000_states_that_have_run_a_step_hold_h_and_c_and_at_most_1_kib_each,
                               begin_at_zero),
        cmocka_unit_test_setup(test_a_prompt_of_2048_symbols_leaves_a_state_as_large_as_a_prompt_of_1, begin_at_zero),
        cmocka_unit_test_setup(test_states_that_have_each_run_a_long_prompt_hold_no_more_than_others, begin_at_zero),
        cmocka_unit_test_setup(test_a_model_and_its_states_give_back_all_memory, begin_at_zero),
        cmocka_unit_test_setup(test_small_chunks_after_a_large_one_give_its_memory_back, begin_at_zero),
        cmocka_unit_test_setup(test_threads_may_be_the_first_to_run_a_fresh_model_at_once, begin_at_zero),
        cmocka_unit_test_setup(test_threads_may_be_the_first_to_run_a_trained_model_at_once, begin_at_zero),
        cmocka_unit_test_setup(test_readers_of_one_model_hold_its_packed_weights_once, begin_at_zero),
    };
    return cmocka_run_group_tests(tests, count_memory, NULL);
}
