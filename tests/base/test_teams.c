/* The number of threads that compute doesn't change a bit of any result. */
#include "support.h"
#include "training.h"

enum { STEPS = 17, STREAMS = 67, HIDDEN = 45, SYMBOLS = 83, CHUNKS = 3, DRAWN = 5 };

/* The results of a computation, to be compared bit by bit */
typedef struct outcome {
    double losses[CHUNKS], norms[CHUNKS];
    uint64_t parameters, outputs; /* hashes */
    int32_t drawn[DRAWN * STREAMS];
} outcome;

static rnn_chunk chunk_of(const int32_t *ids)
{
    return (rnn_chunk){
        .struct_size = sizeof(rnn_chunk), .steps = STEPS, .streams = STREAMS, .inputs = ids, .targets = ids + STREAMS};
}

/* Trains a few chunks, runs forward, and samples. */
static outcome compute(const rnn_model_options *options, int32_t threads)
{
    scoped_memory int32_t *ids = allocate((CHUNKS * STEPS + 1) * STREAMS, sizeof *ids);
    random_source source = {7};
    for (int i = 0; i < (CHUNKS * STEPS + 1) * STREAMS; i++)
        ids[i] = random_below(&source, SYMBOLS);
    assert_ok(rnn_set_threads(threads));
    scoped_model *model = create_model(options);
    scoped_state *state = create_state(model, STREAMS);
    scoped_optimizer *optimizer = NULL;
    scoped_sampler *sampler = NULL;
    rnn_optimizer_options rule;
    assert_ok(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    assert_ok(rnn_optimizer_create(model, &rule, &optimizer));
    assert_ok(rnn_sampler_create(NULL, &sampler));

    outcome o;
    memset(&o, 0, sizeof o);
    for (int n = 0; n < CHUNKS; n++) {
        rnn_chunk chunk = chunk_of(ids + n * STEPS * STREAMS);
        rnn_loss loss;
        assert_ok(rnn_forward_backward(model, state, &chunk, &loss));
        assert_ok(rnn_model_clip_norm(model, 1, &o.norms[n]));
        assert_ok(rnn_optimizer_step(optimizer, model));
        o.losses[n] = loss.sum;
    }
    const void *parameters;
    int64_t count, output_count = (int64_t)STEPS * STREAMS * SYMBOLS;
    assert_ok(rnn_model_flat_parameters(model, &parameters, &count));
    o.parameters = hash_of(parameters, (size_t)count * precision_size(options->precision));
    scoped_memory void *outputs = allocate(output_count, precision_size(options->precision));
    rnn_chunk chunk = chunk_of(ids);
    assert_ok(rnn_forward(model, state, &chunk, outputs, output_count, NULL));
    o.outputs = hash_of(outputs, (size_t)output_count * precision_size(options->precision));
    assert_ok(rnn_sample(model, state, sampler, ids, DRAWN, o.drawn));
    assert_ok(rnn_set_threads(0));
    return o;
}

static void check_threads(int32_t cell)
{
    static const int32_t threads[] = {2, 3, 16};
    for (int32_t input = RNN_INPUT_IDS; input <= RNN_INPUT_EMBEDDING; input++)
        for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
            rnn_model_options options = make_options(SYMBOLS, HIDDEN, SYMBOLS, 2, precision);
            options.cell = cell;
            options.input = input;
            options.tied = input == RNN_INPUT_EMBEDDING;
            options.embedding_size = options.tied ? HIDDEN : 0;
            options.bias = RNN_BIAS_BOTH;
            options.initialization = RNN_INIT_UNIFORM;
            options.dropout = 0.25;
            outcome alone = compute(&options, 1);
            for (int i = 0; i < COUNT_OF(threads); i++) {
                outcome together = compute(&options, threads[i]);
                assert_memory_equal(&together, &alone, sizeof alone);
            }
        }
}

static void test_a_vanilla_rnn_is_the_same_bits_on_1_2_3_and_16_threads(void **state)
{
    check_threads(RNN_CELL_TANH);
}

static void test_a_gru_is_the_same_bits_on_1_2_3_and_16_threads(void **state)
{
    check_threads(RNN_CELL_GRU);
}

static void test_an_lstm_is_the_same_bits_on_1_2_3_and_16_threads(void **state)
{
    check_threads(RNN_CELL_LSTM);
}

static void test_the_number_of_threads_is_what_was_set(void **state)
{
    int32_t usual = rnn_threads();
    assert_in_range(usual, 1, 1024);
    assert_ok(rnn_set_threads(3));
    assert_int_equal(rnn_threads(), 3);
    assert_ok(rnn_set_threads(0));
    assert_int_equal(rnn_threads(), usual);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_vanilla_rnn_is_the_same_bits_on_1_2_3_and_16_threads),
        cmocka_unit_test(test_a_gru_is_the_same_bits_on_1_2_3_and_16_threads),
        cmocka_unit_test(test_an_lstm_is_the_same_bits_on_1_2_3_and_16_threads),
        cmocka_unit_test(test_the_number_of_threads_is_what_was_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
