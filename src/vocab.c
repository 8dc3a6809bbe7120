/*
 * vocab.c: symbols and their ids.
 */
#include "vocab.h"

#include "file.h"
#include "memory.h"

#include <inttypes.h>
#include <string.h>

enum { READ_SIZE = 1 << 16 };

static rnn_status create_of_bytes(int32_t kind, const unsigned char *symbols, int32_t size, rnn_vocab **vocab)
{
    rnn_vocab *v;
    RNN_TRY(rnn_allocate("a vocabulary", 1, sizeof *v, (void **)&v));
    v->owners = 1;
    v->kind = kind;
    v->size = size;
    for (int i = 0; i < 256; i++)
        v->id_of[i] = -1;
    for (int32_t id = 0; id < size; id++) {
        v->id_of[symbols[id]] = id;
        v->symbol[id][0] = symbols[id];
    }
    *vocab = v;
    return RNN_OK;
}

static rnn_status create_of_seen(int32_t kind, const bool seen[256], rnn_vocab **vocab)
{
    unsigned char symbols[256];
    int32_t size = 0;
    for (int i = 0; i < 256; i++)
        if (seen[i])
            symbols[size++] = (unsigned char)i;
    return create_of_bytes(kind, symbols, size, vocab);
}

static rnn_status check_kind(int32_t kind)
{
    return rnn_check_range("kind", kind, RNN_VOCAB_BYTES, RNN_VOCAB_BYTES);
}

static void see(bool seen[256], const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        seen[text[i]] = true;
}

rnn_status rnn_vocab_create_from_text(int32_t kind, const void *text, size_t size, rnn_vocab **vocab)
{
    RNN_TRY(check_kind(kind));
    RNN_REQUIRE(text);
    RNN_REQUIRE(vocab);
    if (size == 0)
        return rnn_fail(RNN_ERROR_ARGUMENT, "size is 0; a vocabulary needs a text of at least one symbol");
    bool seen[256] = {false};
    see(seen, text, size);
    return create_of_seen(kind, seen, vocab);
}

rnn_status rnn_vocab_create_from_file(int32_t kind, const char *path, rnn_vocab **vocab)
{
    RNN_TRY(check_kind(kind));
    RNN_REQUIRE(vocab);
    rnn_file file;
    RNN_TRY(rnn_file_open(path, &file));
    rnn_status status = RNN_OK;
    if (file.size == 0)
        status =
            rnn_fail(RNN_ERROR_ARGUMENT, "%.256s is empty; a vocabulary needs a text of at least one symbol", path);
    bool seen[256] = {false};
    unsigned char bytes[READ_SIZE];
    for (int64_t offset = 0; status == RNN_OK && offset < file.size; offset += READ_SIZE) {
        size_t size = file.size - offset < READ_SIZE ? (size_t)(file.size - offset) : READ_SIZE;
        status = rnn_file_read(&file, offset, bytes, size);
        if (status == RNN_OK)
            see(seen, bytes, size);
    }
    if (status == RNN_OK)
        status = create_of_seen(kind, seen, vocab);
    rnn_file_close(&file);
    return status;
}

rnn_status rnn_vocab_create_from_list(int32_t kind, const void *symbols, size_t size, rnn_vocab **vocab)
{
    RNN_TRY(check_kind(kind));
    RNN_REQUIRE(symbols);
    RNN_REQUIRE(vocab);
    if (size == 0)
        return rnn_fail(RNN_ERROR_ARGUMENT, "size is 0; a vocabulary needs at least one symbol");
    const unsigned char *bytes = symbols;
    bool seen[256] = {false};
    for (size_t i = 0; i < size; i++) {
        if (seen[bytes[i]])
            return rnn_fail(RNN_ERROR_ARGUMENT, "symbols has the byte 0x%02x twice, the second time at %zu", bytes[i],
                            i);
        seen[bytes[i]] = true;
    }
    return create_of_bytes(kind, bytes, (int32_t)size, vocab);
}

rnn_vocab *rnn_vocab_share(const rnn_vocab *vocab)
{
    rnn_vocab *shared = (rnn_vocab *)vocab; /* nothing of it but the count of owners ever changes */
    atomic_fetch_add(&shared->owners, 1);
    return shared;
}

void rnn_vocab_destroy(rnn_vocab *vocab)
{
    if (vocab && atomic_fetch_sub(&vocab->owners, 1) == 1)
        rnn_release(vocab);
}

int64_t rnn_vocab_size(const rnn_vocab *vocab)
{
    return vocab ? vocab->size : 0;
}

rnn_status rnn_vocab_unknown(unsigned char byte, int64_t offset)
{
    const char *quote = byte > ' ' && byte < 127 ? "'" : "";
    char shown[2] = {*quote ? (char)byte : '\0', '\0'};
    return rnn_fail(RNN_ERROR_SYMBOL, "the byte 0x%02x%s%s%s%s at offset %" PRId64 " is not in the vocabulary", byte,
                    *quote ? " " : "", quote, shown, quote, offset);
}

static rnn_status check_id(const rnn_vocab *vocab, int32_t id, int64_t index)
{
    if (id >= 0 && id < vocab->size)
        return RNN_OK;
    return rnn_fail(RNN_ERROR_SYMBOL,
                    "the id %" PRId32 " at index %" PRId64 " is none of the vocabulary's 0 to %" PRId32, id, index,
                    vocab->size - 1);
}

rnn_status rnn_vocab_encode(const rnn_vocab *vocab, const void *text, size_t size, int32_t *ids, int64_t capacity,
                            int64_t *count)
{
    RNN_REQUIRE(vocab);
    if (size > 0) {
        RNN_REQUIRE(text);
        RNN_REQUIRE(ids);
    }
    if (capacity < 0 || size > (size_t)capacity)
        return rnn_fail(RNN_ERROR_ARGUMENT, "capacity is %" PRId64 "; the text has %zu symbols", capacity, size);
    const unsigned char *bytes = text;
    for (size_t i = 0; i < size; i++)
        if (vocab->id_of[bytes[i]] < 0)
            return rnn_vocab_unknown(bytes[i], (int64_t)i);
    for (size_t i = 0; i < size; i++)
        ids[i] = vocab->id_of[bytes[i]];
    if (count)
        *count = (int64_t)size;
    return RNN_OK;
}

rnn_status rnn_vocab_decode(const rnn_vocab *vocab, const int32_t *ids, int64_t count, char *text, size_t capacity,
                            size_t *size)
{
    RNN_REQUIRE(vocab);
    RNN_TRY(rnn_check_range("count", count, 0, INT64_MAX));
    if (count > 0) {
        RNN_REQUIRE(ids);
        RNN_REQUIRE(text);
    }
    if ((uint64_t)count > capacity)
        return rnn_fail(RNN_ERROR_ARGUMENT, "capacity is %zu; the text has %" PRId64 " bytes", capacity, count);
    for (int64_t i = 0; i < count; i++)
        RNN_TRY(check_id(vocab, ids[i], i));
    for (int64_t i = 0; i < count; i++)
        text[i] = (char)vocab->symbol[ids[i]][0];
    if (size)
        *size = (size_t)count;
    return RNN_OK;
}

rnn_status rnn_vocab_symbol(const rnn_vocab *vocab, int32_t id, const char **symbol, size_t *size)
{
    RNN_REQUIRE(vocab);
    RNN_REQUIRE(symbol);
    if (id < 0 || id >= vocab->size)
        return rnn_fail(RNN_ERROR_SYMBOL, "id is %" PRId32 "; it must be 0 to %" PRId32, id, vocab->size - 1);
    *symbol = (const char *)vocab->symbol[id];
    if (size)
        *size = 1;
    return RNN_OK;
}
