/*
 * processors.h: how many processors there are to compute with.
 */
#ifndef RNN_PROCESSORS_H
#define RNN_PROCESSORS_H

/*
 * The number of threads that the environment asks for (RNN_NUM_THREADS, or else OMP_NUM_THREADS), or else the number of
 * processors that this process may use: those of its affinity mask, and no more than its control group's quota.
 */
int librnn_usual_threads(int most);

/*
 * The processors that the control group's CPU quota is worth, rounded up; INT_MAX where there is no quota. `root` comes
 * before the paths of /proc and /sys: "" but in a test.
 */
int librnn_quota_processors(const char *root);

#endif
