/*
 * utf8.c: code points to bytes, and what may be wrong with bytes.
 */
#include "utf8.h"

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
        return "it continues nothing";
    if (first >= 0xf8)
        return "nothing begins with it";
    if (first < 0xc2 || (first == 0xe0 && second >= 0x80 && second < 0xa0) ||
        (first == 0xf0 && second >= 0x80 && second < 0x90))
        return "it begins an overlong form";
    if (first == 0xed && second >= 0xa0 && second < 0xc0)
        return "it begins a surrogate";
    if (first > 0xf4 || (first == 0xf4 && second >= 0x90 && second < 0xc0))
        return "it begins what is beyond U+10FFFF";
    size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < length && i < size; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return "what it begins is cut short";
    return "the text ends within what it begins";
}
