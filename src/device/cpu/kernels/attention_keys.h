/* Keys and values of attention in memory: in order, by an index into a pool, or of several heads of one query. The
 * keys that are visible to a row are an argument here; attention.c finds them. */
#ifndef HD_KERNELS_ATTENTION_KEYS_H
#define HD_KERNELS_ATTENTION_KEYS_H

#include "device/cpu/kernels/each.h"

enum { QUERIES = HD_ATTENTION_QUERIES, KEYS = HD_ATTENTION_KEYS };

/* Keys [start, end). */
typedef struct key_range {
    int64_t start, end;
} key_range;

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

/* ---- few rows ----
 * Decoding has one query per hypothesis. These functions compute the same chains as the products above without their
 * preparations: for hypotheses on the same keys, or for the heads of one, each with its own keys. */

enum { FEW = 8 };

/* out [rows, keys up to whole lanes] = rows of q · keys of panels. */
INLINE void score_tile(const int rows, const bool own_keys, const hd_attention *a, const float *q, const float *panels,
                       int64_t keys, float *out, int64_t out_row) {
    const int64_t ahead = a->prefetch_k ? a->prefetch_k - a->k_panels : 0;
    for (int64_t j = 0; j < keys; j += LANES) {
        const float *key = panels + j / HD_PANEL * HD_PANEL * a->width + j % HD_PANEL;
        lanes sum[FEW], value;
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) sum[r] = lanes_set(0.0f);
        for (int64_t k = 0; k < a->width; k++, key += HD_PANEL)
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++) {
                if (r == 0 || own_keys) {
                    value = lanes_load(key + r * a->k_head_stride);
                    __builtin_prefetch(key + r * a->k_head_stride + ahead);
                }
                sum[r] = lanes_fma(lanes_set(q[r * a->q_row + k]), value, sum[r]);
            }
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) lanes_store(out + r * out_row + j, sum[r]);
    }
}

/* Where the values of a row are: in order, by the row's index, or one head stride after those of the row before. */
typedef enum value_order { IN_ORDER, BY_INDEX, BY_HEAD } value_order;

/* sums [rows, LANES · vectors] += weights [rows, count] · rows of v; the last vector has `last` columns. */
INLINE void add_tile(const int rows, const int vectors, const value_order order, int64_t last, const hd_attention *a,
                     int64_t count, const float *weights, const float *v, const int32_t *index, float *sums) {
    const int64_t ahead = a->prefetch_v ? a->prefetch_v - a->v : 0;
    lanes sum[FEW][2];
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int l = 0; l < vectors; l++)
            sum[r][l] = lanes_load_some(sums + r * a->width + l * LANES, l == vectors - 1 ? last : LANES);
    for (int64_t j = 0; j < count; j++)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            const float *value = v + (order == BY_INDEX ? index[r * a->index_row + j] : j) * a->v_row;
            if (order == BY_HEAD) value += r * a->v_head_stride;
            lanes weight = lanes_set(weights[r * KEYS + j]);
#pragma GCC unroll 2
            for (int l = 0; l < vectors; l++) {
                lanes part = lanes_load_some(value + l * LANES, l == vectors - 1 ? last : LANES);
                if (r == 0 || order == BY_HEAD) __builtin_prefetch(value + l * LANES + ahead);
                sum[r][l] = lanes_fma(weight, part, sum[r][l]);
            }
        }
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int l = 0; l < vectors; l++)
            lanes_store_some(sums + r * a->width + l * LANES, sum[r][l], l == vectors - 1 ? last : LANES);
}

INLINE void add_tile_columns(const int rows, const value_order order, const hd_attention *a, int64_t count,
                             const float *weights, const float *v, const int32_t *index, float *sums) {
    int64_t j = 0;
    for (; j + 2 * LANES <= a->width; j += 2 * LANES)
        add_tile(rows, 2, order, LANES, a, count, weights, v + j, index, sums + j);
    for (; j < a->width; j += LANES) add_tile(rows, 1, order, a->width - j, a, count, weights, v + j, index, sums + j);
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

static void score_by_head(int64_t rows, const hd_attention *a, const float *q, const float *panels, int64_t keys,
                          float *out, int64_t out_row) {
#define CALL(n)                                                \
    case n:                                                    \
        score_tile(n, true, a, q, panels, keys, out, out_row); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

/* times_keys for few rows, or for any number of rows with keys of their own heads. */
static void score_few(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, int64_t keys, float *out,
                      int64_t out_row) {
    for (int64_t end = row + rows; row < end; row += FEW, out += FEW * out_row)
        (a->k_head_stride ? score_by_head : score_shared)(hd_min(end - row, FEW), a, a->q + row * a->q_row,
                                                          a->k_panels + row * a->k_head_stride + first_key * a->width,
                                                          keys, out, out_row);
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

static void add_by_head(int64_t rows, const hd_attention *a, int64_t count, const float *weights, const float *v,
                        float *sums) {
#define CALL(n)                                                         \
    case n:                                                             \
        add_tile_columns(n, BY_HEAD, a, count, weights, v, NULL, sums); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

static void add_by_index(int64_t rows, const hd_attention *a, int64_t count, const float *weights, const int32_t *index,
                         float *sums) {
#define CALL(n)                                                              \
    case n:                                                                  \
        add_tile_columns(n, BY_INDEX, a, count, weights, a->v, index, sums); \
        break
    FEW_ROWS(rows, CALL)
#undef CALL
}

static bool is_same(key_range a, key_range b) { return a.start == b.start && a.end == b.end; }

/* sums [rows, width] += scores [rows, KEYS] · v for few rows, or for any number with an index or keys of their own
 * heads. The keys visible[r] of the block are
 * visible to row r. */
static void add_few(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, const key_range *visible,
                    const float *scores, float *sums) {
    bool together = is_same(visible[0], visible[rows - 1]);
    for (int64_t r = 0, step; r < rows; r += step, scores += step * KEYS, sums += step * a->width) {
        int64_t start = visible[r].start, count = visible[r].end - start;
        const float *v = a->v + (row + r) * a->v_head_stride + (first_key + start) * a->v_row;
        step = together ? hd_min(rows - r, FEW) : 1;
        if (a->index)
            add_by_index(step, a, count, scores + start, a->index + (row + r) * a->index_row + first_key + start, sums);
        else
            (a->v_head_stride ? add_by_head : add_in_order)(step, a, count, scores + start, v, sums);
    }
}

/* The same for many rows on keys in order: together if the same keys are visible to all, else row by row. */
static void add_many(const hd_attention *a, int64_t rows, int64_t first_key, const key_range *visible,
                     const float *scores, float *sums) {
    bool together = is_same(visible[0], visible[rows - 1]);
    hd_product product = {.rows = together ? rows : 1,
                          .columns = a->width,
                          .a_row = KEYS,
                          .a_depth = 1,
                          .b_depth = a->v_row,
                          .b_panel = HD_PANEL,
                          .c = sums,
                          .c_row = a->width,
                          .mode = HD_CONTINUE};
    for (int64_t r = 0; r < rows; r += product.rows, product.c += a->width) {
        product.depth = visible[r].end - visible[r].start;
        product.a = scores + r * KEYS + visible[r].start;
        product.b = a->v + (first_key + visible[r].start) * a->v_row;
        if (product.depth) multiply(&product);
    }
}

/* ---- any number of rows ---- */

/* sums [rows, width] += scores [rows, KEYS] · v of the block from `first_key`, of which the keys
 * visible[r] are visible to row r; their starts and their ends ascend. */
static void add_values(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, const key_range *visible,
                       const float *scores, float *sums) {
    if (a->index || a->v_head_stride || rows <= FEW)
        add_few(a, row, rows, first_key, visible, scores, sums);
    else
        add_many(a, rows, first_key, visible, scores, sums);
}

/* Raw scores [rows, out_row] of keys of panels, from the start of a panel on. */
static void score_keys(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, int64_t keys, float *out,
                       int64_t out_row) {
    if (rows <= FEW || a->k_head_stride)
        score_few(a, row, rows, first_key, keys, out, out_row);
    else
        times_keys(a, a->q + row * a->q_row, a->q_row, rows, a->k_panels, first_key, keys, out, out_row);
}

/* Marks the panels of the pool that hold the keys [start, end) of rows. */
static void mark_panels(const hd_attention *a, int64_t row, int64_t rows, key_range keys, bool *marks) {
    memset(marks, 0, (size_t)(a->pool_keys + HD_PANEL - 1) / HD_PANEL * sizeof *marks);
    for (int64_t r = row; r < row + rows; r++)
        for (int64_t j = keys.start; j < keys.end; j++) marks[a->index[r * a->index_row + j] / HD_PANEL] = true;
}

/* Scores [rows, pool_keys] of the panels of the pool that hold the keys [start, end) of rows: of all panels if these are all
 * keys of each row. `marks` has a place for each panel. Nothing if keys are in order. */
static void score_pool(const hd_attention *a, int64_t row, int64_t rows, key_range keys, float *pooled, bool *marks) {
    if (!a->index) return;
    if (keys.start == 0) {
        score_keys(a, row, rows, 0, a->pool_keys, pooled, a->pool_keys);
        return;
    }
    mark_panels(a, row, rows, keys, marks);
    for (int64_t first = 0, end; first < a->pool_keys; first = end) {
        bool marked = marks[first / HD_PANEL];
        for (end = first; end < a->pool_keys && marks[end / HD_PANEL] == marked;) end += HD_PANEL;
        end = hd_min(end, a->pool_keys);
        if (marked) score_keys(a, row, rows, first, end - first, pooled + first, a->pool_keys);
    }
}

/* Raw scores [rows, KEYS] of the first `keys` keys of a block. */
static void score_block(const hd_attention *a, int64_t row, int64_t rows, int64_t first_key, int64_t keys,
                        const float *pooled, float *scores) {
    for (int64_t r = 0; a->index && r < rows; r++) {
        const int32_t *index = a->index + (row + r) * a->index_row + first_key;
        for (int64_t j = 0; j < keys; j++) scores[r * KEYS + j] = pooled[r * a->pool_keys + index[j]];
    }
    if (!a->index) score_keys(a, row, rows, first_key, keys, scores, KEYS);
}

#endif
