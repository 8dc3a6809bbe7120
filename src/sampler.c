/*
 * sampler.c: from outputs to symbols.
 */
#include "sampler.h"

#include "compute.h"
#include "float_mode.h"
#include "memory.h"
#include "random.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { OPTIONS_FIRST_SIZE = offsetof(rnn_sampler_options, seed) + sizeof(uint64_t) };

/* Sampling takes its random numbers from another key than the initial parameters. */
#define SAMPLER_KEY UINT64_C(0x73616d706c657200)

static const rnn_sampler_options default_options = {.struct_size = sizeof(rnn_sampler_options), .temperature = 1};

rnn_status rnn_sampler_options_init(rnn_sampler_options *options, size_t struct_size)
{
    return librnn_struct_init("sampler_options", options, struct_size, &default_options, OPTIONS_FIRST_SIZE,
                              sizeof default_options);
}

rnn_status rnn_sampler_create(const rnn_sampler_options *given, rnn_sampler **sampler)
{
    RNN_REQUIRE(sampler);
    rnn_sampler_options options = default_options;
    if (given)
        RNN_TRY(librnn_struct_read("sampler_options", given, &options, OPTIONS_FIRST_SIZE, sizeof options));
    RNN_TRY(librnn_check_number("temperature", options.temperature, false));
    rnn_sampler *s;
    RNN_TRY(librnn_allocate("a sampler", 1, sizeof *s, (void **)&s));
    s->options = options;
    *sampler = s;
    return RNN_OK;
}

void rnn_sampler_destroy(rnn_sampler *sampler)
{
    librnn_release(sampler);
}

/* The first of the largest */
static int32_t most_likely(const rnn_model *model, const void *logits)
{
    int32_t best = 0;
    for (int64_t i = 1; i < model->options.output_size; i++)
        if (rnn_model_number(model, logits, (size_t)i) > rnn_model_number(model, logits, (size_t)best))
            best = (int32_t)i;
    return best;
}

/* The symbol at which the sum of the weights passes the share u in [0, 1) of all; by rounding at last, the last
 * possible. */
static int32_t draw(const rnn_model *model, const void *weights, double u)
{
    double total = 0, sum = 0;
    int32_t last = 0;
    for (int64_t i = 0; i < model->options.output_size; i++)
        total += rnn_model_number(model, weights, (size_t)i);
    for (int64_t i = 0; i < model->options.output_size; i++) {
        double weight = rnn_model_number(model, weights, (size_t)i);
        if (weight > 0)
            last = (int32_t)i;
        sum += weight;
        if (sum > u * total)
            return last;
    }
    return last;
}

/* One symbol for each stream from its outputs [B][O], which are used up. */
static rnn_status draw_all(const rnn_model *model, const rnn_sampler *sampler, uint64_t index, int64_t streams,
                           void *outputs, int32_t *ids)
{
    size_t size = (size_t)model->options.output_size;
    for (int64_t b = 0; b < streams; b++) {
        void *row = rnn_model_at(model, outputs, (size_t)b * size);
        if (!model->core->all_finite(row, size))
            return librnn_model_fail_nonfinite(model, "an output of stream %" PRId64 " is not finite", b);
        if (sampler->options.temperature == 0) {
            ids[b] = most_likely(model, row);
            continue;
        }
        model->core->exponentials(row, size, 1 / sampler->options.temperature);
        ids[b] = draw(model, row, librnn_random_uniform(sampler->options.seed ^ SAMPLER_KEY, (uint64_t)b, index));
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
    if (o->input == RNN_INPUT_VECTORS || o->loss != RNN_LOSS_CROSS_ENTROPY)
        return librnn_fail(RNN_ERROR_MISMATCH,
                           "the model has vectors as inputs or outputs; to sample, both must be ids");
    if (o->input_size != o->output_size)
        return librnn_fail(RNN_ERROR_MISMATCH,
                           "input_size is %" PRId64 " and output_size is %" PRId64
                           "; to sample, both must be the same symbols",
                           o->input_size, o->output_size);
    RNN_TRY(librnn_check_ids("first", first, (size_t)state->streams, 0, o->input_size));
    if (n == 0)
        return RNN_OK;
    rnn_piece step = {.chunk = {.steps = 1, .streams = state->streams}, .outputs = ids};
    rnn_run run;
    RNN_TRY(librnn_run_begin(&run, model, state, &step, false, state->streams * o->output_size));
    step.outputs = run.outputs;
    rnn_status status = RNN_OK;
    for (int64_t i = 0; i < n && status == RNN_OK; i++) {
        step.chunk.inputs = i == 0 ? first : ids + (i - 1) * state->streams;
        core_pass pass;
        librnn_run_piece(&run, &step, &pass);
        status = draw_all(model, sampler, sampler->drawn + (uint64_t)i, state->streams, run.outputs,
                          ids + i * state->streams);
    }
    if (status == RNN_OK)
        status = librnn_state_commit(state, model, run.next);
    if (status == RNN_OK)
        sampler->drawn += (uint64_t)n;
    librnn_run_end(&run);
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
