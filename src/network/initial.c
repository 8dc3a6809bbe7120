/*
 * initial.c: the initial values of a model's parameters.
 */
#include "network/model.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/random.h"

#include <math.h>

static void put_number(const rnn_model *model, size_t place, double value)
{
    if (model->options.precision == RNN_FLOAT32)
        ((float *)model->parameters)[place] = (float)value;
    else
        ((double *)model->parameters)[place] = value;
}

/*
 * The initial value of element `index` (row-major) of parameter n. It depends neither on the memory layout nor on the
 * precision.
 */
static double initial_value(const rnn_model_options *o, parameter_role role, int64_t n, int64_t index)
{
    uint64_t stream = (uint64_t)n, at = (uint64_t)index;
    if (role == ROLE_INITIAL_STATE || role == ROLE_GAIN)
        return role == ROLE_GAIN;
    if (o->initialization == RNN_INIT_NORMAL)
        return rnn_role_is_vector(role) ? 0 : o->weight_scale * librnn_random_normal(o->seed, stream, at);
    if (role == ROLE_EMBEDDING && !o->tied)
        return librnn_random_normal(o->seed, stream, at);
    return (2 * librnn_random_uniform(o->seed, stream, at) - 1) / sqrt((double)o->hidden_size);
}

/* The dot product of two rows, as four partial sums. */
static double dot(const double *a, const double *b, int64_t count)
{
    double sum[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (int j = 0; j < 4; j++)
            sum[j] += a[i + j] * b[i + j];
    for (; i < count; i++)
        sum[0] += a[i] * b[i];
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* Makes the rows of a random matrix orthonormal by the modified Gram-Schmidt process. */
static void orthogonalise(double *rows, int64_t size)
{
    for (int64_t i = 0; i < size; i++) {
        double *row = rows + i * size, length = sqrt(dot(row, row, size));
        for (int64_t j = 0; j < size; j++)
            row[j] /= length;
        for (int64_t k = i + 1; k < size; k++) {
            double *other = rows + k * size, share = dot(row, other, size);
            for (int64_t j = 0; j < size; j++)
                other[j] -= share * row[j];
        }
    }
}

/* Initialises recurrent weights with a random orthogonal matrix for each gate. */
static rnn_status initialise_orthogonal(rnn_model *model, const named_parameter *p, int64_t n)
{
    int64_t hidden = p->columns, block = hidden * hidden;
    double *rows;
    RNN_TRY(librnn_allocate("orthogonal weights", (size_t)block, sizeof *rows, (void **)&rows));
    for (int64_t gate = 0; gate < p->rows / hidden; gate++) {
        for (int64_t i = 0; i < block; i++)
            rows[i] = librnn_random_normal(model->options.seed, (uint64_t)n, (uint64_t)(gate * block + i));
        orthogonalise(rows, hidden);
        for (int64_t i = 0; i < block; i++)
            put_number(model, p->offset + (size_t)(gate * block + i), rows[i]);
    }
    librnn_release(rows);
    return RNN_OK;
}

static RNN_FLOAT_BODY rnn_status initialise_all(rnn_model *model, int forget_gate)
{
    const rnn_model_options *o = &model->options;
    for (int64_t n = 0; n < model->named_count; n++) {
        const named_parameter *p = &model->named[n];
        if (p->role == ROLE_RECURRENT_WEIGHT && o->orthogonal) {
            RNN_TRY(initialise_orthogonal(model, p, n));
            continue;
        }
        for (int64_t i = 0; i < p->rows; i++) {
            bool forgets = p->role == ROLE_FORGET_BIAS && i / o->hidden_size == forget_gate;
            for (int64_t j = 0; j < p->columns; j++)
                put_number(model, rnn_model_place(p, i, j),
                           initial_value(o, p->role, n, i * p->columns + j) + (forgets ? o->forget_bias : 0));
        }
    }
    return RNN_OK;
}

rnn_status librnn_model_initialise(rnn_model *model, int forget_gate)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = initialise_all(model, forget_gate);
    rnn_float_leave(mode);
    return status;
}
