/*
 * step.c: measures the time of one call for one step of one stream with one input and one output, as in audio plug-ins
 * and controllers.
 *
 *     step [CALLS]
 *
 * Prints a row for each hidden size: nanoseconds per call for an LSTM and for a GRU. Each is the minimum of many
 * rounds, so that other work on the machine doesn't count.
 */
#include "rnn/rnn.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 200 };

static const int64_t sizes[] = {8, 16, 24, 32, 64, 128};

static void check(rnn_status status)
{
    if (status == RNN_OK)
        return;
    fprintf(stderr, "step: %s\n", rnn_last_error());
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Returns nanoseconds per call. */
static double measure(int32_t cell, int64_t hidden, int calls)
{
    rnn_model_options options;
    rnn_model *model;
    rnn_state *state;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = cell;
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    options.initialization = RNN_INIT_UNIFORM;
    options.input_size = options.output_size = 1;
    options.hidden_size = hidden;
    check(rnn_model_create(&options, &model));
    check(rnn_state_create(model, 1, &state));
    float in = 0.5f, out;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = 1, .input_vectors = &in};
    double least = 1e9;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < calls; i++)
            check(rnn_forward(model, state, &chunk, &out, 1, NULL));
        double spent = (now() - start) / calls * 1e9;
        least = spent < least ? spent : least;
    }
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    return least;
}

int main(int argc, char **argv)
{
    int calls = argc > 1 ? atoi(argv[1]) : 1000;
    if (calls < 1 || argc > 2) {
        fprintf(stderr, "usage: step [CALLS]\n");
        return 2;
    }
    printf("%6s %10s %10s\n", "H", "LSTM, ns", "GRU, ns");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        printf("%6d %10.0f %10.0f\n", (int)sizes[i], measure(RNN_CELL_LSTM, sizes[i], calls),
               measure(RNN_CELL_GRU, sizes[i], calls));
    return 0;
}
