/*
 * resume: training that may be stopped at any moment, by Ctrl-C, a kill or a power failure, and started again.
 *
 * Learns a text, byte by byte, and writes a checkpoint every so many chunks. Where there is one already it goes on from
 * there, and computes what it would have computed without a stop, bit for bit.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rnn/rnn.h>

enum { CHUNKS = 20000, SAVE_EVERY = 100, STEPS = 50, STREAMS = 16 };

static void check(rnn_status status)
{
    if (status != RNN_OK) {
        fprintf(stderr, "resume: %s\n", rnn_last_error());
        exit(EXIT_FAILURE);
    }
}

/* A file that can't be opened is there, too: to load it says why, and to begin anew would replace it. */
static int exists(const char *path)
{
    FILE *file = fopen(path, "rb");
    int missing = !file && errno == ENOENT;
    if (file)
        fclose(file);
    return !missing;
}

/* A new run: what is to be in the checkpoint. */
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
}

/* One chunk; a counter keeps their number, a value the smoothed loss. */
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
    c->values[0] = c->counters[0] == 0 ? mean : 0.99 * c->values[0] + 0.01 * mean;
    c->counters[0]++;
    c->corpus_position = rnn_corpus_position(corpus);
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: resume TEXT CHECKPOINT [CHUNKS]\n");
        return EXIT_FAILURE;
    }
    const char *text = argv[1], *path = argv[2];
    long long chunks = argc > 3 ? atoll(argv[3]) : CHUNKS;
    rnn_checkpoint c;
    rnn_corpus *corpus;
    check(rnn_checkpoint_init(&c, sizeof c));
    if (exists(path))
        check(rnn_checkpoint_load(path, &c));
    else
        begin(&c, text);
    check(rnn_corpus_create_from_file(c.vocab, text, STEPS, STREAMS, &corpus));
    check(rnn_corpus_seek(corpus, c.corpus_position));
    while (c.counters[0] < chunks) {
        train(&c, corpus);
        if (c.counters[0] % SAVE_EVERY != 0 && c.counters[0] != chunks)
            continue;
        check(rnn_checkpoint_save(&c, path));
        printf("chunk %lld: %f nats per symbol\n", (long long)c.counters[0], c.values[0]);
        fflush(stdout);
    }

    rnn_corpus_destroy(corpus);
    rnn_optimizer_destroy(c.optimizer);
    rnn_state_destroy(c.state);
    rnn_model_destroy(c.model);
    rnn_vocab_destroy(c.vocab);
    return EXIT_SUCCESS;
}
