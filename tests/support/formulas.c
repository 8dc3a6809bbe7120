/* See formulas.h. Written from the papers, not from src/core/cells. */
#include "formulas.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A parameter and its gradient, row-major. Both are NULL where the model has no such parameter. */
typedef struct weights {
    double *values, *gradient;
} weights;

/* One direction of a layer. Its h and c before a step are either those after another step or the initial values. */
typedef struct layer {
    bool reverse;
    int64_t inputs;               /* I; D H in layers above the first, with D directions */
    weights weight_ih, weight_hh; /* [G H][inputs], [G H][H] */
    weights bias_ih, bias_hh;     /* [G H] */
    weights norm_ih, norm_hh;     /* [G H] */
    weights initial_h, initial_c; /* [H] */
    double *start_h, *start_c;    /* [B][H] the state before the chunk; afterwards, the state after it */
    double *x, *dx;               /* [T][B][inputs], shared by the directions */
    double *h, *c, *above;        /* [T][B][H]; `above`: the derivatives from the layer above or the outputs */
    double *h_before, *c_before;  /* [T][B][H] */
    double *gates;                /* [T][B][G H] after their non-linearities */
    double *q;                    /* [T][B][H] a GRU's W_hn h + b_hn */
    double *dh, *dc;              /* [B][H] the derivatives from the step that comes after */
} layer;

typedef struct run {
    const rnn_model *model;
    const rnn_chunk *chunk;
    rnn_model_options options;
    int64_t gates, directions, stack;         /* G, D, L D */
    double *values;                           /* of all parameters */
    formulas results;                         /* including gradients, even if they aren't needed */
    weights embedding, decoder, decoder_bias; /* [V][E], [O][D H], [O] */
    layer *layers;                            /* [L][D] */
    double *d_outputs;                        /* [T][B][O] */
    double *d_input, *d_hidden;               /* [G H] at one position */
    double *up, *over;                        /* [G H] the products with x and h at one position */
    double *top, *d_top;                      /* [D H] the outputs' input and its derivative */
} run;

static double *doubles(int64_t count)
{
    return allocate(count, sizeof(double));
}

static weights find_weights(const run *r, const char *name)
{
    int64_t offset = 0, index = index_of(r->model, name);
    for (int64_t i = 0; i < index; i++)
        offset += parameter_of(r->model, i).count;
    return (weights){r->values + offset, r->results.gradients + offset};
}

static weights find_layer_weights(const run *r, bool wanted, const char *name, int64_t l, bool reverse)
{
    char full[64];
    if (!wanted)
        return (weights){NULL, NULL};
    snprintf(full, sizeof full, "rnn.%s_l%d%s", name, (int)l, reverse ? "_reverse" : "");
    return find_weights(r, full);
}

/* The number of inputs of a layer */
static int64_t inputs_of(const run *r, int64_t l)
{
    const rnn_model_options *o = &r->options;
    if (l > 0)
        return r->directions * o->hidden_size;
    return o->input == RNN_INPUT_EMBEDDING ? o->embedding_size : o->input_size;
}

/* Layer s of the stack. `state` is [parts][L D][B][H]. */
static layer make_layer(const run *r, int64_t s, double *state)
{
    const rnn_model_options *o = &r->options;
    int64_t one = r->chunk->streams * o->hidden_size, all = r->chunk->steps * one; /* [B][H], [T][B][H] */
    int64_t l = s / r->directions, inputs = inputs_of(r, l);
    bool reverse = s % r->directions != 0, memory = o->cell == RNN_CELL_LSTM;
    return (layer){
        .reverse = reverse,
        .inputs = inputs,
        .weight_ih = find_layer_weights(r, true, "weight_ih", l, reverse),
        .weight_hh = find_layer_weights(r, true, "weight_hh", l, reverse),
        .bias_ih = find_layer_weights(r, true, "bias_ih", l, reverse),
        .bias_hh = find_layer_weights(r, o->bias == RNN_BIAS_BOTH, "bias_hh", l, reverse),
        .norm_ih = find_layer_weights(r, o->layer_norm, "norm_ih", l, reverse),
        .norm_hh = find_layer_weights(r, o->layer_norm, "norm_hh", l, reverse),
        .initial_h = find_layer_weights(r, o->learned_state, "initial_h", l, reverse),
        .initial_c = find_layer_weights(r, o->learned_state && memory, "initial_c", l, reverse),
        .start_h = state + s * one,
        .start_c = memory ? state + (r->stack + s) * one : NULL,
        .x = reverse ? r->layers[s - 1].x : doubles(r->chunk->steps * r->chunk->streams * inputs),
        .dx = reverse ? r->layers[s - 1].dx : doubles(r->chunk->steps * r->chunk->streams * inputs),
        .h = doubles(all),
        .c = doubles(all),
        .above = doubles(all),
        .h_before = doubles(all),
        .c_before = doubles(all),
        .gates = doubles(all * r->gates),
        .q = doubles(all),
        .dh = doubles(one),
        .dc = doubles(one),
    };
}

static run begin(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk)
{
    run r = {.model = model, .chunk = chunk, .options = options_of(model)};
    const rnn_model_options *o = &r.options;
    int64_t rows = chunk->steps * chunk->streams;
    r.gates = o->cell == RNN_CELL_LSTM ? 4 : o->cell == RNN_CELL_GRU ? 3 : 1;
    r.directions = o->bidirectional ? 2 : 1;
    r.stack = o->layers * r.directions;
    r.values = get_all_parameters(model);
    r.results.gradients = doubles(parameter_total(model));
    r.results.outputs = doubles(rows * o->output_size);
    r.results.losses = doubles(rows);
    r.results.activations = doubles(r.stack * rows * o->hidden_size);
    r.results.state = get_state(model, start);
    if (o->input == RNN_INPUT_EMBEDDING)
        r.embedding = find_weights(&r, "embedding.weight");
    r.decoder = o->tied ? r.embedding : find_weights(&r, "decoder.weight");
    r.decoder_bias = find_weights(&r, "decoder.bias");
    r.layers = allocate(r.stack, sizeof *r.layers);
    for (int64_t s = 0; s < r.stack; s++)
        r.layers[s] = make_layer(&r, s, r.results.state);
    r.d_outputs = doubles(rows * o->output_size);
    r.d_input = doubles(r.gates * o->hidden_size);
    r.d_hidden = doubles(r.gates * o->hidden_size);
    r.up = doubles(r.gates * o->hidden_size);
    r.over = doubles(r.gates * o->hidden_size);
    r.top = doubles(r.directions * o->hidden_size);
    r.d_top = doubles(r.directions * o->hidden_size);
    return r;
}

static void free_layer(layer *at)
{
    if (!at->reverse) {
        free(at->x);
        free(at->dx);
    }
    free(at->h);
    free(at->c);
    free(at->above);
    free(at->h_before);
    free(at->c_before);
    free(at->gates);
    free(at->q);
    free(at->dh);
    free(at->dc);
}

/* Releases everything except the results. */
static void end(run *r)
{
    int64_t all = r->chunk->steps * r->chunk->streams * r->options.hidden_size;
    for (int64_t s = 0; s < r->stack; s++)
        memcpy(r->results.activations + s * all, r->layers[s].h, (size_t)all * sizeof(double));
    for (int64_t s = 0; s < r->stack; s++)
        free_layer(&r->layers[s]);
    free(r->values);
    free(r->layers);
    free(r->d_outputs);
    free(r->d_input);
    free(r->d_hidden);
    free(r->up);
    free(r->over);
    free(r->top);
    free(r->d_top);
}

void free_formulas(formulas *results)
{
    free(results->outputs);
    free(results->losses);
    free(results->activations);
    free(results->state);
    free(results->gradients);
}

/* ---- Sequences ---- */

/* The number of steps of stream b */
static int64_t length_of(const run *r, int64_t b)
{
    return r->chunk->lengths ? r->chunk->lengths[b] : r->chunk->steps;
}

static bool starts_at(const run *r, int64_t t, int64_t b)
{
    return r->chunk->starts && r->chunk->starts[t * r->chunk->streams + b];
}

/* Whether a direction begins a sequence at step t, so that it has its initial values before it */
static bool begins_at(const run *r, const layer *at, int64_t t, int64_t b)
{
    if (at->reverse)
        return t == length_of(r, b) - 1 || starts_at(r, t + 1, b);
    return starts_at(r, t, b);
}

/* ---- Pieces of the formulas ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* y = W x. W is [rows][columns]. */
static void multiply(const weights *matrix, int64_t rows, int64_t columns, const double *x, double *y)
{
    for (int64_t i = 0; i < rows; i++) {
        y[i] = 0;
        for (int64_t j = 0; j < columns; j++)
            y[i] += matrix->values[i * columns + j] * x[j];
    }
}

/* The backward pass of multiply() from dy. It adds to dx. */
static void multiply_back(const weights *matrix, int64_t rows, int64_t columns, const double *x, const double *dy,
                          double *dx)
{
    for (int64_t i = 0; i < rows; i++) {
        for (int64_t j = 0; j < columns; j++) {
            matrix->gradient[i * columns + j] += dy[i] * x[j];
            dx[j] += dy[i] * matrix->values[i * columns + j];
        }
    }
}

/* Normalises a group of elements: a = (a - mean(a)) / s. Returns s = sqrt(variance(a) + 1e-5). */
static double normalise_group(double *a, int64_t count)
{
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < count; i++)
        mean += a[i] / (double)count;
    for (int64_t i = 0; i < count; i++)
        variance += (a[i] - mean) * (a[i] - mean) / (double)count;
    double s = sqrt(variance + 1e-5);
    for (int64_t i = 0; i < count; i++)
        a[i] = (a[i] - mean) / s;
    return s;
}

/* The end of the group of gate elements that begins at `from`. A GRU's candidate is a group of its own. */
static int64_t group_end(const run *r, int64_t from)
{
    int64_t hidden = r->options.hidden_size;
    return r->options.cell == RNN_CELL_GRU && from == 0 ? 2 * hidden : r->gates * hidden;
}

/* Normalises a product [G H], if the model has the gain. */
static void normalise(const run *r, const weights *gain, double *a)
{
    int64_t all = r->gates * r->options.hidden_size;
    for (int64_t from = 0; gain->values && from < all; from = group_end(r, from))
        normalise_group(a + from, group_end(r, from) - from);
    for (int64_t i = 0; gain->values && i < all; i++)
        a[i] *= gain->values[i];
}

/* The backward pass of normalise(): d becomes the derivative with respect to the product, which is in `a`. */
static void normalise_back(const run *r, const weights *gain, double *a, double *d)
{
    int64_t all = r->gates * r->options.hidden_size;
    for (int64_t from = 0, to = 0; from < all; from = to) {
        to = group_end(r, from);
        double count = (double)(to - from), s = normalise_group(a + from, to - from), mean = 0, along = 0;
        for (int64_t i = from; i < to; i++) {
            gain->gradient[i] += d[i] * a[i];
            d[i] *= gain->values[i];
            mean += d[i] / count;
            along += d[i] * a[i] / count;
        }
        for (int64_t i = from; i < to; i++)
            d[i] = (d[i] - mean - a[i] * along) / s;
    }
}

/* sum += term, for `count` elements. Nothing happens where either is NULL. */
static void add(double *sum, const double *term, int64_t count)
{
    for (int64_t i = 0; sum && term && i < count; i++)
        sum[i] += term[i];
}

/* The values that a layer reads and writes at one position */
typedef struct place {
    double *x, *dx;                    /* [inputs] */
    double *h, *c, *above, *gates, *q; /* [H], [H], [H], [G H], [H] */
    double *h_before, *c_before;       /* [H] */
    double *dh, *dc;                   /* [H] */
} place;

static place place_at(const run *r, int64_t s, int64_t t, int64_t b)
{
    const layer *at = &r->layers[s];
    int64_t hidden = r->options.hidden_size, row = t * r->chunk->streams + b;
    return (place){
        .x = at->x + row * at->inputs,
        .dx = at->dx + row * at->inputs,
        .h = at->h + row * hidden,
        .c = at->c + row * hidden,
        .above = at->above + row * hidden,
        .gates = at->gates + row * r->gates * hidden,
        .q = at->q + row * hidden,
        .h_before = at->h_before + row * hidden,
        .c_before = at->c_before + row * hidden,
        .dh = at->dh + b * hidden,
        .dc = at->dc + b * hidden,
    };
}

/* ---- Forward ---- */

/* Stores the first layer's input at a position. Without an embedding, an id becomes a one-hot vector. */
static void read_input(const run *r, int64_t t, int64_t b)
{
    const rnn_model_options *o = &r->options;
    int64_t row = t * r->chunk->streams + b;
    double *x = place_at(r, 0, t, b).x;
    if (o->input == RNN_INPUT_VECTORS) {
        const char *vectors = r->chunk->input_vectors;
        size_t offset = (size_t)(row * o->input_size) * precision_size(o->precision);
        to_doubles(o->precision, vectors + offset, x, o->input_size);
    } else if (o->input == RNN_INPUT_EMBEDDING) {
        const double *vector = r->embedding.values + r->chunk->inputs[row] * o->embedding_size;
        memcpy(x, vector, (size_t)o->embedding_size * sizeof(double));
    } else {
        x[r->chunk->inputs[row]] = 1;
    }
}

/* Computes unit j. On entry its gates hold the sums before their non-linearities. */
static void unit_forward(int32_t cell, int64_t hidden, const place *p, int64_t j)
{
    double *a = p->gates + j;
    if (cell == RNN_CELL_TANH) {
        a[0] = p->h[j] = tanh(a[0]);
    } else if (cell == RNN_CELL_GRU) {
        double r = a[0] = sigmoid(a[0]), z = a[hidden] = sigmoid(a[hidden]);
        double n = a[2 * hidden] = tanh(a[2 * hidden] + r * p->q[j]);
        p->h[j] = (1 - z) * n + z * p->h_before[j];
    } else {
        double i = a[0] = sigmoid(a[0]), f = a[hidden] = sigmoid(a[hidden]);
        double g = a[2 * hidden] = tanh(a[2 * hidden]), o = a[3 * hidden] = sigmoid(a[3 * hidden]);
        p->c[j] = f * p->c_before[j] + i * g;
        p->h[j] = o * tanh(p->c[j]);
    }
}

/* Copies the initial values [H] or the values before the chunk [B][H] of stream b. NULL stands for zeros. */
static void copy_first(double *to, const double *from, int64_t hidden, int64_t b)
{
    for (int64_t j = 0; j < hidden; j++)
        to[j] = from ? from[b * hidden + j] : 0;
}

static void find_before(const run *r, int64_t s, int64_t t, int64_t b)
{
    const layer *at = &r->layers[s];
    int64_t hidden = r->options.hidden_size;
    place p = place_at(r, s, t, b);
    if (begins_at(r, at, t, b)) {
        copy_first(p.h_before, at->initial_h.values, hidden, 0);
        copy_first(p.c_before, at->initial_c.values, hidden, 0);
    } else if (!at->reverse && t == 0) {
        copy_first(p.h_before, at->start_h, hidden, b);
        copy_first(p.c_before, at->start_c, hidden, b);
    } else {
        place before = place_at(r, s, at->reverse ? t + 1 : t - 1, b);
        copy_first(p.h_before, before.h, hidden, 0);
        copy_first(p.c_before, before.c, hidden, 0);
    }
}

static void layer_forward(const run *r, int64_t s, int64_t t, int64_t b)
{
    const layer *at = &r->layers[s];
    int64_t hidden = r->options.hidden_size, all = r->gates * hidden;
    place p = place_at(r, s, t, b);
    find_before(r, s, t, b);
    multiply(&at->weight_ih, all, at->inputs, p.x, r->up);
    multiply(&at->weight_hh, all, hidden, p.h_before, r->over);
    normalise(r, &at->norm_ih, r->up);
    normalise(r, &at->norm_hh, r->over);
    add(r->up, at->bias_ih.values, all);
    add(r->over, at->bias_hh.values, all);
    for (int64_t i = 0; i < all; i++) {
        bool apart = r->options.cell == RNN_CELL_GRU && i >= 2 * hidden;
        if (apart)
            p.q[i - 2 * hidden] = r->over[i];
        p.gates[i] = apart ? r->up[i] : r->up[i] + r->over[i];
    }
    for (int64_t j = 0; j < hidden; j++)
        unit_forward(r->options.cell, hidden, &p, j);
}

/* Nudges a layer's h at a position and passes it to the layer above. `masks` and `nudged` are for one direction. */
static void pass_up(const run *r, int64_t s, int64_t t, int64_t b, const double *masks, const nudge *nudged)
{
    int64_t hidden = r->options.hidden_size, rows = r->chunk->steps * r->chunk->streams;
    int64_t l = s / r->directions, row = t * r->chunk->streams + b;
    double *h = place_at(r, s, t, b).h;
    if (nudged && nudged->layer == s && nudged->step == t && nudged->stream == b)
        h[nudged->unit] += nudged->distance;
    if (l == r->options.layers - 1)
        return;
    double *x = place_at(r, (l + 1) * r->directions, t, b).x + s % r->directions * hidden;
    for (int64_t j = 0; j < hidden; j++)
        x[j] = masks ? masks[(l * rows + row) * hidden + j] * h[j] : h[j];
}

/* Adds to the loss. `d` gets its derivatives with respect to the outputs y [O]. */
static double cross_entropy(const run *r, const double *y, int64_t target, double *d)
{
    int64_t outputs = r->options.output_size;
    double most = y[0], sum = 0;
    for (int64_t k = 1; k < outputs; k++)
        most = fmax(most, y[k]);
    for (int64_t k = 0; k < outputs; k++)
        sum += exp(y[k] - most);
    for (int64_t k = 0; k < outputs; k++)
        d[k] = exp(y[k] - most) / sum - (k == target);
    return log(sum) - (y[target] - most);
}

static double squared_error(const run *r, const double *y, int64_t row, double *d)
{
    int64_t outputs = r->options.output_size;
    const char *targets = r->chunk->target_vectors;
    double sum = 0;
    targets += (size_t)(row * outputs) * precision_size(r->options.precision);
    to_doubles(r->options.precision, targets, d, outputs);
    for (int64_t k = 0; k < outputs; k++) {
        sum += (y[k] - d[k]) * (y[k] - d[k]);
        d[k] = 2 * (y[k] - d[k]);
    }
    return sum;
}

/* A row of the outputs, and the position that each direction contributes to it */
typedef struct output_row {
    int64_t row, stream, steps[2];
} output_row;

/* Finds row i of the outputs. Returns false if its stream has ended before it. */
static bool find_row(const run *r, int64_t i, output_row *found)
{
    int64_t streams = r->chunk->streams, b = i % streams, t = i / streams, length = length_of(r, b);
    if (!r->chunk->last_only) {
        *found = (output_row){i, b, {t, t}};
        return t < length;
    }
    int64_t first = length - 1; /* of the stream's last sequence */
    while (first > 0 && !starts_at(r, first, b))
        first--;
    *found = (output_row){i, b, {length - 1, first}};
    return length > 0;
}

static int64_t output_rows(const run *r)
{
    return r->chunk->last_only ? r->chunk->streams : r->chunk->steps * r->chunk->streams;
}

static place top_place(const run *r, const output_row *at, int64_t direction)
{
    return place_at(r, r->stack - r->directions + direction, at->steps[direction], at->stream);
}

static void join_top(const run *r, const output_row *at)
{
    int64_t hidden = r->options.hidden_size;
    for (int64_t d = 0; d < r->directions; d++)
        memcpy(r->top + d * hidden, top_place(r, at, d).h, (size_t)hidden * sizeof(double));
}

static void outputs_forward(run *r, int64_t i)
{
    const rnn_model_options *o = &r->options;
    const rnn_chunk *chunk = r->chunk;
    output_row at;
    if (!find_row(r, i, &at))
        return;
    double *y = r->results.outputs + i * o->output_size, *d = r->d_outputs + i * o->output_size;
    join_top(r, &at);
    multiply(&r->decoder, o->output_size, r->directions * o->hidden_size, r->top, y);
    add(y, r->decoder_bias.values, o->output_size);
    if (chunk->targets && chunk->targets[i] != RNN_IGNORE)
        r->results.losses[i] = cross_entropy(r, y, chunk->targets[i], d);
    else if (chunk->target_vectors && (!chunk->target_mask || chunk->target_mask[i]))
        r->results.losses[i] = squared_error(r, y, i, d);
    else
        return;
    r->results.loss.sum += r->results.losses[i];
    r->results.loss.count++;
}

/* Leaves the state after the chunk in start_h and start_c. A stream without steps keeps its state. */
static void keep_state(const run *r, int64_t s)
{
    const layer *at = &r->layers[s];
    int64_t hidden = r->options.hidden_size;
    for (int64_t b = 0; b < r->chunk->streams; b++) {
        int64_t length = length_of(r, b);
        if (length == 0)
            continue;
        place last = place_at(r, s, at->reverse ? 0 : length - 1, b);
        memcpy(at->start_h + b * hidden, last.h, (size_t)hidden * sizeof(double));
        if (at->start_c)
            memcpy(at->start_c + b * hidden, last.c, (size_t)hidden * sizeof(double));
    }
}

static void run_forward(run *r, const double *masks, const nudge *nudged)
{
    for (int64_t b = 0; b < r->chunk->streams; b++)
        for (int64_t t = 0; t < length_of(r, b); t++)
            read_input(r, t, b);
    for (int64_t s = 0; s < r->stack; s++) {
        for (int64_t b = 0; b < r->chunk->streams; b++) {
            for (int64_t k = 0; k < length_of(r, b); k++) {
                int64_t t = r->layers[s].reverse ? length_of(r, b) - 1 - k : k;
                layer_forward(r, s, t, b);
                pass_up(r, s, t, b, masks, nudged);
            }
        }
        keep_state(r, s);
    }
    for (int64_t i = 0; i < output_rows(r); i++)
        outputs_forward(r, i);
}

/* ---- Backward ---- */

static void outputs_backward(const run *r, int64_t i)
{
    const rnn_model_options *o = &r->options;
    int64_t count = r->results.loss.count, hidden = o->hidden_size;
    double scale = o->reduction == RNN_REDUCTION_MEAN && count > 0 ? 1 / (double)count : 1;
    double *d = r->d_outputs + i * o->output_size;
    output_row at;
    if (!find_row(r, i, &at))
        return;
    for (int64_t k = 0; k < o->output_size; k++)
        d[k] *= scale;
    join_top(r, &at);
    memset(r->d_top, 0, (size_t)(r->directions * hidden) * sizeof(double));
    add(r->decoder_bias.gradient, d, o->output_size);
    multiply_back(&r->decoder, o->output_size, r->directions * hidden, r->top, d, r->d_top);
    for (int64_t direction = 0; direction < r->directions; direction++)
        add(top_place(r, &at, direction).above, r->d_top + direction * hidden, hidden);
}

/*
 * Computes, for unit j, the derivatives with respect to the sums before the non-linearities from dh and dc. `d_input`
 * is for the products with x, `d_hidden` for those with the previous h. Afterwards dh and dc hold the parts that flow
 * directly to the previous step.
 */
static void unit_backward(int32_t cell, int64_t hidden, const place *p, int64_t j, double *d_input, double *d_hidden)
{
    const double *a = p->gates + j;
    double dh = p->dh[j];
    if (cell == RNN_CELL_TANH) {
        d_input[j] = d_hidden[j] = (1 - a[0] * a[0]) * dh;
        p->dh[j] = 0;
    } else if (cell == RNN_CELL_GRU) {
        double r = a[0], z = a[hidden], n = a[2 * hidden];
        double dn = (1 - z) * dh * (1 - n * n);
        d_input[j] = d_hidden[j] = dn * p->q[j] * r * (1 - r);
        d_input[hidden + j] = d_hidden[hidden + j] = (p->h_before[j] - n) * dh * z * (1 - z);
        d_input[2 * hidden + j] = dn;
        d_hidden[2 * hidden + j] = dn * r;
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

static void layer_backward(const run *r, int64_t s, int64_t t, int64_t b)
{
    const layer *at = &r->layers[s];
    int64_t hidden = r->options.hidden_size, all = r->gates * hidden;
    place p = place_at(r, s, t, b);
    add(p.dh, p.above, hidden);
    for (int64_t j = 0; j < hidden; j++)
        unit_backward(r->options.cell, hidden, &p, j, r->d_input, r->d_hidden);
    add(at->bias_ih.gradient, r->d_input, all);
    add(at->bias_hh.gradient, r->d_hidden, all);
    if (r->options.layer_norm) {
        multiply(&at->weight_ih, all, at->inputs, p.x, r->up);
        multiply(&at->weight_hh, all, hidden, p.h_before, r->over);
        normalise_back(r, &at->norm_ih, r->up, r->d_input);
        normalise_back(r, &at->norm_hh, r->over, r->d_hidden);
    }
    multiply_back(&at->weight_ih, all, at->inputs, p.x, r->d_input, p.dx);
    multiply_back(&at->weight_hh, all, hidden, p.h_before, r->d_hidden, p.dh);
    if (begins_at(r, at, t, b)) {
        add(at->initial_h.gradient, p.dh, hidden);
        add(at->initial_c.gradient, p.dc, hidden);
        memset(p.dh, 0, (size_t)hidden * sizeof(double));
        memset(p.dc, 0, (size_t)hidden * sizeof(double));
    }
}

/* Adds the derivatives of a layer's inputs to the layer below or to the embedding. */
static void pass_down(const run *r, int64_t l, int64_t t, int64_t b)
{
    const rnn_model_options *o = &r->options;
    const double *dx = place_at(r, l * r->directions, t, b).dx;
    for (int64_t d = 0; l > 0 && d < r->directions; d++)
        add(place_at(r, (l - 1) * r->directions + d, t, b).above, dx + d * o->hidden_size, o->hidden_size);
    if (l == 0 && o->input == RNN_INPUT_EMBEDDING) {
        int64_t id = r->chunk->inputs[t * r->chunk->streams + b];
        add(r->embedding.gradient + id * o->embedding_size, dx, o->embedding_size);
    }
}

static void run_backward(const run *r)
{
    for (int64_t i = 0; i < output_rows(r); i++)
        outputs_backward(r, i);
    for (int64_t s = r->stack - 1; s >= 0; s--) {
        for (int64_t b = 0; b < r->chunk->streams; b++)
            for (int64_t k = length_of(r, b) - 1; k >= 0; k--)
                layer_backward(r, s, r->layers[s].reverse ? length_of(r, b) - 1 - k : k, b);
        for (int64_t b = 0; !r->layers[s].reverse && b < r->chunk->streams; b++)
            for (int64_t t = 0; t < length_of(r, b); t++)
                pass_down(r, s / r->directions, t, b);
    }
}

/* ---- Both ---- */

formulas run_formulas(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk, const double *masks,
                      const nudge *nudged)
{
    run r = begin(model, start, chunk);
    run_forward(&r, masks, nudged);
    end(&r);
    free(r.results.gradients);
    r.results.gradients = NULL;
    return r.results;
}

formulas train_formulas(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk)
{
    run r = begin(model, start, chunk);
    run_forward(&r, NULL, NULL);
    run_backward(&r);
    end(&r);
    return r.results;
}
