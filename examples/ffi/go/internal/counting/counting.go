// Package counting counts the library's blocks of memory, for the tests.
package counting

/*
#cgo pkg-config: librnn
#include <stdatomic.h>
#include <stdlib.h>
#include <rnn/rnn.h>

static atomic_llong blocks;

static void *allocate(void *context, size_t alignment, size_t size)
{
    void *pointer = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    (void)context;
    if (pointer)
        atomic_fetch_add(&blocks, 1);
    return pointer;
}

static void release(void *context, void *pointer, size_t size)
{
    (void)context;
    (void)size;
    atomic_fetch_sub(&blocks, 1);
    free(pointer);
}

static rnn_status install(void)
{
    rnn_allocator allocator = {allocate, release, NULL};
    return rnn_set_allocator(&allocator);
}

static long long held(void)
{
    return atomic_load(&blocks);
}
*/
import "C"

// Install sets the allocator. It returns false if the library already holds memory.
func Install() bool { return C.install() == C.RNN_OK }

// Held returns the number of blocks that the library holds.
func Held() int64 { return int64(C.held()) }
