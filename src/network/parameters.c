/*
 * parameters.c: access to a model's parameters by index and by name.
 */
#include "network/model.h"

#include "base/float_mode.h"
#include "base/names.h"
#include "network/cache.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The struct's size in the first release that had it. */
enum { PARAMETER_FIRST_SIZE = offsetof(rnn_parameter, gradient) + sizeof(void *) };

rnn_status rnn_parameter_init(rnn_parameter *parameter, size_t struct_size)
{
    const rnn_parameter empty = {.struct_size = sizeof empty};
    return librnn_struct_init("parameter", parameter, struct_size, &empty, PARAMETER_FIRST_SIZE, sizeof empty);
}

int64_t rnn_model_parameter_count(const rnn_model *model)
{
    return model ? model->named_count : 0;
}

/* Fails with a message such as "index is 9; it must be 0 to 4". */
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

/* Fails with a message such as "count is 5; decoder.bias has 65 elements". */
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

/* Copies a parameter from a flat buffer to the caller's row-major array. */
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

static RNN_FLOAT_BODY void find_nonfinite(int32_t precision, const void *values, size_t *index, double *value)
{
    *index = 0;
    while (isfinite(*value = rnn_number_of(precision, values, *index)))
        ++*index;
}

bool librnn_find_nonfinite(const rnn_core *core, int32_t precision, const void *values, size_t count, size_t *index,
                           double *value)
{
    if (core->all_finite(values, count))
        return false;
    float_mode mode = rnn_float_enter(); /* converting a signalling NaN must not trap */
    find_nonfinite(precision, values, index, value);
    rnn_float_leave(mode);
    return true;
}

static rnn_status check_finite_values(const rnn_model *model, int64_t index, const void *values, int64_t count,
                                      const named_parameter **p)
{
    RNN_TRY(check_values(model, index, values, count, p));
    size_t i;
    double bad;
    if (!librnn_find_nonfinite(model->core, model->options.precision, values, (size_t)count, &i, &bad))
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "values[%zu] is %g; all values of %s must be finite", i, bad, (*p)->name);
}

rnn_status rnn_model_set_parameter(rnn_model *model, int64_t index, const void *values, int64_t count)
{
    const named_parameter *p;
    RNN_TRY(check_finite_values(model, index, values, count, &p));
    copy_in(model, p, model->parameters, values);
    librnn_cache_invalidate(model);
    return RNN_OK;
}

rnn_status rnn_model_set_gradient(rnn_model *model, int64_t index, const void *values, int64_t count)
{
    const named_parameter *p;
    RNN_TRY(check_finite_values(model, index, values, count, &p));
    RNN_TRY(librnn_model_need_gradients(model));
    copy_in(model, p, model->gradients, values);
    if (p->offset < model->row_size * (size_t)model->row_count)
        librnn_model_find_used_rows(model);
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
