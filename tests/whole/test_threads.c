/*
 * Any number of threads can read one model at once, each with its own state, and get the results that one thread alone
 * gets. (Build with RNN_SANITIZE=thread to find races.) test_pool.c has threads that train.
 */
#include "processes.h"
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, ROUNDS = 20, STEPS = 30, STREAMS = 2, SYMBOLS = 11, SAMPLES = 50 };

/* The input and the results of a thread */
typedef struct reader {
    const rnn_model *model;
    const owned_chunk *chunk;
    rnn_status status;
    rnn_loss losses[ROUNDS];
    float outputs[STEPS * STREAMS * SYMBOLS]; /* of the last round */
    int32_t ids[ROUNDS][SAMPLES * STREAMS];
    int32_t hidden_size; /* as rnn_model_get_options() says */
    float bias[SYMBOLS]; /* as rnn_model_get_parameter() says */
} reader;

/* Runs and samples in turn, on one state. Only the main thread may use the checks of cmocka. */
static rnn_status read_model(reader *task, rnn_state *state, rnn_sampler *sampler)
{
    const int32_t first[STREAMS] = {0, 1};
    rnn_model_options options = {.struct_size = sizeof options};
    rnn_status status = rnn_model_get_options(task->model, &options);
    task->hidden_size = (int32_t)options.hidden_size;
    for (int n = 0; n < ROUNDS && status == RNN_OK; n++) {
        status = rnn_forward(task->model, state, &task->chunk->chunk, task->outputs, STEPS * STREAMS * SYMBOLS,
                             &task->losses[n]);
        if (status == RNN_OK)
            status = rnn_sample(task->model, state, sampler, first, SAMPLES, task->ids[n]);
    }
    if (status == RNN_OK)
        status = rnn_model_get_parameter(task->model, rnn_model_parameter_count(task->model) - 1, task->bias, SYMBOLS);
    return status;
}

static void run_reader(void *argument)
{
    reader *task = argument;
    scoped_state *state = NULL;
    scoped_sampler *sampler = NULL;
    task->status = rnn_state_create(task->model, STREAMS, &state);
    if (task->status == RNN_OK)
        task->status = rnn_sampler_create(NULL, &sampler);
    if (task->status == RNN_OK)
        task->status = read_model(task, state, sampler);
}

static void assert_same_reading(const reader *a, const reader *b)
{
    assert_int_equal(a->status, RNN_OK);
    assert_int_equal(b->status, RNN_OK);
    assert_memory_equal(a->losses, b->losses, sizeof a->losses);
    assert_memory_equal(a->outputs, b->outputs, sizeof a->outputs);
    assert_memory_equal(a->ids, b->ids, sizeof a->ids);
    assert_memory_equal(a->bias, b->bias, sizeof a->bias);
    assert_int_equal(a->hidden_size, b->hidden_size);
}

static void test_threads_read_one_model_at_once_and_get_what_one_alone_gets(void **state)
{
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++) {
        rnn_model_options options = make_options(SYMBOLS, 24, SYMBOLS, 2, RNN_FLOAT32);
        options.cell = cell;
        scoped_model *model = create_random_model(&options, 0.7, 1);
        scoped_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0.1, 2);
        reader alone = {.model = model, .chunk = &chunk};
        scoped_memory reader *readers = allocate(THREADS, sizeof *readers);
        for (int i = 0; i < THREADS; i++)
            readers[i] = alone;
        run_in_threads(THREADS, run_reader, readers, sizeof *readers);
        run_reader(&alone);
        for (int i = 0; i < THREADS; i++)
            assert_same_reading(&readers[i], &alone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_read_one_model_at_once_and_get_what_one_alone_gets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
