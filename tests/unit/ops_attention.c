/* Attention, one row a case (tests/ops_fixture.h says what is checked); keys from a cache; observers. */
#include "ops_fixture.h"

static const uint64_t examples[] = {7, 3, 100, 1ull << 40, 12};
static const int32_t positions[] = {2, 0, 5, 0, 1};
static const int32_t short_starts[] = {0, 3, 4, 9, 9, 11}, long_starts[] = {0, 70, 71, 204, 210, 240};
static const int32_t other_starts[] = {0, 2, 9, 10, 80, 83}, gap_starts[] = {0, 2, 9, 9, 12, 15};
static const hd_layout brief = {5, short_starts, examples, NULL};
static const hd_layout placed = {5, short_starts, examples, positions};
static const hd_layout lengthy = {5, long_starts, examples, NULL};
static const hd_layout other = {5, other_starts, examples, NULL};
static const hd_layout two = {.sequences = 2, .starts = short_starts};
static const hd_layout gap = {5, gap_starts, examples, NULL}; /* the third sequence has no keys */

static void attention(const op_case *c, const double *q, const double *k, const double *v, double *y) {
    const hd_layout *queries = c->layout, *keys = c->key_layout ? c->key_layout : queries;
    int64_t columns = c->columns, width = columns / c->heads;
    memset(y, 0, (size_t)(hd_layout_rows(queries) * columns) * sizeof *y);
    for (int64_t s = 0; s < queries->sequences; s++)
        for (int64_t h = 0; h < c->heads; h++)
            for (int64_t row = queries->starts[s]; row < queries->starts[s + 1]; row++) {
                int64_t i = row - queries->starts[s], first = keys->starts[s], count = keys->starts[s + 1] - first;
                if (c->causal && i + 1 < count) count = i + 1;
                double sum = 0;
                for (int pass = 0; pass < 2; pass++) /* the denominator, then the weights */
                    for (int64_t j = 0; j < count; j++) {
                        double score = 0;
                        for (int64_t l = h * width; l < (h + 1) * width; l++)
                            score += q[row * columns + l] * k[(first + j) * columns + l];
                        double e = exp(score / sqrt((double)width));
                        if (pass == 0)
                            sum += e;
                        else
                            e *= dropout_factor(c->dropout, 0, h, j, i, queries->examples[s]) / sum;
                        for (int64_t l = h * width; pass && l < (h + 1) * width; l++)
                            y[row * columns + l] += e * v[(first + j) * columns + l];
                    }
            }
}
static void attend_reference(const op_case *c, const double *const *x, double *y) { attention(c, x[0], x[1], x[2], y); }
static void one_tensor_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[0], x[0], y);
}
static void keys_as_values_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[1], x[1], y);
}

static hd_attend_options options_of(const op_case *c) {
    return (hd_attend_options){
        .heads = c->heads, .causal = c->causal, .dropout = c->dropout, .where = "test", .layer = 3};
}

static hd_tensor *attend(op_run *run) {
    hd_attend_options options = options_of(run->c);
    return hd_attend(run->pass, run->inputs[0], run->inputs[1], run->inputs[2], &options);
}
static hd_tensor *attend_to_itself(op_run *run) {
    hd_attend_options options = options_of(run->c);
    return hd_attend(run->pass, run->inputs[0], run->inputs[0], run->inputs[0], &options);
}
static hd_tensor *attend_keys_as_values(op_run *run) {
    hd_attend_options options = options_of(run->c);
    return hd_attend(run->pass, run->inputs[0], run->inputs[1], run->inputs[1], &options);
}

#define SELF(width)                                                 \
    .run = attend, .reference = attend_reference, .columns = width, \
    .operands = {{'x', 0, width}, {'x', 0, width}, {'x', 0, width}}
#define CROSS(keys, width)                                                              \
    .run = attend, .reference = attend_reference, .columns = width, .key_layout = keys, \
    .operands = {{'x', 0, width}, {'k', 0, width}, {'k', 0, width}}

static const op_case cases[] = {
    {"self", &brief, SELF(24), .heads = 3},
    {"self, one head", &brief, SELF(33), .heads = 1},
    {"self, dropout", &brief, SELF(24), .heads = 4, .dropout = 0.3f},
    {"self, long", &lengthy, SELF(10), .heads = 2},
    {"causal", &brief, SELF(24), .heads = 3, .causal = true},
    {"causal, placed", &placed, SELF(24), .heads = 3, .causal = true},
    {"causal, long", &lengthy, SELF(10), .heads = 2, .causal = true},
    {"causal, long, dropout", &lengthy, SELF(8), .heads = 2, .causal = true, .dropout = 0.2f},
    {"cross", &brief, CROSS(&other, 24), .heads = 3},
    {"cross, long", &lengthy, CROSS(&other, 10), .heads = 2},
    {"cross, dropout", &brief, CROSS(&other, 24), .heads = 2, .dropout = 0.4f},
    {"cross, no keys", &brief, CROSS(&gap, 6), .heads = 2},
    {"queries, keys and values in one", &brief, .run = attend_to_itself, .reference = one_tensor_reference,
     .columns = 12, .operands = {{'x', 0, 12}}, .heads = 2},
    {"keys and values in one", &brief, .run = attend_keys_as_values, .reference = keys_as_values_reference,
     .columns = 12, .key_layout = &other, .operands = {{'x', 0, 12}, {'k', 0, 12}}, .heads = 2},
};

/* ---- the cache ---- */

static hd_tensor *filled(hd_pass *pass, int64_t rows, int64_t columns, const hd_layout *layout, int number) {
    return hd_tensor_wrap(pass, rows, columns, uploaded(pass, number, rows * columns), layout);
}

enum { LENGTH = 75, HEADS = 3, WIDTH = 7, COLUMNS = HEADS * WIDTH, PANELS = 3 };

/* Keys and values of two sequences, packed as they come. */
typedef struct cache {
    float k_panels[2][HEADS][PANELS * HD_PANEL * WIDTH], values[2][HEADS][LENGTH * WIDTH];
    float q[2 * LENGTH * COLUMNS], k[2 * LENGTH * COLUMNS], v[2 * LENGTH * COLUMNS]; /* all tokens */
} cache;

/* Token t of both sequences on the keys up to it equals rows of y, the output of whole sequences. */
static void check_token(hd_pass *pass, cache *c, int32_t t, const float *y) {
    static const int32_t step_starts[] = {0, 1, 2};
    const hd_attend_options options = {.heads = HEADS, .causal = true};
    const int32_t at[] = {t, t};
    const hd_layout layout = {.sequences = 2, .starts = step_starts, .examples = examples, .positions = at};
    float *k_panels = hd_pass_numbers(pass, sizeof c->k_panels / sizeof(float), 1), found[2 * COLUMNS];
    float *values = hd_pass_numbers(pass, sizeof c->values / sizeof(float), 1);
    hd_tensor *step = hd_tensor_new(pass, 2, COLUMNS, &layout);
    hd_keys keys[2];
    for (int64_t s = 0; s < 2; s++) {
        int64_t row = (s * LENGTH + t) * COLUMNS;
        hd_pass_upload(pass, c->q + row, COLUMNS, step->data + s * COLUMNS);
        for (int h = 0; h < HEADS; h++) {
            const float *first = c->k + s * LENGTH * COLUMNS + h * WIDTH;
            pass->context->kernels->pack(first, HD_F32, COLUMNS, t + 1, WIDTH, c->k_panels[s][h], t / HD_PANEL,
                                         t / HD_PANEL + 1);
            memcpy(&c->values[s][h][t * WIDTH], c->v + row + h * WIDTH, WIDTH * sizeof(float));
        }
        keys[s] = (hd_keys){t + 1, k_panels + s * HEADS * PANELS * HD_PANEL * WIDTH,
                            values + s * HEADS * LENGTH * WIDTH, PANELS * HD_PANEL * WIDTH, LENGTH * WIDTH};
    }
    hd_pass_upload(pass, c->k_panels[0][0], sizeof c->k_panels / sizeof(float), k_panels);
    hd_pass_upload(pass, c->values[0][0], sizeof c->values / sizeof(float), values);
    hd_tensor *next = hd_attend_cached(pass, step, keys, &options);
    assert_non_null(next);
    take(pass, next->data, 2 * COLUMNS, found);
    for (int64_t s = 0; s < 2; s++)
        assert_memory_equal(found + s * COLUMNS, y + (s * LENGTH + t) * COLUMNS, COLUMNS * sizeof(float));
}

static void check_cache(const hd_device *device, const hd_kernels *kernels) {
    static const int32_t whole_starts[] = {0, LENGTH, 2 * LENGTH};
    static cache c;
    const hd_layout whole = {.sequences = 2, .starts = whole_starts, .examples = examples};
    const hd_attend_options options = {.heads = HEADS, .causal = true};
    float expected[2 * LENGTH * COLUMNS];
    heed_context *context = open_context();
    context->device = device;
    context->kernels = kernels;
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    float *all[] = {c.q, c.k, c.v};
    for (int i = 0; i < 3; i++)
        for (int64_t j = 0; j < 2 * LENGTH * COLUMNS; j++) all[i][j] = value_of(i, j);
    hd_tensor *q = filled(&pass, 2 * LENGTH, COLUMNS, &whole, 0), *k = filled(&pass, 2 * LENGTH, COLUMNS, &whole, 1);
    hd_tensor *v = filled(&pass, 2 * LENGTH, COLUMNS, &whole, 2), *y = hd_attend(&pass, q, k, v, &options);
    assert_non_null(y);
    take(&pass, y->data, 2 * LENGTH * COLUMNS, expected);
    for (int32_t t = 0; t < LENGTH; t++) check_token(&pass, &c, t, expected);
    hd_pass_close(&pass);
    heed_context_close(context);
}

/* Two sequences are decoded a token at a time. */
static void cached_equals_whole(void **state) {
    (void)state;
    for (int table = 0; hd_kernels_at(table); table++) check_cache(&hd_device_cpu, hd_kernels_at(table));
    check_cache(&remote_device, hd_kernels_at(0));
}

/* ---- observers ---- */

typedef struct seen {
    int calls;
    double sums;
} seen;

static void observe(void *user, const char *where, int layer, int64_t sequence, int head, int64_t queries, int64_t keys,
                    const float *weights) {
    seen *s = user;
    assert_string_equal(where, "test");
    assert_int_equal(layer, 3);
    assert_int_equal(s->calls++, 2 * sequence + head);
    for (int64_t i = 0; i < queries; i++)
        for (int64_t j = 0; j < keys; j++) {
            assert_true(j <= i ? weights[i * keys + j] > 0 : weights[i * keys + j] == 0);
            s->sums += (double)weights[i * keys + j];
        }
}

static void observe_on(const hd_device *device) {
    heed_context *context = open_context();
    context->device = device;
    seen s = {0};
    const hd_observer observer = {.attention = observe, .user = &s};
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    pass.observer = &observer;
    int64_t rows = hd_layout_rows(&lengthy);
    hd_tensor *x = filled(&pass, rows, 10, &lengthy, 0);
    hd_attend_options options = {.heads = 2, .causal = true, .where = "test", .layer = 3};
    assert_non_null(hd_attend(&pass, x, x, x, &options));
    assert_int_equal(s.calls, 10);
    assert_true(fabs(s.sums - 2.0 * (double)rows) < 1e-4);
    hd_pass_close(&pass);
    heed_context_close(context);
}

static void observers_see_weights_that_sum_to_one(void **state) {
    (void)state;
    observe_on(&hd_device_cpu);
    observe_on(&remote_device);
}

/* ---- refusals ---- */

static void shapes_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *said;
        int64_t keys[2], values[2], heads;
        const hd_layout *layout; /* of the keys */
    } rows[] = {
        {"12 columns cannot be split into 5 heads", {11, 12}, {11, 12}, 5, &brief},
        {"queries [11, 12], keys [11, 9] and values [11, 12] do not fit", {11, 9}, {11, 12}, 3, &brief},
        {"queries [11, 12], keys [11, 12] and values [11, 8] do not fit", {11, 12}, {11, 8}, 3, &brief},
        {"queries [11, 12], keys [11, 12] and values [10, 12] do not fit", {11, 12}, {10, 12}, 3, &brief},
        {"5 sequences of queries cannot attend to 2 of keys", {4, 12}, {4, 12}, 3, &two},
    };
    for (size_t i = 0; i < HD_COUNT(rows); i++) {
        heed_context *context = open_context();
        hd_pass pass;
        hd_pass_open(&pass, context, NULL);
        hd_tensor *q = hd_tensor_new(&pass, 11, 12, &brief);
        hd_tensor *k = hd_tensor_new(&pass, rows[i].keys[0], rows[i].keys[1], rows[i].layout);
        hd_tensor *v = hd_tensor_new(&pass, rows[i].values[0], rows[i].values[1], rows[i].layout);
        hd_attend_options options = {.heads = rows[i].heads};
        assert_null(hd_attend(&pass, NULL, k, v, &options));
        assert_null(hd_attend(&pass, q, NULL, v, &options));
        assert_null(hd_attend(&pass, q, k, NULL, &options));
        assert_null(hd_attend_cached(&pass, NULL, NULL, &options));
        assert_int_equal(pass.status, HEED_OK);
        assert_null(hd_attend(&pass, q, k, v, &options));
        assert_int_equal(pass.status, HEED_ARGUMENT);
        if (!strstr(context->message, rows[i].said))
            fail_msg("wanted \"%s\", got \"%s\"", rows[i].said, context->message);
        hd_pass_close(&pass);
        heed_context_close(context);
    }
}

int main(void) {
    const struct CMUnitTest others[] = {cmocka_unit_test(cached_equals_whole), cmocka_unit_test(shapes_are_refused),
                                        cmocka_unit_test(observers_see_weights_that_sum_to_one)};
    return run_cases(cases, HD_COUNT(cases), others, HD_COUNT(others));
}
