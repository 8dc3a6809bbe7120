/*
 * file.h: files, read at an offset or replaced as a whole, and what can only be read from start to end; and memory
 * in a file's place.
 */
#ifndef RNN_FILE_H
#define RNN_FILE_H

#include "base/status.h"

#include <time.h>

/* What a sentence shows of a path at most, so that the reason behind it still fits. */
enum { PATH_SHOWN = 256 };

typedef struct rnn_file {
    int descriptor;
    bool once;                /* it can only be read from start to end: a pipe, a terminal, a file of /proc */
    int64_t base;             /* where the text begins in it; not 0 for a standard input that has been read from */
    int64_t size;             /* from there on, when it was opened; 0 where it can only be read once */
    struct timespec modified; /* when it was opened */
    char *path;               /* for sentences */
} rnn_file;

/* Opens a regular file for reading. Anything else is an error, and is not waited for. */
rnn_status librnn_file_open(const char *path, rnn_file *file);

/* Opens for reading what may also be readable only once; "-" is standard input. */
rnn_status librnn_file_open_any(const char *path, rnn_file *file);

/* Reads exactly `size` bytes from `offset` on; fewer, since the file has become shorter, is an error. */
rnn_status librnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size);

/*
 * Reads the next bytes of what can only be read once, and waits for them, and for a FIFO's writer; `done` is less than
 * `size` only at its end.
 */
rnn_status librnn_file_read_on(const rnn_file *file, void *bytes, size_t size, size_t *done);

/* That the file has the length and the time of modification that it had when it was opened. */
rnn_status librnn_file_check(const rnn_file *file);

/* Gives the descriptor back and keeps the path. */
void librnn_file_stop(rnn_file *file);

void librnn_file_close(rnn_file *file);

/*
 * A new file that takes an old one's place when it is complete:
 *
 *     librnn_file_replace(path, &r);  librnn_file_write(&r, ...) ...;  librnn_file_commit(&r) or
 * librnn_file_discard(&r);
 *
 * Until librnn_file_commit() the old file is what it was, and after it the new one is on the disk.
 * librnn_file_discard() leaves nothing behind, and does nothing after librnn_file_commit(), whatever that returned.
 */
typedef struct rnn_replacement {
    int directory;      /* that holds both; -1 when there is none */
    int descriptor;     /* of the new file; -1 when there is none */
    const char *path;   /* as the caller wrote it, for sentences; must stay */
    char *target;       /* what is replaced: `path`, or what it leads to as a symbolic link */
    const char *name;   /* in `directory`; the end of `target` */
    char temporary[32]; /* the new file's name meanwhile */
} rnn_replacement;

rnn_status librnn_file_replace(const char *path, rnn_replacement *replacement);
rnn_status librnn_file_write(const rnn_replacement *replacement, const void *bytes, size_t size);
rnn_status librnn_file_commit(rnn_replacement *replacement);
void librnn_file_discard(rnn_replacement *replacement);

/* Bytes to read: a file's, or memory's where `file` is NULL. Whoever reads stays below `size`. */
typedef struct rnn_bytes {
    const rnn_file *file;
    const void *memory;
    uint64_t size;
} rnn_bytes;

rnn_status librnn_bytes_read(const rnn_bytes *source, uint64_t offset, void *bytes, size_t size);

/* Where bytes go, one after the other: to a file, or to memory with room for them all where `file` is NULL. */
typedef struct rnn_sink {
    const rnn_replacement *file;
    char *memory;
} rnn_sink;

rnn_status librnn_sink_write(rnn_sink *sink, const void *bytes, size_t size);

#endif
