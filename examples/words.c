/* An LSTM learns a text word by word, and writes some words of its own. */
#include <math.h>

#include "check.h"

enum { KEPT = 4000, STEPS = 32, STREAMS = 16, WRITTEN = 60 };

static void learn(rnn_checkpoint *run, rnn_corpus *text, int64_t steps)
{
    rnn_corpus *validation;
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    check(rnn_corpus_split(text, 0.1, &validation));
    for (int64_t k = 1; k <= steps; k++) {
        check(rnn_corpus_next(text, &chunk, NULL));
        check(rnn_forward_backward(run->model, run->state, &chunk, NULL));
        check(rnn_optimizer_step(run->optimizer, run->model));
        if (k % 100 == 0 || k == steps) {
            rnn_loss loss;
            check(rnn_evaluate(run->model, validation, STREAMS, &loss, NULL));
            printf("step %lld: perplexity %.1f\n", (long long)k, exp(loss.sum / (double)loss.count));
        }
    }
    rnn_corpus_destroy(validation);
}

int main(int argc, char **argv)
{
    const int64_t steps = argc > 2 ? parse_count(argv[2]) : 600;
    rnn_checkpoint run = {.struct_size = sizeof run};
    rnn_vocab *all;
    rnn_corpus *text;
    rnn_sampler_options draw;
    rnn_state *writer;
    const int32_t first = 0; /* the most frequent word */
    int32_t ids[WRITTEN];
    check_usage((argc == 2 || argc == 3) && steps > 0, "words TEXT [STEPS]");
    check(rnn_vocab_create_from_file(RNN_VOCAB_WORDS, argv[1], &all));
    check(rnn_vocab_create_frequent(all, KEPT, 2, &run.vocab)); /* all others are unknown */
    check(rnn_corpus_create_from_file(run.vocab, argv[1], STEPS, STREAMS, &text));
    rnn_model_options options =
        recommended_options(RNN_CELL_LSTM, rnn_vocab_size(run.vocab), rnn_vocab_size(run.vocab));
    options.input = RNN_INPUT_EMBEDDING;
    options.embedding_size = options.hidden_size = 128;
    options.tied = 1; /* the embedding is also the decoder's weight */
    check(rnn_model_create(&options, &run.model));
    check(rnn_state_create(run.model, STREAMS, &run.state));
    run.optimizer = create_adam(run.model, 0.003);
    learn(&run, text, steps);
    check(rnn_sampler_options_init(&draw, sizeof draw));
    draw.vocab = run.vocab; /* its unknown symbol is never drawn */
    check(rnn_sampler_create(&draw, &run.sampler));
    check(rnn_state_create(run.model, 1, &writer));
    check(rnn_sample(run.model, writer, run.sampler, &first, WRITTEN, ids));
    print_text(run.vocab, ids, WRITTEN);
    rnn_state_destroy(writer);
    rnn_corpus_destroy(text);
    rnn_vocab_destroy(all);
    release(&run);
    return EXIT_SUCCESS;
}
