/*
 * Every public function needs at most 48 KiB of its thread's stack, as the header says. Each piece of work below runs
 * on a new thread whose stack was filled with a pattern; bytes that no longer hold the pattern were used. This includes
 * what the C library keeps there for a thread, and what the first call of a function costs.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "checkpoints.h"

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

static char failure[2048]; /* why a measured thread ended early */

/* Ends the thread unless a call has returned the expected status. */
static void expect(rnn_status actual, rnn_status expected, const char *call)
{
    if (actual == expected)
        return;
    snprintf(failure, sizeof failure, "%s: %s: %s", call, rnn_status_name(actual), rnn_last_error());
    pthread_exit(NULL);
}

#define OK(call) expect((call), RNN_OK, #call)
#define FAILS(call, status) expect((call), (status), #call)
#define HOLDS(condition) expect((condition) ? RNN_OK : RNN_ERROR_ARGUMENT, RNN_OK, #condition)

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

/* ---- Objects that the threads share ---- */

static rnn_vocab *vocab, *bytes_vocab;
static rnn_model *models[6]; /* of each cell in each precision */
static rnn_model *lstm;      /* one of them, in float32 */
static rnn_optimizer *optimizer;
static rnn_state *trained;
static rnn_sampler *sampler;
static int32_t ids[STEPS * STREAMS];
static rnn_chunk chunk;
static unsigned char memory[1 << 20];
static size_t memory_size;
static char long_name[6000]; /* longer than any sentence */

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

/* Runs before all others, as the first call of the process. */
static void count_processors(void)
{
    HOLDS(rnn_threads() >= 1);
}

static void read_versions_and_names(void)
{
    rnn_allocator none = {NULL, NULL, NULL};
    FAILS(rnn_set_allocator(&none), RNN_ERROR_ARGUMENT);
    rnn_set_interrupt(NULL, NULL);
    HOLDS(rnn_version()[0] != '\0' && rnn_version_number() > 0);
    HOLDS(rnn_status_name(0)[0] != '\0' && rnn_last_error()[0] != '\0');
    const char *name;
    int32_t value;
    OK(rnn_enumerator(rnn_enumerator_count() - 1, &name, &value));
    OK(rnn_set_threads(0)); /* as many as the environment says: some emulators support only one */
}

static void make_vocabularies(void)
{
    const char *paths[] = {TEXT_FILE, "/proc/self/maps"};
    rnn_source *source;
    rnn_vocab *known, *other;
    OK(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, TEXT_FILE, &vocab));
    OK(rnn_source_open(paths, 2, &source));
    OK(rnn_vocab_create_from_source(RNN_VOCAB_BYTES, source, &bytes_vocab));
    HOLDS(rnn_source_size(source) >= 1000);
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
    HOLDS(rnn_vocab_kind(vocab) == RNN_VOCAB_UTF8 && rnn_vocab_unknown(vocab) < 0);
}

/* Releases the corpus. */
static void read_corpus(rnn_corpus *corpus)
{
    rnn_chunk served;
    scoped_corpus *validation;
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
    HOLDS(rnn_corpus_size(corpus) >= 100);
    rnn_corpus_destroy(corpus);
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
        HOLDS(rnn_batcher_size(batcher) == 5 && rnn_batcher_positions(batcher) == 38);
        HOLDS(rnn_batcher_steps(batcher) == STEPS && rnn_batcher_chunks(batcher) >= 2);
        rnn_batcher_destroy(batcher);
    }
}

static void evaluate(void)
{
    scoped_corpus *corpus;
    rnn_loss loss;
    OK(rnn_corpus_create_from_file(vocab, "short.txt", STEPS, STREAMS, &corpus));
    OK(rnn_evaluate(models[2 * RNN_CELL_GRU], corpus, STREAMS, &loss, NULL));
}

static void create_models(void)
{
    for (int m = 0; m < COUNT_OF(models); m++) {
        rnn_model_options options = model_options(m / 2, m % 2);
        OK(rnn_model_create(&options, &models[m]));
        OK(rnn_model_get_options(models[m], &options));
    }
    lstm = models[2 * RNN_CELL_LSTM];
}

static void read_parameters(void)
{
    rnn_parameter parameter;
    int64_t index;
    const void *values;
    void *gradients;
    OK(rnn_parameter_init(&parameter, sizeof parameter));
    OK(rnn_model_describe_parameter(lstm, rnn_model_parameter_count(lstm) - 1, &parameter));
    OK(rnn_model_find_parameter(lstm, "rnn.bias_ih_l0", &index));
    OK(rnn_model_get_parameter(lstm, index, memory, 4 * HIDDEN));
    OK(rnn_model_set_parameter(lstm, index, memory, 4 * HIDDEN));
    OK(rnn_model_get_gradient(lstm, index, memory, 4 * HIDDEN));
    OK(rnn_model_set_gradient(lstm, index, memory, 4 * HIDDEN));
    OK(rnn_model_check_finite(lstm));
    OK(rnn_model_flat_parameters(lstm, &values, &index));
    OK(rnn_model_flat_gradients(lstm, &gradients, &index));
    OK(rnn_model_zero_gradients(lstm));
    FAILS(rnn_model_find_parameter(lstm, long_name, &index), RNN_ERROR_ARGUMENT);
}

static void average_models(void)
{
    scoped_model *copy;
    OK(rnn_model_copy(lstm, &copy));
    OK(rnn_model_average(copy, lstm, 0.5));
    OK(rnn_model_freeze(copy, 0, 1));
}

static void leave_notes(void)
{
    const char *key, *value;
    scoped_model *copy;
    OK(rnn_model_set_note(lstm, "a", "b"));
    OK(rnn_model_set_note(lstm, "c", "d"));
    OK(rnn_model_copy(lstm, &copy));
    OK(rnn_model_note_at(copy, rnn_model_note_count(copy) - 1, &key, &value));
    HOLDS(strcmp(rnn_model_note(copy, "a"), "b") == 0);
    FAILS(rnn_model_set_note(copy, long_name, "d"), RNN_ERROR_ARGUMENT);
}

static void use_states(void)
{
    scoped_state *a, *b;
    float values[2 * HIDDEN];
    OK(rnn_state_create(lstm, 2, &a));
    OK(rnn_state_create(lstm, 2, &b));
    OK(rnn_state_reset(a));
    OK(rnn_state_reset_stream(a, 1));
    OK(rnn_state_copy(a, b));
    OK(rnn_state_copy_stream(a, 0, b, 1));
    OK(rnn_state_get(a, 0, RNN_STATE_HIDDEN, values, 2 * HIDDEN));
    OK(rnn_state_set(a, 0, RNN_STATE_HIDDEN, values, 2 * HIDDEN));
    OK(rnn_state_get_all(a, memory, 2 * 2 * 2 * HIDDEN));
    OK(rnn_state_set_all(a, memory, 2 * 2 * 2 * HIDDEN));
    OK(rnn_state_set_random_index(a, rnn_state_random_index(b) + 1));
    HOLDS(rnn_state_streams(a) == 2);
}

/* Runs each model with one stream, with a few, and with enough for two threads, for one step and for several. */
static void run_models(void)
{
    for (int m = 0; m < COUNT_OF(models); m++)
        for (int64_t streams = 1; streams <= STREAMS; streams *= 4)
            for (int64_t steps = 1; steps <= STEPS; steps += STEPS - 1) {
                scoped_state *state;
                rnn_loss loss;
                rnn_chunk part = chunk;
                part.streams = streams;
                part.steps = steps;
                OK(rnn_state_create(models[m], streams, &state));
                OK(rnn_forward(models[m], state, &part, NULL, 0, &loss));
                OK(rnn_forward(models[m], state, &part, memory, steps * streams * rnn_vocab_size(vocab), NULL));
            }
}

static void train_models(void)
{
    for (int m = 0; m < COUNT_OF(models); m++)
        for (int64_t streams = 1; streams <= STREAMS; streams *= 4) {
            scoped_state *state;
            rnn_loss loss;
            rnn_chunk part = chunk;
            double norm;
            part.streams = streams;
            OK(rnn_state_create(models[m], streams, &state));
            OK(rnn_forward_backward(models[m], state, &part, &loss));
            OK(rnn_model_clip_value(models[m], 5));
            OK(rnn_model_clip_norm(models[m], 5, &norm));
        }
}

/* Trains with the program's own loss, on streams of unequal length. */
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
    for (int m = 0; m < COUNT_OF(models); m++) {
        rnn_model *model = models[m];
        scoped_state *state;
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
    }
}

static void observe(void)
{
    double norms[STEPS];
    rnn_loss loss;
    OK(rnn_state_create(lstm, STREAMS, &trained));
    OK(rnn_state_observe(trained, RNN_OBSERVE_ACTIVATIONS | RNN_OBSERVE_GRADIENT_NORMS));
    OK(rnn_forward_backward(lstm, trained, &chunk, &loss));
    OK(rnn_state_get_activations(trained, 1, memory, STEPS * STREAMS * HIDDEN));
    OK(rnn_state_get_gradient_norms(trained, 1, norms, STEPS));
}

static void optimize(void)
{
    rnn_optimizer_options options;
    rnn_loss loss;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        rnn_optimizer_destroy(optimizer);
        OK(rnn_optimizer_options_init(&options, sizeof options, rule));
        options.clip_value = 5;
        OK(rnn_optimizer_create(lstm, &options, &optimizer));
        OK(rnn_optimizer_set_learning_rate(optimizer, rnn_optimizer_learning_rate(optimizer) / 2));
        OK(rnn_optimizer_get_options(optimizer, &options));
        options.learning_rate *= rnn_schedule_warmup(3, 4) * rnn_schedule_cosine(1, 2, 0.1);
        options.learning_rate *= rnn_schedule_step_decay(3, 4, 0.5) * rnn_schedule_one_cycle(1, 2, 1, 0, 0);
        OK(rnn_optimizer_set_options(optimizer, &options));
        OK(rnn_forward_backward(lstm, trained, &chunk, &loss));
        OK(rnn_optimizer_step(optimizer, lstm));
    }
}

/* Writes with prompts and filters, and draws from the program's own logits. */
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
    OK(rnn_state_create(lstm, STREAMS, &state));
    OK(rnn_generate(lstm, state, sampler, &what, drawn, NULL, NULL));
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
        scoped_state *state;
        OK(rnn_state_create(lstm, streams, &state));
        OK(rnn_sample(lstm, state, sampler, ids, STEPS, (int32_t *)(void *)memory));
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
    OK(rnn_beam_search(lstm, NULL, &options, results, counts, numbers, numbers));
}

static void save_models(void)
{
    rnn_save_options options;
    OK(rnn_save_options_init(&options, sizeof options));
    options.rnn_name = "model.lstm";
    OK(rnn_model_save_with(lstm, vocab, &options, MODEL_FILE));
    OK(rnn_model_save_to_memory_with(lstm, vocab, &options, memory, sizeof memory, &memory_size));
    OK(rnn_model_save_to_memory(lstm, vocab, memory, sizeof memory, &memory_size));
    OK(rnn_model_save(lstm, vocab, MODEL_FILE)); /* replaces the file */
    FAILS(rnn_model_save(lstm, vocab, long_name), RNN_ERROR_IO);
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
    FAILS(rnn_model_load(long_name, NULL, &model, NULL), RNN_ERROR_IO);
}

static void keep_training(void)
{
    rnn_checkpoint checkpoint;
    OK(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    checkpoint.model = lstm;
    checkpoint.optimizer = optimizer;
    checkpoint.state = trained;
    checkpoint.sampler = sampler;
    checkpoint.vocab = vocab;
    OK(rnn_checkpoint_save(&checkpoint, CHECKPOINT_FILE));
    OK(rnn_checkpoint_save_to_memory(&checkpoint, memory, sizeof memory, &memory_size));
}

static void go_on(void)
{
    rnn_checkpoint checkpoint;
    OK(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    OK(rnn_checkpoint_load(CHECKPOINT_FILE, &checkpoint));
    destroy_objects(&checkpoint);
    OK(rnn_checkpoint_load_from_memory(memory, memory_size, &checkpoint));
    destroy_objects(&checkpoint);
}

static void destroy_everything(void)
{
    for (int m = 0; m < COUNT_OF(models); m++)
        rnn_model_destroy(models[m]);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(trained);
    rnn_sampler_destroy(sampler);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(bytes_vocab);
}

/* Later pieces of work need the objects that earlier ones have created. */
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

/* A file of more tensors, with longer names, than a sentence can list */
static void write_many_tensors(void)
{
    static char header[1 << 16];
    int length = 0;
    for (int n = 0; n < 300; n++)
        length += snprintf(header + length, sizeof header - (size_t)length,
                           "%c\"module.of.a.model.with.a.long.name.%d\":{\"dtype\":\"F32\",\"shape\":[0],"
                           "\"data_offsets\":[0,0]}",
                           n == 0 ? '{' : ',', n);
    header[length++] = '}';
    scoped_file file = make_file(header, (size_t)length, NULL, 0);
    write_file("many.safetensors", file.bytes, file.size);
}

static void test_every_call_works_on_a_stack_of_48_kibibytes(void **state)
{
    if (SANITIZED || !OPTIMIZED)
        skip(); /* sanitizers and missing optimisation enlarge every frame */

    /* More text than one read takes, with symbols of one to three bytes */
    static char text[200000];
    for (size_t n = 0; n < sizeof text; n += 10)
        memcpy(text + n, n % 60 == 0 ? "a\xc3\xa9\xe2\x82\xacloh\n" : "hello you\n", 10);
    write_file(TEXT_FILE, text, sizeof text);
    memcpy(text + sizeof text - 10, "caf\xe9 noir\n", 10);
    write_file("latin1.txt", text, sizeof text);
    write_file("short.txt", text, 2000);
    write_many_tensors();
    memset(long_name, 'n', sizeof long_name - 1);
    for (int n = 0; n < STEPS * STREAMS; n++)
        ids[n] = n % 5;
    chunk = (rnn_chunk){.struct_size = sizeof chunk, .steps = STEPS, .streams = STREAMS, .inputs = ids, .targets = ids};

    for (size_t n = 0; n < COUNT_OF(everything); n++) {
        size_t used = stack_of(&everything[n]);
        print_message("%6zu bytes: %s\n", used, everything[n].name);
        assert_in_range(used, 1, LIMIT);
    }
}

static void test_every_function_of_the_header_is_called_here(void **state)
{
    size_t size;
    scoped_memory char *header = read_golden("../../include/rnn/rnn.h", &size);
    scoped_memory char *here = read_golden("../whole/test_small_stack.c", &size);
    int64_t count = 0;
    for (const char *at = header; (at = strstr(at, "\nRNN_API ")) != NULL; count++) {
        char call[100];
        const char *end = strchr(++at, '(');
        assert_non_null(end);
        const char *name = end;
        while (name[-1] != ' ' && name[-1] != '*')
            name--;
        snprintf(call, sizeof call, "%.*s", (int)(end + 1 - name), name);
        if (strstr(here, call) == NULL)
            fail_msg("%s) isn't called", call);
    }
    assert_in_range(count, 90, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_every_call_works_on_a_stack_of_48_kibibytes),
        cmocka_unit_test(test_every_function_of_the_header_is_called_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
