/*
 * processors.h: the number of processors available for computing.
 */
#ifndef RNN_PROCESSORS_H
#define RNN_PROCESSORS_H

/*
 * The number of threads that the environment asks for, in RNN_NUM_THREADS or else OMP_NUM_THREADS. Otherwise the number
 * of processors that this process may use: those in its affinity mask, limited by its control group's quota.
 */
int librnn_usual_threads(int most);

/*
 * The number of processors that the control group's CPU quota amounts to, rounded up; INT_MAX if there is no quota.
 * `root` is prepended to the paths of /proc and /sys; it is "" except in a test.
 */
int librnn_quota_processors(const char *root);

#endif
