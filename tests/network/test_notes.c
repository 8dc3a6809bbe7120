/* Notes: the user's strings in a model, its files, its checkpoints and its copies. */
#include "checkpoint_memory.h"
#include "model_files.h"

enum { KEY_MOST = 200, VALUE_MOST = 1 << 20, NOTES_MOST = 1024 };

static rnn_model *any_model(void)
{
    rnn_model_options o = make_options(3, 2, 3, 1, RNN_FLOAT32);
    return create_random_model(&o, 0.5, 1);
}

/* The model's notes are these and no others, in this order; NULL ends the list. */
static void assert_notes(const rnn_model *model, const char *const (*expected)[2])
{
    int64_t count = 0;
    for (; expected[count][0] != NULL; count++) {
        const char *key, *value;
        assert_ok(rnn_model_note_at(model, count, &key, &value));
        assert_string_equal(key, expected[count][0]);
        assert_string_equal(value, expected[count][1]);
        assert_ptr_equal(rnn_model_note(model, key), value);
    }
    assert_int_equal(rnn_model_note_count(model), count);
}

/* A file of the model, with `to` instead of the first `from` in its header, must not load. */
static void refuse(const rnn_model *model, const char *from, const char *to, const char *part)
{
    scoped_file file = saved(model, NULL);
    refuse_load(edited(&file, from, to), RNN_ERROR_FORMAT, part);
}

/* `count` times the letter, to free() */
static char *repeated(char letter, size_t count)
{
    char *text = allocate((int64_t)count + 1, 1);
    memset(text, letter, count);
    return text;
}

/* ---- In a model ---- */

static void test_a_note_is_set_read_replaced_and_removed(void **state)
{
    (void)state;
#define LINES "line\nline \"\xf0\x9f\x99\x82\""
    static const char *const three[][2] = {{"B", ""}, {"a", "1"}, {"\xc3\xa4", LINES}, {NULL}};
    static const char *const two[][2] = {{"B", "longer than before"}, {"\xc3\xa4", LINES}, {NULL}};
    scoped_model *model = any_model();
    const char *key = UNTOUCHED, *value = UNTOUCHED;
    assert_null(rnn_model_note(model, "a"));
    assert_fails(rnn_model_note_at(model, 0, &key, &value), RNN_ERROR_ARGUMENT, "the model has no notes");
    assert_true(key == UNTOUCHED && value == UNTOUCHED);
    assert_ok(rnn_model_set_note(model, "\xc3\xa4", LINES));
    assert_ok(rnn_model_set_note(model, "a", "1"));
    assert_ok(rnn_model_set_note(model, "B", ""));
    assert_notes(model, three);
    assert_ok(rnn_model_set_note(model, "B", "longer than before"));
    assert_ok(rnn_model_set_note(model, "a", NULL));
    assert_ok(rnn_model_set_note(model, "never set", NULL));
    assert_null(rnn_model_note(model, "a"));
    assert_notes(model, two);
    /* The new value may be part of the old. */
    assert_ok(rnn_model_set_note(model, "B", rnn_model_note(model, "B") + 7));
    assert_string_equal(rnn_model_note(model, "B"), "than before");
}

static void test_the_limits_are_those_of_the_header(void **state)
{
    (void)state;
    scoped_memory char *key = repeated('k', KEY_MOST + 1), *value = repeated('v', VALUE_MOST + 1);
    char number[16];
    scoped_model *model = any_model();
    assert_fails(rnn_model_set_note(model, key, "v"), RNN_ERROR_ARGUMENT, "key has 201 bytes; it must have 1 to 200");
    assert_fails(rnn_model_set_note(model, "", "v"), RNN_ERROR_ARGUMENT, "key has 0 bytes; it must have 1 to 200");
    assert_fails(rnn_model_set_note(model, "", NULL), RNN_ERROR_ARGUMENT, "key has 0 bytes");
    assert_fails(rnn_model_set_note(model, "k", value), RNN_ERROR_ARGUMENT,
                 "value has 1048577 bytes; it must have 0 to 1048576");
    assert_fails(rnn_model_set_note(model, "a\xff", "v"), RNN_ERROR_ARGUMENT, "key is not valid UTF-8 at byte 1");
    assert_fails(rnn_model_set_note(model, "k", "ab\xed\xa0\x80"), RNN_ERROR_ARGUMENT,
                 "value is not valid UTF-8 at byte 2");
    assert_int_equal(rnn_model_note_count(model), 0);
    key[KEY_MOST] = value[VALUE_MOST] = '\0';
    assert_ok(rnn_model_set_note(model, key, value));
    for (int i = 1; i < NOTES_MOST; i++) {
        snprintf(number, sizeof number, "%d", i * 331 % NOTES_MOST);
        assert_ok(rnn_model_set_note(model, number, number));
    }
    assert_int_equal(rnn_model_note_count(model), NOTES_MOST);
    assert_fails(rnn_model_set_note(model, "more", "v"), RNN_ERROR_ARGUMENT,
                 "the model has 1024 notes, which is the maximum");
    assert_ok(rnn_model_set_note(model, "1", "another"));

    /* A file can hold as many notes. */
    scoped_file file = saved(model, NULL);
    scoped_model *loaded = load(&file, NULL);
    assert_int_equal(rnn_model_note_count(loaded), NOTES_MOST);
    assert_string_equal(rnn_model_note(loaded, key), value);
    assert_string_equal(rnn_model_note(loaded, "1"), "another");
    for (int64_t i = 1; i < NOTES_MOST; i++) {
        const char *one, *next, *ignored;
        assert_ok(rnn_model_note_at(loaded, i - 1, &one, &ignored));
        assert_ok(rnn_model_note_at(loaded, i, &next, &ignored));
        assert_true(strcmp(one, next) < 0);
    }
    refuse(model, "\"librnn.note.1\":", "\"librnn.note.more\":\"\",\"librnn.note.1\":",
           "the file has an invalid note: the model has 1024 notes, which is the maximum");
}

static void test_a_copy_has_notes_of_its_own(void **state)
{
    (void)state;
    static const char *const before[][2] = {{"a", "1"}, {"b", "2"}, {NULL}}, *const after[][2] = {{"b", "3"}, {NULL}};
    scoped_model *original = any_model(), *copy = NULL;
    assert_ok(rnn_model_set_note(original, "a", "1"));
    assert_ok(rnn_model_set_note(original, "b", "2"));
    assert_ok(rnn_model_copy(original, &copy));
    assert_ok(rnn_model_set_note(original, "a", NULL));
    assert_ok(rnn_model_set_note(original, "b", "3"));
    assert_notes(copy, before);
    assert_ok(rnn_model_average(original, copy, 0.5));
    assert_notes(original, after);
}

/* ---- In files ---- */

static const char *const notes[][2] = {{"classes", "cat\tdog\n\x01\x7f"}, {"librnn.cell", "\\u0000 \"\\"}, {NULL}};

static void leave_notes(rnn_model *model)
{
    for (int i = 0; notes[i][0] != NULL; i++)
        assert_ok(rnn_model_set_note(model, notes[i][0], notes[i][1]));
}

static void test_a_file_holds_the_notes_and_the_same_notes_give_the_same_bytes(void **state)
{
    (void)state;
    scoped_model *model = any_model(), *other = any_model();
    scoped_file plain = saved(model, NULL);
    leave_notes(model);
    for (int i = 1; i >= 0; i--)
        assert_ok(rnn_model_set_note(other, notes[i][0], notes[i][1]));
    scoped_file file = saved(model, NULL), same = saved(other, NULL);
    assert_int_equal(file.size, same.size);
    assert_memory_equal(file.bytes, same.bytes, file.size);
    scoped_memory char *header = header_of(&file);
    assert_non_null(strstr(header, "\"librnn.note.classes\":\"cat\\tdog\\n\\u0001"));
    scoped_model *loaded = load(&file, NULL);
    assert_notes(loaded, notes);
    assert_same_model(loaded, model);

    /* Without its notes the model gives the same file as before. */
    assert_ok(rnn_model_set_note(model, "classes", NULL));
    assert_ok(rnn_model_set_note(model, "librnn.cell", NULL));
    scoped_file again = saved(model, NULL);
    assert_int_equal(again.size, plain.size);
    assert_memory_equal(again.bytes, plain.bytes, plain.size);
}

static void test_a_checkpoint_holds_the_notes(void **state)
{
    (void)state;
    scoped_checkpoint saved = empty_checkpoint();
    saved.model = any_model();
    leave_notes(saved.model);
    scoped_checkpoint loaded = save_and_load(&saved);
    assert_notes(loaded.model, notes);
}

/* Other programs' own metadata are not notes, but other programs may write notes. */
static void test_notes_are_read_from_files_of_other_programs(void **state)
{
    (void)state;
    static const char header[] =
        "{\"__metadata__\":{\"format\":\"pt\",\"author\":\"me\",\"librnn.notes\":\"\",\"librnn.note.z\":\"2\","
        "\"librnn.note.a\":\"1\"},\"rnn.weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[0,12]},"
        "\"rnn.weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[3,1],\"data_offsets\":[12,24]},"
        "\"decoder.weight\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[24,28]}}";
    static const char *const expected[][2] = {{"a", "1"}, {"z", "2"}, {NULL}};
    static const float zeros[7];
    rnn_load_options options = make_load_options();
    rnn_model_options configuration = make_options(1, 1, 1, 1, RNN_FLOAT32);
    options.configuration = &configuration;
    options.infer = 1;
    scoped_file file = make_file(header, sizeof header - 1, zeros, sizeof zeros);
    scoped_model *model = load(&file, &options);
    assert_notes(model, expected);
}

static void test_hostile_notes_are_refused(void **state)
{
    (void)state;
    scoped_model *model = any_model();
    scoped_memory char *key = repeated('k', KEY_MOST + 1), *value = repeated('v', VALUE_MOST + 1);
    scoped_memory char *text = allocate(VALUE_MOST + 100, 1);
    assert_ok(rnn_model_set_note(model, "k", "v"));
    snprintf(text, 400, "\"librnn.note.%s\"", key);
    refuse(model, "\"librnn.note.k\"", text, "an invalid note: key has 201 bytes; it must have 1 to 200");
    refuse(model, "\"librnn.note.k\"", "\"librnn.note.\"", "an invalid note: key has 0 bytes");
    snprintf(text, VALUE_MOST + 100, "\"librnn.note.k\":\"%s\"", value);
    refuse(model, "\"librnn.note.k\":\"v\"", text, "an invalid note: value has 1048577 bytes");
    refuse(model, "\"librnn.note.k\"", "\"librnn.note.k\":\"\",\"librnn.note.k\"", "not valid JSON");
    refuse(model, "\"librnn.note.k\"", "\"librnn.note.k\xff\"", "not valid JSON");
    refuse(model, "\"librnn.note.k\":\"v\"", "\"librnn.note.k\":\"v\xed\xa0\x80\"", "not valid JSON");
    refuse(model, "\"librnn.note.k\":\"v\"", "\"librnn.note.k\":\"v\\u0000\"", "not valid JSON");
    refuse(model, "\"librnn.note.k\":\"v\"", "\"librnn.note.k\":1",
           "librnn.note.k in its __metadata__ is not a string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_note_is_set_read_replaced_and_removed),
        cmocka_unit_test(test_the_limits_are_those_of_the_header),
        cmocka_unit_test(test_a_copy_has_notes_of_its_own),
        cmocka_unit_test(test_a_file_holds_the_notes_and_the_same_notes_give_the_same_bytes),
        cmocka_unit_test(test_a_checkpoint_holds_the_notes),
        cmocka_unit_test(test_notes_are_read_from_files_of_other_programs),
        cmocka_unit_test(test_hostile_notes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
