/*
 * Corpora of code points: from memory and from files, in which symbols have one byte to four.
 */
#include "corpora.h"

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
