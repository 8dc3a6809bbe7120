/* A GRU learns a text and is validated as it learns. The best model is kept in a file, and continues a prompt. */
#include <math.h>
#include <string.h>

#include "check.h"

enum { STEPS = 64, STREAMS = 32, PROMPT_MOST = 1000, WRITTEN = 400 };

/* Trains a model, and keeps the one with the lowest validation loss in a file. */
static void learn(const rnn_vocab *vocab, rnn_corpus *text, int64_t steps, const char *path)
{
    rnn_model_options options = recommended_options(RNN_CELL_GRU, rnn_vocab_size(vocab), rnn_vocab_size(vocab));
    rnn_checkpoint run = {.struct_size = sizeof run};
    rnn_corpus *validation;
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    double best = INFINITY;
    options.hidden_size = 256;
    check(rnn_model_create(&options, &run.model));
    check(rnn_state_create(run.model, STREAMS, &run.state));
    run.optimizer = create_adam(run.model, 0.01);
    check(rnn_corpus_split(text, 0.1, &validation));
    for (int64_t k = 1; k <= steps; k++) {
        int32_t restarted;
        check(rnn_corpus_next(text, &chunk, &restarted));
        if (restarted)
            check(rnn_state_reset(run.state));
        check(rnn_forward_backward(run.model, run.state, &chunk, NULL));
        check(rnn_optimizer_set_learning_rate(run.optimizer, 0.01 * rnn_schedule_cosine(k, steps, 0.02)));
        check(rnn_optimizer_step(run.optimizer, run.model));
        if (k % 500 == 0 || k == steps) {
            rnn_loss loss;
            check(rnn_evaluate(run.model, validation, STREAMS, &loss, NULL));
            printf("step %lld: validation loss %.4f nats\n", (long long)k, loss.sum / (double)loss.count);
            if (loss.sum < best)
                check(rnn_model_save(run.model, vocab, path));
            best = fmin(best, loss.sum);
        }
    }
    rnn_corpus_destroy(validation);
    release(&run);
}

int main(int argc, char **argv)
{
    const char *prompt = argc > 3 ? argv[3] : "";
    const int64_t steps = argc > 4 ? parse_count(argv[4]) : 3000;
    rnn_checkpoint best = {.struct_size = sizeof best};
    rnn_corpus *text;
    rnn_generate_options options;
    int32_t read[PROMPT_MOST], written[WRITTEN];
    check_usage(argc >= 3 && argc <= 5 && steps > 0, "language_model TEXT MODEL [PROMPT [STEPS]]");
    check(rnn_vocab_create_from_file(RNN_VOCAB_UTF8, argv[1], &best.vocab));
    check(rnn_corpus_create_from_file(best.vocab, argv[1], STEPS, STREAMS, &text));
    check(rnn_generate_options_init(&options, sizeof options));
    options.prompt = read;
    options.most = WRITTEN;
    check(rnn_vocab_encode(best.vocab, prompt, strlen(prompt), read, PROMPT_MOST, &options.prompt_steps));
    learn(best.vocab, text, steps, argv[2]);
    check(rnn_model_load(argv[2], NULL, &best.model, NULL));
    check(rnn_state_create(best.model, 1, &best.state));
    check(rnn_sampler_create(NULL, &best.sampler));
    check(rnn_generate(best.model, best.state, best.sampler, &options, written, NULL, NULL));
    printf("%s", prompt);
    print_text(best.vocab, written, WRITTEN);
    rnn_corpus_destroy(text);
    release(&best);
    return EXIT_SUCCESS;
}
