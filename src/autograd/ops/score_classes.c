/* y = x Tᵀ + b for some rows of a table T, or c tanh(y / c): the scores of a few classes at a time, for decoding. It has no
 * gradient: training goes through hd_cross_entropy. */
#include "autograd/layer_products.h"
#include "autograd/ops/ops.h"
#include "autograd/soft_cap.h"

hd_tensor *hd_score_classes(hd_pass *pass, hd_tensor *x, hd_parameter *table, const hd_parameter *bias, float soft_cap,
                            int64_t first, int64_t count) {
    if (!x) return NULL;
    if (table->columns != x->columns || first < 0 || first % HD_PANEL || first + count > table->rows)
        return hd_pass_fail(pass, HEED_ARGUMENT,
                            "\"%s\" is [%lld, %lld] and cannot score rows of %lld for %lld to %lld", table->name,
                            (long long)table->rows, (long long)table->columns, (long long)x->columns, (long long)first,
                            (long long)(first + count));
    hd_tensor *y = hd_tensor_new(pass, x->rows, count, x->layout);
    if (!y) return NULL;
    hd_layer_output(pass, x, table, first, count, bias ? bias->data + first : NULL, HD_IDENTITY, y->data);
    if (soft_cap > 0) hd_soft_cap(pass, hd_tensor_count(y), soft_cap, y->data, y->data, y->data);
    return pass->status == HEED_OK ? y : NULL;
}
