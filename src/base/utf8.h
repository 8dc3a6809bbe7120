/*
 * utf8.h: code points and their bytes (RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF).
 */
#ifndef RNN_UTF8_H
#define RNN_UTF8_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum {
    CODE_POINTS = 0x110000, /* 0 to U+10FFFF */
    UTF8_MOST = 4,          /* bytes of a code point */
};

/*
 * Reads the code point that the bytes begin with. Returns its length, 1 to 4; 0 when there is none, since they aren't
 * UTF-8 or end too early.
 */
static inline int rnn_utf8_read(const unsigned char *bytes, size_t size, int32_t *code_point)
{
    static const int32_t least[UTF8_MOST + 1] = {0, 0, 0x80, 0x800, 0x10000}; /* what needs so many bytes */
    if (size == 0)
        return 0;
    int32_t value = bytes[0];
    if (value < 0x80) {
        *code_point = value;
        return 1;
    }
    int length = value < 0xc0 ? 0 : value < 0xe0 ? 2 : value < 0xf0 ? 3 : value < 0xf8 ? 4 : 0;
    if (length == 0 || size < (size_t)length)
        return 0;
    value &= 0xff >> (length + 1);
    for (int i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < least[length] || value >= CODE_POINTS || (value >= 0xd800 && value < 0xe000))
        return 0;
    *code_point = value;
    return length;
}

/* Writes the bytes of a code point; returns their number, 1 to 4. */
int librnn_utf8_write(int32_t code_point, unsigned char bytes[UTF8_MOST]);

/* What is wrong with the bytes where rnn_utf8_read() returned 0, as the end of a sentence about the first of them. */
const char *librnn_utf8_fault(const unsigned char *bytes, size_t size);

/*
 * What a text in which rnn_utf8_read() returned 0 at `offset` seems to be instead of UTF-8, and what to do, as the rest
 * of that sentence; "" if it can't be told.
 */
const char *librnn_utf8_advice(const unsigned char *text, size_t size, size_t offset);

/* RNN_ERROR_ARGUMENT "key is not UTF-8 at byte 3" unless a string is UTF-8. */
rnn_status librnn_utf8_check(const char *name, const char *text);

#endif
