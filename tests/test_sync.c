/*
 * test_sync.c: what a save asks of the system, and in which order, so that a machine that loses its power holds the old
 * file or the new one. The functions below take the place of the C library's, for the library as well.
 */
#define _GNU_SOURCE /* syscall() */
#include "temporary.h"

#include <sys/syscall.h>

static char calls[64];    /* f: a file is synchronised; r: renamed; d: a directory is synchronised */
static off_t synced_size; /* of the file */

static void note(char call)
{
    size_t length = strlen(calls);
    if (length + 1 < sizeof calls) {
        calls[length] = call;
        calls[length + 1] = '\0';
    }
}

int fsync(int descriptor)
{
    struct stat about;
    if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode)) {
        note('f');
        synced_size = about.st_size;
    } else {
        note('d');
    }
    return (int)syscall(SYS_fsync, descriptor);
}

int renameat(int old_directory, const char *old_path, int new_directory, const char *new_path)
{
    note('r');
    return (int)syscall(SYS_renameat, old_directory, old_path, new_directory, new_path);
}

static rnn_model *create_small_model(void)
{
    rnn_model_options options = make_options(5, 7, 5, 1, RNN_FLOAT32);
    rnn_model *model;
    assert_ok(rnn_model_create(&options, &model));
    return model;
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
    (void)state;
    rnn_model *model = create_small_model();
    for (int n = 0; n < 2; n++) { /* a new file, and one that is replaced */
        calls[0] = '\0';
        assert_ok(rnn_model_save(model, NULL, "model.safetensors"));
        assert_saved_in_order("model.safetensors");
    }
    rnn_model_destroy(model);
}

static void test_a_checkpoint_is_saved_in_the_same_order(void **state)
{
    (void)state;
    rnn_checkpoint checkpoint;
    assert_ok(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    checkpoint.model = create_small_model();
    calls[0] = '\0';
    assert_ok(rnn_checkpoint_save(&checkpoint, "run.safetensors"));
    assert_saved_in_order("run.safetensors");
    rnn_model_destroy(checkpoint.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_save_syncs_the_whole_file_then_renames_it_then_syncs_the_directory),
        test_with_files(test_a_checkpoint_is_saved_in_the_same_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
