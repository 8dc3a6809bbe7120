/*
 * structs.c: fills the structs of this directory's public functions. It is part of every build, with files or without.
 */
#include "storage/structs.h"

#include "base/status.h"

const rnn_load_options librnn_default_load_options = {
    .struct_size = sizeof(rnn_load_options),
    .precision = RNN_PRECISION_STORED,
};
const rnn_save_options librnn_default_save_options = {.struct_size = sizeof(rnn_save_options)};

rnn_status rnn_load_options_init(rnn_load_options *options, size_t struct_size)
{
    return librnn_struct_init("load_options", options, struct_size, &librnn_default_load_options,
                              LOAD_OPTIONS_FIRST_SIZE, sizeof librnn_default_load_options);
}

rnn_status rnn_save_options_init(rnn_save_options *options, size_t struct_size)
{
    return librnn_struct_init("save_options", options, struct_size, &librnn_default_save_options,
                              SAVE_OPTIONS_FIRST_SIZE, sizeof librnn_default_save_options);
}

rnn_status rnn_checkpoint_init(rnn_checkpoint *checkpoint, size_t struct_size)
{
    const rnn_checkpoint empty = {.struct_size = sizeof empty};
    return librnn_struct_init("checkpoint", checkpoint, struct_size, &empty, CHECKPOINT_FIRST_SIZE, sizeof empty);
}
