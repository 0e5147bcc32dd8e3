/* y = f(x)        dx = dy f′(x) */
#include "autograd/ops/ops.h"
#include "base/parallel.h"

typedef struct activate_node {
    hd_node node;
    hd_tensor *x, *y;
    hd_activation activation;
    float *dx; /* backward */
    bool add;
} activate_node;

enum { ELEMENTS_A_PIECE = 8192 };

typedef struct slicing {
    const heed_context *context;
    const activate_node *op;
} slicing;

static void forward_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const slicing *s = argument;
    const hd_tensor *x = s->op->x;
    int64_t start = piece * ELEMENTS_A_PIECE, count = hd_min(ELEMENTS_A_PIECE, x->rows * x->columns - start);
    s->context->kernels->activate(s->op->activation, count, x->data + start, s->op->y->data + start);
}

static void backward_piece(void *argument, int64_t piece, int worker) {
    (void)worker;
    const slicing *s = argument;
    const hd_tensor *x = s->op->x;
    int64_t start = piece * ELEMENTS_A_PIECE, count = hd_min(ELEMENTS_A_PIECE, x->rows * x->columns - start);
    s->context->kernels->activate_backward(s->op->activation, count, x->data + start, s->op->y->gradient + start,
                                           s->op->dx + start, s->op->add);
}

static void for_all(hd_pass *pass, const activate_node *op, hd_task *task) {
    slicing s = {pass->context, op};
    int64_t count = op->x->rows * op->x->columns;
    hd_parallel_for(pass->context, (count + ELEMENTS_A_PIECE - 1) / ELEMENTS_A_PIECE, 16 * count, task, &s);
}

static void backward(hd_pass *pass, hd_node *node) {
    activate_node *op = (activate_node *)node;
    if (!op->y->gradient) return;
    op->dx = hd_gradient(pass, op->x, &op->add);
    if (op->dx) for_all(pass, op, backward_piece);
}

hd_tensor *hd_activate(hd_pass *pass, hd_tensor *x, hd_activation activation) {
    if (!x) return NULL;
    hd_tensor *y = hd_tensor_new(pass, x->rows, x->columns, x->layout);
    if (!y) return NULL;
    y->needs_gradient = x->needs_gradient;
    activate_node op = {.x = x, .y = y, .activation = activation};
    for_all(pass, &op, forward_piece);
    activate_node *record = hd_pass_record(pass, y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    return y;
}
