/*
 * step.c: one step of one stream, forward: what a program that runs live asks for. The same products and cells in the
 * same order as forward.c, so the same bits, without anything that only many steps or streams need.
 */
#include "cell.h"

/* Where a layer's part of a state begins, in reals; what follows of the state is c. */
static size_t state_at(const core_network *n, int64_t l)
{
    return (size_t)l * round_up((size_t)n->hidden_size);
}

/* gates = the biases and the input weights of an id, which stand together */
static void step_id(const core_step *s, const gate_widths *widths, const real *bias, real *gates)
{
    const core_network *n = s->network;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden), groups = widths->all / stride;
    const real *row = (const real *)s->parameters + n->layer[0].weight_ih + (size_t)s->id * groups * hidden;
    for (size_t g = 0; g < groups; g++)
        add_weights(hidden, stride, row + g * hidden, bias + g * stride, gates + g * stride);
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
                      .apart = (real *)s->workspace + widths.all,
                      .h_prev = (const real *)s->state + at,
                      .h = (real *)s->next_state + at,
                      .c_prev = (const real *)s->state + c + at,
                      .c = (real *)s->next_state + c + at};
    row_factors factors[] = {{(size_t)n->layer[l].inputs, below, weights.ih}, {hidden, step.h_prev, weights.hh}};
    if (!has_input_product(n, l)) {
        step_id(s, &widths, weights.bias, step.gates);
        product_row(widths.joint, 1, factors + 1, step.gates, step.gates, s->turned);
    } else if (widths.apart == 0) {
        product_row(widths.all, 2, factors, weights.bias, step.gates, s->turned);
    } else {
        product_row(widths.all, 1, factors, weights.bias, step.gates, s->turned);
        product_row(widths.joint, 1, factors + 1, step.gates, step.gates, s->turned);
    }
    if (widths.apart > 0)
        product_row(widths.apart, 1, &(row_factors){hidden, step.h_prev, weights.hh_apart}, weights.bias_apart,
                    step.apart, s->turned);
    cell_of(n)->forward(&step);
}

/* The numbers that go into the first layer; NULL for ids whose weights are looked up */
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
        decoder_weights decoder = decoder_at(n, s->packed);
        real *out = s->workspace;
        product_row(round_up((size_t)n->output_size), 1,
                    &(row_factors){(size_t)n->hidden_size, below, decoder.forward}, decoder.bias, out, s->turned);
        memcpy(s->outputs, out, (size_t)n->output_size * sizeof *out);
    }
    return all_finite(s->next_state, (size_t)cell_of(n)->info.parts * state_at(n, n->layers));
}
