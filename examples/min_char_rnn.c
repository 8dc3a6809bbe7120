/*
 * min_char_rnn: the seed's program, Andrej Karpathy's minimal character-level RNN, on librnn.
 *
 * Learns to predict the next byte of a text and prints now and then what it would write itself. Defaults and the order
 * of things are the seed's; docs/seed.md sets the two programs side by side. Options only choose sizes and numbers.
 */
#define _POSIX_C_SOURCE 200809L

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rnn/rnn.h>

enum { SAMPLE_LENGTH = 200, USAGE_ERROR = 2 };

static volatile sig_atomic_t stop;

static void request_stop(int number)
{
    (void)number;
    stop = 1;
}

/* Ends the program with the library's sentence when a call failed. */
static void check(rnn_status status)
{
    if (status != RNN_OK) {
        fprintf(stderr, "min_char_rnn: %s\n", rnn_last_error());
        exit(EXIT_FAILURE);
    }
}

/* Makes what was printed visible, through a pipe too. */
static void flush_output(void)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "min_char_rnn: cannot write to standard output: %s\n", strerror(errno));
        exit(EXIT_FAILURE);
    }
}

static void require(bool valid, const char *option, const char *text, const char *wanted)
{
    if (!valid) {
        fprintf(stderr, "min_char_rnn: --%s is '%s'; it must be %s\n", option, text, wanted);
        exit(USAGE_ERROR);
    }
}

static int64_t parse_count(const char *option, const char *text)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    require(isdigit((unsigned char)*text) && *end == '\0' && errno == 0, option, text,
            "a whole number from 0 to 9223372036854775807");
    return value;
}

static double parse_rate(const char *option, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    bool number = (isdigit((unsigned char)*text) || *text == '.') && end != text && *end == '\0';
    require(number && isfinite(value), option, text, "a finite number, 0 or more");
    return value;
}

int main(int argc, char **argv)
{
    enum { ITERATIONS, HIDDEN, SEQUENCE, SEED, SAMPLE_EVERY, LEARNING_RATE, PRECISION };
    static const struct option names[] = {
        [ITERATIONS] = {"iterations", required_argument, NULL, ITERATIONS},
        [HIDDEN] = {"hidden", required_argument, NULL, HIDDEN},
        [SEQUENCE] = {"sequence", required_argument, NULL, SEQUENCE},
        [SEED] = {"seed", required_argument, NULL, SEED},
        [SAMPLE_EVERY] = {"sample-every", required_argument, NULL, SAMPLE_EVERY}, /* 0: never */
        [LEARNING_RATE] = {"learning-rate", required_argument, NULL, LEARNING_RATE},
        [PRECISION] = {"precision", required_argument, NULL, PRECISION},
        {NULL, 0, NULL, 0},
    };
    int64_t count[] = {[ITERATIONS] = INT64_MAX, [HIDDEN] = 100, [SEQUENCE] = 25, [SEED] = 0, [SAMPLE_EVERY] = 100};
    double learning_rate = 0.1;
    bool float64 = false;
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == '?')
            return USAGE_ERROR; /* getopt_long() has said why */
        const char *name = names[option].name;
        if (option == LEARNING_RATE) {
            learning_rate = parse_rate(name, optarg);
        } else if (option == PRECISION) {
            float64 = strcmp(optarg, "float64") == 0;
            require(float64 || strcmp(optarg, "float32") == 0, name, optarg, "float32 or float64");
        } else {
            count[option] = parse_count(name, optarg);
        }
    }
    if (optind + 1 != argc) {
        fprintf(stderr,
                "min_char_rnn: %d files given, one is needed; usage: min_char_rnn FILE [--iterations N] [--hidden N] "
                "[--sequence N] [--learning-rate X] [--seed N] [--precision float32|float64] [--sample-every N]\n",
                argc - optind);
        return USAGE_ERROR;
    }

    rnn_vocab *vocab;
    rnn_corpus *corpus;
    check(rnn_vocab_create_from_file(RNN_VOCAB_BYTES, argv[optind], &vocab));
    check(rnn_corpus_create_from_file(vocab, argv[optind], count[SEQUENCE], 1, &corpus));

    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = rnn_vocab_size(vocab);
    options.hidden_size = count[HIDDEN];
    options.precision = float64 ? RNN_FLOAT64 : RNN_FLOAT32;
    options.seed = (uint64_t)count[SEED];
    check(rnn_model_create(&options, &model));

    rnn_state *state, *sampling_state;
    check(rnn_state_create(model, 1, &state));
    check(rnn_state_create(model, 1, &sampling_state));

    rnn_optimizer *adagrad;
    check(rnn_optimizer_create(model, NULL, &adagrad));
    check(rnn_optimizer_set_learning_rate(adagrad, learning_rate));

    rnn_sampler *sampler;
    check(rnn_sampler_create(NULL, &sampler));

    /* The first Ctrl-C ends the loop, a second one the program. */
    struct sigaction action = {.sa_handler = request_stop, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);

    long long characters = rnn_corpus_size(corpus), unique = rnn_vocab_size(vocab), n = 0;
    printf("data has %lld characters, %lld unique.\n", characters, unique);
    flush_output();
    double smooth_loss = log((double)unique) * (double)count[SEQUENCE]; /* what guessing costs */

    rnn_chunk chunk;
    rnn_loss loss;
    int32_t restarted;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (; n < count[ITERATIONS] && !stop; n++) {
        bool report = count[SAMPLE_EVERY] > 0 && n % count[SAMPLE_EVERY] == 0;
        check(rnn_corpus_next(corpus, &chunk, &restarted));
        if (restarted)
            check(rnn_state_reset(state));
        if (report) {
            int32_t ids[SAMPLE_LENGTH];
            char text[SAMPLE_LENGTH];
            check(rnn_state_copy(sampling_state, state)); /* so that sampling doesn't disturb training */
            check(rnn_sample(model, sampling_state, sampler, chunk.inputs, SAMPLE_LENGTH, ids));
            check(rnn_vocab_decode(vocab, ids, SAMPLE_LENGTH, text, sizeof text, NULL));
            printf("----\n ");
            fwrite(text, 1, sizeof text, stdout);
            printf(" \n----\n");
        }

        check(rnn_forward_backward(model, state, &chunk, &loss));
        smooth_loss = smooth_loss * 0.999 + loss.sum * 0.001;
        if (report) {
            printf("iter %lld, loss: %f\n", n, smooth_loss);
            flush_output();
        }
        check(rnn_model_clip_value(model, 5));
        check(rnn_optimizer_step(adagrad, model));
    }
    printf("stopped after %lld iterations, loss: %f\n", n, smooth_loss);
    flush_output();

    rnn_sampler_destroy(sampler);
    rnn_optimizer_destroy(adagrad);
    rnn_state_destroy(sampling_state);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    return EXIT_SUCCESS;
}
