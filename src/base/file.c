/*
 * file.c: reads files at an offset or as a stream, and reads and writes memory through the same interface.
 *
 * Files are read rather than mapped, for two reasons. If another process truncates a mapped file, accessing it kills
 * this process. And mapped pages that are accessed count as the process's own memory.
 */
#include "base/file.h"

#include "base/memory.h"
#include "base/names.h"
#include "base/system.h"

#include <inttypes.h>
#include <string.h>

static rnn_status fail_to_open(const char *path)
{
    return librnn_fail(RNN_ERROR_IO, "%.*s can't be opened: %s", PATH_SHOWN, path, librnn_system_reason());
}

/* Copies the path, for error messages. The file isn't open yet. */
static rnn_status begin(const char *path, rnn_file *file)
{
    RNN_REQUIRE(path);
    *file = (rnn_file){.file = SYSTEM_NO_FILE};
    RNN_TRY(librnn_allocate("a file's name", strlen(path) + 1, 1, (void **)&file->path));
    strcpy(file->path, path);
    return RNN_OK;
}

static void keep_time(rnn_file *file, const system_about *about)
{
    file->size = about->size;
    file->modified = about->modified;
}

rnn_status librnn_file_open(const char *path, rnn_file *file)
{
    rnn_file opened;
    RNN_TRY(begin(path, &opened));
    rnn_status status;
    opened.file = librnn_system_open(path);
    system_about about;
    if (opened.file == SYSTEM_NO_FILE || !librnn_system_describe(opened.file, &about)) {
        status = fail_to_open(path);
        goto failed;
    }
    if (about.kind != SYSTEM_REGULAR) {
        status = librnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, path,
                             about.kind == SYSTEM_DIRECTORY ? "a directory" : "not a regular file");
        goto failed;
    }
    keep_time(&opened, &about);
    *file = opened;
    return RNN_OK;

failed:
    librnn_file_close(&opened);
    return status;
}

/* The text of standard input begins at the current position. Moves the position to the end. */
static void take_rest(rnn_file *file)
{
    int64_t at = librnn_system_skip(file->file, file->size);
    file->base = at < 0 ? 0 : at < file->size ? at : file->size;
    file->size -= file->base;
}

rnn_status librnn_file_open_any(const char *path, rnn_file *file)
{
    RNN_REQUIRE(path);
    bool input = strcmp(path, "-") == 0;
    rnn_file opened;
    RNN_TRY(begin(input ? "standard input" : path, &opened));
    rnn_status status;
    opened.file = input ? librnn_system_open_input() : librnn_system_open(path);
    system_about about;
    if (opened.file == SYSTEM_NO_FILE || !librnn_system_describe(opened.file, &about)) {
        status = fail_to_open(opened.path);
        goto failed;
    }
    if (about.kind == SYSTEM_DIRECTORY || about.kind == SYSTEM_BLOCK_DEVICE) {
        status = librnn_fail(RNN_ERROR_IO, "%.*s is %s", PATH_SHOWN, opened.path,
                             about.kind == SYSTEM_DIRECTORY ? "a directory" : "a block device");
        goto failed;
    }
    /* Linux's files of /proc are longer than they report. */
    opened.once = about.kind != SYSTEM_REGULAR || about.size == 0;
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
    return librnn_fail(RNN_ERROR_IO, "%.*s can't be read: %s", PATH_SHOWN, file->path, librnn_system_reason());
}

rnn_status librnn_file_read(const rnn_file *file, int64_t offset, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        int64_t at = offset + (int64_t)done;
        int64_t n = librnn_system_read_at(file->file, file->base + at, (char *)bytes + done, size - done);
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
    int64_t now;
    if (!interrupt.ask || (now = librnn_system_nanoseconds()) < 0)
        return false;
    if (asked != 0 && now - asked < BETWEEN)
        return false;
    asked = now;
    return interrupt.ask(interrupt.context) != 0;
}

rnn_status librnn_file_read_on(const rnn_file *file, void *bytes, size_t size, size_t *done)
{
    enum { BETWEEN = 100 }; /* milliseconds */
    for (*done = 0; *done < size;) {
        if (is_interrupted())
            return librnn_fail(RNN_ERROR_IO, "%.*s was not read to its end; the program interrupted the call",
                               PATH_SHOWN, file->path);
        int64_t n =
            librnn_system_read_next(file->file, interrupt.ask ? BETWEEN : -1, (char *)bytes + *done, size - *done);
        if (n == 0)
            break;
        if (n > 0)
            *done += (size_t)n;
        else if (n != SYSTEM_LATER)
            return fail_to_read(file);
    }
    return RNN_OK;
}

rnn_status librnn_file_check(const rnn_file *file)
{
    system_about about;
    if (!librnn_system_describe(file->file, &about))
        return fail_to_read(file);
    int64_t size = about.size - file->base;
    if (size != file->size)
        return librnn_fail(RNN_ERROR_IO, "%.*s has %" PRId64 " byte%s; it had %" PRId64 " when it was opened",
                           PATH_SHOWN, file->path, size, rnn_plural((uint64_t)size), file->size);
    if (about.modified.tv_sec != file->modified.tv_sec || about.modified.tv_nsec != file->modified.tv_nsec)
        return librnn_fail(RNN_ERROR_IO, "%.*s has changed since it was opened", PATH_SHOWN, file->path);
    return RNN_OK;
}

void librnn_file_stop(rnn_file *file)
{
    if (file->file != SYSTEM_NO_FILE)
        librnn_system_close(file->file);
    file->file = SYSTEM_NO_FILE;
}

void librnn_file_close(rnn_file *file)
{
    librnn_file_stop(file);
    librnn_release(file->path); // NOLINT(clang-analyzer-core.CallAndMessage): an open file has a path
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
