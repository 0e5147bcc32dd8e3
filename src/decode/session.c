/* A step encodes the sources that were added, gives every search its share of the step's tokens, runs the decoder
 * once, scores and chooses the next tokens, and drops the slots of finished searches. */
#include "decode/session.h"

#include "base/real.h"
#include "decode/search.h"

#include <stdlib.h>
#include <string.h>

typedef struct queue {
    hd_search *first, *last;
} queue;

struct hd_session {
    heed_context *context;
    hd_decoder *decoder;
    hd_session_limits limits;
    hd_arena scratch; /* of a step */
    hd_arena numbers; /* of a step, in device memory */
    uint64_t next_id;
    queue added, finished;
    hd_search *returned; /* the last result of hd_session_next */
    hd_search **running; /* [running_count], in the order of their slots */
    int64_t running_count, slots;
    size_t running_capacity;
    bool cancels;       /* one of the running searches is cancelled */
    heed_status status; /* of the last step */
};

/* ---- requests ---- */

static void push(queue *q, hd_search *search) {
    search->next = NULL;
    if (q->last)
        q->last->next = search;
    else
        q->first = search;
    q->last = search;
}

static hd_search *pop(queue *q) {
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
    if (limits) s->limits = *limits;
    hd_arena_open(&s->scratch, context);
    heed_status status = hd_network_decoder_open(context, network, &s->decoder);
    if (status == HEED_OK)
        hd_stream_arena_open(s->decoder->stream, &s->numbers), *session = s;
    else
        hd_session_close(s);
    return status;
}

void hd_session_close(hd_session *s) {
    if (!s) return;
    for (hd_search *search; (search = pop(&s->added)) || (search = pop(&s->finished));) hd_search_close(search);
    for (int64_t i = 0; i < s->running_count; i++) hd_search_close(s->running[i]);
    hd_search_close(s->returned);
    hd_free(s->context, s->running);
    hd_arena_close(&s->numbers);
    if (s->decoder) s->decoder->class->close(s->decoder);
    hd_arena_close(&s->scratch);
    hd_free(s->context, s);
}

heed_status hd_session_add(hd_session *s, const hd_request *request, uint64_t *id) {
    hd_search *search;
    HD_TRY(hd_search_open(s->context, s->decoder, request, &search));
    search->id = s->next_id++;
    if (id) *id = search->id;
    push(&s->added, search);
    return HEED_OK;
}

static bool cancel_added(queue *q, uint64_t id) {
    queue kept = {0};
    bool found = false;
    for (hd_search *search; (search = pop(q));) {
        if (search->id != id) {
            push(&kept, search);
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
        if (!s->running[i]->cancelled) return true;
    return s->added.first != NULL;
}

bool hd_session_next(hd_session *s, hd_decoded *decoded) {
    hd_search_close(s->returned);
    s->returned = pop(&s->finished);
    if (!s->returned) return false;
    const hd_search *search = s->returned;
    *decoded = (hd_decoded){.id = search->id,
                            .number = search->number,
                            .user = search->user,
                            .best = search->finished,
                            .count = hd_min(hd_max(search->generation.best, 1), search->finished_count)};
    return true;
}

int64_t hd_session_visible(const hd_session *s, int64_t tokens) {
    return tokens - hd_first_visible(s->decoder, tokens);
}

/* ---- slots ---- */

/* Drops the slots of searches that are done or cancelled, and copies the slots of hypotheses with several
 * continuations. */
static heed_status update_slots(hd_session *s) {
    int64_t most = 0, slots = 0, staying = 0;
    for (int64_t i = 0; i < s->running_count; i++) most += s->running[i]->slots;
    int32_t *parents = hd_arena_alloc(&s->scratch, (size_t)most, sizeof *parents);
    if (!parents) return HEED_MEMORY;
    bool changed = false;
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
        if (search->cancelled)
            hd_search_close(search);
        else if (search->slots == 0)
            push(&s->finished, search);
        else
            s->running[staying++] = search;
    }
    changed |= slots != s->slots;
    s->running_count = staying;
    s->slots = slots;
    s->cancels = false;
    return changed ? s->decoder->class->reorder(s->decoder, parents, slots) : HEED_OK;
}

/* The number of added searches that begin in this step. */
static int64_t count_starters(const hd_session *s) {
    int64_t count = 0, tokens = 0;
    for (const hd_search *search = s->added.first; search; search = search->next, count++) {
        tokens += search->source_count;
        if (count && tokens > (s->limits.step_tokens ? s->limits.step_tokens : INT32_MAX)) break;
    }
    return count;
}

/* Encodes the sources of the first `count` added searches together. */
static heed_status encode(hd_session *s, int64_t count) {
    int64_t tokens = 0, sequence = 0;
    for (const hd_search *search = s->added.first; sequence < count; search = search->next, sequence++)
        tokens += search->source_count;
    int32_t *ids = hd_arena_alloc(&s->scratch, (size_t)tokens, sizeof *ids);
    int32_t *starts = hd_arena_alloc(&s->scratch, (size_t)count + 1, sizeof *starts);
    if (!ids || !starts) return HEED_MEMORY;
    starts[0] = 0, sequence = 0;
    for (const hd_search *search = s->added.first; sequence < count; search = search->next, sequence++) {
        if (search->source_count)
            memcpy(ids + starts[sequence], search->source, (size_t)search->source_count * sizeof *ids);
        starts[sequence + 1] = starts[sequence] + (int32_t)search->source_count;
    }
    return s->decoder->class->add(s->decoder, ids, &(hd_layout){.sequences = count, .starts = starts});
}

static heed_status start_added(hd_session *s) {
    int64_t count = count_starters(s);
    if (!count) return HEED_OK;
    if (!hd_grow(s->context, &s->running, &s->running_capacity, (size_t)(s->running_count + count), sizeof *s->running))
        return HEED_MEMORY;
    HD_TRY(encode(s, count));
    for (; count > 0; count--) {
        hd_search *search = pop(&s->added);
        if (!hd_reads_source(&search->generation)) {
            hd_free(s->context, search->source);
            search->source = NULL;
        }
        search->first_slot = s->slots++;
        search->slots = 1;
        s->running[s->running_count++] = search;
    }
    return HEED_OK;
}

/* ---- one forward pass ---- */

/* The slots of a search begin anew when its tokens get other positions: the window slides, or the text has become so long
 * that rotary positions change. */
static void renew_positions(const hd_session *s, hd_search *search) {
    int64_t first = hd_first_visible(s->decoder, search->length), text = search->length - first;
    bool turns = search->text <= s->decoder->turn && text > s->decoder->turn;
    if ((first == search->first_visible && !turns) || hd_search_forced(search)) return;
    for (int64_t i = 0; i < search->slots; i++) s->decoder->class->rewind(s->decoder, search->first_slot + i, 0);
    search->first_visible = first;
    search->text = text;
    search->seen = 0;
}

/* The number of tokens that the slots of a search have not processed; 0 where the next token is forced. */
static int64_t unprocessed(const hd_search *search) {
    return hd_search_forced(search) ? 0 : search->length - search->first_visible - search->seen;
}

/* Divides the step's tokens: one per running hypothesis, then chunks of prompts, in order. */
static void plan(hd_session *s) {
    int64_t left = s->limits.step_tokens ? s->limits.step_tokens : INT32_MAX;
    bool any = false;
    for (int64_t i = 0; i < s->running_count; i++) {
        renew_positions(s, s->running[i]);
        s->running[i]->chunk = unprocessed(s->running[i]);
        if (s->running[i]->chunk == 1) left -= s->running[i]->slots;
    }
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        if (search->chunk <= 1) continue;
        search->chunk = hd_min(search->chunk, hd_max(left / search->slots, !any));
        left -= search->chunk * search->slots;
        any = true;
    }
}

/* Whether every slot of the search has processed all its tokens after the chunk. */
static bool is_ready(const hd_search *search) {
    return hd_search_forced(search) ||
           (search->chunk && search->length == search->first_visible + search->seen + search->chunk);
}

/* A step's tokens, and the slots whose next token is scored. */
typedef struct batch {
    int32_t *ids, *starts; /* [tokens], [slots + 1] */
    int32_t *lengths;      /* [slots]: of the texts */
    int32_t *scored;       /* [scores] */
    hd_scoring *scorings;  /* [scores] */
    int64_t scores;
} batch;

static heed_status open_batch(hd_session *s, batch *b) {
    int64_t tokens = 0;
    for (int64_t i = 0; i < s->running_count; i++) tokens += s->running[i]->chunk * s->running[i]->slots;
    *b = (batch){.ids = hd_arena_alloc(&s->scratch, (size_t)tokens, sizeof *b->ids),
                 .starts = hd_arena_alloc(&s->scratch, (size_t)s->slots + 1, sizeof *b->starts),
                 .lengths = hd_arena_alloc(&s->scratch, (size_t)s->slots, sizeof *b->lengths),
                 .scored = hd_arena_alloc(&s->scratch, (size_t)s->slots, sizeof *b->scored),
                 .scorings = hd_arena_alloc(&s->scratch, (size_t)s->slots, sizeof *b->scorings)};
    if (!b->ids || !b->starts || !b->lengths || !b->scored || !b->scorings) return HEED_MEMORY;
    b->starts[0] = 0;
    return HEED_OK;
}

static void add_chunk(batch *b, const hd_search *search) {
    for (int64_t i = 0; i < search->slots; i++) {
        int32_t *end = b->starts + search->first_slot + i;
        const int32_t *tokens = hd_search_tokens(search, i) + search->first_visible + search->seen;
        if (search->chunk) memcpy(b->ids + *end, tokens, (size_t)search->chunk * sizeof *tokens);
        end[1] = *end + (int32_t)search->chunk;
        b->lengths[search->first_slot + i] = (int32_t)search->text;
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
    HD_TRY(hd_search_reserve(search));
    if (hd_search_forced(search)) return open_forced(s, search);
    search->scorings = b->scorings + b->scores;
    for (int64_t i = 0; i < search->slots; i++) {
        hd_scoring *scoring = &search->scorings[i];
        b->scored[b->scores++] = (int32_t)(search->first_slot + i);
        *scoring = (hd_scoring){.prefix = {.generation = &search->generation,
                                           .tokens = hd_search_tokens(search, i),
                                           .length = search->length,
                                           .given = search->given},
                                .most = hd_search_continuations(search)};
        if (hd_reads_source(&search->generation))
            scoring->prefix.source = s->decoder->continues ? (hd_ids){scoring->prefix.tokens, search->given}
                                                           : (hd_ids){search->source, search->source_count};
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
    for (int64_t i = 0; i < s->running_count; i++) s->running[i]->seen += s->running[i]->chunk;
    hd_layout layout = {.sequences = s->slots, .starts = b.starts, .lengths = b.lengths};
    if (!b.starts[s->slots]) return HEED_OK; /* forced ends alone */
    HD_TRY(s->decoder->class->step(s->decoder, b.ids, &layout, b.scored, b.scores));
    return hd_score_next(s->decoder, b.scorings, b.scores, &s->numbers, &s->scratch);
}

static heed_status step(hd_session *s) {
    hd_arena_reset(&s->scratch);
    hd_arena_reset(&s->numbers);
    if (s->cancels) HD_TRY(update_slots(s));
    HD_TRY(start_added(s));
    if (!s->running_count) return HEED_OK;
    HD_TRY(forward(s));
    for (int64_t i = 0; i < s->running_count; i++) {
        hd_search *search = s->running[i];
        if (!search->scorings || search->cancelled) continue;
        HD_TRY(hd_search_beams(search) > 1 ? hd_beam_advance(search, &s->scratch)
                                           : hd_greedy_advance(search, &s->scratch));
    }
    return update_slots(s);
}

heed_status hd_session_step(hd_session *s) {
    if (s->status == HEED_OK) s->status = step(s);
    return s->status;
}
