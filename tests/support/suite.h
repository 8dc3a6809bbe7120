/*
 * The beginning of every suite: cmocka, the length of an array, and variables that release what they hold. It doesn't
 * use the library, so suites that aren't linked with support.c can also include it.
 */
#ifndef RNN_TESTS_SUITE_H
#define RNN_TESTS_SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* cmocka passes a state to every test, and few tests use it. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

/* `size` bytes for an allocator of a test, at a multiple of `alignment`; NULL if there are none. */
static inline void *allocate_aligned(size_t alignment, size_t size)
{
#ifdef _WIN32
    return _aligned_malloc(size, alignment);
#else
    void *memory = NULL;
    size_t least = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    return posix_memalign(&memory, least, size) == 0 ? memory : NULL;
#endif
}

static inline void release_aligned(void *memory)
{
#ifdef _WIN32
    _aligned_free(memory);
#else
    free(memory);
#endif
}

/* The number of elements of an array */
#define COUNT_OF(array) ((int)(sizeof(array) / sizeof((array)[0])))

/*
 * A local variable that calls this function with its own address at the end of its block. So a test can end with its
 * last check. A check that fails leaves the test by longjmp(), which releases nothing.
 */
#define RELEASED_BY(function) __attribute__((cleanup(function)))

/* `pointer` is the address of a pointer of any type. */
static inline void release_memory(void *pointer)
{
    void *memory;
    memcpy(&memory, pointer, sizeof memory);
    free(memory);
}

#define scoped_memory RELEASED_BY(release_memory) /* goes before the type of a pointer */

#endif
