/* model.c: creates models and loads them. The names of the classes are a note in the model. */
#include "classify.h"

#include <stdlib.h>
#include <string.h>

static const char NOTE_CLASSES[] = "classify.classes"; /* one name in a line */
static const char NOTE_LONGEST[] = "classify.longest";

int32_t choose(const char *setting, const char *name, const char *const *names)
{
    for (int32_t n = 0; names[n]; n++)
        if (strcmp(name, names[n]) == 0)
            return n;
    fail("%s is '%s'; see classify --help", setting, name);
}

void create_model(const settings *s, classifier *c)
{
    rnn_model_options o;
    char number[32];
    size_t size = 0, used = 0;
    check(rnn_model_options_init(&o, sizeof o));
    o.cell = choose("--cell", s->cell, (const char *const[]){"tanh", "gru", "lstm", NULL});
    o.input_size = rnn_vocab_size(c->vocab);
    o.output_size = c->classes;
    o.hidden_size = s->hidden;
    o.layers = s->layers;
    o.bidirectional = !s->one_way;
    o.input = s->embedding > 0 ? RNN_INPUT_EMBEDDING : RNN_INPUT_IDS;
    o.embedding_size = s->embedding;
    o.initialization = RNN_INIT_UNIFORM;
    o.forget_bias = o.cell == RNN_CELL_LSTM ? 1 : 0;
    o.dropout = s->dropout;
    o.dropout_input = s->dropout_input;
    o.dropout_output = s->dropout_output;
    o.dropout_recurrent = s->dropout_recurrent;
    o.seed = (uint64_t)s->seed;
    check(rnn_model_create(&o, &c->model));
    for (int64_t j = 0; j < c->classes; j++)
        size += strlen(c->names[j]) + 1;
    char *list = allocate(size + 1);
    for (int64_t j = 0; j < c->classes; j++)
        used += (size_t)sprintf(list + used, "%s\n", c->names[j]);
    snprintf(number, sizeof number, "%lld", (long long)c->longest);
    check(rnn_model_set_note(c->model, NOTE_CLASSES, list));
    check(rnn_model_set_note(c->model, NOTE_LONGEST, number));
    free(list);
}

void destroy_classifier(classifier *c)
{
    for (int64_t j = 0; j < c->classes; j++)
        free(c->names[j]);
    free(c->names);
    rnn_model_destroy(c->model);
    rnn_vocab_destroy(c->vocab);
}

void load_classifier(const char *path, classifier *c)
{
    rnn_model_options o;
    *c = (classifier){0};
    check(rnn_model_load(path, NULL, &c->model, &c->vocab));
    check(rnn_model_options_init(&o, sizeof o));
    check(rnn_model_get_options(c->model, &o));
    const char *list = rnn_model_note(c->model, NOTE_CLASSES), *longest = rnn_model_note(c->model, NOTE_LONGEST);
    for (const char *name = list; name && *name; name++)
        c->classes += *name == '\n';
    if (!list || !longest || !c->vocab || rnn_vocab_unknown(c->vocab) < 0 || c->classes != o.output_size ||
        o.input == RNN_INPUT_VECTORS || o.precision != RNN_FLOAT32)
        fail("%s isn't a model that classify train has made", path);
    c->longest = parse_whole(NOTE_LONGEST, longest, 1, 1 << 24);
    c->names = allocate((size_t)c->classes * sizeof *c->names);
    for (int64_t j = 0; j < c->classes; j++) {
        size_t size = strcspn(list, "\n");
        c->names[j] = allocate(size + 1);
        memcpy(c->names[j], list, size);
        list += size + 1;
    }
}
