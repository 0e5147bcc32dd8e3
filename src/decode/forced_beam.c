#include "decode/forced_beam.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A continuation in its bank. */
typedef struct banked {
    hd_candidate candidate;
    hd_forced_state state; /* of one by a forced token, until its bank is known */
    bool shares;           /* see extend */
    int64_t bank;
    float order;  /* banks descend, and in a bank the scores; in float arithmetic, as in transformers */
    int64_t rank; /* in its bank */
    int64_t index;
} banked;

typedef struct bank_list {
    hd_search *search;
    hd_arena *scratch;
    banked *items; /* [count] */
    int64_t count;
    int32_t *next; /* [words]: scratch */
} bank_list;

static int by_order(const void *a, const void *b) {
    const banked *x = a, *y = b;
    if (x->order < y->order || x->order > y->order) return x->order > y->order ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static int by_rank(const void *a, const void *b) {
    const banked *x = a, *y = b;
    if (x->rank != y->rank) return x->rank > y->rank ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static bool is_listed(const bank_list *l, int32_t slot, int32_t token) {
    for (int64_t i = 0; i < l->count; i++)
        if (l->items[i].candidate.slot == slot && l->items[i].candidate.token == token) return true;
    return false;
}

/* Log p of a hypothesis with the token. A step without logits, whose token is forced by its position, has its tokens alone. */
static float score_of(const hd_search *s, int32_t slot, int32_t token) {
    const hd_scoring *scoring = &s->scorings[slot];
    if (scoring->row) return s->scores[slot] + scoring->row[token];
    for (int64_t i = 0; i < scoring->count; i++)
        if (scoring->best[i].token == token) return s->scores[slot] + scoring->best[i].log_prob;
    return -INFINITY;
}

/* The best continuations, of which each may have made progress in a forced word. */
static heed_status list_best(bank_list *l, const hd_candidate *best, int64_t count) {
    hd_forced_state state;
    HD_TRY(hd_forced_open(&l->search->generation.forced_words, l->scratch, &state));
    for (int64_t i = 0; i < count; i++) {
        int32_t *tokens = hd_search_tokens(l->search, best[i].slot);
        tokens[l->search->length] = best[i].token;
        hd_forced_read(&state, tokens, l->search->length + 1);
        l->items[l->count++] = (banked){.candidate = best[i], .bank = hd_forced_bank(&state)};
    }
    return HEED_OK;
}

/* The continuations of a hypothesis by forced tokens. As in transformers, whose copies of a state with alternatives share the
 * list of matched tokens, a token that continues the begun word changes the states of all copies: of several alternatives
 * with a common beginning only the first one counts as progress. */
static heed_status extend(bank_list *l, int32_t slot) {
    const hd_search *s = l->search;
    const hd_forced_words *forced = &s->generation.forced_words;
    hd_forced_state state;
    HD_TRY(hd_forced_open(forced, l->scratch, &state));
    hd_forced_read(&state, hd_search_tokens(s, slot), s->length);
    if (hd_forced_is_complete(&state)) return HEED_OK;
    int64_t first = l->count, tokens = hd_forced_next(&state, l->next);
    for (int64_t i = 0; i < tokens; i++) {
        banked one = {.candidate = {score_of(s, slot, l->next[i]), slot, l->next[i]}};
        HD_TRY(hd_forced_open(forced, l->scratch, &one.state));
        hd_forced_copy(&state, &one.state);
        hd_forced_add(&one.state, l->next[i]);
        one.shares = hd_forced_continues(&state, l->next[i]);
        if (one.shares && state.matched < state.longest) state.beginning[state.matched++] = l->next[i];
        one.shares = one.shares && one.state.begun >= 0;
        if (one.candidate.score > -INFINITY && !is_listed(l, slot, l->next[i])) l->items[l->count++] = one;
    }
    for (banked *b = l->items + first; b < l->items + l->count; b++) {
        if (b->shares) b->state.matched = state.matched;
        b->bank = hd_forced_bank(&b->state);
    }
    return HEED_OK;
}

/* Ranks in runs of one bank, in descending order. */
static void rank(bank_list *l) {
    for (int64_t i = 0; i < l->count; i++) {
        l->items[i].index = i;
        l->items[i].order = (float)(l->items[i].bank * 100) + l->items[i].candidate.score;
    }
    qsort(l->items, (size_t)l->count, sizeof *l->items, by_order);
    for (int64_t i = 0; i < l->count; i++) {
        bool same = i && l->items[i].bank == l->items[i - 1].bank;
        l->items[i].rank = same ? l->items[i - 1].rank + 1 : 0;
        l->items[i].index = i;
    }
    qsort(l->items, (size_t)l->count, sizeof *l->items, by_rank);
}

heed_status hd_forced_beam(hd_search *s, hd_arena *scratch, hd_candidate *best, int64_t *count) {
    int64_t words = s->generation.forced_words.words.count;
    bank_list l = {.search = s, .scratch = scratch};
    l.items = hd_arena_alloc(scratch, (size_t)(*count + s->slots * words), sizeof *l.items);
    l.next = hd_arena_alloc(scratch, (size_t)words, sizeof *l.next);
    if (!l.items || !l.next) return HEED_MEMORY;
    HD_TRY(list_best(&l, best, *count));
    for (int32_t slot = 0; slot < s->slots; slot++) HD_TRY(extend(&l, slot));
    if (l.count == *count) return HEED_OK; /* no forced token was added: the order stays */
    rank(&l);
    *count = hd_min(l.count, hd_search_beams(s));
    for (int64_t i = 0; i < *count; i++) best[i] = l.items[i].candidate;
    return HEED_OK;
}
