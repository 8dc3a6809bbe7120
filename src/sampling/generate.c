/*
 * generate.c: lets a model read prompts and continue them symbol by symbol, until each stream ends.
 */
#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "network/run.h"
#include "sampling/draw.h"

#include <inttypes.h>
#include <string.h>

static const rnn_generate_options default_options = {.struct_size = sizeof(rnn_generate_options), .stop = RNN_IGNORE};

rnn_status rnn_generate_options_init(rnn_generate_options *options, size_t struct_size)
{
    return librnn_struct_init("generate_options", options, struct_size, &default_options, sizeof default_options,
                              sizeof default_options);
}

/* A call in progress. P is the number of prompt steps, n the maximum number of generated symbols. */
typedef struct generation {
    const rnn_model *model;
    const rnn_generate_options *options;
    rnn_state *state; /* a copy of the caller's state, which advances */
    drawing drawing;
    int64_t streams, symbols;
    void *memory;   /* one block that holds all of the following */
    void *outputs;  /* [B][O] outputs after the last symbol of each stream */
    int32_t *ids;   /* [P + n][B] symbols read and drawn; RNN_IGNORE after the end of a stream or of its prompt */
    int64_t *going; /* [B] lengths of a chunk of one step: 1 while a stream goes on, then 0 */
    double *probabilities; /* [n][B] log-probabilities */
} generation;

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

static rnn_status check_prompt_lengths(const rnn_generate_options *o, int64_t streams)
{
    if (!o->prompt_lengths)
        return RNN_OK;
    for (int64_t b = 0; b < streams; b++)
        if (o->prompt_lengths[b] < 0 || o->prompt_lengths[b] > o->prompt_steps)
            return librnn_fail(RNN_ERROR_ARGUMENT,
                               "prompt_lengths[%" PRId64 "] is %" PRId64 "; it must be 0 to prompt_steps, %" PRId64, b,
                               o->prompt_lengths[b], o->prompt_steps);
    return RNN_OK;
}

static rnn_status check_prompt(const rnn_model *model, const rnn_generate_options *o, int64_t streams)
{
    RNN_TRY(check_prompt_lengths(o, streams));
    for (int64_t i = 0; i < o->prompt_steps * streams; i++) {
        bool read = !o->prompt_lengths || i / streams < o->prompt_lengths[i % streams];
        if (read && (o->prompt[i] < 0 || o->prompt[i] >= model->options.input_size))
            return librnn_fail(RNN_ERROR_SYMBOL, "prompt[%" PRId64 "] is %" PRId32 "; it must be 0 to %" PRId64, i,
                               o->prompt[i], model->options.input_size - 1);
    }
    return RNN_OK;
}

static rnn_status check_options(const rnn_model *model, const rnn_generate_options *o, int64_t streams)
{
    RNN_TRY(librnn_check_range("prompt_steps", o->prompt_steps, 0, STEPS_MOST));
    RNN_TRY(librnn_check_range("most", o->most, 0, STEPS_MOST));
    RNN_TRY(librnn_check_range("stop", o->stop, RNN_IGNORE, model->options.output_size - 1));
    RNN_TRY(librnn_check_range("reserved", o->reserved, 0, 0));
    if (o->prompt_steps > 0)
        RNN_TRY(librnn_check_pointer("prompt", o->prompt));
    return check_prompt(model, o, streams);
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

static rnn_status begin(generation *g, const rnn_sampler *sampler, const rnn_state *state, bool probabilities)
{
    const rnn_model *m = g->model;
    uint64_t streams = (uint64_t)g->streams, steps = (uint64_t)(g->options->prompt_steps + g->options->most);
    uint64_t outputs = streams * (uint64_t)g->symbols * sizeof(double), going = streams * sizeof *g->going;
    uint64_t numbers = probabilities ? (uint64_t)g->options->most * streams * sizeof(double) : 0;
    uint64_t bytes = outputs + going + numbers + steps * streams * sizeof *g->ids; /* less than 2^50 */
    if (bytes > SIZE_MAX / 2)
        return librnn_fail(RNN_ERROR_MEMORY, "out of memory for generating symbols (%" PRIu64 " bytes)", bytes);
    RNN_TRY(librnn_draw_begin(&g->drawing, sampler, m->core, m->options.precision, g->symbols, probabilities));
    RNN_TRY(rnn_state_create(m, g->streams, &g->state));
    RNN_TRY(rnn_state_copy(g->state, state));
    RNN_TRY(librnn_allocate("generating symbols", (size_t)bytes, 1, &g->memory));
    g->outputs = g->memory;
    g->going = (int64_t *)(void *)((char *)g->outputs + outputs);
    g->probabilities = (double *)(void *)((char *)g->going + going);
    g->ids = (int32_t *)(void *)((char *)g->probabilities + numbers);
    return RNN_OK;
}

static void end(generation *g)
{
    librnn_draw_end(&g->drawing);
    rnn_state_destroy(g->state);
    librnn_release(g->memory);
}

/* ---- Reading and writing ----------------------------------------------------------------------------------------- */

static rnn_status read_prompt(generation *g)
{
    const rnn_generate_options *o = g->options;
    for (int64_t i = 0; i < o->prompt_steps * g->streams; i++) {
        bool read = !o->prompt_lengths || i / g->streams < o->prompt_lengths[i % g->streams];
        g->ids[i] = read ? o->prompt[i] : RNN_IGNORE;
    }
    for (int64_t b = 0; b < g->streams; b++)
        g->going[b] = 1;
    rnn_chunk chunk = {.struct_size = sizeof chunk,
                       .steps = o->prompt_steps,
                       .streams = g->streams,
                       .inputs = o->prompt,
                       .lengths = o->prompt_lengths};
    return o->prompt_steps > 0 ? rnn_forward(g->model, g->state, &chunk, NULL, 0, NULL) : RNN_OK;
}

/* Draws the symbols of step `step` for the streams that go on. *any: whether there was such a stream. */
static rnn_status draw_step(generation *g, uint64_t index, int64_t step, bool *any)
{
    int64_t row = g->options->prompt_steps + step;
    *any = false;
    for (int64_t b = 0; b < g->streams; b++) {
        void *logits = rnn_model_at(g->model, g->outputs, (size_t)(b * g->symbols));
        int32_t *id = &g->ids[row * g->streams + b];
        double *probability = g->drawing.copy ? &g->probabilities[step * g->streams + b] : NULL;
        *id = RNN_IGNORE;
        if (probability)
            *probability = 0;
        if (!g->going[b])
            continue;
        if (!g->model->core->all_finite(logits, (size_t)g->symbols))
            return librnn_model_fail_nonfinite(g->model, "an output of stream %" PRId64 " is not finite", b);
        drawn_before before = {g->ids + b, row, g->streams};
        *id = librnn_draw(&g->drawing, logits, &before, b, index, probability);
        *any = true;
    }
    return RNN_OK;
}

/* Feeds the drawn symbols to the model. A stream that has drawn the stop symbol ends after reading it. */
static rnn_status feed_step(generation *g, int64_t step)
{
    const int32_t *ids = g->ids + (g->options->prompt_steps + step) * g->streams;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = g->streams, .inputs = ids};
    bool all = true;
    for (int64_t b = 0; b < g->streams; b++)
        all = all && g->going[b];
    if (!all)
        chunk.lengths = g->going;
    RNN_TRY(rnn_forward(g->model, g->state, &chunk, g->outputs, g->streams * g->symbols, NULL));
    for (int64_t b = 0; b < g->streams; b++)
        g->going[b] = g->going[b] && (g->options->stop < 0 || ids[b] != g->options->stop);
    return RNN_OK;
}

static rnn_status write_all(generation *g, const rnn_sampler *sampler, int64_t *steps)
{
    bool any = true;
    RNN_TRY(read_prompt(g));
    if (g->options->most > 0)
        RNN_TRY(librnn_decode_state(g->model, g->state, g->outputs));
    for (*steps = 0; *steps < g->options->most; ++*steps) {
        RNN_TRY(draw_step(g, sampler->drawn + (uint64_t)*steps, *steps, &any));
        if (!any)
            return RNN_OK;
        RNN_TRY(feed_step(g, *steps));
    }
    return RNN_OK;
}

/* Writes the results to the caller's arrays. Steps after the last step of any stream are empty. */
static void give(const generation *g, int64_t steps, int32_t *ids, int64_t *counts, double *log_probabilities)
{
    const int32_t *drawn = g->ids + g->options->prompt_steps * g->streams;
    int64_t written = steps * g->streams, all = g->options->most * g->streams;
    if (counts)
        memset(counts, 0, (size_t)g->streams * sizeof *counts);
    for (int64_t i = 0; i < all; i++) {
        ids[i] = i < written ? drawn[i] : RNN_IGNORE;
        if (counts)
            counts[i % g->streams] += ids[i] != RNN_IGNORE;
        if (log_probabilities)
            log_probabilities[i] = i < written ? g->probabilities[i] : 0;
    }
}

static RNN_FLOAT_BODY rnn_status generate(generation *g, rnn_state *state, rnn_sampler *sampler, int32_t *ids,
                                          int64_t *counts, double *log_probabilities)
{
    int64_t steps = 0;
    rnn_status status = begin(g, sampler, state, log_probabilities);
    if (status == RNN_OK)
        status = write_all(g, sampler, &steps);
    if (status == RNN_OK)
        status = rnn_state_copy(state, g->state);
    if (status == RNN_OK) {
        sampler->drawn += (uint64_t)steps;
        give(g, steps, ids, counts, log_probabilities);
    }
    end(g);
    return status;
}

rnn_status rnn_generate(const rnn_model *model, rnn_state *state, rnn_sampler *sampler,
                        const rnn_generate_options *given, int32_t *ids, int64_t *counts, double *log_probabilities)
{
    rnn_generate_options options = default_options;
    RNN_REQUIRE(model);
    RNN_REQUIRE(state);
    RNN_REQUIRE(sampler);
    RNN_TRY(librnn_struct_read("generate_options", given, &options, sizeof options, sizeof options));
    RNN_TRY(librnn_state_check_model(state, model));
    RNN_TRY(librnn_check_writer(model, "generate"));
    RNN_TRY(check_options(model, &options, state->streams));
    if (options.most > 0)
        RNN_REQUIRE(ids);
    generation g = {
        .model = model, .options = &options, .streams = state->streams, .symbols = model->options.output_size};
    float_mode mode = rnn_float_enter();
    rnn_status status = generate(&g, state, sampler, ids, counts, log_probabilities);
    rnn_float_leave(mode);
    return status;
}
