/*
 * absent.c: the functions of this directory in a library that is built without files (RNN_WITH_FILES=OFF). They fail.
 */
#include "base/status.h"

#pragma GCC diagnostic ignored "-Wunused-parameter"

static rnn_status fail(void)
{
    return librnn_fail(RNN_ERROR_IO, "this library was built without files (RNN_WITH_FILES=OFF)");
}

rnn_status rnn_model_save(const rnn_model *model, const rnn_vocab *vocab, const char *path)
{
    return fail();
}

rnn_status rnn_model_save_with(const rnn_model *model, const rnn_vocab *vocab, const rnn_save_options *options,
                               const char *path)
{
    return fail();
}

rnn_status rnn_model_save_to_memory(const rnn_model *model, const rnn_vocab *vocab, void *bytes, size_t capacity,
                                    size_t *size)
{
    return fail();
}

rnn_status rnn_model_save_to_memory_with(const rnn_model *model, const rnn_vocab *vocab,
                                         const rnn_save_options *options, void *bytes, size_t capacity, size_t *size)
{
    return fail();
}

rnn_status rnn_model_load(const char *path, const rnn_load_options *options, rnn_model **model, rnn_vocab **vocab)
{
    return fail();
}

rnn_status rnn_model_load_from_memory(const void *bytes, size_t size, const rnn_load_options *options,
                                      rnn_model **model, rnn_vocab **vocab)
{
    return fail();
}

rnn_status rnn_checkpoint_save(const rnn_checkpoint *checkpoint, const char *path)
{
    return fail();
}

rnn_status rnn_checkpoint_save_to_memory(const rnn_checkpoint *checkpoint, void *bytes, size_t capacity, size_t *size)
{
    return fail();
}

rnn_status rnn_checkpoint_load(const char *path, rnn_checkpoint *checkpoint)
{
    return fail();
}

rnn_status rnn_checkpoint_load_from_memory(const void *bytes, size_t size, rnn_checkpoint *checkpoint)
{
    return fail();
}
