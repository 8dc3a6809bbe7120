/*
 * model_load.h: creates a model from a file's texts and tensors.
 */
#ifndef RNN_MODEL_LOAD_H
#define RNN_MODEL_LOAD_H

#include "network/model.h"
#include "storage/safetensors.h"

/*
 * Creates a model, and its vocabulary unless `vocab` is NULL, from a reader's file. `options` must have been checked.
 */
rnn_status librnn_model_read_from(safetensors_reader *reader, const rnn_load_options *options, rnn_model **model,
                                  rnn_vocab **vocab);

#endif
