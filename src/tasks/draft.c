/* A model that proposes tokens for another one. */
#include "decode/draft.h"
#include "models/model.h"

#include <string.h>

static bool same_token(const heed_tokenizer *a, const heed_tokenizer *b, int32_t id) {
    const char *x = hd_tokenizer_token(a, id), *y = hd_tokenizer_token(b, id);
    return !x == !y && (!x || strcmp(x, y) == 0);
}

/* The first token that differs; −1: none does. */
static int32_t find_difference(const heed_tokenizer *a, const heed_tokenizer *b) {
    int32_t size = (int32_t)hd_max((int64_t)hd_tokenizer_size(a), (int64_t)hd_tokenizer_size(b));
    for (int32_t id = 0; a != b && id < size; id++)
        if (!same_token(a, b, id)) return id;
    return -1;
}

static heed_status check_tokens(const heed_model *model, const heed_tokenizer *own, const heed_tokenizer *drafts) {
    if (!own || !drafts) return HEED_OK;
    int32_t id = find_difference(own, drafts);
    if (id < 0) return HEED_OK;
    const char *token = hd_tokenizer_token(own, id), *other = hd_tokenizer_token(drafts, id);
    return hd_fail(model->context, HEED_ARGUMENT,
                   "the draft model has another tokenizer: token %d is \"%s\", but \"%s\" in the model", id,
                   other ? other : "", token ? token : "");
}

heed_status heed_model_set_draft(heed_model *model, const heed_model *draft) {
    model->draft = NULL;
    if (!draft) return HEED_OK;
    HD_TRY(hd_draft_check(model->context, &draft->network->recipe, &model->network->recipe));
    HD_TRY(check_tokens(model, model->tokenizer, draft->tokenizer));
    HD_TRY(check_tokens(model, model->target_tokenizer, draft->target_tokenizer));
    model->draft = draft;
    return HEED_OK;
}
