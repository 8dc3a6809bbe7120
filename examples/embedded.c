/* A model within the program: its file, hello.safetensors, is an array that the build makes. The model writes a line.
 */
#include "check.h"
#include "hello.h" /* static const unsigned char hello[] */

int main(void)
{
    rnn_checkpoint run = {.struct_size = sizeof run};
    int32_t first, ids[32];
    check(rnn_model_load_from_memory(hello, sizeof hello, NULL, &run.model, &run.vocab));
    check(rnn_state_create(run.model, 1, &run.state));
    check(rnn_sampler_create(NULL, &run.sampler));
    check(rnn_vocab_encode(run.vocab, "\n", 1, &first, 1, NULL));
    check(rnn_sample(run.model, run.state, run.sampler, &first, 32, ids));
    print_text(run.vocab, ids, 32);
    release(&run);
    return EXIT_SUCCESS;
}
