/*
 * arena.h: carving arrays out of one block, by the same code that measures it.
 */
#ifndef RNN_CORE_ARENA_H
#define RNN_CORE_ARENA_H

#include "core/core.h"
#include "core/kernels/real.h"

typedef struct arena {
    real *base;   /* NULL: only measure */
    size_t used;  /* reals */
    bool too_big; /* the number doesn't fit */
} arena;

/* a * b * c reals, aligned */
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
