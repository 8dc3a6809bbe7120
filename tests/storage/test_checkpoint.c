/*
 * Checkpoints as files: what a load gives back, how rnn_model_load() reads them, bad arguments, and a lack of memory.
 * Damaged files are in test_checkpoint_damage.c, and runs that go on bit by bit in test_resume.c.
 */
#include "full_runs.h"
#include "texts.h"

#include <locale.h>

/* ---- What comes back ---- */

enum { SUBSETS = 16 };

/* The checkpoint with a subset of its optimizer, state, sampler and vocabulary: a bit of `subset` for each. */
static rnn_checkpoint take_subset(const rnn_checkpoint *c, int subset)
{
    rnn_checkpoint part = *c;
    part.optimizer = subset & 1 ? c->optimizer : NULL;
    part.state = subset & 2 ? c->state : NULL;
    part.sampler = subset & 4 ? c->sampler : NULL;
    part.vocab = subset & 8 ? c->vocab : NULL;
    return part;
}

static int subset_of(const rnn_checkpoint *c)
{
    return (c->optimizer != NULL) + 2 * (c->state != NULL) + 4 * (c->sampler != NULL) + 8 * (c->vocab != NULL);
}

static void test_the_programs_own_numbers_keep_their_bits(void **state)
{
    (void)state;
    static const uint64_t bits[] = {0x7ff8000000000123, 0xfff0000000000000, 0x7ff0000000000000, 0x8000000000000000,
                                    0x0000000000000001, 0x3fb999999999999a, 0xffefffffffffffff, 0x7ff0000000000001};
    static const int64_t counters[] = {INT64_MIN, INT64_MAX, -1, 0, 1, INT64_MIN + 1, 1234567890123456789, 42};
    rnn_model_options m = make_options(2, 1, 2, 1, RNN_FLOAT32);
    rnn_checkpoint c = empty_checkpoint();
    c.model = create_model(&m);
    c.corpus_position = INT64_MAX;
    memcpy(c.counters, counters, sizeof counters);
    memcpy(c.values, bits, sizeof bits);
    assert_int_equal(sizeof bits, sizeof c.values);
    assert_ok(rnn_checkpoint_save(&c, "checkpoint"));
    rnn_checkpoint loaded = load_checkpoint("checkpoint");
    assert_memory_equal(loaded.counters, counters, sizeof counters);
    assert_memory_equal(loaded.values, bits, sizeof bits);
    assert_true(loaded.corpus_position == INT64_MAX);
    assert_int_equal(loaded.struct_size, sizeof loaded);
    assert_same_model(loaded.model, c.model);
    assert_int_equal(subset_of(&loaded), 0);
    destroy_objects(&loaded);
    destroy_objects(&c);
}

static void test_each_object_may_be_missing(void **state)
{
    (void)state;
    rnn_checkpoint c = full_run(RNN_CELL_LSTM, RNN_OPTIMIZER_ADAM, RNN_FLOAT32);
    for (int subset = 0; subset < SUBSETS; subset++) {
        rnn_checkpoint part = take_subset(&c, subset);
        assert_ok(rnn_checkpoint_save(&part, "part"));
        rnn_checkpoint loaded = load_checkpoint("part");
        assert_int_equal(subset_of(&loaded), subset);
        assert_saved_as(&loaded, "part");
        destroy_objects(&loaded);
    }
    destroy_objects(&c);
}

/* The checkpoint, saved to memory */
static file_bytes in_memory(const rnn_checkpoint *c)
{
    file_bytes file = {0};
    assert_ok(rnn_checkpoint_save_to_memory(c, NULL, 0, &file.size));
    file.bytes = allocate((int64_t)file.size, 1);
    assert_ok(rnn_checkpoint_save_to_memory(c, file.bytes, file.size, &file.size));
    return file;
}

static rnn_checkpoint load_from_memory(const file_bytes *file)
{
    rnn_checkpoint c = empty_checkpoint();
    assert_ok(rnn_checkpoint_load_from_memory(file->bytes, file->size, &c));
    return c;
}

static void test_memory_holds_what_a_file_would(void **state)
{
    (void)state;
    rnn_checkpoint c = full_run(RNN_CELL_GRU, RNN_OPTIMIZER_ADAM, RNN_FLOAT32);
    file_bytes memory = in_memory(&c);
    write_file("memory", memory.bytes, memory.size);
    assert_saved_as(&c, "memory");
    rnn_checkpoint loaded = load_from_memory(&memory);
    assert_saved_as(&loaded, "memory");
    destroy_objects(&loaded);
    destroy_objects(&c);
    free(memory.bytes);
}

/* Any subset of the other objects, without a model */
static void test_objects_come_back_without_a_model(void **state)
{
    (void)state;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        rnn_checkpoint c = full_run(rule % 3, rule, rule % 2 ? RNN_FLOAT64 : RNN_FLOAT32);
        for (int subset = 0; subset < SUBSETS; subset++) {
            rnn_checkpoint part = take_subset(&c, subset);
            part.model = NULL;
            file_bytes file = in_memory(&part);
            rnn_checkpoint loaded = load_from_memory(&file);
            assert_null(loaded.model);
            assert_int_equal(subset_of(&loaded), subset);
            assert_int_equal(loaded.corpus_position, c.corpus_position);
            assert_memory_equal(loaded.values, c.values, sizeof c.values);
            file_bytes again = in_memory(&loaded);
            assert_same_bytes(&again, &file);
            destroy_objects(&loaded);
            free(again.bytes);
            free(file.bytes);
        }
        destroy_objects(&c);
    }
}

/* Saves and loads each object in a checkpoint of its own. The run goes on as if nothing had happened. */
static void test_a_run_goes_on_with_objects_that_were_saved_alone(void **state)
{
    (void)state;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        int32_t precision = rule % 2 ? RNN_FLOAT32 : RNN_FLOAT64;
        rnn_checkpoint c = full_run(rule % 3, rule, precision), other = full_run(rule % 3, rule, precision);
        rnn_checkpoint alone[4];
        for (int i = 0; i < 4; i++) {
            alone[i] = take_subset(&other, 1 << i);
            alone[i].model = NULL;
            file_bytes file = in_memory(&alone[i]);
            destroy_objects(&alone[i]);
            alone[i] = load_from_memory(&file);
            free(file.bytes);
        }
        other.optimizer = alone[0].optimizer;
        other.state = alone[1].state;
        other.sampler = alone[2].sampler;
        other.vocab = alone[3].vocab;
        follow(&c, "ucduccd", STEPS);
        follow(&other, "ucduccd", STEPS);
        assert_ok(rnn_checkpoint_save(&c, "one"));
        assert_saved_as(&other, "one");
        destroy_objects(&c);
        destroy_objects(&other);
    }
}

static void test_a_checkpoint_without_a_model_is_refused_where_one_is_needed(void **state)
{
    (void)state;
    rnn_model *model = NULL;
    rnn_checkpoint c = full_run(RNN_CELL_LSTM, RNN_OPTIMIZER_ADAM, RNN_FLOAT32), part = c;
    part.model = NULL;
    file_bytes file = in_memory(&part);
    assert_fails(rnn_model_load_from_memory(file.bytes, file.size, NULL, &model, NULL), RNN_ERROR_FORMAT,
                 "a checkpoint that was saved without a model");
    assert_null(model);
    /* The metadata of the model decides the shapes of the other tensors. */
    static const char *const changes[][3] = {
        {"hidden_size\":\"2\"", "hidden_size\":\"3\"", "has the shape"},
        {"hidden_size\":\"2\"", "hidden_size\":\"0\"", "an invalid model: hidden_size is 0"},
        {"precision\":\"float32\"", "precision\":\"float64\"", "it must be F64"},
        {"precision\":\"float32\"", "precision\":\"float16\"", "doesn't know"},
        {"librnn.cell\":\"lstm\"", "librnn.cell\":\"tanh\"", "has the shape"},
        {"librnn.cell\"", "librnn.x\"", "the file has no librnn.cell"},
    };
    refuse_all(&file, changes);
    destroy_objects(&c);
    free(file.bytes);
}

static void test_what_can_be_asked_of_the_objects_is_as_it_was(void **state)
{
    (void)state;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        rnn_checkpoint c = full_run(rule % 3, rule, rule % 2 ? RNN_FLOAT64 : RNN_FLOAT32);
        assert_ok(rnn_optimizer_set_learning_rate(c.optimizer, 0.1 / 3));
        assert_ok(rnn_state_set_random_index(c.state, (UINT64_C(1) << 54) - 1));
        assert_ok(rnn_checkpoint_save(&c, "checkpoint"));
        rnn_checkpoint loaded = load_checkpoint("checkpoint");
        snapshot before = take_snapshot(c.model, c.state); /* parameters, gradients, state */
        assert_unchanged(&before, loaded.model, loaded.state);
        free(before.bytes);
        assert_true(rnn_optimizer_learning_rate(loaded.optimizer) == 0.1 / 3);
        assert_true(rnn_state_random_index(loaded.state) == (UINT64_C(1) << 54) - 1);
        assert_int_equal(rnn_state_streams(loaded.state), STREAMS);
        assert_int_equal(rnn_vocab_size(loaded.vocab), 7);
        destroy_objects(&loaded);
        destroy_objects(&c);
    }
}

/* Compiles a locale whose decimal point is a comma, from its own sources, since a bare system has none. */
static void compile_comma_locale(void)
{
    static const char source[] = "LC_NUMERIC\ndecimal_point \",\"\nthousands_sep \".\"\ngrouping 3;3\nEND LC_NUMERIC\n";
    write_file("source", source, sizeof source - 1);
    FILE *map = fopen("map", "w");
    assert_non_null(map);
    fputs("<code_set_name> ASCII\n<escape_char> /\nCHARMAP\n", map);
    for (unsigned symbol = 0; symbol < 128; symbol++)
        fprintf(map, "<U%04X> /x%02x\n", symbol, symbol);
    fputs("END CHARMAP\n", map);
    assert_int_equal(fclose(map), 0);
    /* Ignore its status: it warns of categories that the source doesn't have. The caller checks the locale. */
    (void)!system("mkdir locales && localedef -c -f ./map -i ./source ./locales/comma > /dev/null 2>&1");
}

/* From here on, functions that follow the locale print and read numbers with a comma. */
static void enter_comma_locale(void)
{
    char text[8];
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL && setlocale(LC_NUMERIC, "German") == NULL) { /* Windows' name */
        compile_comma_locale();
        assert_int_equal(setenv("LOCPATH", "locales", 1), 0);
        setlocale(LC_NUMERIC, "comma");
        assert_int_equal(unsetenv("LOCPATH"), 0);
        assert_int_equal(system("rm -r locales"), 0);
    }
    snprintf(text, sizeof text, "%.1f", 0.5);
    /* musl has no such locale, and an emulated big-endian machine can't read this machine's. */
#if defined __GLIBC__ && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    assert_string_equal(text, "0,5");
#endif
}

static void test_numbers_do_not_depend_on_the_locale(void **state)
{
    (void)state;
    rnn_checkpoint c = full_run(RNN_CELL_GRU, RNN_OPTIMIZER_ADAMW, RNN_FLOAT32);
    file_bytes file = checkpoint_bytes(&c);
    enter_comma_locale();
    assert_ok(rnn_checkpoint_save(&c, "german"));
    rnn_checkpoint loaded = load_checkpoint("german");
    assert_ok(rnn_checkpoint_save(&loaded, "again"));
    setlocale(LC_NUMERIC, "C");
    assert_same_files("bytes", "german");
    assert_same_files("bytes", "again");
    char *header = header_of(&file);
    assert_non_null(strstr(header, "\"librnn.optimizer.beta2\":\"0.999"));
    free(header);
    free(file.bytes);
    destroy_objects(&loaded);
    destroy_objects(&c);
}

static void test_a_run_that_has_overflown_comes_back_as_it_is(void **state)
{
    (void)state;
    file_bytes file = full_file(RNN_CELL_TANH, RNN_OPTIMIZER_ADAGRAD, RNN_FLOAT32);
    put_float(&file, "decoder.bias", 0, NAN);
    put_float(&file, "librnn.gradient.decoder.bias", 1, -INFINITY);
    put_float(&file, "librnn.gradient.decoder.bias", 2, NAN);
    put_float(&file, "librnn.optimizer.first.decoder.bias", 0, INFINITY);
    put_float(&file, "librnn.optimizer.first.decoder.bias", 1, NAN);
    write_file("overflown", file.bytes, file.size);
    rnn_checkpoint c = load_checkpoint("overflown");
    assert_saved_as(&c, "overflown");
    free(file.bytes);
    destroy_objects(&c);
}

static void test_gradients_that_are_zeros_take_no_room(void **state)
{
    (void)state;
    rnn_checkpoint c = full_run(RNN_CELL_TANH, RNN_OPTIMIZER_SGD, RNN_FLOAT32);
    file_bytes with = checkpoint_bytes(&c);
    assert_ok(rnn_model_zero_gradients(c.model));
    file_bytes without = checkpoint_bytes(&c);
    char *headers[] = {header_of(&with), header_of(&without)};
    assert_non_null(strstr(headers[0], "librnn.gradient.decoder.weight"));
    assert_non_null(strstr(headers[0], "librnn.gradient_rows"));
    assert_non_null(strstr(headers[0], "\"librnn.checkpoint.gradients\":\"1\""));
    assert_null(strstr(headers[1], "librnn.gradient.decoder.weight"));
    assert_null(strstr(headers[1], "librnn.gradient_rows"));
    assert_non_null(strstr(headers[1], "\"librnn.checkpoint.gradients\":\"0\""));
    free(headers[0]);
    free(headers[1]);
    free(with.bytes);
    free(without.bytes);
    destroy_objects(&c);
}

/* ---- Models' files and checkpoints ---- */

static void test_a_checkpoint_loads_as_a_model(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        rnn_checkpoint c = full_run(RNN_CELL_LSTM, RNN_OPTIMIZER_ADAM, precision);
        rnn_model *model = NULL;
        rnn_vocab *vocab = NULL;
        assert_ok(rnn_checkpoint_save(&c, "checkpoint"));
        assert_ok(rnn_model_load("checkpoint", NULL, &model, &vocab));
        assert_same_model(model, c.model);
        assert_int_equal(rnn_vocab_size(vocab), 7);
        rnn_model_destroy(model);
        rnn_load_options options = make_load_options();
        options.precision = 1 - precision;
        assert_ok(rnn_model_load("checkpoint", &options, &model, NULL));
        assert_int_equal(options_of(model).precision, 1 - precision);
        rnn_model_destroy(model);
        rnn_vocab_destroy(vocab);
        destroy_objects(&c);
    }
}

static void test_a_models_file_is_a_checkpoint_of_the_model_alone(void **state)
{
    (void)state;
    rnn_checkpoint c = full_run(RNN_CELL_GRU, RNN_OPTIMIZER_ADAM, RNN_FLOAT32);
    assert_ok(rnn_model_save(c.model, c.vocab, "model"));
    rnn_checkpoint loaded = load_checkpoint("model");
    assert_same_model(loaded.model, c.model);
    assert_non_null(loaded.vocab);
    assert_true(loaded.optimizer == NULL && loaded.state == NULL && loaded.sampler == NULL);
    assert_true(loaded.counters[0] == 0 && loaded.values[0] == 0 && loaded.corpus_position == 0);
    destroy_objects(&loaded);
    destroy_objects(&c);
}

static void test_later_versions_may_add_what_can_be_passed_over(void **state)
{
    (void)state;
    file_bytes file = full_file(RNN_CELL_TANH, RNN_OPTIMIZER_ADAM, RNN_FLOAT32);
    file_bytes more =
        edited(&file, "\"librnn.sampler.drawn\"", "\"librnn.sampler.new\":\"x\",\"librnn.sampler.drawn\"");
    write_file("more", more.bytes, more.size);
    rnn_checkpoint c = load_checkpoint("more");
    assert_saved_as(&c, "bytes");
    destroy_objects(&c);
    free(more.bytes);
    free(file.bytes);
}

/* ---- Arguments ---- */

static void test_arguments_are_checked(void **state)
{
    (void)state;
    rnn_checkpoint none = empty_checkpoint();
    rnn_checkpoint c = full_run(RNN_CELL_TANH, RNN_OPTIMIZER_SGD, RNN_FLOAT32);
    assert_fails(rnn_checkpoint_save(&none, "x"), RNN_ERROR_ARGUMENT, "checkpoint->model is NULL");
    c.corpus_position = -1;
    assert_fails(rnn_checkpoint_save(&c, "x"), RNN_ERROR_ARGUMENT, "corpus_position is -1");
    c.corpus_position = 0;
    assert_int_not_equal(access("x", F_OK), 0);
    assert_fails(rnn_checkpoint_save(&c, "missing/x"), RNN_ERROR_IO, "missing/x can't be written");
    assert_fails(rnn_checkpoint_load("x", &none), RNN_ERROR_IO, "x can't be opened");
    assert_ok(rnn_checkpoint_save(&c, "x"));
    assert_null(none.model);

    /* In memory */
    char room[16] = {0};
    size_t size = 77;
    assert_fails(rnn_checkpoint_save_to_memory(&c, room, sizeof room, &size), RNN_ERROR_ARGUMENT, "capacity is 16");
    assert_int_equal(size, 77);
    assert_int_equal(room[0], 0);
    assert_fails(rnn_checkpoint_load_from_memory("x", 1, &none), RNN_ERROR_FORMAT, "the file has 1 byte");
    destroy_objects(&c);
}

static void test_objects_must_belong_together(void **state)
{
    (void)state;
    rnn_checkpoint c = full_run(RNN_CELL_LSTM, RNN_OPTIMIZER_SGD, RNN_FLOAT32), mixed;
    rnn_checkpoint others[] = {full_run(RNN_CELL_GRU, RNN_OPTIMIZER_SGD, RNN_FLOAT32),
                               full_run(RNN_CELL_LSTM, RNN_OPTIMIZER_SGD, RNN_FLOAT64)};
    rnn_vocab *vocab = vocab_of_list(RNN_VOCAB_BYTES, "abc", 3);
    size_t size = 0;
    for (int i = 0; i < 2; i++) {
        mixed = c;
        mixed.optimizer = others[i].optimizer;
        assert_fails(rnn_checkpoint_save(&mixed, "x"), RNN_ERROR_MISMATCH, "the optimizer was made for a model whose");
        mixed = c;
        mixed.state = others[i].state;
        assert_fails(rnn_checkpoint_save(&mixed, "x"), RNN_ERROR_MISMATCH, "the state was made for a model whose");
        mixed.model = NULL;
        assert_fails(rnn_checkpoint_save_to_memory(&mixed, NULL, 0, &size), RNN_ERROR_MISMATCH,
                     "the state was made for a model whose");
        destroy_objects(&others[i]);
    }
    mixed = c;
    mixed.vocab = vocab;
    assert_fails(rnn_checkpoint_save(&mixed, "x"), RNN_ERROR_MISMATCH, "the vocabulary has 3 symbols");
    assert_int_not_equal(access("x", F_OK), 0);
    rnn_vocab_destroy(vocab);
    destroy_objects(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_the_programs_own_numbers_keep_their_bits),
        test_with_files(test_each_object_may_be_missing),
        test_with_files(test_memory_holds_what_a_file_would),
        test_with_files(test_objects_come_back_without_a_model),
        test_with_files(test_a_run_goes_on_with_objects_that_were_saved_alone),
        test_with_files(test_a_checkpoint_without_a_model_is_refused_where_one_is_needed),
        test_with_files(test_what_can_be_asked_of_the_objects_is_as_it_was),
        test_with_files(test_numbers_do_not_depend_on_the_locale),
        test_with_files(test_a_run_that_has_overflown_comes_back_as_it_is),
        test_with_files(test_gradients_that_are_zeros_take_no_room),
        test_with_files(test_a_checkpoint_loads_as_a_model),
        test_with_files(test_a_models_file_is_a_checkpoint_of_the_model_alone),
        test_with_files(test_later_versions_may_add_what_can_be_passed_over),
        test_with_files(test_arguments_are_checked),
        test_with_files(test_objects_must_belong_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
