/*
 * backward.c: a chunk's way back: backpropagation through time, cut off at the chunk's start. From the outputs down,
 * layer by layer: step by step backwards the cell and the recurrent product; then the weight gradients of all steps at
 * once, and the gradient of what came from below.
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

/* The gradients of the decoder, and dh of the top layer as far as it comes from the outputs. */
static void backward_outputs(const core_pass *pass, const workspace *w)
{
    const core_network *n = pass->network;
    real *gradients = pass->gradients;
    for (size_t row = 0; row < w->rows; row++)
        position_gradient(pass, w, row);
    memset(w->dh, 0, (w->rows + w->streams) * w->stride * sizeof(real));
    product(w->rows, w->stride, w->outputs, w->out, w->out_stride, decoder_back_at(n, pass->packed),
            w->dh + w->streams * w->stride, w->stride);
    outer_product(w->outputs, w->outputs, w->outputs, w->hidden, w->rows, w->out, w->out_stride,
                  h_at(w, n->layers - 1, 1), w->stride, gradients + n->decoder_weight, w->scratch);
    column_sums(w->out_stride, w->out_stride, w->outputs, w->rows, w->out, w->out_stride, gradients + n->decoder_bias,
                w->scratch);
}

/* The steps of a layer backwards: gates become their gradients, and dh the gradient of h by all its ways. */
static void backward_steps(const core_pass *pass, const workspace *w, int64_t l, const backward_layer_weights *weights)
{
    const core_cell *recurrence = cell_of(pass->network);
    memset(w->dc, 0, w->streams * w->stride * sizeof(real));
    for (size_t t = w->steps; t-- > 0;) {
        cell_step step = step_of(w, l, t, 0, w->streams);
        recurrence->backward(&step);
        if (t == 0) /* the chunk's first state is a constant */
            break;
        product(w->streams, w->stride, w->gates.joint, step.gates, w->gates.all, weights->hh, step.dh_prev, w->stride);
        product(w->streams, w->stride, w->gates.apart, step.apart, w->gates.apart, weights->hh_apart, step.dh_prev,
                w->stride);
    }
}

/* The norm of dh at each step */
static void measure_gradients(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t row = w->streams * w->stride;
    for (size_t t = 0; t < w->steps; t++)
        pass->gradient_norms[(size_t)l * w->steps + t] = sqrt(sum_of_squares(w->dh + (t + 1) * row, row));
}

/* weight[id] += the gradient of the gates at each position where the input is id */
static void scatter_weights(const workspace *w, const int32_t *ids, const real *gates, real *weight)
{
    size_t groups = w->gates.all / w->stride;
    for (size_t row = 0; row < w->rows; row++)
        for (size_t g = 0; g < groups; g++) {
            const real *from = gates + row * w->gates.all + g * w->stride;
            real *to = weight + ((size_t)ids[row] * groups + g) * w->hidden;
            for (size_t j = 0; j < w->hidden; j++)
                to[j] += from[j];
        }
}

static void scatter_embedding(const workspace *w, const int32_t *ids, size_t width, const real *dx, real *embedding)
{
    for (size_t row = 0; row < w->rows; row++)
        for (size_t j = 0; j < width; j++)
            embedding[(size_t)ids[row] * width + j] += dx[row * w->x_stride + j];
}

static void backward_biases(const core_pass *pass, const workspace *w, int64_t l)
{
    const core_layer *layer = &pass->network->layer[l];
    real *gradients = pass->gradients;
    const real *gates = gate_at(w, l, 0);
    column_sums(w->gates.all, w->stride, w->hidden, w->rows, gates, w->gates.all, gradients + layer->bias_ih,
                w->scratch);
    if (layer->bias_hh == CORE_NONE)
        return;
    column_sums(w->gates.joint, w->stride, w->hidden, w->rows, gates, w->gates.all, gradients + layer->bias_hh,
                w->scratch);
    column_sums(w->gates.apart, w->stride, w->hidden, w->rows, apart_at(w, l, 0), w->gates.apart,
                gradients + layer->bias_hh + w->gates.joint / w->stride * w->hidden, w->scratch);
}

static void backward_weights(const core_pass *pass, const workspace *w, int64_t l)
{
    const core_layer *layer = &pass->network->layer[l];
    real *gradients = pass->gradients, *weight_hh = gradients + layer->weight_hh;
    const real *gates = gate_at(w, l, 0), *h_prev = h_at(w, l, 0);
    outer_product(w->gates.joint, w->stride, w->hidden, w->hidden, w->rows, gates, w->gates.all, h_prev, w->stride,
                  weight_hh, w->scratch);
    outer_product(w->gates.apart, w->stride, w->hidden, w->hidden, w->rows, apart_at(w, l, 0), w->gates.apart, h_prev,
                  w->stride, weight_hh + w->gates.joint / w->stride * w->hidden * w->hidden, w->scratch);
    backward_biases(pass, w, l);
    if (!has_input_product(pass->network, l)) {
        scatter_weights(w, pass->ids, gates, gradients + layer->weight_ih);
        return;
    }
    layer_input x = input_of(w, l);
    outer_product(w->gates.all, w->stride, w->hidden, (size_t)layer->inputs, w->rows, gates, w->gates.all, x.rows,
                  x.stride, gradients + layer->weight_ih, w->scratch);
}

/* dx: the gradient of what came from below, through the mask if there was one */
static void backward_inputs(const core_pass *pass, const workspace *w, int64_t l, const backward_layer_weights *weights)
{
    const core_network *n = pass->network;
    size_t stride = l == 0 ? w->x_stride : w->stride;
    real *dx = l == 0 ? w->dx : w->dx + w->streams * stride; /* of a layer's h, which begins before the chunk */
    memset(w->dx, 0, (w->rows + w->streams) * stride * sizeof(real));
    product(w->rows, stride, w->gates.all, gate_at(w, l, 0), w->gates.all, weights->ih, dx, stride);
    if (l == 0) {
        scatter_embedding(w, pass->ids, (size_t)n->layer[0].inputs, dx, (real *)pass->gradients + n->embedding);
    } else if (w->mask) {
        const real *factor = w->mask + (size_t)(l - 1) * w->rows * w->stride;
        for (size_t i = 0; i < w->rows * w->stride; i++)
            dx[i] *= factor[i];
    }
}

static void backward(const core_pass *pass)
{
    const core_network *n = pass->network;
    arena memory = {.base = pass->workspace};
    workspace w = take_workspace(&memory, n, pass->steps, pass->streams, true);
    backward_outputs(pass, &w);
    for (int64_t l = n->layers; l-- > 0;) {
        backward_layer_weights weights = backward_layer_at(n, l, pass->packed);
        backward_steps(pass, &w, l, &weights);
        if (pass->gradient_norms)
            measure_gradients(pass, &w, l);
        backward_weights(pass, &w, l);
        if (has_input_gradient(n, l))
            backward_inputs(pass, &w, l, &weights);
        real *swap = w.dh; /* what is the gradient of the inputs here is that of h in the layer below */
        w.dh = w.dx;
        w.dx = swap;
    }
}
