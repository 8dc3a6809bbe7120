/*
 * weights.h: parameters packed in the order in which the matrix products read them; once for each change of them.
 *
 * Two blocks: what forward() reads, and what backward() reads. In each the layers, then the decoder. Where everything
 * stands in them is planned once, when a model is created. S is H rounded up to whole vectors; of a cell's G gates, the
 * last A are apart.
 */
#ifndef RNN_CORE_PASS_WEIGHTS_H
#define RNN_CORE_PASS_WEIGHTS_H

#include "base/team.h"
#include "core/cells/cells.h"
#include "core/core.h"
#include "core/kernels/pack.h"
#include "core/kernels/real.h"
#include "core/pass/arena.h"

/* The products of a step, whose columns stand as in a row of gates */
typedef enum product_kind { INPUT_PRODUCTS, RECURRENT_PRODUCTS, PRODUCT_KINDS } product_kind;

/* A row of gates has R = G + A groups of columns, in the order that cell.h says. */
typedef struct forward_layer_weights {
    real *bias;                /* [R][S] */
    real *ih;                  /* K = I, N = G S: the first columns of a row. None for ids. */
    real *hh;                  /* K = H, N = G S: the last columns */
    real *gain[PRODUCT_KINDS]; /* [G][S] of products that are normalised */
    real *zeros;               /* [G][S] what these begin with */
} forward_layer_weights;

typedef struct backward_layer_weights {
    real *ih; /* K = G S, N = I rounded up. None for ids. */
    real *hh; /* K = G S, N = S */
} backward_layer_weights;

typedef struct decoder_weights {
    real *forward; /* K = H, N = O rounded up; of a narrow decoder [O][S] */
    real *bias;    /* [O rounded up] */
} decoder_weights;

/* The width of what stands in a row of gates */
typedef struct gate_widths {
    size_t products; /* G S: the input products, which come first, or the recurrent ones, which come last */
    size_t apart;    /* A S: of each, what is no part of the other */
    size_t row;      /* R S */
} gate_widths;

static gate_widths widths_of(const core_network *n)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t stride = round_up((size_t)n->hidden_size), gates = (size_t)cell->gates, apart = (size_t)cell->apart;
    return (gate_widths){gates * stride, apart * stride, (gates + apart) * stride};
}

/* A level is a layer, or the two that read the same in both directions. */
INLINE int64_t level_of(const core_network *n, int64_t layer)
{
    return n->directions > 1 ? layer / 2 : layer;
}

/* What a level hands on at each position: h of its layers, side by side */
INLINE size_t features_of(const core_network *n)
{
    return (size_t)(n->hidden_size * n->directions);
}

static bool has_input_product(const core_network *n, int64_t layer)
{
    return layer >= n->directions || n->input != CORE_IDS;
}

/* Whether products are normalised: norm.c */
static bool is_normalised(const core_network *n)
{
    return n->layer[0].gain_ih != CORE_NONE;
}

/*
 * A decoder of few outputs fills little of a vector, and each of its outputs is one long chain of additions. So they
 * are inner products instead.
 */
static bool is_narrow(const core_network *n)
{
    enum { NARROW = 4 };
    return n->output_size <= NARROW;
}

/* Makes room for K x N numbers and returns their place. N is a multiple of WIDTH. */
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
    take(&step, gates > decoded ? gates : decoded, 1, 1); /* a step has these one after the other */
    n->step_bytes = bytes_of(&step);
}

/* An array of a packed block */
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

/* Where the input product of a gate stands in a row, in groups of columns; its recurrent product: at apart + gate. */
INLINE size_t input_group(const core_cell_info *cell, size_t gate)
{
    size_t joint = (size_t)(cell->gates - cell->apart);
    return gate < joint ? (size_t)cell->apart + gate : gate - joint;
}

/* padded[S] += bias of a gate [H] */
static void add_bias(const real *bias, size_t hidden, real *padded)
{
    for (size_t j = 0; j < hidden; j++)
        padded[j] += bias[j];
}

/* to[0 .. stride) = from[0 .. width), then zeros */
static void copy_padded(real *to, const real *from, size_t width, size_t stride)
{
    memcpy(to, from, width * sizeof *to);
    memset(to + width, 0, (stride - width) * sizeof *to);
}

static void pack_bias(const core_network *n, const core_layer *layer, const real *parameters, real *row)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden), apart = (size_t)cell->apart;
    memset(row, 0, widths_of(n).row * sizeof *row);
    for (size_t g = 0; g < (size_t)cell->gates; g++) {
        add_bias(parameters + layer->bias_ih + g * hidden, hidden, row + input_group(cell, g) * stride);
        if (layer->bias_hh != CORE_NONE)
            add_bias(parameters + layer->bias_hh + g * hidden, hidden, row + (apart + g) * stride);
    }
}

/* The gains of both kinds of products, as their columns stand */
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

/* The weights of all gates, beginning with gate `first`, for forward and for backward, whichever is wanted */
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

/* What is packed, and where to */
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
    size_t joint = (size_t)(cell->gates - cell->apart);
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
    /* The softmax of what pads a row is then 0. */
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
