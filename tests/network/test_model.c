/* The model: its options, and which of them make one. */
#include "models.h"

/* ---- Options ---- */

static void test_options_init_fills_in_the_seeds_defaults(void **state)
{
    rnn_model_options options;
    (void)state;
    memset(&options, 0x77, sizeof options);
    assert_ok(rnn_model_options_init(&options, sizeof options));
    assert_int_equal(options.struct_size, sizeof options);
    assert_int_equal(options.input_size, 0);
    assert_int_equal(options.hidden_size, 100);
    assert_int_equal(options.output_size, 0);
    assert_int_equal(options.layers, 1);
    assert_int_equal(options.cell, RNN_CELL_TANH);
    assert_int_equal(options.precision, RNN_FLOAT32);
    assert_int_equal(options.reduction, RNN_REDUCTION_SUM);
    assert_int_equal(options.input, RNN_INPUT_IDS);
    assert_int_equal(options.loss, RNN_LOSS_CROSS_ENTROPY);
    assert_int_equal(options.bias, RNN_BIAS_INPUT);
    assert_int_equal(options.initialization, RNN_INIT_NORMAL);
    assert_int_equal(options.orthogonal, 0);
    assert_int_equal(options.tied, 0);
    assert_int_equal(options.dropout_per_chunk, 0);
    assert_int_equal(options.embedding_size, 0);
    assert_true(options.weight_scale == 0.01);
    assert_true(options.forget_bias == 0);
    assert_true(options.dropout == 0);
    assert_true(options.seed == 0);
}

static void test_get_options_returns_what_the_model_was_created_with(void **state)
{
    rnn_model_options options = make_options(7, 5, 7, 2, RNN_FLOAT64);
    (void)state;
    options.cell = RNN_CELL_LSTM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.input = RNN_INPUT_EMBEDDING;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    options.bias = RNN_BIAS_BOTH;
    options.orthogonal = 1;
    options.tied = 1;
    options.embedding_size = 5;
    options.weight_scale = 0.125;
    options.forget_bias = 1.5;
    options.dropout = 0.25;
    options.seed = UINT64_C(0xfedcba9876543210);
    rnn_model *model = create_model(&options);
    rnn_model_options got;
    memset(&got, 0x77, sizeof got);
    got.struct_size = sizeof got;
    assert_ok(rnn_model_get_options(model, &got));
    assert_int_equal(got.struct_size, sizeof got);
    assert_int_equal(got.input_size, 7);
    assert_int_equal(got.hidden_size, 5);
    assert_int_equal(got.output_size, 7);
    assert_int_equal(got.layers, 2);
    assert_int_equal(got.cell, RNN_CELL_LSTM);
    assert_int_equal(got.precision, RNN_FLOAT64);
    assert_int_equal(got.reduction, RNN_REDUCTION_MEAN);
    assert_int_equal(got.input, RNN_INPUT_EMBEDDING);
    assert_int_equal(got.loss, RNN_LOSS_SQUARED_ERROR);
    assert_int_equal(got.bias, RNN_BIAS_BOTH);
    assert_int_equal(got.initialization, RNN_INIT_NORMAL);
    assert_int_equal(got.orthogonal, 1);
    assert_int_equal(got.tied, 1);
    assert_int_equal(got.dropout_per_chunk, 0);
    assert_int_equal(got.embedding_size, 5);
    assert_true(got.weight_scale == 0.125);
    assert_true(got.forget_bias == 1.5);
    assert_true(got.dropout == 0.25);
    assert_true(got.seed == UINT64_C(0xfedcba9876543210));
    rnn_model_destroy(model);

    options.initialization = RNN_INIT_UNIFORM;
    options.weight_scale = 0.01;
    model = create_model(&options);
    assert_ok(rnn_model_get_options(model, &got));
    assert_int_equal(got.initialization, RNN_INIT_UNIFORM);
    assert_true(got.weight_scale == 0.01);
    rnn_model_destroy(model);
}

/* ---- Creating ---- */

static void assert_refused(const rnn_model_options *options, const char *part)
{
    rnn_model *model = UNTOUCHED;
    assert_fails(rnn_model_create(options, &model), RNN_ERROR_ARGUMENT, part);
    assert_ptr_equal(model, UNTOUCHED);
}

static void test_create_refuses_sizes_out_of_range(void **state)
{
    static const struct {
        size_t field;
        const char *name;
        int64_t most;
    } fields[] = {
        {offsetof(rnn_model_options, input_size), "input_size", 16777216},
        {offsetof(rnn_model_options, hidden_size), "hidden_size", 1048576},
        {offsetof(rnn_model_options, output_size), "output_size", 16777216},
        {offsetof(rnn_model_options, layers), "layers", 1024},
    };
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const int64_t bad[] = {0, -1, fields[i].most + 1, INT64_C(1) << 32, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
            char sentence[128];
            memcpy((char *)&options + fields[i].field, &bad[k], sizeof bad[k]);
            snprintf(sentence, sizeof sentence, "%s is %lld; it must be 1 to %lld", fields[i].name, (long long)bad[k],
                     (long long)fields[i].most);
            assert_refused(&options, sentence);
        }
    }
}

static void test_create_refuses_unknown_enumerators(void **state)
{
    static const struct {
        size_t field;
        const char *name;
        int32_t first_bad;
    } fields[] = {
        {offsetof(rnn_model_options, cell), "cell", RNN_CELL_LSTM + 1},
        {offsetof(rnn_model_options, precision), "precision", RNN_FLOAT64 + 1},
        {offsetof(rnn_model_options, reduction), "reduction", RNN_REDUCTION_MEAN + 1},
        {offsetof(rnn_model_options, input), "input", RNN_INPUT_VECTORS + 1},
        {offsetof(rnn_model_options, loss), "loss", RNN_LOSS_SQUARED_ERROR + 1},
        {offsetof(rnn_model_options, bias), "bias", RNN_BIAS_BOTH + 1},
        {offsetof(rnn_model_options, initialization), "initialization", RNN_INIT_UNIFORM + 1},
        {offsetof(rnn_model_options, dropout_per_chunk), "dropout_per_chunk", 2},
        {offsetof(rnn_model_options, bidirectional), "bidirectional", 2},
        {offsetof(rnn_model_options, learned_state), "learned_state", 2},
        {offsetof(rnn_model_options, layer_norm), "layer_norm", 2},
        {offsetof(rnn_model_options, reserved), "reserved", 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const int32_t bad[] = {-1, fields[i].first_bad, 1000, INT32_MAX, INT32_MIN};
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
            char part[64];
            memcpy((char *)&options + fields[i].field, &bad[k], sizeof bad[k]);
            snprintf(part, sizeof part, "%s is %d", fields[i].name, bad[k]);
            assert_refused(&options, part);
        }
    }
}

static void test_create_refuses_a_weight_scale_that_is_negative_or_not_finite(void **state)
{
    static const double bad[] = {-0.01, -INFINITY, INFINITY, NAN, -DBL_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
        options.weight_scale = bad[i];
        assert_refused(&options, "weight_scale is ");
    }
}

static void test_create_refuses_an_embedding_size_out_of_range(void **state)
{
    static const int64_t bad[] = {0, -1, 1048577, INT64_C(1) << 32, INT64_MAX, INT64_MIN};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
        char sentence[128];
        options.input = RNN_INPUT_EMBEDDING;
        options.embedding_size = bad[i];
        snprintf(sentence, sizeof sentence, "embedding_size is %lld; it must be 1 to 1048576", (long long)bad[i]);
        assert_refused(&options, sentence);
    }
}

static void test_create_refuses_an_embedding_size_without_an_embedding(void **state)
{
    static const int32_t inputs[] = {RNN_INPUT_IDS, RNN_INPUT_VECTORS};
    static const int64_t bad[] = {3, 1, -1, INT64_MAX};
    (void)state;
    for (size_t k = 0; k < sizeof inputs / sizeof inputs[0]; k++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
            options.input = inputs[k];
            options.embedding_size = bad[i];
            assert_refused(&options, "embedding_size is ");
        }
    }
}

static void test_create_refuses_to_tie_what_has_different_sizes_or_is_no_embedding(void **state)
{
    rnn_model_options options = make_tied_options(7, 5, 5, 7);
    (void)state;
    rnn_model_destroy(create_model(&options));
    options = make_tied_options(7, 4, 5, 7);
    assert_refused(&options, "tied is 1");
    options = make_tied_options(7, 5, 6, 7);
    assert_refused(&options, "tied is 1");
    options = make_tied_options(7, 5, 5, 8);
    assert_refused(&options, "tied is 1");
    options = make_tied_options(5, 5, 5, 5);
    options.embedding_size = 0;
    options.input = RNN_INPUT_IDS;
    assert_refused(&options, "tied is 1");
    options.input = RNN_INPUT_VECTORS;
    assert_refused(&options, "tied is 1");
}

static void test_create_refuses_a_dropout_that_is_not_0_to_less_than_1(void **state)
{
    static const double bad[] = {-0.1, -DBL_TRUE_MIN, 1, 1.5, INFINITY, -INFINITY, NAN};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rnn_model_options options = make_options(4, 3, 4, 2, RNN_FLOAT32);
        options.dropout = bad[i];
        assert_refused(&options, "dropout is ");
    }
}

static void test_create_refuses_a_forget_bias_that_is_not_finite(void **state)
{
    static const double bad[] = {INFINITY, -INFINITY, NAN};
    rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
    (void)state;
    options.cell = RNN_CELL_LSTM;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.forget_bias = bad[i];
        assert_refused(&options, "forget_bias is ");
    }
}

static void test_create_refuses_each_option_that_has_no_effect_unless_it_is_the_default(void **state)
{
    rnn_model_options usual = make_options(4, 3, 4, 1, RNN_FLOAT32), options = usual;
    (void)state;
    options.dropout = 0.25;
    assert_refused(&options, "dropout is 0.25; it must be 0 with one layer");
    options.layers = 2;
    rnn_model_destroy(create_model(&options));
    options.layers = 1;
    options.dropout = -0.0;
    rnn_model_destroy(create_model(&options));

    static const double scales[] = {0, 0.5};
    for (int i = 0; i < 2; i++) {
        options = usual;
        options.weight_scale = scales[i];
        rnn_model_destroy(create_model(&options));
        options.initialization = RNN_INIT_UNIFORM;
        assert_refused(&options, "it must be 0.01, its default, since RNN_INIT_UNIFORM");
        options.weight_scale = usual.weight_scale;
        rnn_model_destroy(create_model(&options));
    }

    options = usual;
    options.forget_bias = 1;
    assert_refused(&options, "forget_bias is 1; it must be 0, since RNN_CELL_TANH has no forget gate");
    options.cell = RNN_CELL_GRU;
    assert_refused(&options, "forget_bias is 1; it must be 0, since RNN_CELL_GRU has no forget gate");
    options.cell = RNN_CELL_LSTM;
    rnn_model_destroy(create_model(&options));
}

static void test_create_refuses_options_without_sizes(void **state)
{
    rnn_model_options options;
    (void)state;
    assert_ok(rnn_model_options_init(&options, sizeof options));
    assert_refused(&options, "input_size is 0");
    options.input_size = 3;
    assert_refused(&options, "output_size is 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_init_fills_in_the_seeds_defaults),
        cmocka_unit_test(test_get_options_returns_what_the_model_was_created_with),
        cmocka_unit_test(test_create_refuses_sizes_out_of_range),
        cmocka_unit_test(test_create_refuses_unknown_enumerators),
        cmocka_unit_test(test_create_refuses_a_weight_scale_that_is_negative_or_not_finite),
        cmocka_unit_test(test_create_refuses_an_embedding_size_out_of_range),
        cmocka_unit_test(test_create_refuses_an_embedding_size_without_an_embedding),
        cmocka_unit_test(test_create_refuses_to_tie_what_has_different_sizes_or_is_no_embedding),
        cmocka_unit_test(test_create_refuses_a_dropout_that_is_not_0_to_less_than_1),
        cmocka_unit_test(test_create_refuses_a_forget_bias_that_is_not_finite),
        cmocka_unit_test(test_create_refuses_each_option_that_has_no_effect_unless_it_is_the_default),
        cmocka_unit_test(test_create_refuses_options_without_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
