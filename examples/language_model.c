/* A GRU learns a text, is validated as it learns, and continues a prompt: language_model TEXT MODEL [PROMPT [STEPS]] */
#include <string.h>

#include "check.h"

enum { STEPS = 64, STREAMS = 32, PROMPT_MOST = 1000, WRITTEN = 400 };

/* Trains a model, and keeps the best in a file. */
static void learn(const rnn_vocab *vocab, rnn_corpus *text, int64_t steps, const char *path)
{
    const int64_t every = steps < 500 ? steps : 500;
    rnn_model *model;
    rnn_optimizer *optimizer;
    rnn_corpus *validation;
    rnn_state *state;
    rnn_model_options options;
    rnn_optimizer_options rule;
    rnn_chunk chunk;
    double best = 1e9;

    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_GRU;
    options.input_size = options.output_size = rnn_vocab_size(vocab);
    options.hidden_size = 256;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.dropout_output = 0.1;
    check(rnn_model_create(&options, &model));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAMW));
    rule.beta2 = 0.99;
    rule.weight_decay = 0.05;
    rule.clip_norm = 1;
    check(rnn_optimizer_create(model, &rule, &optimizer));
    check(rnn_corpus_split(text, 0.1, &validation));
    check(rnn_state_create(model, STREAMS, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int64_t k = 1; k <= steps; k++) {
        int32_t restarted;
        rnn_loss loss;
        check(rnn_corpus_next(text, &chunk, &restarted));
        if (restarted)
            check(rnn_state_reset(state));
        check(rnn_forward_backward(model, state, &chunk, NULL));
        double rate = 0.01 * rnn_schedule_warmup(k - 1, 100) * rnn_schedule_cosine(k - 1, steps, 0.02);
        check(rnn_optimizer_set_learning_rate(optimizer, rate));
        check(rnn_optimizer_step(optimizer, model));
        if (k % every > 0)
            continue;
        check(rnn_evaluate(model, validation, STREAMS, &loss, NULL));
        const double mean = loss.sum / (double)loss.count;
        printf("step %lld: validation loss %.4f nats\n", (long long)k, mean);
        if (mean < best)
            check(rnn_model_save(model, vocab, path));
        best = mean < best ? mean : best;
    }
    rnn_state_destroy(state);
    rnn_corpus_destroy(validation);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
}

/* Has the model in a file read a prompt and write on. */
static void write_on(const rnn_vocab *vocab, const char *path, const int32_t *prompt, int64_t prompt_steps)
{
    rnn_model *model;
    rnn_state *state;
    rnn_sampler *sampler;
    rnn_sampler_options draw;
    rnn_generate_options what;
    int32_t ids[WRITTEN];
    char written[4 * WRITTEN];
    size_t size;

    check(rnn_model_load(path, NULL, &model, NULL));
    check(rnn_state_create(model, 1, &state));
    check(rnn_sampler_options_init(&draw, sizeof draw));
    draw.temperature = 0.8;
    check(rnn_sampler_create(&draw, &sampler));
    check(rnn_generate_options_init(&what, sizeof what));
    what.prompt = prompt;
    what.prompt_steps = prompt_steps;
    what.most = WRITTEN;
    check(rnn_generate(model, state, sampler, &what, ids, NULL, NULL));
    check(rnn_vocab_decode(vocab, ids, WRITTEN, written, sizeof written, &size));
    printf("%.*s\n", (int)size, written);
    rnn_sampler_destroy(sampler);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
}

int main(int argc, char **argv)
{
    const char *prompt = argc > 3 ? argv[3] : "";
    const int64_t steps = argc > 4 ? strtoll(argv[4], NULL, 10) : 3000;
    rnn_vocab *vocab;
    rnn_corpus *text;
    int32_t ids[PROMPT_MOST];
    int64_t count;
    if (argc < 3 || argc > 5 || steps < 1) {
        fprintf(stderr, "usage: language_model TEXT MODEL [PROMPT [STEPS]]; STEPS is a number, 1 or more\n");
        return EXIT_FAILURE;
    }
    check(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, argv[1], &vocab));
    check(rnn_vocab_encode(vocab, prompt, strlen(prompt), ids, PROMPT_MOST, &count));
    check(rnn_corpus_create_from_file(vocab, argv[1], STEPS, STREAMS, &text));
    learn(vocab, text, steps, argv[2]);
    printf("%s", prompt);
    write_on(vocab, argv[2], ids, count);
    rnn_corpus_destroy(text);
    rnn_vocab_destroy(vocab);
    return EXIT_SUCCESS;
}
