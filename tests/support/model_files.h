/*
 * Files of models as bytes in memory that a test can change, and checks of loading them. Used by the suites about
 * files.
 */
#ifndef RNN_TESTS_MODEL_FILES_H
#define RNN_TESTS_MODEL_FILES_H

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct file_bytes {
    unsigned char *bytes; /* to free() */
    size_t size;
} file_bytes;

static inline void release_file(file_bytes *file)
{
    free(file->bytes);
}

#define scoped_file RELEASED_BY(release_file) file_bytes

/* The bytes that rnn_model_save() would write */
static inline file_bytes saved(const rnn_model *model, const rnn_vocab *vocab)
{
    file_bytes file = {NULL, 0};
    assert_ok(rnn_model_save_to_memory(model, vocab, NULL, 0, &file.size));
    file.bytes = allocate((int64_t)file.size, 1);
    assert_ok(rnn_model_save_to_memory(model, vocab, file.bytes, file.size, &file.size));
    return file;
}

/* A file with this header, followed by these bytes */
static inline file_bytes make_file(const void *header, size_t length, const void *data, size_t size)
{
    file_bytes file = {allocate((int64_t)(8 + length + size + 1), 1), 8 + length + size};
    for (int i = 0; i < 8; i++)
        file.bytes[i] = (unsigned char)((uint64_t)length >> (8 * i));
    memcpy(file.bytes + 8, header, length);
    if (size > 0)
        memcpy(file.bytes + 8 + length, data, size);
    return file;
}

static inline size_t header_length(const file_bytes *file)
{
    uint64_t length = 0;
    for (int i = 8; i-- > 0;)
        length = length << 8 | file->bytes[i];
    return (size_t)length;
}

/* The header as text, to free() */
static inline char *header_of(const file_bytes *file)
{
    size_t length = header_length(file);
    char *header = allocate((int64_t)length + 1, 1);
    memcpy(header, file->bytes + 8, length);
    return header;
}

/* A copy of the file with the first `from` in its header replaced by `to` */
static inline file_bytes edited(const file_bytes *file, const char *from, const char *to)
{
    scoped_memory char *header = header_of(file);
    char *at = strstr(header, from);
    size_t length = header_length(file);
    if (at == NULL)
        fail_msg("there is no %s in %s", from, header);
    scoped_memory char *changed = allocate((int64_t)(length + strlen(to)) + 1, 1);
    snprintf(changed, length + strlen(to) + 1, "%.*s%s%s", (int)(at - header), header, to, at + strlen(from));
    file_bytes result = make_file(changed, strlen(changed), file->bytes + 8 + length, file->size - 8 - length);
    return result;
}

static inline rnn_load_options make_load_options(void)
{
    rnn_load_options options;
    assert_ok(rnn_load_options_init(&options, sizeof options));
    return options;
}

static inline rnn_model *load(const file_bytes *file, const rnn_load_options *options)
{
    rnn_model *model = NULL;
    assert_ok(rnn_model_load_from_memory(file->bytes, file->size, options, &model, NULL));
    assert_non_null(model);
    return model;
}

/* The load must fail with this status and a sentence that contains `part`, and must not store any results. */
#define assert_load_fails(file, options, status, part) check_load_fails(file, options, status, part, __FILE__, __LINE__)

static inline void check_load_fails(const file_bytes *file, const rnn_load_options *options, rnn_status status,
                                    const char *part, const char *source, int line)
{
    rnn_model *model = (rnn_model *)(void *)&model;
    rnn_vocab *vocab = (rnn_vocab *)(void *)&vocab;
    leave_another_error();
    check_fails(rnn_model_load_from_memory(file->bytes, file->size, options, &model, &vocab), status, part, "the load",
                source, line);
    assert_ptr_equal(model, &model);
    assert_ptr_equal(vocab, &vocab);
}

/* The file must not load. This frees it. */
static inline void refuse_load(file_bytes file, rnn_status status, const char *part)
{
    assert_load_fails(&file, NULL, status, part);
    free(file.bytes);
}

/* Both must be the same network with the same bits. */
static inline void assert_same_model(const rnn_model *a, const rnn_model *b)
{
    rnn_model_options own = options_of(a);
    rnn_model_options other = options_of(b);
    const void *values[2];
    int64_t counts[2];
    assert_memory_equal(&own, &other, sizeof own);
    assert_ok(rnn_model_flat_parameters(a, &values[0], &counts[0]));
    assert_ok(rnn_model_flat_parameters(b, &values[1], &counts[1]));
    assert_int_equal(counts[0], counts[1]);
    assert_memory_equal(values[0], values[1], (size_t)counts[0] * precision_size(own.precision));
}

/* The file must load as a model with the same bits. */
static inline void assert_loads_as(const file_bytes *file, const rnn_load_options *options, const rnn_model *expected)
{
    rnn_model *loaded = load(file, options);
    assert_same_model(expected, loaded);
    rnn_model_destroy(loaded);
}

/* The same, but this also frees the file. */
static inline void accept_load(file_bytes file, const rnn_load_options *options, const rnn_model *expected)
{
    assert_loads_as(&file, options, expected);
    free(file.bytes);
}

static inline void assert_same_bytes(const file_bytes *a, const file_bytes *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->bytes, b->bytes, a->size);
}

/* The offset of a tensor's bytes in the file */
static inline size_t place_of_tensor(const file_bytes *file, const char *name)
{
    char key[64];
    scoped_memory char *header = header_of(file);
    snprintf(key, sizeof key, "\"%s\":{", name);
    const char *at = strstr(header, key);
    assert_non_null(at);
    at = strstr(at, "\"data_offsets\":[");
    assert_non_null(at);
    size_t place = 8 + header_length(file) + (size_t)strtoull(at + strlen("\"data_offsets\":["), NULL, 10);
    return place;
}

/* Copies a number from this machine's byte order to the file's, which is little-endian, or back. */
static inline void copy_number(void *to, const void *from, size_t size)
{
    for (size_t k = 0; k < size; k++)
        ((char *)to)[k] = ((const char *)from)[__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? size - 1 - k : k];
}

static inline void get_element(const file_bytes *file, const char *name, int64_t index, void *value, size_t size)
{
    copy_number(value, file->bytes + place_of_tensor(file, name) + (size_t)index * size, size);
}

static inline void put_element(file_bytes *file, const char *name, int64_t index, const void *value, size_t size)
{
    copy_number(file->bytes + place_of_tensor(file, name) + (size_t)index * size, value, size);
}

static inline void put_float(file_bytes *file, const char *name, int64_t index, float value)
{
    put_element(file, name, index, &value, sizeof value);
}

static inline void put_double(file_bytes *file, const char *name, int64_t index, double value)
{
    put_element(file, name, index, &value, sizeof value);
}

#endif
