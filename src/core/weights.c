/*
 * weights.c: parameters packed in the order in which the matrix products read them; once a chunk for all its steps.
 *
 * Two regions: what forward() reads, and behind it, when training, what backward() reads. In each the layers, then the
 * decoder. S is H rounded up to whole vectors; of a cell's G gates, the last A are apart.
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

static forward_layer_weights take_forward_layer(arena *memory, const core_network *n, int64_t layer)
{
    gate_widths gates = widths_of(n);
    forward_layer_weights w = {0};
    w.bias = take(memory, gates.all, 1, 1);
    w.bias_apart = take(memory, gates.apart, 1, 1);
    w.hh = take(memory, packed_matrix((size_t)n->hidden_size, gates.joint), 1, 1);
    w.hh_apart = take(memory, packed_matrix((size_t)n->hidden_size, gates.apart), 1, 1);
    if (has_input_product(n, layer))
        w.ih = take(memory, packed_matrix((size_t)n->layer[layer].inputs, gates.all), 1, 1);
    return w;
}

static backward_layer_weights take_backward_layer(arena *memory, const core_network *n, int64_t layer)
{
    gate_widths gates = widths_of(n);
    size_t stride = round_up((size_t)n->hidden_size);
    backward_layer_weights w = {0};
    w.hh = take(memory, packed_matrix(gates.joint, stride), 1, 1);
    w.hh_apart = take(memory, packed_matrix(gates.apart, stride), 1, 1);
    if (has_input_gradient(n, layer))
        w.ih = take(memory, packed_matrix(gates.all, round_up((size_t)n->layer[layer].inputs)), 1, 1);
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

/* The weights of some gates, for forward and, if wanted, for backward. */
static void pack_gates(const core_network *n, team me, const real *w, size_t gates, size_t columns, real *forward,
                       real *back)
{
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    pack_columns(me, w, gates, hidden, stride, columns, forward);
    if (back)
        pack_rows(me, w, gates, hidden, stride, columns, back);
}

static void pack_layer(const core_network *n, team me, int64_t l, const real *parameters, bool training, void *packed)
{
    const core_layer *layer = &n->layer[l];
    const core_cell_info *cell = &cell_of(n)->info;
    size_t hidden = (size_t)n->hidden_size, gates = (size_t)cell->gates, apart = (size_t)cell->apart;
    const real *weight_hh = parameters + layer->weight_hh;
    forward_layer_weights forward = forward_layer_at(n, l, packed);
    backward_layer_weights back = {0};
    if (training)
        back = backward_layer_at(n, l, packed);
    if (me.rank == 0)
        pack_bias(n, layer, parameters, forward);
    pack_gates(n, me, weight_hh, gates - apart, hidden, forward.hh, back.hh);
    pack_gates(n, me, weight_hh + (gates - apart) * hidden * hidden, apart, hidden, forward.hh_apart, back.hh_apart);
    if (forward.ih)
        pack_gates(n, me, parameters + layer->weight_ih, gates, (size_t)layer->inputs, forward.ih, back.ih);
}

/* What one thread does. */
static void pack_by(const core_network *n, team me, const void *values, bool training, void *packed)
{
    const real *parameters = values;
    size_t hidden = (size_t)n->hidden_size, outputs = (size_t)n->output_size;
    for (int64_t l = 0; l < n->layers; l++)
        pack_layer(n, me, l, parameters, training, packed);
    decoder_weights decoder = decoder_at(n, packed);
    /* The softmax of what pads a row is then 0. */
    real beyond = n->loss == CORE_CROSS_ENTROPY ? -(real)INFINITY : 0;
    for (size_t o = 0; me.rank == 0 && o < round_up(outputs); o++)
        decoder.bias[o] = o < outputs ? parameters[n->decoder_bias + o] : beyond;
    pack_columns(me, parameters + n->decoder_weight, 1, outputs, round_up(outputs), hidden, decoder.forward);
    if (training)
        pack_rows(me, parameters + n->decoder_weight, 1, outputs, outputs, hidden, decoder_back_at(n, packed));
}

static void pack(const core_network *n, const void *values, int threads, bool training, void *packed)
{
    if (threads == 1) {
        pack_by(n, (team){0, 1}, values, training, packed);
        return;
    }
#pragma omp parallel num_threads(threads)
    pack_by(n, my_team(), values, training, packed);
}
