/*
 * The seed's training loop on librnn, timed: H 100, T 25, B 1, Adagrad at 0.1, gradients clipped to 5.
 * Prints one line for each precision, "float32 N tokens/s, loss X". compare_seed.sh sets it beside seed.py.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <rnn/rnn.h>

enum { STEPS = 25, CHUNKS_BETWEEN_LOOKS = 64 };

static void check(rnn_status status)
{
    if (status != RNN_OK) {
        fprintf(stderr, "seed: %s\n", rnn_last_error());
        exit(EXIT_FAILURE);
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void train(const char *path, int32_t precision, double seconds)
{
    rnn_vocab *vocab;
    rnn_corpus *corpus;
    rnn_model_options options;
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *adagrad;
    check(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, path, &vocab));
    check(rnn_corpus_create_from_file(vocab, path, STEPS, 1, &corpus));
    check(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = rnn_vocab_size(vocab);
    options.precision = precision;
    check(rnn_model_create(&options, &model));
    check(rnn_state_create(model, 1, &state));
    check(rnn_optimizer_create(model, NULL, &adagrad));

    double smooth_loss = STEPS * log((double)rnn_vocab_size(vocab));
    int64_t chunks = 0;
    rnn_chunk chunk;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    double start = now(), elapsed = 0;
    while (elapsed < seconds) {
        for (int i = 0; i < CHUNKS_BETWEEN_LOOKS; i++, chunks++) {
            int32_t restarted;
            rnn_loss loss;
            check(rnn_corpus_next(corpus, &chunk, &restarted));
            if (restarted)
                check(rnn_state_reset(state));
            check(rnn_forward_backward(model, state, &chunk, &loss));
            check(rnn_model_clip_value(model, 5));
            check(rnn_optimizer_step(adagrad, model));
            smooth_loss = 0.999 * smooth_loss + 0.001 * loss.sum;
        }
        elapsed = now() - start;
    }
    printf("%s %.0f tokens/s, loss %.2f\n", precision == RNN_FLOAT32 ? "float32" : "float64",
           (double)(chunks * STEPS) / elapsed, smooth_loss);

    rnn_optimizer_destroy(adagrad);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
}

int main(int argc, char **argv)
{
    char *end = NULL;
    double seconds = argc == 3 ? strtod(argv[2], &end) : 0;
    if (argc != 3 || end == argv[2] || *end != '\0' || !(seconds > 0 && isfinite(seconds))) {
        fprintf(stderr, "usage: seed FILE SECONDS\n");
        return 2;
    }
    train(argv[1], RNN_FLOAT32, seconds);
    train(argv[1], RNN_FLOAT64, seconds);
    return EXIT_SUCCESS;
}
