/*
 * compress.h: declarations that the parts of compress share.
 *
 * main.c reads the command line and the files, and defines the archive. network.c predicts bytes with a recurrent
 * network that learns as it goes. coder.c mixes its predictions with those of counters, and codes bytes.
 */
#ifndef COMPRESS_H
#define COMPRESS_H

#include "../common/common.h"

enum { BYTES = 256, MOST_STREAMS = 8 };

typedef struct level {
    int32_t cell;
    int64_t hidden;
    int64_t steps; /* of a chunk: the network learns after each chunk */
    double learning_rate;
    int table_bits; /* each context has 2^table_bits buckets at most */
} level;

/* ---- network.c ---- */

typedef struct network network;

network *network_create(const level *l, int64_t streams);
void network_destroy(network *n);

/*
 * Predicts the next byte of each stream. shares: [streams][2 * BYTES]. shares[b][BYTES + s] is the share of the byte s,
 * and shares[b][i] = shares[b][2 i] + shares[b][2 i + 1], so each byte's bits are a path down from shares[b][1].
 */
void network_predict(network *n, uint32_t *shares);

/* Tells the network the byte that followed in each stream, or -1 if the stream has ended. bytes: [streams] */
void network_learn(network *n, const int32_t *bytes);

/* ---- coder.c ---- */

typedef struct coder coder;

coder *coder_create(int table_bits);
void coder_destroy(coder *c);

/* Starts to write to a buffer. Bytes that don't fit in it are only counted. */
void coder_write(coder *c, uint8_t *to, size_t capacity);

/* Starts to read from a buffer. After its end come zeros. */
void coder_read(coder *c, const uint8_t *from, size_t size);

/* Returns the number of bytes written or read so far. */
size_t coder_size(const coder *c);

/* Ends the writing. Returns the number of bytes. */
size_t coder_finish(coder *c);

/* Begins the stream of this index. It stores its bytes from `position` in the history, modulo the history's size. */
void coder_begin_stream(coder *c, int64_t index, uint32_t position);

/* Writes the stream's next byte, or reads it and ignores the argument. Returns the byte. shares: [2 * BYTES] */
int coder_code(coder *c, int64_t index, const uint32_t *shares, int byte);

#endif
