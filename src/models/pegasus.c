/* Pegasus (Zhang et al., 2020): as Marian, but the norm comes before each sublayer and once more at the end of each stack.
 * model_type: "pegasus" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"normalize_before", HD_KEY_CONSTANT, 0, "true", NULL},
    {"add_final_layer_norm", HD_KEY_CONSTANT, 0, "true", NULL},
};

static const hd_weight_name weights[] = {
    {HD_ENCODER_FINAL_NORM, "model.encoder.layer_norm", 0, 0, false},
    {HD_DECODER_FINAL_NORM, "model.decoder.layer_norm", 0, 0, false},
};

static void complete(hd_recipe *recipe) {
    recipe->positions = HD_POSITIONS_SINUSOIDAL;
    recipe->pre_norm = true;
    recipe->norm_epsilon = 1e-5f;
    recipe->output_bias = true;
}

static bool carries(const hd_recipe *recipe) {
    return recipe->architecture == HD_TRANSFORMER && recipe->positions == HD_POSITIONS_SINUSOIDAL && recipe->pre_norm &&
           recipe->output_bias;
}

const hd_family hd_pegasus = {.model_type = "pegasus",
                              .architectures = {[HD_HEAD_LANGUAGE] = "PegasusForConditionalGeneration"},
                              .base = &hd_bart_common,
                              .keys = keys,
                              .key_count = HD_COUNT(keys),
                              .weights = weights,
                              .weight_count = HD_COUNT(weights),
                              .complete = complete,
                              .carries = carries};
