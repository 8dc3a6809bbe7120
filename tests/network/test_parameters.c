/* A model's parameters: their names and shapes, and their values by index, view and flat buffer. */
#include "models.h"

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
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        assert_int_equal(rnn_model_parameter_count(model), 5);
        assert_has_parameter(model, "rnn.weight_ih_l0", 2, 5, 7);
        assert_has_parameter(model, "rnn.weight_hh_l0", 2, 5, 5);
        assert_has_parameter(model, "rnn.bias_ih_l0", 1, 5, 1);
        assert_has_parameter(model, "decoder.weight", 2, 3, 5);
        assert_has_parameter(model, "decoder.bias", 1, 3, 1);
    }
}

static void test_each_further_layer_has_three_parameters_with_inputs_of_hidden_size(void **state)
{
    (void)state;
    enum { LAYERS = 12 };
    scoped_model *model = create(7, 5, 3, LAYERS, RNN_FLOAT32);
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
}

static void test_the_rows_of_a_layer_are_its_gates_times_its_units(void **state)
{
    (void)state;
    static const struct {
        int32_t cell;
        int64_t gates;
    } cells[] = {{RNN_CELL_TANH, 1}, {RNN_CELL_GRU, 3}, {RNN_CELL_LSTM, 4}};
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        for (int32_t bias = RNN_BIAS_INPUT; bias <= RNN_BIAS_BOTH; bias++) {
            rnn_model_options options = make_options(7, 5, 3, 2, RNN_FLOAT32);
            int64_t rows = 5 * cells[i].gates;
            options.cell = cells[i].cell;
            options.bias = bias;
            scoped_model *model = create_model(&options);
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
        }
}

static void test_an_embedding_has_a_row_a_symbol_and_feeds_the_first_layer(void **state)
{
    (void)state;
    rnn_model_options options = make_options(7, 5, 3, 1, RNN_FLOAT32);
    options.cell = RNN_CELL_GRU;
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = 4;
    scoped_model *model = create_model(&options);
    assert_int_equal(rnn_model_parameter_count(model), 6);
    assert_has_parameter(model, "embedding.weight", 2, 7, 4);
    assert_has_parameter(model, "rnn.weight_ih_l0", 2, 15, 4);
    assert_has_parameter(model, "decoder.weight", 2, 3, 5);
}

static void test_a_tied_embedding_takes_the_place_of_the_decoders_weight(void **state)
{
    (void)state;
    rnn_model_options options = make_tied_options(7, 5, 5, 7);
    scoped_model *model = create_model(&options);
    int64_t index = -7;
    assert_int_equal(rnn_model_parameter_count(model), 5);
    assert_has_parameter(model, "embedding.weight", 2, 7, 5);
    assert_has_parameter(model, "decoder.bias", 1, 7, 1);
    assert_fails(rnn_model_find_parameter(model, "decoder.weight", &index), RNN_ERROR_ARGUMENT, "decoder.weight");
    assert_int_equal(index, -7);
}

static void test_the_first_layer_takes_vectors_of_input_size(void **state)
{
    (void)state;
    rnn_model_options options = make_options(7, 5, 3, 1, RNN_FLOAT32);
    options.input = RNN_INPUT_VECTORS;
    scoped_model *model = create_model(&options);
    assert_int_equal(rnn_model_parameter_count(model), 5);
    assert_has_parameter(model, "rnn.weight_ih_l0", 2, 5, 7);
}

static void test_find_is_the_inverse_of_describe(void **state)
{
    (void)state;
    scoped_model *model = create(7, 5, 3, 1024, RNN_FLOAT32);
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++)
        assert_int_equal(index_of(model, parameter_of(model, index).name), index);
}

static void test_find_refuses_names_that_the_model_does_not_have(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
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
        "decoder.weight_",
    };
    scoped_model *model = create(7, 5, 3, 2, RNN_FLOAT32);
    int64_t index = -7;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_fails(rnn_model_find_parameter(model, names[i], &index), RNN_ERROR_ARGUMENT, names[i]);
    assert_int_equal(index, -7);
}

/* ---- Values ---- */

static void test_what_is_set_is_what_is_got_and_nothing_else_changes(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 2, precisions[p]);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            scoped_memory double *expected = get_all_parameters(model);
            scoped_memory double *values = allocate(parameter.count, sizeof(double));
            int64_t offset = 0;
            for (int64_t before = 0; before < index; before++)
                offset += parameter_of(model, before).count;
            for (int64_t i = 0; i < parameter.count; i++)
                expected[offset + i] = values[i] = (double)(1000 * index + i);
            set_parameter(model, index, values);
            scoped_memory double *actual = get_all_parameters(model);
            assert_memory_equal(actual, expected, (size_t)parameter_total(model) * sizeof(double));
        }
    }
}

static void test_views_show_row_major_values_through_their_strides(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 2, precisions[p]);
        run_random_chunk(model, 9, 2, 1);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            scoped_memory double *values = get_parameter(model, index);
            scoped_memory double *gradient = get_gradient(model, index);
            for (int64_t i = 0; i < parameter.shape[0]; i++)
                for (int64_t j = 0; j < parameter.shape[1]; j++) {
                    int64_t at = i * parameter.strides[0] + j * parameter.strides[1];
                    int64_t row_major = i * parameter.shape[1] + j;
                    assert_true(element(parameter.values, precisions[p], at) == values[row_major]);
                    assert_true(element(parameter.gradient, precisions[p], at) == gradient[row_major]);
                }
        }
    }
}

static void test_a_view_sees_later_values(void **state)
{
    (void)state;
    scoped_model *model = create(7, 5, 3, 1, RNN_FLOAT64);
    const double values[] = {1, 2, 3};
    rnn_parameter parameter = parameter_of(model, index_of(model, "decoder.bias"));
    assert_ok(rnn_model_set_parameter(model, index_of(model, "decoder.bias"), values, 3));
    for (int64_t i = 0; i < 3; i++)
        assert_true(((const double *)parameter.values)[i * parameter.strides[0]] == values[i]);
}

static void test_the_views_cover_the_flat_buffers_exactly_once(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 3, precisions[p]);
        const void *flat = NULL;
        const char *gradients = flat_gradients(model);
        int64_t count = 0, size = (int64_t)precision_size(precisions[p]);
        assert_ok(rnn_model_flat_parameters(model, &flat, &count));
        assert_int_equal(count, parameter_total(model));
        scoped_memory char *covered = allocate(count, 1);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            int64_t start = ((const char *)parameter.values - (const char *)flat) / size;
            assert_int_equal((const char *)parameter.values - (const char *)flat, start * size);
            assert_int_equal((const char *)parameter.gradient - gradients, start * size);
            for (int64_t i = 0; i < parameter.shape[0]; i++)
                for (int64_t j = 0; j < parameter.shape[1]; j++) {
                    int64_t at = start + i * parameter.strides[0] + j * parameter.strides[1];
                    assert_in_range(at, 0, count - 1);
                    assert_int_equal(covered[at]++, 0); /* no element twice, so all of them once */
                }
        }
    }
}

static void test_set_refuses_values_that_are_not_finite_wherever_they_stand(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t p = 0; p < 2; p++) {
        scoped_model *model = create(7, 5, 3, 1, precisions[p]);
        scoped_snapshot before = take_snapshot(model, NULL);
        for (int64_t index = 0; index < 5; index++) {
            int64_t count = parameter_of(model, index).count;
            for (int64_t i = 0; i < count; i++) {
                double numbers[64] = {0}, values[64];
                numbers[i] = bad[i % 3];
                from_doubles(precisions[p], numbers, values, count);
                char expected[80];
                snprintf(expected, sizeof expected, "values[%lld] is %g; all values of %s must be finite", (long long)i,
                         bad[i % 3], parameter_of(model, index).name);
                assert_fails(rnn_model_set_parameter(model, index, values, count), RNN_ERROR_ARGUMENT, expected);
            }
        }
        assert_unchanged(&before, model, NULL);
    }
}

static void test_set_accepts_the_largest_finite_values(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        double most = precisions[p] == RNN_FLOAT32 ? (double)FLT_MAX : DBL_MAX;
        double values[40];
        scoped_model *model = create(40, 1, 40, 1, precisions[p]);
        for (int i = 0; i < 40; i++)
            values[i] = i % 2 == 0 ? most : -most;
        set_parameter(model, index_of(model, "decoder.bias"), values);
        scoped_memory double *got = get_parameter(model, index_of(model, "decoder.bias"));
        assert_memory_equal(got, values, sizeof values);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
