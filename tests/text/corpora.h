/*
 * Texts, corpora of them, and the definition of what a corpus serves. Used by the suites of the corpus.
 */
#ifndef RNN_TESTS_CORPORA_H
#define RNN_TESTS_CORPORA_H

#include "support.h"
#include "temporary.h"
#include "unicode.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static inline rnn_vocab *create_byte_vocab(void)
{
    unsigned char bytes[256];
    rnn_vocab *vocab = NULL;
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, bytes, sizeof bytes, &vocab));
    return vocab;
}

/* A text of bytes, each of which is its own id, to free(). */
static inline unsigned char *create_text(int64_t size, uint64_t seed)
{
    unsigned char *text = allocate(size, 1);
    random_source source = {seed};
    for (int64_t i = 0; i < size; i++)
        text[i] = (unsigned char)random_below(&source, 256);
    return text;
}

static inline rnn_corpus *open_text(const void *text, int64_t size, int64_t steps, int64_t streams)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_text(vocab, text, (size_t)size, steps, streams, &corpus));
    assert_non_null(corpus);
    rnn_vocab_destroy(vocab);
    return corpus;
}

static inline rnn_corpus *open_file(const char *path, int64_t steps, int64_t streams)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_file(vocab, path, steps, streams, &corpus));
    assert_non_null(corpus);
    rnn_vocab_destroy(vocab);
    return corpus;
}

static inline rnn_chunk empty_chunk(void)
{
    rnn_chunk chunk;
    assert_ok(rnn_chunk_init(&chunk, sizeof chunk));
    return chunk;
}

/* What a corpus is by its definition: symbols that are bytes and their own ids, and a position. */
typedef struct definition {
    const unsigned char *text;
    int64_t size;     /* N */
    int64_t steps;    /* T */
    int64_t streams;  /* B */
    int64_t position; /* p */
} definition;

/* The next chunk of `corpus` must be the one that the definition gives, and lead to the same position. */
static inline void assert_next_is_as_defined(rnn_corpus *corpus, definition *defined)
{
    int64_t length = (defined->size - 1) / defined->streams;
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    assert_int_equal(rnn_corpus_position(corpus), defined->position);
    if (defined->position + defined->steps >= length)
        defined->position = 0;
    assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
    assert_int_equal(restarted, defined->position == 0);
    assert_int_equal(chunk.struct_size, sizeof chunk);
    assert_int_equal(chunk.steps, defined->steps);
    assert_int_equal(chunk.streams, defined->streams);
    for (int64_t t = 0; t < defined->steps; t++) {
        for (int64_t b = 0; b < defined->streams; b++) {
            const unsigned char *symbol = defined->text + b * length + defined->position + t;
            int64_t element = t * defined->streams + b;
            if (chunk.inputs[element] != symbol[0] || chunk.targets[element] != symbol[1]) {
                fail_msg("N %lld T %lld B %lld: the chunk at %lld has %d -> %d at (%lld, %lld) instead of %d -> %d",
                         (long long)defined->size, (long long)defined->steps, (long long)defined->streams,
                         (long long)defined->position, chunk.inputs[element], chunk.targets[element], (long long)t,
                         (long long)b, symbol[0], symbol[1]);
            }
        }
    }
    defined->position += defined->steps;
    assert_int_equal(rnn_corpus_position(corpus), defined->position);
}

static inline rnn_corpus *split(rnn_corpus *corpus, double share)
{
    rnn_corpus *validation = NULL;
    assert_ok(rnn_corpus_split(corpus, share, &validation));
    assert_non_null(validation);
    return validation;
}

#endif
