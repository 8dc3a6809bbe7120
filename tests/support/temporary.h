/*
 * A set-up that moves the process into an empty directory, where a test may use any file names, and a tear-down that
 * removes the directory. Used by the suites that read files.
 */
#ifndef RNN_TESTS_TEMPORARY_H
#define RNN_TESTS_TEMPORARY_H

#include "support.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* cmocka's set-up: changes to a new, empty directory. */
static inline int enter_temporary_directory(void **state)
{
    const char *parent = getenv("TMPDIR");
    char path[4096];
    snprintf(path, sizeof path, "%s/rnn-test-XXXXXX", parent == NULL ? "/tmp" : parent);
    return mkdtemp(path) == NULL || chdir(path) != 0;
}

/* cmocka's tear-down: removes the current directory and its contents (directories in it must be empty). */
static inline int remove_temporary_directory(void **state)
{
    char path[4096];
    DIR *directory = opendir(".");
    if (getcwd(path, sizeof path) == NULL || directory == NULL)
        return 1;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)(remove(entry->d_name) == 0 || rmdir(entry->d_name)); /* remove() is only for files on Windows */
    closedir(directory);
    return chdir("/") != 0 || rmdir(path) != 0;
}

/* A test with this set-up and tear-down */
#define test_with_files(function)                                                                                      \
    cmocka_unit_test_setup_teardown(function, enter_temporary_directory, remove_temporary_directory)

/* Writes a file, which replaces any old one. */
static inline void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Sets a file's time of modification, in seconds since 1970. */
static inline void set_time(const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/*
 * Calls `attempt` on an unreadable file in a child process without root's privileges. Returns whether it returned true
 * there. Skips the test if the privileges can't be given up.
 */
static inline int holds_for_an_unreadable_file(const char *path, int (*attempt)(const char *path))
{
    int status = 0;
    write_file(path, "abc", 3);
    assert_int_equal(chmod(path, 0), 0);
    assert_int_equal(chmod(".", 0711), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(2);
        _exit(attempt(path) ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 2)
        skip();
    return WEXITSTATUS(status) == 0;
}

#endif
