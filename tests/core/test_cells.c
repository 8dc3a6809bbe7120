/*
 * The forward and backward passes of every kind of model (cell, input, loss and bias) against the header's formulas in
 * plain C.
 */
#include "formulas.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct size_row {
    int64_t L, T, B, V, H, O, E;
} size_row;

/*
 * Sizes that aren't multiples of a processor's vector, sizes of one, and more positions than rnn_forward() computes at
 * a time
 */
/* clang-format off */
static const size_row sizes[] = {
    /*L     T     B    V    H    O   E */
    {1,    1,    1,   1,   1,   1,   1},
    {2,    7,    2,   2,   1,   3,   2},
    {3,    5,    3,  11,   3,   2,   5},
    {1,   25,    1,  65,  17,  66,  33},
    {2,    4,   33,   9,  17,   5,   1},
    {3,    6,    7,   5,  32,  17,  16},
    {2,    3,    2, 131,  50,  40,  70},
    {1,    4,    9,  20, 100,  65, 128},
    {2, 1100,    1,   5,   3,   4,   2},
    {1,    3,  400,   5,   3,   4,   2},
};
/* clang-format on */

/* Sums so long that the products are computed in blocks. It is slow, so it doesn't run for every kind of model. */
static const size_row large = {1, 3, 2, 7, 530, 270, 8};

static const struct {
    const char *name;
    int32_t cell;
} cells[] = {{"tanh", RNN_CELL_TANH}, {"gru", RNN_CELL_GRU}, {"lstm", RNN_CELL_LSTM}};

static const struct {
    const char *name;
    int32_t input, tied;
} inputs[] = {{"ids", RNN_INPUT_IDS, 0},
              {"an_embedding", RNN_INPUT_EMBEDDING, 0},
              {"a_tied_embedding", RNN_INPUT_EMBEDDING, 1},
              {"vectors", RNN_INPUT_VECTORS, 0}};

enum {
    CELLS = COUNT_OF(cells),
    INPUTS = COUNT_OF(inputs),
    SIZES = COUNT_OF(sizes),
    KINDS = CELLS * INPUTS * 2 * 2, /* of losses, biases */
};

typedef struct kind_test {
    char name[128];
    int32_t cell, input, tied, loss, bias;
} kind_test;

static rnn_model_options make_kind(const kind_test *kind, const size_row *size, int32_t precision)
{
    rnn_model_options options = make_options(size->V, size->H, kind->tied ? size->V : size->O, size->L, precision);
    options.cell = kind->cell;
    options.input = kind->input;
    options.tied = kind->tied;
    options.embedding_size = kind->input != RNN_INPUT_EMBEDDING ? 0 : kind->tied ? size->H : size->E;
    options.loss = kind->loss;
    options.bias = kind->bias;
    return options;
}

/*
 * The larger H is, the smaller the parameters, so that the input of a unit stays where tanh is neither linear nor
 * saturated.
 */
static rnn_model *create_of_kind(const rnn_model_options *options)
{
    return create_random_model(options, fmin(1, 1.5 / sqrt((double)options->hidden_size)), 11);
}

static void assert_loss_close(rnn_loss loss, rnn_loss expected, double tolerance)
{
    assert_int_equal(loss.count, expected.count);
    assert_true(fabs(loss.sum - expected.sum) <= tolerance * (fabs(expected.sum) + (double)expected.count));
}

static void assert_state_close(const rnn_model *model, const rnn_state *state, const double *expected, double tolerance)
{
    scoped_memory double *values = get_state(model, state);
    assert_all_close(values, expected, state_total(model, state), tolerance);
}

static void assert_gradients_close(const rnn_model *model, const double *expected, double tolerance)
{
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
        rnn_parameter parameter = parameter_of(model, index);
        scoped_memory double *gradient = get_gradient(model, index);
        check_all_close(gradient, expected, parameter.count, tolerance, parameter.name, __FILE__, __LINE__);
        expected += parameter.count;
    }
}

static void assert_computes(const kind_test *kind, const size_row *size, int32_t precision, const formulas *expected,
                            double tolerance)
{
    rnn_model_options options = make_kind(kind, size, precision);
    scoped_model *model = create_of_kind(&options);
    scoped_state *start = create_random_state(model, size->B, 0.9, 12);
    scoped_state *state = create_state(model, size->B);
    scoped_chunk chunk = create_random_chunk_for(model, size->T, size->B, 0.2, 13);
    int64_t count = size->T * size->B * options.output_size;
    scoped_memory void *outputs = allocate(count, precision_size(precision));
    scoped_memory double *doubles = allocate(count, sizeof(double));
    rnn_loss loss = {0};

    assert_ok(rnn_state_copy(state, start));
    assert_ok(rnn_forward(model, state, &chunk.chunk, outputs, count, &loss));
    to_doubles(precision, outputs, doubles, count);
    assert_all_close(doubles, expected->outputs, count, tolerance);
    assert_loss_close(loss, expected->loss, tolerance);
    assert_state_close(model, state, expected->state, tolerance);

    assert_ok(rnn_state_copy(state, start));
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, &loss));
    assert_loss_close(loss, expected->loss, tolerance);
    assert_state_close(model, state, expected->state, tolerance);
    assert_gradients_close(model, expected->gradients, tolerance);
}

/* Compares in float64, and in float32 with rounded values. */
static void assert_is_the_formulas(const kind_test *kind, const size_row *size)
{
    rnn_model_options options = make_kind(kind, size, RNN_FLOAT64);
    scoped_model *model = create_of_kind(&options);
    scoped_state *start = create_random_state(model, size->B, 0.9, 12);
    scoped_chunk chunk = create_random_chunk_for(model, size->T, size->B, 0.2, 13);
    scoped_formulas expected = train_formulas(model, start, &chunk.chunk);
    assert_computes(kind, size, RNN_FLOAT64, &expected, 1e-11);
    assert_computes(kind, size, RNN_FLOAT32, &expected, 1e-4);
}

static void is_the_formulas(void **state)
{
    const kind_test *kind = *state;
    for (int s = 0; s < SIZES; s++)
        assert_is_the_formulas(kind, &sizes[s]);
    if (kind->input == RNN_INPUT_IDS && kind->loss == RNN_LOSS_CROSS_ENTROPY)
        assert_is_the_formulas(kind, &large);
}

/* Removes the last digit of a number in this base and returns it. */
static int take_digit(int *number, int base)
{
    int digit = *number % base;
    *number /= base;
    return digit;
}

static void set_kind(kind_test *kind, int number)
{
    int both = take_digit(&number, 2), square = take_digit(&number, 2);
    int input = take_digit(&number, INPUTS), cell = number;
    kind->cell = cells[cell].cell;
    kind->input = inputs[input].input;
    kind->tied = inputs[input].tied;
    kind->loss = square ? RNN_LOSS_SQUARED_ERROR : RNN_LOSS_CROSS_ENTROPY;
    kind->bias = both ? RNN_BIAS_BOTH : RNN_BIAS_INPUT;
    snprintf(kind->name, sizeof kind->name, "test_%s_of_%s_with_%s_and_%s_is_the_formulas", cells[cell].name,
             inputs[input].name, square ? "squared_error" : "cross_entropy", both ? "both_biases" : "one_bias");
}

int main(void)
{
    static kind_test kinds[KINDS];
    static struct CMUnitTest tests[KINDS];
    for (int i = 0; i < KINDS; i++) {
        set_kind(&kinds[i], i);
        tests[i] = (struct CMUnitTest){.name = kinds[i].name, .test_func = is_the_formulas, .initial_state = &kinds[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
