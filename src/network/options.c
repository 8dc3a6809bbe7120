/*
 * options.c: the options of a model, with their defaults and checks.
 */
#include "network/options.h"

#include "base/names.h"

#include <inttypes.h>

enum {
    HIDDEN_MOST = 1 << 20,
    EMBEDDING_MOST = 1 << 20,
    LAYERS_MOST = 1 << 10,
};

const rnn_model_options librnn_default_options = {
    .struct_size = sizeof(rnn_model_options),
    .hidden_size = 100,
    .layers = 1,
    .cell = RNN_CELL_TANH,
    .precision = RNN_FLOAT32,
    .reduction = RNN_REDUCTION_SUM,
    .weight_scale = 0.01,
};

rnn_status rnn_model_options_init(rnn_model_options *options, size_t struct_size)
{
    return librnn_struct_init("model_options", options, struct_size, &librnn_default_options, OPTIONS_FIRST_SIZE,
                              sizeof librnn_default_options);
}

static rnn_status check_embedding(const rnn_model_options *o)
{
    if (o->input == RNN_INPUT_EMBEDDING)
        RNN_TRY(librnn_check_range("embedding_size", o->embedding_size, 1, EMBEDDING_MOST));
    else if (o->embedding_size != 0)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "embedding_size is %" PRId64 "; it must be 0 unless input is RNN_INPUT_EMBEDDING",
                           o->embedding_size);
    if (!o->tied)
        return RNN_OK;
    if (o->input != RNN_INPUT_EMBEDDING || o->embedding_size != rnn_options_features(o) ||
        o->output_size != o->input_size)
        return librnn_fail(
            RNN_ERROR_ARGUMENT,
            "tied is %" PRId32 "; it must be 0 unless input is RNN_INPUT_EMBEDDING, embedding_size (%" PRId64
            ") is %shidden_size (%" PRId64 "), and output_size (%" PRId64 ") is input_size (%" PRId64 ")",
            o->tied, o->embedding_size, o->bidirectional ? "twice " : "", rnn_options_features(o), o->output_size,
            o->input_size);
    return RNN_OK;
}

static rnn_status check_probability(const char *name, double p)
{
    return rnn_is_share(p)
               ? RNN_OK
               : librnn_fail(RNN_ERROR_ARGUMENT, "%s is %g; it must be at least 0 and less than 1", name, p);
}

rnn_status librnn_options_check(const rnn_model_options *o)
{
    RNN_TRY(librnn_check_range("input_size", o->input_size, 1, SYMBOLS_MOST));
    RNN_TRY(librnn_check_range("bidirectional", o->bidirectional, 0, 1));
    RNN_TRY(librnn_check_range("learned_state", o->learned_state, 0, 1));
    RNN_TRY(librnn_check_range("layer_norm", o->layer_norm, 0, 1));
    RNN_TRY(librnn_check_range("reserved", o->reserved, 0, 0));
    RNN_TRY(librnn_check_range("hidden_size", o->hidden_size, 1, HIDDEN_MOST / rnn_options_directions(o)));
    RNN_TRY(librnn_check_range("output_size", o->output_size, 1, SYMBOLS_MOST));
    RNN_TRY(librnn_check_range("layers", o->layers, 1, LAYERS_MOST / rnn_options_directions(o)));
    RNN_TRY(librnn_check_enumerator("cell", o->cell, librnn_cells));
    RNN_TRY(librnn_check_enumerator("precision", o->precision, librnn_precisions));
    RNN_TRY(librnn_check_enumerator("reduction", o->reduction, librnn_reductions));
    RNN_TRY(librnn_check_enumerator("input", o->input, librnn_inputs));
    RNN_TRY(librnn_check_enumerator("loss", o->loss, librnn_losses));
    RNN_TRY(librnn_check_enumerator("bias", o->bias, librnn_biases));
    RNN_TRY(librnn_check_enumerator("initialization", o->initialization, librnn_initializations));
    RNN_TRY(librnn_check_range("dropout_per_chunk", o->dropout_per_chunk, 0, 1));
    RNN_TRY(check_embedding(o));
    RNN_TRY(librnn_check_number("weight_scale", o->weight_scale, false));
    if (!rnn_is_finite(o->forget_bias))
        return librnn_fail(RNN_ERROR_ARGUMENT, "forget_bias is %g; it must be finite", o->forget_bias);
    RNN_TRY(check_probability("dropout", o->dropout));
    RNN_TRY(check_probability("dropout_input", o->dropout_input));
    RNN_TRY(check_probability("dropout_output", o->dropout_output));
    return check_probability("dropout_recurrent", o->dropout_recurrent);
}

/* Returns the options with each ineffective option set to its default. */
rnn_model_options librnn_options_effective(const rnn_model_options *options, const core_cell_info *cell)
{
    rnn_model_options o = *options;
    if (o.layers == 1)
        o.dropout = librnn_default_options.dropout;
    if (o.input == RNN_INPUT_IDS)
        o.dropout_input = librnn_default_options.dropout_input;
    if (!cell->candidate)
        o.dropout_recurrent = librnn_default_options.dropout_recurrent;
    if (rnn_order(o.dropout) == 0 && rnn_order(o.dropout_input) == 0 && rnn_order(o.dropout_output) == 0 &&
        rnn_order(o.dropout_recurrent) == 0)
        o.dropout_per_chunk = librnn_default_options.dropout_per_chunk;
    if (o.initialization == RNN_INIT_UNIFORM)
        o.weight_scale = librnn_default_options.weight_scale;
    if (cell->forget_gate < 0)
        o.forget_bias = librnn_default_options.forget_bias;
    return o;
}

/* A program that sets an option without effect expects a different model from the one it would get. */
rnn_status librnn_options_check_effect(const rnn_model_options *given, const rnn_model_options *used)
{
    if (rnn_order(given->dropout) != rnn_order(used->dropout))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "dropout is %g; it must be 0 with one layer, since it acts only between layers",
                           given->dropout);
    if (rnn_order(given->dropout_input) != rnn_order(used->dropout_input))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "dropout_input is %g; it must be 0 with RNN_INPUT_IDS, since ids have no elements to drop",
                           given->dropout_input);
    if (rnn_order(given->dropout_recurrent) != rnn_order(used->dropout_recurrent))
        return librnn_fail(RNN_ERROR_ARGUMENT, "dropout_recurrent is %g; it must be 0, since %s has no candidate",
                           given->dropout_recurrent, librnn_name_of(librnn_cells, given->cell));
    if (given->dropout_per_chunk != used->dropout_per_chunk)
        return librnn_fail(RNN_ERROR_ARGUMENT, "dropout_per_chunk is 1; it must be 0, since there is no dropout");
    if (rnn_order(given->weight_scale) != rnn_order(used->weight_scale))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "weight_scale is %g; it must be %g, its default, since RNN_INIT_UNIFORM doesn't use it",
                           given->weight_scale, used->weight_scale);
    if (rnn_order(given->forget_bias) != rnn_order(used->forget_bias))
        return librnn_fail(RNN_ERROR_ARGUMENT, "forget_bias is %g; it must be 0, since %s has no forget gate",
                           given->forget_bias, librnn_name_of(librnn_cells, given->cell));
    return RNN_OK;
}

rnn_status librnn_options_read(const rnn_model_options *given, rnn_model_options *options)
{
    rnn_model_options read = librnn_default_options;
    RNN_TRY(librnn_struct_read("model_options", given, &read, OPTIONS_FIRST_SIZE, sizeof read));
    *options = read;
    return RNN_OK;
}
