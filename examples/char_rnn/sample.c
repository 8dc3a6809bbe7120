/* sample.c: lets a model write. */
#include "char_rnn.h"

#include <stdlib.h>
#include <string.h>

enum { PIECE = 16 }; /* tokens that are drawn before they are shown */

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

/* Ids of the prompt; without one, a line's end if the vocabulary has it. */
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

/* How much of a text is to be shown: up to its stop, which may only have begun at the end. */
static size_t shown_length(const writing *w, const char *text, size_t size, bool last, bool *stopped)
{
    *stopped = false;
    if (!w->stop)
        return size;
    size_t length = strlen(w->stop);
    const char *found = strstr(text, w->stop);
    if (found) {
        *stopped = true;
        return (size_t)(found - text);
    }
    for (size_t part = last ? 0 : length - 1; part > 0; part--)
        if (size >= part && memcmp(text + size - part, w->stop, part) == 0)
            return size - part;
    return size;
}

/* Writes one text as it is drawn. Returns how many tokens were drawn. */
static int64_t write_live(const writing *w, const int32_t *prompt, int64_t prompt_steps)
{
    rnn_generate_options g;
    int32_t *ids = allocate((size_t)w->length * sizeof *ids);
    size_t shown = 0, size;
    int64_t drawn = 0;
    bool stopped = false;
    check(rnn_generate_options_init(&g, sizeof g));
    g.prompt = prompt_steps > 0 ? prompt : NULL;
    g.prompt_steps = prompt_steps;
    while (drawn < w->length && !stopped) {
        g.most = w->length - drawn < PIECE ? w->length - drawn : PIECE;
        check(rnn_generate(w->model, w->state, w->sampler, &g, ids + drawn, NULL, NULL));
        drawn += g.most;
        g.prompt = NULL;
        g.prompt_steps = 0;
        char *text = decode(w->vocab, ids, drawn, &size);
        size_t end = shown_length(w, text, size, drawn == w->length, &stopped);
        if (end > shown) {
            fwrite(text + shown, 1, end - shown, stdout);
            flush_output();
            shown = end;
        }
        free(text);
    }
    putchar('\n');
    free(ids);
    return drawn;
}

/* Writes several texts at once, and shows one after the other. */
static int64_t write_several(const writing *w, const int32_t *prompt, int64_t prompt_steps)
{
    rnn_generate_options g;
    size_t streams = (size_t)w->streams;
    int32_t *ids = allocate((size_t)w->length * streams * sizeof *ids),
            *own = allocate((size_t)w->length * sizeof *own);
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
        size_t size;
        bool stopped;
        for (int64_t t = 0; t < w->length; t++)
            own[t] = ids[(size_t)t * streams + b];
        char *text = decode(w->vocab, own, w->length, &size);
        size_t end = shown_length(w, text, size, true, &stopped);
        printf("--- %zu ---\n%s%.*s\n", b + 1, w->prompt, (int)end, text);
        free(text);
    }
    free(prompts);
    free(own);
    free(ids);
    return w->length * w->streams;
}

int command_sample(int count, char **arguments)
{
    writing w = {.length = 1000, .streams = 1};
    rnn_sampler_options o;
    const char *path = NULL, *prompt = "";
    int64_t threads = 0, steps;
    check(rnn_sampler_options_init(&o, sizeof o));
    o.temperature = 0.8;
    o.seed = 1;
    for (int i = 0; i < count; i++) {
        const char *a = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
        if (strcmp(a, "--help") == 0) {
            help();
            return EXIT_SUCCESS;
        }
        if (strcmp(a, "--speed") == 0) {
            w.speed = true;
            continue;
        }
        if (strncmp(a, "--", 2) != 0) {
            if (path)
                fail("sample takes one model; there is '%s', too", a);
            path = a;
            continue;
        }
        if (!value)
            fail("there is no option %s, or its value is missing; see char_rnn sample --help", a);
        if (strcmp(a, "--length") == 0)
            w.length = parse_whole(a, value, 1, 1 << 24);
        else if (strcmp(a, "--prompt") == 0)
            prompt = value;
        else if (strcmp(a, "--temperature") == 0)
            o.temperature = parse_real(a, value, 0, 1000);
        else if (strcmp(a, "--top-k") == 0)
            o.top_k = parse_whole(a, value, 0, 1 << 24);
        else if (strcmp(a, "--top-p") == 0)
            o.top_p = parse_real(a, value, 0, 1);
        else if (strcmp(a, "--min-p") == 0)
            o.min_p = parse_real(a, value, 0, 1);
        else if (strcmp(a, "--seed") == 0)
            o.seed = (uint64_t)parse_whole(a, value, 0, INT64_MAX);
        else if (strcmp(a, "--several") == 0)
            w.streams = parse_whole(a, value, 1, 1 << 16);
        else if (strcmp(a, "--stop") == 0)
            w.stop = value;
        else if (strcmp(a, "--threads") == 0)
            threads = parse_whole(a, value, 0, 1024);
        else
            fail("there is no option %s; see char_rnn sample --help", a);
        i++;
    }
    if (!path)
        fail("there is no model to sample from; see char_rnn sample --help");
    if (w.stop && !*w.stop)
        fail("--stop is empty");
    check(rnn_set_threads((int32_t)threads));
    load_writer(path, NULL, &w.model, &w.vocab);
    o.vocab = w.vocab; /* its unknown symbol is never drawn */
    w.prompt = read_prompt(prompt);
    int32_t *ids = encode_prompt(&w, &steps);
    check(rnn_sampler_create(&o, &w.sampler));
    check(rnn_state_create(w.model, w.streams, &w.state));
    double started = now();
    if (w.streams == 1)
        fputs(w.prompt, stdout);
    int64_t drawn = w.streams > 1 ? write_several(&w, ids, steps) : write_live(&w, ids, steps);
    flush_output();
    if (w.speed)
        fprintf(stderr, "%lld tokens, %.0f a second\n", (long long)drawn, (double)drawn / (now() - started));
    free(ids);
    free(w.prompt);
    rnn_state_destroy(w.state);
    rnn_sampler_destroy(w.sampler);
    rnn_vocab_destroy(w.vocab);
    rnn_model_destroy(w.model);
    return EXIT_SUCCESS;
}
