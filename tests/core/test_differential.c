/*
 * test_differential.c: a whole training step of the library against the same step computed as naively as possible, in
 * double, one position after the other. Each case is drawn from a number, its seed: the kind of model, its sizes, the
 * chunk and the number of threads. `test_differential SEED` runs one case alone.
 */
#include "support.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if SANITIZED
enum { CASES = 60 };
#else
enum { CASES = 600 };
#endif

enum { CELLS = 3, PRECISIONS = 2, MOST_MULTIPLICATIONS = 6000000 };

/* Which positions have a target. */
enum { TARGETS_ALL, TARGETS_SOME, TARGETS_LAST, TARGETS_NONE, TARGET_KINDS };

typedef struct trial {
    random_source source;
    rnn_model_options options;
    int64_t steps, streams, gates; /* T, B, G */
    rnn_model *model;
    rnn_state *start;
    owned_chunk data;
} trial;

static uint64_t running; /* the seed of the case under way */
static bool is_running;  /* so it failed, if a test ends meanwhile */

/* ---- Drawing a case ---- */

static int64_t draw_between(random_source *source, int64_t least, int64_t most)
{
    return least + random_below(source, most - least + 1);
}

/* Sizes around those of vectors and tiles are as likely as all the others. */
static int64_t draw_hidden(random_source *source)
{
    static const int64_t edges[] = {1,  2,  3,  7,  8,  9,  15, 16, 17,  31,  32,
                                    33, 47, 48, 49, 63, 64, 65, 96, 127, 128, 130};
    if (random_below(source, 2) == 0)
        return draw_between(source, 1, 130);
    return edges[random_below(source, sizeof edges / sizeof *edges)];
}

/* T or B */
static int64_t draw_length(random_source *source)
{
    return random_below(source, 12) == 0 ? 97 : draw_between(source, 1, 33);
}

static void draw_input(random_source *source, rnn_model_options *o)
{
    o->input = random_below(source, 3);
    if (o->input != RNN_INPUT_EMBEDDING)
        return;
    o->tied = random_below(source, 2);
    o->embedding_size = o->tied ? o->hidden_size : draw_between(source, 1, 70);
    if (o->tied)
        o->output_size = o->input_size;
}

/* Cells and precisions take turns, so that there are as many of each. */
static rnn_model_options draw_options(random_source *source, uint64_t seed)
{
    int32_t precision = (int32_t)(seed / CELLS % PRECISIONS);
    int64_t inputs = draw_between(source, 2, 90), outputs = draw_between(source, 2, 90);
    rnn_model_options o = make_options(inputs, draw_hidden(source), outputs, draw_between(source, 1, 3), precision);
    o.cell = (int32_t)(seed % CELLS);
    o.loss = random_below(source, 2);
    o.bias = random_below(source, 2);
    o.reduction = random_below(source, 2);
    if (random_below(source, 8) == 0)
        o.input_size = 1;
    if (random_below(source, 8) == 0 && o.loss == RNN_LOSS_SQUARED_ERROR)
        o.output_size = 1;
    draw_input(source, &o);
    if (o.loss == RNN_LOSS_CROSS_ENTROPY && o.output_size < 2)
        o.input_size = o.output_size = 2;
    return o;
}

/* How many numbers go into a layer. */
static int64_t inputs_of(const rnn_model_options *o, int64_t layer)
{
    if (layer > 0)
        return o->hidden_size;
    return o->input == RNN_INPUT_EMBEDDING ? o->embedding_size : o->input_size;
}

static int64_t gates_of(const rnn_model_options *o)
{
    static const int64_t gates[CELLS] = {[RNN_CELL_TANH] = 1, [RNN_CELL_GRU] = 3, [RNN_CELL_LSTM] = 4};
    return gates[o->cell];
}

/* Draws T and B; T becomes shorter where the naive computation would take too long. */
static void draw_shape(trial *c)
{
    const rnn_model_options *o = &c->options;
    int64_t work = o->output_size * o->hidden_size;
    for (int64_t l = 0; l < o->layers; l++)
        work += c->gates * o->hidden_size * (inputs_of(o, l) + o->hidden_size);
    c->steps = draw_length(&c->source);
    c->streams = draw_length(&c->source);
    while (c->steps > 3 && c->steps * c->streams * work > MOST_MULTIPLICATIONS)
        c->steps = c->steps * 3 / 4;
}

static void ignore_target(owned_chunk *data, int64_t row)
{
    if (data->targets)
        data->targets[row] = RNN_IGNORE;
    else
        data->target_mask[row] = 0;
}

static void draw_chunk(trial *c)
{
    int32_t kind = random_below(&c->source, TARGET_KINDS);
    double ignored = kind == TARGETS_SOME ? random_between(&c->source, 0, 1) : kind == TARGETS_NONE ? 2 : 0;
    c->data = create_random_chunk_for(c->model, c->steps, c->streams, ignored, random_bits(&c->source));
    for (int64_t row = 0; kind == TARGETS_LAST && row < (c->steps - 1) * c->streams; row++)
        ignore_target(&c->data, row);
    if (kind == TARGETS_ALL && random_below(&c->source, 2) == 0) {
        free(c->data.target_mask);
        c->data.target_mask = NULL;
        c->data.chunk.target_mask = NULL;
    }
}

static trial draw_trial(uint64_t seed)
{
    trial c = {.source = {seed}};
    c.options = draw_options(&c.source, seed);
    c.gates = gates_of(&c.options);
    draw_shape(&c);
    double scale = random_between(&c.source, 0.3, 1.5) / sqrt((double)c.options.hidden_size);
    c.model = create_random_model(&c.options, scale, random_bits(&c.source));
    c.start = create_random_state(c.model, c.streams, 0.9, random_bits(&c.source));
    draw_chunk(&c);
    assert_ok(rnn_set_threads(1 + random_below(&c.source, 4)));
    return c;
}

static void free_trial(trial *c)
{
    destroy_chunk(&c->data);
    rnn_state_destroy(c->start);
    rnn_model_destroy(c->model);
}

/* ---- The naive step ---- */

/* A parameter and its gradient, row-major. Both are NULL where the model has no such parameter. */
typedef struct weights {
    double *values, *gradient;
} weights;

typedef struct naive_layer {
    int64_t inputs;               /* I, or H above the first */
    weights weight_ih, weight_hh; /* [G H][inputs], [G H][H] */
    weights bias_ih, bias_hh;     /* [G H] */
    double *h, *c;                /* [T + 1][B][H]; the first is the state before the chunk */
    double *gates;                /* [T][B][G H] after their non-linearities */
    double *q;                    /* [T][B][H] a GRU's W_hn h + b_hn */
    double *dh, *dc;              /* [B][H] what comes back from the step after */
} naive_layer;

typedef struct naive_step {
    const trial *c;
    weights *parameters; /* in the order of the model's */
    int64_t parameter_count;
    weights embedding, decoder, decoder_bias; /* [V][E], [O][H], [O] */
    naive_layer *layers;
    double *x;                        /* [T][B][I] what goes into the first layer */
    double *outputs, *d_outputs;      /* [T][B][O] */
    double *d_input, *d_hidden, *d_x; /* [G H], [G H], [I or H] at one position */
    rnn_loss loss;
} naive_step;

static double *doubles(int64_t count)
{
    return allocate(count, sizeof(double));
}

static weights find_weights(const naive_step *n, const char *name)
{
    return n->parameters[index_of(n->c->model, name)];
}

static weights find_layer_weights(const naive_step *n, const char *name, int64_t layer)
{
    char full[64];
    (void)snprintf(full, sizeof full, "rnn.%s_l%d", name, (int)layer);
    return find_weights(n, full);
}

static void find_all_weights(naive_step *n)
{
    const rnn_model_options *o = &n->c->options;
    n->parameter_count = rnn_model_parameter_count(n->c->model);
    n->parameters = allocate(n->parameter_count, sizeof *n->parameters);
    for (int64_t i = 0; i < n->parameter_count; i++)
        n->parameters[i] = (weights){get_parameter(n->c->model, i), doubles(parameter_of(n->c->model, i).count)};
    if (o->input == RNN_INPUT_EMBEDDING)
        n->embedding = find_weights(n, "embedding.weight");
    n->decoder = o->tied ? n->embedding : find_weights(n, "decoder.weight");
    n->decoder_bias = find_weights(n, "decoder.bias");
}

/* `state` is [parts][L][B][H]. */
static naive_layer make_layer(const naive_step *n, int64_t l, const double *state)
{
    const rnn_model_options *o = &n->c->options;
    int64_t one = n->c->streams * o->hidden_size, all = n->c->steps * one; /* [B][H], [T][B][H] */
    naive_layer made = {
        .inputs = inputs_of(o, l),
        .weight_ih = find_layer_weights(n, "weight_ih", l),
        .weight_hh = find_layer_weights(n, "weight_hh", l),
        .bias_ih = find_layer_weights(n, "bias_ih", l),
        .h = doubles(one + all),
        .c = doubles(one + all),
        .gates = doubles(all * n->c->gates),
        .q = doubles(all),
        .dh = doubles(one),
        .dc = doubles(one),
    };
    if (o->bias == RNN_BIAS_BOTH)
        made.bias_hh = find_layer_weights(n, "bias_hh", l);
    memcpy(made.h, state + l * one, (size_t)one * sizeof(double));
    if (o->cell == RNN_CELL_LSTM)
        memcpy(made.c, state + (o->layers + l) * one, (size_t)one * sizeof(double));
    return made;
}

/* x of all positions: an id without an embedding is a one-hot vector. */
static void read_inputs(naive_step *n)
{
    const rnn_model_options *o = &n->c->options;
    int64_t rows = n->c->steps * n->c->streams, inputs = inputs_of(o, 0);
    n->x = doubles(rows * inputs);
    if (o->input == RNN_INPUT_VECTORS) {
        to_doubles(o->precision, n->c->data.input_vectors, n->x, rows * inputs);
        return;
    }
    for (int64_t row = 0; row < rows; row++) {
        int64_t id = n->c->data.inputs[row];
        if (o->input == RNN_INPUT_IDS)
            n->x[row * inputs + id] = 1;
        else
            memcpy(n->x + row * inputs, n->embedding.values + id * inputs, (size_t)inputs * sizeof(double));
    }
}

static naive_step *begin_naive(const trial *c)
{
    const rnn_model_options *o = &c->options;
    int64_t outputs = c->steps * c->streams * o->output_size;
    naive_step *n = allocate(1, sizeof *n);
    n->c = c;
    find_all_weights(n);
    double *state = get_state(c->model, c->start);
    n->layers = allocate(o->layers, sizeof *n->layers);
    for (int64_t l = 0; l < o->layers; l++)
        n->layers[l] = make_layer(n, l, state);
    free(state);
    read_inputs(n);
    n->outputs = doubles(outputs);
    n->d_outputs = doubles(outputs);
    n->d_input = doubles(c->gates * o->hidden_size);
    n->d_hidden = doubles(c->gates * o->hidden_size);
    n->d_x = doubles(inputs_of(o, 0) + o->hidden_size);
    return n;
}

static void free_layer(naive_layer *layer)
{
    free(layer->h);
    free(layer->c);
    free(layer->gates);
    free(layer->q);
    free(layer->dh);
    free(layer->dc);
}

static void end_naive(naive_step *n)
{
    for (int64_t i = 0; i < n->parameter_count; i++) {
        free(n->parameters[i].values);
        free(n->parameters[i].gradient);
    }
    for (int64_t l = 0; l < n->c->options.layers; l++)
        free_layer(&n->layers[l]);
    free(n->parameters);
    free(n->layers);
    free(n->x);
    free(n->outputs);
    free(n->d_outputs);
    free(n->d_input);
    free(n->d_hidden);
    free(n->d_x);
    free(n);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* bias + (row i of a matrix with `columns` columns) x */
static double row_product(const weights *matrix, const weights *bias, int64_t i, int64_t columns, const double *x)
{
    double sum = bias->values ? bias->values[i] : 0;
    for (int64_t j = 0; j < columns; j++)
        sum += matrix->values[i * columns + j] * x[j];
    return sum;
}

/* The way back through row i: d is the derivative of the loss by row_product(). */
static void row_product_back(const weights *matrix, const weights *bias, int64_t i, int64_t columns, const double *x,
                             double d, double *dx)
{
    if (bias->gradient)
        bias->gradient[i] += d;
    for (int64_t j = 0; j < columns; j++) {
        matrix->gradient[i * columns + j] += d * x[j];
        dx[j] += d * matrix->values[i * columns + j];
    }
}

/* What a layer reads and writes at one position. */
typedef struct place {
    const double *x;             /* [inputs] */
    double *h, *c, *gates, *q;   /* [H], [H], [G H], [H] */
    double *h_before, *c_before; /* [H] */
    double *dh, *dc;             /* [H] */
} place;

static place place_at(const naive_step *n, int64_t l, int64_t row)
{
    const naive_layer *layer = &n->layers[l];
    int64_t hidden = n->c->options.hidden_size, after = row + n->c->streams, stream = row % n->c->streams;
    return (place){
        .x = l == 0 ? n->x + row * layer->inputs : n->layers[l - 1].h + after * hidden,
        .h = layer->h + after * hidden,
        .c = layer->c + after * hidden,
        .gates = layer->gates + row * n->c->gates * hidden,
        .q = layer->q + row * hidden,
        .h_before = layer->h + row * hidden,
        .c_before = layer->c + row * hidden,
        .dh = layer->dh + stream * hidden,
        .dc = layer->dc + stream * hidden,
    };
}

/* Unit j, whose gates hold the sums before their non-linearities. */
static void unit_forward(int32_t cell, int64_t hidden, const place *p, int64_t j)
{
    double *a = p->gates + j;
    if (cell == RNN_CELL_TANH) {
        a[0] = p->h[j] = tanh(a[0]);
    } else if (cell == RNN_CELL_GRU) {
        double r = a[0] = sigmoid(a[0]), z = a[hidden] = sigmoid(a[hidden]);
        double new = a[2 * hidden] = tanh(a[2 * hidden] + r * p->q[j]);
        p->h[j] = (1 - z) * new + z * p->h_before[j];
    } else {
        double i = a[0] = sigmoid(a[0]), f = a[hidden] = sigmoid(a[hidden]);
        double g = a[2 * hidden] = tanh(a[2 * hidden]), o = a[3 * hidden] = sigmoid(a[3 * hidden]);
        p->c[j] = f * p->c_before[j] + i * g;
        p->h[j] = o * tanh(p->c[j]);
    }
}

static void layer_forward(const naive_step *n, int64_t l, int64_t row)
{
    const naive_layer *layer = &n->layers[l];
    int32_t cell = n->c->options.cell;
    int64_t hidden = n->c->options.hidden_size;
    place p = place_at(n, l, row);
    for (int64_t i = 0; i < n->c->gates * hidden; i++) {
        double up = row_product(&layer->weight_ih, &layer->bias_ih, i, layer->inputs, p.x);
        double over = row_product(&layer->weight_hh, &layer->bias_hh, i, hidden, p.h_before);
        bool apart = cell == RNN_CELL_GRU && i >= 2 * hidden;
        if (apart)
            p.q[i - 2 * hidden] = over;
        p.gates[i] = apart ? up : up + over;
    }
    for (int64_t j = 0; j < hidden; j++)
        unit_forward(cell, hidden, &p, j);
}

/* Adds up the loss, and leaves in `d` its derivatives by the outputs y [O]. */
static void cross_entropy(naive_step *n, const double *y, int64_t target, double *d)
{
    int64_t outputs = n->c->options.output_size;
    double most = y[0], sum = 0;
    for (int64_t k = 1; k < outputs; k++)
        most = fmax(most, y[k]);
    for (int64_t k = 0; k < outputs; k++)
        sum += exp(y[k] - most);
    for (int64_t k = 0; k < outputs; k++)
        d[k] = exp(y[k] - most) / sum - (k == target);
    n->loss.sum += most + log(sum) - y[target];
    n->loss.count++;
}

static void squared_error(naive_step *n, const double *y, int64_t row, double *d)
{
    int64_t outputs = n->c->options.output_size;
    size_t row_bytes = n->c->data.target_row;
    to_doubles(n->c->options.precision, (const char *)n->c->data.target_vectors + (size_t)row * row_bytes, d, outputs);
    for (int64_t k = 0; k < outputs; k++) {
        n->loss.sum += (y[k] - d[k]) * (y[k] - d[k]);
        d[k] = 2 * (y[k] - d[k]);
    }
    n->loss.count++;
}

static void outputs_forward(naive_step *n, int64_t row)
{
    const rnn_model_options *o = &n->c->options;
    const owned_chunk *data = &n->c->data;
    const double *top = place_at(n, o->layers - 1, row).h;
    double *y = n->outputs + row * o->output_size, *d = n->d_outputs + row * o->output_size;
    for (int64_t k = 0; k < o->output_size; k++)
        y[k] = row_product(&n->decoder, &n->decoder_bias, k, o->hidden_size, top);
    if (o->loss == RNN_LOSS_CROSS_ENTROPY && data->targets[row] != RNN_IGNORE)
        cross_entropy(n, y, data->targets[row], d);
    if (o->loss == RNN_LOSS_SQUARED_ERROR && (!data->target_mask || data->target_mask[row]))
        squared_error(n, y, row, d);
}

/* Adds the derivative by the last layer's h, which `dh` holds so far for the steps after. */
static void outputs_backward(naive_step *n, int64_t row)
{
    const rnn_model_options *o = &n->c->options;
    bool mean = o->reduction == RNN_REDUCTION_MEAN && n->loss.count > 0;
    double scale = mean ? 1 / (double)n->loss.count : 1;
    place p = place_at(n, o->layers - 1, row);
    const double *d = n->d_outputs + row * o->output_size;
    for (int64_t k = 0; k < o->output_size; k++)
        row_product_back(&n->decoder, &n->decoder_bias, k, o->hidden_size, p.h, scale * d[k], p.dh);
}

/*
 * Unit j: from dh and dc to the derivatives by the sums before the non-linearities, that of the products with x and
 * that of the products with h of the step before. dh and dc become what goes straight to the step before.
 */
static void unit_backward(int32_t cell, int64_t hidden, const place *p, int64_t j, double *d_input, double *d_hidden)
{
    const double *a = p->gates + j;
    double dh = p->dh[j];
    if (cell == RNN_CELL_TANH) {
        d_input[j] = d_hidden[j] = (1 - a[0] * a[0]) * dh;
        p->dh[j] = 0;
    } else if (cell == RNN_CELL_GRU) {
        double r = a[0], z = a[hidden], new = a[2 * hidden];
        double d_new = (1 - z) * dh * (1 - new *new);
        d_input[j] = d_hidden[j] = d_new * p->q[j] * r * (1 - r);
        d_input[hidden + j] = d_hidden[hidden + j] = (p->h_before[j] - new) * dh * z * (1 - z);
        d_input[2 * hidden + j] = d_new;
        d_hidden[2 * hidden + j] = d_new * r;
        p->dh[j] = z * dh;
    } else {
        double i = a[0], f = a[hidden], g = a[2 * hidden], o = a[3 * hidden], squashed = tanh(p->c[j]);
        double dc = p->dc[j] + o * (1 - squashed * squashed) * dh;
        d_input[j] = d_hidden[j] = dc * g * i * (1 - i);
        d_input[hidden + j] = d_hidden[hidden + j] = dc * p->c_before[j] * f * (1 - f);
        d_input[2 * hidden + j] = d_hidden[2 * hidden + j] = dc * i * (1 - g * g);
        d_input[3 * hidden + j] = d_hidden[3 * hidden + j] = dh * squashed * o * (1 - o);
        p->dh[j] = 0;
        p->dc[j] = dc * f;
    }
}

/* Adds what goes to the layer below, or into the embedding. */
static void pass_down(naive_step *n, int64_t l, int64_t row)
{
    const rnn_model_options *o = &n->c->options;
    double *to = NULL;
    if (l > 0)
        to = place_at(n, l - 1, row).dh;
    else if (o->input == RNN_INPUT_EMBEDDING)
        to = n->embedding.gradient + n->c->data.inputs[row] * o->embedding_size;
    for (int64_t k = 0; to && k < n->layers[l].inputs; k++)
        to[k] += n->d_x[k];
}

static void layer_backward(naive_step *n, int64_t l, int64_t row)
{
    const naive_layer *layer = &n->layers[l];
    int64_t hidden = n->c->options.hidden_size;
    place p = place_at(n, l, row);
    for (int64_t j = 0; j < hidden; j++)
        unit_backward(n->c->options.cell, hidden, &p, j, n->d_input, n->d_hidden);
    memset(n->d_x, 0, (size_t)layer->inputs * sizeof(double));
    for (int64_t i = 0; i < n->c->gates * hidden; i++) {
        row_product_back(&layer->weight_ih, &layer->bias_ih, i, layer->inputs, p.x, n->d_input[i], n->d_x);
        row_product_back(&layer->weight_hh, &layer->bias_hh, i, hidden, p.h_before, n->d_hidden[i], p.dh);
    }
    pass_down(n, l, row);
}

static naive_step *run_naive(const trial *c)
{
    naive_step *n = begin_naive(c);
    int64_t rows = c->steps * c->streams, layers = c->options.layers;
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t l = 0; l < layers; l++)
            layer_forward(n, l, row);
        outputs_forward(n, row);
    }
    for (int64_t row = rows - 1; row >= 0; row--) {
        outputs_backward(n, row);
        for (int64_t l = layers - 1; l >= 0; l--)
            layer_backward(n, l, row);
    }
    return n;
}

/* The state after the chunk, as get_state() has it: [parts][L][B][H]. */
static double *naive_state(const naive_step *n)
{
    const rnn_model_options *o = &n->c->options;
    int64_t one = n->c->streams * o->hidden_size, last = n->c->steps * one;
    double *state = doubles(state_total(n->c->model, n->c->start));
    for (int64_t l = 0; l < o->layers; l++) {
        memcpy(state + l * one, n->layers[l].h + last, (size_t)one * sizeof(double));
        if (o->cell == RNN_CELL_LSTM)
            memcpy(state + (o->layers + l) * one, n->layers[l].c + last, (size_t)one * sizeof(double));
    }
    return state;
}

/* ---- Comparing ---- */

static double largest(const double *values, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

/* Each may differ by the tolerance times the largest magnitude, or `scale` if that is more. A NaN fails. */
static void compare(const trial *c, const char *what, const double *actual, const double *expected, int64_t count,
                    double scale)
{
    double tolerance = c->options.precision == RNN_FLOAT32 ? 2e-4 : 1e-11;
    double allowed = tolerance * fmax(scale, largest(expected, count));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(actual[i] - expected[i]) <= allowed))
            fail_msg("%s: element %lld of %lld is %.17g instead of %.17g; %.3g allowed", what, (long long)i,
                     (long long)count, actual[i], expected[i], allowed);
}

static void compare_bits(const char *what, const void *actual, const void *expected, size_t size)
{
    if (memcmp(actual, expected, size) != 0)
        fail_msg("%s: other bits", what);
}

static void compare_loss(const naive_step *n, const rnn_loss *loss)
{
    if (loss->count != n->loss.count)
        fail_msg("the loss counts %lld positions instead of %lld", (long long)loss->count, (long long)n->loss.count);
    compare(n->c, "the loss", &loss->sum, &n->loss.sum, 1, n->loss.count > 0);
}

static void compare_outputs(const naive_step *n, const void *outputs)
{
    int64_t count = n->c->steps * n->c->streams * n->c->options.output_size;
    double *actual = doubles(count);
    to_doubles(n->c->options.precision, outputs, actual, count);
    compare(n->c, "the outputs", actual, n->outputs, count, 1);
    free(actual);
}

static void compare_state(const naive_step *n, const rnn_state *state)
{
    double *actual = get_state(n->c->model, state), *expected = naive_state(n);
    compare(n->c, "the state", actual, expected, state_total(n->c->model, state), 1);
    free(expected);
    free(actual);
}

/* A gradient far below the others, whose terms cancel out, is compared on the scale of those. */
static void compare_gradients(const naive_step *n)
{
    double most = 0;
    for (int64_t i = 0; i < n->parameter_count; i++)
        most = fmax(most, largest(n->parameters[i].gradient, parameter_of(n->c->model, i).count));
    for (int64_t i = 0; i < n->parameter_count; i++) {
        rnn_parameter parameter = parameter_of(n->c->model, i);
        double *actual = get_gradient(n->c->model, i);
        compare(n->c, parameter.name, actual, n->parameters[i].gradient, parameter.count, most / 1000);
        free(actual);
    }
}

/* ---- A case ---- */

static rnn_state *copy_of_start(const trial *c)
{
    rnn_state *state = create_state(c->model, c->streams);
    assert_ok(rnn_state_copy(state, c->start));
    return state;
}

/* What rnn_forward() leaves behind over a whole chunk. */
typedef struct forward_results {
    rnn_loss loss;
    void *outputs; /* [T][B][O], `size` bytes */
    size_t size;
    rnn_state *state;
} forward_results;

static forward_results run_forward(const trial *c)
{
    int64_t count = c->steps * c->streams * c->options.output_size;
    size_t size = (size_t)count * precision_size(c->options.precision);
    forward_results f = {.outputs = allocate((int64_t)size, 1), .size = size, .state = copy_of_start(c)};
    assert_ok(rnn_forward(c->model, f.state, &c->data.chunk, f.outputs, count, &f.loss));
    return f;
}

static void free_forward(forward_results *f)
{
    rnn_state_destroy(f->state);
    free(f->outputs);
}

static void compare_state_bits(const trial *c, const char *what, const rnn_state *actual, const rnn_state *expected)
{
    double *a = get_state(c->model, actual), *e = get_state(c->model, expected);
    compare_bits(what, a, e, (size_t)state_total(c->model, actual) * sizeof(double));
    free(e);
    free(a);
}

/* Only those positions are decoded then that have a target. */
static void check_without_outputs(const trial *c, const forward_results *expected)
{
    rnn_loss loss;
    rnn_state *state = copy_of_start(c);
    assert_ok(rnn_forward(c->model, state, &c->data.chunk, NULL, 0, &loss));
    compare_bits("the loss without outputs", &loss.sum, &expected->loss.sum, sizeof loss.sum);
    assert_int_equal(loss.count, expected->loss.count);
    compare_state_bits(c, "the state without outputs", state, expected->state);
    rnn_state_destroy(state);
}

static void check_without_targets(const trial *c, const forward_results *expected)
{
    rnn_chunk chunk = c->data.chunk;
    chunk.targets = NULL;
    chunk.target_vectors = NULL;
    chunk.target_mask = NULL;
    rnn_state *state = copy_of_start(c);
    void *outputs = allocate((int64_t)expected->size, 1);
    int64_t count = c->steps * c->streams * c->options.output_size;
    assert_ok(rnn_forward(c->model, state, &chunk, outputs, count, NULL));
    compare_bits("the outputs without targets", outputs, expected->outputs, expected->size);
    compare_state_bits(c, "the state without targets", state, expected->state);
    free(outputs);
    rnn_state_destroy(state);
}

/* The chunk in two calls, cut at any step. */
static void check_cut(trial *c, const forward_results *expected)
{
    if (c->steps < 2)
        return;
    int64_t first = draw_between(&c->source, 1, c->steps - 1), of_step = c->streams * c->options.output_size;
    rnn_chunk before = chunk_steps(&c->data, 0, first), after = chunk_steps(&c->data, first, c->steps - first);
    rnn_state *state = copy_of_start(c);
    char *outputs = allocate((int64_t)expected->size, 1);
    char *later = outputs + (size_t)(first * of_step) * precision_size(c->options.precision);
    assert_ok(rnn_forward(c->model, state, &before, outputs, first * of_step, NULL));
    assert_ok(rnn_forward(c->model, state, &after, later, (c->steps - first) * of_step, NULL));
    compare_bits("the outputs in two calls", outputs, expected->outputs, expected->size);
    compare_state_bits(c, "the state in two calls", state, expected->state);
    free(outputs);
    rnn_state_destroy(state);
}

/* Leaves the numbers of another step in the library's work space. A new one is zeroed, which hides a missing zero. */
static void fill_work_space(const trial *c)
{
    rnn_state *state = copy_of_start(c);
    owned_chunk other = create_random_chunk_for(c->model, c->steps, c->streams, 0, ~c->source.state);
    assert_ok(rnn_forward_backward(c->model, state, &other.chunk, NULL));
    assert_ok(rnn_model_zero_gradients(c->model));
    destroy_chunk(&other);
    rnn_state_destroy(state);
}

static void check_training(const trial *c, const naive_step *n, const forward_results *forward)
{
    rnn_loss loss;
    rnn_state *state = copy_of_start(c);
    fill_work_space(c);
    assert_ok(rnn_forward_backward(c->model, state, &c->data.chunk, &loss));
    compare_loss(n, &loss);
    compare_state(n, state);
    compare_state_bits(c, "the state of training", state, forward->state);
    compare_gradients(n);
    rnn_state_destroy(state);
}

static void run_case(uint64_t seed)
{
    running = seed;
    is_running = true;
    trial c = draw_trial(seed);
    naive_step *n = run_naive(&c);
    forward_results forward = run_forward(&c);
    compare_loss(n, &forward.loss);
    compare_outputs(n, forward.outputs);
    compare_state(n, forward.state);
    check_without_outputs(&c, &forward);
    check_without_targets(&c, &forward);
    check_cut(&c, &forward);
    check_training(&c, n, &forward);
    free_forward(&forward);
    end_naive(n);
    free_trial(&c);
    is_running = false;
}

/* After a test: names the case that failed, whatever it failed of. */
static int name_failed_case(void **state)
{
    (void)state;
    if (is_running)
        print_error("It was case %llu: test_differential %llu\n", (unsigned long long)running,
                    (unsigned long long)running);
    is_running = false;
    return rnn_set_threads(0);
}

static void run_cases_of(int32_t cell)
{
    for (uint64_t seed = (uint64_t)cell; seed < CASES; seed += CELLS)
        run_case(seed);
}

static void test_a_vanilla_rnn_trains_as_the_naive_one(void **state)
{
    (void)state;
    run_cases_of(RNN_CELL_TANH);
}

static void test_a_gru_trains_as_the_naive_one(void **state)
{
    (void)state;
    run_cases_of(RNN_CELL_GRU);
}

static void test_an_lstm_trains_as_the_naive_one(void **state)
{
    (void)state;
    run_cases_of(RNN_CELL_LSTM);
}

static void test_one_case(void **state)
{
    run_case(*(const uint64_t *)*state);
}

static int run_only(const char *text)
{
    char *end;
    errno = 0;
    uint64_t seed = strtoull(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end != '\0') {
        print_error("usage: test_differential [SEED]\n");
        return 2;
    }
    const struct CMUnitTest one[] = {
        {.name = "test_one_case",
         .test_func = test_one_case,
         .teardown_func = name_failed_case,
         .initial_state = &seed},
    };
    return cmocka_run_group_tests(one, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_vanilla_rnn_trains_as_the_naive_one, name_failed_case),
        cmocka_unit_test_teardown(test_a_gru_trains_as_the_naive_one, name_failed_case),
        cmocka_unit_test_teardown(test_an_lstm_trains_as_the_naive_one, name_failed_case),
    };
    return argc > 1 ? run_only(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
