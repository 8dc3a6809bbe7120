/* sample.c: lets a model write. */
#include "char_rnn.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 16 }; /* tokens that are drawn at a time */

typedef struct writing {
    rnn_model *model;
    rnn_vocab *vocab;
    rnn_state *state;
    rnn_sampler *sampler;
    const char *stop; /* NULL: none */
    char *prompt;
    int64_t length, streams;
    bool speed;
} writing;

static void help(void)
{
    puts("usage: char_rnn sample MODEL [OPTION...]\n\n"
         "    --length N         characters or words to write; default 1000\n"
         "    --prompt TEXT      what the model reads first; - reads standard input\n"
         "    --temperature X    0 writes the most likely text; default 0.8\n"
         "    --top-k N          draw from the N most likely tokens only\n"
         "    --top-p X          draw from the most likely tokens that have the share X together\n"
         "    --min-p X          draw from tokens at least X times as likely as the most likely one\n"
         "    --seed N           another seed, another text; default 1\n"
         "    --several N        write N texts\n"
         "    --stop TEXT        end a text when it has this\n"
         "    --threads N        threads to compute with\n"
         "    --speed            say in the end how fast it was");
    flush_output();
}

static char *read_prompt(const char *given)
{
    enum { MOST = 1 << 24 };
    if (strcmp(given, "-") != 0) {
        char *copy = allocate(strlen(given) + 1);
        return strcpy(copy, given);
    }
    char *text = allocate(MOST);
    size_t size = fread(text, 1, MOST - 1, stdin);
    if (ferror(stdin) || size == MOST - 1 || strlen(text) != size)
        fail("the prompt can't be read; it must be a text of less than 16 MB");
    return text;
}

/* Returns the ids of the prompt or, if it is empty, the id of a line's end if the vocabulary has one. */
static int32_t *encode_prompt(const writing *w, int64_t *count)
{
    size_t size = strlen(w->prompt);
    int32_t *ids = allocate((size + 1) * sizeof *ids);
    *count = 0;
    if (size > 0)
        check(rnn_vocab_encode(w->vocab, w->prompt, size, ids, (int64_t)size, count));
    else if (rnn_vocab_encode(w->vocab, "\n", 1, ids, 1, count) != RNN_OK)
        *count = 0;
    return ids;
}

/* Returns where `wanted` begins in `text`, or `size` if it doesn't occur. Both may hold any bytes. */
static size_t find_text(const char *text, size_t size, const char *wanted, size_t length)
{
    for (size_t at = 0; at + length <= size; at++)
        if (memcmp(text + at, wanted, length) == 0)
            return at;
    return size;
}

/*
 * Returns the length of the part of a text that may be shown. That part ends before the stop text, or before what may
 * be the beginning of the stop text at the end.
 */
static size_t shown_length(const writing *w, const char *text, size_t size, bool last, bool *stopped)
{
    *stopped = false;
    if (!w->stop)
        return size;
    size_t length = strlen(w->stop), found = find_text(text, size, w->stop, length);
    *stopped = found < size;
    if (*stopped || last)
        return found;
    for (size_t part = length - 1; part > 0; part--)
        if (size >= part && memcmp(text + size - part, w->stop, part) == 0)
            return size - part;
    return size;
}

/* Text that was drawn and isn't shown yet, since it may be the beginning of the stop text */
typedef struct pending {
    char *text;
    size_t size;
} pending;

/* Appends the text of ids[1] ... ids[count]. ids[0] is the token before them, if any: words need a space after it. */
static void append(pending *p, const rnn_vocab *vocab, const int32_t *ids, int64_t count, bool has_before)
{
    size_t size, before = 0;
    if (has_before)
        check(rnn_vocab_decode(vocab, ids, 1, NULL, 0, &before));
    char *text = decode(vocab, has_before ? ids : ids + 1, has_before ? count + 1 : count, &size);
    char *longer = allocate(p->size + size - before);
    memcpy(longer, p->text, p->size);
    memcpy(longer + p->size, text + before, size - before);
    p->size += size - before;
    free(p->text);
    free(text);
    p->text = longer;
}

static void show(pending *p, size_t length)
{
    fwrite(p->text, 1, length, stdout);
    flush_output();
    memmove(p->text, p->text + length, p->size - length);
    p->size -= length;
}

/* Writes one text as it is drawn. Returns how many tokens were drawn. */
static int64_t write_live(const writing *w, const int32_t *prompt, int64_t prompt_steps)
{
    rnn_generate_options g;
    int32_t ids[PIECE + 1];
    pending p = {.text = allocate(1)};
    int64_t drawn = 0;
    bool stopped = false, has_before = *w->prompt != '\0';
    check(rnn_generate_options_init(&g, sizeof g));
    g.prompt = prompt_steps > 0 ? prompt : NULL;
    g.prompt_steps = prompt_steps;
    ids[0] = has_before ? prompt[prompt_steps - 1] : 0;
    while (drawn < w->length && !stopped) {
        g.most = w->length - drawn < PIECE ? w->length - drawn : PIECE;
        check(rnn_generate(w->model, w->state, w->sampler, &g, ids + 1, NULL, NULL));
        g.prompt = NULL;
        g.prompt_steps = 0;
        drawn += g.most;
        append(&p, w->vocab, ids, g.most, has_before);
        show(&p, shown_length(w, p.text, p.size, drawn == w->length, &stopped));
        ids[0] = ids[g.most];
        has_before = true;
    }
    putchar('\n');
    free(p.text);
    return drawn;
}

/* Writes several texts at once, and shows one after the other. */
static int64_t write_several(const writing *w, const int32_t *prompt, int64_t prompt_steps)
{
    rnn_generate_options g;
    size_t streams = (size_t)w->streams;
    int32_t *ids = allocate((size_t)w->length * streams * sizeof *ids);
    int32_t *own = allocate((size_t)(w->length + 1) * sizeof *own);
    int32_t *prompts = allocate(((size_t)prompt_steps + 1) * streams * sizeof *prompts);
    for (int64_t t = 0; t < prompt_steps; t++)
        for (size_t b = 0; b < streams; b++)
            prompts[(size_t)t * streams + b] = prompt[t];
    check(rnn_generate_options_init(&g, sizeof g));
    g.prompt = prompt_steps > 0 ? prompts : NULL;
    g.prompt_steps = prompt_steps;
    g.most = w->length;
    check(rnn_generate(w->model, w->state, w->sampler, &g, ids, NULL, NULL));
    for (size_t b = 0; b < streams; b++) {
        pending p = {.text = allocate(1)};
        bool stopped, has_before = *w->prompt != '\0';
        own[0] = has_before ? prompt[prompt_steps - 1] : 0;
        for (int64_t t = 0; t < w->length; t++)
            own[t + 1] = ids[(size_t)t * streams + b];
        append(&p, w->vocab, own, w->length, has_before);
        printf("--- %zu ---\n%s", b + 1, w->prompt);
        show(&p, shown_length(w, p.text, p.size, true, &stopped));
        putchar('\n');
        free(p.text);
    }
    free(prompts);
    free(own);
    free(ids);
    return w->length * w->streams;
}

static void run(writing *w, const char *path, const char *prompt, rnn_sampler_options *o)
{
    int64_t steps;
    load_writer(path, NULL, &w->model, &w->vocab);
    o->vocab = w->vocab; /* its unknown symbol is never drawn */
    w->prompt = read_prompt(prompt);
    int32_t *ids = encode_prompt(w, &steps);
    check(rnn_sampler_create(o, &w->sampler));
    check(rnn_state_create(w->model, w->streams, &w->state));
    double started = now();
    if (w->streams == 1)
        fputs(w->prompt, stdout);
    int64_t drawn = w->streams > 1 ? write_several(w, ids, steps) : write_live(w, ids, steps);
    flush_output();
    if (w->speed)
        fprintf(stderr, "%lld tokens, %.0f a second\n", (long long)drawn, (double)drawn / (now() - started));
    free(ids);
    free(w->prompt);
    rnn_state_destroy(w->state);
    rnn_sampler_destroy(w->sampler);
    rnn_vocab_destroy(w->vocab);
    rnn_model_destroy(w->model);
}

int command_sample(int count, char **arguments)
{
    writing w = {.length = 1000, .streams = 1};
    rnn_sampler_options o;
    const char *prompt = "";
    int64_t seed = 1, threads = 0;
    const option options[] = {
        {"--length", OPTION_WHOLE, &w.length, 1, 1 << 24},
        {"--several", OPTION_WHOLE, &w.streams, 1, 1 << 16},
        {"--prompt", OPTION_TEXT, &prompt, 0, 0},
        {"--stop", OPTION_TEXT, &w.stop, 0, 0},
        {"--temperature", OPTION_REAL, &o.temperature, 0, 1000},
        {"--top-k", OPTION_WHOLE, &o.top_k, 0, 1 << 24},
        {"--top-p", OPTION_REAL, &o.top_p, 0, 1},
        {"--min-p", OPTION_REAL, &o.min_p, 0, 1},
        {"--seed", OPTION_WHOLE, &seed, 0, INT64_MAX},
        {"--threads", OPTION_WHOLE, &threads, 0, 1024},
        {"--speed", OPTION_FLAG, &w.speed, 0, 0},
    };
    char **paths = allocate((size_t)(count + 1) * sizeof *paths);
    check(rnn_sampler_options_init(&o, sizeof o));
    o.temperature = 0.8;
    const command_line line = {"char_rnn sample --help", options, sizeof options / sizeof *options, NULL, NULL};
    int files = read_options(&line, count, arguments, paths);
    if (files >= 0 && files != 1)
        fail("sample needs one model; see char_rnn sample --help");
    if (w.stop && !*w.stop)
        fail("--stop is empty");
    if (files < 0) {
        help();
    } else {
        o.seed = (uint64_t)seed;
        check(rnn_set_threads((int32_t)threads));
        run(&w, paths[0], prompt, &o);
    }
    free(paths);
    return EXIT_SUCCESS;
}
