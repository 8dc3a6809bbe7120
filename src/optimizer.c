/*
 * optimizer.c: from gradients to updates.
 */
#include "memory.h"
#include "model.h"

#include <inttypes.h>
#include <string.h>

enum { OPTIONS_FIRST_SIZE = offsetof(rnn_optimizer_options, epsilon) + sizeof(double) };

struct rnn_optimizer {
    rnn_optimizer_options options;
    model_shape shape;
    void *squares; /* sums of squared gradients, in the parameters' layout */
};

static const rnn_optimizer_options default_options = {
    .struct_size = sizeof(rnn_optimizer_options),
    .rule = RNN_OPTIMIZER_ADAGRAD,
    .learning_rate = 0.1,
    .epsilon = 1e-8,
};

rnn_status rnn_optimizer_options_init(rnn_optimizer_options *options, size_t struct_size)
{
    return rnn_struct_init("optimizer_options", options, struct_size, &default_options, OPTIONS_FIRST_SIZE,
                           sizeof default_options);
}

rnn_status rnn_optimizer_create(const rnn_model *model, const rnn_optimizer_options *given, rnn_optimizer **optimizer)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(optimizer);
    rnn_optimizer_options options = default_options;
    if (given)
        RNN_TRY(rnn_struct_read("optimizer_options", given, &options, OPTIONS_FIRST_SIZE, sizeof options));
    RNN_TRY(rnn_check_range("rule", options.rule, RNN_OPTIMIZER_ADAGRAD, RNN_OPTIMIZER_ADAGRAD));
    RNN_TRY(rnn_check_range("reserved", options.reserved, 0, 0));
    RNN_TRY(rnn_check_number("learning_rate", options.learning_rate, 0, false));
    RNN_TRY(rnn_check_number("epsilon", options.epsilon, 0, true));

    rnn_optimizer *o;
    RNN_TRY(rnn_allocate("an optimizer", 1, sizeof *o, (void **)&o));
    o->options = options;
    o->shape = rnn_model_shape(model);
    rnn_status status = rnn_allocate("an optimizer's accumulators", model->count, model->element_size, &o->squares);
    if (status != RNN_OK) {
        rnn_optimizer_destroy(o);
        return status;
    }
    *optimizer = o;
    return RNN_OK;
}

void rnn_optimizer_destroy(rnn_optimizer *optimizer)
{
    if (!optimizer)
        return;
    rnn_release(optimizer->squares);
    rnn_release(optimizer);
}

static rnn_status check_finite(const rnn_model *model)
{
    for (model_span s = {0}; rnn_model_next_span(model, &s);)
        if (!model->core->all_finite(rnn_model_at(model, model->gradients, s.offset), s.count))
            return rnn_fail(RNN_ERROR_NONFINITE, "a gradient is not finite");
    return RNN_OK;
}

rnn_status rnn_optimizer_step(rnn_optimizer *optimizer, rnn_model *model)
{
    RNN_REQUIRE(optimizer);
    RNN_REQUIRE(model);
    model_shape shape = rnn_model_shape(model);
    RNN_TRY(rnn_model_check_shape("the optimizer", &optimizer->shape, &shape, false));
    if (!model->gradients)
        return RNN_OK; /* they are all zero */
    RNN_TRY(check_finite(model));
    for (model_span s = {0}; rnn_model_next_span(model, &s);)
        model->core->adagrad(rnn_model_at(model, model->parameters, s.offset),
                             rnn_model_at(model, model->gradients, s.offset),
                             rnn_model_at(model, optimizer->squares, s.offset), s.count,
                             optimizer->options.learning_rate, optimizer->options.epsilon);
    rnn_model_unuse_rows(model);
    model->version++;
    return RNN_OK;
}

double rnn_optimizer_learning_rate(const rnn_optimizer *optimizer)
{
    return optimizer ? optimizer->options.learning_rate : 0;
}

rnn_status rnn_optimizer_set_learning_rate(rnn_optimizer *optimizer, double learning_rate)
{
    RNN_REQUIRE(optimizer);
    RNN_TRY(rnn_check_number("learning_rate", learning_rate, 0, false));
    optimizer->options.learning_rate = learning_rate;
    return RNN_OK;
}
