/*
 * compute.c: forward and backward over a chunk: checks everything, brings the memory, has the core compute, and lets
 * the result count only when it is good.
 */
#include "compute.h"

#include "cache.h"
#include "float_mode.h"
#include "names.h"
#include "threads.h"

#include <inttypes.h>
#include <math.h>
#include <stdalign.h>
#include <string.h>

enum {
    INFERENCE_ROWS = 256,        /* positions that inference keeps at a time, at most, */
    INFERENCE_NUMBERS = 1 << 21, /* and numbers */
    SMALL_STEP = 4 << 10,        /* bytes that a step may take from the stack */
};

/* Dropout takes its random numbers from another key than the initial parameters. */
#define DROPOUT_KEY UINT64_C(0x64726f706f757400)

rnn_status rnn_chunk_init(rnn_chunk *chunk, size_t struct_size)
{
    const rnn_chunk empty = {.struct_size = sizeof empty};
    return librnn_struct_init("chunk", chunk, struct_size, &empty, RNN_CHUNK_FIRST_SIZE, sizeof empty);
}

/* ---- Checks ------------------------------------------------------------------------------------------------------ */

rnn_status librnn_check_ids(const char *name, const int32_t *ids, size_t count, int32_t least, int64_t size)
{
    for (size_t i = 0; i < count; i++)
        if (ids[i] < least || ids[i] >= size)
            return librnn_fail(RNN_ERROR_SYMBOL, "%s[%zu] is %" PRId32 "; it must be 0 to %" PRId64 "%s", name, i,
                               ids[i], size - 1, least == RNN_IGNORE ? ", or RNN_IGNORE (-1)" : "");
    return RNN_OK;
}

/* Rows of `width` numbers each; those whose mask is 0 are not looked at. */
static rnn_status check_vectors(const rnn_model *model, const char *name, const void *vectors, size_t rows,
                                size_t width, const uint8_t *mask)
{
    if (rows > SIZE_MAX / sizeof(double) / width)
        return librnn_fail(RNN_ERROR_ARGUMENT, "%s is %zu rows of %zu number%s, more than can be addressed", name, rows,
                           width, rnn_plural(width));
    if (!mask && model->core->all_finite(vectors, rows * width))
        return RNN_OK;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = row * width; (!mask || mask[row]) && i < (row + 1) * width; i++) {
            double value = rnn_model_number(model, vectors, i);
            if (!isfinite(value))
                return librnn_fail(RNN_ERROR_ARGUMENT, "%s[%zu] is %g; it must be finite", name, i, value);
        }
    return RNN_OK;
}

/* The fields of the kind that the model doesn't take must be NULL. */
static rnn_status check_absent(const char *name, const void *field, const char *why)
{
    return field ? librnn_fail(RNN_ERROR_ARGUMENT, "%s is given; it must be NULL, since the model has %s", name, why)
                 : RNN_OK;
}

static rnn_status check_inputs(const rnn_model *model, const rnn_chunk *chunk, size_t rows)
{
    const rnn_model_options *o = &model->options;
    if (o->input == RNN_INPUT_VECTORS) {
        RNN_TRY(check_absent("chunk->inputs", chunk->inputs, "vectors as inputs"));
        RNN_TRY(librnn_check_pointer("chunk->input_vectors", chunk->input_vectors));
        return check_vectors(model, "chunk->input_vectors", chunk->input_vectors, rows, (size_t)o->input_size, NULL);
    }
    RNN_TRY(check_absent("chunk->input_vectors", chunk->input_vectors, "ids as inputs"));
    RNN_TRY(librnn_check_pointer("chunk->inputs", chunk->inputs));
    return librnn_check_ids("chunk->inputs", chunk->inputs, rows, 0, o->input_size);
}

static rnn_status check_targets(const rnn_model *model, const rnn_chunk *chunk, size_t rows)
{
    const rnn_model_options *o = &model->options;
    if (o->loss == RNN_LOSS_SQUARED_ERROR) {
        RNN_TRY(check_absent("chunk->targets", chunk->targets, "vectors as targets"));
        RNN_TRY(librnn_check_pointer("chunk->target_vectors", chunk->target_vectors));
        return check_vectors(model, "chunk->target_vectors", chunk->target_vectors, rows, (size_t)o->output_size,
                             chunk->target_mask);
    }
    RNN_TRY(check_absent("chunk->target_vectors", chunk->target_vectors, "ids as targets"));
    RNN_TRY(check_absent("chunk->target_mask", chunk->target_mask, "ids as targets"));
    RNN_TRY(librnn_check_pointer("chunk->targets", chunk->targets));
    return librnn_check_ids("chunk->targets", chunk->targets, rows, RNN_IGNORE, o->output_size);
}

/* Reads a chunk and checks it against the model and the state that it is to run on. */
static rnn_status read_chunk(const rnn_model *model, const rnn_state *state, const rnn_chunk *given, bool targets,
                             rnn_chunk *chunk)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(state);
    *chunk = (rnn_chunk){0};
    RNN_TRY(librnn_struct_read("chunk", given, chunk, RNN_CHUNK_FIRST_SIZE, sizeof *chunk));
    RNN_TRY(librnn_check_range("chunk->steps", chunk->steps, 1, STEPS_MOST));
    RNN_TRY(librnn_check_range("chunk->streams", chunk->streams, 1, STREAMS_MOST));
    RNN_TRY(librnn_state_check_model(state, model));
    if (chunk->streams != state->streams)
        return librnn_fail(RNN_ERROR_MISMATCH, "chunk->streams is %" PRId64 "; the state has %" PRId64 " stream%s",
                           chunk->streams, state->streams, rnn_plural((uint64_t)state->streams));
    if ((uint64_t)(chunk->steps * chunk->streams) > SIZE_MAX / sizeof(double))
        return librnn_fail(RNN_ERROR_ARGUMENT, "steps times streams is %" PRId64 ", more than can be addressed",
                           chunk->steps * chunk->streams);
    size_t rows = (size_t)(chunk->steps * chunk->streams);
    RNN_TRY(check_inputs(model, chunk, rows));
    if (targets)
        return check_targets(model, chunk, rows);
    chunk->targets = NULL; /* nothing needs them */
    chunk->target_vectors = NULL;
    chunk->target_mask = NULL;
    return RNN_OK;
}

static rnn_status check_loss(const rnn_model *model, const rnn_loss *loss)
{
    if (isfinite(loss->sum))
        return RNN_OK;
    return librnn_model_fail_nonfinite(model, "the loss of the chunk is %g", loss->sum);
}

/* ---- Running ----------------------------------------------------------------------------------------------------- */

/*
 * How many multiplications a team would divide. On the way back its workers wait for one another after each block of
 * positions in each layer: what they do in between must be worth it. Forward they divide streams, at least a few each.
 */
static double work_of(const rnn_model *model, const rnn_chunk *chunk, bool training)
{
    enum { STREAMS_EACH = 4, BLOCK = 256, PRODUCTS_BACK = 2 };
    double positions = (double)chunk->steps * (double)chunk->streams, multiplied = (double)model->multiplied;
    if (!training)
        return chunk->streams < 2 * STREAMS_EACH ? 0 : positions * multiplied;
    positions = positions < BLOCK ? positions : BLOCK;
    return positions * multiplied * PRODUCTS_BACK / (double)model->network.layers;
}

/* The positions whose outputs are computed: all if they are wanted, or else those that have a target */
static int64_t decoded_of(const rnn_piece *piece)
{
    const rnn_chunk *c = &piece->chunk;
    int64_t rows = c->steps * c->streams, count = 0;
    if (piece->outputs || rows >= UINT32_MAX || (c->target_vectors && !c->target_mask))
        return rows;
    for (int64_t i = 0; i < rows; i++)
        count += c->targets ? c->targets[i] != RNN_IGNORE : c->target_mask && c->target_mask[i];
    return count;
}

static core_shape shape_of(const rnn_run *run, const rnn_piece *piece, int64_t decoded)
{
    return (core_shape){.steps = piece->chunk.steps,
                        .streams = piece->chunk.streams,
                        .decoded = decoded,
                        .workers = run->team.size,
                        .training = run->training};
}

/* The work space that is enough for the largest piece, and for those as long of which other positions are decoded. */
static size_t workspace_size(const rnn_run *run, const rnn_piece *largest)
{
    const rnn_model *m = run->model;
    if (run->one_step)
        return m->network.step_bytes;
    core_shape shape = shape_of(run, largest, decoded_of(largest));
    if (run->training || largest->outputs)
        return m->core->workspace_size(&m->network, &shape);
    shape.decoded = shape.steps * shape.streams;
    size_t all = m->core->workspace_size(&m->network, &shape);
    shape.decoded -= shape.decoded > 1;
    size_t some = m->core->workspace_size(&m->network, &shape);
    return some > all ? some : all;
}

/* Adds room for some numbers, at a multiple of the alignment, and returns where it begins. */
static size_t add_room(size_t *size, uint64_t count, size_t element_size)
{
    size_t start = *size, bytes;
    if (__builtin_mul_overflow(count, element_size, &bytes) ||
        __builtin_add_overflow(bytes, (size_t)CORE_ALIGNMENT - 1, &bytes) ||
        __builtin_add_overflow(start, bytes / CORE_ALIGNMENT * CORE_ALIGNMENT, size))
        *size = SIZE_MAX;
    return start;
}

static rnn_status take_memory(rnn_run *run, const rnn_piece *largest, int64_t outputs)
{
    size_t size = 0, element = run->model->element_size;
    size_t next = add_room(&size, run->state->count, element);
    size_t numbers = add_room(&size, (uint64_t)outputs, element);
    uint64_t rows = run->one_step ? 0 : (uint64_t)(largest->chunk.steps * largest->chunk.streams);
    size_t losses = add_room(&size, rows, sizeof(double));
    size_t workspace = add_room(&size, workspace_size(run, largest), 1);
    RNN_TRY(librnn_cache_take(run->model, run->training, "the work space of a chunk", size, &run->memory));
    run->next = (char *)run->memory + next;
    run->outputs = (char *)run->memory + numbers;
    run->position_loss = (double *)((char *)run->memory + losses);
    run->workspace = (char *)run->memory + workspace;
    return RNN_OK;
}

static bool is_one_step(const rnn_state *state, const rnn_piece *piece, bool training)
{
    const rnn_chunk *c = &piece->chunk;
    return c->steps == 1 && c->streams == 1 && !training && !c->targets && !c->target_vectors &&
           !(state->observe & RNN_OBSERVE_ACTIVATIONS);
}

rnn_status librnn_run_begin(rnn_run *run, const rnn_model *model, const rnn_state *state, const rnn_piece *largest,
                            bool training, int64_t outputs)
{
    *run = (rnn_run){.model = model, .state = state, .training = training};
    run->team = librnn_team_begin(work_of(model, &largest->chunk, training));
    run->one_step = is_one_step(state, largest, training);
    rnn_status status = training
                            ? librnn_cache_training((rnn_model *)model, &run->team, &run->packed, &run->packed_back)
                            : librnn_cache_forward(model, &run->team, &run->packed);
    if (status == RNN_OK)
        status = take_memory(run, largest, outputs);
    if (status != RNN_OK)
        librnn_run_end(run);
    return status;
}

void librnn_run_end(rnn_run *run)
{
    librnn_cache_give(run->model, run->training, run->memory);
    librnn_team_end(&run->team);
}

/* A piece of one step and one stream */
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
    const rnn_model *model = run->model;
    const rnn_chunk *chunk = &piece->chunk;
    if (run->one_step) {
        run_step(run, piece);
        run->started = true;
        return;
    }
    bool targets = chunk->targets || chunk->target_vectors;
    *pass = (core_pass){
        .network = &model->network,
        .parameters = model->parameters,
        .packed = run->packed,
        .packed_back = run->packed_back,
        .workspace = run->workspace,
        .team = &run->team,
        .shape = shape_of(run, piece, decoded_of(piece)),
        .seed = model->options.seed ^ DROPOUT_KEY,
        .random_index = run->state->random_index,
        .ids = chunk->inputs,
        .vectors = chunk->input_vectors,
        .targets = chunk->targets,
        .target_vectors = chunk->target_vectors,
        .target_mask = chunk->target_mask,
        .state = run->started ? run->next : run->state->values,
        .next_state = run->next,
        .outputs = piece->outputs,
        .position_loss = targets ? run->position_loss : NULL,
    };
    model->core->forward(pass);
    run->started = true;
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
    size_t rows = (size_t)(pass->shape.steps * pass->shape.streams);
    for (size_t i = 0; i < rows; i++) {
        bool counts = pass->targets ? pass->targets[i] != RNN_IGNORE : !pass->target_mask || pass->target_mask[i];
        if (counts) {
            loss->sum += pass->position_loss[i];
            loss->count++;
        }
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
        RNN_TRY(librnn_state_grow("the activations of a chunk", &state->activations, values));
    if (backward && (state->observe & RNN_OBSERVE_GRADIENT_NORMS))
        RNN_TRY(librnn_state_grow("the gradient norms of a chunk", &state->gradient_norms,
                                  (size_t)steps * layers * sizeof(double)));
    return RNN_OK;
}

/* Keeps what the caller wants to see. */
static void keep_observed(const rnn_model *model, rnn_state *state, const core_pass *pass)
{
    if (pass->gradient_norms)
        state->norm_steps = pass->shape.steps;
    if (!(state->observe & RNN_OBSERVE_ACTIVATIONS))
        return;
    size_t layer = (size_t)(pass->shape.steps * pass->shape.streams * model->options.hidden_size);
    for (int64_t l = 0; l < model->options.layers; l++)
        model->core->activations(pass, l, rnn_model_at(model, state->activations.memory, (size_t)l * layer));
    state->activation_steps = pass->shape.steps;
}

/* How many steps inference computes at a time. */
static int64_t steps_at_a_time(const rnn_model *model, const rnn_state *state, const rnn_chunk *chunk)
{
    if (chunk->steps == 1) /* without a division, which a single step would notice */
        return 1;
    int64_t most = INFERENCE_NUMBERS / (model->options.output_size + model->options.hidden_size);
    int64_t rows = most < INFERENCE_ROWS ? most : INFERENCE_ROWS;
    int64_t steps = chunk->streams < rows ? rows / chunk->streams : 1;
    return steps > chunk->steps || (state->observe & RNN_OBSERVE_ACTIVATIONS) ? chunk->steps : steps;
}

/* Some steps of a chunk, with their outputs if these are wanted */
static rnn_piece piece_of(const rnn_model *model, const rnn_chunk *chunk, void *outputs, int64_t first, int64_t count)
{
    rnn_piece piece = {.chunk = steps_of(model, chunk, first, count)};
    if (outputs)
        piece.outputs = rnn_model_at(model, outputs, (size_t)(first * chunk->streams * model->options.output_size));
    return piece;
}

static RNN_FLOAT_BODY rnn_status run_forward(const rnn_model *model, rnn_state *state, const rnn_chunk *given,
                                             void *outputs, int64_t outputs_count, rnn_loss *loss)
{
    rnn_chunk chunk;
    RNN_TRY(read_chunk(model, state, given, loss != NULL, &chunk));
    int64_t expected = 0;
    if (outputs && __builtin_mul_overflow(chunk.steps, chunk.streams * model->options.output_size, &expected))
        return librnn_fail(RNN_ERROR_ARGUMENT, "steps times streams times output_size is more than can be addressed");
    if (outputs_count != expected)
        return librnn_fail(RNN_ERROR_ARGUMENT, "outputs_count is %" PRId64 "; it must be %" PRId64, outputs_count,
                           expected);
    RNN_TRY(need_observed(model, state, chunk.steps, false));
    int64_t at_a_time = steps_at_a_time(model, state, &chunk);
    rnn_piece largest = piece_of(model, &chunk, outputs, 0, at_a_time);
    rnn_run run;
    RNN_TRY(librnn_run_begin(&run, model, state, &largest, false, 0));
    rnn_loss total = {0};
    core_pass pass = {0};
    for (int64_t t = 0, steps; t < chunk.steps; t += steps) {
        steps = chunk.steps - t < at_a_time ? chunk.steps - t : at_a_time;
        rnn_piece piece = piece_of(model, &chunk, outputs, t, steps);
        librnn_run_piece(&run, &piece, &pass);
        if (loss)
            add_loss(&pass, &total);
    }
    rnn_status status = check_loss(model, &total);
    if (status == RNN_OK)
        status = librnn_state_commit(state, model, run.next);
    if (status == RNN_OK)
        keep_observed(model, state, &pass);
    librnn_run_end(&run);
    if (status == RNN_OK && loss)
        *loss = total;
    return status;
}

/*
 * Programs that run live ask for one step of one stream and its outputs: as soon as everything is prepared, such a call
 * takes a shorter way. This says whether a call is one, with everything right but what the core looks at itself.
 */
static bool is_live_step(const rnn_model *model, const rnn_state *state, const rnn_chunk *chunk, const void *outputs,
                         int64_t outputs_count, const rnn_loss *loss)
{
    if (!model || !state || !chunk || loss || chunk->struct_size != sizeof *chunk || chunk->steps != 1 ||
        chunk->streams != 1 || state->streams != 1 || state->observe || !rnn_state_fits(state, model))
        return false;
    const rnn_model_options *o = &model->options;
    if (outputs_count != (outputs ? o->output_size : 0))
        return false;
    if (o->input == RNN_INPUT_VECTORS)
        return chunk->input_vectors && !chunk->inputs;
    return chunk->inputs && !chunk->input_vectors && chunk->inputs[0] >= 0 && chunk->inputs[0] < o->input_size;
}

/* Computes a live step; false, and nothing but the outputs has changed, where only the usual way can go on. */
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

/* The chunk's loss, and if that and the new state are finite, the gradients */
static rnn_status learn(rnn_model *model, rnn_state *state, rnn_run *run, const rnn_piece *whole, rnn_loss *loss)
{
    const rnn_chunk *chunk = &whole->chunk;
    core_pass pass;
    librnn_run_piece(run, whole, &pass);
    add_loss(&pass, loss);
    RNN_TRY(check_loss(model, loss));
    RNN_TRY(librnn_state_commit(state, model, run->next));
    bool mean = model->options.reduction == RNN_REDUCTION_MEAN && loss->count > 0;
    pass.gradient_scale = mean ? 1.0 / (double)loss->count : 1;
    pass.gradients = model->gradients;
    pass.gradient_norms = state->observe & RNN_OBSERVE_GRADIENT_NORMS ? state->gradient_norms.memory : NULL;
    if (chunk->inputs)
        librnn_model_use_rows(model, chunk->inputs, (size_t)(chunk->steps * chunk->streams));
    model->core->backward(&pass);
    keep_observed(model, state, &pass);
    state->random_index = (state->random_index + 1) % RANDOM_INDEX_END;
    return RNN_OK;
}

static RNN_FLOAT_BODY rnn_status run_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *given,
                                                      rnn_loss *loss)
{
    rnn_piece whole = {0};
    RNN_TRY(read_chunk(model, state, given, true, &whole.chunk));
    RNN_TRY(librnn_model_need_gradients(model));
    RNN_TRY(need_observed(model, state, whole.chunk.steps, true));
    rnn_run run;
    RNN_TRY(librnn_run_begin(&run, model, state, &whole, true, 0));
    rnn_loss total = {0};
    rnn_status status = learn(model, state, &run, &whole, &total);
    librnn_run_end(&run);
    if (status == RNN_OK && loss)
        *loss = total;
    return status;
}

rnn_status rnn_forward_backward(rnn_model *model, rnn_state *state, const rnn_chunk *chunk, rnn_loss *loss)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = run_forward_backward(model, state, chunk, loss);
    rnn_float_leave(mode);
    return status;
}
