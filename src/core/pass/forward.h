/*
 * forward.h: the forward pass of a chunk. It runs layer by layer. It computes the input products of several steps at
 * once, as many as fit into a cache, then for each step the recurrent product and the cell. Then come the outputs and
 * the loss. Streams are independent of one another, so each worker takes some streams through the whole pass.
 */
#ifndef RNN_CORE_PASS_FORWARD_H
#define RNN_CORE_PASS_FORWARD_H

#include "base/share.h"
#include "core/cells/cell.h"
#include "core/cells/cells.h"
#include "core/core.h"
#include "core/kernels/product.h"
#include "core/kernels/real.h"
#include "core/kernels/tile.h"
#include "core/pass/directions.h"
#include "core/pass/dropout.h"
#include "core/pass/norm.h"
#include "core/pass/output.h"
#include "core/pass/positions.h"
#include "core/pass/ragged.h"
#include "core/pass/weights.h"
#include "core/pass/workspace.h"

/* to[0 .. stride) = from + bias for the H units of a gate, then zeros. */
INLINE void add_weights(size_t hidden, size_t stride, const real *from, const real *bias, real *to)
{
    for (size_t j = 0; j < hidden; j++)
        to[j] = from[j] + bias[j]; /* formula: input-ids */
    for (size_t j = hidden; j < stride; j++)
        to[j] = 0;
}

/* A row of gates = bias + the input weights of a symbol, [V][G][H]. */
static void add_input_weights(const core_network *n, int32_t id, const real *weight, const real *bias, real *row)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden), gates = (size_t)cell->gates;
    for (size_t g = 0; g < gates; g++) {
        size_t at = input_group(cell, g) * stride;
        add_weights(hidden, stride, weight + ((size_t)id * gates + g) * hidden, bias + at, row + at);
    }
}

/*
 * Sets the padding of a row's input products to 0. It isn't 0 if an embedding is infinite, since infinity times the
 * zeros that pad the weights is NaN. All other factors are finite.
 */
static void clear_padding(const core_network *n, real *row)
{
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden), end = widths_of(n).products;
    if (stride == hidden)
        return;
    for (size_t gate = 0; gate < end; gate += stride)
        memset(row + gate + hidden, 0, (stride - hidden) * sizeof *row);
}

/* Initialises the recurrent products of separate gates with their biases. */
INLINE void begin_separate(const gate_widths *widths, const real *bias, real *row)
{
    for (size_t j = widths->products; j < widths->row; j += WIDTH)
        store(row + j, load(bias + j));
}

/* x[t][b] = the embedding of the symbol there, or the input vector. */
static void gather_inputs(const core_pass *pass, const workspace *w, share rows)
{
    const core_network *n = pass->network;
    size_t width = (size_t)n->layer[0].inputs;
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        const real *from = n->input == CORE_VECTORS
                               ? (const real *)pass->vectors + row * width
                               : (const real *)pass->parameters + n->embedding + (size_t)pass->ids[row] * width;
        copy_padded(w->x + row * w->x_stride, from, width, w->x_stride); /* formula: input-embedding */
    }
    drop_inputs(pass, w, rows);
}

/* gate[t][b] = the biases plus the input products. */
static void forward_inputs(const core_pass *pass, const workspace *w, int64_t l, const forward_layer_weights *weights,
                           share rows)
{
    const core_network *n = pass->network;
    const int32_t *ids = ids_of(pass, w, l);
    bool normalised = is_normalised(n);
    const real *begin = normalised ? weights->zeros : weights->bias;
    gate_rows to = product_rows(w, l, INPUT_PRODUCTS, rows.first);
    if (w->gates.separate > 0)
        for (size_t i = 0; i < rows.count; i++)
            begin_separate(&w->gates, weights->bias, gate_at(w, l, 0) + (rows.first + i) * w->gates.row);
    if (has_input_product(n, l)) {
        if (l == 0)
            gather_inputs(pass, w, rows);
        layer_input x = input_of(w, l);
        product(rows.count, w->gates.products, (size_t)n->layer[l].inputs, x.rows + rows.first * x.stride, x.stride,
                weights->ih, begin, 0, to.first, to.row, false); /* formula: layer-input */
        if (level_of(n, l) == 0 && n->input == CORE_EMBEDDED_IDS)
            for (size_t i = 0; i < rows.count; i++)
                clear_padding(n, to.first + i * to.row);
    } else {
        for (size_t i = 0; i < rows.count; i++)
            add_input_weights(n, ids[rows.first + i], (const real *)pass->parameters + n->layer[l].weight_ih, begin,
                              to.first + i * to.row);
    }
    if (normalised)
        normalise_products(pass, w, l, INPUT_PRODUCTS, weights, rows);
}

static void forward_step(const core_pass *pass, const workspace *w, int64_t l, const forward_layer_weights *weights,
                         size_t t)
{
    cell_step step = step_of(w, l, t);
    share rows = rows_of(w, t, 1);
    gate_rows to = product_rows(w, l, RECURRENT_PRODUCTS, rows.first);
    bool normalised = is_normalised(pass->network);
    if (w->h_before)
        begin_step(pass, w, l, t);
    /* formula: layer-recurrent */
    product(step.streams, w->gates.products, w->hidden, step.h_prev, w->stride, weights->hh,
            normalised ? weights->zeros : to.first, normalised ? 0 : to.row, to.first, to.row, t % 2);
    if (normalised)
        normalise_products(pass, w, l, RECURRENT_PRODUCTS, weights, rows);
    cell_of(pass->network)->forward(&step);
    if (pass->lengths)
        end_step(pass, w, l, t);
}

/* Counts the decoded rows, if not all rows are decoded. */
static void find_decoded(const core_pass *pass, const workspace *w)
{
    uint32_t count = 0;
    for (size_t row = 0; row < w->rows; row++) {
        w->decoded_before[row] = count;
        count += must_decode(pass, row);
    }
    w->decoded_before[w->rows] = count;
}

/*
 * The loss of a row whose outputs are row `at` of `out`. Leaves in `out` and `sum` the values that its gradient needs.
 */
static double position_loss(const core_pass *pass, const workspace *w, size_t row, size_t at)
{
    real *out = w->out + at * w->out_stride;
    size_t place = place_of(pass, row);
    if (pass->network->loss == CORE_SQUARED_ERROR)
        return squared_error_forward(out, w->outputs, (const real *)pass->target_vectors + place * w->outputs);
    if (pass->hits)
        pass->hits[place] = is_largest(out, w->outputs, (size_t)pass->targets[place]);
    return cross_entropy_forward(out, w->out_stride, pass->targets[place], &w->sum[at]);
}

/* Copies the last level's output to `top`, for those of the rows that are decoded, and applies dropout. */
static void gather_top(const core_pass *pass, const workspace *w, share rows)
{
    size_t at = decoded_of(w, rows).first;
    int64_t last = pass->network->layers - 1;
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        real *to = w->top + at * w->top_stride;
        if (!is_decoded(w, row))
            continue;
        if (w->directions > 1)
            join(w, last, row, decoded_in_reverse(pass, row), to);
        else
            memcpy(to, h_at(w, last, 1) + row * w->stride, w->stride * sizeof *to);
        drop_output(pass, w, row, at++);
    }
}

/* The last level's output, for the decoded rows. */
static const real *top_of(const core_pass *pass, const workspace *w)
{
    return w->top ? w->top : h_at(w, pass->network->layers - 1, 1);
}

/* Computes the outputs of some rows from the last level's h. */
static void decode(const core_network *n, const void *packed, size_t rows, const real *h, real *out, bool turned)
{
    decoder_weights weights = decoder_at(n, packed);
    size_t features = features_of(n), stride = round_up(features), outputs = (size_t)n->output_size;
    size_t out_stride = round_up(outputs);
    if (!is_narrow(n)) {
        /* formula: decoder */
        product(rows, out_stride, features, h, stride, weights.forward, weights.bias, 0, out, out_stride, turned);
        return;
    }
    for (size_t row = 0; row < rows; row++, h += stride, out += out_stride) {
        for (size_t i = 0; i < out_stride; i += WIDTH)
            store(out + i, load(weights.bias + i));
        for (size_t o = 0; o < outputs; o++)
            out[o] = weights.bias[o] + inner_product(h, weights.forward + o * stride, stride); /* formula: decoder */
    }
}

static void forward_outputs(const core_pass *pass, const workspace *w, share rows)
{
    share decoded = decoded_of(w, rows);
    if (w->top)
        gather_top(pass, w, rows);
    decode(pass->network, pass->packed, decoded.count, top_of(pass, w) + decoded.first * w->top_stride,
           w->out + decoded.first * w->out_stride, false);
    size_t at = decoded.first;
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        if (pass->outputs && is_decoded(w, row))
            memcpy((real *)pass->outputs + place_of(pass, row) * w->outputs, w->out + at * w->out_stride,
                   w->outputs * sizeof(real));
        if (has_target(pass, row))
            pass->position_loss[place_of(pass, row)] = position_loss(pass, w, row, at);
        at += is_decoded(w, row);
    }
}

/*
 * Copies the state [parts][L][B][S] to the work space, for a share of the streams. A layer in reverse begins with its
 * initial state instead, except for streams that are empty.
 */
static void copy_state(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t part = w->streams * w->stride, mine = w->my_streams.first * w->stride, at = (size_t)l * part + mine;
    size_t bytes = w->my_streams.count * w->stride * sizeof(real);
    const core_layer *layer = &pass->network->layer[l];
    memcpy(h_at(w, l, 0) + mine, (const real *)pass->state + at, bytes);
    if (w->c)
        memcpy(c_at(w, l, 0) + mine, (const real *)pass->state + (size_t)pass->network->layers * part + at, bytes);
    if (!is_reverse(w, l))
        return;
    for (size_t b = w->my_streams.first; b < w->my_streams.first + w->my_streams.count; b++) {
        if (!is_fresh(pass, w, l, b))
            continue;
        put_initial(pass, w, layer->initial_h, h_at(w, l, 0) + b * w->stride);
        if (w->c)
            put_initial(pass, w, layer->initial_c, c_at(w, l, 0) + b * w->stride);
    }
}

static void copy_next_state(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t part = w->streams * w->stride, mine = w->my_streams.first * w->stride, at = (size_t)l * part + mine;
    size_t bytes = w->my_streams.count * w->stride * sizeof(real);
    memcpy((real *)pass->next_state + at, h_at(w, l, w->steps) + mine, bytes);
    if (w->c)
        memcpy((real *)pass->next_state + (size_t)pass->network->layers * part + at, c_at(w, l, w->steps) + mine,
               bytes);
}

static void forward_layer(const core_pass *pass, const workspace *w, int64_t l)
{
    forward_layer_weights weights = forward_layer_at(pass->network, l, pass->packed);
    copy_state(pass, w, l);
    if (is_reverse(w, l))
        reverse_input(pass, w, l);
    for (size_t t0 = 0, count; t0 < w->steps; t0 += count) {
        count = least_of(steps_at_once(w), w->steps - t0);
        forward_inputs(pass, w, l, &weights, rows_of(w, t0, count));
        draw_candidates(pass, w, l, rows_of(w, t0, count));
        for (size_t t = t0; t < t0 + count; t++)
            forward_step(pass, w, l, &weights, t);
        drop_between(pass, w, l, rows_of(w, t0, count));
    }
    if (is_reverse(w, l) && l < pass->network->layers - 1)
        join_level(pass, w, l);
    copy_next_state(pass, w, l);
}

/* A phase whose shares are groups of streams. */
typedef struct forward_phase {
    const core_pass *pass;
    const workspace *workspace;
    size_t shares;
} forward_phase;

/* Runs the whole forward pass for a share of the streams. */
static void forward_share(void *context, size_t worker, size_t number)
{
    const forward_phase *phase = context;
    const core_pass *pass = phase->pass;
    workspace w = of_streams(phase->workspace, (team){number, phase->shares});
    (void)worker;
    for (int64_t l = 0; l < pass->network->layers; l++)
        forward_layer(pass, &w, l);
    if (w.decoded == 0)
        return;
    for (size_t t = 0, count; t < w.steps; t += count) {
        count = least_of(steps_at_once(&w), w.steps - t);
        forward_outputs(pass, &w, rows_of(&w, t, count));
    }
}

enum { SHARE_STREAMS = 4 }; /* With fewer streams than this, a product would have too few rows to multiply at once. */

/* The number of shares. If there are several, each has at least SHARE_STREAMS streams. */
static size_t shares_of_streams(const core_pass *pass)
{
    size_t most = (size_t)pass->shape.streams / SHARE_STREAMS;
    return most < 1 ? 1 : least_of(most, pass->team->size);
}

static void forward(const core_pass *pass)
{
    workspace w = workspace_of(pass);
    forward_phase phase = {pass, &w, shares_of_streams(pass)};
    if (w.decoded_before)
        find_decoded(pass, &w);
    if (w.directions > 1)
        begin_reverse(pass, &w);
    pass->team->run(pass->team, forward_share, &phase, phase.shares);
}

/* Copies h of a layer to `values`: [T][B][H]. */
static void activations(const core_pass *pass, int64_t layer, void *values)
{
    workspace w = workspace_of(pass);
    const real *h = h_at(&w, layer, 1);
    for (size_t row = 0; row < w.rows; row++)
        memcpy((real *)values + row * w.hidden, h + own_row(pass, &w, layer, row) * w.stride, w.hidden * sizeof *h);
}

#endif
