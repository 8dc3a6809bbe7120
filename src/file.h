/*
 * file.h: regular files, read at an offset.
 */
#ifndef RNN_FILE_H
#define RNN_FILE_H

#include "status.h"

typedef struct rnn_file {
    int descriptor;
    int64_t size; /* when it was opened */
    char *path;   /* for sentences */
} rnn_file;

/* Opens for reading. Anything but a regular file is an error. */
rnn_status rnn_file_open(const char *path, rnn_file *file);

/* Reads exactly `size` bytes from `offset` on; fewer, since the file has become shorter, is an error. */
rnn_status rnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size);

void rnn_file_close(rnn_file *file);

#endif
