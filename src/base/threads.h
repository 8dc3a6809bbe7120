/*
 * threads.h: the threads that a call computes with. These are the calling thread and helpers, which sleep until there
 * is work.
 */
#ifndef RNN_THREADS_H
#define RNN_THREADS_H

#include "base/team.h"

/*
 * Begins a team for a call with this many multiplications. If there is little work, the team is the caller only. There
 * is one set of helpers: while one call uses them, other calls compute on their own. End each team that you begin.
 */
core_team librnn_team_begin(double multiplications);
void librnn_team_end(core_team *team);

/* A team that consists of the caller only. */
core_team librnn_team_alone(void);

#endif
