/*
 * Vocabularies and texts to test with. Used by the suites of the vocabulary.
 */
#ifndef RNN_TESTS_VOCABULARIES_H
#define RNN_TESTS_VOCABULARIES_H

#include "support.h"
#include "temporary.h"
#include "unicode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static inline rnn_vocab *create_from_text(const void *text, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, text, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

static inline rnn_vocab *create_from_list(const void *symbols, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, symbols, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

static inline rnn_vocab *create_utf8(const void *text, size_t size)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, size, &vocab));
    assert_non_null(vocab);
    return vocab;
}

#endif
