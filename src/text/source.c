/*
 * source.c: sources of text. A source is a sequence of parts. A part is a file, which is read when needed, or a block
 * of memory. Memory holds texts that the caller passed, and files that can be read only once.
 */
#include "text/source.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/names.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    PATHS_MOST = 1 << 20,
    BLOCK_LEAST = 1 << 16, /* minimum size in bytes of a block that holds part of a file that can be read only once */
    BLOCK_MOST = 1 << 26,
};

/* A piece of the text: a file, or a block of memory. */
typedef struct part {
    int64_t begin;       /* offset in the source */
    int64_t size;        /* never 0 */
    int64_t offset;      /* offset of its first byte in its file */
    int64_t file;        /* index of its file; -1: it doesn't come from a file */
    unsigned char *text; /* NULL: it is read from the file */
} part;

struct rnn_source {
    atomic_int owners; /* the caller, and each corpus that reads the source */
    int64_t size;
    int64_t files_count, parts_count, parts_room;
    rnn_file *files;
    part *parts; /* in ascending order of `begin` */
};

static rnn_status create(int64_t files, rnn_source **source)
{
    rnn_source *s;
    RNN_TRY(librnn_allocate("a source", 1, sizeof *s, (void **)&s));
    s->owners = 1;
    if (files > 0) {
        rnn_status status = librnn_allocate("a source's files", (size_t)files, sizeof *s->files, (void **)&s->files);
        if (status != RNN_OK) {
            librnn_release(s);
            return status;
        }
    }
    *source = s;
    return RNN_OK;
}

/* Appends a part and takes ownership of `text`. If it fails, the caller keeps `text`. */
// NOLINTNEXTLINE(readability-non-const-parameter): the source releases the text
static rnn_status append(rnn_source *source, int64_t size, int64_t offset, int64_t file, unsigned char *text)
{
    int64_t total;
    if (__builtin_add_overflow(source->size, size, &total))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "the texts have %" PRId64 " byte%s and %" PRId64
                           " more; together they must have at most 2^63 - 1",
                           source->size, rnn_plural((uint64_t)source->size), size);
    if (source->parts_count == source->parts_room) {
        int64_t room = source->parts_room == 0 ? 1 : 2 * source->parts_room;
        part *parts;
        RNN_TRY(librnn_allocate("a source's parts", (size_t)room, sizeof *parts, (void **)&parts));
        if (source->parts_count > 0)
            memcpy(parts, source->parts, (size_t)source->parts_count * sizeof *parts);
        librnn_release(source->parts);
        source->parts = parts;
        source->parts_room = room;
    }
    source->parts[source->parts_count++] =
        (part){.begin = source->size, .size = size, .offset = offset, .file = file, .text = text};
    source->size = total;
    return RNN_OK;
}

rnn_status librnn_source_take(unsigned char *memory, size_t size, rnn_source **source)
{
    rnn_source *s;
    rnn_status status = create(0, &s);
    if (status != RNN_OK) {
        librnn_release(memory);
        return status;
    }
    status = size > 0 ? append(s, (int64_t)size, 0, -1, memory) : RNN_OK;
    if (size == 0 || status != RNN_OK)
        librnn_release(memory);
    if (status == RNN_OK)
        *source = s;
    else
        rnn_source_destroy(s);
    return status;
}

rnn_status librnn_source_create_from_text(const void *text, size_t size, rnn_source **source)
{
    unsigned char *copy = NULL;
    if (size > 0) {
        RNN_TRY(librnn_allocate("a copy of the text", size, 1, (void **)&copy));
        memcpy(copy, text, size);
    }
    return librnn_source_take(copy, size, source);
}

/*
 * Reads the whole of a file that can be read only once. Each block's size grows with the amount read so far, so there
 * are only a few blocks.
 */
static rnn_status hold(rnn_source *source, int64_t file)
{
    rnn_status status = RNN_OK;
    size_t size, done;
    int64_t held = 0;
    do {
        size = held / 4 < BLOCK_LEAST ? BLOCK_LEAST : held / 4 > BLOCK_MOST ? BLOCK_MOST : (size_t)(held / 4);
        unsigned char *block;
        RNN_TRY(librnn_allocate("a text that can only be read once", size, 1, (void **)&block));
        status = librnn_file_read_on(&source->files[file], block, size, &done);
        if (status == RNN_OK && done > 0)
            status = append(source, (int64_t)done, held, file, block);
        if (status != RNN_OK || done == 0)
            librnn_release(block);
        held += (int64_t)done;
    } while (status == RNN_OK && done == size);
    librnn_file_stop(&source->files[file]);
    return status;
}

/* Appends an open file. The source owns it at once, even if this fails. */
static rnn_status append_file(rnn_source *source, const rnn_file *file)
{
    int64_t index = source->files_count++;
    source->files[index] = *file;
    if (file->once)
        return hold(source, index);
    return file->size > 0 ? append(source, file->size, 0, index, NULL) : RNN_OK;
}

rnn_status librnn_source_open_file(const char *path, rnn_source **source)
{
    rnn_file file;
    RNN_TRY(librnn_file_open(path, &file));
    rnn_source *s;
    rnn_status status = create(1, &s);
    if (status != RNN_OK) {
        librnn_file_close(&file);
        return status;
    }
    status = append_file(s, &file);
    if (status != RNN_OK) {
        rnn_source_destroy(s);
        return status;
    }
    *source = s;
    return RNN_OK;
}

static rnn_status check_paths(const char *const *paths, int64_t count)
{
    int64_t input = -1;
    for (int64_t i = 0; i < count; i++) {
        if (!paths[i])
            return librnn_fail(RNN_ERROR_ARGUMENT, "paths[%" PRId64 "] is NULL", i);
        if (strcmp(paths[i], "-") != 0)
            continue;
        if (input >= 0)
            return librnn_fail(
                RNN_ERROR_ARGUMENT,
                "paths[%" PRId64 "] and paths[%" PRId64 "] are \"-\"; standard input can be read only once", input, i);
        input = i;
    }
    return RNN_OK;
}

rnn_status rnn_source_open(const char *const *paths, int64_t count, rnn_source **source)
{
    RNN_REQUIRE(paths);
    RNN_TRY(librnn_check_range("count", count, 1, PATHS_MOST));
    RNN_REQUIRE(source);
    RNN_TRY(check_paths(paths, count));
    rnn_source *s;
    RNN_TRY(create(count, &s));
    rnn_status status = RNN_OK;
    for (int64_t i = 0; i < count && status == RNN_OK; i++) {
        rnn_file file;
        status = librnn_file_open_any(paths[i], &file);
        if (status == RNN_OK)
            status = append_file(s, &file);
    }
    if (status != RNN_OK) {
        rnn_source_destroy(s);
        return status;
    }
    *source = s;
    return RNN_OK;
}

rnn_source *librnn_source_share(const rnn_source *source)
{
    rnn_source *shared = (rnn_source *)source; /* the count of owners is the only field that ever changes */
    atomic_fetch_add(&shared->owners, 1);
    return shared;
}

void rnn_source_destroy(rnn_source *source)
{
    if (!source || atomic_fetch_sub(&source->owners, 1) > 1)
        return;
    for (int64_t i = 0; i < source->parts_count; i++)
        librnn_release(source->parts[i].text);
    for (int64_t i = 0; i < source->files_count; i++)
        librnn_file_close(&source->files[i]);
    librnn_release(source->parts);
    librnn_release(source->files);
    librnn_release(source);
}

int64_t rnn_source_size(const rnn_source *source)
{
    return source ? source->size : 0;
}

const unsigned char *librnn_source_text(const rnn_source *source)
{
    return source->parts_count == 1 ? source->parts[0].text : NULL;
}

/* The part that contains the byte at `offset`, which must be within the source. */
static int64_t find_part(const rnn_source *source, int64_t offset)
{
    int64_t low = 0, high = source->parts_count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (source->parts[middle].begin <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

rnn_status librnn_source_read(const rnn_source *source, int64_t offset, void *bytes, size_t size)
{
    unsigned char *to = bytes;
    if (size == 0)
        return RNN_OK;
    for (int64_t p = find_part(source, offset); size > 0; p++) {
        const part *from = &source->parts[p];
        int64_t within = offset - from->begin;
        size_t now = (uint64_t)(from->size - within) < size ? (size_t)(from->size - within) : size;
        if (from->text)
            memcpy(to, from->text + within, now);
        else
            RNN_TRY(librnn_file_read(&source->files[from->file], from->offset + within, to, now));
        offset += (int64_t)now;
        to += now;
        size -= now;
    }
    return RNN_OK;
}

rnn_status librnn_source_piece(const rnn_source *source, int64_t offset, unsigned char room[PIECE_SIZE],
                               const unsigned char **bytes, size_t *size)
{
    int64_t left = source->size - offset;
    const unsigned char *text = librnn_source_text(source);
    if (text) {
        *bytes = text + offset;
        *size = (size_t)left;
        return RNN_OK;
    }
    *bytes = room;
    *size = (uint64_t)left < *size ? (size_t)left : *size;
    return librnn_source_read(source, offset, room, *size);
}

rnn_status librnn_source_check(const rnn_source *source)
{
    for (int64_t i = 0; i < source->files_count; i++)
        if (!source->files[i].once)
            RNN_TRY(librnn_file_check(&source->files[i]));
    return RNN_OK;
}

void librnn_source_place(const rnn_source *source, int64_t offset, char place[PLACE_SIZE])
{
    const part *in = &source->parts[find_part(source, offset)];
    int64_t within = in->offset + offset - in->begin;
    if (in->file < 0)
        snprintf(place, PLACE_SIZE, "offset %" PRId64, within);
    else
        snprintf(place, PLACE_SIZE, "offset %" PRId64 " of %.*s", within, PATH_SHOWN, source->files[in->file].path);
}

rnn_status librnn_source_refuse_empty(const rnn_source *source, const char *need)
{
    if (source->files_count > 1)
        return librnn_fail(RNN_ERROR_ARGUMENT, "%.*s and %" PRId64 " other file%s are empty; %s", PATH_SHOWN,
                           source->files[0].path, source->files_count - 1,
                           rnn_plural((uint64_t)source->files_count - 1), need);
    return librnn_fail(RNN_ERROR_ARGUMENT, "%.*s is empty; %s", PATH_SHOWN,
                       source->files_count == 1 ? source->files[0].path : "the text", need);
}
