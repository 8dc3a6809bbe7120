/*
 * vocab.h: the inside of a vocabulary, for the corpus.
 */
#ifndef RNN_VOCAB_H
#define RNN_VOCAB_H

#include "base/status.h"
#include "base/utf8.h"
#include "text/words.h"

#include <stdatomic.h>

enum {
    SHOWN_MOST = 16, /* bytes that the unknown symbol is shown as */
    PAGE_SIZE = 256, /* code points */
};

struct rnn_vocab {
    atomic_int owners; /* the caller, and each corpus that encodes with it */
    int32_t kind;
    int32_t size;
    int32_t unknown;                         /* the id of the unknown symbol, or -1: there is none */
    int32_t id_of[256];                      /* of bytes, or of code points up to U+007F; -1: no such symbol */
    uint16_t *page_of;                       /* UTF-8: [CODE_POINTS / PAGE_SIZE]; 0 where no symbol is */
    int32_t (*pages)[PAGE_SIZE];             /* UTF-8: ids as in `id_of`, by the lowest bits of a code point */
    words *words;                            /* words: all symbols but the unknown one; else NULL */
    unsigned char (*symbols)[UTF8_MOST + 1]; /* by id, each followed by a NUL; the unknown one is not among them */
    unsigned char shown[SHOWN_MOST + 1];     /* the unknown symbol, followed by a NUL */
    size_t shown_size;
};

/*
 * Bytes and code points: reads the symbol that the bytes begin with and looks up its id. Returns its length in bytes; 0
 * when there is none: the bytes aren't UTF-8, end too early, or are of no symbol.
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

/* Shares the vocabulary; rnn_vocab_destroy() gives the share back. */
rnn_vocab *librnn_vocab_share(const rnn_vocab *vocab);

/*
 * The sentence about the bytes at `offset` of a piece of text, for which rnn_vocab_read() returned 0, with `place`
 * behind "at". Where the piece ends, the text does, unless UTF8_MOST bytes or more are left.
 */
rnn_status librnn_vocab_refuse(int32_t kind, const unsigned char *text, size_t size, size_t offset, const char *place);

/*
 * Reading a piece of a source, `size` bytes that stand at `begin` of it, has stopped at byte `end` of the piece. Fails
 * as librnn_vocab_refuse(), unless the piece's end may be the reason: then the next piece has to begin there.
 */
rnn_status librnn_vocab_check_stop(int32_t kind, const rnn_source *source, int64_t begin, const unsigned char *piece,
                                   size_t size, size_t end);

#endif
