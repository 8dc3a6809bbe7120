/*
 * rnn_forward_backward()'s gradients against numerical ones, for every element of every parameter. The numerical ones
 * need rnn_forward() alone, which test_compute.c checks.
 *
 * A new cell, kind of input or loss is a new row in `cases`.
 */
#include <math.h>
#include <stdlib.h>

#include "support.h"

/* Large enough for tanh to bend, and so that the parameters of all layers matter. */
static const double PARAMETER_SCALE = 0.5;

/*
 * The derivative of the loss f along one element x, from f at x +- h and x +- 2h:
 *
 *     f' = (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12 h
 *
 * It is off by h^4 f'''''/30, and by rounding: the loss is a sum of up to 200 terms of about 2, so 400 * 2^-53 / h, or
 * 5e-11 with this h, for which the first is smaller.
 */
static const double STEP = 1e-3;

/*
 * A gradient must agree to a millionth of itself. One below SMALL must agree to a millionth of SMALL, which is the
 * error that the numerical gradient has anyway.
 */
static const double TOLERANCE = 1e-6;
static const double SMALL = 1e-4;

typedef struct gradient_case {
    const char *name;
    int64_t layers, steps, streams, input_size, hidden_size, output_size;
    int32_t cell;
    int32_t reduction;
    double ignored_share; /* of the targets */
    double state_scale;   /* of the state before the chunk; 0: zeros */
} gradient_case;

enum { TANH = RNN_CELL_TANH, SUM = RNN_REDUCTION_SUM, MEAN = RNN_REDUCTION_MEAN };

/* clang-format off */
static const gradient_case cases[] = {
    /*                                                                L   T   B   V   H   O  cell  of   ignored state */
    {"test_gradient_of_one_step",                                      1,  1,  1,  4,  5,  3, TANH, SUM,  0,      0.8},
    {"test_gradient_of_one_unit",                                      1,  6,  1,  2,  1,  2, TANH, SUM,  0,      0.8},
    {"test_gradient_of_one_input_symbol",                              1,  5,  2,  1,  4,  3, TANH, SUM,  0,      0.8},
    {"test_gradient_of_two_steps_from_a_carried_state",                1,  2,  1,  3,  4,  5, TANH, SUM,  0,      0.8},
    {"test_gradient_of_one_stream",                                    1, 25,  1,  7, 10,  7, TANH, SUM,  0,      0.8},
    {"test_gradient_of_three_streams",                                 1, 10,  3,  6,  9,  4, TANH, SUM,  0,      0},
    {"test_gradient_of_the_mean",                                      1, 10,  3,  6,  9,  4, TANH, MEAN, 0,      0},
    {"test_gradient_with_ignored_targets",                             1, 12,  3,  5,  7,  6, TANH, SUM,  0.5,    0.8},
    {"test_gradient_of_the_mean_with_ignored_targets",                 1, 12,  3,  5,  7,  6, TANH, MEAN, 0.5,    0.8},
    {"test_gradient_of_more_units_and_symbols_than_positions",         1,  3,  2, 70, 33, 66, TANH, SUM,  0,      0.8},
    {"test_gradient_of_more_streams_than_units",                       1,  4, 19,  5,  6,  5, TANH, SUM,  0.2,    0.8},
    {"test_gradient_of_two_layers_of_one_stream",                      2,  9,  1,  5,  8,  6, TANH, SUM,  0,      0},
    {"test_gradient_of_two_layers_from_a_carried_state",               2,  8,  4,  6, 17,  5, TANH, SUM,  0,      0.8},
    {"test_gradient_of_three_layers",                                  3,  7,  2,  6,  6,  9, TANH, SUM,  0,      0.8},
    {"test_gradient_of_the_mean_of_three_layers_with_ignored_targets", 3,  7,  5,  4,  7,  3, TANH, MEAN, 0.4,    0.8},
};
/* clang-format on */

/* What the loss is a function of: all but the parameter under test. */
typedef struct loss_function {
    rnn_model *model;
    rnn_state *start; /* before the chunk */
    rnn_state *work;
    owned_chunk chunk;
    int32_t reduction;
} loss_function;

static loss_function create_loss_function(const gradient_case *row)
{
    rnn_model_options options =
        make_options(row->input_size, row->hidden_size, row->output_size, row->layers, RNN_FLOAT64);
    options.cell = row->cell;
    options.reduction = row->reduction;
    loss_function made = {.reduction = row->reduction};
    made.model = create_random_model(&options, PARAMETER_SCALE, 1);
    made.start = create_random_state(made.model, row->streams, row->state_scale, 2);
    made.work = create_state(made.model, row->streams);
    made.chunk =
        create_random_chunk(row->steps, row->streams, row->input_size, row->output_size, row->ignored_share, 3);
    return made;
}

static void destroy_loss_function(loss_function *function)
{
    destroy_chunk(&function->chunk);
    rnn_state_destroy(function->work);
    rnn_state_destroy(function->start);
    rnn_model_destroy(function->model);
}

static double loss_of(loss_function *function)
{
    rnn_loss loss = {0};
    assert_ok(rnn_state_copy(function->work, function->start));
    assert_ok(rnn_forward(function->model, function->work, &function->chunk.chunk, NULL, 0, &loss));
    return function->reduction == RNN_REDUCTION_MEAN ? loss.sum / (double)loss.count : loss.sum;
}

/* The loss with one element of a parameter moved by `distance`; `values` are the parameter's, and stay. */
static double loss_at(loss_function *function, int64_t index, double *values, int64_t element, double distance)
{
    double here = values[element];
    values[element] = here + distance;
    set_parameter(function->model, index, values);
    values[element] = here;
    return loss_of(function);
}

/* Returns the largest gradient, in absolute value. */
static double check_parameter(loss_function *function, int64_t index)
{
    rnn_parameter parameter = parameter_of(function->model, index);
    double *gradient = get_gradient(function->model, index);
    double *values = get_parameter(function->model, index);
    double largest = 0;
    for (int64_t i = 0; i < parameter.count; i++) {
        double near = loss_at(function, index, values, i, STEP) - loss_at(function, index, values, i, -STEP);
        double far = loss_at(function, index, values, i, 2 * STEP) - loss_at(function, index, values, i, -2 * STEP);
        double numerical = (8 * near - far) / (12 * STEP);
        double allowed = TOLERANCE * fmax(fmax(fabs(gradient[i]), fabs(numerical)), SMALL);
        if (!(fabs(gradient[i] - numerical) <= allowed)) {
            fail_msg("the gradient of %s, element %lld, is %.12g; numerically it is %.12g", parameter.name,
                     (long long)i, gradient[i], numerical);
        }
        largest = fmax(largest, fabs(gradient[i]));
    }
    set_parameter(function->model, index, values);
    free(values);
    free(gradient);
    return largest;
}

static void check_all_parameters(void **state)
{
    loss_function function = create_loss_function(*state);
    rnn_loss loss = {0};
    assert_ok(rnn_state_copy(function.work, function.start));
    assert_ok(rnn_forward_backward(function.model, function.work, &function.chunk.chunk, &loss));
    assert_true(loss.count > 0);
    for (int64_t index = 0; index < rnn_model_parameter_count(function.model); index++) {
        double largest = check_parameter(&function, index);
        assert_true(largest > 100 * SMALL); /* else the comparison would say little */
    }
    destroy_loss_function(&function);
}

int main(void)
{
    enum { CASES = sizeof cases / sizeof cases[0] };
    struct CMUnitTest tests[CASES];
    for (int i = 0; i < CASES; i++) {
        tests[i] = (struct CMUnitTest){
            .name = cases[i].name, .test_func = check_all_parameters, .initial_state = (void *)&cases[i]};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
