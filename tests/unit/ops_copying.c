/* Copying from the source: scores of pairs, and the loss over logits with copies. */
#include "ops_fixture.h"

#include "autograd/copying.h"

static const uint64_t examples[] = {7, 3, 100, 1ull << 40, 12, 9};
static const int32_t starts[] = {0, 3, 4, 9, 9, 11}, ones[] = {0, 1, 2, 3, 4, 5};
static const hd_layout ragged = {5, starts, examples, NULL};
static const hd_layout singles = {5, ones, NULL, NULL}; /* a row a sequence */
static const int32_t source_starts[] = {0, 4, 5, 5, 40, 57};
static const hd_layout sources = {5, source_starts, NULL, NULL}; /* one is empty, and one has no rows */
static const int32_t long_starts[] = {0, 70, 71, 371, 380, 600}, long_source_starts[] = {0, 20, 21, 60, 61, 80};
static const hd_layout lengthy = {5, long_starts, examples, NULL};
static const hd_layout long_sources = {5, long_source_starts, NULL, NULL};
static const int32_t twice_starts[] = {0, 3, 7, 10, 14}, twice_source_starts[] = {0, 5, 11, 16, 22};
static const hd_layout twice = {4, twice_starts, examples, NULL};
static const hd_layout twice_sources = {4, twice_source_starts, NULL, NULL};
static const int32_t empty_starts[] = {0, 0};
static const hd_layout empty = {1, empty_starts, examples, NULL};

static const int32_t targets[] = {4, 1, 4, 0, 1, 4, 4, 2, 6, 1, 4};

/* Each token of a source: some are in it several times, and some are past the classes. */
static int32_t token_of(int64_t place) { return (int32_t)(place * place % 9); }

static int32_t target_of(const op_case *c, int64_t row) {
    return targets[(c->agreement > 0 ? row % (hd_layout_rows(c->layout) / 2) : row) % 11];
}

static double dot(int64_t width, const double *a, const double *b) {
    double sum = 0;
    for (int64_t j = 0; j < width; j++) sum += a[j] * b[j];
    return sum;
}

static void pairs_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->operands[0].columns;
    for (int64_t s = 0; s < c->layout->sequences; s++)
        for (int64_t r = c->layout->starts[s]; r < c->layout->starts[s + 1]; r++)
            y[r] = dot(width, x[0] + r * width, x[1] + s * width);
}
static hd_tensor *pairs(op_run *run) { return hd_pair_scores(run->pass, run->inputs[0], run->inputs[1]); }

/* Log-probabilities of the classes after row r of sequence s, by the sums of exponentials themselves. */
static void predict(const op_case *c, const double *const *x, int64_t s, int64_t r, double *p) {
    int64_t width = c->operands[0].columns;
    double sum = 0;
    for (int64_t j = 0; j < c->classes; j++) {
        double logit = dot(width, x[0] + r * width, x[2] + j * width);
        p[j] = exp(c->soft_cap > 0 ? (double)c->soft_cap * tanh(logit / (double)c->soft_cap) : logit);
    }
    for (int64_t k = c->key_layout->starts[s]; k < c->key_layout->starts[s + 1]; k++)
        if (token_of(k) < c->classes) p[token_of(k)] += exp(dot(width, x[0] + r * width, x[1] + k * width));
    for (int64_t j = 0; j < c->classes; j++) sum += p[j];
    for (int64_t j = 0; j < c->classes; j++) p[j] = log(p[j] / sum);
}

static void copies_reference(const op_case *c, const double *const *x, double *y) {
    int64_t rows = hd_layout_rows(c->layout), half = rows / 2 * c->classes;
    double *all = calloc((size_t)(rows * c->classes) + 1, sizeof *all), smoothing = (double)c->smoothing;
    *y = 0;
    for (int64_t s = 0; s < c->layout->sequences; s++)
        for (int64_t r = c->layout->starts[s]; r < c->layout->starts[s + 1]; r++) {
            double *p = all + r * c->classes;
            predict(c, x, s, r, p);
            for (int64_t j = 0; j < c->classes; j++) {
                double q = smoothing / (double)c->classes + (j == target_of(c, r) ? 1 - smoothing : 0);
                if (q > 0) *y += q * (log(q) - p[j]);
            }
        }
    for (int64_t i = 0; c->agreement > 0 && i < half; i++)
        *y += (double)c->agreement / 2 * (exp(all[i]) - exp(all[i + half])) * (all[i] - all[i + half]);
    free(all);
}

static const int32_t *host_ids(hd_pass *pass, int64_t count, int32_t (*id)(int64_t)) {
    int32_t *ids = hd_pass_alloc(pass, (size_t)count, sizeof *ids);
    for (int64_t i = 0; i < count; i++) ids[i] = id(i);
    return ids;
}

static hd_tensor *copies(op_run *run) {
    const op_case *c = run->c;
    hd_pass *pass = run->pass;
    hd_tensor *x = run->inputs[0];
    int64_t rows = hd_layout_rows(run->layout);
    int32_t *chosen = hd_pass_alloc(pass, (size_t)rows, sizeof *chosen);
    for (int64_t r = 0; r < rows; r++) chosen[r] = target_of(c, r);
    hd_copies from = {*run->layout, *c->key_layout, host_ids(pass, hd_layout_rows(c->key_layout), token_of),
                      hd_pair_scores(pass, x, run->inputs[1])};
    hd_cross_entropy_options options = {.classes = c->classes,
                                        .smoothing = c->smoothing,
                                        .scale = c->scale,
                                        .agreement = c->agreement,
                                        .soft_cap = c->soft_cap};
    x->copies = &from;
    hd_cross_entropy(pass, x, run->weights[2], chosen, &options, run->loss);
    x->copies = NULL;
    return NULL;
}

/* ---- the table ---- */

#define X(width) \
    { 'x', 0, width }
#define K(width) \
    { 'k', 0, width }
#define W(height, width) \
    { 'w', height, width }
#define F(height, width) \
    { 'f', height, width }
#define PAIRS  .key_layout = &singles, .run = pairs, .reference = pairs_reference, .columns = 1
#define COPIES .run = copies, .reference = copies_reference

static const op_case cases[] = {
    {"pair scores", &ragged, PAIRS, .operands = {X(20), K(20)}},
    {"pair scores, one column", &ragged, PAIRS, .operands = {X(1), K(1)}},
    {"copies", &ragged, .key_layout = &sources, COPIES, .operands = {X(12), K(12), W(7, 12)}, .classes = 7, .scale = 1},
    {"copies, smoothed", &ragged, .key_layout = &sources, COPIES, .operands = {X(5), K(5), W(40, 5)}, .classes = 33,
     .smoothing = 0.1f, .scale = 0.2f},
    {"copies, frozen", &ragged, .key_layout = &sources, COPIES, .operands = {X(12), K(12), F(50, 12)}, .classes = 50,
     .scale = 1},
    {"copies, capped", &ragged, .key_layout = &sources, COPIES, .operands = {X(12), K(12), W(7, 12)}, .classes = 7,
     .scale = 1, .soft_cap = 1.5f},
    {"copies, long", &lengthy, .key_layout = &long_sources, COPIES, .operands = {X(6), K(6), W(33, 6)}, .classes = 33,
     .smoothing = 0.1f, .scale = 0.5f},
    {"copies of nothing", &ragged, .key_layout = &(const hd_layout){5, (const int32_t[6]){0}, NULL, NULL}, COPIES,
     .operands = {X(12), K(12), W(7, 12)}, .classes = 7, .scale = 1},
    {"copies, no rows", &empty, .key_layout = &empty, COPIES, .operands = {X(4), K(4), W(7, 4)}, .classes = 7,
     .scale = 1},
    {"copies, pairs", &twice, .key_layout = &twice_sources, COPIES, .operands = {X(12), K(12), W(40, 12)},
     .classes = 33, .smoothing = 0.1f, .scale = 0.2f, .agreement = 2},
};

/* ---- other tests ---- */

/* Logits a range of tokens at a time are those of all tokens, and large scores stay finite. */
static void ranges_are_parts(void **state) {
    (void)state;
    enum { ROWS = 11, TOKENS = 48 };
    heed_context *context = open_context();
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    float all[ROWS * TOKENS], part[ROWS * 16];
    hd_tensor *q = hd_tensor_wrap(&pass, ROWS, 3, uploaded(&pass, 0, ROWS * 3), &ragged);
    hd_tensor *k = hd_tensor_wrap(&pass, 57, 3, uploaded(&pass, 1, 57 * 3), &sources);
    hd_copies from = {ragged, sources, host_ids(&pass, 57, token_of), hd_pair_scores(&pass, q, k)};
    from.scores->data[0] = 200.0f, from.scores->data[5] = -200.0f; /* of rows 0 and 1 */
    for (int i = 0; i < ROWS * TOKENS; i++) all[i] = value_of(2, i);
    hd_add_copies(&pass, &(hd_copied_logits){.copies = &from, .row_count = ROWS, .columns = TOKENS, .logits = all});
    assert_true(all[token_of(0)] >= 200.0f && all[token_of(0)] < 200.1f);
    for (int first = 0; first < TOKENS; first += 16) {
        for (int i = 0; i < ROWS * 16; i++) part[i] = value_of(2, i / 16 * TOKENS + first + i % 16);
        hd_copied_logits to = {.copies = &from, .row_count = ROWS, .first_token = first, .columns = 16, .logits = part};
        hd_add_copies(&pass, &to);
        for (int r = 0; r < ROWS; r++) assert_memory_equal(part + r * 16, all + r * TOKENS + first, 16 * sizeof(float));
    }
    hd_pass_close(&pass);
    heed_context_close(context);
}

static void shapes_are_refused(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    hd_tensor *q = hd_tensor_new(&pass, 11, 3, &ragged);
    assert_null(hd_pair_scores(&pass, q, hd_tensor_new(&pass, 57, 4, &sources)));
    assert_non_null(strstr(context->message, "[11, 3] of 5 sequences and [57, 4] of 5 are not pairs"));
    hd_pass_reset(&pass);
    q = hd_tensor_new(&pass, 11, 3, &ragged);
    assert_null(hd_pair_scores(&pass, q, hd_tensor_new(&pass, 0, 3, &empty)));
    hd_pass_reset(&pass);
    float table[21] = {0};
    hd_parameter output = {.name = "w", .rows = 7, .columns = 3, .dimensions = 2, .data = table};
    double loss = 0;
    q = hd_tensor_new(&pass, 11, 3, &ragged);
    q->copies = &(hd_copies){.rows = lengthy, .sources = long_sources};
    hd_cross_entropy(&pass, q, &output, targets, &(hd_cross_entropy_options){.classes = 7, .scale = 1}, &loss);
    assert_int_equal(pass.status, HEED_ARGUMENT);
    assert_non_null(strstr(context->message, "600 rows may copy, and not 11"));
    hd_pass_close(&pass);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest others[] = {cmocka_unit_test(ranges_are_parts), cmocka_unit_test(shapes_are_refused)};
    return run_cases(cases, HD_COUNT(cases), others, HD_COUNT(others));
}
