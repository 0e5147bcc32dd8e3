/* Scaled dot-product attention of one head (Vaswani et al., 2017) with an online softmax (Milakov and Gimelshein,
 * 2018), blocked as in FlashAttention (Dao et al., 2022) so that at most 32 × 64 scores exist at a time.
 *
 * Keys are visited in blocks that start at multiples of 64 of the absolute key position. Masked keys are skipped, and
 * so are blocks without any other, so a query's result depends neither on other queries nor on what was cached. `visible_to`
 * alone decides which keys a query attends to; attention_keys.h defines where keys are in memory. */
#include "device/cpu/kernels/attention_keys.h"

/* The keys that the query in row `row` attends to; none where the end is not above the start. Starts and ends ascend with
 * the rows. */
static key_range visible_to(const hd_attention *a, int64_t row) {
    int64_t position = a->first_query + (a->one_position ? 0 : row);
    key_range keys = {0, a->keys};
    if (a->causal) keys.end = hd_min(keys.end, position + 1);
    if (!a->window) return keys;
    keys.start = hd_max(position - a->window + 1, 0);
    if (!a->causal) keys.end = hd_min(keys.end, position + a->window);
    return keys;
}

/* From the start of the first block that one of several rows attends to, to the last key. */
static key_range visible_to_rows(const hd_attention *a, int64_t row, int64_t rows) {
    return (key_range){visible_to(a, row).start / KEYS * KEYS, visible_to(a, row + rows - 1).end};
}

/* The keys of the block from `first_key` that each of several rows attends to, by their place in the block; returns the end of
 * all. */
static int64_t find_visible(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, key_range *visible) {
    const int64_t count = hd_min(a->keys - first_key, KEYS);
    for (int64_t r = 0; r < rows; r++) {
        key_range keys = visible_to(a, row + r);
        int64_t start = hd_min(hd_max(keys.start - first_key, 0), count);
        visible[r] = (key_range){start, hd_max(hd_min(keys.end - first_key, count), start)};
    }
    return visible[rows - 1].end;
}

/* x for lanes of keys that are visible, from key j of the block on, and y for the others. */
INLINE lanes select_visible(key_range visible, int64_t j, lanes x, lanes y) {
    x = lanes_select_first(hd_max(visible.end - j, 0), x, y);
    return visible.start > j ? lanes_select_first(visible.start - j, y, x) : x;
}

/* The first whole vector of a row that has a visible key. */
static int64_t first_vector(key_range visible) { return visible.start / LANES * LANES; }

/* Drops weights of a row; columns are absolute key positions, so a block is one group of random words. */
static void drop(const hd_attention *a, int64_t row, int64_t first_key, key_range visible, float *weights) {
    if (!a->dropout.threshold) return;
    lanes_u random[4];
    uint32_t position = (uint32_t)(a->first_query + (a->one_position ? 0 : row));
    lanes_philox(a->dropout.key, (uint32_t)(first_key / KEYS), position, a->example, random);
    for (int64_t j = first_vector(visible); j < visible.end; j += LANES) {
        float *w = weights + j;
        lanes kept = lanes_mul(lanes_set(a->dropout.scale), lanes_load(w));
        lanes_store(w,
                    lanes_select_less_u(random[j / LANES], lanes_set_u(a->dropout.threshold), lanes_set(0.0f), kept));
    }
}

/* Whether scores are more than scale · q k. */
static bool has_adjusted_scores(const hd_attention *a) { return a->bias || a->softcap > 0.0f; }

/* The factor of scores that is left when adjust_scores has run, or has nothing to do. */
static float scale_of(const hd_attention *a) { return has_adjusted_scores(a) ? 1.0f : a->scale; }

/* Raw scores of a row become c tanh((scale · score + bias) / c), with the derivatives by the argument of the cap in slopes
 * [KEYS], which may be NULL. */
static void adjust_scores(const hd_attention *a, int64_t row, int64_t first_key, key_range visible, float *scores,
                          float *slopes) {
    if (!has_adjusted_scores(a)) return;
    const int64_t at = a->bias_first + row * a->bias_row + first_key;
    const lanes cap = lanes_set(a->softcap), one = lanes_set(1.0f);
    for (int64_t j = first_vector(visible); j < visible.end; j += LANES) {
        lanes s = lanes_mul(lanes_load(scores + j), lanes_set(a->scale));
        if (a->bias) s = lanes_add(s, lanes_load_some(a->bias + at + j, visible.end - j));
        if (a->softcap > 0.0f) {
            lanes t = lanes_tanh(lanes_div(s, cap));
            s = lanes_mul(cap, t);
            if (slopes) lanes_store(slopes + j, lanes_sub(one, lanes_mul(t, t)));
        }
        lanes_store(scores + j, s);
    }
}

/* Turns a row of scores into exp(scale · score − largest), zeros up to whole vectors; updates the row's running
 * largest score and denominator, and returns the factor for what was summed before. */
static float online_softmax(float scale, key_range visible, float *scores, float *largest, float *denominator) {
    const lanes lowest = lanes_set(-INFINITY);
    lanes top = lowest;
    for (int64_t j = first_vector(visible); j < visible.end; j += LANES) {
        lanes s = lanes_mul(lanes_load(scores + j), lanes_set(scale));
        s = select_visible(visible, j, s, lowest);
        lanes_store(scores + j, s);
        top = lanes_max(top, s);
    }
    float before = *largest, block_top = lanes_largest(top), now = before > block_top ? before : block_top;
    *largest = now;
    lanes sum = lanes_set(0.0f);
    for (int64_t j = first_vector(visible); j < visible.end; j += LANES) {
        lanes e = lanes_exp(lanes_sub(lanes_load(scores + j), lanes_set(now)));
        e = select_visible(visible, j, e, lanes_set(0.0f));
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
    bool *marks;                  /* [panels of the pool] */
} workspace;

/* Adds softmax · values of the block of keys from `key` to the output so far. */
static void attend_block(const hd_attention *a, int64_t row, int64_t rows, int64_t key, const workspace *w) {
    key_range visible[QUERIES];
    score_block(a, row, rows, key, find_visible(a, row, rows, key, visible), w->pooled, w->scores);
    for (int64_t r = 0; r < rows; r++) {
        if (visible[r].start == visible[r].end) continue;
        float *line = w->scores + r * KEYS, *sums = w->sums + r * a->width;
        adjust_scores(a, row + r, key, visible[r], line, NULL);
        float factor = online_softmax(scale_of(a), visible[r], line, &w->largest[r], &w->denominator[r]);
        if (factor != 1.0f) scale_row(a->width, factor, sums, sums);
        drop(a, row + r, key, visible[r], line);
    }
    add_values(a, row, rows, key, visible, w->scores, w->sums);
}

/* The weights of a row's keys of a block, from their scores. */
static void write_row_weights(const hd_attention *a, int64_t keys, key_range visible, float largest, float denominator,
                              const float *scores, float *out) {
    for (int64_t j = 0; j < keys; j += LANES) {
        lanes s = lanes_mul(lanes_load(scores + j), lanes_set(scale_of(a)));
        lanes e = lanes_exp(lanes_sub(s, lanes_set(largest)));
        lanes p = lanes_div(e, lanes_set(denominator));
        p = select_visible(visible, j, p, lanes_set(0.0f));
        lanes_store_some(out + j, p, keys - j);
    }
}

/* The weights for observers: the scores are computed again and divided by the denominator. */
static void write_weights(const hd_attention *a, int64_t row, int64_t rows, const workspace *w) {
    for (int64_t key = 0; key < a->keys; key += KEYS) {
        int64_t keys = hd_min(a->keys - key, KEYS);
        key_range visible[QUERIES];
        find_visible(a, row, rows, key, visible);
        score_block(a, row, rows, key, keys, w->pooled, w->scores);
        for (int64_t r = 0; r < rows; r++) {
            float *line = w->scores + r * KEYS;
            adjust_scores(a, row + r, key, visible[r], line, NULL);
            write_row_weights(a, keys, visible[r], w->largest[r], w->denominator[r], line,
                              a->weights + (row + r) * a->keys + key);
        }
    }
}

static void attend_queries(const hd_attention *a, int64_t row, int64_t rows, const workspace *w) {
    key_range keys = visible_to_rows(a, row, rows);
    score_pool(a, row, rows, a->weights ? (key_range){0, a->keys} : keys, w->pooled, w->marks);
    for (int64_t r = 0; r < rows; r++) w->largest[r] = -INFINITY, w->denominator[r] = 0.0f;
    memset(w->sums, 0, (size_t)(rows * a->width) * sizeof *w->sums);
    for (int64_t key = keys.start; key < keys.end; key += KEYS) attend_block(a, row, rows, key, w);
    for (int64_t r = 0; r < rows; r++) {
        /* a query to which no key is visible has no denominator, and an output of zeros */
        float inverse = w->denominator[r] == 0.0f ? 0.0f : 1.0f / w->denominator[r];
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
    w.marks = (bool *)(w.pooled + QUERIES * a->pool_keys);
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
        lanes sum = lanes_set(0.0f);
        for (int64_t j = 0; j < a->width; j += LANES)
            sum = lanes_fma(lanes_load_some(b->d_output + r * a->output_row + j, a->width - j),
                            lanes_load_some(a->output + (b->row + r) * a->output_row + j, a->width - j), sum);
        b->row_sums[r] = lanes_sum(sum);
    }
}

/* The weights P of a row from its scores, and P M in `kept`: zeros for keys that are not visible. */
static void make_weights(const hd_attention *a, int64_t keys, key_range visible, float log_sum, float *p, float *kept) {
    for (int64_t j = 0; j < keys; j += LANES) {
        lanes w = lanes_exp(lanes_sub(lanes_mul(lanes_load(p + j), lanes_set(scale_of(a))), lanes_set(log_sum)));
        w = select_visible(visible, j, w, lanes_set(0.0f));
        lanes_store(p + j, w);
        lanes_store(kept + j, w);
    }
}

/* M dP of a row becomes scale dS, after dS has been added to the bias's gradient. `caps` is the derivative of the cap. */
static void make_row_slopes(const hd_attention *a, int64_t keys, key_range visible, const float *p, const float *caps,
                            float row_sum, float *slope, float *d_bias) {
    for (int64_t j = 0; j < keys; j += LANES) {
        lanes d = lanes_mul(lanes_load(p + j), lanes_sub(lanes_load(slope + j), lanes_set(row_sum)));
        if (a->softcap > 0.0f) d = lanes_mul(d, lanes_load(caps + j));
        d = select_visible(visible, j, d, lanes_set(0.0f));
        if (d_bias && j >= first_vector(visible) && j < visible.end) {
            lanes before = lanes_load_some(d_bias + j, visible.end - j);
            lanes_store_some(d_bias + j, lanes_add(before, d), visible.end - j);
        }
        lanes_store(slope + j, lanes_mul(d, lanes_set(a->scale)));
    }
}

/* The weights P of `keys` keys from `key` in scores, P M in dropped, and scale dS in slopes. */
static void make_slopes(const hd_attention *a, const backward_block *b, int64_t key, const key_range *visible,
                        int64_t keys) {
    float caps[KEYS] = {0};
    times_panels(a, b->q, a->q_row, b->rows, a->k_panels, key, keys, b->scores);
    times_panels(a, b->d_output, a->output_row, b->rows, a->v_panels, key, keys, b->slopes);
    for (int64_t r = 0; r < b->rows; r++) {
        float *p = b->scores + r * KEYS, *slope = b->slopes + r * KEYS, *kept = b->dropped + r * KEYS;
        int64_t row = b->row + r;
        adjust_scores(a, row, key, visible[r], p, caps);
        make_weights(a, keys, visible[r], a->log_sum[row * a->log_sum_row], p, kept);
        drop(a, row, key, visible[r], kept);
        drop(a, row, key, visible[r], slope);
        float *d_bias = a->d_bias ? a->d_bias + (a->bias_first + row * a->bias_row + key) : NULL;
        make_row_slopes(a, keys, visible[r], p, caps, b->row_sums[r], slope, d_bias);
    }
}

/* dV and dK: rows are keys, the chain runs over queries; dQ: rows are queries, the chain runs over keys, from the `first` block
 * of the queries on. */
static void add_gradients(const hd_attention *a, const backward_block *b, int64_t key, int64_t keys, bool first) {
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
                           .mode = first ? HD_STORE : HD_CONTINUE});
}

static void clear_rows(int64_t rows, int64_t width, int64_t stride, float *x) {
    for (int64_t r = 0; r < rows; r++) memset(x + r * stride, 0, (size_t)width * sizeof *x);
}

/* With P the weights, M the dropout mask with its scale, C′ the derivative of the cap (1 without one), and D = Σ over width
 * of dO · O per row:
 *   dV = (P M)ᵀ dO    dS = C′ P (M dP − D), dP = dO Vᵀ    d_bias = dS    dQ = scale dS K    dK = scale dSᵀ Q
 * Sums over queries ascend, and so do sums over keys. */
void HD_KERNEL(attention_backward)(const hd_attention *a, int64_t queries, float *scratch) {
    backward_block b = {.scores = scratch, .slopes = scratch + QUERIES * KEYS, .dropped = scratch + 2 * QUERIES * KEYS};
    b.row_sums = b.dropped + QUERIES * KEYS;
    clear_rows(a->keys, a->width, a->k_row, a->dk);
    clear_rows(a->keys, a->width, a->v_row, a->dv);
    for (b.row = 0; b.row < queries; b.row += QUERIES) {
        b.rows = hd_min(queries - b.row, QUERIES);
        b.q = a->q + b.row * a->q_row, b.dq = a->dq + b.row * a->q_row;
        b.d_output = a->d_output + b.row * a->output_row;
        sum_outputs(a, &b);
        key_range all = visible_to_rows(a, b.row, b.rows), visible[QUERIES];
        if (all.start >= all.end) clear_rows(b.rows, a->width, a->q_row, b.dq);
        for (int64_t key = all.start; key < all.end; key += KEYS) {
            int64_t keys = find_visible(a, b.row, b.rows, key, visible);
            make_slopes(a, &b, key, visible, keys);
            add_gradients(a, &b, key, keys, key == all.start);
        }
    }
}
