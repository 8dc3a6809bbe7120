/*
 * The system calls of a save and their order, which ensure that a machine that loses power keeps the old file or the
 * new one; and what a save does if a call fails or isn't supported. The library calls the functions below instead of
 * the C library's.
 */
#define _GNU_SOURCE /* syscall() */

#include "processes.h"
#include "temporary.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/syscall.h>

/* f: a file was synchronised; r: a file was renamed; d: a directory was synchronised */
static char calls[64];
static off_t synced_size; /* of the file */
static int changes;       /* of permissions */

/* The errors with which calls fail; 0: they succeed */
static int file_error, directory_error, permissions_error, owner_error;
static int interruptions; /* how many calls fail with EINTR first */
static int lowest;        /* the lowest descriptor that has been written to */

static void note(char call)
{
    size_t length = strlen(calls);
    if (length + 1 < sizeof calls) {
        calls[length] = call;
        calls[length + 1] = '\0';
    }
}

/* Returns 0, or -1 if the call must fail. */
static int answer(int error)
{
    if (interruptions > 0) {
        interruptions--;
        error = EINTR;
    }
    errno = error;
    return error ? -1 : 0;
}

int fsync(int descriptor)
{
    struct stat about;
    bool file = fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
    if (answer(file ? file_error : directory_error) != 0)
        return -1;
    note(file ? 'f' : 'd');
    synced_size = file ? about.st_size : synced_size;
    return (int)syscall(SYS_fsync, descriptor);
}

int fchmod(int descriptor, mode_t mode)
{
    changes++;
    return answer(permissions_error) != 0 ? -1 : (int)syscall(SYS_fchmod, descriptor, mode);
}

int fchown(int descriptor, uid_t owner, gid_t group)
{
    return answer(owner_error) != 0 ? -1 : (int)syscall(SYS_fchown, descriptor, owner, group);
}

ssize_t write(int descriptor, const void *bytes, size_t size)
{
    lowest = descriptor < lowest ? descriptor : lowest;
    return syscall(SYS_write, descriptor, bytes, size);
}

int renameat(int old_directory, const char *old_path, int new_directory, const char *new_path)
{
    note('r');
    return (int)syscall(SYS_renameat, old_directory, old_path, new_directory, new_path);
}

static rnn_model *create_small_model(void)
{
    rnn_model_options options = make_options(5, 7, 5, 1, RNN_FLOAT32);
    return create_model(&options);
}

static void assert_saved_in_order(const char *path)
{
    struct stat about;
    assert_string_equal(calls, "frd");
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(synced_size, about.st_size);
}

static void test_a_save_syncs_the_whole_file_then_renames_it_then_syncs_the_directory(void **state)
{
    scoped_model *model = create_small_model();
    for (int n = 0; n < 2; n++) { /* a new file, and one that is replaced */
        calls[0] = '\0';
        assert_ok(rnn_model_save(model, NULL, "model.safetensors"));
        assert_saved_in_order("model.safetensors");
    }
}

static void test_a_checkpoint_is_saved_in_the_same_order(void **state)
{
    rnn_checkpoint checkpoint;
    assert_ok(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    checkpoint.model = create_small_model();
    calls[0] = '\0';
    assert_ok(rnn_checkpoint_save(&checkpoint, "run.safetensors"));
    assert_saved_in_order("run.safetensors");
    rnn_model_destroy(checkpoint.model);
}

static void save_over(const rnn_model *model, mode_t permissions)
{
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_int_equal(chmod("model", permissions), 0);
    changes = 0;
}

static void test_permissions_are_set_only_where_they_differ(void **state)
{
    scoped_model *model = create_small_model();
    save_over(model, 0600);
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_int_equal(changes, 0);
    save_over(model, 0640);
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_int_equal(changes, 1);
}

static void test_a_file_is_replaced_where_permissions_cannot_be_set(void **state)
{
    scoped_model *model = create_small_model();
    static const int errors[] = {EPERM, ENOTSUP, ENOSYS, EINVAL};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct stat about;
        save_over(model, 0644);
        permissions_error = errors[i];
        rnn_status status = rnn_model_save(model, NULL, "model");
        permissions_error = 0;
        assert_int_equal(status, RNN_OK);
        assert_int_equal(stat("model", &about), 0);
        assert_int_equal(about.st_mode & 0777, 0600); /* nobody may do more with it than with the old file */
    }
}

static void test_root_leaves_a_file_to_its_owner(void **state)
{
    if (geteuid() != 0)
        skip();
    scoped_model *model = create_small_model();
    struct stat about;
    save_over(model, 0640);
    if (chown("model", 12, 34) != 0)
        skip(); /* a root that may not give files away */
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_int_equal(stat("model", &about), 0);
    assert_int_equal(about.st_uid, 12);
    assert_int_equal(about.st_gid, 34);
    assert_int_equal(about.st_mode & 0777, 0640);

    save_over(model, 0664);
    owner_error = EPERM; /* then the other group gets the permissions of others */
    rnn_status status = rnn_model_save(model, NULL, "model");
    owner_error = 0;
    assert_int_equal(status, RNN_OK);
    assert_int_equal(stat("model", &about), 0);
    assert_int_equal(about.st_gid, getegid());
    assert_int_equal(about.st_mode & 0777, 0644);
}

static void test_a_file_system_that_does_not_synchronise_is_no_failure(void **state)
{
    scoped_model *model = create_small_model();
    static const int unknown[] = {EINVAL, ENOTSUP, ENOSYS};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        file_error = directory_error = unknown[i];
        rnn_status status = rnn_model_save(model, NULL, "model");
        file_error = directory_error = 0;
        assert_int_equal(status, RNN_OK);
    }
}

static void test_a_file_that_cannot_be_synchronised_leaves_the_old_one(void **state)
{
    scoped_model *model = create_small_model();
    assert_ok(rnn_model_save(model, NULL, "model"));
    calls[0] = '\0';
    file_error = EIO;
    rnn_status status = rnn_model_save(model, NULL, "model");
    file_error = 0;
    assert_int_equal(status, RNN_ERROR_IO);
    assert_non_null(strstr(rnn_last_error(), strerror(EIO)));
    assert_string_equal(calls, ""); /* not renamed */
}

static void test_once_the_new_file_is_in_place_a_save_succeeds(void **state)
{
    scoped_model *model = create_small_model();
    static const int errors[] = {EBADF, EIO};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        directory_error = errors[i];
        rnn_status status = rnn_model_save(model, NULL, "model");
        directory_error = 0;
        assert_int_equal(status, RNN_OK);
    }
}

static void test_what_a_signal_interrupts_is_tried_again(void **state)
{
    scoped_model *model = create_small_model();
    calls[0] = '\0';
    interruptions = 3;
    rnn_status status = rnn_model_save(model, NULL, "model");
    interruptions = 0;
    assert_int_equal(status, RNN_OK);
    assert_string_equal(calls, "frd");
}

static bool is_open(int descriptor)
{
    return fcntl(descriptor, F_GETFD) != -1;
}

static void test_no_file_of_ours_gets_a_standard_descriptor(void **state)
{
    rnn_model *model = create_small_model();
    write_file("text", "hello", 5);
    pid_t child = fork();
    if (child == 0) {
        static const char *const paths[] = {"text"}, *const input[] = {"text", "-"};
        rnn_model *loaded = NULL;
        rnn_source *source = NULL, *other;
        lowest = 3;
        for (int n = 0; n < 3; n++)
            close(n);
        bool well = rnn_model_save(model, NULL, "model") == RNN_OK && lowest == 3;
        well = well && rnn_model_load("model", NULL, &loaded, NULL) == RNN_OK;
        well = well && rnn_source_open(paths, 1, &source) == RNN_OK && !is_open(0) && !is_open(1) && !is_open(2);
        well = well && rnn_source_open(input, 2, &other) == RNN_ERROR_IO; /* there is no standard input */
        rnn_source_destroy(source);
        rnn_model_destroy(loaded);
        rnn_model_destroy(model);
        _exit(well ? 0 : 1);
    }
    assert_int_equal(exit_status(child), 0);
    DIR *directory = opendir(".");
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        assert_null(strstr(entry->d_name, ".librnn-")); /* the files that held the low descriptors are gone */
    closedir(directory);
    rnn_model_destroy(model);
}

static void test_a_directory_need_not_be_readable(void **state)
{
    rnn_model *model = create_small_model();
    assert_int_equal(mkdir("deposit", 0333), 0);
    assert_int_equal(chmod("deposit", 0333), 0);
    assert_int_equal(chmod(".", 0711), 0);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(0); /* a root that may not give up its privileges */
        rnn_status saved = rnn_model_save(model, NULL, "deposit/model");
        rnn_model_destroy(model);
        _exit(saved == RNN_OK ? 0 : 1);
    }
    assert_int_equal(exit_status(child), 0);
    chmod("deposit", 0755);
    unlink("deposit/model");
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_save_syncs_the_whole_file_then_renames_it_then_syncs_the_directory),
        test_with_files(test_a_checkpoint_is_saved_in_the_same_order),
        test_with_files(test_permissions_are_set_only_where_they_differ),
        test_with_files(test_a_file_is_replaced_where_permissions_cannot_be_set),
        test_with_files(test_root_leaves_a_file_to_its_owner),
        test_with_files(test_a_file_system_that_does_not_synchronise_is_no_failure),
        test_with_files(test_a_file_that_cannot_be_synchronised_leaves_the_old_one),
        test_with_files(test_once_the_new_file_is_in_place_a_save_succeeds),
        test_with_files(test_what_a_signal_interrupts_is_tried_again),
        test_with_files(test_no_file_of_ours_gets_a_standard_descriptor),
        test_with_files(test_a_directory_need_not_be_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
