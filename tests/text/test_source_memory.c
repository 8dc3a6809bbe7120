/*
 * What a source does when memory runs out.
 */
#include "sources.h"

/* ---- Memory ---- */

static size_t bytes_left;

static void *allocate_from_little(void *context, size_t alignment, size_t size)
{
    (void)context;
    if (allocations_left-- <= 0 || size > bytes_left)
        return NULL;
    bytes_left -= size;
    return allocate_aligned(alignment, size);
}

static void release_to_little(void *context, void *memory, size_t size)
{
    (void)context;
    bytes_left += size;
    release_aligned(memory);
}

/* A file in /proc claims to have 0 bytes. */
static void test_a_file_that_is_longer_than_it_says_is_read_to_its_end(void **state)
{
    (void)state;
    unsigned char text[4096];
    FILE *file = fopen("/proc/version", "rb");
    if (file == NULL)
        skip();
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    rnn_source *source = open_path("/proc/version");
    assert_source_is(source, text, (int64_t)size);
    assert_source_is_text(source, text, size, 5);
    rnn_source_destroy(source);
}

static void test_whichever_allocation_fails_nothing_is_left_behind(void **state)
{
    (void)state;
    enum { LIMIT = 100 << 20 };
    static const rnn_allocator little = {.allocate = allocate_from_little, .release = release_to_little};
    static const char *const paths[] = {"text", "-", "text"};
    size_t size = 0;
    int failures = 0;
    unsigned char *text = create_unicode_text(60000, 300, 5, &size);
    write_file("text", "abc", 3);
    assert_ok(rnn_set_allocator(&little));
    for (int64_t n = 0; n < 100; n++) {
        rnn_source *source = UNTOUCHED;
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(write(ends[1], text, 3), 3);
        close(ends[1]);
        allocations_left = n;
        bytes_left = LIMIT;
        rnn_status status = open_input(ends[0], paths, 3, &source);
        if (status == RNN_OK) {
            assert_int_equal(rnn_source_size(source), 9);
            rnn_source_destroy(source);
            n = 100;
        } else {
            failures++;
            assert_int_equal(status, RNN_ERROR_MEMORY);
            assert_ptr_equal(source, UNTOUCHED);
        }
        assert_int_equal(bytes_left, LIMIT);
    }
    assert_in_range(failures, 5, 50);

    /* A text that is too large to be kept in memory */
    rnn_source *source = UNTOUCHED;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t writer = start_writer(NULL, ends[1], text, 60000);
    close(ends[1]);
    int kept = dup(ends[0]); /* so that the writer isn't killed */
    allocations_left = INT64_MAX;
    bytes_left = 50000;
    assert_fails(open_input(ends[0], &paths[1], 1, &source), RNN_ERROR_MEMORY, "only be read once");
    assert_int_equal(bytes_left, 50000);
    assert_ptr_equal(source, UNTOUCHED);
    await_writer(writer);
    close(kept);
    assert_ok(rnn_set_allocator(NULL));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_file_that_is_longer_than_it_says_is_read_to_its_end),
        test_with_files(test_whichever_allocation_fails_nothing_is_left_behind),
    };
    alarm(300); /* ends the suite if a call waits for a writer that never comes */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
