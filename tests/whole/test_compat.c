/* Functions still work under their old names of version 0.1, which are no longer in the header. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

rnn_status rnn_model_parameter(const rnn_model *model, int64_t index, rnn_parameter *parameter);
rnn_status rnn_state_activations(const rnn_state *state, int64_t layer, void *values, int64_t count);
rnn_status rnn_state_gradient_norms(const rnn_state *state, int64_t layer, double *norms, int64_t count);

static void test_old_names_still_work(void **state)
{
    rnn_model_options o = make_options(7, 4, 7, 1, RNN_FLOAT64);
    scoped_model *model = create_model(&o);
    scoped_state *own = create_state(model, 1);
    scoped_chunk chunk = create_random_chunk_for(model, 3, 1, 0, 5);
    rnn_parameter old, now = parameter_of(model, 2);
    double of_old[12], of_now[12];
    assert_ok(rnn_parameter_init(&old, sizeof old));
    assert_ok(rnn_model_parameter(model, 2, &old));
    assert_string_equal(old.name, now.name);
    assert_ptr_equal(old.values, now.values);
    assert_ok(rnn_state_observe(own, RNN_OBSERVE_ACTIVATIONS | RNN_OBSERVE_GRADIENT_NORMS));
    assert_ok(rnn_forward_backward(model, own, &chunk.chunk, NULL));
    assert_ok(rnn_state_activations(own, 0, of_old, 12));
    assert_ok(rnn_state_get_activations(own, 0, of_now, 12));
    assert_memory_equal(of_old, of_now, sizeof of_old);
    assert_ok(rnn_state_gradient_norms(own, 0, of_old, 3));
    assert_ok(rnn_state_get_gradient_norms(own, 0, of_now, 3));
    assert_memory_equal(of_old, of_now, 3 * sizeof *of_old);
    assert_fails(rnn_model_parameter(model, 99, &old), RNN_ERROR_ARGUMENT, "index is 99");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_old_names_still_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
