/*
 * file.c: files, read at an offset, and what can only be read from start to end.
 *
 * Reading takes the place of mapping, since a mapped file that another process truncates kills the one that looks at
 * it, and since pages looked at count as the process's own memory.
 */
#include "file.h"

#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static rnn_status fail_to_open(const char *path)
{
    return rnn_fail(RNN_ERROR_IO, "%.*s can't be opened: %s", PATH_SHOWN, path, strerror(errno));
}

/* Takes the path over for sentences; nothing is open yet. */
static rnn_status begin(const char *path, rnn_file *file)
{
    RNN_REQUIRE(path);
    *file = (rnn_file){.descriptor = -1};
    RNN_TRY(rnn_allocate("a file's name", strlen(path) + 1, 1, (void **)&file->path));
    strcpy(file->path, path);
    return RNN_OK;
}

static void keep_time(rnn_file *file, const struct stat *about)
{
    file->size = about->st_size;
    file->modified = about->st_mtim;
}

rnn_status rnn_file_open(const char *path, rnn_file *file)
{
    rnn_file opened;
    RNN_TRY(begin(path, &opened));
    rnn_status status;
    opened.descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer would block */
    struct stat about;
    if (opened.descriptor < 0 || fstat(opened.descriptor, &about) != 0) {
        status = fail_to_open(path);
        goto failed;
    }
    if (!S_ISREG(about.st_mode)) {
        status = rnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, path,
                          S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
        goto failed;
    }
    keep_time(&opened, &about);
    *file = opened;
    return RNN_OK;

failed:
    rnn_file_close(&opened);
    return status;
}

/* A descriptor for the path, or -1. */
static int open_any(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
    struct stat about;
    /* A FIFO is waited for, as by any program that reads one; opened without waiting it would seem empty. */
    int wait = stat(path, &about) == 0 && S_ISFIFO(about.st_mode) ? 0 : O_NONBLOCK;
    int descriptor;
    do
        descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | wait);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* Standard input counts from where it stands, and as read to its end. */
static void take_rest(rnn_file *file)
{
    off_t at = lseek(file->descriptor, 0, SEEK_CUR);
    file->base = at < 0 ? 0 : at < file->size ? at : file->size;
    lseek(file->descriptor, (off_t)file->size, SEEK_SET);
    file->size -= file->base;
}

rnn_status rnn_file_open_any(const char *path, rnn_file *file)
{
    RNN_REQUIRE(path);
    bool input = strcmp(path, "-") == 0;
    rnn_file opened;
    RNN_TRY(begin(input ? "standard input" : path, &opened));
    rnn_status status;
    opened.descriptor = open_any(path);
    struct stat about;
    if (opened.descriptor < 0 || fstat(opened.descriptor, &about) != 0) {
        status = fail_to_open(opened.path);
        goto failed;
    }
    if (S_ISDIR(about.st_mode) || S_ISBLK(about.st_mode)) {
        status = rnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, opened.path,
                          S_ISDIR(about.st_mode) ? "a directory" : "a block device");
        goto failed;
    }
    opened.once = !S_ISREG(about.st_mode);
    if (!opened.once) {
        keep_time(&opened, &about);
        if (input)
            take_rest(&opened);
    }
    *file = opened;
    return RNN_OK;

failed:
    rnn_file_close(&opened);
    return status;
}

static rnn_status fail_to_read(const rnn_file *file)
{
    return rnn_fail(RNN_ERROR_IO, "%.*s can't be read: %s", PATH_SHOWN, file->path, strerror(errno));
}

rnn_status rnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        int64_t at = offset + (int64_t)done;
        ssize_t n = pread(file->descriptor, (char *)bytes + done, size - done, file->base + at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_to_read(file);
        if (n == 0)
            return rnn_fail(RNN_ERROR_IO, "%.*s ends at byte %" PRId64 "; it had %" PRId64 " bytes when it was opened",
                            PATH_SHOWN, file->path, at, file->size);
        done += (size_t)n;
    }
    return RNN_OK;
}

rnn_status rnn_file_read_on(const rnn_file *file, void *bytes, size_t size, size_t *done)
{
    for (*done = 0; *done < size;) {
        ssize_t n = read(file->descriptor, (char *)bytes + *done, size - *done);
        if (n == 0)
            break;
        if (n > 0) {
            *done += (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            struct pollfd wait = {.fd = file->descriptor, .events = POLLIN};
            if (poll(&wait, 1, -1) < 0 && errno != EINTR)
                return fail_to_read(file);
        } else if (errno != EINTR) {
            return fail_to_read(file);
        }
    }
    return RNN_OK;
}

rnn_status rnn_file_check(const rnn_file *file)
{
    struct stat about;
    if (fstat(file->descriptor, &about) != 0)
        return fail_to_read(file);
    int64_t size = about.st_size - file->base;
    if (size != file->size)
        return rnn_fail(RNN_ERROR_IO, "%.*s has %" PRId64 " bytes; it had %" PRId64 " when it was opened", PATH_SHOWN,
                        file->path, size, file->size);
    if (about.st_mtim.tv_sec != file->modified.tv_sec || about.st_mtim.tv_nsec != file->modified.tv_nsec)
        return rnn_fail(RNN_ERROR_IO, "%.*s has changed since it was opened", PATH_SHOWN, file->path);
    return RNN_OK;
}

void rnn_file_stop(rnn_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

void rnn_file_close(rnn_file *file)
{
    rnn_file_stop(file);
    rnn_release(file->path);
}
