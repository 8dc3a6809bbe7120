/*
 * Files that librnn has not written: how a load reads them with a configuration and without one, and its error
 * sentences. Also files that librnn writes with module names of the caller's choice.
 */
#include "foreign_files.h"

/* ---- With a configuration ---- */

static void test_a_configuration_describes_the_model_in_a_foreign_file(void **state)
{
    (void)state;
    for (int kind = 0; kind < INPUT_KINDS * 2; kind++) {
        foreign f = create_foreign(options_for(RNN_CELL_LSTM, (input_kind)(kind / 2), kind % 2, RNN_FLOAT64, 2));
        rnn_model_options given = f.o;
        given.precision = RNN_FLOAT32; /* a configuration's precision doesn't count */
        f.options.configuration = &given;
        assert_loads_as(&f.file, &f.options, f.model);
        given.hidden_size++;
        assert_load_fails(&f.file, &f.options, kind / 2 == TIED ? RNN_ERROR_ARGUMENT : RNN_ERROR_FORMAT, "");
        given.hidden_size = 0;
        assert_load_fails(&f.file, &f.options, RNN_ERROR_ARGUMENT, "hidden_size is 0");
        destroy_foreign(&f);
    }
}

static void test_modules_of_others_may_have_other_names(void **state)
{
    (void)state;
    char long_name[202];
    foreign f = create_foreign(options_for(RNN_CELL_GRU, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    f.options.configuration = &f.o;
    f.options.rnn_name = "net.gru";
    f.options.decoder_name = "head";
    f.options.embedding_name = "";
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT, "no tensor net.gru.weight_hh_l0");
    rename_tensor(&f.file, "rnn.weight_ih_l0", "net.gru.weight_ih_l0");
    rename_tensor(&f.file, "rnn.weight_hh_l0", "net.gru.weight_hh_l0");
    rename_tensor(&f.file, "rnn.bias_ih_l0", "net.gru.bias_ih_l0");
    rename_tensor(&f.file, "rnn.bias_hh_l0", "net.gru.bias_hh_l0");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT, "no tensor weight");
    rename_tensor(&f.file, "embedding.weight", "weight");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT, "no tensor head.weight");
    rename_tensor(&f.file, "decoder.weight", "head.weight");
    rename_tensor(&f.file, "decoder.bias", "head.bias");
    assert_loads_as(&f.file, &f.options, f.model);

    memset(long_name, 'x', sizeof long_name);
    long_name[201] = '\0';
    f.options.rnn_name = long_name;
    assert_load_fails(&f.file, &f.options, RNN_ERROR_ARGUMENT, "rnn_name has 201 bytes");
    f.options.rnn_name = long_name + 1;
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT, "no tensor xxx");
    destroy_foreign(&f);
}

/* The load would never look for tensors of such a name. */
static void test_names_of_modules_that_have_no_effect_are_refused(void **state)
{
    (void)state;
    static const char *const standard[] = {"rnn", "decoder", "embedding"};
    rnn_model_options o = options_for(RNN_CELL_GRU, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
    rnn_model *model = create_random_model(&o, 1, 7);
    file_bytes file = saved(model, NULL);
    for (int i = 0; i < 3; i++) {
        rnn_load_options options = make_load_options();
        const char **names[] = {&options.rnn_name, &options.decoder_name, &options.embedding_name};
        char part[96];
        *names[i] = "net";
        snprintf(part, sizeof part, "%s_name is \"net\"; it has no effect, since the file was written by librnn",
                 standard[i]);
        assert_load_fails(&file, &options, RNN_ERROR_MISMATCH, part);
        *names[i] = standard[i];
        rnn_model_destroy(load(&file, &options));
    }
    free(file.bytes);
    rnn_model_destroy(model);

    foreign f = create_foreign(options_for(RNN_CELL_TANH, IDS, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    f.options.configuration = &f.o;
    f.options.embedding_name = "net";
    assert_load_fails(&f.file, &f.options, RNN_ERROR_ARGUMENT,
                      "embedding_name is \"net\"; it has no effect, since the model has no");
    f.options.embedding_name = "embedding";
    assert_loads_as(&f.file, &f.options, f.model);
    destroy_foreign(&f);
}

/* rnn_model_create() refuses options without effect, but files and configurations may have them. */
static void test_options_without_effect_in_a_file_or_a_configuration_are_as_if_unset(void **state)
{
    (void)state;
    static const char *const edits[][2] = {
        {"librnn.dropout\":\"0\"", "librnn.dropout\":\"0.5\""},
        {"librnn.weight_scale\":\"0.01\"", "librnn.weight_scale\":\"7\""},
        {"librnn.forget_bias\":\"0\"", "librnn.forget_bias\":\"1\""},
    };
    rnn_model_options o = options_for(RNN_CELL_GRU, IDS, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
    o.initialization = RNN_INIT_UNIFORM;
    rnn_model *model = create_model(&o);
    file_bytes file = saved(model, NULL);
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++)
        accept_load(edited(&file, edits[i][0], edits[i][1]), NULL, model);
    free(file.bytes);

    file = foreign_file(model);
    rnn_model_options given = o;
    rnn_load_options options = make_load_options();
    options.configuration = &given;
    given.dropout = 0.5;
    given.weight_scale = 7;
    given.forget_bias = 1;
    assert_loads_as(&file, &options, model);
    given.dropout = 1;
    assert_load_fails(&file, &options, RNN_ERROR_ARGUMENT, "dropout is 1");
    free(file.bytes);
    rnn_model_destroy(model);
}

static void test_missing_biases_of_others_are_zeros_layer_by_layer(void **state)
{
    (void)state;
    for (int32_t bias = RNN_BIAS_INPUT; bias <= RNN_BIAS_BOTH; bias++) {
        foreign f = create_foreign(options_for(RNN_CELL_TANH, IDS, bias, RNN_FLOAT32, 2));
        f.options.configuration = &f.o;
        rename_tensor(&f.file, "rnn.bias_ih_l1", "librnn.x");
        assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT, "no tensor rnn.bias_ih_l1");
        rename_tensor(&f.file, "rnn.bias_hh_l1", "librnn.y");
        rename_tensor(&f.file, "decoder.bias", "librnn.z");
        rnn_model *loaded = load(&f.file, &f.options);
        for (int64_t i = 0; i < rnn_model_parameter_count(f.model); i++) {
            rnn_parameter parameter = parameter_of(f.model, i);
            double *expected = get_parameter(f.model, i), *values = get_parameter(loaded, i);
            for (int64_t k = 0; k < parameter.count; k++) {
                int gone = strstr(parameter.name, "bias_ih_l1") || strstr(parameter.name, "bias_hh_l1") ||
                           strstr(parameter.name, "decoder.bias");
                assert_true(values[k] == (gone ? 0 : expected[k]));
            }
            free(expected);
            free(values);
        }
        rnn_model_destroy(loaded);
        rename_tensor(&f.file, "librnn.x", "rnn.bias_ih_l1");
        assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT, "no tensor rnn.bias_hh_l1");
        destroy_foreign(&f);
    }
}

static void test_a_tied_configuration_needs_equal_matrices(void **state)
{
    (void)state;
    rnn_model_options o = options_for(RNN_CELL_TANH, TIED, RNN_BIAS_INPUT, RNN_FLOAT32, 1);
    o.tied = 0;
    foreign f = create_foreign(o);
    o.tied = 1;
    f.options.configuration = &o;
    assert_load_fails(&f.file, &f.options, RNN_ERROR_MISMATCH, "decoder.weight and embedding.weight differ");
    double *values = get_parameter(f.model, 0);
    set_parameter(f.model, index_of(f.model, "decoder.weight"), values);
    free(values);
    free(f.file.bytes);
    f.file = foreign_file(f.model);
    rnn_model *loaded = load(&f.file, &f.options);
    assert_int_equal(options_of(loaded).tied, 1);
    rnn_model_destroy(loaded);
    destroy_foreign(&f);
}

/* ---- Tied models ---- */

static void test_the_matrix_of_a_tied_model_may_have_either_name(void **state)
{
    (void)state;
    rnn_model_options o = options_for(RNN_CELL_GRU, TIED, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
    rnn_load_options options = make_load_options();
    rnn_model *model = create_random_model(&o, 1, 7);
    for (int own = 0; own < 2; own++) {
        file_bytes file = own ? saved(model, NULL) : foreign_file(model);
        options.configuration = own ? NULL : &o;
        for (int under_decoder = 0; under_decoder < 2; under_decoder++) {
            assert_loads_as(&file, &options, model);
            if (!under_decoder)
                rename_tensor(&file, "\"embedding.weight\"", "\"decoder.weight\"");
        }
        rename_tensor(&file, "\"decoder.weight\"", "\"librnn.x\"");
        assert_load_fails(&file, &options, RNN_ERROR_FORMAT, "no tensor embedding.weight");
        free(file.bytes);
    }
    rnn_model_destroy(model);
}

static void test_a_tied_file_loaded_as_another_model_is_refused_with_advice(void **state)
{
    (void)state;
    foreign f = create_foreign(options_for(RNN_CELL_GRU, TIED, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    f.o.tied = 0;
    f.options.configuration = &f.o;
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "no tensor decoder.weight, but it has embedding.weight; if that tensor serves as both, set tied");
    rename_tensor(&f.file, "embedding.weight", "decoder.weight");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "no tensor embedding.weight, but it has decoder.weight; if that tensor serves as both, set tied");
    destroy_foreign(&f);
}

/* ---- Without a configuration ---- */

static void test_a_load_infers_the_model_from_its_tensors(void **state)
{
    (void)state;
    for (int32_t cell = RNN_CELL_TANH; cell <= RNN_CELL_LSTM; cell++) {
        for (int kind = 0; kind < INPUT_KINDS * 4; kind++) {
            input_kind input = (input_kind)(kind / 4);
            rnn_model_options o = options_for(cell, input, RNN_BIAS_BOTH, RNN_FLOAT32, kind % 2 ? 3 : 1);
            rnn_model_options given = default_options();
            o.bidirectional = o.learned_state = o.layer_norm = kind >> 1 & 1;
            o.embedding_size *= 1 + (o.bidirectional && o.tied);
            foreign f = create_foreign(o);
            given.input = o.input;
            given.loss = o.loss;
            if (input == IDS || input == VECTORS) {
                assert_load_fails(
                    &f.file, &f.options, RNN_ERROR_FORMAT,
                    "of rnn.weight_ih_l0 belong to symbols or to the features of vectors; give a configuration");
                assert_non_null(strstr(rnn_last_error(), "if embedding.weight is an embedding, set embedding_name"));
                f.options.configuration = &given;
            }
            for (f.options.infer = f.options.configuration != NULL; f.options.infer <= 1; f.options.infer++)
                assert_loads_as(&f.file, &f.options, f.model);
            destroy_foreign(&f);
        }
    }
}

static void test_a_tied_model_under_the_decoders_name_loads_if_its_input_is_given(void **state)
{
    (void)state;
    foreign f = create_foreign(options_for(RNN_CELL_GRU, TIED, RNN_BIAS_BOTH, RNN_FLOAT32, 2));
    rnn_model_options given = default_options();
    rename_tensor(&f.file, "embedding.weight", "decoder.weight");
    given.input = RNN_INPUT_EMBEDDING;
    f.options.configuration = &given;
    f.options.infer = 1;
    assert_loads_as(&f.file, &f.options, f.model);
    destroy_foreign(&f);
}

static void test_training_options_come_from_the_configuration_even_if_the_rest_is_inferred(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        rnn_model_options o = options_for(RNN_CELL_LSTM, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 2);
        rnn_model_options given = default_options();
        rnn_load_options options = make_load_options();
        rnn_model *model = create_random_model(&o, 1, 7);
        file_bytes file = own ? saved(model, NULL) : foreign_file(model);
        given.dropout = o.dropout = 0.25;
        given.reduction = o.reduction = RNN_REDUCTION_MEAN;
        given.seed = o.seed = 9;
        given.loss = RNN_LOSS_SQUARED_ERROR; /* the metadata of librnn's own file contradicts this */
        o.loss = own ? o.loss : RNN_LOSS_SQUARED_ERROR;
        options.configuration = &given;
        assert_load_fails(&file, &options, own ? RNN_ERROR_MISMATCH : RNN_ERROR_ARGUMENT, "");
        options.infer = 1;
        rnn_model *loaded = load(&file, &options);
        rnn_model_options of_loaded = options_of(loaded);
        assert_memory_equal(&of_loaded, &o, sizeof o);
        rnn_model_destroy(loaded);
        free(file.bytes);
        rnn_model_destroy(model);
    }
}

static void test_without_biases_a_model_has_one_of_zeros(void **state)
{
    (void)state;
    static const char *const biases[] = {"rnn.bias_ih_l0", "rnn.bias_hh_l0", "decoder.bias"};
    foreign f = create_foreign(options_for(RNN_CELL_GRU, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    for (int i = 0; i < 3; i++) {
        char other[32];
        snprintf(other, sizeof other, "librnn.%d", i);
        rename_tensor(&f.file, biases[i], other);
        if (i == 0)
            assert_load_fails(&f.file, NULL, RNN_ERROR_FORMAT, "no tensor rnn.bias_ih_l0");
    }
    rnn_model *loaded = load(&f.file, NULL);
    assert_int_equal(options_of(loaded).bias, RNN_BIAS_INPUT);
    assert_int_equal(options_of(loaded).cell, RNN_CELL_GRU);
    double *values = get_parameter(loaded, index_of(loaded, "rnn.bias_ih_l0"));
    for (int i = 0; i < 3 * HIDDEN; i++)
        assert_true(values[i] == 0);
    free(values);
    rnn_model_destroy(loaded);
    destroy_foreign(&f);
}

static void test_shapes_that_make_no_model_are_refused(void **state)
{
    (void)state;
    static const change changes[] = {
        {"\"shape\":[20,5]", "\"shape\":[10,10]", /* a tanh RNN of 10 units */
         "rnn.weight_ih_l0 has the shape [20][3]; the model needs [10][3]"},
        {"\"shape\":[20,5]", "\"shape\":[50,2]",
         "rnn.weight_hh_l0 has 50 rows and 2 columns; the rows must be the columns times the number of a cell's gates: "
         "1 (tanh), 3 (gru), 4 (lstm)"},
        {"\"shape\":[20,5]", "\"shape\":[100]", "rnn.weight_hh_l0 has the shape [100]; it must have 2 dimensions"},
        {"\"shape\":[20,3]", "\"shape\":[60]", "rnn.weight_ih_l0 has the shape [60]; it must have 2 dimensions"},
        {"\"shape\":[20,3]", "\"shape\":[12,5]", "rnn.weight_ih_l0"},
        {"\"shape\":[7,3]", "\"shape\":[21]", "embedding.weight has the shape [21]; it must have 2 dimensions"},
        {"\"shape\":[7,3]", "\"shape\":[3,7]", "rnn.weight_ih_l0 has the shape [20][3]; the model needs [20][7]"},
        {"\"shape\":[7,5]", "\"shape\":[35]", "decoder.weight has the shape [35]; it must have 2 dimensions"},
        {"\"shape\":[7,5]", "\"shape\":[5,7]", "decoder.weight has the shape [5][7]; the model needs [5][5]"},
        {"\"decoder.weight\"", "\"librnn.x\"", "no tensor decoder.weight"},
        {"\"rnn.weight_ih_l0\"", "\"librnn.x\"", "no tensor rnn.weight_ih_l0"},
        {"\"rnn.bias_hh_l0\"", "\"rnn.bias_hh_l1\"", "no tensor rnn.bias_hh_l0"},
    };
    foreign f = create_foreign(options_for(RNN_CELL_LSTM, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    refuse_all(&f.file, changes);
    /* a file without numbers */
    static const char nothing[] = "{\"rnn.weight_hh_l0\":{\"dtype\":\"F32\",\"shape\":[0,0],\"data_offsets\":[0,0]},"
                                  "\"rnn.weight_ih_l0\":{\"dtype\":\"F32\",\"shape\":[0,0],\"data_offsets\":[0,0]},"
                                  "\"embedding.weight\":{\"dtype\":\"F32\",\"shape\":[0,0],\"data_offsets\":[0,0]}}";
    refuse_load(make_file(nothing, strlen(nothing), NULL, 0), RNN_ERROR_FORMAT, "describes an invalid model");
    destroy_foreign(&f);
}

/* ---- Names when saving ---- */

static rnn_save_options make_save_options(void)
{
    rnn_save_options options;
    assert_ok(rnn_save_options_init(&options, sizeof options));
    return options;
}

static file_bytes saved_with(const rnn_model *model, const rnn_save_options *options)
{
    file_bytes file = {NULL, 0};
    assert_ok(rnn_model_save_to_memory_with(model, NULL, options, NULL, 0, &file.size));
    file.bytes = allocate((int64_t)file.size, 1);
    assert_ok(rnn_model_save_to_memory_with(model, NULL, options, file.bytes, file.size, &file.size));
    return file;
}

static void test_a_model_saved_under_other_names_loads_as_any_other(void **state)
{
    (void)state;
    static const char *const cases[][3] = {{"net.lstm", "head", "words"}, {"", "fc", ""}, {NULL, "", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int32_t bias = RNN_BIAS_INPUT; bias <= RNN_BIAS_BOTH; bias++) {
            rnn_model_options o = options_for(RNN_CELL_LSTM, EMBEDDED, bias, RNN_FLOAT32, 2);
            rnn_model *model = create_random_model(&o, 1, 7), *loaded = NULL;
            rnn_save_options names = make_save_options();
            names.rnn_name = cases[i][0];
            names.decoder_name = cases[i][1];
            names.embedding_name = cases[i][2];
            file_bytes file = saved_with(model, &names);
            assert_loads_as(&file, NULL, model);
            assert_ok(rnn_model_save_with(model, NULL, &names, "model"));
            assert_ok(rnn_model_load("model", NULL, &loaded, NULL));
            assert_same_model(model, loaded);
            rnn_model_destroy(loaded);

            /* Other readers see these names. rnn_model_load() may be told them. */
            rnn_load_options options = make_load_options();
            options.rnn_name = cases[i][0];
            options.decoder_name = cases[i][1];
            options.embedding_name = cases[i][2];
            rnn_model_destroy(load(&file, &options));
            rename_tensor(&file, "librnn.format", "format.x");
            loaded = load(&file, &options);
            assert_int_equal(options_of(loaded).cell, RNN_CELL_LSTM);
            rnn_model_destroy(loaded);
            free(file.bytes);
            rnn_model_destroy(model);
        }
    }
}

static void test_names_in_a_file_and_given_must_agree(void **state)
{
    (void)state;
    rnn_model_options o = options_for(RNN_CELL_LSTM, IDS, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
    rnn_model *model = create_random_model(&o, 1, 7);
    rnn_save_options names = make_save_options();
    rnn_load_options options = make_load_options();
    names.rnn_name = "lstm";
    file_bytes file = saved_with(model, &names);
    options.rnn_name = "rnn";
    assert_load_fails(
        &file, &options, RNN_ERROR_MISMATCH,
        "rnn_name is \"rnn\"; it has no effect, since the file was written by librnn, which calls the module "
        "\"lstm\"");
    refuse_load(edited(&file, "rnn_name\":\"lstm\"", "rnn_name\":\"gru\""), RNN_ERROR_FORMAT,
                "no tensor gru.weight_hh_l0");
    free(file.bytes);
    rnn_model_destroy(model);
}

static void test_save_options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *rnn, *decoder, *embedding, *part;
    } cases[] = {
        {"a\xff", NULL, NULL, "rnn_name is not valid UTF-8 at byte 1"},
        {NULL, "librnn", NULL,
         "decoder_name is \"librnn\"; \"librnn\" and names that begin with \"librnn.\" are reserved"},
        {NULL, NULL, "librnn.x", "embedding_name is \"librnn.x\""},
        {NULL, "embedding", NULL, "embedding_name and decoder_name are both \"embedding\"; they must differ"},
        {NULL, "", "", "embedding_name and decoder_name are both \"\""},
    };
    char long_name[202];
    size_t size = 77;
    rnn_model_options o = options_for(RNN_CELL_LSTM, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
    rnn_model *model = create_random_model(&o, 1, 7);
    rnn_save_options names = make_save_options();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        names.rnn_name = cases[i].rnn;
        names.decoder_name = cases[i].decoder;
        names.embedding_name = cases[i].embedding;
        assert_fails(rnn_model_save_to_memory_with(model, NULL, &names, NULL, 0, &size), RNN_ERROR_ARGUMENT,
                     cases[i].part);
        assert_fails(rnn_model_save_with(model, NULL, &names, "model"), RNN_ERROR_ARGUMENT, cases[i].part);
        assert_int_equal(access("model", F_OK), -1);
    }
    names = make_save_options();
    memset(long_name, 'x', sizeof long_name);
    long_name[201] = '\0';
    names.rnn_name = long_name;
    assert_fails(rnn_model_save_with(model, NULL, &names, "model"), RNN_ERROR_ARGUMENT, "rnn_name has 201 bytes");
    long_name[200] = '\0';
    file_bytes file = saved_with(model, &names);
    rnn_model_destroy(load(&file, NULL));
    free(file.bytes);
    assert_int_equal(size, 77);
    rnn_model_destroy(model);

    o = options_for(RNN_CELL_LSTM, VECTORS, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
    model = create_random_model(&o, 1, 7);
    names = make_save_options();
    names.embedding_name = "words";
    assert_fails(rnn_model_save_with(model, NULL, &names, "model"), RNN_ERROR_ARGUMENT,
                 "embedding_name is \"words\"; it has no effect, since the model has no embedding");
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_configuration_describes_the_model_in_a_foreign_file),
        cmocka_unit_test(test_modules_of_others_may_have_other_names),
        cmocka_unit_test(test_names_of_modules_that_have_no_effect_are_refused),
        cmocka_unit_test(test_options_without_effect_in_a_file_or_a_configuration_are_as_if_unset),
        cmocka_unit_test(test_missing_biases_of_others_are_zeros_layer_by_layer),
        cmocka_unit_test(test_a_tied_configuration_needs_equal_matrices),
        cmocka_unit_test(test_the_matrix_of_a_tied_model_may_have_either_name),
        cmocka_unit_test(test_a_tied_file_loaded_as_another_model_is_refused_with_advice),
        cmocka_unit_test(test_a_load_infers_the_model_from_its_tensors),
        cmocka_unit_test(test_a_tied_model_under_the_decoders_name_loads_if_its_input_is_given),
        cmocka_unit_test(test_training_options_come_from_the_configuration_even_if_the_rest_is_inferred),
        cmocka_unit_test(test_without_biases_a_model_has_one_of_zeros),
        cmocka_unit_test(test_shapes_that_make_no_model_are_refused),
        test_with_files(test_a_model_saved_under_other_names_loads_as_any_other),
        cmocka_unit_test(test_names_in_a_file_and_given_must_agree),
        test_with_files(test_save_options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
