/*
 * char_rnn.h: declarations that the files of char_rnn share.
 *
 * main.c picks the command. settings.c has the table of settings and reads and writes
 * configurations. text.c opens texts, and choose.c chooses the settings that aren't given. run.c creates, saves and
 * loads a run of training, and train.c carries it out. processes.c lets several processes share the work. report.c
 * shows progress and writes the log and the curves. sample.c, evaluate.c and models.c hold the other commands.
 */
#ifndef CHAR_RNN_H
#define CHAR_RNN_H

#include "../common/common.h"

/* ---- Settings ---- */

/* Whole numbers, choices and switches are in `whole`, other numbers in `real`. */
typedef union setting_value {
    int64_t whole;
    double real;
} setting_value;

enum { AUTOMATIC = -1 }; /* the value of a setting that char_rnn chooses */

typedef enum setting {
    SET_CELL,
    SET_LAYERS,
    SET_HIDDEN,
    SET_EMBEDDING,
    SET_TOKENS,
    SET_WORDS,
    SET_DROPOUT,
    SET_DROPOUT_INPUT,
    SET_DROPOUT_OUTPUT,
    SET_DROPOUT_RECURRENT,
    SET_DROPOUT_PER_CHUNK,
    SET_LAYER_NORM,
    SET_PRECISION,
    SET_SEED,
    SET_STREAMS,
    SET_SEQUENCE,
    SET_OPTIMIZER,
    SET_LEARNING_RATE,
    SET_SCHEDULE,
    SET_WARMUP,
    SET_CLIP,
    SET_WEIGHT_DECAY,
    SET_BETA2,
    SET_AVERAGING,
    SET_VALIDATION,
    SET_MINUTES,
    SET_EPOCHS,
    SET_BUDGET,
    SET_PATIENCE,
    SET_THREADS,
    SET_SAMPLE,
    SETTINGS
} setting;

enum { TOKENS_BYTES = RNN_VOCAB_BYTES, TOKENS_UTF8 = RNN_VOCAB_UTF8, TOKENS_WORDS = RNN_VOCAB_WORDS };
enum { SCHEDULE_CONSTANT, SCHEDULE_COSINE, SCHEDULE_PLATEAU };

typedef struct settings {
    setting_value value[SETTINGS];
    bool given[SETTINGS]; /* by the command line or a configuration file */
} settings;

void settings_init(settings *s);

/*
 * Reads "--name value" at `arguments[0]`. Returns the number of arguments used, or 0 if they aren't a setting.
 * s: settings *, as a command_line needs it
 */
int settings_take(void *s, int count, char **arguments);

/* Reads lines "name value" from a file or from a text. `source` names the text in errors. */
void settings_read_file(settings *s, const char *path);
void settings_read_text(settings *s, const char *text, const char *source);

/* Writes lines "name value" of all settings, for settings_read_text(). Returns memory to free(). */
char *settings_to_text(const settings *s);

/* The settings that a resumed run may change */
bool setting_may_change(setting which);
bool setting_equals(setting which, setting_value a, setting_value b);
const char *setting_name(setting which);
void settings_help(FILE *out);

/* Copies the settings that were given in `by`. */
void settings_override(settings *s, const settings *by);

/* ---- Texts ---- */

typedef struct corpora {
    rnn_source *source;
    rnn_vocab *vocab;
    rnn_corpus *training, *validation;
    rnn_corpus *quick; /* pieces from all over a long validation text, for use while training; NULL: use all of it */
    int64_t bytes;
} corpora;

/* Opens files, and chooses the kind of tokens and the vocabulary unless `vocab` is given (then the text owns it). */
void text_open(corpora *t, char **paths, int count, settings *s, rnn_vocab *vocab);
void text_close(corpora *t);

/* Cuts the text into training and validation, in chunks of the settings' size. */
void text_cut(corpora *t, const char *validation_path, const settings *s);

/* A number that tells this text from others */
int64_t text_fingerprint(const corpora *t);

/* Nats for each token when only the tokens' frequencies are known */
double text_entropy(rnn_corpus *corpus, int64_t symbols);

/* The unit in which a loss is shown, such as bits per character. It depends on the kind of tokens. */
typedef struct unit {
    const char *name;
    bool exponential; /* perplexity */
} unit;

unit unit_of(const rnn_vocab *vocab);
double in_unit(unit u, double nats);

/* ---- Choosing ---- */

/*
 * Chooses the settings that are not given, and says in three lines what they are and why. `validation_path` and `out`
 * may be NULL.
 */
void choose_settings(const corpora *t, settings *s, const char *validation_path, FILE *out);

/* Fails if the schedule needs a budget and there is none. */
void check_budget(const settings *s);
rnn_model *create_model(const settings *s, int64_t symbols);

/* ---- Processes: without MPI there is one, with the number 0 ---- */

void processes_begin(void);
void processes_end(void);

int process_count(void);
int process_number(void);

/* Gives each process the values of all processes. own: [values], all: [processes][values] */
void processes_exchange(const double *own, int values, double *all);

/* Gives each process the bytes of process 0. */
void processes_broadcast(void *bytes, size_t size);

/* Gives process 0 the bytes of all processes, one after the other. sizes: [processes] */
void processes_gather(const void *own, size_t size, void *all, const size_t *sizes);

/* Replaces the gradients of a model by the sum of weight * gradients over all processes, added up in one order. */
void processes_sum_gradients(rnn_model *model, double weight);

/* ---- Reports ---- */

typedef struct figures {
    double progress; /* 0 to 1; -1: there is no budget */
    double seconds, tokens_per_second;
    int64_t tokens;
    double epoch, training, validation; /* nats; NAN: not known yet */
    double learning_rate, gradient_norm;
} figures;

typedef struct report {
    bool quiet;
    progress_line line;
    unit measure;
    FILE *log;
    char *log_path;
    double entropy, xz; /* levels to compare with, in nats; NAN: not known */
} report;

/* Begins a log beside the model or, in a resumed run, appends to the old one. */
void report_open(report *r, const char *model_path, bool quiet, bool resumed, unit measure);

/* Shows the progress line on a terminal, a few times a second. */
void report_progress(report *r, const figures *f);

/* Prints and logs the figures of a validation. */
void report_validation(report *r, const figures *f, bool best);

/* Prints a line above the progress line. */
void report_line(report *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The model's path with another ending, to free() */
char *beside(const char *model_path, const char *ending);

/* Draws the curves with gnuplot. Returns whether that worked. `picture` has room for 4096 bytes and gets the path. */
bool report_draw(const report *r, const char *model_path, char *picture);
void report_close(report *r);

/*
 * Returns the number of bytes to which `xz -9` compresses files. Returns -1 if xz can't be run, or if a file isn't a
 * regular one, which xz couldn't read again.
 */
int64_t xz_size(char **paths, int count);

/* ---- Commands: each takes the arguments after its name and returns the exit status ---- */

int command_train(int count, char **arguments);
int command_sample(int count, char **arguments);
int command_evaluate(int count, char **arguments);
int command_info(int count, char **arguments);
int command_average(int count, char **arguments);

/* Notes of char_rnn in a model */
#define NOTE_SETTINGS "char_rnn.settings"
#define NOTE_HISTORY "char_rnn.history"

/* Loads a model that can write text, and its vocabulary. Fails with a message if the model can't do that. */
void load_writer(const char *path, const rnn_load_options *options, rnn_model **model, rnn_vocab **vocab);

/* Text of ids, to free() */
char *decode(const rnn_vocab *vocab, const int32_t *ids, int64_t count, size_t *size);

#endif
