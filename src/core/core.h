/*
 * core.h: the interface between the library and its compute core.
 *
 * The core turns flat arrays into flat arrays: a network's parameters, a chunk and a state into outputs, a loss and
 * gradients. It knows nothing of files, vocabularies or option structs, allocates nothing and cannot fail: whoever
 * calls it has checked the arguments and brings the memory. It is written once against `real` and compiled once for
 * each (precision, instruction set); all a build exports is one rnn_core, a table of functions.
 */
#ifndef RNN_CORE_CORE_H
#define RNN_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory handed to the core begins at a multiple of this many bytes. */
#define CORE_ALIGNMENT 64

/* The most parts that a cell's state has: h, and c for an LSTM. */
#define CORE_MAX_PARTS 2

/* What the rest of the library must know of a cell. */
typedef struct core_cell_info {
    int gates; /* rows of the weights, in units of H */
    int parts; /* of the state */
} core_cell_info;

/* Where a layer's parameters stand in the flat buffers, in elements. */
typedef struct core_layer {
    int64_t inputs;   /* I: V for a layer of ids, else the width of what comes from below */
    size_t weight_ih; /* ids: [V][G][H]; else [G][H][I] */
    size_t weight_hh; /* [G][H][H] */
    size_t bias_ih;   /* [G][H] */
} core_layer;

/* What a model is, to the core. */
typedef struct core_network {
    int32_t cell;
    int64_t hidden_size;
    int64_t output_size;
    int64_t layers;
    const core_layer *layer;
    size_t decoder_weight; /* [O][H] */
    size_t decoder_bias;   /* [O] */
} core_network;

/* One pass over one chunk. */
typedef struct core_pass {
    const core_network *network;
    const void *parameters;
    const void *packed; /* what pack() made of the parameters */
    void *workspace;    /* workspace_size() bytes; carries the activations from forward() to backward() */
    int64_t steps;
    int64_t streams;
    bool training;          /* backward() will follow */
    const int32_t *inputs;  /* [T][B] */
    const int32_t *targets; /* [T][B] or NULL; negative: no target */
    const void *state;      /* [parts][L][B][stride]: before the chunk */
    void *next_state;       /* the same, after it; may be `state` */
    void *outputs;          /* [T][B][O] or NULL */
    double *position_loss;  /* [T][B] when there are targets */
    double gradient_scale;  /* backward(): what the gradient of each position's loss is multiplied by */
    void *gradients;        /* backward() adds to them */
} core_pass;

typedef struct rnn_core {
    /* What a cell is; NULL when there is none of that number. */
    const core_cell_info *(*cell)(int32_t cell);

    /* The distance of two streams in a state: H rounded up. What lies between is zero. */
    size_t (*state_stride)(int64_t hidden_size);

    /* Weights in the order in which the matrix products read them, for forward() and, when training, backward(). */
    size_t (*packed_size)(const core_network *network, bool training);
    void (*pack)(const core_network *network, const void *parameters, bool training, void *packed);

    /* SIZE_MAX when the number doesn't fit. */
    size_t (*workspace_size)(const core_network *network, int64_t steps, int64_t streams, bool training);

    void (*forward)(core_pass *pass);
    void (*backward)(core_pass *pass);

    /* Element-wise work on flat buffers. */
    bool (*all_finite)(const void *values, size_t count);
    void (*clip)(void *values, size_t count, double limit);
    void (*adagrad)(void *values, void *gradients, void *squares, size_t count, double learning_rate, double epsilon);

    /* In place: softmax(logits * scale). Returns false when that is not finite. */
    bool (*softmax)(void *logits, size_t count, double scale);
} rnn_core;

extern const rnn_core rnn_core_f32_baseline, rnn_core_f64_baseline;
extern const rnn_core rnn_core_f32_avx2, rnn_core_f64_avx2;
extern const rnn_core rnn_core_f32_avx512, rnn_core_f64_avx512;

#endif
