/*
 * Two programs that train with their own losses: an encoder and a decoder that learn to reverse strings, and a model
 * whose outputs are quantiles.
 */
#include "own_losses.h"

/*
 * Two models learn to reverse strings. The encoder reads a string, and the decoder begins with the encoder's state and
 * writes it backwards. The gradient of the decoder's initial state goes back into the encoder.
 */
enum { LETTERS = 6, LENGTH = 5, BATCH = 32, UNITS = 64, ROUNDS = 700 };

typedef struct translator {
    rnn_model *encoder, *decoder;
    rnn_state *read, *write;
    rnn_optimizer *encoder_optimizer, *decoder_optimizer;
} translator;

static rnn_model *create_half(uint64_t seed)
{
    rnn_model_options o = make_options(LETTERS + 1, UNITS, LETTERS, 1, RNN_FLOAT32);
    o.cell = RNN_CELL_GRU;
    o.initialization = RNN_INIT_UNIFORM;
    o.reduction = RNN_REDUCTION_MEAN;
    o.seed = seed;
    return create_model(&o);
}

static rnn_optimizer *create_adam(const rnn_model *model)
{
    rnn_optimizer_options options;
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_ADAM));
    options.learning_rate = 0.005;
    options.clip_value = 1;
    assert_ok(rnn_optimizer_create(model, &options, &optimizer));
    return optimizer;
}

/*
 * A batch of strings [LENGTH][BATCH], the reversed strings, and the decoder's inputs, which are the reversed strings
 * one step later.
 */
static void make_strings(random_source *source, int32_t *letters, int32_t *inputs, int32_t *reversed)
{
    for (int t = 0; t < LENGTH; t++)
        for (int b = 0; b < BATCH; b++) {
            letters[t * BATCH + b] = random_below(source, LETTERS);
            reversed[(LENGTH - 1 - t) * BATCH + b] = letters[t * BATCH + b];
        }
    for (int i = 0; i < LENGTH * BATCH; i++)
        inputs[i] = i < BATCH ? LETTERS : reversed[i - BATCH];
}

/* One round; returns the share of letters that the decoder has right. */
static double learn_strings(translator *t, random_source *source)
{
    int32_t letters[LENGTH * BATCH], inputs[LENGTH * BATCH], reversed[LENGTH * BATCH];
    float outputs[LENGTH * BATCH * LETTERS], initial[BATCH * UNITS];
    int64_t right = 0;
    make_strings(source, letters, inputs, reversed);
    rnn_chunk reading = {.struct_size = sizeof reading, .steps = LENGTH, .streams = BATCH, .inputs = letters};
    rnn_chunk writing = {.struct_size = sizeof writing, .steps = LENGTH, .streams = BATCH, .inputs = inputs};
    assert_ok(rnn_state_reset(t->read));
    assert_ok(rnn_forward_training(t->encoder, t->read, &reading, NULL, 0));
    assert_ok(rnn_state_copy(t->write, t->read));
    assert_ok(rnn_forward_training(t->decoder, t->write, &writing, outputs, LENGTH * BATCH * LETTERS));
    for (int i = 0; i < LENGTH * BATCH; i++) {
        double row[LETTERS];
        int best = 0;
        to_doubles(RNN_FLOAT32, outputs + i * LETTERS, row, LETTERS);
        for (int o = 1; o < LETTERS; o++)
            best = row[o] > row[best] ? o : best;
        right += best == reversed[i];
        to_softmax_gradient(row, reversed + i, 1, LETTERS);
        for (int o = 0; o < LETTERS; o++)
            row[o] /= LENGTH * BATCH;
        from_doubles(RNN_FLOAT32, row, outputs + i * LETTERS, LETTERS);
    }
    rnn_chunk_gradients of_decoder = {.struct_size = sizeof of_decoder, .outputs = outputs, .initial_state = initial};
    rnn_chunk_gradients of_encoder = {.struct_size = sizeof of_encoder, .final_state = initial};
    assert_ok(rnn_backward(t->decoder, t->write, &of_decoder));
    assert_ok(rnn_backward(t->encoder, t->read, &of_encoder));
    assert_ok(rnn_optimizer_step(t->decoder_optimizer, t->decoder));
    assert_ok(rnn_optimizer_step(t->encoder_optimizer, t->encoder));
    return (double)right / (LENGTH * BATCH);
}

static void test_an_encoder_and_a_decoder_learn_to_reverse_strings(void **state)
{
    (void)state;
    random_source source = {11};
    double right = 0;
    scoped_model *encoder = create_half(1), *decoder = create_half(2);
    scoped_state *read = create_state(encoder, BATCH), *write = create_state(decoder, BATCH);
    scoped_optimizer *of_encoder = create_adam(encoder), *of_decoder = create_adam(decoder);
    translator t = {encoder, decoder, read, write, of_encoder, of_decoder};
    for (int n = 0; n < ROUNDS; n++)
        right = 0.95 * right + 0.05 * learn_strings(&t, &source);
    if (right < 0.95)
        fail_msg("%.3f of the letters are right", right);
}

/*
 * The outputs are quantiles of the next value (Koenker and Bassett 1978): with the output x, a value y has the loss
 * max(q (y - x), (q - 1) (y - x)). The series is uniform noise from -1 to 1, so the quantiles are 2 q - 1.
 */
static void test_a_model_with_quantiles_as_outputs_learns_them(void **state)
{
    (void)state;
    enum { T = 20, B = 16, Q = 3, N = 600 };
    static const double quantiles[Q] = {0.1, 0.5, 0.9};
    rnn_model_options o = make_options(1, 8, Q, 1, RNN_FLOAT64);
    o.cell = RNN_CELL_GRU;
    o.input = RNN_INPUT_VECTORS;
    o.loss = RNN_LOSS_SQUARED_ERROR;
    o.initialization = RNN_INIT_UNIFORM;
    scoped_model *model = create_model(&o);
    scoped_state *run = create_state(model, B);
    scoped_optimizer *optimizer = create_adam(model);
    random_source source = {4};
    const int counted = N / 2 * T * B; /* the values in the second half of the updates */
    double series[(T + 1) * B], outputs[T * B * Q], below[Q] = {0};
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = T, .streams = B, .input_vectors = series};
    for (int n = 0; n < N; n++) {
        random_fill(&source, series, (T + 1) * B, 1);
        assert_ok(rnn_forward_training(model, run, &chunk, outputs, T * B * Q));
        for (int i = 0; i < T * B; i++)
            for (int q = 0; q < Q; q++) {
                double y = series[B + i], *x = &outputs[i * Q + q];
                below[q] += n >= N / 2 && y < *x;
                *x = (y < *x ? 1 - quantiles[q] : -quantiles[q]) / (T * B);
            }
        rnn_chunk_gradients gradients = {.struct_size = sizeof gradients, .outputs = outputs};
        assert_ok(rnn_backward(model, run, &gradients));
        assert_ok(rnn_optimizer_step(optimizer, model));
    }
    for (int q = 0; q < Q; q++) {
        double share = below[q] / counted;
        if (fabs(share - quantiles[q]) > 0.02)
            fail_msg("%.3f of the values are below the quantile %g", share, quantiles[q]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_encoder_and_a_decoder_learn_to_reverse_strings),
        cmocka_unit_test(test_a_model_with_quantiles_as_outputs_learns_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
