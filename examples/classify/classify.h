/*
 * classify.h: what the files of classify share.
 *
 * lines.c reads files and divides them into parts. symbols.c turns texts into ids. model.c creates and loads models.
 * network.c trains them and runs them. bayes.c has what the network is compared with. report.c prints the results, and
 * main.c has the commands.
 */
#ifndef CLASSIFY_H
#define CLASSIFY_H

#include "../common/common.h"

enum { TRAINING, VALIDATION, TEST, PARTS, LEFT_OUT = PARTS };

enum { STREAMS = 32 };

typedef struct example {
    char *label, *text;
    int64_t class, line, group; /* lines of one group stay in one part */
    int part;
} example;

typedef struct examples {
    example *each;
    int64_t count;
} examples;

typedef struct classifier {
    rnn_model *model;
    rnn_vocab *vocab;
    char **names;    /* [classes] */
    int64_t classes; /* in descending order of their lines in the file of training */
    int64_t longest; /* how many symbols of a text are read */
} classifier;

typedef struct settings {
    const char *out, *cell, *tokens, *save_test, *picture;
    bool one_way, words; /* words: the tokens are words */
    int64_t hidden, layers, embedding, epochs, classes, longest, seed, threads;
    double minutes, validation, test, learning_rate, weight_decay, forget, smoothing, averaging;
    double dropout, dropout_input, dropout_output, dropout_recurrent;
} settings;

/* ---- lines.c ---- */

typedef struct reader {
    FILE *file;
    const char *name;
    rnn_vocab *any; /* encodes all valid UTF-8 */
    char *line;
    size_t capacity;
    int64_t number; /* of the line, from 1 */
} reader;

reader open_reader(const char *path);

/* Returns the next line without its end, or NULL after the last line. */
char *read_line(reader *r);

void close_reader(reader *r);

/* Reads LABEL<TAB>TEXT lines. If there are empty lines, the lines between two of them are a group. */
examples read_examples(const char *path);

void free_examples(examples *all);

/* Keeps the examples for which `class` isn't negative. Returns the number of the others. */
int64_t keep_classified(examples *all);

int64_t find_class(char *const *names, int64_t count, const char *name);

/* Finds the classes, in descending order of their lines, and drops the examples of all but the first `most`. */
void find_classes(classifier *c, examples *all, int64_t most, const char *path);

/* Divides the examples at random, but keeps groups together. Leaves out lines whose text is also in an earlier part. */
void divide(const classifier *c, examples *all, double validation, double test, uint64_t seed, int64_t *left_out);

void save_test(const examples *all, const char *path);

/* A small generator of random numbers (Steele et al. 2014, splitmix64), for the parts and the forgotten symbols. */
uint64_t draw(uint64_t *random);

/* ---- symbols.c ---- */

/* Appends the ids of a text, at most `longest`, to an array. Returns how many there are. */
int64_t encode(const rnn_vocab *vocab, const char *text, int64_t longest, int32_t *ids);

/* Makes the vocabulary of the training texts, with an unknown symbol. */
rnn_vocab *create_vocab(const examples *all, bool words);

/* Makes a batcher of the examples of one part, and lists their numbers. */
rnn_batcher *create_batcher(const classifier *c, const examples *all, int part, const rnn_batcher_options *order,
                            int64_t **numbers);

/* ---- model.c ---- */

/* Returns the number of a name in a list that ends with NULL. */
int32_t choose(const char *setting, const char *name, const char *const *names);

void create_model(const settings *s, classifier *c);

void load_classifier(const char *path, classifier *c);

void destroy_classifier(classifier *c);

/* ---- network.c ---- */

/* Turns the outputs of stream b into probabilities. outputs: [T][B][classes] */
void pool(const rnn_chunk *chunk, int64_t b, const float *outputs, int64_t classes, double *probabilities);

/* Runs the model over one part. numbers: the examples in that part. Returns [N][classes] probabilities. */
double *classify_part(const classifier *c, const examples *all, int part, int64_t **numbers, int64_t *count);

/* Trains, and keeps the model that is best in validation in its file. */
void train(classifier *c, const examples *all, const settings *s);

/* ---- bayes.c ---- */

/* Finds the smoothing that is best in validation. Returns the share of right answers in the last part. */
double measure_naive_bayes(const classifier *c, const examples *all, int measured, double *smoothing);

/* ---- report.c ---- */

int64_t most_probable(const double *probabilities, int64_t classes);

/* Returns the share of right answers, and the mean loss in nats. probabilities: [N][classes] */
double accuracy(const examples *all, const int64_t *numbers, int64_t count, const double *probabilities,
                int64_t classes, double *loss);

/* Prints the confusion matrix and the mistakes, and draws the matrix if there is a path for it. */
void report(const classifier *c, const examples *all, const int64_t *numbers, int64_t count,
            const double *probabilities, const char *picture);

#endif
