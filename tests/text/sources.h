/*
 * Sources to test with. Used by the suites of the source.
 */
#ifndef RNN_TESTS_SOURCES_H
#define RNN_TESTS_SOURCES_H

#include "temporary.h"
#include "texts.h"
#include "unicode.h"

static inline rnn_source *open_paths(const char *const *paths, int64_t count)
{
    rnn_source *source = NULL;
    assert_ok(rnn_source_open(paths, count, &source));
    assert_non_null(source);
    return source;
}

static inline rnn_source *open_path(const char *path)
{
    return open_paths(&path, 1);
}

/* The corpus of all bytes of a source, as one chunk of one stream, must be the text. */
static inline void assert_source_is(const rnn_source *source, const unsigned char *text, int64_t size)
{
    assert_int_equal(rnn_source_size(source), size);
    rnn_vocab *vocab = vocab_of_all_bytes();
    rnn_corpus *corpus = corpus_of_source(vocab, source, size - 1, 1);
    rnn_chunk chunk = next_chunk(corpus);
    for (int64_t i = 0; i < size - 1; i++)
        if (chunk.inputs[i] != text[i] || chunk.targets[i] != text[i + 1])
            fail_msg("byte %lld or the one behind it is another", (long long)i);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
}

/* The vocabulary and the corpus of code points of a source must be those of the text in memory. */
static inline void assert_source_is_text(const rnn_source *source, const unsigned char *text, size_t size,
                                         int64_t steps)
{
    rnn_vocab *vocab = vocab_of_source(RNN_VOCAB_UTF8, source);
    rnn_vocab *expected_vocab = vocab_of_text(RNN_VOCAB_UTF8, text, size);
    rnn_corpus *corpus = corpus_of_source(vocab, source, steps, 1);
    rnn_corpus *expected = corpus_of_text(expected_vocab, text, size, steps, 1);
    assert_int_equal(rnn_source_size(source), size);
    assert_int_equal(rnn_vocab_size(vocab), rnn_vocab_size(expected_vocab));
    assert_int_equal(rnn_corpus_size(corpus), rnn_corpus_size(expected));
    for (int64_t n = 0; n < rnn_corpus_chunks(expected) + 1; n++) {
        rnn_chunk chunk = next_chunk(corpus), expected_chunk = next_chunk(expected);
        assert_memory_equal(chunk.inputs, expected_chunk.inputs, (size_t)steps * sizeof *chunk.inputs);
        assert_memory_equal(chunk.targets, expected_chunk.targets, (size_t)steps * sizeof *chunk.targets);
    }
    rnn_corpus_destroy(expected);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(expected_vocab);
    rnn_vocab_destroy(vocab);
}

/* A child process that writes to a path or, where that is NULL, to a descriptor, in small pieces with pauses. */
static inline pid_t start_writer(const char *path, int descriptor, const unsigned char *bytes, size_t size)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    static const unsigned char *volatile kept; /* a leak checker in the child must find what the parent allocated */
    kept = bytes;
    alarm(60);
    int to = path ? open(path, O_WRONLY) : descriptor;
    for (size_t done = 0; to >= 0 && done < size;) {
        size_t piece = size - done < 30011 ? size - done : 30011;
        ssize_t n = write(to, bytes + done, piece);
        if (n < 0)
            _exit(1);
        done += (size_t)n;
        if (done % 7 == 0)
            nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    _exit(to < 0 || kept != bytes);
}

static inline void await_writer(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* Moves a descriptor to standard input, or closes this where it is negative. */
static inline void set_input(int descriptor)
{
    if (descriptor < 0) {
        close(STDIN_FILENO);
    } else {
        assert_int_equal(dup2(descriptor, STDIN_FILENO), STDIN_FILENO);
        close(descriptor);
    }
}

/* Opens standard input as a source while it is `descriptor`. The status is that of rnn_source_open(). */
static inline rnn_status open_input(int descriptor, const char *const *paths, int64_t count, rnn_source **source)
{
    int saved = dup(STDIN_FILENO);
    set_input(descriptor);
    rnn_status status = rnn_source_open(paths, count, source);
    set_input(saved);
    return status;
}

#endif
