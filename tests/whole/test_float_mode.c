/* Results don't depend on the caller's floating-point mode, and every call restores it. */
#include "bits.h"

/* ---- The caller's floating-point mode ------------------------------------------------------------------------ */

/* RUN() checks after each call that the mode hasn't changed. */
static void check_mode(void (*set_mode)(void))
{
    bits_case cases[] = {case_of(RNN_CELL_TANH, RNN_FLOAT64, 3, RNN_LOSS_SQUARED_ERROR),
                         case_of(RNN_CELL_GRU, RNN_FLOAT32, 1, RNN_LOSS_CROSS_ENTROPY),
                         case_of(RNN_CELL_LSTM, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY)};
    for (int32_t threads = 1; threads <= 2; threads++)
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            assert_ok(rnn_set_threads(threads));
            hashes usual = compute(&cases[i]);
            set_mode();
            hashes own = compute(&cases[i]);
            fesetenv(FE_DFL_ENV);
            assert_memory_equal(&own, &usual, sizeof own);
        }
    assert_ok(rnn_set_threads(0));
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        destroy_chunks(&cases[i]);
}

/* Values that have been written to files and read from them */
typedef struct file_bits {
    double rate;                /* of a checkpoint's optimizer */
    int64_t split;              /* symbols left by rnn_corpus_split() */
    uint64_t bytes, as_float32; /* hashes of a model in float64 and of its conversion to float32 */
    double subnormal;           /* a subnormal float32, converted to float64 */
} file_bits;

static uint64_t parameter_hash(const rnn_model *model)
{
    uint64_t hash = 0;
    const void *values = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_parameters(model, &values, &count));
    rnn_model_options o = {.struct_size = sizeof o};
    assert_ok(rnn_model_get_options(model, &o));
    add_numbers(&hash, values, (size_t)count, precision_size(o.precision));
    return hash;
}

static rnn_model *load_as(const void *bytes, size_t size, int32_t precision)
{
    rnn_load_options options;
    rnn_model *model = NULL;
    assert_ok(rnn_load_options_init(&options, sizeof options));
    options.precision = precision;
    RUN(rnn_model_load_from_memory(bytes, size, &options, &model, NULL));
    return model;
}

/* Saves a model and loads it in the other precision. */
static void pass_through_memory(int32_t precision, file_bits *bits)
{
    enum { ROOM = 1 << 20 };
    scoped_memory char *bytes = allocate(ROOM, 1);
    size_t size = 0;
    int64_t index;
    rnn_model_options options = model_of(RNN_CELL_GRU, precision, 0, RNN_LOSS_CROSS_ENTROPY);
    scoped_model *model = create_model(&options), *other;
    index = index_of(model, "decoder.bias");
    if (precision == RNN_FLOAT32) {
        const float bias[SYMBOLS] = {1e-40f};
        assert_ok(rnn_model_set_parameter(model, index, bias, SYMBOLS));
    }
    RUN(rnn_model_save_to_memory(model, NULL, bytes, ROOM, &size));
    other = load_as(bytes, size, precision == RNN_FLOAT32 ? RNN_FLOAT64 : RNN_FLOAT32);
    if (precision == RNN_FLOAT32) {
        double bias[SYMBOLS];
        assert_ok(rnn_model_get_parameter(other, index, bias, SYMBOLS));
        bits->subnormal = bias[0];
    } else {
        add_numbers(&bits->bytes, bytes, size, 1);
        bits->as_float32 = parameter_hash(other);
    }
}

/* Saves a learning rate in a checkpoint and returns the one that is loaded. */
static double pass_through_checkpoint(double rate)
{
    char path[NAME_MOST];
    snprintf(path, sizeof path, "bits-%d.checkpoint", (int)getpid());
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_optimizer_options rule = rule_of(RNN_OPTIMIZER_ADAM);
    rnn_checkpoint saved = {.struct_size = sizeof saved}, loaded = {.struct_size = sizeof loaded};
    rule.learning_rate = rate;
    saved.model = create_model(&options);
    assert_ok(rnn_optimizer_create(saved.model, &rule, &saved.optimizer));
    RUN(rnn_checkpoint_save(&saved, path));
    RUN(rnn_checkpoint_load(path, &loaded));
    rate = rnn_optimizer_learning_rate(loaded.optimizer);
    assert_int_equal(remove(path), 0);
    rnn_optimizer_destroy(loaded.optimizer);
    rnn_model_destroy(loaded.model);
    rnn_optimizer_destroy(saved.optimizer);
    rnn_model_destroy(saved.model);
    return rate;
}

/* 0.3 of 10^6 is 299999.99999999999 and rounds to 300000. */
static int64_t split_a_million(void)
{
    enum { SIZE = 1000000 };
    scoped_memory char *text = allocate(SIZE, 1);
    scoped_vocab *vocab;
    scoped_corpus *corpus, *validation;
    memset(text, 'a', SIZE);
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, text, SIZE, &vocab));
    assert_ok(rnn_corpus_create_from_text(vocab, text, SIZE, 10, 1, &corpus));
    RUN(rnn_corpus_split(corpus, 0.3, &validation));
    int64_t left = rnn_corpus_size(corpus);
    return left;
}

static void check_files(void (*set_mode)(void))
{
    enum { RATES = 20 };
    for (int i = 0; i < RATES; i++) {
        double rate = 0.1 + i * 0.00123;
        file_bits bits = {0}, usual = {0};
        for (int with_mode = 0; with_mode < 2; with_mode++) {
            file_bits *b = with_mode ? &bits : &usual;
            if (with_mode)
                set_mode();
            b->rate = pass_through_checkpoint(rate);
            if (i == 0) {
                pass_through_memory(RNN_FLOAT32, b);
                pass_through_memory(RNN_FLOAT64, b);
                b->split = split_a_million();
            }
            fesetenv(FE_DFL_ENV);
        }
        assert_memory_equal(&bits, &usual, sizeof bits);
        assert_true(usual.rate == rate);
        assert_true(i > 0 || (usual.subnormal == (double)1e-40f && usual.split == 700000));
    }
}

static void check_refusals(void (*set_mode)(void))
{
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_model *model;
    options.dropout = NAN;
    set_mode();
    uint64_t before = float_state();
    rnn_status status = rnn_model_create(&options, &model);
    uint64_t after = float_state();
    fesetenv(FE_DFL_ENV);
    assert_int_equal(status, RNN_ERROR_ARGUMENT);
    assert_non_null(strstr(rnn_last_error(), "dropout is nan"));
    assert_int_equal(after, before);

    static const char overflows[] = "\x0b\0\0\0\0\0\0\0{\"a\":1e400}";
    set_mode();
    status = rnn_model_load_from_memory(overflows, sizeof overflows - 1, NULL, &model, NULL);
    after = float_state();
    fesetenv(FE_DFL_ENV);
    assert_int_equal(status, RNN_ERROR_FORMAT);
    assert_int_equal(after, before);
}

#define ROUNDING(name, direction)                                                                                      \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        assert_int_equal(fesetround(direction), 0);                                                                    \
    }
ROUNDING(round_upward, FE_UPWARD)
ROUNDING(round_downward, FE_DOWNWARD)
ROUNDING(round_toward_zero, FE_TOWARDZERO)
#undef ROUNDING

static void raise_flags(void)
{
    feraiseexcept(FE_DIVBYZERO | FE_INVALID);
}

static void test_a_callers_rounding_mode_changes_no_bit_and_stays(void **state)
{
    check_mode(round_upward);
    check_mode(round_downward);
    check_mode(round_toward_zero);
}

static void test_a_callers_exception_flags_stay(void **state)
{
    check_mode(raise_flags);
}

static void test_a_callers_mode_changes_no_file_and_nothing_that_is_read(void **state)
{
    check_files(round_upward);
    check_files(round_downward);
    check_files(raise_flags);
    check_refusals(round_upward);
}

#ifdef __SSE2_MATH__
static void flush_subnormals(void)
{
    _mm_setcsr(0x9fc0);
}

static void trap_every_exception(void)
{
    _mm_setcsr(0);
}

/* The same arguments are refused in every mode of the caller: numbers that some modes flush, and one that may trap */
static void check_arguments(void (*set_mode)(void))
{
    static const uint64_t signalling_nan = UINT64_C(0x7ff0000000000001);
    const double tiny = 1e-310;
    rnn_model_options usual = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_model_options biased = usual, embedded = usual;
    rnn_optimizer_options small, momentum, signalling;
    rnn_sampler_options cold;
    rnn_model *none;
    scoped_optimizer *first, *second;
    rnn_optimizer *third;
    rnn_sampler *sampler;
    rnn_status status[7];
    biased.forget_bias = tiny;
    embedded.embedding_size = (INT64_C(1) << 62) + 1; /* not exact as a double */
    assert_ok(rnn_optimizer_options_init(&small, sizeof small, RNN_OPTIMIZER_ADAM));
    small.epsilon = tiny;
    assert_ok(rnn_optimizer_options_init(&momentum, sizeof momentum, RNN_OPTIMIZER_SGD));
    momentum.momentum = tiny;
    momentum.nesterov = 1;
    signalling = momentum;
    memcpy(&signalling.learning_rate, &signalling_nan, sizeof signalling_nan);
    assert_ok(rnn_sampler_options_init(&cold, sizeof cold));
    cold.temperature = -tiny;
    scoped_model *model = create_model(&usual);

    set_mode();
    status[0] = rnn_optimizer_create(model, &small, &first);
    status[1] = rnn_optimizer_create(model, &momentum, &second);
    status[2] = rnn_model_clip_value(model, tiny);
    status[3] = rnn_optimizer_create(model, &signalling, &third);
    status[4] = rnn_sampler_create(&cold, &sampler);
    status[5] = rnn_model_create(&biased, &none);
    status[6] = rnn_model_create(&embedded, &none);
    fesetenv(FE_DFL_ENV);
    for (int i = 0; i < 7; i++)
        assert_int_equal(status[i], i < 3 ? RNN_OK : RNN_ERROR_ARGUMENT);
}

/* A file may hold a signalling NaN. Looking for numbers that aren't finite must not trap. */
static void check_signalling_parameter(void (*set_mode)(void))
{
    static const uint32_t signalling_nan = UINT32_C(0x7f800001);
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    scoped_model *model, *loaded;
    static char bytes[1 << 20];
    size_t size;
    assert_ok(rnn_model_create(&options, &model));
    assert_ok(rnn_model_save_to_memory(model, NULL, bytes, sizeof bytes, &size));
    memcpy(bytes + size - sizeof signalling_nan, &signalling_nan, sizeof signalling_nan);
    assert_ok(rnn_model_load_from_memory(bytes, size, NULL, &loaded, NULL));
    scoped_state *state = create_state(model, 1);
    float values[64] = {0};
    int64_t hidden = options.hidden_size;
    assert_in_range(hidden, 1, 64);
    memcpy(&values[hidden - 1], &signalling_nan, sizeof signalling_nan);
    set_mode();
    rnn_status found = rnn_model_check_finite(loaded);
    rnn_status refused = rnn_state_set(state, 0, RNN_STATE_HIDDEN, values, hidden);
    fesetenv(FE_DFL_ENV);
    assert_int_equal(found, RNN_ERROR_NONFINITE);
    assert_int_equal(refused, RNN_ERROR_ARGUMENT);
}

static void test_a_callers_flushing_of_subnormals_changes_no_bit_and_stays(void **state)
{
    check_mode(flush_subnormals);
}

static void test_exceptions_that_trap_for_the_caller_change_no_bit_and_still_do(void **state)
{
    check_mode(trap_every_exception);
}

static void test_flushing_and_traps_change_no_file_and_nothing_that_is_read(void **state)
{
    check_files(flush_subnormals);
    check_files(trap_every_exception);
    check_refusals(trap_every_exception);
    check_arguments(flush_subnormals);
    check_arguments(trap_every_exception);
    check_signalling_parameter(trap_every_exception);
}

#endif

/* Numbers that aren't finite are found without raising an exception flag. */
static void test_looking_for_what_is_not_finite_raises_no_flag(void **state)
{
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    scoped_model *model = create_model(&options);
    float bias[SYMBOLS] = {[SYMBOLS - 1] = INFINITY};
    int64_t index = index_of(model, "decoder.bias");
    uint64_t before = float_state();
    assert_fails(rnn_model_set_parameter(model, index, bias, SYMBOLS), RNN_ERROR_ARGUMENT, " is inf");
    assert_true(float_state() == before);
}

static int64_t subnormal_among(const float *values, int64_t count)
{
    int64_t subnormal = 0;
    for (int64_t i = 0; i < count; i++)
        subnormal += fpclassify(values[i]) == FP_SUBNORMAL;
    return subnormal;
}

static void test_an_lstm_that_hears_silence_ends_without_subnormal_numbers(void **test)
{
    enum { HEARD = 100, ROUNDS = 12, COUNT = STREAMS * 45 };
    rnn_model_options options = model_of(RNN_CELL_LSTM, RNN_FLOAT32, 3, RNN_LOSS_SQUARED_ERROR);
    options.initialization = RNN_INIT_NORMAL; /* the biases are 0, so inputs of zeros add nothing */
    options.layers = 1;
    options.dropout = 0;
    scoped_model *model = create_model(&options);
    scoped_state *state = create_random_state(model, STREAMS, 1, 1);
    scoped_memory float *silence = allocate(HEARD * STREAMS * FEATURES, sizeof *silence);
    float memory[COUNT], hidden[COUNT];
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = HEARD, .streams = STREAMS, .input_vectors = silence};
    for (int round = 0; round < ROUNDS; round++) {
        RUN(rnn_forward(model, state, &chunk, NULL, 0, NULL));
        assert_ok(rnn_state_get(state, 0, RNN_STATE_MEMORY, memory, COUNT));
        assert_ok(rnn_state_get(state, 0, RNN_STATE_HIDDEN, hidden, COUNT));
        assert_int_equal(subnormal_among(memory, COUNT), 0);
        assert_int_equal(subnormal_among(hidden, COUNT), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_callers_rounding_mode_changes_no_bit_and_stays, usual_mode),
        cmocka_unit_test_teardown(test_a_callers_exception_flags_stay, usual_mode),
        cmocka_unit_test_teardown(test_a_callers_mode_changes_no_file_and_nothing_that_is_read, usual_mode),
#ifdef __SSE2_MATH__
        cmocka_unit_test_teardown(test_a_callers_flushing_of_subnormals_changes_no_bit_and_stays, usual_mode),
        cmocka_unit_test_teardown(test_exceptions_that_trap_for_the_caller_change_no_bit_and_still_do, usual_mode),
        cmocka_unit_test_teardown(test_flushing_and_traps_change_no_file_and_nothing_that_is_read, usual_mode),
#endif
        cmocka_unit_test_teardown(test_looking_for_what_is_not_finite_raises_no_flag, usual_mode),
        cmocka_unit_test(test_an_lstm_that_hears_silence_ends_without_subnormal_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
