/*
 * memory.h: the one way to allocate. All memory begins at a multiple of 64 bytes.
 */
#ifndef RNN_MEMORY_H
#define RNN_MEMORY_H

#include "base/status.h"

/* Sums and products that are sizes in memory; false where a size_t doesn't hold the result. */
static inline bool rnn_size_add(uint64_t a, uint64_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool rnn_size_multiply(uint64_t a, uint64_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* `count` elements of `size` bytes, zeroed; fails with a sentence that says what they were for ("the gradients"). */
rnn_status librnn_allocate(const char *purpose, size_t count, size_t size, void **memory);

/* The size of what librnn_allocate() returned, in bytes */
size_t librnn_allocated(const void *memory);

/* NULL is allowed. */
void librnn_release(void *memory);

#endif
