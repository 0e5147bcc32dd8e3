/* Scaled dot-product attention of one head (Vaswani et al., 2017) with an online softmax (Milakov and Gimelshein, 2018),
 * blocked as in FlashAttention (Dao et al., 2022) so that no more than 32 × 64 scores exist at a time.
 *
 * Keys are walked in blocks that start at multiples of 64 of the absolute key position, and keys that a query may not see
 * are skipped, so a query's result depends on neither its neighbours nor on what was cached. */
#include "device/cpu/kernels/each.h"

enum { QUERIES = HD_ATTENTION_QUERIES, KEYS = HD_ATTENTION_KEYS };

static void multiply(const hd_product *product) {
    HD_KERNEL(product)(product, 0, product->rows, 0, (product->columns + HD_PANEL - 1) / HD_PANEL);
}

/* Rows of x [rows, width] times keys of panels, from the start of a panel on: out [rows, out_row]. */
static void times_keys(const hd_attention *a, const float *x, int64_t x_row, int64_t rows, const float *panels,
                       int64_t first_key, int64_t keys, float *out, int64_t out_row) {
    multiply(&(hd_product){.rows = rows,
                           .columns = keys,
                           .depth = a->width,
                           .a = x,
                           .a_row = x_row,
                           .a_depth = 1,
                           .b = panels + first_key * a->width,
                           .b_depth = HD_PANEL,
                           .b_panel = HD_PANEL * a->width,
                           .c = out,
                           .c_row = out_row});
}

/* The same for one block: out [rows, KEYS]. */
static void times_panels(const hd_attention *a, const float *x, int64_t x_row, int64_t rows, const float *panels,
                         int64_t first_key, int64_t keys, float *out) {
    times_keys(a, x, x_row, rows, panels, first_key, keys, out, KEYS);
}

/* How many keys of the block from `first_key` the query in row `row` sees. */
static int64_t visible(const hd_attention *a, int64_t row, int64_t first_key) {
    int64_t keys = hd_min(a->keys - first_key, KEYS);
    if (a->causal) keys = hd_min(keys, a->first_query + row + 1 - first_key);
    return hd_max(keys, 0);
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
    float before = *largest, block_top = lanes_largest(top);
    *largest = before > block_top ? before : block_top;
    lanes sum = lanes_set(0.0f);
    for (int64_t j = 0; j < count; j += LANES) {
        lanes e = lanes_exp(lanes_sub(lanes_load(scores + j), lanes_set(*largest)));
        e = lanes_select_first(count - j, e, lanes_set(0.0f));
        lanes_store(scores + j, e);
        sum = lanes_add(sum, e);
    }
    if (before == -INFINITY) { /* nothing was summed */
        *denominator = lanes_sum(sum);
        return 1.0f;
    }
    float t[LANES];
    lanes_store(t, lanes_exp(lanes_sub(lanes_set(before), lanes_set(*largest))));
    *denominator = fmaf(*denominator, t[0], lanes_sum(sum));
    return t[0];
}

static void scale_row(int64_t width, float factor, const float *x, float *y) {
    for (int64_t j = 0; j < width; j += LANES)
        lanes_store_some(y + j, lanes_mul(lanes_set(factor), lanes_load_some(x + j, width - j)), width - j);
}

/* sums [rows, width] += scores [rows, KEYS] · v: all rows at once where all see the whole block, else row by row. */
static void add_values(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, const float *scores,
                       float *sums) {
    hd_product product = {.rows = rows,
                          .columns = a->width,
                          .depth = visible(a, row, first_key),
                          .a = scores,
                          .a_row = KEYS,
                          .a_depth = 1,
                          .b = a->v + first_key * a->v_row,
                          .b_depth = a->v_row,
                          .b_panel = HD_PANEL,
                          .c = sums,
                          .c_row = a->width,
                          .mode = HD_CONTINUE};
    if (product.depth == visible(a, row + rows - 1, first_key)) {
        multiply(&product);
        return;
    }
    product.rows = 1;
    for (int64_t r = 0; r < rows; r++) {
        product.depth = visible(a, row + r, first_key);
        if (product.depth) multiply(&product);
        product.a += KEYS;
        product.c += a->width;
    }
}

/* ---- a few rows ----
 *
 * Decoding has one query a hypothesis. These do what the products above do, the same chains, without their preparations:
 * for hypotheses on the same keys, or for the heads of one, which have keys apart. */

enum { FEW = 8 };

/* out [rows, keys up to whole lanes] = rows of q · keys of panels. */
INLINE void score_tile(const int rows, const bool apart, const hd_attention *a, const float *q, const float *panels,
                       int64_t keys, float *out, int64_t out_row) {
    const int64_t soon = a->soon_k ? a->soon_k - a->k_panels : 0;
    for (int64_t j = 0; j < keys; j += LANES) {
        const float *key = panels + j / HD_PANEL * HD_PANEL * a->width + j % HD_PANEL;
        lanes sum[FEW], value;
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) sum[r] = lanes_set(0.0f);
        for (int64_t k = 0; k < a->width; k++, key += HD_PANEL)
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                if (r == 0 || apart) {
                    value = lanes_load(key + r * a->k_apart);
                    __builtin_prefetch(key + r * a->k_apart + soon);
                }
                sum[r] = lanes_fma(lanes_set(q[r * a->q_row + k]), value, sum[r]);
            }
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) lanes_store(out + r * out_row + j, sum[r]);
    }
}

typedef enum values_lie { IN_ORDER, IN_PLACES, APART } values_lie;

/* sums [rows, LANES · vectors] += weights [rows, count] · rows of v; the last vector has `last` columns. */
INLINE void add_tile(const int rows, const int vectors, const values_lie lie, int64_t last, const hd_attention *a,
                     int64_t count, const float *weights, const float *v, const int32_t *places, float *sums) {
    const int64_t soon = a->soon_v ? a->soon_v - a->v : 0;
    lanes sum[FEW][2];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int l = 0; l < vectors; l++)
            sum[r][l] = lanes_load_some(sums + r * a->width + l * LANES, l == vectors - 1 ? last : LANES);
    for (int64_t j = 0; j < count; j++)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const float *value = v + (lie == IN_PLACES ? places[r * a->places_row + j] : j) * a->v_row;
            if (lie == APART) value += r * a->v_apart;
            lanes weight = lanes_set(weights[r * KEYS + j]);
#pragma GCC unroll 2
            for (int l = 0; l < vectors; l++) {
                lanes part = lanes_load_some(value + l * LANES, l == vectors - 1 ? last : LANES);
                if (r == 0 || lie == APART) __builtin_prefetch(value + l * LANES + soon);
                sum[r][l] = lanes_fma(weight, part, sum[r][l]);
            }
        }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int l = 0; l < vectors; l++)
            lanes_store_some(sums + r * a->width + l * LANES, sum[r][l], l == vectors - 1 ? last : LANES);
}

INLINE void add_tile_columns(const int rows, const values_lie lie, const hd_attention *a, int64_t count,
                             const float *weights, const float *v, const int32_t *places, float *sums) {
    int64_t j = 0;
    for (; j + 2 * LANES <= a->width; j += 2 * LANES)
        add_tile(rows, 2, lie, LANES, a, count, weights, v + j, places, sums + j);
    for (; j < a->width; j += LANES) add_tile(rows, 1, lie, a->width - j, a, count, weights, v + j, places, sums + j);
}

/* CALL(n) for the number of rows, as a constant. */
#define FEW_ROWS(rows, CALL) \
    switch (rows) {          \
        CALL(1);             \
        CALL(2);             \
        CALL(3);             \
        CALL(4);             \
        CALL(5);             \
        CALL(6);             \
        CALL(7);             \
        CALL(8);             \
    }

static void score_shared(int64_t rows, const hd_attention *a, const float *q, const float *panels, int64_t keys,
                         float *out, int64_t out_row) {
#define CALL(n)                                                 \
    case n:                                                     \
        score_tile(n, false, a, q, panels, keys, out, out_row); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

static void score_apart(int64_t rows, const hd_attention *a, const float *q, const float *panels, int64_t keys,
                        float *out, int64_t out_row) {
#define CALL(n)                                                \
    case n:                                                    \
        score_tile(n, true, a, q, panels, keys, out, out_row); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

/* times_keys for a few rows, or for any that have keys apart. */
static void score_few(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, int64_t keys, float *out,
                      int64_t out_row) {
    for (int64_t end = row + rows; row < end; row += FEW, out += FEW * out_row)
        (a->k_apart ? score_apart : score_shared)(hd_min(end - row, FEW), a, a->q + row * a->q_row,
                                                  a->k_panels + row * a->k_apart + first_key * a->width, keys, out,
                                                  out_row);
}

static void add_in_order(int64_t rows, const hd_attention *a, int64_t count, const float *weights, const float *v,
                         float *sums) {
#define CALL(n)                                                          \
    case n:                                                              \
        add_tile_columns(n, IN_ORDER, a, count, weights, v, NULL, sums); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

static void add_apart(int64_t rows, const hd_attention *a, int64_t count, const float *weights, const float *v,
                      float *sums) {
#define CALL(n)                                                       \
    case n:                                                           \
        add_tile_columns(n, APART, a, count, weights, v, NULL, sums); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

static void add_in_places(int64_t rows, const hd_attention *a, int64_t count, const float *weights,
                          const int32_t *places, float *sums) {
#define CALL(n)                                                                \
    case n:                                                                    \
        add_tile_columns(n, IN_PLACES, a, count, weights, a->v, places, sums); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

/* add_values for a few rows, or for any where keys lie in places or apart. */
static void add_few(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, const float *scores,
                    float *sums) {
    bool together = visible(a, row, first_key) == visible(a, row + rows - 1, first_key);
    for (int64_t r = 0, step; r < rows; r += step, scores += step * KEYS, sums += step * a->width) {
        int64_t count = visible(a, row + r, first_key);
        const float *v = a->v + (row + r) * a->v_apart + first_key * a->v_row;
        step = together ? hd_min(rows - r, FEW) : 1;
        if (a->places)
            add_in_places(step, a, count, scores, a->places + (row + r) * a->places_row + first_key, sums);
        else
            (a->v_apart ? add_apart : add_in_order)(step, a, count, scores, v, sums);
    }
}

/* ---- any rows ---- */

/* Scores of the whole pool [rows, pool], of which a row's own keys are some. */
static void score_pool(const hd_attention *a, int64_t row, int64_t rows, float *pooled) {
    if (rows <= FEW)
        score_few(a, row, rows, 0, a->pool, pooled, a->pool);
    else
        times_keys(a, a->q + row * a->q_row, a->q_row, rows, a->k_panels, 0, a->pool, pooled, a->pool);
}

/* Raw scores [rows, KEYS] of a block, which holds `keys` keys. */
static void score_block(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, int64_t keys,
                        const float *pooled, float *scores) {
    for (int64_t r = 0; a->places && r < rows; r++) {
        const int32_t *places = a->places + (row + r) * a->places_row + first_key;
        for (int64_t j = 0; j < keys; j++) scores[r * KEYS + j] = pooled[r * a->pool + places[j]];
    }
    if (a->places) return;
    if (rows <= FEW || a->k_apart)
        score_few(a, row, rows, first_key, keys, scores, KEYS);
    else
        times_panels(a, a->q + row * a->q_row, a->q_row, rows, a->k_panels, first_key, keys, scores);
}

static float logarithm(float x) {
    float t[LANES];
    lanes_store(t, lanes_log(lanes_set(x)));
    return t[0];
}

void HD_KERNEL(attention)(const hd_attention *a, int64_t queries, float *scratch) {
    float *scores = scratch, *sums = scores + QUERIES * KEYS, *largest = sums + QUERIES * a->width;
    float *denominator = largest + QUERIES, *pooled = denominator + QUERIES;
    for (int64_t row = 0; row < queries; row += QUERIES) {
        int64_t rows = hd_min(queries - row, QUERIES);
        if (a->places) score_pool(a, row, rows, pooled);
        for (int64_t r = 0; r < rows; r++) largest[r] = -INFINITY, denominator[r] = 0.0f;
        memset(sums, 0, (size_t)(rows * a->width) * sizeof *sums);
        for (int64_t key = 0; visible(a, row + rows - 1, key) > 0; key += KEYS) {
            score_block(a, row, rows, key, visible(a, row + rows - 1, key), pooled, scores);
            for (int64_t r = 0; r < rows; r++) {
                int64_t count = visible(a, row + r, key);
                if (!count) continue;
                float *line = scores + r * KEYS;
                float factor = online_softmax(a, count, line, &largest[r], &denominator[r]);
                if (factor != 1.0f) scale_row(a->width, factor, sums + r * a->width, sums + r * a->width);
                drop(a, row + r, key, count, line);
            }
            if (a->places || a->v_apart || rows <= FEW)
                add_few(a, row, rows, key, scores, sums);
            else
                add_values(a, row, rows, key, scores, sums);
        }
        for (int64_t r = 0; r < rows; r++) {
            float inverse = a->keys ? 1.0f / denominator[r] : 0.0f; /* attending to nothing gives nothing */
            scale_row(a->width, inverse, sums + r * a->width, a->output + (row + r) * a->output_row);
            if (a->log_sum) a->log_sum[(row + r) * a->log_sum_row] = largest[r] + logarithm(denominator[r]);
        }
        if (!a->weights) continue;
        for (int64_t key = 0; key < a->keys;
             key += KEYS) { /* someone looks: the scores once more, now with the denominator */
            int64_t keys = hd_min(a->keys - key, KEYS);
            score_block(a, row, rows, key, keys, pooled, scores);
            for (int64_t r = 0; r < rows; r++) {
                int64_t count = visible(a, row + r, key);
                float *out = a->weights + (row + r) * a->keys + key;
                for (int64_t j = 0; j < keys; j += LANES) {
                    lanes s = lanes_mul(lanes_load(scores + r * KEYS + j), lanes_set(a->scale));
                    lanes w = lanes_div(lanes_exp(lanes_sub(s, lanes_set(largest[r]))), lanes_set(denominator[r]));
                    w = lanes_select_first(hd_max(count - j, 0), w, lanes_set(0.0f));
                    lanes_store_some(out + j, w, keys - j);
                }
            }
        }
    }
}

/* With P the weights, M the dropout mask with its scale, and D = Σ over width of dO · O a row:
 *   dV = (P M)ᵀ dO     dS = P (M dP − D), dP = dO Vᵀ     dQ = scale dS K     dK = scale dSᵀ Q
 * Sums over queries ascend, and so do sums over keys. */
void HD_KERNEL(attention_backward)(const hd_attention *a, int64_t queries, float *scratch) {
    float *scores = scratch, *slopes = scores + QUERIES * KEYS, *dropped = slopes + QUERIES * KEYS;
    float *row_sums = dropped + QUERIES * KEYS;
    for (int64_t key = 0; key < a->keys; key++) {
        memset(a->dk + key * a->k_row, 0, (size_t)a->width * sizeof(float));
        memset(a->dv + key * a->v_row, 0, (size_t)a->width * sizeof(float));
    }
    for (int64_t row = 0; row < queries; row += QUERIES) {
        int64_t rows = hd_min(queries - row, QUERIES);
        const float *q = a->q + row * a->q_row, *d_output = a->d_output + row * a->output_row;
        float *dq = a->dq + row * a->q_row;
        for (int64_t r = 0; r < rows; r++) {
            if (!a->keys) memset(dq + r * a->q_row, 0, (size_t)a->width * sizeof *dq);
            lanes sum = lanes_set(0.0f);
            for (int64_t j = 0; j < a->width; j += LANES)
                sum = lanes_fma(lanes_load_some(d_output + r * a->output_row + j, a->width - j),
                                lanes_load_some(a->output + (row + r) * a->output_row + j, a->width - j), sum);
            row_sums[r] = lanes_sum(sum);
        }
        for (int64_t key = 0; visible(a, row + rows - 1, key) > 0; key += KEYS) {
            int64_t keys = visible(a, row + rows - 1, key);
            times_panels(a, q, a->q_row, rows, a->k_panels, key, keys, scores);
            times_panels(a, d_output, a->output_row, rows, a->v_panels, key, keys, slopes);
            for (int64_t r = 0; r < rows; r++) {
                int64_t count = visible(a, row + r, key);
                float *p = scores + r * KEYS, *slope = slopes + r * KEYS, *kept = dropped + r * KEYS;
                lanes log_sum = lanes_set(a->log_sum[(row + r) * a->log_sum_row]), zero = lanes_set(0.0f);
                for (int64_t j = 0; j < keys; j += LANES) {
                    lanes w = lanes_exp(lanes_sub(lanes_mul(lanes_load(p + j), lanes_set(a->scale)), log_sum));
                    w = lanes_select_first(hd_max(count - j, 0), w, zero);
                    lanes_store(p + j, w);
                    lanes_store(kept + j, w);
                }
                drop(a, row + r, key, count, kept);
                drop(a, row + r, key, count, slope);
                for (int64_t j = 0; j < keys; j += LANES) {
                    lanes d = lanes_mul(lanes_load(p + j), lanes_sub(lanes_load(slope + j), lanes_set(row_sums[r])));
                    d = lanes_select_first(hd_max(count - j, 0), d, zero);
                    lanes_store(slope + j, lanes_mul(d, lanes_set(a->scale)));
                }
            }
            /* dV and dK: rows are keys, the chain runs over queries; dQ: rows are queries, the chain runs over keys */
            hd_product product = {.rows = keys,
                                  .columns = a->width,
                                  .depth = rows,
                                  .a = dropped,
                                  .a_row = 1,
                                  .a_depth = KEYS,
                                  .b = d_output,
                                  .b_depth = a->output_row,
                                  .b_panel = HD_PANEL,
                                  .c = a->dv + key * a->v_row,
                                  .c_row = a->v_row,
                                  .mode = HD_CONTINUE};
            multiply(&product);
            product.a = slopes;
            product.b = q, product.b_depth = a->q_row;
            product.c = a->dk + key * a->k_row, product.c_row = a->k_row;
            multiply(&product);
            multiply(&(hd_product){.rows = rows,
                                   .columns = a->width,
                                   .depth = keys,
                                   .a = slopes,
                                   .a_row = KEYS,
                                   .a_depth = 1,
                                   .b = a->k + key * a->k_row,
                                   .b_depth = a->k_row,
                                   .b_panel = HD_PANEL,
                                   .c = dq,
                                   .c_row = a->q_row,
                                   .mode = key ? HD_CONTINUE : HD_STORE});
        }
    }
}
