/*
 * names.c: the tables of enumerators, and a check that a number is one of them.
 */
#include "base/names.h"

#include <inttypes.h>
#include <stdio.h>

#define NAMED(enumerator)                                                                                              \
    {                                                                                                                  \
        enumerator, #enumerator                                                                                        \
    }
#define END                                                                                                            \
    {                                                                                                                  \
        0, NULL                                                                                                        \
    }

/* clang-format off */
const enumerator librnn_statuses[] = {NAMED(RNN_OK), NAMED(RNN_ERROR_ARGUMENT), NAMED(RNN_ERROR_MEMORY),
                                      NAMED(RNN_ERROR_IO), NAMED(RNN_ERROR_SYMBOL), NAMED(RNN_ERROR_MISMATCH),
                                      NAMED(RNN_ERROR_NONFINITE), NAMED(RNN_ERROR_FORMAT), END};
const enumerator librnn_observations[] = {NAMED(RNN_OBSERVE_ACTIVATIONS), NAMED(RNN_OBSERVE_GRADIENT_NORMS), END};
const enumerator librnn_cells[] = {NAMED(RNN_CELL_TANH), NAMED(RNN_CELL_GRU), NAMED(RNN_CELL_LSTM), END};
const enumerator librnn_inputs[] = {NAMED(RNN_INPUT_IDS), NAMED(RNN_INPUT_EMBEDDING), NAMED(RNN_INPUT_VECTORS), END};
const enumerator librnn_losses[] = {NAMED(RNN_LOSS_CROSS_ENTROPY), NAMED(RNN_LOSS_SQUARED_ERROR), END};
const enumerator librnn_biases[] = {NAMED(RNN_BIAS_INPUT), NAMED(RNN_BIAS_BOTH), END};
const enumerator librnn_initializations[] = {NAMED(RNN_INIT_NORMAL), NAMED(RNN_INIT_UNIFORM), END};
const enumerator librnn_precisions[] = {NAMED(RNN_FLOAT32), NAMED(RNN_FLOAT64), END};
const enumerator librnn_load_precisions[] = {NAMED(RNN_PRECISION_STORED), NAMED(RNN_FLOAT32), NAMED(RNN_FLOAT64), END};
const enumerator librnn_reductions[] = {NAMED(RNN_REDUCTION_SUM), NAMED(RNN_REDUCTION_MEAN), END};
const enumerator librnn_rules[] = {NAMED(RNN_OPTIMIZER_ADAGRAD), NAMED(RNN_OPTIMIZER_SGD),
                                   NAMED(RNN_OPTIMIZER_RMSPROP), NAMED(RNN_OPTIMIZER_ADAM),
                                   NAMED(RNN_OPTIMIZER_ADAMW), END};
const enumerator librnn_vocab_kinds[] = {NAMED(RNN_VOCAB_BYTES), NAMED(RNN_VOCAB_UTF8), NAMED(RNN_VOCAB_WORDS), END};
const enumerator librnn_layouts[] = {NAMED(RNN_BATCH_PADDED), NAMED(RNN_BATCH_PACKED), END};
const enumerator librnn_target_kinds[] = {NAMED(RNN_TARGETS_EACH), NAMED(RNN_TARGETS_LAST), NAMED(RNN_TARGETS_NEXT),
                                          END};
const enumerator librnn_state_parts[] = {NAMED(RNN_STATE_HIDDEN), NAMED(RNN_STATE_MEMORY), END};
/* clang-format on */

/* Every enumerator of the header occurs once in these tables. `constants` holds the other named constants. */
static const enumerator constants[] = {NAMED(RNN_IGNORE), NAMED(RNN_PRECISION_STORED), NAMED(RNN_CHECKPOINT_NUMBERS),
                                       END};
static const enumerator *const tables[] = {
    librnn_statuses,     librnn_vocab_kinds,     librnn_cells,      librnn_inputs,       librnn_losses,
    librnn_biases,       librnn_initializations, librnn_precisions, librnn_reductions,   librnn_state_parts,
    librnn_observations, librnn_rules,           librnn_layouts,    librnn_target_kinds, constants,
};

/*
 * Returns the enumerator with this index. If there is none, returns NULL, and subtracts the number of enumerators from
 * `index`.
 */
static const enumerator *enumerator_at(int64_t *index)
{
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
        for (const enumerator *e = tables[t]; e->name; e++)
            if ((*index)-- == 0)
                return e;
    return NULL;
}

int64_t rnn_enumerator_count(void)
{
    int64_t left = INT64_MAX;
    enumerator_at(&left);
    return INT64_MAX - left;
}

rnn_status rnn_enumerator(int64_t index, const char **name, int32_t *value)
{
    RNN_TRY(librnn_check_range("index", index, 0, rnn_enumerator_count() - 1));
    RNN_REQUIRE(name);
    RNN_REQUIRE(value);
    const enumerator *e = enumerator_at(&index);
    *name = e->name;
    *value = e->number;
    return RNN_OK;
}

const char *librnn_name_of(const enumerator *table, int32_t number)
{
    for (; table->name; table++)
        if (table->number == number)
            return table->name;
    return NULL;
}

rnn_status librnn_check_enumerator(const char *what, int32_t number, const enumerator *table)
{
    char list[256];
    size_t size = 0;
    if (librnn_name_of(table, number))
        return RNN_OK;
    for (const enumerator *e = table; e->name && size < sizeof list; e++)
        size += (size_t)snprintf(list + size, sizeof list - size, "%s%s (%" PRId32 ")", size > 0 ? ", " : "", e->name,
                                 e->number);
    return librnn_fail(RNN_ERROR_ARGUMENT, "%s is %" PRId32 "; it must be one of %s", what, number, list);
}
