/* text.c: opens texts, and measures them. */
#include "char_rnn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    BYTES_LEAST_FOR_FILES = 1 << 30, /* texts of this size or more stay in their files, as bytes */
    QUICK_PIECES = 32,
    PIECE_TOKENS = 1 << 10,
    ENTROPY_TOKENS = 1 << 20,
    FINGERPRINT_CHUNKS = 1 << 10,
};

/* ---- Opening ----------------------------------------------------------------------------------------------------- */

/* Whether a vocabulary of code points has any beyond ASCII */
static bool has_more_than_ascii(const rnn_vocab *vocab)
{
    const char *symbol;
    for (int32_t id = 0; id < rnn_vocab_size(vocab); id++) {
        check(rnn_vocab_symbol(vocab, id, &symbol, NULL));
        if ((unsigned char)symbol[0] >= 0x80)
            return true;
    }
    return false;
}

/* Chooses between bytes and code points, and creates the vocabulary. */
static void choose_tokens(corpora *t, settings *s)
{
    rnn_status status = RNN_ERROR_SYMBOL;
    s->value[SET_TOKENS].whole = TOKENS_BYTES;
    if (t->bytes < BYTES_LEAST_FOR_FILES)
        status = rnn_vocab_create_from_source(RNN_VOCAB_UTF8, t->source, &t->vocab);
    if (status == RNN_OK && has_more_than_ascii(t->vocab)) {
        s->value[SET_TOKENS].whole = TOKENS_UTF8;
        return;
    }
    if (status != RNN_OK && status != RNN_ERROR_SYMBOL)
        check(status);
    if (status == RNN_OK)
        rnn_vocab_destroy(t->vocab);
    check(rnn_vocab_create_from_source(RNN_VOCAB_BYTES, t->source, &t->vocab));
}

static void create_vocab(corpora *t, settings *s)
{
    if (s->value[SET_TOKENS].whole == AUTOMATIC) {
        choose_tokens(t, s);
        return;
    }
    check(rnn_vocab_create_from_source((int32_t)s->value[SET_TOKENS].whole, t->source, &t->vocab));
    if (s->value[SET_TOKENS].whole != TOKENS_WORDS)
        return;
    rnn_vocab *all = t->vocab;
    check(rnn_vocab_create_frequent(all, s->value[SET_WORDS].whole, 1, &t->vocab));
    rnn_vocab_destroy(all);
}

void text_open(corpora *t, char **paths, int count, settings *s, rnn_vocab *vocab)
{
    *t = (corpora){.vocab = vocab};
    check(rnn_source_open((const char *const *)paths, count, &t->source));
    t->bytes = rnn_source_size(t->source);
    if (t->bytes == 0)
        fail("%s is empty", paths[0]);
    if (!vocab)
        create_vocab(t, s);
}

void text_close(corpora *t)
{
    rnn_corpus_destroy(t->quick);
    rnn_corpus_destroy(t->validation);
    rnn_corpus_destroy(t->training);
    rnn_vocab_destroy(t->vocab);
    rnn_source_destroy(t->source);
}

static rnn_corpus *open_text(const corpora *t, int64_t steps, int64_t streams)
{
    rnn_corpus *text;
    check(rnn_corpus_create_from_source(t->vocab, t->source, steps, streams, &text));
    return text;
}

/* Cuts off the end of `text` for validation or, if there is a file for that, opens the file in these chunks. */
static rnn_corpus *open_validation(const corpora *t, const char *path, double share, rnn_corpus *text, int64_t steps)
{
    rnn_corpus *validation;
    check(path ? rnn_corpus_create_from_file(t->vocab, path, steps, 1, &validation)
               : rnn_corpus_split(text, share, &validation));
    return validation;
}

/*
 * Joins pieces from all over a text whose chunks are such pieces. As many streams then read one piece each. The last
 * target of a piece is the first token of the next; that is one in PIECE_TOKENS.
 */
static rnn_corpus *join_pieces(rnn_corpus *text, int64_t symbols)
{
    enum { TOKENS = QUICK_PIECES * PIECE_TOKENS };
    int32_t *ids = allocate((TOKENS + 1) * sizeof *ids);
    int64_t chunks = rnn_corpus_chunks(text);
    rnn_corpus *joined;
    rnn_chunk chunk;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int64_t n = 0; n < QUICK_PIECES; n++) {
        check(rnn_corpus_seek(text, n * chunks / QUICK_PIECES * PIECE_TOKENS));
        check(rnn_corpus_next(text, &chunk, NULL));
        memcpy(ids + n * PIECE_TOKENS, chunk.inputs, PIECE_TOKENS * sizeof *ids);
    }
    ids[TOKENS] = chunk.targets[PIECE_TOKENS - 1];
    check(rnn_corpus_create_from_ids(ids, TOKENS + 1, symbols, PIECE_TOKENS, QUICK_PIECES, &joined));
    free(ids);
    return joined;
}

void text_cut(corpora *t, const char *validation_path, const settings *s)
{
    const setting_value *v = s->value;
    t->training = open_text(t, v[SET_SEQUENCE].whole, v[SET_STREAMS].whole);
    t->validation = open_validation(t, validation_path, v[SET_VALIDATION].real, t->training, 1);
    check(rnn_corpus_set_drop_last(t->training, 0));
    check(rnn_corpus_set_drop_last(t->validation, 0));
    if (rnn_corpus_size(t->validation) < QUICK_PIECES * PIECE_TOKENS * 4 / 3)
        return;
    rnn_corpus *text = validation_path ? NULL : open_text(t, PIECE_TOKENS, 1);
    rnn_corpus *pieces = open_validation(t, validation_path, v[SET_VALIDATION].real, text, PIECE_TOKENS);
    t->quick = join_pieces(pieces, rnn_vocab_size(t->vocab));
    rnn_corpus_destroy(pieces);
    rnn_corpus_destroy(text);
}

/* ---- Measures ---------------------------------------------------------------------------------------------------- */

/* Adds a corpus to a checksum: all of it or, if it is large, chunks spread evenly over it. */
static uint64_t add_to_fingerprint(uint64_t sum, rnn_corpus *corpus)
{
    int64_t before = rnn_corpus_position(corpus), chunks = rnn_corpus_chunks(corpus);
    int64_t used = chunks < FINGERPRINT_CHUNKS ? chunks : FINGERPRINT_CHUNKS;
    rnn_chunk chunk;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    check(rnn_corpus_rewind(corpus));
    check(rnn_corpus_next(corpus, &chunk, NULL));
    int64_t steps = rnn_corpus_position(corpus);
    for (int64_t n = 0; n < used; n++) {
        check(rnn_corpus_seek(corpus, n * chunks / used * steps));
        check(rnn_corpus_next(corpus, &chunk, NULL));
        for (int64_t k = 0; k < chunk.steps * chunk.streams; k++)
            sum = (sum ^ (uint64_t)chunk.inputs[k]) * 1099511628211U; /* FNV-1a */
    }
    check(rnn_corpus_seek(corpus, before));
    return (sum ^ (uint64_t)rnn_corpus_size(corpus)) * 1099511628211U;
}

int64_t text_fingerprint(const corpora *t)
{
    uint64_t sum = add_to_fingerprint(14695981039346656037U, t->training);
    return (int64_t)(add_to_fingerprint(sum, t->validation) >> 1);
}

double text_entropy(rnn_corpus *corpus, int64_t symbols)
{
    double *counts = allocate((size_t)symbols * sizeof *counts), total = 0, sum = 0;
    int64_t position = rnn_corpus_position(corpus);
    for (int64_t n = 0; n < rnn_corpus_chunks(corpus) && total < ENTROPY_TOKENS; n++) {
        rnn_chunk chunk;
        check(rnn_chunk_init(&chunk, sizeof chunk));
        check(rnn_corpus_next(corpus, &chunk, NULL));
        for (int64_t k = 0; k < chunk.steps * chunk.streams; k++)
            if (chunk.targets[k] != RNN_IGNORE) {
                counts[chunk.targets[k]]++;
                total++;
            }
    }
    for (int64_t i = 0; i < symbols; i++)
        if (counts[i] > 0)
            sum -= counts[i] / total * log(counts[i] / total);
    check(rnn_corpus_seek(corpus, position));
    free(counts);
    return sum;
}

unit unit_of(const rnn_vocab *vocab)
{
    int32_t kind = rnn_vocab_kind(vocab);
    if (kind == RNN_VOCAB_WORDS)
        return (unit){"perplexity", true};
    return (unit){kind == RNN_VOCAB_BYTES ? "bits per byte" : "bits per character", false};
}

double in_unit(unit u, double nats)
{
    return u.exponential ? exp(nats) : nats / 0.69314718055994530942;
}
