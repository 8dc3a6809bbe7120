/*
 * step.h: one step of one stream forward, for programs that run live. It computes the same products and cells in the
 * same order as forward.h, so it gives the same bits. It leaves out everything that only many steps or streams need.
 */
#ifndef RNN_CORE_PASS_STEP_H
#define RNN_CORE_PASS_STEP_H

#include "core/cells/cell.h"
#include "core/cells/cells.h"
#include "core/core.h"
#include "core/kernels/product.h"
#include "core/kernels/real.h"
#include "core/kernels/tile.h"
#include "core/pass/forward.h"
#include "core/pass/norm.h"
#include "core/pass/weights.h"
#include "core/update.h"

/* The offset of a layer's h in a state, in reals. state_at(n, L) is the offset of c. */
static size_t state_at(const core_network *n, int64_t l)
{
    return (size_t)l * round_up((size_t)n->hidden_size);
}

static void step_layer(const core_step *s, int64_t l, const real *below)
{
    const core_network *n = s->network;
    forward_layer_weights weights = forward_layer_at(n, l, s->packed);
    gate_widths widths = widths_of(n);
    size_t hidden = (size_t)n->hidden_size, at = state_at(n, l), c = state_at(n, n->layers);
    cell_step step = {.streams = 1,
                      .width = round_up(hidden),
                      .gates = s->workspace,
                      .h_prev = (const real *)s->state + at,
                      .h = (real *)s->next_state + at,
                      .c_prev = (const real *)s->state + c + at,
                      .c = (real *)s->next_state + c + at};
    row_factors factors[] = {{(size_t)n->layer[l].inputs, below, weights.ih}, {hidden, step.h_prev, weights.hh}};
    real *recurrent = step.gates + widths.separate;
    bool embedded = l == 0 && n->input == CORE_EMBEDDED_IDS, normalised = is_normalised(n);
    const real *begin = normalised ? weights.zeros : weights.bias;
    real *products = normalised ? step.gates + widths.row : NULL, *of_inputs = normalised ? products : step.gates;
    if (!normalised && has_input_product(n, l) && widths.separate == 0 &&
        !embedded) { /* each sum continues from the first product into the second */
        product_row(widths.products, 2, factors, weights.bias, step.gates, s->turned);
    } else {
        begin_separate(&widths, weights.bias, step.gates);
        if (has_input_product(n, l))
            product_row(widths.products, 1, factors, begin, of_inputs, s->turned);
        else
            add_input_weights(n, s->id, (const real *)s->parameters + n->layer[l].weight_ih, begin, of_inputs);
        if (embedded)
            clear_padding(n, of_inputs);
        if (normalised)
            normalise_row(n, INPUT_PRODUCTS, weights.gain[INPUT_PRODUCTS], weights.bias, products, NULL, step.gates);
        product_row(widths.products, 1, factors + 1, normalised ? begin : recurrent, normalised ? products : recurrent,
                    s->turned);
        if (normalised)
            normalise_row(n, RECURRENT_PRODUCTS, weights.gain[RECURRENT_PRODUCTS], recurrent, products, NULL,
                          recurrent);
    }
    cell_of(n)->forward(&step);
}

/* The input vector of the first layer. NULL for ids whose weights are looked up. */
static const real *step_input(const core_step *s)
{
    const core_network *n = s->network;
    if (n->input == CORE_VECTORS)
        return s->vector;
    if (n->input == CORE_IDS)
        return NULL;
    return (const real *)s->parameters + n->embedding + (size_t)s->id * (size_t)n->layer[0].inputs;
}

static bool step(const core_step *s)
{
    const core_network *n = s->network;
    const real *below = step_input(s);
    if (n->input == CORE_VECTORS && !all_finite(below, (size_t)n->layer[0].inputs))
        return false;
    for (int64_t l = 0; l < n->layers; l++) {
        step_layer(s, l, below);
        below = (const real *)s->next_state + state_at(n, l);
    }
    if (s->outputs) {
        real *out = s->workspace;
        decode(n, s->packed, 1, below, out, s->turned);
        memcpy(s->outputs, out, (size_t)n->output_size * sizeof *out);
    }
    return all_finite(s->next_state, (size_t)cell_of(n)->info.state_parts * state_at(n, n->layers));
}

/*
 * Decodes row by row. This gives the same bits, since a row's outputs don't depend on how many rows are decoded
 * together.
 */
static void decode_state(const core_network *n, const void *packed, const void *state, int64_t streams, void *memory,
                         void *outputs)
{
    size_t stride = round_up((size_t)n->hidden_size), rows = (size_t)streams, width = (size_t)n->output_size;
    const real *h = (const real *)state + (size_t)(n->layers - 1) * rows * stride;
    for (size_t b = 0; b < rows; b++) {
        decode(n, packed, 1, h + b * stride, memory, false);
        memcpy((real *)outputs + b * width, memory, width * sizeof(real));
    }
}

#endif
