/*
 * exported.c: makes models for the test of rnn_export, and writes what the library computes with them.
 *   exported kinds               prints the kinds of models, a line for each
 *   exported create KIND FILE    makes a model
 *   exported expect FILE HEADER  writes inputs, targets, outputs and the loss as C, for exported_check.c
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rnn/rnn.h>

enum { STEPS = 300, TRAINED_STEPS = 64, STREAMS = 16, UPDATES = 300 };

static void check(rnn_status status)
{
    if (status == RNN_OK)
        return;
    fprintf(stderr, "exported: %s\n", rnn_last_error());
    exit(EXIT_FAILURE);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

static uint32_t next_random(void)
{
    static uint32_t x = 1;
    x = x * 1664525 + 1013904223;
    return x >> 8;
}

static float random_float(float from, float to)
{
    return from + (to - from) * (float)next_random() / 16777216;
}

/* Fills `out` with ids that a network can partly predict. */
static void random_ids(int32_t *out, int64_t count, int32_t symbols)
{
    int32_t a = 0, b = 1;
    for (int64_t i = 0; i < count; i++) {
        int32_t c = (3 * a + b + (next_random() % 4 == 0 ? (int32_t)(next_random() % 5) : 0)) % symbols;
        out[i] = c;
        a = b;
        b = c;
    }
}

typedef struct kind {
    const char *name;
    rnn_model_options o;
} kind;

#define IDS .input = RNN_INPUT_IDS, .input_size = 19, .output_size = 19
#define VECTORS .input = RNN_INPUT_VECTORS, .loss = RNN_LOSS_SQUARED_ERROR
#define EMBEDDING .input = RNN_INPUT_EMBEDDING, .input_size = 23

static const kind kinds[] = {
    {"tanh_ids", {IDS, .cell = RNN_CELL_TANH, .layers = 1, .hidden_size = 21}},
    {"tanh_vectors",
     {VECTORS, .input_size = 3, .output_size = 2, .cell = RNN_CELL_TANH, .layers = 2, .hidden_size = 8}},
    {"tanh_norm", {IDS, .cell = RNN_CELL_TANH, .layers = 1, .hidden_size = 12, .layer_norm = 1, .learned_state = 1}},
    {"gru_ids", {IDS, .cell = RNN_CELL_GRU, .layers = 1, .hidden_size = 17}},
    {"gru_both", {IDS, .cell = RNN_CELL_GRU, .layers = 3, .hidden_size = 10, .bias = RNN_BIAS_BOTH}},
    {"gru_vectors", {VECTORS, .input_size = 1, .output_size = 1, .cell = RNN_CELL_GRU, .layers = 1, .hidden_size = 32}},
    {"gru_norm",
     {VECTORS, .input_size = 5, .output_size = 4, .cell = RNN_CELL_GRU, .layers = 2, .hidden_size = 9, .layer_norm = 1,
      .bias = RNN_BIAS_BOTH, .learned_state = 1}},
    {"gru_embedding",
     {EMBEDDING, .output_size = 11, .embedding_size = 6, .cell = RNN_CELL_GRU, .layers = 1, .hidden_size = 14}},
    {"gru_float64", {IDS, .cell = RNN_CELL_GRU, .layers = 1, .hidden_size = 5, .precision = RNN_FLOAT64}},
    {"lstm_ids", {IDS, .cell = RNN_CELL_LSTM, .layers = 2, .hidden_size = 13, .forget_bias = 1}},
    {"lstm_vectors",
     {VECTORS, .input_size = 1, .output_size = 1, .cell = RNN_CELL_LSTM, .layers = 1, .hidden_size = 16}},
    {"lstm_norm",
     {IDS, .cell = RNN_CELL_LSTM, .layers = 2, .hidden_size = 11, .layer_norm = 1, .learned_state = 1,
      .bias = RNN_BIAS_BOTH}},
    {"lstm_tied",
     {EMBEDDING, .output_size = 23, .embedding_size = 12, .tied = 1, .cell = RNN_CELL_LSTM, .layers = 1,
      .hidden_size = 12}},
    {"one_unit", {VECTORS, .input_size = 1, .output_size = 1, .cell = RNN_CELL_TANH, .layers = 1, .hidden_size = 1}},
    {"trained", {IDS, .cell = RNN_CELL_GRU, .layers = 1, .hidden_size = 32}},
    {"trained_lstm", {IDS, .cell = RNN_CELL_LSTM, .layers = 1, .hidden_size = 32, .layer_norm = 1, .forget_bias = 1}},
    {"bidirectional", {IDS, .cell = RNN_CELL_GRU, .layers = 1, .hidden_size = 4, .bidirectional = 1}},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* Changes the parameters that begin as zeros or ones. */
static void randomise(rnn_model *model)
{
    for (int64_t i = 0; i < rnn_model_parameter_count(model); i++) {
        rnn_parameter p = {.struct_size = sizeof p};
        check(rnn_model_describe_parameter(model, i, &p));
        const int gain = strstr(p.name, "norm_") != NULL;
        if (p.precision != RNN_FLOAT32 || (!gain && !strstr(p.name, "initial_")))
            continue;
        float *values = allocate((size_t)p.count, sizeof *values);
        for (int64_t k = 0; k < p.count; k++)
            values[k] = gain ? random_float(0.5f, 1.5f) : random_float(-0.5f, 0.5f);
        check(rnn_model_set_parameter(model, i, values, p.count));
        free(values);
    }
}

static void train(rnn_model *model, int32_t symbols)
{
    static int32_t ids[TRAINED_STEPS + 1][STREAMS];
    int32_t stream[TRAINED_STEPS + 1];
    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_optimizer_options rule;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = TRAINED_STEPS, .streams = STREAMS};
    chunk.inputs = ids[0];
    chunk.targets = ids[1];
    check(rnn_state_create(model, STREAMS, &state));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = 0.01;
    rule.clip_norm = 1;
    check(rnn_optimizer_create(model, &rule, &optimizer));
    for (int n = 0; n < UPDATES; n++) {
        for (int b = 0; b < STREAMS; b++) {
            random_ids(stream, TRAINED_STEPS + 1, symbols);
            for (int t = 0; t <= TRAINED_STEPS; t++)
                ids[t][b] = stream[t];
        }
        check(rnn_state_reset(state));
        check(rnn_forward_backward(model, state, &chunk, NULL));
        check(rnn_optimizer_step(optimizer, model));
    }
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
}

static void create(const kind *k, const char *path)
{
    rnn_model *model;
    rnn_model_options o = k->o;
    o.struct_size = sizeof o;
    o.initialization = RNN_INIT_UNIFORM;
    o.weight_scale = 0.01;
    o.reduction = RNN_REDUCTION_MEAN;
    o.seed = (uint64_t)(k - kinds) + 1;
    check(rnn_model_create(&o, &model));
    if (strncmp(k->name, "trained", 7) == 0)
        train(model, (int32_t)o.input_size);
    else
        randomise(model);
    check(rnn_model_save(model, NULL, path));
    rnn_model_destroy(model);
}

static void write_floats(FILE *f, const char *name, const float *values, int64_t count)
{
    fprintf(f, "static const float %s[] = {", name);
    for (int64_t i = 0; i < count; i++)
        fprintf(f, "%s%.9ef,", i % 8 == 0 ? "\n" : "", (double)values[i]);
    fputs("\n};\n", f);
}

static void expect(const char *path, const char *header)
{
    rnn_load_options load;
    rnn_model *model;
    rnn_state *state;
    rnn_loss loss = {0};
    rnn_model_options o = {.struct_size = sizeof o};
    int32_t *ids = allocate(STEPS + 1, sizeof *ids), *targets = allocate(STEPS, sizeof *targets);
    check(rnn_load_options_init(&load, sizeof load));
    load.precision = RNN_FLOAT32;
    check(rnn_model_load(path, &load, &model, NULL));
    check(rnn_model_get_options(model, &o));
    check(rnn_state_create(model, 1, &state));
    const int64_t inputs = STEPS * o.input_size, outputs = STEPS * o.output_size;
    float *in = allocate((size_t)inputs, sizeof *in), *out = allocate((size_t)outputs, sizeof *out);
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = STEPS, .streams = 1};
    const int vectors = o.input == RNN_INPUT_VECTORS;
    random_ids(ids, STEPS + 1, (int32_t)o.input_size);
    for (int t = 0; t < STEPS; t++)
        targets[t] = ids[t + 1] % (int32_t)o.output_size;
    for (int64_t i = 0; i < inputs; i++)
        in[i] = random_float(-2, 2);
    if (vectors)
        chunk.input_vectors = in;
    else {
        chunk.inputs = ids;
        chunk.targets = targets;
    }
    check(rnn_forward(model, state, &chunk, out, outputs, vectors ? NULL : &loss));

    FILE *f = fopen(header, "w");
    if (!f)
        abort();
    fprintf(f, "enum { STEPS = %d, INPUTS = %lld, OUTPUTS = %lld, HAS_LOSS = %d };\n", STEPS, (long long)o.input_size,
            (long long)o.output_size, !vectors);
    fprintf(f, "static const double expected_loss = %.9e;\n", loss.sum);
    if (vectors) {
        fputs("#define VECTORS\nstatic const int32_t targets[STEPS] = {0};\n", f);
        write_floats(f, "inputs", in, inputs);
    } else {
        fputs("static const int32_t inputs[STEPS + 1] = {", f);
        for (int t = 0; t <= STEPS; t++)
            fprintf(f, "%d, ", ids[t]);
        fputs("};\nstatic const int32_t targets[STEPS] = {", f);
        for (int t = 0; t < STEPS; t++)
            fprintf(f, "%d, ", targets[t]);
        fputs("};\n", f);
    }
    write_floats(f, "expected", out, outputs);
    if (fclose(f) != 0)
        abort();
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    free(ids);
    free(targets);
    free(in);
    free(out);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "kinds") == 0) {
        for (int i = 0; i < KINDS; i++)
            puts(kinds[i].name);
        return EXIT_SUCCESS;
    }
    if (argc == 4 && strcmp(argv[1], "expect") == 0) {
        expect(argv[2], argv[3]);
        return EXIT_SUCCESS;
    }
    if (argc == 4 && strcmp(argv[1], "create") == 0)
        for (int i = 0; i < KINDS; i++)
            if (strcmp(argv[2], kinds[i].name) == 0) {
                create(&kinds[i], argv[3]);
                return EXIT_SUCCESS;
            }
    fputs("usage: exported kinds | create KIND FILE | expect FILE HEADER\n", stderr);
    return 2;
}
