/* A linear-chain conditional random field (Lafferty, McCallum and Pereira, 2001; on an LSTM: Huang, Xu and Yu, 2015). The
 * score of labels y of a sequence is
 *   start[y_1] + Σ_t logits[t, y_t] + Σ_t transitions[y_{t−1}, y_t] + end[y_n],
 * and its loss log Z − score, Z the sum of e^score over all labellings. The gradient of each number is how often the model
 * expects it to count, less how often it does. In double precision on the host, one sequence after the other: labels are too
 * few to fill lanes, and what is compiled once has the same bits on every instruction set. Logits and parameters are
 * downloaded for it, gradients uploaded. */
#include "autograd/ops/ops.h"
#include "base/real.h"

#include <math.h>
#include <string.h>

/* log Σ e^x; what is too small to count is left out. */
static double log_sum(const double *x, int64_t count) {
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) largest = x[i] > largest ? x[i] : largest;
    if (!isfinite(largest)) return largest;
    for (int64_t i = 0; i < count; i++)
        if (x[i] - largest > -40) sum += hd_exponential(x[i] - largest);
    return largest + hd_logarithm(sum);
}

/* e^x for a log-probability, which rounding may have put above 0. */
static double probability(double x) { return x > 0 ? 1 : x > -40 ? hd_exponential(x) : 0; }

/* The field's numbers on the host. */
typedef struct field {
    const float *logits;                    /* [rows, labels] */
    const float *transitions, *start, *end; /* [labels, labels] from and to, [labels], [labels] */
} field;

static bool download(hd_pass *pass, const hd_tensor *logits, const hd_crf *crf, field *scores) {
    int64_t n = logits->columns;
    scores->logits = hd_pass_download(pass, logits->data, hd_tensor_count(logits));
    scores->transitions = hd_pass_download(pass, crf->transitions->data, n * n);
    scores->start = hd_pass_download(pass, crf->start->data, n);
    scores->end = hd_pass_download(pass, crf->end->data, n);
    return pass->status == HEED_OK;
}

/* One sequence's lattice. */
typedef struct lattice {
    const field *scores;
    int64_t length, labels;
    const float *logits; /* [length, labels] */
    double *forward;     /* [length, labels]: log Σ over all labellings that end here */
    double *backward;    /* [length, labels]: … that go on from here */
    double *row;         /* [labels] */
    double log_z;
} lattice;

static double transition(const lattice *l, int64_t from, int64_t to) {
    return (double)l->scores->transitions[from * l->labels + to];
}

static void forward_pass(lattice *l) {
    int64_t n = l->labels;
    for (int64_t t = 0; t < l->length; t++)
        for (int64_t j = 0; j < n; j++) {
            for (int64_t i = 0; t && i < n; i++) l->row[i] = l->forward[(t - 1) * n + i] + transition(l, i, j);
            double before = t ? log_sum(l->row, n) : (double)l->scores->start[j];
            l->forward[t * n + j] = before + (double)l->logits[t * n + j];
        }
    for (int64_t j = 0; j < n; j++) l->row[j] = l->forward[(l->length - 1) * n + j] + (double)l->scores->end[j];
    l->log_z = log_sum(l->row, n);
}

static void backward_pass(lattice *l) {
    int64_t n = l->labels;
    for (int64_t t = l->length - 1; t >= 0; t--)
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; t + 1 < l->length && j < n; j++)
                l->row[j] = transition(l, i, j) + (double)l->logits[(t + 1) * n + j] + l->backward[(t + 1) * n + j];
            l->backward[t * n + i] = t + 1 < l->length ? log_sum(l->row, n) : (double)l->scores->end[i];
        }
}

static double score_of(const lattice *l, const int32_t *labels) {
    double score = (double)l->scores->start[labels[0]] + (double)l->scores->end[labels[l->length - 1]];
    for (int64_t t = 0; t < l->length; t++) {
        score += (double)l->logits[t * l->labels + labels[t]];
        if (t) score += transition(l, labels[t - 1], labels[t]);
    }
    return score;
}

/* Gradients of the parameters on the host; NULL where there are none. */
typedef struct crf_gradients {
    float *transitions, *start, *end;
} crf_gradients;

static void add(float *to, int64_t place, double value) {
    if (to) to[place] += (float)value;
}

static void add_gradients(const lattice *l, const int32_t *labels, double scale, float *d_logits, crf_gradients *g) {
    int64_t n = l->labels, last = l->length - 1;
    for (int64_t t = 0; t <= last; t++)
        for (int64_t j = 0; j < n; j++) {
            double expected = probability(l->forward[t * n + j] + l->backward[t * n + j] - l->log_z);
            double d = scale * (expected - (labels[t] == j));
            d_logits[t * n + j] = (float)d;
            if (t == 0) add(g->start, j, d);
            if (t == last) add(g->end, j, d);
            for (int64_t i = 0; t && i < n; i++) {
                double pair = l->forward[(t - 1) * n + i] + transition(l, i, j) + (double)l->logits[t * n + j] +
                              l->backward[t * n + j] - l->log_z;
                add(g->transitions, i * n + j, scale * (probability(pair) - (labels[t - 1] == i && labels[t] == j)));
            }
        }
}

static heed_status check(hd_pass *pass, const hd_tensor *logits, const hd_crf *crf) {
    int64_t n = logits->columns;
    if (crf->transitions->rows != n || crf->transitions->columns != n || hd_parameter_count(crf->start) != n ||
        hd_parameter_count(crf->end) != n)
        hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and does not lead between %lld labels",
                     crf->transitions->name, (long long)crf->transitions->rows, (long long)crf->transitions->columns,
                     (long long)n);
    return pass->status;
}

/* A parameter's gradient so far, on the host; NULL where there is none. */
static float *download_gradient(hd_pass *pass, const hd_parameter *parameter) {
    const float *gradient = hd_pass_gradient(pass, parameter);
    return gradient ? hd_pass_download(pass, gradient, hd_parameter_count(parameter)) : NULL;
}

static void upload_gradient(hd_pass *pass, const hd_parameter *parameter, const float *gradient) {
    hd_pass_upload(pass, gradient, hd_parameter_count(parameter), hd_pass_gradient(pass, parameter));
}

heed_status hd_crf_loss(hd_pass *pass, hd_tensor *logits, const hd_crf *crf, const int32_t *labels,
                        const hd_layout *layout, float scale, double *loss) {
    if (!logits || check(pass, logits, crf) != HEED_OK) return pass->status;
    int64_t n = logits->columns;
    size_t longest = (size_t)hd_layout_longest(layout);
    field scores;
    if (!download(pass, logits, crf, &scores)) return pass->status;
    lattice l = {.scores = &scores, .labels = n};
    l.forward = hd_pass_alloc(pass, longest * (size_t)n, sizeof *l.forward);
    l.backward = hd_pass_alloc(pass, longest * (size_t)n, sizeof *l.backward);
    l.row = hd_pass_alloc(pass, (size_t)n, sizeof *l.row);
    bool add_to = false;
    float *gradient = pass->recording ? hd_gradient(pass, logits, &add_to) : NULL, *d_logits = NULL;
    if (gradient) d_logits = hd_pass_download(pass, gradient, hd_tensor_count(logits));
    crf_gradients g = {NULL, NULL, NULL};
    if (d_logits)
        g = (crf_gradients){download_gradient(pass, crf->transitions), download_gradient(pass, crf->start),
                            download_gradient(pass, crf->end)};
    if (pass->status != HEED_OK) return pass->status;
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t first = layout->starts[s];
        l.length = layout->starts[s + 1] - first;
        l.logits = scores.logits + first * n;
        if (!l.length) continue;
        forward_pass(&l);
        *loss += l.log_z - score_of(&l, labels + first);
        if (!d_logits) continue;
        backward_pass(&l);
        add_gradients(&l, labels + first, (double)scale, d_logits + first * n, &g);
    }
    if (d_logits) {
        hd_pass_upload(pass, d_logits, hd_tensor_count(logits), gradient);
        upload_gradient(pass, crf->transitions, g.transitions);
        upload_gradient(pass, crf->start, g.start);
        upload_gradient(pass, crf->end, g.end);
    }
    return pass->status;
}

/* The best labels of a sequence of `length`; score and next [labels], from [length, labels]. */
static void best_labels(const field *scores, const float *logits, int64_t length, int64_t n, double *score,
                        double *next, int32_t *from, int32_t *labels) {
    int64_t last = 0;
    for (int64_t t = 0; t < length; t++) {
        for (int64_t j = 0; j < n; j++) {
            int64_t best = 0;
            double most = -INFINITY;
            for (int64_t i = 0; t && i < n; i++) {
                double through = score[i] + (double)scores->transitions[i * n + j];
                if (through > most) most = through, best = i;
            }
            next[j] = (t ? most : (double)scores->start[j]) + (double)logits[t * n + j];
            from[t * n + j] = (int32_t)best;
        }
        memcpy(score, next, (size_t)n * sizeof *score);
    }
    for (int64_t j = 0; length && j < n; j++) {
        score[j] += (double)scores->end[j];
        if (score[j] > score[last]) last = j;
    }
    for (int64_t t = length - 1; t >= 0; last = from[t * n + last], t--) labels[t] = (int32_t)last;
}

heed_status hd_crf_best(hd_pass *pass, const hd_tensor *logits, const hd_crf *crf, const hd_layout *layout,
                        int32_t *labels) {
    if (!logits || check(pass, logits, crf) != HEED_OK) return pass->status;
    int64_t n = logits->columns;
    field scores;
    double *score = hd_pass_alloc(pass, (size_t)n, 2 * sizeof *score);
    int32_t *from = hd_pass_alloc(pass, (size_t)(hd_layout_longest(layout) * n), sizeof *from);
    if (!score || !from || !download(pass, logits, crf, &scores)) return pass->status;
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t first = layout->starts[s];
        best_labels(&scores, scores.logits + first * n, layout->starts[s + 1] - first, n, score, score + n, from,
                    labels + first);
    }
    return HEED_OK;
}
