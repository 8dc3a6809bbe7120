/*
 * Measures through rnn_set_allocator() how much memory is used by a model, its optimizer and state, training on a
 * chunk, inference, and saving and loading. Prints one line for each configuration, in MiB. See docs/performance.md.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <rnn/rnn.h>

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        if ((call) != RNN_OK) {                                                                                        \
            fprintf(stderr, "%s\n", rnn_last_error());                                                                 \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static atomic_size_t held, most;

static void *allocate(void *context, size_t alignment, size_t size)
{
    void *memory = NULL;
    (void)context;
    if (posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    size_t now = atomic_fetch_add(&held, size) + size;
    if (now > atomic_load(&most))
        atomic_store(&most, now);
    return memory;
}

static void release(void *context, void *memory, size_t size)
{
    (void)context;
    atomic_fetch_sub(&held, size);
    free(memory);
}

/* The memory allocated since `before`, in MiB */
static double since(size_t before)
{
    return (double)(atomic_load(&held) - before) / (1 << 20);
}

typedef struct configuration {
    const char *name;
    int32_t cell;
    int64_t layers, hidden, symbols, embedding, steps, streams;
} configuration;

static const configuration configurations[] = {
    {"GRU 1x256, V 65, T 64, B 32", RNN_CELL_GRU, 1, 256, 65, 0, 64, 32},
    {"LSTM 2x128, V 65, T 50, B 50", RNN_CELL_LSTM, 2, 128, 65, 0, 50, 50},
    {"LSTM 2x512, V 65, T 64, B 64", RNN_CELL_LSTM, 2, 512, 65, 0, 64, 64},
    {"LSTM 1x256, V 50000, E 256, T 32, B 32", RNN_CELL_LSTM, 1, 256, 50000, 256, 32, 32},
};

static rnn_model *create(const configuration *c)
{
    rnn_model_options o;
    rnn_model *model;
    CHECK(rnn_model_options_init(&o, sizeof o));
    o.cell = c->cell;
    o.layers = c->layers;
    o.hidden_size = c->hidden;
    o.input_size = o.output_size = c->symbols;
    o.input = c->embedding > 0 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
    o.embedding_size = c->embedding;
    o.initialization = RNN_INIT_UNIFORM;
    CHECK(rnn_model_create(&o, &model));
    return model;
}

static double parameters_of(const rnn_model *model)
{
    const void *values;
    int64_t count;
    CHECK(rnn_model_flat_parameters(model, &values, &count));
    return (double)count * sizeof(float) / (1 << 20);
}

static void measure(const configuration *c)
{
    rnn_optimizer_options adam;
    rnn_optimizer *optimizer;
    rnn_state *state;
    rnn_model *loaded;
    size_t before = atomic_load(&held);
    rnn_model *model = create(c);
    double created = since(before), parameters = parameters_of(model);
    int32_t *ids = calloc((size_t)(c->steps * c->streams), sizeof *ids);
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = c->steps, .streams = c->streams, .inputs = ids};
    chunk.targets = ids;

    before = atomic_load(&held);
    CHECK(rnn_state_create(model, c->streams, &state));
    CHECK(rnn_forward(model, state, &chunk, NULL, 0, NULL));
    double inference = since(before);
    CHECK(rnn_forward_backward(model, state, &chunk, NULL));
    double training = since(before);

    before = atomic_load(&held);
    CHECK(rnn_optimizer_options_init(&adam, sizeof adam, RNN_OPTIMIZER_ADAM));
    CHECK(rnn_optimizer_create(model, &adam, &optimizer));
    CHECK(rnn_optimizer_step(optimizer, model));
    double optimizing = since(before);

    before = atomic_load(&held);
    atomic_store(&most, before);
    CHECK(rnn_model_save(model, NULL, "memory.safetensors"));
    double saving = (double)(atomic_load(&most) - before) / (1 << 20);
    CHECK(rnn_model_load("memory.safetensors", NULL, &loaded, NULL));
    remove("memory.safetensors");
    printf("%-40s %7.2f %7.2f %7.2f %7.2f %7.2f %7.2f\n", c->name, parameters, created, inference, training, optimizing,
           saving);
    rnn_model_destroy(loaded);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    free(ids);
}

int main(void)
{
    static const rnn_allocator counting = {.allocate = allocate, .release = release};
    CHECK(rnn_set_allocator(&counting));
    CHECK(rnn_set_threads(1));
    printf("%-40s %7s %7s %7s %7s %7s %7s\n", "MiB", "weights", "model", "infer", "train", "Adam", "save");
    for (size_t i = 0; i < sizeof configurations / sizeof *configurations; i++)
        measure(&configurations[i]);
    CHECK(rnn_set_allocator(NULL));
    return 0;
}
