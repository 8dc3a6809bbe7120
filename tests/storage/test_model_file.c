/*
 * Models as files: that a load gives back what was saved, and what it refuses. The files are made in memory;
 * test_foreign_files.c has those of others, test_file.c those on the disk, test_safetensors.c damaged ones.
 */
#include "small_models.h"

/* ---- There and back ---- */

static void test_every_kind_of_model_comes_back_bit_by_bit(void **state)
{
    (void)state;
    static const int64_t layers[] = {1, 3};
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++) {
        for (int kind = 0; kind < 2 * 2 * 2 * 2 * 2 * INPUT_KINDS; kind++) {
            rnn_model_options o =
                options_for(cell, (input_kind)(kind / 32), kind & 1, kind >> 1 & 1, layers[kind >> 2 & 1]);
            o.bidirectional = kind >> 3 & 1;
            o.learned_state = o.layer_norm = kind >> 4 & 1;
            o.embedding_size *= 1 + (o.bidirectional && o.tied);
            rnn_model *model = create_random_model(&o, 2, (uint64_t)kind + 1);
            file_bytes file = saved(model, NULL);
            rnn_model *loaded = load(&file, NULL);
            assert_same_model(model, loaded);
            file_bytes again = saved(loaded, NULL);
            assert_same_bytes(&again, &file);
            free(again.bytes);
            free(file.bytes);
            rnn_model_destroy(loaded);
            rnn_model_destroy(model);
        }
    }
}

static void test_a_model_larger_than_what_is_read_at_a_time_comes_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        rnn_model_options o = make_options(91, 67, 91, 2, kind & 1);
        o.cell = RNN_CELL_LSTM;
        o.bias = kind >> 1;
        rnn_model *model = create_random_model(&o, 1, 9);
        accept_load(saved(model, NULL), NULL, model);
        rnn_model_destroy(model);
    }
}

static void test_all_options_come_back(void **state)
{
    (void)state;
    for (int32_t initialization = RNN_INIT_NORMAL; initialization <= RNN_INIT_UNIFORM; initialization++) {
        rnn_model_options o = rich_options();
        o.initialization = initialization;
        if (initialization == RNN_INIT_UNIFORM)
            o.weight_scale = 0.01;
        rnn_model *model = create_model(&o);
        accept_load(saved(model, NULL), NULL, model);
        rnn_model_destroy(model);
    }
}

static void test_a_loaded_model_trains_on_as_the_saved_one(void **state)
{
    (void)state;
    rnn_model_options o = rich_options();
    rnn_model *model = create_model(&o);
    file_bytes file = saved(model, NULL);
    rnn_model *both[2] = {model, load(&file, NULL)};
    owned_chunk chunk = create_random_chunk(6, 2, SYMBOLS, SYMBOLS, 0, 3);
    for (int i = 0; i < 2; i++) {
        rnn_state *stream = create_state(both[i], 2);
        rnn_optimizer *optimizer = NULL;
        assert_ok(rnn_optimizer_create(both[i], NULL, &optimizer));
        for (int n = 0; n < 3; n++) {
            assert_ok(rnn_forward_backward(both[i], stream, &chunk.chunk, NULL));
            assert_ok(rnn_optimizer_step(optimizer, both[i]));
        }
        rnn_optimizer_destroy(optimizer);
        rnn_state_destroy(stream);
    }
    assert_same_model(both[0], both[1]);
    destroy_chunk(&chunk);
    free(file.bytes);
    rnn_model_destroy(both[1]);
    rnn_model_destroy(model);
}

static void test_negative_zeros_and_subnormal_numbers_come_back(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        rnn_model_options o = options_for(RNN_CELL_GRU, IDS, RNN_BIAS_INPUT, precision, 1);
        rnn_model *model = create_random_model(&o, 1, 2);
        for (int64_t i = 0; i < rnn_model_parameter_count(model); i++) {
            double *values = get_parameter(model, i);
            values[0] = -0.0;
            values[1] = precision == RNN_FLOAT32 ? FLT_MIN / 16 : DBL_MIN / 16;
            values[2] = precision == RNN_FLOAT32 ? -FLT_MAX : -DBL_MAX;
            set_parameter(model, i, values);
            free(values);
        }
        accept_load(saved(model, NULL), NULL, model);
        rnn_model_destroy(model);
    }
}

static void test_numbers_that_are_not_finite_load_and_are_found_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t index;
        const char *sentence;
    } places[] = {
        {"rnn.weight_ih_l0", 5, "rnn.weight_ih_l0[1][2]"},
        {"rnn.weight_hh_l0", 3, "rnn.weight_hh_l0[1][1]"},
        {"rnn.bias_ih_l0", 1, "rnn.bias_ih_l0[1]"},
        {"decoder.weight", 4, "decoder.weight[2][0]"},
        {"decoder.bias", 2, "decoder.bias[2]"},
    };
    rnn_model *model = small_model();
    assert_ok(rnn_model_check_finite(model));
    for (size_t i = 0; i < 2 * sizeof places / sizeof places[0]; i++) {
        file_bytes file = saved(model, NULL);
        put_float(&file, places[i / 2].name, places[i / 2].index, i % 2 ? NAN : -INFINITY);
        rnn_model *loaded = load(&file, NULL);
        assert_fails(rnn_model_check_finite(loaded), RNN_ERROR_NONFINITE, places[i / 2].sentence);
        assert_non_null(strstr(rnn_last_error(), i % 2 ? "nan" : "-inf"));
        file_bytes again = saved(loaded, NULL);
        assert_same_bytes(&again, &file);
        free(again.bytes);
        free(file.bytes);
        rnn_model_destroy(loaded);
    }
    rnn_model_destroy(model);
}

static void test_a_weight_that_is_not_finite_is_reported_by_the_first_forward(void **state)
{
    (void)state;
    const int32_t ids[] = {0, 1, 2};
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 3, .streams = 1, .inputs = ids, .targets = ids};
    file_bytes file = small_file(false);
    put_float(&file, "rnn.weight_hh_l0", 1, NAN);
    rnn_model *loaded = load(&file, NULL);
    rnn_state *stream = create_state(loaded, 1);
    assert_fails(rnn_forward(loaded, stream, &chunk, NULL, 0, NULL), RNN_ERROR_NONFINITE, "");
    rnn_state_destroy(stream);
    free(file.bytes);
    rnn_model_destroy(loaded);
}

/* ---- To memory ---- */

static void test_saving_to_memory_needs_room_for_all(void **state)
{
    (void)state;
    size_t size = 77, asked = 0;
    char byte = 'x';
    rnn_model *model = small_model();
    file_bytes file = saved(model, NULL);
    memset(file.bytes, 0xa5, file.size);
    assert_fails(rnn_model_save_to_memory(model, NULL, file.bytes, file.size - 1, &size), RNN_ERROR_ARGUMENT,
                 "capacity is");
    for (size_t i = 0; i < file.size; i++)
        assert_int_equal(file.bytes[i], 0xa5);
    assert_fails(rnn_model_save_to_memory(model, NULL, &byte, 0, &size), RNN_ERROR_ARGUMENT, "capacity is 0");
    assert_int_equal(size, 77);
    assert_ok(rnn_model_save_to_memory(model, NULL, NULL, 0, &asked));
    assert_int_equal(asked, file.size);
    free(file.bytes);
    rnn_model_destroy(model);
}

static void test_the_header_says_what_the_specification_says(void **state)
{
    (void)state;
    static const char expected[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"librnn.format\":\"1\",\"librnn.version\":\"%s\","
        "\"librnn.cell\":\"lstm\",\"librnn.input\":\"embedding\",\"librnn.input_size\":\"7\","
        "\"librnn.embedding_size\":\"3\",\"librnn.hidden_size\":\"5\",\"librnn.layers\":\"1\","
        "\"librnn.output_size\":\"7\",\"librnn.bias\":\"input\",\"librnn.tied\":\"0\","
        "\"librnn.loss\":\"cross_entropy\",\"librnn.reduction\":\"mean\",\"librnn.dropout\":\"0\","
        "\"librnn.initialization\":\"normal\",\"librnn.orthogonal\":\"1\",\"librnn.weight_scale\":"
        "\"0.10000000000000001\",\"librnn.forget_bias\":\"-1e-300\",\"librnn.seed\":\"18446744073709551615\","
        "\"librnn.dropout_input\":\"0.14285714285714285\",\"librnn.dropout_output\":\"0.10000000000000001\","
        "\"librnn.dropout_recurrent\":\"0.20000000000000001\",\"librnn.dropout_per_chunk\":\"1\","
        "\"librnn.vocab.kind\":\"bytes\",\"librnn.vocab.symbols\":\"61006263ff640a\"},"
        "\"embedding.weight\":{\"dtype\":\"F32\",\"shape\":[7,3],\"data_offsets\":[0,84]},"
        "\"rnn.weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[20,3],\"data_offsets\":[84,324]},"
        "\"rnn.weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[20,5],\"data_offsets\":[324,724]},"
        "\"rnn.bias_ih_l0\":{\"dtype\":\"F32\",\"shape\":[20],\"data_offsets\":[724,804]},"
        "\"rnn.bias_hh_l0\":{\"dtype\":\"F32\",\"shape\":[20],\"data_offsets\":[804,884]},"
        "\"decoder.weight\":{\"dtype\":\"F32\",\"shape\":[7,5],\"data_offsets\":[884,1024]},"
        "\"decoder.bias\":{\"dtype\":\"F32\",\"shape\":[7],\"data_offsets\":[1024,1052]}}";
    char filled[sizeof expected + 16];
    rnn_model_options o = rich_options();
    o.layers = 1;
    o.dropout = 0;
    o.bias = RNN_BIAS_INPUT;
    o.bidirectional = o.learned_state = o.layer_norm = 0;
    rnn_model *model = create_model(&o);
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "a\0bc\377d\n", 7);
    file_bytes file = saved(model, vocab);
    snprintf(filled, sizeof filled, expected, rnn_version());
    char *header = header_of(&file);
    assert_int_equal(strlen(header) % 8, 0);
    assert_int_equal(strspn(header + strlen(filled), " "), strlen(header) - strlen(filled));
    assert_true(strlen(header) - strlen(filled) < 8);
    assert_memory_equal(header, filled, strlen(filled));
    assert_int_equal(file.size, 8 + strlen(header) + 1052);
    const unsigned char *zeros = file.bytes + 8 + strlen(header) + 804;
    for (int i = 0; i < 80; i++)
        assert_int_equal(zeros[i], 0);
    free(header);
    free(file.bytes);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
}

/* ---- Precisions ---- */

static void test_float32_loads_as_the_same_numbers_in_float64_and_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < INPUT_KINDS * 2; kind++) {
        rnn_model_options o = options_for(RNN_CELL_GRU, (input_kind)(kind / 2), kind % 2, RNN_FLOAT32, 2);
        rnn_load_options options = make_load_options();
        rnn_model *model = create_random_model(&o, 3, 8);
        file_bytes file = saved(model, NULL);
        options.precision = RNN_FLOAT64;
        rnn_model *wide = load(&file, &options);
        assert_int_equal(options_of(wide).precision, RNN_FLOAT64);
        double *values = get_all_parameters(model), *wide_values = get_all_parameters(wide);
        assert_memory_equal(values, wide_values, (size_t)parameter_total(model) * sizeof(double));
        free(values);
        free(wide_values);
        options.precision = RNN_FLOAT32;
        accept_load(saved(wide, NULL), NULL, wide);
        accept_load(saved(wide, NULL), &options, model);
        free(file.bytes);
        rnn_model_destroy(wide);
        rnn_model_destroy(model);
    }
}

static void test_float64_is_rounded_to_float32_and_refused_beyond_it(void **state)
{
    (void)state;
    const double half_beyond = (double)FLT_MAX + ldexp(1, 103);
    rnn_load_options options = make_load_options();
    options.precision = RNN_FLOAT32;
    rnn_model_options o = make_options(3, 2, 3, 1, RNN_FLOAT64);
    rnn_model *model = create_random_model(&o, 1, 4);
    file_bytes file = saved(model, NULL);
    put_double(&file, "decoder.weight", 0, nextafter(half_beyond, 0));
    put_double(&file, "decoder.weight", 1, 1e-60);
    put_double(&file, "decoder.weight", 2, INFINITY);
    put_double(&file, "decoder.weight", 3, NAN);
    put_double(&file, "decoder.weight", 4, 0.1);
    rnn_model *loaded = load(&file, &options);
    double *values = get_parameter(loaded, index_of(loaded, "decoder.weight"));
    assert_true(values[0] == (double)FLT_MAX && values[1] == 0 && isinf(values[2]) && isnan(values[3]));
    assert_true(values[4] == (double)0.1f);
    free(values);
    rnn_model_destroy(loaded);
    static const char *const names[] = {"rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "decoder.bias"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        file_bytes changed = saved(model, NULL);
        put_double(&changed, names[i], 1, i % 2 ? half_beyond : -1e300);
        assert_load_fails(&changed, &options, RNN_ERROR_MISMATCH, names[i]);
        assert_non_null(strstr(rnn_last_error(), "too large for RNN_FLOAT32"));
        free(changed.bytes);
    }
    free(file.bytes);
    rnn_model_destroy(model);
}

static void test_tensors_of_both_precisions_load_as_float64(void **state)
{
    (void)state;
    file_bytes file = small_file(false);
    /* the last tensor's three numbers become doubles */
    file_bytes changed = edited(&file, "\"decoder.bias\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[80,92]}",
                                "\"decoder.bias\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[80,104]}");
    file_bytes longer = {allocate((int64_t)changed.size + 12, 1), changed.size + 12};
    memcpy(longer.bytes, changed.bytes, changed.size);
    put_double(&longer, "decoder.bias", 0, 0.1);
    rnn_model *loaded = load(&longer, NULL);
    assert_int_equal(options_of(loaded).precision, RNN_FLOAT64);
    double *bias = get_parameter(loaded, index_of(loaded, "decoder.bias"));
    assert_true(bias[0] == 0.1);
    free(bias);
    free(longer.bytes);
    free(changed.bytes);
    free(file.bytes);
    rnn_model_destroy(loaded);
}

/* ---- Vocabularies ---- */

static void test_a_vocabulary_comes_back(void **state)
{
    (void)state;
    unsigned char all[256];
    rnn_vocab *loaded_vocab = NULL;
    rnn_model *loaded = NULL;
    for (int i = 0; i < 256; i++)
        all[i] = (unsigned char)(255 - i);
    for (size_t size = 1; size <= 256; size += 85) {
        rnn_model_options o = make_options((int64_t)size, 2, (int64_t)size, 1, RNN_FLOAT32);
        rnn_model *model = create_model(&o);
        rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, all, size);
        file_bytes file = saved(model, vocab);
        assert_ok(rnn_model_load_from_memory(file.bytes, file.size, NULL, &loaded, &loaded_vocab));
        assert_same_model(model, loaded);
        assert_same_vocab(loaded_vocab, vocab);
        rnn_vocab_destroy(loaded_vocab);
        rnn_model_destroy(loaded);
        accept_load(file, NULL, model); /* a caller may leave out the vocabulary */
        rnn_vocab_destroy(vocab);
        rnn_model_destroy(model);
    }
}

static void test_the_unknown_symbol_and_code_points_come_back(void **state)
{
    (void)state;
    static const struct {
        int32_t kind;
        const char *symbols, *shown;
    } cases[] = {
        {RNN_VOCAB_BYTES, "abc", NULL},
        {RNN_VOCAB_BYTES, "cba", "\xff\n"},
        {RNN_VOCAB_UTF8, "z\xc3\xa4\xe2\x82\xac", NULL},
        {RNN_VOCAB_UTF8, "\xf0\x9f\x98\x80-b", "(unknown)"},
    };
    static const change changes[] = {
        {"vocab.unknown\":\"", "vocab.unknown\":\"x", "librnn.vocab.unknown must be"},
        {"vocab.unknown\":\"", "vocab.unknown\":\"\",\"x\":\"", "librnn.vocab.unknown must be"},
        {"vocab.unknown\":\"", "vocab.unknown\":\"61616161616161616161616161616161", "librnn.vocab.unknown is invalid"},
        {"vocab.unknown", "vocab.another", "vocabulary has 3 symbols"},
    };
    rnn_model_options o = make_options(4, 2, 4, 1, RNN_FLOAT32);
    rnn_model *model = create_model(&o);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rnn_vocab *known = vocab_of_list(cases[i].kind, cases[i].symbols, strlen(cases[i].symbols));
        rnn_vocab *vocab = vocab_with_unknown(known, cases[i].shown), *loaded_vocab = NULL;
        rnn_model *loaded = NULL;
        file_bytes file = saved(model, vocab);
        assert_ok(rnn_model_load_from_memory(file.bytes, file.size, NULL, &loaded, &loaded_vocab));
        assert_same_vocab(loaded_vocab, vocab);
        assert_int_equal(rnn_vocab_unknown(loaded_vocab), 3);
        refuse_all(&file, changes);
        free(file.bytes);
        rnn_model_destroy(loaded);
        rnn_vocab_destroy(loaded_vocab);
        rnn_vocab_destroy(vocab);
        rnn_vocab_destroy(known);
    }
    rnn_model_destroy(model);
}

static void test_without_a_vocabulary_there_is_none(void **state)
{
    (void)state;
    rnn_model *loaded = NULL;
    rnn_vocab *vocab = UNTOUCHED;
    file_bytes file = small_file(false);
    assert_ok(rnn_model_load_from_memory(file.bytes, file.size, NULL, &loaded, &vocab));
    assert_null(vocab);
    free(file.bytes);
    rnn_model_destroy(loaded);
}

static void test_a_vocabulary_must_fit_what_the_model_reads_or_else_writes(void **state)
{
    (void)state;
    rnn_vocab *three = vocab_of_list(RNN_VOCAB_BYTES, "abc", 3);
    size_t size;
    static const struct {
        int64_t input_size, output_size;
        int32_t input, loss;
        int fits;
    } cases[] = {
        {3, 3, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, 1},     {4, 3, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, 0},
        {3, 2, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, 1}, /* a classifier of texts */
        {3, 1, RNN_INPUT_IDS, RNN_LOSS_SQUARED_ERROR, 1},     {2, 3, RNN_INPUT_VECTORS, RNN_LOSS_CROSS_ENTROPY, 1},
        {3, 2, RNN_INPUT_VECTORS, RNN_LOSS_CROSS_ENTROPY, 0}, {3, 3, RNN_INPUT_VECTORS, RNN_LOSS_SQUARED_ERROR, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rnn_model_options o = make_options(cases[i].input_size, 2, cases[i].output_size, 1, RNN_FLOAT32);
        o.input = cases[i].input;
        o.loss = cases[i].loss;
        rnn_model *model = create_model(&o);
        if (cases[i].fits) {
            assert_ok(rnn_model_save_to_memory(model, three, NULL, 0, &size));
        } else {
            assert_fails(rnn_model_save_to_memory(model, three, NULL, 0, &size), RNN_ERROR_MISMATCH, "vocabulary");
            assert_fails(rnn_model_save(model, three, "model"), RNN_ERROR_MISMATCH, "vocabulary");
            assert_int_equal(access("model", F_OK), -1);
        }
        rnn_model_destroy(model);
    }
    rnn_vocab_destroy(three);
}

/* ---- Two biases and one ---- */

/* The file of a model with both biases, said to have one. */
static file_bytes file_of_two_biases(int32_t cell, int32_t precision, double *input_bias, double *hidden_bias)
{
    rnn_model_options o = options_for(cell, IDS, RNN_BIAS_BOTH, precision, 1);
    rnn_model *model = create_random_model(&o, 1, 12);
    set_parameter(model, index_of(model, "rnn.bias_ih_l0"), input_bias);
    set_parameter(model, index_of(model, "rnn.bias_hh_l0"), hidden_bias);
    file_bytes file = saved(model, NULL);
    file_bytes changed = edited(&file, "librnn.bias\":\"both\"", "librnn.bias\":\"input\"");
    free(file.bytes);
    rnn_model_destroy(model);
    return changed;
}

static void test_with_one_bias_the_sum_of_both_is_loaded(void **state)
{
    (void)state;
    double a[4 * HIDDEN], b[4 * HIDDEN];
    random_source source = {3};
    random_fill(&source, a, 4 * HIDDEN, 1);
    random_fill(&source, b, 4 * HIDDEN, 1);
    a[0] = -0.0, b[0] = 0;
    a[1] = -0.0, b[1] = -0.0;
    a[2] = 0, b[2] = -0.0;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        for (int i = 0; i < 4 * HIDDEN && precision == RNN_FLOAT32; i++)
            a[i] = (float)a[i], b[i] = (float)b[i];
        file_bytes file = file_of_two_biases(RNN_CELL_LSTM, precision, a, b);
        for (int32_t to = RNN_FLOAT32; to <= RNN_FLOAT64; to++) {
            rnn_load_options options = make_load_options();
            options.precision = to;
            rnn_model *loaded = load(&file, &options);
            assert_int_equal(options_of(loaded).bias, RNN_BIAS_INPUT);
            double *sum = get_parameter(loaded, index_of(loaded, "rnn.bias_ih_l0"));
            for (int i = 0; i < 4 * HIDDEN; i++) {
                double exact = a[i] + b[i];
                assert_true(sum[i] == (to == RNN_FLOAT32 ? (double)(float)exact : exact));
            }
            assert_true(signbit(sum[0]) && signbit(sum[1]) && !signbit(sum[2]));
            free(sum);
            rnn_model_destroy(loaded);
        }
        free(file.bytes);
    }
}

static void test_a_sum_of_biases_beyond_the_precision_is_refused(void **state)
{
    (void)state;
    double a[HIDDEN] = {0, 3e38}, b[HIDDEN] = {0, 3e38};
    file_bytes file = file_of_two_biases(RNN_CELL_TANH, RNN_FLOAT32, a, b);
    assert_load_fails(&file, NULL, RNN_ERROR_FORMAT, "element 1 of rnn.bias_ih_l0");
    rnn_load_options options = make_load_options();
    options.precision = RNN_FLOAT32;
    assert_load_fails(&file, &options, RNN_ERROR_MISMATCH, "element 1 of rnn.bias_ih_l0");
    free(file.bytes);
}

static void test_the_last_bias_of_a_gru_cannot_be_added(void **state)
{
    (void)state;
    double a[3 * HIDDEN] = {1}, b[3 * HIDDEN] = {2};
    b[2 * HIDDEN - 1] = 5;
    b[2 * HIDDEN] = -0.0;
    file_bytes file = file_of_two_biases(RNN_CELL_GRU, RNN_FLOAT32, a, b);
    rnn_model *loaded = load(&file, NULL);
    double *sum = get_parameter(loaded, index_of(loaded, "rnn.bias_ih_l0"));
    assert_true(sum[0] == 3 && sum[2 * HIDDEN - 1] == 5 && sum[2 * HIDDEN] == 0 && !signbit(sum[2 * HIDDEN]));
    free(sum);
    rnn_model_destroy(loaded);
    free(file.bytes);
    for (int i = 2 * HIDDEN; i < 3 * HIDDEN; i++) {
        b[i] = 1e-30;
        file = file_of_two_biases(RNN_CELL_GRU, RNN_FLOAT32, a, b);
        assert_load_fails(&file, NULL, RNN_ERROR_FORMAT, "unless bias is RNN_BIAS_BOTH");
        assert_non_null(strstr(rnn_last_error(), "rnn.bias_hh_l0["));
        free(file.bytes);
        b[i] = 0;
    }
}

/* ---- Arguments ---- */

static void test_load_options_are_checked(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        int32_t value;
        const char *part;
    } cases[] = {
        {offsetof(rnn_load_options, precision), 2, "precision is 2"},
        {offsetof(rnn_load_options, precision), -2, "precision is -2"},
        {offsetof(rnn_load_options, reserved), 1, "reserved is 1"},
        {offsetof(rnn_load_options, ignore_others), 2, "ignore_others is 2"},
        {offsetof(rnn_load_options, infer), -1, "infer is -1"},
    };
    file_bytes file = small_file(false);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rnn_load_options options = make_load_options();
        assert_int_equal(options.precision, RNN_PRECISION_STORED);
        assert_null(options.configuration);
        memcpy((char *)&options + cases[i].offset, &cases[i].value, sizeof cases[i].value);
        assert_load_fails(&file, &options, RNN_ERROR_ARGUMENT, cases[i].part);
    }
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_model_comes_back_bit_by_bit),
        cmocka_unit_test(test_a_model_larger_than_what_is_read_at_a_time_comes_back),
        cmocka_unit_test(test_all_options_come_back),
        cmocka_unit_test(test_a_loaded_model_trains_on_as_the_saved_one),
        cmocka_unit_test(test_negative_zeros_and_subnormal_numbers_come_back),
        cmocka_unit_test(test_numbers_that_are_not_finite_load_and_are_found_by_name),
        cmocka_unit_test(test_a_weight_that_is_not_finite_is_reported_by_the_first_forward),
        cmocka_unit_test(test_saving_to_memory_needs_room_for_all),
        cmocka_unit_test(test_the_header_says_what_the_specification_says),
        cmocka_unit_test(test_float32_loads_as_the_same_numbers_in_float64_and_back),
        cmocka_unit_test(test_float64_is_rounded_to_float32_and_refused_beyond_it),
        cmocka_unit_test(test_tensors_of_both_precisions_load_as_float64),
        cmocka_unit_test(test_a_vocabulary_comes_back),
        cmocka_unit_test(test_the_unknown_symbol_and_code_points_come_back),
        cmocka_unit_test(test_without_a_vocabulary_there_is_none),
        test_with_files(test_a_vocabulary_must_fit_what_the_model_reads_or_else_writes),
        cmocka_unit_test(test_with_one_bias_the_sum_of_both_is_loaded),
        cmocka_unit_test(test_a_sum_of_biases_beyond_the_precision_is_refused),
        cmocka_unit_test(test_the_last_bias_of_a_gru_cannot_be_added),
        cmocka_unit_test(test_load_options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
