/*
 * corpus.c: divides a text into streams and serves it chunk by chunk.
 *
 * Bytes and ids have a fixed size and are read from the source as they are. Code points and words are encoded when the
 * corpus is created, as ids of 1, 2 or 4 bytes, whichever is the smallest that suffices.
 *
 * A source that is in memory in one piece is read directly. For any other source each stream has a window in memory,
 * which is filled by one read and used for as many chunks as it holds. The windows of all streams begin at the same
 * position.
 */
#include "text/corpus.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "network/chunk.h"
#include "text/source.h"
#include "text/vocab.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

enum {
    WINDOWS_TOGETHER = 1 << 20, /* total size in bytes, unless a chunk needs more */
};

struct rnn_corpus {
    rnn_vocab *vocab; /* vocabulary of bytes; NULL: the source holds ids */
    rnn_source *source;
    int64_t unit;              /* bytes per symbol, which is a little-endian unsigned number; 1 for bytes */
    int64_t symbols;           /* for ids: each must be less than this */
    int64_t begin, size;       /* where this part begins and how long it is, in symbols of the source */
    int64_t steps, streams;    /* T, B */
    bool drop_last;            /* whether the last symbols of a stream may remain unused */
    int64_t length;            /* S: inputs of a stream; unless drop_last, some streams may have one less */
    int64_t position;          /* p */
    int32_t *inputs;           /* [T][B] */
    int32_t *targets;          /* [T][B] */
    int64_t *lengths;          /* [B]; NULL if drop_last */
    const unsigned char *text; /* the whole source; NULL: there are windows */
    int64_t window_size;       /* symbols of a stream that are in memory */
    unsigned char *windows;    /* [B][window_size] */
    int64_t window_start;      /* position where the windows begin, in symbols; the same for all streams */
    int64_t window_end;        /* position where the windows end, in symbols */
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

/* Divides the part into streams, and goes back to the start. */
static void cut_streams(rnn_corpus *corpus)
{
    int64_t targets = corpus->size - 1, streams = corpus->streams;
    corpus->length = targets / streams + (!corpus->drop_last && targets % streams > 0);
    corpus->position = 0;
    corpus->window_start = corpus->window_end = 0;
}

/* Serves symbols begin ... begin + size - 1 of the source. If it fails, nothing changes. */
static rnn_status cut(rnn_corpus *corpus, int64_t begin, int64_t size)
{
    RNN_TRY(check_size(size, corpus->steps, corpus->streams));
    corpus->begin = begin;
    corpus->size = size;
    cut_streams(corpus);
    return RNN_OK;
}

/* Where stream b begins, in symbols of the part. */
static int64_t stream_begin(const rnn_corpus *corpus, int64_t b)
{
    return corpus->drop_last ? b * corpus->length : librnn_share_begin(corpus->size - 1, corpus->streams, b);
}

/* The number of inputs of stream b. */
static int64_t stream_length(const rnn_corpus *corpus, int64_t b)
{
    return corpus->drop_last ? corpus->length : stream_begin(corpus, b + 1) - stream_begin(corpus, b);
}

static rnn_status create_windows(rnn_corpus *corpus)
{
    int64_t least = corpus->steps + 1, share = WINDOWS_TOGETHER / corpus->streams / corpus->unit;
    corpus->window_size = share > least ? share : least;
    return librnn_allocate("a window on a file", (size_t)corpus->streams, (size_t)(corpus->window_size * corpus->unit),
                           (void **)&corpus->windows);
}

/* The arguments for creating a corpus, except `steps` and `streams`. */
typedef struct origin {
    const rnn_vocab *vocab; /* NULL: the source holds ids */
    const rnn_source *source;
    int64_t unit, symbols; /* as in rnn_corpus */
} origin;

/* Creates a corpus over part of a source, and makes it an owner of the source. */
static rnn_status create_part(const origin *from, int64_t begin, int64_t size, int64_t steps, int64_t streams,
                              rnn_corpus **corpus)
{
    rnn_corpus *c;
    RNN_TRY(librnn_allocate("a corpus", 1, sizeof *c, (void **)&c));
    c->vocab = from->vocab ? librnn_vocab_share(from->vocab) : NULL;
    c->source = librnn_source_share(from->source);
    c->unit = from->unit;
    c->symbols = from->symbols;
    c->text = librnn_source_text(from->source);
    c->steps = steps;
    c->streams = streams;
    c->drop_last = true;
    rnn_status status = cut(c, begin, size);
    if (status != RNN_OK)
        goto failed;
    size_t ids;
    if (!rnn_size_multiply((uint64_t)steps, (uint64_t)streams, &ids)) {
        status = librnn_fail(RNN_ERROR_MEMORY, "out of memory for a chunk of %" PRId64 " steps and %" PRId64 " streams",
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

/* The smallest number of bytes that holds all ids. */
static int64_t unit_for(int64_t symbols)
{
    return symbols <= 1 << 8 ? 1 : symbols <= 1 << 16 ? 2 : 4;
}

/* Encodes ids as units of a source. In a first pass they are only counted. */
typedef struct id_writer {
    unsigned char *bytes; /* NULL: only count */
    int64_t unit, count, room;
} id_writer;

static void put_id(void *context, int32_t id)
{
    id_writer *w = context;
    if (w->bytes && w->count < w->room)
        for (int64_t k = 0; k < w->unit; k++)
            w->bytes[w->count * w->unit + k] = (unsigned char)((uint32_t)id >> 8 * k);
    w->count++;
}

/* Reads the source twice: first to count the symbols, then to encode them. */
static rnn_status encode(const rnn_vocab *vocab, const rnn_source *source, int64_t steps, int64_t streams, id_writer *w)
{
    RNN_TRY(librnn_vocab_read_source(vocab, source, put_id, w));
    RNN_TRY(check_size(w->count, steps, streams));
    w->room = w->count;
    w->count = 0;
    RNN_TRY(librnn_allocate("a text as ids", (size_t)w->room, (size_t)w->unit, (void **)&w->bytes));
    rnn_status status = librnn_vocab_read_source(vocab, source, put_id, w);
    if (status == RNN_OK && w->count != w->room)
        status =
            librnn_fail(RNN_ERROR_IO, "the text has changed since it was opened; its number of symbols is different");
    if (status != RNN_OK)
        librnn_release(w->bytes);
    return status;
}

/* Creates a corpus over a whole source. */
static rnn_status create(const rnn_vocab *vocab, const rnn_source *source, int64_t steps, int64_t streams,
                         rnn_corpus **corpus)
{
    if (vocab->kind == RNN_VOCAB_BYTES) {
        origin from = {.vocab = vocab, .source = source, .unit = 1};
        return create_part(&from, 0, rnn_source_size(source), steps, streams, corpus);
    }
    id_writer ids = {.unit = unit_for(vocab->size)};
    RNN_TRY(encode(vocab, source, steps, streams, &ids));
    rnn_source *encoded;
    RNN_TRY(librnn_source_take(ids.bytes, (size_t)(ids.room * ids.unit), &encoded));
    origin from = {.source = encoded, .unit = ids.unit, .symbols = vocab->size};
    rnn_status status = create_part(&from, 0, ids.room, steps, streams, corpus);
    rnn_source_destroy(encoded);
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

/* Checks all bytes of a text in memory. Code points are checked when they are encoded. */
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
    uint64_t length = size; /* with a 32-bit size_t the comparison would always be false, and compilers would warn */
    if (length > INT64_MAX / 2)
        return librnn_fail(RNN_ERROR_ARGUMENT, "size is %zu; it must be less than 2^62", size);
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
    id_writer w = {.unit = from.unit, .room = count};
    rnn_source *source;
    RNN_TRY(librnn_allocate("a corpus of ids", (size_t)count, (size_t)from.unit, (void **)&w.bytes));
    for (int64_t i = 0; i < count; i++)
        put_id(&w, ids[i]);
    RNN_TRY(librnn_source_take(w.bytes, (size_t)(count * from.unit), &source));
    from.source = source;
    rnn_status status = create_part(&from, 0, count, steps, streams, corpus);
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
    rnn_status status = size % id_size == 0
                            ? create_part(&from, 0, size / id_size, steps, streams, corpus)
                            : librnn_fail(RNN_ERROR_FORMAT,
                                          "%.200s has %" PRId64 " bytes; it must have a multiple of id_size, %" PRId32,
                                          path, size, id_size);
    rnn_source_destroy(source);
    return status;
}

/* ---- Parts ------------------------------------------------------------------------------------------------------- */

/*
 * The number of symbols in a share of the corpus, rounded down. It returns through memory, so that the compiler can't
 * move the computation out of the floating-point mode.
 */
static RNN_FLOAT_BODY void find_part(const rnn_corpus *corpus, double share, int64_t *part)
{
    *part = (int64_t)((double)corpus->size * share);
}

rnn_status rnn_corpus_split(rnn_corpus *corpus, double share, rnn_corpus **validation)
{
    RNN_REQUIRE(corpus);
    RNN_REQUIRE(validation);
    if (!rnn_is_share(share) || rnn_order(share) == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "share is %g; it must be greater than 0 and less than 1", share);
    float_exact_mode mode = rnn_float_enter_exact();
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
    origin from = {corpus->vocab, corpus->source, corpus->unit, corpus->symbols};
    RNN_TRY(create_part(&from, corpus->begin + kept, moved, corpus->steps, corpus->streams, &rest));
    rnn_status status = rnn_corpus_set_drop_last(rest, corpus->drop_last);
    if (status == RNN_OK)
        status = cut(corpus, corpus->begin, kept);
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
    librnn_release(corpus->inputs);
    librnn_release(corpus->targets);
    librnn_release(corpus->lengths);
    librnn_release(corpus->windows);
    librnn_release(corpus);
}

int64_t rnn_corpus_size(const rnn_corpus *corpus)
{
    return corpus ? corpus->size : 0;
}

rnn_status rnn_corpus_set_drop_last(rnn_corpus *corpus, int32_t drop_last)
{
    RNN_REQUIRE(corpus);
    RNN_TRY(librnn_check_range("drop_last", drop_last, 0, 1));
    int64_t *lengths = NULL;
    if (!drop_last)
        RNN_TRY(librnn_allocate("a chunk's lengths", (size_t)corpus->streams, sizeof *lengths, (void **)&lengths));
    librnn_release(corpus->lengths);
    corpus->lengths = lengths;
    corpus->drop_last = drop_last;
    cut_streams(corpus);
    return RNN_OK;
}

/*
 * The number of chunks. With drop_last it is that of min-char-rnn, which serves a chunk while p + T < S, and always
 * serves the one at 0.
 */
int64_t rnn_corpus_chunks(const rnn_corpus *corpus)
{
    if (!corpus)
        return 0;
    if (!corpus->drop_last)
        return (corpus->length - 1) / corpus->steps + 1;
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

/* ---- Serving ---- */

/* Makes sure that each stream's symbols `position` to `position + steps` are in its window, as far as they exist. */
static rnn_status fill_windows(rnn_corpus *corpus, int64_t position, int64_t steps)
{
    if (position >= corpus->window_start && position + steps < corpus->window_end)
        return RNN_OK;
    int64_t left = corpus->length + 1 - position, size = left < corpus->window_size ? left : corpus->window_size;
    corpus->window_start = corpus->window_end = 0; /* the windows are empty if a read fails */
    for (int64_t b = 0; b < corpus->streams; b++) {
        int64_t own = stream_length(corpus, b) + 1 - position;
        RNN_TRY(librnn_source_read(corpus->source, (corpus->begin + stream_begin(corpus, b) + position) * corpus->unit,
                                   corpus->windows + b * corpus->window_size * corpus->unit,
                                   (size_t)((own < size ? own : size) * corpus->unit)));
    }
    RNN_TRY(librnn_source_check(corpus->source));
    corpus->window_start = position;
    corpus->window_end = position + size;
    return RNN_OK;
}

/* The address of stream b's symbol at `position` and of those after it. */
static const unsigned char *stream_text(const rnn_corpus *corpus, int64_t b, int64_t position)
{
    if (corpus->text)
        return corpus->text + (corpus->begin + stream_begin(corpus, b) + position) * corpus->unit;
    return corpus->windows + (b * corpus->window_size + (position - corpus->window_start)) * corpus->unit;
}

static uint32_t read_unit(const unsigned char *bytes, int64_t unit)
{
    uint32_t value = bytes[0];
    for (int64_t k = 1; k < unit; k++)
        value |= (uint32_t)bytes[k] << 8 * k;
    return value;
}

/* The id of the symbol at index `at` of the source. */
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

/* Encodes stream b's part of a chunk: `count` positions, then padding. */
static rnn_status encode_stream(rnn_corpus *corpus, int64_t b, int64_t position, int64_t count, int64_t steps)
{
    int64_t streams = corpus->streams;
    const unsigned char *text = stream_text(corpus, b, position);
    int64_t first = corpus->begin + stream_begin(corpus, b) + position;
    if (count > 0) {
        for (int64_t t = 0; t <= count; t++) {
            int32_t id;
            RNN_TRY(encode_unit(corpus, text + t * corpus->unit, first + t, &id));
            if (t > 0)
                corpus->targets[(t - 1) * streams + b] = id;
            if (t < count)
                corpus->inputs[t * streams + b] = id;
        }
    }
    for (int64_t t = count; t < steps; t++) {
        corpus->inputs[t * streams + b] = 0;
        corpus->targets[t * streams + b] = RNN_IGNORE;
    }
    return RNN_OK;
}

/* Encodes the chunk at a position. *ragged: whether a stream ends before the chunk does. */
static rnn_status encode_chunk(rnn_corpus *corpus, int64_t position, int64_t steps, bool *ragged)
{
    *ragged = false;
    if (!corpus->text)
        RNN_TRY(fill_windows(corpus, position, steps));
    for (int64_t b = 0; b < corpus->streams; b++) {
        int64_t left = stream_length(corpus, b) - position, count = left < steps ? left : steps;
        RNN_TRY(encode_stream(corpus, b, position, count, steps));
        if (!corpus->drop_last)
            corpus->lengths[b] = count;
        *ragged = *ragged || count < steps;
    }
    return RNN_OK;
}

rnn_status rnn_corpus_next(rnn_corpus *corpus, rnn_chunk *chunk, int32_t *restarted)
{
    RNN_REQUIRE(corpus);
    RNN_REQUIRE(chunk);
    bool ragged, ended = corpus->position >= rnn_corpus_chunks(corpus) * corpus->steps;
    int64_t position = ended ? 0 : corpus->position, left = corpus->length - position;
    int64_t steps = left < corpus->steps ? left : corpus->steps;
    RNN_TRY(encode_chunk(corpus, position, steps, &ragged));
    rnn_chunk served = {.struct_size = sizeof served,
                        .steps = steps,
                        .streams = corpus->streams,
                        .inputs = corpus->inputs,
                        .targets = corpus->targets,
                        .lengths = ragged ? corpus->lengths : NULL};
    if (chunk->struct_size >= sizeof served) { /* keeps the caller's pointers to results */
        served.losses = chunk->losses;
        served.hits = chunk->hits;
    }
    size_t least =
        corpus->drop_last ? RNN_CHUNK_FIRST_SIZE : sizeof served; /* the struct must have the field `lengths` */
    RNN_TRY(librnn_struct_write("chunk", chunk, &served, least, sizeof served));
    corpus->position = position + corpus->steps;
    if (restarted)
        *restarted = position == 0;
    return RNN_OK;
}

/* ---- Reading anywhere -------------------------------------------------------------------------------------------- */

rnn_status librnn_corpus_read(const rnn_corpus *corpus, int64_t first, int64_t count, void *memory, int32_t *ids)
{
    unsigned char *bytes = memory;
    first += corpus->begin;
    RNN_TRY(librnn_source_read(corpus->source, first * corpus->unit, bytes, (size_t)(count * corpus->unit)));
    for (int64_t i = 0; i < count; i++)
        RNN_TRY(encode_unit(corpus, bytes + i * corpus->unit, first + i, &ids[i]));
    return librnn_source_check(corpus->source);
}
