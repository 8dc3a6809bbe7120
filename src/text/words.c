/*
 * words.c: words (byte strings) and their ids. The words are in memory one after the other, and a hash table with
 * linear probing holds their ids.
 */
#include "text/words.h"

#include "base/memory.h"
#include "base/philox.h"
#include "text/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIRST_SLOTS = 1 << 10, FIRST_BYTES = 1 << 12 };

/*
 * Philox as a block cipher, chained over blocks of 16 bytes. Nobody can construct words with equal hashes without
 * knowing the key. The ids don't depend on the hash.
 */
static uint64_t hash_of(uint64_t key, const char *word, size_t size)
{
    uint32_t bits[4] = {(uint32_t)size, (uint32_t)((uint64_t)size >> 32)};
    size_t at = 0;
    do {
        uint32_t block[4] = {0};
        size_t count = size - at < sizeof block ? size - at : sizeof block;
        memcpy(block, word + at, count);
        uint64_t low = (uint64_t)(bits[1] ^ block[1]) << 32 | (bits[0] ^ block[0]);
        uint64_t high = (uint64_t)(bits[3] ^ block[3]) << 32 | (bits[2] ^ block[2]);
        philox(key, high, low, bits);
        at += count;
    } while (at < size);
    return (uint64_t)bits[1] << 32 | bits[0];
}

/* The slot of a word, or the free slot for it. */
static size_t slot_of(const words *w, const char *word, size_t size)
{
    size_t slot = (size_t)hash_of(w->key, word, size) & (w->slot_count - 1), own;
    for (; w->slots[slot] > 0; slot = (slot + 1) & (w->slot_count - 1)) {
        const char *there = rnn_words_get(w, w->slots[slot] - 1, &own);
        if (own == size && memcmp(there, word, size) == 0)
            break;
    }
    return slot;
}

rnn_status librnn_words_create(words **created)
{
    words *w;
    RNN_TRY(librnn_allocate("words", 1, sizeof *w, (void **)&w));
    w->key = (uint64_t)(uintptr_t)w ^ (uint64_t)time(NULL) << 32 ^ (uint64_t)clock();
    w->slot_count = FIRST_SLOTS;
    rnn_status status = librnn_allocate("words", FIRST_SLOTS, sizeof *w->slots, (void **)&w->slots);
    if (status == RNN_OK)
        status = librnn_allocate("words", FIRST_SLOTS / 2 + 1, sizeof *w->starts, (void **)&w->starts);
    if (status == RNN_OK)
        status = librnn_allocate("words", FIRST_SLOTS / 2, sizeof *w->counts, (void **)&w->counts);
    if (status == RNN_OK)
        status = librnn_allocate("words", FIRST_BYTES, 1, (void **)&w->bytes);
    if (status == RNN_OK)
        *created = w;
    else
        librnn_words_destroy(w);
    return status;
}

void librnn_words_destroy(words *w)
{
    if (!w)
        return;
    librnn_release(w->bytes);
    librnn_release(w->starts);
    librnn_release(w->counts);
    librnn_release(w->slots);
    librnn_release(w);
}

int32_t librnn_words_find(const words *w, const char *word, size_t size)
{
    return w->slots[slot_of(w, word, size)] - 1;
}

/* Moves an array to a larger block. */
static rnn_status enlarge(void **array, size_t used, size_t wanted)
{
    void *larger;
    RNN_TRY(librnn_allocate("words", wanted, 1, &larger));
    memcpy(larger, *array, used);
    librnn_release(*array);
    *array = larger;
    return RNN_OK;
}

/* Doubles the table, and makes space for half as many words as it has slots. */
static rnn_status double_slots(words *w)
{
    size_t count = (size_t)w->count, slots = 2 * w->slot_count, size;
    int32_t *table;
    RNN_TRY(enlarge((void **)&w->starts, (count + 1) * sizeof *w->starts, (slots / 2 + 1) * sizeof *w->starts));
    RNN_TRY(enlarge((void **)&w->counts, count * sizeof *w->counts, slots / 2 * sizeof *w->counts));
    RNN_TRY(librnn_allocate("words", slots, sizeof *table, (void **)&table));
    librnn_release(w->slots);
    w->slots = table;
    w->slot_count = slots;
    for (int32_t id = 0; id < w->count; id++) {
        const char *word = rnn_words_get(w, id, &size);
        w->slots[slot_of(w, word, size)] = id + 1;
    }
    return RNN_OK;
}

static rnn_status make_room(words *w, size_t size)
{
    size_t used = w->starts[w->count], wanted, room = librnn_allocated(w->bytes);
    if ((size_t)w->count == w->slot_count / 2)
        RNN_TRY(double_slots(w));
    if (!rnn_size_add(used, size, &wanted) || !rnn_size_add(wanted, 1, &wanted))
        return librnn_fail(RNN_ERROR_MEMORY, "out of memory for words");
    if (wanted <= room)
        return RNN_OK;
    return enlarge((void **)&w->bytes, used, wanted < 2 * room ? 2 * room : wanted);
}

rnn_status librnn_words_add(words *w, const char *word, size_t size, int64_t count)
{
    int32_t id = librnn_words_find(w, word, size);
    if (id >= 0) {
        w->counts[id] += count;
        return RNN_OK;
    }
    if (w->count == WORDS_MOST)
        return librnn_fail(RNN_ERROR_ARGUMENT, "there are more than %d words, which is the maximum", WORDS_MOST);
    RNN_TRY(make_room(w, size));
    size_t slot = slot_of(w, word, size);
    memcpy(w->bytes + w->starts[w->count], word, size);
    w->bytes[w->starts[w->count] + size] = '\0';
    w->starts[w->count + 1] = w->starts[w->count] + size + 1;
    w->counts[w->count] = count;
    w->slots[slot] = ++w->count;
    return RNN_OK;
}

/* ---- By frequency ------------------------------------------------------------------------------------------------ */

typedef struct counted {
    const char *word;
    size_t size;
    int64_t count;
} counted;

static int compare(const void *one, const void *other)
{
    const counted *a = one, *b = other;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    int order = memcmp(a->word, b->word, a->size < b->size ? a->size : b->size);
    return order != 0 ? order : (a->size > b->size) - (a->size < b->size);
}

static rnn_status add_sorted(const counted *list, int64_t count, int64_t most, int64_t least, words *sorted)
{
    int64_t left = most > 0 ? most : INT64_MAX;
    bool line_end = false;
    for (int64_t i = 0; i < count; i++)
        line_end = line_end || rnn_is_line_end(list[i].word, list[i].size);
    left -= line_end;
    for (int64_t i = 0; i < count; i++) {
        bool always = rnn_is_line_end(list[i].word, list[i].size);
        if (!always && (left == 0 || list[i].count < least))
            continue;
        left -= !always;
        RNN_TRY(librnn_words_add(sorted, list[i].word, list[i].size, list[i].count));
    }
    return RNN_OK;
}

rnn_status librnn_words_sort(const words *w, int64_t most, int64_t least, const char *without, size_t without_size,
                             words **sorted)
{
    counted *list;
    int64_t count = 0;
    words *made = NULL;
    RNN_TRY(librnn_allocate("a list of words", (size_t)w->count + 1, sizeof *list, (void **)&list));
    for (int32_t id = 0; id < w->count; id++) {
        counted word = {.count = w->counts[id]};
        word.word = rnn_words_get(w, id, &word.size);
        if (word.size != without_size || memcmp(word.word, without, without_size) != 0)
            list[count++] = word;
    }
    qsort(list, (size_t)count, sizeof *list, compare);
    rnn_status status = librnn_words_create(&made);
    if (status == RNN_OK)
        status = add_sorted(list, count, most, least, made);
    librnn_release(list);
    if (status == RNN_OK)
        *sorted = made;
    else
        librnn_words_destroy(made);
    return status;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/*
 * Visits a text's words. If more text follows, omits the last word if it may continue there. *used: the number of bytes
 * that are finished.
 */
static rnn_status visit_text(const char *text, size_t size, int64_t offset, bool goes_on, words_visitor *visit,
                             void *context, size_t *used)
{
    const char *word;
    size_t length;
    for (*used = 0; (word = rnn_next_word(text, size, used, &length));) {
        if (goes_on && *used == size && *word != '\n') {
            *used = size - length;
            return RNN_OK;
        }
        RNN_TRY(visit(context, word, length, offset + (word - text)));
    }
    return RNN_OK;
}

/* Reads piece by piece. The memory grows only with the longest word. */
static rnn_status visit_pieces(const rnn_source *source, words_visitor *visit, void *context, char **memory)
{
    size_t room = (size_t)4 * PIECE_SIZE, filled = 0, used;
    int64_t size = rnn_source_size(source), offset = 0;
    RNN_TRY(librnn_allocate("a piece of a text", room, 1, (void **)memory));
    while (offset < size) {
        if (filled > room / 2) {
            RNN_TRY(enlarge((void **)memory, filled, 2 * room));
            room *= 2;
        }
        uint64_t left = (uint64_t)(size - offset);
        size_t count = left < room - filled ? (size_t)left : room - filled;
        RNN_TRY(librnn_source_read(source, offset, *memory + filled, count));
        int64_t begin = offset - (int64_t)filled;
        filled += count;
        offset += (int64_t)count;
        RNN_TRY(visit_text(*memory, filled, begin, offset < size, visit, context, &used));
        filled -= used;
        memmove(*memory, *memory + used, filled);
    }
    return librnn_source_check(source);
}

rnn_status librnn_words_visit(const rnn_source *source, words_visitor *visit, void *context)
{
    const char *text = (const char *)librnn_source_text(source);
    size_t used;
    if (text)
        return visit_text(text, (size_t)rnn_source_size(source), 0, false, visit, context, &used);
    char *memory = NULL;
    rnn_status status = visit_pieces(source, visit, context, &memory);
    librnn_release(memory);
    return status;
}
