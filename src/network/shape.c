/*
 * shape.c: checks whether a state or an optimizer fits a model.
 */
#include "network/model.h"

#include "base/names.h"
#include "network/options.h"

#include <inttypes.h>

model_shape librnn_model_shape(const rnn_model *model)
{
    const rnn_model_options *o = &model->options;
    return (model_shape){.core = model->core,
                         .cell = o->cell,
                         .precision = o->precision,
                         .input = o->input,
                         .bias = o->bias,
                         .tied = o->tied != 0,
                         .input_size = o->input_size,
                         .hidden_size = o->hidden_size,
                         .output_size = o->output_size,
                         .layers = o->layers,
                         .embedding_size = o->embedding_size,
                         .bidirectional = o->bidirectional,
                         .learned_state = o->learned_state,
                         .layer_norm = o->layer_norm};
}

rnn_model_options librnn_model_shape_options(const model_shape *shape)
{
    rnn_model_options o = librnn_default_options;
    o.cell = shape->cell;
    o.precision = shape->precision;
    o.input = shape->input;
    o.bias = shape->bias;
    o.tied = shape->tied;
    o.input_size = shape->input_size;
    o.hidden_size = shape->hidden_size;
    o.output_size = shape->output_size;
    o.layers = shape->layers;
    o.embedding_size = shape->embedding_size;
    o.bidirectional = shape->bidirectional;
    o.learned_state = shape->learned_state;
    o.layer_norm = shape->layer_norm;
    return o;
}

static rnn_status check_same(const char *who, const char *what, int64_t own, int64_t other)
{
    if (own == other)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_MISMATCH, "%s was made for a model whose %s is %" PRId64 "; here it is %" PRId64, who,
                       what, own, other);
}

static rnn_status check_same_name(const char *who, const char *what, const enumerator *table, int32_t own,
                                  int32_t other)
{
    if (own == other)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_MISMATCH, "%s was made for a model whose %s is %s; here it is %s", who, what,
                       librnn_name_of(table, own), librnn_name_of(table, other));
}

rnn_status librnn_model_check_shape(const char *who, const model_shape *own, const model_shape *other, bool layers_only)
{
    RNN_TRY(check_same_name(who, "cell", librnn_cells, own->cell, other->cell));
    RNN_TRY(check_same_name(who, "precision", librnn_precisions, own->precision, other->precision));
    RNN_TRY(check_same(who, "hidden_size", own->hidden_size, other->hidden_size));
    RNN_TRY(check_same(who, "layers", own->layers, other->layers));
    RNN_TRY(check_same(who, "bidirectional", own->bidirectional, other->bidirectional));
    RNN_TRY(check_same(who, "learned_state", own->learned_state, other->learned_state));
    if (layers_only && own->core != other->core)
        return librnn_fail(RNN_ERROR_MISMATCH, "%s was made for a different instruction set from the model's", who);
    if (layers_only)
        return RNN_OK;
    RNN_TRY(check_same(who, "input_size", own->input_size, other->input_size));
    RNN_TRY(check_same(who, "output_size", own->output_size, other->output_size));
    RNN_TRY(check_same_name(who, "input", librnn_inputs, own->input, other->input));
    RNN_TRY(check_same(who, "embedding_size", own->embedding_size, other->embedding_size));
    RNN_TRY(check_same(who, "tied", own->tied, other->tied));
    RNN_TRY(check_same(who, "layer_norm", own->layer_norm, other->layer_norm));
    return check_same_name(who, "bias", librnn_biases, own->bias, other->bias);
}
