/*
 * share.h: how work is divided. A share is a contiguous part of whatever is divided: panels of weights to pack,
 * streams, or rows of a weight gradient. No element is ever summed by two threads, so the result depends neither on the
 * number of shares nor on who computes them.
 */
#ifndef RNN_SHARE_H
#define RNN_SHARE_H

#include <stddef.h>

/* One of so many equal parts */
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
