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

typedef struct layer {
    int64_t inputs;               /* I; H in layers above the first */
    weights weight_ih, weight_hh; /* [G H][inputs], [G H][H] */
    weights bias_ih, bias_hh;     /* [G H] */
    double *x;                    /* [T][B][inputs] */
    double *h, *c;                /* [T + 1][B][H]; the first is the state before the chunk */
    double *gates;                /* [T][B][G H] after their non-linearities */
    double *q;                    /* [T][B][H] a GRU's W_hn h + b_hn */
    double *dh, *dc;              /* [B][H] the derivatives from the next step */
} layer;

typedef struct run {
    const rnn_model *model;
    const rnn_chunk *chunk;
    rnn_model_options options;
    int64_t gates;                            /* G */
    double *values;                           /* of all parameters */
    formulas results;                         /* including gradients, even if they aren't needed */
    weights embedding, decoder, decoder_bias; /* [V][E], [O][H], [O] */
    layer *layers;
    double *d_outputs;                /* [T][B][O] */
    double *d_input, *d_hidden, *d_x; /* [G H], [G H], [I or H] at one position */
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

static weights find_layer_weights(const run *r, const char *name, int64_t l)
{
    char full[64];
    snprintf(full, sizeof full, "rnn.%s_l%d", name, (int)l);
    return find_weights(r, full);
}

/* The number of inputs of a layer */
static int64_t inputs_of(const rnn_model_options *o, int64_t l)
{
    if (l > 0)
        return o->hidden_size;
    return o->input == RNN_INPUT_EMBEDDING ? o->embedding_size : o->input_size;
}

/* `state` is [parts][L][B][H]. */
static layer make_layer(const run *r, int64_t l, const double *state)
{
    const rnn_model_options *o = &r->options;
    int64_t one = r->chunk->streams * o->hidden_size, all = r->chunk->steps * one; /* [B][H], [T][B][H] */
    layer made = {
        .inputs = inputs_of(o, l),
        .weight_ih = find_layer_weights(r, "weight_ih", l),
        .weight_hh = find_layer_weights(r, "weight_hh", l),
        .bias_ih = find_layer_weights(r, "bias_ih", l),
        .x = doubles(r->chunk->steps * r->chunk->streams * inputs_of(o, l)),
        .h = doubles(one + all),
        .c = doubles(one + all),
        .gates = doubles(all * r->gates),
        .q = doubles(all),
        .dh = doubles(one),
        .dc = doubles(one),
    };
    if (o->bias == RNN_BIAS_BOTH)
        made.bias_hh = find_layer_weights(r, "bias_hh", l);
    memcpy(made.h, state + l * one, (size_t)one * sizeof(double));
    if (o->cell == RNN_CELL_LSTM)
        memcpy(made.c, state + (o->layers + l) * one, (size_t)one * sizeof(double));
    return made;
}

static run begin(const rnn_model *model, const rnn_state *start, const rnn_chunk *chunk)
{
    run r = {.model = model, .chunk = chunk, .options = options_of(model)};
    const rnn_model_options *o = &r.options;
    int64_t rows = chunk->steps * chunk->streams;
    r.gates = o->cell == RNN_CELL_LSTM ? 4 : o->cell == RNN_CELL_GRU ? 3 : 1;
    r.values = get_all_parameters(model);
    r.results.gradients = doubles(parameter_total(model));
    r.results.outputs = doubles(rows * o->output_size);
    r.results.activations = doubles(o->layers * rows * o->hidden_size);
    r.results.state = get_state(model, start);
    if (o->input == RNN_INPUT_EMBEDDING)
        r.embedding = find_weights(&r, "embedding.weight");
    r.decoder = o->tied ? r.embedding : find_weights(&r, "decoder.weight");
    r.decoder_bias = find_weights(&r, "decoder.bias");
    r.layers = allocate(o->layers, sizeof *r.layers);
    for (int64_t l = 0; l < o->layers; l++)
        r.layers[l] = make_layer(&r, l, r.results.state);
    r.d_outputs = doubles(rows * o->output_size);
    r.d_input = doubles(r.gates * o->hidden_size);
    r.d_hidden = doubles(r.gates * o->hidden_size);
    r.d_x = doubles(inputs_of(o, 0) + o->hidden_size);
    return r;
}

/* Releases everything except the results. */
static void end(run *r)
{
    const rnn_model_options *o = &r->options;
    int64_t one = r->chunk->streams * o->hidden_size, last = r->chunk->steps * one;
    for (int64_t l = 0; l < o->layers; l++) {
        layer *at = &r->layers[l];
        memcpy(r->results.state + l * one, at->h + last, (size_t)one * sizeof(double));
        if (o->cell == RNN_CELL_LSTM)
            memcpy(r->results.state + (o->layers + l) * one, at->c + last, (size_t)one * sizeof(double));
        memcpy(r->results.activations + l * last, at->h + one, (size_t)last * sizeof(double));
        free(at->x);
        free(at->h);
        free(at->c);
        free(at->gates);
        free(at->q);
        free(at->dh);
        free(at->dc);
    }
    free(r->values);
    free(r->layers);
    free(r->d_outputs);
    free(r->d_input);
    free(r->d_hidden);
    free(r->d_x);
}

void free_formulas(formulas *results)
{
    free(results->outputs);
    free(results->activations);
    free(results->state);
    free(results->gradients);
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

/* The backward pass through row i. `d` is the derivative of the loss with respect to row_product(). */
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

/* The values that a layer reads and writes at one position */
typedef struct place {
    double *x;                   /* [inputs] */
    double *h, *c, *gates, *q;   /* [H], [H], [G H], [H] */
    double *h_before, *c_before; /* [H] */
    double *dh, *dc;             /* [H] */
} place;

static place place_at(const run *r, int64_t l, int64_t row)
{
    const layer *at = &r->layers[l];
    int64_t hidden = r->options.hidden_size, after = row + r->chunk->streams, stream = row % r->chunk->streams;
    return (place){
        .x = at->x + row * at->inputs,
        .h = at->h + after * hidden,
        .c = at->c + after * hidden,
        .gates = at->gates + row * r->gates * hidden,
        .q = at->q + row * hidden,
        .h_before = at->h + row * hidden,
        .c_before = at->c + row * hidden,
        .dh = at->dh + stream * hidden,
        .dc = at->dc + stream * hidden,
    };
}

/* ---- Forward ---- */

/* Stores the first layer's input at a position. Without an embedding, an id becomes a one-hot vector. */
static void read_input(const run *r, int64_t row)
{
    const rnn_model_options *o = &r->options;
    double *x = place_at(r, 0, row).x;
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

static void layer_forward(const run *r, int64_t l, int64_t row)
{
    const layer *at = &r->layers[l];
    int64_t hidden = r->options.hidden_size;
    place p = place_at(r, l, row);
    for (int64_t i = 0; i < r->gates * hidden; i++) {
        double up = row_product(&at->weight_ih, &at->bias_ih, i, at->inputs, p.x);
        double over = row_product(&at->weight_hh, &at->bias_hh, i, hidden, p.h_before);
        bool apart = r->options.cell == RNN_CELL_GRU && i >= 2 * hidden;
        if (apart)
            p.q[i - 2 * hidden] = over;
        p.gates[i] = apart ? up : up + over;
    }
    for (int64_t j = 0; j < hidden; j++)
        unit_forward(r->options.cell, hidden, &p, j);
}

/* Nudges a layer's h at a position and passes it to the layer above. */
static void pass_up(const run *r, int64_t l, int64_t row, const double *masks, const nudge *nudged)
{
    int64_t hidden = r->options.hidden_size, rows = r->chunk->steps * r->chunk->streams;
    double *h = place_at(r, l, row).h;
    if (nudged && nudged->layer == l && nudged->step * r->chunk->streams + nudged->stream == row)
        h[nudged->unit] += nudged->distance;
    if (l == r->options.layers - 1)
        return;
    double *x = place_at(r, l + 1, row).x;
    for (int64_t j = 0; j < hidden; j++)
        x[j] = masks ? masks[(l * rows + row) * hidden + j] * h[j] : h[j];
}

/* Adds to the loss. `d` gets its derivatives with respect to the outputs y [O]. */
static void cross_entropy(run *r, const double *y, int64_t target, double *d)
{
    int64_t outputs = r->options.output_size;
    double most = y[0], sum = 0;
    for (int64_t k = 1; k < outputs; k++)
        most = fmax(most, y[k]);
    for (int64_t k = 0; k < outputs; k++)
        sum += exp(y[k] - most);
    for (int64_t k = 0; k < outputs; k++)
        d[k] = exp(y[k] - most) / sum - (k == target);
    r->results.loss.sum += log(sum) - (y[target] - most);
    r->results.loss.count++;
}

static void squared_error(run *r, const double *y, int64_t row, double *d)
{
    int64_t outputs = r->options.output_size;
    const char *targets = r->chunk->target_vectors;
    targets += (size_t)(row * outputs) * precision_size(r->options.precision);
    to_doubles(r->options.precision, targets, d, outputs);
    for (int64_t k = 0; k < outputs; k++) {
        r->results.loss.sum += (y[k] - d[k]) * (y[k] - d[k]);
        d[k] = 2 * (y[k] - d[k]);
    }
    r->results.loss.count++;
}

static void outputs_forward(run *r, int64_t row)
{
    const rnn_model_options *o = &r->options;
    const rnn_chunk *chunk = r->chunk;
    const double *top = place_at(r, o->layers - 1, row).h;
    double *y = r->results.outputs + row * o->output_size, *d = r->d_outputs + row * o->output_size;
    for (int64_t k = 0; k < o->output_size; k++)
        y[k] = row_product(&r->decoder, &r->decoder_bias, k, o->hidden_size, top);
    if (chunk->targets && chunk->targets[row] != RNN_IGNORE)
        cross_entropy(r, y, chunk->targets[row], d);
    if (chunk->target_vectors && (!chunk->target_mask || chunk->target_mask[row]))
        squared_error(r, y, row, d);
}

static void run_forward(run *r, const double *masks, const nudge *nudged)
{
    for (int64_t row = 0; row < r->chunk->steps * r->chunk->streams; row++) {
        read_input(r, row);
        for (int64_t l = 0; l < r->options.layers; l++) {
            layer_forward(r, l, row);
            pass_up(r, l, row, masks, nudged);
        }
        outputs_forward(r, row);
    }
}

/* ---- Backward ---- */

/* Adds the outputs' part to the last layer's `dh`, which already holds the part of the later steps. */
static void outputs_backward(const run *r, int64_t row)
{
    const rnn_model_options *o = &r->options;
    int64_t count = r->results.loss.count;
    double scale = o->reduction == RNN_REDUCTION_MEAN && count > 0 ? 1 / (double)count : 1;
    place p = place_at(r, o->layers - 1, row);
    const double *d = r->d_outputs + row * o->output_size;
    for (int64_t k = 0; k < o->output_size; k++)
        row_product_back(&r->decoder, &r->decoder_bias, k, o->hidden_size, p.h, scale * d[k], p.dh);
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

/* Adds the derivatives to the layer below or to the embedding. */
static void pass_down(const run *r, int64_t l, int64_t row)
{
    const rnn_model_options *o = &r->options;
    double *to = NULL;
    if (l > 0)
        to = place_at(r, l - 1, row).dh;
    else if (o->input == RNN_INPUT_EMBEDDING)
        to = r->embedding.gradient + r->chunk->inputs[row] * o->embedding_size;
    for (int64_t k = 0; to && k < r->layers[l].inputs; k++)
        to[k] += r->d_x[k];
}

static void layer_backward(const run *r, int64_t l, int64_t row)
{
    const layer *at = &r->layers[l];
    int64_t hidden = r->options.hidden_size;
    place p = place_at(r, l, row);
    for (int64_t j = 0; j < hidden; j++)
        unit_backward(r->options.cell, hidden, &p, j, r->d_input, r->d_hidden);
    memset(r->d_x, 0, (size_t)at->inputs * sizeof(double));
    for (int64_t i = 0; i < r->gates * hidden; i++) {
        row_product_back(&at->weight_ih, &at->bias_ih, i, at->inputs, p.x, r->d_input[i], r->d_x);
        row_product_back(&at->weight_hh, &at->bias_hh, i, hidden, p.h_before, r->d_hidden[i], p.dh);
    }
    pass_down(r, l, row);
}

static void run_backward(const run *r)
{
    for (int64_t row = r->chunk->steps * r->chunk->streams - 1; row >= 0; row--) {
        outputs_backward(r, row);
        for (int64_t l = r->options.layers - 1; l >= 0; l--)
            layer_backward(r, l, row);
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
