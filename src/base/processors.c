/*
 * processors.c: finds how many processors this process may use, and how many threads the environment asks for.
 */
#include "base/processors.h"

#include "base/system.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
/* Reads the text of a small file. Returns false if that fails. */
static bool read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length > 0;
}

/*
 * quota / period, rounded up; INT_MAX if there is no quota. It uses integers, which don't depend on the floating-point
 * mode.
 */
static int processors_of(long long quota, long long period)
{
    if (quota <= 0 || period <= 0 || (quota - 1) / period >= INT_MAX - 1)
        return INT_MAX;
    return (int)((quota - 1) / period) + 1;
}

/* The number at the beginning of a small file; 0 if there is none. */
static long long read_number(const char *folder, const char *name)
{
    char path[PATH_MAX], text[128];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || !read_text(path, text, sizeof text))
        return 0;
    return strtoll(text, NULL, 10);
}

/* The quota of one control group's folder: "cpu.max" in version 2, two files in version 1. */
static int quota_of(const char *folder)
{
    char path[PATH_MAX], text[128], *end;
    if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path)
        return INT_MAX;
    if (read_text(path, text, sizeof text)) { /* "150000 100000" or "max 100000" */
        long long quota = strtoll(text, &end, 10);
        return processors_of(quota, strtoll(end, NULL, 10));
    }
    return processors_of(read_number(folder, "cpu.cfs_quota_us"), read_number(folder, "cpu.cfs_period_us"));
}

/*
 * The smallest quota of a control group and its ancestors below a mount point. In a container the group's own path may
 * not be visible.
 */
static int least_quota(const char *root, const char *mount, const char *group)
{
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s%s%s", root, mount, group) >= (int)sizeof folder)
        return INT_MAX;
    int least = INT_MAX;
    for (size_t end = strlen(folder); end >= strlen(root) + strlen(mount); end--) {
        if (folder[end] != '\0' && folder[end] != '/')
            continue;
        folder[end] = '\0';
        int quota = quota_of(folder);
        least = quota < least ? quota : least;
    }
    return least;
}

/* Whether a comma-separated list contains a word. */
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, word, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

/*
 * /proc/self/cgroup has lines of the form "number:controllers:path". In version 2 the number is 0 and the controllers
 * are empty.
 */
int librnn_quota_processors(const char *root)
{
    int least = INT_MAX;
    char path[PATH_MAX], line[PATH_MAX + 256];
    if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= (int)sizeof path)
        return least;
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        controllers++;
        *group++ = '\0';
        int quota = INT_MAX;
        if (*controllers == '\0') {
            quota = least_quota(root, "/sys/fs/cgroup", group);
        } else if (has_word(controllers, "cpu")) {
            quota = least_quota(root, "/sys/fs/cgroup/cpu", group);
            int joined = least_quota(root, "/sys/fs/cgroup/cpu,cpuacct", group);
            quota = joined < quota ? joined : quota;
        }
        least = quota < least ? quota : least;
    }
    if (file)
        fclose(file);
    return least;
}
#else
int librnn_quota_processors(const char *root)
{
    (void)root;
    return INT_MAX;
}
#endif

/*
 * The number in an environment variable, or the first of a list of numbers. 0 if there is none, or if it isn't from 1
 * to `most`.
 */
static int number_from(const char *name, bool list, int most)
{
    const char *text = getenv(name);
    if (!text)
        return 0;
    char *end;
    long number = strtol(text, &end, 10);
    while (*end == ' ')
        end++;
    return end != text && (*end == '\0' || (list && *end == ',')) && number >= 1 && number <= most ? (int)number : 0;
}

int librnn_usual_threads(int most)
{
    int threads = number_from("RNN_NUM_THREADS", false, most);
    if (threads == 0)
        threads = number_from("OMP_NUM_THREADS", true, most);
    if (threads > 0)
        return threads;
    threads = librnn_system_processors();
    int quota = librnn_quota_processors("");
    threads = quota < threads ? quota : threads;
    return threads < 1 ? 1 : threads > most ? most : threads;
}
