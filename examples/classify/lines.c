/* lines.c: reads files of labels and texts, finds the classes, and divides the lines into parts. */
#include "classify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

reader open_reader(const char *path)
{
    reader r = {.name = strcmp(path, "-") == 0 ? "standard input" : path};
    rnn_vocab *one;
    r.file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!r.file)
        fail("can't open %s: %s", path, strerror(errno));
    check(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "a", 1, &one));
    check(rnn_vocab_create_with_unknown(one, NULL, 0, &r.any));
    rnn_vocab_destroy(one);
    return r;
}

char *read_line(reader *r)
{
    const int next = getc(r->file);
    if (next == '\0') /* such as in /dev/zero, whose line has no end */
        fail("line %lld of %s has a NUL byte; it must be text in UTF-8", (long long)r->number + 1, r->name);
    if (next == EOF && ferror(r->file))
        fail("can't read %s: %s", r->name, strerror(errno));
    if (next == EOF)
        return NULL;
    ungetc(next, r->file);
    errno = 0;
    ssize_t size = getline(&r->line, &r->capacity, r->file);
    if (size < 0) {
        if (errno != 0)
            fail("can't read %s: %s", r->name, strerror(errno));
        return NULL;
    }
    r->number++;
    if (strlen(r->line) != (size_t)size)
        fail("line %lld of %s has a NUL byte; it must be text in UTF-8", (long long)r->number, r->name);
    if (size > 0 && r->line[size - 1] == '\n')
        r->line[--size] = '\0';
    if (size > 0 && r->line[size - 1] == '\r')
        r->line[--size] = '\0';
    if (rnn_vocab_encode(r->any, r->line, (size_t)size, NULL, 0, NULL) != RNN_OK)
        fail("line %lld of %s: %s", (long long)r->number, r->name, rnn_last_error());
    return r->number == 1 && strncmp(r->line, "\xef\xbb\xbf", 3) == 0 ? r->line + 3 : r->line; /* byte order mark */
}

void close_reader(reader *r)
{
    if (r->file != stdin)
        fclose(r->file);
    rnn_vocab_destroy(r->any);
    free(r->line);
}

examples read_examples(const char *path)
{
    examples all = {0};
    int64_t capacity = 0, group = 0;
    bool grouped = false;
    char *line, *tab;
    reader r = open_reader(path);
    while ((line = read_line(&r))) {
        if (!*line) {
            grouped = grouped || all.count > 0;
            group++;
            continue;
        }
        tab = strchr(line, '\t');
        if (!tab || tab == line)
            fail("line %lld of %s has no %s; each line must be a label, a tab and a text", (long long)r.number, r.name,
                 tab ? "label" : "tab");
        if (!tab[1])
            fail("line %lld of %s has a label but no text", (long long)r.number, r.name);
        if (all.count == capacity) {
            capacity = 2 * capacity + 1000;
            all.each = realloc(all.each, (size_t)capacity * sizeof *all.each);
        }
        char *copy = strdup(line);
        if (!all.each || !copy)
            fail("there is no memory for the lines of %s", r.name);
        copy[tab - line] = '\0';
        all.each[all.count++] = (example){copy, copy + (tab - line) + 1, 0, r.number, group, TRAINING};
    }
    close_reader(&r);
    if (all.count == 0)
        fail("%s has no lines; each line must be a label, a tab and a text", path);
    for (int64_t n = 0; n < all.count && !grouped; n++)
        all.each[n].group = n;
    return all;
}

void free_examples(examples *all)
{
    for (int64_t n = 0; n < all->count; n++)
        free(all->each[n].label);
    free(all->each);
}

int64_t keep_classified(examples *all)
{
    int64_t kept = 0, count = all->count;
    for (int64_t n = 0; n < count; n++)
        if (all->each[n].class >= 0)
            all->each[kept++] = all->each[n];
        else
            free(all->each[n].label);
    all->count = kept;
    return count - kept;
}

int64_t find_class(char *const *names, int64_t count, const char *name)
{
    for (int64_t j = 0; j < count; j++)
        if (strcmp(names[j], name) == 0)
            return j;
    return -1;
}

/* The lines of one class */
typedef struct tally {
    example **each; /* [lines] in the order of the file */
    int64_t lines;
} tally;

static int compare_labels(const void *a, const void *b)
{
    const example *x = *(example *const *)a, *y = *(example *const *)b;
    int order = strcmp(x->label, y->label);
    return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int compare_tallies(const void *a, const void *b)
{
    const tally *x = a, *y = b;
    return x->lines != y->lines ? (x->lines < y->lines) - (x->lines > y->lines)
                                : strcmp(x->each[0]->label, y->each[0]->label);
}

void find_classes(classifier *c, examples *all, int64_t most, const char *path)
{
    example **sorted = allocate((size_t)all->count * sizeof(example *));
    tally *found = allocate((size_t)all->count * sizeof *found);
    int64_t count = 0;
    for (int64_t n = 0; n < all->count; n++)
        sorted[n] = &all->each[n];
    qsort(sorted, (size_t)all->count, sizeof *sorted, compare_labels);
    for (int64_t n = 0; n < all->count; n++) {
        sorted[n]->class = -1;
        if (n == 0 || strcmp(sorted[n]->label, sorted[n - 1]->label) != 0)
            found[count++].each = &sorted[n];
        found[count - 1].lines++;
    }
    qsort(found, (size_t)count, sizeof *found, compare_tallies);
    c->classes = most > 0 && most < count ? most : count;
    if (c->classes < 2)
        fail("%s has one class only, '%s'; there must be two or more", path, sorted[0]->label);
    tally *last = &found[c->classes - 1];
    if (last->lines == 1)
        fail("class '%s' has only one line, line %lld of %s; add lines, or leave rare classes out with --classes",
             last->each[0]->label, (long long)last->each[0]->line, path);
    c->names = allocate((size_t)c->classes * sizeof *c->names);
    for (int64_t j = 0; j < c->classes; j++) {
        if (!(c->names[j] = strdup(found[j].each[0]->label)))
            fail("there is no memory for the classes of %s", path);
        for (int64_t n = 0; n < found[j].lines; n++)
            found[j].each[n]->class = j;
    }
    free(found);
    free(sorted);
    keep_classified(all);
}

/* ---- Training, validation and test ---- */

uint64_t draw(uint64_t *random)
{
    uint64_t z = *random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static int compare_texts(const void *a, const void *b)
{
    const example *x = *(example *const *)a, *y = *(example *const *)b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : x->part - y->part;
}

void divide(const classifier *c, examples *all, double validation, double test, uint64_t seed, int64_t *left_out)
{
    int64_t groups = all->each[all->count - 1].group + 1, counts[PARTS] = {0};
    int64_t *order = allocate((size_t)groups * sizeof *order), *sizes = allocate((size_t)groups * sizeof *sizes);
    int *parts = allocate((size_t)groups * sizeof *parts);
    example **sorted = allocate((size_t)all->count * sizeof(example *));
    const double wanted[PARTS] = {0, validation * (double)all->count, test * (double)all->count};
    for (int64_t n = 0; n < all->count; n++)
        sizes[all->each[n].group]++;
    for (int64_t g = 0; g < groups; g++) { /* the inside-out shuffle of Fisher and Yates */
        int64_t k = (int64_t)(draw(&seed) % (uint64_t)(g + 1));
        order[g] = order[k];
        order[k] = g;
    }
    for (int64_t g = 0; g < groups; g++) {
        int part = (double)counts[TEST] < wanted[TEST]               ? TEST
                   : (double)counts[VALIDATION] < wanted[VALIDATION] ? VALIDATION
                                                                     : TRAINING;
        parts[order[g]] = part;
        counts[part] += sizes[order[g]];
    }
    for (int64_t n = 0; n < all->count; n++) {
        all->each[n].part = parts[all->each[n].group];
        sorted[n] = &all->each[n];
    }
    qsort(sorted, (size_t)all->count, sizeof *sorted, compare_texts);
    *left_out = 0;
    for (int64_t n = 1, first = 0; n < all->count; n++) {
        if (strcmp(sorted[n]->text, sorted[first]->text) != 0)
            first = n;
        else if (sorted[n]->part != sorted[first]->part) {
            sorted[n]->part = LEFT_OUT;
            ++*left_out;
        }
    }
    bool *trained = allocate((size_t)c->classes);
    for (int64_t n = 0; n < all->count; n++)
        if (all->each[n].part == TRAINING)
            trained[all->each[n].class] = true;
    for (int64_t j = 0; j < c->classes; j++)
        if (!trained[j])
            fail("no line of class '%s' is left for training; give more lines, smaller parts, or another --seed",
                 c->names[j]);
    free(trained);
    free(order);
    free(sizes);
    free(parts);
    free(sorted);
}

void save_test(const examples *all, const char *path)
{
    FILE *file = fopen(path, "wb");
    for (int64_t n = 0; file && n < all->count; n++)
        if (all->each[n].part == TEST)
            fprintf(file, "%s\t%s\n", all->each[n].label, all->each[n].text);
    if (!file || ferror(file) || fclose(file) != 0)
        fail("can't write %s: %s", path, strerror(errno));
}
