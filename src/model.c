/*
 * model.c: what a network is, its parameters and their gradients.
 */
#include "model.h"

#include "cpu.h"
#include "memory.h"
#include "random.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    SYMBOLS_MOST = 1 << 24,
    HIDDEN_MOST = 1 << 20,
    LAYERS_MOST = 1 << 10,
};

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
    return rnn_struct_init("model_options", options, struct_size, &default_options, OPTIONS_FIRST_SIZE,
                           sizeof default_options);
}

/* ---- Creation ---------------------------------------------------------------------------------------------------- */

static rnn_status check_options(const rnn_model_options *o)
{
    RNN_TRY(rnn_check_range("input_size", o->input_size, 1, SYMBOLS_MOST));
    RNN_TRY(rnn_check_range("hidden_size", o->hidden_size, 1, HIDDEN_MOST));
    RNN_TRY(rnn_check_range("output_size", o->output_size, 1, SYMBOLS_MOST));
    RNN_TRY(rnn_check_range("layers", o->layers, 1, LAYERS_MOST));
    RNN_TRY(rnn_check_range("precision", o->precision, RNN_FLOAT32, RNN_FLOAT64));
    RNN_TRY(rnn_check_range("reduction", o->reduction, RNN_REDUCTION_SUM, RNN_REDUCTION_MEAN));
    RNN_TRY(rnn_check_range("reserved", o->reserved, 0, 0));
    return rnn_check_number("weight_scale", o->weight_scale, 0, false);
}

/* Appends a parameter and returns its offset. */
static size_t name_parameter(rnn_model *model, named_parameter p)
{
    p.offset = model->count;
    model->named[model->named_count++] = p;
    model->count += (size_t)p.rows * (size_t)p.columns;
    return p.offset;
}

static named_parameter layer_matrix(const char *name, int64_t layer, int64_t rows, int64_t columns, bool by_column)
{
    named_parameter p = {.rows = rows, .columns = columns, .rank = 2, .by_column = by_column, .random = true};
    snprintf(p.name, sizeof p.name, "rnn.%s_l%" PRId64, name, layer);
    return p;
}

static named_parameter layer_bias(const char *name, int64_t layer, int64_t rows)
{
    named_parameter p = {.rows = rows, .columns = 1, .rank = 1};
    snprintf(p.name, sizeof p.name, "rnn.%s_l%" PRId64, name, layer);
    return p;
}

/* Gives each parameter its name and its place in the flat buffers. */
static void lay_out(rnn_model *model, int gates)
{
    const rnn_model_options *o = &model->options;
    int64_t hidden = o->hidden_size;
    for (int64_t l = 0; l < o->layers; l++) {
        int64_t inputs = l == 0 ? o->input_size : hidden;
        model->layers[l] = (core_layer){
            .inputs = inputs,
            .weight_ih = name_parameter(model, layer_matrix("weight_ih", l, gates * hidden, inputs, l == 0)),
            .weight_hh = name_parameter(model, layer_matrix("weight_hh", l, gates * hidden, hidden, false)),
            .bias_ih = name_parameter(model, layer_bias("bias_ih", l, gates * hidden)),
        };
    }
    model->network = (core_network){
        .cell = o->cell,
        .hidden_size = hidden,
        .output_size = o->output_size,
        .layers = o->layers,
        .layer = model->layers,
        .decoder_weight = name_parameter(
            model,
            (named_parameter){
                .name = "decoder.weight", .rows = o->output_size, .columns = hidden, .rank = 2, .random = true}),
        .decoder_bias = name_parameter(
            model, (named_parameter){.name = "decoder.bias", .rows = o->output_size, .columns = 1, .rank = 1}),
    };
    model->row_size = (size_t)(gates * hidden);
    model->row_count = o->input_size;
}

/* How far apart neighbours along rows and columns are, in elements. */
static void strides_of(const named_parameter *p, int64_t strides[2])
{
    strides[0] = p->by_column ? 1 : p->columns;
    strides[1] = p->by_column ? p->rows : 1;
}

/* Element (i, j)'s place in the flat buffers */
static size_t place_of(const named_parameter *p, int64_t i, int64_t j)
{
    int64_t strides[2];
    strides_of(p, strides);
    return p->offset + (size_t)(i * strides[0] + j * strides[1]);
}

static void put_number(const rnn_model *model, size_t place, double value)
{
    if (model->options.precision == RNN_FLOAT32)
        ((float *)model->parameters)[place] = (float)value;
    else
        ((double *)model->parameters)[place] = value;
}

/* A number of its own for each element, whatever its place in memory or its precision. */
static void initialise(rnn_model *model)
{
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        if (!p->random)
            continue;
        for (int64_t i = 0; i < p->rows; i++)
            for (int64_t j = 0; j < p->columns; j++)
                put_number(model, place_of(p, i, j),
                           model->options.weight_scale *
                               rnn_random_normal(model->options.seed, (uint64_t)n, (uint64_t)(i * p->columns + j)));
    }
}

rnn_status rnn_model_create(const rnn_model_options *given, rnn_model **model)
{
    static atomic_uint_fast64_t serials;
    rnn_model_options options = default_options;
    RNN_TRY(rnn_struct_read("model_options", given, &options, OPTIONS_FIRST_SIZE, sizeof options));
    RNN_REQUIRE(model);
    RNN_TRY(check_options(&options));
    const rnn_core *core;
    RNN_TRY(rnn_cpu_core(options.precision, &core));
    const core_cell_info *cell = core->cell(options.cell);
    if (!cell)
        return rnn_fail(RNN_ERROR_ARGUMENT, "cell is %" PRId32 ", which is none of the RNN_CELL_ values", options.cell);

    rnn_model *m;
    RNN_TRY(rnn_allocate("a model", 1, sizeof *m, (void **)&m));
    m->options = options;
    m->core = core;
    m->element_size = options.precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double);
    m->serial = atomic_fetch_add(&serials, 1) + 1;
    rnn_status status =
        rnn_allocate("a model's layers", (size_t)options.layers, sizeof *m->layers, (void **)&m->layers);
    if (status != RNN_OK)
        goto failed;
    status =
        rnn_allocate("a model's parameter names", 3 * (size_t)options.layers + 2, sizeof *m->named, (void **)&m->named);
    if (status != RNN_OK)
        goto failed;
    lay_out(m, cell->gates);
    status = rnn_allocate("a model's parameters", m->count, m->element_size, &m->parameters);
    if (status != RNN_OK)
        goto failed;
    initialise(m);
    *model = m;
    return RNN_OK;

failed:
    rnn_model_destroy(m);
    return status;
}

void rnn_model_destroy(rnn_model *model)
{
    if (!model)
        return;
    rnn_release(model->layers);
    rnn_release(model->named);
    rnn_release(model->parameters);
    rnn_release(model->gradients);
    rnn_release(model->used);
    rnn_release(model->used_rows);
    rnn_release(model);
}

rnn_status rnn_model_get_options(const rnn_model *model, rnn_model_options *options)
{
    RNN_REQUIRE(model);
    return rnn_struct_write("model_options", options, &model->options, OPTIONS_FIRST_SIZE, sizeof model->options);
}

model_shape rnn_model_shape(const rnn_model *model)
{
    const rnn_model_options *o = &model->options;
    return (model_shape){.core = model->core,
                         .cell = o->cell,
                         .precision = o->precision,
                         .input_size = o->input_size,
                         .hidden_size = o->hidden_size,
                         .output_size = o->output_size,
                         .layers = o->layers};
}

static rnn_status check_same(const char *who, const char *what, int64_t own, int64_t other)
{
    if (own == other)
        return RNN_OK;
    return rnn_fail(RNN_ERROR_MISMATCH, "%s was made for a model whose %s is %" PRId64 "; this one's is %" PRId64, who,
                    what, own, other);
}

rnn_status rnn_model_check_shape(const char *who, const model_shape *own, const model_shape *other, bool only_layers)
{
    RNN_TRY(check_same(who, "cell", own->cell, other->cell));
    RNN_TRY(check_same(who, "precision", own->precision, other->precision));
    RNN_TRY(check_same(who, "hidden_size", own->hidden_size, other->hidden_size));
    RNN_TRY(check_same(who, "layers", own->layers, other->layers));
    if (only_layers && own->core != other->core)
        return rnn_fail(RNN_ERROR_MISMATCH, "%s was made for another instruction set than the model uses", who);
    if (only_layers)
        return RNN_OK;
    RNN_TRY(check_same(who, "input_size", own->input_size, other->input_size));
    return check_same(who, "output_size", own->output_size, other->output_size);
}

/* ---- Parameters by name ------------------------------------------------------------------------------------------ */

int64_t rnn_model_parameter_count(const rnn_model *model)
{
    return model ? model->named_count : 0;
}

/* "index is 9; it must be 0 to 4" */
static rnn_status find_by_index(const rnn_model *model, int64_t index, const named_parameter **parameter)
{
    RNN_REQUIRE(model);
    RNN_TRY(rnn_check_range("index", index, 0, model->named_count - 1));
    *parameter = &model->named[index];
    return RNN_OK;
}

rnn_status rnn_model_parameter(const rnn_model *model, int64_t index, rnn_parameter *parameter)
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
    };
    strides_of(p, about.strides);
    return rnn_struct_write("parameter", parameter, &about, PARAMETER_FIRST_SIZE, sizeof about);
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
    return rnn_fail(RNN_ERROR_ARGUMENT, "name is \"%.100s\"; the model has no such parameter", name);
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
    return rnn_fail(RNN_ERROR_ARGUMENT, "count is %" PRId64 "; %s has %" PRId64, count, (*p)->name, own);
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
            memcpy(values, rnn_model_at(model, buffer, place_of(p, i, j)), model->element_size);
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

rnn_status rnn_model_set_parameter(rnn_model *model, int64_t index, const void *values, int64_t count)
{
    const named_parameter *p;
    RNN_TRY(check_values(model, index, values, count, &p));
    if (!model->core->all_finite(values, (size_t)count))
        return rnn_fail(RNN_ERROR_ARGUMENT, "values holds a number that is not finite, for %s", p->name);
    const char *from = values;
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < p->columns; j++, from += model->element_size)
            memcpy(rnn_model_at(model, model->parameters, place_of(p, i, j)), from, model->element_size);
    model->version++;
    return RNN_OK;
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

rnn_status rnn_model_need_gradients(rnn_model *model)
{
    if (model->gradients)
        return RNN_OK;
    if (!model->used)
        RNN_TRY(
            rnn_allocate("a model's gradients", (size_t)model->row_count, sizeof *model->used, (void **)&model->used));
    if (!model->used_rows)
        RNN_TRY(rnn_allocate("a model's gradients", (size_t)model->row_count, sizeof *model->used_rows,
                             (void **)&model->used_rows));
    return rnn_allocate("a model's gradients", model->count, model->element_size, &model->gradients);
}

void rnn_model_use_rows(rnn_model *model, const int32_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!model->used[ids[i]]) {
            model->used[ids[i]] = true;
            model->used_rows[model->used_count++] = ids[i];
        }
}

void rnn_model_unuse_rows(rnn_model *model)
{
    for (int64_t i = 0; i < model->used_count; i++)
        model->used[model->used_rows[i]] = false;
    model->used_count = 0;
}

bool rnn_model_next_span(const rnn_model *model, model_span *span)
{
    size_t rows_end = model->row_size * (size_t)model->row_count;
    bool all = model->any_row_used || model->used_count > model->row_count / 2;
    if (all && span->index == 0) {
        *span = (model_span){.offset = 0, .count = model->count, .index = 1};
        return true;
    }
    if (all || span->index > model->used_count)
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

rnn_status rnn_model_flat_gradients(rnn_model *model, void **gradients, int64_t *count)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(gradients);
    RNN_REQUIRE(count);
    RNN_TRY(rnn_model_need_gradients(model));
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
    for (model_span s = {0}; rnn_model_next_span(model, &s);)
        memset(rnn_model_at(model, model->gradients, s.offset), 0, s.count * model->element_size);
    rnn_model_unuse_rows(model);
    return RNN_OK;
}

rnn_status rnn_model_clip_value(rnn_model *model, double limit)
{
    RNN_REQUIRE(model);
    RNN_TRY(rnn_check_number("limit", limit, 0, true));
    if (!model->gradients)
        return RNN_OK;
    for (model_span s = {0}; rnn_model_next_span(model, &s);)
        model->core->clip(rnn_model_at(model, model->gradients, s.offset), s.count, limit);
    return RNN_OK;
}
