/*
 * Damaged and hostile files: none may be taken for a model, crash the program, or make it ask for much memory. Also
 * what happens when memory runs out on the way.
 */
#include "small_models.h"

#include <jansson.h>

/* ---- The container ---- */

static void test_what_is_no_safetensors_file_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } files[] = {
        {"", 0, "0 bytes"},
        {"\2\0\0\0\0\0\0", 7, "7 bytes"},
        {"\0\0\0\0\0\0\0\0", 8, "isn't a JSON object"},
        {"\0\0\0\0\0\0\0\0{}", 10, "isn't a JSON object"},
        {"\2\0\0\0\0\0\0\0{", 9, "truncated"},
        {"\3\0\0\0\0\0\0\0{}", 10, "truncated"},
        {"\377\377\377\377\377\377\377\377{}", 10, "its header would have 18446744073709551615 bytes"},
        {"\0\0\0\0\0\0\0\200{}", 10, "9223372036854775808"},
        {"\1\341\365\5\0\0\0\0{}", 10, "100000001"},
        {"\0\341\365\5\0\0\0\0{}", 10, "its header should have 100000000 bytes; only 2 follow its length"},
        {"PK\3\4\0\0\0\0\1\0\0\0\0\0\0\0", 16, "truncated"}, /* torch.save() doesn't write this */
        {"PK\3\4\0\0\10\10\0\0\0\0\0\0\0\0", 16, "a ZIP archive such as torch.save() writes (.pt, .pth); save"},
        {"PK\3\4", 4, "a ZIP archive"},
        {"\200\2\212\nl\374\234F\371 j\250P\31.", 14, "a Python pickle such as old versions of torch.save() write"},
        {"\211HDF\r\n\32\n\0\0", 10, "an HDF5 file such as Keras writes"},
        {"\223NUMPY\1\0v\0{", 11, "a numpy array"},
        {"GGUF\3\0\0\0\1\0\0\0", 12, "a GGUF file"},
        {"\37\213\10\10\1\2\3\4\0", 9, "compressed with gzip; uncompress it first"},
        {"version https://git-lfs.github.com/spec/v1\n", 43, "a Git LFS pointer; fetch the file itself"},
        {"{\n  \"metadata\": {}}", 19, "a JSON text; if it is the index of a model in several parts, put"},
        {"{}", 2, "a JSON text"},
        {"<!DOCTYPE html>", 15, "an HTML or XML text"},
        {"{\1\0\0\0\0\0\0{}", 10, "truncated"},    /* a header of 379 bytes */
        {"\2\0\0\0\0\0\0\0{}", 10, "it has none"}, /* empty, and sound */
        {"\2\0\0\0\0\0\0\0{}\0", 11, "damaged: it has 1 byte after"},
        {"\2\0\0\0\0\0\0\0[]", 10, "isn't a JSON object"},
        {"\3\0\0\0\0\0\0\0 {}", 11, "isn't a JSON object"},
        {"\3\0\0\0\0\0\0\0{}\0", 11, "byte"},
        {"\3\0\0\0\0\0\0\0{}}", 11, "byte"},
        {"\4\0\0\0\0\0\0\0{}{}", 12, "byte"},
        {"\2\0\0\0\0\0\0\0{\0", 10, "byte"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        file_bytes file = {allocate((int64_t)files[i].size + 1, 1), files[i].size};
        memcpy(file.bytes, files[i].bytes, files[i].size);
        refuse_load(file, RNN_ERROR_FORMAT, files[i].part);
    }
}

/* Refuses the file of this header and `data` bytes of zeros. */
static void refuse_header(const char *header, size_t data, const char *part)
{
    static const char zeros[64];
    refuse_load(make_file(header, strlen(header), zeros, data), RNN_ERROR_FORMAT, part);
}

static void test_headers_of_the_wrong_types_are_refused(void **state)
{
    (void)state;
    static const char *const headers[][2] = {
        {"{\"__metadata__\":null}", "__metadata__ isn't a JSON object"},
        {"{\"__metadata__\":[]}", "__metadata__ isn't a JSON object"},
        {"{\"__metadata__\":{\"a\":1}}", "a in its __metadata__ is not a string"},
        {"{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", "a in its __metadata__ is not a string"},
        {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"b\"}}", "duplicate"},
        {"{\"__metadata__\":{\"a\":\"\\u0000\"}}", "\\u0000"},
        {"{\"__metadata__\":{\"a\\u0000\":\"b\"}}", ""},
        {"{\"__metadata__\":{\"a\":\"\xff\"}}", "unable to decode byte"},
        {"{\"\xc3\x28\":{}}", "unable to decode byte"},
        {"{\"__metadata__\":{},\"__metadata__\":{}}", "duplicate"},
        {"{\"x\":null}", "tensor x has an entry that isn't a JSON object"},
        {"{\"x\":[]}", "tensor x has an entry that isn't a JSON object"},
        {"{\"x\":{}}", "no \"dtype\""},
        {"{\"x\":{\"dtype\":5,\"shape\":[],\"data_offsets\":[0,4]}}", "no \"dtype\""},
        {"{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "no \"shape\""},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,4]}}", "no \"shape\""},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":{},\"data_offsets\":[0,4]}}", "no \"shape\""},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", "shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[\"1\"],\"data_offsets\":[0,4]}}", "shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[true],\"data_offsets\":[0,4]}}", "shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[[1]],\"data_offsets\":[0,4]}}", "shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", "shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[-1,-1],\"data_offsets\":[0,4]}}", "shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]}}", "shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,4]}}", "byte"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", "data_offsets"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,4]}}", "data_offsets"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":4}}", "data_offsets"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", "data_offsets"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}", "data_offsets"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[null,4]}}", "data_offsets"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"shape\":[1]}}", "duplicate"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"x\":{}}", "duplicate"},
    };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        refuse_header(headers[i][0], 4, headers[i][1]);
}

static void test_tensors_that_do_not_lie_one_behind_the_other_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data;
        const char *part;
    } files[] = {
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[-4,0]}}", 4, "out of order"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "out of order"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "truncated"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "damaged: it has 1 byte after"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "a gap before its bytes"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
         12, "tensor y has a gap before its bytes"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
         "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
         8, "tensor y has bytes that overlap another tensor's"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
         "\"y\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
         4, "has bytes that overlap another tensor's"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "don't match its shape"},
        {"{\"x\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "don't match its shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,4]}}", 4, "don't match its shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,8]}}", 8, "don't match its shape"},
        {"{\"x\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,0]}}", 0, "don't match its shape"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "8 dimensions"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0, "too large"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904],\"data_offsets\":[0,0]}}", 0, "too large"},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0, "too large"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,9223372036854775807]}}", 4, "truncated"},
        {"{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[9223372036854775803,9223372036854775807]}}", 4,
         "truncated"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        refuse_header(files[i].header, files[i].data, files[i].part);
}

static void test_sound_files_of_all_types_get_as_far_as_being_no_model(void **state)
{
    (void)state;
    refuse_header("{\"y\":{\"dtype\":\"I8\",\"shape\":[3],\"data_offsets\":[8,11]},"
                  "\"e\":{\"dtype\":\"F64\",\"shape\":[0,9223372036854775807,9],\"data_offsets\":[8,8]},"
                  "\"x\":{\"dtype\":\"C64\",\"shape\":[],\"data_offsets\":[0,8]},"
                  "\"f\":{\"dtype\":\"F4\",\"shape\":[2,3],\"data_offsets\":[11,14]},"
                  "\"z\":{\"dtype\":\"NEW\",\"shape\":[77],\"data_offsets\":[14,15]}}  ",
                  15, "no tensor rnn.weight_hh_l0; it has");
}

static void test_deep_nesting_is_refused(void **state)
{
    (void)state;
    for (size_t depth = 100; depth <= 1000000; depth *= 100) {
        for (int kind = 0; kind < 2; kind++) {
            size_t step = kind ? 5 : 1;
            char *header = allocate((int64_t)(depth * step) + 10, 1);
            memcpy(header, "{\"x\":", 5);
            for (size_t i = 0; i < depth; i++)
                memcpy(header + 5 + i * step, kind ? "{\"a\":" : "[", step);
            refuse_load(make_file(header, 5 + depth * step, NULL, 0), RNN_ERROR_FORMAT,
                        "brackets nested more than 8 deep");
            free(header);
        }
    }
}

/* The file of a header of `length` bytes: `begin` and then `piece` again and again. */
static file_bytes repeated(const char *begin, const char *piece, size_t length)
{
    char *header = allocate((int64_t)length + 1, 1);
    size_t at = strlen(begin), size = strlen(piece);
    memcpy(header, begin, at);
    for (size_t i = at; i < length; i++)
        header[i] = piece[(i - at) % size];
    file_bytes file = make_file(header, length, NULL, 0);
    free(header);
    return file;
}

static void test_a_header_of_brackets_or_commas_is_refused(void **state)
{
    (void)state;
    static const char *const pieces[] = {"{},", "[],", "[[],{}],", "1,", "\"\",", "1 , ", "{\"\":[]},"};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        refuse_load(repeated("{\"a\":[", pieces[i], 1000000), RNN_ERROR_FORMAT, "commas in 1000000 bytes");
    refuse_load(repeated("{\"a\\\"\":[", "{},", 1000000), RNN_ERROR_FORMAT, "brackets");
    refuse_load(repeated("{\"a\\\\\":[", "{},", 1000000), RNN_ERROR_FORMAT, "brackets");
    refuse_load(repeated("{\"a\":\"", "{[,", 1000000), RNN_ERROR_FORMAT, "at byte");
    refuse_load(repeated("{\"a\":\"\\\"", "{[,", 1000000), RNN_ERROR_FORMAT, "at byte");
}

static void test_a_header_of_the_shortest_tensors_or_texts_is_not_too_dense(void **state)
{
    (void)state;
    enum { ENTRIES = 20000, ENTRY_MOST = 80 };
    static const char *const entries[] = {
        "%s\"%x\":{\"dtype\":\"F4\",\"shape\":[],\"data_offsets\":[0,0]}",
        "%s\"%x\":{\"dtype\":\"F4\",\"shape\":[0,1,1,1,1,1,1,1],\"data_offsets\":[0,0]}",
        "%s\"%x\":\"\"",
    };
    static const char *const parts[] = {"data_offsets", "no tensor", "no tensor"};
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        bool texts = i == 2;
        char *header = allocate(ENTRIES * ENTRY_MOST, 1);
        size_t length = (size_t)snprintf(header, ENTRY_MOST, "%s", texts ? "{\"__metadata__\":{" : "{");
        for (unsigned n = 0; n < ENTRIES; n++)
            length += (size_t)snprintf(header + length, ENTRY_MOST, entries[i], n ? "," : "", n);
        length += (size_t)snprintf(header + length, ENTRY_MOST, "%s", texts ? "}}" : "}");
        refuse_load(make_file(header, length, NULL, 0), RNN_ERROR_FORMAT, parts[i]);
        free(header);
    }
}

static void test_tensors_in_any_order_and_at_any_address_load(void **state)
{
    (void)state;
    rnn_model *model = small_model();
    file_bytes file = saved(model, NULL);
    /* decoder.bias goes to the front of the header; an odd length of the header puts the numbers at odd addresses */
    char *header = header_of(&file);
    const char *bias = strstr(header, ",\"decoder.bias\"");
    assert_non_null(bias);
    for (int padding = 0; padding < 8; padding++) {
        char *moved = allocate((int64_t)strlen(header) + 16, 1);
        int entry = (int)(strrchr(bias, '}') - bias) - 1;
        snprintf(moved, strlen(header) + 16, "{%.*s,%.*s}%*s", entry, bias + 1, (int)(bias - header) - 1, header + 1,
                 padding, "");
        file_bytes changed =
            make_file(moved, strlen(moved), file.bytes + 8 + strlen(header), file.size - 8 - strlen(header));
        accept_load(changed, NULL, model);
        free(moved);
    }
    free(header);
    free(file.bytes);
    rnn_model_destroy(model);
}

/* ---- Every byte ---- */

static void test_a_file_cut_off_at_any_byte_is_refused(void **state)
{
    (void)state;
    file_bytes file = small_file(true);
    for (size_t size = 0; size < file.size; size++) {
        file_bytes cut = {allocate((int64_t)size + 1, 1), size};
        /* no more memory than that, so that a sanitizer sees a read beyond the end */
        unsigned char *exact = realloc(cut.bytes, size ? size : 1);
        assert_non_null(exact);
        cut.bytes = memcpy(exact, file.bytes, size);
        refuse_load(cut, RNN_ERROR_FORMAT, "file");
    }
    free(file.bytes);
}

static void test_a_changed_byte_of_the_header_never_crashes(void **state)
{
    (void)state;
    static const unsigned char bytes[] = {0,   1,   ' ', '"', ',',  ':', '0',  '9',
                                          '[', ']', '{', '}', '\\', 'a', 0x80, 0xff};
    int64_t loaded = 0, refused = 0;
    file_bytes file = small_file(true);
    for (size_t i = 0; i < 8 + header_length(&file); i++) {
        for (size_t k = 0; k < 8 + sizeof bytes; k++) {
            unsigned char before = file.bytes[i];
            file.bytes[i] = k < 8 ? (unsigned char)(before ^ 1u << k) : bytes[k - 8];
            rnn_model *model = NULL;
            rnn_vocab *vocab = NULL;
            rnn_status status = rnn_model_load_from_memory(file.bytes, file.size, NULL, &model, &vocab);
            if (status == RNN_OK) {
                loaded++;
                rnn_model_destroy(model);
                rnn_vocab_destroy(vocab);
            } else {
                refused++;
                assert_int_equal(status, RNN_ERROR_FORMAT);
                assert_null(model);
                assert_null(vocab);
            }
            file.bytes[i] = before;
        }
    }
    assert_true(refused > 5 * loaded && loaded > 0);
    free(file.bytes);
}

/* ---- Memory ---- */

/*
 * The bytes that jansson holds now, and the most that it has held. librnn first asks for a block as large as all of
 * them, to see whether they would fit; this block doesn't count.
 */
static struct {
    size_t first, now, most;
} jansson_memory;

/* The least that the C library needs for a block besides its bytes */
enum { JANSSON_OVERHEAD = 16 };

static void *measured_allocate(size_t size)
{
    size_t *block = malloc(JANSSON_OVERHEAD + size);
    assert_non_null(block);
    if (jansson_memory.first == 0)
        jansson_memory.first = size;
    /* librnn asks for it again before it reads a second time. */
    *block = size == jansson_memory.first ? 0 : JANSSON_OVERHEAD + size;
    jansson_memory.now += *block;
    jansson_memory.most = jansson_memory.now > jansson_memory.most ? jansson_memory.now : jansson_memory.most;
    return (char *)block + JANSSON_OVERHEAD;
}

static void measured_release(void *memory)
{
    if (memory == NULL)
        return;
    size_t *block = (size_t *)(void *)((char *)memory - JANSSON_OVERHEAD);
    jansson_memory.now -= *block;
    free(block);
}

static void test_no_header_takes_more_memory_than_was_made_sure_of(void **state)
{
    (void)state;
    static const char *const pieces[] = {"{}            , ",      "[]            , ", "1  , ", "\"\" , ", "1.5, ",
                                         "{} , 1   , 1   , 1   ,"};
    json_set_alloc_funcs(measured_allocate, measured_release);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        memset(&jansson_memory, 0, sizeof jansson_memory);
        refuse_load(repeated("{\"a\":[", pieces[i], 1 << 20), RNN_ERROR_FORMAT, "at byte");
        assert_true(jansson_memory.most > 1 << 20 && jansson_memory.most <= jansson_memory.first);
    }
    /* Texts with the shortest keys that are distinct */
    for (unsigned count = 1000; count < 300000; count *= 2) {
        char *header = allocate(count * 12 + 100, 1);
        size_t length = (size_t)sprintf(header, "{\"__metadata__\":{\"\":\"\"");
        for (unsigned n = 0; n < count; n++)
            length += (size_t)sprintf(header + length, ",\"%x\":\"\"", n);
        length += (size_t)sprintf(header + length, "}}");
        memset(&jansson_memory, 0, sizeof jansson_memory);
        refuse_load(make_file(header, length, NULL, 0), RNN_ERROR_FORMAT, "no tensor");
        assert_true(jansson_memory.most > length && jansson_memory.most <= jansson_memory.first);
        free(header);
    }
    json_set_alloc_funcs(malloc, free);
}

/* The largest block that the library has asked for; blocks of more than LARGE bytes are refused. */
enum { LARGE = 1 << 14 };
static size_t largest;

static void *allocate_small(void *context, size_t alignment, size_t size)
{
    (void)context;
    largest = size > largest ? size : largest;
    return size > LARGE ? NULL : allocate_aligned(alignment, size);
}

static void release_small(void *context, void *memory, size_t size)
{
    (void)context;
    (void)size;
    release_aligned(memory);
}

static void test_a_small_file_never_asks_for_much_memory(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"hidden_size\":\"2\"", "hidden_size\":\"16384\""},
        {"input_size\":\"3\"", "input_size\":\"16777216\""},
        {"output_size\":\"3\"", "output_size\":\"16777216\""},
        {"layers\":\"1\"", "layers\":\"1024\""},
        {"layers\":\"1\"", "layers\":\"1000000000000\""},
        {"embedding_size\":\"0\"", "embedding_size\":\"1048576\""},
    };
    static const rnn_allocator small = {.allocate = allocate_small, .release = release_small};
    file_bytes file = small_file(true);
    assert_ok(rnn_set_allocator(&small));
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        file_bytes changed = edited(&file, changes[i][0], changes[i][1]);
        assert_load_fails(&changed, NULL, RNN_ERROR_FORMAT, "");
        assert_true(largest <= LARGE);
        free(changed.bytes);
    }
    assert_ok(rnn_set_allocator(NULL)); /* it would fail if anything were left */
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_no_safetensors_file_is_refused),
        cmocka_unit_test(test_headers_of_the_wrong_types_are_refused),
        cmocka_unit_test(test_tensors_that_do_not_lie_one_behind_the_other_are_refused),
        cmocka_unit_test(test_sound_files_of_all_types_get_as_far_as_being_no_model),
        cmocka_unit_test(test_deep_nesting_is_refused),
        cmocka_unit_test(test_a_header_of_brackets_or_commas_is_refused),
        cmocka_unit_test(test_a_header_of_the_shortest_tensors_or_texts_is_not_too_dense),
        cmocka_unit_test(test_tensors_in_any_order_and_at_any_address_load),
        cmocka_unit_test(test_a_file_cut_off_at_any_byte_is_refused),
        cmocka_unit_test(test_a_changed_byte_of_the_header_never_crashes),
        cmocka_unit_test(test_no_header_takes_more_memory_than_was_made_sure_of),
        cmocka_unit_test(test_a_small_file_never_asks_for_much_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
