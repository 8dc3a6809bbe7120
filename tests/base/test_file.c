/*
 * Files on disk. A save replaces a file as a whole or leaves it as it was, whatever goes wrong and whenever the process
 * is killed. A load says why it can't read a file.
 */
#include "checkpoints.h"
#include "processes.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

static rnn_model *make_model(int64_t hidden, uint64_t seed)
{
    rnn_model_options o = make_options(3, hidden, 3, 1, RNN_FLOAT32);
    return create_random_model(&o, 1, seed);
}

/* The file must have the bytes that the model would be saved as. */
static void assert_holds(const char *path, const rnn_model *model)
{
    scoped_file expected = saved(model, NULL), actual = read_whole(path);
    assert_int_equal(actual.size, expected.size);
    assert_memory_equal(actual.bytes, expected.bytes, expected.size);
}

/* The number of files and folders in a directory */
static int count_names(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count - 2;
}

static mode_t permissions_of(const char *path)
{
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    return about.st_mode & 07777;
}

/* ---- Saving ---- */

static void test_a_file_holds_what_memory_would(void **state)
{
    scoped_model *model = make_model(4, 1), *loaded = NULL;
    scoped_vocab *vocab = NULL, *loaded_vocab = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "xyz", 3, &vocab));
    assert_ok(rnn_model_save(model, vocab, "model.safetensors"));
    scoped_file expected = saved(model, vocab), actual = read_whole("model.safetensors");
    assert_int_equal(actual.size, expected.size);
    assert_memory_equal(actual.bytes, expected.bytes, expected.size);
    assert_ok(rnn_model_load("model.safetensors", NULL, &loaded, &loaded_vocab));
    assert_same_model(model, loaded);
    assert_int_equal(rnn_vocab_size(loaded_vocab), 3);
    assert_int_equal(count_names("."), 1);
}

static void test_a_large_file_loads_in_pieces(void **state)
{
    scoped_model *model = make_model(301, 1), *loaded = NULL;
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_ok(rnn_model_load("model", NULL, &loaded, NULL));
    assert_same_model(model, loaded);
}

static void test_permissions_are_the_umasks_or_the_old_files(void **state)
{
    scoped_model *model = make_model(2, 1);
    mode_t before = umask(027);
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_int_equal(permissions_of("model"), 0640);
    assert_int_equal(chmod("model", 0604), 0);
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_int_equal(permissions_of("model"), 0604);
    umask(before);
}

static void test_what_a_symbolic_link_leads_to_is_replaced(void **state)
{
    static const char *const links[] = {"link", "link2"};
    scoped_model *one = make_model(2, 1), *other = make_model(2, 2);
    const rnn_model *models[] = {one, other};
    char here[4096];
    struct stat about;
    assert_int_equal(mkdir("sub", 0700), 0);
    assert_int_equal(symlink("../target", "sub/middle"), 0); /* relative to its own directory */
    assert_int_equal(symlink("sub/middle", "link"), 0);
    assert_non_null(getcwd(here, sizeof here - 16));
    strcat(here, "/target");
    assert_int_equal(symlink(here, "link2"), 0);
    for (int i = 0; i < 4; i++) { /* at first there is no target */
        assert_ok(rnn_model_save(models[i % 2], NULL, links[i / 2]));
        assert_int_equal(lstat(links[i / 2], &about), 0);
        assert_true(S_ISLNK(about.st_mode));
        assert_int_equal(lstat("target", &about), 0);
        assert_true(S_ISREG(about.st_mode));
        assert_holds("target", models[i % 2]);
    }
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_fails(rnn_model_save(models[0], NULL, "loop"), RNN_ERROR_IO, strerror(ELOOP));
    unlink("sub/middle");
}

static void test_saves_that_cannot_work_say_why_and_leave_all_as_it_was(void **state)
{
    char long_name[300] = "", longest_name[256] = "", here[4096];
    scoped_model *model = make_model(2, 1);
    memset(long_name, 'x', sizeof long_name - 1);
    memset(longest_name, 'y', sizeof longest_name - 1);
    assert_int_equal(mkdir("directory", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    write_file("file", "old", 3);
    struct {
        const char *path, *reason;
    } cases[] = {
        {"directory", "directory is a directory"},
        {"directory/", strerror(EISDIR)},
        {".", "is a directory"},
        {"/", strerror(EISDIR)},
        {"", strerror(ENOENT)},
        {"none/model", strerror(ENOENT)},
        {"file/model", strerror(ENOTDIR)},
        {"file/", strerror(ENOTDIR)},
        {"pipe", "pipe is not a regular file"},
        {"/dev/null", "/dev/null is not a regular file"},
        {"/proc/model", "/proc/model can't be written"},
        {long_name, strerror(ENAMETOOLONG)},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_fails(rnn_model_save(model, NULL, cases[i].path), RNN_ERROR_IO, cases[i].reason);
    assert_int_equal(count_names("."), 3);
    assert_int_equal(count_names("directory"), 0);
    scoped_file old = read_whole("file");
    assert_int_equal(old.size, 3);
    assert_ok(rnn_model_save(model, NULL, longest_name)); /* the temporary file's name isn't derived from it */
    assert_ok(rnn_model_save(model, NULL, "directory/../file"));
    assert_non_null(getcwd(here, sizeof here - 8));
    strcat(here, "/file");
    assert_ok(rnn_model_save(model, NULL, here));
    assert_holds("file", model);
}

/* In a child process without root's privileges */
static void test_what_may_not_be_written_stays(void **state)
{
    scoped_model *model = make_model(2, 1);
    assert_int_equal(mkdir("closed", 0755), 0);
    write_file("closed/model", "old", 3);
    assert_int_equal(mkdir("open", 0777), 0);
    assert_int_equal(chmod("open", 0777), 0);
    write_file("open/model", "old", 3);
    assert_int_equal(chmod("open/model", 0444), 0);
    assert_int_equal(chmod("closed/model", 0666), 0);
    assert_int_equal(chmod("closed", 0555), 0);
    assert_int_equal(chmod(".", 0711), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(2);
        int fails = rnn_model_save(model, NULL, "closed/model") == RNN_ERROR_IO &&
                    strstr(rnn_last_error(), strerror(EACCES)) != NULL &&
                    rnn_model_save(model, NULL, "open/model") == RNN_ERROR_IO &&
                    strstr(rnn_last_error(), strerror(EACCES)) != NULL &&
                    rnn_model_save(model, NULL, "closed/new") == RNN_ERROR_IO;
        _exit(fails ? 0 : 1);
    }
    int status = exit_status(child);
    scoped_file closed = read_whole("closed/model"), open = read_whole("open/model");
    assert_int_equal(closed.size, 3);
    assert_int_equal(open.size, 3);
    assert_int_equal(count_names("closed"), 1);
    assert_int_equal(count_names("open"), 1);
    chmod("closed", 0755);
    unlink("closed/model");
    unlink("open/model");
    if (status == 2)
        skip(); /* a root that may not give up its privileges */
    assert_int_equal(status, 0);
}

/* A limit on the size of files stands in for a full disk: the same call fails at the same moments. */
static void test_a_full_disk_leaves_the_old_file(void **state)
{
    scoped_model *old = make_model(2, 1), *model = make_model(200, 2);
    assert_ok(rnn_model_save(old, NULL, "model"));
    for (rlim_t limit = 0; limit < 300000; limit += limit < 2000 ? 499 : 33333) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct rlimit usual;
            signal(SIGXFSZ, SIG_IGN);
            if (getrlimit(RLIMIT_FSIZE, &usual) != 0 ||
                setrlimit(RLIMIT_FSIZE, &(struct rlimit){limit, usual.rlim_max}) != 0)
                _exit(3);
            rnn_status result = rnn_model_save(model, NULL, "model");
            rnn_status beside = rnn_model_save(model, NULL, "new");
            if (setrlimit(RLIMIT_FSIZE, &usual) != 0) /* tests/coverage.sh writes its counts when a process ends */
                _exit(3);
            if (result == RNN_OK && beside == RNN_OK)
                _exit(0);
            bool full = result == RNN_ERROR_IO && beside == RNN_ERROR_IO && strstr(rnn_last_error(), strerror(EFBIG));
            _exit(full ? 1 : 2);
        }
        int status = exit_status(child);
        assert_in_range(status, limit < 160000, 1);
        if (status == 1) {
            assert_holds("model", old);
            assert_int_equal(count_names("."), 1);
        } else {
            assert_holds("model", model);
            assert_holds("new", model);
            assert_int_equal(count_names("."), 2);
        }
    }
    assert_holds("new", model); /* the last limit was enough */
}

/* ---- Being killed ---- */

enum { KILLS_MOST = 300, KILLS_LEAST = 40, SECONDS = 4 };

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Starts a child process that saves the two models in turn until it is killed. Returns once it has begun. */
static pid_t start_saving(rnn_model *const models[2], int first)
{
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int begun = write(ready[1], &byte, 1) == 1;
        for (int i = first; begun; i++)
            if (rnn_model_save(models[i & 1], NULL, "model") != RNN_OK)
                break;
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return child;
}

static void test_a_process_killed_while_it_saves_leaves_one_whole_model(void **state)
{
    /* The larger model has some hundred kilobytes, so many moments are in the middle of writing. */
    rnn_model *models[] = {make_model(3, 1), make_model(250, 2)};
    file_bytes expected[] = {saved(models[0], NULL), saved(models[1], NULL)};
    random_source source = {2024};
    int seen[2] = {0, 0};
    double start = seconds_now();
    assert_ok(rnn_model_save(models[1], NULL, "model"));
    assert_ok(rnn_model_save(models[0], NULL, "model"));
    double both = seconds_now() - start; /* how long two saves take on this machine */
    for (int n = 0; n < KILLS_LEAST || (n < KILLS_MOST && seconds_now() < start + SECONDS); n++) {
        pid_t child = start_saving(models, n);
        double pause = random_between(&source, 0, 6 * both);
        const struct timespec time = {(time_t)pause, (long)(1e9 * (pause - (double)(time_t)pause))};
        nanosleep(&time, NULL);
        int status;
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));

        rnn_model *loaded = NULL;
        assert_ok(rnn_model_load("model", NULL, &loaded, NULL));
        rnn_model_destroy(loaded);
        scoped_file actual = read_whole("model");
        int which = actual.size == expected[1].size;
        assert_int_equal(actual.size, expected[which].size);
        assert_memory_equal(actual.bytes, expected[which].bytes, actual.size);
        seen[which]++;
    }
    assert_true(seen[0] > 0 && seen[1] > 0);
    assert_ok(rnn_model_save(models[1], NULL, "model")); /* temporary files that remain do no harm */
    assert_holds("model", models[1]);
    for (int i = 0; i < 2; i++) {
        free(expected[i].bytes);
        rnn_model_destroy(models[i]);
    }
}

/* ---- Loading ---- */

static void test_loads_that_cannot_work_name_the_file_and_the_reason(void **state)
{
    rnn_model *model = NULL;
    rnn_vocab *vocab = (rnn_vocab *)(void *)&model;
    rnn_load_options options = make_load_options();
    assert_int_equal(mkdir("directory", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    write_file("empty", "", 0);
    write_file("text", "Four score and seven years ago our fathers", 42);
    assert_fails(rnn_model_load("none", NULL, &model, &vocab), RNN_ERROR_IO, "none can't be opened");
    assert_fails(rnn_model_load("directory", NULL, &model, &vocab), RNN_ERROR_IO, "directory is a directory");
    assert_fails(rnn_model_load("pipe", NULL, &model, &vocab), RNN_ERROR_IO, "pipe is not a regular file");
    assert_fails(rnn_model_load("empty", NULL, &model, &vocab), RNN_ERROR_FORMAT, "empty: the file has 0 bytes");
    assert_fails(rnn_model_load("text", NULL, &model, &vocab), RNN_ERROR_FORMAT, "text: the file isn't a safetensors");
    scoped_model *other = make_model(2, 1);
    rnn_model_options given = options_of(other);
    assert_ok(rnn_model_save(other, NULL, "model"));
    given.hidden_size = 3;
    options.configuration = &given;
    assert_fails(rnn_model_load("model", &options, &model, &vocab), RNN_ERROR_MISMATCH, "model: configuration->hidden");
    assert_null(model);
    assert_ptr_equal(vocab, &model);
}

static int cannot_be_loaded(const char *path)
{
    rnn_model *model = NULL;
    return rnn_model_load(path, NULL, &model, NULL) == RNN_ERROR_IO &&
           strstr(rnn_last_error(), strerror(EACCES)) != NULL;
}

static void test_a_file_that_may_not_be_read_is_refused(void **state)
{
    assert_true(holds_for_an_unreadable_file("secret", cannot_be_loaded));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_file_holds_what_memory_would),
        test_with_files(test_a_large_file_loads_in_pieces),
        test_with_files(test_permissions_are_the_umasks_or_the_old_files),
        test_with_files(test_what_a_symbolic_link_leads_to_is_replaced),
        test_with_files(test_saves_that_cannot_work_say_why_and_leave_all_as_it_was),
        test_with_files(test_what_may_not_be_written_stays),
        test_with_files(test_a_full_disk_leaves_the_old_file),
        test_with_files(test_a_process_killed_while_it_saves_leaves_one_whole_model),
        test_with_files(test_loads_that_cannot_work_name_the_file_and_the_reason),
        test_with_files(test_a_file_that_may_not_be_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
