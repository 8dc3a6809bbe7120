/*
 * resume: training that can be stopped at any moment, by Ctrl-C, a kill or a power failure, and started again.
 *
 * It learns a text, byte by byte, and saves a checkpoint every SAVE_EVERY chunks. If the checkpoint exists at the
 * start, training resumes from it and computes the same bits as without a stop.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rnn/rnn.h>

enum { CHUNKS = 20000, SAVE_EVERY = 100, STEPS = 50, STREAMS = 16 };

/* The checkpoint's counters: the chunks learned so far, and the properties that must be the same when it resumes. */
enum { LEARNED, TEXT_SIZE, TEXT_CHECKSUM, RUN_STEPS, RUN_STREAMS };

static _Noreturn void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("resume: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(EXIT_FAILURE);
}

static void check(rnn_status status)
{
    if (status != RNN_OK)
        fail("%s", rnn_last_error());
}

/* Flushes standard output. It is an error if the output can't be written. */
static void flush_output(void)
{
    if (ferror(stdout) || fflush(stdout) != 0)
        fail("standard output can't be written: %s", strerror(errno));
}

static int64_t parse_chunks(const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 || value == 0)
        fail("CHUNKS is '%s'; it must be a whole number from 1 to 9223372036854775807", text);
    return value;
}

/*
 * Whether a file exists. A file that can't be opened counts as existing: loading it then reports the reason, whereas a
 * new run would replace the file.
 */
static int exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    int missing = !file && errno == ENOENT;
    if (file)
        fclose(file);
    return !missing;
}

/* Computes the size and a checksum (FNV-1a) of a text, to recognise the text later. */
static void examine(const char *path, int64_t *text_size, int64_t *checksum)
{
    static unsigned char piece[65536];
    uint64_t size = 0, sum = 14695981039346656037U;
    FILE *file = fopen(path, "rb");
    if (!file)
        fail("%s can't be opened: %s", path, strerror(errno));
    for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0; size += n)
        for (size_t i = 0; i < n; i++)
            sum = (sum ^ piece[i]) * 1099511628211U;
    if (ferror(file))
        fail("%s can't be read: %s", path, strerror(errno));
    fclose(file);
    *text_size = (int64_t)size;
    *checksum = (int64_t)sum;
}

/* Begins a new run: creates the objects of the checkpoint. */
static void begin(rnn_checkpoint *c, const char *text)
{
    rnn_model_options options;
    rnn_optimizer_options adam;
    check(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, text, &c->vocab));
    check(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = rnn_vocab_size(c->vocab);
    options.cell = RNN_CELL_LSTM;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.layers = 2;
    options.dropout = 0.1;
    check(rnn_model_create(&options, &c->model));
    check(rnn_state_create(c->model, STREAMS, &c->state));
    check(rnn_optimizer_options_init(&adam, sizeof adam, RNN_OPTIMIZER_ADAM));
    check(rnn_optimizer_create(c->model, &adam, &c->optimizer));
    examine(text, &c->counters[TEXT_SIZE], &c->counters[TEXT_CHECKSUM]);
    c->counters[RUN_STEPS] = STEPS;
    c->counters[RUN_STREAMS] = STREAMS;
}

/* Resumes an earlier run. Fails unless it was a run of this program on this text. */
static void go_on(rnn_checkpoint *c, const char *text, const char *path)
{
    static const char advice[] = "or give the name of a new checkpoint to start again";
    int64_t size, checksum;
    check(rnn_checkpoint_load(path, c));
    const char *missing = !c->vocab ? "vocabulary" : !c->optimizer ? "optimizer" : !c->state ? "state" : NULL;
    if (missing)
        fail("%s has no %s, so training can't resume from it; give a checkpoint of this program, %s", path, missing,
             advice);
    if (c->counters[RUN_STEPS] != STEPS || c->counters[RUN_STREAMS] != STREAMS)
        fail("%s was not trained by this program, with %d streams of %d steps; give a checkpoint that was, %s", path,
             STREAMS, STEPS, advice);
    examine(text, &size, &checksum);
    if (c->counters[TEXT_SIZE] != size || c->counters[TEXT_CHECKSUM] != checksum)
        fail("%s was trained on a text that differs from %s; give the text that it was trained on, %s", path, text,
             advice);
}

/* Learns one chunk. A counter holds the number of chunks, and a value holds the smoothed loss. */
static void train(rnn_checkpoint *c, rnn_corpus *corpus)
{
    rnn_chunk chunk;
    rnn_loss loss;
    int32_t restarted;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    check(rnn_corpus_next(corpus, &chunk, &restarted));
    if (restarted)
        check(rnn_state_reset(c->state));
    check(rnn_forward_backward(c->model, c->state, &chunk, &loss));
    check(rnn_model_clip_norm(c->model, 1, NULL));
    check(rnn_optimizer_step(c->optimizer, c->model));
    double mean = loss.sum / (double)loss.count;
    c->values[0] = c->counters[LEARNED] == 0 ? mean : 0.99 * c->values[0] + 0.01 * mean;
    c->counters[LEARNED]++;
    c->corpus_position = rnn_corpus_position(corpus);
}

int main(int argc, char **argv)
{
    static const char usage[] = "usage: resume TEXT CHECKPOINT [CHUNKS]\n";
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        flush_output();
        return EXIT_SUCCESS;
    }
    if (argc < 3 || argc > 4) {
        fputs(usage, stderr);
        return EXIT_FAILURE;
    }
    const char *text = argv[1], *path = argv[2];
    int64_t chunks = argc > 3 ? parse_chunks(argv[3]) : CHUNKS;
    rnn_checkpoint c;
    rnn_corpus *corpus;
    check(rnn_checkpoint_init(&c, sizeof c));
    if (exists(path))
        go_on(&c, text, path);
    else
        begin(&c, text);
    check(rnn_corpus_create_from_file(c.vocab, text, STEPS, STREAMS, &corpus));
    check(rnn_corpus_seek(corpus, c.corpus_position));
    if (c.counters[LEARNED] < chunks)
        check(rnn_checkpoint_save(&c, path)); /* fails before the training if the file can't be written */
    else
        printf("%s has already learned %lld chunks\n", path, (long long)c.counters[LEARNED]);
    while (c.counters[LEARNED] < chunks) {
        train(&c, corpus);
        if (c.counters[LEARNED] % SAVE_EVERY != 0 && c.counters[LEARNED] != chunks)
            continue;
        check(rnn_checkpoint_save(&c, path));
        printf("chunk %lld: %f nats per symbol\n", (long long)c.counters[LEARNED], c.values[0]);
        flush_output();
    }
    flush_output();

    rnn_corpus_destroy(corpus);
    rnn_optimizer_destroy(c.optimizer);
    rnn_state_destroy(c.state);
    rnn_model_destroy(c.model);
    rnn_vocab_destroy(c.vocab);
    return EXIT_SUCCESS;
}
