/* Beam search, compared with a search of everything and with greedy drawing; stops, penalties, ties, errors. */

#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SYMBOLS = 4, HIDDEN = 6, MOST = 4, ALL = 256, PROMPT = 3 };

static const int32_t prompt[PROMPT] = {2, 0, 3};

static rnn_model *any_model(int32_t cell, int32_t precision)
{
    rnn_model_options o = make_options(SYMBOLS, HIDDEN, SYMBOLS, 2, precision);
    o.cell = cell;
    return create_random_model(&o, 1.5, 3);
}

static rnn_beam_options beam_options(int64_t beams, int64_t results)
{
    rnn_beam_options o;
    assert_ok(rnn_beam_options_init(&o, sizeof o));
    o.most = MOST;
    o.beams = beams;
    o.results = results;
    return o;
}

typedef struct found {
    int32_t ids[ALL][MOST];
    int64_t counts[ALL];
    double logs[ALL], scores[ALL];
} found;

#define scoped_found scoped_memory found

static found *search(const rnn_model *model, const rnn_state *state, const rnn_beam_options *options)
{
    found *f = allocate(1, sizeof *f);
    assert_ok(rnn_beam_search(model, state, options, f->ids[0], f->counts, f->logs, f->scores));
    return f;
}

/* ---- A search of everything, by hand ---- */

typedef struct text {
    int32_t ids[MOST];
    int64_t count;
    double log, score;
} text;

typedef struct everything {
    const rnn_model *model;
    const rnn_beam_options *options;
    text texts[ALL];
    int64_t count;
} everything;

#define scoped_everything scoped_memory everything

static bool is_excluded(const rnn_beam_options *o, int32_t id)
{
    for (int64_t i = 0; i < o->excluded_count; i++)
        if (o->excluded[i] == id)
            return true;
    return false;
}

static void read_one(const rnn_model *model, rnn_state *state, int32_t id, double outputs[SYMBOLS])
{
    double raw[SYMBOLS];
    rnn_chunk one = {.struct_size = sizeof one, .steps = 1, .streams = 1, .inputs = &id};
    assert_ok(rnn_forward(model, state, &one, raw, SYMBOLS, NULL));
    to_doubles(options_of(model).precision, raw, outputs, SYMBOLS);
}

/* Adds all texts that begin with this one. */
static void go_through(everything *e, const rnn_state *state, const double outputs[SYMBOLS], text begun)
{
    double total = 0;
    for (int i = 0; i < SYMBOLS; i++)
        total += exp(outputs[i]);
    for (int32_t id = 0; id < SYMBOLS; id++) {
        text longer = begun;
        if (is_excluded(e->options, id))
            continue;
        longer.ids[longer.count++] = id;
        longer.log += outputs[id] - log(total);
        if (id == e->options->stop || longer.count == e->options->most) {
            longer.score = longer.log / pow((5 + (double)longer.count) / 6, e->options->length_penalty);
            e->texts[e->count++] = longer;
            continue;
        }
        double next[SYMBOLS];
        scoped_state *copy = create_state(e->model, 1);
        assert_ok(rnn_state_copy(copy, state));
        read_one(e->model, copy, id, next);
        go_through(e, copy, next, longer);
    }
}

static int compare_texts(const void *a, const void *b)
{
    double x = ((const text *)a)->score, y = ((const text *)b)->score;
    return (x < y) - (x > y);
}

/* The prompt must have at least one id. */
static everything *search_everything(const rnn_model *model, const rnn_state *start, const rnn_beam_options *options)
{
    everything *e = allocate(1, sizeof *e);
    const text nothing = {.count = 0};
    double outputs[SYMBOLS];
    scoped_state *state = create_state(model, 1);
    e->model = model;
    e->options = options;
    assert_ok(rnn_state_copy(state, start));
    for (int64_t i = 0; i < options->prompt_steps; i++)
        read_one(model, state, options->prompt[i], outputs);
    go_through(e, state, outputs, nothing);
    qsort(e->texts, (size_t)e->count, sizeof *e->texts, compare_texts);
    return e;
}

/* ---- Tests ---- */

static void test_a_wide_beam_finds_the_best_of_everything(void **state)
{
    (void)state;
    static const int32_t excluded[] = {1, 1};
    for (int variant = 0; variant < 24; variant++) {
        int32_t precision = variant % 2;
        scoped_model *model = any_model(variant / 2 % 3, precision);
        scoped_state *start = create_random_state(model, 1, 0.5, 7);
        scoped_snapshot before = take_snapshot(model, start);
        rnn_beam_options o = beam_options(ALL, ALL);
        o.prompt = prompt;
        o.prompt_steps = PROMPT;
        o.length_penalty = variant / 6 % 2 ? 0.8 : 0;
        o.stop = variant >= 12 ? 2 : RNN_IGNORE;
        o.excluded = excluded;
        o.excluded_count = variant % 5 == 0 ? 2 : 0;
        scoped_everything *e = search_everything(model, start, &o);
        scoped_found *f = search(model, start, &o);
        double tolerance = precision == RNN_FLOAT64 ? 1e-12 : 1e-5;
        assert_true(e->count > 10);
        for (int64_t k = 0; k < ALL; k++) {
            if (k >= e->count) {
                assert_true(f->counts[k] == 0 && isinf(f->logs[k]) && isinf(f->scores[k]) && f->scores[k] < 0);
                assert_int_equal(f->ids[k][0], RNN_IGNORE);
                continue;
            }
            assert_int_equal(f->counts[k], e->texts[k].count);
            for (int64_t i = 0; i < MOST; i++)
                assert_int_equal(f->ids[k][i], i < f->counts[k] ? e->texts[k].ids[i] : RNN_IGNORE);
            assert_relative(f->logs[k], e->texts[k].log, tolerance);
            assert_relative(f->scores[k], e->texts[k].score, tolerance);
        }
        assert_unchanged(&before, model, start);
    }
}

static void test_one_beam_writes_what_generate_writes_at_temperature_0(void **state)
{
    (void)state;
    enum { LONG = 30 };
    int stopped = 0;
    for (int variant = 0; variant < 24; variant++) {
        scoped_model *model = any_model(variant % 3, variant / 3 % 2);
        scoped_state *start = create_random_state(model, 1, 0.5, (uint64_t)variant);
        rnn_beam_options o = beam_options(1, 1);
        rnn_generate_options g;
        rnn_sampler_options s;
        scoped_sampler *sampler = NULL;
        int32_t ids[LONG], greedy[LONG];
        int64_t count, greedy_count;
        double log, score, logs[LONG], sum = 0;
        assert_ok(rnn_generate_options_init(&g, sizeof g));
        assert_ok(rnn_sampler_options_init(&s, sizeof s));
        s.temperature = 0;
        assert_ok(rnn_sampler_create(&s, &sampler));
        o.most = g.most = LONG;
        o.stop = g.stop = variant / 6;
        o.prompt = g.prompt = prompt;
        o.prompt_steps = g.prompt_steps = variant % 2 ? PROMPT : 0;
        assert_ok(rnn_beam_search(model, start, &o, ids, &count, &log, &score));
        assert_ok(rnn_generate(model, start, sampler, &g, greedy, &greedy_count, logs));
        assert_int_equal(count, greedy_count);
        assert_memory_equal(ids, greedy, sizeof ids);
        for (int64_t i = 0; i < count; i++)
            sum += logs[i];
        assert_true(log == sum && score == sum);
        stopped += count < LONG;
    }
    assert_in_range(stopped, 1, 23);
}

/* A model that gives its symbols these probabilities, whatever it reads */
static rnn_model *constant_model(const double shares[SYMBOLS])
{
    rnn_model_options o = make_options(SYMBOLS, HIDDEN, SYMBOLS, 1, RNN_FLOAT64);
    double bias[SYMBOLS];
    o.weight_scale = 0;
    rnn_model *model = create_model(&o);
    for (int i = 0; i < SYMBOLS; i++)
        bias[i] = log(shares[i]);
    set_parameter(model, index_of(model, "decoder.bias"), bias);
    return model;
}

/* Stopping at once has the probability 0.3, writing 0 four times 0.6^4 = 0.13. */
static void test_the_length_penalty_lets_longer_results_win(void **state)
{
    (void)state;
    static const double shares[SYMBOLS] = {0.6, 0.3, 0.06, 0.04};
    scoped_model *model = constant_model(shares);
    rnn_beam_options o = beam_options(8, 2);
    o.stop = 1;
    scoped_found *plain = search(model, NULL, &o);
    assert_int_equal(plain->counts[0], 1);
    assert_int_equal(plain->ids[0][0], 1);
    assert_relative(plain->logs[0], log(0.3), 1e-12);
    assert_true(plain->scores[0] == plain->logs[0]);
    o.length_penalty = 2;
    scoped_found *penalised = search(model, NULL, &o);
    assert_int_equal(penalised->counts[0], MOST);
    for (int i = 0; i < MOST; i++)
        assert_int_equal(penalised->ids[0][i], 0);
    assert_relative(penalised->logs[0], 4 * log(0.6), 1e-12);
    assert_relative(penalised->scores[0], 4 * log(0.6) / (9.0 / 6 * 9 / 6), 1e-12);
}

/* There are two places. {0} has stopped and keeps one, so only the best of the rest goes on. */
static void test_a_stopped_text_keeps_its_place(void **state)
{
    (void)state;
    static const double shares[SYMBOLS] = {0.3, 0.4, 0.2, 0.1};
    static const int32_t expected[2][MOST] = {{0, -1, -1, -1}, {1, 1, 1, 1}};
    scoped_model *model = constant_model(shares);
    rnn_beam_options o = beam_options(2, 2);
    o.stop = 0;
    scoped_found *f = search(model, NULL, &o);
    assert_memory_equal(f->ids, expected, sizeof expected);
}

static void test_among_equal_texts_the_one_with_lower_ids_comes_first(void **state)
{
    (void)state;
    static const double shares[SYMBOLS] = {0.25, 0.25, 0.25, 0.25};
    static const int32_t expected[5][MOST] = {{0, 0, 0, 0}, {0, 0, 0, 1}, {0, 0, 0, 2}, {0, 0, 0, 3}, {0, 0, 1, 0}};
    scoped_model *model = constant_model(shares);
    rnn_beam_options o = beam_options(5, 5);
    scoped_found *f = search(model, NULL, &o);
    assert_memory_equal(f->ids, expected, sizeof expected);
}

static void test_the_unknown_symbol_of_a_vocabulary_is_in_no_result(void **state)
{
    (void)state;
    static const double shares[SYMBOLS] = {0.2, 0.1, 0.1, 0.6};
    scoped_vocab *known = NULL, *vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &known));
    assert_ok(rnn_vocab_create_with_unknown(known, NULL, 0, &vocab));
    scoped_model *model = constant_model(shares);
    rnn_beam_options o = beam_options(1, 1);
    scoped_found *any = search(model, NULL, &o);
    assert_int_equal(any->ids[0][0], 3);
    o.vocab = vocab;
    scoped_found *known_only = search(model, NULL, &o);
    assert_int_equal(known_only->ids[0][0], 0);
}

static void test_the_bits_do_not_depend_on_the_threads(void **state)
{
    (void)state;
    enum { WIDE = 96, VOCABULARY = 60, BEAMS = 24, STEPS = 12 };
    rnn_model_options m = make_options(VOCABULARY, WIDE, VOCABULARY, 2, RNN_FLOAT32);
    m.cell = RNN_CELL_LSTM;
    scoped_model *model = create_random_model(&m, 0.4, 9);
    rnn_beam_options o = beam_options(BEAMS, BEAMS);
    static int32_t ids[2][BEAMS * STEPS];
    double logs[2][BEAMS], scores[2][BEAMS];
    o.most = STEPS;
    o.stop = 5;
    o.length_penalty = 0.7;
    for (int i = 0; i < 2; i++) {
        assert_ok(rnn_set_threads(i == 0 ? 1 : 4));
        assert_ok(rnn_beam_search(model, NULL, &o, ids[i], NULL, logs[i], scores[i]));
    }
    assert_ok(rnn_set_threads(0));
    assert_memory_equal(ids[0], ids[1], sizeof ids[0]);
    assert_memory_equal(logs[0], logs[1], sizeof logs[0]);
    assert_memory_equal(scores[0], scores[1], sizeof scores[0]);
}

/* The new state is the learned one, if the model has one. */
static void test_without_a_state_the_search_begins_with_a_new_one(void **state)
{
    (void)state;
    for (int32_t learned = 0; learned <= 1; learned++) {
        rnn_model_options m = make_options(SYMBOLS, HIDDEN, SYMBOLS, 1, RNN_FLOAT64);
        m.learned_state = learned;
        scoped_model *model = create_random_model(&m, 1.5, 3);
        scoped_state *fresh = create_state(model, 1), *zeros = create_state(model, 1);
        double values[HIDDEN] = {0};
        assert_ok(rnn_state_set(zeros, 0, RNN_STATE_HIDDEN, values, HIDDEN));
        rnn_beam_options o = beam_options(4, 4);
        scoped_found *a = search(model, NULL, &o), *b = search(model, fresh, &o), *c = search(model, zeros, &o);
        assert_memory_equal(a, b, sizeof *a);
        assert_true((a->logs[0] == c->logs[0]) == !learned);
    }
}

static void test_bad_arguments_are_refused_and_nothing_is_written(void **state)
{
    (void)state;
    static const int32_t beyond[] = {4}, negative[] = {-1}, all[] = {0, 1, 2, 3};
    scoped_model *model = any_model(RNN_CELL_GRU, RNN_FLOAT32);
    scoped_state *three = create_state(model, 3), *one = create_state(model, 1);
    rnn_beam_options o = beam_options(2, 1);
    int32_t ids[MOST] = {-7, -7, -7, -7};
    int64_t count = -7;
    double log = 7, score = 7;
    assert_fails(rnn_beam_search(model, three, &o, ids, &count, &log, &score), RNN_ERROR_MISMATCH,
                 "the state has 3 streams; to search, it must have 1");
#define REFUSE(field, value, status, part)                                                                             \
    do {                                                                                                               \
        rnn_beam_options given = o;                                                                                    \
        given.field = (value);                                                                                         \
        assert_fails(rnn_beam_search(model, one, &given, ids, &count, &log, &score), status, part);                    \
    } while (0)
    REFUSE(most, 0, RNN_ERROR_ARGUMENT, "most is 0; it must be 1 to 16777216");
    REFUSE(most, INT64_C(1) << 40, RNN_ERROR_ARGUMENT, "most is 1099511627776");
    REFUSE(beams, 0, RNN_ERROR_ARGUMENT, "beams is 0; it must be 1 to 1048576");
    REFUSE(beams, INT64_MAX, RNN_ERROR_ARGUMENT, "beams is 9223372036854775807");
    REFUSE(results, 0, RNN_ERROR_ARGUMENT, "results is 0; it must be 1 to 2");
    REFUSE(results, 3, RNN_ERROR_ARGUMENT, "results is 3; it must be 1 to 2");
    REFUSE(length_penalty, -0.5, RNN_ERROR_ARGUMENT, "length_penalty is -0.5; it must be 0 to 10");
    REFUSE(length_penalty, NAN, RNN_ERROR_ARGUMENT, "length_penalty is ");
    REFUSE(length_penalty, INFINITY, RNN_ERROR_ARGUMENT, "length_penalty is inf");
    REFUSE(stop, SYMBOLS, RNN_ERROR_ARGUMENT, "stop is 4");
    REFUSE(stop, -2, RNN_ERROR_ARGUMENT, "stop is -2");
    REFUSE(reserved, 1, RNN_ERROR_ARGUMENT, "reserved is 1");
    REFUSE(prompt_steps, -1, RNN_ERROR_ARGUMENT, "prompt_steps is -1");
    REFUSE(prompt_steps, 2, RNN_ERROR_ARGUMENT, "prompt is NULL");
    REFUSE(excluded_count, -1, RNN_ERROR_ARGUMENT, "excluded_count is -1");
    REFUSE(excluded_count, 1, RNN_ERROR_ARGUMENT, "excluded is NULL");
    o.prompt = beyond;
    REFUSE(prompt_steps, 1, RNN_ERROR_SYMBOL, "prompt[0] is 4; it must be 0 to 3");
    o.excluded = beyond;
    REFUSE(excluded_count, 1, RNN_ERROR_SYMBOL, "excluded[0] is 4; it must be 0 to 3");
    o.excluded = negative;
    REFUSE(excluded_count, 1, RNN_ERROR_SYMBOL, "excluded[0] is -1");
    o.excluded = all;
    REFUSE(excluded_count, SYMBOLS, RNN_ERROR_ARGUMENT, "all 4 symbols are excluded");
    o = beam_options(1, 1);
    rnn_model_options v = make_options(2, 3, 2, 1, RNN_FLOAT32);
    v.input = RNN_INPUT_VECTORS;
    scoped_model *vectors = create_model(&v);
    assert_fails(rnn_beam_search(vectors, NULL, &o, ids, &count, &log, &score), RNN_ERROR_MISMATCH, "to search, ");
    v = make_options(2, 3, 4, 1, RNN_FLOAT32);
    scoped_model *uneven = create_model(&v);
    assert_fails(rnn_beam_search(uneven, NULL, &o, ids, &count, &log, &score), RNN_ERROR_MISMATCH, "to search, ");
    scoped_state *other = create_state(uneven, 1);
    assert_fails(rnn_beam_search(model, other, &o, ids, &count, &log, &score), RNN_ERROR_MISMATCH,
                 "the state was made for");
    for (int i = 0; i < MOST; i++)
        assert_int_equal(ids[i], -7);
    assert_true(count == -7 && log == 7 && score == 7);
}

static void test_outputs_that_are_not_finite_are_an_error(void **state)
{
    (void)state;
    static unsigned char file[1 << 14];
    const double infinite[SYMBOLS] = {1e38, 0, 0, 0};
    size_t size;
    scoped_model *model = any_model(RNN_CELL_TANH, RNN_FLOAT32), *loaded = NULL;
    rnn_beam_options o = beam_options(3, 1);
    int32_t ids[MOST] = {-7};
    set_parameter(model, index_of(model, "decoder.bias"), infinite);
    assert_ok(rnn_model_save_to_memory(model, NULL, file, sizeof file, &size));
    const uint32_t bits = 0x7f800000; /* an infinity in the decoder's bias, the last tensor */
    memcpy(file + size - 4, &bits, sizeof bits);
    assert_ok(rnn_model_load_from_memory(file, size, NULL, &loaded, NULL));
    assert_fails(rnn_beam_search(loaded, NULL, &o, ids, NULL, NULL, NULL), RNN_ERROR_NONFINITE,
                 "an output of hypothesis 0 is not finite");
    assert_int_equal(ids[0], -7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wide_beam_finds_the_best_of_everything),
        cmocka_unit_test(test_one_beam_writes_what_generate_writes_at_temperature_0),
        cmocka_unit_test(test_the_length_penalty_lets_longer_results_win),
        cmocka_unit_test(test_a_stopped_text_keeps_its_place),
        cmocka_unit_test(test_among_equal_texts_the_one_with_lower_ids_comes_first),
        cmocka_unit_test(test_the_unknown_symbol_of_a_vocabulary_is_in_no_result),
        cmocka_unit_test(test_the_bits_do_not_depend_on_the_threads),
        cmocka_unit_test(test_without_a_state_the_search_begins_with_a_new_one),
        cmocka_unit_test(test_bad_arguments_are_refused_and_nothing_is_written),
        cmocka_unit_test(test_outputs_that_are_not_finite_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
