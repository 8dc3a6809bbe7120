/*
 * team.h: what the core knows of threads.
 */
#ifndef RNN_TEAM_H
#define RNN_TEAM_H

#include <stdbool.h>
#include <stddef.h>

/* A share of a phase of work, computed by one of a team's workers, who are numbered from 0. */
typedef void core_task(void *context, size_t worker, size_t share);

/* The threads that a call computes with. run() returns when all shares, 65535 at most, are finished. */
typedef struct core_team {
    size_t size; /* workers, at least 1 */
    void (*run)(const struct core_team *team, core_task *task, void *context, size_t shares);
    bool pooled; /* has the helpers of threads.c */
} core_team;

#endif
