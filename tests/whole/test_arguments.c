/*
 * Every function refuses NULL where an object is required, and numbers out of range. Each function has one row. Errors
 * that need more than one bad argument are tested in the function's own suite.
 */
#include "one_of_each.h"

#include <math.h>
#include <stdbool.h>

enum { STEPS_MOST = 1 << 24, STREAMS_MOST = 1 << 20, SYMBOLS_MOST = 1 << 24 };

/* The results of calls. A call that fails must leave all of them unchanged. */
static struct {
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_sampler *sampler;
    rnn_vocab *vocab;
    rnn_source *source;
    rnn_corpus *corpus;
    rnn_batcher *batcher;
    rnn_model_options model_options;
    rnn_parameter parameter;
    rnn_optimizer_options optimizer_options;
    rnn_sampler_options sampler_options;
    rnn_checkpoint checkpoint;
    rnn_chunk chunk;
    rnn_loss loss;
    double values[16];
    int32_t ids[16], number;
    int64_t count, places[2];
    size_t size;
    char bytes[16];
    const char *text, *value;
    const void *flat;
    void *flat_gradients;
} out;

/* ---- One bad argument at a time ---- */

/* The argument that is bad in the current call, and which of its bad values it has */
static char bad_name[32];
static int bad_value;
static char bad_shown[32]; /* as the sentence shows it; "" if that doesn't matter */

static bool is_bad(const char *name)
{
    return strcmp(name, bad_name) == 0;
}

static int64_t integer(const char *name, int64_t least, int64_t most, int64_t lowest, int64_t highest)
{
    const int64_t bad[] = {most < highest ? most + 1 : least - 1, least - 1, lowest, most < highest ? highest : lowest};
    if (!is_bad(name))
        return least;
    snprintf(bad_shown, sizeof bad_shown, "%lld", (long long)bad[bad_value]);
    return bad[bad_value];
}

static double real(const char *name, double good, double low, double high)
{
    const double bad[] = {(double)NAN, (double)INFINITY, low, high};
    return is_bad(name) ? bad[bad_value] : good;
}

/*
 * The checked arguments of a call, with the names that the sentences use: a pointer; an integer from least to most; a
 * finite number, for which `good` is valid and `low` and `high` are not.
 */
#define P(name, pointer) (is_bad(#name) ? NULL : (pointer))
#define I(name, least, most) integer(#name, least, most, INT64_MIN, INT64_MAX)
#define I32(name, least, most) ((int32_t)integer(#name, least, most, INT32_MIN, INT32_MAX))
#define R(name, good, low, high) real(#name, good, low, high)

/* The functions that have had a row, one after the other, as in " rnn_model_copy(" */
static char tested[8192];

/* Moves `at` to the next checked argument in the call's text. Returns false if there is none. */
static bool next_argument(const char **at)
{
    for (const char *c = *at; (c = strpbrk(c, "PIR")); c++) {
        const char *open = c + (strncmp(c, "I32", 3) == 0 ? 3 : 1);
        if ((c[-1] == ' ' || c[-1] == '(') && *open == '(') {
            *at = open + 1;
            size_t length = strcspn(*at, ",");
            memcpy(bad_name, *at, length);
            bad_name[length] = '\0';
            bad_value = 0;
            return true;
        }
    }
    return false;
}

/* Makes each checked argument bad in every possible way, and expects the sentence about it. */
#define REFUSES(call)                                                                                                  \
    do {                                                                                                               \
        const char *at = #call;                                                                                        \
        snprintf(tested + strlen(tested), sizeof tested - strlen(tested), " %.*s(", (int)strcspn(at, "("), at);        \
        while (next_argument(&at))                                                                                     \
            for (int ways = at[-2] == 'P' ? 1 : 4; bad_value < ways; bad_value++) {                                    \
                char part[80];                                                                                         \
                unsigned char untouched[sizeof out];                                                                   \
                memcpy(untouched, &out, sizeof out);                                                                   \
                bad_shown[0] = '\0';                                                                                   \
                leave_another_error();                                                                                 \
                rnn_status status = (call);                                                                            \
                snprintf(part, sizeof part, "%s is %s", bad_name, ways == 1 ? "NULL" : "");                            \
                check_fails(status, RNN_ERROR_ARGUMENT, part, #call, __FILE__, __LINE__);                              \
                check_fails(status, RNN_ERROR_ARGUMENT, bad_shown, #call, __FILE__, __LINE__);                         \
                assert_memory_equal(untouched, &out, sizeof out);                                                      \
            }                                                                                                          \
    } while (0)

/* The set-up, which fills `out` with values that no call writes */
static int create_all_and_out(void **state)
{
    memset(&out, 0x77, sizeof out);
    return create_all(state);
}

static void test_models_refuse_bad_arguments(void **state)
{
    scoped_snapshot before = take_snapshot(valid.model, valid.state);
    int64_t enumerators = rnn_enumerator_count();
    REFUSES(rnn_enumerator(I(index, 0, enumerators - 1), P(name, &out.text), P(value, &out.number)));
    REFUSES(rnn_model_options_init(P(model_options, &out.model_options), sizeof out.model_options));
    REFUSES(rnn_model_create(P(model_options, &valid.model_options), P(model, &out.model)));
    REFUSES(rnn_model_copy(P(model, valid.model), P(copy, &out.model)));
    REFUSES(rnn_model_average(P(average, valid.model), P(model, valid.model), R(weight, 0.5, -0.5, 1.5)));
    out.model_options.struct_size = sizeof out.model_options;
    REFUSES(rnn_model_get_options(P(model, valid.model), P(model_options, &out.model_options)));
    REFUSES(rnn_parameter_init(P(parameter, &out.parameter), sizeof out.parameter));
    out.parameter.struct_size = sizeof out.parameter;
    REFUSES(
        rnn_model_describe_parameter(P(model, valid.model), I(index, 0, PARAMETERS - 1), P(parameter, &out.parameter)));
    REFUSES(rnn_model_find_parameter(P(model, valid.model), P(name, "decoder.bias"), P(index, &out.count)));
    REFUSES(rnn_model_freeze(P(model, valid.model), I(index, 0, PARAMETERS - 1), I32(frozen, 0, 1)));
    REFUSES(rnn_model_get_parameter(P(model, valid.model), I(index, 0, PARAMETERS - 1), P(values, out.values),
                                    I(count, HIDDEN * SYMBOLS, HIDDEN * SYMBOLS)));
    REFUSES(rnn_model_set_parameter(P(model, valid.model), I(index, 0, PARAMETERS - 1), P(values, zeros),
                                    I(count, HIDDEN * SYMBOLS, HIDDEN * SYMBOLS)));
    REFUSES(rnn_model_get_gradient(P(model, valid.model), I(index, 0, PARAMETERS - 1), P(values, out.values),
                                   I(count, HIDDEN * SYMBOLS, HIDDEN * SYMBOLS)));
    REFUSES(rnn_model_set_gradient(P(model, valid.model), I(index, 0, PARAMETERS - 1), P(values, zeros),
                                   I(count, HIDDEN * SYMBOLS, HIDDEN * SYMBOLS)));
    REFUSES(rnn_model_flat_parameters(P(model, valid.model), P(values, &out.flat), P(count, &out.count)));
    REFUSES(rnn_model_flat_gradients(P(model, valid.model), P(gradients, &out.flat_gradients), P(count, &out.count)));
    REFUSES(rnn_model_check_finite(P(model, valid.model)));
    REFUSES(rnn_model_zero_gradients(P(model, valid.model)));
    REFUSES(rnn_model_clip_value(P(model, valid.model), R(limit, 1, 0, -1)));
    REFUSES(rnn_model_clip_norm(P(model, valid.model), R(limit, 1, 0, -1), &out.values[0]));
    REFUSES(rnn_model_set_note(P(model, valid.model), P(key, "key"), "value"));
    REFUSES(rnn_model_note_at(P(model, valid.model), I(index, 0, 0), P(key, &out.text), P(value, &out.value)));
    assert_unchanged(&before, valid.model, valid.state);
}

static void test_states_refuse_bad_arguments(void **state)
{
    snapshot before = take_snapshot(valid.model, valid.state);
    REFUSES(rnn_state_create(P(model, valid.model), I(streams, 1, STREAMS_MOST), P(state, &out.state)));
    REFUSES(rnn_state_reset(P(state, valid.state)));
    REFUSES(rnn_state_reset_stream(P(state, valid.state), I(stream, 0, 0)));
    REFUSES(rnn_state_copy(P(destination, valid.state), P(source, valid.state)));
    REFUSES(rnn_state_copy_stream(P(destination, valid.state), I(destination_stream, 0, 0), P(source, valid.state),
                                  I(source_stream, 0, 0)));
    REFUSES(rnn_state_get(P(state, valid.state), I(layer, 0, 0), I32(what, 0, 0), P(values, out.values),
                          I(count, HIDDEN, HIDDEN)));
    REFUSES(rnn_state_set(P(state, valid.state), I(layer, 0, 0), I32(what, 0, 0), P(values, zeros),
                          I(count, HIDDEN, HIDDEN)));
    REFUSES(rnn_state_get_all(P(state, valid.state), P(values, out.values), I(count, HIDDEN, HIDDEN)));
    REFUSES(rnn_state_set_all(P(state, valid.state), P(values, zeros), I(count, HIDDEN, HIDDEN)));
    REFUSES(rnn_state_set_random_index(P(state, valid.state), 1));
    REFUSES(rnn_state_observe(P(state, valid.state), I32(what, 0, 3)));
    assert_ok(rnn_state_observe(valid.state, 3));
    assert_ok(rnn_forward_backward(valid.model, valid.state, &valid.chunk, NULL));
    free(before.bytes);
    before = take_snapshot(valid.model, valid.state);
    REFUSES(rnn_state_get_activations(P(state, valid.state), I(layer, 0, 0), P(values, out.values),
                                      I(count, 2 * HIDDEN, 2 * HIDDEN)));
    REFUSES(rnn_state_get_gradient_norms(P(state, valid.state), I(layer, 0, 0), P(norms, out.values), I(count, 2, 2)));
    assert_unchanged(&before, valid.model, valid.state);
    free(before.bytes);
}

static void test_training_refuses_bad_arguments(void **state)
{
    scoped_snapshot before = take_snapshot(valid.model, valid.state);
    REFUSES(rnn_chunk_init(P(chunk, &out.chunk), sizeof out.chunk));
    REFUSES(rnn_forward(P(model, valid.model), P(state, valid.state), P(chunk, &valid.chunk), out.values,
                        I(outputs_count, 2 * SYMBOLS, 2 * SYMBOLS), &out.loss));
    REFUSES(rnn_forward(valid.model, valid.state, &valid.chunk, NULL, I(outputs_count, 0, 0), &out.loss));
    assert_fails(rnn_forward(valid.model, valid.state, &valid.chunk, out.values, 0, &out.loss), RNN_ERROR_ARGUMENT,
                 "outputs_count is 0");
    REFUSES(rnn_forward_backward(P(model, valid.model), P(state, valid.state), P(chunk, &valid.chunk), &out.loss));
    REFUSES(rnn_evaluate(P(model, valid.model), P(corpus, valid.corpus), I(streams, 1, STREAMS_MOST),
                         P(loss, &out.loss), &out.count));
    REFUSES(rnn_forward_training(P(model, valid.model), P(state, valid.state), P(chunk, &valid.chunk), out.values,
                                 I(outputs_count, 2 * SYMBOLS, 2 * SYMBOLS)));
    REFUSES(rnn_loss_gradient(P(model, valid.model), P(chunk, &valid.chunk), P(outputs, zeros),
                              I(outputs_count, 2 * SYMBOLS, 2 * SYMBOLS), out.values, &out.loss));
    REFUSES(rnn_softmax(I32(precision, 0, 1), P(logits, zeros), I(rows, 1, INT64_C(1) << 48),
                        I(symbols, 1, SYMBOLS_MOST), P(probabilities, out.values)));
    REFUSES(
        rnn_chunk_gradients_init(P(gradients, (rnn_chunk_gradients *)(void *)out.values), sizeof(rnn_chunk_gradients)));
    REFUSES(rnn_backward(P(model, valid.model), P(state, valid.state), P(gradients, &valid.gradients)));
    REFUSES(rnn_optimizer_options_init(P(optimizer_options, &out.optimizer_options), sizeof out.optimizer_options,
                                       I32(rule, 0, RNN_OPTIMIZER_ADAMW)));
    REFUSES(rnn_optimizer_create(P(model, valid.model), NULL, P(optimizer, &out.optimizer)));
    REFUSES(rnn_optimizer_step(P(optimizer, valid.optimizer), P(model, valid.model)));
    out.optimizer_options.struct_size = sizeof out.optimizer_options;
    REFUSES(rnn_optimizer_get_options(P(optimizer, valid.optimizer), P(options, &out.optimizer_options)));
    REFUSES(rnn_optimizer_set_options(P(optimizer, valid.optimizer), P(options, &valid.optimizer_options)));
    REFUSES(rnn_optimizer_set_learning_rate(P(optimizer, valid.optimizer), R(learning_rate, 1, -1, -1e-300)));
    assert_unchanged(&before, valid.model, valid.state);
}

static void test_sampling_refuses_bad_arguments(void **state)
{
    scoped_snapshot before = take_snapshot(valid.model, valid.state);
    REFUSES(rnn_sampler_options_init(P(sampler_options, &out.sampler_options), sizeof out.sampler_options));
    REFUSES(rnn_sampler_create(NULL, P(sampler, &out.sampler)));
    out.sampler_options.struct_size = sizeof out.sampler_options;
    REFUSES(rnn_sampler_get_options(P(sampler, valid.sampler), P(options, &out.sampler_options)));
    REFUSES(rnn_sampler_set_options(P(sampler, valid.sampler), P(sampler_options, &valid.sampler_options)));
    REFUSES(rnn_sampler_draw(P(sampler, valid.sampler), I32(precision, 0, 1), P(logits, zeros),
                             I(streams, 1, STREAMS_MOST), I(symbols, 1, SYMBOLS_MOST), P(ids, out.ids), out.values));
    REFUSES(rnn_sample(P(model, valid.model), P(state, valid.state), P(sampler, valid.sampler), P(first, ids), 1,
                       P(ids, out.ids)));
    REFUSES(rnn_sample(valid.model, valid.state, valid.sampler, ids, I(n, 0, INT64_MAX), out.ids));
    REFUSES(rnn_generate_options_init(P(generate_options, (rnn_generate_options *)(void *)out.values),
                                      sizeof(rnn_generate_options)));
    REFUSES(rnn_generate(P(model, valid.model), P(state, valid.state), P(sampler, valid.sampler),
                         P(options, &valid.generate_options), P(ids, out.ids), NULL, NULL));
    REFUSES(rnn_beam_options_init(P(beam_options, (rnn_beam_options *)(void *)out.values), sizeof(rnn_beam_options)));
    REFUSES(rnn_beam_search(P(model, valid.model), valid.state, P(options, &valid.beam_options), P(ids, out.ids),
                            &out.count, out.values, out.values + 1));
    assert_unchanged(&before, valid.model, valid.state);
}

static void test_texts_refuse_bad_arguments(void **state)
{
    REFUSES(rnn_source_open(P(paths, paths), I(count, 1, 1 << 20), P(source, &out.source)));
    REFUSES(rnn_vocab_create_from_text(I32(kind, 0, 2), P(text, "abc"), 3, P(vocab, &out.vocab)));
    REFUSES(rnn_vocab_create_from_file(I32(kind, 0, 2), P(path, "text"), P(vocab, &out.vocab)));
    REFUSES(rnn_vocab_create_from_source(I32(kind, 0, 2), P(source, valid.source), P(vocab, &out.vocab)));
    REFUSES(rnn_vocab_create_from_list(I32(kind, 0, 2), P(symbols, "abc"), 3, P(vocab, &out.vocab)));
    REFUSES(rnn_vocab_create_with_unknown(P(known, valid.vocab), P(shown, "?"), 1, P(vocab, &out.vocab)));
    REFUSES(rnn_vocab_create_frequent(P(known, valid.words), I(most, 0, SYMBOLS_MOST), I(least, 1, INT64_MAX),
                                      P(vocab, &out.vocab)));
    REFUSES(rnn_vocab_encode(P(vocab, valid.vocab), P(text, "abc"), 3, P(ids, out.ids), 3, &out.count));
    REFUSES(rnn_vocab_decode(P(vocab, valid.vocab), P(ids, ids), 3, P(text, out.bytes), 3, &out.size));
    REFUSES(rnn_vocab_decode(valid.vocab, ids, I(count, 0, INT64_MAX), out.bytes, 3, &out.size));
    REFUSES(rnn_vocab_symbol(P(vocab, valid.vocab), 0, P(symbol, &out.text), &out.size));
    REFUSES(rnn_corpus_create_from_text(P(vocab, valid.vocab), P(text, "abcabc"), 6, I(steps, 1, STEPS_MOST),
                                        I(streams, 1, STREAMS_MOST), P(corpus, &out.corpus)));
    REFUSES(rnn_corpus_create_from_file(P(vocab, valid.vocab), P(path, "text"), I(steps, 1, STEPS_MOST),
                                        I(streams, 1, STREAMS_MOST), P(corpus, &out.corpus)));
    REFUSES(rnn_corpus_create_from_source(P(vocab, valid.vocab), P(source, valid.source), I(steps, 1, STEPS_MOST),
                                          I(streams, 1, STREAMS_MOST), P(corpus, &out.corpus)));
    REFUSES(rnn_corpus_create_from_ids(P(ids, ids), 6, SYMBOLS, I(steps, 1, STEPS_MOST), I(streams, 1, STREAMS_MOST),
                                       P(corpus, &out.corpus)));
    REFUSES(
        rnn_corpus_create_from_ids(ids, I(count, 1, INT64_MAX / 8), I(symbols, 1, SYMBOLS_MOST), 1, 1, &out.corpus));
    REFUSES(rnn_corpus_create_from_id_file(P(path, "text"), I32(id_size, 1, 2), SYMBOLS, I(steps, 1, STEPS_MOST),
                                           I(streams, 1, STREAMS_MOST), P(corpus, &out.corpus)));
    REFUSES(rnn_corpus_create_from_id_file("text", 1, I(symbols, 1, SYMBOLS_MOST), 1, 1, &out.corpus));
    REFUSES(rnn_corpus_split(P(corpus, valid.corpus), R(share, 0.5, 0, 1), P(validation, &out.corpus)));
    REFUSES(rnn_corpus_set_drop_last(P(corpus, valid.corpus), I32(drop_last, 0, 1)));
    out.chunk.struct_size = sizeof out.chunk;
    REFUSES(rnn_corpus_next(P(corpus, valid.corpus), P(chunk, &out.chunk), &out.number));
    REFUSES(rnn_corpus_seek(P(corpus, valid.corpus), 0));
    REFUSES(rnn_corpus_rewind(P(corpus, valid.corpus)));
    assert_int_equal(rnn_corpus_position(valid.corpus), 0);
}

static void test_batchers_refuse_bad_arguments(void **state)
{
    REFUSES(rnn_sequences_init(P(sequences, (rnn_sequences *)(void *)out.values), sizeof(rnn_sequences)));
    REFUSES(rnn_batcher_options_init(P(batcher_options, (rnn_batcher_options *)(void *)out.values),
                                     sizeof(rnn_batcher_options)));
    REFUSES(rnn_batcher_create(P(sequences, &valid.sequences), NULL, P(batcher, &out.batcher)));
    out.chunk = valid.chunk;
    REFUSES(rnn_batcher_next(P(batcher, valid.batcher), P(chunk, &out.chunk), &out.number));
    assert_int_equal(rnn_batcher_position(valid.batcher), 0);
    assert_ok(rnn_batcher_next(valid.batcher, &out.chunk, NULL));
    REFUSES(rnn_batcher_get_places(P(batcher, valid.batcher), out.places, NULL, I(count, 1, 2)));
    REFUSES(rnn_batcher_seek(P(batcher, valid.batcher), I(position, 0, INT64_C(1) << 62)));
    REFUSES(rnn_batcher_rewind(P(batcher, valid.batcher)));
}

static void test_files_refuse_bad_arguments(void **state)
{
    REFUSES(rnn_model_save(P(model, valid.model), NULL, P(path, "x")));
    REFUSES(rnn_model_save_to_memory(P(model, valid.model), NULL, P(bytes, out.bytes), 16, P(size, &out.size)));
    REFUSES(rnn_save_options_init(P(save_options, (rnn_save_options *)(void *)out.values), sizeof(rnn_save_options)));
    REFUSES(rnn_model_save_with(P(model, valid.model), NULL, NULL, P(path, "x")));
    REFUSES(
        rnn_model_save_to_memory_with(P(model, valid.model), NULL, NULL, P(bytes, out.bytes), 16, P(size, &out.size)));
    REFUSES(rnn_load_options_init(P(load_options, (rnn_load_options *)(void *)out.values), sizeof(rnn_load_options)));
    REFUSES(rnn_model_load(P(path, "file"), NULL, P(model, &out.model), &out.vocab));
    REFUSES(rnn_model_load_from_memory(P(bytes, valid.bytes), valid.size, NULL, P(model, &out.model), &out.vocab));
    REFUSES(rnn_checkpoint_init(P(checkpoint, &out.checkpoint), sizeof out.checkpoint));
    REFUSES(rnn_checkpoint_save(P(checkpoint, &valid.checkpoint), P(path, "x")));
    REFUSES(
        rnn_checkpoint_save_to_memory(P(checkpoint, &valid.checkpoint), P(bytes, out.bytes), 16, P(size, &out.size)));
    out.checkpoint.struct_size = sizeof out.checkpoint;
    REFUSES(rnn_checkpoint_load(P(path, "file"), P(checkpoint, &out.checkpoint)));
    REFUSES(rnn_checkpoint_load_from_memory(P(bytes, valid.bytes), valid.size, P(checkpoint, &out.checkpoint)));
    assert_int_equal(access("x", F_OK), -1);
    assert_ok(rnn_set_threads(3));
    REFUSES(rnn_set_threads(I32(threads, 0, 1024)));
    assert_int_equal(rnn_threads(), 3);
    assert_ok(rnn_set_threads(0));
}

/*
 * Every function that takes a pointer and returns a status must have a row above. In rnn_set_allocator() NULL is valid.
 */
static void test_every_function_has_a_row(void **state)
{
    size_t size = 0;
    scoped_memory char *header = read_golden("../../include/rnn/rnn.h", &size);
    for (char *at = strstr(header, "RNN_CHECKED rnn_status "); at; at = strstr(at, "RNN_CHECKED rnn_status ")) {
        char name[80];
        at += strlen("RNN_CHECKED rnn_status ");
        const char *end = strchr(at, ';'), *pointer = strchr(at, '*');
        snprintf(name, sizeof name, " %.*s(", (int)strcspn(at, "("), at);
        if (pointer < end && strcmp(name, " rnn_set_allocator(") != 0 && !strstr(tested, name))
            fail_msg("%s) has no row", name);
    }
}

static void test_getters_return_nothing_for_null(void **state)
{
    assert_int_equal(rnn_model_parameter_count(NULL), 0);
    assert_int_equal(rnn_model_note_count(NULL), 0);
    assert_null(rnn_model_note(NULL, "key"));
    assert_null(rnn_model_note(valid.model, NULL));
    assert_int_equal(rnn_state_streams(NULL), 0);
    assert_int_equal(rnn_state_random_index(NULL), 0);
    assert_true(rnn_optimizer_learning_rate(NULL) == 0);
    assert_int_equal(rnn_source_size(NULL), 0);
    assert_int_equal(rnn_vocab_size(NULL), 0);
    assert_int_equal(rnn_vocab_unknown(NULL), -1);
    assert_int_equal(rnn_corpus_size(NULL), 0);
    assert_int_equal(rnn_corpus_chunks(NULL), 0);
    assert_int_equal(rnn_corpus_position(NULL), 0);
    assert_int_equal(rnn_batcher_size(NULL), 0);
    assert_int_equal(rnn_batcher_positions(NULL), 0);
    assert_int_equal(rnn_batcher_steps(NULL), 0);
    assert_int_equal(rnn_batcher_chunks(NULL), 0);
    assert_int_equal(rnn_batcher_position(NULL), 0);
}

static void test_destroying_null_does_nothing(void **state)
{
    rnn_model_destroy(NULL);
    rnn_state_destroy(NULL);
    rnn_optimizer_destroy(NULL);
    rnn_sampler_destroy(NULL);
    rnn_vocab_destroy(NULL);
    rnn_source_destroy(NULL);
    rnn_corpus_destroy(NULL);
    rnn_batcher_destroy(NULL);
}

int main(void)
{
#define with_out(function) cmocka_unit_test_setup_teardown(function, create_all_and_out, destroy_all)
    const struct CMUnitTest tests[] = {
        with_out(test_models_refuse_bad_arguments),     with_out(test_states_refuse_bad_arguments),
        with_out(test_training_refuses_bad_arguments),  with_out(test_sampling_refuses_bad_arguments),
        with_out(test_texts_refuse_bad_arguments),      with_out(test_batchers_refuse_bad_arguments),
        with_out(test_files_refuse_bad_arguments),      cmocka_unit_test(test_every_function_has_a_row),
        with_out(test_getters_return_nothing_for_null), cmocka_unit_test(test_destroying_null_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
