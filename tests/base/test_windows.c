/*
 * Files on Windows: paths are UTF-8, a save replaces a file that others have open and keeps its attributes, and every
 * error names the file and the reason. Pipes can be waited for, and told to give up.
 */
#include "../text/sources.h"
#include "checkpoints.h"

#include <errno.h>
#include <windows.h>

#include <sddl.h>

#define NAME "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x99\x82" /* "é中🙂" */
#define WIDE_NAME L"\x00e9\x4e2d\xd83d\xde42"

static rnn_model *make_model(uint64_t seed)
{
    rnn_model_options o = make_options(3, 4, 3, 1, RNN_FLOAT32);
    return create_random_model(&o, 1, seed);
}

static void assert_file_is(const char *path, const rnn_model *model)
{
    scoped_model *loaded = NULL;
    assert_ok(rnn_model_load(path, NULL, &loaded, NULL));
    assert_same_model(model, loaded);
}

/* The number of temporary files of the library in the current directory */
static int count_temporaries(void)
{
    int count = 0;
    DIR *directory = opendir(".");
    assert_non_null(directory);
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory))
        count += strncmp(entry->d_name, ".librnn-", 8) == 0;
    closedir(directory);
    return count;
}

static void test_a_path_is_utf8(void **state)
{
    scoped_model *model = make_model(1), *other = make_model(2);
    char absolute[4096];
    assert_int_equal(_wmkdir(WIDE_NAME), 0);
    assert_ok(rnn_model_save(model, NULL, NAME "/" NAME));
    assert_true(GetFileAttributesW(WIDE_NAME L"\\" WIDE_NAME) != INVALID_FILE_ATTRIBUTES);
    assert_file_is(NAME "\\" NAME, model);
    assert_ok(rnn_model_save(other, NULL, NAME "\\" NAME));
    assert_non_null(getcwd(absolute, sizeof absolute - 64));
    strcat(absolute, "\\" NAME "\\" NAME);
    assert_file_is(absolute, other);
    assert_ok(rnn_model_save(model, NULL, absolute));
    scoped_source *source = open_path(NAME "/" NAME);
    assert_true(rnn_source_size(source) > 100);
    assert_fails(rnn_model_load(NAME, NULL, &model, NULL), RNN_ERROR_IO, NAME " is a directory");
    rnn_source_destroy(source);
    source = NULL;
    assert_true(DeleteFileW(WIDE_NAME L"\\" WIDE_NAME));
    assert_true(RemoveDirectoryW(WIDE_NAME)); /* so no other file was left there */
}

static void test_a_file_that_others_have_open_is_replaced(void **state)
{
    static const char *const path = "model";
    scoped_model *old = make_model(1), *new = make_model(2);
    assert_ok(rnn_model_save(old, NULL, path));
    scoped_source *source = open_path(path);
    scoped_file bytes = saved(old, NULL);
    assert_ok(rnn_model_save(new, NULL, path));
    assert_file_is(path, new);
    assert_source_is(source, (const unsigned char *)bytes.bytes, (int64_t)bytes.size); /* still the old one */
    rnn_source_destroy(source);
    source = NULL;
    assert_int_equal(count_temporaries(), 0);
}

static void test_a_file_that_a_program_does_not_share_stays(void **state)
{
    scoped_model *old = make_model(1), *new = make_model(2);
    assert_ok(rnn_model_save(old, NULL, "model"));
    HANDLE held = CreateFileW(L"model", GENERIC_READ, FILE_SHARE_READ, NULL, OPEN_EXISTING, 0, NULL);
    assert_true(held != INVALID_HANDLE_VALUE);
    assert_fails(rnn_model_save(new, NULL, "model"), RNN_ERROR_IO, "model can't be written: ");
    assert_file_is("model", old);
    CloseHandle(held);
    assert_int_equal(count_temporaries(), 0);
}

static void test_the_new_file_takes_over_the_old_ones_attributes(void **state)
{
    scoped_model *model = make_model(1);
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_true(SetFileAttributesW(L"model", FILE_ATTRIBUTE_HIDDEN));
    if (!(GetFileAttributesW(L"model") & FILE_ATTRIBUTE_HIDDEN))
        skip_without("hidden files here");
    assert_ok(rnn_model_save(model, NULL, "model"));
    assert_true(GetFileAttributesW(L"model") & FILE_ATTRIBUTE_HIDDEN);
}

static void get_rights(const wchar_t *path, unsigned char rights[1024])
{
    DWORD size;
    memset(rights, 0, 1024);
    assert_true(GetFileSecurityW(path, DACL_SECURITY_INFORMATION, rights, 1024, &size));
}

static void test_the_new_file_takes_over_the_old_ones_access_rights(void **state)
{
    scoped_model *model = make_model(1);
    unsigned char usual[1024], wide[1024], kept[1024];
    PSECURITY_DESCRIPTOR everyone;
    assert_ok(rnn_model_save(model, NULL, "model"));
    get_rights(L"model", usual);
    assert_true(
        ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;;FA;;;WD)", SDDL_REVISION_1, &everyone, NULL));
    assert_true(SetFileSecurityW(L"model", DACL_SECURITY_INFORMATION, everyone));
    LocalFree(everyone);
    get_rights(L"model", wide);
    if (memcmp(usual, wide, sizeof usual) == 0)
        skip_without("access rights here");
    assert_ok(rnn_model_save(model, NULL, "model"));
    get_rights(L"model", kept);
    assert_memory_equal(kept, wide, sizeof kept);
}

static void test_files_that_cannot_be_written_say_why_and_stay(void **state)
{
    scoped_model *model = make_model(1);
    write_file("protected", "old", 3);
    assert_true(SetFileAttributesW(L"protected", FILE_ATTRIBUTE_READONLY));
    assert_int_equal(mkdir("directory", 0700), 0);
    const struct {
        const char *path, *reason;
    } cases[] = {
        {"protected", strerror(EACCES)},
        {"directory", "directory is a directory"},
        {"", strerror(ENOENT)},
        {"none/model", strerror(ENOENT)},
        {"NUL", "NUL is not a regular file"},
        {"bad\xff", "bad? can't be written"},
    };
    for (int i = 0; i < COUNT_OF(cases); i++)
        assert_fails(rnn_model_save(model, NULL, cases[i].path), RNN_ERROR_IO, cases[i].reason);
    assert_true(SetFileAttributesW(L"protected", FILE_ATTRIBUTE_NORMAL));
    scoped_file old = read_whole("protected");
    assert_int_equal(old.size, 3);
    assert_int_equal(count_temporaries(), 0);
}

static void test_files_that_cannot_be_read_say_why(void **state)
{
    rnn_model *model = UNTOUCHED;
    char deep[5001];
    for (size_t i = 0; i < sizeof deep - 1; i++)
        deep[i] = i % 100 == 99 ? '/' : 'd';
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(mkdir("directory", 0700), 0);
    const struct {
        const char *path, *reason;
    } cases[] = {
        {"none", strerror(ENOENT)},           {"none/model", strerror(ENOENT)}, {"", strerror(ENOENT)},
        {"NUL", "NUL is not a regular file"}, {"directory", "is a directory"},  {deep, strerror(ENAMETOOLONG)},
        {"bad\xff", "bad? can't be opened"},
    };
    for (int i = 0; i < COUNT_OF(cases); i++)
        assert_fails(rnn_model_load(cases[i].path, NULL, &model, NULL), RNN_ERROR_IO, cases[i].reason);
    assert_ptr_equal(model, UNTOUCHED);
}

/* ---- No memory ---- */

static int64_t allocations_left;

static void *allocate_while_any_are_left(void *context, size_t alignment, size_t size)
{
    (void)context;
    return allocations_left-- <= 0 ? NULL : allocate_aligned(alignment, size);
}

static void release(void *context, void *memory, size_t size)
{
    (void)context;
    (void)size;
    release_aligned(memory);
}

static const rnn_allocator failing_allocator = {.allocate = allocate_while_any_are_left, .release = release};

static void test_without_memory_the_old_file_stays(void **state)
{
    rnn_model *loaded = NULL;
    allocations_left = INT64_MAX;
    assert_ok(rnn_set_allocator(&failing_allocator));
    rnn_model *old = make_model(1), *model = make_model(2);
    assert_ok(rnn_model_save(old, NULL, "model"));
    rnn_status status = RNN_ERROR_MEMORY;
    for (int64_t n = 0; status == RNN_ERROR_MEMORY; n++) {
        allocations_left = n;
        status = rnn_model_save(model, NULL, "model");
        allocations_left = INT64_MAX;
        assert_int_equal(count_temporaries(), 0);
        assert_file_is("model", status == RNN_OK ? model : old);
    }
    assert_int_equal(status, RNN_OK);
    status = RNN_ERROR_MEMORY;
    for (int64_t n = 0; status == RNN_ERROR_MEMORY; n++) {
        allocations_left = n;
        status = rnn_model_load("model", NULL, &loaded, NULL);
    }
    assert_int_equal(status, RNN_OK);
    allocations_left = INT64_MAX;
    rnn_model_destroy(loaded);
    rnn_model_destroy(old);
    rnn_model_destroy(model);
    assert_ok(rnn_set_allocator(NULL));
}

/* ---- Pipes ------------------------------------------------------------------------------------------------------- */

static int32_t count_to_three(void *context)
{
    return ++*(int *)context >= 3;
}

static void *write_slowly(void *descriptor)
{
    for (int i = 0; i < 10; i++) {
        Sleep(30);
        if (write(*(int *)descriptor, "text", 4) != 4)
            break;
    }
    close(*(int *)descriptor);
    return NULL;
}

static void test_a_pipe_is_read_to_its_end(void **state)
{
    static const char *const input[] = {"-"};
    for (int asks = 0; asks < 2; asks++) {
        scoped_source *source = NULL;
        pthread_t writer;
        int ends[2], asked = -1000;
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(pthread_create(&writer, NULL, write_slowly, &ends[1]), 0);
        rnn_set_interrupt(asks ? count_to_three : NULL, &asked);
        assert_ok(open_input(ends[0], input, 1, &source));
        rnn_set_interrupt(NULL, NULL);
        pthread_join(writer, NULL);
        assert_int_equal(rnn_source_size(source), 40);
        assert_true(asks == (asked > -1000));
    }
}

static void test_a_call_that_waits_for_a_pipe_can_be_told_to_give_up(void **state)
{
    static const char *const input[] = {"-"};
    rnn_source *source = UNTOUCHED;
    int ends[2], asked = 0;
    assert_int_equal(pipe(ends), 0);
    rnn_set_interrupt(count_to_three, &asked);
    assert_fails(open_input(ends[0], input, 1, &source), RNN_ERROR_IO, "standard input was not read to its end");
    rnn_set_interrupt(NULL, NULL);
    assert_ptr_equal(source, UNTOUCHED);
    assert_int_equal(asked, 3);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_path_is_utf8),
        test_with_files(test_a_file_that_others_have_open_is_replaced),
        test_with_files(test_a_file_that_a_program_does_not_share_stays),
        test_with_files(test_the_new_file_takes_over_the_old_ones_attributes),
        test_with_files(test_the_new_file_takes_over_the_old_ones_access_rights),
        test_with_files(test_files_that_cannot_be_written_say_why_and_stay),
        test_with_files(test_files_that_cannot_be_read_say_why),
        test_with_files(test_without_memory_the_old_file_stays),
        cmocka_unit_test(test_a_pipe_is_read_to_its_end),
        cmocka_unit_test(test_a_call_that_waits_for_a_pipe_can_be_told_to_give_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
