/* An allocator that keeps books on the memory that the library holds. Used by the suites about memory. */
#ifndef RNN_TESTS_BOOKS_H
#define RNN_TESTS_BOOKS_H

#include "support.h"
#include "temporary.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_BLOCKS = 1024 };

typedef struct block {
    void *start; /* to free() */
    char *memory;
    size_t size;
} block;

typedef struct ledger {
    pthread_mutex_t lock;
    int64_t calls;                  /* of allocate */
    int64_t refuse_from, refuse_to; /* the calls that get no memory, counted from 1 */
    size_t limit;                   /* larger blocks are refused */
    size_t largest;                 /* block asked for */
    block blocks[MOST_BLOCKS];
    int64_t held;
    const char *violation; /* of the allocator's contract, for the test to report */
} ledger;

static ledger books;

/*
 * Returns memory full of garbage, at exactly the alignment that was asked for. (Valgrind and the address sanitizer
 * watch its end.)
 */
static inline void *keep_and_allocate(void *context, size_t alignment, size_t size)
{
    ledger *kept = context;
    char *memory = NULL;
    pthread_mutex_lock(&kept->lock);
    kept->calls++;
    kept->largest = size > kept->largest ? size : kept->largest;
    if (size == 0) {
        kept->violation = "allocate was asked for nothing";
    } else if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
        kept->violation = "allocate was asked for an alignment that is not a power of two";
    } else if (kept->held == MOST_BLOCKS) {
        kept->violation = "there are more blocks than the books have room for";
    } else if (size <= kept->limit && (kept->calls < kept->refuse_from || kept->calls > kept->refuse_to)) {
        block *entry = &kept->blocks[kept->held];
        size_t twice = 2 * (alignment < sizeof(void *) ? sizeof(void *) : alignment);
        entry->start = allocate_aligned(twice, alignment + size);
        if (entry->start != NULL) {
            memory = entry->memory = (char *)entry->start + alignment;
            entry->size = size;
            memset(memory, 0xa5, size);
            kept->held++;
        }
    }
    pthread_mutex_unlock(&kept->lock);
    return memory;
}

static inline void release_and_keep(void *context, void *memory, size_t size)
{
    ledger *kept = context;
    pthread_mutex_lock(&kept->lock);
    int64_t i = 0;
    while (i < kept->held && kept->blocks[i].memory != memory)
        i++;
    if (i == kept->held) {
        kept->violation = "release was given memory that allocate had not returned";
    } else {
        if (kept->blocks[i].size != size)
            kept->violation = "release was given a different size from allocate";
        memset(memory, 0x5a, kept->blocks[i].size);
        release_aligned(kept->blocks[i].start);
        kept->blocks[i] = kept->blocks[--kept->held];
    }
    pthread_mutex_unlock(&kept->lock);
}

static const rnn_allocator keeping = {.allocate = keep_and_allocate, .release = release_and_keep, .context = &books};

/* From here on the library uses these books. At first they refuse nothing. */
static inline void open_books(void)
{
    books = (ledger){.limit = SIZE_MAX};
    assert_int_equal(pthread_mutex_init(&books.lock, NULL), 0);
    assert_ok(rnn_set_allocator(&keeping));
}

/* The library must have released everything. */
static inline void close_books(void)
{
    if (books.violation != NULL)
        fail_msg("%s", books.violation);
    assert_int_equal(books.held, 0);
    assert_ok(rnn_set_allocator(NULL));
    pthread_mutex_destroy(&books.lock);
}

#endif
