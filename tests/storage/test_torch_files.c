/*
 * Models that PyTorch (see golden/torch_files.py) and release 0.1.0 of librnn have saved. They must load and compute
 * the same outputs as there.
 */
#include "model_files.h"
#include "texts.h"

enum { STEPS = 6, STREAMS = 2, SYMBOLS = 7, FEATURES_IN = 3, FEATURES_OUT = 2, HIDDEN = 5, EMBEDDING = 4 };

static file_bytes golden_file(const char *name)
{
    size_t size;
    char *bytes = read_golden(name, &size);
    return (file_bytes){(unsigned char *)bytes, size};
}

/* The outputs [T][B][O] of a chunk from a state of zeros; to free(). */
static double *run(const rnn_model *model, const rnn_chunk *chunk)
{
    rnn_model_options o = options_of(model);
    int64_t count = chunk->steps * chunk->streams * o.output_size;
    void *outputs = allocate(count, precision_size(o.precision));
    double *doubles = allocate(count, sizeof(double));
    rnn_state *stream = create_state(model, chunk->streams);
    assert_ok(rnn_forward(model, stream, chunk, outputs, count, NULL));
    to_doubles(o.precision, outputs, doubles, count);
    rnn_state_destroy(stream);
    free(outputs);
    return doubles;
}

/* The cases of torch_files.py, in its order */
static const struct {
    const char *file;
    int32_t cell, input, precision;
    int64_t layers;
    const char *names[3];
} cases[] = {
    {"torch_rnn.safetensors", RNN_CELL_TANH, RNN_INPUT_IDS, RNN_FLOAT32, 1, {"rnn", "decoder", "embedding"}},
    {"torch_gru.safetensors", RNN_CELL_GRU, RNN_INPUT_EMBEDDING, RNN_FLOAT32, 2, {"gru", "fc", "encoder"}},
    {"torch_lstm.safetensors", RNN_CELL_LSTM, RNN_INPUT_VECTORS, RNN_FLOAT32, 1, {"rnn", "decoder", "embedding"}},
    {"torch_lstm64.safetensors", RNN_CELL_LSTM, RNN_INPUT_IDS, RNN_FLOAT64, 2, {"rnn", "decoder", "embedding"}},
    {"torch_half.safetensors", RNN_CELL_GRU, RNN_INPUT_IDS, RNN_FLOAT32, 1, {"rnn", "decoder", "embedding"}},
    {"torch_tied.safetensors", RNN_CELL_LSTM, RNN_INPUT_EMBEDDING, RNN_FLOAT32, 1, {"rnn", "decoder", "embedding"}},
};

/* Compares the outputs of a model with those behind the inputs at `numbers`. Returns the size of the case. */
static int64_t check_case(const rnn_model *model, const double *numbers, double tolerance)
{
    rnn_model_options o = options_of(model);
    int64_t width = o.input == RNN_INPUT_VECTORS ? FEATURES_IN : 1, outputs = STEPS * STREAMS * o.output_size;
    int32_t ids[STEPS * STREAMS];
    double vectors[STEPS * STREAMS * FEATURES_IN];
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = STEPS, .streams = STREAMS};
    if (o.input == RNN_INPUT_VECTORS) {
        from_doubles(o.precision, numbers, vectors, STEPS * STREAMS * width);
        chunk.input_vectors = vectors;
    } else {
        for (int i = 0; i < STEPS * STREAMS; i++)
            ids[i] = (int32_t)numbers[i];
        chunk.inputs = ids;
    }
    double *actual = run(model, &chunk);
    assert_all_close(actual, numbers + STEPS * STREAMS * width, outputs, tolerance);
    free(actual);
    return STEPS * STREAMS * width + outputs;
}

static void test_what_pytorch_has_saved_computes_the_same_here(void **state)
{
    (void)state;
    int64_t count, at = 0;
    double *numbers = read_golden_doubles("torch_files.f64", &count);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int vectors = cases[i].input == RNN_INPUT_VECTORS;
        rnn_model_options o = make_options(vectors ? FEATURES_IN : SYMBOLS, HIDDEN, vectors ? FEATURES_OUT : SYMBOLS,
                                           cases[i].layers, RNN_FLOAT32);
        o.cell = cases[i].cell;
        o.input = cases[i].input;
        o.tied = strcmp(cases[i].file, "torch_tied.safetensors") == 0;
        o.embedding_size = cases[i].input != RNN_INPUT_EMBEDDING ? 0 : o.tied ? HIDDEN : EMBEDDING;
        o.loss = vectors ? RNN_LOSS_SQUARED_ERROR : RNN_LOSS_CROSS_ENTROPY;
        rnn_load_options options = make_load_options();
        options.configuration = &o;
        options.rnn_name = cases[i].names[0];
        options.decoder_name = cases[i].names[1];
        options.embedding_name = cases[i].names[2];
        file_bytes file = golden_file(cases[i].file);
        int64_t numbers_of_case = 0;
        for (int32_t bias = RNN_BIAS_INPUT; bias <= RNN_BIAS_BOTH; bias++) {
            o.bias = bias;
            if (bias == RNN_BIAS_INPUT && cases[i].cell == RNN_CELL_GRU) {
                assert_load_fails(&file, &options, RNN_ERROR_MISMATCH, "unless bias is RNN_BIAS_BOTH");
                continue;
            }
            rnn_model *model = load(&file, &options);
            assert_int_equal(options_of(model).precision, cases[i].precision);
            double tolerance = cases[i].precision == RNN_FLOAT32 ? 1e-6 : 1e-14;
            numbers_of_case = check_case(model, numbers + at, tolerance);
            rnn_model_destroy(model);
        }
        options.infer = 1; /* then the rest of the configuration doesn't count */
        o.cell = o.tied = 0;
        o.input_size = o.output_size = o.hidden_size = o.layers = o.embedding_size = 0;
        rnn_model *model = load(&file, &options);
        check_case(model, numbers + at, cases[i].precision == RNN_FLOAT32 ? 1e-6 : 1e-14);
        rnn_model_destroy(model);
        at += numbers_of_case;
        free(file.bytes);
    }
    assert_int_equal(at, count);
    free(numbers);
}

/* ---- The first release's file ---- */

static const char release_symbols[] = "\n !adehlorw";

enum { RELEASE_SYMBOLS = sizeof release_symbols - 1 };

static rnn_model_options release_options(void)
{
    rnn_model_options o = make_options(RELEASE_SYMBOLS, 6, RELEASE_SYMBOLS, 2, RNN_FLOAT32);
    o.cell = RNN_CELL_LSTM;
    o.reduction = RNN_REDUCTION_MEAN;
    o.initialization = RNN_INIT_UNIFORM;
    o.forget_bias = 1;
    o.dropout = 0.1;
    o.seed = 42;
    return o;
}

/* golden/release.py made both files with that release. */
static void test_the_first_releases_file_loads_and_computes_what_it_did(void **state)
{
    (void)state;
    static const char text[] = "hello world!\nhold a whole whale";
    rnn_model *model = NULL;
    rnn_vocab *vocab = NULL;
    int64_t count;
    int32_t ids[sizeof text - 1];
    file_bytes file = golden_file("model-0.1.0.safetensors");
    double *expected = read_golden_doubles("model-0.1.0.f64", &count);
    assert_ok(rnn_model_load_from_memory(file.bytes, file.size, NULL, &model, &vocab));
    rnn_model_options o = options_of(model), released = release_options();
    rnn_vocab *release_vocab = vocab_of_list(RNN_VOCAB_BYTES, release_symbols, RELEASE_SYMBOLS);
    assert_memory_equal(&o, &released, sizeof o);
    assert_same_vocab(vocab, release_vocab);
    rnn_vocab_destroy(release_vocab);
    assert_ok(rnn_vocab_encode(vocab, text, sizeof text - 1, ids, sizeof text - 1, NULL));
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = sizeof text - 1, .streams = 1, .inputs = ids};
    double *actual = run(model, &chunk);
    assert_int_equal(count, (int64_t)(sizeof text - 1) * RELEASE_SYMBOLS);
    assert_all_close(actual, expected, count, 1e-5);
    free(actual);
    free(expected);
    free(file.bytes);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_pytorch_has_saved_computes_the_same_here),
        cmocka_unit_test(test_the_first_releases_file_loads_and_computes_what_it_did),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
