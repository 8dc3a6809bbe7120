/*
 * file.h: reads files at an offset or as a stream, replaces files as a whole, and reads and writes memory through the
 * same interface.
 */
#ifndef RNN_FILE_H
#define RNN_FILE_H

#include "base/status.h"

#include <time.h>

/* The maximum number of bytes of a path in an error message, so that the reason after it still fits. */
enum { PATH_SHOWN = 256 };

typedef struct rnn_file {
    intptr_t file;            /* a system_file */
    bool once;                /* can only be read from start to end: a pipe, a terminal, a file of /proc */
    int64_t base;             /* offset where the text begins; not 0 if the program has read from standard input */
    int64_t size;             /* bytes from `base` on, when the file was opened; 0 if `once` */
    struct timespec modified; /* time of the last modification, when the file was opened */
    char *path;               /* for error messages */
} rnn_file;

/* Opens a regular file for reading. Anything else is an error. The function never waits, not even for a FIFO. */
rnn_status librnn_file_open(const char *path, rnn_file *file);

/* Opens a file for reading that may be readable only once. "-" is standard input. */
rnn_status librnn_file_open_any(const char *path, rnn_file *file);

/* Reads exactly `size` bytes from `offset` on. Fails if the file has become too short. */
rnn_status librnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size);

/*
 * Reads the next bytes of a file that can only be read once. It waits for them, and for the writer of a FIFO. *done is
 * less than `size` only at the end of the file.
 */
rnn_status librnn_file_read_on(const rnn_file *file, void *bytes, size_t size, size_t *done);

/* Checks that the file's length and time of modification haven't changed since it was opened. */
rnn_status librnn_file_check(const rnn_file *file);

/* Closes the file and keeps the path. */
void librnn_file_stop(rnn_file *file);

void librnn_file_close(rnn_file *file);

/*
 * A new file that replaces an old one when it is complete:
 *
 *     librnn_file_replace(path, &r);
 *     librnn_file_write(&r, ...) ...;
 *     librnn_file_commit(&r) or librnn_file_discard(&r);
 *
 * Until librnn_file_commit() the old file is unchanged. After it the new file is on the disk. librnn_file_discard()
 * removes the new file. It does nothing after librnn_file_commit(), whether or not that succeeded.
 */
typedef struct rnn_replacement {
#ifdef _WIN32
    const char *path;         /* the caller's path, for error messages; it must stay valid */
    void *file;               /* the new file; INVALID_HANDLE_VALUE: none */
    wchar_t *target;          /* the file to replace */
    wchar_t *temporary;       /* path of the new file; in the same directory */
    unsigned long attributes; /* attributes that the new file takes over from the old one */
    void *rights;             /* access rights of the old file: a SECURITY_DESCRIPTOR; NULL: none */
#else
    int directory;      /* the directory of both files; -1: none */
    int descriptor;     /* descriptor of the new file; -1: none */
    const char *path;   /* the caller's path, for error messages; it must stay valid */
    char *target;       /* the file to replace: `path`, or the target of that symbolic link */
    const char *name;   /* name in `directory`; the end of `target` */
    char temporary[32]; /* temporary name of the new file */
#endif
} rnn_replacement;

rnn_status librnn_file_replace(const char *path, rnn_replacement *replacement);
rnn_status librnn_file_write(const rnn_replacement *replacement, const void *bytes, size_t size);
rnn_status librnn_file_commit(rnn_replacement *replacement);
void librnn_file_discard(rnn_replacement *replacement);

/* Bytes to read from a file, or from memory if `file` is NULL. The reader must stay within `size`. */
typedef struct rnn_bytes {
    const rnn_file *file;
    const void *memory;
    uint64_t size;
} rnn_bytes;

rnn_status librnn_bytes_read(const rnn_bytes *source, uint64_t offset, void *bytes, size_t size);

/* A destination to which bytes are written in order: a file, or, if `file` is NULL, memory that is large enough. */
typedef struct rnn_sink {
    const rnn_replacement *file;
    char *memory;
} rnn_sink;

rnn_status librnn_sink_write(rnn_sink *sink, const void *bytes, size_t size);

#endif
