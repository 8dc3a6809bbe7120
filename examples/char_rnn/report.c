/* report.c: the progress line, the log, and the picture of the curves. */
#include "char_rnn.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATH_LENGTH = 4096, BAR = 20 };

static const double SHOWN_EVERY = 0.2; /* seconds */

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

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
                  .terminal = isatty(STDERR_FILENO) && !quiet,
                  .measure = measure,
                  .entropy = NAN,
                  .xz = NAN,
                  .log_path = process_number() == 0 ? beside(model_path, ".csv") : beside("/dev/null", "")};
    r->log = fopen(r->log_path, resumed ? "a" : "w");
    if (!r->log)
        fail("can't write %s: %s", r->log_path, strerror(errno));
    if (!resumed)
        fputs("tokens,epoch,seconds,training_nats,validation_nats,learning_rate,gradient_norm,tokens_per_second\n",
              r->log);
    fflush(r->log);
}

static void clear_line(const report *r)
{
    if (r->terminal && r->shown_at > 0)
        fputs("\r\033[K", stderr);
}

void report_line(report *r, const char *format, ...)
{
    va_list arguments;
    if (r->quiet)
        return;
    clear_line(r);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    flush_output();
}

static void print_time(char *text, size_t size, double seconds)
{
    long s = seconds > 0 ? (long)seconds : 0;
    if (s >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, size, "%ld:%02ld", s / 60, s % 60);
}

/* Characters that fit in a line of the terminal without a wrap */
static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : INT_MAX;
}

void report_progress(report *r, const figures *f)
{
    if (!r->terminal || f->seconds - r->shown_at < SHOWN_EVERY)
        return;
    r->shown_at = f->seconds > 0 ? f->seconds : 1e-9;
    char bar[BAR + 1] = "", left[32] = "?", validation[48] = "", budget[96] = "", line[512];
    int full = f->progress < 0 ? 0 : (int)(f->progress * BAR);
    for (int i = 0; i < BAR; i++)
        bar[i] = i < full ? '#' : '.';
    if (f->progress > 0.001)
        print_time(left, sizeof left, f->seconds * (1 - f->progress) / f->progress);
    if (!isnan(f->validation))
        snprintf(validation, sizeof validation, ", validation %.4f", f->validation);
    if (f->progress >= 0)
        snprintf(budget, sizeof budget, "%s %3.0f %%, %s left, ", bar, 100 * f->progress, left);
    snprintf(line, sizeof line, "%sepoch %.2f, %.0f tokens/s, loss %.4f%s, %.3g %s, rate %.2g, norm %.2f", budget,
             f->epoch, f->tokens_per_second, f->training, validation, in_unit(r->measure, f->training), r->measure.name,
             f->learning_rate, f->gradient_norm);
    fprintf(stderr, "\r\033[K%.*s", terminal_width(), line);
    fflush(stderr);
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
    clear_line(r);
    if (fclose(r->log) != 0)
        fail("can't write %s: %s", r->log_path, strerror(errno));
    free(r->log_path);
}

/* ---- Other programs ---------------------------------------------------------------------------------------------- */

/* Starts a program. Returns a stream to write its input or to read its output, or NULL if there can be none. */
static FILE *start(char *const *arguments, bool to_program, pid_t *child)
{
    int ends[2];
    if (pipe(ends) != 0)
        return NULL;
    fflush(NULL);
    *child = fork();
    if (*child == 0) {
        int own = to_program ? ends[0] : ends[1];
        dup2(own, to_program ? STDIN_FILENO : STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        if (!freopen("/dev/null", "w", stderr))
            _exit(127);
        execvp(arguments[0], arguments);
        _exit(127);
    }
    close(to_program ? ends[0] : ends[1]);
    int own = to_program ? ends[1] : ends[0];
    if (*child < 0) {
        close(own);
        return NULL;
    }
    return fdopen(own, to_program ? "w" : "r");
}

static bool finish(FILE *stream, pid_t child)
{
    int status;
    bool closed = fclose(stream) == 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 && closed;
}

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
    FILE *output = start(arguments, false, &child);
    free(arguments);
    if (!output)
        return -1;
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, output)) > 0;)
        size += (int64_t)n;
    return finish(output, child) && size > 0 ? size : -1;
}

/* Writes a string in the quotes that gnuplot needs. */
static void quote(FILE *to, const char *text)
{
    putc('\'', to);
    for (; *text; text++) {
        if (*text == '\'')
            putc('\'', to);
        putc(*text, to);
    }
    putc('\'', to);
}

static void draw_level(FILE *to, double nats, const char *title)
{
    if (!isnan(nats))
        fprintf(to, ", %.6f with lines dashtype 2 title '%s'", nats, title);
}

bool report_draw(const report *r, const char *model_path, char *picture)
{
    char *const arguments[] = {"gnuplot", NULL};
    pid_t child;
    char *path = beside(model_path, ".svg");
    snprintf(picture, PATH_LENGTH, "%s", path);
    free(path);
    FILE *gnuplot = start(arguments, true, &child);
    if (!gnuplot)
        return false;
    void (*usual)(int) = signal(SIGPIPE, SIG_IGN); /* gnuplot may not be there to read */
    fputs("set terminal svg size 800,480 background 'white'\nset datafile separator ','\nset output ", gnuplot);
    quote(gnuplot, picture);
    fputs("\nset xlabel 'tokens'\nset ylabel 'nats per token'\nset grid\nplot ", gnuplot);
    quote(gnuplot, r->log_path);
    fputs(" using 1:4 with lines title 'training', ", gnuplot);
    quote(gnuplot, r->log_path);
    fputs(" using 1:5 with linespoints title 'validation'", gnuplot);
    draw_level(gnuplot, r->entropy, "entropy of single tokens");
    draw_level(gnuplot, r->xz, "xz -9");
    fputs("\n", gnuplot);
    bool drawn = finish(gnuplot, child);
    signal(SIGPIPE, usual);
    return drawn;
}
