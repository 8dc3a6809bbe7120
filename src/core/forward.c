/*
 * forward.c: a chunk's way through the network. Layer by layer: the input products of all steps at once, then step by
 * step the recurrent product and the cell; at last the outputs and the loss.
 */
#include "arena.h"
#include "cell.h"
#include "philox.h"

static void fill_rows(real *rows, size_t count, const real *row, size_t width)
{
    for (size_t i = 0; i < count; i++)
        memcpy(rows + i * width, row, width * sizeof *row);
}

/* to[0 .. stride) = from[0 .. width), then zeros */
static void copy_padded(real *to, const real *from, size_t width, size_t stride)
{
    memcpy(to, from, width * sizeof *to);
    memset(to + width, 0, (stride - width) * sizeof *to);
}

/* gates[t][b] = bias + the input weights of the symbol at (t, b), which stand together: [V][G][H] */
static void gather_weights(const workspace *w, const int32_t *ids, const real *weight, const real *bias, real *gates)
{
    size_t groups = w->gates.all / w->stride, end = w->my_rows.first + w->my_rows.count;
    for (size_t row = w->my_rows.first; row < end; row++)
        for (size_t g = 0; g < groups; g++) {
            const real *from = weight + ((size_t)ids[row] * groups + g) * w->hidden, *add = bias + g * w->stride;
            real *to = gates + row * w->gates.all + g * w->stride;
            for (size_t j = 0; j < w->hidden; j++)
                to[j] = from[j] + add[j];
            for (size_t j = w->hidden; j < w->stride; j++)
                to[j] = 0;
        }
}

/* x[t][b]: the embedding of the symbol there, or the vector */
static void gather_inputs(const core_pass *pass, const workspace *w)
{
    const core_network *n = pass->network;
    size_t width = (size_t)n->layer[0].inputs, end = w->my_rows.first + w->my_rows.count;
    for (size_t row = w->my_rows.first; row < end; row++) {
        const real *from = n->input == CORE_VECTORS
                               ? (const real *)pass->vectors + row * width
                               : (const real *)pass->parameters + n->embedding + (size_t)pass->ids[row] * width;
        copy_padded(w->x + row * w->x_stride, from, width, w->x_stride);
    }
}

/* gate[t][b]: the biases and the products with what comes from below; for this thread's rows */
static void forward_inputs(const core_pass *pass, const workspace *w, int64_t l, const forward_layer_weights *weights)
{
    const core_network *n = pass->network;
    size_t first = w->my_rows.first, count = w->my_rows.count;
    fill_rows(apart_at(w, l, 0) + first * w->gates.apart, count, weights->bias_apart, w->gates.apart);
    if (!has_input_product(n, l)) {
        gather_weights(w, pass->ids, (const real *)pass->parameters + n->layer[l].weight_ih, weights->bias,
                       gate_at(w, l, 0));
        return;
    }
    if (l == 0)
        gather_inputs(pass, w);
    layer_input x = input_of(w, l);
    real *gates = gate_at(w, l, 0) + first * w->gates.all;
    fill_rows(gates, count, weights->bias, w->gates.all);
    product(count, w->gates.all, (size_t)n->layer[l].inputs, x.rows + first * x.stride, x.stride, weights->ih, gates,
            w->gates.all);
}

/* All steps, for this thread's streams */
static void forward_steps(const core_pass *pass, const workspace *w, int64_t l, const forward_layer_weights *weights)
{
    const core_cell *recurrence = cell_of(pass->network);
    for (size_t t = 0; t < w->steps; t++) {
        cell_step step = step_of(w, l, t);
        product(step.streams, w->gates.joint, w->hidden, step.h_prev, w->stride, weights->hh, step.gates, w->gates.all);
        product(step.streams, w->gates.apart, w->hidden, step.h_prev, w->stride, weights->hh_apart, step.apart,
                w->gates.apart);
        recurrence->forward(&step);
    }
}

/*
 * Inverted dropout (Srivastava et al. 2014): each element is dropped with
 * probability p, or else multiplied by 1 / (1 - p). The mask depends on the seed, the chunk's index, the layer and the
 * position (t, b) alone. A block of random bits serves four elements; there are less than 2^18 blocks in a row, 2^20
 * streams and 2^10 layers.
 */
static void drop(const core_pass *pass, const workspace *w, int64_t l)
{
    double p = pass->network->dropout;
    uint32_t threshold = (uint32_t)(p * 0x1p32);
    real kept = (real)(1 / (1 - p));
    uint64_t stream = pass->random_index << 10 | (uint64_t)l;
    size_t layer = (size_t)l * w->rows * w->stride;
    const real *h = h_at(w, l, 1);
    for (size_t row = w->my_rows.first; row < w->my_rows.first + w->my_rows.count; row++) {
        real *factor = w->mask + layer + row * w->stride, *dropped = w->dropped + layer + row * w->stride;
        uint64_t position = (uint64_t)(row / w->streams) << 20 | row % w->streams;
        uint32_t bits[4] = {0};
        for (size_t j = 0; j < w->stride; j++) {
            if (j % 4 == 0 && j < w->hidden)
                philox(pass->seed, stream, position << 18 | j / 4, bits);
            factor[j] = bits[j % 4] < threshold ? 0 : kept;
            dropped[j] = factor[j] * h[row * w->stride + j];
        }
    }
}

/* The loss at one position, 0 where there is no target; leaves in `out` and `sum` what its gradient needs. */
static double position_loss(const core_pass *pass, const workspace *w, size_t row)
{
    real *out = w->out + row * w->out_stride;
    if (pass->network->loss == CORE_CROSS_ENTROPY)
        return pass->targets[row] < 0 ? 0 : cross_entropy_forward(out, w->out_stride, pass->targets[row], &w->sum[row]);
    if (pass->target_mask && !pass->target_mask[row])
        return 0;
    return squared_error_forward(out, w->outputs, (const real *)pass->target_vectors + row * w->outputs);
}

/* For this thread's rows */
static void forward_outputs(const core_pass *pass, const workspace *w)
{
    decoder_weights weights = decoder_at(pass->network, pass->packed);
    const real *h = h_at(w, pass->network->layers - 1, 1);
    size_t first = w->my_rows.first, count = w->my_rows.count;
    fill_rows(w->out + first * w->out_stride, count, weights.bias, w->out_stride);
    product(count, w->out_stride, w->hidden, h + first * w->stride, w->stride, weights.forward,
            w->out + first * w->out_stride, w->out_stride);
    for (size_t row = first; pass->outputs && row < first + count; row++)
        memcpy((real *)pass->outputs + row * w->outputs, w->out + row * w->out_stride, w->outputs * sizeof(real));
    for (size_t row = first; (pass->targets || pass->target_vectors) && row < first + count; row++)
        pass->position_loss[row] = position_loss(pass, w, row);
}

/* From the state [parts][L][B][S], for this thread's streams */
static void copy_state(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t part = w->streams * w->stride, mine = w->my_streams.first * w->stride, at = (size_t)l * part + mine;
    size_t bytes = w->my_streams.count * w->stride * sizeof(real);
    memcpy(h_at(w, l, 0) + mine, (const real *)pass->state + at, bytes);
    if (w->c)
        memcpy(c_at(w, l, 0) + mine, (const real *)pass->state + (size_t)pass->network->layers * part + at, bytes);
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

/* What one thread does. Rows and streams are divided differently, hence the barriers. */
static void forward_by(const core_pass *pass, team me)
{
    const core_network *n = pass->network;
    workspace w = workspace_of(pass, me);
    for (int64_t l = 0; l < n->layers; l++) {
        forward_layer_weights weights = forward_layer_at(n, l, pass->packed);
        copy_state(pass, &w, l);
        forward_inputs(pass, &w, l, &weights);
        team_barrier(me);
        forward_steps(pass, &w, l, &weights);
        copy_next_state(pass, &w, l);
        team_barrier(me);
        if (w.mask && l < n->layers - 1)
            drop(pass, &w, l);
    }
    if (pass->outputs || pass->targets || pass->target_vectors)
        forward_outputs(pass, &w);
}

static void forward(const core_pass *pass)
{
    if (pass->threads == 1) {
        forward_by(pass, (team){0, 1});
        return;
    }
#pragma omp parallel num_threads(pass->threads)
    forward_by(pass, my_team());
}
