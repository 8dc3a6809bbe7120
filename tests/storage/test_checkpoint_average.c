/*
 * Tests that a checkpoint keeps a running average of the model.
 */
#include "full_runs.h"

/* A run with an average that differs from its model. */
static rnn_checkpoint averaged_run(int32_t precision)
{
    rnn_checkpoint c = full_run(RNN_CELL_LSTM, RNN_OPTIMIZER_ADAMW, precision);
    assert_ok(rnn_model_copy(c.model, &c.average));
    update(&c);
    assert_ok(rnn_model_average(c.average, c.model, 0.25));
    return c;
}

static void destroy_run(rnn_checkpoint *c)
{
    rnn_model_destroy(c->average);
    destroy_objects(c);
}

static void go_on(rnn_checkpoint *c)
{
    follow(c, "cu", 2);
    assert_ok(rnn_model_average(c->average, c->model, 0.25));
}

static void test_an_average_and_its_run_go_on_with_the_same_bits(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        rnn_checkpoint c = averaged_run(precision);
        assert_ok(rnn_checkpoint_save(&c, "saved"));
        rnn_checkpoint loaded = load_checkpoint("saved");
        assert_same_model(loaded.average, c.average);
        assert_same_model(loaded.model, c.model);
        go_on(&c);
        go_on(&loaded);
        assert_ok(rnn_checkpoint_save(&c, "saved"));
        assert_ok(rnn_checkpoint_save(&loaded, "again"));
        assert_same_files("saved", "again");
        destroy_run(&loaded);
        destroy_run(&c);
    }
}

static void test_a_checkpoint_without_an_average_loads_with_none(void **state)
{
    (void)state;
    rnn_checkpoint c = full_run(RNN_CELL_GRU, RNN_OPTIMIZER_SGD, RNN_FLOAT32);
    assert_ok(rnn_checkpoint_save(&c, "saved"));
    rnn_checkpoint loaded = load_checkpoint("saved");
    assert_null(loaded.average);
    destroy_run(&loaded);
    destroy_run(&c);
}

static void test_the_average_must_fit_the_model_and_needs_one(void **state)
{
    (void)state;
    size_t size = 7;
    rnn_model_options o = make_options(7, 2, 7, 1, RNN_FLOAT32);
    rnn_checkpoint c = full_run(RNN_CELL_LSTM, RNN_OPTIMIZER_ADAMW, RNN_FLOAT32);
    c.average = create_model(&o);
    assert_fails(rnn_checkpoint_save(&c, "saved"), RNN_ERROR_MISMATCH, "the average");
    rnn_checkpoint alone = empty_checkpoint();
    alone.average = c.average;
    assert_fails(rnn_checkpoint_save_to_memory(&alone, NULL, 0, &size), RNN_ERROR_ARGUMENT,
                 "checkpoint->model is NULL");
    assert_int_equal(size, 7);
    destroy_run(&c);
}

static void test_an_incomplete_average_is_refused(void **state)
{
    (void)state;
    static const char *const edits[][3] = {
        {"\"librnn.average.decoder.bias\":", "\"librnn.another.decoder.bias\":",
         "no tensor librnn.average.decoder.bias"},
        {"\"librnn.average.decoder.bias\":{\"dtype\":\"F32\",\"shape\":[7]",
         "\"librnn.average.decoder.bias\":{\"dtype\":\"F32\",\"shape\":[7,1]", "shape [7][1]"},
        {"\"librnn.checkpoint.average\":\"1\"", "\"librnn.checkpoint.average\":\"2\"", "librnn.checkpoint.average"},
    };
    rnn_checkpoint c = averaged_run(RNN_FLOAT32);
    file_bytes whole = checkpoint_bytes(&c);
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        file_bytes file = edited(&whole, edits[i][0], edits[i][1]);
        refuse(&file, RNN_ERROR_FORMAT, edits[i][2]);
        free(file.bytes);
    }
    free(whole.bytes);
    destroy_run(&c);
}

/* The struct of version 0.1 ends before the average. A leak checker sees whether the library releases it. */
static void test_a_program_of_version_0_1_loads_the_rest(void **state)
{
    (void)state;
    rnn_checkpoint c = averaged_run(RNN_FLOAT32), old = empty_checkpoint();
    rnn_model *const untouched = (rnn_model *)(void *)&c;
    assert_ok(rnn_checkpoint_save(&c, "saved"));
    old.struct_size = offsetof(rnn_checkpoint, average);
    old.average = untouched;
    assert_ok(rnn_checkpoint_load("saved", &old));
    assert_ptr_equal(old.average, untouched);
    assert_same_model(old.model, c.model);
    old.average = NULL;
    old.struct_size = sizeof old;
    destroy_run(&old);
    destroy_run(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_an_average_and_its_run_go_on_with_the_same_bits),
        test_with_files(test_a_checkpoint_without_an_average_loads_with_none),
        test_with_files(test_the_average_must_fit_the_model_and_needs_one),
        test_with_files(test_an_incomplete_average_is_refused),
        test_with_files(test_a_program_of_version_0_1_loads_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
