/*
 * The gradients of rnn_forward_backward() against numerical gradients, for every element of every parameter. Numerical
 * gradients need only the loss, which test_compute.c checks. It comes from rnn_forward(), or with dropout from
 * rnn_forward_backward() itself, which draws the same mask each time.
 *
 * There are two lists of tests: `cases`, which are shapes and run with every cell; and all combinations of options with
 * one small shape.
 */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/*
 * Large enough that tanh isn't linear and the parameters of all layers matter. Gates are 1/2 where their inputs are 0,
 * so less of a gradient passes through them.
 */
static const double PARAMETER_SCALE = 0.5;
static const double GATED_PARAMETER_SCALE = 1;

/*
 * The derivative of the loss f along one element x, from f at x +- h and x +- 2h:
 *
 *     f' = (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12 h
 *
 * Its error is h^4 f'''''/30, plus rounding. The loss is a sum of up to 200 terms of about 2, so the rounding error is
 * 400 * 2^-53 / h. With this h it is 5e-11, and the first error is smaller. The loss of a normalised layer is less
 * smooth, so h is smaller there.
 */
static const double STEP = 1e-3;
static const double NORMALISED_STEP = 2e-4;

/*
 * A gradient must agree to within a millionth of its value. A gradient below SMALL must agree to within a millionth of
 * SMALL, which is the error of the numerical gradient.
 */
static const double TOLERANCE = 1e-6;
static const double SMALL = 1e-4;

/* A shape, its inputs and its loss */
typedef struct gradient_case {
    const char *name;
    int64_t layers, steps, streams, input_size, hidden_size, output_size;
    int64_t embedding_size; /* 0: no embedding */
    int32_t input;
    int32_t loss;
    int32_t reduction;
    double ignored_share; /* of the targets */
    double state_scale;   /* of the state before the chunk; 0: zeros */
    double dropout;
} gradient_case;

typedef struct gradient_test {
    char name[128];
    gradient_case row;
    int32_t cell;
    int32_t bias;
    int32_t tied;
    int32_t layer_norm;
} gradient_test;

enum {
    IDS = RNN_INPUT_IDS,
    EMBEDDED = RNN_INPUT_EMBEDDING,
    VECTORS = RNN_INPUT_VECTORS,
    CROSS = RNN_LOSS_CROSS_ENTROPY,
    SQUARE = RNN_LOSS_SQUARED_ERROR,
    SUM = RNN_REDUCTION_SUM,
    MEAN = RNN_REDUCTION_MEAN,
};

/* clang-format off */
static const gradient_case cases[] = {
    /*                                          L   T   B   V   H   O  E  input    loss    of  ignored state dropout */
    {"one step",                                1,  1,  1,  4,  5,  3, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"one unit",                                1,  6,  1,  2,  1,  2, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"one input symbol",                        1,  5,  2,  1,  4,  3, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"one output",                              1,  5,  2,  3,  4,  1, 0, IDS,     SQUARE, SUM,  0,    0.8,  0},
    {"one feature",                             1,  5,  2,  1,  4,  3, 0, VECTORS, CROSS,  SUM,  0,    0.8,  0},
    {"an embedding of one number",              1,  5,  2,  4,  5,  3, 1, EMBEDDED,CROSS,  SUM,  0,    0.8,  0},
    {"two steps from a carried state",          1,  2,  1,  3,  4,  5, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"one stream",                              1, 25,  1,  7, 10,  7, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"three streams",                           1, 10,  3,  6,  9,  4, 0, IDS,     CROSS,  SUM,  0,    0,    0},
    {"the mean",                                1, 10,  3,  6,  9,  4, 0, IDS,     CROSS,  MEAN, 0,    0,    0},
    {"the mean of squares",                     1, 10,  3,  6,  9,  4, 0, IDS,     SQUARE, MEAN, 0,    0,    0},
    {"ignored targets",                         1, 12,  3,  5,  7,  6, 0, IDS,     CROSS,  SUM,  0.5,  0.8,  0},
    {"masked targets",                          1, 12,  3,  5,  7,  6, 0, IDS,     SQUARE, SUM,  0.5,  0.8,  0},
    {"the mean with ignored targets",           1, 12,  3,  5,  7,  6, 0, IDS,     CROSS,  MEAN, 0.5,  0.8,  0},
    {"the mean with masked targets",            1, 12,  3,  5,  7,  6, 0, IDS,     SQUARE, MEAN, 0.5,  0.8,  0},
    {"more units and symbols than positions",   1,  3,  2, 27, 18, 35, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"more features and outputs than positions",1,  3,  2, 27,  9, 19, 0, VECTORS, SQUARE, SUM,  0,    0.8,  0},
    {"an embedding wider than a layer",         1,  4,  3,  8,  5,  6, 35,EMBEDDED,CROSS,  SUM,  0,    0.8,  0},
    {"more streams than units",                 1,  4, 19,  5,  6,  5, 0, IDS,     CROSS,  SUM,  0.2,  0.8,  0},
    {"two layers of one stream",                2,  9,  1,  5,  8,  6, 0, IDS,     CROSS,  SUM,  0,    0,    0},
    {"two layers from a carried state",         2,  8,  4,  6, 11,  5, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"three layers",                            3,  7,  2,  6,  6,  9, 0, IDS,     CROSS,  SUM,  0,    0.8,  0},
    {"three layers and the mean, some ignored", 3,  7,  5,  4,  7,  3, 0, IDS,     CROSS,  MEAN, 0.4,  0.8,  0},
    {"dropout in wider layers",                 2,  4,  3,  5, 17,  5, 9, EMBEDDED,CROSS,  SUM,  0,    0.8,  0.5},
};
/* clang-format on */

/* The index of the dropout masks for all losses */
static const uint64_t RANDOM_INDEX = 7;

/* Everything that the loss depends on, except the parameter under test */
typedef struct loss_function {
    rnn_model *model;
    rnn_state *start; /* before the chunk */
    rnn_state *work;
    owned_chunk chunk;
    rnn_model_options options;
} loss_function;

static loss_function create_loss_function(const gradient_test *test)
{
    const gradient_case *row = &test->row;
    loss_function made = {
        .options = make_options(row->input_size, row->hidden_size, row->output_size, row->layers, RNN_FLOAT64)};
    made.options.cell = test->cell;
    made.options.bias = test->bias;
    made.options.tied = test->tied;
    made.options.layer_norm = test->layer_norm;
    made.options.input = row->input;
    made.options.embedding_size = row->embedding_size;
    made.options.loss = row->loss;
    made.options.reduction = row->reduction;
    made.options.dropout = row->dropout;
    double scale = test->cell == RNN_CELL_TANH ? PARAMETER_SCALE : GATED_PARAMETER_SCALE;
    made.model = create_random_model(&made.options, scale, 1);
    made.start = create_random_state(made.model, row->streams, row->state_scale, 2);
    made.work = create_state(made.model, row->streams);
    made.chunk = create_random_chunk_for(made.model, row->steps, row->streams, row->ignored_share, 3);
    return made;
}

static void destroy_loss_function(loss_function *function)
{
    destroy_chunk(&function->chunk);
    rnn_state_destroy(function->work);
    rnn_state_destroy(function->start);
    rnn_model_destroy(function->model);
}

/* Goes back to the state and the dropout masks for which the gradients were computed. */
static void rewind_state(loss_function *function)
{
    assert_ok(rnn_state_copy(function->work, function->start));
    assert_ok(rnn_state_set_random_index(function->work, RANDOM_INDEX));
}

static double loss_of(loss_function *function)
{
    rnn_loss loss = {0};
    rewind_state(function);
    if (function->options.dropout > 0)
        assert_ok(rnn_forward_backward(function->model, function->work, &function->chunk.chunk, &loss));
    else
        assert_ok(rnn_forward(function->model, function->work, &function->chunk.chunk, NULL, 0, &loss));
    return function->options.reduction == RNN_REDUCTION_MEAN ? loss.sum / (double)loss.count : loss.sum;
}

/*
 * The loss after one element of a parameter has moved by `distance`. `values` holds the parameter's values and is
 * unchanged afterwards.
 */
static double loss_at(loss_function *function, int64_t index, double *values, int64_t element, double distance)
{
    double here = values[element];
    values[element] = here + distance;
    set_parameter(function->model, index, values);
    values[element] = here;
    return loss_of(function);
}

/* Checks the gradient of a parameter. Returns the largest absolute value of its elements. */
static double check_parameter(loss_function *function, int64_t index, const double *gradient)
{
    rnn_parameter parameter = parameter_of(function->model, index);
    scoped_memory double *values = get_parameter(function->model, index);
    double largest = 0, h = function->options.layer_norm ? NORMALISED_STEP : STEP;
    for (int64_t i = 0; i < parameter.count; i++) {
        double near = loss_at(function, index, values, i, h) - loss_at(function, index, values, i, -h);
        double far = loss_at(function, index, values, i, 2 * h) - loss_at(function, index, values, i, -2 * h);
        double numerical = (8 * near - far) / (12 * h);
        double allowed = TOLERANCE * fmax(fmax(fabs(gradient[i]), fabs(numerical)), SMALL);
        if (!(fabs(gradient[i] - numerical) <= allowed)) {
            fail_msg("the gradient of %s, element %lld, is %.12g; numerically it is %.12g", parameter.name,
                     (long long)i, gradient[i], numerical);
        }
        largest = fmax(largest, fabs(gradient[i]));
    }
    set_parameter(function->model, index, values);
    return largest;
}

static void check_all_parameters(void **state)
{
    loss_function function = create_loss_function(*state);
    rnn_loss loss = {0};
    rewind_state(&function);
    assert_ok(rnn_forward_backward(function.model, function.work, &function.chunk.chunk, &loss));
    assert_true(loss.count > 0);
    double *gradients = get_all_gradients(function.model);
    double *gradient = gradients;
    for (int64_t index = 0; index < rnn_model_parameter_count(function.model); index++) {
        double largest = check_parameter(&function, index, gradient);
        assert_true(largest > SMALL); /* otherwise no element was compared to within a millionth of its value */
        gradient += parameter_of(function.model, index).count;
    }
    free(gradients);
    destroy_loss_function(&function);
}

/* ---- The list of tests ---- */

static const struct {
    const char *name;
    int32_t cell;
} cells[] = {{"tanh", RNN_CELL_TANH}, {"gru", RNN_CELL_GRU}, {"lstm", RNN_CELL_LSTM}};

static const struct {
    const char *name;
    int32_t input, tied;
    int64_t embedding_size;
} inputs[] = {{"ids", IDS, 0, 0}, {"embedding", EMBEDDED, 0, 3}, {"tied", EMBEDDED, 1, 4}, {"vectors", VECTORS, 0, 0}};

enum {
    CELLS = COUNT_OF(cells),
    INPUTS = COUNT_OF(inputs),
    SHAPES = COUNT_OF(cases),
    DEPTHS = 3,
    COMBINATIONS = CELLS * DEPTHS * INPUTS * 2 * 2 * 2 * 3, /* losses, biases, dropouts; sum, mean, layer norm */
    TESTS = CELLS * SHAPES + COMBINATIONS,
};

static gradient_test all[TESTS];

/* Removes the last digit of a number in this base and returns it. */
static int take_digit(int *number, int base)
{
    int digit = *number % base;
    *number /= base;
    return digit;
}

static void set_shape_and_cell(gradient_test *test, int number)
{
    int cell = take_digit(&number, CELLS);
    test->row = cases[number];
    test->cell = cells[cell].cell;
    test->bias = test->cell == RNN_CELL_GRU ? RNN_BIAS_BOTH : RNN_BIAS_INPUT;
    snprintf(test->name, sizeof test->name, "test_gradient: %s, %s", cells[cell].name, test->row.name);
}

static void set_combination(gradient_test *test, int number)
{
    int kind = take_digit(&number, 3), mean = kind == 1, norm = kind == 2, dropout = take_digit(&number, 2),
        both = take_digit(&number, 2);
    int square = take_digit(&number, 2), input = take_digit(&number, INPUTS), depth = take_digit(&number, DEPTHS);
    int cell = take_digit(&number, CELLS);
    int layers = depth + 1 + dropout; /* dropout acts between layers, so it needs two */
    test->row = (gradient_case){.layers = layers,
                                .steps = 5,
                                .streams = 2,
                                .input_size = 5,
                                .hidden_size = 4,
                                .output_size = 5,
                                .embedding_size = inputs[input].embedding_size,
                                .input = inputs[input].input,
                                .loss = square ? SQUARE : CROSS,
                                .reduction = mean ? MEAN : SUM,
                                .ignored_share = 0.3,
                                .state_scale = 0.8,
                                .dropout = dropout ? 0.3 : 0};
    test->cell = cells[cell].cell;
    test->bias = both ? RNN_BIAS_BOTH : RNN_BIAS_INPUT;
    test->tied = inputs[input].tied;
    test->layer_norm = norm;
    snprintf(test->name, sizeof test->name, "test_gradient: %s, layers %d, %s, %s, %s, dropout %g, %s%s",
             cells[cell].name, layers, inputs[input].name, square ? "squared error" : "cross-entropy",
             both ? "both biases" : "input bias", test->row.dropout, mean ? "mean" : "sum", norm ? ", layer norm" : "");
}

int main(void)
{
    static struct CMUnitTest tests[TESTS];
    for (int i = 0; i < TESTS; i++) {
        if (i < CELLS * SHAPES)
            set_shape_and_cell(&all[i], i);
        else
            set_combination(&all[i], i - CELLS * SHAPES);
        tests[i] =
            (struct CMUnitTest){.name = all[i].name, .test_func = check_all_parameters, .initial_state = &all[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
