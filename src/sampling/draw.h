/*
 * draw.h: draws one symbol from the logits of all symbols.
 */
#ifndef RNN_DRAW_H
#define RNN_DRAW_H

#include "core/core.h"
#include "sampling/sampler.h"

/* A symbol that may be drawn. Beam search also uses it for hypotheses and their extensions. */
typedef struct candidate {
    double weight; /* for a symbol: its probability times a factor that is the same for all symbols */
    int64_t id;
} candidate;

/*
 * Keeps the best `most` (> 0) candidates: adds a candidate if it is among them. A larger weight is better; if two are
 * equal, the lower id is better. After the last one, call librnn_sort_best(), which puts the best first.
 */
void librnn_keep_best(candidate *best, int64_t *count, int64_t most, candidate c);
void librnn_sort_best(candidate *best, int64_t count);

/* The resources for drawing. Begin it once; it serves any number of draws. */
typedef struct drawing {
    const rnn_sampler *sampler;
    const rnn_core *core;
    int32_t precision;
    int64_t symbols;
    void *memory;          /* one block that holds all of the following */
    candidate *candidates; /* [symbols] NULL if no filter needs them */
    void *copy;            /* [symbols] copy of the logits, for log-probabilities; NULL if they aren't needed */
} drawing;

/* After RNN_OK, call librnn_draw_end(). */
rnn_status librnn_draw_begin(drawing *d, const rnn_sampler *sampler, const rnn_core *core, int32_t precision,
                             int64_t symbols, bool log_probabilities);
void librnn_draw_end(drawing *d);

/* The ids that a stream has read or drawn, oldest first. */
typedef struct drawn_before {
    const int32_t *ids; /* with stride `stride`; negative ids are skipped */
    int64_t count, stride;
} drawn_before;

/*
 * Makes the draw with number `index` of stream `stream`. Overwrites the logits, which must be finite. log_probability:
 * out, the log-probability of the symbol by softmax(logits); or NULL.
 */
int32_t librnn_draw(const drawing *d, void *logits, const drawn_before *before, int64_t stream, uint64_t index,
                    double *log_probability);

/*
 * Computes the natural logarithm of softmax(logits) [symbols]; -infinity for excluded symbols. It doesn't change the
 * logits, which must be finite. `d` must have been begun with log_probabilities.
 */
void librnn_log_probabilities(const drawing *d, const void *logits, double *logs);

/* Checks that a model can continue its own output. The error message uses `verb` for what the caller wants to do. */
rnn_status librnn_check_writer(const rnn_model *model, const char *verb);

#endif
