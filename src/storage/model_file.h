/*
 * model_file.h: what a model and its vocabulary are within a file, for whatever keeps more than that in one.
 */
#ifndef RNN_MODEL_FILE_H
#define RNN_MODEL_FILE_H

#include "storage/model_load.h"
#include "storage/tensors.h"

/*
 * Names everything of a model, and of a vocabulary unless it is NULL, to a writer; fails where the two don't fit. The
 * tensors are the next that are to be written.
 */
rnn_status librnn_model_add_to(safetensors_writer *writer, const rnn_model *model, const rnn_vocab *vocab,
                               const module_names *names);

/* Writes the bytes of the model's tensors. */
rnn_status librnn_model_write_to(rnn_sink *sink, const rnn_model *model);

/* Replaces a file by a writer's header and what `save` writes. */
typedef rnn_status file_saver(rnn_sink *sink, const void *what);
rnn_status librnn_file_save(const char *path, const safetensors_writer *writer, file_saver *save, const void *what);

/* The same, to memory. `size` is that of the whole file; nothing is written where `bytes` is NULL. */
rnn_status librnn_memory_save(void *bytes, size_t capacity, uint64_t size, const safetensors_writer *writer,
                              file_saver *save, const void *what);

/* Opens a file, or what would be one in memory, and has `load` read it. */
typedef rnn_status file_loader(safetensors_reader *reader, void *what);
rnn_status librnn_file_load(const char *path, file_loader *load, void *what);
rnn_status librnn_memory_load(const void *bytes, size_t size, file_loader *load, void *what);

/* Takes the caller's options over the defaults, and checks them. NULL: the defaults. */
rnn_status librnn_load_options_read(const rnn_load_options *given, rnn_load_options *options);

/* "PATH: " before the sentence of a failure that doesn't name the file itself. */
rnn_status librnn_file_blame(const char *path, rnn_status status);

#endif
