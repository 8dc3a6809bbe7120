/* settings.c: the table of all settings, the command line, the configuration file, and the note in a model. */
#include "char_rnn.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { WHOLE, REAL, CHOICE, SWITCH } kind;

typedef struct entry {
    const char *name;
    kind kind;
    double initial, least, most;
    const char *help;       /* with the default, where it is a number */
    const char *choices[6]; /* of a CHOICE, by number */
    bool may_change;        /* by a resumed run */
} entry;

#define AUTO (double)AUTOMATIC
#define SIZE_MOST (1 << 20)

static const entry table[SETTINGS] = {
    [SET_CELL] = {"cell", CHOICE, RNN_CELL_GRU, 0, 2, .help = "the recurrence: tanh, gru (the default) or lstm",
                  .choices = {"tanh", "gru", "lstm"}},
    [SET_LAYERS] = {"layers", WHOLE, 1, 1, 1024, .help = "stacked layers; default 1"},
    [SET_HIDDEN] = {"hidden", WHOLE, AUTO, 1, SIZE_MOST,
                    .help =
                        "hidden units of a layer; default: by the text's size, and by what --minutes can train here"},
    [SET_EMBEDDING] =
        {"embedding", WHOLE, AUTO, 0, SIZE_MOST,
         .help = "size of a learned embedding, 0 for none; default: 0 up to 500 symbols, else half of hidden"},
    [SET_TOKENS] = {"tokens", CHOICE, AUTO, 0, 2,
                    .help =
                        "what the model reads: bytes, utf8 (code points) or words; default: utf8 if the text has other "
                        "than ASCII, else bytes",
                    .choices = {"bytes", "utf8", "words"}},
    [SET_WORDS] = {"words", WHOLE, 10000, 1, 1 << 24,
                   .help = "with --tokens words: how many words are known; default 10000"},
    [SET_DROPOUT] = {"dropout", REAL, 0, 0, 0.99, .help = "dropout between layers; default 0"},
    [SET_DROPOUT_INPUT] = {"dropout-input", REAL, 0, 0, 0.99, .help = "dropout of the embedding; default 0"},
    [SET_DROPOUT_OUTPUT] =
        {"dropout-output", REAL, AUTO, 0, 0.99,
         .help = "dropout of the last layer's output; default 0.1 or, from 300 units, 0.15; 0 for texts over 20 MB"},
    [SET_DROPOUT_RECURRENT] = {"dropout-recurrent", REAL, 0, 0, 0.99,
                               .help = "dropout of the candidate of gru and lstm; default 0"},
    [SET_DROPOUT_PER_CHUNK] = {"dropout-per-chunk", SWITCH, 0, 0, 1,
                               .help = "1: drop the same units in all steps of a chunk; default 0"},
    [SET_LAYER_NORM] = {"layer-norm", SWITCH, 0, 0, 1, .help = "1: layer normalisation; default 0"},
    [SET_PRECISION] = {"precision", CHOICE, RNN_FLOAT32, 0, 1, .help = "float32 (the default) or float64",
                       .choices = {"float32", "float64"}},
    [SET_SEED] = {"seed", WHOLE, 1, 0, 9e15, .help = "of initial values, dropout and samples; default 1"},
    [SET_STREAMS] = {"streams", WHOLE, AUTO, 1, SIZE_MOST,
                     .help =
                         "parts of the text that are read side by side; default 16 or, from 300 units, 32; fewer for "
                         "a short text"},
    [SET_SEQUENCE] = {"sequence", WHOLE, AUTO, 1, 1 << 24,
                      .help = "steps that gradients go back; default 64, fewer for a short text"},
    [SET_OPTIMIZER] = {"optimizer", CHOICE, RNN_OPTIMIZER_ADAMW, 0, 4,
                       .help = "adagrad, sgd, rmsprop, adam or adamw (the default)",
                       .choices = {"adagrad", "sgd", "rmsprop", "adam", "adamw"}},
    [SET_LEARNING_RATE] = {"learning-rate", REAL, AUTO, 0, 1e6,
                           .help = "at its highest; default: by the size of the network"},
    [SET_SCHEDULE] = {"schedule", CHOICE, AUTO, 0, 2,
                      .help =
                          "of the learning rate: constant, cosine (to 2 % at the end of the budget) or plateau (halved "
                          "when validation stops falling); default: cosine with a budget, else plateau",
                      .choices = {"constant", "cosine", "plateau"}},
    [SET_WARMUP] = {"warmup", WHOLE, 100, 1, 1 << 30, .help = "steps in which the learning rate rises; default 100"},
    [SET_CLIP] = {"clip", REAL, 1, 0, 1e6, .help = "limit of the gradients' norm, 0 for none; default 1"},
    [SET_WEIGHT_DECAY] =
        {"weight-decay", REAL, AUTO, 0, 1e6,
         .help = "of adam's and other rules' weights; default 0.05 or, from 300 units, 0.1 with adamw; else 0"},
    [SET_BETA2] = {"beta2", REAL, 0.99, 0, 0.999999, .help = "of rmsprop, adam and adamw; default 0.99"},
    [SET_AVERAGING] = {"averaging", REAL, 0, 0, 0.999999,
                       .help = "decay of a running average of the model, such as 0.999, which is then the one that is "
                               "validated and kept; default 0: no average"},
    [SET_VALIDATION] = {"validation", REAL, AUTO, 0.0001, 0.9,
                        .help =
                            "the share of the text's end that is kept for validation; default 0.1, but 1 MB at most"},
    [SET_MINUTES] = {"minutes", REAL, 0, 0, 1e6, .help = "budget: minutes of training", .may_change = true},
    [SET_EPOCHS] = {"epochs", REAL, 0, 0, 1e9, .help = "budget: passes over the text", .may_change = true},
    [SET_BUDGET] = {"budget", WHOLE, 0, 0, 9e15, .help = "budget: tokens to train on", .may_change = true},
    [SET_PATIENCE] = {"patience", WHOLE, 4, 1, 1000,
                      .help = "validations without a better one until the rate is halved (plateau); default 4",
                      .may_change = true},
    [SET_THREADS] = {"threads", WHOLE, 0, 0, 1024,
                     .help = "threads to compute with; default: as many as there are processors", .may_change = true},
    [SET_SAMPLE] = {"sample", WHOLE, 200, 0, SIZE_MOST,
                    .help = "characters or words to write after a better validation, 0 for none; default 200",
                    .may_change = true},
};

static bool is_real(setting which)
{
    return table[which].kind == REAL;
}

bool setting_equals(setting which, setting_value a, setting_value b)
{
    return table[which].kind == REAL ? a.real == b.real : a.whole == b.whole;
}

bool setting_may_change(setting which)
{
    return table[which].may_change;
}

const char *setting_name(setting which)
{
    return table[which].name;
}

void settings_init(settings *s)
{
    *s = (settings){0};
    for (int i = 0; i < SETTINGS; i++)
        if (is_real((setting)i))
            s->value[i].real = table[i].initial;
        else
            s->value[i].whole = (int64_t)table[i].initial;
}

static int64_t parse_choice(const entry *e, const char *name, const char *text)
{
    char all[128] = "";
    for (int i = 0; i < 6 && e->choices[i]; i++) {
        if (strcmp(text, e->choices[i]) == 0)
            return i;
        strcat(strcat(all, i > 0 ? ", " : ""), e->choices[i]);
    }
    fail("%s is '%s'; it must be one of %s", name, text, all);
}

static void set(settings *s, setting which, const char *name, const char *text)
{
    const entry *e = &table[which];
    if (is_real(which))
        s->value[which].real = parse_real(name, text, e->least, e->most);
    else if (e->kind == CHOICE)
        s->value[which].whole = parse_choice(e, name, text);
    else
        s->value[which].whole = parse_whole(name, text, (int64_t)e->least, (int64_t)e->most);
    s->given[which] = true;
}

static int find(const char *name, size_t length)
{
    for (int i = 0; i < SETTINGS; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0)
            return i;
    return -1;
}

int settings_take(void *s, int count, char **arguments)
{
    if (strncmp(arguments[0], "--", 2) != 0)
        return 0;
    int which = find(arguments[0] + 2, strlen(arguments[0] + 2));
    if (which < 0)
        return 0;
    if (count < 2)
        fail("%s needs a value: %s", arguments[0], table[which].help);
    set(s, (setting)which, arguments[0], arguments[1]);
    return 2;
}

void settings_read_text(settings *s, const char *text, const char *source)
{
    for (int line = 1; *text; line++) {
        char name[64] = "", value[64] = "", place[256];
        size_t length = strcspn(text, "\n");
        int fields = 0;
        if (length > 0 && *text != '#') {
            char copy[200];
            snprintf(copy, sizeof copy, "%.*s", (int)length, text);
            fields = sscanf(copy, "%63s %63s", name, value);
        }
        snprintf(place, sizeof place, "%s in line %d of %.100s", name, line, source);
        if (fields > 0) {
            int which = find(name, strlen(name));
            if (which < 0 || fields < 2)
                fail("line %d of %s is '%.*s'; it must be the name of a setting and its value", line, source,
                     (int)length, text);
            set(s, (setting)which, place, value);
        }
        text += length + (text[length] == '\n');
    }
}

void settings_read_file(settings *s, const char *path)
{
    enum { MOST = 1 << 16 };
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("can't open %s: %s", path, strerror(errno));
    char *text = allocate(MOST + 1);
    size_t size = fread(text, 1, MOST, file);
    if (ferror(file))
        fail("can't read %s: %s", path, strerror(errno));
    fclose(file);
    if (size == MOST || strlen(text) != size)
        fail("%s is no configuration file; it must have lines such as 'hidden 256'", path);
    settings_read_text(s, text, path);
    free(text);
}

/* Prints the shortest text that reads back as the same number. */
static void print_real(char *text, size_t size, double number)
{
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, number);
        if (strtod(text, NULL) == number)
            return;
    }
}

char *settings_to_text(const settings *s)
{
    enum { LINE = 100 };
    char *text = allocate((size_t)SETTINGS * LINE);
    size_t used = 0;
    for (int i = 0; i < SETTINGS; i++) {
        const entry *e = &table[i];
        char value[40];
        if (is_real((setting)i))
            print_real(value, sizeof value, s->value[i].real);
        else if (e->kind == CHOICE && s->value[i].whole >= 0)
            snprintf(value, sizeof value, "%s", e->choices[s->value[i].whole]);
        else
            snprintf(value, sizeof value, "%lld", (long long)s->value[i].whole);
        used += (size_t)snprintf(text + used, LINE, "%s %s\n", e->name, value);
    }
    return text;
}

void settings_override(settings *s, const settings *by)
{
    for (int i = 0; i < SETTINGS; i++) {
        if (!by->given[i])
            continue;
        s->value[i] = by->value[i];
        s->given[i] = true;
    }
}

void settings_help(FILE *out)
{
    for (int i = 0; i < SETTINGS; i++)
        fprintf(out, "    --%-18s %s\n", table[i].name, table[i].help);
}
