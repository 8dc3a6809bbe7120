/*
 * alone.c: stands in for threads.c and processors.c in a library that is built without threads (RNN_WITH_THREADS=OFF).
 * Each call computes on the calling thread.
 */
#include "base/status.h"
#include "base/threads.h"

static void run_alone(const core_team *team, core_task *task, void *context, size_t shares)
{
    (void)team;
    for (size_t share = 0; share < shares; share++)
        task(context, 0, share);
}

core_team librnn_team_alone(void)
{
    return (core_team){.size = 1, .run = run_alone};
}

core_team librnn_team_begin(double multiplications)
{
    (void)multiplications;
    return librnn_team_alone();
}

void librnn_team_end(core_team *team)
{
    *team = librnn_team_alone();
}

rnn_status rnn_set_threads(int32_t threads)
{
    return librnn_check_range("threads", threads, 0, 1024);
}

int32_t rnn_threads(void)
{
    return 1;
}
