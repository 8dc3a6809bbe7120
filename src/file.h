/*
 * file.h: regular files, read at an offset or replaced as a whole; and memory in a file's place.
 */
#ifndef RNN_FILE_H
#define RNN_FILE_H

#include "status.h"

/* What a sentence shows of a path at most, so that the reason behind it still fits. */
enum { PATH_SHOWN = 256 };

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

/*
 * A new file that takes an old one's place when it is complete:
 *
 *     rnn_file_replace(path, &r);  rnn_file_write(&r, ...) ...;  rnn_file_commit(&r) or rnn_file_discard(&r);
 *
 * Until rnn_file_commit() the old file is what it was, and after it the new one is on the disk. rnn_file_discard()
 * leaves nothing behind, and does nothing after rnn_file_commit(), whatever that returned.
 */
typedef struct rnn_replacement {
    int directory;      /* that holds both; -1 when there is none */
    int descriptor;     /* of the new file; -1 when there is none */
    const char *path;   /* as the caller wrote it, for sentences; must stay */
    char *target;       /* what is replaced: `path`, or what it leads to as a symbolic link */
    const char *name;   /* in `directory`; the end of `target` */
    char temporary[32]; /* the new file's name meanwhile */
} rnn_replacement;

rnn_status rnn_file_replace(const char *path, rnn_replacement *replacement);
rnn_status rnn_file_write(const rnn_replacement *replacement, const void *bytes, size_t size);
rnn_status rnn_file_commit(rnn_replacement *replacement);
void rnn_file_discard(rnn_replacement *replacement);

/* Bytes to read: a file's, or memory's where `file` is NULL. Whoever reads stays below `size`. */
typedef struct rnn_source {
    const rnn_file *file;
    const void *memory;
    uint64_t size;
} rnn_source;

rnn_status rnn_source_read(const rnn_source *source, uint64_t offset, void *bytes, size_t size);

/* Where bytes go, one after the other: to a file, or to memory with room for them all where `file` is NULL. */
typedef struct rnn_sink {
    const rnn_replacement *file;
    char *memory;
} rnn_sink;

rnn_status rnn_sink_write(rnn_sink *sink, const void *bytes, size_t size);

#endif
