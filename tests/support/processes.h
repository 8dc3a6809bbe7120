/* Child processes and threads. This header doesn't use the library. */
#ifndef RNN_TESTS_PROCESSES_H
#define RNN_TESTS_PROCESSES_H

#include "suite.h"

#include <dirent.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 120 /* seconds */, THREADS_MOST = 16 };

static inline void sleep_milliseconds(long milliseconds)
{
    const struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
}

/* Waits for a child process. Returns its exit status, or -1 if a signal ended it. */
static inline int exit_status(pid_t child)
{
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Calls `check` in a child process. Returns whether it returned true there, without a crash and in time. */
static inline bool holds_in_child(bool (*check)(void *argument), void *argument)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(PATIENCE);
        _exit(check(argument) ? 0 : 1);
    }
    return exit_status(child) == 0;
}

typedef struct started_thread {
    pthread_t thread;
    pthread_barrier_t *start;
    void (*run)(void *argument);
    void *argument;
} started_thread;

static inline void *wait_and_run(void *argument)
{
    const started_thread *thread = argument;
    pthread_barrier_wait(thread->start);
    thread->run(thread->argument);
    return NULL;
}

/* Runs `count` threads, which start at once, and waits for them. Each gets one element of an array of arguments. */
static inline void run_in_threads(int count, void (*run)(void *argument), void *arguments, size_t size)
{
    started_thread threads[THREADS_MOST];
    pthread_barrier_t start;
    assert_in_range(count, 1, THREADS_MOST);
    assert_int_equal(pthread_barrier_init(&start, NULL, (unsigned)count), 0);
    for (int i = 0; i < count; i++) {
        threads[i] = (started_thread){.start = &start, .run = run, .argument = (char *)arguments + (size_t)i * size};
        assert_int_equal(pthread_create(&threads[i].thread, NULL, wait_and_run, &threads[i]), 0);
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(pthread_join(threads[i].thread, NULL), 0);
    pthread_barrier_destroy(&start);
}

/* The number of this process's threads */
static inline int count_tasks(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/task");
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

/* A thread that has been joined may stay in /proc for a moment. This waits until there are at most `most` threads. */
static inline int count_tasks_down_to(int most)
{
    for (int i = 0; i < 200 && count_tasks() > most; i++)
        sleep_milliseconds(10);
    return count_tasks();
}

#endif
