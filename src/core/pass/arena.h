/*
 * arena.h: allocates arrays from one block of memory. The same code measures how large the block must be.
 */
#ifndef RNN_CORE_ARENA_H
#define RNN_CORE_ARENA_H

#include "core/core.h"
#include "core/kernels/real.h"

typedef struct arena {
    real *base;   /* NULL: measure only */
    size_t used;  /* in reals */
    bool too_big; /* the total overflows size_t */
} arena;

/* Takes a * b * c reals, aligned to CORE_ALIGNMENT. */
static __attribute__((noinline)) real *take(arena *memory, size_t a, size_t b, size_t c)
{
    const size_t align = CORE_ALIGNMENT / sizeof(real);
    size_t count, end;
    if (__builtin_mul_overflow(a, b, &count) || __builtin_mul_overflow(count, c, &count) ||
        __builtin_add_overflow(count, align - 1, &count) ||
        __builtin_add_overflow(memory->used, count / align * align, &end)) {
        memory->too_big = true;
        return NULL;
    }
    real *start = memory->base ? memory->base + memory->used : NULL;
    memory->used = end;
    return start;
}

static size_t bytes_of(const arena *memory)
{
    size_t bytes;
    return memory->too_big || __builtin_mul_overflow(memory->used, sizeof(real), &bytes) ? SIZE_MAX : bytes;
}

#endif
