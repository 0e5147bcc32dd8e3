/* A recurrent layer on ragged sequences: h_t = cell(x_t, W h_{t−1} + b), the cells of device/cpu/kernels/recurrent.c.
 *
 * Sequences run together, the longest first, and the batch shrinks as they end: step t is one product of as many rows as
 * sequences are longer than t. On the way back the same steps are gone in the other order, and
 *   dW = Σ du_t h_{t−1}ᵀ,   db = Σ du_t
 * over all tokens, ascending over their rows, is one product at the end. */
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"
#include "base/parallel.h"

#include <string.h>

typedef struct recur_node {
    hd_node node;
    hd_cell cell;
    bool backwards;
    hd_parameter *weight, *bias;
    hd_tensor *x, *y;                 /* [tokens, gates · width], [tokens, width] */
    hd_recurrent_state first, last;   /* [sequences, width] */
    int64_t width, gates, kept_width; /* kept_width: numbers kept for a token */
    hd_by_length sequences;
    float *kept; /* [tokens, kept_width], or NULL */
} recur_node;

/* The state of all sequences, in the order of their lengths, and what the rows of one step are computed from. */
typedef struct stepping {
    hd_pass *pass;
    const recur_node *op;
    int64_t step;
    float *h, *c;         /* [sequences, width]; on the way back their gradients */
    float *u;             /* [running, gates · width]; on the way back du */
    float *dx, *du;       /* backward: [tokens, gates · width]; one buffer where the cell gives both the same */
    float *before;        /* backward: [tokens, width], the state before each token */
    const float *nothing; /* [width] zeros */
} stepping;

/* The row that the i-th of the running sequences has at a step, or −1 before its first. */
static int64_t row_at(const recur_node *op, int64_t i, int64_t step) {
    const int32_t *starts = op->x->layout->starts + op->sequences.order[i];
    if (step < 0) return -1;
    return op->backwards ? starts[1] - 1 - step : starts[0] + step;
}

bool hd_order_by_length(hd_pass *pass, const hd_layout *layout, hd_by_length *by_length) {
    int64_t sequences = layout->sequences, steps = hd_layout_longest(layout);
    int32_t *order = hd_pass_alloc(pass, (size_t)sequences, sizeof *order);
    int32_t *running = hd_pass_alloc(pass, (size_t)steps + 1, sizeof *running);
    int32_t *next = hd_pass_alloc(pass, (size_t)steps + 1, sizeof *next);
    if (!order || !running || !next) return false;
    memset(running, 0, (size_t)(steps + 1) * sizeof *running);
    for (int64_t s = 0; s < sequences; s++) running[layout->starts[s + 1] - layout->starts[s]]++; /* of each length */
    int32_t longer = 0;
    for (int64_t length = steps; length >= 0; length--) {
        next[length] = longer;
        longer += running[length];
        running[length] = next[length]; /* sequences longer than `length` run in step `length` */
    }
    for (int64_t s = 0; s < sequences; s++) order[next[layout->starts[s + 1] - layout->starts[s]]++] = (int32_t)s;
    *by_length = (hd_by_length){steps, order, running};
    return true;
}

/* Rows of x [sequences, width] in the order of their lengths, zeros without one. */
static void gather(const recur_node *op, const float *x, float *y) {
    for (int64_t i = 0; i < op->x->layout->sequences; i++, y += op->width)
        if (x)
            memcpy(y, x + op->sequences.order[i] * op->width, (size_t)op->width * sizeof *y);
        else
            memset(y, 0, (size_t)op->width * sizeof *y);
}

static void scatter(const recur_node *op, const float *x, float *y) {
    for (int64_t i = 0; i < op->x->layout->sequences; i++)
        memcpy(y + op->sequences.order[i] * op->width, x + i * op->width, (size_t)op->width * sizeof *y);
}

static float *new_rows(hd_pass *pass, int64_t rows, int64_t columns) {
    return hd_pass_alloc(pass, (size_t)(rows * columns), sizeof(float));
}

enum { ROWS_A_PIECE = 16, WORK_A_NUMBER = 60 };

static void for_running(const stepping *s, hd_task *task) {
    int64_t rows = s->op->sequences.running[s->step];
    hd_parallel_for(s->pass->context, (rows + ROWS_A_PIECE - 1) / ROWS_A_PIECE,
                    WORK_A_NUMBER * rows * s->op->gates * s->op->width, task, (void *)(uintptr_t)s);
}

static void forward_rows(void *argument, int64_t piece, int worker) {
    (void)worker;
    const stepping *s = argument;
    const recur_node *op = s->op;
    int64_t width = op->width, end = hd_min((piece + 1) * ROWS_A_PIECE, op->sequences.running[s->step]);
    for (int64_t i = piece * ROWS_A_PIECE; i < end; i++) {
        int64_t row = row_at(op, i, s->step);
        float *h = s->h + i * width, *c = s->c + i * width;
        hd_cell_step step = {.cell = op->cell,
                             .width = width,
                             .x = op->x->data + row * op->gates * width,
                             .u = s->u + i * op->gates * width,
                             .h_before = h,
                             .h = h,
                             .c_before = c,
                             .c = c,
                             .kept = op->kept ? op->kept + row * op->kept_width : NULL};
        s->pass->context->kernels->cell(&step);
        memcpy(op->y->data + row * width, h, (size_t)width * sizeof *h);
    }
}

static bool forward(hd_pass *pass, const recur_node *op) {
    int64_t sequences = op->x->layout->sequences;
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    stepping s = {.pass = pass,
                  .op = op,
                  .h = new_rows(pass, sequences, op->width),
                  .c = new_rows(pass, sequences, op->width),
                  .u = new_rows(pass, sequences, op->gates * op->width)};
    if (!s.h || !s.c || !s.u) return false;
    gather(op, op->first.h ? op->first.h->data : NULL, s.h);
    gather(op, op->first.c ? op->first.c->data : NULL, s.c);
    for (; s.step < op->sequences.steps; s.step++) {
        hd_arena_mark pairs = hd_arena_here(&pass->arena);
        hd_tensor h = {.rows = op->sequences.running[s.step], .columns = op->width, .data = s.h};
        hd_layer_output(pass, &h, op->weight, 0, op->weight->rows, op->bias ? op->bias->data : NULL, HD_IDENTITY, s.u);
        hd_arena_rewind(&pass->arena, pairs);
        if (pass->status != HEED_OK) return false;
        for_running(&s, forward_rows);
    }
    scatter(op, s.h, op->last.h->data);
    if (op->last.c) scatter(op, s.c, op->last.c->data);
    hd_arena_rewind(&pass->arena, mark);
    return true;
}

static void backward_rows(void *argument, int64_t piece, int worker) {
    (void)worker;
    const stepping *s = argument;
    const recur_node *op = s->op;
    const hd_kernels *kernels = s->pass->context->kernels;
    int64_t width = op->width, gates = op->gates * width,
            end = hd_min((piece + 1) * ROWS_A_PIECE, op->sequences.running[s->step]);
    for (int64_t i = piece * ROWS_A_PIECE; i < end; i++) {
        int64_t row = row_at(op, i, s->step), previous = row_at(op, i, s->step - 1);
        const float *c_before = s->nothing;
        if (op->cell == HD_LSTM && previous >= 0) c_before = op->kept + previous * op->kept_width + 4 * width;
        if (op->cell == HD_LSTM && previous < 0 && op->first.c)
            c_before = op->first.c->data + op->sequences.order[i] * width;
        float *dh = s->h + i * width, *du = s->u + i * gates;
        if (op->y->gradient) kernels->add(width, dh, op->y->gradient + row * width, dh);
        hd_cell_step step = {.cell = op->cell,
                             .width = width,
                             .h_before = s->before + row * width,
                             .c_before = c_before,
                             .h = op->y->data + row * width,
                             .kept = op->kept ? op->kept + row * op->kept_width : NULL,
                             .dh = dh,
                             .dc = s->c + i * width,
                             .dx = s->dx + row * gates,
                             .du = du,
                             .dh_before = dh};
        kernels->cell_backward(&step);
        if (s->du != s->dx) memcpy(s->du + row * gates, du, (size_t)gates * sizeof *du);
    }
}

/* The state before each token. */
static void fill_before(const recur_node *op, float *before) {
    for (int64_t step = 0; step < op->sequences.steps; step++)
        for (int64_t i = 0; i < op->sequences.running[step]; i++) {
            int64_t previous = row_at(op, i, step - 1);
            float *row = before + row_at(op, i, step) * op->width;
            const float *from = previous >= 0 ? op->y->data + previous * op->width
                                : op->first.h ? op->first.h->data + op->sequences.order[i] * op->width
                                              : NULL;
            if (from)
                memcpy(row, from, (size_t)op->width * sizeof *row);
            else
                memset(row, 0, (size_t)op->width * sizeof *row);
        }
}

enum { COLUMNS_A_PIECE = 64 };

static void sum_bias(void *argument, int64_t piece, int worker) {
    (void)worker;
    const stepping *s = argument;
    int64_t gates = s->op->gates * s->op->width, column = piece * COLUMNS_A_PIECE;
    s->pass->context->kernels->sum_rows(s->op->x->rows, gates, s->du, hd_pass_gradient(s->pass, s->op->bias), column,
                                        hd_min(column + COLUMNS_A_PIECE, gates));
}

static void give_state(hd_pass *pass, const recur_node *op, hd_tensor *state, const float *gradient) {
    float *rows = state && state->needs_gradient ? new_rows(pass, state->rows, op->width) : NULL;
    if (!rows) return;
    scatter(op, gradient, rows);
    hd_gradient_give(pass, state, rows);
}

static void backward(hd_pass *pass, hd_node *node) {
    recur_node *op = (recur_node *)node;
    hd_tensor *last_c = op->last.c;
    if (!op->y->gradient && !op->last.h->gradient && !(last_c && last_c->gradient)) return;
    int64_t sequences = op->x->layout->sequences, tokens = op->x->rows, gates = op->gates * op->width;
    float *nothing = new_rows(pass, 1, op->width);
    stepping s = {.pass = pass,
                  .op = op,
                  .h = new_rows(pass, sequences, op->width),
                  .c = new_rows(pass, sequences, op->width),
                  .u = new_rows(pass, sequences, gates),
                  .dx = new_rows(pass, tokens, gates),
                  .before = new_rows(pass, tokens, op->width),
                  .nothing = nothing};
    s.du = op->cell == HD_GRU ? new_rows(pass, tokens, gates) : s.dx;
    if (!nothing || !s.h || !s.c || !s.u || !s.dx || !s.du || !s.before) return;
    memset(nothing, 0, (size_t)op->width * sizeof *nothing);
    gather(op, op->last.h->gradient, s.h);
    gather(op, last_c ? last_c->gradient : NULL, s.c);
    fill_before(op, s.before);
    for (s.step = op->sequences.steps - 1; s.step >= 0; s.step--) {
        for_running(&s, backward_rows);
        hd_layer_input_gradient(pass, op->sequences.running[s.step], gates, s.u, op->weight, true, s.h);
    }
    hd_gradient_give(pass, op->x, s.dx);
    give_state(pass, op, op->first.h, s.h);
    give_state(pass, op, op->first.c, s.c);
    hd_tensor before = {.rows = tokens, .columns = op->width, .data = s.before};
    float *d_weight = hd_pass_gradient(pass, op->weight);
    if (d_weight) hd_layer_weight_gradient(pass, gates, s.du, &before, op->weight, d_weight);
    if (hd_pass_gradient(pass, op->bias))
        hd_parallel_for(pass->context, (gates + COLUMNS_A_PIECE - 1) / COLUMNS_A_PIECE, tokens * gates, sum_bias, &s);
}

static bool fits(hd_pass *pass, const recur_node *op, const hd_tensor *state) {
    if (!state || (state->rows == op->x->layout->sequences && state->columns == op->width)) return true;
    hd_pass_fail(pass, HEED_ARGUMENT, "a first state of [%lld, %lld] does not fit %lld sequences of width %lld",
                 (long long)state->rows, (long long)state->columns, (long long)op->x->layout->sequences,
                 (long long)op->width);
    return false;
}

static bool wants(const hd_tensor *tensor) { return tensor && tensor->needs_gradient; }

hd_tensor *hd_recur(hd_pass *pass, hd_cell cell, hd_tensor *x, hd_parameter *weight, hd_parameter *bias, bool backwards,
                    hd_recurrent_state *state) {
    if (!x) return NULL;
    recur_node op = {.cell = cell,
                     .backwards = backwards,
                     .weight = weight,
                     .bias = bias,
                     .x = x,
                     .first = *state,
                     .width = weight->columns,
                     .gates = hd_cell_gates(cell),
                     .kept_width = hd_cell_kept(cell) * weight->columns};
    if (weight->rows != op.gates * op.width || x->columns != weight->rows ||
        (bias && hd_parameter_count(bias) != weight->rows))
        return hd_pass_fail(
            pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot take rows of %lld through %lld gates", weight->name,
            (long long)weight->rows, (long long)weight->columns, (long long)x->columns, (long long)op.gates);
    if (!fits(pass, &op, state->h) || !fits(pass, &op, state->c)) return NULL;
    int64_t sequences = x->layout->sequences;
    op.y = hd_tensor_new(pass, x->rows, op.width, x->layout);
    op.last.h = hd_tensor_new(pass, sequences, op.width, NULL);
    op.last.c = cell == HD_LSTM ? hd_tensor_new(pass, sequences, op.width, NULL) : NULL;
    if (pass->status != HEED_OK || !hd_order_by_length(pass, x->layout, &op.sequences)) return NULL;
    op.y->needs_gradient = pass->recording && (x->needs_gradient || weight->trained || (bias && bias->trained) ||
                                               wants(state->h) || wants(state->c));
    op.last.h->needs_gradient = op.y->needs_gradient;
    if (op.last.c) op.last.c->needs_gradient = op.y->needs_gradient;
    if (op.y->needs_gradient && op.kept_width) {
        op.kept = new_rows(pass, x->rows, op.kept_width);
        if (!op.kept) return NULL;
    }
    if (!forward(pass, &op)) return NULL;
    recur_node *record = hd_pass_record(pass, op.y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    *state = op.last;
    return op.y;
}
