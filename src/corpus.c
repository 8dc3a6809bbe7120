/*
 * corpus.c: a text cut into streams, served chunk by chunk.
 *
 * The text is a copy in memory or a file. Of a file each stream has a window in memory, filled by one read and used for
 * as many chunks as it holds.
 */
#include "file.h"
#include "memory.h"
#include "vocab.h"

#include <inttypes.h>
#include <string.h>

enum {
    WINDOWS_TOGETHER = 1 << 20, /* bytes, unless a chunk needs more */
};

/* Where the bytes are: shared by the parts of a split corpus. */
typedef struct source {
    atomic_int owners;
    const unsigned char *text; /* NULL: in the file */
    rnn_file file;
    int64_t size;
} source;

struct rnn_corpus {
    rnn_vocab *vocab;
    source *source;
    int64_t begin, size;    /* of this part, in bytes of the source */
    int64_t steps, streams; /* T, B */
    int64_t length;         /* S: how many inputs a stream has */
    int64_t position;       /* p */
    int32_t *inputs;        /* [T][B] */
    int32_t *targets;       /* [T][B] */
    int64_t window_size;    /* of a file: bytes of a stream that are in memory */
    int64_t window_start;   /* the position that they begin at; the same for all streams */
    int64_t window_end;     /* the position that they end before */
    unsigned char *windows; /* [B][window_size] */
};

static void release_source(source *s)
{
    if (!s || atomic_fetch_sub(&s->owners, 1) > 1)
        return;
    rnn_release((void *)s->text);
    if (s->file.path)
        rnn_file_close(&s->file);
    rnn_release(s);
}

/* Cuts bytes begin ... begin + size of a source into streams. Fails before it changes anything. */
static rnn_status cut(rnn_corpus *corpus, int64_t begin, int64_t size)
{
    int64_t steps = corpus->steps, streams = corpus->streams, needed = streams * steps + 1;
    if (size < needed)
        return rnn_fail(RNN_ERROR_ARGUMENT,
                        "the text has %" PRId64 " symbols; %" PRId64 " streams of %" PRId64 " steps need %" PRId64,
                        size, streams, steps, needed);
    corpus->begin = begin;
    corpus->size = size;
    corpus->length = (size - 1) / streams;
    corpus->position = 0;
    corpus->window_start = corpus->window_end = 0;
    return RNN_OK;
}

/* A corpus over part of a source, which it becomes an owner of. */
static rnn_status create_part(const rnn_vocab *vocab, source *s, int64_t begin, int64_t size, int64_t steps,
                              int64_t streams, rnn_corpus **corpus)
{
    rnn_corpus *c;
    RNN_TRY(rnn_allocate("a corpus", 1, sizeof *c, (void **)&c));
    c->vocab = rnn_vocab_share(vocab);
    c->source = s;
    atomic_fetch_add(&s->owners, 1);
    c->steps = steps;
    c->streams = streams;
    rnn_status status = cut(c, begin, size);
    if (status != RNN_OK)
        goto failed;
    size_t ids = (size_t)(steps * streams); /* no more than the text has symbols */
    status = rnn_allocate("a chunk's inputs", ids, sizeof *c->inputs, (void **)&c->inputs);
    if (status != RNN_OK)
        goto failed;
    status = rnn_allocate("a chunk's targets", ids, sizeof *c->targets, (void **)&c->targets);
    if (status != RNN_OK)
        goto failed;
    if (!s->text) {
        c->window_size = WINDOWS_TOGETHER / streams > steps + 1 ? WINDOWS_TOGETHER / streams : steps + 1;
        status = rnn_allocate("a window on a file", (size_t)streams, (size_t)c->window_size, (void **)&c->windows);
        if (status != RNN_OK)
            goto failed;
    }
    *corpus = c;
    return RNN_OK;

failed:
    rnn_corpus_destroy(c);
    return status;
}

static rnn_status check_shape(const rnn_vocab *vocab, int64_t steps, int64_t streams, rnn_corpus **corpus)
{
    RNN_REQUIRE(vocab);
    RNN_TRY(rnn_check_range("steps", steps, 1, STEPS_MOST));
    RNN_TRY(rnn_check_range("streams", streams, 1, STREAMS_MOST));
    RNN_REQUIRE(corpus);
    return RNN_OK;
}

rnn_status rnn_corpus_create_from_text(const rnn_vocab *vocab, const void *text, size_t size, int64_t steps,
                                       int64_t streams, rnn_corpus **corpus)
{
    RNN_TRY(check_shape(vocab, steps, streams, corpus));
    RNN_REQUIRE(text);
    if (size > INT64_MAX / 2)
        return rnn_fail(RNN_ERROR_ARGUMENT, "size is %zu; no text is that long", size);
    const unsigned char *bytes = text;
    for (size_t i = 0; i < size; i++)
        if (vocab->id_of[bytes[i]] < 0)
            return rnn_vocab_unknown(bytes[i], (int64_t)i);
    source *s;
    RNN_TRY(rnn_allocate("a corpus", 1, sizeof *s, (void **)&s));
    s->owners = 1;
    unsigned char *copy;
    rnn_status status = rnn_allocate("a copy of the text", size, 1, (void **)&copy);
    if (status == RNN_OK) {
        s->text = memcpy(copy, text, size);
        s->size = (int64_t)size;
        status = create_part(vocab, s, 0, s->size, steps, streams, corpus);
    }
    release_source(s);
    return status;
}

rnn_status rnn_corpus_create_from_file(const rnn_vocab *vocab, const char *path, int64_t steps, int64_t streams,
                                       rnn_corpus **corpus)
{
    RNN_TRY(check_shape(vocab, steps, streams, corpus));
    source *s;
    RNN_TRY(rnn_allocate("a corpus", 1, sizeof *s, (void **)&s));
    s->owners = 1;
    rnn_status status = rnn_file_open(path, &s->file);
    if (status == RNN_OK) {
        s->size = s->file.size;
        status = create_part(vocab, s, 0, s->size, steps, streams, corpus);
    }
    release_source(s);
    return status;
}

rnn_status rnn_corpus_split(rnn_corpus *corpus, double share, rnn_corpus **validation)
{
    RNN_REQUIRE(corpus);
    RNN_REQUIRE(validation);
    if (!(share > 0 && share < 1))
        return rnn_fail(RNN_ERROR_ARGUMENT, "share is %g; it must be between 0 and 1", share);
    int64_t moved = (int64_t)((double)corpus->size * share), kept = corpus->size - moved;
    int64_t needed = corpus->streams * corpus->steps + 1;
    if (moved < needed || kept < needed)
        return rnn_fail(RNN_ERROR_ARGUMENT,
                        "share is %g, which parts %" PRId64 " symbols into %" PRId64 " and %" PRId64 "; %" PRId64
                        " streams of %" PRId64 " steps need %" PRId64 " in each",
                        share, corpus->size, kept, moved, corpus->streams, corpus->steps, needed);
    rnn_corpus *rest;
    RNN_TRY(
        create_part(corpus->vocab, corpus->source, corpus->begin + kept, moved, corpus->steps, corpus->streams, &rest));
    rnn_status status = cut(corpus, corpus->begin, kept);
    if (status == RNN_OK)
        *validation = rest;
    else
        rnn_corpus_destroy(rest);
    return status;
}

void rnn_corpus_destroy(rnn_corpus *corpus)
{
    if (!corpus)
        return;
    rnn_vocab_destroy(corpus->vocab);
    release_source(corpus->source);
    rnn_release(corpus->inputs);
    rnn_release(corpus->targets);
    rnn_release(corpus->windows);
    rnn_release(corpus);
}

int64_t rnn_corpus_size(const rnn_corpus *corpus)
{
    return corpus ? corpus->size : 0;
}

/* The seed's rule: a chunk is served while p + T < S, and at 0. */
static bool serves(const rnn_corpus *corpus, int64_t position)
{
    return position == 0 || position + corpus->steps < corpus->length;
}

int64_t rnn_corpus_chunks(const rnn_corpus *corpus)
{
    if (!corpus)
        return 0;
    int64_t chunks = (corpus->length - 1) / corpus->steps;
    return chunks > 0 ? chunks : 1;
}

int64_t rnn_corpus_position(const rnn_corpus *corpus)
{
    return corpus ? corpus->position : 0;
}

rnn_status rnn_corpus_rewind(rnn_corpus *corpus)
{
    RNN_REQUIRE(corpus);
    corpus->position = 0;
    return RNN_OK;
}

/* Sees to it that each stream's bytes `position` to `position + T` are in its window. */
static rnn_status fill_windows(rnn_corpus *corpus, int64_t position)
{
    if (position >= corpus->window_start && position + corpus->steps < corpus->window_end)
        return RNN_OK;
    int64_t left = corpus->length + 1 - position, size = left < corpus->window_size ? left : corpus->window_size;
    corpus->window_start = corpus->window_end = 0; /* nothing, should a read fail */
    for (int64_t b = 0; b < corpus->streams; b++)
        RNN_TRY(rnn_file_read(&corpus->source->file, corpus->begin + b * corpus->length + position,
                              corpus->windows + b * corpus->window_size, (size_t)size));
    corpus->window_start = position;
    corpus->window_end = position + size;
    return RNN_OK;
}

/* Stream b's symbol at `position`, and those after it. */
static const unsigned char *stream_text(const rnn_corpus *corpus, int64_t b, int64_t position)
{
    if (corpus->source->text)
        return corpus->source->text + corpus->begin + b * corpus->length + position;
    return corpus->windows + b * corpus->window_size + (position - corpus->window_start);
}

static rnn_status encode_chunk(rnn_corpus *corpus, int64_t position)
{
    const int32_t *id_of = corpus->vocab->id_of;
    int64_t steps = corpus->steps, streams = corpus->streams;
    for (int64_t b = 0; b < streams; b++) {
        const unsigned char *text = stream_text(corpus, b, position);
        int32_t id = id_of[text[0]];
        for (int64_t t = 0; t <= steps; t++) {
            id = id_of[text[t]];
            if (id < 0)
                return rnn_vocab_unknown(text[t], corpus->begin + b * corpus->length + position + t);
            if (t > 0)
                corpus->targets[(t - 1) * streams + b] = id;
            if (t < steps)
                corpus->inputs[t * streams + b] = id;
        }
    }
    return RNN_OK;
}

rnn_status rnn_corpus_next(rnn_corpus *corpus, rnn_chunk *chunk, int32_t *restarted)
{
    RNN_REQUIRE(corpus);
    int64_t position = serves(corpus, corpus->position) ? corpus->position : 0;
    rnn_chunk served = {.struct_size = sizeof served,
                        .steps = corpus->steps,
                        .streams = corpus->streams,
                        .inputs = corpus->inputs,
                        .targets = corpus->targets};
    if (!corpus->source->text)
        RNN_TRY(fill_windows(corpus, position));
    RNN_TRY(encode_chunk(corpus, position));
    RNN_TRY(rnn_struct_write("chunk", chunk, &served, RNN_CHUNK_FIRST_SIZE, sizeof served));
    corpus->position = position + corpus->steps;
    if (restarted)
        *restarted = position == 0;
    return RNN_OK;
}
