/* A model within the program: its file, hello.safetensors, is an array that the build makes. It writes a line. */
#include "check.h"

#include "hello.h" /* static const unsigned char hello[] */

int main(void)
{
    rnn_model *model;
    rnn_vocab *vocab;
    rnn_state *state;
    rnn_sampler *sampler;
    int32_t first, ids[32];
    char text[33] = "";
    check(rnn_model_load_from_memory(hello, sizeof hello, NULL, &model, &vocab));
    check(rnn_state_create(model, 1, &state));
    check(rnn_sampler_create(NULL, &sampler));
    check(rnn_vocab_encode(vocab, "\n", 1, &first, 1, NULL));
    check(rnn_sample(model, state, sampler, &first, 32, ids));
    check(rnn_vocab_decode(vocab, ids, 32, text, sizeof text, NULL));
    puts(text);
    rnn_sampler_destroy(sampler);
    rnn_state_destroy(state);
    rnn_vocab_destroy(vocab);
    rnn_model_destroy(model);
    return EXIT_SUCCESS;
}
