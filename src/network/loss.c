/*
 * loss.c: the loss of given outputs and its gradient, without running a model.
 */
#include "network/loss.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/share.h"
#include "base/threads.h"
#include "network/cpu.h"
#include "network/run.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    WORK_OF_AN_OUTPUT = 16, /* an output's exponential takes as long as this many multiplications */
    SHARES_EACH = 4,        /* shares for each worker */
};

/* Outputs and their targets. A place is a position, or a stream if last_only is set. */
typedef struct judged {
    const rnn_model *model;
    const rnn_chunk *chunk;
    const char *outputs;
    char *gradient; /* or NULL */
    size_t places;
    double gradient_scale;
    double *losses; /* [places] */
    uint8_t *hits;  /* [places] */
    char *rows;     /* one row for each worker */
    size_t row_size, shares;
    size_t first_bad; /* the first place whose loss isn't finite; `places` if there is none */
} judged;

void librnn_score_add(score *total, const int32_t *targets, const uint8_t *mask, const double *losses,
                      const uint8_t *hits, size_t places)
{
    for (size_t place = 0; place < places; place++) {
        if (!rnn_place_counts(targets, mask, place))
            continue;
        total->loss.sum += losses[place];
        total->loss.count++;
        total->hits += hits && hits[place];
    }
}

void librnn_score_give(const score *total, const rnn_chunk *chunk, rnn_loss *loss)
{
    if (loss)
        *loss = total->loss;
    if (chunk->hits)
        *chunk->hits = total->hits;
}

static bool counts(const judged *j, size_t place)
{
    return rnn_place_counts(j->chunk->targets, j->chunk->target_mask, place);
}

static void judge_place(const judged *j, size_t worker, size_t place)
{
    size_t bytes = (size_t)j->model->options.output_size * j->model->element_size;
    char *gradient = j->gradient ? j->gradient + place * bytes : NULL;
    if (!counts(j, place)) {
        if (gradient)
            memset(gradient, 0, bytes);
        return;
    }
    const char *vectors = j->chunk->target_vectors;
    core_outcome outcome = {
        .output_size = j->model->options.output_size,
        .outputs = j->outputs + place * bytes,
        .target = j->chunk->targets ? j->chunk->targets[place] : 0,
        .target_vector = vectors ? vectors + place * bytes : NULL,
        .gradient_scale = j->gradient_scale,
        .row = j->rows + worker * j->row_size,
        .gradient = gradient,
        .hit = j->chunk->hits ? &j->hits[place] : NULL,
    };
    j->losses[place] = j->model->core->loss_of(&outcome);
}

static void judge_share(void *context, size_t worker, size_t number)
{
    const judged *j = context;
    share mine = share_of((team){number, j->shares}, j->places);
    for (size_t place = mine.first; place < mine.first + mine.count; place++)
        judge_place(j, worker, place);
}

/* Computes the losses of all places. Allocates memory for losses and hits, and one row for each worker. */
static rnn_status judge(judged *j, score *total)
{
    const rnn_model_options *o = &j->model->options;
    double positions = (double)j->places;
    core_team workers = librnn_team_begin(positions * (double)(o->output_size * WORK_OF_AN_OUTPUT));
    void *memory;
    j->row_size = j->model->core->state_stride(o->output_size) * j->model->element_size;
    size_t rows = workers.size * j->row_size, losses = j->places * sizeof *j->losses;
    rnn_status status = librnn_allocate("the loss of outputs", rows + losses + j->places, 1, &memory);
    if (status == RNN_OK) {
        j->rows = memory;
        j->losses = (double *)(void *)(j->rows + rows);
        j->hits = (uint8_t *)memory + rows + losses;
        j->shares = j->places < SHARES_EACH * workers.size ? j->places : SHARES_EACH * workers.size;
        workers.run(&workers, judge_share, j, j->shares);
        librnn_score_add(total, j->chunk->targets, j->chunk->target_mask, j->losses, j->hits, j->places);
        while (j->first_bad < j->places && isfinite(j->losses[j->first_bad]))
            j->first_bad++;
        if (j->chunk->losses)
            memcpy(j->chunk->losses, j->losses, j->places * sizeof *j->losses);
        librnn_release(memory);
    }
    librnn_team_end(&workers);
    return status;
}

static double scale_of(const judged *j)
{
    double counted = 0;
    for (size_t place = 0; place < j->places; place++)
        counted += counts(j, place);
    return j->model->options.reduction == RNN_REDUCTION_MEAN && counted > 0 ? 1 / counted : 1;
}

/* Names the first output that isn't finite, if there is one at the first place whose loss isn't finite. */
static rnn_status fail_for_outputs(const judged *j, double loss)
{
    size_t count = (size_t)j->model->options.output_size, first = j->first_bad * count;
    for (size_t i = first; j->first_bad < j->places && i < first + count; i++) {
        double output = rnn_model_number(j->model, j->outputs, i);
        if (!isfinite(output))
            return librnn_fail(RNN_ERROR_NONFINITE, "the loss of the outputs is %g; outputs[%zu] is %g", loss, i,
                               output);
    }
    return librnn_fail(RNN_ERROR_NONFINITE, "the loss of the outputs is %g", loss);
}

static RNN_FLOAT_BODY rnn_status run_loss_gradient(const rnn_model *model, const rnn_chunk *given, const void *outputs,
                                                   int64_t outputs_count, void *gradient, rnn_loss *loss)
{
    chunk_reading reading;
    score total = {0};
    RNN_TRY(librnn_chunk_read_targets(model, given, &reading));
    judged j = {.model = model, .chunk = &reading.chunk, .outputs = outputs, .gradient = gradient};
    rnn_status status = librnn_check_pointer("outputs", outputs);
    if (status == RNN_OK)
        status = librnn_check_outputs(model, &reading.chunk, outputs, outputs_count);
    if (status == RNN_OK) {
        j.places = (size_t)librnn_chunk_places(&reading.chunk);
        j.gradient_scale = scale_of(&j);
        status = judge(&j, &total);
    }
    if (status == RNN_OK && !isfinite(total.loss.sum))
        status = fail_for_outputs(&j, total.loss.sum);
    if (status == RNN_OK)
        librnn_score_give(&total, &reading.chunk, loss);
    librnn_chunk_forget(&reading);
    return status;
}

rnn_status rnn_loss_gradient(const rnn_model *model, const rnn_chunk *chunk, const void *outputs, int64_t outputs_count,
                             void *gradient, rnn_loss *loss)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = run_loss_gradient(model, chunk, outputs, outputs_count, gradient, loss);
    rnn_float_leave(mode);
    return status;
}

/* ---- Softmax ----------------------------------------------------------------------------------------------------- */

rnn_status librnn_check_logits(const rnn_core *core, int32_t precision, const void *logits, size_t rows, size_t count)
{
    size_t element = precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double);
    for (size_t row = 0; row < rows; row++) {
        if (core->all_finite((const char *)logits + row * count * element, count))
            continue;
        for (size_t i = row * count;; i++) {
            double value = rnn_number_of(precision, logits, i);
            if (!rnn_is_finite(value))
                return librnn_fail(RNN_ERROR_ARGUMENT, "logits[%zu] is %g; it must be finite", i, value);
        }
    }
    return RNN_OK;
}

/* The sum is computed in double, from first to last. */
static void normalise(const rnn_core *core, int32_t precision, void *row, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += rnn_number_of(precision, row, i);
    core->scale(row, count, 1 / sum);
}

static RNN_FLOAT_BODY rnn_status run_softmax(int32_t precision, const void *logits, int64_t rows, int64_t symbols,
                                             void *probabilities)
{
    const rnn_core *core;
    RNN_TRY(librnn_check_enumerator("precision", precision, librnn_precisions));
    RNN_REQUIRE(logits);
    RNN_REQUIRE(probabilities);
    RNN_TRY(librnn_check_range("rows", rows, 1, INT64_C(1) << 48));
    RNN_TRY(librnn_check_range("symbols", symbols, 1, SYMBOLS_MOST));
    RNN_TRY(librnn_cpu_core(precision, &core));
    size_t count = (size_t)symbols, bytes = count * (precision == RNN_FLOAT32 ? sizeof(float) : sizeof(double)), all;
    if (!rnn_size_multiply((uint64_t)rows, bytes, &all))
        return librnn_fail(RNN_ERROR_ARGUMENT, "rows times symbols is too large for the address space");
    RNN_TRY(librnn_check_logits(core, precision, logits, (size_t)rows, count));
    for (size_t row = 0; row < (size_t)rows; row++) {
        char *to = (char *)probabilities + row * bytes;
        memmove(to, (const char *)logits + row * bytes, bytes);
        core->exponentials(to, count, 1);
        normalise(core, precision, to, count);
    }
    return RNN_OK;
}

rnn_status rnn_softmax(int32_t precision, const void *logits, int64_t rows, int64_t symbols, void *probabilities)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = run_softmax(precision, logits, rows, symbols, probabilities);
    rnn_float_leave(mode);
    return status;
}
