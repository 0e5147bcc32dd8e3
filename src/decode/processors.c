#include "decode/processors.h"

#include "base/real.h"
#include "decode/constraint.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool hd_reads_source(const hd_generation *g) { return g->source_penalty != 1.0f || g->no_source_ngram > 0; }

static bool decays(const hd_generation *g) { return (g->decay_factor > 1 || g->decay_factor < 1) && g->ends.count; }

static bool penalizes(const hd_generation *g) { return g->source_penalty != 1.0f || g->repetition_penalty != 1.0f; }

static bool reduces(const hd_generation *g) { return g->presence_penalty != 0 || g->frequency_penalty != 0; }

bool hd_needs_row(const hd_generation *g) {
    return g->replace_invalid || decays(g) || g->forced_words.count ||
           (g->renormalize && g->beams > 1 && !g->sample && penalizes(g));
}

/* ---- changes of single tokens ---- */

/* The changes to one row's scores. */
typedef struct change_list {
    hd_score_change *changes; /* [count] */
    int64_t count, vocabulary;
} change_list;

static void change(change_list *list, int32_t token, float bias, float penalty) {
    if (token >= 0 && token < list->vocabulary)
        list->changes[list->count++] = (hd_score_change){token, bias, penalty, 0};
}

static void exclude(change_list *list, int32_t token) { change(list, token, -INFINITY, 1.0f); }

static void exclude_all(change_list *list, const hd_ids *ids) {
    for (int64_t i = 0; i < ids->count; i++) exclude(list, ids->ids[i]);
}

static int by_token(const void *a, const void *b) {
    const hd_score_change *x = a, *y = b;
    if (x->token != y->token) return x->token > y->token ? 1 : -1;
    return (x->bias > y->bias) - (x->bias < y->bias);
}

static void sort_changes(change_list *list) {
    if (list->count) qsort(list->changes, (size_t)list->count, sizeof *list->changes, by_token);
}

/* Divides the probability of the tokens by the penalty, of each once. */
static void penalize(change_list *list, const hd_ids *tokens, float penalty) {
    if (penalty == 1.0f) return;
    change_list all = {.changes = list->changes + list->count, .vocabulary = list->vocabulary};
    for (int64_t i = 0; i < tokens->count; i++) change(&all, tokens->ids[i], -0.0f, penalty);
    sort_changes(&all);
    int64_t kept = 0;
    for (int64_t i = 0; i < all.count; i++)
        if (!kept || all.changes[kept - 1].token != all.changes[i].token) all.changes[kept++] = all.changes[i];
    list->count += kept;
}

/* Subtracts from the scores of the generated tokens: for each token once, and for each time that it was generated. */
static void reduce(change_list *list, const hd_prefix *p) {
    const hd_generation *g = p->generation;
    if (!reduces(g)) return;
    change_list all = {.changes = list->changes + list->count, .vocabulary = list->vocabulary};
    for (int64_t i = p->given; i < p->length; i++) change(&all, p->tokens[i], -0.0f, 1.0f);
    sort_changes(&all);
    int64_t kept = 0;
    for (int64_t i = 0; i < all.count; i++) {
        if (!kept || all.changes[kept - 1].token != all.changes[i].token) {
            all.changes[kept] = all.changes[i];
            all.changes[kept++].reduction = g->presence_penalty;
        }
        all.changes[kept - 1].reduction += g->frequency_penalty;
    }
    list->count += kept;
}

/* Sorts the changes, and makes one of those of a token: biases and reductions are added and penalties multiplied; what is
 * excluded stays so. */
static void merge_changes(change_list *list) {
    int64_t kept = 0;
    sort_changes(list);
    for (int64_t i = 0; i < list->count; i++) {
        hd_score_change next = list->changes[i], *merged = &list->changes[kept ? kept - 1 : 0];
        if (!kept || merged->token != next.token) {
            list->changes[kept++] = next;
            continue;
        }
        if (merged->bias > -INFINITY) merged->bias += next.bias;
        merged->penalty *= next.penalty;
        merged->reduction += next.reduction;
    }
    list->count = kept;
}

static bool ends_with(const hd_prefix *p, const int32_t *ids, int64_t count) {
    return count <= p->length && memcmp(p->tokens + p->length - count, ids, (size_t)count * sizeof *ids) == 0;
}

static void add_biases(change_list *list, const hd_prefix *p) {
    const hd_sequences *all = &p->generation->sequence_bias;
    for (int64_t i = 0; i < all->count; i++) {
        const int32_t *ids = all->ids + all->starts[i];
        int64_t before = all->starts[i + 1] - all->starts[i] - 1;
        if (ends_with(p, ids, before)) change(list, ids[before], all->biases[i], 1.0f);
    }
}

/* Excludes the last tokens of those n-grams of `ids` whose first n − 1 tokens are the hypothesis' last. */
static void exclude_ngrams(change_list *list, const hd_prefix *p, const hd_ids *ids, int64_t n) {
    for (int64_t i = 0; n && i + n <= ids->count; i++)
        if (ends_with(p, ids->ids + i, n - 1)) exclude(list, ids->ids[i + n - 1]);
}

/* A word that is an end token alone is not excluded. */
static void exclude_words(change_list *list, const hd_prefix *p) {
    const hd_sequences *words = &p->generation->bad_words;
    for (int64_t i = 0; i < words->count; i++) {
        const int32_t *word = words->ids + words->starts[i];
        int64_t before = words->starts[i + 1] - words->starts[i] - 1;
        if (ends_with(p, word, before) && !(before == 0 && hd_ids_have(&p->generation->ends, word[0])))
            exclude(list, word[before]);
    }
}

/* The changes by the processors before remove_invalid_values. */
static void list_early(change_list *list, const hd_prefix *p) {
    const hd_generation *g = p->generation;
    const hd_ids hypothesis = {p->tokens, p->length};
    add_biases(list, p);
    penalize(list, &p->source, 1 / g->source_penalty);
    penalize(list, &hypothesis, g->repetition_penalty);
    reduce(list, p);
    exclude_ngrams(list, p, &hypothesis, g->no_repeat_ngram);
    exclude_ngrams(list, p, &p->source, g->no_source_ngram);
    exclude_words(list, p);
    if (p->length < g->min_length || p->length - p->given < g->min_new_tokens) exclude_all(list, &g->ends);
}

/* Those by the ones after it. */
static void list_late(change_list *list, const hd_prefix *p) {
    const hd_generation *g = p->generation;
    exclude_all(list, &g->suppressed);
    /* what follows a forced first token counts as the first one */
    if (p->length == p->given + (p->given == 1 && g->forced_first.count)) exclude_all(list, &g->suppressed_first);
}

int64_t hd_most_changes(const hd_prefix *p) {
    const hd_generation *g = p->generation;
    return 3 * p->length + 2 * p->source.count + g->sequence_bias.count + g->bad_words.count + g->ends.count +
           g->suppressed.count + g->suppressed_first.count;
}

int64_t hd_list_changes(const hd_prefix *prefix, int64_t vocabulary, hd_score_change *changes) {
    change_list list = {.changes = changes, .vocabulary = vocabulary};
    list_early(&list, prefix);
    list_late(&list, prefix);
    merge_changes(&list);
    return list.count;
}

/* ---- whole rows ---- */

double hd_log_sum(const float *x, int64_t count) {
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++)
        if ((double)x[i] > largest) largest = (double)x[i];
    for (int64_t i = 0; i < count; i++)
        if ((double)x[i] - largest >= -40) sum += hd_exponential((double)x[i] - largest);
    return sum > 0 ? largest + hd_logarithm(sum) : 0;
}

static void normalize(float *x, int64_t count) {
    double log_sum = hd_log_sum(x, count);
    for (int64_t i = 0; i < count; i++) x[i] = (float)((double)x[i] - log_sum);
}

static void apply_changes(const change_list *list, float *x) {
    for (int64_t i = 0; i < list->count; i++) {
        const hd_score_change *c = &list->changes[i];
        float score = x[c->token] + c->bias;
        if (c->bias > -INFINITY)
            x[c->token] = (score < 0 ? score * c->penalty : score / c->penalty) - c->reduction;
        else
            x[c->token] = -INFINITY;
    }
}

static void replace_invalid(float *x, int64_t count) {
    for (int64_t i = 0; i < count; i++)
        x[i] = isnan(x[i]) ? 0.0f : isinf(x[i]) ? (x[i] > 0 ? FLT_MAX : -FLT_MAX) : x[i];
}

/* By squaring, and so with the same bits on every machine, which a library's pow does not promise. */
static double power(double base, int64_t exponent) {
    double result = 1;
    for (; exponent; exponent /= 2, base *= base)
        if (exponent % 2) result *= base;
    return result;
}

/* x + |x| (factor^n − 1) for the end tokens, n tokens past the start of the decay. */
static void decay(const hd_prefix *p, float *row, int64_t count) {
    const hd_generation *g = p->generation;
    int64_t past = p->length - p->given - g->decay_start;
    if (past <= 0) return;
    float growth = (float)(power(g->decay_factor, past) - 1);
    for (int64_t i = 0; i < g->ends.count; i++) {
        if (g->ends.ids[i] >= count) continue;
        float *x = &row[g->ends.ids[i]];
        if (isfinite(*x)) *x += fabsf(*x) * growth;
    }
}

/* After all others, so that none of them makes an excluded token possible again. */
static void apply_constraint(const hd_prefix *p, float *row, int64_t count) {
    for (int64_t i = 0; p->allowed && i < count; i++)
        if (!hd_is_allowed(p->allowed, i)) row[i] = -INFINITY;
}

heed_status hd_process_row(const hd_prefix *p, float *row, int64_t vocabulary, hd_arena *scratch) {
    const hd_generation *g = p->generation;
    hd_arena_mark mark = hd_arena_here(scratch);
    change_list list = {hd_arena_alloc(scratch, (size_t)hd_most_changes(p), sizeof *list.changes), 0, vocabulary};
    if (!list.changes) return HEED_MEMORY;
    if (g->beams > 1) normalize(row, vocabulary);
    list_early(&list, p);
    merge_changes(&list);
    apply_changes(&list, row);
    if (g->replace_invalid) replace_invalid(row, vocabulary);
    if (decays(g)) decay(p, row, vocabulary);
    list.count = 0;
    list_late(&list, p);
    merge_changes(&list);
    apply_changes(&list, row);
    apply_constraint(p, row, vocabulary);
    if (g->renormalize && g->beams > 1) normalize(row, vocabulary);
    hd_arena_rewind(scratch, mark);
    return HEED_OK;
}
