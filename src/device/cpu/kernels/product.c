/* The matrix product: C = A · B on panels of 32 columns.
 *
 * A block of C stays in registers while k runs: ROWS × COLUMN_VECTORS vectors of 16 floats, of one to four registers each
 * (lanes.h). Lanes run over columns, so each element is one chain of fused multiply–adds over ascending k whatever the
 * block's shape, and blocking over k continues the chain. The register block is the only difference between instruction sets.
 *
 * The blocking around it is that of Goto and van de Geijn (2008): a block of B, several panels wide and DEPTH_BLOCK
 * deep, stays in the second-level cache while the rows of A are read, ROWS at a time. With many rows, the block is
 * first copied to contiguous memory, whatever the layout of B. Rows of A are copied where their addresses would
 * collide in the first-level cache. */
#include "device/cpu/kernels/each.h"

#if defined(HD_ISA_avx512)
enum { ROWS = 14, COLUMN_VECTORS = 2 }; /* 28 sums + 2 of B + 1 of A in 32 registers */
#elif defined(HD_ISA_avx2)
enum { ROWS = 6, COLUMN_VECTORS = 1 }; /* 12 sums + 2 of B + 1 of A in 16 registers */
#elif defined(HD_ISA_neon)
enum { ROWS = 5, COLUMN_VECTORS = 1 }; /* 20 sums + 4 of B + up to 5 of A, which GCC loads early, in 32 registers */
#else
enum { ROWS = 2, COLUMN_VECTORS = 1 }; /* small, so that it compiles fast: speed does not matter for this table */
#endif

/* Sizes that suit 32 KiB and 512 KiB or more of first and second cache. */
enum {
    DEPTH_BLOCK = 512,
    COLUMNS_DEPTH_BLOCK = 256,   /* of an A by columns, whose copy touches a line for each depth */
    COPY_ROWS = 512,             /* minimum number of rows for which a copy of B pays */
    WIDEN_ROWS = 8 * ROWS,       /* of a B of half precision, which is widened once in place of once per ROWS */
    B_FLOATS = 1 << 17,          /* of that copy: 512 KiB */
    DIRECT_BYTES = 1 << 19,      /* of a block of B that is read in place */
    A_ROW = DEPTH_BLOCK + LANES, /* of a copied row: no multiple of the 4 KiB after which cache sets repeat */
    A_COLLIDES = 512,            /* rows whose stride is a multiple of this many floats share cache sets */
    FETCH_ROWS = 112,            /* with fewer rows, B is prefetched for each block of rows */
    AHEAD_FLOATS = 1 << 18,      /* if A has no more, and so stays in the second cache, B is prefetched a part ahead */
    AHEAD_ELEMENTS = 1 << 13,    /* of such a part, which stays in the first cache, */
    AHEAD_DEPTH = 256,           /* and its depth */
    STREAM_ROWS = 3,             /* up to this many rows, B is read in one stream, whole panels deep */
    STREAM_DEPTH = 8,            /* or, if B is not packed, this many whole rows at a time */
    ADD_ROWS = 112,
    ADD_COLUMNS = 256 /* of the sums that HD_ADD computes in separate memory: 112 KiB */
};

/* Prefetch distances: in bytes of panels, of panels in the first part, of panels in a stream; in depths of a copy; in elements
 * of a row that is packed. */
enum { B_AHEAD = 1 << 11, FIRST_AHEAD = 1 << 13, STREAM_AHEAD = 1 << 13, COPY_AHEAD = 8, PACK_AHEAD = 64 };

/* One register block: pointers are to its corner. */
typedef struct block {
    int64_t depth;
    const float *a;
    int64_t a_row, a_depth;
    const void *b;
    int64_t b_depth;
    /* Memory that is read later: two lines per depth are prefetched. */
    const char *prefetch[2];
    int64_t prefetch_step; /* bytes */
    float *c;
    int64_t c_row;
    int64_t columns; /* valid ones, 1 … 16 · column lanes */
    hd_product_mode mode;
    const float *bias;
    hd_activation activation;
} block;

/* The element types of B. One more is a name here and a line of load_b. */
#define EACH_ELEMENT(X) X(F32) X(F16) X(BF16) X(BF16_UPPER) X(PAIRS)
enum {
    HD_PAIRS = HD_DTYPES, /* pairs of bfloat16, stored as floats */
    HD_BF16_UPPER /* the upper 16 columns of a panel of bfloat16, where they do not share a block with the lower */
};
#define VALUE(name) name = HD_##name,
typedef enum element { EACH_ELEMENT(VALUE) } element;
#undef VALUE

static element kind_of(const hd_product *product) { return product->pairs ? PAIRS : (element)product->b_dtype; }
static int64_t size_of(element kind) {
    return (int64_t)hd_dtype_size(kind == PAIRS ? HD_F32 : kind == BF16_UPPER ? HD_BF16 : (hd_dtype)kind);
}

/* 16 columns of bfloat16: the lower or the upper halves of the 32-bit words of a depth (hd_panel_element). */
INLINE lanes load_bf16(const void *depth, bool upper) {
    lanes_u words = lanes_bits(lanes_load(depth));
    return lanes_from_bits(upper ? lanes_and_u(words, lanes_set_u(0xffff0000u)) : lanes_shift_left_u(words, 16));
}

/* 16 columns from `column`, 0 or 16, of the depth that begins at `index`. */
INLINE lanes load_b(const void *b, int64_t index, int64_t column, element kind, int64_t valid) {
    if (kind == BF16 || kind == BF16_UPPER)
        return load_bf16((const uint16_t *)b + index, kind == BF16_UPPER || column == LANES);
    if (kind == F16) return lanes_load_f16((const uint16_t *)b + index + column);
    return lanes_load_some((const float *)b + index + column, valid);
}

/* Activations that multiply_block applies to its sums. */
INLINE bool in_registers(hd_activation activation) { return activation == HD_IDENTITY || activation == HD_RELU; }

/* The valid columns of a block of C that does not fill its lanes. */
static void load_tile(int64_t rows, const block *p, float *tile) {
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < p->columns; j += LANES)
            lanes_store(tile + r * HD_PANEL + j, lanes_load_some(p->c + r * p->c_row + j, p->columns - j));
}

/* Copies the tile to the valid columns of C, adds to C, and applies the steps that are not done in registers. */
static void finish_tile(int64_t rows, const block *p, const float *tile) {
    bool adds = p->mode == HD_ADD;
    for (int64_t r = 0; r < rows; r++) {
        float *c = p->c + r * p->c_row;
        for (int64_t j = 0; j < p->columns; j += LANES) {
            int64_t valid = p->columns - j;
            lanes value = lanes_load(tile + r * HD_PANEL + j);
            if (adds) value = lanes_add(lanes_load_some(c + j, valid), value);
            lanes_store_some(c + j, value, valid);
        }
        if (adds || !in_registers(p->activation)) HD_KERNEL(activate)(p->activation, p->columns, c, c);
    }
}

/* rows, column_vectors, kind and partial are constants where this is inlined. `partial`: B has no padding and its last
 * lanes must be loaded in part. */
INLINE void multiply_block(const int rows, const int column_vectors, const element kind, const bool partial,
                           const block *p) {
    lanes sum[ROWS][COLUMN_VECTORS];
    _Alignas(64) float tile[ROWS * HD_PANEL];
    const bool whole = p->columns == 16 * column_vectors;
    const bool plain = whole && p->mode != HD_ADD && in_registers(p->activation); /* stored from registers to C */
    if (p->mode == HD_CONTINUE) {
        if (!whole) load_tile(rows, p, tile);
        const float *c = whole ? p->c : tile;
        int64_t c_row = whole ? p->c_row : HD_PANEL;
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int l = 0; l < column_vectors; l++) sum[r][l] = lanes_load(c + r * c_row + 16 * l);
    } else {
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int l = 0; l < column_vectors; l++) sum[r][l] = lanes_set(0.0f);
    }
    const float *a = p->a;
    const char *prefetch = p->prefetch[0];
    const int64_t prefetch_distance = p->prefetch[1] - p->prefetch[0];
    int64_t b_index = 0;
    for (int64_t k = 0; k < p->depth; k++) {
        lanes b[COLUMN_VECTORS];
#pragma GCC unroll 2
        for (int l = 0; l < column_vectors; l++)
            b[l] = load_b(p->b, b_index, 16 * l, kind, partial && l == column_vectors - 1 ? p->columns - 16 * l : 16);
        __builtin_prefetch(prefetch);
        __builtin_prefetch(prefetch + prefetch_distance);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++) {
            lanes value = lanes_set(a[r * p->a_row]);
#pragma GCC unroll 2
            for (int l = 0; l < column_vectors; l++)
                sum[r][l] = kind == PAIRS ? lanes_dot_bf16(value, b[l], sum[r][l]) : lanes_fma(value, b[l], sum[r][l]);
        }
        a += p->a_depth;
        b_index += p->b_depth;
        prefetch += p->prefetch_step;
    }
    if (p->bias) {
        lanes bias[COLUMN_VECTORS];
#pragma GCC unroll 2
        for (int l = 0; l < column_vectors; l++) bias[l] = lanes_load_some(p->bias + 16 * l, p->columns - 16 * l);
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int l = 0; l < column_vectors; l++) sum[r][l] = lanes_add(sum[r][l], bias[l]);
    }
    if (p->activation == HD_RELU && p->mode != HD_ADD) {
#pragma GCC unroll 16
        for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
            for (int l = 0; l < column_vectors; l++) sum[r][l] = lanes_max(lanes_set(0.0f), sum[r][l]);
    }
    float *c = plain ? p->c : tile;
    int64_t c_row = plain ? p->c_row : HD_PANEL;
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 2
        for (int l = 0; l < column_vectors; l++) lanes_store(c + r * c_row + 16 * l, sum[r][l]);
    if (!plain) finish_tile(rows, p, tile);
}

/* The register block for each number of rows up to ROWS. */
INLINE void multiply_rows(int64_t rows, const int column_vectors, const element kind, const bool partial,
                          const block *p) {
    switch (rows) {
#define CASE(n)                                              \
    case n:                                                  \
        multiply_block(n, column_vectors, kind, partial, p); \
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

INLINE void multiply_columns(int64_t rows, const element kind, const block *p) {
#if defined(HD_ISA_avx512)
    if (p->columns > 16) {
        multiply_rows(rows, 2, kind, false, p);
        return;
    }
#endif
    multiply_rows(rows, 1, kind, false, p);
}

/* One function per element type. */
#define MULTIPLY(kind) \
    static void multiply_##kind(int64_t rows, const block *p) { multiply_columns(rows, kind, p); }
EACH_ELEMENT(MULTIPLY)
#undef MULTIPLY
/* The last columns of an unpacked B. */
static void multiply_partial(int64_t rows, const block *p) { multiply_rows(rows, 1, F32, true, p); }
static void multiply_partial_pairs(int64_t rows, const block *p) { multiply_rows(rows, 1, PAIRS, true, p); }

static void multiply_kind(int64_t rows, element kind, const block *p) {
    switch (kind) {
#define CASE(kind)                \
    case kind:                    \
        multiply_##kind(rows, p); \
        break;
        EACH_ELEMENT(CASE)
#undef CASE
    }
}

/* Whether B's last panel is padded, so that whole lanes may be read. */
static bool is_padded(const hd_product *product) {
    return product->b_depth == HD_PANEL && product->b_panel != HD_PANEL;
}

/* The columns of one panel, for `rows` <= ROWS rows; p points to its first column. */
static void multiply_panel(int64_t rows, int64_t columns, element kind, bool padded, block *p) {
    for (;;) {
        p->columns = hd_min(columns, LANES * COLUMN_VECTORS);
        /* Unpadded columns that end inside a vector are computed separately, so that nothing is read past them. */
        if (!padded && p->columns % LANES) p->columns = p->columns > LANES ? LANES : p->columns;
        if (!padded && p->columns % LANES)
            kind == PAIRS ? multiply_partial_pairs(rows, p) : multiply_partial(rows, p);
        else
            multiply_kind(rows, kind, p);
        columns -= p->columns;
        if (columns <= 0) return;
        if (kind == BF16)
            kind = BF16_UPPER;
        else
            p->b = (const char *)p->b + p->columns * size_of(kind);
        p->c += p->columns;
        if (p->bias) p->bias += p->columns;
    }
}

/* A part of C and of the depth. */
typedef struct part {
    int64_t row, row_end, panel, panel_end, k, depth;
} part;

/* Whether A's rows are strided, as for a weight's gradient, where A is read transposed. */
static bool is_by_columns(const hd_product *product) { return product->a_row == 1 && product->a_depth != 1; }

/* Copies the part's depths of A's rows [row, row_end): each row contiguous with stride A_ROW, or, if A is by
 * columns, each depth's values with stride 16. */
static void copy_a(const hd_product *product, const part *t, int64_t row, int64_t row_end, float *copy) {
    const float *a = product->a + row * product->a_row + t->k * product->a_depth;
    if (is_by_columns(product)) {
        for (int64_t i = 0; i < t->depth; i++)
            lanes_store(copy + i * LANES, lanes_load_some(a + i * product->a_depth, row_end - row));
        return;
    }
    for (int64_t i = 0; i < t->depth; i += LANES) /* all rows at once: their misses overlap */
        for (int64_t r = 0; r < row_end - row; r++)
            lanes_store(copy + r * A_ROW + i, lanes_load_some(a + r * product->a_row + i, t->depth - i));
}

/* Copies a depth of a panel of B to a padded one in single precision. */
INLINE void copy_depth(const hd_product *product, int64_t panel, int64_t depth, float *to) {
    int64_t from = panel * product->b_panel + depth * product->b_depth;
    int64_t valid = is_padded(product) ? HD_PANEL : hd_min(HD_PANEL, product->columns - panel * HD_PANEL);
    if (valid == HD_PANEL && product->b_dtype == HD_F32) {
        const float *b = (const float *)product->b + from;
        __builtin_prefetch(b + COPY_AHEAD * product->b_depth);
        __builtin_prefetch(b + COPY_AHEAD * product->b_depth + LANES);
        lanes_store(to, lanes_load(b));
        lanes_store(to + LANES, lanes_load(b + LANES));
        return;
    }
    for (int64_t j = 0; j < HD_PANEL; j += LANES)
        lanes_store(to + j, j < valid ? load_b(product->b, from, j, kind_of(product), valid - j) : lanes_set(0.0f));
}

/* Copies panels [panel, panel_end) and depths [k, k + depth) of B to padded panels of that depth, in the order in which
 * memory is read. */
static void copy_b(const hd_product *product, int64_t panel, int64_t panel_end, int64_t k, int64_t depth, float *copy) {
    if (is_padded(product)) {
        for (int64_t at = panel; at < panel_end; at++)
            for (int64_t i = 0; i < depth; i++, copy += HD_PANEL) copy_depth(product, at, k + i, copy);
        return;
    }
    for (int64_t i = 0; i < depth; i++)
        for (int64_t at = panel; at < panel_end; at++)
            copy_depth(product, at, k + i, copy + ((at - panel) * depth + i) * HD_PANEL);
}

/* Whether packed B is prefetched a part ahead, by all blocks of rows: memory is read all the time, not only when the first
 * block of rows meets a new part. */
static bool fetches_ahead(const hd_product *product, int64_t rows) {
    return is_padded(product) && rows > ROWS && rows < COPY_ROWS && rows * product->depth <= AHEAD_FLOATS;
}

/* One of `shares` equal shares of the part, which lies in one piece of memory per panel. */
static void prefetch_share(const hd_product *product, const part *t, int64_t share, int64_t shares, int64_t depth,
                           block *p) {
    int64_t size = size_of(kind_of(product)), panel_bytes = t->depth * HD_PANEL * size;
    int64_t bytes = (t->panel_end - t->panel) * panel_bytes, first = bytes * share / shares;
    int64_t panel = t->panel + first / panel_bytes, half = bytes / shares / 2;
    p->prefetch[0] =
        (const char *)product->b + (panel * product->b_panel + t->k * product->b_depth) * size + first % panel_bytes;
    p->prefetch[1] = p->prefetch[0] + half;
    p->prefetch_step = (half + depth - 1) / depth;
}

/* What to prefetch: B if it is read in place and for the first time; else the next rows of A, two of them with each
 * panel, or, if A is by columns, all with the last. */
static void choose_prefetch(const hd_product *product, const part *t, int64_t next, int64_t panel, bool fetch_b,
                            block *p) {
    if (fetch_b) {
        int64_t size = (int64_t)hd_dtype_size(product->b_dtype), ahead = HD_PANEL * size;
        int64_t rows = t->row_end - t->row;
        if (is_padded(product)) ahead = rows <= STREAM_ROWS ? STREAM_AHEAD : B_AHEAD;
        if (fetches_ahead(product, rows)) ahead = FIRST_AHEAD;
        p->prefetch[0] = (const char *)p->b + ahead;
        p->prefetch[1] = p->prefetch[0] + 64;
        p->prefetch_step = product->b_depth * size;
        return;
    }
    p->prefetch[0] = (const char *)(product->a + next * product->a_row + t->k * product->a_depth);
    if (is_by_columns(product)) {
        p->prefetch[1] = p->prefetch[0] + (ROWS - 1) * sizeof(float);
        p->prefetch_step = panel == t->panel_end - 1 ? product->a_depth * (int64_t)sizeof(float) : 0;
    } else {
        p->prefetch[0] += 2 * (panel - t->panel) * product->a_row * (int64_t)sizeof(float);
        p->prefetch[1] = p->prefetch[0] + product->a_row * (int64_t)sizeof(float);
        p->prefetch_step = sizeof(float);
    }
}

/* Computes the contribution to C of the part's block of B, in place or copied. `next_part` follows, or is
 * NULL; `first`: no part came before. */
static void multiply_part(const hd_product *product, const part *t, const part *next_part, bool first,
                          const float *b_copy) {
    _Alignas(64) float a_copy[LANES * A_ROW]; /* enough for either form, since no ROWS is more than LANES */
    /* a copy is of floats; that of pairs moves their bits */
    element kind = b_copy && !product->pairs ? F32 : kind_of(product);
    bool padded = b_copy || is_padded(product), by_columns = is_by_columns(product);
    int64_t size = size_of(kind), rows = t->row_end - t->row;
    bool last = t->k + t->depth == product->depth;
    bool a_copied = rows > 1 && t->panel_end - t->panel > 1 && t->depth <= DEPTH_BLOCK &&
                    (by_columns || (product->a_depth == 1 && product->a_row % A_COLLIDES == 0));
    block p = {.depth = t->depth,
               .a_row = product->a_row,
               .a_depth = product->a_depth,
               .b_depth = b_copy ? HD_PANEL : product->b_depth,
               .c_row = product->c_row,
               .mode = t->k > 0 ? HD_CONTINUE : product->mode,
               .activation = last ? product->activation : HD_IDENTITY};
    if (a_copied) p.a = a_copy, p.a_row = by_columns ? 1 : A_ROW, p.a_depth = by_columns ? LANES : 1;
    int64_t blocks = (rows + ROWS - 1) / ROWS; /* of rows, nearly equal */
    int64_t panels = t->panel_end - t->panel, shares = (blocks - first) * panels;
    bool ahead = !b_copy && fetches_ahead(product, rows);
    for (int64_t i = 0; i < blocks; i++) {
        int64_t row = t->row + i * rows / blocks, next = t->row + (i + 1) * rows / blocks;
        if (a_copied)
            copy_a(product, t, row, next, a_copy);
        else
            p.a = product->a + row * product->a_row + t->k * product->a_depth;
        for (int64_t panel = t->panel; panel < t->panel_end; panel++) {
            p.b = b_copy ? (const char *)(b_copy + (panel - t->panel) * HD_PANEL * t->depth)
                         : (const char *)product->b + (panel * product->b_panel + t->k * product->b_depth) * size;
            p.c = product->c + row * product->c_row + panel * HD_PANEL;
            p.bias = last && product->bias ? product->bias + panel * HD_PANEL : NULL;
            bool fetch_b = ahead ? first && i == 0 : !b_copy && (i == 0 || rows < FETCH_ROWS);
            if (ahead && !fetch_b && next_part)
                prefetch_share(product, next_part, (i - first) * panels + panel - t->panel, shares, t->depth, &p);
            else
                choose_prefetch(product, t, next, panel, fetch_b, &p);
            multiply_panel(next - row, hd_min(HD_PANEL, product->columns - panel * HD_PANEL), kind, padded, &p);
        }
    }
}

/* Parts are groups of panels, each cut along the depth; a depth of 0, which leaves zeros and the bias, is one part. */
static part first_part(const hd_product *product, const part *all, int64_t depth_block, int64_t group) {
    part t = *all;
    t.panel_end = hd_min(t.panel + group, all->panel_end);
    t.k = 0;
    t.depth = hd_min(depth_block, product->depth);
    return t;
}

static part part_after(const hd_product *product, const part *before, int64_t panel_end, int64_t depth_block,
                       int64_t group) {
    part t = *before;
    t.k += t.depth;
    if (t.k >= product->depth) t.k = 0, t.panel = t.panel_end, t.panel_end = hd_min(t.panel + group, panel_end);
    t.depth = hd_min(depth_block, product->depth - t.k);
    return t;
}

static void multiply_groups(const hd_product *product, const part *all, int64_t depth_block, int64_t group,
                            float *b_copy) {
    part t, next = first_part(product, all, depth_block, group);
    for (bool first = true; next.panel < all->panel_end; first = false) {
        t = next;
        next = part_after(product, &t, all->panel_end, depth_block, group);
        if (b_copy) copy_b(product, t.panel, t.panel_end, t.k, t.depth, b_copy);
        multiply_part(product, &t, next.panel < all->panel_end ? &next : NULL, first, b_copy);
    }
}

/* Not inlined: a small product does not need this large a stack frame. */
__attribute__((noinline)) static void multiply_copied(const hd_product *product, const part *all, int64_t depth_block) {
    _Alignas(64) float b_copy[B_FLOATS];
    multiply_groups(product, all, depth_block, B_FLOATS / HD_PANEL / depth_block, b_copy);
}

/* The minimum number of rows for which a copy of B pays. */
static int64_t copy_rows(const hd_product *product) { return product->b_dtype == HD_F16 ? WIDEN_ROWS : COPY_ROWS; }

static void multiply(const hd_product *product, const part *all, int64_t depth_block) {
    int64_t panel = depth_block * HD_PANEL, rows = all->row_end - all->row;
    if (rows >= copy_rows(product)) {
        multiply_copied(product, all, depth_block);
    } else {
        int64_t size = (int64_t)hd_dtype_size(product->b_dtype);
        int64_t elements = fetches_ahead(product, rows) ? AHEAD_ELEMENTS : DIRECT_BYTES / size;
        multiply_groups(product, all, depth_block, hd_max(elements / panel, 1), NULL);
    }
}

/* Depth of one block; the blocks are equal. */
static int64_t choose_depth_block(const hd_product *product, int64_t rows) {
    int64_t depth = hd_max(product->depth, 1);
    if (rows <= STREAM_ROWS) return is_padded(product) ? depth : hd_min(depth, STREAM_DEPTH);
    int64_t most = rows >= COPY_ROWS && is_by_columns(product) ? COLUMNS_DEPTH_BLOCK : DEPTH_BLOCK;
    if (fetches_ahead(product, rows)) most = AHEAD_DEPTH;
    int64_t blocks = (depth + most - 1) / most;
    return (depth + blocks - 1) / blocks;
}

/* HD_ADD computes its chains in separate memory and adds them to C when they are complete. */
__attribute__((noinline)) static void add_separately(const hd_product *product, const part *all, int64_t depth_block) {
    _Alignas(64) float sums[ADD_ROWS * ADD_COLUMNS];
    for (int64_t at = all->panel; at < all->panel_end; at += ADD_COLUMNS / HD_PANEL)
        for (int64_t row = all->row; row < all->row_end; row += ADD_ROWS) {
            int64_t panels = hd_min(ADD_COLUMNS / HD_PANEL, all->panel_end - at), column = at * HD_PANEL;
            hd_product own = *product;
            own.rows = hd_min(ADD_ROWS, all->row_end - row);
            own.columns = hd_min(panels * HD_PANEL, product->columns - column);
            own.a += row * product->a_row;
            own.b = (const char *)product->b + at * product->b_panel * (int64_t)hd_dtype_size(product->b_dtype);
            own.c = sums, own.c_row = ADD_COLUMNS;
            own.mode = HD_STORE, own.activation = HD_IDENTITY;
            multiply(&own, &(part){.row_end = own.rows, .panel_end = panels}, depth_block);
            for (int64_t r = 0; r < own.rows; r++) {
                float *c = product->c + (row + r) * product->c_row + column;
                HD_KERNEL(add)(own.columns, c, sums + r * ADD_COLUMNS, c);
                HD_KERNEL(activate)(product->activation, own.columns, c, c);
            }
        }
}

void HD_KERNEL(product)(const hd_product *product, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end) {
    part all = {.row = row, .row_end = row_end, .panel = panel, .panel_end = panel_end};
    int64_t depth_block = choose_depth_block(product, row_end - row);
    if (product->mode == HD_ADD && product->depth > depth_block)
        add_separately(product, &all, depth_block);
    else
        multiply(product, &all, depth_block);
}

/* ---- packing ---- */

/* The first n of 16 elements, the rest zeros. Elements of 16 bits are the upper halves of the lanes. */
INLINE lanes load_row(const void *p, const size_t size, int64_t n) {
    if (size == sizeof(float)) return lanes_load_some(p, n);
    if (n >= LANES) return lanes_load_halves(p);
    uint16_t some[LANES] = {0};
    memcpy(some, p, (size_t)n * sizeof *some);
    return lanes_load_halves(some);
}

/* A square of 16 rows and 16 depths, transposed; a cache line or half of one of each row. */
INLINE void load_square(const char *weight, const size_t size, int64_t stride, int64_t valid, int64_t depths,
                        lanes *square) {
#pragma GCC unroll 16
    for (int64_t i = 0; i < LANES; i++) {
        const char *row = weight + (size_t)(i * stride) * size;
        __builtin_prefetch(row + PACK_AHEAD * size);
        square[i] = i < valid ? load_row(row, size, depths) : lanes_set(0.0f);
    }
    lanes_transpose(square);
}

/* `dtype` is a constant where this is inlined. */
INLINE void pack_squares(const char *weight, const hd_dtype dtype, int64_t stride, int64_t valid, int64_t depth,
                         char *panel) {
    const size_t size = dtype == HD_F32 ? sizeof(float) : sizeof(uint16_t);
    for (int64_t k = 0; k < depth; k += LANES) {
        lanes lower[LANES], upper[LANES];
        load_square(weight + (size_t)k * size, size, stride, valid, depth - k, lower);
        load_square(weight + (size_t)(LANES * stride + k) * size, size, stride, valid - LANES, depth - k, upper);
#pragma GCC unroll 16
        for (int64_t i = 0; i < LANES; i++) {
            char *to = panel + (size_t)((k + i) * HD_PANEL) * size;
            if (i >= depth - k) continue;
            if (dtype == HD_F32) {
                lanes_store((float *)to, lower[i]);
                lanes_store((float *)to + LANES, upper[i]);
            } else if (dtype == HD_BF16) {
                lanes_u words = lanes_or_u(lanes_shift_right_u(lanes_bits(lower[i]), 16), lanes_bits(upper[i]));
                lanes_store((float *)to, lanes_from_bits(words));
            } else {
                lanes_store_halves((uint16_t *)to, lower[i]);
                lanes_store_halves((uint16_t *)to + LANES, upper[i]);
            }
        }
    }
}

/* One panel of elements at any address. */
static void pack_unaligned(const char *weight, hd_dtype dtype, int64_t stride, int64_t valid, int64_t depth,
                           char *panel) {
    size_t size = hd_dtype_size(dtype);
    for (int64_t k = 0; k < depth; k++, panel += HD_PANEL * size)
        for (int64_t j = 0; j < HD_PANEL; j++) {
            char *to = panel + (size_t)hd_panel_element(dtype, j) * size;
            if (j < valid)
                memcpy(to, weight + (size_t)(j * stride + k) * size, size);
            else
                memset(to, 0, size);
        }
}

void HD_KERNEL(pack)(const void *weight, hd_dtype dtype, int64_t stride, int64_t columns, int64_t depth, void *panels,
                     int64_t panel, int64_t panel_end) {
    size_t size = hd_dtype_size(dtype);
    bool aligned = (uintptr_t)weight % size == 0;
    for (int64_t p = panel; p < panel_end; p++) {
        int64_t valid = hd_min(HD_PANEL, columns - p * HD_PANEL), first = p * HD_PANEL;
        const char *source = (const char *)weight + (size_t)(first * stride) * size;
        char *target = (char *)panels + (size_t)(first * depth) * size;
        if (aligned && dtype == HD_F32)
            pack_squares(source, HD_F32, stride, valid, depth, target);
        else if (aligned && dtype == HD_BF16)
            pack_squares(source, HD_BF16, stride, valid, depth, target);
        else if (aligned && dtype == HD_F16)
            pack_squares(source, HD_F16, stride, valid, depth, target);
        else
            pack_unaligned(source, dtype, stride, valid, depth, target);
    }
}
