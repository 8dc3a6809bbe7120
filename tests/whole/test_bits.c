/*
 * Every compiler and every instruction set with a fused multiply-add must give the same bits. tests/golden/bits.txt
 * holds hashes of them. `test_bits --write FILE` writes a new file. `test_bits --only PART` compares the cases whose
 * names contain PART, on a machine that is too slow for all.
 */
#include "bits.h"

/* ---- What is computed ---------------------------------------------------------------------------------------- */

/* A larger model with normal weights, except for its recurrent weights, which are orthogonal */
static rnn_model_options orthogonal_model(int32_t cell, int32_t precision)
{
    rnn_model_options o = make_options(SYMBOLS, 100, SYMBOLS, LAYERS, precision);
    o.cell = cell;
    o.weight_scale = 0.1;
    o.orthogonal = 1;
    o.forget_bias = cell == RNN_CELL_LSTM ? 1 : 0;
    return o;
}

/* A rule with all its settings: momentum, decay and a limit */
static rnn_optimizer_options full_rule_of(int32_t rule)
{
    rnn_optimizer_options o = rule_of(rule);
    o.nesterov = rule == RNN_OPTIMIZER_SGD;
    o.momentum = rule == RNN_OPTIMIZER_SGD || rule == RNN_OPTIMIZER_RMSPROP ? 0.9 : 0;
    o.weight_decay = 0.01;
    o.clip_value = 0.02;
    return o;
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

typedef void case_function(const bits_case *c, void *context);

static const char *only = ""; /* part of the names of the cases to visit */

static void visit(bits_case *c, case_function *function, void *context)
{
    if (!strstr(c->name, only))
        return;
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

/* Visits all cells, precisions, inputs and losses; then all optimizers; then a larger model of each cell. */
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

/* A hash of the probabilities of some outputs, their losses, and the gradients of the losses */
static uint64_t hash_of_losses(int32_t precision)
{
    enum { COUNT = STEPS * STREAMS * SYMBOLS };
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    size_t number = precision_size(precision);
    scoped_memory double *values = allocate(COUNT, sizeof *values);
    double costs[STEPS * STREAMS];
    scoped_memory void *outputs = allocate(COUNT, number), *results = allocate(COUNT, number);
    random_source source = {9};
    random_fill(&source, values, COUNT, 20);
    from_doubles(precision, values, outputs, COUNT);
    RUN(rnn_softmax(precision, outputs, STEPS * STREAMS, SYMBOLS, results));
    add_numbers(&hash, results, COUNT, number);
    for (int32_t loss = RNN_LOSS_CROSS_ENTROPY; loss <= RNN_LOSS_SQUARED_ERROR; loss++) {
        rnn_model_options o = make_options(SYMBOLS, 4, SYMBOLS, 1, precision);
        o.loss = loss;
        o.reduction = RNN_REDUCTION_MEAN;
        scoped_model *model = create_model(&o);
        scoped_chunk chunk = create_random_chunk_for(model, STEPS, STREAMS, 0.2, 7);
        memset(costs, 0, sizeof costs);
        chunk.chunk.losses = costs;
        RUN(rnn_loss_gradient(model, &chunk.chunk, outputs, COUNT, results, NULL));
        add_numbers(&hash, results, COUNT, number);
        add_doubles(&hash, costs, STEPS * STREAMS);
    }
    return hash;
}

static void write_losses_line(char line[], size_t size)
{
    snprintf(line, size, "softmax_and_loss_gradients f32=%016" PRIx64 " f64=%016" PRIx64 "\n",
             hash_of_losses(RNN_FLOAT32), hash_of_losses(RNN_FLOAT64));
}

typedef struct comparison {
    const char *golden;
    int different;
} comparison;

static void compare_line(comparison *with, const char *line)
{
    size_t length = strcspn(with->golden, "\n");
    length += with->golden[length] == '\n';
    if (strlen(line) != length || memcmp(line, with->golden, length) != 0) {
        print_error("computed %sgolden   %.*s", line, (int)length, with->golden);
        with->different++;
    }
    with->golden += length;
}

static void compare_case(const bits_case *c, void *context)
{
    char line[LINE_MOST];
    write_line(c, line, sizeof line);
    if (*only) {
        comparison *with = context;
        with->golden = strstr(with->golden, c->name);
        assert_non_null(with->golden);
    }
    compare_line(context, line);
}

/* Whether the library computes with a fused multiply-add here */
static bool is_fused(void)
{
#if defined __x86_64__ || defined __i386__
    const char *set = getenv("RNN_CPU");
    if (set && *set)
        return strcmp(set, "baseline") != 0;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined __aarch64__ || defined __s390x__
    return true;
#else
    return false;
#endif
}

static void test_all_fused_instruction_sets_have_the_golden_bits(void **state)
{
    if (!is_fused())
        skip();
    size_t size;
    scoped_memory char *golden = read_golden("bits.txt", &size);
    comparison with = {.golden = golden};
    visit_cases(compare_case, &with);
    if (!*only) {
        char line[LINE_MOST];
        write_losses_line(line, sizeof line);
        compare_line(&with, line);
        assert_string_equal(with.golden, "");
    }
    assert_true(with.golden > golden);
    assert_int_equal(with.different, 0);
}

static int write_golden(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file) {
        perror(path);
        return 1;
    }
    visit_cases(write_case, file);
    char line[LINE_MOST];
    write_losses_line(line, sizeof line);
    fputs(line, file);
    return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_golden(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--only") == 0)
        only = argv[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_fused_instruction_sets_have_the_golden_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
