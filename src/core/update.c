/*
 * update.c: element-wise work on flat buffers of parameters and gradients.
 */
#include "core.h"
#include "real.h"

/* x - x is 0 for finite x and NaN otherwise. By SUMS sums side by side, so that they don't wait for one another. */
static bool all_finite(const void *values, size_t count)
{
    enum { SUMS = 4 };
    const real *x = values;
    vector sum[SUMS];
    for (int j = 0; j < SUMS; j++)
        sum[j] = broadcast(0);
    size_t i = 0;
    for (; i + SUMS * WIDTH <= count; i += SUMS * WIDTH)
#pragma GCC unroll 4
        for (int j = 0; j < SUMS; j++) {
            vector v = load(x + i + (size_t)j * WIDTH);
            sum[j] += v - v;
        }
    real rest = sum_of((sum[0] + sum[1]) + (sum[2] + sum[3]));
    for (; i < count; i++)
        rest += x[i] - x[i];
    return rest == 0;
}

INLINE real limited(real x, real most)
{
    return x > most ? most : x < -most ? -most : x;
}

static void clip(void *values, size_t count, double limit)
{
    real *x = values, most = (real)limit;
    for (size_t i = 0; i < count; i++)
        x[i] = limited(x[i], most);
}

static void scale(void *values, size_t count, double factor)
{
    real *x = values, by = (real)factor;
    for (size_t i = 0; i < count; i++)
        x[i] *= by;
}

/* In double, by SUMS sums side by side, so that the additions don't wait for one another. */
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

/* A rate that the precision can't hold is its largest number: times a gradient of 0 that is 0, which infinity isn't. */
INLINE real rate_of(double rate)
{
    return rate > (double)REAL_MOST ? REAL_MOST : (real)rate;
}

/* m += g²; x -= rate g / sqrt(m + epsilon) */
static void adagrad(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    real *restrict x = values, *restrict g = gradients, *restrict m = first;
    real rate = rate_of(u->learning_rate), epsilon = positive(u->epsilon), decay = rate_of(u->weight_decay);
    real most = rate_of(u->limit);
    (void)second;
    for (size_t i = 0; i < count; i++) {
        real d = limited(g[i], most) + decay * x[i];
        m[i] += d * d;
        x[i] -= rate * d / square_root(m[i] + epsilon);
        g[i] = 0;
    }
}

/* v = momentum v + g; x -= rate v, or with Nesterov's momentum rate (g + momentum v) */
static void sgd(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    real *restrict x = values, *restrict g = gradients, *restrict v = first;
    real rate = rate_of(u->learning_rate), momentum = (real)u->momentum, decay = rate_of(u->weight_decay);
    real most = rate_of(u->limit);
    (void)second;
    if (momentum == 0) { /* there is no v then */
        for (size_t i = 0; i < count; i++) {
            x[i] -= rate * (limited(g[i], most) + decay * x[i]);
            g[i] = 0;
        }
        return;
    }
    real own = u->nesterov ? 1 : 0, carried = u->nesterov ? momentum : 1;
    for (size_t i = 0; i < count; i++) {
        real d = limited(g[i], most) + decay * x[i];
        v[i] = momentum * v[i] + d;
        x[i] -= rate * (own * d + carried * v[i]);
        g[i] = 0;
    }
}

/* m = beta2 m + (1 - beta2) g²; v = momentum v + g / (sqrt(m) + epsilon); x -= rate v */
static void rmsprop(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    real *restrict x = values, *restrict g = gradients, *restrict m = first, *restrict v = second;
    real rate = rate_of(u->learning_rate), epsilon = positive(u->epsilon), decay = rate_of(u->weight_decay);
    real momentum = (real)u->momentum, beta = (real)u->beta2, other = (real)(1 - u->beta2);
    real most = rate_of(u->limit);
    for (size_t i = 0; i < count; i++) {
        real d = limited(g[i], most) + decay * x[i];
        m[i] = beta * m[i] + other * d * d;
        real step = d / (square_root(m[i]) + epsilon);
        if (v)
            step = v[i] = momentum * v[i] + step;
        x[i] -= rate * step;
        g[i] = 0;
    }
}

/*
 * m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g²; x -= rate (m / correction1) / (sqrt(v / correction2) +
 * epsilon) added: the part of x that is added to g; kept: what is left of x before the step
 */
static __attribute__((noinline)) void adam_step(const core_update *u, size_t count, real *restrict x, real *restrict g,
                                                real *restrict m, real *restrict v, real added, real kept)
{
    real rate = rate_of(u->learning_rate / u->correction1), root = (real)(1 / sqrt(u->correction2));
    real epsilon = positive(u->epsilon), beta1 = (real)u->beta1, beta2 = (real)u->beta2;
    real other1 = (real)(1 - u->beta1), other2 = (real)(1 - u->beta2), most = rate_of(u->limit);
    for (size_t i = 0; i < count; i++) {
        real d = limited(g[i], most) + added * x[i];
        m[i] = beta1 * m[i] + other1 * d;
        v[i] = beta2 * v[i] + other2 * d * d;
        x[i] = kept * x[i] - rate * m[i] / (square_root(v[i]) * root + epsilon);
        g[i] = 0;
    }
}

static void adam(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    adam_step(u, count, values, gradients, first, second, rate_of(u->weight_decay), 1);
}

/* The decay acts on the parameter itself, not through the gradient. */
static void adamw(const core_update *u, size_t count, void *values, void *gradients, void *first, void *second)
{
    adam_step(u, count, values, gradients, first, second, 0, -rate_of(u->learning_rate * u->weight_decay - 1));
}
