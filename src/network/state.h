/*
 * state.h: the internals of a state, for the functions that run a model on it.
 */
#ifndef RNN_STATE_H
#define RNN_STATE_H

#include "network/model.h"

/* Random indices start again from 0 after this many chunks. */
#define RANDOM_INDEX_END (UINT64_C(1) << 54)

/* Memory that grows as needed and never shrinks. */
typedef struct growing {
    void *memory;
    size_t size; /* in bytes */
} growing;

struct rnn_state {
    model_shape shape;
    size_t element_size;
    int64_t streams;
    size_t parts, stride, count; /* [parts][L][B][stride] elements */
    void *values;

    /*
     * [B] 1: the stream hasn't begun. It will begin with the model's learned initial state, whatever its values are.
     * NULL if the initial state isn't learned. It is then zeros, and the values of a stream that hasn't begun are
     * already zeros.
     */
    uint8_t *fresh;

    uint64_t random_index; /* index of the next chunk's dropout masks */
    bool turned;           /* alternates with each call for one step: see core_step */

    /* The observations that the caller asked for, and their results for the last chunk or the last backward pass. */
    int32_t observe;
    int64_t activation_steps, norm_steps; /* 0: no results */
    growing activations;                  /* [L][T][B][H] */
    growing gradient_norms;               /* [L][T] double */

    /* Left by rnn_forward_training() for rnn_backward(). */
    growing kept;
    core_pass pass;
    uint64_t kept_version; /* version of the model's parameters; 0: nothing is left */
};

/* Enlarges the memory to at least `size` bytes and preserves its contents. */
rnn_status librnn_state_grow(const char *purpose, growing *memory, size_t size);

/* Whether the state was made for models of this shape. */
static inline bool rnn_state_fits(const rnn_state *state, const rnn_model *model)
{
    const rnn_model_options *o = &model->options;
    return state->shape.core == model->core && state->shape.cell == o->cell && state->shape.layers == o->layers &&
           state->shape.hidden_size == o->hidden_size && state->shape.learned_state == o->learned_state &&
           state->shape.bidirectional == o->bidirectional;
}

/* Fails with RNN_ERROR_MISMATCH and names the difference, unless the state was made for models of this shape. */
rnn_status librnn_state_check_model(const rnn_state *state, const rnn_model *model);

/* Sets streams that haven't begun to the model's initial state. They count as begun only after a call succeeds. */
void librnn_state_begin(rnn_state *state, const rnn_model *model);

/*
 * Replaces the state by the result of a call. If the result isn't finite, fails with RNN_ERROR_NONFINITE and leaves the
 * state unchanged. lengths: [B] lengths of the chunk; empty streams still haven't begun. NULL: no stream is empty.
 */
rnn_status librnn_state_commit(rnn_state *state, const rnn_model *model, const void *next, const int64_t *lengths);

#endif
