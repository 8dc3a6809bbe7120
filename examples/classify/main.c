/* main.c: classify learns to tell which class a line of text belongs to. */
#include "classify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *program_name = "classify";

/* Measures the saved model, naive Bayes and the largest class on the test part. */
static void measure(const settings *s, const examples *all)
{
    classifier c;
    int64_t *numbers, count, lines[2] = {0};
    double loss, smoothing;
    load_classifier(s->out, &c);
    double *p = classify_part(&c, all, TEST, &numbers, &count);
    for (int64_t n = 0; n < count; n++)
        lines[0] += all->each[numbers[n]].class == 0; /* the classes are in descending order */
    printf("\ntest: %lld lines\n", (long long)count);
    printf("  %-35s %6.2f %% right\n", s->out, 100 * accuracy(all, numbers, count, p, c.classes, &loss));
    double naive = measure_naive_bayes(&c, all, TEST, &smoothing);
    printf("  %-35s %6.2f %% right (smoothing %g)\n", "naive Bayes of character trigrams", 100 * naive, smoothing);
    printf("  %-35s %6.2f %% right\n", "always the largest class", 100 * (double)lines[0] / (double)count);
    report(&c, all, numbers, count, p, s->picture);
    free(p);
    free(numbers);
    destroy_classifier(&c);
}

static const char HELP[] =
    "usage: classify train FILE [OPTIONS]\n"
    "       classify evaluate MODEL FILE [--picture FILE.svg]\n"
    "       classify predict MODEL [FILE|-] [--top K]\n"
    "\n"
    "Each line of FILE is a label, a tab and a text, in UTF-8. If the file has empty lines, the lines between two of\n"
    "them belong together, and are never divided between training and test. predict reads texts without labels, from\n"
    "standard input if there is no file, and prints for each line: label, tab, probability, tab, text.\n"
    "\n"
    "train prints the result of each epoch, and keeps the model that has the most right answers in validation. At the\n"
    "end it tests this model, and compares it with naive Bayes of character trigrams.\n"
    "    --out FILE               the model; default: the text's name and .safetensors\n"
    "    --classes N              keep only the N most frequent classes; default: all\n"
    "    --validation X, --test X shares of the lines; default 0.1 each\n"
    "    --save-test FILE         write the lines of the test to a file, for evaluate\n"
    "    --picture FILE.svg       draw the confusion matrix; needs gnuplot\n"
    "    --tokens WHAT            characters (the default) or words\n"
    "    --longest N              read only the first N characters or words of a text; default 500\n"
    "    --cell CELL              tanh, gru (the default) or lstm\n"
    "    --hidden N, --layers N   units of a layer in each direction, and layers; default 128 and 1\n"
    "    --embedding N            size of a learned embedding, 0 for none; default: 0, or 128 for words\n"
    "    --one-way                read from left to right only\n"
    "    --epochs N, --minutes X  passes over the training lines, default 10; or minutes to train\n"
    "    --learning-rate X        at its highest; it falls to 2 % along a cosine; default 0.005\n"
    "    --weight-decay X         default 0.01\n"
    "    --dropout X              between layers; default 0\n"
    "    --dropout-input X        of the embedding; default 0\n"
    "    --dropout-output X       of the last layer's output; default 0.2\n"
    "    --dropout-recurrent X    of the candidate of gru and lstm; default 0\n"
    "    --forget X               share of the symbols that training replaces by the unknown symbol; default 0.02\n"
    "    --averaging X            decay of the running average of the model, which is validated and kept; default "
    "0.99\n"
    "    --label-smoothing X      share of each target that is divided among all classes; default 0\n"
    "    --seed N                 of the parts, the initial values and dropout; default 1\n"
    "    --threads N              default: as many as there are processors\n";

/*
 * Reads a command's options, and puts its operands at the beginning of the arguments. Returns their number, or -1 after
 * --help. `wanted` says what they are in an error.
 */
static int read_command(const option *options, int option_count, int count, char **arguments, int least, int most,
                        const char *wanted)
{
    const command_line line = {"classify --help", options, option_count, NULL, NULL};
    int found = read_options(&line, count, arguments, arguments);
    if (found < 0) {
        fputs(HELP, stdout);
        flush_output();
    } else if (found < least || found > most) {
        fail("%s; see classify --help", wanted);
    }
    return found;
}

static void refuse_same(const char *name, const char *path, const char *other_name, const char *other_path)
{
    if (path && other_path && strcmp(path, other_path) == 0)
        fail("%s and %s have the same name, %s", name, other_name, path);
}

/* Reads the command line of train. Returns false after --help. The text's path becomes arguments[0]. */
static bool read_settings(settings *s, int count, char **arguments)
{
    const option options[] = {
        {"--out", OPTION_TEXT, &s->out, 0, 0},
        {"--cell", OPTION_TEXT, &s->cell, 0, 0},
        {"--tokens", OPTION_TEXT, &s->tokens, 0, 0},
        {"--save-test", OPTION_TEXT, &s->save_test, 0, 0},
        {"--picture", OPTION_TEXT, &s->picture, 0, 0},
        {"--one-way", OPTION_FLAG, &s->one_way, 0, 0},
        {"--hidden", OPTION_WHOLE, &s->hidden, 1, 1 << 16},
        {"--layers", OPTION_WHOLE, &s->layers, 1, 64},
        {"--embedding", OPTION_WHOLE, &s->embedding, 0, 1 << 16},
        {"--epochs", OPTION_WHOLE, &s->epochs, 1, 1 << 30},
        {"--classes", OPTION_WHOLE, &s->classes, 2, 1 << 20},
        {"--longest", OPTION_WHOLE, &s->longest, 1, 1 << 24},
        {"--seed", OPTION_WHOLE, &s->seed, 0, INT64_MAX},
        {"--threads", OPTION_WHOLE, &s->threads, 0, 1024},
        {"--minutes", OPTION_REAL, &s->minutes, 0, 1000000},
        {"--validation", OPTION_REAL, &s->validation, 0, 1},
        {"--test", OPTION_REAL, &s->test, 0, 1},
        {"--learning-rate", OPTION_REAL, &s->learning_rate, 0, 1000},
        {"--weight-decay", OPTION_REAL, &s->weight_decay, 0, 1000},
        {"--forget", OPTION_REAL, &s->forget, 0, 1},
        {"--averaging", OPTION_REAL, &s->averaging, 0, 1},
        {"--label-smoothing", OPTION_REAL, &s->smoothing, 0, 1},
        {"--dropout", OPTION_REAL, &s->dropout, 0, 1},
        {"--dropout-input", OPTION_REAL, &s->dropout_input, 0, 1},
        {"--dropout-output", OPTION_REAL, &s->dropout_output, 0, 1},
        {"--dropout-recurrent", OPTION_REAL, &s->dropout_recurrent, 0, 1},
    };
    if (read_command(options, sizeof options / sizeof *options, count, arguments, 1, 1,
                     "train needs one file of labels and texts") < 0)
        return false;
    check(rnn_set_threads((int32_t)s->threads));
    s->words = choose("--tokens", s->tokens, (const char *const[]){"characters", "words", NULL}) == 1;
    if (s->embedding < 0)
        s->embedding = s->words ? 128 : 0;
    return true;
}

/* Fails if one file would be written over another. */
static void check_outputs(const settings *s, char **text)
{
    refuse_to_overwrite(s->out, text, 1);
    refuse_same("--out", s->out, "--save-test", s->save_test);
    refuse_same("--out", s->out, "--picture", s->picture);
    refuse_same("--save-test", s->save_test, "--picture", s->picture);
    if (s->save_test)
        refuse_to_overwrite(s->save_test, text, 1);
    if (s->picture)
        refuse_to_overwrite(s->picture, text, 1);
}

/* Finds the classes of the lines and divides the lines into parts. Returns how many are left out. */
static int64_t prepare(const settings *s, const char *path, classifier *c, examples *all, int64_t counts[PARTS + 1])
{
    int64_t left_out;
    *all = read_examples(path);
    find_classes(c, all, s->classes, path);
    divide(c, all, s->validation, s->test, (uint64_t)s->seed, &left_out);
    for (int64_t n = 0; n < all->count; n++)
        counts[all->each[n].part]++;
    if (counts[VALIDATION] == 0 || counts[TEST] == 0)
        fail("validation has %lld lines and the test has %lld; give more lines, or larger shares",
             (long long)counts[VALIDATION], (long long)counts[TEST]);
    if (s->save_test)
        save_test(all, s->save_test);
    return left_out;
}

static int command_train(int count, char **arguments)
{
    settings s = {.cell = "gru",
                  .tokens = "characters",
                  .hidden = 128,
                  .layers = 1,
                  .embedding = -1,
                  .epochs = 10,
                  .longest = 500,
                  .seed = 1,
                  .validation = 0.1,
                  .test = 0.1,
                  .learning_rate = 0.005,
                  .weight_decay = 0.01,
                  .averaging = 0.99,
                  .forget = 0.02,
                  .dropout_output = 0.2};
    if (!read_settings(&s, count, arguments))
        return EXIT_SUCCESS;
    char *name = allocate(strlen(arguments[0]) + sizeof ".safetensors");
    strcat(strcpy(name, arguments[0]), ".safetensors");
    s.out = s.out ? s.out : name;
    check_outputs(&s, arguments);

    classifier c = {.longest = s.longest};
    examples all;
    int64_t counts[PARTS + 1] = {0}, left_out = prepare(&s, arguments[0], &c, &all, counts);
    c.vocab = create_vocab(&all, s.words);
    create_model(&s, &c);
    printf("%lld classes; %lld lines for training, %lld for validation, %lld for the test\n", (long long)c.classes,
           (long long)counts[TRAINING], (long long)counts[VALIDATION], (long long)counts[TEST]);
    if (left_out > 0)
        printf("left out of validation and test: %lld lines whose text is also in another part\n", (long long)left_out);
    printf("model: %s %lldx%lld, %s, %lld different %s\n", s.cell, (long long)s.layers, (long long)s.hidden,
           s.one_way ? "one way" : "both ways", (long long)rnn_vocab_size(c.vocab), s.tokens);
    train(&c, &all, &s);
    measure(&s, &all);
    printf("\nthe model is in %s\n", s.out);
    free(name);
    free_examples(&all);
    destroy_classifier(&c);
    return EXIT_SUCCESS;
}

static int command_evaluate(int argc, char **arguments)
{
    const char *picture = NULL;
    const option options[] = {{"--picture", OPTION_TEXT, &picture, 0, 0}};
    if (read_command(options, 1, argc, arguments, 2, 2, "evaluate needs a model and a file of labels and texts") < 0)
        return EXIT_SUCCESS;
    if (picture)
        refuse_to_overwrite(picture, arguments, 2);
    classifier c;
    int64_t *numbers, count;
    double loss;
    load_classifier(arguments[0], &c);
    examples all = read_examples(arguments[1]);
    for (int64_t n = 0; n < all.count; n++)
        all.each[n].class = find_class(c.names, c.classes, all.each[n].label);
    int64_t others = keep_classified(&all);
    if (all.count == 0)
        fail("no line of %s has a label that the model knows", arguments[1]);
    double *p = classify_part(&c, &all, TRAINING, &numbers, &count);
    double right = accuracy(&all, numbers, count, p, c.classes, &loss);
    printf("%lld lines: %.2f %% right, %.4f nats\n", (long long)count, 100 * right, loss);
    if (others > 0)
        printf("left out: %lld lines with labels that the model doesn't know\n", (long long)others);
    report(&c, &all, numbers, count, p, picture);
    free(p);
    free(numbers);
    free_examples(&all);
    destroy_classifier(&c);
    return EXIT_SUCCESS;
}

/* Classifies one line after another, so that it can answer at once. */
static int command_predict(int argc, char **arguments)
{
    int64_t top = 1;
    const option options[] = {{"--top", OPTION_WHOLE, &top, 1, 1 << 20}};
    int operands =
        read_command(options, 1, argc, arguments, 1, 2, "predict needs a model, and at most one file of texts");
    if (operands < 0)
        return EXIT_SUCCESS;
    classifier c;
    rnn_state *state;
    rnn_chunk chunk;
    char *text;
    load_classifier(arguments[0], &c);
    top = top < c.classes ? top : c.classes;
    reader r = open_reader(operands == 2 ? arguments[1] : "-");
    double *p = allocate((size_t)c.classes * sizeof *p);
    check(rnn_state_create(c.model, 1, &state));
    check(rnn_chunk_init(&chunk, sizeof chunk));
    while ((text = read_line(&r))) {
        if (!*text)
            fail("line %lld of %s is empty; each line must be a text", (long long)r.number, r.name);
        int32_t *ids = allocate(strlen(text) * sizeof *ids);
        chunk.steps = encode(c.vocab, text, c.longest, ids);
        chunk.streams = 1;
        chunk.inputs = ids;
        float *outputs = allocate((size_t)(chunk.steps * c.classes) * sizeof *outputs);
        check(rnn_state_reset(state));
        check(rnn_forward(c.model, state, &chunk, outputs, chunk.steps * c.classes, NULL));
        pool(&chunk, 0, outputs, c.classes, p);
        for (int64_t k = 0; k < top; k++) {
            int64_t best = most_probable(p, c.classes);
            printf("%s\t%.4f\t", c.names[best], p[best]);
            p[best] = -1;
        }
        printf("%s\n", text);
        flush_output();
        free(ids);
        free(outputs);
    }
    close_reader(&r);
    rnn_state_destroy(state);
    free(p);
    destroy_classifier(&c);
    flush_output();
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static const command commands[] = {
        {"train", command_train}, {"evaluate", command_evaluate}, {"predict", command_predict}};
    return run_command(commands, sizeof commands / sizeof *commands, HELP, argc, argv);
}
