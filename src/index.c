/*
 * index.c: where in a source of UTF-8 its n-th symbol stands.
 */
#include "index.h"

#include "memory.h"
#include "vocab.h"

/* Notes the offset of the symbol that follows those counted so far, when it is one of those that are kept. */
static inline void note(rnn_index *index, int64_t offset)
{
    if ((index->symbols & (index->spacing - 1)) != 0)
        return;
    if (index->count == INDEX_MOST) {
        for (int64_t i = 0; i < INDEX_MOST / 2; i++)
            index->offsets[i] = index->offsets[2 * i];
        index->count /= 2;
        index->spacing *= 2;
    }
    index->offsets[index->count++] = offset; /* INDEX_MOST is even, so that this is one of the new spacing, too */
}

static rnn_status scan(rnn_index *index, const rnn_source *source, const rnn_vocab *vocab)
{
    unsigned char room[PIECE_SIZE];
    for (int64_t offset = 0; offset < rnn_source_size(source);) {
        const unsigned char *bytes;
        size_t size = PIECE_SIZE, end = 0;
        RNN_TRY(librnn_source_piece(source, offset, room, &bytes, &size));
        int32_t id;
        for (int length; end < size && (length = rnn_vocab_read(vocab, bytes + end, size - end, &id)) > 0;
             end += (size_t)length) {
            note(index, offset + (int64_t)end);
            index->symbols++;
        }
        RNN_TRY(librnn_vocab_check_stop(vocab->kind, source, offset, bytes, size, end));
        offset += (int64_t)end;
    }
    return librnn_source_check(source);
}

rnn_status librnn_index_create(const rnn_source *source, const rnn_vocab *vocab, rnn_index **index)
{
    rnn_index *created;
    RNN_TRY(librnn_allocate("an index of a text", 1, sizeof *created, (void **)&created));
    created->owners = 1;
    created->spacing = 1;
    rnn_status status = scan(created, source, vocab);
    if (status == RNN_OK)
        *index = created;
    else
        librnn_release(created);
    return status;
}

rnn_index *librnn_index_share(rnn_index *index)
{
    atomic_fetch_add(&index->owners, 1);
    return index;
}

void librnn_index_release(rnn_index *index)
{
    if (index && atomic_fetch_sub(&index->owners, 1) == 1)
        librnn_release(index);
}

/* How far into the bytes the `skip`-th symbol begins, counted from 0; what begins before is taken off `skip`. */
static size_t skip_symbols(const unsigned char *bytes, size_t size, int64_t *skip)
{
    for (size_t i = 0; i < size; i++) {
        if ((bytes[i] & 0xc0) == 0x80)
            continue;
        if (*skip == 0)
            return i;
        --*skip;
    }
    return size;
}

void librnn_finder_begin(rnn_finder *finder)
{
    finder->symbol = finder->offset = finder->begin = 0;
    finder->bytes = NULL;
    finder->size = 0;
}

/* Sees to it that the piece at hand has the byte at `offset`. */
static rnn_status look_at(rnn_finder *finder, const rnn_source *source, int64_t offset)
{
    if (offset >= finder->begin && offset < finder->begin + (int64_t)finder->size)
        return RNN_OK;
    if (offset >= rnn_source_size(source))
        return librnn_fail(RNN_ERROR_IO, "the text has changed since it was opened: it has fewer symbols");
    size_t size = PIECE_SIZE;
    finder->size = 0; /* should the read fail */
    RNN_TRY(librnn_source_piece(source, offset, finder->room, &finder->bytes, &size));
    finder->begin = offset;
    finder->size = size;
    return RNN_OK;
}

rnn_status librnn_index_find(const rnn_index *index, const rnn_source *source, int64_t symbol, rnn_finder *finder)
{
    int64_t kept = symbol / index->spacing, from = kept * index->spacing, offset = index->offsets[kept];
    if (finder->symbol <= symbol && finder->symbol > from) {
        from = finder->symbol;
        offset = finder->offset;
    }
    int64_t skip = symbol - from;
    for (bool found = skip == 0; !found;) {
        RNN_TRY(look_at(finder, source, offset));
        size_t within = (size_t)(offset - finder->begin), left = finder->size - within;
        size_t end = skip_symbols(finder->bytes + within, left, &skip);
        found = end < left;
        offset += (int64_t)end;
    }
    finder->symbol = symbol;
    finder->offset = offset;
    return RNN_OK;
}
