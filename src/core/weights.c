/*
 * weights.c: parameters packed in the order in which the matrix products read them; once for each change of them.
 *
 * Two blocks: what forward() reads, and what backward() reads. In each the layers, then the decoder. Where everything
 * stands in them is planned once, when a model is created. S is H rounded up to whole vectors; of a cell's G gates, the
 * last A are apart.
 */
#include "arena.h"
#include "cell.h"
#include "team.h"

typedef struct forward_layer_weights {
    real *bias;       /* [G][S] */
    real *bias_apart; /* [A][S] */
    real *ih;         /* K = I, N = G S. None for ids. */
    real *hh;         /* K = H, N = (G - A) S */
    real *hh_apart;   /* K = H, N = A S */
} forward_layer_weights;

typedef struct backward_layer_weights {
    real *ih;       /* K = G S, N = I rounded up. None where nothing below wants a gradient. */
    real *hh;       /* K = (G - A) S, N = S */
    real *hh_apart; /* K = A S, N = S */
} backward_layer_weights;

typedef struct decoder_weights {
    real *forward; /* K = H, N = O rounded up */
    real *bias;    /* [O rounded up] */
} decoder_weights;

/* The width of a layer's rows: gates that are joined to the input products, and gates that are apart. */
typedef struct gate_widths {
    size_t all, joint, apart;
} gate_widths;

static gate_widths widths_of(const core_network *n)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t stride = round_up((size_t)n->hidden_size), all = (size_t)cell->gates, apart = (size_t)cell->apart;
    return (gate_widths){all * stride, (all - apart) * stride, apart * stride};
}

static bool has_input_product(const core_network *n, int64_t layer)
{
    return layer > 0 || n->input != CORE_IDS;
}

static bool has_input_gradient(const core_network *n, int64_t layer)
{
    return layer > 0 || n->input == CORE_EMBEDDED_IDS;
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
    p->bias = plan_array(memory, 1, gates.all);
    p->bias_apart = plan_array(memory, 1, gates.apart);
    p->hh = plan_array(memory, hidden, gates.joint);
    p->hh_apart = plan_array(memory, hidden, gates.apart);
    p->ih = has_input_product(n, l) ? plan_array(memory, (size_t)layer->inputs, gates.all) : CORE_NONE;
}

static void plan_backward_layer(arena *memory, const core_network *n, int64_t l, core_layer *layer)
{
    gate_widths gates = widths_of(n);
    size_t stride = round_up((size_t)n->hidden_size);
    core_packed_layer *p = &layer->packed;
    p->back_hh = plan_array(memory, gates.joint, stride);
    p->back_hh_apart = plan_array(memory, gates.apart, stride);
    p->back_ih = has_input_gradient(n, l) ? plan_array(memory, gates.all, round_up((size_t)layer->inputs)) : CORE_NONE;
}

static void plan(core_network *n, core_layer *layers)
{
    size_t hidden = (size_t)n->hidden_size, outputs = (size_t)n->output_size;
    arena forward = {0}, backward = {0}, step = {0};
    gate_widths gates = widths_of(n);
    for (int64_t l = 0; l < n->layers; l++) {
        plan_forward_layer(&forward, n, l, &layers[l]);
        plan_backward_layer(&backward, n, l, &layers[l]);
    }
    n->packed_decoder = plan_array(&forward, hidden, round_up(outputs));
    n->packed_decoder_bias = plan_array(&forward, 1, round_up(outputs));
    n->packed_decoder_back = plan_array(&backward, outputs, round_up(hidden));
    n->forward_bytes = bytes_of(&forward);
    n->backward_bytes = bytes_of(&backward);
    size_t row = round_up(outputs);
    take(&step, row > gates.all + gates.apart ? row : gates.all + gates.apart, 1, 1);
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
    return (forward_layer_weights){.bias = packed_at(block, p->bias),
                                   .bias_apart = packed_at(block, p->bias_apart),
                                   .ih = packed_at(block, p->ih),
                                   .hh = packed_at(block, p->hh),
                                   .hh_apart = packed_at(block, p->hh_apart)};
}

static backward_layer_weights backward_layer_at(const core_network *n, int64_t l, const void *block)
{
    const core_packed_layer *p = &n->layer[l].packed;
    return (backward_layer_weights){.ih = packed_at(block, p->back_ih),
                                    .hh = packed_at(block, p->back_hh),
                                    .hh_apart = packed_at(block, p->back_hh_apart)};
}

static decoder_weights decoder_at(const core_network *n, const void *block)
{
    return (decoder_weights){.forward = packed_at(block, n->packed_decoder),
                             .bias = packed_at(block, n->packed_decoder_bias)};
}

/* [gates][H] to [gates][S]; b may be NULL: zeros */
static void pad_bias(const real *b, size_t gates, size_t hidden, real *padded)
{
    size_t stride = round_up(hidden);
    for (size_t g = 0; g < gates; g++)
        for (size_t j = 0; j < stride; j++)
            padded[g * stride + j] = b && j < hidden ? b[g * hidden + j] : 0;
}

static void pack_bias(const core_network *n, const core_layer *layer, const real *parameters, forward_layer_weights w)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    size_t gates = (size_t)cell->gates, apart = (size_t)cell->apart, joint = gates - apart;
    const real *bias_hh = layer->bias_hh == CORE_NONE ? NULL : parameters + layer->bias_hh;
    pad_bias(parameters + layer->bias_ih, gates, hidden, w.bias);
    pad_bias(bias_hh ? bias_hh + joint * hidden : NULL, apart, hidden, w.bias_apart);
    for (size_t g = 0; bias_hh && g < joint; g++)
        for (size_t j = 0; j < hidden; j++)
            w.bias[g * stride + j] += bias_hh[g * hidden + j];
}

/* The weights of some gates, for forward and for backward, whichever is wanted */
static void pack_gates(const core_network *n, team me, const real *w, size_t gates, size_t columns, real *forward,
                       real *back)
{
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    if (forward)
        pack_columns(me, w, gates, hidden, stride, columns, forward);
    if (back)
        pack_rows(me, w, gates, hidden, stride, columns, back);
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
    size_t hidden = (size_t)n->hidden_size, gates = (size_t)cell->gates, apart = (size_t)cell->apart;
    const real *weight_hh = p->parameters + layer->weight_hh;
    forward_layer_weights forward = forward_layer_at(n, l, p->forward);
    backward_layer_weights back = backward_layer_at(n, l, p->backward);
    if (me.rank == 0 && p->forward)
        pack_bias(n, layer, p->parameters, forward);
    pack_gates(n, me, weight_hh, gates - apart, hidden, forward.hh, back.hh);
    pack_gates(n, me, weight_hh + (gates - apart) * hidden * hidden, apart, hidden, forward.hh_apart, back.hh_apart);
    if (has_input_product(n, l))
        pack_gates(n, me, p->parameters + layer->weight_ih, gates, (size_t)layer->inputs, forward.ih, back.ih);
}

static void pack_decoder(const packing *p, team me)
{
    const core_network *n = p->network;
    const real *weight = p->parameters + n->decoder_weight, *bias = p->parameters + n->decoder_bias;
    size_t hidden = (size_t)n->hidden_size, outputs = (size_t)n->output_size;
    decoder_weights decoder = decoder_at(n, p->forward);
    /* The softmax of what pads a row is then 0. */
    real beyond = n->loss == CORE_CROSS_ENTROPY ? -(real)INFINITY : 0;
    for (size_t o = 0; me.rank == 0 && p->forward && o < round_up(outputs); o++)
        decoder.bias[o] = o < outputs ? bias[o] : beyond;
    if (p->forward)
        pack_columns(me, weight, 1, outputs, round_up(outputs), hidden, decoder.forward);
    if (p->backward)
        pack_rows(me, weight, 1, outputs, outputs, hidden, packed_at(p->backward, n->packed_decoder_back));
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
