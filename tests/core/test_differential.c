/*
 * A whole training step of the library against the same step computed naively, in double, one position after the other.
 * A seed determines each case: the kind of model, its sizes, the chunk and the number of threads. All options that
 * change what is computed take part, except for dropout, which has suites of its own.
 *
 *     test_differential               runs the cases of every change
 *     test_differential SEED          runs one case
 *     test_differential FIRST COUNT   runs COUNT cases from FIRST on
 *     test_differential FIRST 1h      runs cases from FIRST on for an hour (or 10m, or 30s)
 *
 * The last two print which cases they ran.
 */
#include "formulas.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#if SANITIZED
enum { CASES = 60 };
#else
enum { CASES = 600 };
#endif

enum { CELLS = 3, PRECISIONS = 2, MOST_MULTIPLICATIONS = 6000000 };

/* Which positions have a target */
enum { TARGETS_ALL, TARGETS_SOME, TARGETS_LAST, TARGETS_NONE, TARGET_KINDS };

typedef struct trial {
    random_source source;
    rnn_model_options options;
    int64_t steps, streams, gates; /* T, B, G */
    int64_t *lengths;              /* [B]; NULL: all streams have T steps */
    uint8_t *starts;               /* [T][B]; NULL: no sequence starts within the chunk */
    bool last_only;
    rnn_model *model;
    rnn_state *start;
    owned_chunk data;
} trial;

static uint64_t running; /* the seed of the current case */
static bool is_running;  /* a case is running; if a test ends while it is true, that case has failed */

/* ---- Drawing a case ---- */

static int64_t draw_between(random_source *source, int64_t least, int64_t most)
{
    return least + random_below(source, most - least + 1);
}

/* Half of the sizes are close to those of vectors and tiles. */
static int64_t draw_hidden(random_source *source)
{
    static const int64_t edges[] = {1,  2,  3,  7,  8,  9,  15, 16, 17,  31,  32,
                                    33, 47, 48, 49, 63, 64, 65, 96, 127, 128, 130};
    if (random_below(source, 2) == 0)
        return draw_between(source, 1, 130);
    return edges[random_below(source, COUNT_OF(edges))];
}

/* T or B */
static int64_t draw_length(random_source *source)
{
    return random_below(source, 12) == 0 ? 97 : draw_between(source, 1, 33);
}

static void draw_input(random_source *source, rnn_model_options *o)
{
    o->input = random_below(source, 3);
    if (o->input != RNN_INPUT_EMBEDDING)
        return;
    o->tied = random_below(source, 2);
    int64_t tied_size = o->bidirectional ? 2 * o->hidden_size : o->hidden_size;
    o->embedding_size = o->tied ? tied_size : draw_between(source, 1, 70);
    if (o->tied)
        o->output_size = o->input_size;
}

/* Cells and precisions take turns, so each occurs equally often. */
static rnn_model_options draw_options(random_source *source, uint64_t seed)
{
    int32_t precision = (int32_t)(seed / CELLS % PRECISIONS);
    int64_t inputs = draw_between(source, 2, 90), outputs = draw_between(source, 2, 90);
    rnn_model_options o = make_options(inputs, draw_hidden(source), outputs, draw_between(source, 1, 3), precision);
    o.cell = (int32_t)(seed % CELLS);
    o.loss = random_below(source, 2);
    o.bias = random_below(source, 2);
    o.reduction = random_below(source, 2);
    o.bidirectional = random_below(source, 4) == 0;
    o.learned_state = random_below(source, 4) == 0;
    o.layer_norm = random_below(source, 4) == 0;
    if (random_below(source, 8) == 0)
        o.input_size = 1;
    if (random_below(source, 8) == 0 && o.loss == RNN_LOSS_SQUARED_ERROR)
        o.output_size = 1;
    draw_input(source, &o);
    if (o.loss == RNN_LOSS_CROSS_ENTROPY && o.output_size < 2)
        o.input_size = o.output_size = 2;
    return o;
}

/* The number of inputs of a layer */
static int64_t inputs_of(const rnn_model_options *o, int64_t layer)
{
    if (layer > 0)
        return o->bidirectional ? 2 * o->hidden_size : o->hidden_size;
    return o->input == RNN_INPUT_EMBEDDING ? o->embedding_size : o->input_size;
}

static int64_t gates_of(const rnn_model_options *o)
{
    static const int64_t gates[CELLS] = {[RNN_CELL_TANH] = 1, [RNN_CELL_GRU] = 3, [RNN_CELL_LSTM] = 4};
    return gates[o->cell];
}

/*
 * Draws T and B. T is reduced if the naive computation would take too long. It is small for few normalised units, where
 * rounding errors grow at each step: two units become almost -1 and 1, whatever they were.
 */
static void draw_shape(trial *c)
{
    const rnn_model_options *o = &c->options;
    int64_t directions = o->bidirectional ? 2 : 1, work = directions * o->output_size * o->hidden_size;
    for (int64_t l = 0; l < o->layers; l++)
        work += directions * c->gates * o->hidden_size * (inputs_of(o, l) + o->hidden_size);
    c->steps = draw_length(&c->source);
    c->streams = draw_length(&c->source);
    if (o->layer_norm && o->hidden_size < 8 && c->steps > 4)
        c->steps = 4;
    while (c->steps > 3 && c->steps * c->streams * work > MOST_MULTIPLICATIONS)
        c->steps = c->steps * 3 / 4;
}

static void ignore_target(owned_chunk *data, int64_t row)
{
    if (data->targets)
        data->targets[row] = RNN_IGNORE;
    else
        data->target_mask[row] = 0;
}

/* Fills the position with ids and numbers that are invalid, because nothing may read them. */
static void spoil_position(const trial *c, int64_t row)
{
    if (c->data.inputs)
        c->data.inputs[row] = INT32_MAX;
    else
        memset((char *)c->data.input_vectors + (size_t)row * c->data.input_row, 0xff, c->data.input_row);
    if (c->last_only)
        return;
    if (c->data.targets)
        c->data.targets[row] = INT32_MAX;
    else
        memset((char *)c->data.target_vectors + (size_t)row * c->data.target_row, 0xff, c->data.target_row);
}

/* Draws how long the streams are. Some end at once, and some at the end of the chunk. */
static void draw_lengths(trial *c)
{
    if (random_below(&c->source, 3) > 0)
        return;
    c->lengths = allocate(c->streams, sizeof *c->lengths);
    for (int64_t b = 0; b < c->streams; b++) {
        c->lengths[b] = random_below(&c->source, 4) == 0 ? c->steps : draw_between(&c->source, 0, c->steps);
        for (int64_t t = c->lengths[b]; t < c->steps; t++)
            spoil_position(c, t * c->streams + b);
    }
    c->data.chunk.lengths = c->lengths;
}

/* Draws where sequences start. Beyond the end of a stream, a start has no effect. */
static void draw_starts(trial *c)
{
    if (random_below(&c->source, 3) > 0)
        return;
    double share = random_between(&c->source, 0, 0.5);
    c->starts = allocate(c->steps * c->streams, sizeof *c->starts);
    for (int64_t row = 0; row < c->steps * c->streams; row++)
        if (random_between(&c->source, 0, 1) < share)
            c->starts[row] = (uint8_t)draw_between(&c->source, 1, 255);
    c->data.chunk.starts = c->starts;
}

static void draw_chunk(trial *c)
{
    int32_t kind = random_below(&c->source, TARGET_KINDS);
    double ignored = kind == TARGETS_SOME ? random_between(&c->source, 0, 1) : kind == TARGETS_NONE ? 2 : 0;
    c->data = create_random_chunk_for(c->model, c->steps, c->streams, ignored, random_bits(&c->source));
    c->last_only = random_below(&c->source, 5) == 0;
    for (int64_t row = 0; kind == TARGETS_LAST && !c->last_only && row < (c->steps - 1) * c->streams; row++)
        ignore_target(&c->data, row);
    if (kind == TARGETS_ALL && random_below(&c->source, 2) == 0) {
        free(c->data.target_mask);
        c->data.target_mask = NULL;
        c->data.chunk.target_mask = NULL;
    }
    c->data.chunk.last_only = c->last_only;
    draw_lengths(c);
    draw_starts(c);
}

static trial draw_trial(uint64_t seed)
{
    trial c = {.source = {seed}};
    c.options = draw_options(&c.source, seed);
    c.gates = gates_of(&c.options);
    draw_shape(&c);
    double scale = random_between(&c.source, 0.3, 1.5) / sqrt((double)c.options.hidden_size);
    c.model = create_random_model(&c.options, scale, random_bits(&c.source));
    c.start = create_random_state(c.model, c.streams, 0.9, random_bits(&c.source));
    draw_chunk(&c);
    assert_ok(rnn_set_threads(1 + random_below(&c.source, 4)));
    return c;
}

static void free_trial(trial *c)
{
    destroy_chunk(&c->data);
    free(c->lengths);
    free(c->starts);
    rnn_state_destroy(c->start);
    rnn_model_destroy(c->model);
}

/* T B, or B with last_only */
static int64_t output_rows(const trial *c)
{
    return c->last_only ? c->streams : c->steps * c->streams;
}

/* ---- Comparing ---- */

static double largest(const double *values, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++)
        most = fmax(most, fabs(values[i]));
    return most;
}

/*
 * Each value may differ by the tolerance times the largest magnitude, or `scale` if that is more. A NaN fails.
 * Normalisation divides by a deviation that can be as small as 0.003, which enlarges rounding errors.
 */
static void compare(const trial *c, const char *what, const double *actual, const double *expected, int64_t count,
                    double scale)
{
    double tolerance = c->options.precision == RNN_FLOAT32 ? 2e-4 : 1e-11;
    tolerance *= c->options.layer_norm ? 10 : 1;
    double allowed = tolerance * fmax(scale, largest(expected, count));
    for (int64_t i = 0; i < count; i++)
        if (!(fabs(actual[i] - expected[i]) <= allowed))
            fail_msg("%s: element %lld of %lld is %.17g instead of %.17g; %.3g allowed", what, (long long)i,
                     (long long)count, actual[i], expected[i], allowed);
}

static void compare_bits(const char *what, const void *actual, const void *expected, size_t size)
{
    if (memcmp(actual, expected, size) != 0)
        fail_msg("%s: other bits", what);
}

static void compare_loss(const trial *c, const formulas *n, const rnn_loss *loss)
{
    if (loss->count != n->loss.count)
        fail_msg("the loss counts %lld positions instead of %lld", (long long)loss->count, (long long)n->loss.count);
    compare(c, "the loss", &loss->sum, &n->loss.sum, 1, n->loss.count > 0);
}

static void compare_losses(const trial *c, const formulas *n, const double *losses)
{
    compare(c, "the losses", losses, n->losses, output_rows(c), 1);
}

/* Counts the hits among the outputs of the formulas. In float32 two outputs could be too close to tell. */
static void compare_hits(const trial *c, const formulas *n, int64_t hits)
{
    int64_t expected = 0, outputs = c->options.output_size;
    if (c->options.precision == RNN_FLOAT32 || !c->data.targets)
        return;
    for (int64_t row = 0; row < output_rows(c); row++) {
        const double *y = n->outputs + row * outputs;
        int64_t best = 0;
        for (int64_t k = 1; k < outputs; k++)
            best = y[k] > y[best] ? k : best;
        expected += n->losses[row] > 0 && c->data.targets[row] == best;
    }
    if (hits != expected)
        fail_msg("there are %lld hits instead of %lld", (long long)hits, (long long)expected);
}

static void compare_outputs(const trial *c, const formulas *n, const void *outputs)
{
    int64_t count = output_rows(c) * c->options.output_size;
    scoped_memory double *actual = allocate(count, sizeof(double));
    to_doubles(c->options.precision, outputs, actual, count);
    compare(c, "the outputs", actual, n->outputs, count, 1);
}

static void compare_state(const trial *c, const formulas *n, const rnn_state *state)
{
    scoped_memory double *actual = get_state(c->model, state);
    compare(c, "the state", actual, n->state, state_total(c->model, state), 1);
}

/*
 * If the terms of a gradient cancel out, it can be far smaller than the others. So it is compared on their scale. In a
 * small layer with normalisation, they almost always cancel out.
 */
static void compare_gradients(const trial *c, const formulas *n)
{
    double most = largest(n->gradients, parameter_total(c->model)), share = c->options.layer_norm ? 0.02 : 0.001;
    const double *expected = n->gradients;
    for (int64_t i = 0; i < rnn_model_parameter_count(c->model); i++) {
        rnn_parameter parameter = parameter_of(c->model, i);
        scoped_memory double *actual = get_gradient(c->model, i);
        compare(c, parameter.name, actual, expected, parameter.count, share * most);
        expected += parameter.count;
    }
}

/* ---- A case ---- */

static rnn_state *copy_of_start(const trial *c)
{
    rnn_state *state = create_state(c->model, c->streams);
    assert_ok(rnn_state_copy(state, c->start));
    return state;
}

/* The results of rnn_forward() over a whole chunk */
typedef struct forward_results {
    rnn_loss loss;
    double *losses; /* [T][B] */
    int64_t hits;
    void *outputs; /* [T][B][O], `size` bytes */
    size_t size;
    rnn_state *state;
} forward_results;

static forward_results run_forward(const trial *c)
{
    int64_t count = output_rows(c) * c->options.output_size;
    size_t size = (size_t)count * precision_size(c->options.precision);
    forward_results f = {.losses = allocate(output_rows(c), sizeof(double)),
                         .outputs = allocate((int64_t)size, 1),
                         .size = size,
                         .state = copy_of_start(c)};
    rnn_chunk chunk = c->data.chunk;
    chunk.losses = f.losses;
    chunk.hits = chunk.targets ? &f.hits : NULL;
    assert_ok(rnn_forward(c->model, f.state, &chunk, f.outputs, count, &f.loss));
    return f;
}

static void free_forward(forward_results *f)
{
    rnn_state_destroy(f->state);
    free(f->losses);
    free(f->outputs);
}

static void compare_state_bits(const trial *c, const char *what, const rnn_state *actual, const rnn_state *expected)
{
    scoped_memory double *a = get_state(c->model, actual), *e = get_state(c->model, expected);
    compare_bits(what, a, e, (size_t)state_total(c->model, actual) * sizeof(double));
}

/* In this case only positions with a target are decoded. */
static void check_without_outputs(const trial *c, const forward_results *expected)
{
    rnn_loss loss;
    scoped_state *state = copy_of_start(c);
    assert_ok(rnn_forward(c->model, state, &c->data.chunk, NULL, 0, &loss));
    compare_bits("the loss without outputs", &loss.sum, &expected->loss.sum, sizeof loss.sum);
    assert_int_equal(loss.count, expected->loss.count);
    compare_state_bits(c, "the state without outputs", state, expected->state);
}

static void check_without_targets(const trial *c, const forward_results *expected)
{
    rnn_chunk chunk = c->data.chunk;
    chunk.targets = NULL;
    chunk.target_vectors = NULL;
    chunk.target_mask = NULL;
    scoped_state *state = copy_of_start(c);
    scoped_memory void *outputs = allocate((int64_t)expected->size, 1);
    int64_t count = output_rows(c) * c->options.output_size;
    assert_ok(rnn_forward(c->model, state, &chunk, outputs, count, NULL));
    compare_bits("the outputs without targets", outputs, expected->outputs, expected->size);
    compare_state_bits(c, "the state without targets", state, expected->state);
}

/* The part of each stream within `count` steps from `first` on: [B], to free(). NULL if all streams have T steps. */
static int64_t *cut_lengths(const trial *c, int64_t first, int64_t count)
{
    if (!c->lengths)
        return NULL;
    int64_t *cut = allocate(c->streams, sizeof *cut);
    for (int64_t b = 0; b < c->streams; b++) {
        int64_t rest = c->lengths[b] > first ? c->lengths[b] - first : 0;
        cut[b] = rest < count ? rest : count;
    }
    return cut;
}

/* Runs the chunk in two calls, cut at a random step. Where the reverse direction reads, that gives another result. */
static void check_cut(trial *c, const forward_results *expected)
{
    if (c->steps < 2 || c->last_only || c->options.bidirectional)
        return;
    int64_t first = draw_between(&c->source, 1, c->steps - 1), of_step = c->streams * c->options.output_size;
    rnn_chunk before = chunk_steps(&c->data, 0, first), after = chunk_steps(&c->data, first, c->steps - first);
    scoped_memory int64_t *lengths = cut_lengths(c, 0, first), *later_lengths = cut_lengths(c, first, c->steps - first);
    before.lengths = lengths;
    after.lengths = later_lengths;
    after.starts = c->starts ? c->starts + first * c->streams : NULL;
    scoped_state *state = copy_of_start(c);
    scoped_memory char *outputs = allocate((int64_t)expected->size, 1);
    char *later = outputs + (size_t)(first * of_step) * precision_size(c->options.precision);
    assert_ok(rnn_forward(c->model, state, &before, outputs, first * of_step, NULL));
    assert_ok(rnn_forward(c->model, state, &after, later, (c->steps - first) * of_step, NULL));
    compare_bits("the outputs in two calls", outputs, expected->outputs, expected->size);
    compare_state_bits(c, "the state in two calls", state, expected->state);
}

/*
 * Fills the library's work space with values of another step. A new work space is zeroed, which could hide a mistake.
 */
static void fill_work_space(const trial *c)
{
    scoped_state *state = copy_of_start(c);
    scoped_chunk other = create_random_chunk_for(c->model, c->steps, c->streams, 0, ~c->source.state);
    assert_ok(rnn_forward_backward(c->model, state, &other.chunk, NULL));
    assert_ok(rnn_model_zero_gradients(c->model));
}

static void check_training(const trial *c, const formulas *n, const forward_results *forward)
{
    rnn_loss loss;
    scoped_state *state = copy_of_start(c);
    fill_work_space(c);
    assert_ok(rnn_forward_backward(c->model, state, &c->data.chunk, &loss));
    compare_loss(c, n, &loss);
    compare_state(c, n, state);
    compare_state_bits(c, "the state of training", state, forward->state);
    compare_gradients(c, n);
}

static void run_case(uint64_t seed)
{
    running = seed;
    is_running = true;
    trial c = draw_trial(seed);
    formulas n = train_formulas(c.model, c.start, &c.data.chunk);
    forward_results forward = run_forward(&c);
    compare_loss(&c, &n, &forward.loss);
    compare_losses(&c, &n, forward.losses);
    compare_hits(&c, &n, forward.hits);
    compare_outputs(&c, &n, forward.outputs);
    compare_state(&c, &n, forward.state);
    check_without_outputs(&c, &forward);
    check_without_targets(&c, &forward);
    check_cut(&c, &forward);
    check_training(&c, &n, &forward);
    free_forward(&forward);
    free_formulas(&n);
    free_trial(&c);
    is_running = false;
}

/* Runs after a test and names the case that failed. */
static int name_failed_case(void **state)
{
    if (is_running)
        print_error("It was case %llu: test_differential %llu\n", (unsigned long long)running,
                    (unsigned long long)running);
    is_running = false;
    return rnn_set_threads(0);
}

static void run_cases_of(int32_t cell)
{
    for (uint64_t seed = (uint64_t)cell; seed < CASES; seed += CELLS)
        run_case(seed);
}

static void test_a_vanilla_rnn_trains_as_the_naive_one(void **state)
{
    run_cases_of(RNN_CELL_TANH);
}

static void test_a_gru_trains_as_the_naive_one(void **state)
{
    run_cases_of(RNN_CELL_GRU);
}

static void test_an_lstm_trains_as_the_naive_one(void **state)
{
    run_cases_of(RNN_CELL_LSTM);
}

/* The cases from `first` on: `count` of them, or with a count of 0 as many as begin within `seconds` */
typedef struct range {
    uint64_t first, count;
    double seconds;
} range;

static double seconds_since(const struct timespec *start)
{
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start->tv_sec) + 1e-9 * (double)(end.tv_nsec - start->tv_nsec);
}

static void test_each_case_of_the_range(void **state)
{
    const range *r = *state;
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    uint64_t ran = 0;
    while (r->count > 0 ? ran < r->count : seconds_since(&start) < r->seconds)
        run_case(r->first + ran++);
    print_message("%llu cases passed in %.0f s: %llu to %llu\n", (unsigned long long)ran, seconds_since(&start),
                  (unsigned long long)r->first, (unsigned long long)(r->first + ran - 1));
}

/* Reads digits. Returns where they end, or NULL if the text has none or their number is too large. */
static const char *read_number(const char *text, uint64_t *number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return NULL;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 ? end : NULL;
}

/* Reads the arguments FIRST and, if there is a second one, COUNT or a time. */
static bool read_range(int argc, char **argv, range *r)
{
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}};

    *r = (range){.count = 1};
    const char *end = argc <= 3 ? read_number(argv[1], &r->first) : NULL;
    if (end == NULL || *end != '\0')
        return false;
    end = argc == 3 ? read_number(argv[2], &r->count) : end;
    if (end == NULL || r->count == 0)
        return false;
    if (*end == '\0')
        return true;
    for (int i = 0; i < COUNT_OF(units); i++) {
        if (strcmp(end, units[i].name) == 0) {
            r->seconds = (double)r->count * units[i].seconds;
            r->count = 0;
            return true;
        }
    }
    return false;
}

static int run_range(int argc, char **argv)
{
    range r;
    if (!read_range(argc, argv, &r)) {
        print_error("usage: test_differential [SEED | FIRST COUNT | FIRST TIME]    (TIME: 30s, 10m, 1h)\n");
        return 2;
    }
    const struct CMUnitTest one[] = {
        {.name = "test_each_case_of_the_range",
         .test_func = test_each_case_of_the_range,
         .teardown_func = name_failed_case,
         .initial_state = &r},
    };
    return cmocka_run_group_tests(one, NULL, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_a_vanilla_rnn_trains_as_the_naive_one, name_failed_case),
        cmocka_unit_test_teardown(test_a_gru_trains_as_the_naive_one, name_failed_case),
        cmocka_unit_test_teardown(test_an_lstm_trains_as_the_naive_one, name_failed_case),
    };
    return argc > 1 ? run_range(argc, argv) : cmocka_run_group_tests(tests, NULL, NULL);
}
