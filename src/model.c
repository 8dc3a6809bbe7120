/*
 * model.c: what a network is, its parameters and their gradients.
 */
#include "model.h"

#include "cache.h"
#include "cpu.h"
#include "float_mode.h"
#include "memory.h"
#include "names.h"
#include "random.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    HIDDEN_MOST = 1 << 20,
    EMBEDDING_MOST = 1 << 20,
    LAYERS_MOST = 1 << 10,
    PARAMETERS_OF_A_LAYER = 8, /* at most */
    OTHER_PARAMETERS = 3,
};

/* lay_out() casts the one to the other. */
_Static_assert((int)CORE_IDS == RNN_INPUT_IDS && (int)CORE_EMBEDDED_IDS == RNN_INPUT_EMBEDDING &&
                   (int)CORE_VECTORS == RNN_INPUT_VECTORS,
               "core_input numbers the inputs as the header does");
_Static_assert((int)CORE_TANH == RNN_CELL_TANH && (int)CORE_GRU == RNN_CELL_GRU && (int)CORE_LSTM == RNN_CELL_LSTM,
               "core_cell_number numbers the cells as the header does");
_Static_assert((int)CORE_CROSS_ENTROPY == RNN_LOSS_CROSS_ENTROPY && (int)CORE_SQUARED_ERROR == RNN_LOSS_SQUARED_ERROR,
               "core_loss numbers the losses as the header does");

/* The structs' sizes in the release that they first came with. */
enum {
    OPTIONS_FIRST_SIZE = offsetof(rnn_model_options, seed) + sizeof(uint64_t),
    PARAMETER_FIRST_SIZE = offsetof(rnn_parameter, gradient) + sizeof(void *),
};

static const rnn_model_options default_options = {
    .struct_size = sizeof(rnn_model_options),
    .hidden_size = 100,
    .layers = 1,
    .cell = RNN_CELL_TANH,
    .precision = RNN_FLOAT32,
    .reduction = RNN_REDUCTION_SUM,
    .weight_scale = 0.01,
};

rnn_status rnn_model_options_init(rnn_model_options *options, size_t struct_size)
{
    return librnn_struct_init("model_options", options, struct_size, &default_options, OPTIONS_FIRST_SIZE,
                              sizeof default_options);
}

/* ---- Creation ---------------------------------------------------------------------------------------------------- */

static int64_t directions_of(const rnn_model_options *o)
{
    return 1 + o->bidirectional;
}

/* What a level of layers hands on */
static int64_t features_of(const rnn_model_options *o)
{
    return o->hidden_size * directions_of(o);
}

static rnn_status check_embedding(const rnn_model_options *o)
{
    if (o->input == RNN_INPUT_EMBEDDING)
        RNN_TRY(librnn_check_range("embedding_size", o->embedding_size, 1, EMBEDDING_MOST));
    else if (o->embedding_size != 0)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "embedding_size is %" PRId64 "; it must be 0 unless input is RNN_INPUT_EMBEDDING",
                           o->embedding_size);
    if (!o->tied)
        return RNN_OK;
    if (o->input != RNN_INPUT_EMBEDDING || o->embedding_size != features_of(o) || o->output_size != o->input_size)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "tied is %" PRId32 "; it needs input to be RNN_INPUT_EMBEDDING, embedding_size (%" PRId64
                           ") equal to %shidden_size (%" PRId64 "), and output_size (%" PRId64
                           ") equal to input_size (%" PRId64 ")",
                           o->tied, o->embedding_size, o->bidirectional ? "twice " : "", features_of(o), o->output_size,
                           o->input_size);
    return RNN_OK;
}

static rnn_status check_probability(const char *name, double p)
{
    return rnn_is_share(p) ? RNN_OK
                           : librnn_fail(RNN_ERROR_ARGUMENT, "%s is %g; it must be 0 or more and less than 1", name, p);
}

static rnn_status check_options(const rnn_model_options *o)
{
    RNN_TRY(librnn_check_range("input_size", o->input_size, 1, SYMBOLS_MOST));
    RNN_TRY(librnn_check_range("bidirectional", o->bidirectional, 0, 1));
    RNN_TRY(librnn_check_range("learned_state", o->learned_state, 0, 1));
    RNN_TRY(librnn_check_range("layer_norm", o->layer_norm, 0, 1));
    RNN_TRY(librnn_check_range("reserved", o->reserved, 0, 0));
    RNN_TRY(librnn_check_range("hidden_size", o->hidden_size, 1, HIDDEN_MOST / directions_of(o)));
    RNN_TRY(librnn_check_range("output_size", o->output_size, 1, SYMBOLS_MOST));
    RNN_TRY(librnn_check_range("layers", o->layers, 1, LAYERS_MOST / directions_of(o)));
    RNN_TRY(librnn_check_enumerator("cell", o->cell, librnn_cells));
    RNN_TRY(librnn_check_enumerator("precision", o->precision, librnn_precisions));
    RNN_TRY(librnn_check_enumerator("reduction", o->reduction, librnn_reductions));
    RNN_TRY(librnn_check_enumerator("input", o->input, librnn_inputs));
    RNN_TRY(librnn_check_enumerator("loss", o->loss, librnn_losses));
    RNN_TRY(librnn_check_enumerator("bias", o->bias, librnn_biases));
    RNN_TRY(librnn_check_enumerator("initialization", o->initialization, librnn_initializations));
    RNN_TRY(librnn_check_range("dropout_per_chunk", o->dropout_per_chunk, 0, 1));
    RNN_TRY(check_embedding(o));
    RNN_TRY(librnn_check_number("weight_scale", o->weight_scale, false));
    if (!rnn_is_finite(o->forget_bias))
        return librnn_fail(RNN_ERROR_ARGUMENT, "forget_bias is %g; it must be finite", o->forget_bias);
    RNN_TRY(check_probability("dropout", o->dropout));
    RNN_TRY(check_probability("dropout_input", o->dropout_input));
    RNN_TRY(check_probability("dropout_output", o->dropout_output));
    return check_probability("dropout_recurrent", o->dropout_recurrent);
}

/* The options with the default in place of each that has no effect beside the others. */
static rnn_model_options effective(const rnn_model_options *options, const core_cell_info *cell)
{
    rnn_model_options o = *options;
    if (o.layers == 1)
        o.dropout = default_options.dropout;
    if (o.input == RNN_INPUT_IDS)
        o.dropout_input = default_options.dropout_input;
    if (!cell->candidate)
        o.dropout_recurrent = default_options.dropout_recurrent;
    if (rnn_order(o.dropout) == 0 && rnn_order(o.dropout_input) == 0 && rnn_order(o.dropout_output) == 0 &&
        rnn_order(o.dropout_recurrent) == 0)
        o.dropout_per_chunk = default_options.dropout_per_chunk;
    if (o.initialization == RNN_INIT_UNIFORM)
        o.weight_scale = default_options.weight_scale;
    if (cell->forget_gate < 0)
        o.forget_bias = default_options.forget_bias;
    return o;
}

/* A program that sets an option without effect expects something else of the model than it would get. */
static rnn_status check_effect(const rnn_model_options *given, const rnn_model_options *used)
{
    if (rnn_order(given->dropout) != rnn_order(used->dropout))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "dropout is %g; it must be 0 with one layer, since it acts between layers alone",
                           given->dropout);
    if (rnn_order(given->dropout_input) != rnn_order(used->dropout_input))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "dropout_input is %g; it must be 0 with RNN_INPUT_IDS, since ids have no elements to drop",
                           given->dropout_input);
    if (rnn_order(given->dropout_recurrent) != rnn_order(used->dropout_recurrent))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "dropout_recurrent is %g; it must be 0, since a cell of %s has no candidate",
                           given->dropout_recurrent, librnn_name_of(librnn_cells, given->cell));
    if (given->dropout_per_chunk != used->dropout_per_chunk)
        return librnn_fail(RNN_ERROR_ARGUMENT, "dropout_per_chunk is 1; it must be 0, since there is no dropout");
    if (rnn_order(given->weight_scale) != rnn_order(used->weight_scale))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "weight_scale is %g; it must stay at its default, %g, with RNN_INIT_UNIFORM, which has no "
                           "use for it",
                           given->weight_scale, used->weight_scale);
    if (rnn_order(given->forget_bias) != rnn_order(used->forget_bias))
        return librnn_fail(RNN_ERROR_ARGUMENT, "forget_bias is %g; it must be 0, since a cell of %s has no forget gate",
                           given->forget_bias, librnn_name_of(librnn_cells, given->cell));
    return RNN_OK;
}

static bool is_vector(parameter_role role)
{
    return role == ROLE_BIAS || role == ROLE_FORGET_BIAS || role == ROLE_INITIAL_STATE || role == ROLE_GAIN;
}

/* Appends a parameter and returns its offset. */
static size_t add_parameter(rnn_model *model, named_parameter p)
{
    p.offset = model->count;
    p.rank = is_vector(p.role) ? 1 : 2;
    model->named[model->named_count++] = p;
    size_t own;
    if (!rnn_size_multiply((uint64_t)p.rows, (uint64_t)p.columns, &own) ||
        !rnn_size_add(model->count, own, &model->count) || model->count > PTRDIFF_MAX / model->element_size)
        model->too_large = true;
    return p.offset;
}

/* "rnn.weight_ih_l0" and so on */
static size_t add_layer_parameter(rnn_model *model, const char *name, int64_t layer, named_parameter p)
{
    int64_t directions = directions_of(&model->options);
    snprintf(p.name, sizeof p.name, "rnn.%s_l%" PRId64 "%s", name, layer / directions,
             layer % directions ? "_reverse" : "");
    return add_parameter(model, p);
}

static core_layer lay_out_layer(rnn_model *model, int64_t l, const core_cell_info *cell)
{
    const rnn_model_options *o = &model->options;
    int64_t hidden = o->hidden_size, gates = cell->gates * hidden;
    bool lowest = l < directions_of(o);
    int64_t inputs = !lowest ? features_of(o) : o->input == RNN_INPUT_EMBEDDING ? o->embedding_size : o->input_size;
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
    if (o->learned_state && cell->parts > 1)
        layer.initial_c = add_layer_parameter(model, "initial_c", l, initial);
    if (o->layer_norm) {
        layer.gain_ih = add_layer_parameter(model, "norm_ih", l, gain);
        layer.gain_hh = add_layer_parameter(model, "norm_hh", l, gain);
    }
    return layer;
}

/* Gives each parameter its name and its place in the flat buffers. */
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
        .layers = o->layers * directions_of(o),
        .directions = directions_of(o),
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
    named_parameter weight = {"decoder.weight", ROLE_WEIGHT, .rows = o->output_size, .columns = features_of(o)};
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

static void put_number(const rnn_model *model, size_t place, double value)
{
    if (model->options.precision == RNN_FLOAT32)
        ((float *)model->parameters)[place] = (float)value;
    else
        ((double *)model->parameters)[place] = value;
}

/* How element `index` (row-major) of parameter n begins: whatever its place in memory, or its precision. */
static double initial_value(const rnn_model_options *o, parameter_role role, int64_t n, int64_t index)
{
    uint64_t stream = (uint64_t)n, at = (uint64_t)index;
    if (role == ROLE_INITIAL_STATE || role == ROLE_GAIN)
        return role == ROLE_GAIN;
    if (o->initialization == RNN_INIT_NORMAL)
        return is_vector(role) ? 0 : o->weight_scale * librnn_random_normal(o->seed, stream, at);
    if (role == ROLE_EMBEDDING && !o->tied)
        return librnn_random_normal(o->seed, stream, at);
    return (2 * librnn_random_uniform(o->seed, stream, at) - 1) / sqrt((double)o->hidden_size);
}

/* The dot product of two rows, by four sums side by side. */
static double dot(const double *a, const double *b, int64_t count)
{
    double sum[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (int j = 0; j < 4; j++)
            sum[j] += a[i + j] * b[i + j];
    for (; i < count; i++)
        sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Makes the rows of a random matrix orthonormal: Gram and Schmidt's process in its modified form. */
static void orthogonalise(double *rows, int64_t size)
{
    for (int64_t i = 0; i < size; i++) {
        double *row = rows + i * size, length = sqrt(dot(row, row, size));
        for (int64_t j = 0; j < size; j++)
            row[j] /= length;
        for (int64_t k = i + 1; k < size; k++) {
            double *other = rows + k * size, share = dot(row, other, size);
            for (int64_t j = 0; j < size; j++)
                other[j] -= share * row[j];
        }
    }
}

/* Random orthogonal matrices for each gate of recurrent weights. */
static rnn_status initialise_orthogonal(rnn_model *model, const named_parameter *p, int64_t n)
{
    int64_t hidden = p->columns, block = hidden * hidden;
    double *rows;
    RNN_TRY(librnn_allocate("orthogonal weights", (size_t)block, sizeof *rows, (void **)&rows));
    for (int64_t gate = 0; gate < p->rows / hidden; gate++) {
        for (int64_t i = 0; i < block; i++)
            rows[i] = librnn_random_normal(model->options.seed, (uint64_t)n, (uint64_t)(gate * block + i));
        orthogonalise(rows, hidden);
        for (int64_t i = 0; i < block; i++)
            put_number(model, p->offset + (size_t)(gate * block + i), rows[i]);
    }
    librnn_release(rows);
    return RNN_OK;
}

static RNN_FLOAT_BODY rnn_status initialise_all(rnn_model *model, int forget_gate)
{
    const rnn_model_options *o = &model->options;
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        if (p->role == ROLE_RECURRENT_WEIGHT && o->orthogonal) {
            RNN_TRY(initialise_orthogonal(model, p, n));
            continue;
        }
        for (int64_t i = 0; i < p->rows; i++) {
            bool forgets = p->role == ROLE_FORGET_BIAS && i / o->hidden_size == forget_gate;
            for (int64_t j = 0; j < p->columns; j++)
                put_number(model, rnn_model_place(p, i, j),
                           initial_value(o, p->role, n, i * p->columns + j) + (forgets ? o->forget_bias : 0));
        }
    }
    return RNN_OK;
}

static rnn_status initialise(rnn_model *model, int forget_gate)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = initialise_all(model, forget_gate);
    rnn_float_leave(mode);
    return status;
}

rnn_status librnn_model_read_options(const rnn_model_options *given, rnn_model_options *options)
{
    rnn_model_options read = default_options;
    RNN_TRY(librnn_struct_read("model_options", given, &read, OPTIONS_FIRST_SIZE, sizeof read));
    *options = read;
    return RNN_OK;
}

rnn_status librnn_model_lay_out(const rnn_model_options *o, rnn_model **model)
{
    RNN_TRY(check_options(o));
    const rnn_core *core;
    RNN_TRY(librnn_cpu_core(o->precision, &core));
    const core_cell_info *cell = core->cell(o->cell);

    rnn_model *m;
    RNN_TRY(librnn_allocate("a model", 1, sizeof *m, (void **)&m));
    m->options = effective(o, cell);
    m->core = core;
    m->element_size = o->precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double);
    size_t layers = (size_t)(o->layers * directions_of(o));
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
                             " and layers is %" PRId64 ": these are more parameters than can be addressed",
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

rnn_status librnn_model_allocate(rnn_model *model)
{
    return librnn_allocate("a model's parameters", model->count, model->element_size, &model->parameters);
}

/* Gives a model that is laid out its initial parameters. */
static rnn_status begin(rnn_model *model)
{
    const rnn_model_options *o = &model->options;
    RNN_TRY(librnn_model_allocate(model));
    RNN_TRY(initialise(model, model->core->cell(o->cell)->forget_gate));
    if (model->core->all_finite(model->parameters, model->count))
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT,
                       "weight_scale is %g and forget_bias is %g; initial parameters as large as these are infinite in "
                       "%s",
                       o->weight_scale, o->forget_bias, librnn_name_of(librnn_precisions, o->precision));
}

rnn_status rnn_model_create(const rnn_model_options *options, rnn_model **model)
{
    rnn_model_options read;
    RNN_TRY(librnn_model_read_options(options, &read));
    RNN_REQUIRE(model);
    rnn_model *m;
    RNN_TRY(librnn_model_lay_out(&read, &m));
    rnn_status status = check_effect(&read, &m->options);
    if (status == RNN_OK)
        status = begin(m);
    if (status == RNN_OK)
        *model = m;
    else
        rnn_model_destroy(m);
    return status;
}

rnn_status rnn_model_copy(const rnn_model *model, rnn_model **copy)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(copy);
    rnn_model *m;
    RNN_TRY(librnn_model_lay_out(&model->options, &m));
    rnn_status status = librnn_model_allocate(m);
    if (status == RNN_OK)
        status = librnn_notes_copy(&model->notes, &m->notes);
    if (status != RNN_OK) {
        rnn_model_destroy(m);
        return status;
    }
    memcpy(m->parameters, model->parameters, model->count * model->element_size);
    memcpy(m->named, model->named, (size_t)model->named_count * sizeof *m->named);
    m->frozen_count = model->frozen_count;
    *copy = m;
    return RNN_OK;
}

static RNN_FLOAT_BODY void average(rnn_model *average, const rnn_model *model, double weight)
{
    average->core->blend(average->parameters, model->parameters, model->count, weight);
    librnn_cache_invalidate(average);
}

rnn_status rnn_model_average(rnn_model *average_model, const rnn_model *model, double weight)
{
    RNN_TRY(librnn_check_pointer("average", average_model));
    RNN_REQUIRE(model);
    model_shape own = librnn_model_shape(average_model), other = librnn_model_shape(model);
    RNN_TRY(librnn_model_check_shape("average", &own, &other, false));
    if (!(rnn_order(weight) >= 0 && rnn_order(weight) <= rnn_order(1)))
        return librnn_fail(RNN_ERROR_ARGUMENT, "weight is %g; it must be 0 to 1", weight);
    float_mode mode = rnn_float_enter();
    average(average_model, model, weight);
    rnn_float_leave(mode);
    return RNN_OK;
}

void rnn_model_destroy(rnn_model *model)
{
    if (!model)
        return;
    librnn_release(model->layers);
    librnn_release(model->named);
    librnn_release(model->parameters);
    librnn_release(model->gradients);
    librnn_release(model->used);
    librnn_release(model->used_rows);
    librnn_notes_destroy(&model->notes);
    librnn_cache_destroy(model->cache);
    librnn_release(model);
}

rnn_status rnn_model_get_options(const rnn_model *model, rnn_model_options *options)
{
    RNN_REQUIRE(model);
    return librnn_struct_write("model_options", options, &model->options, OPTIONS_FIRST_SIZE, sizeof model->options);
}

model_shape librnn_model_shape(const rnn_model *model)
{
    const rnn_model_options *o = &model->options;
    return (model_shape){.core = model->core,
                         .cell = o->cell,
                         .precision = o->precision,
                         .input = o->input,
                         .bias = o->bias,
                         .tied = o->tied != 0,
                         .input_size = o->input_size,
                         .hidden_size = o->hidden_size,
                         .output_size = o->output_size,
                         .layers = o->layers,
                         .embedding_size = o->embedding_size,
                         .bidirectional = o->bidirectional,
                         .learned_state = o->learned_state,
                         .layer_norm = o->layer_norm};
}

rnn_model_options librnn_model_shape_options(const model_shape *shape)
{
    rnn_model_options o = default_options;
    o.cell = shape->cell;
    o.precision = shape->precision;
    o.input = shape->input;
    o.bias = shape->bias;
    o.tied = shape->tied;
    o.input_size = shape->input_size;
    o.hidden_size = shape->hidden_size;
    o.output_size = shape->output_size;
    o.layers = shape->layers;
    o.embedding_size = shape->embedding_size;
    o.bidirectional = shape->bidirectional;
    o.learned_state = shape->learned_state;
    o.layer_norm = shape->layer_norm;
    return o;
}

static rnn_status check_same(const char *who, const char *what, int64_t own, int64_t other)
{
    if (own == other)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_MISMATCH, "%s was made for a model whose %s is %" PRId64 "; here it is %" PRId64, who,
                       what, own, other);
}

static rnn_status check_same_name(const char *who, const char *what, const enumerator *table, int32_t own,
                                  int32_t other)
{
    if (own == other)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_MISMATCH, "%s was made for a model whose %s is %s; here it is %s", who, what,
                       librnn_name_of(table, own), librnn_name_of(table, other));
}

rnn_status librnn_model_check_shape(const char *who, const model_shape *own, const model_shape *other, bool layers_only)
{
    RNN_TRY(check_same_name(who, "cell", librnn_cells, own->cell, other->cell));
    RNN_TRY(check_same_name(who, "precision", librnn_precisions, own->precision, other->precision));
    RNN_TRY(check_same(who, "hidden_size", own->hidden_size, other->hidden_size));
    RNN_TRY(check_same(who, "layers", own->layers, other->layers));
    RNN_TRY(check_same(who, "bidirectional", own->bidirectional, other->bidirectional));
    RNN_TRY(check_same(who, "learned_state", own->learned_state, other->learned_state));
    if (layers_only && own->core != other->core)
        return librnn_fail(RNN_ERROR_MISMATCH, "%s was made for another instruction set than the model uses", who);
    if (layers_only)
        return RNN_OK;
    RNN_TRY(check_same(who, "input_size", own->input_size, other->input_size));
    RNN_TRY(check_same(who, "output_size", own->output_size, other->output_size));
    RNN_TRY(check_same_name(who, "input", librnn_inputs, own->input, other->input));
    RNN_TRY(check_same(who, "embedding_size", own->embedding_size, other->embedding_size));
    RNN_TRY(check_same(who, "tied", own->tied, other->tied));
    RNN_TRY(check_same(who, "layer_norm", own->layer_norm, other->layer_norm));
    return check_same_name(who, "bias", librnn_biases, own->bias, other->bias);
}

/* ---- Parameters by name ------------------------------------------------------------------------------------------ */

rnn_status rnn_parameter_init(rnn_parameter *parameter, size_t struct_size)
{
    const rnn_parameter empty = {.struct_size = sizeof empty};
    return librnn_struct_init("parameter", parameter, struct_size, &empty, PARAMETER_FIRST_SIZE, sizeof empty);
}

int64_t rnn_model_parameter_count(const rnn_model *model)
{
    return model ? model->named_count : 0;
}

/* "index is 9; it must be 0 to 4" */
static rnn_status find_by_index(const rnn_model *model, int64_t index, const named_parameter **parameter)
{
    RNN_REQUIRE(model);
    RNN_TRY(librnn_check_range("index", index, 0, model->named_count - 1));
    *parameter = &model->named[index];
    return RNN_OK;
}

rnn_status rnn_model_describe_parameter(const rnn_model *model, int64_t index, rnn_parameter *parameter)
{
    const named_parameter *p;
    RNN_TRY(find_by_index(model, index, &p));
    rnn_parameter about = {
        .struct_size = sizeof about,
        .name = p->name,
        .shape = {p->rows, p->columns},
        .count = p->rows * p->columns,
        .rank = p->rank,
        .precision = model->options.precision,
        .values = rnn_model_at(model, model->parameters, p->offset),
        .gradient = model->gradients ? rnn_model_at(model, model->gradients, p->offset) : NULL,
        .frozen = p->frozen,
    };
    rnn_model_strides(p, about.strides);
    return librnn_struct_write("parameter", parameter, &about, PARAMETER_FIRST_SIZE, sizeof about);
}

rnn_status rnn_model_freeze(rnn_model *model, int64_t index, int32_t frozen)
{
    const named_parameter *p;
    RNN_TRY(find_by_index(model, index, &p));
    RNN_TRY(librnn_check_range("frozen", frozen, 0, 1));
    model->frozen_count += frozen - p->frozen;
    model->named[index].frozen = frozen;
    return RNN_OK;
}

rnn_status rnn_model_find_parameter(const rnn_model *model, const char *name, int64_t *index)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(name);
    RNN_REQUIRE(index);
    for (int64_t i = 0; i < model->named_count; i++)
        if (strcmp(model->named[i].name, name) == 0) {
            *index = i;
            return RNN_OK;
        }
    return librnn_fail(RNN_ERROR_ARGUMENT, "name is \"%.100s\"; the model has no such parameter", name);
}

/* "count is 5; decoder.bias has 65" */
static rnn_status check_values(const rnn_model *model, int64_t index, const void *values, int64_t count,
                               const named_parameter **p)
{
    RNN_TRY(find_by_index(model, index, p));
    RNN_REQUIRE(values);
    int64_t own = (*p)->rows * (*p)->columns;
    if (count == own)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "count is %" PRId64 "; %s has %" PRId64 " element%s", count, (*p)->name, own,
                       rnn_plural((uint64_t)own));
}

/* Between a place in a flat buffer and a row-major array of the caller's */
static void copy_out(const rnn_model *model, const named_parameter *p, void *buffer, char *values)
{
    if (!p->by_column) {
        memcpy(values, rnn_model_at(model, buffer, p->offset), (size_t)(p->rows * p->columns) * model->element_size);
        return;
    }
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++, values += model->element_size)
            memcpy(values, rnn_model_at(model, buffer, rnn_model_place(p, i, j)), model->element_size);
}

rnn_status rnn_model_get_parameter(const rnn_model *model, int64_t index, void *values, int64_t count)
{
    const named_parameter *p;
    RNN_TRY(check_values(model, index, values, count, &p));
    copy_out(model, p, model->parameters, values);
    return RNN_OK;
}

rnn_status rnn_model_get_gradient(const rnn_model *model, int64_t index, void *values, int64_t count)
{
    const named_parameter *p;
    RNN_TRY(check_values(model, index, values, count, &p));
    if (model->gradients)
        copy_out(model, p, model->gradients, values);
    else
        memset(values, 0, (size_t)count * model->element_size);
    return RNN_OK;
}

static void copy_in(const rnn_model *model, const named_parameter *p, void *buffer, const char *values)
{
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++, values += model->element_size)
            memcpy(rnn_model_at(model, buffer, rnn_model_place(p, i, j)), values, model->element_size);
}

static rnn_status check_finite_values(const rnn_model *model, int64_t index, const void *values, int64_t count,
                                      const named_parameter **p)
{
    RNN_TRY(check_values(model, index, values, count, p));
    if (model->core->all_finite(values, (size_t)count))
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "values holds a number that is not finite, for %s", (*p)->name);
}

rnn_status rnn_model_set_parameter(rnn_model *model, int64_t index, const void *values, int64_t count)
{
    const named_parameter *p;
    RNN_TRY(check_finite_values(model, index, values, count, &p));
    copy_in(model, p, model->parameters, values);
    librnn_cache_invalidate(model);
    return RNN_OK;
}

static RNN_FLOAT_BODY rnn_status check_finite(const rnn_model *model)
{
    if (model->core->all_finite(model->parameters, model->count))
        return RNN_OK;
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        for (int64_t i = 0; i < p->rows; i++)
            for (int64_t j = 0; j < p->columns; j++) {
                double value = rnn_model_number(model, model->parameters, rnn_model_place(p, i, j));
                if (!isfinite(value) && p->rank == 1)
                    return librnn_fail(RNN_ERROR_NONFINITE, "%s[%" PRId64 "] is %g", p->name, i, value);
                if (!isfinite(value))
                    return librnn_fail(RNN_ERROR_NONFINITE, "%s[%" PRId64 "][%" PRId64 "] is %g", p->name, i, j, value);
            }
    }
    return RNN_OK;
}

rnn_status librnn_model_fail_nonfinite(const rnn_model *model, const char *what, ...)
{
    char begin[256];
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(begin, sizeof begin, what, arguments);
    va_end(arguments);
    bool vectors = model->options.input == RNN_INPUT_VECTORS || model->options.loss == RNN_LOSS_SQUARED_ERROR;
    const char *advice = vectors ? "lower the learning rate, clip the gradients or scale the vectors down"
                                 : "lower the learning rate or clip the gradients";
    if (check_finite(model) == RNN_OK)
        return librnn_fail(RNN_ERROR_NONFINITE, "%s, although all parameters are finite; %s", begin, advice);
    return librnn_fail(RNN_ERROR_NONFINITE, "%s, and the parameter %s; go back to a saved model, then %s", begin,
                       rnn_last_error(), advice);
}

rnn_status rnn_model_check_finite(const rnn_model *model)
{
    RNN_REQUIRE(model);
    float_mode mode = rnn_float_enter();
    rnn_status status = check_finite(model);
    rnn_float_leave(mode);
    return status;
}

rnn_status rnn_model_flat_parameters(const rnn_model *model, const void **values, int64_t *count)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(values);
    RNN_REQUIRE(count);
    *values = model->parameters;
    *count = (int64_t)model->count;
    return RNN_OK;
}

/* ---- Gradients --------------------------------------------------------------------------------------------------- */

rnn_status librnn_model_need_gradients(rnn_model *model)
{
    if (model->gradients)
        return RNN_OK;
    if (!model->used)
        RNN_TRY(librnn_allocate("a model's gradients", (size_t)model->row_count, sizeof *model->used,
                                (void **)&model->used));
    if (!model->used_rows)
        RNN_TRY(librnn_allocate("a model's gradients", (size_t)model->row_count, sizeof *model->used_rows,
                                (void **)&model->used_rows));
    return librnn_allocate("a model's gradients", model->count, model->element_size, &model->gradients);
}

void librnn_model_use_rows(rnn_model *model, const int32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!model->used[ids[i]]) {
            model->used[ids[i]] = true;
            model->used_rows[model->used_count++] = ids[i];
        }
}

void librnn_model_unuse_rows(rnn_model *model)
{
    for (int64_t i = 0; i < model->used_count; i++)
        model->used[model->used_rows[i]] = false;
    model->used_count = 0;
}

bool librnn_model_next_span(const rnn_model *model, model_span *span)
{
    size_t rows_end = model->row_size * (size_t)model->row_count;
    if (span->all || model->any_row_used || model->used_count > model->row_count / 2) {
        span->offset = 0;
        span->count = model->count;
        return span->index++ == 0;
    }
    if (span->index > model->used_count)
        return false;
    if (span->index == model->used_count) {
        span->offset = rows_end;
        span->count = model->count - rows_end;
    } else {
        span->offset = (size_t)model->used_rows[span->index] * model->row_size;
        span->count = model->row_size;
    }
    span->index++;
    return true;
}

bool librnn_model_find_part(const rnn_model *model, const model_span *span, bool biases, model_part *part)
{
    size_t end = span->offset + span->count, at = part->count > 0 ? part->offset + part->count : span->offset;
    int64_t n = 0;
    if (at == end)
        return false;
    part->offset = at;
    while (n + 1 < model->named_count && model->named[n + 1].offset <= at)
        n++;
    size_t next = n + 1 < model->named_count ? model->named[n + 1].offset : model->count;
    part->count = (next < end ? next : end) - at;
    part->frozen = model->named[n].frozen;
    part->bias = biases && model->named[n].rank == 1;
    return true;
}

const char *librnn_model_name_at(const rnn_model *model, size_t offset)
{
    int64_t n = model->named_count - 1;
    while (n > 0 && model->named[n].offset > offset)
        n--;
    return model->named[n].name;
}

/* Finds the symbols whose rows have a gradient. */
static void find_used_rows(rnn_model *model)
{
    for (int64_t row = 0; row < model->row_count; row++) {
        const char *bytes = rnn_model_at(model, model->gradients, (size_t)row * model->row_size);
        size_t size = model->row_size * model->element_size;
        const int32_t id = (int32_t)row;
        if (bytes[0] != 0 || memcmp(bytes, bytes + 1, size - 1) != 0) /* not all zeros */
            librnn_model_use_rows(model, &id, 1);
    }
}

rnn_status rnn_model_set_gradient(rnn_model *model, int64_t index, const void *values, int64_t count)
{
    const named_parameter *p;
    RNN_TRY(check_finite_values(model, index, values, count, &p));
    RNN_TRY(librnn_model_need_gradients(model));
    copy_in(model, p, model->gradients, values);
    if (p->offset < model->row_size * (size_t)model->row_count)
        find_used_rows(model);
    return RNN_OK;
}

rnn_status rnn_model_flat_gradients(rnn_model *model, void **gradients, int64_t *count)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(gradients);
    RNN_REQUIRE(count);
    RNN_TRY(librnn_model_need_gradients(model));
    model->any_row_used = true;
    *gradients = model->gradients;
    *count = (int64_t)model->count;
    return RNN_OK;
}

rnn_status rnn_model_zero_gradients(rnn_model *model)
{
    RNN_REQUIRE(model);
    if (!model->gradients)
        return RNN_OK;
    for (model_span s = {0}; librnn_model_next_span(model, &s);)
        memset(rnn_model_at(model, model->gradients, s.offset), 0, s.count * model->element_size);
    librnn_model_unuse_rows(model);
    return RNN_OK;
}

static RNN_FLOAT_BODY void clip_value(rnn_model *model, double limit)
{
    for (model_span s = {0}; librnn_model_next_span(model, &s);)
        model->core->clip(rnn_model_at(model, model->gradients, s.offset), s.count, limit);
}

rnn_status rnn_model_clip_value(rnn_model *model, double limit)
{
    RNN_REQUIRE(model);
    RNN_TRY(librnn_check_number("limit", limit, true));
    if (!model->gradients)
        return RNN_OK;
    float_mode mode = rnn_float_enter();
    clip_value(model, limit);
    rnn_float_leave(mode);
    return RNN_OK;
}

double librnn_model_gradient_squares(const rnn_model *model)
{
    double squares = 0;
    if (!model->gradients)
        return 0;
    for (model_span s = {0}; librnn_model_next_span(model, &s);)
        for (model_part p = {0}; rnn_model_next_part(model, &s, false, &p);)
            if (!p.frozen)
                squares += model->core->sum_of_squares(rnn_model_at(model, model->gradients, p.offset), p.count);
    return squares;
}

void librnn_model_scale_gradients(rnn_model *model, double factor)
{
    for (model_span s = {0}; librnn_model_next_span(model, &s);)
        for (model_part p = {0}; rnn_model_next_part(model, &s, false, &p);)
            if (!p.frozen)
                model->core->scale(rnn_model_at(model, model->gradients, p.offset), p.count, factor);
}

rnn_status librnn_model_norm_factor(const rnn_model *model, double limit, double *norm, double *factor)
{
    double squares = librnn_model_gradient_squares(model);
    if (!isfinite(squares))
        return librnn_model_fail_nonfinite(model, "the norm of the gradients is %g", sqrt(squares));
    *norm = sqrt(squares);
    *factor = limit / (*norm + 1e-6);
    return RNN_OK;
}

static RNN_FLOAT_BODY rnn_status clip_norm(rnn_model *model, double limit, double *norm)
{
    double factor, length;
    RNN_TRY(librnn_model_norm_factor(model, limit, &length, &factor));
    if (factor < 1)
        librnn_model_scale_gradients(model, factor);
    if (norm)
        *norm = length;
    return RNN_OK;
}

rnn_status rnn_model_clip_norm(rnn_model *model, double limit, double *norm)
{
    RNN_REQUIRE(model);
    RNN_TRY(librnn_check_number("limit", limit, true));
    float_mode mode = rnn_float_enter();
    rnn_status status = clip_norm(model, limit, norm);
    rnn_float_leave(mode);
    return status;
}
