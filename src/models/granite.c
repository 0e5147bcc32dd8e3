/* Granite (IBM, 2024). Llama with four factors: of embeddings, of attention's scores in place of 1/√(head width), of each
 * sublayer's output, and of the logits. model_type: "granite" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"embedding_multiplier", HD_KEY_SCALE, DECODER(embedding_scale), "1.0"},
    {"attention_multiplier", HD_KEY_SCALE, DECODER(score_scale), "1.0"},
    {"residual_multiplier", HD_KEY_SCALE, DECODER(residual_scale), "1.0"},
    {"logits_scaling", HD_KEY_INVERSE, RECIPE(logit_scale), "1.0"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "2"},
};

const hd_family hd_granite = {
    .model_type = "granite",
    .architectures = {[HD_HEAD_LANGUAGE] = "GraniteForCausalLM", [HD_HEAD_NONE] = "GraniteModel"},
    .base = &hd_llama,
    .keys = keys,
    .key_count = HD_COUNT(keys),
    .optional_biases = HD_BIAS_ALL};
