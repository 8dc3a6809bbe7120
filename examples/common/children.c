/* children.c: runs other programs; on Windows, none. */
#include "common.h"

#include <signal.h>

#ifdef _WIN32
FILE *child_start(char *const *arguments, bool to_program, pid_t *child)
{
    (void)arguments, (void)to_program, (void)child;
    return NULL;
}

bool child_finish(FILE *stream, pid_t child)
{
    (void)stream, (void)child;
    return false;
}
#else
#include <sys/wait.h>
#include <unistd.h>

FILE *child_start(char *const *arguments, bool to_program, pid_t *child)
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

bool child_finish(FILE *stream, pid_t child)
{
    int status;
    bool closed = fclose(stream) == 0;
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0 && closed;
}
#endif

bool plot_open(plot *p, const char *path)
{
    char *const arguments[] = {"gnuplot", NULL};
    p->gnuplot = child_start(arguments, true, &p->child);
    if (!p->gnuplot)
        return false;
#ifdef SIGPIPE
    p->on_pipe = signal(SIGPIPE, SIG_IGN); /* gnuplot may not be there to read */
#endif
    fputs("set terminal svg size 800,480 background 'white'\nset datafile separator ','\nset output ", p->gnuplot);
    plot_quote(p, path);
    fputs("\nset grid\n", p->gnuplot);
    return true;
}

void plot_quote(const plot *p, const char *text)
{
    putc('\'', p->gnuplot);
    for (; *text; text++) {
        if (*text == '\'')
            putc('\'', p->gnuplot);
        putc(*text == '\n' ? ' ' : *text, p->gnuplot); /* gnuplot has no quotes for the end of a line */
    }
    putc('\'', p->gnuplot);
}

bool plot_close(plot *p)
{
    bool drawn = child_finish(p->gnuplot, p->child);
#ifdef SIGPIPE
    signal(SIGPIPE, p->on_pipe);
#endif
    return drawn;
}
