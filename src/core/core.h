/*
 * core.h: the interface between the library and its compute core.
 *
 * The core maps flat arrays to flat arrays: from a network's parameters, a chunk and a state it computes outputs, a
 * loss and gradients. It knows nothing of files, vocabularies or option structs. It doesn't allocate memory and cannot
 * fail: the caller has checked the arguments and provides the memory. The core is written once in terms of `real` and
 * compiled once for each pair of precision and instruction set. Each build exports only one rnn_core, a table of
 * functions.
 */
#ifndef RNN_CORE_CORE_H
#define RNN_CORE_CORE_H

#include "base/team.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The alignment in bytes of all memory that is passed to the core. */
#define CORE_ALIGNMENT 64

/* The offset of a parameter that a network doesn't have. */
#define CORE_NONE SIZE_MAX

/* The cells, with the same numbers as in the public header. */
typedef enum core_cell_number { CORE_TANH, CORE_GRU, CORE_LSTM, CORE_CELLS } core_cell_number;

/* The properties of a cell that the rest of the library needs. */
typedef struct core_cell_info {
    const char *name; /* the cell's name in files */
    int gates;        /* G: rows of the weights, in units of H */
    int separate;     /* the number of separate gates, which are the last ones; see cell.h */
    int state_parts;  /* 1: the state is h; 2: it is h and c */
    int forget_gate;  /* index of the forget gate, whose bias begins with forget_bias; -1: the cell has none */
    bool candidate;   /* the cell multiplies its candidate by `keep`, for dropout */
} core_cell_info;

/* Offsets of a layer's packed weights, in elements of the packed block; CORE_NONE: the layer doesn't have them. */
typedef struct core_packed_layer {
    size_t bias, ih, hh, gain; /* in the block for forward() */
    size_t back_ih, back_hh;   /* in the block for backward() */
} core_packed_layer;

/* Offsets of a layer's parameters in the flat buffers, in elements. G gates, H hidden units. */
typedef struct core_layer {
    int64_t inputs;   /* I: size of the layer's input; V for a layer that reads ids */
    size_t weight_ih; /* [G][H][I]; for a layer that reads ids [V][G][H] */
    size_t weight_hh; /* [G][H][H] */
    size_t bias_ih;   /* [G][H] */
    size_t bias_hh;   /* [G][H] or CORE_NONE */
    size_t initial_h; /* [H] initial h of a stream; CORE_NONE: zeros */
    size_t initial_c; /* [H] initial c, for cells that have c */
    size_t gain_ih;   /* [G][H] gains of normalised input products; CORE_NONE: no layer normalisation */
    size_t gain_hh;   /* [G][H] gains of normalised recurrent products, likewise */
    core_packed_layer packed;
} core_layer;

typedef enum core_input { CORE_IDS, CORE_EMBEDDED_IDS, CORE_VECTORS } core_input;
typedef enum core_loss { CORE_CROSS_ENTROPY, CORE_SQUARED_ERROR } core_loss;

/* The probabilities that an element is dropped in training. */
typedef struct core_dropout {
    double input;     /* elements of input vectors or embedded ids */
    double between;   /* elements of a level's h before the next level */
    double output;    /* elements of the last layer's h before the decoder */
    double candidate; /* elements of a cell's candidate */
    bool per_chunk;   /* drops the same elements in all steps of a chunk */
} core_dropout;

/* The core's description of a model. */
typedef struct core_network {
    int32_t cell;
    core_input input;
    core_loss loss;
    int64_t hidden_size;
    int64_t output_size;
    int64_t layers;
    int64_t directions; /* 1 or 2; with 2, every second layer reads from the chunk's end: see directions.h */
    core_dropout dropout;
    const core_layer *layer;
    size_t embedding;      /* [V][I of the first layer] or CORE_NONE */
    size_t decoder_weight; /* [O][H]; may be the embedding */
    size_t decoder_bias;   /* [O] */

    /* Set by plan(): the decoder's offsets in the packed blocks, and sizes in bytes. */
    size_t packed_decoder, packed_decoder_bias, packed_decoder_back;
    size_t forward_bytes, backward_bytes, step_bytes;
} core_network;

/* The quantities that determine the size of a pass's work space. */
typedef struct core_shape {
    int64_t steps;
    int64_t streams;
    int64_t decoded; /* number of positions whose outputs are computed: all, or only those that have a target */
    size_t workers;
    bool training; /* backward() follows; dropout is on */
    bool starts;   /* some streams begin anew within the chunk */
    bool ragged;   /* some streams begin anew within the chunk, or end before it does */
    bool kept;     /* backward() gets the gradients of the outputs, and may return those of input vectors */
} core_shape;

/* One pass over one chunk. */
typedef struct core_pass {
    const core_network *network;
    const void *parameters;
    const void *packed;      /* result of pack() for forward() */
    const void *packed_back; /* result of pack() for backward() */
    void *workspace;         /* workspace_size() bytes; carries the activations from forward() to backward() */
    const core_team *team;
    core_shape shape;
    uint64_t seed, random_index; /* determine the dropout masks */
    const int32_t *ids;          /* [T][B] inputs; NULL: `vectors` are the inputs */
    const void *vectors;         /* [T][B][I] */
    const int32_t *targets; /* [T][B] negative: no target; NULL: `target_vectors` are the targets, or there are none */
    const void *target_vectors; /* [T][B][O] or NULL */
    const uint8_t *target_mask; /* [T][B] 0: the target vector doesn't count; NULL: all count */
    int64_t first_step;         /* index of the pass's first step in the whole chunk, which `lengths` refers to */
    const int64_t *lengths;     /* [B] number of steps after which a stream stands still; NULL: no stream does */
    const uint8_t *starts;      /* [T][B] not 0: the stream's state is the initial one before the step; or NULL */
    bool last_only;       /* only the last step of each stream, by `lengths`, has outputs and a target; these are [B] */
    const uint8_t *fresh; /* [B] not 0: `state` holds the initial state of the stream (the caller sees to that), and its
                             gradient goes to initial_h and initial_c; NULL: no stream is fresh */
    const void *state;    /* [parts][L][B][stride] state before the chunk */
    void *next_state;     /* [parts][L][B][stride] state after the chunk; may be `state` */
    void *outputs;        /* [T][B][O] or NULL; if not NULL, all positions that have outputs are decoded */
    double *position_loss; /* [T][B] written where there is a target */
    uint8_t *hits; /* [T][B] written where there is a target: whether the target has the largest output; or NULL */
    double gradient_scale;        /* backward(): factor of the gradient of each position's loss */
    void *gradients;              /* backward() adds to them */
    double *gradient_norms;       /* [L][T] backward(): out, norm of the loss's gradient with respect to h; or NULL */
    const void *output_gradients; /* backward(), instead of targets: [T][B][O], or [B][O] if last_only; or NULL */
    const void *state_gradients;  /* [parts][L][B][H] backward(): gradient of the state after the chunk; NULL: zeros */
    void *initial_gradients; /* [parts][L][B][H] backward(): out, gradient of the state before the chunk; or NULL */
    void *input_gradients;   /* [T][B][I] backward(): out, gradient of the input vectors; or NULL */
} core_pass;

/* One step of one stream, forward. */
typedef struct core_step {
    const core_network *network;
    const void *parameters;
    const void *packed;
    void *workspace; /* network->step_bytes bytes */
    int32_t id;      /* the input, unless it is a vector */
    const void *vector;
    const void *state; /* [parts][L][stride] */
    void *next_state;  /* [parts][L][stride] state after the step; may be `state` */
    void *outputs;     /* [O] or NULL */
    bool turned; /* reads each matrix from its end; a caller that alternates finds half of the matrix in a cache */
} core_step;

/* The outputs of one position, and the target to compare them with. */
typedef struct core_outcome {
    int64_t output_size;
    const void *outputs;       /* [O] */
    int32_t target;            /* an id, if target_vector is NULL */
    const void *target_vector; /* [O] or NULL */
    double gradient_scale;     /* factor of the loss's gradient */
    void *row;                 /* scratch memory for O numbers, rounded up as by state_stride(), aligned */
    void *gradient;            /* [O] out; or NULL */
    uint8_t *hit;              /* out: whether the target has the largest output; or NULL */
} core_outcome;

/* The parameters of an optimizer's rule. */
typedef struct core_update {
    double learning_rate;
    double epsilon;
    double momentum;
    double limit; /* maximum magnitude of a gradient, applied before anything else */
    double
        weight_decay; /* its product with the parameter is added to the gradient; AdamW shrinks the parameter instead */
    double beta1, beta2;
    double correction1, correction2; /* 1 - beta^steps */
    bool nesterov;
} core_update;

/* Updates `count` parameters from their gradients and accumulators, and sets the gradients to zero. */
typedef void core_rule(const core_update *update, size_t count, void *values, void *gradients, void *first,
                       void *second);

typedef struct rnn_core {
    /* The properties of a cell; NULL if no cell has that number. */
    const core_cell_info *(*cell)(int32_t cell);

    /* The distance between two streams in a state: H rounded up. The padding is zero. */
    size_t (*state_stride)(int64_t hidden_size);

    /*
     * Plans the packed blocks: sets the offsets of the layers and the decoder, and the sizes. A size is SIZE_MAX if it
     * overflows.
     */
    void (*plan)(core_network *network, core_layer *layers);

    /*
     * Packs the weights in the order in which the matrix products read them, for forward() and for backward(). Either
     * destination may be NULL.
     */
    void (*pack)(const core_network *network, const void *parameters, const core_team *team, void *forward,
                 void *backward);

    /* The number of positions that a pass decodes. The caller stores it in the pass's shape. */
    int64_t (*count_decoded)(const core_pass *pass);

    /* The size of the work space in bytes; SIZE_MAX if it overflows. */
    size_t (*workspace_size)(const core_network *network, const core_shape *shape);

    void (*forward)(const core_pass *pass);
    void (*backward)(const core_pass *pass);

    /*
     * Gives the same bits as forward() for a chunk of one step and one stream, but is faster. Returns false if the
     * input vector or the next state isn't finite.
     */
    bool (*step)(const core_step *step);

    /* Computes the outputs [B][O] from a state's last h. memory: network->step_bytes bytes. */
    void (*decode_state)(const core_network *network, const void *packed, const void *state, int64_t streams,
                         void *memory, void *outputs);

    /* The loss of one position, and its gradient if `gradient` isn't NULL. */
    double (*loss_of)(const core_outcome *outcome);

    /* Copies h of a layer from a pass's work space: [T][B][H]. */
    void (*activations)(const core_pass *pass, int64_t layer, void *values);

    /* Element-wise operations on flat buffers. */
    bool (*all_finite)(const void *values, size_t count);

    /*
     * Whether these gradients are finite and so small that no rule's accumulators can become infinite because of them.
     */
    bool (*all_moderate)(const void *values, size_t count);
    void (*clip)(void *values, size_t count, double limit);
    void (*scale)(void *values, size_t count, double factor);
    double (*sum_of_squares)(const void *values, size_t count);
    void (*blend)(void *values, const void *others, size_t count,
                  double weight); /* values += weight (others - values) */
    core_rule *adagrad, *sgd, *rmsprop, *adam, *adamw;

    /* In place, for finite logits: exp((logits - max) * scale). This is softmax(logits * scale) up to a factor. */
    void (*exponentials)(void *logits, size_t count, double scale);
} rnn_core;

extern const rnn_core librnn_core_f32_baseline, librnn_core_f64_baseline;
extern const rnn_core librnn_core_f32_avx2, librnn_core_f64_avx2;
extern const rnn_core librnn_core_f32_avx512, librnn_core_f64_avx512;

#endif
