/*
 * corpus.c: a text cut into streams, served chunk by chunk.
 *
 * A text that stands in memory in one piece is served from there. Of any other each stream has a window in memory,
 * filled by one read and used for as many chunks as it holds.
 *
 * Symbols of one size, bytes and ids, are their own positions: the windows of all streams begin at the same one. Code
 * points are of several lengths, so that each stream has to remember where in the source it stands; to begin with, and
 * after a seek, an index says.
 */
#include "corpus.h"

#include "chunk.h"
#include "float_mode.h"
#include "index.h"
#include "memory.h"
#include "names.h"
#include "source.h"
#include "vocab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    WINDOWS_TOGETHER = 1 << 20, /* bytes, unless a chunk needs more */
    SYMBOLS_MOST = 1 << 24,
};

/* UTF-8: offsets in the source, in bytes. */
typedef struct stream {
    int64_t start;                    /* of its symbol at position 0 */
    int64_t at;                       /* of its symbol at the position `found` */
    int64_t next;                     /* of the one T symbols further, while a chunk is being encoded */
    int64_t window_start, window_end; /* what is in its window */
} stream;

struct rnn_corpus {
    rnn_vocab *vocab; /* NULL: the source holds ids */
    rnn_source *source;
    int64_t unit;              /* bytes of a symbol, an unsigned number, the lowest first; 1 of bytes */
    int64_t symbols;           /* ids: they are less than that */
    int64_t begin, size;       /* of this part, in symbols of the source */
    int64_t steps, streams;    /* T, B */
    int64_t length;            /* S: how many inputs a stream has */
    int64_t position;          /* p */
    int32_t *inputs;           /* [T][B] */
    int32_t *targets;          /* [T][B] */
    const unsigned char *text; /* all of the source; NULL: there are windows */
    int64_t window_size;       /* units of a stream that are in memory */
    unsigned char *windows;    /* [B][window_size] */
    int64_t window_start;      /* units: the position that they begin at; the same for all streams */
    int64_t window_end;        /* units: the position that they end before */
    rnn_index *index;          /* UTF-8; NULL: symbols of one size */
    stream *places;            /* UTF-8: [B] */
    int64_t found;             /* UTF-8: the position of each stream's `at`, or -1 */
};

/* ---- Creation ---- */

static rnn_status check_size(int64_t size, int64_t steps, int64_t streams)
{
    int64_t needed = streams * steps + 1;
    if (size >= needed)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT,
                       "the text has %" PRId64 " symbol%s; for %" PRId64 " stream%s of %" PRId64
                       " step%s it must have at least %" PRId64,
                       size, rnn_plural((uint64_t)size), streams, rnn_plural((uint64_t)streams), steps,
                       rnn_plural((uint64_t)steps), needed);
}

/* UTF-8: finds where the streams of symbols begin ... begin + size start. */
static rnn_status create_places(const rnn_corpus *corpus, int64_t begin, int64_t size, stream **places)
{
    stream *created;
    RNN_TRY(librnn_allocate("a corpus's streams", (size_t)corpus->streams, sizeof *created, (void **)&created));
    rnn_status status = RNN_OK;
    rnn_finder finder;
    librnn_finder_begin(&finder);
    int64_t length = (size - 1) / corpus->streams;
    for (int64_t b = 0; b < corpus->streams && status == RNN_OK; b++) {
        status = librnn_index_find(corpus->index, corpus->source, begin + b * length, &finder);
        created[b].start = finder.offset;
    }
    if (status == RNN_OK)
        *places = created;
    else
        librnn_release(created);
    return status;
}

/* Cuts symbols begin ... begin + size of the source into streams. Changes nothing when it fails. */
static rnn_status cut(rnn_corpus *corpus, int64_t begin, int64_t size)
{
    RNN_TRY(check_size(size, corpus->steps, corpus->streams));
    if (corpus->index) {
        stream *places;
        RNN_TRY(create_places(corpus, begin, size, &places));
        librnn_release(corpus->places);
        corpus->places = places;
        corpus->found = -1;
    }
    corpus->begin = begin;
    corpus->size = size;
    corpus->length = (size - 1) / corpus->streams;
    corpus->position = 0;
    corpus->window_start = corpus->window_end = 0;
    return RNN_OK;
}

static rnn_status create_windows(rnn_corpus *corpus)
{
    int64_t least = (corpus->steps + 1) * (corpus->index ? UTF8_MOST : 1);
    int64_t share = WINDOWS_TOGETHER / corpus->streams / corpus->unit;
    corpus->window_size = share > least ? share : least;
    return librnn_allocate("a window on a file", (size_t)corpus->streams, (size_t)(corpus->window_size * corpus->unit),
                           (void **)&corpus->windows);
}

/* What a corpus is made from; `steps` and `streams` apart. */
typedef struct origin {
    const rnn_vocab *vocab; /* NULL: ids */
    const rnn_source *source;
    rnn_index *index;      /* NULL: symbols of one size */
    int64_t unit, symbols; /* as in a corpus */
} origin;

/* A corpus over part of a source, of which it becomes an owner, as of the index. */
static rnn_status create_part(const origin *from, int64_t begin, int64_t size, int64_t steps, int64_t streams,
                              rnn_corpus **corpus)
{
    rnn_corpus *c;
    RNN_TRY(librnn_allocate("a corpus", 1, sizeof *c, (void **)&c));
    c->vocab = from->vocab ? librnn_vocab_share(from->vocab) : NULL;
    c->source = librnn_source_share(from->source);
    c->index = from->index ? librnn_index_share(from->index) : NULL;
    c->unit = from->unit;
    c->symbols = from->symbols;
    c->text = librnn_source_text(from->source);
    c->steps = steps;
    c->streams = streams;
    rnn_status status = cut(c, begin, size);
    if (status != RNN_OK)
        goto failed;
    size_t ids;
    if (!rnn_size_multiply((uint64_t)steps, (uint64_t)streams, &ids)) {
        status = librnn_fail(RNN_ERROR_MEMORY,
                             "steps is %" PRId64 " and streams is %" PRId64 ": a chunk is larger than can be addressed",
                             steps, streams);
        goto failed;
    }
    status = librnn_allocate("a chunk's inputs", ids, sizeof *c->inputs, (void **)&c->inputs);
    if (status != RNN_OK)
        goto failed;
    status = librnn_allocate("a chunk's targets", ids, sizeof *c->targets, (void **)&c->targets);
    if (status != RNN_OK)
        goto failed;
    if (!c->text) {
        status = create_windows(c);
        if (status != RNN_OK)
            goto failed;
    }
    *corpus = c;
    return RNN_OK;

failed:
    rnn_corpus_destroy(c);
    return status;
}

/* A corpus over all of a source. */
static rnn_status create(const rnn_vocab *vocab, const rnn_source *source, int64_t steps, int64_t streams,
                         rnn_corpus **corpus)
{
    origin from = {.vocab = vocab, .source = source, .unit = 1};
    if (vocab->kind == RNN_VOCAB_BYTES)
        return create_part(&from, 0, rnn_source_size(source), steps, streams, corpus);
    RNN_TRY(librnn_index_create(source, vocab, &from.index));
    rnn_status status = create_part(&from, 0, from.index->symbols, steps, streams, corpus);
    librnn_index_release(from.index);
    return status;
}

static rnn_status check_sizes(int64_t steps, int64_t streams, rnn_corpus **corpus)
{
    RNN_TRY(librnn_check_range("steps", steps, 1, STEPS_MOST));
    RNN_TRY(librnn_check_range("streams", streams, 1, STREAMS_MOST));
    RNN_REQUIRE(corpus);
    return RNN_OK;
}

static rnn_status check_shape(const rnn_vocab *vocab, int64_t steps, int64_t streams, rnn_corpus **corpus)
{
    RNN_REQUIRE(vocab);
    return check_sizes(steps, streams, corpus);
}

/* The bytes of a text in memory are looked at at once; code points are anyway. */
static rnn_status check_bytes(const rnn_vocab *vocab, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (vocab->id_of[bytes[i]] < 0) {
            char place[PLACE_SIZE];
            snprintf(place, sizeof place, "offset %zu", i);
            return librnn_vocab_refuse(vocab->kind, bytes, size, i, place);
        }
    }
    return RNN_OK;
}

rnn_status rnn_corpus_create_from_text(const rnn_vocab *vocab, const void *text, size_t size, int64_t steps,
                                       int64_t streams, rnn_corpus **corpus)
{
    RNN_TRY(check_shape(vocab, steps, streams, corpus));
    RNN_REQUIRE(text);
    uint64_t length = size; /* the comparison would always be false of a size_t of 32 bits, which compilers warn of */
    if (length > INT64_MAX / 2)
        return librnn_fail(RNN_ERROR_ARGUMENT, "size is %zu; no text is that long", size);
    if (vocab->kind == RNN_VOCAB_BYTES)
        RNN_TRY(check_bytes(vocab, text, size));
    rnn_source *source;
    RNN_TRY(librnn_source_create_from_text(text, size, &source));
    rnn_status status = create(vocab, source, steps, streams, corpus);
    rnn_source_destroy(source);
    return status;
}

rnn_status rnn_corpus_create_from_source(const rnn_vocab *vocab, const rnn_source *source, int64_t steps,
                                         int64_t streams, rnn_corpus **corpus)
{
    RNN_TRY(check_shape(vocab, steps, streams, corpus));
    RNN_REQUIRE(source);
    return create(vocab, source, steps, streams, corpus);
}

rnn_status rnn_corpus_create_from_file(const rnn_vocab *vocab, const char *path, int64_t steps, int64_t streams,
                                       rnn_corpus **corpus)
{
    RNN_TRY(check_shape(vocab, steps, streams, corpus));
    rnn_source *source;
    RNN_TRY(librnn_source_open_file(path, &source));
    rnn_status status = create(vocab, source, steps, streams, corpus);
    rnn_source_destroy(source);
    return status;
}

/* ---- Ids --------------------------------------------------------------------------------------------------------- */

/* The fewest bytes that hold all ids */
static int64_t unit_for(int64_t symbols)
{
    return symbols <= 1 << 8 ? 1 : symbols <= 1 << 16 ? 2 : 4;
}

static rnn_status refuse_id(const rnn_corpus *corpus, int64_t offset, uint32_t id)
{
    char place[PLACE_SIZE];
    librnn_source_place(corpus->source, offset, place);
    return librnn_fail(RNN_ERROR_SYMBOL, "the id at %s is %" PRIu32 "; it must be 0 to %" PRId64, place, id,
                       corpus->symbols - 1);
}

rnn_status rnn_corpus_create_from_ids(const int32_t *ids, int64_t count, int64_t symbols, int64_t steps,
                                      int64_t streams, rnn_corpus **corpus)
{
    RNN_REQUIRE(ids);
    RNN_TRY(librnn_check_range("count", count, 1, PTRDIFF_MAX / 8));
    RNN_TRY(librnn_check_range("symbols", symbols, 1, SYMBOLS_MOST));
    RNN_TRY(check_sizes(steps, streams, corpus));
    RNN_TRY(librnn_check_ids("ids", ids, (size_t)count, 0, symbols));
    origin from = {.unit = unit_for(symbols), .symbols = symbols};
    unsigned char *bytes;
    rnn_source *source;
    RNN_TRY(librnn_allocate("a corpus of ids", (size_t)count, (size_t)from.unit, (void **)&bytes));
    for (int64_t i = 0; i < count; i++)
        for (int64_t k = 0; k < from.unit; k++)
            bytes[i * from.unit + k] = (unsigned char)((uint32_t)ids[i] >> 8 * k);
    rnn_status status = librnn_source_create_from_text(bytes, (size_t)(count * from.unit), &source);
    librnn_release(bytes);
    RNN_TRY(status);
    from.source = source;
    status = create_part(&from, 0, count, steps, streams, corpus);
    rnn_source_destroy(source);
    return status;
}

rnn_status rnn_corpus_create_from_id_file(const char *path, int32_t id_size, int64_t symbols, int64_t steps,
                                          int64_t streams, rnn_corpus **corpus)
{
    if (id_size != 1 && id_size != 2 && id_size != 4)
        return librnn_fail(RNN_ERROR_ARGUMENT, "id_size is %" PRId32 "; it must be 1, 2 or 4", id_size);
    RNN_TRY(librnn_check_range("symbols", symbols, 1, SYMBOLS_MOST));
    RNN_TRY(check_sizes(steps, streams, corpus));
    rnn_source *source;
    RNN_TRY(librnn_source_open_file(path, &source));
    origin from = {.source = source, .unit = id_size, .symbols = symbols};
    int64_t size = rnn_source_size(source);
    rnn_status status =
        size % id_size == 0
            ? create_part(&from, 0, size / id_size, steps, streams, corpus)
            : librnn_fail(RNN_ERROR_FORMAT, "%.200s has %" PRId64 " bytes, which is no whole number of ids of %" PRId32,
                          path, size, id_size);
    rnn_source_destroy(source);
    return status;
}

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

/* How many symbols a share is, rounded down; it reads memory, so that no compiler takes it out of the mode. */
static RNN_FLOAT_BODY void find_part(const rnn_corpus *corpus, double share, int64_t *part)
{
    *part = (int64_t)((double)corpus->size * share);
}

rnn_status rnn_corpus_split(rnn_corpus *corpus, double share, rnn_corpus **validation)
{
    RNN_REQUIRE(corpus);
    RNN_REQUIRE(validation);
    if (!rnn_is_share(share) || rnn_order(share) == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "share is %g; it must be between 0 and 1", share);
    fenv_t mode = rnn_float_enter_exact();
    int64_t moved;
    find_part(corpus, share, &moved);
    int64_t kept = corpus->size - moved;
    rnn_float_leave_exact(&mode);
    int64_t needed = corpus->streams * corpus->steps + 1;
    if (moved < needed || kept < needed)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "share is %g, which divides %" PRId64 " symbols into %" PRId64 " and %" PRId64
                           "; for %" PRId64 " stream%s of %" PRId64 " step%s each part must have at least %" PRId64,
                           share, corpus->size, kept, moved, corpus->streams, rnn_plural((uint64_t)corpus->streams),
                           corpus->steps, rnn_plural((uint64_t)corpus->steps), needed);
    rnn_corpus *rest;
    origin from = {corpus->vocab, corpus->source, corpus->index, corpus->unit, corpus->symbols};
    RNN_TRY(create_part(&from, corpus->begin + kept, moved, corpus->steps, corpus->streams, &rest));
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
    rnn_source_destroy(corpus->source);
    librnn_index_release(corpus->index);
    librnn_release(corpus->inputs);
    librnn_release(corpus->targets);
    librnn_release(corpus->windows);
    librnn_release(corpus->places);
    librnn_release(corpus);
}

int64_t rnn_corpus_size(const rnn_corpus *corpus)
{
    return corpus ? corpus->size : 0;
}

/* The seed's rule: a chunk is served while p + T < S, and at 0. */
static bool serves(const rnn_corpus *corpus, int64_t position)
{
    return position == 0 || position < corpus->length - corpus->steps;
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

rnn_status rnn_corpus_seek(rnn_corpus *corpus, int64_t position)
{
    RNN_REQUIRE(corpus);
    int64_t most = rnn_corpus_chunks(corpus) * corpus->steps;
    if (position < 0 || position > most || position % corpus->steps != 0)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "position is %" PRId64 "; it must be 0 to %" PRId64 " and a multiple of steps, %" PRId64,
                           position, most, corpus->steps);
    corpus->position = position;
    return RNN_OK;
}

rnn_status rnn_corpus_rewind(rnn_corpus *corpus)
{
    RNN_REQUIRE(corpus);
    corpus->position = 0;
    return RNN_OK;
}

/* ---- Serving symbols of one size ---- */

/* Sees to it that each stream's symbols `position` to `position + T` are in its window. */
static rnn_status fill_windows(rnn_corpus *corpus, int64_t position)
{
    if (position >= corpus->window_start && position + corpus->steps < corpus->window_end)
        return RNN_OK;
    int64_t left = corpus->length + 1 - position, size = left < corpus->window_size ? left : corpus->window_size;
    corpus->window_start = corpus->window_end = 0; /* nothing, should a read fail */
    for (int64_t b = 0; b < corpus->streams; b++)
        RNN_TRY(librnn_source_read(corpus->source, (corpus->begin + b * corpus->length + position) * corpus->unit,
                                   corpus->windows + b * corpus->window_size * corpus->unit,
                                   (size_t)(size * corpus->unit)));
    RNN_TRY(librnn_source_check(corpus->source));
    corpus->window_start = position;
    corpus->window_end = position + size;
    return RNN_OK;
}

/* Stream b's symbol at `position`, and those after it. */
static const unsigned char *stream_text(const rnn_corpus *corpus, int64_t b, int64_t position)
{
    if (corpus->text)
        return corpus->text + (corpus->begin + b * corpus->length + position) * corpus->unit;
    return corpus->windows + (b * corpus->window_size + (position - corpus->window_start)) * corpus->unit;
}

static uint32_t read_unit(const unsigned char *bytes, int64_t unit)
{
    uint32_t value = bytes[0];
    for (int64_t k = 1; k < unit; k++)
        value |= (uint32_t)bytes[k] << 8 * k;
    return value;
}

/* The id of a symbol that stands at `at` in the source */
static rnn_status encode_unit(const rnn_corpus *corpus, const unsigned char *bytes, int64_t at, int32_t *id)
{
    if (corpus->vocab) {
        *id = corpus->vocab->id_of[*bytes];
        if (*id >= 0)
            return RNN_OK;
        char place[PLACE_SIZE];
        librnn_source_place(corpus->source, at, place);
        return librnn_vocab_refuse(corpus->vocab->kind, bytes, 1, 0, place);
    }
    uint32_t value = read_unit(bytes, corpus->unit);
    *id = (int32_t)value;
    return value < (uint64_t)corpus->symbols ? RNN_OK : refuse_id(corpus, at * corpus->unit, value);
}

static rnn_status encode_units(rnn_corpus *corpus, int64_t position)
{
    if (!corpus->text)
        RNN_TRY(fill_windows(corpus, position));
    int64_t steps = corpus->steps, streams = corpus->streams;
    for (int64_t b = 0; b < streams; b++) {
        const unsigned char *text = stream_text(corpus, b, position);
        int64_t first = corpus->begin + b * corpus->length + position;
        for (int64_t t = 0; t <= steps; t++) {
            int32_t id;
            RNN_TRY(encode_unit(corpus, text + t * corpus->unit, first + t, &id));
            if (t > 0)
                corpus->targets[(t - 1) * streams + b] = id;
            if (t < steps)
                corpus->inputs[t * streams + b] = id;
        }
    }
    return RNN_OK;
}

/* ---- Serving code points ---- */

/* Finds where each stream's symbol at `position` is, unless that is where the last chunk ended. */
static rnn_status find_places(rnn_corpus *corpus, int64_t position)
{
    if (corpus->found == position)
        return RNN_OK;
    corpus->found = -1; /* should a read fail */
    rnn_finder finder;
    librnn_finder_begin(&finder);
    for (int64_t b = 0; b < corpus->streams; b++) {
        if (position == 0) {
            corpus->places[b].at = corpus->places[b].start;
            continue;
        }
        RNN_TRY(
            librnn_index_find(corpus->index, corpus->source, corpus->begin + b * corpus->length + position, &finder));
        corpus->places[b].at = finder.offset;
    }
    corpus->found = position;
    return RNN_OK;
}

/* The bytes that T + 1 symbols of stream b can't go beyond, from where it is; `read` is set when the window changed. */
static rnn_status fill_window(rnn_corpus *corpus, int64_t b, const unsigned char **text, size_t *size, bool *read)
{
    stream *place = &corpus->places[b];
    int64_t left = rnn_source_size(corpus->source) - place->at, wanted = UTF8_MOST * (corpus->steps + 1);
    wanted = wanted < left ? wanted : left;
    *size = (size_t)wanted;
    if (corpus->text) {
        *text = corpus->text + place->at;
        return RNN_OK;
    }
    unsigned char *window = corpus->windows + b * corpus->window_size;
    if (place->at < place->window_start || place->at + wanted > place->window_end) {
        int64_t filled = left < corpus->window_size ? left : corpus->window_size;
        place->window_start = place->window_end = 0; /* nothing, should the read fail */
        RNN_TRY(librnn_source_read(corpus->source, place->at, window, (size_t)filled));
        place->window_start = place->at;
        place->window_end = place->at + filled;
        *read = true;
    }
    *text = window + (place->at - place->window_start);
    return RNN_OK;
}

/* What was a symbol when the index was made is none any more. */
static rnn_status refuse_change(const rnn_corpus *corpus, int64_t offset)
{
    char place[PLACE_SIZE];
    RNN_TRY(librnn_source_check(corpus->source));
    librnn_source_place(corpus->source, offset, place);
    return librnn_fail(RNN_ERROR_IO, "the text at %s has changed since it was opened", place);
}

/* Encodes stream b's T + 1 symbols from where it is on. */
static rnn_status encode_stream(rnn_corpus *corpus, int64_t b, const unsigned char *text, size_t size)
{
    int64_t steps = corpus->steps, streams = corpus->streams;
    size_t offset = 0;
    for (int64_t t = 0; t <= steps; t++) {
        int32_t id;
        int length = offset < size ? rnn_vocab_read(corpus->vocab, text + offset, size - offset, &id) : 0;
        if (length == 0)
            return refuse_change(corpus, corpus->places[b].at + (int64_t)offset);
        if (t > 0)
            corpus->targets[(t - 1) * streams + b] = id;
        if (t < steps)
            corpus->inputs[t * streams + b] = id;
        else
            corpus->places[b].next = corpus->places[b].at + (int64_t)offset;
        offset += (size_t)length;
    }
    return RNN_OK;
}

static rnn_status encode_code_points(rnn_corpus *corpus, int64_t position)
{
    RNN_TRY(find_places(corpus, position));
    bool read = false;
    rnn_status status = RNN_OK;
    for (int64_t b = 0; b < corpus->streams && status == RNN_OK; b++) {
        const unsigned char *text;
        size_t size;
        status = fill_window(corpus, b, &text, &size, &read);
        if (status == RNN_OK)
            status = encode_stream(corpus, b, text, size);
    }
    if (status == RNN_OK && read)
        status = librnn_source_check(corpus->source);
    if (status != RNN_OK) /* no window may be kept that wasn't checked */
        for (int64_t b = 0; b < corpus->streams; b++)
            corpus->places[b].window_start = corpus->places[b].window_end = 0;
    return status;
}

/* What is served at `position` was: each stream goes on to the next one. */
static void move_on(rnn_corpus *corpus, int64_t position)
{
    corpus->position = position + corpus->steps;
    if (!corpus->index)
        return;
    for (int64_t b = 0; b < corpus->streams; b++)
        corpus->places[b].at = corpus->places[b].next;
    corpus->found = corpus->position;
}

rnn_status rnn_corpus_next(rnn_corpus *corpus, rnn_chunk *chunk, int32_t *restarted)
{
    RNN_REQUIRE(corpus);
    int64_t position = serves(corpus, corpus->position) ? corpus->position : 0;
    RNN_TRY(librnn_check_pointer("chunk", chunk));
    rnn_chunk served = {.struct_size = sizeof served,
                        .steps = corpus->steps,
                        .streams = corpus->streams,
                        .inputs = corpus->inputs,
                        .targets = corpus->targets};
    if (chunk->struct_size >= sizeof served) { /* where the caller wants its results stays */
        served.losses = chunk->losses;
        served.hits = chunk->hits;
    }
    RNN_TRY(corpus->index ? encode_code_points(corpus, position) : encode_units(corpus, position));
    RNN_TRY(librnn_struct_write("chunk", chunk, &served, RNN_CHUNK_FIRST_SIZE, sizeof served));
    move_on(corpus, position);
    if (restarted)
        *restarted = position == 0;
    return RNN_OK;
}

/* ---- Reading anywhere -------------------------------------------------------------------------------------------- */

/* `count` symbols that begin at an offset of the source */
static rnn_status read_units(const rnn_corpus *corpus, int64_t at, int64_t count, unsigned char *bytes, int32_t *ids)
{
    RNN_TRY(librnn_source_read(corpus->source, at * corpus->unit, bytes, (size_t)(count * corpus->unit)));
    for (int64_t i = 0; i < count; i++)
        RNN_TRY(encode_unit(corpus, bytes + i * corpus->unit, at + i, &ids[i]));
    return RNN_OK;
}

static rnn_status read_code_points(const rnn_corpus *corpus, int64_t first, int64_t count, unsigned char *bytes,
                                   int32_t *ids)
{
    rnn_finder finder;
    librnn_finder_begin(&finder);
    RNN_TRY(librnn_index_find(corpus->index, corpus->source, first, &finder));
    int64_t left = rnn_source_size(corpus->source) - finder.offset, size = UTF8_MOST * count;
    size = size < left ? size : left;
    RNN_TRY(librnn_source_read(corpus->source, finder.offset, bytes, (size_t)size));
    int64_t offset = 0;
    for (int64_t i = 0; i < count; i++) {
        int length =
            offset < size ? rnn_vocab_read(corpus->vocab, bytes + offset, (size_t)(size - offset), &ids[i]) : 0;
        if (length == 0)
            return refuse_change(corpus, finder.offset + offset);
        offset += length;
    }
    return RNN_OK;
}

rnn_status librnn_corpus_read(const rnn_corpus *corpus, int64_t first, int64_t count, void *memory, int32_t *ids)
{
    first += corpus->begin;
    RNN_TRY(corpus->index ? read_code_points(corpus, first, count, memory, ids)
                          : read_units(corpus, first, count, memory, ids));
    return librnn_source_check(corpus->source);
}
