/*
 * model_load.h: a model made of a file's texts and tensors.
 */
#ifndef RNN_MODEL_LOAD_H
#define RNN_MODEL_LOAD_H

#include "network/model.h"
#include "storage/safetensors.h"

/* Makes a model, and the vocabulary unless `vocab` is NULL, of what a reader has. `options` have been checked. */
rnn_status librnn_model_read_from(safetensors_reader *reader, const rnn_load_options *options, rnn_model **model,
                                  rnn_vocab **vocab);

#endif
