/* The likeliest next tokens of every slot. Logits are made for some tokens at a time: each piece of a row is added to the
 * row's softmax and looked through for tokens that belong to the best so far, and never leaves the cache. */
#include "base/parallel.h"
#include "decode/decode.h"

#include <math.h>
#include <string.h>

enum { LOGITS_AT_ONCE = 1 << 17 }; /* half a megabyte */

typedef struct scoring {
    hd_continuations *c;
    const int32_t *tokens; /* [slots, stride] */
    int64_t stride;
    const int64_t *lengths; /* [slots] */
    float *logits;          /* [slots, count] of tokens first … first + count */
    int64_t first, count;
} scoring;

/* The tokens of a slot so far. */
typedef struct history {
    const int32_t *tokens;
    int64_t length;
} history;

static history history_of(const scoring *s, int64_t slot) {
    return (history){s->tokens + slot * s->stride, s->lengths[slot]};
}

heed_status hd_continuations_open(hd_continuations *c, hd_decoder *decoder, const hd_generation *generation,
                                  int64_t slots, int64_t most, int64_t limit, hd_arena *arena) {
    *c = (hd_continuations){.decoder = decoder, .generation = generation, .most = most, .limit = limit};
    size_t n = (size_t)slots;
    c->best = hd_arena_alloc(arena, n * (size_t)most, sizeof *c->best);
    c->counts = hd_arena_alloc(arena, n, sizeof *c->counts);
    c->sums = hd_arena_alloc(arena, n, sizeof *c->sums);
    if (generation->sample) {
        c->rows = hd_arena_alloc(arena, n * (size_t)decoder->vocabulary, sizeof *c->rows);
        if (!c->rows) return HEED_MEMORY;
    }
    bool penalizes = generation->repetition_penalty != 1.0f;
    c->held = penalizes ? hd_arena_alloc(arena, n * (size_t)limit, sizeof *c->held) : NULL;
    return c->best && c->counts && c->sums && (c->held || !penalizes) ? HEED_OK : HEED_MEMORY;
}

/* Puts a token in its place among the best of a slot; the ones before it win ties. */
static void insert(hd_continuation *best, int64_t *count, int64_t most, hd_continuation new) {
    int64_t place = *count;
    if (place == most && !(new.gain > best[--place].gain)) return;
    if (*count < most) ++*count;
    for (; place > 0 && new.gain > best[place - 1].gain; place--) best[place] = best[place - 1];
    best[place] = new;
}

/* ---- what the options change ---- */

static float penalized(float penalty, float score) { return score < 0 ? score * penalty : score / penalty; }

static bool in_piece(const scoring *s, int32_t token) { return token >= s->first && token < s->first + s->count; }

/* Is this the first time that the hypothesis has this token? Each is penalised once. */
static bool is_first(history h, int64_t i) {
    for (int64_t j = 0; j < i; j++)
        if (h.tokens[j] == h.tokens[i]) return false;
    return true;
}

static void penalize(const scoring *s, history h, float *x) {
    for (int64_t i = 0; i < h.length; i++)
        if (in_piece(s, h.tokens[i]) && is_first(h, i)) {
            float *score = &x[h.tokens[i] - s->first];
            *score = penalized(s->c->generation->repetition_penalty, *score);
        }
}

/* Takes the tokens that the penalty changes out of the row: they come back when their log-probabilities are known. */
static void hold(const scoring *s, history h, float *x, float *held) {
    for (int64_t i = 0; i < h.length; i++)
        if (in_piece(s, h.tokens[i]) && is_first(h, i)) {
            held[i] = x[h.tokens[i] - s->first];
            x[h.tokens[i] - s->first] = -INFINITY;
        }
}

/* No pad, and no token that would repeat an n-gram. */
static void forbid(const scoring *s, history h, float *x) {
    int32_t pad = s->c->decoder->pad;
    if (pad >= 0 && in_piece(s, pad)) x[pad - s->first] = -INFINITY;
    const int32_t *tokens = h.tokens;
    int64_t n = s->c->generation->no_repeat_ngram, count = h.length;
    if (!n || count + 1 < n) return;
    const int32_t *tail = tokens + count - (n - 1);
    for (int64_t i = 0; i + n <= count; i++)
        if (in_piece(s, tokens[i + n - 1]) && memcmp(tokens + i, tail, (size_t)(n - 1) * sizeof *tokens) == 0)
            x[tokens[i + n - 1] - s->first] = -INFINITY;
}

/* ---- a slot ---- */

static void add_piece(const scoring *s, int64_t slot, float *x) {
    hd_continuations *c = s->c;
    const hd_kernels *kernels = c->decoder->context->kernels;
    history h = history_of(s, slot);
    bool greedy = c->most == 1; /* there the options act on logits, else on log-probabilities */
    if (greedy && c->held) penalize(s, h, x);
    if (greedy) forbid(s, h, x);
    if (c->rows) {
        memcpy(c->rows + slot * c->decoder->vocabulary + s->first, x, (size_t)s->count * sizeof *x);
        return;
    }
    float largest = kernels->add_exponentials(s->count, x, &c->sums[slot]);
    if (!greedy) forbid(s, h, x);
    if (!greedy && c->held) hold(s, h, x, c->held + slot * c->limit);
    hd_continuation *best = c->best + slot * c->most;
    int64_t *count = &c->counts[slot];
    float worst = *count == c->most ? best[c->most - 1].gain : -INFINITY; /* what is not above it cannot enter */
    if (!(largest > worst)) return;
    for (int64_t j = 0; (j += kernels->find_above(s->count - j, x + j, worst)) < s->count; j++) {
        insert(best, count, c->most, (hd_continuation){(int32_t)(s->first + j), x[j]});
        if (*count == c->most) worst = best[c->most - 1].gain;
    }
}

static void score_slot(void *argument, int64_t slot, int worker) {
    (void)worker;
    const scoring *all = argument;
    scoring piece = *all;
    for (int64_t done = 0; done < all->count; done += HD_EXP_PIECE) {
        piece.first = all->first + done;
        piece.count = hd_min(HD_EXP_PIECE, all->count - done);
        add_piece(&piece, slot, all->logits + slot * all->count + done);
    }
}

/* Logits become log-probabilities. */
static void finish_slot(const scoring *s, int64_t slot) {
    hd_continuations *c = s->c;
    float log_sum = c->decoder->context->kernels->log_of_sum(&c->sums[slot]);
    hd_continuation *best = c->best + slot * c->most;
    for (int64_t i = 0; i < c->counts[slot]; i++) best[i].gain -= log_sum;
    if (c->most == 1 || !c->held) return;
    history h = history_of(s, slot);
    const float *held = c->held + slot * c->limit;
    for (int64_t i = 0; i < h.length; i++) {
        float gain = penalized(c->generation->repetition_penalty, held[i] - log_sum);
        if (is_first(h, i) && gain > -INFINITY)
            insert(best, &c->counts[slot], c->most, (hd_continuation){h.tokens[i], gain});
    }
}

/* At the end of the room the end token may be forced, at no cost. */
static bool is_forced(const hd_continuations *c, int64_t length) {
    return c->generation->forced_eos >= 0 && length + 1 == c->limit;
}

heed_status hd_continue(hd_continuations *c, int64_t slots, const int32_t *tokens, int64_t stride,
                        const int64_t *lengths) {
    hd_decoder *decoder = c->decoder;
    int64_t forced = 0;
    for (int64_t i = 0; i < slots; i++) {
        c->sums[i] = (hd_exp_sum){.largest = -INFINITY};
        c->counts[i] = 0;
        forced += is_forced(c, lengths[i]);
    }
    scoring s = {.c = c, .tokens = tokens, .stride = stride, .lengths = lengths};
    int64_t at_once = hd_max(LOGITS_AT_ONCE / slots / HD_EXP_PIECE, 1) * HD_EXP_PIECE;
    for (s.first = 0; forced < slots && s.first < decoder->vocabulary; s.first += s.count) {
        s.count = hd_min(at_once, decoder->vocabulary - s.first);
        HD_TRY(decoder->class->logits(decoder, s.first, s.count, &s.logits));
        hd_parallel_for(decoder->context, slots, 2 * slots * s.count, score_slot, &s);
    }
    for (int64_t i = 0; i < slots; i++) {
        if (is_forced(c, lengths[i])) {
            c->best[i * c->most] = (hd_continuation){c->generation->forced_eos, 0.0f};
            c->counts[i] = 1;
        } else if (!c->rows) {
            finish_slot(&s, i);
        }
    }
    return HEED_OK;
}
