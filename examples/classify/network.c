/*
 * network.c: trains a network and runs it.
 *
 * The network reads a text symbol by symbol. The logits of all steps are added up and divided by the square root of
 * their number, and softmax turns the sums into the probabilities of the classes. librnn has no such loss of its own,
 * so training uses rnn_forward_training() and rnn_backward().
 */
#include "classify.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

static int64_t stream_length(const rnn_chunk *chunk, int64_t b)
{
    return chunk->lengths ? chunk->lengths[b] : chunk->steps;
}

void pool(const rnn_chunk *chunk, int64_t b, const float *outputs, int64_t classes, double *probabilities)
{
    int64_t length = stream_length(chunk, b);
    for (int64_t j = 0; j < classes; j++)
        probabilities[j] = 0;
    for (int64_t t = 0; t < length; t++)
        for (int64_t j = 0; j < classes; j++)
            probabilities[j] += (double)outputs[(t * chunk->streams + b) * classes + j] / sqrt((double)length);
    check(rnn_softmax(RNN_FLOAT64, probabilities, 1, classes, probabilities));
}

static double *classify_all(const classifier *c, rnn_batcher *batcher)
{
    double *probabilities = allocate((size_t)(rnn_batcher_size(batcher) * c->classes) * sizeof *probabilities);
    int64_t count = rnn_batcher_steps(batcher) * STREAMS * c->classes, places[STREAMS];
    float *outputs = allocate((size_t)count * sizeof *outputs);
    rnn_state *state;
    rnn_chunk chunk;
    check(rnn_state_create(c->model, STREAMS, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int32_t last = 0; !last;) {
        check(rnn_batcher_next(batcher, &chunk, &last));
        check(rnn_batcher_get_places(batcher, places, NULL, STREAMS));
        chunk.last_only = 0; /* the classes come from the outputs of all steps */
        chunk.targets = NULL;
        check(rnn_forward(c->model, state, &chunk, outputs, chunk.steps * STREAMS * c->classes, NULL));
        for (int64_t b = 0; b < STREAMS; b++)
            if (places[b] >= 0)
                pool(&chunk, b, outputs, c->classes, probabilities + places[b] * c->classes);
    }
    rnn_state_destroy(state);
    free(outputs);
    return probabilities;
}

double *classify_part(const classifier *c, const examples *all, int part, int64_t **numbers, int64_t *count)
{
    rnn_batcher_options order;
    check(rnn_batcher_options_init(&order, sizeof order));
    order.bucket = INT_MAX;
    rnn_batcher *batcher = create_batcher(c, all, part, &order, numbers);
    double *probabilities = classify_all(c, batcher);
    *count = rnn_batcher_size(batcher);
    rnn_batcher_destroy(batcher);
    return probabilities;
}

static rnn_optimizer *create_optimizer(const settings *s, const rnn_model *model)
{
    rnn_optimizer_options o;
    rnn_optimizer *optimizer;
    check(rnn_optimizer_options_init(&o, sizeof o, RNN_OPTIMIZER_ADAMW));
    o.weight_decay = s->weight_decay;
    o.spare_biases = s->weight_decay > 0;
    o.beta2 = 0.99;
    o.clip_norm = 1;
    check(rnn_optimizer_create(model, &o, &optimizer));
    return optimizer;
}

/* Adds the gradients of one chunk, and returns the sum of its losses. outputs: [T][B][classes] */
static double learn(classifier *c, rnn_state *state, rnn_chunk *chunk, const settings *s, uint64_t *random,
                    float *outputs, int32_t *inputs)
{
    int64_t streams = chunk->streams, count = chunk->steps * streams, filled = 0;
    double loss = 0, *p = allocate((size_t)c->classes * sizeof *p);
    const int32_t *classes = chunk->targets;
    rnn_chunk_gradients gradients;
    for (int64_t n = 0; n < count; n++) /* so the model learns the unknown symbol, and to do without any one symbol */
        inputs[n] = (double)(draw(random) >> 11) * 0x1p-53 < s->forget ? rnn_vocab_unknown(c->vocab) : chunk->inputs[n];
    chunk->inputs = inputs;
    chunk->last_only = 0;
    chunk->targets = NULL;
    check(rnn_forward_training(c->model, state, chunk, outputs, count * c->classes));
    for (int64_t b = 0; b < streams; b++)
        filled += stream_length(chunk, b) > 0;
    for (int64_t b = 0; b < streams; b++) {
        int64_t length = stream_length(chunk, b);
        if (length == 0)
            continue;
        pool(chunk, b, outputs, c->classes, p);
        loss -= log(fmax(p[classes[b]], 1e-300));
        for (int64_t j = 0; j < c->classes; j++) { /* the gradient of the cross-entropy with smoothed targets */
            double target = (j == classes[b] ? 1 - s->smoothing : 0) + s->smoothing / (double)c->classes;
            float gradient = (float)((p[j] - target) / (sqrt((double)length) * (double)filled));
            for (int64_t t = 0; t < length; t++)
                outputs[(t * streams + b) * c->classes + j] = gradient;
        }
    }
    check(rnn_chunk_gradients_init(&gradients, sizeof gradients));
    gradients.outputs = outputs;
    check(rnn_backward(c->model, state, &gradients));
    free(p);
    return loss;
}

void train(classifier *c, const examples *all, const settings *s)
{
    rnn_batcher_options order;
    rnn_state *state;
    rnn_chunk chunk;
    progress_line line;
    int64_t *numbers, *held_out, step = 0;
    uint64_t random = (uint64_t)s->seed;
    classifier average = *c; /* a running average of the model, which is validated and kept */
    double best = -1, best_loss = 0, share = 0, started = now(), loss;
    check(rnn_batcher_options_init(&order, sizeof order));
    order.bucket = INT_MAX;
    rnn_batcher *validation = create_batcher(c, all, VALIDATION, &order, &held_out);
    order.bucket = 20;
    order.shuffle = 1;
    order.seed = (uint64_t)s->seed;
    rnn_batcher *training = create_batcher(c, all, TRAINING, &order, &numbers);
    rnn_optimizer *optimizer = create_optimizer(s, c->model);
    int64_t room = rnn_batcher_steps(training) * STREAMS, steps = s->epochs * rnn_batcher_chunks(training);
    float *outputs = allocate((size_t)(room * c->classes) * sizeof *outputs);
    int32_t *inputs = allocate((size_t)room * sizeof *inputs);
    check(rnn_state_create(c->model, STREAMS, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    check(rnn_model_copy(c->model, &average.model));
    progress_open(&line, false);
    for (int64_t epoch = 1; share < 1; epoch++) {
        double sum = 0;
        for (int32_t last = 0; !last && share < 1;) {
            check(rnn_batcher_next(training, &chunk, &last));
            sum += learn(c, state, &chunk, s, &random, outputs, inputs);
            double factor =
                rnn_schedule_warmup(step, 100) * rnn_schedule_cosine((int64_t)(share * 1e9), 1000000000, 0.02);
            check(rnn_optimizer_set_learning_rate(optimizer, s->learning_rate * factor));
            check(rnn_optimizer_step(optimizer, c->model));
            check(rnn_model_average(average.model, c->model, fmax(1 - s->averaging, 1 / (1 + (double)step))));
            step++;
            share = s->minutes > 0 ? (now() - started) / (60 * s->minutes) : (double)step / (double)steps;
            if (progress_is_due(&line)) {
                char bar[BAR_SIZE];
                progress_bar(bar, share, now() - started);
                progress_show(&line, "%s, epoch %lld", bar, (long long)epoch);
            }
        }
        double *p = classify_all(&average, validation);
        double right = accuracy(all, held_out, rnn_batcher_size(validation), p, c->classes, &loss);
        bool better = right > best || (right >= best && loss < best_loss);
        if (better) {
            check(rnn_model_save(average.model, c->vocab, s->out));
            best = right;
            best_loss = loss;
        }
        progress_clear(&line);
        printf("epoch %lld: training %.4f, validation %.4f nats, %.2f %% right%s\n", (long long)epoch,
               sum / (double)rnn_batcher_size(training), loss, 100 * right, better ? ", the best so far" : "");
        flush_output();
        free(p);
    }
    rnn_batcher_destroy(training);
    rnn_batcher_destroy(validation);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(average.model);
    rnn_state_destroy(state);
    free(numbers);
    free(held_out);
    free(outputs);
    free(inputs);
}
