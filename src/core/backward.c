/*
 * backward.c: a chunk's way back: backpropagation through time, cut off at the chunk's start. From the outputs down,
 * layer by layer, in blocks of steps from the last to the first: step by step backwards the cell and the recurrent
 * product, and the gradient of what came from below; each thread for its streams. Then the block's part of the weight
 * gradients, which are sums over all steps and streams; each thread for its rows of the weights. A chunk is more than
 * the caches hold, a block is not.
 */
#include "arena.h"
#include "cell.h"

/* out[t][b] becomes the gradient of the outputs there */
static void position_gradient(const core_pass *pass, const workspace *w, size_t row)
{
    real *out = w->out + row * w->out_stride, scale = (real)pass->gradient_scale;
    bool cross_entropy = pass->network->loss == CORE_CROSS_ENTROPY;
    if (cross_entropy ? pass->targets[row] < 0 : pass->target_mask && !pass->target_mask[row])
        memset(out, 0, w->out_stride * sizeof *out);
    else if (cross_entropy)
        cross_entropy_backward(out, w->out_stride, pass->targets[row], w->sum[row], scale);
    else
        squared_error_backward(out, w->outputs, (const real *)pass->target_vectors + row * w->outputs, scale);
}

/* dh of the top layer as far as it comes from the outputs */
static void backward_outputs(const core_pass *pass, const workspace *w, const real *weights, share rows)
{
    for (size_t row = rows.first; row < rows.first + rows.count; row++)
        position_gradient(pass, w, row);
    product(rows.count, w->stride, w->outputs, w->out + rows.first * w->out_stride, w->out_stride, weights, w->zeros, 0,
            w->dh + (w->streams + rows.first) * w->stride, w->stride, false);
}

/* Weight gradients: W[i][j] += sum over p of G[p][i] X[p][j], for this thread's share of the i. */
static void add_weight_gradients(const workspace *w, size_t i_count, size_t group, size_t kept, size_t p_count,
                                 const real *g, size_t g_row, const outer_input *inputs, size_t count)
{
    outer_products(share_of(w->team, i_count), group, kept, p_count, g, g_row, inputs, count, w->scratch);
}

/* The same of biases; `also`: NULL or a second one whose gradient is the same. */
static void add_bias_gradient(const workspace *w, size_t i_count, size_t group, size_t kept, size_t p_count,
                              const real *g, size_t g_row, real *bias, real *also)
{
    share vectors = share_of(w->team, i_count / WIDTH);
    share mine = {vectors.first * WIDTH, vectors.count * WIDTH};
    column_sums(mine, group, kept, p_count, g, g_row, bias, also, w->scratch);
}

static void backward_decoder(const core_pass *pass, const workspace *w)
{
    const core_network *n = pass->network;
    real *gradients = pass->gradients;
    outer_input h = {h_at(w, n->layers - 1, 1), w->stride, w->hidden, gradients + n->decoder_weight, w->hidden};
    add_weight_gradients(w, w->outputs, w->outputs, w->outputs, w->rows, w->out, w->out_stride, &h, 1);
    add_bias_gradient(w, w->out_stride, w->out_stride, w->outputs, w->rows, w->out, w->out_stride,
                      gradients + n->decoder_bias, NULL);
}

/* A step of a layer backwards: gates become their gradients, and dh the gradient of h by all its ways. */
static void backward_step(const core_pass *pass, const workspace *w, int64_t l, const backward_layer_weights *weights,
                          size_t t)
{
    cell_step step = step_of(w, l, t);
    cell_of(pass->network)->backward(&step);
    if (t == 0) /* the chunk's first state is a constant */
        return;
    product(step.streams, w->stride, w->gates.joint, step.gates, w->gates.all, weights->hh, step.dh_prev, w->stride,
            step.dh_prev, w->stride, t % 2);
    product(step.streams, w->stride, w->gates.apart, step.apart, w->gates.apart, weights->hh_apart, step.dh_prev,
            w->stride, step.dh_prev, w->stride, t % 2);
}

/* The gradient of what came from below, through the mask if there was one */
static void backward_inputs(const workspace *w, int64_t l, const backward_layer_weights *weights, share rows)
{
    size_t stride = l == 0 ? w->x_stride : w->stride;
    real *dx = l == 0 ? w->dx + rows.first * stride : w->dh_below + (w->streams + rows.first) * stride;
    product(rows.count, stride, w->gates.all, gate_at(w, l, 0) + rows.first * w->gates.all, w->gates.all, weights->ih,
            w->zeros, 0, dx, stride, false);
    if (l > 0 && w->mask) {
        const real *factor = w->mask + ((size_t)(l - 1) * w->rows + rows.first) * stride;
        for (size_t i = 0; i < rows.count * stride; i++)
            dx[i] *= factor[i];
    }
}

/* Some steps of a layer backwards, for this thread's streams */
static void backward_steps(const core_pass *pass, const workspace *w, int64_t l, const backward_layer_weights *weights,
                           size_t first, size_t count)
{
    for (size_t t = first + count; t-- > first;)
        backward_step(pass, w, l, weights, t);
    if (has_input_gradient(pass->network, l))
        backward_inputs(w, l, weights, rows_of(w, first, count));
}

/* The norm of dh at each step, for this thread's share of the steps */
static void measure_gradients(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t row = w->streams * w->stride;
    share mine = share_of(w->team, w->steps);
    for (size_t t = mine.first; t < mine.first + mine.count; t++)
        pass->gradient_norms[(size_t)l * w->steps + t] = sqrt(sum_of_squares(w->dh + (t + 1) * row, row));
}

/* weight[id] += the gradient of the gates at each position where the input is id; for this thread's units */
static void scatter_weights(const workspace *w, const int32_t *ids, share rows, const real *gates, real *weight)
{
    size_t groups = w->gates.all / w->stride;
    share mine = share_of(w->team, w->hidden);
    for (size_t row = rows.first; row < rows.first + rows.count; row++)
        for (size_t g = 0; g < groups; g++) {
            const real *from = gates + row * w->gates.all + g * w->stride;
            real *to = weight + ((size_t)ids[row] * groups + g) * w->hidden;
            for (size_t j = mine.first; j < mine.first + mine.count; j++)
                to[j] += from[j];
        }
}

/* The same with the gradient of embedded inputs, for this thread's columns */
static void scatter_embedding(const core_pass *pass, const workspace *w, share rows)
{
    size_t width = (size_t)pass->network->layer[0].inputs;
    real *embedding = (real *)pass->gradients + pass->network->embedding;
    share mine = share_of(w->team, width);
    for (size_t row = rows.first; row < rows.first + rows.count; row++)
        for (size_t j = mine.first; j < mine.first + mine.count; j++)
            embedding[(size_t)pass->ids[row] * width + j] += w->dx[row * w->x_stride + j];
}

/* Of the gates whose products are joint, both biases have the same gradient. */
static void backward_biases(const core_pass *pass, const workspace *w, int64_t l, share rows)
{
    const core_layer *layer = &pass->network->layer[l];
    const gate_widths *width = &w->gates;
    const real *gates = gate_at(w, l, 0) + rows.first * width->all;
    const real *apart = apart_at(w, l, 0) + rows.first * width->apart;
    size_t joint = width->joint / w->stride * w->hidden;
    real *ih = (real *)pass->gradients + layer->bias_ih;
    if (layer->bias_hh == CORE_NONE) {
        add_bias_gradient(w, width->all, w->stride, w->hidden, rows.count, gates, width->all, ih, NULL);
        return;
    }
    real *hh = (real *)pass->gradients + layer->bias_hh;
    add_bias_gradient(w, width->joint, w->stride, w->hidden, rows.count, gates, width->all, ih, hh);
    add_bias_gradient(w, width->apart, w->stride, w->hidden, rows.count, gates + width->joint, width->all, ih + joint,
                      NULL);
    add_bias_gradient(w, width->apart, w->stride, w->hidden, rows.count, apart, width->apart, hh + joint, NULL);
}

/* A layer's weight gradients, as far as they come from some steps. */
static void backward_weights(const core_pass *pass, const workspace *w, int64_t l, size_t step, size_t steps)
{
    const core_layer *layer = &pass->network->layer[l];
    const gate_widths *width = &w->gates;
    share rows = {step * w->streams, steps * w->streams};
    const real *gates = gate_at(w, l, step), *apart = apart_at(w, l, step);
    real *hh = (real *)pass->gradients + layer->weight_hh, *ih = (real *)pass->gradients + layer->weight_ih;
    size_t joint = width->joint / w->stride * w->hidden, inputs = (size_t)layer->inputs;
    bool has_inputs = has_input_product(pass->network, l);
    outer_input from[2] = {{h_at(w, l, step), w->stride, w->hidden, hh, w->hidden}};
    if (has_inputs) {
        layer_input x = input_of(w, l);
        from[1] = (outer_input){x.rows + rows.first * x.stride, x.stride, inputs, ih, inputs};
    }
    add_weight_gradients(w, width->joint, w->stride, w->hidden, rows.count, gates, width->all, from,
                         has_inputs ? 2 : 1);
    from[0].w += joint * w->hidden;
    from[1].w = ih + joint * inputs;
    add_weight_gradients(w, width->apart, w->stride, w->hidden, rows.count, apart, width->apart, &from[0], 1);
    if (has_inputs)
        add_weight_gradients(w, width->apart, w->stride, w->hidden, rows.count, gates + width->joint, width->all,
                             &from[1], 1);
    else
        scatter_weights(w, pass->ids, rows, gate_at(w, l, 0), ih);
    backward_biases(pass, w, l, rows);
    if (l == 0 && has_input_gradient(pass->network, 0))
        scatter_embedding(pass, w, rows);
}

/* A layer backwards */
static void backward_layer(const core_pass *pass, const workspace *w, int64_t l)
{
    backward_layer_weights weights = backward_layer_at(pass->network, l, pass->packed);
    size_t first = w->my_streams.first * w->stride, mine = w->my_streams.count * w->stride * sizeof(real);
    memset(w->dh + first, 0, mine); /* nothing but the cell adds to what comes before the chunk */
    memset(w->dc + first, 0, mine);
    for (size_t end = w->steps, block, count; end > 0; end -= block) {
        block = least_of(steps_of_block(w), end);
        for (size_t t = end; t > end - block; t -= count) {
            count = least_of(steps_at_once(w), t - (end - block));
            backward_steps(pass, w, l, &weights, t - count, count);
        }
        team_barrier(w->team); /* from here on rows of weights are divided, not streams */
        backward_weights(pass, w, l, end - block, block);
    }
}

/* What one thread does */
static void backward_by(const core_pass *pass, team me)
{
    const core_network *n = pass->network;
    workspace w = workspace_of(pass, me);
    const real *decoder = decoder_back_at(n, pass->packed);
    memset(w.zeros, 0, w.zero_count * sizeof *w.zeros);
    for (size_t t = 0, count; t < w.steps; t += count) {
        count = least_of(steps_at_once(&w), w.steps - t);
        backward_outputs(pass, &w, decoder, rows_of(&w, t, count));
    }
    team_barrier(me);
    backward_decoder(pass, &w);
    for (int64_t l = n->layers; l-- > 0;) {
        backward_layer(pass, &w, l);
        if (pass->gradient_norms) {
            team_barrier(me);
            measure_gradients(pass, &w, l);
            team_barrier(me);
        }
        real *swap = w.dh;
        w.dh = w.dh_below;
        w.dh_below = swap;
    }
}

static void backward(const core_pass *pass)
{
    if (pass->threads == 1) {
        backward_by(pass, (team){0, 1});
        return;
    }
#pragma omp parallel num_threads(pass->threads)
    backward_by(pass, my_team());
}
