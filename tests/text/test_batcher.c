/*
 * Sequences in batches: each is served once an epoch and whole, in an order that is the same everywhere, and gives bit
 * for bit what it gives alone; a batcher that goes on from a position serves what the first one would have served.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { COUNT = 23, LONGEST = 12, SYMBOLS = 9, WIDTH = 3, STREAMS = 4, HIDDEN = 6 };

/* ---- Sequences to serve ---- */

/* What sequences hold: ids or vectors, and which targets */
typedef struct data {
    rnn_sequences sequences;
    int64_t lengths[COUNT], offsets[COUNT + 1];
    int32_t *ids, *targets;
    void *vectors, *target_vectors;
    uint8_t *mask;
    size_t input_size, target_size; /* bytes of one */
} data;

static rnn_sequences sequences_init(void)
{
    rnn_sequences s;
    assert_ok(rnn_sequences_init(&s, sizeof s));
    return s;
}

static rnn_batcher_options options_init(int64_t streams)
{
    rnn_batcher_options o;
    assert_ok(rnn_batcher_options_init(&o, sizeof o));
    o.streams = streams;
    return o;
}

static void *random_vectors(random_source *source, int32_t precision, int64_t count)
{
    double *doubles = allocate(count, sizeof *doubles);
    void *vectors = allocate(count, precision_size(precision));
    random_fill(source, doubles, count, 1);
    from_doubles(precision, doubles, vectors, count);
    free(doubles);
    return vectors;
}

/* Ids, or vectors of a precision if `precision` isn't negative; with targets of the same kind, unless they follow */
static data *make_data(int32_t targets, int32_t precision)
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

static void free_data(data *d)
{
    free(d->ids);
    free(d->targets);
    free(d->vectors);
    free(d->target_vectors);
    free(d->mask);
    free(d);
}

static int64_t positions_of(const data *d, int64_t sequence, int32_t targets)
{
    return d->lengths[sequence] - (targets == RNN_TARGETS_NEXT);
}

static rnn_batcher *create_batcher(const data *d, const rnn_batcher_options *o)
{
    rnn_batcher *batcher = NULL;
    assert_ok(rnn_batcher_create(&d->sequences, o, &batcher));
    return batcher;
}

static rnn_chunk empty_chunk(void)
{
    rnn_chunk chunk;
    assert_ok(rnn_chunk_init(&chunk, sizeof chunk));
    return chunk;
}

/* ---- What a chunk must be ---- */

typedef struct places {
    int64_t sequence[LONGEST * 64], element[LONGEST * 64];
} places;

static void read_places(const rnn_batcher *batcher, const rnn_chunk *chunk, places *p)
{
    assert_in_range(chunk->steps * chunk->streams, 1, LONGEST * 64);
    assert_ok(rnn_batcher_get_places(batcher, p->sequence, p->element, chunk->steps * chunk->streams));
}

static void assert_bytes(const void *array, int64_t row, const void *all, int64_t index, size_t size)
{
    assert_memory_equal((const char *)array + (size_t)row * size, (const char *)all + (size_t)index * size, size);
}

/* The target at a row of targets; a `sequence` of -1: there must be none. */
static void check_target(const data *d, const rnn_chunk *chunk, int32_t targets, int64_t row, int64_t sequence,
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

static void check_position(const data *d, const rnn_chunk *chunk, const places *p, const rnn_batcher_options *o,
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

/* The positions of a stream must follow one another: `at` is where each stream is, and is moved on. */
static void check_stream(const data *d, const rnn_chunk *chunk, const places *p, const rnn_batcher_options *o,
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

/* Serves an epoch, which must have each position once; the sequences in the order in which they began */
static void check_epoch(const data *d, rnn_batcher *batcher, const rnn_batcher_options *o, int64_t order[COUNT])
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

/* All that a batcher can be asked for: `variant` counts through it. */
enum { VARIANTS = 6 };

static rnn_batcher_options variant_of(int variant, int32_t targets)
{
    static const int64_t streams[VARIANTS] = {STREAMS, 1, 40, STREAMS, 1, 40}, steps[3] = {5, 7, 1};
    rnn_batcher_options o = options_init(streams[variant]);
    o.target_kind = targets;
    o.layout = variant < 3 ? RNN_BATCH_PADDED : RNN_BATCH_PACKED;
    o.steps = variant < 3 ? 0 : steps[variant - 3];
    return o;
}

static void check_variants(int32_t targets, int32_t precision)
{
    data *d = make_data(targets, precision);
    for (int variant = 0; variant < VARIANTS; variant++)
        for (int32_t shuffle = 0; shuffle < 2; shuffle++)
            for (int64_t bucket = 0; bucket < (variant < 3 ? 3 : 1); bucket += 2) {
                rnn_batcher_options o = variant_of(variant, targets);
                int64_t order[COUNT];
                o.shuffle = shuffle;
                o.seed = shuffle ? 3 : 0;
                o.bucket = bucket;
                rnn_batcher *batcher = create_batcher(d, &o);
                assert_int_equal(rnn_batcher_size(batcher), COUNT);
                assert_int_equal(rnn_batcher_positions(batcher),
                                 d->offsets[COUNT] - (targets == RNN_TARGETS_NEXT ? COUNT : 0));
                for (int epoch = 0; epoch < 3; epoch++)
                    check_epoch(d, batcher, &o, order);
                for (int64_t i = 0; !shuffle && bucket == 0 && i < COUNT; i++)
                    assert_int_equal(order[i], i);
                rnn_batcher_destroy(batcher);
            }
    free_data(d);
}

static void test_every_sequence_is_served_once_an_epoch_and_whole(void **state)
{
    (void)state;
    for (int32_t targets = RNN_TARGETS_EACH; targets <= RNN_TARGETS_NEXT; targets++)
        for (int32_t precision = -1; precision <= RNN_FLOAT64; precision++)
            check_variants(targets, precision);
}

/* ---- Bits ---- */

static rnn_model *model_for(const data *d, int32_t targets, int32_t cell)
{
    bool vectors = d->sequences.input_vectors != NULL;
    rnn_model_options o = make_options(vectors ? WIDTH : SYMBOLS, HIDDEN, SYMBOLS, 2, d->sequences.precision);
    o.cell = cell;
    if (vectors) {
        o.input = RNN_INPUT_VECTORS;
        o.loss = RNN_LOSS_SQUARED_ERROR;
        o.output_size = targets == RNN_TARGETS_NEXT ? WIDTH : 2;
    }
    return create_random_model(&o, 0.7, 3);
}

/* What each element of a sequence costs when the sequence runs alone, from zeros */
static void run_alone(const rnn_model *model, const data *d, int32_t targets, int64_t sequence, double *losses)
{
    int64_t first = d->offsets[sequence], length = positions_of(d, sequence, targets);
    int64_t target = targets == RNN_TARGETS_LAST ? sequence : first + (targets == RNN_TARGETS_NEXT);
    rnn_state *state = create_state(model, 1);
    rnn_chunk chunk = empty_chunk();
    double one;
    chunk.steps = length;
    chunk.streams = 1;
    chunk.last_only = targets == RNN_TARGETS_LAST;
    chunk.losses = chunk.last_only ? &one : losses;
    if (d->sequences.inputs) {
        chunk.inputs = d->ids + first;
        chunk.targets = (targets == RNN_TARGETS_NEXT ? d->ids : d->targets) + target;
    } else {
        chunk.input_vectors = (char *)d->vectors + (size_t)first * d->input_size;
        chunk.target_vectors =
            (char *)(targets == RNN_TARGETS_NEXT ? d->vectors : d->target_vectors) + (size_t)target * d->target_size;
        chunk.target_mask = targets == RNN_TARGETS_NEXT ? NULL : d->mask + target;
    }
    assert_ok(rnn_forward(model, state, &chunk, NULL, 0, NULL));
    if (chunk.last_only) {
        memset(losses, 0, (size_t)length * sizeof *losses);
        losses[length - 1] = one;
    }
    rnn_state_destroy(state);
}

static void check_losses(const rnn_model *model, const data *d, const rnn_batcher_options *o)
{
    static places p;
    double losses[LONGEST * 64], alone[COUNT][LONGEST];
    rnn_batcher *batcher = create_batcher(d, o);
    rnn_state *run = create_random_state(model, o->streams, 0.9, 6); /* never reset: the batcher sees to it */
    rnn_loss loss;
    for (int64_t i = 0; i < COUNT; i++)
        run_alone(model, d, o->target_kind, i, alone[i]);
    for (int32_t epoch = 0, last; epoch < 2; epoch += last) {
        rnn_chunk chunk = empty_chunk();
        chunk.losses = losses;
        assert_ok(rnn_batcher_next(batcher, &chunk, &last));
        assert_ok(rnn_forward(model, run, &chunk, NULL, 0, &loss));
        read_places(batcher, &chunk, &p);
        for (int64_t row = 0; row < chunk.steps * chunk.streams; row++) {
            int64_t place = chunk.last_only ? row % chunk.streams : row;
            if (p.sequence[row] >= 0 &&
                (!chunk.last_only || p.element[row] == positions_of(d, p.sequence[row], o->target_kind) - 1))
                assert_true(losses[place] == alone[p.sequence[row]][p.element[row]]);
            else if (!chunk.last_only)
                assert_true(losses[place] == 0);
        }
    }
    rnn_state_destroy(run);
    rnn_batcher_destroy(batcher);
}

static void test_losses_have_the_bits_of_each_sequence_alone(void **state)
{
    (void)state;
    for (int32_t targets = RNN_TARGETS_EACH; targets <= RNN_TARGETS_NEXT; targets++)
        for (int32_t precision = -1; precision <= RNN_FLOAT64; precision++) {
            data *d = make_data(targets, precision);
            rnn_model *model = model_for(d, targets, RNN_CELL_LSTM);
            for (int variant = 0; variant < VARIANTS; variant++) {
                rnn_batcher_options o = variant_of(variant, targets);
                o.shuffle = 1;
                check_losses(model, d, &o);
            }
            rnn_model_destroy(model);
            free_data(d);
        }
}

static void test_sequences_without_targets_give_outputs(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_LAST, -1);
    rnn_batcher_options o = options_init(STREAMS);
    rnn_model *model = model_for(d, RNN_TARGETS_LAST, RNN_CELL_GRU);
    rnn_state *run = create_state(model, STREAMS), *one = create_state(model, 1);
    float outputs[STREAMS * SYMBOLS], alone[SYMBOLS];
    int64_t which[STREAMS];
    d->sequences.targets = NULL;
    o.target_kind = RNN_TARGETS_LAST;
    rnn_batcher *batcher = create_batcher(d, &o);
    for (int32_t last = 0; !last;) {
        rnn_chunk chunk = empty_chunk(), own = chunk;
        assert_ok(rnn_batcher_next(batcher, &chunk, &last));
        assert_null(chunk.targets);
        assert_ok(rnn_forward(model, run, &chunk, outputs, STREAMS * SYMBOLS, NULL));
        assert_ok(rnn_batcher_get_places(batcher, which, NULL, STREAMS));
        for (int b = 0; b < STREAMS && which[b] >= 0; b++) {
            own.steps = d->lengths[which[b]];
            own.streams = own.last_only = 1;
            own.inputs = d->ids + d->offsets[which[b]];
            assert_ok(rnn_state_reset(one));
            assert_ok(rnn_forward(model, one, &own, alone, SYMBOLS, NULL));
            assert_memory_equal(outputs + b * SYMBOLS, alone, sizeof alone);
        }
        assert_int_equal(which[STREAMS - 1] < 0, last); /* 23 are 5 times 4 and 3 */
    }
    rnn_batcher_destroy(batcher);
    rnn_state_destroy(run);
    rnn_state_destroy(one);
    rnn_model_destroy(model);
    free_data(d);
}

/* ---- Order ---- */

/* The order in which sequences begin in an epoch; `lengths` are those of all of them. */
static void order_of(const rnn_batcher_options *o, const int64_t *lengths, int64_t epoch, int64_t *order, int64_t count)
{
    static const int32_t ids[100] = {0};
    int64_t which[64], elements[64], n = 0;
    rnn_sequences s = sequences_init();
    rnn_batcher *batcher = NULL;
    s.count = count;
    s.lengths = lengths;
    s.inputs = ids;
    assert_ok(rnn_batcher_create(&s, o, &batcher));
    assert_ok(rnn_batcher_seek(batcher, epoch * rnn_batcher_positions(batcher)));
    for (int32_t last = 0; !last;) {
        rnn_chunk chunk = empty_chunk();
        assert_ok(rnn_batcher_next(batcher, &chunk, &last));
        assert_ok(rnn_batcher_get_places(batcher, which, elements, chunk.steps * chunk.streams));
        for (int64_t row = 0; row < chunk.steps * chunk.streams; row++)
            if (elements[row] == 0)
                order[n++] = which[row];
    }
    assert_int_equal(n, count);
    rnn_batcher_destroy(batcher);
}

static const int64_t ones[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* By Fisher and Yates, and Philox's numbers, from a program of its own */
static void test_the_shuffled_order_is_the_same_everywhere(void **state)
{
    (void)state;
    static const int64_t expected[3][10] = {
        {3, 2, 0, 4, 1, 9, 7, 8, 5, 6}, {0, 2, 5, 7, 4, 9, 3, 6, 1, 8}, {4, 3, 6, 7, 8, 5, 9, 0, 1, 2}};
    rnn_batcher_options o = options_init(1);
    int64_t order[10];
    o.shuffle = 1;
    o.seed = 7;
    for (int epoch = 0; epoch < 3; epoch++) {
        order_of(&o, ones, epoch, order, 10);
        assert_memory_equal(order, expected[epoch], sizeof order);
    }
    o.layout = RNN_BATCH_PACKED;
    o.steps = 1;
    order_of(&o, ones, 1, order, 10);
    assert_memory_equal(order, expected[1], sizeof order);
    o.seed = 8;
    order_of(&o, ones, 1, order, 10);
    assert_memory_not_equal(order, expected[1], sizeof order);
}

static void test_the_order_of_buckets_is_the_same_everywhere(void **state)
{
    (void)state;
    static const int64_t lengths[11] = {5, 3, 9, 1, 3, 7, 2, 8, 3, 6, 4};
    static const int64_t expected[2][11] = {{6, 0, 1, 8, 9, 7, 3, 4, 10, 2, 5}, {1, 8, 7, 2, 3, 6, 4, 9, 10, 0, 5}};
    static const int64_t all_sorted[11] = {5, 7, 4, 1, 8, 10, 0, 9, 3, 6, 2};
    rnn_batcher_options o = options_init(2);
    int64_t order[11];
    o.shuffle = 1;
    o.seed = 7;
    o.bucket = 2;
    for (int epoch = 0; epoch < 2; epoch++) {
        order_of(&o, lengths, epoch, order, 11);
        assert_memory_equal(order, expected[epoch], sizeof order);
    }
    o.bucket = INT32_MAX;
    order_of(&o, lengths, 1, order, 11);
    assert_memory_equal(order, all_sorted, sizeof order);
}

/* Each of 4 in each place: 1000 epochs should put it there 250 times. */
static void test_each_order_is_as_likely_as_another(void **state)
{
    (void)state;
    enum { EPOCHS = 1000 };
    int64_t times[4][4] = {{0}}, order[4];
    rnn_batcher_options o = options_init(1);
    o.shuffle = 1;
    for (int64_t epoch = 0; epoch < EPOCHS; epoch++) {
        order_of(&o, ones, epoch, order, 4);
        for (int i = 0; i < 4; i++)
            times[i][order[i]]++;
    }
    for (int i = 0; i < 16; i++)
        assert_in_range(times[i / 4][i % 4], 250 - 60, 250 + 60); /* more than four standard deviations */
}

/* The positions of an epoch that are padding, and the order of its sequences */
static int64_t padding_of(const data *d, const rnn_batcher_options *o, int64_t order[COUNT])
{
    rnn_batcher *batcher = create_batcher(d, o);
    int64_t padding = 0, n = 0;
    for (int32_t last = 0; !last;) {
        rnn_chunk chunk = empty_chunk();
        int64_t which[64];
        assert_ok(rnn_batcher_next(batcher, &chunk, &last));
        assert_ok(rnn_batcher_get_places(batcher, which, NULL, chunk.streams));
        for (int64_t b = 0; b < chunk.streams; b++) {
            padding += chunk.lengths ? chunk.steps - chunk.lengths[b] : 0;
            if (which[b] >= 0)
                order[n++] = which[b];
        }
    }
    assert_int_equal(n, COUNT);
    rnn_batcher_destroy(batcher);
    return padding;
}

static void test_buckets_are_sorted_by_length_and_their_chunks_shuffled(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, -1);
    rnn_batcher_options o = options_init(STREAMS);
    int64_t order[COUNT], again[COUNT];
    int64_t usual = padding_of(d, &o, order);
    o.bucket = 2; /* 8 sequences are sorted at a time: their indices stay together */
    int64_t sorted = padding_of(d, &o, order);
    assert_true(sorted < usual);
    for (int i = 1; i < COUNT; i++) {
        int64_t before = d->lengths[order[i - 1]], after = d->lengths[order[i]];
        assert_int_equal(order[i] / 8, i / 8);
        if (i % 8 != 0)
            assert_true(before < after || (before == after && order[i - 1] < order[i]));
    }
    o.bucket = INT32_MAX;
    assert_true(padding_of(d, &o, order) < sorted);
    for (int i = 1; i < COUNT; i++)
        assert_true(d->lengths[order[i - 1]] <= d->lengths[order[i]]);
    o.shuffle = 1;
    int64_t shuffled = padding_of(d, &o, again), ascending = 0;
    assert_true(shuffled < usual);
    for (int i = STREAMS; i < COUNT; i += STREAMS)
        ascending += d->lengths[again[i - 1]] <= d->lengths[again[i]];
    assert_in_range(ascending, 0, COUNT / STREAMS - 1);
    for (int i = 1; i < COUNT; i++)
        if (i % STREAMS != 0)
            assert_true(d->lengths[again[i - 1]] <= d->lengths[again[i]]);
    free_data(d);
}

static void test_packed_sequences_go_to_the_stream_that_is_free_first(void **state)
{
    (void)state;
    static const int64_t lengths[] = {3, 2, 2, 5, 1};
    static const int32_t ids[13] = {0};
    /* stream 0: three times 0, then 3 from step 3 on; stream 1: 1, 2, 4 */
    static const int64_t first[] = {0, 1, 0, 1, 0, 2, 3, 2}, second[] = {3, 4, 3, -1, 3, -1, 3, -1};
    static const int64_t elements[] = {1, 0, 2, -1, 3, -1, 4, -1};
    rnn_sequences s = sequences_init();
    rnn_batcher_options o = options_init(2);
    rnn_batcher *batcher = NULL;
    rnn_chunk chunk = empty_chunk();
    int64_t which[8], element[8];
    int32_t last;
    s.count = 5;
    s.lengths = lengths;
    s.inputs = ids;
    o.layout = RNN_BATCH_PACKED;
    o.steps = 4;
    assert_ok(rnn_batcher_create(&s, &o, &batcher));
    assert_int_equal(rnn_batcher_chunks(batcher), 2);
    assert_ok(rnn_batcher_next(batcher, &chunk, &last));
    assert_ok(rnn_batcher_get_places(batcher, which, NULL, 8));
    assert_memory_equal(which, first, sizeof which);
    assert_int_equal(chunk.steps, 4);
    assert_null(chunk.lengths);
    assert_int_equal(last, 0);
    assert_ok(rnn_batcher_next(batcher, &chunk, &last));
    assert_ok(rnn_batcher_get_places(batcher, which, element, 8));
    assert_memory_equal(which, second, sizeof which);
    assert_memory_equal(element, elements, sizeof element);
    assert_int_equal(chunk.lengths[0], 4);
    assert_int_equal(chunk.lengths[1], 1);
    assert_int_equal(last, 1);
    rnn_batcher_destroy(batcher);
}

/* ---- Positions ---- */

/* A hash of all that a chunk holds */
static uint64_t hash_chunk(const rnn_batcher *batcher, const rnn_chunk *chunk)
{
    static places p;
    uint64_t hash = (uint64_t)chunk->steps;
    read_places(batcher, chunk, &p);
    for (int64_t row = 0; row < chunk->steps * chunk->streams; row++) {
        int64_t parts[] = {
            chunk->inputs[row], chunk->targets[row], chunk->starts ? chunk->starts[row] : 0,
            p.sequence[row],    p.element[row],      chunk->lengths ? chunk->lengths[row % chunk->streams] : -1};
        for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
            hash = (hash ^ (uint64_t)parts[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static void check_seeking(const data *d, const rnn_batcher_options *o)
{
    enum { MOST = 300 };
    rnn_batcher *first = create_batcher(d, o), *second = create_batcher(d, o);
    int64_t positions[MOST], total = rnn_batcher_positions(first);
    uint64_t hashes[MOST];
    int n = 0;
    for (; rnn_batcher_position(first) < 3 * total; n++) {
        rnn_chunk chunk = empty_chunk();
        assert_in_range(n, 0, MOST - 1);
        positions[n] = rnn_batcher_position(first);
        assert_ok(rnn_batcher_next(first, &chunk, NULL));
        hashes[n] = hash_chunk(first, &chunk);
    }
    for (int i = n - 1; i >= 0; i--) {
        assert_ok(rnn_batcher_seek(second, positions[i]));
        assert_int_equal(rnn_batcher_position(second), positions[i]);
        for (int k = i; k < i + 3 && k < n; k++) {
            rnn_chunk chunk = empty_chunk();
            assert_ok(rnn_batcher_next(second, &chunk, NULL));
            assert_true(hash_chunk(second, &chunk) == hashes[k]);
        }
    }
    assert_ok(rnn_batcher_rewind(second));
    assert_int_equal(rnn_batcher_position(second), 0);
    rnn_batcher_destroy(first);
    rnn_batcher_destroy(second);
}

static void test_a_batcher_goes_on_from_any_position(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, -1);
    for (int variant = 0; variant < VARIANTS; variant++) {
        rnn_batcher_options o = variant_of(variant, RNN_TARGETS_EACH);
        o.shuffle = 1;
        o.seed = 11;
        o.bucket = variant < 3 ? 2 : 0;
        check_seeking(d, &o);
    }
    free_data(d);
}

static void test_a_position_that_no_chunk_begins_at_is_refused_and_nothing_moves(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, -1);
    for (int variant = 0; variant < VARIANTS; variant += 3) {
        rnn_batcher_options o = variant_of(variant, RNN_TARGETS_EACH);
        o.shuffle = 1;
        rnn_batcher *batcher = create_batcher(d, &o), *other = create_batcher(d, &o);
        int64_t total = rnn_batcher_positions(batcher);
        rnn_chunk chunk = empty_chunk(), expected = empty_chunk();
        places before, after;
        for (int n = 0; n < 20; n++) {
            assert_ok(rnn_batcher_next(batcher, &chunk, NULL));
            assert_ok(rnn_batcher_next(other, &expected, NULL));
            read_places(batcher, &chunk, &before);
            assert_fails(rnn_batcher_seek(batcher, 7 * total + 1), RNN_ERROR_ARGUMENT, "no chunk begins there");
            assert_int_equal(rnn_batcher_chunks(batcher), rnn_batcher_chunks(other));
            assert_int_equal(rnn_batcher_position(batcher), rnn_batcher_position(other));
            read_places(batcher, &chunk, &after);
            assert_memory_equal(before.sequence, after.sequence,
                                (size_t)(chunk.steps * chunk.streams) * sizeof(int64_t));
            assert_true(hash_chunk(batcher, &chunk) == hash_chunk(other, &expected));
        }
        rnn_batcher_destroy(batcher);
        rnn_batcher_destroy(other);
    }
    free_data(d);
}

/* ---- Learning ---- */

typedef struct learner {
    rnn_model *model;
    rnn_state *run;
    rnn_optimizer *optimizer;
    rnn_batcher *batcher;
} learner;

static rnn_status learn_chunk(learner *l, int32_t *last, rnn_loss *loss)
{
    rnn_chunk chunk = empty_chunk();
    assert_ok(rnn_batcher_next(l->batcher, &chunk, last));
    assert_ok(rnn_forward_backward(l->model, l->run, &chunk, loss));
    return rnn_optimizer_step(l->optimizer, l->model);
}

static learner create_learner(const data *d, const rnn_batcher_options *o, int64_t outputs)
{
    learner l = {0};
    rnn_model_options m = make_options(SYMBOLS, 16, outputs, 1, RNN_FLOAT32);
    rnn_optimizer_options a;
    m.cell = RNN_CELL_GRU;
    m.initialization = RNN_INIT_UNIFORM;
    m.reduction = RNN_REDUCTION_MEAN;
    l.model = create_model(&m);
    l.run = create_state(l.model, o->streams);
    assert_ok(rnn_optimizer_options_init(&a, sizeof a, RNN_OPTIMIZER_ADAM));
    a.learning_rate = 0.02;
    assert_ok(rnn_optimizer_create(l.model, &a, &l.optimizer));
    l.batcher = create_batcher(d, o);
    return l;
}

static void destroy_learner(learner *l)
{
    rnn_model_destroy(l->model);
    rnn_state_destroy(l->run);
    rnn_optimizer_destroy(l->optimizer);
    rnn_batcher_destroy(l->batcher);
}

/* Which of 0 and 1 occurs first? What comes behind it is noise. */
static data *make_classes(void)
{
    data *d = make_data(RNN_TARGETS_LAST, -1);
    for (int i = 0; i < COUNT; i++) {
        for (int64_t k = 0; k < d->lengths[i]; k++)
            d->ids[d->offsets[i] + k] = 2 + d->ids[d->offsets[i] + k] % (SYMBOLS - 2);
        d->targets[i] = i % 2;
        d->ids[d->offsets[i]] = i % 2;
    }
    return d;
}

static void test_a_batch_of_sequences_learns_their_classes(void **state)
{
    (void)state;
    for (int variant = 0; variant < 6; variant += 3) {
        data *d = make_classes();
        rnn_batcher_options o = variant_of(variant, RNN_TARGETS_LAST);
        o.steps = variant < 3 ? 0 : 30;
        o.shuffle = 1;
        learner l = create_learner(d, &o, 2);
        rnn_loss loss;
        for (int32_t epoch = 0, last; epoch < 40; epoch += last)
            assert_ok(learn_chunk(&l, &last, &loss));
        int64_t right = 0, count = 0;
        for (int32_t last = 0; !last;) {
            rnn_chunk chunk = empty_chunk();
            int64_t hits;
            chunk.hits = &hits;
            assert_ok(rnn_batcher_next(l.batcher, &chunk, &last));
            assert_ok(rnn_forward(l.model, l.run, &chunk, NULL, 0, &loss));
            right += hits;
            count += loss.count;
        }
        assert_int_equal(count, COUNT);
        assert_int_equal(right, COUNT);
        destroy_learner(&l);
        free_data(d);
    }
}

/* A checkpoint keeps the position; the batcher is made anew. */
static void test_training_goes_on_with_the_same_bits_from_a_checkpoint(void **state)
{
    (void)state;
    enum { BEFORE = 13, AFTER = 21 };
    static char bytes[1 << 20];
    data *d = make_data(RNN_TARGETS_NEXT, -1);
    for (int variant = 0; variant < 6; variant += 3) {
        rnn_batcher_options o = variant_of(variant, RNN_TARGETS_NEXT);
        rnn_checkpoint kept, loaded;
        rnn_loss loss, expected;
        size_t size;
        o.shuffle = 1;
        learner l = create_learner(d, &o, SYMBOLS), other = {0};
        for (int n = 0; n < BEFORE; n++)
            assert_ok(learn_chunk(&l, NULL, &loss));
        assert_ok(rnn_checkpoint_init(&kept, sizeof kept));
        kept.model = l.model;
        kept.state = l.run;
        kept.optimizer = l.optimizer;
        kept.corpus_position = rnn_batcher_position(l.batcher);
        assert_ok(rnn_checkpoint_save_to_memory(&kept, bytes, sizeof bytes, &size));
        assert_ok(rnn_checkpoint_init(&loaded, sizeof loaded));
        assert_ok(rnn_checkpoint_load_from_memory(bytes, size, &loaded));
        other = (learner){loaded.model, loaded.state, loaded.optimizer, create_batcher(d, &o)};
        assert_ok(rnn_batcher_seek(other.batcher, loaded.corpus_position));
        for (int n = 0; n < AFTER; n++) {
            assert_ok(learn_chunk(&l, NULL, &expected));
            assert_ok(learn_chunk(&other, NULL, &loss));
            assert_memory_equal(&loss, &expected, sizeof loss);
        }
        snapshot end = take_snapshot(l.model, l.run);
        assert_unchanged(&end, other.model, other.run);
        free(end.bytes);
        destroy_learner(&l);
        destroy_learner(&other);
    }
    free_data(d);
}

/* ---- What belongs to whom ---- */

static void test_the_callers_arrays_may_go_and_its_pointers_stay(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, RNN_FLOAT64), *same = make_data(RNN_TARGETS_EACH, RNN_FLOAT64);
    rnn_batcher_options o = options_init(STREAMS);
    rnn_batcher *batcher = create_batcher(d, &o);
    rnn_chunk chunk = empty_chunk();
    double losses;
    int64_t hits, order[COUNT];
    free_data(d);
    check_epoch(same, batcher, &o, order);
    chunk.losses = &losses;
    chunk.hits = &hits;
    chunk.inputs = same->ids;
    assert_ok(rnn_batcher_next(batcher, &chunk, NULL));
    assert_ptr_equal(chunk.losses, &losses);
    assert_ptr_equal(chunk.hits, &hits);
    assert_null(chunk.inputs);
    rnn_batcher_destroy(batcher);
    free_data(same);
}

/* ---- Refusals ---- */

static void refuse(const rnn_sequences *s, const rnn_batcher_options *o, const char *part)
{
    rnn_batcher *batcher = (rnn_batcher *)(void *)&batcher, *before = batcher;
    assert_fails(rnn_batcher_create(s, o, &batcher), RNN_ERROR_ARGUMENT, part);
    assert_ptr_equal(batcher, before);
}

/* Sets one field of good options, and expects a sentence. */
#define REFUSE_OPTION(field, value, part)                                                                              \
    do {                                                                                                               \
        rnn_batcher_options changed = o;                                                                               \
        changed.field = (value);                                                                                       \
        refuse(&d->sequences, &changed, (part));                                                                       \
    } while (0)

#define REFUSE_SEQUENCES(of, field, value, part)                                                                       \
    do {                                                                                                               \
        rnn_sequences changed = (of)->sequences;                                                                       \
        changed.field = (value);                                                                                       \
        refuse(&changed, &o, (part));                                                                                  \
    } while (0)

static void test_bad_options_are_refused(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, -1);
    rnn_batcher_options o = options_init(STREAMS);
    REFUSE_OPTION(struct_size, 3, "struct_size of batcher_options is 3");
    REFUSE_OPTION(streams, 0, "streams is 0; it must be 1 to 1048576");
    REFUSE_OPTION(streams, INT64_C(1) << 40, "streams is 1099511627776");
    REFUSE_OPTION(steps, 5, "steps is 5; it must be 0 with RNN_BATCH_PADDED");
    REFUSE_OPTION(layout, 2, "layout is 2; it must be one of RNN_BATCH_PADDED (0), RNN_BATCH_PACKED (1)");
    REFUSE_OPTION(target_kind, 3, "target_kind is 3; it must be one of RNN_TARGETS_EACH (0)");
    REFUSE_OPTION(shuffle, 2, "shuffle is 2; it must be 0 to 1");
    REFUSE_OPTION(reserved, 1, "reserved is 1");
    REFUSE_OPTION(bucket, 1, "bucket is 1; it must be 2 to 2147483647");
    REFUSE_OPTION(bucket, -1, "bucket is -1");
    REFUSE_OPTION(seed, 9, "seed is 9; it must be 0 without shuffle");
    o.layout = RNN_BATCH_PACKED;
    REFUSE_OPTION(steps, 0, "steps is 0; it must be 1 to 16777216");
    o.steps = 3;
    REFUSE_OPTION(steps, INT64_C(1) << 40, "steps is 1099511627776");
    REFUSE_OPTION(bucket, 4, "bucket is 4; it must be 0 with RNN_BATCH_PACKED");
    o.target_kind = RNN_TARGETS_LAST;
    REFUSE_SEQUENCES(d, targets, NULL, "sequences->targets is NULL");
    free_data(d);
}

static void test_bad_sequences_are_refused(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, -1), *v = make_data(RNN_TARGETS_EACH, RNN_FLOAT32);
    rnn_batcher_options o = options_init(STREAMS);
    refuse(NULL, &o, "sequences is NULL");
    REFUSE_SEQUENCES(d, struct_size, 0, "struct_size of sequences is 0");
    REFUSE_SEQUENCES(d, count, 0, "sequences->count is 0; it must be 1 to 2147483647");
    REFUSE_SEQUENCES(d, count, INT64_C(1) << 40, "sequences->count is 1099511627776");
    REFUSE_SEQUENCES(d, lengths, NULL, "sequences->lengths is NULL");
    REFUSE_SEQUENCES(d, inputs, NULL, "sequences->inputs is NULL");
    REFUSE_SEQUENCES(d, input_size, 3, "sequences->input_size is 3; it must be 0 without input_vectors");
    REFUSE_SEQUENCES(d, output_size, 3, "sequences->output_size is 3; it must be 0 without target_vectors");
    REFUSE_SEQUENCES(d, target_mask, v->mask,
                     "sequences->target_mask is given; it must be NULL without target_vectors");
    REFUSE_SEQUENCES(d, precision, 1, "sequences->precision is 1; it must be 0 without vectors");
    REFUSE_SEQUENCES(d, reserved, 1, "sequences->reserved is 1");
    REFUSE_SEQUENCES(v, inputs, d->ids, "sequences->inputs is given; it must be NULL beside input_vectors");
    REFUSE_SEQUENCES(v, targets, d->targets, "sequences->targets is given; it must be NULL beside target_vectors");
    REFUSE_SEQUENCES(v, input_size, 0, "sequences->input_size is 0; it must be 1 to 16777216");
    REFUSE_SEQUENCES(v, output_size, INT64_C(1) << 40, "sequences->output_size is 1099511627776");
    REFUSE_SEQUENCES(v, precision, 2, "sequences->precision is 2; it must be one of RNN_FLOAT32 (0)");
    d->lengths[4] = 0;
    refuse(&d->sequences, &o, "sequences->lengths[4] is 0; it must be 1 to 16777216");
    d->lengths[4] = INT64_C(1) << 40;
    refuse(&d->sequences, &o, "sequences->lengths[4] is 1099511627776");
    d->lengths[4] = 1;
    o.target_kind = RNN_TARGETS_NEXT;
    REFUSE_SEQUENCES(v, targets, NULL, "sequences->target_vectors is given; it must be NULL with RNN_TARGETS_NEXT");
    refuse(&d->sequences, &o, "sequences->targets is given; it must be NULL with RNN_TARGETS_NEXT");
    REFUSE_SEQUENCES(d, targets, NULL, "sequences->lengths[4] is 1; it must be 2 to 16777216");
    free_data(d);
    free_data(v);
}

static void test_ids_out_of_range_are_refused(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, -1);
    rnn_batcher *batcher = NULL;
    d->ids[5] = -1;
    assert_fails(rnn_batcher_create(&d->sequences, NULL, &batcher), RNN_ERROR_SYMBOL,
                 "sequences->inputs[5] is -1; it must be 0 to 16777215");
    d->ids[5] = 1;
    d->targets[2] = -2;
    assert_fails(rnn_batcher_create(&d->sequences, NULL, &batcher), RNN_ERROR_SYMBOL, "sequences->targets[2] is -2");
    assert_fails(rnn_batcher_create(&d->sequences, NULL, &batcher), RNN_ERROR_SYMBOL,
                 "; with RNN_TARGETS_LAST one for each sequence");
    d->targets[2] = RNN_IGNORE;
    assert_null(batcher);
    assert_ok(rnn_batcher_create(&d->sequences, NULL, &batcher));
    rnn_batcher_destroy(batcher);
    free_data(d);
}

static void test_bad_calls_are_refused_and_nothing_is_served(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, -1);
    rnn_batcher_options o = options_init(STREAMS);
    rnn_batcher *batcher = create_batcher(d, &o);
    rnn_chunk chunk = empty_chunk();
    places p;
    int64_t order[COUNT];
    assert_fails(rnn_batcher_get_places(batcher, p.sequence, NULL, STREAMS), RNN_ERROR_ARGUMENT, "has served no chunk");
    assert_int_equal(rnn_batcher_position(batcher), 0);
    chunk = empty_chunk();
    assert_ok(rnn_batcher_next(batcher, &chunk, NULL));
    assert_fails(rnn_batcher_get_places(batcher, p.sequence, NULL, STREAMS + 1), RNN_ERROR_ARGUMENT,
                 "count is 5; it must");
    assert_ok(rnn_batcher_rewind(batcher));
    assert_fails(rnn_batcher_get_places(batcher, p.sequence, NULL, STREAMS), RNN_ERROR_ARGUMENT, "has served no chunk");
    check_epoch(d, batcher, &o, order);
    rnn_batcher_destroy(batcher);
    free_data(d);
}

/* ---- No memory ---- */

/* Nothing is left behind: the allocator can be taken back at the end. */
static void test_whichever_allocation_fails_nothing_is_lost(void **state)
{
    (void)state;
    data *d = make_data(RNN_TARGETS_EACH, RNN_FLOAT32);
    rnn_batcher_options o = options_init(STREAMS);
    rnn_batcher *batcher = NULL;
    int64_t failures = 0;
    o.bucket = 2;
    assert_ok(rnn_set_allocator(&failing_allocator));
    for (; batcher == NULL; failures++) {
        allocations_left = failures;
        rnn_status status = rnn_batcher_create(&d->sequences, &o, &batcher);
        assert_int_equal(status, batcher == NULL ? RNN_ERROR_MEMORY : RNN_OK);
    }
    assert_in_range(failures, 15, 25);
    rnn_batcher_destroy(batcher);
    assert_ok(rnn_set_allocator(NULL));
    free_data(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sequence_is_served_once_an_epoch_and_whole),
        cmocka_unit_test(test_losses_have_the_bits_of_each_sequence_alone),
        cmocka_unit_test(test_sequences_without_targets_give_outputs),
        cmocka_unit_test(test_the_shuffled_order_is_the_same_everywhere),
        cmocka_unit_test(test_the_order_of_buckets_is_the_same_everywhere),
        cmocka_unit_test(test_each_order_is_as_likely_as_another),
        cmocka_unit_test(test_buckets_are_sorted_by_length_and_their_chunks_shuffled),
        cmocka_unit_test(test_packed_sequences_go_to_the_stream_that_is_free_first),
        cmocka_unit_test(test_a_batcher_goes_on_from_any_position),
        cmocka_unit_test(test_a_position_that_no_chunk_begins_at_is_refused_and_nothing_moves),
        cmocka_unit_test(test_a_batch_of_sequences_learns_their_classes),
        cmocka_unit_test(test_training_goes_on_with_the_same_bits_from_a_checkpoint),
        cmocka_unit_test(test_the_callers_arrays_may_go_and_its_pointers_stay),
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_bad_sequences_are_refused),
        cmocka_unit_test(test_ids_out_of_range_are_refused),
        cmocka_unit_test(test_bad_calls_are_refused_and_nothing_is_served),
        cmocka_unit_test(test_whichever_allocation_fails_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
