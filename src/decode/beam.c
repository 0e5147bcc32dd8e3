/* Beam search with transformers' rules (tests/golden/marian/RULES.md).
 *
 * A search has up to B running hypotheses. A step scores every continuation by log p so far plus log p of the token,
 * and keeps the 2B best. Those that end (the end token, a stop sequence or the length limit) and are among the first
 * B become finished, scored log p / length^penalty. The B best of those that do not end stay running. The B best
 * finished ones are kept. The search is done when B hypotheses are finished and no running one can be expected to
 * beat the worst of them (hd_early_stopping), or when all have reached the limit.
 *
 * Ties are resolved by the earlier hypothesis, then the larger logit, then the lower id. */
#include "base/best.h"
#include "base/real.h"
#include "decode/search.h"

#include <string.h>

typedef struct candidate {
    float score;  /* log p with the token */
    int32_t slot; /* the hypothesis that it continues */
    int32_t token;
} candidate;

/* The score of a hypothesis of `length` tokens, as float arithmetic in transformers gives it. */
static float normalize(const hd_search *s, float score, int64_t length) {
    return score / (float)hd_power((double)length, (double)s->generation.length_penalty);
}

/* Whether another step cannot improve the result. `best` is log p of the best running hypothesis, with its next
 * token. */
static bool is_done(const hd_search *s, int64_t running, float best) {
    int64_t beams = hd_search_beams(s);
    if (running == 0) return true;
    if (s->finished_count < beams) return false;
    if (s->generation.early_stopping == HD_STOP_FULL) return true;
    bool at_limit = s->generation.early_stopping == HD_STOP_NEVER && s->generation.length_penalty > 0;
    float reachable = normalize(s, best, at_limit ? s->limit : hd_search_made(s));
    return !(reachable > s->finished[beams - 1].score);
}

/* The best candidates of all slots. */
static int64_t merge(const hd_search *s, candidate *merged) {
    int64_t count = 0;
    for (int32_t slot = 0; slot < s->slots; slot++)
        for (int64_t i = 0; i < s->scorings[slot].count; i++) {
            const hd_continuation *c = &s->scorings[slot].best[i];
            candidate new = {s->scores[slot] + c->log_prob, slot, c->token};
            hd_keep_best(merged, &count, hd_search_continuations(s), sizeof new, &new);
        }
    return count;
}

/* Finishes the candidates that end; the others, up to `beams`, become the first ones of `merged`. */
static heed_status divide(hd_search *s, candidate *merged, int64_t count, int64_t *running) {
    int64_t beams = hd_search_beams(s), made = hd_search_made(s);
    *running = 0;
    for (int64_t i = 0; i < count; i++) {
        candidate c = merged[i];
        int32_t *tokens = hd_search_tokens(s, c.slot);
        tokens[s->length] = c.token;
        int64_t ending = hd_search_ending(s, tokens);
        bool closed, ends;
        HD_TRY(hd_search_is_closed(s, tokens, &closed));
        ends = ending || closed || made >= s->limit;
        if (ends && i < beams) HD_TRY(hd_search_finish(s, tokens, ending, normalize(s, c.score, made)));
        if (!ends && *running < beams) merged[(*running)++] = c;
    }
    return HEED_OK;
}

heed_status hd_beam_advance(hd_search *s, hd_arena *scratch) {
    int64_t running;
    candidate *merged = hd_arena_alloc(scratch, (size_t)hd_search_continuations(s), sizeof *merged);
    s->parents = hd_arena_alloc(scratch, (size_t)hd_search_beams(s), sizeof *s->parents);
    if (!merged || !s->parents) return HEED_MEMORY;
    HD_TRY(divide(s, merged, merge(s, merged), &running));
    if (is_done(s, running, running ? merged[0].score : 0)) running = 0;
    if (s->generation.constraint && !running && !s->problem[0]) hd_search_record_dead_end(s);
    for (int64_t i = 0; i < running; i++) {
        int32_t *tokens = s->spare + i * s->capacity;
        memcpy(tokens, hd_search_tokens(s, merged[i].slot), (size_t)s->length * sizeof *tokens);
        tokens[s->length] = merged[i].token;
        s->parents[i] = merged[i].slot;
        s->scores[i] = merged[i].score;
    }
    int32_t *tokens = s->tokens;
    s->tokens = s->spare, s->spare = tokens;
    s->slots = running;
    s->length++;
    return HEED_OK;
}
