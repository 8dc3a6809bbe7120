/*
 * file.h: files, read at an offset, and what can only be read from start to end.
 */
#ifndef RNN_FILE_H
#define RNN_FILE_H

#include "status.h"

#include <time.h>

/* What a sentence shows of a path at most, so that the reason behind it still fits. */
enum { PATH_SHOWN = 256 };

typedef struct rnn_file {
    int descriptor;
    bool once;                /* it can only be read from start to end: a pipe, a terminal */
    int64_t base;             /* where the text begins in it; not 0 for a standard input that has been read from */
    int64_t size;             /* from there on, when it was opened; 0 where it can only be read once */
    struct timespec modified; /* when it was opened */
    char *path;               /* for sentences */
} rnn_file;

/* Opens a regular file for reading. Anything else is an error, and is not waited for. */
rnn_status rnn_file_open(const char *path, rnn_file *file);

/* Opens for reading what may also be readable only once; "-" is standard input. Waits for a FIFO's writer. */
rnn_status rnn_file_open_any(const char *path, rnn_file *file);

/* Reads exactly `size` bytes from `offset` on; fewer, since the file has become shorter, is an error. */
rnn_status rnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size);

/* Reads the next bytes of what can only be read once; `done` is less than `size` only at its end. */
rnn_status rnn_file_read_on(const rnn_file *file, void *bytes, size_t size, size_t *done);

/* That the file has the length and the time of modification that it had when it was opened. */
rnn_status rnn_file_check(const rnn_file *file);

/* Gives the descriptor back and keeps the path. */
void rnn_file_stop(rnn_file *file);

void rnn_file_close(rnn_file *file);

#endif
