/*
 * fuzz_checkpoint.c: any bytes as a checkpoint's file. What loads must be saved as a file that loads as the same
 * checkpoint, and training must go on from it.
 *
 * Input: a byte of flags; the file (fuzz_make_file()). Files are in memory, in a directory of this process's own.
 */
#define _GNU_SOURCE /* memfd_create() */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FLAG_RAW = 1 << 0 };

static int memory;           /* a file without a name */
static char memory_path[64]; /* by which it can be opened all the same */
static char directory[64], first_path[96], second_path[96];

static void remove_directory(void)
{
    unlink(first_path);
    unlink(second_path);
    rmdir(directory);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    memory = memfd_create("checkpoint", MFD_CLOEXEC);
    CHECK(memory >= 0);
    snprintf(memory_path, sizeof memory_path, "/proc/self/fd/%d", memory);
    snprintf(directory, sizeof directory, "%s/fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    CHECK(mkdtemp(directory));
    snprintf(first_path, sizeof first_path, "%s/first", directory);
    snprintf(second_path, sizeof second_path, "%s/second", directory);
    atexit(remove_directory);
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

static fuzz_file read_file(const char *path)
{
    FILE *stream = fopen(path, "rb");
    struct stat about;
    CHECK(stream && fstat(fileno(stream), &about) == 0);
    fuzz_file file = {malloc((size_t)about.st_size + 1), (size_t)about.st_size};
    CHECK(file.bytes && fread(file.bytes, 1, file.size + 1, stream) == file.size);
    fclose(stream);
    return file;
}

/* Saved, loaded and saved again it must be the same bytes. */
static void check_round_trip(const rnn_checkpoint *checkpoint)
{
    rnn_checkpoint again;
    CHECK_OK(rnn_checkpoint_init(&again, sizeof again));
    CHECK_OK(rnn_checkpoint_save(checkpoint, first_path));
    CHECK_OK(rnn_checkpoint_load(first_path, &again));
    CHECK_OK(rnn_checkpoint_save(&again, second_path));
    fuzz_file first = read_file(first_path), second = read_file(second_path);
    CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    free(first.bytes);
    free(second.bytes);
    destroy_objects(&again);
}

/* One step of training, as far as its numbers let it. */
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
    CHECK(pwrite(memory, file.bytes, file.size, 0) == (ssize_t)file.size && ftruncate(memory, (off_t)file.size) == 0);
    rnn_checkpoint c;
    CHECK_OK(rnn_checkpoint_init(&c, sizeof c));
    if (fuzz_worked(rnn_checkpoint_load(memory_path, &c))) {
        check_round_trip(&c);
        fuzz_run_forward(c.model);
        go_on(&c);
        destroy_objects(&c);
    } else {
        CHECK(!c.model && !c.optimizer && !c.state && !c.sampler && !c.vocab);
    }
    free(file.bytes);
    fuzz_check_memory(0);
    return 0;
}
