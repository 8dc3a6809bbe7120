/* An LSTM learns which word follows which in a text, and writes some: words TEXT [STEPS] */
#include <math.h>

#include "check.h"

enum { KEPT = 4000, STEPS = 32, STREAMS = 16, DRAWN = 60 };

int main(int argc, char **argv)
{
    rnn_vocab *all, *vocab;
    rnn_corpus *text, *validation;
    const int64_t steps = argc > 2 ? strtoll(argv[2], NULL, 10) : 600;
    if (argc < 2 || argc > 3 || steps < 1) {
        fprintf(stderr, "usage: words TEXT [STEPS]; STEPS is a number, 1 or more\n");
        return EXIT_FAILURE;
    }
    check(rnn_vocab_create_from_file(RNN_VOCAB_WORDS, argv[1], &all));
    check(rnn_vocab_create_frequent(all, KEPT, 2, &vocab)); /* all others are unknown */
    check(rnn_corpus_create_from_file(vocab, argv[1], STEPS, STREAMS, &text));
    check(rnn_corpus_split(text, 0.1, &validation));
    printf("%lld words, of which %lld are known\n", (long long)rnn_vocab_size(all),
           (long long)rnn_vocab_size(vocab) - 1);

    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_LSTM;
    options.input = RNN_INPUT_EMBEDDING;
    options.input_size = options.output_size = rnn_vocab_size(vocab);
    options.embedding_size = options.hidden_size = 128;
    options.tied = 1; /* the embedding is the decoder's weight, too */
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.dropout_input = options.dropout_output = 0.2;
    check(rnn_model_create(&options, &model));

    rnn_state *state;
    rnn_optimizer *optimizer;
    rnn_optimizer_options rule;
    rnn_chunk chunk;
    rnn_loss loss;
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = 0.003;
    rule.clip_norm = 1;
    check(rnn_optimizer_create(model, &rule, &optimizer));
    check(rnn_state_create(model, STREAMS, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    for (int64_t k = 1; k <= steps; k++) {
        check(rnn_corpus_next(text, &chunk, NULL));
        check(rnn_forward_backward(model, state, &chunk, NULL));
        check(rnn_optimizer_step(optimizer, model));
        if (k % 100 == 0 || k == steps) {
            check(rnn_evaluate(model, validation, STREAMS, &loss, NULL));
            printf("step %lld: perplexity %.1f\n", (long long)k, exp(loss.sum / (double)loss.count));
        }
    }

    rnn_state *writer;
    rnn_sampler *sampler;
    rnn_sampler_options draw;
    rnn_generate_options what;
    const int32_t unknown = rnn_vocab_unknown(vocab);
    int32_t ids[DRAWN];
    char written[64 * DRAWN];
    size_t size;
    check(rnn_sampler_options_init(&draw, sizeof draw));
    draw.excluded = &unknown; /* is never drawn */
    draw.excluded_count = 1;
    check(rnn_sampler_create(&draw, &sampler));
    check(rnn_generate_options_init(&what, sizeof what));
    what.most = DRAWN;
    check(rnn_state_create(model, 1, &writer));
    check(rnn_state_copy_stream(writer, 0, state, 0)); /* goes on where a stream has come to */
    check(rnn_generate(model, writer, sampler, &what, ids, NULL, NULL));
    check(rnn_vocab_decode(vocab, ids, DRAWN, written, sizeof written, &size));
    printf("%.*s\n", (int)size, written);
    rnn_sampler_destroy(sampler);
    rnn_state_destroy(writer);
    rnn_state_destroy(state);
    rnn_optimizer_destroy(optimizer);
    rnn_model_destroy(model);
    rnn_corpus_destroy(validation);
    rnn_corpus_destroy(text);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(all);
    return EXIT_SUCCESS;
}
