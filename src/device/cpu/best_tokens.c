/* The best tokens of rows of logits. A range of a row is read in pieces: each is added to the row's softmax and searched for
 * tokens that belong to the best so far while it is in the CPU's first cache. */
#include "device/cpu/cpu.h"

#include <math.h>
#include <string.h>

/* One row while a range of its logits is read. */
typedef struct reading {
    const hd_kernels *kernels;
    const hd_best_tokens_call *call;
    const hd_best_row *row;
    hd_exp_sum *sum;
    int32_t change, change_end; /* the row's changes that are left */
} reading;

static float change_score(const hd_score_change *change, float score) {
    if (change->bias == -INFINITY) return -INFINITY; /* of an infinite score too */
    score += change->bias;
    return (score < 0 ? score * change->penalty : score / change->penalty) - change->reduction;
}

static bool precedes(const hd_token_score *a, const hd_token_score *b) {
    return a->score > b->score || (a->score == b->score && a->token < b->token);
}

/* Adds a token to the list if it belongs there, which then loses its last. */
static void insert(const hd_best_row *row, hd_token_score new) {
    int64_t i = row->most - 1;
    if (i < 0 || !precedes(&new, &row->best[i])) return;
    for (; i > 0 && precedes(&new, &row->best[i - 1]); i--) row->best[i] = row->best[i - 1];
    row->best[i] = new;
}

/* Changes the piece's logits; before a softmax they are also kept, and removed from the piece. */
static void apply_changes(reading *r, int64_t first, int64_t count, float *x) {
    const hd_score_change *changes = r->call->changes;
    for (; r->change < r->change_end && changes[r->change].token < first + count; r->change++) {
        float *score = &x[changes[r->change].token - first];
        if (r->row->scores == HD_SOFTMAX_BEFORE_CHANGE)
            r->call->changed[r->change] = *score, *score = -INFINITY;
        else
            *score = change_score(&changes[r->change], *score);
    }
}

static bool is_allowed(const hd_best_row *row, int64_t token) {
    return !row->allowed || (row->allowed[token / 64] >> token % 64 & 1);
}

/* Excludes tokens from the piece, which begins at a multiple of 64. */
static void exclude(const hd_best_row *row, int64_t first, int64_t count, float *x) {
    for (int64_t j = 0; row->allowed && j < count; j += 64) {
        uint64_t allowed = row->allowed[(first + j) / 64];
        if (allowed == ~(uint64_t)0) continue;
        for (int64_t i = j; i < j + 64 && i < count; i++, allowed >>= 1)
            if (!(allowed & 1)) x[i] = -INFINITY;
    }
}

/* What is not above the list's last cannot enter it; tokens ascend, so equals of the last cannot either. */
static void search_piece(const reading *r, int64_t first, int64_t count, const float *x) {
    const float *worst = &r->row->best[r->row->most - 1].score;
    for (int64_t j = 0; (j += r->kernels->find_above(count - j, x + j, *worst)) < count; j++)
        insert(r->row, (hd_token_score){x[j], (int32_t)(first + j)});
}

static void read_piece(reading *r, int64_t first, int64_t count, float *x) {
    bool before = r->row->scores == HD_SOFTMAX_BEFORE_CHANGE;
    float largest = INFINITY;
    if (r->row->raw) memcpy(r->row->raw + first, x, (size_t)count * sizeof *x);
    if (!before) apply_changes(r, first, count, x), exclude(r->row, first, count, x);
    if (r->row->logits) memcpy(r->row->logits + first, x, (size_t)count * sizeof *x);
    if (r->row->scores != HD_CHANGED_LOGITS) largest = r->kernels->add_exponentials(count, x, r->sum);
    if (before) apply_changes(r, first, count, x), exclude(r->row, first, count, x);
    if (r->row->most && largest > r->row->best[r->row->most - 1].score) search_piece(r, first, count, x);
}

/* Logits become log-probabilities. */
static void normalize(const reading *r, int32_t first_change) {
    float log_sum = r->kernels->log_of_sum(r->sum);
    for (int64_t i = 0; i < r->row->most; i++)
        if (r->row->best[i].token >= 0) r->row->best[i].score -= log_sum;
    if (r->row->scores != HD_SOFTMAX_BEFORE_CHANGE) return;
    for (int32_t i = first_change; i < r->change_end; i++) {
        const hd_score_change *change = &r->call->changes[i];
        if (!is_allowed(r->row, change->token)) continue;
        insert(r->row, (hd_token_score){change_score(change, r->call->changed[i] - log_sum), change->token});
    }
}

static void read_row(const hd_kernels *kernels, const hd_best_tokens_call *c, int64_t index) {
    const int32_t *changes = c->change_starts + index;
    reading r = {kernels, c, &c->row[index], &c->sums[index], changes[0], changes[1]};
    float *x = c->logits + index * c->columns;
    if (c->first == 0) {
        *r.sum = (hd_exp_sum){.largest = -INFINITY};
        for (int64_t i = 0; i < r.row->most; i++) r.row->best[i] = (hd_token_score){-INFINITY, -1};
    }
    while (r.change < r.change_end && c->changes[r.change].token < c->first) r.change++;
    for (int64_t j = 0; j < c->columns; j += HD_EXP_PIECE)
        read_piece(&r, c->first + j, hd_min(HD_EXP_PIECE, c->columns - j), x + j);
    if (c->first + c->columns == c->vocabulary && r.row->scores != HD_CHANGED_LOGITS) normalize(&r, changes[0]);
}

static void best_tokens(const void *argument, const hd_slice *s) {
    for (int64_t row = s->start; row < s->end; row++) read_row(s->kernels, argument, row);
}

void hd_cpu_best_tokens(hd_stream *stream, const hd_best_tokens_call *call) {
    hd_for_slices(stream->context, call->rows, 1, 2 * call->rows * call->columns, best_tokens, call);
}
