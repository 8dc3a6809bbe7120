/* train.c: trains a model until its budget is used up or validation stops falling. */
#include "run.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_LENGTH = 4096,
    VALIDATIONS = 20,         /* in a budget */
    TOKENS_BETWEEN = 500000,  /* at most, from one validation to the next, without a budget */
    XZ_BYTES_MOST = 64 << 20, /* compressing more takes too long */
    VALIDATION_STREAMS = 32,
    RETRIES = 3,  /* after a divergence */
    HALVINGS = 5, /* of the rate, before the next plateau ends the training */
};

static const double SAVED_EVERY = 60, SAMPLED_EVERY = 20,
                    LAST_RATE = 0.02; /* the last is a share, the others seconds */

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- Progress ---------------------------------------------------------------------------------------------------- */

/* How much of the budget is used up: 0 to 1 and more; -1 if there is none */
static double progress_of(const training *t)
{
    const setting_value *v = t->settings.value;
    double tokens = (double)t->now.counters[COUNT_TOKENS], text = (double)(rnn_corpus_size(t->text.training) - 1);
    double progress = -1;
    if (v[SET_MINUTES].real > 0)
        progress = t->seconds / (60 * v[SET_MINUTES].real);
    if (v[SET_EPOCHS].real > 0)
        progress = fmax(progress, tokens / (v[SET_EPOCHS].real * text));
    if (v[SET_BUDGET].whole > 0)
        progress = fmax(progress, tokens / (double)v[SET_BUDGET].whole);
    return progress;
}

static double learning_rate(const training *t, double progress)
{
    enum { PARTS = 1 << 20 };
    const setting_value *v = t->settings.value;
    double rate = v[SET_LEARNING_RATE].real * t->now.values[VALUE_RATE_FACTOR];
    rate *= rnn_schedule_warmup(t->now.counters[COUNT_STEPS], v[SET_WARMUP].whole);
    if (v[SET_SCHEDULE].whole == SCHEDULE_COSINE)
        rate *= rnn_schedule_cosine((int64_t)(fmin(progress, 1) * PARTS), PARTS, LAST_RATE);
    return rate;
}

static figures figures_of(const training *t, double progress)
{
    double tokens = (double)t->now.counters[COUNT_TOKENS];
    double counted = t->now.values[VALUE_COUNTED];
    return (figures){.progress = progress < 0 ? -1 : fmin(progress, 1),
                     .seconds = t->seconds,
                     .tokens_per_second = t->seconds > 0 ? tokens / t->seconds : 0,
                     .tokens = t->now.counters[COUNT_TOKENS],
                     .epoch = tokens / (double)(rnn_corpus_size(t->text.training) - 1),
                     .training = counted > 0 ? t->now.values[VALUE_SUM] / counted : NAN,
                     .validation = t->now.values[VALUE_VALIDATION],
                     .learning_rate = rnn_optimizer_learning_rate(t->now.optimizer),
                     .gradient_norm = t->gradient_norm};
}

/* ---- Validation -------------------------------------------------------------------------------------------------- */

static double evaluate(const rnn_model *model, const rnn_corpus *corpus)
{
    rnn_loss loss;
    int64_t targets = rnn_corpus_size(corpus) - 1;
    check(rnn_evaluate(model, corpus, targets < VALIDATION_STREAMS ? targets : VALIDATION_STREAMS, &loss, NULL));
    return loss.sum / (double)loss.count;
}

static void write_sample(training *t)
{
    const setting_value *v = t->settings.value;
    rnn_sampler_options o;
    rnn_generate_options g;
    rnn_sampler *sampler;
    rnn_state *state;
    size_t size;
    if (v[SET_SAMPLE].whole == 0 || t->report.quiet || now() - t->sampled < SAMPLED_EVERY)
        return;
    t->sampled = now();
    int32_t *ids = allocate((size_t)v[SET_SAMPLE].whole * sizeof *ids);
    check(rnn_sampler_options_init(&o, sizeof o));
    o.temperature = 0.8;
    o.seed = (uint64_t)(v[SET_SEED].whole + t->now.counters[COUNT_STEPS]);
    o.vocab = t->text.vocab;
    check(rnn_sampler_create(&o, &sampler));
    check(rnn_generate_options_init(&g, sizeof g));
    g.most = v[SET_SAMPLE].whole;
    check(rnn_state_create(t->now.model, 1, &state));
    check(rnn_state_copy_stream(state, 0, t->now.state, 0));
    check(rnn_generate(run_best_model(t), state, sampler, &g, ids, NULL, NULL));
    char *written = decode(t->text.vocab, ids, g.most, &size);
    report_line(&t->report, "--\n%.*s\n--", (int)size, written);
    free(written);
    free(ids);
    rnn_state_destroy(state);
    rnn_sampler_destroy(sampler);
}

static void add_history(training *t, const figures *f)
{
    char line[1000]; /* the largest double has 309 digits before the point */
    int length = snprintf(line, sizeof line, "%lld %.6f %.6f\n", (long long)f->tokens, f->training, f->validation);
    size_t used = strlen(t->history);
    char *longer = realloc(t->history, used + (size_t)length + 1);
    if (!longer)
        fail("there is no memory for the history");
    memcpy(longer + used, line, (size_t)length + 1);
    t->history = longer;
}

/* Validates the model, and saves it if it is the best so far. */
static void validate(training *t, double progress)
{
    double loss = evaluate(run_best_model(t), t->text.quick ? t->text.quick : t->text.validation);
    bool best = loss < t->now.values[VALUE_BEST];
    t->now.values[VALUE_VALIDATION] = loss;
    figures f = figures_of(t, progress);
    add_history(t, &f);
    report_validation(&t->report, &f, best);
    t->now.counters[COUNT_WORSE] = best ? 0 : t->now.counters[COUNT_WORSE] + 1;
    if (best) {
        t->now.values[VALUE_BEST] = loss;
        run_set_notes(t);
        if (process_number() == 0)
            check(rnn_model_save(run_best_model(t), t->text.vocab, t->model_path));
        write_sample(t);
    }
    if (t->settings.value[SET_SCHEDULE].whole == SCHEDULE_PLATEAU &&
        t->now.counters[COUNT_WORSE] >= t->settings.value[SET_PATIENCE].whole) {
        t->now.values[VALUE_RATE_FACTOR] /= 2;
        t->now.counters[COUNT_HALVINGS]++;
        t->now.counters[COUNT_WORSE] = 0;
        report_line(&t->report, "validation has stopped falling: half the learning rate");
    }
    t->now.values[VALUE_SUM] = t->now.values[VALUE_COUNTED] = 0;
    run_keep(t);
    run_save(t);
}

/* ---- Training ---------------------------------------------------------------------------------------------------- */

static bool is_over(const training *t, double progress)
{
    return progress >= 1 || t->now.counters[COUNT_HALVINGS] > HALVINGS;
}

/* A validation ends each part of a run: a share of the budget or, without a budget, a number of tokens. */
static bool validation_is_due(training *t, double progress)
{
    int64_t text = rnn_corpus_size(t->text.training) - 1, between = text < TOKENS_BETWEEN ? text : TOKENS_BETWEEN;
    int64_t part = progress >= 0 ? (int64_t)(progress * VALIDATIONS) : t->now.counters[COUNT_TOKENS] / between;
    bool due = part > t->now.counters[COUNT_PARTS];
    t->now.counters[COUNT_PARTS] = part;
    return due;
}

/* This process's part of a chunk of all streams */
static void take_part(training *t, rnn_chunk *chunk)
{
    for (int64_t step = 0; step < chunk->steps; step++)
        for (int64_t b = 0; b < t->streams; b++) {
            int64_t from = step * chunk->streams + t->first_stream + b;
            t->inputs[step * t->streams + b] = chunk->inputs[from];
            t->targets[step * t->streams + b] = chunk->targets[from];
        }
    chunk->streams = t->streams;
    chunk->inputs = t->inputs;
    chunk->targets = t->targets;
    chunk->lengths = chunk->lengths ? chunk->lengths + t->first_stream : NULL;
}

/* What the processes tell each other in each step */
enum { SHARED_LOSS, SHARED_COUNT, SHARED_FAILED, SHARED_INTERRUPTED, SHARED_SECONDS, SHARED };

/*
 * Exchanges what each process found in its part of a chunk. The loss becomes that of the whole chunk. All processes
 * stop if one was interrupted, and go by the clock of process 0.
 */
static rnn_status exchange(training *t, rnn_status status, rnn_loss *loss)
{
    const double own[SHARED] = {loss->sum, (double)loss->count, status == RNN_ERROR_NONFINITE, interrupted,
                                now() - t->started};
    double *all = allocate((size_t)process_count() * sizeof own);
    processes_exchange(own, SHARED, all);
    *loss = (rnn_loss){0};
    for (int p = 0; p < process_count(); p++) {
        const double *from = all + (size_t)p * SHARED;
        loss->sum += from[SHARED_LOSS];
        loss->count += (int64_t)from[SHARED_COUNT];
        status = from[SHARED_FAILED] > 0 ? RNN_ERROR_NONFINITE : status;
        t->stopped = t->stopped || from[SHARED_INTERRUPTED] > 0;
    }
    t->seconds = all[SHARED_SECONDS];
    free(all);
    return status;
}

/* Computes the gradient and the loss of the next chunk. */
static rnn_status run_chunk(training *t, rnn_loss *loss)
{
    rnn_chunk chunk;
    int32_t restarted;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    check(rnn_corpus_next(t->text.training, &chunk, &restarted));
    if (restarted)
        check(rnn_state_reset(t->now.state));
    take_part(t, &chunk);
    rnn_status status = rnn_forward_backward(t->now.model, t->now.state, &chunk, loss);
    if (status != RNN_OK && status != RNN_ERROR_NONFINITE)
        check(status);
    double own = (double)loss->count;
    status = exchange(t, status, loss);
    if (status == RNN_OK && loss->count > 0) /* the gradient of each part is a mean */
        processes_sum_gradients(t->now.model, own / (double)loss->count);
    return status;
}

/* Moves the average towards the model. The first steps count equally, so the initial values are forgotten soon. */
static void average(training *t)
{
    double decay = t->settings.value[SET_AVERAGING].real;
    if (t->now.average)
        check(rnn_model_average(t->now.average, t->now.model,
                                fmax(1 - decay, 1 / (1 + (double)t->now.counters[COUNT_STEPS]))));
}

/* One step; false after a divergence. */
static bool step(training *t, double progress)
{
    rnn_loss loss = {0};
    rnn_status status = run_chunk(t, &loss);
    double limit = t->settings.value[SET_CLIP].real;
    if (status == RNN_OK) /* without a limit this only computes the norm */
        status = rnn_model_clip_norm(t->now.model, limit > 0 ? limit : DBL_MAX, &t->gradient_norm);
    if (status == RNN_OK) {
        check(rnn_optimizer_set_learning_rate(t->now.optimizer, learning_rate(t, progress)));
        status = rnn_optimizer_step(t->now.optimizer, t->now.model);
    }
    if (status == RNN_ERROR_NONFINITE)
        return false;
    check(status);
    average(t);
    t->now.counters[COUNT_STEPS]++;
    t->now.counters[COUNT_TOKENS] += loss.count;
    t->now.values[VALUE_SUM] += loss.sum;
    t->now.values[VALUE_COUNTED] += (double)loss.count;
    return true;
}

static void go_back(training *t)
{
    int64_t retries = t->now.counters[COUNT_RETRIES] + 1;
    double factor = t->now.values[VALUE_RATE_FACTOR] / 2;
    if (retries > RETRIES && isinf(t->now.values[VALUE_BEST]))
        fail("training has diverged %d times, and there is no model yet; try a lower --learning-rate or --clip",
             RETRIES + 1);
    if (retries > RETRIES)
        fail("training has diverged %d times; try a lower --learning-rate or --clip. The best model so far is %s",
             RETRIES + 1, t->model_path);
    run_return(t);
    t->now.values[VALUE_RATE_FACTOR] = factor;
    t->now.counters[COUNT_RETRIES] = retries;
    report_line(&t->report, "training has diverged; going back to %lld tokens, with half the learning rate",
                (long long)t->now.counters[COUNT_TOKENS]);
    run_keep(t);
}

static void train(training *t)
{
    double saved = t->seconds, progress = progress_of(t);
    run_keep(t);
    while (!is_over(t, progress) && !t->stopped) {
        if (!step(t, progress)) {
            go_back(t);
            progress = progress_of(t);
            continue;
        }
        progress = progress_of(t);
        figures f = figures_of(t, progress);
        report_progress(&t->report, &f);
        if (validation_is_due(t, progress) || is_over(t, progress)) {
            validate(t, progress);
            saved = t->seconds;
        } else if (t->seconds - saved > SAVED_EVERY) {
            run_save(t);
            saved = t->seconds;
        }
    }
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------- */

static void find_levels(training *t, char **paths, int count, bool has_validation_file)
{
    double characters = (double)rnn_corpus_size(t->text.training);
    if (!has_validation_file)
        characters += (double)rnn_corpus_size(t->text.validation);
    t->report.entropy = text_entropy(t->text.validation, rnn_vocab_size(t->text.vocab));
    if (t->text.bytes > XZ_BYTES_MOST)
        return;
    int64_t size = xz_size(paths, count);
    if (size > 0)
        t->report.xz = (double)size * 8 * 0.69314718055994530942 / characters;
}

static void finish(training *t, char **paths, int count, bool has_validation_file)
{
    char picture[PATH_LENGTH];
    rnn_model *best;
    if (process_number() > 0)
        return;
    check(rnn_model_load(t->model_path, NULL, &best, NULL));
    double loss = evaluate(best, t->text.validation);
    rnn_model_destroy(best);
    report_line(&t->report, "the best model: %.4f nats, %.4g %s on the whole validation text; it is in %s", loss,
                in_unit(t->report.measure, loss), t->report.measure.name, t->model_path);
    if (t->report.quiet)
        return;
    find_levels(t, paths, count, has_validation_file);
    if (!isnan(t->report.xz))
        report_line(&t->report, "to compare: single tokens %.4f, xz -9 %.4f nats a token", t->report.entropy,
                    t->report.xz);
    if (report_draw(&t->report, t->model_path, picture))
        report_line(&t->report, "curves: %s", picture);
    report_line(&t->report, "figures: %s\nnext: char_rnn sample %s", t->report.log_path, t->model_path);
}

static void begin(training *t, char **paths, int count, const char *validation_path, bool quiet)
{
    text_open(&t->text, paths, count, &t->settings, NULL);
    choose_settings(&t->text, &t->settings, validation_path, quiet ? NULL : stdout);
    text_cut(&t->text, validation_path, &t->settings);
    run_create(t);
}

static void try_directory(const char *path)
{
    char probe[PATH_LENGTH];
    if ((size_t)snprintf(probe, sizeof probe, "%s.try", path) >= sizeof probe)
        fail("the name %s is too long", path);
    FILE *file = fopen(probe, "wx"); /* a file that has this name stays */
    if (!file && errno == EEXIST)
        return;
    if (!file)
        fail("can't write beside %s: %s", path, strerror(errno));
    fclose(file);
    remove(probe);
}

static void help(void)
{
    puts("usage: char_rnn train FILE... [--out MODEL] [SETTING...]\n\n"
         "Trains a model on the text in the files, until validation stops falling or the\n"
         "budget is used up, and keeps the best one in MODEL. Beside MODEL it keeps\n"
         "MODEL.checkpoint, to resume from, a log (.csv) and, if gnuplot is installed, the\n"
         "curves (.svg). Ctrl-C stops it and says how to go on.\n\n"
         "    --out MODEL          default: the first file's name with .safetensors\n"
         "    --resume             go on from the checkpoint\n"
         "    --config FILE        read settings from lines such as 'hidden 256'\n"
         "    --validation-file F  validate on another text\n"
         "    --quiet              print nothing but errors\n\nSettings:\n");
    settings_help(stdout);
    flush_output();
}

/* The command line without the settings */
typedef struct request {
    char **paths;
    int files; /* -1: --help was given */
    const char *out, *validation_path, *config;
    bool quiet, resumed;
} request;

/* Reads the command line and the configuration file. The command line's settings take precedence. */
static request read_command_line(settings *s, int count, char **arguments)
{
    request r = {.paths = allocate((size_t)(count + 1) * sizeof *r.paths)};
    const option options[] = {
        {"--out", OPTION_TEXT, &r.out, 0, 0},        {"--validation-file", OPTION_TEXT, &r.validation_path, 0, 0},
        {"--config", OPTION_TEXT, &r.config, 0, 0},  {"--quiet", OPTION_FLAG, &r.quiet, 0, 0},
        {"--resume", OPTION_FLAG, &r.resumed, 0, 0},
    };
    settings given;
    settings_init(&given);
    settings_init(s);
    const command_line line = {"char_rnn train --help", options, sizeof options / sizeof *options, settings_take,
                               &given};
    r.files = read_options(&line, count, arguments, r.paths);
    if (r.files == 0)
        fail("there is no text to train on; see char_rnn train --help");
    if (r.config)
        settings_read_file(s, r.config);
    settings_override(s, &given);
    return r;
}

/* Fails if a file can't be replaced by a new one. */
static void try_to_replace(const char *path)
{
    struct stat old;
    if (stat(path, &old) != 0)
        return;
    if (!S_ISREG(old.st_mode))
        fail("can't write %s: it isn't a regular file", path);
    if (access(path, W_OK) != 0)
        fail("can't write %s: %s", path, strerror(errno));
}

/* The run must not overwrite what it reads, or find out late that it can't write. */
static void try_outputs(const training *t, const request *r)
{
    char *const others[] = {(char *)r->validation_path, (char *)r->config};
    char *const beside_model[] = {beside(t->model_path, ".csv"), beside(t->model_path, ".svg")};
    const char *const outputs[] = {t->model_path, t->checkpoint_path, beside_model[0], beside_model[1]};
    for (int i = 0; i < 4; i++) {
        refuse_to_overwrite(outputs[i], r->paths, r->files);
        for (int k = 0; k < 2; k++)
            refuse_to_overwrite(outputs[i], others + k, others[k] ? 1 : 0);
    }
    free(beside_model[0]);
    free(beside_model[1]);
    try_directory(t->model_path);
    try_to_replace(t->model_path);
    try_to_replace(t->checkpoint_path);
}

/* All processes take the settings of process 0, which may have read another configuration file. */
static void agree_on_settings(settings *s, bool *resumed)
{
    setting_value threads = s->value[SET_THREADS];
    processes_broadcast(s, sizeof *s);
    processes_broadcast(resumed, sizeof *resumed);
    s->value[SET_THREADS] = threads;
}

/* The processes must read the same text, which may lie on different disks. */
static void compare_texts(const training *t)
{
    int64_t own = t->now.counters[COUNT_FINGERPRINT], first = own;
    processes_broadcast(&first, sizeof first);
    if (own != first)
        fail("the text is another one than that of process 0");
}

static void run(training *t, request *r, settings *given)
{
    bool quiet = r->quiet || process_number() > 0;
    check(rnn_checkpoint_init(&t->now, sizeof t->now));
    agree_on_settings(given, &r->resumed);
    if (process_number() == 0)
        try_outputs(t, r);
    if (r->resumed) {
        run_load(t, given, r->paths, r->files, r->validation_path);
    } else {
        t->settings = *given;
        begin(t, r->paths, r->files, r->validation_path, quiet);
    }
    compare_texts(t);
    check(rnn_set_threads((int32_t)t->settings.value[SET_THREADS].whole));
    report_open(&t->report, t->model_path, quiet, r->resumed, unit_of(t->text.vocab));
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    t->started = now() - t->seconds;
    train(t);
    if (t->stopped) {
        run_save(t);
        report_line(&t->report, "stopped at %lld tokens; go on with the same command and --resume",
                    (long long)t->now.counters[COUNT_TOKENS]);
    } else {
        signal(SIGINT, SIG_DFL); /* the checkpoint is saved; the rest may be interrupted */
        signal(SIGTERM, SIG_DFL);
        finish(t, r->paths, r->files, r->validation_path != NULL);
    }
    report_close(&t->report);
    run_destroy(t);
    text_close(&t->text);
}

int command_train(int count, char **arguments)
{
    char model[PATH_LENGTH], checkpoint[PATH_LENGTH];
    training t = {.model_path = model, .checkpoint_path = checkpoint};
    settings given;
    request r = read_command_line(&given, count, arguments);
    if (r.files < 0) {
        help();
        free(r.paths);
        return EXIT_SUCCESS;
    }
    const char *name = r.out ? r.out : r.paths[0], *ending = r.out ? "" : ".safetensors";
    if (snprintf(model, sizeof model, "%s%s", name, ending) >= (int)sizeof model ||
        snprintf(checkpoint, sizeof checkpoint, "%s%s.checkpoint", name, ending) >= (int)sizeof checkpoint)
        fail("the name of the model is too long");
    if (!*name)
        fail("--out is empty");
    check(rnn_set_threads((int32_t)given.value[SET_THREADS].whole));
    processes_begin();
    run(&t, &r, &given);
    processes_end();
    free(r.paths);
    return t.stopped ? 130 : EXIT_SUCCESS;
}
