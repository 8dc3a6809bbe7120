/*
 * schedule.c: learning rates as functions of the step.
 *
 * The last bits of the C library's cos() differ between machines, so the cosine is computed here.
 */
#include "base/float_mode.h"
#include "base/status.h"

#include <math.h>

/* (1 + cos(pi x)) / 2 for 0 <= x <= 1: 1 at 0, 0 at 1. It uses cos(2 a) = 1 - 2 sin²(a) and the series of the sine. */
static double half_cosine(double x)
{
    enum { TERMS = 11 }; /* the next term is less than 1e-18 */
    double a = x * 1.57079632679489661923, square = a * a, sine = 1;
    for (int n = TERMS; n > 0; n--)
        sine = 1 - sine * square / (2 * n * (2 * n + 1));
    sine *= a;
    return 1 - sine * sine;
}

static RNN_FLOAT_BODY double warmup(int64_t step, int64_t steps)
{
    return step < steps ? (double)(step + 1) / (double)steps : 1;
}

/* Goes from `high` to `low` in `steps` steps. */
static double anneal(int64_t step, int64_t steps, double high, double low)
{
    return step < steps ? low + (high - low) * half_cosine((double)step / (double)steps) : low;
}

static RNN_FLOAT_BODY double cosine(int64_t step, int64_t steps, double least)
{
    return anneal(step, steps, 1, least);
}

static RNN_FLOAT_BODY double decay(int64_t step, int64_t every, double factor)
{
    double result = 1;
    for (int64_t n = step / every; n > 0; n /= 2) {
        if (n % 2 == 1)
            result *= factor;
        factor *= factor;
    }
    return result;
}

static RNN_FLOAT_BODY double one_cycle(int64_t step, int64_t steps, int64_t rise, double first, double last)
{
    return step < rise ? anneal(step, rise, first, 1) : anneal(step - rise, steps - rise, 1, last);
}

static bool is_factor(double value)
{
    return rnn_order(value) >= 0 && rnn_order(value) <= rnn_order(1);
}

double rnn_schedule_warmup(int64_t step, int64_t steps)
{
    if (step < 0 || steps < 1)
        return (double)NAN;
    float_mode mode = rnn_float_enter();
    double factor = warmup(step, steps);
    rnn_float_leave(mode);
    return factor;
}

double rnn_schedule_cosine(int64_t step, int64_t steps, double least)
{
    if (step < 0 || steps < 1 || !is_factor(least))
        return (double)NAN;
    float_mode mode = rnn_float_enter();
    double factor = cosine(step, steps, least);
    rnn_float_leave(mode);
    return factor;
}

double rnn_schedule_step_decay(int64_t step, int64_t every, double factor)
{
    if (step < 0 || every < 1 || !is_factor(factor))
        return (double)NAN;
    float_mode mode = rnn_float_enter();
    double result = decay(step, every, factor);
    rnn_float_leave(mode);
    return result;
}

double rnn_schedule_one_cycle(int64_t step, int64_t steps, int64_t rise, double first, double last)
{
    if (step < 0 || rise < 1 || steps <= rise || !is_factor(first) || !is_factor(last))
        return (double)NAN;
    float_mode mode = rnn_float_enter();
    double factor = one_cycle(step, steps, rise, first, last);
    rnn_float_leave(mode);
    return factor;
}
