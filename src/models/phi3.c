/* Phi-3 (Abdin et al., 2024) and Phi-4. Llama with queries, keys and values stored as one matrix of unequal parts, and so the
 * two halves of the feed-forward layer; no biases. The scaling of positions is LongRoPE. model_type: "phi3" */
#include "models/family.h"
#include "models/rotary.h"

static const hd_config_key keys[] = {
    {"embd_pdrop", HD_KEY_FLOAT, RECIPE(dropout), "0.0"},
    {"resid_pdrop", HD_KEY_FLOAT, RECIPE(dropout), "0.0"},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "4096"},
    {"original_max_position_embeddings", HD_KEY_INT, DECODER(rotary_scaling.original_positions), "4096"},
    {"sliding_window", HD_KEY_OPTIONAL, DECODER(window)},
    {"rms_norm_eps", HD_KEY_FLOAT, DECODER(norm_epsilon), "1e-5"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "32000"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "32000"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_Q, "model.layers.{}.self_attn.qkv_proj", 0, 3},
    {HD_MODULE_K, "model.layers.{}.self_attn.qkv_proj", 1, 3},
    {HD_MODULE_V, "model.layers.{}.self_attn.qkv_proj", 2, 3},
    {HD_MODULE_FFN_GATE, "model.layers.{}.mlp.gate_up_proj", 0, 2},
    {HD_MODULE_FFN_UP, "model.layers.{}.mlp.gate_up_proj", 1, 2},
};

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    recipe->side[HD_DECODER].biases = 0;
    return HEED_OK;
}

const hd_family hd_phi3 = {.model_type = "phi3",
                           .architectures = {[HD_HEAD_LANGUAGE] = "Phi3ForCausalLM",
                                             [HD_HEAD_CLASSIFY_TEXT] = "Phi3ForSequenceClassification",
                                             [HD_HEAD_CLASSIFY_TOKENS] = "Phi3ForTokenClassification",
                                             [HD_HEAD_NONE] = "Phi3Model"},
                           .base = &hd_llama,
                           .keys = keys,
                           .key_count = HD_COUNT(keys),
                           .weights = weights,
                           .weight_count = HD_COUNT(weights),
                           .rotation = HD_ROTATION_STATED | HD_ROTATION_PARTIAL | HD_ROTATION_LONGROPE,
                           .read = read};
