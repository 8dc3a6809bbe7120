/*
 * status.h: reports errors, checks arguments, and reads structs that may grow in later releases.
 */
#ifndef RNN_STATUS_H
#define RNN_STATUS_H

#include <rnn/rnn.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Stores the message for rnn_last_error() and returns the status. */
rnn_status librnn_fail(rnn_status status, const char *format, ...) __attribute__((format(printf, 2, 3), cold));
/* clang's analyser doesn't see the function's body. This tells it that the call returns the status. */
#ifdef __clang_analyzer__
#define librnn_fail(status, ...) (librnn_fail(status, __VA_ARGS__), (status))
#endif

/* Fails with a message such as "name is value; it must be least to most". INT64_MAX means that there is no maximum. */
rnn_status librnn_check_range(const char *name, int64_t value, int64_t least, int64_t most);

/* Fails with "name is NULL". */
rnn_status librnn_check_pointer(const char *name, const void *pointer);

/*
 * The library checks the caller's numbers by their bits, so the result doesn't depend on the floating-point mode:
 * subnormal numbers aren't zero, and a signalling NaN doesn't trap. This function maps a number to an integer. The
 * integers have the same order as the numbers. A NaN's integer lies beyond that of the infinity with the same sign.
 */
static inline int64_t rnn_order(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? INT64_MIN - bits : bits;
}

static inline bool rnn_is_finite(double value)
{
    int64_t infinity = rnn_order((double)INFINITY), order = rnn_order(value);
    return -infinity < order && order < infinity;
}

/* Whether a number is at least 0 and less than 1. */
static inline bool rnn_is_share(double value)
{
    return rnn_order(value) >= 0 && rnn_order(value) < rnn_order(1);
}

/* Checks that a number is finite and at least 0, or greater than 0 if `exclusive`. */
rnn_status librnn_check_number(const char *name, double value, bool exclusive);

/* If the call fails, returns its status from the function that contains this macro. */
#define RNN_TRY(call)                                                                                                  \
    do {                                                                                                               \
        rnn_status try_status = (call);                                                                                \
        if (try_status != RNN_OK)                                                                                      \
            return try_status;                                                                                         \
    } while (0)

/* Fails if an argument is NULL. */
#define RNN_REQUIRE(pointer)                                                                                           \
    do {                                                                                                               \
        if (!(pointer))                                                                                                \
            return librnn_fail(RNN_ERROR_ARGUMENT, "%s is NULL", #pointer);                                            \
    } while (0)

/*
 * Structs of the API begin with their size as the caller knows it. It is at least `first` bytes, the size in the first
 * release. The library knows `known` bytes; a struct may be larger if the rest is zero.
 */

/* Fills the caller's struct with `defaults`. */
rnn_status librnn_struct_init(const char *name, void *given, size_t struct_size, const void *defaults, size_t first,
                              size_t known);

/* Copies the caller's fields over the defaults in `fields`. */
rnn_status librnn_struct_read(const char *name, const void *given, void *fields, size_t first, size_t known);

/* Copies as many of `fields` to the caller's struct as fit. */
rnn_status librnn_struct_write(const char *name, void *given, const void *fields, size_t first, size_t known);

/* The maximum numbers of steps, streams and symbols that the header allows. */
enum { STEPS_MOST = 1 << 24, STREAMS_MOST = 1 << 20, SYMBOLS_MOST = 1 << 24 };

/* sizeof(rnn_chunk) in the first release. */
enum { RNN_CHUNK_FIRST_SIZE = offsetof(rnn_chunk, target_mask) + sizeof(void *) };

#endif
