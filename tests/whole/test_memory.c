/* The allocator: what the library asks of it, and that nothing leaks or breaks whichever allocation fails. */
#include "books.h"

/* ---- Everything that the library does, call by call ---- */

enum { CALLS = sizeof calls / sizeof calls[0] };

/* The pointers that a call may have set: in the scene up to its results. */
static void assert_same_objects(const scene *a, const scene *b)
{
    assert_memory_equal(a, b, offsetof(scene, results));
}

/*
 * Makes all calls in turn. Allocations `from` to `to`, counted from the start, fail; a call that fails must say why and
 * set nothing, and is made again with memory to be had. Returns whether any call failed.
 */
static int play(int64_t from, int64_t to, struct results *results)
{
    scene s;
    int failed = 0;
    memset(&s, 0, sizeof s);
    open_books();
    assert_ok(rnn_chunk_init(&s.chunk, sizeof s.chunk));
    books.refuse_from = from;
    books.refuse_to = to;
    for (int i = 0; i < CALLS; i++) {
        scene before = s;
        leave_another_error();
        rnn_status status = calls[i].call(&s);
        if (status == RNN_ERROR_MEMORY && calls[i].allocates) {
            failed = 1;
            assert_string_not_equal(rnn_last_error(), "optimizer is NULL");
            assert_same_objects(&s, &before);
            assert_memory_equal(s.results.loss, before.results.loss, sizeof s.results.loss);
            books.refuse_from = books.refuse_to = 0;
            status = calls[i].call(&s);
        }
        if (status != RNN_OK) {
            print_error("call %d with allocations %lld to %lld refused: %s: %s\n", i, (long long)from, (long long)to,
                        rnn_status_name(status), rnn_last_error());
            fail();
        }
    }

    books.refuse_from = books.refuse_to = 0;
    double *gradients = get_all_gradients(s.double_model);
    memcpy(s.results.gradients, gradients, sizeof s.results.gradients);
    free(gradients);
    assert_ok(rnn_state_get(s.state, 1, RNN_STATE_HIDDEN, s.results.state, STREAMS * 16));
    assert_ok(rnn_model_get_parameter(s.model, index_of(s.model, "decoder.bias"), s.results.decoder,
                                      rnn_vocab_size(s.vocab)));
    memcpy(results, &s.results, sizeof *results);

    rnn_vocab_destroy(s.vocab);
    rnn_vocab_destroy(s.list_vocab);
    rnn_vocab_destroy(s.file_vocab);
    rnn_source_destroy(s.source);
    rnn_vocab_destroy(s.utf8_vocab);
    rnn_vocab_destroy(s.utf8_list_vocab);
    rnn_vocab_destroy(s.unknown_vocab);
    rnn_corpus_destroy(s.utf8_corpus);
    rnn_corpus_destroy(s.utf8_validation);
    rnn_corpus_destroy(s.corpus);
    rnn_corpus_destroy(s.file_corpus);
    rnn_corpus_destroy(s.validation);
    rnn_corpus_destroy(s.file_validation);
    rnn_model_destroy(s.model);
    rnn_model_destroy(s.double_model);
    rnn_model_destroy(s.lstm);
    rnn_state_destroy(s.state);
    rnn_state_destroy(s.sampling_state);
    rnn_state_destroy(s.double_state);
    rnn_state_destroy(s.lstm_state);
    rnn_optimizer_destroy(s.optimizer);
    rnn_optimizer_destroy(s.adam);
    rnn_sampler_destroy(s.sampler);
    close_books();
    return failed;
}

static void test_whichever_allocation_fails_the_call_fails_and_can_be_repeated(void **state)
{
    struct results expected;
    struct results results;
    int64_t n = 0;
    (void)state;
    write_file("text", text, sizeof text - 1);
    assert_int_equal(play(0, 0, &expected), 0);
    int64_t allocations = books.calls;
    do {
        n++;
        int failed = play(n, n, &results);
        assert_memory_equal(&results, &expected, sizeof results);
        if (n <= allocations)
            assert_int_equal(failed, 1);
    } while (n <= allocations);
    assert_true(allocations >= 14); /* each _create and split takes some */
}

static void test_a_call_fails_cleanly_when_memory_stays_used_up(void **state)
{
    struct results expected;
    struct results results;
    (void)state;
    write_file("text", text, sizeof text - 1);
    assert_int_equal(play(0, 0, &expected), 0);
    int64_t allocations = books.calls;
    for (int64_t n = 1; n <= allocations; n++) {
        assert_int_equal(play(n, INT64_MAX, &results), 1);
        assert_memory_equal(&results, &expected, sizeof results);
    }
}

/* ---- What is asked of the allocator ---- */

static void test_all_memory_comes_from_the_allocator_as_its_contract_says(void **state)
{
    struct results results;
    (void)state;
    write_file("text", text, sizeof text - 1);
    assert_int_equal(play(0, 0, &results), 0); /* the books are checked when they are closed */
    assert_true(books.largest >= 16 * 16 * sizeof(float));
}

static void test_sizes_out_of_range_ask_for_no_memory(void **state)
{
    static const int64_t bad[] = {0, -1, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
    rnn_model *model = NULL;
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    (void)state;
    open_books();
    assert_ok(create_small_model(3, 1, RNN_FLOAT32, &model));
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &vocab));
    int64_t calls_before = books.calls;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        rnn_model_options options = make_options(3, bad[i], 3, 1, RNN_FLOAT32);
        rnn_model *another = NULL;
        rnn_state *state_of_model = NULL;
        assert_fails(rnn_model_create(&options, &another), RNN_ERROR_ARGUMENT, "hidden_size");
        assert_fails(rnn_state_create(model, bad[i], &state_of_model), RNN_ERROR_ARGUMENT, "streams");
        assert_fails(rnn_corpus_create_from_text(vocab, "abcabc", 6, bad[i], 1, &corpus), RNN_ERROR_ARGUMENT, "steps");
        assert_fails(rnn_corpus_create_from_text(vocab, "abcabc", 6, 1, bad[i], &corpus), RNN_ERROR_ARGUMENT,
                     "streams");
    }
    assert_int_equal(books.calls, calls_before);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
    close_books();
}

static void test_the_largest_model_asks_for_what_it_needs(void **state)
{
    static const struct {
        int64_t symbols, hidden, layers;
    } sizes[] = {{1, 1048576, 1}, {16777216, 1048576, 1}, {16777216, 100, 1}, {16777216, 1048576, 1024}};
    static const struct {
        int32_t cell;
        int64_t gates;
    } cells[] = {{RNN_CELL_TANH, 1}, {RNN_CELL_GRU, 3}, {RNN_CELL_LSTM, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t c = 0; c < sizeof cells / sizeof cells[0]; c++) {
            int64_t v = sizes[i].symbols;
            int64_t h = sizes[i].hidden;
            int64_t l = sizes[i].layers;
            int64_t parameters = cells[c].gates * (h * v + (2 * l - 1) * h * h + 2 * l * h) + v * h + v;
            rnn_model_options options = make_options(v, h, v, l, RNN_FLOAT64);
            rnn_model *model = NULL;
            options.cell = cells[c].cell;
            options.bias = RNN_BIAS_BOTH;
            open_books();
            books.limit = 1 << 24;
            assert_fails(rnn_model_create(&options, &model), RNN_ERROR_MEMORY, "");
            assert_null(model);
            assert_true(books.largest >= (size_t)parameters * sizeof(double));
            close_books();
        }
    }
}

static void test_the_largest_state_and_chunk_ask_for_what_they_need(void **state)
{
    enum { MOST_STEPS = 16777216 };
    int32_t *ids = allocate(MOST_STEPS, sizeof(int32_t));
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = MOST_STEPS, .streams = 1, .inputs = ids, .targets = ids};
    rnn_model *model = NULL;
    rnn_state *largest = NULL;
    rnn_state *small = NULL;
    (void)state;
    open_books();
    assert_ok(create_small_model(3, 1, RNN_FLOAT32, &model));
    assert_ok(rnn_state_create(model, 1, &small));
    books.limit = 1 << 24;
    assert_fails(rnn_state_create(model, 1048576, &largest), RNN_ERROR_MEMORY, "");
    assert_null(largest);
    assert_true(books.largest >= (size_t)1048576 * 16 * sizeof(float));

    snapshot before = take_snapshot(model, small);
    assert_fails(rnn_forward_backward(model, small, &chunk, NULL), RNN_ERROR_MEMORY, "");
    assert_true(books.largest >= (size_t)MOST_STEPS * 16 * sizeof(float));
    assert_unchanged(&before, model, small);
    free(before.bytes);
    rnn_state_destroy(small);
    rnn_model_destroy(model);
    close_books();
    free(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_whichever_allocation_fails_the_call_fails_and_can_be_repeated),
        test_with_files(test_a_call_fails_cleanly_when_memory_stays_used_up),
        test_with_files(test_all_memory_comes_from_the_allocator_as_its_contract_says),
        cmocka_unit_test(test_sizes_out_of_range_ask_for_no_memory),
        cmocka_unit_test(test_the_largest_model_asks_for_what_it_needs),
        cmocka_unit_test(test_the_largest_state_and_chunk_ask_for_what_they_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
