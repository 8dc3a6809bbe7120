/*
 * The training run of the seed, Karpathy's min-char-rnn.py, number for number. golden/seed.py trains in numpy, and
 * librnn trains on the same text from the same parameters. The two are compared after every chunk.
 */
#include "support.h"

#include <stdlib.h>
#include <string.h>

enum { STEPS = 25, HIDDEN = 100 };

/* The results of golden/seed.py */
typedef struct golden_run {
    char *text;
    size_t text_size;
    int64_t iterations;
    int64_t *positions; /* [iterations] */
    double *losses;     /* [iterations] */
} golden_run;

static golden_run read_golden_run(void)
{
    golden_run run = {0};
    run.text = read_golden("seed.txt", &run.text_size);
    size_t size = 0;
    scoped_memory char *log = read_golden("seed_losses.csv", &size);
    char *line = strchr(log, '\n') + 1; /* after the first line, which names the columns */
    int64_t lines = 0;
    for (const char *c = line; *c != '\0'; c++)
        lines += *c == '\n';
    run.positions = allocate(lines, sizeof *run.positions);
    run.losses = allocate(lines, sizeof *run.losses);
    while (*line != '\0') {
        run.positions[run.iterations] = strtoll(line, &line, 10);
        assert_int_equal(*line, ',');
        run.losses[run.iterations] = strtod(line + 1, &line);
        assert_int_equal(*line, '\n');
        line++;
        run.iterations++;
    }
    assert_int_equal(run.iterations, lines);
    assert_true(lines >= 250);
    return run;
}

static void destroy_golden_run(golden_run *run)
{
    free(run->text);
    free(run->positions);
    free(run->losses);
}

/* The order of the parameters in the golden files */
static const char *const golden_order[] = {"rnn.weight_ih_l0", "rnn.weight_hh_l0", "rnn.bias_ih_l0", "decoder.weight",
                                           "decoder.bias"};
enum { PARAMETERS = COUNT_OF(golden_order) };

static void set_golden_parameters(rnn_model *model, const char *file)
{
    int64_t count = 0, offset = 0;
    scoped_memory double *golden = read_golden_doubles(file, &count);
    assert_int_equal(count, parameter_total(model));
    for (int k = 0; k < PARAMETERS; k++) {
        int64_t index = index_of(model, golden_order[k]);
        set_parameter(model, index, golden + offset);
        offset += parameter_of(model, index).count;
    }
}

static void assert_golden_parameters(const rnn_model *model, const char *file, double tolerance)
{
    int64_t count = 0, offset = 0;
    scoped_memory double *golden = read_golden_doubles(file, &count);
    assert_int_equal(count, parameter_total(model));
    for (int k = 0; k < PARAMETERS; k++) {
        int64_t index = index_of(model, golden_order[k]);
        scoped_memory double *values = get_parameter(model, index);
        assert_all_close(values, golden + offset, parameter_of(model, index).count, tolerance);
        offset += parameter_of(model, index).count;
    }
}

/* All objects of the training run */
typedef struct seed_trainer {
    rnn_vocab *vocab;
    rnn_corpus *corpus;
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
} seed_trainer;

static seed_trainer create_trainer(const golden_run *run, int32_t precision)
{
    seed_trainer made = {0};
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, run->text, run->text_size, &made.vocab));
    assert_ok(rnn_corpus_create_from_text(made.vocab, run->text, run->text_size, STEPS, 1, &made.corpus));
    int64_t symbols = rnn_vocab_size(made.vocab);
    rnn_model_options options = make_options(symbols, HIDDEN, symbols, 1, precision);
    made.model = create_model(&options);
    set_golden_parameters(made.model, "seed_initial.f64");
    made.state = create_state(made.model, 1);
    assert_ok(rnn_optimizer_create(made.model, NULL, &made.optimizer));
    return made;
}

static void destroy_trainer(seed_trainer *trainer)
{
    rnn_optimizer_destroy(trainer->optimizer);
    rnn_state_destroy(trainer->state);
    rnn_model_destroy(trainer->model);
    rnn_corpus_destroy(trainer->corpus);
    rnn_vocab_destroy(trainer->vocab);
}

/* Runs the seed's loop once and returns the loss. */
static double train_one_chunk(seed_trainer *trainer)
{
    rnn_chunk chunk;
    int32_t restarted = 0;
    rnn_loss loss = {0};
    assert_ok(rnn_chunk_init(&chunk, sizeof chunk));
    assert_ok(rnn_corpus_next(trainer->corpus, &chunk, &restarted));
    if (restarted)
        assert_ok(rnn_state_reset(trainer->state));
    assert_ok(rnn_forward_backward(trainer->model, trainer->state, &chunk, &loss));
    assert_ok(rnn_model_clip_value(trainer->model, 5));
    assert_ok(rnn_optimizer_step(trainer->optimizer, trainer->model));
    assert_int_equal(loss.count, STEPS);
    return loss.sum;
}

static void test_corpus_serves_the_chunks_and_starts_over_where_the_seed_does(void **state)
{
    golden_run run = read_golden_run();
    seed_trainer trainer = create_trainer(&run, RNN_FLOAT64);
    int64_t starts = 0;
    for (int64_t i = 0; i < run.iterations; i++) {
        rnn_chunk chunk;
        int32_t restarted = -1;
        assert_ok(rnn_chunk_init(&chunk, sizeof chunk));
        assert_ok(rnn_corpus_next(trainer.corpus, &chunk, &restarted));
        assert_int_equal(restarted, run.positions[i] == 0);
        assert_int_equal(chunk.steps, STEPS);
        assert_int_equal(chunk.streams, 1);
        char inputs[STEPS], targets[STEPS];
        assert_ok(rnn_vocab_decode(trainer.vocab, chunk.inputs, STEPS, inputs, STEPS, NULL));
        assert_ok(rnn_vocab_decode(trainer.vocab, chunk.targets, STEPS, targets, STEPS, NULL));
        assert_memory_equal(inputs, run.text + run.positions[i], STEPS);
        assert_memory_equal(targets, run.text + run.positions[i] + 1, STEPS);
        starts += restarted;
    }
    assert_true(starts > 1);
    destroy_trainer(&trainer);
    destroy_golden_run(&run);
}

static void test_float64_training_has_the_seeds_losses_and_ends_in_its_parameters(void **state)
{
    golden_run run = read_golden_run();
    seed_trainer trainer = create_trainer(&run, RNN_FLOAT64);
    for (int64_t i = 0; i < run.iterations; i++) {
        double loss = train_one_chunk(&trainer);
        assert_relative(loss, run.losses[i], 1e-9);
    }
    assert_golden_parameters(trainer.model, "seed_final.f64", 1e-8);
    destroy_trainer(&trainer);
    destroy_golden_run(&run);
}

/*
 * Adagrad's first steps change every weight by 0.1, whatever its gradient. Rounding errors grow with each step until
 * the float32 run diverges from the seed's. The first iterations show whether it started out the same.
 */
static void test_float32_training_begins_with_the_seeds_losses(void **state)
{
    enum { FIRST_ITERATIONS = 4 };
    golden_run run = read_golden_run();
    seed_trainer trainer = create_trainer(&run, RNN_FLOAT32);
    for (int64_t i = 0; i < FIRST_ITERATIONS; i++) {
        double loss = train_one_chunk(&trainer);
        assert_relative(loss, run.losses[i], 1e-4);
    }
    destroy_trainer(&trainer);
    destroy_golden_run(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_serves_the_chunks_and_starts_over_where_the_seed_does),
        cmocka_unit_test(test_float64_training_has_the_seeds_losses_and_ends_in_its_parameters),
        cmocka_unit_test(test_float32_training_begins_with_the_seeds_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
