/* Greedy search: the most probable token at each step; of equal ones the lowest id. Sampling: a random token. */
#include "base/real.h"
#include "decode/sample.h"
#include "decode/search.h"

#include <math.h>
#include <stdlib.h>

static int by_token(const void *a, const void *b) {
    const hd_sample_choice *x = a, *y = b;
    return (x->token > y->token) - (x->token < y->token);
}

/* The tokens to sample from, in ascending order: all, or the best ones. */
static void list_choices(const hd_scoring *scoring, int64_t count, hd_sample_choice *choices) {
    for (int64_t i = 0; scoring->logits && i < count; i++)
        choices[i] = (hd_sample_choice){.logit = scoring->logits[i], .token = (int32_t)i};
    if (scoring->logits) return;
    for (int64_t i = 0; i < count; i++)
        choices[i] = (hd_sample_choice){.logit = scoring->best[i].log_prob, .token = scoring->best[i].token};
    qsort(choices, (size_t)count, sizeof *choices, by_token);
}

static heed_status sample(const hd_search *s, const hd_scoring *scoring, hd_arena *scratch, hd_continuation *chosen) {
    int64_t count = scoring->logits ? s->decoder->vocabulary : scoring->count;
    hd_arena_mark mark = hd_arena_here(scratch);
    hd_sample_choice *choices = hd_arena_alloc(scratch, (size_t)count, sizeof *choices);
    if (!choices) return HEED_MEMORY;
    list_choices(scoring, count, choices);
    *chosen = hd_sample(&s->generation, choices, count, scoring->prefix.length - s->given, s->number);
    hd_arena_rewind(scratch, mark);
    return HEED_OK;
}

/* If no token is allowed, the first one is taken, with probability 0. */
heed_status hd_greedy_choose(const hd_search *s, const hd_scoring *scoring, hd_arena *scratch,
                             hd_continuation *chosen) {
    if (scoring->samples) return sample(s, scoring, scratch, chosen);
    *chosen = scoring->count ? scoring->best[0] : (hd_continuation){-INFINITY, 0};
    return HEED_OK;
}

heed_status hd_greedy_advance(hd_search *s, hd_arena *scratch) {
    hd_continuation next;
    int64_t made = hd_search_made(s);
    HD_TRY(hd_greedy_choose(s, s->scorings, scratch, &next));
    if (s->generation.constraint && next.log_prob == -INFINITY) {
        hd_search_record_dead_end(s);
        s->slots = 0;
        return HEED_OK;
    }
    s->tokens[s->length] = next.token;
    s->log_prob += (double)next.log_prob;
    if (s->logits && s->scorings->raw) s->logits(s->user, s->scorings->raw, s->decoder->vocabulary);
    const hd_record *record;
    hd_ending ending;
    HD_TRY(hd_search_record(s, 0, next.token, &record));
    if (record) s->last[0] = record;
    HD_TRY(hd_search_ending(s, s->tokens, &ending));
    bool in_text = !ending.tokens && !ending.bytes, stopped = in_text && s->token && !s->token(s->user, next.token);
    if (ending.ends || stopped || made == s->limit) {
        double length = hd_power((double)made, (double)s->generation.length_penalty);
        HD_TRY(hd_search_finish(s, s->tokens, &ending, (float)(s->log_prob / length), record));
        s->slots = 0;
    }
    s->length++;
    return HEED_OK;
}
