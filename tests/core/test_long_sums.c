/*
 * Float32 sums of many values stay accurate because they are computed in blocks. If the values were added one by one,
 * each would be rounded to the precision of the whole sum.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>

/* A model whose weights are zero, so its outputs are its decoder's biases */
static rnn_model *create_constant_model(int64_t outputs, int32_t loss)
{
    rnn_model_options options = make_options(1, 1, outputs, 1, RNN_FLOAT32);
    options.loss = loss;
    options.weight_scale = 0;
    return create_model(&options);
}

/* The logits are 0.1 and then zeros. So the exponentials are 1 and then e^-0.1, which isn't exact in float32. */
static void test_softmax_over_a_million_outputs_sums_to_6_digits(void **state)
{
    enum { OUTPUTS = 1 << 20 };
    scoped_model *model = create_constant_model(OUTPUTS, RNN_LOSS_CROSS_ENTROPY);
    scoped_memory float *bias = allocate(OUTPUTS, sizeof *bias);
    bias[0] = 0.1f;
    int64_t index = index_of(model, "decoder.bias");
    assert_ok(rnn_model_set_parameter(model, index, bias, OUTPUTS));
    scoped_state *memory = create_state(model, 1);
    const int32_t id = 0;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = 1, .inputs = &id, .targets = &id};
    rnn_loss loss;
    assert_ok(rnn_forward(model, memory, &chunk, NULL, 0, &loss));
    double expected = log(1 + (OUTPUTS - 1) * exp(-(double)bias[0]));
    assert_true(fabs(loss.sum - expected) < 2e-6);
}

/* Each position adds 2 (0 - target) to the gradient of the bias. */
static void test_a_bias_gradient_over_60000_positions_sums_to_5_digits(void **state)
{
    enum { STEPS = 60000 };
    scoped_model *model = create_constant_model(1, RNN_LOSS_SQUARED_ERROR);
    scoped_memory int32_t *ids = allocate(STEPS, sizeof *ids);
    scoped_memory float *targets = allocate(STEPS, sizeof *targets);
    float gradient;
    for (int t = 0; t < STEPS; t++)
        targets[t] = -0.45f;
    scoped_state *memory = create_state(model, 1);
    rnn_chunk chunk = {
        .struct_size = sizeof chunk, .steps = STEPS, .streams = 1, .inputs = ids, .target_vectors = targets};
    assert_ok(rnn_forward_backward(model, memory, &chunk, NULL));
    int64_t index = index_of(model, "decoder.bias");
    assert_ok(rnn_model_get_gradient(model, index, &gradient, 1));
    double expected = STEPS * 2 * (double)0.45f;
    assert_true(fabs((double)gradient - expected) < 1e-5 * expected);
}

/* With one symbol, the weights of the input are added to each gate like a bias. */
static double id_gradient_error(int32_t input, int64_t streams)
{
    enum { POSITIONS = 60000, HIDDEN = 3 };
    rnn_model *model[2];
    double *gradient[2], worst = 0;
    scoped_memory int32_t *ids = allocate(POSITIONS, sizeof *ids);
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        rnn_model_options options = make_options(1, HIDDEN, 2, 1, precision);
        options.input = input;
        options.embedding_size = input == RNN_INPUT_EMBEDDING ? HIDDEN : 0;
        options.initialization = RNN_INIT_UNIFORM;
        model[precision] = create_model(&options);
        scoped_state *memory = create_state(model[precision], streams);
        rnn_chunk chunk = {.struct_size = sizeof chunk,
                           .steps = POSITIONS / streams,
                           .streams = streams,
                           .inputs = ids,
                           .targets = ids};
        assert_ok(rnn_forward_backward(model[precision], memory, &chunk, NULL));
        const char *name = input == RNN_INPUT_EMBEDDING ? "embedding.weight" : "rnn.weight_ih_l0";
        int64_t index = index_of(model[precision], name);
        gradient[precision] = allocate(HIDDEN, sizeof(double));
        assert_ok(rnn_model_get_gradient(model[precision], index, gradient[precision], HIDDEN));
    }
    for (int i = 0; i < HIDDEN; i++) {
        double exact = gradient[RNN_FLOAT64][i], found = (double)((float *)(void *)gradient[RNN_FLOAT32])[i];
        double error = fabs(found - exact) / fabs(exact);
        worst = error > worst ? error : worst;
    }
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        free(gradient[precision]);
        rnn_model_destroy(model[precision]);
    }
    return worst;
}

static void test_a_symbols_gradient_over_60000_positions_sums_to_5_digits(void **state)
{
    static const int64_t streams[] = {1, 50, 1000}; /* blocks of 256 positions, blocks of 250, and parts of a step */
    for (size_t i = 0; i < COUNT_OF(streams); i++) {
        assert_true(id_gradient_error(RNN_INPUT_IDS, streams[i]) < 1e-5);
        assert_true(id_gradient_error(RNN_INPUT_EMBEDDING, streams[i]) < 1e-5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_softmax_over_a_million_outputs_sums_to_6_digits),
        cmocka_unit_test(test_a_bias_gradient_over_60000_positions_sums_to_5_digits),
        cmocka_unit_test(test_a_symbols_gradient_over_60000_positions_sums_to_5_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
