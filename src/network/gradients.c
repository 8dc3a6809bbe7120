/*
 * gradients.c: operations on all gradients of a model, and the list of symbols that have a gradient.
 */
#include "network/model.h"

#include "base/float_mode.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

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

void librnn_model_find_used_rows(rnn_model *model)
{
    for (int64_t row = 0; row < model->row_count; row++) {
        const char *bytes = rnn_model_at(model, model->gradients, (size_t)row * model->row_size);
        size_t size = model->row_size * model->element_size;
        const int32_t id = (int32_t)row;
        if (bytes[0] != 0 || memcmp(bytes, bytes + 1, size - 1) != 0) /* not all bytes are 0 */
            librnn_model_use_rows(model, &id, 1);
    }
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
            /* formula: clip-norm-squares */
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
    *factor = limit / (*norm + 1e-6); /* formula: clip-norm */
    return RNN_OK;
}

static RNN_FLOAT_BODY rnn_status clip_norm(rnn_model *model, double limit, double *norm)
{
    double factor = 1, length = 0;
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
