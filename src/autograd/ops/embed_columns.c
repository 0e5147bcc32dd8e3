/* y = E[ids]ᵀ: the embedded rows as columns. A tensor of one column is gathered in the order of the transposed one, so that
 * the gradient is that of other ops. */
#include "autograd/ops/ops.h"

static hd_layout *one_sequence(hd_pass *pass, int64_t rows) {
    hd_layout *layout = hd_pass_alloc(pass, 1, sizeof *layout);
    int32_t *starts = hd_pass_alloc(pass, 2, sizeof *starts);
    if (!layout || !starts) return NULL;
    starts[0] = 0, starts[1] = (int32_t)rows;
    *layout = (hd_layout){1, starts, NULL, NULL};
    return layout;
}

hd_tensor *hd_embed_columns(hd_pass *pass, hd_parameter *table, const int32_t *ids, int64_t count) {
    int64_t columns = table->columns;
    const hd_layout *layout = one_sequence(pass, count);
    int32_t *order = hd_pass_alloc(pass, (size_t)(columns * count), sizeof *order);
    if (!layout || !order) return NULL;
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = 0; i < count; i++) order[j * count + i] = (int32_t)(i * columns + j);
    hd_tensor *rows = hd_reshape(pass, hd_embed(pass, table, ids, layout, 1.0f, -1), 1);
    return hd_gather(pass, rows, order, columns * count, count, NULL);
}
