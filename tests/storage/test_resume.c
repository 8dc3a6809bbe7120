/*
 * Runs that are resumed from a checkpoint go on with the same bits: for every rule and kind of model, from any moment,
 * with any number of threads, and after a kill at any moment.
 */
#include "checkpoints.h"
#include "texts.h"

#include <signal.h>
#include <time.h>

/* Six chunks (c), updates (u) and draws (d). Two of the updates follow two chunks, whose gradients add up. */
static const char plan[] = "cucdcucuccdu";

enum { MOMENTS = sizeof plan - 1, STEPS = 3, STREAMS = 2 };

/* Every rule, with and without momentum and weight decay, so that all that a rule can accumulate occurs. */
enum { RULES = 9 };

static rnn_optimizer_options make_rule(int rule)
{
    static const int32_t rules[RULES] = {RNN_OPTIMIZER_ADAGRAD, RNN_OPTIMIZER_ADAGRAD, RNN_OPTIMIZER_SGD,
                                         RNN_OPTIMIZER_SGD,     RNN_OPTIMIZER_SGD,     RNN_OPTIMIZER_RMSPROP,
                                         RNN_OPTIMIZER_RMSPROP, RNN_OPTIMIZER_ADAM,    RNN_OPTIMIZER_ADAMW};
    rnn_optimizer_options o;
    assert_ok(rnn_optimizer_options_init(&o, sizeof o, rules[rule]));
    o.learning_rate = 1.0 / 30;
    o.weight_decay = rule == 1 || rule == 3 || rule == 8 ? 0.1 / 3 : 0;
    o.momentum = rule == 3 || rule == 4 || rule == 6 ? 0.7 : 0;
    o.nesterov = rule == 4;
    o.clip_value = rule % 2 == 0 ? 0.3 : 0;
    return o;
}

typedef enum input_kind { IDS, EMBEDDED, TIED, VECTORS, INPUT_KINDS } input_kind;

static rnn_model_options make_kind(int32_t cell, input_kind input, int32_t precision, double dropout)
{
    rnn_model_options o = make_options(input == VECTORS ? 4 : 30, 5, input == VECTORS ? 3 : 30, 2, precision);
    o.cell = cell;
    o.input = input == IDS ? RNN_INPUT_IDS : input == VECTORS ? RNN_INPUT_VECTORS : RNN_INPUT_EMBEDDING;
    o.loss = input == VECTORS ? RNN_LOSS_SQUARED_ERROR : RNN_LOSS_CROSS_ENTROPY;
    o.embedding_size = input == EMBEDDED ? 3 : input == TIED ? 5 : 0;
    o.tied = input == TIED;
    o.bias = cell % 2 == 0 ? RNN_BIAS_INPUT : RNN_BIAS_BOTH;
    o.reduction = cell == RNN_CELL_GRU ? RNN_REDUCTION_MEAN : RNN_REDUCTION_SUM;
    o.dropout = dropout;
    o.seed = UINT64_MAX;
    return o;
}

/* Saves a run at each moment and at its end. Resumed from each moment, it must end in the same file. */
static void check_every_moment(const rnn_model_options *model, const rnn_optimizer_options *rule, int all_rows)
{
    char path[32];
    rnn_checkpoint c = begin_run(model, rule, STREAMS);
    if (all_rows) {
        void *gradients;
        int64_t count;
        assert_ok(rnn_model_flat_gradients(c.model, &gradients, &count));
    }
    for (int at = 0; at < MOMENTS; at++) {
        const char moment[] = {plan[at], '\0'};
        snprintf(path, sizeof path, "moment%d", at);
        assert_ok(rnn_checkpoint_save(&c, path));
        follow(&c, moment, STEPS);
    }
    assert_ok(rnn_checkpoint_save(&c, "end"));
    destroy_objects(&c);
    for (int at = 0; at < MOMENTS; at++) {
        snprintf(path, sizeof path, "moment%d", at);
        c = load_checkpoint(path);
        follow(&c, plan + at, STEPS);
        assert_saved_as(&c, "end");
        destroy_objects(&c);
    }
}

static void test_runs_of_every_cell_go_on_bit_by_bit_from_every_moment(void **state)
{
    (void)state;
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
        for (int rule = 0; rule < RULES; rule++)
            for (int kind = 0; kind < 4; kind++) {
                rnn_optimizer_options o = make_rule(rule);
                rnn_model_options m = make_kind(cell, (input_kind)((cell + rule + kind) % INPUT_KINDS),
                                                kind / 2 ? RNN_FLOAT64 : RNN_FLOAT32, kind % 2 ? 0.3 : 0);
                check_every_moment(&m, &o, 0);
            }
}

static void test_every_kind_of_input_goes_on_with_norms_over_listed_rows_and_over_all(void **state)
{
    (void)state;
    for (int input = IDS; input < INPUT_KINDS; input++) {
        for (int all_rows = 0; all_rows < 2; all_rows++) {
            rnn_optimizer_options o = make_rule(all_rows * 2);
            rnn_model_options m = make_kind(RNN_CELL_LSTM, (input_kind)input, RNN_FLOAT32, 0.5);
            check_every_moment(&m, &o, all_rows);
        }
    }
}

/* The library sums the rows' squares in the order of the rows' first use; another order gives other bits. */
static void test_the_norm_of_gradients_that_wait_keeps_its_bits(void **state)
{
    (void)state;
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++) {
        rnn_model_options m = make_options(500, 5, 7, 1, RNN_FLOAT64);
        m.cell = cell;
        rnn_checkpoint c = empty_checkpoint();
        c.model = create_random_model(&m, 1, 3);
        c.state = create_state(c.model, 4);
        for (int n = 0; n < 10; n++) {
            double norms[2];
            run_chunk(&c, 20); /* fewer than half of the rows, so that the library visits only those */
            assert_ok(rnn_checkpoint_save(&c, "middle"));
            rnn_checkpoint loaded = load_checkpoint("middle");
            assert_ok(rnn_model_clip_norm(c.model, 1e9, &norms[0]));
            assert_ok(rnn_model_clip_norm(loaded.model, 1e9, &norms[1]));
            assert_memory_equal(&norms[0], &norms[1], sizeof norms[0]);
            assert_ok(rnn_model_zero_gradients(c.model));
            destroy_objects(&loaded);
        }
        destroy_objects(&c);
    }
}

static void test_more_rows_and_numbers_than_are_written_at_a_time_go_on(void **state)
{
    (void)state;
    rnn_model_options m = make_options(20000, 3, 2, 1, RNN_FLOAT32);
    rnn_checkpoint c = empty_checkpoint();
    c.model = create_random_model(&m, 0.5, 3);
    assert_ok(rnn_optimizer_create(c.model, NULL, &c.optimizer));
    c.state = create_state(c.model, 8);
    follow(&c, "ccu", 500);
    run_chunk(&c, 700);
    assert_ok(rnn_checkpoint_save(&c, "middle"));
    rnn_checkpoint loaded = load_checkpoint("middle");
    follow(&c, "ucu", 100);
    follow(&loaded, "ucu", 100);
    assert_ok(rnn_checkpoint_save(&c, "end"));
    assert_saved_as(&loaded, "end");
    destroy_objects(&loaded);
    destroy_objects(&c);
}

static void test_the_number_of_threads_may_change(void **state)
{
    (void)state;
    static const int32_t threads[] = {2, 1, 3};
    rnn_model_options m = make_options(60, 96, 60, 2, RNN_FLOAT32);
    m.cell = RNN_CELL_LSTM;
    m.dropout = 0.2;
    rnn_optimizer_options rule = make_rule(7);
    assert_ok(rnn_set_threads(2));
    rnn_checkpoint c = begin_run(&m, &rule, 8);
    follow(&c, "cuc", 20);
    assert_ok(rnn_checkpoint_save(&c, "middle"));
    follow(&c, "udcucu", 20);
    assert_ok(rnn_checkpoint_save(&c, "end"));
    destroy_objects(&c);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        assert_ok(rnn_set_threads(threads[i]));
        c = load_checkpoint("middle");
        follow(&c, "udcucu", 20);
        assert_saved_as(&c, "end");
        destroy_objects(&c);
    }
    assert_ok(rnn_set_threads(0));
}

static void test_the_sampler_goes_on_in_the_same_text(void **state)
{
    (void)state;
    int32_t ids[2][50 * STREAMS];
    rnn_model_options m = make_kind(RNN_CELL_GRU, IDS, RNN_FLOAT32, 0);
    rnn_checkpoint c = begin_run(&m, NULL, STREAMS);
    const int32_t first[STREAMS] = {3, 7};
    assert_ok(rnn_sample(c.model, c.state, c.sampler, first, 50, ids[0]));
    assert_ok(rnn_checkpoint_save(&c, "middle"));
    rnn_checkpoint loaded = load_checkpoint("middle");
    const int32_t *last = ids[0] + 49 * STREAMS;
    const int32_t next[STREAMS] = {last[0], last[1]};
    assert_ok(rnn_sample(c.model, c.state, c.sampler, next, 50, ids[0]));
    assert_ok(rnn_sample(loaded.model, loaded.state, loaded.sampler, next, 50, ids[1]));
    assert_memory_equal(ids[0], ids[1], sizeof ids[0]);
    destroy_objects(&loaded);
    destroy_objects(&c);
}

/* ---- With a corpus ---- */

enum { CORPUS_CHUNKS = 12, CORPUS_STEPS = 7 };

static const char text[] = "The quick brown fox jumps over the lazy dog, and the dog, \xc3\xa4hem, sleeps on; then "
                           "all begins anew: the fox, the dog, the jump, the nap. Nothing else happens here at all.";

static rnn_corpus *open_corpus(const rnn_vocab *vocab)
{
    return corpus_of_text(vocab, text, sizeof text - 1, CORPUS_STEPS, STREAMS);
}

/* Everything of a run on the text. */
static rnn_checkpoint begin_text(void)
{
    rnn_checkpoint c = empty_checkpoint();
    c.vocab = vocab_of_text(RNN_VOCAB_UTF8, text, sizeof text - 1);
    rnn_model_options m = make_options(rnn_vocab_size(c.vocab), 20, rnn_vocab_size(c.vocab), 1, RNN_FLOAT32);
    c.model = create_random_model(&m, 0.3, 5);
    assert_ok(rnn_optimizer_create(c.model, NULL, &c.optimizer));
    c.state = create_state(c.model, STREAMS);
    return c;
}

/* Trains on one chunk of the text, as a program would. A counter keeps a hash of the ids. */
static void learn_text(rnn_checkpoint *c, rnn_corpus *corpus)
{
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    rnn_loss loss;
    int32_t restarted;
    assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
    if (restarted)
        assert_ok(rnn_state_reset(c->state));
    for (int i = 0; i < CORPUS_STEPS * STREAMS; i++)
        c->counters[1] = (c->counters[1] * 31 + chunk.inputs[i] + restarted) % 1000003;
    assert_ok(rnn_forward_backward(c->model, c->state, &chunk, &loss));
    assert_ok(rnn_model_clip_value(c->model, 5));
    assert_ok(rnn_optimizer_step(c->optimizer, c->model));
    c->corpus_position = rnn_corpus_position(corpus);
    c->counters[0]++;
}

static void test_the_corpus_goes_on_with_the_next_chunk(void **state)
{
    (void)state;
    char path[32];
    rnn_checkpoint c = begin_text();
    rnn_corpus *corpus = open_corpus(c.vocab);
    assert_true(rnn_corpus_chunks(corpus) < CORPUS_CHUNKS); /* so it starts over */
    for (int n = 0; n < CORPUS_CHUNKS; n++) {
        snprintf(path, sizeof path, "moment%d", n);
        assert_ok(rnn_checkpoint_save(&c, path));
        learn_text(&c, corpus);
    }
    assert_ok(rnn_checkpoint_save(&c, "end"));
    rnn_corpus_destroy(corpus);
    destroy_objects(&c);
    for (int n = 0; n < CORPUS_CHUNKS; n++) {
        snprintf(path, sizeof path, "moment%d", n);
        c = load_checkpoint(path);
        corpus = open_corpus(c.vocab);
        assert_ok(rnn_corpus_seek(corpus, c.corpus_position));
        for (int i = n; i < CORPUS_CHUNKS; i++)
            learn_text(&c, corpus);
        assert_saved_as(&c, "end");
        rnn_corpus_destroy(corpus);
        destroy_objects(&c);
    }
}

/* ---- A release's file ---- */

/* golden/release.py made both files with that release. */
static void test_the_first_releases_run_goes_on(void **state)
{
    (void)state;
    static const char released[] = "hello world!\nhold a whole whale";
    size_t size;
    int64_t count;
    char *bytes = read_golden("checkpoint-0.1.0.safetensors", &size);
    double *expected = read_golden_doubles("checkpoint-0.1.0.f64", &count);
    write_file("released", bytes, size);
    rnn_checkpoint c = load_checkpoint("released");
    assert_int_equal(c.counters[0], 23);
    assert_int_equal(c.counters[1], -1);
    assert_true(c.values[0] == 1.0 / 3 && c.values[1] < -1e308);
    assert_true(rnn_optimizer_learning_rate(c.optimizer) == 0.03);
    assert_int_equal(rnn_state_random_index(c.state), 23);
    assert_non_null(c.sampler);
    rnn_corpus *corpus = corpus_of_text(c.vocab, released, sizeof released - 1, 6, 1);
    assert_ok(rnn_corpus_seek(corpus, c.corpus_position));
    assert_int_equal(count, 2 * rnn_corpus_chunks(corpus));
    for (int64_t n = 0; n < count; n++) {
        rnn_loss loss;
        assert_ok(rnn_optimizer_step(c.optimizer, c.model));
        rnn_chunk chunk = next_chunk(corpus);
        assert_ok(rnn_forward_backward(c.model, c.state, &chunk, &loss));
        assert_relative(loss.sum, expected[n], 1e-4);
    }
    rnn_corpus_destroy(corpus);
    destroy_objects(&c);
    free(expected);
    free(bytes);
}

/* ---- Killed ---- */

enum { LONG = 150, KILLS_MOST = 2000, KILLS_LEAST = 20 };

/* The program: it goes on from its checkpoint to the end, and saves after each chunk. */
static void resume_to_the_end(const char *path)
{
    rnn_checkpoint c = access(path, F_OK) == 0 ? load_checkpoint(path) : begin_text();
    rnn_corpus *corpus = open_corpus(c.vocab);
    assert_ok(rnn_corpus_seek(corpus, c.corpus_position));
    while (c.counters[0] < LONG) {
        learn_text(&c, corpus);
        assert_ok(rnn_checkpoint_save(&c, path));
    }
    rnn_corpus_destroy(corpus);
    destroy_objects(&c);
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Starts the program and kills it after a pause. Returns whether it had come to its end before. */
static int run_and_kill(double pause)
{
    int status;
    const struct timespec time = {(time_t)pause, (long)(1e9 * (pause - (double)(time_t)pause))};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        resume_to_the_end("killed");
        _exit(0);
    }
    nanosleep(&time, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFEXITED(status);
}

static void test_a_run_killed_again_and_again_ends_as_one_that_was_not(void **state)
{
    (void)state;
    random_source source = {7};
    int kills = 0;
    double start = seconds_now();
    resume_to_the_end("whole");
    double whole = seconds_now() - start; /* on this machine at its present load */
    while (!run_and_kill(random_between(&source, 0, whole / KILLS_LEAST * 2))) {
        kills++;
        assert_true(kills < KILLS_MOST);
    }
    assert_true(kills >= KILLS_LEAST / 4);
    assert_same_files("killed", "whole");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_runs_of_every_cell_go_on_bit_by_bit_from_every_moment),
        test_with_files(test_every_kind_of_input_goes_on_with_norms_over_listed_rows_and_over_all),
        test_with_files(test_the_norm_of_gradients_that_wait_keeps_its_bits),
        test_with_files(test_more_rows_and_numbers_than_are_written_at_a_time_go_on),
        test_with_files(test_the_number_of_threads_may_change),
        test_with_files(test_the_sampler_goes_on_in_the_same_text),
        test_with_files(test_the_corpus_goes_on_with_the_next_chunk),
        test_with_files(test_the_first_releases_run_goes_on),
        test_with_files(test_a_run_killed_again_and_again_ends_as_one_that_was_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
