/*
 * beam.c: finds the most probable continuations by beam search. The hypotheses are the streams of one state.
 */
#include "base/float_mode.h"
#include "base/logarithm.h"
#include "base/memory.h"
#include "network/cpu.h"
#include "network/run.h"
#include "sampling/draw.h"

#include <inttypes.h>
#include <string.h>

static const rnn_beam_options default_options = {
    .struct_size = sizeof(rnn_beam_options), .beams = 4, .results = 1, .stop = RNN_IGNORE};

rnn_status rnn_beam_options_init(rnn_beam_options *options, size_t struct_size)
{
    return librnn_struct_init("beam_options", options, struct_size, &default_options, sizeof default_options,
                              sizeof default_options);
}

/* One symbol of a hypothesis. */
typedef struct beam_node {
    int32_t id;
    int32_t parent; /* index of the previous node, among the nodes of the previous step */
} beam_node;

/* A continuation so far. Its last symbol is nodes[count - 1][node]. */
typedef struct hypothesis {
    double log_probability;
    int64_t count;
    int32_t node;
} hypothesis;

/* A call in progress. W is the number of beams, n the maximum number of symbols. */
typedef struct search {
    const rnn_model *model;
    const rnn_beam_options *options;
    const rnn_core *core64; /* the core for float64 */
    rnn_sampler *sampler;   /* holds the excluded ids */
    drawing drawing;
    int64_t symbols;
    rnn_state *start;          /* one stream: a copy of the caller's state, later the state after the prompt */
    rnn_state *state, *behind; /* W streams, one for each active hypothesis, and a second state for reordering them */
    int64_t going_count, found_count, best_count;
    void *memory;      /* one block that holds all of the following */
    void *outputs;     /* [W][O] outputs after the last symbol of each hypothesis */
    double *logs;      /* [O] log-probabilities for one hypothesis */
    int64_t *lengths;  /* [W] lengths of a chunk of one step: 1 for active streams, otherwise 0 */
    hypothesis *going; /* [W] active hypotheses, in descending order of probability */
    hypothesis *found; /* [W] finished hypotheses, in the order in which they ended */
    candidate *best;   /* [W] the best extensions; id = hypothesis * symbols + symbol */
    beam_node *nodes;  /* [n][W] */
    int32_t *ids;      /* [W] last symbols */
} search;

/* ---- Checks and memory ------------------------------------------------------------------------------------------- */

static rnn_status check_options(const rnn_model *model, const rnn_beam_options *o)
{
    RNN_TRY(librnn_check_range("prompt_steps", o->prompt_steps, 0, STEPS_MOST));
    RNN_TRY(librnn_check_range("most", o->most, 1, STEPS_MOST));
    RNN_TRY(librnn_check_range("beams", o->beams, 1, STREAMS_MOST));
    RNN_TRY(librnn_check_range("results", o->results, 1, o->beams));
    RNN_TRY(librnn_check_range("stop", o->stop, RNN_IGNORE, model->options.output_size - 1));
    RNN_TRY(librnn_check_range("reserved", o->reserved, 0, 0));
    if (!(rnn_order(o->length_penalty) >= 0 && rnn_order(o->length_penalty) <= rnn_order(10)))
        return librnn_fail(RNN_ERROR_ARGUMENT, "length_penalty is %g; it must be 0 to 10", o->length_penalty);
    if (o->prompt_steps == 0)
        return RNN_OK;
    RNN_TRY(librnn_check_pointer("prompt", o->prompt));
    return librnn_check_ids("prompt", o->prompt, (size_t)o->prompt_steps, 0, model->options.input_size);
}

/* Takes `count` elements from the memory at `*at`. If `*at` is NULL, only counts their bytes. */
static void *cut(char **at, uint64_t *bytes, uint64_t count, size_t size)
{
    void *piece = *at;
    uint64_t padded = (count * size + sizeof(double) - 1) / sizeof(double) * sizeof(double);
    if (*at)
        *at += padded;
    *bytes += padded;
    return piece;
}

/* Places the arrays in memory. Returns their total size in bytes, which is less than 2^50. */
static uint64_t lay_out(search *s)
{
    uint64_t beams = (uint64_t)s->options->beams, symbols = (uint64_t)s->symbols, bytes = 0;
    char *at = s->memory;
    s->outputs = cut(&at, &bytes, beams * symbols, s->model->element_size);
    s->logs = cut(&at, &bytes, symbols, sizeof *s->logs);
    s->lengths = cut(&at, &bytes, beams, sizeof *s->lengths);
    s->going = cut(&at, &bytes, beams, sizeof *s->going);
    s->found = cut(&at, &bytes, beams, sizeof *s->found);
    s->best = cut(&at, &bytes, beams, sizeof *s->best);
    s->nodes = cut(&at, &bytes, beams * (uint64_t)s->options->most, sizeof *s->nodes);
    s->ids = cut(&at, &bytes, beams, sizeof *s->ids);
    return bytes;
}

static rnn_status begin(search *s, const rnn_state *state)
{
    const rnn_model *m = s->model;
    rnn_sampler_options excluding;
    uint64_t bytes = lay_out(s);
    if (bytes > SIZE_MAX / 2)
        return librnn_fail(RNN_ERROR_MEMORY, "out of memory for a beam search (%" PRIu64 " bytes)", bytes);
    RNN_TRY(rnn_sampler_options_init(&excluding, sizeof excluding));
    excluding.excluded = s->options->excluded;
    excluding.excluded_count = s->options->excluded_count;
    excluding.vocab = s->options->vocab;
    RNN_TRY(rnn_sampler_create(&excluding, &s->sampler));
    RNN_TRY(librnn_draw_begin(&s->drawing, s->sampler, m->core, m->options.precision, s->symbols, true));
    RNN_TRY(librnn_cpu_core(RNN_FLOAT64, &s->core64));
    RNN_TRY(rnn_state_create(m, 1, &s->start));
    if (state)
        RNN_TRY(rnn_state_copy(s->start, state));
    RNN_TRY(rnn_state_create(m, s->options->beams, &s->state));
    RNN_TRY(rnn_state_create(m, s->options->beams, &s->behind));
    RNN_TRY(librnn_allocate("a beam search", (size_t)bytes, 1, &s->memory));
    lay_out(s);
    return RNN_OK;
}

static void end(search *s)
{
    librnn_draw_end(&s->drawing);
    rnn_sampler_destroy(s->sampler);
    rnn_state_destroy(s->start);
    rnn_state_destroy(s->state);
    rnn_state_destroy(s->behind);
    librnn_release(s->memory);
}

/* ---- Searching --------------------------------------------------------------------------------------------------- */

/* Begins with one hypothesis that has no symbols yet. */
static rnn_status read_prompt(search *s)
{
    const rnn_beam_options *o = s->options;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = o->prompt_steps, .streams = 1, .inputs = o->prompt};
    if (o->prompt_steps > 0)
        RNN_TRY(rnn_forward(s->model, s->start, &chunk, NULL, 0, NULL));
    RNN_TRY(librnn_decode_state(s->model, s->start, s->outputs));
    s->going_count = 1;
    return rnn_state_copy_stream(s->state, 0, s->start, 0);
}

/* Finds the most probable extensions by one symbol, at most as many as there are free beams. */
static rnn_status extend(search *s)
{
    s->best_count = 0;
    for (int64_t w = 0; w < s->going_count; w++) {
        const void *logits = rnn_model_at(s->model, s->outputs, (size_t)(w * s->symbols));
        if (!s->model->core->all_finite(logits, (size_t)s->symbols))
            return librnn_model_fail_nonfinite(s->model, "an output of hypothesis %" PRId64 " is not finite", w);
        librnn_log_probabilities(&s->drawing, logits, s->logs);
        for (int64_t i = 0; i < s->symbols; i++) {
            candidate c = {s->going[w].log_probability + s->logs[i], w * s->symbols + i};
            if (rnn_is_finite(c.weight))
                librnn_keep_best(s->best, &s->best_count, s->options->beams - s->found_count, c);
        }
    }
    librnn_sort_best(s->best, s->best_count);
    return RNN_OK;
}

/* Turns the extensions into hypotheses. Those that end with the stop symbol are finished; the others stay active. */
static rnn_status follow(search *s, int64_t step)
{
    beam_node *nodes = s->nodes + step * s->options->beams;
    int64_t going = 0;
    rnn_state *gathered = s->behind;
    for (int64_t j = 0; j < s->best_count; j++) {
        int64_t w = s->best[j].id / s->symbols;
        nodes[j] = (beam_node){(int32_t)(s->best[j].id % s->symbols), s->going[w].node};
    }
    for (int64_t j = 0; j < s->best_count; j++) {
        hypothesis h = {s->best[j].weight, step + 1, (int32_t)j};
        if (nodes[j].id == s->options->stop) {
            s->found[s->found_count++] = h;
            continue;
        }
        RNN_TRY(rnn_state_copy_stream(gathered, going, s->state, s->best[j].id / s->symbols));
        s->ids[going] = nodes[j].id;
        s->going[going++] = h;
    }
    s->behind = s->state;
    s->state = gathered;
    s->going_count = going;
    return RNN_OK;
}

/* Feeds each active hypothesis its last symbol. */
static rnn_status feed(search *s)
{
    int64_t beams = s->options->beams;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = beams, .inputs = s->ids};
    for (int64_t w = 0; w < beams; w++)
        s->lengths[w] = w < s->going_count;
    if (s->going_count < beams)
        chunk.lengths = s->lengths;
    return rnn_forward(s->model, s->state, &chunk, s->outputs, beams * s->symbols, NULL);
}

static rnn_status find_all(search *s)
{
    RNN_TRY(read_prompt(s));
    for (int64_t step = 0; step < s->options->most && s->going_count > 0; step++) {
        if (step > 0)
            RNN_TRY(feed(s));
        RNN_TRY(extend(s));
        RNN_TRY(follow(s, step));
    }
    for (int64_t w = 0; w < s->going_count; w++)
        s->found[s->found_count++] = s->going[w];
    return RNN_OK;
}

/* ---- Results ----------------------------------------------------------------------------------------------------- */

/*
 * log P(Y) / ((5 + |Y|) / 6)^alpha. exponentials() computes e^(x - max) for each x of its row. The maximum is the first
 * element, so the second becomes the inverse of the power.
 */
static double score_of(const search *s, const hypothesis *h)
{
    double powers[2] = {s->options->length_penalty * logarithm((5 + (double)h->count) / 6), 0};
    s->core64->exponentials(powers, 2, 1);
    return h->log_probability * powers[1];
}

/* Writes the ids of a hypothesis, then RNN_IGNORE. */
static void write_ids(const search *s, const hypothesis *h, int32_t *ids)
{
    int32_t node = h ? h->node : 0;
    for (int64_t i = s->options->most; i-- > 0;) {
        const beam_node *at = &s->nodes[i * s->options->beams + node];
        bool own = h && i < h->count;
        ids[i] = own ? at->id : RNN_IGNORE;
        if (own)
            node = at->parent;
    }
}

static void give(search *s, int32_t *ids, int64_t *counts, double *log_probabilities, double *scores)
{
    s->best_count = 0;
    for (int64_t i = 0; i < s->found_count; i++) {
        candidate c = {score_of(s, &s->found[i]), i};
        librnn_keep_best(s->best, &s->best_count, s->options->results, c);
    }
    librnn_sort_best(s->best, s->best_count);
    for (int64_t k = 0; k < s->options->results; k++) {
        const hypothesis *h = k < s->best_count ? &s->found[s->best[k].id] : NULL;
        write_ids(s, h, ids + k * s->options->most);
        if (counts)
            counts[k] = h ? h->count : 0;
        if (log_probabilities)
            log_probabilities[k] = h ? h->log_probability : -(double)INFINITY;
        if (scores)
            scores[k] = h ? s->best[k].weight : -(double)INFINITY;
    }
}

static RNN_FLOAT_BODY rnn_status run(search *s, const rnn_state *state, int32_t *ids, int64_t *counts,
                                     double *log_probabilities, double *scores)
{
    rnn_status status = begin(s, state);
    if (status == RNN_OK)
        status = find_all(s);
    if (status == RNN_OK)
        give(s, ids, counts, log_probabilities, scores);
    end(s);
    return status;
}

rnn_status rnn_beam_search(const rnn_model *model, const rnn_state *state, const rnn_beam_options *given, int32_t *ids,
                           int64_t *counts, double *log_probabilities, double *scores)
{
    rnn_beam_options options = default_options;
    RNN_REQUIRE(model);
    RNN_TRY(librnn_struct_read("beam_options", given, &options, sizeof options, sizeof options));
    RNN_TRY(librnn_check_writer(model, "search"));
    if (state)
        RNN_TRY(librnn_state_check_model(state, model));
    if (state && state->streams != 1)
        return librnn_fail(RNN_ERROR_MISMATCH, "the state has %" PRId64 " streams; to search, it must have 1",
                           state->streams);
    RNN_TRY(check_options(model, &options));
    RNN_REQUIRE(ids);
    search s = {.model = model, .options = &options, .symbols = model->options.output_size};
    float_mode mode = rnn_float_enter();
    rnn_status status = run(&s, state, ids, counts, log_probabilities, scores);
    rnn_float_leave(mode);
    return status;
}
