/* symbols.c: turns texts into ids, and makes batches of them. */
#include "classify.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool is_of_word(char letter)
{
    return isalnum((unsigned char)letter) || letter == '\'' || (unsigned char)letter >= 0x80;
}

/* Returns the text with spaces around each sign that isn't part of a word. */
static char *separate_words(const char *text)
{
    char *words = allocate(3 * strlen(text) + 1), *end = words;
    for (; *text; text++)
        if (is_of_word(*text))
            *end++ = *text;
        else
            end += sprintf(end, " %c ", *text);
    *end = '\0';
    return words;
}

int64_t encode(const rnn_vocab *vocab, const char *text, int64_t longest, int32_t *ids)
{
    char *words = rnn_vocab_kind(vocab) == RNN_VOCAB_WORDS ? separate_words(text) : NULL;
    const char *symbols = words ? words : text;
    size_t size = strlen(symbols);
    int64_t count;
    int32_t *whole = allocate(size * sizeof *whole);
    check(rnn_vocab_encode(vocab, symbols, size, whole, (int64_t)size, &count));
    count = count < longest ? count : longest;
    memcpy(ids, whole, (size_t)count * sizeof *ids);
    if (count == 0) /* a text of white space has no words */
        ids[count++] = rnn_vocab_unknown(vocab);
    free(whole);
    free(words);
    return count;
}

rnn_vocab *create_vocab(const examples *all, bool words)
{
    size_t size = 0, used = 0;
    rnn_vocab *known, *vocab;
    for (int64_t n = 0; n < all->count; n++)
        size += strlen(all->each[n].text) * (words ? 3 : 1) + 1;
    char *text = allocate(size + 1);
    for (int64_t n = 0; n < all->count; n++) {
        if (all->each[n].part != TRAINING)
            continue;
        char *separated = words ? separate_words(all->each[n].text) : NULL;
        used += (size_t)sprintf(text + used, words ? "%s " : "%s", words ? separated : all->each[n].text);
        free(separated);
    }
    check(rnn_vocab_create_from_text(words ? RNN_VOCAB_WORDS : RNN_VOCAB_UTF8, text, used, &known));
    check(words ? rnn_vocab_create_frequent(known, 0, 1, &vocab)
                : rnn_vocab_create_with_unknown(known, NULL, 0, &vocab));
    rnn_vocab_destroy(known);
    free(text);
    return vocab;
}

rnn_batcher *create_batcher(const classifier *c, const examples *all, int part, const rnn_batcher_options *order,
                            int64_t **numbers)
{
    rnn_sequences s;
    rnn_batcher_options options = *order;
    rnn_batcher *batcher;
    size_t room = 0;
    for (int64_t n = 0; n < all->count; n++)
        room += strlen(all->each[n].text);
    int32_t *ids = allocate(room * sizeof *ids), *targets = allocate((size_t)all->count * sizeof *targets);
    int64_t *lengths = allocate((size_t)all->count * sizeof *lengths), used = 0;
    *numbers = allocate((size_t)all->count * sizeof **numbers);
    check(rnn_sequences_init(&s, sizeof s));
    for (int64_t n = 0; n < all->count; n++) {
        if (all->each[n].part != part)
            continue;
        used += lengths[s.count] = encode(c->vocab, all->each[n].text, c->longest, ids + used);
        targets[s.count] = (int32_t)all->each[n].class;
        (*numbers)[s.count++] = n;
    }
    s.inputs = ids;
    s.lengths = lengths;
    s.targets = targets;
    options.streams = STREAMS;
    options.target_kind = RNN_TARGETS_LAST;
    check(rnn_batcher_create(&s, &options, &batcher));
    free(ids);
    free(targets);
    free(lengths);
    return batcher;
}
