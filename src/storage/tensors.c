/*
 * tensors.c: reads and writes a model's parameters as tensors of a file.
 */
#include "storage/tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PIECE = 1024 /* numbers read or written at a time */ };

/* ---- Names and shapes -------------------------------------------------------------------------------------------- */

const module_names librnn_standard_names = {{"rnn", "decoder", "embedding"}};

module_names librnn_names_or_standard(const module_names *names)
{
    module_names chosen = *names;
    for (int m = 0; m < MODULES; m++)
        if (!chosen.of[m])
            chosen.of[m] = librnn_standard_names.of[m];
    return chosen;
}

model_module librnn_module_of(const char *parameter)
{
    size_t length = strcspn(parameter, ".");
    for (model_module m = 0; m < MODULES; m++)
        if (strncmp(parameter, librnn_standard_names.of[m], length) == 0)
            return m;
    return MODULE_RNN; /* not reached, because each parameter's name begins with that of a module */
}

void librnn_tensor_name(const module_names *names, const char *parameter, char name[TENSOR_NAME_MOST])
{
    const char *module = names->of[librnn_module_of(parameter)], *rest = strchr(parameter, '.');
    snprintf(name, TENSOR_NAME_MOST, "%s%s", module, *module ? rest : rest + 1);
}

bool librnn_is_layer_bias(const named_parameter *p)
{
    return strncmp(p->name, "rnn.bias_", strlen("rnn.bias_")) == 0;
}

bool librnn_lacks_other_bias(const rnn_model *model, const named_parameter *p)
{
    return model->options.bias == RNN_BIAS_INPUT && librnn_is_layer_bias(p);
}

void librnn_name_other_bias(const named_parameter *p, char name[PARAMETER_NAME_MOST])
{
    char *letter = name + strlen("rnn.bias_");
    strcpy(name, p->name);
    *letter = *letter == 'i' ? 'h' : 'i';
}

const char *librnn_model_type(const rnn_model *model)
{
    return model->options.precision == RNN_FLOAT32 ? "F32" : "F64";
}

void librnn_shape_text(int32_t rank, const int64_t *shape, char text[SHAPE_TEXT_MOST])
{
    if (rank == 0)
        strcpy(text, "of a single number");
    for (int32_t i = 0; i < rank; i++)
        text += sprintf(text, "[%" PRId64 "]", shape[i]);
}

rnn_status librnn_tensor_check_shape(const safetensor *t, int32_t rank, const int64_t *shape)
{
    char own[SHAPE_TEXT_MOST], needed[SHAPE_TEXT_MOST];
    if (t->rank == rank && memcmp(t->shape, shape, (size_t)rank * sizeof *shape) == 0)
        return RNN_OK;
    librnn_shape_text(t->rank, t->shape, own);
    librnn_shape_text(rank, shape, needed);
    return librnn_fail(RNN_ERROR_FORMAT, "%s has the shape %s; the model needs %s", t->name, own, needed);
}

/* ---- Numbers ----------------------------------------------------------------------------------------------------- */

/* Whether the elements are in memory in the same order as in a file: row by row and little-endian. */
static bool stands_as_in_a_file(const named_parameter *p)
{
    return !p->by_column && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

/* Copies `count` elements of a buffer, from row-major index `first` on. */
static void gather(const rnn_model *model, const named_parameter *p, const void *buffer, int64_t first, int64_t count,
                   void *piece)
{
    for (int64_t k = 0; k < count; k++) {
        size_t place = rnn_model_place(p, (first + k) / p->columns, (first + k) % p->columns);
        memcpy(rnn_model_at(model, piece, (size_t)k), rnn_model_at_const(model, buffer, place), model->element_size);
    }
}

/* Copies them back. */
static void scatter(const rnn_model *model, const named_parameter *p, void *buffer, int64_t first, int64_t count,
                    const void *piece)
{
    for (int64_t k = 0; k < count; k++) {
        size_t place = rnn_model_place(p, (first + k) / p->columns, (first + k) % p->columns);
        memcpy(rnn_model_at(model, buffer, place), rnn_model_at_const(model, piece, (size_t)k), model->element_size);
    }
}

rnn_status librnn_parameter_write_to(rnn_sink *sink, const rnn_model *model, const named_parameter *p,
                                     const void *buffer)
{
    double piece[PIECE] = {0}; /* large enough for either precision */
    int64_t total = p->rows * p->columns;
    if (buffer && stands_as_in_a_file(p))
        return librnn_sink_write(sink, rnn_model_at_const(model, buffer, p->offset),
                                 (size_t)total * model->element_size);
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
    if (stands_as_in_a_file(p))
        return librnn_safetensors_read(reader, tensor, 0, rnn_model_at(model, buffer, p->offset), (size_t)total * size);
    for (int64_t first = 0, count; first < total; first += count) {
        count = total - first < PIECE ? total - first : PIECE;
        RNN_TRY(librnn_safetensors_read(reader, tensor, (uint64_t)first * size, piece, (size_t)count * size));
        rnn_safetensors_order(piece, (size_t)count, size);
        scatter(model, p, buffer, first, count, piece);
    }
    return RNN_OK;
}
