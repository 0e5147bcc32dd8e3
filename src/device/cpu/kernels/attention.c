/* Scaled dot-product attention of one head (Vaswani et al., 2017) with an online softmax (Milakov and Gimelshein,
 * 2018), blocked as in FlashAttention (Dao et al., 2022) so that at most 32 × 64 scores exist at a time.
 *
 * Keys are visited in blocks that start at multiples of 64 of the absolute key position, and masked keys are
 * skipped, so a query's result depends neither on other queries nor on what was cached. `visible` alone decides
 * which keys a query attends to; attention_keys.h defines where keys are in memory. */
#include "device/cpu/kernels/attention_keys.h"

/* The number of keys in the block from `first_key` that are visible to the query in row `row`. */
static int64_t visible(const hd_attention *a, int64_t row, int64_t first_key) {
    int64_t keys = hd_min(a->keys - first_key, KEYS);
    if (a->causal) keys = hd_min(keys, a->first_query + row + 1 - first_key);
    return hd_max(keys, 0);
}

/* That number for each of several rows; returns the largest, which is the last row's. */
static int64_t count_visible(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, int64_t *counts) {
    for (int64_t r = 0; r < rows; r++) counts[r] = visible(a, row + r, first_key);
    return counts[rows - 1];
}

/* Drops weights [0, count) of a row; columns are absolute key positions, so a block is one group of random words. */
static void drop(const hd_attention *a, int64_t row, int64_t first_key, int64_t count, float *weights) {
    if (!a->dropout.threshold) return;
    lanes_u random[4];
    lanes_philox(a->dropout.key, (uint32_t)(first_key / KEYS), (uint32_t)(a->first_query + row), a->example, random);
    for (int l = 0; l < 4 && l * LANES < count; l++) {
        float *w = weights + l * LANES;
        lanes kept = lanes_mul(lanes_set(a->dropout.scale), lanes_load(w));
        lanes_store(w, lanes_select_less_u(random[l], lanes_set_u(a->dropout.threshold), lanes_set(0.0f), kept));
    }
}

/* Turns a row of raw scores into exp(scale · score − largest), zeros up to a whole vector; updates the row's running
 * largest score and denominator, and returns the factor for what was summed before. */
static float online_softmax(const hd_attention *a, int64_t count, float *scores, float *largest, float *denominator) {
    const lanes lowest = lanes_set(-INFINITY);
    lanes top = lowest;
    for (int64_t j = 0; j < count; j += LANES) {
        lanes s = lanes_mul(lanes_load(scores + j), lanes_set(a->scale));
        s = lanes_select_first(count - j, s, lowest);
        lanes_store(scores + j, s);
        top = lanes_max(top, s);
    }
    float before = *largest, block_top = lanes_largest(top), now = before > block_top ? before : block_top;
    *largest = now;
    lanes sum = lanes_set(0.0f);
    for (int64_t j = 0; j < count; j += LANES) {
        lanes e = lanes_exp(lanes_sub(lanes_load(scores + j), lanes_set(now)));
        e = lanes_select_first(count - j, e, lanes_set(0.0f));
        lanes_store(scores + j, e);
        sum = lanes_add(sum, e);
    }
    if (before == -INFINITY) { /* the sum is empty */
        *denominator = lanes_sum(sum);
        return 1.0f;
    }
    float t[LANES];
    lanes_store(t, lanes_exp(lanes_sub(lanes_set(before), lanes_set(now))));
    *denominator = fmaf(*denominator, t[0], lanes_sum(sum));
    return t[0];
}

static void scale_row(int64_t width, float factor, const float *x, float *y) {
    for (int64_t j = 0; j < width; j += LANES)
        lanes_store_some(y + j, lanes_mul(lanes_set(factor), lanes_load_some(x + j, width - j)), width - j);
}

static float logarithm(float x) {
    float t[LANES];
    lanes_store(t, lanes_log(lanes_set(x)));
    return t[0];
}

/* Working memory for a block of queries: parts of the scratch. */
typedef struct workspace {
    float *scores;                /* [QUERIES, KEYS] */
    float *sums;                  /* [QUERIES, width] */
    float *largest, *denominator; /* [QUERIES] */
    float *pooled;                /* [QUERIES, pool_keys] */
} workspace;

/* Adds softmax · values of the block of keys from `key` to the output so far. */
static void attend_block(const hd_attention *a, int64_t row, int64_t rows, int64_t key, const int64_t *counts,
                         const workspace *w) {
    score_block(a, row, rows, key, counts[rows - 1], w->pooled, w->scores);
    for (int64_t r = 0; r < rows; r++) {
        if (!counts[r]) continue;
        float *line = w->scores + r * KEYS, *sums = w->sums + r * a->width;
        float factor = online_softmax(a, counts[r], line, &w->largest[r], &w->denominator[r]);
        if (factor != 1.0f) scale_row(a->width, factor, sums, sums);
        drop(a, row + r, key, counts[r], line);
    }
    add_values(a, row, rows, key, counts, w->scores, w->sums);
}

/* The weights for observers: the scores are computed again and divided by the denominator. */
static void write_weights(const hd_attention *a, int64_t row, int64_t rows, const workspace *w) {
    for (int64_t key = 0; key < a->keys; key += KEYS) {
        int64_t keys = hd_min(a->keys - key, KEYS), counts[QUERIES];
        count_visible(a, row, rows, key, counts);
        score_block(a, row, rows, key, keys, w->pooled, w->scores);
        for (int64_t r = 0; r < rows; r++) {
            float *out = a->weights + (row + r) * a->keys + key;
            for (int64_t j = 0; j < keys; j += LANES) {
                lanes s = lanes_mul(lanes_load(w->scores + r * KEYS + j), lanes_set(a->scale));
                lanes e = lanes_exp(lanes_sub(s, lanes_set(w->largest[r])));
                lanes p = lanes_div(e, lanes_set(w->denominator[r]));
                p = lanes_select_first(hd_max(counts[r] - j, 0), p, lanes_set(0.0f));
                lanes_store_some(out + j, p, keys - j);
            }
        }
    }
}

static void attend_queries(const hd_attention *a, int64_t row, int64_t rows, const workspace *w) {
    int64_t counts[QUERIES];
    score_pool(a, row, rows, w->pooled);
    for (int64_t r = 0; r < rows; r++) w->largest[r] = -INFINITY, w->denominator[r] = 0.0f;
    memset(w->sums, 0, (size_t)(rows * a->width) * sizeof *w->sums);
    for (int64_t key = 0; count_visible(a, row, rows, key, counts) > 0; key += KEYS)
        attend_block(a, row, rows, key, counts, w);
    for (int64_t r = 0; r < rows; r++) {
        float inverse = a->keys ? 1.0f / w->denominator[r] : 0.0f; /* no visible keys: the output is zero */
        scale_row(a->width, inverse, w->sums + r * a->width, a->output + (row + r) * a->output_row);
        if (a->log_sum) a->log_sum[(row + r) * a->log_sum_row] = w->largest[r] + logarithm(w->denominator[r]);
    }
    if (a->weights) write_weights(a, row, rows, w);
}

void HD_KERNEL(attention)(const hd_attention *a, int64_t queries, float *scratch) {
    workspace w = {.scores = scratch, .sums = scratch + QUERIES * KEYS};
    w.largest = w.sums + QUERIES * a->width;
    w.denominator = w.largest + QUERIES;
    w.pooled = w.denominator + QUERIES;
    for (int64_t row = 0; row < queries; row += QUERIES) attend_queries(a, row, hd_min(queries - row, QUERIES), &w);
}

/* ---- backward ---- */

/* A block of queries, and working memory for a block of its scores. */
typedef struct backward_block {
    int64_t row, rows;
    const float *q, *d_output;        /* [rows, width] */
    float *dq;                        /* [rows, width] */
    float *scores, *slopes, *dropped; /* [QUERIES, KEYS] */
    float *row_sums;                  /* [QUERIES]: D */
} backward_block;

/* D = Σ over width of dO · O for each row. */
static void sum_outputs(const hd_attention *a, const backward_block *b) {
    for (int64_t r = 0; r < b->rows; r++) {
        if (!a->keys) memset(b->dq + r * a->q_row, 0, (size_t)a->width * sizeof *b->dq);
        lanes sum = lanes_set(0.0f);
        for (int64_t j = 0; j < a->width; j += LANES)
            sum = lanes_fma(lanes_load_some(b->d_output + r * a->output_row + j, a->width - j),
                            lanes_load_some(a->output + (b->row + r) * a->output_row + j, a->width - j), sum);
        b->row_sums[r] = lanes_sum(sum);
    }
}

/* The weights P of `keys` keys from `key` in scores, P M in dropped, and scale dS in slopes. */
static void make_slopes(const hd_attention *a, const backward_block *b, int64_t key, const int64_t *counts,
                        int64_t keys) {
    times_panels(a, b->q, a->q_row, b->rows, a->k_panels, key, keys, b->scores);
    times_panels(a, b->d_output, a->output_row, b->rows, a->v_panels, key, keys, b->slopes);
    for (int64_t r = 0; r < b->rows; r++) {
        float *p = b->scores + r * KEYS, *slope = b->slopes + r * KEYS, *kept = b->dropped + r * KEYS;
        lanes log_sum = lanes_set(a->log_sum[(b->row + r) * a->log_sum_row]), zero = lanes_set(0.0f);
        for (int64_t j = 0; j < keys; j += LANES) {
            lanes w = lanes_exp(lanes_sub(lanes_mul(lanes_load(p + j), lanes_set(a->scale)), log_sum));
            w = lanes_select_first(hd_max(counts[r] - j, 0), w, zero);
            lanes_store(p + j, w);
            lanes_store(kept + j, w);
        }
        drop(a, b->row + r, key, counts[r], kept);
        drop(a, b->row + r, key, counts[r], slope);
        for (int64_t j = 0; j < keys; j += LANES) {
            lanes d = lanes_mul(lanes_load(p + j), lanes_sub(lanes_load(slope + j), lanes_set(b->row_sums[r])));
            d = lanes_select_first(hd_max(counts[r] - j, 0), d, zero);
            lanes_store(slope + j, lanes_mul(d, lanes_set(a->scale)));
        }
    }
}

/* dV and dK: rows are keys, the chain runs over queries; dQ: rows are queries, the chain runs over keys. */
static void add_gradients(const hd_attention *a, const backward_block *b, int64_t key, int64_t keys) {
    hd_product product = {.rows = keys,
                          .columns = a->width,
                          .depth = b->rows,
                          .a = b->dropped,
                          .a_row = 1,
                          .a_depth = KEYS,
                          .b = b->d_output,
                          .b_depth = a->output_row,
                          .b_panel = HD_PANEL,
                          .c = a->dv + key * a->v_row,
                          .c_row = a->v_row,
                          .mode = HD_CONTINUE};
    multiply(&product);
    product.a = b->slopes;
    product.b = b->q, product.b_depth = a->q_row;
    product.c = a->dk + key * a->k_row, product.c_row = a->k_row;
    multiply(&product);
    multiply(&(hd_product){.rows = b->rows,
                           .columns = a->width,
                           .depth = keys,
                           .a = b->slopes,
                           .a_row = KEYS,
                           .a_depth = 1,
                           .b = a->k + key * a->k_row,
                           .b_depth = a->k_row,
                           .b_panel = HD_PANEL,
                           .c = b->dq,
                           .c_row = a->q_row,
                           .mode = key ? HD_CONTINUE : HD_STORE});
}

/* With P the weights, M the dropout mask with its scale, and D = Σ over width of dO · O per row:
 *   dV = (P M)ᵀ dO     dS = P (M dP − D), dP = dO Vᵀ     dQ = scale dS K     dK = scale dSᵀ Q
 * Sums over queries ascend, and so do sums over keys. */
void HD_KERNEL(attention_backward)(const hd_attention *a, int64_t queries, float *scratch) {
    backward_block b = {.scores = scratch, .slopes = scratch + QUERIES * KEYS, .dropped = scratch + 2 * QUERIES * KEYS};
    b.row_sums = b.dropped + QUERIES * KEYS;
    for (int64_t key = 0; key < a->keys; key++) {
        memset(a->dk + key * a->k_row, 0, (size_t)a->width * sizeof(float));
        memset(a->dv + key * a->v_row, 0, (size_t)a->width * sizeof(float));
    }
    for (b.row = 0; b.row < queries; b.row += QUERIES) {
        b.rows = hd_min(queries - b.row, QUERIES);
        b.q = a->q + b.row * a->q_row, b.dq = a->dq + b.row * a->q_row;
        b.d_output = a->d_output + b.row * a->output_row;
        sum_outputs(a, &b);
        int64_t counts[QUERIES], keys;
        for (int64_t key = 0; (keys = count_visible(a, b.row, b.rows, key, counts)) > 0; key += KEYS) {
            make_slopes(a, &b, key, counts, keys);
            add_gradients(a, &b, key, keys);
        }
    }
}
