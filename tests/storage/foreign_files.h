/*
 * Files as other programs would save them. Used by the suites that load such files.
 */
#ifndef RNN_TESTS_FOREIGN_FILES_H
#define RNN_TESTS_FOREIGN_FILES_H

#include "small_models.h"

#include <math.h>

/* The model's file with no metadata of librnn's, as another program would save it */
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

/* A model, its file as another program would save it, and options for a load. */
typedef struct foreign {
    rnn_model_options o;
    rnn_model *model;
    file_bytes file;
    rnn_load_options options;
} foreign;

static inline foreign create_foreign(rnn_model_options o)
{
    rnn_model *model = create_random_model(&o, 1, 7);
    return (foreign){o, model, foreign_file(model), make_load_options()};
}

/* The options that rnn_model_options_init() fills in */
static inline rnn_model_options default_options(void)
{
    rnn_model_options o;
    assert_ok(rnn_model_options_init(&o, sizeof o));
    return o;
}

static inline void destroy_foreign(foreign *f)
{
    free(f->file.bytes);
    rnn_model_destroy(f->model);
}

/* Replaces `from` in the file's header by `to`. */
static inline void rename_tensor(file_bytes *file, const char *from, const char *to)
{
    file_bytes renamed = edited(file, from, to);
    free(file->bytes);
    *file = renamed;
}

#endif
