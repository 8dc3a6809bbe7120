/*
 * min_char_rnn: Andrej Karpathy's minimal character-level RNN, min-char-rnn, written with librnn.
 *
 * It learns to predict the next symbol of a text, and now and then prints a sample of its own writing. It has the
 * defaults and the structure of the original; docs/seed.md compares the two programs. Options choose the sizes and the
 * other settings. A symbol is a byte or, with --utf8, a code point.
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

static const char usage[] = "usage: min_char_rnn [OPTION...] FILE...\n"
                            "Learns the text in FILE and prints samples of its writing. Ctrl-C stops it.\n"
                            "Several files are read as one text; - is standard input.\n"
                            "\n"
                            "  --utf8             a symbol is a code point instead of a byte\n"
                            "  --iterations N     stop after N chunks\n"
                            "  --hidden N         hidden units (100)\n"
                            "  --sequence N       steps in a chunk (25)\n"
                            "  --learning-rate X  learning rate of Adagrad (0.1)\n"
                            "  --seed N           seed of the initial weights and the samples (0)\n"
                            "  --precision P      float32 or float64 (float32)\n"
                            "  --sample-every N   print a sample and the loss every N chunks (100); 0: never\n"
                            "  -h, --help         print this help\n";

/* The settings from the command line. */
typedef struct settings {
    const char *const *paths; /* one text; "-" is standard input */
    int64_t path_count;
    int32_t kind;                                             /* RNN_VOCAB_BYTES or RNN_VOCAB_UTF8 */
    int64_t iterations, hidden, sequence, seed, sample_every; /* sample_every 0: never */
    double learning_rate;
    int32_t precision;
} settings;

static volatile sig_atomic_t stop;

static void request_stop(int number)
{
    (void)number;
    stop = 1;
}

/* If a call has failed, ends the program with the library's message. If training has diverged, gives advice instead. */
static void check(rnn_status status)
{
    if (status == RNN_ERROR_NONFINITE) {
        fprintf(stderr, "min_char_rnn: training has diverged: some numbers are no longer finite; "
                        "try a lower --learning-rate\n");
        exit(EXIT_FAILURE);
    }
    if (status != RNN_OK) {
        fprintf(stderr, "min_char_rnn: %s\n", rnn_last_error());
        exit(EXIT_FAILURE);
    }
}

/* Flushes standard output, so that the text is visible at once even through a pipe. */
static void flush_output(void)
{
    if (ferror(stdout) || fflush(stdout) != 0) {
        fprintf(stderr, "min_char_rnn: standard output can't be written: %s\n", strerror(errno));
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
    errno = 0;
    double value = strtod(text, &end);
    bool decimal = (isdigit((unsigned char)*text) || *text == '.') && text[strspn(text, "0123456789.eE+-")] == '\0';
    require(decimal && end != text && *end == '\0' && errno == 0, option, text,
            "0 or a decimal number from 1e-307 to 1e308");
    return value;
}

static settings parse_options(int argc, char **argv)
{
    enum { ITERATIONS, HIDDEN, SEQUENCE, SEED, SAMPLE_EVERY, LEARNING_RATE, PRECISION, UTF8, HELP = 'h' };
    static const struct option names[] = {
        {"iterations", required_argument, NULL, ITERATIONS},
        {"hidden", required_argument, NULL, HIDDEN},
        {"sequence", required_argument, NULL, SEQUENCE},
        {"seed", required_argument, NULL, SEED},
        {"sample-every", required_argument, NULL, SAMPLE_EVERY},
        {"precision", required_argument, NULL, PRECISION},
        {"learning-rate", required_argument, NULL, LEARNING_RATE},
        {"utf8", no_argument, NULL, UTF8},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    settings s = {.iterations = INT64_MAX, .hidden = 100, .sequence = 25, .sample_every = 100, .learning_rate = 0.1};
    int64_t *const counts[] = {&s.iterations, &s.hidden, &s.sequence, &s.seed, &s.sample_every};
    int option, index;
    while ((option = getopt_long(argc, argv, "h", names, &index)) != -1) {
        if (option == '?')
            exit(USAGE_ERROR); /* getopt_long() has printed the reason */
        if (option == HELP) {
            fputs(usage, stdout);
            flush_output();
            exit(EXIT_SUCCESS);
        }
        const char *name = names[index].name;
        if (option == LEARNING_RATE) {
            s.learning_rate = parse_rate(name, optarg);
        } else if (option == PRECISION) {
            s.precision = strcmp(optarg, "float64") == 0 ? RNN_FLOAT64 : RNN_FLOAT32;
            require(s.precision == RNN_FLOAT64 || strcmp(optarg, "float32") == 0, name, optarg, "float32 or float64");
        } else if (option == UTF8) {
            s.kind = RNN_VOCAB_UTF8;
        } else {
            *counts[option] = parse_count(name, optarg);
        }
    }
    if (optind >= argc) {
        fprintf(stderr, "min_char_rnn: FILE is missing; see min_char_rnn --help\n");
        exit(USAGE_ERROR);
    }
    s.paths = (const char *const *)&argv[optind];
    s.path_count = argc - optind;
    return s;
}

/* Samples from the network after the symbol `first`, prints the sample, and advances the state. */
static void print_sample(const rnn_model *model, rnn_state *state, rnn_sampler *sampler, const rnn_vocab *vocab,
                         int32_t first)
{
    int32_t ids[SAMPLE_LENGTH];
    char text[4 * SAMPLE_LENGTH]; /* a code point has at most four bytes */
    size_t size;
    check(rnn_sample(model, state, sampler, &first, SAMPLE_LENGTH, ids));
    check(rnn_vocab_decode(vocab, ids, SAMPLE_LENGTH, text, sizeof text, &size));
    printf("----\n ");
    fwrite(text, 1, size, stdout);
    printf(" \n----\n");
}

static rnn_model *create_model(const settings *s, int64_t symbols)
{
    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.input_size = options.output_size = symbols;
    options.hidden_size = s->hidden;
    options.precision = s->precision;
    options.seed = (uint64_t)s->seed;
    check(rnn_model_create(&options, &model));
    return model;
}

/* The first Ctrl-C ends the loop. A second one ends the program. */
static void catch_interrupts(void)
{
#ifdef _WIN32
    signal(SIGINT, request_stop);
#else
    struct sigaction action = {.sa_handler = request_stop, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
#endif
}

int main(int argc, char **argv)
{
    settings s = parse_options(argc, argv);
    rnn_source *source;
    rnn_vocab *vocab;
    rnn_corpus *corpus;
    rnn_state *state, *copy;
    rnn_optimizer *adagrad;
    rnn_sampler *sampler;
    check(rnn_source_open(s.paths, s.path_count, &source));
    check(rnn_vocab_create_from_source(s.kind, source, &vocab));
    check(rnn_corpus_create_from_source(vocab, source, s.sequence, 1, &corpus));
    rnn_model *model = create_model(&s, rnn_vocab_size(vocab));
    check(rnn_state_create(model, 1, &state));
    check(rnn_state_create(model, 1, &copy));
    check(rnn_optimizer_create(model, NULL, &adagrad));
    check(rnn_optimizer_set_learning_rate(adagrad, s.learning_rate));
    rnn_sampler_options sampling;
    check(rnn_sampler_options_init(&sampling, sizeof sampling));
    sampling.seed = (uint64_t)s.seed;
    check(rnn_sampler_create(&sampling, &sampler));

    catch_interrupts();
    long long characters = rnn_corpus_size(corpus), unique = rnn_vocab_size(vocab), n = 0;
    printf("data has %lld characters, %lld unique.\n", characters, unique);
    flush_output();
    double smooth_loss = log((double)unique) * (double)s.sequence; /* the loss of guessing */

    rnn_chunk chunk;
    rnn_loss loss;
    int32_t restarted;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (; n < s.iterations && !stop; n++) {
        bool report = s.sample_every > 0 && n % s.sample_every == 0;
        check(rnn_corpus_next(corpus, &chunk, &restarted));
        if (restarted)
            check(rnn_state_reset(state));
        if (report) {
            check(rnn_state_copy(copy, state)); /* so that sampling doesn't disturb training */
            print_sample(model, copy, sampler, vocab, chunk.inputs[0]);
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
    if (s.sample_every > 0 && n > 0)
        print_sample(model, state, sampler, vocab, chunk.targets[s.sequence - 1]);
    printf("stopped after %lld iterations, loss: %f\n", n, smooth_loss);
    flush_output();

    rnn_sampler_destroy(sampler);
    rnn_optimizer_destroy(adagrad);
    rnn_state_destroy(copy);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    rnn_corpus_destroy(corpus);
    rnn_vocab_destroy(vocab);
    rnn_source_destroy(source);
    return EXIT_SUCCESS;
}
