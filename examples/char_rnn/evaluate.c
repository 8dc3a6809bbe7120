/* evaluate.c: measures a model on a text: as it is, as it goes on learning while it reads, and symbol by symbol. */
#include "char_rnn.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 32 };

static const double DYNAMIC_RATE = 0.0005, DYNAMIC_CLIP = 1, LN2 = 0.69314718055994530942;

static void help(void)
{
    puts("usage: char_rnn evaluate MODEL FILE... [OPTION...]\n\n"
         "Prints the loss of a model on the text in the files.\n\n"
         "    --share X          evaluate only the last part of the text, 0.1 for a tenth\n"
         "    --streams N        parts that are read side by side; 1, the default, is exact\n"
         "    --surprise FILE    write each symbol's surprise in bits: to a .csv file as a table, to\n"
         "                       a .html file as the text, coloured\n"
         "    --dynamic          also let the model go on learning as it reads (dynamic evaluation,\n"
         "                       Krause et al. 2018); the file of the model stays as it is\n"
         "    --rate X           the learning rate of that; default 0.0005\n"
         "    --threads N        threads to compute with");
    flush_output();
}

static void print_loss(const char *what, double nats, unit u)
{
    printf("%s: %.4f nats, %.4g %s\n", what, nats, in_unit(u, nats), u.name);
}

/* ---- Surprise ---------------------------------------------------------------------------------------------------- */

static void put_html(FILE *to, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const char *special = text[i] == '<' ? "&lt;" : text[i] == '>' ? "&gt;" : text[i] == '&' ? "&amp;" : NULL;
        if (special)
            fputs(special, to);
        else
            putc(text[i], to);
    }
}

static void put_csv(FILE *to, const char *text, size_t size, bool bytes)
{
    putc('"', to);
    for (size_t i = 0; i < size; i++) {
        if (bytes && (unsigned char)text[i] >= 0x80) {
            fprintf(to, "\\x%02X", (unsigned char)text[i]); /* a byte alone isn't a character */
            continue;
        }
        if (text[i] == '"')
            putc('"', to);
        putc(text[i], to);
    }
    putc('"', to);
}

typedef struct surprise_file {
    FILE *file;
    const rnn_vocab *vocab;
    bool html;
    char character[4]; /* with a vocabulary of bytes: the bytes of an unfinished character, and their bits */
    size_t size, needed;
    double bits;
} surprise_file;

/* A piece of text in the colour of its surprise */
static void put_coloured(FILE *to, const char *text, size_t size, double bits)
{
    double strength = bits / 10 < 1 ? bits / 10 : 1;
    fprintf(to, "<span style=\"background:rgba(220,60,0,%.2f)\" title=\"%.1f bits\">", strength, bits);
    put_html(to, text, size);
    fputs("</span>", to);
}

static void flush_character(surprise_file *s)
{
    if (s->size > 0)
        put_coloured(s->file, s->character, s->size, s->bits);
    s->size = s->needed = 0;
    s->bits = 0;
}

/* The length of the UTF-8 character that begins with this byte; 1 if no character does */
static size_t character_size(char first)
{
    unsigned char byte = (unsigned char)first;
    return byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
}

/* Collects bytes until they form a character, which gets one colour. */
static void collect_byte(surprise_file *s, char byte, double bits)
{
    bool continues = ((unsigned char)byte & 0xc0) == 0x80;
    if (!continues)
        flush_character(s);
    if (s->size == 0)
        s->needed = character_size(byte);
    s->character[s->size++] = byte;
    s->bits += bits;
    if (s->size == s->needed)
        flush_character(s);
}

static void put_surprise(surprise_file *s, int32_t id, int64_t index, double bits)
{
    const char *symbol;
    size_t size;
    int32_t kind = rnn_vocab_kind(s->vocab);
    check(rnn_vocab_symbol(s->vocab, id, &symbol, &size));
    if (!s->html) {
        fprintf(s->file, "%lld,%.4f,", (long long)index, bits);
        put_csv(s->file, symbol, size, kind == RNN_VOCAB_BYTES);
        putc('\n', s->file);
    } else if (kind == RNN_VOCAB_BYTES) {
        collect_byte(s, symbol[0], bits);
    } else {
        put_coloured(s->file, symbol, size, bits);
        if (kind == RNN_VOCAB_WORDS && symbol[0] != '\n')
            putc(' ', s->file);
    }
}

/* Reads the text with one stream, and writes what each symbol costs. */
static void write_surprise(const rnn_model *model, const rnn_vocab *vocab, rnn_corpus *corpus, const char *path)
{
    size_t length = strlen(path);
    surprise_file s = {.vocab = vocab, .html = length > 5 && strcmp(path + length - 5, ".html") == 0};
    rnn_state *state;
    int64_t index = 1;
    s.file = fopen(path, "wb");
    if (!s.file)
        fail("can't write %s: %s", path, strerror(errno));
    fputs(s.html
              ? "<!doctype html><meta charset=\"utf-8\"><title>Surprise</title>\n<pre style=\"white-space:pre-wrap\">"
              : "index,bits,symbol\n",
          s.file);
    check(rnn_state_create(model, 1, &state));
    check(rnn_corpus_rewind(corpus));
    for (int64_t n = 0; n < rnn_corpus_chunks(corpus); n++) {
        rnn_chunk chunk;
        rnn_loss loss;
        double losses[STEPS];
        check(rnn_chunk_init(&chunk, sizeof chunk));
        check(rnn_corpus_next(corpus, &chunk, NULL));
        chunk.losses = losses;
        check(rnn_forward(model, state, &chunk, NULL, 0, &loss));
        for (int64_t t = 0; t < chunk.steps; t++)
            put_surprise(&s, chunk.targets[t], index++, losses[t] / LN2);
    }
    flush_character(&s);
    if (s.html)
        fputs("</pre>\n", s.file);
    rnn_state_destroy(state);
    bool failed = ferror(s.file);
    if (fclose(s.file) != 0 || failed)
        fail("can't write %s: %s", path, strerror(errno));
}

/* ---- Dynamic evaluation ------------------------------------------------------------------------------------------ */

/* The same model without dropout, which would make its losses larger */
static void load_without_dropout(const char *path, rnn_model **model, rnn_vocab **vocab)
{
    rnn_model_options o;
    rnn_load_options load;
    rnn_model *as_trained;
    load_writer(path, NULL, &as_trained, vocab);
    rnn_vocab_destroy(*vocab);
    check(rnn_model_options_init(&o, sizeof o));
    check(rnn_model_get_options(as_trained, &o));
    rnn_model_destroy(as_trained);
    o.dropout = o.dropout_input = o.dropout_output = o.dropout_recurrent = 0;
    o.dropout_per_chunk = 0;
    o.reduction = RNN_REDUCTION_MEAN;
    check(rnn_load_options_init(&load, sizeof load));
    load.configuration = &o;
    load.precision = o.precision;
    load_writer(path, &load, model, vocab);
}

/* Each chunk's loss is taken before the model learns from it. */
static double evaluate_dynamically(const char *path, rnn_corpus *corpus, double rate)
{
    rnn_model *model;
    rnn_vocab *vocab;
    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_optimizer_options rule;
    double sum = 0, count = 0;
    load_without_dropout(path, &model, &vocab);
    check(rnn_state_create(model, 1, &state));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_RMSPROP));
    rule.learning_rate = rate;
    rule.clip_norm = DYNAMIC_CLIP;
    check(rnn_optimizer_create(model, &rule, &optimizer));
    check(rnn_corpus_rewind(corpus));
    for (int64_t n = 0; n < rnn_corpus_chunks(corpus); n++) {
        rnn_chunk chunk;
        rnn_loss loss;
        check(rnn_chunk_init(&chunk, sizeof chunk));
        check(rnn_corpus_next(corpus, &chunk, NULL));
        check(rnn_forward_backward(model, state, &chunk, &loss));
        check(rnn_optimizer_step(optimizer, model));
        sum += loss.sum;
        count += (double)loss.count;
    }
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
    return sum / count;
}

typedef struct request {
    const char *surprise; /* NULL: not wanted */
    double rate, share;   /* share 0: the whole text */
    int64_t streams, threads;
    bool dynamic;
} request;

static rnn_corpus *open_corpus(const rnn_vocab *vocab, char **paths, int files, double share)
{
    rnn_source *source;
    rnn_corpus *corpus, *part;
    check(rnn_source_open((const char *const *)paths, files, &source));
    if (rnn_corpus_create_from_source(vocab, source, STEPS, 1, &corpus) != RNN_OK) /* perhaps the text is too short */
        check(rnn_corpus_create_from_source(vocab, source, 1, 1, &corpus));
    rnn_source_destroy(source);
    if (share > 0) {
        check(rnn_corpus_split(corpus, share, &part));
        rnn_corpus_destroy(corpus);
        corpus = part;
    }
    check(rnn_corpus_set_drop_last(corpus, 0));
    return corpus;
}

static void run(const request *r, char **paths, int files)
{
    rnn_model *model;
    rnn_vocab *vocab;
    rnn_loss loss;
    int64_t hits;
    if (r->surprise)
        refuse_to_overwrite(r->surprise, paths, files);
    check(rnn_set_threads((int32_t)r->threads));
    load_writer(paths[0], NULL, &model, &vocab);
    rnn_corpus *corpus = open_corpus(vocab, paths + 1, files - 1, r->share);
    check(rnn_evaluate(model, corpus, r->streams, &loss, &hits));
    print_loss("as it is", loss.sum / (double)loss.count, unit_of(vocab));
    printf("%lld tokens, of which %.1f %% were the most likely ones\n", (long long)loss.count,
           100 * (double)hits / (double)loss.count);
    if (r->dynamic)
        print_loss("learning as it reads", evaluate_dynamically(paths[0], corpus, r->rate), unit_of(vocab));
    if (r->surprise)
        write_surprise(model, vocab, corpus, r->surprise);
    flush_output();
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
}

int command_evaluate(int count, char **arguments)
{
    request r = {.rate = DYNAMIC_RATE, .streams = 1};
    const option options[] = {
        {"--surprise", OPTION_TEXT, &r.surprise, 0, 0},      {"--share", OPTION_REAL, &r.share, 0, 1},
        {"--streams", OPTION_WHOLE, &r.streams, 1, 1 << 20}, {"--rate", OPTION_REAL, &r.rate, 0, 1000},
        {"--threads", OPTION_WHOLE, &r.threads, 0, 1024},    {"--dynamic", OPTION_FLAG, &r.dynamic, 0, 0},
    };
    char **paths = allocate((size_t)(count + 1) * sizeof *paths);
    const command_line line = {"char_rnn evaluate --help", options, sizeof options / sizeof *options, NULL, NULL};
    int files = read_options(&line, count, arguments, paths);
    if (files >= 0 && files < 2)
        fail("evaluate needs a model and a text; see char_rnn evaluate --help");
    if (files < 0)
        help();
    else
        run(&r, paths, files);
    free(paths);
    return EXIT_SUCCESS;
}
