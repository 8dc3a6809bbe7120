/*
 * The order in which a batcher serves its sequences, and its positions.
 */
#include "batches.h"

/* ---- Order ---- */

/* Writes the order in which `count` sequences of these lengths begin in an epoch. */
static void order_of(const rnn_batcher_options *o, const int64_t *lengths, int64_t epoch, int64_t *order, int64_t count)
{
    static const int32_t ids[100] = {0};
    int64_t which[64], elements[64], n = 0;
    const rnn_sequences s = {.struct_size = sizeof s, .count = count, .lengths = lengths, .inputs = ids};
    rnn_batcher *batcher = NULL;
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

/* The expected orders come from a separate program: Fisher and Yates's shuffle, with Philox's numbers. */
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

/* In 1000 epochs, each of 4 sequences should be in each place 250 times. */
static void test_each_order_is_as_likely_as_another(void **state)
{
    (void)state;
    enum { EPOCHS = 1000 };
    int64_t times[4][4] = {{0}}, order[4] = {0};
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

/* Counts the positions of an epoch that are padding, and writes the order of its sequences. */
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
    int64_t order[COUNT] = {0}, again[COUNT];
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
    const rnn_sequences s = {.struct_size = sizeof s, .count = 5, .lengths = lengths, .inputs = ids};
    rnn_batcher_options o = options_init(2);
    rnn_batcher *batcher = NULL;
    rnn_chunk chunk = empty_chunk();
    int64_t which[8], element[8];
    int32_t last;
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

/* A hash of a chunk's contents */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_shuffled_order_is_the_same_everywhere),
        cmocka_unit_test(test_the_order_of_buckets_is_the_same_everywhere),
        cmocka_unit_test(test_each_order_is_as_likely_as_another),
        cmocka_unit_test(test_buckets_are_sorted_by_length_and_their_chunks_shuffled),
        cmocka_unit_test(test_packed_sequences_go_to_the_stream_that_is_free_first),
        cmocka_unit_test(test_a_batcher_goes_on_from_any_position),
        cmocka_unit_test(test_a_position_that_no_chunk_begins_at_is_refused_and_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
