/*
 * model.c: creates, copies, averages and destroys models.
 */
#include "network/model.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "network/cache.h"
#include "network/options.h"

#include <string.h>

rnn_status librnn_model_allocate(rnn_model *model)
{
    return librnn_allocate("a model's parameters", model->count, model->element_size, &model->parameters);
}

/* Allocates and initialises the parameters of a model that has been laid out. */
static rnn_status begin(rnn_model *model)
{
    const rnn_model_options *o = &model->options;
    RNN_TRY(librnn_model_allocate(model));
    RNN_TRY(librnn_model_initialise(model, model->core->cell(o->cell)->forget_gate));
    if (model->core->all_finite(model->parameters, model->count))
        return RNN_OK;
    return librnn_fail(
        RNN_ERROR_ARGUMENT,
        "weight_scale is %g and forget_bias is %g; with these, some initial parameters would be infinite in %s",
        o->weight_scale, o->forget_bias, librnn_name_of(librnn_precisions, o->precision));
}

rnn_status rnn_model_create(const rnn_model_options *options, rnn_model **model)
{
    rnn_model_options read;
    RNN_TRY(librnn_options_read(options, &read));
    RNN_REQUIRE(model);
    rnn_model *m;
    RNN_TRY(librnn_model_lay_out(&read, &m));
    rnn_status status = librnn_options_check_effect(&read, &m->options);
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
