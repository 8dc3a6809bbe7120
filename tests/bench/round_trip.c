/*
 * round_trip.c: measures how long a cache line takes from one processor to another and back. It shows whether the two
 * share a cache: if they do, it takes about 50 ns; if not, some hundred. This is the cost of passing data between
 * threads.
 *
 *     round_trip
 *
 * Prints the median of many rounds in nanoseconds, for the first two processors that this process may use.
 */
#define _GNU_SOURCE /* CPU_COUNT() and pthread_setaffinity_np() */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 201, TRIPS = 2000 };

static _Alignas(128) atomic_int ball; /* even: one thread's turn; odd: the other's */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void stay_on(pthread_t thread, const cpu_set_t *all, int number)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, all) && number-- == 0)
            CPU_SET(cpu, &one);
    pthread_setaffinity_np(thread, sizeof one, &one);
}

static void *answer(void *nothing)
{
    for (int trip = 0; trip < ROUNDS * TRIPS; trip++) {
        while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * trip + 1)
            ;
        atomic_store_explicit(&ball, 2 * trip + 2, memory_order_release);
    }
    return nothing;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    cpu_set_t all;
    pthread_t other;
    double spent[ROUNDS];
    if (sched_getaffinity(0, sizeof all, &all) != 0 || CPU_COUNT(&all) < 2 ||
        pthread_create(&other, NULL, answer, NULL) != 0) {
        fprintf(stderr, "round_trip: there is one processor to use\n");
        return 1;
    }
    stay_on(pthread_self(), &all, 0);
    stay_on(other, &all, 1);
    for (int round = 0, trip = 0; round < ROUNDS; round++) {
        double start = now();
        for (int i = 0; i < TRIPS; i++, trip++) {
            atomic_store_explicit(&ball, 2 * trip + 1, memory_order_release);
            while (atomic_load_explicit(&ball, memory_order_acquire) != 2 * trip + 2)
                ;
        }
        spent[round] = (now() - start) / TRIPS;
    }
    pthread_join(other, NULL);
    qsort(spent, ROUNDS, sizeof *spent, ascending);
    printf("%.0f\n", spent[ROUNDS / 2]);
    return 0;
}
