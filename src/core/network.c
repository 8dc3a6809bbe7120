/*
 * network.c: a chunk's way through the network and back. Everything here is in the order in which it happens:
 *
 *     forward:  for each layer: input product over all steps; then step by step recurrent product and cell; output,
 * loss backward: output; for each layer from the top: step by step back; weight gradients over all steps; input product
 *
 * Shapes: T steps, B streams, G gates; S, the stride of a row: H rounded up to whole vectors. Rows are (t, b).
 */
#include "cell.h"
#include "matmul.c"
#include "output.c"

static const cell *cell_of(const core_network *network);

/* ---- Memory: everything is carved from one block, by the same function that measures it -------------------------- */

typedef struct arena {
    real *base;   /* NULL: only measure */
    size_t used;  /* reals */
    bool too_big; /* the number doesn't fit */
} arena;

/* a * b * c reals, aligned */
static real *take(arena *memory, size_t a, size_t b, size_t c)
{
    const size_t align = CORE_ALIGNMENT / sizeof(real);
    size_t count, end;
    if (__builtin_mul_overflow(a, b, &count) || __builtin_mul_overflow(count, c, &count) ||
        __builtin_add_overflow(count, align - 1, &count) ||
        __builtin_add_overflow(memory->used, count / align * align, &end)) {
        memory->too_big = true;
        return NULL;
    }
    real *start = memory->base ? memory->base + memory->used : NULL;
    memory->used = end;
    return start;
}

static size_t bytes_of(const arena *memory)
{
    size_t bytes;
    return memory->too_big || __builtin_mul_overflow(memory->used, sizeof(real), &bytes) ? SIZE_MAX : bytes;
}

static size_t state_stride(int64_t hidden_size)
{
    return round_up((size_t)hidden_size);
}

/* ---- Packed weights ---------------------------------------------------------------------------------------------- */

/*
 * Two regions: what forward() reads, and behind it, when training, what backward() reads. In each the layers, then the
 * decoder.
 */
typedef struct forward_layer_weights {
    real *bias;    /* [G][S] */
    real *ih, *hh; /* K = I, H; N = G S. No ih for ids. */
} forward_layer_weights;

typedef struct backward_layer_weights {
    real *ih; /* K = G S; N = I rounded up. None for ids. */
    real *hh; /* K = G S; N = S */
} backward_layer_weights;

typedef struct decoder_weights {
    real *forward; /* K = H; N = O rounded up */
    real *bias;    /* [O rounded up], the rest -infinity: the softmax of what isn't there is 0 */
} decoder_weights;

static size_t gate_stride(const core_network *n)
{
    return (size_t)cell_of(n)->info.gates * round_up((size_t)n->hidden_size);
}

static forward_layer_weights take_forward_layer(arena *memory, const core_network *n, int64_t layer)
{
    size_t gates = gate_stride(n);
    forward_layer_weights w = {0};
    w.bias = take(memory, gates, 1, 1);
    w.hh = take(memory, packed_matrix((size_t)n->hidden_size, gates), 1, 1);
    if (layer > 0)
        w.ih = take(memory, packed_matrix((size_t)n->layer[layer].inputs, gates), 1, 1);
    return w;
}

static backward_layer_weights take_backward_layer(arena *memory, const core_network *n, int64_t layer)
{
    size_t gates = gate_stride(n);
    backward_layer_weights w = {0};
    w.hh = take(memory, packed_matrix(gates, round_up((size_t)n->hidden_size)), 1, 1);
    if (layer > 0)
        w.ih = take(memory, packed_matrix(gates, round_up((size_t)n->layer[layer].inputs)), 1, 1);
    return w;
}

static decoder_weights take_decoder(arena *memory, const core_network *n)
{
    size_t outputs = round_up((size_t)n->output_size);
    decoder_weights w = {0};
    w.forward = take(memory, packed_matrix((size_t)n->hidden_size, outputs), 1, 1);
    w.bias = take(memory, outputs, 1, 1);
    return w;
}

static real *take_decoder_back(arena *memory, const core_network *n)
{
    return take(memory, packed_matrix((size_t)n->output_size, round_up((size_t)n->hidden_size)), 1, 1);
}

/* Where things begin, in reals. All layers but the first are alike. */
static size_t forward_offset(const core_network *n, int64_t layer)
{
    arena first = {0}, other = {0};
    take_forward_layer(&first, n, 0);
    if (layer > 1)
        take_forward_layer(&other, n, 1);
    return layer == 0 ? 0 : first.used + (size_t)(layer - 1) * other.used;
}

static size_t backward_offset(const core_network *n, int64_t layer)
{
    arena before = {.used = forward_offset(n, n->layers)}, first = {0}, other = {0};
    take_decoder(&before, n);
    take_backward_layer(&first, n, 0);
    if (layer > 1)
        take_backward_layer(&other, n, 1);
    return before.used + (layer == 0 ? 0 : first.used + (size_t)(layer - 1) * other.used);
}

static forward_layer_weights forward_layer_at(const core_network *n, int64_t layer, const void *packed)
{
    arena memory = {.base = (real *)packed, .used = forward_offset(n, layer)};
    return take_forward_layer(&memory, n, layer);
}

static backward_layer_weights backward_layer_at(const core_network *n, int64_t layer, const void *packed)
{
    arena memory = {.base = (real *)packed, .used = backward_offset(n, layer)};
    return take_backward_layer(&memory, n, layer);
}

static decoder_weights decoder_at(const core_network *n, const void *packed)
{
    arena memory = {.base = (real *)packed, .used = forward_offset(n, n->layers)};
    return take_decoder(&memory, n);
}

static real *decoder_back_at(const core_network *n, const void *packed)
{
    arena memory = {.base = (real *)packed, .used = backward_offset(n, n->layers)};
    return take_decoder_back(&memory, n);
}

static size_t packed_size(const core_network *n, bool training)
{
    arena memory = {.used = training ? backward_offset(n, n->layers) : forward_offset(n, n->layers)};
    if (training)
        take_decoder_back(&memory, n);
    else
        take_decoder(&memory, n);
    return bytes_of(&memory);
}

/* The weights of a layer's gates, for forward and, if wanted, for backward. */
static void pack_gates(const core_network *n, const real *w, size_t columns, real *forward, real *back)
{
    size_t gates = (size_t)cell_of(n)->info.gates, hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    pack_columns(w, gates, hidden, stride, columns, forward);
    if (back)
        pack_rows(w, gates, hidden, stride, columns, back);
}

static void pack_layer(const core_network *n, int64_t l, const real *parameters, bool training, void *packed)
{
    const core_layer *layer = &n->layer[l];
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden), gates = (size_t)cell_of(n)->info.gates;
    forward_layer_weights forward = forward_layer_at(n, l, packed);
    backward_layer_weights back = {0};
    if (training)
        back = backward_layer_at(n, l, packed);
    for (size_t g = 0; g < gates; g++)
        for (size_t j = 0; j < stride; j++)
            forward.bias[g * stride + j] = j < hidden ? parameters[layer->bias_ih + g * hidden + j] : 0;
    pack_gates(n, parameters + layer->weight_hh, hidden, forward.hh, back.hh);
    if (l > 0)
        pack_gates(n, parameters + layer->weight_ih, (size_t)layer->inputs, forward.ih, back.ih);
}

static void pack(const core_network *n, const void *values, bool training, void *packed)
{
    const real *parameters = values;
    size_t hidden = (size_t)n->hidden_size, outputs = (size_t)n->output_size;
    for (int64_t l = 0; l < n->layers; l++)
        pack_layer(n, l, parameters, training, packed);
    decoder_weights decoder = decoder_at(n, packed);
    for (size_t o = 0; o < round_up(outputs); o++)
        decoder.bias[o] = o < outputs ? parameters[n->decoder_bias + o] : -(real)INFINITY;
    pack_columns(parameters + n->decoder_weight, 1, outputs, round_up(outputs), hidden, decoder.forward);
    if (training)
        pack_rows(parameters + n->decoder_weight, 1, outputs, outputs, hidden, decoder_back_at(n, packed));
}

/* ---- Work space of a chunk --------------------------------------------------------------------------------------- */

typedef struct workspace {
    size_t steps, streams, rows; /* rows = T B */
    size_t hidden, stride;       /* H, S */
    size_t gates;                /* G S */
    size_t outputs, out_stride;  /* O, O rounded up */
    real *h;                     /* [L][T + 1][B][S], from the state before the chunk on */
    real *gate;                  /* [L][T][B][G][S]: pre-activations, activations, at last their gradients */
    real *logits;                /* [T][B][O rounded up]: logits, exponentials, at last their gradients */
    real *sum;                   /* [T][B] of the exponentials */
    real *dh, *dx;               /* [T + 1][B][S]: gradient of a layer's h, and of what comes from below */
    real *scratch;
} workspace;

static workspace take_workspace(arena *memory, const core_network *n, int64_t steps, int64_t streams, bool training)
{
    workspace w = {.steps = (size_t)steps, .streams = (size_t)streams, .hidden = (size_t)n->hidden_size};
    size_t layers = (size_t)n->layers;
    w.rows = w.steps * w.streams;
    w.stride = round_up(w.hidden);
    w.gates = (size_t)cell_of(n)->info.gates * w.stride;
    w.outputs = (size_t)n->output_size;
    w.out_stride = round_up(w.outputs);
    w.h = take(memory, w.rows + w.streams, w.stride, layers);
    w.gate = take(memory, w.rows, w.gates, layers);
    w.logits = take(memory, w.rows, w.out_stride, 1);
    w.sum = take(memory, w.rows, 1, 1);
    if (training) {
        w.dh = take(memory, w.rows + w.streams, w.stride, 1);
        w.dx = layers > 1 ? take(memory, w.rows + w.streams, w.stride, 1) : NULL;
        w.scratch = take(memory, OUTER_SCRATCH + w.gates + w.out_stride, 1, 1);
    }
    return w;
}

static size_t workspace_size(const core_network *n, int64_t steps, int64_t streams, bool training)
{
    arena memory = {0};
    take_workspace(&memory, n, steps, streams, training);
    return bytes_of(&memory);
}

/* h of a layer at step t (0: before the chunk): [B][S] */
static real *h_at(const workspace *w, int64_t layer, size_t t)
{
    return w->h + (((size_t)layer * (w->steps + 1)) + t) * w->streams * w->stride;
}

static real *gate_at(const workspace *w, int64_t layer, size_t t)
{
    return w->gate + ((size_t)layer * w->steps + t) * w->streams * w->gates;
}

/* ---- Forward ----------------------------------------------------------------------------------------------------- */

static void fill_rows(real *rows, size_t count, const real *row, size_t width)
{
    for (size_t i = 0; i < count; i++)
        memcpy(rows + i * width, row, width * sizeof *row);
}

/* gates[t][b] = bias + the input weights of the symbol at (t, b) */
static void gather_inputs(const workspace *w, const int32_t *ids, const real *weight, const real *bias, real *gates)
{
    size_t groups = w->gates / w->stride;
    for (size_t row = 0; row < w->rows; row++)
        for (size_t g = 0; g < groups; g++) {
            const real *from = weight + ((size_t)ids[row] * groups + g) * w->hidden, *add = bias + g * w->stride;
            real *to = gates + row * w->gates + g * w->stride;
            for (size_t j = 0; j < w->hidden; j++)
                to[j] = from[j] + add[j];
            for (size_t j = w->hidden; j < w->stride; j++)
                to[j] = 0;
        }
}

static void forward_layer(const core_pass *pass, const workspace *w, int64_t l)
{
    forward_layer_weights weights = forward_layer_at(pass->network, l, pass->packed);
    const core_layer *layer = &pass->network->layer[l];
    const cell *recurrence = cell_of(pass->network);
    if (l == 0) {
        gather_inputs(w, pass->inputs, (const real *)pass->parameters + layer->weight_ih, weights.bias,
                      gate_at(w, 0, 0));
    } else {
        fill_rows(gate_at(w, l, 0), w->rows, weights.bias, w->gates);
        product(w->rows, w->gates, w->hidden, h_at(w, l - 1, 1), w->stride, weights.ih, gate_at(w, l, 0), w->gates);
    }
    for (size_t t = 0; t < w->steps; t++) {
        cell_step step = {.streams = w->streams,
                          .width = w->stride,
                          .gates = gate_at(w, l, t),
                          .h_prev = h_at(w, l, t),
                          .h = h_at(w, l, t + 1)};
        product(w->streams, w->gates, w->hidden, step.h_prev, w->stride, weights.hh, step.gates, w->gates);
        recurrence->forward(&step);
    }
}

static void forward_output(const core_pass *pass, const workspace *w)
{
    decoder_weights weights = decoder_at(pass->network, pass->packed);
    fill_rows(w->logits, w->rows, weights.bias, w->out_stride);
    product(w->rows, w->out_stride, w->hidden, h_at(w, pass->network->layers - 1, 1), w->stride, weights.forward,
            w->logits, w->out_stride);
    if (pass->outputs)
        for (size_t row = 0; row < w->rows; row++)
            memcpy((real *)pass->outputs + row * w->outputs, w->logits + row * w->out_stride,
                   w->outputs * sizeof(real));
    if (pass->targets)
        for (size_t row = 0; row < w->rows; row++)
            pass->position_loss[row] = pass->targets[row] < 0
                                           ? 0
                                           : cross_entropy_forward(w->logits + row * w->out_stride, w->out_stride,
                                                                   pass->targets[row], &w->sum[row]);
}

static void forward(core_pass *pass)
{
    const core_network *n = pass->network;
    arena work = {.base = pass->workspace};
    workspace w = take_workspace(&work, n, pass->steps, pass->streams, pass->training);
    size_t state = w.streams * w.stride;
    for (int64_t l = 0; l < n->layers; l++) {
        memcpy(h_at(&w, l, 0), (const real *)pass->state + (size_t)l * state, state * sizeof(real));
        forward_layer(pass, &w, l);
        memcpy((real *)pass->next_state + (size_t)l * state, h_at(&w, l, w.steps), state * sizeof(real));
    }
    if (pass->outputs || pass->targets)
        forward_output(pass, &w);
}

/* ---- Backward ---------------------------------------------------------------------------------------------------- */

/* dh[t][b], t from 1: the gradient that the top layer's h gets from the outputs */
static void backward_output(const core_pass *pass, const workspace *w)
{
    const real *weight = decoder_back_at(pass->network, pass->packed);
    real *gradients = pass->gradients, *h = h_at(w, pass->network->layers - 1, 1), *dh = w->dh + w->streams * w->stride;
    for (size_t row = 0; row < w->rows; row++) {
        real *logits = w->logits + row * w->out_stride;
        if (pass->targets[row] < 0)
            memset(logits, 0, w->out_stride * sizeof *logits);
        else
            cross_entropy_backward(logits, w->out_stride, pass->targets[row], w->sum[row], (real)pass->gradient_scale);
    }
    memset(w->dh, 0, (w->rows + w->streams) * w->stride * sizeof(real));
    product(w->rows, w->stride, w->outputs, w->logits, w->out_stride, weight, dh, w->stride);
    outer_product(w->outputs, w->outputs, w->outputs, w->hidden, w->rows, w->logits, w->out_stride, h, w->stride,
                  gradients + pass->network->decoder_weight, w->hidden, w->scratch);
    column_sums(w->out_stride, w->out_stride, w->outputs, w->rows, w->logits, w->out_stride,
                gradients + pass->network->decoder_bias, w->scratch);
}

/* The steps of a layer backwards: gates become their gradients, dh the gradient of h by all ways. */
static void backward_steps(const core_pass *pass, const workspace *w, int64_t l, const real *weight_hh)
{
    const cell *recurrence = cell_of(pass->network);
    for (size_t t = w->steps; t-- > 0;) {
        cell_step step = {.streams = w->streams,
                          .width = w->stride,
                          .gates = gate_at(w, l, t),
                          .h_prev = h_at(w, l, t),
                          .h = h_at(w, l, t + 1),
                          .dh_prev = w->dh + t * w->streams * w->stride,
                          .dh = w->dh + (t + 1) * w->streams * w->stride};
        recurrence->backward(&step);
        if (t > 0) /* the chunk's first state is taken as a constant */
            product(w->streams, w->stride, w->gates, step.gates, w->gates, weight_hh, step.dh_prev, w->stride);
    }
}

/* weight[id] += the gradient of the gates at each position where the input is id */
static void scatter_inputs(const workspace *w, const int32_t *ids, const real *gates, real *weight)
{
    size_t groups = w->gates / w->stride;
    for (size_t row = 0; row < w->rows; row++)
        for (size_t g = 0; g < groups; g++) {
            const real *from = gates + row * w->gates + g * w->stride;
            real *to = weight + ((size_t)ids[row] * groups + g) * w->hidden;
            for (size_t j = 0; j < w->hidden; j++)
                to[j] += from[j];
        }
}

static void backward_weights(const core_pass *pass, const workspace *w, int64_t l)
{
    const core_layer *layer = &pass->network->layer[l];
    real *gradients = pass->gradients, *gates = gate_at(w, l, 0);
    outer_product(w->gates, w->stride, w->hidden, w->hidden, w->rows, gates, w->gates, h_at(w, l, 0), w->stride,
                  gradients + layer->weight_hh, w->hidden, w->scratch);
    column_sums(w->gates, w->stride, w->hidden, w->rows, gates, w->gates, gradients + layer->bias_ih, w->scratch);
    if (l == 0)
        scatter_inputs(w, pass->inputs, gates, gradients + layer->weight_ih);
    else
        outer_product(w->gates, w->stride, w->hidden, w->hidden, w->rows, gates, w->gates, h_at(w, l - 1, 1), w->stride,
                      gradients + layer->weight_ih, w->hidden, w->scratch);
}

static void backward(core_pass *pass)
{
    const core_network *n = pass->network;
    arena work = {.base = pass->workspace};
    workspace w = take_workspace(&work, n, pass->steps, pass->streams, true);
    backward_output(pass, &w);
    for (int64_t l = n->layers; l-- > 0;) {
        backward_layer_weights weights = backward_layer_at(n, l, pass->packed);
        backward_steps(pass, &w, l, weights.hh);
        backward_weights(pass, &w, l);
        if (l > 0) {
            memset(w.dx, 0, (w.rows + w.streams) * w.stride * sizeof(real));
            product(w.rows, w.stride, w.gates, gate_at(&w, l, 0), w.gates, weights.ih, w.dx + w.streams * w.stride,
                    w.stride);
            real *swap = w.dh;
            w.dh = w.dx;
            w.dx = swap;
        }
    }
}
