/* Threads share a model: each feeds a stream of its own, step by step as values arrive, and none waits for another. */
#include <math.h>
#include <pthread.h>
#include <string.h>

#include "check.h"

enum { THREADS = 4, STEPS = 2000 };

typedef struct stream {
    const rnn_model *model; /* is only read */
    int number;
    float outputs[STEPS];
} stream;

static void *run(void *context)
{
    stream *s = context;
    rnn_state *state; /* what this stream has seen */
    check(rnn_state_create(s->model, 1, &state));
    for (int t = 0; t < STEPS; t++) {
        const float value = sinf(0.01f * (float)((s->number + 1) * t));
        const rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = 1, .input_vectors = &value};
        check(rnn_forward(s->model, state, &chunk, &s->outputs[t], 1, NULL));
    }
    rnn_state_destroy(state);
    return NULL;
}

int main(void)
{
    static stream together[THREADS], alone[THREADS];
    pthread_t threads[THREADS];
    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_GRU;
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    options.input_size = options.output_size = 1;
    options.initialization = RNN_INIT_UNIFORM;
    check(rnn_model_create(&options, &model));
    for (int i = 0; i < THREADS; i++) {
        together[i] = alone[i] = (stream){.model = model, .number = i};
        if (pthread_create(&threads[i], NULL, run, &together[i]) != 0)
            return EXIT_FAILURE;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        run(&alone[i]);
        printf("stream %d ends with %.6f, %s\n", i, (double)together[i].outputs[STEPS - 1],
               memcmp(together[i].outputs, alone[i].outputs, sizeof alone[i].outputs) ? "and alone with others!"
                                                                                      : "the same as alone");
    }
    rnn_model_destroy(model);
    return EXIT_SUCCESS;
}
