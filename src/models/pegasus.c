/* Pegasus (Zhang et al., 2020): as Marian, but the norm comes before each sublayer and once more at the end of each stack.
 * model_type: "pegasus" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"normalize_before", HD_KEY_CONSTANT, 0, "true"},
    {"add_final_layer_norm", HD_KEY_CONSTANT, 0, "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_FINAL_NORM, "model.{side}.layer_norm"},
};

static void complete(hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) {
        recipe->side[i].norm_placement = HD_NORM_PRE;
        recipe->side[i].final_norm = true;
    }
}

const hd_family hd_pegasus = {
    .model_type = "pegasus",
    .architectures = {[HD_HEAD_LANGUAGE] = "PegasusForConditionalGeneration", [HD_HEAD_NONE] = "PegasusModel"},
    .base = &hd_bart_common,
    .keys = keys,
    .key_count = HD_COUNT(keys),
    .weights = weights,
    .weight_count = HD_COUNT(weights),
    .complete = complete};
