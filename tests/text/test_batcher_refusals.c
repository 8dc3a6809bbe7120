/*
 * Sequences and options that a batcher refuses, and a lack of memory.
 */
#include "batches.h"

/* ---- Refusals ---- */

static void refuse(const rnn_sequences *s, const rnn_batcher_options *o, const char *part)
{
    rnn_batcher *batcher = (rnn_batcher *)(void *)&batcher, *before = batcher;
    assert_fails(rnn_batcher_create(s, o, &batcher), RNN_ERROR_ARGUMENT, part);
    assert_ptr_equal(batcher, before);
}

/* Sets one field of valid options, or of valid sequences, and expects a sentence. */
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
    REFUSE_OPTION(seed, 9, "seed is 9; it must be 0 unless shuffle is 1");
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
    REFUSE_SEQUENCES(d, input_size, 3, "sequences->input_size is 3; it must be 0 unless input_vectors is set");
    REFUSE_SEQUENCES(d, output_size, 3, "sequences->output_size is 3; it must be 0 unless target_vectors is set");
    REFUSE_SEQUENCES(d, target_mask, v->mask,
                     "sequences->target_mask is not NULL; it must be NULL unless target_vectors is set");
    REFUSE_SEQUENCES(d, precision, 1,
                     "sequences->precision is 1; it must be 0 unless input_vectors or target_vectors is set");
    REFUSE_SEQUENCES(d, reserved, 1, "sequences->reserved is 1");
    REFUSE_SEQUENCES(v, inputs, d->ids, "sequences->inputs is not NULL; it must be NULL if input_vectors is set");
    REFUSE_SEQUENCES(v, targets, d->targets,
                     "sequences->targets is not NULL; it must be NULL if target_vectors is set");
    REFUSE_SEQUENCES(v, input_size, 0, "sequences->input_size is 0; it must be 1 to 16777216");
    REFUSE_SEQUENCES(v, output_size, INT64_C(1) << 40, "sequences->output_size is 1099511627776");
    REFUSE_SEQUENCES(v, precision, 2, "sequences->precision is 2; it must be one of RNN_FLOAT32 (0)");
    d->lengths[4] = 0;
    refuse(&d->sequences, &o, "sequences->lengths[4] is 0; it must be 1 to 16777216");
    d->lengths[4] = INT64_C(1) << 40;
    refuse(&d->sequences, &o, "sequences->lengths[4] is 1099511627776");
    d->lengths[4] = 1;
    o.target_kind = RNN_TARGETS_NEXT;
    REFUSE_SEQUENCES(v, targets, NULL, "sequences->target_vectors is not NULL; it must be NULL with RNN_TARGETS_NEXT");
    refuse(&d->sequences, &o, "sequences->targets is not NULL; it must be NULL with RNN_TARGETS_NEXT");
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
                 "; RNN_TARGETS_LAST takes one for each sequence");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options_are_refused),
        cmocka_unit_test(test_bad_sequences_are_refused),
        cmocka_unit_test(test_ids_out_of_range_are_refused),
        cmocka_unit_test(test_bad_calls_are_refused_and_nothing_is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
