/*
 * Structs and their sizes. Every function that reads or writes a struct has one row here. It must take a struct of the
 * size that the first release had, and a larger one of a later version if the fields that this version doesn't know are
 * zero.
 */
#include "one_of_each.h"

#include <stdbool.h>

/* A function that takes a struct */
typedef struct use {
    const char *name;  /* of the struct, in sentences */
    size_t first, now; /* its size in the first release and in this one */
    const void *valid; /* a struct with which the call works */
    rnn_status (*call)(void *given);
    bool writes; /* zeroes everything beyond `now`; otherwise that must be zeros already */
} use;

/* The calls write here; nothing reads it. */
static float numbers[2 * SYMBOLS];
static int32_t drawn[4];

/* A function that calls the library with a struct. */
#define CALL(name, call)                                                                                               \
    static rnn_status name(void *given)                                                                                \
    {                                                                                                                  \
        return call;                                                                                                   \
    }

/* The same for a call that creates an object. The function destroys the object. */
#define CREATES(object, name, call)                                                                                    \
    static rnn_status name(void *given)                                                                                \
    {                                                                                                                  \
        scoped_##object *created = NULL;                                                                               \
        return call;                                                                                                   \
    }

CREATES(model, create_model_with, rnn_model_create(given, &created))
CALL(get_options, rnn_model_get_options(valid.model, given))
CALL(describe, rnn_model_describe_parameter(valid.model, 0, given))
CALL(run_forward, rnn_forward(valid.model, valid.state, given, NULL, 0, NULL))
CALL(run_forward_backward, rnn_forward_backward(valid.model, valid.state, given, NULL))
CALL(run_forward_training, rnn_forward_training(valid.model, valid.state, given, numbers, 2 * SYMBOLS))
CALL(run_loss_gradient, rnn_loss_gradient(valid.model, given, zeros, 2 * SYMBOLS, numbers, NULL))

static rnn_status run_backward(void *given)
{
    rnn_status status = rnn_backward(valid.model, valid.state, given);
    if (status == RNN_OK) /* each forward pass allows one backward pass */
        status = rnn_forward_training(valid.model, valid.state, &valid.chunk, numbers, 2 * SYMBOLS);
    return status;
}

CREATES(optimizer, create_optimizer_with, rnn_optimizer_create(valid.model, given, &created))
CALL(get_optimizer_options, rnn_optimizer_get_options(valid.optimizer, given))
CALL(set_optimizer_options, rnn_optimizer_set_options(valid.optimizer, given))
CREATES(sampler, create_sampler_with, rnn_sampler_create(given, &created))
CALL(get_sampler_options, rnn_sampler_get_options(valid.sampler, given))
CALL(set_sampler_options, rnn_sampler_set_options(valid.sampler, given))
CALL(generate_with, rnn_generate(valid.model, valid.state, valid.sampler, given, drawn, NULL, NULL))
CALL(search_with, rnn_beam_search(valid.model, valid.state, given, drawn, NULL, NULL, NULL))
CALL(corpus_next, rnn_corpus_next(valid.corpus, given, NULL))

static rnn_status corpus_next_of_all(void *given)
{
    assert_ok(rnn_corpus_set_drop_last(valid.corpus, 0));
    rnn_status status = rnn_corpus_next(valid.corpus, given, NULL);
    assert_ok(rnn_corpus_set_drop_last(valid.corpus, 1));
    return status;
}

CREATES(batcher, create_batcher_of, rnn_batcher_create(given, &valid.batcher_options, &created))
CREATES(batcher, create_batcher_with, rnn_batcher_create(&valid.sequences, given, &created))
CALL(batcher_next, rnn_batcher_next(valid.batcher, given, NULL))
CALL(save_with, rnn_model_save_with(valid.model, NULL, given, "x"))
CALL(save_to_memory_with, rnn_model_save_to_memory_with(valid.model, NULL, given, NULL, 0, &(size_t){0}))
CREATES(model, load_with, rnn_model_load("file", given, &created, NULL))
CREATES(model, load_from_memory_with, rnn_model_load_from_memory(valid.bytes, valid.size, given, &created, NULL))
CALL(save_checkpoint, rnn_checkpoint_save(given, "x"))
CALL(save_checkpoint_to_memory, rnn_checkpoint_save_to_memory(given, NULL, 0, &(size_t){0}))

static rnn_status destroy_loaded(rnn_status status, const rnn_checkpoint *checkpoint)
{
    if (status == RNN_OK)
        rnn_model_destroy(checkpoint->model);
    return status;
}

CALL(load_checkpoint, destroy_loaded(rnn_checkpoint_load("file", given), given))
CALL(load_checkpoint_from_memory,
     destroy_loaded(rnn_checkpoint_load_from_memory(valid.bytes, valid.size, given), given))

/* The sizes of structs in the first release, where they have grown since */
enum {
    FIRST_CHECKPOINT_SIZE = offsetof(rnn_checkpoint, values) + sizeof valid.checkpoint.values,
    FIRST_LOAD_OPTIONS_SIZE = offsetof(rnn_load_options, embedding_name) + sizeof(char *),
};

/* clang-format off */
#define READS(name, first, field, call) {name, first, sizeof valid.field, &valid.field, call, false}
#define FILLS(name, first, field, call) {name, first, sizeof valid.field, &valid.field, call, true}
/* clang-format on */

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

/* Puts a valid struct of this size into the room: zeros follow its known fields, and 0x77s follow the struct. */
static void fill_room(const use *u, size_t size)
{
    memset(&room, 0x77, sizeof room);
    memset(&room, 0, size);
    memcpy(&room, u->valid, size < u->now ? size : u->now);
    room.struct_size = size;
}

static void test_structs_of_an_impossible_size_are_refused(void **state)
{
    for (size_t i = 0; i < COUNT_OF(uses); i++)
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
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        const size_t sizes[] = {uses[i].first, uses[i].now, uses[i].now + UNKNOWN, MOST};
        for (size_t k = 0; k < COUNT_OF(sizes); k++) {
            fill_room(&uses[i], sizes[k]);
            assert_ok(uses[i].call(&room));
            assert_int_equal(room.struct_size, sizes[k]);
            for (size_t at = uses[i].now; at < sizeof room.bytes; at++)
                assert_int_equal(room.bytes[at], at < sizes[k] ? 0 : 0x77);
        }
    }
}

static void test_fields_that_are_not_known_must_be_zero_and_are_zeroed(void **state)
{
    for (size_t i = 0; i < COUNT_OF(uses); i++)
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
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
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
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        unsigned char expected[MOST];
        const size_t sizes[] = {kinds[i].now, kinds[i].first, kinds[i].now + UNKNOWN, MOST};
        for (size_t k = 0; k < COUNT_OF(sizes); k++) {
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

/* If a struct is optional, NULL means the values that its _init function fills in. */
static void test_no_options_are_the_defaults(void **state)
{
    rnn_optimizer_options optimizer_options = valid.optimizer_options;
    rnn_sampler_options sampler_options = valid.sampler_options;
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
