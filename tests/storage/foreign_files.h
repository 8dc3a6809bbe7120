/*
 * Files as other programs would save them. Used by the suites that load such files.
 */
#ifndef RNN_TESTS_FOREIGN_FILES_H
#define RNN_TESTS_FOREIGN_FILES_H

#include "small_models.h"

#include <math.h>

/* The model's tensors without librnn's metadata, as another program would save them. */
static inline file_bytes foreign_file(const rnn_model *model)
{
    file_bytes file = saved(model, NULL);
    char *header = header_of(&file);
    char *end = strchr(header, '}');
    assert_non_null(end);
    *end = '\0';
    file_bytes without = edited(&file, header + 1, "\"__metadata__\":{\"format\":\"pt\"");
    free(header);
    free(file.bytes);
    return without;
}

static inline void rename_tensor(file_bytes *file, const char *from, const char *to)
{
    file_bytes renamed = edited(file, from, to);
    free(file->bytes);
    *file = renamed;
}

#endif
