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

#include "base/team.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Memory handed to the core begins at a multiple of this many bytes. */
#define CORE_ALIGNMENT 64

/* The offset of a parameter that a network doesn't have. */
#define CORE_NONE SIZE_MAX

/* The cells, numbered as the header numbers them */
typedef enum core_cell_number { CORE_TANH, CORE_GRU, CORE_LSTM, CORE_CELLS } core_cell_number;

/* What the rest of the library must know of a cell. */
typedef struct core_cell_info {
    const char *name; /* in files */
    int gates;        /* rows of the weights, in units of H */
    int apart;        /* the last so many gates' recurrent products stay apart from their input products */
    int parts;        /* of the state: h, and c if 2 */
    int forget_gate;  /* which gate keeps the memory; -1: none */
    bool candidate;   /* multiplies what it would remember by `keep`, for dropout */
} core_cell_info;

/* Where a layer's packed weights begin, in elements of the packed block; CORE_NONE: there are none. */
typedef struct core_packed_layer {
    size_t bias, ih, hh, gain; /* of the block for forward() */
    size_t back_ih, back_hh;   /* of the block for backward() */
} core_packed_layer;

/* Where a layer's parameters stand in the flat buffers, in elements. G gates, H hidden units. */
typedef struct core_layer {
    int64_t inputs;   /* I: the width of what comes from below; V for a layer of ids */
    size_t weight_ih; /* [G][H][I]; of ids [V][G][H] */
    size_t weight_hh; /* [G][H][H] */
    size_t bias_ih;   /* [G][H] */
    size_t bias_hh;   /* [G][H] or CORE_NONE */
    size_t initial_h; /* [H] what a stream begins with that starts anew; CORE_NONE: zeros */
    size_t initial_c; /* [H] the same, of cells that have a second part */
    size_t gain_ih;   /* [G][H] of normalised input products; CORE_NONE: they aren't normalised */
    size_t gain_hh;   /* [G][H] of recurrent ones, likewise */
    core_packed_layer packed;
} core_layer;

typedef enum core_input { CORE_IDS, CORE_EMBEDDED_IDS, CORE_VECTORS } core_input;
typedef enum core_loss { CORE_CROSS_ENTROPY, CORE_SQUARED_ERROR } core_loss;

/* The probabilities that an element is dropped, in training */
typedef struct core_dropout {
    double input;     /* of input vectors or embedded ids */
    double between;   /* of a level's h, on its way to the next level */
    double output;    /* of the last layer's h, on its way to the decoder */
    double candidate; /* of what a cell would put into its memory */
    bool per_chunk;   /* the same elements in all steps of a chunk */
} core_dropout;

/* What a model is, to the core. */
typedef struct core_network {
    int32_t cell;
    core_input input;
    core_loss loss;
    int64_t hidden_size;
    int64_t output_size;
    int64_t layers;
    int64_t directions; /* 2: every other layer reads from the chunk's end; see directions.c */
    core_dropout dropout;
    const core_layer *layer;
    size_t embedding;      /* [V][I of the first layer] or CORE_NONE */
    size_t decoder_weight; /* [O][H]; may be the embedding */
    size_t decoder_bias;   /* [O] */

    /* Filled in by plan(): the decoder's places in the packed blocks, and sizes in bytes */
    size_t packed_decoder, packed_decoder_bias, packed_decoder_back;
    size_t forward_bytes, backward_bytes, step_bytes;
} core_network;

/* What the size of a pass's work space depends on */
typedef struct core_shape {
    int64_t steps;
    int64_t streams;
    int64_t decoded; /* positions whose outputs are computed: all, or only those that have a target */
    size_t workers;
    bool training; /* backward() will follow; dropout is on */
    bool starts;   /* some streams begin anew within the chunk */
    bool ragged;   /* that, or some end before the chunk does */
    bool kept;     /* backward() gets the outputs' gradients, and may give those of input vectors */
} core_shape;

/* One pass over one chunk. */
typedef struct core_pass {
    const core_network *network;
    const void *parameters;
    const void *packed;      /* what pack() made of the parameters for forward() */
    const void *packed_back; /* and for backward() */
    void *workspace;         /* workspace_size() bytes; carries the activations from forward() to backward() */
    const core_team *team;
    core_shape shape;
    uint64_t seed, random_index; /* of the dropout masks: the same two, the same masks */
    const int32_t *ids;          /* [T][B] inputs, or */
    const void *vectors;         /* [T][B][I] */
    const int32_t *targets;      /* [T][B], negative: none; or NULL, or */
    const void *target_vectors;  /* [T][B][O]; or NULL */
    const uint8_t *target_mask;  /* [T][B] 0: the target vector doesn't count; NULL: all do */
    int64_t first_step;          /* what `lengths` calls the pass's first step */
    const int64_t *lengths;      /* [B] steps after which a stream stands still; NULL: none does */
    const uint8_t *starts;       /* [T][B] not 0: the stream's state is the initial one before the step; or NULL */
    bool last_only;              /* only a stream's last step, by `lengths`, has outputs and a target; [B] of each */
    const uint8_t *fresh;        /* [B] not 0: the state before the chunk is the initial one, as the caller has seen to;
                                    its gradient is that of initial_h and initial_c. NULL: of no stream */
    const void *state;           /* [parts][L][B][stride]: before the chunk */
    void *next_state;            /* the same, after it; may be `state` */
    void *outputs;               /* [T][B][O] or NULL; not NULL: all positions are decoded that have outputs */
    double *position_loss;       /* [T][B] written where there is a target */
    uint8_t *hits;               /* [T][B] written there, too: whether the target has the largest output; or NULL */
    double gradient_scale;       /* backward(): what the gradient of each position's loss is multiplied by */
    void *gradients;             /* backward() adds to them */
    double *gradient_norms;      /* [L][T] backward(): the norm of the loss's gradient with respect to h; or NULL */
    const void *output_gradients; /* backward(), instead of targets: [T][B][O], or [B][O] if last_only; or NULL */
    const void *state_gradients;  /* [parts][L][B][H] backward(): that of the state after the chunk; NULL: zeros */
    void *initial_gradients;      /* the same of the state before it, to write; or NULL */
    void *input_gradients;        /* [T][B][I] of input vectors, to write; or NULL */
} core_pass;

/* One step of one stream, forward. */
typedef struct core_step {
    const core_network *network;
    const void *parameters;
    const void *packed;
    void *workspace; /* step_bytes of the network */
    int32_t id;      /* the input, or */
    const void *vector;
    const void *state; /* [parts][L][stride] */
    void *next_state;  /* the same, after the step; may be `state` */
    void *outputs;     /* [O] or NULL */
    bool turned;       /* reads each matrix from its end: a caller that alternates finds half of it in a cache */
} core_step;

/* The outputs of one position, and what they are compared with. */
typedef struct core_outcome {
    int64_t output_size;
    const void *outputs;       /* [O] */
    int32_t target;            /* an id, if there is no */
    const void *target_vector; /* [O] */
    double gradient_scale;     /* what the loss's gradient is multiplied by */
    void *row;                 /* room for O numbers, rounded up as state_stride() does, aligned */
    void *gradient;            /* [O] to write; or NULL */
    uint8_t *hit;              /* to write whether the target has the largest output; or NULL */
} core_outcome;

/* The rule of an optimizer, in numbers. */
typedef struct core_update {
    double learning_rate;
    double epsilon;
    double momentum;
    double limit;        /* of a gradient's magnitude, before anything else */
    double weight_decay; /* times the parameter, is added to the gradient */
    double beta1, beta2;
    double correction1, correction2; /* 1 - beta^steps */
    bool nesterov;
} core_update;

/* Updates `count` parameters by their gradients and what has been accumulated for them, and zeroes the gradients. */
typedef void core_rule(const core_update *update, size_t count, void *values, void *gradients, void *first,
                       void *second);

typedef struct rnn_core {
    /* What a cell is; NULL when there is none of that number. */
    const core_cell_info *(*cell)(int32_t cell);

    /* The distance of two streams in a state: H rounded up. What lies between is zero. */
    size_t (*state_stride)(int64_t hidden_size);

    /* Plans the packed blocks: fills in the places of layers and decoder, and the sizes; SIZE_MAX: it doesn't fit. */
    void (*plan)(core_network *network, core_layer *layers);

    /* Weights in the order in which the matrix products read them, for forward() and backward(); either may be NULL. */
    void (*pack)(const core_network *network, const void *parameters, const core_team *team, void *forward,
                 void *backward);

    /* How many positions a pass decodes, which is for its shape: as its inputs, targets and outputs say. */
    int64_t (*count_decoded)(const core_pass *pass);

    /* SIZE_MAX when the number doesn't fit. */
    size_t (*workspace_size)(const core_network *network, const core_shape *shape);

    void (*forward)(const core_pass *pass);
    void (*backward)(const core_pass *pass);

    /* The same bits as forward() over a chunk of one step and stream, sooner; false: the vector or the next state isn't
     * finite. */
    bool (*step)(const core_step *step);

    /* The outputs [B][O] that follow from a state's last h. memory: step_bytes of the network. */
    void (*decode_state)(const core_network *network, const void *packed, const void *state, int64_t streams,
                         void *memory, void *outputs);

    /* What one position costs */
    double (*loss_of)(const core_outcome *outcome);

    /* h of a layer as the pass left it in its work space: [T][B][H] */
    void (*activations)(const core_pass *pass, int64_t layer, void *values);

    /* Element-wise work on flat buffers. */
    bool (*all_finite)(const void *values, size_t count);

    /* Whether these gradients are finite, and no rule can make what it has accumulated infinite by any of them */
    bool (*all_moderate)(const void *values, size_t count);
    void (*clip)(void *values, size_t count, double limit);
    void (*scale)(void *values, size_t count, double factor);
    double (*sum_of_squares)(const void *values, size_t count);
    void (*blend)(void *values, const void *others, size_t count,
                  double weight); /* values += weight (others - values) */
    core_rule *adagrad, *sgd, *rmsprop, *adam, *adamw;

    /* In place, of finite logits: exp((logits - max) * scale), which is softmax(logits * scale) but for a factor. */
    void (*exponentials)(void *logits, size_t count, double scale);
} rnn_core;

extern const rnn_core librnn_core_f32_baseline, librnn_core_f64_baseline;
extern const rnn_core librnn_core_f32_avx2, librnn_core_f64_avx2;
extern const rnn_core librnn_core_f32_avx512, librnn_core_f64_avx512;

#endif
