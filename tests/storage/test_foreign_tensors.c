/*
 * Tensors in files that librnn has not written: superfluous ones, missing ones, and numbers of 16 bits.
 */
#include "foreign_files.h"

/* Adds a tensor without numbers to the file. `type` and `shape` are written as in the header. */
static void add_tensor(file_bytes *file, const char *name, const char *type, const char *shape)
{
    char entry[512];
    snprintf(entry, sizeof entry, "},\"%s\":{\"dtype\":\"%s\",\"shape\":[%s],\"data_offsets\":[0,0]},\"", name, type,
             shape);
    file_bytes longer = edited(file, "},\"", entry);
    free(file->bytes);
    *file = longer;
}

/* ---- Tensors that the model doesn't need ---- */

static void test_other_tensors_are_an_error_or_passed_over(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type, *shape, *always; /* the sentence, if even ignore_others doesn't help */
    } others[] = {
        {"head.weight", "F32", "0", NULL},
        {"norm", "I64", "3,0", NULL},
        {"rnn.inner.weight_hh_l0", "F64", "0,4", NULL},
        {"backwards.weight_ih_l0_reverse", "F64", "0", NULL},
        {"weight", "Q8", "0", NULL},
        {"rnn.weight_hh_l1", "F32", "0", "tensor rnn.weight_hh_l1, but the model has no such parameter"},
        {"decoder.scale", "F32", "0", "tensor decoder.scale, but the model has no such parameter"},
        {"rnn.weight_ih_l0_reverse", "F32", "0", "bidirectional"},
        {"rnn.weight_hr_l0", "F32", "0", "projections"},
    };
    for (int own = 0; own < 2; own++) {
        rnn_model_options o = options_for(RNN_CELL_LSTM, IDS, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
        rnn_model *model = create_random_model(&o, 1, 7);
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
            rnn_load_options options = make_load_options();
            options.configuration = &o;
            file_bytes file = own ? saved(model, NULL) : foreign_file(model);
            add_tensor(&file, others[i].name, others[i].type, others[i].shape);
            assert_load_fails(&file, &options, RNN_ERROR_FORMAT, others[i].always ? others[i].always : others[i].name);
            assert_true(others[i].always || strstr(rnn_last_error(), "set ignore_others to ignore it"));
            options.ignore_others = 1;
            if (others[i].always) {
                assert_load_fails(&file, &options, RNN_ERROR_FORMAT, others[i].always);
            } else {
                rnn_model *loaded = load(&file, &options);
                assert_same_model(model, loaded); /* in float32, whatever the others have */
                rnn_model_destroy(loaded);
            }
            free(file.bytes);
        }
        rnn_model_destroy(model);
    }
}

/* Only their names tell which tensors belong to a module without a name. */
static void test_tensors_of_a_module_without_a_name_are_told_by_their_own(void **state)
{
    (void)state;
    foreign f = create_foreign(options_for(RNN_CELL_TANH, IDS, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    for (size_t i = 0; i < 4; i++) {
        static const char *const names[] = {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"};
        char named[32];
        snprintf(named, sizeof named, "rnn.%s", names[i]);
        rename_tensor(&f.file, named, names[i]);
    }
    f.options.configuration = &f.o;
    f.options.rnn_name = "";
    f.options.ignore_others = 1;
    add_tensor(&f.file, "norm", "F64", "0");
    assert_loads_as(&f.file, &f.options, f.model);
    add_tensor(&f.file, "weight_hh_l1", "F32", "0");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "tensor weight_hh_l1, but the model has no such parameter");
    destroy_foreign(&f);
}

/* ---- Advice about a missing tensor ---- */

static void test_a_sentence_names_what_the_file_has_instead(void **state)
{
    (void)state;
    rnn_model_options o = options_for(RNN_CELL_LSTM, IDS, RNN_BIAS_BOTH, RNN_FLOAT32, 1);
    foreign f = create_foreign(o);
    f.options.configuration = &o;
    f.options.rnn_name = "lstm";
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "the file has no tensor lstm.weight_hh_l0, but it has rnn.weight_hh_l0; set rnn_name to \"rnn\"");
    add_tensor(&f.file, "net.gru.weight_hh_l0", "F32", "0,0");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "no tensor lstm.weight_hh_l0, but it has net.gru.weight_hh_l0, rnn.weight_hh_l0; set rnn_name to "
                      "the part before \".weight_hh_l0\" of the right name");
    add_tensor(&f.file, "a.weight_hh_l0", "F32", "0,0");
    add_tensor(&f.file, "b.weight_hh_l0", "F32", "0,0");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "but it has a.weight_hh_l0, b.weight_hh_l0, net.gru.weight_hh_l0 and 1 more; set rnn_name");
    destroy_foreign(&f);

    f = create_foreign(o);
    f.options.configuration = &o;
    rename_tensor(&f.file, "rnn.weight_hh_l0", "weight_hh_l0");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT, "but it has weight_hh_l0; set rnn_name to \"\"");
    destroy_foreign(&f);

    f = create_foreign(o);
    f.options.configuration = &o;
    f.options.decoder_name = "fc";
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "no tensor fc.weight, but it has decoder.weight; set decoder_name to \"decoder\"");
    rename_tensor(&f.file, "rnn.weight_hh_l0", "rnn.kernel");
    assert_load_fails(&f.file, &f.options, RNN_ERROR_FORMAT,
                      "no tensor rnn.weight_hh_l0; it has decoder.bias, decoder.weight, rnn.bias_hh_l0 and 3 more");
    destroy_foreign(&f);
    refuse_load(make_file("{}", 2, NULL, 0), RNN_ERROR_FORMAT, "no tensor rnn.weight_hh_l0; it has none");
}

static void test_another_name_of_the_embedding_is_proposed(void **state)
{
    (void)state;
    foreign f = create_foreign(options_for(RNN_CELL_LSTM, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    rename_tensor(&f.file, "embedding.weight", "encoder.weight");
    assert_load_fails(&f.file, NULL, RNN_ERROR_FORMAT, "if encoder.weight is an embedding, set embedding_name");
    f.options.embedding_name = "encoder";
    assert_loads_as(&f.file, &f.options, f.model);
    destroy_foreign(&f);
}

static void test_a_part_of_a_model_is_known_by_its_name(void **state)
{
    (void)state;
    static const char *const paths[] = {"model-00002-of-00003.safetensors", "model.safetensors", "day-off-of-5"};
    foreign f = create_foreign(options_for(RNN_CELL_LSTM, EMBEDDED, RNN_BIAS_BOTH, RNN_FLOAT32, 1));
    rnn_model *loaded = NULL;
    rename_tensor(&f.file, "decoder.weight", "librnn.x");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        write_file(paths[i], f.file.bytes, f.file.size);
        assert_fails(rnn_model_load(paths[i], NULL, &loaded, NULL), RNN_ERROR_FORMAT, "no tensor decoder.weight");
        assert_int_equal(strstr(rnn_last_error(), "part 2 of 3, so put the tensors of all parts into one") != NULL,
                         i == 0);
    }
    destroy_foreign(&f);
}

/* ---- Numbers of 16 bits ---- */

enum { HALVES = 1 << 16, SIDE = 1 << 8 };

/* A vanilla RNN of SIDE units whose recurrent weights are all 65536 numbers of 16 bits */
static file_bytes file_of_halves(const char *type)
{
    static const char format[] =
        "{\"rnn.weight_hh_l0\":{\"dtype\":\"%s\",\"shape\":[256,256],\"data_offsets\":[0,131072]},"
        "\"rnn.weight_ih_l0\":{\"dtype\":\"%s\",\"shape\":[256,1],\"data_offsets\":[131072,131584]},"
        "\"decoder.weight\":{\"dtype\":\"%s\",\"shape\":[1,256],\"data_offsets\":[131584,132096]}}";
    char header[sizeof format + 16];
    unsigned char *data = allocate(2 * (HALVES + 2 * SIDE), 1);
    for (int i = 0; i < HALVES; i++) {
        data[2 * i] = (unsigned char)(i & 255);
        data[2 * i + 1] = (unsigned char)(i >> 8);
    }
    snprintf(header, sizeof header, format, type, type, type);
    file_bytes file = make_file(header, strlen(header), data, 2 * (HALVES + 2 * SIDE));
    free(data);
    return file;
}

/* By the definition of the formats: a sign, an exponent, and a fraction of `fraction_bits` */
static double half_by_definition(int bits, int fraction_bits)
{
    int exponent_bits = 15 - fraction_bits, bias = (1 << (exponent_bits - 1)) - 1;
    int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
    double fraction = (bits & ((1 << fraction_bits) - 1)) / pow(2, fraction_bits), size;
    if (exponent == (1 << exponent_bits) - 1)
        size = fraction == 0 ? (double)INFINITY : (double)NAN;
    else if (exponent == 0)
        size = fraction * pow(2, 1 - bias);
    else
        size = (1 + fraction) * pow(2, exponent - bias);
    return bits >> 15 ? -size : size;
}

static void test_numbers_of_16_bits_become_the_same_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int fraction_bits;
    } types[] = {{"F16", 10}, {"BF16", 7}};
    rnn_model_options o = default_options();
    for (int kind = 0; kind < 4; kind++) {
        int32_t precision = kind % 2;
        rnn_load_options options = make_load_options();
        options.configuration = &o;
        options.infer = 1;
        options.precision = precision;
        file_bytes file = file_of_halves(types[kind / 2].type);
        rnn_model *model = load(&file, &options);
        double *values = get_parameter(model, index_of(model, "rnn.weight_hh_l0"));
        for (int i = 0; i < HALVES; i++) {
            double expected = half_by_definition(i, types[kind / 2].fraction_bits);
            if (isnan(expected))
                assert_true(isnan(values[i]));
            else
                assert_true(values[i] == expected && !signbit(values[i]) == !signbit(expected));
        }
        free(values);
        rnn_model_destroy(model);
        options.precision = RNN_PRECISION_STORED;
        model = load(&file, &options);
        assert_int_equal(options_of(model).precision, RNN_FLOAT32);
        rnn_model_destroy(model);
        free(file.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_tensors_are_an_error_or_passed_over),
        cmocka_unit_test(test_tensors_of_a_module_without_a_name_are_told_by_their_own),
        cmocka_unit_test(test_a_sentence_names_what_the_file_has_instead),
        cmocka_unit_test(test_another_name_of_the_embedding_is_proposed),
        test_with_files(test_a_part_of_a_model_is_known_by_its_name),
        cmocka_unit_test(test_numbers_of_16_bits_become_the_same_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
