/* What the example programs share: how they end at an error, the settings that they begin with, and how they print. */
#include <stdio.h>
#include <stdlib.h>

#include <rnn/rnn.h>

static inline void check(rnn_status status)
{
    if (status == RNN_OK)
        return;
    fprintf(stderr, "%s\n", rnn_last_error());
    exit(EXIT_FAILURE);
}

/* Ends the program with its usage unless its arguments are right. */
static inline void check_usage(int right, const char *usage)
{
    if (right)
        return;
    fprintf(stderr, "usage: %s\n", usage);
    exit(EXIT_FAILURE);
}

/* Returns the number in an argument, or 0 if it isn't a whole number from 1. */
static inline int64_t parse_count(const char *argument)
{
    char *end;
    const long long count = strtoll(argument, &end, 10);
    return *end == '\0' && count > 0 ? count : 0;
}

/* Returns the defaults with the initialization and the reduction that rnn.h recommends. */
static inline rnn_model_options recommended_options(int32_t cell, int64_t input_size, int64_t output_size)
{
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = cell;
    options.input_size = input_size;
    options.output_size = output_size;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    return options;
}

/* Creates the optimizer that rnn.h recommends: Adam, which clips the norm of the gradients to 1. */
static inline rnn_optimizer *create_adam(const rnn_model *model, double learning_rate)
{
    rnn_optimizer *optimizer;
    rnn_optimizer_options options;
    check(rnn_optimizer_options_init(&options, sizeof options, RNN_OPTIMIZER_ADAM));
    options.learning_rate = learning_rate;
    options.clip_norm = 1;
    check(rnn_optimizer_create(model, &options, &optimizer));
    return optimizer;
}

/* Destroys the objects of a run. The struct of a checkpoint has a place for each, and NULL where there is none. */
static inline void release(const rnn_checkpoint *run)
{
    rnn_sampler_destroy(run->sampler);
    rnn_optimizer_destroy(run->optimizer);
    rnn_state_destroy(run->state);
    rnn_model_destroy(run->model);
    rnn_vocab_destroy(run->vocab);
}

/* Prints the text of some ids. Words can have any length, so it asks for the size first. */
static inline void print_text(const rnn_vocab *vocab, const int32_t *ids, int64_t count)
{
    size_t size;
    check(rnn_vocab_decode(vocab, ids, count, NULL, 0, &size));
    char *text = malloc(size + 1);
    if (!text)
        exit(EXIT_FAILURE);
    check(rnn_vocab_decode(vocab, ids, count, text, size, NULL));
    printf("%.*s\n", (int)size, text);
    free(text);
}
