/* Numbers in words become digits: an encoder reads, a decoder goes on from its state and writes. One number in seven is
 * kept from them in training, and translated in the end by beam search. */
#include "check.h"

enum { WORDS = 28, DIGITS = 12, BEGIN = 10, END = 11, LONGEST = 4, STREAMS = 32, UNITS = 64, ROUNDS = 3000 };

static const char *const names[WORDS] = {
    "one",    "two",    "three",    "four",     "five",    "six",     "seven",     "eight",    "nine",     "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
    "thirty", "forty",  "fifty",    "sixty",    "seventy", "eighty",  "ninety",    "hundred"};

/* 1 to 999 in words, every `apart`-th place of `ids` */
static int64_t spell(int number, int32_t *ids, int64_t apart)
{
    int64_t count = 0;
    if (number >= 100) {
        ids[apart * count++] = number / 100 - 1;
        ids[apart * count++] = WORDS - 1;
    }
    if (number % 100 >= 20)
        ids[apart * count++] = 17 + number % 100 / 10;
    if (number % 100 > 0 && (number % 100 < 20 || number % 10 > 0))
        ids[apart * count++] = (number % 100 < 20 ? number % 100 : number % 10) - 1;
    return count;
}

typedef struct side {
    rnn_model *model;
    rnn_state *state;
    rnn_optimizer *optimizer;
} side;

static side create(int64_t symbols, uint64_t seed)
{
    side s;
    rnn_model_options o;
    rnn_optimizer_options rule;
    check(rnn_model_options_init(&o, sizeof o));
    o.cell = RNN_CELL_GRU;
    o.input_size = o.output_size = symbols;
    o.hidden_size = UNITS;
    o.initialization = RNN_INIT_UNIFORM;
    o.reduction = RNN_REDUCTION_MEAN;
    o.seed = seed;
    check(rnn_model_create(&o, &s.model));
    check(rnn_state_create(s.model, STREAMS, &s.state));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = 0.003;
    rule.clip_norm = 1;
    check(rnn_optimizer_create(s.model, &rule, &s.optimizer));
    return s;
}

static void destroy(const side *s)
{
    rnn_optimizer_destroy(s->optimizer);
    rnn_state_destroy(s->state);
    rnn_model_destroy(s->model);
}

static void learn(const side *encoder, const side *decoder, const int numbers[STREAMS])
{
    enum { OUTPUTS = LONGEST * STREAMS * DIGITS };
    static float outputs[OUTPUTS], gradient[OUTPUTS], memory[STREAMS * UNITS];
    int32_t words[LONGEST * STREAMS] = {0}, written[LONGEST * STREAMS] = {0}, targets[LONGEST * STREAMS];
    int64_t lengths[STREAMS];
    for (int b = 0; b < STREAMS; b++) {
        char digits[8];
        int length = snprintf(digits, sizeof digits, "%d", numbers[b]);
        lengths[b] = spell(numbers[b], words + b, STREAMS);
        for (int t = 0; t < LONGEST; t++) {
            written[t * STREAMS + b] = t == 0 ? BEGIN : t <= length ? digits[t - 1] - '0' : END;
            targets[t * STREAMS + b] = t < length ? digits[t] - '0' : t == length ? END : RNN_IGNORE;
        }
    }
    rnn_chunk source = {.struct_size = sizeof source, .steps = LONGEST, .streams = STREAMS, .inputs = words};
    rnn_chunk target = source;
    rnn_chunk_gradients of_encoder, of_decoder;
    source.lengths = lengths;
    target.inputs = written;
    target.targets = targets;
    check(rnn_state_reset(encoder->state));
    check(rnn_forward_training(encoder->model, encoder->state, &source, NULL, 0));
    check(rnn_state_copy(decoder->state, encoder->state));
    check(rnn_forward_training(decoder->model, decoder->state, &target, outputs, OUTPUTS));
    check(rnn_loss_gradient(decoder->model, &target, outputs, OUTPUTS, gradient, NULL));
    check(rnn_chunk_gradients_init(&of_decoder, sizeof of_decoder));
    check(rnn_chunk_gradients_init(&of_encoder, sizeof of_encoder));
    of_decoder.outputs = gradient;
    of_decoder.initial_state = memory; /* out of the one, into the other */
    of_encoder.final_state = memory;
    check(rnn_backward(decoder->model, decoder->state, &of_decoder));
    check(rnn_backward(encoder->model, encoder->state, &of_encoder));
    check(rnn_optimizer_step(decoder->optimizer, decoder->model));
    check(rnn_optimizer_step(encoder->optimizer, encoder->model));
}

static int translate(const rnn_model *encoder, const rnn_model *decoder, const int32_t *words, int64_t count)
{
    static const int32_t begin = BEGIN;
    const rnn_chunk source = {.struct_size = sizeof source, .steps = count, .streams = 1, .inputs = words};
    rnn_state *state;
    rnn_beam_options search;
    int32_t ids[LONGEST];
    int number = 0;
    check(rnn_state_create(encoder, 1, &state));
    check(rnn_forward(encoder, state, &source, NULL, 0, NULL));
    check(rnn_beam_options_init(&search, sizeof search));
    search.prompt = &begin;
    search.prompt_steps = 1;
    search.most = LONGEST;
    search.stop = END;
    check(rnn_beam_search(decoder, state, &search, ids, NULL, NULL, NULL));
    for (int i = 0; i < LONGEST && ids[i] >= 0 && ids[i] < 10; i++)
        number = 10 * number + ids[i];
    rnn_state_destroy(state);
    return number;
}

int main(void)
{
    const side encoder = create(WORDS, 1), decoder = create(DIGITS, 2);
    uint32_t random = 1;
    int right = 0, all = 0;
    for (int k = 0; k < ROUNDS; k++) {
        int numbers[STREAMS];
        for (int b = 0; b < STREAMS; b++)
            do
                numbers[b] = 1 + (int)(((random = 1664525 * random + 1013904223) >> 8) % 999);
            while (numbers[b] % 7 == 0);
        learn(&encoder, &decoder, numbers);
    }
    for (int number = 7; number < 1000; number += 7, all++) {
        int32_t words[LONGEST];
        const int64_t count = spell(number, words, 1);
        const int read = translate(encoder.model, decoder.model, words, count);
        right += read == number;
        for (int64_t i = 0; all % 20 == 0 && i < count; i++)
            printf("%s ", names[words[i]]);
        if (all % 20 == 0)
            printf("is %d\n", read);
    }
    printf("%d of %d numbers that they had never seen are right\n", right, all);
    destroy(&encoder);
    destroy(&decoder);
    return EXIT_SUCCESS;
}
