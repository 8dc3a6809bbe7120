/*
 * options.h: the options of a model.
 */
#ifndef RNN_OPTIONS_H
#define RNN_OPTIONS_H

#include "base/status.h"
#include "core/core.h"

/* The struct's size in the first release that had it. */
enum { OPTIONS_FIRST_SIZE = offsetof(rnn_model_options, seed) + sizeof(uint64_t) };

extern const rnn_model_options librnn_default_options;

/* Reads the caller's options. Fields that the caller's struct doesn't have get their defaults. */
rnn_status librnn_options_read(const rnn_model_options *given, rnn_model_options *options);
rnn_status librnn_options_check(const rnn_model_options *options);

/* Returns the options with each option that has no effect, given the others, set to its default. */
rnn_model_options librnn_options_effective(const rnn_model_options *options, const core_cell_info *cell);

/* Refuses options that have no effect. A program that sets one expects a different model from the one it would get. */
rnn_status librnn_options_check_effect(const rnn_model_options *given, const rnn_model_options *used);

static inline int64_t rnn_options_directions(const rnn_model_options *o)
{
    return 1 + o->bidirectional;
}

/* The size of the output of a level of layers. */
static inline int64_t rnn_options_features(const rnn_model_options *o)
{
    return o->hidden_size * rnn_options_directions(o);
}

#endif
