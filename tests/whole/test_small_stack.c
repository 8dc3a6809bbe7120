/*
 * How much of its thread's stack each public function takes: at most 48 KiB, as the header says. Every piece of work
 * below runs on a new thread, on a stack that was filled with a pattern before; what is no longer the pattern was used.
 * That counts what the C library keeps there for a thread, and what the first call of a function costs.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "temporary.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>

#ifndef __has_feature
#define __has_feature(name) 0
#endif
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#ifdef __OPTIMIZE__
#define OPTIMIZED 1
#else
#define OPTIMIZED 0
#endif

enum { LIMIT = 48 << 10, STACK = 512 << 10, PATTERN = 0xa5, STREAMS = 16, STEPS = 20, HIDDEN = 48 };

#define TEXT_FILE "text.txt"
#define MODEL_FILE "model.safetensors"
#define CHECKPOINT_FILE "checkpoint.safetensors"

/* ---- Threads whose stack is measured ---- */

static char failure[2048]; /* what ended a measured thread early */

/* Ends the thread unless a call has returned what it should. */
static void expect(rnn_status actual, rnn_status expected, const char *call)
{
    if (actual == expected)
        return;
    snprintf(failure, sizeof failure, "%s: %s: %s", call, rnn_status_name(actual), rnn_last_error());
    pthread_exit(NULL);
}

#define OK(call) expect((call), RNN_OK, #call)
#define FAILS(call, status) expect((call), (status), #call)

typedef struct work {
    const char *name;
    void (*run)(void);
} work;

static void *run(void *argument)
{
    const work *it = argument;
    it->run();
    return NULL;
}

static size_t stack_of(const work *it)
{
    pthread_attr_t attributes;
    pthread_t thread;
    unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(stack != MAP_FAILED);
    memset(stack, PATTERN, STACK);
    failure[0] = '\0';

    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstack(&attributes, stack, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, (void *)it), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);

    size_t untouched = 0;
    while (untouched < STACK && stack[untouched] == PATTERN)
        untouched++;
    munmap(stack, STACK);
    if (failure[0] != '\0')
        fail_msg("%s: %s", it->name, failure);
    return STACK - untouched;
}

/* ---- What they work with ---- */

static rnn_vocab *vocab, *bytes_vocab;
static rnn_model *models[3][2]; /* [cell][precision] */
static rnn_optimizer *optimizer;
static rnn_state *trained;
static rnn_sampler *sampler;
static int32_t ids[STEPS * STREAMS];
static rnn_chunk chunk;
static unsigned char memory[1 << 20];
static size_t memory_size;
static char names[6000]; /* of tensors: longer than any sentence */

static rnn_model_options model_options(int32_t cell, int32_t precision)
{
    rnn_model_options options;
    OK(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = rnn_vocab_size(vocab);
    options.hidden_size = HIDDEN;
    options.layers = 2;
    options.cell = cell;
    options.precision = precision;
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = HIDDEN;
    options.tied = 1;
    options.orthogonal = 1;
    options.dropout = 0.1;
    return options;
}

/* ---- Pieces of work, in the order of the header ---- */

/* First of all, so that this is the process's first call */
static void count_processors(void)
{
    if (rnn_threads() < 1)
        FAILS(RNN_OK, RNN_ERROR_ARGUMENT);
}

static void read_versions_and_names(void)
{
    rnn_allocator none = {NULL, NULL, NULL};
    FAILS(rnn_set_allocator(&none), RNN_ERROR_ARGUMENT);
    rnn_set_interrupt(NULL, NULL);
    if (rnn_version()[0] == '\0' || rnn_version_number() < 0 || rnn_status_name(0)[0] == '\0' ||
        rnn_last_error()[0] == '\0')
        FAILS(RNN_OK, RNN_ERROR_ARGUMENT);
    const char *name;
    int32_t value;
    OK(rnn_enumerator(rnn_enumerator_count() - 1, &name, &value));
    OK(rnn_set_threads(0)); /* as many as the environment says: emulators may take one only */
}

static void make_vocabularies(void)
{
    const char *paths[] = {TEXT_FILE, "/proc/self/maps"};
    rnn_source *source;
    rnn_vocab *known, *other;
    OK(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, TEXT_FILE, &vocab));
    OK(rnn_source_open(paths, 2, &source));
    OK(rnn_vocab_create_from_source(RNN_VOCAB_BYTES, source, &bytes_vocab));
    if (rnn_source_size(source) < 1000)
        FAILS(RNN_OK, RNN_ERROR_IO);
    rnn_source_destroy(source);
    OK(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, "ab\xc3\xa9", 4, &known));
    OK(rnn_vocab_create_with_unknown(known, "?", 1, &other));
    rnn_vocab_destroy(known);
    rnn_vocab_destroy(other);
    OK(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "cab", 3, &other));
    rnn_vocab_destroy(other);
    OK(rnn_vocab_create_from_file(RNN_VOCAB_WORDS, TEXT_FILE, &known));
    OK(rnn_vocab_create_frequent(known, 20, 2, &other));
    rnn_vocab_destroy(known);
    rnn_vocab_destroy(other);
    FAILS(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, "latin1.txt", &other), RNN_ERROR_SYMBOL);
}

static void encode_and_decode(void)
{
    int32_t encoded[16];
    int64_t count;
    char text[64];
    const char *symbol;
    size_t size;
    OK(rnn_vocab_encode(vocab, "hello", 5, encoded, 16, &count));
    OK(rnn_vocab_decode(vocab, encoded, count, text, sizeof text, &size));
    OK(rnn_vocab_symbol(vocab, 0, &symbol, &size));
    FAILS(rnn_vocab_encode(vocab, "\xf0\x9f\x98\x80", 4, encoded, 16, &count), RNN_ERROR_SYMBOL);
    if (rnn_vocab_kind(vocab) != RNN_VOCAB_UTF8 || rnn_vocab_unknown(vocab) >= 0)
        FAILS(RNN_OK, RNN_ERROR_ARGUMENT);
}

static void read_corpus(rnn_corpus *corpus)
{
    rnn_chunk served;
    rnn_corpus *validation;
    OK(rnn_chunk_init(&served, sizeof served));
    OK(rnn_corpus_split(corpus, 0.3, &validation));
    for (int n = 0; n < 40; n++)
        OK(rnn_corpus_next(corpus, &served, NULL));
    int64_t position = rnn_corpus_position(corpus);
    OK(rnn_corpus_rewind(corpus));
    OK(rnn_corpus_seek(corpus, position % (rnn_corpus_chunks(corpus) * STEPS)));
    OK(rnn_corpus_next(validation, &served, NULL));
    OK(rnn_corpus_set_drop_last(validation, 0));
    OK(rnn_corpus_next(validation, &served, NULL));
    if (rnn_corpus_size(corpus) < 100)
        FAILS(RNN_OK, RNN_ERROR_ARGUMENT);
    rnn_corpus_destroy(corpus);
    rnn_corpus_destroy(validation);
}

static void serve_files(void)
{
    const char *paths[] = {TEXT_FILE, TEXT_FILE};
    rnn_source *source;
    rnn_corpus *corpus;
    OK(rnn_corpus_create_from_file(vocab, TEXT_FILE, STEPS, STREAMS, &corpus));
    read_corpus(corpus);
    OK(rnn_corpus_create_from_file(bytes_vocab, TEXT_FILE, STEPS, STREAMS, &corpus));
    read_corpus(corpus);
    OK(rnn_source_open(paths, 2, &source));
    OK(rnn_corpus_create_from_source(vocab, source, STEPS, STREAMS, &corpus));
    rnn_source_destroy(source);
    read_corpus(corpus);
    FAILS(rnn_corpus_create_from_file(vocab, "latin1.txt", STEPS, STREAMS, &corpus), RNN_ERROR_SYMBOL);
}

static void serve_memory(void)
{
    rnn_corpus *corpus;
    char text[2000];
    memset(text, 'e', sizeof text);
    OK(rnn_corpus_create_from_text(vocab, text, sizeof text, STEPS, 2, &corpus));
    read_corpus(corpus);
}

static void serve_ids(void)
{
    rnn_corpus *corpus;
    static int32_t many[400 * STREAMS];
    OK(rnn_corpus_create_from_ids(many, 400 * STREAMS, 300, STEPS, STREAMS, &corpus));
    read_corpus(corpus);
    OK(rnn_corpus_create_from_id_file(TEXT_FILE, 1, 256, STEPS, STREAMS, &corpus));
    read_corpus(corpus);
}

static void serve_batches(void)
{
    static const int64_t lengths[] = {3, STEPS, 1, 7, 7};
    rnn_sequences sequences;
    rnn_batcher_options options;
    rnn_chunk served;
    int64_t places[STEPS * 2];
    OK(rnn_sequences_init(&sequences, sizeof sequences));
    OK(rnn_batcher_options_init(&options, sizeof options));
    OK(rnn_chunk_init(&served, sizeof served));
    sequences.count = 5;
    sequences.lengths = lengths;
    sequences.inputs = sequences.targets = ids;
    options.streams = 2;
    options.shuffle = 1;
    for (options.layout = RNN_BATCH_PADDED; options.layout <= RNN_BATCH_PACKED; options.layout++) {
        rnn_batcher *batcher;
        options.bucket = options.layout == RNN_BATCH_PADDED ? 2 : 0;
        options.steps = options.layout == RNN_BATCH_PADDED ? 0 : STEPS;
        OK(rnn_batcher_create(&sequences, &options, &batcher));
        for (int n = 0; n < 10; n++)
            OK(rnn_batcher_next(batcher, &served, NULL));
        OK(rnn_batcher_get_places(batcher, places, places, served.steps * 2));
        OK(rnn_batcher_seek(batcher, rnn_batcher_position(batcher)));
        OK(rnn_batcher_rewind(batcher));
        FAILS(rnn_batcher_seek(batcher, 1), RNN_ERROR_ARGUMENT);
        if (rnn_batcher_size(batcher) != 5 || rnn_batcher_positions(batcher) != 38 ||
            rnn_batcher_steps(batcher) != STEPS || rnn_batcher_chunks(batcher) < 2)
            FAILS(RNN_OK, RNN_ERROR_ARGUMENT);
        rnn_batcher_destroy(batcher);
    }
}

static void evaluate(void)
{
    rnn_corpus *corpus;
    rnn_loss loss;
    OK(rnn_corpus_create_from_file(vocab, "short.txt", STEPS, STREAMS, &corpus));
    OK(rnn_evaluate(models[RNN_CELL_GRU][RNN_FLOAT32], corpus, STREAMS, &loss, NULL));
    rnn_corpus_destroy(corpus);
}

static void create_models(void)
{
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
            rnn_model_options options = model_options(cell, precision);
            OK(rnn_model_create(&options, &models[cell][precision]));
            OK(rnn_model_get_options(models[cell][precision], &options));
        }
}

static void read_parameters(void)
{
    rnn_parameter parameter;
    rnn_model *model = models[RNN_CELL_LSTM][RNN_FLOAT32];
    int64_t index;
    const void *values;
    void *gradients;
    OK(rnn_parameter_init(&parameter, sizeof parameter));
    OK(rnn_model_describe_parameter(model, rnn_model_parameter_count(model) - 1, &parameter));
    OK(rnn_model_find_parameter(model, "rnn.bias_ih_l0", &index));
    OK(rnn_model_get_parameter(model, index, memory, 4 * HIDDEN));
    OK(rnn_model_set_parameter(model, index, memory, 4 * HIDDEN));
    OK(rnn_model_get_gradient(model, index, memory, 4 * HIDDEN));
    OK(rnn_model_set_gradient(model, index, memory, 4 * HIDDEN));
    OK(rnn_model_check_finite(model));
    OK(rnn_model_flat_parameters(model, &values, &index));
    OK(rnn_model_flat_gradients(model, &gradients, &index));
    OK(rnn_model_zero_gradients(model));
    FAILS(rnn_model_find_parameter(model, names, &index), RNN_ERROR_ARGUMENT);
}

static void average_models(void)
{
    rnn_model *copy;
    OK(rnn_model_copy(models[RNN_CELL_LSTM][RNN_FLOAT32], &copy));
    OK(rnn_model_average(copy, models[RNN_CELL_LSTM][RNN_FLOAT32], 0.5));
    OK(rnn_model_freeze(copy, 0, 1));
    rnn_model_destroy(copy);
}

static void leave_notes(void)
{
    const char *key, *value;
    rnn_model *copy;
    OK(rnn_model_set_note(models[RNN_CELL_LSTM][RNN_FLOAT32], "a", "b"));
    OK(rnn_model_set_note(models[RNN_CELL_LSTM][RNN_FLOAT32], "c", "d"));
    OK(rnn_model_copy(models[RNN_CELL_LSTM][RNN_FLOAT32], &copy));
    OK(rnn_model_note_at(copy, rnn_model_note_count(copy) - 1, &key, &value));
    if (strcmp(rnn_model_note(copy, "a"), "b") != 0)
        FAILS(RNN_OK, RNN_ERROR_ARGUMENT);
    FAILS(rnn_model_set_note(copy, names, "d"), RNN_ERROR_ARGUMENT);
    rnn_model_destroy(copy);
}

static void use_states(void)
{
    const rnn_model *model = models[RNN_CELL_LSTM][RNN_FLOAT32];
    rnn_state *a, *b;
    float values[2 * HIDDEN];
    OK(rnn_state_create(model, 2, &a));
    OK(rnn_state_create(model, 2, &b));
    OK(rnn_state_reset(a));
    OK(rnn_state_reset_stream(a, 1));
    OK(rnn_state_copy(a, b));
    OK(rnn_state_copy_stream(a, 0, b, 1));
    OK(rnn_state_get(a, 0, RNN_STATE_HIDDEN, values, 2 * HIDDEN));
    OK(rnn_state_set(a, 0, RNN_STATE_HIDDEN, values, 2 * HIDDEN));
    OK(rnn_state_get_all(a, memory, 2 * 2 * 2 * HIDDEN));
    OK(rnn_state_set_all(a, memory, 2 * 2 * 2 * HIDDEN));
    OK(rnn_state_set_random_index(a, rnn_state_random_index(b) + 1));
    if (rnn_state_streams(a) != 2)
        FAILS(RNN_OK, RNN_ERROR_ARGUMENT);
    rnn_state_destroy(a);
    rnn_state_destroy(b);
}

/* One stream, few, and as many as two threads share; one step, and several. */
static void run_models(void)
{
    for (int m = 0; m < 6; m++)
        for (int64_t streams = 1; streams <= STREAMS; streams *= 4)
            for (int64_t steps = 1; steps <= STEPS; steps += STEPS - 1) {
                rnn_state *state;
                rnn_loss loss;
                rnn_chunk part = chunk;
                part.streams = streams;
                part.steps = steps;
                OK(rnn_state_create(models[m / 2][m % 2], streams, &state));
                OK(rnn_forward(models[m / 2][m % 2], state, &part, NULL, 0, &loss));
                OK(rnn_forward(models[m / 2][m % 2], state, &part, memory, steps * streams * rnn_vocab_size(vocab),
                               NULL));
                rnn_state_destroy(state);
            }
}

static void train_models(void)
{
    for (int m = 0; m < 6; m++)
        for (int64_t streams = 1; streams <= STREAMS; streams *= 4) {
            rnn_state *state;
            rnn_loss loss;
            rnn_chunk part = chunk;
            double norm;
            part.streams = streams;
            OK(rnn_state_create(models[m / 2][m % 2], streams, &state));
            OK(rnn_forward_backward(models[m / 2][m % 2], state, &part, &loss));
            OK(rnn_model_clip_value(models[m / 2][m % 2], 5));
            OK(rnn_model_clip_norm(models[m / 2][m % 2], 5, &norm));
            rnn_state_destroy(state);
        }
}

/* A loss of one's own, on streams of unequal length */
static void train_by_halves(void)
{
    rnn_chunk_gradients gradients;
    static uint8_t starts[STEPS * STREAMS];
    static int64_t lengths[STREAMS];
    static unsigned char gradient[sizeof memory];
    starts[5 * STREAMS] = 1;
    for (int b = 0; b < STREAMS; b++)
        lengths[b] = b % (STEPS + 1);
    OK(rnn_chunk_gradients_init(&gradients, sizeof gradients));
    for (int m = 0; m < 6; m++) {
        rnn_model *model = models[m / 2][m % 2];
        rnn_state *state;
        rnn_chunk ragged = chunk;
        ragged.starts = starts;
        ragged.lengths = lengths;
        int64_t count = STEPS * STREAMS * rnn_vocab_size(vocab);
        OK(rnn_state_create(model, STREAMS, &state));
        OK(rnn_forward_training(model, state, &ragged, memory, count));
        OK(rnn_loss_gradient(model, &ragged, memory, count, gradient, NULL));
        OK(rnn_softmax(m % 2 ? RNN_FLOAT64 : RNN_FLOAT32, memory, STEPS * STREAMS, rnn_vocab_size(vocab), memory));
        gradients.outputs = gradient;
        OK(rnn_backward(model, state, &gradients));
        FAILS(rnn_backward(model, state, &gradients), RNN_ERROR_ARGUMENT);
        rnn_state_destroy(state);
    }
}

static void observe(void)
{
    const rnn_model *model = models[RNN_CELL_LSTM][RNN_FLOAT32];
    double norms[STEPS];
    rnn_loss loss;
    OK(rnn_state_create(model, STREAMS, &trained));
    OK(rnn_state_observe(trained, RNN_OBSERVE_ACTIVATIONS | RNN_OBSERVE_GRADIENT_NORMS));
    OK(rnn_forward_backward(models[RNN_CELL_LSTM][RNN_FLOAT32], trained, &chunk, &loss));
    OK(rnn_state_get_activations(trained, 1, memory, STEPS * STREAMS * HIDDEN));
    OK(rnn_state_get_gradient_norms(trained, 1, norms, STEPS));
}

static void optimize(void)
{
    rnn_optimizer_options options;
    rnn_model *model = models[RNN_CELL_LSTM][RNN_FLOAT32];
    rnn_loss loss;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        rnn_optimizer_destroy(optimizer);
        OK(rnn_optimizer_options_init(&options, sizeof options, rule));
        options.clip_value = 5;
        OK(rnn_optimizer_create(model, &options, &optimizer));
        OK(rnn_optimizer_set_learning_rate(optimizer, rnn_optimizer_learning_rate(optimizer) / 2));
        OK(rnn_optimizer_get_options(optimizer, &options));
        options.learning_rate *= rnn_schedule_warmup(3, 4) * rnn_schedule_cosine(1, 2, 0.1);
        options.learning_rate *= rnn_schedule_step_decay(3, 4, 0.5) * rnn_schedule_one_cycle(1, 2, 1, 0, 0);
        OK(rnn_optimizer_set_options(optimizer, &options));
        OK(rnn_forward_backward(model, trained, &chunk, &loss));
        OK(rnn_optimizer_step(optimizer, model));
    }
}

/* Prompts, filters, and logits of one's own */
static void write_some(void)
{
    rnn_sampler_options options;
    rnn_generate_options what;
    rnn_state *state;
    double logits[5] = {0, 1, 2, 3, 4}, probability;
    static int32_t drawn[STEPS * STREAMS];
    OK(rnn_sampler_options_init(&options, sizeof options));
    OK(rnn_sampler_get_options(sampler, &options));
    options.top_k = 4;
    options.top_p = 0.9;
    options.excluded = ids;
    options.excluded_count = 2;
    OK(rnn_sampler_set_options(sampler, &options));
    OK(rnn_sampler_draw(sampler, RNN_FLOAT64, logits, 1, 5, drawn, &probability));
    OK(rnn_generate_options_init(&what, sizeof what));
    what.prompt = ids;
    what.prompt_steps = what.most = STEPS;
    what.stop = 3;
    OK(rnn_state_create(models[RNN_CELL_LSTM][RNN_FLOAT32], STREAMS, &state));
    OK(rnn_generate(models[RNN_CELL_LSTM][RNN_FLOAT32], state, sampler, &what, drawn, NULL, NULL));
    rnn_state_destroy(state);
    options.top_k = options.excluded_count = 0;
    OK(rnn_sampler_set_options(sampler, &options));
}

static void sample(void)
{
    rnn_sampler_options options;
    OK(rnn_sampler_options_init(&options, sizeof options));
    OK(rnn_sampler_create(&options, &sampler));
    write_some();
    for (int64_t streams = 1; streams <= STREAMS; streams *= 4) {
        rnn_state *state;
        OK(rnn_state_create(models[RNN_CELL_LSTM][RNN_FLOAT32], streams, &state));
        OK(rnn_sample(models[RNN_CELL_LSTM][RNN_FLOAT32], state, sampler, ids, STEPS, (int32_t *)(void *)memory));
        rnn_state_destroy(state);
    }
}

static void search(void)
{
    rnn_beam_options options;
    int32_t results[2 * STEPS];
    int64_t counts[2];
    double numbers[2];
    OK(rnn_beam_options_init(&options, sizeof options));
    options.prompt = ids;
    options.prompt_steps = 5;
    options.most = STEPS;
    options.beams = STREAMS;
    options.results = 2;
    options.length_penalty = 0.6;
    OK(rnn_beam_search(models[RNN_CELL_LSTM][RNN_FLOAT32], NULL, &options, results, counts, numbers, numbers));
}

static void save_models(void)
{
    const rnn_model *model = models[RNN_CELL_LSTM][RNN_FLOAT32];
    rnn_save_options options;
    OK(rnn_save_options_init(&options, sizeof options));
    options.rnn_name = "model.lstm";
    OK(rnn_model_save_with(model, vocab, &options, MODEL_FILE));
    OK(rnn_model_save_to_memory_with(model, vocab, &options, memory, sizeof memory, &memory_size));
    OK(rnn_model_save_to_memory(model, vocab, memory, sizeof memory, &memory_size));
    OK(rnn_model_save(model, vocab, MODEL_FILE)); /* replaces one */
    FAILS(rnn_model_save(model, vocab, names), RNN_ERROR_IO);
}

static void load_models(void)
{
    rnn_load_options options;
    rnn_model_options configuration;
    rnn_model *model;
    rnn_vocab *loaded;
    OK(rnn_load_options_init(&options, sizeof options));
    options.precision = RNN_FLOAT64;
    OK(rnn_model_load(MODEL_FILE, &options, &model, &loaded));
    rnn_model_destroy(model);
    rnn_vocab_destroy(loaded);
    OK(rnn_model_load_from_memory(memory, memory_size, NULL, &model, NULL));
    rnn_model_destroy(model);
    OK(rnn_model_options_init(&configuration, sizeof configuration));
    configuration.input = RNN_INPUT_IDS;
    options.configuration = &configuration;
    options.infer = 1;
    OK(rnn_model_load(RNN_TEST_DATA "/torch_half.safetensors", &options, &model, NULL));
    rnn_model_destroy(model);
    options.rnn_name = "encoder";
    FAILS(rnn_model_load(RNN_TEST_DATA "/torch_half.safetensors", &options, &model, NULL), RNN_ERROR_FORMAT);
    FAILS(rnn_model_load("many.safetensors", NULL, &model, NULL), RNN_ERROR_FORMAT);
    FAILS(rnn_model_load(TEXT_FILE, NULL, &model, NULL), RNN_ERROR_FORMAT);
    FAILS(rnn_model_load(names, NULL, &model, NULL), RNN_ERROR_IO);
}

static void keep_training(void)
{
    rnn_checkpoint checkpoint;
    OK(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    checkpoint.model = models[RNN_CELL_LSTM][RNN_FLOAT32];
    checkpoint.optimizer = optimizer;
    checkpoint.state = trained;
    checkpoint.sampler = sampler;
    checkpoint.vocab = vocab;
    OK(rnn_checkpoint_save(&checkpoint, CHECKPOINT_FILE));
    OK(rnn_checkpoint_save_to_memory(&checkpoint, memory, sizeof memory, &memory_size));
}

static void destroy_checkpoint(const rnn_checkpoint *checkpoint)
{
    rnn_model_destroy(checkpoint->model);
    rnn_optimizer_destroy(checkpoint->optimizer);
    rnn_state_destroy(checkpoint->state);
    rnn_sampler_destroy(checkpoint->sampler);
    rnn_vocab_destroy(checkpoint->vocab);
}

static void go_on(void)
{
    rnn_checkpoint checkpoint;
    OK(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    OK(rnn_checkpoint_load(CHECKPOINT_FILE, &checkpoint));
    destroy_checkpoint(&checkpoint);
    OK(rnn_checkpoint_load_from_memory(memory, memory_size, &checkpoint));
    destroy_checkpoint(&checkpoint);
}

static void destroy_everything(void)
{
    for (int m = 0; m < 6; m++)
        rnn_model_destroy(models[m / 2][m % 2]);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(trained);
    rnn_sampler_destroy(sampler);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(bytes_vocab);
}

/* In this order: later ones need what earlier ones have made. */
static const work everything[] = {
    {"count_processors", count_processors},
    {"read_versions_and_names", read_versions_and_names},
    {"make_vocabularies", make_vocabularies},
    {"encode_and_decode", encode_and_decode},
    {"serve_files", serve_files},
    {"serve_memory", serve_memory},
    {"serve_ids", serve_ids},
    {"serve_batches", serve_batches},
    {"create_models", create_models},
    {"evaluate", evaluate},
    {"read_parameters", read_parameters},
    {"average_models", average_models},
    {"leave_notes", leave_notes},
    {"use_states", use_states},
    {"run_models", run_models},
    {"train_models", train_models},
    {"train_by_halves", train_by_halves},
    {"observe", observe},
    {"optimize", optimize},
    {"sample", sample},
    {"search", search},
    {"save_models", save_models},
    {"load_models", load_models},
    {"keep_training", keep_training},
    {"go_on", go_on},
    {"destroy_everything", destroy_everything},
};

/* ---- Tests ---- */

/* A file of more tensors, with longer names, than a sentence can list. */
static void write_many_tensors(void)
{
    static char header[1 << 16];
    int length = 8;
    for (int n = 0; n < 300; n++)
        length += snprintf(header + length, sizeof header - (size_t)length,
                           "%c\"module.of.a.model.with.a.long.name.%d\":{\"dtype\":\"F32\",\"shape\":[0],"
                           "\"data_offsets\":[0,0]}",
                           n == 0 ? '{' : ',', n);
    header[length++] = '}';
    memset(header, 0, 8);
    header[0] = (char)(unsigned char)((length - 8) & 255);
    header[1] = (char)(unsigned char)((length - 8) >> 8);
    write_file("many.safetensors", header, (size_t)length);
}

static void test_every_call_works_on_a_stack_of_48_kibibytes(void **unused)
{
    (void)unused;
    if (SANITIZED || !OPTIMIZED)
        skip(); /* both add to every frame */

    /* Text that is more than a read's worth, with symbols of one to three bytes */
    static char text[200000];
    for (size_t n = 0; n < sizeof text; n += 10)
        memcpy(text + n, n % 60 == 0 ? "a\xc3\xa9\xe2\x82\xacloh\n" : "hello you\n", 10);
    write_file(TEXT_FILE, text, sizeof text);
    memcpy(text + sizeof text - 10, "caf\xe9 noir\n", 10);
    write_file("latin1.txt", text, sizeof text);
    write_file("short.txt", text, 2000);
    write_many_tensors();
    memset(names, 'n', sizeof names - 1);
    for (int n = 0; n < STEPS * STREAMS; n++)
        ids[n] = n % 5;
    chunk = (rnn_chunk){.struct_size = sizeof chunk, .steps = STEPS, .streams = STREAMS, .inputs = ids, .targets = ids};

    for (size_t n = 0; n < sizeof everything / sizeof *everything; n++) {
        size_t used = stack_of(&everything[n]);
        print_message("%6zu bytes: %s\n", used, everything[n].name);
        assert_in_range(used, 1, LIMIT);
    }
}

static char *read_text(const char *path)
{
    char *text = allocate(1 << 20, 1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t size = fread(text, 1, (1 << 20) - 1, file);
    assert_in_range(size, 1, (1 << 20) - 2);
    fclose(file);
    return text;
}

static void test_every_function_of_the_header_is_called_here(void **unused)
{
    (void)unused;
    char *header = read_text(RNN_SOURCE_DIR "/include/rnn/rnn.h");
    char *here = read_text(RNN_SOURCE_DIR "/tests/whole/test_small_stack.c");
    int64_t count = 0;
    for (char *at = header; (at = strstr(at, "\nRNN_API ")) != NULL; count++) {
        at++;
        char call[100] = "";
        char *end = strchr(at, '(');
        assert_non_null(end);
        char *name = end;
        while (name[-1] != ' ' && name[-1] != '*')
            name--;
        assert_in_range(end - name, 5, 98);
        memcpy(call, name, (size_t)(end - name) + 1);
        if (strstr(here, call) == NULL)
            fail_msg("%s) isn't called", call);
    }
    assert_in_range(count, 90, 1000);
    free(header);
    free(here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_every_call_works_on_a_stack_of_48_kibibytes),
        cmocka_unit_test(test_every_function_of_the_header_is_called_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
