/* Versions, the names of statuses, and what rnn_last_error() keeps for whom. */
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
    (void)state;
    snprintf(expected, sizeof expected, "%d.%d.%d", RNN_VERSION_MAJOR, RNN_VERSION_MINOR, RNN_VERSION_PATCH);
    assert_string_equal(rnn_version(), expected);
}

static void test_version_number_is_the_version_as_one_number(void **state)
{
    int major = -1, minor = -1, patch = -1;
    (void)state;
    assert_int_equal(sscanf(rnn_version(), "%d.%d.%d", &major, &minor, &patch), 3);
    assert_int_equal(rnn_version_number(), 10000 * major + 100 * minor + patch);
    assert_int_equal(rnn_version_number(), RNN_VERSION_NUMBER);
}

/* ---- Names ---- */

static void test_status_name_is_the_enumerators_name(void **state)
{
    (void)state;
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
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_string_equal(rnn_status_name(none[i]), "unknown status");
}

/* ---- The last error ---- */

/* Fails with a sentence about this learning rate. */
static rnn_status refuse_learning_rate(double learning_rate)
{
    rnn_model_options model_options = make_options(2, 1, 2, 1, RNN_FLOAT32);
    rnn_optimizer_options options;
    rnn_model *model = create_model(&model_options);
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_ADAGRAD));
    options.learning_rate = learning_rate;
    rnn_status status = rnn_optimizer_create(model, &options, &optimizer);
    rnn_model_destroy(model);
    return status;
}

static void test_last_error_names_the_argument_its_value_and_the_limit(void **state)
{
    rnn_model_options options = make_options(2, 0, 2, 1, RNN_FLOAT32);
    rnn_model *model = NULL;
    (void)state;
    assert_int_equal(rnn_model_create(&options, &model), RNN_ERROR_ARGUMENT);
    assert_string_equal(rnn_last_error(), "hidden_size is 0; it must be 1 to 1048576");
}

static void test_last_error_stays_while_calls_succeed(void **state)
{
    char before[1024];
    (void)state;
    assert_int_equal(refuse_learning_rate(-3), RNN_ERROR_ARGUMENT);
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
    (void)state;
    assert_int_equal(refuse_learning_rate(-3), RNN_ERROR_ARGUMENT);
    assert_int_equal(refuse_learning_rate(-4), RNN_ERROR_ARGUMENT);
    assert_null(strstr(rnn_last_error(), "-3"));
    assert_non_null(strstr(rnn_last_error(), "-4"));
}

static void test_last_error_quotes_a_long_argument_in_part(void **state)
{
    enum { LENGTH = 100000 };
    rnn_model_options options = make_options(2, 1, 2, 1, RNN_FLOAT32);
    rnn_model *model = create_model(&options);
    char *name = allocate(LENGTH + 1, 1);
    int64_t index = -1;
    (void)state;
    memset(name, 'x', LENGTH);
    assert_fails(rnn_model_find_parameter(model, name, &index), RNN_ERROR_ARGUMENT, "xxxxxxxx");
    assert_true(strlen(rnn_last_error()) < LENGTH);
    free(name);
    rnn_model_destroy(model);
}

/* Whether all of a text is UTF-8 that leaves a line as it is, as far as texts of two-byte characters go. */
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
    rnn_model *model = create_model(&options);
    int64_t index = -1;
    (void)state;
    for (size_t ascii = 0; ascii < 2; ascii++) {
        char name[1024] = "x";
        for (size_t i = ascii; i + 2 < sizeof name; i += 2)
            memcpy(name + i, "\xc3\xa4", 2);
        assert_fails(rnn_model_find_parameter(model, name, &index), RNN_ERROR_ARGUMENT, "\xc3\xa4\xc3\xa4");
        assert_true(is_line(rnn_last_error()));
        assert_fails(rnn_model_load(name, NULL, &model, NULL), RNN_ERROR_IO, "\xc3\xa4\xc3\xa4");
        assert_true(is_line(rnn_last_error()));
    }
    rnn_model_destroy(model);
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
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_fails(rnn_model_load(names[i][0], NULL, &model, NULL), RNN_ERROR_IO, names[i][1]);
        assert_true(is_line(rnn_last_error()));
    }
}

typedef struct thread_report {
    double learning_rate;       /* what the thread fails with */
    pthread_barrier_t *barrier; /* passed when both have failed */
    char before[64];            /* the thread's last error before its first failure */
    char after[1024];           /* and after both threads' */
} thread_report;

/* No cmocka check in here: they belong to the main thread. */
static void *fail_beside_another_thread(void *argument)
{
    thread_report *report = argument;
    rnn_optimizer_options options;
    rnn_model_options model_options;
    rnn_model *model = NULL;
    rnn_optimizer *optimizer = NULL;
    snprintf(report->before, sizeof report->before, "%s", rnn_last_error());
    ignore(rnn_model_options_init(&model_options, sizeof model_options));
    model_options.input_size = model_options.output_size = 2;
    ignore(rnn_model_create(&model_options, &model));
    ignore(rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_ADAGRAD));
    options.learning_rate = report->learning_rate;
    ignore(rnn_optimizer_create(model, &options, &optimizer));
    rnn_model_destroy(model);
    pthread_barrier_wait(report->barrier);
    snprintf(report->after, sizeof report->after, "%s", rnn_last_error());
    return NULL;
}

static void test_last_error_is_empty_before_a_threads_first_failure_and_its_own_afterwards(void **state)
{
    pthread_barrier_t barrier;
    pthread_t threads[2];
    thread_report reports[2] = {{.learning_rate = -11, .barrier = &barrier, .before = "never written"},
                                {.learning_rate = -22, .barrier = &barrier, .before = "never written"}};
    (void)state;
    assert_int_equal(refuse_learning_rate(-33), RNN_ERROR_ARGUMENT);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, 2), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fail_beside_another_thread, &reports[i]), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    pthread_barrier_destroy(&barrier);

    assert_string_equal(reports[0].before, "");
    assert_string_equal(reports[1].before, "");
    assert_non_null(strstr(reports[0].after, "-11"));
    assert_non_null(strstr(reports[1].after, "-22"));
    assert_non_null(strstr(rnn_last_error(), "-33"));
}

/* ---- Enumerators ---- */

/* The value that rnn_enumerator() has for a name */
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
    (void)state;
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
