/*
 * Structs and their sizes. What every function that reads or writes a struct takes, one row a function: the size in the
 * first release, and that of a later version, as far as this version knows it.
 */
#include "one_of_each.h"

#include <stdbool.h>

/* A function that takes a struct. */
typedef struct use {
    const char *name;  /* of the struct, in sentences */
    size_t first, now; /* its size in the first release, and here */
    const void *valid; /* what a call that works takes; NULL of a function that only fills it */
    rnn_status (*call)(void *given);
    bool writes; /* what lies beyond `now` is zeroed; otherwise it must be zeros */
} use;

/* What the calls write, which nobody reads */
static float numbers[2 * SYMBOLS];
static int32_t drawn[4];

static rnn_status create_model_with(void *given)
{
    rnn_model *model = NULL;
    rnn_status status = rnn_model_create(given, &model);
    rnn_model_destroy(model);
    return status;
}

static rnn_status get_options(void *given)
{
    return rnn_model_get_options(valid.model, given);
}

static rnn_status describe(void *given)
{
    return rnn_model_describe_parameter(valid.model, 0, given);
}

static rnn_status run_forward(void *given)
{
    return rnn_forward(valid.model, valid.state, given, NULL, 0, NULL);
}

static rnn_status run_forward_backward(void *given)
{
    return rnn_forward_backward(valid.model, valid.state, given, NULL);
}

static rnn_status run_forward_training(void *given)
{
    return rnn_forward_training(valid.model, valid.state, given, numbers, 2 * SYMBOLS);
}

static rnn_status run_loss_gradient(void *given)
{
    return rnn_loss_gradient(valid.model, given, zeros, 2 * SYMBOLS, numbers, NULL);
}

static rnn_status run_backward(void *given)
{
    rnn_status status = rnn_backward(valid.model, valid.state, given);
    if (status == RNN_OK) /* a chunk goes back once */
        status = rnn_forward_training(valid.model, valid.state, &valid.chunk, numbers, 2 * SYMBOLS);
    return status;
}

static rnn_status create_optimizer_with(void *given)
{
    rnn_optimizer *optimizer = NULL;
    rnn_status status = rnn_optimizer_create(valid.model, given, &optimizer);
    rnn_optimizer_destroy(optimizer);
    return status;
}

static rnn_status get_optimizer_options(void *given)
{
    return rnn_optimizer_get_options(valid.optimizer, given);
}

static rnn_status set_optimizer_options(void *given)
{
    return rnn_optimizer_set_options(valid.optimizer, given);
}

static rnn_status create_sampler_with(void *given)
{
    rnn_sampler *sampler = NULL;
    rnn_status status = rnn_sampler_create(given, &sampler);
    rnn_sampler_destroy(sampler);
    return status;
}

static rnn_status get_sampler_options(void *given)
{
    return rnn_sampler_get_options(valid.sampler, given);
}

static rnn_status set_sampler_options(void *given)
{
    return rnn_sampler_set_options(valid.sampler, given);
}

static rnn_status generate_with(void *given)
{
    return rnn_generate(valid.model, valid.state, valid.sampler, given, drawn, NULL, NULL);
}

static rnn_status search_with(void *given)
{
    return rnn_beam_search(valid.model, valid.state, given, drawn, NULL, NULL, NULL);
}

static rnn_status corpus_next(void *given)
{
    return rnn_corpus_next(valid.corpus, given, NULL);
}

static rnn_status corpus_next_of_all(void *given)
{
    assert_ok(rnn_corpus_set_drop_last(valid.corpus, 0));
    rnn_status status = rnn_corpus_next(valid.corpus, given, NULL);
    assert_ok(rnn_corpus_set_drop_last(valid.corpus, 1));
    return status;
}

static rnn_status create_batcher_of(void *given)
{
    rnn_batcher *batcher = NULL;
    rnn_status status = rnn_batcher_create(given, &valid.batcher_options, &batcher);
    rnn_batcher_destroy(batcher);
    return status;
}

static rnn_status create_batcher_with(void *given)
{
    rnn_batcher *batcher = NULL;
    rnn_status status = rnn_batcher_create(&valid.sequences, given, &batcher);
    rnn_batcher_destroy(batcher);
    return status;
}

static rnn_status batcher_next(void *given)
{
    return rnn_batcher_next(valid.batcher, given, NULL);
}

static rnn_status save_with(void *given)
{
    return rnn_model_save_with(valid.model, NULL, given, "x");
}

static rnn_status save_to_memory_with(void *given)
{
    return rnn_model_save_to_memory_with(valid.model, NULL, given, NULL, 0, &(size_t){0});
}

static rnn_status load_with(void *given)
{
    rnn_model *model = NULL;
    rnn_status status = rnn_model_load("file", given, &model, NULL);
    rnn_model_destroy(model);
    return status;
}

static rnn_status load_from_memory_with(void *given)
{
    rnn_model *model = NULL;
    rnn_status status = rnn_model_load_from_memory(valid.bytes, valid.size, given, &model, NULL);
    rnn_model_destroy(model);
    return status;
}

static rnn_status save_checkpoint(void *given)
{
    return rnn_checkpoint_save(given, "x");
}

static rnn_status save_checkpoint_to_memory(void *given)
{
    return rnn_checkpoint_save_to_memory(given, NULL, 0, &(size_t){0});
}

static rnn_status load_checkpoint(void *given)
{
    rnn_status status = rnn_checkpoint_load("file", given);
    if (status == RNN_OK)
        rnn_model_destroy(((rnn_checkpoint *)given)->model);
    return status;
}

static rnn_status load_checkpoint_from_memory(void *given)
{
    rnn_status status = rnn_checkpoint_load_from_memory(valid.bytes, valid.size, given);
    if (status == RNN_OK)
        rnn_model_destroy(((rnn_checkpoint *)given)->model);
    return status;
}

/* The sizes of structs in the first release, where they have grown since */
enum {
    FIRST_CHECKPOINT_SIZE = offsetof(rnn_checkpoint, values) + sizeof valid.checkpoint.values,
    FIRST_LOAD_OPTIONS_SIZE = offsetof(rnn_load_options, embedding_name) + sizeof(char *),
};

#define READS(name, first, field, call)                                                                                \
    {                                                                                                                  \
        name, first, sizeof valid.field, &valid.field, call, false                                                     \
    }
#define FILLS(name, first, field, call)                                                                                \
    {                                                                                                                  \
        name, first, sizeof valid.field, &valid.field, call, true                                                      \
    }

static const use uses[] = {
    READS("model_options", FIRST_OPTIONS_SIZE, model_options, create_model_with),
    FILLS("model_options", FIRST_OPTIONS_SIZE, model_options, get_options),
    FILLS("parameter", FIRST_PARAMETER_SIZE, parameter, describe),
    READS("chunk", FIRST_CHUNK_SIZE, chunk, run_forward),
    READS("chunk", FIRST_CHUNK_SIZE, chunk, run_forward_backward),
    READS("chunk", FIRST_CHUNK_SIZE, chunk, run_loss_gradient),
    READS("chunk", FIRST_CHUNK_SIZE, chunk, run_forward_training),
    READS("chunk_gradients", sizeof(rnn_chunk_gradients), gradients, run_backward),
    READS("optimizer_options", FIRST_OPTIMIZER_OPTIONS_SIZE, optimizer_options, create_optimizer_with),
    READS("optimizer_options", FIRST_OPTIMIZER_OPTIONS_SIZE, optimizer_options, set_optimizer_options),
    FILLS("optimizer_options", FIRST_OPTIMIZER_OPTIONS_SIZE, optimizer_options, get_optimizer_options),
    READS("sampler_options", FIRST_SAMPLER_OPTIONS_SIZE, sampler_options, create_sampler_with),
    READS("sampler_options", FIRST_SAMPLER_OPTIONS_SIZE, sampler_options, set_sampler_options),
    FILLS("sampler_options", FIRST_SAMPLER_OPTIONS_SIZE, sampler_options, get_sampler_options),
    READS("generate_options", sizeof(rnn_generate_options), generate_options, generate_with),
    READS("beam_options", sizeof(rnn_beam_options), beam_options, search_with),
    FILLS("chunk", FIRST_CHUNK_SIZE, chunk, corpus_next),
    FILLS("chunk", sizeof(rnn_chunk), chunk, corpus_next_of_all),
    READS("sequences", sizeof(rnn_sequences), sequences, create_batcher_of),
    READS("batcher_options", sizeof(rnn_batcher_options), batcher_options, create_batcher_with),
    READS("chunk", sizeof(rnn_chunk), chunk, batcher_next),
    READS("save_options", sizeof(rnn_save_options), save_options, save_with),
    READS("save_options", sizeof(rnn_save_options), save_options, save_to_memory_with),
    READS("load_options", FIRST_LOAD_OPTIONS_SIZE, load_options, load_with),
    READS("load_options", FIRST_LOAD_OPTIONS_SIZE, load_options, load_from_memory_with),
    READS("checkpoint", FIRST_CHECKPOINT_SIZE, checkpoint, save_checkpoint),
    READS("checkpoint", FIRST_CHECKPOINT_SIZE, checkpoint, save_checkpoint_to_memory),
    FILLS("checkpoint", FIRST_CHECKPOINT_SIZE, checkpoint, load_checkpoint),
    FILLS("checkpoint", FIRST_CHECKPOINT_SIZE, checkpoint, load_checkpoint_from_memory),
};

/* Room for a struct of any version, as 8-byte words so that it is aligned */
enum { MOST = 4096, UNKNOWN = 16 };
static union {
    uint64_t words[MOST / 8 + 1];
    unsigned char bytes[MOST + 8];
    size_t struct_size;
} room;

/* Sizes that no version has */
static size_t impossible_size(int which, size_t first)
{
    const size_t sizes[] = {0, 1, sizeof(size_t), first - 1, MOST + 1, SIZE_MAX};
    return sizes[which];
}

enum { IMPOSSIBLE_SIZES = 6 };

/* A struct that is valid, and zeros and then 0x77s behind it */
static void fill_room(const use *u, size_t size)
{
    memset(&room, 0x77, sizeof room);
    memset(&room, 0, size);
    memcpy(&room, u->valid, size < u->now ? size : u->now);
    room.struct_size = size;
}

static void test_structs_of_an_impossible_size_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
        for (int k = 0; k < IMPOSSIBLE_SIZES; k++) {
            char part[80];
            size_t size = impossible_size(k, uses[i].first);
            fill_room(&uses[i], uses[i].now);
            room.struct_size = size;
            snprintf(part, sizeof part, "struct_size of %s is %zu", uses[i].name, size);
            assert_fails(uses[i].call(&room), RNN_ERROR_ARGUMENT, part);
            assert_int_equal(room.struct_size, size);
        }
}

static void test_structs_of_the_first_release_and_of_later_ones_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        const size_t sizes[] = {uses[i].first, uses[i].now, uses[i].now + UNKNOWN, MOST};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            fill_room(&uses[i], sizes[k]);
            assert_ok(uses[i].call(&room));
            assert_int_equal(room.struct_size, sizes[k]);
            for (size_t at = uses[i].now; at < sizeof room.bytes; at++)
                if (at >= sizes[k] || at >= uses[i].now)
                    assert_int_equal(room.bytes[at], at < sizes[k] ? 0 : 0x77);
        }
    }
}

static void test_fields_that_are_not_known_must_be_zero_and_are_zeroed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++)
        for (size_t at = uses[i].now; at < uses[i].now + UNKNOWN; at++) {
            char part[80];
            fill_room(&uses[i], uses[i].now + UNKNOWN);
            room.bytes[at] = 1;
            snprintf(part, sizeof part, "%s sets a field that version", uses[i].name);
            if (uses[i].writes)
                assert_ok(uses[i].call(&room));
            else
                assert_fails(uses[i].call(&room), RNN_ERROR_ARGUMENT, part);
            assert_int_equal(room.bytes[at], !uses[i].writes);
        }
}

static rnn_status init_optimizer_options(void *given, size_t size)
{
    return rnn_optimizer_options_init(given, size, RNN_OPTIMIZER_ADAM);
}

#define INIT(type)                                                                                                     \
    static rnn_status init_##type(void *given, size_t size)                                                            \
    {                                                                                                                  \
        return rnn_##type##_init(given, size);                                                                         \
    }
INIT(model_options)
INIT(parameter)
INIT(chunk)
INIT(chunk_gradients)
INIT(sampler_options)
INIT(generate_options)
INIT(beam_options)
INIT(sequences)
INIT(batcher_options)
INIT(save_options)
INIT(load_options)
INIT(checkpoint)

static const struct {
    const char *name;
    size_t first, now;
    rnn_status (*init)(void *given, size_t size);
} kinds[] = {
    {"model_options", FIRST_OPTIONS_SIZE, sizeof(rnn_model_options), init_model_options},
    {"parameter", FIRST_PARAMETER_SIZE, sizeof(rnn_parameter), init_parameter},
    {"chunk", FIRST_CHUNK_SIZE, sizeof(rnn_chunk), init_chunk},
    {"chunk_gradients", sizeof(rnn_chunk_gradients), sizeof(rnn_chunk_gradients), init_chunk_gradients},
    {"optimizer_options", FIRST_OPTIMIZER_OPTIONS_SIZE, sizeof(rnn_optimizer_options), init_optimizer_options},
    {"sampler_options", FIRST_SAMPLER_OPTIONS_SIZE, sizeof(rnn_sampler_options), init_sampler_options},
    {"generate_options", sizeof(rnn_generate_options), sizeof(rnn_generate_options), init_generate_options},
    {"beam_options", sizeof(rnn_beam_options), sizeof(rnn_beam_options), init_beam_options},
    {"sequences", sizeof(rnn_sequences), sizeof(rnn_sequences), init_sequences},
    {"batcher_options", sizeof(rnn_batcher_options), sizeof(rnn_batcher_options), init_batcher_options},
    {"save_options", sizeof(rnn_save_options), sizeof(rnn_save_options), init_save_options},
    {"load_options", FIRST_LOAD_OPTIONS_SIZE, sizeof(rnn_load_options), init_load_options},
    {"checkpoint", FIRST_CHECKPOINT_SIZE, sizeof(rnn_checkpoint), init_checkpoint},
};

static void test_init_refuses_an_impossible_size_and_fills_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        for (int k = 0; k < IMPOSSIBLE_SIZES; k++) {
            char part[80];
            size_t size = impossible_size(k, kinds[i].first);
            memset(&room, 0x77, sizeof room);
            snprintf(part, sizeof part, "struct_size of %s is %zu", kinds[i].name, size);
            assert_fails(kinds[i].init(&room, size), RNN_ERROR_ARGUMENT, part);
            for (size_t at = 0; at < sizeof room.bytes; at++)
                assert_int_equal(room.bytes[at], 0x77);
        }
}

static void test_init_fills_a_struct_of_any_version_to_its_end_and_no_further(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned char expected[MOST];
        const size_t sizes[] = {kinds[i].now, kinds[i].first, kinds[i].now + UNKNOWN, MOST};
        for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
            memset(&room, 0x77, sizeof room);
            assert_ok(kinds[i].init(&room, sizes[k]));
            assert_int_equal(room.struct_size, sizes[k]);
            if (k == 0)
                memcpy(expected, &room, kinds[i].now);
            size_t known = sizes[k] < kinds[i].now ? sizes[k] : kinds[i].now;
            assert_memory_equal(room.bytes + sizeof(size_t), expected + sizeof(size_t), known - sizeof(size_t));
            for (size_t at = known; at < sizeof room.bytes; at++)
                assert_int_equal(room.bytes[at], at < sizes[k] ? 0 : 0x77);
        }
    }
}

/* Where a struct is optional, NULL stands for what its _init function fills in. */
static void test_no_options_are_the_defaults(void **state)
{
    rnn_optimizer_options optimizer_options = valid.optimizer_options;
    rnn_sampler_options sampler_options = valid.sampler_options;
    (void)state;
    assert_ok(rnn_optimizer_get_options(valid.optimizer, &optimizer_options));
    assert_memory_equal(&optimizer_options, &valid.optimizer_options, sizeof optimizer_options);
    assert_ok(rnn_sampler_get_options(valid.sampler, &sampler_options));
    assert_memory_equal(&sampler_options, &valid.sampler_options, sizeof sampler_options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_all(test_structs_of_an_impossible_size_are_refused),
        test_with_all(test_structs_of_the_first_release_and_of_later_ones_are_taken),
        test_with_all(test_fields_that_are_not_known_must_be_zero_and_are_zeroed),
        cmocka_unit_test(test_init_refuses_an_impossible_size_and_fills_nothing),
        cmocka_unit_test(test_init_fills_a_struct_of_any_version_to_its_end_and_no_further),
        test_with_all(test_no_options_are_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
