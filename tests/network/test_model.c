/* The model: its options, its parameters by index, name, view and flat buffer, and its gradients. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* What an out-parameter holds before a call that fails, and must hold afterwards. */
static char untouched_object;
#define UNTOUCHED ((rnn_model *)&untouched_object)

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

static rnn_model *create(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                         int32_t precision)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    return create_model(&options);
}

/* Runs a random chunk forward and back from a state of zeros, so that the model has gradients. */
static void run_random_chunk(rnn_model *model, int64_t steps, int64_t streams, uint64_t seed)
{
    rnn_model_options options = options_of(model);
    rnn_state *state = create_state(model, streams);
    owned_chunk chunk = create_random_chunk(steps, streams, options.input_size, options.output_size, 0, seed);
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
    destroy_chunk(&chunk);
    rnn_state_destroy(state);
}

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

static rnn_model_options make_tied_options(int64_t input_size, int64_t embedding_size, int64_t hidden_size,
                                           int64_t output_size)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, 1, RNN_FLOAT32);
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = embedding_size;
    options.tied = 1;
    return options;
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
        assert_refused(&options, "it must stay at its default, 0.01, with RNN_INIT_UNIFORM");
        options.weight_scale = usual.weight_scale;
        rnn_model_destroy(create_model(&options));
    }

    options = usual;
    options.forget_bias = 1;
    assert_refused(&options, "forget_bias is 1; it must be 0, since a cell of RNN_CELL_TANH has no forget gate");
    options.cell = RNN_CELL_GRU;
    assert_refused(&options, "forget_bias is 1; it must be 0, since a cell of RNN_CELL_GRU has no forget gate");
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

/* ---- Names and shapes ---- */

/* The model must have a parameter of this name and shape. */
static void assert_has_parameter(const rnn_model *model, const char *name, int32_t rank, int64_t rows, int64_t columns)
{
    rnn_parameter parameter = parameter_of(model, index_of(model, name));
    assert_string_equal(parameter.name, name);
    assert_int_equal(parameter.struct_size, sizeof parameter);
    assert_int_equal(parameter.rank, rank);
    assert_int_equal(parameter.shape[0], rows);
    assert_int_equal(parameter.shape[1], columns);
    assert_int_equal(parameter.count, rows * columns);
    assert_int_equal(parameter.precision, options_of(model).precision);
}

static void test_a_model_of_one_layer_has_the_seeds_five_parameters(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        assert_int_equal(rnn_model_parameter_count(model), 5);
        assert_has_parameter(model, "rnn.weight_ih_l0", 2, 5, 7);
        assert_has_parameter(model, "rnn.weight_hh_l0", 2, 5, 5);
        assert_has_parameter(model, "rnn.bias_ih_l0", 1, 5, 1);
        assert_has_parameter(model, "decoder.weight", 2, 3, 5);
        assert_has_parameter(model, "decoder.bias", 1, 3, 1);
        rnn_model_destroy(model);
    }
}

static void test_each_further_layer_has_three_parameters_with_inputs_of_hidden_size(void **state)
{
    enum { LAYERS = 12 };
    rnn_model *model = create(7, 5, 3, LAYERS, RNN_FLOAT32);
    (void)state;
    assert_int_equal(rnn_model_parameter_count(model), 3 * LAYERS + 2);
    for (int layer = 1; layer < LAYERS; layer++) {
        char name[64];
        snprintf(name, sizeof name, "rnn.weight_ih_l%d", layer);
        assert_has_parameter(model, name, 2, 5, 5);
        snprintf(name, sizeof name, "rnn.weight_hh_l%d", layer);
        assert_has_parameter(model, name, 2, 5, 5);
        snprintf(name, sizeof name, "rnn.bias_ih_l%d", layer);
        assert_has_parameter(model, name, 1, 5, 1);
    }
    rnn_model_destroy(model);
}

/* Without an embedding: one layer's and the decoder's. */
static void test_the_rows_of_a_layer_are_its_gates_times_its_units(void **state)
{
    static const struct {
        int32_t cell;
        int64_t gates;
    } cells[] = {{RNN_CELL_TANH, 1}, {RNN_CELL_GRU, 3}, {RNN_CELL_LSTM, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        for (int32_t bias = RNN_BIAS_INPUT; bias <= RNN_BIAS_BOTH; bias++) {
            rnn_model_options options = make_options(7, 5, 3, 2, RNN_FLOAT32);
            int64_t rows = 5 * cells[i].gates;
            options.cell = cells[i].cell;
            options.bias = bias;
            rnn_model *model = create_model(&options);
            assert_int_equal(rnn_model_parameter_count(model), bias == RNN_BIAS_BOTH ? 10 : 8);
            assert_has_parameter(model, "rnn.weight_ih_l0", 2, rows, 7);
            assert_has_parameter(model, "rnn.weight_hh_l0", 2, rows, 5);
            assert_has_parameter(model, "rnn.bias_ih_l0", 1, rows, 1);
            assert_has_parameter(model, "rnn.weight_ih_l1", 2, rows, 5);
            assert_has_parameter(model, "rnn.weight_hh_l1", 2, rows, 5);
            assert_has_parameter(model, "rnn.bias_ih_l1", 1, rows, 1);
            assert_has_parameter(model, "decoder.weight", 2, 3, 5);
            assert_has_parameter(model, "decoder.bias", 1, 3, 1);
            if (bias == RNN_BIAS_BOTH) {
                assert_has_parameter(model, "rnn.bias_hh_l0", 1, rows, 1);
                assert_has_parameter(model, "rnn.bias_hh_l1", 1, rows, 1);
            }
            rnn_model_destroy(model);
        }
    }
}

static void test_an_embedding_has_a_row_a_symbol_and_feeds_the_first_layer(void **state)
{
    rnn_model_options options = make_options(7, 5, 3, 1, RNN_FLOAT32);
    (void)state;
    options.cell = RNN_CELL_GRU;
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = 4;
    rnn_model *model = create_model(&options);
    assert_int_equal(rnn_model_parameter_count(model), 6);
    assert_has_parameter(model, "embedding.weight", 2, 7, 4);
    assert_has_parameter(model, "rnn.weight_ih_l0", 2, 15, 4);
    assert_has_parameter(model, "decoder.weight", 2, 3, 5);
    rnn_model_destroy(model);
}

static void test_a_tied_embedding_takes_the_place_of_the_decoders_weight(void **state)
{
    rnn_model_options options = make_tied_options(7, 5, 5, 7);
    rnn_model *model = create_model(&options);
    int64_t index = -7;
    (void)state;
    assert_int_equal(rnn_model_parameter_count(model), 5);
    assert_has_parameter(model, "embedding.weight", 2, 7, 5);
    assert_has_parameter(model, "decoder.bias", 1, 7, 1);
    assert_fails(rnn_model_find_parameter(model, "decoder.weight", &index), RNN_ERROR_ARGUMENT, "decoder.weight");
    assert_int_equal(index, -7);
    rnn_model_destroy(model);
}

static void test_the_first_layer_takes_vectors_of_input_size(void **state)
{
    rnn_model_options options = make_options(7, 5, 3, 1, RNN_FLOAT32);
    (void)state;
    options.input = RNN_INPUT_VECTORS;
    rnn_model *model = create_model(&options);
    assert_int_equal(rnn_model_parameter_count(model), 5);
    assert_has_parameter(model, "rnn.weight_ih_l0", 2, 5, 7);
    rnn_model_destroy(model);
}

static void test_find_is_the_inverse_of_describe(void **state)
{
    rnn_model *model = create(7, 5, 3, 1024, RNN_FLOAT32);
    (void)state;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++)
        assert_int_equal(index_of(model, parameter_of(model, index).name), index);
    rnn_model_destroy(model);
}

static void test_find_refuses_names_that_the_model_does_not_have(void **state)
{
    static const char *const names[] = {"",
                                        "Wxh",
                                        "rnn.weight_ih_l",
                                        "rnn.weight_ih_l2",
                                        "rnn.weight_ih_l00",
                                        "rnn.weight_ih_l0 ",
                                        "rnn.weight_ih_l-1",
                                        "rnn.weight_ih_l4294967296",
                                        "RNN.WEIGHT_IH_L0",
                                        "rnn.bias_hh_l0",
                                        "decoder",
                                        "decoder.weight_"};
    rnn_model *model = create(7, 5, 3, 2, RNN_FLOAT32);
    int64_t index = -7;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_fails(rnn_model_find_parameter(model, names[i], &index), RNN_ERROR_ARGUMENT, names[i]);
    assert_int_equal(index, -7);
    rnn_model_destroy(model);
}

/* ---- Values ---- */

/* The element of a buffer of the model's precision. */
static double element(const void *values, int32_t precision, int64_t index)
{
    return precision == RNN_FLOAT32 ? ((const float *)values)[index] : ((const double *)values)[index];
}

static void test_what_is_set_is_what_is_got_and_nothing_else_changes(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 2, precisions[p]);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            double *expected = get_all_parameters(model);
            double *values = allocate(parameter.count, sizeof(double));
            int64_t offset = 0;
            for (int64_t before = 0; before < index; before++)
                offset += parameter_of(model, before).count;
            for (int64_t i = 0; i < parameter.count; i++)
                expected[offset + i] = values[i] = (double)(1000 * index + i);
            set_parameter(model, index, values);
            double *actual = get_all_parameters(model);
            assert_memory_equal(actual, expected, (size_t)parameter_total(model) * sizeof(double));
            free(actual);
            free(values);
            free(expected);
        }
        rnn_model_destroy(model);
    }
}

static void test_views_show_row_major_values_through_their_strides(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model_options options = make_options(7, 5, 3, 2, precisions[p]);
        rnn_model *model = create_random_model(&options, 1, 1);
        run_random_chunk(model, 9, 2, 1);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            double *values = get_parameter(model, index);
            double *gradient = get_gradient(model, index);
            for (int64_t i = 0; i < parameter.shape[0]; i++) {
                for (int64_t j = 0; j < parameter.shape[1]; j++) {
                    int64_t at = i * parameter.strides[0] + j * parameter.strides[1];
                    int64_t row_major = i * parameter.shape[1] + j;
                    assert_true(element(parameter.values, precisions[p], at) == values[row_major]);
                    assert_true(element(parameter.gradient, precisions[p], at) == gradient[row_major]);
                }
            }
            free(values);
            free(gradient);
        }
        rnn_model_destroy(model);
    }
}

static void test_a_view_sees_later_values(void **state)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT64);
    const double values[] = {1, 2, 3};
    (void)state;
    rnn_parameter parameter = parameter_of(model, index_of(model, "decoder.bias"));
    assert_ok(rnn_model_set_parameter(model, index_of(model, "decoder.bias"), values, 3));
    for (int64_t i = 0; i < 3; i++)
        assert_true(((const double *)parameter.values)[i * parameter.strides[0]] == values[i]);
    rnn_model_destroy(model);
}

static void test_the_views_cover_the_flat_buffers_exactly_once(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 3, precisions[p]);
        const void *flat = NULL;
        void *flat_gradients = NULL;
        int64_t count = 0;
        int64_t gradient_count = 0;
        int64_t size = (int64_t)precision_size(precisions[p]);
        assert_ok(rnn_model_flat_gradients(model, &flat_gradients, &gradient_count));
        assert_ok(rnn_model_flat_parameters(model, &flat, &count));
        assert_int_equal(count, parameter_total(model));
        assert_int_equal(gradient_count, count);
        unsigned char *covered = allocate(count, 1);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            int64_t start = ((const char *)parameter.values - (const char *)flat) / size;
            assert_int_equal((const char *)parameter.values - (const char *)flat, start * size);
            assert_int_equal((const char *)parameter.gradient - (const char *)flat_gradients, start * size);
            for (int64_t i = 0; i < parameter.shape[0]; i++) {
                for (int64_t j = 0; j < parameter.shape[1]; j++) {
                    int64_t at = start + i * parameter.strides[0] + j * parameter.strides[1];
                    assert_in_range(at, 0, count - 1);
                    assert_int_equal(covered[at]++, 0);
                }
            }
        }
        free(covered); /* as many elements as the buffer has, none twice: all of them */
        rnn_model_destroy(model);
    }
}

static void test_set_refuses_values_that_are_not_finite_wherever_they_stand(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        snapshot before = take_snapshot(model, NULL);
        for (int64_t index = 0; index < 5; index++) {
            int64_t count = parameter_of(model, index).count;
            for (int64_t i = 0; i < count; i++) {
                double numbers[64] = {0};
                double values[64];
                numbers[i] = bad[i % 3];
                from_doubles(precisions[p], numbers, values, count);
                assert_fails(rnn_model_set_parameter(model, index, values, count), RNN_ERROR_ARGUMENT, "values");
            }
        }
        assert_unchanged(&before, model, NULL);
        free(before.bytes);
        rnn_model_destroy(model);
    }
}

static void test_set_accepts_the_largest_finite_values(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        double most = precisions[p] == RNN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
        double values[40];
        rnn_model *model = create(40, 1, 40, 1, precisions[p]);
        for (int i = 0; i < 40; i++)
            values[i] = i % 2 == 0 ? most : -most;
        set_parameter(model, index_of(model, "decoder.bias"), values);
        double *got = get_parameter(model, index_of(model, "decoder.bias"));
        assert_memory_equal(got, values, sizeof values);
        free(got);
        rnn_model_destroy(model);
    }
}

/* ---- Gradients ---- */

static void assert_all_gradients_are_zero(const rnn_model *model)
{
    double *gradients = get_all_gradients(model);
    for (int64_t i = 0; i < parameter_total(model); i++)
        assert_true(gradients[i] == 0);
    free(gradients);
}

static void assert_some_gradient_is_not_zero(const rnn_model *model)
{
    double *gradients = get_all_gradients(model);
    int64_t nonzero = 0;
    for (int64_t i = 0; i < parameter_total(model); i++)
        nonzero += gradients[i] != 0;
    assert_true(nonzero > 0);
    free(gradients);
}

static void test_gradients_are_zeros_and_without_a_view_before_the_first_backward(void **state)
{
    rnn_model *model = create(7, 5, 3, 2, RNN_FLOAT32);
    (void)state;
    assert_all_gradients_are_zero(model);
    assert_ok(rnn_model_zero_gradients(model));
    assert_ok(rnn_model_clip_value(model, 5));
    assert_all_gradients_are_zero(model);
    assert_null(parameter_of(model, 0).gradient);
    run_random_chunk(model, 3, 2, 1);
    assert_non_null(parameter_of(model, 0).gradient);
    assert_some_gradient_is_not_zero(model);
    rnn_model_destroy(model);
}

static void test_flat_gradients_creates_zeros(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 2, precisions[p]);
        void *gradients = NULL;
        int64_t count = 0;
        assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
        assert_int_equal(count, parameter_total(model));
        for (int64_t i = 0; i < count; i++)
            assert_true(element(gradients, precisions[p], i) == 0);
        rnn_model_destroy(model);
    }
}

static void test_the_flat_buffers_stay_where_they_are(void **state)
{
    rnn_model *model = create(7, 5, 3, 2, RNN_FLOAT32);
    rnn_optimizer *optimizer = NULL;
    const void *values[2] = {NULL, NULL};
    void *gradients[2] = {NULL, NULL};
    int64_t count = 0;
    (void)state;
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    for (int i = 0; i < 2; i++) {
        assert_ok(rnn_model_flat_parameters(model, &values[i], &count));
        assert_ok(rnn_model_flat_gradients(model, &gradients[i], &count));
        run_random_chunk(model, 3, 2, 1);
        assert_ok(rnn_model_clip_value(model, 5));
        assert_ok(rnn_optimizer_step(optimizer, model));
        assert_ok(rnn_model_zero_gradients(model));
    }
    assert_ptr_equal(values[0], values[1]);
    assert_ptr_equal(gradients[0], gradients[1]);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

static void test_what_is_written_to_the_flat_gradients_is_what_get_gradient_shows(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 2, precisions[p]);
        void *flat = NULL;
        int64_t count = 0;
        assert_ok(rnn_model_flat_gradients(model, &flat, &count));
        double *written = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++)
            written[i] = (double)(i + 1);
        from_doubles(precisions[p], written, flat, count);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            int64_t start =
                ((const char *)parameter.gradient - (const char *)flat) / (int64_t)precision_size(precisions[p]);
            double *gradient = get_gradient(model, index);
            for (int64_t i = 0; i < parameter.count; i++) {
                int64_t row = i / parameter.shape[1];
                int64_t column = i % parameter.shape[1];
                int64_t at = start + row * parameter.strides[0] + column * parameter.strides[1];
                assert_true(gradient[i] == written[at]);
            }
            free(gradient);
        }
        free(written);
        rnn_model_destroy(model);
    }
}

/* What one model has computed trains another, bit for bit, whatever its first layer reads. */
static void test_gradients_that_are_set_train_as_those_that_were_computed(void **state)
{
    (void)state;
    for (int k = 0; k < 8; k++) {
        rnn_model_options o = make_options(50, 6, 50, 2, precisions[k % 2]);
        o.input = k / 2 % 2 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
        o.embedding_size = k / 2 % 2 ? 6 : 0;
        o.tied = k / 2 % 2 && k / 4;
        o.bidirectional = !o.tied && k / 4;
        rnn_model *computed = create_random_model(&o, 0.5, 3), *set = create_random_model(&o, 0.5, 3);
        rnn_optimizer *optimizers[2] = {NULL, NULL};
        assert_ok(rnn_optimizer_create(computed, NULL, &optimizers[0]));
        assert_ok(rnn_optimizer_create(set, NULL, &optimizers[1]));
        for (int step = 0; step < 3; step++) {
            run_random_chunk(computed, 4, 2, (uint64_t)step); /* few of the symbols */
            for (int64_t index = rnn_model_parameter_count(set) - 1; index >= 0; index--) {
                rnn_parameter parameter = parameter_of(set, index);
                char *values = allocate(parameter.count, sizeof(double));
                assert_ok(rnn_model_get_gradient(computed, index, values, parameter.count));
                assert_ok(rnn_model_set_gradient(set, index, values, parameter.count));
                free(values);
            }
            assert_ok(rnn_optimizer_step(optimizers[0], computed));
            assert_ok(rnn_optimizer_step(optimizers[1], set));
            snapshot expected = take_snapshot(computed, NULL);
            assert_unchanged(&expected, set, NULL);
            free(expected.bytes);
        }
        assert_all_gradients_are_zero(set);
        rnn_optimizer_destroy(optimizers[0]);
        rnn_optimizer_destroy(optimizers[1]);
        rnn_model_destroy(computed);
        rnn_model_destroy(set);
    }
}

static void test_set_gradient_refuses_what_is_no_gradient(void **state)
{
    (void)state;
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT64);
    int64_t bias = index_of(model, "decoder.bias");
    const double good[3] = {1, 2, 3}, bad[3] = {1, INFINITY, 3};
    double got[3];
    assert_ok(rnn_model_set_gradient(model, bias, good, 3));
    assert_fails(rnn_model_set_gradient(model, bias, bad, 3), RNN_ERROR_ARGUMENT,
                 "values holds a number that is not finite, for decoder.bias");
    assert_fails(rnn_model_set_gradient(model, bias, good, 2), RNN_ERROR_ARGUMENT,
                 "count is 2; decoder.bias has 3 elements");
    assert_ok(rnn_model_get_gradient(model, bias, got, 3));
    assert_memory_equal(got, good, sizeof good);
    rnn_model_destroy(model);
}

static void test_zero_gradients_zeroes_what_backward_left_and_what_was_written(void **state)
{
    rnn_model *model = create(1000, 5, 3, 1, RNN_FLOAT64);
    void *flat = NULL;
    int64_t count = 0;
    (void)state;
    run_random_chunk(model, 9, 2, 1);
    assert_some_gradient_is_not_zero(model);
    assert_ok(rnn_model_zero_gradients(model));
    assert_all_gradients_are_zero(model);

    assert_ok(rnn_model_flat_gradients(model, &flat, &count));
    for (int64_t i = 0; i < count; i++)
        ((double *)flat)[i] = 1;
    assert_ok(rnn_model_zero_gradients(model));
    assert_all_gradients_are_zero(model);

    assert_ok(rnn_model_flat_gradients(model, &flat, &count));
    ((double *)flat)[count / 2] = NAN;
    ((double *)flat)[0] = 1;
    assert_ok(rnn_model_zero_gradients(model));
    assert_all_gradients_are_zero(model);
    rnn_model_destroy(model);
}

/* ---- Clipping ---- */

static void test_clip_value_limits_each_gradient_to_plus_minus_limit(void **state)
{
    static const struct {
        double before, after;
    } cases[] = {{0, 0},   {1, 1},     {-4.5, -4.5}, {5, 5},      {-5, -5},
                 {5.5, 5}, {-5.5, -5}, {1e30, 5},    {-1e30, -5}, {1e-30, 1e-30}};
    enum { CASES = sizeof cases / sizeof cases[0] };
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]); /* 83 elements: no multiple of anything */
        void *flat = NULL;
        int64_t count = 0;
        assert_ok(rnn_model_flat_gradients(model, &flat, &count));
        for (int64_t i = 0; i < count; i++) {
            from_doubles(precisions[p], &cases[i % CASES].before,
                         (char *)flat + (size_t)i * precision_size(precisions[p]), 1);
        }
        assert_ok(rnn_model_clip_value(model, 5));
        for (int64_t i = 0; i < count; i++) {
            double expected = cases[i % CASES].after;
            expected = precisions[p] == RNN_FLOAT32 ? (double)(float)expected : expected;
            assert_true(element(flat, precisions[p], i) == expected);
        }
        rnn_model_destroy(model);
    }
}

static void test_clip_value_keeps_what_is_not_finite(void **state)
{
    static const double kept[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        void *flat = NULL;
        int64_t count = 0;
        assert_ok(rnn_model_flat_gradients(model, &flat, &count));
        for (int64_t i = 0; i < count; i++)
            from_doubles(precisions[p], &kept[i % 3], (char *)flat + (size_t)i * precision_size(precisions[p]), 1);
        assert_ok(rnn_model_clip_value(model, 5));
        for (int64_t i = 0; i < count; i++) {
            double value = element(flat, precisions[p], i);
            assert_true(i % 3 == 0 ? isnan(value) : value == kept[i % 3]);
        }
        rnn_model_destroy(model);
    }
}

/* Without rnn_model_flat_gradients(): the library then knows which symbols have a gradient. */
static void test_clip_value_limits_what_backward_left(void **state)
{
    static const double limit = 0x1p-9;
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model_options options = make_options(300, 9, 5, 2, precisions[p]);
        rnn_model *model = create_random_model(&options, 0.5, 1);
        run_random_chunk(model, 20, 3, 1);
        double *before = get_all_gradients(model);
        assert_ok(rnn_model_clip_value(model, limit));
        double *after = get_all_gradients(model);
        int64_t limited = 0;
        int64_t kept = 0;
        for (int64_t i = 0; i < parameter_total(model); i++) {
            assert_true(after[i] == fmax(-limit, fmin(limit, before[i])));
            limited += fabs(before[i]) > limit;
            kept += before[i] != 0 && fabs(before[i]) < limit;
        }
        assert_true(limited > 0 && kept > 0);
        free(before);
        free(after);
        rnn_model_destroy(model);
    }
}

static void test_clip_value_with_a_limit_beyond_the_precision_keeps_all(void **state)
{
    rnn_model_options options = make_options(7, 5, 3, 1, RNN_FLOAT32);
    rnn_model *model = create_random_model(&options, 0.5, 1);
    (void)state;
    run_random_chunk(model, 9, 2, 1);
    snapshot before = take_snapshot(model, NULL);
    assert_ok(rnn_model_clip_value(model, 1e300));
    assert_unchanged(&before, model, NULL);
    free(before.bytes);
    rnn_model_destroy(model);
}

/* The norm of all gradients as one vector. */
static double norm_of_gradients(const rnn_model *model)
{
    double *gradients = get_all_gradients(model);
    double squares = 0;
    for (int64_t i = 0; i < parameter_total(model); i++)
        squares += gradients[i] * gradients[i];
    free(gradients);
    return sqrt(squares);
}

/*
 * Symbols of which few are seen, so that the library knows where gradients are; and, after rnn_model_flat_gradients(),
 * the same where it doesn't.
 */
static rnn_model *create_with_gradients(int32_t precision, int flat)
{
    rnn_model_options options = make_options(300, 9, 5, 2, precision);
    rnn_model *model = create_random_model(&options, 0.5, 1);
    run_random_chunk(model, 20, 3, 1);
    if (flat) {
        void *gradients = NULL;
        int64_t count = 0;
        assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
    }
    return model;
}

static void test_clip_norm_multiplies_all_gradients_by_limit_over_norm_plus_a_millionth(void **state)
{
    static const double tolerances[] = {1e-6, 1e-14};
    static const double limits[] = {1e-3, 0.5, 3};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (int flat = 0; flat < 2; flat++) {
            for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
                rnn_model *model = create_with_gradients(precisions[p], flat);
                double *before = get_all_gradients(model);
                double expected = norm_of_gradients(model);
                double norm = -7;
                assert_true(expected > 2 * limits[i]);
                assert_ok(rnn_model_clip_norm(model, limits[i], &norm));
                assert_relative(norm, expected, 1e-13);
                double *after = get_all_gradients(model);
                for (int64_t k = 0; k < parameter_total(model); k++)
                    assert_relative(after[k], before[k] * limits[i] / (expected + 1e-6), tolerances[p]);
                free(after);
                free(before);
                rnn_model_destroy(model);
            }
        }
    }
}

static void test_clip_norm_changes_nothing_below_the_limit(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (int flat = 0; flat < 2; flat++) {
            rnn_model *model = create_with_gradients(precisions[p], flat);
            snapshot before = take_snapshot(model, NULL);
            double expected = norm_of_gradients(model);
            double norm = -7;
            assert_ok(rnn_model_clip_norm(model, 1.001 * expected, &norm));
            assert_relative(norm, expected, 1e-13);
            assert_ok(rnn_model_clip_norm(model, DBL_MAX, NULL));
            assert_unchanged(&before, model, NULL);
            free(before.bytes);
            rnn_model_destroy(model);
        }
    }
}

static void test_clip_norm_of_a_model_without_gradients_is_0(void **state)
{
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    double norm = -7;
    (void)state;
    assert_ok(rnn_model_clip_norm(model, 1, &norm));
    assert_true(norm == 0);
    run_random_chunk(model, 3, 2, 1);
    assert_ok(rnn_model_zero_gradients(model));
    norm = -7;
    assert_ok(rnn_model_clip_norm(model, 1, &norm));
    assert_true(norm == 0);
    rnn_model_destroy(model);
}

/* Squared in float32, these would be 0 or infinite. */
static void test_clip_norm_takes_the_smallest_and_the_largest_gradients_of_float32(void **state)
{
    static const float sizes[] = {1e-30f, 1e30f};
    rnn_model *model = create(7, 5, 3, 1, RNN_FLOAT32);
    void *flat = NULL;
    int64_t count = 0;
    (void)state;
    assert_ok(rnn_model_flat_gradients(model, &flat, &count));
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        double norm = -7;
        for (int64_t i = 0; i < count; i++)
            ((float *)flat)[i] = sizes[s];
        assert_ok(rnn_model_clip_norm(model, 1e20, &norm));
        assert_relative(norm, sizes[s] * sqrt((double)count), 1e-6);
        double limited = sizes[s] > 1 ? 1e20 / sqrt((double)count) : sizes[s];
        for (int64_t i = 0; i < count; i++)
            assert_relative(((float *)flat)[i], limited, 1e-6);
    }
    rnn_model_destroy(model);
}

static void test_clip_norm_refuses_gradients_that_are_not_finite_wherever_they_stand(void **state)
{
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model *model = create(7, 5, 3, 1, precisions[p]);
        void *flat = NULL;
        int64_t count = 0;
        assert_ok(rnn_model_flat_gradients(model, &flat, &count));
        double *gradients = allocate(count, sizeof(double));
        for (int64_t i = 0; i < count; i++) {
            double norm = -7;
            for (int64_t k = 0; k < count; k++)
                gradients[k] = k == i ? bad[i % 3] : 1;
            from_doubles(precisions[p], gradients, flat, count);
            snapshot before = take_snapshot(model, NULL);
            assert_fails(rnn_model_clip_norm(model, 1, &norm), RNN_ERROR_NONFINITE, "norm");
            assert_true(norm == -7);
            assert_unchanged(&before, model, NULL);
            free(before.bytes);
        }
        free(gradients);
        rnn_model_destroy(model);
    }
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
        cmocka_unit_test(test_a_model_of_one_layer_has_the_seeds_five_parameters),
        cmocka_unit_test(test_each_further_layer_has_three_parameters_with_inputs_of_hidden_size),
        cmocka_unit_test(test_the_rows_of_a_layer_are_its_gates_times_its_units),
        cmocka_unit_test(test_an_embedding_has_a_row_a_symbol_and_feeds_the_first_layer),
        cmocka_unit_test(test_a_tied_embedding_takes_the_place_of_the_decoders_weight),
        cmocka_unit_test(test_the_first_layer_takes_vectors_of_input_size),
        cmocka_unit_test(test_find_is_the_inverse_of_describe),
        cmocka_unit_test(test_find_refuses_names_that_the_model_does_not_have),
        cmocka_unit_test(test_what_is_set_is_what_is_got_and_nothing_else_changes),
        cmocka_unit_test(test_views_show_row_major_values_through_their_strides),
        cmocka_unit_test(test_a_view_sees_later_values),
        cmocka_unit_test(test_the_views_cover_the_flat_buffers_exactly_once),
        cmocka_unit_test(test_set_refuses_values_that_are_not_finite_wherever_they_stand),
        cmocka_unit_test(test_set_accepts_the_largest_finite_values),
        cmocka_unit_test(test_gradients_are_zeros_and_without_a_view_before_the_first_backward),
        cmocka_unit_test(test_flat_gradients_creates_zeros),
        cmocka_unit_test(test_the_flat_buffers_stay_where_they_are),
        cmocka_unit_test(test_what_is_written_to_the_flat_gradients_is_what_get_gradient_shows),
        cmocka_unit_test(test_gradients_that_are_set_train_as_those_that_were_computed),
        cmocka_unit_test(test_set_gradient_refuses_what_is_no_gradient),
        cmocka_unit_test(test_zero_gradients_zeroes_what_backward_left_and_what_was_written),
        cmocka_unit_test(test_clip_value_limits_each_gradient_to_plus_minus_limit),
        cmocka_unit_test(test_clip_value_keeps_what_is_not_finite),
        cmocka_unit_test(test_clip_value_limits_what_backward_left),
        cmocka_unit_test(test_clip_value_with_a_limit_beyond_the_precision_keeps_all),
        cmocka_unit_test(test_clip_norm_multiplies_all_gradients_by_limit_over_norm_plus_a_millionth),
        cmocka_unit_test(test_clip_norm_changes_nothing_below_the_limit),
        cmocka_unit_test(test_clip_norm_of_a_model_without_gradients_is_0),
        cmocka_unit_test(test_clip_norm_takes_the_smallest_and_the_largest_gradients_of_float32),
        cmocka_unit_test(test_clip_norm_refuses_gradients_that_are_not_finite_wherever_they_stand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
