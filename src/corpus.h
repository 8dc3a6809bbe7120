/*
 * corpus.h: reading a corpus at any place, without serving it.
 */
#ifndef RNN_CORPUS_H
#define RNN_CORPUS_H

#include "status.h"

/* The bytes that a symbol may take in the memory below */
enum { CORPUS_SYMBOL_MOST = 4 };

/* Symbols `first` to `first + count` of the corpus as ids. memory: CORPUS_SYMBOL_MOST bytes for each. */
rnn_status librnn_corpus_read(const rnn_corpus *corpus, int64_t first, int64_t count, void *memory, int32_t *ids);

#endif
