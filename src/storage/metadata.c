/*
 * metadata.c: reads and writes model options, vocabularies and notes as texts of a file's metadata.
 */
#include "storage/metadata.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/system.h"
#include "text/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The format number of the texts. A reader that doesn't know the number must not read them. */
enum { FORMAT = 1 };

static const char format_key[] = OWN_PREFIX "format";

enum {
    TEXT_SHOWN = 60, /* maximum number of bytes of a text in an error message */
    NUMBER_MOST = 32,
};

/* ---- Structs as texts -------------------------------------------------------------------------------------------- */

#define OPTION(field) OWN_PREFIX #field, offsetof(rnn_model_options, field)

/* All fields of rnn_model_options except precision, which the tensors' types show. */
/* clang-format off */
static const text_field options_of_a_model[] = {
    {OPTION(cell),           TEXT_CELL,   TEXT_NEEDED,  {NULL}},
    {OPTION(input),          TEXT_WORD,   TEXT_NEEDED,  {"ids", "embedding", "vectors"}},
    {OPTION(input_size),     TEXT_COUNT,  TEXT_NEEDED,  {NULL}},
    {OPTION(embedding_size), TEXT_COUNT,  TEXT_NEEDED,  {NULL}},
    {OPTION(hidden_size),    TEXT_COUNT,  TEXT_NEEDED,  {NULL}},
    {OPTION(layers),         TEXT_COUNT,  TEXT_NEEDED,  {NULL}},
    {OPTION(output_size),    TEXT_COUNT,  TEXT_NEEDED,  {NULL}},
    {OPTION(bias),           TEXT_WORD,   TEXT_NEEDED,  {"input", "both"}},
    {OPTION(tied),           TEXT_FLAG,   TEXT_NEEDED,  {NULL}},
    {OPTION(loss),           TEXT_WORD,   TEXT_NEEDED,  {"cross_entropy", "squared_error"}},
    {OPTION(reduction),      TEXT_WORD,   TEXT_OPTIONAL, {"sum", "mean"}},
    {OPTION(dropout),        TEXT_NUMBER, TEXT_OPTIONAL, {NULL}},
    {OPTION(initialization), TEXT_WORD,   TEXT_OPTIONAL, {"normal", "uniform"}},
    {OPTION(orthogonal),     TEXT_FLAG,   TEXT_OPTIONAL, {NULL}},
    {OPTION(weight_scale),   TEXT_NUMBER, TEXT_OPTIONAL, {NULL}},
    {OPTION(forget_bias),    TEXT_NUMBER, TEXT_OPTIONAL, {NULL}},
    {OPTION(seed),           TEXT_SEED,   TEXT_OPTIONAL, {NULL}},
    {OPTION(dropout_input),     TEXT_NUMBER, TEXT_ADDED, {NULL}},
    {OPTION(dropout_output),    TEXT_NUMBER, TEXT_ADDED, {NULL}},
    {OPTION(dropout_recurrent), TEXT_NUMBER, TEXT_ADDED, {NULL}},
    {OPTION(dropout_per_chunk), TEXT_FLAG,   TEXT_ADDED, {NULL}},
    {OPTION(bidirectional),     TEXT_FLAG,   TEXT_NEEDED_ADDED, {NULL}},
    {OPTION(learned_state),     TEXT_FLAG,   TEXT_NEEDED_ADDED, {NULL}},
    {OPTION(layer_norm),        TEXT_FLAG,   TEXT_NEEDED_ADDED, {NULL}},
};
/* clang-format on */

enum { OPTIONS = sizeof options_of_a_model / sizeof *options_of_a_model };

/* Whether a field determines what the network computes. */
static bool is_needed(const text_field *o)
{
    return o->use == TEXT_NEEDED || o->use == TEXT_NEEDED_ADDED;
}

/* Whether a field is written only if it differs from the default. */
static bool is_added(const text_field *o)
{
    return o->use == TEXT_ADDED || o->use == TEXT_NEEDED_ADDED;
}

static const void *place_of(const text_field *o, const void *record)
{
    return (const char *)record + o->offset;
}

/* The word for a number in a file; NULL if there is none. For TEXT_CELL any core's table gives the name. */
static const char *word_of(const text_field *o, int32_t number)
{
    if (o->kind == TEXT_CELL) {
        const core_cell_info *cell = librnn_core_f32_baseline.cell(number);
        return cell ? cell->name : NULL;
    }
    return number >= 0 && (size_t)number < sizeof o->words / sizeof *o->words ? o->words[number] : NULL;
}

static bool is_word(const text_field *o)
{
    return o->kind == TEXT_CELL || o->kind == TEXT_WORD;
}

/* Prints a field. The caller has set the C locale, so that numbers have a decimal point. */
static void print_field(const text_field *o, const void *record, char text[NUMBER_MOST])
{
    const void *field = place_of(o, record);
    const char *word = is_word(o) ? word_of(o, *(const int32_t *)field) : NULL;
    if (word)
        snprintf(text, NUMBER_MOST, "%s", word);
    else if (o->kind == TEXT_FLAG)
        snprintf(text, NUMBER_MOST, "%d", *(const int32_t *)field != 0);
    else if (o->kind == TEXT_COUNT)
        snprintf(text, NUMBER_MOST, "%" PRId64, *(const int64_t *)field);
    else if (o->kind == TEXT_SEED)
        snprintf(text, NUMBER_MOST, "%" PRIu64, *(const uint64_t *)field);
    else
        snprintf(text, NUMBER_MOST, "%.17g", *(const double *)field);
}

/* Reads decimal digits. Returns false if there is anything else, or if the value exceeds `most`. */
static bool scan_digits(const char *text, uint64_t most, uint64_t *value)
{
    uint64_t read = 0;
    if (*text == '\0')
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(read, 10, &read) ||
            __builtin_add_overflow(read, (uint64_t)(*text - '0'), &read))
            return false;
    }
    *value = read;
    return read <= most;
}

static bool scan_field(const text_field *o, const char *text, void *record)
{
    void *field = (char *)record + o->offset;
    uint64_t whole = 0;
    if (is_word(o)) {
        const char *word;
        for (int32_t i = 0; (word = word_of(o, i)); i++)
            if (strcmp(word, text) == 0) {
                *(int32_t *)field = i;
                return true;
            }
        return false;
    }
    if (o->kind == TEXT_NUMBER) {
        char *end;
        *(double *)field = strtod(text, &end);
        return *text && *end == '\0' && text[strspn(text, "0123456789+-.eE")] == '\0';
    }
    if (!scan_digits(text, o->kind == TEXT_FLAG ? 1 : o->kind == TEXT_COUNT ? INT64_MAX : UINT64_MAX, &whole))
        return false;
    if (o->kind == TEXT_FLAG)
        *(int32_t *)field = (int32_t)whole;
    else
        memcpy(field, &whole, sizeof whole); /* int64_t and uint64_t have the same size */
    return true;
}

/*
 * The thread's settings for reading and writing the numbers of a file. Numbers have a decimal point, as in the C
 * locale, and are rounded to nearest. leave_number_style() restores the caller's settings.
 */
typedef struct number_style {
    system_locale locale;
    float_exact_mode mode;
} number_style;

static rnn_status enter_number_style(number_style *style)
{
    if (!librnn_system_enter_c_locale(&style->locale))
        return librnn_fail(RNN_ERROR_MEMORY, "out of memory for a locale");
    style->mode = rnn_float_enter_exact();
    return RNN_OK;
}

static void leave_number_style(const number_style *style)
{
    rnn_float_leave_exact(&style->mode);
    librnn_system_leave_c_locale(&style->locale);
}

rnn_status librnn_text_add_fields(safetensors_writer *writer, const text_field *fields, size_t count,
                                  const void *record)
{
    number_style style;
    rnn_status status = enter_number_style(&style);
    if (status != RNN_OK)
        return status;
    for (size_t i = 0; i < count && status == RNN_OK; i++) {
        char text[NUMBER_MOST];
        print_field(&fields[i], record, text);
        if (!is_added(&fields[i]) || strcmp(text, fields[i].words[0] ? fields[i].words[0] : "0") != 0)
            status = librnn_safetensors_add_text(writer, fields[i].key, text);
    }
    leave_number_style(&style);
    return status;
}

static rnn_status read_field(const safetensors_reader *reader, const text_field *o, void *record)
{
    const char *text = librnn_safetensors_text(reader, o->key);
    if (!text && o->use != TEXT_NEEDED)
        return RNN_OK;
    if (!text)
        return librnn_fail(RNN_ERROR_FORMAT, "the file has no %s", o->key);
    if (!scan_field(o, text, record))
        return librnn_fail(RNN_ERROR_FORMAT, "%s is \"%.*s\", which version %s of the library doesn't know", o->key,
                           TEXT_SHOWN, text, rnn_version());
    return RNN_OK;
}

rnn_status librnn_text_read_fields(const safetensors_reader *reader, const text_field *fields, size_t count,
                                   void *record)
{
    number_style style;
    rnn_status status = enter_number_style(&style);
    if (status != RNN_OK)
        return status;
    for (size_t i = 0; i < count && status == RNN_OK; i++)
        status = read_field(reader, &fields[i], record);
    leave_number_style(&style);
    return status;
}

rnn_status librnn_text_add_ids(safetensors_writer *writer, const char *key, const int32_t *ids, int64_t count)
{
    enum { DIGITS_MOST = 12 };
    char *list;
    size_t size = (size_t)count * DIGITS_MOST, used = 0;
    if (count == 0)
        return RNN_OK;
    RNN_TRY(librnn_allocate("a list of ids", size, 1, (void **)&list));
    for (int64_t i = 0; i < count; i++)
        used += (size_t)snprintf(list + used, size - used, "%s%" PRId32, i > 0 ? "," : "", ids[i]);
    rnn_status status = librnn_safetensors_add_text(writer, key, list);
    librnn_release(list);
    return status;
}

/* Reads one id of a list and moves to the next one, or to NULL at the end. Returns false if there is no valid id. */
static bool scan_id(const char **at, int32_t *id)
{
    int64_t value = 0;
    const char *digit = *at;
    for (; *digit >= '0' && *digit <= '9' && value <= INT32_MAX; digit++)
        value = 10 * value + (*digit - '0');
    bool good = digit > *at && value <= INT32_MAX && (*digit == ',' || *digit == '\0');
    *id = good ? (int32_t)value : 0;
    *at = *digit == ',' ? digit + 1 : NULL;
    return good;
}

rnn_status librnn_text_read_ids(const safetensors_reader *reader, const char *key, int32_t **ids, int64_t *count)
{
    const char *text = librnn_safetensors_text(reader, key);
    *ids = NULL;
    *count = 0;
    if (!text)
        return RNN_OK;
    RNN_TRY(librnn_allocate("a list of ids", strlen(text) / 2 + 1, sizeof **ids, (void **)ids));
    for (const char *at = text; at;)
        if (!scan_id(&at, &(*ids)[(*count)++])) {
            librnn_release(*ids);
            *ids = NULL;
            return librnn_fail(RNN_ERROR_FORMAT, "%s is \"%.*s\"; it must be ids separated by commas", key, TEXT_SHOWN,
                               text);
        }
    return RNN_OK;
}

rnn_status librnn_text_add_options(safetensors_writer *writer, const rnn_model_options *options)
{
    return librnn_text_add_fields(writer, options_of_a_model, OPTIONS, options);
}

rnn_status librnn_text_read_options(const safetensors_reader *reader, rnn_model_options *options)
{
    RNN_TRY(rnn_model_options_init(options, sizeof *options));
    return librnn_text_read_fields(reader, options_of_a_model, OPTIONS, options);
}

void librnn_text_copy_needed(const rnn_model_options *from, rnn_model_options *to)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const text_field *o = &options_of_a_model[i];
        size_t size = o->kind == TEXT_COUNT ? sizeof(int64_t) : sizeof(int32_t);
        if (is_needed(o))
            memcpy((char *)to + o->offset, place_of(o, from), size);
    }
}

static const char *const name_keys[MODULES] = {OWN_PREFIX "rnn_name", OWN_PREFIX "decoder_name",
                                               OWN_PREFIX "embedding_name"};

rnn_status librnn_text_add_names(safetensors_writer *writer, const module_names *names)
{
    for (int m = 0; m < MODULES; m++)
        if (strcmp(names->of[m], librnn_standard_names.of[m]) != 0)
            RNN_TRY(librnn_safetensors_add_text(writer, name_keys[m], names->of[m]));
    return RNN_OK;
}

rnn_status librnn_text_read_names(const safetensors_reader *reader, module_names *names)
{
    module_names read;
    for (int m = 0; m < MODULES; m++) {
        read.of[m] = librnn_safetensors_text(reader, name_keys[m]);
        if (read.of[m] && strlen(read.of[m]) > MODULE_NAME_MOST)
            return librnn_fail(RNN_ERROR_FORMAT, "%s has %zu bytes; it must have 0 to %d", name_keys[m],
                               strlen(read.of[m]), MODULE_NAME_MOST);
    }
    *names = librnn_names_or_standard(&read);
    return RNN_OK;
}

rnn_status librnn_text_add_format(safetensors_writer *writer)
{
    RNN_TRY(librnn_safetensors_add_text(writer, "format", "pt")); /* identifies PyTorch tensors for loaders in Python */
    RNN_TRY(librnn_text_add_number(writer, format_key, FORMAT));
    return librnn_safetensors_add_text(writer, OWN_PREFIX "version", rnn_version());
}

rnn_status librnn_text_read_format(const safetensors_reader *reader, bool *own)
{
    return librnn_text_check_number(reader, format_key, FORMAT, own);
}

rnn_status librnn_text_add_number(safetensors_writer *writer, const char *key, uint64_t number)
{
    char text[NUMBER_MOST];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return librnn_safetensors_add_text(writer, key, text);
}

rnn_status librnn_text_check_number(const safetensors_reader *reader, const char *key, uint64_t newest, bool *there)
{
    const char *text = librnn_safetensors_text(reader, key);
    uint64_t number;
    *there = text;
    if (!text)
        return RNN_OK;
    if (!scan_digits(text, UINT64_MAX, &number) || number == 0)
        return librnn_fail(RNN_ERROR_FORMAT, "%s is \"%.*s\"; it must be a whole number of at least 1", key, TEXT_SHOWN,
                           text);
    if (number > newest)
        return librnn_fail(RNN_ERROR_FORMAT,
                           "%s is %" PRIu64 ", from a later version of the library; version %s reads up to %" PRIu64,
                           key, number, rnn_version(), newest);
    return RNN_OK;
}

/*
 * Writes an option's value for an error message: the enumerator's name if there is one, otherwise the text as in a
 * file.
 */
static void name_option(const text_field *o, const rnn_model_options *options, char text[NUMBER_MOST])
{
    static const struct {
        size_t offset;
        const enumerator *table;
    } named[] = {
        {offsetof(rnn_model_options, cell), librnn_cells},
        {offsetof(rnn_model_options, input), librnn_inputs},
        {offsetof(rnn_model_options, loss), librnn_losses},
        {offsetof(rnn_model_options, bias), librnn_biases},
    };
    const enumerator *table = NULL;
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (o->offset == named[i].offset)
            table = named[i].table;
    const char *name = table ? librnn_name_of(table, *(const int32_t *)place_of(o, options)) : NULL;
    if (name)
        snprintf(text, NUMBER_MOST, "%s", name);
    else if (table)
        snprintf(text, NUMBER_MOST, "%" PRId32, *(const int32_t *)place_of(o, options));
    else
        print_field(o, options, text);
}

rnn_status librnn_text_check_agreement(const rnn_model_options *given, const rnn_model_options *file)
{
    for (size_t i = 0; i < OPTIONS; i++) {
        const text_field *o = &options_of_a_model[i];
        char one[NUMBER_MOST], other[NUMBER_MOST];
        if (!is_needed(o))
            continue;
        name_option(o, given, one);
        name_option(o, file, other);
        if (strcmp(one, other) != 0)
            return librnn_fail(RNN_ERROR_MISMATCH, "configuration->%s is %s; in the file it is %s",
                               o->key + strlen(OWN_PREFIX), one, other);
    }
    return RNN_OK;
}

/* ---- Vocabularies ------------------------------------------------------------------------------------------------ */

static const char kind_key[] = OWN_PREFIX "vocab.kind", symbols_key[] = OWN_PREFIX "vocab.symbols";
static const char unknown_key[] = OWN_PREFIX "vocab.unknown";

static const char *const vocab_kinds[] = {"bytes", "utf8", "words"}; /* by RNN_VOCAB_ number */

enum { VOCAB_KINDS = sizeof vocab_kinds / sizeof *vocab_kinds };

rnn_status librnn_text_check_vocab(const rnn_model_options *o, const rnn_vocab *vocab, rnn_status otherwise)
{
    bool of_inputs = o->input != RNN_INPUT_VECTORS;
    int64_t symbols = of_inputs ? o->input_size : o->output_size, size = rnn_vocab_size(vocab);
    if (!of_inputs && o->loss != RNN_LOSS_CROSS_ENTROPY)
        return librnn_fail(otherwise, "there is a vocabulary, but the model has no symbols");
    if (size != symbols)
        return librnn_fail(otherwise, "the vocabulary has %" PRId64 " symbol%s; the model has %" PRId64, size,
                           rnn_plural((uint64_t)size), symbols);
    return RNN_OK;
}

/* Writes bytes in hexadecimal. `text` must hold 2 * size + 1 bytes. */
static void print_bytes(const char *bytes, size_t size, char *text)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        text[2 * i] = digits[(unsigned char)bytes[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)bytes[i] & 15];
    }
    text[2 * size] = '\0';
}

/*
 * A symbol in the form that rnn_vocab_create_from_list() takes: its bytes, and *line if a newline must follow (words).
 */
static rnn_status listed(const rnn_vocab *vocab, int32_t id, const char **symbol, size_t *size, bool *line)
{
    RNN_TRY(rnn_vocab_symbol(vocab, id, symbol, size));
    *line = rnn_vocab_kind(vocab) == RNN_VOCAB_WORDS && id != rnn_vocab_unknown(vocab);
    if (*line && rnn_is_line_end(*symbol, *size))
        *size = 0; /* an empty line */
    return RNN_OK;
}

/* Writes the symbols with ids first ... end - 1 in hexadecimal. The caller must release the text. */
static rnn_status print_symbols(const rnn_vocab *vocab, int32_t first, int32_t end, char **text)
{
    size_t total = 0, size, at = 0;
    const char *symbol;
    bool line;
    for (int32_t id = first; id < end; id++) {
        RNN_TRY(listed(vocab, id, &symbol, &size, &line));
        total += size + line;
    }
    RNN_TRY(librnn_allocate("a vocabulary as text", 2 * total + 1, 1, (void **)text));
    for (int32_t id = first; id < end; id++) {
        RNN_TRY(listed(vocab, id, &symbol, &size, &line));
        print_bytes(symbol, size, *text + at);
        print_bytes("\n", line, *text + at + 2 * size);
        at += 2 * (size + line);
    }
    return RNN_OK;
}

static rnn_status add_symbols(safetensors_writer *writer, const char *key, const rnn_vocab *vocab, int32_t first,
                              int32_t end)
{
    char *symbols;
    RNN_TRY(print_symbols(vocab, first, end, &symbols));
    rnn_status status = librnn_safetensors_add_text(writer, key, symbols);
    librnn_release(symbols);
    return status;
}

rnn_status librnn_text_add_vocab(safetensors_writer *writer, const rnn_vocab *vocab)
{
    int32_t size = (int32_t)rnn_vocab_size(vocab), unknown = rnn_vocab_unknown(vocab);
    RNN_TRY(librnn_safetensors_add_text(writer, kind_key, vocab_kinds[rnn_vocab_kind(vocab)]));
    RNN_TRY(add_symbols(writer, symbols_key, vocab, 0, unknown < 0 ? size : unknown));
    return unknown < 0 ? RNN_OK : add_symbols(writer, unknown_key, vocab, unknown, size);
}

static int digit_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads bytes from hexadecimal text. The caller must release them. */
static rnn_status scan_bytes(const char *key, const char *text, char **bytes, size_t *size)
{
    *size = strlen(text) / 2;
    if (*size == 0 || strspn(text, "0123456789abcdef") != 2 * *size)
        return librnn_fail(RNN_ERROR_FORMAT, "%s must be pairs of the digits 0 to 9 and a to f", key);
    RNN_TRY(librnn_allocate("a vocabulary's symbols", *size, 1, (void **)bytes));
    for (size_t i = 0; i < *size; i++)
        (*bytes)[i] = (char)((unsigned)digit_of(text[2 * i]) << 4 | (unsigned)digit_of(text[2 * i + 1]));
    return RNN_OK;
}

/* Turns a vocabulary's error about the bytes in a file into an error about the file. */
static rnn_status blame_file(const char *key, rnn_status status)
{
    if (status == RNN_ERROR_ARGUMENT || status == RNN_ERROR_SYMBOL)
        return librnn_fail(RNN_ERROR_FORMAT, "%s is invalid: %s", key, rnn_last_error());
    return status;
}

static rnn_status read_symbols(int32_t kind, const char *text, rnn_vocab **vocab)
{
    char *symbols;
    size_t size;
    RNN_TRY(scan_bytes(symbols_key, text, &symbols, &size));
    rnn_status status = rnn_vocab_create_from_list(kind, symbols, size, vocab);
    librnn_release(symbols);
    return blame_file(symbols_key, status);
}

/* Replaces a vocabulary with one that also has the unknown symbol. */
static rnn_status read_unknown(const char *text, rnn_vocab **vocab)
{
    char *shown;
    size_t size;
    rnn_vocab *known = *vocab;
    RNN_TRY(scan_bytes(unknown_key, text, &shown, &size));
    rnn_status status = rnn_vocab_create_with_unknown(known, shown, size, vocab);
    librnn_release(shown);
    if (status == RNN_OK)
        rnn_vocab_destroy(known);
    return blame_file(unknown_key, status);
}

rnn_status librnn_text_read_vocab(const safetensors_reader *reader, const rnn_model_options *options, rnn_vocab **vocab)
{
    const char *kind = librnn_safetensors_text(reader, kind_key), *text = librnn_safetensors_text(reader, symbols_key);
    const char *unknown = librnn_safetensors_text(reader, unknown_key);
    int32_t number = 0;
    rnn_vocab *read = NULL;
    *vocab = NULL;
    if (!kind && !text)
        return RNN_OK;
    if (!kind || !text)
        return librnn_fail(RNN_ERROR_FORMAT, "the file has only one of %s and %s; it must have both or neither",
                           kind_key, symbols_key);
    while (number < VOCAB_KINDS && strcmp(vocab_kinds[number], kind) != 0)
        number++;
    if (number == VOCAB_KINDS)
        return librnn_fail(RNN_ERROR_FORMAT, "%s is \"%.*s\", which version %s of the library doesn't know", kind_key,
                           TEXT_SHOWN, kind, rnn_version());
    rnn_status status = read_symbols(number, text, &read);
    if (status == RNN_OK && unknown)
        status = read_unknown(unknown, &read);
    if (status == RNN_OK && options)
        status = librnn_text_check_vocab(options, read, RNN_ERROR_FORMAT);
    if (status == RNN_OK)
        *vocab = read;
    else
        rnn_vocab_destroy(read);
    return status;
}

/* ---- Notes ------------------------------------------------------------------------------------------------------- */

static const char note_prefix[] = OWN_PREFIX "note.";

rnn_status librnn_text_add_notes(safetensors_writer *writer, const note_list *list)
{
    char key[sizeof note_prefix + NOTE_KEY_MOST];
    for (int64_t i = 0; i < list->count; i++) {
        snprintf(key, sizeof key, "%s%s", note_prefix, list->notes[i].key);
        RNN_TRY(librnn_safetensors_add_text(writer, key, list->notes[i].value));
    }
    return RNN_OK;
}

rnn_status librnn_text_read_notes(const safetensors_reader *reader, note_list *list)
{
    size_t length = sizeof note_prefix - 1;
    for (safetensors_text t = {0}; librnn_safetensors_next_text(reader, &t);) {
        if (strncmp(t.key, note_prefix, length) != 0)
            continue;
        rnn_status status = librnn_notes_set(list, t.key + length, t.text);
        if (status == RNN_ERROR_ARGUMENT)
            return librnn_fail(RNN_ERROR_FORMAT, "the file has an invalid note: %s", rnn_last_error());
        RNN_TRY(status);
    }
    return RNN_OK;
}
