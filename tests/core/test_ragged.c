/*
 * Streams of unequal length: streams that end before the chunk, sequences that start within it, and outputs only at
 * each stream's end. Every sequence must give the bits that it gives alone.
 */
#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 9, STREAMS = 5, LAYERS = 2, HIDDEN = 7, INPUTS = 6, OUTPUTS = 6 };

/* Some streams have some of the steps, one has all, and one has none. */
static const int64_t lengths[STREAMS] = {4, STEPS, 0, 1, 6};

/* ---- Models of every kind ---- */

enum { ONE_WAY = 3 * 2 * 3, KINDS = ONE_WAY * 4, STACK_MOST = 2 * LAYERS };

static rnn_model_options options_of_kind(int kind)
{
    rnn_model_options o = make_options(INPUTS, HIDDEN, OUTPUTS, LAYERS, kind % 2 ? RNN_FLOAT64 : RNN_FLOAT32);
    o.cell = kind / 2 % 3;
    o.input = kind / 6 % 3;
    o.bidirectional = kind / ONE_WAY == 1 || kind / ONE_WAY == 2;
    o.learned_state = kind >= 2 * ONE_WAY;
    o.layer_norm = kind >= 2 * ONE_WAY;
    if (o.input == RNN_INPUT_EMBEDDING)
        o.embedding_size = 3;
    if (o.input == RNN_INPUT_VECTORS)
        o.loss = RNN_LOSS_SQUARED_ERROR;
    return o;
}

static rnn_model *model_of_kind(int kind)
{
    rnn_model_options o = options_of_kind(kind);
    return create_random_model(&o, 0.7, 3);
}

/* The number of layers of a state. With two directions, the even layers read forward. */
static int64_t stack_of(const rnn_model *model)
{
    return LAYERS * (1 + options_of(model).bidirectional);
}

/* One stream of a chunk from step `first` on, as a chunk of its own */
static owned_chunk stream_of(const rnn_model *model, const owned_chunk *from, int64_t stream, int64_t first,
                             int64_t steps)
{
    owned_chunk one = create_random_chunk_for(model, steps, 1, 0, 1);
    for (int64_t t = 0; t < steps; t++) {
        int64_t row = (first + t) * from->chunk.streams + stream;
        if (from->inputs != NULL)
            one.inputs[t] = from->inputs[row];
        else
            memcpy((char *)one.input_vectors + (size_t)t * one.input_row,
                   (char *)from->input_vectors + (size_t)row * one.input_row, one.input_row);
        if (from->targets != NULL)
            one.targets[t] = from->targets[row];
        else
            memcpy((char *)one.target_vectors + (size_t)t * one.target_row,
                   (char *)from->target_vectors + (size_t)row * one.target_row, one.target_row);
        if (from->target_mask != NULL && one.target_mask != NULL)
            one.target_mask[t] = from->target_mask[row];
    }
    return one;
}

/* The results of a chunk: outputs, the losses of positions, hits, activations, and the state after it */
typedef struct results {
    unsigned char *outputs, *activations, *values;
    double *losses;
    int64_t hits;
    rnn_loss loss;
    size_t number; /* bytes */
} results;

static results results_for(const rnn_model *model, const rnn_chunk *chunk)
{
    rnn_model_options o = options_of(model);
    size_t rows = (size_t)(chunk->steps * chunk->streams), number = precision_size(o.precision);
    return (results){.outputs = allocate((int64_t)rows * OUTPUTS, number),
                     .activations = allocate((int64_t)rows * STACK_MOST * HIDDEN, number),
                     .values = allocate(2 * STACK_MOST * chunk->streams * HIDDEN, number),
                     .losses = allocate((int64_t)rows, sizeof(double)),
                     .number = number};
}

static void free_results(results *r)
{
    free(r->outputs);
    free(r->activations);
    free(r->values);
    free(r->losses);
}

#define scoped_results RELEASED_BY(free_results) results

static void read_state(const rnn_model *model, rnn_state *state, const rnn_chunk *chunk, results *r)
{
    int64_t parts = options_of(model).cell == RNN_CELL_LSTM ? 2 : 1, rows = chunk->steps * chunk->streams;
    for (int64_t l = 0; l < stack_of(model); l++)
        assert_ok(rnn_state_get_activations(state, l, r->activations + (size_t)(l * rows * HIDDEN) * r->number,
                                            rows * HIDDEN));
    assert_ok(rnn_state_get_all(state, r->values, parts * stack_of(model) * chunk->streams * HIDDEN));
}

/* Runs a chunk forward, or forward and backward, from a state of zeros. */
static results run_chunk(rnn_model *model, rnn_chunk chunk, bool training)
{
    scoped_state *state = create_state(model, chunk.streams);
    results r = results_for(model, &chunk);
    int64_t places = chunk.last_only ? chunk.streams : chunk.steps * chunk.streams;
    chunk.losses = r.losses;
    chunk.hits = chunk.targets != NULL ? &r.hits : NULL;
    assert_ok(rnn_state_observe(state, RNN_OBSERVE_ACTIVATIONS));
    if (training)
        assert_ok(rnn_forward_backward(model, state, &chunk, &r.loss));
    else
        assert_ok(rnn_forward(model, state, &chunk, r.outputs, places * OUTPUTS, &r.loss));
    read_state(model, state, &chunk, &r);
    return r;
}

static void assert_same(const unsigned char *a, int64_t at_a, const unsigned char *b, int64_t at_b, int64_t count,
                        size_t size)
{
    assert_memory_equal(a + (size_t)at_a * size, b + (size_t)at_b * size, (size_t)count * size);
}

/* Positions (first + t, stream) of `all` must be those of `one`, a chunk of one stream. */
static void assert_positions(const rnn_model *model, const results *all, int64_t steps, int64_t streams, int64_t stream,
                             int64_t first, const results *one, int64_t count, bool outputs)
{
    for (int64_t t = 0; t < count; t++) {
        int64_t row = (first + t) * streams + stream;
        assert_true(all->losses[row] == one->losses[t]);
        if (outputs)
            assert_same(all->outputs, row * OUTPUTS, one->outputs, t * OUTPUTS, OUTPUTS, all->number);
        for (int64_t l = 0; l < stack_of(model); l++)
            assert_same(all->activations, (l * steps * streams + row) * HIDDEN, one->activations,
                        (l * count + t) * HIDDEN, HIDDEN, all->number);
    }
}

/* Compares the layers that read forward, or with `reverse` those that read from the end. */
static void assert_state(const rnn_model *model, const results *all, int64_t streams, int64_t stream,
                         const results *one, bool reverse)
{
    rnn_model_options o = options_of(model);
    int64_t parts = o.cell == RNN_CELL_LSTM ? 2 : 1, step = 1 + o.bidirectional;
    for (int64_t i = reverse; i < parts * stack_of(model) && (!reverse || o.bidirectional); i += step)
        assert_same(all->values, (i * streams + stream) * HIDDEN, one->values, i * HIDDEN, HIDDEN, all->number);
}

static bool all_zeros(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

/* ---- Streams that end ---- */

static void check_ended_streams(int kind, bool training)
{
    scoped_model *model = model_of_kind(kind);
    scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0.2, 8);
    given.chunk.lengths = lengths;
    scoped_results all = run_chunk(model, given.chunk, training);
    int64_t counted = 0, hits = 0;
    for (int64_t b = 0; b < STREAMS; b++) {
        for (int64_t t = lengths[b]; t < STEPS; t++) {
            assert_true(all.losses[t * STREAMS + b] == 0);
            assert_true(
                all_zeros(all.outputs + (size_t)((t * STREAMS + b) * OUTPUTS) * all.number, OUTPUTS * all.number));
        }
        if (lengths[b] == 0) {
            for (int64_t i = 0; i < 2 * STACK_MOST; i++)
                assert_true(
                    all_zeros(all.values + (size_t)((i * STREAMS + b) * HIDDEN) * all.number, HIDDEN * all.number));
            continue;
        }
        scoped_chunk alone = stream_of(model, &given, b, 0, lengths[b]);
        scoped_results one = run_chunk(model, alone.chunk, training);
        assert_positions(model, &all, STEPS, STREAMS, b, 0, &one, lengths[b], !training);
        assert_state(model, &all, STREAMS, b, &one, false);
        assert_state(model, &all, STREAMS, b, &one, true);
        counted += one.loss.count;
        hits += one.hits;
    }
    assert_int_equal(all.loss.count, counted);
    assert_int_equal(all.hits, hits);
}

static void test_a_stream_that_ends_gives_the_bits_that_it_gives_alone(void **state)
{
    for (int kind = 0; kind < KINDS; kind++) {
        check_ended_streams(kind, false);
        check_ended_streams(kind, true);
    }
}

/* ---- Streams that begin anew ---- */

/* Each stream has sequences of 4, 1 and 4 steps, except the first, which continues throughout. */
static void check_started_streams(int kind, bool training)
{
    static const int64_t begin[] = {0, 4, 5, STEPS};
    uint8_t starts[STEPS * STREAMS] = {0};
    scoped_model *model = model_of_kind(kind);
    scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0.2, 8);
    for (int i = 1; i < 3; i++)
        memset(starts + begin[i] * STREAMS + 1, 1, STREAMS - 1);
    given.chunk.starts = starts;
    scoped_results all = run_chunk(model, given.chunk, training);
    for (int64_t b = 0; b < STREAMS; b++)
        for (int i = 0; i < (b == 0 ? 1 : 3); i++) {
            int64_t count = (b == 0 ? STEPS : begin[i + 1]) - begin[i];
            scoped_chunk alone = stream_of(model, &given, b, begin[i], count);
            scoped_results one = run_chunk(model, alone.chunk, training);
            assert_positions(model, &all, STEPS, STREAMS, b, begin[i], &one, count, !training);
            if (begin[i] + count == STEPS)
                assert_state(model, &all, STREAMS, b, &one, false);
            if (begin[i] == 0)
                assert_state(model, &all, STREAMS, b, &one, true);
        }
}

static void test_a_sequence_that_starts_within_a_chunk_gives_the_bits_that_it_gives_alone(void **state)
{
    for (int kind = 0; kind < KINDS; kind++) {
        check_started_streams(kind, false);
        check_started_streams(kind, true);
    }
}

/* ---- Long chunks ---- */

/* Inference computes a few hundred positions at a time. */
static void test_streams_end_and_start_in_chunks_of_many_pieces(void **state)
{
    enum { LONG = 700 };
    static const int64_t ends[2] = {411, LONG};
    static uint8_t starts[2 * LONG];
    scoped_model *model = model_of_kind(1); /* float64, so a difference would show */
    scoped_chunk given = create_random_chunk_for(model, LONG, 2, 0, 8);
    starts[2 * 350 + 1] = 1;
    given.chunk.lengths = ends;
    given.chunk.starts = starts;
    scoped_state *both = create_state(model, 2), *one = create_state(model, 1);
    scoped_memory double *outputs = allocate(2 * LONG * OUTPUTS, sizeof *outputs),
                         *expected = allocate(LONG * OUTPUTS, sizeof(double));
    assert_ok(rnn_forward(model, both, &given.chunk, outputs, 2 * LONG * OUTPUTS, NULL));
    for (int64_t b = 0; b < 2; b++)
        for (int64_t first = 0, count; first < ends[b]; first += count) {
            count = b == 0 ? 411 : 350;
            scoped_chunk alone = stream_of(model, &given, b, first, count);
            assert_ok(rnn_state_reset(one));
            assert_ok(rnn_forward(model, one, &alone.chunk, expected, count * OUTPUTS, NULL));
            for (int64_t t = 0; t < count; t++)
                assert_memory_equal(outputs + ((first + t) * 2 + b) * OUTPUTS, expected + t * OUTPUTS,
                                    OUTPUTS * sizeof *outputs);
        }
    for (int64_t t = 411; t < LONG; t++)
        assert_true(all_zeros((unsigned char *)(outputs + 2 * t * OUTPUTS), OUTPUTS * sizeof *outputs));
}

/* ---- Gradients ---- */

/* The gradients of a padded chunk are the sum of those of its sequences. */
static void test_gradients_are_the_sum_of_those_of_the_sequences(void **state)
{
    for (int kind = 1; kind < KINDS; kind += 2) {
        scoped_model *model = model_of_kind(kind);
        scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0.2, 8);
        rnn_chunk padded = given.chunk;
        padded.lengths = lengths;
        scoped_state *all = create_state(model, STREAMS), *one = create_state(model, 1);
        for (int64_t b = 0; b < STREAMS; b++) {
            if (lengths[b] == 0)
                continue;
            scoped_chunk alone = stream_of(model, &given, b, 0, lengths[b]);
            assert_ok(rnn_state_reset(one));
            assert_ok(rnn_forward_backward(model, one, &alone.chunk, NULL));
        }
        scoped_memory double *expected = get_all_gradients(model);
        assert_ok(rnn_model_zero_gradients(model));
        assert_ok(rnn_forward_backward(model, all, &padded, NULL));
        scoped_memory double *actual = get_all_gradients(model);
        assert_all_close(actual, expected, parameter_total(model), 1e-13);
    }
}

/* ---- Padding ---- */

/* Fills the padding with values that would be errors anywhere else. */
static void spoil_padding(const rnn_model *model, owned_chunk *chunk)
{
    rnn_model_options o = options_of(model);
    double nans[INPUTS];
    for (int i = 0; i < INPUTS; i++)
        nans[i] = NAN;
    for (int64_t row = 0; row < STEPS * STREAMS; row++) {
        if (row / STREAMS < lengths[row % STREAMS])
            continue;
        if (chunk->inputs != NULL)
            chunk->inputs[row] = -77;
        else
            from_doubles(o.precision, nans, (char *)chunk->input_vectors + (size_t)row * chunk->input_row, INPUTS);
        if (chunk->targets != NULL)
            chunk->targets[row] = 999;
        else
            from_doubles(o.precision, nans, (char *)chunk->target_vectors + (size_t)row * chunk->target_row, OUTPUTS);
    }
}

static void test_what_stands_beyond_a_streams_end_is_not_looked_at(void **state)
{
    for (int kind = 0; kind < KINDS; kind++)
        for (int training = 0; training < 2; training++) {
            scoped_model *model = model_of_kind(kind);
            scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0, 8);
            given.chunk.lengths = lengths;
            scoped_results clean = run_chunk(model, given.chunk, training);
            scoped_snapshot before = take_snapshot(model, NULL);
            assert_ok(rnn_model_zero_gradients(model));
            spoil_padding(model, &given);
            scoped_results spoilt = run_chunk(model, given.chunk, training);
            assert_memory_equal(&clean.loss, &spoilt.loss, sizeof clean.loss);
            assert_same(clean.outputs, 0, spoilt.outputs, 0, STEPS * STREAMS * OUTPUTS, clean.number);
            assert_same(clean.values, 0, spoilt.values, 0, 2 * STACK_MOST * STREAMS * HIDDEN, clean.number);
            if (training)
                assert_unchanged(&before, model, NULL);
        }
}

/* ---- Outputs at each stream's end alone ---- */

/* A chunk in which only each stream's last position has a target */
static owned_chunk last_targets_by_hand(const rnn_model *model, const owned_chunk *given)
{
    owned_chunk by_hand = create_random_chunk_for(model, STEPS, STREAMS, 0.5, 8);
    if (by_hand.inputs != NULL)
        memcpy(by_hand.inputs, given->inputs, STEPS * STREAMS * sizeof *given->inputs);
    else
        memcpy(by_hand.input_vectors, given->input_vectors, STEPS * STREAMS * given->input_row);
    for (int64_t row = 0; row < STEPS * STREAMS; row++) {
        int64_t b = row % STREAMS;
        bool last = row / STREAMS == lengths[b] - 1;
        if (by_hand.targets != NULL)
            by_hand.targets[row] = last ? given->targets[b] : RNN_IGNORE;
        else
            memcpy((char *)by_hand.target_vectors + (size_t)row * given->target_row,
                   (char *)given->target_vectors + (size_t)b * given->target_row, given->target_row);
        if (by_hand.target_mask != NULL)
            by_hand.target_mask[row] = last;
    }
    by_hand.chunk.lengths = lengths;
    return by_hand;
}

static void test_last_only_gives_what_targets_at_the_last_positions_give(void **state)
{
    for (int kind = 0; kind < ONE_WAY; kind++)
        for (int training = 0; training < 2; training++) {
            scoped_model *model = model_of_kind(kind);
            scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0, 8);
            scoped_chunk by_hand = last_targets_by_hand(model, &given);
            given.chunk.lengths = lengths;
            given.chunk.last_only = 1;
            scoped_results expected = run_chunk(model, by_hand.chunk, training);
            scoped_snapshot gradients = take_snapshot(model, NULL);
            if (training)
                assert_ok(rnn_model_zero_gradients(model));
            scoped_results actual = run_chunk(model, given.chunk, training);
            assert_int_equal(actual.loss.count, STREAMS - 1);
            assert_true(actual.hits == expected.hits);
            assert_same(actual.values, 0, expected.values, 0, 2 * STACK_MOST * STREAMS * HIDDEN, actual.number);
            for (int64_t b = 0; b < STREAMS; b++) {
                int64_t row = (lengths[b] - 1) * STREAMS + b;
                assert_true(actual.losses[b] == (lengths[b] > 0 ? expected.losses[row] : 0));
                if (!training && lengths[b] > 0)
                    assert_same(actual.outputs, b * OUTPUTS, expected.outputs, row * OUTPUTS, OUTPUTS, actual.number);
                else
                    assert_true(
                        all_zeros(actual.outputs + (size_t)(b * OUTPUTS) * actual.number, OUTPUTS * actual.number));
            }
            if (training)
                assert_unchanged(&gradients, model, NULL);
        }
}

/*
 * Applies the decoder [O][2 H] by hand to the h of each direction after it has read the whole of a stream's last
 * sequence.
 */
static void check_last_in_both_directions(int kind)
{
    uint8_t starts[STEPS * STREAMS] = {0};
    scoped_model *model = model_of_kind(kind);
    scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0, 8);
    starts[2 * STREAMS] = starts[5 * STREAMS + 1] = 1; /* in the streams that end after 4 and 9 steps */
    given.chunk.lengths = lengths;
    given.chunk.starts = starts;
    given.chunk.last_only = 1;
    scoped_results r = run_chunk(model, given.chunk, false);
    scoped_memory double *weight = get_parameter(model, index_of(model, "decoder.weight"));
    scoped_memory double *bias = get_parameter(model, index_of(model, "decoder.bias"));
    const double *h = (const double *)(void *)r.activations, *outputs = (const double *)(void *)r.outputs;
    for (int64_t b = 0; b < STREAMS; b++)
        for (int64_t i = 0; i < OUTPUTS && lengths[b] > 0; i++) {
            int64_t first = b == 0 ? 2 : b == 1 ? 5 : 0, top = 2 * (LAYERS - 1) * STEPS * STREAMS;
            const double *forward = h + (top + (lengths[b] - 1) * STREAMS + b) * HIDDEN;
            const double *reverse = h + (top + STEPS * STREAMS + first * STREAMS + b) * HIDDEN;
            double sum = bias[i];
            for (int64_t j = 0; j < HIDDEN; j++)
                sum += weight[i * 2 * HIDDEN + j] * forward[j] + weight[i * 2 * HIDDEN + HIDDEN + j] * reverse[j];
            assert_true(fabs(outputs[b * OUTPUTS + i] - sum) <= 1e-12);
        }
}

static void test_last_only_decodes_what_each_direction_has_when_it_has_read_all(void **state)
{
    for (int kind = ONE_WAY + 1; kind < 3 * ONE_WAY; kind += 2)
        check_last_in_both_directions(kind);
}

static void test_last_only_without_lengths_takes_the_last_step(void **state)
{
    scoped_model *model = model_of_kind(0);
    scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0, 8);
    scoped_results every = run_chunk(model, given.chunk, false);
    given.chunk.last_only = 1;
    scoped_results last = run_chunk(model, given.chunk, false);
    assert_same(last.outputs, 0, every.outputs, (STEPS - 1) * STREAMS * OUTPUTS, STREAMS * OUTPUTS, last.number);
}

/* ---- Losses and hits ---- */

static void test_losses_add_up_and_hits_are_largest_outputs(void **state)
{
    scoped_model *model = model_of_kind(3);
    scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0.3, 8);
    scoped_results r = run_chunk(model, given.chunk, false);
    const double *outputs = (const double *)(void *)r.outputs;
    int64_t hits = 0;
    double sum = 0;
    for (int64_t row = 0; row < STEPS * STREAMS; row++) {
        int32_t largest = 0;
        for (int32_t o = 1; o < OUTPUTS; o++)
            if (outputs[row * OUTPUTS + o] > outputs[row * OUTPUTS + largest])
                largest = o;
        hits += given.targets[row] == largest;
        sum += r.losses[row];
        assert_true((r.losses[row] == 0) == (given.targets[row] == RNN_IGNORE));
    }
    assert_in_range(hits, 1, r.loss.count - 1);
    assert_int_equal(r.hits, hits);
    assert_true(r.loss.sum == sum);
}

/* If outputs are equal, the first is the largest. So a model of zeros hits only target 0. */
static void test_of_equal_outputs_the_first_is_the_hit(void **state)
{
    rnn_model_options o = make_options(2, 3, 3, 1, RNN_FLOAT32);
    o.weight_scale = 0;
    scoped_model *model = create_model(&o);
    scoped_state *run = create_state(model, 1);
    const int32_t inputs[] = {0, 1, 0}, targets[] = {0, 1, 2};
    int64_t hits = -7;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 3, .streams = 1, .inputs = inputs, .targets = targets};
    chunk.hits = &hits;
    assert_ok(rnn_forward(model, run, &chunk, NULL, 0, NULL));
    assert_int_equal(hits, 1);
}

/* ---- What is refused ---- */

static void assert_refused(rnn_model *model, const rnn_chunk *chunk, const char *part)
{
    scoped_state *state = create_random_state(model, STREAMS, 0.5, 4);
    scoped_snapshot before = take_snapshot(model, state);
    assert_fails(rnn_forward(model, state, chunk, NULL, 0, NULL), RNN_ERROR_ARGUMENT, part);
    assert_fails(rnn_forward_backward(model, state, chunk, NULL), RNN_ERROR_ARGUMENT, part);
    assert_unchanged(&before, model, state);
}

static void test_bad_lengths_and_flags_are_refused_by_name(void **state)
{
    scoped_model *model = model_of_kind(0), *vectors = model_of_kind(12);
    owned_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0, 8);
    int64_t bad[STREAMS] = {1, 2, 3, 4, STEPS + 1}, hits;
    rnn_chunk chunk = given.chunk;
    chunk.lengths = bad;
    assert_refused(model, &chunk, "chunk->lengths[4] is 10; it must be 0 to chunk->steps, 9");
    bad[4] = -1;
    assert_refused(model, &chunk, "chunk->lengths[4] is -1; it must be 0 to chunk->steps, 9");
    chunk.lengths = NULL;
    chunk.last_only = 2;
    assert_refused(model, &chunk, "chunk->last_only is 2; it must be 0 to 1");
    chunk.last_only = 0;
    chunk.reserved = 1;
    assert_refused(model, &chunk, "chunk->reserved is 1");
    destroy_chunk(&given);
    given = create_random_chunk_for(vectors, STEPS, STREAMS, 0, 8);
    given.chunk.hits = &hits;
    assert_refused(vectors, &given.chunk,
                   "chunk->hits is not NULL; it must be NULL, since the model's targets are vectors");
    destroy_chunk(&given);
}

static void test_a_program_compiled_against_version_0_1_runs_on(void **state)
{
    scoped_model *model = model_of_kind(0);
    scoped_chunk given = create_random_chunk_for(model, STEPS, STREAMS, 0, 8);
    scoped_state *a = create_state(model, STREAMS), *b = create_state(model, STREAMS);
    rnn_loss expected, actual;
    rnn_chunk old;
    assert_ok(rnn_forward(model, a, &given.chunk, NULL, 0, &expected));
    memset(&old, 0xa5, sizeof old); /* the memory after a smaller struct */
    memcpy(&old, &given.chunk, FIRST_CHUNK_SIZE);
    old.struct_size = FIRST_CHUNK_SIZE;
    assert_ok(rnn_forward(model, b, &old, NULL, 0, &actual));
    assert_memory_equal(&actual, &expected, sizeof actual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stream_that_ends_gives_the_bits_that_it_gives_alone),
        cmocka_unit_test(test_a_sequence_that_starts_within_a_chunk_gives_the_bits_that_it_gives_alone),
        cmocka_unit_test(test_streams_end_and_start_in_chunks_of_many_pieces),
        cmocka_unit_test(test_gradients_are_the_sum_of_those_of_the_sequences),
        cmocka_unit_test(test_what_stands_beyond_a_streams_end_is_not_looked_at),
        cmocka_unit_test(test_last_only_gives_what_targets_at_the_last_positions_give),
        cmocka_unit_test(test_last_only_decodes_what_each_direction_has_when_it_has_read_all),
        cmocka_unit_test(test_last_only_without_lengths_takes_the_last_step),
        cmocka_unit_test(test_losses_add_up_and_hits_are_largest_outputs),
        cmocka_unit_test(test_of_equal_outputs_the_first_is_the_hit),
        cmocka_unit_test(test_bad_lengths_and_flags_are_refused_by_name),
        cmocka_unit_test(test_a_program_compiled_against_version_0_1_runs_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
