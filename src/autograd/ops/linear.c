/* y = f(x Wᵀ + b)        with g = dy f′:  dx = g W,  dW = gᵀ x and db = Σ g over tokens, ascending. */
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"
#include "base/parallel.h"

typedef struct linear_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_parameter *weight, *bias;
    hd_activation activation; /* HD_IDENTITY or HD_RELU, whose slope its output tells */
} linear_node;

enum { ELEMENTS_A_PIECE = 16384, COLUMNS_A_PIECE = 64 };

typedef struct slicing {
    const heed_context *context;
    const float *source; /* see each task */
    float *target;
    int64_t count, rows, width;
} slicing;

/* Where the output is 0 the gradient stops. */
static void mask_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const slicing *s = argument;
    int64_t start = piece * ELEMENTS_A_PIECE, count = hd_min(ELEMENTS_A_PIECE, s->count - start);
    s->context->kernels->activate_backward(HD_RELU, count, s->source + start, s->target + start, s->target + start,
                                           false);
}

static void sum_columns(void *argument, int64_t piece, int worker) {
    (void)worker;
    const slicing *s = argument;
    int64_t column = piece * COLUMNS_A_PIECE;
    s->context->kernels->sum_rows(s->rows, s->width, s->source, s->target, column,
                                  hd_min(column + COLUMNS_A_PIECE, s->width));
}

static int64_t pieces(int64_t count, int64_t size) { return (count + size - 1) / size; }

static void backward(hd_pass *pass, hd_node *node) {
    linear_node *op = (linear_node *)node;
    int64_t tokens = op->x->rows, out = op->y->columns;
    float *g = op->y->gradient;
    if (!g) return;
    if (op->activation == HD_RELU) {
        slicing s = {.context = pass->context, .source = op->y->data, .target = g, .count = tokens * out};
        hd_parallel_for(pass->context, pieces(s.count, ELEMENTS_A_PIECE), s.count, mask_piece, &s);
    }
    bool add;
    float *dx = op->x->needs_gradient ? hd_gradient(pass, op->x, &add) : NULL;
    if (dx) hd_layer_input_gradient(pass, tokens, out, g, op->weight, add, dx);
    float *d_weight = hd_pass_gradient(pass, op->weight), *d_bias = hd_pass_gradient(pass, op->bias);
    if (d_weight) hd_layer_weight_gradient(pass, out, g, op->x, op->weight, d_weight);
    slicing s = {.context = pass->context, .source = g, .target = d_bias, .rows = tokens, .width = out};
    if (d_bias) hd_parallel_for(pass->context, pieces(out, COLUMNS_A_PIECE), tokens * out, sum_columns, &s);
}

hd_tensor *hd_linear(hd_pass *pass, hd_tensor *x, hd_parameter *weight, hd_parameter *bias, hd_activation activation) {
    if (!x) return NULL;
    if (weight->columns != x->columns)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" is [%lld, %lld] and cannot take rows of %lld", weight->name,
                            (long long)weight->rows, (long long)weight->columns, (long long)x->columns);
    if (bias && hd_parameter_count(bias) != weight->rows)
        return hd_pass_fail(pass, HEED_ARGUMENT, "\"%s\" has %lld elements and cannot be added to rows of %lld",
                            bias->name, (long long)hd_parameter_count(bias), (long long)weight->rows);
    bool needs_gradient = pass->recording && (x->needs_gradient || weight->trained || (bias && bias->trained));
    /* Only identity and ReLU can be told from their output: the others are an op of their own on the way back. */
    bool apart = needs_gradient && activation > HD_RELU;
    hd_tensor *y = hd_tensor_new(pass, x->rows, weight->rows, x->layout);
    if (!y) return NULL;
    hd_layer_output(pass, x, weight, 0, weight->rows, bias ? bias->data : NULL, apart ? HD_IDENTITY : activation,
                    y->data);
    if (pass->status != HEED_OK) return NULL;
    y->needs_gradient = needs_gradient;
    linear_node *op = hd_pass_record(pass, y, sizeof *op, backward);
    if (op)
        op->x = x, op->y = y, op->weight = weight, op->bias = bias, op->activation = apart ? HD_IDENTITY : activation;
    return apart ? hd_activate(pass, y, activation) : y;
}
