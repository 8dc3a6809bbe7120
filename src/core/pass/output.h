/*
 * output.h: the loss of a position, and its gradient with respect to the outputs.
 */
#ifndef RNN_CORE_PASS_OUTPUT_H
#define RNN_CORE_PASS_OUTPUT_H

#include "base/logarithm.h"
#include "core/core.h"
#include "core/kernels/real.h"
#include "core/kernels/vector_math.h"

/* The largest of `count` elements, where `count` is a multiple of WIDTH. It may skip NaNs. */
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

/* x = exp(x - shift), in place. */
INLINE vector exp_vector(real *x, real shift)
{
    vector e = vector_exp(load(x) - shift); /* formula: softmax-exp */
    store(x, e);
    return e;
}

/*
 * row[i] = exp(row[i] - shift) for whole vectors. Returns the sum, which is computed in blocks so that it stays
 * accurate for long rows.
 */
INLINE double exp_row(real *row, size_t count, real shift)
{
    enum { BLOCK = 128 * LANES };
    double total = 0;
    for (size_t i0 = 0; i0 < count; i0 += BLOCK) {
        size_t end = count - i0 < BLOCK ? count : i0 + BLOCK;
        vector sum[LANE_VECTORS];
        for (int v = 0; v < LANE_VECTORS; v++)
            sum[v] = broadcast(0);
        size_t i = i0;
        for (; i + LANES <= end; i += LANES)
            for (size_t v = 0; v < LANE_VECTORS; v++)
                sum[v] += exp_vector(row + i + v * WIDTH, shift);
        for (size_t v = 0; i < end; v++, i += WIDTH)
            sum[v] += exp_vector(row + i, shift);
        total += (double)sum_of_lanes(sum);
    }
    return total;
}

/* Whether an output is the largest of its row. Of equal outputs the first counts as the largest. */
static bool is_largest(const real *row, size_t count, size_t output)
{
    for (size_t i = 0; i < count; i++)
        if (row[i] > row[output] || (i < output && row[i] == row[output]))
            return false;
    return true;
}

/*
 * Softmax cross-entropy: -log p[target], p = softmax(row). `count` is a multiple of WIDTH; the padding of the row is
 * -infinity. row: in, logits; out, exp(logits - max). *sum: out, the sum of these.
 */
static double cross_entropy_forward(real *row, size_t count, int32_t target, real *sum)
{
    real most = largest_of(row, count);
    double logit = (double)row[target] - (double)most;
    double total = exp_row(row, count, most);
    *sum = (real)total;
    return logarithm(total) - logit; /* formula: cross-entropy */
}

/* row: in, the result of the forward pass; out, scale (p - one-hot(target)). */
static void cross_entropy_backward(real *row, size_t count, int32_t target, real sum, real scale)
{
    real factor = scale / sum;
    for (size_t i = 0; i < count; i += WIDTH)
        store(row + i, load(row + i) * factor); /* formula: cross-entropy-dy */
    row[target] -= scale;                       /* formula: cross-entropy-dy */
}

/* Squared error: the sum over the outputs of (row - target)². */
static double squared_error_forward(const real *row, size_t count, const real *target)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double difference = (double)row[i] - (double)target[i];
        sum += difference * difference; /* formula: squared-error */
    }
    return sum;
}

/* row: in, outputs; out, 2 scale (row - target). */
static void squared_error_backward(real *row, size_t count, const real *target, real scale)
{
    for (size_t i = 0; i < count; i++)
        row[i] = 2 * scale * (row[i] - target[i]); /* formula: squared-error-dy */
}

static double loss_of(const core_outcome *o)
{
    size_t count = (size_t)o->output_size, padded = round_up(count);
    real *row = o->row, sum;
    memcpy(row, o->outputs, count * sizeof *row);
    for (size_t i = count; i < padded; i++)
        row[i] = -INFINITY;
    if (o->hit)
        *o->hit = is_largest(row, count, (size_t)o->target);
    double loss = o->target_vector ? squared_error_forward(row, count, o->target_vector)
                                   : cross_entropy_forward(row, padded, o->target, &sum);
    if (!o->gradient)
        return loss;
    if (o->target_vector)
        squared_error_backward(row, count, o->target_vector, (real)o->gradient_scale);
    else
        cross_entropy_backward(row, padded, o->target, sum, (real)o->gradient_scale);
    memcpy(o->gradient, row, count * sizeof *row);
    return loss;
}

/* In place: exp((logits - max) * scale), which is 1 for the largest. */
static void exponentials(void *logits, size_t count, double scale)
{
    real *x = logits, most = x[0], factor = positive(scale);
    for (size_t i = 1; i < count; i++)
        most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < count; i += WIDTH) {
        size_t n = least_of(WIDTH, count - i);
        store_part(x + i, vector_exp((load_part(x + i, n) - most) * factor), n); /* formula: sampling-weights */
    }
}

#endif
