/*
 * What the suites of models' files share.
 */
#ifndef RNN_TESTS_SMALL_MODELS_H
#define RNN_TESTS_SMALL_MODELS_H

#include "model_files.h"
#include "temporary.h"
#include "texts.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

enum { SYMBOLS = 7, HIDDEN = 5, EMBEDDING = 3, FEATURES = 4 };

typedef enum input_kind { IDS, EMBEDDED, TIED, VECTORS, INPUT_KINDS } input_kind;

static inline rnn_model_options options_for(int32_t cell, input_kind input, int32_t bias, int32_t precision,
                                            int64_t layers)
{
    rnn_model_options o = make_options(SYMBOLS, HIDDEN, SYMBOLS, layers, precision);
    o.cell = cell;
    o.bias = bias;
    if (input == VECTORS) {
        o.input = RNN_INPUT_VECTORS;
        o.loss = RNN_LOSS_SQUARED_ERROR;
        o.input_size = FEATURES;
    } else if (input != IDS) {
        o.input = RNN_INPUT_EMBEDDING;
        o.embedding_size = input == TIED ? HIDDEN : EMBEDDING;
        o.tied = input == TIED;
    }
    return o;
}

/* An LSTM of bytes with all options set to something of their own. */
static inline rnn_model_options rich_options(void)
{
    rnn_model_options o = options_for(RNN_CELL_LSTM, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 2);
    o.reduction = RNN_REDUCTION_MEAN;
    o.orthogonal = 1;
    o.weight_scale = 0.1;
    o.forget_bias = -1e-300;
    o.dropout = 1.0 / 3;
    o.dropout_input = 1.0 / 7;
    o.dropout_output = 0.1;
    o.dropout_recurrent = 0.2;
    o.dropout_per_chunk = 1;
    o.bidirectional = 1;
    o.learned_state = 1;
    o.layer_norm = 1;
    o.seed = UINT64_MAX;
    return o;
}

/* A vanilla RNN of three symbols and two units. */
static inline rnn_model *small_model(void)
{
    rnn_model_options o = make_options(3, 2, 3, 1, RNN_FLOAT32);
    return create_random_model(&o, 1, 5);
}

/* Its file, with a vocabulary of "abc" or with none. */
static inline file_bytes small_file(bool with_vocab)
{
    rnn_model *model = small_model();
    rnn_vocab *vocab = with_vocab ? vocab_of_list(RNN_VOCAB_BYTES, "abc", 3) : NULL;
    file_bytes file = saved(model, vocab);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
    return file;
}

/* Changes of a file's header that a load must refuse, and what it must say. */
typedef struct change {
    const char *from, *to, *part;
} change;

static inline void refuse_changes(const file_bytes *file, const change *changes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        refuse_load(edited(file, changes[i].from, changes[i].to), RNN_ERROR_FORMAT, changes[i].part);
}

#define refuse_all(file, changes) refuse_changes(file, changes, sizeof(changes) / sizeof(changes)[0])

#endif
