/* What every stored weight must be, whatever reads it. */
#include "formats/widen.h"
#include "models/model.h"

heed_status hd_model_expect_weight(heed_context *context, const hd_stored_tensor *stored) {
    if (!stored->unread && hd_dtypes[stored->dtype].widen) return HEED_OK;
    return hd_fail(context, HEED_UNSUPPORTED, "%s: tensor \"%s\" is %s, expected floats", stored->file, stored->name,
                   hd_dtype_name(stored->dtype));
}

heed_status hd_model_expect_finite(heed_context *context, const hd_stored_tensor *stored) {
    int64_t bad = hd_find_nonfinite(stored->dtype, stored->data, stored->count);
    if (bad < 0) return HEED_OK;
    int64_t width = hd_max(stored->dimensions ? stored->shape[stored->dimensions - 1] : 1, 1);
    return hd_fail(context, HEED_NUMERIC, "%s: tensor \"%s\" has a NaN or an infinity at [%lld, %lld]", stored->file,
                   stored->name, (long long)(bad / width), (long long)(bad % width));
}
