/* Tensors side by side, y = [a | b], or one below the other. The gradient of each is its part of dy. */
#include "autograd/ops/ops.h"

typedef struct join_node {
    hd_node node;
    hd_tensor **parts; /* [count] */
    int64_t count;
    bool below;
    hd_tensor *y;
} join_node;

/* Where the next part of y begins, after `part` at `start`; its rows are y->columns apart. */
static int64_t next_start(const join_node *op, const hd_tensor *part, int64_t start) {
    return start + (op->below ? part->rows * op->y->columns : part->columns);
}

static void backward(hd_pass *pass, hd_node *node) {
    join_node *op = (join_node *)node;
    if (!op->y->gradient) return;
    for (int64_t i = 0, start = 0; i < op->count; start = next_start(op, op->parts[i], start), i++) {
        hd_tensor *part = op->parts[i];
        hd_copy_call call = {.rows = part->rows,
                             .columns = part->columns,
                             .x = op->y->gradient + start,
                             .x_row = op->y->columns,
                             .y_row = part->columns};
        call.y = hd_gradient(pass, part, &call.add);
        if (call.y) pass->stream.device->copy(&pass->stream, &call);
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
    for (int64_t i = 0, start = 0; i < count; start = next_start(&op, op.parts[i], start), i++) {
        op.parts[i] = parts[i];
        pass->stream.device->copy(&pass->stream, &(hd_copy_call){.rows = parts[i]->rows,
                                                                 .columns = parts[i]->columns,
                                                                 .x = parts[i]->data,
                                                                 .x_row = parts[i]->columns,
                                                                 .y = op.y->data + start,
                                                                 .y_row = op.y->columns});
    }
    op.y->needs_gradient = needs_gradient;
    return hd_pass_record(pass, op.y, &op, sizeof op, backward);
}

hd_tensor *hd_join_columns(hd_pass *pass, hd_tensor *a, hd_tensor *b) {
    hd_tensor *parts[] = {a, b};
    return join(pass, parts, 2, false, a ? a->layout : NULL);
}

hd_tensor *hd_join_rows(hd_pass *pass, hd_tensor *const *parts, int64_t count, const hd_layout *layout) {
    return join(pass, parts, count, true, layout);
}
