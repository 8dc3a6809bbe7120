/*
 * model_file.c: saves and loads models and vocabularies as safetensors files, on disk or in memory. docs/files.md is
 * the specification.
 */
#include "storage/model_file.h"

#include "base/float_mode.h"
#include "base/names.h"
#include "base/utf8.h"
#include "storage/metadata.h"
#include "storage/structs.h"

#include <inttypes.h>
#include <string.h>

enum { NAME_SHOWN = 60 }; /* maximum number of bytes of a name in an error message */

/* ---- Saving ------------------------------------------------------------------------------------------------------ */

rnn_status librnn_model_add_to(safetensors_writer *writer, const rnn_model *model, const rnn_vocab *vocab,
                               const module_names *names)
{
    if (vocab)
        RNN_TRY(librnn_text_check_vocab(&model->options, vocab, RNN_ERROR_MISMATCH));
    RNN_TRY(librnn_text_add_format(writer));
    RNN_TRY(librnn_text_add_options(writer, &model->options));
    RNN_TRY(librnn_text_add_names(writer, names));
    if (vocab)
        RNN_TRY(librnn_text_add_vocab(writer, vocab));
    RNN_TRY(librnn_text_add_notes(writer, &model->notes));

    const char *type = librnn_model_type(model);
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        int64_t shape[2] = {p->rows, p->columns};
        char other[PARAMETER_NAME_MOST], name[TENSOR_NAME_MOST];
        librnn_tensor_name(names, p->name, name);
        RNN_TRY(librnn_safetensors_add_tensor(writer, name, type, p->rank, shape));
        if (!librnn_lacks_other_bias(model, p))
            continue;
        librnn_name_other_bias(p, other);
        librnn_tensor_name(names, other, name);
        RNN_TRY(librnn_safetensors_add_tensor(writer, name, type, p->rank, shape));
    }
    return RNN_OK;
}

rnn_status librnn_model_write_to(rnn_sink *sink, const rnn_model *model)
{
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        RNN_TRY(librnn_parameter_write_to(sink, model, p, model->parameters));
        if (librnn_lacks_other_bias(model, p))
            RNN_TRY(librnn_parameter_write_to(sink, model, p, NULL));
    }
    return RNN_OK;
}

/* Makes the header. If this succeeds, the caller must destroy the writer. */
static rnn_status prepare(const rnn_model *model, const rnn_vocab *vocab, const module_names *names,
                          safetensors_writer *writer, uint64_t *size)
{
    RNN_TRY(librnn_safetensors_create(writer));
    rnn_status status = librnn_model_add_to(writer, model, vocab, names);
    if (status == RNN_OK)
        status = librnn_safetensors_finish(writer, size);
    if (status != RNN_OK)
        librnn_safetensors_destroy(writer);
    return status;
}

rnn_status librnn_file_save(const char *path, const safetensors_writer *writer, file_saver *save, const void *what)
{
    rnn_replacement file;
    RNN_TRY(librnn_file_replace(path, &file));
    rnn_sink sink = {.file = &file};
    rnn_status status = librnn_safetensors_write_header(writer, &sink);
    if (status == RNN_OK)
        status = save(&sink, what);
    if (status == RNN_OK)
        status = librnn_file_commit(&file);
    librnn_file_discard(&file);
    return status;
}

rnn_status librnn_memory_save(void *bytes, size_t capacity, uint64_t size, const safetensors_writer *writer,
                              file_saver *save, const void *what)
{
    if (!bytes)
        return RNN_OK;
    if (capacity < size)
        return librnn_fail(RNN_ERROR_ARGUMENT, "capacity is %zu; the file has %" PRIu64 " byte%s", capacity, size,
                           rnn_plural(size));
    rnn_sink sink = {.memory = bytes};
    RNN_TRY(librnn_safetensors_write_header(writer, &sink));
    return save(&sink, what);
}

static rnn_status save_model(rnn_sink *sink, const void *model)
{
    return librnn_model_write_to(sink, model);
}

/* ---- Options for saving ---- */

static rnn_status check_length(const char *option, const char *name)
{
    if (name && strlen(name) > MODULE_NAME_MOST)
        return librnn_fail(RNN_ERROR_ARGUMENT, "%s has %zu bytes; it must have 0 to %d", option, strlen(name),
                           MODULE_NAME_MOST);
    return RNN_OK;
}

/* Checks that the file can hold a module's name, and that its tensors can't be taken for librnn's own. */
static rnn_status check_name(const char *option, const char *module)
{
    RNN_TRY(check_length(option, module));
    if (module)
        RNN_TRY(librnn_utf8_check(option, module));
    size_t own = strlen(OWN_PREFIX) - 1; /* without its dot */
    if (module && strncmp(module, OWN_PREFIX, own) == 0 && (module[own] == '\0' || module[own] == '.'))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "%s is \"%s\"; \"librnn\" and names that begin with \"librnn.\" are reserved", option,
                           module);
    return RNN_OK;
}

/* given: NULL for the defaults. */
static rnn_status read_save_options(const rnn_save_options *given, const rnn_model *model, module_names *names)
{
    rnn_save_options read = librnn_default_save_options;
    if (given)
        RNN_TRY(librnn_struct_read("save_options", given, &read, SAVE_OPTIONS_FIRST_SIZE, sizeof read));
    RNN_TRY(check_name("rnn_name", read.rnn_name));
    RNN_TRY(check_name("decoder_name", read.decoder_name));
    RNN_TRY(check_name("embedding_name", read.embedding_name));
    const module_names chosen = {{read.rnn_name, read.decoder_name, read.embedding_name}};
    *names = librnn_names_or_standard(&chosen);
    const char *embedding = names->of[MODULE_EMBEDDING];
    bool embeds = model->options.input == RNN_INPUT_EMBEDDING;
    if (!embeds && strcmp(embedding, librnn_standard_names.of[MODULE_EMBEDDING]) != 0)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "embedding_name is \"%.*s\"; it has no effect, since the model has no embedding", NAME_SHOWN,
                           embedding);
    if (embeds && strcmp(embedding, names->of[MODULE_DECODER]) == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "embedding_name and decoder_name are both \"%.*s\"; they must differ",
                           NAME_SHOWN, embedding);
    return RNN_OK;
}

rnn_status rnn_model_save_with(const rnn_model *model, const rnn_vocab *vocab, const rnn_save_options *options,
                               const char *path)
{
    safetensors_writer writer;
    module_names names;
    uint64_t size;
    RNN_REQUIRE(model);
    RNN_REQUIRE(path);
    RNN_TRY(read_save_options(options, model, &names));
    rnn_status status = prepare(model, vocab, &names, &writer, &size);
    if (status != RNN_OK)
        return librnn_file_blame(path, status);
    status = librnn_file_save(path, &writer, save_model, model);
    librnn_safetensors_destroy(&writer);
    return librnn_file_blame(path, status);
}

rnn_status rnn_model_save_to_memory_with(const rnn_model *model, const rnn_vocab *vocab,
                                         const rnn_save_options *options, void *bytes, size_t capacity, size_t *size)
{
    safetensors_writer writer;
    module_names names;
    uint64_t total;
    RNN_REQUIRE(model);
    RNN_REQUIRE(size);
    if (capacity > 0)
        RNN_REQUIRE(bytes);
    RNN_TRY(read_save_options(options, model, &names));
    RNN_TRY(prepare(model, vocab, &names, &writer, &total));
    rnn_status status = librnn_memory_save(bytes, capacity, total, &writer, save_model, model);
    librnn_safetensors_destroy(&writer);
    if (status == RNN_OK)
        *size = (size_t)total;
    return status;
}

rnn_status rnn_model_save(const rnn_model *model, const rnn_vocab *vocab, const char *path)
{
    return rnn_model_save_with(model, vocab, NULL, path);
}

rnn_status rnn_model_save_to_memory(const rnn_model *model, const rnn_vocab *vocab, void *bytes, size_t capacity,
                                    size_t *size)
{
    return rnn_model_save_to_memory_with(model, vocab, NULL, bytes, capacity, size);
}

/* ---- Loading ----------------------------------------------------------------------------------------------------- */

/* The arguments of a load. */
typedef struct wanted {
    rnn_load_options options;
    rnn_model **model;
    rnn_vocab **vocab;
} wanted;

static rnn_status load_model(safetensors_reader *reader, void *what)
{
    const wanted *w = what;
    return librnn_model_read_from(reader, &w->options, w->model, w->vocab);
}

static rnn_status load(const rnn_bytes *source, file_loader *loader, void *what)
{
    safetensors_reader reader;
    float_exact_mode mode = rnn_float_enter_exact(); /* because the header contains numbers */
    rnn_status status = librnn_safetensors_open(source, &reader);
    if (status == RNN_OK) {
        status = loader(&reader, what);
        librnn_safetensors_close(&reader);
    }
    rnn_float_leave_exact(&mode);
    return status;
}

rnn_status librnn_memory_load(const void *bytes, size_t size, file_loader *loader, void *what)
{
    const rnn_bytes source = {.memory = bytes, .size = size};
    return load(&source, loader, what);
}

rnn_status librnn_file_load(const char *path, file_loader *loader, void *what)
{
    rnn_file file;
    RNN_TRY(librnn_file_open(path, &file));
    const rnn_bytes source = {.file = &file, .size = (uint64_t)file.size};
    rnn_status status = load(&source, loader, what);
    librnn_file_close(&file);
    return status;
}

rnn_status librnn_load_options_read(const rnn_load_options *given, rnn_load_options *options)
{
    rnn_load_options read = librnn_default_load_options;
    if (given)
        RNN_TRY(librnn_struct_read("load_options", given, &read, LOAD_OPTIONS_FIRST_SIZE, sizeof read));
    RNN_TRY(librnn_check_enumerator("precision", read.precision, librnn_load_precisions));
    RNN_TRY(librnn_check_range("ignore_others", read.ignore_others, 0, 1));
    RNN_TRY(librnn_check_range("infer", read.infer, 0, 1));
    RNN_TRY(librnn_check_range("reserved", read.reserved, 0, 0));
    RNN_TRY(check_length("rnn_name", read.rnn_name));
    RNN_TRY(check_length("decoder_name", read.decoder_name));
    RNN_TRY(check_length("embedding_name", read.embedding_name));
    *options = read;
    return RNN_OK;
}

rnn_status librnn_file_blame(const char *path, rnn_status status)
{
    if (status == RNN_OK || status == RNN_ERROR_IO) /* messages of RNN_ERROR_IO begin with the path already */
        return status;
    return librnn_fail(status, "%.*s: %s", PATH_SHOWN, path, rnn_last_error());
}

rnn_status rnn_model_load(const char *path, const rnn_load_options *options, rnn_model **model, rnn_vocab **vocab)
{
    wanted what = {.model = model, .vocab = vocab};
    RNN_REQUIRE(path);
    RNN_REQUIRE(model);
    RNN_TRY(librnn_load_options_read(options, &what.options));
    return librnn_file_blame(path, librnn_file_load(path, load_model, &what));
}

rnn_status rnn_model_load_from_memory(const void *bytes, size_t size, const rnn_load_options *options,
                                      rnn_model **model, rnn_vocab **vocab)
{
    wanted what = {.model = model, .vocab = vocab};
    RNN_REQUIRE(bytes);
    RNN_REQUIRE(model);
    RNN_TRY(librnn_load_options_read(options, &what.options));
    return librnn_memory_load(bytes, size, load_model, &what);
}
