/*
 * Sizes that don't fit in memory, and texts of nearly 2^63 bytes. A size that is too large must be an error: if a
 * product of sizes wrapped around, the library would allocate too little. Where a size_t has 32 bits, most of these
 * wrap.
 */
#define _GNU_SOURCE /* memfd_create() */

#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- An allocator with little memory ---- */

enum { MEMORY_MOST = 1 << 26 }; /* bytes in a block */

static uint64_t refused; /* the bytes of the last block that was refused, or 0 */

static void *allocate_a_little(void *context, size_t alignment, size_t size)
{
    void *memory = NULL;
    if (size > MEMORY_MOST) {
        refused = size;
        return NULL;
    }
    return posix_memalign(&memory, alignment, size) == 0 ? memory : NULL;
}

static void release(void *context, void *memory, size_t size)
{
    free(memory);
}

static int begin_with_little_memory(void **state)
{
    static const rnn_allocator little = {allocate_a_little, release, NULL};
    refused = 0;
    return rnn_set_allocator(&little);
}

static int end_with_little_memory(void **state)
{
    return rnn_set_allocator(NULL);
}

#define test_with_little_memory(function)                                                                              \
    cmocka_unit_test_setup_teardown(function, begin_with_little_memory, end_with_little_memory)

/*
 * The library either asked for at least this many bytes, or found that the number of bytes that it needs, which can be
 * several times as large, doesn't fit in a size_t.
 */
static void assert_refused(uint64_t bytes)
{
    assert_true(refused >= bytes || (refused == 0 && bytes > SIZE_MAX / 8));
}

static void test_a_model_larger_than_memory_is_an_error_that_asks_for_all_its_bytes(void **state)
{
    static const struct {
        int64_t input, hidden, output, layers;
    } sizes[] = {
        {2, 65536, 2, 1},         /* hidden * hidden is 2^32 */
        {2, 32768, 2, 4},         /* the sum of the layers exceeds 2^32 */
        {2, 32768, 2, 1},         /* the number of bytes exceeds 2^32 */
        {65536, 100, 1 << 24, 1}, /* the bytes of the decoder exceed 2^32 */
        {1, 1 << 20, 1, 1},         {1 << 24, 1 << 20, 1 << 24, 1},
        {1 << 24, 100, 1 << 24, 1}, {1 << 24, 1 << 20, 1 << 24, 1024}, /* the most that the options allow */
    };
    static const uint64_t gates[] = {[RNN_CELL_TANH] = 1, [RNN_CELL_GRU] = 3, [RNN_CELL_LSTM] = 4};
    for (int i = 0; i < COUNT_OF(sizes); i++)
        for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++)
            for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
                uint64_t v = (uint64_t)sizes[i].input, h = (uint64_t)sizes[i].hidden, o = (uint64_t)sizes[i].output;
                uint64_t l = (uint64_t)sizes[i].layers;
                uint64_t parameters = gates[cell] * (h * v + (2 * l - 1) * h * h + 2 * l * h) + o * h + o;
                rnn_model_options options =
                    make_options(sizes[i].input, sizes[i].hidden, sizes[i].output, sizes[i].layers, precision);
                rnn_model *model = NULL;
                options.cell = cell;
                options.bias = RNN_BIAS_BOTH;
                refused = 0;
                assert_fails(rnn_model_create(&options, &model), RNN_ERROR_MEMORY, "");
                assert_refused(parameters * precision_size(precision));
                assert_null(model);
            }
}

static void test_a_state_larger_than_memory_is_an_error_that_asks_for_all_its_bytes(void **state)
{
    rnn_model_options options = make_options(2, 17, 2, 1024, RNN_FLOAT32);
    scoped_model *model = create_model(&options);
    rnn_state *memory = NULL;
    assert_fails(rnn_state_create(model, 1 << 20, &memory), RNN_ERROR_MEMORY, "a state");
    assert_refused((UINT64_C(17) << 30) * sizeof(float));
    assert_null(memory);
}

static void test_a_chunk_that_needs_more_than_memory_is_an_error_that_changes_nothing(void **state)
{
    enum { STEPS = 1 << 24, HIDDEN = 16 };
    scoped_memory int32_t *ids = allocate(STEPS, sizeof *ids);
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = STEPS, .streams = 1, .inputs = ids, .targets = ids};
    rnn_model_options options = make_options(3, HIDDEN, 3, 1, RNN_FLOAT32);
    scoped_model *model = create_model(&options);
    scoped_state *memory = create_state(model, 1);
    scoped_snapshot before = take_snapshot(model, memory);
    refused = 0;
    assert_fails(rnn_forward_backward(model, memory, &chunk, NULL), RNN_ERROR_MEMORY, "");
    assert_refused((uint64_t)STEPS * HIDDEN * sizeof(float));
    assert_unchanged(&before, model, memory);
}

/* ---- Texts ---- */

/* A sparse file of `size` zeros, and a path that opens it */
static int create_zeros(int64_t size, char path[64])
{
    int descriptor = memfd_create("zeros", MFD_CLOEXEC);
    assert_true(descriptor >= 0);
    assert_int_equal(ftruncate(descriptor, size), 0);
    snprintf(path, 64, "/proc/self/fd/%d", descriptor);
    return descriptor;
}

static rnn_vocab *create_zero_vocab(void)
{
    rnn_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, "\0", 1, &vocab));
    return vocab;
}

static void test_a_chunk_larger_than_memory_is_an_error(void **state)
{
    char path[64];
    int zeros = create_zeros(INT64_C(1) << 62, path);
    rnn_vocab *vocab = create_zero_vocab();
    rnn_corpus *corpus = NULL;
    assert_fails(rnn_corpus_create_from_file(vocab, path, 1 << 24, 1 << 20, &corpus), RNN_ERROR_MEMORY, "a chunk");
    assert_fails(rnn_corpus_create_from_file(vocab, path, 65537, 65536, &corpus), RNN_ERROR_MEMORY, "a chunk");
    assert_null(corpus);
    rnn_vocab_destroy(vocab);
    close(zeros);
}

static void test_a_text_of_2_63_bytes_is_served_to_its_end(void **state)
{
    enum { STEPS = 1 << 16 };
    char path[64];
    int zeros = create_zeros(INT64_MAX, path);
    rnn_vocab *vocab = create_zero_vocab();
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk;
    int32_t wrapped = 1;
    assert_ok(rnn_chunk_init(&chunk, sizeof chunk));
    assert_ok(rnn_corpus_create_from_file(vocab, path, STEPS, 1, &corpus));
    int64_t chunks = rnn_corpus_chunks(corpus);
    assert_int_equal(chunks, (INT64_MAX - 2) / STEPS);
    assert_ok(rnn_corpus_seek(corpus, (chunks - 1) * STEPS));
    assert_ok(rnn_corpus_next(corpus, &chunk, &wrapped));
    assert_false(wrapped);
    assert_ok(rnn_corpus_next(corpus, &chunk, &wrapped)); /* from the start again */
    assert_true(wrapped);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    close(zeros);
}

static void test_files_of_more_than_2_63_bytes_together_are_an_error(void **state)
{
    char first[64], second[64];
    int zeros = create_zeros(INT64_MAX, first), more = create_zeros(1, second);
    const char *const paths[] = {first, second};
    rnn_source *source = NULL;
    assert_fails(rnn_source_open(paths, 2, &source), RNN_ERROR_ARGUMENT, "2^63");
    assert_null(source);
    close(more);
    close(zeros);
}

static void test_room_for_more_ids_than_memory_holds_is_room(void **state)
{
    static const int64_t capacities[] = {1, INT64_C(1) << 32, INT64_MAX};
    scoped_vocab *vocab = create_zero_vocab();
    for (size_t i = 0; i < COUNT_OF(capacities); i++) {
        int32_t id = -1;
        int64_t count = 0;
        assert_ok(rnn_vocab_encode(vocab, "\0", 1, &id, capacities[i], &count));
        assert_int_equal(id, 0);
        assert_int_equal(count, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_little_memory(test_a_model_larger_than_memory_is_an_error_that_asks_for_all_its_bytes),
        test_with_little_memory(test_a_state_larger_than_memory_is_an_error_that_asks_for_all_its_bytes),
        test_with_little_memory(test_a_chunk_that_needs_more_than_memory_is_an_error_that_changes_nothing),
        test_with_little_memory(test_a_chunk_larger_than_memory_is_an_error),
        cmocka_unit_test(test_a_text_of_2_63_bytes_is_served_to_its_end),
        cmocka_unit_test(test_files_of_more_than_2_63_bytes_together_are_an_error),
        cmocka_unit_test(test_room_for_more_ids_than_memory_holds_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
