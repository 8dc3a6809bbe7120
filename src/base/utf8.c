/*
 * utf8.c: writes code points as bytes, and describes faults in bytes that aren't UTF-8.
 */
#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

int librnn_utf8_write(int32_t code_point, unsigned char bytes[UTF8_MOST])
{
    int length = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    if (length == 1) {
        bytes[0] = (unsigned char)code_point;
        return 1;
    }
    for (int i = length - 1; i > 0; i--, code_point >>= 6)
        bytes[i] = (unsigned char)(0x80 | (code_point & 0x3f));
    bytes[0] = (unsigned char)((0xff00 >> length & 0xff) | code_point);
    return length;
}

const char *librnn_utf8_fault(const unsigned char *bytes, size_t size)
{
    unsigned char first = bytes[0], second = size > 1 ? bytes[1] : 0;
    if (first < 0xc0)
        return "it is a continuation byte, but no code point has begun";
    if (first >= 0xf8)
        return "no code point begins with it";
    if (first < 0xc2 || (first == 0xe0 && second >= 0x80 && second < 0xa0) ||
        (first == 0xf0 && second >= 0x80 && second < 0x90))
        return "it begins an overlong form";
    if (first == 0xed && second >= 0xa0 && second < 0xc0)
        return "it begins a surrogate";
    if (first > 0xf4 || (first == 0xf4 && second >= 0x90 && second < 0xc0))
        return "it begins a code point beyond U+10FFFF";
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < length && i < size; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return "the code point that it begins is cut short";
    return "the text ends in the middle of the code point that it begins";
}

enum { AROUND = 64 }; /* number of bytes inspected on either side of a fault */

/* Counts the NULs in every second byte, from `first` on. */
static size_t count_nuls(const unsigned char *bytes, size_t size, size_t first)
{
    size_t count = 0;
    for (size_t i = first; i < size; i += 2)
        count += bytes[i] == 0;
    return count;
}

/*
 * UTF-16 without a byte order mark is recognised by its NULs: many among the even or the odd bytes, few among the
 * others.
 */
static bool seems_utf16(const unsigned char *bytes, size_t size)
{
    size_t even = count_nuls(bytes, size, 0), odd = count_nuls(bytes, size, 1), half = size / 2;
    size_t more = even > odd ? even : odd, less = even + odd - more;
    return half >= 2 && more > half / 2 && less < half / 4 + 1;
}

/*
 * Whether the text looks like a single-byte encoding: it contains no UTF-8 sequences, and no control characters except
 * white space.
 */
static bool seems_single_bytes(const unsigned char *bytes, size_t size)
{
    int32_t code_point;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] == 0x7f || (bytes[i] < ' ' && (bytes[i] < '\t' || bytes[i] > '\r')) ||
            rnn_utf8_read(bytes + i, size - i, &code_point) > 1)
            return false;
    return true;
}

const char *librnn_utf8_advice(const unsigned char *text, size_t size, size_t offset)
{
    const unsigned char *fault = text + offset;
    size_t left = size - offset, first = offset > AROUND ? offset - AROUND : 0;
    size_t around = (left < AROUND ? size : offset + AROUND) - first;
    bool marked = left > 1 && ((fault[0] == 0xff && fault[1] == 0xfe) || (fault[0] == 0xfe && fault[1] == 0xff));
    if (marked || seems_utf16(text + first, around))
        return "; the text looks like UTF-16: convert it (iconv -f UTF-16 -t UTF-8)";
    bool begins = fault[0] >= 0xc2 && fault[0]<0xf5, goes_on = left> 1 && (fault[1] & 0xc0) == 0x80;
    bool alone = begins ? left > 1 && !goes_on : !goes_on;
    if (alone && around > 1 && seems_single_bytes(text + first, around))
        return "; the text looks like Latin-1: convert it (iconv -f ISO-8859-1 -t UTF-8) or use "
               "RNN_VOCAB_BYTES";
    return "";
}

rnn_status librnn_utf8_check(const char *name, const char *text)
{
    int32_t code_point;
    for (size_t at = 0, left = strlen(text); left > 0;) {
        size_t length = (size_t)rnn_utf8_read((const unsigned char *)text + at, left, &code_point);
        if (length == 0)
            return librnn_fail(RNN_ERROR_ARGUMENT, "%s is not valid UTF-8 at byte %zu", name, at);
        at += length;
        left -= length;
    }
    return RNN_OK;
}
