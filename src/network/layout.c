/*
 * layout.c: lists a model's parameters and computes their offsets in the flat buffers.
 */
#include "network/model.h"

#include "base/memory.h"
#include "base/names.h"
#include "network/cache.h"
#include "network/cpu.h"
#include "network/options.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    PARAMETERS_OF_A_LAYER = 8, /* maximum */
    OTHER_PARAMETERS = 3,
};

/* lay_out() casts the header's numbers to the core's enumerations. */
_Static_assert((int)CORE_IDS == RNN_INPUT_IDS && (int)CORE_EMBEDDED_IDS == RNN_INPUT_EMBEDDING &&
                   (int)CORE_VECTORS == RNN_INPUT_VECTORS,
               "core_input numbers the inputs as the header does");
_Static_assert((int)CORE_TANH == RNN_CELL_TANH && (int)CORE_GRU == RNN_CELL_GRU && (int)CORE_LSTM == RNN_CELL_LSTM,
               "core_cell_number numbers the cells as the header does");
_Static_assert(sizeof librnn_cells / sizeof *librnn_cells == CORE_CELLS + 1, "each cell of the core has its name");
_Static_assert((int)CORE_CROSS_ENTROPY == RNN_LOSS_CROSS_ENTROPY && (int)CORE_SQUARED_ERROR == RNN_LOSS_SQUARED_ERROR,
               "core_loss numbers the losses as the header does");

/* Appends a parameter and returns its offset. */
static size_t add_parameter(rnn_model *model, named_parameter p)
{
    p.offset = model->count;
    p.rank = rnn_role_is_vector(p.role) ? 1 : 2;
    model->named[model->named_count++] = p;
    size_t own;
    if (!rnn_size_multiply((uint64_t)p.rows, (uint64_t)p.columns, &own) ||
        !rnn_size_add(model->count, own, &model->count) || model->count > PTRDIFF_MAX / model->element_size)
        model->too_large = true;
    return p.offset;
}

/* Appends a parameter with a name such as "rnn.weight_ih_l0". */
static size_t add_layer_parameter(rnn_model *model, const char *name, int64_t layer, named_parameter p)
{
    int64_t directions = rnn_options_directions(&model->options);
    snprintf(p.name, sizeof p.name, "rnn.%s_l%" PRId64 "%s", name, layer / directions,
             layer % directions ? "_reverse" : "");
    return add_parameter(model, p);
}

static core_layer lay_out_layer(rnn_model *model, int64_t l, const core_cell_info *cell)
{
    const rnn_model_options *o = &model->options;
    int64_t hidden = o->hidden_size, gates = cell->gates * hidden;
    bool lowest = l < rnn_options_directions(o);
    int64_t inputs = !lowest                           ? rnn_options_features(o)
                     : o->input == RNN_INPUT_EMBEDDING ? o->embedding_size
                                                       : o->input_size;
    named_parameter input = {.role = ROLE_WEIGHT, .rows = gates, .columns = inputs};
    named_parameter recurrent = {.role = ROLE_RECURRENT_WEIGHT, .rows = gates, .columns = hidden};
    named_parameter bias = {.role = ROLE_BIAS, .rows = gates, .columns = 1}, first_bias = bias;
    input.by_column = lowest && o->input == RNN_INPUT_IDS;
    if (cell->forget_gate >= 0)
        first_bias.role = ROLE_FORGET_BIAS;
    named_parameter gain = {.role = ROLE_GAIN, .rows = gates, .columns = 1};
    named_parameter initial = {.role = ROLE_INITIAL_STATE, .rows = hidden, .columns = 1};
    core_layer layer = {.inputs = inputs,
                        .bias_hh = CORE_NONE,
                        .initial_h = CORE_NONE,
                        .initial_c = CORE_NONE,
                        .gain_ih = CORE_NONE,
                        .gain_hh = CORE_NONE};
    layer.weight_ih = add_layer_parameter(model, "weight_ih", l, input);
    layer.weight_hh = add_layer_parameter(model, "weight_hh", l, recurrent);
    layer.bias_ih = add_layer_parameter(model, "bias_ih", l, first_bias);
    if (o->bias == RNN_BIAS_BOTH)
        layer.bias_hh = add_layer_parameter(model, "bias_hh", l, bias);
    if (o->learned_state)
        layer.initial_h = add_layer_parameter(model, "initial_h", l, initial);
    if (o->learned_state && cell->state_parts > 1)
        layer.initial_c = add_layer_parameter(model, "initial_c", l, initial);
    if (o->layer_norm) {
        layer.gain_ih = add_layer_parameter(model, "norm_ih", l, gain);
        layer.gain_hh = add_layer_parameter(model, "norm_hh", l, gain);
    }
    return layer;
}

/* Gives each parameter its name and its offset in the flat buffers. */
static void lay_out(rnn_model *model, const core_cell_info *cell)
{
    const rnn_model_options *o = &model->options;
    core_network *n = &model->network;
    *n = (core_network){
        .cell = o->cell,
        .input = (core_input)o->input,
        .loss = (core_loss)o->loss,
        .hidden_size = o->hidden_size,
        .output_size = o->output_size,
        .layers = o->layers * rnn_options_directions(o),
        .directions = rnn_options_directions(o),
        .dropout = {.input = o->dropout_input,
                    .between = o->dropout,
                    .output = o->dropout_output,
                    .candidate = o->dropout_recurrent,
                    .per_chunk = o->dropout_per_chunk},
        .layer = model->layers,
        .embedding = CORE_NONE,
    };
    named_parameter embedding = {"embedding.weight", ROLE_EMBEDDING, .rows = o->input_size,
                                 .columns = o->embedding_size};
    named_parameter weight = {"decoder.weight", ROLE_WEIGHT, .rows = o->output_size,
                              .columns = rnn_options_features(o)};
    named_parameter bias = {"decoder.bias", ROLE_BIAS, .rows = o->output_size, .columns = 1};
    if (o->input == RNN_INPUT_EMBEDDING)
        n->embedding = add_parameter(model, embedding);
    for (int64_t l = 0; l < n->layers; l++)
        model->layers[l] = lay_out_layer(model, l, cell);
    n->decoder_weight = o->tied ? n->embedding : add_parameter(model, weight);
    n->decoder_bias = add_parameter(model, bias);
    if (o->input != RNN_INPUT_VECTORS) {
        model->row_count = o->input_size;
        model->row_size = (size_t)(o->input == RNN_INPUT_EMBEDDING ? o->embedding_size : cell->gates * o->hidden_size);
    }
    model->multiplied = model->count - (o->tied ? 0 : model->row_size * (size_t)model->row_count);
    model->any_row_used = o->tied;
}

rnn_status librnn_model_lay_out(const rnn_model_options *o, rnn_model **model)
{
    RNN_TRY(librnn_options_check(o));
    const rnn_core *core;
    RNN_TRY(librnn_cpu_core(o->precision, &core));
    const core_cell_info *cell = core->cell(o->cell);

    rnn_model *m;
    RNN_TRY(librnn_allocate("a model", 1, sizeof *m, (void **)&m));
    m->options = librnn_options_effective(o, cell);
    m->core = core;
    m->element_size = o->precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double);
    size_t layers = (size_t)(o->layers * rnn_options_directions(o));
    rnn_status status = librnn_allocate("a model's layers", layers, sizeof *m->layers, (void **)&m->layers);
    if (status != RNN_OK)
        goto failed;
    status = librnn_allocate("a model's parameter names", PARAMETERS_OF_A_LAYER * layers + OTHER_PARAMETERS,
                             sizeof *m->named, (void **)&m->named);
    if (status != RNN_OK)
        goto failed;
    status = librnn_cache_create(&m->cache);
    if (status != RNN_OK)
        goto failed;
    lay_out(m, cell);
    if (m->too_large) {
        status = librnn_fail(RNN_ERROR_MEMORY,
                             "hidden_size is %" PRId64 ", input_size is %" PRId64 ", output_size is %" PRId64
                             " and layers is %" PRId64 "; the parameters are too large for the address space",
                             o->hidden_size, o->input_size, o->output_size, o->layers);
        goto failed;
    }
    core->plan(&m->network, m->layers);
    *model = m;
    return RNN_OK;

failed:
    rnn_model_destroy(m);
    return status;
}
