/*
 * options.h: the options of a model.
 */
#ifndef RNN_OPTIONS_H
#define RNN_OPTIONS_H

#include "base/status.h"
#include "core/core.h"

/* The struct's size in the release that it first came with */
enum { OPTIONS_FIRST_SIZE = offsetof(rnn_model_options, seed) + sizeof(uint64_t) };

extern const rnn_model_options librnn_default_options;

/* Takes the caller's options over the defaults. */
rnn_status librnn_options_read(const rnn_model_options *given, rnn_model_options *options);
rnn_status librnn_options_check(const rnn_model_options *options);

/* The options with the default in place of each that has no effect beside the others */
rnn_model_options librnn_options_effective(const rnn_model_options *options, const core_cell_info *cell);

/* Refuses options without effect: a program that sets one expects something else than it would get. */
rnn_status librnn_options_check_effect(const rnn_model_options *given, const rnn_model_options *used);

static inline int64_t rnn_options_directions(const rnn_model_options *o)
{
    return 1 + o->bidirectional;
}

/* What a level of layers hands on */
static inline int64_t rnn_options_features(const rnn_model_options *o)
{
    return o->hidden_size * rnn_options_directions(o);
}

#endif
