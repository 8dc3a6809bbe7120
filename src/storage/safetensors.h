/*
 * safetensors.h: the file format for models (https://huggingface.co/docs/safetensors): texts and named arrays of
 * numbers. This code knows nothing about models.
 *
 * A file consists of the length of its header (8 bytes, little-endian), the header (JSON), and the tensors' bytes
 * without gaps. Numbers are little-endian.
 */
#ifndef RNN_SAFETENSORS_H
#define RNN_SAFETENSORS_H

#include "base/file.h"
#include "base/status.h"

struct json_t; /* from jansson */

enum { TENSOR_RANK_MOST = 8 };

/* ---- Reading ---- */

/* One tensor. The reader has made all checks that don't depend on the tensor's purpose. */
typedef struct safetensor {
    const char *name; /* UTF-8 */
    const char *type; /* "F32", for example; may be an unknown type, whose size isn't checked */
    int32_t rank;
    int64_t shape[TENSOR_RANK_MOST];
    uint64_t offset, size; /* offset of its bytes from the start of the file, and their number */
    bool taken;            /* librnn_safetensors_find() has returned it */
} safetensor;

typedef struct safetensors_reader {
    const rnn_bytes *source;
    struct json_t *header;
    const struct json_t *texts; /* or NULL */
    safetensor *tensors;        /* sorted by name */
    size_t count;
} safetensors_reader;

/*
 * Reads and checks everything except the tensors' bytes. If the file is invalid, fails with RNN_ERROR_FORMAT and a
 * message about "the file". `source` must stay valid until librnn_safetensors_close().
 */
rnn_status librnn_safetensors_open(const rnn_bytes *source, safetensors_reader *reader);
void librnn_safetensors_close(safetensors_reader *reader);

/* A text of the metadata; NULL if the key doesn't exist. It is valid until librnn_safetensors_close(). */
const char *librnn_safetensors_text(const safetensors_reader *reader, const char *key);

/*
 * Iterates over all texts, in arbitrary order:
 *     for (safetensors_text t = {0}; librnn_safetensors_next_text(reader, &t);) ... t.key, t.text ...
 */
typedef struct safetensors_text {
    const char *key, *text;
    void *place;
} safetensors_text;

bool librnn_safetensors_next_text(const safetensors_reader *reader, safetensors_text *text);

/* Finds a tensor by name and marks it as taken. Returns NULL if it doesn't exist. */
const safetensor *librnn_safetensors_find(safetensors_reader *reader, const char *name);

/* Reads `size` bytes of a tensor from `offset` on, in the file's byte order. */
rnn_status librnn_safetensors_read(const safetensors_reader *reader, const safetensor *tensor, uint64_t offset,
                                   void *bytes, size_t size);

/* ---- Writing ---- */

/*
 * Writes a file. First add all texts and tensors, the tensors in the order in which they will be in the file. Then
 * finish and write the header. Then write the tensors' bytes in the same order with librnn_sink_write(). Numbers are
 * aligned if tensors whose numbers have more bytes come first.
 */
typedef struct safetensors_writer {
    struct json_t *header, *texts;
    uint64_t data_size; /* bytes of all tensors */
    char *bytes;        /* length, header and padding, once finished */
    size_t size;        /* size of `bytes` */
} safetensors_writer;

rnn_status librnn_safetensors_create(safetensors_writer *writer);
void librnn_safetensors_destroy(safetensors_writer *writer);

/* Both strings must be UTF-8. */
rnn_status librnn_safetensors_add_text(safetensors_writer *writer, const char *key, const char *text);

/* Each name may be added only once. */
rnn_status librnn_safetensors_add_tensor(safetensors_writer *writer, const char *name, const char *type, int32_t rank,
                                         const int64_t *shape);

/* Makes the header. Nothing can be added afterwards. *size: the size of the whole file. */
rnn_status librnn_safetensors_finish(safetensors_writer *writer, uint64_t *size);

rnn_status librnn_safetensors_write_header(const safetensors_writer *writer, rnn_sink *sink);

/* ---- Numbers ---- */

/* The number of bits of a type; 0 if the type is unknown. */
unsigned librnn_safetensors_bits(const char *type);

/* Converts numbers of `size` bytes from this machine's byte order to the file's, or back. */
static inline void rnn_safetensors_order(void *numbers, size_t count, size_t size)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    unsigned char *bytes = numbers;
    for (size_t i = 0; i < count; i++, bytes += size)
        for (size_t j = 0; j < size / 2; j++) {
            unsigned char byte = bytes[j];
            bytes[j] = bytes[size - 1 - j];
            bytes[size - 1 - j] = byte;
        }
#else
    (void)numbers;
    (void)count;
    (void)size;
#endif
}

#endif
