/*
 * Models' files that a load refuses: metadata and tensors that don't make a model, and a configuration that doesn't
 * agree with the file.
 */
#include "small_models.h"

/* ---- Metadata ---- */

static void test_metadata_that_says_nothing_or_too_much_is_refused(void **state)
{
    (void)state;
    static const change changes[] = {
        {"librnn.format\":\"1\"", "librnn.format\":\"2\"", "later version"},
        {"librnn.format\":\"1\"", "librnn.format\":\"99999999999999999999999\"", "librnn.format"},
        {"librnn.format\":\"1\"", "librnn.format\":\"0\"", "librnn.format"},
        {"librnn.format\":\"1\"", "librnn.format\":\"1.0\"", "librnn.format"},
        {"librnn.format\":\"1\"", "librnn.format\":\"\"", "librnn.format"},
        {"librnn.format\":\"1\"", "librnn.format\":\"-1\"", "librnn.format"},
        {"\"librnn.format\":\"1\",", "", "symbols or to the features of vectors"},
        {"librnn.cell\":\"tanh\"", "librnn.cell\":\"relu\"", "librnn.cell is \"relu\""},
        {"librnn.cell\":\"tanh\"", "librnn.cell\":\"0\"", "librnn.cell"},
        {"\"librnn.cell\":\"tanh\",", "", "librnn.cell"},
        {"librnn.cell\":\"tanh\"", "librnn.cell\":\"gru\"", "shape"},
        {"librnn.input\":\"ids\"", "librnn.input\":\"embedding\"", "embedding_size is 0"},
        {"librnn.input\":\"ids\"", "librnn.input\":\"Ids\"", "librnn.input"},
        {"librnn.input_size\":\"3\"", "librnn.input_size\":\"4\"", "rnn.weight_ih_l0"},
        {"librnn.input_size\":\"3\"", "librnn.input_size\":\"0\"", "input_size is 0"},
        {"librnn.input_size\":\"3\"", "librnn.input_size\":\"-3\"", "librnn.input_size"},
        {"librnn.input_size\":\"3\"", "librnn.input_size\":\" 3\"", "librnn.input_size"},
        {"librnn.input_size\":\"3\"", "librnn.input_size\":\"9223372036854775808\"", "input_size"},
        {"librnn.hidden_size\":\"2\"", "librnn.hidden_size\":\"16384\"", "shape"},
        {"librnn.hidden_size\":\"2\"", "librnn.hidden_size\":\"9223372036854775807\"", "hidden_size"},
        {"librnn.layers\":\"1\"", "librnn.layers\":\"2\"", "no tensor rnn.weight_hh_l1"},
        {"librnn.layers\":\"1\"", "librnn.layers\":\"9223372036854775807\"", "no tensor"},
        {"librnn.layers\":\"1\"", "librnn.layers\":\"0\"", "layers is 0"},
        {"librnn.output_size\":\"3\"", "librnn.output_size\":\"16777216\"", "decoder.weight"},
        {"librnn.bias\":\"input\"", "librnn.bias\":\"none\"", "librnn.bias"},
        {"librnn.tied\":\"0\"", "librnn.tied\":\"2\"", "librnn.tied"},
        {"librnn.tied\":\"0\"", "librnn.tied\":\"1\"", "tied"},
        {"librnn.loss\":\"cross_entropy\"", "librnn.loss\":\"hinge\"", "librnn.loss"},
        {"librnn.reduction\":\"sum\"", "librnn.reduction\":\"max\"", "librnn.reduction"},
        {"librnn.dropout\":\"0\"", "librnn.dropout\":\"1\"", "dropout is 1"},
        {"librnn.dropout\":\"0\"", "librnn.dropout\":\"nan\"", "librnn.dropout"},
        {"librnn.dropout\":\"0\"", "librnn.dropout\":\"0x0\"", "librnn.dropout"},
        {"librnn.dropout\":\"0\"", "librnn.dropout\":\"\"", "librnn.dropout"},
        {"librnn.dropout\":\"0\"", "librnn.dropout\":\"0,5\"", "librnn.dropout"},
        {"librnn.weight_scale\":\"0.01\"", "librnn.weight_scale\":\"1e999\"", "weight_scale"},
        {"librnn.weight_scale\":\"0.01\"", "librnn.weight_scale\":\"-1\"", "weight_scale"},
        {"librnn.forget_bias\":\"0\"", "librnn.forget_bias\":\"1e999\"", "forget_bias"},
        {"librnn.seed\":\"0\"", "librnn.seed\":\"18446744073709551616\"", "librnn.seed"},
        {"librnn.vocab.kind\":\"bytes\"", "librnn.vocab.kind\":\"syllables\"", "librnn.vocab.kind"},
        {"\"librnn.vocab.kind\":\"bytes\",", "", "librnn.vocab.kind"},
        {",\"librnn.vocab.symbols\":\"616263\"", "", "librnn.vocab.symbols"},
        {"symbols\":\"616263\"", "symbols\":\"6162\"", "vocabulary has 2 symbols"},
        {"symbols\":\"616263\"", "symbols\":\"61626364\"", "vocabulary has 4 symbols"},
        {"symbols\":\"616263\"", "symbols\":\"616261\"", "twice"},
        {"symbols\":\"616263\"", "symbols\":\"61626\"", "pairs"},
        {"symbols\":\"616263\"", "symbols\":\"6162 3\"", "pairs"},
        {"symbols\":\"616263\"", "symbols\":\"61626C\"", "pairs"},
        {"symbols\":\"616263\"", "symbols\":\"\"", "pairs"},
    };
    file_bytes file = small_file(true);
    refuse_all(&file, changes);
    free(file.bytes);
}

static void test_what_other_versions_add_is_passed_over(void **state)
{
    (void)state;
    static const char *const added[][2] = {
        {"\"format\":\"pt\"", "\"format\":\"pt\",\"librnn.later\":\"x\",\"author\":\"\xc3\xa9\\n\""},
        {"\"format\":\"pt\",", ""},
        {"\"format\":\"pt\"", "\"format\":\"np\""},
        {"\"librnn.version\":\"", "\"librnn.version\":\"9"},
        {"\"librnn.reduction\":\"sum\",", ""},
        {"\"librnn.seed\":\"0\"", "\"x\":\"y\""},
        {"\"dtype\":\"F32\"", "\"new\":[{}],\"dtype\":\"F32\""},
        {"},\"rnn", "},\"librnn.state\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[0,0]},\"rnn"},
        {"},\"rnn", "},\"librnn.state\":{\"dtype\":\"Z9\",\"shape\":[4],\"data_offsets\":[0,0]},\"rnn"},
    };
    rnn_model *model = small_model();
    file_bytes file = saved(model, NULL);
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++)
        accept_load(edited(&file, added[i][0], added[i][1]), NULL, model);
    free(file.bytes);
    rnn_model_destroy(model);
}

/* ---- Tensors ---- */

static void test_tensors_that_do_not_make_the_model_are_refused(void **state)
{
    (void)state;
    static const change changes[] = {
        {"\"rnn.weight_ih_l0\"", "\"rnn.weight_ih_l1\"", "no tensor rnn.weight_ih_l0"},
        {"\"rnn.weight_hh_l0\"", "\"weight_hh_l0\"", "no tensor rnn.weight_hh_l0"},
        {"\"rnn.bias_ih_l0\"", "\"rnn.bias_l0\"", "no tensor rnn.bias_ih_l0"},
        {"\"rnn.bias_hh_l0\"", "\"rnn.bias\"", "no tensor rnn.bias_hh_l0"},
        {"\"decoder.bias\"", "\"decoder.b\"", "no tensor decoder.bias"},
        {"\"decoder.weight\"", "\"encoder.weight\"", "no tensor decoder.weight"},
        {"\"F32\"", "\"BF16\"", "data_offsets"},
        {"\"F32\",\"shape\":[2,3]", "\"BF16\",\"shape\":[2,6]",
         "rnn.weight_ih_l0 has the shape [2][6]; the model needs [2][3]"},
        {"\"F32\",\"shape\":[2,3]", "\"I32\",\"shape\":[2,3]",
         "rnn.weight_ih_l0 has the type I32; it must be F64, F32, F16 or BF16"},
        {"\"F32\",\"shape\":[2,3]", "\"Q4\",\"shape\":[2,3]", "rnn.weight_ih_l0 has the type Q4"},
        {"\"shape\":[2,3]", "\"shape\":[3,2]", "rnn.weight_ih_l0 has the shape [3][2]; the model needs [2][3]"},
        {"\"shape\":[2,3]", "\"shape\":[6]", "[6]"},
        {"\"shape\":[2,3]", "\"shape\":[1,2,3]", "[1][2][3]"},
        {"\"shape\":[2,3]", "\"shape\":[1,1,1,1,1,1,2,3]", "[1][1][1][1][1][1][2][3]"},
        {"\"shape\":[2],", "\"shape\":[2,1],", "rnn.bias_ih_l0 has the shape [2][1]"},
        {"},\"rnn", "},\"x\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"rnn",
         "tensor x, but the model has no such parameter"},
        {"},\"rnn", "},\"rnn.weight_ih_l0_reverse\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"rnn",
         "bidirectional"},
        {"},\"rnn", "},\"rnn.weight_hr_l0\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"rnn",
         "projections"},
        {"},\"rnn", "},\"a\\nb\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]},\"rnn", "tensor a?b"},
    };
    file_bytes file = small_file(false);
    refuse_all(&file, changes);
    free(file.bytes);
}

static void test_a_tied_file_may_have_the_matrix_twice_if_both_are_the_same(void **state)
{
    (void)state;
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        rnn_model_options o = options_for(RNN_CELL_TANH, TIED, RNN_BIAS_INPUT, precision, 1);
        rnn_model *tied = create_random_model(&o, 1, 6);
        o.tied = 0;
        rnn_model *untied = create_random_model(&o, 1, 6);
        double *embedding = get_parameter(tied, 0);
        set_parameter(untied, 0, embedding);
        set_parameter(untied, index_of(untied, "decoder.weight"), embedding);
        for (int64_t i = 1; i < rnn_model_parameter_count(tied); i++) {
            double *values = get_parameter(tied, i);
            set_parameter(untied, index_of(untied, parameter_of(tied, i).name), values);
            free(values);
        }
        file_bytes file = saved(untied, NULL);
        file_bytes changed = edited(&file, "librnn.tied\":\"0\"", "librnn.tied\":\"1\"");
        assert_loads_as(&changed, NULL, tied);
        changed.bytes[place_of_tensor(&changed, "decoder.weight") + SYMBOLS * HIDDEN * precision_size(precision) - 1] ^=
            1;
        assert_load_fails(&changed, NULL, RNN_ERROR_FORMAT, "decoder.weight and embedding.weight differ");
        free(changed.bytes);
        free(file.bytes);
        free(embedding);
        rnn_model_destroy(untied);
        rnn_model_destroy(tied);
    }
}

/* ---- A configuration for a file that librnn has written ---- */

static void test_a_configuration_must_agree_with_the_file_on_what_is_computed(void **state)
{
    (void)state;
    rnn_model_options o = rich_options();
    rnn_load_options options = make_load_options();
    rnn_model *model = create_model(&o);
    file_bytes file = saved(model, NULL);
    rnn_model_options given = o;
    options.configuration = &given;
    given.dropout = 0.5;
    given.reduction = RNN_REDUCTION_SUM;
    given.seed = 3;
    given.orthogonal = 0;
    rnn_model *loaded = load(&file, &options);
    rnn_model_options of_loaded = options_of(loaded);
    assert_memory_equal(&of_loaded, &given, sizeof given);
    rnn_model_destroy(loaded);

    static const struct {
        size_t offset;
        int is_count;
        const char *part;
    } fields[] = {
        {offsetof(rnn_model_options, cell), 0, "configuration->cell is 3; in the file it is RNN_CELL_LSTM"},
        {offsetof(rnn_model_options, input), 0,
         "configuration->input is RNN_INPUT_VECTORS; in the file it is RNN_INPUT_EMBEDDING"},
        {offsetof(rnn_model_options, input_size), 1, "configuration->input_size is 8; in the file it is 7"},
        {offsetof(rnn_model_options, embedding_size), 1, "configuration->embedding_size"},
        {offsetof(rnn_model_options, hidden_size), 1, "configuration->hidden_size"},
        {offsetof(rnn_model_options, layers), 1, "configuration->layers"},
        {offsetof(rnn_model_options, output_size), 1, "configuration->output_size"},
        {offsetof(rnn_model_options, bias), 0, "configuration->bias is 2; in the file it is RNN_BIAS_BOTH"},
        {offsetof(rnn_model_options, tied), 0, "configuration->tied"},
        {offsetof(rnn_model_options, loss), 0, "configuration->loss is RNN_LOSS_SQUARED_ERROR"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        given = o;
        char *field = (char *)&given + fields[i].offset;
        if (fields[i].is_count)
            (*(int64_t *)(void *)field)++;
        else
            (*(int32_t *)(void *)field)++;
        assert_load_fails(&file, &options, RNN_ERROR_MISMATCH, fields[i].part);
    }
    given = o;
    given.dropout = 2;
    assert_load_fails(&file, &options, RNN_ERROR_ARGUMENT, "dropout");
    free(file.bytes);
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_metadata_that_says_nothing_or_too_much_is_refused),
        cmocka_unit_test(test_what_other_versions_add_is_passed_over),
        cmocka_unit_test(test_tensors_that_do_not_make_the_model_are_refused),
        cmocka_unit_test(test_a_tied_file_may_have_the_matrix_twice_if_both_are_the_same),
        cmocka_unit_test(test_a_configuration_must_agree_with_the_file_on_what_is_computed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
