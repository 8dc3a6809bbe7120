/* program.c: ends programs at errors, and has what is useful in all of them. */
#include "common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

void (*program_end)(int status);

_Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    if (program_end)
        program_end(EXIT_FAILURE);
    exit(EXIT_FAILURE);
}

void check(rnn_status status)
{
    if (status != RNN_OK)
        fail("%s", rnn_last_error());
}

void *allocate(size_t size)
{
    void *memory = calloc(size > 0 ? size : 1, 1);
    if (!memory)
        fail("there is no memory for %zu bytes", size);
    return memory;
}

void flush_output(void)
{
    if (ferror(stdout) || fflush(stdout) != 0)
        fail("can't write to standard output: %s", strerror(errno));
}

/* Whether two names are those of one regular file. The second may be "-", standard input. */
static bool is_same_file(const char *path, const char *other)
{
    struct stat one;
    if (stat(path, &one) != 0 || !S_ISREG(one.st_mode))
        return false;
#ifdef _WIN32 /* where stat() doesn't number files */
    char first[_MAX_PATH], second[_MAX_PATH];
    return _fullpath(first, path, sizeof first) && _fullpath(second, other, sizeof second) &&
           _stricmp(first, second) == 0;
#else
    struct stat two;
    bool found = (strcmp(other, "-") == 0 ? fstat(STDIN_FILENO, &two) : stat(other, &two)) == 0;
    return found && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
#endif
}

void refuse_to_overwrite(const char *output, char *const *inputs, int count)
{
    for (int i = 0; i < count; i++)
        if (is_same_file(output, inputs[i]))
            fail("%s is to be read and to be overwritten; give the output another name", output);
}

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int run_command(const command *commands, int count, const char *help, int argc, char **argv)
{
    char names[256] = "";
    if (argc < 2) {
        fputs(help, stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        fputs(help, stdout);
        flush_output();
        return EXIT_SUCCESS;
    }
    for (int i = 0; i < count; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
        const char *before = i == 0 ? "" : i == count - 1 ? " and " : ", ";
        snprintf(strchr(names, '\0'), sizeof names - strlen(names), "%s%s", before, commands[i].name);
    }
    fail("there is no command '%s'; there are %s", argv[1], names);
}
