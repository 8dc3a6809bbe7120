/*
 * Empty checkpoints, and checkpoints that were saved to memory and loaded again.
 */
#ifndef RNN_TESTS_CHECKPOINT_MEMORY_H
#define RNN_TESTS_CHECKPOINT_MEMORY_H

#include "support.h"

static inline rnn_checkpoint empty_checkpoint(void)
{
    rnn_checkpoint c;
    assert_ok(rnn_checkpoint_init(&c, sizeof c));
    return c;
}

static inline rnn_checkpoint save_and_load(const rnn_checkpoint *saved)
{
    rnn_checkpoint loaded = empty_checkpoint();
    size_t size = 0;
    assert_ok(rnn_checkpoint_save_to_memory(saved, NULL, 0, &size));
    scoped_memory char *bytes = allocate((int64_t)size, 1);
    assert_ok(rnn_checkpoint_save_to_memory(saved, bytes, size, &size));
    assert_ok(rnn_checkpoint_load_from_memory(bytes, size, &loaded));
    return loaded;
}

#endif
