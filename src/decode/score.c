/* Logits processors become changes to the scores of some tokens, and the device finds the best tokens of all rows
 * (device/device.h: best_tokens). Only what it finds is downloaded: never the logits, except of texts that are sampled among
 * all tokens. */
#include "decode/score.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The tokens that top-k sampling finds as the best; among more, sorting the whole row is quicker. */
enum { MOST_SAMPLED = 256 };

heed_status hd_scoring_open(hd_scoring *s, hd_arena *arena) {
    int64_t top_k = s->generation->top_k;
    s->samples = s->generation->sample;
    /* One more than top-k shows whether there are more. */
    if (s->samples) s->most = top_k > 0 && top_k < MOST_SAMPLED ? top_k + 1 : 0;
    s->best = hd_arena_alloc(arena, (size_t)s->most, sizeof *s->best);
    s->count = 0;
    s->logits = NULL;
    return s->best ? HEED_OK : HEED_MEMORY;
}

/* ---- logits processors ---- */

/* The changes to one row's scores. */
typedef struct change_list {
    hd_score_change *changes; /* [count] */
    int64_t count, vocabulary;
} change_list;

static void change(change_list *list, int32_t token, float bias, float penalty) {
    if (token >= 0 && token < list->vocabulary) list->changes[list->count++] = (hd_score_change){token, bias, penalty};
}

static void penalize(change_list *list, const hd_scoring *s) {
    if (s->generation->repetition_penalty == 1.0f) return;
    for (int64_t i = 0; i < s->length; i++) change(list, s->tokens[i], -0.0f, s->generation->repetition_penalty);
}

static void exclude(change_list *list, int32_t token) { change(list, token, -INFINITY, 1.0f); }

/* Excludes tokens that would repeat an n-gram. */
static void exclude_repeated(change_list *list, const hd_scoring *s) {
    const int32_t *tokens = s->tokens;
    int64_t n = s->generation->no_repeat_ngram, count = s->length;
    if (!n || count + 1 < n) return;
    const int32_t *tail = tokens + count - (n - 1);
    for (int64_t i = 0; i + n <= count; i++)
        if (memcmp(tokens + i, tail, (size_t)(n - 1) * sizeof *tokens) == 0) exclude(list, tokens[i + n - 1]);
}

static int64_t most_changes(const hd_scoring *s) { return 1 + 2 * s->length; }

static int by_token(const void *a, const void *b) {
    const hd_score_change *x = a, *y = b;
    if (x->token != y->token) return x->token > y->token ? 1 : -1;
    return (x->bias > y->bias) - (x->bias < y->bias);
}

/* Sorts the changes, and makes one of those of a token: biases are added, a penalty acts once. */
static void merge_changes(change_list *list) {
    int64_t kept = 0;
    qsort(list->changes, (size_t)list->count, sizeof *list->changes, by_token);
    for (int64_t i = 0; i < list->count; i++) {
        hd_score_change next = list->changes[i], *merged = &list->changes[kept ? kept - 1 : 0];
        if (!kept || merged->token != next.token) {
            list->changes[kept++] = next;
            continue;
        }
        merged->bias += next.bias;
        if (next.penalty != 1.0f) merged->penalty = next.penalty;
    }
    list->count = kept;
}

/* ---- the call of the device ---- */

static heed_status list_changes(const hd_decoder *decoder, const hd_scoring *scorings, hd_arena *host,
                                hd_best_tokens_call *call) {
    int64_t most = 0;
    for (int64_t i = 0; i < call->rows; i++) most += most_changes(&scorings[i]);
    hd_score_change *changes = hd_arena_alloc(host, (size_t)most, sizeof *changes);
    int32_t *starts = hd_arena_alloc(host, (size_t)call->rows + 1, sizeof *starts);
    if (!changes || !starts) return HEED_MEMORY;
    starts[0] = 0;
    for (int64_t i = 0; i < call->rows; i++) {
        change_list list = {.changes = changes + starts[i], .vocabulary = decoder->vocabulary};
        exclude(&list, decoder->pad);
        penalize(&list, &scorings[i]);
        exclude_repeated(&list, &scorings[i]);
        merge_changes(&list);
        starts[i + 1] = starts[i] + (int32_t)list.count;
    }
    call->changes = changes;
    call->change_starts = starts;
    return HEED_OK;
}

/* What is downloaded after the last range of tokens. */
typedef struct results {
    hd_token_score *best; /* device [best_count]: of all rows */
    float *logits;        /* device [whole_rows, vocabulary] */
    int64_t best_count, whole_rows;
} results;

static hd_token_scores scores_of(const hd_scoring *s) {
    if (s->samples) return HD_CHANGED_LOGITS;
    return s->most == 1 ? HD_SOFTMAX_AFTER_CHANGE : HD_SOFTMAX_BEFORE_CHANGE;
}

static bool needs_whole_row(const hd_scoring *s) { return s->most == 0; }

static heed_status list_rows(const hd_scoring *scorings, hd_arena *device, hd_arena *host, hd_best_tokens_call *call,
                             results *r) {
    for (int64_t i = 0; i < call->rows; i++)
        r->best_count += scorings[i].most, r->whole_rows += needs_whole_row(&scorings[i]);
    hd_best_row *rows = hd_arena_alloc(host, (size_t)call->rows, sizeof *rows);
    r->best = hd_arena_alloc(device, (size_t)r->best_count, sizeof *r->best);
    r->logits = hd_arena_alloc(device, (size_t)(r->whole_rows * call->vocabulary), sizeof *r->logits);
    call->sums = hd_arena_alloc(device, (size_t)call->rows, sizeof *call->sums);
    call->changed = hd_arena_alloc(device, (size_t)call->change_starts[call->rows], sizeof *call->changed);
    if (!rows || !r->best || !r->logits || !call->sums || !call->changed) return HEED_MEMORY;
    hd_token_score *best = r->best;
    float *logits = r->logits;
    for (int64_t i = 0; i < call->rows; i++) {
        const hd_scoring *s = &scorings[i];
        rows[i] = (hd_best_row){scores_of(s), s->most, best, needs_whole_row(s) ? logits : NULL};
        best += s->most;
        if (rows[i].logits) logits += call->vocabulary;
    }
    call->row = rows;
    return HEED_OK;
}

static heed_status read_results(hd_stream *stream, const results *r, int64_t vocabulary, hd_arena *host,
                                hd_scoring *scorings, int64_t rows) {
    const hd_token_score *best = hd_stream_read(stream, host, r->best, (size_t)r->best_count * sizeof *best);
    size_t logit_bytes = (size_t)(r->whole_rows * vocabulary) * sizeof(float);
    const float *logits = r->whole_rows ? hd_stream_read(stream, host, r->logits, logit_bytes) : NULL;
    if (*stream->status != HEED_OK) return *stream->status;
    for (hd_scoring *s = scorings; s < scorings + rows; s++) {
        for (; s->count < s->most && best[s->count].token >= 0; s->count++)
            s->best[s->count] = (hd_continuation){best[s->count].score, best[s->count].token};
        best += s->most;
        if (!needs_whole_row(s)) continue;
        s->logits = logits;
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
