/*
 * threads.h: the threads that a call computes with: the caller itself, and helpers that sleep until there is work.
 */
#ifndef RNN_THREADS_H
#define RNN_THREADS_H

#include "base/team.h"

/*
 * A team for a call that does so many multiplications, alone where the work is small. There is one set of helpers:
 * while one call has them, other calls compute alone. End each team that you begin.
 */
core_team librnn_team_begin(double multiplications);
void librnn_team_end(core_team *team);

/* A team of the caller alone */
core_team librnn_team_alone(void);

#endif
