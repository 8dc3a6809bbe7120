/*
 * onednn_peer.c: runs the configurations of bench.c that are LSTMs over ids with oneDNN (version 2). Prints "NAME
 * onednn: N tokens/s, loss X", where X is the loss of the last chunk.
 *
 *     OMP_NUM_THREADS=1 onednn_peer CONFIGURATION [SECONDS]
 *
 * It does a whole training step, as bench.c does: an LSTM primitive for each layer, forward and backward with the
 * gradients of all weights; dnnl_sgemm for the three products of the decoder; and plain loops for the loss, clipping
 * and Adam, which take a few per cent of the time. Weights are in the formats that the primitives ask for
 * (format_tag_any). They are reordered once a step, because the optimizer has changed them. The primitive needs
 * vectors, so an id becomes a one-hot vector. That costs 4 % (L) or 16 % (C) more operations than looking up a row.
 *
 * Nothing is released: the network lives as long as the program.
 */
#include <oneapi/dnnl/dnnl.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { GATES = 4, MAX_LAYERS = 2, FORWARD_ARGUMENTS = 10, BACKWARD_ARGUMENTS = 19 };

typedef struct configuration {
    const char *name;
    int64_t layers, hidden, symbols, steps, streams;
} configuration;

static const configuration configurations[] = {{"C", 2, 128, 65, 50, 50}, {"L", 2, 512, 65, 64, 64}};

/* One weight array in the optimizer's format and in those of the primitives, which may be the same */
typedef struct weights {
    dnnl_memory_t plain, forward, backward, gradient, plain_gradient;
    dnnl_primitive_t to_forward, to_backward, to_plain_gradient; /* NULL where the formats are the same */
} weights;

typedef struct layer {
    weights from_input, from_state;
    dnnl_memory_t bias, bias_gradient;
    dnnl_memory_t x, dx;                     /* [T][B][I] */
    dnnl_memory_t h, dh;                     /* [T][B][H] */
    dnnl_memory_t state[2], dstate[2];       /* h and c: [B][H] */
    dnnl_memory_t next_state[2], from_later; /* from_later is 0, since gradients don't flow between chunks */
    dnnl_memory_t workspace;
    dnnl_primitive_t forward, backward;
    dnnl_exec_arg_t forward_arguments[FORWARD_ARGUMENTS], backward_arguments[BACKWARD_ARGUMENTS];
} layer;

typedef struct network {
    configuration c;
    layer layers[MAX_LAYERS];
    int64_t count;                                 /* of parameters */
    float *parameters, *gradients, *mean, *square; /* all layers', then the decoder's [H][V] and [V] */
    float *decoder, *decoder_gradient;             /* within them */
    float *y;                                      /* outputs, then their gradients: [T][B][V] */
    int32_t *ids;                                  /* [T + 1][B] */
    int64_t updates;
} network;

static dnnl_engine_t engine;
static dnnl_stream_t stream;

static void check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "onednn_peer: oneDNN status %d from %s\n", (int)status, what);
    exit(1);
}

#define CHECK(call) check(call, #call)

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *floats(int64_t count)
{
    float *a = calloc((size_t)count, sizeof *a);
    if (!a)
        abort();
    return a;
}

static dnnl_memory_desc_t shape_of(int dimensions, const dnnl_dims_t sizes, dnnl_format_tag_t format)
{
    dnnl_memory_desc_t shape;
    CHECK(dnnl_memory_desc_init_by_tag(&shape, dimensions, sizes, dnnl_f32, format));
    return shape;
}

/* Memory of this shape at `data`. If `data` is DNNL_MEMORY_ALLOCATE, oneDNN allocates it. */
static dnnl_memory_t memory_of(const dnnl_memory_desc_t *shape, void *data)
{
    dnnl_memory_t memory;
    CHECK(dnnl_memory_create(&memory, shape, engine, data));
    return memory;
}

static void *data_of(dnnl_memory_t memory)
{
    void *data;
    CHECK(dnnl_memory_get_data_handle(memory, &data));
    return data;
}

static size_t bytes_of(dnnl_memory_t memory)
{
    const dnnl_memory_desc_t *shape;
    CHECK(dnnl_memory_get_memory_desc(memory, &shape));
    return dnnl_memory_desc_get_size(shape);
}

static dnnl_memory_t new_zeros(int dimensions, const dnnl_dims_t sizes, dnnl_format_tag_t format)
{
    dnnl_memory_desc_t shape = shape_of(dimensions, sizes, format);
    dnnl_memory_t memory = memory_of(&shape, DNNL_MEMORY_ALLOCATE);
    memset(data_of(memory), 0, bytes_of(memory));
    return memory;
}

static dnnl_primitive_t primitive_of(dnnl_primitive_desc_t description)
{
    dnnl_primitive_t primitive;
    CHECK(dnnl_primitive_create(&primitive, description));
    return primitive;
}

static dnnl_primitive_t new_reorder(const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to)
{
    dnnl_primitive_desc_t description;
    CHECK(dnnl_reorder_primitive_desc_create(&description, from, engine, to, engine, NULL));
    return primitive_of(description);
}

static void reorder(dnnl_primitive_t primitive, dnnl_memory_t from, dnnl_memory_t to)
{
    dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    if (primitive)
        CHECK(dnnl_primitive_execute(primitive, stream, 2, arguments));
}

/* The memory objects of one weight array of sizes [1][1][I][4][H], in the formats that the primitives ask for */
static weights new_weights(const dnnl_dims_t sizes, float *parameters, float *gradients,
                           const dnnl_memory_desc_t *forward, const dnnl_memory_desc_t *backward,
                           const dnnl_memory_desc_t *gradient)
{
    dnnl_memory_desc_t plain = shape_of(5, sizes, dnnl_ldigo);
    weights w = {.plain = memory_of(&plain, parameters), .plain_gradient = memory_of(&plain, gradients)};
    w.forward = w.backward = w.plain;
    w.gradient = w.plain_gradient;
    if (!dnnl_memory_desc_equal(forward, &plain)) {
        w.forward = memory_of(forward, DNNL_MEMORY_ALLOCATE);
        w.to_forward = new_reorder(&plain, forward);
    }
    if (!dnnl_memory_desc_equal(backward, &plain)) {
        w.backward = memory_of(backward, DNNL_MEMORY_ALLOCATE);
        w.to_backward = new_reorder(&plain, backward);
    }
    if (!dnnl_memory_desc_equal(gradient, &plain)) {
        w.gradient = memory_of(gradient, DNNL_MEMORY_ALLOCATE);
        w.to_plain_gradient = new_reorder(gradient, &plain);
    }
    return w;
}

/* Lists the arguments of both primitives. The backward list begins with the forward arguments. */
static void list_arguments(layer *l)
{
    dnnl_exec_arg_t both[] = {
        {DNNL_ARG_SRC_LAYER, l->x},
        {DNNL_ARG_SRC_ITER, l->state[0]},
        {DNNL_ARG_SRC_ITER_C, l->state[1]},
        {DNNL_ARG_BIAS, l->bias},
        {DNNL_ARG_DST_LAYER, l->h},
        {DNNL_ARG_DST_ITER, l->next_state[0]},
        {DNNL_ARG_DST_ITER_C, l->next_state[1]},
        {DNNL_ARG_WORKSPACE, l->workspace},
        {DNNL_ARG_WEIGHTS_LAYER, l->from_input.forward},
        {DNNL_ARG_WEIGHTS_ITER, l->from_state.forward},
    };
    dnnl_exec_arg_t backward[] = {
        {DNNL_ARG_WEIGHTS_LAYER, l->from_input.backward},
        {DNNL_ARG_WEIGHTS_ITER, l->from_state.backward},
        {DNNL_ARG_DIFF_SRC_LAYER, l->dx},
        {DNNL_ARG_DIFF_SRC_ITER, l->dstate[0]},
        {DNNL_ARG_DIFF_SRC_ITER_C, l->dstate[1]},
        {DNNL_ARG_DIFF_WEIGHTS_LAYER, l->from_input.gradient},
        {DNNL_ARG_DIFF_WEIGHTS_ITER, l->from_state.gradient},
        {DNNL_ARG_DIFF_BIAS, l->bias_gradient},
        {DNNL_ARG_DIFF_DST_LAYER, l->dh},
        {DNNL_ARG_DIFF_DST_ITER, l->from_later},
        {DNNL_ARG_DIFF_DST_ITER_C, l->from_later},
    };
    size_t shared = FORWARD_ARGUMENTS - 2;
    memcpy(l->forward_arguments, both, sizeof both);
    memcpy(l->backward_arguments, both, shared * sizeof *both);
    memcpy(l->backward_arguments + shared, backward, sizeof backward);
}

/* Creates the two primitives of a layer, and its weights in the formats that they ask for. */
static void make_primitives(layer *l, const configuration *c, int64_t inputs, float *parameters, float *gradients)
{
    int64_t hidden = c->hidden;
    const dnnl_dims_t state = {1, 1, c->streams, hidden}, bias = {1, 1, GATES, hidden};
    const dnnl_dims_t from_input = {1, 1, inputs, GATES, hidden}, from_state = {1, 1, hidden, GATES, hidden};
    const dnnl_dims_t in = {c->steps, c->streams, inputs}, out = {c->steps, c->streams, hidden};
    dnnl_memory_desc_t s = shape_of(4, state, dnnl_ldnc), b = shape_of(4, bias, dnnl_ldgo);
    dnnl_memory_desc_t x = shape_of(3, in, dnnl_tnc), h = shape_of(3, out, dnnl_tnc);
    dnnl_memory_desc_t wx = shape_of(5, from_input, dnnl_format_tag_any);
    dnnl_memory_desc_t wh = shape_of(5, from_state, dnnl_format_tag_any);
    dnnl_rnn_desc_t operation;
    dnnl_primitive_desc_t forward, backward;
    CHECK(dnnl_lstm_forward_desc_init(&operation, dnnl_forward_training, dnnl_unidirectional_left2right, &x, &s, &s,
                                      &wx, &wh, &b, &h, &s, &s, dnnl_rnn_flags_undef));
    CHECK(dnnl_primitive_desc_create(&forward, &operation, NULL, engine, NULL));
    CHECK(dnnl_lstm_backward_desc_init(&operation, dnnl_backward, dnnl_unidirectional_left2right, &x, &s, &s, &wx, &wh,
                                       &b, &h, &s, &s, &x, &s, &s, &wx, &wh, &b, &h, &s, &s, dnnl_rnn_flags_undef));
    CHECK(dnnl_primitive_desc_create(&backward, &operation, NULL, engine, forward));
    l->forward = primitive_of(forward);
    l->backward = primitive_of(backward);

    l->from_input =
        new_weights(from_input, parameters, gradients, dnnl_primitive_desc_query_md(forward, dnnl_query_weights_md, 0),
                    dnnl_primitive_desc_query_md(backward, dnnl_query_weights_md, 0),
                    dnnl_primitive_desc_query_md(backward, dnnl_query_diff_weights_md, 0));
    int64_t at = inputs * GATES * hidden;
    l->from_state = new_weights(from_state, parameters + at, gradients + at,
                                dnnl_primitive_desc_query_md(forward, dnnl_query_weights_md, 1),
                                dnnl_primitive_desc_query_md(backward, dnnl_query_weights_md, 1),
                                dnnl_primitive_desc_query_md(backward, dnnl_query_diff_weights_md, 1));
    at += hidden * GATES * hidden;
    l->bias = memory_of(&b, parameters + at);
    l->bias_gradient = memory_of(&b, gradients + at);
    l->workspace = memory_of(dnnl_primitive_desc_query_md(forward, dnnl_query_workspace_md, 0), DNNL_MEMORY_ALLOCATE);
}

static int64_t layer_parameters(const configuration *c, int64_t inputs)
{
    return (inputs + c->hidden + 1) * GATES * c->hidden;
}

static int64_t layer_inputs(const configuration *c, int64_t l)
{
    return l == 0 ? c->symbols : c->hidden;
}

static void make_layers(network *n)
{
    const configuration *c = &n->c;
    const dnnl_dims_t state = {1, 1, c->streams, c->hidden};
    int64_t at = 0;
    for (int64_t i = 0; i < c->layers; i++) {
        layer *l = &n->layers[i], *below = l - 1;
        int64_t inputs = layer_inputs(c, i);
        const dnnl_dims_t in = {c->steps, c->streams, inputs}, out = {c->steps, c->streams, c->hidden};
        make_primitives(l, c, inputs, n->parameters + at, n->gradients + at);
        at += layer_parameters(c, inputs);
        l->x = i == 0 ? new_zeros(3, in, dnnl_tnc) : below->h;
        l->dx = i == 0 ? new_zeros(3, in, dnnl_tnc) : below->dh;
        l->h = new_zeros(3, out, dnnl_tnc);
        l->dh = new_zeros(3, out, dnnl_tnc);
        for (int part = 0; part < 2; part++) {
            l->state[part] = new_zeros(4, state, dnnl_ldnc);
            l->dstate[part] = new_zeros(4, state, dnnl_ldnc);
            l->next_state[part] = new_zeros(4, state, dnnl_ldnc);
        }
        l->from_later = new_zeros(4, state, dnnl_ldnc);
        list_arguments(l);
    }
    n->decoder = n->parameters + at;
    n->decoder_gradient = n->gradients + at;
}

static void set_up(network *n)
{
    const configuration *c = &n->c;
    for (int64_t i = 0; i < c->layers; i++)
        n->count += layer_parameters(c, layer_inputs(c, i));
    n->count += (c->hidden + 1) * c->symbols;
    n->parameters = floats(n->count);
    n->gradients = floats(n->count);
    n->mean = floats(n->count);
    n->square = floats(n->count);
    n->y = floats(c->steps * c->streams * c->symbols);
    make_layers(n);

    int64_t ids = (c->steps + 1) * c->streams;
    n->ids = calloc((size_t)ids, sizeof *n->ids);
    if (!n->ids)
        abort();
    uint32_t random = 1;
    for (int64_t i = 0; i < ids; i++) {
        random = random * 1664525u + 1013904223u;
        n->ids[i] = (int32_t)((random >> 8) % (uint32_t)c->symbols);
    }
    float range = 1 / sqrtf((float)c->hidden);
    for (int64_t i = 0; i < n->count; i++) {
        random = random * 1664525u + 1013904223u;
        n->parameters[i] = range * ((float)(random >> 8) / (1 << 23) - 1);
    }
}

static void forward_layers(network *n)
{
    int64_t rows = n->c.steps * n->c.streams;
    float *x = data_of(n->layers[0].x);
    memset(x, 0, bytes_of(n->layers[0].x));
    for (int64_t row = 0; row < rows; row++)
        x[row * n->c.symbols + n->ids[row]] = 1;
    for (int64_t i = 0; i < n->c.layers; i++) {
        layer *l = &n->layers[i];
        reorder(l->from_input.to_forward, l->from_input.plain, l->from_input.forward);
        reorder(l->from_state.to_forward, l->from_state.plain, l->from_state.forward);
        CHECK(dnnl_primitive_execute(l->forward, stream, FORWARD_ARGUMENTS, l->forward_arguments));
    }
}

/* Replaces the outputs of a position by the gradients of its loss. Returns the loss. */
static float cross_entropy(float *y, int64_t symbols, int32_t target)
{
    float most = y[0], sum = 0, wanted = y[target];
    for (int64_t v = 1; v < symbols; v++)
        most = y[v] > most ? y[v] : most;
    for (int64_t v = 0; v < symbols; v++)
        sum += y[v] = expf(y[v] - most);
    for (int64_t v = 0; v < symbols; v++)
        y[v] /= sum;
    y[target] -= 1;
    return logf(sum) + most - wanted;
}

/* Computes the outputs, the loss, and the gradients of the decoder and of its inputs. Returns the loss. */
static double run_decoder(network *n)
{
    const layer *top = &n->layers[n->c.layers - 1];
    int64_t rows = n->c.steps * n->c.streams, hidden = n->c.hidden, symbols = n->c.symbols;
    float *bias = n->decoder + hidden * symbols, *bias_gradient = n->decoder_gradient + hidden * symbols;
    float *h = data_of(top->h), *dh = data_of(top->dh);
    double loss = 0;
    for (int64_t row = 0; row < rows; row++)
        memcpy(n->y + row * symbols, bias, (size_t)symbols * sizeof *bias);
    CHECK(dnnl_sgemm('N', 'N', rows, symbols, hidden, 1, h, hidden, n->decoder, symbols, 1, n->y, symbols));

    memset(bias_gradient, 0, (size_t)symbols * sizeof *bias_gradient);
    for (int64_t row = 0; row < rows; row++) {
        float *y = n->y + row * symbols;
        loss += (double)cross_entropy(y, symbols, n->ids[row + n->c.streams]);
        for (int64_t v = 0; v < symbols; v++)
            bias_gradient[v] += y[v];
    }
    CHECK(dnnl_sgemm('T', 'N', hidden, symbols, rows, 1, h, hidden, n->y, symbols, 0, n->decoder_gradient, symbols));
    CHECK(dnnl_sgemm('N', 'T', rows, hidden, symbols, 1, n->y, symbols, n->decoder, symbols, 0, dh, hidden));
    return loss;
}

static void backward_layers(network *n)
{
    for (int64_t i = n->c.layers - 1; i >= 0; i--) {
        layer *l = &n->layers[i];
        reorder(l->from_input.to_backward, l->from_input.plain, l->from_input.backward);
        reorder(l->from_state.to_backward, l->from_state.plain, l->from_state.backward);
        /* the primitive adds to these */
        memset(data_of(l->from_input.gradient), 0, bytes_of(l->from_input.gradient));
        memset(data_of(l->from_state.gradient), 0, bytes_of(l->from_state.gradient));
        memset(data_of(l->bias_gradient), 0, bytes_of(l->bias_gradient));
        CHECK(dnnl_primitive_execute(l->backward, stream, BACKWARD_ARGUMENTS, l->backward_arguments));
        reorder(l->from_input.to_plain_gradient, l->from_input.gradient, l->from_input.plain_gradient);
        reorder(l->from_state.to_plain_gradient, l->from_state.gradient, l->from_state.plain_gradient);
        for (int part = 0; part < 2; part++)
            memcpy(data_of(l->state[part]), data_of(l->next_state[part]), bytes_of(l->state[part]));
    }
}

/* Adam at the rate and with the clipping of bench.c */
static void update(network *n)
{
    const float rate = 0.001F, limit = 5, decay = 0.9F, square_decay = 0.999F, epsilon = 1e-8F;
    n->updates++;
    float mean_scale = 1 / (1 - powf(decay, (float)n->updates));
    float square_scale = 1 / (1 - powf(square_decay, (float)n->updates));
    float *restrict parameters = n->parameters, *restrict mean = n->mean, *restrict square = n->square;
    for (int64_t i = 0; i < n->count; i++) {
        float g = n->gradients[i];
        g = g > limit ? limit : g < -limit ? -limit : g;
        mean[i] = decay * mean[i] + (1 - decay) * g;
        square[i] = square_decay * square[i] + (1 - square_decay) * g * g;
        parameters[i] -= rate * mean_scale * mean[i] / (sqrtf(square_scale * square[i]) + epsilon);
    }
}

/* Trains on one chunk and returns its loss. */
static double train(network *n)
{
    forward_layers(n);
    double loss = run_decoder(n);
    backward_layers(n);
    update(n);
    CHECK(dnnl_stream_wait(stream));
    return loss;
}

int main(int argc, char **argv)
{
    network n = {0};
    double seconds = argc > 2 ? atof(argv[2]) : 3;
    for (size_t i = 0; argc > 1 && i < sizeof configurations / sizeof *configurations; i++)
        if (strcmp(argv[1], configurations[i].name) == 0)
            n.c = configurations[i];
    if (!n.c.name || argc > 3) {
        fprintf(stderr, "usage: onednn_peer C|L [SECONDS]\n");
        return 2;
    }
    CHECK(dnnl_engine_create(&engine, dnnl_cpu, 0));
    CHECK(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    set_up(&n);
    double loss = train(&n), start = now(), spent = 0;
    int64_t tokens = 0;
    while (spent < seconds) {
        loss = train(&n);
        tokens += n.c.steps * n.c.streams;
        spent = now() - start;
    }
    printf("%s onednn: %.0f tokens/s, loss %.3f\n", n.c.name, (double)tokens / spent,
           loss / (double)(n.c.steps * n.c.streams));
    return 0;
}
