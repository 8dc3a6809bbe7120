/* network.c: prepares the series, trains the network with a quantile loss, and runs it. */
#include "forecast.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { VALIDATIONS = 30, AVERAGED = 50 /* updates that the running average spans */ };

char *beside(const char *path, const char *ending)
{
    char *name = allocate(strlen(path) + strlen(ending) + 1);
    return strcat(strcpy(name, path), ending);
}

int median_index(const settings *s)
{
    int k = 0;
    while (s->quantile_list[k] != 0.5)
        k++;
    return k;
}

/* ---- Preparation ---- */

double transform(const settings *s, double y)
{
    return s->log ? log(y) : s->root ? sqrt(y < 0 ? 0 : y) : y; /* a simple forecast may be negative */
}

double restore(const settings *s, double z)
{
    return s->log ? exp(z) : s->root ? fmax(z, 0) * fmax(z, 0) : z;
}

/*
 * Returns c with z_{t+1} = sum over k of c[k] z_{t-k} where all the differences are 0. They multiply to the polynomial
 * (1 - B^a)(1 - B^b)... of the shift B. c: [D]
 */
static double *expand_differences(const settings *s)
{
    double *c = allocate((size_t)(s->reach + 1) * sizeof *c);
    c[0] = 1;
    for (int d = 0; d < s->difference_count; d++)
        for (int64_t k = s->reach; k >= s->differences[d]; k--)
            c[k] -= c[k - s->differences[d]];
    for (int64_t k = 0; k < s->reach; k++)
        c[k] = -c[k + 1];
    return c;
}

static double next_value(const double *c, int64_t reach, const double *last)
{
    double sum = 0;
    for (int64_t k = 0; k < reach; k++)
        sum += c[k] * last[-k];
    return sum;
}

/* Computes z, and fills its gaps with what the differences expect. Without differences that is the mean. */
static void fill_gaps(const settings *s, prepared *p, const double *c)
{
    const double *y = p->source->values;
    double sum = 0;
    int64_t count = 0;
    for (int64_t t = 0; t < p->source->length; t++) {
        char label[LABEL_SIZE];
        if ((s->log && y[t] <= 0) || (s->root && y[t] < 0)) {
            format_time(&p->source->time, t, label);
            fail("%s needs values %s 0; series '%s' has %g at %s", s->log ? "--log" : "--root",
                 s->log ? "above" : "from", p->source->name, y[t], label);
        }
        p->z[t] = transform(s, y[t]);
        if (t < p->training_end && !isnan(y[t])) {
            sum += p->z[t];
            count++;
        }
    }
    if (count == 0)
        fail("series '%s' has no values in the training part", p->source->name);
    for (int64_t t = 0; t < p->source->length; t++)
        if (isnan(y[t]))
            p->z[t] = s->reach == 0   ? sum / (double)count
                      : t >= s->reach ? next_value(c, s->reach, p->z + t - 1)
                                      : p->z[t - 1];
}

/* Computes the base: the values continued as if all later differences were 0. */
static void extend(const settings *s, prepared *p, const double *c)
{
    const int64_t reach = s->reach, steps = s->steps;
    double *line = allocate((size_t)(reach + steps) * sizeof *line);
    for (int64_t t = 0; t < p->source->length; t++)
        for (int64_t h = 0; h < steps; h++) {
            if (h == 0 && t >= reach - 1)
                memcpy(line, p->z + t + 1 - reach, (size_t)reach * sizeof *line);
            line[reach + h] = next_value(c, reach, line + reach + h - 1);
            p->base[t * steps + h] = t >= reach - 1 ? line[reach + h] : NAN;
        }
    free(line);
}

/* Computes z_{t+h} - base, or NaN if the value is missing or not yet known at `end`. h counts from 0. */
static double innovation(const settings *s, const prepared *p, int64_t t, int64_t h, int64_t end)
{
    const int64_t at = t + h + 1;
    if (at >= end || isnan(p->source->values[at]))
        return NAN;
    return p->z[at] - p->base[t * s->steps + h];
}

/* Computes mean and standard deviation. The deviation of a constant is 1. */
static void find_scale(const double *x, int64_t count, double *center, double *spread)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++)
        sum += x[i] - x[0]; /* so that the mean of a constant is exact */
    *center = count > 0 ? x[0] + sum / (double)count : 0;
    for (int64_t i = 0; i < count; i++)
        squares += (x[i] - *center) * (x[i] - *center);
    const double deviation = count > 0 ? sqrt(squares / (double)count) : 0;
    *spread = deviation > 1e-12 * fabs(*center) ? deviation : 1;
}

static void learn_scales(const settings *s, prepared *p)
{
    double *known = allocate((size_t)p->training_end * sizeof *known);
    find_scale(p->z, p->training_end, &p->mean, &p->deviation);
    for (int64_t h = 0; h < s->steps; h++) {
        int64_t count = 0;
        for (int64_t t = 0; t < p->training_end; t++) {
            const double x = innovation(s, p, t, h, p->training_end);
            if (!isnan(x))
                known[count++] = x;
        }
        find_scale(known, count, &p->center[h], &p->spread[h]);
    }
    free(known);
}

static char *series_key(const prepared *p)
{
    char *name = allocate(strlen(p->source->name) + 8), *key;
    key = note_key(strcat(strcpy(name, "series."), p->source->name));
    free(name);
    return key;
}

/* Keeps the parts and the scaling of a series in the model's notes. */
static void keep_scales(const settings *s, const prepared *p, rnn_model *model)
{
    const size_t size = 200 + (size_t)s->steps * 90;
    char *text = allocate(size), *key = series_key(p), label[LABEL_SIZE];
    format_time(&p->source->time, p->test_start, label);
    int used = snprintf(text, size, "%s\t%lld %lld %.17g %.17g", label, (long long)p->training_end,
                        (long long)p->test_start, p->mean, p->deviation);
    for (int64_t h = 0; h < s->steps; h++)
        used +=
            snprintf(text + used, size - (size_t)used, "\n%.17g %.17g %.17g", p->center[h], p->spread[h], p->margin[h]);
    if (rnn_model_set_note(model, key, text) != RNN_OK)
        fail("the model can't have a note about series '%s': %s", p->source->name, rnn_last_error());
    free(text);
    free(key);
}

/* Reads the next number of a note. It must be from `least` to `most`. */
static double read_number(const char **text, double least, double most, const char *series_name)
{
    char *end;
    const double value = strtod(*text, &end);
    if (end == *text || !(value >= least && value <= most))
        fail("the model's note about series '%s' is damaged", series_name);
    *text = end;
    return value;
}

static void recall_scales(const settings *s, prepared *p, const rnn_model *model)
{
    char *key = series_key(p), label[LABEL_SIZE];
    const char *name = p->source->name, *note = rnn_model_note(model, key);
    if (!note)
        fail("the model hasn't been trained on a series '%s'; its notes have the names of those that it knows", name);
    const size_t length = strcspn(note, "\t");
    const char *at = note + length;
    p->training_end = (int64_t)read_number(&at, 1, 1e9, name);
    p->test_start = (int64_t)read_number(&at, (double)p->training_end, 1e9, name);
    p->mean = read_number(&at, -DBL_MAX, DBL_MAX, name);
    p->deviation = read_number(&at, DBL_MIN, DBL_MAX, name);
    for (int64_t h = 0; h < s->steps; h++) {
        p->center[h] = read_number(&at, -DBL_MAX, DBL_MAX, name);
        p->spread[h] = read_number(&at, DBL_MIN, DBL_MAX, name);
        p->margin[h] = read_number(&at, 0, DBL_MAX, name);
    }
    format_time(&p->source->time, p->test_start, label);
    if (strlen(label) != length || strncmp(label, note, length) != 0)
        fail("the test part of series '%s' began at %.*s in training, but now at %s; give the file from its beginning",
             name, (int)length, note, label);
    if (p->test_start > p->source->length)
        fail("series '%s' has %lld values, fewer than in training", name, (long long)p->source->length);
    free(key);
}

/* Divides a series in the order of time. */
static void divide(const settings *s, prepared *p)
{
    const int64_t length = p->source->length, test = s->test >= 0 ? s->test : length / 5;
    const int64_t validation = s->validation >= 0 ? s->validation : test < length ? (length - test) / 6 : 0;
    const int64_t least = s->reach + s->steps + 8;
    p->test_start = length - test;
    p->training_end = p->test_start - validation;
    if (validation < s->steps || p->training_end < least || p->training_end < s->season)
        fail("series '%s' is too short: of %lld values, %lld are for the test and %lld for validation; with these "
             "settings training needs %lld and validation %lld",
             p->source->name, (long long)length, (long long)test, (long long)validation,
             (long long)(least > s->season ? least : s->season), (long long)s->steps);
}

prepared *prepare(const settings *s, const series *all, int64_t count, const rnn_model *model)
{
    prepared *made = allocate((size_t)count * sizeof *made);
    double *c = expand_differences(s);
    for (int64_t i = 0; i < count; i++) {
        prepared *p = &made[i];
        const size_t length = (size_t)all[i].length, steps = (size_t)s->steps;
        *p = (prepared){.source = &all[i],
                        .z = allocate(length * sizeof(double)),
                        .base = allocate(length * steps * sizeof(double)),
                        .center = allocate(steps * sizeof(double)),
                        .spread = allocate(steps * sizeof(double)),
                        .margin = allocate(steps * sizeof(double))};
        for (int part = 0; part < s->calendar_count; part++)
            if (s->calendar_parts[part] != CALENDAR_SEASON && all[i].time.unit < TIME_MONTHS)
                fail("--calendar %s needs --time with dates", calendar_names[s->calendar_parts[part]]);
        if (model)
            recall_scales(s, p, model);
        else
            divide(s, p);
        fill_gaps(s, p, c);
        extend(s, p, c);
        if (!model)
            learn_scales(s, p);
    }
    free(c);
    return made;
}

/* Writes what the network reads at t: values up to t, and the calendar of t + 1, which is known. x: [I] */
static void write_inputs(const settings *s, const prepared *p, int64_t t, float *x)
{
    static const int sizes[CALENDAR_SEASON] = {12, 7, 24};
    for (int i = -1; i < s->lag_count; i++) { /* -1: the last value; then those that are `lag` before t + 1 */
        const int64_t at = i < 0 ? t : t + 1 - s->lag_list[i];
        const double new = at >= 1 ? innovation(s, p, at - 1, 0, p->source->length) : NAN;
        const bool known = !isnan(new);
        *x++ = known ? (float)((new - p->center[0]) / p->spread[0]) : 0;
        *x++ = (float)!known;
    }
    if (s->level)
        *x++ = (float)((p->z[t] - p->mean) / p->deviation);
    for (int i = 0; i < s->calendar_count; i++) {
        const int part = s->calendar_parts[i];
        const int64_t size = part == CALENDAR_SEASON ? s->season : sizes[part];
        const int64_t rows = (int64_t)floor(p->source->time.first / p->source->time.step + 0.5);
        const int64_t now =
            part == CALENDAR_SEASON ? ((rows + t + 1) % size + size) % size : time_part(&p->source->time, t + 1, part);
        for (int64_t k = 0; k < size; k++)
            *x++ = (float)(k == now);
    }
}

/* ---- The network ---- */

/* Runs the network from the beginning to the end. Returns its outputs, [N][H][Q]. */
static float *compute_outputs(const settings *s, const rnn_model *model, const prepared *p)
{
    const int64_t length = p->source->length, size = s->steps * s->quantile_count;
    float *inputs = allocate((size_t)(length * s->inputs) * sizeof *inputs);
    float *outputs = allocate((size_t)(length * size) * sizeof *outputs);
    rnn_state *state;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = length, .streams = 1, .input_vectors = inputs};
    for (int64_t t = 0; t < length; t++)
        write_inputs(s, p, t, inputs + t * s->inputs);
    check(rnn_state_create(model, 1, &state));
    check(rnn_forward(model, state, &chunk, outputs, length * size, NULL));
    rnn_state_destroy(state);
    free(inputs);
    return outputs;
}

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

double *run_network(const settings *s, const rnn_model *model, const prepared *p)
{
    const int64_t length = p->source->length, size = s->steps * s->quantile_count;
    float *outputs = compute_outputs(s, model, p);
    double *quantiles = allocate((size_t)(length * size) * sizeof *quantiles);
    for (int64_t i = 0; i < length * s->steps; i++) {
        const int64_t h = i % s->steps;
        float *row = outputs + i * s->quantile_count;
        qsort(row, (size_t)s->quantile_count, sizeof *row, compare_floats); /* a network may let them cross */
        for (int k = 0; k < s->quantile_count; k++) {
            const double side = s->quantile_list[k] < 0.5 ? -1 : s->quantile_list[k] > 0.5;
            const double z = p->base[i] + p->center[h] + p->spread[h] * (row[k] + side * p->margin[h]);
            quantiles[i * s->quantile_count + k] = restore(s, z);
        }
    }
    free(outputs);
    return quantiles;
}

/* ---- Training ---- */

/*
 * The quantile loss of a quantile q at an error e = target - output: q e above, (q - 1) e below. Returns the sum over
 * the steps and quantiles at one position, and counts them. gradient: [H][Q] with respect to the outputs, or NULL
 */
static double quantile_loss(const settings *s, const prepared *p, int64_t t, int64_t end, const float *outputs,
                            float *gradient, int64_t *count)
{
    double sum = 0;
    for (int64_t h = 0; h < s->steps; h++) {
        const double target = (innovation(s, p, t, h, end) - p->center[h]) / p->spread[h];
        for (int k = 0; k < s->quantile_count && !isnan(target); k++) {
            const int64_t i = h * s->quantile_count + k;
            const double q = s->quantile_list[k], error = target - outputs[i];
            sum += error > 0 ? q * error : (q - 1) * error;
            *count += 1;
            if (gradient)
                gradient[i] = (float)(error > 0 ? -q : 1 - q);
        }
    }
    return sum;
}

/* The mean loss of the forecasts of the validation parts from all origins */
static double validate(const settings *s, const rnn_model *model, const prepared *all, int64_t count)
{
    double sum = 0;
    int64_t counted = 0;
    for (int64_t i = 0; i < count; i++) {
        float *outputs = compute_outputs(s, model, &all[i]);
        for (int64_t t = all[i].training_end - 1; t < all[i].test_start; t++)
            sum += quantile_loss(s, &all[i], t, all[i].test_start, outputs + t * s->steps * s->quantile_count, NULL,
                                 &counted);
        free(outputs);
    }
    return counted > 0 ? sum / (double)counted : INFINITY;
}

/*
 * Sets the margins, so that the intervals cover as much of the validation part as they should (conformalized quantile
 * regression; Romano, Patterson and Candes 2019). Only ever widens them: a network is more sure of what it has learned.
 */
static void widen(const settings *s, const rnn_model *model, prepared *p)
{
    const int64_t last = s->quantile_count - 1;
    const double share = s->quantile_list[last] - s->quantile_list[0];
    float *outputs = compute_outputs(s, model, p);
    float *scores = allocate((size_t)p->source->length * sizeof *scores);
    for (int64_t h = 0; h < s->steps; h++) {
        int64_t count = 0;
        for (int64_t t = p->training_end - 1 - h; t < p->test_start; t++) {
            const float *row = outputs + (t * s->steps + h) * s->quantile_count;
            const double x = innovation(s, p, t, h, p->test_start);
            const double target = (x - p->center[h]) / p->spread[h];
            if (!isnan(target))
                scores[count++] = (float)fmax(row[0] - target, target - row[last]);
        }
        qsort(scores, (size_t)count, sizeof *scores, compare_floats);
        int64_t at = (int64_t)ceil(share * (double)(count + 1)) - 1;
        at = at < count ? at : count - 1;
        p->margin[h] = count > 0 && scores[at] > 0 ? scores[at] : 0;
    }
    free(scores);
    free(outputs);
}

/* Random bits that depend only on the arguments (splitmix64) */
static uint64_t draw(uint64_t seed, uint64_t update, uint64_t index)
{
    uint64_t x = seed * 0x9E3779B97F4A7C15u + update * 0xD1B54A32D192ED03u + index * 0x8CB92BA72F3D8DD7u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* The arrays of one update */
typedef struct batch {
    rnn_chunk chunk;
    float *inputs, *outputs, *gradient; /* [T][B][I], [T][B][H][Q] */
    int64_t *lengths, *starts;          /* [B] */
    const prepared **sources;           /* [B] */
} batch;

static void batch_create(batch *b, const settings *s, const prepared *all, int64_t count)
{
    int64_t longest = 0;
    for (int64_t i = 0; i < count; i++)
        longest = all[i].training_end > longest ? all[i].training_end : longest;
    const int64_t steps = s->window < longest - 1 ? s->window : longest - 1;
    const size_t positions = (size_t)(steps * s->streams), size = (size_t)(s->steps * s->quantile_count);
    *b = (batch){.inputs = allocate(positions * (size_t)s->inputs * sizeof(float)),
                 .outputs = allocate(positions * size * sizeof(float)),
                 .gradient = allocate(positions * size * sizeof(float)),
                 .lengths = allocate((size_t)s->streams * sizeof(int64_t)),
                 .starts = allocate((size_t)s->streams * sizeof(int64_t)),
                 .sources = allocate((size_t)s->streams * sizeof(prepared *))};
    b->chunk = (rnn_chunk){.struct_size = sizeof b->chunk,
                           .steps = steps,
                           .streams = s->streams,
                           .input_vectors = b->inputs,
                           .lengths = b->lengths};
}

static void batch_destroy(batch *b)
{
    free(b->inputs);
    free(b->outputs);
    free(b->gradient);
    free(b->lengths);
    free(b->starts);
    free(b->sources);
}

/* Draws a window of the training part of some series for each stream. A long series is drawn more often. */
static void batch_draw(batch *b, const settings *s, const prepared *all, int64_t count, int64_t update)
{
    uint64_t total = 0;
    for (int64_t i = 0; i < count; i++)
        total += (uint64_t)all[i].training_end;
    for (int64_t j = 0; j < b->chunk.streams; j++) {
        // NOLINTNEXTLINE(clang-analyzer-core.DivideZero): there is a series, and each has a training part
        uint64_t place = draw((uint64_t)s->seed, (uint64_t)update, 2 * (uint64_t)j) % total;
        const prepared *p = all;
        for (; place >= (uint64_t)p->training_end; p++)
            place -= (uint64_t)p->training_end;
        const int64_t known = p->training_end - 1, length = b->chunk.steps < known ? b->chunk.steps : known;
        const uint64_t chosen = draw((uint64_t)s->seed, (uint64_t)update, 2 * (uint64_t)j + 1);
        b->sources[j] = p;
        b->lengths[j] = length;
        b->starts[j] = (int64_t)(chosen % (uint64_t)(known - length + 1));
        for (int64_t t = 0; t < length; t++)
            write_inputs(s, p, b->starts[j] + t, b->inputs + (t * b->chunk.streams + j) * s->inputs);
    }
}

/* Computes the mean loss of the batch and its gradient. In a window the network first reads a quarter to warm up. */
static double batch_loss(batch *b, const settings *s)
{
    const int64_t streams = b->chunk.streams, size = s->steps * s->quantile_count,
                  total = b->chunk.steps * streams * size;
    double sum = 0;
    int64_t count = 0;
    memset(b->gradient, 0, (size_t)total * sizeof *b->gradient);
    for (int64_t j = 0; j < streams; j++)
        for (int64_t t = b->starts[j] > 0 ? b->lengths[j] / 4 : 0; t < b->lengths[j]; t++) {
            const int64_t at = (t * streams + j) * size;
            sum += quantile_loss(s, b->sources[j], b->starts[j] + t, b->sources[j]->training_end, b->outputs + at,
                                 b->gradient + at, &count);
        }
    for (int64_t i = 0; i < total; i++)
        b->gradient[i] /= (float)(count > 0 ? count : 1);
    return count > 0 ? sum / (double)count : 0;
}

/* Trains on one batch. Returns its loss. */
static double update_once(rnn_checkpoint *run, batch *b, const settings *s, int64_t update)
{
    const double rate = rnn_schedule_warmup(update, 20) * rnn_schedule_cosine(update, s->updates, 0.01);
    const double newest = 2 / ((double)update + 2), usual = 1.0 / AVERAGED;
    rnn_chunk_gradients gradients = {.struct_size = sizeof gradients, .outputs = b->gradient};
    check(rnn_state_reset(run->state));
    check(rnn_forward_training(run->model, run->state, &b->chunk, b->outputs,
                               b->chunk.steps * b->chunk.streams * s->steps * s->quantile_count));
    const double loss = batch_loss(b, s);
    check(rnn_backward(run->model, run->state, &gradients));
    check(rnn_optimizer_set_learning_rate(run->optimizer, s->learning_rate * rate));
    check(rnn_optimizer_step(run->optimizer, run->model));
    check(rnn_model_average(run->average, run->model, newest > usual ? newest : usual));
    return loss;
}

/* Continues a checksum over the bytes of an array (FNV-1a). */
static uint64_t add_to_checksum(uint64_t sum, const void *array, size_t size)
{
    for (size_t k = 0; k < size; k++)
        sum = (sum ^ ((const unsigned char *)array)[k]) * 1099511628211u;
    return sum;
}

/* A checksum of the series, to find out whether a run is resumed with others */
static void write_checksum(const prepared *all, int64_t count, char text[LABEL_SIZE])
{
    uint64_t sum = 14695981039346656037u;
    for (int64_t i = 0; i < count; i++) {
        const series *one = all[i].source;
        sum = add_to_checksum(sum, one->name, strlen(one->name) + 1);
        sum = add_to_checksum(sum, &one->time.first, sizeof one->time.first);
        sum = add_to_checksum(sum, &one->time.step, sizeof one->time.step);
        sum = add_to_checksum(sum, one->values, (size_t)one->length * sizeof *one->values);
    }
    snprintf(text, LABEL_SIZE, "%016llx", (unsigned long long)sum);
}

static void create_run(rnn_checkpoint *run, const settings *s, const prepared *all, int64_t count)
{
    rnn_model_options options;
    rnn_optimizer_options rule;
    char checksum[LABEL_SIZE];
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = strcmp(s->cell, "lstm") == 0  ? RNN_CELL_LSTM
                   : strcmp(s->cell, "gru") == 0 ? RNN_CELL_GRU
                                                 : RNN_CELL_TANH;
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR; /* not used: the loss is our own */
    options.input_size = s->inputs;
    options.output_size = s->steps * s->quantile_count;
    options.hidden_size = s->hidden;
    options.layers = s->layers;
    options.initialization = RNN_INIT_UNIFORM;
    options.forget_bias = options.cell == RNN_CELL_LSTM;
    options.seed = (uint64_t)s->seed;
    check(rnn_model_create(&options, &run->model));
    write_settings(s, run->model);
    write_checksum(all, count, checksum);
    check(rnn_model_set_note(run->model, "forecast.checksum", checksum));
    for (int64_t i = 0; i < count; i++)
        keep_scales(s, &all[i], run->model);
    check(rnn_model_copy(run->model, &run->average));
    check(rnn_state_create(run->model, s->streams, &run->state));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAMW));
    rule.weight_decay = s->weight_decay;
    rule.spare_biases = s->weight_decay > 0;
    rule.clip_norm = 1;
    check(rnn_optimizer_create(run->model, &rule, &run->optimizer));
    run->values[0] = INFINITY; /* the best validation loss */
}

static void resume_run(rnn_checkpoint *run, const settings *s, const prepared *all, int64_t count, const char *path)
{
    char checksum[LABEL_SIZE];
    check(rnn_checkpoint_load(path, run));
    compare_settings(s, run->model, path);
    const char *kept = rnn_model_note(run->model, "forecast.checksum");
    write_checksum(all, count, checksum);
    if (!kept || strcmp(kept, checksum) != 0)
        fail("%s was trained on other series, or they have changed; train anew without --resume", path);
    if (!run->optimizer || !run->average || rnn_state_streams(run->state) != s->streams || !model_fits(run->model, s) ||
        run->counters[0] < 0)
        fail("%s isn't a checkpoint of forecast train", path);
}

/* Saves the running average as the model if it is the best so far. */
static void keep_best(rnn_checkpoint *run, const settings *s, prepared *all, int64_t count, const char *path,
                      double validation)
{
    rnn_model *best;
    if (!(validation < run->values[0]))
        return;
    run->values[0] = validation;
    check(rnn_model_copy(run->average, &best));
    for (int64_t i = 0; i < count; i++) {
        widen(s, best, &all[i]);
        keep_scales(s, &all[i], best);
    }
    check(rnn_model_save(best, NULL, path));
    rnn_model_destroy(best);
}

void train(const settings *s, prepared *all, int64_t count, const char *path, bool resume, bool quiet)
{
    rnn_checkpoint run = {.struct_size = sizeof run};
    char *checkpoint = beside(path, ".checkpoint");
    progress_line line;
    batch b;
    double sum = 0;
    int64_t summed = 0, every = s->updates / VALIDATIONS > 0 ? s->updates / VALIDATIONS : 1;
    if (resume) {
        rnn_model *best;
        resume_run(&run, s, all, count, checkpoint);
        check(rnn_model_load(path, NULL, &best, NULL)); /* it may stay the best, so it must be there */
        rnn_model_destroy(best);
    } else {
        create_run(&run, s, all, count);
    }
    batch_create(&b, s, all, count);
    progress_open(&line, quiet);
    const int64_t first = run.counters[0];
    const double begun = now();
    for (int64_t update = first; update < s->updates; update++) {
        batch_draw(&b, s, all, count, update);
        sum += update_once(&run, &b, s, update);
        summed++;
        if (progress_is_due(&line)) {
            char bar[BAR_SIZE];
            progress_bar(bar, (double)(update + 1 - first) / (double)(s->updates - first), now() - begun);
            progress_show(&line, "%s, training %.4f, best validation %.4f", bar, sum / (double)summed, run.values[0]);
        }
        if ((update + 1) % every != 0 && update + 1 != s->updates)
            continue;
        const double validation = validate(s, run.average, all, count), best = run.values[0];
        keep_best(&run, s, all, count, path, validation);
        run.counters[0] = update + 1;
        check(rnn_checkpoint_save(&run, checkpoint));
        progress_clear(&line);
        if (!quiet)
            printf("update %lld: training %.4f, validation %.4f%s\n", (long long)update + 1, sum / (double)summed,
                   validation, validation < best ? ", the best so far" : "");
        flush_output();
        sum = 0;
        summed = 0;
    }
    progress_clear(&line);
    if (!isfinite(run.values[0]))
        fail("the validation part has no values, so no model could be chosen");
    batch_destroy(&b);
    rnn_model_destroy(run.model);
    rnn_model_destroy(run.average);
    rnn_optimizer_destroy(run.optimizer);
    rnn_state_destroy(run.state);
    free(checkpoint);
}
