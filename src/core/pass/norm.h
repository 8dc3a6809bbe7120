/*
 * norm.h: layer normalisation (Ba, Kiros and Hinton, "Layer normalization", 2016). It normalises the products W_ih x
 * and W_hh h' of a layer, each on its own, before the cell uses them:
 *
 *     n(a) = gain (a - mean(a)) / sqrt(variance(a) + 1e-5)
 *
 * Mean and variance are taken over all units of the joint gates together, and over all units of the separate gates
 * together. This is what the paper does for an LSTM and for a GRU. The layer's biases are added afterwards; they are
 * the paper's biases.
 *
 * Each kind of product has its own array. The forward pass overwrites a product with its normalised value, without the
 * gain. The backward pass overwrites that with its gradient.
 */
#ifndef RNN_CORE_PASS_NORM_H
#define RNN_CORE_PASS_NORM_H

#include "base/share.h"
#include "core/cells/cells.h"
#include "core/core.h"
#include "core/kernels/outer.h"
#include "core/kernels/real.h"
#include "core/pass/weights.h"
#include "core/pass/workspace.h"

#define NORM_EPSILON ((real)1e-5)

/* Adjacent gates of a row of products that are normalised together. */
typedef struct norm_group {
    size_t first; /* first column */
    size_t gates, hidden, stride;
} norm_group;

/* Input products begin with the separate gates, recurrent products end with them. Either group may be empty. */
INLINE norm_group norm_group_of(const core_network *n, product_kind kind, size_t group)
{
    const core_cell_info *cell = &cell_of(n)->info;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    size_t separate = (size_t)cell->separate, joint = (size_t)cell->gates - separate;
    size_t before = kind == INPUT_PRODUCTS ? separate : joint;
    if (group == 0)
        return (norm_group){0, before, hidden, stride};
    return (norm_group){before * stride, separate + joint - before, hidden, stride};
}

/* The number of partial sums along a group. It is more than LANES, so that additions needn't wait for one another. */
enum { NORM_SUMS = 2 * LANE_VECTORS };

INLINE real sum_of_sums(const vector sums[NORM_SUMS])
{
    vector lanes[LANE_VECTORS];
    for (size_t v = 0; v < LANE_VECTORS; v++)
        lanes[v] = sums[v] + sums[v + LANE_VECTORS];
    return sum_of_lanes(lanes);
}

/* The first `count` numbers of a vector, then zeros. */
INLINE vector first_of(vector v, size_t count)
{
    static const integer lane[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    int_vector lanes;
    memcpy(&lanes, lane, sizeof lanes);
    return count >= WIDTH ? v : choose(lanes < (integer)count, v, broadcast(0));
}

/*
 * Runs some code for each vector of a group. The vector begins at column `at`, its first `count` numbers are units, and
 * it belongs to partial sum `v`. Each gate begins with partial sum 0, whatever the vector width.
 */
#define FOR_EACH_VECTOR(group, ...)                                                                                    \
    for (size_t gate = 0; gate < (group)->gates; gate++) {                                                             \
        size_t first = gate * (group)->stride, end = first + (group)->hidden;                                          \
        for (; first + 2 * LANES <= end; first += 2 * LANES) {                                                         \
            _Pragma("GCC unroll 8") for (size_t v = 0; v < NORM_SUMS; v++)                                             \
            {                                                                                                          \
                const size_t at = first + v * WIDTH, count = WIDTH;                                                    \
                __VA_ARGS__                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 8") for (size_t v = 0; v < NORM_SUMS; v++)                                                 \
        {                                                                                                              \
            const size_t at = first + v * WIDTH, count = end - at;                                                     \
            if (at < end) {                                                                                            \
                __VA_ARGS__                                                                                            \
            }                                                                                                          \
        }                                                                                                              \
    }

/*
 * out = begin + gain n, where n is x normalised; x becomes n. `out` may be `begin`. Returns the factor of x - mean(x),
 * 1 / sqrt(variance + 1e-5). The variance is computed from a sum and a sum of squares. To keep it accurate, the first
 * element of x is subtracted from all elements before they are summed.
 */
static real normalise(const norm_group *group, const real *gain, const real *begin, real *x, real *out)
{
    const real units = (real)(group->gates * group->hidden), shift = x[0];
    vector sum[NORM_SUMS] = {{0}}, squares[NORM_SUMS] = {{0}};
    FOR_EACH_VECTOR(group, {
        vector shifted = first_of(load(x + at) - shift, count);
        sum[v] += shifted;
        squares[v] = multiply_add(shifted, shifted, squares[v]);
    })
    /* formula: norm-variance */
    const real mean = sum_of_sums(sum) / units, variance = sum_of_sums(squares) / units - mean * mean;
    const real inverse = 1 / square_root((variance > 0 ? variance : 0) + NORM_EPSILON), centre = shift + mean;
    FOR_EACH_VECTOR(group, {
        vector n = first_of((load(x + at) - centre) * inverse, count); /* formula: norm-n */
        (void)v;
        store(x + at, n);
        store(out + at, multiply_add(load(gain + at), n, load(begin + at))); /* formula: norm-out */
    })
    return inverse;
}

/*
 * With dn = gain dy: dx = (dn - mean(dn) - n mean(dn n)) / sqrt(variance + 1e-5),  dgain += n dy. x: in, n; out, dx.
 */
static void normalise_backward(const norm_group *group, const real *gain, real inverse, const real *dy, real *x,
                               real *dgain)
{
    const real units = (real)(group->gates * group->hidden);
    vector sum[NORM_SUMS] = {{0}}, products[NORM_SUMS] = {{0}};
    FOR_EACH_VECTOR(group, {
        vector n = load(x + at), dout = load(dy + at), dn = load(gain + at) * dout;
        (void)count;
        sum[v] += dn;
        products[v] = multiply_add(dn, n, products[v]);
        store(dgain + at, multiply_add(dout, n, load(dgain + at))); /* formula: norm-dg */
    })
    const real mean = sum_of_sums(sum) / units, slope = sum_of_sums(products) / units; /* formula: norm-means */
    FOR_EACH_VECTOR(group, {
        vector dn = load(gain + at) * load(dy + at);
        vector left = subtract_product(dn - mean, load(x + at), broadcast(slope));
        (void)v;
        store(x + at, first_of(left * inverse, count)); /* formula: norm-da */
    })
}

/* Normalises a row of products. inverse: [NORM_GROUPS] factors that the backward pass needs; or NULL. */
static void normalise_row(const core_network *n, product_kind kind, const real *gain, const real *begin, real *row,
                          real *inverse, real *out)
{
    for (size_t i = 0; i < NORM_GROUPS; i++) {
        norm_group group = norm_group_of(n, kind, i);
        if (group.gates == 0)
            continue;
        real by = normalise(&group, gain + group.first, begin + group.first, row + group.first, out + group.first);
        if (inverse)
            inverse[i] = by;
    }
}

/*
 * Normalises the products of some rows and writes them to the gates: first input products with biases, then recurrent
 * products.
 */
static void normalise_products(const core_pass *pass, const workspace *w, int64_t l, product_kind kind,
                               const forward_layer_weights *weights, share rows)
{
    gate_rows from = product_rows(w, l, kind, rows.first);
    for (size_t row = rows.first; row < rows.first + rows.count; row++, from.first += from.row) {
        real *to = gate_at(w, l, 0) + row * w->gates.row + (kind == INPUT_PRODUCTS ? 0 : w->gates.separate);
        const real *begin = kind == INPUT_PRODUCTS ? weights->bias : to;
        normalise_row(pass->network, kind, weights->gain[kind], begin, from.first, inverse_at(w, l, kind, row), to);
    }
}

/* Computes the gradients of a step's products from those of its gates, for a share of the streams. */
static void normalise_step_backward(const core_pass *pass, const workspace *w, int64_t l, size_t t)
{
    forward_layer_weights weights = forward_layer_at(pass->network, l, pass->packed);
    for (product_kind kind = INPUT_PRODUCTS; kind < PRODUCT_KINDS; kind++)
        for (size_t b = w->my_streams.first; b < w->my_streams.first + w->my_streams.count; b++) {
            size_t row = t * w->streams + b;
            const real *dy = gate_at(w, l, 0) + row * w->gates.row + (kind == INPUT_PRODUCTS ? 0 : w->gates.separate);
            for (size_t i = 0; i < NORM_GROUPS; i++) {
                norm_group group = norm_group_of(pass->network, kind, i);
                size_t first = group.first;
                if (group.gates > 0)
                    normalise_backward(&group, weights.gain[kind] + first, inverse_at(w, l, kind, row)[i], dy + first,
                                       product_rows(w, l, kind, row).first + first,
                                       w->norm.dgain[kind] + b * w->gates.products + first);
            }
        }
}

static void clear_gains(const workspace *w)
{
    for (product_kind kind = INPUT_PRODUCTS; kind < PRODUCT_KINDS; kind++)
        memset(w->norm.dgain[kind], 0, w->streams * w->gates.products * sizeof(real));
}

/*
 * Whether the streams' gain gradients are summed after steps first ... end - 1. This happens about every BLOCK_K steps.
 */
static bool ends_gain_block(size_t first, size_t end)
{
    return first == 0 || first / BLOCK_K != end / BLOCK_K;
}

#endif
