/* terminal.c: shows how far a program is. */
#include "common.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef _WIN32
#include <sys/ioctl.h>
#endif

enum { BAR = 20, LINE_SIZE = 512 };

static const double SHOWN_EVERY = 0.2; /* seconds */

/* True if standard error is a terminal that can clear a line */
static bool clears_lines(void)
{
    const char *name = getenv("TERM");
    return isatty(STDERR_FILENO) && name && strcmp(name, "dumb") != 0;
}

void progress_open(progress_line *p, bool quiet)
{
    *p = (progress_line){.terminal = clears_lines() && !quiet};
}

bool progress_is_due(const progress_line *p)
{
    return p->terminal && now() - p->shown_at >= SHOWN_EVERY;
}

/* Characters that fit in a line of the terminal without a wrap */
static int terminal_width(void)
{
#ifdef _WIN32
    return 79;
#else
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : INT_MAX;
#endif
}

void progress_show(progress_line *p, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    if (!p->terminal)
        return;
    p->shown_at = now();
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\r\033[K%.*s", terminal_width(), line);
    fflush(stderr);
}

void progress_clear(const progress_line *p)
{
    if (p->terminal && p->shown_at > 0)
        fputs("\r\033[K", stderr);
}

static void print_time(char text[TIME_SIZE], double seconds)
{
    long s = seconds > 0 ? (long)fmin(seconds, 1e9) : 0;
    if (s >= 3600)
        snprintf(text, TIME_SIZE, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(text, TIME_SIZE, "%ld:%02ld", s / 60, s % 60);
}

void progress_bar(char text[BAR_SIZE], double share, double seconds)
{
    char bar[BAR + 1] = "", left[TIME_SIZE] = "?";
    int full = share > 0 ? (int)(fmin(share, 1) * BAR) : 0;
    for (int i = 0; i < BAR; i++)
        bar[i] = i < full ? '#' : '.';
    if (share > 0.001)
        print_time(left, seconds * (1 - share) / share);
    snprintf(text, BAR_SIZE, "%s %3.0f %%, %s left", bar, 100 * fmin(fmax(share, 0), 1), left);
}
