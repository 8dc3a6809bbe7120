/*
 * What a source does when memory runs out.
 */
#include "sources.h"

/* ---- Memory ---- */

static size_t bytes_left;

static void *allocate_from_little(void *context, size_t alignment, size_t size)
{
    (void)context;
    if (size > bytes_left)
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

static void test_a_text_that_is_too_large_to_be_kept_is_an_error(void **state)
{
    (void)state;
    static const rnn_allocator little = {.allocate = allocate_from_little, .release = release_to_little};
    static const char *const input[] = {"-"};
    size_t size = 0;
    unsigned char *text = create_unicode_text(60000, 300, 5, &size);
    assert_ok(rnn_set_allocator(&little));
    rnn_source *source = UNTOUCHED;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t writer = start_writer(NULL, ends[1], text, 60000);
    close(ends[1]);
    int kept = dup(ends[0]); /* so that the writer isn't killed */
    bytes_left = 50000;
    assert_fails(open_input(ends[0], input, 1, &source), RNN_ERROR_MEMORY, "only be read once");
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
        test_with_files(test_a_text_that_is_too_large_to_be_kept_is_an_error),
    };
    alarm(300); /* ends the suite if a call waits for a writer that never comes */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
