/*
 * draw.c: draws a symbol from logits. It applies, in this order, the repetition penalty, excluded ids, the temperature,
 * top-k, top-p and min-p. Then it draws from the remaining symbols in the order of their ids, so a filter that removes
 * nothing doesn't change the draw.
 */
#include "sampling/draw.h"

#include "base/logarithm.h"
#include "base/memory.h"
#include "base/random.h"
#include "network/model.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Sampling uses a different random key from the initial parameters. */
#define SAMPLER_KEY UINT64_C(0x73616d706c657200)

static bool needs_candidates(const rnn_sampler_options *o)
{
    return o->top_k > 0 || rnn_order(o->top_p) < rnn_order(1);
}

rnn_status librnn_draw_begin(drawing *d, const rnn_sampler *sampler, const rnn_core *core, int32_t precision,
                             int64_t symbols, bool log_probabilities)
{
    const rnn_sampler_options *o = &sampler->options;
    size_t candidates = needs_candidates(o) ? (size_t)symbols * sizeof(candidate) : 0;
    size_t copy = log_probabilities ? (size_t)symbols * sizeof(double) : 0;
    *d = (drawing){.sampler = sampler, .core = core, .precision = precision, .symbols = symbols};
    for (int64_t i = 0; i < o->excluded_count; i++)
        if (o->excluded[i] >= symbols)
            return librnn_fail(RNN_ERROR_SYMBOL, "excluded[%" PRId64 "] is %" PRId32 "; it must be 0 to %" PRId64, i,
                               o->excluded[i], symbols - 1);
    if (o->excluded_count == symbols)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "all %" PRId64 " symbols are excluded; at least one must be left to draw", symbols);
    if (candidates + copy == 0)
        return RNN_OK;
    RNN_TRY(librnn_allocate("drawing a symbol", candidates + copy, 1, &d->memory));
    d->candidates = candidates > 0 ? d->memory : NULL;
    d->copy = copy > 0 ? (char *)d->memory + candidates : NULL;
    return RNN_OK;
}

void librnn_draw_end(drawing *d)
{
    librnn_release(d->memory);
}

static double get(const drawing *d, const void *numbers, int64_t i)
{
    return rnn_number_of(d->precision, numbers, (size_t)i);
}

static void set(const drawing *d, void *numbers, int64_t i, double value)
{
    if (d->precision == RNN_FLOAT32)
        ((float *)numbers)[i] = (float)value;
    else
        ((double *)numbers)[i] = value;
}

/* ---- Before the softmax ------------------------------------------------------------------------------------------ */

static bool occurs(const drawn_before *before, int64_t from, int32_t id)
{
    for (int64_t i = from; i < before->count; i++)
        if (before->ids[i * before->stride] == id)
            return true;
    return false;
}

/* The repetition penalty of Keskar et al. 2019. It applies once to each symbol that has occurred, however often. */
static void penalise(const drawing *d, const drawn_before *before, void *logits)
{
    const rnn_sampler_options *o = &d->sampler->options;
    int64_t first = before->count > o->repetition_window ? before->count - o->repetition_window : 0;
    if (rnn_order(o->repetition_penalty) == rnn_order(1))
        return;
    for (int64_t i = first; i < before->count; i++) {
        int32_t id = before->ids[i * before->stride];
        if (id < 0 || occurs(before, i + 1, id))
            continue;
        double logit = get(d, logits, id);
        /* formula: sampling-penalty */
        set(d, logits, id, logit > 0 ? logit / o->repetition_penalty : logit * o->repetition_penalty);
    }
}

static void exclude(const drawing *d, void *logits)
{
    const rnn_sampler_options *o = &d->sampler->options;
    for (int64_t i = 0; i < o->excluded_count; i++)
        set(d, logits, o->excluded[i], -(double)INFINITY); /* formula: sampling-excluded */
}

/* The most likely symbol, or the first of several that are equally likely. */
static int32_t most_likely(const drawing *d, const void *logits)
{
    int32_t best = 0;
    for (int64_t i = 1; i < d->symbols; i++)
        if (get(d, logits, i) > get(d, logits, best))
            best = (int32_t)i;
    return best;
}

/* ---- Filters ----------------------------------------------------------------------------------------------------- */

/* The more likely candidate comes first. If both are equally likely, the one with the lower id comes first. */
static bool comes_before(const candidate *a, const candidate *b)
{
    return a->weight > b->weight || (a->weight == b->weight && a->id < b->id);
}

/* Sinks an element to its place in a heap. The root of the heap is the candidate that comes last. */
static void sink(candidate *heap, int64_t count, int64_t at)
{
    for (int64_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        if (child + 1 < count && comes_before(&heap[child], &heap[child + 1]))
            child++;
        if (!comes_before(&heap[at], &heap[child]))
            return;
        candidate swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

void librnn_keep_best(candidate *best, int64_t *count, int64_t most, candidate c)
{
    if (*count < most) {
        best[(*count)++] = c;
        if (*count < most)
            return;
        for (int64_t at = *count / 2; at-- > 0;)
            sink(best, *count, at);
    } else if (comes_before(&c, &best[0])) {
        best[0] = c;
        sink(best, *count, 0);
    }
}

void librnn_sort_best(candidate *best, int64_t count)
{
    for (int64_t at = count / 2; at-- > 0;)
        sink(best, count, at);
    for (int64_t left = count; left > 1;) {
        candidate last = best[0];
        best[0] = best[--left];
        best[left] = last;
        sink(best, left, 0);
    }
}

/* Finds the most likely symbols, at most `most`, in order. Returns their number. */
static int64_t sort_candidates(const drawing *d, const void *weights, int64_t most)
{
    int64_t count = 0;
    for (int64_t i = 0; i < d->symbols; i++) {
        candidate c = {get(d, weights, i), i};
        librnn_keep_best(d->candidates, &count, most, c);
    }
    librnn_sort_best(d->candidates, count);
    return count;
}

/* The number of candidates, in order, that together reach the share top_p of the total weight. */
static int64_t nucleus(const drawing *d, int64_t count)
{
    double total = 0, sum = 0;
    for (int64_t i = 0; i < count; i++)
        total += d->candidates[i].weight;
    for (int64_t i = 0; i < count; i++) {
        sum += d->candidates[i].weight;
        if (sum >= d->sampler->options.top_p * total) /* formula: sampling-top-p */
            return i + 1;
    }
    return count;
}

/* Sets the weights of symbols that the filters remove to 0. The largest weight is 1. */
static void filter(const drawing *d, void *weights)
{
    const rnn_sampler_options *o = &d->sampler->options;
    if (d->candidates) {
        int64_t most = o->top_k > 0 && o->top_k < d->symbols ? o->top_k : d->symbols; /* formula: sampling-top-k */
        int64_t count = nucleus(d, sort_candidates(d, weights, most));
        for (int64_t i = 0; i < d->symbols; i++)
            set(d, weights, i, 0);
        for (int64_t i = 0; i < count; i++)
            set(d, weights, d->candidates[i].id, d->candidates[i].weight);
    }
    if (rnn_order(o->min_p) > 0)
        for (int64_t i = 0; i < d->symbols; i++)
            if (get(d, weights, i) < o->min_p) /* formula: sampling-min-p */
                set(d, weights, i, 0);
}

/* ---- Drawing ----------------------------------------------------------------------------------------------------- */

/*
 * Returns the first symbol at which the cumulative weight exceeds u times the total, for u in [0, 1). If rounding
 * prevents that, returns the last symbol whose weight isn't 0.
 */
static int32_t pick(const drawing *d, const void *weights, double u)
{
    double total = 0, sum = 0;
    int32_t last = 0;
    for (int64_t i = 0; i < d->symbols; i++)
        total += get(d, weights, i);
    for (int64_t i = 0; i < d->symbols; i++) {
        double weight = get(d, weights, i);
        if (weight > 0)
            last = (int32_t)i;
        sum += weight;
        if (sum > u * total) /* formula: sampling-draw */
            return last;
    }
    return last;
}

static int32_t draw(const drawing *d, void *logits, const drawn_before *before, int64_t stream, uint64_t index)
{
    const rnn_sampler_options *o = &d->sampler->options;
    penalise(d, before, logits);
    exclude(d, logits);
    if (o->temperature == 0)
        return most_likely(d, logits);
    d->core->exponentials(logits, (size_t)d->symbols, 1 / o->temperature); /* formula: sampling-temperature */
    filter(d, logits);
    return pick(d, logits, librnn_random_uniform(o->seed ^ SAMPLER_KEY, (uint64_t)stream, index));
}

/* log softmax(logits)[k] = logits[k] - largest - log_total. */
typedef struct normaliser {
    double largest, log_total;
} normaliser;

/* Overwrites the logits. */
static normaliser normalise(const drawing *d, void *logits)
{
    double largest = get(d, logits, most_likely(d, logits)), total = 0;
    d->core->exponentials(logits, (size_t)d->symbols, 1);
    for (int64_t i = 0; i < d->symbols; i++)
        total += get(d, logits, i);
    return (normaliser){largest, logarithm(total)};
}

static size_t row_bytes(const drawing *d)
{
    return (size_t)d->symbols * (d->precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double));
}

void librnn_log_probabilities(const drawing *d, const void *logits, double *logs)
{
    const rnn_sampler_options *o = &d->sampler->options;
    memcpy(d->copy, logits, row_bytes(d));
    normaliser n = normalise(d, d->copy);
    for (int64_t i = 0; i < d->symbols; i++)
        logs[i] = get(d, logits, i) - n.largest - n.log_total;
    for (int64_t i = 0; i < o->excluded_count; i++)
        logs[o->excluded[i]] = -(double)INFINITY;
}

int32_t librnn_draw(const drawing *d, void *logits, const drawn_before *before, int64_t stream, uint64_t index,
                    double *log_probability)
{
    if (log_probability)
        memcpy(d->copy, logits, row_bytes(d));
    int32_t id = draw(d, logits, before, stream, index);
    if (log_probability) {
        double logit = get(d, d->copy, id);
        normaliser n = normalise(d, d->copy);
        *log_probability = logit - n.largest - n.log_total; /* formula: sampling-log-probability */
    }
    return id;
}

/* ---- Which models can write -------------------------------------------------------------------------------------- */

rnn_status librnn_check_writer(const rnn_model *model, const char *verb)
{
    const rnn_model_options *o = &model->options;
    if (o->input == RNN_INPUT_VECTORS || o->loss != RNN_LOSS_CROSS_ENTROPY)
        return librnn_fail(RNN_ERROR_MISMATCH, "the model has vectors as inputs or outputs; to %s, both must be ids",
                           verb);
    if (o->input_size != o->output_size)
        return librnn_fail(RNN_ERROR_MISMATCH,
                           "input_size is %" PRId64 " and output_size is %" PRId64 "; to %s, they must be equal",
                           o->input_size, o->output_size, verb);
    if (o->bidirectional)
        return librnn_fail(
            RNN_ERROR_MISMATCH,
            "the model is bidirectional; to %s, it must not be, since it would read symbols that aren't drawn yet",
            verb);
    return RNN_OK;
}
