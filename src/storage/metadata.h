/*
 * metadata.h: structs, among them the options of a model, and vocabularies as texts of a file's metadata.
 */
#ifndef RNN_METADATA_H
#define RNN_METADATA_H

#include "storage/tensors.h"

/* Texts and tensors whose names begin so are librnn's own. A load of a model passes over those it doesn't know. */
#define OWN_PREFIX "librnn."

/* The text of a checkpoint that has no model */
#define WITHOUT_MODEL_KEY OWN_PREFIX "checkpoint.without_model"

typedef enum text_kind {
    TEXT_CELL,   /* an int32_t: what the core's table calls it */
    TEXT_WORD,   /* an int32_t: one of `words` */
    TEXT_FLAG,   /* an int32_t: 0 or 1 */
    TEXT_COUNT,  /* an int64_t, 0 or more */
    TEXT_SEED,   /* a uint64_t */
    TEXT_NUMBER, /* a double, finite; keeps its bits */
} text_kind;

/*
 * What a file must have, and what it may lack, which then stays as it is in the struct. Of a model's options the needed
 * ones say what the network computes: a given configuration must agree with them. TEXT_ADDED: as optional ones, and
 * written only where it isn't the default, so that a file which an earlier release can use is the one that it would
 * have written. TEXT_NEEDED_ADDED: is written and may lack likewise, but says what the network computes.
 */
typedef enum text_use { TEXT_NEEDED, TEXT_OPTIONAL, TEXT_ADDED, TEXT_NEEDED_ADDED } text_use;

/* How one field of a struct stands in the metadata. */
typedef struct text_field {
    const char *key;
    size_t offset; /* the field's */
    text_kind kind;
    text_use use;
    const char *words[6]; /* by number; NULL after the last. Of a number that was added: what isn't written; NULL: 0 */
} text_field;

/* `count` fields of a struct that begins at `record`. What is read is a number of its kind, but no more is checked. */
rnn_status librnn_text_add_fields(safetensors_writer *writer, const text_field *fields, size_t count,
                                  const void *record);
rnn_status librnn_text_read_fields(const safetensors_reader *reader, const text_field *fields, size_t count,
                                   void *record);

/* A list of ids, "0,3"; nothing is written if it is empty. The one read is to be released; `ids` is NULL if it is
 * empty. */
rnn_status librnn_text_add_ids(safetensors_writer *writer, const char *key, const int32_t *ids, int64_t count);
rnn_status librnn_text_read_ids(const safetensors_reader *reader, const char *key, int32_t **ids, int64_t *count);

/* The number of a format. To read it is an error if it is higher than `newest`, the highest that is known here. */
rnn_status librnn_text_add_number(safetensors_writer *writer, const char *key, uint64_t number);
rnn_status librnn_text_check_number(const safetensors_reader *reader, const char *key, uint64_t newest, bool *there);

/* Which format the texts have, and what wrote them. */
rnn_status librnn_text_add_format(safetensors_writer *writer);

/* Whether the file has librnn's texts, of a format that is known here: it is an error if of another. */
rnn_status librnn_text_read_format(const safetensors_reader *reader, bool *own);

/* All options but the precision, which the tensors have. */
rnn_status librnn_text_add_options(safetensors_writer *writer, const rnn_model_options *options);
rnn_status librnn_text_read_options(const safetensors_reader *reader, rnn_model_options *options);

/* Takes over what says what the network computes: the options that a file must have. */
void librnn_text_copy_needed(const rnn_model_options *from, rnn_model_options *to);

/* What the modules are called, as far as it isn't the standard. */
rnn_status librnn_text_add_names(safetensors_writer *writer, const module_names *names);
rnn_status librnn_text_read_names(const safetensors_reader *reader, module_names *names);

/* RNN_ERROR_MISMATCH unless a given configuration and the file's are the same network. */
rnn_status librnn_text_check_agreement(const rnn_model_options *given, const rnn_model_options *file);

/* A vocabulary is that of a model's inputs where these are symbols, else of its outputs where these are. */
rnn_status librnn_text_check_vocab(const rnn_model_options *options, const rnn_vocab *vocab, rnn_status otherwise);

rnn_status librnn_text_add_vocab(safetensors_writer *writer, const rnn_vocab *vocab);

/* The file's vocabulary, which must fit the model, if `options` say what it is; NULL if the file has none. */
rnn_status librnn_text_read_vocab(const safetensors_reader *reader, const rnn_model_options *options,
                                  rnn_vocab **vocab);

/* Notes. `list` is empty before it is read; after a failure it has some of the notes. */
rnn_status librnn_text_add_notes(safetensors_writer *writer, const note_list *list);
rnn_status librnn_text_read_notes(const safetensors_reader *reader, note_list *list);

#endif
