/* Beam search with transformers' rules (tests/golden/marian/RULES.md).
 *
 * A search has up to B running hypotheses. A step scores every continuation by log p so far plus log p of the token,
 * and keeps the 2B best. Those that end (an end token, a stop sequence, a stop string or the length limit) and are among the
 * first B become finished, scored log p / length^penalty. The B best of those that do not end stay running. The B best
 * finished ones are kept. The search is done when B hypotheses are finished and no running one can be expected to
 * beat the worst of them (hd_early_stopping), or when all have reached the limit.
 *
 * Ties are resolved by the earlier hypothesis, then the larger logit, then the lower id. */
#include "base/best.h"
#include "base/real.h"
#include "decode/forced_beam.h"

#include <math.h>
#include <string.h>

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
static int64_t merge(const hd_search *s, hd_candidate *merged) {
    int64_t count = 0;
    for (int32_t slot = 0; slot < s->slots; slot++)
        for (int64_t i = 0; i < s->scorings[slot].count; i++) {
            const hd_continuation *c = &s->scorings[slot].best[i];
            hd_candidate new = {s->scores[slot] + c->log_prob, slot, c->token};
            hd_keep_best(merged, &count, hd_search_continuations(s), sizeof new, &new);
        }
    return count;
}

/* The tokens of a candidate [length + 1]. */
static int32_t *tokens_of(hd_search *s, const hd_candidate *c) {
    int32_t *tokens = hd_search_tokens(s, c->slot);
    tokens[s->length] = c->token;
    return tokens;
}

static void show(const hd_search *s, const hd_candidate *c, hd_beam_fate fate, float score) {
    if (!s->beam) return;
    s->beam(s->user, &(hd_beam_event){hd_search_made(s), c->slot, c->token, fate, c->score, score});
}

static heed_status finish(hd_search *s, const hd_candidate *c, const hd_ending *ending) {
    const hd_record *record;
    float score = normalize(s, c->score, hd_search_made(s));
    HD_TRY(hd_search_record(s, c->slot, c->token, &record));
    show(s, c, HD_BEAM_FINISHED, score);
    return hd_search_finish(s, tokens_of(s, c), ending, score, record);
}

/* Finishes the candidates that end; the others, up to `beams`, become the first ones of `merged`. */
static heed_status divide(hd_search *s, hd_candidate *merged, int64_t count, int64_t *running) {
    int64_t beams = hd_search_beams(s);
    bool at_limit = hd_search_made(s) >= s->limit;
    *running = 0;
    for (int64_t i = 0; i < count; i++) {
        hd_candidate c = merged[i];
        hd_ending ending;
        HD_TRY(hd_search_ending(s, tokens_of(s, &c), &ending));
        bool ends = ending.ends || at_limit, stays = ends ? i < beams : *running < beams;
        if (!stays || !ends) show(s, &c, stays ? HD_BEAM_KEPT : HD_BEAM_PRUNED, 0);
        if (ends && stays) HD_TRY(finish(s, &c, &ending));
        if (!ends && stays) merged[(*running)++] = c;
    }
    return HEED_OK;
}

/* ---- forced words ---- */

/* A hypothesis that ends is finished only if it has all forced words; which ones stay running is decided by how many of them
 * they have. At the limit no distinction is made yet. */
static heed_status divide_forced(hd_search *s, hd_candidate *merged, int64_t count, hd_arena *scratch,
                                 int64_t *running) {
    int64_t beams = hd_search_beams(s);
    hd_forced_state state;
    HD_TRY(hd_forced_open(&s->generation.forced_words, scratch, &state));
    *running = 0;
    for (int64_t i = 0; i < count && *running < beams; i++) {
        hd_candidate c = merged[i];
        const int32_t *tokens = tokens_of(s, &c);
        hd_ending ending;
        HD_TRY(hd_search_ending(s, tokens, &ending));
        if (!ending.ends) {
            merged[(*running)++] = c;
            continue;
        }
        hd_forced_read(&state, tokens, s->length + (ending.tokens == 0));
        if (i < beams && hd_forced_is_complete(&state)) HD_TRY(finish(s, &c, &ending));
    }
    return hd_forced_beam(s, scratch, merged, running);
}

/* At the limit: finishes the running hypotheses that have all forced words, and if these are fewer than the results, all
 * others too, as transformers does. */
static heed_status finish_forced(hd_search *s, const hd_candidate *merged, int64_t running, hd_arena *scratch) {
    int64_t whole = 0;
    hd_forced_state state;
    HD_TRY(hd_forced_open(&s->generation.forced_words, scratch, &state));
    for (int lacks = 0; lacks < 2 && (!lacks || whole < hd_max(s->generation.best, 1)); lacks++)
        for (int64_t i = 0; i < running; i++) {
            hd_forced_read(&state, tokens_of(s, &merged[i]), s->length + 1);
            if (hd_forced_is_complete(&state) == (lacks != 0)) continue;
            HD_TRY(finish(s, &merged[i], &(hd_ending){.lacks_words = lacks != 0}));
            whole += !lacks;
        }
    return HEED_OK;
}

/* ---- a step ---- */

/* What stays running becomes the first ones of `merged`. */
static heed_status choose_running(hd_search *s, hd_candidate *merged, int64_t count, hd_arena *scratch,
                                  int64_t *running) {
    float best = count ? merged[0].score : -INFINITY;
    bool forces = s->generation.forced_words.count != 0;
    if (forces)
        HD_TRY(divide_forced(s, merged, count, scratch, running));
    else
        HD_TRY(divide(s, merged, count, running));
    if (!forces && *running) best = merged[0].score;
    bool done = is_done(s, *running, best);
    bool at_limit = hd_search_made(s) >= s->limit;
    if (forces && !done && at_limit) HD_TRY(finish_forced(s, merged, *running, scratch));
    for (int64_t i = 0; forces && !at_limit && i < *running; i++) show(s, &merged[i], HD_BEAM_KEPT, 0);
    if (done || at_limit) *running = 0;
    return HEED_OK;
}

heed_status hd_beam_advance(hd_search *s, hd_arena *scratch) {
    int64_t running, beams = hd_search_beams(s);
    hd_candidate *merged = hd_arena_alloc(scratch, (size_t)hd_search_continuations(s), sizeof *merged);
    const hd_record **last = hd_arena_alloc(scratch, (size_t)beams, sizeof *last);
    s->parents = hd_arena_alloc(scratch, (size_t)beams, sizeof *s->parents);
    if (!merged || !last || !s->parents) return HEED_MEMORY;
    HD_TRY(choose_running(s, merged, merge(s, merged), scratch, &running));
    if (s->generation.constraint && !running && !s->problem[0]) hd_search_record_dead_end(s);
    for (int64_t i = 0; i < running; i++) {
        int32_t *tokens = s->spare + i * s->capacity;
        memcpy(tokens, hd_search_tokens(s, merged[i].slot), (size_t)s->length * sizeof *tokens);
        tokens[s->length] = merged[i].token;
        HD_TRY(hd_search_record(s, merged[i].slot, merged[i].token, &last[i]));
        s->parents[i] = merged[i].slot;
        s->scores[i] = merged[i].score;
    }
    if (s->last && running) memcpy(s->last, last, (size_t)running * sizeof *last);
    int32_t *tokens = s->tokens;
    if (running) s->tokens = s->spare, s->spare = tokens; /* without a running one, the spare array lacks the prompt */
    s->slots = running;
    s->length++;
    return HEED_OK;
}
