/* fuzz.c: see fuzz.h. */
#include "fuzz.h"

#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void fuzz_abort(const char *what, const char *file, int line)
{
    fprintf(stderr, "%s:%d: %s does not hold; the last error: %s\n", file, line, what, rnn_last_error());
    abort();
}

/* ---- Memory ------------------------------------------------------------------------------------------------------ */

enum {
    LARGE =
        1 << 16, /* blocks of this size or more are reused: mapping and clearing their pages each time would dominate */
    CLASSES = 27,
    KEPT_MOST = 8, /* in each class */
};

static size_t bytes_out, blocks_out;
static void *kept[CLASSES][KEPT_MOST];
static int kept_count[CLASSES];

/* Blocks of a class have room for 2^class bytes. */
static int class_of(size_t size)
{
    int class = 16;
    while (size > (size_t)1 << class)
        class ++;
    return class;
}

/* Poisons the unused part of a large block for the address sanitizer, which does so itself for small blocks. */
static void *allocate_large(size_t alignment, size_t size)
{
    int class = class_of(size);
    void *memory;
    if (kept_count[class] > 0)
        memory = kept[class][--kept_count[class]];
    else
        CHECK(posix_memalign(&memory, alignment, (size_t)1 << class) == 0);
    ASAN_POISON_MEMORY_REGION(memory, (size_t)1 << class);
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    return memory;
}

static void release_large(void *memory, size_t size)
{
    int class = class_of(size);
    ASAN_POISON_MEMORY_REGION(memory, (size_t)1 << class);
    if (kept_count[class] < KEPT_MOST) {
        kept[class][kept_count[class]++] = memory;
        return;
    }
    ASAN_UNPOISON_MEMORY_REGION(memory, (size_t)1 << class);
    free(memory);
}

static void *allocate(void *context, size_t alignment, size_t size)
{
    (void)context;
    CHECK(size > 0 && size <= FUZZ_MEMORY_MOST - bytes_out);
    void *memory = NULL;
    if (size >= LARGE)
        memory = allocate_large(alignment, size);
    else
        CHECK(posix_memalign(&memory, alignment, size) == 0);
    memset(memory, 0xa5, size < 1024 ? size : 1024);
    bytes_out += size;
    blocks_out++;
    return memory;
}

static void release(void *context, void *memory, size_t size)
{
    (void)context;
    CHECK(memory && size <= bytes_out && blocks_out > 0);
    bytes_out -= size;
    blocks_out--;
    if (size >= LARGE)
        release_large(memory, size);
    else
        free(memory);
}

void fuzz_limit_memory(void)
{
    CHECK_OK(rnn_set_allocator(&(rnn_allocator){allocate, release, NULL}));
}

void fuzz_check_memory(size_t blocks)
{
    CHECK(blocks_out == blocks);
}

size_t fuzz_blocks_out(void)
{
    return blocks_out;
}

/* A short quarantine is enough: inputs are small, and a use after free would come soon. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "quarantine_size_mb=4:malloc_context_size=8";
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

/* The length of the UTF-8 sequence at `text`, which ends with a NUL; 0 if there is none. */
static size_t sequence(const unsigned char *text)
{
    size_t length = *text < 0x80 ? 1 : *text < 0xc2 ? 0 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : *text < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

void fuzz_check_failure(rnn_status status)
{
    const unsigned char *text = (const unsigned char *)rnn_last_error();
    CHECK(status > RNN_OK && status <= RNN_ERROR_FORMAT);
    CHECK(*text != '\0');
    for (size_t length; *text; text += length) {
        CHECK(*text >= ' ' && *text != 127);
        CHECK(!(text[0] == 0xc2 && text[1] < 0xa0)); /* a C1 control character */
        length = sequence(text);
        CHECK(length > 0);
    }
}

bool fuzz_worked(rnn_status status)
{
    if (status != RNN_OK)
        fuzz_check_failure(status);
    return status == RNN_OK;
}

/* ---- Inputs ------------------------------------------------------------------------------------------------------ */

uint32_t fuzz_number(fuzz_input *input, int bytes)
{
    uint32_t number = 0;
    for (int i = 0; i < bytes && input->size > 0; i++, input->bytes++, input->size--)
        number |= (uint32_t)*input->bytes << (8 * i);
    return number;
}

uint8_t fuzz_byte(fuzz_input *input)
{
    return (uint8_t)fuzz_number(input, 1);
}

fuzz_input fuzz_take(fuzz_input *input, size_t most)
{
    fuzz_input taken = {input->bytes, input->size < most ? input->size : most};
    input->bytes += taken.size;
    input->size -= taken.size;
    return taken;
}

uint8_t *fuzz_copy(fuzz_input input)
{
    uint8_t *copy = malloc(input.size > 0 ? input.size : 1);
    CHECK(copy);
    memcpy(copy, input.bytes, input.size);
    return copy;
}

fuzz_file fuzz_make_file(fuzz_input input, bool raw)
{
    if (raw)
        return (fuzz_file){fuzz_copy(input), input.size};
    size_t data_size = fuzz_number(&input, 2) % 4096;
    const uint8_t *end = input.size > 0 ? memchr(input.bytes, '\0', input.size) : NULL;
    fuzz_input header = fuzz_take(&input, end ? (size_t)(end - input.bytes) : input.size);
    fuzz_take(&input, 1);
    fuzz_file file = {.size = 8 + header.size + data_size};
    file.bytes = malloc(file.size);
    CHECK(file.bytes);
    for (int i = 0; i < 8; i++)
        file.bytes[i] = (uint8_t)((uint64_t)header.size >> (8 * i));
    memcpy(file.bytes + 8, header.bytes, header.size);
    uint8_t *tensors = file.bytes + 8 + header.size;
    for (size_t i = 0; i < data_size; i++)
        tensors[i] = input.size > 0 ? input.bytes[i % input.size] : 0;
    return file;
}

/* ---- Models ------------------------------------------------------------------------------------------------------ */

void fuzz_run_forward(const rnn_model *model)
{
    rnn_model_options options;
    rnn_chunk chunk;
    rnn_state *state;
    rnn_loss loss;
    const int32_t id = 0;
    CHECK_OK(rnn_model_options_init(&options, sizeof options));
    CHECK_OK(rnn_model_get_options(model, &options));
    CHECK_OK(rnn_chunk_init(&chunk, sizeof chunk));
    CHECK_OK(rnn_state_create(model, 1, &state));
    void *zeros = calloc((size_t)(options.input_size + options.output_size), sizeof(double));
    CHECK(zeros);
    chunk.steps = chunk.streams = 1;
    if (options.input == RNN_INPUT_VECTORS)
        chunk.input_vectors = zeros;
    else
        chunk.inputs = &id;
    if (options.loss == RNN_LOSS_SQUARED_ERROR)
        chunk.target_vectors = zeros;
    else
        chunk.targets = &id;
    rnn_status status = rnn_forward(model, state, &chunk, NULL, 0, &loss);
    CHECK(status == RNN_OK || status == RNN_ERROR_NONFINITE);
    fuzz_worked(status);
    free(zeros);
    rnn_state_destroy(state);
}
