/* The model: its options, and which of them rnn_model_create() refuses. */
#include "models.h"

/* ---- Options ---- */

static void test_options_init_fills_in_the_seeds_defaults(void **state)
{
    (void)state;
    static const rnn_model_options expected = {
        .struct_size = sizeof expected, .hidden_size = 100, .layers = 1, .weight_scale = 0.01};
    rnn_model_options options;
    memset(&options, 0x77, sizeof options);
    assert_ok(rnn_model_options_init(&options, sizeof options));
    assert_memory_equal(&options, &expected, sizeof options);
}

static void test_get_options_returns_what_the_model_was_created_with(void **state)
{
    (void)state;
    rnn_model_options options = make_options(7, 5, 7, 2, RNN_FLOAT64);
    options.cell = RNN_CELL_LSTM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.input = RNN_INPUT_EMBEDDING;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    options.bias = RNN_BIAS_BOTH;
    options.orthogonal = 1;
    options.tied = 1;
    options.embedding_size = 5;
    options.forget_bias = 1.5;
    options.dropout = 0.25;
    options.seed = UINT64_C(0xfedcba9876543210);
    for (int32_t initialization = RNN_INIT_NORMAL; initialization <= RNN_INIT_UNIFORM; initialization++) {
        rnn_model_options got;
        options.initialization = initialization;
        options.weight_scale = initialization == RNN_INIT_NORMAL ? 0.125 : 0.01;
        scoped_model *model = create_model(&options);
        memset(&got, 0x77, sizeof got);
        got.struct_size = sizeof got;
        assert_ok(rnn_model_get_options(model, &got));
        assert_memory_equal(&got, &options, sizeof got);
    }
}

/* ---- Creating ---- */

static void assert_refused(const rnn_model_options *options, const char *part)
{
    rnn_model *model = UNTOUCHED;
    assert_fails(rnn_model_create(options, &model), RNN_ERROR_ARGUMENT, part);
    assert_ptr_equal(model, UNTOUCHED);
}

#define FIELD(name) #name, offsetof(rnn_model_options, name)

static void test_create_refuses_sizes_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t place;
        int64_t most;
    } fields[] = {
        {FIELD(input_size), 16777216}, {FIELD(hidden_size), 1048576},    {FIELD(output_size), 16777216},
        {FIELD(layers), 1024},         {FIELD(embedding_size), 1048576},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const int64_t bad[] = {0, -1, fields[i].most + 1, INT64_C(1) << 32, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
            char sentence[128];
            options.input = RNN_INPUT_EMBEDDING;
            options.embedding_size = 3;
            memcpy((char *)&options + fields[i].place, &bad[k], sizeof bad[k]);
            snprintf(sentence, sizeof sentence, "%s is %lld; it must be 1 to %lld", fields[i].name, (long long)bad[k],
                     (long long)fields[i].most);
            assert_refused(&options, sentence);
        }
    }
}

static void test_create_refuses_unknown_enumerators(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t place;
        int32_t first_bad;
    } fields[] = {
        {FIELD(cell), RNN_CELL_LSTM + 1},
        {FIELD(precision), RNN_FLOAT64 + 1},
        {FIELD(reduction), RNN_REDUCTION_MEAN + 1},
        {FIELD(input), RNN_INPUT_VECTORS + 1},
        {FIELD(loss), RNN_LOSS_SQUARED_ERROR + 1},
        {FIELD(bias), RNN_BIAS_BOTH + 1},
        {FIELD(initialization), RNN_INIT_UNIFORM + 1},
        {FIELD(dropout_per_chunk), 2},
        {FIELD(bidirectional), 2},
        {FIELD(learned_state), 2},
        {FIELD(layer_norm), 2},
        {FIELD(reserved), 1},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const int32_t bad[] = {-1, fields[i].first_bad, 1000, INT32_MAX, INT32_MIN};
        for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
            rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
            char part[64];
            memcpy((char *)&options + fields[i].place, &bad[k], sizeof bad[k]);
            snprintf(part, sizeof part, "%s is %d", fields[i].name, bad[k]);
            assert_refused(&options, part);
        }
    }
}

static void test_create_refuses_numbers_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t place;
        const char *range;
        double bad[7];
    } fields[] = {
        {FIELD(weight_scale), "it must be finite and", {-0.01, -DBL_MIN, -DBL_TRUE_MIN, -1, INFINITY, -INFINITY, NAN}},
        {FIELD(dropout), "it must be at least 0", {-0.1, -DBL_TRUE_MIN, 1, 1.5, INFINITY, -INFINITY, NAN}},
        {FIELD(forget_bias), "it must be finite", {INFINITY, -INFINITY, NAN, INFINITY, INFINITY, INFINITY, INFINITY}},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        for (size_t k = 0; k < sizeof fields[i].bad / sizeof fields[i].bad[0]; k++) {
            rnn_model_options options = make_options(4, 3, 4, 2, RNN_FLOAT32);
            char part[64];
            options.cell = RNN_CELL_LSTM;
            memcpy((char *)&options + fields[i].place, &fields[i].bad[k], sizeof fields[i].bad[k]);
            snprintf(part, sizeof part, "%s is %g; %s", fields[i].name, fields[i].bad[k], fields[i].range);
            assert_refused(&options, part);
        }
}

static void test_create_refuses_an_embedding_size_without_an_embedding(void **state)
{
    (void)state;
    static const int32_t inputs[] = {RNN_INPUT_IDS, RNN_INPUT_VECTORS};
    static const int64_t bad[] = {3, 1, -1, INT64_MAX};
    for (size_t k = 0; k < sizeof inputs / sizeof inputs[0]; k++)
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
            options.input = inputs[k];
            options.embedding_size = bad[i];
            assert_refused(&options, "embedding_size is ");
        }
}

static void test_create_refuses_to_tie_what_has_different_sizes_or_is_no_embedding(void **state)
{
    (void)state;
    rnn_model_options options = make_tied_options(7, 5, 5, 7);
    rnn_model_destroy(create_model(&options));
    const rnn_model_options bad[] = {make_tied_options(7, 4, 5, 7), make_tied_options(7, 5, 6, 7),
                                     make_tied_options(7, 5, 5, 8)};
    for (int i = 0; i < 3; i++)
        assert_refused(&bad[i], "tied is 1");
    options = make_tied_options(5, 0, 5, 5);
    options.input = RNN_INPUT_IDS;
    assert_refused(&options, "tied is 1");
    options.input = RNN_INPUT_VECTORS;
    assert_refused(&options, "tied is 1");
}

static void test_create_refuses_each_option_that_has_no_effect_unless_it_is_the_default(void **state)
{
    (void)state;
    rnn_model_options usual = make_options(4, 3, 4, 1, RNN_FLOAT32), options = usual;
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
    (void)state;
    rnn_model_options options;
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
        cmocka_unit_test(test_create_refuses_numbers_out_of_range),
        cmocka_unit_test(test_create_refuses_an_embedding_size_without_an_embedding),
        cmocka_unit_test(test_create_refuses_to_tie_what_has_different_sizes_or_is_no_embedding),
        cmocka_unit_test(test_create_refuses_each_option_that_has_no_effect_unless_it_is_the_default),
        cmocka_unit_test(test_create_refuses_options_without_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
