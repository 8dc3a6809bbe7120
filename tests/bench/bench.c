/*
 * bench.c: measures how fast a named configuration trains or samples, compared with the fused multiply-add peak of the
 * same core in the same run.
 *
 *     bench CONFIGURATION [--threads N] [--precision float32|float64] [--seconds X] [--steps T] [--norm 1]
 *
 * Prints one line: tokens/s, useful GFLOP/s, the peak, and the fraction. The useful operations are multiplications with
 * weights and their additions: 2 for each weight forward, 4 more backward. Looking up the row of a symbol doesn't
 * count.
 */
#include "peak.h"
#include "rnn/rnn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, DRAWS = 100 };

typedef struct configuration {
    const char *name, *what;
    int32_t cell, input, rule;
    int64_t layers, hidden, symbols, embedding, steps, streams;
    bool samples;
} configuration;

static const configuration configurations[] = {
    {"S", "RNN 1x100, V 65, T 25, B 1, Adagrad: the seed's", RNN_CELL_TANH, RNN_INPUT_IDS, RNN_OPTIMIZER_ADAGRAD, 1,
     100, 65, 0, 25, 1, false},
    {"C", "LSTM 2x128, V 65, T 50, B 50, Adam", RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_OPTIMIZER_ADAM, 2, 128, 65, 0, 50, 50,
     false},
    {"G", "GRU 1x256, V 65, T 64, B 32, Adam", RNN_CELL_GRU, RNN_INPUT_IDS, RNN_OPTIMIZER_ADAM, 1, 256, 65, 0, 64, 32,
     false},
    {"L", "LSTM 2x512, V 65, T 64, B 64, Adam", RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_OPTIMIZER_ADAM, 2, 512, 65, 0, 64, 64,
     false},
    {"W", "LSTM 1x256, V 50000, embedding 256, T 32, B 32, Adagrad", RNN_CELL_LSTM, RNN_INPUT_EMBEDDING,
     RNN_OPTIMIZER_ADAGRAD, 1, 256, 50000, 256, 32, 32, false},
    {"I1", "sampling from LSTM 2x128, V 65, B 1", RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_OPTIMIZER_ADAM, 2, 128, 65, 0, 1, 1,
     true},
    {"I64", "sampling from LSTM 2x128, V 65, B 64", RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_OPTIMIZER_ADAM, 2, 128, 65, 0, 1,
     64, true},
};

/* A configuration and its objects */
typedef struct bench {
    configuration c;
    int32_t layer_norm;
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_sampler *sampler;
    int32_t *ids;   /* [T + 1][B] */
    int32_t *drawn; /* [DRAWS][B] */
} bench;

static void check(rnn_status status)
{
    if (status == RNN_OK)
        return;
    fprintf(stderr, "bench: %s\n", rnn_last_error());
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The useful operations for one token */
static double useful_operations(const configuration *c)
{
    double gates = c->cell == RNN_CELL_LSTM ? 4 : c->cell == RNN_CELL_GRU ? 3 : 1, hidden = (double)c->hidden;
    double recurrent = (double)c->layers * gates * hidden * hidden;
    double inputs = (double)(c->layers - 1) * gates * hidden * hidden + gates * hidden * (double)c->embedding;
    return (c->samples ? 2 : 6) * (recurrent + inputs + hidden * (double)c->symbols);
}

static void set_up(bench *b, int32_t precision)
{
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = b->c.symbols;
    options.hidden_size = b->c.hidden;
    options.layers = b->c.layers;
    options.cell = b->c.cell;
    options.input = b->c.input;
    options.embedding_size = b->c.embedding;
    options.initialization = RNN_INIT_UNIFORM;
    options.precision = precision;
    options.layer_norm = b->layer_norm;
    rnn_optimizer_options rule;
    check(rnn_optimizer_options_init(&rule, sizeof rule, b->c.rule));
    rule.learning_rate = 0.001;
    rule.clip_value = 5;
    check(rnn_model_create(&options, &b->model));
    check(rnn_state_create(b->model, b->c.streams, &b->state));
    check(rnn_optimizer_create(b->model, &rule, &b->optimizer));
    check(rnn_sampler_create(NULL, &b->sampler));

    size_t count = (size_t)((b->c.steps + 1) * b->c.streams);
    b->ids = malloc(count * sizeof *b->ids);
    b->drawn = malloc(DRAWS * (size_t)b->c.streams * sizeof *b->drawn);
    if (!b->ids || !b->drawn)
        abort();
    uint32_t random = 1;
    for (size_t i = 0; i < count; i++) {
        random = random * 1664525u + 1013904223u;
        b->ids[i] = (int32_t)((random >> 8) % (uint32_t)b->c.symbols);
    }
}

/* Does one unit of work and returns its tokens. */
static double work(bench *b)
{
    if (b->c.samples) {
        check(rnn_sample(b->model, b->state, b->sampler, b->ids, DRAWS, b->drawn));
        return DRAWS * (double)b->c.streams;
    }
    rnn_chunk chunk = {.struct_size = sizeof chunk,
                       .steps = b->c.steps,
                       .streams = b->c.streams,
                       .inputs = b->ids,
                       .targets = b->ids + b->c.streams};
    check(rnn_forward_backward(b->model, b->state, &chunk, NULL));
    check(rnn_optimizer_step(b->optimizer, b->model));
    return (double)(b->c.steps * b->c.streams);
}

static void tear_down(bench *b)
{
    free(b->ids);
    free(b->drawn);
    rnn_sampler_destroy(b->sampler);
    rnn_optimizer_destroy(b->optimizer);
    rnn_state_destroy(b->state);
    rnn_model_destroy(b->model);
}

static int usage(void)
{
    fprintf(stderr, "usage: bench CONFIGURATION [--threads N] [--precision float32|float64] [--seconds X] [--steps T] "
                    "[--norm 1]\n");
    for (size_t i = 0; i < sizeof configurations / sizeof *configurations; i++)
        fprintf(stderr, "    %-4s %s\n", configurations[i].name, configurations[i].what);
    return 2;
}

int main(int argc, char **argv)
{
    bench b = {0};
    int32_t precision = RNN_FLOAT32;
    double seconds = 3;
    for (size_t i = 0; argc > 1 && i < sizeof configurations / sizeof *configurations; i++)
        if (strcmp(argv[1], configurations[i].name) == 0)
            b.c = configurations[i];
    if (!b.c.name || argc % 2 == 1)
        return usage();
    for (int i = 2; i < argc; i += 2) {
        if (strcmp(argv[i], "--precision") == 0)
            precision = strcmp(argv[i + 1], "float64") == 0 ? RNN_FLOAT64 : RNN_FLOAT32;
        else if (strcmp(argv[i], "--threads") == 0)
            check(rnn_set_threads(atoi(argv[i + 1])));
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = atof(argv[i + 1]);
        else if (strcmp(argv[i], "--steps") == 0)
            b.c.steps = atoll(argv[i + 1]);
        else if (strcmp(argv[i], "--norm") == 0)
            b.layer_norm = atoi(argv[i + 1]);
        else
            return usage();
    }
    set_up(&b, precision);
    work(&b);
    double peak = 0, tokens = 0, spent = 0;
    for (int round = 0; round < ROUNDS; round++) { /* the machine's speed drifts, so the two take turns */
        double measured = peak_gflops(precision == RNN_FLOAT64), start = now();
        peak = measured > peak ? measured : peak;
        while (now() - start < seconds / ROUNDS)
            tokens += work(&b);
        spent += now() - start;
    }
    double gflops = useful_operations(&b.c) * tokens / spent * 1e-9;
    printf("%s: %.0f tokens/s, %.1f GFLOP/s, peak of a core %.1f, fraction %.3f\n", b.c.name, tokens / spent, gflops,
           peak, gflops / peak);
    tear_down(&b);
    return 0;
}
