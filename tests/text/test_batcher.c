/*
 * Sequences in batches: a batcher serves each once an epoch and whole, and its losses have the bits that the sequence
 * gives alone. The order and the positions are in test_batcher_order.c.
 */
#include "batches.h"

/* ---- What a chunk must be ---- */

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

/* The loss of each element of a sequence that runs alone, from a state of zeros */
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
    rnn_state *run = create_random_state(model, o->streams, 0.9, 6); /* not reset: the chunks mark their starts */
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
        assert_int_equal(which[STREAMS - 1] < 0, last); /* 23 = 5 * 4 + 3 */
    }
    rnn_batcher_destroy(batcher);
    rnn_state_destroy(run);
    rnn_state_destroy(one);
    rnn_model_destroy(model);
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

/* The class of a sequence is its first id, 0 or 1. The others are noise. */
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

/* A checkpoint keeps the position, and the program creates the batcher again. */
static void test_training_goes_on_with_the_same_bits_from_a_checkpoint(void **state)
{
    (void)state;
    enum { BEFORE = 13, AFTER = 21 };
    static char bytes[1 << 20];
    data *d = make_data(RNN_TARGETS_NEXT, -1);
    for (int variant = 0; variant < 6; variant += 3) {
        rnn_batcher_options o = variant_of(variant, RNN_TARGETS_NEXT);
        rnn_checkpoint loaded = {.struct_size = sizeof loaded};
        rnn_loss loss, expected;
        size_t size;
        o.shuffle = 1;
        learner l = create_learner(d, &o, SYMBOLS), other = {0};
        for (int n = 0; n < BEFORE; n++)
            assert_ok(learn_chunk(&l, NULL, &loss));
        const rnn_checkpoint kept = {.struct_size = sizeof kept,
                                     .model = l.model,
                                     .state = l.run,
                                     .optimizer = l.optimizer,
                                     .corpus_position = rnn_batcher_position(l.batcher)};
        assert_ok(rnn_checkpoint_save_to_memory(&kept, bytes, sizeof bytes, &size));
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

/* ---- Memory of the caller ---- */

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_sequence_is_served_once_an_epoch_and_whole),
        cmocka_unit_test(test_losses_have_the_bits_of_each_sequence_alone),
        cmocka_unit_test(test_sequences_without_targets_give_outputs),
        cmocka_unit_test(test_a_batch_of_sequences_learns_their_classes),
        cmocka_unit_test(test_training_goes_on_with_the_same_bits_from_a_checkpoint),
        cmocka_unit_test(test_the_callers_arrays_may_go_and_its_pointers_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
