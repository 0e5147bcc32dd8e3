#include "decode/search.h"

#include "base/best.h"
#include "decode/constraint.h"
#include "decode/session.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_CAPACITY = 32 }; /* tokens generated */

int64_t hd_first_visible(const hd_decoder *decoder, int64_t length) {
    int64_t half = hd_max(decoder->window / 2, 1), over = length - decoder->window;
    return over > 0 ? (over + half - 1) / half * half : 0;
}

int64_t hd_search_most_proposed(const hd_search *s, const hd_decoder *decoder, const hd_place *place) {
    if (hd_search_beams(s) > 1 || !decoder->class->rewind) return 0;
    int64_t visible = s->length - place->first;
    int64_t most = s->limit - hd_search_made(s) - (s->generation.forced_last.count > 0);
    most = hd_min(most, decoder->window - visible);
    if (place->text <= decoder->turn) most = hd_min(most, decoder->turn - visible);
    return hd_max(most, 0);
}

/* ---- opening ---- */

heed_status hd_session_allow(heed_context *context, const hd_generation *g) {
    if (g->lacking) return hd_fail(context, HEED_UNSUPPORTED, "%s", g->lacking);
    if (g->forced_words.count && g->beams < 2)
        return hd_fail(context, HEED_ARGUMENT,
                       "forced words (force_words_ids) need a beam search: set beams (num_beams) to at least 2");
    if (!g->sample) return HEED_OK;
    if (g->beams > 1)
        return hd_fail(context, HEED_ARGUMENT,
                       "sample (do_sample) with %lld beams (num_beams), which heed lacks: set one of them",
                       (long long)g->beams);
    if (g->forced_words.count)
        return hd_fail(context, HEED_ARGUMENT,
                       "forced words (force_words_ids) need a beam search, but tokens are sampled");
    if (!(g->temperature > 0))
        return hd_fail(context, HEED_ARGUMENT, "temperature is not above 0, but tokens are sampled");
    if (!(g->typical_p > 0)) return hd_fail(context, HEED_ARGUMENT, "typical_p is not above 0, but tokens are sampled");
    return HEED_OK;
}

static heed_status check(heed_context *context, const hd_decoder *decoder, const hd_request *request) {
    HD_TRY(hd_session_allow(context, request->generation));
    if (!decoder->continues && (request->generation->start < 0 || request->generation->start >= decoder->vocabulary))
        return hd_fail(context, HEED_FORMAT, "decoder_start_token_id %d is not one of the model's %lld tokens",
                       request->generation->start, (long long)decoder->vocabulary);
    if (decoder->continues && request->count == 0) return hd_fail(context, HEED_ARGUMENT, "the prompt is empty");
    if (!decoder->continues && request->count > decoder->window)
        return hd_fail(context, HEED_LENGTH, "%lld tokens are more than the model's %lld", (long long)request->count,
                       (long long)decoder->window);
    for (int64_t i = 0; i < request->count; i++)
        if (request->ids[i] < 0 || request->ids[i] >= decoder->source_vocabulary)
            return hd_fail(context, HEED_ARGUMENT, "token %d is not one of the model's %lld", request->ids[i],
                           (long long)decoder->source_vocabulary);
    return HEED_OK;
}

/* The maximum length of a target, without its given tokens. */
static int64_t limit_of(const hd_decoder *decoder, const hd_generation *generation, int64_t given) {
    int64_t limit = generation->max_new_tokens;
    if (!limit)
        limit = (generation->max_length ? generation->max_length : decoder->max_positions) -
                (given - hd_first_visible(decoder, given));
    /* A translation has no sliding window. The last token generated is not an input. */
    if (!decoder->continues && decoder->window < INT64_MAX) limit = hd_min(limit, decoder->window + 1 - given);
    return hd_max(limit, 1);
}

static int32_t *copy_ids(heed_context *context, const int32_t *ids, int64_t count) {
    int32_t *copy = hd_alloc(context, (size_t)count, sizeof *copy);
    if (copy && count) memcpy(copy, ids, (size_t)count * sizeof *ids);
    return copy;
}

static heed_status copy_stops(hd_search *s, const hd_stops *stops) {
    if (!stops->count) return HEED_OK;
    s->stops.count = stops->count;
    s->stops.starts = copy_ids(s->context, stops->starts, stops->count + 1);
    s->stops.ids = copy_ids(s->context, stops->ids, stops->starts[stops->count]);
    return s->stops.starts && s->stops.ids ? HEED_OK : HEED_MEMORY;
}

/* Forced words must fit into the generated tokens; words of the prompt count too, but may not be there. */
static heed_status check_forced(const hd_search *s) {
    int64_t shortest = hd_forced_words_shortest(&s->generation.forced_words);
    if (shortest <= s->limit) return HEED_OK;
    return hd_fail(s->context, HEED_ARGUMENT, "forced words of %lld tokens do not fit into %lld generated tokens",
                   (long long)shortest, (long long)s->limit);
}

/* The single initial hypothesis: the start token, or the prompt. */
static heed_status begin(hd_search *s, const hd_request *request) {
    size_t beams = (size_t)hd_search_beams(s);
    if (s->generation.log_probs) {
        s->last = hd_alloc_zeroed(s->context, beams, sizeof *s->last);
        if (!s->last) return HEED_MEMORY;
    }
    bool continues = s->decoder->continues;
    s->given = s->length = continues ? request->count : 1;
    s->limit = limit_of(s->decoder, &s->generation, s->given);
    HD_TRY(check_forced(s));
    s->place.first = hd_first_visible(s->decoder, s->given);
    s->place.text = s->given - s->place.first;
    s->capacity = s->given + hd_min(s->limit, FIRST_CAPACITY);
    s->tokens = hd_alloc(s->context, beams * (size_t)s->capacity, sizeof *s->tokens);
    s->finished = hd_alloc(s->context, beams, sizeof *s->finished);
    if (beams > 1) {
        s->spare = hd_alloc(s->context, beams * (size_t)s->capacity, sizeof *s->spare);
        s->scores = hd_alloc_zeroed(s->context, beams, sizeof *s->scores);
        if (!s->spare || !s->scores) return HEED_MEMORY;
    }
    if (!s->tokens || !s->finished) return HEED_MEMORY;
    memcpy(s->tokens, continues ? request->ids : &s->generation.start, (size_t)s->given * sizeof *s->tokens);
    if (continues) return HEED_OK;
    s->source = copy_ids(s->context, request->ids, request->count);
    s->source_count = request->count;
    return s->source ? HEED_OK : HEED_MEMORY;
}

heed_status hd_search_open(heed_context *context, const hd_decoder *decoder, const hd_request *request,
                           hd_search **search) {
    *search = NULL;
    HD_TRY(check(context, decoder, request));
    hd_search *s = hd_alloc_zeroed(context, 1, sizeof *s);
    if (!s) return HEED_MEMORY;
    s->context = context;
    hd_arena_open(&s->records, context);
    s->decoder = decoder;
    s->generation = *request->generation;
    s->generation.beams = hd_max(s->generation.beams, 1);
    s->number = request->number;
    s->lookup_count = hd_proposal_count_new(s->generation.prompt_lookup);
    s->draft_count = hd_proposal_count_new(INT64_MAX);
    s->user = request->user;
    s->token = s->generation.beams == 1 ? request->token : NULL;
    s->stopped = request->stopped;
    s->stop_user = request->stop_user;
    s->logits = request->logits;
    s->beam = request->beam;
    heed_status status = copy_stops(s, &request->stops);
    if (status == HEED_OK) status = begin(s, request);
    if (status == HEED_OK)
        *search = s;
    else
        hd_search_close(s);
    return status;
}

void hd_search_close(hd_search *s) {
    if (!s) return;
    for (int64_t i = 0; i < s->finished_count; i++) hd_free(s->context, s->finished[i].ids);
    hd_arena_close(&s->records);
    void *arrays[] = {s->source, s->tokens, s->spare, s->scores, s->finished, s->last};
    for (size_t i = 0; i < HD_COUNT(arrays); i++) hd_free(s->context, arrays[i]);
    hd_free(s->context, (int32_t *)s->stops.ids);
    hd_free(s->context, (int32_t *)s->stops.starts);
    hd_free(s->context, s);
}

/* ---- hypotheses ---- */

void hd_search_prefix(const hd_search *s, int64_t slot, int64_t length, hd_prefix *prefix) {
    const int32_t *tokens = hd_search_tokens(s, slot);
    *prefix = (hd_prefix){.generation = &s->generation, .tokens = tokens, .length = length, .given = s->given};
    prefix->left = s->given + s->limit - length;
    if (!hd_reads_source(&s->generation)) return;
    prefix->source = s->decoder->continues ? (hd_ids){tokens, s->given} : (hd_ids){s->source, s->source_count};
}

heed_status hd_search_reserve(hd_search *s, int64_t next) {
    if (s->length + next <= s->capacity) return HEED_OK;
    int64_t capacity = hd_min(hd_max(2 * s->capacity, s->length + next), s->given + s->limit);
    size_t count = (size_t)(hd_search_beams(s) * capacity);
    int32_t *tokens = hd_alloc(s->context, count, sizeof *tokens);
    int32_t *spare = s->spare ? hd_alloc(s->context, count, sizeof *spare) : NULL;
    if (!tokens || (s->spare && !spare)) {
        hd_free(s->context, tokens);
        hd_free(s->context, spare);
        return HEED_MEMORY;
    }
    for (int64_t i = 0; i < s->slots; i++)
        memcpy(tokens + i * capacity, hd_search_tokens(s, i), (size_t)s->length * sizeof *tokens);
    hd_free(s->context, s->tokens);
    hd_free(s->context, s->spare);
    s->tokens = tokens, s->spare = spare;
    s->capacity = capacity;
    return HEED_OK;
}

/* The number of tokens of the stop sequence that the text ends in, or 0. */
static int64_t stop_sequence(const hd_search *s, const int32_t *tokens) {
    const hd_stops *stops = &s->stops;
    int64_t made = hd_search_made(s), end = s->length + 1;
    for (int64_t i = 0; i < stops->count; i++) {
        int64_t count = stops->starts[i + 1] - stops->starts[i];
        if (count <= made &&
            memcmp(tokens + end - count, stops->ids + stops->starts[i], (size_t)count * sizeof *tokens) == 0)
            return count;
    }
    return 0;
}

/* ---- constraints ---- */

/* How far tokens [length + 1] without the last `dropped`, and without `cut` bytes of their text, match the constraint. */
static heed_status measure(const hd_search *s, const int32_t *tokens, int64_t dropped, size_t cut,
                           hd_constraint_progress *progress) {
    hd_constrained_text text = {.tokens = tokens, .length = s->length + 1 - dropped, .given = s->given, .cut = cut};
    return hd_constraint_measure(s->generation.constraint, s->context, &text, progress);
}

/* Whether the constraint has nothing that may follow tokens [length + 1], and the network has no token that ends texts. */
static heed_status find_closed(const hd_search *s, const int32_t *tokens, bool *closed) {
    hd_constraint_progress progress;
    *closed = false;
    if (!s->generation.constraint || s->generation.ends.count) return HEED_OK;
    HD_TRY(measure(s, tokens, 0, 0, &progress));
    *closed = progress == HD_CONSTRAINT_CLOSED;
    return HEED_OK;
}

heed_status hd_search_ending(const hd_search *s, const int32_t *tokens, hd_ending *ending) {
    *ending = (hd_ending){.tokens = hd_search_is_end(s, tokens[s->length]) ? 1 : stop_sequence(s, tokens)};
    if (!ending->tokens && s->stopped) HD_TRY(s->stopped(s->stop_user, tokens, s->length + 1, &ending->bytes));
    HD_TRY(find_closed(s, tokens, &ending->ends));
    ending->ends |= ending->tokens || ending->bytes;
    return HEED_OK;
}

void hd_search_record_dead_end(hd_search *s) {
    snprintf(s->problem, sizeof s->problem,
             "no token of the vocabulary may be number %lld: the constraint and the other options exclude all",
             (long long)hd_search_made(s));
}

/* Whether a hypothesis that ended matches the constraint. An end token belongs to its text if it has one; a stop string does
 * where it is kept. */
static heed_status check_constraint(hd_search *s, const int32_t *tokens, const hd_ending *ending, bool *matches) {
    hd_constraint_progress progress;
    *matches = true;
    if (!s->generation.constraint) return HEED_OK;
    HD_TRY(measure(s, tokens, hd_search_is_end(s, tokens[s->length]) ? 0 : ending->tokens,
                   s->generation.keep_stop ? 0 : ending->bytes, &progress));
    *matches = progress != HD_CONSTRAINT_INCOMPLETE;
    if (*matches) return HEED_OK;
    if (ending->ends || hd_search_made(s) < s->limit)
        snprintf(s->problem, sizeof s->problem, "the text was ended before it matched the constraint");
    else
        snprintf(s->problem, sizeof s->problem, "the text does not match the constraint after %lld tokens, its limit",
                 (long long)s->limit);
    return HEED_OK;
}

heed_status hd_search_finish(hd_search *s, const int32_t *tokens, const hd_ending *ending, float score,
                             const hd_record *record) {
    bool matches;
    HD_TRY(check_constraint(s, tokens, ending, &matches));
    if (!matches) return HEED_OK;
    int64_t beams = hd_search_beams(s), count = hd_search_made(s) - ending->tokens;
    hd_hypothesis *last = &s->finished[beams - 1];
    bool full = s->finished_count == beams;
    if (full && !(score > last->score)) return HEED_OK;
    int32_t last_token = tokens[s->length];
    hd_hypothesis new = {.score = score,
                         .ids = copy_ids(s->context, tokens + s->given, count),
                         .count = count,
                         .end = hd_search_is_end(s, last_token) ? last_token : -1,
                         .stop_bytes = ending->bytes,
                         .lacks_words = ending->lacks_words,
                         .last = record,
                         .made = hd_search_made(s)};
    if (!new.ids) return HEED_MEMORY;
    if (full) hd_free(s->context, last->ids);
    hd_keep_best(s->finished, &s->finished_count, beams, sizeof new, &new);
    return HEED_OK;
}

heed_status hd_search_record(hd_search *s, int64_t slot, int32_t token, const hd_record **record) {
    *record = NULL;
    if (!s->last) return HEED_OK;
    return hd_record_add(&s->records, &s->scorings[slot], s->decoder->vocabulary, token, s->generation.top_log_probs,
                         s->last[slot], record);
}
