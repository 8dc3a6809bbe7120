/*
 * forecast.h: declarations that the files of forecast share.
 *
 * main.c has the commands, and settings.c the options of training. table.c reads series from CSV files. network.c
 * prepares the series, trains the network and runs it. simple.c has the simple forecasts that the network must beat,
 * and the measures of both.
 *
 * Letters in the comments: a series has N values. A forecast at origin t knows the values up to t. It has H steps, and
 * step h is for the value at t + h. The network gives Q quantiles for each step.
 */
#ifndef FORECAST_H
#define FORECAST_H

#include "../common/common.h"

enum { MOST_QUANTILES = 9, MOST_LIST = 16, LABEL_SIZE = 40 };

/* ---- Series ---- */

typedef enum time_unit { TIME_ROWS, TIME_NUMBERS, TIME_MONTHS, TIME_SECONDS } time_unit;

/* The times of a series. They advance by equal steps, so those of the future are known as well. */
typedef struct timeline {
    time_unit unit;
    double first, step; /* in the unit; months and seconds count from the year 0 and from 1970 */
    int day;            /* of months: the day in each date; 0: dates without a day */
    int clock;          /* of seconds: 0 for dates, else the number of parts of the time, 2 or 3 */
} timeline;

typedef struct series {
    char *name;
    timeline time;
    int64_t length; /* N, without the missing values at both ends */
    double *values; /* [N] NaN: missing */
} series;

/* Appends the series of a CSV file. Columns: a list with commas; NULL: all but the time column. */
void read_series(const char *path, const char *columns, const char *time, bool with_path, series **all, int64_t *count);
void format_time(const timeline *line, int64_t index, char label[LABEL_SIZE]);

/* Returns the parts of the time of a value: 0 month (0 to 11), 1 weekday (Sunday is 0), 2 hour. */
int time_part(const timeline *line, int64_t index, int part);

/* ---- Settings: they are kept in the model's notes ---- */

typedef struct settings {
    const char *columns, *time, *difference, *lags, *calendar, *quantiles, *cell; /* as on the command line */
    int64_t season, steps, validation, test, hidden, layers, updates, window, streams, seed;
    double learning_rate, weight_decay;
    bool log, root, level;

    /* Parsed */
    int64_t differences[MOST_LIST], lag_list[MOST_LIST];
    int difference_count, lag_count, quantile_count, calendar_parts[MOST_LIST], calendar_count;
    double quantile_list[MOST_QUANTILES];
    int64_t reach;  /* D: the number of earlier values that the differences need */
    int64_t inputs; /* I: the number of inputs of the network */
} settings;

enum { CALENDAR_SEASON = 3 };
extern const char *const calendar_names[4];

enum { MOST_SETTINGS = 24 };

settings default_settings(void);

/* Lists the settings as options. Returns their number. Their values are in `s`. */
int list_settings(settings *s, option o[MOST_SETTINGS]);

/* Checks the settings and computes those that follow from others. */
void parse_settings(settings *s);

/* The key of a note, to free() */
char *note_key(const char *name);
void write_settings(const settings *s, rnn_model *model);

/* Fails if a setting differs from the one in the model's notes. */
void compare_settings(const settings *s, const rnn_model *model, const char *path);

/* Returns whether the model's inputs and outputs are those of the settings. */
bool model_fits(const rnn_model *model, const settings *s);

/* Loads a model of forecast train and its settings, which point into the model's notes. */
rnn_model *load_model(const char *path, settings *s);

/* ---- Network ---- */

/* A series as the network sees it. z is the value, its logarithm or its root. */
typedef struct prepared {
    const series *source;
    double *z;               /* [N] gaps are filled */
    double *base;            /* [N][H] the forecasts of z if all later differences are 0; NaN before origin D - 1 */
    double mean, deviation;  /* of z in the training part */
    double *center, *spread; /* [H] of z - base in the training part */
    double *margin;          /* [H] by which the interval is widened, in spreads */
    int64_t training_end, test_start;
} prepared;

/* Prepares series. If `model` isn't NULL, the scaling comes from its notes. */
prepared *prepare(const settings *s, const series *all, int64_t count, const rnn_model *model);
void train(const settings *s, prepared *all, int64_t count, const char *path, bool resume, bool quiet);

/* Runs the network over a series. quantiles: [N][H][Q] in the units of the series, NaN where there is no forecast */
double *run_network(const settings *s, const rnn_model *model, const prepared *p);

/* z of a value, and back */
double transform(const settings *s, double y);
double restore(const settings *s, double z);

/* The median's place in the list of quantiles */
int median_index(const settings *s);
char *beside(const char *path, const char *ending);

/* ---- Simple forecasts ---- */

typedef enum simple_kind {
    SIMPLE_DIFFERENCES,
    SIMPLE_NAIVE,
    SIMPLE_SEASONAL,
    SIMPLE_ADDITIVE,
    SIMPLE_MULTIPLICATIVE,
    SIMPLE_KINDS
} simple_kind;

extern const char *const simple_names[SIMPLE_KINDS];

/*
 * Makes the forecasts of one kind from each origin, with parameters that fit the values before the test part. Returns
 * false if the kind doesn't suit the series. points: [N][H]; low, high: [N][H] the interval, from the quantiles of the
 * errors before the test part
 */
bool forecast_simply(const settings *s, const prepared *p, simple_kind kind, double *points, double *low, double *high);

/* Sums for the measures of one kind of forecast. See measure_print(). */
typedef struct measure {
    double scaled, relative, squared, covered, width;
    int64_t count;
} measure;

/* Returns the scale of MASE: the mean absolute error of the (seasonal) naive forecast before the test part. */
double naive_scale(const settings *s, const prepared *p);
void measure_add(measure *m, double scale, double actual, double point, double low, double high);
double measure_rmse(const measure *m);
void measure_print(const measure *m, const char *name);

#endif
