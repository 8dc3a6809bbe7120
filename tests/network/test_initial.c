/* The parameters of a new model: each kind of initialisation, which depends on the seed alone. */
#include "models.h"

static const struct {
    int32_t cell;
    int64_t gates;
} cells[] = {{RNN_CELL_TANH, 1}, {RNN_CELL_GRU, 3}, {RNN_CELL_LSTM, 4}};

enum { CELLS = sizeof cells / sizeof cells[0], FORGET_GATE = 1 };

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

/* The parameters of both models must have the same bits, except those whose names contain `but`. */
static void assert_same_parameters_but(const rnn_model *a, const rnn_model *b, const char *but)
{
    assert_int_equal(rnn_model_parameter_count(a), rnn_model_parameter_count(b));
    for (int64_t index = 0; index < rnn_model_parameter_count(a); index++) {
        rnn_parameter parameter = parameter_of(a, index);
        scoped_memory double *of_a = get_parameter(a, index), *of_b = get_parameter(b, index);
        if (strstr(parameter.name, but) == NULL)
            assert_memory_equal(of_a, of_b, (size_t)parameter.count * sizeof(double));
    }
}

/* Statistics of numbers divided by a scale */
typedef struct moments {
    double mean, mean_square;
    double neighbours; /* the mean product of two neighbours */
    double largest;
    double inside[3]; /* the shares of absolute values of at most 1, 2, 3 */
} moments;

static moments moments_of(const double *values, int64_t count, double scale)
{
    moments m = {0};
    double n = (double)count;
    for (int64_t i = 0; i < count; i++) {
        double x = values[i] / scale;
        m.mean += x / n;
        m.mean_square += x * x / n;
        m.neighbours += i > 0 ? x * values[i - 1] / scale / n : 0;
        m.largest = fmax(m.largest, fabs(x));
        for (int k = 0; k < 3; k++)
            m.inside[k] += (fabs(x) <= k + 1) / n;
    }
    return m;
}

/* A share measured on n numbers must be within five standard errors of the expected one. */
static void assert_share(double actual, double expected, double n)
{
    assert_true(fabs(actual - expected) < 5 * sqrt(expected * (1 - expected) / n));
}

/* ---- Normal: that of min-char-rnn.py ---- */

/*
 * The numbers must look as if drawn independently from N(0, scale²). Mean, variance, the correlation of neighbours and
 * the shares within one, two and three standard deviations must be within five standard errors of the expected values.
 */
static void assert_normal(const double *values, int64_t count, double scale)
{
    static const double within[] = {0.6826894921, 0.9544997361, 0.9973002039};
    moments m = moments_of(values, count, scale);
    double n = (double)count;
    assert_true(m.largest < 8);
    assert_true(fabs(m.mean) < 5 / sqrt(n));
    assert_true(fabs(m.mean_square - 1) < 5 * sqrt(2 / n));
    assert_true(fabs(m.neighbours) < 5 / sqrt(n));
    for (int k = 0; k < 3; k++)
        assert_share(m.inside[k], within[k], n);
}

/* All elements of the weight matrices, one after the other, to free(). */
static double *get_weights(const rnn_model *model, int64_t *count)
{
    double *weights = allocate(parameter_total(model), sizeof(double));
    *count = 0;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
        rnn_parameter parameter = parameter_of(model, index);
        if (parameter.rank == 2) {
            scoped_memory double *values = get_parameter(model, index);
            memcpy(weights + *count, values, (size_t)parameter.count * sizeof(double));
            *count += parameter.count;
        }
    }
    return weights;
}

static void test_normal_weights_have_the_given_scale(void **state)
{
    (void)state;
    static const double scales[] = {0.01, 1, 0.3};
    for (size_t p = 0; p < 2; p++)
        for (size_t s = 0; s < sizeof scales / sizeof scales[0]; s++) {
            rnn_model_options options = make_options(65, 100, 60, 2, precisions[p]);
            options.weight_scale = scales[s];
            options.seed = s;
            scoped_model *model = create_model(&options);
            for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
                rnn_parameter parameter = parameter_of(model, index);
                if (parameter.rank == 2) {
                    scoped_memory double *values = get_parameter(model, index);
                    assert_normal(values, parameter.count, scales[s]);
                }
            }
            int64_t count = 0;
            scoped_memory double *weights = get_weights(model, &count);
            assert_normal(weights, count, scales[s]);
        }
}

static void test_normal_biases_are_0(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++)
        for (int c = 0; c < CELLS; c++) {
            rnn_model_options options = make_options_of_all(cells[c].cell, RNN_INIT_NORMAL, precisions[p]);
            scoped_model *model = create_model(&options);
            int vectors = 0;
            for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
                rnn_parameter parameter = parameter_of(model, index);
                if (parameter.rank == 1) {
                    scoped_memory double *values = get_parameter(model, index);
                    for (int64_t i = 0; i < parameter.count; i++)
                        assert_true(values[i] == 0);
                    vectors++;
                }
            }
            assert_int_equal(vectors, 5);
        }
}

static void test_a_weight_scale_of_0_starts_all_parameters_at_0(void **state)
{
    (void)state;
    rnn_model_options options = make_options(7, 5, 3, 2, RNN_FLOAT32);
    options.weight_scale = 0;
    scoped_model *model = create_model(&options);
    scoped_memory double *values = get_all_parameters(model);
    for (int64_t i = 0; i < parameter_total(model); i++)
        assert_true(values[i] == 0);
}

/* ---- Uniform: PyTorch's ---- */

/*
 * The numbers must look as if drawn independently and evenly from -limit to limit. None may be larger. Mean, variance,
 * the correlation of neighbours and the shares within a quarter, a half and three quarters of the limit must be within
 * five standard errors of the expected values.
 */
static void assert_uniform(const double *values, int64_t count, double limit)
{
    moments m = moments_of(values, count, limit / 4);
    double n = (double)count;
    assert_true(m.largest <= 4 * (1 + 0x1p-24)); /* float32 rounds */
    assert_true(fabs(m.mean / 4) < 5 * sqrt(1 / (3 * n)));
    assert_true(fabs(m.mean_square / 16 - 1.0 / 3) < 5 * sqrt(4 / (45 * n)));
    assert_true(fabs(m.neighbours / 16) < 5 / (3 * sqrt(n)));
    for (int k = 0; k < 3; k++)
        assert_share(m.inside[k], 0.25 * (k + 1), n);
}

static void test_uniform_parameters_are_within_1_over_the_root_of_h_biases_too(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++)
        for (int c = 0; c < CELLS; c++) {
            rnn_model_options options = make_options_of_all(cells[c].cell, RNN_INIT_UNIFORM, precisions[p]);
            scoped_model *model = create_model(&options);
            for (int64_t index = 1; index < rnn_model_parameter_count(model); index++) {
                rnn_parameter parameter = parameter_of(model, index);
                scoped_memory double *values = get_parameter(model, index);
                assert_uniform(values, parameter.count, 1 / sqrt(60));
            }
        }
}

static void test_an_embedding_of_a_uniform_model_is_standard_normal(void **state)
{
    (void)state;
    for (size_t p = 0; p < 2; p++) {
        rnn_model_options options = make_options_of_all(RNN_CELL_LSTM, RNN_INIT_UNIFORM, precisions[p]);
        scoped_model *model = create_model(&options);
        scoped_memory double *values = get_parameter(model, index_of(model, "embedding.weight"));
        assert_normal(values, 65 * 40, 1);
    }
}

static void test_a_tied_embedding_of_a_uniform_model_is_uniform_like_the_decoders_weight(void **state)
{
    (void)state;
    rnn_model_options options = make_options_of_all(RNN_CELL_LSTM, RNN_INIT_UNIFORM, RNN_FLOAT64);
    options.output_size = options.input_size;
    options.embedding_size = options.hidden_size;
    options.tied = 1;
    scoped_model *model = create_model(&options);
    scoped_memory double *values = get_parameter(model, index_of(model, "embedding.weight"));
    assert_uniform(values, 65 * 60, 1 / sqrt(60));
}

/* ---- Orthogonal recurrent weights ---- */

/* Q Qᵀ = I, but for rounding */
static void assert_orthogonal(const double *q, int64_t size, double tolerance)
{
    for (int64_t i = 0; i < size; i++)
        for (int64_t k = 0; k <= i; k++) {
            double product = 0;
            for (int64_t j = 0; j < size; j++)
                product += q[i * size + j] * q[k * size + j];
            assert_true(fabs(product - (i == k)) <= tolerance);
        }
}

static void test_orthogonal_makes_the_recurrent_weights_of_each_gate_orthogonal(void **state)
{
    (void)state;
    static const int64_t sizes[] = {1, 7, 64, 100};
    static const double tolerances[] = {1e-6, 1e-12};
    for (size_t p = 0; p < 2; p++)
        for (int c = 0; c < CELLS; c++)
            for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
                int64_t size = sizes[s];
                rnn_model_options options = make_options(3, size, 3, 2, precisions[p]);
                options.cell = cells[c].cell;
                options.orthogonal = 1;
                options.seed = s;
                scoped_model *model = create_model(&options);
                for (int layer = 0; layer < 2; layer++) {
                    const char *name = layer == 0 ? "rnn.weight_hh_l0" : "rnn.weight_hh_l1";
                    scoped_memory double *values = get_parameter(model, index_of(model, name));
                    for (int64_t gate = 0; gate < cells[c].gates; gate++)
                        assert_orthogonal(values + gate * size * size, size, tolerances[p]);
                }
            }
}

/* The elements of an orthogonal matrix have mean square 1 / H. */
static void test_orthogonal_matrices_are_random_and_drawn_apart(void **state)
{
    (void)state;
    enum { SIZE = 40, GATES = 4, LAYERS = 2, BLOCK = SIZE * SIZE };
    rnn_model_options options = make_options(3, SIZE, 3, LAYERS, RNN_FLOAT64);
    options.cell = RNN_CELL_LSTM;
    options.orthogonal = 1;
    scoped_model *model = create_model(&options);
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
}

static void test_orthogonal_leaves_all_other_parameters_as_they_are(void **state)
{
    (void)state;
    for (int32_t initialization = RNN_INIT_NORMAL; initialization <= RNN_INIT_UNIFORM; initialization++) {
        rnn_model_options options = make_options_of_all(RNN_CELL_GRU, initialization, RNN_FLOAT64);
        scoped_model *model = create_model(&options);
        options.orthogonal = 1;
        scoped_model *orthogonal = create_model(&options);
        assert_same_parameters_but(model, orthogonal, "weight_hh");
    }
}

/* ---- The forget gate's bias ---- */

static void test_forget_bias_is_added_to_the_forget_gates_rows_of_bias_ih_alone(void **state)
{
    (void)state;
    enum { HIDDEN = 60 };
    static const double tolerances[] = {1e-6, 1e-15};
    for (size_t p = 0; p < 2; p++)
        for (int32_t initialization = RNN_INIT_NORMAL; initialization <= RNN_INIT_UNIFORM; initialization++) {
            rnn_model_options options = make_options_of_all(RNN_CELL_LSTM, initialization, precisions[p]);
            scoped_model *model = create_model(&options);
            options.forget_bias = 1.5;
            scoped_model *remembering = create_model(&options);
            assert_same_parameters_but(model, remembering, "bias_ih");
            for (int layer = 0; layer < 2; layer++) {
                int64_t index = index_of(model, layer == 0 ? "rnn.bias_ih_l0" : "rnn.bias_ih_l1");
                scoped_memory double *before = get_parameter(model, index);
                scoped_memory double *after = get_parameter(remembering, index);
                for (int64_t i = 0; i < 4 * HIDDEN; i++)
                    if (i / HIDDEN == FORGET_GATE)
                        assert_relative(after[i], before[i] + 1.5, tolerances[p]);
                    else
                        assert_true(after[i] == before[i]);
            }
        }
}

/* ---- Reproducibility ---- */

/* Options number 0, 1, ...: every cell with every initialisation. Returns 0 when there are no more. */
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
            scoped_model *model = create_model(&options);
            rnn_model_destroy(create(9, 9, 9, 1, precisions[p])); /* a model in between makes no difference */
            scoped_model *again = create_model(&options);
            scoped_snapshot bits = take_snapshot(model, NULL);
            assert_unchanged(&bits, again, NULL);
        }
    }
}

static void test_float32_starts_where_float64_does_rounded(void **state)
{
    (void)state;
    rnn_model_options options;
    for (int n = 0; next_start(n, RNN_FLOAT32, &options); n++) {
        scoped_model *single = create_model(&options);
        options.precision = RNN_FLOAT64;
        scoped_model *twice = create_model(&options);
        scoped_memory double *rounded = get_all_parameters(single);
        scoped_memory double *exact = get_all_parameters(twice);
        for (int64_t i = 0; i < parameter_total(single); i++)
            assert_true(rounded[i] == (double)(float)exact[i]);
    }
}

/* The correlation of the two must be within five standard errors of 0, as it is for independent numbers. */
static void assert_uncorrelated(const double *a, const double *b, int64_t count)
{
    double ab = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < count; i++) {
        ab += a[i] * b[i];
        aa += a[i] * a[i];
        bb += b[i] * b[i];
    }
    assert_true(fabs(ab / sqrt(aa * bb)) < 5 / sqrt((double)count));
}

static void test_other_seeds_give_other_weights(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {0,         1, 2, UINT64_C(1) << 32, (UINT64_C(1) << 32) + 1, UINT64_C(1) << 63,
                                     UINT64_MAX};
    enum { SEEDS = sizeof seeds / sizeof seeds[0] };
    double *weights[SEEDS];
    int64_t count = 0;
    for (int i = 0; i < SEEDS; i++) {
        rnn_model_options options = make_options(65, 100, 60, 1, RNN_FLOAT64);
        options.seed = seeds[i];
        scoped_model *model = create_model(&options);
        weights[i] = get_weights(model, &count);
    }
    for (int i = 0; i < SEEDS; i++)
        for (int k = 0; k < i; k++)
            assert_uncorrelated(weights[i], weights[k], count);
    for (int i = 0; i < SEEDS; i++)
        free(weights[i]);
}

static void test_another_seed_gives_other_numbers_in_every_parameter_that_is_random(void **state)
{
    (void)state;
    rnn_model_options options;
    for (int n = 0; next_start(n, RNN_FLOAT64, &options); n++) {
        scoped_model *model = create_model(&options);
        options.seed++;
        scoped_model *other = create_model(&options);
        for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
            rnn_parameter parameter = parameter_of(model, index);
            if (parameter.rank == 1 && options.initialization == RNN_INIT_NORMAL)
                continue;
            scoped_memory double *a = get_parameter(model, index);
            scoped_memory double *b = get_parameter(other, index);
            for (int64_t i = 0; i < parameter.count; i++)
                assert_true(a[i] != b[i]);
        }
    }
}

static void test_the_parameters_of_a_model_are_drawn_apart(void **state)
{
    (void)state;
    rnn_model_options options = make_options(50, 50, 50, 3, RNN_FLOAT64); /* matrices of 50 by 50 only */
    scoped_model *model = create_model(&options);
    double *weights[7];
    int matrices = 0;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++)
        if (parameter_of(model, index).rank == 2)
            weights[matrices++] = get_parameter(model, index);
    assert_int_equal(matrices, 7);
    for (int i = 0; i < matrices; i++)
        for (int k = 0; k < i; k++)
            assert_uncorrelated(weights[i], weights[k], 2500);
    for (int i = 0; i < matrices; i++)
        free(weights[i]);
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
