/*
 * index.h: where in a source of UTF-8 its n-th symbol stands, in the same memory whatever the source's length.
 */
#ifndef RNN_INDEX_H
#define RNN_INDEX_H

#include "source.h"

#include <stdatomic.h>

enum { INDEX_MOST = 1 << 14 };

/* Every `spacing`-th symbol's offset in bytes. */
typedef struct rnn_index {
    atomic_int owners;
    int64_t symbols; /* of the whole source */
    int64_t spacing; /* a power of two, doubled when the index is full */
    int64_t count;
    int64_t offsets[INDEX_MOST];
} rnn_index;

/* Goes through a source in search of symbols. */
typedef struct rnn_finder {
    int64_t symbol, offset;     /* where it is, both from the start of the source */
    const unsigned char *bytes; /* the piece that was looked at last, in `room` or in the source itself */
    int64_t begin;              /* its offset */
    size_t size;
    unsigned char room[PIECE_SIZE];
} rnn_finder;

/* Reads the source from start to end. All its symbols must be in the vocabulary. */
rnn_status librnn_index_create(const rnn_source *source, const rnn_vocab *vocab, rnn_index **index);

rnn_index *librnn_index_share(rnn_index *index);
void librnn_index_release(rnn_index *index); /* NULL is allowed */

/* Sets a finder to the start of the source. */
void librnn_finder_begin(rnn_finder *finder);

/*
 * Moves the finder to a symbol, from where it is or from the nearest place that the index has: going through ascending
 * symbols reads the source once at most.
 */
rnn_status librnn_index_find(const rnn_index *index, const rnn_source *source, int64_t symbol, rnn_finder *finder);

#endif
