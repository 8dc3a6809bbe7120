/*
 * threads.h: how many threads a piece of work is worth.
 */
#ifndef RNN_THREADS_H
#define RNN_THREADS_H

/* For work of so many multiplications: one, when it is small, and never more than the setting. */
int rnn_threads_for(double multiplications);

#endif
