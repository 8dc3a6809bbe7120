/* bayes.c: naive Bayes of the trigrams of code points, to compare the network with. */
#include "classify.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Writes a number for each trigram of a text between two marks at its start and one at its end. Returns how many. */
static int64_t find_trigrams(const rnn_vocab *vocab, const char *text, int64_t *trigrams)
{
    int32_t *ids = allocate((strlen(text) + 3) * sizeof *ids);
    const int64_t mark = rnn_vocab_size(vocab), base = mark + 1;
    int64_t count;
    check(rnn_vocab_encode(vocab, text, strlen(text), ids + 2, (int64_t)strlen(text), &count));
    ids[0] = ids[1] = ids[count + 2] = (int32_t)mark;
    for (int64_t n = 0; n <= count; n++)
        trigrams[n] = (ids[n] * base + ids[n + 1]) * base + ids[n + 2];
    free(ids);
    return count + 1;
}

double measure_naive_bayes(const classifier *c, const examples *all, int measured, double *smoothing)
{
    static const double smoothings[] = {0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3};
    enum { CHOICES = sizeof smoothings / sizeof *smoothings };
    size_t room = 0, longest = 0;
    int64_t used = 0, known = 0, right[CHOICES][PARTS] = {{0}}, counts[PARTS] = {0}, best = 0;
    rnn_vocab *vocab = create_vocab(all, false);
    for (int64_t n = 0; n < all->count; n++) {
        size_t size = strlen(all->each[n].text) + 1;
        room += size;
        longest = size > longest ? size : longest;
    }
    int64_t *trigrams = allocate(room * sizeof *trigrams), *of_line = allocate(longest * sizeof *of_line);
    for (int64_t n = 0; n < all->count; n++)
        if (all->each[n].part == TRAINING)
            used += find_trigrams(vocab, all->each[n].text, trigrams + used);
    qsort(trigrams, (size_t)used, sizeof *trigrams, compare_numbers);
    for (int64_t n = 0; n < used; n++)
        if (n == 0 || trigrams[n] != trigrams[known - 1])
            trigrams[known++] = trigrams[n];

    /* The last row of counts, zeros, is for trigrams that don't occur in training. */
    double *each = allocate((size_t)((known + 1) * c->classes) * sizeof *each);
    double *sums = allocate((size_t)c->classes * sizeof *sums), *lines = allocate((size_t)c->classes * sizeof *lines);
    double *score = allocate((size_t)c->classes * sizeof *score);
    for (int part = TRAINING; part <= measured; part++)
        for (int64_t n = 0; n < all->count; n++) {
            if (all->each[n].part != part)
                continue;
            int64_t class = all->each[n].class, size = find_trigrams(vocab, all->each[n].text, of_line);
            counts[part]++;
            for (int64_t k = 0; k < size; k++) {
                int64_t *place = bsearch(&of_line[k], trigrams, (size_t)known, sizeof *trigrams, compare_numbers);
                of_line[k] = place ? place - trigrams : known;
                if (part == TRAINING)
                    each[of_line[k] * c->classes + class]++;
            }
            lines[class] += part == TRAINING;
            sums[class] += part == TRAINING ? (double)size : 0;
            for (int s = 0; s < CHOICES && part != TRAINING; s++) {
                for (int64_t j = 0; j < c->classes; j++) {
                    score[j] = log(lines[j]) - (double)size * log(sums[j] + smoothings[s] * (double)(known + 1));
                    for (int64_t k = 0; k < size; k++)
                        score[j] += log(each[of_line[k] * c->classes + j] + smoothings[s]);
                }
                right[s][part] += most_probable(score, c->classes) == class;
            }
        }
    for (int64_t s = 1; s < CHOICES; s++)
        best = right[s][VALIDATION] > right[best][VALIDATION] ? s : best;
    *smoothing = smoothings[best];
    rnn_vocab_destroy(vocab);
    free(trigrams);
    free(of_line);
    free(each);
    free(sums);
    free(lines);
    free(score);
    return (double)right[best][measured] / (double)counts[measured];
}
