/* Logits are made for some tokens at a time: each piece of a row is added to the row's softmax and searched for tokens that
 * belong to the best so far, and never leaves the CPU's cache. */
#include "decode/score.h"

#include "base/best.h"
#include "base/parallel.h"
#include "device/cpu/kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { LOGITS_AT_ONCE = 1 << 17 }; /* half a megabyte */

/* Tokens first … first + count of each row's vocabulary. */
typedef struct piece {
    hd_decoder *decoder;
    hd_scoring *rows;
    float *logits; /* [rows, count] */
    int64_t first, count;
} piece;

heed_status hd_scoring_open(hd_scoring *s, int64_t vocabulary, hd_arena *arena) {
    bool penalizes = s->generation->repetition_penalty != 1.0f && !s->needs_row;
    s->best = hd_arena_alloc(arena, (size_t)s->most, sizeof *s->best);
    s->count = 0;
    s->logits = s->needs_row ? hd_arena_alloc(arena, (size_t)vocabulary, sizeof *s->logits) : NULL;
    s->unpenalized = penalizes ? hd_arena_alloc(arena, (size_t)s->length, sizeof *s->unpenalized) : NULL;
    s->sum = (hd_exp_sum){.largest = -INFINITY};
    return s->best && (s->logits || !s->needs_row) && (s->unpenalized || !penalizes) ? HEED_OK : HEED_MEMORY;
}

static void insert(hd_scoring *s, int32_t token, float log_prob) {
    hd_keep_best(s->best, &s->count, s->most, sizeof *s->best, &(hd_continuation){log_prob, token});
}

/* ---- logits processors ---- */

static float penalized(float penalty, float score) { return score < 0 ? score * penalty : score / penalty; }

static bool in_piece(const piece *p, int32_t token) { return token >= p->first && token < p->first + p->count; }

/* Is this the first occurrence of the token? Each token is penalized once. */
static bool is_first(const hd_scoring *s, int64_t i) {
    for (int64_t j = 0; j < i; j++)
        if (s->tokens[j] == s->tokens[i]) return false;
    return true;
}

static void penalize(const piece *p, const hd_scoring *s, float *x) {
    for (int64_t i = 0; i < s->length; i++)
        if (in_piece(p, s->tokens[i]) && is_first(s, i)) {
            float *score = &x[s->tokens[i] - p->first];
            *score = penalized(s->generation->repetition_penalty, *score);
        }
}

/* Takes the tokens that the penalty changes out of the row: they come back when their log-probabilities are known. */
static void set_aside(const piece *p, const hd_scoring *s, float *x) {
    for (int64_t i = 0; i < s->length; i++)
        if (in_piece(p, s->tokens[i]) && is_first(s, i)) {
            s->unpenalized[i] = x[s->tokens[i] - p->first];
            x[s->tokens[i] - p->first] = -INFINITY;
        }
}

static void forbid(const piece *p, const hd_scoring *s, float *x) {
    for (int64_t i = 0; i < s->banned_count; i++)
        if (in_piece(p, s->banned[i])) x[s->banned[i] - p->first] = -INFINITY;
}

/* ---- a row ---- */

static void add_piece(const piece *p, hd_scoring *s, float *x) {
    const hd_kernels *kernels = p->decoder->context->kernels;
    bool on_logits = s->most == 1;
    /* with what is banned out of the row, its softmax is that of the rest */
    bool forbid_first = on_logits || s->generation->renormalize;
    if (s->logits) {
        memcpy(s->logits + p->first, x, (size_t)p->count * sizeof *x);
        return;
    }
    if (on_logits && s->unpenalized) penalize(p, s, x);
    if (forbid_first) forbid(p, s, x);
    float largest = kernels->add_exponentials(p->count, x, &s->sum);
    if (!forbid_first) forbid(p, s, x);
    if (!on_logits && s->unpenalized) set_aside(p, s, x);
    /* what is not above the worst of a full list cannot enter it */
    float worst = s->count == s->most ? s->best[s->most - 1].log_prob : -INFINITY;
    if (!(largest > worst)) return;
    for (int64_t j = 0; (j += kernels->find_above(p->count - j, x + j, worst)) < p->count; j++) {
        insert(s, (int32_t)(p->first + j), x[j]);
        if (s->count == s->most) worst = s->best[s->most - 1].log_prob;
    }
}

static void score_row(void *argument, int64_t row, int worker) {
    (void)worker;
    const piece *all = argument;
    piece part = *all;
    for (int64_t done = 0; done < all->count; done += HD_EXP_PIECE) {
        part.first = all->first + done;
        part.count = hd_min(HD_EXP_PIECE, all->count - done);
        add_piece(&part, &all->rows[row], all->logits + row * all->count + done);
    }
}

/* Logits become log-probabilities. */
static void normalize(const hd_kernels *kernels, hd_scoring *s) {
    float log_sum = kernels->log_of_sum(&s->sum);
    for (int64_t i = 0; i < s->count; i++) s->best[i].log_prob -= log_sum;
    if (s->most == 1 || !s->unpenalized) return;
    for (int64_t i = 0; i < s->length; i++) {
        float log_prob = penalized(s->generation->repetition_penalty, s->unpenalized[i] - log_sum);
        if (is_first(s, i) && log_prob > -INFINITY) insert(s, s->tokens[i], log_prob);
    }
}

heed_status hd_score_next(hd_decoder *decoder, hd_scoring *scorings, int64_t rows) {
    piece p = {.decoder = decoder, .rows = scorings};
    if (!rows) return HEED_OK;
    int64_t at_once = hd_max(LOGITS_AT_ONCE / rows / HD_EXP_PIECE, 1) * HD_EXP_PIECE;
    for (; p.first < decoder->vocabulary; p.first += p.count) {
        p.count = hd_min(at_once, decoder->vocabulary - p.first);
        HD_TRY(decoder->class->logits(decoder, p.first, p.count, &p.logits));
        hd_parallel_for(decoder->context, rows, 2 * rows * p.count, score_row, &p);
    }
    for (int64_t i = 0; i < rows; i++)
        if (!scorings[i].logits) normalize(decoder->context->kernels, &scorings[i]);
    return HEED_OK;
}
