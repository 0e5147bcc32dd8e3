/* Tensors side by side, y = [a | b], or one below the other. The gradient of each is its part of dy. */
#include "autograd/ops/ops.h"

#include <string.h>

typedef struct join_node {
    hd_node node;
    hd_tensor **parts; /* [count] */
    int64_t count;
    bool below;
    hd_tensor *y;
} join_node;

/* Where part of y a part is: its first row begins at *at, and rows are y->columns apart. */
static void pass_over(const join_node *op, const hd_tensor *part, int64_t *at) {
    *at += op->below ? part->rows * op->y->columns : part->columns;
}

static void backward(hd_pass *pass, hd_node *node) {
    join_node *op = (join_node *)node;
    if (!op->y->gradient) return;
    for (int64_t i = 0, at = 0; i < op->count; pass_over(op, op->parts[i], &at), i++) {
        hd_tensor *part = op->parts[i];
        bool add;
        float *dx = hd_gradient(pass, part, &add);
        for (int64_t r = 0; dx && r < part->rows; r++) {
            float *row = dx + r * part->columns, *from = op->y->gradient + at + r * op->y->columns;
            if (add)
                pass->context->kernels->add(part->columns, row, from, row);
            else
                memcpy(row, from, (size_t)part->columns * sizeof *row);
        }
    }
}

static hd_tensor *join(hd_pass *pass, hd_tensor *const *parts, int64_t count, bool below, const hd_layout *layout) {
    int64_t rows = 0, columns = 0;
    bool needs_gradient = false;
    for (int64_t i = 0; i < count; i++) {
        if (!parts[i]) return NULL;
        if (below ? parts[i]->columns != parts[0]->columns : parts[i]->rows != parts[0]->rows)
            return hd_pass_fail(pass, HEED_ARGUMENT, "[%lld, %lld] cannot be joined to [%lld, %lld]",
                                (long long)parts[i]->rows, (long long)parts[i]->columns, (long long)parts[0]->rows,
                                (long long)parts[0]->columns);
        rows += parts[i]->rows;
        columns += parts[i]->columns;
        needs_gradient |= parts[i]->needs_gradient;
    }
    join_node op = {.count = count, .below = below};
    op.parts = hd_pass_alloc(pass, (size_t)count, sizeof *op.parts);
    op.y = hd_tensor_new(pass, below ? rows : parts[0]->rows, below ? parts[0]->columns : columns, layout);
    if (!op.parts || !op.y) return NULL;
    for (int64_t i = 0, at = 0; i < count; pass_over(&op, op.parts[i], &at), i++) {
        op.parts[i] = parts[i];
        for (int64_t r = 0; r < parts[i]->rows; r++)
            memcpy(op.y->data + at + r * op.y->columns, parts[i]->data + r * parts[i]->columns,
                   (size_t)parts[i]->columns * sizeof(float));
    }
    op.y->needs_gradient = needs_gradient;
    join_node *record = hd_pass_record(pass, op.y, sizeof *record, backward);
    if (record) {
        op.node = record->node;
        *record = op;
    }
    return op.y;
}

hd_tensor *hd_join_columns(hd_pass *pass, hd_tensor *a, hd_tensor *b) {
    hd_tensor *parts[] = {a, b};
    return join(pass, parts, 2, false, a ? a->layout : NULL);
}

hd_tensor *hd_join_rows(hd_pass *pass, hd_tensor *const *parts, int64_t count, const hd_layout *layout) {
    return join(pass, parts, count, true, layout);
}
