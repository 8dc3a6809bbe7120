/*
 * run.h: a run of training, which run.c creates, saves and loads, and train.c carries out.
 */
#ifndef CHAR_RNN_RUN_H
#define CHAR_RNN_RUN_H

#include "char_rnn.h"

/* A checkpoint's counters and values */
enum { COUNT_STEPS, COUNT_TOKENS, COUNT_FINGERPRINT, COUNT_WORSE, COUNT_HALVINGS, COUNT_RETRIES, COUNT_PARTS };
enum { VALUE_BEST, VALUE_RATE_FACTOR, VALUE_SECONDS, VALUE_SUM, VALUE_COUNTED, VALUE_VALIDATION };

typedef struct training {
    const char *model_path, *checkpoint_path;
    settings settings;
    corpora text;
    rnn_checkpoint now; /* everything that the rest of the run depends on; its state has this process's streams */
    report report;
    char *history;                 /* the note: lines "tokens training validation" */
    double started, seconds;       /* by the clock of process 0; the seconds include those before the run was resumed */
    double sampled, gradient_norm; /* when a sample was last written; the norm of the last step */
    bool stopped;                  /* by a signal to one of the processes */
    int64_t first_stream, streams; /* of this process */
    int32_t *inputs, *targets;     /* [steps][streams] this process's part of a chunk */
    struct {
        void *bytes;
        size_t size;
    } good; /* a checkpoint to return to after a divergence */
} training;

/* Creates the objects of a new run. */
void run_create(training *t);

/* Loads the checkpoint. It must have been made with the same text and the given settings. */
void run_load(training *t, const settings *given, char **paths, int count, const char *validation_path);
void run_save(training *t);
void run_destroy(training *t);

/* run_keep() keeps a copy of the run in memory. run_return() goes back to it. */
void run_keep(training *t);
void run_return(training *t);

/* Writes the settings and the history in the notes of the model that will be saved. */
void run_set_notes(training *t);

/* The model to validate and to save: the average, if there is one */
rnn_model *run_best_model(const training *t);

#endif
