/* system_posix.c: the functions of system.h, and those of file.h that replace a file, for POSIX systems. */
#define _GNU_SOURCE /* for O_PATH and sched_getaffinity() */
#include "base/system.h"

#ifndef _WIN32
#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if RNN_WITH_THREADS
#include <pthread.h>
#include <signal.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

#ifdef __APPLE__
#include <xlocale.h>
#define MODIFIED st_mtimespec
#else
#define MODIFIED st_mtim
#endif

enum {
    LINKS_MOST = 40,   /* as many links as Linux follows */
    NAMES_MOST = 100,  /* maximum number of names tried for a temporary file */
    AT_ONCE = 1 << 30, /* maximum bytes per system call; macOS refuses 2 GiB */
};

const char *librnn_system_reason(void)
{
    return strerror(errno);
}

void *librnn_system_allocate(size_t alignment, size_t size)
{
    void *memory;
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

void librnn_system_release(void *memory)
{
    free(memory);
}

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

/* ---- Reading ------------------------------------------------------------------------------------------------------
 */

system_file librnn_system_open(const char *path)
{
    /* Without O_NONBLOCK, this would wait for a FIFO's writer. */
    return open_old(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
}

system_file librnn_system_open_input(void)
{
    return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
}

void librnn_system_close(system_file file)
{
    close((int)file);
}

bool librnn_system_describe(system_file file, system_about *about)
{
    struct stat found;
    if (fstat((int)file, &found) != 0)
        return false;
    about->kind = S_ISREG(found.st_mode)   ? SYSTEM_REGULAR
                  : S_ISDIR(found.st_mode) ? SYSTEM_DIRECTORY
                  : S_ISBLK(found.st_mode) ? SYSTEM_BLOCK_DEVICE
                                           : SYSTEM_STREAM;
    about->size = found.st_size;
    about->modified = found.MODIFIED;
    return true;
}

int64_t librnn_system_skip(system_file file, int64_t size)
{
    int64_t at = lseek((int)file, 0, SEEK_CUR);
    lseek((int)file, (off_t)size, SEEK_SET);
    return at;
}

int64_t librnn_system_read_at(system_file file, int64_t offset, void *bytes, size_t size)
{
    ssize_t n;
    do
        n = pread((int)file, bytes, size < AT_ONCE ? size : AT_ONCE, (off_t)offset);
    while (n < 0 && errno == EINTR);
    return n;
}

int64_t librnn_system_read_next(system_file file, int milliseconds, void *bytes, size_t size)
{
    struct pollfd wait = {.fd = (int)file, .events = POLLIN}; /* a FIFO isn't ready until a writer has opened it */
    int ready = poll(&wait, 1, milliseconds);
    if (ready == 0)
        return SYSTEM_LATER;
    ssize_t n = ready < 0 ? -1 : read((int)file, bytes, size < AT_ONCE ? size : AT_ONCE);
    return n >= 0 ? n : errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? SYSTEM_LATER : -1;
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
        errno = 0; /* on some file systems all files have the same permissions */
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

static int flush_once(int descriptor)
{
#ifdef F_FULLFSYNC /* on macOS, fsync() alone leaves the bytes in the drive's cache */
    if (fcntl(descriptor, F_FULLFSYNC) == 0)
        return 0;
#endif
    return fsync(descriptor);
}

/* fsync(), repeated if a signal interrupts it. It succeeds on file systems that don't support fsync(). */
static int synchronise(int descriptor)
{
    int result;
    do
        result = flush_once(descriptor);
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

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

#if RNN_WITH_THREADS

void librnn_system_lock_init(system_lock *lock)
{
    pthread_mutex_init(lock, NULL);
}

void librnn_system_lock(system_lock *lock)
{
    pthread_mutex_lock(lock);
}

void librnn_system_unlock(system_lock *lock)
{
    pthread_mutex_unlock(lock);
}

void librnn_system_condition_init(system_condition *condition)
{
    pthread_cond_init(condition, NULL);
}

void librnn_system_condition_destroy(system_condition *condition)
{
    pthread_cond_destroy(condition);
}

void librnn_system_wait(system_condition *condition, system_lock *lock)
{
    pthread_cond_wait(condition, lock);
}

void librnn_system_signal(system_condition *condition)
{
    pthread_cond_signal(condition);
}

/* Blocks all signals in the new thread, so that the program's own threads handle them. */
bool librnn_system_start(system_thread *thread, size_t stack, void *(*run)(void *argument), void *argument)
{
    sigset_t all, before;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setstacksize(&attributes, stack);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(thread, &attributes, run, argument) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

void librnn_system_join(const system_thread *thread)
{
    pthread_join(*thread, NULL);
}

void librnn_system_after_fork(void (*in_child)(void))
{
    pthread_atfork(NULL, NULL, in_child);
}
#endif

/* ---- The process ------------------------------------------------------------------------------------------------- */

int librnn_system_process(void)
{
    return (int)getpid();
}

/* The number of processors in the affinity mask; 0 if it can't be read. */
static int affinity_processors(void)
{
#ifdef __linux__
    enum { CPUS_MOST = 1 << 16 };
    for (int cpus = CPU_SETSIZE; cpus <= CPUS_MOST; cpus *= 4) { /* the kernel refuses a mask that is too small */
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set)
            return 0;
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
#endif
    return 0;
}

int librnn_system_processors(void)
{
    int allowed = affinity_processors();
    if (allowed > 0)
        return allowed;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : online > INT_MAX ? INT_MAX : (int)online;
}

int64_t librnn_system_nanoseconds(void)
{
    struct timespec now;
    return clock_gettime(CLOCK_MONOTONIC, &now) == 0 ? (int64_t)now.tv_sec * 1000000000 + now.tv_nsec : -1;
}

bool librnn_system_enter_c_locale(system_locale *locale)
{
    locale_t own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!own)
        return false;
    locale->own = own;
    locale->callers = uselocale(own);
    return true;
}

void librnn_system_leave_c_locale(const system_locale *locale)
{
    uselocale(locale->callers);
    freelocale(locale->own);
}
#endif
