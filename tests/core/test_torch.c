/*
 * Parity with PyTorch. golden/torch_parity.py computes with PyTorch in float64, and librnn computes the same from the
 * same values. Outputs, losses, states, gradients and trained parameters are compared.
 *
 * The error of a tensor is max |actual - expected| / max |expected|, each maximum over the tensor's elements.
 * torch_parity.py describes the layout of the golden files and the order in which both sides draw their inputs.
 */
#include "support.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYMBOLS = 11, FEATURES_IN = 5, FEATURES_OUT = 4, EMBEDDING = 6 };

typedef enum input_kind { ONE_HOT, EMBEDDED, TIED, VECTORS } input_kind;

/* A network without its cell, and the chunks that it runs over */
typedef struct setting {
    input_kind input;
    int32_t loss;
    int64_t layers, steps, streams, hidden_size;
    int32_t bias, reduction;
    enum { ALL, SOME } targets; /* SOME: about two thirds of the targets count */
} setting;

enum {
    CROSS = RNN_LOSS_CROSS_ENTROPY,
    SQUARE = RNN_LOSS_SQUARED_ERROR,
    BOTH = RNN_BIAS_BOTH,
    INPUT = RNN_BIAS_INPUT, /* PyTorch's bias_hh is zero and stays zero */
    SUM = RNN_REDUCTION_SUM,
    MEAN = RNN_REDUCTION_MEAN,
};

/*
 * The settings for each cell, in the order of torch_parity.py's CASES. Most sizes are smaller than a vector; a few are
 * large enough for whole blocks of every matrix product.
 */
/* clang-format off */
static const setting settings[] = {
    /* input,  loss,  layers, T,  B,  H, bias,  reduction, targets */
    {ONE_HOT,  CROSS,  1,     7,  3,  9, BOTH,  SUM,  ALL},
    {ONE_HOT,  CROSS,  2,     7,  3,  9, BOTH,  MEAN, SOME},
    {ONE_HOT,  CROSS,  3,     7,  3,  9, INPUT, SUM,  SOME},
    {ONE_HOT,  CROSS,  2,     7,  1,  9, INPUT, SUM,  ALL},
    {ONE_HOT,  CROSS,  1,    14, 19, 37, BOTH,  MEAN, ALL},
    {ONE_HOT,  SQUARE, 1,     7,  3,  9, BOTH,  MEAN, SOME},
    {ONE_HOT,  SQUARE, 2,     7,  3,  9, INPUT, SUM,  ALL},
    {ONE_HOT,  SQUARE, 3,     7,  3,  9, BOTH,  SUM,  SOME},
    {EMBEDDED, CROSS,  1,     7,  3,  9, INPUT, MEAN, SOME},
    {EMBEDDED, CROSS,  2,     7,  3,  9, BOTH,  SUM,  ALL},
    {EMBEDDED, CROSS,  3,     7,  3,  9, BOTH,  MEAN, ALL},
    {TIED,     CROSS,  1,     7,  3,  9, BOTH,  SUM,  SOME},
    {TIED,     CROSS,  2,     7,  3,  9, INPUT, MEAN, ALL},
    {TIED,     CROSS,  3,     7,  3,  9, BOTH,  SUM,  ALL},
    {TIED,     CROSS,  2,    14, 19, 37, BOTH,  SUM,  SOME},
    {VECTORS,  CROSS,  1,     7,  3,  9, BOTH,  MEAN, ALL},
    {VECTORS,  CROSS,  2,     7,  3,  9, BOTH,  SUM,  SOME},
    {VECTORS,  CROSS,  3,     7,  3,  9, INPUT, MEAN, SOME},
    {VECTORS,  SQUARE, 1,     7,  3,  9, INPUT, SUM,  ALL},
    {VECTORS,  SQUARE, 2,     7,  3,  9, BOTH,  MEAN, SOME},
    {VECTORS,  SQUARE, 3,     7,  3,  9, BOTH,  SUM,  ALL},
    {VECTORS,  SQUARE, 1,     1,  1,  9, BOTH,  SUM,  ALL},
};

static const struct {
    const char *name;
    int32_t cell;
} cells[] = {
    {"rnn", RNN_CELL_TANH},
    {"gru", RNN_CELL_GRU},
    {"lstm", RNN_CELL_LSTM},
};

/* There is a test for each cell and each of these kinds. It runs the settings of its kind. */
static const struct {
    const char *name;
    input_kind input;
    int32_t loss;
} kinds[] = {
    {"one_hot_ids_with_cross_entropy",    ONE_HOT,  CROSS},
    {"one_hot_ids_with_squared_error",    ONE_HOT,  SQUARE},
    {"an_embedding_with_cross_entropy",   EMBEDDED, CROSS},
    {"a_tied_embedding_with_cross_entropy", TIED,   CROSS},
    {"vectors_with_cross_entropy",        VECTORS,  CROSS},
    {"vectors_with_squared_error",        VECTORS,  SQUARE},
};

/*
 * The networks to train, in the order of torch_parity.py's NETWORKS. Some symbols occur only in some chunks and some
 * never. This shows what a rule does to weights without a gradient.
 */
static const struct {
    const char *name;
    int32_t cell;
    setting row;
} networks[] = {
    {"lstm", RNN_CELL_LSTM, {ONE_HOT,  CROSS, 2, 5, 2, 6, BOTH, MEAN, ALL}},
    {"gru",  RNN_CELL_GRU,  {EMBEDDED, CROSS, 1, 5, 2, 6, BOTH, MEAN, ALL}},
};

enum { TRAINING_STEPS = 50, TRAINING_CHUNKS = 3, TRAINING_SEED = 1 };

/* The rules of training, in the order of torch_parity.py's RULES */
typedef struct training_rule {
    const char *name;
    rnn_optimizer_options options; /* without struct_size */
    enum { UNCLIPPED, BY_NORM, BY_VALUE } clip;
    double limit;
    double later_rate; /* in the second half; 0: the same */
} training_rule;

static const training_rule rules[] = {
    {"adagrad_after_clipping_by_value",
     {.rule = RNN_OPTIMIZER_ADAGRAD, .learning_rate = 0.1, .epsilon = 1e-8}, BY_VALUE, 0.05, 0},
    {"adagrad_with_weight_decay_after_clipping_by_norm",
     {.rule = RNN_OPTIMIZER_ADAGRAD, .learning_rate = 0.1, .epsilon = 1e-8, .weight_decay = 0.01}, BY_NORM, 0.35, 0},
    {"sgd",
     {.rule = RNN_OPTIMIZER_SGD, .learning_rate = 2}, UNCLIPPED, 0, 0},
    {"sgd_with_weight_decay_after_clipping_by_value",
     {.rule = RNN_OPTIMIZER_SGD, .learning_rate = 2, .weight_decay = 0.01}, BY_VALUE, 0.05, 0},
    {"sgd_with_momentum_after_clipping_by_norm",
     {.rule = RNN_OPTIMIZER_SGD, .learning_rate = 0.5, .momentum = 0.9}, BY_NORM, 0.35, 0},
    {"sgd_with_nesterovs_momentum_after_clipping_by_norm",
     {.rule = RNN_OPTIMIZER_SGD, .learning_rate = 0.5, .momentum = 0.9, .nesterov = 1}, BY_NORM, 0.35, 0},
    {"sgd_with_nesterovs_momentum_and_weight_decay",
     {.rule = RNN_OPTIMIZER_SGD, .learning_rate = 0.5, .momentum = 0.9, .nesterov = 1, .weight_decay = 0.01},
     UNCLIPPED, 0, 0},
    {"rmsprop_after_clipping_by_value",
     {.rule = RNN_OPTIMIZER_RMSPROP, .learning_rate = 0.02, .beta2 = 0.9, .epsilon = 1e-8}, BY_VALUE, 0.05, 0},
    {"rmsprop_with_momentum_and_weight_decay_after_clipping_by_norm",
     {.rule = RNN_OPTIMIZER_RMSPROP, .learning_rate = 0.02, .beta2 = 0.9, .epsilon = 1e-8, .momentum = 0.5,
      .weight_decay = 0.01}, BY_NORM, 0.35, 0},
    {"adam",
     {.rule = RNN_OPTIMIZER_ADAM, .learning_rate = 0.02, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8},
     UNCLIPPED, 0, 0},
    {"adam_with_weight_decay_at_two_learning_rates_after_clipping_by_norm",
     {.rule = RNN_OPTIMIZER_ADAM, .learning_rate = 0.05, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8,
      .weight_decay = 0.01}, BY_NORM, 0.35, 0.01},
    {"adamw_after_clipping_by_value",
     {.rule = RNN_OPTIMIZER_ADAMW, .learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-8,
      .weight_decay = 0.2}, BY_VALUE, 0.05, 0},
};
/* clang-format on */

/* A float32 model starts from rounded values and rounds further. */
static const struct {
    const char *name;
    int32_t precision;
    double tolerance, training_tolerance;
} precisions[] = {
    {"float64", RNN_FLOAT64, 1e-10, 1e-8},
    {"float32", RNN_FLOAT32, 1e-4, 2e-4},
};

/* One case in one precision */
typedef struct trial {
    char name[96];
    int32_t cell, precision;
    const setting *row;
    double tolerance;
} trial;

/* ---- Golden files ---- */

/* PyTorch's results in one case, and how far they have been read */
typedef struct golden_record {
    const double *next, *end;
} golden_record;

static golden_record record_of(const double *file, int64_t count, int64_t cases, int64_t number)
{
    assert_true(file[0] == (double)cases);
    assert_true(file[1 + cases] == (double)count);
    return (golden_record){file + (int64_t)file[1 + number], file + (int64_t)file[2 + number]};
}

static const double *take(golden_record *record, int64_t count)
{
    assert_true(count <= record->end - record->next);
    record->next += count;
    return record->next - count;
}

/* ---- What goes in ---- */

static rnn_model_options options_for(const trial *t)
{
    static const int32_t inputs[] = {[ONE_HOT] = RNN_INPUT_IDS,
                                     [EMBEDDED] = RNN_INPUT_EMBEDDING,
                                     [TIED] = RNN_INPUT_EMBEDDING,
                                     [VECTORS] = RNN_INPUT_VECTORS};
    const setting *row = t->row;
    bool writes_what_it_reads = row->input != VECTORS && row->loss == CROSS;
    rnn_model_options options = make_options(row->input == VECTORS ? FEATURES_IN : SYMBOLS, row->hidden_size,
                                             writes_what_it_reads ? SYMBOLS : FEATURES_OUT, row->layers, t->precision);
    options.cell = t->cell;
    options.reduction = row->reduction;
    options.input = inputs[row->input];
    options.loss = row->loss;
    options.bias = row->bias;
    options.tied = row->input == TIED;
    options.embedding_size = row->input == EMBEDDED ? EMBEDDING : row->input == TIED ? row->hidden_size : 0;
    return options;
}

/* The indices of all parameters in the order of PyTorch's named_parameters(), to free() */
static int64_t *parameters_in_torchs_order(const rnn_model *model)
{
    static const char *const of_layer[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    rnn_model_options options = options_of(model);
    int64_t *order = allocate(3 + 4 * options.layers, sizeof *order);
    int64_t count = 0;
    if (options.input == RNN_INPUT_EMBEDDING)
        order[count++] = index_of(model, "embedding.weight");
    for (int64_t layer = 0; layer < options.layers; layer++) {
        for (int k = 0; k < (options.bias == BOTH ? 4 : 3); k++) {
            char name[64];
            snprintf(name, sizeof name, "rnn.%s_l%lld", of_layer[k], (long long)layer);
            order[count++] = index_of(model, name);
        }
    }
    if (!options.tied)
        order[count++] = index_of(model, "decoder.weight");
    order[count++] = index_of(model, "decoder.bias");
    assert_int_equal(count, rnn_model_parameter_count(model));
    return order;
}

static rnn_model *draw_model(const trial *t, random_source *source)
{
    rnn_model_options options = options_for(t);
    rnn_model *model = create_model(&options);
    scoped_memory int64_t *order = parameters_in_torchs_order(model);
    for (int64_t k = 0; k < rnn_model_parameter_count(model); k++) {
        int64_t count = parameter_of(model, order[k]).count;
        scoped_memory double *values = allocate(count, sizeof(double));
        random_fill(source, values, count, 0.5);
        set_parameter(model, order[k], values);
    }
    return model;
}

/* Values of the trial's precision, uniform in -1 to 1, to free() */
static void *draw_numbers(const trial *t, random_source *source, int64_t count)
{
    scoped_memory double *doubles = allocate(count, sizeof(double));
    void *values = allocate(count, precision_size(t->precision));
    random_fill(source, doubles, count, 1);
    from_doubles(t->precision, doubles, values, count);
    return values;
}

static int32_t *draw_ids(random_source *source, int64_t limit, int64_t count)
{
    int32_t *ids = allocate(count, sizeof *ids);
    for (int64_t i = 0; i < count; i++)
        ids[i] = random_below(source, limit);
    return ids;
}

static rnn_state *draw_state(const trial *t, random_source *source, const rnn_model *model)
{
    rnn_state *state = create_state(model, t->row->streams);
    int64_t count = state_total(model, state);
    scoped_memory double *values = allocate(count, sizeof(double));
    random_fill(source, values, count, 1);
    set_state(model, state, values);
    return state;
}

/* Draws which targets are ignored. An ignored vector may hold anything; here it holds NaNs. */
static void draw_ignored(const trial *t, random_source *source, int64_t outputs, owned_chunk *drawn)
{
    int64_t positions = t->row->steps * t->row->streams;
    size_t vector_size = (size_t)outputs * precision_size(t->precision);
    if (t->row->loss == SQUARE) {
        drawn->target_mask = allocate(positions, 1);
        memset(drawn->target_mask, 1, (size_t)positions);
    }
    for (int64_t i = 0; i < positions; i++) {
        if (random_below(source, 3) != 0)
            continue;
        if (t->row->loss == SQUARE) {
            drawn->target_mask[i] = 0;
            memset((char *)drawn->target_vectors + (size_t)i * vector_size, 0xff, vector_size); /* NaNs */
        } else {
            drawn->targets[i] = RNN_IGNORE;
        }
    }
}

static owned_chunk draw_chunk(const trial *t, random_source *source)
{
    rnn_model_options options = options_for(t);
    int64_t positions = t->row->steps * t->row->streams;
    owned_chunk drawn = {.inputs = NULL};
    if (t->row->input == VECTORS)
        drawn.input_vectors = draw_numbers(t, source, positions * options.input_size);
    else
        drawn.inputs = draw_ids(source, options.input_size, positions);
    if (t->row->loss == SQUARE)
        drawn.target_vectors = draw_numbers(t, source, positions * options.output_size);
    else
        drawn.targets = draw_ids(source, options.output_size, positions);
    if (t->row->targets == SOME)
        draw_ignored(t, source, options.output_size, &drawn);
    assert_ok(rnn_chunk_init(&drawn.chunk, sizeof drawn.chunk));
    drawn.chunk.steps = t->row->steps;
    drawn.chunk.streams = t->row->streams;
    drawn.chunk.inputs = drawn.inputs;
    drawn.chunk.targets = drawn.targets;
    drawn.chunk.input_vectors = drawn.input_vectors;
    drawn.chunk.target_vectors = drawn.target_vectors;
    drawn.chunk.target_mask = drawn.target_mask;
    return drawn;
}

/* ---- What comes out ---- */

static void check_close(const trial *t, const char *what, const double *actual, const double *expected, int64_t count)
{
    char label[224];
    snprintf(label, sizeof label, "%s: %s", t->name, what);
    check_all_close(actual, expected, count, t->tolerance, label, __FILE__, __LINE__);
}

static int64_t count_targets(const rnn_chunk *chunk)
{
    int64_t counted = 0;
    for (int64_t i = 0; i < chunk->steps * chunk->streams; i++) {
        counted += chunk->targets != NULL ? chunk->targets[i] != RNN_IGNORE
                                          : chunk->target_mask == NULL || chunk->target_mask[i] != 0;
    }
    return counted;
}

static void check_loss(const trial *t, const char *what, const owned_chunk *chunk, rnn_loss loss, double expected)
{
    assert_int_equal(loss.count, count_targets(&chunk->chunk));
    double reduced = t->row->reduction == MEAN ? loss.sum / (double)loss.count : loss.sum;
    check_close(t, what, &reduced, &expected, 1);
}

/* `expected` is [T][B][O]. */
static void check_outputs(const trial *t, const void *outputs, const double *expected, int64_t count)
{
    scoped_memory double *doubles = allocate(count, sizeof(double));
    to_doubles(t->precision, outputs, doubles, count);
    check_close(t, "outputs", doubles, expected, count);
}

/* `expected` is [L][B][H] of h, followed for an LSTM by [L][B][H] of c. */
static void check_state(const trial *t, const rnn_model *model, const rnn_state *state, const double *expected)
{
    scoped_memory double *actual = get_state(model, state);
    int64_t count = t->row->streams * t->row->hidden_size;
    for (int64_t k = 0; k < state_total(model, state) / count; k++) {
        char what[64];
        snprintf(what, sizeof what, "%c of layer %lld after the chunk", "hc"[k / t->row->layers],
                 (long long)(k % t->row->layers));
        check_close(t, what, actual + k * count, expected + k * count, count);
    }
}

/* Compares what `get` returns for each parameter with the rest of the record. `what` names it. */
static void check_parameters(const trial *t, const rnn_model *model, const char *what,
                             double *(*get)(const rnn_model *model, int64_t index), golden_record record)
{
    scoped_memory int64_t *order = parameters_in_torchs_order(model);
    for (int64_t k = 0; k < rnn_model_parameter_count(model); k++) {
        rnn_parameter parameter = parameter_of(model, order[k]);
        char label[96];
        snprintf(label, sizeof label, "%s of %s", what, parameter.name);
        scoped_memory double *actual = get(model, order[k]);
        check_close(t, label, actual, take(&record, parameter.count), parameter.count);
    }
    assert_ptr_equal(record.next, record.end);
}

/* ---- One chunk through each cell ---- */

/* Runs forward alone, then forward and backward, from the same state. */
static void check_chunk(const trial *t, uint64_t seed, golden_record record)
{
    random_source source = {seed};
    scoped_model *model = draw_model(t, &source);
    scoped_state *state = draw_state(t, &source, model);
    scoped_state *forward_state = create_state(model, t->row->streams);
    scoped_chunk chunk = draw_chunk(t, &source);
    int64_t output_count = t->row->steps * t->row->streams * options_of(model).output_size;
    scoped_memory void *outputs = allocate(output_count, precision_size(t->precision));
    rnn_loss loss = {0};

    const double *expected_loss = take(&record, 1);
    const double *expected_outputs = take(&record, output_count);
    const double *expected_state = take(&record, state_total(model, state));

    assert_ok(rnn_state_copy(forward_state, state));
    assert_ok(rnn_forward(model, forward_state, &chunk.chunk, outputs, output_count, &loss));
    check_loss(t, "loss", &chunk, loss, *expected_loss);
    check_outputs(t, outputs, expected_outputs, output_count);
    check_state(t, model, forward_state, expected_state);

    loss = (rnn_loss){0};
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, &loss));
    check_loss(t, "loss", &chunk, loss, *expected_loss);
    check_state(t, model, state, expected_state);
    check_parameters(t, model, "gradient", get_gradient, record);
}

/* The rows of `cells` and `kinds` that a test uses */
typedef struct cell_test {
    char name[128];
    int64_t cell, kind;
} cell_test;

static void check_settings_of_the_kind(void **state)
{
    const cell_test *test = *state;
    int64_t count = 0;
    scoped_memory double *file = read_golden_doubles("torch_cells.f64", &count);
    int compared = 0;
    for (int64_t i = 0; i < COUNT_OF(settings); i++) {
        const setting *row = &settings[i];
        int64_t number = test->cell * COUNT_OF(settings) + i;
        if (row->input != kinds[test->kind].input || row->loss != kinds[test->kind].loss)
            continue;
        compared++;
        for (int p = 0; p < COUNT_OF(precisions); p++) {
            trial t = {.cell = cells[test->cell].cell,
                       .precision = precisions[p].precision,
                       .row = row,
                       .tolerance = precisions[p].tolerance};
            snprintf(t.name, sizeof t.name, "%s, %lld layers, T=%lld, B=%lld, H=%lld", precisions[p].name,
                     (long long)row->layers, (long long)row->steps, (long long)row->streams,
                     (long long)row->hidden_size);
            check_chunk(&t, (uint64_t)number + 1, record_of(file, count, COUNT_OF(cells) * COUNT_OF(settings), number));
        }
    }
    assert_true(compared > 0);
}

/* ---- Training ---- */

static rnn_optimizer *create_optimizer(const rnn_model *model, const training_rule *rule)
{
    rnn_optimizer_options options = rule->options;
    rnn_optimizer *optimizer = NULL;
    options.struct_size = sizeof options;
    assert_ok(rnn_optimizer_create(model, &options, &optimizer));
    assert_non_null(optimizer);
    return optimizer;
}

/* Takes one step. `norm` is PyTorch's norm if the rule clips by norm. */
static void take_step(const trial *t, const training_rule *rule, int step, rnn_optimizer *optimizer, rnn_model *model,
                      const double *norm)
{
    if (rule->clip == BY_NORM) {
        double actual = 0;
        assert_ok(rnn_model_clip_norm(model, rule->limit, &actual));
        check_close(t, "norm", &actual, norm, 1);
    } else if (rule->clip == BY_VALUE) {
        assert_ok(rnn_model_clip_value(model, rule->limit));
    }
    if (rule->later_rate > 0 && step == TRAINING_STEPS / 2)
        assert_ok(rnn_optimizer_set_learning_rate(optimizer, rule->later_rate));
    assert_ok(rnn_optimizer_step(optimizer, model));
}

static void check_training(const trial *t, const training_rule *rule, golden_record record)
{
    random_source source = {TRAINING_SEED};
    scoped_model *model = draw_model(t, &source);
    scoped_state *state = draw_state(t, &source, model);
    scoped_optimizer *optimizer = create_optimizer(model, rule);
    owned_chunk chunks[TRAINING_CHUNKS];
    for (int i = 0; i < TRAINING_CHUNKS; i++)
        chunks[i] = draw_chunk(t, &source);

    const double *losses = take(&record, TRAINING_STEPS);
    const double *norms = rule->clip == BY_NORM ? take(&record, TRAINING_STEPS) : NULL;
    for (int step = 0; step < TRAINING_STEPS; step++) {
        const owned_chunk *chunk = &chunks[step % TRAINING_CHUNKS];
        rnn_loss loss = {0};
        char what[32];
        snprintf(what, sizeof what, "loss of step %d", step);
        assert_ok(rnn_forward_backward(model, state, &chunk->chunk, &loss));
        check_loss(t, what, chunk, loss, losses[step]);
        take_step(t, rule, step, optimizer, model, norms == NULL ? NULL : &norms[step]);
    }
    check_parameters(t, model, "trained value", get_parameter, record);

    for (int i = 0; i < TRAINING_CHUNKS; i++)
        destroy_chunk(&chunks[i]);
}

/* The rows of `networks` and `rules` that a test uses */
typedef struct training_test {
    char name[128];
    int64_t network, rule;
} training_test;

static void check_training_by_the_rule(void **state)
{
    const training_test *test = *state;
    int64_t count = 0;
    scoped_memory double *file = read_golden_doubles("torch_training.f64", &count);
    int64_t number = test->network * COUNT_OF(rules) + test->rule;
    for (int p = 0; p < COUNT_OF(precisions); p++) {
        trial t = {.cell = networks[test->network].cell,
                   .precision = precisions[p].precision,
                   .row = &networks[test->network].row,
                   .tolerance = precisions[p].training_tolerance};
        snprintf(t.name, sizeof t.name, "%s", precisions[p].name);
        check_training(&t, &rules[test->rule], record_of(file, count, COUNT_OF(networks) * COUNT_OF(rules), number));
    }
}

int main(void)
{
    static cell_test cell_tests[COUNT_OF(cells) * COUNT_OF(kinds)];
    static training_test training_tests[COUNT_OF(networks) * COUNT_OF(rules)];
    struct CMUnitTest tests[COUNT_OF(cell_tests) + COUNT_OF(training_tests)];
    for (int i = 0; i < COUNT_OF(cell_tests); i++) {
        cell_test *test = &cell_tests[i];
        test->cell = i / COUNT_OF(kinds);
        test->kind = i % COUNT_OF(kinds);
        snprintf(test->name, sizeof test->name, "test_%s_of_%s_agrees_with_torch", cells[test->cell].name,
                 kinds[test->kind].name);
        tests[i] =
            (struct CMUnitTest){.name = test->name, .test_func = check_settings_of_the_kind, .initial_state = test};
    }
    for (int i = 0; i < COUNT_OF(training_tests); i++) {
        training_test *test = &training_tests[i];
        test->network = i / COUNT_OF(rules);
        test->rule = i % COUNT_OF(rules);
        snprintf(test->name, sizeof test->name, "test_%s_trained_by_%s_agrees_with_torch", networks[test->network].name,
                 rules[test->rule].name);
        tests[COUNT_OF(cell_tests) + i] =
            (struct CMUnitTest){.name = test->name, .test_func = check_training_by_the_rule, .initial_state = test};
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
