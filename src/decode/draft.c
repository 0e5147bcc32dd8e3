#include "decode/draft.h"

#include <string.h>

static const char *kind_of(const hd_recipe *recipe) {
    return hd_recipe_translates(recipe) ? "translates" : "continues texts";
}

heed_status hd_draft_check(heed_context *context, const hd_recipe *draft, const hd_recipe *recipe) {
    if (!draft->side[HD_DECODER].layers || hd_recipe_translates(draft) != hd_recipe_translates(recipe))
        return hd_fail(context, HEED_ARGUMENT, "the draft model %s, but the model %s",
                       draft->side[HD_DECODER].layers ? kind_of(draft) : "generates no text", kind_of(recipe));
    if (draft->architecture == HD_RECURRENT)
        return hd_fail(context, HEED_ARGUMENT,
                       "a recurrent network cannot be a draft model: its states cannot be taken back");
    int64_t tokens = hd_recipe_target_vocabulary(recipe), drafted = hd_recipe_target_vocabulary(draft);
    if (tokens == drafted && draft->vocabulary == recipe->vocabulary) return HEED_OK;
    return hd_fail(context, HEED_ARGUMENT, "the draft model has %lld tokens, but the model has %lld",
                   (long long)hd_max(drafted, draft->vocabulary), (long long)hd_max(tokens, recipe->vocabulary));
}

heed_status hd_draft_open(heed_context *context, const hd_network *network, const hd_network *target, hd_draft *draft) {
    HD_TRY(hd_draft_check(context, &network->recipe, &target->recipe));
    HD_TRY(hd_network_decoder_open(context, network, &draft->decoder));
    hd_stream_arena_open(draft->decoder->stream, &draft->numbers);
    return HEED_OK;
}

void hd_draft_close(hd_draft *draft) {
    if (!draft->decoder) return;
    hd_arena_close(&draft->numbers);
    draft->decoder->class->close(draft->decoder);
    draft->decoder = NULL;
}

/* ---- passes ---- */

/* The searches of a pass: those that have a token to process. */
typedef struct pass {
    hd_draft *draft;
    hd_search *const *searches; /* [count] */
    int64_t count, slots;
    int64_t *left;            /* [count]: tokens still to be proposed */
    int64_t *chunks;          /* [count]: tokens of this pass */
    int32_t *ids, *starts;    /* [tokens], [slots + 1] */
    int32_t *lengths;         /* [slots]: of the texts */
    int32_t *scored;          /* [scores] */
    hd_scoring *scorings;     /* [count, of which `scores`] */
    int64_t *scored_searches; /* [scores] */
    int64_t scores;
    hd_arena *scratch;
} pass;

/* Tokens of the text and proposed ones that the draft has not processed. */
static int64_t unprocessed(const hd_search *search) {
    return search->length + search->proposed - search->draft.first - search->draft.seen;
}

/* The draft's slot begins anew when its window slides. */
static void renew(hd_decoder *decoder, hd_search *search) {
    int64_t first = hd_first_visible(decoder, search->length), text = search->length - first;
    hd_place *place = &search->draft;
    bool turns = place->text <= decoder->turn && text > decoder->turn;
    if (place->text && first == place->first && !turns) return;
    decoder->class->rewind(decoder, search->first_slot, 0);
    *place = (hd_place){.first = first, .text = text};
}

static heed_status open_pass(pass *p, int64_t step_tokens) {
    int64_t tokens = 0;
    for (int64_t i = 0; i < p->count; i++) {
        p->chunks[i] = p->left[i] > 0 ? hd_min(unprocessed(p->searches[i]), step_tokens) : 0;
        tokens += p->chunks[i];
    }
    p->ids = hd_arena_alloc(p->scratch, (size_t)tokens, sizeof *p->ids);
    p->starts = hd_arena_alloc(p->scratch, (size_t)p->slots + 1, sizeof *p->starts);
    p->lengths = hd_arena_alloc(p->scratch, (size_t)p->slots, sizeof *p->lengths);
    p->scored = hd_arena_alloc(p->scratch, (size_t)p->count, sizeof *p->scored);
    p->scorings = hd_arena_alloc(p->scratch, (size_t)p->count, sizeof *p->scorings);
    p->scored_searches = hd_arena_alloc(p->scratch, (size_t)p->count, sizeof *p->scored_searches);
    if (!p->ids || !p->starts || !p->lengths || !p->scored || !p->scorings || !p->scored_searches) return HEED_MEMORY;
    p->starts[0] = 0;
    p->scores = 0;
    return HEED_OK;
}

static void add_chunk(pass *p, const hd_search *search, int64_t chunk) {
    for (int64_t slot = search->first_slot; slot < search->first_slot + search->slots; slot++) {
        int32_t start = p->starts[slot];
        const int32_t *tokens = search->tokens + search->draft.first + search->draft.seen;
        if (chunk) memcpy(p->ids + start, tokens, (size_t)chunk * sizeof *tokens);
        p->starts[slot + 1] = start + (int32_t)chunk;
        p->lengths[slot] = (int32_t)hd_max(search->draft.text, 1);
    }
}

/* The draft scores what follows its last token as the request would. */
static heed_status add_scoring(pass *p, int64_t i) {
    hd_search *search = p->searches[i];
    hd_scoring *scoring = &p->scorings[p->scores];
    *scoring = (hd_scoring){.most = 1};
    hd_search_prefix(search, 0, search->length + search->proposed, &scoring->prefix);
    p->scored[p->scores] = (int32_t)search->first_slot;
    p->scored_searches[p->scores++] = i;
    return hd_scoring_open(scoring, p->scratch);
}

static heed_status run(pass *p) {
    for (int64_t i = 0; i < p->count; i++) {
        hd_search *search = p->searches[i];
        int64_t chunk = p->chunks[i];
        add_chunk(p, search, chunk);
        if (chunk && chunk == unprocessed(search)) HD_TRY(add_scoring(p, i));
        search->draft.seen += chunk;
    }
    hd_decoder *decoder = p->draft->decoder;
    hd_layout layout = {.sequences = p->slots, .starts = p->starts, .lengths = p->lengths};
    HD_TRY(decoder->class->step(decoder, p->ids, &layout, p->scored, p->scores));
    return hd_score_next(decoder, p->scorings, p->scores, &p->draft->numbers, p->scratch);
}

/* Appends the proposals of a pass. Nothing is proposed after the end of a text. */
static heed_status append(pass *p) {
    memset(p->chunks, 0, (size_t)p->count * sizeof *p->chunks);
    for (int64_t j = 0; j < p->scores; j++) {
        int64_t i = p->scored_searches[j];
        hd_search *search = p->searches[i];
        hd_continuation next;
        HD_TRY(hd_greedy_choose(search, &p->scorings[j], p->scratch, &next));
        search->tokens[search->length + search->proposed++] = next.token;
        p->chunks[i] = 1;
        if (hd_search_is_end(search, next.token)) p->left[i] = 0;
    }
    for (int64_t i = 0; i < p->count; i++) p->left[i] = p->chunks[i] ? p->left[i] - 1 : 0;
    return HEED_OK;
}

static bool is_done(const pass *p) {
    for (int64_t i = 0; i < p->count; i++)
        if (p->left[i] > 0) return false;
    return true;
}

heed_status hd_draft_propose(hd_draft *draft, hd_search *const *searches, int64_t count, int64_t slots,
                             const int64_t *drafted, int64_t step_tokens, hd_arena *scratch) {
    pass p = {.draft = draft, .searches = searches, .count = count, .slots = slots, .scratch = scratch};
    p.left = hd_arena_alloc(scratch, (size_t)count, sizeof *p.left);
    p.chunks = hd_arena_alloc(scratch, (size_t)count, sizeof *p.chunks);
    if (!p.left || !p.chunks) return HEED_MEMORY;
    for (int64_t i = 0; i < count; i++) {
        p.left[i] = drafted[i];
        if (!drafted[i]) continue;
        renew(draft->decoder, searches[i]);
        p.left[i] = hd_min(drafted[i], hd_search_most_proposed(searches[i], draft->decoder, &searches[i]->draft));
    }
    while (!is_done(&p)) {
        hd_arena_reset(&draft->numbers);
        HD_TRY(open_pass(&p, step_tokens));
        HD_TRY(run(&p));
        HD_TRY(append(&p));
    }
    return HEED_OK;
}

void hd_draft_rewind(hd_draft *draft, hd_search *search) {
    int64_t valid = search->length - 1 - search->draft.first;
    if (!draft->decoder || search->draft.seen <= valid) return;
    search->draft.seen = hd_max(valid, 0);
    draft->decoder->class->rewind(draft->decoder, search->first_slot, search->draft.seen);
}
