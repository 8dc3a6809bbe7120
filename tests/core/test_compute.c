/*
 * The forward and backward passes over a chunk, compared with one another. test_cells.c and test_differential.c compare
 * them with the formulas.
 */
#include "computations.h"

/* ---- Streams, chunks and positions add up ---- */

/* Stream b of a chunk, as a chunk of its own */
static owned_chunk create_stream_of(const owned_chunk *chunk, int64_t b)
{
    int64_t steps = chunk->chunk.steps, streams = chunk->chunk.streams;
    owned_chunk made = create_random_chunk(steps, 1, 1, 1, 0, 0);
    for (int64_t t = 0; t < steps; t++) {
        made.inputs[t] = chunk->inputs[t * streams + b];
        made.targets[t] = chunk->targets[t * streams + b];
    }
    return made;
}

static void add(double *sum, const double *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        sum[i] += values[i];
}

static void assert_streams_are_independent(int32_t precision, double tolerance)
{
    scoped_fixture f = create_small_fixture(precision, RNN_REDUCTION_SUM, 0.2);
    int64_t streams = f.chunk.chunk.streams, units = f.options.hidden_size;
    scoped_results together = run_forward_backward(f.model, f.state, &f.chunk.chunk);
    rnn_loss loss = {0};
    scoped_memory double *gradients = allocate(together.gradient_count, sizeof(double));
    for (int64_t b = 0; b < streams; b++) {
        scoped_chunk chunk = create_stream_of(&f.chunk, b);
        scoped_state *start = create_state(f.model, 1);
        assert_ok(rnn_state_copy_stream(start, 0, f.state, b));
        scoped_results alone = run_forward_backward(f.model, start, &chunk.chunk);
        for (int64_t row = 0; row < alone.state_count / units; row++) /* h or c of a layer */
            assert_all_close(together.state + (row * streams + b) * units, alone.state + row * units, units, tolerance);
        loss.sum += alone.loss.sum;
        loss.count += alone.loss.count;
        add(gradients, alone.gradients, together.gradient_count);
    }
    assert_int_equal(together.loss.count, loss.count);
    assert_relative(together.loss.sum, loss.sum, tolerance);
    assert_all_close(together.gradients, gradients, together.gradient_count, tolerance);
}

static void test_streams_side_by_side_give_what_each_gives_alone(void **state)
{
    assert_streams_are_independent(RNN_FLOAT64, 1e-13);
    assert_streams_are_independent(RNN_FLOAT32, 1e-5);
}

static void test_two_halves_of_a_chunk_give_its_loss_and_state(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT64, RNN_REDUCTION_SUM, 0.2);
    int64_t half = f.chunk.chunk.steps / 2;
    rnn_chunk first = chunk_steps(&f.chunk, 0, half), second = chunk_steps(&f.chunk, half, half);
    scoped_results whole = run_forward_backward(f.model, f.state, &f.chunk.chunk);
    for (int training = 0; training <= 1; training++) {
        scoped_state *carried = copy_state(&f);
        rnn_loss one = {0}, two = {0};
        if (training) {
            assert_ok(rnn_forward_backward(f.model, carried, &first, &one));
            assert_ok(rnn_forward_backward(f.model, carried, &second, &two));
        } else {
            assert_ok(rnn_forward(f.model, carried, &first, NULL, 0, &one));
            assert_ok(rnn_forward(f.model, carried, &second, NULL, 0, &two));
        }
        scoped_memory double *end = get_state(f.model, carried);
        assert_int_equal(one.count + two.count, whole.loss.count);
        assert_relative(one.sum + two.sum, whole.loss.sum, 1e-13);
        assert_all_close(end, whole.state, whole.state_count, 1e-13);
    }
}

/* A chunk that ignores some positions and one that ignores all others add up to a chunk that ignores none. */
static void test_an_ignored_position_adds_nothing_to_loss_and_gradients(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT64, RNN_REDUCTION_SUM, 0);
    int64_t positions = f.chunk.chunk.steps * f.chunk.chunk.streams;
    scoped_results all = run_forward_backward(f.model, f.state, &f.chunk.chunk);
    scoped_memory int32_t *kept = allocate(positions, sizeof *kept), *others = allocate(positions, sizeof *others);
    random_source source = {21};
    int64_t kept_count = 0;
    for (int64_t i = 0; i < positions; i++) {
        int32_t keep = random_below(&source, 2);
        kept[i] = keep ? f.chunk.targets[i] : RNN_IGNORE;
        others[i] = keep ? RNN_IGNORE : f.chunk.targets[i];
        kept_count += keep;
    }
    assert_true(kept_count > 0 && kept_count < positions);
    rnn_chunk chunk = f.chunk.chunk;
    chunk.targets = kept;
    scoped_results one = run_forward_backward(f.model, f.state, &chunk);
    chunk.targets = others;
    scoped_results two = run_forward_backward(f.model, f.state, &chunk);

    assert_int_equal(one.loss.count, kept_count);
    assert_int_equal(two.loss.count, positions - kept_count);
    assert_relative(one.loss.sum + two.loss.sum, all.loss.sum, 1e-13);
    add(one.gradients, two.gradients, all.gradient_count);
    assert_all_close(one.gradients, all.gradients, all.gradient_count, 1e-13);
    assert_memory_equal(one.state, all.state, (size_t)all.state_count * sizeof(double));
}

static void test_a_chunk_of_ignored_positions_costs_nothing_and_advances_the_state(void **state)
{
    for (int32_t reduction = RNN_REDUCTION_SUM; reduction <= RNN_REDUCTION_MEAN; reduction++) {
        scoped_fixture f = create_small_fixture(RNN_FLOAT32, reduction, 0);
        scoped_results counted = run_forward_backward(f.model, f.state, &f.chunk.chunk);
        for (int64_t i = 0; i < f.chunk.chunk.steps * f.chunk.chunk.streams; i++)
            f.chunk.targets[i] = RNN_IGNORE;
        scoped_results both = run_forward_backward(f.model, f.state, &f.chunk.chunk);
        rnn_loss loss = {-7, -7};
        assert_ok(rnn_forward(f.model, f.state, &f.chunk.chunk, NULL, 0, &loss));
        assert_true(loss.sum == 0 && loss.count == 0);
        assert_int_equal(both.loss.count, 0);
        assert_true(both.loss.sum == 0);
        assert_zero(both.gradients, both.gradient_count);
        assert_memory_equal(both.state, counted.state, (size_t)counted.state_count * sizeof(double));
    }
}

static void test_a_chunk_of_ignored_positions_keeps_the_gradients_of_those_before_it(void **state)
{
    for (int32_t reduction = RNN_REDUCTION_SUM; reduction <= RNN_REDUCTION_MEAN; reduction++) {
        scoped_fixture f = create_small_fixture(RNN_FLOAT32, reduction, 0);
        assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
        scoped_snapshot before = take_snapshot(f.model, NULL);
        scoped_chunk ignored = create_random_chunk(3, f.chunk.chunk.streams, f.options.input_size, 1, 1, 22);
        assert_ok(rnn_forward_backward(f.model, f.state, &ignored.chunk, NULL));
        assert_unchanged(&before, f.model, NULL);
    }
}

/* The model has 500 symbols and the chunk 20 positions, so most symbols have no gradient. */
static void assert_gradients_add_up(int through_flat_gradients)
{
    rnn_model_options options = make_kind_options(500, 13, 6, 2, RNN_FLOAT64);
    scoped_fixture f = create_fixture(&options, 10, 2, 0);
    scoped_chunk other = create_random_chunk(7, 2, options.input_size, options.output_size, 0, 23);
    scoped_results one = run_forward_backward(f.model, f.state, &f.chunk.chunk);
    scoped_results two = run_forward_backward(f.model, f.state, &other.chunk);
    if (through_flat_gradients) {
        void *flat = NULL;
        int64_t count = 0;
        assert_ok(rnn_model_flat_gradients(f.model, &flat, &count));
    }
    scoped_state *start = copy_state(&f);
    assert_ok(rnn_forward_backward(f.model, f.state, &f.chunk.chunk, NULL));
    assert_ok(rnn_state_copy(f.state, start));
    assert_ok(rnn_forward_backward(f.model, f.state, &other.chunk, NULL));
    scoped_memory double *sum = get_all_gradients(f.model);
    add(one.gradients, two.gradients, one.gradient_count);
    assert_all_close(sum, one.gradients, one.gradient_count, 1e-13);

    assert_ok(rnn_model_zero_gradients(f.model));
    scoped_memory double *zeroed = get_all_gradients(f.model);
    assert_zero(zeroed, one.gradient_count);
}

static void test_gradients_add_up_until_they_are_zeroed(void **state)
{
    assert_gradients_add_up(0);
}

static void test_gradients_add_up_the_same_after_flat_gradients_was_called(void **state)
{
    assert_gradients_add_up(1);
}

static void test_gradients_of_the_mean_are_those_of_the_sum_divided_by_the_count(void **state)
{
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        scoped_fixture of_sum = create_small_fixture(precision, RNN_REDUCTION_SUM, 0.3);
        scoped_fixture of_mean = create_small_fixture(precision, RNN_REDUCTION_MEAN, 0.3);
        scoped_results sum = run_forward_backward(of_sum.model, of_sum.state, &of_sum.chunk.chunk);
        scoped_results mean = run_forward_backward(of_mean.model, of_mean.state, &of_mean.chunk.chunk);
        assert_int_equal(mean.loss.count, sum.loss.count);
        assert_true(mean.loss.sum == sum.loss.sum);
        assert_true(sum.loss.count > 1);
        for (int64_t i = 0; i < sum.gradient_count; i++)
            sum.gradients[i] /= (double)sum.loss.count;
        assert_all_close(mean.gradients, sum.gradients, sum.gradient_count, precision == RNN_FLOAT32 ? 1e-5 : 1e-14);
    }
}

/* ---- Precision ---- */

/*
 * After one step from zero, a unit holds the tanh of the input weight of its symbol. Here the weights range from the
 * smallest to the largest numbers, with both signs.
 */
static void assert_units_are_tanh(int32_t precision, double smallest, double largest, double epsilon)
{
    enum { VALUES = 1999 };
    rnn_model_options options = make_options(VALUES, 1, 1, 1, precision);
    options.weight_scale = 0;
    scoped_model *model = create_model(&options);
    scoped_memory double *values = allocate(VALUES, sizeof(double));
    scoped_memory int32_t *ids = allocate(VALUES, sizeof *ids);
    for (int i = 0; i < VALUES; i++) {
        int step = i / 2 % 500; /* half of them evenly spread, half by their exponents */
        double size = i < VALUES / 2 ? 0.05 * step : smallest * pow(largest / smallest, step / 499.0);
        values[i] = i % 2 ? -size : size;
        ids[i] = i;
    }
    set_parameter(model, index_of(model, "rnn.weight_ih_l0"), values);
    scoped_memory double *rounded = get_parameter(model, index_of(model, "rnn.weight_ih_l0"));
    scoped_state *state = create_state(model, VALUES);
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = 1, .streams = VALUES, .inputs = ids};
    assert_ok(rnn_forward(model, state, &chunk, NULL, 0, NULL));
    scoped_memory double *units = get_state(model, state);
    for (int i = 0; i < VALUES; i++)
        assert_relative(units[i], tanh(rounded[i]), 4 * epsilon);
}

static void test_units_are_tanh_of_small_and_large_sums_to_4_ulp(void **state)
{
    assert_units_are_tanh(RNN_FLOAT32, FLT_MIN, 0.9 * FLT_MAX, FLT_EPSILON);
    assert_units_are_tanh(RNN_FLOAT64, 1e-150, 1e150, DBL_EPSILON);
}

/* Returns -log of the target's probability; `d_logits` gets its derivatives. */
static double cross_entropy(const double *logits, int64_t count, int32_t target, double *d_logits)
{
    double largest = logits[0], sum = 0;
    for (int64_t o = 1; o < count; o++)
        largest = fmax(largest, logits[o]);
    for (int64_t o = 0; o < count; o++)
        sum += exp(logits[o] - largest);
    for (int64_t o = 0; o < count; o++)
        d_logits[o] = exp(logits[o] - largest) / sum - (o == target);
    return largest + log(sum) - logits[target];
}

/*
 * With decoder weights of zero, the outputs are the decoder's biases, and the gradients of these are the probabilities
 * (less 1 for the target). Here each output is less likely than the one before, down to the smallest numbers. The
 * outputs are multiples of 1/4, so their differences are exact.
 */
static void assert_probabilities_are_softmax(int32_t precision, double spacing, double tolerance)
{
    enum { OUTPUTS = 301 };
    rnn_model_options options = make_options(1, 1, OUTPUTS, 1, precision);
    options.weight_scale = 0;
    scoped_model *model = create_model(&options);
    int64_t bias = index_of(model, "decoder.bias");
    scoped_memory double *logits = allocate(OUTPUTS, sizeof(double));
    for (int o = 0; o < OUTPUTS; o++)
        logits[o] = 3 - spacing * o;
    set_parameter(model, bias, logits);
    scoped_memory double *rounded = get_parameter(model, bias), *expected = allocate(OUTPUTS, sizeof(double));
    scoped_state *state = create_state(model, 1);
    scoped_chunk chunk = create_random_chunk(1, 1, 1, 1, 0, 0); /* the target is 0 */
    rnn_loss loss = {0};
    assert_ok(rnn_forward_backward(model, state, &chunk.chunk, &loss));
    scoped_memory double *gradient = get_gradient(model, bias);
    assert_true(fabs(loss.sum - cross_entropy(rounded, OUTPUTS, 0, expected)) <= tolerance);
    assert_true(fabs(gradient[0] - expected[0]) <= tolerance);
    for (int o = 1; o < OUTPUTS; o++)
        assert_relative(gradient[o], expected[o], tolerance);
}

static void test_probabilities_are_the_softmax_of_the_outputs_however_small(void **state)
{
    assert_probabilities_are_softmax(RNN_FLOAT32, 0.25, 1e-6);
    assert_probabilities_are_softmax(RNN_FLOAT64, 2.25, 1e-14);
}

/* ---- One state, many uses ---- */

static void test_forward_backward_gives_the_same_after_forward_on_the_same_state_and_without_a_loss(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    scoped_results expected = run_forward_backward(f.model, f.state, &f.chunk.chunk);
    scoped_state *work = copy_state(&f);
    assert_ok(rnn_forward(f.model, work, &f.chunk.chunk, NULL, 0, NULL));
    assert_ok(rnn_state_copy(work, f.state));
    assert_ok(rnn_forward_backward(f.model, work, &f.chunk.chunk, NULL));
    scoped_memory double *end = get_state(f.model, work), *gradients = get_all_gradients(f.model);
    assert_memory_equal(end, expected.state, (size_t)expected.state_count * sizeof(double));
    assert_memory_equal(gradients, expected.gradients, (size_t)expected.gradient_count * sizeof(double));
}

static void test_a_state_serves_longer_and_shorter_chunks_in_turn(void **state)
{
    static const int64_t lengths[] = {2, 40, 1, 7, 40, 3};
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        scoped_chunk chunk = create_random_chunk(lengths[i], f.chunk.chunk.streams, f.options.input_size,
                                                 f.options.output_size, 0.1, 31 + i);
        scoped_results fresh = run_forward_backward(f.model, f.state, &chunk.chunk);
        rnn_loss loss = {0};
        assert_ok(rnn_forward_backward(f.model, f.state, &chunk.chunk, &loss));
        scoped_memory double *end = get_state(f.model, f.state), *gradients = get_all_gradients(f.model);
        assert_true(loss.sum == fresh.loss.sum);
        assert_memory_equal(end, fresh.state, (size_t)fresh.state_count * sizeof(double));
        assert_memory_equal(gradients, fresh.gradients, (size_t)fresh.gradient_count * sizeof(double));
    }
}

static void test_a_state_serves_models_of_one_shape_in_turn(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    scoped_model *other = create_random_model(&f.options, 0.4, 41);
    double expected = fresh_loss(f.model, &f), expected_other = fresh_loss(other, &f);
    assert_true(expected != expected_other);
    scoped_state *work = copy_state(&f);
    for (int turn = 0; turn < 2; turn++) {
        assert_true(loss_from(f.model, work, &f) == expected);
        assert_true(loss_from(other, work, &f) == expected_other);
    }
}

static void test_a_state_outlives_its_model(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    scoped_state *work = copy_state(&f);
    rnn_model *later = create_random_model(&f.options, 0.4, 42);
    double expected = fresh_loss(later, &f);
    (void)loss_from(f.model, work, &f);
    rnn_model_destroy(f.model);
    f.model = later;
    assert_true(loss_from(later, work, &f) == expected);
}

static void test_a_chunk_runs_on_the_parameters_as_they_are_now(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    scoped_state *work = copy_state(&f);
    for (int64_t index = 0; index < rnn_model_parameter_count(f.model); index++) {
        double before = loss_from(f.model, work, &f);
        scoped_memory double *values = get_parameter(f.model, index);
        for (int64_t i = 0; i < parameter_of(f.model, index).count; i++)
            values[i] += 0.01 * (double)(i + 1);
        set_parameter(f.model, index, values);
        double after = loss_from(f.model, work, &f);
        assert_true(after != before);
        assert_true(after == fresh_loss(f.model, &f));
    }
    scoped_optimizer *optimizer = NULL;
    assert_ok(rnn_optimizer_create(f.model, NULL, &optimizer));
    assert_ok(rnn_state_copy(work, f.state));
    double before = loss_from(f.model, work, &f);
    assert_ok(rnn_state_copy(work, f.state));
    assert_ok(rnn_forward_backward(f.model, work, &f.chunk.chunk, NULL));
    assert_ok(rnn_optimizer_step(optimizer, f.model));
    double after = loss_from(f.model, work, &f);
    assert_true(after != before);
    assert_true(after == fresh_loss(f.model, &f));
}

static void test_forward_leaves_parameters_and_gradients(void **state)
{
    scoped_fixture f = create_small_fixture(RNN_FLOAT32, RNN_REDUCTION_SUM, 0);
    scoped_state *work = copy_state(&f);
    assert_ok(rnn_forward_backward(f.model, work, &f.chunk.chunk, NULL));
    scoped_snapshot before = take_snapshot(f.model, NULL);
    assert_ok(rnn_forward(f.model, work, &f.chunk.chunk, NULL, 0, NULL));
    assert_unchanged(&before, f.model, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams_side_by_side_give_what_each_gives_alone),
        cmocka_unit_test(test_two_halves_of_a_chunk_give_its_loss_and_state),
        cmocka_unit_test(test_an_ignored_position_adds_nothing_to_loss_and_gradients),
        cmocka_unit_test(test_a_chunk_of_ignored_positions_costs_nothing_and_advances_the_state),
        cmocka_unit_test(test_a_chunk_of_ignored_positions_keeps_the_gradients_of_those_before_it),
        cmocka_unit_test(test_gradients_add_up_until_they_are_zeroed),
        cmocka_unit_test(test_gradients_add_up_the_same_after_flat_gradients_was_called),
        cmocka_unit_test(test_gradients_of_the_mean_are_those_of_the_sum_divided_by_the_count),
        cmocka_unit_test(test_units_are_tanh_of_small_and_large_sums_to_4_ulp),
        cmocka_unit_test(test_probabilities_are_the_softmax_of_the_outputs_however_small),
        cmocka_unit_test(test_forward_backward_gives_the_same_after_forward_on_the_same_state_and_without_a_loss),
        cmocka_unit_test(test_a_state_serves_longer_and_shorter_chunks_in_turn),
        cmocka_unit_test(test_a_state_serves_models_of_one_shape_in_turn),
        cmocka_unit_test(test_a_state_outlives_its_model),
        cmocka_unit_test(test_a_chunk_runs_on_the_parameters_as_they_are_now),
        cmocka_unit_test(test_forward_leaves_parameters_and_gradients),
    };
    int failed = 0;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        kind = &kinds[i];
        failed += cmocka_run_group_tests_name(kind->name, tests, NULL, NULL);
    }
    return failed;
}
