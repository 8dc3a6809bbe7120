/* Drawing with filters, and rnn_generate(): prompts, ends, log-probabilities. */
#include "checkpoint_memory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SYMBOLS = 6, DRAWS = 2000 };

static const double shares[SYMBOLS] = {0.15, 0.4, 0.04, 0.3, 0.01, 0.1};

static rnn_sampler_options defaults(void)
{
    rnn_sampler_options o;
    assert_ok(rnn_sampler_options_init(&o, sizeof o));
    return o;
}

static rnn_sampler *create_sampler(const rnn_sampler_options *options)
{
    rnn_sampler *sampler = NULL;
    assert_ok(rnn_sampler_create(options, &sampler));
    return sampler;
}

/* How often each symbol is drawn from `shares` */
static void count_draws(const rnn_sampler_options *options, int32_t precision, int64_t counts[SYMBOLS])
{
    double logits[SYMBOLS];
    float small[SYMBOLS];
    scoped_sampler *sampler = create_sampler(options);
    for (int i = 0; i < SYMBOLS; i++) {
        counts[i] = 0;
        logits[i] = log(shares[i]) + 3;
    }
    from_doubles(RNN_FLOAT32, logits, small, SYMBOLS);
    for (int n = 0; n < DRAWS; n++) {
        int32_t id = -7;
        const void *given = precision == RNN_FLOAT32 ? (const void *)small : logits;
        assert_ok(rnn_sampler_draw(sampler, precision, given, 1, SYMBOLS, &id, NULL));
        assert_in_range(id, 0, SYMBOLS - 1);
        counts[id]++;
    }
}

/* The symbols of `kept` must be drawn in proportion to their shares, and no others. */
static void assert_keeps(const rnn_sampler_options *options, const char *kept)
{
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        int64_t counts[SYMBOLS];
        double total = 0;
        count_draws(options, precision, counts);
        for (const char *c = kept; *c; c++)
            total += shares[*c - '0'];
        for (int i = 0; i < SYMBOLS; i++) {
            double expected = strchr(kept, '0' + i) != NULL ? shares[i] / total : 0;
            double actual = (double)counts[i] / DRAWS;
            if (fabs(actual - expected) > 0.05 || (expected == 0 && counts[i] > 0))
                fail_msg("symbol %d has the share %.3f instead of %.3f", i, actual, expected);
        }
    }
}

static void test_without_filters_all_symbols_are_drawn(void **state)
{
    (void)state;
    rnn_sampler_options o = defaults();
    assert_keeps(&o, "012345");
}

static void test_top_k_keeps_the_most_likely(void **state)
{
    (void)state;
    rnn_sampler_options o = defaults();
    o.top_k = 1;
    assert_keeps(&o, "1");
    o.top_k = 3;
    assert_keeps(&o, "130");
    o.top_k = SYMBOLS;
    assert_keeps(&o, "012345");
    o.top_k = INT64_MAX;
    assert_keeps(&o, "012345");
}

/* The shares are almost the same, in no order. Each of the k most likely is drawn, and no other. */
static void test_top_k_of_many_symbols_keeps_the_most_likely(void **state)
{
    (void)state;
    enum { MANY = 101 };
    double logits[MANY];
    for (int i = 0; i < MANY; i++)
        logits[i] = i * 37 % MANY * 1e-6;
    for (int k = 2; k <= 20; k += 3) {
        bool drawn[MANY] = {false};
        rnn_sampler_options o = defaults();
        o.top_k = k;
        scoped_sampler *sampler = create_sampler(&o);
        for (int n = 0; n < 20 * k; n++) {
            int32_t id = -7;
            assert_ok(rnn_sampler_draw(sampler, RNN_FLOAT64, logits, 1, MANY, &id, NULL));
            assert_in_range(id, 0, MANY - 1);
            drawn[id] = true;
        }
        for (int i = 0; i < MANY; i++)
            assert_int_equal(drawn[i], i * 37 % MANY >= MANY - k);
    }
}

static void test_top_p_keeps_the_least_set_that_has_the_share(void **state)
{
    (void)state;
    rnn_sampler_options o = defaults();
    o.top_p = 0.01;
    assert_keeps(&o, "1");
    o.top_p = 0.65;
    assert_keeps(&o, "13");
    o.top_p = 0.8;
    assert_keeps(&o, "130");
    o.top_k = 2; /* symbol 1 has 0.57 of these two */
    o.top_p = 0.55;
    assert_keeps(&o, "1");
}

static void test_min_p_keeps_what_is_likely_enough(void **state)
{
    (void)state;
    rnn_sampler_options o = defaults();
    o.min_p = 0.9;
    assert_keeps(&o, "1");
    o.min_p = 0.2;
    assert_keeps(&o, "1305");
}

static void test_excluded_symbols_are_never_drawn(void **state)
{
    (void)state;
    const int32_t excluded[] = {3, 1, 3};
    rnn_sampler_options o = defaults();
    o.excluded = excluded;
    o.excluded_count = 3;
    assert_keeps(&o, "0245");
    o.top_k = 2;
    assert_keeps(&o, "05");
    o.temperature = 0;
    assert_keeps(&o, "0");
}

static void test_the_unknown_symbol_of_a_vocabulary_is_excluded(void **state)
{
    (void)state;
    const int32_t excluded[] = {3, 5};
    rnn_sampler_options o = defaults(), got = o;
    rnn_vocab *six = NULL, *five = NULL, *vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abcdef", 6, &six));
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abcde", 5, &five));
    assert_ok(rnn_vocab_create_with_unknown(five, NULL, 0, &vocab)); /* 5 is unknown */
    o.vocab = six;
    assert_keeps(&o, "012345");
    o.vocab = vocab;
    assert_keeps(&o, "01234");
    o.excluded = excluded;
    o.excluded_count = 2;
    assert_keeps(&o, "0124");
    o.excluded_count = 1;
    scoped_sampler *sampler = create_sampler(&o);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(five);
    rnn_vocab_destroy(six);
    assert_ok(rnn_sampler_get_options(sampler, &got));
    assert_null(got.vocab);
    assert_int_equal(got.excluded_count, 2);
    assert_true(got.excluded[0] == 3 && got.excluded[1] == 5);
    assert_ok(rnn_sampler_set_options(sampler, &got));
    assert_ok(rnn_sampler_get_options(sampler, &got));
    assert_int_equal(got.excluded_count, 2);
}

/* Draws go through the symbols in the order of their ids, with and without a filter. */
static void test_a_filter_that_keeps_all_changes_no_draw(void **state)
{
    (void)state;
    rnn_sampler_options plain = defaults(), all = plain;
    plain.seed = all.seed = 5;
    all.top_k = SYMBOLS;
    scoped_sampler *a = create_sampler(&plain), *b = create_sampler(&all);
    const double logits[2 * SYMBOLS] = {0.5, 1, -1, 0, 2, 0.3, 1, 1, 1, 1, 1, 1};
    for (int n = 0; n < 100; n++) {
        int32_t of_a[2], of_b[2];
        assert_ok(rnn_sampler_draw(a, RNN_FLOAT64, logits, 2, SYMBOLS, of_a, NULL));
        assert_ok(rnn_sampler_draw(b, RNN_FLOAT64, logits, 2, SYMBOLS, of_b, NULL));
        assert_memory_equal(of_a, of_b, sizeof of_a);
    }
}

static void test_log_probabilities_are_those_of_the_softmax_whatever_the_filters(void **state)
{
    (void)state;
    double logits[SYMBOLS], probability;
    int32_t id;
    rnn_sampler_options o = defaults();
    o.top_k = 2;
    o.temperature = 0.5;
    scoped_sampler *sampler = create_sampler(&o);
    for (int i = 0; i < SYMBOLS; i++)
        logits[i] = log(shares[i]) - 7;
    for (int n = 0; n < 20; n++) {
        assert_ok(rnn_sampler_draw(sampler, RNN_FLOAT64, logits, 1, SYMBOLS, &id, &probability));
        assert_relative(probability, log(shares[id]), 1e-12);
    }
}

/* ---- Options ---- */

static void test_options_are_read_and_changed_and_the_draws_go_on(void **state)
{
    (void)state;
    const int32_t excluded[] = {4, 2, 4};
    const double logits[SYMBOLS] = {0};
    rnn_sampler_options o = defaults(), got = o;
    o.seed = 3;
    scoped_sampler *a = create_sampler(&o), *b = create_sampler(&o);
    int32_t of_a, of_b;
    for (int n = 0; n < 5; n++) {
        assert_ok(rnn_sampler_draw(a, RNN_FLOAT64, logits, 1, SYMBOLS, &of_a, NULL));
        assert_ok(rnn_sampler_draw(b, RNN_FLOAT64, logits, 1, SYMBOLS, &of_b, NULL));
    }
    o.excluded = excluded;
    o.excluded_count = 3;
    o.top_k = 4;
    o.top_p = 0.9;
    o.min_p = 0.1;
    o.repetition_penalty = 1.5;
    o.repetition_window = 7;
    assert_ok(rnn_sampler_set_options(a, &o));
    assert_ok(rnn_sampler_get_options(a, &got));
    assert_int_equal(got.excluded_count, 2);
    assert_int_equal(got.excluded[0], 2);
    assert_int_equal(got.excluded[1], 4);
    assert_true(got.top_k == 4 && got.top_p == 0.9 && got.min_p == 0.1 && got.repetition_penalty == 1.5 &&
                got.repetition_window == 7 && got.seed == 3);
    rnn_sampler_options plain = defaults();
    plain.seed = 3;
    assert_ok(rnn_sampler_set_options(a, &plain));
    for (int n = 0; n < 20; n++) {
        assert_ok(rnn_sampler_draw(a, RNN_FLOAT64, logits, 1, SYMBOLS, &of_a, NULL));
        assert_ok(rnn_sampler_draw(b, RNN_FLOAT64, logits, 1, SYMBOLS, &of_b, NULL));
        assert_int_equal(of_a, of_b);
    }
}

static void test_bad_options_are_refused_and_the_old_ones_stay(void **state)
{
    (void)state;
    const int32_t negative[] = {1, -1};
    static const struct {
        double top_p, min_p, penalty;
        int64_t top_k, window, excluded;
        const char *part;
    } bad[] = {
        {0, 0, 1, 0, 0, 0, "top_p is 0; it must be greater than 0 and at most 1"},
        {1.5, 0, 1, 0, 0, 0, "top_p is 1.5"},
        {NAN, 0, 1, 0, 0, 0, "top_p is "},
        {1, 1, 1, 0, 0, 0, "min_p is 1; it must be at least 0 and less than 1"},
        {1, -0.1, 1, 0, 0, 0, "min_p is -0.1"},
        {1, 0, 0, 0, 1, 0, "repetition_penalty is 0"},
        {1, 0, INFINITY, 0, 1, 0, "repetition_penalty is inf"},
        {1, 0, 1.5, 0, 0, 0, "repetition_window is 0; it must be 1 to 65536"},
        {1, 0, 1, 0, 3, 0, "repetition_window is 3; it must be 0"},
        {1, 0, 1, -1, 0, 0, "top_k is -1"},
        {1, 0, 1, 0, 0, -1, "excluded_count is -1"},
        {1, 0, 1, 0, 0, 1, "excluded is NULL"},
    };
    rnn_sampler_options o = defaults(), got = o;
    o.top_k = 3;
    scoped_sampler *sampler = create_sampler(&o);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rnn_sampler_options given = defaults();
        given.top_p = bad[i].top_p;
        given.min_p = bad[i].min_p;
        given.repetition_penalty = bad[i].penalty;
        given.top_k = bad[i].top_k;
        given.repetition_window = bad[i].window;
        given.excluded_count = bad[i].excluded;
        assert_fails(rnn_sampler_set_options(sampler, &given), RNN_ERROR_ARGUMENT, bad[i].part);
    }
    o.excluded = negative;
    o.excluded_count = 2;
    assert_fails(rnn_sampler_set_options(sampler, &o), RNN_ERROR_SYMBOL, "excluded[1] is -1");
    assert_ok(rnn_sampler_get_options(sampler, &got));
    assert_int_equal(got.top_k, 3);
}

static void test_draws_refuse_bad_arguments(void **state)
{
    (void)state;
    const int32_t all[] = {0, 1}, beyond[] = {2};
    double logits[2] = {0, 1};
    int32_t id = -7;
    rnn_sampler_options o = defaults();
    scoped_sampler *sampler = create_sampler(&o);
    logits[1] = NAN;
    assert_fails(rnn_sampler_draw(sampler, 1, logits, 1, 2, &id, NULL), RNN_ERROR_ARGUMENT, "logits[1] is ");
    logits[1] = 1;
    o.excluded = all;
    o.excluded_count = 2;
    assert_ok(rnn_sampler_set_options(sampler, &o));
    assert_fails(rnn_sampler_draw(sampler, 1, logits, 1, 2, &id, NULL), RNN_ERROR_ARGUMENT, "all 2 symbols are");
    o.excluded = beyond;
    o.excluded_count = 1;
    assert_ok(rnn_sampler_set_options(sampler, &o));
    assert_fails(rnn_sampler_draw(sampler, 1, logits, 1, 2, &id, NULL), RNN_ERROR_SYMBOL, "excluded[0] is 2");
    o = defaults();
    o.repetition_penalty = 2;
    o.repetition_window = 5;
    assert_ok(rnn_sampler_set_options(sampler, &o));
    assert_fails(rnn_sampler_draw(sampler, 1, logits, 1, 2, &id, NULL), RNN_ERROR_ARGUMENT, "repetition_penalty is 2");
    assert_int_equal(id, -7);
}

/* ---- Generating ---- */

enum { STREAMS = 3, PROMPT = 4, MOST = 9, HIDDEN = 8 };

static const int32_t prompt[PROMPT * STREAMS] = {0, 1, 2, 3, -9, 5, 4, 77, 1, 0, -9, 2};
static const int64_t lengths[STREAMS] = {PROMPT, 1, 0};

static rnn_model *any_model(int32_t cell, int32_t precision)
{
    rnn_model_options o = make_options(SYMBOLS, HIDDEN, SYMBOLS, 2, precision);
    o.cell = cell;
    return create_random_model(&o, 1.5, 3);
}

static rnn_generate_options generate_options(void)
{
    rnn_generate_options o;
    assert_ok(rnn_generate_options_init(&o, sizeof o));
    o.most = MOST;
    return o;
}

/* For one stream: rnn_forward() over the prompt, then drawing and feeding in turn */
static void generate_by_hand(const rnn_model *model, rnn_state *state, rnn_sampler *sampler, const int32_t *ids,
                             int64_t count, int32_t *drawn, double *probabilities)
{
    double outputs[SYMBOLS];
    int32_t precision = options_of(model).precision;
    rnn_chunk one = {.struct_size = sizeof one, .steps = 1, .streams = 1};
    for (int64_t i = 0; i < count; i++) {
        one.inputs = &ids[i];
        assert_ok(rnn_forward(model, state, &one, outputs, SYMBOLS, NULL));
    }
    for (int64_t i = 0; i < MOST; i++) {
        assert_ok(rnn_sampler_draw(sampler, precision, outputs, 1, SYMBOLS, &drawn[i], &probabilities[i]));
        one.inputs = &drawn[i];
        assert_ok(rnn_forward(model, state, &one, outputs, SYMBOLS, NULL));
    }
}

static void test_one_stream_writes_what_forward_and_draw_write(void **state)
{
    (void)state;
    static const int32_t text[] = {2, 0, 5, 1};
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
            scoped_model *model = any_model(cell, precision);
            scoped_state *a = create_state(model, 1), *b = create_state(model, 1);
            scoped_sampler *of_a = create_sampler(NULL), *of_b = create_sampler(NULL);
            rnn_generate_options o = generate_options();
            int32_t ids[MOST], by_hand[MOST];
            double probabilities[MOST], expected[MOST];
            int64_t counts;
            o.prompt = text;
            o.prompt_steps = 4;
            assert_ok(rnn_generate(model, a, of_a, &o, ids, &counts, probabilities));
            generate_by_hand(model, b, of_b, text, 4, by_hand, expected);
            assert_memory_equal(ids, by_hand, sizeof ids);
            assert_memory_equal(probabilities, expected, sizeof expected);
            assert_int_equal(counts, MOST);
            scoped_snapshot same = take_snapshot(model, a);
            assert_unchanged(&same, model, b);
        }
}

/* Two calls, the second without a prompt, write the same as one call. */
static void test_a_call_without_a_prompt_continues(void **state)
{
    (void)state;
    scoped_model *model = any_model(RNN_CELL_LSTM, RNN_FLOAT32);
    scoped_state *a = create_state(model, STREAMS), *b = create_state(model, STREAMS);
    scoped_sampler *of_a = create_sampler(NULL), *of_b = create_sampler(NULL);
    rnn_generate_options o = generate_options();
    int32_t whole[MOST * STREAMS], parts[MOST * STREAMS];
    o.prompt = prompt;
    o.prompt_steps = 1;
    assert_ok(rnn_generate(model, a, of_a, &o, whole, NULL, NULL));
    o.most = 4;
    assert_ok(rnn_generate(model, b, of_b, &o, parts, NULL, NULL));
    o.prompt = NULL;
    o.prompt_steps = 0;
    o.most = MOST - 4;
    assert_ok(rnn_generate(model, b, of_b, &o, parts + 4 * STREAMS, NULL, NULL));
    assert_memory_equal(whole, parts, sizeof whole);
}

/*
 * Draws depend on the number of the stream. So when stream b runs alone, it keeps its number, and the others read
 * nothing.
 */
static void test_streams_with_prompts_of_their_own_write_what_each_writes_alone(void **state)
{
    (void)state;
    scoped_model *model = any_model(RNN_CELL_GRU, RNN_FLOAT64);
    scoped_state *together = create_state(model, STREAMS);
    scoped_sampler *sampler = create_sampler(NULL);
    rnn_generate_options o = generate_options();
    int32_t ids[MOST * STREAMS];
    double probabilities[MOST * STREAMS];
    int64_t counts[STREAMS];
    o.prompt = prompt;
    o.prompt_steps = PROMPT;
    o.prompt_lengths = lengths;
    o.stop = 1;
    assert_ok(rnn_generate(model, together, sampler, &o, ids, counts, probabilities));
    for (int64_t b = 0; b < STREAMS; b++) {
        int32_t own_prompt[PROMPT * STREAMS], alone[MOST * STREAMS];
        int64_t own_lengths[STREAMS] = {0}, own_counts[STREAMS];
        double own[MOST * STREAMS];
        scoped_state *state_alone = create_state(model, STREAMS);
        scoped_sampler *again = create_sampler(NULL);
        for (int i = 0; i < PROMPT * STREAMS; i++)
            own_prompt[i] = i % STREAMS == b ? prompt[i] : 0;
        own_lengths[b] = lengths[b];
        o.prompt = own_prompt;
        o.prompt_lengths = own_lengths;
        assert_ok(rnn_generate(model, state_alone, again, &o, alone, own_counts, own));
        assert_int_equal(own_counts[b], counts[b]);
        for (int64_t i = 0; i < MOST; i++) {
            int64_t at = i * STREAMS + b;
            assert_int_equal(alone[at], ids[at]);
            assert_true(own[at] == probabilities[at]);
            assert_true((ids[at] == RNN_IGNORE) == (i >= counts[b]));
            if (i + 1 < counts[b])
                assert_int_not_equal(ids[at], 1);
            if (i + 1 == counts[b] && counts[b] < MOST)
                assert_int_equal(ids[at], 1);
        }
    }
}

/* A model for which 2 is always the most likely symbol, then 1, then the others */
static rnn_model *stubborn_model(void)
{
    rnn_model_options o = make_options(SYMBOLS, HIDDEN, SYMBOLS, 1, RNN_FLOAT32);
    o.weight_scale = 0;
    rnn_model *model = create_model(&o);
    const double bias[SYMBOLS] = {0.5, 1.5, 2, 0.4, 0.3, -0.2};
    set_parameter(model, index_of(model, "decoder.bias"), bias);
    return model;
}

static void test_the_repetition_penalty_counts_prompt_and_draws_within_the_window(void **state)
{
    (void)state;
    static const int32_t one[] = {2};
    scoped_model *model = stubborn_model();
    rnn_sampler_options s = defaults();
    rnn_generate_options o = generate_options();
    int32_t ids[MOST];
    s.temperature = 0;
    s.repetition_penalty = 10;
    s.repetition_window = 2;
    scoped_sampler *sampler = create_sampler(&s);
    scoped_state *run = create_state(model, 1);
    o.prompt = one;
    o.prompt_steps = 1;
    assert_ok(rnn_generate(model, run, sampler, &o, ids, NULL, NULL));
    /* 2 is followed by 1. While both are in the window, 0 comes next, and so on. */
    static const int32_t expected[MOST] = {1, 0, 2, 1, 0, 2, 1, 0, 2};
    assert_memory_equal(ids, expected, sizeof ids);
}

static void test_the_repetition_penalty_applies_once_to_a_symbol(void **state)
{
    (void)state;
    static const int32_t twice[] = {2, 2};
    scoped_model *model = stubborn_model();
    rnn_sampler_options s = defaults();
    rnn_generate_options o = generate_options();
    int32_t id;
    s.temperature = 0;
    s.repetition_penalty = 1.2; /* 2 / 1.2 is still more than 1.5; 2 / 1.2 / 1.2 would be less */
    s.repetition_window = 2;
    scoped_sampler *sampler = create_sampler(&s);
    scoped_state *run = create_state(model, 1);
    o.prompt = twice;
    o.prompt_steps = 2;
    o.most = 1;
    assert_ok(rnn_generate(model, run, sampler, &o, &id, NULL, NULL));
    assert_int_equal(id, 2);
}

static void test_a_stream_ends_with_the_stop_symbol_and_its_state_stays(void **state)
{
    (void)state;
    scoped_model *model = stubborn_model();
    rnn_sampler_options s = defaults();
    rnn_generate_options o = generate_options();
    int32_t ids[MOST * STREAMS];
    int64_t counts[STREAMS];
    s.temperature = 0;
    scoped_sampler *sampler = create_sampler(&s);
    scoped_state *run = create_state(model, STREAMS);
    o.stop = 2;
    assert_ok(rnn_generate(model, run, sampler, &o, ids, counts, NULL));
    for (int b = 0; b < STREAMS; b++) {
        assert_int_equal(counts[b], 1);
        assert_int_equal(ids[b], 2);
        assert_int_equal(ids[STREAMS + b], RNN_IGNORE);
    }
    o.most = 0;
    assert_ok(rnn_generate(model, run, sampler, &o, NULL, counts, NULL));
    assert_int_equal(counts[0], 0);
}

static void test_bad_arguments_are_refused_and_nothing_moves(void **state)
{
    (void)state;
    scoped_model *model = any_model(RNN_CELL_GRU, RNN_FLOAT32);
    scoped_state *run = create_random_state(model, STREAMS, 0.5, 4);
    scoped_sampler *sampler = create_sampler(NULL);
    scoped_snapshot before = take_snapshot(model, run);
    int32_t ids[MOST * STREAMS];
    int64_t bad[STREAMS] = {0, 5, 0};
    const rnn_generate_options o = generate_options();
    rnn_generate_options given = o;
    given.most = -1;
    assert_fails(rnn_generate(model, run, sampler, &given, ids, NULL, NULL), RNN_ERROR_ARGUMENT, "most is -1");
    given = o;
    given.stop = SYMBOLS;
    assert_fails(rnn_generate(model, run, sampler, &given, ids, NULL, NULL), RNN_ERROR_ARGUMENT, "stop is 6");
    given = o;
    given.prompt_steps = 2;
    assert_fails(rnn_generate(model, run, sampler, &given, ids, NULL, NULL), RNN_ERROR_ARGUMENT, "prompt is NULL");
    given.prompt = prompt;
    assert_fails(rnn_generate(model, run, sampler, &given, ids, NULL, NULL), RNN_ERROR_SYMBOL, "prompt[4] is -9");
    given.prompt_lengths = bad;
    assert_fails(rnn_generate(model, run, sampler, &given, ids, NULL, NULL), RNN_ERROR_ARGUMENT,
                 "prompt_lengths[1] is 5; it must be 0 to prompt_steps, 2");
    rnn_model_options v = make_options(2, 3, 2, 1, RNN_FLOAT32);
    v.input = RNN_INPUT_VECTORS;
    scoped_model *vectors = create_model(&v);
    scoped_state *other = create_state(vectors, 1);
    assert_fails(rnn_generate(vectors, other, sampler, &o, ids, NULL, NULL), RNN_ERROR_MISMATCH, "vectors");
    assert_unchanged(&before, model, run);
}

static void test_a_checkpoint_keeps_how_a_sampler_draws(void **state)
{
    (void)state;
    const int32_t excluded[] = {1, 4};
    const double logits[SYMBOLS] = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6};
    rnn_sampler_options o = defaults();
    o.top_k = 3;
    o.top_p = 0.95;
    o.min_p = 0.05;
    o.excluded = excluded;
    o.excluded_count = 2;
    scoped_checkpoint saved = empty_checkpoint();
    saved.sampler = create_sampler(&o);
    scoped_checkpoint loaded = save_and_load(&saved);
    for (int n = 0; n < 50; n++) {
        int32_t a, b;
        assert_ok(rnn_sampler_draw(saved.sampler, RNN_FLOAT64, logits, 1, SYMBOLS, &a, NULL));
        assert_ok(rnn_sampler_draw(loaded.sampler, RNN_FLOAT64, logits, 1, SYMBOLS, &b, NULL));
        assert_int_equal(a, b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_filters_all_symbols_are_drawn),
        cmocka_unit_test(test_top_k_keeps_the_most_likely),
        cmocka_unit_test(test_top_k_of_many_symbols_keeps_the_most_likely),
        cmocka_unit_test(test_top_p_keeps_the_least_set_that_has_the_share),
        cmocka_unit_test(test_min_p_keeps_what_is_likely_enough),
        cmocka_unit_test(test_excluded_symbols_are_never_drawn),
        cmocka_unit_test(test_the_unknown_symbol_of_a_vocabulary_is_excluded),
        cmocka_unit_test(test_a_filter_that_keeps_all_changes_no_draw),
        cmocka_unit_test(test_log_probabilities_are_those_of_the_softmax_whatever_the_filters),
        cmocka_unit_test(test_options_are_read_and_changed_and_the_draws_go_on),
        cmocka_unit_test(test_bad_options_are_refused_and_the_old_ones_stay),
        cmocka_unit_test(test_draws_refuse_bad_arguments),
        cmocka_unit_test(test_one_stream_writes_what_forward_and_draw_write),
        cmocka_unit_test(test_a_call_without_a_prompt_continues),
        cmocka_unit_test(test_streams_with_prompts_of_their_own_write_what_each_writes_alone),
        cmocka_unit_test(test_the_repetition_penalty_counts_prompt_and_draws_within_the_window),
        cmocka_unit_test(test_the_repetition_penalty_applies_once_to_a_symbol),
        cmocka_unit_test(test_a_stream_ends_with_the_stop_symbol_and_its_state_stays),
        cmocka_unit_test(test_bad_arguments_are_refused_and_nothing_moves),
        cmocka_unit_test(test_a_checkpoint_keeps_how_a_sampler_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
