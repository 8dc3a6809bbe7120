/* An LSTM learns which word follows which in a text, and writes some: words TEXT [STEPS] */
#include <math.h>

#include "check.h"

enum { KEPT = 4000, STEPS = 32, STREAMS = 16, WRITTEN = 60 };

static rnn_model *create_model(int64_t words)
{
    rnn_model *model;
    rnn_model_options options;
    check(rnn_model_options_init(&options, sizeof options));
    options.cell = RNN_CELL_LSTM;
    options.input = RNN_INPUT_EMBEDDING;
    options.input_size = options.output_size = words;
    options.embedding_size = options.hidden_size = 128;
    options.tied = 1; /* the embedding is the decoder's weight, too */
    options.initialization = RNN_INIT_UNIFORM;
    options.reduction = RNN_REDUCTION_MEAN;
    options.dropout_input = options.dropout_output = 0.2;
    check(rnn_model_create(&options, &model));
    return model;
}

static void learn(rnn_model *model, rnn_state *state, rnn_corpus *text, int64_t steps)
{
    rnn_corpus *validation;
    rnn_optimizer *optimizer;
    rnn_optimizer_options rule;
    rnn_chunk chunk;
    rnn_loss loss;
    check(rnn_corpus_split(text, 0.1, &validation));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = 0.003;
    rule.clip_norm = 1;
    check(rnn_optimizer_create(model, &rule, &optimizer));
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
    rnn_optimizer_destroy(optimizer);
    rnn_corpus_destroy(validation);
}

/* Writes some words more, from where the first stream has come to. */
static void write_on(const rnn_model *model, const rnn_state *state, const rnn_vocab *vocab)
{
    rnn_state *writer;
    rnn_sampler *sampler;
    rnn_sampler_options draw;
    rnn_generate_options what;
    int32_t ids[WRITTEN];
    size_t size;
    check(rnn_sampler_options_init(&draw, sizeof draw));
    draw.vocab = vocab; /* whose unknown symbol is never drawn */
    check(rnn_sampler_create(&draw, &sampler));
    check(rnn_generate_options_init(&what, sizeof what));
    what.most = WRITTEN;
    check(rnn_state_create(model, 1, &writer));
    check(rnn_state_copy_stream(writer, 0, state, 0));
    check(rnn_generate(model, writer, sampler, &what, ids, NULL, NULL));
    check(rnn_vocab_decode(vocab, ids, WRITTEN, NULL, 0, &size)); /* words are of any length */
    char *written = malloc(size + 1);
    if (!written)
        exit(EXIT_FAILURE);
    check(rnn_vocab_decode(vocab, ids, WRITTEN, written, size, NULL));
    printf("%.*s\n", (int)size, written);
    free(written);
    rnn_sampler_destroy(sampler);
    rnn_state_destroy(writer);
}

int main(int argc, char **argv)
{
    const int64_t steps = argc > 2 ? strtoll(argv[2], NULL, 10) : 600;
    rnn_vocab *all, *vocab;
    rnn_corpus *text;
    rnn_state *state;
    if (argc < 2 || argc > 3 || steps < 1) {
        fprintf(stderr, "usage: words TEXT [STEPS]; STEPS is a number, 1 or more\n");
        return EXIT_FAILURE;
    }
    check(rnn_vocab_create_from_file(RNN_VOCAB_WORDS, argv[1], &all));
    check(rnn_vocab_create_frequent(all, KEPT, 2, &vocab)); /* all others are unknown */
    printf("%lld words, of which %lld are known\n", (long long)rnn_vocab_size(all),
           (long long)rnn_vocab_size(vocab) - 1);
    check(rnn_corpus_create_from_file(vocab, argv[1], STEPS, STREAMS, &text));
    rnn_model *model = create_model(rnn_vocab_size(vocab));
    check(rnn_state_create(model, STREAMS, &state));
    learn(model, state, text, steps);
    write_on(model, state, vocab);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    rnn_corpus_destroy(text);
    rnn_vocab_destroy(vocab);
    rnn_vocab_destroy(all);
    return EXIT_SUCCESS;
}
