/*
 * Sources: several files as one text, texts that can only be read once, and where error sentences say that something is
 * wrong. Files that this process may not read are in test_corpus_files.c.
 */
#include "sources.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* ---- Files ---- */

static void test_files_are_one_text_in_the_order_given(void **state)
{
    (void)state;
    static const char *const paths[] = {"b", "empty", "a", "b", "empty"};
    write_file("a", "world", 5);
    write_file("b", "hello", 5);
    write_file("empty", "", 0);
    rnn_source *source = open_paths(paths, 5);
    assert_source_is(source, (const unsigned char *)"helloworldhello", 15);
    rnn_source_destroy(source);
}

static void test_files_may_cut_a_text_anywhere(void **state)
{
    (void)state;
    static const char text[] = "aé中🙂é\xf4\x8f\xbf\xbf中z";
    static const char *const paths[] = {"1", "2", "3"};
    for (size_t first = 0; first < sizeof text; first++) {
        for (size_t second = first; second < sizeof text; second++) {
            write_file("1", text, first);
            write_file("2", text + first, second - first);
            write_file("3", text + second, sizeof text - 1 - second);
            rnn_source *source = open_paths(paths, 3);
            assert_source_is_text(source, (const unsigned char *)text, sizeof text - 1, 2);
            assert_source_is(source, (const unsigned char *)text, sizeof text - 1);
            rnn_source_destroy(source);
        }
    }
}

static void test_many_files_of_one_byte_each_are_a_text(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    char names[COUNT][8];
    const char *paths[COUNT];
    size_t size = 0;
    unsigned char *text = create_unicode_text(COUNT, 20, 1, &size);
    size_t used = 0; /* whole code points in at most as many bytes as there are files */
    while (used + measure_code_point(text + used, size - used) <= COUNT)
        used += measure_code_point(text + used, size - used);
    for (size_t i = 0; i < used; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        write_file(names[i], text + i, 1);
        paths[i] = names[i];
    }
    rnn_source *source = open_paths(paths, (int64_t)used);
    assert_source_is_text(source, text, used, 7);
    rnn_source_destroy(source);
    free(text);
}

static void test_large_files_are_read_across_their_borders(void **state)
{
    (void)state;
    static const char *const paths[] = {"1", "2", "3"};
    size_t size = 0;
    unsigned char *text = create_unicode_text(900000, 5000, 2, &size);
    write_file("1", text, 1000001);
    write_file("2", text + 1000001, 65537);
    write_file("3", text + 1065538, size - 1065538);
    rnn_source *source = open_paths(paths, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(unlink(paths[i]), 0); /* they are held open */
    assert_source_is_text(source, text, size, 1000);
    assert_source_is_text(source, text, size, 400000);
    assert_source_is(source, text, (int64_t)size);
    rnn_source_destroy(source);
    free(text);
}

static void test_a_corpus_outlives_its_source(void **state)
{
    (void)state;
    static const char *const paths[] = {"1", "2"};
    write_file("1", "中a中a", 8);
    write_file("2", "中a中", 7);
    rnn_source *source = open_paths(paths, 2);
    rnn_vocab *vocab = vocab_of_source(RNN_VOCAB_UTF8, source);
    rnn_corpus *corpora[] = {corpus_of_source(vocab, source, 2, 1), corpus_of_source(vocab, source, 3, 2)};
    rnn_source_destroy(source);
    rnn_vocab_destroy(vocab);
    for (int i = 0; i < 2; i++) {
        for (int n = 0; n < 6; n++) {
            rnn_chunk chunk = next_chunk(corpora[i]);
            assert_int_equal(chunk.inputs[0], 1);
            assert_int_equal(chunk.inputs[1], 0);
        }
        rnn_corpus_destroy(corpora[i]);
    }
}

/* ---- Sentences ---- */

static void test_sentences_name_the_file_and_the_offset_in_it(void **state)
{
    (void)state;
    static const char *const paths[] = {"first", "second"};
    rnn_corpus *corpus = NULL;
    write_file("first", "aaaa", 4);
    write_file("second", "aa中aa", 7);
    rnn_source *source = open_paths(paths, 2);
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_UTF8, "ab", 2);
    assert_fails(rnn_corpus_create_from_source(vocab, source, 1, 1, &corpus), RNN_ERROR_SYMBOL,
                 "U+4E2D '中' at offset 2 of second is not in the vocabulary");
    rnn_vocab_destroy(vocab);

    vocab = vocab_of_list(RNN_VOCAB_BYTES, "ab", 2);
    corpus = corpus_of_source(vocab, source, 3, 1);
    rnn_chunk chunk = next_chunk(corpus);
    assert_fails(rnn_corpus_next(corpus, &chunk, NULL), RNN_ERROR_SYMBOL,
                 "the byte 0xe4 at offset 2 of second is not in the vocabulary");
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    rnn_source_destroy(source);

    write_file("first", "a\xe4\xb8", 3); /* the next file continues it with the wrong byte */
    source = open_paths(paths, 2);
    assert_fails(rnn_vocab_create_from_source(RNN_VOCAB_UTF8, source, &vocab), RNN_ERROR_SYMBOL,
                 "the byte 0xe4 at offset 1 of first is not valid UTF-8: the code point that it begins is cut short");
    rnn_source_destroy(source);
}

static void test_a_text_of_no_bytes_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const paths[] = {"empty", "another"};
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    write_file("empty", "", 0);
    write_file("another", "", 0);
    rnn_source *source = open_paths(paths, 1);
    assert_int_equal(rnn_source_size(source), 0);
    assert_fails(rnn_vocab_create_from_source(RNN_VOCAB_BYTES, source, &vocab), RNN_ERROR_ARGUMENT, "empty is empty");
    rnn_source_destroy(source);
    source = open_paths(paths, 2);
    assert_fails(rnn_vocab_create_from_source(RNN_VOCAB_UTF8, source, &vocab), RNN_ERROR_ARGUMENT,
                 "empty and 1 other file are empty");
    vocab = vocab_of_list(RNN_VOCAB_UTF8, "ab", 2);
    assert_fails(rnn_corpus_create_from_source(vocab, source, 1, 1, &corpus), RNN_ERROR_ARGUMENT, "has 0 symbols");
    assert_null(corpus);
    rnn_vocab_destroy(vocab);
    rnn_source_destroy(source);
}

static void test_paths_that_cannot_be_opened_are_an_error_with_the_systems_reason(void **state)
{
    (void)state;
    const struct {
        const char *paths[3];
        rnn_status status;
        const char *part;
    } cases[] = {
        {{"text", NULL, "text"}, RNN_ERROR_ARGUMENT, "paths[1] is NULL"},
        {{"-", "text", "-"}, RNN_ERROR_ARGUMENT, "paths[0] and paths[2] are \"-\""},
        {{"text", "absent", "text"}, RNN_ERROR_IO, "absent can't be opened"},
        {{"text", "absent", "text"}, RNN_ERROR_IO, strerror(ENOENT)},
        {{"text", "folder", "text"}, RNN_ERROR_IO, "folder is a directory"},
    };
    rnn_source *source = UNTOUCHED;
    write_file("text", "abc", 3);
    assert_int_equal(mkdir("folder", 0700), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_fails(rnn_source_open(cases[i].paths, 3, &source), cases[i].status, cases[i].part);
    assert_ptr_equal(source, UNTOUCHED);
}

/* ---- Files that change ---- */

static void test_a_vocabulary_of_a_file_that_has_changed_is_an_error(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        time_t time;
        const char *part;
    } changes[] = {{"abc", 3, 1000000000, "changing ends at byte 3; it had 4"},
                   {"abcde", 5, 1000000000, "changing has 5 bytes; it had 4"},
                   {"bbbb", 4, 1000000001, "changing has changed"}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        static const char *const paths[] = {"fixed", "changing"};
        for (int32_t kind = RNN_VOCAB_BYTES; kind <= RNN_VOCAB_UTF8; kind++) {
            rnn_vocab *vocab = NULL;
            write_file("fixed", "zzzz", 4);
            write_file("changing", "abcd", 4);
            set_time("changing", 1000000000);
            rnn_source *source = open_paths(paths, 2);
            write_file("changing", changes[i].text, changes[i].size);
            set_time("changing", changes[i].time);
            assert_fails(rnn_vocab_create_from_source(kind, source, &vocab), RNN_ERROR_IO, changes[i].part);
            assert_null(vocab);
            rnn_source_destroy(source);
        }
    }
}

/* ---- Texts that can only be read once ---- */

/* Opens paths of which one is the FIFO "pipe", while a child process writes the text to this. */
static rnn_source *open_fifo(const char *const *paths, int64_t count, const unsigned char *text, size_t size)
{
    pid_t writer = start_writer("pipe", -1, text, size);
    rnn_source *source = open_paths(paths, count);
    await_writer(writer);
    return source;
}

static void test_a_fifo_is_waited_for_and_read_to_its_end(void **state)
{
    (void)state;
    static const size_t sizes[] = {5, 65535, 65536, 65537, 131072, 1500000};
    static unsigned char whole[1500000 + 6]; /* not allocated: a forked writer would seem to leak it */
    static const char *const paths[] = {"text", "pipe", "text"};
    size_t size = 0;
    unsigned char *text = create_unicode_text(1000000, 300, 3, &size);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    write_file("text", text, 3);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memcpy(whole, text, 3);
        memcpy(whole + 3, text, sizes[i]);
        memcpy(whole + 3 + sizes[i], text, 3);
        rnn_source *source = open_fifo(&paths[1], 1, text, sizes[i]);
        assert_source_is(source, text, (int64_t)sizes[i]);
        assert_source_is(source, text, (int64_t)sizes[i]); /* a source can be read again and again */
        rnn_source_destroy(source);
        source = open_fifo(paths, 3, text, sizes[i]);
        assert_source_is(source, whole, (int64_t)sizes[i] + 6);
        rnn_source_destroy(source);
    }
    rnn_source *source = open_fifo(&paths[1], 1, text, size);
    assert_source_is_text(source, text, size, 5000);
    rnn_source_destroy(source);
    free(text);
}

/* Shared by the handler of the signal, the other thread and the library's callback */
static struct {
    volatile sig_atomic_t signals;
    atomic_int asked, give_up_after; /* times; a limit of 0 is none */
    pthread_t waiting;
    const char *writes_to; /* NULL: nothing is written */
} interruption;

static void count_signal(int number)
{
    (void)number;
    interruption.signals++;
}

static int32_t answer(void *context)
{
    assert_ptr_equal(context, &interruption);
    int asked = atomic_fetch_add(&interruption.asked, 1) + 1;
    return interruption.give_up_after > 0 && asked >= interruption.give_up_after;
}

/* Sends signals, and then writes between more of them. */
static void *disturb(void *unused)
{
    static const struct timespec pause = {.tv_nsec = 10000000};
    (void)unused;
    for (int i = 0; i < 30; i++) {
        pthread_kill(interruption.waiting, SIGUSR1);
        nanosleep(&pause, NULL);
    }
    if (interruption.writes_to != NULL) {
        int descriptor = open(interruption.writes_to, O_WRONLY);
        assert_true(descriptor >= 0);
        for (int i = 0; i < 10; i++) {
            pthread_kill(interruption.waiting, SIGUSR1);
            assert_int_equal(write(descriptor, "text", 4), 4);
            nanosleep(&pause, NULL);
        }
        close(descriptor);
    }
    return NULL;
}

static rnn_status open_disturbed(const char *path, const char *writes_to, int give_up_after, rnn_source **source)
{
    pthread_t other;
    interruption.signals = 0;
    interruption.asked = 0;
    interruption.give_up_after = give_up_after;
    interruption.waiting = pthread_self();
    interruption.writes_to = writes_to;
    assert_int_equal(pthread_create(&other, NULL, disturb, NULL), 0);
    rnn_status status = rnn_source_open(&path, 1, source);
    pthread_join(other, NULL);
    return status;
}

static void test_a_call_that_waits_can_be_told_to_give_up(void **state)
{
    (void)state;
    const struct sigaction counting = {.sa_handler = count_signal};
    struct sigaction before;
    int ends[2];
    assert_int_equal(sigaction(SIGUSR1, &counting, &before), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    rnn_set_interrupt(answer, &interruption);

    /* A FIFO without a writer, and one whose writer writes nothing */
    for (int has_writer = 0; has_writer < 2; has_writer++) {
        rnn_source *source = UNTOUCHED;
        int writer = has_writer ? open("pipe", O_RDWR) : -1;
        assert_fails(open_disturbed("pipe", NULL, 2, &source), RNN_ERROR_IO, "pipe was not read to its end");
        assert_ptr_equal(source, UNTOUCHED);
        close(writer);
    }

    /* Standard input, whose descriptor blocks */
    rnn_source *source = UNTOUCHED;
    int input = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    set_input(ends[0]);
    assert_fails(open_disturbed("-", NULL, 2, &source), RNN_ERROR_IO, "standard input was not read to its end");
    assert_ptr_equal(source, UNTOUCHED);
    set_input(input);
    close(ends[1]);

    /* The call waits on if it is told so, or if it has nothing to ask, whatever signals come. */
    for (int asks = 0; asks < 2; asks++) {
        rnn_set_interrupt(asks ? answer : NULL, &interruption);
        assert_ok(open_disturbed("pipe", "pipe", 0, &source));
        assert_int_equal(rnn_source_size(source), 40);
        assert_true(interruption.signals > 0);
        assert_true(asks == (interruption.asked > 0));
        rnn_source_destroy(source);
    }
    rnn_set_interrupt(NULL, NULL);
    assert_int_equal(sigaction(SIGUSR1, &before, NULL), 0);
}

static const char *const input_alone[] = {"-"};

static void test_standard_input_is_read_from_a_pipe(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *text = create_unicode_text(100000, 300, 4, &size);
    for (int waiting = 0; waiting < 2; waiting++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t writer = start_writer(NULL, ends[1], text, size);
        close(ends[1]);
        if (!waiting)
            assert_true(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0); /* a shell may leave it so */
        rnn_source *source = NULL;
        assert_ok(open_input(ends[0], input_alone, 1, &source));
        await_writer(writer);
        assert_source_is_text(source, text, size, 100);
        rnn_source_destroy(source);
    }
    free(text);
}

static void test_a_regular_standard_input_is_read_from_where_it_stands(void **state)
{
    (void)state;
    char byte = 0;
    rnn_source *source = NULL;
    rnn_vocab *vocab = NULL;
    write_file("text", "?中a中", 8);
    set_time("text", 1000000000);
    int input = open("text", O_RDONLY);
    assert_int_equal(read(input, &byte, 1), 1);
    assert_ok(open_input(dup(input), input_alone, 1, &source));
    assert_int_equal(read(input, &byte, 1), 0); /* the source has read it to its end */
    close(input);
    assert_source_is_text(source, (const unsigned char *)"中a中", 7, 1);
    write_file("text", "?中aaaa", 8);
    set_time("text", 1000000002);
    assert_fails(rnn_vocab_create_from_source(RNN_VOCAB_UTF8, source, &vocab), RNN_ERROR_IO,
                 "standard input has changed");
    rnn_source_destroy(source);
}

static void test_a_standard_input_that_is_closed_or_a_directory_is_an_error(void **state)
{
    (void)state;
    rnn_source *source = UNTOUCHED;
    assert_fails(open_input(-1, input_alone, 1, &source), RNN_ERROR_IO, "standard input can't be opened");
#ifndef _WIN32 /* its open() is only for files */
    assert_fails(open_input(open(".", O_RDONLY), input_alone, 1, &source), RNN_ERROR_IO,
                 "standard input is a directory");
#endif
    assert_ptr_equal(source, UNTOUCHED);
}

static void test_a_file_named_dash_is_opened_by_its_full_name(void **state)
{
    (void)state;
    write_file("-", "abc", 3);
    rnn_source *source = open_path("./-");
    assert_source_is(source, (const unsigned char *)"abc", 3);
    rnn_source_destroy(source);
}

static void test_a_device_is_read_to_its_end(void **state)
{
    (void)state;
    rnn_source *source = open_path("/dev/null");
    assert_int_equal(rnn_source_size(source), 0);
    rnn_source_destroy(source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_files_are_one_text_in_the_order_given),
        test_with_files(test_files_may_cut_a_text_anywhere),
        test_with_files(test_many_files_of_one_byte_each_are_a_text),
        test_with_files(test_large_files_are_read_across_their_borders),
        test_with_files(test_a_corpus_outlives_its_source),
        test_with_files(test_sentences_name_the_file_and_the_offset_in_it),
        test_with_files(test_a_text_of_no_bytes_is_refused_by_name),
        test_with_files(test_paths_that_cannot_be_opened_are_an_error_with_the_systems_reason),
        test_with_files(test_a_vocabulary_of_a_file_that_has_changed_is_an_error),
        test_with_files(test_a_fifo_is_waited_for_and_read_to_its_end),
        test_with_files(test_a_call_that_waits_can_be_told_to_give_up),
        test_with_files(test_standard_input_is_read_from_a_pipe),
        test_with_files(test_a_regular_standard_input_is_read_from_where_it_stands),
        test_with_files(test_a_standard_input_that_is_closed_or_a_directory_is_an_error),
        test_with_files(test_a_file_named_dash_is_opened_by_its_full_name),
        test_with_files(test_a_device_is_read_to_its_end),
    };
    alarm(300); /* ends the suite if a call waits for a writer that never comes */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
