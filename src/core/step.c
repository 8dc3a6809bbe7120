/*
 * step.c: one step of one stream, forward: what a program that runs live asks for. The same products and cells in the
 * same order as forward.c, so the same bits, without anything that only many steps or streams need.
 */
#include "arena.h"
#include "cell.h"

/* gates = the biases and the products with what comes from below; ids have their weights looked up */
static void step_inputs(const core_step *s, const gate_widths *widths, int64_t l, const forward_layer_weights *weights,
                        const real *below, real *gates)
{
    const core_network *n = s->network;
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden);
    if (has_input_product(n, l)) {
        product_row(widths->all, (size_t)n->layer[l].inputs, below, weights->ih, weights->bias, gates);
        return;
    }
    const real *row =
        (const real *)s->parameters + n->layer[l].weight_ih + (size_t)s->id * widths->all / stride * hidden;
    for (size_t g = 0; g < widths->all / stride; g++)
        add_weights(hidden, stride, row + g * hidden, weights->bias + g * stride, gates + g * stride);
}

static void step_layer(const core_step *s, const step_workspace *w, int64_t l, const real *below)
{
    const core_network *n = s->network;
    forward_layer_weights weights = forward_layer_at(n, l, s->packed);
    gate_widths widths = widths_of(n);
    size_t hidden = (size_t)n->hidden_size, stride = round_up(hidden), at = (size_t)l * stride;
    size_t memory = (size_t)n->layers * stride;
    cell_step step = {.streams = 1,
                      .width = stride,
                      .gates = w->gates,
                      .apart = w->apart,
                      .h_prev = (const real *)s->state + at,
                      .h = (real *)s->next_state + at,
                      .c_prev = (const real *)s->state + memory + at,
                      .c = (real *)s->next_state + memory + at};
    step_inputs(s, &widths, l, &weights, below, w->gates);
    product_row(widths.joint, hidden, step.h_prev, weights.hh, w->gates, w->gates);
    if (widths.apart > 0)
        product_row(widths.apart, hidden, step.h_prev, weights.hh_apart, weights.bias_apart, w->apart);
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

static void step(const core_step *s)
{
    const core_network *n = s->network;
    arena memory = {.base = s->workspace};
    step_workspace w = take_step(&memory, n);
    const real *below = step_input(s);
    for (int64_t l = 0; l < n->layers; l++) {
        step_layer(s, &w, l, below);
        below = (const real *)s->next_state + (size_t)l * round_up((size_t)n->hidden_size);
    }
    if (!s->outputs)
        return;
    decoder_weights decoder = decoder_at(n, s->packed);
    product_row(round_up((size_t)n->output_size), (size_t)n->hidden_size, below, decoder.forward, decoder.bias, w.out);
    memcpy(s->outputs, w.out, (size_t)n->output_size * sizeof *w.out);
}
