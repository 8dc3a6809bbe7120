/* Setting the allocator, when the library refuses it, and when the library doesn't ask it */
#include "books.h"

/* ---- Setting the allocator ---- */

static void test_the_allocator_cannot_change_while_an_object_lives(void **state)
{
    open_books();
    rnn_model *model = NULL;
    rnn_model_options options = make_options(3, 2, 3, 1, RNN_FLOAT32);
    assert_ok(rnn_model_create(&options, &model));
    assert_fails(rnn_set_allocator(&keeping), RNN_ERROR_ARGUMENT, "allocator");
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");

    rnn_state *stream = NULL;
    rnn_optimizer *optimizer = NULL;
    assert_ok(rnn_state_create(model, 1, &stream));
    assert_ok(rnn_optimizer_create(model, NULL, &optimizer));
    rnn_model_destroy(model);
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_state_destroy(stream);
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_optimizer_destroy(optimizer);
    assert_ok(rnn_set_allocator(&keeping));

    rnn_sampler *sampler = NULL;
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_sampler_destroy(sampler);
    assert_ok(rnn_set_allocator(&keeping));

    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    assert_ok(rnn_vocab_create_from_list(RNN_VOCAB_BYTES, "ab", 2, &vocab));
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    assert_ok(rnn_corpus_create_from_text(vocab, "aba", 3, 1, 1, &corpus));
    rnn_vocab_destroy(vocab);
    assert_fails(rnn_set_allocator(NULL), RNN_ERROR_ARGUMENT, "allocator");
    rnn_corpus_destroy(corpus);
    close_books();
}

static void test_an_allocator_without_one_of_its_functions_is_refused_and_the_present_one_stays(void **state)
{
    const rnn_allocator no_allocate = {.release = release_and_keep, .context = &books};
    const rnn_allocator no_release = {.allocate = keep_and_allocate, .context = &books};
    rnn_sampler *sampler = NULL;
    open_books();
    assert_fails(rnn_set_allocator(&no_allocate), RNN_ERROR_ARGUMENT, "allocate is NULL");
    assert_fails(rnn_set_allocator(&no_release), RNN_ERROR_ARGUMENT, "release is NULL");
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_true(books.held > 0);
    rnn_sampler_destroy(sampler);
    close_books();
}

static void test_the_allocator_struct_is_copied(void **state)
{
    rnn_allocator given = keeping;
    rnn_sampler *sampler = NULL;
    open_books();
    assert_ok(rnn_set_allocator(&given));
    memset(&given, 0, sizeof given);
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_true(books.held > 0);
    rnn_sampler_destroy(sampler);
    close_books();
}

static void test_null_goes_back_to_the_c_library(void **state)
{
    rnn_sampler *sampler = NULL;
    open_books();
    assert_ok(rnn_set_allocator(NULL));
    assert_ok(rnn_sampler_create(NULL, &sampler));
    assert_int_equal(books.calls, 0);
    rnn_sampler_destroy(sampler);
    close_books();
}

static void test_sizes_out_of_range_ask_for_no_memory(void **state)
{
    static const int64_t bad[] = {0, -1, INT64_C(1) << 40, INT64_MAX, INT64_MIN};
    rnn_model *model = NULL;
    rnn_vocab *vocab = NULL;
    rnn_corpus *corpus = NULL;
    open_books();
    rnn_model_options o = make_options(3, 2, 3, 1, RNN_FLOAT32);
    assert_ok(rnn_model_create(&o, &model));
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
        cmocka_unit_test(test_the_allocator_cannot_change_while_an_object_lives),
        cmocka_unit_test(test_an_allocator_without_one_of_its_functions_is_refused_and_the_present_one_stays),
        cmocka_unit_test(test_the_allocator_struct_is_copied),
        cmocka_unit_test(test_null_goes_back_to_the_c_library),
        cmocka_unit_test(test_sizes_out_of_range_ask_for_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
