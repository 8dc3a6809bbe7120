/*
 * fuzz_checkpoint.c: loads any bytes as a checkpoint. If they load, saving the checkpoint and loading it again must
 * give the same checkpoint, and training must be able to resume from it.
 *
 * Input: a byte of flags; the file (fuzz_make_file()).
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { FLAG_RAW = 1 << 0 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_limit_memory();
    return 0;
}

static void destroy_objects(rnn_checkpoint *c)
{
    rnn_model_destroy(c->model);
    rnn_optimizer_destroy(c->optimizer);
    rnn_state_destroy(c->state);
    rnn_sampler_destroy(c->sampler);
    rnn_vocab_destroy(c->vocab);
}

static fuzz_file save(const rnn_checkpoint *checkpoint)
{
    fuzz_file file = {0};
    CHECK_OK(rnn_checkpoint_save_to_memory(checkpoint, NULL, 0, &file.size));
    file.bytes = malloc(file.size);
    CHECK(file.bytes);
    CHECK_OK(rnn_checkpoint_save_to_memory(checkpoint, file.bytes, file.size, &file.size));
    return file;
}

/* Saving, loading and saving again must give the same bytes. */
static void check_round_trip(const rnn_checkpoint *checkpoint)
{
    rnn_checkpoint again;
    CHECK_OK(rnn_checkpoint_init(&again, sizeof again));
    fuzz_file first = save(checkpoint);
    CHECK_OK(rnn_checkpoint_load_from_memory(first.bytes, first.size, &again));
    fuzz_file second = save(&again);
    CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    free(first.bytes);
    free(second.bytes);
    destroy_objects(&again);
}

/* Trains for one step, if its numbers are finite. */
static void go_on(rnn_checkpoint *c)
{
    int64_t streams = rnn_state_streams(c->state);
    rnn_model_options options;
    rnn_chunk chunk;
    rnn_loss loss;
    CHECK_OK(rnn_model_options_init(&options, sizeof options));
    CHECK_OK(rnn_model_get_options(c->model, &options));
    CHECK_OK(rnn_chunk_init(&chunk, sizeof chunk));
    void *zeros = calloc((size_t)(streams * (options.input_size + options.output_size) + 1), sizeof(double));
    CHECK(zeros);
    chunk.steps = 1;
    chunk.streams = streams;
    if (options.input == RNN_INPUT_VECTORS)
        chunk.input_vectors = zeros;
    else
        chunk.inputs = zeros;
    if (options.loss == RNN_LOSS_SQUARED_ERROR)
        chunk.target_vectors = zeros;
    else
        chunk.targets = zeros;
    bool worked = c->state && fuzz_worked(rnn_forward_backward(c->model, c->state, &chunk, &loss));
    if (c->optimizer)
        worked = fuzz_worked(rnn_optimizer_step(c->optimizer, c->model)) && worked;
    if (worked && c->sampler && options.input != RNN_INPUT_VECTORS && options.loss == RNN_LOSS_CROSS_ENTROPY &&
        options.input_size == options.output_size) {
        int32_t *ids = malloc((size_t)streams * sizeof *ids);
        CHECK(ids);
        if (fuzz_worked(rnn_sample(c->model, c->state, c->sampler, zeros, 1, ids)))
            for (int64_t b = 0; b < streams; b++)
                CHECK(ids[b] >= 0 && ids[b] < options.output_size);
        free(ids);
    }
    free(zeros);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    uint8_t flags = fuzz_byte(&input);
    fuzz_file file = fuzz_make_file(input, flags & FLAG_RAW);
    rnn_checkpoint c;
    CHECK_OK(rnn_checkpoint_init(&c, sizeof c));
    if (fuzz_worked(rnn_checkpoint_load_from_memory(file.bytes, file.size, &c))) {
        check_round_trip(&c);
        if (c.model) {
            fuzz_run_forward(c.model);
            go_on(&c);
        }
        destroy_objects(&c);
    } else {
        CHECK(!c.model && !c.optimizer && !c.state && !c.sampler && !c.vocab);
    }
    free(file.bytes);
    fuzz_check_memory(0);
    return 0;
}
