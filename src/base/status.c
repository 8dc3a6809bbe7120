/*
 * status.c: the version, the last error, and the checks of arguments that all functions use.
 */
#include "base/status.h"

#include "base/names.h"

#include "base/float_mode.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef librnn_fail /* the macro for clang-tidy */

#define STRINGIFY(x) #x
#define TEXT_OF(x) STRINGIFY(x)

/* All structs of the API are much smaller. A larger struct_size is a mistake. */
enum { STRUCT_SIZE_MOST = 4096 };

static _Thread_local char last_error[512];

const char *rnn_version(void)
{
    return TEXT_OF(RNN_VERSION_MAJOR) "." TEXT_OF(RNN_VERSION_MINOR) "." TEXT_OF(RNN_VERSION_PATCH);
}

int32_t rnn_version_number(void)
{
    return RNN_VERSION_NUMBER;
}

const char *rnn_last_error(void)
{
    return last_error;
}

const char *rnn_status_name(rnn_status status)
{
    const char *name = librnn_name_of(librnn_statuses, status);
    return name ? name : "unknown status";
}

/*
 * Makes an error message one line of UTF-8. It may quote a path or a name from a file, which can contain anything and
 * may be cut within a code point. Invalid bytes and control characters become '?'.
 */
static void make_line(char *sentence)
{
    unsigned char *bytes = (unsigned char *)sentence;
    for (size_t left = strlen(sentence); left > 0;) {
        int32_t code_point;
        int length = rnn_utf8_read(bytes, left, &code_point);
        bool control = length > 0 && (code_point < ' ' || (code_point >= 0x7f && code_point < 0xa0));
        size_t read = length > 0 ? (size_t)length : 1;
        if (length == 0 || control)
            memset(bytes, '?', read);
        bytes += read;
        left -= read;
    }
}

rnn_status librnn_fail(rnn_status status, const char *format, ...)
{
    char sentence[sizeof last_error]; /* the arguments may include the last error itself */
    va_list arguments;
    va_start(arguments, format);
    float_exact_mode mode = rnn_float_enter_exact(); /* a signalling NaN must not trap when it is printed */
    vsnprintf(sentence, sizeof sentence, format, arguments);
    rnn_float_leave_exact(&mode);
    va_end(arguments);
    make_line(sentence);
    memcpy(last_error, sentence, sizeof last_error);
    return status;
}

rnn_status librnn_check_range(const char *name, int64_t value, int64_t least, int64_t most)
{
    if (value >= least && value <= most)
        return RNN_OK;
    if (least == most)
        return librnn_fail(RNN_ERROR_ARGUMENT, "%s is %" PRId64 "; it must be %" PRId64, name, value, least);
    if (most == INT64_MAX)
        return librnn_fail(RNN_ERROR_ARGUMENT, "%s is %" PRId64 "; it must be at least %" PRId64, name, value, least);
    return librnn_fail(RNN_ERROR_ARGUMENT, "%s is %" PRId64 "; it must be %" PRId64 " to %" PRId64, name, value, least,
                       most);
}

rnn_status librnn_check_pointer(const char *name, const void *pointer)
{
    return pointer ? RNN_OK : librnn_fail(RNN_ERROR_ARGUMENT, "%s is NULL", name);
}

rnn_status librnn_check_number(const char *name, double value, bool exclusive)
{
    if (rnn_is_finite(value) && (exclusive ? rnn_order(value) > 0 : rnn_order(value) >= 0))
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "%s is %g; it must be finite and %s 0", name, value,
                       exclusive ? "greater than" : "at least");
}

static rnn_status check_struct_size(const char *name, size_t struct_size, size_t first)
{
    if (struct_size >= first && struct_size <= STRUCT_SIZE_MOST)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT,
                       "struct_size of %s is %zu; it must be sizeof(rnn_%s), at least %zu and at most %d", name,
                       struct_size, name, first, STRUCT_SIZE_MOST);
}

static size_t size_given(const void *given)
{
    size_t size;
    memcpy(&size, given, sizeof size);
    return size;
}

rnn_status librnn_struct_init(const char *name, void *given, size_t struct_size, const void *defaults, size_t first,
                              size_t known)
{
    RNN_TRY(librnn_check_pointer(name, given));
    RNN_TRY(check_struct_size(name, struct_size, first));
    memset(given, 0, struct_size);
    memcpy(given, defaults, struct_size < known ? struct_size : known);
    memcpy(given, &struct_size, sizeof struct_size);
    return RNN_OK;
}

rnn_status librnn_struct_read(const char *name, const void *given, void *fields, size_t first, size_t known)
{
    RNN_TRY(librnn_check_pointer(name, given));
    size_t size = size_given(given);
    RNN_TRY(check_struct_size(name, size, first));
    for (size_t i = known; i < size; i++)
        if (((const unsigned char *)given)[i] != 0)
            return librnn_fail(RNN_ERROR_ARGUMENT, "%s sets a field that version %s of the library doesn't know", name,
                               rnn_version());
    memcpy(fields, given, size < known ? size : known);
    memcpy(fields, &known, sizeof known);
    return RNN_OK;
}

rnn_status librnn_struct_write(const char *name, void *given, const void *fields, size_t first, size_t known)
{
    RNN_TRY(librnn_check_pointer(name, given));
    size_t size = size_given(given);
    RNN_TRY(check_struct_size(name, size, first));
    memset(given, 0, size);
    memcpy(given, fields, size < known ? size : known);
    memcpy(given, &size, sizeof size);
    return RNN_OK;
}
