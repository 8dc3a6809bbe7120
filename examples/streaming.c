/* Threads share a model: each feeds a stream of its own, step by step as values arrive, and none waits for another. */
#include <math.h>
#include <pthread.h>

#include "check.h"

enum { THREADS = 4, STEPS = 2000 };

typedef struct stream {
    const rnn_model *model; /* which the threads only read */
    float frequency, output;
} stream;

static void *run(void *context)
{
    stream *s = context;
    rnn_state *state; /* what this stream has seen */
    check(rnn_state_create(s->model, 1, &state));
    for (int t = 0; t < STEPS; t++) {
        const float value = sinf(s->frequency * (float)t);
        const rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = 1, .input_vectors = &value};
        check(rnn_forward(s->model, state, &chunk, &s->output, 1, NULL));
    }
    rnn_state_destroy(state);
    return NULL;
}

int main(void)
{
    stream streams[THREADS];
    pthread_t threads[THREADS];
    rnn_model *model;
    rnn_model_options options = recommended_options(RNN_CELL_GRU, 1, 1);
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    check(rnn_model_create(&options, &model));
    for (int i = 0; i < THREADS; i++) {
        streams[i] = (stream){.model = model, .frequency = 0.01f * (float)(i + 1)};
        if (pthread_create(&threads[i], NULL, run, &streams[i]) != 0)
            return EXIT_FAILURE;
    }
    for (int i = 0; i < THREADS; i++) {
        if (pthread_join(threads[i], NULL) != 0)
            return EXIT_FAILURE;
        printf("stream %d ends with %.4f\n", i, (double)streams[i].output);
    }
    rnn_model_destroy(model);
    return EXIT_SUCCESS;
}
