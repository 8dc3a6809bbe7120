/*
 * common.h: declarations that the larger example programs share: errors, options, output to a terminal, and pictures.
 *
 * program.c ends programs at errors. options.c reads command lines. terminal.c shows progress. children.c runs other
 * programs, such as gnuplot.
 */
#ifndef COMMON_H
#define COMMON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <rnn/rnn.h>

/* ---- Errors ---- */

/* The name that begins each error message. Each program defines it. */
extern const char *program_name;

/* Ends the program after an error. NULL, the default: exit() */
extern void (*program_end)(int status);

_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program with the library's message unless `status` is RNN_OK. */
void check(rnn_status status);

/* Returns zeroed memory, to free(). */
void *allocate(size_t size);
void flush_output(void);

/* Fails if writing a file would overwrite one of those that are read. */
void refuse_to_overwrite(const char *output, char *const *inputs, int count);

/* Seconds of a monotonic clock */
double now(void);

/* ---- Commands ---- */

/* Takes the arguments after its name, and returns the exit status. */
typedef struct command {
    const char *name;
    int (*run)(int count, char **arguments);
} command;

/*
 * Runs the command that argv[1] names and returns its status. Prints `help` for --help and where there is no command,
 * which is an error.
 */
int run_command(const command *commands, int count, const char *help, int argc, char **argv);

/* ---- Options ---- */

typedef enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_WHOLE, OPTION_REAL } option_kind;

typedef struct option {
    const char *name; /* with its dashes, such as "--out"; or one dash and a letter, such as "-d" */
    option_kind kind;
    void *value;         /* bool, const char *, int64_t or double */
    int64_t least, most; /* of a number */
} option;

typedef struct command_line {
    const char *help; /* the command that explains the options, such as "char_rnn train --help" */
    const option *options;
    int option_count;

    /* Reads other options at `arguments[0]`. Returns how many arguments it used, or 0. May be NULL. */
    int (*take)(void *context, int count, char **arguments);
    void *context;
} command_line;

/*
 * Reads options and operands. Returns the number of operands, or -1 after --help. "-" and all arguments after "--" are
 * operands. operands: [count]
 */
int read_options(const command_line *line, int count, char **arguments, char **operands);

int64_t parse_whole(const char *name, const char *text, int64_t least, int64_t most);
double parse_real(const char *name, const char *text, double least, double most);

/* ---- Terminal ---- */

/* A line on standard error that is overwritten by the next. It appears only on a terminal. */
typedef struct progress_line {
    bool terminal;
    double shown_at; /* on the clock of now(); 0: not yet */
} progress_line;

/* Prepares the line. A quiet one never appears. */
void progress_open(progress_line *p, bool quiet);

/* Whether it is time to show the line again, a few times a second */
bool progress_is_due(const progress_line *p);
void progress_show(progress_line *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void progress_clear(const progress_line *p);

enum { BAR_SIZE = 64, TIME_SIZE = 32 };

/* Writes a bar, the share of the work done and the time left, such as "####....  50 %, 0:12 left". */
void progress_bar(char text[BAR_SIZE], double share, double seconds);

/* ---- Other programs ---- */

/* Starts a program. Returns a stream to write its input or to read its output, or NULL if there can be none. */
FILE *child_start(char *const *arguments, bool to_program, pid_t *child);

/* Waits for it. Returns whether all went well. */
bool child_finish(FILE *stream, pid_t child);

/* A picture that gnuplot draws. */
typedef struct plot {
    FILE *gnuplot;
    pid_t child;
    void (*on_pipe)(int); /* the handler of SIGPIPE from before */
} plot;

/* Starts gnuplot, which will write an SVG of 800 by 480 to `path`. Returns false if gnuplot can't be started. */
bool plot_open(plot *p, const char *path);

/* Writes a string in the quotes that gnuplot needs. */
void plot_quote(const plot *p, const char *text);

/* Returns whether gnuplot drew the picture. */
bool plot_close(plot *p);

#endif
