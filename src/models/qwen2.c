/* Qwen2 (Yang et al., 2024). Llama with biases on queries, keys and values. model_type: "qwen2" */
#include "models/family.h"
#include "models/layer_types.h"

static const hd_config_key keys[] = {
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "32768"},
};

/* Whatever attention_bias and mlp_bias say. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    recipe->side[HD_DECODER].biases = HD_BIAS_QKV;
    return hd_switched_window_read(config, &recipe->side[HD_DECODER]);
}

static int write(const hd_recipe *recipe, json_t *config) {
    return json_object_set_new(config, "attention_bias", json_true()) |
           json_object_set_new(config, "mlp_bias", json_false()) |
           hd_switched_window_write(&recipe->side[HD_DECODER], config);
}

static const hd_tokenizer_kind tokenizer = HD_KIND_QWEN_BYTE_BPE;

const hd_family hd_qwen2 = {.model_type = "qwen2",
                            .architectures = {[HD_HEAD_LANGUAGE] = "Qwen2ForCausalLM",
                                              [HD_HEAD_CLASSIFY_TEXT] = "Qwen2ForSequenceClassification",
                                              [HD_HEAD_CLASSIFY_TOKENS] = "Qwen2ForTokenClassification",
                                              [HD_HEAD_ANSWER] = "Qwen2ForQuestionAnswering",
                                              [HD_HEAD_NONE] = "Qwen2Model"},
                            .base = &hd_llama,
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .tokenizer = &tokenizer,
                            .one_tokenizer = true,
                            .read = read,
                            .write = write};
