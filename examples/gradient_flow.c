/*
 * gradient_flow.c: experiments on how far back in time a recurrent network can learn.
 *
 * flow measures ||dloss/dh_t|| against the distance in time, for tanh RNNs, GRUs and LSTMs with recurrent weights of
 * several scales, before and after training. memory trains the cells on the adding problem and the copy task over
 * growing lengths. check compares the library's ||dloss/dh_t|| with numerical derivatives.
 */
#define RNN_EXPERIMENTAL /* for rnn_state_observe() */
#include "common/common.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *program_name = "gradient_flow";

/* ---- Settings, cells and weights ---- */

enum { LIST_MOST = 16, CELLS_MOST = LIST_MOST + 2, PATH_SIZE = 4096, ITEMS_SIZE = 1024 };

typedef struct list {
    double values[LIST_MOST];
    int count;
    char items[ITEMS_SIZE]; /* the values as gnuplot wants them, between spaces */
} list;

typedef struct cell {
    int32_t kind; /* RNN_CELL_ */
    int64_t gates;
    double forget_bias;
    char name[32];
} cell;

/* The settings that several commands have */
static struct {
    int64_t hidden, networks, seed, steps;
    double learning_rate, clip;
    const char *out, *forget_biases;
    bool quiet;
    cell cells[CELLS_MOST];
    int cell_count;
    char cell_items[ITEMS_SIZE];
} set = {.networks = 1, .seed = 1, .clip = 1};

static const char shared_help[] = "    --forget-bias LIST   forget biases of the LSTMs; default %s\n"
                                  "    --hidden N           hidden units; default %d\n"
                                  "    --learning-rate X    default %g\n"
                                  "    --clip X             limit of the gradients' norm, 0 for none; default 1\n"
                                  "    --networks N         networks of each kind; default %d\n"
                                  "    --seed N             of the first network; default 1\n"
                                  "    --out PREFIX         of the files; default %s\n"
                                  "    --quiet              no progress line\n";

/* Reads the shared options and a command's own. Returns the number of operands, or -1 after --help. */
static int read_settings(const char *help, const option *own, int own_count, int count, char **arguments)
{
    option all[16] = {{"--forget-bias", OPTION_TEXT, &set.forget_biases, 0, 0},
                      {"--hidden", OPTION_WHOLE, &set.hidden, 1, 1024},
                      {"--learning-rate", OPTION_REAL, &set.learning_rate, 0, 1000},
                      {"--clip", OPTION_REAL, &set.clip, 0, 1000000},
                      {"--networks", OPTION_WHOLE, &set.networks, 1, 1000},
                      {"--seed", OPTION_WHOLE, &set.seed, 0, INT32_MAX},
                      {"--out", OPTION_TEXT, &set.out, 0, 0},
                      {"--quiet", OPTION_FLAG, &set.quiet, 0, 0}};
    const int shared = 8;
    const command_line line = {"gradient_flow COMMAND --help", all, shared + own_count, NULL, NULL};
    memcpy(all + shared, own, (size_t)own_count * sizeof *own);
    const int operands = read_options(&line, count, arguments, arguments);
    if (operands < 0) {
        fputs(help, stdout);
        printf(shared_help, set.forget_biases, (int)set.hidden, set.learning_rate, (int)set.networks, set.out);
        flush_output();
    }
    return operands;
}

static list parse_list(const char *name, const char *text, double least, double most)
{
    list l = {.count = 0};
    size_t length;
    for (const char *start = text;; start += length + 1) {
        char item[32];
        length = strcspn(start, ",");
        if (length >= sizeof item)
            fail("%s has a number of %zu characters; at most %zu can be read", name, length, sizeof item - 1);
        snprintf(item, sizeof item, "%.*s", (int)length, start);
        if (l.count == LIST_MOST)
            fail("%s is '%s'; it can have at most %d numbers", name, text, LIST_MOST);
        l.values[l.count] = parse_real(name, item, least, most);
        if (l.count > 0 && l.values[l.count] <= l.values[l.count - 1])
            fail("%s is '%s'; its numbers must increase", name, text);
        snprintf(strchr(l.items, '\0'), sizeof item, "%g ", l.values[l.count++]);
        if (start[length] == '\0')
            return l;
    }
}

/* Lists the cells to compare: a tanh RNN, a GRU, and an LSTM for each forget bias. */
static void list_cells(void)
{
    const list biases = parse_list("--forget-bias", set.forget_biases, -100, 100);
    set.cells[0] = (cell){RNN_CELL_TANH, 1, 0, "tanh RNN"};
    set.cells[1] = (cell){RNN_CELL_GRU, 3, 0, "GRU"};
    set.cell_count = 2 + biases.count;
    for (int c = 0; c < set.cell_count; c++) {
        if (c >= 2) {
            set.cells[c] = (cell){RNN_CELL_LSTM, 4, biases.values[c - 2], ""};
            snprintf(set.cells[c].name, sizeof set.cells[c].name, "LSTM forget bias %g", biases.values[c - 2]);
        }
        snprintf(strchr(set.cell_items, '\0'), sizeof set.cells[c].name + 3, "'%s' ", set.cells[c].name);
    }
}

static rnn_model_options model_options(const cell *c, int64_t inputs, int64_t outputs, int64_t network)
{
    rnn_model_options o;
    check(rnn_model_options_init(&o, sizeof o));
    o.cell = c->kind;
    o.forget_bias = c->forget_bias;
    o.input_size = inputs;
    o.hidden_size = set.hidden;
    o.output_size = outputs;
    o.initialization = RNN_INIT_UNIFORM;
    o.reduction = RNN_REDUCTION_MEAN;
    o.seed = (uint64_t)(set.seed + network);
    return o;
}

/*
 * Computes a spectral radius as the limit of ||W^k||^(1/k) (Gelfand 1941), with k = 2^20 by repeated squaring. Power
 * iteration would fail, because the largest eigenvalues are often a complex pair. w: [n][n], destroyed
 */
static double spectral_radius(double *w, int64_t n)
{
    double *square = allocate((size_t)(n * n) * sizeof *square), log_norm = 0;
    for (int i = 0;; i++) { /* W^(2^i) is exp(log_norm) w */
        double squares = 0;
        for (int64_t j = 0; j < n * n; j++)
            squares += w[j] * w[j];
        log_norm += 0.5 * log(squares);
        if (i == 20 || squares == 0)
            break;
        for (int64_t j = 0; j < n * n; j++)
            w[j] /= sqrt(squares);
        memset(square, 0, (size_t)(n * n) * sizeof *square);
        for (int64_t j = 0; j < n; j++)
            for (int64_t k = 0; k < n; k++)
                for (int64_t m = 0; m < n; m++)
                    square[j * n + m] += w[j * n + k] * w[k * n + m];
        memcpy(w, square, (size_t)(n * n) * sizeof *w);
        log_norm *= 2;
    }
    free(square);
    return exp(log_norm / (1 << 20));
}

/* Gives the recurrent weights of each gate a spectral radius, if it isn't 0. Returns the mean radius of the gates. */
static double recurrent_radius(rnn_model *model, const cell *c, double radius)
{
    const int64_t size = set.hidden * set.hidden;
    double *all = allocate((size_t)(c->gates * size) * sizeof *all), *w = allocate((size_t)size * sizeof *w), sum = 0;
    int64_t index;
    check(rnn_model_find_parameter(model, "rnn.weight_hh_l0", &index));
    check(rnn_model_get_parameter(model, index, all, c->gates * size));
    for (int64_t g = 0; g < c->gates; g++) {
        memcpy(w, all + g * size, (size_t)size * sizeof *w);
        const double found = spectral_radius(w, set.hidden);
        for (int64_t j = 0; radius > 0 && j < size; j++)
            all[g * size + j] *= radius / found;
        sum += radius > 0 ? radius : found;
    }
    check(rnn_model_set_parameter(model, index, all, c->gates * size));
    free(all);
    free(w);
    return sum / (double)c->gates;
}

/* SplitMix64 (Steele et al. 2014). Returns a number from 0 to `n` - 1. */
static int64_t draw(uint64_t *random, int64_t n)
{
    uint64_t x = *random += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return (int64_t)((x ^ (x >> 31)) % (uint64_t)n);
}

/* ---- Progress, tables and pictures ---- */

static struct {
    progress_line line;
    double done, total; /* counted in steps of one gate */
    double started;     /* on the clock of now() */
} work;

static void begin_work(double total)
{
    progress_open(&work.line, set.quiet);
    work.total = total;
    work.started = now();
}

static void advance(double amount, const char *what)
{
    char bar[BAR_SIZE];
    work.done += amount;
    if (progress_is_due(&work.line)) {
        progress_bar(bar, work.done / work.total, now() - work.started);
        progress_show(&work.line, "%s, %s", bar, what);
    }
}

/* Opens PREFIX.csv. None of a command's files may be one of its inputs. */
static FILE *open_table(char path[PATH_SIZE], char *const *inputs, int count)
{
    static const char *const endings[] = {"-trained.svg", ".svg", ".csv"};
    for (int i = 0; i < 3; i++) {
        if (snprintf(path, PATH_SIZE, "%s%s", set.out, endings[i]) >= PATH_SIZE)
            fail("--out is longer than %d bytes", PATH_SIZE - 13);
        refuse_to_overwrite(path, inputs, count);
    }
    FILE *table = fopen(path, "w");
    if (!table)
        fail("can't write %s: %s", path, strerror(errno));
    return table;
}

static void close_table(FILE *table, const char *path)
{
    const bool failed = ferror(table) != 0;
    if (fclose(table) != 0 || failed)
        fail("can't write %s", path);
}

/*
 * Draws a grid of panels from a table, with a key below. For gnuplot, `values` sets variables, `panels` draws the
 * panels, and `key` is the plot that has the key's titles.
 */
static void draw_panels(const char *table, const char *ending, int columns, int rows, int width, const char *values,
                        const char *panels, const char *key)
{
    plot p;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s%s.svg", set.out, ending);
    width = 55 + columns * (width + 45);
    const double height = 95 + 215 * rows;
    bool drawn = plot_open(&p, path);
    if (drawn) {
        fprintf(p.gnuplot, "set encoding utf8\nset terminal svg size %d,%g background 'white' font 'sans-serif,12'\n",
                width, height);
        fputs("set output ", p.gnuplot);
        plot_quote(&p, path);
        fputs("\ntable = ", p.gnuplot);
        plot_quote(&p, table);
        fprintf(p.gnuplot,
                "\nset multiplot layout %d,%d margins screen %g,%g,%g,%g spacing screen %g,%g\nset logscale y\n"
                "unset grid\nset datafile missing NaN\n%s"
                /* colours that colour-blind people can tell apart (Okabe and Ito 2008) */
                "colours = '#0072B2 #56B4E9 #009E73 #E69F00 #D55E00 #CC79A7 #000000'\ncells = \"%s\"\n",
                rows, columns, 80.0 / width, 1 - 20.0 / width, 95 / height, 1 - 40 / height, 45.0 / width, 65 / height,
                values, set.cell_items);
        fprintf(p.gnuplot,
                "%sset origin 0,0\nset size 1,1\nset margins screen 0,1,0,1\nunset border\nunset tics\nunset title\n"
                "unset xlabel\nunset ylabel\nset key at screen 0.5,%g center horizontal samplen 2\nplot %s\n",
                panels, 20 / height, key);
        drawn = plot_close(&p);
    }
    printf(drawn ? "picture: %s\n" : "no picture %s, because gnuplot failed; is it installed?\n", path);
    flush_output();
}

/* ---- flow: the gradient against the distance in time ---- */

static const char flow_help[] =
    "usage: gradient_flow flow [TEXT...] [OPTIONS]\n\n"
    "Measures how the gradient of the last step's loss changes on its way back in time, in networks that predict the\n"
    "next byte of a text. Without TEXT it makes one up. Writes PREFIX.csv, PREFIX.svg and PREFIX-trained.svg.\n\n"
    "    --radii LIST         spectral radii of the recurrent weights; default 0.5,0.9,1.1,1.5,2.5\n"
    "    --distance N         steps that the gradient is followed back; default 100\n"
    "    --steps N            steps of training (gradient descent), 0 for none; default 200\n";

enum { BEFORE, CLIPPED, UNCLIPPED, CONDITIONS };
enum { WINDOWS = 8, TRAINED_STEPS = 50, TRAINED_STREAMS = 16, MADE_UP = 100000 };

static const char *const condition_names[CONDITIONS] = {"untrained", "clipped", "unclipped"};

static rnn_source *source; /* the text; NULL: it is made up */
static char made_up[MADE_UP];
static rnn_vocab *vocab;

static void open_text(char *const *paths, int count)
{
    static const char *const words[3][6] = {{"the cat ", "a dog ", "my aunt ", "his goat ", "some owl ", "the king "},
                                            {"sees ", "likes ", "follows ", "forgets ", "finds ", "fears "},
                                            {"the moon. ", "a river. ", "her hat. ", "no rain. ", "us. ", "me. "}};
    uint64_t random = 1;
    if (count > 0) {
        check(rnn_source_open((const char *const *)paths, count, &source));
        check(rnn_vocab_create_from_source(RNN_VOCAB_BYTES, source, &vocab));
        return;
    }
    for (int size = 0, part = 0; size < MADE_UP; part = (part + 1) % 3)
        for (const char *w = words[part][draw(&random, 6)]; *w && size < MADE_UP; w++)
            made_up[size++] = *w;
    check(rnn_vocab_create_from_text(RNN_VOCAB_BYTES, made_up, MADE_UP, &vocab));
}

static rnn_corpus *open_corpus(int64_t steps, int64_t streams)
{
    rnn_corpus *corpus;
    if (source)
        check(rnn_corpus_create_from_source(vocab, source, steps, streams, &corpus));
    else
        check(rnn_corpus_create_from_text(vocab, made_up, MADE_UP, steps, streams, &corpus));
    return corpus;
}

/* Trains a network by gradient descent on the losses of all steps. Returns the mean loss of the last tenth of them. */
static double train(rnn_model *model, const cell *c, double clip)
{
    rnn_corpus *corpus = open_corpus(TRAINED_STEPS, TRAINED_STREAMS);
    rnn_optimizer_options o;
    rnn_optimizer *optimizer;
    rnn_state *state;
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    rnn_status status = RNN_OK;
    double sum = 0;
    const int64_t last = (set.steps + 9) / 10;
    check(rnn_state_create(model, TRAINED_STREAMS, &state));
    check(rnn_optimizer_options_init(&o, sizeof o, RNN_OPTIMIZER_SGD));
    o.learning_rate = set.learning_rate;
    o.clip_norm = clip;
    check(rnn_optimizer_create(model, &o, &optimizer));
    for (int64_t n = 0; n < set.steps; n++) {
        rnn_loss loss = {INFINITY, 1};
        int32_t restarted;
        check(rnn_corpus_next(corpus, &chunk, &restarted));
        if (restarted)
            check(rnn_state_reset(state));
        if (status == RNN_OK)
            status = rnn_forward_backward(model, state, &chunk, &loss);
        if (status == RNN_OK)
            status = rnn_optimizer_step(optimizer, model);
        if (status != RNN_ERROR_NONFINITE) /* after an overflow the network stays as it is, and its loss is infinite */
            check(status);
        if (n >= set.steps - last)
            sum += loss.sum / (double)loss.count;
        advance((double)c->gates, c->name);
    }
    check(rnn_model_zero_gradients(model));
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_corpus_destroy(corpus);
    return sum / (double)last;
}

/*
 * Adds log ||dloss/dh_t|| at each distance from the last step to `logs`, in several windows of the text. Only the last
 * step has a loss. Returns how many windows it has added. logs: [distance + 1]
 */
static int measure(rnn_model *model, int64_t distance, double *logs)
{
    double *norms = allocate((size_t)(distance + 1) * sizeof *norms);
    rnn_corpus *corpus = open_corpus(distance + 1, 1);
    rnn_chunk chunk = {.struct_size = sizeof chunk};
    rnn_state *state;
    int added = 0;
    check(rnn_state_create(model, 1, &state));
    check(rnn_state_observe(state, RNN_OBSERVE_GRADIENT_NORMS));
    for (int w = 0; w < WINDOWS; w++) {
        check(rnn_corpus_next(corpus, &chunk, NULL)); /* this chunk only gives the state a history */
        check(rnn_forward(model, state, &chunk, NULL, 0, NULL));
        check(rnn_corpus_next(corpus, &chunk, NULL));
        chunk.targets += distance;
        chunk.last_only = 1;
        check(rnn_forward_backward(model, state, &chunk, NULL));
        chunk.last_only = 0;
        check(rnn_state_get_gradient_norms(state, 0, norms, distance + 1));
        if (norms[distance] == 0) /* the network is certain, so there is no gradient to follow */
            continue;
        for (int64_t d = 0; d <= distance; d++)
            logs[d] += log(fmin(fmax(norms[distance - d], DBL_MIN), DBL_MAX));
        added++;
    }
    rnn_state_destroy(state);
    rnn_corpus_destroy(corpus);
    free(norms);
    return added;
}

/* Measures networks of one cell and radius under one condition. Adds the means to the table and to a row of text. */
static void measure_networks(const cell *c, double radius, int condition, int64_t distance, FILE *table, char *row)
{
    double *logs = allocate((size_t)(distance + 1) * sizeof *logs), loss = 0, radius_now = 0;
    int windows = 0;
    for (int64_t network = 0; network < set.networks; network++) {
        rnn_model_options o = model_options(c, rnn_vocab_size(vocab), rnn_vocab_size(vocab), network);
        rnn_model *model;
        o.precision = RNN_FLOAT64; /* float32 would lose norms below 1e-38 */
        check(rnn_model_create(&o, &model));
        recurrent_radius(model, c, radius);
        if (condition != BEFORE)
            loss += train(model, c, condition == CLIPPED ? set.clip : 0) / (double)set.networks;
        windows += measure(model, distance, logs);
        radius_now += recurrent_radius(model, c, 0) / (double)set.networks;
        rnn_model_destroy(model);
    }
    for (int64_t d = 0; d <= distance; d++) {
        fprintf(table, "%s,%g,%s,", c->name, radius, condition_names[condition]);
        fprintf(table, condition != BEFORE ? "%.4g," : ",", loss);
        fprintf(table, "%.4g,%lld,", radius_now, (long long)d);
        if (windows > 0)
            fprintf(table, "%.6g,%.6g\n", exp(logs[d] / windows), exp((logs[d] - logs[0]) / windows));
        else
            fputs(",\n", table);
    }
    const double left = exp((logs[distance] - logs[0]) / windows);
    const double trend = exp((logs[distance] - logs[distance / 2]) / windows); /* in the half that is further back */
    if (windows > 0)
        row += sprintf(row, "  %7.0e %-8s", left,
                       trend < 0.1 || left < 1e-100 ? "vanishes"
                       : trend > 10                 ? "explodes"
                                                    : "holds");
    else
        row += sprintf(row, "  %-16s", "      - none");
    if (condition != BEFORE)
        sprintf(row, " %-7.3g", loss);
    free(logs);
}

static const char flow_panels[] =
    "set samples 2\nset mytics 1\nset xrange [0:distance]\nset yrange [1e-14:1e10]\n"
    "do for [k=1:words(conditions)] { do for [c=1:words(cells)] {\n"
    "  set title (k == 1 ? word(cells, c) : '')\n"
    "  set ylabel (c == 1 ? word(conditions, k) : '')\n"
    "  set xlabel (k == words(conditions) ? 'steps before the last' : '')\n"
    "  if (c == 1) { set ytics 1e5 nomirror format '10^{%T}' } else { unset ytics }\n"
    "  if (k == words(conditions)) { set xtics distance / 4 nomirror } else { unset xtics }\n"
    "  plot for [r=1:words(radii)] table skip 1 using (strcol(1) eq word(cells, c) && strcol(2) eq word(radii, r) &&"
    "    strcol(3) eq word(conditions, k) && int($6) % ceil(distance / 20) == 0 ? $6 : NaN):8 with lines linewidth 2"
    "    linecolor rgb word(colours, r) title '', 1 linecolor '#888888' title ''\n"
    "} }\n";
static const char flow_key[] =
    "for [r=1:words(radii)] NaN with lines linewidth 2 linecolor rgb word(colours, r) title 'radius '.word(radii, r)";

static int command_flow(int count, char **arguments)
{
    int64_t distance = 100;
    const char *radii_text = "0.5,0.9,1.1,1.5,2.5";
    char path[PATH_SIZE], values[2 * ITEMS_SIZE];
    const option own[] = {{"--radii", OPTION_TEXT, &radii_text, 0, 0},
                          {"--distance", OPTION_WHOLE, &distance, 2, 10000},
                          {"--steps", OPTION_WHOLE, &set.steps, 0, 1000000}};
    set.hidden = 50;
    set.networks = 2;
    set.steps = 200;
    set.learning_rate = 1;
    set.out = "flow";
    set.forget_biases = "1,5";
    const int texts = read_settings(flow_help, own, 3, count, arguments);
    if (texts < 0)
        return EXIT_SUCCESS;
    const list radii = parse_list("--radii", radii_text, 0.001, 1000);
    const int conditions = set.steps > 0 ? CONDITIONS : 1;
    double gates = 0;
    list_cells();
    open_text(arguments, texts);
    FILE *table = open_table(path, arguments, texts);
    fputs("cell,radius,training,loss,radius_now,distance,norm,relative\n", table);
    for (int c = 0; c < set.cell_count; c++)
        gates += (double)set.cells[c].gates;
    begin_work(gates * (double)radii.count * (conditions - 1) * (double)set.steps * (double)set.networks);
    printf("||dloss/dh_t|| %lld steps before the last, relative to the last; loss: after the training\n",
           (long long)distance);
    printf("%-20s radius  %-16s", "cell", condition_names[BEFORE]);
    for (int k = CLIPPED; k < conditions; k++)
        printf("  %-17sloss   ", condition_names[k]);
    putchar('\n');
    for (int c = 0; c < set.cell_count; c++)
        for (int r = 0; r < radii.count; r++) {
            char row[256] = "";
            for (int k = BEFORE; k < conditions; k++)
                measure_networks(&set.cells[c], radii.values[r], k, distance, table, strchr(row, '\0'));
            progress_clear(&work.line);
            printf("%-20s %6g%s\n", set.cells[c].name, radii.values[r], row);
            flush_output();
            fflush(table);
        }
    close_table(table, path);
    printf("table: %s\n", path);
    for (int k = BEFORE; k < conditions && k <= CLIPPED; k++) { /* a picture before and one after the training */
        snprintf(values, sizeof values, "distance = %lld.\nradii = '%s'\nconditions = '%s'\n", (long long)distance,
                 radii.items, k == BEFORE ? "untrained" : "clipped unclipped");
        draw_panels(path, k == BEFORE ? "" : "-trained", set.cell_count, 1 + k, 190, values, flow_panels, flow_key);
    }
    rnn_vocab_destroy(vocab);
    rnn_source_destroy(source);
    return EXIT_SUCCESS;
}

/* ---- memory: how long a network can remember ---- */

static const char memory_help[] =
    "usage: gradient_flow memory [OPTIONS]\n\n"
    "Trains each cell on sequences of several lengths, until its loss is a tenth of that of a network without memory.\n"
    "Writes PREFIX.csv and PREFIX.svg.\n\n"
    "    adding    add the two marked numbers among N random ones (Hochreiter and Schmidhuber 1997)\n"
    "    copy      repeat symbols after a pause of N steps (Arjovsky et al. 2016)\n\n"
    "    --task NAME          adding, copy or both; default both\n"
    "    --lengths LIST       the values of N; default 5,10,20,50,100\n"
    "    --symbols N          to repeat in the copy task; default 3\n"
    "    --steps N            most steps of training (Adam, 32 sequences); default 2500\n";

enum { ADDING, COPY, TASKS };
enum { ALPHABET = 8, BLANK = ALPHABET, GO, COPY_SYMBOLS, STREAMS = 32, AVERAGED = 50 };

static const char *const task_names[TASKS] = {"adding", "copy"};

static int64_t chunk_steps(int task, int64_t length, int64_t symbols)
{
    return task == ADDING ? length : length + 2 * symbols;
}

/* The loss of a network without memory: it guesses that the sum is 1, or guesses blanks and then any symbols. */
static double baseline(int task, int64_t length, int64_t symbols)
{
    return task == ADDING ? 1.0 / 6 : (double)symbols * log(ALPHABET) / (double)(length + 2 * symbols);
}

/* Pairs of a random number and a mark. One number in each half is marked. values: [T][B][2], sums: [B] */
static void draw_adding(float *values, float *sums, int64_t steps, uint64_t *random)
{
    for (int64_t i = 0; i < steps * STREAMS; i++) {
        values[2 * i] = (float)draw(random, 1 << 24) / (1 << 24);
        values[2 * i + 1] = 0;
    }
    for (int64_t b = 0; b < STREAMS; b++) {
        const int64_t half = steps / 2;
        float *first = values + 2 * (draw(random, half) * STREAMS + b);
        float *second = values + 2 * ((half + draw(random, steps - half)) * STREAMS + b);
        first[1] = second[1] = 1;
        sums[b] = first[0] + second[0];
    }
}

/* Symbols, blanks, a sign to begin, blanks. The targets are blanks and, after the sign, the symbols. [T][B] */
static void draw_copy(int32_t *inputs, int32_t *targets, int64_t steps, int64_t symbols, uint64_t *random)
{
    for (int64_t i = 0; i < steps * STREAMS; i++) {
        inputs[i] = i / STREAMS == steps - symbols - 1 ? GO : BLANK;
        targets[i] = BLANK;
    }
    for (int64_t i = 0; i < symbols * STREAMS; i++)
        inputs[i] = targets[(steps - symbols) * STREAMS + i] = (int32_t)draw(random, ALPHABET);
}

/* Trains a network until it has learned the task. Returns the number of steps, or 0. loss: the mean of the last ones */
static int64_t learn(int task, const cell *c, int64_t length, int64_t symbols, int64_t network, double *loss)
{
    const int64_t steps = chunk_steps(task, length, symbols), window = set.steps < AVERAGED ? set.steps : AVERAGED;
    const size_t positions = (size_t)(steps * STREAMS);
    int32_t *inputs = allocate(positions * sizeof *inputs), *targets = allocate(positions * sizeof *targets);
    float *values = allocate(2 * positions * sizeof *values), sums[STREAMS];
    rnn_chunk chunk = {.struct_size = sizeof chunk, .steps = steps, .streams = STREAMS};
    const bool adding = task == ADDING;
    rnn_model_options o = model_options(c, adding ? 2 : COPY_SYMBOLS, adding ? 1 : COPY_SYMBOLS, network);
    rnn_optimizer_options rule;
    rnn_optimizer *optimizer;
    rnn_model *model;
    rnn_state *state;
    if (adding) {
        o.input = RNN_INPUT_VECTORS;
        o.loss = RNN_LOSS_SQUARED_ERROR;
        chunk.input_vectors = values;
        chunk.target_vectors = sums;
        chunk.last_only = 1;
    } else {
        chunk.inputs = inputs;
        chunk.targets = targets;
    }
    check(rnn_model_create(&o, &model));
    check(rnn_state_create(model, STREAMS, &state));
    check(rnn_optimizer_options_init(&rule, sizeof rule, RNN_OPTIMIZER_ADAM));
    rule.learning_rate = set.learning_rate;
    rule.clip_norm = set.clip;
    check(rnn_optimizer_create(model, &rule, &optimizer));
    uint64_t random = o.seed;
    int64_t learned = 0, n = 0;
    double sum = 0;
    while (n < set.steps && learned == 0) {
        rnn_loss of_chunk;
        if (adding)
            draw_adding(values, sums, steps, &random);
        else
            draw_copy(inputs, targets, steps, symbols, &random);
        check(rnn_state_reset(state));
        check(rnn_forward_backward(model, state, &chunk, &of_chunk));
        check(rnn_optimizer_step(optimizer, model));
        sum += of_chunk.sum / (double)of_chunk.count;
        advance((double)(c->gates * steps), c->name);
        if (++n % window == 0) { /* each step has new sequences, so this is the loss on sequences never seen before */
            *loss = sum / (double)window;
            sum = 0;
            learned = *loss < baseline(task, length, symbols) / 10 ? n : 0;
        }
    }
    advance((double)(c->gates * steps * (set.steps - n)), c->name);
    rnn_optimizer_destroy(optimizer);
    rnn_state_destroy(state);
    rnn_model_destroy(model);
    free(inputs);
    free(targets);
    free(values);
    return learned;
}

static const char memory_panels[] =
    "set logscale x\nset xtics ()\ndo for [n=1:words(lengths)] { set xtics add (word(lengths, n) word(lengths, n)) }\n"
    "set xrange [0.8 * word(lengths, 1):1.25 * word(lengths, words(lengths))]\nset format y '%g'\n"
    "do for [t=1:words(tasks)] { do for [k=1:2] {\n"
    "  set title word(tasks, t).(k == 1 ? ': the loss, relative to the baseline' : ': steps until it is learned')\n"
    "  set xlabel (t == words(tasks) ? 'length' : '')\n"
    "  if (k == 1) { set yrange [0.03:2] } else { set yrange [steps / 50.:1.2 * steps] }\n"
    "  plot for [c=1:words(cells)] table skip 1 using (strcol(1) eq word(tasks, t) && strcol(2) eq word(cells, c) ?"
    "    $3 : NaN):(k == 1 ? column(6) / column(5) : column(7)) smooth unique with linespoints linewidth 2"
    "    pointtype 2 * c + 3 linecolor rgb word(colours, 2 * c - 1) title '', k == 1 ? 1 : NaN linecolor '#888888'"
    "    title '', k == 1 ? 0.1 : NaN dashtype 2 linecolor '#888888' title ''\n"
    "} }\n";
static const char memory_key[] =
    "for [c=1:words(cells)] NaN with linespoints linewidth 2 pointtype 2 * c + 3 linecolor rgb"
    "  word(colours, 2 * c - 1) title word(cells, c)";

static int command_memory(int count, char **arguments)
{
    int64_t symbols = 3;
    const char *task_name = "both", *lengths_text = "5,10,20,50,100";
    char path[PATH_SIZE], values[2 * ITEMS_SIZE];
    const option own[] = {{"--task", OPTION_TEXT, &task_name, 0, 0},
                          {"--lengths", OPTION_TEXT, &lengths_text, 0, 0},
                          {"--symbols", OPTION_WHOLE, &symbols, 1, 1000},
                          {"--steps", OPTION_WHOLE, &set.steps, 1, 10000000}};
    set.hidden = 64;
    set.steps = 2500;
    set.learning_rate = 0.006;
    set.out = "memory";
    set.forget_biases = "1";
    const int operands = read_settings(memory_help, own, 4, count, arguments);
    if (operands < 0)
        return EXIT_SUCCESS;
    if (operands > 0)
        fail("memory reads no text such as %s; see gradient_flow memory --help", arguments[0]);
    const bool both = strcmp(task_name, "both") == 0;
    if (!both && strcmp(task_name, "adding") != 0 && strcmp(task_name, "copy") != 0)
        fail("--task is '%s'; it must be adding, copy or both", task_name);
    const int first = strcmp(task_name, "copy") == 0 ? COPY : ADDING, last = both ? COPY : first;
    const list lengths = parse_list("--lengths", lengths_text, 2, 10000);
    for (int i = 0; i < lengths.count; i++)
        if (lengths.values[i] != floor(lengths.values[i]))
            fail("--lengths is '%s'; its numbers must be whole", lengths_text);
    double total = 0;
    list_cells();
    FILE *table = open_table(path, NULL, 0);
    fputs("task,cell,length,network,baseline,loss,steps_until_learned\n", table);
    for (int task = first; task <= last; task++)
        for (int i = 0; i < lengths.count; i++)
            for (int c = 0; c < set.cell_count; c++)
                total += (double)(set.cells[c].gates * chunk_steps(task, (int64_t)lengths.values[i], symbols));
    begin_work(total * (double)(set.steps * set.networks));
    printf("task   length  cell                  baseline    loss\n");
    for (int task = first; task <= last; task++)
        for (int i = 0; i < lengths.count; i++)
            for (int c = 0; c < set.cell_count; c++)
                for (int64_t network = 0; network < set.networks; network++) {
                    const int64_t length = (int64_t)lengths.values[i];
                    const double guess = baseline(task, length, symbols);
                    double loss = NAN;
                    const int64_t learned = learn(task, &set.cells[c], length, symbols, network, &loss);
                    progress_clear(&work.line);
                    printf("%-6s %6lld  %-20s  %8.4f  %6.4f  ", task_names[task], (long long)length, set.cells[c].name,
                           guess, loss);
                    printf(learned > 0 ? "learned in %lld steps\n" : "not learned\n", (long long)learned);
                    flush_output();
                    fprintf(table, "%s,%s,%lld,%lld,%.6g,%.6g,", task_names[task], set.cells[c].name, (long long)length,
                            (long long)network, guess, loss);
                    fprintf(table, learned > 0 ? "%lld\n" : "\n", (long long)learned);
                    fflush(table); /* a command that is stopped leaves the rows that it has finished */
                }
    close_table(table, path);
    printf("table: %s\n", path);
    snprintf(values, sizeof values, "lengths = '%s'\nsteps = %lld\ntasks = '%s'\n", lengths.items, (long long)set.steps,
             both ? "adding copy" : task_name);
    draw_panels(path, "", 2, last - first + 1, 350, values, memory_panels, memory_key);
    return EXIT_SUCCESS;
}

/* ---- check: the norms against numerical derivatives ---- */

static const char check_help[] = "usage: gradient_flow check\n\n"
                                 "Compares the library's ||dloss/dh_t|| with numerical derivatives.\n";

enum { CHECK_STEPS = 20, CHECK_SYMBOLS = 8, CHECK_HIDDEN = 12 };

/* Returns the loss at the end of a sequence if unit j of h is moved by `shift` after `at` steps. */
static double moved_loss(const rnn_model *model, const rnn_chunk *whole, int64_t at, int64_t j, double shift)
{
    rnn_chunk chunk = *whole;
    rnn_loss loss;
    rnn_state *state;
    double h[CHECK_HIDDEN];
    check(rnn_state_create(model, 1, &state));
    chunk.steps = at;
    check(rnn_forward(model, state, &chunk, NULL, 0, NULL));
    check(rnn_state_get(state, 0, RNN_STATE_HIDDEN, h, CHECK_HIDDEN));
    h[j] += shift;
    check(rnn_state_set(state, 0, RNN_STATE_HIDDEN, h, CHECK_HIDDEN));
    chunk.steps = whole->steps - at;
    chunk.inputs += at;
    check(rnn_forward(model, state, &chunk, NULL, 0, &loss));
    rnn_state_destroy(state);
    return loss.sum;
}

static int command_check(int count, char **arguments)
{
    const double shift = 1e-4;
    int32_t inputs[CHECK_STEPS], target = 0;
    uint64_t random = 1;
    double norms[CHECK_STEPS], worst = 0;
    const command_line line = {"gradient_flow check --help", NULL, 0, NULL, NULL};
    const int operands = read_options(&line, count, arguments, arguments);
    if (operands < 0)
        return fputs(check_help, stdout), flush_output(), EXIT_SUCCESS;
    if (operands > 0)
        fail("check reads no text such as %s; see gradient_flow check --help", arguments[0]);
    set.hidden = CHECK_HIDDEN;
    set.forget_biases = "1";
    list_cells();
    for (int t = 0; t < CHECK_STEPS; t++)
        inputs[t] = (int32_t)draw(&random, CHECK_SYMBOLS);
    const rnn_chunk chunk = {.struct_size = sizeof chunk,
                             .steps = CHECK_STEPS,
                             .streams = 1,
                             .inputs = inputs,
                             .targets = &target,
                             .last_only = 1};
    printf("cell                distance  ||dloss/dh_t||       numerical\n");
    for (int c = 0; c < set.cell_count; c++) {
        rnn_model_options o = model_options(&set.cells[c], CHECK_SYMBOLS, CHECK_SYMBOLS, 0);
        rnn_model *model;
        rnn_state *state;
        o.precision = RNN_FLOAT64;
        check(rnn_model_create(&o, &model));
        recurrent_radius(model, &set.cells[c], 1.2);
        check(rnn_state_create(model, 1, &state));
        check(rnn_state_observe(state, RNN_OBSERVE_GRADIENT_NORMS));
        check(rnn_forward_backward(model, state, &chunk, NULL));
        check(rnn_state_get_gradient_norms(state, 0, norms, CHECK_STEPS));
        for (int distance = 1; distance < CHECK_STEPS; distance *= 2) {
            const int t = CHECK_STEPS - 1 - distance;
            double squares = 0;
            for (int j = 0; j < CHECK_HIDDEN; j++) {
                double rise = moved_loss(model, &chunk, t + 1, j, shift) - moved_loss(model, &chunk, t + 1, j, -shift);
                squares += pow(rise / (2 * shift), 2);
            }
            const double difference = fabs(sqrt(squares) / norms[t] - 1);
            worst = difference <= worst ? worst : difference; /* fmax() would hide NaN */
            printf("%-20s %7d  %14.8e  %14.8e\n", set.cells[c].name, distance, norms[t], sqrt(squares));
        }
        rnn_state_destroy(state);
        rnn_model_destroy(model);
    }
    printf("largest relative difference: %.1e\n", worst);
    flush_output();
    if (!(worst < 1e-6))
        fail("the norms differ from the numerical derivatives by more than a millionth");
    return EXIT_SUCCESS;
}

static const char help[] =
    "usage: gradient_flow COMMAND ARGUMENTS...\n\n"
    "    flow      measure the gradient of the loss against the distance in time\n"
    "    memory    find out how long a network can remember: the copy task and the adding problem\n"
    "    check     compare the measured gradients with numerical derivatives\n\n"
    "Try: gradient_flow flow\nEach command explains itself: gradient_flow flow --help\n";

int main(int argc, char **argv)
{
    static const command commands[] = {{"flow", command_flow}, {"memory", command_memory}, {"check", command_check}};
    return run_command(commands, sizeof commands / sizeof *commands, help, argc, argv);
}
