/*
 * model_text.h: the options of a model, and vocabularies, as texts of a file's metadata.
 */
#ifndef RNN_MODEL_TEXT_H
#define RNN_MODEL_TEXT_H

#include "model.h"
#include "safetensors.h"

/* Texts and tensors whose names begin so are librnn's own. A load of a model passes over those it doesn't know. */
#define OWN_PREFIX "librnn."

/* Which format the texts have, and what wrote them. */
rnn_status rnn_text_add_format(safetensors_writer *writer);

/* Whether the file has librnn's texts, of a format that is known here: it is an error if of another. */
rnn_status rnn_text_read_format(const safetensors_reader *reader, bool *own);

/* All options but the precision, which the tensors have. */
rnn_status rnn_text_add_options(safetensors_writer *writer, const rnn_model_options *options);
rnn_status rnn_text_read_options(const safetensors_reader *reader, rnn_model_options *options);

/* RNN_ERROR_MISMATCH unless a given configuration and the file's are the same network. */
rnn_status rnn_text_check_agreement(const rnn_model_options *given, const rnn_model_options *file);

/* A vocabulary is that of a model's inputs where these are symbols, else of its outputs where these are. */
rnn_status rnn_text_check_vocab(const rnn_model_options *options, const rnn_vocab *vocab, rnn_status otherwise);

rnn_status rnn_text_add_vocab(safetensors_writer *writer, const rnn_vocab *vocab);

/* The file's vocabulary, which must fit the model; NULL if it has none. */
rnn_status rnn_text_read_vocab(const safetensors_reader *reader, const rnn_model_options *options, rnn_vocab **vocab);

#endif
