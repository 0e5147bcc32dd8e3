/* Every kernel of every table that this machine runs equals the portable one bit for bit, over awkward shapes; and the
 * portable ones of all machines equal each other. */
#include "fixture.h"

#include "base/random.h"
#include "device/cpu/kernels/kernels.h"
#include "device/cpu/matmul.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MARGIN = 64 }; /* floats after each buffer that no kernel may touch */

static uint64_t next_number, results; /* `results`: the fingerprint of all that the portable table gave in this test */

static int start(void **state) {
    (void)state;
    next_number = 0;
    results = FINGERPRINT_OF_NOTHING;
    return 0;
}

static float *filled(int64_t count) {
    float *p = malloc((size_t)(count + MARGIN) * sizeof *p);
    hd_random_key key = hd_random_key_make(7, HD_RANDOM_GENERATE, next_number++);
    for (int64_t i = 0; i < count + MARGIN; i++) p[i] = 4.0f * hd_random_uniform(key, (uint32_t)i, 0, 0) - 2.0f;
    return p;
}

static float *copy(const float *source, int64_t count) {
    float *p = malloc((size_t)(count + MARGIN) * sizeof *p);
    memcpy(p, source, (size_t)(count + MARGIN) * sizeof *p);
    return p;
}

/* Runs `body` with `t` the portable table and then each other, on copies of `out`, and compares the whole buffers. */
#define EACH_TABLE(out, count, ...)                                                      \
    do {                                                                                 \
        float *start_ = out, *expected_ = NULL;                                          \
        for (int i_ = 0; hd_kernels_at(i_); i_++) {                                      \
            const hd_kernels *t = hd_kernels_at(i_);                                     \
            float *out = copy(start_, count);                                            \
            __VA_ARGS__;                                                                 \
            if (i_ == 0) {                                                               \
                expected_ = copy(out, count);                                            \
                results = fingerprint(results, out, (size_t)(count) * sizeof(float));    \
            }                                                                            \
            if (memcmp(expected_, out, (size_t)((count) + MARGIN) * sizeof(float)) != 0) \
                fail_msg("%s differs from portable at line %d", t->name, __LINE__);      \
            if (memcmp(start_ + (count), out + (count), MARGIN * sizeof(float)) != 0)    \
                fail_msg("%s wrote past its end at line %d", t->name, __LINE__);         \
            free(out);                                                                   \
        }                                                                                \
        free(expected_);                                                                 \
    } while (0)

static void product_case(int64_t rows, int64_t columns, int64_t depth, hd_activation activation) {
    int64_t panels = (columns + HD_PANEL - 1) / HD_PANEL, packed = panels * HD_PANEL * depth;
    float *a = filled(rows * depth), *weight = filled(columns * depth), *c = filled(rows * columns),
          *bias = filled(columns);
    float *p = filled(packed), *transposed = filled(rows * depth), *plain = filled(columns * depth);
    EACH_TABLE(p, packed, t->pack(weight, HD_F32, depth, columns, depth, p, 0, panels));
    hd_kernels_at(0)->pack(weight, HD_F32, depth, columns, depth, p, 0, panels);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < depth; k++) transposed[k * rows + r] = a[r * depth + k];
    for (int64_t j = 0; j < columns; j++)
        for (int64_t k = 0; k < depth; k++) plain[k * columns + j] = weight[j * depth + k];
    hd_product product = {.rows = rows,
                          .columns = columns,
                          .depth = depth,
                          .a = a,
                          .a_row = depth,
                          .a_depth = 1,
                          .b = p,
                          .b_depth = HD_PANEL,
                          .b_panel = HD_PANEL * depth,
                          .c_row = columns,
                          .bias = bias,
                          .activation = activation};
    hd_product by_columns = {.rows = rows,
                             .columns = columns,
                             .depth = depth,
                             .a = transposed,
                             .a_row = 1,
                             .a_depth = rows,
                             .b = plain,
                             .b_depth = columns,
                             .b_panel = HD_PANEL,
                             .c_row = columns,
                             .bias = bias,
                             .activation = activation};
    /* the definition, a chain of fused multiply–adds */
    float *expected = copy(c, rows * columns);
    for (int64_t r = 0; r < rows && activation == HD_IDENTITY; r++)
        for (int64_t j = 0; j < columns; j++) {
            float sum = 0.0f;
            for (int64_t k = 0; k < depth; k++) sum = __builtin_fmaf(a[r * depth + k], weight[j * depth + k], sum);
            expected[r * columns + j] = sum + bias[j];
        }
    for (int form = 0; form < 2; form++) {
        hd_product *q = form ? &by_columns : &product;
        EACH_TABLE(c, rows * columns, {
            q->c = c;
            t->product(q, 0, rows, 0, panels);
            if (activation == HD_IDENTITY && memcmp(c, expected, (size_t)(rows * columns) * sizeof *c) != 0)
                fail_msg("%s is not the chain: form %d of %d x %d x %d", t->name, form, (int)rows, (int)depth,
                         (int)columns);
            float *whole = copy(c, rows * columns); /* and in four parts */
            memset(c, 0, (size_t)(rows * columns) * sizeof *c);
            for (int part = 0; part < 4; part++)
                t->product(q, part & 1 ? rows / 2 : 0, part & 1 ? rows : rows / 2, part & 2 ? panels / 2 : 0,
                           part & 2 ? panels : panels / 2);
            assert_memory_equal(c, whole, (size_t)(rows * columns) * sizeof *c);
            free(whole);
        });
        q->bias = NULL, q->mode = HD_ADD;
        EACH_TABLE(c, rows * columns, (q->c = c, t->product(q, 0, rows, 0, panels)));
        q->mode = HD_CONTINUE;
        EACH_TABLE(c, rows * columns, (q->c = c, t->product(q, 0, rows, 0, panels)));
    }
    free(a), free(weight), free(c), free(bias), free(p), free(transposed), free(plain), free(expected);
}

static void products(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{1, 1, 1},
                                        {0, 5, 3},
                                        {3, 7, 0},
                                        {1, 33, 17},
                                        {2, 32, 64},
                                        {14, 64, 9},
                                        {15, 48, 600},
                                        {29, 31, 130},
                                        {5, 100, 1100},
                                        {7, 16, 5},
                                        {13, 17, 32},
                                        {250, 40, 20},
                                        {6, 65, 32},
                                        /* rows of A that collide and are copied; groups of panels */
                                        {30, 70, 512},
                                        {20, 300, 512},
                                        /* B copied: a ragged panel, two blocks of the depth, two groups */
                                        {513, 33, 257},
                                        {512, 264, 512},
                                        {600, 5, 1},
                                        /* separately from HD_ADD: over its rows and over its columns */
                                        {120, 33, 520},
                                        {3, 300, 20}};
    for (size_t i = 0; i < HD_COUNT(shapes); i++)
        for (int activation = HD_IDENTITY; activation <= HD_SIGMOID; activation += i == 5 ? 1 : 7)
            product_case(shapes[i][0], shapes[i][1], shapes[i][2], (hd_activation)activation);
    assert_fingerprint(results, 0x59cb6f49bd9d45fau);
}

/* On any number of threads, cut by rows or by panels. */
static void products_on_threads(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{300, 40, 128}, {9, 500, 300}, {64, 320, 256}, {1, 3000, 700}, {1200, 31, 64}};
    for (size_t i = 0; i < HD_COUNT(shapes); i++) {
        int64_t rows = shapes[i][0], columns = shapes[i][1], depth = shapes[i][2];
        float *a = filled(rows * depth), *b = filled(depth * columns), *c = filled(rows * columns), *expected = NULL;
        for (int threads = 1; threads <= 7; threads += 2) {
            heed_context *context;
            assert_int_equal(heed_context_open(&context), HEED_OK);
            assert_int_equal(heed_context_set_threads(context, threads), HEED_OK);
            memset(c, 0, (size_t)(rows * columns) * sizeof *c);
            hd_matmul(context, &(hd_product){.rows = rows,
                                             .columns = columns,
                                             .depth = depth,
                                             .a = a,
                                             .a_row = depth,
                                             .a_depth = 1,
                                             .b = b,
                                             .b_depth = columns,
                                             .b_panel = HD_PANEL,
                                             .c = c,
                                             .c_row = columns});
            if (threads == 1) expected = copy(c, rows * columns);
            assert_memory_equal(c, expected, (size_t)(rows * columns + MARGIN) * sizeof *c);
            heed_context_close(context);
        }
        free(a), free(b), free(c), free(expected);
    }
}

/* Panels of every element type that weights are stored in, of weights at even and odd addresses. */
static void pack_case(hd_dtype dtype, int64_t columns, int64_t depth, int64_t stride, size_t offset) {
    size_t size = hd_dtype_size(dtype), panels = (size_t)(columns + HD_PANEL - 1) / HD_PANEL;
    size_t bytes = ((size_t)(columns - 1) * (size_t)stride + (size_t)depth) * size;
    size_t packed = panels * HD_PANEL * (size_t)depth * size;
    unsigned char *memory = malloc(bytes + offset), *weight = memory + offset;
    unsigned char *expected = calloc(packed, 1), *found = malloc(packed + 1);
    for (size_t i = 0; i < bytes; i++) weight[i] = (unsigned char)(i * 89 + i / 251);
    for (size_t j = 0; j < (size_t)columns; j++)
        for (size_t k = 0; k < (size_t)depth; k++)
            memcpy(expected + ((j / HD_PANEL * (size_t)depth + k) * HD_PANEL +
                               (size_t)hd_panel_element(dtype, (int64_t)j % HD_PANEL)) *
                                  size,
                   weight + (j * (size_t)stride + k) * size, size);
    const hd_kernels *t;
    for (int i = 0; (t = hd_kernels_at(i)); i++) {
        memset(found, 0xaa, packed + 1);
        t->pack(weight, dtype, stride, columns, depth, found, 0, (int64_t)panels);
        if (memcmp(found, expected, packed) != 0 || found[packed] != 0xaa)
            fail_msg("%s packs [%lld, %lld] of %s wrongly", t->name, (long long)columns, (long long)depth,
                     hd_dtype_name(dtype));
    }
    free(memory), free(expected), free(found);
}

static void packs(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{1, 1, 1},    {32, 16, 16},   {33, 17, 17},
                                        {50, 31, 40}, {64, 100, 100}, {7, 130, 131}};
    for (size_t i = 0; i < HD_COUNT(shapes); i++)
        for (size_t offset = 0; offset < 2; offset++)
            for (int dtype = HD_F32; dtype <= HD_BF16; dtype++)
                pack_case((hd_dtype)dtype, shapes[i][0], shapes[i][1], shapes[i][2], offset);
}

/* The last panel has two lanes of columns, or one, or all. */
static void half_precision_case(int64_t columns, int64_t rows) {
    enum { COLUMNS = 64, DEPTH = 21, PANELS = 2 };
    uint16_t weight[COLUMNS * DEPTH];
    for (int dtype = HD_F16; dtype <= HD_BF16; dtype++) {
        hd_random_key key = hd_random_key_make(3, HD_RANDOM_GENERATE, (uint64_t)dtype);
        float *wide = filled(columns * DEPTH), *a = filled(rows * DEPTH), *c = filled(rows * columns);
        for (int i = 0; i < columns * DEPTH; i++) {
            float value = (hd_random_uniform(key, (uint32_t)i, 0, 0) - 0.5f) * (i % 7 ? 1.0f : 1e-6f);
            weight[i] = dtype == HD_F16 ? hd_to_f16(value) : hd_to_bf16(value);
            wide[i] = dtype == HD_F16 ? hd_from_f16(weight[i]) : hd_from_bf16(weight[i]);
        }
        uint16_t halves[PANELS * HD_PANEL * DEPTH];
        float panels[PANELS * HD_PANEL * DEPTH];
        const hd_kernels *portable = hd_kernels_at(0);
        portable->pack(weight, (hd_dtype)dtype, DEPTH, columns, DEPTH, halves, 0, PANELS);
        portable->pack(wide, HD_F32, DEPTH, columns, DEPTH, panels, 0, PANELS);
        hd_product product = {.rows = rows,
                              .columns = columns,
                              .depth = DEPTH,
                              .a = a,
                              .a_row = DEPTH,
                              .a_depth = 1,
                              .b = panels,
                              .b_depth = HD_PANEL,
                              .b_panel = HD_PANEL * DEPTH,
                              .c = c,
                              .c_row = columns};
        portable->product(&product, 0, rows, 0, PANELS);
        float *expected = copy(c, rows * columns);
        product.b = halves, product.b_dtype = (hd_dtype)dtype;
        EACH_TABLE(c, rows * columns, {
            product.c = c;
            t->product(&product, 0, rows, 0, PANELS);
            assert_memory_equal(c, expected, (size_t)(rows * columns) * sizeof(float));
        });
        free(wide), free(a), free(c), free(expected);
    }
}

static void half_precision_panels(void **state) {
    (void)state;
    half_precision_case(50, 9);
    half_precision_case(40, 9);
    half_precision_case(64, 9);
    half_precision_case(33, 9);
    half_precision_case(33, 512); /* widened in a copy */
    assert_fingerprint(results, 0x02a25199887a8f69u);
    half_precision_case(50, 40); /* several blocks of rows, in place */
    half_precision_case(50, 112);
}

static uint32_t place(const float *x, int64_t first, int64_t second, bool there) {
    return (uint32_t)hd_to_bf16(x[first]) | (there ? (uint32_t)hd_to_bf16(x[second]) << 16 : 0);
}

static void pairs(void **state) {
    (void)state;
    static const int64_t shapes[][2] = {{1, 1}, {3, 7}, {2, 64}, {5, 33}, {4, 130}, {1, 31}};
    for (size_t i = 0; i < HD_COUNT(shapes); i++) {
        int64_t rows = shapes[i][0], columns = shapes[i][1], by_columns = rows * ((columns + 1) / 2),
                by_rows = (rows + 1) / 2 * columns;
        float *x = filled(rows * columns), *y = filled(hd_max(by_columns, by_rows));
        x[0] = NAN, x[rows * columns / 2] = INFINITY, x[rows * columns - 1] = -0.0f;
        uint32_t bits;
        EACH_TABLE(y, by_columns, {
            t->pair_columns(rows, columns, x, y);
            for (int64_t r = 0, k = 0; r < rows; r++)
                for (int64_t j = 0; j < columns; j += 2, k++) {
                    memcpy(&bits, &y[k], sizeof bits);
                    assert_int_equal(bits, place(x, r * columns + j, r * columns + j + 1, j + 1 < columns));
                }
        });
        EACH_TABLE(y, by_rows, {
            t->pair_rows(rows, columns, x, y);
            for (int64_t k = 0; k < by_rows; k++) {
                int64_t first = k / columns * 2 * columns + k % columns;
                memcpy(&bits, &y[k], sizeof bits);
                assert_int_equal(bits, place(x, first, first + columns, first + columns < rows * columns));
            }
        });
        free(x), free(y);
    }
}

/* Near the sum in double of the rounded factors; the same bits for both layouts, row by row, and in two parts. */
static void pair_product_case(int64_t rows, int64_t columns, int64_t depth) {
    int64_t half = (depth + 1) / 2, panels = (columns + HD_PANEL - 1) / HD_PANEL;
    float *a = filled(rows * depth), *weight = filled(columns * depth);
    float *transposed = filled(rows * depth), *plain = filled(columns * depth), *c = filled(rows * columns);
    float *a_pairs = filled(rows * half), *weight_pairs = filled(columns * half);
    float *a_by_columns = filled(half * rows), *b = filled(half * columns), *packed = filled(panels * HD_PANEL * half);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < depth; k++) transposed[k * rows + r] = a[r * depth + k];
    for (int64_t j = 0; j < columns; j++)
        for (int64_t k = 0; k < depth; k++) plain[k * columns + j] = weight[j * depth + k];
    const hd_kernels *portable = hd_kernels_at(0);
    portable->pair_columns(rows, depth, a, a_pairs);
    portable->pair_columns(columns, depth, weight, weight_pairs);
    portable->pair_rows(depth, rows, transposed, a_by_columns);
    portable->pair_rows(depth, columns, plain, b);
    portable->pack(weight_pairs, HD_F32, half, columns, half, packed, 0, panels);
    hd_product product = {.rows = rows,
                          .columns = columns,
                          .depth = half,
                          .a = a_pairs,
                          .a_row = half,
                          .a_depth = 1,
                          .b = packed,
                          .b_depth = HD_PANEL,
                          .b_panel = HD_PANEL * half,
                          .c_row = columns,
                          .pairs = true};
    hd_product by_columns = product;
    by_columns.a = a_by_columns, by_columns.a_row = 1, by_columns.a_depth = rows;
    by_columns.b = b, by_columns.b_depth = columns, by_columns.b_panel = HD_PANEL;
    for (int i = 0; hd_kernels_at(i); i++) {
        const hd_kernels *t = hd_kernels_at(i);
        float *whole = copy(c, rows * columns), *other = copy(c, rows * columns), *single = copy(c, rows * columns);
        product.c = whole, by_columns.c = other;
        t->product(&product, 0, rows, 0, panels);
        t->product(&by_columns, 0, rows, 0, panels);
        assert_memory_equal(whole, other, (size_t)(rows * columns + MARGIN) * sizeof *whole);
        product.c = single;
        for (int64_t r = 0; r < rows; r++) t->product(&product, r, r + 1, 0, panels);
        assert_memory_equal(whole, single, (size_t)(rows * columns + MARGIN) * sizeof *whole);
        int64_t first = half / 2 / HD_PAIRS_BLOCK * HD_PAIRS_BLOCK;
        if (first) { /* about the first half of the depth, and the rest */
            by_columns.depth = first;
            t->product(&by_columns, 0, rows, 0, panels);
            by_columns.mode = HD_CONTINUE, by_columns.depth = half - first;
            by_columns.a += first * rows, by_columns.b = b + first * columns;
            t->product(&by_columns, 0, rows, 0, panels);
            assert_memory_equal(whole, other, (size_t)(rows * columns + MARGIN) * sizeof *whole);
            by_columns.mode = HD_STORE, by_columns.depth = half, by_columns.a = a_by_columns, by_columns.b = b;
        }
        for (int64_t r = 0; r < rows; r++)
            for (int64_t j = 0; j < columns; j++) {
                double sum = 0, size = 0;
                for (int64_t k = 0; k < depth; k++) {
                    double term = (double)hd_from_bf16(hd_to_bf16(a[r * depth + k])) *
                                  (double)hd_from_bf16(hd_to_bf16(weight[j * depth + k]));
                    sum += term, size += fabs(term);
                }
                if (!(fabs((double)whole[r * columns + j] - sum) <= 1e-6 * size))
                    fail_msg("%s: %d x %d x %d on pairs gives %g in place of %g", t->name, (int)rows, (int)depth,
                             (int)columns, (double)whole[r * columns + j], sum);
            }
        free(whole), free(other), free(single);
    }
    free(a), free(weight), free(transposed), free(plain), free(c), free(a_pairs), free(weight_pairs),
        free(a_by_columns);
    free(b), free(packed);
}

static void pair_products(void **state) {
    (void)state;
    static const int64_t shapes[][3] = {{1, 1, 1},     {3, 7, 2},      {15, 48, 600},
                                        {29, 31, 131}, {5, 100, 1101}, {130, 65, 20}};
    for (size_t i = 0; i < HD_COUNT(shapes); i++) pair_product_case(shapes[i][0], shapes[i][1], shapes[i][2]);
}

static void elements(void **state) {
    (void)state;
    static const int64_t counts[] = {0, 1, 15, 16, 17, 300, 1023};
    for (size_t i = 0; i < HD_COUNT(counts); i++) {
        int64_t n = counts[i];
        float *a = filled(n), *b = filled(n), *y = filled(3 * n);
        EACH_TABLE(y, n, t->add(n, a, b, y));
        EACH_TABLE(y, n, t->scale(n, 0.3f, a, y));
        EACH_TABLE(y, n, t->add_scaled(n, 0.3f, a, y));
        for (int activation = HD_IDENTITY; activation <= HD_SIGMOID; activation++) {
            EACH_TABLE(y, n, t->activate((hd_activation)activation, n, a, y));
            EACH_TABLE(y, n, t->activate_backward((hd_activation)activation, n, a, b, y, false));
            EACH_TABLE(y, n, t->activate_backward((hd_activation)activation, n, a, b, y, true));
        }
        for (int64_t j = 0; j < 2 * n; j++) y[j] = y[j] * y[j]; /* Adam's second moments are not negative */
        hd_adam adam = {0.01f, 0.9f, 0.98f, 1e-9f, 0.01f, 10.0f, 50.0f, 0.5f};
        EACH_TABLE(y, 3 * n, t->adam(&adam, n, a, y, y + n, y + 2 * n));
        double squares = hd_kernels_at(0)->sum_of_squares(n, a);
        for (int j = 1; hd_kernels_at(j); j++) assert_true(hd_kernels_at(j)->sum_of_squares(n, a) == squares);
        for (int j = 0; hd_kernels_at(j); j++) {
            assert_int_equal(hd_kernels_at(j)->find_non_finite(n, a), -1);
            if (n == 0) continue;
            float kept = a[n - 1];
            a[n - 1] = __builtin_nanf("");
            assert_int_equal(hd_kernels_at(j)->find_non_finite(n, a), n - 1);
            a[n - 1] = -__builtin_inff();
            assert_int_equal(hd_kernels_at(j)->find_non_finite(n, a), n - 1);
            a[n - 1] = kept;
        }
        free(a), free(b), free(y);
    }
    assert_fingerprint(results, 0x9ce087170edb605bu);
}

static bool same(float a, float b) { return (isnan(a) && isnan(b)) || hd_float_bits(a) == hd_float_bits(b); }

/* NaN, the zeros, infinities and the ends of the range: a maximum, a minimum or a rounding of other rules shows here. */
static void special_values(void **state) {
    (void)state;
    static const float x[] = {NAN,   -NAN,  0.0f,      -0.0f,      INFINITY, -INFINITY,      0x1p-149f, -0x1p-149f,
                              88.8f, -104,  0x1p-126f, -0x1p-126f, FLT_MAX,  -FLT_MAX,       105,       -105,
                              1,     -0.5f, 0x1p-24f,  -0x1p-24f,  0x1p24f,  0x1.fffffep23f, -88};
    enum { N = HD_COUNT(x) };
    float dy[N], expected[N], y[N];
    for (int i = 0; i < N; i++) dy[i] = i % 2 ? -1.0f : 1.0f;
    for (int t = 0; hd_kernels_at(t); t++)
        for (int activation = HD_IDENTITY; activation <= HD_SIGMOID; activation++)
            for (int backward = 0; backward < 2; backward++) {
                for (int i = 0; i < N; i++) expected[i] = y[i] = -0.0f;
                for (int side = 0; side < 2; side++) {
                    const hd_kernels *table = hd_kernels_at(side ? t : 0);
                    float *out = side ? y : expected;
                    if (backward)
                        table->activate_backward((hd_activation)activation, N, x, dy, out, true);
                    else
                        table->activate((hd_activation)activation, N, x, out);
                }
                for (int i = 0; i < N; i++)
                    if (!same(y[i], expected[i]))
                        fail_msg("%s gives %a for %a, not %a: activation %d", hd_kernels_at(t)->name, (double)y[i],
                                 (double)x[i], (double)expected[i], activation);
            }
}

static void rows(void **state) {
    (void)state;
    static const int64_t widths[] = {1, 8, 16, 33, 64, 100, 300};
    for (size_t i = 0; i < HD_COUNT(widths); i++) {
        int64_t w = widths[i], r = 5, n = r * w;
        float *x = filled(n), *dy = filled(n), *gain = filled(w), *bias = filled(w), *y = filled(n), *g = filled(2 * w);
        float *statistics = filled(2 * r);
        hd_kernels_at(0)->layer_norm(r, w, 1e-5f, x, gain, bias, y, statistics);
        EACH_TABLE(y, n, t->layer_norm(r, w, 1e-5f, x, gain, bias, y, NULL));
        EACH_TABLE(y, n, t->layer_norm_backward(r, w, x, statistics, gain, dy, y, true));
        EACH_TABLE(g, 2 * w, t->layer_norm_backward_gain(r, w, x, statistics, dy, g, g + w, 0, w));
        EACH_TABLE(y, n, t->rms_norm(r, w, 1e-5f, x, gain, y, NULL));
        EACH_TABLE(y, n, t->rms_norm_backward(r, w, x, statistics, gain, dy, y, false));
        EACH_TABLE(g, w, t->rms_norm_backward_gain(r, w, x, statistics, dy, g, 0, w));
        EACH_TABLE(g, w, t->sum_rows(r, w, x, g, 0, w));
        float *sums = filled(20);
        EACH_TABLE(sums, 20, {
            hd_exp_sum sum = {.largest = -INFINITY};
            sums[0] = t->add_exponentials(w, x, &sum);
            sums[1] = t->add_exponentials(w / 2, x + w / 2, &sum); /* as if it were another part */
            sums[2] = t->log_of_sum(&sum);
            sums[3] = (float)t->find_above(w, x, x[w / 3]);
            memcpy(sums + 4, sum.lanes, sizeof sum.lanes);
        });
        free(sums);
        double loss = hd_kernels_at(0)->cross_entropy_loss(w, x, w / 2, 0.1f);
        EACH_TABLE(y, w, {
            memcpy(y, x, (size_t)w * sizeof *y);
            assert_true(t->cross_entropy(w, y, w / 2, 0.1f, 0.7f) == loss);
        });
        memcpy(y, x, 2 * (size_t)w * sizeof *y);
        double pair_loss = hd_kernels_at(0)->cross_entropy_pair(w, y, y + w, w / 2, 0.1f, 5.0f, 0.7f);
        EACH_TABLE(y, 2 * w, {
            memcpy(y, x, 2 * (size_t)w * sizeof *y);
            assert_true(t->cross_entropy_pair(w, y, y + w, w / 2, 0.1f, 5.0f, 0.7f) == pair_loss);
        });
        hd_dropout dropout = {hd_random_key_make(1, HD_RANDOM_DROPOUT, 2), 0x40000000u, 4.0f / 3.0f};
        EACH_TABLE(y, w, t->dropout_row(&dropout, 5, 6, w, x, bias, y));
        free(x), free(dy), free(gain), free(bias), free(y), free(g), free(statistics);
    }
    assert_fingerprint(results, 0x3b1cd8072b1ecbc0u);
}

/* Products of rows in both types; those of halves are the products of their values in f32. */
static void dots(void **state) {
    (void)state;
    static const int64_t shapes[][2] = {{0, 5}, {1, 1}, {3, 16}, {4, 15}, {5, 33}, {9, 384}, {2, 100}};
    for (size_t i = 0; i < HD_COUNT(shapes); i++) {
        int64_t r = shapes[i][0], w = shapes[i][1];
        float *x = filled(r * w), *q = filled(w), *y = filled(r), *wide = filled(r * w);
        uint16_t *halves = malloc((size_t)(r * w + 1) * sizeof *halves);
        for (int64_t j = 0; j < r * w; j++) halves[j] = hd_to_f16(x[j]), wide[j] = hd_from_f16(halves[j]);
        EACH_TABLE(y, r, t->dot_rows(r, w, HD_F32, x, q, y));
        EACH_TABLE(y, r, t->dot_rows(r, w, HD_F16, halves, q, y));
        float *expected = copy(y, r);
        hd_kernels_at(0)->dot_rows(r, w, HD_F32, wide, q, expected);
        EACH_TABLE(y, r, {
            t->dot_rows(r, w, HD_F16, halves, q, y);
            assert_memory_equal(y, expected, (size_t)r * sizeof *y);
            for (int64_t j = 0; j < r; j++) { /* one row at a time */
                float one;
                t->dot_rows(1, w, HD_F16, halves + j * w, q, &one);
                assert_memory_equal(&one, expected + j, sizeof one);
            }
        });
        for (int64_t j = 0; j < r; j++) {
            double sum = 0;
            for (int64_t k = 0; k < w; k++) sum += (double)wide[j * w + k] * (double)q[k];
            assert_true(fabs(sum - (double)expected[j]) < 1e-4);
        }
        free(x), free(q), free(y), free(wide), free(halves), free(expected);
    }
    assert_fingerprint(results, 0x4423707be4f6355au);
}

/* The words that lanes take for a column are those that base/random.c gives for it. */
static void dropout_follows_philox(void **state) {
    (void)state;
    hd_dropout dropout = {hd_random_key_make(11, HD_RANDOM_DROPOUT, 3), 0x80000000u, 2.0f};
    float x[150], y[150];
    for (int j = 0; j < 150; j++) x[j] = 1.0f;
    for (int i = 0; hd_kernels_at(i); i++) {
        hd_kernels_at(i)->dropout_row(&dropout, 1234567890123ull, 42, 150, x, NULL, y);
        for (int j = 0; j < 150; j++) {
            uint32_t words[4];
            hd_philox(dropout.key, (uint32_t)(16 * (j / 64) + j % 16), 42, 1234567890123ull, words);
            assert_true(y[j] == (words[j / 16 % 4] < dropout.threshold ? 0.0f : 2.0f));
        }
    }
}

/* Attention beyond the usual: `bias` is 'd' by distance, 'm' a matrix, or 0. */
typedef struct attention_kind {
    int64_t window;
    float softcap;
    char bias;
} attention_kind;

static void attention_case(int64_t queries, int64_t keys, int64_t width, bool causal, bool drops, attention_kind kind) {
    int64_t stride = width + 3, panels = (keys + HD_PANEL - 1) / HD_PANEL, packed = panels * HD_PANEL * width;
    int64_t q_size = queries * stride, k_size = keys * stride;
    float *q = filled(q_size), *k = filled(k_size), *v = filled(k_size), *dy = filled(q_size),
          *log_sum = filled(queries);
    float *k_panels = filled(packed), *v_panels = filled(packed), *out = filled(q_size),
          *gradients = filled(q_size + 2 * k_size);
    float *scratch = filled((int64_t)hd_attention_scratch(width, 0)), *weights = filled(queries * keys),
          *y = filled(q_size);
    hd_kernels_at(0)->pack(k, HD_F32, stride, keys, width, k_panels, 0, panels);
    hd_kernels_at(0)->pack(v, HD_F32, stride, keys, width, v_panels, 0, panels);
    hd_attention a = {.keys = keys,
                      .width = width,
                      .first_query = keys - queries,
                      .causal = causal,
                      .scale = 0.4f,
                      .q = q,
                      .v = v,
                      .k_panels = k_panels,
                      .q_row = stride,
                      .v_row = stride,
                      .output_row = stride,
                      .log_sum = log_sum,
                      .log_sum_row = 1,
                      .example = 9,
                      .k = k,
                      .v_panels = v_panels,
                      .k_row = stride,
                      .d_output = dy};
    if (drops) a.dropout = (hd_dropout){hd_random_key_make(5, HD_RANDOM_DROPOUT, 1), 0x30000000u, 1.23f};
    int64_t bias_size = kind.bias == 'd' ? 2 * keys : queries * keys;
    float *bias = kind.bias ? filled(bias_size) : NULL, *d_bias = kind.bias ? filled(bias_size) : NULL;
    a.window = kind.window, a.softcap = kind.softcap, a.bias = bias;
    a.bias_first = kind.bias == 'd' ? keys - a.first_query : 0;
    a.bias_row = kind.bias == 'd' ? -1 : keys;
    a.output = y;
    hd_kernels_at(0)->attention(&a, queries, scratch);
    EACH_TABLE(out, q_size, (a.output = out, t->attention(&a, queries, scratch)));
    EACH_TABLE(out, q_size, { /* a query at a time, as in cached decoding: the same bits */
                              for (int64_t i = 0; i < queries; i++) {
                                  hd_attention one = a;
                                  one.q += i * stride, one.output = out + i * stride, one.first_query += i,
                                                       one.log_sum += i, one.bias_first += i * one.bias_row;
                                  if (causal) one.keys = one.first_query + 1;
                                  t->attention(&one, 1, scratch);
                                  assert_memory_equal(one.output, y + i * stride, (size_t)width * sizeof(float));
                              }
    });
    a.output = y;
    EACH_TABLE(weights, queries * keys, (a.weights = weights, t->attention(&a, queries, scratch), a.weights = NULL));
    EACH_TABLE(gradients, q_size + 2 * k_size, {
        a.dq = gradients, a.dk = gradients + q_size, a.dv = a.dk + k_size;
        t->attention_backward(&a, queries, scratch);
    });
    if (bias)
        EACH_TABLE(d_bias, bias_size, {
            a.dq = gradients, a.dk = gradients + q_size, a.dv = a.dk + k_size, a.d_bias = d_bias;
            t->attention_backward(&a, queries, scratch);
        });
    free(bias), free(d_bias);
    free(q), free(k), free(v), free(dy), free(log_sum), free(k_panels), free(v_panels), free(out), free(gradients);
    free(scratch), free(weights), free(y);
}

static void attentions(void **state) {
    (void)state;
    const attention_kind usual = {0};
    attention_case(1, 1, 8, false, false, usual);
    attention_case(15, 15, 32, true, false, usual);
    attention_case(40, 40, 16, true, true, usual);
    attention_case(33, 70, 20, false, true, usual);
    attention_case(70, 150, 5, true, false, usual);
    attention_case(3, 200, 64, false, false, usual);
    assert_fingerprint(results, 0xf5373109d6f1352bu);
}

static void attentions_with_windows_caps_and_biases(void **state) {
    (void)state;
    attention_case(70, 150, 5, true, false, (attention_kind){.window = 20});
    attention_case(200, 200, 16, true, true, (attention_kind){.window = 65});
    attention_case(200, 200, 16, false, false, (attention_kind){.window = 33});
    attention_case(90, 70, 8, false, false, (attention_kind){.window = 7}); /* queries before all keys */
    attention_case(40, 40, 16, true, false, (attention_kind){.softcap = 0.7f});
    attention_case(33, 70, 20, false, true, (attention_kind){.bias = 'd'});
    attention_case(33, 170, 20, true, false, (attention_kind){.bias = 'd', .window = 50, .softcap = 3.0f});
    attention_case(70, 75, 8, false, false, (attention_kind){.bias = 'm', .softcap = 2.0f});
    attention_case(70, 150, 8, true, true, (attention_kind){.bias = 'm'});
    assert_fingerprint(results, 0x2e0e3933e1db907bu);
}

/* Memory of which the first `closed` bytes cannot be read. */
static float *half_closed(size_t closed, size_t size) {
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    for (size_t i = 0; i < size / sizeof(float); i++) ((float *)(void *)memory)[i] = (float)(i % 7) - 3.0f;
    assert_int_equal(mprotect(memory, closed, PROT_NONE), 0);
    return (float *)(void *)memory;
}

/* The blocks of 64 keys outside a window are not read, in order or in a pool: the cost is that of the window. */
static void keys_outside_a_window_are_not_read(void **state) {
    (void)state;
    enum { WIDTH = 64, BLOCK = HD_ATTENTION_KEYS * WIDTH * sizeof(float), BLOCKS = 9, CLOSED = 6 };
    const int64_t keys = BLOCKS * HD_ATTENTION_KEYS;
    float *k = half_closed(CLOSED * BLOCK, BLOCKS * BLOCK), *v = half_closed(CLOSED * BLOCK, BLOCKS * BLOCK);
    float *scratch = filled((int64_t)hd_attention_scratch(WIDTH, keys)), *q = filled(40 * WIDTH),
          *y = filled(40 * WIDTH);
    int32_t *index = malloc((size_t)keys * sizeof *index);
    const int64_t open = CLOSED * HD_ATTENTION_KEYS; /* keys before it are at indexes before it */
    for (int64_t j = 0; j < keys; j++) index[j] = (int32_t)(j < open ? open - 1 - j : keys - 1 - (j - open));
    for (int i = 0; hd_kernels_at(i); i++) {
        for (int64_t queries = 1; queries <= 40; queries += 39) {
            hd_attention a = {
                .keys = keys,
                .width = WIDTH,
                .first_query = keys - queries,
                .causal = true,
                .window = keys - open + 1 - 40, /* the first of 40 queries begins with the first open key */
                .scale = 0.1f,
                .q = q,
                .v = v,
                .k_panels = k,
                .q_row = WIDTH,
                .v_row = WIDTH,
                .output = y,
                .output_row = WIDTH};
            hd_kernels_at(i)->attention(&a, queries, scratch);
            a.index = index, a.pool_keys = keys;
            if (queries == 1) hd_kernels_at(i)->attention(&a, queries, scratch);
        }
    }
    munmap(k, BLOCKS * BLOCK), munmap(v, BLOCKS * BLOCK);
    free(scratch), free(q), free(y), free(index);
}

/* Keys in a pool, of which each row has a list, give the bits of keys in order. */
static void a_window_on_a_pool_changes_no_bit(void **state) {
    (void)state;
    enum { WIDTH = 12, KEYS = 150, POOL = 320, ROWS = 10, PANELS = POOL / HD_PANEL };
    float *k = filled(POOL * WIDTH), *v = filled(POOL * WIDTH), *panels = filled(POOL * WIDTH),
          *q = filled(ROWS * WIDTH);
    float *scratch = filled((int64_t)hd_attention_scratch(WIDTH, POOL)), *own_k = filled(PANELS * HD_PANEL * WIDTH);
    int32_t *index = malloc(ROWS * KEYS * sizeof *index);
    hd_kernels_at(0)->pack(k, HD_F32, WIDTH, POOL, WIDTH, panels, 0, PANELS);
    for (int64_t r = 0; r < ROWS; r++)
        for (int64_t j = 0; j < KEYS; j++) index[r * KEYS + j] = (int32_t)((j < 100 ? j : j + 7 * r) * 37 % POOL);
    for (int64_t window = 0; window < 120; window += 17)
        for (int64_t rows = 1; rows <= ROWS; rows += 3)
            for (int i = 0; hd_kernels_at(i); i++) {
                float together[ROWS * WIDTH], alone[WIDTH], own[KEYS * WIDTH], own_v[KEYS * WIDTH];
                hd_attention a = {.keys = KEYS,
                                  .width = WIDTH,
                                  .first_query = KEYS - 1,
                                  .one_position = true,
                                  .causal = true,
                                  .window = window,
                                  .scale = 0.4f,
                                  .q = q,
                                  .v = v,
                                  .k_panels = panels,
                                  .q_row = WIDTH,
                                  .v_row = WIDTH,
                                  .index = index,
                                  .index_row = KEYS,
                                  .pool_keys = POOL,
                                  .output = together,
                                  .output_row = WIDTH};
                memset(scratch, 0xff, hd_attention_scratch(WIDTH, POOL) * sizeof *scratch); /* NaN */
                hd_kernels_at(i)->attention(&a, rows, scratch);
                for (int64_t r = 0; r < rows; r++) {
                    for (int64_t j = 0; j < KEYS; j++) {
                        memcpy(own + j * WIDTH, k + index[r * KEYS + j] * WIDTH, WIDTH * sizeof *own);
                        memcpy(own_v + j * WIDTH, v + index[r * KEYS + j] * WIDTH, WIDTH * sizeof *own_v);
                    }
                    hd_kernels_at(0)->pack(own, HD_F32, WIDTH, KEYS, WIDTH, own_k, 0, (KEYS + HD_PANEL - 1) / HD_PANEL);
                    hd_attention one = a;
                    one.q = q + r * WIDTH, one.k_panels = own_k, one.v = own_v, one.index = NULL, one.output = alone;
                    hd_kernels_at(i)->attention(&one, 1, scratch);
                    assert_memory_equal(alone, together + r * WIDTH, sizeof alone);
                }
            }
    free(k), free(v), free(panels), free(q), free(scratch), free(own_k), free(index);
}

/* A sum over pieces of a row: those of −∞ alone add nothing, wherever they are. */
static void exponentials_are_added_in_pieces(void **state) {
    (void)state;
    enum { PIECE = 19, PIECES = 4 };
    float x[PIECES][PIECE];
    for (int i = 0; hd_kernels_at(i); i++)
        for (unsigned finite = 1; finite < 1u << PIECES; finite++) { /* a bit for each piece */
            const hd_kernels *t = hd_kernels_at(i);
            hd_exp_sum sum = {.largest = -INFINITY};
            double expected = 0;
            for (int p = 0; p < PIECES; p++) {
                for (int j = 0; j < PIECE; j++) x[p][j] = finite >> p & 1 ? (float)(j * 7 % 11 + p) : -INFINITY;
                for (int j = 0; j < PIECE; j++) expected += exp((double)x[p][j]);
                float largest = t->add_exponentials(PIECE, x[p], &sum);
                assert_true(largest == (finite >> p & 1 ? (float)(10 + p) : -INFINITY));
            }
            double found = (double)t->log_of_sum(&sum);
            if (!(fabs(found - log(expected)) < 1e-5)) fail_msg("%s, pieces %u: %g", t->name, finite, found);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(products, start),
        cmocka_unit_test_setup(half_precision_panels, start),
        cmocka_unit_test_setup(elements, start),
        cmocka_unit_test(special_values),
        cmocka_unit_test_setup(rows, start),
        cmocka_unit_test_setup(dots, start),
        cmocka_unit_test(dropout_follows_philox),
        cmocka_unit_test_setup(attentions, start),
        cmocka_unit_test_setup(attentions_with_windows_caps_and_biases, start),
        cmocka_unit_test_setup(keys_outside_a_window_are_not_read, start),
        cmocka_unit_test_setup(a_window_on_a_pool_changes_no_bit, start),
        cmocka_unit_test_setup(pairs, start),
        cmocka_unit_test_setup(pair_products, start),
        cmocka_unit_test(products_on_threads),
        cmocka_unit_test(packs),
        cmocka_unit_test(exponentials_are_added_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
