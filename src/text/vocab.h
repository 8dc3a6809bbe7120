/*
 * vocab.h: the internals of a vocabulary, for the corpus.
 */
#ifndef RNN_VOCAB_H
#define RNN_VOCAB_H

#include "base/status.h"
#include "base/utf8.h"
#include "text/words.h"

#include <stdatomic.h>

enum {
    SHOWN_MOST = 16, /* maximum number of bytes for showing the unknown symbol */
    PAGE_SIZE = 256, /* code points per page */
};

struct rnn_vocab {
    atomic_int owners; /* the caller, and each corpus that encodes with it */
    int32_t kind;
    int32_t size;
    int32_t unknown;             /* id of the unknown symbol; -1: there is none */
    int32_t id_of[256];          /* ids of bytes, or of code points up to U+007F; -1: not in the vocabulary */
    uint16_t *page_of;           /* UTF-8: [CODE_POINTS / PAGE_SIZE] page of a code point; 0: it has no symbols */
    int32_t (*pages)[PAGE_SIZE]; /* UTF-8: ids as in `id_of`, indexed by the low bits of a code point */
    words *words;                /* words: all symbols except the unknown one; otherwise NULL */
    unsigned char (*symbols)[UTF8_MOST + 1]; /* by id, each with a NUL at the end; without the unknown symbol */
    unsigned char shown[SHOWN_MOST + 1];     /* the unknown symbol, with a NUL at the end */
    size_t shown_size;
};

/*
 * For vocabularies of bytes or code points: reads the symbol at the beginning of the bytes and looks up its id. Returns
 * its length in bytes, or 0 if the bytes aren't UTF-8, end too early, or aren't in the vocabulary.
 */
static inline int rnn_vocab_read(const rnn_vocab *vocab, const unsigned char *bytes, size_t size, int32_t *id)
{
    int length = 1;
    if (vocab->kind == RNN_VOCAB_BYTES || bytes[0] < 0x80) {
        *id = vocab->id_of[bytes[0]];
    } else {
        int32_t code_point;
        length = rnn_utf8_read(bytes, size, &code_point);
        *id = length == 0 ? -1 : vocab->pages[vocab->page_of[code_point / PAGE_SIZE]][code_point % PAGE_SIZE];
    }
    return *id < 0 ? 0 : length;
}

/* Calls `take` with each id of a source. */
typedef void vocab_taker(void *context, int32_t id);
rnn_status librnn_vocab_read_source(const rnn_vocab *vocab, const rnn_source *source, vocab_taker *take, void *context);

/* Adds an owner. rnn_vocab_destroy() removes one. */
rnn_vocab *librnn_vocab_share(const rnn_vocab *vocab);

/*
 * Fails with a message about the bytes at `offset` of a piece of text, for which rnn_vocab_read() returned 0. The
 * message says "at `place`". If fewer than UTF8_MOST bytes are left, the end of the piece must be the end of the text.
 */
rnn_status librnn_vocab_refuse(int32_t kind, const unsigned char *text, size_t size, size_t offset, const char *place);

/*
 * Call it when reading a piece of a source has stopped at byte `end` of the piece. The piece is `size` bytes from
 * `begin` on. The function fails like librnn_vocab_refuse(), unless reading may have stopped only because the piece
 * ends. In that case it succeeds, and the next piece must begin at `end`.
 */
rnn_status librnn_vocab_check_stop(int32_t kind, const rnn_source *source, int64_t begin, const unsigned char *piece,
                                   size_t size, size_t end);

#endif
