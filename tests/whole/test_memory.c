/* The allocator: what the library asks of it, and that nothing leaks or breaks whichever allocation fails. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "temporary.h"

/* ---- An allocator that keeps books ---- */

enum { MOST_BLOCKS = 1024 };

typedef struct block {
    void *start; /* to free() */
    char *memory;
    size_t size;
} block;

/* `refuse_from` to `refuse_to` count the calls of allocate, from 1; what goes wrong in a callback is kept for the test.
 */
typedef struct ledger {
    pthread_mutex_t lock;
    int64_t calls;
    int64_t refuse_from, refuse_to;
    size_t limit;   /* larger blocks are refused */
    size_t largest; /* block asked for */
    block blocks[MOST_BLOCKS];
    int64_t held;
    const char *violation;
} ledger;

static ledger books;

/*
 * Memory at the alignment asked for and at none higher, full of garbage. (Valgrind and the address sanitizer watch its
 * end.)
 */
static void *keep_and_allocate(void *context, size_t alignment, size_t size)
{
    ledger *kept = context;
    char *memory = NULL;
    pthread_mutex_lock(&kept->lock);
    kept->calls++;
    kept->largest = size > kept->largest ? size : kept->largest;
    if (size == 0) {
        kept->violation = "allocate was asked for nothing";
    } else if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        kept->violation = "allocate was asked for an alignment that is no power of two";
    } else if (kept->held == MOST_BLOCKS) {
        kept->violation = "more blocks than the books have room for";
    } else if (size <= kept->limit && (kept->calls < kept->refuse_from || kept->calls > kept->refuse_to)) {
        block *entry = &kept->blocks[kept->held];
        size_t twice = 2 * (alignment < sizeof(void *) ? sizeof(void *) : alignment);
        if (posix_memalign(&entry->start, twice, alignment + size) == 0) {
            memory = entry->memory = (char *)entry->start + alignment;
            entry->size = size;
            memset(memory, 0xa5, size);
            kept->held++;
        }
    }
    pthread_mutex_unlock(&kept->lock);
    return memory;
}

static void release_and_keep(void *context, void *memory, size_t size)
{
    ledger *kept = context;
    pthread_mutex_lock(&kept->lock);
    int64_t i = 0;
    while (i < kept->held && kept->blocks[i].memory != memory)
        i++;
    if (i == kept->held) {
        kept->violation = "release was given what allocate had not returned";
    } else {
        if (kept->blocks[i].size != size)
            kept->violation = "release was given another size than allocate";
        memset(memory, 0x5a, kept->blocks[i].size);
        free(kept->blocks[i].start);
        kept->blocks[i] = kept->blocks[--kept->held];
    }
    pthread_mutex_unlock(&kept->lock);
}

static const rnn_allocator keeping = {.allocate = keep_and_allocate, .release = release_and_keep, .context = &books};

/* Nothing is refused until further notice. */
static void open_books(void)
{
    books = (ledger){.limit = SIZE_MAX};
    assert_int_equal(pthread_mutex_init(&books.lock, NULL), 0);
    assert_ok(rnn_set_allocator(&keeping));
}

/* All must have been given back. */
static void close_books(void)
{
    if (books.violation != NULL)
        fail_msg("%s", books.violation);
    assert_int_equal(books.held, 0);
    assert_ok(rnn_set_allocator(NULL));
    pthread_mutex_destroy(&books.lock);
}

/* ---- Everything that the library does, call by call ---- */

enum { STEPS = 5, STREAMS = 2, SAMPLES = 40 };

static const char text[] = "the quick brown fox jumps over the lazy dog, and then the dog jumps over the fox";

typedef struct scene {
    rnn_source *source;
    rnn_vocab *vocab, *list_vocab, *file_vocab, *utf8_vocab, *utf8_list_vocab, *unknown_vocab;
    rnn_corpus *corpus, *file_corpus, *validation, *file_validation, *utf8_corpus, *utf8_validation;
    rnn_model *model, *double_model, *lstm;
    rnn_state *state, *sampling_state, *double_state, *lstm_state;
    rnn_optimizer *optimizer, *adam;
    rnn_sampler *sampler;
    rnn_chunk chunk;
    void *gradients;
    int64_t gradient_count;

    /* What it leads to, and must lead to whatever failed on the way. */
    struct results {
        rnn_loss loss[6];
        double gradients[40];
        int32_t ids[SAMPLES];
        float state[STREAMS * 16];
        float decoder[30];
        float activations[6 * 2 * 7];
        double norms[6];
    } results;
} scene;

static rnn_status create_vocab(scene *s)
{
    return rnn_vocab_create_from_text(RNN_VOCAB_BYTES, text, sizeof text - 1, &s->vocab);
}

static rnn_status create_vocab_from_list(scene *s)
{
    return rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &s->list_vocab);
}

static rnn_status create_vocab_from_file(scene *s)
{
    return rnn_vocab_create_from_file(RNN_VOCAB_BYTES, "text", &s->file_vocab);
}

static rnn_status create_corpus(scene *s)
{
    return rnn_corpus_create_from_text(s->vocab, text, sizeof text - 1, STEPS, STREAMS, &s->corpus);
}

static rnn_status create_corpus_from_file(scene *s)
{
    return rnn_corpus_create_from_file(s->file_vocab, "text", STEPS, STREAMS, &s->file_corpus);
}

static rnn_status split_corpus(scene *s)
{
    return rnn_corpus_split(s->corpus, 0.25, &s->validation);
}

static rnn_status split_file(scene *s)
{
    return rnn_corpus_split(s->file_corpus, 0.25, &s->file_validation);
}

static rnn_status open_source(scene *s)
{
    static const char *const paths[] = {"text", "text"};
    return rnn_source_open(paths, 2, &s->source);
}

static rnn_status create_utf8_vocab_from_source(scene *s)
{
    return rnn_vocab_create_from_source(RNN_VOCAB_UTF8, s->source, &s->utf8_vocab);
}

static rnn_status create_utf8_vocab_from_list(scene *s)
{
    return rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "the 中", 7, &s->utf8_list_vocab);
}

static rnn_status create_vocab_with_unknown(scene *s)
{
    return rnn_vocab_create_with_unknown(s->utf8_list_vocab, NULL, 0, &s->unknown_vocab);
}

static rnn_status create_utf8_corpus(scene *s)
{
    return rnn_corpus_create_from_source(s->unknown_vocab, s->source, STEPS, STREAMS, &s->utf8_corpus);
}

static rnn_status split_utf8_corpus(scene *s)
{
    return rnn_corpus_split(s->utf8_corpus, 0.25, &s->utf8_validation);
}

static rnn_status next_utf8_chunk(scene *s)
{
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    return rnn_corpus_next(s->utf8_corpus, &chunk, NULL);
}

static rnn_status create_small_model(int64_t symbols, int64_t layers, int32_t precision, rnn_model **model)
{
    rnn_model_options options;
    rnn_status status = rnn_model_options_init(&options, sizeof options);
    options.input_size = options.output_size = symbols;
    options.hidden_size = 16;
    options.layers = layers;
    options.precision = precision;
    options.weight_scale = 0.5;
    return status == RNN_OK ? rnn_model_create(&options, model) : status;
}

static rnn_status create_training_model(scene *s)
{
    return create_small_model(rnn_vocab_size(s->vocab), 2, RNN_FLOAT32, &s->model);
}

static rnn_status create_double_model(scene *s)
{
    return create_small_model(3, 1, RNN_FLOAT64, &s->double_model);
}

static rnn_status create_training_state(scene *s)
{
    return rnn_state_create(s->model, STREAMS, &s->state);
}

static rnn_status create_sampling_state(scene *s)
{
    return rnn_state_create(s->model, 1, &s->sampling_state);
}

static rnn_status create_double_state(scene *s)
{
    return rnn_state_create(s->double_model, 1, &s->double_state);
}

static rnn_status create_optimizer(scene *s)
{
    return rnn_optimizer_create(s->model, NULL, &s->optimizer);
}

static rnn_status create_sampler(scene *s)
{
    return rnn_sampler_create(NULL, &s->sampler);
}

static rnn_status next_chunk(scene *s)
{
    return rnn_corpus_next(s->corpus, &s->chunk, NULL);
}

static rnn_status next_validation_chunk(scene *s)
{
    return rnn_corpus_next(s->validation, &s->chunk, NULL);
}

static rnn_status next_chunk_of_the_file(scene *s)
{
    return rnn_corpus_next(s->file_validation, &s->chunk, NULL);
}

static rnn_status forward(scene *s)
{
    return rnn_forward(s->model, s->state, &s->chunk, NULL, 0, &s->results.loss[0]);
}

static rnn_status forward_backward(scene *s)
{
    return rnn_forward_backward(s->model, s->state, &s->chunk, &s->results.loss[1]);
}

static rnn_status forward_backward_again(scene *s)
{
    return rnn_forward_backward(s->model, s->state, &s->chunk, &s->results.loss[2]);
}

static rnn_status clip(scene *s)
{
    return rnn_model_clip_value(s->model, 0.25);
}

static rnn_status step(scene *s)
{
    return rnn_optimizer_step(s->optimizer, s->model);
}

static rnn_status need_flat_gradients(scene *s)
{
    return rnn_model_flat_gradients(s->double_model, &s->gradients, &s->gradient_count);
}

static rnn_status forward_backward_in_double(scene *s)
{
    static const int32_t inputs[] = {0, 1, 2};
    static const int32_t targets[] = {1, 2, 0};
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 3, .streams = 1, .inputs = inputs, .targets = targets};
    return rnn_forward_backward(s->double_model, s->double_state, &chunk, &s->results.loss[3]);
}

/* What the options of a model lead to: an embedding, orthogonal weights, dropout. */
static rnn_status create_lstm(scene *s)
{
    rnn_model_options options;
    rnn_status status = rnn_model_options_init(&options, sizeof options);
    options.input_size = options.output_size = 3;
    options.hidden_size = 7;
    options.layers = 2;
    options.cell = RNN_CELL_LSTM;
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = 5;
    options.initialization = RNN_INIT_UNIFORM;
    options.orthogonal = 1;
    options.dropout = 0.5;
    return status == RNN_OK ? rnn_model_create(&options, &s->lstm) : status;
}

static rnn_status create_lstm_state(scene *s)
{
    rnn_status status = rnn_state_create(s->lstm, 2, &s->lstm_state);
    return status == RNN_OK ? rnn_state_observe(s->lstm_state, RNN_OBSERVE_ACTIVATIONS + RNN_OBSERVE_GRADIENT_NORMS)
                            : status;
}

static rnn_status create_adam(scene *s)
{
    rnn_optimizer_options options;
    rnn_status status = rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_ADAM);
    return status == RNN_OK ? rnn_optimizer_create(s->lstm, &options, &s->adam) : status;
}

static const int32_t lstm_ids[12] = {0, 1, 2, 2, 1, 0, 0, 2, 1, 1, 0, 2};

static rnn_status train_lstm(scene *s, int64_t steps, rnn_loss *loss)
{
    rnn_chunk chunk = {
        .struct_size = sizeof chunk, .steps = steps, .streams = 2, .inputs = lstm_ids, .targets = lstm_ids};
    return rnn_forward_backward(s->lstm, s->lstm_state, &chunk, loss);
}

static rnn_status train_lstm_on_a_short_chunk(scene *s)
{
    return train_lstm(s, 2, &s->results.loss[4]);
}

static rnn_status train_lstm_on_a_long_chunk(scene *s)
{
    return train_lstm(s, 6, &s->results.loss[5]);
}

static rnn_status clip_norm(scene *s)
{
    return rnn_model_clip_norm(s->lstm, 0.5, NULL);
}

static rnn_status step_adam(scene *s)
{
    return rnn_optimizer_step(s->adam, s->lstm);
}

static rnn_status see_activations(scene *s)
{
    return rnn_state_get_activations(s->lstm_state, 1, s->results.activations, 6 * 2 * 7);
}

static rnn_status see_gradient_norms(scene *s)
{
    return rnn_state_get_gradient_norms(s->lstm_state, 1, s->results.norms, 6);
}

static rnn_status draw(scene *s)
{
    const int32_t first = 1;
    return rnn_sample(s->model, s->sampling_state, s->sampler, &first, SAMPLES, s->results.ids);
}

static const struct {
    rnn_status (*call)(scene *);
    int allocates; /* RNN_ERROR_MEMORY is among what the header says that it returns */
} calls[] = {
    {create_vocab, 1},
    {create_vocab_from_list, 1},
    {create_vocab_from_file, 1},
    {create_corpus, 1},
    {create_corpus_from_file, 1},
    {split_corpus, 1},
    {split_file, 1},
    {open_source, 1},
    {create_utf8_vocab_from_source, 1},
    {create_utf8_vocab_from_list, 1},
    {create_vocab_with_unknown, 1},
    {create_utf8_corpus, 1},
    {split_utf8_corpus, 1},
    {next_utf8_chunk, 0},
    {create_training_model, 1},
    {create_double_model, 1},
    {create_training_state, 1},
    {create_sampling_state, 1},
    {create_double_state, 1},
    {create_optimizer, 1},
    {create_sampler, 1},
    {next_chunk_of_the_file, 0},
    {forward_backward, 1},
    {clip, 0},
    {step, 0},
    {next_validation_chunk, 0},
    {forward, 1},
    {next_chunk, 0},
    {forward_backward_again, 1},
    {step, 0},
    {need_flat_gradients, 1},
    {forward_backward_in_double, 1},
    {draw, 1},
    {create_lstm, 1},
    {create_lstm_state, 1},
    {create_adam, 1},
    {train_lstm_on_a_short_chunk, 1},
    {clip_norm, 0},
    {step_adam, 0},
    {train_lstm_on_a_long_chunk, 1},
    {see_activations, 0},
    {see_gradient_norms, 0},
};

enum { CALLS = sizeof calls / sizeof calls[0] };

/* The pointers that a call may have set: in the scene up to its results. */
static void assert_same_objects(const scene *a, const scene *b)
{
    assert_memory_equal(a, b, offsetof(scene, results));
}

/*
 * Makes all calls in turn. Allocations `from` to `to`, counted from the start, fail; a call that fails must say why and
 * set nothing, and is made again with memory to be had. Returns whether any call failed.
 */
static int play(int64_t from, int64_t to, struct results *results)
{
    scene s;
    int failed = 0;
    memset(&s, 0, sizeof s);
    open_books();
    assert_ok(rnn_chunk_init(&s.chunk, sizeof s.chunk));
    books.refuse_from = from;
    books.refuse_to = to;
    for (int i = 0; i < CALLS; i++) {
        scene before = s;
        leave_another_error();
        rnn_status status = calls[i].call(&s);
        if (status == RNN_ERROR_MEMORY && calls[i].allocates) {
            failed = 1;
            assert_string_not_equal(rnn_last_error(), "optimizer is NULL");
            assert_same_objects(&s, &before);
            assert_memory_equal(s.results.loss, before.results.loss, sizeof s.results.loss);
            books.refuse_from = books.refuse_to = 0;
            status = calls[i].call(&s);
        }
        if (status != RNN_OK) {
            print_error("call %d with allocations %lld to %lld refused: %s: %s\n", i, (long long)from, (long long)to,
                        rnn_status_name(status), rnn_last_error());
            fail();
        }
    }

    books.refuse_from = books.refuse_to = 0;
    double *gradients = get_all_gradients(s.double_model);
    memcpy(s.results.gradients, gradients, sizeof s.results.gradients);
    free(gradients);
    assert_ok(rnn_state_get(s.state, 1, RNN_STATE_HIDDEN, s.results.state, STREAMS * 16));
    assert_ok(rnn_model_get_parameter(s.model, index_of(s.model, "decoder.bias"), s.results.decoder,
                                      rnn_vocab_size(s.vocab)));
    memcpy(results, &s.results, sizeof *results);

    rnn_vocab_destroy(s.vocab);
    rnn_vocab_destroy(s.list_vocab);
    rnn_vocab_destroy(s.file_vocab);
    rnn_source_destroy(s.source);
    rnn_vocab_destroy(s.utf8_vocab);
    rnn_vocab_destroy(s.utf8_list_vocab);
    rnn_vocab_destroy(s.unknown_vocab);
    rnn_corpus_destroy(s.utf8_corpus);
    rnn_corpus_destroy(s.utf8_validation);
    rnn_corpus_destroy(s.corpus);
    rnn_corpus_destroy(s.file_corpus);
    rnn_corpus_destroy(s.validation);
    rnn_corpus_destroy(s.file_validation);
    rnn_model_destroy(s.model);
    rnn_model_destroy(s.double_model);
    rnn_model_destroy(s.lstm);
    rnn_state_destroy(s.state);
    rnn_state_destroy(s.sampling_state);
    rnn_state_destroy(s.double_state);
    rnn_state_destroy(s.lstm_state);
    rnn_optimizer_destroy(s.optimizer);
    rnn_optimizer_destroy(s.adam);
    rnn_sampler_destroy(s.sampler);
    close_books();
    return failed;
}

static void test_whichever_allocation_fails_the_call_fails_and_can_be_repeated(void **state)
{
    struct results expected;
    struct results results;
    int64_t n = 0;
    (void)state;
    write_file("text", text, sizeof text - 1);
    assert_int_equal(play(0, 0, &expected), 0);
    int64_t allocations = books.calls;
    do {
        n++;
        int failed = play(n, n, &results);
        assert_memory_equal(&results, &expected, sizeof results);
        if (n <= allocations)
            assert_int_equal(failed, 1);
    } while (n <= allocations);
    assert_true(allocations >= 14); /* each _create and split takes some */
}

static void test_a_call_fails_cleanly_when_memory_stays_used_up(void **state)
{
    struct results expected;
    struct results results;
    (void)state;
    write_file("text", text, sizeof text - 1);
    assert_int_equal(play(0, 0, &expected), 0);
    int64_t allocations = books.calls;
    for (int64_t n = 1; n <= allocations; n++) {
        assert_int_equal(play(n, INT64_MAX, &results), 1);
        assert_memory_equal(&results, &expected, sizeof results);
    }
}

/* ---- What is asked of the allocator ---- */

static void test_all_memory_comes_from_the_allocator_as_its_contract_says(void **state)
{
    struct results results;
    (void)state;
    write_file("text", text, sizeof text - 1);
    assert_int_equal(play(0, 0, &results), 0); /* the books are checked when they are closed */
    assert_true(books.largest >= 16 * 16 * sizeof(float));
}

static void test_sizes_out_of_range_ask_for_no_memory(void **state)
{
    static const int64_t bad[] = {0, -1, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
    rnn_model *model = NULL;
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    (void)state;
    open_books();
    assert_ok(create_small_model(3, 1, RNN_FLOAT32, &model));
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &vocab));
    int64_t calls_before = books.calls;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rnn_model_options options = make_options(3, bad[i], 3, 1, RNN_FLOAT32);
        rnn_model *another = NULL;
        rnn_state *state_of_model = NULL;
        assert_fails(rnn_model_create(&options, &another), RNN_ERROR_ARGUMENT, "hidden_size");
        assert_fails(rnn_state_create(model, bad[i], &state_of_model), RNN_ERROR_ARGUMENT, "streams");
        assert_fails(rnn_corpus_create_from_text(vocab, "abcabc", 6, bad[i], 1, &corpus), RNN_ERROR_ARGUMENT, "steps");
        assert_fails(rnn_corpus_create_from_text(vocab, "abcabc", 6, 1, bad[i], &corpus), RNN_ERROR_ARGUMENT,
                     "streams");
    }
    assert_int_equal(books.calls, calls_before);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
    close_books();
}

static void test_the_largest_model_asks_for_what_it_needs(void **state)
{
    static const struct {
        int64_t symbols, hidden, layers;
    } sizes[] = {{1, 1048576, 1}, {16777216, 1048576, 1}, {16777216, 100, 1}, {16777216, 1048576, 1024}};
    static const struct {
        int32_t cell;
        int64_t gates;
    } cells[] = {{RNN_CELL_TANH, 1}, {RNN_CELL_GRU, 3}, {RNN_CELL_LSTM, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t c = 0; c < sizeof cells / sizeof cells[0]; c++) {
            int64_t v = sizes[i].symbols;
            int64_t h = sizes[i].hidden;
            int64_t l = sizes[i].layers;
            int64_t parameters = cells[c].gates * (h * v + (2 * l - 1) * h * h + 2 * l * h) + v * h + v;
            rnn_model_options options = make_options(v, h, v, l, RNN_FLOAT64);
            rnn_model *model = NULL;
            options.cell = cells[c].cell;
            options.bias = RNN_BIAS_BOTH;
            open_books();
            books.limit = 1 << 24;
            assert_fails(rnn_model_create(&options, &model), RNN_ERROR_MEMORY, "");
            assert_null(model);
            assert_true(books.largest >= (size_t)parameters * sizeof(double));
            close_books();
        }
    }
}

static void test_the_largest_state_and_chunk_ask_for_what_they_need(void **state)
{
    enum { MOST_STEPS = 16777216 };
    int32_t *ids = allocate(MOST_STEPS, sizeof(int32_t));
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = MOST_STEPS, .streams = 1, .inputs = ids, .targets = ids};
    rnn_model *model = NULL;
    rnn_state *largest = NULL;
    rnn_state *small = NULL;
    (void)state;
    open_books();
    assert_ok(create_small_model(3, 1, RNN_FLOAT32, &model));
    assert_ok(rnn_state_create(model, 1, &small));
    books.limit = 1 << 24;
    assert_fails(rnn_state_create(model, 1048576, &largest), RNN_ERROR_MEMORY, "");
    assert_null(largest);
    assert_true(books.largest >= (size_t)1048576 * 16 * sizeof(float));

    snapshot before = take_snapshot(model, small);
    assert_fails(rnn_forward_backward(model, small, &chunk, NULL), RNN_ERROR_MEMORY, "");
    assert_true(books.largest >= (size_t)MOST_STEPS * 16 * sizeof(float));
    assert_unchanged(&before, model, small);
    free(before.bytes);
    rnn_state_destroy(small);
    rnn_model_destroy(model);
    close_books();
    free(ids);
}

/* ---- Setting the allocator ---- */

static void test_the_allocator_cannot_change_while_an_object_lives(void **state)
{
    (void)state;
    open_books();
    rnn_model *model = NULL;
    assert_ok(create_small_model(3, 1, RNN_FLOAT32, &model));
    assert_fails(rnn_set_allocator(&keeping), RNN_ERROR_ARGUMENT, "allocator");
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");

    rnn_state *stream = NULL;
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_state_create(model, 1, &stream));
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    rnn_model_destroy(model);
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_state_destroy(stream);
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_optimizer_destroy(optimizer);
    assert_ok(rnn_set_allocator(&keeping));

    rnn_sampler *sampler = NULL;
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_sampler_destroy(sampler);
    assert_ok(rnn_set_allocator(&keeping));

    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    assert_ok(rnn_corpus_create_from_text(vocab, "aba", 3, 1, 1, &corpus));
    rnn_vocab_destroy(vocab);
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_corpus_destroy(corpus);
    close_books();
}

static void test_an_allocator_without_one_of_its_functions_is_refused_and_the_present_one_stays(void **state)
{
    const rnn_allocator no_allocate = {.release = release_and_keep, .context = &books};
    const rnn_allocator no_release = {.allocate = keep_and_allocate, .context = &books};
    rnn_sampler *sampler = NULL;
    (void)state;
    open_books();
    assert_fails(rnn_set_allocator(&no_allocate), RNN_ERROR_ARGUMENT, "allocate is NULL");
    assert_fails(rnn_set_allocator(&no_release), RNN_ERROR_ARGUMENT, "release is NULL");
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_true(books.held > 0);
    rnn_sampler_destroy(sampler);
    close_books();
}

static void test_the_allocator_struct_is_copied(void **state)
{
    rnn_allocator given = keeping;
    rnn_sampler *sampler = NULL;
    (void)state;
    open_books();
    assert_ok(rnn_set_allocator(&given));
    memset(&given, 0, sizeof given);
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_true(books.held > 0);
    rnn_sampler_destroy(sampler);
    close_books();
}

static void test_null_goes_back_to_the_c_library(void **state)
{
    rnn_sampler *sampler = NULL;
    (void)state;
    open_books();
    assert_ok(rnn_set_allocator(NULL));
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_int_equal(books.calls, 0);
    rnn_sampler_destroy(sampler);
    close_books();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_whichever_allocation_fails_the_call_fails_and_can_be_repeated),
        test_with_files(test_a_call_fails_cleanly_when_memory_stays_used_up),
        test_with_files(test_all_memory_comes_from_the_allocator_as_its_contract_says),
        cmocka_unit_test(test_sizes_out_of_range_ask_for_no_memory),
        cmocka_unit_test(test_the_largest_model_asks_for_what_it_needs),
        cmocka_unit_test(test_the_largest_state_and_chunk_ask_for_what_they_need),
        cmocka_unit_test(test_the_allocator_cannot_change_while_an_object_lives),
        cmocka_unit_test(test_an_allocator_without_one_of_its_functions_is_refused_and_the_present_one_stays),
        cmocka_unit_test(test_the_allocator_struct_is_copied),
        cmocka_unit_test(test_null_goes_back_to_the_c_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
