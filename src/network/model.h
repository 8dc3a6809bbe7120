/*
 * model.h: the inside of a model, for the objects that work on it.
 */
#ifndef RNN_MODEL_H
#define RNN_MODEL_H

#include "base/status.h"
#include "core/core.h"
#include "network/notes.h"

enum { PARAMETER_NAME_MOST = 48 };

/* What a parameter is for, which decides how it begins. */
typedef enum parameter_role {
    ROLE_EMBEDDING,
    ROLE_WEIGHT,
    ROLE_RECURRENT_WEIGHT,
    ROLE_BIAS,
    ROLE_INITIAL_STATE, /* a bias that begins with zeros */
    ROLE_GAIN,          /* one that begins with ones */
    ROLE_FORGET_BIAS,   /* a bias whose rows of the forget gate begin with forget_bias more */
} parameter_role;

/* One named parameter: a matrix, or a vector as a matrix of one column. */
typedef struct named_parameter {
    char name[PARAMETER_NAME_MOST];
    parameter_role role;
    size_t offset; /* in the flat buffers */
    int64_t rows, columns;
    int32_t rank;
    bool by_column; /* stored column by column: the input weights of symbols */
    bool frozen;    /* an optimizer leaves it alone */
} named_parameter;

typedef struct model_cache model_cache;

struct rnn_model {
    rnn_model_options options;
    const rnn_core *core;
    core_network network;
    core_layer *layers;
    named_parameter *named;
    int64_t named_count, frozen_count;
    size_t count;        /* elements of the flat buffers */
    bool too_large;      /* there are more than can be addressed: the model can't be created */
    size_t multiplied;   /* of them, those that every position is multiplied with */
    size_t element_size; /* bytes */
    void *parameters;
    void *gradients; /* NULL until there are any */

    model_cache *cache; /* packed weights and memory to work in */
    note_list notes;    /* of the caller's */

    /*
     * The input weights of symbols, or their embeddings, stand first in the buffers, a row a symbol. `used` says which
     * rows have a gradient, `used_rows` lists them. All may have one once the caller could write them, and where the
     * embedding is the decoder's weight, too.
     */
    size_t row_size; /* elements */
    int64_t row_count;
    bool *used;
    int32_t *used_rows;
    int64_t used_count;
    bool any_row_used;
};

/* What a state and an optimizer compare, to know whether they fit a model. */
typedef struct model_shape {
    const rnn_core *core;
    int32_t cell, precision, input, bias, tied;
    int64_t input_size, hidden_size, output_size, layers, embedding_size;
    int32_t bidirectional, learned_state, layer_norm;
} model_shape;

/* How many layers a state has values of, numbered as PyTorch does: of each level, the one in reverse comes second. */
static inline int64_t rnn_stack_of(const model_shape *shape)
{
    return shape->layers * (1 + shape->bidirectional);
}

model_shape librnn_model_shape(const rnn_model *model);

/* The options of a model of a shape; where the shape doesn't say, the defaults. */
rnn_model_options librnn_model_shape_options(const model_shape *shape);

/*
 * What rnn_model_create() does before it allocates and initialises the parameters: checks the options and lays the
 * parameters out. The model has the default of an option that has no effect on it, whatever was given:
 * rnn_model_create() refuses that, but files and the configuration of a load may hold it. Without its parameters a
 * model takes little memory, whatever its sizes; only librnn_model_allocate(), which gives it parameters of zeros, and
 * rnn_model_destroy() may be called on it.
 */
rnn_status librnn_model_lay_out(const rnn_model_options *options, rnn_model **model);
rnn_status librnn_model_allocate(rnn_model *model);

/* Gives parameters their initial values. forget_gate: which gate's bias begins with forget_bias; -1: none */
rnn_status librnn_model_initialise(rnn_model *model, int forget_gate);

static inline bool rnn_role_is_vector(parameter_role role)
{
    return role == ROLE_BIAS || role == ROLE_FORGET_BIAS || role == ROLE_INITIAL_STATE || role == ROLE_GAIN;
}

/* How far apart neighbours along rows and columns are, in elements. */
static inline void rnn_model_strides(const named_parameter *p, int64_t strides[2])
{
    strides[0] = p->by_column ? 1 : p->columns;
    strides[1] = p->by_column ? p->rows : 1;
}

/* Element (i, j)'s place in the flat buffers */
static inline size_t rnn_model_place(const named_parameter *p, int64_t i, int64_t j)
{
    int64_t strides[2];
    rnn_model_strides(p, strides);
    return p->offset + (size_t)(i * strides[0] + j * strides[1]);
}

/*
 * RNN_ERROR_MISMATCH "the state was made for a model whose hidden_size is 100; here it is 128" for the first thing
 * that differs. `layers_only` compares what a state depends on, else what an optimizer does.
 */
rnn_status librnn_model_check_shape(const char *who, const model_shape *own, const model_shape *other,
                                    bool layers_only);

/*
 * Fails with RNN_ERROR_NONFINITE. The sentence begins with `what`, a format, and goes on with what to do about it,
 * which depends on whether the parameters are finite.
 */
rnn_status librnn_model_fail_nonfinite(const rnn_model *model, const char *what, ...)
    __attribute__((format(printf, 2, 3), cold));

/* Creates the gradients, as zeros, if there are none. */
rnn_status librnn_model_need_gradients(rnn_model *model);

/* Says that the rows of these symbols have a gradient now. */
void librnn_model_use_rows(rnn_model *model, const int32_t *ids, size_t count);

/* Finds the symbols whose rows have a gradient. */
void librnn_model_find_used_rows(rnn_model *model);

/* Forgets which rows have a gradient: all are zero. */
void librnn_model_unuse_rows(rnn_model *model);

/*
 * Goes through the parts of the flat buffers whose gradient may not be zero:
 *     for (model_span s = {0}; librnn_model_next_span(model, &s);) ... s.offset, s.count ...
 */
typedef struct model_span {
    bool all;             /* in: the parts whose gradient is zero, too */
    size_t offset, count; /* out: elements */
    int64_t index;
} model_span;

bool librnn_model_next_span(const rnn_model *model, model_span *span);

/*
 * Goes through what of a span a step treats alike: all of it, unless some parameters are frozen or biases differ from
 * weights:
 *     for (model_part p = {0}; rnn_model_next_part(model, &span, false, &p);) ... p.offset, p.count ...
 */
typedef struct model_part {
    size_t offset, count; /* elements */
    bool frozen, bias;    /* bias: only if these are told apart */
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

/* The sum of the squares of all gradients but those of frozen parameters, and these gradients times a factor */
double librnn_model_gradient_squares(const rnn_model *model);
void librnn_model_scale_gradients(rnn_model *model, double factor);

/* What gradients are multiplied by so that their norm is at most `limit`: 1 or less */
rnn_status librnn_model_norm_factor(const rnn_model *model, double limit, double *norm, double *factor);

/* The name of the parameter that has the element at an offset of the flat buffers */
const char *librnn_model_name_at(const rnn_model *model, size_t offset);

/* The element at an offset of an array of the model's precision. */
static inline const void *rnn_model_at_const(const rnn_model *model, const void *array, size_t offset)
{
    return (const char *)array + offset * model->element_size;
}

static inline void *rnn_model_at(const rnn_model *model, void *array, size_t offset)
{
    return (char *)array + offset * model->element_size;
}

/* Its value */
static inline double rnn_model_number(const rnn_model *model, const void *array, size_t offset)
{
    return model->options.precision == RNN_FLOAT32 ? (double)((const float *)array)[offset]
                                                   : ((const double *)array)[offset];
}

#endif
