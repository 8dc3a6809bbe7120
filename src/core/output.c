/*
 * output.c: the loss of a position and its gradient with respect to the outputs.
 */
#include "real.h"
#include "vector_math.h"

/* The largest of `count` elements, a multiple of WIDTH. A NaN may be passed over. */
INLINE real largest_of(const real *row, size_t count)
{
    vector most = load(row);
    for (size_t i = WIDTH; i < count; i += WIDTH)
        most = choose(load(row + i) > most, load(row + i), most);
    real result = most[0];
    for (int i = 1; i < WIDTH; i++)
        result = most[i] > result ? most[i] : result;
    return result;
}

/* row[i] = exp((row[i] - shift) * scale) for whole vectors; returns the sum. */
INLINE real exp_row(real *row, size_t count, real shift, real scale)
{
    vector sum = broadcast(0);
    for (size_t i = 0; i < count; i += WIDTH) {
        vector e = vector_exp((load(row + i) - shift) * scale);
        store(row + i, e);
        sum += e;
    }
    return sum_of(sum);
}

/*
 * Softmax cross-entropy: -log p[target], p = softmax(row). `count` is a multiple of WIDTH; what pads the row is
 * -infinity. row: in, logits; out, exp(logits - max), and *sum their sum.
 */
static double cross_entropy_forward(real *row, size_t count, int32_t target, real *sum)
{
    real most = largest_of(row, count);
    double logit = (double)row[target] - (double)most;
    *sum = exp_row(row, count, most, 1);
    return log((double)*sum) - logit;
}

/* row: in, what the forward pass left; out, scale (p - one-hot(target)) */
static void cross_entropy_backward(real *row, size_t count, int32_t target, real sum, real scale)
{
    real factor = scale / sum;
    for (size_t i = 0; i < count; i += WIDTH)
        store(row + i, load(row + i) * factor);
    row[target] -= scale;
}

/* logits: in place, softmax(logits * scale); false when they or it are not finite. */
static bool softmax(void *logits, size_t count, double scale)
{
    real *x = logits, most = x[0], sum = 0, factor = positive(scale);
    for (size_t i = 1; i < count; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < count; i += WIDTH) {
        size_t n = count - i < WIDTH ? count - i : WIDTH;
        real lanes[WIDTH] = {0};
        memcpy(lanes, x + i, n * sizeof *x);
        exp_row(lanes, WIDTH, most, factor);
        memcpy(x + i, lanes, n * sizeof *x);
    }
    for (size_t i = 0; i < count; i++)
        sum += x[i];
    for (size_t i = 0; i < count; i++)
        x[i] /= sum;
    return sum - sum == 0;
}
