/*
 * fuzz_words.c: creates vocabularies of words from any text or list, and uses them on any text: encodes, decodes,
 * encodes again, and reads piece by piece. A second, simple reader counts the words of a text.
 *
 * Input: a byte of flags; a byte for the number of words to keep and a byte for how often they must occur; two bytes
 * for the length of the vocabulary's text or list; this text or list; the text to encode.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum { FLAG_LIST = 1 << 0, FLAG_FREQUENT = 1 << 1, FLAG_UNKNOWN = 1 << 2 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_limit_memory();
    return 0;
}

static bool is_space(uint8_t byte)
{
    return memchr(" \t\n\v\f\r", byte, 6) != NULL;
}

static int64_t count_words(fuzz_input text, bool line_ends)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        bool begins = !is_space(text.bytes[i]) && (i == 0 || is_space(text.bytes[i - 1]));
        count += begins || (line_ends && text.bytes[i] == '\n');
    }
    return count;
}

/* Each symbol must be encoded as its own id. Returns whether the newline is one of them. */
static bool check_symbols(const rnn_vocab *vocab)
{
    bool line_end = false;
    int64_t size = rnn_vocab_size(vocab);
    CHECK(size >= 1 && rnn_vocab_kind(vocab) == RNN_VOCAB_WORDS);
    for (int32_t id = 0; id < size; id++) {
        const char *symbol;
        size_t length;
        int32_t again;
        CHECK_OK(rnn_vocab_symbol(vocab, id, &symbol, &length));
        CHECK(length > 0 && symbol[length] == '\0');
        CHECK_OK(rnn_vocab_encode(vocab, symbol, length, &again, 1, NULL));
        CHECK(again == id);
        line_end = line_end || (length == 1 && *symbol == '\n');
    }
    return line_end;
}

/* Decoding and encoding again must give the same ids. */
static void check_decoded(const rnn_vocab *vocab, const int32_t *ids, int64_t count)
{
    size_t size, written;
    int64_t again_count;
    CHECK_OK(rnn_vocab_decode(vocab, ids, count, NULL, 0, &size));
    char *text = malloc(size + 1);
    int32_t *again = malloc(((size_t)count + 1) * sizeof *again);
    CHECK(text && again);
    CHECK_OK(rnn_vocab_decode(vocab, ids, count, text, size, &written));
    CHECK(written == size);
    CHECK_OK(rnn_vocab_encode(vocab, text, size, again, count, &again_count));
    CHECK(again_count == count && memcmp(again, ids, (size_t)count * sizeof *ids) == 0);
    free(text);
    free(again);
}

/* A corpus, which reads its text word by word, must have the same ids. */
static void check_corpus(const rnn_vocab *vocab, const uint8_t *text, size_t size, const int32_t *ids, int64_t count)
{
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    CHECK(fuzz_worked(rnn_corpus_create_from_text(vocab, text, size, 1, 1, &corpus)) == (count >= 2));
    for (int64_t t = 0; corpus && t < rnn_corpus_chunks(corpus); t++) {
        CHECK_OK(rnn_corpus_next(corpus, &chunk, NULL));
        CHECK(chunk.inputs[0] == ids[t] && chunk.targets[0] == ids[t + 1]);
    }
    rnn_corpus_destroy(corpus);
}

static void check_text(const rnn_vocab *vocab, fuzz_input text, bool line_ends)
{
    uint8_t *bytes = fuzz_copy(text);
    int32_t *ids = malloc((text.size + 1) * sizeof *ids);
    int64_t count = -1;
    CHECK(ids);
    bool worked = fuzz_worked(rnn_vocab_encode(vocab, bytes, text.size, ids, (int64_t)text.size, &count));
    CHECK(worked || rnn_vocab_unknown(vocab) < 0);
    if (worked) {
        CHECK(count == count_words(text, line_ends));
        check_decoded(vocab, ids, count);
        if (text.size > 0)
            check_corpus(vocab, bytes, text.size, ids, count);
    }
    free(ids);
    free(bytes);
}

static void replace(rnn_vocab **vocab, rnn_vocab *other)
{
    rnn_vocab_destroy(*vocab);
    *vocab = other;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    uint8_t flags = fuzz_byte(&input);
    int64_t most = fuzz_byte(&input), least = fuzz_byte(&input) % 8 + 1;
    size_t source_size = fuzz_number(&input, 2);
    fuzz_input source = fuzz_take(&input, source_size);
    uint8_t *bytes = fuzz_copy(source);
    rnn_vocab *vocab = NULL, *other = NULL;
    bool list = flags & FLAG_LIST;
    bool worked = fuzz_worked(list ? rnn_vocab_create_from_list(RNN_VOCAB_WORDS, bytes, source.size, &vocab)
                                   : rnn_vocab_create_from_text(RNN_VOCAB_WORDS, bytes, source.size, &vocab));
    free(bytes);
    CHECK(worked == (vocab != NULL) && (list || worked == (count_words(source, true) > 0)));
    if (vocab && (flags & FLAG_FREQUENT)) {
        CHECK(fuzz_worked(rnn_vocab_create_frequent(vocab, most, least, &other)) == !list);
        if (other)
            CHECK(most == 0 || rnn_vocab_size(other) <= most + 1);
        if (other)
            replace(&vocab, other);
    } else if (vocab && (flags & FLAG_UNKNOWN)) {
        CHECK_OK(rnn_vocab_create_with_unknown(vocab, NULL, 0, &other));
        replace(&vocab, other);
    }
    if (vocab) {
        bool line_ends = check_symbols(vocab);
        if (!list)
            check_text(vocab, source, line_ends);
        check_text(vocab, input, line_ends);
    }
    rnn_vocab_destroy(vocab);
    fuzz_check_memory(0);
    return 0;
}
