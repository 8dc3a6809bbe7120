/*
 * model.h: the internals of a model, for the functions that work on it.
 */
#ifndef RNN_MODEL_H
#define RNN_MODEL_H

#include "base/status.h"
#include "core/core.h"
#include "network/notes.h"

enum { PARAMETER_NAME_MOST = 48 };

/* The purpose of a parameter, which determines its initial values. */
typedef enum parameter_role {
    ROLE_EMBEDDING,
    ROLE_WEIGHT,
    ROLE_RECURRENT_WEIGHT,
    ROLE_BIAS,
    ROLE_INITIAL_STATE, /* a bias with initial value 0 */
    ROLE_GAIN,          /* a bias with initial value 1 */
    ROLE_FORGET_BIAS,   /* a bias; forget_bias is added to the initial values of the forget gate's rows */
} parameter_role;

/* One named parameter: a matrix, or a vector as a matrix with one column. */
typedef struct named_parameter {
    char name[PARAMETER_NAME_MOST];
    parameter_role role;
    size_t offset; /* in the flat buffers */
    int64_t rows, columns;
    int32_t rank;
    bool by_column; /* stored in column-major order: the input weights of symbols */
    bool frozen;    /* optimizers don't change it */
} named_parameter;

typedef struct model_cache model_cache;

struct rnn_model {
    rnn_model_options options;
    const rnn_core *core;
    core_network network;
    core_layer *layers;
    named_parameter *named;
    int64_t named_count, frozen_count;
    size_t count;        /* number of elements in each flat buffer */
    bool too_large;      /* the parameters exceed the address space; the model can't be created */
    size_t multiplied;   /* number of parameters that every position is multiplied with */
    size_t element_size; /* in bytes */
    void *parameters;
    void *gradients; /* NULL until the first gradient is computed or set */

    model_cache *cache; /* packed weights and reusable memory */
    note_list notes;    /* the caller's notes */

    /*
     * The input weights of symbols, or their embeddings, come first in the buffers, one row per symbol. `used` tells
     * which rows may have a non-zero gradient, and `used_rows` lists them. If any_row_used is true, any row may have
     * one, because the caller has a pointer to the gradients or because the embedding is also the decoder's weight.
     */
    size_t row_size; /* in elements */
    int64_t row_count;
    bool *used;
    int32_t *used_rows;
    int64_t used_count;
    bool any_row_used;
};

/* The properties by which a state or an optimizer decides whether it fits a model. */
typedef struct model_shape {
    const rnn_core *core;
    int32_t cell, precision, input, bias, tied;
    int64_t input_size, hidden_size, output_size, layers, embedding_size;
    int32_t bidirectional, learned_state, layer_norm;
} model_shape;

/*
 * The number of layers that a state has values for, in PyTorch's order: in each level the reverse layer comes second.
 */
static inline int64_t rnn_stack_of(const model_shape *shape)
{
    return shape->layers * (1 + shape->bidirectional);
}

model_shape librnn_model_shape(const rnn_model *model);

/* The options of a model of this shape. Options that the shape doesn't determine have their defaults. */
rnn_model_options librnn_model_shape_options(const model_shape *shape);

/*
 * Does the first part of rnn_model_create(): checks the options and lays out the parameters. An option that has no
 * effect is set to its default. (rnn_model_create() refuses such an option, but a file or the configuration of a load
 * may contain one.) Without parameters a model takes little memory, whatever its sizes. Such a model may only be passed
 * to librnn_model_allocate(), which allocates parameters of zeros, and to rnn_model_destroy().
 */
rnn_status librnn_model_lay_out(const rnn_model_options *options, rnn_model **model);
rnn_status librnn_model_allocate(rnn_model *model);

/*
 * Gives the parameters their initial values. forget_gate: index of the gate whose bias begins with forget_bias; -1:
 * none.
 */
rnn_status librnn_model_initialise(rnn_model *model, int forget_gate);

static inline bool rnn_role_is_vector(parameter_role role)
{
    return role == ROLE_BIAS || role == ROLE_FORGET_BIAS || role == ROLE_INITIAL_STATE || role == ROLE_GAIN;
}

/* The distances between neighbours along a column and along a row, in elements. */
static inline void rnn_model_strides(const named_parameter *p, int64_t strides[2])
{
    strides[0] = p->by_column ? 1 : p->columns;
    strides[1] = p->by_column ? p->rows : 1;
}

/* The index of element (i, j) in the flat buffers. */
static inline size_t rnn_model_place(const named_parameter *p, int64_t i, int64_t j)
{
    int64_t strides[2];
    rnn_model_strides(p, strides);
    return p->offset + (size_t)(i * strides[0] + j * strides[1]);
}

/*
 * Fails with RNN_ERROR_MISMATCH for the first difference, for example "the state was made for a model whose hidden_size
 * is 100; here it is 128". layers_only: compares only the properties that matter to a state. Otherwise it compares
 * those that matter to an optimizer.
 */
rnn_status librnn_model_check_shape(const char *who, const model_shape *own, const model_shape *other,
                                    bool layers_only);

/*
 * Fails with RNN_ERROR_NONFINITE. The message begins with `what`, a printf format, and goes on with advice that depends
 * on whether the parameters are finite.
 */
rnn_status librnn_model_fail_nonfinite(const rnn_model *model, const char *what, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Allocates the gradients, as zeros, if they don't exist yet. */
rnn_status librnn_model_need_gradients(rnn_model *model);

/* Marks the rows of these symbols as used: they have a gradient now. */
void librnn_model_use_rows(rnn_model *model, const int32_t *ids, size_t count);

/* Marks the rows of all symbols whose gradient isn't zero. */
void librnn_model_find_used_rows(rnn_model *model);

/* Marks all rows as unused. Their gradients must be zero. */
void librnn_model_unuse_rows(rnn_model *model);

/*
 * Iterates over the spans of the flat buffers whose gradient may be non-zero:
 *     for (model_span s = {0}; librnn_model_next_span(model, &s);) ... s.offset, s.count ...
 */
typedef struct model_span {
    bool all;             /* in: also include spans whose gradient is zero */
    size_t offset, count; /* out: in elements */
    int64_t index;
} model_span;

bool librnn_model_next_span(const rnn_model *model, model_span *span);

/*
 * Iterates over the parts of a span that an optimizer step treats alike. This is the whole span, unless some parameters
 * are frozen or biases are treated differently from weights:
 *     for (model_part p = {0}; rnn_model_next_part(model, &span, false, &p);) ... p.offset, p.count ...
 */
typedef struct model_part {
    size_t offset, count; /* in elements */
    bool frozen, bias;    /* `bias` is set only if `biases` was true */
} model_part;

bool librnn_model_find_part(const rnn_model *model, const model_span *span, bool biases, model_part *part);

static inline bool rnn_model_next_part(const rnn_model *model, const model_span *span, bool biases, model_part *part)
{
    if (model->frozen_count > 0 || biases)
        return librnn_model_find_part(model, span, biases, part);
    bool first = part->count == 0;
    part->offset = span->offset;
    part->count = span->count;
    return first && part->count > 0;
}

/*
 * The sum of the squares of all gradients, and the multiplication of all gradients by a factor. Both skip frozen
 * parameters.
 */
double librnn_model_gradient_squares(const rnn_model *model);
void librnn_model_scale_gradients(rnn_model *model, double factor);

/*
 * Computes the gradients' norm and the factor that limits it to `limit`. If the factor is 1 or more, the norm is within
 * the limit.
 */
rnn_status librnn_model_norm_factor(const rnn_model *model, double limit, double *norm, double *factor);

/* The name of the parameter that contains the element at this offset of the flat buffers. */
const char *librnn_model_name_at(const rnn_model *model, size_t offset);

/* The address of an element in an array of the model's precision. */
static inline const void *rnn_model_at_const(const rnn_model *model, const void *array, size_t offset)
{
    return (const char *)array + offset * model->element_size;
}

static inline void *rnn_model_at(const rnn_model *model, void *array, size_t offset)
{
    return (char *)array + offset * model->element_size;
}

/* Returns an element of an array of this precision. */
static inline double rnn_number_of(int32_t precision, const void *array, size_t offset)
{
    return precision == RNN_FLOAT32 ? (double)((const float *)array)[offset] : ((const double *)array)[offset];
}

/*
 * Finds the first number of an array that isn't finite: its index and its value. Returns false if all are finite. It
 * may be called in any floating-point mode.
 */
bool librnn_find_nonfinite(const rnn_core *core, int32_t precision, const void *values, size_t count, size_t *index,
                           double *value);

/* The value of an element. */
static inline double rnn_model_number(const rnn_model *model, const void *array, size_t offset)
{
    return rnn_number_of(model->options.precision, array, offset);
}

#endif
