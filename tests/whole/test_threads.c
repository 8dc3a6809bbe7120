/*
 * Threads: any number of them read one model at once, each with a state of its own, and get what one alone gets. (Build
 * with RNN_SANITIZE=thread to have what they share watched.)
 */
#include "support.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, ROUNDS = 20, STEPS = 30, STREAMS = 2, SYMBOLS = 11, SAMPLES = 50 };

/* What a thread is given, and what it gets. */
typedef struct reader {
    const rnn_model *model;
    const owned_chunk *chunk;
    pthread_barrier_t *start;
    rnn_status status;
    rnn_loss losses[ROUNDS];
    float outputs[STEPS * STREAMS * SYMBOLS]; /* of the last round */
    int32_t ids[ROUNDS][SAMPLES * STREAMS];
    int32_t hidden_size; /* as rnn_model_get_options() says */
    float bias[SYMBOLS]; /* as rnn_model_get_parameter() says */
} reader;

/* Runs and samples in turn, on one state. No cmocka check in here: they belong to the main thread. */
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

static void *run_reader(void *argument)
{
    reader *task = argument;
    rnn_state *state = NULL;
    rnn_sampler *sampler = NULL;
    if (task->start != NULL)
        pthread_barrier_wait(task->start);
    task->status = rnn_state_create(task->model, STREAMS, &state);
    if (task->status == RNN_OK)
        task->status = rnn_sampler_create(NULL, &sampler);
    if (task->status == RNN_OK)
        task->status = read_model(task, state, sampler);
    rnn_sampler_destroy(sampler);
    rnn_state_destroy(state);
    return NULL;
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
    (void)state;
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++) {
        rnn_model_options options = make_options(SYMBOLS, 24, SYMBOLS, 2, RNN_FLOAT32);
        options.cell = cell;
        rnn_model *model = create_random_model(&options, 0.7, 1);
        owned_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0.1, 2);
        reader *readers = allocate(THREADS + 1, sizeof *readers), *alone = &readers[THREADS];
        pthread_t threads[THREADS];
        pthread_barrier_t start;
        assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
        for (int i = 0; i < THREADS; i++) {
            readers[i].model = model;
            readers[i].chunk = &chunk;
            readers[i].start = &start;
            assert_int_equal(pthread_create(&threads[i], NULL, run_reader, &readers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        alone->model = model;
        alone->chunk = &chunk;
        (void)run_reader(alone);
        for (int i = 0; i < THREADS; i++)
            assert_same_reading(&readers[i], alone);
        pthread_barrier_destroy(&start);
        free(readers);
        destroy_chunk(&chunk);
        rnn_model_destroy(model);
    }
}

/* Models are independent: each thread creates, trains and destroys its own. */
typedef struct trainer {
    const owned_chunk *chunk;
    pthread_barrier_t *start;
    rnn_status status;
    rnn_loss losses[ROUNDS];
} trainer;

static rnn_status train(trainer *task, rnn_model *model, rnn_state *state, rnn_optimizer *optimizer)
{
    rnn_status status = RNN_OK;
    for (int n = 0; n < ROUNDS && status == RNN_OK; n++) {
        status = rnn_forward_backward(model, state, &task->chunk->chunk, &task->losses[n]);
        if (status == RNN_OK)
            status = rnn_model_clip_norm(model, 1, NULL);
        if (status == RNN_OK)
            status = rnn_optimizer_step(optimizer, model);
    }
    return status;
}

static void *run_trainer(void *argument)
{
    trainer *task = argument;
    rnn_model *model = NULL;
    rnn_state *state = NULL;
    rnn_optimizer *optimizer = NULL;
    rnn_model_options options;
    if (task->start != NULL)
        pthread_barrier_wait(task->start);
    task->status = rnn_model_options_init(&options, sizeof options);
    options.input_size = options.output_size = SYMBOLS;
    options.hidden_size = 24;
    options.layers = 2;
    options.cell = RNN_CELL_LSTM;
    options.dropout = 0.25;
    if (task->status == RNN_OK)
        task->status = rnn_model_create(&options, &model);
    if (task->status == RNN_OK)
        task->status = rnn_state_create(model, STREAMS, &state);
    if (task->status == RNN_OK)
        task->status = rnn_optimizer_create(model, NULL, &optimizer);
    if (task->status == RNN_OK)
        task->status = train(task, model, state, optimizer);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    return NULL;
}

static void test_threads_train_models_of_their_own_as_one_alone_does(void **state)
{
    owned_chunk chunk = create_random_chunk(STEPS, STREAMS, SYMBOLS, SYMBOLS, 0.1, 2);
    trainer trainers[THREADS] = {{0}}, alone = {.chunk = &chunk};
    pthread_t threads[THREADS];
    pthread_barrier_t start;
    (void)state;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (int i = 0; i < THREADS; i++) {
        trainers[i].chunk = &chunk;
        trainers[i].start = &start;
        assert_int_equal(pthread_create(&threads[i], NULL, run_trainer, &trainers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    (void)run_trainer(&alone);
    assert_int_equal(alone.status, RNN_OK);
    assert_true(alone.losses[ROUNDS - 1].sum < alone.losses[0].sum);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(trainers[i].status, RNN_OK);
        assert_memory_equal(trainers[i].losses, alone.losses, sizeof alone.losses);
    }
    pthread_barrier_destroy(&start);
    destroy_chunk(&chunk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads_read_one_model_at_once_and_get_what_one_alone_gets),
        cmocka_unit_test(test_threads_train_models_of_their_own_as_one_alone_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
