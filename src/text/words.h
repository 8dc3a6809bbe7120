/*
 * words.h: words (byte strings) and their ids, for vocabularies of words.
 */
#ifndef RNN_WORDS_H
#define RNN_WORDS_H

#include "base/status.h"

enum { WORDS_MOST = 1 << 24 };

typedef struct words {
    int32_t count;
    char *bytes;     /* each word, followed by a NUL */
    size_t *starts;  /* [count + 1] index of each word in `bytes` */
    int64_t *counts; /* how often each word has been added */
    int32_t *slots;  /* hash table: 1 + id; 0: free */
    size_t slot_count;
    uint64_t key; /* key of the hash function */
} words;

rnn_status librnn_words_create(words **created);
void librnn_words_destroy(words *w); /* `w` may be NULL */

/* The id of a word; -1 if it doesn't exist. */
int32_t librnn_words_find(const words *w, const char *word, size_t size);

/* Adds `count` to a word's count, and gives it the next id if it is new. If it fails, nothing changes. */
rnn_status librnn_words_add(words *w, const char *word, size_t size, int64_t count);

/*
 * Sorts the words with a count of at least `least` by descending frequency, and words of equal frequency by their
 * bytes. Keeps at most `most` of them; 0 means all. It always keeps the line's end and never keeps the word `without`.
 */
rnn_status librnn_words_sort(const words *w, int64_t most, int64_t least, const char *without, size_t without_size,
                             words **sorted);

/* A function that is called with each word of a text and its offset in bytes. */
typedef rnn_status words_visitor(void *context, const char *word, size_t size, int64_t offset);

rnn_status librnn_words_visit(const rnn_source *source, words_visitor *visit, void *context);

static inline const char *rnn_words_get(const words *w, int32_t id, size_t *size)
{
    *size = w->starts[id + 1] - w->starts[id] - 1;
    return w->bytes + w->starts[id];
}

/* Whether a word is a line's end, which counts as a word. */
static inline bool rnn_is_line_end(const char *word, size_t size)
{
    return size == 1 && word[0] == '\n';
}

/* Whether a byte separates words. This includes the line's end. */
static inline bool rnn_is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/*
 * Finds the next word of a text from `*at` on. Moves `*at` to the end of the word and returns its beginning, or NULL if
 * there is none. *size: its length.
 */
static inline const char *rnn_next_word(const char *text, size_t end, size_t *at, size_t *size)
{
    size_t begin = *at;
    while (begin < end && text[begin] != '\n' && rnn_is_space(text[begin]))
        begin++;
    if (begin == end) {
        *at = end;
        return NULL;
    }
    size_t next = begin + (text[begin] == '\n');
    while (next < end && text[begin] != '\n' && !rnn_is_space(text[next]))
        next++;
    *at = next;
    *size = next - begin;
    return text + begin;
}

#endif
