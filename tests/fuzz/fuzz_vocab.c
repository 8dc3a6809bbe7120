/*
 * fuzz_vocab.c: creates vocabularies from any text or list of symbols, and uses them on any text and ids. A second,
 * simple reader of UTF-8 decides what can be encoded.
 *
 * Input: a byte of flags; a byte for the length of the unknown symbol's text; two bytes for the length of the
 * vocabulary's text or list; these two; the text to encode, whose bytes also serve as ids to decode.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum {
    FLAG_UTF8 = 1 << 0,
    FLAG_LIST = 1 << 1,
    FLAG_UNKNOWN = 1 << 2,
    FLAG_DEFAULT = 1 << 3, /* the unknown symbol has the library's default text */
    UNTOUCHED = 0x5a5a5a5a,
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_limit_memory();
    return 0;
}

/*
 * The length of the symbol at the start of the bytes, or 0 if there is none. It follows table 3-7 of the Unicode
 * standard.
 */
static size_t symbol_length(int32_t kind, const uint8_t *s, size_t size)
{
    static const struct {
        uint8_t first, last, second_first, second_last;
        size_t length;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    if (size == 0 || kind == RNN_VOCAB_BYTES)
        return size > 0;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        if (s[0] < rows[r].first || s[0] > rows[r].last || size < rows[r].length)
            continue;
        if (rows[r].length > 1 && (s[1] < rows[r].second_first || s[1] > rows[r].second_last))
            continue;
        bool whole = true;
        for (size_t i = 2; i < rows[r].length; i++)
            whole = whole && s[i] >= 0x80 && s[i] <= 0xbf;
        return whole ? rows[r].length : 0;
    }
    return 0;
}

/* The number of symbols in a text, or -1 if some bytes aren't a symbol */
static int64_t count_symbols(int32_t kind, const uint8_t *text, size_t size)
{
    int64_t count = 0;
    for (size_t at = 0, length; at < size; at += length, count++) {
        length = symbol_length(kind, text + at, size - at);
        if (length == 0)
            return -1;
    }
    return count;
}

/* `ids` [count] must decode to the text, unless some are unknown. */
static void check_decoded(const rnn_vocab *vocab, const int32_t *ids, int64_t count, const uint8_t *text, size_t size)
{
    size_t length, written;
    bool all_known = true;
    for (int64_t i = 0; i < count; i++) {
        CHECK(ids[i] >= 0 && ids[i] < rnn_vocab_size(vocab));
        all_known = all_known && ids[i] != rnn_vocab_unknown(vocab);
    }
    CHECK_OK(rnn_vocab_decode(vocab, ids, count, NULL, 0, &length));
    char *decoded = malloc(length > 0 ? length : 1);
    CHECK(decoded);
    if (length > 0)
        CHECK(rnn_vocab_decode(vocab, ids, count, decoded, length - 1, NULL) == RNN_ERROR_ARGUMENT);
    CHECK_OK(rnn_vocab_decode(vocab, ids, count, decoded, length, &written));
    CHECK(written == length);
    if (all_known)
        CHECK(length == size && memcmp(decoded, text, size) == 0);
    CHECK(count_symbols(rnn_vocab_kind(vocab), (const uint8_t *)decoded, length) >= 0);
    free(decoded);
}

/* Encodes a text and returns whether that worked. */
static bool check_text(const rnn_vocab *vocab, fuzz_input text)
{
    uint8_t *bytes = fuzz_copy(text);
    int64_t most = (int64_t)text.size, count = -1, counted = -1, symbols;
    int32_t *ids = malloc((text.size + 1) * sizeof *ids);
    CHECK(ids);
    for (int64_t i = 0; i <= most; i++)
        ids[i] = UNTOUCHED;
    symbols = count_symbols(rnn_vocab_kind(vocab), bytes, text.size);
    bool worked = fuzz_worked(rnn_vocab_encode(vocab, bytes, text.size, ids, most, &count));
    CHECK(fuzz_worked(rnn_vocab_encode(vocab, bytes, text.size, NULL, 0, &counted)) == worked);
    CHECK(count == counted && (!worked || count == symbols));
    if (rnn_vocab_unknown(vocab) >= 0)
        CHECK(worked == (symbols >= 0));
    if (worked)
        check_decoded(vocab, ids, count, bytes, text.size);
    for (int64_t i = worked ? count : 0; i <= most; i++)
        CHECK(ids[i] == UNTOUCHED);
    if (worked && count > 0)
        CHECK(rnn_vocab_encode(vocab, bytes, text.size, ids, count - 1, NULL) == RNN_ERROR_ARGUMENT);
    free(ids);
    free(bytes);
    return worked;
}

/* Decodes ids of four bytes of the text each, most of which are out of range, and then valid ids of one byte each. */
static void check_ids(const rnn_vocab *vocab, fuzz_input text)
{
    char decoded[64 * 16];
    int32_t ids[64];
    size_t size = 0;
    int64_t count = (int64_t)(text.size / sizeof *ids < 64 ? text.size / sizeof *ids : 64);
    bool valid = true;
    memcpy(ids, text.bytes, (size_t)count * sizeof *ids);
    for (int64_t i = 0; i < count; i++)
        valid = valid && ids[i] >= 0 && ids[i] < rnn_vocab_size(vocab);
    CHECK(fuzz_worked(rnn_vocab_decode(vocab, ids, count, decoded, sizeof decoded, &size)) == valid);
    count = (int64_t)(text.size < 64 ? text.size : 64);
    for (int64_t i = 0; i < count; i++)
        ids[i] = text.bytes[i] % (int32_t)rnn_vocab_size(vocab);
    CHECK_OK(rnn_vocab_decode(vocab, ids, count, decoded, sizeof decoded, &size));
    CHECK(count_symbols(rnn_vocab_kind(vocab), (uint8_t *)decoded, size) >= count);
}

/* Each symbol must be encoded as its own id. `list`, unless NULL, must contain all symbols. */
static void check_symbols(const rnn_vocab *vocab, const fuzz_input *list)
{
    size_t total = 0;
    int64_t size = rnn_vocab_size(vocab);
    CHECK(size >= 1 && rnn_vocab_unknown(vocab) == (rnn_vocab_unknown(vocab) < 0 ? -1 : size - 1));
    for (int32_t id = 0; id < size; id++) {
        const char *symbol;
        size_t length;
        int32_t again;
        CHECK_OK(rnn_vocab_symbol(vocab, id, &symbol, &length));
        if (id == rnn_vocab_unknown(vocab))
            continue;
        CHECK(symbol_length(rnn_vocab_kind(vocab), (const uint8_t *)symbol, length) == length);
        CHECK_OK(rnn_vocab_encode(vocab, symbol, length, &again, 1, NULL));
        CHECK(again == id && symbol[length] == '\0');
        if (list)
            CHECK(total + length <= list->size && memcmp(list->bytes + total, symbol, length) == 0);
        total += length;
    }
    if (list)
        CHECK(total == list->size);
}

/* Replaces a vocabulary by one with an unknown symbol, if `shown` is a valid text for it. */
static rnn_vocab *add_unknown(rnn_vocab *known, fuzz_input shown, bool is_default)
{
    rnn_vocab *vocab = NULL;
    bool valid =
        shown.size >= 1 && shown.size <= 16 && count_symbols(rnn_vocab_kind(known), shown.bytes, shown.size) > 0;
    uint8_t *bytes = fuzz_copy(shown);
    rnn_status status =
        rnn_vocab_create_with_unknown(known, is_default ? NULL : bytes, is_default ? 0 : shown.size, &vocab);
    CHECK(fuzz_worked(status) == (is_default || valid));
    free(bytes);
    if (!vocab)
        return known;
    CHECK(rnn_vocab_size(vocab) == rnn_vocab_size(known) + 1);
    rnn_vocab_destroy(known);
    return vocab;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    uint8_t flags = fuzz_byte(&input), shown_size = fuzz_byte(&input) % 20;
    size_t source_size = fuzz_number(&input, 2);
    fuzz_input shown = fuzz_take(&input, shown_size), source = fuzz_take(&input, source_size);
    int32_t kind = flags & FLAG_UTF8 ? RNN_VOCAB_UTF8 : RNN_VOCAB_BYTES;
    rnn_vocab *vocab = NULL;
    uint8_t *bytes = fuzz_copy(source);
    bool worked, list = flags & FLAG_LIST;
    worked = fuzz_worked(list ? rnn_vocab_create_from_list(kind, bytes, source.size, &vocab)
                              : rnn_vocab_create_from_text(kind, bytes, source.size, &vocab));
    free(bytes);
    int64_t symbols = count_symbols(kind, source.bytes, source.size);
    CHECK(worked == (vocab != NULL) && (!worked || symbols > 0));
    if (!list)
        CHECK(worked == (symbols > 0));
    if (vocab && (flags & FLAG_UNKNOWN))
        vocab = add_unknown(vocab, shown, flags & FLAG_DEFAULT);
    if (vocab) {
        check_symbols(vocab, list ? &source : NULL);
        CHECK(check_text(vocab, source));
        check_text(vocab, input);
        check_ids(vocab, input);
    }
    rnn_vocab_destroy(vocab);
    fuzz_check_memory(0);
    return 0;
}
