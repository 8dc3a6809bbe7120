/* The library keeps to the allocator's contract, and nothing leaks or breaks whichever allocation fails. */
#include "books.h"

/* ---- Everything that the library does, call by call ---- */

static void destroy_scene(scene *s)
{
    rnn_vocab *const vocabs[] = {s->vocab,      s->list_vocab,      s->file_vocab,
                                 s->utf8_vocab, s->utf8_list_vocab, s->unknown_vocab};
    rnn_corpus *const corpora[] = {s->corpus,          s->file_corpus, s->validation,
                                   s->file_validation, s->utf8_corpus, s->utf8_validation};
    rnn_model *const models[] = {s->model, s->double_model, s->lstm};
    rnn_state *const states[] = {s->state, s->sampling_state, s->double_state, s->lstm_state};
    for (int i = 0; i < COUNT_OF(vocabs); i++)
        rnn_vocab_destroy(vocabs[i]);
    for (int i = 0; i < COUNT_OF(corpora); i++)
        rnn_corpus_destroy(corpora[i]);
    for (int i = 0; i < COUNT_OF(models); i++)
        rnn_model_destroy(models[i]);
    for (int i = 0; i < COUNT_OF(states); i++)
        rnn_state_destroy(states[i]);
    rnn_source_destroy(s->source);
    rnn_optimizer_destroy(s->optimizer);
    rnn_optimizer_destroy(s->adam);
    rnn_sampler_destroy(s->sampler);
}

/*
 * Makes all calls in turn. The allocations numbered `from` to `to` fail. A call that fails must say why and set
 * nothing; it is then repeated with memory available. Returns whether any call failed.
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
    for (int i = 0; i < COUNT_OF(calls); i++) {
        scene before = s;
        leave_another_error();
        rnn_status status = calls[i].call(&s);
        if (status == RNN_ERROR_MEMORY && calls[i].allocates) {
            failed = 1;
            assert_string_not_equal(rnn_last_error(), "optimizer is NULL");
            assert_memory_equal(&s, &before, offsetof(scene, results));
            assert_memory_equal(s.results.loss, before.results.loss, sizeof s.results.loss);
            books.refuse_from = books.refuse_to = 0;
            status = calls[i].call(&s);
        }
        if (status != RNN_OK)
            fail_msg("call %d with allocations %lld to %lld refused: %s: %s", i, (long long)from, (long long)to,
                     rnn_status_name(status), rnn_last_error());
    }

    books.refuse_from = books.refuse_to = 0;
    double *gradients = get_all_gradients(s.double_model);
    memcpy(s.results.gradients, gradients, sizeof s.results.gradients);
    free(gradients);
    assert_ok(rnn_state_get(s.state, 1, RNN_STATE_HIDDEN, s.results.state, STREAMS * 16));
    assert_ok(rnn_model_get_parameter(s.model, index_of(s.model, "decoder.bias"), s.results.decoder,
                                      rnn_vocab_size(s.vocab)));
    memcpy(results, &s.results, sizeof *results);

    destroy_scene(&s);
    close_books();
    return failed;
}

static void test_whichever_allocation_fails_the_call_fails_and_can_be_repeated(void **state)
{
    struct results expected, results;
    int64_t n = 0;
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
    assert_true(allocations >= 14); /* each _create and split call allocates something */
}

static void test_a_call_fails_cleanly_when_memory_stays_used_up(void **state)
{
    struct results expected, results;
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
    write_file("text", text, sizeof text - 1);
    assert_int_equal(play(0, 0, &results), 0); /* close_books() has checked the contract */
    assert_true(books.largest >= 16 * 16 * sizeof(float));
}

static void test_sizes_out_of_range_ask_for_no_memory(void **state)
{
    static const int64_t bad[] = {0, -1, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
    rnn_model *model = NULL;
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    open_books();
    assert_ok(create_small_model(3, 1, RNN_FLOAT32, &model));
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "abc", 3, &vocab));
    int64_t calls_before = books.calls;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        test_with_files(test_whichever_allocation_fails_the_call_fails_and_can_be_repeated),
        test_with_files(test_a_call_fails_cleanly_when_memory_stays_used_up),
        test_with_files(test_all_memory_comes_from_the_allocator_as_its_contract_says),
        cmocka_unit_test(test_sizes_out_of_range_ask_for_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
