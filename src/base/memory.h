/*
 * memory.h: the library's allocation functions. All memory is aligned to 64 bytes.
 */
#ifndef RNN_MEMORY_H
#define RNN_MEMORY_H

#include "base/status.h"

/* Sums and products of sizes. They return false if the result overflows size_t. */
static inline bool rnn_size_add(uint64_t a, uint64_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline bool rnn_size_multiply(uint64_t a, uint64_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/*
 * Allocates `count` elements of `size` bytes, set to zero. If that fails, the error message names the purpose ("the
 * gradients").
 */
rnn_status librnn_allocate(const char *purpose, size_t count, size_t size, void **memory);

/* The size in bytes of a block that librnn_allocate() returned. */
size_t librnn_allocated(const void *memory);

/* `memory` may be NULL. */
void librnn_release(void *memory);

#endif
