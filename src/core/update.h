/*
 * update.h: element-wise operations on flat buffers of parameters and gradients.
 */
#ifndef RNN_CORE_UPDATE_H
#define RNN_CORE_UPDATE_H

#include "core/core.h"
#include "core/kernels/real.h"
#include "core/kernels/vector_math.h"

/*
 * Negative where |v| is at least 2^(power + 1), infinite or NaN. Adding to the exponent then overflows into the sign
 * bit. This raises no floating-point exception.
 */
INLINE int_vector beyond(vector v, integer power)
{
    const unsigned_integer magnitude = ~(unsigned_integer)0 >> 1;
    const unsigned_integer more = (unsigned_integer)(EXPONENT_BIAS + 1 - power) << MANTISSA_BITS;
    return (int_vector)(((unsigned_vector)v & magnitude) + more);
}

/* Negative where v isn't finite. */
INLINE int_vector overflowing(vector v)
{
    return beyond(v, EXPONENT_BIAS);
}

INLINE bool none_beyond(const real *x, size_t count, integer power)
{
    int_vector any = (int_vector)broadcast(0);
    size_t i = 0;
#pragma GCC unroll 4
    for (; i + WIDTH <= count; i += WIDTH)
        any |= beyond(load(x + i), power);
    integer all = 0;
    for (int lane = 0; lane < WIDTH; lane++)
        all |= any[lane];
    for (; i < count; i++)
        all |= beyond(broadcast(x[i]), power)[0];
    return all >= 0;
}

static bool all_finite(const void *values, size_t count)
{
    return none_beyond(values, count, EXPONENT_BIAS);
}

/*
 * Whether all gradients are so small that none of them can turn a finite sum of squares or momentum into infinity. The
 * square of each must be less than half the last bit of the largest number.
 */
static bool all_moderate(const void *values, size_t count)
{
    return none_beyond(values, count, (EXPONENT_BIAS - MANTISSA_BITS - 1) / 2 - 1);
}

INLINE vector limited(vector x, real most)
{
    return limit_below(limit_above(x, most), -most);
}

/* Leaves values that aren't finite unchanged, so that the optimizer refuses them. */
INLINE vector limited_if_finite(vector x, real most)
{
    return choose(overflowing(x) < 0, x, limited(x, most));
}

static void clip(void *values, size_t count, double limit)
{
    real *x = values, most = (real)limit;
    for (size_t i = 0; i < count; i += WIDTH) {
        size_t n = least_of(WIDTH, count - i);
        store_part(x + i, limited_if_finite(load_part(x + i, n), most), n); /* formula: clip-value */
    }
}

static void scale(void *values, size_t count, double factor)
{
    real *x = values, by = (real)factor;
    for (size_t i = 0; i < count; i += WIDTH) {
        size_t n = least_of(WIDTH, count - i);
        store_part(x + i, load_part(x + i, n) * by, n);
    }
}

static void blend(void *values, const void *others, size_t count, double weight)
{
    real *x = values, part = (real)weight;
    const real *y = others;
    for (size_t i = 0; i < count; i += WIDTH) {
        size_t n = least_of(WIDTH, count - i);
        vector own = load_part(x + i, n);
        store_part(x + i, multiply_add(broadcast(part), load_part(y + i, n) - own, own), n); /* formula: average */
    }
}

/*
 * Sums in double. It computes SUMS partial sums side by side, whatever the vector width, so that additions needn't wait
 * for one another.
 */
static double sum_of_squares(const void *values, size_t count)
{
    enum { SUMS = 8 };
    const real *x = values;
    double sum[SUMS] = {0}, total = 0;
    size_t i = 0;
    for (; i + SUMS <= count; i += SUMS)
        for (size_t j = 0; j < SUMS; j++)
            sum[j] += (double)x[i + j] * (double)x[i + j];
    for (; i < count; i++)
        sum[0] += (double)x[i] * (double)x[i];
    for (size_t j = 0; j < SUMS; j++)
        total += sum[j];
    return total;
}

/*
 * Replaces a rate that overflows by the largest number. Its product with a gradient of 0 is 0, whereas infinity times 0
 * would be NaN.
 */
INLINE real rate_of(double rate)
{
    return rate > (double)REAL_MOST ? REAL_MOST : (real)rate;
}

/* Returns the gradient that a rule uses: limited, plus the weight decay. Sets the gradient to 0. */
INLINE vector take_gradient(real *g, vector x, real most, real decay)
{
    vector d = multiply_add(broadcast(decay), x, limited(load(g), most)); /* formula: step-gradient */
    store(g, broadcast(0));
    return d;
}

/* m += g²; x -= rate g / sqrt(m + epsilon) */
static void adagrad_vectors(const core_update *u, size_t count, void *values, void *gradients, void *first,
                            void *second)
{
    real *x = values, *g = gradients, *m = first;
    real rate = rate_of(u->learning_rate), epsilon = positive(u->epsilon), decay = rate_of(u->weight_decay);
    real most = rate_of(u->limit);
    (void)second;
    for (size_t i = 0; i < count; i += WIDTH) {
        vector at = load(x + i), d = take_gradient(g + i, at, most, decay);
        vector sum = multiply_add(d, d, load(m + i)); /* formula: adagrad-m */
        store(m + i, sum);
        store(x + i, subtract_product(at, broadcast(rate), d / square_roots(sum + epsilon))); /* formula: adagrad-w */
    }
}

/* v = momentum v + g; x -= rate v, or with Nesterov's momentum x -= rate (g + momentum v) */
static void sgd_vectors(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    real *x = values, *g = gradients, *v = first;
    real rate = rate_of(u->learning_rate), momentum = (real)u->momentum, decay = rate_of(u->weight_decay);
    real most = rate_of(u->limit), own = u->nesterov ? 1 : 0, carried = u->nesterov ? momentum : 1;
    (void)second;
    for (size_t i = 0; i < count; i += WIDTH) {
        vector at = load(x + i), step = take_gradient(g + i, at, most, decay);
        /* Without momentum there is no v. */
        if (momentum != 0) {
            vector velocity = multiply_add(broadcast(momentum), load(v + i), step); /* formula: sgd-v */
            store(v + i, velocity);
            step = multiply_add(broadcast(carried), velocity, own * step); /* formula: sgd-nesterov */
        }
        store(x + i, subtract_product(at, broadcast(rate), step)); /* formula: sgd-w */
    }
}

/* m = beta2 m + (1 - beta2) g²; v = momentum v + g / (sqrt(m) + epsilon); x -= rate v */
static void rmsprop_vectors(const core_update *u, size_t count, void *values, void *gradients, void *first,
                            void *second)
{
    real *x = values, *g = gradients, *m = first, *v = second;
    real rate = rate_of(u->learning_rate), epsilon = positive(u->epsilon), decay = rate_of(u->weight_decay);
    real momentum = (real)u->momentum, beta = (real)u->beta2, other = (real)(1 - u->beta2);
    real most = rate_of(u->limit);
    for (size_t i = 0; i < count; i += WIDTH) {
        vector at = load(x + i), d = take_gradient(g + i, at, most, decay);
        vector mean = multiply_add(broadcast(beta), load(m + i), other * d * d); /* formula: rmsprop-m */
        vector step = d / (square_roots(mean) + epsilon);                        /* formula: rmsprop-step */
        store(m + i, mean);
        if (v) {
            step = multiply_add(broadcast(momentum), load(v + i), step); /* formula: rmsprop-v */
            store(v + i, step);
        }
        store(x + i, subtract_product(at, broadcast(rate), step)); /* formula: rmsprop-w */
    }
}

/*
 * m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²
 * x -= rate (m / correction1) / (sqrt(v / correction2) + epsilon)
 * added: the multiple of x that is added to g.
 * kept: the factor of x before the step.
 */
static __attribute__((noinline)) void adam_step(const core_update *u, size_t count, real *x, real *g, real *m, real *v,
                                                real added, real kept)
{
    real rate = rate_of(u->learning_rate / u->correction1), root = (real)(1 / sqrt(u->correction2));
    real epsilon = positive(u->epsilon), beta1 = (real)u->beta1, beta2 = (real)u->beta2;
    real other1 = (real)(1 - u->beta1), other2 = (real)(1 - u->beta2), most = rate_of(u->limit);
    for (size_t i = 0; i < count; i += WIDTH) {
        vector at = load(x + i), d = take_gradient(g + i, at, most, added);
        vector mean = multiply_add(broadcast(beta1), load(m + i), other1 * d);       /* formula: adam-m */
        vector square = multiply_add(broadcast(beta2), load(v + i), other2 * d * d); /* formula: adam-v */
        /* formula: adam-step */
        vector step = rate * (mean / multiply_add(square_roots(square), broadcast(root), broadcast(epsilon)));
        store(m + i, mean);
        store(v + i, square);
        store(x + i, multiply_add(broadcast(kept), at, -step)); /* formula: adam-w */
    }
}

static void adam_vectors(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    adam_step(u, count, values, gradients, first, second, rate_of(u->weight_decay), 1);
}

/* The decay acts on the parameter itself, not through the gradient. */
static void adamw_vectors(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    /* formula: adamw-decay */
    adam_step(u, count, values, gradients, first, second, 0, -rate_of(u->learning_rate * u->weight_decay - 1));
}

/*
 * Applies a rule, which handles whole vectors, to any count. The remainder is copied to a buffer of one whole vector.
 */
static void apply(core_rule *rule, const core_update *u, size_t count, void *values, void *gradients, void *first,
                  void *second)
{
    real *from[] = {values, gradients, first, second}, rest[4][WIDTH] = {{0}};
    size_t whole = count / WIDTH * WIDTH, n = count - whole;
    rule(u, whole, values, gradients, first, second);
    if (n == 0)
        return;
    for (int i = 0; i < 4; i++)
        if (from[i])
            memcpy(rest[i], from[i] + whole, n * sizeof(real));
    rule(u, WIDTH, rest[0], rest[1], first ? rest[2] : NULL, second ? rest[3] : NULL);
    for (int i = 0; i < 4; i++)
        if (from[i])
            memcpy(from[i] + whole, rest[i], n * sizeof(real));
}

#define RULE(name)                                                                                                     \
    static void name(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)     \
    {                                                                                                                  \
        apply(name##_vectors, u, count, values, gradients, first, second);                                             \
    }
RULE(adagrad)
RULE(sgd)
RULE(rmsprop)
RULE(adam)
RULE(adamw)
#undef RULE

#endif
