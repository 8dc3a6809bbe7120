/*
 * fuzz_encoder.c: encodes and decodes any text with fixed vocabularies, and serves it as a corpus. The chunks must have
 * the ids of the whole encoded text, wherever the corpus seeks and splits.
 *
 * Input: a byte of flags; T - 1 and B - 1, a byte each; a byte for the number of operations; the operations; the text.
 */
#define _GNU_SOURCE /* memfd_create() */

#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    FLAG_UTF8 = 1 << 0,
    FLAG_UNKNOWN = 1 << 1,
    FLAG_FILES = 15 << 2, /* if all are set, the text is in two files, which are read as needed */
    UNKNOWN_SHOWN = 3,    /* bytes, none of which are in the vocabularies */
};

static rnn_vocab *vocabs[4]; /* by the flags */
static size_t vocab_blocks;
static int files[2];
static char paths[2][64];

/* Visible ASCII, a newline and a space; and code points of two to four bytes from several blocks */
static const char symbols[] = "\n !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqr"
                              "stuvwxyz{|}~";
static const char more_symbols[] = "äöüßéñЖя€中文字漢…—\U0001f600\U0001f601\U0010ffff\u0800\uffff";

static void create_vocabs(void)
{
    char all[sizeof symbols + sizeof more_symbols];
    snprintf(all, sizeof all, "%s%s", symbols, more_symbols);
    CHECK_OK(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, symbols, strlen(symbols), &vocabs[0]));
    CHECK_OK(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, all, strlen(all), &vocabs[FLAG_UTF8]));
    CHECK_OK(rnn_vocab_create_with_unknown(vocabs[0], "\1\1\1", UNKNOWN_SHOWN, &vocabs[FLAG_UNKNOWN]));
    CHECK_OK(rnn_vocab_create_with_unknown(vocabs[FLAG_UTF8], "\xe2\x90\x80", UNKNOWN_SHOWN,
                                           &vocabs[FLAG_UTF8 | FLAG_UNKNOWN]));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_limit_memory();
    create_vocabs();
    vocab_blocks = fuzz_blocks_out();
    for (int i = 0; i < 2; i++) {
        files[i] = memfd_create("text", MFD_CLOEXEC);
        CHECK(files[i] >= 0);
        snprintf(paths[i], sizeof paths[i], "/proc/self/fd/%d", files[i]);
    }
    return 0;
}

/* A part of the text, as the corpus must serve it */
typedef struct expected_part {
    rnn_corpus *corpus;
    const int32_t *ids; /* [size] */
    int64_t size, steps, streams, position;
} expected_part;

static void write_file(int file, const uint8_t *bytes, size_t size)
{
    CHECK(pwrite(file, bytes, size, 0) == (ssize_t)size && ftruncate(file, (off_t)size) == 0);
}

static rnn_status create_from_files(const rnn_vocab *vocab, const uint8_t *text, size_t size, int64_t steps,
                                    int64_t streams, rnn_corpus **corpus)
{
    const char *const names[] = {paths[0], paths[1]};
    rnn_source *source;
    size_t half = size / 2;
    write_file(files[0], text, half);
    write_file(files[1], text + half, size - half);
    CHECK_OK(rnn_source_open(names, 2, &source));
    CHECK(rnn_source_size(source) == (int64_t)size);
    rnn_status status = rnn_corpus_create_from_source(vocab, source, steps, streams, corpus);
    rnn_source_destroy(source);
    return status;
}

static void check_next(expected_part *part)
{
    rnn_chunk chunk;
    int32_t restarted;
    int64_t length = (part->size - 1) / part->streams;
    bool serves = part->position == 0 || part->position + part->steps < length;
    int64_t from = serves ? part->position : 0;
    CHECK_OK(rnn_chunk_init(&chunk, sizeof chunk));
    CHECK_OK(rnn_corpus_next(part->corpus, &chunk, &restarted));
    CHECK(chunk.steps == part->steps && chunk.streams == part->streams && restarted == (from == 0));
    for (int64_t b = 0; b < part->streams; b++)
        for (int64_t t = 0; t < part->steps; t++) {
            const int32_t *id = &part->ids[b * length + from + t];
            CHECK(chunk.inputs[t * part->streams + b] == id[0]);
            CHECK(chunk.targets[t * part->streams + b] == id[1]);
        }
    part->position = from + part->steps;
    CHECK(rnn_corpus_position(part->corpus) == part->position);
}

static void check_seek(expected_part *part, uint8_t operation)
{
    int64_t most = rnn_corpus_chunks(part->corpus) * part->steps;
    int64_t position = operation & 1 ? operation - 40 : operation % (rnn_corpus_chunks(part->corpus) + 1) * part->steps;
    bool valid = position >= 0 && position <= most && position % part->steps == 0;
    CHECK(fuzz_worked(rnn_corpus_seek(part->corpus, position)) == valid);
    if (valid)
        part->position = position;
}

/* Moves the end of a part to another, empty part. */
static void check_split(expected_part *part, expected_part *rest, uint8_t operation)
{
    double share = operation / 250.0;
    if (!fuzz_worked(rnn_corpus_split(part->corpus, share, &rest->corpus))) {
        CHECK(!rest->corpus && rnn_corpus_size(part->corpus) == part->size);
        return;
    }
    *rest = (expected_part){
        .corpus = rest->corpus, .size = rnn_corpus_size(rest->corpus), .steps = part->steps, .streams = part->streams};
    CHECK(rest->size > 0 && rest->size < part->size);
    part->size -= rest->size;
    part->position = 0;
    rest->ids = part->ids + part->size;
    CHECK(rnn_corpus_size(part->corpus) == part->size);
}

static void check_corpus(rnn_corpus *corpus, const int32_t *ids, int64_t size, int64_t steps, int64_t streams,
                         fuzz_input operations)
{
    expected_part parts[2] = {{corpus, ids, size, steps, streams, 0}, {.corpus = NULL}};
    CHECK(rnn_corpus_size(corpus) == size);
    while (operations.size > 0) {
        uint8_t operation = fuzz_byte(&operations);
        expected_part *part = &parts[parts[1].corpus && (operation & 4)];
        if ((operation & 3) == 0)
            check_next(part);
        else if ((operation & 3) == 1)
            check_seek(part, fuzz_byte(&operations));
        else if ((operation & 3) == 2 && !parts[1].corpus)
            check_split(&parts[0], &parts[1], fuzz_byte(&operations));
        else
            CHECK_OK(rnn_corpus_rewind(part->corpus)), part->position = 0;
    }
    for (int i = 0; i < 2; i++) {
        for (int n = 0; parts[i].corpus && n < 3; n++)
            check_next(&parts[i]);
        rnn_corpus_destroy(parts[i].corpus);
    }
}

/* Encodes a text to `ids` (room for `size`), decodes them and compares. Returns the number of ids, or -1 on failure. */
static int64_t check_encoding(const rnn_vocab *vocab, const uint8_t *text, size_t size, int32_t *ids)
{
    int64_t count, at = 0, unknown = rnn_vocab_unknown(vocab);
    size_t length;
    if (!fuzz_worked(rnn_vocab_encode(vocab, text, size, ids, (int64_t)size, &count)))
        return -1;
    CHECK_OK(rnn_vocab_decode(vocab, ids, count, NULL, 0, &length));
    char *decoded = malloc(length + 1);
    CHECK(decoded);
    CHECK_OK(rnn_vocab_decode(vocab, ids, count, decoded, length, &length));
    size_t read = 0;
    for (int64_t i = 0; i < count; i++) {
        const char *symbol;
        size_t symbol_size;
        CHECK(ids[i] >= 0 && ids[i] < rnn_vocab_size(vocab));
        CHECK_OK(rnn_vocab_symbol(vocab, ids[i], &symbol, &symbol_size));
        CHECK(memcmp(decoded + at, symbol, symbol_size) == 0);
        at += (int64_t)symbol_size;
        if (ids[i] != unknown) {
            CHECK(read + symbol_size <= size && memcmp(text + read, symbol, symbol_size) == 0);
            read += symbol_size;
        } else {
            for (read++; rnn_vocab_kind(vocab) == RNN_VOCAB_UTF8 && read < size && (text[read] & 0xc0) == 0x80;)
                read++;
        }
    }
    CHECK(at == (int64_t)length && read == size);
    free(decoded);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    uint8_t flags = fuzz_byte(&input);
    int64_t steps = fuzz_byte(&input) + 1, streams = fuzz_byte(&input) % 32 + 1;
    size_t operations_size = fuzz_byte(&input) % 32;
    fuzz_input operations = fuzz_take(&input, operations_size);
    const rnn_vocab *vocab = vocabs[flags & (FLAG_UTF8 | FLAG_UNKNOWN)];
    uint8_t *text = fuzz_copy(input);
    int32_t *ids = malloc((input.size + 1) * sizeof *ids);
    CHECK(ids);
    rnn_corpus *corpus = NULL;
    int64_t count = check_encoding(vocab, text, input.size, ids);
    bool from_files = (flags & FLAG_FILES) == FLAG_FILES;
    bool worked =
        fuzz_worked(from_files ? create_from_files(vocab, text, input.size, steps, streams, &corpus)
                               : rnn_corpus_create_from_text(vocab, text, input.size, steps, streams, &corpus));
    bool fits = count >= steps * streams + 1;
    CHECK(worked == (corpus != NULL));
    if (from_files && rnn_vocab_kind(vocab) == RNN_VOCAB_BYTES &&
        count < 0) /* bytes are checked only when they are served */
        rnn_corpus_destroy(corpus);
    else if (worked) {
        CHECK(fits);
        check_corpus(corpus, ids, count, steps, streams, operations);
    } else
        CHECK(!fits);
    free(ids);
    free(text);
    fuzz_check_memory(vocab_blocks);
    return 0;
}
