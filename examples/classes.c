/* A bidirectional GRU learns to tell noisy waves of three frequencies apart. The waves have unequal lengths. */
#include <math.h>

#include "check.h"

enum { TRAINING = 600, HELD_OUT = 150, LONGEST = 40, STREAMS = 30, EPOCHS = 20 };

static rnn_batcher *create_waves(int64_t count)
{
    static float samples[TRAINING * LONGEST];
    static int64_t lengths[TRAINING];
    static int32_t classes[TRAINING];
    for (int64_t n = 0, used = 0; n < count; n++) {
        classes[n] = rand() % 3;
        lengths[n] = 15 + rand() % (LONGEST - 15);
        const float frequency = 0.3f + 0.15f * (float)classes[n], phase = 0.01f * (float)(rand() % 628);
        for (int64_t t = 0; t < lengths[n]; t++)
            samples[used++] = sinf(phase + frequency * (float)t) + 0.01f * (float)(rand() % 101 - 50);
    }
    rnn_sequences waves = {.struct_size = sizeof waves, .count = count, .lengths = lengths, .targets = classes};
    waves.input_vectors = samples;
    waves.input_size = 1;
    rnn_batcher *batcher;
    rnn_batcher_options options;
    check(rnn_batcher_options_init(&options, sizeof options));
    options.streams = STREAMS;
    options.target_kind = RNN_TARGETS_LAST; /* one class for each sequence */
    check(rnn_batcher_create(&waves, &options, &batcher));
    return batcher;
}

int main(void)
{
    rnn_batcher *training = create_waves(TRAINING), *held_out = create_waves(HELD_OUT);
    rnn_checkpoint run = {.struct_size = sizeof run};
    int64_t hits, right = 0;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .hits = &hits};
    rnn_model_options options = recommended_options(RNN_CELL_GRU, 1, 3);
    options.input = RNN_INPUT_VECTORS;
    options.bidirectional = 1;
    options.hidden_size = 24;
    check(rnn_model_create(&options, &run.model));
    check(rnn_state_create(run.model, STREAMS, &run.state));
    run.optimizer = create_adam(run.model, 0.01);
    for (int64_t k = 0; k < EPOCHS * rnn_batcher_chunks(training); k++) {
        check(rnn_batcher_next(training, &chunk, NULL));
        check(rnn_forward_backward(run.model, run.state, &chunk, NULL));
        check(rnn_optimizer_step(run.optimizer, run.model));
    }
    for (int32_t last = 0; !last; right += hits) {
        check(rnn_batcher_next(held_out, &chunk, &last));
        check(rnn_forward(run.model, run.state, &chunk, NULL, 0, NULL));
    }
    printf("%.1f %% of the held-out waves are told right\n", 100.0 * (double)right / HELD_OUT);
    rnn_batcher_destroy(training);
    rnn_batcher_destroy(held_out);
    release(&run);
    return EXIT_SUCCESS;
}
