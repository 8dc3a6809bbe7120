/*
 * Dropout: the factors, when it acts, and what its random masks depend on. test_gradient.c and test_own_loss.c check
 * the gradients with masks.
 */
#include "formulas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Seeing the masks ---- */

/* Everything that the masks of a chunk depend on, and the sizes */
typedef struct mask_options {
    double dropout;
    uint64_t seed, index;
    int64_t layers, steps, streams, hidden;
    int32_t precision;
} mask_options;

static const mask_options usual = {.dropout = 0.25,
                                   .seed = 3,
                                   .index = 5,
                                   .layers = 3,
                                   .steps = 7,
                                   .streams = 3,
                                   .hidden = 37,
                                   .precision = RNN_FLOAT64};

static int64_t mask_total(const mask_options *o)
{
    return (o->layers - 1) * o->steps * o->streams * o->hidden;
}

/* Sets all elements of a vector, or the diagonal of a square matrix, to `value`. */
static void fill_parameter(rnn_model *model, const char *name, double value)
{
    int64_t index = index_of(model, name);
    rnn_parameter parameter = parameter_of(model, index);
    scoped_memory double *values = allocate(parameter.count, sizeof(double));
    for (int64_t i = 0; i < parameter.count; i += parameter.rank == 2 ? parameter.shape[1] + 1 : 1)
        values[i] = value;
    set_parameter(model, index, values);
}

/* Scales the input of a unit so that its tanh is far from 1. */
static const double SCALE = 0x1p-4;

/*
 * A model that shows the masks above `layer`: that layer's activations are 1, those of the next are tanh(SCALE mask),
 * and all others are 0.
 */
static rnn_model *create_probe(const mask_options *o, int64_t layer)
{
    static const char *const biases[] = {"rnn.bias_ih_l0", "rnn.bias_ih_l1", "rnn.bias_ih_l2", "rnn.bias_ih_l3"};
    static const char *const weights[] = {"rnn.weight_ih_l1", "rnn.weight_ih_l2", "rnn.weight_ih_l3"};
    rnn_model_options options = make_options(2, o->hidden, 2, o->layers, o->precision);
    options.weight_scale = 0;
    options.dropout = o->dropout;
    options.seed = o->seed;
    rnn_model *model = create_model(&options);
    fill_parameter(model, biases[layer], 50);
    fill_parameter(model, weights[layer], SCALE);
    return model;
}

/* Returns [L - 1][T][B][H], to free(). */
static double *get_masks(const mask_options *o)
{
    int64_t count = o->steps * o->streams * o->hidden;
    double *masks = allocate(mask_total(o), sizeof(double));
    scoped_memory void *activations = allocate(count, precision_size(o->precision));
    for (int64_t layer = 0; layer < o->layers - 1; layer++) {
        scoped_model *model = create_probe(o, layer);
        scoped_state *state = create_state(model, o->streams);
        scoped_chunk chunk = create_random_chunk_for(model, o->steps, o->streams, 0, 1);
        double *mask = masks + layer * count;
        assert_ok(rnn_state_observe(state, RNN_OBSERVE_ACTIVATIONS));
        assert_ok(rnn_state_set_random_index(state, o->index));
        assert_ok(rnn_forward_backward(model, state, &chunk.chunk, NULL));
        assert_ok(rnn_state_get_activations(state, layer + 1, activations, count));
        to_doubles(o->precision, activations, mask, count);
        for (int64_t i = 0; i < count; i++)
            mask[i] = atanh(mask[i]) / SCALE;
    }
    return masks;
}

/* Whether both drop the same elements */
static int same_masks(const double *a, const double *b, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if ((a[i] == 0) != (b[i] == 0))
            return 0;
    return 1;
}

static void assert_same_masks(const mask_options *a, const mask_options *b)
{
    scoped_memory double *a_masks = get_masks(a), *b_masks = get_masks(b);
    assert_int_equal(mask_total(a), mask_total(b));
    assert_true(same_masks(a_masks, b_masks, mask_total(a)));
}

/* The two must be as independent as random masks, within five standard errors. */
static void assert_drawn_apart(const double *a, const double *b, int64_t count, double dropout)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += ((a[i] == 0) - dropout) * ((b[i] == 0) - dropout);
    assert_true(fabs(sum / (double)count) < 5 * dropout * (1 - dropout) / sqrt((double)count));
}

static void assert_other_masks(const mask_options *a, const mask_options *b)
{
    scoped_memory double *a_masks = get_masks(a), *b_masks = get_masks(b);
    assert_drawn_apart(a_masks, b_masks, mask_total(a), a->dropout);
}

/* ---- What an element is multiplied by ---- */

static void test_an_element_is_dropped_or_multiplied_by_1_over_1_minus_dropout(void **state)
{
    static const double dropouts[] = {0.1, 0.25, 0.5, 0.9};
    static const double tolerances[] = {1e-5, 1e-12};
    for (int32_t precision = RNN_FLOAT32; precision <= RNN_FLOAT64; precision++) {
        for (size_t i = 0; i < COUNT_OF(dropouts); i++) {
            mask_options o = usual;
            o.dropout = dropouts[i];
            o.precision = precision;
            scoped_memory double *masks = get_masks(&o);
            for (int64_t k = 0; k < mask_total(&o); k++)
                if (masks[k] != 0)
                    assert_relative(masks[k], 1 / (1 - dropouts[i]), tolerances[precision]);
        }
    }
}

static void test_the_share_that_is_dropped_is_dropout_and_the_mean_stays(void **state)
{
    static const double dropouts[] = {0.02, 0.25, 0.5, 0.9};
    for (size_t i = 0; i < COUNT_OF(dropouts); i++) {
        mask_options o = usual;
        o.dropout = dropouts[i];
        o.steps = 50;
        scoped_memory double *masks = get_masks(&o);
        int64_t count = mask_total(&o);
        double n = (double)count, dropped = 0, sum = 0, error = sqrt(o.dropout * (1 - o.dropout) / n);
        for (int64_t k = 0; k < count; k++) {
            dropped += masks[k] == 0;
            sum += masks[k];
        }
        assert_true(fabs(dropped / n - o.dropout) < 5 * error);
        assert_true(fabs(sum / n - 1) < 5 * error / (1 - o.dropout));
    }
}

static void test_units_streams_steps_and_layers_are_drawn_apart(void **state)
{
    mask_options o = usual;
    o.steps = 50;
    scoped_memory double *masks = get_masks(&o);
    const int64_t distances[] = {1, 2, 3, 4, o.hidden, o.streams * o.hidden, o.steps * o.streams * o.hidden};
    for (size_t i = 0; i < COUNT_OF(distances); i++)
        assert_drawn_apart(masks, masks + distances[i], mask_total(&o) - distances[i], o.dropout);
}

/* ---- What the masks are a function of ---- */

static void test_the_same_index_gives_the_same_masks(void **state)
{
    static const uint64_t indices[] = {0, 1, UINT64_C(1) << 32, (UINT64_C(1) << 54) - 1};
    for (size_t i = 0; i < COUNT_OF(indices); i++) {
        mask_options o = usual;
        o.index = indices[i];
        assert_same_masks(&o, &o);
    }
}

static void test_another_index_gives_other_masks(void **state)
{
    static const uint64_t indices[] = {0, 1, 2, UINT64_C(1) << 22, UINT64_C(1) << 32, (UINT64_C(1) << 54) - 1};
    enum { INDICES = COUNT_OF(indices) };
    for (int i = 0; i < INDICES; i++) {
        for (int k = 0; k < i; k++) {
            mask_options a = usual, b = usual;
            a.index = indices[i];
            b.index = indices[k];
            assert_other_masks(&a, &b);
        }
    }
}

/* Compares every layer of a chunk with every layer of the next. */
static void test_the_layers_of_a_chunk_and_of_the_next_are_drawn_apart(void **state)
{
    mask_options next = usual;
    int64_t layers = usual.layers - 1, layer = mask_total(&usual) / layers;
    next.index = usual.index + 1;
    scoped_memory double *masks = get_masks(&usual), *others = get_masks(&next);
    for (int64_t l = 0; l < layers; l++)
        for (int64_t k = 0; k < layers; k++)
            assert_drawn_apart(masks + l * layer, others + k * layer, layer, usual.dropout);
}

static void test_another_seed_gives_other_masks(void **state)
{
    mask_options other = usual;
    other.seed = usual.seed + 1;
    assert_other_masks(&usual, &other);
    other.seed = UINT64_MAX;
    assert_other_masks(&usual, &other);
}

static void test_masks_have_nothing_to_do_with_the_precision(void **state)
{
    mask_options single = usual;
    single.precision = RNN_FLOAT32;
    assert_same_masks(&usual, &single);
}

static void test_a_layers_masks_have_nothing_to_do_with_how_many_layers_there_are(void **state)
{
    mask_options more = usual;
    more.layers = usual.layers + 1;
    scoped_memory double *masks = get_masks(&usual), *others = get_masks(&more);
    assert_true(same_masks(masks, others, mask_total(&usual)));
}

static void test_a_steps_masks_have_nothing_to_do_with_how_many_steps_follow(void **state)
{
    mask_options more = usual;
    more.steps = usual.steps + 4;
    scoped_memory double *masks = get_masks(&usual), *others = get_masks(&more);
    int64_t layer = usual.steps * usual.streams * usual.hidden, longer = more.steps * more.streams * more.hidden;
    for (int64_t l = 0; l < usual.layers - 1; l++)
        assert_true(same_masks(masks + l * layer, others + l * longer, layer));
}

static void test_a_streams_masks_have_nothing_to_do_with_how_many_streams_there_are(void **state)
{
    mask_options more = usual;
    more.streams = usual.streams + 2;
    scoped_memory double *masks = get_masks(&usual), *others = get_masks(&more);
    for (int64_t step = 0; step < (usual.layers - 1) * usual.steps; step++) {
        assert_true(same_masks(masks + step * usual.streams * usual.hidden, others + step * more.streams * more.hidden,
                               usual.streams * usual.hidden));
    }
}

/* ---- When there is dropout, and where ---- */

/* A model with an embedding */
static rnn_model *create_of_cell(int32_t cell, double dropout, int64_t layers)
{
    rnn_model_options options = make_options(6, usual.hidden, 6, layers, RNN_FLOAT64);
    options.cell = cell;
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = 8;
    options.dropout = dropout;
    options.seed = usual.seed;
    return create_random_model(&options, 0.3, 1);
}

static const int32_t cells[] = {RNN_CELL_TANH, RNN_CELL_GRU, RNN_CELL_LSTM};

enum { CELLS = COUNT_OF(cells) };

static void test_training_multiplies_what_goes_from_layer_to_layer_and_nothing_else(void **state)
{
    scoped_memory double *masks = get_masks(&usual);
    for (int c = 0; c < CELLS; c++) {
        scoped_model *model = create_of_cell(cells[c], usual.dropout, usual.layers);
        scoped_state *start = create_random_state(model, usual.streams, 0.5, 2);
        scoped_state *stream = create_state(model, usual.streams);
        scoped_chunk chunk = create_random_chunk_for(model, usual.steps, usual.streams, 0, 3);
        scoped_formulas expected = run_formulas(model, start, &chunk.chunk, masks, NULL);
        rnn_loss loss = {0};
        assert_ok(rnn_state_copy(stream, start));
        assert_ok(rnn_state_set_random_index(stream, usual.index));
        assert_ok(rnn_forward_backward(model, stream, &chunk.chunk, &loss));
        assert_relative(loss.sum, expected.loss.sum, 1e-12);
        scoped_memory double *values = get_state(model, stream);
        assert_all_close(values, expected.state, state_total(model, stream), 1e-12);
    }
}

/* rnn_forward() must give the same bits on models with and without dropout. */
static void assert_no_difference(int32_t cell)
{
    rnn_model *models[2] = {create_of_cell(cell, 0.5, 3), create_of_cell(cell, 0, 3)};
    rnn_state *states[2];
    double losses[2];
    for (int i = 0; i < 2; i++) {
        scoped_chunk chunk = create_random_chunk_for(models[i], usual.steps, usual.streams, 0, 3);
        rnn_loss loss = {0};
        states[i] = create_random_state(models[i], usual.streams, 0.5, 2);
        assert_ok(rnn_forward(models[i], states[i], &chunk.chunk, NULL, 0, &loss));
        losses[i] = loss.sum;
    }
    assert_true(losses[0] == losses[1]);
    snapshot bits = take_snapshot(models[0], states[0]);
    assert_unchanged(&bits, models[1], states[1]);
    free(bits.bytes);
    for (int i = 0; i < 2; i++) {
        rnn_state_destroy(states[i]);
        rnn_model_destroy(models[i]);
    }
}

static void test_forward_has_no_dropout(void **state)
{
    for (int c = 0; c < CELLS; c++)
        assert_no_difference(cells[c]);
}

static void test_sampling_has_no_dropout(void **state)
{
    enum { STREAMS = 3, SYMBOLS = 40 };
    const int32_t first[STREAMS] = {0, 1, 2};
    int32_t ids[2][STREAMS * SYMBOLS];
    for (int dropped = 0; dropped < 2; dropped++) {
        scoped_model *model = create_of_cell(RNN_CELL_LSTM, dropped ? 0.5 : 0, 3);
        scoped_state *stream = create_state(model, STREAMS);
        scoped_sampler *sampler = NULL;
        assert_ok(rnn_sampler_create(NULL, &sampler));
        assert_ok(rnn_sample(model, stream, sampler, first, SYMBOLS, ids[dropped]));
    }
    assert_memory_equal(ids[0], ids[1], sizeof ids[0]);
}

/* ---- One chunk after another ---- */

/* The losses of `count` chunks with the same ids from the same state, so that only the masks differ */
static void get_losses(rnn_model *model, rnn_state *stream, double *losses, int count)
{
    scoped_chunk chunk = create_random_chunk_for(model, usual.steps, usual.streams, 0, 3);
    for (int n = 0; n < count; n++) {
        rnn_loss loss = {0};
        assert_ok(rnn_state_reset(stream));
        assert_ok(rnn_forward_backward(model, stream, &chunk.chunk, &loss));
        losses[n] = loss.sum;
    }
}

static void test_each_chunk_gets_masks_of_its_own_which_setting_the_index_back_repeats(void **state)
{
    enum { CHUNKS = 5 };
    scoped_model *model = create_of_cell(RNN_CELL_GRU, 0.5, 3);
    scoped_state *stream = create_state(model, usual.streams), *another = create_state(model, usual.streams);
    double losses[CHUNKS], again[CHUNKS];
    get_losses(model, stream, losses, CHUNKS);
    for (int i = 0; i < CHUNKS; i++)
        for (int k = 0; k < i; k++)
            assert_true(losses[i] != losses[k]);
    assert_ok(rnn_state_set_random_index(stream, 0));
    get_losses(model, stream, again, CHUNKS);
    assert_memory_equal(again, losses, sizeof losses);

    assert_ok(rnn_state_set_random_index(another, 3));
    get_losses(model, another, again, 2);
    assert_memory_equal(again, losses + 3, 2 * sizeof losses[0]);
}

/* ---- Inputs, outputs and candidates ---- */

/* The values to which dropout is applied */
typedef enum place { INPUTS, OUTPUTS, CANDIDATES_LSTM, CANDIDATES_GRU, PLACES } place;

enum { WIDTH = 37, T = 7, B = 3 };

/* A model of one layer whose outputs show the mask of one place */
static rnn_model *create_seer(place where, double p, int32_t per_chunk)
{
    rnn_model_options o = make_options(WIDTH, WIDTH, WIDTH, 1, RNN_FLOAT64);
    o.input = RNN_INPUT_VECTORS;
    o.weight_scale = 0;
    o.seed = 3;
    o.dropout_per_chunk = per_chunk;
    o.cell = where == CANDIDATES_LSTM ? RNN_CELL_LSTM : where == CANDIDATES_GRU ? RNN_CELL_GRU : RNN_CELL_TANH;
    if (where == INPUTS)
        o.dropout_input = p;
    else if (where == OUTPUTS)
        o.dropout_output = p;
    else
        o.dropout_recurrent = p;
    rnn_model *model = create_model(&o);
    fill_parameter(model, "decoder.weight", 1); /* its diagonal */
    if (where == INPUTS)
        fill_parameter(model, "rnn.weight_ih_l0", SCALE);
    else
        fill_parameter(model, "rnn.bias_ih_l0", 50);
    int64_t bias = index_of(model, "rnn.bias_ih_l0");
    scoped_memory double *values = get_parameter(model, bias);
    for (int j = 0; j < WIDTH && where == CANDIDATES_LSTM; j++)
        values[WIDTH + j] = -800; /* f = 0, so c = m */
    for (int j = 0; j < WIDTH && where == CANDIDATES_GRU; j++)
        values[WIDTH + j] = -800; /* z = 0, so h = m */
    set_parameter(model, bias, values);
    return model;
}

/* Stores masks, [T][B][WIDTH], made visible by inputs of ones. */
static void see_masks(place where, double p, int32_t per_chunk, const int64_t *lengths, double *masks)
{
    double inputs[T * B * WIDTH];
    scoped_model *model = create_seer(where, p, per_chunk);
    scoped_state *run = create_state(model, B);
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = T, .streams = B, .input_vectors = inputs};
    chunk.lengths = lengths;
    for (int i = 0; i < T * B * WIDTH; i++)
        inputs[i] = 1;
    assert_ok(rnn_state_set_random_index(run, 5));
    assert_ok(rnn_forward_training(model, run, &chunk, masks, T * B * WIDTH));
    for (int i = 0; i < T * B * WIDTH; i++)
        masks[i] = where == INPUTS ? atanh(masks[i]) / SCALE : where == CANDIDATES_LSTM ? atanh(masks[i]) : masks[i];
}

static void test_each_place_drops_a_share_and_multiplies_the_rest(void **state)
{
    for (int where = 0; where < PLACES; where++) {
        double masks[T * B * WIDTH], dropped = 0, p = 0.3;
        see_masks((place)where, p, 0, NULL, masks);
        for (int i = 0; i < T * B * WIDTH; i++) {
            dropped += masks[i] == 0;
            if (masks[i] != 0)
                assert_relative(masks[i], 1 / (1 - p), 1e-9);
        }
        assert_true(fabs(dropped / (T * B * WIDTH) - p) < 0.08);
    }
}

static void test_each_place_has_masks_of_its_own(void **state)
{
    static double masks[PLACES][T * B * WIDTH];
    for (int where = 0; where < PLACES; where++)
        see_masks((place)where, 0.3, 0, NULL, masks[where]);
    assert_drawn_apart(masks[INPUTS], masks[OUTPUTS], T * B * WIDTH, 0.3);
    assert_drawn_apart(masks[INPUTS], masks[CANDIDATES_GRU], T * B * WIDTH, 0.3);
    assert_drawn_apart(masks[OUTPUTS], masks[CANDIDATES_GRU], T * B * WIDTH, 0.3);
    assert_true(same_masks(masks[CANDIDATES_LSTM], masks[CANDIDATES_GRU], T * B * WIDTH));
}

static void test_a_mask_is_new_at_each_step_or_kept_for_a_chunk(void **state)
{
    for (int where = 0; where < PLACES; where++) {
        double fresh[T * B * WIDTH], one[T * B * WIDTH];
        see_masks((place)where, 0.3, 0, NULL, fresh);
        see_masks((place)where, 0.3, 1, NULL, one);
        assert_true(same_masks(fresh, one, B * WIDTH)); /* the masks of the first step */
        for (int t = 1; t < T; t++) {
            assert_true(same_masks(one, one + t * B * WIDTH, B * WIDTH));
            assert_false(same_masks(fresh, fresh + t * B * WIDTH, B * WIDTH));
        }
        assert_false(same_masks(one, one + WIDTH, WIDTH)); /* the masks of two streams */
    }
}

static void test_masks_have_nothing_to_do_with_which_outputs_are_computed(void **state)
{
    const int64_t lengths[B] = {2, T, 4};
    for (int where = 0; where < PLACES; where++) {
        double all[T * B * WIDTH], some[T * B * WIDTH];
        see_masks((place)where, 0.3, 0, NULL, all);
        see_masks((place)where, 0.3, 0, lengths, some);
        for (int row = 0; row < T * B; row++)
            if (row / B < lengths[row % B])
                assert_true(same_masks(all + row * WIDTH, some + row * WIDTH, WIDTH));
    }
}

static void test_probabilities_without_effect_or_out_of_range_are_refused(void **state)
{
    rnn_model *model = NULL;
    rnn_model_options o = make_options(3, 4, 3, 1, RNN_FLOAT32), bad = o;
    bad.dropout_input = 0.5;
    assert_fails(rnn_model_create(&bad, &model), RNN_ERROR_ARGUMENT,
                 "dropout_input is 0.5; it must be 0 with RNN_INPUT_IDS");
    bad = o;
    bad.dropout_recurrent = 0.5;
    assert_fails(rnn_model_create(&bad, &model), RNN_ERROR_ARGUMENT, "dropout_recurrent is 0.5; it must be 0, since");
    bad = o;
    bad.dropout_per_chunk = 1;
    assert_fails(rnn_model_create(&bad, &model), RNN_ERROR_ARGUMENT,
                 "dropout_per_chunk is 1; it must be 0, since there is no dropout");
    bad = o;
    bad.dropout_output = 1;
    assert_fails(rnn_model_create(&bad, &model), RNN_ERROR_ARGUMENT, "dropout_output is 1; it must be at least 0");
    bad.dropout_output = (double)NAN;
    assert_fails(rnn_model_create(&bad, &model), RNN_ERROR_ARGUMENT, "dropout_output is ");
    assert_null(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_element_is_dropped_or_multiplied_by_1_over_1_minus_dropout),
        cmocka_unit_test(test_the_share_that_is_dropped_is_dropout_and_the_mean_stays),
        cmocka_unit_test(test_units_streams_steps_and_layers_are_drawn_apart),
        cmocka_unit_test(test_the_same_index_gives_the_same_masks),
        cmocka_unit_test(test_another_index_gives_other_masks),
        cmocka_unit_test(test_the_layers_of_a_chunk_and_of_the_next_are_drawn_apart),
        cmocka_unit_test(test_another_seed_gives_other_masks),
        cmocka_unit_test(test_masks_have_nothing_to_do_with_the_precision),
        cmocka_unit_test(test_a_layers_masks_have_nothing_to_do_with_how_many_layers_there_are),
        cmocka_unit_test(test_a_steps_masks_have_nothing_to_do_with_how_many_steps_follow),
        cmocka_unit_test(test_a_streams_masks_have_nothing_to_do_with_how_many_streams_there_are),
        cmocka_unit_test(test_training_multiplies_what_goes_from_layer_to_layer_and_nothing_else),
        cmocka_unit_test(test_forward_has_no_dropout),
        cmocka_unit_test(test_sampling_has_no_dropout),
        cmocka_unit_test(test_each_chunk_gets_masks_of_its_own_which_setting_the_index_back_repeats),
        cmocka_unit_test(test_each_place_drops_a_share_and_multiplies_the_rest),
        cmocka_unit_test(test_each_place_has_masks_of_its_own),
        cmocka_unit_test(test_a_mask_is_new_at_each_step_or_kept_for_a_chunk),
        cmocka_unit_test(test_masks_have_nothing_to_do_with_which_outputs_are_computed),
        cmocka_unit_test(test_probabilities_without_effect_or_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
