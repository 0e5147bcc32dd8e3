/* A linear-chain conditional random field (Lafferty, McCallum and Pereira, 2001; on an LSTM: Huang, Xu and Yu, 2015). The
 * score of labels y of a sequence is
 *   start[y_1] + Σ_t logits[t, y_t] + Σ_t transitions[y_{t−1}, y_t] + end[y_n],
 * and its loss log Z − score, Z the sum of e^score over all labellings. The gradient of each number is how often the model
 * expects it to count, less how often it does. In double precision, a sequence after the other, and without the kernel table:
 * labels are too few to fill lanes, and what is compiled once has the same bits on every instruction set. */
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

/* One sequence's lattice. */
typedef struct lattice {
    const hd_crf *crf;
    int64_t length, labels;
    const float *logits; /* [length, labels] */
    double *forward;     /* [length, labels]: log Σ over all labellings that end here */
    double *backward;    /* [length, labels]: … that go on from here */
    double *row;         /* [labels] */
    double log_z;
} lattice;

static double transition(const lattice *l, int64_t from, int64_t to) {
    return (double)l->crf->transitions->data[from * l->labels + to];
}

static void go_forward(lattice *l) {
    int64_t n = l->labels;
    for (int64_t t = 0; t < l->length; t++)
        for (int64_t j = 0; j < n; j++) {
            for (int64_t i = 0; t && i < n; i++) l->row[i] = l->forward[(t - 1) * n + i] + transition(l, i, j);
            double before = t ? log_sum(l->row, n) : (double)l->crf->start->data[j];
            l->forward[t * n + j] = before + (double)l->logits[t * n + j];
        }
    for (int64_t j = 0; j < n; j++) l->row[j] = l->forward[(l->length - 1) * n + j] + (double)l->crf->end->data[j];
    l->log_z = log_sum(l->row, n);
}

static void go_backward(lattice *l) {
    int64_t n = l->labels;
    for (int64_t t = l->length - 1; t >= 0; t--)
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; t + 1 < l->length && j < n; j++)
                l->row[j] = transition(l, i, j) + (double)l->logits[(t + 1) * n + j] + l->backward[(t + 1) * n + j];
            l->backward[t * n + i] = t + 1 < l->length ? log_sum(l->row, n) : (double)l->crf->end->data[i];
        }
}

static double score_of(const lattice *l, const int32_t *labels) {
    double score = (double)l->crf->start->data[labels[0]] + (double)l->crf->end->data[labels[l->length - 1]];
    for (int64_t t = 0; t < l->length; t++) {
        score += (double)l->logits[t * l->labels + labels[t]];
        if (t) score += transition(l, labels[t - 1], labels[t]);
    }
    return score;
}

/* Where gradients of the parameters go; NULL where they are not wanted. */
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

heed_status hd_crf_loss(hd_pass *pass, hd_tensor *logits, const hd_crf *crf, const int32_t *labels,
                        const hd_layout *layout, float scale, double *loss) {
    if (!logits || check(pass, logits, crf) != HEED_OK) return pass->status;
    int64_t n = logits->columns;
    size_t longest = (size_t)hd_layout_longest(layout);
    lattice l = {.crf = crf, .labels = n};
    l.forward = hd_pass_alloc(pass, longest * (size_t)n, sizeof *l.forward);
    l.backward = hd_pass_alloc(pass, longest * (size_t)n, sizeof *l.backward);
    l.row = hd_pass_alloc(pass, (size_t)n, sizeof *l.row);
    bool add_to = false;
    float *d_logits = pass->recording ? hd_gradient(pass, logits, &add_to) : NULL;
    if (pass->status != HEED_OK) return pass->status;
    crf_gradients g = {NULL, NULL, NULL};
    if (pass->recording)
        g = (crf_gradients){hd_pass_gradient(pass, crf->transitions), hd_pass_gradient(pass, crf->start),
                            hd_pass_gradient(pass, crf->end)};
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t first = layout->starts[s];
        l.length = layout->starts[s + 1] - first;
        l.logits = logits->data + first * n;
        if (!l.length) continue;
        go_forward(&l);
        *loss += l.log_z - score_of(&l, labels + first);
        if (!d_logits) continue;
        go_backward(&l);
        add_gradients(&l, labels + first, (double)scale, d_logits + first * n, &g);
    }
    return pass->status;
}

heed_status hd_crf_best(hd_pass *pass, const hd_tensor *logits, const hd_crf *crf, const hd_layout *layout,
                        int32_t *labels) {
    if (!logits || check(pass, logits, crf) != HEED_OK) return pass->status;
    int64_t n = logits->columns;
    size_t longest = (size_t)hd_layout_longest(layout);
    double *score = hd_pass_alloc(pass, (size_t)n, 2 * sizeof *score), *next = score ? score + n : NULL;
    int32_t *from = hd_pass_alloc(pass, longest * (size_t)n, sizeof *from);
    if (!score || !from) return pass->status;
    for (int64_t s = 0; s < layout->sequences; s++) {
        int64_t first = layout->starts[s], length = layout->starts[s + 1] - first, last = 0;
        for (int64_t t = 0; t < length; t++) {
            const float *row = logits->data + (first + t) * n;
            for (int64_t j = 0; j < n; j++) {
                int64_t best = 0;
                double most = -INFINITY;
                for (int64_t i = 0; t && i < n; i++) {
                    double through = score[i] + (double)crf->transitions->data[i * n + j];
                    if (through > most) most = through, best = i;
                }
                next[j] = (t ? most : (double)crf->start->data[j]) + (double)row[j];
                from[t * n + j] = (int32_t)best;
            }
            memcpy(score, next, (size_t)n * sizeof *score);
        }
        for (int64_t j = 0; length && j < n; j++) {
            score[j] += (double)crf->end->data[j];
            if (score[j] > score[last]) last = j;
        }
        for (int64_t t = length - 1; t >= 0; last = from[t * n + last], t--) labels[first + t] = (int32_t)last;
    }
    return HEED_OK;
}
