/* Computations of every kind, and hashes of their results. Used by the suites that compare bits. */
#ifndef RNN_TESTS_BITS_H
#define RNN_TESTS_BITS_H

#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SSE2_MATH__
#include <xmmintrin.h>
#endif

#include "support.h"

enum { STEPS = 7, STREAMS = 13, SYMBOLS = 83, FEATURES = 21, LAYERS = 2, CHUNKS = 3, DRAWN = 9, NAME_MOST = 64 };

/* The whole floating-point state that a program can see: rounding, flushing, traps, and exception flags */
static inline uint64_t float_state(void)
{
#if defined __SSE2_MATH__
    return _mm_getcsr();
#elif defined __aarch64__
    uint64_t control, flags;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(control));
    __asm__ __volatile__("mrs %0, fpsr" : "=r"(flags));
    return control << 32 | flags;
#else
    return (uint64_t)fegetround() << 32 | (uint64_t)fetestexcept(FE_ALL_EXCEPT);
#endif
}

/* The call must return RNN_OK and leave the floating-point mode and its flags unchanged. */
#define RUN(call)                                                                                                      \
    do {                                                                                                               \
        uint64_t before = float_state();                                                                               \
        rnn_status status_of_call = (call);                                                                            \
        uint64_t after = float_state();                                                                                \
        assert_ok(status_of_call);                                                                                     \
        if (after != before)                                                                                           \
            fail_msg("%s: the mode was %" PRIx64 " and is %" PRIx64, #call, before, after);                            \
    } while (0)

static inline int usual_mode(void **state)
{
    return fesetenv(FE_DFL_ENV);
}

/* The results of a run, each of which has a hash */
enum { PARAMETERS, STATE, OUTPUTS, LOSSES, SAMPLES, KINDS };

typedef struct hashes {
    uint64_t of[KINDS];
} hashes;

/* FNV-1a of numbers of `size` bytes, each in little-endian order */
static inline void add_numbers(uint64_t *hash, const void *numbers, size_t count, size_t size)
{
    const unsigned char *p = numbers;
    for (size_t i = 0; i < count * size; i++) {
        size_t place = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? i - i % size + (size - 1 - i % size) : i;
        *hash = (*hash ^ p[place]) * UINT64_C(0x100000001b3);
    }
}

static inline void add_doubles(uint64_t *hash, const double *numbers, size_t count)
{
    add_numbers(hash, numbers, count, sizeof *numbers);
}

static inline void add_state(uint64_t *hash, const rnn_model_options *o, const rnn_state *state)
{
    int64_t count = STREAMS * o->hidden_size;
    size_t number = precision_size(o->precision);
    scoped_memory void *values = allocate(count, number);
    for (int32_t what = RNN_STATE_HIDDEN; what <= (o->cell == RNN_CELL_LSTM ? RNN_STATE_MEMORY : 0); what++)
        for (int64_t l = 0; l < o->layers * (1 + o->bidirectional); l++) {
            RUN(rnn_state_get(state, l, what, values, count));
            add_numbers(hash, values, (size_t)count, number);
        }
}

typedef struct bits_case {
    char name[NAME_MOST];
    rnn_model_options model;
    rnn_optimizer_options optimizer;
    owned_chunk chunks[CHUNKS];
    bool ragged;
} bits_case;

static const char *const cells[] = {"tanh", "gru", "lstm"};
static const char *const precisions[] = {"f32", "f64"};
static const char *const losses[] = {"cross_entropy", "squared_error"};
static const char *const rules[] = {"adagrad", "sgd", "rmsprop", "adam", "adamw"};
static const struct {
    const char *name;
    int32_t input, tied;
} inputs[] = {{"ids", RNN_INPUT_IDS, 0},
              {"embedding", RNN_INPUT_EMBEDDING, 0},
              {"tied", RNN_INPUT_EMBEDDING, 1},
              {"vectors", RNN_INPUT_VECTORS, 0}};

enum { INPUTS = COUNT_OF(inputs), RULES = COUNT_OF(rules) };

/* Two layers with dropout and both biases. No size is a multiple of a vector's. */
static inline rnn_model_options model_of(int32_t cell, int32_t precision, int input, int32_t loss)
{
    rnn_model_options o =
        make_options(inputs[input].input == RNN_INPUT_VECTORS ? FEATURES : SYMBOLS, 45, SYMBOLS, LAYERS, precision);
    o.cell = cell;
    o.input = inputs[input].input;
    o.tied = inputs[input].tied;
    o.embedding_size = o.tied ? o.hidden_size : o.input == RNN_INPUT_EMBEDDING ? 19 : 0;
    o.loss = loss;
    o.reduction = loss == RNN_LOSS_SQUARED_ERROR ? RNN_REDUCTION_MEAN : RNN_REDUCTION_SUM;
    o.bias = RNN_BIAS_BOTH;
    o.initialization = RNN_INIT_UNIFORM;
    o.dropout = 0.25;
    o.seed = 7;
    return o;
}

static inline rnn_optimizer_options rule_of(int32_t rule)
{
    rnn_optimizer_options o;
    assert_ok(rnn_optimizer_options_init(&o, sizeof o, rule));
    return o;
}

static inline void create_chunks(bits_case *c)
{
    scoped_model *model = create_model(&c->model);
    for (int n = 0; n < CHUNKS; n++)
        c->chunks[n] = create_random_chunk_for(model, STEPS, STREAMS, 0.1, (uint64_t)n);
}

static inline void destroy_chunks(bits_case *c)
{
    for (int n = 0; n < CHUNKS; n++)
        destroy_chunk(&c->chunks[n]);
}

static inline bool can_sample(const rnn_model_options *o)
{
    return !o->bidirectional && o->input != RNN_INPUT_VECTORS && o->loss == RNN_LOSS_CROSS_ENTROPY;
}

static inline void train(const bits_case *c, rnn_model *model, rnn_state *state, hashes *h)
{
    scoped_optimizer *optimizer;
    RUN(rnn_optimizer_create(model, &c->optimizer, &optimizer));
    RUN(rnn_state_observe(state, RNN_OBSERVE_GRADIENT_NORMS));
    for (int n = 0; n < CHUNKS; n++) {
        rnn_loss loss;
        double norm, norms[STEPS];
        RUN(rnn_forward_backward(model, state, &c->chunks[n].chunk, &loss));
        for (int64_t l = 0; l < c->model.layers; l++) {
            RUN(rnn_state_get_gradient_norms(state, l, norms, STEPS));
            add_doubles(&h->of[LOSSES], norms, STEPS);
        }
        RUN(rnn_model_clip_value(model, 1));
        RUN(rnn_model_clip_norm(model, 0.5, &norm));
        RUN(rnn_optimizer_step(optimizer, model));
        add_doubles(&h->of[LOSSES], &loss.sum, 1);
        add_doubles(&h->of[LOSSES], &norm, 1);
    }
}

static inline void run_forward(const bits_case *c, rnn_model *model, rnn_state *state, hashes *h)
{
    int64_t count = (int64_t)STEPS * STREAMS * c->model.output_size;
    size_t number = precision_size(c->model.precision);
    scoped_memory void *outputs = allocate(count, number);
    rnn_loss loss;
    RUN(rnn_forward(model, state, &c->chunks[0].chunk, outputs, count, &loss));
    add_numbers(&h->of[OUTPUTS], outputs, (size_t)count, number);
    add_doubles(&h->of[LOSSES], &loss.sum, 1);
}

static inline void draw(const bits_case *c, rnn_model *model, rnn_state *state, hashes *h)
{
    rnn_sampler_options options;
    scoped_sampler *sampler;
    int32_t drawn[DRAWN * STREAMS];
    assert_ok(rnn_sampler_options_init(&options, sizeof options));
    options.temperature = 0.75;
    RUN(rnn_sampler_create(&options, &sampler));
    RUN(rnn_sample(model, state, sampler, c->chunks[0].inputs, DRAWN, drawn));
    add_numbers(&h->of[SAMPLES], drawn, DRAWN * STREAMS, sizeof *drawn);
}

static void compute_ragged(const bits_case *c, hashes *h);

/* Trains a model, runs it and draws from it. */
static inline hashes compute(const bits_case *c)
{
    hashes h;
    for (int kind = 0; kind < KINDS; kind++)
        h.of[kind] = UINT64_C(0xcbf29ce484222325);
    if (c->ragged) {
        compute_ragged(c, &h);
        return h;
    }
    scoped_model *model;
    scoped_state *state;
    RUN(rnn_model_create(&c->model, &model));
    RUN(rnn_state_create(model, STREAMS, &state));
    train(c, model, state, &h);
    run_forward(c, model, state, &h);
    if (can_sample(&c->model))
        draw(c, model, state, &h);
    add_state(&h.of[STATE], &c->model, state);
    const void *parameters;
    int64_t count;
    RUN(rnn_model_flat_parameters(model, &parameters, &count));
    add_numbers(&h.of[PARAMETERS], parameters, (size_t)count, precision_size(c->model.precision));
    return h;
}

/* Streams that end early, and sequences that begin within the chunk */
static inline void make_ragged(rnn_chunk *chunk, int64_t lengths[STREAMS], uint8_t starts[STEPS * STREAMS])
{
    for (int b = 0; b < STREAMS; b++)
        lengths[b] = b % (STEPS + 1);
    for (int i = 0; i < STEPS * STREAMS; i++)
        starts[i] = i % 5 == 0;
    chunk->lengths = lengths;
    chunk->starts = starts;
}

/* The loss is half the sum of the squared outputs, times 2^-6. So its gradient is exactly the outputs times 2^-6. */
static inline void learn_by_halves(const bits_case *c, rnn_model *model, rnn_state *state, const rnn_chunk *chunk,
                                   hashes *h)
{
    int64_t count = (int64_t)STEPS * STREAMS * c->model.output_size;
    size_t number = precision_size(c->model.precision), parts = c->model.cell == RNN_CELL_LSTM ? 2 : 1;
    size_t states = parts * LAYERS * STREAMS * (size_t)(c->model.hidden_size * (1 + c->model.bidirectional));
    bool vectors = c->model.input == RNN_INPUT_VECTORS;
    scoped_memory void *outputs = allocate(count, number), *initial = allocate((int64_t)states, number);
    scoped_memory void *of_inputs = allocate(STEPS * STREAMS * FEATURES, number);
    rnn_chunk_gradients gradients;
    RUN(rnn_forward_training(model, state, chunk, outputs, count));
    add_numbers(&h->of[OUTPUTS], outputs, (size_t)count, number);
    for (int64_t i = 0; i < count; i++)
        if (c->model.precision == RNN_FLOAT32)
            ((float *)outputs)[i] *= 0x1p-6f;
        else
            ((double *)outputs)[i] *= 0x1p-6;
    RUN(rnn_chunk_gradients_init(&gradients, sizeof gradients));
    gradients.outputs = outputs;
    gradients.initial_state = initial;
    gradients.input_vectors = vectors ? of_inputs : NULL;
    RUN(rnn_backward(model, state, &gradients));
    add_numbers(&h->of[LOSSES], initial, states, number);
    add_numbers(&h->of[LOSSES], of_inputs, STEPS * STREAMS * FEATURES, number);
}

static inline void train_ragged(const bits_case *c, rnn_model *model, rnn_model *average, rnn_state *state, hashes *h)
{
    int64_t lengths[STREAMS];
    uint8_t starts[STEPS * STREAMS];
    scoped_optimizer *optimizer;
    RUN(rnn_optimizer_create(model, &c->optimizer, &optimizer));
    for (int n = 0; n < CHUNKS; n++) {
        double costs[STEPS * STREAMS];
        rnn_chunk chunk = c->chunks[n].chunk;
        make_ragged(&chunk, lengths, starts);
        learn_by_halves(c, model, state, &chunk, h);
        chunk.losses = costs;
        RUN(rnn_forward_backward(model, state, &chunk, NULL));
        add_doubles(&h->of[LOSSES], costs, STEPS * STREAMS);
        volatile double rate = 0.01 * rnn_schedule_one_cycle(n, CHUNKS, 1, 0.04, 0.01);
        RUN(rnn_optimizer_set_learning_rate(optimizer, rate));
        RUN(rnn_optimizer_step(optimizer, model));
        RUN(rnn_model_average(average, model, 0.3));
    }
}

static inline void generate(const bits_case *c, const rnn_model *model, rnn_state *state, hashes *h)
{
    rnn_sampler_options options;
    rnn_generate_options what;
    scoped_sampler *sampler;
    int32_t drawn[DRAWN * STREAMS];
    int64_t lengths[STREAMS];
    double probabilities[DRAWN * STREAMS];
    for (int b = 0; b < STREAMS; b++)
        lengths[b] = b % (STEPS + 1);
    assert_ok(rnn_sampler_options_init(&options, sizeof options));
    options.top_k = 40;
    options.top_p = 0.9;
    options.min_p = 0.01;
    options.repetition_penalty = 1.2;
    options.repetition_window = 5;
    RUN(rnn_sampler_create(&options, &sampler));
    RUN(rnn_generate_options_init(&what, sizeof what));
    what.prompt = c->chunks[0].inputs;
    what.prompt_steps = STEPS;
    what.prompt_lengths = lengths;
    what.most = DRAWN;
    what.stop = 3;
    RUN(rnn_generate(model, state, sampler, &what, drawn, NULL, probabilities));
    add_numbers(&h->of[SAMPLES], drawn, DRAWN * STREAMS, sizeof *drawn);
    add_doubles(&h->of[SAMPLES], probabilities, DRAWN * STREAMS);
}

/* Searches from the first stream's state. */
static inline void search(const rnn_model *model, const rnn_state *state, hashes *h)
{
    enum { BEAMS = 5 };
    rnn_beam_options options;
    scoped_state *first;
    int32_t ids[BEAMS * DRAWN];
    double logs[BEAMS], scores[BEAMS];
    RUN(rnn_state_create(model, 1, &first));
    RUN(rnn_state_copy_stream(first, 0, state, 0));
    RUN(rnn_beam_options_init(&options, sizeof options));
    options.most = DRAWN;
    options.beams = options.results = BEAMS;
    options.length_penalty = 0.7;
    options.stop = 3;
    RUN(rnn_beam_search(model, first, &options, ids, NULL, logs, scores));
    add_numbers(&h->of[SAMPLES], ids, BEAMS * DRAWN, sizeof *ids);
    add_doubles(&h->of[SAMPLES], logs, BEAMS);
    add_doubles(&h->of[SAMPLES], scores, BEAMS);
}

static inline void compute_ragged(const bits_case *c, hashes *h)
{
    scoped_model *model, *average;
    scoped_state *state;
    const void *parameters;
    int64_t count;
    RUN(rnn_model_create(&c->model, &model));
    RUN(rnn_model_copy(model, &average));
    RUN(rnn_state_create(model, STREAMS, &state));
    train_ragged(c, model, average, state, h);
    if (can_sample(&c->model)) {
        generate(c, average, state, h);
        search(average, state, h);
    }
    add_state(&h->of[STATE], &c->model, state);
    RUN(rnn_model_flat_parameters(average, &parameters, &count));
    add_numbers(&h->of[PARAMETERS], parameters, (size_t)count, precision_size(c->model.precision));
}

static inline bits_case case_of(int32_t cell, int32_t precision, int input, int32_t loss)
{
    bits_case c = {.model = model_of(cell, precision, input, loss), .optimizer = rule_of(RNN_OPTIMIZER_ADAM)};
    create_chunks(&c);
    return c;
}

#endif
