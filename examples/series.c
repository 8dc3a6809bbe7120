/* An LSTM learns to predict the next value of series of unequal length, and is tested on series it hasn't seen. */
#include <math.h>

#include "check.h"

enum { COUNT = 300, HELD_OUT = 60, LONGEST = 60, STREAMS = 16, EPOCHS = 20 };

static float uniform(void)
{
    static uint32_t state = 7;
    return (float)((state = 1664525 * state + 1013904223) >> 8) / (float)(1 << 24);
}

/* Damped waves of two frequencies; `last` is what it costs to take each value for the next one. */
static rnn_batcher *series(int64_t count, double *last)
{
    static float values[COUNT * LONGEST], next[COUNT * LONGEST];
    static int64_t lengths[COUNT];
    int64_t used = 0;
    *last = 0;
    for (int64_t n = 0; n < count; n++) {
        const float slow = 0.1f + 0.2f * uniform(), fast = 0.5f + uniform(), phase = 6 * uniform(), damping = 0.03f;
        float value = 0;
        lengths[n] = 20 + (int64_t)(uniform() * (LONGEST - 20));
        for (int64_t t = 0; t <= lengths[n]; t++) {
            const float before = value, time = (float)t;
            value = expf(-damping * time) * (sinf(slow * time + phase) + 0.5f * sinf(fast * time));
            if (t > 0) {
                next[used - 1] = value;
                *last += (double)((value - before) * (value - before));
            }
            if (t < lengths[n])
                values[used++] = value;
        }
    }
    rnn_batcher *batcher;
    rnn_sequences all;
    rnn_batcher_options options;
    check(rnn_sequences_init(&all, sizeof all));
    all.count = count;
    all.lengths = lengths;
    all.input_vectors = values;
    all.target_vectors = next;
    all.input_size = all.output_size = 1;
    check(rnn_batcher_options_init(&options, sizeof options));
    options.streams = STREAMS;
    options.layout = RNN_BATCH_PACKED; /* one series behind the other */
    options.steps = 32;
    options.shuffle = 1;
    check(rnn_batcher_create(&all, &options, &batcher));
    return batcher;
}

int main(void)
{
    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_LSTM;
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    options.input_size = options.output_size = 1;
    options.hidden_size = 32;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    check(rnn_model_create(&options, &model));

    double naive, ignored, error = 0;
    rnn_batcher *training = series(COUNT, &ignored), *held_out = series(HELD_OUT, &naive);
    rnn_optimizer *optimizer;
    rnn_optimizer_options rule;
    rnn_state *state;
    rnn_chunk chunk;
    rnn_loss loss;
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = 0.01;
    check(rnn_optimizer_create(model, &rule, &optimizer));
    check(rnn_state_create(model, STREAMS, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        double sum = 0;
        int64_t count = 0;
        for (int32_t last = 0; !last; sum += loss.sum, count += loss.count) {
            check(rnn_batcher_next(training, &chunk, &last));
            check(rnn_forward_backward(model, state, &chunk, &loss));
            check(rnn_optimizer_step(optimizer, model));
        }
        printf("epoch %2d: squared error %.5f\n", epoch, sum / (double)count);
    }
    for (int32_t last = 0; !last; error += loss.sum) {
        check(rnn_batcher_next(held_out, &chunk, &last));
        check(rnn_forward(model, state, &chunk, NULL, 0, &loss));
    }
    printf("held out: error %.3f of that of the last value\n", error / naive);
    rnn_batcher_destroy(training);
    rnn_batcher_destroy(held_out);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    return EXIT_SUCCESS;
}
