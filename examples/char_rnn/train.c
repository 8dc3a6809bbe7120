/* train.c: trains a model until its budget is used up or validation stops falling. */
#include "char_rnn.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATH_LENGTH = 4096,
    VALIDATIONS = 20,         /* in a budget */
    TOKENS_BETWEEN = 500000,  /* validations, at most, without a budget */
    XZ_BYTES_MOST = 64 << 20, /* compressing more takes too long */
    VALIDATION_STREAMS = 32,
    RETRIES = 3,  /* after a divergence */
    HALVINGS = 5, /* of the rate, until a plateau ends the training */
};

static const double SAVED_EVERY = 60, SAMPLED_EVERY = 20, LAST_RATE = 0.02;

/* A checkpoint's counters and values */
enum { COUNT_STEPS, COUNT_TOKENS, COUNT_FINGERPRINT, COUNT_WORSE, COUNT_HALVINGS, COUNT_RETRIES, COUNT_PARTS };
enum { VALUE_BEST, VALUE_RATE_FACTOR, VALUE_SECONDS, VALUE_SUM, VALUE_COUNTED, VALUE_VALIDATION };

typedef struct training {
    const char *model_path, *checkpoint_path;
    settings settings;
    corpora text;
    rnn_checkpoint now; /* all that makes up the run */
    report report;
    char *history;                          /* the note: lines "tokens training validation" */
    double started, sampled, gradient_norm; /* times in seconds; the norm of the last step */
    struct {
        void *bytes;
        size_t size;
    } good; /* a checkpoint to go back to after a divergence */
} training;

static volatile sig_atomic_t interrupted;

static void interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

/* ---- The parts of a run ------------------------------------------------------------------------------------------ */

static void create_model(training *t)
{
    const setting_value *v = t->settings.value;
    rnn_model_options o;
    check(rnn_model_options_init(&o, sizeof o));
    o.input_size = o.output_size = rnn_vocab_size(t->text.vocab);
    o.cell = (int32_t)v[SET_CELL].whole;
    o.layers = v[SET_LAYERS].whole;
    o.hidden_size = v[SET_HIDDEN].whole;
    o.input = v[SET_EMBEDDING].whole > 0 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
    o.embedding_size = v[SET_EMBEDDING].whole;
    o.initialization = RNN_INIT_UNIFORM;
    o.reduction = RNN_REDUCTION_MEAN;
    o.forget_bias = o.cell == RNN_CELL_LSTM ? 1 : 0;
    o.dropout = v[SET_DROPOUT].real;
    o.dropout_input = v[SET_DROPOUT_INPUT].real;
    o.dropout_output = v[SET_DROPOUT_OUTPUT].real;
    o.dropout_recurrent = v[SET_DROPOUT_RECURRENT].real;
    o.dropout_per_chunk = (int32_t)v[SET_DROPOUT_PER_CHUNK].whole;
    o.layer_norm = (int32_t)v[SET_LAYER_NORM].whole;
    o.precision = (int32_t)v[SET_PRECISION].whole;
    o.seed = (uint64_t)v[SET_SEED].whole;
    check(rnn_model_create(&o, &t->now.model));
}

static void create_optimizer(training *t)
{
    const setting_value *v = t->settings.value;
    const int32_t rule = (int32_t)v[SET_OPTIMIZER].whole;
    rnn_optimizer_options o;
    check(rnn_optimizer_options_init(&o, sizeof o, rule));
    o.learning_rate = v[SET_LEARNING_RATE].real;
    o.weight_decay = v[SET_WEIGHT_DECAY].real;
    if (rule == RNN_OPTIMIZER_RMSPROP || rule == RNN_OPTIMIZER_ADAM || rule == RNN_OPTIMIZER_ADAMW)
        o.beta2 = v[SET_BETA2].real;
    check(rnn_optimizer_create(t->now.model, &o, &t->now.optimizer));
}

static void create_run(training *t)
{
    create_model(t);
    create_optimizer(t);
    check(rnn_state_create(t->now.model, t->settings.value[SET_STREAMS].whole, &t->now.state));
    t->now.vocab = t->text.vocab;
    t->now.counters[COUNT_FINGERPRINT] = text_fingerprint(&t->text);
    t->now.values[VALUE_BEST] = INFINITY;
    t->now.values[VALUE_VALIDATION] = NAN;
    t->now.values[VALUE_RATE_FACTOR] = 1;
    t->history = allocate(1);
}

static void destroy_run(rnn_checkpoint *c)
{
    rnn_model_destroy(c->model);
    rnn_optimizer_destroy(c->optimizer);
    rnn_state_destroy(c->state);
    c->model = NULL;
    c->optimizer = NULL;
    c->state = NULL;
}

/* ---- Saving ------------------------------------------------------------------------------------------------------ */

static void set_notes(training *t)
{
    char *all = settings_to_text(&t->settings);
    check(rnn_model_set_note(t->now.model, NOTE_SETTINGS, all));
    check(rnn_model_set_note(t->now.model, NOTE_HISTORY, t->history));
    free(all);
}

static double seconds_of(const training *t)
{
    return t->now.values[VALUE_SECONDS] + now() - t->started;
}

static void save_checkpoint(training *t)
{
    rnn_checkpoint c = t->now;
    set_notes(t);
    c.corpus_position = rnn_corpus_position(t->text.training);
    c.values[VALUE_SECONDS] = seconds_of(t);
    check(rnn_checkpoint_save(&c, t->checkpoint_path));
}

/* Keeps the run in memory, to go back to. */
static void keep_good(training *t)
{
    rnn_checkpoint c = t->now;
    c.corpus_position = rnn_corpus_position(t->text.training);
    free(t->good.bytes);
    check(rnn_checkpoint_save_to_memory(&c, NULL, 0, &t->good.size));
    t->good.bytes = allocate(t->good.size);
    check(rnn_checkpoint_save_to_memory(&c, t->good.bytes, t->good.size, &t->good.size));
}

/* Takes the place of the run: everything but the vocabulary, which stays the text's. */
static void take(training *t, rnn_checkpoint *loaded)
{
    destroy_run(&t->now);
    rnn_vocab_destroy(loaded->vocab);
    loaded->vocab = t->text.vocab;
    t->now = *loaded;
    check(rnn_corpus_seek(t->text.training, loaded->corpus_position));
}

static void go_back(training *t)
{
    rnn_checkpoint loaded;
    int64_t retries = t->now.counters[COUNT_RETRIES] + 1;
    double factor = t->now.values[VALUE_RATE_FACTOR] / 2;
    if (retries > RETRIES)
        fail("training has diverged %d times; try a lower --learning-rate or --clip. The best model so far is %s",
             RETRIES + 1, t->model_path);
    report_line(&t->report, "training has diverged: %s", rnn_last_error());
    check(rnn_checkpoint_init(&loaded, sizeof loaded));
    check(rnn_checkpoint_load_from_memory(t->good.bytes, t->good.size, &loaded));
    double seconds = t->now.values[VALUE_SECONDS];
    take(t, &loaded);
    t->now.values[VALUE_SECONDS] = seconds;
    t->now.values[VALUE_RATE_FACTOR] = factor;
    t->now.counters[COUNT_RETRIES] = retries;
    report_line(&t->report, "going back to %lld tokens, with half the learning rate",
                (long long)t->now.counters[COUNT_TOKENS]);
    keep_good(t);
}

/* ---- Progress ---------------------------------------------------------------------------------------------------- */

/* How much of the budget is used up: 0 to 1 and more; -1 if there is none */
static double progress_of(const training *t)
{
    const setting_value *v = t->settings.value;
    double tokens = (double)t->now.counters[COUNT_TOKENS], text = (double)(rnn_corpus_size(t->text.training) - 1);
    double progress = -1;
    if (v[SET_MINUTES].real > 0)
        progress = seconds_of(t) / (60 * v[SET_MINUTES].real);
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
    double tokens = (double)t->now.counters[COUNT_TOKENS], seconds = seconds_of(t);
    double counted = t->now.values[VALUE_COUNTED];
    return (figures){.progress = progress < 0 ? -1 : fmin(progress, 1),
                     .seconds = seconds,
                     .tokens_per_second = seconds > 0 ? tokens / seconds : 0,
                     .tokens = t->now.counters[COUNT_TOKENS],
                     .epoch = tokens / (double)(rnn_corpus_size(t->text.training) - 1),
                     .training = counted > 0 ? t->now.values[VALUE_SUM] / counted : NAN,
                     .validation = t->now.values[VALUE_VALIDATION],
                     .learning_rate = rnn_optimizer_learning_rate(t->now.optimizer),
                     .gradient_norm = t->gradient_norm};
}

/* ---- Validation -------------------------------------------------------------------------------------------------- */

static double evaluate(const training *t, const rnn_corpus *corpus)
{
    rnn_loss loss;
    int64_t targets = rnn_corpus_size(corpus) - 1;
    check(rnn_evaluate(t->now.model, corpus, targets < VALIDATION_STREAMS ? targets : VALIDATION_STREAMS, &loss, NULL));
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
    check(rnn_generate(t->now.model, state, sampler, &g, ids, NULL, NULL));
    char *written = decode(t->text.vocab, ids, g.most, &size);
    report_line(&t->report, "--\n%.*s\n--", (int)size, written);
    free(written);
    free(ids);
    rnn_state_destroy(state);
    rnn_sampler_destroy(sampler);
}

static void add_history(training *t, const figures *f)
{
    char line[100];
    int length = snprintf(line, sizeof line, "%lld %.6f %.6f\n", (long long)f->tokens, f->training, f->validation);
    size_t used = strlen(t->history);
    char *longer = realloc(t->history, used + (size_t)length + 1);
    if (!longer)
        fail("there is no memory for the history");
    memcpy(longer + used, line, (size_t)length + 1);
    t->history = longer;
}

/* Looks at the validation text, and keeps the model if it is the best so far. */
static void validate(training *t, double progress)
{
    double loss = evaluate(t, t->text.quick ? t->text.quick : t->text.validation);
    bool best = loss < t->now.values[VALUE_BEST];
    t->now.values[VALUE_VALIDATION] = loss;
    figures f = figures_of(t, progress);
    add_history(t, &f);
    report_validation(&t->report, &f, best);
    t->now.counters[COUNT_WORSE] = best ? 0 : t->now.counters[COUNT_WORSE] + 1;
    if (best) {
        t->now.values[VALUE_BEST] = loss;
        set_notes(t);
        check(rnn_model_save(t->now.model, t->text.vocab, t->model_path));
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
    keep_good(t);
    save_checkpoint(t);
}

/* ---- Training ---------------------------------------------------------------------------------------------------- */

static bool is_over(const training *t, double progress)
{
    return progress >= 1 || t->now.counters[COUNT_HALVINGS] > HALVINGS;
}

/* Whether the run has come to its next part: of the budget or, if there is none, of its tokens. */
static bool validation_is_due(training *t, double progress)
{
    int64_t text = rnn_corpus_size(t->text.training) - 1, between = text < TOKENS_BETWEEN ? text : TOKENS_BETWEEN;
    int64_t part = progress >= 0 ? (int64_t)(progress * VALIDATIONS) : t->now.counters[COUNT_TOKENS] / between;
    bool due = part > t->now.counters[COUNT_PARTS];
    t->now.counters[COUNT_PARTS] = part;
    return due;
}

/* One step; false after a divergence. */
static bool step(training *t, double progress)
{
    rnn_chunk chunk;
    rnn_loss loss;
    int32_t restarted;
    check(rnn_chunk_init(&chunk, sizeof chunk));
    check(rnn_corpus_next(t->text.training, &chunk, &restarted));
    if (restarted)
        check(rnn_state_reset(t->now.state));
    rnn_status status = rnn_forward_backward(t->now.model, t->now.state, &chunk, &loss);
    if (status == RNN_OK && t->settings.value[SET_CLIP].real > 0)
        status = rnn_model_clip_norm(t->now.model, t->settings.value[SET_CLIP].real, &t->gradient_norm);
    if (status == RNN_OK) {
        check(rnn_optimizer_set_learning_rate(t->now.optimizer, learning_rate(t, progress)));
        status = rnn_optimizer_step(t->now.optimizer, t->now.model);
    }
    if (status == RNN_ERROR_NONFINITE)
        return false;
    check(status);
    t->now.counters[COUNT_STEPS]++;
    t->now.counters[COUNT_TOKENS] += loss.count;
    t->now.values[VALUE_SUM] += loss.sum;
    t->now.values[VALUE_COUNTED] += (double)loss.count;
    return true;
}

static void train(training *t)
{
    double saved = now(), progress = progress_of(t);
    keep_good(t);
    while (!is_over(t, progress) && !interrupted) {
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
            saved = now();
        } else if (now() - saved > SAVED_EVERY) {
            save_checkpoint(t);
            saved = now();
        }
    }
}

/* ---- Beginning and end ------------------------------------------------------------------------------------------- */

static void find_levels(training *t, char **paths, int count)
{
    double characters = (double)(rnn_corpus_size(t->text.training) + rnn_corpus_size(t->text.validation));
    t->report.entropy = text_entropy(t->text.validation, rnn_vocab_size(t->text.vocab));
    if (t->text.bytes > XZ_BYTES_MOST)
        return;
    int64_t size = xz_size(paths, count);
    if (size > 0)
        t->report.xz = (double)size * 8 * 0.69314718055994530942 / characters;
}

static void finish(training *t, char **paths, int count)
{
    char picture[PATH_LENGTH];
    rnn_model_destroy(t->now.model);
    check(rnn_model_load(t->model_path, NULL, &t->now.model, NULL));
    double loss = evaluate(t, t->text.validation);
    report_line(&t->report, "the best model: %.4f nats, %.4g %s on the whole validation text; it is in %s", loss,
                in_unit(t->report.measure, loss), t->report.measure.name, t->model_path);
    if (t->report.quiet)
        return;
    find_levels(t, paths, count);
    if (!isnan(t->report.xz))
        report_line(&t->report, "to compare: single tokens %.4f, xz -9 %.4f nats a token", t->report.entropy,
                    t->report.xz);
    if (report_draw(&t->report, t->model_path, picture))
        report_line(&t->report, "curves: %s", picture);
    report_line(&t->report, "figures: %s\nnext: char_rnn sample %s", t->report.log_path, t->model_path);
}

static void resume(training *t, const settings *given, char **paths, int count, const char *validation_path)
{
    rnn_checkpoint loaded;
    check(rnn_checkpoint_init(&loaded, sizeof loaded));
    check(rnn_checkpoint_load(t->checkpoint_path, &loaded));
    const char *all = rnn_model_note(loaded.model, NOTE_SETTINGS),
               *history = rnn_model_note(loaded.model, NOTE_HISTORY);
    if (!all || !loaded.optimizer || !loaded.state || !loaded.vocab)
        fail("%s isn't a checkpoint of char_rnn train", t->checkpoint_path);
    settings_init(&t->settings);
    settings_read_text(&t->settings, all, t->checkpoint_path);
    for (int i = 0; i < SETTINGS; i++) {
        if (given->given[i] && !setting_may_change((setting)i) &&
            memcmp(&given->value[i], &t->settings.value[i], sizeof given->value[i]) != 0)
            fail("--%s can't change when a run is resumed; leave it away, or begin a new run",
                 setting_name((setting)i));
        if (given->given[i] && setting_may_change((setting)i))
            t->settings.value[i] = given->value[i];
    }
    t->history = allocate(history ? strlen(history) + 1 : 1);
    strcpy(t->history, history ? history : "");
    text_open(&t->text, paths, count, &t->settings, loaded.vocab);
    text_cut(&t->text, validation_path, &t->settings);
    if (text_fingerprint(&t->text) != loaded.counters[COUNT_FINGERPRINT])
        fail("%s was trained on another text; give the same files in the same order", t->checkpoint_path);
    t->now = loaded;
    check(rnn_corpus_seek(t->text.training, loaded.corpus_position));
}

static void begin(training *t, char **paths, int count, const char *validation_path, bool quiet)
{
    text_open(&t->text, paths, count, &t->settings, NULL);
    choose_settings(&t->text, &t->settings, quiet ? NULL : stdout);
    text_cut(&t->text, validation_path, &t->settings);
    create_run(t);
}

static void try_directory(const char *path)
{
    char probe[PATH_LENGTH];
    if ((size_t)snprintf(probe, sizeof probe, "%s.try", path) >= sizeof probe)
        fail("the name %s is too long", path);
    FILE *file = fopen(probe, "w");
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

/* Reads the command line, and the configuration file, whose settings it overrides. */
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
    r.files = read_options("train", options, sizeof options / sizeof *options, &given, count, arguments, r.paths);
    if (r.files == 0)
        fail("there is no text to train on; see char_rnn train --help");
    if (r.config)
        settings_read_file(s, r.config);
    settings_override(s, &given);
    return r;
}

static void run(training *t, const request *r, const settings *given)
{
    check(rnn_checkpoint_init(&t->now, sizeof t->now));
    try_directory(t->model_path);
    if (r->resumed) {
        resume(t, given, r->paths, r->files, r->validation_path);
    } else {
        t->settings = *given;
        begin(t, r->paths, r->files, r->validation_path, r->quiet);
    }
    check(rnn_set_threads((int32_t)t->settings.value[SET_THREADS].whole));
    report_open(&t->report, t->model_path, r->quiet, r->resumed, unit_of(t->text.vocab));
    signal(SIGINT, interrupt);
    signal(SIGTERM, interrupt);
    t->started = now();
    train(t);
    if (interrupted) {
        save_checkpoint(t);
        report_line(&t->report, "stopped at %lld tokens; go on with the same command and --resume",
                    (long long)t->now.counters[COUNT_TOKENS]);
    } else {
        finish(t, r->paths, r->files);
    }
    report_close(&t->report);
    destroy_run(&t->now);
    text_close(&t->text);
    free(t->good.bytes);
    free(t->history);
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
    check(rnn_set_threads((int32_t)given.value[SET_THREADS].whole));
    run(&t, &r, &given);
    free(r.paths);
    return interrupted ? 130 : EXIT_SUCCESS;
}
