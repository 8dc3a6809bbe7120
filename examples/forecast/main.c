/* main.c: the commands of forecast, which trains networks on series of numbers and forecasts with them. */
#include "forecast.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *program_name = "forecast";

/* ---- Files ---- */

static series *read_files(const settings *s, char **paths, int count, int64_t *found)
{
    series *all = NULL;
    *found = 0;
    for (int i = 0; i < count; i++)
        read_series(paths[i], s->columns, s->time, count > 1, &all, found);
    for (int64_t i = 0; i < *found; i++)
        for (int64_t j = 0; j < i; j++)
            if (strcmp(all[i].name, all[j].name) == 0)
                fail("there are two series called '%s'; their names must differ", all[i].name);
    return all;
}

static void release(series *all, prepared *made, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        free(all[i].name);
        free(all[i].values);
        free(made[i].z);
        free(made[i].base);
        free(made[i].center);
        free(made[i].spread);
        free(made[i].margin);
    }
    free(all);
    free(made);
}

static FILE *open_output(const char *path, char **inputs, int count)
{
    refuse_to_overwrite(path, inputs, count);
    FILE *file = fopen(path, "w");
    if (!file)
        fail("can't write %s: %s", path, strerror(errno));
    return file;
}

static void close_output(FILE *file, const char *path)
{
    const bool failed = ferror(file);
    if (fclose(file) != 0 || failed)
        fail("can't write %s: %s", path, strerror(errno));
}

/* Writes a forecast with 8 digits, or with 3 decimals if it is large. */
static void write_forecast(FILE *file, double value)
{
    fprintf(file, fabs(value) >= 1e5 && fabs(value) < 1e15 ? "%.3f" : "%.8g", value);
}

/* Writes a cell, in quotes if it needs them. */
static void write_cell(FILE *file, const char *text)
{
    if (!text[strcspn(text, ",\"\n\r")]) {
        fputs(text, file);
        return;
    }
    putc('"', file);
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (char[]){*text, '\0'}, file);
    putc('"', file);
}

/* ---- Pictures ---- */

/* Writes a row of the picture's data: the place in time, and values that may be NaN. */
static void plot_row(const plot *p, const timeline *time, int64_t index, const double *values, int count)
{
    const double at = time->first + (double)index * time->step;
    fprintf(p->gnuplot, "%.10g", time->unit == TIME_MONTHS ? at / 12 : at);
    for (int k = 0; k < count; k++)
        fprintf(p->gnuplot, isnan(values[k]) ? "," : ",%.12g", values[k]);
    putc('\n', p->gnuplot);
}

static void plot_begin(plot *p, const char *path, const series *s)
{
    if (!plot_open(p, path))
        fail("can't start gnuplot to draw %s: %s", path, strerror(errno));
    if (s->time.unit == TIME_SECONDS)
        fputs("set xdata time\nset timefmt '%s'\nset format x '%Y-%m-%d'\nset xtics rotate by -30\n", p->gnuplot);
    fputs("set key top left\nset ylabel noenhanced ", p->gnuplot);
    plot_quote(p, s->name);
    fputs("\n$data << END\n", p->gnuplot);
}

static void plot_end(plot *p, const char *path, const char *curves)
{
    fprintf(p->gnuplot, "END\nplot $data using 1:3:5 with filledcurves linecolor '#c8dcf5' title 'interval', %s\n",
            curves);
    if (!plot_close(p))
        fail("gnuplot can't draw %s; is it installed, and can the file be written?", path);
}

static const char TEST_CURVES[] = "$data using 1:6 with lines linecolor '#c08000' title 'Holt-Winters', "
                                  "$data using 1:4 with lines linewidth 2 linecolor '#0969da' title 'network', "
                                  "$data using 1:2 with lines linecolor '#303030' title 'actual'";
static const char FUTURE_CURVES[] = "$data using 1:2 with lines linecolor '#303030' title 'known', "
                                    "$data using 1:4 with lines linewidth 2 linecolor '#0969da' title 'forecast'";

/* ---- forecast train ---- */

static void help_train(void)
{
    puts("usage: forecast train FILE.csv... --out MODEL [OPTION...]\n\n"
         "    --out MODEL          the model's file; beside it is a checkpoint\n"
         "    --columns A,B        the series; default: all columns but the time\n"
         "    --time COLUMN        the times: numbers, 1949-01, 1949-01-31 or 1949-01-31 23:59\n"
         "    --season N           rows in a season, such as 12 for months; default 1, none\n"
         "    --log                work with the logarithm\n"
         "    --root               work with the square root\n"
         "    --difference A,B     work with differences to A rows before, and of those to B rows before\n"
         "    --lags A,B           also read the value A rows before the one to forecast, and so on\n"
         "    --level              with differences: also read the value itself\n"
         "    --calendar A,B       also read month, weekday, hour or the row's place in the season\n"
         "    --steps N            how many rows ahead to forecast; default 1\n"
         "    --quantiles A,B,C    default 0.05,0.5,0.95; the first and the last are the interval\n"
         "    --test N             rows at the end that training doesn't see; default a fifth\n"
         "    --validation N       rows before those that choose the best model; default a sixth of the rest\n"
         "    --cell KIND          tanh, gru or lstm; default gru\n"
         "    --hidden N           hidden units; default 32\n"
         "    --layers N           default 1\n"
         "    --updates N          default 600\n"
         "    --window N           rows in which an update learns to remember; default 128\n"
         "    --streams N          windows in an update; default 8\n"
         "    --learning-rate X    at its highest; default 0.003\n"
         "    --weight-decay X     default 0.1\n"
         "    --seed N             another seed, another model; default 1\n"
         "    --threads N          threads to compute with\n"
         "    --resume             go on after a stop, with the same command\n"
         "    --quiet              print only errors");
    flush_output();
}

static int command_train(int count, char **arguments)
{
    settings s = default_settings();
    option o[MOST_SETTINGS + 4];
    const char *path = NULL;
    bool resume = false, quiet = false;
    int64_t threads = 0, found, files;
    int options = list_settings(&s, o);
    o[options++] = (option){"--out", OPTION_TEXT, &path, 0, 0};
    o[options++] = (option){"--threads", OPTION_WHOLE, &threads, 1, 1024};
    o[options++] = (option){"--resume", OPTION_FLAG, &resume, 0, 0};
    o[options++] = (option){"--quiet", OPTION_FLAG, &quiet, 0, 0};
    const command_line line = {"forecast train --help", o, options, NULL, NULL};
    char **paths = allocate((size_t)(count + 1) * sizeof *paths);
    files = read_options(&line, count, arguments, paths);
    if (files < 0) {
        help_train();
        free(paths);
        return EXIT_SUCCESS;
    }
    if (files == 0)
        fail("there is no file of series; see forecast train --help");
    if (!path || !*path)
        fail("train needs --out, the name of the model's file");
    parse_settings(&s);
    check(rnn_set_threads((int32_t)threads));
    char *checkpoint = beside(path, ".checkpoint");
    refuse_to_overwrite(path, paths, (int)files);
    refuse_to_overwrite(checkpoint, paths, (int)files);
    series *all = read_files(&s, paths, (int)files, &found);
    prepared *made = prepare(&s, all, found, NULL);
    if (!quiet)
        for (int64_t i = 0; i < found; i++) {
            char from[LABEL_SIZE], to[LABEL_SIZE], test[LABEL_SIZE];
            format_time(&all[i].time, 0, from);
            format_time(&all[i].time, made[i].training_end, to);
            format_time(&all[i].time, made[i].test_start, test);
            printf("%s: training from %s, %lld rows; validation from %s, %lld; test from %s, %lld\n", all[i].name, from,
                   (long long)made[i].training_end, to, (long long)(made[i].test_start - made[i].training_end), test,
                   (long long)(all[i].length - made[i].test_start));
        }
    train(&s, made, found, path, resume, quiet);
    if (!quiet)
        printf("the best model is in %s\n", path);
    flush_output();
    release(all, made, found);
    free(checkpoint);
    free(paths);
    return EXIT_SUCCESS;
}

/* ---- forecast evaluate ---- */

/* All forecasts of one series, each [N][H] */
typedef struct forecasts {
    double *quantiles; /* [N][H][Q] the network's */
    double *points[SIMPLE_KINDS], *low[SIMPLE_KINDS], *high[SIMPLE_KINDS];
    bool suits[SIMPLE_KINDS];
} forecasts;

static forecasts make_forecasts(const settings *s, const rnn_model *model, const prepared *p)
{
    forecasts f = {.quantiles = run_network(s, model, p)};
    const size_t size = (size_t)(p->source->length * s->steps) * sizeof(double);
    for (int k = 0; k < SIMPLE_KINDS; k++) {
        f.points[k] = allocate(size);
        f.low[k] = allocate(size);
        f.high[k] = allocate(size);
        f.suits[k] = forecast_simply(s, p, (simple_kind)k, f.points[k], f.low[k], f.high[k]);
    }
    return f;
}

static void release_forecasts(forecasts *f)
{
    free(f->quantiles);
    for (int k = 0; k < SIMPLE_KINDS; k++) {
        free(f->points[k]);
        free(f->low[k]);
        free(f->high[k]);
    }
}

/* The measures of the network and of each simple kind, one step ahead and over all steps */
typedef struct scores {
    measure network[2], simple[2][SIMPLE_KINDS];
    bool suits[SIMPLE_KINDS];
} scores;

/* Measures the forecasts of the test part from each origin before and in it. */
static void score(const settings *s, const prepared *p, const forecasts *f, scores *all)
{
    const double scale = naive_scale(s, p), *y = p->source->values;
    const int last = s->quantile_count - 1;
    for (int k = 0; k < SIMPLE_KINDS; k++)
        all->suits[k] = all->suits[k] && f->suits[k];
    for (int64_t t = p->test_start - 1; t < p->source->length; t++)
        for (int64_t h = 1; h <= s->steps && t + h < p->source->length; h++) {
            const int64_t i = t * s->steps + h - 1;
            const double *q = f->quantiles + i * s->quantile_count;
            if (isnan(y[t + h]))
                continue;
            for (int part = h > 1; part < 2; part++) { /* 0: one step ahead */
                measure_add(&all->network[part], scale, y[t + h], q[median_index(s)], q[0], q[last]);
                for (int k = 0; k < SIMPLE_KINDS; k++)
                    if (f->suits[k])
                        measure_add(&all->simple[part][k], scale, y[t + h], f->points[k][i], f->low[k][i],
                                    f->high[k][i]);
            }
        }
}

/* Prints the table, and in a sentence how the network compares with the best simple forecast. */
static void print_scores(const scores *all, const char *name, const settings *s, int part, bool by_scale)
{
    int best = -1;
    double least = INFINITY;
    if (part == 0)
        printf("\n%s, 1 step ahead: %lld forecasts\n", name, (long long)all->network[0].count);
    else
        printf("\n%s, 1 to %lld steps ahead: %lld forecasts\n", name, (long long)s->steps,
               (long long)all->network[1].count);
    printf("  %-18s %8s %8s %10s %11s %10s\n", "", "MASE", "sMAPE", "RMSE", "in interval", "its width");
    measure_print(&all->network[part], "network");
    for (int k = 0; k < SIMPLE_KINDS; k++) {
        const measure *m = &all->simple[part][k];
        if (!all->suits[k])
            continue;
        measure_print(m, simple_names[k]);
        const double error = by_scale ? m->scaled / (double)m->count : measure_rmse(m);
        if (error < least)
            least = error, best = k;
    }
    const measure *m = &all->network[part];
    const double own = by_scale ? m->scaled / (double)m->count : measure_rmse(m), change = 100 * (own / least - 1);
    if (best >= 0 && least > 0)
        printf("The network's %s is %.1f %% %s that of the best simple forecast, %s.\n", by_scale ? "MASE" : "RMSE",
               fabs(change), change < 0 ? "below" : "above", simple_names[best]);
}

static void write_header(FILE *file, const settings *s, const char *last)
{
    fputs("series,", file);
    write_cell(file, s->time ? s->time : "row");
    fputs(last, file);
    for (int k = 0; k < s->quantile_count; k++)
        fprintf(file, ",%g", s->quantile_list[k]);
}

static void write_forecasts(FILE *file, const settings *s, const prepared *p, const forecasts *f)
{
    for (int64_t t = p->test_start - 1; t < p->source->length; t++)
        for (int64_t h = 1; h <= s->steps && t + h < p->source->length; h++) {
            const int64_t i = t * s->steps + h - 1;
            char label[LABEL_SIZE];
            format_time(&p->source->time, t + h, label);
            write_cell(file, p->source->name);
            fprintf(file, ",%s,%lld,", label, (long long)h);
            if (!isnan(p->source->values[t + h]))
                fprintf(file, "%.15g", p->source->values[t + h]);
            for (int k = 0; k < s->quantile_count; k++) {
                putc(',', file);
                write_forecast(file, f->quantiles[i * s->quantile_count + k]);
            }
            for (int k = 0; k < SIMPLE_KINDS; k++) {
                putc(',', file);
                if (f->suits[k] && !isnan(f->points[k][i]))
                    write_forecast(file, f->points[k][i]);
            }
            putc('\n', file);
        }
}

/* Draws the forecasts of the test part that were made `step` steps ahead. */
static void draw_test(const char *path, const settings *s, const prepared *p, const forecasts *f, int64_t step)
{
    const int last = s->quantile_count - 1;
    const simple_kind peer = f->suits[SIMPLE_MULTIPLICATIVE] ? SIMPLE_MULTIPLICATIVE : SIMPLE_ADDITIVE;
    plot picture;
    plot_begin(&picture, path, p->source);
    for (int64_t t = p->test_start - 1; t + step < p->source->length; t++) {
        const int64_t i = t * s->steps + step - 1;
        const double *q = f->quantiles + i * s->quantile_count;
        const double row[] = {p->source->values[t + step], q[0], q[median_index(s)], q[last],
                              f->suits[peer] ? f->points[peer][i] : NAN};
        plot_row(&picture, &p->source->time, t + step, row, 5);
    }
    plot_end(&picture, path, TEST_CURVES);
}

static void help_evaluate(void)
{
    puts("usage: forecast evaluate MODEL FILE.csv... [OPTION...]\n\n"
         "Forecasts the test part from each row before and in it, and compares the forecasts with simple ones.\n\n"
         "    --csv FILE     write all forecasts\n"
         "    --plot FILE    draw those of the first series as SVG, with gnuplot\n"
         "    --step N       draw the forecasts of N rows ahead; default 1\n"
         "    --each         also print a table for each of several series");
    flush_output();
}

static int command_evaluate(int count, char **arguments)
{
    const char *csv = NULL, *picture = NULL;
    bool each = false;
    int64_t step = 1, found, tested = 0;
    settings s;
    scores total = {0};
    FILE *file = NULL;
    const option o[] = {{"--csv", OPTION_TEXT, &csv, 0, 0},
                        {"--plot", OPTION_TEXT, &picture, 0, 0},
                        {"--step", OPTION_WHOLE, &step, 1, 10000},
                        {"--each", OPTION_FLAG, &each, 0, 0}};
    const command_line line = {"forecast evaluate --help", o, sizeof o / sizeof *o, NULL, NULL};
    char **paths = allocate((size_t)(count + 1) * sizeof *paths);
    const int files = read_options(&line, count, arguments, paths);
    if (files < 0) {
        help_evaluate();
        free(paths);
        return EXIT_SUCCESS;
    }
    if (files < 2)
        fail("evaluate needs a model and a file of series; see forecast evaluate --help");
    rnn_model *model = load_model(paths[0], &s);
    if (step > s.steps)
        fail("--step is %lld, but %s forecasts %lld steps", (long long)step, paths[0], (long long)s.steps);
    series *all = read_files(&s, paths + 1, files - 1, &found);
    prepared *made = prepare(&s, all, found, model);
    for (int64_t i = 0; i < found; i++)
        tested += all[i].length - made[i].test_start;
    if (tested == 0)
        fail("there is no test part; train with --test N, or give files that go on after the training part");
    if (picture)
        refuse_to_overwrite(picture, paths, files);
    if (csv && picture && strcmp(csv, picture) == 0)
        fail("--csv and --plot have the same name, %s", csv);
    if (csv) {
        file = open_output(csv, paths, files);
        write_header(file, &s, ",step,actual");
        for (int k = 0; k < SIMPLE_KINDS; k++)
            fprintf(file, ",%s", simple_names[k]);
        putc('\n', file);
    }
    memset(total.suits, true, sizeof total.suits);
    for (int64_t i = 0; i < found; i++) {
        forecasts f = make_forecasts(&s, model, &made[i]);
        scores own = {0};
        memset(own.suits, true, sizeof own.suits);
        score(&s, &made[i], &f, &own);
        score(&s, &made[i], &f, &total);
        if (each && found > 1 && own.network[0].count > 0)
            for (int part = 0; part < 1 + (s.steps > 1); part++)
                print_scores(&own, all[i].name, &s, part, false);
        if (file)
            write_forecasts(file, &s, &made[i], &f);
        if (picture && i == 0)
            draw_test(picture, &s, &made[i], &f, step);
        release_forecasts(&f);
    }
    if (file)
        close_output(file, csv);
    for (int part = 0; part < 1 + (s.steps > 1); part++)
        print_scores(&total, found > 1 ? "all series" : all[0].name, &s, part, found > 1);
    printf("The intervals should hold %g %% of the values.\n",
           100 * (s.quantile_list[s.quantile_count - 1] - s.quantile_list[0]));
    flush_output();
    release(all, made, found);
    rnn_model_destroy(model);
    free(paths);
    return EXIT_SUCCESS;
}

/* ---- forecast predict ---- */

static void draw_future(const char *path, const settings *s, const prepared *p, const double *q, int64_t steps)
{
    const int64_t length = p->source->length, wanted = s->season * 3 > steps * 4 ? s->season * 3 : steps * 4;
    const int64_t shown = wanted < 24 ? 24 : wanted;
    plot picture;
    plot_begin(&picture, path, p->source);
    for (int64_t t = length > shown ? length - shown : 0; t < length; t++) {
        const double value = p->source->values[t], joint = t == length - 1 ? value : NAN;
        plot_row(&picture, &p->source->time, t, (const double[]){value, joint, joint, joint}, 4);
    }
    for (int64_t h = 0; h < steps; h++, q += s->quantile_count)
        plot_row(&picture, &p->source->time, length + h,
                 (const double[]){NAN, q[0], q[median_index(s)], q[s->quantile_count - 1]}, 4);
    plot_end(&picture, path, FUTURE_CURVES);
}

static void help_predict(void)
{
    puts("usage: forecast predict MODEL FILE.csv... [OPTION...]\n\n"
         "Prints a table in CSV of the values after each series' last one: a column for each quantile.\n\n"
         "    --steps N      rows ahead, at most as many as in training; default: as many\n"
         "    --plot FILE    draw the forecast of the first series as SVG, with gnuplot");
    flush_output();
}

static int command_predict(int count, char **arguments)
{
    const char *picture = NULL;
    int64_t steps = 0, found;
    settings s;
    const option o[] = {{"--steps", OPTION_WHOLE, &steps, 1, 10000}, {"--plot", OPTION_TEXT, &picture, 0, 0}};
    const command_line line = {"forecast predict --help", o, sizeof o / sizeof *o, NULL, NULL};
    char **paths = allocate((size_t)(count + 1) * sizeof *paths);
    const int files = read_options(&line, count, arguments, paths);
    if (files < 0) {
        help_predict();
        free(paths);
        return EXIT_SUCCESS;
    }
    if (files < 2)
        fail("predict needs a model and a file of series; see forecast predict --help");
    rnn_model *model = load_model(paths[0], &s);
    if (steps > s.steps)
        fail("--steps is %lld, but %s forecasts %lld; train a model with more --steps", (long long)steps, paths[0],
             (long long)s.steps);
    steps = steps > 0 ? steps : s.steps;
    if (picture)
        refuse_to_overwrite(picture, paths, files);
    series *all = read_files(&s, paths + 1, files - 1, &found);
    prepared *made = prepare(&s, all, found, model);
    write_header(stdout, &s, ",step");
    putchar('\n');
    for (int64_t i = 0; i < found; i++) {
        double *quantiles = run_network(&s, model, &made[i]);
        const double *q = quantiles + (all[i].length - 1) * s.steps * s.quantile_count;
        for (int64_t h = 0; h < steps; h++) {
            char label[LABEL_SIZE];
            format_time(&all[i].time, all[i].length + h, label);
            write_cell(stdout, all[i].name);
            printf(",%s,%lld", label, (long long)h + 1);
            for (int k = 0; k < s.quantile_count; k++) {
                putchar(',');
                write_forecast(stdout, q[h * s.quantile_count + k]);
            }
            putchar('\n');
        }
        if (picture && i == 0)
            draw_future(picture, &s, &made[i], q, steps);
        free(quantiles);
    }
    flush_output();
    release(all, made, found);
    rnn_model_destroy(model);
    free(paths);
    return EXIT_SUCCESS;
}

/* ---- forecast make ---- */

static double mackey_glass(double x, double delayed)
{
    return 0.2 * delayed / (1 + pow(delayed, 10)) - 0.1 * x;
}

static void help_make(void)
{
    puts("usage: forecast make mackey-glass [OPTION...]\n\n"
         "Prints a series in CSV of x' = 0.2 x(t - tau) / (1 + x(t - tau)^10) - 0.1 x (Mackey and Glass 1977), "
         "computed\n"
         "with the Runge-Kutta method of order 4 in steps of 0.1. It begins with x = 1.2, and the first 1000 units of\n"
         "time are left out.\n\n"
         "    --length N    rows; default 1500\n"
         "    --every N     units of time from row to row; default 6\n"
         "    --tau N       the delay; default 17");
    flush_output();
}

static int command_make(int count, char **arguments)
{
    enum { PARTS = 10, LEFT_OUT = 1000 }; /* steps in a unit of time */
    int64_t length = 1500, every = 6, tau = 17;
    const option o[] = {{"--length", OPTION_WHOLE, &length, 1, 1000000},
                        {"--every", OPTION_WHOLE, &every, 1, 1000},
                        {"--tau", OPTION_WHOLE, &tau, 1, 1000}};
    const command_line line = {"forecast make --help", o, sizeof o / sizeof *o, NULL, NULL};
    char **operands = allocate((size_t)(count + 1) * sizeof *operands);
    const int operand_count = read_options(&line, count, arguments, operands);
    if (operand_count < 0) {
        help_make();
        free(operands);
        return EXIT_SUCCESS;
    }
    if (operand_count != 1 || strcmp(operands[0], "mackey-glass") != 0)
        fail("make needs the name of a series, mackey-glass; see forecast make --help");
    const int64_t delay = tau * PARTS;
    double *past = allocate((size_t)(delay + 1) * sizeof *past), x = 1.2; /* a ring: [step % (delay + 1)] */
    for (int64_t i = 0; i <= delay; i++)
        past[i] = x;
    puts("t,x");
    for (int64_t k = 0, row = 0; row < length; k++) {
        if (k % (every * PARTS) == 0 && k >= (int64_t)LEFT_OUT * PARTS)
            printf("%lld,%.6f\n", (long long)(every * row++), x);
        const double dt = 1.0 / PARTS, then = past[(k + 1) % (delay + 1)], soon = past[(k + 2) % (delay + 1)];
        const double between = (then + soon) / 2;
        const double a = mackey_glass(x, then), b = mackey_glass(x + dt / 2 * a, between);
        const double c = mackey_glass(x + dt / 2 * b, between), d = mackey_glass(x + dt * c, soon);
        x += dt / 6 * (a + 2 * b + 2 * c + d);
        past[(k + 1) % (delay + 1)] = x;
    }
    flush_output();
    free(past);
    free(operands);
    return EXIT_SUCCESS;
}

/* ---- Commands ---- */

static const char help[] =
    "usage: forecast COMMAND ARGUMENTS...\n\n"
    "    train      train a model on series from CSV files\n"
    "    evaluate   compare a model's forecasts with simple ones\n"
    "    predict    forecast the values to come\n"
    "    make       make a series to try it with\n\n"
    "Try: forecast train passengers.csv --time month --season 12 --log --difference 1,12 --out model.safetensors\n"
    "Each command explains itself: forecast train --help\n";

int main(int argc, char **argv)
{
    static const command commands[] = {
        {"train", command_train}, {"evaluate", command_evaluate}, {"predict", command_predict}, {"make", command_make}};
    return run_command(commands, sizeof commands / sizeof *commands, help, argc, argv);
}
