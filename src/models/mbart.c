/* mBART (Liu et al., 2020) and mBART-50 (Tang et al., 2020): BART with the norm before each sublayer, and once more at the end
 * of each stack. model_type: "mbart" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"decoder_start_token_id", HD_KEY_ID, RECIPE(decoder_start), "-1"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_FINAL_NORM, "model.{side}.layer_norm"},
};

static void complete(hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) {
        recipe->side[i].norm_placement = HD_NORM_PRE;
        recipe->side[i].final_norm = true;
    }
    recipe->starts_with_last = recipe->head != HD_HEAD_LANGUAGE;
}

/* mBART's translations begin with a language code, which the config need not name. Without one, transformers begins them with
 * the token that begins texts. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    int64_t bos;
    if (recipe->decoder_start >= 0) return HEED_OK;
    HD_TRY(hd_json_int(config, "bos_token_id", 0, 0, 1 << 24, &bos));
    recipe->decoder_start = (int32_t)bos;
    return HEED_OK;
}

const hd_family hd_mbart = {.model_type = "mbart",
                            .architectures = {[HD_HEAD_LANGUAGE] = "MBartForConditionalGeneration",
                                              [HD_HEAD_CLASSIFY_TEXT] = "MBartForSequenceClassification",
                                              [HD_HEAD_ANSWER] = "MBartForQuestionAnswering",
                                              [HD_HEAD_NONE] = "MBartModel"},
                            .base = &hd_bart,
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .weights = weights,
                            .weight_count = HD_COUNT(weights),
                            .complete = complete,
                            .read = read};
