/*
 * metadata.h: structs (such as the options of a model), vocabularies and notes as texts of a file's metadata.
 */
#ifndef RNN_METADATA_H
#define RNN_METADATA_H

#include "storage/tensors.h"

/* The prefix of librnn's own texts and tensors. When a model is loaded, unknown ones are ignored. */
#define OWN_PREFIX "librnn."

/* The key of a text that marks a checkpoint without a model. */
#define WITHOUT_MODEL_KEY OWN_PREFIX "checkpoint.without_model"

typedef enum text_kind {
    TEXT_CELL,   /* an int32_t, as the cell's name in the core's table */
    TEXT_WORD,   /* an int32_t, as one of `words` */
    TEXT_FLAG,   /* an int32_t, 0 or 1 */
    TEXT_COUNT,  /* an int64_t, at least 0 */
    TEXT_SEED,   /* a uint64_t */
    TEXT_NUMBER, /* a finite double; all bits are preserved */
} text_kind;

/*
 * TEXT_NEEDED: the file must have the field. Among a model's options, these determine what the network computes, and a
 * given configuration must agree with them.
 * TEXT_OPTIONAL: the file may lack the field. Reading then leaves the struct's field unchanged.
 * TEXT_ADDED: the same, but the field is written only if it differs from its default. So if an earlier release can use
 * a file, that release would have written the same bytes.
 * TEXT_NEEDED_ADDED: written and read like TEXT_ADDED, but determines what the network computes.
 */
typedef enum text_use { TEXT_NEEDED, TEXT_OPTIONAL, TEXT_ADDED, TEXT_NEEDED_ADDED } text_use;

/* Describes how one field of a struct is stored in the metadata. */
typedef struct text_field {
    const char *key;
    size_t offset; /* offset of the field in the struct */
    text_kind kind;
    text_use use;
    const char *words[6]; /* by number, then NULL; for numbers that are TEXT_ADDED, words[0] is the default as text, and
                             NULL means "0" */
} text_field;

/*
 * Writes or reads `count` fields of the struct at `record`. Reading checks that each value is of its kind, but nothing
 * else.
 */
rnn_status librnn_text_add_fields(safetensors_writer *writer, const text_field *fields, size_t count,
                                  const void *record);
rnn_status librnn_text_read_fields(const safetensors_reader *reader, const text_field *fields, size_t count,
                                   void *record);

/*
 * Writes or reads a list of ids, such as "0,3". An empty list isn't written. The caller must release the ids that were
 * read; `ids` is NULL if the list is empty.
 */
rnn_status librnn_text_add_ids(safetensors_writer *writer, const char *key, const int32_t *ids, int64_t count);
rnn_status librnn_text_read_ids(const safetensors_reader *reader, const char *key, int32_t **ids, int64_t *count);

/*
 * Writes or checks a format number. It is an error if the number exceeds `newest`, the highest that this version knows.
 */
rnn_status librnn_text_add_number(safetensors_writer *writer, const char *key, uint64_t number);
rnn_status librnn_text_check_number(const safetensors_reader *reader, const char *key, uint64_t newest, bool *there);

/* Writes the texts' format number and the library's version. */
rnn_status librnn_text_add_format(safetensors_writer *writer);

/* Sets *own to whether librnn wrote the file. It is an error if the format number is unknown. */
rnn_status librnn_text_read_format(const safetensors_reader *reader, bool *own);

/* All options except the precision, which the tensors' types show. */
rnn_status librnn_text_add_options(safetensors_writer *writer, const rnn_model_options *options);
rnn_status librnn_text_read_options(const safetensors_reader *reader, rnn_model_options *options);

/* Copies the options that determine what the network computes. */
void librnn_text_copy_needed(const rnn_model_options *from, rnn_model_options *to);

/* The names of the modules, if they aren't the standard ones. */
rnn_status librnn_text_add_names(safetensors_writer *writer, const module_names *names);
rnn_status librnn_text_read_names(const safetensors_reader *reader, module_names *names);

/* Fails with RNN_ERROR_MISMATCH unless a given configuration and the file's describe the same network. */
rnn_status librnn_text_check_agreement(const rnn_model_options *given, const rnn_model_options *file);

/*
 * Checks that a vocabulary fits a model. It belongs to the model's inputs if these are symbols, otherwise to its
 * outputs.
 */
rnn_status librnn_text_check_vocab(const rnn_model_options *options, const rnn_vocab *vocab, rnn_status otherwise);

rnn_status librnn_text_add_vocab(safetensors_writer *writer, const rnn_vocab *vocab);

/* Reads the file's vocabulary; NULL if it has none. If `options` isn't NULL, the vocabulary must fit that model. */
rnn_status librnn_text_read_vocab(const safetensors_reader *reader, const rnn_model_options *options,
                                  rnn_vocab **vocab);

/* Writes or reads notes. Before reading, `list` must be empty. After a failure it contains some of the notes. */
rnn_status librnn_text_add_notes(safetensors_writer *writer, const note_list *list);
rnn_status librnn_text_read_notes(const safetensors_reader *reader, note_list *list);

#endif
