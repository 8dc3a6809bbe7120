/*
 * memory.c: allocates and releases memory, and counts the allocated blocks.
 */
#include "base/memory.h"

#include "base/names.h"
#include "base/system.h"

#include <stdatomic.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/*
 * Precedes each block and holds its size, so that releasing a block needs only its address. It is as large as the
 * alignment.
 */
typedef union prefix {
    size_t total;
    unsigned char room[ALIGNMENT];
} prefix;

static void *allocate_from_system(void *context, size_t alignment, size_t size)
{
    (void)context;
    return librnn_system_allocate(alignment, size);
}

static void release_to_system(void *context, void *memory, size_t size)
{
    (void)context;
    (void)size;
    librnn_system_release(memory);
}

static const rnn_allocator system_allocator = {allocate_from_system, release_to_system, NULL};
static rnn_allocator allocator = {allocate_from_system, release_to_system, NULL};
static atomic_size_t blocks_out;

rnn_status rnn_set_allocator(const rnn_allocator *given)
{
    if (!given)
        given = &system_allocator;
    RNN_TRY(librnn_check_pointer("allocator->allocate", given->allocate ? given : NULL));
    RNN_TRY(librnn_check_pointer("allocator->release", given->release ? given : NULL));
    size_t out = atomic_load(&blocks_out);
    if (out > 0)
        return librnn_fail(
            RNN_ERROR_ARGUMENT,
            "the library holds %zu block%s of memory; the allocator can be changed only while it holds none", out,
            rnn_plural(out));
    allocator = *given;
    return RNN_OK;
}

rnn_status librnn_allocate(const char *purpose, size_t count, size_t size, void **memory)
{
    size_t total;
    if (!rnn_size_multiply(count, size, &total) || !rnn_size_add(total, sizeof(prefix), &total))
        return librnn_fail(RNN_ERROR_MEMORY, "out of memory for %s (%zu times %zu byte%s)", purpose, count, size,
                           rnn_plural(size));
    prefix *block = allocator.allocate(allocator.context, ALIGNMENT, total);
    if (!block)
        return librnn_fail(RNN_ERROR_MEMORY, "out of memory for %s (%zu byte%s)", purpose, total, rnn_plural(total));
    atomic_fetch_add(&blocks_out, 1);
    block->total = total;
    *memory = memset(block + 1, 0, total - sizeof(prefix));
    return RNN_OK;
}

size_t librnn_allocated(const void *memory)
{
    return ((const prefix *)memory - 1)->total - sizeof(prefix);
}

void librnn_release(void *memory)
{
    if (!memory)
        return;
    prefix *block = (prefix *)memory - 1;
    allocator.release(allocator.context, block, block->total);
    atomic_fetch_sub(&blocks_out, 1);
}
