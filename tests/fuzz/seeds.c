/*
 * seeds.c: writes the seed corpora of the fuzzers: small models and checkpoints of every kind, the same with one fault
 * each, and texts. Usage: fuzz_seeds DIRECTORY. It creates a directory for each fuzzer there.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "rnn/rnn.h"

/* The flags of the fuzzers */
enum { FLAG_RAW = 1, FLAG_CONFIGURATION = 2, FLAG_NO_NAMES = 4, FLAG_IGNORE = 64, FLAG_INFER = 128 };

static const char *directory;

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_seeds: %s: %s\n", what, rnn_last_error());
    exit(1);
}

#define OK(call) require((call) == RNN_OK, #call)

typedef struct blob {
    unsigned char *bytes;
    size_t size;
} blob;

static void *allocate(size_t size)
{
    void *memory = calloc(size + 1, 1);
    require(memory != NULL, "out of memory");
    return memory;
}

static void write_seed(const char *fuzzer, const char *name, const void *head, size_t head_size, const void *body,
                       size_t body_size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, fuzzer);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", directory, fuzzer, name);
    FILE *stream = fopen(path, "wb");
    require(stream != NULL, path);
    require(fwrite(head, 1, head_size, stream) == head_size && fwrite(body, 1, body_size, stream) == body_size, path);
    require(fclose(stream) == 0, path);
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static size_t header_size(const blob *file)
{
    return file->bytes[0] | (size_t)file->bytes[1] << 8 | (size_t)file->bytes[2] << 16;
}

/* Writes a file unchanged. */
static void write_raw(const char *fuzzer, const char *name, const void *bytes, size_t size)
{
    const unsigned char flags = FLAG_RAW;
    write_seed(fuzzer, name, &flags, 1, bytes, size);
}

/* Writes flags, a configuration, the size of the tensors' bytes, the header, a NUL, and a few of these bytes. */
static void write_framed(const char *fuzzer, const char *name, const void *head, size_t head_size, const char *header,
                         size_t data_size)
{
    static const unsigned char pattern[] = {0, 0, 0, 0, 0, 0, 0xe0, 0x3f};
    size_t length = strlen(header), size = 2 + length + 1 + sizeof pattern;
    unsigned char *body = allocate(size);
    body[0] = (unsigned char)data_size;
    body[1] = (unsigned char)(data_size >> 8);
    memcpy(body + 2, header, length);
    memcpy(body + 3 + length, pattern, sizeof pattern);
    write_seed(fuzzer, name, head, head_size, body, size);
    free(body);
}

static void write_file(const char *fuzzer, const char *name, const blob *file)
{
    size_t length = header_size(file);
    char *header = allocate(length), framed[128];
    const unsigned char flags = 0;
    memcpy(header, file->bytes + 8, length);
    while (length > 0 && header[length - 1] == ' ')
        header[--length] = '\0';
    write_raw(fuzzer, name, file->bytes, file->size);
    snprintf(framed, sizeof framed, "%s-framed", name);
    write_framed(fuzzer, framed, &flags, 1, header, file->size - 8 - header_size(file));
    free(header);
}

/* Writes the file with the first `from` in its header replaced by `to`. The size of the tensors stays the same. */
static void write_edited(const char *fuzzer, const char *name, const blob *file, const char *from, const char *to)
{
    size_t length = header_size(file), data_size = file->size - 8 - length;
    char *header = allocate(length + strlen(to)), *text = allocate(length);
    const unsigned char flags = 0;
    memcpy(text, file->bytes + 8, length);
    char *at = strstr(text, from);
    require(at != NULL, from);
    snprintf(header, length + strlen(to), "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    write_framed(fuzzer, name, &flags, 1, header, data_size);
    free(header);
    free(text);
}

/* Writes files with one fault each. */
static void write_hostile(const char *fuzzer, const blob *file)
{
    static const char *const edits[][3] = {
        {"duplicate-tensor", "\"rnn.weight_hh_l0\":", "\"decoder.weight\":"},
        {"duplicate-key", "\"__metadata__\":{", "\"__metadata__\":{\"format\":\"pt\","},
        {"no-metadata", "__metadata__", "_metadata_"},
        {"metadata-number", "\"format\":\"pt\"", "\"format\":1"},
        {"overlap", "\"data_offsets\":[0,", "\"data_offsets\":[4,"},
        {"backwards", "\"data_offsets\":[0,", "\"data_offsets\":[99,"},
        {"negative", "\"data_offsets\":[0,", "\"data_offsets\":[-8,"},
        {"huge-offset", "\"data_offsets\":[0,", "\"data_offsets\":[9223372036854775807,"},
        {"beyond-int64", "\"data_offsets\":[0,", "\"data_offsets\":[9223372036854775808,"},
        {"huge-shape", "\"shape\":[", "\"shape\":[4294967296,4294967296,"},
        {"no-shape", "\"shape\":[", "\"shape\":[0,9223372036854775807,"},
        {"many-dimensions", "\"shape\":[", "\"shape\":[1,1,1,1,1,1,1,1,"},
        {"type", "\"dtype\":\"F", "\"dtype\":\"BF"},
        {"odd-bits", "\"dtype\":\"F32\"", "\"dtype\":\"F6_E2M3\""},
        {"unknown-type", "\"dtype\":\"F32\"", "\"dtype\":\"F1024\""},
        {"huge-hidden", "\"librnn.hidden_size\":\"", "\"librnn.hidden_size\":\"1048"},
        {"huge-input", "\"librnn.input_size\":\"", "\"librnn.input_size\":\"1677721"},
        {"many-layers", "\"librnn.layers\":\"1\"", "\"librnn.layers\":\"1024\""},
        {"no-layers", "\"librnn.layers\":\"1\"", "\"librnn.layers\":\"0\""},
        {"later-format", "\"librnn.format\":\"1\"", "\"librnn.format\":\"18446744073709551616\""},
        {"not-a-number", "\"librnn.dropout\":\"0\"", "\"librnn.dropout\":\"1e999\""},
        {"control-name", "\"decoder.bias\"", "\"decoder\\u001b[2J\\n\""},
        {"not-utf8", "\"decoder.bias\"", "\"\xff\xfe\xed\xa0\x80\""},
        {"long-name", "\"decoder.bias\"",
         "\"x\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
         "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3"
         "\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
         "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\""},
        {"bad-escape", "\"decoder.bias\"", "\"decoder\\u00\xd4\x9d\xcd\xb5\""},
        {"nul-in-text", "\"format\":\"pt\"", "\"format\":\"p\\u0000t\""},
        {"symbols-twice", "\"librnn.vocab.symbols\":\"", "\"librnn.vocab.symbols\":\"6161"},
        {"symbols-odd", "\"librnn.vocab.symbols\":\"", "\"librnn.vocab.symbols\":\"6"},
        {"note-without-key", "\"librnn.note.origin\"", "\"librnn.note.\""},
        {"note-twice", "\"librnn.note.origin\"", "\"librnn.note.a\":\"\",\"librnn.note.a\""},
        {"note-number", "\"librnn.note.origin\":", "\"librnn.note.a\":1,\"librnn.note.origin\":"},
        {"note-not-utf8", "\"librnn.note.origin\"", "\"librnn.note.\xed\xa0\x80\""},
        {"kind", "\"librnn.vocab.kind\":\"bytes\"", "\"librnn.vocab.kind\":\"utf8\""},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++)
        write_edited(fuzzer, edits[i][0], file, edits[i][1], edits[i][2]);
    for (size_t part = 1; part < 4; part++) {
        char name[32];
        snprintf(name, sizeof name, "truncated-%zu", part);
        write_raw(fuzzer, name, file->bytes, file->size * part / 4);
    }
    write_raw(fuzzer, "truncated-by-1", file->bytes, file->size - 1);
    unsigned char length[8] = {0};
    write_raw(fuzzer, "empty", length, 0);
    write_raw(fuzzer, "length-0", length, sizeof length);
    memset(length, 0xff, sizeof length);
    write_raw(fuzzer, "length-all", length, sizeof length);
    static const unsigned char most[] = {0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0, '{', '}'}; /* the largest header */
    write_raw(fuzzer, "length-100000000", most, sizeof most);
    static const unsigned char none[] = {0};
    char deep[2200];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    deep[sizeof deep - 1] = '\0';
    write_framed(fuzzer, "deep", none, 1, deep, 0);
    write_framed(fuzzer, "empty-object", none, 1, "{}", 0);
    write_framed(fuzzer, "no-object", none, 1, "[]", 0);
    write_framed(fuzzer, "two-objects", none, 1, "{}{}", 0);
    write_framed(fuzzer, "spaces", none, 1, "{                                }                                ", 0);
}

/* ---- Models ------------------------------------------------------------------------------------------------------ */

typedef struct kind {
    const char *name;
    int64_t layers, embedding_size;
    int32_t cell, input, loss, bias, tied, precision;
    int32_t vocab; /* 0 none, 1 bytes, 2 UTF-8, 3 with unknown, 4 words, and the model is bidirectional */
} kind;

static const kind kinds[] = {
    {"seed", 1, 0, RNN_CELL_TANH, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, RNN_BIAS_INPUT, 0, RNN_FLOAT32, 1},
    {"tanh64", 2, 0, RNN_CELL_TANH, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, RNN_BIAS_BOTH, 0, RNN_FLOAT64, 2},
    {"gru", 1, 0, RNN_CELL_GRU, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, RNN_BIAS_BOTH, 0, RNN_FLOAT32, 3},
    {"gru-vectors", 1, 0, RNN_CELL_GRU, RNN_INPUT_VECTORS, RNN_LOSS_SQUARED_ERROR, RNN_BIAS_INPUT, 0, RNN_FLOAT64, 0},
    {"lstm-tied", 1, 2, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, RNN_LOSS_CROSS_ENTROPY, RNN_BIAS_BOTH, 1, RNN_FLOAT32, 1},
    {"lstm-embedding", 2, 1, RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, RNN_LOSS_CROSS_ENTROPY, RNN_BIAS_INPUT, 0, RNN_FLOAT32,
     2},
    {"lstm-both", 1, 0, RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_LOSS_CROSS_ENTROPY, RNN_BIAS_BOTH, 0, RNN_FLOAT32, 4},
};

enum { KINDS = sizeof kinds / sizeof *kinds, SYMBOLS = 3, HIDDEN = 2 };

static rnn_model *create_model(const kind *k)
{
    rnn_model_options o;
    rnn_model *model;
    OK(rnn_model_options_init(&o, sizeof o));
    o.input_size = o.output_size = SYMBOLS;
    o.hidden_size = HIDDEN;
    o.layers = k->layers;
    o.embedding_size = k->embedding_size;
    o.cell = k->cell;
    o.input = k->input;
    o.loss = k->loss;
    o.bias = k->bias;
    o.tied = k->tied;
    o.bidirectional = o.learned_state = k->vocab == 4;
    o.precision = k->precision;
    o.initialization = RNN_INIT_UNIFORM;
    OK(rnn_model_create(&o, &model));
    if (!k->tied)
        OK(rnn_model_set_note(model, "origin", "a\n\"\xc3\xa4\""));
    return model;
}

static rnn_vocab *create_vocab(const kind *k)
{
    rnn_vocab *vocab = NULL, *known;
    if (k->vocab == 1)
        OK(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab\n", 3, &vocab));
    else if (k->vocab == 2)
        OK(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "a\xc3\xa4\xf0\x9f\x98\x80", 7, &vocab));
    else if (k->vocab == 3) {
        OK(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "a\xe4\xb8\xad", 4, &known));
        OK(rnn_vocab_create_with_unknown(known, NULL, 0, &vocab));
        rnn_vocab_destroy(known);
    } else if (k->vocab == 4) {
        OK(rnn_vocab_create_from_text(RNN_VOCAB_WORDS, "a b\n", 4, &known));
        OK(rnn_vocab_create_frequent(known, 2, 1, &vocab));
        rnn_vocab_destroy(known);
    }
    return vocab;
}

static blob save_model(const kind *k)
{
    rnn_model *model = create_model(k);
    rnn_vocab *vocab = create_vocab(k);
    blob file;
    OK(rnn_model_save_to_memory(model, vocab, NULL, 0, &file.size));
    file.bytes = allocate(file.size);
    OK(rnn_model_save_to_memory(model, vocab, file.bytes, file.size, &file.size));
    rnn_model_destroy(model);
    rnn_vocab_destroy(vocab);
    return file;
}

/*
 * Files like those of PyTorch: an LSTM with the standard names and without names; a tied GRU in two types with an
 * additional tensor
 */
static void write_torch(void)
{
    static const unsigned char configuration[] = {FLAG_CONFIGURATION, 1, 1, 1, 1, 0, 2, 2, 1, 1, 0, 0, 0};
    unsigned char nameless[sizeof configuration];
    memcpy(nameless, configuration, sizeof nameless);
    nameless[0] |= FLAG_NO_NAMES;
    write_framed("fuzz_model", "torch", configuration, sizeof configuration,
                 "{\"rnn.weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[0,16]},"
                 "\"rnn.weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[16,32]},"
                 "\"decoder.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[32,36]}}",
                 36);
    write_framed("fuzz_model", "torch-nameless", nameless, sizeof nameless,
                 "{\"weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[4,1],\"data_offsets\":[0,16]},"
                 "\"weight_hh_l0\":{\"dtype\":\"F64\",\"shape\":[4,1],\"data_offsets\":[16,48]},"
                 "\"weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[48,52]}}",
                 52);
    static const char tied[] = "{\"rnn.weight_ih_l0\":{\"dtype\":\"F16\",\"shape\":[3,1],\"data_offsets\":[0,6]},"
                               "\"rnn.weight_hh_l0\":{\"dtype\":\"BF16\",\"shape\":[3,1],\"data_offsets\":[6,12]},"
                               "\"embedding.weight\":{\"dtype\":\"F16\",\"shape\":[2,1],\"data_offsets\":[12,16]},"
                               "\"norm.weight\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[16,24]}}";
    static const unsigned char flags[] = {FLAG_IGNORE};
    static const unsigned char inferred[] = {
        FLAG_CONFIGURATION | FLAG_IGNORE | FLAG_INFER, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
    write_framed("fuzz_model", "torch-tied", flags, sizeof flags, tied, 24);
    write_framed("fuzz_model", "torch-inferred", inferred, sizeof inferred, tied, 24);
}

static void write_models(void)
{
    for (size_t i = 0; i < KINDS; i++) {
        blob file = save_model(&kinds[i]);
        write_file("fuzz_model", kinds[i].name, &file);
        if (i == 0)
            write_hostile("fuzz_model", &file);
        free(file.bytes);
    }
    write_torch();
}

/* ---- Checkpoints ------------------------------------------------------------------------------------------------- */

/* Runs one chunk forward and backward. */
static void run_chunk(rnn_model *model, rnn_state *state, const kind *k)
{
    static const int32_t ids[] = {0, 1, 2, 1};
    static const double zeros[4 * SYMBOLS];
    rnn_chunk chunk;
    OK(rnn_chunk_init(&chunk, sizeof chunk));
    chunk.steps = chunk.streams = 2;
    if (k->input == RNN_INPUT_VECTORS)
        chunk.input_vectors = zeros;
    else
        chunk.inputs = ids;
    if (k->loss == RNN_LOSS_SQUARED_ERROR)
        chunk.target_vectors = zeros;
    else
        chunk.targets = ids;
    OK(rnn_forward_backward(model, state, &chunk, NULL));
}

static blob save_checkpoint(const kind *k, int32_t rule, bool gradients, bool without_model)
{
    rnn_checkpoint c;
    rnn_optimizer_options o;
    blob file;
    OK(rnn_checkpoint_init(&c, sizeof c));
    OK(rnn_optimizer_options_init(&o, sizeof o, rule));
    c.model = create_model(k);
    c.vocab = create_vocab(k);
    OK(rnn_optimizer_create(c.model, &o, &c.optimizer));
    OK(rnn_state_create(c.model, 2, &c.state));
    OK(rnn_sampler_create(NULL, &c.sampler));
    run_chunk(c.model, c.state, k);
    OK(rnn_optimizer_step(c.optimizer, c.model));
    if (gradients)
        run_chunk(c.model, c.state, k);
    rnn_model *model = c.model;
    if (without_model)
        c.model = NULL;
    OK(rnn_checkpoint_save_to_memory(&c, NULL, 0, &file.size));
    file.bytes = allocate(file.size);
    OK(rnn_checkpoint_save_to_memory(&c, file.bytes, file.size, &file.size));
    rnn_sampler_destroy(c.sampler);
    rnn_state_destroy(c.state);
    rnn_optimizer_destroy(c.optimizer);
    rnn_vocab_destroy(c.vocab);
    rnn_model_destroy(model);
    return file;
}

static void write_checkpoints(void)
{
    static const char *const fuzzer = "fuzz_checkpoint";
    for (size_t i = 0; i < KINDS; i++) {
        char name[64];
        blob file = save_checkpoint(&kinds[i], (int32_t)i % 5, false, true);
        snprintf(name, sizeof name, "%s-without-model", kinds[i].name);
        write_file(fuzzer, name, &file);
        free(file.bytes);
        file = save_checkpoint(&kinds[i], (int32_t)i % 5, i % 2 == 0, false);
        write_file(fuzzer, kinds[i].name, &file);
        if (i == 0) {
            write_hostile(fuzzer, &file);
            write_edited(fuzzer, "no-gradients", &file, "\"librnn.checkpoint.gradients\":\"1\"",
                         "\"librnn.checkpoint.gradients\":\"0\"");
            write_edited(fuzzer, "other-rule", &file, "\"adagrad\"", "\"adam\"");
            write_edited(fuzzer, "steps", &file, "\"librnn.optimizer.steps\":\"1\"",
                         "\"librnn.optimizer.steps\":\"9007199254740992\"");
            write_edited(fuzzer, "all-rows", &file, "\"listed\"", "\"all\"");
            write_edited(fuzzer, "no-state", &file, "\"librnn.state.hidden\"", "\"librnn.state.hiddem\"");
        }
        free(file.bytes);
    }
}

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

static void write_text(const char *fuzzer, const char *name, const void *head, size_t head_size, const char *text)
{
    write_seed(fuzzer, name, head, head_size, text, strlen(text));
}

static void write_texts(void)
{
    static const char *const texts[][2] = {
        {"ascii", "hello world\nhello there, hello again; abcabcabcabc"},
        {"utf8", "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xe4\xb8\xad\xe6\x96\x87 a\xc3\xa4\xe2\x82\xac\xf4\x8f\xbf\xbf"},
        {"bad", "abc\xc3\xa4\xed\xa0\x80\xc0\x80\xf4\x90\x80\x80\xff"},
        {"cut", "abc\xe4\xb8"},
        {"words", "the cat sat\non the\n\nmat  \tx\n<unk> cat the <unk>\ndog\n"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        for (unsigned char flags = 0; flags < 8; flags++) {
            char name[32];
            const unsigned char vocab[] = {flags, 1, 9, 0, '?'}; /* nine bytes make the vocabulary */
            const unsigned char encoder[] = {(unsigned char)((flags & 3) | (flags & 4 ? 60 : 0)), 2, 1, 4, 0, 1, 4, 2};
            const unsigned char split[] = {
                (unsigned char)((flags & 3) | (flags & 4 ? 60 : 0)), 0, 0, 5, 2, 100, 0, 4, 3};
            snprintf(name, sizeof name, "%s-%d", texts[i][0], flags);
            write_text("fuzz_vocab", name, vocab, sizeof vocab, texts[i][1]);
            const unsigned char words[] = {flags, 3, 0, 30, 0}; /* thirty bytes make the vocabulary */
            write_text("fuzz_words", name, words, sizeof words, texts[i][1]);
            write_text("fuzz_encoder", name, encoder, sizeof encoder, texts[i][1]);
            snprintf(name, sizeof name, "%s-split-%d", texts[i][0], flags);
            write_text("fuzz_encoder", name, split, sizeof split, texts[i][1]);
        }
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
        return 2;
    }
    directory = argv[1];
    mkdir(directory, 0777);
    write_models();
    write_checkpoints();
    write_texts();
    return 0;
}
