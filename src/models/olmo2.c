/* OLMo 2 (OLMo et al., 2025). Llama with norms of each sublayer's output instead of its input, and of whole rows of queries
 * and keys. model_type: "olmo2" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"rms_norm_eps", HD_KEY_FLOAT, DECODER(norm_epsilon), "1e-5"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "-1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "50279"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "1"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_Q_NORM, "model.layers.{}.self_attn.q_norm"},
    {HD_MODULE_K_NORM, "model.layers.{}.self_attn.k_norm"},
    {HD_MODULE_ATTENTION_AFTER_NORM, "model.layers.{}.post_attention_layernorm"},
    {HD_MODULE_FFN_AFTER_NORM, "model.layers.{}.post_feedforward_layernorm"},
};

static void complete(hd_recipe *recipe) {
    recipe->side[HD_DECODER].norm_placement = HD_NORM_AFTER;
    recipe->side[HD_DECODER].query_key_norm = HD_QUERY_KEY_ROWS;
}

/* There is no mlp_bias. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    recipe->side[HD_DECODER].biases &= ~(unsigned)HD_BIAS_FFN;
    return HEED_OK;
}

const hd_family hd_olmo2 = {.model_type = "olmo2",
                            .architectures = {[HD_HEAD_LANGUAGE] = "Olmo2ForCausalLM",
                                              [HD_HEAD_CLASSIFY_TEXT] = "Olmo2ForSequenceClassification",
                                              [HD_HEAD_NONE] = "Olmo2Model"},
                            .base = &hd_llama,
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .weights = weights,
                            .weight_count = HD_COUNT(weights),
                            .optional_biases = HD_BIAS_QKV | HD_BIAS_OUT,
                            .complete = complete,
                            .read = read};
