#include "decode/prefixes.h"

#include <stdlib.h>
#include <string.h>

/* ---- prompts ---- */

/* Whether the slot of a search can be copied: it has one, which never had copies, and neither its prompt nor its positions are
 * past. */
static bool can_lead(const hd_decoder *decoder, const hd_search *leader, const hd_search *search) {
    bool alone = leader->slots == 1 && (hd_search_beams(leader) == 1 || leader->length == leader->given);
    bool same_positions = leader->place.text == search->place.text ||
                          (leader->place.text <= decoder->turn && search->place.text <= decoder->turn);
    return alone && same_positions && !leader->cancelled;
}

/* The first tokens that both have. The search has at least one more, after which its next token is predicted. */
static int64_t count_common(const hd_search *leader, const hd_search *search) {
    int64_t own = search->length - search->place.first - 1, most = hd_min(own, leader->length - leader->place.first);
    const int32_t *a = leader->tokens + leader->place.first, *b = search->tokens + search->place.first;
    int64_t count = 0;
    while (count < most && a[count] == b[count]) count++;
    return count;
}

/* Whether the slot of the leader is, or will be, past its first `common` tokens without having stopped there. A state is that
 * after all processed tokens; keys of the first ones stay. */
static bool is_past(const hd_decoder *decoder, const hd_search *leader, int64_t common) {
    return !decoder->class->rewind && hd_max(leader->place.seen, leader->leader ? leader->shared : 0) > common;
}

void hd_find_leader(const hd_decoder *decoder, hd_search *const *searches, int64_t index, int64_t least) {
    hd_search *search = searches[index];
    search->leader = NULL;
    search->shared = 0;
    if (!decoder->continues || search->place.seen || search->slots != 1) return;
    for (int64_t i = 0; i < index; i++) {
        hd_search *leader = searches[i];
        if (!can_lead(decoder, leader, search)) continue;
        int64_t common = count_common(leader, search);
        if (common >= least && common > search->shared && !is_past(decoder, leader, common))
            search->leader = leader, search->shared = common;
    }
}

int64_t hd_most_chunk(const hd_decoder *decoder, hd_search *const *searches, int64_t count, int64_t index) {
    int64_t most = INT64_MAX, seen = searches[index]->place.seen;
    for (int64_t i = index + 1; i < count && !decoder->class->rewind; i++)
        if (searches[i]->leader == searches[index] && searches[i]->shared > seen)
            most = hd_min(most, searches[i]->shared - seen);
    return most;
}

heed_status hd_share_prefix(hd_decoder *decoder, hd_search *search) {
    const hd_search *leader = search->leader;
    if (!leader || leader->place.seen < search->shared) return HEED_OK;
    search->leader = NULL;
    if (is_past(decoder, leader, search->shared)) search->shared = 0; /* it got another leader meanwhile */
    if (!search->shared) return HEED_OK;
    search->place.seen = search->shared;
    return decoder->class->copy(decoder, leader->first_slot, search->first_slot, search->shared);
}

heed_status hd_keep_slot(hd_decoder *decoder, const hd_search *finished, int64_t number, hd_search **kept) {
    hd_search *k = *kept = hd_alloc_zeroed(finished->context, 1, sizeof *k);
    if (!k) return HEED_MEMORY;
    k->context = finished->context;
    hd_arena_open(&k->records, k->context);
    k->decoder = decoder;
    k->id = UINT64_MAX;
    k->kept = number;
    k->generation.beams = k->slots = 1;
    k->first_slot = finished->first_slot;
    k->place = finished->place;
    if (decoder->class->rewind) { /* the last token may not be the one that was proposed and processed */
        k->place.seen = hd_min(k->place.seen, finished->length - 1 - k->place.first);
        decoder->class->rewind(decoder, k->first_slot, k->place.seen);
    }
    k->length = k->given = k->capacity = k->place.first + k->place.seen;
    k->tokens = hd_alloc(k->context, (size_t)k->length, sizeof *k->tokens);
    if (!k->tokens) {
        hd_search_close(k);
        return HEED_MEMORY;
    }
    memcpy(k->tokens, finished->tokens, (size_t)k->length * sizeof *k->tokens);
    return HEED_OK;
}

/* ---- sources ---- */

static int compare_sources(const hd_search *a, const hd_search *b) {
    if (a->source_count != b->source_count) return a->source_count > b->source_count ? 1 : -1;
    return a->source_count ? memcmp(a->source, b->source, (size_t)a->source_count * sizeof *a->source) : 0;
}

static int by_source(const void *x, const void *y) {
    const hd_sourced *a = x, *b = y;
    int order = compare_sources(a->search, b->search);
    return order ? order : (a->index > b->index) - (a->index < b->index);
}

static int by_first(const void *x, const void *y) {
    const hd_sourced *a = x, *b = y;
    if (a->first != b->first) return a->first > b->first ? 1 : -1;
    return (a->index > b->index) - (a->index < b->index);
}

int64_t hd_group_sources(hd_sourced *searches, int64_t count) {
    int64_t different = 0;
    qsort(searches, (size_t)count, sizeof *searches, by_source);
    for (int64_t i = 0; i < count; i++) {
        bool same = i > 0 && compare_sources(searches[i - 1].search, searches[i].search) == 0;
        searches[i].first = same ? searches[i - 1].first : searches[i].index;
        different += !same;
    }
    qsort(searches, (size_t)count, sizeof *searches, by_first);
    return different;
}
