/* rnn_sample(): the distribution that it draws from, what a draw depends on, and what it feeds to the model. */

#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

static rnn_sampler *create_sampler(double temperature, uint64_t seed)
{
    rnn_sampler_options options;
    rnn_sampler *sampler = NULL;
    assert_ok(rnn_sampler_options_init(&options, sizeof options));
    options.temperature = temperature;
    options.seed = seed;
    assert_ok(rnn_sampler_create(&options, &sampler));
    assert_non_null(sampler);
    return sampler;
}

/* A model whose outputs are `logits`, whatever it reads */
static rnn_model *create_constant_model(const double *logits, int64_t symbols, int32_t precision)
{
    rnn_model_options options = make_options(symbols, 3, symbols, 1, precision);
    options.weight_scale = 0;
    rnn_model *model = create_model(&options);
    set_parameter(model, index_of(model, "decoder.bias"), logits);
    return model;
}

/* A model for which the symbol after the one it has read, modulo V, is by far the most likely */
static rnn_model *create_counting_model(int64_t symbols, int32_t precision)
{
    rnn_model_options options = make_options(symbols, symbols, symbols, 1, precision);
    options.weight_scale = 0;
    rnn_model *model = create_model(&options);
    scoped_memory double *matrix = allocate(symbols * symbols, sizeof(double));
    for (int64_t i = 0; i < symbols; i++)
        matrix[i * symbols + i] = 10;
    set_parameter(model, index_of(model, "rnn.weight_ih_l0"), matrix); /* h = one-hot(input) */
    memset(matrix, 0, (size_t)(symbols * symbols) * sizeof(double));
    for (int64_t i = 0; i < symbols; i++)
        matrix[(i + 1) % symbols * symbols + i] = 100;
    set_parameter(model, index_of(model, "decoder.weight"), matrix);
    return model;
}

static rnn_model *create_any_model(int64_t symbols, int32_t precision)
{
    rnn_model_options options = make_options(symbols, 8, symbols, 2, precision);
    return create_random_model(&options, 1, 1);
}

/* [n][B] ids that a new state and a new sampler give when each stream is fed 0 first; to free(). */
static int32_t *sample(const rnn_model *model, int64_t streams, double temperature, uint64_t seed, int64_t n)
{
    scoped_state *state = create_state(model, streams);
    scoped_sampler *sampler = create_sampler(temperature, seed);
    scoped_memory int32_t *first = allocate(streams, sizeof(int32_t));
    int32_t *ids = allocate(n * streams, sizeof(int32_t));
    assert_ok(rnn_sample(model, state, sampler, first, n, ids));
    return ids;
}

/* ---- Options and creating ---- */

static void test_options_init_fills_in_temperature_1_and_seed_0(void **unused)
{
    (void)unused;
    rnn_sampler_options options;
    memset(&options, 0x77, sizeof options);
    assert_ok(rnn_sampler_options_init(&options, sizeof options));
    assert_int_equal(options.struct_size, sizeof options);
    assert_true(options.temperature == 1);
    assert_true(options.seed == 0);
}

static void test_create_refuses_bad_options(void **unused)
{
    (void)unused;
    static const double temperatures[] = {-1, -DBL_TRUE_MIN, INFINITY, -INFINITY, NAN};
    rnn_sampler *sampler = UNTOUCHED;
    rnn_sampler_options options;
    for (size_t i = 0; i < sizeof temperatures / sizeof temperatures[0]; i++) {
        assert_ok(rnn_sampler_options_init(&options, sizeof options));
        options.temperature = temperatures[i];
        assert_fails(rnn_sampler_create(&options, &sampler), RNN_ERROR_ARGUMENT, "temperature is ");
    }
    assert_ptr_equal(sampler, UNTOUCHED);
}

/* ---- Which distribution ---- */

/*
 * Draws many symbols from constant outputs and compares their frequencies with softmax(logits / temperature). Pearson's
 * sum over the five symbols (four degrees of freedom) exceeds 30 by chance once in 200000 times.
 */
static void assert_frequencies(double temperature, int32_t precision)
{
    static const double logits[] = {1, -0.5, 0.25, 2, 0};
    enum { SYMBOLS = 5, STREAMS = 4, N = 10000 };
    scoped_model *model = create_constant_model(logits, SYMBOLS, precision);
    scoped_memory int32_t *ids = sample(model, STREAMS, temperature, 1, N);
    double counts[SYMBOLS] = {0}, total = 0, pearson = 0;
    for (int i = 0; i < N * STREAMS; i++) {
        assert_in_range(ids[i], 0, SYMBOLS - 1);
        counts[ids[i]]++;
    }
    for (int k = 0; k < SYMBOLS; k++)
        total += exp(logits[k] / temperature);
    for (int k = 0; k < SYMBOLS; k++) {
        double expected = N * STREAMS * exp(logits[k] / temperature) / total;
        pearson += (counts[k] - expected) * (counts[k] - expected) / expected;
    }
    if (!(pearson < 30))
        fail_msg("at temperature %g Pearson's sum is %g", temperature, pearson);
}

static void test_draws_follow_the_softmax_of_the_outputs_divided_by_the_temperature(void **unused)
{
    (void)unused;
    static const double temperatures[] = {1, 0.5, 2, 10, 1e300};
    for (size_t i = 0; i < sizeof temperatures / sizeof temperatures[0]; i++) {
        assert_frequencies(temperatures[i], RNN_FLOAT32);
        assert_frequencies(temperatures[i], RNN_FLOAT64);
    }
}

static void test_draws_of_one_stream_do_not_repeat_those_before(void **unused)
{
    (void)unused;
    static const double logits[] = {0, 0};
    enum { N = 20000 };
    scoped_model *model = create_constant_model(logits, 2, RNN_FLOAT64);
    scoped_memory int32_t *ids = sample(model, 1, 1, 3, N);
    for (int lag = 1; lag <= 64; lag++) {
        int equal = 0;
        for (int i = lag; i < N; i++)
            equal += ids[i] == ids[i - lag];
        double n = N - lag;
        assert_true(fabs(equal / n - 0.5) < 5 * 0.5 / sqrt(n));
    }
}

static void test_temperature_0_takes_the_most_likely_symbol(void **unused)
{
    (void)unused;
    enum { SYMBOLS = 37, N = 50 };
    for (size_t p = 0; p < 2; p++)
        for (int best = 0; best < SYMBOLS; best++) {
            double logits[SYMBOLS];
            for (int k = 0; k < SYMBOLS; k++)
                logits[k] = k == best ? 0.001 : -k;
            logits[0] = best == 0 ? 0.001 : 0;
            scoped_model *model = create_constant_model(logits, SYMBOLS, precisions[p]);
            scoped_memory int32_t *ids = sample(model, 2, 0, 1, N);
            for (int i = 0; i < 2 * N; i++)
                assert_int_equal(ids[i], best);
        }
}

static void test_a_temperature_near_0_takes_the_most_likely_symbol(void **unused)
{
    (void)unused;
    static const double logits[] = {0.5, -1000, 3, 2.5, 0};
    static const double temperatures[] = {1e-3, 1e-30, 1e-39, 1e-100, DBL_MIN, DBL_TRUE_MIN};
    enum { N = 50 };
    for (size_t p = 0; p < 2; p++)
        for (size_t t = 0; t < sizeof temperatures / sizeof temperatures[0]; t++) {
            scoped_model *model = create_constant_model(logits, 5, precisions[p]);
            scoped_memory int32_t *ids = sample(model, 2, temperatures[t], 1, N);
            for (int i = 0; i < 2 * N; i++)
                assert_int_equal(ids[i], 2);
        }
}

static void test_a_symbol_without_probability_is_never_drawn(void **unused)
{
    (void)unused;
    static const double logits[] = {-1e30, 0, -1e30, 0, -1e30};
    enum { N = 20000 };
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create_constant_model(logits, 5, precisions[p]);
        scoped_memory int32_t *ids = sample(model, 1, 1, 1, N);
        for (int i = 0; i < N; i++)
            assert_int_equal(ids[i] % 2, 1);
    }
}

static void test_large_outputs_do_not_overflow(void **unused)
{
    (void)unused;
    static const double logits[] = {3e38, -3e38, 3e38, 2e38};
    enum { N = 1000 };
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create_constant_model(logits, 4, precisions[p]);
        scoped_memory int32_t *ids = sample(model, 1, 1, 1, N);
        int counts[4] = {0};
        for (int i = 0; i < N; i++)
            counts[ids[i]]++;
        assert_int_equal(counts[1] + counts[3], 0);
        assert_in_range(counts[0], 420, 580); /* five standard deviations */
    }
}

/* ---- What is fed ---- */

static void test_each_stream_is_fed_its_first_symbol_and_then_what_it_draws(void **unused)
{
    (void)unused;
    enum { SYMBOLS = 11, STREAMS = 3, N = 40 };
    static const int32_t first[STREAMS] = {0, 5, 10};
    static const double temperatures[] = {0, 1};
    for (size_t p = 0; p < 2; p++)
        for (int t = 0; t < 2; t++) {
            scoped_model *model = create_counting_model(SYMBOLS, precisions[p]);
            scoped_state *state = create_state(model, STREAMS);
            scoped_sampler *sampler = create_sampler(temperatures[t], 1);
            int32_t ids[N][STREAMS];
            assert_ok(rnn_sample(model, state, sampler, first, N, &ids[0][0]));
            for (int k = 0; k < N; k++)
                for (int b = 0; b < STREAMS; b++)
                    assert_int_equal(ids[k][b], (first[b] + k + 1) % SYMBOLS);
        }
}

/* A model without an embedding, with one, or with a tied one */
static rnn_model *create_model_of_cell(int32_t cell, int64_t symbols, int32_t precision)
{
    rnn_model_options options = make_options(symbols, 8, symbols, 2, precision);
    options.cell = cell;
    options.input = cell == RNN_CELL_TANH ? RNN_INPUT_IDS : RNN_INPUT_EMBEDDING;
    options.embedding_size = cell == RNN_CELL_TANH ? 0 : cell == RNN_CELL_GRU ? 5 : 8;
    options.tied = cell == RNN_CELL_LSTM;
    return create_random_model(&options, 1, 1);
}

static void test_the_state_advances_over_what_was_fed(void **unused)
{
    (void)unused;
    enum { SYMBOLS = 7, STREAMS = 3, N = 20 };
    static const int32_t first[STREAMS] = {1, 2, 3};
    for (size_t p = 0; p < 2; p++)
        for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++) {
            scoped_model *model = create_model_of_cell(cell, SYMBOLS, precisions[p]);
            scoped_state *state = create_random_state(model, STREAMS, 1, 1);
            scoped_state *expected = create_random_state(model, STREAMS, 1, 1);
            scoped_sampler *sampler = create_sampler(1, 1);
            int32_t fed[(N + 1) * STREAMS];
            memcpy(fed, first, sizeof first);
            assert_ok(rnn_sample(model, state, sampler, first, N, fed + STREAMS));
            rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = N, .streams = STREAMS, .inputs = fed};
            assert_ok(rnn_forward(model, expected, &chunk, NULL, 0, NULL));
            scoped_memory double *values = get_state(model, state);
            scoped_memory double *expected_values = get_state(model, expected);
            assert_all_close(values, expected_values, state_total(model, state), p == 0 ? 1e-5 : 1e-13);
        }
}

/* ---- What a draw depends on ---- */

static void test_the_same_seed_draws_the_same_symbols(void **unused)
{
    (void)unused;
    enum { N = 200, STREAMS = 3 };
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create_any_model(7, precisions[p]);
        scoped_memory int32_t *ids = sample(model, STREAMS, 1, 42, N);
        scoped_memory int32_t *again = sample(model, STREAMS, 1, 42, N);
        assert_memory_equal(ids, again, N * STREAMS * sizeof(int32_t));
    }
}

/* Two series of draws among eight equally likely symbols must agree one time in eight, as independent ones do. */
static void assert_independent(const int32_t *a, int64_t a_stride, const int32_t *b, int64_t b_stride, int64_t n)
{
    int equal = 0;
    for (int64_t k = 0; k < n; k++)
        equal += a[k * a_stride] == b[k * b_stride];
    assert_true(fabs(equal / (double)n - 0.125) < 5 * sqrt(0.125 * 0.875 / (double)n));
}

static void test_other_seeds_draw_independently(void **unused)
{
    (void)unused;
    static const double logits[8] = {0};
    static const uint64_t seeds[] = {0, 1, 2, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_MAX};
    enum { N = 2000, SEEDS = sizeof seeds / sizeof seeds[0] };
    scoped_model *model = create_constant_model(logits, 8, RNN_FLOAT32);
    int32_t *ids[SEEDS];
    for (int i = 0; i < SEEDS; i++) {
        ids[i] = sample(model, 1, 1, seeds[i], N);
        for (int k = 0; k < i; k++)
            assert_independent(ids[i], 1, ids[k], 1, N);
    }
    for (int i = 0; i < SEEDS; i++)
        free(ids[i]);
}

static void test_streams_in_the_same_state_draw_independently(void **unused)
{
    (void)unused;
    static const double logits[8] = {0};
    enum { N = 2000, STREAMS = 6 };
    scoped_model *model = create_constant_model(logits, 8, RNN_FLOAT32);
    scoped_memory int32_t *ids = sample(model, STREAMS, 1, 1, N);
    for (int b = 0; b < STREAMS; b++)
        for (int other = 0; other < b; other++) {
            assert_independent(ids + b, STREAMS, ids + other, STREAMS, N);
            assert_independent(ids + b, STREAMS, ids + STREAMS + other, STREAMS, N - 1);
        }
}

static void test_a_stream_draws_the_same_however_many_others_there_are(void **unused)
{
    (void)unused;
    enum { N = 100, MOST = 9 };
    static const double logits[] = {1, -0.5, 0.25, 2, 0};
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create_constant_model(logits, 5, precisions[p]);
        scoped_memory int32_t *all = sample(model, MOST, 1, 1, N);
        for (int streams = 1; streams < MOST; streams++) {
            scoped_memory int32_t *ids = sample(model, streams, 1, 1, N);
            for (int k = 0; k < N; k++)
                assert_memory_equal(ids + k * streams, all + k * MOST, (size_t)streams * sizeof(int32_t));
        }
    }
}

static void test_two_calls_draw_what_one_does(void **unused)
{
    (void)unused;
    enum { N = 100, STREAMS = 2 };
    static const int64_t cuts[] = {0, 1, 37, N - 1, N};
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create_any_model(7, precisions[p]);
        scoped_memory int32_t *whole = sample(model, STREAMS, 1, 5, N);
        for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
            scoped_state *state = create_state(model, STREAMS);
            scoped_sampler *sampler = create_sampler(1, 5);
            int32_t ids[(N + 1) * STREAMS] = {0, 0}; /* the first symbols, then the draws */
            assert_ok(rnn_sample(model, state, sampler, ids, cuts[c], ids + STREAMS));
            assert_ok(
                rnn_sample(model, state, sampler, ids + cuts[c] * STREAMS, N - cuts[c], ids + (cuts[c] + 1) * STREAMS));
            assert_memory_equal(ids + STREAMS, whole, N * STREAMS * sizeof(int32_t));
        }
    }
}

static void test_draws_are_counted_from_the_samplers_creation_in_all_streams(void **unused)
{
    (void)unused;
    enum { N = 60, BEFORE = 13 };
    static const double logits[] = {1, -0.5, 0.25, 2, 0};
    static const int32_t first[3] = {0, 0, 0};
    scoped_model *model = create_constant_model(logits, 5, RNN_FLOAT32);
    scoped_state *one = create_state(model, 1);
    scoped_state *three = create_state(model, 3);
    scoped_sampler *sampler = create_sampler(1, 1);
    int32_t ids[N * 3];
    scoped_memory int32_t *whole = sample(model, 3, 1, 1, N);
    assert_ok(rnn_sample(model, one, sampler, first, BEFORE, ids));
    assert_ok(rnn_sample(model, three, sampler, first, N - BEFORE, ids));
    assert_memory_equal(ids, whole + BEFORE * 3, (N - BEFORE) * 3 * sizeof(int32_t));
}

static void test_sampling_from_a_copied_stream_leaves_training_untouched(void **unused)
{
    (void)unused;
    enum { N = 50 };
    scoped_model *model = create_any_model(7, RNN_FLOAT32);
    scoped_state *training = create_random_state(model, 3, 1, 1);
    scoped_state *copy = create_state(model, 1);
    scoped_sampler *sampler = create_sampler(1, 1);
    scoped_chunk chunk = create_random_chunk(6, 3, 7, 7, 0, 1);
    const int32_t first = 2;
    int32_t ids[N];
    assert_ok(rnn_forward_backward(model, training, &chunk.chunk, NULL));
    scoped_snapshot before = take_snapshot(model, training);
    assert_ok(rnn_state_copy_stream(copy, 0, training, 1));
    assert_ok(rnn_sample(model, copy, sampler, &first, N, ids));
    assert_unchanged(&before, model, training);
}

static void test_no_draws_change_nothing(void **unused)
{
    (void)unused;
    scoped_model *model = create_any_model(7, RNN_FLOAT32);
    scoped_state *state = create_random_state(model, 2, 1, 1);
    scoped_sampler *sampler = create_sampler(1, 1);
    scoped_snapshot before = take_snapshot(model, state);
    const int32_t first[2] = {0, 1};
    assert_ok(rnn_sample(model, state, sampler, first, 0, NULL));
    assert_unchanged(&before, model, state);
}

/* ---- What is refused ---- */

static void test_sample_refuses_bad_arguments_and_changes_nothing(void **unused)
{
    (void)unused;
    enum { SYMBOLS = 7, N = 30 };
    scoped_model *model = create_any_model(SYMBOLS, RNN_FLOAT32);
    scoped_state *state = create_state(model, 2);
    scoped_sampler *sampler = create_sampler(1, 1);
    scoped_snapshot before = take_snapshot(model, state);
    const int32_t first[2] = {0, 0};
    int32_t ids[2 * N];
    memset(ids, 0x77, sizeof ids);
    static const int32_t bad[] = {-1, SYMBOLS, RNN_IGNORE, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        for (int b = 0; b < 2; b++) {
            int32_t wrong[2] = {0, 0};
            char part[32];
            wrong[b] = bad[i];
            snprintf(part, sizeof part, "first[%d] is %d", b, bad[i]);
            assert_fails(rnn_sample(model, state, sampler, wrong, 1, ids), RNN_ERROR_SYMBOL, part);
        }
    for (int i = 0; i < 2 * N; i++)
        assert_int_equal(ids[i], 0x77777777);
    assert_unchanged(&before, model, state);

    scoped_memory int32_t *expected = sample(model, 2, 1, 1, N);
    assert_ok(rnn_sample(model, state, sampler, first, N, ids));
    assert_memory_equal(ids, expected, sizeof ids);
}

static void test_models_whose_outputs_cannot_be_fed_back_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        const char *part;
        int64_t output_size;
        int32_t input, loss;
    } cases[] = {{"output_size", 6, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY},
                 {"vectors as inputs or outputs", 7, RNN_INPUT_VECTORS, RNN_LOSS_CROSS_ENTROPY},
                 {"vectors as inputs or outputs", 7, RNN_INPUT_IDS, RNN_LOSS_SQUARED_ERROR}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rnn_model_options options = make_options(7, 5, cases[i].output_size, 1, RNN_FLOAT32);
        options.input = cases[i].input;
        options.loss = cases[i].loss;
        scoped_model *model = create_model(&options);
        scoped_state *state = create_random_state(model, 1, 1, 1);
        scoped_sampler *sampler = create_sampler(1, 1);
        scoped_snapshot before = take_snapshot(model, state);
        const int32_t first = 0;
        int32_t id = -7;
        assert_fails(rnn_sample(model, state, sampler, &first, 1, &id), RNN_ERROR_MISMATCH, cases[i].part);
        assert_int_equal(id, -7);
        assert_unchanged(&before, model, state);
    }
}

static void test_outputs_that_are_not_finite_are_refused_and_sampling_goes_on_once_they_are(void **unused)
{
    (void)unused;
    enum { SYMBOLS = 5, N = 30 };
    static const double temperatures[] = {0, 1};
    const int32_t first = 0;
    for (size_t p = 0; p < 2; p++)
        for (int t = 0; t < 2; t++) {
            double most = precisions[p] == RNN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
            double biases[3] = {20, 20, 20}, weights[SYMBOLS * 3] = {0}; /* the biases make h 1 */
            rnn_model_options options = make_options(SYMBOLS, 3, SYMBOLS, 1, precisions[p]);
            scoped_model *model = create_random_model(&options, 0.1, 1);
            set_parameter(model, index_of(model, "rnn.bias_ih_l0"), biases);
            set_parameter(model, index_of(model, "decoder.weight"), weights);
            scoped_state *state = create_state(model, 1);
            scoped_sampler *sampler = create_sampler(temperatures[t], 1);
            int32_t ids[N];
            scoped_memory int32_t *expected = sample(model, 1, temperatures[t], 1, N);

            weights[4] = weights[5] = most; /* the sum of two of them is infinite */
            set_parameter(model, index_of(model, "decoder.weight"), weights);
            scoped_snapshot before = take_snapshot(model, state);
            assert_fails(rnn_sample(model, state, sampler, &first, N, ids), RNN_ERROR_NONFINITE, "finite");
            assert_unchanged(&before, model, state);

            weights[4] = weights[5] = 0;
            set_parameter(model, index_of(model, "decoder.weight"), weights);
            assert_ok(rnn_sample(model, state, sampler, &first, N, ids));
            assert_memory_equal(ids, expected, sizeof ids);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init_fills_in_temperature_1_and_seed_0),
        cmocka_unit_test(test_create_refuses_bad_options),
        cmocka_unit_test(test_draws_follow_the_softmax_of_the_outputs_divided_by_the_temperature),
        cmocka_unit_test(test_draws_of_one_stream_do_not_repeat_those_before),
        cmocka_unit_test(test_temperature_0_takes_the_most_likely_symbol),
        cmocka_unit_test(test_a_temperature_near_0_takes_the_most_likely_symbol),
        cmocka_unit_test(test_a_symbol_without_probability_is_never_drawn),
        cmocka_unit_test(test_large_outputs_do_not_overflow),
        cmocka_unit_test(test_each_stream_is_fed_its_first_symbol_and_then_what_it_draws),
        cmocka_unit_test(test_the_state_advances_over_what_was_fed),
        cmocka_unit_test(test_the_same_seed_draws_the_same_symbols),
        cmocka_unit_test(test_other_seeds_draw_independently),
        cmocka_unit_test(test_streams_in_the_same_state_draw_independently),
        cmocka_unit_test(test_a_stream_draws_the_same_however_many_others_there_are),
        cmocka_unit_test(test_two_calls_draw_what_one_does),
        cmocka_unit_test(test_draws_are_counted_from_the_samplers_creation_in_all_streams),
        cmocka_unit_test(test_sampling_from_a_copied_stream_leaves_training_untouched),
        cmocka_unit_test(test_no_draws_change_nothing),
        cmocka_unit_test(test_sample_refuses_bad_arguments_and_changes_nothing),
        cmocka_unit_test(test_models_whose_outputs_cannot_be_fed_back_are_refused),
        cmocka_unit_test(test_outputs_that_are_not_finite_are_refused_and_sampling_goes_on_once_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
