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
    size_t groups = w->gates.all / w->stride;
    for (size_t row = 0; row < w->rows; row++)
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
    size_t width = (size_t)n->layer[0].inputs;
    for (size_t row = 0; row < w->rows; row++) {
        const real *from = n->input == CORE_VECTORS
                               ? (const real *)pass->vectors + row * width
                               : (const real *)pass->parameters + n->embedding + (size_t)pass->ids[row] * width;
        copy_padded(w->x + row * w->x_stride, from, width, w->x_stride);
    }
}

/* gate[t][b]: the biases and the products with what comes from below */
static void forward_inputs(const core_pass *pass, const workspace *w, int64_t l, const forward_layer_weights *weights)
{
    const core_network *n = pass->network;
    if (!has_input_product(n, l)) {
        gather_weights(w, pass->ids, (const real *)pass->parameters + n->layer[l].weight_ih, weights->bias,
                       gate_at(w, l, 0));
        return;
    }
    if (l == 0)
        gather_inputs(pass, w);
    layer_input x = input_of(w, l);
    fill_rows(gate_at(w, l, 0), w->rows, weights->bias, w->gates.all);
    product(w->rows, w->gates.all, (size_t)n->layer[l].inputs, x.rows, x.stride, weights->ih, gate_at(w, l, 0),
            w->gates.all);
}

static void forward_steps(const core_pass *pass, const workspace *w, int64_t l, const forward_layer_weights *weights)
{
    const core_cell *recurrence = cell_of(pass->network);
    fill_rows(apart_at(w, l, 0), w->rows, weights->bias_apart, w->gates.apart);
    for (size_t t = 0; t < w->steps; t++) {
        cell_step step = step_of(w, l, t, 0, w->streams);
        product(w->streams, w->gates.joint, w->hidden, step.h_prev, w->stride, weights->hh, step.gates, w->gates.all);
        product(w->streams, w->gates.apart, w->hidden, step.h_prev, w->stride, weights->hh_apart, step.apart,
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
    for (size_t row = 0; row < w->rows; row++) {
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

static void forward_outputs(const core_pass *pass, const workspace *w)
{
    decoder_weights weights = decoder_at(pass->network, pass->packed);
    fill_rows(w->out, w->rows, weights.bias, w->out_stride);
    product(w->rows, w->out_stride, w->hidden, h_at(w, pass->network->layers - 1, 1), w->stride, weights.forward,
            w->out, w->out_stride);
    for (size_t row = 0; pass->outputs && row < w->rows; row++)
        memcpy((real *)pass->outputs + row * w->outputs, w->out + row * w->out_stride, w->outputs * sizeof(real));
    for (size_t row = 0; (pass->targets || pass->target_vectors) && row < w->rows; row++)
        pass->position_loss[row] = position_loss(pass, w, row);
}

/* Between the state [parts][L][B][S] and the steps before and after the chunk */
static void copy_state(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t part = w->streams * w->stride, at = (size_t)l * part, all = (size_t)pass->network->layers * part;
    memcpy(h_at(w, l, 0), (const real *)pass->state + at, part * sizeof(real));
    if (w->c)
        memcpy(c_at(w, l, 0), (const real *)pass->state + all + at, part * sizeof(real));
}

static void copy_next_state(const core_pass *pass, const workspace *w, int64_t l)
{
    size_t part = w->streams * w->stride, at = (size_t)l * part, all = (size_t)pass->network->layers * part;
    memcpy((real *)pass->next_state + at, h_at(w, l, w->steps), part * sizeof(real));
    if (w->c)
        memcpy((real *)pass->next_state + all + at, c_at(w, l, w->steps), part * sizeof(real));
}

static void forward(const core_pass *pass)
{
    const core_network *n = pass->network;
    arena memory = {.base = pass->workspace};
    workspace w = take_workspace(&memory, n, pass->steps, pass->streams, pass->training);
    for (int64_t l = 0; l < n->layers; l++) {
        forward_layer_weights weights = forward_layer_at(n, l, pass->packed);
        copy_state(pass, &w, l);
        forward_inputs(pass, &w, l, &weights);
        forward_steps(pass, &w, l, &weights);
        copy_next_state(pass, &w, l);
        if (w.mask && l < n->layers - 1)
            drop(pass, &w, l);
    }
    if (pass->outputs || pass->targets || pass->target_vectors)
        forward_outputs(pass, &w);
}
