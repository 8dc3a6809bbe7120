/*
 * compute.c: forward and backward over a chunk: checks everything, brings the memory, has the core compute, and lets
 * the result count only when it is good.
 */
#include "compute.h"

#include "threads.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum {
    INFERENCE_ROWS = 1024,       /* positions that inference keeps at a time, at most, */
    INFERENCE_NUMBERS = 1 << 23, /* and numbers */
};

/* Dropout takes its random numbers from another key than the initial parameters. */
#define DROPOUT_KEY UINT64_C(0x64726f706f757400)

rnn_status rnn_chunk_init(rnn_chunk *chunk, size_t struct_size)
{
    const rnn_chunk empty = {.struct_size = sizeof empty};
    return rnn_struct_init("chunk", chunk, struct_size, &empty, RNN_CHUNK_FIRST_SIZE, sizeof empty);
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

rnn_status rnn_check_ids(const char *name, const int32_t *ids, size_t count, int32_t least, int64_t size)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] < least || ids[i] >= size)
            return rnn_fail(RNN_ERROR_SYMBOL, "%s[%zu] is %" PRId32 "; it must be %" PRId32 " to %" PRId64, name, i,
                            ids[i], least, size - 1);
    return RNN_OK;
}

/* Rows of `width` numbers each; those whose mask is 0 are not looked at. */
static rnn_status check_vectors(const rnn_model *model, const char *name, const void *vectors, size_t rows,
                                size_t width, const uint8_t *mask)
{
    if (!mask && model->core->all_finite(vectors, rows * width))
        return RNN_OK;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = row * width; (!mask || mask[row]) && i < (row + 1) * width; i++) {
            double value = rnn_model_number(model, vectors, i);
            if (!isfinite(value))
                return rnn_fail(RNN_ERROR_ARGUMENT, "%s[%zu] is %g; it must be finite", name, i, value);
        }
    return RNN_OK;
}

/* The fields of the kind that the model doesn't take must be NULL. */
static rnn_status check_absent(const char *name, const void *field, const char *why)
{
    return field ? rnn_fail(RNN_ERROR_ARGUMENT, "%s is given; it must be NULL, since the model has %s", name, why)
                 : RNN_OK;
}

static rnn_status check_inputs(const rnn_model *model, const rnn_chunk *chunk, size_t rows)
{
    const rnn_model_options *o = &model->options;
    if (o->input == RNN_INPUT_VECTORS) {
        RNN_TRY(check_absent("chunk->inputs", chunk->inputs, "vectors as inputs"));
        RNN_TRY(rnn_check_pointer("chunk->input_vectors", chunk->input_vectors));
        return check_vectors(model, "chunk->input_vectors", chunk->input_vectors, rows, (size_t)o->input_size, NULL);
    }
    RNN_TRY(check_absent("chunk->input_vectors", chunk->input_vectors, "ids as inputs"));
    RNN_TRY(rnn_check_pointer("chunk->inputs", chunk->inputs));
    return rnn_check_ids("chunk->inputs", chunk->inputs, rows, 0, o->input_size);
}

static rnn_status check_targets(const rnn_model *model, const rnn_chunk *chunk, size_t rows)
{
    const rnn_model_options *o = &model->options;
    if (o->loss == RNN_LOSS_SQUARED_ERROR) {
        RNN_TRY(check_absent("chunk->targets", chunk->targets, "vectors as targets"));
        RNN_TRY(rnn_check_pointer("chunk->target_vectors", chunk->target_vectors));
        return check_vectors(model, "chunk->target_vectors", chunk->target_vectors, rows, (size_t)o->output_size,
                             chunk->target_mask);
    }
    RNN_TRY(check_absent("chunk->target_vectors", chunk->target_vectors, "ids as targets"));
    RNN_TRY(check_absent("chunk->target_mask", chunk->target_mask, "ids as targets"));
    RNN_TRY(rnn_check_pointer("chunk->targets", chunk->targets));
    return rnn_check_ids("chunk->targets", chunk->targets, rows, RNN_IGNORE, o->output_size);
}

/* Reads a chunk and checks it against the model and the state that it is to run on. */
static rnn_status read_chunk(const rnn_model *model, const rnn_state *state, const rnn_chunk *given, bool targets,
                             rnn_chunk *chunk)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(state);
    *chunk = (rnn_chunk){0};
    RNN_TRY(rnn_struct_read("chunk", given, chunk, RNN_CHUNK_FIRST_SIZE, sizeof *chunk));
    RNN_TRY(rnn_check_range("chunk->steps", chunk->steps, 1, STEPS_MOST));
    RNN_TRY(rnn_check_range("chunk->streams", chunk->streams, 1, STREAMS_MOST));
    RNN_TRY(rnn_state_check_model(state, model));
    if (chunk->streams != state->streams)
        return rnn_fail(RNN_ERROR_MISMATCH, "chunk->streams is %" PRId64 "; the state has %" PRId64, chunk->streams,
                        state->streams);
    size_t rows = (size_t)(chunk->steps * chunk->streams);
    RNN_TRY(check_inputs(model, chunk, rows));
    if (targets)
        return check_targets(model, chunk, rows);
    chunk->targets = NULL; /* nothing needs them */
    chunk->target_vectors = NULL;
    chunk->target_mask = NULL;
    return RNN_OK;
}

static rnn_status check_loss(const rnn_loss *loss)
{
    if (isfinite(loss->sum))
        return RNN_OK;
    return rnn_fail(RNN_ERROR_NONFINITE, "the loss of the chunk is %g", loss->sum);
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

/* Sees to it that the state holds the model's present weights, packed. */
static rnn_status need_packed(const rnn_model *model, rnn_state *state, bool training)
{
    if (state->packed_serial == model->serial && state->packed_version == model->version &&
        state->packed_for_training >= training)
        return RNN_OK;
    state->packed_serial = 0;
    RNN_TRY(rnn_state_grow("the packed weights", &state->packed, model->core->packed_size(&model->network, training)));
    model->core->pack(&model->network, model->parameters, rnn_threads_for((double)model->count), training,
                      state->packed.memory);
    state->packed_serial = model->serial;
    state->packed_version = model->version;
    state->packed_for_training = training;
    return RNN_OK;
}

/*
 * Streams are what the steps of a layer can be divided by, at least a few for each thread. On the way back threads wait
 * for one another after each block of positions in each layer: what they do in between must be worth it.
 */
static int threads_of(const rnn_model *model, const rnn_chunk *chunk, bool training)
{
    enum { STREAMS_EACH = 4, BLOCK = 256, PRODUCTS_BACK = 2 };
    double positions = (double)(chunk->steps * chunk->streams), multiplied = (double)model->multiplied;
    if (training) {
        positions = positions < BLOCK ? positions : BLOCK;
        multiplied *= PRODUCTS_BACK / (double)model->network.layers;
    }
    int threads = rnn_threads_for(positions * multiplied);
    int64_t most = chunk->streams / STREAMS_EACH;
    return most < 1 ? 1 : most < threads ? (int)most : threads;
}

rnn_status rnn_run_piece(const rnn_model *model, rnn_state *state, const rnn_piece *piece, core_pass *pass)
{
    const rnn_core *core = model->core;
    const rnn_chunk *chunk = &piece->chunk;
    int threads = threads_of(model, chunk, piece->training);
    RNN_TRY(need_packed(model, state, piece->training));
    RNN_TRY(
        rnn_state_grow("the work space of a chunk", &state->workspace,
                       core->workspace_size(&model->network, chunk->steps, state->streams, threads, piece->training)));
    RNN_TRY(rnn_state_grow("the losses of a chunk", &state->position_loss,
                           (size_t)(chunk->steps * state->streams) * sizeof(double)));
    *pass = (core_pass){
        .network = &model->network,
        .parameters = model->parameters,
        .packed = state->packed.memory,
        .workspace = state->workspace.memory,
        .steps = chunk->steps,
        .streams = state->streams,
        .threads = threads,
        .training = piece->training,
        .seed = model->options.seed ^ DROPOUT_KEY,
        .random_index = state->random_index,
        .ids = chunk->inputs,
        .vectors = chunk->input_vectors,
        .targets = chunk->targets,
        .target_vectors = chunk->target_vectors,
        .target_mask = chunk->target_mask,
        .state = piece->first ? state->values : state->next,
        .next_state = state->next,
        .outputs = piece->outputs,
        .position_loss = state->position_loss.memory,
    };
    core->forward(pass);
    return RNN_OK;
}

/* Some steps of a chunk, as a chunk */
static rnn_chunk steps_of(const rnn_model *model, const rnn_chunk *chunk, int64_t first, int64_t count)
{
    int64_t row = first * chunk->streams;
    rnn_chunk part = *chunk;
    part.steps = count;
    if (chunk->inputs)
        part.inputs = chunk->inputs + row;
    if (chunk->input_vectors)
        part.input_vectors = rnn_model_at_const(model, chunk->input_vectors, (size_t)(row * model->options.input_size));
    if (chunk->targets)
        part.targets = chunk->targets + row;
    if (chunk->target_vectors)
        part.target_vectors =
            rnn_model_at_const(model, chunk->target_vectors, (size_t)(row * model->options.output_size));
    if (chunk->target_mask)
        part.target_mask = chunk->target_mask + row;
    return part;
}

/* Adds a piece's losses, in the order of the positions. */
static void add_loss(const core_pass *pass, rnn_loss *loss)
{
    size_t rows = (size_t)(pass->steps * pass->streams);
    for (size_t i = 0; i < rows; i++) {
        bool counts = pass->targets ? pass->targets[i] != RNN_IGNORE : !pass->target_mask || pass->target_mask[i];
        loss->sum += pass->position_loss[i];
        loss->count += counts;
    }
}

/* Room for what the caller wants to see of a chunk */
static rnn_status need_observed(const rnn_model *model, rnn_state *state, int64_t steps, bool backward)
{
    size_t layers = (size_t)model->options.layers, values;
    if (__builtin_mul_overflow((size_t)(steps * state->streams), (size_t)model->options.hidden_size * layers,
                               &values) ||
        __builtin_mul_overflow(values, model->element_size, &values))
        values = SIZE_MAX;
    if (state->observe & RNN_OBSERVE_ACTIVATIONS)
        RNN_TRY(rnn_state_grow("the activations of a chunk", &state->activations, values));
    if (backward && (state->observe & RNN_OBSERVE_GRADIENT_NORMS))
        RNN_TRY(rnn_state_grow("the gradient norms of a chunk", &state->gradient_norms,
                               (size_t)steps * layers * sizeof(double)));
    return RNN_OK;
}

/* Keeps what the caller wants to see. */
static void keep_observed(const rnn_model *model, rnn_state *state, const core_pass *pass)
{
    if (pass->gradient_norms)
        state->norm_steps = pass->steps;
    if (!(state->observe & RNN_OBSERVE_ACTIVATIONS))
        return;
    size_t layer = (size_t)(pass->steps * pass->streams * model->options.hidden_size);
    for (int64_t l = 0; l < model->options.layers; l++)
        model->core->activations(pass, l, rnn_model_at(model, state->activations.memory, (size_t)l * layer));
    state->activation_steps = pass->steps;
}

rnn_status rnn_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *given, void *outputs,
                       int64_t outputs_count, rnn_loss *loss)
{
    rnn_chunk chunk;
    RNN_TRY(read_chunk(model, state, given, loss != NULL, &chunk));
    int64_t row = chunk.streams * model->options.output_size, expected = 0;
    if (outputs && __builtin_mul_overflow(chunk.steps, row, &expected))
        return rnn_fail(RNN_ERROR_ARGUMENT, "steps times streams times output_size is more than can be addressed");
    if (outputs_count != expected)
        return rnn_fail(RNN_ERROR_ARGUMENT, "outputs_count is %" PRId64 "; it must be %" PRId64, outputs_count,
                        expected);
    RNN_TRY(need_observed(model, state, chunk.steps, false));
    int64_t most = INFERENCE_NUMBERS / (model->options.output_size + model->options.hidden_size);
    int64_t rows = most < INFERENCE_ROWS ? most : INFERENCE_ROWS;
    int64_t at_a_time = chunk.streams < rows ? rows / chunk.streams : 1;
    if (state->observe & RNN_OBSERVE_ACTIVATIONS)
        at_a_time = chunk.steps;
    rnn_loss total = {0};
    core_pass pass;
    for (int64_t t = 0; t < chunk.steps; t += at_a_time) {
        int64_t steps = chunk.steps - t < at_a_time ? chunk.steps - t : at_a_time;
        rnn_piece piece = {.chunk = steps_of(model, &chunk, t, steps), .first = t == 0};
        if (outputs)
            piece.outputs = rnn_model_at(model, outputs, (size_t)(t * row));
        RNN_TRY(rnn_run_piece(model, state, &piece, &pass));
        if (loss)
            add_loss(&pass, &total);
    }
    RNN_TRY(check_loss(&total));
    RNN_TRY(rnn_state_commit(state));
    keep_observed(model, state, &pass);
    if (loss)
        *loss = total;
    return RNN_OK;
}

rnn_status rnn_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *given, rnn_loss *loss)
{
    rnn_chunk chunk;
    RNN_TRY(read_chunk(model, state, given, true, &chunk));
    RNN_TRY(rnn_model_need_gradients(model));
    RNN_TRY(need_observed(model, state, chunk.steps, true));
    core_pass pass;
    rnn_piece whole = {.chunk = chunk, .training = true, .first = true};
    RNN_TRY(rnn_run_piece(model, state, &whole, &pass));
    rnn_loss total = {0};
    add_loss(&pass, &total);
    RNN_TRY(check_loss(&total));
    RNN_TRY(rnn_state_commit(state));
    pass.gradient_scale =
        model->options.reduction == RNN_REDUCTION_MEAN && total.count > 0 ? 1.0 / (double)total.count : 1;
    pass.gradients = model->gradients;
    pass.gradient_norms = state->observe & RNN_OBSERVE_GRADIENT_NORMS ? state->gradient_norms.memory : NULL;
    if (chunk.inputs)
        rnn_model_use_rows(model, chunk.inputs, (size_t)(chunk.steps * chunk.streams));
    model->core->backward(&pass);
    keep_observed(model, state, &pass);
    state->random_index = (state->random_index + 1) % RANDOM_INDEX_END;
    if (loss)
        *loss = total;
    return RNN_OK;
}
