/*
 * sampler.c: samplers, which draw symbols from outputs.
 */
#include "sampling/sampler.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "network/cpu.h"
#include "network/loss.h"
#include "network/run.h"
#include "sampling/draw.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    OPTIONS_FIRST_SIZE = offsetof(rnn_sampler_options, seed) + sizeof(uint64_t),
    WINDOW_MOST = 1 << 16,
    EXCLUDED_MOST = SYMBOLS_MOST,
};

static const rnn_sampler_options default_options = {
    .struct_size = sizeof(rnn_sampler_options), .temperature = 1, .top_p = 1, .repetition_penalty = 1};

rnn_status rnn_sampler_options_init(rnn_sampler_options *options, size_t struct_size)
{
    return librnn_struct_init("sampler_options", options, struct_size, &default_options, OPTIONS_FIRST_SIZE,
                              sizeof default_options);
}

/* ---- Options ----------------------------------------------------------------------------------------------------- */

/* top_p must be greater than 0 and at most 1. */
static rnn_status check_top_p(double p)
{
    return rnn_order(p) > 0 && rnn_order(p) <= rnn_order(1)
               ? RNN_OK
               : librnn_fail(RNN_ERROR_ARGUMENT, "top_p is %g; it must be greater than 0 and at most 1", p);
}

static rnn_status check_options(const rnn_sampler_options *o)
{
    RNN_TRY(librnn_check_number("temperature", o->temperature, false));
    RNN_TRY(librnn_check_range("top_k", o->top_k, 0, INT64_MAX));
    RNN_TRY(check_top_p(o->top_p));
    if (!rnn_is_share(o->min_p))
        return librnn_fail(RNN_ERROR_ARGUMENT, "min_p is %g; it must be at least 0 and less than 1", o->min_p);
    RNN_TRY(librnn_check_number("repetition_penalty", o->repetition_penalty, true));
    bool penalty = rnn_order(o->repetition_penalty) != rnn_order(1);
    RNN_TRY(librnn_check_range("repetition_window", o->repetition_window, penalty, penalty ? WINDOW_MOST : 0));
    RNN_TRY(librnn_check_range("excluded_count", o->excluded_count, 0, EXCLUDED_MOST));
    if (o->excluded_count > 0)
        RNN_TRY(librnn_check_pointer("excluded", o->excluded));
    for (int64_t i = 0; i < o->excluded_count; i++)
        if (o->excluded[i] < 0)
            return librnn_fail(RNN_ERROR_SYMBOL, "excluded[%" PRId64 "] is %" PRId32 "; it must be at least 0", i,
                               o->excluded[i]);
    return RNN_OK;
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/*
 * Replaces the excluded ids by a sorted copy without duplicates, which includes the vocabulary's unknown symbol. The
 * copy is NULL if no ids are excluded.
 */
static rnn_status take_excluded(rnn_sampler_options *o)
{
    int32_t unknown = rnn_vocab_unknown(o->vocab), *ids;
    int64_t given = o->excluded_count, all = given + (unknown >= 0), count = 0;
    const int32_t *excluded = o->excluded;
    o->vocab = NULL;
    o->excluded = NULL;
    if (all == 0)
        return RNN_OK;
    RNN_TRY(librnn_allocate("the ids that are excluded", (size_t)all, sizeof *ids, (void **)&ids));
    if (given > 0)
        memcpy(ids, excluded, (size_t)given * sizeof *ids);
    if (unknown >= 0)
        ids[given] = unknown;
    qsort(ids, (size_t)all, sizeof *ids, compare_ids);
    for (int64_t i = 0; i < all; i++)
        if (count == 0 || ids[i] != ids[count - 1])
            ids[count++] = ids[i];
    o->excluded = ids;
    o->excluded_count = count;
    return RNN_OK;
}

rnn_status rnn_sampler_set_options(rnn_sampler *sampler, const rnn_sampler_options *given)
{
    RNN_REQUIRE(sampler);
    rnn_sampler_options options = default_options;
    RNN_TRY(librnn_struct_read("sampler_options", given, &options, OPTIONS_FIRST_SIZE, sizeof options));
    RNN_TRY(check_options(&options));
    RNN_TRY(take_excluded(&options));
    librnn_release((int32_t *)sampler->options.excluded);
    sampler->options = options;
    return RNN_OK;
}

rnn_status rnn_sampler_get_options(const rnn_sampler *sampler, rnn_sampler_options *options)
{
    RNN_REQUIRE(sampler);
    return librnn_struct_write("sampler_options", options, &sampler->options, OPTIONS_FIRST_SIZE, sizeof *options);
}

rnn_status rnn_sampler_create(const rnn_sampler_options *options, rnn_sampler **sampler)
{
    RNN_REQUIRE(sampler);
    rnn_sampler *s;
    RNN_TRY(librnn_allocate("a sampler", 1, sizeof *s, (void **)&s));
    s->options = default_options;
    rnn_status status = options ? rnn_sampler_set_options(s, options) : RNN_OK;
    if (status == RNN_OK)
        *sampler = s;
    else
        rnn_sampler_destroy(s);
    return status;
}

void rnn_sampler_destroy(rnn_sampler *sampler)
{
    if (!sampler)
        return;
    librnn_release((int32_t *)sampler->options.excluded);
    librnn_release(sampler);
}

/* ---- Drawing from the caller's logits ---------------------------------------------------------------------------- */

static RNN_FLOAT_BODY rnn_status draw_rows(rnn_sampler *sampler, const drawing *d, const void *logits, int64_t streams,
                                           void *row, int32_t *ids, double *log_probabilities)
{
    size_t count = (size_t)d->symbols, element = d->precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double);
    const drawn_before nothing = {0};
    RNN_TRY(librnn_check_logits(d->core, d->precision, logits, (size_t)streams, count));
    for (int64_t b = 0; b < streams; b++) {
        memcpy(row, (const char *)logits + (size_t)b * count * element, count * element);
        ids[b] = librnn_draw(d, row, &nothing, b, sampler->drawn, log_probabilities ? &log_probabilities[b] : NULL);
    }
    sampler->drawn++;
    return RNN_OK;
}

rnn_status rnn_sampler_draw(rnn_sampler *sampler, int32_t precision, const void *logits, int64_t streams,
                            int64_t symbols, int32_t *ids, double *log_probabilities)
{
    RNN_REQUIRE(sampler);
    RNN_TRY(librnn_check_enumerator("precision", precision, librnn_precisions));
    RNN_REQUIRE(logits);
    RNN_TRY(librnn_check_range("streams", streams, 1, STREAMS_MOST));
    RNN_TRY(librnn_check_range("symbols", symbols, 1, SYMBOLS_MOST));
    RNN_REQUIRE(ids);
    if (rnn_order(sampler->options.repetition_penalty) != rnn_order(1))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "repetition_penalty is %g; it must be 1, since rnn_sampler_draw() doesn't know earlier ids",
                           sampler->options.repetition_penalty);
    drawing d;
    void *row;
    const rnn_core *core;
    RNN_TRY(librnn_cpu_core(precision, &core));
    RNN_TRY(librnn_draw_begin(&d, sampler, core, precision, symbols, log_probabilities));
    rnn_status status = librnn_allocate("drawing a symbol", (size_t)symbols, sizeof(double), &row);
    if (status == RNN_OK) {
        float_mode mode = rnn_float_enter();
        status = draw_rows(sampler, &d, logits, streams, row, ids, log_probabilities);
        rnn_float_leave(mode);
        librnn_release(row);
    }
    librnn_draw_end(&d);
    return status;
}

/* ---- Sampling from a model --------------------------------------------------------------------------------------- */

/* Draws one symbol for each stream from its outputs [B][O], and overwrites these. ids: [step + 1][B]. */
static rnn_status draw_all(const rnn_model *model, const drawing *d, uint64_t index, int64_t streams, void *outputs,
                           int64_t step, int32_t *ids)
{
    size_t size = (size_t)model->options.output_size;
    for (int64_t b = 0; b < streams; b++) {
        void *row = rnn_model_at(model, outputs, (size_t)b * size);
        if (!model->core->all_finite(row, size))
            return librnn_model_fail_nonfinite(model, "an output of stream %" PRId64 " is not finite", b);
        drawn_before before = {ids + b, step, streams};
        ids[step * streams + b] = librnn_draw(d, row, &before, b, index, NULL);
    }
    return RNN_OK;
}

static RNN_FLOAT_BODY rnn_status sample(const rnn_model *model, rnn_state *state, rnn_sampler *sampler,
                                        const int32_t *first, int64_t n, int32_t *ids)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(state);
    RNN_REQUIRE(sampler);
    RNN_REQUIRE(first);
    RNN_TRY(librnn_check_range("n", n, 0, INT64_MAX));
    if (n > 0)
        RNN_REQUIRE(ids);
    RNN_TRY(librnn_state_check_model(state, model));
    const rnn_model_options *o = &model->options;
    RNN_TRY(librnn_check_writer(model, "sample"));
    RNN_TRY(librnn_check_ids("first", first, (size_t)state->streams, 0, o->input_size));
    if (n == 0)
        return RNN_OK;
    rnn_piece step = {.chunk = {.steps = 1, .streams = state->streams}, .outputs = ids};
    rnn_run run;
    drawing d;
    RNN_TRY(librnn_draw_begin(&d, sampler, model->core, o->precision, o->output_size, false));
    rnn_status status = librnn_run_begin(&run, model, state, &step, false, state->streams * o->output_size);
    if (status != RNN_OK) {
        librnn_draw_end(&d);
        return status;
    }
    step.outputs = run.outputs;
    for (int64_t i = 0; i < n && status == RNN_OK; i++) {
        step.chunk.inputs = i == 0 ? first : ids + (i - 1) * state->streams;
        core_pass pass;
        librnn_run_piece(&run, &step, &pass);
        status = draw_all(model, &d, sampler->drawn + (uint64_t)i, state->streams, run.outputs, i, ids);
    }
    if (status == RNN_OK)
        status = librnn_state_commit(state, model, run.next, NULL);
    if (status == RNN_OK)
        sampler->drawn += (uint64_t)n;
    librnn_run_end(&run);
    librnn_draw_end(&d);
    return status;
}

rnn_status rnn_sample(const rnn_model *model, rnn_state *state, rnn_sampler *sampler, const int32_t *first, int64_t n,
                      int32_t *ids)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = sample(model, state, sampler, first, n, ids);
    rnn_float_leave(mode);
    return status;
}
