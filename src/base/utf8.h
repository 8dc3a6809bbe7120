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
    UTF8_MOST = 4,          /* maximum number of bytes of a code point */
};

/*
 * Reads the code point at the beginning of the bytes. Returns its length, 1 to 4, or 0 if the bytes aren't UTF-8 or end
 * too early.
 */
static inline int rnn_utf8_read(const unsigned char *bytes, size_t size, int32_t *code_point)
{
    static const int32_t least[UTF8_MOST + 1] = {0, 0, 0x80, 0x800,
                                                 0x10000}; /* smallest code point that needs this many bytes */
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

/* Writes the bytes of a code point. Returns their number, 1 to 4. */
int librnn_utf8_write(int32_t code_point, unsigned char bytes[UTF8_MOST]);

/* Describes why rnn_utf8_read() returned 0. The text completes a message about the first of the bytes. */
const char *librnn_utf8_fault(const unsigned char *bytes, size_t size);

/*
 * If rnn_utf8_read() returned 0 at `offset`, guesses the text's real encoding and returns advice that completes the
 * message; "" if it can't be guessed.
 */
const char *librnn_utf8_advice(const unsigned char *text, size_t size, size_t offset);

/* Fails with RNN_ERROR_ARGUMENT unless a string is UTF-8, for example with "key is not valid UTF-8 at byte 3". */
rnn_status librnn_utf8_check(const char *name, const char *text);

#endif
