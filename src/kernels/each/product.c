/* The matrix product: C = A · B on panels of 32 columns.
 *
 * A block of C stays in registers (ROWS × COLUMN_LANES lanes) while k runs; lanes lie over columns, so each element is
 * one chain of fused multiply–adds over ascending k whatever the block's shape, and blocking over k reloads the chain
 * where it stopped. The register block is the only thing that differs between instruction sets. */
#include "kernels/each.h"

#if defined(HD_ISA_avx512)
enum { ROWS = 14, COLUMN_LANES = 2 }; /* 28 sums + 2 of B + 1 of A in 32 registers */
#elif defined(HD_ISA_avx2)
enum { ROWS = 6, COLUMN_LANES = 1 }; /* 12 sums + 2 of B + 1 of A in 16 registers */
#elif defined(HD_ISA_neon)
enum { ROWS = 5, COLUMN_LANES = 1 }; /* 20 sums + 4 of B + up to 5 of A, which GCC loads early, in 32 registers */
#else
enum { ROWS = 2, COLUMN_LANES = 1 }; /* small to compile: nobody chooses this table for its speed */
#endif

/* Depths are walked in blocks, so that a panel's block stays in the first cache while the rows pass by. */
enum { DEPTH_BLOCK = 512, ROW_BLOCK = 16 * ROWS };

/* What one register block is to do: pointers already stand at its corner. */
typedef struct block {
    int64_t depth;
    const float *a;
    int64_t a_row, a_depth;
    const void *b;
    int64_t b_depth;
    float *c;
    int64_t c_row;
    int64_t columns; /* valid ones, 1 … 16 · column lanes */
    hd_product_mode mode;
    const float *bias;
    hd_activation activation;
} block;

/* What a product's elements are: one of hd_dtype, or pairs of bfloat16, which lie in the places of floats. */
typedef enum element { F32 = HD_F32, F16 = HD_F16, BF16 = HD_BF16, PAIRS = HD_DTYPES } element;

INLINE lanes load_b(const void *b, int64_t index, element dtype, int64_t valid) {
    if (dtype == BF16) return lanes_load_bf16((const uint16_t *)b + index);
    if (dtype == F16) return lanes_load_f16((const uint16_t *)b + index);
    return lanes_load_some((const float *)b + index, valid);
}

/* rows, column_lanes, dtype and partial are constants where this is inlined. `partial`: B has no padding and its last
 * lanes must be loaded in part. */
INLINE void multiply_block(const int rows, const int column_lanes, const element dtype, const bool partial,
                           const block *p) {
    lanes sum[ROWS][COLUMN_LANES];
    const int64_t last = p->columns - 16 * (column_lanes - 1); /* valid columns of the last lanes */
    if (p->mode == HD_CONTINUE) {
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int l = 0; l < column_lanes; l++)
                sum[r][l] = lanes_load_some(p->c + r * p->c_row + 16 * l, l == column_lanes - 1 ? last : 16);
    } else {
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int l = 0; l < column_lanes; l++) sum[r][l] = lanes_set(0.0f);
    }
    const float *a = p->a;
    int64_t b_index = 0;
    for (int64_t k = 0; k < p->depth; k++) {
        lanes b[COLUMN_LANES];
#pragma GCC unroll 2
        for (int l = 0; l < column_lanes; l++)
            b[l] = load_b(p->b, b_index + 16 * l, dtype, partial && l == column_lanes - 1 ? last : 16);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            lanes value = lanes_set(a[r * p->a_row]);
#pragma GCC unroll 2
            for (int l = 0; l < column_lanes; l++)
                sum[r][l] = dtype == PAIRS ? lanes_dot_bf16(value, b[l], sum[r][l]) : lanes_fma(value, b[l], sum[r][l]);
        }
        a += p->a_depth;
        b_index += p->b_depth;
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int l = 0; l < column_lanes; l++) {
            int64_t valid = l == column_lanes - 1 ? last : 16;
            float *c = p->c + r * p->c_row + 16 * l;
            lanes value = sum[r][l];
            if (p->mode == HD_ADD) value = lanes_add(lanes_load_some(c, valid), value);
            if (p->bias) value = lanes_add(value, lanes_load_some(p->bias + 16 * l, valid));
            if (p->activation == HD_RELU) value = lanes_max(lanes_set(0.0f), value);
            lanes_store_some(c, value, valid);
        }
    if (p->activation > HD_RELU)
        for (int r = 0; r < rows; r++)
            HD_KERNEL(activate)(p->activation, p->columns, p->c + r * p->c_row, p->c + r * p->c_row);
}

/* The register block for each number of rows up to ROWS. */
INLINE void multiply_rows(int64_t rows, const int column_lanes, const element dtype, const bool partial,
                          const block *p) {
    switch (rows) {
#define CASE(n)                                             \
    case n:                                                 \
        multiply_block(n, column_lanes, dtype, partial, p); \
        break
        CASE(1);
        CASE(2);
#if !defined(HD_ISA_portable)
        CASE(3);
        CASE(4);
        CASE(5);
#endif
#if defined(HD_ISA_avx2) || defined(HD_ISA_avx512)
        CASE(6);
#endif
#if defined(HD_ISA_avx512)
        CASE(7);
        CASE(8);
        CASE(9);
        CASE(10);
        CASE(11);
        CASE(12);
        CASE(13);
        CASE(14);
#endif
#undef CASE
    }
}

INLINE void multiply_columns(int64_t rows, const element dtype, const block *p) {
#if defined(HD_ISA_avx512)
    if (p->columns > 16) {
        multiply_rows(rows, 2, dtype, false, p);
        return;
    }
#endif
    multiply_rows(rows, 1, dtype, false, p);
}

static void multiply_f32(int64_t rows, const block *p) { multiply_columns(rows, F32, p); }
static void multiply_bf16(int64_t rows, const block *p) { multiply_columns(rows, BF16, p); }
static void multiply_f16(int64_t rows, const block *p) { multiply_columns(rows, F16, p); }
static void multiply_pairs(int64_t rows, const block *p) { multiply_columns(rows, PAIRS, p); }
/* The last columns of an unpacked B. */
static void multiply_partial(int64_t rows, const block *p) { multiply_rows(rows, 1, F32, true, p); }
static void multiply_partial_pairs(int64_t rows, const block *p) { multiply_rows(rows, 1, PAIRS, true, p); }

/* The columns of one panel, for `rows` <= ROWS rows. */
static void multiply_panel(const hd_product *product, int64_t rows, int64_t columns, const block *corner) {
    bool packed = product->b_depth == HD_PANEL && product->b_panel != HD_PANEL;
    int64_t step = 16 * COLUMN_LANES;
    size_t size = hd_dtype_size(product->b_dtype);
    for (int64_t j = 0; j < columns;) {
        block p = *corner;
        p.columns = hd_min(columns - j, step);
        /* Unpacked columns that end inside a vector go by themselves, so that nothing is read past them. */
        if (!packed && p.columns % 16) p.columns = p.columns > 16 ? 16 : p.columns;
        p.b = (const char *)corner->b + (size_t)j * size;
        p.c = corner->c + j;
        p.bias = corner->bias ? corner->bias + j : NULL;
        if (product->b_dtype == HD_BF16)
            multiply_bf16(rows, &p);
        else if (product->b_dtype == HD_F16)
            multiply_f16(rows, &p);
        else if (!packed && p.columns % 16)
            product->pairs ? multiply_partial_pairs(rows, &p) : multiply_partial(rows, &p);
        else if (product->pairs)
            multiply_pairs(rows, &p);
        else
            multiply_f32(rows, &p);
        j += p.columns;
    }
}

static void multiply_blocks(const hd_product *product, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end,
                            int64_t k, int64_t depth) {
    size_t size = hd_dtype_size(product->b_dtype);
    bool last = k + depth == product->depth;
    block p = {.depth = depth,
               .a_row = product->a_row,
               .a_depth = product->a_depth,
               .b_depth = product->b_depth,
               .c_row = product->c_row,
               .mode = k > 0 ? HD_CONTINUE : product->mode,
               .activation = last ? product->activation : HD_IDENTITY};
    /* With A by rows, a panel's block of B meets all rows before the next panel; with A by columns (a weight's
     * gradient) the few values of A that a block needs lie far apart, and meet all panels before the next rows. */
    bool panels_inside = product->a_row == 1;
    int64_t row_steps = (row_end - row + ROWS - 1) / ROWS, panel_steps = panel_end - panel;
    for (int64_t step = 0; step < row_steps * panel_steps; step++) {
        int64_t r = row + ROWS * (panels_inside ? step / panel_steps : step % row_steps);
        int64_t at = panel + (panels_inside ? step % panel_steps : step / row_steps);
        p.a = product->a + r * product->a_row + k * product->a_depth;
        p.b = (const char *)product->b + (size_t)(at * product->b_panel + k * product->b_depth) * size;
        p.c = product->c + r * product->c_row + at * HD_PANEL;
        p.bias = last && product->bias ? product->bias + at * HD_PANEL : NULL;
        multiply_panel(product, hd_min(ROWS, row_end - r), hd_min(HD_PANEL, product->columns - at * HD_PANEL), &p);
    }
}

void HD_KERNEL(product)(const hd_product *product, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end) {
    /* HD_ADD keeps its chain apart from C, so that it cannot be blocked over k. */
    int64_t depth_block = product->mode == HD_ADD ? hd_max(product->depth, 1) : DEPTH_BLOCK;
    for (int64_t r = row; r < row_end; r += ROW_BLOCK) {
        int64_t r_end = hd_min(r + ROW_BLOCK, row_end), k = 0;
        do { /* once for a depth of 0, which leaves zeros and the bias */
            int64_t depth = hd_min(depth_block, product->depth - k);
            multiply_blocks(product, r, r_end, panel, panel_end, k, depth);
            k += depth;
        } while (k < product->depth);
    }
}

/* ---- packing ---- */

INLINE float widen(const void *source, hd_dtype dtype, int64_t index) {
    if (dtype == HD_F32) {
        float value; /* at any address */
        memcpy(&value, (const char *)source + 4 * index, 4);
        return value;
    }
    uint16_t half;
    memcpy(&half, (const char *)source + 2 * index, 2);
    return dtype == HD_BF16 ? hd_from_bf16(half) : hd_from_f16(half);
}

static void pack_f32(const float *weight, int64_t stride, int64_t valid, int64_t depth, float *panel) {
    enum { TILE = 16 }; /* whole cache lines of the source are used before they leave */
    for (int64_t k0 = 0; k0 < depth; k0 += TILE) {
        int64_t k_end = hd_min(k0 + TILE, depth);
        for (int64_t j = 0; j < HD_PANEL; j++)
            for (int64_t k = k0; k < k_end; k++) panel[k * HD_PANEL + j] = j < valid ? weight[j * stride + k] : 0.0f;
    }
}

void HD_KERNEL(pack)(const void *weight, hd_dtype from, int64_t stride, int64_t columns, int64_t depth, void *panels,
                     hd_dtype to, int64_t panel, int64_t panel_end) {
    for (int64_t p = panel; p < panel_end; p++) {
        int64_t valid = hd_min(HD_PANEL, columns - p * HD_PANEL), first = p * HD_PANEL;
        if (from == HD_F32 && (uintptr_t)weight % sizeof(float) == 0) {
            pack_f32((const float *)weight + first * stride, stride, valid, depth, (float *)panels + first * depth);
            continue;
        }
        for (int64_t k = 0; k < depth; k++)
            for (int64_t j = 0; j < HD_PANEL; j++) {
                int64_t place = first * depth + k * HD_PANEL + j, source = (first + j) * stride + k;
                if (to == HD_F32) {
                    ((float *)panels)[place] = j < valid ? widen(weight, from, source) : 0.0f;
                } else { /* the stored halves, moved */
                    uint16_t half = 0;
                    if (j < valid) memcpy(&half, (const char *)weight + 2 * source, 2);
                    ((uint16_t *)panels)[place] = half;
                }
            }
    }
}
