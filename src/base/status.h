/*
 * status.h: the one way to fail, the one way to check arguments, and structs that may grow.
 */
#ifndef RNN_STATUS_H
#define RNN_STATUS_H

#include <rnn/rnn.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

/* Keeps the sentence for rnn_last_error() and returns the status. */
rnn_status librnn_fail(rnn_status status, const char *format, ...) __attribute__((format(printf, 2, 3), cold));

/* "name is value; it must be least to most"; INT64_MAX stands for no limit above */
rnn_status librnn_check_range(const char *name, int64_t value, int64_t least, int64_t most);

/* "name is NULL" */
rnn_status librnn_check_pointer(const char *name, const void *pointer);

/*
 * The callers' numbers are looked at by their bits, in no floating-point mode: what is subnormal isn't zero, and a
 * signalling NaN traps nowhere. These integers are in the order of the numbers; a NaN is beyond either infinity.
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

/* 0 or more and less than 1 */
static inline bool rnn_is_share(double value)
{
    return rnn_order(value) >= 0 && rnn_order(value) < rnn_order(1);
}

/* A finite number, at least 0, or more than 0 where `exclusive`. */
rnn_status librnn_check_number(const char *name, double value, bool exclusive);

/* Leaves the function with the status of a call that failed. */
#define RNN_TRY(call)                                                                                                  \
    do {                                                                                                               \
        rnn_status try_status = (call);                                                                                \
        if (try_status != RNN_OK)                                                                                      \
            return try_status;                                                                                         \
    } while (0)

/* Leaves the function when an argument is NULL. */
#define RNN_REQUIRE(pointer) RNN_TRY(librnn_check_pointer(#pointer, pointer))

/*
 * Structs of the API begin with their size as the caller knows it: at least `first` bytes (their size in the first
 * release), at most `known` (their size here), or more, if the rest is zero.
 */

/* Fills the caller's struct with `defaults`. */
rnn_status librnn_struct_init(const char *name, void *given, size_t struct_size, const void *defaults, size_t first,
                              size_t known);

/* Copies what the caller has given over the defaults in `fields`. */
rnn_status librnn_struct_read(const char *name, const void *given, void *fields, size_t first, size_t known);

/* Copies `fields` to as much of them as the caller has room for. */
rnn_status librnn_struct_write(const char *name, void *given, const void *fields, size_t first, size_t known);

/* The most steps and streams that the header allows. */
enum { STEPS_MOST = 1 << 24, STREAMS_MOST = 1 << 20, SYMBOLS_MOST = 1 << 24 };

/* sizeof(rnn_chunk) in the first release */
enum { RNN_CHUNK_FIRST_SIZE = offsetof(rnn_chunk, target_mask) + sizeof(void *) };

#endif
