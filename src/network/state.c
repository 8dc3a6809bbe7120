/*
 * state.c: the state that a model carries from chunk to chunk.
 */
#include "network/state.h"

#include "base/memory.h"
#include "base/names.h"

#include <inttypes.h>
#include <string.h>

rnn_status rnn_state_create(const rnn_model *model, int64_t streams, rnn_state **state)
{
    RNN_REQUIRE(model);
    RNN_TRY(librnn_check_range("streams", streams, 1, STREAMS_MOST));
    RNN_REQUIRE(state);
    rnn_state *s;
    RNN_TRY(librnn_allocate("a state", 1, sizeof *s, (void **)&s));
    s->shape = librnn_model_shape(model);
    s->element_size = model->element_size;
    s->streams = streams;
    s->parts = (size_t)model->core->cell(model->options.cell)->state_parts;
    s->stride = model->core->state_stride(model->options.hidden_size);
    if (__builtin_mul_overflow(s->parts * (size_t)rnn_stack_of(&s->shape), (size_t)streams, &s->count) ||
        __builtin_mul_overflow(s->count, s->stride, &s->count))
        s->count = SIZE_MAX;
    rnn_status status = librnn_allocate("a state", s->count, s->element_size, &s->values);
    if (status == RNN_OK && s->shape.learned_state)
        status = librnn_allocate("a state", (size_t)streams, 1, (void **)&s->fresh);
    if (status == RNN_OK && s->fresh)
        memset(s->fresh, 1, (size_t)streams);
    if (status == RNN_OK)
        *state = s;
    else
        rnn_state_destroy(s);
    return status;
}

void rnn_state_destroy(rnn_state *state)
{
    if (!state)
        return;
    librnn_release(state->values);
    librnn_release(state->fresh);
    librnn_release(state->activations.memory);
    librnn_release(state->gradient_norms.memory);
    librnn_release(state->kept.memory);
    librnn_release(state);
}

rnn_status librnn_state_grow(const char *purpose, growing *memory, size_t size)
{
    if (size <= memory->size)
        return RNN_OK;
    void *larger;
    RNN_TRY(librnn_allocate(purpose, size, 1, &larger));
    if (memory->size > 0)
        memcpy(larger, memory->memory, memory->size);
    librnn_release(memory->memory);
    memory->memory = larger;
    memory->size = size;
    return RNN_OK;
}

rnn_status librnn_state_commit(rnn_state *state, const rnn_model *model, const void *next, const int64_t *lengths)
{
    if (!state->shape.core->all_finite(next, state->count))
        return librnn_model_fail_nonfinite(model, "the state after the chunk is not finite");
    memcpy(state->values, next, state->count * state->element_size);
    if (state->fresh)
        for (int64_t b = 0; b < state->streams; b++)
            state->fresh[b] = state->fresh[b] && lengths && lengths[b] == 0;
    return RNN_OK;
}

rnn_status librnn_state_check_model(const rnn_state *state, const rnn_model *model)
{
    if (rnn_state_fits(state, model))
        return RNN_OK;
    model_shape shape = librnn_model_shape(model);
    return librnn_model_check_shape("the state", &state->shape, &shape, true);
}

int64_t rnn_state_streams(const rnn_state *state)
{
    return state ? state->streams : 0;
}

rnn_status rnn_state_reset(rnn_state *state)
{
    RNN_REQUIRE(state);
    memset(state->values, 0, state->count * state->element_size);
    if (state->fresh)
        memset(state->fresh, 1, (size_t)state->streams);
    return RNN_OK;
}

/* The address of the values of one part, layer and stream. */
static char *values_at(const rnn_state *state, size_t part, int64_t layer, int64_t stream)
{
    size_t row = (part * (size_t)rnn_stack_of(&state->shape) + (size_t)layer) * (size_t)state->streams + (size_t)stream;
    return (char *)state->values + row * state->stride * state->element_size;
}

static void clear_stream(rnn_state *state, int64_t stream)
{
    for (size_t part = 0; part < state->parts; part++)
        for (int64_t l = 0; l < rnn_stack_of(&state->shape); l++)
            memset(values_at(state, part, l, stream), 0, state->stride * state->element_size);
}

rnn_status rnn_state_reset_stream(rnn_state *state, int64_t stream)
{
    RNN_REQUIRE(state);
    RNN_TRY(librnn_check_range("stream", stream, 0, state->streams - 1));
    clear_stream(state, stream);
    if (state->fresh)
        state->fresh[stream] = 1;
    return RNN_OK;
}

static bool is_fresh(const rnn_state *state, int64_t stream)
{
    return state->fresh && state->fresh[stream];
}

/* Begins all streams. The values of streams that hadn't begun become zeros; the caller then sets some of them. */
static void begin_with_zeros(rnn_state *state)
{
    if (!state->fresh)
        return;
    for (int64_t b = 0; b < state->streams; b++) {
        if (state->fresh[b])
            clear_stream(state, b);
        state->fresh[b] = 0;
    }
}

void librnn_state_begin(rnn_state *state, const rnn_model *model)
{
    size_t bytes = (size_t)state->shape.hidden_size * state->element_size;
    if (!state->fresh)
        return;
    for (int64_t l = 0; l < model->network.layers; l++) {
        const size_t initial[] = {model->layers[l].initial_h, model->layers[l].initial_c};
        for (size_t part = 0; part < state->parts; part++)
            for (int64_t b = 0; b < state->streams; b++)
                if (state->fresh[b])
                    memcpy(values_at(state, part, l, b), rnn_model_at_const(model, model->parameters, initial[part]),
                           bytes);
    }
}

rnn_status rnn_state_copy(rnn_state *destination, const rnn_state *source)
{
    RNN_REQUIRE(destination);
    RNN_REQUIRE(source);
    RNN_TRY(librnn_model_check_shape("destination", &destination->shape, &source->shape, true));
    if (destination->streams != source->streams)
        return librnn_fail(RNN_ERROR_MISMATCH, "destination has %" PRId64 " stream%s; source has %" PRId64,
                           destination->streams, rnn_plural((uint64_t)destination->streams), source->streams);
    memmove(destination->values, source->values, source->count * source->element_size);
    if (source->fresh)
        memmove(destination->fresh, source->fresh, (size_t)source->streams);
    return RNN_OK;
}

rnn_status rnn_state_copy_stream(rnn_state *destination, int64_t destination_stream, const rnn_state *source,
                                 int64_t source_stream)
{
    RNN_REQUIRE(destination);
    RNN_REQUIRE(source);
    RNN_TRY(librnn_check_range("destination_stream", destination_stream, 0, destination->streams - 1));
    RNN_TRY(librnn_check_range("source_stream", source_stream, 0, source->streams - 1));
    RNN_TRY(librnn_model_check_shape("destination", &destination->shape, &source->shape, true));
    for (size_t part = 0; part < source->parts; part++)
        for (int64_t l = 0; l < rnn_stack_of(&source->shape); l++)
            memmove(values_at(destination, part, l, destination_stream), values_at(source, part, l, source_stream),
                    source->stride * source->element_size);
    if (source->fresh)
        destination->fresh[destination_stream] = source->fresh[source_stream];
    return RNN_OK;
}

static rnn_status check_values(const rnn_state *state, int64_t layer, int32_t what, const void *values, int64_t count)
{
    RNN_REQUIRE(state);
    RNN_TRY(librnn_check_range("layer", layer, 0, rnn_stack_of(&state->shape) - 1));
    RNN_TRY(librnn_check_enumerator("what", what, librnn_state_parts));
    if (what >= (int32_t)state->parts)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "what is RNN_STATE_MEMORY (1); it must be RNN_STATE_HIDDEN (0), since %s has no memory",
                           librnn_name_of(librnn_cells, state->shape.cell));
    RNN_REQUIRE(values);
    int64_t own = state->streams * state->shape.hidden_size;
    if (count == own)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "count is %" PRId64 "; streams times hidden_size is %" PRId64, count, own);
}

/* Copies a stream's values of one layer and part. They are zeros if the stream hasn't begun. */
static void copy_values(const rnn_state *state, const void *from, int64_t stream, void *values)
{
    size_t bytes = (size_t)state->shape.hidden_size * state->element_size;
    if (is_fresh(state, stream))
        memset(values, 0, bytes);
    else
        memcpy(values, from, bytes);
}

rnn_status rnn_state_get(const rnn_state *state, int64_t layer, int32_t what, void *values, int64_t count)
{
    RNN_TRY(check_values(state, layer, what, values, count));
    size_t row = (size_t)state->shape.hidden_size * state->element_size;
    for (int64_t b = 0; b < state->streams; b++)
        copy_values(state, values_at(state, (size_t)what, layer, b), b, (char *)values + (size_t)b * row);
    return RNN_OK;
}

rnn_status rnn_state_set(rnn_state *state, int64_t layer, int32_t what, const void *values, int64_t count)
{
    RNN_TRY(check_values(state, layer, what, values, count));
    size_t bad_index, row = (size_t)state->shape.hidden_size * state->element_size;
    double bad;
    if (librnn_find_nonfinite(state->shape.core, state->shape.precision, values, (size_t)count, &bad_index, &bad))
        return librnn_fail(RNN_ERROR_ARGUMENT, "values[%zu] is %g; all values of layer %" PRId64 " must be finite",
                           bad_index, bad, layer);
    begin_with_zeros(state);
    for (int64_t b = 0; b < state->streams; b++)
        memcpy(values_at(state, (size_t)what, layer, b), (const char *)values + (size_t)b * row, row);
    return RNN_OK;
}

static rnn_status check_all(const rnn_state *state, const void *values, int64_t count)
{
    RNN_REQUIRE(state);
    RNN_REQUIRE(values);
    int64_t own = (int64_t)state->parts * rnn_stack_of(&state->shape) * state->streams * state->shape.hidden_size;
    if (count == own)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "count is %" PRId64 "; the state has %" PRId64 " value%s", count, own,
                       rnn_plural((uint64_t)own));
}

rnn_status rnn_state_get_all(const rnn_state *state, void *values, int64_t count)
{
    RNN_TRY(check_all(state, values, count));
    size_t row = (size_t)state->shape.hidden_size * state->element_size,
           rows = (size_t)count * state->element_size / row;
    for (size_t i = 0; i < rows; i++)
        copy_values(state, (char *)state->values + i * state->stride * state->element_size, (int64_t)i % state->streams,
                    (char *)values + i * row);
    return RNN_OK;
}

rnn_status rnn_state_set_all(rnn_state *state, const void *values, int64_t count)
{
    RNN_TRY(check_all(state, values, count));
    size_t bad_index, row = (size_t)state->shape.hidden_size * state->element_size,
                      rows = (size_t)count * state->element_size / row;
    double bad;
    if (librnn_find_nonfinite(state->shape.core, state->shape.precision, values, (size_t)count, &bad_index, &bad))
        return librnn_fail(RNN_ERROR_ARGUMENT, "values[%zu] is %g; it must be finite", bad_index, bad);
    begin_with_zeros(state);
    for (size_t i = 0; i < rows; i++)
        memcpy((char *)state->values + i * state->stride * state->element_size, (const char *)values + i * row, row);
    return RNN_OK;
}

uint64_t rnn_state_random_index(const rnn_state *state)
{
    return state ? state->random_index : 0;
}

rnn_status rnn_state_set_random_index(rnn_state *state, uint64_t index)
{
    RNN_REQUIRE(state);
    if (index >= RANDOM_INDEX_END)
        return librnn_fail(RNN_ERROR_ARGUMENT, "index is %" PRIu64 "; it must be less than 2^54", index);
    state->random_index = index;
    return RNN_OK;
}

/* ---- Observing --------------------------------------------------------------------------------------------------- */

rnn_status rnn_state_observe(rnn_state *state, int32_t what)
{
    RNN_REQUIRE(state);
    if (what < 0 || what > RNN_OBSERVE_ACTIVATIONS + RNN_OBSERVE_GRADIENT_NORMS)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "what is %" PRId32 "; it must be 0, RNN_OBSERVE_ACTIVATIONS (1), RNN_OBSERVE_GRADIENT_NORMS "
                           "(2) or their sum",
                           what);
    state->observe = what;
    state->activation_steps = state->norm_steps = 0;
    return RNN_OK;
}

rnn_status rnn_state_get_activations(const rnn_state *state, int64_t layer, void *values, int64_t count)
{
    RNN_REQUIRE(state);
    RNN_TRY(librnn_check_range("layer", layer, 0, rnn_stack_of(&state->shape) - 1));
    RNN_REQUIRE(values);
    if (state->activation_steps == 0)
        return librnn_fail(
            RNN_ERROR_ARGUMENT,
            "the state has no activations to give; choose them with rnn_state_observe(), then run a chunk");
    int64_t own = state->activation_steps * state->streams * state->shape.hidden_size;
    if (count != own)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "count is %" PRId64 "; the layer had %" PRId64 " activation%s in the last chunk", count, own,
                           rnn_plural((uint64_t)own));
    size_t bytes = (size_t)own * state->element_size;
    memcpy(values, (const char *)state->activations.memory + (size_t)layer * bytes, bytes);
    return RNN_OK;
}

rnn_status rnn_state_get_gradient_norms(const rnn_state *state, int64_t layer, double *norms, int64_t count)
{
    RNN_REQUIRE(state);
    RNN_TRY(librnn_check_range("layer", layer, 0, rnn_stack_of(&state->shape) - 1));
    RNN_REQUIRE(norms);
    if (state->norm_steps == 0)
        return librnn_fail(
            RNN_ERROR_ARGUMENT,
            "the state has no gradient norms to give; choose them with rnn_state_observe(), then run a chunk");
    if (count != state->norm_steps)
        return librnn_fail(RNN_ERROR_ARGUMENT, "count is %" PRId64 "; the last chunk had %" PRId64 " step%s", count,
                           state->norm_steps, rnn_plural((uint64_t)state->norm_steps));
    memcpy(norms, (const double *)state->gradient_norms.memory + layer * count, (size_t)count * sizeof *norms);
    return RNN_OK;
}
