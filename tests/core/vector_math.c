/*
 * The core's exp, tanh and sigmoid against the C library's in a wider format, over the whole range. Like the core, this
 * is built once for each precision and instruction set.
 */
#include "core/kernels/vector_math.h"

#include "../support/suite.h"

#include <stdio.h>

#if RNN_CORE_PRECISION == 32
typedef double wide; /* precise enough to check errors of 4 ulp or 2e-15 */
#else
typedef long double wide;
#endif

enum { POINTS = 400000 };

typedef vector (*vector_function)(vector x);
typedef wide (*wide_function)(wide x);

static vector exp_here(vector x)
{
    return vector_exp(x);
}

static vector tanh_here(vector x)
{
    return vector_tanh(x);
}

static vector sigmoid_here(vector x)
{
    return vector_sigmoid(x);
}

static wide exact_exp(wide x)
{
    return (wide)expl(x);
}

static wide exact_tanh(wide x)
{
    return (wide)tanhl(x);
}

static wide exact_sigmoid(wide x)
{
    return x < 0 ? exact_exp(x) / (1 + exact_exp(x)) : 1 / (1 + exact_exp(-x));
}

/* The distance between neighbouring numbers at |x|, or that of subnormal numbers if it is larger */
static wide spacing(wide x)
{
    wide magnitude = x < 0 ? -x : x, least = REAL_LEAST;
    real at = (real)(magnitude < least ? least : magnitude);
    return at >= REAL_MOST ? 0
                           : (wide)(RNN_CORE_PRECISION == 32 ? (real)nextafterf((float)at, INFINITY)
                                                             : (real)nextafter((double)at, INFINITY)) -
                                 (wide)at;
}

static real of_all_lanes(vector_function function, real x)
{
    real results[WIDTH];
    store(results, function(broadcast(x)));
    for (int lane = 1; lane < WIDTH; lane++)
        assert_memory_equal(&results[lane], &results[0], sizeof(real));
    return results[0];
}

static void check_at(vector_function function, wide_function exact, real x)
{
    wide expected = exact((wide)x), found = (wide)of_all_lanes(function, x);
    if (expected > (wide)REAL_MOST) {
        assert_true(found > 0 && (found >= (wide)REAL_MOST * 0.999999));
        return;
    }
    wide error = found > expected ? found - expected : expected - found, ulp = spacing(expected);
    wide magnitude = expected < 0 ? -expected : expected;
    bool subnormal = magnitude < (wide)REAL_LEAST;
    wide allowed = RNN_CORE_PRECISION == 32 ? 4 * ulp : magnitude * (wide)2e-15 + (subnormal ? ulp : 0);
    if (error > allowed)
        fail_msg("at %.17g: %.17g instead of %.17g", (double)x, (double)found, (double)expected);
}

/* Checks evenly spaced numbers between -limit and limit, and numbers of every magnitude and both signs. */
static void check_everywhere(vector_function function, wide_function exact, real limit)
{
    for (int i = 0; i <= POINTS; i++)
        check_at(function, exact, limit * (2 * (real)i / POINTS - 1));
    real magnitude = REAL_LEAST / 1024;
    while (magnitude < limit) {
        check_at(function, exact, magnitude);
        check_at(function, exact, -magnitude);
        magnitude *= (real)1.01;
    }
    check_at(function, exact, 0);
}

static void test_exp_is_exact_to_4_ulp_and_2e_15(void **state)
{
    check_everywhere(exp_here, exact_exp, RNN_CORE_PRECISION == 32 ? 110 : 750);
}

static void test_tanh_is_exact_to_4_ulp_and_2e_15(void **state)
{
    check_everywhere(tanh_here, exact_tanh, 30);
    check_at(tanh_here, exact_tanh, REAL_MOST);
}

static void test_sigmoid_is_exact_to_4_ulp_and_2e_15(void **state)
{
    check_everywhere(sigmoid_here, exact_sigmoid, RNN_CORE_PRECISION == 32 ? 110 : 750);
}

static void test_infinities_give_the_limits(void **state)
{
    const real infinity = (real)INFINITY;
    assert_true(of_all_lanes(exp_here, infinity) == infinity);
    assert_true(of_all_lanes(exp_here, -infinity) == 0);
    assert_true(of_all_lanes(tanh_here, infinity) == 1);
    assert_true(of_all_lanes(tanh_here, -infinity) == -1);
    assert_true(of_all_lanes(sigmoid_here, infinity) == 1);
    assert_true(of_all_lanes(sigmoid_here, -infinity) == 0);
}

static void test_nan_stays_nan(void **state)
{
    assert_true(isnan(of_all_lanes(exp_here, (real)NAN)));
    assert_true(isnan(of_all_lanes(tanh_here, (real)NAN)));
    assert_true(isnan(of_all_lanes(sigmoid_here, (real)NAN)));
}

static void test_signed_zero_keeps_its_sign_in_tanh(void **state)
{
    assert_true(signbit(of_all_lanes(tanh_here, (real)-0.0)) != 0);
    assert_true(signbit(of_all_lanes(tanh_here, (real)0.0)) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exp_is_exact_to_4_ulp_and_2e_15),
        cmocka_unit_test(test_tanh_is_exact_to_4_ulp_and_2e_15),
        cmocka_unit_test(test_sigmoid_is_exact_to_4_ulp_and_2e_15),
        cmocka_unit_test(test_infinities_give_the_limits),
        cmocka_unit_test(test_nan_stays_nan),
        cmocka_unit_test(test_signed_zero_keeps_its_sign_in_tanh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
