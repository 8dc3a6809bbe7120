/*
 * playground.c: the functions that the page calls. A network here is a model with its text, its training, and its last
 * reading of some other text. All functions return 0 or NaN when they fail, and network_error() says why.
 */
#define RNN_EXPERIMENTAL /* for rnn_state_observe() */
#include <rnn/rnn.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name), visibility("default"))) name

enum {
    SYMBOL_SIZE = 16 /* at most, in bytes */,
    CHUNK_MOST = 1024,
    HELD_OUT = 10 /* one part in ten */,
    HELD_OUT_MOST = 10000,
    WINDOWS = 8
};

/* A text that the network has read, with its states and predictions after each character */
typedef struct reading {
    int64_t steps;
    int32_t *ids;         /* [T + 1], the last is RNN_IGNORE */
    double *losses;       /* [T] of the next symbol, in nats */
    float *probabilities; /* [T][V] of the next symbol */
    float *start;         /* [L][H], h before the text */
    float *activations;   /* [L][T][H] */
    float *gates;         /* [T][G][H] of one layer */
} reading;

typedef struct network {
    rnn_model_options options;
    rnn_vocab *vocab;
    rnn_model *model;
    rnn_optimizer *optimizer;
    rnn_state *state; /* of training */
    rnn_state *other; /* of everything else */
    int32_t *ids;     /* of the text */
    int64_t count, trained_on, skipped;
    int64_t at;                /* the first symbol of the next chunk */
    double losses[CHUNK_MOST]; /* of the last chunk */
    double norms[CHUNK_MOST];  /* ‖∂loss/∂h_t‖ in the last layer, in the last chunk or in network_flow() */
    reading reading;
    char *text; /* the last sample */
    void *file; /* the last saved file */
} network;

static char error[512];

#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        if ((call) != RNN_OK)                                                                                          \
            return fail(rnn_last_error());                                                                             \
    } while (0)

static int fail(const char *why)
{
    snprintf(error, sizeof error, "%s", why);
    return 0;
}

static void *allocate(int64_t count, size_t size)
{
    return calloc((size_t)count, size);
}

const char *EXPORT(network_error)(void)
{
    return error;
}

/* ---- Creating a network ------------------------------------------------------------------------------------------ */

static void forget_reading(reading *r)
{
    free(r->ids);
    free(r->losses);
    free(r->probabilities);
    free(r->start);
    free(r->activations);
    free(r->gates);
    *r = (reading){0};
}

void EXPORT(network_destroy)(network *n)
{
    if (!n)
        return;
    rnn_state_destroy(n->other);
    rnn_state_destroy(n->state);
    rnn_optimizer_destroy(n->optimizer);
    rnn_model_destroy(n->model);
    rnn_vocab_destroy(n->vocab);
    forget_reading(&n->reading);
    free(n->ids);
    free(n->text);
    free(n->file);
    free(n);
}

/* The bytes of the UTF-8 character at the beginning of a text */
static size_t character_size(const char *text, size_t left)
{
    size_t size = 1;
    while (size < left && ((unsigned char)text[size] & 0xc0) == 0x80)
        size++;
    return size;
}

/* Encodes a text. Skips the characters that the vocabulary doesn't have, and returns how many it has skipped. */
static int64_t encode(const rnn_vocab *vocab, const char *text, size_t size, int32_t *ids, int64_t *count)
{
    int64_t skipped = 0;
    if (rnn_vocab_encode(vocab, text, size, ids, (int64_t)size, count) == RNN_OK)
        return 0;
    *count = 0;
    for (size_t at = 0, length; at < size; at += length) {
        int64_t found;
        length = character_size(text + at, size - at);
        if (rnn_vocab_encode(vocab, text + at, length, ids + *count, (int64_t)length, &found) == RNN_OK)
            *count += found;
        else
            skipped++;
    }
    return skipped;
}

static int open_text(network *n, const char *text, size_t size)
{
    n->ids = allocate((int64_t)size + 1, sizeof *n->ids);
    n->skipped = encode(n->vocab, text, size, n->ids, &n->count);
    n->trained_on = n->count - n->count / HELD_OUT;
    if (n->trained_on <= CHUNK_MOST / 2)
        return fail("The text is too short. It needs about 600 characters that the network knows.");
    return 1;
}

static int read_options(network *n)
{
    n->options.struct_size = sizeof n->options;
    TRY(rnn_model_get_options(n->model, &n->options));
    return 1;
}

/* Prepares training with Adagrad, the rule of min-char-rnn. */
static int prepare(network *n, const char *text, size_t size)
{
    TRY(rnn_state_create(n->model, 1, &n->state));
    TRY(rnn_state_create(n->model, 1, &n->other));
    TRY(rnn_optimizer_create(n->model, NULL, &n->optimizer));
    return open_text(n, text, size);
}

static int create(network *n, const char *text, size_t size, const rnn_model_options *options)
{
    rnn_model_options o = *options;
    TRY(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, size, &n->vocab));
    o.input_size = o.output_size = rnn_vocab_size(n->vocab);
    TRY(rnn_model_create(&o, &n->model));
    return read_options(n) && prepare(n, text, size);
}

/*
 * Creates a network that learns a text, except for its last tenth. If weight_scale is 0, the weights are initialised as
 * in PyTorch, and the precision is float32. Otherwise they come from N(0, weight_scale²), and the precision is float64.
 */
network *EXPORT(network_create)(const char *text, size_t size, int32_t cell, int32_t layers, int32_t hidden,
                                uint32_t seed, double weight_scale)
{
    rnn_model_options o;
    network *n = allocate(1, sizeof *n);
    if (rnn_model_options_init(&o, sizeof o) != RNN_OK)
        return NULL;
    o.cell = cell;
    o.layers = layers;
    o.hidden_size = hidden;
    o.seed = seed;
    o.forget_bias = cell == RNN_CELL_LSTM ? 1 : 0;
    if (weight_scale > 0) {
        o.weight_scale = weight_scale;
        o.precision = RNN_FLOAT64; /* float32 would lose norms below 1e-38 */
    } else {
        o.initialization = RNN_INIT_UNIFORM;
    }
    if (create(n, text, size, &o))
        return n;
    network_destroy(n);
    return NULL;
}

static int predicts_characters(const network *n)
{
    const rnn_model_options *o = &n->options;
    if (o->bidirectional || o->input == RNN_INPUT_VECTORS || o->loss != RNN_LOSS_CROSS_ENTROPY)
        return fail("This model doesn't predict the next character of a text.");
    if (n->vocab && rnn_vocab_kind(n->vocab) == RNN_VOCAB_WORDS)
        return fail("This model reads words. The playground is for models that read characters.");
    return 1;
}

static int load(network *n, const void *file, size_t file_size, const char *text, size_t size)
{
    rnn_load_options o;
    TRY(rnn_load_options_init(&o, sizeof o));
    o.precision = RNN_FLOAT32;
    TRY(rnn_model_load_from_memory(file, file_size, &o, &n->model, &n->vocab));
    if (!read_options(n) || !predicts_characters(n))
        return 0;
    if (!n->vocab)
        TRY(rnn_vocab_create_from_text(RNN_VOCAB_UTF8, text, size, &n->vocab));
    if (rnn_vocab_size(n->vocab) != n->options.input_size || n->options.output_size != n->options.input_size)
        return fail("The file has no vocabulary, and its model and the text have different numbers of symbols.");
    return prepare(n, text, size);
}

/* Creates a network from the bytes of a model's file. It goes on learning from a text. */
network *EXPORT(network_load)(const void *file, size_t file_size, const char *text, size_t size)
{
    network *n = allocate(1, sizeof *n);
    if (load(n, file, file_size, text, size))
        return n;
    network_destroy(n);
    return NULL;
}

/* Writes the model's file to memory. Returns its size; network_file() is its address. */
int32_t EXPORT(network_save)(network *n)
{
    size_t size;
    TRY(rnn_model_save_to_memory(n->model, n->vocab, NULL, 0, &size));
    free(n->file);
    n->file = allocate((int64_t)size, 1);
    TRY(rnn_model_save_to_memory(n->model, n->vocab, n->file, size, &size));
    return (int32_t)size;
}

const void *EXPORT(network_file)(const network *n)
{
    return n->file;
}

/* ---- Facts about it ---------------------------------------------------------------------------------------------- */

int32_t EXPORT(network_cell)(const network *n)
{
    return n->options.cell;
}

int32_t EXPORT(network_layers)(const network *n)
{
    return (int32_t)n->options.layers;
}

int32_t EXPORT(network_hidden)(const network *n)
{
    return (int32_t)n->options.hidden_size;
}

int32_t EXPORT(network_symbols)(const network *n)
{
    return (int32_t)rnn_vocab_size(n->vocab);
}

const char *EXPORT(network_symbol)(const network *n, int32_t id)
{
    const char *symbol;
    return rnn_vocab_symbol(n->vocab, id, &symbol, NULL) == RNN_OK ? symbol : "";
}

/* The number of the text's characters that the vocabulary doesn't have */
int32_t EXPORT(network_skipped)(const network *n)
{
    return (int32_t)n->skipped;
}

/* ---- Training and writing ---------------------------------------------------------------------------------------- */

static int train_chunk(network *n, int32_t steps, bool observe, rnn_loss *loss)
{
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = steps, .streams = 1};
    if (n->at + steps + 1 >= n->trained_on) {
        n->at = 0;
        TRY(rnn_state_reset(n->state));
    }
    chunk.inputs = n->ids + n->at;
    chunk.targets = chunk.inputs + 1;
    chunk.losses = observe ? n->losses : NULL;
    TRY(rnn_state_observe(n->state, observe ? RNN_OBSERVE_GRADIENT_NORMS : 0));
    TRY(rnn_forward_backward(n->model, n->state, &chunk, loss));
    if (observe)
        TRY(rnn_state_get_gradient_norms(n->state, n->options.layers - 1, n->norms, steps));
    TRY(rnn_optimizer_step(n->optimizer, n->model));
    n->at += steps;
    return 1;
}

static int set_rule(network *n, double rate, double clip)
{
    rnn_optimizer_options o = {.struct_size = sizeof o};
    TRY(rnn_optimizer_get_options(n->optimizer, &o));
    o.learning_rate = rate;
    o.clip_value = clip; /* 0: no limit */
    TRY(rnn_optimizer_set_options(n->optimizer, &o));
    return 1;
}

/* Trains on some chunks, and observes the last one. Returns the mean loss of a character in nats. */
double EXPORT(network_train)(network *n, int32_t chunks, int32_t steps, double rate, double clip)
{
    double sum = 0;
    steps = steps < CHUNK_MOST / 2 ? steps : CHUNK_MOST / 2;
    if (!set_rule(n, rate, clip))
        return NAN;
    for (int32_t i = 0; i < chunks; i++) {
        rnn_loss loss;
        if (!train_chunk(n, steps, i == chunks - 1, &loss))
            return NAN;
        sum += loss.sum;
    }
    return sum / ((double)chunks * steps);
}

/* [T] of the last chunk of network_train() */
const double *EXPORT(network_losses)(const network *n)
{
    return n->losses;
}

/* [T] of the last chunk of network_train(), or of network_flow() */
const double *EXPORT(network_norms)(const network *n)
{
    return n->norms;
}

/* The ids of the last chunk */
const int32_t *EXPORT(network_chunk)(const network *n, int32_t steps)
{
    return n->ids + n->at - steps;
}

static int evaluate(network *n, rnn_loss *total)
{
    const int64_t end = n->trained_on + HELD_OUT_MOST, last = n->count - 1 < end ? n->count - 1 : end;
    TRY(rnn_state_copy(n->other, n->state));
    for (int64_t at = n->trained_on; at < last; at += CHUNK_MOST) {
        rnn_chunk chunk = {
            .struct_size = sizeof chunk, .streams = 1, .inputs = n->ids + at, .targets = n->ids + at + 1};
        rnn_loss loss;
        chunk.steps = last - at < CHUNK_MOST ? last - at : CHUNK_MOST;
        TRY(rnn_forward(n->model, n->other, &chunk, NULL, 0, &loss));
        total->sum += loss.sum;
        total->count += loss.count;
    }
    return 1;
}

/*
 * The mean loss of a character in the text's last tenth, or in at most 10000 characters of it, in nats. The network
 * begins to read it with the state that training has reached.
 */
double EXPORT(network_evaluate)(network *n)
{
    rnn_loss total = {0, 0};
    return evaluate(n, &total) ? total.sum / (double)total.count : NAN;
}

static int write_on(network *n, int32_t count, double temperature, uint32_t seed)
{
    size_t size;
    rnn_sampler_options o;
    rnn_sampler *sampler;
    TRY(rnn_sampler_options_init(&o, sizeof o));
    o.temperature = temperature;
    o.seed = seed;
    TRY(rnn_state_copy(n->other, n->state));
    TRY(rnn_sampler_create(&o, &sampler));
    int32_t *ids = allocate(count, sizeof *ids);
    rnn_status status = rnn_sample(n->model, n->other, sampler, n->ids + n->at, count, ids);
    rnn_sampler_destroy(sampler);
    free(n->text);
    n->text = allocate(count + 1, SYMBOL_SIZE);
    if (status == RNN_OK)
        status = rnn_vocab_decode(n->vocab, ids, count, n->text, SYMBOL_SIZE * (size_t)count, &size);
    free(ids);
    return status == RNN_OK ? 1 : fail(rnn_last_error());
}

/* Lets the network continue the text from the place that training has reached. Returns the new text, ended by a NUL. */
const char *EXPORT(network_sample)(network *n, int32_t count, double temperature, uint32_t seed)
{
    return write_on(n, count, temperature, seed) ? n->text : NULL;
}

/* ---- Reading ----------------------------------------------------------------------------------------------------- */

static int run_over(network *n, reading *r)
{
    const int64_t layers = n->options.layers, hidden = n->options.hidden_size, symbols = n->options.output_size;
    const int64_t outputs = r->steps * symbols;
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = r->steps, .streams = 1, .inputs = r->ids};
    r->losses = allocate(r->steps, sizeof *r->losses);
    r->probabilities = allocate(outputs, sizeof *r->probabilities);
    r->start = allocate(layers * hidden, sizeof *r->start);
    r->activations = allocate(layers * r->steps * hidden, sizeof *r->activations);
    chunk.targets = r->ids + 1;
    chunk.losses = r->losses;
    TRY(rnn_state_copy(n->other, n->state));
    for (int64_t l = 0; l < layers; l++)
        TRY(rnn_state_get(n->other, l, RNN_STATE_HIDDEN, r->start + l * hidden, hidden));
    TRY(rnn_state_observe(n->other, RNN_OBSERVE_ACTIVATIONS));
    TRY(rnn_forward(n->model, n->other, &chunk, r->probabilities, outputs, NULL));
    for (int64_t l = 0; l < layers; l++)
        TRY(rnn_state_get_activations(n->other, l, r->activations + l * r->steps * hidden, r->steps * hidden));
    TRY(rnn_softmax(RNN_FLOAT32, r->probabilities, r->steps, symbols, r->probabilities));
    return 1;
}

/*
 * Reads a text as if it followed the characters that training has reached. Returns the number of the text's symbols
 * that the network knows.
 */
int32_t EXPORT(network_read)(network *n, const char *text, size_t size)
{
    reading *r = &n->reading;
    forget_reading(r);
    r->ids = allocate((int64_t)size + 1, sizeof *r->ids);
    encode(n->vocab, text, size, r->ids, &r->steps);
    if (r->steps == 0)
        return 0;
    r->ids[r->steps] = RNN_IGNORE;
    return run_over(n, r) ? (int32_t)r->steps : 0;
}

/* The results of network_read(): see the struct reading. */
const int32_t *EXPORT(reading_ids)(const network *n)
{
    return n->reading.ids;
}

const double *EXPORT(reading_losses)(const network *n)
{
    return n->reading.losses;
}

const float *EXPORT(reading_probabilities)(const network *n)
{
    return n->reading.probabilities;
}

const float *EXPORT(reading_activations)(const network *n, int32_t layer)
{
    return n->reading.activations + layer * n->reading.steps * n->options.hidden_size;
}

/* ---- Gates ------------------------------------------------------------------------------------------------------- */

static float *parameter(const network *n, const char *name, int32_t layer, int64_t count)
{
    char full[64];
    int64_t index;
    float *values = allocate(count, sizeof *values);
    snprintf(full, sizeof full, "rnn.%s_l%d", name, (int)layer);
    rnn_status status = rnn_model_find_parameter(n->model, full, &index);
    if (status == RNN_OK)
        status = rnn_model_get_parameter(n->model, index, values, count);
    (void)status; /* if there is no such bias, the values are zeros */
    return values;
}

static float dot(const float *a, const float *b, int64_t count)
{
    float sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

/* The gates at one step, from the two products of each row: W_ih x + b_ih and W_hh h + b_hh. gates: [G][H] */
static void gates_of(int32_t cell, const float *of_input, const float *of_hidden, int64_t hidden, float *gates)
{
    const int candidate = 2; /* g of an LSTM, n of a GRU */
    const int count = cell == RNN_CELL_LSTM ? 4 : 3;
    for (int g = 0; g < count; g++)
        for (int64_t j = 0, row = g * hidden; j < hidden; j++, row++) {
            const float reset = cell == RNN_CELL_GRU && g == candidate ? gates[j] : 1;
            const float sum = of_input[row] + reset * of_hidden[row];
            gates[row] = g == candidate ? tanhf(sum) : sigmoid(sum);
        }
}

/*
 * Computes a layer's gates in the last reading by the formulas of rnn.h: r, z, n of a GRU or i, f, g, o of an LSTM.
 * Returns [T][G][H]. Returns NULL if the cell has no gates, or if the model has options for which this isn't
 * implemented.
 */
const float *EXPORT(reading_gates)(network *n, int32_t layer)
{
    reading *r = &n->reading;
    const rnn_model_options *o = &n->options;
    const int64_t hidden = o->hidden_size, rows = (o->cell == RNN_CELL_LSTM ? 4 : 3) * hidden;
    const int64_t inputs = layer == 0 ? o->input_size : hidden;
    if (o->cell == RNN_CELL_TANH || o->layer_norm || (layer == 0 && o->input != RNN_INPUT_IDS))
        return NULL;
    float *w_ih = parameter(n, "weight_ih", layer, rows * inputs),
          *w_hh = parameter(n, "weight_hh", layer, rows * hidden);
    float *b_ih = parameter(n, "bias_ih", layer, rows), *b_hh = parameter(n, "bias_hh", layer, rows);
    float *of_input = allocate(rows, sizeof *of_input), *of_hidden = allocate(rows, sizeof *of_hidden);
    free(r->gates);
    r->gates = allocate(r->steps * rows, sizeof *r->gates);
    for (int64_t t = 0; t < r->steps; t++) {
        const float *below = layer == 0 ? NULL : reading_activations(n, layer - 1) + t * hidden;
        const float *before = t > 0 ? reading_activations(n, layer) + (t - 1) * hidden : r->start + layer * hidden;
        for (int64_t row = 0; row < rows; row++) {
            of_input[row] =
                b_ih[row] + (layer == 0 ? w_ih[row * inputs + r->ids[t]] : dot(w_ih + row * inputs, below, hidden));
            of_hidden[row] = b_hh[row] + dot(w_hh + row * hidden, before, hidden);
        }
        gates_of(o->cell, of_input, of_hidden, hidden, r->gates + t * rows);
    }
    free(w_ih), free(w_hh), free(b_ih), free(b_hh), free(of_input), free(of_hidden);
    return r->gates;
}

/* ---- How far gradients reach ------------------------------------------------------------------------------------- */

static int add_flow(network *n, int64_t at, int32_t steps, double *norms)
{
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = steps, .streams = 1, .last_only = 1};
    chunk.inputs = n->ids + at;
    chunk.targets = n->ids + at + steps; /* only the last step has a loss */
    TRY(rnn_state_reset(n->other));
    TRY(rnn_state_observe(n->other, RNN_OBSERVE_GRADIENT_NORMS));
    TRY(rnn_forward_backward(n->model, n->other, &chunk, NULL));
    TRY(rnn_model_zero_gradients(n->model));
    TRY(rnn_state_get_gradient_norms(n->other, n->options.layers - 1, norms, steps));
    return 1;
}

/*
 * Returns ‖∂loss/∂h_t‖ at each of some steps, of which only the last has a loss. It is the geometric mean over several
 * places of the text.
 */
const double *EXPORT(network_flow)(network *n, int32_t steps)
{
    double norms[CHUNK_MOST], logs[CHUNK_MOST] = {0};
    for (int w = 0; w < WINDOWS; w++) {
        if (!add_flow(n, w * (n->trained_on - steps - 1) / WINDOWS, steps, norms))
            return NULL;
        for (int32_t t = 0; t < steps; t++)
            logs[t] += log(norms[t] + 1e-300) / WINDOWS;
    }
    for (int32_t t = 0; t < steps; t++)
        n->norms[t] = exp(logs[t]);
    return n->norms;
}
