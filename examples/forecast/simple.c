/* simple.c: the forecasts that a network must beat to be of use, and the measures of all forecasts. */
#include "forecast.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const simple_names[SIMPLE_KINDS] = {"differences only", "naive", "seasonal naive", "Holt-Winters +",
                                                "Holt-Winters x"};

/* ---- Holt-Winters ---- */

/*
 * Exponential smoothing with a trend and, if there is a season, a seasonal part that is added or multiplied (Winters
 * 1960). With the same parameters and the same beginning it gives the same forecasts as HoltWinters() in R.
 */
typedef struct smoothing {
    double alpha, beta, gamma; /* of level, trend and season */
    bool multiplies;
    int64_t season; /* 1: none */
} smoothing;

/* The state after a value. seasonal: [season], by index modulo the season */
typedef struct smooth_state {
    double level, trend, *seasonal;
} smooth_state;

static double seasonal_mean(const double *y, int64_t season)
{
    double sum = 0;
    for (int64_t i = 0; i < season; i++)
        sum += y[i];
    return sum / (double)season;
}

/* Sets the state before the first value, from the first two seasons or ten values. y: [end], with its gaps filled */
static void begin(const smoothing *p, const double *y, int64_t end, smooth_state *state)
{
    const int64_t m = p->season;
    if (m == 1) {
        const int64_t n = end < 10 ? end : 10;
        state->trend = n > 1 ? (y[n - 1] - y[0]) / (double)(n - 1) : 0;
        state->level = y[0] - state->trend;
        state->seasonal[0] = p->multiplies;
        return;
    }
    const double first = seasonal_mean(y, m);
    state->trend = (seasonal_mean(y + m, m) - first) / (double)m;
    state->level = first - state->trend * (double)(m + 1) / 2;
    for (int64_t i = 0; i < m; i++) {
        const double early = state->level + state->trend * (double)(i + 1), late = early + state->trend * (double)m;
        state->seasonal[i] =
            p->multiplies ? (y[i] / early + y[i + m] / late) / 2 : (y[i] - early + y[i + m] - late) / 2;
    }
}

static double forecast_smoothly(const smoothing *p, const smooth_state *state, int64_t t, int64_t h)
{
    const double line = state->level + state->trend * (double)h, seasonal = state->seasonal[(t + h) % p->season];
    return p->multiplies ? line * seasonal : line + seasonal;
}

/* Takes the value y at t. A missing value changes only the level, by the trend. */
static void update(const smoothing *p, double y, int64_t t, smooth_state *state)
{
    const double before = state->level, expected = before + state->trend;
    double *seasonal = &state->seasonal[t % p->season];
    state->level = expected;
    if (isnan(y))
        return;
    const double without = p->multiplies ? y / *seasonal : y - *seasonal;
    state->level += p->alpha * (without - expected);
    state->trend += p->beta * (state->level - before - state->trend);
    if (p->season > 1)
        *seasonal += p->gamma * ((p->multiplies ? y / state->level : y - state->level) - *seasonal);
}

/*
 * Returns the sum of the squared errors, one step ahead, of the values before `end`. filled: [N] without gaps; points:
 * [N][H] the forecasts from each origin, or NULL
 */
static double smooth(const smoothing *p, const double *y, const double *filled, int64_t end, int64_t length,
                     int64_t steps, smooth_state *state, double *points)
{
    double sum = 0;
    begin(p, filled, end, state);
    for (int64_t t = 0; t < (points ? length : end); t++) {
        const double error = y[t] - forecast_smoothly(p, state, t - 1, 1);
        if (t < end && !isnan(error))
            sum += error * error;
        update(p, y[t], t, state);
        for (int64_t h = 1; points && h <= steps; h++)
            points[t * steps + h - 1] = forecast_smoothly(p, state, t, h);
    }
    return isfinite(sum) ? sum : INFINITY;
}

/* Finds the parameters with the least sum of squares: first on a grid, then from the best point in smaller steps. */
static void fit_smoothing(smoothing *p, const double *y, const double *filled, int64_t end, smooth_state *state)
{
    double best = INFINITY;
    smoothing found = *p;
    for (int a = 0; a <= 10; a++)
        for (int b = 0; b <= 10; b++)
            for (int g = 0; g <= (p->season > 1 ? 10 : 0); g++) {
                p->alpha = a / 10.0, p->beta = b / 10.0, p->gamma = g / 10.0;
                const double sum = smooth(p, y, filled, end, end, 0, state, NULL);
                if (sum < best)
                    best = sum, found = *p;
            }
    for (double step = 0.05; step > 0.0005;) {
        bool better = false;
        for (int way = 0; way < 6; way++) {
            *p = found;
            double *value = way / 2 == 0 ? &p->alpha : way / 2 == 1 ? &p->beta : &p->gamma;
            *value = fmin(fmax(*value + (way % 2 ? step : -step), 0), 1);
            const double sum = smooth(p, y, filled, end, end, 0, state, NULL);
            if (sum < best)
                best = sum, found = *p, better = true;
        }
        step = better ? step : step / 2;
    }
    *p = found;
}

static bool forecast_holt_winters(const settings *s, const prepared *p, bool multiplies, double *points)
{
    const double *y = p->source->values;
    const int64_t length = p->source->length, end = p->test_start;
    smoothing form = {.multiplies = multiplies, .season = s->season};
    if (end < 2 * s->season || end < 3 || (multiplies && s->season == 1))
        return false;
    for (int64_t t = 0; multiplies && t < end; t++)
        if (y[t] <= 0)
            return false;
    double *filled = allocate((size_t)length * sizeof *filled);
    for (int64_t t = 0; t < length; t++)
        filled[t] = restore(s, p->z[t]);
    smooth_state state = {.seasonal = allocate((size_t)s->season * sizeof *state.seasonal)};
    fit_smoothing(&form, y, filled, end, &state);
    smooth(&form, y, filled, end, length, s->steps, &state, points);
    free(state.seasonal);
    free(filled);
    return true;
}

/* ---- All kinds ---- */

/* The last known value, or the last known value of the season of t + h */
static double last_value(const double *y, int64_t t, int64_t h, int64_t season)
{
    int64_t at = season > 1 ? t + h - season * ((h + season - 1) / season) : t;
    while (at >= 0 && isnan(y[at]))
        at -= season > 1 ? season : 1;
    return at >= 0 ? y[at] : NAN;
}

static int compare_numbers(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile_of(const double *sorted, int64_t count, double q)
{
    const double at = q * (double)(count - 1);
    const int64_t below = (int64_t)at, above = below + 1 < count ? below + 1 : below;
    return sorted[below] + (at - (double)below) * (sorted[above] - sorted[below]);
}

/*
 * Makes intervals from the errors of the forecasts of values before the test part. With --log or --root these are the
 * errors of the logarithms or roots, unless some forecast has no logarithm.
 */
static void add_intervals(const settings *s, const prepared *p, int64_t from, const double *points, double *low,
                          double *high)
{
    static const settings plain;
    const int64_t length = p->source->length, steps = s->steps;
    const settings *scale = s;
    for (int64_t i = from * steps; i < length * steps; i++)
        scale = s->log && points[i] <= 0 ? &plain : scale;
    double *errors = allocate((size_t)length * sizeof *errors);
    for (int64_t h = 1; h <= steps; h++) {
        int64_t count = 0;
        for (int64_t t = from; t + h < p->test_start; t++) {
            const double y = p->source->values[t + h], f = points[t * steps + h - 1];
            const double error = transform(scale, y) - transform(scale, f);
            if (isfinite(error))
                errors[count++] = error;
        }
        qsort(errors, (size_t)count, sizeof *errors, compare_numbers);
        const double below = count ? quantile_of(errors, count, s->quantile_list[0]) : NAN;
        const double above = count ? quantile_of(errors, count, s->quantile_list[s->quantile_count - 1]) : NAN;
        for (int64_t t = 0; t < length; t++) {
            const int64_t i = t * steps + h - 1;
            low[i] = restore(scale, transform(scale, points[i]) + below);
            high[i] = restore(scale, transform(scale, points[i]) + above);
        }
    }
    free(errors);
}

bool forecast_simply(const settings *s, const prepared *p, simple_kind kind, double *points, double *low, double *high)
{
    const int64_t steps = s->steps;
    if (kind == SIMPLE_ADDITIVE || kind == SIMPLE_MULTIPLICATIVE) {
        if (!forecast_holt_winters(s, p, kind == SIMPLE_MULTIPLICATIVE, points))
            return false;
    } else if ((kind == SIMPLE_DIFFERENCES && s->difference_count == 0) ||
               (kind == SIMPLE_SEASONAL && s->season == 1)) {
        return false;
    } else {
        for (int64_t t = 0; t < p->source->length; t++)
            for (int64_t h = 1; h <= steps; h++) {
                const double base = p->base[t * steps + h - 1];
                points[t * steps + h - 1] =
                    kind == SIMPLE_DIFFERENCES
                        ? restore(s, base)
                        : last_value(p->source->values, t, h, kind == SIMPLE_SEASONAL ? s->season : 1);
            }
    }
    add_intervals(s, p, kind >= SIMPLE_ADDITIVE ? 2 * s->season : 0, points, low, high);
    return true;
}

/* ---- Measures ---- */

double naive_scale(const settings *s, const prepared *p)
{
    const double *y = p->source->values;
    double sum = 0;
    int64_t count = 0;
    for (int64_t t = s->season; t < p->test_start; t++)
        if (!isnan(y[t]) && !isnan(y[t - s->season])) {
            sum += fabs(y[t] - y[t - s->season]);
            count++;
        }
    return count > 0 && sum > 0 ? sum / (double)count : NAN;
}

void measure_add(measure *m, double scale, double actual, double point, double low, double high)
{
    const double error = fabs(actual - point), size = fabs(actual) + fabs(point);
    m->scaled += error / scale;
    m->relative += size > 0 ? 200 * error / size : 0;
    m->squared += error * error;
    m->covered += low <= actual && actual <= high;
    m->width += high - low;
    m->count++;
}

double measure_rmse(const measure *m)
{
    return sqrt(m->squared / (double)m->count);
}

void measure_print(const measure *m, const char *name)
{
    const double n = (double)m->count;
    char scaled[16] = "-"; /* MASE has no value if the series was constant before the test */
    if (isfinite(m->scaled))
        snprintf(scaled, sizeof scaled, "%.4g", m->scaled / n);
    printf("  %-18s %8s %8.4g %10.5g %9.1f %% %10.4g\n", name, scaled, m->relative / n, measure_rmse(m),
           100 * m->covered / n, m->width / n);
}
