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

/* Does the query at position q attend to the key at position k? */
static bool attends(const op_case *c, int64_t q, int64_t k) {
    if (c->causal && k > q) return false;
    return !c->window || (q - c->window < k && (c->causal || k < q + c->window));
}

/* One sequence and head of an attention in double precision. */
typedef struct one_head {
    const op_case *c;
    const double *q, *k, *v, *bias; /* of the sequence's first row, and of the head; bias may be NULL */
    int64_t position, queries, keys, bias_row;
    const double *position_keys, *position_queries; /* of the head; may be NULL */
} one_head;

/* Rows of the tables of relative positions: few distances have one of their own. */
enum { FARTHEST = 150 };
static int64_t row_of_distance(int64_t rows, int64_t distance) {
    int64_t far = distance < 0 ? -distance : distance;
    if (far > 3) far = 3 + (far - 3) / 4;
    return hd_min(hd_max(rows / 2 + (distance < 0 ? -far : far), 0), rows - 1);
}

/* Score of the query in row i and key j. */
static double score_of(const one_head *at, int64_t i, int64_t j) {
    int64_t columns = at->c->columns, width = columns / at->c->heads;
    double score = 0, cap = (double)at->c->softcap;
    int64_t table_row = row_of_distance(at->c->operands[3].rows, at->position + i - j) * columns;
    for (int64_t l = 0; l < width; l++) {
        double q = at->q[i * columns + l], k = at->k[j * columns + l];
        score += q * k;
        if (at->position_keys) score += q * at->position_keys[table_row + l];
        if (at->position_queries) score += k * at->position_queries[table_row + l];
    }
    score *= at->c->scale > 0 ? (double)at->c->scale : 1 / sqrt((double)width);
    if (at->bias) score += at->bias[(at->bias_row < 0 ? at->position + i : i) * at->bias_row + j];
    return cap > 0 ? cap * tanh(score / cap) : score;
}

/* Row i of y, which begins at zero. */
static void attend_row(const one_head *at, int64_t head, uint64_t example, int64_t i, double *y) {
    int64_t columns = at->c->columns, width = columns / at->c->heads, position = at->position + i;
    double sum = 0;
    for (int64_t j = 0; j < at->keys; j++)
        if (attends(at->c, position, j)) sum += exp(score_of(at, i, j));
    for (int64_t j = 0; j < at->keys; j++) {
        if (!attends(at->c, position, j)) continue;
        double weight = exp(score_of(at, i, j)) / sum * dropout_factor(at->c->dropout, 0, head, j, position, example);
        for (int64_t l = 0; l < width; l++) y[i * columns + l] += weight * at->v[j * columns + l];
    }
}

/* `tables`: of relative positions, of keys and of queries, or NULL. */
static void attention(const op_case *c, const double *q, const double *k, const double *v, const double *bias,
                      const double *const *tables, double *y) {
    const hd_layout *queries = c->layout, *keys = c->key_layout ? c->key_layout : queries;
    int64_t columns = c->columns, width = columns / c->heads, dense = 0;
    memset(y, 0, (size_t)(hd_layout_rows(queries) * columns) * sizeof *y);
    for (int64_t s = 0; s < queries->sequences; s++)
        for (int64_t h = 0; h < c->heads; h++) {
            int64_t row = queries->starts[s] * columns + h * width, key_row = keys->starts[s] * columns + h * width;
            one_head at = {.c = c, .q = q + row, .k = k + key_row, .v = v + key_row};
            at.queries = queries->starts[s + 1] - queries->starts[s];
            at.keys = keys->starts[s + 1] - keys->starts[s];
            at.position = hd_layout_position(queries, s) - hd_layout_position(keys, s);
            at.bias_row = c->bias_row == HD_BIAS_DENSE ? at.keys : -1;
            if (bias && c->bias_row == HD_BIAS_DENSE)
                at.bias = bias + dense, dense += at.queries * at.keys;
            else if (bias)
                at.bias = bias + h * c->operands[3].columns + c->bias_zero;
            if (tables && tables[0]) at.position_keys = tables[0] + h * width;
            if (tables && tables[1]) at.position_queries = tables[1] + h * width;
            for (int64_t i = 0; i < at.queries; i++) attend_row(&at, h, queries->examples[s], i, y + row);
        }
}
static void attend_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[1], x[2], c->operands[3].kind ? x[3] : NULL, NULL, y);
}
static void one_tensor_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[0], x[0], NULL, NULL, y);
}
static void keys_as_values_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[1], x[1], NULL, NULL, y);
}

static void relative_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[1], x[2], NULL, (const double *const[]){x[3], x[4]}, y);
}
/* One table alone. */
static void relative_keys_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[1], x[2], NULL, (const double *const[]){x[3], NULL}, y);
}
static void relative_queries_reference(const op_case *c, const double *const *x, double *y) {
    attention(c, x[0], x[1], x[2], NULL, (const double *const[]){NULL, x[3]}, y);
}

static hd_attend_options options_of(const op_case *c) {
    return (hd_attend_options){.heads = c->heads,
                               .causal = c->causal,
                               .window = c->window,
                               .scale = c->scale,
                               .softcap = c->softcap,
                               .bias_row = c->bias_row,
                               .bias_zero = c->bias_zero,
                               .dropout = c->dropout,
                               .where = "test",
                               .layer = 3};
}

static hd_tensor *attend(op_run *run) {
    hd_attend_options options = options_of(run->c);
    options.bias = run->inputs[3];
    return hd_attend(run->pass, run->inputs[0], run->inputs[1], run->inputs[2], &options);
}
static hd_tensor *attend_to_tables(op_run *run, hd_tensor *keys, hd_tensor *queries) {
    hd_attend_options options = options_of(run->c);
    hd_relative *relative = hd_pass_alloc(run->pass, 1, sizeof *relative);
    int32_t *index = hd_pass_alloc(run->pass, 2 * FARTHEST + 1, sizeof *index);
    for (int64_t d = -FARTHEST; d <= FARTHEST; d++)
        index[FARTHEST + d] = (int32_t)row_of_distance(run->c->operands[3].rows, d);
    *relative = (hd_relative){keys, queries, index, FARTHEST};
    options.relative = relative;
    return hd_attend(run->pass, run->inputs[0], run->inputs[1], run->inputs[2], &options);
}
static hd_tensor *attend_relative(op_run *run) { return attend_to_tables(run, run->inputs[3], run->inputs[4]); }
static hd_tensor *attend_relative_keys(op_run *run) { return attend_to_tables(run, run->inputs[3], NULL); }
static hd_tensor *attend_relative_queries(op_run *run) { return attend_to_tables(run, NULL, run->inputs[3]); }
static hd_tensor *attend_to_itself(op_run *run) {
    hd_attend_options options = options_of(run->c);
    return hd_attend(run->pass, run->inputs[0], run->inputs[0], run->inputs[0], &options);
}
static hd_tensor *attend_keys_as_values(op_run *run) {
    hd_attend_options options = options_of(run->c);
    return hd_attend(run->pass, run->inputs[0], run->inputs[1], run->inputs[1], &options);
}

/* The lengths of `brief` are 3, 1, 5, 0 and 2, those of `other` 2, 7, 1, 70 and 3, those of `lengthy` 70, 1, 133, 6, 30. */
enum {
    BRIEF_SQUARES = 9 + 1 + 25 + 4,
    BRIEF_TIMES_OTHER = 6 + 7 + 5 + 6,
    LENGTHY_TIMES_OTHER = 140 + 7 + 133 + 420 + 90
};

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
    {"scale", &brief, SELF(24), .heads = 3, .scale = 0.7f},
    {"window, causal", &lengthy, SELF(10), .heads = 2, .causal = true, .window = 20},
    {"window, causal, of one key", &brief, SELF(10), .heads = 2, .causal = true, .window = 1},
    {"window, causal, over a block", &lengthy, SELF(6), .heads = 1, .causal = true, .window = 65, .dropout = 0.3f},
    {"window, causal, of all keys", &lengthy, SELF(6), .heads = 1, .causal = true, .window = 1000},
    {"window, two-sided", &lengthy, SELF(10), .heads = 2, .window = 20},
    {"window, two-sided, dropout", &lengthy, SELF(6), .heads = 2, .window = 66, .dropout = 0.3f},
    {"window, two-sided, queries without keys", &lengthy, CROSS(&other, 6), .heads = 2, .window = 9},
    {"window, causal, placed", &placed, CROSS(&brief, 6), .heads = 2, .causal = true, .window = 2},
    {"cap", &brief, SELF(24), .heads = 3, .softcap = 0.8f},
    {"cap, causal, long, window, dropout", &lengthy, SELF(10), .heads = 2, .causal = true, .window = 30,
     .softcap = 0.5f, .dropout = 0.2f},
    {"bias by distance", &brief, .run = attend, .reference = attend_reference, .columns = 24,
     .operands = {{'x', 0, 24}, {'x', 0, 24}, {'x', 0, 24}, {'t', 3, 11}}, .heads = 3, .bias_row = HD_BIAS_BY_DISTANCE,
     .bias_zero = 5},
    {"bias by distance, causal, long", &lengthy, .run = attend, .reference = attend_reference, .columns = 10,
     .operands = {{'x', 0, 10}, {'x', 0, 10}, {'x', 0, 10}, {'t', 2, 133}}, .heads = 2, .causal = true,
     .bias_row = HD_BIAS_BY_DISTANCE, .bias_zero = 132, .scale = 1.0f},
    {"bias by distance, placed, window, cap", &placed, .run = attend, .reference = attend_reference, .columns = 10,
     .key_layout = &other, .operands = {{'x', 0, 10}, {'k', 0, 10}, {'k', 0, 10}, {'t', 2, 90}}, .heads = 2,
     .bias_row = HD_BIAS_BY_DISTANCE, .bias_zero = 12, .window = 6, .softcap = 0.9f},
    {"bias by distance, long, dropout", &lengthy, .run = attend, .reference = attend_reference, .columns = 8,
     .operands = {{'x', 0, 8}, {'x', 0, 8}, {'x', 0, 8}, {'t', 2, 265}}, .heads = 2, .dropout = 0.2f,
     .bias_row = HD_BIAS_BY_DISTANCE, .bias_zero = 132},
    {"dense bias", &brief, .run = attend, .reference = attend_reference, .columns = 12,
     .operands = {{'x', 0, 12}, {'x', 0, 12}, {'x', 0, 12}, {'t', 3 * BRIEF_SQUARES, 1}}, .heads = 3},
    {"dense bias, placed, cap", &placed, .run = attend, .reference = attend_reference, .columns = 12,
     .key_layout = &other, .operands = {{'x', 0, 12}, {'k', 0, 12}, {'k', 0, 12}, {'t', BRIEF_TIMES_OTHER, 2}},
     .heads = 2, .softcap = 0.7f},
    {"dense bias, long", &lengthy, .run = attend, .reference = attend_reference, .columns = 6, .key_layout = &other,
     .operands = {{'x', 0, 6}, {'k', 0, 6}, {'k', 0, 6}, {'t', LENGTHY_TIMES_OTHER, 1}}, .heads = 1},
    {"relative", &brief, .run = attend_relative, .reference = relative_reference, .columns = 12,
     .operands = {{'x', 0, 12}, {'x', 0, 12}, {'x', 0, 12}, {'t', 8, 12}, {'t', 8, 12}}, .heads = 3, .scale = 0.3f},
    {"relative, long, dropout", &lengthy, .run = attend_relative, .reference = relative_reference, .columns = 10,
     .operands = {{'x', 0, 10}, {'x', 0, 10}, {'x', 0, 10}, {'t', 50, 10}, {'t', 50, 10}}, .heads = 2, .scale = 0.3f,
     .dropout = 0.2f},
    {"relative, placed", &placed, .run = attend_relative, .reference = relative_reference, .columns = 10,
     .key_layout = &other, .operands = {{'x', 0, 10}, {'k', 0, 10}, {'k', 0, 10}, {'t', 37, 10}, {'t', 37, 10}},
     .heads = 2},
    {"relative, position keys alone", &lengthy, .run = attend_relative_keys, .reference = relative_keys_reference,
     .columns = 6, .operands = {{'x', 0, 6}, {'x', 0, 6}, {'x', 0, 6}, {'t', 12, 6}}, .heads = 2, .causal = true},
    {"relative, position queries alone, window", &lengthy, .run = attend_relative_queries,
     .reference = relative_queries_reference, .columns = 6,
     .operands = {{'x', 0, 6}, {'x', 0, 6}, {'x', 0, 6}, {'t', 12, 6}}, .heads = 1, .window = 20, .softcap = 0.9f},
    {"relative, no keys", &brief, .run = attend_relative, .reference = relative_reference, .columns = 6,
     .key_layout = &gap, .operands = {{'x', 0, 6}, {'k', 0, 6}, {'k', 0, 6}, {'t', 9, 6}, {'t', 9, 6}}, .heads = 2},
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
static void check_token(hd_pass *pass, cache *c, int32_t t, const hd_attend_options *options, const float *y) {
    static const int32_t step_starts[] = {0, 1, 2};
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
    hd_tensor *next = hd_attend_cached(pass, step, keys, options);
    assert_non_null(next);
    take(pass, next->data, 2 * COLUMNS, found);
    for (int64_t s = 0; s < 2; s++)
        assert_memory_equal(found + s * COLUMNS, y + (s * LENGTH + t) * COLUMNS, COLUMNS * sizeof(float));
}

/* `biased`: by distance. */
static void check_cache(const hd_device *device, const hd_kernels *kernels, hd_attend_options options, bool biased) {
    static const int32_t whole_starts[] = {0, LENGTH, 2 * LENGTH};
    static cache c;
    const hd_layout whole = {.sequences = 2, .starts = whole_starts, .examples = examples};
    float expected[2 * LENGTH * COLUMNS];
    heed_context *context = open_context();
    context->device = device;
    context->kernels = kernels;
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    float *all[] = {c.q, c.k, c.v};
    for (int i = 0; i < 3; i++)
        for (int64_t j = 0; j < 2 * LENGTH * COLUMNS; j++) all[i][j] = value_of(i, j);
    if (biased) options.bias = filled(&pass, HEADS, LENGTH + 2, NULL, 3);
    hd_tensor *q = filled(&pass, 2 * LENGTH, COLUMNS, &whole, 0), *k = filled(&pass, 2 * LENGTH, COLUMNS, &whole, 1);
    hd_tensor *v = filled(&pass, 2 * LENGTH, COLUMNS, &whole, 2), *y = hd_attend(&pass, q, k, v, &options);
    assert_non_null(y);
    take(&pass, y->data, 2 * LENGTH * COLUMNS, expected);
    for (int32_t t = 0; t < LENGTH; t++) check_token(&pass, &c, t, &options, expected);
    hd_pass_close(&pass);
    heed_context_close(context);
}

/* Two sequences are decoded a token at a time. */
static void cached_equals_whole(void **state) {
    (void)state;
    static const hd_attend_options options[] = {
        {.heads = HEADS, .causal = true},
        {.heads = HEADS, .causal = true, .window = 5},
        {.heads = HEADS, .causal = true, .window = 70, .softcap = 0.4f},
        {.heads = HEADS, .causal = true, .bias_row = HD_BIAS_BY_DISTANCE, .bias_zero = LENGTH},
    };
    for (size_t i = 0; i < HD_COUNT(options); i++) {
        bool biased = options[i].bias_zero;
        for (int table = 0; hd_kernels_at(table); table++)
            check_cache(&hd_device_cpu, hd_kernels_at(table), options[i], biased);
        check_cache(&remote_device, hd_kernels_at(0), options[i], biased);
    }
}

/* ---- observers ---- */

typedef struct seen {
    int64_t window;
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
            bool attends = j <= i && (!s->window || j > i - s->window);
            assert_true(attends ? weights[i * keys + j] > 0 : weights[i * keys + j] == 0);
            s->sums += (double)weights[i * keys + j];
        }
}

static void observe_on(const hd_device *device, int64_t window, float softcap) {
    heed_context *context = open_context();
    context->device = device;
    seen s = {.window = window};
    const hd_observer observer = {.attention = observe, .user = &s};
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    pass.observer = &observer;
    int64_t rows = hd_layout_rows(&lengthy);
    hd_tensor *x = filled(&pass, rows, 10, &lengthy, 0);
    hd_attend_options options = {
        .heads = 2, .causal = true, .window = window, .softcap = softcap, .where = "test", .layer = 3};
    assert_non_null(hd_attend(&pass, x, x, x, &options));
    assert_int_equal(s.calls, 10);
    assert_true(fabs(s.sums - 2.0 * (double)rows) < 1e-4);
    hd_pass_close(&pass);
    heed_context_close(context);
}

static void observers_see_weights_that_sum_to_one(void **state) {
    (void)state;
    observe_on(&hd_device_cpu, 0, 0.0f);
    observe_on(&remote_device, 0, 0.0f);
    observe_on(&hd_device_cpu, 9, 0.5f);
}

/* ---- refusals ---- */

/* ---- relative positions ---- */

enum { RELATIVE_WIDTH = 4, RELATIVE_ROWS = 21, RELATIVE_TEXTS = 4 };

/* y, dq, dk and dv of sequences [first, end) of a batch, with gradients of the tables. */
typedef struct relative_run {
    hd_pass pass;
    hd_tensor *q, *k, *v, *keys, *queries, *y;
} relative_run;

static hd_tensor *relative_operand(hd_pass *pass, int number, int64_t first, int64_t rows, const hd_layout *of) {
    float *all = uploaded(pass, number, (first + rows) * RELATIVE_WIDTH);
    hd_tensor *x = hd_tensor_wrap(pass, rows, RELATIVE_WIDTH, all + first * RELATIVE_WIDTH, of);
    x->needs_gradient = true;
    return x;
}

static void run_relative(relative_run *r, heed_context *context, const hd_layout *of, int64_t first_row) {
    static int32_t index[2 * 700 + 1];
    for (int64_t d = -700; d <= 700; d++) index[700 + d] = (int32_t)row_of_distance(RELATIVE_ROWS, d);
    int64_t rows = hd_layout_rows(of);
    hd_pass_open(&r->pass, context, NULL);
    r->pass.recording = true;
    r->q = relative_operand(&r->pass, 0, first_row, rows, of);
    r->k = relative_operand(&r->pass, 1, first_row, rows, of);
    r->v = relative_operand(&r->pass, 2, first_row, rows, of);
    r->keys = relative_operand(&r->pass, 3, 0, RELATIVE_ROWS, NULL);
    r->queries = relative_operand(&r->pass, 4, 0, RELATIVE_ROWS, NULL);
    hd_relative relative = {r->keys, r->queries, index, 700};
    r->y = hd_attend(&r->pass, r->q, r->k, r->v, &(hd_attend_options){.heads = 2, .relative = &relative});
    assert_non_null(r->y);
    r->y->gradient = relative_operand(&r->pass, 5, first_row, rows, of)->data;
    assert_int_equal(hd_pass_backward(&r->pass), HEED_OK);
}

/* A batch whose scores do not fit into memory at once gives the bits of each text alone. */
static void relative_batches_have_the_bits_of_each_text(void **state) {
    (void)state;
    static const int32_t batch_starts[RELATIVE_TEXTS + 1] = {0, 600, 640, 1190, 1191};
    const hd_layout batch = {RELATIVE_TEXTS, batch_starts, NULL, NULL};
    heed_context *context = open_context();
    relative_run whole, one;
    double sums[2][RELATIVE_ROWS * RELATIVE_WIDTH] = {{0}};
    run_relative(&whole, context, &batch, 0);
    for (int s = 0; s < RELATIVE_TEXTS; s++) {
        int32_t own[] = {0, batch_starts[s + 1] - batch_starts[s]};
        size_t bytes = (size_t)own[1] * RELATIVE_WIDTH * sizeof(float);
        int64_t at = batch_starts[s] * RELATIVE_WIDTH;
        run_relative(&one, context, &(hd_layout){1, own, NULL, NULL}, batch_starts[s]);
        assert_memory_equal(one.y->data, whole.y->data + at, bytes);
        assert_memory_equal(one.q->gradient, whole.q->gradient + at, bytes);
        assert_memory_equal(one.k->gradient, whole.k->gradient + at, bytes);
        assert_memory_equal(one.v->gradient, whole.v->gradient + at, bytes);
        for (int i = 0; i < RELATIVE_ROWS * RELATIVE_WIDTH; i++)
            sums[0][i] += (double)one.keys->gradient[i], sums[1][i] += (double)one.queries->gradient[i];
        hd_pass_close(&one.pass);
    }
    for (int i = 0; i < RELATIVE_ROWS * RELATIVE_WIDTH; i++) {
        assert_true(fabs(sums[0][i] - (double)whole.keys->gradient[i]) < 1e-3 * (1 + fabs(sums[0][i])));
        assert_true(fabs(sums[1][i] - (double)whole.queries->gradient[i]) < 1e-3 * (1 + fabs(sums[1][i])));
    }
    hd_pass_close(&whole.pass);
    heed_context_close(context);
}

static void relative_positions_that_do_not_fit_are_refused(void **state) {
    (void)state;
    static int32_t index[] = {0, 0, 1, 2, 2}, row[] = {0, 4};
    heed_context *context = open_context();
    hd_layout four = {1, row, NULL, NULL};
    for (int i = 0; i < 4; i++) {
        hd_pass pass;
        hd_pass_open(&pass, context, NULL);
        hd_tensor *q = relative_operand(&pass, 0, 0, 4, &four), *table = relative_operand(&pass, 1, 0, 3, NULL);
        hd_relative relative = {table, table, index, 2}; /* distances up to 3 */
        if (i == 1) relative.keys = relative.queries = NULL;
        if (i == 2) relative.farthest = 4, relative.keys = hd_reshape(&pass, table, 2);
        if (i == 3) relative.farthest = 4, relative.keys = relative_operand(&pass, 1, 0, 2, NULL);
        assert_null(hd_attend(&pass, q, q, q, &(hd_attend_options){.heads = 2, .relative = &relative}));
        assert_int_equal(pass.status, HEED_ARGUMENT);
        hd_pass_close(&pass);
    }
    heed_context_close(context);
}

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

/* A bias that lacks a distance, a head or an element of a score. */
static void a_bias_of_another_shape_is_refused(void **state) {
    (void)state;
    static const struct {
        int64_t rows, columns, row, zero;
        bool causal, fits;
        const hd_layout *layout; /* of queries and keys, whose longest sequence has 5 tokens */
    } cases[] = {
        {3, 9, HD_BIAS_BY_DISTANCE, 4, false, true, &brief},
        {3, 9, HD_BIAS_BY_DISTANCE, 3, false, false, &brief},
        {3, 8, HD_BIAS_BY_DISTANCE, 4, false, false, &brief},
        {3, 5, HD_BIAS_BY_DISTANCE, 4, true, true, &brief},
        {3, 5, HD_BIAS_BY_DISTANCE, 3, true, false, &brief},
        {3, 4, HD_BIAS_BY_DISTANCE, 4, true, false, &brief},
        {2, 9, HD_BIAS_BY_DISTANCE, 4, false, false, &brief},
        {3, 9, HD_BIAS_BY_DISTANCE, 4, false, true, &placed},
        {3 * BRIEF_SQUARES, 1, HD_BIAS_DENSE, 0, false, true, &brief},
        {BRIEF_SQUARES, 3, HD_BIAS_DENSE, 0, false, true, &brief},
        {BRIEF_SQUARES, 1, HD_BIAS_DENSE, 0, false, false, &brief},
        {3, 9, 1, 4, false, false, &brief},
    };
    for (size_t i = 0; i < HD_COUNT(cases); i++) {
        heed_context *context = open_context();
        hd_pass pass;
        hd_pass_open(&pass, context, NULL);
        hd_tensor *x = filled(&pass, 11, 12, cases[i].layout, 0);
        hd_attend_options options = {.heads = 3,
                                     .causal = cases[i].causal,
                                     .bias = filled(&pass, cases[i].rows, cases[i].columns, NULL, 1),
                                     .bias_row = cases[i].row,
                                     .bias_zero = cases[i].zero};
        bool fits = hd_attend(&pass, x, x, x, &options);
        if (fits != cases[i].fits) fail_msg("case %zu %s", i, fits ? "fits" : "is refused");
        if (!fits) assert_non_null(strstr(context->message, "does not fit the scores of 3 heads"));
        hd_pass_close(&pass);
        heed_context_close(context);
    }
}

/* An argument selects tests by their names, as "relative*". */
int main(int count, char **arguments) {
    if (count > 1) cmocka_set_test_filter(arguments[1]);
    const struct CMUnitTest others[] = {cmocka_unit_test(cached_equals_whole),
                                        cmocka_unit_test(shapes_are_refused),
                                        cmocka_unit_test(a_bias_of_another_shape_is_refused),
                                        cmocka_unit_test(relative_batches_have_the_bits_of_each_text),
                                        cmocka_unit_test(relative_positions_that_do_not_fit_are_refused),
                                        cmocka_unit_test(observers_see_weights_that_sum_to_one)};
    return run_cases(cases, HD_COUNT(cases), others, HD_COUNT(others));
}
