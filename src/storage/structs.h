/*
 * structs.h: the structs of this directory's public functions: their sizes in the first release, and their defaults.
 */
#ifndef RNN_STORAGE_STRUCTS_H
#define RNN_STORAGE_STRUCTS_H

#include <rnn/rnn.h>

enum {
    LOAD_OPTIONS_FIRST_SIZE = offsetof(rnn_load_options, embedding_name) + sizeof(char *),
    SAVE_OPTIONS_FIRST_SIZE = sizeof(rnn_save_options),
    CHECKPOINT_FIRST_SIZE = offsetof(rnn_checkpoint, values) + RNN_CHECKPOINT_NUMBERS * sizeof(double),
};

extern const rnn_load_options librnn_default_load_options;
extern const rnn_save_options librnn_default_save_options;

#endif
