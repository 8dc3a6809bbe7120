/*
 * model_file.c: models and vocabularies as texts and tensors in a safetensors file. docs/files.md is the specification.
 *
 * A load goes from the cheap to the dear: texts to options, options to the parameters' shapes, these against the file's
 * tensors, and only when all of them are there, which makes the model no larger than the file, the parameters.
 */
#include "model_file.h"

#include "float_mode.h"
#include "memory.h"
#include "model_text.h"
#include "names.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PIECE = 4096, /* numbers read or written at a time */
    MODULE_NAME_MOST = 200,
    TENSOR_NAME_MOST = MODULE_NAME_MOST + PARAMETER_NAME_MOST,
    TEXT_SHOWN = 60, /* what a sentence shows of a text or a name at most */
    NUMBER_MOST = 32,
};

/* What the modules are called in librnn's files, and by default in others: rnn_load_options' names in their order. */
static const char *const standard_names[] = {"rnn", "decoder", "embedding"};

enum { LOAD_OPTIONS_FIRST_SIZE = offsetof(rnn_load_options, embedding_name) + sizeof(char *) };

/* ---- Saving ------------------------------------------------------------------------------------------------------ */

const char *librnn_model_type(const rnn_model *model)
{
    return model->options.precision == RNN_FLOAT32 ? "F32" : "F64";
}

static bool is_layer_bias(const named_parameter *p)
{
    return strncmp(p->name, "rnn.bias_", strlen("rnn.bias_")) == 0;
}

/* The other bias of the same layer: "rnn.bias_hh_l0" of "rnn.bias_ih_l0", and the other way round. */
static void name_other_bias(const named_parameter *p, char name[PARAMETER_NAME_MOST])
{
    char *letter = name + strlen("rnn.bias_");
    strcpy(name, p->name);
    *letter = *letter == 'i' ? 'h' : 'i';
}

/* PyTorch has two biases for each layer. A model with one saves zeros as the other. */
static bool lacks_other_bias(const rnn_model *model, const named_parameter *p)
{
    return model->options.bias == RNN_BIAS_INPUT && is_layer_bias(p);
}

rnn_status librnn_model_add_to(safetensors_writer *writer, const rnn_model *model, const rnn_vocab *vocab)
{
    if (vocab)
        RNN_TRY(librnn_text_check_vocab(&model->options, vocab, RNN_ERROR_MISMATCH));
    RNN_TRY(librnn_text_add_format(writer));
    RNN_TRY(librnn_text_add_options(writer, &model->options));
    if (vocab)
        RNN_TRY(librnn_text_add_vocab(writer, vocab));

    const char *type = librnn_model_type(model);
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        int64_t shape[2] = {p->rows, p->columns};
        char name[PARAMETER_NAME_MOST];
        RNN_TRY(librnn_safetensors_add_tensor(writer, p->name, type, p->rank, shape));
        if (!lacks_other_bias(model, p))
            continue;
        name_other_bias(p, name);
        RNN_TRY(librnn_safetensors_add_tensor(writer, name, type, p->rank, shape));
    }
    return RNN_OK;
}

/* Copies `count` elements of a buffer from row-major index `first` on, to where the file's rows are. */
static void gather(const rnn_model *model, const named_parameter *p, const void *buffer, int64_t first, int64_t count,
                   void *piece)
{
    if (!p->by_column) {
        memcpy(piece, rnn_model_at_const(model, buffer, p->offset + (size_t)first),
               (size_t)count * model->element_size);
        return;
    }
    for (int64_t k = 0; k < count; k++) {
        size_t place = rnn_model_place(p, (first + k) / p->columns, (first + k) % p->columns);
        memcpy(rnn_model_at(model, piece, (size_t)k), rnn_model_at_const(model, buffer, place), model->element_size);
    }
}

/* The way back */
static void scatter(const rnn_model *model, const named_parameter *p, void *buffer, int64_t first, int64_t count,
                    const void *piece)
{
    if (!p->by_column) {
        memcpy(rnn_model_at(model, buffer, p->offset + (size_t)first), piece, (size_t)count * model->element_size);
        return;
    }
    for (int64_t k = 0; k < count; k++) {
        size_t place = rnn_model_place(p, (first + k) / p->columns, (first + k) % p->columns);
        memcpy(rnn_model_at(model, buffer, place), rnn_model_at_const(model, piece, (size_t)k), model->element_size);
    }
}

rnn_status librnn_parameter_write_to(rnn_sink *sink, const rnn_model *model, const named_parameter *p,
                                     const void *buffer)
{
    double piece[PIECE] = {0}; /* room for either precision */
    int64_t total = p->rows * p->columns;
    for (int64_t first = 0, count; first < total; first += count) {
        count = total - first < PIECE ? total - first : PIECE;
        if (buffer) {
            gather(model, p, buffer, first, count, piece);
            rnn_safetensors_order(piece, (size_t)count, model->element_size);
        }
        RNN_TRY(librnn_sink_write(sink, piece, (size_t)count * model->element_size));
    }
    return RNN_OK;
}

rnn_status librnn_parameter_read_from(const safetensors_reader *reader, const safetensor *tensor,
                                      const rnn_model *model, const named_parameter *p, void *buffer)
{
    double piece[PIECE];
    int64_t total = p->rows * p->columns;
    size_t size = model->element_size;
    for (int64_t first = 0, count; first < total; first += count) {
        count = total - first < PIECE ? total - first : PIECE;
        RNN_TRY(librnn_safetensors_read(reader, tensor, (uint64_t)first * size, piece, (size_t)count * size));
        rnn_safetensors_order(piece, (size_t)count, size);
        scatter(model, p, buffer, first, count, piece);
    }
    return RNN_OK;
}

rnn_status librnn_model_write_to(rnn_sink *sink, const rnn_model *model)
{
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        RNN_TRY(librnn_parameter_write_to(sink, model, p, model->parameters));
        if (lacks_other_bias(model, p))
            RNN_TRY(librnn_parameter_write_to(sink, model, p, NULL));
    }
    return RNN_OK;
}

/* Makes the header; the writer is to be destroyed only if that works. */
static rnn_status prepare(const rnn_model *model, const rnn_vocab *vocab, safetensors_writer *writer, uint64_t *size)
{
    RNN_TRY(librnn_safetensors_create(writer));
    rnn_status status = librnn_model_add_to(writer, model, vocab);
    if (status == RNN_OK)
        status = librnn_safetensors_finish(writer, size);
    if (status != RNN_OK)
        librnn_safetensors_destroy(writer);
    return status;
}

rnn_status librnn_file_save(const char *path, const safetensors_writer *writer, file_saver *save, const void *what)
{
    rnn_replacement file;
    RNN_TRY(librnn_file_replace(path, &file));
    rnn_sink sink = {.file = &file};
    rnn_status status = librnn_safetensors_write_header(writer, &sink);
    if (status == RNN_OK)
        status = save(&sink, what);
    if (status == RNN_OK)
        status = librnn_file_commit(&file);
    librnn_file_discard(&file);
    return status;
}

rnn_status librnn_memory_save(void *bytes, size_t capacity, uint64_t size, const safetensors_writer *writer,
                              file_saver *save, const void *what)
{
    if (!bytes)
        return RNN_OK;
    if (capacity < size)
        return librnn_fail(RNN_ERROR_ARGUMENT, "capacity is %zu; the file has %" PRIu64 " byte%s", capacity, size,
                           rnn_plural(size));
    rnn_sink sink = {.memory = bytes};
    RNN_TRY(librnn_safetensors_write_header(writer, &sink));
    return save(&sink, what);
}

static rnn_status save_model(rnn_sink *sink, const void *model)
{
    return librnn_model_write_to(sink, model);
}

rnn_status rnn_model_save(const rnn_model *model, const rnn_vocab *vocab, const char *path)
{
    safetensors_writer writer;
    uint64_t size;
    RNN_REQUIRE(model);
    RNN_REQUIRE(path);
    rnn_status status = prepare(model, vocab, &writer, &size);
    if (status != RNN_OK)
        return librnn_file_blame(path, status);
    status = librnn_file_save(path, &writer, save_model, model);
    librnn_safetensors_destroy(&writer);
    return librnn_file_blame(path, status);
}

rnn_status rnn_model_save_to_memory(const rnn_model *model, const rnn_vocab *vocab, void *bytes, size_t capacity,
                                    size_t *size)
{
    safetensors_writer writer;
    uint64_t total;
    RNN_REQUIRE(model);
    RNN_REQUIRE(size);
    if (capacity > 0)
        RNN_REQUIRE(bytes);
    RNN_TRY(prepare(model, vocab, &writer, &total));
    rnn_status status = librnn_memory_save(bytes, capacity, total, &writer, save_model, model);
    librnn_safetensors_destroy(&writer);
    if (status == RNN_OK)
        *size = (size_t)total;
    return status;
}

/* ---- Loading: which tensors a model is made of ------------------------------------------------------------------- */

typedef struct loading {
    safetensors_reader *reader;
    const rnn_load_options *options;
    bool own; /* librnn has written the file */
    rnn_model *model;
} loading;

/* What the file calls a parameter, a tensor "MODULE.NAME": modules of a file of others have names of their own. */
static void name_in_file(const loading *l, const char *name, char named[TENSOR_NAME_MOST])
{
    const char *dot = strchr(name, '.'), *module = l->options->rnn_name;
    if (strncmp(name, "decoder", (size_t)(dot - name)) == 0)
        module = l->options->decoder_name;
    else if (strncmp(name, "embedding", (size_t)(dot - name)) == 0)
        module = l->options->embedding_name;
    if (l->own)
        snprintf(named, TENSOR_NAME_MOST, "%s", name);
    else
        snprintf(named, TENSOR_NAME_MOST, "%s%s", module, *module ? dot : dot + 1);
}

/* The tensor of a parameter; NULL if the file has none. */
static const safetensor *find(const loading *l, const char *name)
{
    char named[TENSOR_NAME_MOST];
    name_in_file(l, name, named);
    return librnn_safetensors_find(l->reader, named);
}

static rnn_status fail_missing(const loading *l, const char *name)
{
    char named[TENSOR_NAME_MOST];
    name_in_file(l, name, named);
    return librnn_fail(RNN_ERROR_FORMAT, "the file has no tensor %s", named);
}

/* "[3][4]" */
static void print_shape(int32_t rank, const int64_t *shape, char text[TENSOR_RANK_MOST * NUMBER_MOST])
{
    *text = '\0';
    for (int32_t i = 0; i < rank; i++)
        text += snprintf(text, NUMBER_MOST, "[%" PRId64 "]", shape[i]);
}

rnn_status librnn_tensor_check_shape(const safetensor *t, int32_t rank, const int64_t *shape)
{
    char own[TENSOR_RANK_MOST * NUMBER_MOST], needed[TENSOR_RANK_MOST * NUMBER_MOST];
    if (t->rank == rank && memcmp(t->shape, shape, (size_t)rank * sizeof *shape) == 0)
        return RNN_OK;
    print_shape(t->rank, t->shape, own);
    print_shape(rank, shape, needed);
    return librnn_fail(RNN_ERROR_FORMAT, "%s has the shape %s; the model needs %s", t->name,
                       *own ? own : "of a single number", needed);
}

static rnn_status check_tensor(const safetensor *t, int32_t rank, const int64_t *shape)
{
    if (strcmp(t->type, "F32") != 0 && strcmp(t->type, "F64") != 0)
        return librnn_fail(RNN_ERROR_FORMAT, "%s is %.*s; librnn reads F32 and F64", t->name, TEXT_SHOWN, t->type);
    return librnn_tensor_check_shape(t, rank, shape);
}

/* Whether it may be missing, and is: biases in a file of others, both of a layer or none. */
static bool is_without(const loading *l, const named_parameter *p)
{
    char other[PARAMETER_NAME_MOST];
    if (l->own || p->rank != 1 || find(l, p->name))
        return false;
    if (!is_layer_bias(p))
        return true;
    name_other_bias(p, other);
    return !find(l, other);
}

static rnn_status check_parameter(const loading *l, const named_parameter *p)
{
    const int64_t shape[2] = {p->rows, p->columns};
    char other[PARAMETER_NAME_MOST];
    if (is_without(l, p))
        return RNN_OK;
    const safetensor *t = find(l, p->name);
    if (!t)
        return fail_missing(l, p->name);
    RNN_TRY(check_tensor(t, p->rank, shape));
    if (!lacks_other_bias(l->model, p))
        return RNN_OK;
    name_other_bias(p, other);
    t = find(l, other);
    return t ? check_tensor(t, p->rank, shape) : fail_missing(l, other);
}

static bool is_own(const safetensor *t)
{
    return strncmp(t->name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

/* What PyTorch has and librnn hasn't, so that nobody looks for a mistake in the shapes. */
static rnn_status check_kind(const safetensors_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++) {
        const safetensor *t = &reader->tensors[i];
        const char *why = strstr(t->name, "_reverse")      ? "is of a bidirectional network"
                          : strstr(t->name, "weight_hr_l") ? "is of an LSTM with projections (proj_size)"
                                                           : NULL;
        if (why && !is_own(t))
            return librnn_fail(RNN_ERROR_FORMAT, "the file's tensor %.*s %s, which librnn doesn't support",
                               2 * TEXT_SHOWN, t->name, why);
    }
    return RNN_OK;
}

/* Whatever nobody has asked for so far, and isn't librnn's own business. */
static rnn_status check_others(const safetensors_reader *reader)
{
    for (size_t i = 0; i < reader->count; i++)
        if (!reader->tensors[i].taken && !is_own(&reader->tensors[i]))
            return librnn_fail(RNN_ERROR_FORMAT, "the file has a tensor %.*s, but the model has no such parameter",
                               2 * TEXT_SHOWN, reader->tensors[i].name);
    return RNN_OK;
}

/* A tied model's one matrix may be in the file twice. */
static rnn_status check_tied(const loading *l)
{
    const safetensor *t = find(l, "decoder.weight"), *e = find(l, "embedding.weight");
    const int64_t shape[2] = {l->model->options.output_size, l->model->options.hidden_size};
    char piece[2][PIECE * sizeof(double)];
    if (!t)
        return RNN_OK;
    RNN_TRY(check_tensor(t, 2, shape));
    bool same = strcmp(t->type, e->type) == 0;
    for (uint64_t at = 0; same && at < t->size; at += sizeof *piece) {
        size_t size = t->size - at < sizeof *piece ? (size_t)(t->size - at) : sizeof *piece;
        RNN_TRY(librnn_safetensors_read(l->reader, t, at, piece[0], size));
        RNN_TRY(librnn_safetensors_read(l->reader, e, at, piece[1], size));
        same = memcmp(piece[0], piece[1], size) == 0;
    }
    if (same)
        return RNN_OK;
    return librnn_fail(l->own ? RNN_ERROR_FORMAT : RNN_ERROR_MISMATCH,
                       "the model is tied, but in the file %s and %s differ", t->name, e->name);
}

static rnn_status check_tensors(const loading *l)
{
    for (int64_t n = 0; n < l->model->named_count; n++)
        RNN_TRY(check_parameter(l, &l->model->named[n]));
    if (l->model->options.tied)
        RNN_TRY(check_tied(l));
    return check_others(l->reader);
}

/* ---- Loading: their numbers -------------------------------------------------------------------------------------- */

typedef struct number_piece {
    const safetensor *tensor; /* NULL: none */
    bool is_double;
    double room[PIECE]; /* of either precision */
} number_piece;

static rnn_status read_piece(const loading *l, int64_t first, int64_t count, number_piece *piece)
{
    if (!piece->tensor)
        return RNN_OK;
    size_t size = piece->is_double ? sizeof(double) : sizeof(float);
    RNN_TRY(
        librnn_safetensors_read(l->reader, piece->tensor, (uint64_t)first * size, piece->room, (size_t)count * size));
    rnn_safetensors_order(piece->room, (size_t)count, size);
    return RNN_OK;
}

static double number_of(const number_piece *piece, int64_t k)
{
    return piece->is_double ? piece->room[k] : (double)((const float *)(const void *)piece->room)[k];
}

/* Element `index` of a parameter as the k-th number of `piece`, plus that of `other`, if there is one. */
static rnn_status put(const loading *l, const named_parameter *p, int64_t index, int64_t k, const number_piece *piece,
                      const number_piece *other)
{
    const rnn_model *m = l->model;
    bool to_double = m->options.precision == RNN_FLOAT64;
    size_t place = rnn_model_place(p, index / p->columns, index % p->columns);
    void *to = rnn_model_at(m, m->parameters, place);
    double second = other->tensor ? number_of(other, k) : 0;
    if (second == 0 && piece->is_double == to_double) {
        memcpy(to, rnn_model_at_const(m, piece->room, (size_t)k), m->element_size);
        return RNN_OK;
    }
    double first = number_of(piece, k), sum = second == 0 ? first : first + second;
    if (second != 0 && p->rows - index <= m->core->cell(m->options.cell)->apart * m->options.hidden_size)
        return librnn_fail(RNN_ERROR_MISMATCH,
                           "%s[%" PRId64
                           "] is %g; the last bias of %s can't be added to the other, so use RNN_BIAS_BOTH",
                           other->tensor->name, index, second, librnn_name_of(librnn_cells, m->options.cell));
    if (isfinite(first) && isfinite(second) && !isfinite(to_double ? sum : (double)(float)sum))
        return librnn_fail(RNN_ERROR_MISMATCH, "element %" PRId64 " of %s is %g, which is too large for %s", index,
                           piece->tensor->name, sum, librnn_name_of(librnn_precisions, m->options.precision));
    if (to_double)
        *(double *)to = sum;
    else
        *(float *)to = (float)sum;
    return RNN_OK;
}

static rnn_status read_parameter(const loading *l, const named_parameter *p)
{
    number_piece piece = {.tensor = find(l, p->name)}, other = {.tensor = NULL};
    char name[PARAMETER_NAME_MOST];
    int64_t total = p->rows * p->columns;
    if (!piece.tensor)
        return RNN_OK; /* zeros already */
    piece.is_double = strcmp(piece.tensor->type, "F64") == 0;
    if (lacks_other_bias(l->model, p)) {
        name_other_bias(p, name);
        other.tensor = find(l, name);
        other.is_double = strcmp(other.tensor->type, "F64") == 0;
    }
    bool as_it_is = !p->by_column && !other.tensor && piece.is_double == (l->model->options.precision == RNN_FLOAT64);
    for (int64_t first = 0, count; first < total; first += count) {
        count = total - first < PIECE ? total - first : PIECE;
        RNN_TRY(read_piece(l, first, count, &piece));
        RNN_TRY(read_piece(l, first, count, &other));
        if (as_it_is)
            memcpy(rnn_model_at(l->model, l->model->parameters, p->offset + (size_t)first), piece.room,
                   (size_t)count * l->model->element_size);
        for (int64_t k = 0; k < count && !as_it_is; k++)
            RNN_TRY(put(l, p, first + k, k, &piece, &other));
    }
    return RNN_OK;
}

/* ---- Loading ----------------------------------------------------------------------------------------------------- */

static rnn_status choose_options(const loading *l, rnn_model_options *options)
{
    const rnn_model_options *given = l->options->configuration;
    if (!l->own && !given)
        return librnn_fail(RNN_ERROR_FORMAT,
                           "the file doesn't say what the model is: librnn has not written it, or it is damaged; the "
                           "configuration of rnn_load_options can say it");
    if (l->own)
        RNN_TRY(librnn_text_read_options(l->reader, options));
    if (given) {
        rnn_model_options read;
        RNN_TRY(librnn_model_read_options(given, &read));
        if (l->own)
            RNN_TRY(librnn_text_check_agreement(&read, options));
        *options = read;
    }
    options->precision = l->options->precision;
    if (options->precision != RNN_PRECISION_STORED)
        return RNN_OK;
    options->precision = RNN_FLOAT32;
    for (size_t i = 0; i < l->reader->count; i++)
        if (strcmp(l->reader->tensors[i].type, "F64") == 0 && !is_own(&l->reader->tensors[i]))
            options->precision = RNN_FLOAT64;
    return RNN_OK;
}

/* A name that the load doesn't look for would be without effect. */
static rnn_status check_module_names(const loading *l, const rnn_model_options *model)
{
    const rnn_load_options *o = l->options;
    const struct {
        const char *field, *given, *standard;
    } names[] = {{"rnn_name", o->rnn_name, standard_names[0]},
                 {"decoder_name", o->decoder_name, standard_names[1]},
                 {"embedding_name", o->embedding_name, standard_names[2]}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (l->own && strcmp(names[i].given, names[i].standard) != 0)
            return librnn_fail(RNN_ERROR_MISMATCH,
                               "%s is \"%.*s\", which has no effect: librnn has written the file, and calls the module "
                               "\"%s\"",
                               names[i].field, TEXT_SHOWN, names[i].given, names[i].standard);
    if (model->input != RNN_INPUT_EMBEDDING && strcmp(o->embedding_name, standard_names[2]) != 0)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "embedding_name is \"%.*s\", which has no effect unless the configuration's input is "
                           "RNN_INPUT_EMBEDDING",
                           TEXT_SHOWN, o->embedding_name);
    return RNN_OK;
}

/* A model that is laid out has memory for each layer, so the file must have something for each. */
static rnn_status check_layers(const loading *l, const rnn_model_options *options)
{
    char name[PARAMETER_NAME_MOST];
    for (int64_t k = 0; k < options->layers; k++) {
        snprintf(name, sizeof name, "rnn.weight_hh_l%" PRId64, k);
        if (!find(l, name))
            return fail_missing(l, name);
    }
    return RNN_OK;
}

static rnn_status read_model(loading *l, const rnn_model_options *options)
{
    RNN_TRY(check_kind(l->reader));
    RNN_TRY(check_layers(l, options));
    rnn_status status = librnn_model_lay_out(options, &l->model);
    if (status == RNN_ERROR_ARGUMENT && !l->options->configuration)
        return librnn_fail(RNN_ERROR_FORMAT, "the file describes no possible model: %s", rnn_last_error());
    RNN_TRY(status);
    RNN_TRY(check_tensors(l));
    RNN_TRY(librnn_model_allocate(l->model));
    for (int64_t n = 0; n < l->model->named_count; n++)
        RNN_TRY(read_parameter(l, &l->model->named[n]));
    return RNN_OK;
}

rnn_status librnn_model_read_from(safetensors_reader *reader, const rnn_load_options *options, rnn_model **model,
                                  rnn_vocab **vocab)
{
    loading l = {.reader = reader, .options = options};
    rnn_model_options chosen;
    rnn_vocab *read = NULL;
    RNN_TRY(librnn_text_read_format(reader, &l.own));
    if (librnn_safetensors_text(reader, WITHOUT_MODEL_KEY))
        return librnn_fail(RNN_ERROR_FORMAT, "this is a checkpoint that was saved without a model");
    RNN_TRY(choose_options(&l, &chosen));
    RNN_TRY(check_module_names(&l, &chosen));
    rnn_status status = read_model(&l, &chosen);
    if (status == RNN_OK && l.own)
        status = librnn_text_read_vocab(reader, &chosen, &read);
    if (status != RNN_OK) {
        rnn_model_destroy(l.model);
        return status;
    }
    *model = l.model;
    if (vocab)
        *vocab = read;
    else
        rnn_vocab_destroy(read);
    return RNN_OK;
}

/* What a load is asked for. */
typedef struct wanted {
    rnn_load_options options;
    rnn_model **model;
    rnn_vocab **vocab;
} wanted;

static rnn_status load_model(safetensors_reader *reader, void *what)
{
    const wanted *w = what;
    return librnn_model_read_from(reader, &w->options, w->model, w->vocab);
}

static rnn_status load(const rnn_bytes *source, file_loader *loader, void *what)
{
    safetensors_reader reader;
    fenv_t mode = rnn_float_enter_exact(); /* the header has numbers, too */
    rnn_status status = librnn_safetensors_open(source, &reader);
    if (status == RNN_OK) {
        status = loader(&reader, what);
        librnn_safetensors_close(&reader);
    }
    rnn_float_leave_exact(&mode);
    return status;
}

rnn_status librnn_memory_load(const void *bytes, size_t size, file_loader *loader, void *what)
{
    const rnn_bytes source = {.memory = bytes, .size = size};
    return load(&source, loader, what);
}

rnn_status librnn_file_load(const char *path, file_loader *loader, void *what)
{
    rnn_file file;
    RNN_TRY(librnn_file_open(path, &file));
    const rnn_bytes source = {.file = &file, .size = (uint64_t)file.size};
    rnn_status status = load(&source, loader, what);
    librnn_file_close(&file);
    return status;
}

static const rnn_load_options default_load_options = {
    .struct_size = sizeof(rnn_load_options),
    .precision = RNN_PRECISION_STORED,
};

rnn_status rnn_load_options_init(rnn_load_options *options, size_t struct_size)
{
    return librnn_struct_init("load_options", options, struct_size, &default_load_options, LOAD_OPTIONS_FIRST_SIZE,
                              sizeof default_load_options);
}

static rnn_status check_module_name(const char *which, const char *standard, const char **name)
{
    if (!*name)
        *name = standard;
    if (strlen(*name) > MODULE_NAME_MOST)
        return librnn_fail(RNN_ERROR_ARGUMENT, "%s has %zu bytes; it must have 0 to %d", which, strlen(*name),
                           MODULE_NAME_MOST);
    return RNN_OK;
}

rnn_status librnn_load_options_read(const rnn_load_options *given, rnn_load_options *options)
{
    rnn_load_options read = default_load_options;
    if (given)
        RNN_TRY(librnn_struct_read("load_options", given, &read, LOAD_OPTIONS_FIRST_SIZE, sizeof read));
    RNN_TRY(librnn_check_enumerator("precision", read.precision, librnn_load_precisions));
    RNN_TRY(librnn_check_range("reserved", read.reserved, 0, 0));
    RNN_TRY(check_module_name("rnn_name", standard_names[0], &read.rnn_name));
    RNN_TRY(check_module_name("decoder_name", standard_names[1], &read.decoder_name));
    RNN_TRY(check_module_name("embedding_name", standard_names[2], &read.embedding_name));
    *options = read;
    return RNN_OK;
}

rnn_status librnn_file_blame(const char *path, rnn_status status)
{
    if (status == RNN_OK || status == RNN_ERROR_IO) /* whose sentences begin so already */
        return status;
    return librnn_fail(status, "%.*s: %s", PATH_SHOWN, path, rnn_last_error());
}

rnn_status rnn_model_load(const char *path, const rnn_load_options *options, rnn_model **model, rnn_vocab **vocab)
{
    wanted what = {.model = model, .vocab = vocab};
    RNN_REQUIRE(path);
    RNN_REQUIRE(model);
    RNN_TRY(librnn_load_options_read(options, &what.options));
    return librnn_file_blame(path, librnn_file_load(path, load_model, &what));
}

rnn_status rnn_model_load_from_memory(const void *bytes, size_t size, const rnn_load_options *options,
                                      rnn_model **model, rnn_vocab **vocab)
{
    wanted what = {.model = model, .vocab = vocab};
    RNN_REQUIRE(bytes);
    RNN_REQUIRE(model);
    RNN_TRY(librnn_load_options_read(options, &what.options));
    return librnn_memory_load(bytes, size, load_model, &what);
}
