/*
 * The exact sentences of rnn_last_error(): the names of enumerators, counts and their nouns, advice after training has
 * diverged, and the likely encoding of a text that isn't UTF-8.
 */
#include "support.h"
#include "temporary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define assert_says(call, status, sentence)                                                                            \
    do {                                                                                                               \
        assert_fails((call), (status), (sentence));                                                                    \
        assert_string_equal(rnn_last_error(), (sentence));                                                             \
    } while (0)

/* ---- Enumerators ---- */

static void assert_option_is_listed(size_t field, const char *sentence)
{
    rnn_model_options options = make_options(4, 3, 4, 1, RNN_FLOAT32);
    rnn_model *model = NULL;
    *(int32_t *)(void *)((char *)&options + field) = 7;
    assert_says(rnn_model_create(&options, &model), RNN_ERROR_ARGUMENT, sentence);
}

static void test_a_number_that_is_no_enumerator_is_told_which_there_are(void **state)
{
    rnn_optimizer_options optimizer;
    rnn_load_options loading;
    rnn_vocab *vocab = NULL;
    rnn_model *model = NULL;
    assert_option_is_listed(offsetof(rnn_model_options, cell),
                            "cell is 7; it must be one of RNN_CELL_TANH (0), RNN_CELL_GRU (1), RNN_CELL_LSTM (2)");
    assert_option_is_listed(offsetof(rnn_model_options, precision),
                            "precision is 7; it must be one of RNN_FLOAT32 (0), RNN_FLOAT64 (1)");
    assert_option_is_listed(offsetof(rnn_model_options, reduction),
                            "reduction is 7; it must be one of RNN_REDUCTION_SUM (0), RNN_REDUCTION_MEAN (1)");
    assert_option_is_listed(
        offsetof(rnn_model_options, input),
        "input is 7; it must be one of RNN_INPUT_IDS (0), RNN_INPUT_EMBEDDING (1), RNN_INPUT_VECTORS (2)");
    assert_option_is_listed(offsetof(rnn_model_options, loss),
                            "loss is 7; it must be one of RNN_LOSS_CROSS_ENTROPY (0), RNN_LOSS_SQUARED_ERROR (1)");
    assert_option_is_listed(offsetof(rnn_model_options, bias),
                            "bias is 7; it must be one of RNN_BIAS_INPUT (0), RNN_BIAS_BOTH (1)");
    assert_option_is_listed(offsetof(rnn_model_options, initialization),
                            "initialization is 7; it must be one of RNN_INIT_NORMAL (0), RNN_INIT_UNIFORM (1)");
    assert_says(rnn_optimizer_options_init(&optimizer, sizeof optimizer, 7), RNN_ERROR_ARGUMENT,
                "rule is 7; it must be one of RNN_OPTIMIZER_ADAGRAD (0), RNN_OPTIMIZER_SGD (1), RNN_OPTIMIZER_RMSPROP "
                "(2), RNN_OPTIMIZER_ADAM (3), RNN_OPTIMIZER_ADAMW (4)");
    assert_says(rnn_vocab_create_from_text(7, "a", 1, &vocab), RNN_ERROR_ARGUMENT,
                "kind is 7; it must be one of RNN_VOCAB_BYTES (0), RNN_VOCAB_UTF8 (1), RNN_VOCAB_WORDS (2)");
    assert_ok(rnn_load_options_init(&loading, sizeof loading));
    loading.precision = 7;
    assert_says(rnn_model_load_from_memory("", 0, &loading, &model, NULL), RNN_ERROR_ARGUMENT,
                "precision is 7; it must be one of RNN_PRECISION_STORED (-1), RNN_FLOAT32 (0), RNN_FLOAT64 (1)");
}

static rnn_model_options tanh_options(void)
{
    return make_options(4, 3, 4, 1, RNN_FLOAT32);
}

/* Checks the sentence about a state or an optimizer that is used with another model. */
static void assert_mismatch(const rnn_model_options *own, const rnn_model_options *other, int of_optimizer,
                            const char *sentence)
{
    scoped_model *made = create_model(own), *used = create_model(other);
    if (of_optimizer) {
        scoped_optimizer *optimizer = NULL;
        assert_ok(rnn_optimizer_create(made, NULL, &optimizer));
        assert_says(rnn_optimizer_step(optimizer, used), RNN_ERROR_MISMATCH, sentence);
    } else {
        scoped_state *state = create_state(made, 1);
        scoped_chunk chunk = create_random_chunk_for(used, 2, 1, 0, 1);
        assert_says(rnn_forward(used, state, &chunk.chunk, NULL, 0, NULL), RNN_ERROR_MISMATCH, sentence);
    }
}

static void test_objects_of_another_model_say_by_name_in_what_it_differs(void **state)
{
    rnn_model_options own = tanh_options(), other = tanh_options();
    own.cell = RNN_CELL_LSTM;
    other.cell = RNN_CELL_GRU;
    assert_mismatch(&own, &other, 0,
                    "the state was made for a model whose cell is RNN_CELL_LSTM; here it is RNN_CELL_GRU");
    other.cell = RNN_CELL_LSTM;
    other.precision = RNN_FLOAT64;
    assert_mismatch(&own, &other, 0,
                    "the state was made for a model whose precision is RNN_FLOAT32; here it is RNN_FLOAT64");
    other = own;
    other.input = RNN_INPUT_VECTORS;
    assert_mismatch(&own, &other, 1,
                    "the optimizer was made for a model whose input is RNN_INPUT_IDS; here it is RNN_INPUT_VECTORS");
    other = own;
    other.bias = RNN_BIAS_BOTH;
    assert_mismatch(&own, &other, 1,
                    "the optimizer was made for a model whose bias is RNN_BIAS_INPUT; here it is RNN_BIAS_BOTH");
}

static void test_a_setting_that_a_rule_does_not_use_is_refused_with_the_rules_name(void **state)
{
    rnn_optimizer_options options;
    rnn_optimizer *optimizer = NULL;
    rnn_model_options tanh = tanh_options();
    scoped_model *model = create_model(&tanh);
    assert_ok(rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_SGD));
    options.beta1 = 0.5;
    assert_says(rnn_optimizer_create(model, &options, &optimizer), RNN_ERROR_ARGUMENT,
                "beta1 is 0.5; it must be 0, since RNN_OPTIMIZER_SGD doesn't use it (rnn_optimizer_options_init() "
                "sets it to 0)");
    options.beta1 = 0;
    options.epsilon = 0.5;
    assert_says(rnn_optimizer_create(model, &options, &optimizer), RNN_ERROR_ARGUMENT,
                "epsilon is 0.5; it must be 0, since RNN_OPTIMIZER_SGD doesn't use it (rnn_optimizer_options_init() "
                "sets it to 0)");
}

static void test_what_a_state_keeps_is_said_by_name(void **state)
{
    float values[3];
    rnn_model_options gru = tanh_options();
    gru.cell = RNN_CELL_GRU;
    scoped_model *model = create_model(&gru);
    scoped_state *kept = create_state(model, 1);
    assert_says(rnn_state_get(kept, 0, 9, values, 3), RNN_ERROR_ARGUMENT,
                "what is 9; it must be one of RNN_STATE_HIDDEN (0), RNN_STATE_MEMORY (1)");
    assert_says(rnn_state_get(kept, 0, RNN_STATE_MEMORY, values, 3), RNN_ERROR_ARGUMENT,
                "what is RNN_STATE_MEMORY (1); it must be RNN_STATE_HIDDEN (0), since RNN_CELL_GRU has no "
                "memory");
    assert_says(rnn_state_observe(kept, 4), RNN_ERROR_ARGUMENT,
                "what is 4; it must be 0, RNN_OBSERVE_ACTIVATIONS (1), RNN_OBSERVE_GRADIENT_NORMS (2) or their sum");
}

static void test_a_target_may_be_an_id_or_rnn_ignore(void **state)
{
    rnn_model_options options = tanh_options();
    scoped_model *model = create_model(&options);
    scoped_state *stream = create_state(model, 1);
    scoped_chunk chunk = create_random_chunk_for(model, 2, 1, 0, 1);
    chunk.targets[1] = 4;
    assert_says(rnn_forward_backward(model, stream, &chunk.chunk, NULL), RNN_ERROR_SYMBOL,
                "chunk->targets[1] is 4; it must be 0 to 3, or RNN_IGNORE (-1)");
    chunk.inputs[1] = -1;
    assert_says(rnn_forward_backward(model, stream, &chunk.chunk, NULL), RNN_ERROR_SYMBOL,
                "chunk->inputs[1] is -1; it must be 0 to 3");
}

/* ---- Counts ---- */

static void test_one_is_counted_without_an_s(void **state)
{
    scoped_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_model *loaded = NULL;
    rnn_model_options options = tanh_options();
    scoped_model *model = create_model(&options);
    scoped_state *one = create_state(model, 1), *two = create_state(model, 2);
    int32_t ids[2] = {0};
    char text[2];
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, "ab", 2, &vocab));
    assert_says(rnn_corpus_create_from_text(vocab, "a", 1, 1, 1, &corpus), RNN_ERROR_ARGUMENT,
                "the text has 1 symbol; for 1 stream of 1 step it must have at least 2");
    assert_says(rnn_corpus_create_from_text(vocab, "ab", 2, 3, 2, &corpus), RNN_ERROR_ARGUMENT,
                "the text has 2 symbols; for 2 streams of 3 steps it must have at least 7");
    assert_says(rnn_vocab_encode(vocab, "a", 1, ids, 0, NULL), RNN_ERROR_ARGUMENT,
                "capacity is 0; the text has 1 symbol");
    assert_says(rnn_vocab_encode(vocab, "ab", 2, ids, 1, NULL), RNN_ERROR_ARGUMENT,
                "capacity is 1; the text has 2 symbols");
    assert_says(rnn_vocab_decode(vocab, ids, 1, text, 0, NULL), RNN_ERROR_ARGUMENT,
                "capacity is 0; the text has at least 1 byte");
    assert_says(rnn_vocab_decode(vocab, ids, 2, text, 1, NULL), RNN_ERROR_ARGUMENT,
                "capacity is 1; the text has at least 2 bytes");
    assert_says(rnn_state_copy(one, two), RNN_ERROR_MISMATCH, "destination has 1 stream; source has 2");
    assert_says(rnn_state_copy(two, one), RNN_ERROR_MISMATCH, "destination has 2 streams; source has 1");
    scoped_chunk chunk = create_random_chunk_for(model, 2, 2, 0, 1);
    assert_says(rnn_forward(model, one, &chunk.chunk, NULL, 0, NULL), RNN_ERROR_MISMATCH,
                "chunk->streams is 2; the state has 1 stream");
    assert_says(rnn_model_load_from_memory("?", 1, NULL, &loaded, NULL), RNN_ERROR_FORMAT,
                "the file has 1 byte; a safetensors file has at least 8");
    assert_says(rnn_model_load_from_memory("??", 2, NULL, &loaded, NULL), RNN_ERROR_FORMAT,
                "the file has 2 bytes; a safetensors file has at least 8");
    assert_says(rnn_state_reset_stream(one, 1), RNN_ERROR_ARGUMENT, "stream is 1; it must be 0");
    assert_says(rnn_state_reset_stream(two, 2), RNN_ERROR_ARGUMENT, "stream is 2; it must be 0 to 1");
    assert_says(rnn_vocab_decode(vocab, ids, -1, text, 1, NULL), RNN_ERROR_ARGUMENT,
                "count is -1; it must be at least 0");
}

/* ---- Divergence ---- */

#define ADVICE "lower the learning rate or clip the gradients"

/*
 * A model with parameters of up to this size. If it is infinite, a step that is far too long makes the last one
 * infinite.
 */
static rnn_model *create_diverged(double size)
{
    rnn_model_options options = tanh_options();
    rnn_model *model = create_random_model(&options, size < (double)INFINITY ? size : 1, 1);
    rnn_optimizer_options sgd;
    scoped_optimizer *optimizer = NULL;
    void *gradients;
    int64_t count;
    if (size < (double)INFINITY)
        return model;
    assert_ok(rnn_optimizer_options_init(&sgd, sizeof sgd, RNN_OPTIMIZER_SGD));
    sgd.learning_rate = 1e38;
    assert_ok(rnn_optimizer_create(model, &sgd, &optimizer));
    assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
    ((float *)gradients)[count - 1] = 1e10F;
    assert_ok(rnn_optimizer_step(optimizer, model));
    assert_fails(rnn_model_check_finite(model), RNN_ERROR_NONFINITE, "decoder.bias[3] is -inf");
    return model;
}

static void set_gradient(rnn_model *model, float value)
{
    void *gradients;
    int64_t count;
    assert_ok(rnn_model_flat_gradients(model, &gradients, &count));
    ((float *)gradients)[1] = value;
}

static void test_divergence_says_what_to_do_by_whether_the_parameters_are_finite(void **state)
{
    static const struct {
        double size;
        const char *rest;
    } cases[] = {
        {3e38, ", although all parameters are finite; " ADVICE},
        {(double)INFINITY, ", and the parameter decoder.bias[3] is -inf; go back to a saved model, then " ADVICE},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        scoped_model *model = create_diverged(cases[i].size);
        scoped_state *stream = create_state(model, 1);
        scoped_optimizer *optimizer = NULL;
        scoped_sampler *sampler = NULL;
        scoped_chunk chunk = create_random_chunk_for(model, 3, 1, 0, 1);
        int32_t drawn[3];
        rnn_loss loss;
        const int32_t first = 0;
        chunk.inputs[0] = 0;
        assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
        assert_ok(rnn_sampler_create(NULL, &sampler));
        assert_fails(rnn_forward_backward(model, stream, &chunk.chunk, NULL), RNN_ERROR_NONFINITE, cases[i].rest);
        assert_fails(rnn_forward(model, stream, &chunk.chunk, NULL, 0, &loss), RNN_ERROR_NONFINITE, cases[i].rest);
        assert_fails(rnn_sample(model, stream, sampler, &first, 3, drawn), RNN_ERROR_NONFINITE, cases[i].rest);
        set_gradient(model, INFINITY);
        assert_fails(
            rnn_optimizer_step(optimizer, model), RNN_ERROR_NONFINITE,
            "a gradient of rnn.weight_ih_l0 is not finite (rnn_model_zero_gradients() discards all gradients)");
        assert_non_null(strstr(rnn_last_error(), cases[i].rest));
        assert_fails(rnn_model_clip_norm(model, 1, NULL), RNN_ERROR_NONFINITE, "the norm of the gradients is inf");
        assert_non_null(strstr(rnn_last_error(), cases[i].rest));
    }
}

/* If a model works on vectors, the cause may be that they are too large. */
static void test_vectors_too_large_for_the_precision_are_to_be_scaled_down(void **state)
{
    rnn_model_options options = make_options(2, 3, 2, 1, RNN_FLOAT32);
    options.input = RNN_INPUT_VECTORS;
    options.loss = RNN_LOSS_SQUARED_ERROR;
    scoped_model *model = create_model(&options);
    scoped_state *stream = create_state(model, 1);
    scoped_optimizer *optimizer = NULL;
    scoped_chunk chunk = create_random_chunk_for(model, 2, 1, 0, 1);
    ((float *)chunk.target_vectors)[0] = 3e38F;
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    assert_ok(rnn_forward_backward(model, stream, &chunk.chunk, NULL));
    assert_fails(rnn_optimizer_step(optimizer, model), RNN_ERROR_NONFINITE,
                 ", although all parameters are finite; lower the learning rate, clip the gradients or scale the "
                 "vectors down");
}

/* ---- Texts that aren't UTF-8 ---- */

#define LATIN_1 "; the text looks like Latin-1: convert it (iconv -f ISO-8859-1 -t UTF-8) or use RNN_VOCAB_BYTES"
#define UTF_16 "; the text looks like UTF-16: convert it (iconv -f UTF-16 -t UTF-8)"
#define TEXT(bytes) bytes, sizeof(bytes) - 1

static const struct {
    const char *text;
    size_t size;
    const char *advice;
} encodings[] = {
    {TEXT("caf\xe9 au lait\n"), LATIN_1},
    {TEXT("\xc4rger, \xd6l und \xfc"
          "ber\n"),
     LATIN_1},
    {TEXT("the author\x92s own words\r\n"), LATIN_1}, /* Windows-1252 */
    {TEXT("\xcf\xf0\xe8\xe2\xe5\xf2\n"), LATIN_1},    /* Windows-1251 */
    {TEXT("Stra\xdf"
          "e"),
     LATIN_1},
    {TEXT("\xff\xfe"
          "a\0b\0\n\0"),
     UTF_16},
    {TEXT("\xfe\xff\0a\0b\0\n"), UTF_16},
    {TEXT("c\0a\0f\0\xe9\0\n\0"), UTF_16}, /* without a byte order mark */
    {TEXT("\0c\0a\0f\0\xe9\0\n"), UTF_16},
    {TEXT("na\xc3\xafve caf\xe9"), ""}, /* UTF-8 with one fault */
    {TEXT("na\xc3\xafve caf\xc3"), ""}, /* cut off */
    {TEXT("all ASCII, then cut off \xe4\xb8"), ""},
    {TEXT("cut off after one byte \xc3"), ""},
    {TEXT("cut short \xe4\xb8 within"), ""},
    {TEXT("overlong \xc0\x80 form"), ""},
    {TEXT("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), ""}, /* not a text */
    {TEXT("\x7f"
          "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0\x01\0\0\0\xd0\x0f"),
     ""},
};

/* The last sentence must be about bytes that aren't UTF-8, and must end with this advice ("": none). */
static void assert_advice(const char *advice)
{
    const char *sentence = rnn_last_error(), *rest = strstr(sentence, "; the text looks like");
    assert_non_null(strstr(sentence, "is not valid UTF-8: "));
    assert_string_equal(rest == NULL ? "" : rest, advice);
}

static void test_text_in_another_encoding_is_recognised_wherever_it_is_refused(void **state)
{
    scoped_vocab *known = NULL, *vocab = NULL;
    rnn_corpus *corpus = NULL;
    rnn_source *source = NULL;
    int32_t ids[64];
    const char *path = "text";
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, "a", 1, &known));
    assert_ok(rnn_vocab_create_with_unknown(known, NULL, 0, &vocab));
    for (size_t i = 0; i < COUNT_OF(encodings); i++) {
        const char *text = encodings[i].text, *advice = encodings[i].advice;
        size_t size = encodings[i].size;
        rnn_vocab *none = NULL;
        assert_fails(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, size, &none), RNN_ERROR_SYMBOL, "");
        assert_advice(advice);
        assert_fails(rnn_vocab_encode(vocab, text, size, ids, 64, NULL), RNN_ERROR_SYMBOL, "");
        assert_advice(advice);
        assert_fails(rnn_corpus_create_from_text(vocab, text, size, 1, 1, &corpus), RNN_ERROR_SYMBOL, "");
        assert_advice(advice);
        write_file(path, text, size);
        assert_fails(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, path, &none), RNN_ERROR_SYMBOL, "");
        assert_advice(advice);
        assert_fails(rnn_corpus_create_from_file(vocab, path, 1, 1, &corpus), RNN_ERROR_SYMBOL, "");
        assert_advice(advice);
        assert_ok(rnn_source_open(&path, 1, &source));
        assert_fails(rnn_vocab_create_from_source(RNN_VOCAB_UTF8, source, &none), RNN_ERROR_SYMBOL, "");
        assert_advice(advice);
        assert_fails(rnn_corpus_create_from_source(vocab, source, 1, 1, &corpus), RNN_ERROR_SYMBOL, "");
        assert_advice(advice);
        rnn_source_destroy(source);
    }
}

/*
 * UTF-16 of ASCII without a byte order mark is valid UTF-8 with a NUL beside each letter, and NUL is a symbol like any
 * other.
 */
static void test_nuls_are_no_error(void **state)
{
    scoped_vocab *vocab = NULL;
    assert_ok(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, "a\0b\0\n\0", 6, &vocab));
    assert_int_equal(rnn_vocab_size(vocab), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_number_that_is_no_enumerator_is_told_which_there_are),
        cmocka_unit_test(test_objects_of_another_model_say_by_name_in_what_it_differs),
        cmocka_unit_test(test_a_setting_that_a_rule_does_not_use_is_refused_with_the_rules_name),
        cmocka_unit_test(test_what_a_state_keeps_is_said_by_name),
        cmocka_unit_test(test_a_target_may_be_an_id_or_rnn_ignore),
        cmocka_unit_test(test_one_is_counted_without_an_s),
        cmocka_unit_test(test_divergence_says_what_to_do_by_whether_the_parameters_are_finite),
        cmocka_unit_test(test_vectors_too_large_for_the_precision_are_to_be_scaled_down),
        test_with_files(test_text_in_another_encoding_is_recognised_wherever_it_is_refused),
        cmocka_unit_test(test_nuls_are_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
