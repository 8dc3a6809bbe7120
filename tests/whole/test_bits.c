/*
 * test_bits.c: the same numbers, bit by bit, from every compiler and every instruction set that has a fused
 * multiply-add: tests/golden/bits.txt holds hashes of them. `test_bits --write FILE` writes a new one. Everywhere: the
 * bits don't depend on how streams, steps and threads divide the work, nor on the caller's floating-point mode, which
 * stays as it was.
 */
#include "support.h"

#include <fenv.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

enum { STEPS = 7, STREAMS = 13, SYMBOLS = 83, FEATURES = 21, LAYERS = 2, CHUNKS = 3, DRAWN = 9, NAME_MOST = 64 };

/* ---- The floating-point mode --------------------------------------------------------------------------------- */

/* All of the mode that a program can see: rounding, flushing, what traps, and the flags of what has happened. */
static uint64_t float_state(void)
{
#if defined __x86_64__
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

/* The call returns RNN_OK and leaves the floating-point mode and its flags alone. */
#define RUN(call)                                                                                                      \
    do {                                                                                                               \
        uint64_t before = float_state();                                                                               \
        rnn_status status_of_call = (call);                                                                            \
        uint64_t after = float_state();                                                                                \
        assert_ok(status_of_call);                                                                                     \
        if (after != before)                                                                                           \
            fail_msg("%s: the mode was %" PRIx64 " and is %" PRIx64, #call, before, after);                            \
    } while (0)

static int usual_mode(void **state)
{
    (void)state;
    return fesetenv(FE_DFL_ENV);
}

/* ---- Hashes -------------------------------------------------------------------------------------------------- */

/* What a run leaves behind; each has its hash. */
enum { PARAMETERS, STATE, OUTPUTS, LOSSES, SAMPLES, KINDS };

typedef struct hashes {
    uint64_t of[KINDS];
} hashes;

/* FNV-1a */
static void add_bytes(uint64_t *hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < size; i++)
        *hash = (*hash ^ p[i]) * UINT64_C(0x100000001b3);
}

static void add_state(uint64_t *hash, const rnn_model_options *o, const rnn_state *state)
{
    int64_t count = STREAMS * o->hidden_size;
    size_t size = (size_t)count * precision_size(o->precision);
    void *values = allocate(1, size);
    for (int32_t what = RNN_STATE_HIDDEN; what <= (o->cell == RNN_CELL_LSTM ? RNN_STATE_MEMORY : 0); what++)
        for (int64_t l = 0; l < o->layers * (1 + o->bidirectional); l++) {
            RUN(rnn_state_get(state, l, what, values, count));
            add_bytes(hash, values, size);
        }
    free(values);
}

/* ---- What is computed ---------------------------------------------------------------------------------------- */

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

enum { INPUTS = sizeof inputs / sizeof *inputs, RULES = sizeof rules / sizeof *rules };

/* Two layers with dropout and both biases; no size is a multiple of a vector's. */
static rnn_model_options model_of(int32_t cell, int32_t precision, int input, int32_t loss)
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

/* A larger model that begins as the seed's does, but for the recurrent weights */
static rnn_model_options orthogonal_model(int32_t cell, int32_t precision)
{
    rnn_model_options o = make_options(SYMBOLS, 100, SYMBOLS, LAYERS, precision);
    o.cell = cell;
    o.weight_scale = 0.1;
    o.orthogonal = 1;
    o.forget_bias = cell == RNN_CELL_LSTM ? 1 : 0;
    return o;
}

static rnn_optimizer_options rule_of(int32_t rule)
{
    rnn_optimizer_options o;
    assert_ok(rnn_optimizer_options_init(&o, sizeof o, rule));
    return o;
}

/* All that a rule has: momentum, decay and a limit */
static rnn_optimizer_options full_rule_of(int32_t rule)
{
    rnn_optimizer_options o = rule_of(rule);
    o.nesterov = rule == RNN_OPTIMIZER_SGD;
    o.momentum = rule == RNN_OPTIMIZER_SGD || rule == RNN_OPTIMIZER_RMSPROP ? 0.9 : 0;
    o.weight_decay = 0.01;
    o.clip_value = 0.02;
    return o;
}

static void create_chunks(bits_case *c)
{
    rnn_model *model = create_model(&c->model);
    for (int n = 0; n < CHUNKS; n++)
        c->chunks[n] = create_random_chunk_for(model, STEPS, STREAMS, 0.1, (uint64_t)n);
    rnn_model_destroy(model);
}

static void destroy_chunks(bits_case *c)
{
    for (int n = 0; n < CHUNKS; n++)
        destroy_chunk(&c->chunks[n]);
}

static bool can_sample(const rnn_model_options *o)
{
    return !o->bidirectional && o->input != RNN_INPUT_VECTORS && o->loss == RNN_LOSS_CROSS_ENTROPY;
}

static void train(const bits_case *c, rnn_model *model, rnn_state *state, hashes *h)
{
    rnn_optimizer *optimizer;
    RUN(rnn_optimizer_create(model, &c->optimizer, &optimizer));
    RUN(rnn_state_observe(state, RNN_OBSERVE_GRADIENT_NORMS));
    for (int n = 0; n < CHUNKS; n++) {
        rnn_loss loss;
        double norm, norms[STEPS];
        RUN(rnn_forward_backward(model, state, &c->chunks[n].chunk, &loss));
        for (int64_t l = 0; l < c->model.layers; l++) {
            RUN(rnn_state_get_gradient_norms(state, l, norms, STEPS));
            add_bytes(&h->of[LOSSES], norms, sizeof norms);
        }
        RUN(rnn_model_clip_value(model, 1));
        RUN(rnn_model_clip_norm(model, 0.5, &norm));
        RUN(rnn_optimizer_step(optimizer, model));
        add_bytes(&h->of[LOSSES], &loss.sum, sizeof loss.sum);
        add_bytes(&h->of[LOSSES], &norm, sizeof norm);
    }
    rnn_optimizer_destroy(optimizer);
}

static void run_forward(const bits_case *c, rnn_model *model, rnn_state *state, hashes *h)
{
    int64_t count = (int64_t)STEPS * STREAMS * c->model.output_size;
    size_t size = (size_t)count * precision_size(c->model.precision);
    void *outputs = allocate(1, size);
    rnn_loss loss;
    RUN(rnn_forward(model, state, &c->chunks[0].chunk, outputs, count, &loss));
    add_bytes(&h->of[OUTPUTS], outputs, size);
    add_bytes(&h->of[LOSSES], &loss.sum, sizeof loss.sum);
    free(outputs);
}

static void draw(const bits_case *c, rnn_model *model, rnn_state *state, hashes *h)
{
    rnn_sampler_options options;
    rnn_sampler *sampler;
    int32_t drawn[DRAWN * STREAMS];
    assert_ok(rnn_sampler_options_init(&options, sizeof options));
    options.temperature = 0.75;
    RUN(rnn_sampler_create(&options, &sampler));
    RUN(rnn_sample(model, state, sampler, c->chunks[0].inputs, DRAWN, drawn));
    add_bytes(&h->of[SAMPLES], drawn, sizeof drawn);
    rnn_sampler_destroy(sampler);
}

static void compute_ragged(const bits_case *c, hashes *h);

/* Trains a model, runs it and draws from it. */
static hashes compute(const bits_case *c)
{
    hashes h;
    for (int kind = 0; kind < KINDS; kind++)
        h.of[kind] = UINT64_C(0xcbf29ce484222325);
    if (c->ragged) {
        compute_ragged(c, &h);
        return h;
    }
    rnn_model *model;
    rnn_state *state;
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
    add_bytes(&h.of[PARAMETERS], parameters, (size_t)count * precision_size(c->model.precision));
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    return h;
}

/* ---- What 0.2 has added: own losses, ragged streams, kinds of dropout, averages, schedules, filters, prompts ---- */

static rnn_model_options ragged_model_of(int32_t cell, int32_t precision, int input)
{
    rnn_model_options o = model_of(cell, precision, input, RNN_LOSS_CROSS_ENTROPY);
    o.dropout_input = 0.2;
    o.dropout_output = 0.1;
    o.dropout_recurrent = cell == RNN_CELL_TANH ? 0 : 0.15;
    o.dropout_per_chunk = input == 1;
    return o;
}

static rnn_optimizer_options ragged_rule(void)
{
    rnn_optimizer_options o = rule_of(RNN_OPTIMIZER_ADAMW);
    o.weight_decay = 0.1;
    o.spare_biases = 1;
    o.clip_norm = 0.5;
    return o;
}

/* Streams that end early, and sequences that begin within the chunk */
static void make_ragged(rnn_chunk *chunk, int64_t lengths[STREAMS], uint8_t starts[STEPS * STREAMS])
{
    for (int b = 0; b < STREAMS; b++)
        lengths[b] = b % (STEPS + 1);
    for (int i = 0; i < STEPS * STREAMS; i++)
        starts[i] = i % 5 == 0;
    chunk->lengths = lengths;
    chunk->starts = starts;
}

/* The loss is half the sum of the squared outputs, times 2^-6: its gradient is the outputs times that, exactly. */
static void learn_by_halves(const bits_case *c, rnn_model *model, rnn_state *state, const rnn_chunk *chunk, hashes *h)
{
    int64_t count = (int64_t)STEPS * STREAMS * c->model.output_size;
    size_t number = precision_size(c->model.precision), parts = c->model.cell == RNN_CELL_LSTM ? 2 : 1;
    size_t states = parts * LAYERS * STREAMS * (size_t)(c->model.hidden_size * (1 + c->model.bidirectional));
    bool vectors = c->model.input == RNN_INPUT_VECTORS;
    void *outputs = allocate(count, number), *initial = allocate((int64_t)states, number);
    void *of_inputs = allocate(STEPS * STREAMS * FEATURES, number);
    rnn_chunk_gradients gradients;
    RUN(rnn_forward_training(model, state, chunk, outputs, count));
    add_bytes(&h->of[OUTPUTS], outputs, (size_t)count * number);
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
    add_bytes(&h->of[LOSSES], initial, states * number);
    add_bytes(&h->of[LOSSES], of_inputs, (size_t)(STEPS * STREAMS * FEATURES) * number);
    free(outputs);
    free(initial);
    free(of_inputs);
}

static void train_ragged(const bits_case *c, rnn_model *model, rnn_model *average, rnn_state *state, hashes *h)
{
    int64_t lengths[STREAMS];
    uint8_t starts[STEPS * STREAMS];
    rnn_optimizer *optimizer;
    RUN(rnn_optimizer_create(model, &c->optimizer, &optimizer));
    for (int n = 0; n < CHUNKS; n++) {
        double costs[STEPS * STREAMS];
        rnn_chunk chunk = c->chunks[n].chunk;
        make_ragged(&chunk, lengths, starts);
        learn_by_halves(c, model, state, &chunk, h);
        chunk.losses = costs;
        RUN(rnn_forward_backward(model, state, &chunk, NULL));
        add_bytes(&h->of[LOSSES], costs, sizeof costs);
        RUN(rnn_optimizer_set_learning_rate(optimizer, 0.01 * rnn_schedule_one_cycle(n, CHUNKS, 1, 0.04, 0.01)));
        RUN(rnn_optimizer_step(optimizer, model));
        RUN(rnn_model_average(average, model, 0.3));
    }
    rnn_optimizer_destroy(optimizer);
}

static void generate(const bits_case *c, const rnn_model *model, rnn_state *state, hashes *h)
{
    rnn_sampler_options options;
    rnn_generate_options what;
    rnn_sampler *sampler;
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
    add_bytes(&h->of[SAMPLES], drawn, sizeof drawn);
    add_bytes(&h->of[SAMPLES], probabilities, sizeof probabilities);
    rnn_sampler_destroy(sampler);
}

/* From where the first stream stands */
static void search(const rnn_model *model, const rnn_state *state, hashes *h)
{
    enum { BEAMS = 5 };
    rnn_beam_options options;
    rnn_state *first;
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
    add_bytes(&h->of[SAMPLES], ids, sizeof ids);
    add_bytes(&h->of[SAMPLES], logs, sizeof logs);
    add_bytes(&h->of[SAMPLES], scores, sizeof scores);
    rnn_state_destroy(first);
}

static void compute_ragged(const bits_case *c, hashes *h)
{
    rnn_model *model, *average;
    rnn_state *state;
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
    add_bytes(&h->of[PARAMETERS], parameters, (size_t)count * precision_size(c->model.precision));
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    rnn_model_destroy(average);
}

typedef void case_function(const bits_case *c, void *context);

static void visit(bits_case *c, case_function *function, void *context)
{
    create_chunks(c);
    function(c, context);
    destroy_chunks(c);
}

static void visit_ragged_cases(bits_case *c, case_function *function, void *context)
{
    c->ragged = true;
    c->optimizer = ragged_rule();
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++)
            for (int input = 1; input < INPUTS; input += 2) {
                snprintf(c->name, sizeof c->name, "%s_%s_%s_ragged", cells[cell], precisions[precision],
                         inputs[input].name);
                c->model = ragged_model_of(cell, precision, input);
                visit(c, function, context);
                snprintf(c->name, sizeof c->name, "%s_%s_%s_both_ways", cells[cell], precisions[precision],
                         inputs[input].name);
                c->model.bidirectional = c->model.learned_state = 1;
                visit(c, function, context);
                snprintf(c->name, sizeof c->name, "%s_%s_%s_normalised", cells[cell], precisions[precision],
                         inputs[input].name);
                c->model.bidirectional = c->model.learned_state = 0;
                c->model.layer_norm = 1;
                visit(c, function, context);
            }
}

/* All cells, precisions, inputs and losses; then all rules of update; then a larger model of each cell. */
static void visit_cases(case_function *function, void *context)
{
    bits_case c = {.ragged = false};
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
            for (int input = 0; input < INPUTS; input++)
                for (int32_t loss = RNN_LOSS_CROSS_ENTROPY; loss <= RNN_LOSS_SQUARED_ERROR; loss++) {
                    snprintf(c.name, sizeof c.name, "%s_%s_%s_%s", cells[cell], precisions[precision],
                             inputs[input].name, losses[loss]);
                    c.model = model_of(cell, precision, input, loss);
                    c.optimizer = rule_of(RNN_OPTIMIZER_ADAM);
                    visit(&c, function, context);
                }
            for (int32_t rule = 0; rule < RULES; rule++) {
                snprintf(c.name, sizeof c.name, "%s_%s_%s", cells[cell], precisions[precision], rules[rule]);
                c.model = model_of(cell, precision, 0, RNN_LOSS_CROSS_ENTROPY);
                c.optimizer = rule_of(rule);
                visit(&c, function, context);
                snprintf(c.name, sizeof c.name, "%s_%s_%s_full", cells[cell], precisions[precision], rules[rule]);
                c.optimizer = full_rule_of(rule);
                visit(&c, function, context);
            }
            snprintf(c.name, sizeof c.name, "%s_%s_two_outputs", cells[cell], precisions[precision]);
            c.model = model_of(cell, precision, 3, RNN_LOSS_SQUARED_ERROR);
            c.model.output_size = 2;
            c.optimizer = rule_of(RNN_OPTIMIZER_ADAM);
            visit(&c, function, context);
            snprintf(c.name, sizeof c.name, "%s_%s_orthogonal", cells[cell], precisions[precision]);
            c.model = orthogonal_model(cell, precision);
            c.optimizer = rule_of(RNN_OPTIMIZER_ADAGRAD);
            visit(&c, function, context);
        }
    visit_ragged_cases(&c, function, context);
}

/* ---- Golden hashes ------------------------------------------------------------------------------------------- */

/* "name parameters=0123456789abcdef state=..." */
static void write_line(const bits_case *c, char line[], size_t size)
{
    hashes h = compute(c);
    snprintf(line, size,
             "%s parameters=%016" PRIx64 " state=%016" PRIx64 " outputs=%016" PRIx64 " losses=%016" PRIx64
             " samples=%016" PRIx64 "\n",
             c->name, h.of[PARAMETERS], h.of[STATE], h.of[OUTPUTS], h.of[LOSSES], h.of[SAMPLES]);
}

enum { LINE_MOST = 256 };

static void write_case(const bits_case *c, void *file)
{
    char line[LINE_MOST];
    write_line(c, line, sizeof line);
    fputs(line, file);
}

typedef struct comparison {
    const char *golden;
    int different;
} comparison;

static void compare_case(const bits_case *c, void *context)
{
    comparison *with = context;
    char line[LINE_MOST];
    write_line(c, line, sizeof line);
    size_t length = strcspn(with->golden, "\n");
    length += with->golden[length] == '\n';
    if (strlen(line) != length || memcmp(line, with->golden, length) != 0) {
        print_error("computed %sgolden   %.*s", line, (int)length, with->golden);
        with->different++;
    }
    with->golden += length;
}

/* Whether the library computes with a fused multiply-add here */
static bool is_fused(void)
{
#if defined __x86_64__
    const char *set = getenv("RNN_CPU");
    if (set && *set)
        return strcmp(set, "baseline") != 0;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined __aarch64__
    return true;
#else
    return false;
#endif
}

static void test_all_fused_instruction_sets_have_the_golden_bits(void **state)
{
    (void)state;
    if (!is_fused())
        skip();
    size_t size;
    char *golden = read_golden("bits.txt", &size);
    comparison with = {.golden = golden};
    visit_cases(compare_case, &with);
    assert_int_equal(with.different, 0);
    assert_string_equal(with.golden, "");
    free(golden);
}

/* ---- How the work is divided --------------------------------------------------------------------------------- */

static bits_case case_of(int32_t cell, int32_t precision, int input, int32_t loss)
{
    bits_case c = {.model = model_of(cell, precision, input, loss), .optimizer = rule_of(RNN_OPTIMIZER_ADAM)};
    create_chunks(&c);
    return c;
}

static void check_threads(const bits_case *c)
{
    assert_ok(rnn_set_threads(1));
    hashes alone = compute(c);
    for (int32_t threads = 2; threads <= 3; threads++) {
        assert_ok(rnn_set_threads(threads));
        hashes together = compute(c);
        assert_memory_equal(&together, &alone, sizeof alone);
    }
    assert_ok(rnn_set_threads(0));
}

/* Outputs and the state after a chunk that a call for each step computes */
static void check_steps(const bits_case *c)
{
    rnn_model *model = create_model(&c->model);
    rnn_state *whole = create_random_state(model, STREAMS, 0.5, 1),
              *stepwise = create_random_state(model, STREAMS, 0.5, 1);
    int64_t row = STREAMS * c->model.output_size;
    size_t size = (size_t)row * precision_size(c->model.precision);
    char *expected = allocate(STEPS, size), *actual = allocate(STEPS, size);
    RUN(rnn_forward(model, whole, &c->chunks[0].chunk, expected, STEPS * row, NULL));
    for (int64_t t = 0; t < STEPS; t++) {
        rnn_chunk step = chunk_steps(&c->chunks[0], t, 1);
        RUN(rnn_forward(model, stepwise, &step, actual + (size_t)t * size, row, NULL));
    }
    assert_memory_equal(actual, expected, STEPS * size);
    uint64_t hash[2] = {0, 0};
    add_state(&hash[0], &c->model, whole);
    add_state(&hash[1], &c->model, stepwise);
    assert_true(hash[0] == hash[1]);
    free(expected);
    free(actual);
    rnn_state_destroy(whole);
    rnn_state_destroy(stepwise);
    rnn_model_destroy(model);
}

/* One stream of a chunk: the arrays [T][B] and [T][B][I] without the others */
static void gather_stream(const rnn_model_options *o, const owned_chunk *from, int64_t stream, int32_t *ids,
                          char *vectors)
{
    size_t vector = (size_t)o->input_size * precision_size(o->precision);
    for (int64_t t = 0; t < STEPS; t++) {
        int64_t at = t * STREAMS + stream;
        if (from->inputs)
            ids[t] = from->inputs[at];
        else
            memcpy(vectors + (size_t)t * vector, (const char *)from->input_vectors + (size_t)at * vector, vector);
    }
}

/* Each stream's outputs are those that it has without the others. */
static void check_streams(const bits_case *c)
{
    const rnn_model_options *o = &c->model;
    rnn_model *model = create_model(o);
    rnn_state *together = create_random_state(model, STREAMS, 0.5, 1), *alone = create_state(model, 1);
    size_t row = (size_t)o->output_size * precision_size(o->precision);
    char *expected = allocate(STEPS * STREAMS, row), *actual = allocate(STEPS, row);
    char *vectors = allocate(STEPS * o->input_size, precision_size(o->precision));
    int32_t ids[STEPS];
    for (int64_t b = 0; b < STREAMS; b++) {
        rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = STEPS, .streams = 1};
        if (c->chunks[0].inputs)
            chunk.inputs = ids;
        else
            chunk.input_vectors = vectors;
        gather_stream(o, &c->chunks[0], b, ids, vectors);
        RUN(rnn_state_copy_stream(alone, 0, together, b));
        RUN(rnn_forward(model, alone, &chunk, actual, STEPS * o->output_size, NULL));
        for (int64_t t = 0; t < STEPS; t++)
            memcpy(expected + (size_t)(t * STREAMS + b) * row, actual + (size_t)t * row, row);
    }
    char *outputs = allocate(STEPS * STREAMS, row);
    RUN(rnn_forward(model, together, &c->chunks[0].chunk, outputs, STEPS * STREAMS * o->output_size, NULL));
    assert_memory_equal(outputs, expected, STEPS * STREAMS * row);
    free(outputs);
    free(vectors);
    free(actual);
    free(expected);
    rnn_state_destroy(alone);
    rnn_state_destroy(together);
    rnn_model_destroy(model);
}

static void check_cells(void (*check)(const bits_case *c))
{
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++)
            for (int input = 0; input < INPUTS; input++) {
                bits_case c = case_of(cell, precision, input, input % 2);
                check(&c);
                destroy_chunks(&c);
            }
}

static void test_1_2_and_3_threads_give_the_same_bits(void **state)
{
    (void)state;
    check_cells(check_threads);
}

static void test_a_call_for_each_step_gives_the_same_bits_as_one_for_all(void **state)
{
    (void)state;
    check_cells(check_steps);
}

static void test_each_stream_alone_gives_the_same_bits_as_all_together(void **state)
{
    (void)state;
    check_cells(check_streams);
}

/* ---- The caller's floating-point mode ------------------------------------------------------------------------ */

/* RUN() has looked after each call whether the mode is still what it was. */
static void check_mode(void (*set_mode)(void))
{
    bits_case cases[] = {case_of(RNN_CELL_TANH, RNN_FLOAT64, 3, RNN_LOSS_SQUARED_ERROR),
                         case_of(RNN_CELL_GRU, RNN_FLOAT32, 1, RNN_LOSS_CROSS_ENTROPY),
                         case_of(RNN_CELL_LSTM, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY)};
    for (int32_t threads = 1; threads <= 2; threads++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            assert_ok(rnn_set_threads(threads));
            hashes usual = compute(&cases[i]);
            set_mode();
            hashes own = compute(&cases[i]);
            fesetenv(FE_DFL_ENV);
            assert_memory_equal(&own, &usual, sizeof own);
        }
    assert_ok(rnn_set_threads(0));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        destroy_chunks(&cases[i]);
}

/* What is written to files and read from them */
typedef struct file_bits {
    double rate;                /* of a checkpoint's optimizer */
    int64_t split;              /* symbols left by rnn_corpus_split() */
    uint64_t bytes, as_float32; /* hashes of a model in float64, and of what it becomes in float32 */
    double subnormal;           /* as float64 of a subnormal float32 */
} file_bits;

static uint64_t parameter_hash(const rnn_model *model)
{
    uint64_t hash = 0;
    const void *values = NULL;
    int64_t count = 0;
    assert_ok(rnn_model_flat_parameters(model, &values, &count));
    rnn_model_options o = {.struct_size = sizeof o};
    assert_ok(rnn_model_get_options(model, &o));
    add_bytes(&hash, values, (size_t)count * precision_size(o.precision));
    return hash;
}

static rnn_model *load_as(const void *bytes, size_t size, int32_t precision)
{
    rnn_load_options options;
    rnn_model *model = NULL;
    assert_ok(rnn_load_options_init(&options, sizeof options));
    options.precision = precision;
    RUN(rnn_model_load_from_memory(bytes, size, &options, &model, NULL));
    return model;
}

/* Saves a model and loads it in the other precision. */
static void pass_through_memory(int32_t precision, file_bits *bits)
{
    enum { ROOM = 1 << 20 };
    char *bytes = allocate(ROOM, 1);
    size_t size = 0;
    int64_t index;
    rnn_model_options options = model_of(RNN_CELL_GRU, precision, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_model *model = create_model(&options), *other;
    index = index_of(model, "decoder.bias");
    if (precision == RNN_FLOAT32) {
        const float bias[SYMBOLS] = {1e-40f};
        assert_ok(rnn_model_set_parameter(model, index, bias, SYMBOLS));
    }
    RUN(rnn_model_save_to_memory(model, NULL, bytes, ROOM, &size));
    other = load_as(bytes, size, precision == RNN_FLOAT32 ? RNN_FLOAT64 : RNN_FLOAT32);
    if (precision == RNN_FLOAT32) {
        double bias[SYMBOLS];
        assert_ok(rnn_model_get_parameter(other, index, bias, SYMBOLS));
        bits->subnormal = bias[0];
    } else {
        add_bytes(&bits->bytes, bytes, size);
        bits->as_float32 = parameter_hash(other);
    }
    rnn_model_destroy(other);
    rnn_model_destroy(model);
    free(bytes);
}

/* A learning rate as a checkpoint hands it back */
static double pass_through_checkpoint(double rate)
{
    char path[NAME_MOST];
    snprintf(path, sizeof path, "bits-%d.checkpoint", (int)getpid());
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_optimizer_options rule = rule_of(RNN_OPTIMIZER_ADAM);
    rnn_checkpoint saved = {.struct_size = sizeof saved}, loaded = {.struct_size = sizeof loaded};
    rule.learning_rate = rate;
    saved.model = create_model(&options);
    assert_ok(rnn_optimizer_create(saved.model, &rule, &saved.optimizer));
    RUN(rnn_checkpoint_save(&saved, path));
    RUN(rnn_checkpoint_load(path, &loaded));
    rate = rnn_optimizer_learning_rate(loaded.optimizer);
    assert_int_equal(remove(path), 0);
    rnn_optimizer_destroy(loaded.optimizer);
    rnn_model_destroy(loaded.model);
    rnn_optimizer_destroy(saved.optimizer);
    rnn_model_destroy(saved.model);
    return rate;
}

/* 0.3 of 10^6 is 299999.99999999999 and rounds to 300000. */
static int64_t split_a_million(void)
{
    enum { SIZE = 1000000 };
    char *text = allocate(SIZE, 1);
    rnn_vocab *vocab;
    rnn_corpus *corpus, *validation;
    memset(text, 'a', SIZE);
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, text, SIZE, &vocab));
    assert_ok(rnn_corpus_create_from_text(vocab, text, SIZE, 10, 1, &corpus));
    RUN(rnn_corpus_split(corpus, 0.3, &validation));
    int64_t left = rnn_corpus_size(corpus);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    free(text);
    return left;
}

static void check_files(void (*set_mode)(void))
{
    enum { RATES = 20 };
    for (int i = 0; i < RATES; i++) {
        double rate = 0.1 + i * 0.00123;
        file_bits bits = {0}, usual = {0};
        for (int with_mode = 0; with_mode < 2; with_mode++) {
            file_bits *b = with_mode ? &bits : &usual;
            if (with_mode)
                set_mode();
            b->rate = pass_through_checkpoint(rate);
            if (i == 0) {
                pass_through_memory(RNN_FLOAT32, b);
                pass_through_memory(RNN_FLOAT64, b);
                b->split = split_a_million();
            }
            fesetenv(FE_DFL_ENV);
        }
        assert_memory_equal(&bits, &usual, sizeof bits);
        assert_true(usual.rate == rate);
        assert_true(i > 0 || (usual.subnormal == (double)1e-40f && usual.split == 700000));
    }
}

static void check_refusals(void (*set_mode)(void))
{
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_model *model;
    options.dropout = NAN;
    set_mode();
    uint64_t before = float_state();
    rnn_status status = rnn_model_create(&options, &model);
    uint64_t after = float_state();
    fesetenv(FE_DFL_ENV);
    assert_int_equal(status, RNN_ERROR_ARGUMENT);
    assert_non_null(strstr(rnn_last_error(), "dropout is nan"));
    assert_int_equal(after, before);

    static const char overflows[] = "\x0b\0\0\0\0\0\0\0{\"a\":1e400}";
    set_mode();
    status = rnn_model_load_from_memory(overflows, sizeof overflows - 1, NULL, &model, NULL);
    after = float_state();
    fesetenv(FE_DFL_ENV);
    assert_int_equal(status, RNN_ERROR_FORMAT);
    assert_int_equal(after, before);
}

#define ROUNDING(name, direction)                                                                                      \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        assert_int_equal(fesetround(direction), 0);                                                                    \
    }
ROUNDING(round_upward, FE_UPWARD)
ROUNDING(round_downward, FE_DOWNWARD)
ROUNDING(round_toward_zero, FE_TOWARDZERO)
#undef ROUNDING

static void raise_flags(void)
{
    feraiseexcept(FE_DIVBYZERO | FE_INVALID);
}

static void test_a_callers_rounding_mode_changes_no_bit_and_stays(void **state)
{
    (void)state;
    check_mode(round_upward);
    check_mode(round_downward);
    check_mode(round_toward_zero);
}

static void test_a_callers_exception_flags_stay(void **state)
{
    (void)state;
    check_mode(raise_flags);
}

static void test_a_callers_mode_changes_no_file_and_nothing_that_is_read(void **state)
{
    (void)state;
    check_files(round_upward);
    check_files(round_downward);
    check_files(raise_flags);
    check_refusals(round_upward);
}

#ifdef __x86_64__
static void flush_subnormals(void)
{
    _mm_setcsr(0x9fc0);
}

static void trap_every_exception(void)
{
    _mm_setcsr(0);
}

/* What is refused is so in each mode of the caller's: numbers that modes see differently, and one that traps */
static void check_arguments(void (*set_mode)(void))
{
    static const uint64_t signalling_nan = UINT64_C(0x7ff0000000000001);
    const double tiny = 1e-310;
    rnn_model_options usual = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_model_options biased = usual, embedded = usual;
    rnn_optimizer_options small, momentum, signalling;
    rnn_sampler_options cold;
    rnn_model *model, *none;
    rnn_optimizer *first, *second, *third;
    rnn_sampler *sampler;
    rnn_status status[7];
    biased.forget_bias = tiny;
    embedded.embedding_size = (INT64_C(1) << 62) + 1; /* not exact as a double */
    assert_ok(rnn_optimizer_options_init(&small, sizeof small, RNN_OPTIMIZER_ADAM));
    small.epsilon = tiny;
    assert_ok(rnn_optimizer_options_init(&momentum, sizeof momentum, RNN_OPTIMIZER_SGD));
    momentum.momentum = tiny;
    momentum.nesterov = 1;
    signalling = momentum;
    memcpy(&signalling.learning_rate, &signalling_nan, sizeof signalling_nan);
    assert_ok(rnn_sampler_options_init(&cold, sizeof cold));
    cold.temperature = -tiny;
    assert_ok(rnn_model_create(&usual, &model));

    set_mode();
    status[0] = rnn_optimizer_create(model, &small, &first);
    status[1] = rnn_optimizer_create(model, &momentum, &second);
    status[2] = rnn_model_clip_value(model, tiny);
    status[3] = rnn_optimizer_create(model, &signalling, &third);
    status[4] = rnn_sampler_create(&cold, &sampler);
    status[5] = rnn_model_create(&biased, &none);
    status[6] = rnn_model_create(&embedded, &none);
    fesetenv(FE_DFL_ENV);
    for (int i = 0; i < 7; i++)
        assert_int_equal(status[i], i < 3 ? RNN_OK : RNN_ERROR_ARGUMENT);
    rnn_optimizer_destroy(first);
    rnn_optimizer_destroy(second);
    rnn_model_destroy(model);
}

/* A file may hold any number, and looking for the one that isn't finite traps nothing. */
static void check_signalling_parameter(void (*set_mode)(void))
{
    static const uint32_t signalling_nan = UINT32_C(0x7f800001);
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_model *model, *loaded;
    static char bytes[1 << 20];
    size_t size;
    assert_ok(rnn_model_create(&options, &model));
    assert_ok(rnn_model_save_to_memory(model, NULL, bytes, sizeof bytes, &size));
    memcpy(bytes + size - sizeof signalling_nan, &signalling_nan, sizeof signalling_nan);
    assert_ok(rnn_model_load_from_memory(bytes, size, NULL, &loaded, NULL));
    set_mode();
    rnn_status status = rnn_model_check_finite(loaded);
    fesetenv(FE_DFL_ENV);
    assert_int_equal(status, RNN_ERROR_NONFINITE);
    rnn_model_destroy(loaded);
    rnn_model_destroy(model);
}

static void test_a_callers_flushing_of_subnormals_changes_no_bit_and_stays(void **state)
{
    (void)state;
    check_mode(flush_subnormals);
}

static void test_exceptions_that_trap_for_the_caller_change_no_bit_and_still_do(void **state)
{
    (void)state;
    check_mode(trap_every_exception);
}

static void test_flushing_and_traps_change_no_file_and_nothing_that_is_read(void **state)
{
    (void)state;
    check_files(flush_subnormals);
    check_files(trap_every_exception);
    check_refusals(trap_every_exception);
    check_arguments(flush_subnormals);
    check_arguments(trap_every_exception);
    check_signalling_parameter(trap_every_exception);
}
#endif

/* Trapped or not, what isn't finite is found without an exception. */
static void test_looking_for_what_is_not_finite_raises_no_flag(void **state)
{
    (void)state;
    rnn_model_options options = model_of(RNN_CELL_TANH, RNN_FLOAT32, 0, RNN_LOSS_CROSS_ENTROPY);
    rnn_model *model = create_model(&options);
    float bias[SYMBOLS] = {[SYMBOLS - 1] = INFINITY};
    int64_t index = index_of(model, "decoder.bias");
    uint64_t before = float_state();
    assert_fails(rnn_model_set_parameter(model, index, bias, SYMBOLS), RNN_ERROR_ARGUMENT, "not finite");
    assert_true(float_state() == before);
    rnn_model_destroy(model);
}

static int64_t subnormal_among(const float *values, int64_t count)
{
    int64_t subnormal = 0;
    for (int64_t i = 0; i < count; i++)
        subnormal += fpclassify(values[i]) == FP_SUBNORMAL;
    return subnormal;
}

static void test_an_lstm_that_hears_silence_ends_without_subnormal_numbers(void **test)
{
    (void)test;
    enum { HEARD = 100, ROUNDS = 12, COUNT = STREAMS * 45 };
    rnn_model_options options = model_of(RNN_CELL_LSTM, RNN_FLOAT32, 3, RNN_LOSS_SQUARED_ERROR);
    options.initialization = RNN_INIT_NORMAL; /* no biases: silence moves nothing */
    options.layers = 1;
    options.dropout = 0;
    rnn_model *model = create_model(&options);
    rnn_state *state = create_random_state(model, STREAMS, 1, 1);
    float *silence = allocate(HEARD * STREAMS * FEATURES, sizeof *silence), memory[COUNT], hidden[COUNT];
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = HEARD, .streams = STREAMS, .input_vectors = silence};
    for (int round = 0; round < ROUNDS; round++) {
        RUN(rnn_forward(model, state, &chunk, NULL, 0, NULL));
        assert_ok(rnn_state_get(state, 0, RNN_STATE_MEMORY, memory, COUNT));
        assert_ok(rnn_state_get(state, 0, RNN_STATE_HIDDEN, hidden, COUNT));
        assert_int_equal(subnormal_among(memory, COUNT), 0);
        assert_int_equal(subnormal_among(hidden, COUNT), 0);
    }
    free(silence);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
}

static int write_golden(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return 1;
    }
    visit_cases(write_case, file);
    return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_golden(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fused_instruction_sets_have_the_golden_bits),
        cmocka_unit_test(test_1_2_and_3_threads_give_the_same_bits),
        cmocka_unit_test(test_a_call_for_each_step_gives_the_same_bits_as_one_for_all),
        cmocka_unit_test(test_each_stream_alone_gives_the_same_bits_as_all_together),
        cmocka_unit_test_teardown(test_a_callers_rounding_mode_changes_no_bit_and_stays, usual_mode),
        cmocka_unit_test_teardown(test_a_callers_exception_flags_stay, usual_mode),
        cmocka_unit_test_teardown(test_a_callers_mode_changes_no_file_and_nothing_that_is_read, usual_mode),
#ifdef __x86_64__
        cmocka_unit_test_teardown(test_a_callers_flushing_of_subnormals_changes_no_bit_and_stays, usual_mode),
        cmocka_unit_test_teardown(test_exceptions_that_trap_for_the_caller_change_no_bit_and_still_do, usual_mode),
        cmocka_unit_test_teardown(test_flushing_and_traps_change_no_file_and_nothing_that_is_read, usual_mode),
#endif
        cmocka_unit_test_teardown(test_looking_for_what_is_not_finite_raises_no_flag, usual_mode),
        cmocka_unit_test(test_an_lstm_that_hears_silence_ends_without_subnormal_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
