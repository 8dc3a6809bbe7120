/*
 * source.h: the bytes of a text, wherever they are, for vocabulary and corpus.
 */
#ifndef RNN_SOURCE_H
#define RNN_SOURCE_H

#include "base/status.h"

enum {
    PIECE_SIZE = 1 << 14, /* bytes that are looked at together, on the stack of a call */
    PLACE_SIZE = 320,     /* of a string that says where in a source something is */
};

/* A copy of a text in memory. */
rnn_status librnn_source_create_from_text(const void *text, size_t size, rnn_source **source);

/* The same without a copy: takes over what librnn_allocate() has returned, whatever comes of it. */
rnn_status librnn_source_take(unsigned char *memory, size_t size, rnn_source **source);

/* One regular file, or an error. */
rnn_status librnn_source_open_file(const char *path, rnn_source **source);

/* Shares the source; rnn_source_destroy() gives the share back. */
rnn_source *librnn_source_share(const rnn_source *source);

/* All bytes, when they stand in memory one behind the other; else NULL. */
const unsigned char *librnn_source_text(const rnn_source *source);

/* Copies `size` bytes from `offset` on. */
rnn_status librnn_source_read(const rnn_source *source, int64_t offset, void *bytes, size_t size);

/*
 * The bytes from `offset`, which is less than the source's size, on: `size` of them (at most PIECE_SIZE), more when
 * they need not be copied, or fewer at the source's end. They stand in `room` or in the source itself.
 */
rnn_status librnn_source_piece(const rnn_source *source, int64_t offset, unsigned char room[PIECE_SIZE],
                               const unsigned char **bytes, size_t *size);

/* That none of the files has changed since they were opened: to be asked after reading, before what was read is used.
 */
rnn_status librnn_source_check(const rnn_source *source);

/* "offset 12", or "offset 12 of text.txt", for the byte at `offset`. */
void librnn_source_place(const rnn_source *source, int64_t offset, char place[PLACE_SIZE]);

/* "text.txt is empty; `need`" */
rnn_status librnn_source_refuse_empty(const rnn_source *source, const char *need);

#endif
