/*
 * vocab.c: symbols and their ids.
 *
 * Internally a symbol is a number (a byte or a code point) or a word. The ids of code points are in pages, and only
 * pages that contain a symbol exist. So a look-up takes the same time for any vocabulary. The ids of words are in
 * words.c.
 */
#include "text/vocab.h"

#include "base/memory.h"
#include "base/names.h"
#include "text/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PAGES = CODE_POINTS / PAGE_SIZE };

static rnn_status check_kind(int32_t kind)
{
    return librnn_check_enumerator("kind", kind, librnn_vocab_kinds);
}

/* The number of possible symbols of a kind. */
static size_t symbols_most(int32_t kind)
{
    return kind == RNN_VOCAB_BYTES ? 256 : CODE_POINTS;
}

/* Reads the symbol at the beginning of the bytes. Returns its length, or 0 if there is none. */
static int read_symbol(int32_t kind, const unsigned char *bytes, size_t size, int32_t *symbol)
{
    if (kind == RNN_VOCAB_UTF8)
        return rnn_utf8_read(bytes, size, symbol);
    *symbol = bytes[0];
    return 1;
}

static int write_symbol(int32_t kind, int32_t symbol, unsigned char bytes[UTF8_MOST])
{
    if (kind == RNN_VOCAB_UTF8)
        return librnn_utf8_write(symbol, bytes);
    bytes[0] = (unsigned char)symbol;
    return 1;
}

/* ---- Messages ---- */

/* Whether a symbol is visible in a line of text and doesn't disturb that line. */
static bool is_visible(int32_t symbol)
{
    return symbol > ' ' && !(symbol >= 0x7f && symbol <= 0xa0) && symbol != 0xad &&
           !(symbol >= 0x2000 && symbol <= 0x200f) && !(symbol >= 0x2028 && symbol <= 0x202f) &&
           !(symbol >= 0x205f && symbol <= 0x206f) && symbol != 0xfeff;
}

enum { NAME_SIZE = 24 };

/* Writes "the byte 0x3f '?'" or "U+4E2D '中'". It leaves the symbol itself out if it isn't visible. */
static void name_symbol(int32_t kind, int32_t symbol, char name[NAME_SIZE])
{
    char shown[UTF8_MOST + 4] = "";
    if (is_visible(symbol) && (kind == RNN_VOCAB_UTF8 || symbol < 127)) {
        unsigned char bytes[UTF8_MOST + 1] = {0};
        write_symbol(kind, symbol, bytes);
        snprintf(shown, sizeof shown, " '%s'", (const char *)bytes);
    }
    snprintf(name, NAME_SIZE, kind == RNN_VOCAB_UTF8 ? "U+%04" PRIX32 "%s" : "the byte 0x%02" PRIx32 "%s",
             (uint32_t)symbol, shown);
}

rnn_status librnn_vocab_refuse(int32_t kind, const unsigned char *text, size_t size, size_t offset, const char *place)
{
    int32_t symbol;
    const unsigned char *bytes = text + offset;
    if (read_symbol(kind, bytes, size - offset, &symbol) == 0)
        return librnn_fail(RNN_ERROR_SYMBOL, "the byte 0x%02x at %s is not valid UTF-8: %s%s", bytes[0], place,
                           librnn_utf8_fault(bytes, size - offset), librnn_utf8_advice(text, size, offset));
    char name[NAME_SIZE];
    name_symbol(kind, symbol, name);
    return librnn_fail(RNN_ERROR_SYMBOL, "%s at %s is not in the vocabulary", name, place);
}

rnn_status librnn_vocab_check_stop(int32_t kind, const rnn_source *source, int64_t begin, const unsigned char *piece,
                                   size_t size, size_t end)
{
    if (end == size || (size - end < UTF8_MOST && begin + (int64_t)size < rnn_source_size(source)))
        return RNN_OK;
    char place[PLACE_SIZE];
    librnn_source_place(source, begin + (int64_t)end, place);
    return librnn_vocab_refuse(kind, piece, size, end, place);
}

static rnn_status refuse_at(int32_t kind, const unsigned char *bytes, size_t size, size_t offset)
{
    char place[32];
    snprintf(place, sizeof place, "offset %zu", offset);
    return librnn_vocab_refuse(kind, bytes, size, offset, place);
}

/* ---- Creation ---- */

static const char need_symbol[] = "a vocabulary needs at least one symbol";

/* Allocates the pages that the symbols need. The ids aren't in the pages yet. */
static rnn_status create_pages(rnn_vocab *v, const int32_t *symbols, int32_t count)
{
    RNN_TRY(librnn_allocate("a vocabulary's pages", PAGES, sizeof *v->page_of, (void **)&v->page_of));
    uint16_t pages = 1; /* page 0 serves all code points without a page of their own */
    for (int32_t i = 0; i < count; i++)
        if (v->page_of[symbols[i] / PAGE_SIZE] == 0)
            v->page_of[symbols[i] / PAGE_SIZE] = pages++;
    RNN_TRY(librnn_allocate("a vocabulary's ids", pages, sizeof *v->pages, (void **)&v->pages));
    for (uint16_t p = 0; p < pages; p++)
        for (int i = 0; i < PAGE_SIZE; i++)
            v->pages[p][i] = v->unknown;
    return RNN_OK;
}

/* `symbols` must be distinct. If `shown_size` is greater than 0, the unknown symbol gets the last id. */
static rnn_status create(int32_t kind, const int32_t *symbols, int32_t count, const void *shown, size_t shown_size,
                         rnn_vocab **vocab)
{
    rnn_vocab *v;
    RNN_TRY(librnn_allocate("a vocabulary", 1, sizeof *v, (void **)&v));
    v->owners = 1;
    v->kind = kind;
    v->size = shown_size > 0 ? count + 1 : count;
    v->unknown = shown_size > 0 ? count : -1;
    v->shown_size = shown_size;
    if (shown_size > 0)
        memcpy(v->shown, shown, shown_size);
    rnn_status status =
        librnn_allocate("a vocabulary's symbols", (size_t)count, sizeof *v->symbols, (void **)&v->symbols);
    if (status == RNN_OK && kind == RNN_VOCAB_UTF8)
        status = create_pages(v, symbols, count);
    if (status != RNN_OK) {
        rnn_vocab_destroy(v);
        return status;
    }
    for (int i = 0; i < 256; i++)
        v->id_of[i] = v->unknown;
    for (int32_t id = 0; id < count; id++) {
        int32_t symbol = symbols[id];
        write_symbol(kind, symbol, v->symbols[id]);
        if (symbol < 256)
            v->id_of[symbol] = id;
        if (kind == RNN_VOCAB_UTF8)
            v->pages[v->page_of[symbol / PAGE_SIZE]][symbol % PAGE_SIZE] = id;
    }
    *vocab = v;
    return RNN_OK;
}

/* ---- Words ---- */

/* Takes ownership of the words, even if it fails. */
static rnn_status create_of_words(words *list, const void *shown, size_t shown_size, rnn_vocab **vocab)
{
    rnn_vocab *v;
    rnn_status status = list->count + (shown_size > 0) > 0
                            ? librnn_allocate("a vocabulary", 1, sizeof *v, (void **)&v)
                            : librnn_fail(RNN_ERROR_ARGUMENT, "the text has no words; %s", need_symbol);
    if (status != RNN_OK) {
        librnn_words_destroy(list);
        return status;
    }
    v->owners = 1;
    v->kind = RNN_VOCAB_WORDS;
    v->words = list;
    v->size = list->count + (shown_size > 0);
    v->unknown = shown_size > 0 ? list->count : -1;
    v->shown_size = shown_size;
    if (shown_size > 0)
        memcpy(v->shown, shown, shown_size);
    *vocab = v;
    return RNN_OK;
}

static rnn_status count_word(void *context, const char *word, size_t size, int64_t offset)
{
    (void)offset;
    return librnn_words_add(context, word, size, 1);
}

/* Creates a vocabulary of the words of a source, the most frequent first. */
static rnn_status create_of_text(const rnn_source *source, rnn_vocab **vocab)
{
    words *found, *sorted = NULL;
    RNN_TRY(librnn_words_create(&found));
    rnn_status status = librnn_words_visit(source, count_word, found);
    if (status == RNN_OK)
        status = librnn_words_sort(found, 0, 0, NULL, 0, &sorted);
    librnn_words_destroy(found);
    return status == RNN_OK ? create_of_words(sorted, NULL, 0, vocab) : status;
}

enum { WORD_SHOWN = 40 };

static rnn_status check_word(const char *word, size_t size, size_t offset)
{
    for (size_t i = 0; i < size; i++)
        if (rnn_is_space(word[i]))
            return librnn_fail(RNN_ERROR_SYMBOL,
                               "the word \"%.*s\" at offset %zu contains white space, which a word must not",
                               size < WORD_SHOWN ? (int)size : WORD_SHOWN, word, offset);
    return RNN_OK;
}

/* Adds a line as a word. An empty line stands for the line's end. */
static rnn_status add_line(words *list, const char *line, size_t size, size_t offset)
{
    const char *word = size > 0 ? line : "\n";
    RNN_TRY(check_word(line, size, offset));
    size = size > 0 ? size : 1;
    if (librnn_words_find(list, word, size) < 0)
        return librnn_words_add(list, word, size, 0);
    return librnn_fail(RNN_ERROR_ARGUMENT, "symbols has %s%.*s%s twice; the second is at offset %zu",
                       *word == '\n' ? "an empty line (the line's end)" : "the word \"",
                       *word == '\n'       ? 0
                       : size < WORD_SHOWN ? (int)size
                                           : WORD_SHOWN,
                       word, *word == '\n' ? "" : "\"", offset);
}

static rnn_status create_of_list(const char *symbols, size_t size, rnn_vocab **vocab)
{
    words *list;
    RNN_TRY(librnn_words_create(&list));
    rnn_status status = RNN_OK;
    for (size_t begin = 0, end; begin < size && status == RNN_OK; begin = end + 1) {
        const char *next = memchr(symbols + begin, '\n', size - begin);
        end = next ? (size_t)(next - symbols) : size;
        status = add_line(list, symbols + begin, end - begin, begin);
    }
    if (status == RNN_OK)
        return create_of_words(list, NULL, 0, vocab);
    librnn_words_destroy(list);
    return status;
}

static const char unknown_word[] = "<unk>";

/* A word with the same spelling as the unknown word becomes the unknown word. */
static rnn_status create_words_with_unknown(const rnn_vocab *known, const char *shown, size_t size, rnn_vocab **vocab)
{
    words *list;
    RNN_TRY(check_word(shown, size, 0));
    RNN_TRY(librnn_words_create(&list));
    rnn_status status = RNN_OK;
    for (int32_t id = 0; id < known->words->count && status == RNN_OK; id++) {
        size_t length;
        const char *word = rnn_words_get(known->words, id, &length);
        if (length != size || memcmp(word, shown, size) != 0)
            status = librnn_words_add(list, word, length, known->words->counts[id]);
    }
    if (status == RNN_OK)
        return create_of_words(list, shown, size, vocab);
    librnn_words_destroy(list);
    return status;
}

rnn_status rnn_vocab_create_frequent(const rnn_vocab *known, int64_t most, int64_t least, rnn_vocab **vocab)
{
    RNN_REQUIRE(known);
    RNN_TRY(librnn_check_range("most", most, 0, WORDS_MOST));
    RNN_TRY(librnn_check_range("least", least, 1, INT64_MAX));
    RNN_REQUIRE(vocab);
    if (known->kind != RNN_VOCAB_WORDS)
        return librnn_fail(RNN_ERROR_ARGUMENT, "the kind of known is %s; it must be RNN_VOCAB_WORDS",
                           librnn_name_of(librnn_vocab_kinds, known->kind));
    if (known->words->count > 0 && known->words->counts[0] == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "known was not made from a text; its words must have frequencies");
    bool has = known->unknown >= 0;
    const char *shown = has ? (const char *)known->shown : unknown_word;
    size_t size = strlen(shown);
    words *sorted;
    RNN_TRY(librnn_words_sort(known->words, most, least, shown, size, &sorted));
    return create_of_words(sorted, shown, size, vocab);
}

/* ---- Symbols that are numbers ---- */

/* A set of symbols, with one bit for each possible symbol. */
typedef uint64_t bits;
enum { SET_BITS = 64 };

static rnn_status create_seen(int32_t kind, bits **seen)
{
    return librnn_allocate("the symbols of a text", symbols_most(kind) / SET_BITS, sizeof **seen, (void **)seen);
}

static inline bool has_seen(const bits *seen, int32_t symbol)
{
    return seen[symbol / SET_BITS] >> symbol % SET_BITS & 1;
}

static inline void mark_seen(bits *seen, int32_t symbol)
{
    if (!has_seen(seen, symbol)) /* usually it is set already, and not writing it again saves time */
        seen[symbol / SET_BITS] |= (bits)1 << symbol % SET_BITS;
}

static void see_bytes(bits *seen, const unsigned char *text, size_t size)
{
    bool bytes[256] = {false}; /* faster than bits */
    for (size_t i = 0; i < size; i++)
        bytes[text[i]] = true;
    for (int32_t i = 0; i < 256; i++)
        if (bytes[i])
            mark_seen(seen, i);
}

/* Marks the symbols of a text, up to its end or up to the first invalid bytes. Returns where it stopped. */
static size_t see(int32_t kind, bits *seen, const unsigned char *text, size_t size)
{
    if (kind == RNN_VOCAB_BYTES) {
        see_bytes(seen, text, size);
        return size;
    }
    size_t offset = 0;
    int32_t symbol;
    for (int length; (length = rnn_utf8_read(text + offset, size - offset, &symbol)) > 0; offset += (size_t)length)
        mark_seen(seen, symbol);
    return offset;
}

/* Writes the symbols in ascending order, unless `symbols` is NULL. Returns their number. */
static int32_t list_seen(int32_t kind, const bits *seen, int32_t *symbols)
{
    int32_t count = 0, sets = (int32_t)(symbols_most(kind) / SET_BITS);
    for (int32_t w = 0; w < sets; w++) {
        for (bits left = seen[w]; left != 0; left &= left - 1, count++)
            if (symbols)
                symbols[count] = w * SET_BITS + __builtin_ctzll(left);
    }
    return count;
}

static rnn_status create_of_seen(int32_t kind, const bits *seen, rnn_vocab **vocab)
{
    int32_t count = list_seen(kind, seen, NULL), *symbols;
    RNN_TRY(librnn_allocate("a list of symbols", (size_t)count, sizeof *symbols, (void **)&symbols));
    list_seen(kind, seen, symbols);
    rnn_status status = create(kind, symbols, count, NULL, 0, vocab);
    librnn_release(symbols);
    return status;
}

rnn_status rnn_vocab_create_from_text(int32_t kind, const void *text, size_t size, rnn_vocab **vocab)
{
    RNN_TRY(check_kind(kind));
    RNN_REQUIRE(text);
    RNN_REQUIRE(vocab);
    if (size == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "size is 0; %s", need_symbol);
    if (kind == RNN_VOCAB_WORDS) {
        rnn_source *source;
        RNN_TRY(librnn_source_create_from_text(text, size, &source));
        rnn_status made = create_of_text(source, vocab);
        rnn_source_destroy(source);
        return made;
    }
    bits *seen;
    RNN_TRY(create_seen(kind, &seen));
    size_t end = see(kind, seen, text, size);
    rnn_status status = end == size ? create_of_seen(kind, seen, vocab) : refuse_at(kind, text, size, end);
    librnn_release(seen);
    return status;
}

/* Marks the symbols of a source. */
static rnn_status see_source(int32_t kind, bits *seen, const rnn_source *source)
{
    unsigned char room[PIECE_SIZE];
    for (int64_t offset = 0; offset < rnn_source_size(source);) {
        const unsigned char *bytes;
        size_t size = PIECE_SIZE;
        RNN_TRY(librnn_source_piece(source, offset, room, &bytes, &size));
        size_t end = see(kind, seen, bytes, size);
        RNN_TRY(librnn_vocab_check_stop(kind, source, offset, bytes, size, end));
        offset += (int64_t)end;
    }
    return librnn_source_check(source);
}

rnn_status rnn_vocab_create_from_source(int32_t kind, const rnn_source *source, rnn_vocab **vocab)
{
    RNN_TRY(check_kind(kind));
    RNN_REQUIRE(source);
    RNN_REQUIRE(vocab);
    if (rnn_source_size(source) == 0)
        return librnn_source_refuse_empty(source, need_symbol);
    if (kind == RNN_VOCAB_WORDS)
        return create_of_text(source, vocab);
    bits *seen;
    RNN_TRY(create_seen(kind, &seen));
    rnn_status status = see_source(kind, seen, source);
    if (status == RNN_OK)
        status = create_of_seen(kind, seen, vocab);
    librnn_release(seen);
    return status;
}

rnn_status rnn_vocab_create_from_file(int32_t kind, const char *path, rnn_vocab **vocab)
{
    RNN_TRY(check_kind(kind));
    RNN_REQUIRE(vocab);
    rnn_source *source;
    RNN_TRY(librnn_source_open_file(path, &source));
    rnn_status status = rnn_vocab_create_from_source(kind, source, vocab);
    rnn_source_destroy(source);
    return status;
}

/* Reads a list of distinct symbols. `seen` must be empty, and `symbols` large enough for all of them. */
static rnn_status read_list(int32_t kind, const unsigned char *bytes, size_t size, bits *seen, int32_t *symbols,
                            int32_t *count)
{
    int length;
    for (size_t offset = 0; offset < size; offset += (size_t)length) {
        int32_t symbol = 0;
        length = read_symbol(kind, bytes + offset, size - offset, &symbol);
        if (length == 0)
            return refuse_at(kind, bytes, size, offset);
        if (has_seen(seen, symbol)) {
            char name[NAME_SIZE];
            name_symbol(kind, symbol, name);
            return librnn_fail(RNN_ERROR_ARGUMENT, "symbols has %s twice; the second is at offset %zu", name, offset);
        }
        mark_seen(seen, symbol);
        symbols[(*count)++] = symbol;
    }
    return RNN_OK;
}

rnn_status rnn_vocab_create_from_list(int32_t kind, const void *symbols, size_t size, rnn_vocab **vocab)
{
    RNN_TRY(check_kind(kind));
    RNN_REQUIRE(symbols);
    RNN_REQUIRE(vocab);
    if (size == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "size is 0; a vocabulary needs at least one symbol");
    if (kind == RNN_VOCAB_WORDS)
        return create_of_list(symbols, size, vocab);
    bits *seen;
    int32_t *list = NULL, count = 0;
    size_t most = symbols_most(kind);
    RNN_TRY(create_seen(kind, &seen));
    rnn_status status = librnn_allocate("a list of symbols", size < most ? size : most, sizeof *list, (void **)&list);
    if (status == RNN_OK)
        status = read_list(kind, symbols, size, seen, list, &count);
    if (status == RNN_OK)
        status = create(kind, list, count, NULL, 0, vocab);
    librnn_release(list);
    librnn_release(seen);
    return status;
}

/* ---- The unknown symbol ---- */

static rnn_status check_shown(int32_t kind, const unsigned char *shown, size_t size)
{
    if (size == 0 || size > SHOWN_MOST)
        return librnn_fail(RNN_ERROR_ARGUMENT, "size is %zu; it must be 1 to %d", size, SHOWN_MOST);
    int length;
    int32_t symbol;
    for (size_t offset = 0; offset < size; offset += (size_t)length) {
        length = read_symbol(kind, shown + offset, size - offset, &symbol);
        if (length == 0)
            return refuse_at(kind, shown, size, offset);
    }
    return RNN_OK;
}

rnn_status rnn_vocab_create_with_unknown(const rnn_vocab *known, const void *shown, size_t size, rnn_vocab **vocab)
{
    RNN_REQUIRE(known);
    RNN_REQUIRE(vocab);
    if (!shown && size > 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "size is %zu; it must be 0 if shown is NULL", size);
    if (!shown) {
        shown = known->kind == RNN_VOCAB_WORDS  ? unknown_word
                : known->kind == RNN_VOCAB_UTF8 ? "\xef\xbf\xbd" /* U+FFFD, the replacement character */
                                                : "?";
        size = strlen(shown);
    }
    RNN_TRY(check_shown(known->kind, shown, size));
    if (known->unknown >= 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "known already has an unknown symbol, with id %" PRId32, known->unknown);
    if (known->words)
        return create_words_with_unknown(known, shown, size, vocab);
    int32_t *symbols;
    RNN_TRY(librnn_allocate("a list of symbols", (size_t)known->size, sizeof *symbols, (void **)&symbols));
    for (int32_t id = 0; id < known->size; id++)
        read_symbol(known->kind, known->symbols[id], UTF8_MOST, &symbols[id]);
    rnn_status status = create(known->kind, symbols, known->size, shown, size, vocab);
    librnn_release(symbols);
    return status;
}

/* ---- Owners and properties ---- */

rnn_vocab *librnn_vocab_share(const rnn_vocab *vocab)
{
    rnn_vocab *shared = (rnn_vocab *)vocab; /* the count of owners is the only field that ever changes */
    atomic_fetch_add(&shared->owners, 1);
    return shared;
}

void rnn_vocab_destroy(rnn_vocab *vocab)
{
    if (!vocab || atomic_fetch_sub(&vocab->owners, 1) > 1)
        return;
    librnn_words_destroy(vocab->words);
    librnn_release(vocab->page_of);
    librnn_release(vocab->pages);
    librnn_release(vocab->symbols);
    librnn_release(vocab);
}

int64_t rnn_vocab_size(const rnn_vocab *vocab)
{
    return vocab ? vocab->size : 0;
}

int32_t rnn_vocab_kind(const rnn_vocab *vocab)
{
    return vocab ? vocab->kind : -1;
}

int32_t rnn_vocab_unknown(const rnn_vocab *vocab)
{
    return vocab ? vocab->unknown : -1;
}

/* The bytes of an id, which must be in the vocabulary. */
static const unsigned char *symbol_of(const rnn_vocab *vocab, int32_t id, size_t *size)
{
    if (id == vocab->unknown) {
        *size = vocab->shown_size;
        return vocab->shown;
    }
    if (vocab->words)
        return (const unsigned char *)rnn_words_get(vocab->words, id, size);
    const unsigned char *bytes = vocab->symbols[id];
    *size = vocab->kind == RNN_VOCAB_BYTES || bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    return bytes;
}

rnn_status rnn_vocab_symbol(const rnn_vocab *vocab, int32_t id, const char **symbol, size_t *size)
{
    RNN_REQUIRE(vocab);
    RNN_REQUIRE(symbol);
    if (id < 0 || id >= vocab->size)
        return librnn_fail(RNN_ERROR_SYMBOL, "id is %" PRId32 "; it must be 0 to %" PRId32, id, vocab->size - 1);
    size_t length;
    *symbol = (const char *)symbol_of(vocab, id, &length);
    if (size)
        *size = length;
    return RNN_OK;
}

/* ---- Text to ids and back ---- */

/* The id of a word; negative: it isn't in the vocabulary. */
static int32_t encode_word(const rnn_vocab *vocab, const char *word, size_t size)
{
    int32_t id = librnn_words_find(vocab->words, word, size);
    return id < 0 && !rnn_is_line_end(word, size) ? vocab->unknown : id;
}

/* Fails because a word has no id, unless the word is a line's end, which is skipped. */
static rnn_status check_missing(const char *word, size_t size, const char *place)
{
    if (rnn_is_line_end(word, size))
        return RNN_OK;
    return librnn_fail(RNN_ERROR_SYMBOL, "the word \"%.*s\" at %s is not in the vocabulary",
                       size < WORD_SHOWN ? (int)size : WORD_SHOWN, word, place);
}

/* Encodes a text of words. If `ids` is NULL, only counts them. */
static rnn_status encode_words(const rnn_vocab *vocab, const char *text, size_t size, int32_t *ids, int64_t *count)
{
    const char *word;
    size_t length;
    *count = 0;
    for (size_t at = 0; (word = rnn_next_word(text, size, &at, &length));) {
        int32_t id = encode_word(vocab, word, length);
        if (id < 0) {
            char place[32];
            snprintf(place, sizeof place, "offset %zu", (size_t)(word - text));
            RNN_TRY(check_missing(word, length, place));
            continue;
        }
        if (ids)
            ids[*count] = id;
        ++*count;
    }
    return RNN_OK;
}

/* The context of take_word(), which passes each word of a source to `take` as an id. */
typedef struct word_reading {
    const rnn_vocab *vocab;
    const rnn_source *source;
    vocab_taker *take;
    void *context;
} word_reading;

static rnn_status take_word(void *context, const char *word, size_t size, int64_t offset)
{
    const word_reading *r = context;
    int32_t id = encode_word(r->vocab, word, size);
    if (id >= 0) {
        r->take(r->context, id);
        return RNN_OK;
    }
    char place[PLACE_SIZE];
    librnn_source_place(r->source, offset, place);
    return check_missing(word, size, place);
}

rnn_status librnn_vocab_read_source(const rnn_vocab *vocab, const rnn_source *source, vocab_taker *take, void *context)
{
    unsigned char room[PIECE_SIZE];
    if (vocab->words)
        return librnn_words_visit(source, take_word, &(word_reading){vocab, source, take, context});
    for (int64_t offset = 0; offset < rnn_source_size(source);) {
        const unsigned char *bytes;
        size_t size = PIECE_SIZE, end = 0;
        RNN_TRY(librnn_source_piece(source, offset, room, &bytes, &size));
        int32_t id;
        for (int length; end < size && (length = rnn_vocab_read(vocab, bytes + end, size - end, &id)) > 0;
             end += (size_t)length)
            take(context, id);
        RNN_TRY(librnn_vocab_check_stop(vocab->kind, source, offset, bytes, size, end));
        offset += (int64_t)end;
    }
    return librnn_source_check(source);
}

/* Counts the symbols of a text. Fails if one isn't in the vocabulary. */
static rnn_status count_symbols(const rnn_vocab *vocab, const unsigned char *bytes, size_t size, int64_t *count)
{
    int32_t id;
    if (vocab->words)
        return encode_words(vocab, (const char *)bytes, size, NULL, count);
    *count = 0;
    for (size_t offset = 0; offset < size; ++*count) {
        int length = rnn_vocab_read(vocab, bytes + offset, size - offset, &id);
        if (length == 0)
            return refuse_at(vocab->kind, bytes, size, offset);
        offset += (size_t)length;
    }
    return RNN_OK;
}

rnn_status rnn_vocab_encode(const rnn_vocab *vocab, const void *text, size_t size, int32_t *ids, int64_t capacity,
                            int64_t *count)
{
    RNN_REQUIRE(vocab);
    bool counting = !ids && capacity == 0;
    /* a lower bound on the number of symbols, known before the text is read */
    size_t least = vocab->kind == RNN_VOCAB_BYTES  ? size
                   : vocab->kind == RNN_VOCAB_UTF8 ? size / UTF8_MOST + (size % UTF8_MOST != 0)
                                                   : 0;
    if (size > 0) {
        RNN_REQUIRE(text);
        if (!counting)
            RNN_REQUIRE(ids);
    }
    if (!counting && (capacity < 0 || least > (uint64_t)capacity))
        return librnn_fail(RNN_ERROR_ARGUMENT, "capacity is %" PRId64 "; the text has %s%zu symbol%s", capacity,
                           least < size ? "at least " : "", least, rnn_plural(least));
    const unsigned char *bytes = text;
    int64_t symbols;
    RNN_TRY(count_symbols(vocab, bytes, size, &symbols));
    if (!counting && symbols > capacity)
        return librnn_fail(RNN_ERROR_ARGUMENT, "capacity is %" PRId64 "; the text has %" PRId64 " symbol%s", capacity,
                           symbols, rnn_plural((uint64_t)symbols));
    if (!counting && vocab->words)
        RNN_TRY(encode_words(vocab, text, size, ids, &symbols));
    else if (!counting)
        for (size_t offset = 0; offset < size; ids++)
            offset += (size_t)rnn_vocab_read(vocab, bytes + offset, size - offset, ids);
    if (count)
        *count = symbols;
    return RNN_OK;
}

/* Whether two symbols of a text are separated by a space. This holds for words other than the line's end. */
static bool is_spaced(const rnn_vocab *vocab, int32_t one, int32_t other)
{
    size_t size;
    const unsigned char *first, *second;
    if (!vocab->words)
        return false;
    first = symbol_of(vocab, one, &size);
    second = symbol_of(vocab, other, &size);
    return *first != '\n' && *second != '\n'; /* only the line's end begins with '\n' */
}

/* Counts the bytes of some symbols. Fails if an id isn't in the vocabulary. */
static rnn_status count_bytes(const rnn_vocab *vocab, const int32_t *ids, int64_t count, size_t *size)
{
    *size = 0;
    for (int64_t i = 0; i < count; i++) {
        if (ids[i] < 0 || ids[i] >= vocab->size)
            return librnn_fail(RNN_ERROR_SYMBOL, "ids[%" PRId64 "] is %" PRId32 "; it must be 0 to %" PRId32, i, ids[i],
                               vocab->size - 1);
        size_t length;
        symbol_of(vocab, ids[i], &length);
        length += i > 0 && is_spaced(vocab, ids[i - 1], ids[i]);
        if (!rnn_size_add(*size, length, size))
            return librnn_fail(RNN_ERROR_ARGUMENT,
                               "the text of %" PRId64 " symbol%s is too large for the address space", count,
                               rnn_plural((uint64_t)count));
    }
    return RNN_OK;
}

static void write_symbols(const rnn_vocab *vocab, const int32_t *ids, int64_t count, char *text)
{
    for (int64_t i = 0; i < count; i++) {
        size_t length;
        const unsigned char *symbol = symbol_of(vocab, ids[i], &length);
        if (i > 0 && is_spaced(vocab, ids[i - 1], ids[i]))
            *text++ = ' ';
        memcpy(text, symbol, length);
        text += length;
    }
}

rnn_status rnn_vocab_decode(const rnn_vocab *vocab, const int32_t *ids, int64_t count, char *text, size_t capacity,
                            size_t *size)
{
    RNN_REQUIRE(vocab);
    RNN_TRY(librnn_check_range("count", count, 0, INT64_MAX));
    bool counting = !text && capacity == 0;
    if (count > 0) {
        RNN_REQUIRE(ids);
        if (!counting)
            RNN_REQUIRE(text);
    }
    bool single = vocab->kind == RNN_VOCAB_BYTES && vocab->unknown < 0; /* each symbol is one byte */
    if (!counting && (uint64_t)count > capacity)
        return librnn_fail(RNN_ERROR_ARGUMENT, "capacity is %zu; the text has %s%" PRId64 " byte%s", capacity,
                           single ? "" : "at least ", count, rnn_plural((uint64_t)count));
    size_t bytes;
    RNN_TRY(count_bytes(vocab, ids, count, &bytes));
    if (!counting && bytes > capacity)
        return librnn_fail(RNN_ERROR_ARGUMENT, "capacity is %zu; the text has %zu byte%s", capacity, bytes,
                           rnn_plural(bytes));
    if (!counting)
        write_symbols(vocab, ids, count, text);
    if (size)
        *size = bytes;
    return RNN_OK;
}
