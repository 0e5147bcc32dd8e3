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

/* ---- stages ---- */

/* Candidate tokens, by descending logit, and the sum of their weights. */
typedef struct pool {
    hd_sample_choice *choices; /* [count] */
    int64_t count;
    double total;
} pool;

static bool acts_temperature(const hd_generation *g) { return g->temperature < 1 || g->temperature > 1; }
static bool acts_top_k(const hd_generation *g) { return g->top_k > 0; }
static bool acts_top_p(const hd_generation *g) { return g->top_p < 1; }
static bool acts_min_p(const hd_generation *g) { return g->min_p > 0; }
static bool acts_typical_p(const hd_generation *g) { return g->typical_p < 1; }
static bool acts_epsilon_cutoff(const hd_generation *g) { return g->epsilon_cutoff > 0 && g->epsilon_cutoff < 1; }
static bool acts_eta_cutoff(const hd_generation *g) { return g->eta_cutoff > 0 && g->eta_cutoff < 1; }

static double temperature_of(const hd_generation *g) { return (double)g->temperature; }
static double top_k_of(const hd_generation *g) { return (double)g->top_k; }
static double top_p_of(const hd_generation *g) { return (double)g->top_p; }
static double min_p_of(const hd_generation *g) { return (double)g->min_p; }
static double typical_p_of(const hd_generation *g) { return (double)g->typical_p; }
static double epsilon_cutoff_of(const hd_generation *g) { return (double)g->epsilon_cutoff; }
static double eta_cutoff_of(const hd_generation *g) { return (double)g->eta_cutoff; }

static void keep_all(const hd_generation *g, pool *p) { (void)g, (void)p; } /* the weights have the temperature */

static void keep_top_k(const hd_generation *g, pool *p) {
    if (g->top_k >= p->count) return;
    p->count = keep_top(p->choices, p->count, g->top_k);
    p->total = sum_of(p->choices, p->count);
}

static void keep_top_p(const hd_generation *g, pool *p) {
    p->count = cut_at(p->choices, p->count, (double)g->top_p * p->total);
}

static void keep_min_p(const hd_generation *g, pool *p) {
    while (p->count > 1 && p->choices[p->count - 1].weight < (double)g->min_p * p->choices[0].weight) p->count--;
}

static void keep_typical_p(const hd_generation *g, pool *p) {
    p->count = keep_typical(p->choices, p->count, (double)g->typical_p);
}

static void keep_epsilon_cutoff(const hd_generation *g, pool *p) {
    p->count = cut_below(p->choices, p->count, (double)g->epsilon_cutoff);
}

static void keep_eta_cutoff(const hd_generation *g, pool *p) {
    p->count = cut_below(p->choices, p->count, eta_of(p->choices, p->count, (double)g->eta_cutoff));
}

static const struct {
    const char *name;
    bool (*acts)(const hd_generation *g);
    double (*value)(const hd_generation *g);
    void (*keep)(const hd_generation *g, pool *p);
} stages[HD_SAMPLE_STAGES] = {
    [HD_SAMPLE_TEMPERATURE] = {"temperature", acts_temperature, temperature_of, keep_all},
    [HD_SAMPLE_TOP_K] = {"top-k", acts_top_k, top_k_of, keep_top_k},
    [HD_SAMPLE_TOP_P] = {"top-p", acts_top_p, top_p_of, keep_top_p},
    [HD_SAMPLE_MIN_P] = {"min-p", acts_min_p, min_p_of, keep_min_p},
    [HD_SAMPLE_TYPICAL_P] = {"typical-p", acts_typical_p, typical_p_of, keep_typical_p},
    [HD_SAMPLE_EPSILON_CUTOFF] = {"epsilon-cutoff", acts_epsilon_cutoff, epsilon_cutoff_of, keep_epsilon_cutoff},
    [HD_SAMPLE_ETA_CUTOFF] = {"eta-cutoff", acts_eta_cutoff, eta_cutoff_of, keep_eta_cutoff},
};

const char *hd_sample_stage_name(hd_sample_stage stage) { return stages[stage].name; }
bool hd_sample_stage_acts(const hd_generation *g, hd_sample_stage stage) { return stages[stage].acts(g); }
double hd_sample_stage_value(const hd_generation *g, hd_sample_stage stage) { return stages[stage].value(g); }

int64_t hd_sample_filter(const hd_generation *g, hd_sample_stage last, hd_sample_choice *choices, int64_t count,
                         double *total) {
    double all = (double)count, share = (double)g->top_p;
    pool p = {.choices = choices};
    p.count = weigh(choices, count, g->temperature, &p.total);
    bool top_k = g->top_k && g->top_k < p.count;
    if (!top_k && share < 1 &&
        last >= HD_SAMPLE_TOP_P) /* all of these together weigh less than what top-p leaves out */
        p.count = drop_unlikely(choices, p.count, (1 - share) * p.total / (2 * all));
    qsort(choices, (size_t)p.count, sizeof *choices, by_logit);
    for (int i = 0; i <= (int)last && p.count; i++)
        if (stages[i].acts(g)) stages[i].keep(g, &p);
    *total = sum_of(choices, p.count);
    return p.count;
}

hd_continuation hd_sample(const hd_generation *g, hd_sample_choice *choices, int64_t count, int64_t position,
                          uint64_t number) {
    double total;
    count = hd_sample_filter(g, HD_SAMPLE_STAGES - 1, choices, count, &total);
    if (!count) return (hd_continuation){-INFINITY, 0};
    hd_random_key key = hd_random_key_make((uint64_t)g->seed, HD_RANDOM_SAMPLE, (uint64_t)position);
    double drawn = (double)hd_random_uniform(key, 0, 0, number) * total;
    int64_t i = 0;
    while (i + 1 < count && drawn >= choices[i].weight) drawn -= choices[i++].weight;
    return (hd_continuation){(float)hd_logarithm(choices[i].weight / total), choices[i].token};
}
