/*
 * checkpoint.c: saves and loads a whole training run in one file. This is a model's file with additional tensors and
 * texts of librnn's own. docs/files.md is the specification.
 *
 * It saves everything that influences the bits of later results. It doesn't save work space, packed weights, or
 * gradients that are all zero.
 */
#include "base/memory.h"
#include "base/names.h"
#include "network/optimizer.h"
#include "network/state.h"
#include "sampling/sampler.h"
#include "storage/metadata.h"
#include "storage/model_file.h"
#include "storage/structs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/*
 * The format number of the checkpoint's part of a file. A reader that doesn't know the number must not resume from the
 * file. Format 2 has features that version 0.1 would ignore: frozen parameters, averages, additional options of
 * optimizers and samplers, other kinds of dropout.
 */
enum { FIRST_FORMAT = 1, FORMAT = 2 };

enum {
    ARRAY_NAME_MOST = 40 + PARAMETER_NAME_MOST,
    TYPE_SHOWN = 20, /* maximum number of bytes of a type in an error message */
    PIECE = 1024,    /* rows read or written at a time */
};

static const char format_key[] = OWN_PREFIX "checkpoint", frozen_key[] = OWN_PREFIX "checkpoint.frozen";
static const char fresh_key[] = OWN_PREFIX "state.fresh";
static const char excluded_key[] = OWN_PREFIX "sampler.excluded";
static const char counters_name[] = OWN_PREFIX "checkpoint.counters", values_name[] = OWN_PREFIX "checkpoint.values";
static const char gradient_prefix[] = OWN_PREFIX "gradient.", rows_name[] = OWN_PREFIX "gradient_rows";
static const char average_prefix[] = OWN_PREFIX "average.";
static const char first_prefix[] = OWN_PREFIX "optimizer.first.", second_prefix[] = OWN_PREFIX "optimizer.second.";
static const char *const state_names[] = {OWN_PREFIX "state.hidden", OWN_PREFIX "state.memory"}; /* by part */

/*
 * The model that determines the shapes of the optimizer's and the state's tensors. It is the checkpoint's model. If
 * there is none, it is a model without parameters, made from the shape that the optimizer or the state has recorded.
 */
typedef struct frame {
    const rnn_model *model; /* NULL: there is no model, optimizer or state */
    rnn_model *bare;        /* to be destroyed; NULL if `model` is the checkpoint's */
} frame;

/* Fields that don't belong to another struct. */
typedef struct progress {
    int64_t corpus_position;
    int32_t gradients; /* whether the file has gradients */
    int32_t any_row_used;
    int32_t average; /* whether the file has an average */
} progress;

#define FIELD(name, type, field) OWN_PREFIX name, offsetof(type, field)

/* clang-format off */
static const text_field progress_fields[] = {
    {FIELD("checkpoint.corpus_position", progress, corpus_position),  TEXT_COUNT, TEXT_NEEDED, {NULL}},
    {FIELD("checkpoint.gradients",       progress, gradients),        TEXT_FLAG,  TEXT_NEEDED, {NULL}},
    {FIELD("checkpoint.gradient_rows",   progress, any_row_used),     TEXT_WORD,  TEXT_NEEDED, {"listed", "all"}},
    {FIELD("checkpoint.average",         progress, average),          TEXT_FLAG,  TEXT_ADDED,  {NULL}},
};
/* Without a model there are no parameters whose tensors would show the precision. */
static const text_field bare_fields[] = {
    {FIELD("checkpoint.precision", rnn_model_options, precision), TEXT_WORD, TEXT_NEEDED, {"float32", "float64"}},
};
static const text_field optimizer_fields[] = {
    {FIELD("optimizer.rule",          rnn_optimizer, options.rule),          TEXT_WORD,   TEXT_NEEDED,
     {"adagrad", "sgd", "rmsprop", "adam", "adamw"}},
    {FIELD("optimizer.nesterov",      rnn_optimizer, options.nesterov),      TEXT_FLAG,   TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.learning_rate", rnn_optimizer, options.learning_rate), TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.epsilon",       rnn_optimizer, options.epsilon),       TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.weight_decay",  rnn_optimizer, options.weight_decay),  TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.momentum",      rnn_optimizer, options.momentum),      TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.beta1",         rnn_optimizer, options.beta1),         TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.beta2",         rnn_optimizer, options.beta2),         TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.clip_value",    rnn_optimizer, options.clip_value),    TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.steps",         rnn_optimizer, steps),                 TEXT_COUNT,  TEXT_NEEDED, {NULL}},
    {FIELD("optimizer.clip_norm",     rnn_optimizer, options.clip_norm),     TEXT_NUMBER, TEXT_ADDED,  {NULL}},
    {FIELD("optimizer.spare_biases",  rnn_optimizer, options.spare_biases),  TEXT_FLAG,   TEXT_ADDED,  {NULL}},
};
static const text_field state_fields[] = {
    {FIELD("state.random_index",      rnn_state, random_index),              TEXT_SEED,   TEXT_NEEDED, {NULL}},
};
static const text_field sampler_fields[] = {
    {FIELD("sampler.temperature",     rnn_sampler, options.temperature),     TEXT_NUMBER, TEXT_NEEDED, {NULL}},
    {FIELD("sampler.seed",            rnn_sampler, options.seed),            TEXT_SEED,   TEXT_NEEDED, {NULL}},
    {FIELD("sampler.drawn",           rnn_sampler, drawn),                   TEXT_SEED,   TEXT_NEEDED, {NULL}},
    {FIELD("sampler.top_k",           rnn_sampler, options.top_k),           TEXT_COUNT,  TEXT_ADDED,  {NULL}},
    {FIELD("sampler.top_p",           rnn_sampler, options.top_p),           TEXT_NUMBER, TEXT_ADDED,  {"1"}},
    {FIELD("sampler.min_p",           rnn_sampler, options.min_p),           TEXT_NUMBER, TEXT_ADDED,  {NULL}},
    {FIELD("sampler.repetition_penalty", rnn_sampler, options.repetition_penalty), TEXT_NUMBER, TEXT_ADDED, {"1"}},
    {FIELD("sampler.repetition_window",  rnn_sampler, options.repetition_window),  TEXT_COUNT,  TEXT_ADDED, {NULL}},
};
/* clang-format on */

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* ---- Saving ------------------------------------------------------------------------------------------------------ */

static rnn_status check_objects(const rnn_checkpoint *c)
{
    RNN_TRY(librnn_check_range("corpus_position", c->corpus_position, 0, INT64_MAX));
    if (c->average)
        RNN_TRY(librnn_check_pointer("checkpoint->model", c->model));
    if (!c->model)
        return c->state && c->optimizer
                   ? librnn_model_check_shape("the state", &c->state->shape, &c->optimizer->shape, true)
                   : RNN_OK;
    if (c->optimizer) {
        model_shape shape = librnn_model_shape(c->model);
        RNN_TRY(librnn_model_check_shape("the optimizer", &c->optimizer->shape, &shape, false));
    }
    if (c->average) {
        model_shape shape = librnn_model_shape(c->model), averaged = librnn_model_shape(c->average);
        RNN_TRY(librnn_model_check_shape("the average", &averaged, &shape, false));
    }
    return c->state ? librnn_state_check_model(c->state, c->model) : RNN_OK;
}

/* Makes the frame of the objects. The caller must destroy it. */
static rnn_status frame_of(const rnn_checkpoint *c, frame *f)
{
    *f = (frame){.model = c->model};
    if (c->model || !(c->optimizer || c->state))
        return RNN_OK;
    rnn_model_options options = librnn_model_shape_options(c->optimizer ? &c->optimizer->shape : &c->state->shape);
    RNN_TRY(librnn_model_lay_out(&options, &f->bare));
    f->model = f->bare;
    return RNN_OK;
}

static void destroy_frame(frame *f)
{
    rnn_model_destroy(f->bare);
}

/*
 * Whether any bit of the gradients is set. Even the sign of a zero counts, because it can influence the sign of a sum.
 */
static bool has_gradients(const rnn_model *model)
{
    const char *bytes = model->gradients;
    size_t size = model->count * model->element_size;
    return bytes && (model->used_count > 0 || bytes[0] != 0 || memcmp(bytes, bytes + 1, size - 1) != 0);
}

/* Writes the name of the tensor that holds a parameter's gradient or accumulator. */
static void name_array(const char *prefix, const named_parameter *p, char name[ARRAY_NAME_MOST])
{
    snprintf(name, ARRAY_NAME_MOST, "%s%s", prefix, p->name);
}

static rnn_status add_array(safetensors_writer *writer, const rnn_model *model, const char *prefix)
{
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        const int64_t shape[2] = {p->rows, p->columns};
        char name[ARRAY_NAME_MOST];
        name_array(prefix, p, name);
        RNN_TRY(librnn_safetensors_add_tensor(writer, name, librnn_model_type(model), p->rank, shape));
    }
    return RNN_OK;
}

static rnn_status write_array(rnn_sink *sink, const rnn_model *model, const void *buffer)
{
    for (int64_t n = 0; n < model->named_count; n++)
        RNN_TRY(librnn_parameter_write_to(sink, model, &model->named[n], buffer));
    return RNN_OK;
}

/* Adds the list of streams that haven't begun. */
static rnn_status add_fresh(safetensors_writer *writer, const rnn_state *state)
{
    int32_t *streams;
    int64_t count = 0;
    if (!state->fresh)
        return RNN_OK;
    RNN_TRY(librnn_allocate("the list of fresh streams", (size_t)state->streams, sizeof *streams, (void **)&streams));
    for (int64_t b = 0; b < state->streams; b++)
        if (state->fresh[b])
            streams[count++] = (int32_t)b;
    rnn_status status = librnn_text_add_ids(writer, fresh_key, streams, count);
    librnn_release(streams);
    return status;
}

static rnn_status read_fresh(const safetensors_reader *reader, rnn_state *state)
{
    int32_t *streams;
    int64_t count;
    RNN_TRY(librnn_text_read_ids(reader, fresh_key, &streams, &count));
    rnn_status status = RNN_OK;
    if (count > 0 && !state->fresh)
        status =
            librnn_fail(RNN_ERROR_FORMAT, "the file has %s, but the state has no learned initial state", fresh_key);
    for (int64_t i = 0; i < count && status == RNN_OK; i++)
        if (streams[i] < state->streams)
            state->fresh[streams[i]] = 1;
        else
            status = librnn_fail(RNN_ERROR_FORMAT, "%s lists stream %" PRId32 "; the state has %" PRId64 " stream%s",
                                 fresh_key, streams[i], state->streams, rnn_plural((uint64_t)state->streams));
    librnn_release(streams);
    return status;
}

static rnn_status add_state(safetensors_writer *writer, const rnn_model *model, const rnn_state *state)
{
    const int64_t shape[3] = {rnn_stack_of(&state->shape), state->streams, state->shape.hidden_size};
    for (size_t part = 0; part < state->parts; part++)
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): a state has at most as many parts as there are names
        RNN_TRY(librnn_safetensors_add_tensor(writer, state_names[part], librnn_model_type(model), 3, shape));
    RNN_TRY(add_fresh(writer, state));
    return librnn_text_add_fields(writer, state_fields, COUNT_OF(state_fields), state);
}

/* Allocates the values of one layer for all streams, which rnn_state_get() and rnn_state_set() need. */
static rnn_status allocate_layer(const rnn_state *state, int64_t *count, void **values)
{
    *count = state->streams * state->shape.hidden_size;
    return librnn_allocate("a state's values", (size_t)*count, state->element_size, values);
}

static rnn_status write_state(rnn_sink *sink, const rnn_state *state)
{
    int64_t count;
    void *values;
    RNN_TRY(allocate_layer(state, &count, &values));
    rnn_status status = RNN_OK;
    for (size_t part = 0; part < state->parts; part++)
        for (int64_t l = 0; l < rnn_stack_of(&state->shape) && status == RNN_OK; l++) {
            if ((status = rnn_state_get(state, l, (int32_t)part, values, count)) != RNN_OK)
                break;
            rnn_safetensors_order(values, (size_t)count, state->element_size);
            status = librnn_sink_write(sink, values, (size_t)count * state->element_size);
        }
    librnn_release(values);
    return status;
}

/* Adds the indices of the frozen parameters. */
static rnn_status add_frozen(safetensors_writer *writer, const rnn_model *model)
{
    int32_t *indices;
    int64_t count = 0;
    if (model->frozen_count == 0)
        return RNN_OK;
    RNN_TRY(librnn_allocate("the list of frozen parameters", (size_t)model->frozen_count, sizeof *indices,
                            (void **)&indices));
    for (int64_t i = 0; i < model->named_count; i++)
        if (model->named[i].frozen)
            indices[count++] = (int32_t)i;
    rnn_status status = librnn_text_add_ids(writer, frozen_key, indices, count);
    librnn_release(indices);
    return status;
}

static rnn_status read_frozen(const safetensors_reader *reader, rnn_model *model)
{
    int32_t *indices;
    int64_t count;
    RNN_TRY(librnn_text_read_ids(reader, frozen_key, &indices, &count));
    rnn_status status = RNN_OK;
    for (int64_t i = 0; i < count && status == RNN_OK; i++)
        if (rnn_model_freeze(model, indices[i], 1) != RNN_OK)
            status =
                librnn_fail(RNN_ERROR_FORMAT, "%s lists parameter %" PRId32 "; the model has %" PRId64 " parameters",
                            frozen_key, indices[i], model->named_count);
    librnn_release(indices);
    return status;
}

/* Adds the names of a model and its gradients. Without a model, adds a description of the frame. */
static rnn_status add_model(safetensors_writer *writer, const rnn_checkpoint *c, const frame *f, const progress *p)
{
    if (c->model) {
        RNN_TRY(librnn_model_add_to(writer, c->model, c->vocab, &librnn_standard_names));
        RNN_TRY(add_frozen(writer, c->model));
        if (p->average)
            RNN_TRY(add_array(writer, c->model, average_prefix));
        return p->gradients ? add_array(writer, c->model, gradient_prefix) : RNN_OK;
    }
    RNN_TRY(librnn_text_add_format(writer));
    RNN_TRY(librnn_safetensors_add_text(writer, WITHOUT_MODEL_KEY, "1"));
    if (f->model) {
        RNN_TRY(librnn_text_add_options(writer, &f->model->options));
        RNN_TRY(librnn_text_add_fields(writer, bare_fields, COUNT_OF(bare_fields), &f->model->options));
    }
    return c->vocab ? librnn_text_add_vocab(writer, c->vocab) : RNN_OK;
}

static rnn_status add_sampler(safetensors_writer *writer, const rnn_sampler *sampler)
{
    RNN_TRY(librnn_text_add_fields(writer, sampler_fields, COUNT_OF(sampler_fields), sampler));
    return librnn_text_add_ids(writer, excluded_key, sampler->options.excluded, sampler->options.excluded_count);
}

/* Whether a sampler uses options that version 0.1 doesn't know. */
static bool draws_by_filters(const rnn_sampler_options *o)
{
    return o->top_k > 0 || rnn_order(o->top_p) < rnn_order(1) || rnn_order(o->min_p) > 0 || o->repetition_window > 0 ||
           o->excluded_count > 0;
}

static uint64_t format_of(const rnn_checkpoint *c, const rnn_model *model)
{
    const rnn_model_options *m = model ? &model->options : NULL;
    const rnn_optimizer_options *o = c->optimizer ? &c->optimizer->options : NULL;
    bool drops = m && (rnn_order(m->dropout_input) > 0 || rnn_order(m->dropout_output) > 0 ||
                       rnn_order(m->dropout_recurrent) > 0 || m->dropout_per_chunk);
    bool steps = o && (rnn_order(o->clip_norm) > 0 || o->spare_biases);
    bool filters = c->sampler && draws_by_filters(&c->sampler->options);
    bool more = c->average || (c->model && c->model->frozen_count > 0);
    return drops || steps || filters || more ? FORMAT : FIRST_FORMAT;
}

/*
 * Adds the names of everything, in the order in which write_all() writes it. Numbers with more bytes come first, so
 * that all are aligned.
 */
static rnn_status add_all(safetensors_writer *writer, const rnn_checkpoint *c, const frame *f)
{
    progress p = {.corpus_position = c->corpus_position, .average = c->average != NULL};
    const int64_t numbers = RNN_CHECKPOINT_NUMBERS;
    if (c->model) {
        p.gradients = has_gradients(c->model);
        p.any_row_used = c->model->any_row_used;
    }
    RNN_TRY(librnn_safetensors_add_tensor(writer, counters_name, "I64", 1, &numbers));
    RNN_TRY(librnn_safetensors_add_tensor(writer, values_name, "F64", 1, &numbers));
    RNN_TRY(add_model(writer, c, f, &p));
    RNN_TRY(librnn_text_add_number(writer, format_key, format_of(c, f->model)));
    RNN_TRY(librnn_text_add_fields(writer, progress_fields, COUNT_OF(progress_fields), &p));
    if (c->optimizer)
        RNN_TRY(librnn_text_add_fields(writer, optimizer_fields, COUNT_OF(optimizer_fields), c->optimizer));
    if (c->optimizer && c->optimizer->first)
        RNN_TRY(add_array(writer, f->model, first_prefix));
    if (c->optimizer && c->optimizer->second)
        RNN_TRY(add_array(writer, f->model, second_prefix));
    if (c->state)
        RNN_TRY(add_state(writer, f->model, c->state));
    if (c->sampler)
        RNN_TRY(add_sampler(writer, c->sampler));
    if (c->model && c->model->used_count > 0)
        RNN_TRY(librnn_safetensors_add_tensor(writer, rows_name, "I32", 1, &c->model->used_count));
    return RNN_OK;
}

/* Writes eight numbers of 8 bytes. */
static rnn_status write_numbers(rnn_sink *sink, const void *numbers)
{
    uint64_t ordered[RNN_CHECKPOINT_NUMBERS];
    memcpy(ordered, numbers, sizeof ordered);
    rnn_safetensors_order(ordered, COUNT_OF(ordered), sizeof *ordered);
    return librnn_sink_write(sink, ordered, sizeof ordered);
}

static rnn_status write_rows(rnn_sink *sink, const rnn_model *model)
{
    int32_t piece[PIECE];
    for (int64_t first = 0, count; first < model->used_count; first += count) {
        count = model->used_count - first < PIECE ? model->used_count - first : PIECE;
        memcpy(piece, model->used_rows + first, (size_t)count * sizeof *piece);
        rnn_safetensors_order(piece, (size_t)count, sizeof *piece);
        RNN_TRY(librnn_sink_write(sink, piece, (size_t)count * sizeof *piece));
    }
    return RNN_OK;
}

/* The checkpoint to save, and the frame of its objects. */
typedef struct saving {
    rnn_checkpoint checkpoint;
    frame frame;
} saving;

static rnn_status write_all(rnn_sink *sink, const void *what)
{
    const saving *s = what;
    const rnn_checkpoint *c = &s->checkpoint;
    RNN_TRY(write_numbers(sink, c->counters));
    RNN_TRY(write_numbers(sink, c->values));
    if (c->model)
        RNN_TRY(librnn_model_write_to(sink, c->model));
    if (c->average)
        RNN_TRY(write_array(sink, c->average, c->average->parameters));
    if (c->model && has_gradients(c->model))
        RNN_TRY(write_array(sink, c->model, c->model->gradients));
    if (c->optimizer && c->optimizer->first)
        RNN_TRY(write_array(sink, s->frame.model, c->optimizer->first));
    if (c->optimizer && c->optimizer->second)
        RNN_TRY(write_array(sink, s->frame.model, c->optimizer->second));
    if (c->state)
        RNN_TRY(write_state(sink, c->state));
    return c->model ? write_rows(sink, c->model) : RNN_OK;
}

/* Checks a checkpoint and makes its header. If this succeeds, the caller must destroy frame and writer. */
static rnn_status prepare(saving *s, safetensors_writer *writer, uint64_t *size)
{
    RNN_TRY(check_objects(&s->checkpoint));
    RNN_TRY(frame_of(&s->checkpoint, &s->frame));
    rnn_status status = librnn_safetensors_create(writer);
    if (status == RNN_OK) {
        status = add_all(writer, &s->checkpoint, &s->frame);
        if (status == RNN_OK)
            status = librnn_safetensors_finish(writer, size);
        if (status != RNN_OK)
            librnn_safetensors_destroy(writer);
    }
    if (status != RNN_OK)
        destroy_frame(&s->frame);
    return status;
}

static rnn_status save_to_file(saving *s, const char *path)
{
    safetensors_writer writer;
    uint64_t size;
    RNN_TRY(librnn_check_pointer("checkpoint->model", s->checkpoint.model));
    RNN_TRY(prepare(s, &writer, &size));
    rnn_status status = librnn_file_save(path, &writer, write_all, s);
    librnn_safetensors_destroy(&writer);
    destroy_frame(&s->frame);
    return status;
}

static rnn_status read_struct(const rnn_checkpoint *checkpoint, saving *s)
{
    *s = (saving){0};
    return librnn_struct_read("checkpoint", checkpoint, &s->checkpoint, CHECKPOINT_FIRST_SIZE, sizeof s->checkpoint);
}

rnn_status rnn_checkpoint_save(const rnn_checkpoint *checkpoint, const char *path)
{
    saving s;
    RNN_REQUIRE(path);
    RNN_TRY(read_struct(checkpoint, &s));
    return librnn_file_blame(path, save_to_file(&s, path));
}

rnn_status rnn_checkpoint_save_to_memory(const rnn_checkpoint *checkpoint, void *bytes, size_t capacity, size_t *size)
{
    saving s;
    safetensors_writer writer;
    uint64_t total;
    RNN_REQUIRE(size);
    if (capacity > 0)
        RNN_REQUIRE(bytes);
    RNN_TRY(read_struct(checkpoint, &s));
    RNN_TRY(prepare(&s, &writer, &total));
    rnn_status status = librnn_memory_save(bytes, capacity, total, &writer, write_all, &s);
    librnn_safetensors_destroy(&writer);
    destroy_frame(&s.frame);
    if (status == RNN_OK)
        *size = (size_t)total;
    return status;
}

/* ---- Loading ----------------------------------------------------------------------------------------------------- */

/* Whether the file has any of an object's fields. If so, it must have all. */
static bool has_any(const safetensors_reader *reader, const text_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (librnn_safetensors_text(reader, fields[i].key))
            return true;
    return false;
}

/* Finds a tensor of this type. Fails if it doesn't exist. */
static rnn_status need_tensor(safetensors_reader *reader, const char *name, const char *type, const safetensor **tensor)
{
    *tensor = librnn_safetensors_find(reader, name);
    if (!*tensor)
        return librnn_fail(RNN_ERROR_FORMAT, "the file has no tensor %s", name);
    if (strcmp((*tensor)->type, type) != 0)
        return librnn_fail(RNN_ERROR_FORMAT, "%s has the type %.*s; it must be %s", name, TYPE_SHOWN, (*tensor)->type,
                           type);
    return RNN_OK;
}

/* The same for numbers of the model's precision. */
static rnn_status need_numbers(safetensors_reader *reader, const char *name, const rnn_model *model,
                               const safetensor **tensor)
{
    const char *type = librnn_model_type(model);
    *tensor = librnn_safetensors_find(reader, name);
    if (*tensor && strcmp((*tensor)->type, type) != 0)
        return librnn_fail(RNN_ERROR_FORMAT, "%s has the type %.*s; it must be %s, the model's precision", name,
                           TYPE_SHOWN, (*tensor)->type, type);
    return need_tensor(reader, name, type, tensor);
}

static rnn_status read_numbers(safetensors_reader *reader, const char *name, const char *type, void *numbers)
{
    const int64_t shape = RNN_CHECKPOINT_NUMBERS;
    const safetensor *t;
    RNN_TRY(need_tensor(reader, name, type, &t));
    RNN_TRY(librnn_tensor_check_shape(t, 1, &shape));
    RNN_TRY(librnn_safetensors_read(reader, t, 0, numbers, (size_t)t->size));
    rnn_safetensors_order(numbers, RNN_CHECKPOINT_NUMBERS, sizeof(uint64_t));
    return RNN_OK;
}

/* Checks that the file has a tensor for each parameter, with the parameter's shape. */
static rnn_status check_array(safetensors_reader *reader, const rnn_model *model, const char *prefix)
{
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        const int64_t shape[2] = {p->rows, p->columns};
        const safetensor *t;
        char name[ARRAY_NAME_MOST];
        name_array(prefix, p, name);
        RNN_TRY(need_numbers(reader, name, model, &t));
        RNN_TRY(librnn_tensor_check_shape(t, p->rank, shape));
    }
    return RNN_OK;
}

/* Reads the tensors that check_array() has found. */
static rnn_status read_array(safetensors_reader *reader, const rnn_model *model, const char *prefix, void *buffer)
{
    for (int64_t n = 0; n < model->named_count; n++) {
        char name[ARRAY_NAME_MOST];
        name_array(prefix, &model->named[n], name);
        RNN_TRY(
            librnn_parameter_read_from(reader, librnn_safetensors_find(reader, name), model, &model->named[n], buffer));
    }
    return RNN_OK;
}

/* Marks `count` rows as used. They are elements i, i + 1, ... of the list. */
static rnn_status use_rows(rnn_model *model, int64_t i, const int32_t *rows, int64_t count)
{
    for (int64_t k = 0; k < count; k++) {
        if (rows[k] < 0 || rows[k] >= model->row_count || model->used[rows[k]])
            return librnn_fail(RNN_ERROR_FORMAT,
                               "%s[%" PRId64 "] is %" PRId32 "; it must be 0 to %" PRId64
                               ", and each may occur only once",
                               rows_name, i + k, rows[k], model->row_count - 1);
        librnn_model_use_rows(model, &rows[k], 1);
    }
    return RNN_OK;
}

/*
 * Reads the list of rows that have a gradient. They are in the order of their first use, which is the order in which
 * norms are summed.
 */
static rnn_status read_rows(safetensors_reader *reader, rnn_model *model)
{
    int32_t piece[PIECE];
    const safetensor *t;
    if (!librnn_safetensors_find(reader, rows_name))
        return RNN_OK; /* no rows are used */
    RNN_TRY(need_tensor(reader, rows_name, "I32", &t));
    if (t->rank != 1)
        return librnn_fail(RNN_ERROR_FORMAT, "%s has %" PRId32 " dimension%s; it must have 1", rows_name, t->rank,
                           rnn_plural((uint64_t)t->rank));
    for (int64_t first = 0, count; first < t->shape[0]; first += count) {
        count = t->shape[0] - first < PIECE ? t->shape[0] - first : PIECE;
        RNN_TRY(
            librnn_safetensors_read(reader, t, (uint64_t)first * sizeof *piece, piece, (size_t)count * sizeof *piece));
        rnn_safetensors_order(piece, (size_t)count, sizeof *piece);
        RNN_TRY(use_rows(model, first, piece, count));
    }
    return RNN_OK;
}

/* Fails if a row that isn't listed has a gradient, because it would never be set to zero. */
static rnn_status check_unlisted(const rnn_model *model)
{
    const unsigned char *bytes = model->gradients;
    size_t size = model->row_size * model->element_size;
    if (model->any_row_used)
        return RNN_OK;
    for (int64_t row = 0; row < model->row_count; row++, bytes += size) {
        if (model->used[row])
            continue;
        for (size_t i = 0; i < size; i++)
            if (bytes[i] != 0)
                return librnn_fail(RNN_ERROR_FORMAT, "symbol %" PRId64 " has a gradient, but %s doesn't list it", row,
                                   rows_name);
    }
    return RNN_OK;
}

static rnn_status read_gradients(safetensors_reader *reader, rnn_model *model)
{
    RNN_TRY(check_array(reader, model, gradient_prefix));
    RNN_TRY(librnn_model_need_gradients(model));
    RNN_TRY(read_array(reader, model, gradient_prefix, model->gradients));
    RNN_TRY(read_rows(reader, model));
    return check_unlisted(model);
}

/* Makes the average, which differs from the model only in its parameters. */
static rnn_status read_average(safetensors_reader *reader, const rnn_model *model, rnn_model **average)
{
    RNN_TRY(check_array(reader, model, average_prefix));
    RNN_TRY(rnn_model_copy(model, average));
    return read_array(reader, model, average_prefix, (*average)->parameters);
}

/* Checks that sums or means of squares aren't negative. They may be infinite or NaN, which can happen in training. */
static rnn_status check_squares(const rnn_model *model, const char *prefix, const void *buffer)
{
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        for (size_t i = 0; i < (size_t)(p->rows * p->columns); i++) {
            double value = rnn_model_number(model, buffer, p->offset + i);
            if (value < 0)
                return librnn_fail(RNN_ERROR_FORMAT, "%s%s has the element %g; squares must be at least 0", prefix,
                                   p->name, value);
        }
    }
    return RNN_OK;
}

static rnn_status read_accumulators(safetensors_reader *reader, const rnn_model *model, rnn_optimizer *o)
{
    if (o->first)
        RNN_TRY(read_array(reader, model, first_prefix, o->first));
    if (o->second)
        RNN_TRY(read_array(reader, model, second_prefix, o->second));
    if (librnn_optimizer_first_is_squares(&o->options))
        RNN_TRY(check_squares(model, first_prefix, o->first));
    return librnn_optimizer_second_is_squares(&o->options) ? check_squares(model, second_prefix, o->second) : RNN_OK;
}

static rnn_status read_optimizer(safetensors_reader *reader, const rnn_model *model, rnn_optimizer **optimizer)
{
    rnn_optimizer read = {.options.struct_size = sizeof read.options};
    if (!has_any(reader, optimizer_fields, COUNT_OF(optimizer_fields)))
        return RNN_OK;
    RNN_TRY(librnn_text_read_fields(reader, optimizer_fields, COUNT_OF(optimizer_fields), &read));
    if (read.steps > RNN_STEPS_MOST)
        return librnn_fail(RNN_ERROR_FORMAT, OWN_PREFIX "optimizer.steps is %" PRId64 "; it must be less than 2^53",
                           read.steps);
    if (librnn_optimizer_needs_first(&read.options))
        RNN_TRY(check_array(reader, model, first_prefix));
    if (librnn_optimizer_needs_second(&read.options))
        RNN_TRY(check_array(reader, model, second_prefix));
    rnn_status status = rnn_optimizer_create(model, &read.options, optimizer);
    if (status == RNN_ERROR_ARGUMENT)
        return librnn_fail(RNN_ERROR_FORMAT, "the file describes an invalid optimizer: %s", rnn_last_error());
    RNN_TRY(status);
    (*optimizer)->steps = read.steps;
    return read_accumulators(reader, model, *optimizer);
}

static rnn_status read_state_values(safetensors_reader *reader, rnn_state *state)
{
    int64_t count;
    void *values;
    RNN_TRY(allocate_layer(state, &count, &values));
    size_t size = (size_t)count * state->element_size;
    rnn_status status = RNN_OK;
    for (size_t part = 0; part < state->parts && status == RNN_OK; part++) {
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): likewise
        const safetensor *t = librnn_safetensors_find(reader, state_names[part]);
        for (int64_t l = 0; l < rnn_stack_of(&state->shape) && status == RNN_OK; l++) {
            status = librnn_safetensors_read(reader, t, (uint64_t)l * size, values, size);
            if (status != RNN_OK)
                break;
            rnn_safetensors_order(values, (size_t)count, state->element_size);
            if (rnn_state_set(state, l, (int32_t)part, values, count) != RNN_OK)
                status = librnn_fail(RNN_ERROR_FORMAT, "%s: %s", state_names[part], rnn_last_error());
        }
    }
    librnn_release(values);
    return status;
}

static rnn_status read_state(safetensors_reader *reader, const rnn_model *model, rnn_state **state)
{
    const safetensor *t = librnn_safetensors_find(reader, state_names[0]);
    rnn_state read = {.random_index = 0};
    if (!t && !has_any(reader, state_fields, COUNT_OF(state_fields)))
        return RNN_OK;
    RNN_TRY(librnn_text_read_fields(reader, state_fields, COUNT_OF(state_fields), &read));
    if (read.random_index >= RANDOM_INDEX_END)
        return librnn_fail(RNN_ERROR_FORMAT, "%s is %" PRIu64 "; it must be less than 2^54", state_fields[0].key,
                           read.random_index);
    RNN_TRY(need_numbers(reader, state_names[0], model, &t));
    const int64_t shape[3] = {model->network.layers, t->rank == 3 ? t->shape[1] : 0, model->options.hidden_size};
    if (shape[1] < 1 || shape[1] > STREAMS_MOST)
        return librnn_fail(RNN_ERROR_FORMAT,
                           "%s has the wrong shape; it must be [layers][streams][hidden_size], with 1 to %d streams",
                           t->name, STREAMS_MOST);
    for (int32_t part = 0; part < model->core->cell(model->options.cell)->state_parts; part++) {
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): likewise
        RNN_TRY(need_numbers(reader, state_names[part], model, &t));
        RNN_TRY(librnn_tensor_check_shape(t, 3, shape));
    }
    RNN_TRY(rnn_state_create(model, shape[1], state));
    (*state)->random_index = read.random_index;
    RNN_TRY(read_state_values(reader, *state));
    return read_fresh(reader, *state);
}

static rnn_status read_sampler(const safetensors_reader *reader, rnn_sampler **sampler)
{
    rnn_sampler read = {.drawn = 0};
    int32_t *excluded;
    if (!has_any(reader, sampler_fields, COUNT_OF(sampler_fields)))
        return RNN_OK;
    RNN_TRY(rnn_sampler_options_init(&read.options, sizeof read.options));
    RNN_TRY(librnn_text_read_fields(reader, sampler_fields, COUNT_OF(sampler_fields), &read));
    RNN_TRY(librnn_text_read_ids(reader, excluded_key, &excluded, &read.options.excluded_count));
    read.options.excluded = excluded;
    rnn_status status = rnn_sampler_create(&read.options, sampler);
    librnn_release(excluded);
    if (status == RNN_ERROR_ARGUMENT)
        return librnn_fail(RNN_ERROR_FORMAT, "the file describes an invalid sampler: %s", rnn_last_error());
    if (status == RNN_OK)
        (*sampler)->drawn = read.drawn;
    return status;
}

/* Reads everything that a model's file doesn't contain. */
static rnn_status read_training(safetensors_reader *reader, const rnn_model *model, rnn_checkpoint *c)
{
    progress p = {0};
    RNN_TRY(librnn_text_read_fields(reader, progress_fields, COUNT_OF(progress_fields), &p));
    RNN_TRY(read_numbers(reader, counters_name, "I64", c->counters));
    RNN_TRY(read_numbers(reader, values_name, "F64", c->values));
    c->corpus_position = p.corpus_position;
    if (c->model) {
        RNN_TRY(read_frozen(reader, c->model));
        c->model->any_row_used = c->model->any_row_used || p.any_row_used;
        if (p.average)
            RNN_TRY(read_average(reader, c->model, &c->average));
        if (p.gradients)
            RNN_TRY(read_gradients(reader, c->model));
    }
    if (model) {
        RNN_TRY(read_optimizer(reader, model, &c->optimizer));
        RNN_TRY(read_state(reader, model, &c->state));
    }
    return read_sampler(reader, &c->sampler);
}

/* Reads a checkpoint without a model. If it has an optimizer or a state, it also describes their model. */
static rnn_status read_without_model(safetensors_reader *reader, rnn_checkpoint *c)
{
    rnn_model_options options;
    frame f = {.model = NULL};
    if (has_any(reader, bare_fields, COUNT_OF(bare_fields))) {
        RNN_TRY(librnn_text_read_options(reader, &options));
        RNN_TRY(librnn_text_read_fields(reader, bare_fields, COUNT_OF(bare_fields), &options));
        rnn_status status = librnn_model_lay_out(&options, &f.bare);
        if (status == RNN_ERROR_ARGUMENT)
            return librnn_fail(RNN_ERROR_FORMAT, "the file describes an invalid model: %s", rnn_last_error());
        RNN_TRY(status);
        f.model = f.bare;
    }
    rnn_status status = read_training(reader, f.model, c);
    if (status == RNN_OK)
        status = librnn_text_read_vocab(reader, NULL, &c->vocab);
    destroy_frame(&f);
    return status;
}

static rnn_status read_all(safetensors_reader *reader, void *checkpoint)
{
    rnn_checkpoint *c = checkpoint;
    rnn_load_options defaults;
    bool own, more;
    RNN_TRY(librnn_text_read_format(reader, &own));
    if (!own)
        return librnn_fail(RNN_ERROR_FORMAT,
                           "the file was not written by librnn; rnn_model_load() may find a model in it");
    RNN_TRY(librnn_text_check_number(reader, format_key, FORMAT, &more));
    if (more && librnn_safetensors_text(reader, WITHOUT_MODEL_KEY))
        return read_without_model(reader, c);
    RNN_TRY(librnn_load_options_read(NULL, &defaults));
    RNN_TRY(librnn_model_read_from(reader, &defaults, &c->model, &c->vocab));
    return more ? read_training(reader, c->model, c) : RNN_OK;
}

/* Passes the loaded objects to the caller, or destroys them after a failure. */
static rnn_status give(rnn_status status, rnn_checkpoint *c, rnn_checkpoint *checkpoint)
{
    if (status == RNN_OK)
        status = librnn_struct_write("checkpoint", checkpoint, c, CHECKPOINT_FIRST_SIZE, sizeof *c);
    if (status == RNN_OK) {
        if (checkpoint->struct_size <= offsetof(rnn_checkpoint, average))
            rnn_model_destroy(c->average); /* a program of version 0.1 doesn't know it */
        return RNN_OK;
    }
    rnn_model_destroy(c->average);
    rnn_sampler_destroy(c->sampler);
    rnn_state_destroy(c->state);
    rnn_optimizer_destroy(c->optimizer);
    rnn_vocab_destroy(c->vocab);
    rnn_model_destroy(c->model);
    return status;
}

rnn_status rnn_checkpoint_load(const char *path, rnn_checkpoint *checkpoint)
{
    rnn_checkpoint c = {0};
    RNN_REQUIRE(path);
    RNN_REQUIRE(checkpoint);
    return librnn_file_blame(path, give(librnn_file_load(path, read_all, &c), &c, checkpoint));
}

rnn_status rnn_checkpoint_load_from_memory(const void *bytes, size_t size, rnn_checkpoint *checkpoint)
{
    rnn_checkpoint c = {0};
    RNN_REQUIRE(bytes);
    RNN_REQUIRE(checkpoint);
    return give(librnn_memory_load(bytes, size, read_all, &c), &c, checkpoint);
}
