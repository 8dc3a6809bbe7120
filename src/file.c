/*
 * file.c: regular files, read at an offset.
 *
 * Reading takes the place of mapping, since a mapped file that another process truncates kills the one that looks at
 * it, and since pages looked at count as the process's own memory.
 */
#include "file.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a sentence shows of a path at most, so that the reason behind it still fits. */
enum { PATH_SHOWN = 256 };

rnn_status rnn_file_open(const char *path, rnn_file *file)
{
    RNN_REQUIRE(path);
    rnn_file opened = {.descriptor = -1};
    rnn_status status = rnn_allocate("a file's name", strlen(path) + 1, 1, (void **)&opened.path);
    if (status != RNN_OK)
        return status;
    strcpy(opened.path, path);
    opened.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would block */
    struct stat about;
    if (opened.descriptor < 0 || fstat(opened.descriptor, &about) != 0) {
        status = rnn_fail(RNN_ERROR_IO, "%.*s can't be opened: %s", PATH_SHOWN, path, strerror(errno));
        goto failed;
    }
    if (!S_ISREG(about.st_mode)) {
        status = rnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, path,
                          S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
        goto failed;
    }
    opened.size = about.st_size;
    *file = opened;
    return RNN_OK;

failed:
    rnn_file_close(&opened);
    return status;
}

rnn_status rnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = pread(file->descriptor, (char *)bytes + done, size - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return rnn_fail(RNN_ERROR_IO, "%.*s can't be read: %s", PATH_SHOWN, file->path, strerror(errno));
        if (n == 0)
            return rnn_fail(RNN_ERROR_IO, "%.*s ends at byte %" PRId64 "; it had %" PRId64 " bytes when it was opened",
                            PATH_SHOWN, file->path, offset + (int64_t)done, file->size);
        done += (size_t)n;
    }
    return RNN_OK;
}

void rnn_file_close(rnn_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    rnn_release(file->path);
}
