/* A program outside of librnn's tree, built against an installed librnn: prints the version that it runs with. */
#include <stdio.h>

#include <rnn/rnn.h>

int main(void)
{
    rnn_model_options options;
    rnn_model *model;
    if (rnn_model_options_init(&options, sizeof options) != RNN_OK) {
        fprintf(stderr, "%s\n", rnn_last_error());
        return 1;
    }
    options.input_size = options.output_size = 2;
    if (rnn_model_create(&options, &model) != RNN_OK) {
        fprintf(stderr, "%s\n", rnn_last_error());
        return 1;
    }
    rnn_model_destroy(model);
    puts(rnn_version());
    return 0;
}
