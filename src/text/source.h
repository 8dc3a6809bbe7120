/*
 * source.h: the bytes of a text, from files or from memory, for vocabularies and corpora.
 */
#ifndef RNN_SOURCE_H
#define RNN_SOURCE_H

#include "base/status.h"

enum {
    PIECE_SIZE = 1 << 14, /* bytes that are read at once, into a buffer on the stack */
    PLACE_SIZE = 320,     /* size of a string that describes a place in a source */
};

/* Creates a source with a copy of a text in memory. */
rnn_status librnn_source_create_from_text(const void *text, size_t size, rnn_source **source);

/*
 * Creates a source from memory that librnn_allocate() returned, without a copy. The function takes ownership of the
 * memory even if it fails.
 */
rnn_status librnn_source_take(unsigned char *memory, size_t size, rnn_source **source);

/* Opens one regular file. Anything else is an error. */
rnn_status librnn_source_open_file(const char *path, rnn_source **source);

/* Adds an owner. rnn_source_destroy() removes one. */
rnn_source *librnn_source_share(const rnn_source *source);

/* All bytes, if they are in memory in one piece; otherwise NULL. */
const unsigned char *librnn_source_text(const rnn_source *source);

/* Copies `size` bytes from `offset` on. */
rnn_status librnn_source_read(const rnn_source *source, int64_t offset, void *bytes, size_t size);

/*
 * Returns the bytes from `offset` on; `offset` must be less than the source's size. On entry *size is the number of
 * bytes wanted, at most PIECE_SIZE. On return it is the number of bytes there are: more if they needn't be copied,
 * fewer at the source's end. The bytes are in `room` or in the source itself.
 */
rnn_status librnn_source_piece(const rnn_source *source, int64_t offset, unsigned char room[PIECE_SIZE],
                               const unsigned char **bytes, size_t *size);

/* Checks that no file has changed since it was opened. Call it after reading, before you use the data. */
rnn_status librnn_source_check(const rnn_source *source);

/* Writes "offset 12" or "offset 12 of text.txt" for the byte at `offset`. */
void librnn_source_place(const rnn_source *source, int64_t offset, char place[PLACE_SIZE]);

/* Fails with "text.txt is empty; `need`". */
rnn_status librnn_source_refuse_empty(const rnn_source *source, const char *need);

#endif
