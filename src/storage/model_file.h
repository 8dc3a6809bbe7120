/*
 * model_file.h: writes and reads a model and its vocabulary as part of a file. Checkpoints add more to the same file.
 */
#ifndef RNN_MODEL_FILE_H
#define RNN_MODEL_FILE_H

#include "storage/model_load.h"
#include "storage/tensors.h"

/*
 * Adds a model, and a vocabulary unless it is NULL, to a writer. Fails if the two don't fit. Their tensors' bytes must
 * be written next.
 */
rnn_status librnn_model_add_to(safetensors_writer *writer, const rnn_model *model, const rnn_vocab *vocab,
                               const module_names *names);

/* Writes the bytes of the model's tensors. */
rnn_status librnn_model_write_to(rnn_sink *sink, const rnn_model *model);

/* Replaces a file. Writes the writer's header, then calls `save` to write the rest. */
typedef rnn_status file_saver(rnn_sink *sink, const void *what);
rnn_status librnn_file_save(const char *path, const safetensors_writer *writer, file_saver *save, const void *what);

/* The same for memory. `size` is the size of the whole file. If `bytes` is NULL, nothing is written. */
rnn_status librnn_memory_save(void *bytes, size_t capacity, uint64_t size, const safetensors_writer *writer,
                              file_saver *save, const void *what);

/* Opens a file, or the bytes of one in memory, and calls `load` to read it. */
typedef rnn_status file_loader(safetensors_reader *reader, void *what);
rnn_status librnn_file_load(const char *path, file_loader *load, void *what);
rnn_status librnn_memory_load(const void *bytes, size_t size, file_loader *load, void *what);

/* Reads and checks the caller's options. If `given` is NULL, returns the defaults. */
rnn_status librnn_load_options_read(const rnn_load_options *given, rnn_load_options *options);

/* Puts "PATH: " before the message of a failure that doesn't name the file. */
rnn_status librnn_file_blame(const char *path, rnn_status status);

#endif
