/*
 * Learning from beginning to end: classic tasks that need a long memory, learned from scratch. The margins are wide
 * enough for any machine's rounding.
 */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STREAMS = 32 };

/* A model in training. Each chunk starts from a state of zeros. */
typedef struct learner {
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
} learner;

/* Creates a learner with PyTorch's initialisation and Adam. */
static learner create_learner(rnn_model_options options, double learning_rate)
{
    learner made = {0};
    rnn_optimizer_options rule;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    made.model = create_model(&options);
    made.state = create_state(made.model, STREAMS);
    assert_ok(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = learning_rate;
    assert_ok(rnn_optimizer_create(made.model, &rule, &made.optimizer));
    return made;
}

static void destroy_learner(learner *l)
{
    rnn_optimizer_destroy(l->optimizer);
    rnn_state_destroy(l->state);
    rnn_model_destroy(l->model);
}

static void learn(learner *l, const rnn_chunk *chunk)
{
    assert_ok(rnn_state_reset(l->state));
    assert_ok(rnn_forward_backward(l->model, l->state, chunk, NULL));
    assert_ok(rnn_model_clip_norm(l->model, 1, NULL));
    assert_ok(rnn_optimizer_step(l->optimizer, l->model));
}

/* ---- The adding problem: Hochreiter and Schmidhuber 1997, section 5.4 ---- */

enum { ADDING_STEPS = 100 };

/*
 * Sequences of numbers from 0 to 1. Two numbers are marked, one in each half. The target after the last number is the
 * sum of these two. A model that always answers 1, the mean, has a squared error of 1/6.
 */
typedef struct adding {
    float inputs[ADDING_STEPS][STREAMS][2]; /* the number, and 1 if it is marked */
    float targets[ADDING_STEPS][STREAMS];
    uint8_t mask[ADDING_STEPS][STREAMS]; /* 1 at the last step */
    rnn_chunk chunk;
} adding;

static void fill_adding(adding *problem, random_source *source)
{
    enum { HALF = ADDING_STEPS / 2, LAST = ADDING_STEPS - 1 };
    memset(problem, 0, sizeof *problem);
    for (int t = 0; t < ADDING_STEPS; t++)
        for (int b = 0; b < STREAMS; b++)
            problem->inputs[t][b][0] = (float)random_between(source, 0, 1);
    for (int b = 0; b < STREAMS; b++) {
        int32_t first = random_below(source, HALF), second = HALF + random_below(source, HALF);
        problem->inputs[first][b][1] = problem->inputs[second][b][1] = 1;
        problem->targets[LAST][b] = problem->inputs[first][b][0] + problem->inputs[second][b][0];
        problem->mask[LAST][b] = 1;
    }
    problem->chunk = (rnn_chunk){.struct_size = sizeof problem->chunk,
                                 .steps = ADDING_STEPS,
                                 .streams = STREAMS,
                                 .input_vectors = problem->inputs,
                                 .target_vectors = problem->targets,
                                 .target_mask = &problem->mask[0][0]};
}

/* Trains a cell on 1500 chunks and returns its mean squared error on new sequences. */
static double learn_to_add(int32_t cell)
{
    enum { CHUNKS = 1500, FRESH_CHUNKS = 32 };
    rnn_model_options options = make_options(2, 32, 1, 1, RNN_FLOAT32);
    random_source source = {7};
    scoped_memory adding *problem = allocate(1, sizeof *problem);
    rnn_loss total = {0};
    options.cell = cell;
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    options.orthogonal = 1;
    options.forget_bias = cell == RNN_CELL_LSTM ? 2 : 0;
    options.seed = 7;
    learner l = create_learner(options, 0.02);
    for (int n = 0; n < CHUNKS; n++) {
        fill_adding(problem, &source);
        learn(&l, &problem->chunk);
    }
    for (int n = 0; n < FRESH_CHUNKS; n++) {
        rnn_loss loss;
        fill_adding(problem, &source);
        assert_ok(rnn_state_reset(l.state));
        assert_ok(rnn_forward(l.model, l.state, &problem->chunk, NULL, 0, &loss));
        total.sum += loss.sum;
        total.count += loss.count;
    }
    assert_int_equal(total.count, FRESH_CHUNKS * STREAMS);
    destroy_learner(&l);
    return total.sum / (double)total.count;
}

static void test_an_lstm_learns_to_add_two_numbers_up_to_100_steps_back(void **state)
{
    assert_true(learn_to_add(RNN_CELL_LSTM) < 0.05);
}

static void test_a_gru_learns_to_add_two_numbers_up_to_100_steps_back(void **state)
{
    assert_true(learn_to_add(RNN_CELL_GRU) < 0.05);
}

/* This shows that the task needs the memory of the other two cells. */
static void test_a_vanilla_rnn_does_not_learn_to_in_as_many_steps(void **state)
{
    assert_true(learn_to_add(RNN_CELL_TANH) > 0.1);
}

/* ---- The embedded Reber grammar: Hochreiter and Schmidhuber 1997, section 5.1 ---- */

enum { B, T, P, S, X, V, E, SYMBOLS };
enum { REBER_MOST = 40 }; /* symbols; longer strings are drawn again */

/* Two edges leave each node of Reber's grammar, each with a symbol. Node 5 is the end. */
static const struct {
    int32_t symbol;
    int to;
} ways[5][2] = {{{T, 1}, {P, 2}}, {{S, 1}, {X, 3}}, {{T, 2}, {V, 4}}, {{X, 2}, {S, 5}}, {{P, 3}, {V, 5}}};

/*
 * Draws B, then T or P, then a string of the grammar between another B and E, then the same T or P, and E. To predict
 * the last symbol but one, a model must remember the second symbol over the whole inner string. Returns the number of
 * symbols.
 */
static int draw_reber(random_source *source, int32_t *string)
{
    for (;;) {
        int count = 0, node = 0;
        int32_t second = random_below(source, 2) ? T : P;
        string[count++] = B;
        string[count++] = second;
        string[count++] = B;
        while (node != 5 && count < REBER_MOST - 3) {
            int way = random_below(source, 2);
            string[count++] = ways[node][way].symbol;
            node = ways[node][way].to;
        }
        if (node == 5) {
            string[count++] = E;
            string[count++] = second;
            string[count++] = E;
            return count;
        }
    }
}

/* A string in each stream. The target of each symbol is the next one. */
typedef struct reber {
    int32_t inputs[REBER_MOST][STREAMS];
    int32_t targets[REBER_MOST][STREAMS]; /* RNN_IGNORE after the end of a string */
    int counts[STREAMS];                  /* of symbols */
    rnn_chunk chunk;
} reber;

static void fill_reber(reber *strings, random_source *source)
{
    for (int b = 0; b < STREAMS; b++) {
        int32_t string[REBER_MOST];
        strings->counts[b] = draw_reber(source, string);
        for (int t = 0; t < REBER_MOST; t++) {
            int inside = t < strings->counts[b] - 1;
            strings->inputs[t][b] = inside ? string[t] : B;
            strings->targets[t][b] = inside ? string[t + 1] : RNN_IGNORE;
        }
    }
    strings->chunk = (rnn_chunk){.struct_size = sizeof strings->chunk,
                                 .steps = REBER_MOST,
                                 .streams = STREAMS,
                                 .inputs = &strings->inputs[0][0],
                                 .targets = &strings->targets[0][0]};
}

static int32_t most_likely(const float *logits)
{
    int32_t best = 0;
    for (int32_t i = 1; i < SYMBOLS; i++)
        best = logits[i] > logits[best] ? i : best;
    return best;
}

static void test_an_lstm_learns_the_last_but_one_symbol_of_the_embedded_reber_grammar(void **state)
{
    enum { CHUNKS = 1500, FRESH_CHUNKS = 40 };
    static reber strings;
    static float logits[REBER_MOST][STREAMS][SYMBOLS];
    rnn_model_options options = make_options(SYMBOLS, 16, SYMBOLS, 1, RNN_FLOAT32);
    random_source source = {1};
    int right = 0;
    options.cell = RNN_CELL_LSTM;
    options.forget_bias = 1;
    options.seed = 1;
    learner l = create_learner(options, 0.02);
    for (int n = 0; n < CHUNKS; n++) {
        fill_reber(&strings, &source);
        learn(&l, &strings.chunk);
    }
    for (int n = 0; n < FRESH_CHUNKS; n++) {
        fill_reber(&strings, &source);
        assert_ok(rnn_state_reset(l.state));
        assert_ok(rnn_forward(l.model, l.state, &strings.chunk, logits, REBER_MOST * STREAMS * SYMBOLS, NULL));
        for (int b = 0; b < STREAMS; b++) {
            int last_but_two = strings.counts[b] - 3;
            right += most_likely(logits[last_but_two][b]) == strings.targets[last_but_two][b];
        }
    }
    assert_true(right > 0.95 * FRESH_CHUNKS * STREAMS);
    destroy_learner(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_lstm_learns_to_add_two_numbers_up_to_100_steps_back),
        cmocka_unit_test(test_a_gru_learns_to_add_two_numbers_up_to_100_steps_back),
        cmocka_unit_test(test_a_vanilla_rnn_does_not_learn_to_in_as_many_steps),
        cmocka_unit_test(test_an_lstm_learns_the_last_but_one_symbol_of_the_embedded_reber_grammar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
