/*
 * corpus.h: dividing a corpus among streams, and reading it at any place without serving it.
 */
#ifndef RNN_CORPUS_H
#define RNN_CORPUS_H

#include "base/status.h"

/* Where stream b begins when so many targets are divided in parts as equal as can be, the longer ones first. */
static inline int64_t librnn_share_begin(int64_t targets, int64_t streams, int64_t b)
{
    int64_t longer = targets % streams;
    return targets / streams * b + (b < longer ? b : longer);
}

/* The bytes that a symbol may take in the memory below */
enum { CORPUS_SYMBOL_MOST = 4 };

/* Symbols `first` to `first + count` of the corpus as ids. memory: CORPUS_SYMBOL_MOST bytes for each. */
rnn_status librnn_corpus_read(const rnn_corpus *corpus, int64_t first, int64_t count, void *memory, int32_t *ids);

#endif
