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

typedef struct command {
    const char *name, *summary;
    int (*run)(int count, char **arguments);
} command;

static const command commands[] = {
    {"train", "train a model on text files", command_train},         {"sample", "let a model write", command_sample},
    {"evaluate", "measure a model on text files", command_evaluate}, {"info", "show what a model is", command_info},
    {"average", "make one model of several", command_average},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void help(FILE *out)
{
    fputs("usage: char_rnn COMMAND ARGUMENTS...\n\n", out);
    for (int i = 0; i < COMMANDS; i++)
        fprintf(out, "    %-10s %s\n", commands[i].name, commands[i].summary);
    fputs("\nTry: char_rnn train book.txt\nEach command explains itself: char_rnn train --help\n", out);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        help(stdout);
        flush_output();
        return EXIT_SUCCESS;
    }
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 2, argv + 2);
    fail("there is no command '%s'; there are train, sample, evaluate, info and average", argv[1]);
}
