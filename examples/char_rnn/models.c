/* models.c: shows what a model is, and averages several models. */
#include "char_rnn.h"

#include <stdlib.h>
#include <string.h>

static void print_history(const char *history)
{
    static const char title[] = "      tokens  training  validation";
    int lines = 0, every;
    for (const char *c = history; *c; c++)
        lines += *c == '\n';
    every = lines > 20 ? lines / 20 : 1;
    printf("\nhistory, in nats:\n%s\n", title);
    for (int n = 1; *history; n++) {
        char *at, *end;
        const long long tokens = strtoll(history, &at, 10);
        const double training = strtod(at, &at), validation = strtod(at, &end);
        if (end > at && (n % every == 0 || n == lines))
            printf("%12lld  %8.4f  %10.4f\n", tokens, training, validation);
        history += strcspn(history, "\n");
        history += *history == '\n';
    }
}

static void print_options(const rnn_model *model, const rnn_vocab *vocab)
{
    static const char *const cells[] = {"tanh", "gru", "lstm"}, *const kinds[] = {"bytes", "code points", "words"};
    rnn_model_options o;
    int64_t total = 0;
    check(rnn_model_options_init(&o, sizeof o));
    check(rnn_model_get_options(model, &o));
    printf("%s, %lld layer%s of %lld units, %lld %s\n", cells[o.cell], (long long)o.layers, o.layers == 1 ? "" : "s",
           (long long)o.hidden_size, (long long)rnn_vocab_size(vocab), kinds[rnn_vocab_kind(vocab)]);
    printf("\nparameters:\n");
    for (int64_t i = 0; i < rnn_model_parameter_count(model); i++) {
        rnn_parameter p;
        check(rnn_parameter_init(&p, sizeof p));
        check(rnn_model_describe_parameter(model, i, &p));
        printf("    %-24s %lld", p.name, (long long)p.shape[0]);
        if (p.rank == 2)
            printf(" x %lld", (long long)p.shape[1]);
        putchar('\n');
        total += p.count;
    }
    printf("    %-24s %lld\n", "all", (long long)total);
}

/* Prints the notes that char_rnn didn't write. */
static void print_notes(const rnn_model *model)
{
    for (int64_t i = 0; i < rnn_model_note_count(model); i++) {
        const char *key, *value;
        check(rnn_model_note_at(model, i, &key, &value));
        if (strcmp(key, NOTE_SETTINGS) != 0 && strcmp(key, NOTE_HISTORY) != 0)
            printf("\nnote %s: %s\n", key, value);
    }
}

static void print_info(const char *path, bool configuration)
{
    rnn_model *model;
    rnn_vocab *vocab;
    load_writer(path, NULL, &model, &vocab);
    const char *all = rnn_model_note(model, NOTE_SETTINGS), *history = rnn_model_note(model, NOTE_HISTORY);
    if (configuration && !all)
        fail("%s wasn't trained by char_rnn: it has no settings", path);
    if (configuration) {
        fputs(all, stdout);
    } else {
        print_options(model, vocab);
        if (all)
            printf("\nsettings:\n%s", all);
        if (history && *history)
            print_history(history);
        print_notes(model);
    }
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
}

int command_info(int count, char **arguments)
{
    bool configuration = false;
    const option options[] = {{"--config", OPTION_FLAG, &configuration, 0, 0}};
    char **paths = allocate((size_t)(count + 1) * sizeof *paths);
    const command_line line = {"char_rnn info --help", options, sizeof options / sizeof *options, NULL, NULL};
    int files = read_options(&line, count, arguments, paths);
    if (files >= 0 && files != 1)
        fail("info needs one model; see char_rnn info --help");
    if (files < 0)
        puts("usage: char_rnn info MODEL [--config]\n\n"
             "Shows what a model is, how it was trained, and its notes. With --config it prints only the\n"
             "settings, in the form that char_rnn train --config reads.");
    else
        print_info(paths[0], configuration);
    flush_output();
    free(paths);
    return EXIT_SUCCESS;
}

static bool same_vocab(const rnn_vocab *a, const rnn_vocab *b)
{
    if (rnn_vocab_kind(a) != rnn_vocab_kind(b) || rnn_vocab_size(a) != rnn_vocab_size(b))
        return false;
    for (int32_t id = 0; id < rnn_vocab_size(a); id++) {
        const char *symbol_a, *symbol_b;
        size_t size_a, size_b;
        check(rnn_vocab_symbol(a, id, &symbol_a, &size_a));
        check(rnn_vocab_symbol(b, id, &symbol_b, &size_b));
        if (size_a != size_b || memcmp(symbol_a, symbol_b, size_a) != 0)
            return false;
    }
    return true;
}

static void average_models(char **paths, int files, const char *out)
{
    rnn_model *average, *next;
    rnn_vocab *vocab, *its_vocab;
    load_writer(paths[0], NULL, &average, &vocab);
    for (int i = 1; i < files; i++) {
        load_writer(paths[i], NULL, &next, &its_vocab);
        if (!same_vocab(vocab, its_vocab))
            fail("%s and %s have different vocabularies; average models of the same text", paths[0], paths[i]);
        check(rnn_model_average(average, next, 1.0 / (i + 1)));
        rnn_vocab_destroy(its_vocab);
        rnn_model_destroy(next);
    }
    check(rnn_model_set_note(average, NOTE_HISTORY, NULL));
    check(rnn_model_save(average, vocab, out));
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(average);
}

int command_average(int count, char **arguments)
{
    const char *out = NULL;
    const option options[] = {{"--out", OPTION_TEXT, &out, 0, 0}};
    char **paths = allocate((size_t)(count + 1) * sizeof *paths);
    const command_line line = {"char_rnn average --help", options, sizeof options / sizeof *options, NULL, NULL};
    int files = read_options(&line, count, arguments, paths);
    if (files >= 0 && (files < 2 || !out))
        fail("average needs two models or more, and --out; see char_rnn average --help");
    if (files < 0)
        puts("usage: char_rnn average MODEL MODEL... --out MODEL\n\n"
             "Computes the mean of models that were trained from the same beginning: of several resumed\n"
             "runs, or several times of one. It often generalises better than each of them.");
    else
        average_models(paths, files, out);
    flush_output();
    free(paths);
    return EXIT_SUCCESS;
}
