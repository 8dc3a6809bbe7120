/*
 * safetensors.c: reads and writes safetensors files.
 *
 * Jansson reads and writes the header's JSON. It takes care of UTF-8, escapes, numbers and the limit of nesting, and
 * refuses duplicate keys and texts with a NUL. This file checks the contents of the JSON.
 */
#include "storage/safetensors.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    LENGTH_SIZE = 8,
    HEADER_MOST = 100000000, /* bytes; the format's own limit */
    ALIGNMENT = 8,           /* the tensors' bytes begin at a multiple of this in the file */
    NEEDED_BY_JANSSON = 40,  /* bytes per byte of a header that passes check_brackets() */
    DEPTH_MOST = 8,          /* maximum nesting of brackets; a valid header has three levels */
    BYTES_OF_BRACKET = 16,   /* minimum header bytes per bracket; a tensor has three in at least 51 bytes */
    BYTES_OF_COMMA = 5, /* minimum header bytes per comma; an empty metadata text takes 6 bytes including its comma */
    DENSE_LEAST = 64,   /* number of brackets and of commas that any header may have */
    NAME_SHOWN = 100,   /* maximum number of bytes of a name in an error message */
};

static const char metadata_key[] = "__metadata__";

unsigned librnn_safetensors_bits(const char *type)
{
    static const struct {
        const char *type;
        unsigned bits;
    } types[] = {
        {"F32", 32},    {"F64", 64},    {"F16", 16}, {"BF16", 16},   {"I64", 64},    {"I32", 32},    {"I16", 16},
        {"I8", 8},      {"U64", 64},    {"U32", 32}, {"U16", 16},    {"U8", 8},      {"BOOL", 8},    {"C64", 64},
        {"F8_E4M3", 8}, {"F8_E5M2", 8}, {"F4", 4},   {"F8_E8M0", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].type, type) == 0)
            return types[i].bits;
    return 0;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

/* Recognises a file of another format by its first bytes. Returns a description with advice, or NULL. */
static const char *kind_of(const unsigned char *bytes, size_t size)
{
    static const struct {
        const char *begin;
        size_t size;
        const char *sentence;
    } kinds[] = {
#define KIND(begin, sentence) {begin, sizeof(begin) - 1, sentence}
        KIND("PK\3\4", "a ZIP archive such as torch.save() writes (.pt, .pth); save the state_dict() with "
                       "safetensors.torch.save_file()"),
        KIND("\x80", "a Python pickle such as old versions of torch.save() write (.pt, .pth); save the state_dict() "
                     "with safetensors.torch.save_file()"),
        KIND("\x89HDF", "an HDF5 file such as Keras writes; save its arrays with safetensors.numpy.save_file()"),
        KIND("\x93NUMPY", "a numpy array; save the arrays of all parameters with safetensors.numpy.save_file()"),
        KIND("GGUF", "a GGUF file, which librnn doesn't read"),
        KIND("\x1f\x8b", "compressed with gzip; uncompress it first"),
        KIND("version https://git-lfs", "a Git LFS pointer; fetch the file itself with git lfs pull"),
        KIND("{", "a JSON text; if it is the index of a model in several parts, put the tensors of all parts into one "
                  "file"),
        KIND("<", "an HTML or XML text, perhaps a server's error message"),
#undef KIND
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (size >= kinds[i].size && memcmp(bytes, kinds[i].begin, kinds[i].size) == 0)
            return kinds[i].sentence;
    return NULL;
}

/*
 * Fails because the length of the header is impossible. If the file is of another known format, the message names that
 * format.
 */
static rnn_status fail_of_length(const rnn_bytes *source, uint64_t value)
{
    unsigned char begin[32] = {0};
    size_t size = source->size < sizeof begin ? (size_t)source->size : sizeof begin;
    RNN_TRY(librnn_bytes_read(source, 0, begin, size));
    const char *kind = size < LENGTH_SIZE || value > HEADER_MOST ? kind_of(begin, size) : NULL;
    if (kind)
        return librnn_fail(RNN_ERROR_FORMAT, "the file isn't a safetensors file, but %s", kind);
    if (size < LENGTH_SIZE)
        return librnn_fail(RNN_ERROR_FORMAT, "the file has %zu byte%s; a safetensors file has at least %d", size,
                           rnn_plural(size), LENGTH_SIZE);
    if (value > HEADER_MOST)
        return librnn_fail(RNN_ERROR_FORMAT,
                           "the file isn't a safetensors file, or is damaged: its header would have %" PRIu64
                           " bytes; the maximum is %d",
                           value, HEADER_MOST);
    return librnn_fail(RNN_ERROR_FORMAT,
                       "the file is truncated or damaged: its header should have %" PRIu64 " byte%s; only %" PRIu64
                       " follow its length",
                       value, rnn_plural(value), source->size - LENGTH_SIZE);
}

/* Reads the length of the header. The rest of the file is at least that long. */
static rnn_status read_length(const rnn_bytes *source, size_t *length)
{
    unsigned char bytes[LENGTH_SIZE];
    uint64_t value = 0;
    if (source->size < LENGTH_SIZE)
        return fail_of_length(source, 0);
    RNN_TRY(librnn_bytes_read(source, 0, bytes, LENGTH_SIZE));
    for (int i = LENGTH_SIZE; i-- > 0;)
        value = value << 8 | bytes[i];
    if (value > HEADER_MOST || value > source->size - LENGTH_SIZE)
        return fail_of_length(source, value);
    *length = (size_t)value;
    return RNN_OK;
}

/*
 * Whether there is more memory than jansson will need. Jansson doesn't check all of its allocations: if a text of the
 * header doesn't fit into memory, it ends the program. So parsing begins only if there is enough.
 */
static bool has_memory(size_t length)
{
    json_malloc_t allocate;
    json_free_t release;
    json_get_alloc_funcs(&allocate, &release);
    void *memory = allocate(NEEDED_BY_JANSSON * (length + (size_t)BYTES_OF_BRACKET * DENSE_LEAST));
    if (memory)
        release(memory);
    return memory;
}

/*
 * Checks the number and the nesting of brackets and commas. For each bracket jansson needs about a hundred bytes of
 * memory, and for nested brackets it also needs stack. So a header of only brackets and commas would take a great deal
 * of memory and time. A header that lists tensors stays far below the limits.
 */
static rnn_status check_brackets(const char *text, size_t length)
{
    size_t brackets = 0, commas = 0, depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length && depth <= DEPTH_MOST; i++) {
        char c = text[i];
        if (c == '"')
            quoted = !quoted;
        else if (quoted)
            i += c == '\\';
        else if (c == '{' || c == '[') {
            brackets++;
            depth++;
        } else if (c == '}' || c == ']')
            depth -= depth > 0;
        else
            commas += c == ',';
    }
    if (depth > DEPTH_MOST)
        return librnn_fail(
            RNN_ERROR_FORMAT,
            "the file isn't a safetensors file, or is damaged: its header has brackets nested more than %d deep",
            DEPTH_MOST);
    if (brackets <= DENSE_LEAST + length / BYTES_OF_BRACKET && commas <= DENSE_LEAST + length / BYTES_OF_COMMA)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_FORMAT,
                       "the file isn't a safetensors file, or is damaged: its header has %zu bracket%s and %zu comma%s "
                       "in %zu bytes, which is more than any list of tensors has",
                       brackets, rnn_plural(brackets), commas, rnn_plural(commas), length);
}

static rnn_status fail_of_memory(void)
{
    return librnn_fail(RNN_ERROR_MEMORY, "out of memory for the header of a file");
}

/*
 * Parses the header. If memory runs out within a text or a number, jansson reports invalid JSON. So the header is
 * parsed again: if it really is invalid, the same error occurs at the same place.
 */
static rnn_status parse_header(const char *text, size_t length, json_t **header)
{
    json_error_t first = {0}, error = {0};
    if (length == 0 || text[0] != '{')
        return librnn_fail(RNN_ERROR_FORMAT,
                           "the file isn't a safetensors file, or is damaged: its header isn't a JSON object");
    RNN_TRY(check_brackets(text, length));
    for (int attempt = 0; attempt < 2; attempt++) {
        if (!has_memory(length))
            return fail_of_memory();
        first = error;
        *header = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
        if (*header)
            return RNN_OK;
        if (error.text[0] == '\0' || json_error_code(&error) == json_error_out_of_memory)
            return fail_of_memory();
    }
    if (error.position != first.position || strcmp(error.text, first.text) != 0)
        return fail_of_memory();
    return librnn_fail(RNN_ERROR_FORMAT, "the file's header is not valid JSON, at byte %d: %s",
                       LENGTH_SIZE + error.position, error.text);
}

static rnn_status read_header(const rnn_bytes *source, size_t length, json_t **header)
{
    if (!source->file)
        return parse_header((const char *)source->memory + LENGTH_SIZE, length, header);
    char *text;
    RNN_TRY(librnn_allocate("the header of a file", length ? length : 1, 1, (void **)&text));
    rnn_status status = librnn_bytes_read(source, LENGTH_SIZE, text, length);
    if (status == RNN_OK)
        status = parse_header(text, length, header);
    librnn_release(text);
    return status;
}

/* Fails with "the file is damaged: its tensor NAME has WHAT". */
static rnn_status fail_about(const char *name, const char *what)
{
    return librnn_fail(RNN_ERROR_FORMAT, "the file is damaged: its tensor %.*s has %s", NAME_SHOWN, name, what);
}

static rnn_status read_texts(const json_t *texts)
{
    const char *key;
    json_t *value;
    if (!json_is_object(texts))
        return librnn_fail(RNN_ERROR_FORMAT, "the file is damaged: its %s isn't a JSON object", metadata_key);
    json_object_foreach((json_t *)texts, key, value) if (!json_is_string(value)) return librnn_fail(
        RNN_ERROR_FORMAT, "the file is damaged: %.*s in its %s is not a string", NAME_SHOWN, key, metadata_key);
    return RNN_OK;
}

/* Reads the shape and checks that the elements take exactly `size` bytes. */
static rnn_status read_shape(const json_t *shape, safetensor *tensor)
{
    const json_t *length;
    size_t i;
    uint64_t count = 1, bits = librnn_safetensors_bits(tensor->type);
    bool fits = true, empty = false;
    if (!json_is_array(shape))
        return fail_about(tensor->name, "no \"shape\" array");
    if (json_array_size(shape) > TENSOR_RANK_MOST)
        return fail_about(tensor->name, "a shape of more than 8 dimensions");
    tensor->rank = (int32_t)json_array_size(shape);
    json_array_foreach(shape, i, length)
    {
        if (!json_is_integer(length) || json_integer_value(length) < 0)
            return fail_about(tensor->name, "a shape whose elements aren't all whole numbers of at least 0");
        tensor->shape[i] = json_integer_value(length);
        empty = empty || tensor->shape[i] == 0;
        fits = !__builtin_mul_overflow(count, (uint64_t)tensor->shape[i], &count) && fits;
    }
    if (empty)
        count = 0;
    else if (!fits || __builtin_mul_overflow(count, bits, &count))
        return fail_about(tensor->name, "a shape too large for any file");
    if (bits != 0 && (count % 8 != 0 || count / 8 != tensor->size))
        return fail_about(tensor->name, "\"data_offsets\" that don't match its shape and \"dtype\"");
    return RNN_OK;
}

/* Reads one entry of the header. The tensors' bytes begin at `data` in the file, and there are `data_size` of them. */
static rnn_status read_tensor(const char *name, const json_t *entry, uint64_t data, uint64_t data_size,
                              safetensor *tensor)
{
    const json_t *type = json_object_get(entry, "dtype"), *offsets = json_object_get(entry, "data_offsets");
    const json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    tensor->name = name;
    if (!json_is_object(entry))
        return fail_about(name, "an entry that isn't a JSON object");
    if (!json_is_string(type))
        return fail_about(name, "no \"dtype\" string");
    tensor->type = json_string_value(type);
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return fail_about(name, "no \"data_offsets\" array of two whole numbers");
    json_int_t from = json_integer_value(begin), to = json_integer_value(end);
    if (from < 0 || to < from)
        return fail_about(name, "\"data_offsets\" out of order");
    if ((uint64_t)to > data_size)
        return librnn_fail(RNN_ERROR_FORMAT,
                           "the file is truncated or damaged: the bytes of its tensor %.*s end at %" PRIu64
                           "; the file has %" PRIu64,
                           NAME_SHOWN, name, data + (uint64_t)to, data + data_size);
    tensor->offset = data + (uint64_t)from;
    tensor->size = (uint64_t)(to - from);
    return read_shape(json_object_get(entry, "shape"), tensor);
}

static int compare_places(const void *a, const void *b)
{
    const safetensor *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size); /* empty tensors first */
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const safetensor *)a)->name, ((const safetensor *)b)->name);
}

/* Checks that each tensor begins where the previous one ends, and that the last one ends where the file does. */
static rnn_status check_places(safetensors_reader *r, uint64_t data)
{
    qsort(r->tensors, r->count, sizeof *r->tensors, compare_places);
    for (size_t i = 0; i < r->count; i++) {
        if (r->tensors[i].offset != data)
            return fail_about(r->tensors[i].name, r->tensors[i].offset < data ? "bytes that overlap another tensor's"
                                                                              : "a gap before its bytes");
        data += r->tensors[i].size;
    }
    if (data != r->source->size)
        return librnn_fail(RNN_ERROR_FORMAT, "the file is damaged: it has %" PRIu64 " byte%s after its last tensor",
                           r->source->size - data, rnn_plural(r->source->size - data));
    return RNN_OK;
}

static rnn_status read_tensors(safetensors_reader *r, uint64_t data)
{
    const char *name;
    json_t *entry;
    size_t entries = json_object_size(r->header);
    RNN_TRY(librnn_allocate("the list of a file's tensors", entries ? entries : 1, sizeof *r->tensors,
                            (void **)&r->tensors));
    json_object_foreach(r->header, name, entry)
    {
        if (strcmp(name, metadata_key) == 0) {
            RNN_TRY(read_texts(entry));
            r->texts = entry;
        } else {
            RNN_TRY(read_tensor(name, entry, data, r->source->size - data, &r->tensors[r->count]));
            r->count++;
        }
    }
    RNN_TRY(check_places(r, data));
    qsort(r->tensors, r->count, sizeof *r->tensors, compare_names);
    return RNN_OK;
}

rnn_status librnn_safetensors_open(const rnn_bytes *source, safetensors_reader *reader)
{
    safetensors_reader r = {.source = source};
    size_t length = 0;
    RNN_TRY(read_length(source, &length));
    RNN_TRY(read_header(source, length, &r.header));
    rnn_status status = read_tensors(&r, LENGTH_SIZE + length);
    if (status == RNN_OK)
        *reader = r;
    else
        librnn_safetensors_close(&r);
    return status;
}

void librnn_safetensors_close(safetensors_reader *reader)
{
    json_decref(reader->header);
    librnn_release(reader->tensors);
}

const char *librnn_safetensors_text(const safetensors_reader *reader, const char *key)
{
    return json_string_value(json_object_get(reader->texts, key));
}

bool librnn_safetensors_next_text(const safetensors_reader *reader, safetensors_text *text)
{
    json_t *texts = (json_t *)reader->texts;
    text->place = text->place ? json_object_iter_next(texts, text->place) : json_object_iter(texts);
    if (!text->place)
        return false;
    text->key = json_object_iter_key(text->place);
    text->text = json_string_value(json_object_iter_value(text->place));
    return true;
}

const safetensor *librnn_safetensors_find(safetensors_reader *reader, const char *name)
{
    safetensor key = {.name = name};
    safetensor *found = bsearch(&key, reader->tensors, reader->count, sizeof key, compare_names);
    if (found)
        found->taken = true;
    return found;
}

rnn_status librnn_safetensors_read(const safetensors_reader *reader, const safetensor *tensor, uint64_t offset,
                                   void *bytes, size_t size)
{
    return librnn_bytes_read(reader->source, tensor->offset + offset, bytes, size);
}

/* ---- Writing ----------------------------------------------------------------------------------------------------- */

rnn_status librnn_safetensors_create(safetensors_writer *writer)
{
    /* jansson's first object asks the system for random bits. On Windows that can raise exception flags. */
    float_exact_mode mode = rnn_float_enter_exact();
    safetensors_writer w = {.header = json_object(), .texts = json_object()};
    rnn_float_leave_exact(&mode);
    if (!w.header || !w.texts) {
        json_decref(w.header);
        json_decref(w.texts);
        return fail_of_memory();
    }
    *writer = w;
    return RNN_OK;
}

void librnn_safetensors_destroy(safetensors_writer *writer)
{
    json_decref(writer->header);
    json_decref(writer->texts);
    librnn_release(writer->bytes);
}

rnn_status librnn_safetensors_add_text(safetensors_writer *writer, const char *key, const char *text)
{
    return json_object_set_new(writer->texts, key, json_string(text)) == 0 ? RNN_OK : fail_of_memory();
}

rnn_status librnn_safetensors_add_tensor(safetensors_writer *writer, const char *name, const char *type, int32_t rank,
                                         const int64_t *shape)
{
    uint64_t size = librnn_safetensors_bits(type) / 8;
    json_t *lengths = json_array(), *offsets = json_array(), *entry = json_object();
    int failed = !lengths || !offsets || !entry;
    for (int32_t i = 0; i < rank && !failed; i++) {
        size *= (uint64_t)shape[i];
        failed = json_array_append_new(lengths, json_integer(shape[i]));
    }
    failed = failed || json_array_append_new(offsets, json_integer((json_int_t)writer->data_size)) ||
             json_array_append_new(offsets, json_integer((json_int_t)(writer->data_size + size))) ||
             json_object_set_new(entry, "dtype", json_string(type)) || json_object_set(entry, "shape", lengths) ||
             json_object_set(entry, "data_offsets", offsets) || json_object_set(writer->header, name, entry);
    json_decref(lengths);
    json_decref(offsets);
    json_decref(entry);
    if (failed)
        return fail_of_memory();
    writer->data_size += size;
    return RNN_OK;
}

rnn_status librnn_safetensors_finish(safetensors_writer *writer, uint64_t *size)
{
    json_t *whole = json_object();
    if (!whole || json_object_set(whole, metadata_key, writer->texts) != 0 ||
        json_object_update(whole, writer->header) != 0) {
        json_decref(whole);
        return fail_of_memory();
    }
    rnn_status status = RNN_OK;
    size_t length = json_dumpb(whole, NULL, 0, JSON_COMPACT);
    size_t padded = (length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    writer->size = LENGTH_SIZE + padded;
    if (length == 0)
        status = fail_of_memory();
    else if (padded > HEADER_MOST)
        status = librnn_fail(RNN_ERROR_ARGUMENT, "the file's header would have %zu bytes; the maximum is %d", padded,
                             HEADER_MOST);
    if (status == RNN_OK)
        status = librnn_allocate("the header of a file", writer->size, 1, (void **)&writer->bytes);
    if (status == RNN_OK) {
        for (int i = 0; i < LENGTH_SIZE; i++)
            writer->bytes[i] = (char)(unsigned char)((uint64_t)padded >> 8 * i);
        memset(writer->bytes + LENGTH_SIZE, ' ', padded);
        if (json_dumpb(whole, writer->bytes + LENGTH_SIZE, length, JSON_COMPACT) != length)
            status = fail_of_memory();
    }
    json_decref(whole);
    *size = writer->size + writer->data_size;
    return status;
}

rnn_status librnn_safetensors_write_header(const safetensors_writer *writer, rnn_sink *sink)
{
    return librnn_sink_write(sink, writer->bytes, writer->size);
}
