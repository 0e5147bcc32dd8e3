/* Qwen2 (Yang et al., 2024). Llama with biases on queries, keys and values. model_type: "qwen2" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"attention_bias", HD_KEY_CONSTANT, 0, "true"},
    {"use_sliding_window", HD_KEY_CONSTANT, 0, "false"},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "32768"},
};

static void complete(hd_recipe *recipe) { recipe->side[HD_DECODER].biases = HD_BIAS_QKV; }

static const hd_tokenizer_kind tokenizer = HD_KIND_QWEN_BYTE_BPE;

const hd_family hd_qwen2 = {.model_type = "qwen2",
                            .architectures = {[HD_HEAD_LANGUAGE] = "Qwen2ForCausalLM"},
                            .base = &hd_llama,
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .tokenizer = &tokenizer,
                            .one_tokenizer = true,
                            .complete = complete};
