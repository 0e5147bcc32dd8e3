/* Layer norm, y = (x − mean) / √(variance + ε) · gain + bias, and without a bias the root-mean-square norm. The
 * gradients stand beside their kernels (device/cpu/kernels/rows.c). */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

typedef struct norm_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_parameter *gain, *bias;
    float epsilon;
    float *statistics; /* [rows, 2] or [rows] */
    float *dx;         /* backward */
    bool add;
} norm_node;

enum { ROWS_A_PIECE = 64, COLUMNS_A_PIECE = 32 };

typedef struct slicing {
    const heed_context *context;
    const norm_node *op;
    float *d_gain, *d_bias;
} slicing;

static void forward_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const slicing *s = argument;
    const norm_node *op = s->op;
    int64_t width = op->x->columns, row = piece * ROWS_A_PIECE, rows = hd_min(ROWS_A_PIECE, op->x->rows - row);
    const float *x = op->x->data + row * width, *gain = op->gain->data;
    float *y = op->y->data + row * width;
    if (op->bias)
        s->context->kernels->layer_norm(rows, width, op->epsilon, x, gain, op->bias->data, y,
                                        op->statistics ? op->statistics + 2 * row : NULL);
    else
        s->context->kernels->rms_norm(rows, width, op->epsilon, x, gain, y,
                                      op->statistics ? op->statistics + row : NULL);
}

static void backward_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const slicing *s = argument;
    const norm_node *op = s->op;
    int64_t width = op->x->columns, row = piece * ROWS_A_PIECE, rows = hd_min(ROWS_A_PIECE, op->x->rows - row);
    const float *x = op->x->data + row * width, *gain = op->gain->data, *dy = op->y->gradient + row * width;
    float *dx = op->dx + row * width;
    if (op->bias)
        s->context->kernels->layer_norm_backward(rows, width, x, op->statistics + 2 * row, gain, dy, dx, op->add);
    else
        s->context->kernels->rms_norm_backward(rows, width, x, op->statistics + row, gain, dy, dx, op->add);
}

static void gain_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const slicing *s = argument;
    const norm_node *op = s->op;
    int64_t width = op->x->columns, column = piece * COLUMNS_A_PIECE, end = hd_min(column + COLUMNS_A_PIECE, width);
    if (op->bias)
        s->context->kernels->layer_norm_backward_gain(op->x->rows, width, op->x->data, op->statistics, op->y->gradient,
                                                      s->d_gain, s->d_bias, column, end);
    else
        s->context->kernels->rms_norm_backward_gain(op->x->rows, width, op->x->data, op->statistics, op->y->gradient,
                                                    s->d_gain, column, end);
}

static void backward(hd_pass *pass, hd_node *node) {
    norm_node *op = (norm_node *)node;
    if (!op->y->gradient) return;
    slicing s = {.context = pass->context,
                 .op = op,
                 .d_gain = hd_pass_gradient(pass, op->gain),
                 .d_bias = hd_pass_gradient(pass, op->bias)};
    if (op->x->needs_gradient) {
        op->dx = hd_gradient(pass, op->x, &op->add);
        if (!op->dx) return;
        hd_parallel_for(pass->context, (op->x->rows + ROWS_A_PIECE - 1) / ROWS_A_PIECE,
                        8 * op->x->rows * op->x->columns, backward_piece, &s);
    }
    if (!s.d_gain && !s.d_bias) return;
    hd_parallel_for(pass->context, (op->x->columns + COLUMNS_A_PIECE - 1) / COLUMNS_A_PIECE,
                    2 * op->x->rows * op->x->columns, gain_piece, &s);
}

hd_tensor *hd_norm(hd_pass *pass, hd_tensor *x, hd_parameter *gain, hd_parameter *bias, float epsilon) {
    if (!x) return NULL;
    if (gain->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" has %lld elements and cannot scale rows of %lld", gain->name,
                            (long long)gain->columns, (long long)x->columns);
    if (bias && bias->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" has %lld elements and cannot be added to rows of %lld",
                            bias->name, (long long)bias->columns, (long long)x->columns);
    hd_tensor *y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!y) return NULL;
    y->needs_gradient = x->needs_gradient || gain->trained || (bias && bias->trained);
    norm_node op = {.x = x, .y = y, .gain = gain, .bias = bias, .epsilon = epsilon};
    if (pass->recording && y->needs_gradient) {
        op.statistics = hd_pass_alloc(pass, (size_t)x->rows * 2, sizeof(float));
        if (!op.statistics) return NULL;
    }
    slicing s = {.context = pass->context, .op = &op};
    hd_parallel_for(pass->context, (x->rows + ROWS_A_PIECE - 1) / ROWS_A_PIECE, 4 * x->rows * x->columns, forward_piece,
                    &s);
    norm_node *record = hd_pass_record(pass, y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    return y;
}
