/*
 * compat.c: functions under their names from version 0.1, for programs that were compiled with its header.
 */
#include <rnn/rnn.h>

RNN_API rnn_status rnn_model_parameter(const rnn_model *model, int64_t index, rnn_parameter *parameter);
RNN_API rnn_status rnn_state_activations(const rnn_state *state, int64_t layer, void *values, int64_t count);
RNN_API rnn_status rnn_state_gradient_norms(const rnn_state *state, int64_t layer, double *norms, int64_t count);

rnn_status rnn_model_parameter(const rnn_model *model, int64_t index, rnn_parameter *parameter)
{
    return rnn_model_describe_parameter(model, index, parameter);
}

rnn_status rnn_state_activations(const rnn_state *state, int64_t layer, void *values, int64_t count)
{
    return rnn_state_get_activations(state, layer, values, count);
}

rnn_status rnn_state_gradient_norms(const rnn_state *state, int64_t layer, double *norms, int64_t count)
{
    return rnn_state_get_gradient_norms(state, layer, norms, count);
}
