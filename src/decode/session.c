/* A step encodes the sources that were added, proposes tokens, gives every search its share of the step's tokens, runs the
 * decoder once, scores and chooses the next tokens, and drops the slots of finished searches. */
#include "decode/session.h"

#include "base/real.h"
#include "decode/prefixes.h"
#include "decode/session_state.h"

#include <stdlib.h>
#include <string.h>

enum { LEAST_SHARED = 32 }; /* tokens; fewer cost little, and those that wait for them lose a step */

/* ---- requests ---- */

void hd_session_push(hd_session_queue *q, hd_search *search) {
    search->next = NULL;
    if (q->last)
        q->last->next = search;
    else
        q->first = search;
    q->last = search;
}

hd_search *hd_session_pop(hd_session_queue *q) {
    hd_search *search = q->first;
    if (search) q->first = search->next;
    if (!q->first) q->last = NULL;
    return search;
}

heed_status hd_session_open(heed_context *context, const hd_network *network, const hd_session_limits *limits,
                            hd_session **session) {
    hd_session *s = hd_alloc_zeroed(context, 1, sizeof *s);
    *session = NULL;
    if (!s) return HEED_MEMORY;
    s->context = context;
    s->network = network;
    if (limits) s->limits = *limits;
    if (!s->limits.step_tokens) s->limits.step_tokens = INT32_MAX;
    if (!s->limits.least_shared) s->limits.least_shared = LEAST_SHARED;
    hd_arena_open(&s->scratch, context);
    hd_arena_open(&s->loaded, context);
    heed_status status = hd_network_decoder_open(context, network, &s->decoder);
    if (status == HEED_OK) hd_stream_arena_open(s->decoder->stream, &s->numbers);
    if (status == HEED_OK && s->limits.draft) status = hd_draft_open(context, s->limits.draft, network, &s->draft);
    if (status == HEED_OK)
        *session = s;
    else
        hd_session_close(s);
    return status;
}

void hd_session_close(hd_session *s) {
    if (!s) return;
    for (hd_search *search; (search = hd_session_pop(&s->added)) || (search = hd_session_pop(&s->finished));)
        hd_search_close(search);
    for (int64_t i = 0; i < s->running_count; i++) hd_search_close(s->running[i]);
    hd_search_close(s->returned);
    hd_free(s->context, s->running);
    hd_draft_close(&s->draft);
    hd_arena_close(&s->numbers);
    if (s->decoder) s->decoder->class->close(s->decoder);
    hd_arena_close(&s->scratch);
    hd_arena_close(&s->loaded);
    hd_free(s->context, s);
}

heed_status hd_session_add(hd_session *s, const hd_request *request, uint64_t *id) {
    hd_search *search;
    HD_TRY(hd_search_open(s->context, s->decoder, request, &search));
    search->id = s->next_id++;
    if (id) *id = search->id;
    hd_session_push(&s->added, search);
    return HEED_OK;
}

static bool cancel_added(hd_session_queue *q, uint64_t id) {
    hd_session_queue kept = {0};
    bool found = false;
    for (hd_search *search; (search = hd_session_pop(q));) {
        if (search->id != id) {
            hd_session_push(&kept, search);
            continue;
        }
        hd_search_close(search);
        found = true;
    }
    *q = kept;
    return found;
}

heed_status hd_session_cancel(hd_session *s, uint64_t id) {
    if (cancel_added(&s->added, id)) return HEED_OK;
    for (int64_t i = 0; i < s->running_count; i++)
        if (s->running[i]->id == id && s->running[i]->slots && !s->running[i]->cancelled) {
            s->running[i]->cancelled = s->cancels = true;
            return HEED_OK;
        }
    return hd_fail(s->context, HEED_ARGUMENT, "no request %llu is queued or running", (unsigned long long)id);
}

bool hd_session_is_busy(const hd_session *s) {
    for (int64_t i = 0; i < s->running_count; i++)
        if (!s->running[i]->cancelled && !s->running[i]->kept) return true;
    return s->added.first != NULL;
}

bool hd_session_next(hd_session *s, hd_decoded *decoded) {
    hd_search_close(s->returned);
    s->returned = hd_session_pop(&s->finished);
    if (!s->returned) return false;
    const hd_search *search = s->returned;
    *decoded = (hd_decoded){.id = search->id,
                            .number = search->number,
                            .user = search->user,
                            .best = search->finished,
                            .count = hd_min(hd_max(search->generation.best, 1), search->finished_count),
                            .shared = search->shared,
                            .problem = search->finished_count || !search->problem[0] ? NULL : search->problem};
    return true;
}

int64_t hd_session_visible(const hd_session *s, int64_t tokens) {
    return tokens - hd_first_visible(s->decoder, tokens);
}

/* ---- slots: those of the draft are the same ---- */

static heed_status add_slots(hd_session *s, const int32_t *ids, const hd_layout *sources) {
    HD_TRY(s->decoder->class->add(s->decoder, ids, sources));
    return s->draft.decoder ? s->draft.decoder->class->add(s->draft.decoder, ids, sources) : HEED_OK;
}

static heed_status reorder_slots(hd_session *s, const int32_t *parents, int64_t count) {
    HD_TRY(s->decoder->class->reorder(s->decoder, parents, count));
    return s->draft.decoder ? s->draft.decoder->class->reorder(s->draft.decoder, parents, count) : HEED_OK;
}

/* Those that wait for a search find another leader, or none: what they have in common is no longer in its slot. */
static void replace_leader(hd_session *s, const hd_search *search) {
    for (int64_t i = 0; i < s->running_count; i++)
        if (s->running[i]->leader == search) hd_find_leader(s->decoder, s->running, i, s->limits.least_shared);
}

/* In place of searches that are done, others keep their slots. Those that were kept longest are dropped. */
static heed_status keep_slots(hd_session *s) {
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i], *kept;
        if (search->cancelled || search->slots || hd_search_beams(search) > 1 || !search->place.seen) continue;
        HD_TRY(hd_keep_slot(s->decoder, search, s->kept_count + 1, &kept));
        s->kept_count++;
        s->running[i] = kept;
        replace_leader(s, search);
        hd_session_push(&s->finished, search);
    }
    for (int64_t i = 0; i < s->running_count; i++)
        if (s->running[i]->kept && s->running[i]->kept <= s->kept_count - s->limits.kept)
            s->running[i]->cancelled = true;
    return HEED_OK;
}

/* Takes the searches that are done or cancelled out of the running ones. */
static void drop_searches(hd_session *s) {
    hd_session_queue dropped = {0};
    int64_t count = s->running_count;
    s->running_count = 0;
    for (int64_t i = 0; i < count; i++) {
        hd_search *search = s->running[i];
        if (!search->cancelled && search->slots)
            s->running[s->running_count++] = search;
        else
            hd_session_push(&dropped, search);
    }
    for (hd_search *search; (search = hd_session_pop(&dropped));) {
        replace_leader(s, search);
        if (search->cancelled)
            hd_search_close(search);
        else
            hd_session_push(&s->finished, search);
    }
}

/* Drops the slots of searches that are done or cancelled, and copies the slots of hypotheses with several
 * continuations. */
static heed_status update_slots(hd_session *s) {
    int64_t most = 0, slots = 0;
    bool changed = false, dropped = false;
    for (int64_t i = 0; i < s->running_count; i++) most += s->running[i]->slots;
    int32_t *parents = hd_arena_alloc(&s->scratch, (size_t)most, sizeof *parents);
    if (!parents) return HEED_MEMORY;
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        int64_t first = slots, end = search->cancelled ? slots : slots + search->slots;
        for (; slots < end; slots++) {
            parents[slots] =
                (int32_t)(search->first_slot + (search->parents ? search->parents[slots - first] : slots - first));
            changed |= parents[slots] != slots;
        }
        search->first_slot = first;
        search->parents = NULL;
        dropped |= end == first;
    }
    changed |= slots != s->slots;
    s->slots = slots;
    s->cancels = false;
    if (dropped) drop_searches(s);
    return changed ? reorder_slots(s, parents, slots) : HEED_OK;
}

/* The number of added searches that begin in this step. */
static int64_t count_starters(const hd_session *s) {
    int64_t count = 0, tokens = 0;
    for (const hd_search *search = s->added.first; search; search = search->next, count++) {
        tokens += search->source_count;
        if (count && tokens > s->limits.step_tokens) break;
    }
    return count;
}

/* Encodes each source of the searches once; their slots are in the same order. */
static heed_status encode(hd_session *s, const hd_sourced *added, int64_t count, int64_t different) {
    int64_t tokens = 0, sequences = 0;
    for (int64_t i = 0; i < count; i++) tokens += added[i].search->source_count;
    int32_t *ids = hd_arena_alloc(&s->scratch, (size_t)tokens, sizeof *ids);
    int32_t *starts = hd_arena_alloc(&s->scratch, (size_t)different + 1, sizeof *starts);
    int32_t *parents = hd_arena_alloc(&s->scratch, (size_t)(s->slots + count), sizeof *parents);
    if (!ids || !starts || !parents) return HEED_MEMORY;
    starts[0] = 0;
    for (int64_t i = 0; i < s->slots; i++) parents[i] = (int32_t)i;
    for (int64_t i = 0; i < count; i++) {
        const hd_search *search = added[i].search;
        if (added[i].first == added[i].index) {
            int32_t start = starts[sequences++], size = (int32_t)search->source_count;
            if (size) memcpy(ids + start, search->source, (size_t)size * sizeof *ids);
            starts[sequences] = start + size;
        }
        parents[s->slots + i] = (int32_t)(s->slots + sequences - 1);
    }
    HD_TRY(add_slots(s, ids, &(hd_layout){.sequences = different, .starts = starts}));
    return different < count ? reorder_slots(s, parents, s->slots + count) : HEED_OK;
}

static void start(hd_session *s, hd_search *search) {
    search->first_slot = s->slots++;
    search->slots = hd_max(search->slots, 1);
    s->running[s->running_count++] = search;
    hd_find_leader(s->decoder, s->running, s->running_count - 1, s->limits.least_shared);
}

/* Searches that were loaded from a file may have several hypotheses, but have begun with one slot. */
static heed_status copy_hypotheses(hd_session *s) {
    int64_t slots = 0, most = 0;
    for (int64_t i = 0; i < s->running_count; i++) most += s->running[i]->slots;
    if (most == s->slots) return HEED_OK;
    int32_t *parents = hd_arena_alloc(&s->scratch, (size_t)most, sizeof *parents);
    if (!parents) return HEED_MEMORY;
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        int32_t parent = (int32_t)search->first_slot;
        search->first_slot = slots;
        for (int64_t end = slots + search->slots; slots < end; slots++) parents[slots] = parent;
    }
    s->slots = slots;
    return reorder_slots(s, parents, slots);
}

heed_status hd_session_begin(hd_session *s, int64_t count) {
    int64_t different = count;
    if (!count) return HEED_OK;
    if (!hd_grow(s->context, &s->running, &s->running_capacity, (size_t)(s->running_count + count), sizeof *s->running))
        return HEED_MEMORY;
    hd_sourced *added = hd_arena_alloc(&s->scratch, (size_t)count, sizeof *added);
    if (!added) return HEED_MEMORY;
    int64_t index = 0;
    for (hd_search *search = s->added.first; index < count; search = search->next, index++)
        added[index] = (hd_sourced){search, index, index};
    if (!s->decoder->continues) different = hd_group_sources(added, count);
    HD_TRY(encode(s, added, count, different));
    for (int64_t i = 0; i < count; i++) hd_session_pop(&s->added);
    for (int64_t i = 0; i < count; i++) start(s, added[i].search);
    return copy_hypotheses(s);
}

/* ---- one forward pass ---- */

/* The slots of a search begin anew when its tokens get other positions: the window slides, or the text has become so long
 * that rotary positions change. */
static void renew_positions(hd_session *s, hd_search *search) {
    int64_t first = hd_first_visible(s->decoder, search->length), text = search->length - first;
    bool turns = search->place.text <= s->decoder->turn && text > s->decoder->turn;
    if ((first == search->place.first && !turns) || hd_search_forced(search)) return;
    for (int64_t i = 0; i < search->slots; i++) s->decoder->class->rewind(s->decoder, search->first_slot + i, 0);
    search->place = (hd_place){.first = first, .text = text};
    replace_leader(s, search);
}

/* Divides the step's tokens: one per running hypothesis, then proposed ones, then chunks of prompts, in order. */
static void plan(hd_session *s) {
    int64_t left = s->limits.step_tokens;
    bool any = false;
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        search->chunk = hd_search_unprocessed(search);
        if (search->chunk != 1) continue;
        search->chunk += search->proposed;
        left -= search->chunk * search->slots;
    }
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        if (hd_search_unprocessed(search) <= 1) continue;
        int64_t most = hd_most_chunk(s->decoder, s->running, s->running_count, i);
        search->chunk = hd_min(hd_min(search->chunk, most), hd_max(left / search->slots, !any));
        left -= search->chunk * search->slots;
        any = true;
    }
}

/* Whether every slot of the search has processed all its tokens after the chunk. */
static bool is_ready(const hd_search *search) {
    return hd_search_forced(search) || (search->chunk && search->length + search->proposed ==
                                                             search->place.first + search->place.seen + search->chunk);
}

/* A step's tokens, and the slots whose next tokens are scored. */
typedef struct batch {
    int32_t *ids, *starts; /* [tokens], [slots + 1] */
    int32_t *lengths;      /* [slots]: of the texts */
    int32_t *scored;       /* [scores] */
    hd_scoring *scorings;  /* [scores] */
    int64_t scores;
} batch;

static heed_status open_batch(hd_session *s, batch *b) {
    int64_t tokens = 0, scores = s->slots;
    for (int64_t i = 0; i < s->running_count; i++) {
        tokens += s->running[i]->chunk * s->running[i]->slots;
        scores += s->running[i]->proposed;
    }
    *b = (batch){.ids = hd_arena_alloc(&s->scratch, (size_t)tokens, sizeof *b->ids),
                 .starts = hd_arena_alloc(&s->scratch, (size_t)s->slots + 1, sizeof *b->starts),
                 .lengths = hd_arena_alloc(&s->scratch, (size_t)s->slots, sizeof *b->lengths),
                 .scored = hd_arena_alloc(&s->scratch, (size_t)scores, sizeof *b->scored),
                 .scorings = hd_arena_alloc(&s->scratch, (size_t)scores, sizeof *b->scorings)};
    if (!b->ids || !b->starts || !b->lengths || !b->scored || !b->scorings) return HEED_MEMORY;
    b->starts[0] = 0;
    return HEED_OK;
}

static void add_chunk(batch *b, const hd_search *search) {
    for (int64_t i = 0; i < search->slots; i++) {
        int32_t *end = b->starts + search->first_slot + i;
        const int32_t *tokens = hd_search_tokens(search, i) + search->place.first + search->place.seen;
        if (search->chunk) memcpy(b->ids + *end, tokens, (size_t)search->chunk * sizeof *tokens);
        end[1] = *end + (int32_t)search->chunk;
        b->lengths[search->first_slot + i] = (int32_t)search->place.text;
    }
}

static int by_token(const void *a, const void *b) {
    const hd_continuation *x = a, *y = b;
    return (x->token > y->token) - (x->token < y->token);
}

/* Forced tokens need no logits. */
static heed_status open_forced(hd_session *s, hd_search *search) {
    const hd_ids *forced = hd_search_forced(search);
    search->scorings = hd_arena_alloc(&s->scratch, (size_t)search->slots, sizeof *search->scorings);
    hd_continuation *best = hd_arena_alloc(&s->scratch, (size_t)forced->count, sizeof *best);
    if (!search->scorings || !best) return HEED_MEMORY;
    double log_prob = search->generation.renormalize ? -hd_logarithm((double)forced->count) : 0;
    for (int64_t i = 0; i < forced->count; i++) best[i] = (hd_continuation){(float)log_prob, forced->ids[i]};
    qsort(best, (size_t)forced->count, sizeof *best, by_token);
    for (int64_t i = 0; i < search->slots; i++)
        search->scorings[i] =
            (hd_scoring){.best = best, .count = hd_min(forced->count, hd_search_continuations(search))};
    return HEED_OK;
}

static heed_status add_scorings(hd_session *s, batch *b, hd_search *search) {
    HD_TRY(hd_search_reserve(search, 1));
    if (hd_search_forced(search)) return open_forced(s, search);
    search->scorings = b->scorings + b->scores;
    for (int64_t i = 0; i < search->slots; i++)
        for (int64_t j = 0; j <= search->proposed; j++) {
            hd_scoring *scoring = &b->scorings[b->scores];
            b->scored[b->scores++] = (int32_t)(search->first_slot + i);
            *scoring = (hd_scoring){.most = hd_search_continuations(search)};
            hd_search_prefix(search, i, search->length + j, &scoring->prefix);
            HD_TRY(hd_scoring_open(scoring, &s->scratch));
        }
    return HEED_OK;
}

static heed_status forward(hd_session *s) {
    batch b;
    plan(s);
    HD_TRY(open_batch(s, &b));
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        add_chunk(&b, search);
        search->scorings = NULL;
        if (is_ready(search)) HD_TRY(add_scorings(s, &b, search));
    }
    for (int64_t i = 0; i < s->running_count; i++) s->running[i]->place.seen += s->running[i]->chunk;
    hd_layout layout = {.sequences = s->slots, .starts = b.starts, .lengths = b.lengths};
    if (!b.starts[s->slots]) return HEED_OK; /* forced ends alone */
    HD_TRY(s->decoder->class->step(s->decoder, b.ids, &layout, b.scored, b.scores));
    return hd_score_next(s->decoder, b.scorings, b.scores, &s->numbers, &s->scratch);
}

/* ---- steps ---- */

static heed_status share_prefixes(hd_session *s) {
    for (int64_t i = 0; i < s->running_count; i++) HD_TRY(hd_share_prefix(s->decoder, s->running[i]));
    return HEED_OK;
}

static heed_status step(hd_session *s) {
    hd_arena_reset(&s->scratch);
    hd_arena_reset(&s->numbers);
    if (s->cancels) HD_TRY(update_slots(s));
    HD_TRY(hd_session_begin(s, count_starters(s)));
    if (!s->running_count) return HEED_OK;
    for (int64_t i = 0; i < s->running_count; i++) renew_positions(s, s->running[i]);
    HD_TRY(share_prefixes(s));
    HD_TRY(hd_session_propose(s));
    HD_TRY(forward(s));
    HD_TRY(share_prefixes(s)); /* before the slots of those that finish are dropped */
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        if (!search->scorings || search->cancelled) continue;
        HD_TRY(hd_search_beams(search) > 1 ? hd_beam_advance(search, &s->scratch) : hd_session_advance(s, search));
    }
    if (s->limits.kept && s->decoder->continues) HD_TRY(keep_slots(s));
    return update_slots(s);
}

heed_status hd_session_step(hd_session *s) {
    if (s->status == HEED_OK) s->status = step(s);
    return s->status;
}
