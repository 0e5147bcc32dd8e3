/* Marian (Junczys-Dowmunt et al., 2018), the Transformer of 2017: encoder–decoder, post-norm, sinusoidal positions, one
 * embedding shared by source, target and output. model_type: "marian" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"share_encoder_decoder_embeddings", HD_KEY_CONSTANT, 0, "true", NULL},
    {"normalize_before", HD_KEY_CONSTANT, 0, "false", NULL},
    {"add_final_layer_norm", HD_KEY_CONSTANT, 0, "false", NULL},
};

static void complete(hd_recipe *recipe) {
    recipe->positions = HD_POSITIONS_SINUSOIDAL;
    recipe->norm_epsilon = 1e-5f;
    recipe->output_bias = true;
}

static bool carries(const hd_recipe *recipe) {
    return recipe->architecture == HD_TRANSFORMER && recipe->positions == HD_POSITIONS_SINUSOIDAL &&
           !recipe->pre_norm && recipe->output_bias;
}

const hd_family hd_marian = {.model_type = "marian",
                             .architectures = {[HD_HEAD_LANGUAGE] = "MarianMTModel"},
                             .base = &hd_bart_common,
                             .keys = keys,
                             .key_count = HD_COUNT(keys),
                             .complete = complete,
                             .carries = carries};
