/*
 * optimizer.c: updates parameters from their gradients.
 */
#include "network/optimizer.h"

#include "base/float_mode.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/threads.h"
#include "network/cache.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { OPTIONS_FIRST_SIZE = offsetof(rnn_optimizer_options, clip_value) + sizeof(double) };

/* The default settings of each rule, in the order of the RNN_OPTIMIZER_ enumerators. */
static const rnn_optimizer_options usual[] = {
    {.rule = RNN_OPTIMIZER_ADAGRAD, .learning_rate = 0.1, .epsilon = 1e-8},
    {.rule = RNN_OPTIMIZER_SGD, .learning_rate = 0.01},
    {.rule = RNN_OPTIMIZER_RMSPROP, .learning_rate = 0.01, .epsilon = 1e-8, .beta2 = 0.99},
    {.rule = RNN_OPTIMIZER_ADAM, .learning_rate = 0.001, .epsilon = 1e-8, .beta1 = 0.9, .beta2 = 0.999},
    {.rule = RNN_OPTIMIZER_ADAMW,
     .learning_rate = 0.001,
     .epsilon = 1e-8,
     .weight_decay = 0.01,
     .beta1 = 0.9,
     .beta2 = 0.999},
};

_Static_assert(sizeof usual / sizeof *usual == RNN_OPTIMIZER_ADAMW + 1, "each rule has its settings");

static rnn_status check_rule(int32_t rule)
{
    return librnn_check_enumerator("rule", rule, librnn_rules);
}

rnn_status rnn_optimizer_options_init(rnn_optimizer_options *options, size_t struct_size, int32_t rule)
{
    RNN_TRY(check_rule(rule));
    return librnn_struct_init("optimizer_options", options, struct_size, &usual[rule], OPTIONS_FIRST_SIZE,
                              sizeof *usual);
}

static rnn_status check_unused(const char *name, double value, int32_t rule)
{
    if (rnn_order(value) == 0)
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT,
                       "%s is %g; it must be 0, since %s doesn't use it (rnn_optimizer_options_init() sets it to 0)",
                       name, value, librnn_name_of(librnn_rules, rule));
}

/* Checks a number that must be at least 0 and less than 1, and 0 if the rule doesn't use it. */
static rnn_status check_share(const char *name, double value, bool used, int32_t rule)
{
    if (!used)
        return check_unused(name, value, rule);
    if (rnn_is_share(value))
        return RNN_OK;
    return librnn_fail(RNN_ERROR_ARGUMENT, "%s is %g; it must be at least 0 and less than 1", name, value);
}

static rnn_status check_options(const rnn_optimizer_options *o)
{
    RNN_TRY(check_rule(o->rule));
    bool sgd = o->rule == RNN_OPTIMIZER_SGD, rmsprop = o->rule == RNN_OPTIMIZER_RMSPROP;
    bool adam = o->rule == RNN_OPTIMIZER_ADAM || o->rule == RNN_OPTIMIZER_ADAMW;
    RNN_TRY(librnn_check_number("learning_rate", o->learning_rate, false));
    RNN_TRY(librnn_check_number("weight_decay", o->weight_decay, false));
    RNN_TRY(sgd ? check_unused("epsilon", o->epsilon, o->rule) : librnn_check_number("epsilon", o->epsilon, true));
    RNN_TRY(check_share("momentum", o->momentum, sgd || rmsprop, o->rule));
    RNN_TRY(check_share("beta1", o->beta1, adam, o->rule));
    RNN_TRY(check_share("beta2", o->beta2, adam || rmsprop, o->rule));
    RNN_TRY(librnn_check_number("clip_value", o->clip_value, false));
    RNN_TRY(librnn_check_number("clip_norm", o->clip_norm, false));
    if (rnn_order(o->clip_value) > 0 && rnn_order(o->clip_norm) > 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "clip_value is %g and clip_norm is %g; one of them must be 0",
                           o->clip_value, o->clip_norm);
    RNN_TRY(librnn_check_range("spare_biases", o->spare_biases, 0, 1));
    RNN_TRY(librnn_check_range("reserved", o->reserved, 0, 0));
    if (o->spare_biases && rnn_order(o->weight_decay) == 0)
        return librnn_fail(RNN_ERROR_ARGUMENT, "spare_biases is 1; it must be 0, since weight_decay is 0");
    if (o->nesterov && !(sgd && rnn_order(o->momentum) > 0))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "nesterov is %" PRId32
                           "; it must be 0 unless rule is RNN_OPTIMIZER_SGD and momentum is greater than 0",
                           o->nesterov);
    return RNN_OK;
}

bool librnn_optimizer_needs_first(const rnn_optimizer_options *o)
{
    return o->rule != RNN_OPTIMIZER_SGD || rnn_order(o->momentum) > 0;
}

bool librnn_optimizer_needs_second(const rnn_optimizer_options *o)
{
    return o->rule == RNN_OPTIMIZER_ADAM || o->rule == RNN_OPTIMIZER_ADAMW ||
           (o->rule == RNN_OPTIMIZER_RMSPROP && rnn_order(o->momentum) > 0);
}

bool librnn_optimizer_first_is_squares(const rnn_optimizer_options *o)
{
    return o->rule == RNN_OPTIMIZER_ADAGRAD || o->rule == RNN_OPTIMIZER_RMSPROP;
}

bool librnn_optimizer_second_is_squares(const rnn_optimizer_options *o)
{
    return o->rule == RNN_OPTIMIZER_ADAM || o->rule == RNN_OPTIMIZER_ADAMW;
}

/* Whether a step leaves parameters with gradient 0 unchanged. It can then skip the rows of unused symbols. */
static bool leaves_the_unused(const rnn_optimizer_options *o)
{
    return rnn_order(o->weight_decay) == 0 && (o->rule == RNN_OPTIMIZER_ADAGRAD || !librnn_optimizer_needs_first(o));
}

rnn_status rnn_optimizer_create(const rnn_model *model, const rnn_optimizer_options *given, rnn_optimizer **optimizer)
{
    RNN_REQUIRE(model);
    RNN_REQUIRE(optimizer);
    rnn_optimizer_options options = usual[RNN_OPTIMIZER_ADAGRAD];
    if (given)
        RNN_TRY(librnn_struct_read("optimizer_options", given, &options, OPTIONS_FIRST_SIZE, sizeof options));
    RNN_TRY(check_options(&options));

    rnn_optimizer *o;
    RNN_TRY(librnn_allocate("an optimizer", 1, sizeof *o, (void **)&o));
    o->options = options;
    o->shape = librnn_model_shape(model);
    rnn_status status = RNN_OK;
    if (librnn_optimizer_needs_first(&options))
        status = librnn_allocate("an optimizer's accumulators", model->count, model->element_size, &o->first);
    if (status == RNN_OK && librnn_optimizer_needs_second(&options))
        status = librnn_allocate("an optimizer's accumulators", model->count, model->element_size, &o->second);
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
    librnn_release(optimizer->first);
    librnn_release(optimizer->second);
    librnn_release(optimizer);
}

static core_rule *rule_of(const rnn_core *core, int32_t rule)
{
    core_rule *const rules[] = {core->adagrad, core->sgd, core->rmsprop, core->adam, core->adamw};
    _Static_assert(sizeof rules / sizeof *rules == sizeof usual / sizeof *usual, "each rule has its function");
    return rules[rule];
}

/* base^n by repeated squaring. Unlike pow(), it gives the same bits on every machine. */
static double power(double base, int64_t n)
{
    double result = 1;
    for (; n > 0; n /= 2) {
        if (n % 2 == 1)
            result *= base;
        base *= base;
    }
    return result;
}

static core_update update_of(const rnn_optimizer_options *o, int64_t steps)
{
    return (core_update){
        .learning_rate = o->learning_rate,
        .epsilon = o->epsilon,
        .momentum = o->momentum,
        .weight_decay = o->weight_decay,
        .limit = o->clip_value > 0 ? o->clip_value : INFINITY,
        .beta1 = o->beta1,
        .beta2 = o->beta2,
        .correction1 = 1 - power(o->beta1, steps),
        .correction2 = 1 - power(o->beta2, steps),
        .nesterov = o->nesterov != 0,
    };
}

enum { COUNT_TRIED = 64 };

/* The step of one part of the flat buffers, divided into shares. */
typedef struct part_step {
    rnn_optimizer *optimizer;
    rnn_model *model;
    core_rule *rule;
    core_update update;
    double factor; /* factor of the gradients, applied first if it is less than 1 */
    model_part part;
    size_t shares;
} part_step;

static void step_share(void *context, size_t worker, size_t share)
{
    enum { TOGETHER = 64 }; /* numbers in a unit of whole cache lines */
    const part_step *s = context;
    rnn_model *m = s->model;
    size_t blocks = (s->part.count + TOGETHER - 1) / TOGETHER;
    size_t first = blocks * share / s->shares * TOGETHER, end = blocks * (share + 1) / s->shares * TOGETHER;
    size_t offset = s->part.offset + first, count = (end < s->part.count ? end : s->part.count) - first;
    (void)worker;
    if (s->factor < 1)
        m->core->scale(rnn_model_at(m, m->gradients, offset), count, s->factor);
    s->rule(&s->update, count, rnn_model_at(m, m->parameters, offset), rnn_model_at(m, m->gradients, offset),
            s->optimizer->first ? rnn_model_at(m, s->optimizer->first, offset) : NULL,
            s->optimizer->second ? rnn_model_at(m, s->optimizer->second, offset) : NULL);
}

/* Whether the step leaves the accumulators of some numbers finite. It runs the step on copies. */
static bool accumulates_finite(const part_step *s, size_t offset, size_t count)
{
    enum { PARAMETERS, GRADIENTS, FIRST, SECOND, KINDS };
    double copy[KINDS][COUNT_TRIED]; /* large enough for either precision */
    rnn_model *m = s->model;
    void *const from[KINDS] = {m->parameters, m->gradients, s->optimizer->first, s->optimizer->second};
    void *to[KINDS] = {NULL};
    for (int i = 0; i < KINDS; i++)
        if (from[i])
            to[i] = memcpy(copy[i], rnn_model_at(m, from[i], offset), count * m->element_size);
    if (s->factor < 1)
        m->core->scale(to[GRADIENTS], count, s->factor);
    s->rule(&s->update, count, to[PARAMETERS], to[GRADIENTS], to[FIRST], to[SECOND]);
    return (!to[FIRST] || m->core->all_finite(to[FIRST], count)) &&
           (!to[SECOND] || m->core->all_finite(to[SECOND], count));
}

static rnn_status fail_for(const rnn_model *model, size_t offset, const char *what)
{
    return librnn_model_fail_nonfinite(model,
                                       "a gradient of %s is %s (rnn_model_zero_gradients() discards all gradients)",
                                       librnn_model_name_at(model, offset), what);
}

static rnn_status check_part(const part_step *step, const model_part *p)
{
    const rnn_model *m = step->model;
    size_t end = p->offset + p->count;
    if (p->frozen || m->core->all_moderate(rnn_model_at_const(m, m->gradients, p->offset), p->count))
        return RNN_OK;
    for (size_t i = p->offset; i < end; i++)
        if (!rnn_is_finite(rnn_model_number(m, m->gradients, i)))
            return fail_for(m, i, "not finite");
    for (size_t i = p->offset, count; i < end; i += count) {
        count = end - i < COUNT_TRIED ? end - i : COUNT_TRIED;
        if (!accumulates_finite(step, i, count))
            return fail_for(m, i, "so large that an accumulator of the optimizer would become infinite");
    }
    return RNN_OK;
}

/* Refuses gradients that aren't finite, and tries the step on large ones, before anything is updated. */
static rnn_status check_gradients(const part_step *step)
{
    for (model_span s = {0}; librnn_model_next_span(step->model, &s);)
        for (model_part p = {0}; rnn_model_next_part(step->model, &s, false, &p);)
            RNN_TRY(check_part(step, &p));
    return RNN_OK;
}

/* Updates one part. If the part is frozen, sets its gradient to zero instead. */
static void step_part(part_step *step, const core_team *team)
{
    enum { SHARE_LEAST = 8 << 10 }; /* minimum number of numbers per thread */
    rnn_model *m = step->model;
    const rnn_optimizer_options *o = &step->optimizer->options;
    if (step->part.frozen) {
        memset(rnn_model_at(m, m->gradients, step->part.offset), 0, step->part.count * m->element_size);
        return;
    }
    step->update.weight_decay = step->part.bias ? 0 : o->weight_decay;
    step->shares = step->part.count / team->size < SHARE_LEAST ? 1 : team->size;
    team->run(team, step_share, step, step->shares);
}

static RNN_FLOAT_BODY rnn_status step(rnn_optimizer *optimizer, rnn_model *model)
{
    enum { NUMBER = 8 }; /* updating a number takes as long as this many multiplications */
    RNN_REQUIRE(optimizer);
    RNN_REQUIRE(model);
    const rnn_optimizer_options *o = &optimizer->options;
    model_shape shape = librnn_model_shape(model);
    RNN_TRY(librnn_model_check_shape("the optimizer", &optimizer->shape, &shape, false));
    RNN_TRY(librnn_model_need_gradients(model));
    int64_t steps = optimizer->steps < RNN_STEPS_MOST ? optimizer->steps + 1 : RNN_STEPS_MOST;
    double norm;
    part_step step = {.optimizer = optimizer,
                      .model = model,
                      .rule = rule_of(model->core, o->rule),
                      .update = update_of(o, steps),
                      .factor = 1};
    if (o->clip_norm > 0)
        RNN_TRY(librnn_model_norm_factor(model, o->clip_norm, &norm, &step.factor));
    RNN_TRY(check_gradients(&step));
    optimizer->steps = steps;
    core_team team = librnn_team_begin((double)(model->multiplied * NUMBER));
    for (model_span s = {.all = !leaves_the_unused(o)}; librnn_model_next_span(model, &s);)
        for (step.part = (model_part){0}; rnn_model_next_part(model, &s, o->spare_biases, &step.part);)
            step_part(&step, &team);
    librnn_team_end(&team);
    librnn_model_unuse_rows(model);
    librnn_cache_invalidate(model);
    return RNN_OK;
}

rnn_status rnn_optimizer_step(rnn_optimizer *optimizer, rnn_model *model)
{
    float_mode mode = rnn_float_enter();
    rnn_status status = step(optimizer, model);
    rnn_float_leave(mode);
    return status;
}

rnn_status rnn_optimizer_get_options(const rnn_optimizer *optimizer, rnn_optimizer_options *options)
{
    RNN_REQUIRE(optimizer);
    return librnn_struct_write("optimizer_options", options, &optimizer->options, OPTIONS_FIRST_SIZE, sizeof *options);
}

rnn_status rnn_optimizer_set_options(rnn_optimizer *optimizer, const rnn_optimizer_options *given)
{
    RNN_REQUIRE(optimizer);
    rnn_optimizer_options *own = &optimizer->options, options = usual[own->rule];
    RNN_TRY(librnn_struct_read("optimizer_options", given, &options, OPTIONS_FIRST_SIZE, sizeof options));
    RNN_TRY(check_options(&options));
    if (options.rule != own->rule)
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "rule is %s; it must stay %s, since the optimizer's accumulators belong to that rule",
                           librnn_name_of(librnn_rules, options.rule), librnn_name_of(librnn_rules, own->rule));
    if ((rnn_order(options.momentum) > 0) != (rnn_order(own->momentum) > 0))
        return librnn_fail(RNN_ERROR_ARGUMENT,
                           "momentum is %g; it must stay %s 0, since the optimizer's accumulators depend on that",
                           options.momentum, rnn_order(own->momentum) > 0 ? "greater than" : "at");
    *own = options;
    return RNN_OK;
}

double rnn_optimizer_learning_rate(const rnn_optimizer *optimizer)
{
    return optimizer ? optimizer->options.learning_rate : 0;
}

rnn_status rnn_optimizer_set_learning_rate(rnn_optimizer *optimizer, double learning_rate)
{
    RNN_REQUIRE(optimizer);
    RNN_TRY(librnn_check_number("learning_rate", learning_rate, false));
    optimizer->options.learning_rate = learning_rate;
    return RNN_OK;
}
