/*
 * vocab.h: the inside of a vocabulary, for the corpus.
 */
#ifndef RNN_VOCAB_H
#define RNN_VOCAB_H

#include "status.h"

#include <stdatomic.h>

struct rnn_vocab {
    atomic_int owners; /* the caller, and each corpus that encodes with it */
    int32_t kind;
    int32_t size;
    int32_t id_of[256];           /* -1: no such symbol */
    unsigned char symbol[256][2]; /* by id, each followed by a NUL */
};

/* Shares the vocabulary; rnn_vocab_destroy() gives the share back. */
rnn_vocab *rnn_vocab_share(const rnn_vocab *vocab);

/* The sentence about a byte that is no symbol. */
rnn_status rnn_vocab_unknown(unsigned char byte, int64_t offset);

#endif
