/*
 * safetensors.h: the container that models are saved in (https://huggingface.co/docs/safetensors): texts and named
 * arrays of numbers. It knows nothing of models.
 *
 * A file is the length of its header (8 bytes, little-endian), the header (JSON), and the tensors' bytes without a gap
 * between them. Numbers are little-endian.
 */
#ifndef RNN_SAFETENSORS_H
#define RNN_SAFETENSORS_H

#include "base/file.h"
#include "base/status.h"

struct json_t; /* jansson's */

enum { TENSOR_RANK_MOST = 8 };

/* ---- Reading ---- */

/* One tensor: checked as far as one can without knowing what it is for. */
typedef struct safetensor {
    const char *name; /* UTF-8 */
    const char *type; /* "F32" and so on; may be one that isn't known here, whose size is that of its bytes */
    int32_t rank;
    int64_t shape[TENSOR_RANK_MOST];
    uint64_t offset, size; /* of its bytes, from the start of the file */
    bool taken;            /* librnn_safetensors_find() has found it */
} safetensor;

typedef struct safetensors_reader {
    const rnn_bytes *source;
    struct json_t *header;
    const struct json_t *texts; /* NULL: none */
    safetensor *tensors;        /* sorted by name */
    size_t count;
} safetensors_reader;

/*
 * Reads and checks everything but the tensors' bytes. What is wrong is RNN_ERROR_FORMAT, with a sentence that speaks of
 * "the file". `source` must stay until librnn_safetensors_close().
 */
rnn_status librnn_safetensors_open(const rnn_bytes *source, safetensors_reader *reader);
void librnn_safetensors_close(safetensors_reader *reader);

/* A text of the metadata; NULL if there is none of that name. Valid until librnn_safetensors_close(). */
const char *librnn_safetensors_text(const safetensors_reader *reader, const char *key);

/*
 * Goes through all texts, in no order that means anything:
 *     for (safetensors_text t = {0}; librnn_safetensors_next_text(reader, &t);) ... t.key, t.text ...
 */
typedef struct safetensors_text {
    const char *key, *text;
    void *place;
} safetensors_text;

bool librnn_safetensors_next_text(const safetensors_reader *reader, safetensors_text *text);

/* The tensor of a name, NULL if there is none. */
const safetensor *librnn_safetensors_find(safetensors_reader *reader, const char *name);

/* Reads `size` bytes of a tensor from `offset` of it on, as they are in the file. */
rnn_status librnn_safetensors_read(const safetensors_reader *reader, const safetensor *tensor, uint64_t offset,
                                   void *bytes, size_t size);

/* ---- Writing ---- */

/*
 * First everything is named, in the order in which it is to stand in the file; then the header can be written, and then
 * the tensors' bytes, in that order, with librnn_sink_write(). Numbers are aligned if larger ones come first.
 */
typedef struct safetensors_writer {
    struct json_t *header, *texts;
    uint64_t data_size; /* bytes of all tensors */
    char *bytes;        /* the header with what comes before and after it, once it is finished */
    size_t size;        /* of these */
} safetensors_writer;

rnn_status librnn_safetensors_create(safetensors_writer *writer);
void librnn_safetensors_destroy(safetensors_writer *writer);

/* Both texts are UTF-8. */
rnn_status librnn_safetensors_add_text(safetensors_writer *writer, const char *key, const char *text);

/* A name that has been added must not be added again. */
rnn_status librnn_safetensors_add_tensor(safetensors_writer *writer, const char *name, const char *type, int32_t rank,
                                         const int64_t *shape);

/* Makes the header: nothing is added from now on. `size` is that of the whole file. */
rnn_status librnn_safetensors_finish(safetensors_writer *writer, uint64_t *size);

rnn_status librnn_safetensors_write_header(const safetensors_writer *writer, rnn_sink *sink);

/* ---- Numbers ---- */

/* Bits of a number of a type; 0 for a type that isn't known here. */
unsigned librnn_safetensors_bits(const char *type);

/* Turns numbers of `size` bytes, 4 or 8, from this machine's order of bytes into the file's, or back. */
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
