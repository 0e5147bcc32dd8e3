/* A recurrent layer on ragged sequences: h_t = cell(x_t, W h_{t−1} + b), the cells of device/cpu/kernels/recurrent.c.
 *
 * Sequences run together, the longest first, and the batch shrinks as they end: step t is one product of as many rows as
 * sequences are longer than t. Backward takes the same steps in the other order, and
 *   dW = Σ du_t h_{t−1}ᵀ,   db = Σ du_t
 * over all tokens, ascending over their rows, is one product at the end. */
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"

#include <string.h>

typedef struct recur_node {
    hd_node node;
    hd_cell cell;
    bool backwards;
    hd_parameter *weight, *bias;
    hd_tensor *x, *y;                 /* [tokens, gates · width], [tokens, width] */
    hd_recurrent_state first, last;   /* [sequences, width] */
    int64_t width, gates, kept_width; /* gates: numbers of all gates; kept_width: numbers kept for a token */
    hd_by_length sequences;
    const int32_t *tokens; /* [tokens]: the tokens of step 0, of step 1, …, each in the order of `sequences` */
    float *kept;           /* [tokens, kept_width], or NULL */
} recur_node;

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

/* The tokens that each step computes. */
static const int32_t *order_tokens(hd_pass *pass, const recur_node *op) {
    int32_t *tokens = hd_pass_alloc(pass, (size_t)op->x->rows, sizeof *tokens), *next = tokens;
    for (int64_t step = 0; tokens && step < op->sequences.steps; step++)
        for (int64_t i = 0; i < op->sequences.running[step]; i++) {
            const int32_t *starts = op->x->layout->starts + op->sequences.order[i];
            *next++ = (int32_t)(op->backwards ? starts[1] - 1 - step : starts[0] + step);
        }
    return tokens;
}

/* Rows of x [sequences, width] in the order of their lengths; zeros without x. NULL when memory ran out. */
static float *gather(hd_pass *pass, const recur_node *op, const float *x) {
    int64_t sequences = op->x->layout->sequences;
    if (!x) return hd_pass_zeros(pass, sequences, op->width);
    float *y = hd_pass_numbers(pass, sequences, op->width);
    if (y)
        pass->stream.device->gather(&pass->stream, &(hd_gather_call){sequences, op->width, op->sequences.order, x, y});
    return y;
}

static void scatter(hd_pass *pass, const recur_node *op, const float *x, float *y) {
    pass->stream.device->scatter(&pass->stream, &(hd_scatter_call){op->x->layout->sequences, op->width,
                                                                   op->sequences.order, x, y, .add = false});
}

static void forward(hd_pass *pass, const recur_node *op) {
    hd_arena_mark mark = hd_arena_here(&pass->arena);
    hd_cell_call call = {.cell = op->cell,
                         .width = op->width,
                         .rows = op->tokens,
                         .x = op->x->data,
                         .h = gather(pass, op, op->first.h ? op->first.h->data : NULL),
                         .c = gather(pass, op, op->first.c ? op->first.c->data : NULL),
                         .y = op->y->data,
                         .kept = op->kept};
    float *u = hd_pass_numbers(pass, op->x->layout->sequences, op->gates);
    call.u = u;
    for (int64_t step = 0; step < op->sequences.steps && pass->status == HEED_OK; step++, call.rows += call.count) {
        hd_arena_mark inner = hd_arena_here(&pass->arena);
        call.count = op->sequences.running[step];
        hd_tensor h = {.rows = call.count, .columns = op->width, .data = call.h};
        hd_layer_output(pass, &h, op->weight, 0, op->gates, op->bias ? op->bias->data : NULL, HD_IDENTITY, u);
        hd_arena_rewind(&pass->arena, inner);
        if (pass->status == HEED_OK) pass->stream.device->cell(&pass->stream, &call);
    }
    if (pass->status == HEED_OK) scatter(pass, op, call.h, op->last.h->data);
    if (pass->status == HEED_OK && op->last.c) scatter(pass, op, call.c, op->last.c->data);
    hd_arena_rewind(&pass->arena, mark);
}

/* The state before each token: the output of the step before, and at first the first state or zeros. */
static float *states_before(hd_pass *pass, const recur_node *op) {
    const hd_device *device = pass->stream.device;
    int64_t tokens = op->x->rows, running = op->sequences.steps ? op->sequences.running[0] : 0;
    float *before = hd_pass_numbers(pass, tokens, op->width);
    float *first = op->first.h ? gather(pass, op, op->first.h->data) : NULL;
    int32_t *previous = hd_pass_alloc(pass, (size_t)tokens, sizeof *previous);
    if (!before || !previous || pass->status != HEED_OK) return NULL;
    const int32_t *token = op->tokens;
    for (int64_t i = 0; i < running; i++) previous[token[i]] = -1;
    for (int64_t step = 0; step + 1 < op->sequences.steps; token += op->sequences.running[step++])
        for (int64_t i = 0; i < op->sequences.running[step + 1]; i++)
            previous[token[op->sequences.running[step] + i]] = token[i];
    device->gather(&pass->stream, &(hd_gather_call){tokens, op->width, previous, op->y->data, before});
    if (first)
        device->scatter(&pass->stream, &(hd_scatter_call){running, op->width, op->tokens, first, before, .add = false});
    return before;
}

static void give_state(hd_pass *pass, const recur_node *op, hd_tensor *state, const float *gradient) {
    float *rows = state && state->needs_gradient ? hd_pass_numbers(pass, state->rows, op->width) : NULL;
    if (!rows) return;
    scatter(pass, op, gradient, rows);
    hd_gradient_give(pass, state, rows);
}

static void backward_weight(hd_pass *pass, const recur_node *op, float *before, const float *du) {
    hd_tensor states = {.rows = op->x->rows, .columns = op->width, .data = before};
    float *d_weight = hd_pass_gradient(pass, op->weight), *d_bias = hd_pass_gradient(pass, op->bias);
    if (d_weight) hd_layer_weight_gradient(pass, op->gates, du, &states, op->weight, d_weight);
    if (d_bias) hd_sum_rows(pass, op->x->rows, op->gates, du, d_bias);
}

static void backward(hd_pass *pass, hd_node *node) {
    recur_node *op = (recur_node *)node;
    const hd_tensor *last_c = op->last.c;
    if (!op->y->gradient && !op->last.h->gradient && !(last_c && last_c->gradient)) return;
    float *before = states_before(pass, op);
    hd_cell_backward_call call = {.cell = op->cell,
                                  .width = op->width,
                                  .order = op->sequences.order,
                                  .first_c = op->first.c ? op->first.c->data : NULL,
                                  .before = before,
                                  .y = op->y->data,
                                  .kept = op->kept,
                                  .dy = op->y->gradient,
                                  .dh = gather(pass, op, op->last.h->gradient),
                                  .dc = gather(pass, op, last_c ? last_c->gradient : NULL),
                                  .dx = hd_pass_numbers(pass, op->x->rows, op->gates),
                                  .du = hd_pass_numbers(pass, op->x->layout->sequences, op->gates)};
    /* a GRU's candidate gives its input and its state different gradients */
    if (op->cell == HD_GRU) call.du_rows = hd_pass_numbers(pass, op->x->rows, op->gates);
    if (pass->status != HEED_OK) return;
    const int32_t *tokens = op->tokens + op->x->rows; /* past those of the last step */
    for (int64_t step = op->sequences.steps - 1; step >= 0; step--) {
        call.count = op->sequences.running[step];
        call.rows = tokens -= call.count;
        call.previous = step ? tokens - op->sequences.running[step - 1] : NULL;
        pass->stream.device->cell_backward(&pass->stream, &call);
        hd_layer_input_gradient(pass, call.count, op->gates, call.du, op->weight, true, call.dh);
    }
    hd_gradient_give(pass, op->x, call.dx);
    give_state(pass, op, op->first.h, call.dh);
    give_state(pass, op, op->first.c, call.dc);
    backward_weight(pass, op, before, call.du_rows ? call.du_rows : call.dx);
}

static bool fits(hd_pass *pass, const recur_node *op, const hd_tensor *state) {
    if (!state || (state->rows == op->x->layout->sequences && state->columns == op->width)) return true;
    hd_pass_fail(pass, HEED_ARGUMENT, "a first state of [%lld, %lld] does not fit %lld sequences of width %lld",
                 (long long)state->rows, (long long)state->columns, (long long)op->x->layout->sequences,
                 (long long)op->width);
    return false;
}

static bool needs_gradient(const hd_tensor *tensor) { return tensor && tensor->needs_gradient; }

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
                     .gates = hd_cell_gates(cell) * weight->columns,
                     .kept_width = hd_cell_kept(cell) * weight->columns};
    if (weight->rows != op.gates || x->columns != weight->rows || (bias && hd_parameter_count(bias) != weight->rows))
        return hd_pass_fail(
            pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot take rows of %lld through %lld gates", weight->name,
            (long long)weight->rows, (long long)weight->columns, (long long)x->columns, (long long)hd_cell_gates(cell));
    if (!fits(pass, &op, state->h) || !fits(pass, &op, state->c)) return NULL;
    int64_t sequences = x->layout->sequences;
    op.y = hd_tensor_new(pass, x->rows, op.width, x->layout);
    op.last.h = hd_tensor_new(pass, sequences, op.width, NULL);
    op.last.c = cell == HD_LSTM ? hd_tensor_new(pass, sequences, op.width, NULL) : NULL;
    if (pass->status != HEED_OK || !hd_order_by_length(pass, x->layout, &op.sequences)) return NULL;
    op.tokens = order_tokens(pass, &op);
    op.y->needs_gradient = pass->recording && (x->needs_gradient || weight->trained || (bias && bias->trained) ||
                                               needs_gradient(state->h) || needs_gradient(state->c));
    op.last.h->needs_gradient = op.y->needs_gradient;
    if (op.last.c) op.last.c->needs_gradient = op.y->needs_gradient;
    if (op.y->needs_gradient && op.kept_width) op.kept = hd_pass_numbers(pass, x->rows, op.kept_width);
    if (pass->status == HEED_OK) forward(pass, &op);
    *state = op.last;
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}
