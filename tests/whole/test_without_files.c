/*
 * Without files (RNN_WITH_FILES=OFF) the library has all functions that save or load, and they fail. This suite is only
 * built then.
 */
#include "support.h"

#include <string.h>

static void assert_absent(rnn_status status)
{
    assert_int_equal(status, RNN_ERROR_IO);
    assert_non_null(strstr(rnn_last_error(), "RNN_WITH_FILES=OFF"));
}

static void test_functions_that_save_or_load_models_fail(void **state)
{
    char bytes[8] = {0};
    size_t size = 0;
    rnn_model_options o = make_options(3, 4, 3, 1, RNN_FLOAT32);
    scoped_model *model = create_model(&o);
    rnn_model *loaded = NULL;
    assert_absent(rnn_model_save(model, NULL, "absent.safetensors"));
    assert_absent(rnn_model_save_with(model, NULL, NULL, "absent.safetensors"));
    assert_absent(rnn_model_save_to_memory(model, NULL, bytes, sizeof bytes, &size));
    assert_absent(rnn_model_save_to_memory_with(model, NULL, NULL, bytes, sizeof bytes, &size));
    assert_absent(rnn_model_load("absent.safetensors", NULL, &loaded, NULL));
    assert_absent(rnn_model_load_from_memory(bytes, sizeof bytes, NULL, &loaded, NULL));
    assert_null(loaded);
}

static void test_functions_that_save_or_load_checkpoints_fail(void **state)
{
    char bytes[8] = {0};
    size_t size = 0;
    rnn_checkpoint checkpoint;
    assert_ok(rnn_checkpoint_init(&checkpoint, sizeof checkpoint));
    assert_absent(rnn_checkpoint_save(&checkpoint, "absent.safetensors"));
    assert_absent(rnn_checkpoint_save_to_memory(&checkpoint, bytes, sizeof bytes, &size));
    assert_absent(rnn_checkpoint_load("absent.safetensors", &checkpoint));
    assert_absent(rnn_checkpoint_load_from_memory(bytes, sizeof bytes, &checkpoint));
    assert_null(checkpoint.model);
}

static void test_options_are_filled_with_their_defaults(void **state)
{
    rnn_load_options load;
    rnn_save_options save;
    assert_ok(rnn_load_options_init(&load, sizeof load));
    assert_int_equal(load.precision, RNN_PRECISION_STORED);
    assert_ok(rnn_save_options_init(&save, sizeof save));
    assert_null(save.rnn_name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_functions_that_save_or_load_models_fail),
        cmocka_unit_test(test_functions_that_save_or_load_checkpoints_fail),
        cmocka_unit_test(test_options_are_filled_with_their_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
