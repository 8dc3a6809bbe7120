/*
 * backward.h: the backward pass of a chunk: backpropagation through time, truncated at the chunk's start.
 *
 * It goes from the outputs down, layer by layer, in blocks of steps from the last to the first. For each block the
 * workers first divide the streams. Going back step by step, they compute the cell and the recurrent product, then the
 * gradient of the layer's input. Then they divide the rows of the weights and add the block's part of the weight
 * gradients, which are sums over all steps and streams. A block fits into the caches; a whole chunk doesn't.
 */
#ifndef RNN_CORE_PASS_BACKWARD_H
#define RNN_CORE_PASS_BACKWARD_H

#include "base/share.h"
#include "core/cells/cell.h"
#include "core/cells/cells.h"
#include "core/core.h"
#include "core/kernels/outer.h"
#include "core/kernels/product.h"
#include "core/kernels/real.h"
#include "core/pass/directions.h"
#include "core/pass/dropout.h"
#include "core/pass/forward.h"
#include "core/pass/norm.h"
#include "core/pass/output.h"
#include "core/pass/positions.h"
#include "core/pass/ragged.h"
#include "core/pass/weights.h"
#include "core/pass/workspace.h"
#include "core/update.h"

/* Turns a row of `out` into the gradient of the outputs at that position. */
static void position_gradient(const core_pass *pass, const workspace *w, size_t row, size_t at)
{
    real *out = w->out + at * w->out_stride, scale = (real)pass->gradient_scale;
    size_t place = place_of(pass, row);
    if (pass->output_gradients)
        copy_padded(out, (const real *)pass->output_gradients + place * w->outputs, w->outputs, w->out_stride);
    else if (!has_target(pass, row))
        memset(out, 0, w->out_stride * sizeof *out);
    else if (pass->network->loss == CORE_CROSS_ENTROPY)
        cross_entropy_backward(out, w->out_stride, pass->targets[place], w->sum[at], scale);
    else
        squared_error_backward(out, w->outputs, (const real *)pass->target_vectors + place * w->outputs, scale);
}

/* Copies dh of the decoded rows to their places in dh of all rows. Rows that aren't decoded get zeros. */
static void scatter_top(const workspace *w, share rows, real *dh)
{
    const real *from = w->dtop + decoded_of(w, rows).first * w->stride;
    for (size_t row = rows.first; row < rows.first + rows.count; row++) {
        if (is_decoded(w, row)) {
            memcpy(dh + row * w->stride, from, w->stride * sizeof *dh);
            from += w->stride;
        } else {
            memset(dh + row * w->stride, 0, w->stride * sizeof *dh);
        }
    }
}

/* Computes the part of the top layer's dh that comes from the outputs. */
static void backward_outputs(const core_pass *pass, const workspace *w, const real *weights, share rows)
{
    share decoded = decoded_of(w, rows);
    real *dh = w->dh + w->streams * w->stride, *dtop = (w->dtop ? w->dtop : dh) + decoded.first * w->top_stride;
    if (w->decoded == 0) {
        if (w->directions == 1)
            memset(dh + rows.first * w->stride, 0, rows.count * w->stride * sizeof *dh);
        return;
    }
    size_t at = decoded.first;
    for (size_t row = rows.first; row < rows.first + rows.count; row++)
        if (is_decoded(w, row))
            position_gradient(pass, w, row, at++);
    product(decoded.count, w->top_stride, w->outputs, w->out + decoded.first * w->out_stride, w->out_stride, weights,
            w->zeros, 0, dtop, w->top_stride, false); /* formula: decoder-dh */
    if (w->top_mask)
        apply_mask(w->top_mask + decoded.first * w->top_stride, dtop, decoded.count * w->top_stride, dtop);
    if (w->dtop && w->directions == 1)
        scatter_top(w, rows, dh);
}

/* One worker's share of the rows of the weight gradients, and that worker's scratch memory. */
typedef struct summing {
    team me;
    real *scratch;
} summing;

/* Weight gradients: W[i][j] += sum over p of G[p][i] X[p][j], for this worker's share of the rows i. */
static void add_weight_gradients(const summing *s, size_t i_count, size_t group, size_t kept, size_t p_count,
                                 const real *g, size_t g_row, const outer_input *inputs, size_t count)
{
    /* formula: weight-gradient */
    outer_products(share_of(s->me, i_count), group, kept, p_count, g, g_row, inputs, count, s->scratch);
}

/* The same for biases. `also` is a second bias that has the same gradient, or NULL. */
static void add_bias_gradient(const summing *s, size_t i_count, size_t group, size_t kept, size_t p_count,
                              const real *g, size_t g_row, real *bias, real *also)
{
    share vectors = share_of(s->me, i_count / WIDTH);
    share mine = {vectors.first * WIDTH, vectors.count * WIDTH};
    column_sums(mine, group, kept, p_count, g, g_row, bias, also, s->scratch); /* formula: bias-gradient */
}

static void backward_decoder(const core_pass *pass, const workspace *w, const summing *s)
{
    const core_network *n = pass->network;
    real *gradients = pass->gradients;
    outer_input h = {top_of(pass, w), w->top_stride, w->features, gradients + n->decoder_weight, w->features};
    add_weight_gradients(s, w->outputs, w->outputs, w->outputs, w->decoded, w->out, w->out_stride, &h, 1);
    add_bias_gradient(s, w->out_stride, w->out_stride, w->outputs, w->decoded, w->out, w->out_stride,
                      gradients + n->decoder_bias, NULL);
}

/* One step of a layer backwards: the gates become their gradients, and dh becomes the full gradient of h. */
static void backward_step(const core_pass *pass, const workspace *w, int64_t l, const backward_layer_weights *weights,
                          size_t t)
{
    cell_step step = step_of(w, l, t);
    if (w->dh_held)
        hold_gradients(pass, w, l, t);
    cell_of(pass->network)->backward(&step);
    if (w->dh_held)
        clear_gates(pass, w, l, t);
    if (is_normalised(pass->network))
        normalise_step_backward(pass, w, l, t);
    gate_rows from = product_rows(w, l, RECURRENT_PRODUCTS, rows_of(w, t, 1).first);
    if (t > 0 || pass->initial_gradients ||
        w->dinitial) /* the gradient of the state before the chunk is rarely needed */
        product(step.streams, w->stride, w->gates.products, from.first, from.row, weights->hh, step.dh_prev, w->stride,
                step.dh_prev, w->stride, t % 2); /* formula: layer-dh */
    if (w->dh_held)
        restore_gradients(pass, w, l, t);
}

/* The array where the gradient of a layer's input is first written: all steps, as rows in the layer's own order. */
static real *input_gradient_of(const workspace *w, int64_t l)
{
    if (l < w->directions)
        return w->dx + (size_t)l * w->rows * w->x_stride;
    return w->directions > 1 ? w->both.dinput : w->dh_below + w->streams * w->stride;
}

/* The gradient of a layer's input, multiplied by the dropout mask if there is one. */
static void backward_inputs(const core_pass *pass, const workspace *w, int64_t l, const backward_layer_weights *weights,
                            share rows)
{
    bool lowest = l < w->directions;
    size_t stride = input_of(w, l).stride;
    real *dx = input_gradient_of(w, l) + rows.first * stride;
    gate_rows from = product_rows(w, l, INPUT_PRODUCTS, rows.first);
    /* formula: layer-dx */
    product(rows.count, stride, w->gates.products, from.first, from.row, weights->ih, w->zeros, 0, dx, stride, false);
    const real *mask = lowest    ? w->x_mask
                       : w->mask ? w->mask + (size_t)(level_of(pass->network, l) - 1) * w->rows * stride
                                 : NULL;
    if (mask && is_reverse(w, l))
        apply_mask_in_reverse(pass, mask, rows, stride, dx);
    else if (mask)
        apply_mask(mask + rows.first * stride, dx, rows.count * stride, dx);
    if (w->directions > 1 && !lowest)
        add_below(pass, w, l, rows);
}

/* Some steps of a layer backwards, for a share of the streams. */
static void backward_steps(const core_pass *pass, const workspace *w, int64_t l, const backward_layer_weights *weights,
                           size_t first, size_t count)
{
    for (size_t t = first + count; t-- > first;)
        backward_step(pass, w, l, weights, t);
    if (l >= w->directions || pass->network->input == CORE_EMBEDDED_IDS || pass->input_gradients)
        backward_inputs(pass, w, l, weights, rows_of(w, first, count));
}

/* The norm of dh at each step. It sums stream by stream, because the padding of a row depends on the vector width. */
static void measure_gradients(const core_pass *pass, const workspace *w, int64_t l)
{
    const real *dh = w->dh + w->streams * w->stride;
    for (size_t t = 0; t < w->steps; t++) {
        double squares = 0;
        for (size_t b = 0; b < w->streams; b++)
            squares += sum_of_squares(dh + own_row(pass, w, l, t * w->streams + b) * w->stride, w->hidden);
        pass->gradient_norms[(size_t)l * w->steps + t] = sqrt(squares); /* formula: gradient-norm */
    }
}

/*
 * Groups the positions of a block by id. For each id, the gradients of all its positions in the block are summed before
 * they are added to the weights. As in outer.h, this keeps the error of a long sum small.
 */
typedef struct id_group {
    int32_t id;
    uint16_t first, last; /* first and last position of the id in the block */
} id_group;

typedef struct id_groups {
    size_t count;
    id_group group[BLOCK_K]; /* in the order of their first positions */
    uint16_t next[BLOCK_K];  /* the next position with the same id; for the last one, the position itself */
} id_groups;

static void group_ids(const int32_t *ids, size_t count, id_groups *groups)
{
    enum { SLOTS_LOG2 = 9, SLOTS = 1 << SLOTS_LOG2 }; /* twice BLOCK_K */
    uint16_t slot[SLOTS] = {0};                       /* 1 + index of the group; 0: free */
    groups->count = 0;
    for (size_t p = 0; p < count; p++) {
        uint32_t s = (uint32_t)ids[p] * UINT32_C(0x9e3779b1) >> (32 - SLOTS_LOG2); /* Knuth's multiplicative hash */
        while (slot[s] > 0 && groups->group[slot[s] - 1].id != ids[p])
            s = (s + 1) % SLOTS;
        if (slot[s] == 0) {
            groups->group[groups->count++] = (id_group){ids[p], (uint16_t)p, (uint16_t)p};
            slot[s] = (uint16_t)groups->count;
        }
        id_group *g = &groups->group[slot[s] - 1];
        groups->next[g->last] = groups->next[p] = (uint16_t)p;
        g->last = (uint16_t)p;
    }
}

/* to[0 .. count) += the sum of from[p] over the positions p of a group. The row stride of `from` is from_row. */
static void add_group(const id_groups *groups, size_t group, const real *from, size_t from_row, size_t count, real *to)
{
    enum { AT_ONCE = 64 };
    const id_group *g = &groups->group[group];
    for (size_t j0 = 0; j0 < count; j0 += AT_ONCE) {
        size_t n = least_of(AT_ONCE, count - j0);
        real sum[AT_ONCE];
        memcpy(sum, from + g->first * from_row + j0, n * sizeof *sum);
        for (size_t p = g->first; p != g->last;) {
            p = groups->next[p];
            for (size_t j = 0; j < n; j++)
                sum[j] += from[p * from_row + j0 + j];
        }
        for (size_t j = 0; j < n; j++)
            to[j0 + j] += sum[j]; /* formula: ids-gradient */
    }
}

/* weight[id] += the gradient of the gates, for each position whose input is id; for a share of the hidden units. */
static void scatter_weights(const core_pass *pass, const workspace *w, const summing *s, const id_groups *groups,
                            gate_rows gates, real *weight)
{
    const core_cell_info *cell = &cell_of(pass->network)->info;
    share mine = share_of(s->me, w->hidden);
    for (size_t i = 0; i < groups->count; i++) {
        real *to = weight + (size_t)groups->group[i].id * (size_t)cell->gates * w->hidden;
        for (size_t g = 0; g < (size_t)cell->gates; g++)
            add_group(groups, i, gates.first + input_group(cell, g) * w->stride + mine.first, gates.row, mine.count,
                      to + g * w->hidden + mine.first);
    }
}

/* The same for embeddings: adds the gradient of the embedded inputs, for a share of the columns. */
static void scatter_embedding(const core_pass *pass, const workspace *w, const summing *s, const id_groups *groups,
                              const real *dx)
{
    size_t width = (size_t)pass->network->layer[0].inputs;
    real *embedding = (real *)pass->gradients + pass->network->embedding;
    share mine = share_of(s->me, width);
    for (size_t i = 0; i < groups->count; i++)
        add_group(groups, i, dx + mine.first, w->x_stride, mine.count,
                  embedding + (size_t)groups->group[i].id * width + mine.first);
}

/* Adds the part that some rows contribute to the gradients of the ids' weights or embeddings. */
static void scatter(const core_pass *pass, const workspace *w, const summing *s, int64_t l, share rows)
{
    const core_network *n = pass->network;
    const int32_t *ids = ids_of(pass, w, l);
    size_t end = rows.first + rows.count;
    for (size_t row = rows.first, count; row < end; row += count) {
        id_groups groups;
        count = least_of(end - row, BLOCK_K);
        group_ids(ids + row, count, &groups);
        if (n->input == CORE_IDS)
            scatter_weights(pass, w, s, &groups, product_rows(w, l, INPUT_PRODUCTS, row),
                            (real *)pass->gradients + n->layer[l].weight_ih);
        else
            scatter_embedding(pass, w, s, &groups, input_gradient_of(w, l) + row * w->x_stride);
    }
}

/* Columns of a row of gates that contribute to the same weight gradients. */
typedef struct gate_columns {
    size_t first, count; /* columns of the row of gates */
    size_t row;          /* first row of the weights */
    bool input, recurrent;
} gate_columns;

enum { KINDS_OF_COLUMNS = 3 };

/* The kinds of columns, in the order of cell.h. The last two are empty if the cell has no separate gates. */
static void find_columns(const workspace *w, gate_columns kinds[KINDS_OF_COLUMNS])
{
    size_t separate = w->gates.separate, joint = w->gates.products - separate, row = joint / w->stride * w->hidden;
    kinds[0] = (gate_columns){separate, joint, 0, true, true};
    kinds[1] = (gate_columns){0, separate, row, true, false};
    kinds[2] = (gate_columns){separate + joint, separate, row, false, true}; /* formula: gru-dw-hn */
}

/* A layer's bias gradients. Where the two products are added, both biases have the same gradient. */
static void backward_biases(const core_pass *pass, const workspace *w, const summing *s, const core_layer *layer,
                            const gate_columns *columns, const real *gates, size_t rows)
{
    real *ih = (real *)pass->gradients + layer->bias_ih + columns->row, *hh = NULL;
    if (layer->bias_hh != CORE_NONE)
        hh = (real *)pass->gradients + layer->bias_hh + columns->row;
    real *first = columns->input ? ih : hh, *second = columns->input && columns->recurrent ? hh : NULL;
    if (first)
        add_bias_gradient(s, columns->count, w->stride, w->hidden, rows, gates, w->gates.row, first, second);
}

/* Adds the part that some steps contribute to a layer's gradients of weights and biases. */
static void backward_weights(const core_pass *pass, const workspace *w, const summing *s, int64_t l, size_t step,
                             size_t steps)
{
    const core_layer *layer = &pass->network->layer[l];
    share rows = {step * w->streams, steps * w->streams};
    real *hh = (real *)pass->gradients + layer->weight_hh, *ih = (real *)pass->gradients + layer->weight_ih;
    size_t inputs = (size_t)layer->inputs;
    bool has_inputs = has_input_product(pass->network, l);
    gate_columns kinds[KINDS_OF_COLUMNS];
    find_columns(w, kinds);
    gate_rows gates[] = {product_rows(w, l, RECURRENT_PRODUCTS, rows.first),
                         product_rows(w, l, INPUT_PRODUCTS, rows.first)};
    for (size_t i = 0; i < KINDS_OF_COLUMNS && kinds[i].count > 0; i++) {
        outer_input from[PRODUCT_KINDS];
        const real *of[PRODUCT_KINDS];
        size_t count = 0;
        if (kinds[i].recurrent) {
            of[count] = gates[0].first + kinds[i].first - w->gates.separate;
            from[count++] =
                (outer_input){h_before(w, l, step), w->stride, w->hidden, hh + kinds[i].row * w->hidden, w->hidden};
        }
        if (kinds[i].input && has_inputs) {
            layer_input x = input_of(w, l);
            of[count] = gates[1].first + kinds[i].first;
            from[count++] =
                (outer_input){x.rows + rows.first * x.stride, x.stride, inputs, ih + kinds[i].row * inputs, inputs};
        }
        size_t together = is_normalised(pass->network)
                              ? 1
                              : count; /* with layer normalisation the two products have different gradients */
        for (size_t k = 0; k < count; k += together)
            add_weight_gradients(s, kinds[i].count, w->stride, w->hidden, rows.count, of[k], gates[0].row, from + k,
                                 together);
        backward_biases(pass, w, s, layer, &kinds[i], gate_at(w, l, step) + kinds[i].first, rows.count);
    }
    if (l < w->directions && pass->network->input != CORE_VECTORS)
        scatter(pass, w, s, l, rows);
}

/* Some steps of a layer. layer = L stands for the outputs; count = 0 for no work. */
typedef struct block {
    int64_t layer;
    size_t first, count;
} block;

/*
 * One phase of the backward pass. Some shares go back through a block, divided by streams. The other shares sum the
 * weight gradients of the previous block, whose gate gradients are complete; they are divided by rows of the weights.
 * Neither group writes anything that the other uses.
 */
typedef struct backward_phase {
    const core_pass *pass;
    const workspace *workspace;
    block back, sum;
    size_t back_shares, sum_shares;
} backward_phase;

/* The offset of a stream's gradients in the caller's [parts][L][B][H]. */
static size_t state_gradients_at(const core_pass *pass, const workspace *w, size_t part, int64_t l, size_t b)
{
    return ((part * (size_t)pass->network->layers + (size_t)l) * w->streams + b) * w->hidden;
}

/* Adds the gradient of the state after the chunk, for a share of the streams. */
static void add_state_gradients(const core_pass *pass, const workspace *w, int64_t l)
{
    const real *given = pass->state_gradients;
    size_t end = w->my_streams.first + w->my_streams.count;
    for (size_t b = w->my_streams.first; b < end; b++) {
        const real *from = given + state_gradients_at(pass, w, 0, l, b);
        real *dh = w->dh + (w->rows + b) * w->stride;
        for (size_t j = 0; j < w->hidden; j++)
            dh[j] += from[j];
        if (w->c)
            memcpy(w->dc + b * w->stride, given + state_gradients_at(pass, w, 1, l, b), w->hidden * sizeof *dh);
    }
}

/* Writes the gradient of the state before the chunk, for a share of the streams. */
static void copy_initial_gradients(const core_pass *pass, const workspace *w, int64_t l)
{
    real *wanted = pass->initial_gradients;
    size_t end = w->my_streams.first + w->my_streams.count, bytes = w->hidden * sizeof(real);
    for (size_t b = w->my_streams.first; b < end; b++) {
        real *dh = wanted + state_gradients_at(pass, w, 0, l, b), *dc = wanted + state_gradients_at(pass, w, 1, l, b);
        memcpy(dh, w->dh + b * w->stride, bytes);
        if (w->c)
            memcpy(dc, w->dc + b * w->stride, bytes);
        if (!is_fresh(pass, w, l, b))
            continue;
        memset(dh, 0, bytes); /* a fresh stream doesn't read the state before the chunk */
        if (w->c)
            memset(dc, 0, bytes);
    }
}

/* Sets the gradient of the initial state to zero, for a share of the streams. */
static void begin_initial(const workspace *w)
{
    for (size_t part = 0; part < (w->c ? 2 : 1); part++)
        memset(w->dinitial + (part * w->streams + w->my_streams.first) * w->stride, 0,
               w->my_streams.count * w->stride * sizeof(real));
}

/* Adds the gradients of the streams that begin with the chunk to the gradient of the initial state. */
static void end_initial(const core_pass *pass, const workspace *w, int64_t l)
{
    for (size_t b = w->my_streams.first; b < w->my_streams.first + w->my_streams.count; b++)
        if (is_fresh(pass, w, l, b))
            add_initial(w, b, w->dh + b * w->stride);
}

/* Sums the streams' gradients of a layer's initial state. */
static void sum_initial(const core_pass *pass, const workspace *w, int64_t l)
{
    const core_layer *layer = &pass->network->layer[l];
    const size_t places[] = {layer->initial_h, layer->initial_c};
    for (size_t part = 0; part < (w->c ? 2 : 1); part++) {
        real *to = (real *)pass->gradients + places[part];
        const real *from = w->dinitial + part * w->streams * w->stride;
        for (size_t j = 0; j < w->hidden; j++) {
            double sum = 0;
            for (size_t b = 0; b < w->streams; b++)
                sum += (double)from[b * w->stride + j];
            to[j] += (real)sum; /* formula: start-gradient */
        }
    }
}

/* Sums the streams' gradients of a layer's gains, then clears them. */
static void sum_gains(const core_pass *pass, const workspace *w, int64_t l)
{
    const core_layer *layer = &pass->network->layer[l];
    size_t products = w->gates.products, separate = w->gates.separate,
           row = (products - separate) / w->stride * w->hidden;
    real *input = w->norm.dgain[INPUT_PRODUCTS], *recurrent = w->norm.dgain[RECURRENT_PRODUCTS];
    real *ih = (real *)pass->gradients + layer->gain_ih, *hh = (real *)pass->gradients + layer->gain_hh;
    summing s = {{0, 1}, w->scratch};
    add_bias_gradient(&s, products, w->stride, w->hidden, w->streams, recurrent, products, hh, NULL);
    add_bias_gradient(&s, products - separate, w->stride, w->hidden, w->streams, input + separate, products, ih, NULL);
    add_bias_gradient(&s, separate, w->stride, w->hidden, w->streams, input, products, ih + row, NULL);
    clear_gains(w);
}

/* Writes the gradients of the input vectors of some steps, for a share of the streams. */
static void copy_input_gradients(const core_pass *pass, const workspace *w, int64_t l, size_t first, size_t count)
{
    size_t inputs = (size_t)pass->network->layer[0].inputs, end = w->my_streams.first + w->my_streams.count;
    for (size_t t = first; t < first + count; t++)
        for (size_t b = w->my_streams.first; b < end; b++) {
            size_t row = t * w->streams + b;
            const real *from = input_gradient_of(w, l) + row * w->x_stride;
            real *to = (real *)pass->input_gradients + own_row(pass, w, l, row) * inputs;
            if (w->directions > 1 && !is_reverse(w, l)) /* the layer in reverse has written its part already */
                for (size_t i = 0; i < inputs; i++)
                    to[i] += from[i];
            else
                memcpy(to, from, inputs * sizeof *to);
        }
}

/* Goes back through a block, for a share of the streams. */
static void go_back(const backward_phase *phase, team me)
{
    const core_pass *pass = phase->pass;
    const core_network *n = pass->network;
    workspace w = of_streams(phase->workspace, me);
    size_t start = phase->back.first, end = start + phase->back.count, row = w.my_streams.first * w.stride;
    size_t mine = w.my_streams.count * w.stride * sizeof(real);
    backward_layer_weights weights = {0};
    if (phase->back.layer < n->layers)
        weights = backward_layer_at(n, phase->back.layer, pass->packed_back);
    if (end == w.steps) { /* no later step contributes to these gradients */
        memset(w.dh + row, 0, mine);
        memset(w.dc + row, 0, mine);
    }
    if (end == w.steps && phase->back.layer < n->layers && w.directions > 1)
        begin_layer_backwards(pass, &w, phase->back.layer);
    if (end == w.steps && phase->back.layer < n->layers && w.dinitial)
        begin_initial(&w);
    if (end == w.steps && phase->back.layer < n->layers && pass->state_gradients)
        add_state_gradients(pass, &w, phase->back.layer);
    for (size_t t = end, count; t > start; t -= count) {
        count = least_of(steps_at_once(&w), t - start);
        if (phase->back.layer == n->layers)
            backward_outputs(pass, &w, packed_at(pass->packed_back, n->packed_decoder_back),
                             rows_of(&w, t - count, count));
        else
            backward_steps(pass, &w, phase->back.layer, &weights, t - count, count);
    }
    if (start == 0 && end > 0 && phase->back.layer < n->layers && w.dinitial)
        end_initial(pass, &w, phase->back.layer);
    if (start == 0 && phase->back.layer < n->layers && pass->initial_gradients)
        copy_initial_gradients(pass, &w, phase->back.layer);
    if (phase->back.layer < w.directions && phase->back.count > 0 && pass->input_gradients)
        copy_input_gradients(pass, &w, phase->back.layer, phase->back.first, phase->back.count);
}

/* Sums a block's weight gradients, for a share of their rows. */
static void sum_weights(const backward_phase *phase, const summing *s)
{
    if (phase->sum.layer == phase->pass->network->layers)
        backward_decoder(phase->pass, phase->workspace, s);
    else
        backward_weights(phase->pass, phase->workspace, s, phase->sum.layer, phase->sum.first, phase->sum.count);
}

/*
 * Runs one share of a phase. The shares of the streams come first. If both kinds have the same number of shares, they
 * alternate instead, so that each worker gets both.
 */
static void backward_share(void *context, size_t worker, size_t number)
{
    const backward_phase *p = context;
    const workspace *w = p->workspace;
    bool equal = p->back_shares == p->sum_shares, back = equal ? number % 2 == 0 : number < p->back_shares;
    size_t rank = equal ? number / 2 : back ? number : number - p->back_shares;
    summing s = {{rank, p->sum_shares}, w->scratch + worker * w->scratch_size};
    if (back)
        go_back(p, (team){rank, p->back_shares});
    else
        sum_weights(p, &s);
}

/*
 * Goes back through the block `next` and sums the weight gradients of the previous block. `next` then becomes the
 * previous block.
 */
static void backward_block(backward_phase *phase, block next)
{
    const core_team *workers = phase->pass->team;
    phase->back = next;
    phase->back_shares = next.count > 0 ? shares_of_streams(phase->pass) : 0;
    phase->sum_shares = phase->sum.count > 0 ? workers->size : 0;
    workers->run(workers, backward_share, phase, phase->back_shares + phase->sum_shares);
    phase->sum = next;
}

static void swap(real **one, real **other)
{
    real *kept = *one;
    *one = *other;
    *other = kept;
}

static void backward(const core_pass *pass)
{
    workspace w = workspace_of(pass);
    backward_phase phase = {.pass = pass, .workspace = &w};
    int64_t layers = pass->network->layers;
    memset(w.zeros, 0, w.zero_count * sizeof *w.zeros);
    if (w.norm.dgain[0])
        clear_gains(&w);
    backward_block(&phase, (block){layers, 0, w.steps});
    for (int64_t l = layers; l-- > 0;) {
        for (size_t end = w.steps, count; end > 0; end -= count) {
            count = least_of(steps_of_block(&w), end);
            backward_block(&phase, (block){l, end - count, count});
            if (w.norm.dgain[0] && ends_gain_block(end - count, end))
                sum_gains(pass, &w, l);
        }
        if (pass->gradient_norms)
            measure_gradients(pass, &w, l);
        if (w.dinitial)
            sum_initial(pass, &w, l);
        if (w.directions == 1)
            swap(&w.dh, &w.dh_below);
        else if (!is_reverse(&w, l))
            swap(&w.both.djoined, &w.both.dbelow);
    }
    backward_block(&phase, (block){0});
}

#endif
