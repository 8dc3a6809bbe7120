/*
 * Text that isn't ASCII: a reference decoder, which follows the grammar of RFC 3629 instead of using arithmetic, and
 * random texts. Used by the suites about vocabularies, sources and corpora.
 */
#ifndef RNN_TESTS_UNICODE_H
#define RNN_TESTS_UNICODE_H

#include "support.h"

#include <string.h>

/* Writes the bytes of a code point and returns their number. */
static inline size_t write_code_point(int32_t code_point, unsigned char *bytes)
{
    if (code_point < 0x80) {
        bytes[0] = (unsigned char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        bytes[0] = (unsigned char)(192 + code_point / 64);
        bytes[1] = (unsigned char)(128 + code_point % 64);
        return 2;
    }
    if (code_point < 0x10000) {
        bytes[0] = (unsigned char)(224 + code_point / 4096);
        bytes[1] = (unsigned char)(128 + code_point / 64 % 64);
        bytes[2] = (unsigned char)(128 + code_point % 64);
        return 3;
    }
    bytes[0] = (unsigned char)(240 + code_point / 262144);
    bytes[1] = (unsigned char)(128 + code_point / 4096 % 64);
    bytes[2] = (unsigned char)(128 + code_point / 64 % 64);
    bytes[3] = (unsigned char)(128 + code_point % 64);
    return 4;
}

/* The length of the code point at the start of the bytes, according to the grammar's table; 0 if there is none */
static inline size_t measure_code_point(const unsigned char *bytes, size_t size)
{
    static const struct {
        unsigned char first[2], second[2];
        size_t length;
    } rows[] = {
        {{0x00, 0x7f}, {0x00, 0x00}, 1}, {{0xc2, 0xdf}, {0x80, 0xbf}, 2}, {{0xe0, 0xe0}, {0xa0, 0xbf}, 3},
        {{0xe1, 0xec}, {0x80, 0xbf}, 3}, {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3},
        {{0xf0, 0xf0}, {0x90, 0xbf}, 4}, {{0xf1, 0xf3}, {0x80, 0xbf}, 4}, {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (bytes[0] < rows[i].first[0] || bytes[0] > rows[i].first[1] || size < rows[i].length)
            continue;
        int valid = rows[i].length == 1 || (bytes[1] >= rows[i].second[0] && bytes[1] <= rows[i].second[1]);
        for (size_t k = 2; k < rows[i].length; k++)
            valid = valid && bytes[k] >= 0x80 && bytes[k] <= 0xbf;
        if (valid)
            return rows[i].length;
    }
    return 0;
}

/*
 * Writes the code points of a text up to its end, or up to the first bytes that aren't UTF-8, and returns their number.
 * Room for `size` code points is enough. `*end` is the offset at which it stopped.
 */
static inline int64_t read_code_points(const unsigned char *bytes, size_t size, int32_t *code_points, size_t *end)
{
    int64_t count = 0;
    *end = 0;
    while (*end < size) {
        size_t length = measure_code_point(bytes + *end, size - *end);
        if (length == 0)
            break;
        int32_t value = length == 1 ? bytes[*end] : bytes[*end] % (1 << (7 - length));
        for (size_t k = 1; k < length; k++)
            // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): `length` is within the text
            value = value * 64 + bytes[*end + k] % 64;
        code_points[count++] = value;
        *end += length;
    }
    return count;
}

/* A random code point. Each length in bytes is equally likely. */
static inline int32_t random_code_point(random_source *source)
{
    static const int32_t limits[] = {0, 0x80, 0x800, 0x10000, 0x110000};
    int32_t length = 1 + random_below(source, 4);
    int32_t code_point;
    do {
        code_point = limits[length - 1] + random_below(source, limits[length] - limits[length - 1]);
    } while (code_point >= 0xd800 && code_point < 0xe000);
    return code_point;
}

/* A text of `count` random code points, at most `variety` different ones; `*size` bytes, to free() */
static inline unsigned char *create_unicode_text(int64_t count, int32_t variety, uint64_t seed, size_t *size)
{
    random_source source = {seed};
    unsigned char *text = (unsigned char *)allocate(4 * count, 1);
    scoped_memory int32_t *alphabet = (int32_t *)allocate(variety, sizeof *alphabet);
    for (int32_t i = 0; i < variety; i++)
        alphabet[i] = random_code_point(&source);
    *size = 0;
    for (int64_t i = 0; i < count; i++)
        *size += write_code_point(alphabet[random_below(&source, variety)], text + *size);
    return text;
}

/* Texts that aren't UTF-8, the offset of the fault, and part of the sentence about it */
typedef struct malformed_text {
    const char *text;
    size_t size;
    int offset;
    const char *part;
} malformed_text;

static const malformed_text malformed_texts[] = {
    {"a\x80", 2, 1, "continuation byte"},
    {"\xbf", 1, 0, "continuation byte"},
    {"\xc3\xa9\xa9", 3, 2, "continuation byte"},
    {"ab\xc0\x80", 4, 2, "overlong"}, /* U+0000 */
    {"\xc1\xbf", 2, 0, "overlong"},   /* U+007F */
    {"\xe0\x80\x80", 3, 0, "overlong"},
    {"\xe0\x9f\xbf", 3, 0, "overlong"}, /* U+07FF */
    {"\xf0\x80\x80\x80", 4, 0, "overlong"},
    {"\xf0\x8f\xbf\xbf", 4, 0, "overlong"}, /* U+FFFF */
    {"a\xed\xa0\x80", 4, 1, "surrogate"},   /* U+D800 */
    {"\xed\xbf\xbf", 3, 0, "surrogate"},    /* U+DFFF */
    {"\xed\xa0\xbd\xed\xb8\x80", 6, 0, "surrogate"},
    {"\xf4\x90\x80\x80", 4, 0, "U+10FFFF"}, /* U+110000 */
    {"\xf5\x80\x80\x80", 4, 0, "U+10FFFF"},
    {"\xf7\xbf\xbf\xbf", 4, 0, "U+10FFFF"},
    {"abc\xf8\x88\x80\x80\x80", 8, 3, "no code point begins"},
    {"\xfe", 1, 0, "no code point begins"},
    {"\xff", 1, 0, "no code point begins"},
    {"\xc3", 1, 0, "ends in the middle"},
    {"a\xe4", 2, 1, "ends in the middle"},
    {"ab\xe4\xb8", 4, 2, "ends in the middle"},
    {"\xf0", 1, 0, "ends in the middle"},
    {"\xf0\x9f", 2, 0, "ends in the middle"},
    {"\xf0\x9f\x99", 3, 0, "ends in the middle"},
    {"\xc3z", 2, 0, "cut short"},
    {"\xe4\xb8z", 3, 0, "cut short"},
    {"\xe4z", 2, 0, "cut short"},
    {"\xf0\x9f\x99z", 4, 0, "cut short"},
    {"\xf0\x9f\xe4\xb8\xad", 5, 0, "cut short"},
};

enum { MALFORMED_TEXTS = COUNT_OF(malformed_texts) };

#endif
