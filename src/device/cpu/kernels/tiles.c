/* The matrix product of pairs of bfloat16 on AMX (Intel's Advanced Matrix Extensions), and the table "amx": that of avx512bf16
 * with this product.
 *
 * A tile is a register of 16 rows of 64 bytes. tdpbf16ps adds to a tile of C, 16 × 16 floats, the product of a tile of A, 16
 * rows × 16 pairs, and a tile of B, 16 pairs × 16 columns: it sums the first halves of the pairs from zero, ascending, then
 * the second halves, and adds both sums to C. An element of C so depends on the blocks of 16 pairs, which are counted from the
 * first depth, but on no other row or column. The last block is padded with zeros. Denormal numbers count as zero.
 *
 * Four tiles of C stay in registers, 32 × 32 floats, while two of A and two of B are read per block of pairs. A group of panels
 * of B stays in the second-level cache while rows of A are read 32 at a time. */
#include "device/cpu/kernels/each.h"

#if defined(HD_ISA_avx512bf16)

enum {
    TILE = HD_PAIRS_BLOCK, /* rows, columns or pairs of a tile */
    TILE_ROWS = 2 * TILE,  /* of A and C at a time */
    DEPTH = 256,           /* pairs: this much of a panel is 32 KiB */
    A_ROW = DEPTH + TILE,  /* of a copied row: no multiple of the 4 KiB after which cache sets repeat */
    GROUP = 16,            /* most panels of a group, */
    GROUP_FLOATS = 1 << 18 /* and most floats of it: 1 MiB */
};

/* ---- tile registers: 0 to 3 are of C, 4 and 5 of A, 6 and 7 of B ---- */

typedef struct shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} shapes;
_Static_assert(sizeof(shapes) == 64, "as the instruction reads it");

/* Shapes the tiles for 1 to TILE_ROWS rows of A and C, and zeroes them. */
static void shape_tiles(int64_t rows) {
    shapes all = {.palette = 1};
    int64_t upper = hd_min(rows, TILE), lower = rows - upper;
    const int64_t rows_of[] = {upper, upper, lower, lower, upper, lower, TILE, TILE};
    for (size_t i = 0; i < HD_COUNT(rows_of); i++)
        if (rows_of[i]) all.rows[i] = (uint8_t)rows_of[i], all.row_bytes[i] = TILE * sizeof(float);
    _tile_loadconfig(&all);
}

/* The intrinsics do not say that they read memory. */
INLINE void finish_stores(void) { __asm__ volatile("" ::: "memory"); }

/* A part of one panel of C. Strides are in bytes. */
typedef struct tile_block {
    int64_t tiles; /* whole ones in depth */
    const float *a, *b;
    int64_t a_row, b_depth;
    const float *tail; /* TILE depths of B after them, of stride HD_PANEL; NULL: none */
    float *c;
    int64_t c_row;
} tile_block;

/* 17 to 32 rows. */
static void multiply_both(const tile_block *p) {
    const char *a = (const char *)p->a, *b = (const char *)p->b, *below = a + TILE * p->a_row;
    float *c = p->c, *c_below = (float *)((char *)p->c + TILE * p->c_row);
    _tile_loadd(0, c, p->c_row);
    _tile_loadd(1, c + TILE, p->c_row);
    _tile_loadd(2, c_below, p->c_row);
    _tile_loadd(3, c_below + TILE, p->c_row);
    const int64_t count = p->tiles + (p->tail != NULL);
    int64_t b_depth = p->b_depth;
    for (int64_t i = 0; i < count; i++) {
        if (i == p->tiles) b = (const char *)p->tail, b_depth = HD_PANEL * sizeof(float);
        _tile_loadd(6, b, b_depth);
        _tile_loadd(4, a, p->a_row);
        _tile_loadd(7, b + TILE * sizeof(float), b_depth);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(5, below, p->a_row);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
        a += TILE * sizeof(float), below += TILE * sizeof(float), b += TILE * b_depth;
    }
    _tile_stored(0, c, p->c_row);
    _tile_stored(1, c + TILE, p->c_row);
    _tile_stored(2, c_below, p->c_row);
    _tile_stored(3, c_below + TILE, p->c_row);
}

/* 1 to 16 rows. */
static void multiply_upper(const tile_block *p) {
    const char *a = (const char *)p->a, *b = (const char *)p->b;
    _tile_loadd(0, p->c, p->c_row);
    _tile_loadd(1, p->c + TILE, p->c_row);
    const int64_t count = p->tiles + (p->tail != NULL);
    int64_t b_depth = p->b_depth;
    for (int64_t i = 0; i < count; i++) {
        if (i == p->tiles) b = (const char *)p->tail, b_depth = HD_PANEL * sizeof(float);
        _tile_loadd(4, a, p->a_row);
        _tile_loadd(6, b, b_depth);
        _tile_loadd(7, b + TILE * sizeof(float), b_depth);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        a += TILE * sizeof(float), b += TILE * b_depth;
    }
    _tile_stored(0, p->c, p->c_row);
    _tile_stored(1, p->c + TILE, p->c_row);
}

/* ---- operands ---- */

/* A part of A and of a group of panels: rows [row, row_end), depths [k, k + depth), panels [panel, panel_end). */
typedef struct part {
    int64_t row, row_end, k, depth, panel, panel_end;
} part;

/* Columns of the panel that B has: all, with a padded one. */
static int64_t readable(const hd_product *product, int64_t panel) {
    bool padded = product->b_depth == HD_PANEL && product->b_panel != HD_PANEL;
    return padded ? HD_PANEL : hd_min(HD_PANEL, product->columns - panel * HD_PANEL);
}

/* Depths [k, k + depth) of a panel to [TILE · tiles, HD_PANEL], with zeros after them. */
static void copy_depths(const hd_product *product, int64_t panel, int64_t k, int64_t depth, int64_t tiles,
                        float *copy) {
    int64_t valid = readable(product, panel);
    const float *b = (const float *)product->b + panel * product->b_panel + k * product->b_depth;
    for (int64_t i = 0; i < TILE * tiles; i++, copy += HD_PANEL)
        for (int64_t j = 0; j < HD_PANEL; j += LANES) {
            bool there = i < depth && j < valid;
            lanes_store(copy + j, there ? lanes_load_some(b + i * product->b_depth + j, valid - j) : lanes_set(0.0f));
        }
}

/* The part's A with contiguous rows of stride A_ROW, and zeros up to whole tiles. */
static void copy_a(const hd_product *product, const part *t, float *copy) {
    const float *a = product->a + t->row * product->a_row + t->k * product->a_depth;
    int64_t rows = t->row_end - t->row;
    for (int64_t i = 0; i < t->depth; i += LANES)
        for (int64_t r = 0; r < rows; r += LANES) {
            lanes square[LANES];
            int64_t depths = hd_min(LANES, t->depth - i), height = hd_min(LANES, rows - r);
            bool by_columns = product->a_depth != 1;
            for (int64_t j = 0; j < LANES; j++) {
                const float *from = by_columns ? a + (i + j) * product->a_depth + r : a + (r + j) * product->a_row + i;
                bool there = j < (by_columns ? depths : height);
                square[j] = there ? lanes_load_some(from, by_columns ? height : depths) : lanes_set(0.0f);
            }
            if (by_columns) lanes_transpose(square);
            for (int64_t j = 0; j < height; j++) lanes_store(copy + (r + j) * A_ROW + i, square[j]);
        }
}

/* ---- products ---- */

/* sums [rows, GROUP panels] continue over the part's depths. */
static void add_part(const hd_product *product, const part *t, float *sums) {
    _Alignas(64) float a_copy[TILE_ROWS * A_ROW], b_copy[DEPTH * HD_PANEL];
    int64_t tiles = t->depth / TILE, rest = t->depth % TILE, rows = t->row_end - t->row;
    tile_block p = {.a = product->a + t->row * product->a_row + t->k,
                    .a_row = product->a_row * (int64_t)sizeof(float),
                    .c_row = GROUP * HD_PANEL * sizeof(float)};
    if (product->a_depth != 1 || rest) {
        copy_a(product, t, a_copy);
        p.a = a_copy, p.a_row = A_ROW * sizeof(float);
    }
    for (int64_t panel = t->panel; panel < t->panel_end; panel++) {
        p.c = sums + (panel - t->panel) * HD_PANEL;
        if (readable(product, panel) < HD_PANEL) {
            p.tiles = tiles + (rest > 0), p.b = b_copy, p.b_depth = HD_PANEL * sizeof(float), p.tail = NULL;
            copy_depths(product, panel, t->k, t->depth, p.tiles, b_copy);
        } else {
            p.tiles = tiles, p.tail = rest ? b_copy : NULL;
            p.b = (const float *)product->b + panel * product->b_panel + t->k * product->b_depth;
            p.b_depth = product->b_depth * (int64_t)sizeof(float);
            if (rest) copy_depths(product, panel, t->k + tiles * TILE, rest, 1, b_copy);
        }
        finish_stores();
        rows > TILE ? multiply_both(&p) : multiply_upper(&p);
    }
}

static void begin_sums(const hd_product *product, const part *t, float *sums) {
    int64_t first = t->panel * HD_PANEL, columns = (t->panel_end - t->panel) * HD_PANEL;
    for (int64_t r = 0; r < t->row_end - t->row; r++)
        for (int64_t j = 0; j < columns; j += LANES) {
            int64_t valid = product->mode == HD_CONTINUE ? product->columns - first - j : 0;
            const float *c = product->c + (t->row + r) * product->c_row + first + j;
            lanes_store(sums + r * GROUP * HD_PANEL + j, valid > 0 ? lanes_load_some(c, valid) : lanes_set(0.0f));
        }
}

static void store_sums(const hd_product *product, const part *t, const float *sums) {
    int64_t first = t->panel * HD_PANEL, columns = hd_min(t->panel_end * HD_PANEL, product->columns) - first;
    for (int64_t r = 0; r < t->row_end - t->row; r++) {
        float *c = product->c + (t->row + r) * product->c_row + first;
        for (int64_t j = 0; j < columns; j += LANES) {
            int64_t valid = columns - j;
            lanes value = lanes_load(sums + r * GROUP * HD_PANEL + j);
            if (product->mode == HD_ADD) value = lanes_add(lanes_load_some(c + j, valid), value);
            if (product->bias) value = lanes_add(value, lanes_load_some(product->bias + first + j, valid));
            lanes_store_some(c + j, value, valid);
        }
        if (product->activation != HD_IDENTITY) HD_KERNEL(activate)(product->activation, columns, c, c);
    }
}

static void multiply_pairs(const hd_product *product, int64_t row, int64_t row_end, int64_t panel, int64_t panel_end) {
    _Alignas(64) float sums[TILE_ROWS * GROUP * HD_PANEL];
    int64_t group = hd_min(GROUP, hd_max(GROUP_FLOATS / (HD_PANEL * hd_max(product->depth, 1)), 1)), shaped = 0;
    part t;
    for (t.panel = panel; t.panel < panel_end; t.panel = t.panel_end) {
        t.panel_end = hd_min(t.panel + group, panel_end);
        for (t.row = row; t.row < row_end; t.row = t.row_end) {
            t.row_end = hd_min(t.row + TILE_ROWS, row_end);
            begin_sums(product, &t, sums);
            if (t.row_end - t.row != shaped) shape_tiles(shaped = t.row_end - t.row);
            for (t.k = 0; t.k < product->depth; t.k += DEPTH) {
                t.depth = hd_min(DEPTH, product->depth - t.k);
                add_part(product, &t, sums);
            }
            store_sums(product, &t, sums);
        }
    }
    _tile_release();
}

static void product_on_tiles(const hd_product *product, int64_t row, int64_t row_end, int64_t panel,
                             int64_t panel_end) {
    (product->pairs ? multiply_pairs : HD_KERNEL(product))(product, row, row_end, panel, panel_end);
}

#define ENTRY(kernel) .kernel = HD_KERNEL(kernel),

extern const hd_kernels hd_kernels_amx;
const hd_kernels hd_kernels_amx = {.name = "amx", .product = product_on_tiles, HD_OTHER_KERNELS(ENTRY)};
#endif
