/* network.c: predicts bytes with a recurrent network that learns as it goes. */
#include "compress.h"

#include <stdlib.h>
#include <string.h>

struct network {
    rnn_model *model;
    rnn_optimizer *optimizer;
    rnn_state *now, *before; /* Between them are the steps since the network last learned. */
    rnn_chunk step, chunk;
    int64_t steps, most_steps;
    int32_t *inputs;      /* [most_steps + 1][B] */
    int32_t *targets;     /* [most_steps][B] */
    float *probabilities; /* [B][BYTES] */
};

network *network_create(const level *l, int64_t streams)
{
    network *n = allocate(sizeof *n);
    rnn_model_options options;
    rnn_optimizer_options rule;
    check(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = BYTES;
    options.cell = l->cell;
    options.hidden_size = l->hidden;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.forget_bias = l->cell == RNN_CELL_LSTM ? 1 : 0;
    options.layer_norm = 1;
    check(rnn_model_create(&options, &n->model));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = l->learning_rate;
    rule.beta1 = 0;
    check(rnn_optimizer_create(n->model, &rule, &n->optimizer));
    check(rnn_state_create(n->model, streams, &n->now));
    check(rnn_state_create(n->model, streams, &n->before));
    n->most_steps = l->steps;
    n->inputs = allocate(sizeof *n->inputs * (size_t)((l->steps + 1) * streams));
    n->targets = allocate(sizeof *n->targets * (size_t)(l->steps * streams));
    n->probabilities = allocate(sizeof *n->probabilities * (size_t)(streams * BYTES));
    check(rnn_chunk_init(&n->step, sizeof n->step));
    check(rnn_chunk_init(&n->chunk, sizeof n->chunk));
    n->step.steps = 1;
    n->chunk.steps = l->steps;
    n->step.streams = n->chunk.streams = streams;
    n->chunk.inputs = n->inputs;
    n->chunk.targets = n->targets;
    return n;
}

void network_destroy(network *n)
{
    if (!n)
        return;
    rnn_state_destroy(n->before);
    rnn_state_destroy(n->now);
    rnn_optimizer_destroy(n->optimizer);
    rnn_model_destroy(n->model);
    free(n->inputs);
    free(n->targets);
    free(n->probabilities);
    free(n);
}

void network_predict(network *n, uint32_t *shares)
{
    int64_t streams = n->step.streams;
    n->step.inputs = n->inputs + n->steps * streams;
    check(rnn_forward(n->model, n->now, &n->step, n->probabilities, streams * BYTES, NULL));
    check(rnn_softmax(RNN_FLOAT32, n->probabilities, streams, BYTES, n->probabilities));
    for (int64_t b = 0; b < streams; b++) {
        uint32_t *of_stream = shares + (ptrdiff_t)b * 2 * BYTES;
        for (int s = 0; s < BYTES; s++) /* The product with a power of two is exact, so all machines agree. */
            of_stream[BYTES + s] = 1 + (uint32_t)(n->probabilities[b * BYTES + s] * 0x1p22f);
        of_stream[0] = 0;
        for (size_t i = BYTES - 1; i > 0; i--)
            of_stream[i] = of_stream[2 * i] + of_stream[2 * i + 1];
    }
}

void network_learn(network *n, const int32_t *bytes)
{
    int64_t streams = n->step.streams;
    int32_t *targets = n->targets + n->steps * streams;
    int32_t *inputs = n->inputs + (n->steps + 1) * streams;
    for (int64_t b = 0; b < streams; b++) {
        targets[b] = bytes[b] < 0 ? RNN_IGNORE : bytes[b];
        inputs[b] = bytes[b] < 0 ? 0 : bytes[b];
    }
    if (++n->steps < n->most_steps)
        return;
    check(rnn_forward_backward(n->model, n->before, &n->chunk, NULL));
    check(rnn_optimizer_step(n->optimizer, n->model));
    memcpy(n->inputs, inputs, sizeof *inputs * (size_t)streams);
    n->steps = 0;
}
