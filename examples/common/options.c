/* options.c: reads command lines from a table of options. */
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int64_t parse_whole(const char *name, const char *text, int64_t least, int64_t most)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || value < least || value > most)
        fail("%s is '%s'; it must be a whole number from %lld to %lld", name, text, (long long)least, (long long)most);
    return value;
}

double parse_real(const char *name, const char *text, double least, double most)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= least && value <= most))
        fail("%s is '%s'; it must be a number from %g to %g", name, text, least, most);
    return value;
}

static const option *find(const option *options, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static void set(const option *o, const char *text)
{
    switch (o->kind) {
    case OPTION_FLAG:
        *(bool *)o->value = true;
        break;
    case OPTION_TEXT:
        *(const char **)o->value = text;
        break;
    case OPTION_WHOLE:
        *(int64_t *)o->value = parse_whole(o->name, text, o->least, o->most);
        break;
    case OPTION_REAL:
        *(double *)o->value = parse_real(o->name, text, (double)o->least, (double)o->most);
        break;
    }
}

int read_options(const command_line *line, int count, char **arguments, char **operands)
{
    int operand_count = 0;
    bool options = true; /* until "--" */
    for (int i = 0; i < count; i++) {
        int used = options && line->take ? line->take(line->context, count - i, arguments + i) : 0;
        if (used > 0) {
            i += used - 1;
            continue;
        }
        if (!options || arguments[i][0] != '-' || strcmp(arguments[i], "-") == 0) {
            operands[operand_count++] = arguments[i];
            continue;
        }
        if (strcmp(arguments[i], "--") == 0) {
            options = false;
            continue;
        }
        if (strcmp(arguments[i], "--help") == 0)
            return -1;
        const option *o = find(line->options, line->option_count, arguments[i]);
        if (!o)
            fail("there is no option %s; see %s", arguments[i], line->help);
        if (o->kind != OPTION_FLAG && ++i == count)
            fail("%s needs a value; see %s", o->name, line->help);
        set(o, arguments[i]);
    }
    return operand_count;
}
