/* Logits processors become changes to the scores of some tokens, and the device finds the best tokens of all rows
 * (device/device.h: best_tokens). Only what it finds is downloaded: never the logits, except of texts that are sampled among
 * all tokens, and of those with a processor that needs them all. */
#include "decode/score.h"

#include "base/best.h"
#include "decode/constraint.h"

#include <math.h>
#include <string.h>

/* The tokens that top-k sampling finds as the best; among more, sorting the whole row is quicker. */
enum { MOST_SAMPLED = 256 };

/* The tokens that the constraint allows. */
static heed_status find_allowed(hd_prefix *prefix, hd_arena *arena) {
    hd_constraint *constraint = prefix->generation->constraint;
    hd_constrained_text text = {.tokens = prefix->tokens, .length = prefix->length, .given = prefix->given};
    uint64_t *allowed = hd_arena_alloc(arena, hd_constraint_words(constraint), sizeof *allowed);
    prefix->allowed = allowed;
    return allowed ? hd_constraint_allow(constraint, arena->context, &text, prefix->left, allowed) : HEED_MEMORY;
}

heed_status hd_scoring_open(hd_scoring *s, hd_arena *arena) {
    const hd_generation *g = s->prefix.generation;
    s->samples = g->sample;
    s->needs_row = hd_needs_row(g);
    /* One more than top-k shows whether there are more. */
    if (s->samples) s->most = g->top_k > 0 && g->top_k < MOST_SAMPLED && !s->needs_row ? g->top_k + 1 : 0;
    s->best = hd_arena_alloc(arena, (size_t)s->most, sizeof *s->best);
    s->count = 0;
    s->logits = s->row = s->raw = NULL;
    if (!s->best) return HEED_MEMORY;
    return g->constraint ? find_allowed(&s->prefix, arena) : HEED_OK;
}

/* ---- the call of the device ---- */

static heed_status list_changes(const hd_decoder *decoder, const hd_scoring *scorings, hd_arena *host,
                                hd_best_tokens_call *call) {
    int64_t most = 0;
    for (int64_t i = 0; i < call->rows; i++) most += hd_most_changes(&scorings[i].prefix);
    hd_score_change *changes = hd_arena_alloc(host, (size_t)most, sizeof *changes);
    int32_t *starts = hd_arena_alloc(host, (size_t)call->rows + 1, sizeof *starts);
    if (!changes || !starts) return HEED_MEMORY;
    starts[0] = 0;
    for (int64_t i = 0; i < call->rows; i++) {
        const hd_scoring *s = &scorings[i];
        int64_t count = s->needs_row ? 0 : hd_list_changes(&s->prefix, decoder->vocabulary, changes + starts[i]);
        starts[i + 1] = starts[i] + (int32_t)count;
    }
    call->changes = changes;
    call->change_starts = starts;
    return HEED_OK;
}

/* What the device has after the last range of tokens. */
typedef struct results {
    hd_token_score *best; /* device [best_count]: of all rows */
    float *logits;        /* device [whole_rows, vocabulary] */
    float *raw;           /* device [raw_rows, vocabulary] */
    int64_t best_count, whole_rows, raw_rows;
} results;

static hd_token_scores scores_of(const hd_scoring *s) {
    const hd_generation *g = s->prefix.generation;
    if (s->samples || s->needs_row) return HD_CHANGED_LOGITS;
    /* without a penalty, the softmax of changed logits is that of changed log-probabilities */
    return g->beams == 1 || g->renormalize ? HD_SOFTMAX_AFTER_CHANGE : HD_SOFTMAX_BEFORE_CHANGE;
}

/* Whether the device keeps the row's logits. */
static bool keeps_row(const hd_scoring *s) { return s->samples || s->needs_row; }

/* Whether the device keeps the network's logits besides. */
static bool keeps_raw(const hd_scoring *s) { return s->prefix.generation->log_probs; }

/* The tokens for the device to find. */
static int64_t most_found(const hd_scoring *s) { return s->needs_row ? 0 : s->most; }

static heed_status list_rows(const hd_scoring *scorings, hd_arena *device, hd_arena *host, hd_best_tokens_call *call,
                             results *r) {
    for (int64_t i = 0; i < call->rows; i++) {
        r->best_count += most_found(&scorings[i]);
        r->whole_rows += keeps_row(&scorings[i]);
        r->raw_rows += keeps_raw(&scorings[i]);
    }
    hd_best_row *rows = hd_arena_alloc(host, (size_t)call->rows, sizeof *rows);
    r->best = hd_arena_alloc(device, (size_t)r->best_count, sizeof *r->best);
    r->logits = hd_arena_alloc(device, (size_t)(r->whole_rows * call->vocabulary), sizeof *r->logits);
    r->raw = hd_arena_alloc(device, (size_t)(r->raw_rows * call->vocabulary), sizeof *r->raw);
    call->sums = hd_arena_alloc(device, (size_t)call->rows, sizeof *call->sums);
    call->changed = hd_arena_alloc(device, (size_t)call->change_starts[call->rows], sizeof *call->changed);
    if (!rows || !r->best || !r->logits || !r->raw || !call->sums || !call->changed) return HEED_MEMORY;
    hd_token_score *best = r->best;
    float *logits = r->logits, *raw = r->raw;
    for (int64_t i = 0; i < call->rows; i++) {
        const hd_scoring *s = &scorings[i];
        rows[i] = (hd_best_row){.scores = scores_of(s),
                                .most = most_found(s),
                                .best = best,
                                .logits = keeps_row(s) ? logits : NULL,
                                .raw = keeps_raw(s) ? raw : NULL,
                                .allowed = s->needs_row ? NULL : s->prefix.allowed};
        best += most_found(s);
        if (rows[i].logits) logits += call->vocabulary;
        if (rows[i].raw) raw += call->vocabulary;
    }
    call->row = rows;
    return HEED_OK;
}

/* ---- results ---- */

/* Top-k keeps all tokens that are as probable as the last one: more of them may be in the row. */
static bool ends_in_equals(const hd_scoring *s) {
    return s->count == s->most && s->most > 1 && s->best[s->most - 1].log_prob == s->best[s->most - 2].log_prob;
}

/* Applies the processors that need the whole row. Of the results the best are kept, unless they are sampled. */
static heed_status process(hd_scoring *s, const float *logits, int64_t vocabulary, hd_arena *host) {
    float *row = hd_arena_alloc(host, (size_t)vocabulary, sizeof *row);
    if (!row) return HEED_MEMORY;
    memcpy(row, logits, (size_t)vocabulary * sizeof *row);
    HD_TRY(hd_process_row(&s->prefix, row, vocabulary, host));
    if (s->samples) {
        s->logits = row;
        return HEED_OK;
    }
    s->row = row;
    double log_sum = s->prefix.generation->beams == 1 ? hd_log_sum(row, vocabulary) : 0;
    for (int64_t i = 0; i < vocabulary; i++)
        if (row[i] > -INFINITY)
            hd_keep_best(s->best, &s->count, s->most, sizeof *s->best, &(hd_continuation){row[i], (int32_t)i});
    for (int64_t i = 0; i < s->count; i++) s->best[i].log_prob = (float)((double)s->best[i].log_prob - log_sum);
    return HEED_OK;
}

static heed_status read_row(hd_stream *stream, const float *row, int64_t vocabulary, hd_arena *host, hd_scoring *s) {
    const float *logits = hd_stream_read(stream, host, row, (size_t)vocabulary * sizeof *row);
    if (!logits) return *stream->status;
    if (s->needs_row) return process(s, logits, vocabulary, host);
    s->logits = logits;
    return HEED_OK;
}

static heed_status read_results(hd_stream *stream, const results *r, int64_t vocabulary, hd_arena *host,
                                hd_scoring *scorings, int64_t rows) {
    const hd_token_score *best = hd_stream_read(stream, host, r->best, (size_t)r->best_count * sizeof *best);
    const float *logits = r->logits, *raw = r->raw;
    if (*stream->status != HEED_OK) return *stream->status;
    for (hd_scoring *s = scorings; s < scorings + rows; s++) {
        for (; s->count < most_found(s) && best[s->count].token >= 0; s->count++)
            s->best[s->count] = (hd_continuation){best[s->count].score, best[s->count].token};
        best += most_found(s);
        if (keeps_raw(s)) {
            s->raw = hd_stream_read(stream, host, raw, (size_t)vocabulary * sizeof *raw);
            if (!s->raw) return *stream->status;
            raw += vocabulary;
        }
        if (!keeps_row(s)) continue;
        if (s->needs_row || s->most == 0 || ends_in_equals(s)) HD_TRY(read_row(stream, logits, vocabulary, host, s));
        logits += vocabulary;
    }
    return HEED_OK;
}

heed_status hd_score_next(hd_decoder *decoder, hd_scoring *scorings, int64_t rows, hd_arena *device, hd_arena *host) {
    if (!rows) return HEED_OK;
    hd_stream *stream = decoder->stream;
    hd_best_tokens_call call = {.rows = rows, .vocabulary = decoder->vocabulary};
    results found = {0};
    HD_TRY(list_changes(decoder, scorings, host, &call));
    HD_TRY(list_rows(scorings, device, host, &call, &found));
    int64_t at_once = hd_max(stream->device->logits_at_once / rows / HD_EXP_PIECE, 1) * HD_EXP_PIECE;
    for (; call.first < call.vocabulary; call.first += call.columns) {
        call.columns = hd_min(at_once, call.vocabulary - call.first);
        HD_TRY(decoder->class->logits(decoder, call.first, call.columns, &call.logits));
        stream->device->best_tokens(stream, &call);
    }
    return read_results(stream, &found, call.vocabulary, host, scorings, rows);
}
