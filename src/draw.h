/*
 * draw.h: one symbol from the logits of all.
 */
#ifndef RNN_DRAW_H
#define RNN_DRAW_H

#include "core/core.h"
#include "sampler.h"

/* A symbol that may be drawn */
typedef struct candidate {
    double weight; /* its probability but for a factor that all have */
    int32_t id;
} candidate;

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

/* Whether a model can go on from what it has written; `verb` says in the sentence what for. */
rnn_status librnn_check_writer(const rnn_model *model, const char *verb);

#endif
