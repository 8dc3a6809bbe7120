/* The state: what it holds, copying and resetting it, and which models and chunks it fits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* What an out-parameter holds before a call that fails, and must hold afterwards. */
static char untouched_object;
#define UNTOUCHED ((rnn_state *)&untouched_object)

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

static rnn_model *create(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                         int32_t precision)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    return create_random_model(&options, 0.5, 1);
}

/* The hidden state of one stream over all layers must be the same bits in both. */
static void assert_same_stream(const rnn_model *model, const rnn_state *a, int64_t a_stream, const rnn_state *b,
                               int64_t b_stream)
{
    rnn_model_options options = options_of(model);
    int64_t hidden = options.hidden_size;
    double *a_values = get_state(model, a);
    double *b_values = get_state(model, b);
    for (int64_t layer = 0; layer < options.layers; layer++) {
        assert_memory_equal(a_values + (layer * rnn_state_streams(a) + a_stream) * hidden,
                            b_values + (layer * rnn_state_streams(b) + b_stream) * hidden,
                            (size_t)hidden * sizeof(double));
    }
    free(a_values);
    free(b_values);
}

static void assert_all_zero(const rnn_model *model, const rnn_state *state)
{
    double *values = get_state(model, state);
    for (int64_t i = 0; i < state_total(model, state); i++) {
        assert_true(values[i] == 0);
    }
    free(values);
}

/* ---- Creating ---- */

static void test_a_new_state_is_zeros(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, 5, 3, 2, precisions[p]);
        rnn_state *state = create_state(model, 3);
        assert_int_equal(rnn_state_streams(state), 3);
        assert_all_zero(model, state);
        rnn_state_destroy(state);
        rnn_model_destroy(model);
    }
}

static void test_a_state_outlives_its_model(void **unused)
{
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT64);
    rnn_model *another = create(4, 5, 3, 2, RNN_FLOAT64);
    rnn_state *state = create_random_state(model, 3, 1, 1);
    rnn_state *copy = create_state(another, 3);
    (void)unused;
    rnn_model_destroy(model);
    assert_ok(rnn_state_copy(copy, state));
    assert_ok(rnn_state_reset_stream(state, 1));
    owned_chunk chunk = create_random_chunk(6, 3, 4, 3, 0, 1);
    assert_ok(rnn_forward(another, state, &chunk.chunk, NULL, 0, NULL));
    destroy_chunk(&chunk);
    rnn_state_destroy(copy);
    rnn_state_destroy(state);
    rnn_model_destroy(another);
}

static void test_create_refuses_bad_arguments(void **unused)
{
    static const int64_t bad[] = {0, -1, 1048577, INT64_C(1) << 32, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    rnn_state *state = UNTOUCHED;
    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "streams is %lld; it must be 1 to 1048576", (long long)bad[i]);
        assert_fails(rnn_state_create(model, bad[i], &state), RNN_ERROR_ARGUMENT, sentence);
    }
    assert_fails(rnn_state_create(NULL, 1, &state), RNN_ERROR_ARGUMENT, "model is NULL");
    assert_fails(rnn_state_create(model, 1, NULL), RNN_ERROR_ARGUMENT, "state is NULL");
    assert_ptr_equal(state, UNTOUCHED);
    rnn_model_destroy(model);
}

static void test_calls_on_no_state_are_errors_or_0(void **unused)
{
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    rnn_state *state = create_random_state(model, 1, 1, 1);
    snapshot before = take_snapshot(model, state);
    double values[5] = {7, 7, 7, 7, 7};
    (void)unused;
    rnn_state_destroy(NULL);
    assert_int_equal(rnn_state_streams(NULL), 0);
    assert_fails(rnn_state_reset(NULL), RNN_ERROR_ARGUMENT, "state is NULL");
    assert_fails(rnn_state_reset_stream(NULL, 0), RNN_ERROR_ARGUMENT, "state is NULL");
    assert_fails(rnn_state_copy(NULL, state), RNN_ERROR_ARGUMENT, "destination is NULL");
    assert_fails(rnn_state_copy(state, NULL), RNN_ERROR_ARGUMENT, "source is NULL");
    assert_fails(rnn_state_copy_stream(NULL, 0, state, 0), RNN_ERROR_ARGUMENT, "destination is NULL");
    assert_fails(rnn_state_copy_stream(state, 0, NULL, 0), RNN_ERROR_ARGUMENT, "source is NULL");
    assert_fails(rnn_state_get(NULL, 0, RNN_STATE_HIDDEN, values, 5), RNN_ERROR_ARGUMENT, "state is NULL");
    assert_fails(rnn_state_set(NULL, 0, RNN_STATE_HIDDEN, values, 5), RNN_ERROR_ARGUMENT, "state is NULL");
    assert_true(values[0] == 7);
    assert_unchanged(&before, model, state);
    free(before.bytes);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
}

/* ---- Get and set ---- */

static void test_what_is_set_is_what_is_got_layer_by_layer(void **unused)
{
    enum { LAYERS = 3, STREAMS = 4, HIDDEN = 5, COUNT = STREAMS * HIDDEN };
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, HIDDEN, 3, LAYERS, precisions[p]);
        rnn_state *state = create_state(model, STREAMS);
        double expected[LAYERS][COUNT] = {{0}};
        for (int64_t layer = 0; layer < LAYERS; layer++) {
            double values[COUNT];
            for (int i = 0; i < COUNT; i++) {
                expected[layer][i] = (double)(100 * layer + i) - 50; /* not only what tanh gives */
            }
            from_doubles(precisions[p], expected[layer], values, COUNT);
            assert_ok(rnn_state_set(state, layer, RNN_STATE_HIDDEN, values, COUNT));
            double *got = get_state(model, state);
            assert_memory_equal(got, expected, sizeof expected);
            free(got);
        }
        rnn_state_destroy(state);
        rnn_model_destroy(model);
    }
}

static void test_set_values_are_ordered_by_stream_and_then_hidden_unit(void **unused)
{
    rnn_model *model = create(4, 2, 3, 1, RNN_FLOAT64);
    rnn_state *state = create_state(model, 3);
    const double values[] = {1, 2, 3, 4, 5, 6};
    const double expected[] = {1, 2, 0, 0, 5, 6};
    double got[6];
    (void)unused;
    assert_ok(rnn_state_set(state, 0, RNN_STATE_HIDDEN, values, 6));
    assert_ok(rnn_state_reset_stream(state, 1));
    assert_ok(rnn_state_get(state, 0, RNN_STATE_HIDDEN, got, 6));
    assert_memory_equal(got, expected, sizeof expected);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
}

static void test_get_and_set_refuse_bad_arguments_and_change_nothing(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, 5, 3, 2, precisions[p]);
        rnn_state *state = create_random_state(model, 3, 1, 1);
        snapshot before = take_snapshot(model, state);
        double values[32];
        double untouched[32];
        memset(values, 0x33, sizeof values);
        memcpy(untouched, values, sizeof values);

        static const int64_t counts[] = {14, 16, 5, 30, 0, -1, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
        for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
            char part[64];
            snprintf(part, sizeof part, "count is %lld", (long long)counts[i]);
            assert_fails(rnn_state_get(state, 0, RNN_STATE_HIDDEN, values, counts[i]), RNN_ERROR_ARGUMENT, part);
            assert_fails(rnn_state_set(state, 0, RNN_STATE_HIDDEN, values, counts[i]), RNN_ERROR_ARGUMENT, part);
        }
        static const int64_t layers[] = {-1, 2, INT64_C(1) << 32, INT64_MAX, INT64_MIN};
        for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
            char part[64];
            snprintf(part, sizeof part, "layer is %lld", (long long)layers[i]);
            assert_fails(rnn_state_get(state, layers[i], RNN_STATE_HIDDEN, values, 15), RNN_ERROR_ARGUMENT, part);
            assert_fails(rnn_state_set(state, layers[i], RNN_STATE_HIDDEN, values, 15), RNN_ERROR_ARGUMENT, part);
        }
        static const int32_t whats[] = {-1, RNN_STATE_HIDDEN + 1, INT32_MAX, INT32_MIN};
        for (size_t i = 0; i < sizeof whats / sizeof whats[0]; i++) {
            char part[64];
            snprintf(part, sizeof part, "what is %d", whats[i]);
            assert_fails(rnn_state_get(state, 0, whats[i], values, 15), RNN_ERROR_ARGUMENT, part);
            assert_fails(rnn_state_set(state, 0, whats[i], values, 15), RNN_ERROR_ARGUMENT, part);
        }
        assert_fails(rnn_state_get(state, 0, RNN_STATE_HIDDEN, NULL, 15), RNN_ERROR_ARGUMENT, "values is NULL");
        assert_fails(rnn_state_set(state, 0, RNN_STATE_HIDDEN, NULL, 15), RNN_ERROR_ARGUMENT, "values is NULL");
        assert_memory_equal(values, untouched, sizeof values);
        assert_unchanged(&before, model, state);
        free(before.bytes);
        rnn_state_destroy(state);
        rnn_model_destroy(model);
    }
}

static void test_set_refuses_values_that_are_not_finite_wherever_they_stand(void **unused)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, 5, 3, 1, precisions[p]);
        rnn_state *state = create_random_state(model, 3, 1, 1);
        snapshot before = take_snapshot(model, state);
        for (int i = 0; i < 15; i++) {
            double numbers[15] = {0};
            double values[15];
            numbers[i] = bad[i % 3];
            from_doubles(precisions[p], numbers, values, 15);
            assert_fails(rnn_state_set(state, 0, RNN_STATE_HIDDEN, values, 15), RNN_ERROR_ARGUMENT, "values");
        }
        assert_unchanged(&before, model, state);
        free(before.bytes);
        rnn_state_destroy(state);
        rnn_model_destroy(model);
    }
}

/* ---- Reset ---- */

static void test_reset_sets_all_streams_to_zeros(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, 5, 3, 2, precisions[p]);
        rnn_state *state = create_random_state(model, 3, 1, 1);
        assert_ok(rnn_state_reset(state));
        assert_all_zero(model, state);
        rnn_state_destroy(state);
        rnn_model_destroy(model);
    }
}

static void test_reset_stream_sets_that_stream_to_zeros_and_no_other(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, 5, 3, 2, precisions[p]);
        rnn_state *zeros = create_state(model, 1);
        rnn_state *original = create_random_state(model, 4, 1, 1);
        for (int64_t stream = 0; stream < 4; stream++) {
            rnn_state *state = create_random_state(model, 4, 1, 1);
            assert_ok(rnn_state_reset_stream(state, stream));
            for (int64_t b = 0; b < 4; b++) {
                assert_same_stream(model, state, b, b == stream ? zeros : original, b == stream ? 0 : b);
            }
            rnn_state_destroy(state);
        }
        rnn_state_destroy(original);
        rnn_state_destroy(zeros);
        rnn_model_destroy(model);
    }
}

static void test_reset_stream_refuses_a_stream_out_of_range(void **unused)
{
    static const int64_t bad[] = {-1, 3, INT64_C(1) << 32, INT64_MAX, INT64_MIN};
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    rnn_state *state = create_random_state(model, 3, 1, 1);
    snapshot before = take_snapshot(model, state);
    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char sentence[128];
        snprintf(sentence, sizeof sentence, "stream is %lld; it must be 0 to 2", (long long)bad[i]);
        assert_fails(rnn_state_reset_stream(state, bad[i]), RNN_ERROR_ARGUMENT, sentence);
    }
    assert_unchanged(&before, model, state);
    free(before.bytes);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
}

/* ---- Copy ---- */

static void test_copy_makes_a_state_of_its_own_with_the_same_values(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, 5, 3, 2, precisions[p]);
        rnn_state *source = create_random_state(model, 3, 1, 1);
        rnn_state *copy = create_random_state(model, 3, 1, 2);
        assert_ok(rnn_state_copy(copy, source));
        for (int64_t b = 0; b < 3; b++) {
            assert_same_stream(model, copy, b, source, b);
        }
        snapshot before = take_snapshot(model, copy);
        assert_ok(rnn_state_reset(source));
        assert_unchanged(&before, model, copy);
        free(before.bytes);
        rnn_state_destroy(copy);
        rnn_state_destroy(source);
        rnn_model_destroy(model);
    }
}

static void test_copy_onto_itself_changes_nothing(void **unused)
{
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    rnn_state *state = create_random_state(model, 3, 1, 1);
    snapshot before = take_snapshot(model, state);
    (void)unused;
    assert_ok(rnn_state_copy(state, state));
    assert_ok(rnn_state_copy_stream(state, 1, state, 1));
    assert_unchanged(&before, model, state);
    free(before.bytes);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
}

static void test_copy_stream_copies_that_stream_and_no_other(void **unused)
{
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(4, 5, 3, 2, precisions[p]);
        rnn_state *source = create_random_state(model, 3, 1, 1);
        rnn_state *original = create_random_state(model, 2, 1, 2);
        for (int64_t from = 0; from < 3; from++) {
            for (int64_t to = 0; to < 2; to++) {
                rnn_state *state = create_random_state(model, 2, 1, 2);
                assert_ok(rnn_state_copy_stream(state, to, source, from));
                assert_same_stream(model, state, to, source, from);
                assert_same_stream(model, state, 1 - to, original, 1 - to);
                rnn_state_destroy(state);
            }
        }
        rnn_state_destroy(original);
        rnn_state_destroy(source);
        rnn_model_destroy(model);
    }
}

static void test_copy_stream_may_copy_within_a_state(void **unused)
{
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    rnn_state *original = create_random_state(model, 3, 1, 1);
    rnn_state *state = create_random_state(model, 3, 1, 1);
    (void)unused;
    assert_ok(rnn_state_copy_stream(state, 0, state, 2));
    assert_same_stream(model, state, 0, original, 2);
    assert_same_stream(model, state, 1, original, 1);
    assert_same_stream(model, state, 2, original, 2);
    rnn_state_destroy(state);
    rnn_state_destroy(original);
    rnn_model_destroy(model);
}

static void test_copy_stream_refuses_streams_out_of_range(void **unused)
{
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    rnn_state *source = create_random_state(model, 3, 1, 1);
    rnn_state *state = create_random_state(model, 2, 1, 2);
    snapshot before = take_snapshot(model, state);
    (void)unused;
    assert_fails(rnn_state_copy_stream(state, 2, source, 0), RNN_ERROR_ARGUMENT, "destination_stream is 2");
    assert_fails(rnn_state_copy_stream(state, -1, source, 0), RNN_ERROR_ARGUMENT, "destination_stream is -1");
    assert_fails(rnn_state_copy_stream(state, INT64_MAX, source, 0), RNN_ERROR_ARGUMENT, "destination_stream is 9");
    assert_fails(rnn_state_copy_stream(state, 0, source, 3), RNN_ERROR_ARGUMENT, "source_stream is 3");
    assert_fails(rnn_state_copy_stream(state, 0, source, -1), RNN_ERROR_ARGUMENT, "source_stream is -1");
    assert_fails(rnn_state_copy_stream(state, 0, source, INT64_MIN), RNN_ERROR_ARGUMENT, "source_stream is -9");
    assert_unchanged(&before, model, state);
    free(before.bytes);
    rnn_state_destroy(state);
    rnn_state_destroy(source);
    rnn_model_destroy(model);
}

/* ---- What fits ---- */

/* Models that differ from `create(4, 5, 3, 2, RNN_FLOAT32)` in what a state depends on. */
static const struct {
    const char *what;
    int64_t hidden_size, layers;
    int32_t precision;
} others[] = {
    {"hidden_size", 6, 2, RNN_FLOAT32},
    {"layers", 5, 1, RNN_FLOAT32},
    {"precision", 5, 2, RNN_FLOAT64},
};

static void test_states_of_models_of_another_shape_do_not_mix(void **unused)
{
    rnn_model *model = create(4, 5, 3, 2, RNN_FLOAT32);
    rnn_state *state = create_random_state(model, 3, 1, 1);
    rnn_state *narrow = create_random_state(model, 2, 1, 1);
    snapshot before = take_snapshot(model, state);
    (void)unused;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        rnn_model *other = create(4, others[i].hidden_size, 3, others[i].layers, others[i].precision);
        rnn_state *foreign = create_random_state(other, 3, 1, 1);
        assert_fails(rnn_state_copy(state, foreign), RNN_ERROR_MISMATCH, others[i].what);
        assert_fails(rnn_state_copy_stream(state, 0, foreign, 0), RNN_ERROR_MISMATCH, others[i].what);
        rnn_state_destroy(foreign);
        rnn_model_destroy(other);
    }
    assert_fails(rnn_state_copy(state, narrow), RNN_ERROR_MISMATCH, "streams");
    assert_unchanged(&before, model, state);
    free(before.bytes);
    rnn_state_destroy(narrow);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
}

static void test_a_model_does_not_run_on_a_state_of_another_shape_or_chunks_of_other_streams(void **unused)
{
    rnn_model *model = create(4, 5, 4, 2, RNN_FLOAT32);
    owned_chunk chunk = create_random_chunk(6, 3, 4, 4, 0, 1);
    const int32_t first[] = {0, 1, 2};
    rnn_sampler *sampler = NULL;
    rnn_loss loss = {.sum = 7, .count = 7};
    (void)unused;
    assert_ok(rnn_sampler_create(NULL, &sampler));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        rnn_model *other = create(4, others[i].hidden_size, 4, others[i].layers, others[i].precision);
        rnn_state *foreign = create_random_state(other, 3, 1, 1);
        snapshot before = take_snapshot(other, foreign);
        int32_t ids[3] = {-7, -7, -7};
        const char *what = others[i].what;
        assert_fails(rnn_forward(model, foreign, &chunk.chunk, NULL, 0, &loss), RNN_ERROR_MISMATCH, what);
        assert_fails(rnn_forward_backward(model, foreign, &chunk.chunk, &loss), RNN_ERROR_MISMATCH, what);
        assert_fails(rnn_sample(model, foreign, sampler, first, 1, ids), RNN_ERROR_MISMATCH, what);
        assert_int_equal(ids[0], -7);
        assert_unchanged(&before, other, foreign);
        free(before.bytes);
        rnn_state_destroy(foreign);
        rnn_model_destroy(other);
    }
    rnn_state *narrow = create_random_state(model, 2, 1, 1);
    snapshot before = take_snapshot(model, narrow);
    assert_fails(rnn_forward(model, narrow, &chunk.chunk, NULL, 0, &loss), RNN_ERROR_MISMATCH, "streams");
    assert_fails(rnn_forward_backward(model, narrow, &chunk.chunk, &loss), RNN_ERROR_MISMATCH, "streams");
    assert_unchanged(&before, model, narrow);
    assert_true(loss.sum == 7);
    assert_int_equal(loss.count, 7);
    free(before.bytes);
    rnn_state_destroy(narrow);
    rnn_sampler_destroy(sampler);
    destroy_chunk(&chunk);
    rnn_model_destroy(model);
}

static void test_a_state_fits_every_model_of_its_cell_layers_hidden_size_and_precision(void **unused)
{
    static const int64_t vocabularies[] = {50, 4, 700, 4};
    (void)unused;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *maker = create(3, 5, 2, 2, precisions[p]);
        rnn_state *shared = create_random_state(maker, 3, 1, 1);
        for (size_t i = 0; i < sizeof vocabularies / sizeof vocabularies[0]; i++) {
            int64_t symbols = vocabularies[i];
            rnn_model *model = create(symbols, 5, symbols + 1, 2, precisions[p]);
            rnn_state *own = create_state(model, 3);
            owned_chunk chunk = create_random_chunk(9, 3, symbols, symbols + 1, 0, i);
            rnn_loss losses[2];
            assert_ok(rnn_state_copy(own, shared));
            assert_ok(rnn_forward_backward(model, own, &chunk.chunk, &losses[0]));
            assert_ok(rnn_forward_backward(model, shared, &chunk.chunk, &losses[1]));
            assert_true(losses[0].sum == losses[1].sum);
            for (int64_t b = 0; b < 3; b++) {
                assert_same_stream(model, own, b, shared, b);
            }
            destroy_chunk(&chunk);
            rnn_state_destroy(own);
            rnn_model_destroy(model);
        }
        rnn_state_destroy(shared);
        rnn_model_destroy(maker);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_state_is_zeros),
        cmocka_unit_test(test_a_state_outlives_its_model),
        cmocka_unit_test(test_create_refuses_bad_arguments),
        cmocka_unit_test(test_calls_on_no_state_are_errors_or_0),
        cmocka_unit_test(test_what_is_set_is_what_is_got_layer_by_layer),
        cmocka_unit_test(test_set_values_are_ordered_by_stream_and_then_hidden_unit),
        cmocka_unit_test(test_get_and_set_refuse_bad_arguments_and_change_nothing),
        cmocka_unit_test(test_set_refuses_values_that_are_not_finite_wherever_they_stand),
        cmocka_unit_test(test_reset_sets_all_streams_to_zeros),
        cmocka_unit_test(test_reset_stream_sets_that_stream_to_zeros_and_no_other),
        cmocka_unit_test(test_reset_stream_refuses_a_stream_out_of_range),
        cmocka_unit_test(test_copy_makes_a_state_of_its_own_with_the_same_values),
        cmocka_unit_test(test_copy_onto_itself_changes_nothing),
        cmocka_unit_test(test_copy_stream_copies_that_stream_and_no_other),
        cmocka_unit_test(test_copy_stream_may_copy_within_a_state),
        cmocka_unit_test(test_copy_stream_refuses_streams_out_of_range),
        cmocka_unit_test(test_states_of_models_of_another_shape_do_not_mix),
        cmocka_unit_test(test_a_model_does_not_run_on_a_state_of_another_shape_or_chunks_of_other_streams),
        cmocka_unit_test(test_a_state_fits_every_model_of_its_cell_layers_hidden_size_and_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
