/*
 * Sequences to serve, and what a chunk of them must be. Used by the suites of the batcher.
 */
#ifndef RNN_TESTS_BATCHES_H
#define RNN_TESTS_BATCHES_H

#include "texts.h"

#include <stdbool.h>
#include <stdio.h>

enum { COUNT = 23, LONGEST = 12, SYMBOLS = 9, WIDTH = 3, STREAMS = 4, HIDDEN = 6 };

/* Sequences and the arrays that they point to */
typedef struct data {
    rnn_sequences sequences;
    int64_t lengths[COUNT], offsets[COUNT + 1];
    int32_t *ids, *targets;
    void *vectors, *target_vectors;
    uint8_t *mask;
    size_t input_size, target_size; /* bytes of one */
} data;

static inline rnn_sequences sequences_init(void)
{
    rnn_sequences s;
    assert_ok(rnn_sequences_init(&s, sizeof s));
    return s;
}

static inline rnn_batcher_options options_init(int64_t streams)
{
    rnn_batcher_options o;
    assert_ok(rnn_batcher_options_init(&o, sizeof o));
    o.streams = streams;
    return o;
}

static inline void *random_vectors(random_source *source, int32_t precision, int64_t count)
{
    double *doubles = allocate(count, sizeof *doubles);
    void *vectors = allocate(count, precision_size(precision));
    random_fill(source, doubles, count, 1);
    from_doubles(precision, doubles, vectors, count);
    free(doubles);
    return vectors;
}

/* Sequences of ids, or of vectors if `precision` isn't negative, with targets of the same kind if they need any */
static inline data *make_data(int32_t targets, int32_t precision)
{
    data *d = allocate(1, sizeof *d);
    random_source source = {5};
    d->sequences = sequences_init();
    for (int i = 0; i < COUNT; i++) {
        d->lengths[i] = 2 + random_below(&source, LONGEST - 1);
        d->offsets[i + 1] = d->offsets[i] + d->lengths[i];
    }
    int64_t all = d->offsets[COUNT], wanted = targets == RNN_TARGETS_LAST ? COUNT : all;
    d->sequences.count = COUNT;
    d->sequences.lengths = d->lengths;
    d->ids = allocate(all, sizeof *d->ids);
    d->targets = allocate(wanted, sizeof *d->targets);
    d->mask = allocate(wanted, 1);
    for (int64_t i = 0; i < all; i++)
        d->ids[i] = random_below(&source, SYMBOLS);
    for (int64_t i = 0; i < wanted; i++) {
        d->targets[i] = random_below(&source, SYMBOLS);
        d->mask[i] = (uint8_t)random_below(&source, 3);
    }
    d->input_size = d->target_size = sizeof(int32_t);
    if (precision < 0) {
        d->sequences.inputs = d->ids;
        d->sequences.targets = targets == RNN_TARGETS_NEXT ? NULL : d->targets;
        return d;
    }
    d->input_size = WIDTH * precision_size(precision);
    d->target_size = targets == RNN_TARGETS_NEXT ? d->input_size : 2 * precision_size(precision);
    d->vectors = random_vectors(&source, precision, all * WIDTH);
    d->target_vectors = random_vectors(&source, precision, wanted * 2);
    d->sequences.precision = precision;
    d->sequences.input_vectors = d->vectors;
    d->sequences.input_size = WIDTH;
    if (targets != RNN_TARGETS_NEXT) {
        d->sequences.target_vectors = d->target_vectors;
        d->sequences.target_mask = d->mask;
        d->sequences.output_size = 2;
    }
    return d;
}

static inline void free_data(data *d)
{
    free(d->ids);
    free(d->targets);
    free(d->vectors);
    free(d->target_vectors);
    free(d->mask);
    free(d);
}

static inline int64_t positions_of(const data *d, int64_t sequence, int32_t targets)
{
    return d->lengths[sequence] - (targets == RNN_TARGETS_NEXT);
}

static inline rnn_batcher *create_batcher(const data *d, const rnn_batcher_options *o)
{
    rnn_batcher *batcher = NULL;
    assert_ok(rnn_batcher_create(&d->sequences, o, &batcher));
    return batcher;
}

typedef struct places {
    int64_t sequence[LONGEST * 64], element[LONGEST * 64];
} places;

static inline void read_places(const rnn_batcher *batcher, const rnn_chunk *chunk, places *p)
{
    assert_in_range(chunk->steps * chunk->streams, 1, LONGEST * 64);
    assert_ok(rnn_batcher_get_places(batcher, p->sequence, p->element, chunk->steps * chunk->streams));
}

static inline void assert_bytes(const void *array, int64_t row, const void *all, int64_t index, size_t size)
{
    assert_memory_equal((const char *)array + (size_t)row * size, (const char *)all + (size_t)index * size, size);
}

/* The target in this row must be that of the element, or none if `sequence` is -1. */
static inline void check_target(const data *d, const rnn_chunk *chunk, int32_t targets, int64_t row, int64_t sequence,
                                int64_t element)
{
    bool one = targets == RNN_TARGETS_LAST;
    bool there = sequence >= 0 && (!one || element == d->lengths[sequence] - 1);
    int64_t index = !there ? 0 : one ? sequence : d->offsets[sequence] + element + (targets == RNN_TARGETS_NEXT);
    if (chunk->targets) {
        assert_int_equal(chunk->targets[row], !there                        ? RNN_IGNORE
                                              : targets == RNN_TARGETS_NEXT ? d->ids[index]
                                                                            : d->targets[index]);
    } else if (there) {
        assert_bytes(chunk->target_vectors, row, targets == RNN_TARGETS_NEXT ? d->vectors : d->target_vectors, index,
                     d->target_size);
        if (targets != RNN_TARGETS_NEXT)
            assert_int_equal(chunk->target_mask[row] != 0, d->mask[index] != 0);
    } else if (chunk->target_mask) {
        assert_int_equal(chunk->target_mask[row], 0);
    }
}

static inline void check_position(const data *d, const rnn_chunk *chunk, const places *p, const rnn_batcher_options *o,
                                  int64_t t, int64_t b)
{
    int64_t row = t * chunk->streams + b, sequence = p->sequence[row], element = p->element[row];
    int64_t length = chunk->lengths ? chunk->lengths[b] : chunk->steps;
    assert_int_equal(sequence >= 0, t < length);
    assert_int_equal(sequence >= 0, element >= 0);
    assert_int_equal(chunk->starts && chunk->starts[row], element == 0);
    if (sequence >= 0) {
        assert_in_range(element, 0, positions_of(d, sequence, o->target_kind) - 1);
        if (chunk->inputs)
            assert_int_equal(chunk->inputs[row], d->ids[d->offsets[sequence] + element]);
        else
            assert_bytes(chunk->input_vectors, row, d->vectors, d->offsets[sequence] + element, d->input_size);
    }
    if (!chunk->last_only)
        check_target(d, chunk, o->target_kind, row, sequence, element);
}

/* The positions of a stream must follow one another. `at`, the sequence and element of the last one, moves on. */
static inline void check_stream(const data *d, const rnn_chunk *chunk, const places *p, const rnn_batcher_options *o,
                                int64_t b, int64_t at[2])
{
    for (int64_t t = 0; t < chunk->steps; t++) {
        int64_t row = t * chunk->streams + b;
        check_position(d, chunk, p, o, t, b);
        if (p->sequence[row] < 0)
            continue;
        if (at[0] >= 0 && at[1] + 1 < positions_of(d, at[0], o->target_kind)) {
            assert_int_equal(p->sequence[row], at[0]);
            assert_int_equal(p->element[row], at[1] + 1);
        } else {
            assert_int_equal(p->element[row], 0);
        }
        at[0] = p->sequence[row];
        at[1] = p->element[row];
    }
    int64_t length = chunk->lengths ? chunk->lengths[b] : chunk->steps;
    if (chunk->last_only)
        check_target(d, chunk, o->target_kind, b, length > 0 ? p->sequence[b] : -1,
                     length > 0 ? p->element[(length - 1) * chunk->streams + b] : 0);
}

/* Serves an epoch, which must have each position once. `order` gets the sequences in the order in which they begin. */
static inline void check_epoch(const data *d, rnn_batcher *batcher, const rnn_batcher_options *o, int64_t order[COUNT])
{
    static places p;
    int64_t seen[COUNT] = {0}, at[64][2], started = 0, served = 0, chunks = 0;
    int64_t epoch = rnn_batcher_position(batcher) / rnn_batcher_positions(batcher);
    memset(at, 255, sizeof at);
    for (int32_t last = 0; !last; chunks++) {
        rnn_chunk chunk = empty_chunk();
        assert_ok(rnn_batcher_next(batcher, &chunk, &last));
        assert_int_equal(chunk.streams, o->streams);
        assert_in_range(chunk.steps, 1, rnn_batcher_steps(batcher));
        assert_int_equal(chunk.last_only, o->target_kind == RNN_TARGETS_LAST && o->layout == RNN_BATCH_PADDED);
        read_places(batcher, &chunk, &p);
        for (int64_t b = 0; b < chunk.streams; b++)
            check_stream(d, &chunk, &p, o, b, at[b]);
        for (int64_t row = 0; row < chunk.steps * chunk.streams; row++) {
            if (p.sequence[row] < 0)
                continue;
            if (p.element[row] == 0)
                order[started++] = p.sequence[row];
            seen[p.sequence[row]]++;
            served++;
        }
        assert_int_equal(rnn_batcher_position(batcher), epoch * rnn_batcher_positions(batcher) + served);
    }
    for (int64_t i = 0; i < COUNT; i++)
        assert_int_equal(seen[i], positions_of(d, i, o->target_kind));
    assert_int_equal(started, COUNT);
    assert_int_equal(served, rnn_batcher_positions(batcher));
    assert_int_equal(chunks, rnn_batcher_chunks(batcher));
}

/* Layouts with different numbers of streams and steps */
enum { VARIANTS = 6 };

static inline rnn_batcher_options variant_of(int variant, int32_t targets)
{
    static const int64_t streams[VARIANTS] = {STREAMS, 1, 40, STREAMS, 1, 40}, steps[3] = {5, 7, 1};
    rnn_batcher_options o = options_init(streams[variant]);
    o.target_kind = targets;
    o.layout = variant < 3 ? RNN_BATCH_PADDED : RNN_BATCH_PACKED;
    o.steps = variant < 3 ? 0 : steps[variant - 3];
    return o;
}

#endif
