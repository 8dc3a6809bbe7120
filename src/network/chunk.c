/*
 * chunk.c: checks the chunk that a caller passes, and hides the positions after a stream's end.
 */
#include "network/chunk.h"

#include "base/memory.h"
#include "base/names.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

rnn_status rnn_chunk_init(rnn_chunk *chunk, size_t struct_size)
{
    const rnn_chunk empty = {.struct_size = sizeof empty};
    return librnn_struct_init("chunk", chunk, struct_size, &empty, RNN_CHUNK_FIRST_SIZE, sizeof empty);
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

rnn_status librnn_check_ids(const char *name, const int32_t *ids, size_t count, int32_t least, int64_t size)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] < least || ids[i] >= size)
            return librnn_fail(RNN_ERROR_SYMBOL, "%s[%zu] is %" PRId32 "; it must be 0 to %" PRId64 "%s", name, i,
                               ids[i], size - 1, least == RNN_IGNORE ? ", or RNN_IGNORE (-1)" : "");
    return RNN_OK;
}

/* Checks that rows of `width` numbers are finite. Rows whose mask is 0 are skipped. */
static rnn_status check_vectors(const rnn_model *model, const char *name, const void *vectors, size_t rows,
                                size_t width, const uint8_t *mask)
{
    if (rows > SIZE_MAX / sizeof(double) / width)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "%s has %zu rows of %zu number%s, which is too large for the address space", name, rows,
                           width, rnn_plural(width));
    if (!mask && model->core->all_finite(vectors, rows * width))
        return RNN_OK;
    for (size_t row = 0; row < rows; row++) {
        if (mask && !mask[row])
            continue;
        for (size_t i = row * width; i < (row + 1) * width; i++) {
            double value = rnn_model_number(model, vectors, i);
            if (!isfinite(value))
                return librnn_fail(RNN_ERROR_ARGUMENT, "%s[%zu] is %g; it must be finite", name, i, value);
        }
    }
    return RNN_OK;
}

/* A field must be NULL if the model takes the other kind of inputs or targets. */
static rnn_status check_absent(const char *name, const void *field, const char *why)
{
    return field ? librnn_fail(RNN_ERROR_ARGUMENT, "%s is not NULL; it must be NULL, since %s", name, why) : RNN_OK;
}

static rnn_status check_inputs(const rnn_model *model, const rnn_chunk *chunk, size_t rows)
{
    const rnn_model_options *o = &model->options;
    if (o->input == RNN_INPUT_VECTORS) {
        RNN_TRY(check_absent("chunk->inputs", chunk->inputs, "the model's inputs are vectors"));
        RNN_TRY(librnn_check_pointer("chunk->input_vectors", chunk->input_vectors));
        return check_vectors(model, "chunk->input_vectors", chunk->input_vectors, rows, (size_t)o->input_size, NULL);
    }
    RNN_TRY(check_absent("chunk->input_vectors", chunk->input_vectors, "the model's inputs are ids"));
    RNN_TRY(librnn_check_pointer("chunk->inputs", chunk->inputs));
    return librnn_check_ids("chunk->inputs", chunk->inputs, rows, 0, o->input_size);
}

static rnn_status check_targets(const rnn_model *model, const rnn_chunk *chunk, size_t rows)
{
    const rnn_model_options *o = &model->options;
    if (o->loss == RNN_LOSS_SQUARED_ERROR) {
        RNN_TRY(check_absent("chunk->targets", chunk->targets, "the model's targets are vectors"));
        RNN_TRY(check_absent("chunk->hits", chunk->hits, "the model's targets are vectors"));
        RNN_TRY(librnn_check_pointer("chunk->target_vectors", chunk->target_vectors));
        return check_vectors(model, "chunk->target_vectors", chunk->target_vectors, rows, (size_t)o->output_size,
                             chunk->target_mask);
    }
    RNN_TRY(check_absent("chunk->target_vectors", chunk->target_vectors, "the model's targets are ids"));
    RNN_TRY(check_absent("chunk->target_mask", chunk->target_mask, "the model's targets are ids"));
    RNN_TRY(librnn_check_pointer("chunk->targets", chunk->targets));
    return librnn_check_ids("chunk->targets", chunk->targets, rows, RNN_IGNORE, o->output_size);
}

static rnn_status check_lengths(const rnn_chunk *chunk)
{
    if (!chunk->lengths)
        return RNN_OK;
    for (int64_t b = 0; b < chunk->streams; b++)
        if (chunk->lengths[b] < 0 || chunk->lengths[b] > chunk->steps)
            return librnn_fail(RNN_ERROR_ARGUMENT,
                               "chunk->lengths[%" PRId64 "] is %" PRId64 "; it must be 0 to chunk->steps, %" PRId64, b,
                               chunk->lengths[b], chunk->steps);
    return RNN_OK;
}

/* ---- Streams of unequal length ----------------------------------------------------------------------------------- */

/*
 * Copies of the chunk's arrays in which the positions after a stream's end are harmless: input 0, a vector of zeros, no
 * target. The caller's arrays may hold anything there, so those positions are never read.
 */
typedef struct copies {
    int64_t *lengths; /* [B] */
    int32_t *inputs;
    char *input_vectors;
    int32_t *targets;
    uint8_t *target_mask;
} copies;

/* The number of rows of targets: one per position, or one per stream. */
static size_t target_rows(const rnn_chunk *chunk)
{
    return (size_t)(chunk->last_only ? chunk->streams : chunk->steps * chunk->streams);
}

/* Returns the next part of `memory`, or NULL if `memory` is NULL, and counts the bytes. */
static void *take_room(char *memory, size_t *used, size_t count, size_t size)
{
    char *start = memory ? memory + *used : NULL;
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || __builtin_add_overflow(bytes, sizeof(double) - 1, &bytes) ||
        __builtin_add_overflow(*used, bytes / sizeof(double) * sizeof(double), used))
        *used = SIZE_MAX / 2;
    return start;
}

static copies place_copies(const rnn_model *model, const rnn_chunk *chunk, char *memory, size_t *size)
{
    size_t rows = (size_t)(chunk->steps * chunk->streams), wanted = target_rows(chunk);
    copies c = {0};
    *size = 0;
    c.lengths = take_room(memory, size, (size_t)chunk->streams, sizeof *c.lengths);
    if (chunk->lengths && chunk->inputs)
        c.inputs = take_room(memory, size, rows, sizeof *c.inputs);
    if (chunk->lengths && chunk->input_vectors)
        c.input_vectors = take_room(memory, size, rows, (size_t)model->options.input_size * model->element_size);
    if (chunk->lengths && chunk->targets)
        c.targets = take_room(memory, size, wanted, sizeof *c.targets);
    if (chunk->lengths && chunk->target_vectors)
        c.target_mask = take_room(memory, size, wanted, 1);
    return c;
}

static void copy_position(const rnn_model *model, const rnn_chunk *from, const copies *to, size_t row, bool ended)
{
    size_t bytes = (size_t)model->options.input_size * model->element_size;
    if (to->inputs)
        to->inputs[row] = ended ? 0 : from->inputs[row];
    if (to->input_vectors && ended)
        memset(to->input_vectors + row * bytes, 0, bytes);
    else if (to->input_vectors)
        memcpy(to->input_vectors + row * bytes, (const char *)from->input_vectors + row * bytes, bytes);
}

static void copy_target(const rnn_chunk *from, const copies *to, size_t row, bool ended)
{
    if (to->targets)
        to->targets[row] = ended ? RNN_IGNORE : from->targets[row];
    if (to->target_mask)
        to->target_mask[row] = !ended && (!from->target_mask || from->target_mask[row]);
}

static void copy_all(const rnn_model *model, const rnn_chunk *from, const copies *to)
{
    size_t streams = (size_t)from->streams, rows = (size_t)from->steps * streams;
    for (size_t b = 0; b < streams; b++)
        // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): to->lengths is never NULL, and it doesn't alias `from`
        to->lengths[b] = from->lengths ? from->lengths[b] : from->steps;
    if (!from->lengths)
        return;
    for (size_t row = 0; row < rows; row++) {
        bool ended = (int64_t)(row / streams) >= from->lengths[row % streams];
        copy_position(model, from, to, row, ended);
        if (!from->last_only)
            copy_target(from, to, row, ended);
    }
    if (from->last_only)
        for (size_t b = 0; b < streams; b++)
            copy_target(from, to, b, from->lengths[b] == 0);
}

/* Replaces the chunk's arrays by copies. */
static rnn_status hide_padding(const rnn_model *model, rnn_chunk *chunk, void **memory)
{
    size_t size;
    place_copies(model, chunk, NULL, &size);
    RNN_TRY(librnn_allocate("a chunk of streams of unequal length", size, 1, memory));
    copies c = place_copies(model, chunk, *memory, &size);
    copy_all(model, chunk, &c);
    chunk->lengths = c.lengths;
    chunk->inputs = c.inputs ? c.inputs : chunk->inputs;
    chunk->input_vectors = c.input_vectors ? c.input_vectors : chunk->input_vectors;
    chunk->targets = c.targets ? c.targets : chunk->targets;
    chunk->target_mask = c.target_mask ? c.target_mask : chunk->target_mask;
    return RNN_OK;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* state: the state that the chunk runs on; or NULL. */
static rnn_status check_sizes(const rnn_model *model, const rnn_state *state, const rnn_chunk *chunk)
{
    RNN_TRY(librnn_check_range("chunk->steps", chunk->steps, 1, STEPS_MOST));
    RNN_TRY(librnn_check_range("chunk->streams", chunk->streams, 1, STREAMS_MOST));
    if (state)
        RNN_TRY(librnn_state_check_model(state, model));
    if (state && chunk->streams != state->streams)
        return librnn_fail(RNN_ERROR_MISMATCH, "chunk->streams is %" PRId64 "; the state has %" PRId64 " stream%s",
                           chunk->streams, state->streams, rnn_plural((uint64_t)state->streams));
    if ((uint64_t)(chunk->steps * chunk->streams) > SIZE_MAX / sizeof(double))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "steps times streams is %" PRId64 ", which is too large for the address space",
                           chunk->steps * chunk->streams);
    RNN_TRY(librnn_check_range("chunk->last_only", chunk->last_only, 0, 1));
    RNN_TRY(librnn_check_range("chunk->reserved", chunk->reserved, 0, 0));
    return check_lengths(chunk);
}

static void forget_targets(rnn_chunk *chunk)
{
    chunk->targets = NULL;
    chunk->target_vectors = NULL;
    chunk->target_mask = NULL;
}

/* state: the state that the chunk runs on. If it is NULL, the chunk isn't run, and its inputs may hold anything. */
static rnn_status read(const rnn_model *model, const rnn_state *state, const rnn_chunk *given, bool targets,
                       chunk_reading *reading)
{
    rnn_chunk *chunk = &reading->chunk;
    *reading = (chunk_reading){0};
    RNN_TRY(librnn_struct_read("chunk", given, chunk, RNN_CHUNK_FIRST_SIZE, sizeof *chunk));
    if (!state) {
        chunk->inputs = NULL;
        chunk->input_vectors = NULL;
    }
    RNN_TRY(check_sizes(model, state, chunk));
    targets = targets || chunk->losses || chunk->hits;
    if (!targets)
        forget_targets(chunk);
    if (chunk->lengths || chunk->last_only)
        RNN_TRY(hide_padding(model, chunk, &reading->memory));
    rnn_status status = state ? check_inputs(model, chunk, (size_t)(chunk->steps * chunk->streams)) : RNN_OK;
    if (status == RNN_OK && targets)
        status = check_targets(model, chunk, target_rows(chunk));
    if (status != RNN_OK)
        librnn_chunk_forget(reading);
    return status;
}

rnn_status librnn_chunk_read(const rnn_model *model, const rnn_state *state, const rnn_chunk *given, bool targets,
                             chunk_reading *reading)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(state);
    return read(model, state, given, targets, reading);
}

rnn_status librnn_chunk_read_targets(const rnn_model *model, const rnn_chunk *given, chunk_reading *reading)
{
    RNN_REQUIRE(model);
    return read(model, NULL, given, true, reading);
}

void librnn_chunk_forget(chunk_reading *reading)
{
    librnn_release(reading->memory);
    reading->memory = NULL;
}

rnn_chunk librnn_chunk_steps(const rnn_model *model, const rnn_chunk *chunk, int64_t first, int64_t count)
{
    int64_t row = first * chunk->streams, place = chunk->last_only ? 0 : row;
    rnn_chunk part = *chunk;
    part.steps = count;
    if (chunk->inputs)
        part.inputs = chunk->inputs + row;
    if (chunk->input_vectors)
        part.input_vectors = rnn_model_at_const(model, chunk->input_vectors, (size_t)(row * model->options.input_size));
    if (chunk->targets)
        part.targets = chunk->targets + place;
    if (chunk->target_vectors)
        part.target_vectors =
            rnn_model_at_const(model, chunk->target_vectors, (size_t)(place * model->options.output_size));
    if (chunk->target_mask)
        part.target_mask = chunk->target_mask + place;
    if (chunk->starts)
        part.starts = chunk->starts + row;
    if (chunk->losses)
        part.losses = chunk->losses + place;
    return part;
}

int64_t librnn_chunk_places(const rnn_chunk *chunk)
{
    return chunk->last_only ? chunk->streams : chunk->steps * chunk->streams;
}
