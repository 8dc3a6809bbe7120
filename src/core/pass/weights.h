/*
 * weights.h: packs parameters in the order in which the matrix products read them. This happens once after each change
 * of the parameters.
 *
 * There are two blocks, one for forward() and one for backward(). Each holds the layers, then the decoder. plan()
 * computes all offsets once, when a model is created. S is H rounded up to whole vectors. A cell has G gates; for the
 * last A of them the input and recurrent products are separate (see cell.h).
 */
#ifndef RNN_CORE_PASS_WEIGHTS_H
#define RNN_CORE_PASS_WEIGHTS_H

#include "base/team.h"
#include "core/cells/cells.h"
#include "core/core.h"
#include "core/kernels/pack.h"
#include "core/kernels/real.h"
#include "core/pass/arena.h"

/* The two products of a step. Their columns are in the order of a row of gates. */
typedef enum product_kind { INPUT_PRODUCTS, RECURRENT_PRODUCTS, PRODUCT_KINDS } product_kind;

/* A row of gates has R = G + A groups of columns, in the order that cell.h gives. */
typedef struct forward_layer_weights {
    real *bias;                /* [R][S] */
    real *ih;                  /* K = I, N = G S: the first columns of a row. NULL for ids. */
    real *hh;                  /* K = H, N = G S: the last columns of a row */
    real *gain[PRODUCT_KINDS]; /* [G][S] gains of normalised products */
    real *zeros;               /* [G][S] initial values of normalised products */
} forward_layer_weights;

typedef struct backward_layer_weights {
    real *ih; /* K = G S, N = I rounded up. NULL for ids. */
    real *hh; /* K = G S, N = S */
} backward_layer_weights;

typedef struct decoder_weights {
    real *forward; /* K = H, N = O rounded up; for a narrow decoder [O][S] */
    real *bias;    /* [O rounded up] */
} decoder_weights;

/* Widths within a row of gates, in reals. */
typedef struct gate_widths {
    size_t products; /* G S: the input products at the start of a row, or the recurrent products at its end */
    size_t separate; /* A S: the columns of either product that the other doesn't share */
    size_t row;      /* R S: the whole row */
} gate_widths;

static gate_widths widths_of(const core_network *n)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t stride = round_up((size_t)n->hidden_size), gates = (size_t)cell->gates, separate = (size_t)cell->separate;
    return (gate_widths){gates * stride, separate * stride, (gates + separate) * stride};
}

/* A level is one layer, or the two layers that read the same input in both directions. */
INLINE int64_t level_of(const core_network *n, int64_t layer)
{
    return n->directions > 1 ? layer / 2 : layer;
}

/* The size of a level's output at each position: h of its layers, side by side. */
INLINE size_t features_of(const core_network *n)
{
    return (size_t)(n->hidden_size * n->directions);
}

static bool has_input_product(const core_network *n, int64_t layer)
{
    return layer >= n->directions || n->input != CORE_IDS;
}

/* Whether the products are normalised: see norm.h. */
static bool is_normalised(const core_network *n)
{
    return n->layer[0].gain_ih != CORE_NONE;
}

/*
 * A decoder with few outputs would fill only part of a vector, and each output would be one long chain of additions. So
 * its outputs are computed as inner products instead.
 */
static bool is_narrow(const core_network *n)
{
    enum { NARROW = 4 };
    return n->output_size <= NARROW;
}

/* Reserves K x N numbers and returns their offset. N is a multiple of WIDTH. */
static size_t plan_array(arena *memory, size_t k_count, size_t n_count)
{
    size_t start = memory->used;
    take(memory, k_count, n_count, 1);
    return start;
}

static void plan_forward_layer(arena *memory, const core_network *n, int64_t l, core_layer *layer)
{
    gate_widths gates = widths_of(n);
    size_t hidden = (size_t)n->hidden_size;
    core_packed_layer *p = &layer->packed;
    p->bias = plan_array(memory, 1, gates.row);
    p->hh = plan_array(memory, hidden, gates.products);
    p->ih = has_input_product(n, l) ? plan_array(memory, (size_t)layer->inputs, gates.products) : CORE_NONE;
    p->gain = is_normalised(n) ? plan_array(memory, PRODUCT_KINDS + 1, gates.products) : CORE_NONE;
}

static void plan_backward_layer(arena *memory, const core_network *n, int64_t l, core_layer *layer)
{
    gate_widths gates = widths_of(n);
    size_t stride = round_up((size_t)n->hidden_size);
    core_packed_layer *p = &layer->packed;
    p->back_hh = plan_array(memory, gates.products, stride);
    p->back_ih =
        has_input_product(n, l) ? plan_array(memory, gates.products, round_up((size_t)layer->inputs)) : CORE_NONE;
}

static void plan(core_network *n, core_layer *layers)
{
    size_t features = features_of(n), outputs = (size_t)n->output_size;
    arena forward = {0}, backward = {0}, step = {0};
    for (int64_t l = 0; l < n->layers; l++) {
        plan_forward_layer(&forward, n, l, &layers[l]);
        plan_backward_layer(&backward, n, l, &layers[l]);
    }
    n->packed_decoder = is_narrow(n) ? plan_array(&forward, outputs, round_up(features))
                                     : plan_array(&forward, features, round_up(outputs));
    n->packed_decoder_bias = plan_array(&forward, 1, round_up(outputs));
    n->packed_decoder_back = plan_array(&backward, outputs, round_up(features));
    n->forward_bytes = bytes_of(&forward);
    n->backward_bytes = bytes_of(&backward);
    gate_widths widths = widths_of(n);
    size_t gates = widths.row + (is_normalised(n) ? widths.products : 0), decoded = round_up(outputs);
    take(&step, gates > decoded ? gates : decoded, 1,
         1); /* a step uses the two one after the other, in the same memory */
    n->step_bytes = bytes_of(&step);
}

/* The address of an array in a packed block. */
static real *packed_at(const void *block, size_t place)
{
    return place == CORE_NONE || !block ? NULL : (real *)block + place;
}

static forward_layer_weights forward_layer_at(const core_network *n, int64_t l, const void *block)
{
    const core_packed_layer *p = &n->layer[l].packed;
    real *gains = packed_at(block, p->gain);
    forward_layer_weights weights = {
        .bias = packed_at(block, p->bias), .ih = packed_at(block, p->ih), .hh = packed_at(block, p->hh)};
    if (!gains)
        return weights;
    weights.gain[INPUT_PRODUCTS] = gains;
    weights.gain[RECURRENT_PRODUCTS] = gains + widths_of(n).products;
    weights.zeros = gains + PRODUCT_KINDS * widths_of(n).products;
    return weights;
}

static backward_layer_weights backward_layer_at(const core_network *n, int64_t l, const void *block)
{
    const core_packed_layer *p = &n->layer[l].packed;
    return (backward_layer_weights){.ih = packed_at(block, p->back_ih), .hh = packed_at(block, p->back_hh)};
}

static decoder_weights decoder_at(const core_network *n, const void *block)
{
    return (decoder_weights){.forward = packed_at(block, n->packed_decoder),
                             .bias = packed_at(block, n->packed_decoder_bias)};
}

/*
 * The position of a gate's input product in a row, in groups of columns. Its recurrent product is at separate + gate.
 */
INLINE size_t input_group(const core_cell_info *cell, size_t gate)
{
    size_t joint = (size_t)(cell->gates - cell->separate);
    return gate < joint ? (size_t)cell->separate + gate : gate - joint;
}

/* padded[S] += bias of a gate [H]. */
static void add_bias(const real *bias, size_t hidden, real *padded)
{
    for (size_t j = 0; j < hidden; j++)
        padded[j] += bias[j];
}

/* to[0 .. stride) = from[0 .. width), then zeros. */
static void copy_padded(real *to, const real *from, size_t width, size_t stride)
{
    memcpy(to, from, width * sizeof *to);
    memset(to + width, 0, (stride - width) * sizeof *to);
}

static void pack_bias(const core_network *n, const core_layer *layer, const real *parameters, real *row)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden), separate = (size_t)cell->separate;
    memset(row, 0, widths_of(n).row * sizeof *row);
    for (size_t g = 0; g < (size_t)cell->gates; g++) {
        add_bias(parameters + layer->bias_ih + g * hidden, hidden, row + input_group(cell, g) * stride);
        if (layer->bias_hh != CORE_NONE)
            add_bias(parameters + layer->bias_hh + g * hidden, hidden, row + (separate + g) * stride);
    }
}

/* Packs the gains of both products, in the order of their columns. */
static void pack_gains(const core_network *n, const core_layer *layer, const real *parameters,
                       const forward_layer_weights *to)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    for (size_t g = 0; g < (size_t)cell->gates; g++) {
        copy_padded(to->gain[INPUT_PRODUCTS] + input_group(cell, g) * stride, parameters + layer->gain_ih + g * hidden,
                    hidden, stride);
        copy_padded(to->gain[RECURRENT_PRODUCTS] + g * stride, parameters + layer->gain_hh + g * hidden, hidden,
                    stride);
    }
    memset(to->zeros, 0, widths_of(n).products * sizeof *to->zeros);
}

/*
 * Packs the weights of all gates, beginning with gate `first`, for the forward and the backward pass. Either
 * destination may be NULL.
 */
static void pack_gates(const core_network *n, team me, const real *w, size_t first, size_t columns, real *forward,
                       real *back)
{
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    row_groups gates = {(size_t)cell_of(n)->info.gates, first, hidden, stride};
    if (forward)
        pack_columns(me, w, gates, columns, forward);
    if (back)
        pack_rows(me, w, gates, columns, back);
}

/* The arguments of pack(), and the number of shares of the work. */
typedef struct packing {
    const core_network *network;
    const real *parameters;
    void *forward, *backward; /* or NULL */
    size_t shares;
} packing;

static void pack_layer(const packing *p, team me, int64_t l)
{
    const core_network *n = p->network;
    const core_layer *layer = &n->layer[l];
    const core_cell_info *cell = &cell_of(n)->info;
    size_t joint = (size_t)(cell->gates - cell->separate);
    forward_layer_weights forward = forward_layer_at(n, l, p->forward);
    backward_layer_weights back = backward_layer_at(n, l, p->backward);
    if (me.rank == 0 && p->forward)
        pack_bias(n, layer, p->parameters, forward.bias);
    if (me.rank == 0 && p->forward && is_normalised(n))
        pack_gains(n, layer, p->parameters, &forward);
    pack_gates(n, me, p->parameters + layer->weight_hh, 0, (size_t)n->hidden_size, forward.hh, back.hh);
    if (has_input_product(n, l))
        pack_gates(n, me, p->parameters + layer->weight_ih, joint % (size_t)cell->gates, (size_t)layer->inputs,
                   forward.ih, back.ih);
}

static void pack_decoder(const packing *p, team me)
{
    const core_network *n = p->network;
    const real *weight = p->parameters + n->decoder_weight, *bias = p->parameters + n->decoder_bias;
    size_t features = features_of(n), stride = round_up(features), outputs = (size_t)n->output_size;
    decoder_weights decoder = decoder_at(n, p->forward);
    /* With -infinity, the softmax of a row's padding is 0. */
    real beyond = n->loss == CORE_CROSS_ENTROPY ? -(real)INFINITY : 0;
    if (p->forward && me.rank == 0) {
        for (size_t o = 0; o < round_up(outputs); o++)
            decoder.bias[o] = o < outputs ? bias[o] : beyond;
        if (is_narrow(n))
            for (size_t o = 0; o < outputs; o++)
                copy_padded(decoder.forward + o * stride, weight + o * features, features, stride);
    }
    if (p->forward && !is_narrow(n))
        pack_columns(me, weight, (row_groups){1, 0, outputs, round_up(outputs)}, features, decoder.forward);
    if (p->backward)
        pack_rows(me, weight, (row_groups){1, 0, outputs, outputs}, features,
                  packed_at(p->backward, n->packed_decoder_back));
}

static void pack_share(void *context, size_t worker, size_t number)
{
    const packing *p = context;
    team me = {number, p->shares};
    (void)worker;
    for (int64_t l = 0; l < p->network->layers; l++)
        pack_layer(p, me, l);
    pack_decoder(p, me);
}

static void pack(const core_network *n, const void *parameters, const core_team *workers, void *forward, void *backward)
{
    packing p = {n, parameters, forward, backward, workers->size};
    workers->run(workers, pack_share, &p, p.shares);
}

#endif
