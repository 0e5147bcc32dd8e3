/* Conditional random fields (autograd/ops/crf.c), in double precision, one sequence after the other: labels are too few to
 * fill lanes, and what is compiled once has the same bits with every instruction set. Chunks run in parallel, each on a stream
 * of its own. */
#include "base/real.h"
#include "device/cpu/cpu.h"

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
    const hd_crf_field *field;
    int64_t length, labels;
    const float *logits; /* [length, labels] */
    double *forward;     /* [length, labels]: log Σ over all labellings that end here */
    double *backward;    /* [length, labels]: … that go on from here */
    double *row;         /* [labels] */
    double log_z;
} lattice;

static double transition(const lattice *l, int64_t from, int64_t to) {
    return (double)l->field->transitions[from * l->labels + to];
}

static void forward_pass(lattice *l) {
    int64_t n = l->labels;
    for (int64_t t = 0; t < l->length; t++)
        for (int64_t j = 0; j < n; j++) {
            for (int64_t i = 0; t && i < n; i++) l->row[i] = l->forward[(t - 1) * n + i] + transition(l, i, j);
            double before = t ? log_sum(l->row, n) : (double)l->field->start[j];
            l->forward[t * n + j] = before + (double)l->logits[t * n + j];
        }
    for (int64_t j = 0; j < n; j++) l->row[j] = l->forward[(l->length - 1) * n + j] + (double)l->field->end[j];
    l->log_z = log_sum(l->row, n);
}

static void backward_pass(lattice *l) {
    int64_t n = l->labels;
    for (int64_t t = l->length - 1; t >= 0; t--)
        for (int64_t i = 0; i < n; i++) {
            for (int64_t j = 0; t + 1 < l->length && j < n; j++)
                l->row[j] = transition(l, i, j) + (double)l->logits[(t + 1) * n + j] + l->backward[(t + 1) * n + j];
            l->backward[t * n + i] = t + 1 < l->length ? log_sum(l->row, n) : (double)l->field->end[i];
        }
}

static double score_of(const lattice *l, const int32_t *labels) {
    double score = (double)l->field->start[labels[0]] + (double)l->field->end[labels[l->length - 1]];
    for (int64_t t = 0; t < l->length; t++) {
        score += (double)l->logits[t * l->labels + labels[t]];
        if (t) score += transition(l, labels[t - 1], labels[t]);
    }
    return score;
}

/* One chunk's gradients of the parameters; NULL where there are none. */
typedef struct gradients {
    float *transitions, *start, *end;
} gradients;

static void add(float *to, int64_t index, double value) {
    if (to) to[index] += (float)value;
}

static void add_gradients(const lattice *l, const int32_t *labels, double scale, float *d_logits, const gradients *g) {
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

/* The loss of sequence s, at least one row; its gradients are added. */
static double lose_sequence(lattice *l, const hd_crf_loss_call *c, int64_t s, const gradients *g) {
    int64_t first = c->field.layout.starts[s];
    const int32_t *targets = c->targets + first;
    l->length = c->field.layout.starts[s + 1] - first;
    l->logits = c->field.logits + first * l->labels;
    forward_pass(l);
    double loss = l->log_z - score_of(l, targets);
    if (!c->d_logits) return loss;
    backward_pass(l);
    add_gradients(l, targets, (double)c->scale, c->d_logits + first * l->labels, g);
    return loss;
}

void hd_cpu_crf_loss(hd_stream *stream, const hd_crf_loss_call *c) {
    const hd_layout *layout = &c->field.layout;
    int64_t cells = hd_layout_longest(layout) * c->field.labels;
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    double *scratch = hd_cpu_scratch(stream, (size_t)(2 * cells + c->field.labels), sizeof *scratch);
    if (!scratch) return;
    lattice l = {.field = &c->field,
                 .labels = c->field.labels,
                 .forward = scratch,
                 .backward = scratch + cells,
                 .row = scratch + 2 * cells};
    hd_cpu_chunks chunks;
    hd_cpu_chunks_of(&c->chunks, hd_layout_rows(layout), &chunks);
    for (int64_t chunk = 0, s = 0; chunk < chunks.count; chunk++) {
        gradients g = {hd_cpu_partial_sum(c->d_transitions, chunk, &c->chunks),
                       hd_cpu_partial_sum(c->d_start, chunk, &c->chunks),
                       hd_cpu_partial_sum(c->d_end, chunk, &c->chunks)};
        for (; s < layout->sequences && layout->starts[s + 1] <= chunks.starts[chunk + 1]; s++)
            if (layout->starts[s + 1] > layout->starts[s]) c->losses[chunk] += lose_sequence(&l, c, s, &g);
    }
    hd_arena_rewind(&stream->scratch, mark);
}

/* The best labels of a sequence of `length`; score and next [labels], from [length, labels]. */
static void best_labels(const hd_crf_field *field, const float *logits, int64_t length, double *score, double *next,
                        int32_t *from, int32_t *labels) {
    int64_t n = field->labels, last = 0;
    for (int64_t t = 0; t < length; t++) {
        for (int64_t j = 0; j < n; j++) {
            int64_t best = 0;
            double most = -INFINITY;
            for (int64_t i = 0; t && i < n; i++) {
                double through = score[i] + (double)field->transitions[i * n + j];
                if (through > most) most = through, best = i;
            }
            next[j] = (t ? most : (double)field->start[j]) + (double)logits[t * n + j];
            from[t * n + j] = (int32_t)best;
        }
        memcpy(score, next, (size_t)n * sizeof *score);
    }
    for (int64_t j = 0; length && j < n; j++) {
        score[j] += (double)field->end[j];
        if (score[j] > score[last]) last = j;
    }
    for (int64_t t = length - 1; t >= 0; last = from[t * n + last], t--) labels[t] = (int32_t)last;
}

void hd_cpu_crf_best(hd_stream *stream, const hd_crf_best_call *c) {
    const hd_layout *layout = &c->field.layout;
    int64_t n = c->field.labels;
    hd_arena_mark mark = hd_arena_here(&stream->scratch);
    double *score = hd_cpu_scratch(stream, (size_t)(2 * n), sizeof *score);
    int32_t *from = hd_cpu_scratch(stream, (size_t)(hd_layout_longest(layout) * n), sizeof *from);
    for (int64_t s = 0; score && from && s < layout->sequences; s++) {
        int64_t first = layout->starts[s];
        best_labels(&c->field, c->field.logits + first * n, layout->starts[s + 1] - first, score, score + n, from,
                    c->best + first);
    }
    hd_arena_rewind(&stream->scratch, mark);
}
