/*
 * system.h: the services of the operating system that the library needs beyond standard C. system_posix.c and
 * system_windows.c implement them; they also implement the functions of file.h that replace a file. No other source
 * calls the system.
 */
#ifndef RNN_SYSTEM_H
#define RNN_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#if RNN_WITH_THREADS && !defined _WIN32
#include <pthread.h>
#endif

/* Describes the last error of this thread in a function of this header. The text is valid until the next error. */
const char *librnn_system_reason(void);

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

/* Returns memory at a multiple of `alignment`, a power of two, or NULL. Release it with librnn_system_release(). */
void *librnn_system_allocate(size_t alignment, size_t size);
void librnn_system_release(void *memory);

/* ---- Files to read ----------------------------------------------------------------------------------------------- */

typedef intptr_t system_file;

enum { SYSTEM_NO_FILE = -1 };

typedef enum system_kind { SYSTEM_REGULAR, SYSTEM_DIRECTORY, SYSTEM_BLOCK_DEVICE, SYSTEM_STREAM } system_kind;

typedef struct system_about {
    system_kind kind;
    int64_t size;
    struct timespec modified; /* time of the last modification */
} system_about;

/* Opens a file of any kind for reading. Doesn't wait for a FIFO's writer. Returns SYSTEM_NO_FILE if that fails. */
system_file librnn_system_open(const char *path);

/* Opens standard input again, with the same position. Returns SYSTEM_NO_FILE if that fails. */
system_file librnn_system_open_input(void);

void librnn_system_close(system_file file);
bool librnn_system_describe(system_file file, system_about *about);

/* Moves the position of a regular file to its end, `size`. Returns the previous position, or -1 if that is unknown. */
int64_t librnn_system_skip(system_file file, int64_t size);

/* Reads from an offset of a regular file. Returns the number of bytes, 0 at the end, or -1. */
int64_t librnn_system_read_at(system_file file, int64_t offset, void *bytes, size_t size);

/*
 * Reads the next bytes of a stream. Waits for them for at most `milliseconds`, or without limit if that is negative. A
 * signal ends the wait. On Windows only the wait for a pipe has a limit. Returns the number of bytes, 0 at the end,
 * SYSTEM_LATER if the wait has ended without any bytes, or -1 after an error.
 */
int64_t librnn_system_read_next(system_file file, int milliseconds, void *bytes, size_t size);

enum { SYSTEM_LATER = -2 };

/* ---- Threads ----------------------------------------------------------------------------------------------------- */

#if RNN_WITH_THREADS

#ifdef _WIN32
typedef struct system_lock {
    void *lock; /* an SRWLOCK */
} system_lock;

typedef struct system_condition {
    void *condition; /* a CONDITION_VARIABLE */
} system_condition;

typedef struct system_thread {
    void *handle;
    void *(*run)(void *argument);
    void *argument;
} system_thread;

#define SYSTEM_LOCK_INITIALIZER                                                                                        \
    {                                                                                                                  \
        NULL                                                                                                           \
    }
#define SYSTEM_CONDITION_INITIALIZER                                                                                   \
    {                                                                                                                  \
        NULL                                                                                                           \
    }
#else
typedef pthread_mutex_t system_lock;
typedef pthread_cond_t system_condition;
typedef pthread_t system_thread;

#define SYSTEM_LOCK_INITIALIZER PTHREAD_MUTEX_INITIALIZER
#define SYSTEM_CONDITION_INITIALIZER PTHREAD_COND_INITIALIZER
#endif

void librnn_system_lock_init(system_lock *lock);
void librnn_system_lock(system_lock *lock);
void librnn_system_unlock(system_lock *lock);

void librnn_system_condition_init(system_condition *condition);
void librnn_system_condition_destroy(system_condition *condition);
void librnn_system_wait(system_condition *condition, system_lock *lock);
void librnn_system_signal(system_condition *condition);

/*
 * Starts a thread that handles no signals. `stack` is the size of its stack in bytes. Returns false if that fails. Keep
 * `thread` at its address while the thread runs.
 */
bool librnn_system_start(system_thread *thread, size_t stack, void *(*run)(void *argument), void *argument);
#ifndef _WIN32
void librnn_system_join(const system_thread *thread);
#endif

/* Registers a function that each child process calls after fork(). Does nothing on Windows. */
void librnn_system_after_fork(void (*in_child)(void));
#endif

/* ---- The process ------------------------------------------------------------------------------------------------- */

/* The id of this process, which is positive */
int librnn_system_process(void);

/* The number of processors that this process may use. If that is unknown: the number online on POSIX, 1 on Windows. */
int librnn_system_processors(void);

/* The time in nanoseconds of a clock that never goes back, or -1 if there is none */
int64_t librnn_system_nanoseconds(void);

/*
 * The thread's rules for numbers in texts. librnn_system_enter_c_locale() replaces them with those of the C locale. It
 * returns false if that fails.
 */
typedef struct system_locale {
#ifdef _WIN32
    int per_thread;   /* whether the thread had a locale of its own */
    char number[128]; /* the name of its locale for numbers */
#else
    void *own, *callers; /* of type locale_t */
#endif
} system_locale;

bool librnn_system_enter_c_locale(system_locale *locale);
void librnn_system_leave_c_locale(const system_locale *locale);

#endif
