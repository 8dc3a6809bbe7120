/* settings.c: the settings of a training run: their options, their notes in the model, and their checks. */
#include "forecast.h"

#include <stdlib.h>
#include <string.h>

const char *const calendar_names[4] = {"month", "weekday", "hour", "season"};

int list_settings(settings *s, option o[MOST_SETTINGS])
{
    const option all[] = {
        {"--columns", OPTION_TEXT, &s->columns, 0, 0},
        {"--time", OPTION_TEXT, &s->time, 0, 0},
        {"--season", OPTION_WHOLE, &s->season, 1, 100000},
        {"--log", OPTION_FLAG, &s->log, 0, 0},
        {"--root", OPTION_FLAG, &s->root, 0, 0},
        {"--difference", OPTION_TEXT, &s->difference, 0, 0},
        {"--lags", OPTION_TEXT, &s->lags, 0, 0},
        {"--level", OPTION_FLAG, &s->level, 0, 0},
        {"--calendar", OPTION_TEXT, &s->calendar, 0, 0},
        {"--steps", OPTION_WHOLE, &s->steps, 1, 10000},
        {"--quantiles", OPTION_TEXT, &s->quantiles, 0, 0},
        {"--validation", OPTION_WHOLE, &s->validation, 1, 1000000000},
        {"--test", OPTION_WHOLE, &s->test, 0, 1000000000},
        {"--cell", OPTION_TEXT, &s->cell, 0, 0},
        {"--hidden", OPTION_WHOLE, &s->hidden, 1, 4096},
        {"--layers", OPTION_WHOLE, &s->layers, 1, 16},
        {"--updates", OPTION_WHOLE, &s->updates, 1, 100000000},
        {"--window", OPTION_WHOLE, &s->window, 8, 1000000},
        {"--streams", OPTION_WHOLE, &s->streams, 1, 4096},
        {"--learning-rate", OPTION_REAL, &s->learning_rate, 0, 1},
        {"--weight-decay", OPTION_REAL, &s->weight_decay, 0, 100},
        {"--seed", OPTION_WHOLE, &s->seed, 0, INT64_MAX},
    };
    memcpy(o, all, sizeof all);
    return sizeof all / sizeof *all;
}

settings default_settings(void)
{
    return (settings){.quantiles = "0.05,0.5,0.95",
                      .cell = "gru",
                      .season = 1,
                      .steps = 1,
                      .validation = -1,
                      .test = -1,
                      .hidden = 32,
                      .layers = 1,
                      .updates = 600,
                      .window = 128,
                      .streams = 8,
                      .seed = 1,
                      .learning_rate = 0.003,
                      .weight_decay = 0.1};
}

/* Copies the next part of a list with commas. Returns false at its end. */
static bool next_part(const char **list, char part[64], const char *name)
{
    if (!*list || !**list)
        return false;
    const size_t length = strcspn(*list, ",");
    if (length == 0 || length >= 64)
        fail("%s has an empty or long part; write a list such as 1,12", name);
    memcpy(part, *list, length);
    part[length] = '\0';
    *list += length;
    if (**list == ',' && *++*list == '\0')
        fail("%s ends with a comma", name);
    return true;
}

static int parse_list(const char *name, const char *text, int64_t list[MOST_LIST])
{
    char part[64];
    int count = 0;
    while (next_part(&text, part, name)) {
        if (count == MOST_LIST)
            fail("%s has more than %d numbers", name, MOST_LIST);
        list[count++] = parse_whole(name, part, 1, 100000);
    }
    return count;
}

static void parse_calendar(settings *s)
{
    static const int64_t sizes[] = {12, 7, 24};
    const char *text = s->calendar;
    char part[64];
    while (next_part(&text, part, "--calendar")) {
        int k = 0;
        while (k <= CALENDAR_SEASON && strcmp(part, calendar_names[k]) != 0)
            k++;
        if (k > CALENDAR_SEASON || s->calendar_count == MOST_LIST)
            fail("--calendar has '%s'; it takes month, weekday, hour and season", part);
        if (k == CALENDAR_SEASON && s->season == 1)
            fail("--calendar season needs --season");
        s->calendar_parts[s->calendar_count++] = k;
        s->inputs += k == CALENDAR_SEASON ? s->season : sizes[k];
    }
}

static void parse_quantiles(settings *s)
{
    const char *text = s->quantiles;
    char part[64], *end;
    bool median = false;
    while (next_part(&text, part, "--quantiles")) {
        const double q = strtod(part, &end), before = s->quantile_count ? s->quantile_list[s->quantile_count - 1] : 0;
        if (*end != '\0' || !(q > 0 && q < 1))
            fail("--quantiles has '%s'; each must be a number greater than 0 and less than 1", part);
        if (q <= before)
            fail("--quantiles has %s after %g; they must rise", part, before);
        if (s->quantile_count == MOST_QUANTILES)
            fail("--quantiles has more than %d numbers", MOST_QUANTILES);
        s->quantile_list[s->quantile_count++] = q;
        median = median || q == 0.5;
    }
    if (!median || s->quantile_list[0] == 0.5 || s->quantile_list[s->quantile_count - 1] == 0.5)
        fail("--quantiles is '%s'; it needs 0.5, which is the forecast, and one on either side", s->quantiles);
}

void parse_settings(settings *s)
{
    s->difference_count = parse_list("--difference", s->difference, s->differences);
    s->lag_count = parse_list("--lags", s->lags, s->lag_list);
    for (int i = 0; i < s->difference_count; i++)
        s->reach += s->differences[i];
    s->inputs = 2 + 2 * s->lag_count + s->level;
    if (s->log && s->root)
        fail("--log and --root exclude each other");
    parse_calendar(s);
    parse_quantiles(s);
    if (strcmp(s->cell, "gru") != 0 && strcmp(s->cell, "lstm") != 0 && strcmp(s->cell, "tanh") != 0)
        fail("--cell is '%s'; it must be one of tanh, gru, lstm", s->cell);
}

char *note_key(const char *name)
{
    static const char prefix[] = "forecast.";
    char *key = allocate(sizeof prefix + strlen(name));
    return strcat(strcpy(key, prefix), name);
}

static void format_setting(const option *o, char *text, size_t size)
{
    if (o->kind == OPTION_TEXT)
        snprintf(text, size, "%s", *(const char **)o->value ? *(const char **)o->value : "");
    else if (o->kind == OPTION_REAL)
        snprintf(text, size, "%.17g", *(double *)o->value);
    else
        snprintf(text, size, "%lld",
                 o->kind == OPTION_FLAG ? (long long)*(bool *)o->value : (long long)*(int64_t *)o->value);
}

enum { SETTING_SIZE = 65536 };

void write_settings(const settings *s, rnn_model *model)
{
    settings copy = *s;
    option o[MOST_SETTINGS];
    const int count = list_settings(&copy, o);
    char *text = allocate(SETTING_SIZE);
    for (int i = 0; i < count; i++) {
        char *key = note_key(o[i].name + 2);
        format_setting(&o[i], text, SETTING_SIZE);
        check(rnn_model_set_note(model, key, text));
        free(key);
    }
    free(text);
}

/* Returns the note of a setting. */
static const char *find_setting(const rnn_model *model, const option *o, const char *path)
{
    char *key = note_key(o->name + 2);
    const char *note = rnn_model_note(model, key);
    free(key);
    if (!note)
        fail("%s isn't a model of forecast train; its notes say nothing of %s", path, o->name);
    return note;
}

void compare_settings(const settings *s, const rnn_model *model, const char *path)
{
    settings copy = *s;
    option o[MOST_SETTINGS];
    const int count = list_settings(&copy, o);
    char *text = allocate(SETTING_SIZE);
    for (int i = 0; i < count; i++) {
        const char *kept = find_setting(model, &o[i], path);
        format_setting(&o[i], text, SETTING_SIZE);
        if (strcmp(text, kept) != 0)
            fail("%s was '%s' in the run that %s is of, and is '%s' now; resume with the same command", o[i].name, kept,
                 path, text);
    }
    free(text);
}

bool model_fits(const rnn_model *model, const settings *s)
{
    rnn_model_options options = {.struct_size = sizeof options};
    check(rnn_model_get_options(model, &options));
    return options.input == RNN_INPUT_VECTORS && options.precision == RNN_FLOAT32 && !options.bidirectional &&
           options.input_size == s->inputs && options.output_size == s->steps * s->quantile_count;
}

rnn_model *load_model(const char *path, settings *s)
{
    rnn_model *model;
    option o[MOST_SETTINGS];
    *s = default_settings();
    const int count = list_settings(s, o);
    check(rnn_model_load(path, NULL, &model, NULL));
    for (int i = 0; i < count; i++) {
        const char *note = find_setting(model, &o[i], path);
        if (o[i].kind == OPTION_TEXT)
            *(const char **)o[i].value = *note ? note : NULL;
        else if (o[i].kind == OPTION_REAL)
            *(double *)o[i].value = parse_real(o[i].name, note, (double)o[i].least, (double)o[i].most);
        else if (o[i].kind == OPTION_FLAG)
            *(bool *)o[i].value = parse_whole(o[i].name, note, 0, 1) == 1;
        else
            *(int64_t *)o[i].value = strcmp(note, "-1") == 0 ? -1 : parse_whole(o[i].name, note, o[i].least, o[i].most);
    }
    if (!s->quantiles || !s->cell || s->season < 1 || s->steps < 1)
        fail("%s isn't a model of forecast train; a note is damaged", path);
    parse_settings(s);
    if (!model_fits(model, s))
        fail("%s isn't a model of forecast train; its inputs or outputs don't fit its notes", path);
    return model;
}
