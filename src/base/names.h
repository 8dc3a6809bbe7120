/*
 * names.h: what the header calls its numbers, for sentences. (What files call them are the words in metadata.c and
 * checkpoint.c.)
 */
#ifndef RNN_NAMES_H
#define RNN_NAMES_H

#include "base/status.h"

/* One enumerator. A table of them ends with a name that is NULL. */
typedef struct enumerator {
    int32_t number;
    const char *name;
} enumerator;

extern const enumerator librnn_statuses[], librnn_observations[], librnn_inputs[], librnn_losses[], librnn_biases[],
    librnn_initializations[], librnn_precisions[], librnn_load_precisions[], librnn_reductions[], librnn_rules[],
    librnn_vocab_kinds[], librnn_state_parts[], librnn_layouts[], librnn_target_kinds[];

/* Each cell, and the end. layout.c asserts that the core has as many. */
extern const enumerator librnn_cells[4];

/* "RNN_CELL_LSTM"; NULL if no enumerator of the table has the number. */
const char *librnn_name_of(const enumerator *table, int32_t number);

/* "cell is 7; it must be one of RNN_CELL_TANH (0), RNN_CELL_GRU (1), RNN_CELL_LSTM (2)" */
rnn_status librnn_check_enumerator(const char *what, int32_t number, const enumerator *table);

/* The end of a noun behind its count: "1 stream", "2 streams" */
static inline const char *rnn_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

#endif
