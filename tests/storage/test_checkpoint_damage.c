/*
 * Damaged checkpoints: cut off, or edited. A load must refuse each of them and change nothing.
 */
#include "full_runs.h"

static void test_a_file_cut_off_at_any_byte_is_refused(void **state)
{
    (void)state;
    file_bytes file = full_file(RNN_CELL_TANH, RNN_OPTIMIZER_ADAM, RNN_FLOAT32);
    for (size_t size = 0; size < file.size; size++) {
        file_bytes part = {file.bytes, size};
        refuse(&part, RNN_ERROR_FORMAT, "refused: ");
    }
    free(file.bytes);
}

static void test_a_changed_byte_of_the_header_never_crashes(void **state)
{
    (void)state;
    int refused = 0, loaded = 0;
    file_bytes file = full_file(RNN_CELL_LSTM, RNN_OPTIMIZER_RMSPROP, RNN_FLOAT32);
    size_t length = header_length(&file);
    for (size_t at = 8; at < 8 + length; at++) {
        rnn_checkpoint c = empty_checkpoint();
        unsigned char byte = file.bytes[at];
        file.bytes[at] = byte == '1' ? '9' : byte >= '0' && byte <= '9' ? '1' : 'q';
        write_file("changed", file.bytes, file.size);
        rnn_status status = rnn_checkpoint_load("changed", &c);
        if (status == RNN_OK) {
            loaded++;
            destroy_objects(&c);
        } else {
            assert_true(status == RNN_ERROR_FORMAT || status == RNN_ERROR_MISMATCH);
            refused++;
        }
        file.bytes[at] = byte;
    }
    assert_true(refused > loaded && loaded > 0);
    free(file.bytes);
}

static void test_metadata_that_says_nothing_or_too_much_is_refused(void **state)
{
    (void)state;
    static const char *const changes[][3] = {
        {"librnn.checkpoint\":\"1\"", "librnn.checkpoint\":\"3\"", "librnn.checkpoint is 3, from a later version"},
        {"librnn.checkpoint\":\"1\"", "librnn.checkpoint\":\"0\"", "librnn.checkpoint is \"0\""},
        {"librnn.format\":\"1\"", "librnn.format\":\"2\"", "librnn.format is 2"},
        {"\"librnn.format\":\"1\",", "", "the file was not written by librnn"},
        {"\"librnn.format\"", "\"librnn.checkpoint.frozen\":\"99\",\"librnn.format\"", "lists parameter 99"},
        {"\"librnn.format\"", "\"librnn.checkpoint.frozen\":\"1,x\",\"librnn.format\"", "ids separated by commas"},
        {"\"librnn.format\"", "\"librnn.state.fresh\":\"0\",\"librnn.format\"", "no learned initial state"},
        {"position\":\"12\"", "position\":\"-1\"", "librnn.checkpoint.corpus_position is \"-1\""},
        {"position\":\"12\"", "position\":\"9223372036854775808\"", "librnn.checkpoint.corpus_position"},
        {"checkpoint.gradients\":\"1\"", "checkpoint.gradients\":\"2\"", "librnn.checkpoint.gradients is \"2\""},
        {"gradient_rows\":\"listed\"", "gradient_rows\":\"some\"", "librnn.checkpoint.gradient_rows is \"some\""},
        {"librnn.checkpoint.gradient_rows", "librnn.checkpoint.x", "the file has no librnn.checkpoint.gradient_rows"},
        {"rule\":\"rmsprop\"", "rule\":\"sgdx\"", "librnn.optimizer.rule is \"sgdx\""},
        {"librnn.optimizer.rule", "librnn.optimizer.x", "the file has no librnn.optimizer.rule"},
        {"momentum\":\"0.5\"", "momentum\":\"1\"", "an invalid optimizer: momentum is 1"},
        {"momentum\":\"0.5\"", "momentum\":\"nan\"", "librnn.optimizer.momentum is \"nan\""},
        {"momentum\":\"0.5\"", "momentum\":\"\"", "librnn.optimizer.momentum is \"\""},
        {"learning_rate\":\"0", "learning_rate\":\"1e999\",\"x\":\"", "an invalid optimizer: learning_rate is inf"},
        {"learning_rate\":\"", "learning_rate\":\"-", "an invalid optimizer: learning_rate is -"},
        {"nesterov\":\"0\"", "nesterov\":\"1\"", "an invalid optimizer: nesterov is 1"},
        {"beta1\":\"0\"", "beta1\":\"0.5\"", "an invalid optimizer: beta1 is 0.5"},
        {"optimizer.steps\":\"1\"", "optimizer.steps\":\"9007199254740992\"", "must be less than 2^53"},
        {"optimizer.steps\":\"1\"", "optimizer.steps\":\"-1\"", "librnn.optimizer.steps is \"-1\""},
        {"random_index\":\"2\"", "random_index\":\"18014398509481984\"", "must be less than 2^54"},
        {"librnn.state.random_index", "librnn.state.x", "the file has no librnn.state.random_index"},
        {"temperature\":\"0", "temperature\":\"-0", "an invalid sampler: temperature is -0.7"},
        {"librnn.sampler.temperature", "librnn.sampler.x", "the file has no librnn.sampler.temperature"},
        {"sampler.drawn\":\"10\"", "sampler.drawn\":\"x\"", "librnn.sampler.drawn is \"x\""},
        {"sampler.seed\":\"18446744073709551612\"", "sampler.seed\":\"18446744073709551616\"", "librnn.sampler.seed"},
    };
    file_bytes file = full_file(RNN_CELL_LSTM, RNN_OPTIMIZER_RMSPROP, RNN_FLOAT32);
    refuse_all(&file, changes);
    free(file.bytes);
}

static void test_a_run_of_the_most_steps_can_be_saved_after_another(void **state)
{
    (void)state;
    file_bytes file = full_file(RNN_CELL_LSTM, RNN_OPTIMIZER_RMSPROP, RNN_FLOAT32);
    file_bytes changed = edited(&file, "optimizer.steps\":\"1\"", "optimizer.steps\":\"9007199254740991\"");
    write_file("changed", changed.bytes, changed.size);
    rnn_checkpoint c = load_checkpoint("changed");
    assert_ok(rnn_optimizer_step(c.optimizer, c.model));
    assert_ok(rnn_checkpoint_save(&c, "saved"));
    rnn_checkpoint again = load_checkpoint("saved");
    destroy_objects(&again);
    destroy_objects(&c);
    free(changed.bytes);
    free(file.bytes);
}

static void test_tensors_that_do_not_make_the_checkpoint_are_refused(void **state)
{
    (void)state;
    static const char *const changes[][3] = {
        {"librnn.checkpoint.counters\":{", "librnn.x\":{", "no tensor librnn.checkpoint.counters"},
        {"librnn.checkpoint.values\":{\"dtype\":\"F64\",\"shape\":[8]",
         "librnn.checkpoint.values\":{\"dtype\":\"F64\",\"shape\":[4,2]",
         "librnn.checkpoint.values has the shape [4][2]"},
        {"librnn.checkpoint.values\":{\"dtype\":\"F64\"", "librnn.checkpoint.values\":{\"dtype\":\"I64\"",
         "librnn.checkpoint.values has the type I64; it must be F64"},
        {"librnn.gradient.decoder.bias", "librnn.x", "no tensor librnn.gradient.decoder.bias"},
        {"librnn.gradient.decoder.weight\":{\"dtype\":\"F32\",\"shape\":[7,2]",
         "librnn.gradient.decoder.weight\":{\"dtype\":\"F32\",\"shape\":[2,7]",
         "librnn.gradient.decoder.weight has the shape [2][7]; the model needs [7][2]"},
        {"librnn.optimizer.first.rnn.weight_hh_l1\":{", "librnn.x\":{",
         "no tensor librnn.optimizer.first.rnn.weight_hh"},
        {"librnn.optimizer.second.decoder.bias\":{\"dtype\":\"F32\"",
         "librnn.optimizer.second.decoder.bias\":{\"dtype\":\"I32\"",
         "librnn.optimizer.second.decoder.bias has the type I32; it must be F32"},
        {"librnn.state.hidden\":{", "librnn.x\":{", "no tensor librnn.state.hidden"},
        {"librnn.state.memory\":{", "librnn.x\":{", "no tensor librnn.state.memory"},
        {"librnn.state.hidden\":{\"dtype\":\"F32\",\"shape\":[2,2,2]",
         "librnn.state.hidden\":{\"dtype\":\"F32\",\"shape\":[2,4]",
         "librnn.state.hidden has the wrong shape; it must be [layers]"},
        {"librnn.state.hidden\":{\"dtype\":\"F32\",\"shape\":[2,2,2]",
         "librnn.state.hidden\":{\"dtype\":\"F32\",\"shape\":[1,4,2]", "librnn.state.hidden has the shape [1][4][2]"},
        {"librnn.state.memory\":{\"dtype\":\"F32\",\"shape\":[2,2,2]",
         "librnn.state.memory\":{\"dtype\":\"F32\",\"shape\":[2,1,4]", "librnn.state.memory has the shape [2][1][4]"},
        {"librnn.gradient_rows\":{\"dtype\":\"I32\"", "librnn.gradient_rows\":{\"dtype\":\"F32\"",
         "librnn.gradient_rows has the type F32; it must be I32"},
        {"librnn.gradient_rows\":{\"dtype\":\"I32\",\"shape\":[2]",
         "librnn.gradient_rows\":{\"dtype\":\"I32\",\"shape\":[2,1]", "librnn.gradient_rows has 2 dimensions"},
        {"librnn.gradient_rows\":{", "librnn.x\":{", "has a gradient, but librnn.gradient_rows doesn't list it"},
    };
    file_bytes file = full_file(RNN_CELL_LSTM, RNN_OPTIMIZER_RMSPROP, RNN_FLOAT32);
    refuse_all(&file, changes);
    free(file.bytes);
}

static void put_row(file_bytes *file, int64_t index, int32_t row)
{
    put_element(file, "librnn.gradient_rows", index, &row, sizeof row);
}

static void test_rows_must_be_symbols_each_once(void **state)
{
    (void)state;
    static const int32_t rows[] = {-1, 7, INT32_MAX, INT32_MIN};
    int32_t first;
    file_bytes file = full_file(RNN_CELL_LSTM, RNN_OPTIMIZER_RMSPROP, RNN_FLOAT32);
    get_element(&file, "librnn.gradient_rows", 0, &first, sizeof first);
    for (int i = 0; i < 4; i++) {
        put_row(&file, 0, rows[i]);
        refuse(&file, RNN_ERROR_FORMAT, "librnn.gradient_rows[0] is ");
    }
    put_row(&file, 0, first);
    put_row(&file, 1, first);
    refuse(&file, RNN_ERROR_FORMAT, "librnn.gradient_rows[1] is ");
    free(file.bytes);
}

static void test_values_that_no_run_can_have_are_refused(void **state)
{
    (void)state;
    for (int32_t rule = RNN_OPTIMIZER_ADAGRAD; rule <= RNN_OPTIMIZER_ADAMW; rule++) {
        int squares_first = rule == RNN_OPTIMIZER_ADAGRAD || rule == RNN_OPTIMIZER_RMSPROP;
        int squares_second = rule == RNN_OPTIMIZER_ADAM || rule == RNN_OPTIMIZER_ADAMW;
        const char *name =
            squares_first ? "librnn.optimizer.first.rnn.weight_hh_l1" : "librnn.optimizer.second.rnn.weight_hh_l1";
        const float bad[] = {NAN, INFINITY, -INFINITY};
        file_bytes file = full_file(RNN_CELL_LSTM, rule, RNN_FLOAT32);
        if (squares_first || squares_second) {
            float before;
            get_element(&file, name, 1, &before, sizeof before);
            put_float(&file, name, 1, -1e-30F);
            refuse(&file, RNN_ERROR_FORMAT, name);
            put_float(&file, name, 1, before);
        }
        for (int i = 0; i < 3; i++) {
            put_float(&file, "librnn.state.memory", 5, bad[i]);
            refuse(&file, RNN_ERROR_FORMAT, "librnn.state.memory: values[1] is ");
        }
        free(file.bytes);
    }
}

static void test_training_in_another_precision_than_the_models_is_refused(void **state)
{
    (void)state;
    /* A state of twice as many streams in half the width takes the same bytes. */
    static const char *const changes[][3] = {
        {"librnn.state.hidden\":{\"dtype\":\"F64\",\"shape\":[2,2,2]",
         "librnn.state.hidden\":{\"dtype\":\"F32\",\"shape\":[2,4,2]",
         "librnn.state.hidden has the type F32; it must be F64, the model's precision"},
    };
    file_bytes file = full_file(RNN_CELL_TANH, RNN_OPTIMIZER_ADAGRAD, RNN_FLOAT64);
    refuse_all(&file, changes);
    free(file.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_a_file_cut_off_at_any_byte_is_refused),
        test_with_files(test_a_changed_byte_of_the_header_never_crashes),
        test_with_files(test_metadata_that_says_nothing_or_too_much_is_refused),
        test_with_files(test_a_run_of_the_most_steps_can_be_saved_after_another),
        test_with_files(test_tensors_that_do_not_make_the_checkpoint_are_refused),
        test_with_files(test_rows_must_be_symbols_each_once),
        test_with_files(test_values_that_no_run_can_have_are_refused),
        test_with_files(test_training_in_another_precision_than_the_models_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
