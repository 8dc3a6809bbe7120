/*
 * Small training runs with all their objects in a checkpoint, and files of them. Used by the suites about checkpoints.
 */
#ifndef RNN_TESTS_CHECKPOINTS_H
#define RNN_TESTS_CHECKPOINTS_H

#include "checkpoint_memory.h"
#include "model_files.h"
#include "temporary.h"

static inline file_bytes read_whole(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    file_bytes file = {allocate(about.st_size + 1, 1), (size_t)about.st_size};
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    assert_int_equal(fread(file.bytes, 1, file.size, stream), file.size);
    fclose(stream);
    return file;
}

static inline void assert_same_files(const char *path, const char *other)
{
    scoped_file a = read_whole(path), b = read_whole(other);
    assert_int_equal(a.size, b.size);
    assert_memory_equal(a.bytes, b.bytes, a.size);
}

static inline rnn_checkpoint load_checkpoint(const char *path)
{
    rnn_checkpoint c = empty_checkpoint();
    assert_ok(rnn_checkpoint_load(path, &c));
    return c;
}

/* The checkpoint's file must be the same as the one at `path`. */
static inline void assert_saved_as(const rnn_checkpoint *c, const char *path)
{
    assert_ok(rnn_checkpoint_save(c, "saved"));
    assert_same_files("saved", path);
}

static inline void destroy_objects(rnn_checkpoint *c)
{
    rnn_model_destroy(c->model);
    rnn_optimizer_destroy(c->optimizer);
    rnn_state_destroy(c->state);
    rnn_sampler_destroy(c->sampler);
    rnn_vocab_destroy(c->vocab);
    *c = empty_checkpoint();
}

/* Creates all objects of a run. There is a vocabulary if the model has symbols. */
static inline rnn_checkpoint begin_run(const rnn_model_options *model, const rnn_optimizer_options *optimizer,
                                       int64_t streams)
{
    rnn_checkpoint c = empty_checkpoint();
    rnn_sampler_options sampling;
    char symbols[256];
    c.model = create_random_model(model, 0.5, 11);
    assert_ok(rnn_optimizer_create(c.model, optimizer, &c.optimizer));
    c.state = create_state(c.model, streams);
    assert_ok(rnn_sampler_options_init(&sampling, sizeof sampling));
    sampling.temperature = 0.7;
    sampling.seed = UINT64_MAX - 3;
    assert_ok(rnn_sampler_create(&sampling, &c.sampler));
    for (int i = 0; i < 256; i++)
        symbols[i] = (char)(255 - i);
    if (model->input != RNN_INPUT_VECTORS)
        assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, symbols, (size_t)model->input_size, &c.vocab));
    return c;
}

/* Runs the model over the next chunk, forward and backward, counts the chunk and smooths its loss. */
static inline void run_chunk(rnn_checkpoint *c, int64_t steps)
{
    rnn_loss loss;
    scoped_chunk chunk =
        create_random_chunk_for(c->model, steps, rnn_state_streams(c->state), 0.1, 1000 + (uint64_t)c->counters[0]++);
    assert_ok(rnn_forward_backward(c->model, c->state, &chunk.chunk, &loss));
    c->values[0] = 0.9 * c->values[0] + 0.1 * loss.sum;
}

static inline void update(rnn_checkpoint *c)
{
    double norm;
    assert_ok(rnn_model_clip_norm(c->model, 0.5, &norm));
    c->values[1] = c->values[1] / 2 + norm;
    assert_ok(rnn_optimizer_step(c->optimizer, c->model));
}

/* Draws from a copy of the state, if there are symbols to draw. */
static inline void draw(rnn_checkpoint *c)
{
    int32_t ids[5 * 8], first[8] = {0};
    int64_t streams = rnn_state_streams(c->state);
    if (c->vocab == NULL)
        return;
    assert_true(streams <= 8);
    scoped_state *copy = create_state(c->model, streams);
    assert_ok(rnn_state_copy(copy, c->state));
    assert_ok(rnn_sample(c->model, copy, c->sampler, first, 5, ids));
    for (int64_t i = 0; i < 5 * streams; i++)
        c->counters[1] = c->counters[1] * 31 % 1000003 + ids[i];
}

/* Follows a plan letter by letter: c runs a chunk, u updates, d draws. */
static inline void follow(rnn_checkpoint *c, const char *plan, int64_t steps)
{
    for (; *plan != '\0'; plan++)
        if (*plan == 'c')
            run_chunk(c, steps);
        else if (*plan == 'u')
            update(c);
        else
            draw(c);
}

#endif
