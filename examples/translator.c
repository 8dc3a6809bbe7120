/* Translates dates to digits. An encoder reads a date. A decoder begins with the encoder's state and writes digits. */
#include <string.h>

#include "check.h"

enum { DATES = 336, TEXT = 32, SYMBOLS = 128, STEPS = 6, STREAMS = 32, UNITS = 64 };
enum { OUTPUTS = STEPS * STREAMS * SYMBOLS };

/* Writes a date, day 1 to 28 of a month, in two ways, and returns the length of the first. */
static int write_date(int date, char words[TEXT], char digits[TEXT])
{
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    snprintf(digits, TEXT, "\n%02d-%02d\n", 1 + date / 28, 1 + date % 28);
    return snprintf(words, TEXT, "%d %s", 1 + date % 28, months[date / 28]);
}

static rnn_checkpoint create_side(void)
{
    rnn_checkpoint side = {.struct_size = sizeof side};
    rnn_model_options options = recommended_options(RNN_CELL_GRU, SYMBOLS, SYMBOLS); /* ids are ASCII codes */
    options.hidden_size = UNITS;
    check(rnn_model_create(&options, &side.model));
    check(rnn_state_create(side.model, STREAMS, &side.state));
    side.optimizer = create_adam(side.model, 0.005);
    return side;
}

/* Learns random dates, but never every fifth date, which is for the test. */
static void learn(const rnn_checkpoint *encoder, const rnn_checkpoint *decoder)
{
    static float outputs[OUTPUTS], gradient[OUTPUTS], memory[STREAMS * UNITS];
    int32_t read[STEPS * STREAMS], written[STEPS * STREAMS], next[STEPS * STREAMS];
    int64_t lengths[STREAMS];
    for (int b = 0; b < STREAMS; b++) {
        char words[TEXT], digits[TEXT];
        lengths[b] = write_date(5 * (rand() % (DATES / 5)) + 1 + rand() % 4, words, digits);
        for (int t = 0; t < STEPS; t++) {
            read[t * STREAMS + b] = t < lengths[b] ? (unsigned char)words[t] : 0;
            written[t * STREAMS + b] = (unsigned char)digits[t];
            next[t * STREAMS + b] = (unsigned char)digits[t + 1];
        }
    }
    rnn_chunk source = {.struct_size = sizeof source, .steps = STEPS, .streams = STREAMS, .inputs = read};
    rnn_chunk target = {.struct_size = sizeof target, .steps = STEPS, .streams = STREAMS, .inputs = written};
    source.lengths = lengths;
    target.targets = next;
    rnn_chunk_gradients of_decoder = {.struct_size = sizeof of_decoder, .outputs = gradient, .initial_state = memory};
    rnn_chunk_gradients of_encoder = {.struct_size = sizeof of_encoder, .final_state = memory};
    check(rnn_state_reset(encoder->state));
    check(rnn_forward_training(encoder->model, encoder->state, &source, NULL, 0));
    check(rnn_state_copy(decoder->state, encoder->state));
    check(rnn_forward_training(decoder->model, decoder->state, &target, outputs, OUTPUTS));
    check(rnn_loss_gradient(decoder->model, &target, outputs, OUTPUTS, gradient, NULL));
    check(rnn_backward(decoder->model, decoder->state, &of_decoder));
    check(rnn_backward(encoder->model, encoder->state, &of_encoder));
    check(rnn_optimizer_step(decoder->optimizer, decoder->model));
    check(rnn_optimizer_step(encoder->optimizer, encoder->model));
}

/* Prints the translation of a date, and returns whether it is right. */
static int translate(const rnn_checkpoint *encoder, const rnn_checkpoint *decoder, int date)
{
    char words[TEXT], digits[TEXT], found[TEXT] = "\n";
    int32_t read[STEPS], begin = '\n', written[STEPS];
    rnn_chunk source = {.struct_size = sizeof source, .streams = 1, .inputs = read};
    rnn_state *state;
    rnn_beam_options search;
    source.steps = write_date(date, words, digits);
    for (int t = 0; t < source.steps; t++)
        read[t] = (unsigned char)words[t];
    check(rnn_state_create(encoder->model, 1, &state));
    check(rnn_forward(encoder->model, state, &source, NULL, 0, NULL));
    check(rnn_beam_options_init(&search, sizeof search));
    search.prompt = &begin;
    search.prompt_steps = 1;
    search.most = STEPS;
    search.stop = '\n';
    check(rnn_beam_search(decoder->model, state, &search, written, NULL, NULL, NULL));
    rnn_state_destroy(state);
    for (int t = 0; t < STEPS && written[t] != RNN_IGNORE; t++)
        found[t + 1] = (char)written[t];
    printf("%s is %s", words, found + 1);
    return strcmp(found, digits) == 0;
}

int main(void)
{
    rnn_checkpoint encoder = create_side(), decoder = create_side();
    int right = 0, all = 0;
    for (int round = 0; round < 1000; round++)
        learn(&encoder, &decoder);
    for (int date = 0; date < DATES; date += 5, all++)
        right += translate(&encoder, &decoder, date);
    printf("%d of %d dates that they had never seen are right\n", right, all);
    release(&encoder);
    release(&decoder);
    return EXIT_SUCCESS;
}
