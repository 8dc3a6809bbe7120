/*
 * Variables that release what they hold at the end of their block, so that a test says only what it tests:
 *
 *     scoped_model *model = create_model(&options);
 *     scoped_double *before = get_all_parameters(model);
 *
 * The last variable of a block is released first. Pointers may be NULL.
 */
#ifndef RNN_TESTS_SCOPED_H
#define RNN_TESTS_SCOPED_H

#include "support.h"

#include <stdlib.h>

/* A variable for which `release(&variable)` is called at the end of its block. */
#define SCOPED(release) __attribute__((cleanup(release)))

#define scoped_model SCOPED(release_model) rnn_model
#define scoped_state SCOPED(release_state) rnn_state
#define scoped_optimizer SCOPED(release_optimizer) rnn_optimizer
#define scoped_sampler SCOPED(release_sampler) rnn_sampler
#define scoped_vocab SCOPED(release_vocab) rnn_vocab
#define scoped_corpus SCOPED(release_corpus) rnn_corpus
#define scoped_checkpoint SCOPED(release_checkpoint) rnn_checkpoint /* with its objects */
#define scoped_chunk SCOPED(destroy_chunk) owned_chunk
#define scoped_snapshot SCOPED(release_snapshot) snapshot
#define scoped_double SCOPED(release_memory) double
#define scoped_int32 SCOPED(release_memory) int32_t
#define scoped_char SCOPED(release_memory) char

static inline void release_model(rnn_model **model)
{
    rnn_model_destroy(*model);
}

static inline void release_state(rnn_state **state)
{
    rnn_state_destroy(*state);
}

static inline void release_optimizer(rnn_optimizer **optimizer)
{
    rnn_optimizer_destroy(*optimizer);
}

static inline void release_sampler(rnn_sampler **sampler)
{
    rnn_sampler_destroy(*sampler);
}

static inline void release_vocab(rnn_vocab **vocab)
{
    rnn_vocab_destroy(*vocab);
}

static inline void release_corpus(rnn_corpus **corpus)
{
    rnn_corpus_destroy(*corpus);
}

static inline void release_checkpoint(rnn_checkpoint *checkpoint)
{
    rnn_model_destroy(checkpoint->model);
    rnn_optimizer_destroy(checkpoint->optimizer);
    rnn_state_destroy(checkpoint->state);
    rnn_sampler_destroy(checkpoint->sampler);
    rnn_vocab_destroy(checkpoint->vocab);
}

static inline void release_snapshot(snapshot *taken)
{
    free(taken->bytes);
}

/* `variable` is the address of a pointer to memory of allocate(). */
static inline void release_memory(void *variable)
{
    free(*(void **)variable);
}

/* ---- Checkpoints in memory ---- */

static inline rnn_checkpoint make_checkpoint(void)
{
    rnn_checkpoint checkpoint;
    assert_ok(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    return checkpoint;
}

static inline rnn_checkpoint save_and_load(const rnn_checkpoint *saved)
{
    rnn_checkpoint loaded = make_checkpoint();
    size_t size = 0;
    assert_ok(rnn_checkpoint_save_to_memory(saved, NULL, 0, &size));
    scoped_char *bytes = allocate((int64_t)size, 1);
    assert_ok(rnn_checkpoint_save_to_memory(saved, bytes, size, &size));
    assert_ok(rnn_checkpoint_load_from_memory(bytes, size, &loaded));
    return loaded;
}

#endif
