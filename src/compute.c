/*
 * compute.c: forward and backward over a chunk: checks everything, brings the memory, has the core compute, and lets
 * the result count only when it is good.
 */
#include "compute.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    STEPS_MOST = 1 << 24,
    STREAMS_MOST = 1 << 20,
    INFERENCE_ROWS = 1024, /* positions that inference keeps at a time */
};

rnn_status rnn_chunk_init(rnn_chunk *chunk, size_t struct_size)
{
    const rnn_chunk empty = {.struct_size = sizeof empty};
    return rnn_struct_init("chunk", chunk, struct_size, &empty, RNN_CHUNK_FIRST_SIZE, sizeof empty);
}

rnn_status rnn_check_ids(const char *name, const int32_t *ids, size_t count, int32_t least, int64_t size)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] < least || ids[i] >= size)
            return rnn_fail(RNN_ERROR_SYMBOL, "%s[%zu] is %" PRId32 "; it must be %" PRId32 " to %" PRId64, name, i,
                            ids[i], least, size - 1);
    return RNN_OK;
}

/* Checks a chunk against the model and the state that it is to run on. */
static rnn_status read_chunk(const rnn_model *model, const rnn_state *state, const rnn_chunk *given, bool targets,
                             rnn_chunk *chunk)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(state);
    RNN_TRY(rnn_struct_read("chunk", given, chunk, RNN_CHUNK_FIRST_SIZE, sizeof *chunk));
    RNN_TRY(rnn_check_range("chunk->steps", chunk->steps, 1, STEPS_MOST));
    RNN_TRY(rnn_check_range("chunk->streams", chunk->streams, 1, STREAMS_MOST));
    RNN_TRY(rnn_check_pointer("chunk->inputs", chunk->inputs));
    if (targets)
        RNN_TRY(rnn_check_pointer("chunk->targets", chunk->targets));
    RNN_TRY(rnn_state_check_model(state, model));
    if (chunk->streams != state->streams)
        return rnn_fail(RNN_ERROR_MISMATCH, "chunk->streams is %" PRId64 "; the state has %" PRId64, chunk->streams,
                        state->streams);
    size_t count = (size_t)(chunk->steps * chunk->streams);
    RNN_TRY(rnn_check_ids("chunk->inputs", chunk->inputs, count, 0, model->options.input_size));
    if (targets)
        RNN_TRY(rnn_check_ids("chunk->targets", chunk->targets, count, RNN_IGNORE, model->options.output_size));
    return RNN_OK;
}

/* Sees to it that the state holds the model's present weights, packed. */
static rnn_status need_packed(const rnn_model *model, rnn_state *state, bool training)
{
    if (state->packed_serial == model->serial && state->packed_version == model->version &&
        state->packed_for_training >= training)
        return RNN_OK;
    state->packed_serial = 0;
    RNN_TRY(rnn_state_grow("the packed weights", &state->packed, model->core->packed_size(&model->network, training)));
    model->core->pack(&model->network, model->parameters, training, state->packed.memory);
    state->packed_serial = model->serial;
    state->packed_version = model->version;
    state->packed_for_training = training;
    return RNN_OK;
}

rnn_status rnn_run_piece(const rnn_model *model, rnn_state *state, const rnn_piece *piece, core_pass *pass)
{
    const rnn_core *core = model->core;
    RNN_TRY(need_packed(model, state, piece->training));
    RNN_TRY(rnn_state_grow("the work space of a chunk", &state->workspace,
                           core->workspace_size(&model->network, piece->steps, state->streams, piece->training)));
    RNN_TRY(rnn_state_grow("the losses of a chunk", &state->position_loss,
                           (size_t)(piece->steps * state->streams) * sizeof(double)));
    *pass = (core_pass){
        .network = &model->network,
        .parameters = model->parameters,
        .packed = state->packed.memory,
        .workspace = state->workspace.memory,
        .steps = piece->steps,
        .streams = state->streams,
        .training = piece->training,
        .inputs = piece->inputs,
        .targets = piece->targets,
        .state = piece->first ? state->values : state->next,
        .next_state = state->next,
        .outputs = piece->outputs,
        .position_loss = state->position_loss.memory,
    };
    core->forward(pass);
    return RNN_OK;
}

/* Adds a piece's losses, in the order of the positions. */
static void add_loss(const core_pass *pass, rnn_loss *loss)
{
    size_t rows = (size_t)(pass->steps * pass->streams);
    for (size_t i = 0; i < rows; i++) {
        loss->sum += pass->position_loss[i];
        loss->count += pass->targets[i] != RNN_IGNORE;
    }
}

static rnn_status check_loss(const rnn_loss *loss)
{
    if (isfinite(loss->sum))
        return RNN_OK;
    return rnn_fail(RNN_ERROR_NONFINITE, "the loss of the chunk is %g", loss->sum);
}

rnn_status rnn_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *given, void *outputs,
                       int64_t outputs_count, rnn_loss *loss)
{
    rnn_chunk chunk;
    RNN_TRY(read_chunk(model, state, given, loss != NULL, &chunk));
    int64_t streams = chunk.streams, row = streams * model->options.output_size, expected = 0;
    if (outputs && __builtin_mul_overflow(chunk.steps, row, &expected))
        return rnn_fail(RNN_ERROR_ARGUMENT, "steps times streams times output_size is more than can be addressed");
    if (outputs_count != expected)
        return rnn_fail(RNN_ERROR_ARGUMENT, "outputs_count is %" PRId64 "; it must be %" PRId64, outputs_count,
                        expected);
    int64_t at_a_time = streams < INFERENCE_ROWS ? INFERENCE_ROWS / streams : 1;
    rnn_loss total = {0};
    for (int64_t t = 0; t < chunk.steps; t += at_a_time) {
        rnn_piece piece = {
            .steps = chunk.steps - t < at_a_time ? chunk.steps - t : at_a_time,
            .first = t == 0,
            .inputs = chunk.inputs + t * streams,
            .targets = loss ? chunk.targets + t * streams : NULL,
            .outputs = outputs ? (char *)outputs + (size_t)(t * row) * model->element_size : NULL,
        };
        core_pass pass;
        RNN_TRY(rnn_run_piece(model, state, &piece, &pass));
        if (loss)
            add_loss(&pass, &total);
    }
    RNN_TRY(check_loss(&total));
    RNN_TRY(rnn_state_commit(state));
    if (loss)
        *loss = total;
    return RNN_OK;
}

rnn_status rnn_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *given, rnn_loss *loss)
{
    rnn_chunk chunk;
    RNN_TRY(read_chunk(model, state, given, true, &chunk));
    RNN_TRY(rnn_model_need_gradients(model));
    core_pass pass;
    rnn_piece whole = {
        .steps = chunk.steps, .training = true, .first = true, .inputs = chunk.inputs, .targets = chunk.targets};
    RNN_TRY(rnn_run_piece(model, state, &whole, &pass));
    rnn_loss total = {0};
    add_loss(&pass, &total);
    RNN_TRY(check_loss(&total));
    RNN_TRY(rnn_state_commit(state));
    if (total.count > 0) {
        pass.gradient_scale = model->options.reduction == RNN_REDUCTION_MEAN ? 1.0 / (double)total.count : 1.0;
        pass.gradients = model->gradients;
        rnn_model_use_rows(model, chunk.inputs, (size_t)(chunk.steps * chunk.streams));
        model->core->backward(&pass);
    }
    if (loss)
        *loss = total;
    return RNN_OK;
}
