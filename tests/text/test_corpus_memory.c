/*
 * The memory that corpora take: of bytes, the same whatever the size of the file; of code points, one or two bytes for
 * each.
 */
#include "temporary.h"
#include "texts.h"

enum { MEBIBYTE = 1 << 20 };

/* A field of /proc/self/status in bytes, or -1 where there is none. */
static int64_t read_status(const char *field)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long long kibibytes = -1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, field, strlen(field)) == 0)
            sscanf(line + strlen(field), ": %lld", &kibibytes);
    if (file != NULL)
        fclose(file);
    return kibibytes < 0 ? -1 : kibibytes * 1024;
}

/* A file of `size` bytes that takes next to no room on the disk: zeros, and all 256 bytes here and there. */
static void write_sparse_file(const char *path, int64_t size, int places)
{
    unsigned char bytes[256];
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fill_with_all_bytes(bytes);
    assert_int_equal(ftruncate(fileno(file), (off_t)size), 0);
    for (int i = 0; i < places; i++) {
        assert_int_equal(fseeko(file, (off_t)(size / places * i + 12345), SEEK_SET), 0);
        assert_int_equal(fwrite(bytes, 1, sizeof bytes, file), sizeof bytes);
    }
    assert_int_equal(fclose(file), 0);
}

static void test_reading_a_file_of_256_mebibytes_takes_less_than_8(void **state)
{
    (void)state;
    enum { STEPS = 16384, STREAMS = 4, SIZE = 256 * MEBIBYTE };
    int64_t zeros = 0, symbols = 0;
    write_sparse_file("text", SIZE, 16);
    int64_t before = read_status("VmRSS");
    if (before < 0)
        skip();

    rnn_vocab *vocab = vocab_of_file(RNN_VOCAB_BYTES, "text");
    assert_int_equal(rnn_vocab_size(vocab), 256);
    rnn_corpus *corpus = corpus_of_file(vocab, "text", STEPS, STREAMS);
    assert_int_equal(rnn_corpus_size(corpus), SIZE);
    for (int64_t n = 0; n < rnn_corpus_chunks(corpus); n++) {
        rnn_chunk chunk = next_chunk(corpus);
        for (int64_t i = 0; i < STEPS * STREAMS; i++)
            zeros += chunk.inputs[i] == 0;
        symbols += STEPS * STREAMS;
    }
    rnn_corpus *validation = split(corpus, 0.5);
    (void)next_chunk(validation);
    int64_t most = read_status("VmHWM");

    assert_true(symbols > SIZE - 3 * STEPS * STREAMS);
    assert_int_equal(symbols - zeros, 16 * 255);
    assert_in_range(most - before, 0, 8 * MEBIBYTE);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
}

/* Two files, 64 MiB together, have 9 different code points, so that an id takes a byte. */
static void test_a_corpus_of_code_points_takes_as_many_bytes_and_less_than_8_mebibytes(void **state)
{
    (void)state;
    enum { STEPS = 4096, STREAMS = 16, LINE = 32, LINES = 64 * MEBIBYTE / LINE };
    static const char line[] = "a中b文🙂é—c中文🙂"; /* 11 symbols */
    static const char *const paths[] = {"first", "second"};
    char bytes[LINE + 1];
    int32_t ids[LINE];
    int64_t count = 0;
    rnn_source *source = NULL;
    memset(bytes, '.', LINE);
    memcpy(bytes, line, sizeof line - 1);
    int64_t per_line = 11 + LINE - (int64_t)(sizeof line - 1);
    for (int part = 0; part < 2; part++) {
        FILE *file = fopen(paths[part], "wb");
        assert_non_null(file);
        if (part == 1) /* the first file stops within a code point */
            assert_int_equal(fwrite(bytes + 2, 1, LINE - 2, file), LINE - 2);
        for (int64_t n = 1; n < LINES / 2; n++)
            assert_int_equal(fwrite(bytes, 1, LINE, file), LINE);
        if (part == 0)
            assert_int_equal(fwrite(bytes, 1, 2, file), 2);
        assert_int_equal(fclose(file), 0);
    }
    int64_t before = read_status("VmRSS");
    if (before < 0)
        skip();

    assert_ok(rnn_source_open(paths, 2, &source));
    rnn_vocab *vocab = vocab_of_source(RNN_VOCAB_UTF8, source);
    assert_int_equal(rnn_vocab_size(vocab), 9);
    rnn_corpus *corpus = corpus_of_source(vocab, source, STEPS, STREAMS);
    rnn_source_destroy(source);
    assert_int_equal(rnn_corpus_size(corpus), (LINES - 1) * per_line);
    int64_t length = (rnn_corpus_size(corpus) - 1) / STREAMS;
    assert_ok(rnn_vocab_encode(vocab, bytes, LINE, ids, LINE, &count));
    assert_int_equal(count, per_line);
    for (int64_t n = 0; n < rnn_corpus_chunks(corpus); n++) {
        rnn_chunk chunk = next_chunk(corpus);
        for (int64_t i = 0; i < STEPS * STREAMS; i += 97) {
            int64_t symbol = i % STREAMS * length + n * STEPS + i / STREAMS;
            assert_int_equal(chunk.inputs[i], ids[symbol % per_line]);
        }
    }
    rnn_corpus *validation = split(corpus, 0.5);
    assert_ok(rnn_corpus_seek(validation, rnn_corpus_chunks(validation) / 2 * STEPS));
    (void)next_chunk(validation);
    int64_t most = read_status("VmHWM");

    assert_in_range(most - before, 0, 8 * MEBIBYTE + (LINES - 1) * per_line);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
}

/* Without this the tests above might be unable to fail. */
static void test_the_measure_sees_memory_that_is_used(void **state)
{
    (void)state;
    int64_t before = read_status("VmRSS");
    if (before < 0)
        skip();
    char *memory = allocate(64 * MEBIBYTE, 1);
    memset(memory, 1, (size_t)64 * MEBIBYTE);
    assert_int_equal(memory[random_below(&(random_source){1}, 64 * MEBIBYTE)], 1);
    assert_true(read_status("VmHWM") - before > 48 * MEBIBYTE);
    free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_reading_a_file_of_256_mebibytes_takes_less_than_8),
        test_with_files(test_a_corpus_of_code_points_takes_as_many_bytes_and_less_than_8_mebibytes),
        cmocka_unit_test(test_the_measure_sees_memory_that_is_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
