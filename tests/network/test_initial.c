/* Where the parameters of a new model start: each kind of initialisation, and that it depends on the seed alone. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const int32_t precisions[] = {RNN_FLOAT32, RNN_FLOAT64};

static const struct {
    int32_t cell;
    int64_t gates;
} cells[] = {{RNN_CELL_TANH, 1}, {RNN_CELL_GRU, 3}, {RNN_CELL_LSTM, 4}};

enum { CELLS = sizeof cells / sizeof cells[0], FORGET_GATE = 1 };

static rnn_model *create(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                         int32_t precision)
{
    rnn_model_options options = make_options(input_size, hidden_size, output_size, layers, precision);
    return create_model(&options);
}

/* Every kind of parameter: an embedding, two layers of a cell, both biases. */
static rnn_model_options make_options_of_all(int32_t cell, int32_t initialization, int32_t precision)
{
    rnn_model_options options = make_options(65, 60, 50, 2, precision);
    options.cell = cell;
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = 40;
    options.bias = RNN_BIAS_BOTH;
    options.initialization = initialization;
    options.seed = 42;
    return options;
}

/* The parameters of both models must be the same bits, but for those that `differs` names (NULL: none). */
static void assert_same_parameters(const rnn_model *a, const rnn_model *b, const char *differs)
{
    assert_int_equal(rnn_model_parameter_count(a), rnn_model_parameter_count(b));
    for (int64_t index = 0; index < rnn_model_parameter_count(a); index++) {
        rnn_parameter parameter = parameter_of(a, index);
        if (differs != NULL && strstr(parameter.name, differs) != NULL)
            continue;
        double *a_values = get_parameter(a, index);
        double *b_values = get_parameter(b, index);
        assert_memory_equal(a_values, b_values, (size_t)parameter.count * sizeof(double));
        free(b_values);
        free(a_values);
    }
}

/* ---- Normal: the seed's ---- */

/*
 * The numbers must look drawn from N(0, scale²), independently: mean, variance, the shares within one, two and three
 * standard deviations and the correlation of neighbours are each within five standard errors of what they should be.
 */
static void assert_normal(const double *values, int64_t count, double scale)
{
    static const double within[] = {0.6826894921, 0.9544997361, 0.9973002039};
    double n = (double)count;
    double sum = 0;
    double squares = 0;
    double neighbours = 0;
    double inside[3] = {0};
    for (int64_t i = 0; i < count; i++) {
        double z = values[i] / scale;
        sum += z;
        squares += z * z;
        neighbours += i > 0 ? z * values[i - 1] / scale : 0;
        for (int k = 0; k < 3; k++)
            inside[k] += fabs(z) <= k + 1;
        assert_true(fabs(z) < 8);
    }
    assert_true(fabs(sum / n) < 5 / sqrt(n));
    assert_true(fabs(squares / n - 1) < 5 * sqrt(2 / n));
    assert_true(fabs(neighbours / n) < 5 / sqrt(n));
    for (int k = 0; k < 3; k++)
        assert_true(fabs(inside[k] / n - within[k]) < 5 * sqrt(within[k] * (1 - within[k]) / n));
}

/* All elements of the weight matrices, one after the other, to free(). */
static double *get_weights(const rnn_model *model, int64_t *count)
{
    double *weights = allocate(parameter_total(model), sizeof(double));
    *count = 0;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
        rnn_parameter parameter = parameter_of(model, index);
        if (parameter.rank == 2) {
            double *values = get_parameter(model, index);
            memcpy(weights + *count, values, (size_t)parameter.count * sizeof(double));
            *count += parameter.count;
            free(values);
        }
    }
    return weights;
}

static void test_normal_weights_have_the_given_scale(void **state)
{
    static const double scales[] = {0.01, 1, 0.3};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++) {
            rnn_model_options options = make_options(65, 100, 60, 2, precisions[p]);
            options.weight_scale = scales[s];
            options.seed = s;
            rnn_model *model = create_model(&options);
            for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
                rnn_parameter parameter = parameter_of(model, index);
                if (parameter.rank == 2) {
                    double *values = get_parameter(model, index);
                    assert_normal(values, parameter.count, scales[s]);
                    free(values);
                }
            }
            int64_t count = 0;
            double *weights = get_weights(model, &count);
            assert_normal(weights, count, scales[s]);
            free(weights);
            rnn_model_destroy(model);
        }
    }
}

static void test_normal_biases_are_0(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (int c = 0; c < CELLS; c++) {
            rnn_model_options options = make_options_of_all(cells[c].cell, RNN_INIT_NORMAL, precisions[p]);
            rnn_model *model = create_model(&options);
            int vectors = 0;
            for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
                rnn_parameter parameter = parameter_of(model, index);
                if (parameter.rank == 1) {
                    double *values = get_parameter(model, index);
                    for (int64_t i = 0; i < parameter.count; i++)
                        assert_true(values[i] == 0);
                    free(values);
                    vectors++;
                }
            }
            assert_int_equal(vectors, 5);
            rnn_model_destroy(model);
        }
    }
}

static void test_a_weight_scale_of_0_starts_all_parameters_at_0(void **state)
{
    rnn_model_options options = make_options(7, 5, 3, 2, RNN_FLOAT32);
    (void)state;
    options.weight_scale = 0;
    rnn_model *model = create_model(&options);
    double *values = get_all_parameters(model);
    for (int64_t i = 0; i < parameter_total(model); i++)
        assert_true(values[i] == 0);
    free(values);
    rnn_model_destroy(model);
}

/* ---- Uniform: PyTorch's ---- */

/*
 * The numbers must look drawn evenly from -limit to limit, independently: mean, variance, the shares within a quarter,
 * a half and three quarters of it, and the correlation of neighbours are each within five standard errors of what they
 * should be, and none is beyond.
 */
static void assert_uniform(const double *values, int64_t count, double limit)
{
    double n = (double)count;
    double sum = 0;
    double squares = 0;
    double neighbours = 0;
    double inside[3] = {0};
    for (int64_t i = 0; i < count; i++) {
        double u = values[i] / limit;
        sum += u;
        squares += u * u;
        neighbours += i > 0 ? u * values[i - 1] / limit : 0;
        for (int k = 0; k < 3; k++)
            inside[k] += fabs(u) <= 0.25 * (k + 1);
        assert_true(fabs(u) <= 1 + 0x1p-24); /* float32 rounds */
    }
    assert_true(fabs(sum / n) < 5 * sqrt(1 / (3 * n)));
    assert_true(fabs(squares / n - 1.0 / 3) < 5 * sqrt(4 / (45 * n)));
    assert_true(fabs(neighbours / n) < 5 / (3 * sqrt(n)));
    for (int k = 0; k < 3; k++) {
        double within = 0.25 * (k + 1);
        assert_true(fabs(inside[k] / n - within) < 5 * sqrt(within * (1 - within) / n));
    }
}

static void test_uniform_parameters_are_within_1_over_the_root_of_h_biases_too(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (int c = 0; c < CELLS; c++) {
            rnn_model_options options = make_options_of_all(cells[c].cell, RNN_INIT_UNIFORM, precisions[p]);
            rnn_model *model = create_model(&options);
            for (int64_t index = 1; index < rnn_model_parameter_count(model); index++) {
                rnn_parameter parameter = parameter_of(model, index);
                double *values = get_parameter(model, index);
                assert_uniform(values, parameter.count, 1 / sqrt(60));
                free(values);
            }
            rnn_model_destroy(model);
        }
    }
}

static void test_an_embedding_of_a_uniform_model_is_standard_normal(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model_options options = make_options_of_all(RNN_CELL_LSTM, RNN_INIT_UNIFORM, precisions[p]);
        rnn_model *model = create_model(&options);
        double *values = get_parameter(model, index_of(model, "embedding.weight"));
        assert_normal(values, 65 * 40, 1);
        free(values);
        rnn_model_destroy(model);
    }
}

static void test_a_tied_embedding_of_a_uniform_model_is_uniform_like_the_decoders_weight(void **state)
{
    rnn_model_options options = make_options_of_all(RNN_CELL_LSTM, RNN_INIT_UNIFORM, RNN_FLOAT64);
    (void)state;
    options.output_size = options.input_size;
    options.embedding_size = options.hidden_size;
    options.tied = 1;
    rnn_model *model = create_model(&options);
    double *values = get_parameter(model, index_of(model, "embedding.weight"));
    assert_uniform(values, 65 * 60, 1 / sqrt(60));
    free(values);
    rnn_model_destroy(model);
}

/* ---- Orthogonal recurrent weights ---- */

/* Q Qᵀ = I, to rounding. */
static void assert_orthogonal(const double *q, int64_t size, double tolerance)
{
    for (int64_t i = 0; i < size; i++) {
        for (int64_t k = 0; k <= i; k++) {
            double product = 0;
            for (int64_t j = 0; j < size; j++)
                product += q[i * size + j] * q[k * size + j];
            assert_true(fabs(product - (i == k)) <= tolerance);
        }
    }
}

static void test_orthogonal_makes_the_recurrent_weights_of_each_gate_orthogonal(void **state)
{
    static const int64_t sizes[] = {1, 7, 64, 100};
    static const double tolerances[] = {1e-6, 1e-12};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (int c = 0; c < CELLS; c++) {
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                int64_t size = sizes[s];
                rnn_model_options options = make_options(3, size, 3, 2, precisions[p]);
                options.cell = cells[c].cell;
                options.orthogonal = 1;
                options.seed = s;
                rnn_model *model = create_model(&options);
                for (int layer = 0; layer < 2; layer++) {
                    const char *name = layer == 0 ? "rnn.weight_hh_l0" : "rnn.weight_hh_l1";
                    double *values = get_parameter(model, index_of(model, name));
                    for (int64_t gate = 0; gate < cells[c].gates; gate++)
                        assert_orthogonal(values + gate * size * size, size, tolerances[p]);
                    free(values);
                }
                rnn_model_destroy(model);
            }
        }
    }
}

/* Of a square root of H times an orthogonal matrix, the elements of a row have mean square 1. */
static void test_orthogonal_matrices_are_random_and_drawn_apart(void **state)
{
    enum { SIZE = 40, GATES = 4, LAYERS = 2, BLOCK = SIZE * SIZE };
    rnn_model_options options = make_options(3, SIZE, 3, LAYERS, RNN_FLOAT64);
    (void)state;
    options.cell = RNN_CELL_LSTM;
    options.orthogonal = 1;
    rnn_model *model = create_model(&options);
    double *layers[LAYERS] = {get_parameter(model, index_of(model, "rnn.weight_hh_l0")),
                              get_parameter(model, index_of(model, "rnn.weight_hh_l1"))};
    for (int i = 0; i < LAYERS * GATES; i++) {
        const double *matrix = layers[i / GATES] + i % GATES * BLOCK;
        double sum = 0;
        for (int64_t j = 0; j < BLOCK; j++)
            sum += matrix[j] * sqrt(SIZE);
        assert_true(fabs(sum / BLOCK) < 5 / sqrt(BLOCK));
        for (int k = 0; k < i; k++) {
            const double *other = layers[k / GATES] + k % GATES * BLOCK;
            double product = 0;
            for (int64_t j = 0; j < BLOCK; j++)
                product += matrix[j] * other[j] * SIZE;
            assert_true(fabs(product / BLOCK) < 5 / sqrt(BLOCK));
        }
    }
    free(layers[1]);
    free(layers[0]);
    rnn_model_destroy(model);
}

static void test_orthogonal_leaves_all_other_parameters_as_they_are(void **state)
{
    (void)state;
    for (int32_t initialization = RNN_INIT_NORMAL; initialization <= RNN_INIT_UNIFORM; initialization++) {
        rnn_model_options options = make_options_of_all(RNN_CELL_GRU, initialization, RNN_FLOAT64);
        rnn_model *model = create_model(&options);
        options.orthogonal = 1;
        rnn_model *orthogonal = create_model(&options);
        assert_same_parameters(model, orthogonal, "weight_hh");
        rnn_model_destroy(orthogonal);
        rnn_model_destroy(model);
    }
}

/* ---- The forget gate's bias ---- */

static void test_forget_bias_is_added_to_the_forget_gates_rows_of_bias_ih_alone(void **state)
{
    enum { HIDDEN = 60 };
    static const double tolerances[] = {1e-6, 1e-15};
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        for (int32_t initialization = RNN_INIT_NORMAL; initialization <= RNN_INIT_UNIFORM; initialization++) {
            rnn_model_options options = make_options_of_all(RNN_CELL_LSTM, initialization, precisions[p]);
            rnn_model *model = create_model(&options);
            options.forget_bias = 1.5;
            rnn_model *remembering = create_model(&options);
            assert_same_parameters(model, remembering, "bias_ih");
            for (int layer = 0; layer < 2; layer++) {
                int64_t index = index_of(model, layer == 0 ? "rnn.bias_ih_l0" : "rnn.bias_ih_l1");
                double *before = get_parameter(model, index);
                double *after = get_parameter(remembering, index);
                for (int64_t i = 0; i < 4 * HIDDEN; i++)
                    if (i / HIDDEN == FORGET_GATE)
                        assert_relative(after[i], before[i] + 1.5, tolerances[p]);
                    else
                        assert_true(after[i] == before[i]);
                free(after);
                free(before);
            }
            rnn_model_destroy(remembering);
            rnn_model_destroy(model);
        }
    }
}

/* ---- Reproducibility ---- */

/* Every kind of start there is, of every cell; `number` counts from 0. Returns whether there is one of this number. */
static int next_start(int number, int32_t precision, rnn_model_options *options)
{
    int c = number / 4;
    if (c == CELLS)
        return 0;
    *options = make_options_of_all(cells[c].cell, number % 2 == 0 ? RNN_INIT_NORMAL : RNN_INIT_UNIFORM, precision);
    options->orthogonal = number / 2 % 2;
    options->forget_bias = cells[c].cell == RNN_CELL_LSTM && options->orthogonal ? 1 : 0;
    return 1;
}

static void test_the_same_seed_gives_the_same_bits(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model_options options;
        for (int n = 0; next_start(n, precisions[p], &options); n++) {
            rnn_model *model = create_model(&options);
            rnn_model *other = create(9, 9, 9, 1, precisions[p]); /* models in between make no difference */
            rnn_model *again = create_model(&options);
            snapshot bits = take_snapshot(model, NULL);
            assert_unchanged(&bits, again, NULL);
            free(bits.bytes);
            rnn_model_destroy(model);
            rnn_model_destroy(other);
            rnn_model_destroy(again);
        }
    }
}

static void test_float32_starts_where_float64_does_rounded(void **state)
{
    rnn_model_options options;
    (void)state;
    for (int n = 0; next_start(n, RNN_FLOAT32, &options); n++) {
        rnn_model *single = create_model(&options);
        options.precision = RNN_FLOAT64;
        rnn_model *twice = create_model(&options);
        double *rounded = get_all_parameters(single);
        double *exact = get_all_parameters(twice);
        for (int64_t i = 0; i < parameter_total(single); i++)
            assert_true(rounded[i] == (double)(float)exact[i]);
        free(exact);
        free(rounded);
        rnn_model_destroy(twice);
        rnn_model_destroy(single);
    }
}

/* The two must be as independent as random numbers are: their correlation within five standard errors of 0. */
static void assert_uncorrelated(const double *a, const double *b, int64_t count)
{
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int64_t i = 0; i < count; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    assert_true(fabs(ab / sqrt(aa * bb)) < 5 / sqrt((double)count));
}

static void test_other_seeds_give_other_weights(void **state)
{
    static const uint64_t seeds[] = {0,         1, 2, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_C(1) << 63,
                                     UINT64_MAX};
    enum { SEEDS = sizeof seeds / sizeof seeds[0] };
    double *weights[SEEDS];
    int64_t count = 0;
    (void)state;
    for (int i = 0; i < SEEDS; i++) {
        rnn_model_options options = make_options(65, 100, 60, 1, RNN_FLOAT64);
        options.seed = seeds[i];
        rnn_model *model = create_model(&options);
        weights[i] = get_weights(model, &count);
        rnn_model_destroy(model);
    }
    for (int i = 0; i < SEEDS; i++)
        for (int k = 0; k < i; k++)
            assert_uncorrelated(weights[i], weights[k], count);
    for (int i = 0; i < SEEDS; i++)
        free(weights[i]);
}

static void test_another_seed_gives_other_numbers_in_every_parameter_that_is_random(void **state)
{
    rnn_model_options options;
    (void)state;
    for (int n = 0; next_start(n, RNN_FLOAT64, &options); n++) {
        rnn_model *model = create_model(&options);
        options.seed++;
        rnn_model *other = create_model(&options);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            if (parameter.rank == 1 && options.initialization == RNN_INIT_NORMAL)
                continue;
            double *a = get_parameter(model, index);
            double *b = get_parameter(other, index);
            for (int64_t i = 0; i < parameter.count; i++)
                assert_true(a[i] != b[i]);
            free(b);
            free(a);
        }
        rnn_model_destroy(other);
        rnn_model_destroy(model);
    }
}

static void test_the_parameters_of_a_model_are_drawn_apart(void **state)
{
    rnn_model *model = create(50, 50, 50, 3, RNN_FLOAT64); /* matrices of 50 by 50 only */
    double *weights[7];
    int matrices = 0;
    (void)state;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++)
        if (parameter_of(model, index).rank == 2)
            weights[matrices++] = get_parameter(model, index);
    assert_int_equal(matrices, 7);
    for (int i = 0; i < matrices; i++)
        for (int k = 0; k < i; k++)
            assert_uncorrelated(weights[i], weights[k], 2500);
    for (int i = 0; i < matrices; i++)
        free(weights[i]);
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_normal_weights_have_the_given_scale),
        cmocka_unit_test(test_normal_biases_are_0),
        cmocka_unit_test(test_a_weight_scale_of_0_starts_all_parameters_at_0),
        cmocka_unit_test(test_uniform_parameters_are_within_1_over_the_root_of_h_biases_too),
        cmocka_unit_test(test_an_embedding_of_a_uniform_model_is_standard_normal),
        cmocka_unit_test(test_a_tied_embedding_of_a_uniform_model_is_uniform_like_the_decoders_weight),
        cmocka_unit_test(test_orthogonal_makes_the_recurrent_weights_of_each_gate_orthogonal),
        cmocka_unit_test(test_orthogonal_matrices_are_random_and_drawn_apart),
        cmocka_unit_test(test_orthogonal_leaves_all_other_parameters_as_they_are),
        cmocka_unit_test(test_forget_bias_is_added_to_the_forget_gates_rows_of_bias_ih_alone),
        cmocka_unit_test(test_the_same_seed_gives_the_same_bits),
        cmocka_unit_test(test_float32_starts_where_float64_does_rounded),
        cmocka_unit_test(test_other_seeds_give_other_weights),
        cmocka_unit_test(test_another_seed_gives_other_numbers_in_every_parameter_that_is_random),
        cmocka_unit_test(test_the_parameters_of_a_model_are_drawn_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
