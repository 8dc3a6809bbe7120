/*
 * fuzz_model.c: loads any bytes as a model's file. If they load, saving the model and loading it again must give the
 * same model, and it must run.
 *
 * Input: a byte of flags; 12 bytes of a configuration, if they say so; the file (fuzz_make_file()).
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

enum {
    FLAG_RAW = 1 << 0,
    FLAG_CONFIGURATION = 1 << 1,
    FLAG_NO_NAMES = 1 << 2,  /* with a configuration: no module has a name */
    FLAG_PRECISION = 3 << 3, /* as stored, float32, float64, or invalid */
    FLAG_NO_VOCAB = 1 << 5,  /* the vocabulary isn't wanted */
    FLAG_IGNORE = 1 << 6,    /* other tensors are ignored */
    FLAG_INFER = 1 << 7,     /* the configuration needn't be complete */
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_limit_memory();
    return 0;
}

/* Most sizes are those of small files; some are extreme. */
static int64_t take_size(fuzz_input *input)
{
    static const int64_t large[] = {INT64_MIN, -1, 1 << 20, 1 << 24, INT32_MAX, INT64_MAX};
    uint8_t byte = fuzz_byte(input);
    return byte < 250 ? byte : large[byte - 250];
}

static void take_configuration(fuzz_input *input, rnn_model_options *options)
{
    CHECK_OK(rnn_model_options_init(options, sizeof *options));
    options->input_size = take_size(input);
    options->hidden_size = take_size(input);
    options->output_size = take_size(input);
    options->layers = take_size(input);
    options->embedding_size = take_size(input);
    options->cell = fuzz_byte(input) % 4;
    options->input = fuzz_byte(input) % 4;
    options->loss = fuzz_byte(input) % 3;
    options->bias = fuzz_byte(input) % 3;
    options->tied = fuzz_byte(input) % 2;
    options->dropout = fuzz_byte(input) / 200.0;
    options->dropout_output = fuzz_byte(input) % 2 / 4.0;
    options->forget_bias = fuzz_byte(input) / 100.0;
}

static fuzz_file save(const rnn_model *model, const rnn_vocab *vocab, const rnn_save_options *options)
{
    fuzz_file file;
    CHECK_OK(rnn_model_save_to_memory_with(model, vocab, options, NULL, 0, &file.size));
    file.bytes = malloc(file.size);
    CHECK(file.bytes);
    CHECK_OK(rnn_model_save_to_memory_with(model, vocab, options, file.bytes, file.size, &file.size));
    return file;
}

/* Saving with these names, loading and saving again must give the same bytes as saving directly. */
static void check_round_trip(const rnn_model *model, const rnn_vocab *vocab, const rnn_save_options *options)
{
    rnn_model *again;
    rnn_vocab *vocab_again;
    fuzz_file saved = save(model, vocab, options), first = save(model, vocab, NULL);
    CHECK_OK(rnn_model_load_from_memory(saved.bytes, saved.size, NULL, &again, &vocab_again));
    CHECK((vocab == NULL) == (vocab_again == NULL));
    fuzz_file second = save(again, vocab_again, NULL);
    CHECK(first.size == second.size && memcmp(first.bytes, second.bytes, first.size) == 0);
    rnn_model_destroy(again);
    rnn_vocab_destroy(vocab_again);
    free(saved.bytes);
    free(first.bytes);
    free(second.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {data, size};
    uint8_t flags = fuzz_byte(&input);
    rnn_model_options configuration;
    rnn_load_options options;
    rnn_save_options names;
    CHECK_OK(rnn_load_options_init(&options, sizeof options));
    CHECK_OK(rnn_save_options_init(&names, sizeof names));
    names.rnn_name = "rnn.inner";
    names.decoder_name = "";
    options.ignore_others = (flags & FLAG_IGNORE) != 0;
    options.infer = (flags & FLAG_INFER) != 0;
    options.precision = (int32_t)((flags & FLAG_PRECISION) / (1 << 3)) - 1;
    if (flags & FLAG_CONFIGURATION) {
        take_configuration(&input, &configuration);
        options.configuration = &configuration;
        if (flags & FLAG_NO_NAMES)
            options.rnn_name = options.decoder_name = "";
        if ((flags & FLAG_NO_NAMES) && configuration.input == RNN_INPUT_EMBEDDING)
            options.embedding_name = ""; /* otherwise it would have no effect, which is an error */
    }
    fuzz_file file = fuzz_make_file(input, flags & FLAG_RAW);
    rnn_model *model = NULL;
    rnn_vocab *vocab = NULL;
    bool wanted = !(flags & FLAG_NO_VOCAB);
    if (fuzz_worked(rnn_model_load_from_memory(file.bytes, file.size, &options, &model, wanted ? &vocab : NULL))) {
        check_round_trip(model, vocab, NULL);
        check_round_trip(model, vocab, &names);
        fuzz_run_forward(model);
    } else {
        CHECK(!model && !vocab);
    }
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
    free(file.bytes);
    fuzz_check_memory(0);
    return 0;
}
