/*
 * corpus.h: divides a corpus among streams, and reads any part of it without serving it.
 */
#ifndef RNN_CORPUS_H
#define RNN_CORPUS_H

#include "base/status.h"

/* Where stream b begins when `targets` targets are divided into parts as equal as possible, the longer ones first. */
static inline int64_t librnn_share_begin(int64_t targets, int64_t streams, int64_t b)
{
    int64_t longer = targets % streams;
    return targets / streams * b + (b < longer ? b : longer);
}

/* The maximum number of bytes that a symbol takes in `memory` below. */
enum { CORPUS_SYMBOL_MOST = 4 };

/* Reads symbols first ... first + count - 1 of the corpus as ids. memory: CORPUS_SYMBOL_MOST bytes for each. */
rnn_status librnn_corpus_read(const rnn_corpus *corpus, int64_t first, int64_t count, void *memory, int32_t *ids);

#endif
