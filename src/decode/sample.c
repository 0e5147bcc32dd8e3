/* Tokens are filtered as in transformers: temperature, then top-k (Fan, Lewis and Dauphin, 2018), then top-p (Holtzman et
 * al., 2020), then min-p (Nguyen et al., 2024), then typical-p (Meister et al., 2023), then the cutoffs epsilon and eta
 * (Hewitt, Manning and Liang, 2022). The random number is a function of the seed, the text's number and the
 * token's position in the text. Ties go to the lower id. */
#include "decode/sample.h"

#include "base/real.h"

#include <math.h>
#include <stdlib.h>

static int by_logit(const void *a, const void *b) {
    const hd_sample_choice *x = a, *y = b;
    if (x->logit != y->logit) return x->logit > y->logit ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

static int by_distance(const void *a, const void *b) {
    const hd_sample_choice *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance) return x->distance < y->distance ? -1 : 1;
    return (x->token > y->token) - (x->token < y->token);
}

/* Sets the weights of candidate tokens, of which the improbable ones are dropped. Returns how many are left; *total is the
 * sum of their weights. */
static int64_t weigh(hd_sample_choice *choices, int64_t count, float temperature, double *total) {
    float largest = -INFINITY;
    for (int64_t i = 0; i < count; i++) largest = choices[i].logit > largest ? choices[i].logit : largest;
    int64_t kept = 0;
    *total = 0;
    for (int64_t i = 0; i < count; i++) {
        double below = ((double)choices[i].logit - (double)largest) / (double)temperature;
        if (!(below >= -40)) continue; /* too improbable to be sampled */
        choices[kept] = (hd_sample_choice){choices[i].logit, choices[i].token, hd_exponential(below), 0};
        *total += choices[kept++].weight;
    }
    return kept;
}

/* Drops tokens of less weight than `least` before sorting. */
static int64_t drop_unlikely(hd_sample_choice *choices, int64_t count, double least) {
    int64_t kept = 0;
    for (int64_t i = 0; i < count; i++)
        if (choices[i].weight >= least) choices[kept++] = choices[i];
    return kept;
}

static double sum_of(const hd_sample_choice *choices, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += choices[i].weight;
    return sum;
}

/* The number of most probable tokens that together have this weight; at least one. */
static int64_t cut_at(const hd_sample_choice *choices, int64_t count, double enough) {
    double sum = 0;
    int64_t kept = 0;
    while (kept < count && (kept == 0 || sum < enough)) sum += choices[kept++].weight;
    return kept;
}

/* Tokens that top-k keeps: with the last of them its equals. */
static int64_t keep_top(const hd_sample_choice *choices, int64_t count, int64_t top) {
    int64_t kept = hd_min(top, count);
    while (kept < count && !(choices[kept].logit < choices[kept - 1].logit)) kept++;
    return kept;
}

/* −Σ p log p */
static double entropy_of(const hd_sample_choice *choices, int64_t count, double total) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) {
        double p = choices[i].weight / total;
        sum -= p * hd_logarithm(p);
    }
    return sum;
}

/* Keeps the tokens of the most typical information that together have this probability. */
static int64_t keep_typical(hd_sample_choice *choices, int64_t count, double mass) {
    double total = sum_of(choices, count), entropy = entropy_of(choices, count, total), sum = 0;
    for (int64_t i = 0; i < count; i++) choices[i].distance = fabs(-hd_logarithm(choices[i].weight / total) - entropy);
    qsort(choices, (size_t)count, sizeof *choices, by_distance);
    int64_t kept = 0;
    while (kept < count && (sum += choices[kept].weight) < mass * total) kept++;
    kept = hd_min(kept + 1, count);
    while (kept < count && !(choices[kept].distance > choices[kept - 1].distance)) kept++;
    qsort(choices, (size_t)kept, sizeof *choices, by_logit);
    return kept;
}

/* Keeps tokens of at least this probability, and the most probable ones. */
static int64_t cut_below(const hd_sample_choice *choices, int64_t count, double least) {
    double total = sum_of(choices, count);
    while (count > 1 && choices[count - 1].weight < least * total && choices[count - 1].logit < choices[0].logit)
        count--;
    return count;
}

static double eta_of(const hd_sample_choice *choices, int64_t count, double epsilon) {
    double entropy = entropy_of(choices, count, sum_of(choices, count));
    return fmin(epsilon, sqrt(epsilon) * hd_exponential(-fmin(fmax(entropy, 0), 40)));
}

hd_continuation hd_sample(const hd_generation *g, hd_sample_choice *choices, int64_t count, int64_t position,
                          uint64_t number) {
    double total, all = (double)count;
    count = weigh(choices, count, g->temperature, &total);
    if (!count) return (hd_continuation){-INFINITY, 0};
    bool top_k = g->top_k && g->top_k < count;
    double share = (double)g->top_p;
    if (!top_k && share < 1) /* all of these together weigh less than what top-p leaves out */
        count = drop_unlikely(choices, count, (1 - share) * total / (2 * all));
    qsort(choices, (size_t)count, sizeof *choices, by_logit);
    if (top_k) count = keep_top(choices, count, g->top_k), total = sum_of(choices, count);
    if (share < 1) count = cut_at(choices, count, share * total);
    while (count > 1 && choices[count - 1].weight < (double)g->min_p * choices[0].weight) count--;
    if (g->typical_p < 1) count = keep_typical(choices, count, (double)g->typical_p);
    if (g->epsilon_cutoff > 0 && g->epsilon_cutoff < 1) count = cut_below(choices, count, (double)g->epsilon_cutoff);
    if (g->eta_cutoff > 0 && g->eta_cutoff < 1)
        count = cut_below(choices, count, eta_of(choices, count, (double)g->eta_cutoff));
    total = sum_of(choices, count);
    hd_random_key key = hd_random_key_make((uint64_t)g->seed, HD_RANDOM_SAMPLE, (uint64_t)position);
    double drawn = (double)hd_random_uniform(key, 0, 0, number) * total;
    int64_t i = 0;
    while (i + 1 < count && drawn >= choices[i].weight) drawn -= choices[i++].weight;
    return (hd_continuation){(float)hd_logarithm(choices[i].weight / total), choices[i].token};
}
