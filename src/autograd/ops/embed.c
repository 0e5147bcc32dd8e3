/* y = s · E[ids]        dE[i] = s · Σ dy over the tokens with id i, ascending. */
#include "autograd/ops/ops.h"

typedef struct embed_node {
    hd_node node;
    hd_parameter *table;
    const int32_t *ids;
    float scale;
    int32_t padding;
    hd_tensor *y;
} embed_node;

static void backward(hd_pass *pass, hd_node *node) {
    embed_node *op = (embed_node *)node;
    float *gradient = hd_pass_gradient(pass, op->table);
    if (!gradient || !op->y->gradient) return;
    pass->stream.device->embed_backward(&pass->stream, &(hd_embed_backward_call){.rows = op->y->rows,
                                                                                 .columns = op->y->columns,
                                                                                 .ids = op->ids,
                                                                                 .scale = op->scale,
                                                                                 .padding = op->padding,
                                                                                 .dy = op->y->gradient,
                                                                                 .gradient = gradient});
}

hd_tensor *hd_embed(hd_pass *pass, hd_parameter *table, const int32_t *ids, const hd_layout *layout, float scale,
                    int32_t padding) {
    int64_t rows = hd_layout_rows(layout);
    hd_tensor *y = hd_tensor_new(pass, rows, table->columns, layout);
    if (!y) return NULL;
    for (int64_t r = 0; r < rows; r++)
        if (ids[r] < 0 || ids[r] >= table->rows)
            return hd_pass_fail(pass, HEED_ARGUMENT, "token id %d lies outside the %lld rows of \"%s\"", ids[r],
                                (long long)table->rows, table->name);
    y->needs_gradient = table->trained;
    pass->stream.device->embed(&pass->stream, &(hd_embed_call){table, rows, ids, scale, y->data});
    embed_node op = {.table = table, .ids = ids, .scale = scale, .padding = padding, .y = y};
    return hd_pass_record(pass, y, &op, sizeof op, backward);
}
