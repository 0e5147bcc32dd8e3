/* The ops except attention, one row per case (see tests/ops_fixture.h for the checks), and what they refuse. */
#include "ops_fixture.h"

/* Ragged sequences, one of them empty; and a long batch, for whole blocks and several threads. */
static const uint64_t examples[] = {7, 3, 100, 1ull << 40, 12};
static const int32_t starts[] = {0, 3, 4, 9, 9, 11}, positions[] = {2, 0, 5, 0, 1};
static const hd_layout ragged = {5, starts, examples, NULL};
static const hd_layout placed = {5, starts, examples, positions};
static const int32_t long_starts[] = {0, 70, 71, 371, 380, 600};
static const hd_layout lengthy = {5, long_starts, examples, NULL};
static const int32_t empty_starts[] = {0, 0};
static const hd_layout empty = {1, empty_starts, examples, NULL};

/* Two answers to each of two and of three questions. */
static const int32_t twice_starts[] = {0, 3, 7, 10, 14}, long_twice_starts[] = {0, 70, 75, 150, 220, 225, 300};
static const hd_layout twice = {4, twice_starts, examples, NULL};
static const hd_layout lengthy_twice = {6, long_twice_starts, NULL, NULL};

static const int32_t ids[] = {4, 1, 4, 0, 1, 4, 4, 2, 6, 1, 4}; /* 3 and 5 never */

/* ---- formulas ---- */

static double activation_of(hd_activation activation, double x) {
    switch (activation) {
        case HD_IDENTITY:
            return x;
        case HD_RELU:
            return x > 0 ? x : 0;
        case HD_GELU:
            return 0.5 * x * (1 + erf(x / sqrt(2)));
        case HD_GELU_TANH:
            return 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x)));
        case HD_SILU:
            return x / (1 + exp(-x));
        case HD_TANH:
            return tanh(x);
        case HD_SIGMOID:
            return 1 / (1 + exp(-x));
    }
    return x;
}

static void embed_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->operands[0].columns;
    for (int64_t r = 0; r < hd_layout_rows(c->layout); r++)
        for (int64_t j = 0; j < width; j++) {
            int64_t place = c->ids[r] * width + j; /* the padding row does not move */
            double value = c->ids[r] == c->padding ? (double)operand_value(c, 0, place) : x[0][place];
            y[r * width + j] = (double)c->scale * value;
        }
}

static hd_tensor *embed(op_run *run) {
    return hd_embed(run->pass, run->weights[0], run->ids, run->layout, run->c->scale, run->c->padding);
}

static void columns_reference(const op_case *c, const double *const *x, double *y) {
    int64_t heads = c->operands[0].columns;
    for (int64_t h = 0; h < heads; h++)
        for (int64_t i = 0; i < c->columns; i++) y[h * c->columns + i] = x[0][c->ids[i] * heads + h];
}
static hd_tensor *embed_columns(op_run *run) {
    return hd_embed_columns(run->pass, run->weights[0], run->ids, run->c->columns);
}

enum { FIXED_LENGTH = 8, FIXED_WIDTH = 20 };
static float fixed_position(int64_t place) { return value_of(200, place); }

static void positions_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->columns;
    for (int64_t s = 0; s < c->layout->sequences; s++)
        for (int64_t r = c->layout->starts[s]; r < c->layout->starts[s + 1]; r++)
            for (int64_t j = 0; j < width; j++) {
                int64_t place = (hd_layout_position(c->layout, s) + r - c->layout->starts[s]) * width + j;
                double p = c->operands[1].kind ? x[1][place] : (double)fixed_position(place);
                y[r * width + j] = x[0][r * width + j] + p;
            }
}

static hd_tensor *add_fixed(op_run *run) {
    return hd_add_positions(run->pass, run->inputs[0], NULL, uploaded(run->pass, 200, FIXED_LENGTH * FIXED_WIDTH),
                            FIXED_LENGTH, 0);
}
static hd_tensor *add_learned(op_run *run) {
    return hd_add_positions(run->pass, run->inputs[0], run->weights[1], NULL, run->c->operands[1].rows, 0);
}

static void dropped(const op_case *c, uint32_t site, const double *x, const double *residual, double *y) {
    for (int64_t s = 0; s < c->layout->sequences; s++)
        for (int64_t r = c->layout->starts[s]; r < c->layout->starts[s + 1]; r++)
            for (int64_t j = 0; j < c->columns; j++) {
                int64_t i = r * c->columns + j, position = hd_layout_position(c->layout, s) + r - c->layout->starts[s];
                double factor = dropout_factor(c->dropout, site, 0, j, position, c->layout->examples[s]);
                y[i] = (residual ? residual[i] : 0) + factor * x[i];
            }
}
static void dropout_reference(const op_case *c, const double *const *x, double *y) {
    dropped(c, 0, x[0], c->operands[1].kind ? x[1] : NULL, y);
}
static void doubling_reference(const op_case *c, const double *const *x, double *y) { dropped(c, 0, x[0], x[0], y); }

static hd_tensor *dropout_add(op_run *run) {
    return hd_dropout_add(run->pass, run->inputs[0], run->inputs[1], run->c->dropout, 0);
}
static hd_tensor *add_to_itself(op_run *run) {
    return hd_dropout_add(run->pass, run->inputs[0], run->inputs[0], run->c->dropout, 0);
}

static void linear_rows(const op_case *c, const double *x, const double *w, const double *bias, int64_t out,
                        double *y) {
    int64_t in = c->operands[0].columns;
    for (int64_t r = 0; r < hd_layout_rows(c->layout); r++)
        for (int64_t j = 0; j < out; j++) {
            double sum = bias ? bias[j] : 0;
            for (int64_t k = 0; k < in; k++) sum += x[r * in + k] * w[j * in + k];
            y[r * out + j] = activation_of(c->activation, sum);
        }
}
static void linear_reference(const op_case *c, const double *const *x, double *y) {
    linear_rows(c, x[0], x[1], c->operands[2].kind ? x[2] : NULL, c->columns, y);
}

static hd_tensor *linear(op_run *run) {
    return hd_linear(run->pass, run->inputs[0], run->weights[1], run->weights[2], run->c->activation);
}

static void activate_reference(const op_case *c, const double *const *x, double *y) {
    for (int64_t i = 0; i < operand_count(c, 0); i++) y[i] = activation_of(c->activation, x[0][i]);
}
static hd_tensor *activate(op_run *run) { return hd_activate(run->pass, run->inputs[0], run->c->activation); }

static void scale_reference(const op_case *c, const double *const *x, double *y) {
    for (int64_t i = 0; i < operand_count(c, 0); i++) y[i] = (double)c->scale * x[0][i] + x[0][i];
}
static hd_tensor *scale(op_run *run) {
    hd_tensor *x = run->inputs[0];
    return hd_dropout_add(run->pass, hd_scale(run->pass, x, run->c->scale), x, 0, 0);
}

static void hadamard_reference(const op_case *c, const double *const *x, double *y) {
    for (int64_t i = 0; i < operand_count(c, 0); i++) y[i] = x[0][i] * x[1][i] * x[0][i];
}
static hd_tensor *hadamard(op_run *run) {
    return hd_hadamard(run->pass, hd_hadamard(run->pass, run->inputs[0], run->inputs[1]), run->inputs[0]);
}

/* Sines and cosines are any numbers here: what is linear in x is linear in it with these too. `classes` of a case are the
 * columns of a head that are rotated, and sequence s has its own part of the table where firsts[s] is not 0. */
enum { ANGLES = 201, ANGLE_LENGTH = 12 };
static const int64_t firsts[] = {-3, 0, 2, 0, 1};
static void rotate_reference(const op_case *c, const double *const *x, double *y) {
    int64_t head = c->columns / c->heads, width = c->classes ? c->classes : head, half = width / 2;
    for (int64_t s = 0; s < c->layout->sequences; s++)
        for (int64_t r = c->layout->starts[s]; r < c->layout->starts[s + 1]; r++) {
            int64_t row = hd_layout_position(c->layout, s) + r - c->layout->starts[s] - (c->classes ? firsts[s] : 0);
            for (int64_t i = 0; i < c->columns; i++) {
                int64_t j = i % head, at = r * c->columns + i;
                double sine = (double)value_of(ANGLES, row * width + j % half);
                double cosine = (double)value_of(ANGLES, row * width + half + j % half);
                y[at] = x[0][at];
                if (j < width) y[at] = x[0][at] * cosine + (j < half ? -x[0][at + half] : x[0][at - half]) * sine;
            }
        }
}
static hd_tensor *rotate(op_run *run) {
    int64_t head = run->c->columns / run->c->heads, width = run->c->classes ? run->c->classes : head;
    hd_angles angles = {uploaded(run->pass, ANGLES, ANGLE_LENGTH * width), width, run->c->classes ? firsts : NULL};
    return hd_rotate(run->pass, run->inputs[0], &angles, ANGLE_LENGTH, head);
}

/* Each of 2 heads three times. */
static void repeat_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->columns / 6;
    for (int64_t r = 0; r < hd_layout_rows(c->layout); r++)
        for (int64_t j = 0; j < c->columns; j++)
            y[r * c->columns + j] = x[0][r * 2 * width + j / (3 * width) * width + j % width];
}
static hd_tensor *repeat(op_run *run) { return hd_repeat_heads(run->pass, run->inputs[0], run->c->columns / 6, 3); }

static void norm_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->columns;
    bool layer = c->operands[2].kind;
    for (int64_t r = 0; r < hd_layout_rows(c->layout); r++) {
        const double *row = x[0] + r * width;
        double mean = 0, squares = 0;
        for (int64_t j = 0; layer && j < width; j++) mean += row[j] / (double)width;
        for (int64_t j = 0; j < width; j++) squares += (row[j] - mean) * (row[j] - mean) / (double)width;
        for (int64_t j = 0; j < width; j++)
            y[r * width + j] = (row[j] - mean) / sqrt(squares + (double)c->epsilon) * x[1][j] + (layer ? x[2][j] : 0);
    }
}
static hd_tensor *norm(op_run *run) {
    return hd_norm(run->pass, run->inputs[0], run->weights[1], run->weights[2], run->c->epsilon);
}

/* Rows that pair have one target. */
static int32_t target_of(const op_case *c, int64_t row) {
    int64_t rows = hd_layout_rows(c->layout);
    return c->ids[(c->agreement > 0 ? row % (rows / 2) : row) % 11];
}

static double divergence(const op_case *c, const double *x, const double *table) {
    int64_t width = c->operands[0].columns, rows = hd_layout_rows(c->layout), half = rows / 2;
    double loss = 0, smoothing = (double)c->smoothing;
    double *log_p = calloc((size_t)(rows * c->classes), sizeof *log_p), *p = log_p; /* [rows, classes] */
    for (int64_t r = 0; r < rows; r++, p += c->classes) {
        double sum = 0;
        for (int64_t j = 0; j < c->classes; j++) {
            for (int64_t k = 0; k < width; k++) p[j] += x[r * width + k] * table[j * width + k];
            if (c->soft_cap > 0) p[j] = (double)c->soft_cap * tanh(p[j] / (double)c->soft_cap);
            sum += exp(p[j]);
        }
        for (int64_t j = 0; j < c->classes; j++) {
            p[j] -= log(sum);
            double q = smoothing / (double)c->classes + (j == target_of(c, r) ? 1 - smoothing : 0);
            if (q > 0) loss += q * (log(q) - p[j]);
        }
    }
    for (int64_t i = 0; c->agreement > 0 && i < half * c->classes; i++) {
        double a = log_p[i], b = log_p[i + half * c->classes];
        loss += (double)c->agreement / 2 * (exp(a) - exp(b)) * (a - b);
    }
    free(log_p);
    return loss;
}
static void cross_entropy_reference(const op_case *c, const double *const *x, double *y) {
    *y = divergence(c, x[0], x[1]);
}

static hd_tensor *lose(op_run *run, hd_tensor *x, hd_parameter *table) {
    int64_t rows = hd_layout_rows(run->layout);
    int32_t *targets = hd_pass_alloc(run->pass, (size_t)rows, sizeof *targets);
    for (int64_t r = 0; r < rows; r++) targets[r] = target_of(run->c, r);
    hd_cross_entropy_options options = {.classes = run->c->classes,
                                        .smoothing = run->c->smoothing,
                                        .scale = run->c->scale,
                                        .agreement = run->c->agreement,
                                        .soft_cap = run->c->soft_cap};
    hd_cross_entropy(run->pass, x, table, targets, &options, run->loss);
    return NULL;
}
static hd_tensor *cross_entropy(op_run *run) { return lose(run, run->inputs[0], run->weights[1]); }

/* One table, to embed with and to choose by. */
static void tied_reference(const op_case *c, const double *const *x, double *y) {
    int64_t width = c->operands[0].columns, rows = hd_layout_rows(c->layout);
    double *embedded = calloc((size_t)(rows * width), sizeof *embedded);
    for (int64_t r = 0; r < rows; r++)
        for (int64_t j = 0; j < width; j++) embedded[r * width + j] = 3 * x[0][c->ids[r] * width + j];
    *y = divergence(c, embedded, x[0]);
    free(embedded);
}
static hd_tensor *tied(op_run *run) {
    return lose(run, hd_embed(run->pass, run->weights[0], run->ids, run->layout, 3.0f, -1), run->weights[0]);
}

/* Tensors with several uses, some of whose users give their gradient away: a = x + P, y = a + D relu(a Wᵀ), z = y + y. */
static void shared_reference(const op_case *c, const double *const *x, double *y) {
    int64_t count = operand_count(c, 0);
    double *a = calloc((size_t)count, sizeof *a), *b = calloc((size_t)count, sizeof *b);
    positions_reference(c, x, a);
    linear_rows(c, a, x[2], NULL, c->columns, b);
    dropped(c, 0, b, a, y);
    for (int64_t i = 0; i < count; i++) y[i] = 2 * y[i] + x[0][i];
    free(a), free(b);
}
static hd_tensor *share(op_run *run) {
    hd_pass *pass = run->pass;
    hd_tensor *a = add_learned(run);
    hd_tensor *y = hd_dropout_add(pass, hd_linear(pass, a, run->weights[2], NULL, HD_RELU), a, run->c->dropout, 0);
    return hd_dropout_add(pass, hd_dropout_add(pass, y, y, 0, 0), run->inputs[0], 0, 0);
}

/* ---- the table ---- */

#define X(width) \
    { 'x', 0, width }
#define W(height, width) \
    { 'w', height, width }
#define F(height, width) \
    { 'f', height, width }
#define EMBED     .run = embed, .reference = embed_reference, .ids = ids
#define LINEAR    .run = linear, .reference = linear_reference
#define ACTIVATE  .run = activate, .reference = activate_reference, .layout = &ragged, .columns = 19, .operands = {X(19)}
#define NORM      .run = norm, .reference = norm_reference
#define POSITIONS .reference = positions_reference
#define DROPOUT   .run = dropout_add, .reference = dropout_reference
#define LOSS      .run = cross_entropy, .reference = cross_entropy_reference, .ids = ids

static const op_case cases[] = {
    {"embed", &ragged, EMBED, .operands = {W(7, 20)}, .columns = 20, .scale = 1, .padding = -1},
    {"embed, scaled, padding", &ragged, EMBED, .operands = {W(7, 33)}, .columns = 33, .scale = 5.5f, .padding = 1},
    {"embed nothing", &empty, EMBED, .operands = {W(7, 3)}, .columns = 3, .scale = 1, .padding = -1},
    {"embed columns", &ragged, .run = embed_columns, .reference = columns_reference, .ids = ids, .operands = {W(7, 11)},
     .columns = 11},
    {"add_positions, fixed", &ragged, POSITIONS, .run = add_fixed, .operands = {X(20)}, .columns = 20},
    {"add_positions, learned", &ragged, POSITIONS, .run = add_learned, .operands = {X(17), W(9, 17)}, .columns = 17},
    {"add_positions, learned, placed", &placed, POSITIONS, .run = add_learned, .operands = {X(17), W(12, 17)},
     .columns = 17},
    {"dropout", &ragged, DROPOUT, .operands = {X(70)}, .columns = 70, .dropout = 0.3f},
    {"dropout, placed", &placed, DROPOUT, .operands = {X(9)}, .columns = 9, .dropout = 0.5f},
    {"residual", &ragged, DROPOUT, .operands = {X(5), X(5)}, .columns = 5},
    {"dropout and residual", &ragged, DROPOUT, .operands = {X(130), X(130)}, .columns = 130, .dropout = 0.1f},
    {"its own residual", &ragged, .run = add_to_itself, .reference = doubling_reference, .operands = {X(8)},
     .columns = 8, .dropout = 0.4f},
    {"linear", &ragged, LINEAR, .operands = {X(20), W(37, 20), W(1, 37)}, .columns = 37},
    {"linear, no bias", &ragged, LINEAR, .operands = {X(1), W(32, 1)}, .columns = 32},
    {"linear, one column", &ragged, LINEAR, .operands = {X(18), W(1, 18), W(1, 1)}, .columns = 1},
    {"linear, relu", &ragged, LINEAR, .operands = {X(20), W(33, 20), W(1, 33)}, .columns = 33, .activation = HD_RELU},
    {"linear, gelu", &ragged, LINEAR, .operands = {X(20), W(9, 20), W(1, 9)}, .columns = 9, .activation = HD_GELU},
    {"linear, gelu by tanh", &ragged, LINEAR, .operands = {X(20), W(9, 20)}, .columns = 9, .activation = HD_GELU_TANH},
    {"linear, silu", &ragged, LINEAR, .operands = {X(20), W(9, 20), W(1, 9)}, .columns = 9, .activation = HD_SILU},
    {"linear, tanh", &ragged, LINEAR, .operands = {X(20), W(9, 20)}, .columns = 9, .activation = HD_TANH},
    {"linear, sigmoid", &ragged, LINEAR, .operands = {X(20), W(9, 20), W(1, 9)}, .columns = 9,
     .activation = HD_SIGMOID},
    {"linear, long", &lengthy, LINEAR, .operands = {X(40), W(50, 40), W(1, 50)}, .columns = 50, .activation = HD_RELU},
    {"linear, nothing", &empty, LINEAR, .operands = {X(4), W(5, 4), W(1, 5)}, .columns = 5},
    {"linear, frozen halves", &ragged, LINEAR, .operands = {X(20), F(40, 20), F(1, 40)}, .columns = 40},
    {"linear, frozen, bias trained", &ragged, LINEAR, .operands = {X(6), F(7, 6), W(1, 7)}, .columns = 7},
    {"relu", ACTIVATE, .activation = HD_RELU},
    {"gelu", ACTIVATE, .activation = HD_GELU},
    {"gelu by tanh", ACTIVATE, .activation = HD_GELU_TANH},
    {"silu", ACTIVATE, .activation = HD_SILU},
    {"tanh", ACTIVATE, .activation = HD_TANH},
    {"sigmoid", ACTIVATE, .activation = HD_SIGMOID},
    {"hadamard", &ragged, .run = hadamard, .reference = hadamard_reference, .operands = {X(21), X(21)}, .columns = 21},
    {"scale", &ragged, .run = scale, .reference = scale_reference, .operands = {X(21)}, .columns = 21, .scale = -0.3f},
    {"scale nothing", &empty, .run = scale, .reference = scale_reference, .operands = {X(3)}, .columns = 3, .scale = 2},
    {"rotate", &ragged, .run = rotate, .reference = rotate_reference, .operands = {X(24)}, .columns = 24, .heads = 2},
    {"rotate, placed", &placed, .run = rotate, .reference = rotate_reference, .operands = {X(10)}, .columns = 10,
     .heads = 1},
    {"rotate, a part of each head", &placed, .run = rotate, .reference = rotate_reference, .operands = {X(24)},
     .columns = 24, .heads = 2, .classes = 8},
    {"repeat heads", &ragged, .run = repeat, .reference = repeat_reference, .operands = {X(10)}, .columns = 30},
    {"layer norm", &ragged, NORM, .operands = {X(20), W(1, 20), W(1, 20)}, .columns = 20, .epsilon = 1e-5f},
    {"layer norm, gain frozen", &ragged, NORM, .operands = {X(20), F(1, 20), W(1, 20)}, .columns = 20,
     .epsilon = 1e-5f},
    {"layer norm, bias frozen", &ragged, NORM, .operands = {X(20), W(1, 20), F(1, 20)}, .columns = 20,
     .epsilon = 1e-5f},
    {"layer norm, long", &lengthy, NORM, .operands = {X(48), W(1, 48), W(1, 48)}, .columns = 48, .epsilon = 1e-3f},
    {"rms norm", &ragged, NORM, .operands = {X(20), W(1, 20)}, .columns = 20, .epsilon = 1e-6f},
    {"rms norm, long", &lengthy, NORM, .operands = {X(37), W(1, 37)}, .columns = 37, .epsilon = 1e-6f},
    {"cross entropy", &ragged, LOSS, .operands = {X(12), W(7, 12)}, .classes = 7, .scale = 1},
    {"cross entropy, smoothed", &ragged, LOSS, .operands = {X(12), W(40, 12)}, .classes = 40, .smoothing = 0.1f,
     .scale = 0.2f},
    {"cross entropy, fewer classes", &ragged, LOSS, .operands = {X(5), W(32, 5)}, .classes = 9, .smoothing = 0.3f,
     .scale = 1},
    {"cross entropy, long", &lengthy, LOSS, .operands = {X(24), W(33, 24)}, .classes = 33, .smoothing = 0.1f,
     .scale = 0.5f},
    {"cross entropy, frozen", &ragged, LOSS, .operands = {X(12), F(50, 12)}, .classes = 50, .scale = 1},
    {"cross entropy, capped", &ragged, LOSS, .operands = {X(12), W(7, 12)}, .classes = 7, .scale = 1, .soft_cap = 1.5f},
    {"cross entropy, capped, fewer classes", &lengthy, LOSS, .operands = {X(24), W(40, 24)}, .classes = 33,
     .smoothing = 0.1f, .scale = 0.5f, .soft_cap = 2},
    {"pairs, capped", &twice, LOSS, .operands = {X(12), W(40, 12)}, .classes = 33, .smoothing = 0.1f, .scale = 0.2f,
     .agreement = 2, .soft_cap = 1},
    {"pairs", &twice, LOSS, .operands = {X(12), W(7, 12)}, .classes = 7, .scale = 1, .agreement = 1},
    {"pairs, smoothed", &twice, LOSS, .operands = {X(12), W(40, 12)}, .classes = 33, .smoothing = 0.1f, .scale = 0.2f,
     .agreement = 5},
    {"pairs, long", &lengthy_twice, LOSS, .operands = {X(24), W(33, 24)}, .classes = 33, .smoothing = 0.1f,
     .scale = 0.5f, .agreement = 3},
    {"pairs, frozen", &twice, LOSS, .operands = {X(12), F(50, 12)}, .classes = 50, .scale = 1, .agreement = 2},
    {"tied table", &ragged, .run = tied, .reference = tied_reference, .operands = {{'w', 7, 12}}, .ids = ids,
     .classes = 7, .smoothing = 0.1f, .scale = 1},
    {"shared tensors", &ragged, .run = share, .reference = shared_reference, .operands = {X(16), W(5, 16), W(16, 16)},
     .columns = 16, .activation = HD_RELU, .dropout = 0.25f},
};

/* ---- refusals ---- */

typedef struct refusal {
    const char *said; /* in the message */
    hd_tensor *(*call)(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *short_vector);
    heed_status status;
} refusal;

/* x is [11, 6], w [4, 5] and the vector has 5 elements. */
static hd_tensor *refuse_linear(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    return hd_linear(pass, x, w, NULL, HD_RELU);
}
static hd_tensor *refuse_bias(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    x->columns = 5;
    return hd_linear(pass, x, w, vector, HD_RELU);
}
static hd_tensor *refuse_norm(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)w;
    return hd_norm(pass, x, vector, NULL, 1e-5f);
}
static hd_tensor *refuse_norm_bias(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    x->columns = 5;
    w->columns = 3;
    return hd_norm(pass, x, vector, w, 1e-5f);
}
static hd_tensor *refuse_positions(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    return hd_add_positions(pass, x, w, NULL, 20, 0);
}
static hd_tensor *refuse_length(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    x->columns = 5; /* the longest sequence has 5 tokens, the table 4 rows */
    return hd_add_positions(pass, x, w, NULL, 20, 0);
}
static hd_tensor *refuse_residual(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)w, (void)vector;
    return hd_dropout_add(pass, x, hd_tensor_new(pass, 11, 7, x->layout), 0.5f, 0);
}
static hd_tensor *refuse_id(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    return hd_embed(pass, w, ids, x->layout, 1, -1);
}
static hd_tensor *lose_on(hd_pass *pass, hd_tensor *x, hd_parameter *w, int64_t classes) {
    double loss = 0;
    hd_cross_entropy_options options = {.classes = classes, .scale = 1};
    return hd_cross_entropy(pass, x, w, ids, &options, &loss) == HEED_OK ? x : NULL;
}
static hd_tensor *pair_on(hd_pass *pass, hd_tensor *x, hd_parameter *w, const int32_t *targets) {
    double loss = 0;
    hd_cross_entropy_options options = {.classes = 4, .scale = 1, .agreement = 1};
    x->columns = 5;
    return hd_cross_entropy(pass, x, w, targets, &options, &loss) == HEED_OK ? x : NULL;
}
static hd_tensor *refuse_width(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    return lose_on(pass, x, w, 4);
}
static hd_tensor *refuse_classes(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    x->columns = 5;
    return lose_on(pass, x, w, 9);
}
static hd_tensor *refuse_target(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    x->columns = 5;
    return lose_on(pass, x, w, 4);
}
static hd_tensor *refuse_pairs(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    x->rows = 8;
    return pair_on(pass, x, w, (int32_t[]){0, 1, 2, 3, 0, 1, 2, 1});
}
static hd_tensor *refuse_odd_pairs(hd_pass *pass, hd_tensor *x, hd_parameter *w, hd_parameter *vector) {
    (void)vector;
    return pair_on(pass, x, w, (int32_t[11]){0});
}

static const refusal refusals[] = {
    {"\"w\" is [4, 5] and cannot take rows of 6", refuse_linear, HEED_ARGUMENT},
    {"\"vector\" has 5 elements and cannot be added to rows of 4", refuse_bias, HEED_ARGUMENT},
    {"\"vector\" has 5 elements and cannot scale rows of 6", refuse_norm, HEED_ARGUMENT},
    {"\"w\" has 3 elements and cannot be added to rows of 5", refuse_norm_bias, HEED_ARGUMENT},
    {"\"w\" is [4, 5] and cannot place rows of 6", refuse_positions, HEED_ARGUMENT},
    {"5 tokens is longer than the model's 4 positions", refuse_length, HEED_LENGTH},
    {"residual of [11, 7] does not fit rows of [11, 6]", refuse_residual, HEED_ARGUMENT},
    {"token id 4 lies outside the 4 rows of \"w\"", refuse_id, HEED_ARGUMENT},
    {"\"w\" is [4, 5] and cannot score rows of 6", refuse_width, HEED_ARGUMENT},
    {"\"w\" is [4, 5] and cannot choose among 9 classes", refuse_classes, HEED_ARGUMENT},
    {"target id 4 lies outside the 4 classes", refuse_target, HEED_ARGUMENT},
    {"8 rows are not two halves with the same targets", refuse_pairs, HEED_ARGUMENT},
    {"11 rows are not two halves with the same targets", refuse_odd_pairs, HEED_ARGUMENT},
};

static void shapes_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < HD_COUNT(refusals); i++) {
        heed_context *context = open_context();
        hd_arena arena;
        hd_arena_open(&arena, context);
        hd_pass pass;
        hd_pass_open(&pass, context, &arena);
        float data[20] = {0};
        hd_parameter matrix = {.name = "w", .rows = 4, .columns = 5, .dimensions = 2, .data = data};
        hd_parameter vector = {.name = "vector", .rows = 1, .columns = 5, .dimensions = 1, .data = data};
        hd_tensor *x = hd_tensor_new(&pass, 11, 6, &ragged);
        memset(x->data, 0, 11 * 6 * sizeof(float));
        hd_tensor *y = refusals[i].call(&pass, x, &matrix, &vector);
        if (y || pass.status != refusals[i].status || !strstr(context->message, refusals[i].said))
            fail_msg("wanted \"%s\", got status %d and \"%s\"", refusals[i].said, pass.status, context->message);
        assert_null(hd_linear(&pass, x, &matrix, NULL, HD_IDENTITY)); /* the failure stays */
        if (!strstr(context->message, refusals[i].said))
            fail_msg("the first message was lost: \"%s\"", context->message);
        hd_pass_close(&pass);
        hd_arena_close(&arena);
        heed_context_close(context);
    }
}

static void nothing_comes_of_nothing(void **state) {
    (void)state;
    heed_context *context = open_context();
    hd_pass pass;
    hd_pass_open(&pass, context, NULL);
    hd_tensor *x = hd_tensor_new(&pass, 0, 4, &empty);
    double loss = 1;
    assert_null(hd_add_positions(&pass, NULL, NULL, NULL, 8, 0));
    assert_null(hd_dropout_add(&pass, NULL, x, 0.1f, 0));
    assert_null(hd_linear(&pass, NULL, NULL, NULL, HD_RELU));
    assert_null(hd_activate(&pass, NULL, HD_RELU));
    assert_null(hd_scale(&pass, NULL, 2));
    assert_null(hd_norm(&pass, NULL, NULL, NULL, 1e-5f));
    assert_int_equal(pass.status, HEED_OK);
    pass.status = HEED_NUMERIC;
    assert_int_equal(hd_cross_entropy(&pass, NULL, NULL, NULL, NULL, &loss), HEED_NUMERIC);
    assert_true(loss == 1);
    hd_pass_close(&pass);
    heed_context_close(context);
}

int main(void) {
    const struct CMUnitTest others[] = {cmocka_unit_test(shapes_are_refused),
                                        cmocka_unit_test(nothing_comes_of_nothing)};
    return run_cases(cases, HD_COUNT(cases), others, HD_COUNT(others));
}
