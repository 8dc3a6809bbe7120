/* report.c: prints how well a model does, the confusion matrix and the mistakes. */
#include "classify.h"

#include <math.h>
#include <stdlib.h>

enum { SHOWN_CLASSES = 12, SHOWN_MISTAKES = 10, NAME_WIDTH = 20, TEXT_WIDTH = 70 };

int64_t most_probable(const double *probabilities, int64_t classes)
{
    int64_t best = 0;
    for (int64_t j = 1; j < classes; j++)
        if (probabilities[j] > probabilities[best])
            best = j;
    return best;
}

double accuracy(const examples *all, const int64_t *numbers, int64_t count, const double *probabilities,
                int64_t classes, double *loss)
{
    int64_t right = 0;
    *loss = 0;
    for (int64_t n = 0; n < count; n++) {
        int64_t class = all->each[numbers[n]].class;
        right += most_probable(probabilities + n * classes, classes) == class;
        *loss -= log(fmax(probabilities[n * classes + class], 1e-300)) / (double)count;
    }
    return (double)right / (double)count;
}

/* Prints at most `width` code points of a text, followed by spaces if it is to fill the width. */
static void print_cut(const char *text, int width, bool fill)
{
    int used = 0;
    for (; *text; text++) {
        used += (*text & 0xc0) != 0x80;
        if (used > width)
            break;
        putchar((unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
    }
    printf("%*s", fill && used < width ? width - used : 0, "");
}

/* Draws the shares of each class's lines that went to each class. confusion: [classes][classes] */
static void draw_confusion(const classifier *c, const int64_t *confusion, const char *path)
{
    plot p;
    if (!plot_open(&p, path))
        fail("can't start gnuplot, which draws %s", path);
    fputs("unset grid\nset xlabel 'answer'\nset ylabel 'class'\nset palette defined (0 'white', 1 'dark-blue')\n"
          "set cbrange [0:]\nset tics out nomirror\nset xtics () rotate by 45 right noenhanced\n"
          "set ytics () noenhanced\n",
          p.gnuplot);
    fprintf(p.gnuplot, "set xrange [-0.5:%lld.5]\nset yrange [%lld.5:-0.5]\n", (long long)c->classes - 1,
            (long long)c->classes - 1);
    for (int64_t j = 0; j < c->classes; j++) {
        fprintf(p.gnuplot, "set xtics add (");
        plot_quote(&p, c->names[j]);
        fprintf(p.gnuplot, " %lld)\nset ytics add (", (long long)j);
        plot_quote(&p, c->names[j]);
        fprintf(p.gnuplot, " %lld)\n", (long long)j);
    }
    fputs("set datafile separator whitespace\nplot '-' matrix with image pixels notitle\n", p.gnuplot);
    for (int64_t i = 0; i < c->classes; i++) {
        int64_t lines = 0;
        for (int64_t j = 0; j < c->classes; j++)
            lines += confusion[i * c->classes + j];
        for (int64_t j = 0; j < c->classes; j++)
            fprintf(p.gnuplot, "%.4f ", lines > 0 ? (double)confusion[i * c->classes + j] / (double)lines : 0.0);
        putc('\n', p.gnuplot);
    }
    fputs("e\n", p.gnuplot);
    if (!plot_close(&p))
        fail("gnuplot couldn't draw %s", path);
}

static void print_confusion(const classifier *c, const int64_t *confusion)
{
    int64_t shown = c->classes < SHOWN_CLASSES ? c->classes : SHOWN_CLASSES;
    printf("\nclasses (rows) and answers (columns)%s:\n%*s", shown < c->classes ? ", the largest classes" : "",
           NAME_WIDTH + 4, "");
    for (int64_t j = 0; j < shown; j++)
        printf("%6lld", (long long)j + 1);
    printf("%s   right\n", shown < c->classes ? " others" : "");
    for (int64_t i = 0; i < shown; i++) {
        int64_t lines = 0, others = 0;
        printf("%3lld ", (long long)i + 1);
        print_cut(c->names[i], NAME_WIDTH, true);
        for (int64_t j = 0; j < c->classes; j++) {
            int64_t cell = confusion[i * c->classes + j];
            lines += cell;
            if (j < shown)
                printf("%6lld", (long long)cell);
            else
                others += cell;
        }
        if (shown < c->classes)
            printf("%7lld", (long long)others);
        printf("  %4.0f %%\n", 100 * (double)confusion[i * c->classes + i] / fmax(1, (double)lines));
    }
}

/* Prints the wrong answers with the highest probabilities. */
static void print_mistakes(const classifier *c, const examples *all, const int64_t *numbers, int64_t count,
                           const double *probabilities)
{
    bool *seen = allocate((size_t)count);
    for (int shown = 0; shown < SHOWN_MISTAKES; shown++) {
        int64_t worst = -1, answer = 0;
        for (int64_t n = 0; n < count; n++) {
            int64_t best = most_probable(probabilities + n * c->classes, c->classes);
            if (!seen[n] && best != all->each[numbers[n]].class &&
                (worst < 0 || probabilities[n * c->classes + best] > probabilities[worst * c->classes + answer])) {
                worst = n;
                answer = best;
            }
        }
        if (worst < 0)
            break;
        if (shown == 0)
            printf("\nthe most surprising mistakes:\n");
        seen[worst] = true;
        printf("  %.3f %s, but it is %s: ", probabilities[worst * c->classes + answer], c->names[answer],
               all->each[numbers[worst]].label);
        print_cut(all->each[numbers[worst]].text, TEXT_WIDTH, false);
        putchar('\n');
    }
    free(seen);
}

void report(const classifier *c, const examples *all, const int64_t *numbers, int64_t count,
            const double *probabilities, const char *picture)
{
    int64_t *confusion = allocate((size_t)(c->classes * c->classes) * sizeof *confusion);
    for (int64_t n = 0; n < count; n++)
        confusion[all->each[numbers[n]].class * c->classes +
                  most_probable(probabilities + n * c->classes, c->classes)]++;
    print_confusion(c, confusion);
    print_mistakes(c, all, numbers, count, probabilities);
    if (picture)
        draw_confusion(c, confusion, picture);
    free(confusion);
}
