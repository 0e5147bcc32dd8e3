/* The ops of recurrent networks: cells on sequences, additive attention, and those that move rows about. */
#include "ops_fixture.h"

static const uint64_t examples[] = {7, 3, 100, 1ull << 40, 12};
static const int32_t starts[] = {0, 3, 4, 9, 9, 11}, ones[] = {0, 1, 2, 3, 4, 5};
static const hd_layout ragged = {5, starts, examples, NULL};
static const hd_layout states = {5, ones, NULL, NULL}; /* a row a sequence */
static const int32_t long_starts[] = {0, 70, 71, 371, 380, 600};
static const hd_layout lengthy = {5, long_starts, examples, NULL};
static const int32_t key_starts[] = {0, 4, 5, 5, 40, 44, 46};
static const hd_layout keys = {6, key_starts, NULL, NULL}; /* one more than there are queries; one is empty */
static const int32_t empty_starts[] = {0, 0};
static const hd_layout empty = {1, empty_starts, examples, NULL};

/* ---- cells ---- */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

/* One step by the formulas of PyTorch's manual; x and u [gates, width]. */
static void cell_reference(hd_cell cell, int64_t width, const double *x, const double *u, double *h, double *c) {
    for (int64_t j = 0; j < width; j++) {
        if (cell == HD_ELMAN) h[j] = tanh(x[j] + u[j]);
        if (cell == HD_LSTM) {
            double gates[4];
            for (int g = 0; g < 4; g++) gates[g] = x[g * width + j] + u[g * width + j];
            c[j] = sigmoid(gates[1]) * c[j] + sigmoid(gates[0]) * tanh(gates[2]);
            h[j] = sigmoid(gates[3]) * tanh(c[j]);
        }
        if (cell == HD_GRU) {
            double r = sigmoid(x[j] + u[j]), z = sigmoid(x[width + j] + u[width + j]);
            double n = tanh(x[2 * width + j] + r * u[2 * width + j]);
            h[j] = (1 - z) * n + z * h[j];
        }
    }
}

/* Operands: x, weight, bias, first h, first c. The output is y, plus the sequence's last h and twice its last c. */
static void recur_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->columns, gates = hd_cell_gates(c->cell) * width;
    double *u = calloc((size_t)gates, sizeof *u), *h = calloc((size_t)width, sizeof *h);
    double *cell = calloc((size_t)width, sizeof *cell);
    for (int64_t s = 0; s < c->layout->sequences; s++) {
        int64_t first = c->layout->starts[s], length = c->layout->starts[s + 1] - first;
        for (int64_t j = 0; j < width; j++) {
            h[j] = c->operands[3].kind ? x[3][s * width + j] : 0;
            cell[j] = c->operands[4].kind ? x[4][s * width + j] : 0;
        }
        for (int64_t t = 0; t < length; t++) {
            int64_t row = c->backwards ? first + length - 1 - t : first + t;
            for (int64_t g = 0; g < gates; g++) {
                u[g] = c->operands[2].kind ? x[2][g] : 0;
                for (int64_t k = 0; k < width; k++) u[g] += x[1][g * width + k] * h[k];
            }
            cell_reference(c->cell, width, x[0] + row * gates, u, h, cell);
            memcpy(y + row * width, h, (size_t)width * sizeof *h);
        }
        for (int64_t r = first; r < first + length; r++)
            for (int64_t j = 0; j < width; j++) y[r * width + j] += h[j] + (c->cell == HD_LSTM ? 2 * cell[j] : 0);
    }
    free(u), free(h), free(cell);
}

/* The sequence of each row. */
static int32_t *sequence_of_rows(op_run *run) {
    const hd_layout *layout = run->layout;
    int32_t *rows = hd_pass_alloc(run->pass, (size_t)hd_layout_rows(layout), sizeof *rows);
    for (int64_t s = 0; s < layout->sequences; s++)
        for (int32_t r = layout->starts[s]; r < layout->starts[s + 1]; r++) rows[r] = (int32_t)s;
    return rows;
}

static hd_tensor *recur(op_run *run) {
    hd_pass *pass = run->pass;
    int64_t rows = hd_layout_rows(run->layout);
    const int32_t *sequence = sequence_of_rows(run);
    hd_recurrent_state state = {run->inputs[3], run->inputs[4]};
    hd_tensor *y =
        hd_recur(pass, run->c->cell, run->inputs[0], run->weights[1], run->weights[2], run->c->backwards, &state);
    y = hd_dropout_add(pass, hd_gather(pass, state.h, sequence, rows, 1, run->layout), y, 0, 0);
    for (int twice = 0; state.c && twice < 2; twice++)
        y = hd_dropout_add(pass, hd_gather(pass, state.c, sequence, rows, 1, run->layout), y, 0, 0);
    return y;
}

/* ---- additive attention ---- */

static void additive_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->operands[0].columns, value_width = c->columns;
    memset(y, 0, (size_t)(hd_layout_rows(c->layout) * value_width) * sizeof *y);
    for (int64_t s = 0; s < c->layout->sequences; s++)
        for (int64_t q = c->layout->starts[s]; q < c->layout->starts[s + 1]; q++) {
            double sum = 0;
            for (int pass = 0; pass < 2; pass++)
                for (int64_t k = c->key_layout->starts[s]; k < c->key_layout->starts[s + 1]; k++) {
                    double score = 0;
                    for (int64_t j = 0; j < width; j++)
                        score += x[3][j] * tanh(x[0][q * width + j] + x[1][k * width + j]);
                    if (pass == 0) sum += exp(score);
                    for (int64_t j = 0; pass == 1 && j < value_width; j++)
                        y[q * value_width + j] += exp(score) / sum * x[2][k * value_width + j];
                }
        }
}
static hd_tensor *additive(op_run *run) {
    return hd_attend_additive(run->pass, run->inputs[0], run->inputs[1], run->inputs[2], run->weights[3]);
}

/* ---- moving rows ---- */

static const int32_t some_rows[] = {4, -1, 0, 10, 4, 4, 9, 1, -1, 2, 3, 0, 5, 6, 7, 8, 10, 3, 3, 1, -1, 10};

static void gather_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->operands[0].columns;
    for (int64_t i = 0; i < 22; i++)
        for (int64_t j = 0; j < width; j++) y[i * width + j] = some_rows[i] < 0 ? 0 : x[0][some_rows[i] * width + j];
}
static hd_tensor *gather(op_run *run) { return hd_gather(run->pass, run->inputs[0], some_rows, 22, 2, run->layout); }

/* [a | b | a], with the rows of the second half (in another shape) above those of the first */
static void join_reference(const op_case *c, const double *const *x, double *y) {
    int64_t a = c->operands[0].columns, b = c->operands[1].columns, width = 2 * a + b, rows = hd_layout_rows(c->layout);
    for (int64_t r = 0; r < rows; r++) {
        int64_t from = (r + 4) % rows; /* rows 4 … 10, then 0 … 3 */
        for (int64_t j = 0; j < width; j++)
            y[r * width + j] = j < a       ? x[0][from * a + j]
                               : j < a + b ? x[1][from * b + j - a]
                                           : x[0][from * a + j - a - b];
    }
}
static hd_tensor *join(op_run *run) {
    static const int32_t upper[] = {4, 5, 6, 7, 8, 9, 10}, lower[] = {0, 1, 2, 3};
    hd_pass *pass = run->pass;
    hd_tensor *y = hd_join_columns(pass, hd_join_columns(pass, run->inputs[0], run->inputs[1]), run->inputs[0]);
    hd_tensor *halves[] = {hd_gather(pass, y, upper, 7, 1, NULL), hd_gather(pass, y, lower, 4, 1, NULL)};
    y = hd_join_rows(pass, halves, 2, run->layout);
    return hd_reshape(pass, hd_reshape(pass, y, 11), y->columns);
}

static void mean_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->columns;
    for (int64_t s = 0; s < c->layout->sequences; s++) {
        int64_t first = c->layout->starts[s], end = c->layout->starts[s + 1];
        for (int64_t j = 0; j < width; j++) {
            double mean = 0;
            for (int64_t r = first; r < end; r++) mean += x[0][r * width + j] / (double)(end - first);
            for (int64_t r = first; r < end; r++) y[r * width + j] = mean + x[0][r * width + j];
        }
    }
}
static hd_tensor *mean(op_run *run) {
    hd_tensor *means = hd_gather(run->pass, hd_mean(run->pass, run->inputs[0]), sequence_of_rows(run),
                                 hd_layout_rows(run->layout), 1, run->layout);
    return hd_dropout_add(run->pass, means, run->inputs[0], 0, 0);
}

/* ---- conditional random fields ---- */

static int32_t label_of(const op_case *c, int64_t row) { return (int32_t)(row * row + row / 2) % (int32_t)c->classes; }

/* The score of one labelling of a sequence that begins at row `first`. */
static double labelling_score(const op_case *c, const double *const *x, int64_t first, int64_t length,
                              const int32_t *labels) {
    int64_t n = c->classes;
    double score = x[2][labels[0]] + x[3][labels[length - 1]];
    for (int64_t t = 0; t < length; t++) {
        score += x[0][(first + t) * n + labels[t]];
        if (t) score += x[1][labels[t - 1] * n + labels[t]];
    }
    return score;
}

/* By going through all labellings. */
static void crf_reference(const op_case *c, const double *const *x, double *y) {
    int32_t labels[8];
    *y = 0;
    for (int64_t s = 0; s < c->layout->sequences; s++) {
        int64_t first = c->layout->starts[s], length = c->layout->starts[s + 1] - first, all = 1;
        double sum = 0;
        for (int64_t t = 0; t < length; t++) all *= c->classes;
        for (int64_t number = 0; length && number < all; number++) {
            int64_t rest = number;
            for (int64_t t = 0; t < length; t++, rest /= c->classes) labels[t] = (int32_t)(rest % c->classes);
            sum += exp(labelling_score(c, x, first, length, labels));
        }
        for (int64_t t = 0; t < length; t++) labels[t] = label_of(c, first + t);
        if (length) *y += log(sum) - labelling_score(c, x, first, length, labels);
    }
}

static hd_tensor *crf(op_run *run) {
    int64_t rows = hd_layout_rows(run->layout);
    int32_t *labels = hd_pass_alloc(run->pass, (size_t)rows, sizeof *labels);
    for (int64_t r = 0; r < rows; r++) labels[r] = label_of(run->c, r);
    hd_crf field = {run->weights[1], run->weights[2], run->weights[3]};
    hd_crf_loss(run->pass, run->inputs[0], &field, labels, run->layout, run->c->scale, run->loss);
    return NULL;
}

/* ---- ends of answers ---- */

static int32_t end_of(const op_case *c, int64_t sequence, int end) {
    int32_t rows = c->layout->starts[sequence + 1] - c->layout->starts[sequence];
    return rows ? (int32_t)(3 * sequence + end) % rows : 0;
}

static void ends_reference(const op_case *c, const double *const *x, double *y) {
    *y = 0;
    for (int64_t s = 0; s < c->layout->sequences; s++) {
        int64_t first = c->layout->starts[s], rows = c->layout->starts[s + 1] - first;
        for (int end = 0; rows && end < 2; end++) {
            double sum = 0;
            for (int64_t r = 0; r < rows; r++) sum += exp(x[0][(first + r) * 2 + end]);
            *y += log(sum) - x[0][(first + end_of(c, s, end)) * 2 + end];
        }
    }
}

static hd_tensor *ends(op_run *run) {
    int64_t sequences = run->layout->sequences;
    int32_t *targets = hd_pass_alloc(run->pass, (size_t)(2 * sequences), sizeof *targets);
    for (int64_t s = 0; s < sequences; s++)
        for (int end = 0; end < 2; end++) targets[2 * s + end] = end_of(run->c, s, end);
    hd_ends_loss(run->pass, run->inputs[0], targets, run->layout, run->c->scale, run->loss);
    return NULL;
}

/* The best labelling is the best of all of them. */
static void check_viterbi(const hd_device *device) {
    enum { LABELS = 3, ROWS = 11 };
    heed_context *context = open_context();
    context->device = device;
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    float numbers[4][ROWS * LABELS];
    double wide[4][ROWS * LABELS];
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < ROWS * LABELS; j++) wide[i][j] = (double)(numbers[i][j] = 2 * value_of(i, j));
    float *memory[4];
    for (int i = 0; i < 4; i++) {
        memory[i] = hd_pass_numbers(&pass, ROWS, LABELS);
        hd_pass_upload(&pass, numbers[i], ROWS * LABELS, memory[i]);
    }
    hd_parameter p[3];
    for (int i = 0; i < 3; i++)
        p[i] = (hd_parameter){.name = "p", .rows = i ? 1 : LABELS, .columns = LABELS, .data = memory[i + 1]};
    hd_crf field = {&p[0], &p[1], &p[2]};
    hd_tensor *logits = hd_tensor_wrap(&pass, ROWS, LABELS, memory[0], &ragged);
    int32_t found[ROWS], labels[8];
    assert_int_equal(hd_crf_best(&pass, logits, &field, &ragged, found), HEED_OK);
    const op_case c = {.layout = &ragged, .classes = LABELS};
    const double *const x[] = {wide[0], wide[1], wide[2], wide[3]};
    for (int64_t s = 0; s < ragged.sequences; s++) {
        int64_t first = starts[s], length = starts[s + 1] - first, all = 1;
        for (int64_t t = 0; t < length; t++) all *= LABELS;
        double best = length ? labelling_score(&c, x, first, length, found + first) : 0;
        for (int64_t number = 0; length && number < all; number++) {
            int64_t rest = number;
            for (int64_t t = 0; t < length; t++, rest /= LABELS) labels[t] = (int32_t)(rest % LABELS);
            assert_true(labelling_score(&c, x, first, length, labels) <= best + 1e-9);
        }
    }
    hd_pass_close(&pass);
    heed_context_close(context);
}

static void viterbi_finds_the_best(void **state) {
    (void)state;
    check_viterbi(&hd_device_cpu);
    check_viterbi(&remote_device);
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
#define RECUR          .key_layout = &states, .run = recur, .reference = recur_reference
#define CELL(n, gates) .operands = {X((gates) * (n)), W((gates) * (n), n), W(1, (gates) * (n))}, .columns = n
#define STATEFUL(n, gates, c) \
    .operands = {X((gates) * (n)), W((gates) * (n), n), W(1, (gates) * (n)), K(n), c}, .columns = n
#define NO_C \
    { 0, 0, 0 }

static const op_case cases[] = {
    {"elman", &ragged, RECUR, CELL(7, 1), .cell = HD_ELMAN},
    {"elman backwards, from a state", &ragged, RECUR, STATEFUL(5, 1, NO_C), .cell = HD_ELMAN, .backwards = true},
    {"lstm", &ragged, RECUR, CELL(20, 4), .cell = HD_LSTM},
    {"lstm backwards", &ragged, RECUR, CELL(3, 4), .cell = HD_LSTM, .backwards = true},
    {"lstm from a state", &ragged, RECUR, STATEFUL(17, 4, K(17)), .cell = HD_LSTM},
    {"lstm backwards from a state", &ragged, RECUR, STATEFUL(4, 4, K(4)), .cell = HD_LSTM, .backwards = true},
    {"lstm, no bias", &ragged, RECUR, .operands = {X(24), W(24, 6)}, .columns = 6, .cell = HD_LSTM},
    {"lstm, frozen", &ragged, RECUR, .operands = {X(24), F(24, 6), W(1, 24)}, .columns = 6, .cell = HD_LSTM},
    {"lstm of one step", &states, RECUR, STATEFUL(18, 4, K(18)), .cell = HD_LSTM},
    {"lstm of nothing", &empty, .key_layout = &empty, .run = recur, .reference = recur_reference, CELL(6, 4),
     .cell = HD_LSTM},
    {"gru", &ragged, RECUR, CELL(20, 3), .cell = HD_GRU},
    {"gru backwards from a state", &ragged, RECUR, STATEFUL(33, 3, NO_C), .cell = HD_GRU, .backwards = true},
    {"gru, long", &lengthy, RECUR, CELL(6, 3), .cell = HD_GRU},
    {"additive attention", &ragged, .key_layout = &keys, .run = additive, .reference = additive_reference,
     .operands = {X(20), K(20), K(7), W(1, 20)}, .columns = 7},
    {"additive attention, wide values", &ragged, .key_layout = &keys, .run = additive, .reference = additive_reference,
     .operands = {X(3), K(3), K(40), W(1, 3)}, .columns = 40},
    {"gather", &ragged, .run = gather, .reference = gather_reference, .operands = {X(9)}, .columns = 18},
    {"join", &ragged, .run = join, .reference = join_reference, .operands = {X(4), X(5)}, .columns = 13},
    {"random field", &ragged, .run = crf, .reference = crf_reference, .operands = {X(3), W(3, 3), W(1, 3), W(1, 3)},
     .classes = 3, .scale = 0.7f},
    {"random field, frozen", &ragged, .run = crf, .reference = crf_reference,
     .operands = {X(4), W(4, 4), F(1, 4), F(1, 4)}, .classes = 4, .scale = 1},
    {"ends of answers", &ragged, .run = ends, .reference = ends_reference, .operands = {X(2)}, .scale = 0.7f},
    {"ends of nothing", &empty, .run = ends, .reference = ends_reference, .operands = {X(2)}, .scale = 1},
    {"mean", &ragged, .run = mean, .reference = mean_reference, .operands = {X(19)}, .columns = 19},
};

/* ---- refusals ---- */

typedef struct refusal {
    const char *said; /* in the message */
    hd_tensor *(*call)(hd_pass *pass, hd_tensor *x, hd_parameter *w);
} refusal;

/* x is [11, 12] of 5 sequences, w [12, 4]. */
static hd_tensor *refuse_cell(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    hd_recurrent_state state = {NULL, NULL};
    return hd_recur(pass, HD_LSTM, x, w, NULL, false, &state);
}
static hd_tensor *refuse_state(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    hd_recurrent_state state = {x, NULL};
    return hd_recur(pass, HD_GRU, x, w, NULL, false, &state);
}
static hd_tensor *refuse_row(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    (void)w;
    return hd_gather(pass, x, (int32_t[]){0, 11}, 2, 1, NULL);
}
static hd_tensor *refuse_join(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    (void)w;
    return hd_join_columns(pass, x, hd_tensor_new(pass, 10, 3, NULL));
}
static hd_tensor *refuse_shape(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    (void)w;
    return hd_reshape(pass, x, 7);
}
static hd_tensor *refuse_scorer(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    return hd_attend_additive(pass, x, x, x, w);
}
static hd_tensor *refuse_few_keys(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    w->rows = 1, w->columns = 12;
    return hd_attend_additive(pass, x, hd_tensor_new(pass, 0, 12, &empty), hd_tensor_new(pass, 0, 12, &empty), w);
}

/* Labels of x's columns: the transitions must be [12, 12]. */
static hd_tensor *refuse_field(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    double loss = 0;
    hd_crf field = {w, w, w};
    hd_crf_loss(pass, x, &field, (int32_t[11]){0}, &ragged, 1, &loss);
    return NULL;
}
static hd_tensor *refuse_label(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    double loss = 0;
    hd_tensor *logits = hd_reshape(pass, x, 1);
    w->rows = w->columns = 1;
    hd_crf field = {w, w, w};
    int32_t labels[11 * 12] = {0}, starts_of_one[] = {0, 11 * 12};
    labels[17] = 1;
    hd_crf_loss(pass, logits, &field, labels, &(hd_layout){1, starts_of_one, NULL, NULL}, 1, &loss);
    return NULL;
}

static hd_tensor *refuse_ends(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    (void)w;
    double loss = 0;
    hd_ends_loss(pass, x, (int32_t[10]){0}, &ragged, 1, &loss);
    return NULL;
}
static hd_tensor *refuse_end(hd_pass *pass, hd_tensor *x, hd_parameter *w) {
    (void)w;
    double loss = 0;
    int32_t starts_of_one[] = {0, 11 * 6};
    hd_ends_loss(pass, hd_reshape(pass, x, 2), (int32_t[]){65, 66}, &(hd_layout){1, starts_of_one, NULL, NULL}, 1,
                 &loss);
    return NULL;
}

static const refusal refusals[] = {
    {"logits [11, 12] are not two for each of 11 rows", refuse_ends},
    {"target row 66 lies outside the 66 rows of its sequence", refuse_end},
    {"\"w\" is [12, 4] and does not lead between 12 labels", refuse_field},
    {"target id 1 lies outside the 1 classes", refuse_label},
    {"\"w\" is [12, 4] and cannot take rows of 12 through 4 gates", refuse_cell},
    {"a first state of [11, 12] does not fit 5 sequences of width 4", refuse_state},
    {"row 11 is not one of 11", refuse_row},
    {"[10, 3] cannot be joined to [11, 12]", refuse_join},
    {"[11, 12] cannot be seen as rows of 7", refuse_shape},
    {"queries [11, 12], keys [11, 12] and values [11, 12] do not fit", refuse_scorer},
    {"5 sequences of queries cannot attend to 1 of keys", refuse_few_keys},
};

static void shapes_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(refusals); i++) {
        heed_context *context = open_context();
        hd_pass pass;
        hd_arena arena;
        hd_arena_open(&arena, context);
        hd_pass_open(&pass, context, &arena);
        float data[48] = {0};
        hd_parameter matrix = {.name = "w", .rows = 12, .columns = 4, .dimensions = 2, .data = data};
        hd_tensor *x = hd_tensor_new(&pass, 11, 12, &ragged);
        memset(x->data, 0, 11 * 12 * sizeof(float));
        if (refusals[i].call(&pass, x, &matrix) || pass.status != HEED_ARGUMENT ||
            !strstr(context->message, refusals[i].said))
            fail_msg("wanted \"%s\", got status %d and \"%s\"", refusals[i].said, pass.status, context->message);
        hd_pass_close(&pass);
        hd_arena_close(&arena);
        heed_context_close(context);
    }
}

int main(void) {
    const struct CMUnitTest others[] = {cmocka_unit_test(shapes_are_refused), cmocka_unit_test(viterbi_finds_the_best)};
    return run_cases(cases, HD_COUNT(cases), others, HD_COUNT(others));
}
