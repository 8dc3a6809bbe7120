/*
 * exported_check.c: runs a model that rnn_export has written as net.c, and compares it with what the library computed,
 * which is in expected.h. tests/rnn_export.sh compiles it, also for a processor without an operating system: so it uses
 * no library. The status is 0, or says which check failed. TOLERANCE is the largest difference of an output.
 */
#define net_DECLARATIONS
#include "net.c"

#include "expected.h"

int check_model(void);

static net_state state;
static float output[OUTPUTS], last[OUTPUTS];

static double exp_of(double x) /* x <= 0 */
{
    double y;
    x /= 4096;
    y = 1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4)));
    for (int i = 0; i < 12; i++)
        y *= y;
    return y;
}

static double log_of(double x) /* x >= 1 */
{
    double sum = 0, power, square;
    for (; x >= 2; x /= 2)
        sum += 0.69314718055994531;
    power = 2 * (x - 1) / (x + 1);
    square = (x - 1) / (x + 1) * ((x - 1) / (x + 1));
    for (int n = 1; n < 30; n += 2) {
        sum += power / n;
        power *= square;
    }
    return sum;
}

static double loss_of(const float *logits, int32_t target)
{
    double most = (double)logits[0], sum = 0;
    for (int32_t i = 1; i < OUTPUTS; i++)
        most = (double)logits[i] > most ? (double)logits[i] : most;
    for (int32_t i = 0; i < OUTPUTS; i++)
        sum += exp_of((double)logits[i] - most);
    return log_of(sum) + most - (double)logits[target];
}

static void step(int32_t t, float *out)
{
#ifdef VECTORS
    net_step(&state, inputs + t * INPUTS, out);
#else
    net_step(&state, inputs[t], out);
#endif
}

int check_model(void)
{
    double loss = 0;
    net_reset(&state);
    for (int32_t t = 0; t < STEPS; t++) {
        step(t, output);
        for (int32_t i = 0; i < OUTPUTS; i++) {
            double difference = (double)output[i] - (double)expected[t * OUTPUTS + i];
            if (!(difference < TOLERANCE && -difference < TOLERANCE))
                return 1;
        }
        loss += HAS_LOSS ? loss_of(output, targets[t]) : 0;
    }
    /* Within 1 % */
    if (HAS_LOSS && !(loss < 1.01 * expected_loss && loss > 0.99 * expected_loss))
        return 2;

    /* A second stream in the same state, of which only the last outputs are wanted, is the same. */
    net_reset(&state);
    for (int32_t t = 0; t < STEPS; t++)
        step(t, t < STEPS - 1 ? (float *)0 : last);
    for (int32_t i = 0; i < OUTPUTS; i++)
        if (last[i] != output[i])
            return 3;
    return 0;
}

#if __STDC_HOSTED__
int main(void)
{
    return check_model();
}
#endif
