/* report.c: the progress line, the log, and the picture of the curves. */
#include "char_rnn.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_LENGTH = 4096 };

char *beside(const char *model_path, const char *ending)
{
    static const char usual[] = ".safetensors";
    size_t length = strlen(model_path), end = sizeof usual - 1;
    if (length > end && strcmp(model_path + length - end, usual) == 0)
        length -= end;
    char *path = allocate(length + strlen(ending) + 1);
    memcpy(path, model_path, length);
    strcpy(path + length, ending);
    return path;
}

void report_open(report *r, const char *model_path, bool quiet, bool resumed, unit measure)
{
    *r = (report){.quiet = quiet,
                  .measure = measure,
                  .entropy = NAN,
                  .xz = NAN,
                  .log_path = process_number() == 0 ? beside(model_path, ".csv") : beside("/dev/null", "")};
    progress_open(&r->line, quiet);
    r->log = fopen(r->log_path, resumed ? "a" : "w");
    if (!r->log)
        fail("can't write %s: %s", r->log_path, strerror(errno));
    if (!resumed)
        fputs("tokens,epoch,seconds,training_nats,validation_nats,learning_rate,gradient_norm,tokens_per_second\n",
              r->log);
    fflush(r->log);
}

void report_line(report *r, const char *format, ...)
{
    va_list arguments;
    if (r->quiet)
        return;
    progress_clear(&r->line);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    flush_output();
}

void report_progress(report *r, const figures *f)
{
    char validation[48] = "", budget[BAR_SIZE] = "";
    if (!progress_is_due(&r->line))
        return;
    if (!isnan(f->validation))
        snprintf(validation, sizeof validation, ", validation %.4f", f->validation);
    if (f->progress >= 0)
        progress_bar(budget, f->progress, f->seconds);
    progress_show(&r->line, "%s%sepoch %.2f, %.0f tokens/s, loss %.4f%s, %.3g %s, rate %.2g, norm %.2f", budget,
                  *budget ? ", " : "", f->epoch, f->tokens_per_second, f->training, validation,
                  in_unit(r->measure, f->training), r->measure.name, f->learning_rate, f->gradient_norm);
}

void report_validation(report *r, const figures *f, bool best)
{
    report_line(r, "epoch %.2f: training %.4f, validation %.4f nats, %.4g %s%s", f->epoch, f->training, f->validation,
                in_unit(r->measure, f->validation), r->measure.name, best ? ", the best so far" : "");
    fprintf(r->log, "%lld,%.4f,%.1f,%.6f,%.6f,%.6g,%.4f,%.0f\n", (long long)f->tokens, f->epoch, f->seconds,
            f->training, f->validation, f->learning_rate, f->gradient_norm, f->tokens_per_second);
    if (fflush(r->log) != 0)
        fail("can't write %s: %s", r->log_path, strerror(errno));
}

void report_close(report *r)
{
    progress_clear(&r->line);
    if (fclose(r->log) != 0)
        fail("can't write %s: %s", r->log_path, strerror(errno));
    free(r->log_path);
}

/* ---- Levels and curves --------------------------------------------------------------------------------------------
 */

int64_t xz_size(char **paths, int count)
{
    static char buffer[1 << 16];
    for (int i = 0; i < count; i++) {
        struct stat file;
        if (strcmp(paths[i], "-") == 0 || stat(paths[i], &file) != 0 || !S_ISREG(file.st_mode))
            return -1;
    }
    char **arguments = allocate((size_t)(count + 4) * sizeof *arguments);
    arguments[0] = "xz";
    arguments[1] = "-9c";
    arguments[2] = "--";
    memcpy(arguments + 3, paths, (size_t)count * sizeof *paths);
    pid_t child;
    int64_t size = 0;
    FILE *output = child_start(arguments, false, &child);
    free(arguments);
    if (!output)
        return -1;
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, output)) > 0;)
        size += (int64_t)n;
    return child_finish(output, child) && size > 0 ? size : -1;
}

static void draw_level(FILE *to, double nats, const char *title)
{
    if (!isnan(nats))
        fprintf(to, ", %.6f with lines dashtype 2 title '%s'", nats, title);
}

bool report_draw(const report *r, const char *model_path, char *picture)
{
    plot p;
    char *path = beside(model_path, ".svg");
    snprintf(picture, PATH_LENGTH, "%s", path);
    free(path);
    if (!plot_open(&p, picture))
        return false;
    fputs("set xlabel 'tokens'\nset ylabel 'nats per token'\nplot ", p.gnuplot);
    plot_quote(&p, r->log_path);
    fputs(" using 1:4 with lines title 'training', ", p.gnuplot);
    plot_quote(&p, r->log_path);
    fputs(" using 1:5 with linespoints title 'validation'", p.gnuplot);
    draw_level(p.gnuplot, r->entropy, "entropy of single tokens");
    draw_level(p.gnuplot, r->xz, "xz -9");
    fputs("\n", p.gnuplot);
    return plot_close(&p);
}
