/*
 * rnn_loss_gradient(), compared with numerical gradients and with what rnn_forward_backward() computes in one call; and
 * rnn_softmax().
 */

#include "support.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 7, STREAMS = 3, HIDDEN = 5, INPUTS = 4, OUTPUTS = 6, NUMBERS = STEPS * STREAMS * OUTPUTS };

typedef struct variant {
    int32_t loss, reduction;
    bool lengths, last_only;
} variant;

/* Variant 0 to 15 */
static variant variant_of(int k)
{
    return (variant){k % 2 ? RNN_LOSS_SQUARED_ERROR : RNN_LOSS_CROSS_ENTROPY,
                     k / 2 % 2 ? RNN_REDUCTION_MEAN : RNN_REDUCTION_SUM, k / 4 % 2, k / 8};
}

/* A chunk of a variant. Some of its positions don't count. */
typedef struct fixture {
    rnn_model *model;
    owned_chunk owned;
    rnn_chunk chunk;
    int64_t lengths[STREAMS], places, numbers;
} fixture;

static fixture *create_fixture(variant v)
{
    fixture *f = allocate(1, sizeof *f);
    rnn_model_options o = make_options(INPUTS, HIDDEN, OUTPUTS, 1, RNN_FLOAT64);
    o.cell = RNN_CELL_GRU;
    o.loss = v.loss;
    o.reduction = v.reduction;
    f->model = create_random_model(&o, 0.8, 5);
    f->owned = create_random_chunk_for(f->model, STEPS, STREAMS, 0.2, 7);
    f->chunk = f->owned.chunk;
    f->lengths[0] = STEPS;
    f->lengths[1] = 3;
    f->chunk.lengths = v.lengths ? f->lengths : NULL;
    f->chunk.last_only = v.last_only;
    f->places = v.last_only ? STREAMS : STEPS * STREAMS;
    f->numbers = f->places * OUTPUTS;
    return f;
}

static void destroy_fixture(fixture **f)
{
    rnn_model_destroy((*f)->model);
    destroy_chunk(&(*f)->owned);
    free(*f);
}

#define scoped_fixture RELEASED_BY(destroy_fixture) fixture

static double sum_of(const fixture *f, const double *outputs)
{
    rnn_loss loss;
    assert_ok(rnn_loss_gradient(f->model, &f->chunk, outputs, f->numbers, NULL, &loss));
    return loss.count > 0 ? loss.sum : 0;
}

static void test_the_gradient_is_the_numerical_one(void **state)
{
    (void)state;
    for (int k = 0; k < 16; k++) {
        scoped_fixture *f = create_fixture(variant_of(k));
        double outputs[NUMBERS], gradient[NUMBERS];
        random_source source = {(uint64_t)k};
        rnn_loss loss;
        random_fill(&source, outputs, f->numbers, 2);
        assert_ok(rnn_loss_gradient(f->model, &f->chunk, outputs, f->numbers, gradient, &loss));
        double scale = variant_of(k).reduction == RNN_REDUCTION_MEAN ? 1 / (double)loss.count : 1;
        for (int64_t i = 0; i < f->numbers; i++) {
            const double step = 1e-4, kept = outputs[i];
            outputs[i] = kept + step;
            double above = sum_of(f, outputs);
            outputs[i] = kept - step;
            double below = sum_of(f, outputs);
            outputs[i] = kept;
            double numerical = scale * (above - below) / (2 * step);
            if (fabs(numerical - gradient[i]) > 1e-6 * fmax(fabs(numerical), 1e-2))
                fail_msg("variant %d: element %lld has %.12g instead of %.12g", k, (long long)i, gradient[i],
                         numerical);
        }
    }
}

static void test_it_is_what_forward_backward_computes_in_between(void **state)
{
    (void)state;
    for (int k = 0; k < 16; k++) {
        variant v = variant_of(k);
        scoped_fixture *f = create_fixture(v);
        double outputs[NUMBERS], gradient[NUMBERS], own_losses[STEPS * STREAMS], losses[STEPS * STREAMS];
        int64_t own_hits = -1, hits = -1;
        rnn_loss own_loss, loss;
        rnn_chunk_gradients back = {.struct_size = sizeof back, .outputs = gradient};
        scoped_state *own = create_random_state(f->model, STREAMS, 0.5, 6), *library = create_state(f->model, STREAMS);
        assert_ok(rnn_state_copy(library, own));

        rnn_chunk whole = f->chunk;
        whole.losses = losses;
        whole.hits = v.loss == RNN_LOSS_CROSS_ENTROPY ? &hits : NULL;
        assert_ok(rnn_forward_backward(f->model, library, &whole, &loss));
        scoped_memory double *expected = get_all_gradients(f->model);
        assert_ok(rnn_model_zero_gradients(f->model));

        assert_ok(rnn_forward_training(f->model, own, &f->chunk, outputs, f->numbers));
        whole.losses = own_losses;
        whole.hits = v.loss == RNN_LOSS_CROSS_ENTROPY ? &own_hits : NULL;
        whole.inputs = NULL;
        assert_ok(rnn_loss_gradient(f->model, &whole, outputs, f->numbers, gradient, &own_loss));
        assert_ok(rnn_backward(f->model, own, &back));
        scoped_memory double *actual = get_all_gradients(f->model);

        assert_memory_equal(&own_loss.sum, &loss.sum, sizeof loss.sum);
        assert_int_equal(own_loss.count, loss.count);
        assert_memory_equal(own_losses, losses, (size_t)f->places * sizeof *losses);
        assert_int_equal(own_hits, hits);
        assert_all_close(actual, expected, parameter_total(f->model), 1e-13);
    }
}

static void test_any_number_of_threads_gives_the_same_bits(void **state)
{
    (void)state;
    enum { SYMBOLS = 1000, ROWS = 300 };
    rnn_model_options o = make_options(SYMBOLS, 4, SYMBOLS, 1, RNN_FLOAT32);
    scoped_model *model = create_model(&o);
    scoped_chunk chunk = create_random_chunk_for(model, ROWS, 1, 0.1, 3);
    scoped_memory float *outputs = allocate(ROWS * SYMBOLS, sizeof *outputs);
    scoped_memory float *alone = allocate(ROWS * SYMBOLS, sizeof *alone);
    scoped_memory float *together = allocate(ROWS * SYMBOLS, sizeof *together);
    rnn_loss losses[2];
    random_source source = {4};
    for (int i = 0; i < ROWS * SYMBOLS; i++)
        outputs[i] = (float)random_below(&source, 1000) / 100;
    assert_ok(rnn_set_threads(1));
    assert_ok(rnn_loss_gradient(model, &chunk.chunk, outputs, ROWS * SYMBOLS, alone, &losses[0]));
    assert_ok(rnn_set_threads(4));
    assert_ok(rnn_loss_gradient(model, &chunk.chunk, outputs, ROWS * SYMBOLS, together, &losses[1]));
    assert_ok(rnn_set_threads(0));
    assert_memory_equal(alone, together, ROWS * SYMBOLS * sizeof *outputs);
    assert_memory_equal(&losses[0].sum, &losses[1].sum, sizeof(double));
}

static void test_bad_arguments_are_refused(void **state)
{
    (void)state;
    scoped_fixture *f = create_fixture((variant){.loss = RNN_LOSS_CROSS_ENTROPY});
    double outputs[NUMBERS] = {0}, gradient[NUMBERS];
    rnn_loss loss = {.sum = 5, .count = 6};
    rnn_chunk bad = f->chunk;
    const rnn_model *model = f->model;
    assert_fails(rnn_loss_gradient(model, &bad, outputs, 18, gradient, &loss), RNN_ERROR_ARGUMENT,
                 "outputs_count is 18; it must be 126, which is steps times streams times output_size");
    bad.last_only = 1;
    assert_fails(
        rnn_loss_gradient(model, &bad, outputs, NUMBERS, gradient, &loss), RNN_ERROR_ARGUMENT,
        "outputs_count is 126; it must be 18, which is streams times output_size, since chunk->last_only is 1");
    bad = f->chunk;
    bad.targets = NULL;
    assert_fails(rnn_loss_gradient(model, &bad, outputs, NUMBERS, gradient, &loss), RNN_ERROR_ARGUMENT,
                 "chunk->targets is NULL");
    bad = f->chunk;
    bad.steps = 0;
    assert_fails(rnn_loss_gradient(model, &bad, outputs, NUMBERS, gradient, &loss), RNN_ERROR_ARGUMENT,
                 "chunk->steps is 0");
    outputs[7] = NAN;
    f->owned.targets[1] = 0;
    assert_fails(rnn_loss_gradient(model, &f->chunk, outputs, NUMBERS, gradient, &loss), RNN_ERROR_NONFINITE,
                 "nan; outputs[7] is nan");
    outputs[7] = INFINITY;
    assert_fails(rnn_loss_gradient(model, &f->chunk, outputs, NUMBERS, gradient, &loss), RNN_ERROR_NONFINITE,
                 "; outputs[7] is inf");
    int64_t hits = -7; /* must stay, as the loss must */
    bad = f->chunk;
    bad.hits = &hits;
    assert_fails(rnn_loss_gradient(model, &bad, outputs, NUMBERS, gradient, &loss), RNN_ERROR_NONFINITE,
                 "the loss of the outputs is ");
    assert_int_equal(hits, -7);
    f->owned.targets[1] = OUTPUTS;
    assert_fails(rnn_loss_gradient(model, &f->chunk, outputs, NUMBERS, gradient, &loss), RNN_ERROR_SYMBOL,
                 "chunk->targets[1] is 6");
    f->owned.targets[1] = RNN_IGNORE; /* where the target is ignored, the outputs may be anything */
    assert_true(loss.count == 6);
    assert_ok(rnn_loss_gradient(model, &f->chunk, outputs, NUMBERS, gradient, NULL));
    assert_true(gradient[7] == 0);
}

/* ---- Softmax ----------------------------------------------------------------------------------------------------- */

static void test_softmax_gives_probabilities(void **state)
{
    (void)state;
    enum { ROWS = 3, MOST = 40 };
    for (int64_t symbols = 1; symbols <= MOST; symbols++) {
        double logits[ROWS * MOST], probabilities[ROWS * MOST];
        float single[ROWS * MOST];
        random_source source = {(uint64_t)symbols};
        random_fill(&source, logits, ROWS * symbols, 30);
        for (int64_t i = 0; i < ROWS * symbols; i++)
            single[i] = (float)logits[i];
        assert_ok(rnn_softmax(RNN_FLOAT64, logits, ROWS, symbols, probabilities));
        assert_ok(rnn_softmax(RNN_FLOAT32, single, ROWS, symbols, single));
        for (int64_t row = 0; row < ROWS; row++) {
            double total = 0;
            for (int64_t i = 0; i < symbols; i++)
                total += exp(logits[row * symbols + i]);
            for (int64_t i = 0; i < symbols; i++) {
                double expected = exp(logits[row * symbols + i]) / total;
                assert_true(fabs(probabilities[row * symbols + i] - expected) <= 1e-14 * expected);
                assert_true(fabs((double)single[row * symbols + i] - expected) <= 1e-5 * expected + 1e-30);
            }
        }
    }
}

static void test_softmax_of_huge_logits_is_finite(void **state)
{
    (void)state;
    const double logits[] = {1e300, -1e300, 1e300};
    double probabilities[3];
    assert_ok(rnn_softmax(RNN_FLOAT64, logits, 1, 3, probabilities));
    assert_true(probabilities[0] == 0.5 && probabilities[1] == 0 && probabilities[2] == 0.5);
}

static void test_softmax_refuses_what_it_cannot_read(void **state)
{
    (void)state;
    double logits[] = {0, 1, NAN, 2}, probabilities[4] = {7, 7, 7, 7};
    assert_fails(rnn_softmax(RNN_FLOAT64, logits, 2, 2, probabilities), RNN_ERROR_ARGUMENT, "logits[2] is ");
    assert_true(probabilities[0] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_gradient_is_the_numerical_one),
        cmocka_unit_test(test_it_is_what_forward_backward_computes_in_between),
        cmocka_unit_test(test_any_number_of_threads_gives_the_same_bits),
        cmocka_unit_test(test_bad_arguments_are_refused),
        cmocka_unit_test(test_softmax_gives_probabilities),
        cmocka_unit_test(test_softmax_of_huge_logits_is_finite),
        cmocka_unit_test(test_softmax_refuses_what_it_cannot_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
