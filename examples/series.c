/* An LSTM learns to predict the next value of series of unequal length, and is tested on series it hasn't seen. */
#include <math.h>

#include "check.h"

enum { TRAINING = 300, HELD_OUT = 60, LONGEST = 60, STREAMS = 16, EPOCHS = 20 };

/* Creates damped waves of two frequencies. */
static rnn_batcher *create_series(int64_t count)
{
    static float values[TRAINING * LONGEST];
    static int64_t lengths[TRAINING];
    int64_t used = 0;
    for (int64_t n = 0; n < count; n++) {
        const float slow = 0.1f + 0.002f * (float)(rand() % 100), fast = 0.5f + 0.01f * (float)(rand() % 100);
        lengths[n] = 20 + rand() % (LONGEST - 20);
        for (int64_t step = 0; step < lengths[n]; step++) {
            const float t = (float)step;
            values[used++] = expf(-0.03f * t) * (cosf(slow * t) + 0.5f * sinf(fast * t));
        }
    }
    rnn_sequences series = {.struct_size = sizeof series, .count = count, .lengths = lengths};
    series.input_vectors = values;
    series.input_size = 1;
    rnn_batcher *batcher;
    rnn_batcher_options options;
    check(rnn_batcher_options_init(&options, sizeof options));
    options.streams = STREAMS;
    options.layout = RNN_BATCH_PACKED;      /* one series after another */
    options.target_kind = RNN_TARGETS_NEXT; /* each value's target is the next value */
    options.steps = 32;
    options.shuffle = 1;
    check(rnn_batcher_create(&series, &options, &batcher));
    return batcher;
}

int main(void)
{
    rnn_batcher *training = create_series(TRAINING), *held_out = create_series(HELD_OUT);
    rnn_model_options options = recommended_options(RNN_CELL_LSTM, 1, 1);
    rnn_checkpoint run = {.struct_size = sizeof run};
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    rnn_loss loss;
    double error = 0;
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    check(rnn_model_create(&options, &run.model));
    check(rnn_state_create(run.model, STREAMS, &run.state));
    run.optimizer = create_adam(run.model, 0.003);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        double sum = 0;
        for (int32_t last = 0; !last;) {
            check(rnn_batcher_next(training, &chunk, &last));
            check(rnn_forward_backward(run.model, run.state, &chunk, &loss));
            check(rnn_optimizer_step(run.optimizer, run.model));
            sum += loss.sum;
        }
        printf("epoch %2d: squared error %.5f\n", epoch, sum / (double)rnn_batcher_positions(training));
    }
    for (int32_t last = 0; !last;) {
        check(rnn_batcher_next(held_out, &chunk, &last));
        check(rnn_forward(run.model, run.state, &chunk, NULL, 0, &loss));
        error += loss.sum;
    }
    printf("held out: squared error %.5f\n", error / (double)rnn_batcher_positions(held_out));
    rnn_batcher_destroy(training);
    rnn_batcher_destroy(held_out);
    release(&run);
    return EXIT_SUCCESS;
}
