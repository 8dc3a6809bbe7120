/*
 * Makes each allocation in each call of the API fail in turn: first that allocation alone, then together with all later
 * ones. (A save has hundreds of allocations, so there each fails only alone.) The call must then return
 * RNN_ERROR_MEMORY, leave every object and file unchanged and lose no memory. When it is repeated with memory
 * available, it must give the same bits as a call that never failed. Every function that returns a status has a row,
 * except rnn_set_allocator(). Jansson's allocations fail as well. test_no_threads.c makes the creation of threads fail.
 */
#include "books.h"
#include "model_files.h"

#include <jansson.h>
#include <stdbool.h>

enum { V = 6, STEPS = 4, STREAMS = 2, LARGE = 60000, IDS = 9 };

static const int32_t ids[] = {0, 1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 0};
static const int32_t excluded[] = {3, 1};
static const int64_t lengths[] = {STEPS, 2}, sequence_lengths[] = {2, 5, 1, 3};
static const uint8_t starts[STEPS * STREAMS] = {[5] = 1};
static const float numbers[24] = {0.5F, -1, 0.25F, 2, 1, -0.5F, 0.75F, -2, [20] = 1};
static const char text[] = "the quick brown fox jumps over the lazy dog";
static const char *const paths[] = {"text", "-", "text"}, *const twice[] = {"text", "text"};
static char large[LARGE];

/* ---- The world: one object of each kind ---- */

typedef struct setup {
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_chunk chunk;
} setup;

/* A vanilla RNN of ids; a bidirectional LSTM with every option; a GRU of vectors */
enum { PLAIN, RICH, VECTORS, SETUPS };

static struct {
    setup of[SETUPS];
    rnn_sampler *sampler;
    rnn_vocab *vocab, *letters, *words; /* of bytes, of code points, of words */
    rnn_source *source;
    rnn_corpus *corpus, *file_corpus, *letter_corpus;
    rnn_batcher *batcher;
    rnn_sequences sequences;
    rnn_batcher_options batcher_options;
    rnn_model_options model_options;
    rnn_optimizer_options optimizer_options;
    rnn_sampler_options sampler_options;
    rnn_generate_options generate_options;
    rnn_beam_options beam_options;
    rnn_save_options save_options;
    rnn_load_options load_options;
    rnn_checkpoint checkpoint; /* of the setup PLAIN, with an average */

    /* The objects that the calls make; NULL until then */
    rnn_model *made_model;
    rnn_state *made_state;
    rnn_optimizer *made_optimizer;
    rnn_sampler *made_sampler;
    rnn_vocab *made_vocab;
    rnn_source *made_source;
    rnn_corpus *made_corpus;
    rnn_batcher *made_batcher;
    rnn_checkpoint made;

    /* The memory that the calls write to. A failed call may write to `scratch`. */
    struct {
        rnn_loss loss;
        int64_t hits, counts[8];
        int32_t ids[64], number;
        double logs[64], scores[8];
        char bytes[64];
        size_t size;
    } out;
    double scratch[128];
    unsigned char file[1 << 14];
    size_t file_size;
    rnn_parameter parameter;
    const void *pointer;
    void *flat;
    const char *key, *value;
} w;

static rnn_model *make_setup_model(int kind)
{
    rnn_model_options o = make_options(V, 5, V, 1, RNN_FLOAT32);
    if (kind == RICH) {
        o = make_options(V, 3, V, 2, RNN_FLOAT64);
        o.cell = RNN_CELL_LSTM;
        o.input = RNN_INPUT_EMBEDDING;
        o.embedding_size = 4;
        o.bias = RNN_BIAS_BOTH;
        o.initialization = RNN_INIT_UNIFORM;
        o.orthogonal = o.bidirectional = o.layer_norm = o.learned_state = o.dropout_per_chunk = 1;
        o.dropout = o.dropout_input = o.dropout_output = o.dropout_recurrent = 0.25;
    } else if (kind == VECTORS) {
        o = make_options(2, 4, 3, 1, RNN_FLOAT32);
        o.cell = RNN_CELL_GRU;
        o.input = RNN_INPUT_VECTORS;
        o.loss = RNN_LOSS_SQUARED_ERROR;
    }
    w.model_options = o;
    return create_random_model(&o, 0.5, (uint64_t)kind);
}

static void make_setup(int kind, int32_t rule)
{
    setup *s = &w.of[kind];
    s->model = make_setup_model(kind);
    s->state = create_random_state(s->model, STREAMS, 0.5, 7);
    assert_ok(rnn_optimizer_options_init(&w.optimizer_options, sizeof w.optimizer_options, rule));
    w.optimizer_options.momentum = rule == RNN_OPTIMIZER_SGD ? 0.5 : 0;
    assert_ok(rnn_optimizer_create(s->model, &w.optimizer_options, &s->optimizer));
    assert_ok(rnn_chunk_init(&s->chunk, sizeof s->chunk));
    s->chunk.steps = STEPS;
    s->chunk.streams = STREAMS;
    s->chunk.inputs = kind == VECTORS ? NULL : ids;
    s->chunk.targets = kind == VECTORS ? NULL : ids + 3;
    s->chunk.input_vectors = kind == VECTORS ? numbers : NULL;
    s->chunk.target_vectors = kind == VECTORS ? numbers : NULL;
    s->chunk.lengths = kind == PLAIN ? NULL : lengths;
    s->chunk.starts = kind == RICH ? starts : NULL;
}

static void make_options_of_calls(void)
{
    assert_ok(rnn_sequences_init(&w.sequences, sizeof w.sequences));
    w.sequences.count = COUNT_OF(sequence_lengths);
    w.sequences.lengths = sequence_lengths;
    w.sequences.inputs = w.sequences.targets = ids;
    assert_ok(rnn_batcher_options_init(&w.batcher_options, sizeof w.batcher_options));
    w.batcher_options.streams = STREAMS;
    w.batcher_options.shuffle = 1;
    w.batcher_options.bucket = 2;
    assert_ok(rnn_sampler_options_init(&w.sampler_options, sizeof w.sampler_options));
    w.sampler_options.top_k = 3;
    w.sampler_options.top_p = 0.9;
    w.sampler_options.repetition_penalty = 1.5;
    w.sampler_options.repetition_window = 2;
    w.sampler_options.excluded = excluded;
    w.sampler_options.excluded_count = COUNT_OF(excluded);
    assert_ok(rnn_generate_options_init(&w.generate_options, sizeof w.generate_options));
    w.generate_options.prompt = ids;
    w.generate_options.prompt_steps = STEPS;
    w.generate_options.prompt_lengths = lengths;
    w.generate_options.most = 5;
    assert_ok(rnn_beam_options_init(&w.beam_options, sizeof w.beam_options));
    w.beam_options.prompt = ids;
    w.beam_options.prompt_steps = 2;
    w.beam_options.most = 4;
    w.beam_options.results = 2;
    w.beam_options.excluded = excluded;
    w.beam_options.excluded_count = COUNT_OF(excluded);
    w.beam_options.vocab = w.vocab;
    assert_ok(rnn_save_options_init(&w.save_options, sizeof w.save_options));
    w.save_options.rnn_name = "other";
    assert_ok(rnn_load_options_init(&w.load_options, sizeof w.load_options));
    w.parameter.struct_size = sizeof w.parameter;
}

static void make_checkpoint(void)
{
    assert_ok(rnn_checkpoint_init(&w.checkpoint, sizeof w.checkpoint));
    assert_ok(rnn_checkpoint_init(&w.made, sizeof w.made));
    w.checkpoint.model = w.of[PLAIN].model;
    w.checkpoint.state = w.of[PLAIN].state;
    w.checkpoint.optimizer = w.of[PLAIN].optimizer;
    w.checkpoint.sampler = w.sampler;
    w.checkpoint.vocab = w.vocab;
    assert_ok(rnn_model_copy(w.checkpoint.model, &w.checkpoint.average));
    assert_ok(rnn_forward_backward(w.of[PLAIN].model, w.of[PLAIN].state, &w.of[PLAIN].chunk, NULL));
    assert_ok(rnn_checkpoint_save_to_memory(&w.checkpoint, w.file, sizeof w.file, &w.file_size));
    assert_ok(rnn_model_zero_gradients(w.of[PLAIN].model));
}

static void make_world(void)
{
    memset(&w, 0, sizeof w);
    memset(&w.out, 0x77, sizeof w.out);
    write_file("target", "old", 3);
    make_setup(RICH, RNN_OPTIMIZER_ADAM);
    make_setup(VECTORS, RNN_OPTIMIZER_SGD);
    make_setup(PLAIN, RNN_OPTIMIZER_ADAGRAD);
    for (const char *key = "abcd"; *key != '\0'; key++)
        assert_ok(rnn_model_set_note(w.of[PLAIN].model, key, "value"));
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abcdef", V, &w.vocab));
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, sizeof text - 1, &w.letters));
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_WORDS, text, sizeof text - 1, &w.words));
    assert_ok(rnn_sampler_create(NULL, &w.sampler));
    assert_ok(rnn_source_open(twice, 2, &w.source));
    assert_ok(rnn_corpus_create_from_ids(ids, COUNT_OF(ids), V, 2, 1, &w.corpus));
    assert_ok(rnn_corpus_create_from_source(w.letters, w.source, 5, 2, &w.letter_corpus));
    assert_ok(rnn_corpus_create_from_id_file("ids", 1, V, 2, 1, &w.file_corpus));
    make_options_of_calls();
    assert_ok(rnn_batcher_create(&w.sequences, &w.batcher_options, &w.batcher));
    make_checkpoint();
}

static void destroy_world(void)
{
    for (int i = 0; i < SETUPS; i++) {
        rnn_model_destroy(w.of[i].model);
        rnn_state_destroy(w.of[i].state);
        rnn_optimizer_destroy(w.of[i].optimizer);
    }
    rnn_vocab *const vocabs[] = {w.vocab, w.letters, w.words, w.made_vocab};
    rnn_corpus *const corpora[] = {w.corpus, w.file_corpus, w.letter_corpus, w.made_corpus};
    for (int i = 0; i < COUNT_OF(vocabs); i++)
        rnn_vocab_destroy(vocabs[i]);
    for (int i = 0; i < COUNT_OF(corpora); i++)
        rnn_corpus_destroy(corpora[i]);
    rnn_model_destroy(w.checkpoint.average);
    rnn_model_destroy(w.made_model);
    rnn_state_destroy(w.made_state);
    rnn_optimizer_destroy(w.made_optimizer);
    rnn_sampler_destroy(w.sampler);
    rnn_sampler_destroy(w.made_sampler);
    rnn_source_destroy(w.source);
    rnn_source_destroy(w.made_source);
    rnn_batcher_destroy(w.batcher);
    rnn_batcher_destroy(w.made_batcher);
    release_checkpoint(&w.made);
}

/* ---- Its bits ---- */

typedef struct record {
    unsigned char *bytes; /* to free() */
    size_t size, room;
} record;

static void append(record *r, const void *bytes, size_t size)
{
    if (r->size + size > r->room) {
        r->room = 2 * (r->size + size);
        r->bytes = realloc(r->bytes, r->room);
        assert_non_null(r->bytes);
    }
    if (size > 0)
        memcpy(r->bytes + r->size, bytes, size);
    r->size += size;
}

static void append_number(record *r, int64_t number)
{
    append(r, &number, sizeof number);
}

/* A checkpoint holds all bits of its objects. */
static void append_objects(record *r, rnn_model *model, rnn_state *state, rnn_optimizer *optimizer,
                           rnn_sampler *sampler, rnn_vocab *vocab)
{
    static unsigned char bytes[1 << 20];
    size_t size = 0;
    rnn_checkpoint c;
    assert_ok(rnn_checkpoint_init(&c, sizeof c));
    c.model = model;
    c.state = state;
    c.optimizer = optimizer;
    c.sampler = sampler;
    c.vocab = vocab;
    append_number(r, (model != NULL) + 2 * (state != NULL) + 4 * (sampler != NULL) + 8 * (vocab != NULL));
    if (!model && !state && !optimizer && !sampler && !vocab)
        return;
    assert_ok(rnn_checkpoint_save_to_memory(&c, bytes, sizeof bytes, &size));
    append(r, bytes, size);
}

static void append_chunk(record *r, const rnn_chunk *chunk)
{
    size_t rows = (size_t)(chunk->steps * chunk->streams);
    append_number(r, chunk->steps);
    if (chunk->inputs)
        append(r, chunk->inputs, rows * sizeof *chunk->inputs);
    if (chunk->targets)
        append(r, chunk->targets, rows * sizeof *chunk->targets);
    if (chunk->lengths)
        append(r, chunk->lengths, (size_t)chunk->streams * sizeof *chunk->lengths);
}

static void append_corpus(record *r, rnn_corpus *corpus)
{
    int64_t position = rnn_corpus_position(corpus);
    append_number(r, position);
    append_number(r, rnn_corpus_size(corpus));
    append_number(r, rnn_corpus_chunks(corpus));
    for (int64_t n = 0; n < rnn_corpus_chunks(corpus) && n < 20; n++) {
        rnn_chunk chunk = {.struct_size = sizeof chunk};
        assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
        append_chunk(r, &chunk);
    }
    if (corpus)
        assert_ok(rnn_corpus_seek(corpus, position));
}

static void append_batcher(record *r, rnn_batcher *batcher)
{
    int64_t position = rnn_batcher_position(batcher);
    append_number(r, position);
    append_number(r, rnn_batcher_chunks(batcher));
    for (int64_t n = 0; n < 2 * rnn_batcher_chunks(batcher); n++) {
        rnn_chunk chunk = {.struct_size = sizeof chunk};
        assert_ok(rnn_batcher_next(batcher, &chunk, NULL));
        append_chunk(r, &chunk);
    }
    if (batcher)
        assert_ok(rnn_batcher_seek(batcher, position));
}

/* The bytes of the file "target", the number of files, and the first free descriptor */
static void append_directory(record *r)
{
    static char bytes[1 << 16];
    FILE *file = fopen("target", "rb");
    append(r, bytes, file ? fread(bytes, 1, sizeof bytes, file) : 0);
    if (file)
        fclose(file);
    int64_t names = 0;
    DIR *directory = opendir(".");
    assert_non_null(directory);
    while (readdir(directory))
        names++;
    closedir(directory);
    append_number(r, names);
    int next = dup(2);
    close(next);
    append_number(r, next);
}

/* A save can't change the objects, which are const, so only files matter. */
static bool is_save(const char *call)
{
    return strstr(call, "_save");
}

static record record_world(const char *call)
{
    record r = {NULL, 0, 0};
    append_directory(&r);
    append(&r, &w.out, sizeof w.out);
    if (is_save(call))
        return r;
    for (int i = 0; i < SETUPS; i++)
        append_objects(&r, w.of[i].model, w.of[i].state, w.of[i].optimizer, NULL, NULL);
    append_objects(&r, NULL, NULL, NULL, w.sampler, w.vocab);
    append_objects(&r, w.checkpoint.average, NULL, NULL, NULL, NULL);
    append_objects(&r, w.made_model, NULL, NULL, NULL, NULL);
    append_objects(&r, NULL, w.made_state, NULL, w.made_sampler, w.made_vocab);
    append_objects(&r, NULL, NULL, w.made_optimizer, NULL, NULL);
    append_objects(&r, w.made.model, w.made.state, w.made.optimizer, w.made.sampler, w.made.vocab);
    append_objects(&r, w.made.average, NULL, NULL, NULL, NULL);
    append_corpus(&r, w.corpus);
    append_corpus(&r, w.file_corpus);
    append_corpus(&r, w.letter_corpus);
    append_corpus(&r, w.made_corpus);
    append_batcher(&r, w.batcher);
    append_batcher(&r, w.made_batcher);
    append_number(&r, rnn_source_size(w.made_source));
    return r;
}

/* ---- Jansson's memory ---- */

static struct {
    int64_t held;
    int64_t left;  /* how many more of jansson's allocations count and may fail; the later ones succeed */
    bool counting; /* whether the call under test is running */
} jansson;

/* Counts in `books`, like an allocation of the library. */
static void *allocate_for_jansson(size_t size)
{
    if (jansson.counting && jansson.left-- > 0) {
        books.calls++;
        if (books.calls >= books.refuse_from && books.calls <= books.refuse_to)
            return NULL;
    }
    jansson.held++;
    return malloc(size);
}

static void release_for_jansson(void *memory)
{
    jansson.held -= memory != NULL;
    free(memory);
}

/* ---- A row: one call, in which each allocation fails in turn ---- */

static struct {
    const char *call;
    enum { REFERENCE, FAILING, REPEATING } phase;
    int64_t n;    /* the allocation that fails, from 1 */
    bool onwards; /* all later ones fail as well */
    record before, after;
    bool has_world, done;
} row;

static char tested[8192], failed_once[8192]; /* names of functions, as in " rnn_model_copy(" */

static void note_name(char *list, size_t room)
{
    snprintf(list + strlen(list), room - strlen(list), " %.*s(", (int)strcspn(row.call, "("), row.call);
}

static void start_row(const char *call)
{
    memset(&row, 0, sizeof row);
    row.call = call;
    note_name(tested, sizeof tested);
}

static void assert_recorded(const record *expected, const char *when)
{
    record r = record_world(row.call);
    if (r.size != expected->size || memcmp(r.bytes, expected->bytes, r.size) != 0)
        fail_msg("%s, allocation %lld%s: other bits %s", row.call, (long long)row.n, row.onwards ? " and later" : "",
                 when);
    free(r.bytes);
}

/*
 * Makes the world, unless the row still has one: failed calls and saves don't change it. Returns whether it made the
 * world.
 */
static bool begin_attempt(void)
{
    if (row.has_world)
        return false;
    open_books();
    make_world();
    row.has_world = true;
    return true;
}

/*
 * From here on the allocations count and the chosen one fails. In a load, only jansson's first allocation counts. With
 * it the library tests whether there is enough memory for jansson, and jansson's later allocations rely on this.
 */
static void arm(void)
{
    if (row.phase == REFERENCE && !row.before.bytes)
        row.before = record_world(row.call);
    leave_another_error();
    if (is_save(row.call)) {
        memset(&w.out, 0x77, sizeof w.out);
        write_file("target", "old", 3);
    }
    books.calls = 0;
    books.refuse_from = row.phase == FAILING ? row.n : INT64_MAX;
    books.refuse_to = row.onwards ? INT64_MAX : books.refuse_from;
    jansson.left = strstr(row.call, "_load") ? 1 : INT64_MAX;
    jansson.counting = true;
}

static void end_attempt(void)
{
    row.has_world = false;
    destroy_world();
    close_books();
    assert_int_equal(jansson.held, 0);
}

static void judge_failure(rnn_status status)
{
    if (status != RNN_ERROR_MEMORY || !strstr(rnn_last_error(), "memory"))
        fail_msg("%s, allocation %lld%s: %s, %s", row.call, (long long)row.n, row.onwards ? " and later" : "",
                 rnn_status_name(status), rnn_last_error());
    if (row.n == 1 && !row.onwards)
        note_name(failed_once, sizeof failed_once);
    assert_recorded(&row.before, "after the failure");
    row.phase = REPEATING;
}

static void go_to_next(void)
{
    row.phase = FAILING;
    row.n++;
}

static void judge(rnn_status status)
{
    jansson.counting = false;
    bool reached = row.phase == FAILING && books.calls >= row.n;
    books.refuse_from = books.refuse_to = INT64_MAX;
    if (reached) {
        judge_failure(status);
        return;
    }
    check_ok(status, row.call, __FILE__, __LINE__);
    if (row.phase == REFERENCE)
        row.after = record_world(row.call);
    assert_recorded(&row.after, row.phase == REPEATING ? "when it is repeated" : "without a failure");
    bool last = row.phase == FAILING; /* no allocation had this number */
    go_to_next();
    if (last) {
        row.done = row.onwards || is_save(row.call);
        row.onwards = true;
        row.n = 1;
    }
    if (!is_save(row.call) || row.done)
        end_attempt();
    if (row.done) {
        free(row.before.bytes);
        free(row.after.bytes);
    }
}

/* The row of a call. `prepare` is a statement that comes before it, with memory available. */
#define SURVIVES_AFTER(prepare, call)                                                                                  \
    for (start_row(#call); !row.done;) {                                                                               \
        if (begin_attempt()) {                                                                                         \
            prepare;                                                                                                   \
        }                                                                                                              \
        arm();                                                                                                         \
        judge(call);                                                                                                   \
    }

#define SURVIVES(call) SURVIVES_AFTER((void)0, call)

/* ---- The rows ---- */

static setup *const plain = &w.of[PLAIN], *const rich = &w.of[RICH], *const vectors = &w.of[VECTORS];

static void test_models(void **state)
{
    SURVIVES(rnn_enumerator(0, &w.key, &w.out.number));
    SURVIVES(rnn_model_options_init(&w.model_options, sizeof w.model_options));
    SURVIVES(rnn_model_create(&w.model_options, &w.made_model));
    SURVIVES_AFTER(assert_ok(rnn_model_get_options(rich->model, &w.model_options)),
                   rnn_model_create(&w.model_options, &w.made_model));
    SURVIVES(rnn_model_copy(plain->model, &w.made_model));
    SURVIVES(rnn_model_copy(rich->model, &w.made_model));
    SURVIVES(rnn_model_average(w.checkpoint.average, plain->model, 0.5));
    SURVIVES(rnn_model_get_options(plain->model, &w.model_options));
    SURVIVES(rnn_parameter_init(&w.parameter, sizeof w.parameter));
    SURVIVES(rnn_model_describe_parameter(plain->model, 0, &w.parameter));
    SURVIVES(rnn_model_find_parameter(plain->model, "decoder.bias", &w.out.hits));
    SURVIVES(rnn_model_freeze(plain->model, 1, 1));
    SURVIVES(rnn_model_get_parameter(plain->model, index_of(plain->model, "decoder.bias"), w.out.logs, V));
    SURVIVES(rnn_model_set_parameter(plain->model, index_of(plain->model, "decoder.bias"), numbers, V));
    SURVIVES(rnn_model_get_gradient(vectors->model, index_of(vectors->model, "decoder.bias"), w.out.logs, 3));
    SURVIVES(rnn_model_set_gradient(vectors->model, index_of(vectors->model, "decoder.bias"), numbers, 3));
    SURVIVES(rnn_model_flat_parameters(vectors->model, &w.pointer, &w.out.hits));
    SURVIVES(rnn_model_flat_gradients(vectors->model, &w.flat, &w.out.hits));
    SURVIVES(rnn_model_check_finite(plain->model));
    SURVIVES(rnn_model_zero_gradients(vectors->model));
    SURVIVES(rnn_model_clip_value(vectors->model, 0.1));
    SURVIVES(rnn_model_clip_norm(vectors->model, 0.1, w.out.scores));
    SURVIVES(rnn_model_set_note(plain->model, "e", "fifth"));
    SURVIVES(rnn_model_set_note(plain->model, "a", "another value"));
    SURVIVES(rnn_model_set_note(plain->model, "a", NULL));
    SURVIVES(rnn_model_set_note(vectors->model, "a", "first"));
    SURVIVES(rnn_model_note_at(plain->model, 0, &w.key, &w.value));
}

static void test_states(void **state)
{
    SURVIVES(rnn_state_create(plain->model, 3, &w.made_state));
    SURVIVES(rnn_state_create(rich->model, 3, &w.made_state));
    SURVIVES(rnn_state_reset(rich->state));
    SURVIVES(rnn_state_reset_stream(rich->state, 1));
    SURVIVES(rnn_state_copy(rich->state, rich->state));
    SURVIVES(rnn_state_copy_stream(rich->state, 0, rich->state, 1));
    SURVIVES(rnn_state_get(plain->state, 0, RNN_STATE_HIDDEN, w.out.logs, 5 * STREAMS));
    SURVIVES(rnn_state_set(plain->state, 0, RNN_STATE_HIDDEN, numbers, 5 * STREAMS));
    SURVIVES(rnn_state_get_all(plain->state, w.out.logs, 5 * STREAMS));
    SURVIVES(rnn_state_set_all(plain->state, numbers, 5 * STREAMS));
    SURVIVES(rnn_state_set_random_index(rich->state, 5));
    SURVIVES(rnn_state_observe(plain->state, RNN_OBSERVE_ACTIVATIONS + RNN_OBSERVE_GRADIENT_NORMS));
    SURVIVES_AFTER(assert_ok(rnn_state_observe(plain->state, RNN_OBSERVE_ACTIVATIONS));
                   assert_ok(rnn_forward_backward(plain->model, plain->state, &plain->chunk, NULL)),
                   rnn_state_get_activations(plain->state, 0, w.out.logs, 5 * STEPS * STREAMS));
    SURVIVES_AFTER(assert_ok(rnn_state_observe(plain->state, RNN_OBSERVE_GRADIENT_NORMS));
                   assert_ok(rnn_forward_backward(plain->model, plain->state, &plain->chunk, NULL)),
                   rnn_state_get_gradient_norms(plain->state, 0, w.out.logs, STEPS));
}

/* Asks for the losses and the hits of a chunk as well. */
static void want_all(setup *s)
{
    s->chunk.losses = w.scratch;
    s->chunk.hits = s == vectors ? NULL : &w.out.hits;
}

static void observe(const setup *s)
{
    assert_ok(rnn_state_observe(s->state, RNN_OBSERVE_ACTIVATIONS + RNN_OBSERVE_GRADIENT_NORMS));
}

/* Runs a shorter chunk, so that the work space exists but is too small. */
static void train_on_less(const setup *s)
{
    rnn_chunk chunk = s->chunk;
    chunk.steps = 1;
    chunk.lengths = NULL;
    assert_ok(rnn_forward_backward(s->model, s->state, &chunk, NULL));
}

static void test_passes(void **state)
{
    for (int i = 0; i < SETUPS; i++) {
        setup *const s = &w.of[i];
        int64_t outputs = i == VECTORS ? 3 : V, count = STEPS * STREAMS * outputs;
        SURVIVES(rnn_forward(s->model, s->state, &s->chunk, NULL, 0, NULL));
        SURVIVES_AFTER(want_all(s), rnn_forward(s->model, s->state, &s->chunk, w.scratch, count, &w.out.loss));
        SURVIVES_AFTER(s->chunk.last_only = 1,
                       rnn_forward(s->model, s->state, &s->chunk, w.scratch, STREAMS * outputs, &w.out.loss));
        SURVIVES_AFTER(observe(s), rnn_forward(s->model, s->state, &s->chunk, NULL, 0, NULL));
        SURVIVES(rnn_forward_backward(s->model, s->state, &s->chunk, &w.out.loss));
        SURVIVES_AFTER(want_all(s), rnn_forward_backward(s->model, s->state, &s->chunk, &w.out.loss));
        SURVIVES_AFTER(observe(s), rnn_forward_backward(s->model, s->state, &s->chunk, &w.out.loss));
        SURVIVES_AFTER(train_on_less(s), rnn_forward_backward(s->model, s->state, &s->chunk, &w.out.loss));
        SURVIVES(rnn_forward_training(s->model, s->state, &s->chunk, w.scratch, count));
        SURVIVES_AFTER(
            assert_ok(rnn_forward_training(s->model, s->state, &s->chunk, NULL, 0)),
            rnn_backward(s->model, s->state,
                         &(rnn_chunk_gradients){.struct_size = sizeof(rnn_chunk_gradients), .final_state = w.scratch}));
        SURVIVES(rnn_loss_gradient(s->model, &s->chunk, w.scratch, count, w.out.logs, &w.out.loss));
    }
    SURVIVES(rnn_softmax(RNN_FLOAT32, numbers, 4, V, w.out.logs));
    SURVIVES(rnn_chunk_init(&plain->chunk, sizeof plain->chunk));
    SURVIVES(rnn_chunk_gradients_init((rnn_chunk_gradients *)(void *)w.scratch, sizeof(rnn_chunk_gradients)));
    SURVIVES(rnn_evaluate(plain->model, w.corpus, 3, &w.out.loss, &w.out.hits));
    SURVIVES(rnn_evaluate(plain->model, w.file_corpus, 2, &w.out.loss, &w.out.hits));
}

static void test_optimizers(void **state)
{
    SURVIVES(rnn_optimizer_options_init(&w.optimizer_options, sizeof w.optimizer_options, RNN_OPTIMIZER_ADAMW));
    SURVIVES(rnn_optimizer_create(plain->model, NULL, &w.made_optimizer));
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        SURVIVES_AFTER(assert_ok(rnn_optimizer_options_init(&w.optimizer_options, sizeof w.optimizer_options, rule)),
                       rnn_optimizer_create(rich->model, &w.optimizer_options, &w.made_optimizer));
    }
    for (int i = 0; i < SETUPS; i++) {
        setup *const s = &w.of[i];
        SURVIVES_AFTER(train_on_less(s), rnn_optimizer_step(s->optimizer, s->model));
    }
    SURVIVES(rnn_optimizer_step(vectors->optimizer, vectors->model)); /* without gradients */
    SURVIVES(rnn_optimizer_get_options(plain->optimizer, &w.optimizer_options));
    SURVIVES(rnn_optimizer_set_options(plain->optimizer, &w.optimizer_options));
    SURVIVES(rnn_optimizer_set_learning_rate(plain->optimizer, 0.5));
}

static void test_sampling(void **state)
{
    static const double logits[V] = {0.5, 1, 0.25, 2, -1, 0};
    SURVIVES(rnn_sampler_options_init(&w.sampler_options, sizeof w.sampler_options));
    SURVIVES(rnn_sampler_create(NULL, &w.made_sampler));
    SURVIVES(rnn_sampler_create(&w.sampler_options, &w.made_sampler));
    SURVIVES(rnn_sampler_get_options(w.sampler, &w.sampler_options));
    SURVIVES(rnn_sampler_set_options(w.sampler, &w.sampler_options));
    SURVIVES(rnn_sampler_draw(w.sampler, RNN_FLOAT64, logits, 1, V, w.out.ids, w.out.logs));
    SURVIVES_AFTER(w.sampler_options.repetition_penalty = 1; w.sampler_options.repetition_window = 0;
                   assert_ok(rnn_sampler_set_options(w.sampler, &w.sampler_options)),
                   rnn_sampler_draw(w.sampler, RNN_FLOAT32, numbers, 2, V, w.out.ids, w.out.logs));
    SURVIVES(rnn_sample(plain->model, plain->state, w.sampler, ids, 5, w.out.ids));
    SURVIVES_AFTER(assert_ok(rnn_sampler_set_options(w.sampler, &w.sampler_options)),
                   rnn_sample(plain->model, plain->state, w.sampler, ids, 5, w.out.ids));
    SURVIVES(rnn_generate_options_init(&w.generate_options, sizeof w.generate_options));
    SURVIVES(rnn_generate(plain->model, plain->state, w.sampler, &w.generate_options, w.out.ids, NULL, NULL));
    SURVIVES_AFTER(
        assert_ok(rnn_sampler_set_options(w.sampler, &w.sampler_options)),
        rnn_generate(plain->model, plain->state, w.sampler, &w.generate_options, w.out.ids, w.out.counts, w.out.logs));
    SURVIVES(rnn_beam_options_init(&w.beam_options, sizeof w.beam_options));
    SURVIVES(rnn_beam_search(plain->model, NULL, &w.beam_options, w.out.ids, w.out.counts, w.out.logs, w.out.scores));
}

/* Opens a source of two files and of a pipe, which is standard input. Each call writes the pipe anew. */
static rnn_status open_source_with_pipe(void)
{
    int ends[2], input = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "abc", 3), 3);
    close(ends[1]);
    assert_int_equal(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    rnn_status status = rnn_source_open(paths, COUNT_OF(paths), &w.made_source);
    assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
    close(input);
    return status;
}

static void test_texts(void **state)
{
    SURVIVES(rnn_source_open(twice, 2, &w.made_source));
    SURVIVES(open_source_with_pipe());
    for (int32_t kind = RNN_VOCAB_BYTES; kind <= RNN_VOCAB_WORDS; kind++) {
        SURVIVES(rnn_vocab_create_from_text(kind, text, sizeof text - 1, &w.made_vocab));
        SURVIVES(rnn_vocab_create_from_file(kind, "text", &w.made_vocab));
        SURVIVES(rnn_vocab_create_from_source(kind, w.source, &w.made_vocab));
        SURVIVES(rnn_vocab_create_from_list(kind, "a\nb\nc", 5 - 3 * (kind != RNN_VOCAB_WORDS), &w.made_vocab));
    }
    SURVIVES(rnn_vocab_create_from_file(RNN_VOCAB_WORDS, "large", &w.made_vocab));
    SURVIVES(rnn_vocab_create_with_unknown(w.letters, NULL, 0, &w.made_vocab));
    SURVIVES(rnn_vocab_create_with_unknown(w.vocab, "?", 1, &w.made_vocab));
    SURVIVES(rnn_vocab_create_frequent(w.words, 3, 1, &w.made_vocab));
    SURVIVES(rnn_vocab_encode(w.letters, "fox", 3, w.out.ids, 3, &w.out.hits));
    SURVIVES(rnn_vocab_decode(w.letters, ids, 4, w.out.bytes, sizeof w.out.bytes, &w.out.size));
    SURVIVES(rnn_vocab_symbol(w.words, 2, &w.key, &w.out.size));
}

static void test_corpora(void **state)
{
    SURVIVES(rnn_corpus_create_from_text(w.letters, text, sizeof text - 1, 3, 2, &w.made_corpus));
    SURVIVES(rnn_corpus_create_from_text(w.words, text, sizeof text - 1, 2, 1, &w.made_corpus));
    SURVIVES(rnn_corpus_create_from_file(w.letters, "text", 3, 2, &w.made_corpus));
    SURVIVES(rnn_corpus_create_from_file(w.words, "text", 3, 2, &w.made_corpus));
    SURVIVES_AFTER(assert_ok(rnn_vocab_create_from_file(RNN_VOCAB_WORDS, "large", &w.made_vocab)),
                   rnn_corpus_create_from_file(w.made_vocab, "large", 5, 2, &w.made_corpus));
    SURVIVES(rnn_corpus_create_from_source(w.letters, w.source, 3, 2, &w.made_corpus));
    SURVIVES(rnn_corpus_create_from_ids(ids, COUNT_OF(ids), V, 2, 1, &w.made_corpus));
    SURVIVES(rnn_corpus_create_from_id_file("ids", 1, V, 2, 1, &w.made_corpus));
    SURVIVES(rnn_corpus_split(w.corpus, 0.25, &w.made_corpus));
    SURVIVES(rnn_corpus_split(w.file_corpus, 0.5, &w.made_corpus));
    SURVIVES(rnn_corpus_split(w.letter_corpus, 0.25, &w.made_corpus));
    SURVIVES(rnn_corpus_set_drop_last(w.corpus, 0));
    SURVIVES(rnn_corpus_set_drop_last(w.letter_corpus, 0));
    SURVIVES(rnn_corpus_next(w.letter_corpus, &plain->chunk, &w.out.number));
    SURVIVES(rnn_corpus_seek(w.letter_corpus, 5));
    SURVIVES(rnn_corpus_rewind(w.letter_corpus));
}

static void pack(void)
{
    w.batcher_options.layout = RNN_BATCH_PACKED;
    w.batcher_options.steps = 3;
    w.batcher_options.bucket = 0;
}

static void give_vectors(void)
{
    w.sequences.inputs = w.sequences.targets = NULL;
    w.sequences.input_vectors = w.sequences.target_vectors = numbers;
    w.sequences.input_size = 2;
    w.sequences.output_size = 1;
}

/* Serves a chunk and returns the batcher. */
static rnn_batcher *serve(rnn_batcher *batcher)
{
    assert_ok(rnn_batcher_next(batcher, &plain->chunk, NULL));
    return batcher;
}

static void test_batchers(void **state)
{
    SURVIVES(rnn_sequences_init(&w.sequences, sizeof w.sequences));
    SURVIVES(rnn_batcher_options_init(&w.batcher_options, sizeof w.batcher_options));
    SURVIVES(rnn_batcher_create(&w.sequences, NULL, &w.made_batcher));
    SURVIVES(rnn_batcher_create(&w.sequences, &w.batcher_options, &w.made_batcher));
    SURVIVES_AFTER(pack(), rnn_batcher_create(&w.sequences, &w.batcher_options, &w.made_batcher));
    SURVIVES_AFTER(give_vectors(), rnn_batcher_create(&w.sequences, &w.batcher_options, &w.made_batcher));
    SURVIVES(rnn_batcher_next(w.batcher, &plain->chunk, &w.out.number));
    SURVIVES(rnn_batcher_get_places(serve(w.batcher), w.out.counts, NULL, STREAMS));
    SURVIVES(rnn_batcher_seek(w.batcher, 3));
    SURVIVES(rnn_batcher_rewind(w.batcher));
}

static void test_a_file_behind_a_link(void **state)
{
    assert_int_equal(symlink("target", "link to target"), 0);
    SURVIVES(rnn_model_save(plain->model, w.vocab, "link to target"));
    SURVIVES(rnn_model_save(plain->model, w.vocab, "target"));
    SURVIVES(rnn_model_save(plain->model, w.vocab, "link to target"));
}

static void test_files(void **state)
{
    SURVIVES(rnn_save_options_init(&w.save_options, sizeof w.save_options));
    SURVIVES(rnn_load_options_init(&w.load_options, sizeof w.load_options));
    SURVIVES(rnn_model_save(vectors->model, NULL, "target"));
    SURVIVES(rnn_model_save(plain->model, w.vocab, "target"));
    SURVIVES(rnn_model_save_with(plain->model, w.vocab, &w.save_options, "target"));
    SURVIVES(rnn_model_save_to_memory(plain->model, w.vocab, NULL, 0, &w.out.size));
    SURVIVES(rnn_model_save_to_memory_with(plain->model, w.vocab, &w.save_options, NULL, 0, &w.out.size));
    SURVIVES(rnn_model_load("model", NULL, &w.made_model, &w.made_vocab));
    SURVIVES_AFTER(w.load_options.precision = RNN_FLOAT64,
                   rnn_model_load("model", &w.load_options, &w.made_model, NULL));
    SURVIVES_AFTER(assert_ok(rnn_model_get_options(vectors->model, &w.model_options));
                   w.load_options.configuration = &w.model_options; w.load_options.infer = 1;
                   w.load_options.rnn_name = ""; w.load_options.decoder_name = "linear",
                                                 rnn_model_load("foreign", &w.load_options, &w.made_model, NULL));
    SURVIVES(rnn_model_load_from_memory(w.file, w.file_size, NULL, &w.made_model, &w.made_vocab));
    SURVIVES(rnn_checkpoint_init(&w.made, sizeof w.made));
}

static void test_checkpoints(void **state)
{
    SURVIVES(rnn_checkpoint_save(&w.checkpoint, "target"));
    SURVIVES(rnn_checkpoint_save_to_memory(&w.checkpoint, NULL, 0, &w.out.size));
    SURVIVES(rnn_checkpoint_load("checkpoint", &w.made));
    SURVIVES(rnn_checkpoint_load_from_memory(w.file, w.file_size, &w.made));
}

static void test_the_rest(void **state)
{
    SURVIVES(rnn_set_threads(0));
}

/* ---- Every function has a row ---- */

/* Returns the start of the comment before `at` in the header. The comment ends where `at` begins. */
static const char *comment_before(const char *header, const char *at)
{
    const char *start = header;
    for (const char *next = strstr(header, "/**"); next && next < at; next = strstr(next + 1, "/**"))
        start = next;
    return start;
}

/*
 * Whether a function may run out of memory: its comment mentions RNN_ERROR_MEMORY, or says "@return As rnn_other()",
 * and the comment of that function mentions it.
 */
static bool may_run_out_of_memory(const char *header, const char *name)
{
    char declared[100], *found, other[80];
    snprintf(declared, sizeof declared, "RNN_API RNN_CHECKED rnn_status%s", name);
    const char *at = strstr(header, declared);
    assert_non_null(at);
    const char *start = comment_before(header, at);
    scoped_memory char *comment = allocate(at - start + 1, 1);
    memcpy(comment, start, (size_t)(at - start));
    if (strstr(comment, "RNN_ERROR_MEMORY"))
        return true;
    found = strstr(comment, "@return As rnn_");
    if (!found)
        return false;
    found += strlen("@return As");
    snprintf(other, sizeof other, "%.*s(", (int)strcspn(found, "("), found);
    return may_run_out_of_memory(header, other);
}

/* The header must say that a function may run out of memory exactly if an allocation of the function failed above. */
static void test_every_function_has_a_row_and_the_header_says_whether_it_may_run_out_of_memory(void **state)
{
    static const char declaration[] = "RNN_API RNN_CHECKED rnn_status";
    size_t size = 0;
    int functions = 0;
    scoped_memory char *header = read_golden("../../include/rnn/rnn.h", &size);
    for (const char *at = strstr(header, declaration); at; at = strstr(at, declaration)) {
        char name[80];
        at += strlen(declaration);
        snprintf(name, sizeof name, "%.*s(", (int)strcspn(at, "("), at);
        if (strcmp(name, " rnn_set_allocator(") == 0)
            continue; /* it must be called when there are no objects */
        functions++;
        if (!strstr(tested, name))
            fail_msg("%s) has no row", name);
        if (!strstr(failed_once, name) != !may_run_out_of_memory(header, name))
            fail_msg("%s): the header says something else about RNN_ERROR_MEMORY", name);
    }
    assert_in_range(functions, 90, 1000);
}

/* ---- Files to read ---- */

/* A file that PyTorch writes for an nn.RNN without a name */
static void write_foreign(void)
{
    static const char header[] = "{\"weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},"
                                 "\"weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]},"
                                 "\"bias_ih_l0\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[12,16]},"
                                 "\"bias_hh_l0\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},"
                                 "\"linear.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[20,28]},"
                                 "\"linear.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[28,36]}}";
    scoped_file file = make_file(header, sizeof header - 1, numbers, 36);
    write_file("foreign", file.bytes, file.size);
}

static int write_files(void **state)
{
    static const unsigned char small_ids[IDS] = {0, 1, 2, 3, 4, 5, 4, 3, 2};
    random_source source = {5};
    if (enter_temporary_directory(state) != 0)
        return 1;
    for (int i = 0; i < LARGE; i++)
        large[i] = " \nabcdefgh"[random_below(&source, 10)];
    write_file("text", text, sizeof text - 1);
    write_file("large", large, LARGE);
    write_file("ids", small_ids, IDS);
    write_foreign();
    make_world();
    assert_ok(rnn_model_save(plain->model, w.vocab, "model"));
    assert_ok(rnn_checkpoint_save(&w.checkpoint, "checkpoint"));
    destroy_world();
    return 0;
}

/* cmocka's tear-down. After a failed check it releases what is left, so that the next test can begin. */
static int leave_files(void **state)
{
    if (row.has_world) {
        jansson.counting = false;
        destroy_world();
        jansson.held = 0;
        ignore(rnn_set_allocator(NULL));
    }
    return remove_temporary_directory(state);
}

int main(void)
{
#define with_files(function) cmocka_unit_test_setup_teardown(function, write_files, leave_files)
    const struct CMUnitTest tests[] = {
        with_files(test_models),
        with_files(test_states),
        with_files(test_passes),
        with_files(test_optimizers),
        with_files(test_sampling),
        with_files(test_texts),
        with_files(test_corpora),
        with_files(test_batchers),
        with_files(test_files),
        with_files(test_a_file_behind_a_link),
        with_files(test_checkpoints),
        with_files(test_the_rest),
        cmocka_unit_test(test_every_function_has_a_row_and_the_header_says_whether_it_may_run_out_of_memory),
    };
    json_set_alloc_funcs(allocate_for_jansson, release_for_jansson);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
