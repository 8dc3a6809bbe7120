/* The corpus: which symbols each chunk holds, where it starts over, and that a file serves what memory does. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "temporary.h"
#include "unicode.h"

/* What an out-parameter holds before a call that fails, and must hold afterwards. */
static char untouched_object;
#define UNTOUCHED ((rnn_corpus *)&untouched_object)

static rnn_vocab *create_byte_vocab(void)
{
    unsigned char bytes[256];
    rnn_vocab *vocab = NULL;
    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, bytes, sizeof bytes, &vocab));
    return vocab;
}

/* A text of bytes, each of which is its own id, to free(). */
static unsigned char *create_text(int64_t size, uint64_t seed)
{
    unsigned char *text = allocate(size, 1);
    random_source source = {seed};
    for (int64_t i = 0; i < size; i++)
        text[i] = (unsigned char)random_below(&source, 256);
    return text;
}

static rnn_corpus *open_text(const void *text, int64_t size, int64_t steps, int64_t streams)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_text(vocab, text, (size_t)size, steps, streams, &corpus));
    assert_non_null(corpus);
    rnn_vocab_destroy(vocab);
    return corpus;
}

static rnn_corpus *open_file(const char *path, int64_t steps, int64_t streams)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_corpus_create_from_file(vocab, path, steps, streams, &corpus));
    assert_non_null(corpus);
    rnn_vocab_destroy(vocab);
    return corpus;
}

static rnn_chunk empty_chunk(void)
{
    rnn_chunk chunk;
    assert_ok(rnn_chunk_init(&chunk, sizeof chunk));
    return chunk;
}

/* What a corpus is by its definition: symbols that are bytes and their own ids, and a position. */
typedef struct definition {
    const unsigned char *text;
    int64_t size;     /* N */
    int64_t steps;    /* T */
    int64_t streams;  /* B */
    int64_t position; /* p */
} definition;

/* The next chunk of `corpus` must be the one that the definition gives, and lead to the same position. */
static void assert_next_is_as_defined(rnn_corpus *corpus, definition *defined)
{
    int64_t length = (defined->size - 1) / defined->streams;
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    assert_int_equal(rnn_corpus_position(corpus), defined->position);
    if (defined->position + defined->steps >= length)
        defined->position = 0;
    assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
    assert_int_equal(restarted, defined->position == 0);
    assert_int_equal(chunk.struct_size, sizeof chunk);
    assert_int_equal(chunk.steps, defined->steps);
    assert_int_equal(chunk.streams, defined->streams);
    for (int64_t t = 0; t < defined->steps; t++) {
        for (int64_t b = 0; b < defined->streams; b++) {
            const unsigned char *symbol = defined->text + b * length + defined->position + t;
            int64_t element = t * defined->streams + b;
            if (chunk.inputs[element] != symbol[0] || chunk.targets[element] != symbol[1]) {
                fail_msg("N %lld T %lld B %lld: the chunk at %lld has %d -> %d at (%lld, %lld) instead of %d -> %d",
                         (long long)defined->size, (long long)defined->steps, (long long)defined->streams,
                         (long long)defined->position, chunk.inputs[element], chunk.targets[element], (long long)t,
                         (long long)b, symbol[0], symbol[1]);
            }
        }
    }
    defined->position += defined->steps;
    assert_int_equal(rnn_corpus_position(corpus), defined->position);
}

/* ---- What is served, and in which order ---- */

static void test_streams_stand_one_behind_the_other_and_targets_are_one_symbol_on(void **state)
{
    static const int32_t inputs[] = {'a', 'f', 'b', 'g'};
    static const int32_t targets[] = {'b', 'g', 'c', 'h'};
    rnn_chunk chunk = empty_chunk();
    (void)state;
    rnn_corpus *corpus = open_text("abcdefghijk", 11, 2, 2); /* S = 5: "abcde", "fghij" */
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
    assert_memory_equal(chunk.targets, targets, sizeof targets);
    rnn_corpus_destroy(corpus);
}

static void test_ids_are_the_vocabularys(void **state)
{
    static const int32_t inputs[] = {2, 1, 0};
    static const int32_t targets[] = {1, 0, 1};
    rnn_chunk chunk = empty_chunk();
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    (void)state;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "zya", 3, &vocab));
    assert_ok(rnn_corpus_create_from_text(vocab, "ayzya", 5, 3, 1, &corpus));
    rnn_vocab_destroy(vocab);
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
    assert_memory_equal(chunk.targets, targets, sizeof targets);
    rnn_corpus_destroy(corpus);
}

static void test_one_stream_is_served_in_the_seeds_order(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 40; size++) {
        for (int64_t steps = 1; steps < size; steps++) {
            unsigned char *text = create_text(size, (uint64_t)size);
            rnn_corpus *corpus = open_text(text, size, steps, 1);
            rnn_chunk chunk = empty_chunk();
            int32_t restarted = -7;
            int64_t p = 0;
            for (int n = 0; n < 100; n++) {
                int starts = p + steps + 1 >= size || n == 0; /* the seed's condition */
                p = starts ? 0 : p;
                assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
                assert_int_equal(restarted, starts);
                for (int64_t t = 0; t < steps; t++) {
                    assert_int_equal(chunk.inputs[t], text[p + t]);
                    assert_int_equal(chunk.targets[t], text[p + t + 1]);
                }
                p += steps;
            }
            rnn_corpus_destroy(corpus);
            free(text);
        }
    }
}

static void test_every_chunk_of_every_small_shape_is_as_defined(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 26; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                definition defined = {text, size, steps, streams, 0};
                rnn_corpus *corpus = open_text(text, size, steps, streams);
                for (int64_t n = 0; n < 3 * rnn_corpus_chunks(corpus) + 1; n++)
                    assert_next_is_as_defined(corpus, &defined);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

static void test_chunks_counts_those_served_until_it_starts_over(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 26; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                rnn_corpus *corpus = open_text(text, size, steps, streams);
                rnn_chunk chunk = empty_chunk();
                int64_t served = 0;
                int32_t restarted = 0;
                assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
                assert_int_equal(restarted, 1);
                do {
                    served++;
                    assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
                } while (restarted == 0);
                assert_int_equal(rnn_corpus_chunks(corpus), served);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

/* All chunks of a text must have every symbol but the first as a target, once, in streams as equal as can be. */
static void assert_all_is_served(rnn_corpus *corpus, const unsigned char *text, int64_t size, int64_t steps,
                                 int64_t streams)
{
    int64_t share = (size - 1) / streams, longer = (size - 1) % streams, longest = share + (longer > 0);
    int64_t served = 0, chunks = rnn_corpus_chunks(corpus);
    assert_int_equal(chunks, (longest + steps - 1) / steps);
    for (int64_t n = 0; n < chunks; n++) {
        rnn_chunk chunk = empty_chunk();
        int32_t restarted = -7;
        int64_t position = n * steps, rest = longest - position, most = 0;
        if (n > 0) /* at first it may be that of the last pass' end */
            assert_int_equal(rnn_corpus_position(corpus), position);
        assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
        assert_int_equal(restarted, n == 0);
        assert_int_equal(chunk.streams, streams);
        assert_int_equal(chunk.steps, rest < steps ? rest : steps);
        for (int64_t b = 0; b < streams; b++) {
            int64_t begin = b * share + (b < longer ? b : longer), left = share + (b < longer) - position;
            int64_t length = left < chunk.steps ? left : chunk.steps;
            assert_int_equal(chunk.lengths ? chunk.lengths[b] : chunk.steps, length);
            most = length > most ? length : most;
            for (int64_t t = 0; t < chunk.steps; t++) {
                int64_t at = begin + position + t;
                assert_int_equal(chunk.inputs[t * streams + b], t < length ? text[at] : 0);
                assert_int_equal(chunk.targets[t * streams + b], t < length ? text[at + 1] : RNN_IGNORE);
            }
            served += length;
        }
        assert_int_equal(most, chunk.steps);
    }
    assert_int_equal(served, size - 1);
    assert_int_equal(rnn_corpus_position(corpus), chunks * steps);
}

static void test_without_drop_last_every_symbol_is_a_target_once_a_pass(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 26; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                rnn_corpus *corpus = open_text(text, size, steps, streams);
                assert_ok(rnn_corpus_set_drop_last(corpus, 0));
                assert_all_is_served(corpus, text, size, steps, streams);
                assert_all_is_served(corpus, text, size, steps, streams);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

static void test_without_drop_last_a_file_larger_than_its_windows_is_served_whole(void **state)
{
    const int64_t size = (5 << 19) + 3;
    (void)state;
    unsigned char *text = create_text(size, 5);
    write_file("text", text, (size_t)size);
    for (int64_t streams = 1; streams <= 7; streams += 2) {
        rnn_corpus *corpus = open_file("text", 1000, streams);
        assert_ok(rnn_corpus_set_drop_last(corpus, 0));
        assert_all_is_served(corpus, text, size, 1000, streams);
        assert_all_is_served(corpus, text, size, 1000, streams);
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

static void test_set_drop_last_goes_back_to_the_start_and_can_be_undone(void **state)
{
    (void)state;
    unsigned char *text = create_text(26, 26);
    definition defined = {text, 26, 4, 3, 0};
    rnn_corpus *corpus = open_text(text, 26, 4, 3);
    rnn_chunk chunk = empty_chunk();
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_ok(rnn_corpus_set_drop_last(corpus, 0));
    assert_all_is_served(corpus, text, 26, 4, 3);
    assert_ok(rnn_corpus_seek(corpus, 8));
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_int_equal(chunk.steps, 1);
    assert_non_null(chunk.lengths);
    assert_ok(rnn_corpus_set_drop_last(corpus, 1));
    for (int n = 0; n < 5; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_what_a_split_moves_is_served_as_the_rest(void **state)
{
    rnn_corpus *validation = NULL;
    (void)state;
    unsigned char *text = create_text(26, 26);
    rnn_corpus *corpus = open_text(text, 26, 2, 3);
    assert_ok(rnn_corpus_set_drop_last(corpus, 0));
    assert_ok(rnn_corpus_split(corpus, 0.5, &validation));
    assert_all_is_served(corpus, text, 13, 2, 3);
    assert_all_is_served(validation, text + 13, 13, 2, 3);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_the_shortest_text_has_one_chunk_that_is_served_again_and_again(void **state)
{
    unsigned char *text = create_text(13, 1);
    definition defined = {text, 13, 4, 3, 0};
    (void)state;
    rnn_corpus *corpus = open_text(text, 13, 4, 3);
    assert_int_equal(rnn_corpus_size(corpus), 13);
    assert_int_equal(rnn_corpus_chunks(corpus), 1);
    for (int n = 0; n < 3; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_rewind_goes_back_to_the_start_from_anywhere(void **state)
{
    unsigned char *text = create_text(50, 1);
    (void)state;
    rnn_corpus *corpus = open_text(text, 50, 5, 2);
    for (int served = 0; served < 7; served++) {
        definition defined = {text, 50, 5, 2, 0};
        for (int n = 0; n < served; n++)
            assert_next_is_as_defined(corpus, &defined);
        assert_ok(rnn_corpus_rewind(corpus));
        assert_int_equal(rnn_corpus_position(corpus), 0);
    }
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_a_text_is_copied(void **state)
{
    unsigned char *original = create_text(50, 1);
    unsigned char *text = create_text(50, 1);
    definition defined = {original, 50, 5, 2, 0};
    (void)state;
    rnn_corpus *corpus = open_text(text, 50, 5, 2);
    memset(text, 0, 50);
    free(text);
    for (int n = 0; n < 10; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(original);
}

static void test_whether_it_restarted_need_not_be_wanted(void **state)
{
    rnn_chunk chunk = empty_chunk();
    (void)state;
    rnn_corpus *corpus = open_text("abcdefghijk", 11, 2, 2);
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_int_equal(rnn_corpus_position(corpus), 2);
    rnn_corpus_destroy(corpus);
}

/* ---- Files ---- */

static void test_a_file_serves_what_its_text_does(void **state)
{
    enum { SIZE = 3000017, MOST_CHUNKS = 500 };
    static const struct {
        int64_t steps, streams;
    } shapes[] = {{1, 1},       {25, 1},      {65535, 1},   {65536, 1},  {65537, 1},  {65537, 3}, {100000, 5},
                  {700000, 1},  {3000016, 1}, {1, 1048576}, {1, 1000},   {64, 64},    {4096, 50}, {333333, 8},
                  {1500008, 2}, {3, 999999},  {131072, 2},  {8192, 300}, {1048576, 2}};
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        definition in_memory = {text, SIZE, shapes[i].steps, shapes[i].streams, 0};
        definition in_file = in_memory;
        rnn_corpus *memory = open_text(text, SIZE, shapes[i].steps, shapes[i].streams);
        rnn_corpus *file = open_file("text", shapes[i].steps, shapes[i].streams);
        assert_int_equal(rnn_corpus_size(file), SIZE);
        assert_int_equal(rnn_corpus_chunks(file), rnn_corpus_chunks(memory));
        for (int64_t n = 0; n < rnn_corpus_chunks(file) + 2 && n < MOST_CHUNKS; n++) {
            assert_next_is_as_defined(file, &in_file);
            assert_next_is_as_defined(memory, &in_memory);
        }
        rnn_corpus_destroy(file);
        rnn_corpus_destroy(memory);
    }
    free(text);
}

static void test_every_chunk_of_small_files_is_as_defined(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 14; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        write_file("text", text, (size_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                definition defined = {text, size, steps, streams, 0};
                rnn_corpus *corpus = open_file("text", steps, streams);
                for (int64_t n = 0; n < 3 * rnn_corpus_chunks(corpus) + 1; n++)
                    assert_next_is_as_defined(corpus, &defined);
                rnn_corpus_destroy(corpus);
            }
        }
        free(text);
    }
}

static void test_a_file_may_be_rewound_anywhere(void **state)
{
    enum { SIZE = 500000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    rnn_corpus *corpus = open_file("text", 3000, 3);
    for (int served = 0; served < 60; served += 7) {
        definition defined = {text, SIZE, 3000, 3, 0};
        for (int n = 0; n < served; n++)
            assert_next_is_as_defined(corpus, &defined);
        assert_ok(rnn_corpus_rewind(corpus));
    }
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_a_file_is_held_open_whatever_happens_to_its_name(void **state)
{
    enum { SIZE = 300000 };
    unsigned char *text = create_text(SIZE, 1);
    definition defined = {text, SIZE, 1000, 2, 0};
    (void)state;
    write_file("text", text, SIZE);
    rnn_corpus *corpus = open_file("text", 1000, 2);
    assert_int_equal(unlink("text"), 0);
    write_file("text", "another", 7);
    for (int n = 0; n < 200; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

/* Sets a file's time of modification to so many seconds since 1970. */
static void set_time(const char *path, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/*
 * Truncates the corpus's file behind its back to `remaining` bytes and restores it, its time of modification too, after
 * the first error. The corpus then goes on, or starts over, as if nothing had been.
 */
static void assert_truncation_is_an_error_until_undone(int64_t remaining, bool from_start)
{
    enum { SIZE = 3000000, STEPS = 1000, STREAMS = 2 };
    unsigned char *text = create_text(SIZE, 1);
    definition defined = {text, SIZE, STEPS, STREAMS, 0};
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    write_file("text", text, SIZE);
    set_time("text", 1000000000);
    rnn_corpus *corpus = open_file("text", STEPS, STREAMS);
    for (int n = 0; n < 3; n++)
        assert_next_is_as_defined(corpus, &defined);
    assert_int_equal(truncate("text", remaining), 0);

    /* What was read before may still be served, but not beyond the file's new end. */
    int64_t position = rnn_corpus_position(corpus);
    rnn_status status = rnn_corpus_next(corpus, &chunk, &restarted);
    while (status == RNN_OK) {
        int64_t length = (SIZE - 1) / STREAMS;
        for (int64_t i = 0; i < STEPS * STREAMS; i++)
            assert_int_equal(chunk.inputs[i], text[i % STREAMS * length + position + i / STREAMS]);
        position = rnn_corpus_position(corpus);
        assert_true(position < SIZE / STREAMS);
        restarted = -7;
        status = rnn_corpus_next(corpus, &chunk, &restarted);
    }
    assert_int_equal(status, RNN_ERROR_IO);
    assert_int_equal(restarted, -7);
    assert_int_equal(rnn_corpus_position(corpus), position);
    assert_fails(rnn_corpus_next(corpus, &chunk, &restarted), RNN_ERROR_IO, "");
    assert_int_equal(rnn_corpus_position(corpus), position);

    write_file("text", text, SIZE);
    set_time("text", 1000000000);
    defined.position = from_start ? 0 : position;
    if (from_start)
        assert_ok(rnn_corpus_rewind(corpus));
    for (int64_t n = 0; n < 10; n++)
        assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

static void test_a_file_that_has_become_shorter_is_an_error_and_the_position_stays(void **state)
{
    (void)state;
    static const int64_t remaining[] = {0, 1, 1400000, 2900000};
    for (size_t i = 0; i < sizeof remaining / sizeof remaining[0]; i++) {
        assert_truncation_is_an_error_until_undone(remaining[i], false);
        assert_truncation_is_an_error_until_undone(remaining[i], true);
    }
}

static void test_a_file_that_has_grown_or_was_written_to_is_an_error_and_the_position_stays(void **state)
{
    enum { SIZE = 3000000, STEPS = 1000, STREAMS = 2 };
    unsigned char *text = create_text(SIZE + 1, 1);
    (void)state;
    for (int grown = 0; grown < 2; grown++) {
        definition defined = {text, SIZE, STEPS, STREAMS, 0};
        rnn_chunk chunk = empty_chunk();
        write_file("text", text, SIZE);
        set_time("text", 1000000000);
        rnn_corpus *corpus = open_file("text", STEPS, STREAMS);
        for (int n = 0; n < 3; n++)
            assert_next_is_as_defined(corpus, &defined);
        write_file("text", text, (size_t)SIZE + (size_t)grown);
        set_time("text", grown ? 1000000000 : 1000000001);
        rnn_status status = RNN_OK;
        while (status == RNN_OK) {
            defined.position = rnn_corpus_position(corpus); /* what is in memory may still be served */
            assert_true(defined.position < SIZE / STREAMS);
            status = rnn_corpus_next(corpus, &chunk, NULL);
        }
        assert_int_equal(rnn_corpus_position(corpus), defined.position);
        assert_fails(rnn_corpus_next(corpus, &chunk, NULL), RNN_ERROR_IO, grown ? "text has 3000001 bytes" : "changed");
        write_file("text", text, SIZE);
        set_time("text", 1000000000);
        for (int n = 0; n < 10; n++)
            assert_next_is_as_defined(corpus, &defined);
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

static void test_an_unknown_symbol_in_a_file_is_found_by_the_chunk_that_comes_to_it(void **state)
{
    enum { SIZE = 200000, OFFSET = 150001, STEPS = 1000 };
    char *text = allocate(SIZE, 1);
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    (void)state;
    memset(text, 'a', SIZE);
    text[OFFSET] = '?';
    write_file("text", text, SIZE);
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_ok(rnn_corpus_create_from_file(vocab, "text", STEPS, 1, &corpus));
    for (int epoch = 0; epoch < 2; epoch++) {
        for (int n = 0; n < 150; n++) {
            assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
            assert_int_equal(restarted, n == 0);
        }
        rnn_chunk before = chunk;
        for (int n = 0; n < 2; n++) {
            restarted = -7;
            assert_fails(rnn_corpus_next(corpus, &chunk, &restarted), RNN_ERROR_SYMBOL, "150001");
            assert_non_null(strstr(rnn_last_error(), "?"));
            assert_int_equal(rnn_corpus_position(corpus), 150 * STEPS);
            assert_int_equal(restarted, -7);
            assert_memory_equal(&chunk, &before, sizeof chunk);
        }
        assert_ok(rnn_corpus_rewind(corpus));
    }
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    free(text);
}

static void test_an_unknown_symbol_may_be_a_chunks_last_target(void **state)
{
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk = empty_chunk();
    (void)state;
    write_file("text", "aaaaaaaaa?aaaaaa", 16);
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_ok(rnn_corpus_create_from_file(vocab, "text", 3, 1, &corpus));
    rnn_vocab_destroy(vocab);
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    assert_fails(rnn_corpus_next(corpus, &chunk, NULL), RNN_ERROR_SYMBOL, "9");
    assert_int_equal(rnn_corpus_position(corpus), 6);
    rnn_corpus_destroy(corpus);
}

static void test_an_unknown_symbol_that_no_chunk_holds_does_not_matter_in_a_file(void **state)
{
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_chunk chunk = empty_chunk();
    (void)state;
    write_file("text", "aaaaaaaaa?", 10);
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_ok(rnn_corpus_create_from_file(vocab, "text", 4, 1, &corpus)); /* two chunks, of symbols 0 to 8 */
    rnn_vocab_destroy(vocab);
    for (int n = 0; n < 5; n++)
        assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
    rnn_corpus_destroy(corpus);
}

static void test_create_from_file_reports_the_file_and_the_systems_reason(void **state)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = UNTOUCHED;
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    alarm(20); /* Ends the suite, should a call wait for a writer. */
    assert_fails(rnn_corpus_create_from_file(vocab, "absent", 1, 1, &corpus), RNN_ERROR_IO, "absent");
    assert_fails(rnn_corpus_create_from_file(vocab, "absent", 1, 1, &corpus), RNN_ERROR_IO, strerror(ENOENT));
    assert_fails(rnn_corpus_create_from_file(vocab, "", 1, 1, &corpus), RNN_ERROR_IO, strerror(ENOENT));
    assert_fails(rnn_corpus_create_from_file(vocab, "folder", 1, 1, &corpus), RNN_ERROR_IO, "folder");
    assert_fails(rnn_corpus_create_from_file(vocab, "pipe", 1, 1, &corpus), RNN_ERROR_IO, "pipe");
    assert_fails(rnn_corpus_create_from_file(vocab, "/dev/null", 1, 1, &corpus), RNN_ERROR_IO, "/dev/null");
    assert_fails(rnn_corpus_create_from_file(vocab, "/dev/zero", 1, 1, &corpus), RNN_ERROR_IO, "/dev/zero");
    alarm(0);
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
}

static int is_refused(const char *path)
{
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = UNTOUCHED;
    rnn_status status = rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &vocab);
    if (status == RNN_OK)
        status = rnn_corpus_create_from_file(vocab, path, 1, 1, &corpus);
    rnn_vocab_destroy(vocab);
    return status == RNN_ERROR_IO && corpus == UNTOUCHED && strstr(rnn_last_error(), path) != NULL &&
           strstr(rnn_last_error(), strerror(EACCES)) != NULL;
}

static void test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason(void **state)
{
    (void)state;
    assert_true(holds_for_an_unreadable_file("secret", is_refused));
}

/* ---- Bad arguments ---- */

static void test_a_text_of_fewer_than_b_t_plus_1_symbols_is_refused(void **state)
{
    rnn_vocab *vocab = create_byte_vocab();
    rnn_corpus *corpus = UNTOUCHED;
    char text[12] = "abcdefghijkl";
    (void)state;
    for (size_t size = 1; size <= 12; size++) {
        assert_fails(rnn_corpus_create_from_text(vocab, text, size, 4, 3, &corpus), RNN_ERROR_ARGUMENT, "13");
        write_file("text", text, size);
        assert_fails(rnn_corpus_create_from_file(vocab, "text", 4, 3, &corpus), RNN_ERROR_ARGUMENT, "13");
    }
    assert_fails(rnn_corpus_create_from_text(vocab, "", 0, 1, 1, &corpus), RNN_ERROR_ARGUMENT, "");
    write_file("text", "", 0);
    assert_fails(rnn_corpus_create_from_file(vocab, "text", 1, 1, &corpus), RNN_ERROR_ARGUMENT, "");
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
}

static void test_an_unknown_symbol_in_a_text_is_refused_with_its_offset(void **state)
{
    enum { SIZE = 100000 };
    char *text = allocate(SIZE, 1);
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = UNTOUCHED;
    (void)state;
    memset(text, 'a', SIZE);
    text[54321] = '?';
    text[54322] = '!';
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_fails(rnn_corpus_create_from_text(vocab, text, SIZE, 1, 1, &corpus), RNN_ERROR_SYMBOL, "54321");
    assert_non_null(strstr(rnn_last_error(), "?"));
    text[54321] = text[54322] = 'a';
    text[SIZE - 1] = '?'; /* in no chunk, but in the text */
    assert_fails(rnn_corpus_create_from_text(vocab, text, SIZE, 10, 1, &corpus), RNN_ERROR_SYMBOL, "99999");
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
    free(text);
}

/* ---- Split ---- */

static rnn_corpus *split(rnn_corpus *corpus, double share)
{
    rnn_corpus *validation = NULL;
    assert_ok(rnn_corpus_split(corpus, share, &validation));
    assert_non_null(validation);
    return validation;
}

/* Serves both parts alternately for three rounds and compares with the definition on the two parts of the text. */
static void assert_parts_are(rnn_corpus *corpus, rnn_corpus *validation, const unsigned char *text, int64_t size,
                             int64_t moved, int64_t steps, int64_t streams)
{
    definition first = {text, size - moved, steps, streams, 0};
    definition second = {text + size - moved, moved, steps, streams, 0};
    assert_int_equal(rnn_corpus_size(corpus), size - moved);
    assert_int_equal(rnn_corpus_size(validation), moved);
    int64_t chunks = rnn_corpus_chunks(corpus) + rnn_corpus_chunks(validation);
    for (int64_t n = 0; n < 3 * chunks; n++) {
        assert_next_is_as_defined(corpus, &first);
        assert_next_is_as_defined(validation, &second);
    }
}

static void test_split_moves_the_end_rounded_down_to_whole_symbols(void **state)
{
    static const struct {
        double share;
        int64_t moved;
    } splits[] = {{0.5, 501}, {0.25, 250}, {0.125, 125}, {0.75, 752}, {0x1p-6, 15}, {0.9375, 940}};
    enum { SIZE = 1003, STEPS = 3, STREAMS = 4 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (size_t i = 0; i < sizeof splits / sizeof splits[0]; i++) {
        rnn_corpus *memory = open_text(text, SIZE, STEPS, STREAMS);
        rnn_corpus *memory_validation = split(memory, splits[i].share);
        rnn_corpus *file = open_file("text", STEPS, STREAMS);
        rnn_corpus *file_validation = split(file, splits[i].share);
        assert_parts_are(memory, memory_validation, text, SIZE, splits[i].moved, STEPS, STREAMS);
        assert_parts_are(file, file_validation, text, SIZE, splits[i].moved, STEPS, STREAMS);
        rnn_corpus_destroy(memory);
        rnn_corpus_destroy(memory_validation);
        rnn_corpus_destroy(file);
        rnn_corpus_destroy(file_validation);
    }
    free(text);
}

static void test_split_sets_both_to_their_start(void **state)
{
    enum { SIZE = 200000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", 10, 2) : open_text(text, SIZE, 10, 2);
        definition whole = {text, SIZE, 10, 2, 0};
        for (int n = 0; n < 5; n++)
            assert_next_is_as_defined(corpus, &whole);
        rnn_corpus *validation = split(corpus, 0.25);
        definition first = {text, 150000, 10, 2, 0};
        definition second = {text + 150000, 50000, 10, 2, 0};
        for (int n = 0; n < 5; n++) {
            assert_next_is_as_defined(corpus, &first);
            assert_next_is_as_defined(validation, &second);
        }
        rnn_corpus_destroy(corpus);
        rnn_corpus_destroy(validation);
    }
    free(text);
}

static void test_the_parts_of_a_split_outlive_one_another_and_the_files_name(void **state)
{
    enum { SIZE = 200000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    for (int first_goes = 0; first_goes < 2; first_goes++) {
        write_file("text", text, SIZE);
        for (int in_file = 0; in_file < 2; in_file++) {
            rnn_corpus *corpus = in_file ? open_file("text", 10, 2) : open_text(text, SIZE, 10, 2);
            if (in_file)
                assert_int_equal(unlink("text"), 0);
            rnn_corpus *validation = split(corpus, 0.5);
            rnn_corpus *left = first_goes ? validation : corpus;
            definition defined = {first_goes ? text + 100000 : text, 100000, 10, 2, 0};
            rnn_corpus_destroy(first_goes ? corpus : validation);
            for (int64_t n = 0; n < rnn_corpus_chunks(left) + 1; n++)
                assert_next_is_as_defined(left, &defined);
            rnn_corpus_destroy(left);
        }
    }
    free(text);
}

static void test_each_part_may_be_split_again(void **state)
{
    enum { SIZE = 4000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", 10, 2) : open_text(text, SIZE, 10, 2);
        rnn_corpus *end = split(corpus, 0.5);
        rnn_corpus *middle = split(corpus, 0.5);
        rnn_corpus *last = split(end, 0.25);
        assert_parts_are(corpus, middle, text, 2000, 1000, 10, 2);
        assert_parts_are(end, last, text + 2000, 2000, 500, 10, 2);
        rnn_corpus_destroy(corpus);
        rnn_corpus_destroy(end);
        rnn_corpus_destroy(middle);
        rnn_corpus_destroy(last);
    }
    free(text);
}

static void test_one_parts_chunk_stays_while_the_other_is_used(void **state)
{
    enum { SIZE = 200000, COUNT = 2000 };
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", COUNT, 1) : open_text(text, SIZE, COUNT, 1);
        rnn_corpus *validation = split(corpus, 0.5);
        rnn_chunk chunk = empty_chunk();
        rnn_chunk other = empty_chunk();
        assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
        assert_ok(rnn_corpus_next(validation, &other, NULL));
        assert_ok(rnn_corpus_rewind(validation));
        rnn_corpus_destroy(validation);
        for (int t = 0; t < COUNT; t++) {
            assert_int_equal(chunk.inputs[t], text[t]);
            assert_int_equal(chunk.targets[t], text[t + 1]);
        }
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

/* What one of two threads does with its part of a split. */
typedef struct part_user {
    rnn_corpus *part;
    pthread_barrier_t *barrier; /* passed before the part is destroyed, so that both are at the same time */
    int failures;
} part_user;

/* No cmocka check in here: they belong to the main thread. */
static void *serve_and_destroy(void *argument)
{
    part_user *user = argument;
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    for (int64_t n = 0; n < rnn_corpus_chunks(user->part); n++)
        user->failures += rnn_corpus_next(user->part, &chunk, NULL) != RNN_OK;
    pthread_barrier_wait(user->barrier);
    rnn_corpus_destroy(user->part);
    return NULL;
}

static void test_two_threads_may_use_and_destroy_the_parts_of_a_split(void **state)
{
    enum { SIZE = 100, ROUNDS = 3000 };
    unsigned char *text = create_text(SIZE, 1);
    pthread_barrier_t barrier;
    (void)state;
    write_file("text", text, SIZE);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int round = 0; round < ROUNDS; round++) {
        rnn_corpus *corpus = round % 2 == 0 ? open_file("text", 5, 2) : open_text(text, SIZE, 5, 2);
        part_user second = {.part = split(corpus, 0.5), .barrier = &barrier};
        part_user first = {.part = corpus, .barrier = &barrier};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, serve_and_destroy, &second), 0);
        serve_and_destroy(&first);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(first.failures + second.failures, 0);
    }
    pthread_barrier_destroy(&barrier);
    free(text);
}

static void test_a_split_that_leaves_either_part_too_short_is_refused_and_changes_nothing(void **state)
{
    enum { SIZE = 100, STEPS = 5, STREAMS = 3 }; /* a part needs 16 symbols */
    static const double shares[] = {0.15, 0.85, 0.01, 0.99, 1e-300, 0x1.fffffffffffffp-1};
    unsigned char *text = create_text(SIZE, 1);
    (void)state;
    write_file("text", text, SIZE);
    for (int in_file = 0; in_file < 2; in_file++) {
        rnn_corpus *corpus = in_file ? open_file("text", STEPS, STREAMS) : open_text(text, SIZE, STEPS, STREAMS);
        rnn_corpus *validation = UNTOUCHED;
        definition defined = {text, SIZE, STEPS, STREAMS, 0};
        assert_next_is_as_defined(corpus, &defined);
        for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++)
            assert_fails(rnn_corpus_split(corpus, shares[i], &validation), RNN_ERROR_ARGUMENT, "16");
        assert_ptr_equal(validation, UNTOUCHED);
        assert_int_equal(rnn_corpus_size(corpus), SIZE);
        for (int n = 0; n < 20; n++)
            assert_next_is_as_defined(corpus, &defined);
        validation = split(corpus, 0.1601);
        assert_int_equal(rnn_corpus_size(validation), 16);
        rnn_corpus_destroy(validation);
        rnn_corpus_destroy(corpus);
    }
    free(text);
}

/* ---- Seek ---- */

/* Seeks to every position that there is, from wherever it is, and compares a few chunks with the definition. */
static void assert_seeks(rnn_corpus *corpus, const unsigned char *text, int64_t size, int64_t steps, int64_t streams)
{
    int64_t chunks = rnn_corpus_chunks(corpus);
    for (int64_t n = chunks; n >= 0; n--) {
        definition defined = {text, size, steps, streams, n * steps};
        assert_ok(rnn_corpus_seek(corpus, n * steps));
        for (int k = 0; k < 3; k++)
            assert_next_is_as_defined(corpus, &defined);
    }
}

static void test_after_a_seek_the_same_is_served_as_without_an_interruption(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 18; size++) {
        unsigned char *text = create_text(size, (uint64_t)size);
        write_file("text", text, (size_t)size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                rnn_corpus *memory = open_text(text, size, steps, streams);
                rnn_corpus *file = open_file("text", steps, streams);
                assert_seeks(memory, text, size, steps, streams);
                assert_seeks(file, text, size, steps, streams);
                rnn_corpus_destroy(file);
                rnn_corpus_destroy(memory);
            }
        }
        free(text);
    }
}

static void test_seek_refuses_what_is_no_position_and_stays(void **state)
{
    static const int64_t bad[] = {-1, -5, 1, 4, 6, 25, 1000, INT64_MAX, INT64_MIN};
    unsigned char *text = create_text(50, 1);
    rnn_corpus *corpus = open_text(text, 50, 5, 2); /* S = 24: chunks at 0, 5, 10, 15 */
    definition defined = {text, 50, 5, 2, 0};
    (void)state;
    assert_next_is_as_defined(corpus, &defined);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[64];
        snprintf(part, sizeof part, "position is %lld; it must be 0 to 20", (long long)bad[i]);
        assert_fails(rnn_corpus_seek(corpus, bad[i]), RNN_ERROR_ARGUMENT, part);
    }
    assert_next_is_as_defined(corpus, &defined);
    rnn_corpus_destroy(corpus);
    free(text);
}

/* ---- Code points ---- */

/* A text of code points, and the ids that a vocabulary of all of them gives: the definition of what is served. */
typedef struct unicode_text {
    unsigned char *bytes;
    size_t size;
    int32_t *ids;
    int64_t count;
    rnn_vocab *vocab;
} unicode_text;

static unicode_text create_unicode(int64_t count, int32_t variety, uint64_t seed)
{
    unicode_text text = {.count = count};
    text.bytes = create_unicode_text(count, variety, seed, &text.size);
    text.ids = allocate(count, sizeof *text.ids);
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text.bytes, text.size, &text.vocab));
    int32_t *code_points = allocate(count, sizeof *code_points);
    size_t end = 0;
    assert_int_equal(read_code_points(text.bytes, text.size, code_points, &end), count);
    int64_t symbols = rnn_vocab_size(text.vocab);
    int32_t *id_of = allocate(0x110000, sizeof *id_of);
    for (int32_t id = 0; id < symbols; id++) {
        const char *symbol = NULL;
        size_t size = 0;
        int32_t code_point = 0;
        assert_ok(rnn_vocab_symbol(text.vocab, id, &symbol, &size));
        assert_int_equal(read_code_points((const unsigned char *)symbol, size, &code_point, &end), 1);
        id_of[code_point] = id;
    }
    for (int64_t i = 0; i < count; i++)
        text.ids[i] = id_of[code_points[i]];
    free(id_of);
    free(code_points);
    return text;
}

static void destroy_unicode(unicode_text *text)
{
    rnn_vocab_destroy(text->vocab);
    free(text->ids);
    free(text->bytes);
}

static rnn_corpus *open_unicode(const unicode_text *text, bool in_file, int64_t steps, int64_t streams)
{
    rnn_corpus *corpus = NULL;
    if (in_file)
        assert_ok(rnn_corpus_create_from_file(text->vocab, "text", steps, streams, &corpus));
    else
        assert_ok(rnn_corpus_create_from_text(text->vocab, text->bytes, text->size, steps, streams, &corpus));
    return corpus;
}

/* The next chunk must be that at *position of a corpus over these ids; moves *position on. */
static void assert_next_ids(rnn_corpus *corpus, const int32_t *ids, int64_t size, int64_t steps, int64_t streams,
                            int64_t *position)
{
    int64_t length = (size - 1) / streams;
    rnn_chunk chunk = empty_chunk();
    int32_t restarted = -7;
    assert_int_equal(rnn_corpus_position(corpus), *position);
    if (*position + steps >= length)
        *position = 0;
    assert_ok(rnn_corpus_next(corpus, &chunk, &restarted));
    assert_int_equal(restarted, *position == 0);
    for (int64_t t = 0; t < steps; t++) {
        for (int64_t b = 0; b < streams; b++) {
            const int32_t *id = ids + b * length + *position + t;
            if (chunk.inputs[t * streams + b] != id[0] || chunk.targets[t * streams + b] != id[1]) {
                fail_msg("N %lld T %lld B %lld: the chunk at %lld is another at (%lld, %lld)", (long long)size,
                         (long long)steps, (long long)streams, (long long)*position, (long long)t, (long long)b);
            }
        }
    }
    *position += steps;
    assert_int_equal(rnn_corpus_position(corpus), *position);
}

static void test_code_points_are_served_as_defined_in_every_small_shape(void **state)
{
    (void)state;
    for (int64_t size = 2; size <= 16; size++) {
        unicode_text text = create_unicode(size, 6, (uint64_t)size);
        write_file("text", text.bytes, text.size);
        for (int64_t streams = 1; streams < size; streams++) {
            for (int64_t steps = 1; steps * streams + 1 <= size; steps++) {
                for (int in_file = 0; in_file < 2; in_file++) {
                    rnn_corpus *corpus = open_unicode(&text, in_file, steps, streams);
                    int64_t position = 0;
                    assert_int_equal(rnn_corpus_size(corpus), size);
                    for (int64_t n = 0; n < 2 * rnn_corpus_chunks(corpus) + 1; n++)
                        assert_next_ids(corpus, text.ids, size, steps, streams, &position);
                    for (int64_t n = rnn_corpus_chunks(corpus); n >= 0; n--) {
                        position = n * steps;
                        assert_ok(rnn_corpus_seek(corpus, position));
                        assert_next_ids(corpus, text.ids, size, steps, streams, &position);
                        assert_next_ids(corpus, text.ids, size, steps, streams, &position);
                    }
                    rnn_corpus_destroy(corpus);
                }
            }
        }
        destroy_unicode(&text);
    }
}

static void test_code_points_of_a_large_text_are_served_as_defined(void **state)
{
    enum { COUNT = 400003, MOST_CHUNKS = 20 };
    static const struct {
        int64_t steps, streams;
    } shapes[] = {{1, 1},      {25, 1},    {65535, 1}, {262143, 1}, {131072, 2}, {400002, 1}, {1, 400002},
                  {100, 1000}, {1000, 50}, {3, 33333}, {21845, 12}, {20000, 16}, {7, 20000},  {4096, 64}};
    random_source source = {5};
    unicode_text text = create_unicode(COUNT, 3000, 1);
    (void)state;
    write_file("text", text.bytes, text.size);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int64_t steps = shapes[i].steps;
        int64_t streams = shapes[i].streams;
        for (int in_file = 0; in_file < 2; in_file++) {
            rnn_corpus *corpus = open_unicode(&text, in_file, steps, streams);
            int64_t position = 0;
            assert_int_equal(rnn_corpus_size(corpus), COUNT);
            for (int64_t n = 0; n < rnn_corpus_chunks(corpus) + 2 && n < MOST_CHUNKS; n++)
                assert_next_ids(corpus, text.ids, COUNT, steps, streams, &position);
            for (int n = 0; n < 4; n++) {
                position = random_below(&source, rnn_corpus_chunks(corpus) + 1) * steps;
                assert_ok(rnn_corpus_seek(corpus, position));
                assert_next_ids(corpus, text.ids, COUNT, steps, streams, &position);
                assert_next_ids(corpus, text.ids, COUNT, steps, streams, &position);
            }
            assert_ok(rnn_corpus_rewind(corpus));
            position = 0;
            assert_next_ids(corpus, text.ids, COUNT, steps, streams, &position);
            rnn_corpus_destroy(corpus);
        }
    }
    destroy_unicode(&text);
}

static void test_code_points_are_split_as_symbols(void **state)
{
    enum { COUNT = 100003, STEPS = 7, STREAMS = 5 };
    static const double shares[] = {0.5, 0.1, 0.9375, 0.001};
    unicode_text text = create_unicode(COUNT, 500, 2);
    (void)state;
    write_file("text", text.bytes, text.size);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        for (int in_file = 0; in_file < 2; in_file++) {
            int64_t moved = (int64_t)(COUNT * shares[i]);
            int64_t kept = COUNT - moved;
            int64_t again = kept / 4;
            int64_t first = 0;
            int64_t second = 0;
            int64_t third = 0;
            rnn_corpus *corpus = open_unicode(&text, in_file, STEPS, STREAMS);
            assert_next_ids(corpus, text.ids, COUNT, STEPS, STREAMS, &first);
            rnn_corpus *validation = split(corpus, shares[i]);
            rnn_corpus *middle = split(corpus, 0.25);
            assert_int_equal(rnn_corpus_size(corpus), kept - again);
            assert_int_equal(rnn_corpus_size(middle), again);
            assert_int_equal(rnn_corpus_size(validation), moved);
            first = 0;
            for (int n = 0; n < 1000; n++) {
                assert_next_ids(corpus, text.ids, kept - again, STEPS, STREAMS, &first);
                assert_next_ids(validation, text.ids + kept, moved, STEPS, STREAMS, &second);
                assert_next_ids(middle, text.ids + kept - again, again, STEPS, STREAMS, &third);
                if (n == 500) {
                    first = rnn_corpus_chunks(corpus) / 2 * STEPS;
                    second = rnn_corpus_chunks(validation) / 2 * STEPS;
                    assert_ok(rnn_corpus_seek(corpus, first));
                    assert_ok(rnn_corpus_seek(validation, second));
                }
            }
            rnn_corpus_destroy(corpus);
            rnn_corpus_destroy(middle);
            rnn_corpus_destroy(validation);
        }
    }
    destroy_unicode(&text);
}

static void test_a_split_of_code_points_that_leaves_a_part_too_short_changes_nothing(void **state)
{
    unicode_text text = create_unicode(100, 20, 3);
    rnn_corpus *corpus = open_unicode(&text, false, 5, 3);
    rnn_corpus *validation = UNTOUCHED;
    int64_t position = 0;
    (void)state;
    assert_next_ids(corpus, text.ids, 100, 5, 3, &position);
    assert_fails(rnn_corpus_split(corpus, 0.15, &validation), RNN_ERROR_ARGUMENT, "100 symbols into 85 and 15");
    assert_ptr_equal(validation, UNTOUCHED);
    for (int n = 0; n < 10; n++)
        assert_next_ids(corpus, text.ids, 100, 5, 3, &position);
    rnn_corpus_destroy(corpus);
    destroy_unicode(&text);
}

static void test_unknown_code_points_and_malformed_utf8_are_found_at_creation(void **state)
{
    enum { SIZE = 200001 };
    static const struct {
        size_t offset;
        const char *bytes, *part;
    } bad[] = {{0, "中", "U+4E2D '中' at offset 0"},
               {131070, "中", "U+4E2D '中' at offset 131070"},
               {65535, "🙂", "U+1F642 '🙂' at offset 65535"},
               {SIZE - 3, "中", "U+4E2D '中' at offset 199998"},
               {65534, "\xed\xa0\x80", "the byte 0xed at offset 65534"},
               {131071, "\xff", "the byte 0xff at offset 131071"},
               {SIZE - 2, "\xe4\xb8", "the byte 0xe4 at offset 199999"}};
    char *text = allocate(SIZE + 1, 1);
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = UNTOUCHED;
    (void)state;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_UTF8, "ab", 2, &vocab));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char part[100];
        memset(text, 'a', SIZE);
        memcpy(text + bad[i].offset, bad[i].bytes, strlen(bad[i].bytes));
        write_file("text", text, SIZE);
        assert_fails(rnn_corpus_create_from_text(vocab, text, SIZE, 10, 2, &corpus), RNN_ERROR_SYMBOL, bad[i].part);
        snprintf(part, sizeof part, "%s of text is not", bad[i].part);
        assert_fails(rnn_corpus_create_from_file(vocab, "text", 10, 2, &corpus), RNN_ERROR_SYMBOL, part);
    }
    for (size_t i = 0; i < MALFORMED_TEXTS; i++) {
        assert_fails(
            rnn_corpus_create_from_text(vocab, malformed_texts[i].text, malformed_texts[i].size, 1, 1, &corpus),
            RNN_ERROR_SYMBOL, "");
    }
    assert_fails(rnn_corpus_create_from_text(vocab, "", 0, 1, 1, &corpus), RNN_ERROR_ARGUMENT, "has 0 symbols");
    assert_ptr_equal(corpus, UNTOUCHED);
    rnn_vocab_destroy(vocab);
    free(text);
}

static void test_an_unknown_symbol_lets_any_text_be_served(void **state)
{
    static const int32_t inputs[] = {0, 2, 2, 1};
    static const int32_t targets[] = {2, 2, 1, 2};
    for (int32_t kind = RNN_VOCAB_BYTES; kind <= RNN_VOCAB_UTF8; kind++) {
        rnn_vocab *known = NULL;
        rnn_vocab *vocab = NULL;
        rnn_corpus *corpus = NULL;
        rnn_chunk chunk = empty_chunk();
        (void)state;
        assert_ok(rnn_vocab_create_from_list(kind, "ab", 2, &known));
        assert_ok(rnn_vocab_create_with_unknown(known, NULL, 0, &vocab));
        const char *text = kind == RNN_VOCAB_UTF8 ? "a中🙂b中"
                                                  : "ax\xff"
                                                    "b\xff";
        assert_ok(rnn_corpus_create_from_text(vocab, text, strlen(text), 4, 1, &corpus));
        assert_ok(rnn_corpus_next(corpus, &chunk, NULL));
        assert_memory_equal(chunk.inputs, inputs, sizeof inputs);
        assert_memory_equal(chunk.targets, targets, sizeof targets);
        rnn_corpus_destroy(corpus);
        rnn_vocab_destroy(vocab);
        rnn_vocab_destroy(known);
    }
}

/* They are read when the corpus is created, and never again. */
static void test_what_becomes_of_a_file_of_code_points_does_not_matter(void **state)
{
    enum { COUNT = 100000, STEPS = 1000, STREAMS = 2 };
    unicode_text text = create_unicode(COUNT, 500, 4);
    int64_t position = 0;
    (void)state;
    write_file("text", text.bytes, text.size);
    rnn_corpus *corpus = open_unicode(&text, true, STEPS, STREAMS);
    write_file("text", "other", 5);
    for (int n = 0; n < 60; n++)
        assert_next_ids(corpus, text.ids, COUNT, STEPS, STREAMS, &position);
    rnn_corpus_destroy(corpus);
    destroy_unicode(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_stand_one_behind_the_other_and_targets_are_one_symbol_on),
        cmocka_unit_test(test_ids_are_the_vocabularys),
        cmocka_unit_test(test_one_stream_is_served_in_the_seeds_order),
        cmocka_unit_test(test_every_chunk_of_every_small_shape_is_as_defined),
        cmocka_unit_test(test_chunks_counts_those_served_until_it_starts_over),
        cmocka_unit_test(test_without_drop_last_every_symbol_is_a_target_once_a_pass),
        test_with_files(test_without_drop_last_a_file_larger_than_its_windows_is_served_whole),
        cmocka_unit_test(test_set_drop_last_goes_back_to_the_start_and_can_be_undone),
        cmocka_unit_test(test_what_a_split_moves_is_served_as_the_rest),
        cmocka_unit_test(test_the_shortest_text_has_one_chunk_that_is_served_again_and_again),
        cmocka_unit_test(test_rewind_goes_back_to_the_start_from_anywhere),
        cmocka_unit_test(test_a_text_is_copied),
        cmocka_unit_test(test_whether_it_restarted_need_not_be_wanted),
        test_with_files(test_a_file_serves_what_its_text_does),
        test_with_files(test_every_chunk_of_small_files_is_as_defined),
        test_with_files(test_a_file_may_be_rewound_anywhere),
        test_with_files(test_a_file_is_held_open_whatever_happens_to_its_name),
        test_with_files(test_a_file_that_has_become_shorter_is_an_error_and_the_position_stays),
        test_with_files(test_a_file_that_has_grown_or_was_written_to_is_an_error_and_the_position_stays),
        test_with_files(test_an_unknown_symbol_in_a_file_is_found_by_the_chunk_that_comes_to_it),
        test_with_files(test_an_unknown_symbol_may_be_a_chunks_last_target),
        test_with_files(test_an_unknown_symbol_that_no_chunk_holds_does_not_matter_in_a_file),
        test_with_files(test_create_from_file_reports_the_file_and_the_systems_reason),
        test_with_files(test_an_unreadable_file_is_an_error_with_its_name_and_the_systems_reason),
        test_with_files(test_a_text_of_fewer_than_b_t_plus_1_symbols_is_refused),
        cmocka_unit_test(test_an_unknown_symbol_in_a_text_is_refused_with_its_offset),
        test_with_files(test_split_moves_the_end_rounded_down_to_whole_symbols),
        test_with_files(test_split_sets_both_to_their_start),
        test_with_files(test_the_parts_of_a_split_outlive_one_another_and_the_files_name),
        test_with_files(test_each_part_may_be_split_again),
        test_with_files(test_one_parts_chunk_stays_while_the_other_is_used),
        test_with_files(test_two_threads_may_use_and_destroy_the_parts_of_a_split),
        test_with_files(test_a_split_that_leaves_either_part_too_short_is_refused_and_changes_nothing),
        test_with_files(test_after_a_seek_the_same_is_served_as_without_an_interruption),
        test_with_files(test_seek_refuses_what_is_no_position_and_stays),
        test_with_files(test_code_points_are_served_as_defined_in_every_small_shape),
        test_with_files(test_code_points_of_a_large_text_are_served_as_defined),
        test_with_files(test_code_points_are_split_as_symbols),
        test_with_files(test_a_split_of_code_points_that_leaves_a_part_too_short_changes_nothing),
        test_with_files(test_unknown_code_points_and_malformed_utf8_are_found_at_creation),
        test_with_files(test_an_unknown_symbol_lets_any_text_be_served),
        test_with_files(test_what_becomes_of_a_file_of_code_points_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
