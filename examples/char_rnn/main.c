/* char_rnn: trains recurrent networks on text, and uses them. */
#include "char_rnn.h"

#include <stdlib.h>
#include <string.h>

const char *program_name = "char_rnn";

char *decode(const rnn_vocab *vocab, const int32_t *ids, int64_t count, size_t *size)
{
    check(rnn_vocab_decode(vocab, ids, count, NULL, 0, size));
    char *text = allocate(*size + 1);
    check(rnn_vocab_decode(vocab, ids, count, text, *size, NULL));
    return text;
}

void load_writer(const char *path, const rnn_load_options *options, rnn_model **model, rnn_vocab **vocab)
{
    rnn_model_options o;
    check(rnn_model_load(path, options, model, vocab));
    if (!*vocab)
        fail("%s has no vocabulary; give a model that char_rnn train has made", path);
    check(rnn_model_options_init(&o, sizeof o));
    check(rnn_model_get_options(*model, &o));
    if (o.input == RNN_INPUT_VECTORS || o.loss != RNN_LOSS_CROSS_ENTROPY || o.input_size != o.output_size ||
        o.bidirectional)
        fail("%s isn't a model of text; give a model that char_rnn train has made", path);
}

static const char help[] = "usage: char_rnn COMMAND ARGUMENTS...\n\n"
                           "    train      train a model on text files\n"
                           "    sample     let a model write\n"
                           "    evaluate   measure a model on text files\n"
                           "    info       show what a model is\n"
                           "    average    make one model of several\n\n"
                           "Try: char_rnn train book.txt\n"
                           "Each command explains itself: char_rnn train --help\n";

int main(int argc, char **argv)
{
    static const command commands[] = {
        {"train", command_train}, {"sample", command_sample},   {"evaluate", command_evaluate},
        {"info", command_info},   {"average", command_average},
    };
    return run_command(commands, sizeof commands / sizeof *commands, help, argc, argv);
}
