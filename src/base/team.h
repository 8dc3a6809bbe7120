/*
 * team.h: the core's interface to threads.
 */
#ifndef RNN_TEAM_H
#define RNN_TEAM_H

#include <stdbool.h>
#include <stddef.h>

/* Computes one share of a phase of work. Workers of a team are numbered from 0. */
typedef void core_task(void *context, size_t worker, size_t share);

/* The threads that a call computes with. run() takes up to 65535 shares and returns when all are finished. */
typedef struct core_team {
    size_t size; /* number of workers, at least 1 */
    void (*run)(const struct core_team *team, core_task *task, void *context, size_t shares);
    bool pooled; /* uses the helpers of threads.c */
} core_team;

#endif
