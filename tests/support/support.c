/* See support.h. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Checks ---- */

void check_ok(rnn_status status, const char *call, const char *file, int line)
{
    if (status != RNN_OK) {
        print_error("%s\n    returned %s: %s\n", call, rnn_status_name(status), rnn_last_error());
        _fail(file, line);
    }
}

void ignore(rnn_status status)
{
    (void)status;
}

void leave_another_error(void)
{
    ignore(rnn_optimizer_set_learning_rate(NULL, 0));
}

void check_fails(rnn_status actual, rnn_status expected, const char *part, const char *call, const char *file, int line)
{
    const char *sentence = rnn_last_error();
    if (actual != expected) {
        print_error("%s\n    returned %s instead of %s (last error: %s)\n", call, rnn_status_name(actual),
                    rnn_status_name(expected), sentence);
        _fail(file, line);
    }
    if (strstr(sentence, part) == NULL || strchr(sentence, '\n') != NULL) {
        print_error("%s\n    left \"%s\", which isn't a line with \"%s\"\n", call, sentence, part);
        _fail(file, line);
    }
}

void check_relative(double actual, double expected, double tolerance, const char *what, const char *file, int line)
{
    if (!(fabs(actual - expected) <= tolerance * fabs(expected))) {
        print_error("%s is %.17g instead of %.17g: off by %.3g, %.3g allowed\n", what, actual, expected,
                    fabs(actual - expected), tolerance * fabs(expected));
        _fail(file, line);
    }
}

void check_all_close(const double *actual, const double *expected, int64_t count, double tolerance, const char *what,
                     const char *file, int line)
{
    double scale = 0;
    for (int64_t i = 0; i < count; i++)
        scale = fmax(scale, fabs(expected[i]));
    for (int64_t i = 0; i < count; i++) {
        if (!(fabs(actual[i] - expected[i]) <= tolerance * scale)) {
            print_error("%s: element %lld of %lld is %.17g instead of %.17g: off by %.3g, %.3g allowed\n", what,
                        (long long)i, (long long)count, actual[i], expected[i], fabs(actual[i] - expected[i]),
                        tolerance * scale);
            _fail(file, line);
        }
    }
}

char untouched_object;

/* ---- Memory ---- */

void *allocate(int64_t count, size_t size)
{
    void *memory = calloc(count > 0 ? (size_t)count : 1, size);
    if (memory == NULL) {
        fail_msg("no memory for %lld elements of %zu bytes", (long long)count, size);
        abort(); /* fail_msg() doesn't return, but cmocka doesn't declare that */
    }
    return memory;
}

/* ---- Random test data ---- */

/* Sebastiano Vigna's splitmix64. */
uint64_t random_bits(random_source *source)
{
    uint64_t z = source->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double random_between(random_source *source, double low, double high)
{
    return low + (high - low) * ((double)(random_bits(source) >> 11) * 0x1p-53);
}

int32_t random_below(random_source *source, int64_t limit)
{
    return (int32_t)(random_bits(source) % (uint64_t)limit);
}

void random_fill(random_source *source, double *values, int64_t count, double scale)
{
    for (int64_t i = 0; i < count; i++)
        values[i] = random_between(source, -scale, scale);
}

/* ---- Values of either precision ---- */

size_t precision_size(int32_t precision)
{
    return precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double);
}

void to_doubles(int32_t precision, const void *values, double *doubles, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        doubles[i] = precision == RNN_FLOAT32 ? ((const float *)values)[i] : ((const double *)values)[i];
}

void from_doubles(int32_t precision, const double *doubles, void *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (precision == RNN_FLOAT32)
            ((float *)values)[i] = (float)doubles[i];
        else
            ((double *)values)[i] = doubles[i];
}

rnn_model_options options_of(const rnn_model *model)
{
    rnn_model_options options;
    assert_ok(rnn_model_options_init(&options, sizeof options));
    assert_ok(rnn_model_get_options(model, &options));
    return options;
}

rnn_parameter parameter_of(const rnn_model *model, int64_t index)
{
    rnn_parameter parameter = {.struct_size = sizeof parameter};
    assert_ok(rnn_model_describe_parameter(model, index, &parameter));
    return parameter;
}

int64_t index_of(const rnn_model *model, const char *name)
{
    int64_t index = -1;
    assert_ok(rnn_model_find_parameter(model, name, &index));
    return index;
}

typedef rnn_status (*copy_out)(const rnn_model *model, int64_t index, void *values, int64_t count);

static double *copy_one(const rnn_model *model, int64_t index, copy_out copy)
{
    rnn_parameter parameter = parameter_of(model, index);
    scoped_memory void *values = allocate(parameter.count, precision_size(parameter.precision));
    double *doubles = allocate(parameter.count, sizeof(double));
    assert_ok(copy(model, index, values, parameter.count));
    to_doubles(parameter.precision, values, doubles, parameter.count);
    return doubles;
}

static double *copy_all(const rnn_model *model, copy_out copy)
{
    double *all = allocate(parameter_total(model), sizeof(double));
    int64_t offset = 0;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
        int64_t count = parameter_of(model, index).count;
        double *one = copy_one(model, index, copy);
        memcpy(all + offset, one, (size_t)count * sizeof(double));
        free(one);
        offset += count;
    }
    return all;
}

double *get_parameter(const rnn_model *model, int64_t index)
{
    return copy_one(model, index, rnn_model_get_parameter);
}

double *get_gradient(const rnn_model *model, int64_t index)
{
    return copy_one(model, index, rnn_model_get_gradient);
}

void set_parameter(rnn_model *model, int64_t index, const double *values)
{
    rnn_parameter parameter = parameter_of(model, index);
    scoped_memory void *converted = allocate(parameter.count, precision_size(parameter.precision));
    from_doubles(parameter.precision, values, converted, parameter.count);
    assert_ok(rnn_model_set_parameter(model, index, converted, parameter.count));
}

int64_t parameter_total(const rnn_model *model)
{
    int64_t total = 0;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++)
        total += parameter_of(model, index).count;
    return total;
}

double *get_all_parameters(const rnn_model *model)
{
    return copy_all(model, rnn_model_get_parameter);
}

double *get_all_gradients(const rnn_model *model)
{
    return copy_all(model, rnn_model_get_gradient);
}

/* The number of parts of a state: h, and for an LSTM c */
static int32_t state_parts(const rnn_model *model)
{
    return options_of(model).cell == RNN_CELL_LSTM ? RNN_STATE_MEMORY + 1 : RNN_STATE_HIDDEN + 1;
}

/* The number of layers of a state. With two directions, each counts. */
static int64_t state_layers(const rnn_model_options *options)
{
    return options->bidirectional ? 2 * options->layers : options->layers;
}

int64_t state_total(const rnn_model *model, const rnn_state *state)
{
    rnn_model_options options = options_of(model);
    return state_parts(model) * state_layers(&options) * rnn_state_streams(state) * options.hidden_size;
}

double *get_state(const rnn_model *model, const rnn_state *state)
{
    rnn_model_options options = options_of(model);
    int64_t count = rnn_state_streams(state) * options.hidden_size;
    scoped_memory void *values = allocate(count, precision_size(options.precision));
    double *doubles = allocate(state_total(model, state), sizeof(double));
    double *next = doubles;
    for (int32_t what = 0; what < state_parts(model); what++) {
        for (int64_t layer = 0; layer < state_layers(&options); layer++, next += count) {
            assert_ok(rnn_state_get(state, layer, what, values, count));
            to_doubles(options.precision, values, next, count);
        }
    }
    return doubles;
}

void set_state(const rnn_model *model, rnn_state *state, const double *values)
{
    rnn_model_options options = options_of(model);
    int64_t count = rnn_state_streams(state) * options.hidden_size;
    scoped_memory void *converted = allocate(count, precision_size(options.precision));
    for (int32_t what = 0; what < state_parts(model); what++) {
        for (int64_t layer = 0; layer < state_layers(&options); layer++, values += count) {
            from_doubles(options.precision, values, converted, count);
            assert_ok(rnn_state_set(state, layer, what, converted, count));
        }
    }
}

/* ---- What a failed call must not change ---- */

snapshot take_snapshot(const rnn_model *model, const rnn_state *state)
{
    rnn_model_options options = options_of(model);
    size_t element = precision_size(options.precision);
    int64_t values = 2 * parameter_total(model) + (state == NULL ? 0 : state_total(model, state));
    snapshot taken = {.bytes = allocate(values, element), .size = (size_t)values * element};
    unsigned char *next = taken.bytes;
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
        int64_t count = parameter_of(model, index).count;
        assert_ok(rnn_model_get_parameter(model, index, next, count));
        next += (size_t)count * element;
        assert_ok(rnn_model_get_gradient(model, index, next, count));
        next += (size_t)count * element;
    }
    if (state != NULL) {
        int64_t count = rnn_state_streams(state) * options.hidden_size;
        for (int32_t what = 0; what < state_parts(model); what++) {
            for (int64_t layer = 0; layer < state_layers(&options); layer++) {
                assert_ok(rnn_state_get(state, layer, what, next, count));
                next += (size_t)count * element;
            }
        }
    }
    return taken;
}

void assert_unchanged(const snapshot *before, const rnn_model *model, const rnn_state *state)
{
    scoped_snapshot now = take_snapshot(model, state);
    assert_int_equal(now.size, before->size);
    assert_memory_equal(now.bytes, before->bytes, before->size);
}

/* ---- Models, states and chunks ---- */

rnn_model_options make_options(int64_t input_size, int64_t hidden_size, int64_t output_size, int64_t layers,
                               int32_t precision)
{
    rnn_model_options options;
    assert_ok(rnn_model_options_init(&options, sizeof options));
    options.input_size = input_size;
    options.hidden_size = hidden_size;
    options.output_size = output_size;
    options.layers = layers;
    options.precision = precision;
    return options;
}

rnn_model *create_model(const rnn_model_options *options)
{
    rnn_model *model = NULL;
    assert_ok(rnn_model_create(options, &model));
    assert_non_null(model);
    return model;
}

rnn_model *create_random_model(const rnn_model_options *options, double scale, uint64_t seed)
{
    rnn_model *model = create_model(options);
    random_source source = {seed};
    for (int64_t index = 0; index < rnn_model_parameter_count(model); index++) {
        int64_t count = parameter_of(model, index).count;
        scoped_memory double *values = allocate(count, sizeof(double));
        random_fill(&source, values, count, scale);
        set_parameter(model, index, values);
    }
    return model;
}

rnn_state *create_state(const rnn_model *model, int64_t streams)
{
    rnn_state *state = NULL;
    assert_ok(rnn_state_create(model, streams, &state));
    assert_non_null(state);
    return state;
}

rnn_state *create_random_state(const rnn_model *model, int64_t streams, double scale, uint64_t seed)
{
    rnn_state *state = create_state(model, streams);
    random_source source = {seed};
    int64_t count = state_total(model, state);
    scoped_memory double *values = allocate(count, sizeof(double));
    random_fill(&source, values, count, scale);
    set_state(model, state, values);
    return state;
}

owned_chunk create_random_chunk(int64_t steps, int64_t streams, int64_t input_size, int64_t output_size,
                                double ignored_share, uint64_t seed)
{
    owned_chunk made = {.inputs = allocate(steps * streams, sizeof(int32_t)),
                        .targets = allocate(steps * streams, sizeof(int32_t))};
    random_source source = {seed};
    for (int64_t i = 0; i < steps * streams; i++) {
        made.inputs[i] = random_below(&source, input_size);
        int32_t target = random_below(&source, output_size);
        made.targets[i] = random_between(&source, 0, 1) < ignored_share ? RNN_IGNORE : target;
    }
    assert_ok(rnn_chunk_init(&made.chunk, sizeof made.chunk));
    made.chunk.steps = steps;
    made.chunk.streams = streams;
    made.chunk.inputs = made.inputs;
    made.chunk.targets = made.targets;
    return made;
}

/* Random vectors of a precision: [count][width] */
static void *create_vectors(random_source *source, int32_t precision, int64_t count, int64_t width)
{
    scoped_memory double *doubles = allocate(count * width, sizeof(double));
    void *values = allocate(count * width, precision_size(precision));
    random_fill(source, doubles, count * width, 1);
    from_doubles(precision, doubles, values, count * width);
    return values;
}

/* Replaces a chunk's targets by random vectors. Ignored targets become masked NaNs. */
static void make_targets_vectors(owned_chunk *made, int32_t precision, int64_t output_size, random_source *source)
{
    int64_t rows = made->chunk.steps * made->chunk.streams;
    made->target_vectors = create_vectors(source, precision, rows, output_size);
    made->target_mask = allocate(rows, 1);
    for (int64_t row = 0; row < rows; row++) {
        made->target_mask[row] = made->targets[row] != RNN_IGNORE;
        for (int64_t j = row * output_size; !made->target_mask[row] && j < (row + 1) * output_size; j++) {
            const double nan = NAN;
            from_doubles(precision, &nan, (char *)made->target_vectors + (size_t)j * precision_size(precision), 1);
        }
    }
    free(made->targets);
    made->targets = NULL;
}

owned_chunk create_random_chunk_for(const rnn_model *model, int64_t steps, int64_t streams, double ignored_share,
                                    uint64_t seed)
{
    rnn_model_options options = options_of(model);
    owned_chunk made =
        create_random_chunk(steps, streams, options.input_size, options.output_size, ignored_share, seed);
    random_source source = {~seed};
    if (options.input == RNN_INPUT_VECTORS) {
        free(made.inputs);
        made.inputs = NULL;
        made.input_vectors = create_vectors(&source, options.precision, steps * streams, options.input_size);
    }
    if (options.loss == RNN_LOSS_SQUARED_ERROR)
        make_targets_vectors(&made, options.precision, options.output_size, &source);
    made.input_row = (size_t)options.input_size * precision_size(options.precision);
    made.target_row = (size_t)options.output_size * precision_size(options.precision);
    made.chunk.inputs = made.inputs;
    made.chunk.targets = made.targets;
    made.chunk.input_vectors = made.input_vectors;
    made.chunk.target_vectors = made.target_vectors;
    made.chunk.target_mask = made.target_mask;
    return made;
}

void destroy_chunk(owned_chunk *chunk)
{
    free(chunk->inputs);
    free(chunk->targets);
    free(chunk->input_vectors);
    free(chunk->target_vectors);
    free(chunk->target_mask);
}

rnn_chunk chunk_steps(const owned_chunk *chunk, int64_t first, int64_t steps)
{
    rnn_chunk part = chunk->chunk;
    int64_t row = first * part.streams;
    part.steps = steps;
    part.inputs = chunk->inputs ? chunk->inputs + row : NULL;
    part.targets = chunk->targets ? chunk->targets + row : NULL;
    part.input_vectors = chunk->input_vectors ? (char *)chunk->input_vectors + (size_t)row * chunk->input_row : NULL;
    part.target_vectors =
        chunk->target_vectors ? (char *)chunk->target_vectors + (size_t)row * chunk->target_row : NULL;
    part.target_mask = chunk->target_mask ? chunk->target_mask + row : NULL;
    return part;
}

/* ---- Golden files ---- */

char *read_golden(const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", RNN_TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("cannot open %s", path);
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    long length = ftell(file);
    assert_true(length >= 0);
    rewind(file);
    char *bytes = allocate(length + 1, 1);
    assert_int_equal(fread(bytes, 1, (size_t)length, file), length);
    fclose(file);
    *size = (size_t)length;
    return bytes;
}

double *read_golden_doubles(const char *name, int64_t *count)
{
    size_t size = 0;
    unsigned char *bytes = (unsigned char *)read_golden(name, &size);
    assert_int_equal(size % 8, 0);
    *count = (int64_t)(size / 8);
    double *values = allocate(*count, sizeof(double));
    for (int64_t i = 0; i < *count; i++) {
        uint64_t bits = 0;
        for (int k = 7; k >= 0; k--)
            bits = bits << 8 | bytes[8 * i + k];
        memcpy(&values[i], &bits, sizeof bits);
    }
    free(bytes);
    return values;
}
