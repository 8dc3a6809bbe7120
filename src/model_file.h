/*
 * model_file.h: what a model and its vocabulary are within a file, for whatever keeps more than that in one.
 */
#ifndef RNN_MODEL_FILE_H
#define RNN_MODEL_FILE_H

#include "model.h"
#include "safetensors.h"

/*
 * Names everything of a model, and of a vocabulary unless it is NULL, to a writer; fails where the two don't fit. The
 * tensors are the next that are to be written.
 */
rnn_status rnn_model_add_to(safetensors_writer *writer, const rnn_model *model, const rnn_vocab *vocab);

/* Writes the bytes of the model's tensors. */
rnn_status rnn_model_write_to(rnn_sink *sink, const rnn_model *model);

/*
 * Makes a model, and the vocabulary unless `vocab` is NULL, of what a reader has. `options` have passed
 * rnn_load_options_read().
 */
rnn_status rnn_model_read_from(safetensors_reader *reader, const rnn_load_options *options, rnn_model **model,
                               rnn_vocab **vocab);

/* Takes the caller's options over the defaults, and checks them. NULL: the defaults. */
rnn_status rnn_load_options_read(const rnn_load_options *given, rnn_load_options *options);

/* "PATH: " before the sentence of a failure that doesn't name the file itself. */
rnn_status rnn_file_blame(const char *path, rnn_status status);

#endif
