/* Proposed tokens in a session: a step scores them together with the last token, and keeps those that it would have chosen. */
#include "decode/session_state.h"

enum {
    /* Hypotheses and proposed tokens of a step. A pass of more rows takes longer with each, and not the time to read the
     * weights alone. */
    SPECULATIVE_ROWS = 32,
    MOST_DRAFTED = 8 /* tokens per step: each is a pass of the draft */
};

/* The most tokens that may be proposed for a search in this step, which has room for so many more rows. */
static int64_t most_proposed(const hd_session *s, const hd_search *search, int64_t rows) {
    bool proposes = search->generation.prompt_lookup || s->draft.decoder;
    if (!proposes || hd_search_unprocessed(search) != 1) return 0;
    return hd_min(rows, hd_search_most_proposed(search, s->decoder, &search->place));
}

static void look_up(const hd_session *s, hd_search *search, int64_t most) {
    bool same_tokens = !s->decoder->continues && s->decoder->source_vocabulary == s->decoder->vocabulary;
    hd_ids source = {search->source, same_tokens ? search->source_count : 0};
    most = hd_min(most, search->generation.prompt_lookup);
    int64_t found = most ? hd_lookup(&source, search->tokens, search->length, most) : 0;
    if (!found) return;
    search->proposed = hd_proposal_count_next(&search->lookup_count, found);
    search->proposer = &search->lookup_count;
}

/* Proposes tokens for searches whose prompt is processed: by prompt lookup, else by the draft. */
heed_status hd_session_propose(hd_session *s) {
    int64_t rows = hd_min(SPECULATIVE_ROWS, s->limits.step_tokens), drafting = 0;
    int64_t *drafted = hd_arena_alloc(&s->scratch, (size_t)s->running_count, sizeof *drafted);
    if (!drafted) return HEED_MEMORY;
    for (int64_t i = 0; i < s->running_count; i++)
        if (hd_search_unprocessed(s->running[i]) == 1) rows -= s->running[i]->slots;
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        int64_t most = most_proposed(s, search, rows);
        search->proposed = drafted[i] = 0;
        if (most <= 0) continue;
        HD_TRY(hd_search_reserve(search, most + 1));
        look_up(s, search, most);
        if (s->draft.decoder && !search->proposed) {
            drafted[i] = hd_proposal_count_next(&search->draft_count, hd_min(most, MOST_DRAFTED));
            search->proposer = &search->draft_count;
        }
        rows -= search->proposed + drafted[i];
        drafting += drafted[i];
    }
    if (!drafting) return HEED_OK;
    return hd_draft_propose(&s->draft, s->running, s->running_count, s->slots, drafted, s->limits.step_tokens,
                            &s->scratch);
}

/* What was processed after the first proposed token that is not the next one is taken back. */
static void forget_refused(hd_session *s, hd_search *search, int64_t accepted) {
    int64_t most = search->proposer == &search->draft_count ? MOST_DRAFTED : search->generation.prompt_lookup;
    hd_proposal_count_update(search->proposer, search->proposed, accepted, most);
    search->place.seen = search->length - 1 - search->place.first;
    if (accepted < search->proposed) s->decoder->class->rewind(s->decoder, search->first_slot, search->place.seen);
}

/* Chooses the next token, and others as long as they are those that were proposed: each by the same rule as in a step of its
 * own. */
heed_status hd_session_advance(hd_session *s, hd_search *search) {
    hd_scoring *scorings = search->scorings;
    int64_t accepted = 0;
    for (bool same = true; same; accepted += same) {
        int32_t proposed = accepted < search->proposed ? search->tokens[search->length] : -1;
        search->scorings = scorings + accepted;
        HD_TRY(hd_greedy_advance(search, &s->scratch));
        if (!search->slots || search->cancelled) return HEED_OK;
        same = search->tokens[search->length - 1] == proposed;
    }
    if (search->proposed) forget_refused(s, search, accepted);
    hd_draft_rewind(&s->draft, search);
    return HEED_OK;
}
