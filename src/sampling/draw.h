/*
 * draw.h: one symbol from the logits of all.
 */
#ifndef RNN_DRAW_H
#define RNN_DRAW_H

#include "core/core.h"
#include "sampling/sampler.h"

/* A symbol that may be drawn, or something else of which the best are wanted */
typedef struct candidate {
    double weight; /* of a symbol: its probability but for a factor that all have */
    int64_t id;
} candidate;

/*
 * Takes a candidate among the best, of which there are `most` at most (> 0), if it is one of them. A larger weight is
 * better, and of equal ones that of the lower id. Sort them at the end: the best comes first.
 */
void librnn_keep_best(candidate *best, int64_t *count, int64_t most, candidate c);
void librnn_sort_best(candidate *best, int64_t count);

/* What draws: begin it once, then draw as often as wanted. */
typedef struct drawing {
    const rnn_sampler *sampler;
    const rnn_core *core;
    int32_t precision;
    int64_t symbols;
    void *memory;          /* all of what follows */
    candidate *candidates; /* [symbols] where there are filters that need them; or NULL */
    void *copy;            /* [symbols] numbers where log-probabilities are wanted; or NULL */
} drawing;

/* After RNN_OK, end it. */
rnn_status librnn_draw_begin(drawing *d, const rnn_sampler *sampler, const rnn_core *core, int32_t precision,
                             int64_t symbols, bool log_probabilities);
void librnn_draw_end(drawing *d);

/* The ids that a stream has read or drawn, from the oldest on */
typedef struct drawn_before {
    const int32_t *ids; /* `stride` apart; negative ones don't count */
    int64_t count, stride;
} drawn_before;

/*
 * Draws for stream `stream`, whose `index`-th draw it is. Uses up the logits, which must be finite. log_probability:
 * what softmax(logits) gives the symbol; NULL: not wanted.
 */
int32_t librnn_draw(const drawing *d, void *logits, const drawn_before *before, int64_t stream, uint64_t index,
                    double *log_probability);

/*
 * What softmax(logits) gives each symbol, as natural logarithms [symbols]; -infinity if it is excluded. The logits,
 * which must be finite, stay. Needs a drawing that was begun for log-probabilities.
 */
void librnn_log_probabilities(const drawing *d, const void *logits, double *logs);

/* Whether a model can go on from what it has written; `verb` says in the sentence what for. */
rnn_status librnn_check_writer(const rnn_model *model, const char *verb);

#endif
