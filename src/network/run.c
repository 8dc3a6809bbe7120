/*
 * run.c: the forward and the backward pass over a chunk. These functions check all arguments, provide the memory, run
 * the core, and keep the result only if it is finite.
 */
#include "network/run.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/threads.h"
#include "network/cache.h"
#include "network/loss.h"

#include <inttypes.h>
#include <math.h>
#include <stdalign.h>
#include <string.h>

enum {
    INFERENCE_ROWS = 256,        /* maximum number of positions that inference computes at a time */
    INFERENCE_NUMBERS = 1 << 21, /* maximum number of values that inference computes at a time */
    SMALL_STEP = 4 << 10,        /* maximum number of bytes on the stack for one step */
};

/* Dropout uses a different random key from the initial parameters. */
#define DROPOUT_KEY UINT64_C(0x64726f706f757400)

static rnn_status check_loss(const rnn_model *model, const rnn_loss *loss)
{
    if (isfinite(loss->sum))
        return RNN_OK;
    return librnn_model_fail_nonfinite(model, "the loss of the chunk is %g", loss->sum);
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

/*
 * The number of multiplications that a team would divide. In the backward pass the workers wait for one another after
 * each block of positions in each layer, so the work of one block must be worth dividing. In the forward pass they
 * divide the streams, at least a few for each worker.
 */
static double work_of(const rnn_model *model, int64_t steps, int64_t streams, bool training)
{
    enum { STREAMS_EACH = 4 };
    const double block = 256, products_back = 2;
    double positions = (double)steps * (double)streams, multiplied = (double)model->multiplied;
    if (!training)
        return streams < (int64_t)2 * STREAMS_EACH ? 0 : positions * multiplied;
    positions = positions < block ? positions : block;
    return positions * multiplied * products_back / (double)model->network.layers;
}

/* The core's description of a piece, without the sizes of its memory. */
static core_pass pass_of(const rnn_run *run, const rnn_piece *piece)
{
    const rnn_model *model = run->model;
    const rnn_chunk *chunk = &piece->chunk;
    core_pass pass = {
        .network = &model->network,
        .parameters = model->parameters,
        .packed = run->packed,
        .packed_back = run->packed_back,
        .workspace = run->workspace,
        .team = &run->team,
        .shape = {.steps = chunk->steps,
                  .streams = chunk->streams,
                  .workers = run->team.size,
                  .training = run->training,
                  .starts = chunk->starts,
                  .ragged = chunk->starts || chunk->lengths,
                  .kept = run->kept},
        .seed = model->options.seed ^ DROPOUT_KEY,
        .random_index = run->state->random_index,
        .ids = chunk->inputs,
        .vectors = chunk->input_vectors,
        .targets = chunk->targets,
        .target_vectors = chunk->target_vectors,
        .target_mask = chunk->target_mask,
        .first_step = piece->first_step,
        .lengths = chunk->lengths,
        .starts = chunk->starts,
        .last_only = chunk->last_only,
        .fresh = run->fresh,
        .state = run->started ? run->next : run->state->values,
        .next_state = run->next,
        .outputs = piece->outputs,
        .hits = run->hits,
    };
    if (chunk->targets || chunk->target_vectors)
        pass.position_loss = chunk->losses ? chunk->losses : run->position_loss;
    pass.shape.decoded = model->core->count_decoded(&pass);
    return pass;
}

/*
 * The size of a work space that is large enough for the largest piece. It is also large enough for pieces of the same
 * length in which other positions are decoded.
 */
static size_t workspace_size(const rnn_run *run, const rnn_piece *largest)
{
    const rnn_model *m = run->model;
    if (run->one_step)
        return m->network.step_bytes;
    core_shape shape = pass_of(run, largest).shape;
    if (run->training || (largest->outputs && !largest->chunk.lengths))
        return m->core->workspace_size(&m->network, &shape);
    shape.decoded = shape.steps * shape.streams;
    size_t all = m->core->workspace_size(&m->network, &shape);
    shape.decoded -= shape.decoded > 1;
    size_t some = m->core->workspace_size(&m->network, &shape);
    return some > all ? some : all;
}

/* Reserves aligned space for `count` elements and returns its offset. */
static size_t add_room(size_t *size, uint64_t count, size_t element_size)
{
    size_t start = *size, bytes;
    if (__builtin_mul_overflow(count, element_size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)CORE_ALIGNMENT - 1, &bytes) ||
        __builtin_add_overflow(start, bytes / CORE_ALIGNMENT * CORE_ALIGNMENT, size))
        *size = SIZE_MAX;
    return start;
}

/* Reserves space for copies of the caller's arrays that backward() reads. */
static kept_arrays add_kept_arrays(size_t *size, const rnn_chunk *chunk)
{
    uint64_t rows = (uint64_t)(chunk->steps * chunk->streams);
    kept_arrays kept = {.ids = add_room(size, chunk->inputs ? rows : 0, sizeof *chunk->inputs)};
    kept.lengths = add_room(size, chunk->lengths ? (uint64_t)chunk->streams : 0, sizeof *chunk->lengths);
    kept.starts = add_room(size, chunk->starts ? rows : 0, 1);
    return kept;
}

static rnn_status take_memory(rnn_run *run, const rnn_piece *largest, int64_t outputs)
{
    size_t size = 0, element = run->model->element_size;
    const rnn_chunk *chunk = &largest->chunk;
    size_t next = add_room(&size, run->state->count, element);
    size_t numbers = add_room(&size, (uint64_t)outputs, element);
    uint64_t places = run->one_step ? 0 : (uint64_t)librnn_chunk_places(chunk);
    size_t losses = add_room(&size, chunk->losses ? 0 : places, sizeof(double));
    size_t hits = add_room(&size, chunk->hits ? places : 0, 1);
    bool trains_initial = run->training && run->state->fresh;
    size_t fresh = add_room(&size, trains_initial ? (uint64_t)run->state->streams : 0, 1);
    size_t workspace = add_room(&size, workspace_size(run, largest), 1);
    if (run->kept) {
        run->kept_at = add_kept_arrays(&size, chunk);
        if (size > run->kept->size) { /* its contents aren't needed any more */
            librnn_release(run->kept->memory);
            *run->kept = (growing){0};
        }
        RNN_TRY(librnn_state_grow("the activations of a chunk", run->kept, size));
        run->memory = run->kept->memory;
    } else {
        RNN_TRY(librnn_cache_take(run->model, run->training, "the work space of a chunk", size, &run->memory));
    }
    run->next = (char *)run->memory + next;
    run->outputs = (char *)run->memory + numbers;
    run->position_loss = (double *)((char *)run->memory + losses);
    run->hits = chunk->hits ? (uint8_t *)run->memory + hits : NULL;
    run->fresh = trains_initial ? (uint8_t *)run->memory + fresh : NULL;
    run->workspace = (char *)run->memory + workspace;
    return RNN_OK;
}

static bool is_one_step(const rnn_state *state, const rnn_piece *piece, bool training)
{
    const rnn_chunk *c = &piece->chunk;
    return c->steps == 1 && c->streams == 1 && !training && !state->shape.bidirectional && !c->targets &&
           !c->target_vectors && !c->lengths && !c->starts && !(state->observe & RNN_OBSERVE_ACTIVATIONS);
}

/* kept: memory of a state, if the results must outlive the call; or NULL. */
static rnn_status begin(rnn_run *run, const rnn_model *model, rnn_state *state, const rnn_piece *largest, bool training,
                        int64_t outputs, growing *kept)
{
    *run = (rnn_run){.model = model, .state = state, .training = training, .kept = kept};
    run->team = librnn_team_begin(work_of(model, largest->chunk.steps, largest->chunk.streams, training));
    run->one_step = is_one_step(state, largest, training);
    rnn_status status = training
                            ? librnn_cache_training((rnn_model *)model, &run->team, &run->packed, &run->packed_back)
                            : librnn_cache_forward(model, &run->team, &run->packed);
    if (status == RNN_OK)
        status = take_memory(run, largest, outputs);
    if (status != RNN_OK) {
        librnn_run_end(run);
        return status;
    }
    if (state->fresh)
        librnn_state_begin(state, model);
    if (state->fresh && run->fresh)
        memcpy(run->fresh, state->fresh, (size_t)state->streams);
    return RNN_OK;
}

rnn_status librnn_run_begin(rnn_run *run, const rnn_model *model, rnn_state *state, const rnn_piece *largest,
                            bool training, int64_t outputs)
{
    return begin(run, model, state, largest, training, outputs, NULL);
}

void librnn_run_end(rnn_run *run)
{
    if (!run->kept)
        librnn_cache_give(run->model, run->training, run->memory);
    librnn_team_end(&run->team);
}

/* Runs a piece of one step and one stream. */
static void run_step(const rnn_run *run, const rnn_piece *piece)
{
    const rnn_model *model = run->model;
    core_step step = {
        .network = &model->network,
        .parameters = model->parameters,
        .packed = run->packed,
        .workspace = run->workspace,
        .vector = piece->chunk.input_vectors,
        .state = run->started ? run->next : run->state->values,
        .next_state = run->next,
        .outputs = piece->outputs,
    };
    if (piece->chunk.inputs)
        step.id = piece->chunk.inputs[0];
    model->core->step(&step);
}

void librnn_run_piece(rnn_run *run, const rnn_piece *piece, core_pass *pass)
{
    if (run->one_step) {
        run_step(run, piece);
    } else {
        *pass = pass_of(run, piece);
        run->model->core->forward(pass);
    }
    run->started = true;
}

/* Adds the losses of a piece. If there is one target per stream, they are all added after the last piece. */
static void add_piece(const core_pass *pass, const rnn_chunk *whole, score *total)
{
    size_t streams = (size_t)whole->streams;
    // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): a pass with a loss is never run in one step
    bool last = pass->first_step + pass->shape.steps == whole->steps;
    if (!pass->position_loss || (whole->last_only && !last))
        return;
    librnn_score_add(total, pass->targets, pass->target_mask, pass->position_loss, pass->hits,
                     whole->last_only ? streams : (size_t)pass->shape.steps * streams);
}

/*
 * Sets the losses to zero, and also the outputs if the chunk has lengths. Positions without a target or without outputs
 * keep these zeros.
 */
static void clear_results(const rnn_model *model, const rnn_chunk *chunk, void *outputs)
{
    size_t places = (size_t)librnn_chunk_places(chunk);
    if (chunk->losses)
        memset(chunk->losses, 0, places * sizeof *chunk->losses);
    if (outputs && chunk->lengths)
        memset(outputs, 0, places * (size_t)model->options.output_size * model->element_size);
}

/* Makes sure that there is memory for the data that the caller observes. */
static rnn_status need_observed(const rnn_model *model, rnn_state *state, int64_t steps, bool backward)
{
    size_t layers = (size_t)model->network.layers, values;
    if (__builtin_mul_overflow((size_t)(steps * state->streams), (size_t)model->options.hidden_size * layers,
                               &values) ||
        __builtin_mul_overflow(values, model->element_size, &values))
        values = SIZE_MAX;
    if (state->observe & RNN_OBSERVE_ACTIVATIONS)
        RNN_TRY(librnn_state_grow("the activations of a chunk", &state->activations, values));
    if (backward && (state->observe & RNN_OBSERVE_GRADIENT_NORMS))
        RNN_TRY(librnn_state_grow("the gradient norms of a chunk", &state->gradient_norms,
                                  (size_t)steps * layers * sizeof(double)));
    return RNN_OK;
}

/* Saves the data that the caller observes. */
static void keep_observed(const rnn_model *model, rnn_state *state, const core_pass *pass)
{
    if (pass->gradient_norms)
        state->norm_steps = pass->shape.steps;
    if (!(state->observe & RNN_OBSERVE_ACTIVATIONS))
        return;
    size_t layer = (size_t)(pass->shape.steps * pass->shape.streams * model->options.hidden_size);
    for (int64_t l = 0; l < model->network.layers; l++)
        model->core->activations(pass, l, rnn_model_at(model, state->activations.memory, (size_t)l * layer));
    state->activation_steps = pass->shape.steps;
}

/* The number of steps that inference computes at a time. */
static int64_t steps_at_a_time(const rnn_model *model, const rnn_state *state, const rnn_chunk *chunk)
{
    if (chunk->steps == 1) /* avoids a division, whose time would matter for a single step */
        return 1;
    int64_t most = INFERENCE_NUMBERS / (model->options.output_size + model->options.hidden_size);
    int64_t rows = most < INFERENCE_ROWS ? most : INFERENCE_ROWS;
    int64_t steps = chunk->streams < rows ? rows / chunk->streams : 1;
    bool whole = (state->observe & RNN_OBSERVE_ACTIVATIONS) || model->options.bidirectional;
    return whole || steps > chunk->steps ? chunk->steps : steps;
}

/* A range of a chunk's steps, with their outputs if `outputs` isn't NULL. */
static rnn_piece piece_of(const rnn_model *model, const rnn_chunk *chunk, void *outputs, int64_t first, int64_t count)
{
    rnn_piece piece = {.chunk = librnn_chunk_steps(model, chunk, first, count), .first_step = first};
    int64_t place = chunk->last_only ? 0 : first * chunk->streams;
    if (outputs)
        piece.outputs = rnn_model_at(model, outputs, (size_t)(place * model->options.output_size));
    return piece;
}

rnn_status librnn_check_outputs(const rnn_model *model, const rnn_chunk *chunk, const void *outputs, int64_t count)
{
    int64_t expected = 0;
    if (outputs && __builtin_mul_overflow(librnn_chunk_places(chunk), model->options.output_size, &expected))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "steps times streams times output_size is too large for the address space");
    if (count == expected)
        return RNN_OK;
    const char *why = !outputs           ? ", since outputs is NULL"
                      : chunk->last_only ? ", which is streams times output_size, since chunk->last_only is 1"
                                         : ", which is steps times streams times output_size";
    return librnn_fail(RNN_ERROR_ARGUMENT, "outputs_count is %" PRId64 "; it must be %" PRId64 "%s", count, expected,
                       why);
}

static rnn_status forward_chunk(const rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs,
                                score *total)
{
    RNN_TRY(need_observed(model, state, chunk->steps, false));
    int64_t at_a_time = steps_at_a_time(model, state, chunk);
    rnn_piece largest = piece_of(model, chunk, outputs, 0, at_a_time);
    rnn_run run;
    RNN_TRY(librnn_run_begin(&run, model, state, &largest, false, 0));
    core_pass pass = {0};
    clear_results(model, chunk, outputs);
    for (int64_t t = 0, steps; t < chunk->steps; t += steps) {
        steps = chunk->steps - t < at_a_time ? chunk->steps - t : at_a_time;
        rnn_piece piece = piece_of(model, chunk, outputs, t, steps);
        librnn_run_piece(&run, &piece, &pass);
        add_piece(&pass, chunk, total);
    }
    rnn_status status = check_loss(model, &total->loss);
    if (status == RNN_OK)
        status = librnn_state_commit(state, model, run.next, chunk->lengths);
    if (status == RNN_OK)
        keep_observed(model, state, &pass);
    librnn_run_end(&run);
    return status;
}

static RNN_FLOAT_BODY rnn_status run_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *given,
                                             void *outputs, int64_t outputs_count, rnn_loss *loss)
{
    chunk_reading reading;
    score total = {0};
    RNN_TRY(librnn_chunk_read(model, state, given, loss != NULL, &reading));
    rnn_status status = librnn_check_outputs(model, &reading.chunk, outputs, outputs_count);
    if (status == RNN_OK)
        status = forward_chunk(model, state, &reading.chunk, outputs, &total);
    if (status == RNN_OK)
        librnn_score_give(&total, &reading.chunk, loss);
    librnn_chunk_forget(&reading);
    return status;
}

/* Whether a chunk uses only the fields of the first release. */
static bool is_plain(const rnn_chunk *chunk)
{
    return chunk->struct_size == RNN_CHUNK_FIRST_SIZE ||
           (chunk->struct_size == sizeof *chunk && !chunk->lengths && !chunk->starts && !chunk->losses &&
            !chunk->hits && !chunk->last_only && !chunk->reserved);
}

/*
 * Programs that run live call for one step of one stream and its outputs. Once the weights are packed, such a call
 * takes a faster path. This function returns true only if a call is of that kind and all its arguments are valid,
 * except those that the core checks itself.
 */
static bool is_live_step(const rnn_model *model, const rnn_state *state, const rnn_chunk *chunk, const void *outputs,
                         int64_t outputs_count, const rnn_loss *loss)
{
    if (!model || !state || !chunk || loss || !is_plain(chunk) || chunk->steps != 1 || chunk->streams != 1 ||
        state->streams != 1 || state->observe || state->shape.bidirectional || (state->fresh && *state->fresh) ||
        !rnn_state_fits(state, model))
        return false;
    const rnn_model_options *o = &model->options;
    if (outputs_count != (outputs ? o->output_size : 0))
        return false;
    if (o->input == RNN_INPUT_VECTORS)
        return chunk->input_vectors && !chunk->inputs;
    return chunk->inputs && !chunk->input_vectors && chunk->inputs[0] >= 0 && chunk->inputs[0] < o->input_size;
}

/*
 * Computes a live step. Returns false if only the normal path can continue; then nothing but the outputs has changed.
 */
static RNN_FLOAT_BODY bool run_live_step(const rnn_model *model, rnn_state *state, const rnn_chunk *chunk,
                                         void *outputs)
{
    alignas(CORE_ALIGNMENT) char small[SMALL_STEP];
    void *memory = small;
    const void *packed = librnn_cache_present(model);
    size_t bytes = state->count * state->element_size, size = bytes + model->network.step_bytes;
    if (!packed || (size > sizeof small && librnn_cache_take(model, false, "the work space of a chunk", size, &memory)))
        return false;
    core_step step = {
        .network = &model->network,
        .parameters = model->parameters,
        .packed = packed,
        .workspace = memory,
        .id = chunk->inputs ? chunk->inputs[0] : 0,
        .vector = chunk->input_vectors,
        .state = state->values,
        .next_state = (char *)memory + model->network.step_bytes,
        .outputs = outputs,
        .turned = state->turned,
    };
    bool good = model->core->step(&step);
    if (good) {
        memcpy(state->values, step.next_state, bytes);
        state->turned = !state->turned;
    }
    if (memory != small)
        librnn_cache_give(model, false, memory);
    return good;
}

rnn_status rnn_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs,
                       int64_t outputs_count, rnn_loss *loss)
{
    if (is_live_step(model, state, chunk, outputs, outputs_count, loss)) {
        float_mode mode = rnn_float_enter();
        bool done = run_live_step(model, state, chunk, outputs);
        rnn_float_leave(mode);
        if (done)
            return RNN_OK;
    }
    float_mode mode = rnn_float_enter();
    rnn_status status = run_forward(model, state, chunk, outputs, outputs_count, loss);
    rnn_float_leave(mode);
    return status;
}

rnn_status librnn_decode_state(const rnn_model *model, rnn_state *state, void *outputs)
{
    const core_team team = librnn_team_alone();
    const void *packed;
    void *memory;
    const core_network *n = &model->network;
    librnn_state_begin(state, model);
    RNN_TRY(librnn_cache_forward(model, &team, &packed));
    RNN_TRY(librnn_allocate("the outputs of a state", n->step_bytes, 1, &memory));
    model->core->decode_state(n, packed, state->values, state->streams, memory, outputs);
    librnn_release(memory);
    return RNN_OK;
}

/* Runs the backward pass of a chunk and marks the rows of its ids as used. */
static void go_back(rnn_model *model, rnn_state *state, core_pass *pass)
{
    size_t rows = (size_t)(pass->shape.steps * pass->shape.streams);
    pass->gradients = model->gradients;
    pass->gradient_norms = state->observe & RNN_OBSERVE_GRADIENT_NORMS ? state->gradient_norms.memory : NULL;
    if (pass->ids)
        librnn_model_use_rows(model, pass->ids, rows);
    model->core->backward(pass);
}

/* Computes the chunk's loss. If the loss and the new state are finite, computes the gradients. */
static rnn_status learn(rnn_model *model, rnn_state *state, rnn_run *run, const rnn_piece *whole, score *total)
{
    core_pass pass;
    clear_results(model, &whole->chunk, NULL);
    librnn_run_piece(run, whole, &pass);
    add_piece(&pass, &whole->chunk, total);
    RNN_TRY(check_loss(model, &total->loss));
    RNN_TRY(librnn_state_commit(state, model, run->next, whole->chunk.lengths));
    bool mean = model->options.reduction == RNN_REDUCTION_MEAN && total->loss.count > 0;
    pass.gradient_scale = mean ? 1.0 / (double)total->loss.count : 1;
    go_back(model, state, &pass);
    keep_observed(model, state, &pass);
    state->random_index = (state->random_index + 1) % RANDOM_INDEX_END;
    return RNN_OK;
}

static rnn_status learn_chunk(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, score *total)
{
    rnn_piece whole = {.chunk = *chunk};
    RNN_TRY(librnn_model_need_gradients(model));
    RNN_TRY(need_observed(model, state, chunk->steps, true));
    rnn_run run;
    RNN_TRY(librnn_run_begin(&run, model, state, &whole, true, 0));
    rnn_status status = learn(model, state, &run, &whole, total);
    librnn_run_end(&run);
    return status;
}

static RNN_FLOAT_BODY rnn_status run_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *given,
                                                      rnn_loss *loss)
{
    chunk_reading reading;
    score total = {0};
    RNN_TRY(librnn_chunk_read(model, state, given, true, &reading));
    rnn_status status = learn_chunk(model, state, &reading.chunk, &total);
    if (status == RNN_OK)
        librnn_score_give(&total, &reading.chunk, loss);
    librnn_chunk_forget(&reading);
    return status;
}

rnn_status rnn_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, rnn_loss *loss)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = run_forward_backward(model, state, chunk, loss);
    rnn_float_leave(mode);
    return status;
}

/* ---- The caller's own loss --------------------------------------------------------------------------------------- */

/* Copies the caller's arrays to memory that the state keeps, and makes the pass use the copies. */
static void keep_arrays(const rnn_run *run, const rnn_chunk *chunk, core_pass *pass)
{
    size_t rows = (size_t)(chunk->steps * chunk->streams);
    char *memory = run->memory;
    if (chunk->inputs)
        pass->ids = memcpy(memory + run->kept_at.ids, chunk->inputs, rows * sizeof *chunk->inputs);
    if (chunk->lengths)
        pass->lengths =
            memcpy(memory + run->kept_at.lengths, chunk->lengths, (size_t)chunk->streams * sizeof *chunk->lengths);
    if (chunk->starts)
        pass->starts = memcpy(memory + run->kept_at.starts, chunk->starts, rows);
    pass->vectors = NULL; /* the work space has copies */
    pass->team = NULL;
}

static rnn_status check_no_results(const rnn_chunk *chunk)
{
    const char *name = chunk->losses ? "losses" : chunk->hits ? "hits" : NULL;
    return name ? librnn_fail(RNN_ERROR_ARGUMENT,
                              "chunk->%s is not NULL; it must be NULL, since the caller computes the loss", name)
                : RNN_OK;
}

static rnn_status train_forward(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs)
{
    rnn_piece whole = piece_of(model, chunk, outputs, 0, chunk->steps);
    RNN_TRY(need_observed(model, state, chunk->steps, false));
    rnn_run run;
    state->kept_version = 0;
    RNN_TRY(begin(&run, model, state, &whole, true, 0, &state->kept));
    clear_results(model, chunk, outputs);
    librnn_run_piece(&run, &whole, &state->pass);
    rnn_status status = librnn_state_commit(state, model, run.next, chunk->lengths);
    if (status == RNN_OK) {
        keep_observed(model, state, &state->pass);
        keep_arrays(&run, chunk, &state->pass);
        state->kept_version = librnn_cache_version(model);
        state->random_index = (state->random_index + 1) % RANDOM_INDEX_END;
    }
    librnn_run_end(&run);
    return status;
}

static RNN_FLOAT_BODY rnn_status run_forward_training(rnn_model *model, rnn_state *state, const rnn_chunk *given,
                                                      void *outputs, int64_t outputs_count)
{
    chunk_reading reading;
    RNN_TRY(librnn_chunk_read(model, state, given, false, &reading));
    rnn_status status = check_no_results(&reading.chunk);
    if (status == RNN_OK)
        status = librnn_check_outputs(model, &reading.chunk, outputs, outputs_count);
    if (status == RNN_OK)
        status = train_forward(model, state, &reading.chunk, outputs);
    librnn_chunk_forget(&reading);
    return status;
}

rnn_status rnn_forward_training(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, void *outputs,
                                int64_t outputs_count)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = run_forward_training(model, state, chunk, outputs, outputs_count);
    rnn_float_leave(mode);
    return status;
}

rnn_status rnn_chunk_gradients_init(rnn_chunk_gradients *gradients, size_t struct_size)
{
    const rnn_chunk_gradients empty = {.struct_size = sizeof empty};
    return librnn_struct_init("chunk_gradients", gradients, struct_size, &empty, sizeof empty, sizeof empty);
}

static rnn_status check_final_state(const rnn_model *model, const void *gradients, size_t count)
{
    size_t i;
    double bad;
    if (!gradients || !librnn_find_nonfinite(model->core, model->options.precision, gradients, count, &i, &bad))
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "gradients->final_state[%zu] is %g; it must be finite", i, bad);
}

/* Whether a place (a position, or a stream if last_only is set) has outputs: its stream hasn't ended earlier. */
static bool place_has_outputs(const core_pass *pass, size_t place)
{
    size_t streams = (size_t)pass->shape.streams;
    return !pass->lengths || (int64_t)(place / streams) < pass->lengths[place % streams];
}

/* Gradients at positions without outputs are ignored. */
static rnn_status check_output_gradients(const rnn_model *model, const core_pass *pass, const void *gradients)
{
    size_t streams = (size_t)pass->shape.streams, count = (size_t)model->options.output_size;
    size_t places = pass->last_only ? streams : (size_t)pass->shape.steps * streams;
    if (!gradients || model->core->all_finite(gradients, places * count))
        return RNN_OK;
    for (size_t i = 0; i < places * count; i++) {
        double value = rnn_model_number(model, gradients, i);
        if (!isfinite(value) && place_has_outputs(pass, i / count))
            return librnn_fail(RNN_ERROR_ARGUMENT, "gradients->outputs[%zu] is %g; it must be finite", i, value);
    }
    return RNN_OK;
}

static rnn_status check_kept(const rnn_model *model, const rnn_state *state)
{
    if (state->kept_version == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "the state has no activations for the backward pass; call "
                                               "rnn_forward_training() on this state before each rnn_backward()");
    if (state->kept_version != librnn_cache_version(model))
        return librnn_fail(RNN_ERROR_MISMATCH, "rnn_forward_training() ran with another model, or the model's "
                                               "parameters have changed since");
    return RNN_OK;
}

static rnn_status check_gradients(const rnn_model *model, const rnn_state *state, const rnn_chunk_gradients *g)
{
    const core_pass *pass = &state->pass;
    size_t streams = (size_t)state->streams;
    size_t values = state->parts * (size_t)rnn_stack_of(&state->shape) * streams * (size_t)state->shape.hidden_size;
    if (!g->outputs && !g->final_state)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "gradients->outputs and gradients->final_state are both NULL; at least one must be set");
    if (g->outputs && !pass->outputs)
        return librnn_fail(
            RNN_ERROR_ARGUMENT,
            "gradients->outputs is not NULL; it must be NULL, since rnn_forward_training() computed no outputs");
    if (g->input_vectors && model->options.input != RNN_INPUT_VECTORS)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "gradients->input_vectors is not NULL; it must be NULL, since the model's inputs are ids");
    RNN_TRY(check_output_gradients(model, pass, g->outputs));
    return check_final_state(model, g->final_state, values);
}

/* Runs the backward pass that follows rnn_forward_training(). It uses its own team and its own packed weights. */
static rnn_status train_backward(rnn_model *model, rnn_state *state, const rnn_chunk_gradients *g)
{
    core_pass pass = state->pass;
    core_team team = librnn_team_begin(work_of(model, pass.shape.steps, pass.shape.streams, true));
    rnn_status status = librnn_cache_training(model, &team, &pass.packed, &pass.packed_back);
    if (status == RNN_OK) {
        team.size = team.size < pass.shape.workers ? team.size : pass.shape.workers;
        pass.team = &team;
        pass.output_gradients = g->outputs;
        pass.state_gradients = g->final_state;
        pass.initial_gradients = g->initial_state;
        pass.input_gradients = g->input_vectors;
        go_back(model, state, &pass);
        if (pass.gradient_norms)
            state->norm_steps = pass.shape.steps;
        state->kept_version = 0;
    }
    librnn_team_end(&team);
    return status;
}

static RNN_FLOAT_BODY rnn_status run_backward(rnn_model *model, rnn_state *state, const rnn_chunk_gradients *given)
{
    rnn_chunk_gradients gradients = {0};
    RNN_REQUIRE(model);
    RNN_REQUIRE(state);
    RNN_TRY(librnn_struct_read("chunk_gradients", given, &gradients, sizeof gradients, sizeof gradients));
    RNN_TRY(check_kept(model, state));
    RNN_TRY(check_gradients(model, state, &gradients));
    RNN_TRY(librnn_model_need_gradients(model));
    RNN_TRY(need_observed(model, state, state->pass.shape.steps, true));
    return train_backward(model, state, &gradients);
}

rnn_status rnn_backward(rnn_model *model, rnn_state *state, const rnn_chunk_gradients *gradients)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = run_backward(model, state, gradients);
    rnn_float_leave(mode);
    return status;
}
