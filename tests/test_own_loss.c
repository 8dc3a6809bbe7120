/*
 * rnn_forward_training() and rnn_backward(): training with a loss of one's own. The gradients of parameters, input
 * vectors and initial state against numerical ones; against rnn_forward_backward(); what is refused; and two programs:
 * an encoder and a decoder that learn to reverse strings, and a model whose outputs are quantiles.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

enum { STEPS = 7, STREAMS = 3, LAYERS = 2, HIDDEN = 5, INPUTS = 4, OUTPUTS = 6 };

static const int32_t cells[] = {RNN_CELL_TANH, RNN_CELL_GRU, RNN_CELL_LSTM};
enum { CELLS = sizeof cells / sizeof *cells };

static rnn_chunk_gradients no_gradients(void)
{
    rnn_chunk_gradients gradients;
    assert_ok(rnn_chunk_gradients_init(&gradients, sizeof gradients));
    return gradients;
}

static rnn_model_options vector_options(int32_t cell)
{
    rnn_model_options o = make_options(INPUTS, HIDDEN, OUTPUTS, LAYERS, RNN_FLOAT64);
    o.cell = cell;
    o.input = RNN_INPUT_VECTORS;
    o.loss = RNN_LOSS_SQUARED_ERROR;
    return o;
}

/* ---- Against numerical gradients --------------------------------------------------------------------------------- */

/* What the streams of a chunk do: end early, begin anew, or have outputs at their end alone. */
typedef struct chunk_kind {
    const char *name;
    double dropout;
    bool lengths, starts, last_only;
} chunk_kind;

static const chunk_kind kinds[] = {
    {"plain", 0, false, false, false},     {"dropout", 0.4, false, false, false}, {"lengths", 0, true, false, false},
    {"starts", 0, false, true, false},     {"both", 0, true, true, false},        {"last only", 0, false, false, true},
    {"everything", 0.4, true, true, true},
};

/*
 * The loss is a fixed linear function of all outputs and of the state after the chunk: its gradient with respect to
 * these is `output_weights` and `state_weights`.
 */
typedef struct linear_loss {
    rnn_model *model;
    rnn_state *state;
    rnn_chunk chunk;
    int64_t outputs, states;
    int32_t ids[STEPS * STREAMS];
    double vectors[STEPS * STREAMS * INPUTS];
    int64_t lengths[STREAMS];
    uint8_t starts[STEPS * STREAMS];
    double output_weights[STEPS * STREAMS * OUTPUTS];
    double state_weights[2 * LAYERS * STREAMS * HIDDEN];
    double initial[2 * LAYERS * STREAMS * HIDDEN];
} linear_loss;

static linear_loss *create_loss(const rnn_model_options *options, const chunk_kind *kind)
{
    linear_loss *l = allocate(1, sizeof *l);
    random_source source = {77};
    l->model = create_random_model(options, 0.8, 5);
    l->state = create_state(l->model, STREAMS);
    int64_t places = kind->last_only ? STREAMS : STEPS * STREAMS;
    l->outputs = places * options->output_size;
    l->states = (options->cell == RNN_CELL_LSTM ? 2 : 1) * options->layers * STREAMS * options->hidden_size;
    for (int i = 0; i < STEPS * STREAMS; i++) {
        l->ids[i] = random_below(&source, INPUTS);
        l->starts[i] = random_below(&source, 4) == 0;
    }
    for (int b = 0; b < STREAMS; b++)
        l->lengths[b] = b == 0 ? STEPS : random_below(&source, STEPS);
    random_fill(&source, l->vectors, STEPS * STREAMS * INPUTS, 1);
    random_fill(&source, l->output_weights, l->outputs, 1);
    random_fill(&source, l->state_weights, l->states, 1);
    random_fill(&source, l->initial, l->states, 0.8);
    l->chunk = (rnn_chunk){.struct_size = sizeof l->chunk,
                           .steps = STEPS,
                           .streams = STREAMS,
                           .lengths = kind->lengths ? l->lengths : NULL,
                           .starts = kind->starts ? l->starts : NULL,
                           .last_only = kind->last_only};
    if (options->input == RNN_INPUT_VECTORS)
        l->chunk.input_vectors = l->vectors;
    else
        l->chunk.inputs = l->ids;
    return l;
}

static void destroy_loss(linear_loss *l)
{
    rnn_model_destroy(l->model);
    rnn_state_destroy(l->state);
    free(l);
}

/* The state of all layers as one array, [P][L][B][H] */
static void set_whole_state(const linear_loss *l, const double *values)
{
    rnn_model_options o = options_of(l->model);
    int64_t layer = STREAMS * o.hidden_size;
    for (int64_t i = 0; i < l->states / layer; i++)
        assert_ok(rnn_state_set(l->state, i % o.layers, (int32_t)(i / o.layers), values + i * layer, layer));
}

static double loss_of(linear_loss *l)
{
    double outputs[STEPS * STREAMS * OUTPUTS], state[2 * LAYERS * STREAMS * HIDDEN], sum = 0;
    rnn_model_options o = options_of(l->model);
    int64_t layer = STREAMS * o.hidden_size;
    set_whole_state(l, l->initial);
    assert_ok(rnn_state_set_random_index(l->state, 3));
    assert_ok(rnn_forward_training(l->model, l->state, &l->chunk, outputs, l->outputs));
    for (int64_t i = 0; i < l->states / layer; i++)
        assert_ok(rnn_state_get(l->state, i % o.layers, (int32_t)(i / o.layers), state + i * layer, layer));
    for (int64_t i = 0; i < l->outputs; i++)
        sum += l->output_weights[i] * outputs[i];
    for (int64_t i = 0; i < l->states; i++)
        sum += l->state_weights[i] * state[i];
    return sum;
}

/* Differences over four points: see test_gradient.c. */
static double numerical(linear_loss *l, double *element, rnn_model *changed, int64_t parameter, double *values)
{
    const double step = 1e-3, kept = *element;
    double f[4];
    for (int i = 0; i < 4; i++) {
        *element = kept + step * (i < 2 ? i - 2 : i - 1);
        if (changed != NULL)
            set_parameter(changed, parameter, values);
        f[i] = loss_of(l);
    }
    *element = kept;
    if (changed != NULL)
        set_parameter(changed, parameter, values);
    return (8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * step);
}

static void assert_gradient(double actual, double expected, const char *what, const char *name, int64_t i)
{
    double size = fabs(expected) > 1e-4 ? fabs(expected) : 1e-4;
    if (!(fabs(actual - expected) <= 1e-6 * size))
        fail_msg("%s, %s: element %lld is %.12g; the numerical gradient is %.12g", name, what, (long long)i, actual,
                 expected);
}

static void check_array(linear_loss *l, double *values, const double *gradients, int64_t count, const char *what,
                        const char *name)
{
    for (int64_t i = 0; i < count; i++)
        assert_gradient(gradients[i], numerical(l, &values[i], NULL, 0, NULL), what, name, i);
}

static void check_parameters(linear_loss *l, const char *name)
{
    for (int64_t p = 0; p < rnn_model_parameter_count(l->model); p++) {
        double *values = get_parameter(l->model, p), *gradients = get_gradient(l->model, p);
        rnn_parameter about = parameter_of(l->model, p);
        for (int64_t i = 0; i < about.count; i++)
            assert_gradient(gradients[i], numerical(l, &values[i], l->model, p, values), about.name, name, i);
        free(values);
        free(gradients);
    }
}

static void check_kind(const rnn_model_options *options, const chunk_kind *kind)
{
    char name[100];
    double inputs[STEPS * STREAMS * INPUTS], initial[2 * LAYERS * STREAMS * HIDDEN];
    linear_loss *l = create_loss(options, kind);
    snprintf(name, sizeof name, "cell %d, input %d, %s", (int)options->cell, (int)options->input, kind->name);
    loss_of(l);
    rnn_chunk_gradients gradients = no_gradients();
    gradients.outputs = l->output_weights;
    gradients.final_state = l->state_weights;
    gradients.initial_state = initial;
    gradients.input_vectors = options->input == RNN_INPUT_VECTORS ? inputs : NULL;
    assert_ok(rnn_backward(l->model, l->state, &gradients));
    check_parameters(l, name);
    check_array(l, l->initial, initial, l->states, "the initial state", name);
    if (options->input == RNN_INPUT_VECTORS)
        check_array(l, l->vectors, inputs, STEPS * STREAMS * INPUTS, "the input vectors", name);
    destroy_loss(l);
}

static void test_gradients_of_parameters_inputs_and_initial_state_are_numerical_ones(void **state)
{
    (void)state;
    for (int c = 0; c < CELLS; c++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            rnn_model_options vectors = vector_options(cells[c]);
            vectors.dropout = kinds[k].dropout;
            vectors.bias = k % 2 ? RNN_BIAS_BOTH : RNN_BIAS_INPUT;
            check_kind(&vectors, &kinds[k]);
            rnn_model_options embedded = make_options(INPUTS, HIDDEN, OUTPUTS, 1, RNN_FLOAT64);
            embedded.cell = cells[c];
            embedded.input = k % 2 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
            embedded.embedding_size = k % 2 ? 3 : 0;
            if (kinds[k].dropout == 0)
                check_kind(&embedded, &kinds[k]);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_of_parameters_inputs_and_initial_state_are_numerical_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
