/* run.c: creates, saves and loads what a run of training consists of. */
#define RNN_EXPERIMENTAL /* rnn_state_set_random_index() */
#include "run.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

rnn_model *create_model(const settings *s, int64_t symbols)
{
    const setting_value *v = s->value;
    rnn_model_options o;
    rnn_model *model;
    check(rnn_model_options_init(&o, sizeof o));
    o.input_size = o.output_size = symbols;
    o.cell = (int32_t)v[SET_CELL].whole;
    o.layers = v[SET_LAYERS].whole;
    o.hidden_size = v[SET_HIDDEN].whole;
    o.input = v[SET_EMBEDDING].whole > 0 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
    o.embedding_size = v[SET_EMBEDDING].whole;
    o.initialization = RNN_INIT_UNIFORM;
    o.reduction = RNN_REDUCTION_MEAN;
    o.forget_bias = o.cell == RNN_CELL_LSTM ? 1 : 0;
    o.dropout = v[SET_DROPOUT].real;
    o.dropout_input = v[SET_DROPOUT_INPUT].real;
    o.dropout_output = v[SET_DROPOUT_OUTPUT].real;
    o.dropout_recurrent = v[SET_DROPOUT_RECURRENT].real;
    o.dropout_per_chunk = (int32_t)v[SET_DROPOUT_PER_CHUNK].whole;
    o.layer_norm = (int32_t)v[SET_LAYER_NORM].whole;
    o.precision = (int32_t)v[SET_PRECISION].whole;
    o.seed = (uint64_t)v[SET_SEED].whole;
    check(rnn_model_create(&o, &model));
    return model;
}

static void create_optimizer(training *t)
{
    const setting_value *v = t->settings.value;
    const int32_t rule = (int32_t)v[SET_OPTIMIZER].whole;
    rnn_optimizer_options o;
    check(rnn_optimizer_options_init(&o, sizeof o, rule));
    o.learning_rate = v[SET_LEARNING_RATE].real;
    o.weight_decay = v[SET_WEIGHT_DECAY].real;
    if (rule == RNN_OPTIMIZER_RMSPROP || rule == RNN_OPTIMIZER_ADAM || rule == RNN_OPTIMIZER_ADAMW)
        o.beta2 = v[SET_BETA2].real;
    check(rnn_optimizer_create(t->now.model, &o, &t->now.optimizer));
}

/* ---- The streams of this process --------------------------------------------------------------------------------- */

static int64_t first_stream(const training *t, int process)
{
    return t->settings.value[SET_STREAMS].whole * process / process_count();
}

static void divide_streams(training *t)
{
    int64_t streams = t->settings.value[SET_STREAMS].whole;
    if (streams < process_count())
        fail("there are %lld streams for %d processes; give --streams %d or more", (long long)streams, process_count(),
             process_count());
    t->first_stream = first_stream(t, process_number());
    t->streams = first_stream(t, process_number() + 1) - t->first_stream;
    size_t size = (size_t)(t->settings.value[SET_SEQUENCE].whole * t->streams) * sizeof *t->inputs;
    t->inputs = allocate(size);
    t->targets = allocate(size);
}

/* Returns the state of all streams in process 0, and NULL in the others. */
static rnn_state *gather_state(const training *t)
{
    const settings *s = &t->settings;
    int64_t hidden = s->value[SET_HIDDEN].whole, all_streams = s->value[SET_STREAMS].whole;
    size_t element = s->value[SET_PRECISION].whole == RNN_FLOAT64 ? sizeof(double) : sizeof(float);
    size_t size = (size_t)(t->streams * hidden) * element, *sizes = allocate((size_t)process_count() * sizeof *sizes);
    void *own = allocate(size), *all = allocate((size_t)(all_streams * hidden) * element);
    rnn_state *state = NULL;
    for (int p = 0; p < process_count(); p++)
        sizes[p] = (size_t)((first_stream(t, p + 1) - first_stream(t, p)) * hidden) * element;
    if (process_number() == 0) {
        check(rnn_state_create(t->now.model, all_streams, &state));
        check(rnn_state_set_random_index(state, rnn_state_random_index(t->now.state)));
    }
    int32_t parts = s->value[SET_CELL].whole == RNN_CELL_LSTM ? 2 : 1;
    for (int64_t l = 0; l < s->value[SET_LAYERS].whole; l++)
        for (int32_t part = 0; part < parts; part++) {
            check(rnn_state_get(t->now.state, l, part, own, t->streams * hidden));
            processes_gather(own, size, all, sizes);
            if (state)
                check(rnn_state_set(state, l, part, all, all_streams * hidden));
        }
    free(sizes);
    free(own);
    free(all);
    return state;
}

/* Creates a state of this process's streams. The processes draw different dropout masks. */
static rnn_state *create_state(const training *t, uint64_t random_index)
{
    rnn_state *state;
    check(rnn_state_create(t->now.model, t->streams, &state));
    check(rnn_state_set_random_index(state, random_index + ((uint64_t)process_number() << 32)));
    return state;
}

/* Replaces the state of all streams by that of this process's streams. */
static void take_streams(training *t)
{
    rnn_state *own = create_state(t, rnn_state_random_index(t->now.state));
    for (int64_t b = 0; b < t->streams; b++)
        check(rnn_state_copy_stream(own, b, t->now.state, t->first_stream + b));
    rnn_state_destroy(t->now.state);
    t->now.state = own;
}

/* ---- Creating and destroying ------------------------------------------------------------------------------------- */

void run_create(training *t)
{
    divide_streams(t);
    t->now.model = create_model(&t->settings, rnn_vocab_size(t->text.vocab));
    create_optimizer(t);
    if (t->settings.value[SET_AVERAGING].real > 0)
        check(rnn_model_copy(t->now.model, &t->now.average));
    t->now.state = create_state(t, 0);
    t->now.vocab = t->text.vocab;
    t->now.counters[COUNT_FINGERPRINT] = text_fingerprint(&t->text);
    t->now.values[VALUE_BEST] = INFINITY;
    t->now.values[VALUE_VALIDATION] = NAN;
    t->now.values[VALUE_RATE_FACTOR] = 1;
    t->history = allocate(1);
}

/* Destroys everything but the vocabulary, which belongs to the text. */
static void destroy_objects(rnn_checkpoint *c)
{
    rnn_model_destroy(c->model);
    rnn_model_destroy(c->average);
    rnn_optimizer_destroy(c->optimizer);
    rnn_state_destroy(c->state);
}

void run_destroy(training *t)
{
    destroy_objects(&t->now);
    free(t->inputs);
    free(t->targets);
    free(t->good.bytes);
    free(t->history);
}

rnn_model *run_best_model(const training *t)
{
    return t->now.average ? t->now.average : t->now.model;
}

/* ---- Saving and loading ------------------------------------------------------------------------------------------ */

void run_set_notes(training *t)
{
    char *all = settings_to_text(&t->settings);
    rnn_model *const models[] = {t->now.model, t->now.average};
    for (int i = 0; i < 2 && models[i]; i++) {
        check(rnn_model_set_note(models[i], NOTE_SETTINGS, all));
        check(rnn_model_set_note(models[i], NOTE_HISTORY, t->history));
    }
    free(all);
}

/* Saves `now`, but with the state of all streams. Process 0 writes the file. */
void run_save(training *t)
{
    rnn_checkpoint c = t->now;
    rnn_state *all = process_count() > 1 ? gather_state(t) : NULL;
    run_set_notes(t);
    c.corpus_position = rnn_corpus_position(t->text.training);
    c.values[VALUE_SECONDS] = t->seconds;
    c.state = all ? all : t->now.state;
    if (process_number() == 0)
        check(rnn_checkpoint_save(&c, t->checkpoint_path));
    rnn_state_destroy(all);
}

static void *checkpoint_bytes(const rnn_checkpoint *c, size_t *size)
{
    check(rnn_checkpoint_save_to_memory(c, NULL, 0, size));
    void *bytes = allocate(*size);
    check(rnn_checkpoint_save_to_memory(c, bytes, *size, size));
    return bytes;
}

void run_keep(training *t)
{
    rnn_checkpoint c = t->now;
    c.corpus_position = rnn_corpus_position(t->text.training);
    free(t->good.bytes);
    t->good.bytes = checkpoint_bytes(&c, &t->good.size);
}

void run_return(training *t)
{
    rnn_checkpoint loaded;
    check(rnn_checkpoint_init(&loaded, sizeof loaded));
    check(rnn_checkpoint_load_from_memory(t->good.bytes, t->good.size, &loaded));
    destroy_objects(&t->now);
    rnn_vocab_destroy(loaded.vocab);
    loaded.vocab = t->text.vocab;
    t->now = loaded;
    check(rnn_corpus_seek(t->text.training, loaded.corpus_position));
}

/* Process 0 reads the file, which the other machines may not have, and sends it to the others. */
static rnn_checkpoint load_checkpoint(const char *path)
{
    rnn_checkpoint c;
    size_t size = 0;
    void *bytes = NULL;
    check(rnn_checkpoint_init(&c, sizeof c));
    if (process_number() == 0) {
        check(rnn_checkpoint_load(path, &c));
        if (!rnn_model_note(c.model, NOTE_SETTINGS) || !c.optimizer || !c.state || !c.vocab)
            fail("%s isn't a checkpoint of char_rnn train", path);
    }
    if (process_count() == 1)
        return c;
    if (process_number() == 0)
        bytes = checkpoint_bytes(&c, &size);
    processes_broadcast(&size, sizeof size);
    if (process_number() > 0)
        bytes = allocate(size);
    processes_broadcast(bytes, size);
    if (process_number() > 0)
        check(rnn_checkpoint_load_from_memory(bytes, size, &c));
    free(bytes);
    return c;
}

/* Loads the settings of the run, and replaces those that were given. Fails if one of these can't change. */
static void load_settings(training *t, const settings *given, const rnn_model *model)
{
    settings *s = &t->settings;
    settings_init(s);
    settings_read_text(s, rnn_model_note(model, NOTE_SETTINGS), t->checkpoint_path);
    for (int i = 0; i < SETTINGS; i++) {
        if (!given->given[i])
            continue;
        if (setting_may_change((setting)i))
            s->value[i] = given->value[i];
        else if (!setting_equals((setting)i, given->value[i], s->value[i]))
            fail("--%s can't change when a run is resumed; leave it out, or begin a new run", setting_name((setting)i));
    }
}

void run_load(training *t, const settings *given, char **paths, int count, const char *validation_path)
{
    rnn_checkpoint loaded = load_checkpoint(t->checkpoint_path);
    const char *history = rnn_model_note(loaded.model, NOTE_HISTORY);
    load_settings(t, given, loaded.model);
    check_budget(&t->settings);
    t->history = allocate(history ? strlen(history) + 1 : 1);
    strcpy(t->history, history ? history : "");
    text_open(&t->text, paths, count, &t->settings, loaded.vocab);
    text_cut(&t->text, validation_path, &t->settings);
    if (text_fingerprint(&t->text) != loaded.counters[COUNT_FINGERPRINT])
        fail("%s was trained on another text; give the same files in the same order", t->checkpoint_path);
    t->now = loaded;
    t->seconds = loaded.values[VALUE_SECONDS];
    divide_streams(t);
    take_streams(t);
    check(rnn_corpus_seek(t->text.training, loaded.corpus_position));
}
