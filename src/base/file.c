/*
 * file.c: reads files at an offset or as a stream, replaces files as a whole, and reads and writes memory through the
 * same interface.
 *
 * Files are read rather than mapped, for two reasons. If another process truncates a mapped file, accessing it kills
 * this process. And mapped pages that are accessed count as the process's own memory.
 */
#define _GNU_SOURCE /* for O_PATH */
#include "base/file.h"

#include "base/memory.h"
#include "base/names.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    LINKS_MOST = 40,   /* as many links as Linux follows */
    NAMES_MOST = 100,  /* maximum number of names tried for a temporary file */
    AT_ONCE = 1 << 30, /* maximum bytes per system call; macOS refuses 2 GiB */
};

/*
 * ---- Descriptors ----
 *
 * The library never uses a descriptor below 3. If the program has closed its standard streams, its output would
 * otherwise go to the library's files.
 */

/* openat(), repeated if a signal interrupts it. */
static int open_once(int directory, const char *path, int flags, mode_t permissions)
{
    int descriptor;
    do
        descriptor = openat(directory, path, flags, permissions);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static void close_keeping_errno(int descriptor)
{
    int error = errno;
    close(descriptor); /* Linux closes it even if a signal interrupts the call */
    errno = error;
}

/* Opens an existing file. If the descriptor is below 3, keeps it open until a further try gives a higher one. */
static int open_old(const char *path, int flags)
{
    int descriptor = open_once(AT_FDCWD, path, flags | O_CLOEXEC, 0);
    if (descriptor < 0 || descriptor > STDERR_FILENO)
        return descriptor;
    int higher = open_old(path, flags);
    close_keeping_errno(descriptor);
    return higher;
}

static rnn_status fail_to_open(const char *path)
{
    return librnn_fail(RNN_ERROR_IO, "%.*s can't be opened: %s", PATH_SHOWN, path, strerror(errno));
}

/* Copies the path, for error messages. The file isn't open yet. */
static rnn_status begin(const char *path, rnn_file *file)
{
    RNN_REQUIRE(path);
    *file = (rnn_file){.descriptor = -1};
    RNN_TRY(librnn_allocate("a file's name", strlen(path) + 1, 1, (void **)&file->path));
    strcpy(file->path, path);
    return RNN_OK;
}

static void keep_time(rnn_file *file, const struct stat *about)
{
    file->size = about->st_size;
    file->modified = about->st_mtim;
}

rnn_status librnn_file_open(const char *path, rnn_file *file)
{
    rnn_file opened;
    RNN_TRY(begin(path, &opened));
    rnn_status status;
    opened.descriptor =
        open_old(path, O_RDONLY | O_NONBLOCK); /* without O_NONBLOCK, a pipe without a writer would block */
    struct stat about;
    if (opened.descriptor < 0 || fstat(opened.descriptor, &about) != 0) {
        status = fail_to_open(path);
        goto failed;
    }
    if (!S_ISREG(about.st_mode)) {
        status = librnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, path,
                             S_ISDIR(about.st_mode) ? "a directory" : "not a regular file");
        goto failed;
    }
    keep_time(&opened, &about);
    *file = opened;
    return RNN_OK;

failed:
    librnn_file_close(&opened);
    return status;
}

/* Returns a descriptor for the path, or -1. It doesn't wait for data; librnn_file_read_on() does that. */
static int open_any(const char *path)
{
    if (strcmp(path, "-") == 0)
        return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    return open_old(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
}

/* The text of standard input begins at the current position. Moves the position to the end. */
static void take_rest(rnn_file *file)
{
    off_t at = lseek(file->descriptor, 0, SEEK_CUR);
    file->base = at < 0 ? 0 : at < file->size ? at : file->size;
    lseek(file->descriptor, (off_t)file->size, SEEK_SET);
    file->size -= file->base;
}

rnn_status librnn_file_open_any(const char *path, rnn_file *file)
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
        status = librnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, opened.path,
                             S_ISDIR(about.st_mode) ? "a directory" : "a block device");
        goto failed;
    }
    opened.once = !S_ISREG(about.st_mode) || about.st_size == 0; /* files of /proc are longer than they report */
    if (!opened.once) {
        keep_time(&opened, &about);
        if (input)
            take_rest(&opened);
    }
    *file = opened;
    return RNN_OK;

failed:
    librnn_file_close(&opened);
    return status;
}

static rnn_status fail_to_read(const rnn_file *file)
{
    return librnn_fail(RNN_ERROR_IO, "%.*s can't be read: %s", PATH_SHOWN, file->path, strerror(errno));
}

rnn_status librnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        int64_t at = offset + (int64_t)done;
        size_t part = size - done < AT_ONCE ? size - done : AT_ONCE;
        ssize_t n = pread(file->descriptor, (char *)bytes + done, part, file->base + at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_to_read(file);
        if (n == 0)
            return librnn_fail(RNN_ERROR_IO,
                               "%.*s ends at byte %" PRId64 "; it had %" PRId64 " byte%s when it was opened",
                               PATH_SHOWN, file->path, at, file->size, rnn_plural((uint64_t)file->size));
        done += (size_t)n;
    }
    return RNN_OK;
}

/* The callback that asks whether to interrupt a waiting call: see rnn_set_interrupt(). */
static struct {
    int32_t (*ask)(void *context);
    void *context;
} interrupt;

void rnn_set_interrupt(int32_t (*interrupted)(void *context), void *context)
{
    interrupt.ask = interrupted;
    interrupt.context = context;
}

/* Asks the callback at most about ten times a second, because an answer may take milliseconds. */
static bool is_interrupted(void)
{
    enum { BETWEEN = 100000000 }; /* nanoseconds */
    static _Thread_local int64_t asked;
    struct timespec now;
    if (!interrupt.ask || clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return false;
    int64_t time = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    if (asked != 0 && time - asked < BETWEEN)
        return false;
    asked = time;
    return interrupt.ask(interrupt.context) != 0;
}

/* Waits until there is something to read or the end is reached. A FIFO has neither until a writer has opened it. */
static rnn_status wait_for_bytes(const rnn_file *file)
{
    enum { BETWEEN = 100 }; /* milliseconds */
    struct pollfd wait = {.fd = file->descriptor, .events = POLLIN};
    int ready;
    do {
        if (is_interrupted())
            return librnn_fail(RNN_ERROR_IO, "%.*s was not read to its end; the program interrupted the call",
                               PATH_SHOWN, file->path);
        ready = poll(&wait, 1, interrupt.ask ? BETWEEN : -1);
        if (ready < 0 && errno != EINTR)
            return fail_to_read(file);
    } while (ready <= 0);
    return RNN_OK;
}

rnn_status librnn_file_read_on(const rnn_file *file, void *bytes, size_t size, size_t *done)
{
    for (*done = 0; *done < size;) {
        RNN_TRY(wait_for_bytes(file));
        size_t part = size - *done < AT_ONCE ? size - *done : AT_ONCE;
        ssize_t n = read(file->descriptor, (char *)bytes + *done, part);
        if (n == 0)
            break;
        if (n > 0)
            *done += (size_t)n;
        else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
            return fail_to_read(file);
    }
    return RNN_OK;
}

rnn_status librnn_file_check(const rnn_file *file)
{
    struct stat about;
    if (fstat(file->descriptor, &about) != 0)
        return fail_to_read(file);
    int64_t size = about.st_size - file->base;
    if (size != file->size)
        return librnn_fail(RNN_ERROR_IO, "%.*s has %" PRId64 " byte%s; it had %" PRId64 " when it was opened",
                           PATH_SHOWN, file->path, size, rnn_plural((uint64_t)size), file->size);
    if (about.st_mtim.tv_sec != file->modified.tv_sec || about.st_mtim.tv_nsec != file->modified.tv_nsec)
        return librnn_fail(RNN_ERROR_IO, "%.*s has changed since it was opened", PATH_SHOWN, file->path);
    return RNN_OK;
}

void librnn_file_stop(rnn_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}

void librnn_file_close(rnn_file *file)
{
    librnn_file_stop(file);
    librnn_release(file->path); // NOLINT(clang-analyzer-core.CallAndMessage): set by whoever opened it
}

/* ---- Replacing --------------------------------------------------------------------------------------------------- */

static rnn_status fail_to_write(const rnn_replacement *r, const char *reason)
{
    return librnn_fail(RNN_ERROR_IO, "%.*s can't be written: %s", PATH_SHOWN, r->path, reason);
}

/* Replaces the name with the target of its symbolic link. If the link is relative, keeps the directory in `target`. */
static rnn_status follow_link(rnn_replacement *r, char link[PATH_MAX])
{
    size_t length = link[0] == '/' ? 0 : (size_t)(r->name - r->target);
    char *target;
    RNN_TRY(librnn_allocate("a file's name", length + strlen(link) + 1, 1, (void **)&target));
    memcpy(target, r->target, length);
    strcpy(target + length, link);
    librnn_release(r->target);
    r->target = target;
    return RNN_OK;
}

static void find_name(rnn_replacement *r)
{
    const char *slash = strrchr(r->target, '/');
    r->name = slash ? slash + 1 : r->target;
}

/* Finds the file to replace, through symbolic links. It need not exist. */
static rnn_status find_target(rnn_replacement *r)
{
    RNN_TRY(librnn_allocate("a file's name", strlen(r->path) + 1, 1, (void **)&r->target));
    strcpy(r->target, r->path);
    find_name(r);
    for (int i = 0; i < LINKS_MOST; i++) {
        char link[PATH_MAX];
        ssize_t length = readlink(r->target, link, sizeof link - 1);
        if (length < 0)
            return errno == EINVAL || errno == ENOENT ? RNN_OK : fail_to_write(r, strerror(errno));
        link[length] = '\0';
        RNN_TRY(follow_link(r, link));
        find_name(r);
    }
    return fail_to_write(r, strerror(ELOOP));
}

/* Opens the directory of the target, to create, rename and sync files in it. */
static rnn_status open_directory(rnn_replacement *r)
{
    char *end = r->target + (r->name - r->target), first = *end;
    *end = '\0'; /* "a/b" is "a/" for the moment */
    const char *path = *r->target ? r->target : ".";
    r->directory = open_old(path, O_RDONLY | O_DIRECTORY);
#ifdef O_PATH
    if (r->directory < 0 && errno == EACCES) /* the directory may be writable but not readable */
        r->directory = open_old(path, O_PATH | O_DIRECTORY);
#endif
    *end = first;
    return r->directory >= 0 ? RNN_OK : fail_to_write(r, strerror(errno));
}

/* Inspects the file to replace, if it exists. Fails if it isn't a regular file. */
static rnn_status look_at_old(const rnn_replacement *r, struct stat *old, bool *exists)
{
    *exists = false;
    if (*r->name == '\0')
        return fail_to_write(r, *r->path ? strerror(EISDIR) : strerror(ENOENT));
    if (fstatat(r->directory, r->name, old, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? RNN_OK : fail_to_write(r, strerror(errno));
    if (!S_ISREG(old->st_mode))
        return librnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, r->path,
                           S_ISDIR(old->st_mode) ? "a directory" : "not a regular file");
    if (faccessat(r->directory, r->name, W_OK, AT_EACCESS) != 0)
        return fail_to_write(r, strerror(errno));
    *exists = true;
    return RNN_OK;
}

/*
 * Opens a new file under a unique name. If the descriptor is below 3, keeps that file open until a further try gives a
 * higher descriptor, then removes it.
 */
static int open_new(rnn_replacement *r, mode_t permissions)
{
    static atomic_uint counter;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(r->temporary, sizeof r->temporary, ".librnn-%lx-%lx-%x", (unsigned long)getpid() & 0xffffffff,
             (unsigned long)now.tv_nsec, atomic_fetch_add(&counter, 1) & 0xffff);
    int descriptor = open_once(r->directory, r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, permissions);
    if (descriptor < 0 || descriptor > STDERR_FILENO)
        return descriptor;
    char in_vain[sizeof r->temporary];
    strcpy(in_vain, r->temporary);
    int higher = open_new(r, permissions), error = errno;
    unlinkat(r->directory, in_vain, 0);
    close(descriptor);
    errno = error;
    return higher;
}

/*
 * Creates the new file. Skips names that exist: a killed process may have left such a file, or another process may be
 * saving.
 */
static rnn_status create_temporary(rnn_replacement *r, mode_t permissions)
{
    for (int i = 0; i < NAMES_MOST && r->descriptor < 0; i++) {
        r->descriptor = open_new(r, permissions);
        if (r->descriptor < 0 && errno != EEXIST)
            break;
    }
    return r->descriptor >= 0 ? RNN_OK : fail_to_write(r, strerror(errno));
}

/*
 * Gives the new file the old one's owner, group and permissions, as far as this process and the file system allow. If
 * the group can't be changed, the new file's group gets no more permissions than everybody has.
 */
static void take_after(const rnn_replacement *r, const struct stat *old)
{
    struct stat new;
    if (fstat(r->descriptor, &new) != 0)
        return;
    bool group = new.st_gid == old->st_gid || fchown(r->descriptor, (uid_t)-1, old->st_gid) == 0;
    if (new.st_uid != old->st_uid && fchown(r->descriptor, old->st_uid, (gid_t)-1) != 0)
        errno = 0; /* only root may give files away */
    mode_t permissions = old->st_mode & (S_IRWXU | S_IRWXG | S_IRWXO);
    if (!group)
        permissions &= S_IRWXU | S_IRWXO | (permissions & S_IRWXO) << 3;
    if ((new.st_mode &(S_IRWXU | S_IRWXG | S_IRWXO)) != permissions && fchmod(r->descriptor, permissions) != 0)
        errno = 0; /* the permissions are then those that the file system gives to all files */
}

rnn_status librnn_file_replace(const char *path, rnn_replacement *replacement)
{
    RNN_REQUIRE(path);
    rnn_replacement r = {.directory = -1, .descriptor = -1, .path = path};
    struct stat old;
    bool replaces = false;
    rnn_status status = find_target(&r);
    if (status == RNN_OK)
        status = open_directory(&r);
    if (status == RNN_OK)
        status = look_at_old(&r, &old, &replaces);
    /*
     * If the new file replaces an old one, only the owner may read it at first. Otherwise somebody who may not read the
     * old file could read the new one. If there is no old file, the umask determines the permissions.
     */
    if (status == RNN_OK)
        status = create_temporary(&r, replaces ? S_IRUSR | S_IWUSR
                                               : S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
    if (status == RNN_OK && replaces)
        take_after(&r, &old);
    if (status == RNN_OK)
        *replacement = r;
    else
        librnn_file_discard(&r);
    return status;
}

rnn_status librnn_file_write(const rnn_replacement *replacement, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        size_t part = size - done < AT_ONCE ? size - done : AT_ONCE;
        ssize_t n = write(replacement->descriptor, (const char *)bytes + done, part);
        if (n < 0 && errno != EINTR)
            return fail_to_write(replacement, strerror(errno));
        if (n > 0)
            done += (size_t)n;
    }
    return RNN_OK;
}

/* fsync(), repeated if a signal interrupts it. It succeeds on file systems that don't support fsync(). */
static int synchronise(int descriptor)
{
    int result;
    do
        result = fsync(descriptor);
    while (result != 0 && errno == EINTR);
    return result == 0 || errno == EINVAL || errno == ENOTSUP || errno == ENOSYS ? 0 : -1;
}

rnn_status librnn_file_commit(rnn_replacement *r)
{
    rnn_status status = synchronise(r->descriptor) == 0 ? RNN_OK : fail_to_write(r, strerror(errno));
    int closed = close(r->descriptor);
    r->descriptor = -1;
    if (status == RNN_OK && closed != 0 && errno != EINTR)
        status = fail_to_write(r, strerror(errno));
    if (status == RNN_OK && renameat(r->directory, r->temporary, r->directory, r->name) != 0)
        status = fail_to_write(r, strerror(errno));
    if (status != RNN_OK)
        unlinkat(r->directory, r->temporary, 0);
    else
        synchronise(r->directory); /* the new file is in place even if this fails */
    librnn_file_discard(r);
    return status;
}

void librnn_file_discard(rnn_replacement *r)
{
    if (r->descriptor >= 0) {
        unlinkat(r->directory, r->temporary, 0);
        close(r->descriptor);
    }
    if (r->directory >= 0)
        close(r->directory);
    librnn_release(r->target);
    *r = (rnn_replacement){.directory = -1, .descriptor = -1};
}

/* ---- A file or memory -------------------------------------------------------------------------------------------- */

rnn_status librnn_bytes_read(const rnn_bytes *source, uint64_t offset, void *bytes, size_t size)
{
    if (source->file)
        return librnn_file_read(source->file, (int64_t)offset, bytes, size);
    memcpy(bytes, (const char *)source->memory + offset, size);
    return RNN_OK;
}

rnn_status librnn_sink_write(rnn_sink *sink, const void *bytes, size_t size)
{
    if (sink->file)
        return librnn_file_write(sink->file, bytes, size);
    memcpy(sink->memory, bytes, size);
    sink->memory += size;
    return RNN_OK;
}
