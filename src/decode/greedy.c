/* Greedy search: the most probable token at each step; of equal ones the lowest id. Sampling: a random token. */
#include "decode/sample.h"
#include "decode/search.h"

#include <math.h>

/* If no token is allowed, the first one is taken, with probability 0. */
static heed_status choose(const hd_search *s, hd_arena *scratch, hd_continuation *chosen) {
    const hd_scoring *scoring = s->scorings;
    *chosen = scoring->count ? scoring->best[0] : (hd_continuation){-INFINITY, 0};
    if (!s->generation.sample || !scoring->logits) return HEED_OK;
    int64_t vocabulary = s->decoder->vocabulary;
    hd_arena_mark mark = hd_arena_here(scratch);
    hd_sample_choice *order = hd_arena_alloc(scratch, (size_t)vocabulary, sizeof *order);
    if (!order) return HEED_MEMORY;
    *chosen = hd_sample(&s->generation, scoring->logits, vocabulary, s->length - s->given, s->number, order);
    hd_arena_rewind(scratch, mark);
    return HEED_OK;
}

heed_status hd_greedy_advance(hd_search *s, hd_arena *scratch) {
    hd_continuation next;
    int64_t made = hd_search_made(s);
    HD_TRY(choose(s, scratch, &next));
    s->tokens[s->length] = next.token;
    s->log_prob += (double)next.log_prob;
    int64_t ending = hd_search_ending(s, s->tokens);
    bool stopped = !ending && s->token && !s->token(s->user, next.token);
    if (ending || stopped || made == s->limit) {
        double length = pow((double)made, (double)s->generation.length_penalty);
        HD_TRY(hd_search_finish(s, s->tokens, ending, (float)(s->log_prob / length)));
        s->slots = 0;
    }
    s->length++;
    return HEED_OK;
}
