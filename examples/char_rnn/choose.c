/* choose.c: chooses the settings that are not given, from the text and from the speed of the machine. */
#include "char_rnn.h"

#include <math.h>
#include <stdlib.h>

enum {
    VALIDATION_BYTES = 1000000,
    TOKENS_PER_PARAMETER = 24,
    SMALL_NETWORK = 300, /* Networks with fewer hidden units learn best with other settings. */
    STREAMS = 32,
    STREAMS_OF_SMALL = 16 /* more steps for the same tokens */
};

static const double MEASURED_SECONDS = 0.15;
/* Training also updates the model and validates, and no processor keeps up the speed of a moment. */
static const double LASTING_SPEED = 0.75;

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The number of hidden units that suits a text, if there is no limit on time */
static int64_t hidden_for_text(const corpora *t)
{
    static const struct {
        double bytes;
        int64_t hidden;
    } sizes[] = {{3e4, 128}, {3e5, 256}, {3e6, 384}, {3e7, 512}, {3e8, 768}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if ((double)t->bytes < sizes[i].bytes)
            return sizes[i].hidden;
    return 1024;
}

/* Multiplications for one token in the forward pass */
static double work(const settings *s, int64_t symbols, int64_t hidden)
{
    static const int gates[] = {1, 3, 4};
    double h = (double)hidden, layers = (double)s->value[SET_LAYERS].whole;
    double inputs = s->value[SET_EMBEDDING].whole > 0 ? (double)s->value[SET_EMBEDDING].whole
                    : symbols > 500                   ? h / 2
                                                      : 0;
    return gates[s->value[SET_CELL].whole] * h * (layers * h + (layers - 1) * h + inputs) + h * (double)symbols;
}

/* Trains a network of this size for a moment, on random tokens. Returns multiplications per second. */
static double measure_speed(const settings *given, int64_t symbols, int64_t hidden)
{
    settings s = *given;
    s.value[SET_HIDDEN].whole = hidden;
    s.value[SET_EMBEDDING].whole = s.value[SET_EMBEDDING].whole == AUTOMATIC ? 0 : s.value[SET_EMBEDDING].whole;
    s.value[SET_DROPOUT_OUTPUT].real = fmax(s.value[SET_DROPOUT_OUTPUT].real, 0);
    int64_t tokens = s.value[SET_SEQUENCE].whole * s.value[SET_STREAMS].whole, done = 0;
    int32_t *ids = allocate((size_t)tokens * sizeof *ids);
    for (int64_t i = 0; i < tokens; i++)
        ids[i] = (int32_t)(i * 7919 % symbols);
    rnn_model *model = create_model(&s, symbols);
    rnn_state *state;
    rnn_chunk chunk;
    check(rnn_state_create(model, s.value[SET_STREAMS].whole, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    chunk.steps = s.value[SET_SEQUENCE].whole;
    chunk.streams = s.value[SET_STREAMS].whole;
    chunk.inputs = chunk.targets = ids;
    check(rnn_forward_backward(model, state, &chunk, NULL)); /* the first call starts threads and touches memory */
    double begun = now(), seconds;
    do {
        check(rnn_forward_backward(model, state, &chunk, NULL));
        done += tokens;
        seconds = now() - begun;
    } while (seconds < MEASURED_SECONDS);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    free(ids);
    return (double)done * work(&s, symbols, hidden) / seconds;
}

/*
 * Returns the size of the largest network that this machine can train well in the time budget. In trials on
 * Shakespeare's plays, a larger network was better only if it could be trained on about TOKENS_PER_PARAMETER tokens for
 * each of its parameters.
 */
static int64_t hidden_for_time(const corpora *t, const settings *s, int64_t most, double *tokens)
{
    static const int64_t sizes[] = {64, 96, 128, 192, 256, 320, 384, 512, 640, 768, 1024};
    int64_t symbols = rnn_vocab_size(t->vocab), chosen = sizes[0];
    double speed = measure_speed(s, symbols, most < 256 ? most : 256) * process_count();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && sizes[i] <= most; i++) {
        double multiplications = work(s, symbols, sizes[i]),
               reached = s->value[SET_MINUTES].real * 60 * LASTING_SPEED * speed / multiplications;
        if (i > 0 && reached < TOKENS_PER_PARAMETER * multiplications) /* one multiplication a parameter */
            break;
        chosen = sizes[i];
        *tokens = reached;
    }
    processes_broadcast(&chosen, sizeof chosen);
    return chosen;
}

static bool has_budget(const settings *s)
{
    return s->value[SET_MINUTES].real > 0 || s->value[SET_EPOCHS].real > 0 || s->value[SET_BUDGET].whole > 0;
}

void check_budget(const settings *s)
{
    if (s->value[SET_SCHEDULE].whole == SCHEDULE_COSINE && !has_budget(s))
        fail("--schedule cosine needs a budget: --minutes, --epochs or --budget");
}

static void choose_chunks(const corpora *t, settings *s)
{
    if (s->value[SET_VALIDATION].real < 0)
        s->value[SET_VALIDATION].real =
            t->bytes > 10 * (int64_t)VALIDATION_BYTES ? VALIDATION_BYTES / (double)t->bytes : 0.1;
    /* A short text gets fewer streams and shorter chunks, so that the validation text holds several chunks. */
    int64_t share = (int64_t)((double)t->bytes * s->value[SET_VALIDATION].real / 8);
    if (s->value[SET_SEQUENCE].whole == AUTOMATIC)
        s->value[SET_SEQUENCE].whole = share < 256 ? least(64, share / 4 + 1) : 64;
    if (s->value[SET_STREAMS].whole == AUTOMATIC)
        s->value[SET_STREAMS].whole = least(STREAMS, share / s->value[SET_SEQUENCE].whole + 1);
}

/* Says in `reason` why the size was chosen. */
static void choose_sizes(const corpora *t, settings *s, char *reason, size_t size)
{
    double tokens = 0;
    snprintf(reason, size, "as given");
    if (s->value[SET_HIDDEN].whole == AUTOMATIC) {
        int64_t suits = hidden_for_text(t);
        s->value[SET_HIDDEN].whole = s->value[SET_MINUTES].real > 0 ? hidden_for_time(t, s, suits, &tokens) : suits;
        if (tokens > 0 && s->value[SET_HIDDEN].whole < suits)
            snprintf(reason, size, "which the time trains on about %.2g million tokens here", tokens / 1e6);
        else
            snprintf(reason, size, "which suits the text's size");
    }
    if (s->value[SET_EMBEDDING].whole == AUTOMATIC)
        s->value[SET_EMBEDDING].whole = rnn_vocab_size(t->vocab) > 500 ? (s->value[SET_HIDDEN].whole + 1) / 2 : 0;
}

static void choose_training(const corpora *t, settings *s)
{
    double hidden = (double)s->value[SET_HIDDEN].whole;
    if (s->value[SET_DROPOUT_OUTPUT].real < 0)
        s->value[SET_DROPOUT_OUTPUT].real = t->bytes > 20000000 ? 0 : hidden < SMALL_NETWORK ? 0.1 : 0.15;
    if (s->value[SET_SCHEDULE].whole == AUTOMATIC)
        s->value[SET_SCHEDULE].whole = has_budget(s) ? SCHEDULE_COSINE : SCHEDULE_PLATEAU;
    check_budget(s);
    if (s->value[SET_WEIGHT_DECAY].real < 0)
        s->value[SET_WEIGHT_DECAY].real = s->value[SET_OPTIMIZER].whole != RNN_OPTIMIZER_ADAMW ? 0
                                          : hidden < SMALL_NETWORK                             ? 0.05
                                                                                               : 0.1;
    double tokens = (double)s->value[SET_BUDGET].whole;
    if (s->value[SET_EPOCHS].real > 0)
        tokens = s->value[SET_EPOCHS].real * (double)t->bytes;
    int64_t steps = (int64_t)(tokens / (double)(s->value[SET_STREAMS].whole * s->value[SET_SEQUENCE].whole));
    if (!s->given[SET_WARMUP] && tokens > 0) /* at most a tenth of a short training */
        s->value[SET_WARMUP].whole = least(s->value[SET_WARMUP].whole, steps / 10 + 1);
    if (s->value[SET_LEARNING_RATE].real >= 0)
        return;
    switch (s->value[SET_OPTIMIZER].whole) {
    case RNN_OPTIMIZER_SGD:
        s->value[SET_LEARNING_RATE].real = 1;
        break;
    case RNN_OPTIMIZER_ADAGRAD:
        s->value[SET_LEARNING_RATE].real = 0.05;
        break;
    default:
        s->value[SET_LEARNING_RATE].real = hidden < SMALL_NETWORK ? 0.016
                                           : hidden < 450         ? 0.012
                                           : hidden < 700         ? 0.008
                                                                  : 0.005;
    }
}

static const char *kind_name(const settings *s)
{
    static const char *const names[] = {"bytes", "code points", "words"};
    return names[s->value[SET_TOKENS].whole];
}

void choose_settings(const corpora *t, settings *s, const char *validation_path, FILE *out)
{
    static const char *const cells[] = {"RNN", "GRU", "LSTM"}, *const schedules[] = {"constant", "cosine", "plateau"};
    char reason[100];
    bool any_streams = s->value[SET_STREAMS].whole == AUTOMATIC;
    choose_chunks(t, s);
    choose_sizes(t, s, reason, sizeof reason);
    if (any_streams && s->value[SET_HIDDEN].whole < SMALL_NETWORK)
        s->value[SET_STREAMS].whole = least(STREAMS_OF_SMALL, s->value[SET_STREAMS].whole);
    choose_training(t, s);
    if (!out)
        return;
    fprintf(out, "text: %.3g MB, %lld different %s; ", (double)t->bytes / 1e6, (long long)rnn_vocab_size(t->vocab),
            kind_name(s));
    if (validation_path)
        fprintf(out, "%s is for validation\n", validation_path);
    else
        fprintf(out, "the last %.3g %% are for validation\n", 100 * s->value[SET_VALIDATION].real);
    fprintf(out, "model: %s %lldx%lld, %s; dropout %g\n", cells[s->value[SET_CELL].whole],
            (long long)s->value[SET_LAYERS].whole, (long long)s->value[SET_HIDDEN].whole, reason,
            s->value[SET_DROPOUT_OUTPUT].real);
    fprintf(out, "training: %lld streams of %lld steps, learning rate %g (%s), ",
            (long long)s->value[SET_STREAMS].whole, (long long)s->value[SET_SEQUENCE].whole,
            s->value[SET_LEARNING_RATE].real, schedules[s->value[SET_SCHEDULE].whole]);
    if (process_count() > 1)
        fprintf(out, "%d processes with ", process_count());
    fprintf(out, "%d thread%s\n", rnn_threads(), rnn_threads() == 1 ? "" : "s");
    flush_output();
}
