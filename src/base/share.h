/*
 * share.h: divides work into shares. A share is a contiguous part of the work: of panels of weights to pack, of
 * streams, or of rows of a weight gradient. No two threads ever add to the same element. So the result depends neither
 * on the number of shares nor on which thread computes which share.
 */
#ifndef RNN_SHARE_H
#define RNN_SHARE_H

#include <stddef.h>

/* Part `rank` of `size` equal parts. */
typedef struct team {
    size_t rank, size;
} team;

typedef struct share {
    size_t first, count;
} share;

static inline share share_of(team me, size_t count)
{
    size_t first = count * me.rank / me.size;
    return (share){first, count * (me.rank + 1) / me.size - first};
}

#endif
