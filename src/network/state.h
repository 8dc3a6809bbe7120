/*
 * state.h: the inside of a state, for the functions that run a model on it.
 */
#ifndef RNN_STATE_H
#define RNN_STATE_H

#include "network/model.h"

/* Random indices begin again after this many chunks. */
#define RANDOM_INDEX_END (UINT64_C(1) << 54)

/* Memory that grows to what is asked of it and keeps that. */
typedef struct growing {
    void *memory;
    size_t size; /* bytes */
} growing;

struct rnn_state {
    model_shape shape;
    size_t element_size;
    int64_t streams;
    size_t parts, stride, count; /* [parts][L][B][stride] elements */
    void *values;

    /*
     * [B] 1: the stream hasn't begun, and will with the model's learned initial state, whatever its values are. NULL
     * where that isn't learned: it is zeros then, as the values are.
     */
    uint8_t *fresh;

    uint64_t random_index; /* of the next chunk's dropout masks */
    bool turned;           /* alternates with each call for one step: see core_step */

    /* What the caller has asked to see, and what there is of it: of the last chunk, and of the last that went back. */
    int32_t observe;
    int64_t activation_steps, norm_steps; /* 0: nothing */
    growing activations;                  /* [L][T][B][H] */
    growing gradient_norms;               /* [L][T] double */

    /* What rnn_forward_training() has left for rnn_backward() */
    growing kept;
    core_pass pass;
    uint64_t kept_version; /* the model's; 0: nothing is left */
};

/* Makes room, and keeps what the memory holds. */
rnn_status librnn_state_grow(const char *purpose, growing *memory, size_t size);

/* Whether the state was made for models of this shape. */
static inline bool rnn_state_fits(const rnn_state *state, const rnn_model *model)
{
    const rnn_model_options *o = &model->options;
    return state->shape.core == model->core && state->shape.cell == o->cell && state->shape.layers == o->layers &&
           state->shape.hidden_size == o->hidden_size && state->shape.learned_state == o->learned_state &&
           state->shape.bidirectional == o->bidirectional;
}

/* RNN_ERROR_MISMATCH with what differs, unless the state was made for models of this shape. */
rnn_status librnn_state_check_model(const rnn_state *state, const rnn_model *model);

/* Gives streams that haven't begun the model's initial state. They have begun only when a call is a success. */
void librnn_state_begin(rnn_state *state, const rnn_model *model);

/*
 * Takes over what a call of the model has computed; RNN_ERROR_NONFINITE, and the state stays, unless that is finite.
 * lengths: [B] those of a chunk, whose empty streams have not begun; NULL: none is.
 */
rnn_status librnn_state_commit(rnn_state *state, const rnn_model *model, const void *next, const int64_t *lengths);

#endif
