/* A GRU learns a text, is validated as it learns, and continues a prompt: language_model TEXT MODEL [PROMPT [STEPS]] */
#include <string.h>

#include "check.h"

int main(int argc, char **argv)
{
    const char *prompt = argc > 3 ? argv[3] : "";
    const int64_t steps = argc > 4 ? strtoll(argv[4], NULL, 10) : 3000, every = steps < 500 ? steps : 500;
    if (argc < 3 || argc > 5 || steps < 1) {
        fprintf(stderr, "usage: language_model TEXT MODEL [PROMPT [STEPS]]; STEPS is a number, 1 or more\n");
        return EXIT_FAILURE;
    }
    rnn_vocab *vocab;
    rnn_corpus *text, *validation;
    check(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, argv[1], &vocab));
    check(rnn_corpus_create_from_file(vocab, argv[1], 64, 32, &text));
    check(rnn_corpus_split(text, 0.1, &validation));

    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_GRU;
    options.input_size = options.output_size = rnn_vocab_size(vocab);
    options.hidden_size = 256;
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.dropout_output = 0.1;
    check(rnn_model_create(&options, &model));

    rnn_optimizer *optimizer;
    rnn_optimizer_options rule;
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAMW));
    rule.beta2 = 0.99;
    rule.weight_decay = 0.05;
    rule.clip_norm = 1;
    check(rnn_optimizer_create(model, &rule, &optimizer));

    rnn_state *state;
    rnn_chunk chunk;
    double best = 1e9;
    check(rnn_state_create(model, 32, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int64_t k = 0; k < steps; k++) {
        int32_t restarted;
        check(rnn_corpus_next(text, &chunk, &restarted));
        if (restarted)
            check(rnn_state_reset(state));
        check(rnn_forward_backward(model, state, &chunk, NULL));
        double rate = 0.01 * rnn_schedule_warmup(k, 100) * rnn_schedule_cosine(k, steps, 0.02);
        check(rnn_optimizer_set_learning_rate(optimizer, rate));
        check(rnn_optimizer_step(optimizer, model));
        if ((k + 1) % every > 0)
            continue;
        rnn_loss loss;
        check(rnn_evaluate(model, validation, 32, &loss, NULL));
        printf("step %lld: validation loss %.4f nats\n", (long long)k + 1, loss.sum / (double)loss.count);
        if (loss.sum / (double)loss.count < best) { /* keep the best */
            best = loss.sum / (double)loss.count;
            check(rnn_model_save(model, vocab, argv[2]));
        }
    }

    rnn_model *kept;
    rnn_state *writer;
    rnn_sampler *sampler;
    rnn_sampler_options draw;
    rnn_generate_options what;
    int32_t read[1000], ids[400];
    char written[4 * 400];
    size_t size;
    check(rnn_model_load(argv[2], NULL, &kept, NULL));
    check(rnn_state_create(kept, 1, &writer));
    check(rnn_sampler_options_init(&draw, sizeof draw));
    draw.temperature = 0.8;
    check(rnn_sampler_create(&draw, &sampler));
    check(rnn_generate_options_init(&what, sizeof what));
    check(rnn_vocab_encode(vocab, prompt, strlen(prompt), read, 1000, &what.prompt_steps));
    what.prompt = read;
    what.most = 400;
    check(rnn_generate(kept, writer, sampler, &what, ids, NULL, NULL));
    check(rnn_vocab_decode(vocab, ids, what.most, written, sizeof written, &size));
    printf("%s%.*s\n", prompt, (int)size, written);
    rnn_sampler_destroy(sampler);
    rnn_state_destroy(writer);
    rnn_model_destroy(kept);
    rnn_state_destroy(state);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(text);
    rnn_vocab_destroy(vocab);
    return EXIT_SUCCESS;
}
