/*
 * Chunks of vectors: which inputs and targets a model takes, which of them count, and what it refuses. test_compute.c
 * tests what is the same for ids.
 */
#include "models.h"

enum { INPUTS = 3, OUTPUTS = 4, STEPS = 5, STREAMS = 3, POSITIONS = STEPS * STREAMS };

/* A model that has gradients, its state and a chunk */
typedef struct fixture {
    int32_t precision;
    rnn_model *model;
    rnn_state *state;
    owned_chunk chunk;
} fixture;

static fixture create_fixture(int32_t input, int32_t loss, int32_t precision, double ignored_share)
{
    fixture made = {.precision = precision};
    rnn_model_options options = make_options(INPUTS, 7, OUTPUTS, 2, precision);
    options.cell = RNN_CELL_GRU;
    options.input = input;
    options.embedding_size = input == RNN_INPUT_EMBEDDING ? 2 : 0;
    options.loss = loss;
    made.model = create_random_model(&options, 0.7, 1);
    made.state = create_random_state(made.model, STREAMS, 0.8, 2);
    made.chunk = create_random_chunk_for(made.model, STEPS, STREAMS, ignored_share, 3);
    assert_ok(rnn_forward_backward(made.model, made.state, &made.chunk.chunk, NULL));
    return made;
}

/* Vectors as inputs and targets. All targets count. */
static fixture create_vector_fixture(int32_t precision)
{
    return create_fixture(RNN_INPUT_VECTORS, RNN_LOSS_SQUARED_ERROR, precision, 0);
}

static void destroy_fixture(fixture *f)
{
    destroy_chunk(&f->chunk);
    rnn_state_destroy(f->state);
    rnn_model_destroy(f->model);
}

#define scoped_fixture RELEASED_BY(destroy_fixture) fixture

/* Both passes over the chunk must fail like this, and leave model, state and loss as they were. */
static void assert_refuses(fixture *f, const rnn_chunk *chunk, rnn_status status, const char *part)
{
    rnn_loss loss = {-7, -7};
    scoped_snapshot before = take_snapshot(f->model, f->state);
    assert_fails(rnn_forward(f->model, f->state, chunk, NULL, 0, &loss), status, part);
    assert_fails(rnn_forward_backward(f->model, f->state, chunk, &loss), status, part);
    assert_unchanged(&before, f->model, f->state);
    assert_true(loss.sum == -7 && loss.count == -7);
}

/* Element `index` of an array of numbers of the fixture's precision. */
static double get_number(const fixture *f, const void *values, int64_t index)
{
    double value = 0;
    to_doubles(f->precision, (const char *)values + (size_t)index * precision_size(f->precision), &value, 1);
    return value;
}

static void set_number(const fixture *f, void *values, int64_t index, double value)
{
    from_doubles(f->precision, &value, (char *)values + (size_t)index * precision_size(f->precision), 1);
}

/* ---- Numbers that are not finite ---- */

/* A number that is not finite is refused wherever it stands. The sentence says where. */
static void assert_refuses_bad_numbers(fixture *f, void *values, int64_t count, const char *name)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int64_t i = 0; i < count; i++) {
        char part[64];
        double good = get_number(f, values, i);
        snprintf(part, sizeof part, "%s[%lld] is ", name, (long long)i);
        set_number(f, values, i, bad[i % 3]);
        assert_refuses(f, &f->chunk.chunk, RNN_ERROR_ARGUMENT, part);
        set_number(f, values, i, good);
    }
}

static void test_vectors_that_are_not_finite_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        scoped_fixture f = create_vector_fixture(precision);
        assert_refuses_bad_numbers(&f, f.chunk.input_vectors, POSITIONS * INPUTS, "input_vectors");
        assert_refuses_bad_numbers(&f, f.chunk.target_vectors, POSITIONS * OUTPUTS, "target_vectors");
        f.chunk.chunk.target_mask = NULL;
        assert_refuses_bad_numbers(&f, f.chunk.target_vectors, POSITIONS * OUTPUTS, "target_vectors");
    }
}

/* A quarter of the largest number works, though its square would overflow. */
static void test_the_largest_finite_inputs_are_accepted(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        scoped_fixture f = create_vector_fixture(precision);
        double most = precision == RNN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
        set_number(&f, f.chunk.input_vectors, 0, most / 4);
        set_number(&f, f.chunk.input_vectors, 1, -most / 4);
        rnn_loss loss = {0};
        assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, &loss));
        assert_true(isfinite(loss.sum));
    }
}

static void test_a_loss_that_overflows_is_an_error_that_changes_nothing(void **state)
{
    (void)state;
    scoped_fixture f = create_vector_fixture(RNN_FLOAT64);
    set_number(&f, f.chunk.target_vectors, 7, 1e300);
    assert_refuses(&f, &f.chunk.chunk, RNN_ERROR_NONFINITE, "loss");
}

/* ---- Which targets count ---- */

static void test_without_a_mask_all_target_vectors_count(void **state)
{
    (void)state;
    scoped_fixture masked = create_vector_fixture(RNN_FLOAT64), plain = create_vector_fixture(RNN_FLOAT64);
    rnn_loss losses[2];
    plain.chunk.chunk.target_mask = NULL;
    assert_ok(rnn_forward_backward(masked.model, masked.state, &masked.chunk.chunk, &losses[0]));
    assert_ok(rnn_forward_backward(plain.model, plain.state, &plain.chunk.chunk, &losses[1]));
    assert_int_equal(losses[0].count, POSITIONS);
    assert_int_equal(losses[1].count, POSITIONS);
    assert_true(losses[0].sum == losses[1].sum);
    scoped_snapshot bits = take_snapshot(masked.model, masked.state);
    assert_unchanged(&bits, plain.model, plain.state);
}

static void test_any_mask_but_0_counts(void **state)
{
    (void)state;
    scoped_fixture f = create_fixture(RNN_INPUT_IDS, RNN_LOSS_SQUARED_ERROR, RNN_FLOAT64, 0.5);
    rnn_loss losses[2];
    int64_t counted = 0;
    scoped_state *again = create_state(f.model, STREAMS);
    assert_ok(rnn_state_copy(again, f.state));
    assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, &losses[0]));
    for (int i = 0; i < POSITIONS; i++) {
        counted += f.chunk.target_mask[i];
        f.chunk.target_mask[i] = f.chunk.target_mask[i] ? (uint8_t)(255 - i) : 0;
    }
    assert_ok(rnn_forward(f.model, again, &f.chunk.chunk, NULL, 0, &losses[1]));
    assert_true(counted > 0 && counted < POSITIONS);
    assert_int_equal(losses[0].count, counted);
    assert_int_equal(losses[1].count, counted);
    assert_true(losses[0].sum == losses[1].sum);
}

static void test_a_chunk_of_masked_targets_costs_nothing_and_advances_the_state(void **state)
{
    (void)state;
    for (int32_t reduction = RNN_REDUCTION_SUM; reduction <= RNN_REDUCTION_MEAN; reduction++) {
        rnn_model_options options = make_options(INPUTS, 7, OUTPUTS, 2, RNN_FLOAT64);
        options.loss = RNN_LOSS_SQUARED_ERROR;
        options.reduction = reduction;
        scoped_model *model = create_random_model(&options, 0.7, 1);
        scoped_state *masked = create_random_state(model, STREAMS, 0.8, 2), *forward = create_state(model, STREAMS);
        scoped_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 1, 3);
        rnn_loss loss = {-7, -7};
        assert_ok(rnn_state_copy(forward, masked));
        assert_ok(rnn_forward_backward(model, masked, &chunk.chunk, &loss));
        assert_true(loss.sum == 0);
        assert_int_equal(loss.count, 0);
        assert_all_gradients_are_zero(model);
        assert_ok(rnn_forward(model, forward, &chunk.chunk, NULL, 0, NULL));
        scoped_memory double *values = get_state(model, masked), *expected = get_state(model, forward);
        assert_all_close(values, expected, state_total(model, masked), 1e-14);
    }
}

static void test_forward_needs_no_target_vectors_without_a_loss(void **state)
{
    (void)state;
    scoped_fixture f = create_vector_fixture(RNN_FLOAT32);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.target_vectors = NULL;
    chunk.target_mask = NULL;
    assert_ok(rnn_forward(f.model, f.state, &chunk, NULL, 0, NULL));
}

/* ---- The other kind of inputs or targets ---- */

static void test_a_model_of_vectors_refuses_ids_as_inputs(void **state)
{
    (void)state;
    static const int32_t ids[POSITIONS] = {0};
    scoped_fixture f = create_vector_fixture(RNN_FLOAT32);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.inputs = ids;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->inputs is not NULL");
    chunk.input_vectors = NULL;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->inputs is not NULL");
}

static void test_a_model_of_ids_refuses_vectors_as_inputs(void **state)
{
    (void)state;
    static const int32_t kinds[] = {RNN_INPUT_IDS, RNN_INPUT_EMBEDDING};
    static const float vectors[POSITIONS * INPUTS] = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        scoped_fixture f = create_fixture(kinds[i], RNN_LOSS_CROSS_ENTROPY, RNN_FLOAT32, 0);
        rnn_chunk chunk = f.chunk.chunk;
        chunk.input_vectors = vectors;
        assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->input_vectors is not NULL");
        chunk.inputs = NULL;
        assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->input_vectors is not NULL");
    }
}

static void test_squared_error_refuses_ids_as_targets(void **state)
{
    (void)state;
    static const int32_t ids[POSITIONS] = {0};
    scoped_fixture f = create_vector_fixture(RNN_FLOAT32);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.targets = ids;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->targets is not NULL");
    chunk.target_vectors = NULL;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->targets is not NULL");
}

static void test_cross_entropy_refuses_vectors_as_targets_and_a_mask(void **state)
{
    (void)state;
    static const float vectors[POSITIONS * OUTPUTS] = {0};
    static const uint8_t mask[POSITIONS] = {1};
    scoped_fixture f = create_fixture(RNN_INPUT_VECTORS, RNN_LOSS_CROSS_ENTROPY, RNN_FLOAT32, 0);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.target_vectors = vectors;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->target_vectors is not NULL");
    chunk = f.chunk.chunk;
    chunk.target_mask = mask;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->target_mask is not NULL");
}

static void test_missing_vectors_are_refused(void **state)
{
    (void)state;
    scoped_fixture f = create_vector_fixture(RNN_FLOAT32);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.input_vectors = NULL;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->input_vectors is NULL");
    chunk = f.chunk.chunk;
    chunk.target_vectors = NULL;
    assert_refuses(&f, &chunk, RNN_ERROR_ARGUMENT, "chunk->target_vectors is NULL");
}

/* ---- Embeddings ---- */

static void test_an_embedding_refuses_ids_out_of_range(void **state)
{
    (void)state;
    static const int32_t bad[] = {INPUTS, -1, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        scoped_fixture f = create_fixture(RNN_INPUT_EMBEDDING, RNN_LOSS_CROSS_ENTROPY, RNN_FLOAT32, 0);
        char part[64];
        snprintf(part, sizeof part, "inputs[%d] is %d", POSITIONS - 1, bad[i]);
        f.chunk.inputs[POSITIONS - 1] = bad[i];
        assert_refuses(&f, &f.chunk.chunk, RNN_ERROR_SYMBOL, part);
    }
}

/* ---- Ids and one-hot vectors ---- */

static void test_ids_compute_what_one_hot_vectors_do(void **state)
{
    (void)state;
    scoped_fixture ids = create_fixture(RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, RNN_FLOAT64, 0.2);
    scoped_fixture vectors = create_fixture(RNN_INPUT_VECTORS, RNN_LOSS_CROSS_ENTROPY, RNN_FLOAT64, 0.2);
    rnn_loss losses[2];
    for (int i = 0; i < POSITIONS * INPUTS; i++)
        ((double *)vectors.chunk.input_vectors)[i] = ids.chunk.inputs[i / INPUTS] == i % INPUTS;
    memcpy(vectors.chunk.targets, ids.chunk.targets, POSITIONS * sizeof(int32_t));
    assert_ok(rnn_model_zero_gradients(ids.model));
    assert_ok(rnn_model_zero_gradients(vectors.model));
    assert_ok(rnn_state_reset(ids.state));
    assert_ok(rnn_state_reset(vectors.state));
    assert_ok(rnn_forward_backward(ids.model, ids.state, &ids.chunk.chunk, &losses[0]));
    assert_ok(rnn_forward_backward(vectors.model, vectors.state, &vectors.chunk.chunk, &losses[1]));
    assert_relative(losses[0].sum, losses[1].sum, 1e-13);
    scoped_memory double *gradients = get_all_gradients(ids.model), *expected = get_all_gradients(vectors.model);
    assert_all_close(gradients, expected, parameter_total(ids.model), 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_that_are_not_finite_are_refused_wherever_they_stand),
        cmocka_unit_test(test_the_largest_finite_inputs_are_accepted),
        cmocka_unit_test(test_a_loss_that_overflows_is_an_error_that_changes_nothing),
        cmocka_unit_test(test_without_a_mask_all_target_vectors_count),
        cmocka_unit_test(test_any_mask_but_0_counts),
        cmocka_unit_test(test_a_chunk_of_masked_targets_costs_nothing_and_advances_the_state),
        cmocka_unit_test(test_forward_needs_no_target_vectors_without_a_loss),
        cmocka_unit_test(test_a_model_of_vectors_refuses_ids_as_inputs),
        cmocka_unit_test(test_a_model_of_ids_refuses_vectors_as_inputs),
        cmocka_unit_test(test_squared_error_refuses_ids_as_targets),
        cmocka_unit_test(test_cross_entropy_refuses_vectors_as_targets_and_a_mask),
        cmocka_unit_test(test_missing_vectors_are_refused),
        cmocka_unit_test(test_an_embedding_refuses_ids_out_of_range),
        cmocka_unit_test(test_ids_compute_what_one_hot_vectors_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
