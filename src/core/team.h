/*
 * team.h: the threads that compute one pass together. Each takes a contiguous share of whatever is divided: panels of
 * weights to pack, streams, or rows of a weight gradient. No element is ever summed by two threads, so the result
 * doesn't depend on their number.
 */
#ifndef RNN_CORE_TEAM_H
#define RNN_CORE_TEAM_H

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
#endif

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

/* This thread's place in the team that the enclosing parallel region has; alone outside of one. */
static inline team my_team(void)
{
#ifdef _OPENMP
    return (team){(size_t)omp_get_thread_num(), (size_t)omp_get_num_threads()};
#else
    return (team){0, 1};
#endif
}

/* Waits for the others. A team of one enters nothing of OpenMP's: after fork() its threads are gone. */
static inline void team_barrier(team me)
{
    if (me.size > 1) {
#ifdef _OPENMP
#pragma omp barrier
#endif
    }
}

#endif
