/* Which of three waves is this? A bidirectional GRU learns to tell from noisy samples of unequal length. */
#include <math.h>
#include <string.h>

#include "check.h"

enum { COUNT = 600, HELD_OUT = 150, LONGEST = 40, STREAMS = 30, EPOCHS = 12 };

static float uniform(void)
{
    static uint32_t state = 1;
    return (float)((state = 1664525 * state + 1013904223) >> 8) / (float)(1 << 24);
}

static rnn_batcher *waves(int64_t count)
{
    static float samples[COUNT * LONGEST];
    static int64_t lengths[COUNT], used;
    static int32_t classes[COUNT];
    used = 0;
    for (int64_t n = 0; n < count; n++) {
        float phase = uniform(), speed = 0.05f + 0.1f * uniform();
        lengths[n] = 15 + (int64_t)(uniform() * (LONGEST - 15));
        classes[n] = (int32_t)(3 * uniform());
        for (int64_t t = 0; t < lengths[n]; t++, phase = fmodf(phase + speed, 1)) {
            const float kinds[] = {sinf(6.2831853f * phase), phase < 0.5f ? 1 : -1, 2 * phase - 1};
            samples[used++] = kinds[classes[n]] + 0.5f * (uniform() - 0.5f);
        }
    }
    rnn_batcher *batcher;
    rnn_sequences all;
    rnn_batcher_options options;
    check(rnn_sequences_init(&all, sizeof all));
    all.count = count;
    all.lengths = lengths;
    all.input_vectors = samples;
    all.input_size = 1;
    all.targets = classes;
    check(rnn_batcher_options_init(&options, sizeof options));
    options.streams = STREAMS;
    options.target_kind = RNN_TARGETS_LAST; /* one class for each sequence */
    options.shuffle = 1;
    check(rnn_batcher_create(&all, &options, &batcher));
    return batcher;
}

int main(void)
{
    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_GRU;
    options.bidirectional = 1;
    options.input = RNN_INPUT_VECTORS;
    options.input_size = 1;
    options.output_size = 3;
    options.hidden_size = 24;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    check(rnn_model_create(&options, &model));

    rnn_batcher *training = waves(COUNT), *held_out = waves(HELD_OUT);
    rnn_optimizer *optimizer;
    rnn_optimizer_options rule;
    rnn_state *state;
    rnn_chunk chunk;
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = 0.01;
    check(rnn_optimizer_create(model, &rule, &optimizer));
    check(rnn_state_create(model, STREAMS, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        int64_t hits, right = 0;
        for (int32_t last = 0; !last;) {
            check(rnn_batcher_next(training, &chunk, &last));
            check(rnn_forward_backward(model, state, &chunk, NULL));
            check(rnn_optimizer_step(optimizer, model));
        }
        for (int32_t last = 0; !last; right += hits) {
            check(rnn_batcher_next(held_out, &chunk, &last));
            chunk.hits = &hits;
            check(rnn_forward(model, state, &chunk, NULL, 0, NULL));
            chunk.hits = NULL;
        }
        printf("epoch %2d: %5.1f %% of the held-out waves are told right\n", epoch, 100.0 * (double)right / HELD_OUT);
    }
    rnn_batcher_destroy(training);
    rnn_batcher_destroy(held_out);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    return EXIT_SUCCESS;
}
