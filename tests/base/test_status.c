/* Versions, the names of statuses, and the sentence that rnn_last_error() keeps for each thread. */
#include "processes.h"
#include "support.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Versions ---- */

static void test_version_is_major_minor_patch_of_the_header(void **state)
{
    char expected[64];
    snprintf(expected, sizeof expected, "%d.%d.%d", RNN_VERSION_MAJOR, RNN_VERSION_MINOR, RNN_VERSION_PATCH);
    assert_string_equal(rnn_version(), expected);
}

static void test_version_number_is_the_version_as_one_number(void **state)
{
    int major = -1, minor = -1, patch = -1;
    assert_int_equal(sscanf(rnn_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    assert_int_equal(rnn_version_number(), 10000 * major + 100 * minor + patch);
    assert_int_equal(rnn_version_number(), RNN_VERSION_NUMBER);
}

/* ---- Names ---- */

static void test_status_name_is_the_enumerators_name(void **state)
{
    assert_string_equal(rnn_status_name(RNN_OK), "RNN_OK");
    assert_string_equal(rnn_status_name(RNN_ERROR_ARGUMENT), "RNN_ERROR_ARGUMENT");
    assert_string_equal(rnn_status_name(RNN_ERROR_MEMORY), "RNN_ERROR_MEMORY");
    assert_string_equal(rnn_status_name(RNN_ERROR_IO), "RNN_ERROR_IO");
    assert_string_equal(rnn_status_name(RNN_ERROR_SYMBOL), "RNN_ERROR_SYMBOL");
    assert_string_equal(rnn_status_name(RNN_ERROR_MISMATCH), "RNN_ERROR_MISMATCH");
    assert_string_equal(rnn_status_name(RNN_ERROR_NONFINITE), "RNN_ERROR_NONFINITE");
    assert_string_equal(rnn_status_name(RNN_ERROR_FORMAT), "RNN_ERROR_FORMAT");
}

static void test_status_name_of_another_number_is_unknown_status(void **state)
{
    static const rnn_status none[] = {-1, RNN_ERROR_FORMAT + 1, 1000000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < COUNT_OF(none); i++)
        assert_string_equal(rnn_status_name(none[i]), "unknown status");
}

/* ---- The last error ---- */

static void test_last_error_names_the_argument_its_value_and_the_limit(void **state)
{
    rnn_model_options options = make_options(2, 0, 2, 1, RNN_FLOAT32);
    rnn_model *model = NULL;
    assert_int_equal(rnn_model_create(&options, &model), RNN_ERROR_ARGUMENT);
    assert_string_equal(rnn_last_error(), "hidden_size is 0; it must be 1 to 1048576");
}

static void test_last_error_stays_while_calls_succeed(void **state)
{
    char before[1024];
    assert_int_equal(rnn_set_threads(-3), RNN_ERROR_ARGUMENT);
    const char *text = rnn_last_error();
    assert_non_null(strstr(text, "-3"));
    snprintf(before, sizeof before, "%s", text);

    rnn_vocab *vocab = NULL;
    int32_t ids[3];
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, "abc", 3, &vocab));
    assert_ok(rnn_vocab_encode(vocab, "cab", 3, ids, 3, NULL));
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(NULL);
    assert_int_equal(rnn_vocab_size(NULL), 0);
    assert_string_equal(text, before);
    assert_string_equal(rnn_last_error(), before);
}

static void test_last_error_is_the_latest_failures(void **state)
{
    assert_int_equal(rnn_set_threads(-3), RNN_ERROR_ARGUMENT);
    assert_int_equal(rnn_set_threads(-4), RNN_ERROR_ARGUMENT);
    assert_null(strstr(rnn_last_error(), "-3"));
    assert_non_null(strstr(rnn_last_error(), "-4"));
}

static void test_last_error_quotes_a_long_argument_in_part(void **state)
{
    enum { LENGTH = 100000 };
    rnn_model_options options = make_options(2, 1, 2, 1, RNN_FLOAT32);
    scoped_model *model = create_model(&options);
    scoped_memory char *name = allocate(LENGTH + 1, 1);
    int64_t index = -1;
    memset(name, 'x', LENGTH);
    assert_fails(rnn_model_find_parameter(model, name, &index), RNN_ERROR_ARGUMENT, "xxxxxxxx");
    assert_true(strlen(rnn_last_error()) < LENGTH);
}

/* Whether a text is one line of UTF-8. It knows characters of one and two bytes. */
static bool is_line(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c != '\0'; c++)
        if (*c >= 0xc2 && *c <= 0xdf && c[1] >= (*c == 0xc2 ? 0xa0 : 0x80) && c[1] <= 0xbf)
            c++;
        else if (*c < ' ' || *c >= 127)
            return false;
    return true;
}

static void test_last_error_is_utf8_wherever_it_cuts_a_name(void **state)
{
    rnn_model_options options = make_options(2, 1, 2, 1, RNN_FLOAT32);
    scoped_model *model = create_model(&options);
    int64_t index = -1;
    for (size_t ascii = 0; ascii < 2; ascii++) {
        char name[1024] = "x";
        for (size_t i = ascii; i + 2 < sizeof name; i += 2)
            memcpy(name + i, "\xc3\xa4", 2);
        assert_fails(rnn_model_find_parameter(model, name, &index), RNN_ERROR_ARGUMENT, "\xc3\xa4\xc3\xa4");
        assert_true(is_line(rnn_last_error()));
        assert_fails(rnn_model_load(name, NULL, &model, NULL), RNN_ERROR_IO, "\xc3\xa4\xc3\xa4");
        assert_true(is_line(rnn_last_error()));
    }
}

static void test_last_error_shows_what_is_no_character_of_a_line_as_question_marks(void **state)
{
    static const char *const names[][2] = {
        {"a\nb", "a?b can't"},
        {"a\x1b[2Jb", "a?[2Jb can't"},
        {"a\x7f", "a? can't"},
        {"a\xff\xc3", "a?? can't"},
        {"a\xc2\x9b"
         "2Jb",
         "a??2Jb can't"},
        {"a\xed\xa0\x80", "a??? can't"},
        {"a\xc3\xa4", "a\xc3\xa4 can't"},
    };
    rnn_model *model = NULL;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_fails(rnn_model_load(names[i][0], NULL, &model, NULL), RNN_ERROR_IO, names[i][1]);
        assert_true(is_line(rnn_last_error()));
    }
}

typedef struct thread_report {
    int32_t threads;            /* a number that rnn_set_threads() refuses */
    pthread_barrier_t *barrier; /* both threads pass it after they have failed */
    char before[64];            /* the thread's last error before its first failure */
    char after[1024];           /* and after the failures of both */
} thread_report;

/* Only the main thread may use the checks of cmocka. */
static void fail_beside_another_thread(void *argument)
{
    thread_report *report = argument;
    snprintf(report->before, sizeof report->before, "%s", rnn_last_error());
    ignore(rnn_set_threads(report->threads));
    pthread_barrier_wait(report->barrier);
    snprintf(report->after, sizeof report->after, "%s", rnn_last_error());
}

static void test_last_error_is_empty_before_a_threads_first_failure_and_its_own_afterwards(void **state)
{
    pthread_barrier_t barrier;
    thread_report reports[2] = {{.threads = -11, .barrier = &barrier, .before = "never written"},
                                {.threads = -22, .barrier = &barrier, .before = "never written"}};
    assert_int_equal(rnn_set_threads(-33), RNN_ERROR_ARGUMENT);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    run_in_threads(2, fail_beside_another_thread, reports, sizeof *reports);
    pthread_barrier_destroy(&barrier);

    assert_string_equal(reports[0].before, "");
    assert_string_equal(reports[1].before, "");
    assert_non_null(strstr(reports[0].after, "-11"));
    assert_non_null(strstr(reports[1].after, "-22"));
    assert_non_null(strstr(rnn_last_error(), "-33"));
}

/* ---- Enumerators ---- */

/* The value that rnn_enumerator() gives for a name */
static int32_t value_of(const char *wanted)
{
    for (int64_t i = 0; i < rnn_enumerator_count(); i++) {
        const char *name = NULL;
        int32_t value = -7;
        assert_ok(rnn_enumerator(i, &name, &value));
        if (strcmp(name, wanted) == 0)
            return value;
    }
    fail_msg("%s isn't listed", wanted);
    return 0;
}

static void test_every_enumerator_of_the_header_is_listed_with_its_value(void **state)
{
    char line[1000], name[100];
    int64_t count = 3; /* the constants */
    FILE *header = fopen(RNN_SOURCE_DIR "/include/rnn/rnn.h", "r");
    assert_non_null(header);
    while (fgets(line, sizeof line, header) != NULL) {
        int value;
        if (sscanf(line, " %99[A-Z0-9_] = %d", name, &value) != 2)
            continue;
        assert_int_equal(value_of(name), value);
        count++;
    }
    fclose(header);
    assert_int_equal(rnn_enumerator_count(), count);
    assert_int_equal(value_of("RNN_IGNORE"), RNN_IGNORE);
    assert_int_equal(value_of("RNN_PRECISION_STORED"), RNN_PRECISION_STORED);
    assert_int_equal(value_of("RNN_CHECKPOINT_NUMBERS"), RNN_CHECKPOINT_NUMBERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_enumerator_of_the_header_is_listed_with_its_value),
        cmocka_unit_test(test_version_is_major_minor_patch_of_the_header),
        cmocka_unit_test(test_version_number_is_the_version_as_one_number),
        cmocka_unit_test(test_status_name_is_the_enumerators_name),
        cmocka_unit_test(test_status_name_of_another_number_is_unknown_status),
        cmocka_unit_test(test_last_error_names_the_argument_its_value_and_the_limit),
        cmocka_unit_test(test_last_error_stays_while_calls_succeed),
        cmocka_unit_test(test_last_error_is_the_latest_failures),
        cmocka_unit_test(test_last_error_quotes_a_long_argument_in_part),
        cmocka_unit_test(test_last_error_is_utf8_wherever_it_cuts_a_name),
        cmocka_unit_test(test_last_error_shows_what_is_no_character_of_a_line_as_question_marks),
        cmocka_unit_test(test_last_error_is_empty_before_a_threads_first_failure_and_its_own_afterwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
