/*
 * evaluate.c: computes the loss of a model over a whole corpus.
 *
 * The N - 1 targets are divided among the streams. Each stream reads its part from its first symbol on, beginning with
 * the initial state. Parts differ in length by at most one target; the shorter ones end one step earlier.
 */
#include "base/memory.h"
#include "base/names.h"
#include "network/chunk.h"
#include "text/corpus.h"

#include <inttypes.h>

enum { STEPS = 64 };

typedef struct evaluation {
    const rnn_model *model;
    const rnn_corpus *corpus;
    int64_t streams, targets; /* targets: N - 1 */
    rnn_state *state;
    void *memory;              /* one block that holds all of the following */
    int64_t *lengths;          /* [B] */
    int32_t *inputs, *outputs; /* [STEPS][B] inputs and targets of a chunk */
    int32_t *ids;              /* [STEPS + 1] ids of one stream */
    void *bytes;               /* [STEPS + 1] symbols of the source, as bytes */
} evaluation;

/* The target where stream b's part begins. */
static int64_t part_at(const evaluation *e, int64_t b)
{
    return librnn_share_begin(e->targets, e->streams, b);
}

static rnn_status check(const rnn_model *model, const rnn_corpus *corpus, int64_t streams)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(corpus);
    const rnn_model_options *o = &model->options;
    if (o->input == RNN_INPUT_VECTORS || o->loss != RNN_LOSS_CROSS_ENTROPY)
        return librnn_fail(RNN_ERROR_MISMATCH, "the model has vectors as inputs or outputs; a corpus serves ids");
    if (o->bidirectional)
        return librnn_fail(RNN_ERROR_MISMATCH,
                           "the model is bidirectional; it would read the symbols that it must predict");
    RNN_TRY(librnn_check_range("streams", streams, 1, STREAMS_MOST));
    if (streams > rnn_corpus_size(corpus) - 1)
        return librnn_fail(RNN_ERROR_ARGUMENT, "streams is %" PRId64 "; the corpus has %" PRId64 " target%s", streams,
                           rnn_corpus_size(corpus) - 1, rnn_plural((uint64_t)(rnn_corpus_size(corpus) - 1)));
    return RNN_OK;
}

static rnn_status begin(evaluation *e)
{
    size_t streams = (size_t)e->streams, chunk = STEPS * streams * sizeof *e->inputs;
    size_t lengths = streams * sizeof *e->lengths, ids = (STEPS + 1) * sizeof *e->ids;
    RNN_TRY(rnn_state_create(e->model, e->streams, &e->state));
    RNN_TRY(librnn_allocate("evaluating a model", lengths + 2 * chunk + ids + (size_t)(STEPS + 1) * CORPUS_SYMBOL_MOST,
                            1, &e->memory));
    e->lengths = e->memory;
    e->inputs = (int32_t *)(void *)((char *)e->memory + lengths);
    e->outputs = e->inputs + STEPS * streams;
    e->ids = e->outputs + STEPS * streams;
    e->bytes = e->ids + STEPS + 1;
    return RNN_OK;
}

/* Reads the chunk at a position: up to STEPS steps of each stream's part. */
static rnn_status read_chunk(evaluation *e, int64_t position)
{
    for (int64_t b = 0; b < e->streams; b++) {
        int64_t first = part_at(e, b) + position, left = part_at(e, b + 1) - first;
        e->lengths[b] = left < 0 ? 0 : left < STEPS ? left : STEPS;
        if (e->lengths[b] == 0)
            continue;
        RNN_TRY(librnn_corpus_read(e->corpus, first, e->lengths[b] + 1, e->bytes, e->ids));
        for (int64_t t = 0; t < e->lengths[b]; t++) {
            e->inputs[t * e->streams + b] = e->ids[t];
            e->outputs[t * e->streams + b] = e->ids[t + 1];
        }
    }
    return RNN_OK;
}

static rnn_status run(evaluation *e, rnn_loss *total, int64_t *hits)
{
    int64_t longest = part_at(e, 1);
    RNN_TRY(begin(e));
    for (int64_t position = 0; position < longest; position += STEPS) {
        rnn_loss loss;
        int64_t own = 0;
        RNN_TRY(read_chunk(e, position));
        rnn_chunk chunk = {.struct_size = sizeof chunk,
                           .steps = longest - position < STEPS ? longest - position : STEPS,
                           .streams = e->streams,
                           .inputs = e->inputs,
                           .targets = e->outputs,
                           .lengths = e->lengths,
                           .hits = &own};
        RNN_TRY(rnn_forward(e->model, e->state, &chunk, NULL, 0, &loss));
        total->sum += loss.sum;
        total->count += loss.count;
        *hits += own;
    }
    return RNN_OK;
}

rnn_status rnn_evaluate(const rnn_model *model, const rnn_corpus *corpus, int64_t streams, rnn_loss *loss,
                        int64_t *hits)
{
    rnn_loss total = {0};
    int64_t all_hits = 0;
    RNN_TRY(check(model, corpus, streams));
    RNN_REQUIRE(loss);
    evaluation e = {.model = model, .corpus = corpus, .streams = streams, .targets = rnn_corpus_size(corpus) - 1};
    rnn_status status = run(&e, &total, &all_hits);
    rnn_state_destroy(e.state);
    librnn_release(e.memory);
    if (status != RNN_OK)
        return status;
    *loss = total;
    if (hits)
        *hits = all_hits;
    return RNN_OK;
}
