/*
 * The number of threads that compute changes nothing in a result, and a forked process can still compute.
 */
#include "support.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STEPS = 17, STREAMS = 67, HIDDEN = 45, SYMBOLS = 83, CHUNKS = 3, DRAWN = 5 };

/* Everything that computing leaves behind, to be compared bit by bit. */
typedef struct outcome {
    double losses[CHUNKS], norms[CHUNKS];
    int64_t parameter_bytes, output_bytes;
    void *parameters, *outputs;
    int32_t drawn[DRAWN * STREAMS];
} outcome;

static void *copy_of(const void *bytes, int64_t size)
{
    void *copy = malloc((size_t)size);
    assert_non_null(copy);
    return memcpy(copy, bytes, (size_t)size);
}

static void release(outcome *o)
{
    free(o->parameters);
    free(o->outputs);
}

static rnn_chunk chunk_of(const int32_t *ids)
{
    return (rnn_chunk){
        .struct_size = sizeof(rnn_chunk), .steps = STEPS, .streams = STREAMS, .inputs = ids, .targets = ids + STREAMS};
}

/* Trains a few chunks, runs forward, and samples. */
static outcome compute(const rnn_model_options *options, int32_t threads)
{
    static int32_t ids[(CHUNKS * STEPS + 1) * STREAMS];
    uint32_t random = 7;
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        random = random * 1664525u + 1013904223u;
        ids[i] = (int32_t)((random >> 8) % SYMBOLS);
    }
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_sampler *sampler;
    rnn_optimizer_options rule;
    assert_ok(rnn_set_threads(threads));
    assert_ok(rnn_model_create(options, &model));
    assert_ok(rnn_state_create(model, STREAMS, &state));
    assert_ok(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    assert_ok(rnn_optimizer_create(model, &rule, &optimizer));
    assert_ok(rnn_sampler_create(NULL, &sampler));

    outcome o = {0};
    for (int n = 0; n < CHUNKS; n++) {
        rnn_chunk chunk = chunk_of(ids + n * STEPS * STREAMS);
        rnn_loss loss;
        assert_ok(rnn_forward_backward(model, state, &chunk, &loss));
        assert_ok(rnn_model_clip_norm(model, 1, &o.norms[n]));
        assert_ok(rnn_optimizer_step(optimizer, model));
        o.losses[n] = loss.sum;
    }
    const void *parameters;
    int64_t count, outputs = (int64_t)STEPS * STREAMS * SYMBOLS;
    int64_t size = options->precision == RNN_FLOAT32 ? (int64_t)sizeof(float) : (int64_t)sizeof(double);
    assert_ok(rnn_model_flat_parameters(model, &parameters, &count));
    o.parameter_bytes = count * size;
    o.parameters = copy_of(parameters, o.parameter_bytes);
    o.output_bytes = outputs * size;
    o.outputs = malloc((size_t)o.output_bytes);
    assert_non_null(o.outputs);
    rnn_chunk chunk = chunk_of(ids);
    assert_ok(rnn_forward(model, state, &chunk, o.outputs, outputs, NULL));
    assert_ok(rnn_sample(model, state, sampler, ids, DRAWN, o.drawn));

    rnn_sampler_destroy(sampler);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    assert_ok(rnn_set_threads(0));
    return o;
}

static void assert_same(const outcome *a, const outcome *b)
{
    assert_memory_equal(a->losses, b->losses, sizeof a->losses);
    assert_memory_equal(a->norms, b->norms, sizeof a->norms);
    assert_memory_equal(a->parameters, b->parameters, (size_t)a->parameter_bytes);
    assert_memory_equal(a->outputs, b->outputs, (size_t)a->output_bytes);
    assert_memory_equal(a->drawn, b->drawn, sizeof a->drawn);
}

static rnn_model_options team_options(int32_t cell, int32_t input, int32_t precision)
{
    rnn_model_options options;
    assert_ok(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = SYMBOLS;
    options.hidden_size = HIDDEN;
    options.layers = 2;
    options.cell = cell;
    options.input = input;
    options.embedding_size = input == RNN_INPUT_EMBEDDING ? HIDDEN : 0;
    options.tied = input == RNN_INPUT_EMBEDDING;
    options.bias = RNN_BIAS_BOTH;
    options.initialization = RNN_INIT_UNIFORM;
    options.dropout = 0.25;
    options.precision = precision;
    return options;
}

static void check_threads(int32_t cell)
{
    static const int32_t threads[] = {2, 3, 16};
    for (int32_t input = RNN_INPUT_IDS; input <= RNN_INPUT_EMBEDDING; input++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
            rnn_model_options options = team_options(cell, input, precision);
            outcome alone = compute(&options, 1);
            for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
                outcome together = compute(&options, threads[i]);
                assert_same(&alone, &together);
                release(&together);
            }
            release(&alone);
        }
}

static void test_a_vanilla_rnn_is_the_same_bits_on_1_2_3_and_16_threads(void **state)
{
    (void)state;
    check_threads(RNN_CELL_TANH);
}

static void test_a_gru_is_the_same_bits_on_1_2_3_and_16_threads(void **state)
{
    (void)state;
    check_threads(RNN_CELL_GRU);
}

static void test_an_lstm_is_the_same_bits_on_1_2_3_and_16_threads(void **state)
{
    (void)state;
    check_threads(RNN_CELL_LSTM);
}

static void test_the_number_of_threads_is_what_was_set(void **state)
{
    (void)state;
    int32_t usual = rnn_threads();
    assert_in_range(usual, 1, 1024);
    assert_ok(rnn_set_threads(3));
    assert_int_equal(rnn_threads(), 3);
    assert_ok(rnn_set_threads(0));
    assert_int_equal(rnn_threads(), usual);
}

/* The child ends with 0 when it computed what the parent did; an alarm ends one that waits for ever. */
static void test_a_forked_process_computes_what_its_parent_did(void **state)
{
    (void)state;
    rnn_model_options options = team_options(RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_FLOAT32);
    outcome parent = compute(&options, 2);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(60);
        outcome child = compute(&options, 2);
        bool same = memcmp(child.parameters, parent.parameters, (size_t)parent.parameter_bytes) == 0 &&
                    memcmp(child.outputs, parent.outputs, (size_t)parent.output_bytes) == 0;
        _exit(same ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    outcome after = compute(&options, 2);
    assert_same(&parent, &after);
    release(&after);
    release(&parent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vanilla_rnn_is_the_same_bits_on_1_2_3_and_16_threads),
        cmocka_unit_test(test_a_gru_is_the_same_bits_on_1_2_3_and_16_threads),
        cmocka_unit_test(test_an_lstm_is_the_same_bits_on_1_2_3_and_16_threads),
        cmocka_unit_test(test_the_number_of_threads_is_what_was_set),
        cmocka_unit_test(test_a_forked_process_computes_what_its_parent_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
