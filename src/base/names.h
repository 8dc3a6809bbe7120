/*
 * names.h: the names of the header's enumerators, for error messages. (The words that files use are in metadata.c and
 * checkpoint.c.)
 */
#ifndef RNN_NAMES_H
#define RNN_NAMES_H

#include "base/status.h"

/* One enumerator. A table of them ends with a NULL name. */
typedef struct enumerator {
    int32_t number;
    const char *name;
} enumerator;

extern const enumerator librnn_statuses[], librnn_observations[], librnn_inputs[], librnn_losses[], librnn_biases[],
    librnn_initializations[], librnn_precisions[], librnn_load_precisions[], librnn_reductions[], librnn_rules[],
    librnn_vocab_kinds[], librnn_state_parts[], librnn_layouts[], librnn_target_kinds[];

/* All cells, and the end of the table. layout.c asserts that the core has the same number of cells. */
extern const enumerator librnn_cells[4];

/* The name of a number, for example "RNN_CELL_LSTM"; NULL if the table doesn't have the number. */
const char *librnn_name_of(const enumerator *table, int32_t number);

/*
 * Fails with a message such as "cell is 7; it must be one of RNN_CELL_TANH (0), RNN_CELL_GRU (1), RNN_CELL_LSTM (2)".
 */
rnn_status librnn_check_enumerator(const char *what, int32_t number, const enumerator *table);

/* The ending of a noun after a count: "1 stream", "2 streams". */
static inline const char *rnn_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

#endif
