#include "decode/processors.h"

#include "base/best.h"
#include "base/real.h"

#include <float.h>
#include <math.h>
#include <string.h>

bool hd_reads_source(const hd_generation *g) { return g->source_penalty != 1.0f || g->no_source_ngram > 0; }

static bool decays(const hd_generation *g) { return (g->decay_factor > 1 || g->decay_factor < 1) && g->ends.count; }

bool hd_needs_row(const hd_generation *g) {
    bool renormalizes = g->renormalize && g->beams > 1 && g->repetition_penalty != 1.0f;
    return g->sample || g->sequence_bias.count || g->source_penalty != 1.0f || g->replace_invalid || decays(g) ||
           renormalizes;
}

/* The source of a translation, or the prompt. */
static hd_ids source_of(const hd_search *s) {
    return s->decoder->continues ? (hd_ids){s->tokens, s->given} : (hd_ids){s->source, s->source_count};
}

/* ---- banned tokens ---- */

/* Tokens of a hypothesis, and those that may not follow them. */
typedef struct banning {
    const int32_t *tokens;
    int64_t length;
    int32_t *banned;
    int64_t count;
} banning;

static void ban(banning *b, const hd_ids *ids) {
    if (ids->count) memcpy(b->banned + b->count, ids->ids, (size_t)ids->count * sizeof *b->banned);
    b->count += ids->count;
}

static bool ends_with(const banning *b, const int32_t *ids, int64_t count) {
    return count <= b->length && memcmp(b->tokens + b->length - count, ids, (size_t)count * sizeof *ids) == 0;
}

/* The last tokens of those n-grams of `ids` whose first n − 1 tokens are the hypothesis' last. */
static void ban_ngrams(banning *b, const hd_ids *ids, int64_t n) {
    for (int64_t i = 0; n && i + n <= ids->count; i++)
        if (ends_with(b, ids->ids + i, n - 1)) b->banned[b->count++] = ids->ids[i + n - 1];
}

/* A word that is an end token alone may come. */
static void ban_words(banning *b, const hd_search *s) {
    const hd_sequences *words = &s->generation.bad_words;
    for (int64_t i = 0; i < words->count; i++) {
        const int32_t *word = words->ids + words->starts[i];
        int64_t before = words->starts[i + 1] - words->starts[i] - 1;
        if (ends_with(b, word, before) && !(before == 0 && hd_search_is_end(s, word[0])))
            b->banned[b->count++] = word[before];
    }
}

heed_status hd_find_banned(const hd_search *s, hd_arena *arena, hd_scoring *scoring) {
    const hd_generation *g = &s->generation;
    hd_ids source = source_of(s), hypothesis = {scoring->tokens, scoring->length};
    int64_t most = (g->no_repeat_ngram ? scoring->length : 0) + (g->no_source_ngram ? source.count : 0) +
                   g->bad_words.count + g->ends.count + g->suppressed.count + g->suppressed_first.count;
    banning b = {scoring->tokens, scoring->length, hd_arena_alloc(arena, (size_t)most, sizeof *b.banned), 0};
    if (!b.banned) return HEED_MEMORY;
    ban_ngrams(&b, &hypothesis, g->no_repeat_ngram);
    ban_ngrams(&b, &source, g->no_source_ngram);
    ban_words(&b, s);
    if (s->length < g->min_length || s->length - s->given < g->min_new_tokens) ban(&b, &g->ends);
    scoring->banned_early = b.count;
    ban(&b, &g->suppressed);
    /* what follows a forced first token counts as the first one */
    if (s->length == s->given + (s->given == 1 && g->forced_first.count)) ban(&b, &g->suppressed_first);
    scoring->banned = b.banned;
    scoring->banned_count = b.count;
    return HEED_OK;
}

/* ---- whole rows ---- */

typedef struct row {
    const hd_search *search;
    const hd_scoring *scoring;
    float *x; /* [count] */
    int64_t count;
    hd_arena *arena;
} row;

/* log Σ e^x */
static double log_sum_of(const row *r) {
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < r->count; i++)
        if ((double)r->x[i] > largest) largest = (double)r->x[i];
    for (int64_t i = 0; i < r->count; i++)
        if ((double)r->x[i] - largest >= -40) sum += hd_exponential((double)r->x[i] - largest);
    return sum > 0 ? largest + hd_logarithm(sum) : 0;
}

static void normalize(const row *r) {
    double log_sum = log_sum_of(r);
    for (int64_t i = 0; i < r->count; i++) r->x[i] = (float)((double)r->x[i] - log_sum);
}

static void add_biases(const row *r) {
    const hd_sequences *all = &r->search->generation.sequence_bias;
    banning hypothesis = {.tokens = r->scoring->tokens, .length = r->scoring->length};
    for (int64_t i = 0; i < all->count; i++) {
        const int32_t *ids = all->ids + all->starts[i];
        int64_t before = all->starts[i + 1] - all->starts[i] - 1;
        if (ends_with(&hypothesis, ids, before)) r->x[ids[before]] += all->biases[i];
    }
}

/* Divides the probability of the tokens by the penalty, of each once. */
static heed_status penalize(const row *r, hd_ids tokens, float penalty) {
    if (!(penalty > 1.0f || penalty < 1.0f)) return HEED_OK;
    float *scores = hd_arena_alloc(r->arena, (size_t)tokens.count, sizeof *scores);
    if (!scores) return HEED_MEMORY;
    for (int64_t i = 0; i < tokens.count; i++) scores[i] = r->x[tokens.ids[i]];
    for (int64_t i = 0; i < tokens.count; i++)
        r->x[tokens.ids[i]] = scores[i] < 0 ? scores[i] * penalty : scores[i] / penalty;
    return HEED_OK;
}

static void forbid(const row *r, int64_t first, int64_t end) {
    for (int64_t i = first; i < end; i++)
        if (r->scoring->banned[i] < r->count) r->x[r->scoring->banned[i]] = -INFINITY;
}

static void replace_invalid(const row *r) {
    for (int64_t i = 0; i < r->count; i++) {
        float x = r->x[i];
        r->x[i] = isnan(x) ? 0.0f : isinf(x) ? (x > 0 ? FLT_MAX : -FLT_MAX) : x;
    }
}

/* x + |x| (factor^n − 1) for the end tokens, n tokens past the start of the decay. */
static void decay(const row *r) {
    const hd_search *s = r->search;
    const hd_generation *g = &s->generation;
    int64_t past = s->length - s->given - g->decay_start;
    if (past <= 0) return;
    float growth = (float)(pow(g->decay_factor, (double)past) - 1);
    for (int64_t i = 0; i < g->ends.count; i++) {
        if (g->ends.ids[i] >= r->count) continue;
        float *x = &r->x[g->ends.ids[i]];
        if (isfinite(*x)) *x += fabsf(*x) * growth;
    }
}

static heed_status process(const row *r) {
    const hd_generation *g = &r->search->generation;
    const hd_scoring *scoring = r->scoring;
    if (g->beams > 1) normalize(r);
    add_biases(r);
    HD_TRY(penalize(r, source_of(r->search), 1 / g->source_penalty));
    HD_TRY(penalize(r, (hd_ids){scoring->tokens, scoring->length}, g->repetition_penalty));
    forbid(r, 0, scoring->banned_early);
    if (g->replace_invalid) replace_invalid(r);
    if (decays(g)) decay(r);
    forbid(r, scoring->banned_early, scoring->banned_count);
    if (g->renormalize && !g->sample) normalize(r);
    return HEED_OK;
}

/* The best continuations, of equal ones that with the lowest id. */
static void choose(const row *r, hd_scoring *scoring) {
    double log_sum = scoring->most == 1 ? log_sum_of(r) : 0;
    for (int64_t i = 0; i < r->count; i++)
        if (r->x[i] > -INFINITY)
            hd_keep_best(scoring->best, &scoring->count, scoring->most, sizeof *scoring->best,
                         &(hd_continuation){r->x[i], (int32_t)i});
    for (int64_t i = 0; i < scoring->count; i++)
        scoring->best[i].log_prob = (float)((double)scoring->best[i].log_prob - log_sum);
}

heed_status hd_process_rows(const hd_search *s, int64_t vocabulary, hd_arena *arena) {
    for (int64_t i = 0; i < s->slots; i++) {
        hd_scoring *scoring = &s->scorings[i];
        hd_arena_mark mark = hd_arena_here(arena);
        row r = {s, scoring, scoring->logits, vocabulary, arena};
        if (!scoring->logits) continue;
        HD_TRY(process(&r));
        if (!s->generation.sample) choose(&r, scoring);
        hd_arena_rewind(arena, mark);
    }
    return HEED_OK;
}
