/*
 * The number of processors that a control group's CPU quota allows, read from files like those of Linux, for both
 * versions of control groups.
 */
#include "base/processors.h"
#include "support.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A file below the test's own root; its folders are created too */
typedef struct text_file {
    const char *path, *text;
} text_file;

static char root[] = "quota-XXXXXX";

static void write_file(const text_file *file)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s%s", root, file->path);
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0777);
        *slash = '/';
    }
    FILE *to = fopen(path, "w");
    assert_non_null(to);
    fputs(file->text, to);
    assert_int_equal(fclose(to), 0);
}

enum { FILES_MOST = 4 };

/* Returns the quota that these files set. */
static int quota_of(const text_file files[FILES_MOST])
{
    char command[PATH_MAX];
    strcpy(root, "quota-XXXXXX");
    assert_non_null(mkdtemp(root));
    for (int i = 0; i < FILES_MOST && files[i].path; i++)
        write_file(&files[i]);
    int quota = librnn_quota_processors(root);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
    return quota;
}

static const struct {
    int quota;
    text_file files[FILES_MOST];
} cases[] = {
    {INT_MAX, {{0}}},
    {INT_MAX, {{"/proc/self/cgroup", "0::/\n"}}},
    /* version 2 */
    {1, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "100000 100000\n"}}},
    {1, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "1000 100000\n"}}},
    {2, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "100001 100000\n"}}},
    {2, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "150000 100000\n"}}},
    {INT_MAX, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "max 100000\n"}}},
    {INT_MAX, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", ""}}},
    {INT_MAX, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "100000 0\n"}}},
    {INT_MAX, {{"/proc/self/cgroup", "0::/\n"}, {"/sys/fs/cgroup/cpu.max", "9000000000000000000 1\n"}}},
    /* a group's own quota, and those of the groups above it */
    {3, {{"/proc/self/cgroup", "0::/a/b\n"}, {"/sys/fs/cgroup/a/b/cpu.max", "300000 100000\n"}}},
    {1,
     {{"/proc/self/cgroup", "0::/a/b\n"},
      {"/sys/fs/cgroup/a/b/cpu.max", "300000 100000\n"},
      {"/sys/fs/cgroup/a/cpu.max", "50000 100000\n"}}},
    {4, {{"/proc/self/cgroup", "0::/not/visible/here\n"}, {"/sys/fs/cgroup/cpu.max", "400000 100000\n"}}},
    /* version 1 */
    {2,
     {{"/proc/self/cgroup", "12:memory:/x\n4:cpu,cpuacct:/\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
    {1,
     {{"/proc/self/cgroup", "4:cpu,cpuacct:/c\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_quota_us", "50000\n"},
      {"/sys/fs/cgroup/cpu,cpuacct/c/cpu.cfs_period_us", "100000\n"}}},
    {INT_MAX,
     {{"/proc/self/cgroup", "4:cpu,cpuacct:/\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
    {INT_MAX,
     {{"/proc/self/cgroup", "4:cpuset:/\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n"},
      {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}},
    {INT_MAX, {{"/proc/self/cgroup", "no colon\n0\n::\n"}}},
};

static void test_a_quota_is_worth_so_many_processors_rounded_up(void **state)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int quota = quota_of(cases[i].files);
        if (quota != cases[i].quota)
            fail_msg("case %zu: %d processors, not %d", i, quota, cases[i].quota);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quota_is_worth_so_many_processors_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
