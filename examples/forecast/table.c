/* table.c: reads series and their times from CSV files. */
#include "forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double LARGEST_VALUE = 1e100; /* the sums of squares of larger ones could overflow */

/* A file's cells: all text is in `text`, and each cell is a string in it. */
typedef struct table {
    const char *path;
    char *text;
    char **cells;   /* [rows][columns]; the first row has the names */
    int64_t *lines; /* [rows] the line on which each begins */
    int64_t rows, columns;
} table;

static char *read_text(const char *path, size_t *size)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t capacity = 1 << 16;
    char *text = malloc(capacity);
    if (!file)
        fail("can't read %s: %s", path, strerror(errno));
    *size = 0;
    while (text) {
        const size_t found = fread(text + *size, 1, capacity - *size - 1, file);
        if (memchr(text + *size, '\0', found)) /* such a file may have no end */
            fail("%s has a zero byte; it must be a text in CSV", path);
        *size += found;
        if (*size < capacity - 1)
            break;
        char *larger = realloc(text, capacity *= 2);
        if (!larger)
            free(text);
        text = larger;
    }
    if (!text)
        fail("there is no memory for %s", path);
    if (ferror(file))
        fail("can't read %s: %s", path, strerror(errno));
    if (file != stdin)
        fclose(file);
    text[*size] = '\0';
    return text;
}

/* Returns which of comma, semicolon and tab occurs most often in the first line. */
static char find_separator(const char *line)
{
    size_t counts[3] = {0};
    const char kinds[] = ",;\t";
    int most = 0;
    for (; *line && *line != '\n'; line++)
        for (int k = 0; k < 3; k++)
            counts[k] += *line == kinds[k];
    for (int k = 1; k < 3; k++)
        if (counts[k] > counts[most])
            most = k;
    return kinds[most];
}

/* Reads one cell at *at, in place, and moves *at behind it and its separator. Returns whether the row ends there. */
static bool read_cell(table *t, char **at, char separator, int64_t *line, char **cell)
{
    const int64_t begun = *line;
    char *from = *at, *to = *at;
    while (*from == ' ')
        from++;
    *cell = to;
    if (*from == '"') {
        for (from++; *from != '"' || from[1] == '"'; *to++ = *from++) {
            if (*from == '\0')
                fail("%s, line %lld: a quote isn't closed", t->path, (long long)begun);
            *line += *from == '\n';
            from += *from == '"'; /* a quote within quotes is doubled */
        }
        for (from++; *from == ' ' || *from == '\r';)
            from++;
        if (*from && *from != separator && *from != '\n')
            fail("%s, line %lld: there is text after a closing quote", t->path, (long long)*line);
    } else {
        while (*from && *from != separator && *from != '\n')
            *to++ = *from++;
        while (to > *cell && (to[-1] == ' ' || to[-1] == '\r'))
            to--;
    }
    const char end = *from;
    *at = end ? from + 1 : from;
    *to = '\0';
    *line += end == '\n';
    return end != separator;
}

static void add_row(table *t, char **cells, int64_t count, int64_t line)
{
    if (t->rows == 0)
        t->columns = count;
    if (count != t->columns)
        fail("%s, line %lld has %lld cells, but the header has %lld", t->path, (long long)line, (long long)count,
             (long long)t->columns);
    memcpy(t->cells + t->rows * t->columns, cells, (size_t)count * sizeof *cells);
    t->lines[t->rows++] = line;
}

static void read_table(table *t, const char *path)
{
    size_t size, lines = 2;
    *t = (table){.path = path, .text = read_text(path, &size)};
    char *at = t->text + (strncmp(t->text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
    int64_t line = 1;
    while (*at == '#' || *at == '\n' || *at == '\r') { /* comments and empty lines */
        at += strcspn(at, "\n");
        at += *at == '\n';
        line++;
    }
    const char separator = find_separator(at);
    for (const char *c = at; *c; c++)
        lines += *c == '\n' || *c == separator; /* at least as many as there are cells */
    t->cells = allocate(lines * sizeof *t->cells);
    t->lines = allocate(lines * sizeof *t->lines);
    char **row = allocate(lines * sizeof *row);
    while (*at) {
        const int64_t begun = line;
        int64_t count = 0;
        if (*at == '\n' || *at == '#' || strncmp(at, "\r\n", 2) == 0) {
            at += strcspn(at, "\n");
            at += *at == '\n';
            line++;
            continue;
        }
        for (bool last = false; !last; count++)
            last = read_cell(t, &at, separator, &line, &row[count]);
        add_row(t, row, count, begun);
    }
    free(row);
    if (t->rows == 0)
        fail("%s is empty; its first line must have the names of the columns", path);
    if (t->rows == 1)
        fail("%s has a header, but no rows below it", path);
}

static int64_t find_column(const table *t, const char *name, size_t length)
{
    for (int64_t c = 0; c < t->columns; c++)
        if (strlen(t->cells[c]) == length && strncmp(t->cells[c], name, length) == 0)
            return c;
    fail("%s has no column '%.*s'; its first column is '%s'", t->path, (int)length, name, t->cells[0]);
}

/* Returns the value of a cell, NaN if it is missing. */
static double read_value(const table *t, int64_t row, int64_t column)
{
    static const char *const missing[] = {"", "NA", "N/A", "NaN", "nan", "null", "?"};
    const char *text = t->cells[row * t->columns + column];
    char *end;
    for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
        if (strcmp(text, missing[i]) == 0)
            return NAN;
    const double value = strtod(text, &end);
    if (*end != '\0')
        fail("%s, line %lld: '%s' in column '%s' isn't a number", t->path, (long long)t->lines[row], text,
             t->cells[column]);
    if (!isfinite(value))
        fail("%s, line %lld: '%s' in column '%s' isn't finite", t->path, (long long)t->lines[row], text,
             t->cells[column]);
    if (fabs(value) > LARGEST_VALUE)
        fail("%s, line %lld: '%s' in column '%s' is too large; the largest value is %g", t->path,
             (long long)t->lines[row], text, t->cells[column], LARGEST_VALUE);
    return value;
}

/* ---- Times ---- */

/* Days from 1970-01-01 to a date of the Gregorian calendar */
static int64_t count_days(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    const int64_t age = year / 400, of_age = year % 400, of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return age * 146097 + of_age * 365 + of_age / 4 - of_age / 100 + of_year - 719468;
}

static void find_date(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    const int64_t age = days / 146097, of_age = days % 146097;
    const int64_t years = (of_age - of_age / 1460 + of_age / 36524 - of_age / 146096) / 365;
    const int64_t of_year = of_age - (365 * years + years / 4 - years / 100), shifted = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * shifted + 2) / 5 + 1);
    *month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    *year = years + age * 400 + (*month <= 2);
}

typedef struct moment {
    int parts; /* how many numbers the text has: 1 for a number, 2 for a month, 3 for a date, 5 or 6 with a time */
    double number;
    int64_t month, seconds;
    int day;
} moment;

static moment read_moment(const table *t, int64_t row, int64_t column)
{
    const char *text = t->cells[row * t->columns + column];
    int year, month, day = 1, hour = 0, minute = 0, second = 0, end = 0, length = (int)strlen(text);
    char *rest;
    moment m = {.parts = 1, .number = strtod(text, &rest)};
    if (length > 0 && *rest == '\0' && fabs(m.number) < 1e15)
        return m;
    // NOLINTNEXTLINE(cert-err34-c): the widths leave no room for an overflow
    m.parts = sscanf(text, "%4d-%2d%n-%2d%n%*1[ T]%2d:%2d%n:%2d%n", &year, &month, &end, &day, &end, &hour, &minute,
                     &end, &second, &end);
    if (m.parts < 2 || m.parts == 4 || end != length || year < 1 || month < 1 || month > 12 || day < 1 || day > 31 ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        fail("%s, line %lld: '%s' isn't a time; write 1949, 1949-01, 1949-01-31 or 1949-01-31 23:59", t->path,
             (long long)t->lines[row], text);
    m.month = (int64_t)year * 12 + month - 1;
    m.seconds = ((count_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    m.day = day;
    return m;
}

static double moment_in(const moment *m, time_unit unit)
{
    return unit == TIME_NUMBERS ? m->number : unit == TIME_MONTHS ? (double)m->month : (double)m->seconds;
}

/* Finds the unit in which the times advance by equal steps. */
static timeline read_times(const table *t, int64_t column)
{
    timeline line = {.unit = TIME_ROWS, .first = 1, .step = 1};
    const int64_t count = t->rows - 1;
    if (column < 0)
        return line;
    moment *all = allocate((size_t)count * sizeof *all);
    bool same_day = true;
    for (int64_t i = 0; i < count; i++) {
        all[i] = read_moment(t, i + 1, column);
        if (all[i].parts != all[0].parts)
            fail("%s, line %lld: '%s' isn't a time of the same form as the first", t->path, (long long)t->lines[i + 1],
                 t->cells[(i + 1) * t->columns + column]);
        same_day = same_day && all[i].day == all[0].day;
    }
    line.unit = all[0].parts == 1 ? TIME_NUMBERS : TIME_SECONDS;
    if (all[0].parts <= 3 && same_day && count > 1 && all[1].month != all[0].month)
        line.unit = TIME_MONTHS;
    line.day = all[0].parts == 3 ? all[0].day : 0;
    line.clock = all[0].parts > 3 ? all[0].parts - 3 : 0;
    line.first = moment_in(&all[0], line.unit);
    line.step = count > 1 ? moment_in(&all[1], line.unit) - line.first : 1;
    for (int64_t i = 1; i < count; i++) {
        const double step = moment_in(&all[i], line.unit) - moment_in(&all[i - 1], line.unit);
        if (!(step > 0) || fabs(step - line.step) > 1e-6 * line.step)
            fail("%s, line %lld: '%s' isn't one step after the time before; write a row for each time, with an empty "
                 "cell where the value is missing",
                 t->path, (long long)t->lines[i + 1], t->cells[(i + 1) * t->columns + column]);
    }
    free(all);
    return line;
}

void format_time(const timeline *line, int64_t index, char label[LABEL_SIZE])
{
    const double at = line->first + (double)index * line->step;
    const int64_t whole = (int64_t)floor(at);
    if (line->unit == TIME_ROWS || line->unit == TIME_NUMBERS) {
        snprintf(label, LABEL_SIZE, "%.10g", at);
    } else if (line->unit == TIME_MONTHS) {
        int used = snprintf(label, LABEL_SIZE, "%04lld-%02d", (long long)(whole / 12), (int)(whole % 12 + 1));
        if (line->day)
            snprintf(label + used, (size_t)(LABEL_SIZE - used), "-%02d", line->day);
    } else {
        const int64_t days = (whole - (whole % 86400 + 86400) % 86400) / 86400, of_day = whole - days * 86400;
        int64_t year;
        int month, day;
        find_date(days, &year, &month, &day);
        int used = snprintf(label, LABEL_SIZE, "%04lld-%02d-%02d", (long long)year, month, day);
        if (line->clock)
            used += snprintf(label + used, (size_t)(LABEL_SIZE - used), " %02d:%02d", (int)(of_day / 3600),
                             (int)(of_day / 60 % 60));
        if (line->clock == 3)
            snprintf(label + used, (size_t)(LABEL_SIZE - used), ":%02d", (int)(of_day % 60));
    }
}

int time_part(const timeline *line, int64_t index, int part)
{
    const int64_t at = (int64_t)floor(line->first + (double)index * line->step);
    const int64_t days = (at - (at % 86400 + 86400) % 86400) / 86400;
    int64_t year;
    int month, day;
    if (line->unit == TIME_MONTHS)
        return (int)(at % 12);
    find_date(days, &year, &month, &day);
    return part == 0 ? month - 1 : part == 1 ? (int)(((days + 4) % 7 + 7) % 7) : (int)((at - days * 86400) / 3600);
}

/* ---- Series ---- */

static void add_series(const table *t, int64_t column, const timeline *time, bool with_path, series *s)
{
    const char *name = t->cells[column], *slash = strrchr(t->path, '/'), *file = slash ? slash + 1 : t->path;
    const size_t size = strlen(name) + strlen(file) + 2;
    int64_t first = 1, last = t->rows - 1;
    for (int64_t row = 1; row < t->rows; row++)
        read_value(t, row, column); /* complains about the first mistake */
    while (first <= last && isnan(read_value(t, first, column)))
        first++;
    while (first <= last && isnan(read_value(t, last, column)))
        last--;
    if (first > last)
        fail("column '%s' of %s has no numbers", name, t->path);
    s->name = allocate(size);
    snprintf(s->name, size, "%s%s%s", with_path ? file : "", with_path ? ":" : "", name);
    s->length = last - first + 1;
    s->values = allocate((size_t)s->length * sizeof *s->values);
    s->time = *time;
    s->time.first += (double)(first - 1) * time->step;
    for (int64_t i = 0; i < s->length; i++)
        s->values[i] = read_value(t, first + i, column);
}

void read_series(const char *path, const char *columns, const char *time, bool with_path, series **all, int64_t *count)
{
    table t;
    read_table(&t, path);
    const int64_t time_column = time ? find_column(&t, time, strlen(time)) : -1;
    const timeline line = read_times(&t, time_column);
    int64_t most = t.columns;
    for (const char *c = columns; c && *c; c++)
        most += *c == ',';
    series *larger = realloc(*all, (size_t)(*count + most + 1) * sizeof **all);
    if (!larger)
        fail("there is no memory for the series");
    *all = larger;
    if (columns) {
        for (const char *name = columns;; name++) {
            const size_t length = strcspn(name, ",");
            const int64_t column = find_column(&t, name, length);
            if (column == time_column)
                fail("'%.*s' is both a series and the time", (int)length, name);
            add_series(&t, column, &line, with_path, &(*all)[(*count)++]);
            name += length;
            if (!*name)
                break;
        }
    } else {
        for (int64_t c = 0; c < t.columns; c++)
            if (c != time_column)
                add_series(&t, c, &line, with_path, &(*all)[(*count)++]);
        if (time_column == 0 && t.columns == 1)
            fail("%s has no column besides the time", path);
    }
    free(t.text);
    free(t.cells);
    free(t.lines);
}
