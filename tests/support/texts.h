/*
 * Vocabularies, corpora and chunks that a test creates in one line; a call that fails ends the test. Used by the suites
 * about texts and files.
 */
#ifndef RNN_TESTS_TEXTS_H
#define RNN_TESTS_TEXTS_H

#include "support.h"

#include <stdlib.h>
#include <string.h>

static inline rnn_vocab *vocab_of_text(int32_t kind, const void *text, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(kind, text, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

static inline rnn_vocab *vocab_of_list(int32_t kind, const void *symbols, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(kind, symbols, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

static inline rnn_vocab *vocab_of_file(int32_t kind, const char *path)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_file(kind, path, &vocab));
    assert_non_null(vocab);
    return vocab;
}

static inline rnn_vocab *vocab_of_source(int32_t kind, const rnn_source *source)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_source(kind, source, &vocab));
    assert_non_null(vocab);
    return vocab;
}

/* `shown` is a string, or NULL for the default. */
static inline rnn_vocab *vocab_with_unknown(const rnn_vocab *known, const char *shown)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_with_unknown(known, shown, shown == NULL ? 0 : strlen(shown), &vocab));
    assert_non_null(vocab);
    return vocab;
}

/* Fills `bytes` with 0 to 255. */
static inline void fill_with_all_bytes(unsigned char bytes[256])
{
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
}

/* A vocabulary of all 256 bytes, in which each byte is its own id. */
static inline rnn_vocab *vocab_of_all_bytes(void)
{
    unsigned char bytes[256];
    fill_with_all_bytes(bytes);
    return vocab_of_list(RNN_VOCAB_BYTES, bytes, sizeof bytes);
}

static inline rnn_corpus *corpus_of_text(const rnn_vocab *vocab, const void *text, size_t size, int64_t steps,
                                         int64_t streams)
{
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_text(vocab, text, size, steps, streams, &corpus));
    assert_non_null(corpus);
    return corpus;
}

static inline rnn_corpus *corpus_of_file(const rnn_vocab *vocab, const char *path, int64_t steps, int64_t streams)
{
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_file(vocab, path, steps, streams, &corpus));
    assert_non_null(corpus);
    return corpus;
}

static inline rnn_corpus *corpus_of_source(const rnn_vocab *vocab, const rnn_source *source, int64_t steps,
                                           int64_t streams)
{
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_source(vocab, source, steps, streams, &corpus));
    assert_non_null(corpus);
    return corpus;
}

/* Moves the end of a corpus to a corpus of its own. */
static inline rnn_corpus *split(rnn_corpus *corpus, double share)
{
    rnn_corpus *validation = NULL;
    assert_ok(rnn_corpus_split(corpus, share, &validation));
    assert_non_null(validation);
    return validation;
}

static inline rnn_chunk empty_chunk(void)
{
    rnn_chunk chunk;
    assert_ok(rnn_chunk_init(&chunk, sizeof chunk));
    return chunk;
}

/* The next chunk of a corpus. */
static inline rnn_chunk next_chunk(rnn_corpus *corpus)
{
    rnn_chunk chunk = empty_chunk();
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    return chunk;
}

/* Both vocabularies must have the same symbols and the same unknown symbol. */
static inline void assert_same_vocab(const rnn_vocab *actual, const rnn_vocab *expected)
{
    assert_int_equal(rnn_vocab_kind(actual), rnn_vocab_kind(expected));
    assert_int_equal(rnn_vocab_size(actual), rnn_vocab_size(expected));
    assert_int_equal(rnn_vocab_unknown(actual), rnn_vocab_unknown(expected));
    for (int32_t id = 0; id < rnn_vocab_size(expected); id++) {
        const char *symbol = NULL, *expected_symbol = NULL;
        size_t size = 0, expected_size = 0;
        assert_ok(rnn_vocab_symbol(actual, id, &symbol, &size));
        assert_ok(rnn_vocab_symbol(expected, id, &expected_symbol, &expected_size));
        assert_int_equal(size, expected_size);
        assert_memory_equal(symbol, expected_symbol, size);
    }
}

#endif
