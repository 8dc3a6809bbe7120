/*
 * model_load.c: creates a model from a file's texts and tensors. docs/files.md is the specification.
 *
 * Loading does cheap checks first. It finds the options from the texts or from the tensors' shapes. The options give
 * the shapes of the parameters, which are compared with the file's tensors. It allocates the parameters only after it
 * has found all tensors. So the memory that a model takes is in proportion to the size of its file.
 */
#include "storage/model_load.h"

#include "base/names.h"
#include "network/options.h"
#include "storage/metadata.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 1024,    /* numbers read at a time */
    NAME_SHOWN = 60, /* maximum number of bytes of a name in an error message */
    NAMES_SHOWN = 3, /* maximum number of tensor names in an error message */
};

typedef struct loading {
    safetensors_reader *reader;
    const rnn_load_options *options;
    bool own;           /* librnn wrote the file */
    module_names names; /* in the file */
    rnn_model *model;   /* set when its shapes are known */
} loading;

static const char *const name_options[MODULES] = {"rnn_name", "decoder_name", "embedding_name"};

/* ---- Tensors of the file ----------------------------------------------------------------------------------------- */

/* The tensor of a parameter; NULL if the file has none. Finding a tensor marks it as taken. */
static const safetensor *find_exactly(const loading *l, const char *parameter)
{
    char name[TENSOR_NAME_MOST];
    librnn_tensor_name(&l->names, parameter, name);
    return librnn_safetensors_find(l->reader, name);
}

/* The same, but in a tied model the one matrix may also have the decoder's name. */
static const safetensor *find(const loading *l, const char *parameter)
{
    const safetensor *t = find_exactly(l, parameter);
    if (!t && l->model && l->model->options.tied && strcmp(parameter, "embedding.weight") == 0)
        return find_exactly(l, "decoder.weight");
    return t;
}

static bool is_own(const safetensor *t)
{
    return strncmp(t->name, OWN_PREFIX, strlen(OWN_PREFIX)) == 0;
}

/* The name of a tensor within a module; NULL if it doesn't belong to the module. */
static const char *name_within(const safetensor *t, const char *module)
{
    size_t length = strlen(module);
    const char *rest = t->name;
    if (length > 0) {
        if (strncmp(rest, module, length) != 0 || rest[length] != '.')
            return NULL;
        rest += length + 1;
    } else if (strncmp(rest, "weight", strlen("weight")) != 0 && strncmp(rest, "bias", strlen("bias")) != 0) {
        return NULL;
    }
    return strchr(rest, '.') ? NULL : rest;
}

static bool is_of(const loading *l, const safetensor *t, model_module m)
{
    return name_within(t, l->names.of[m]);
}

static bool has_embedding(const rnn_model_options *o)
{
    return o->input == RNN_INPUT_EMBEDDING;
}

/* Whether a tensor belongs to one of the modules of a model with these options. */
static bool is_of_model(const loading *l, const safetensor *t, const rnn_model_options *o)
{
    return is_of(l, t, MODULE_RNN) || is_of(l, t, MODULE_DECODER) ||
           (has_embedding(o) && is_of(l, t, MODULE_EMBEDDING));
}

/* ---- Missing tensors --------------------------------------------------------------------------------------------- */

/* Whether the file's name is that of one file of a model in several files, such as x-00002-of-00003. */
static bool is_part(const rnn_bytes *source, int *part, int *parts)
{
    if (!source->file)
        return false;
    for (const char *at = strstr(source->file->path, "-of-"); at; at = strstr(at + 1, "-of-")) {
        const char *first = at;
        while (first > source->file->path && isdigit((unsigned char)first[-1]))
            first--;
        long number = strtol(first, NULL, 10), count = strtol(at + strlen("-of-"), NULL, 10);
        if (first < at && at - first < 9 && count > 1 && count < 100000000) {
            *part = (int)number;
            *parts = (int)count;
            return true;
        }
    }
    return false;
}

/*
 * Whether a tensor may be the missing one: it has the same name in another module, and the same number of dimensions.
 */
static bool is_candidate(const loading *l, const safetensor *t, const char *parameter)
{
    const char *dot = strrchr(t->name, '.'), *own = dot ? dot + 1 : t->name;
    int32_t rank = strstr(parameter, "weight") ? 2 : 1;
    return strcmp(own, strchr(parameter, '.') + 1) == 0 && t->rank == rank && !t->taken && !is_own(t) &&
           (librnn_module_of(parameter) == MODULE_RNN || !is_of(l, t, MODULE_RNN));
}

/*
 * Writes "a, b, c and 2 more": all tensors of the file, or only those that could be the parameter. *only: the last of
 * them.
 */
static size_t list_tensors(const loading *l, const char *parameter, char *list, size_t size, const safetensor **only)
{
    size_t count = 0, shown = 0, at = 0;
    *list = '\0';
    for (size_t i = 0; i < l->reader->count; i++) {
        const safetensor *t = &l->reader->tensors[i];
        if (is_own(t) || (parameter && !is_candidate(l, t, parameter)))
            continue;
        if (only)
            *only = t;
        if (count++ < NAMES_SHOWN)
            at += (size_t)snprintf(list + at, size - at, "%s%.*s", shown++ ? ", " : "", NAME_SHOWN, t->name);
    }
    if (count > shown)
        snprintf(list + at, size - at, " and %zu more", count - shown);
    return count;
}

static rnn_status fail_missing(const loading *l, const char *parameter)
{
    char name[TENSOR_NAME_MOST], list[NAMES_SHOWN * (NAME_SHOWN + 2) + 32];
    const safetensor *only = NULL;
    int part, parts;
    model_module m = librnn_module_of(parameter);
    librnn_tensor_name(&l->names, parameter, name);
    if (l->own)
        return librnn_fail(RNN_ERROR_FORMAT, "the file has no tensor %s", name);
    if (is_part(l->reader->source, &part, &parts))
        return librnn_fail(RNN_ERROR_FORMAT,
                           "the file has no tensor %s; its name says that it is part %d of %d, so put the tensors of "
                           "all parts into one file",
                           name, part, parts);
    size_t candidates = list_tensors(l, parameter, list, sizeof list, &only);
    if (candidates == 1) {
        const char *dot = strrchr(only->name, '.');
        return librnn_fail(RNN_ERROR_FORMAT, "the file has no tensor %s, but it has %s; set %s to \"%.*s\"", name, list,
                           name_options[m], dot ? (int)(dot - only->name) : 0, only->name);
    }
    if (candidates > 1)
        return librnn_fail(
            RNN_ERROR_FORMAT,
            "the file has no tensor %s, but it has %s; set %s to the part before \".%s\" of the right name", name, list,
            name_options[m], strchr(parameter, '.') + 1);
    list_tensors(l, NULL, list, sizeof list, NULL);
    return librnn_fail(RNN_ERROR_FORMAT, "the file has no tensor %s; it has %s", name, *list ? list : "none");
}

/* The decoder or the embedding may be missing because one tensor serves as both. */
static rnn_status fail_missing_weight(const loading *l, const named_parameter *p)
{
    const rnn_model_options *o = &l->model->options;
    bool decoder = strcmp(p->name, "decoder.weight") == 0;
    const safetensor *other = !has_embedding(o) || o->embedding_size != o->hidden_size * (1 + o->bidirectional) ||
                                      o->input_size != o->output_size || o->tied
                                  ? NULL
                              : decoder                                  ? find_exactly(l, "embedding.weight")
                              : strcmp(p->name, "embedding.weight") == 0 ? find_exactly(l, "decoder.weight")
                                                                         : NULL;
    if (!other || l->own)
        return fail_missing(l, p->name);
    char name[TENSOR_NAME_MOST];
    librnn_tensor_name(&l->names, p->name, name);
    return librnn_fail(
        RNN_ERROR_FORMAT,
        "the file has no tensor %s, but it has %s; if that tensor serves as both, set tied in the configuration", name,
        other->name);
}

/* ---- Checking the tensors ---------------------------------------------------------------------------------------- */

/* A type of numbers that can be read, with its size in bytes. */
typedef struct number_type {
    const char *name;
    size_t size;
    double (*number)(const void *bytes); /* in this machine's byte order */
} number_type;

/* IEEE 754 binary16: 1 sign bit, 5 exponent bits, 10 fraction bits. */
static double number_of_f16(const void *bytes)
{
    uint16_t bits;
    memcpy(&bits, bytes, sizeof bits);
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31  ? (fraction ? (double)NAN : (double)INFINITY)
                  : exponent == 0 ? ldexp(fraction, -24)
                                  : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 ? -size : size;
}

/* bfloat16: the upper half of a float32. */
static double number_of_bf16(const void *bytes)
{
    uint16_t half;
    float number;
    memcpy(&half, bytes, sizeof half);
    uint32_t bits = (uint32_t)half << 16;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static double number_of_f32(const void *bytes)
{
    float number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static double number_of_f64(const void *bytes)
{
    double number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static const number_type *type_of(const safetensor *t)
{
    static const number_type types[] = {
        {"F32", 4, number_of_f32},
        {"F64", 8, number_of_f64},
        {"F16", 2, number_of_f16},
        {"BF16", 2, number_of_bf16},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, t->type) == 0)
            return &types[i];
    return NULL;
}

static rnn_status check_tensor(const safetensor *t, int32_t rank, const int64_t *shape)
{
    if (!type_of(t))
        return librnn_fail(RNN_ERROR_FORMAT, "%s has the type %.*s; it must be F64, F32, F16 or BF16", t->name,
                           NAME_SHOWN, t->type);
    return librnn_tensor_check_shape(t, rank, shape);
}

/*
 * Whether the file lacks a parameter that it may lack. In a file that librnn didn't write, biases may be missing, but
 * if a layer has one of its two biases, it must have both. Gains must not be missing.
 */
static bool is_without(const loading *l, const named_parameter *p)
{
    char other[PARAMETER_NAME_MOST];
    if (l->own || p->rank != 1 || p->role == ROLE_GAIN || find(l, p->name))
        return false;
    if (!librnn_is_layer_bias(p))
        return true;
    librnn_name_other_bias(p, other);
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
        return fail_missing_weight(l, p);
    RNN_TRY(check_tensor(t, p->rank, shape));
    if (!librnn_lacks_other_bias(l->model, p))
        return RNN_OK;
    librnn_name_other_bias(p, other);
    t = find(l, other);
    return t ? check_tensor(t, p->rank, shape) : fail_missing(l, other);
}

/*
 * Fails for kinds of networks that PyTorch has and librnn doesn't support, or that don't match the configuration.
 * Otherwise the user would look for a mistake in the shapes.
 */
static rnn_status check_kind(const loading *l, const rnn_model_options *o)
{
    for (size_t i = 0; i < l->reader->count; i++) {
        const safetensor *t = &l->reader->tensors[i];
        if (!is_of(l, t, MODULE_RNN))
            continue;
        if (strstr(t->name, "weight_hr_l"))
            return librnn_fail(
                RNN_ERROR_FORMAT,
                "the file's tensor %.*s belongs to an LSTM with projections (proj_size), which librnn doesn't support",
                2 * NAME_SHOWN, t->name);
        if (strstr(t->name, "_reverse") && !o->bidirectional)
            return librnn_fail(RNN_ERROR_FORMAT,
                               "the file's tensor %.*s belongs to a bidirectional network, but bidirectional is 0 in "
                               "the configuration",
                               2 * NAME_SHOWN, t->name);
    }
    return RNN_OK;
}

/* Fails if there is a tensor that hasn't been used, isn't librnn's own, and isn't to be ignored. */
static rnn_status check_others(const loading *l)
{
    for (size_t i = 0; i < l->reader->count; i++) {
        const safetensor *t = &l->reader->tensors[i];
        if (t->taken || is_own(t))
            continue;
        if (is_of_model(l, t, &l->model->options))
            return librnn_fail(RNN_ERROR_FORMAT, "the file has a tensor %.*s, but the model has no such parameter",
                               2 * NAME_SHOWN, t->name);
        if (!l->options->ignore_others)
            return librnn_fail(
                RNN_ERROR_FORMAT,
                "the file has a tensor %.*s, but the model has no such parameter; set ignore_others to ignore it",
                2 * NAME_SHOWN, t->name);
    }
    return RNN_OK;
}

/* The matrix of a tied model may be in the file twice. Then both copies must be equal. */
static rnn_status check_tied(const loading *l)
{
    const safetensor *d = find_exactly(l, "decoder.weight"), *e = find_exactly(l, "embedding.weight");
    const int64_t shape[2] = {l->model->options.output_size, l->model->options.embedding_size};
    char piece[2][PIECE * sizeof(float)];
    if (!d || !e)
        return RNN_OK;
    RNN_TRY(check_tensor(d, 2, shape));
    bool same = strcmp(d->type, e->type) == 0;
    for (uint64_t at = 0; same && at < d->size; at += sizeof *piece) {
        size_t size = d->size - at < sizeof *piece ? (size_t)(d->size - at) : sizeof *piece;
        RNN_TRY(librnn_safetensors_read(l->reader, d, at, piece[0], size));
        RNN_TRY(librnn_safetensors_read(l->reader, e, at, piece[1], size));
        same = memcmp(piece[0], piece[1], size) == 0;
    }
    if (same)
        return RNN_OK;
    return librnn_fail(l->own ? RNN_ERROR_FORMAT : RNN_ERROR_MISMATCH,
                       "the model is tied, but in the file %s and %s differ", d->name, e->name);
}

static rnn_status check_tensors(const loading *l)
{
    for (int64_t n = 0; n < l->model->named_count; n++)
        RNN_TRY(check_parameter(l, &l->model->named[n]));
    if (l->model->options.tied)
        RNN_TRY(check_tied(l));
    return check_others(l);
}

/* ---- Reading the numbers ----------------------------------------------------------------------------------------- */

typedef struct number_piece {
    const safetensor *tensor; /* or NULL */
    const number_type *type;
    char room[PIECE * sizeof(double)];
} number_piece;

static rnn_status read_piece(const loading *l, int64_t first, int64_t count, number_piece *piece)
{
    if (!piece->tensor)
        return RNN_OK;
    size_t size = piece->type->size;
    RNN_TRY(
        librnn_safetensors_read(l->reader, piece->tensor, (uint64_t)first * size, piece->room, (size_t)count * size));
    rnn_safetensors_order(piece->room, (size_t)count, size);
    return RNN_OK;
}

static const void *place_in(const number_piece *piece, int64_t k)
{
    return piece->room + (size_t)k * piece->type->size;
}

/*
 * The status for a number that the model can't represent. It is the file's fault, unless the caller asked for a
 * different model or precision.
 */
static rnn_status status_of_number(const loading *l)
{
    bool asked = l->options->configuration || l->options->precision != RNN_PRECISION_STORED;
    return l->own && !asked ? RNN_ERROR_FORMAT : RNN_ERROR_MISMATCH;
}

/* Sets element `index` of a parameter to the k-th number of `piece`, plus that of `other` if there is one. */
static rnn_status put(const loading *l, const named_parameter *p, int64_t index, int64_t k, const number_piece *piece,
                      const number_piece *other)
{
    const rnn_model *m = l->model;
    bool to_double = m->options.precision == RNN_FLOAT64;
    size_t place = rnn_model_place(p, index / p->columns, index % p->columns);
    void *to = rnn_model_at(m, m->parameters, place);
    double second = other->tensor ? other->type->number(place_in(other, k)) : 0;
    if (second == 0 && strcmp(piece->tensor->type, librnn_model_type(m)) == 0) {
        memcpy(to, place_in(piece, k), m->element_size);
        return RNN_OK;
    }
    double first = piece->type->number(place_in(piece, k)), sum = second == 0 ? first : first + second;
    if (second != 0 && p->rows - index <= m->core->cell(m->options.cell)->separate * m->options.hidden_size)
        return librnn_fail(
            status_of_number(l),
            "%s[%" PRId64
            "] is %g; it must be 0 unless bias is RNN_BIAS_BOTH, since %s uses its last biases separately",
            // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): `second` is 0 without a tensor
            other->tensor->name, index, second, librnn_name_of(librnn_cells, m->options.cell));
    if (isfinite(first) && isfinite(second) && !isfinite(to_double ? sum : (double)(float)sum))
        return librnn_fail(status_of_number(l), "element %" PRId64 " of %s is %g, which is too large for %s", index,
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
        return RNN_OK; /* the parameter is zeros already */
    if (librnn_lacks_other_bias(l->model, p)) {
        librnn_name_other_bias(p, name);
        other.tensor = find(l, name);
        other.type = type_of(other.tensor);
    } else if (strcmp(piece.tensor->type, librnn_model_type(l->model)) == 0) {
        return librnn_parameter_read_from(l->reader, piece.tensor, l->model, p, l->model->parameters);
    }
    piece.type = type_of(piece.tensor);
    for (int64_t first = 0, count; first < total; first += count) {
        count = total - first < PIECE ? total - first : PIECE;
        RNN_TRY(read_piece(l, first, count, &piece));
        RNN_TRY(read_piece(l, first, count, &other));
        for (int64_t k = 0; k < count; k++)
            RNN_TRY(put(l, p, first + k, k, &piece, &other));
    }
    return RNN_OK;
}

/* ---- Options from the shapes of another program's file ----------------------------------------------------------- */

static rnn_status check_rank(const safetensor *t, int32_t rank)
{
    char shape[SHAPE_TEXT_MOST];
    if (t->rank == rank)
        return RNN_OK;
    librnn_shape_text(t->rank, t->shape, shape);
    return librnn_fail(RNN_ERROR_FORMAT, "%s has the shape %s; it must have %" PRId32 " dimension%s", t->name, shape,
                       rank, rnn_plural((uint64_t)rank));
}

static rnn_status need_matrix(const loading *l, const char *parameter, const safetensor **t)
{
    *t = find_exactly(l, parameter);
    return *t ? check_rank(*t, 2) : fail_missing(l, parameter);
}

/* Finds the cell by its number of gates, which is the number of rows per column. The columns are the hidden units. */
static rnn_status infer_cell(const safetensor *hh, rnn_model_options *o)
{
    const core_cell_info *cell;
    char list[128] = "";
    size_t at = 0;
    o->hidden_size = hh->shape[1];
    for (o->cell = 0; (cell = librnn_core_f32_baseline.cell(o->cell)); o->cell++) {
        if (hh->shape[0] % cell->gates == 0 && hh->shape[0] / cell->gates == hh->shape[1])
            return RNN_OK;
        if (at < sizeof list)
            at += (size_t)snprintf(list + at, sizeof list - at, "%s%d (%s)", at ? ", " : "", cell->gates, cell->name);
    }
    return librnn_fail(RNN_ERROR_FORMAT,
                       "%s has %" PRId64 " rows and %" PRId64
                       " columns; the rows must be the columns times the number of a cell's gates: %s",
                       hh->name, hh->shape[0], hh->shape[1], list);
}

static int64_t count_layers(const loading *l)
{
    char name[PARAMETER_NAME_MOST];
    int64_t layers = 0;
    do
        snprintf(name, sizeof name, "rnn.weight_hh_l%" PRId64, ++layers);
    while (find_exactly(l, name));
    return layers;
}

/* Fails and asks for the input: columns may belong to symbols or to vectors, and only the caller knows which. */
static rnn_status ask_for_input(const loading *l, const safetensor *ih)
{
    char name[TENSOR_NAME_MOST], list[NAMES_SHOWN * (NAME_SHOWN + 2) + 32];
    librnn_tensor_name(&l->names, "embedding.weight", name);
    size_t others = list_tensors(l, "embedding.weight", list, sizeof list, NULL);
    return librnn_fail(RNN_ERROR_FORMAT,
                       "the file doesn't say whether the %" PRId64
                       " column%s of %s belong to symbols or to the features of vectors; give a configuration with the "
                       "right input and set infer, or if %s is an embedding, set embedding_name",
                       ih->shape[1], rnn_plural((uint64_t)ih->shape[1]), ih->name, others > 0 ? list : name);
}

/* Sets the options in `o` that the tensors determine. The other options stay unchanged. */
static rnn_status infer_options(const loading *l, rnn_model_options *o)
{
    const safetensor *hh, *ih, *embedding = find_exactly(l, "embedding.weight");
    const safetensor *decoder = find_exactly(l, "decoder.weight");
    RNN_TRY(need_matrix(l, "rnn.weight_hh_l0", &hh));
    RNN_TRY(need_matrix(l, "rnn.weight_ih_l0", &ih));
    RNN_TRY(infer_cell(hh, o));
    o->layers = count_layers(l);
    o->bidirectional = find_exactly(l, "rnn.weight_hh_l0_reverse") != NULL;
    o->learned_state = find_exactly(l, "rnn.initial_h_l0") != NULL;
    o->layer_norm = find_exactly(l, "rnn.norm_ih_l0") != NULL;
    o->bias = find_exactly(l, "rnn.bias_ih_l0") || find_exactly(l, "rnn.bias_hh_l0") ? RNN_BIAS_BOTH : RNN_BIAS_INPUT;
    if (embedding)
        o->input = RNN_INPUT_EMBEDDING;
    else if (!l->options->configuration)
        return ask_for_input(l, ih);
    o->tied = has_embedding(o) && (!embedding || !decoder) && ih->shape[1] == o->hidden_size * (1 + o->bidirectional);
    if (o->tied)
        embedding = decoder = embedding ? embedding : decoder;
    if (!decoder)
        return fail_missing(l, "decoder.weight");
    if (has_embedding(o) && !embedding)
        return fail_missing(l, "embedding.weight");
    RNN_TRY(check_rank(decoder, 2));
    if (embedding)
        RNN_TRY(check_rank(embedding, 2));
    o->embedding_size = embedding ? embedding->shape[1] : 0;
    o->input_size = embedding ? embedding->shape[0] : ih->shape[1];
    o->output_size = decoder->shape[0];
    return RNN_OK;
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

static bool is_inferred(const loading *l)
{
    return l->options->infer || !l->options->configuration;
}

/* Finds the options that determine what the network computes, from the file, from the configuration, or from both. */
static rnn_status choose_options(const loading *l, rnn_model_options *options)
{
    const rnn_model_options *given = l->options->configuration;
    rnn_model_options read;
    RNN_TRY(rnn_model_options_init(&read, sizeof read));
    if (given)
        RNN_TRY(librnn_options_read(given, &read));
    if (l->own) {
        rnn_model_options stored;
        RNN_TRY(librnn_text_read_options(l->reader, &stored));
        if (!is_inferred(l))
            RNN_TRY(librnn_text_check_agreement(&read, &stored));
        if (given)
            librnn_text_copy_needed(&stored, &read);
        else
            read = stored;
    } else if (is_inferred(l)) {
        RNN_TRY(infer_options(l, &read));
    }
    *options = read;
    return RNN_OK;
}

/* Chooses the precision in which the numbers are loaded. */
static int32_t choose_precision(const loading *l, const rnn_model_options *o)
{
    if (l->options->precision != RNN_PRECISION_STORED)
        return l->options->precision;
    for (size_t i = 0; i < l->reader->count; i++)
        if (strcmp(l->reader->tensors[i].type, "F64") == 0 && is_of_model(l, &l->reader->tensors[i], o))
            return RNN_FLOAT64;
    return RNN_FLOAT32;
}

/*
 * Finds the names of the modules. It is an error if a given name differs from the one that the file states, because it
 * would have no effect.
 */
static rnn_status choose_names(loading *l)
{
    const rnn_load_options *o = l->options;
    const module_names given = {{o->rnn_name, o->decoder_name, o->embedding_name}};
    if (!l->own) {
        l->names = librnn_names_or_standard(&given);
        return RNN_OK;
    }
    RNN_TRY(librnn_text_read_names(l->reader, &l->names));
    for (int m = 0; m < MODULES; m++)
        if (given.of[m] && strcmp(given.of[m], l->names.of[m]) != 0)
            return librnn_fail(RNN_ERROR_MISMATCH,
                               "%s is \"%.*s\"; it has no effect, since the file was written by librnn, which calls "
                               "the module \"%.*s\"",
                               name_options[m], NAME_SHOWN, given.of[m], NAME_SHOWN, l->names.of[m]);
    return RNN_OK;
}

/*
 * Checks that the file has a tensor for each layer. Laying out a model takes memory for each layer, so without this
 * check a small file could make the library allocate much memory.
 */
static rnn_status check_layers(const loading *l, const rnn_model_options *options)
{
    char name[PARAMETER_NAME_MOST];
    for (int64_t k = 0; k < options->layers; k++)
        for (int32_t reverse = 0; reverse <= options->bidirectional; reverse++) {
            snprintf(name, sizeof name, "rnn.weight_hh_l%" PRId64 "%s", k, reverse ? "_reverse" : "");
            if (!find_exactly(l, name))
                return fail_missing(l, name);
        }
    return RNN_OK;
}

static rnn_status read_model(loading *l, const rnn_model_options *options)
{
    RNN_TRY(check_kind(l, options));
    RNN_TRY(check_layers(l, options));
    rnn_status status = librnn_model_lay_out(options, &l->model);
    if (status == RNN_ERROR_ARGUMENT && !l->options->configuration)
        return librnn_fail(RNN_ERROR_FORMAT, "the file describes an invalid model: %s", rnn_last_error());
    RNN_TRY(status);
    RNN_TRY(check_tensors(l));
    RNN_TRY(librnn_model_allocate(l->model));
    for (int64_t n = 0; n < l->model->named_count; n++)
        RNN_TRY(read_parameter(l, &l->model->named[n]));
    return librnn_text_read_notes(l->reader, &l->model->notes);
}

rnn_status librnn_model_read_from(safetensors_reader *reader, const rnn_load_options *options, rnn_model **model,
                                  rnn_vocab **vocab)
{
    loading l = {.reader = reader, .options = options};
    rnn_model_options chosen;
    rnn_vocab *read = NULL;
    RNN_TRY(librnn_text_read_format(reader, &l.own));
    if (librnn_safetensors_text(reader, WITHOUT_MODEL_KEY))
        return librnn_fail(RNN_ERROR_FORMAT, "the file is a checkpoint that was saved without a model");
    RNN_TRY(choose_names(&l));
    RNN_TRY(choose_options(&l, &chosen));
    if (!has_embedding(&chosen) &&
        strcmp(l.names.of[MODULE_EMBEDDING], librnn_standard_names.of[MODULE_EMBEDDING]) != 0)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "embedding_name is \"%.*s\"; it has no effect, since the model has no embedding", NAME_SHOWN,
                           l.names.of[MODULE_EMBEDDING]);
    chosen.precision = choose_precision(&l, &chosen);
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
