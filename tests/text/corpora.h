/*
 * Texts, corpora of them, and the definition of what a corpus serves. Used by the suites of the corpus.
 */
#ifndef RNN_TESTS_CORPORA_H
#define RNN_TESTS_CORPORA_H

#include "temporary.h"
#include "texts.h"
#include "unicode.h"

/* A text, which is in the file "text" as well, and the ids of its symbols. */
typedef struct sample {
    unsigned char *bytes;
    size_t size;
    int32_t *ids;
    int64_t count; /* symbols */
    rnn_vocab *vocab;
} sample;

/* The symbols are bytes, and each is its own id. */
static inline sample create_bytes(int64_t count, uint64_t seed)
{
    sample s = {.bytes = allocate(count, 1), .size = (size_t)count, .count = count, .vocab = vocab_of_all_bytes()};
    random_source source = {seed};
    s.ids = allocate(count, sizeof *s.ids);
    for (int64_t i = 0; i < count; i++)
        s.bytes[i] = (unsigned char)(s.ids[i] = random_below(&source, 256));
    write_file("text", s.bytes, s.size);
    return s;
}

/* The symbols are code points of one byte to four, at most `variety` different ones. */
static inline sample create_code_points(int64_t count, int32_t variety, uint64_t seed)
{
    sample s = {.ids = allocate(count, sizeof *s.ids), .count = count};
    int32_t *code_points = allocate(count, sizeof *code_points), *id_of = allocate(0x110000, sizeof *id_of);
    size_t end = 0;
    s.bytes = create_unicode_text(count, variety, seed, &s.size);
    s.vocab = vocab_of_text(RNN_VOCAB_UTF8, s.bytes, s.size);
    assert_int_equal(read_code_points(s.bytes, s.size, code_points, &end), count);
    for (int32_t id = 0; id < rnn_vocab_size(s.vocab); id++) {
        const char *symbol = NULL;
        size_t size = 0;
        int32_t code_point = 0;
        assert_ok(rnn_vocab_symbol(s.vocab, id, &symbol, &size));
        assert_int_equal(read_code_points((const unsigned char *)symbol, size, &code_point, &end), 1);
        id_of[code_point] = id;
    }
    for (int64_t i = 0; i < count; i++)
        s.ids[i] = id_of[code_points[i]];
    free(id_of);
    free(code_points);
    write_file("text", s.bytes, s.size);
    return s;
}

static inline void destroy_sample(sample *s)
{
    rnn_vocab_destroy(s->vocab);
    free(s->ids);
    free(s->bytes);
}

enum { IN_MEMORY, IN_FILE };

static inline rnn_corpus *open_corpus(const sample *s, int where, int64_t steps, int64_t streams)
{
    return where == IN_FILE ? corpus_of_file(s->vocab, "text", steps, streams)
                            : corpus_of_text(s->vocab, s->bytes, s->size, steps, streams);
}

/* What a corpus is by its definition. */
typedef struct definition {
    const int32_t *ids;
    int64_t size;     /* N */
    int64_t steps;    /* T */
    int64_t streams;  /* B */
    int64_t position; /* p */
} definition;

static inline definition define(const sample *s, int64_t steps, int64_t streams)
{
    return (definition){s->ids, s->count, steps, streams, 0};
}

/* The definition of a corpus of `size` symbols of another, from `begin` on. */
static inline definition part_of(const definition *whole, int64_t begin, int64_t size)
{
    return (definition){whole->ids + begin, size, whole->steps, whole->streams, 0};
}

/* How many chunks there are until the corpus starts over. */
static inline int64_t chunks_of(const definition *defined)
{
    int64_t chunks = ((defined->size - 1) / defined->streams - 1) / defined->steps;
    return chunks > 1 ? chunks : 1;
}

/* The next `count` chunks of `corpus` must be those that the definition gives, and lead to the same positions. */
static inline void assert_serves(rnn_corpus *corpus, definition *defined, int64_t count)
{
    int64_t length = (defined->size - 1) / defined->streams;
    for (int64_t n = 0; n < count; n++) {
        rnn_chunk chunk = empty_chunk();
        int32_t restarted = -7;
        assert_int_equal(rnn_corpus_position(corpus), defined->position);
        if (defined->position + defined->steps >= length)
            defined->position = 0;
        assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
        assert_int_equal(restarted, defined->position == 0);
        assert_int_equal(chunk.struct_size, sizeof chunk);
        assert_int_equal(chunk.steps, defined->steps);
        assert_int_equal(chunk.streams, defined->streams);
        for (int64_t t = 0, i = 0; t < defined->steps; t++)
            for (int64_t b = 0; b < defined->streams; b++, i++) {
                const int32_t *id = defined->ids + b * length + defined->position + t;
                if (chunk.inputs[i] != id[0] || chunk.targets[i] != id[1])
                    fail_msg("N %lld T %lld B %lld: the chunk at %lld has %d -> %d at (%lld, %lld), not %d -> %d",
                             (long long)defined->size, (long long)defined->steps, (long long)defined->streams,
                             (long long)defined->position, chunk.inputs[i], chunk.targets[i], (long long)t,
                             (long long)b, id[0], id[1]);
            }
        defined->position += defined->steps;
    }
    assert_int_equal(rnn_corpus_position(corpus), defined->position);
}

/* Moves the corpus and its definition to the chunk of that number. */
static inline void seek_chunk(rnn_corpus *corpus, definition *defined, int64_t chunk)
{
    defined->position = chunk * defined->steps;
    assert_ok(rnn_corpus_seek(corpus, defined->position));
}

/* Calls `check` with texts of 2 to `most` bytes, and as many code points, and all shapes that these allow. */
static inline void for_each_small_shape(int64_t most, void (*check)(const sample *s, int64_t steps, int64_t streams))
{
    for (int64_t size = 2; size <= most; size++)
        for (int32_t kind = RNN_VOCAB_BYTES; kind <= RNN_VOCAB_UTF8; kind++) {
            sample s = kind == RNN_VOCAB_BYTES ? create_bytes(size, (uint64_t)size)
                                               : create_code_points(size, 6, (uint64_t)size);
            for (int64_t streams = 1; streams < size; streams++)
                for (int64_t steps = 1; steps * streams + 1 <= size; steps++)
                    check(&s, steps, streams);
            destroy_sample(&s);
        }
}

#endif
