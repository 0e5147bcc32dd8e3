/* Qwen3 (Yang et al., 2025). Llama with norms of each head's query and key, and heads of a width of their own.
 * model_type: "qwen3" */
#include "models/family.h"
#include "models/layer_types.h"

static const hd_config_key keys[] = {
    {"head_dim", HD_KEY_INT, DECODER(head_width), "128"},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "32768"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_Q_NORM, "model.layers.{}.self_attn.q_norm"},
    {HD_MODULE_K_NORM, "model.layers.{}.self_attn.k_norm"},
};

static void complete(hd_recipe *recipe) { recipe->side[HD_DECODER].query_key_norm = HD_QUERY_KEY_HEADS; }

/* There is no mlp_bias. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    recipe->side[HD_DECODER].biases &= ~(unsigned)HD_BIAS_FFN;
    return hd_switched_window_read(config, &recipe->side[HD_DECODER]);
}

/* The key is required to be a number. */
static int write(const hd_recipe *recipe, json_t *config) {
    int64_t head_width = hd_side_head_width(&recipe->side[HD_DECODER], recipe->width);
    return json_object_set_new(config, "head_dim", json_integer(head_width)) |
           hd_switched_window_write(&recipe->side[HD_DECODER], config);
}

const hd_family hd_qwen3 = {.model_type = "qwen3",
                            .architectures = {[HD_HEAD_LANGUAGE] = "Qwen3ForCausalLM",
                                              [HD_HEAD_CLASSIFY_TEXT] = "Qwen3ForSequenceClassification",
                                              [HD_HEAD_CLASSIFY_TOKENS] = "Qwen3ForTokenClassification",
                                              [HD_HEAD_ANSWER] = "Qwen3ForQuestionAnswering",
                                              [HD_HEAD_NONE] = "Qwen3Model"},
                            .base = &hd_llama,
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .weights = weights,
                            .weight_count = HD_COUNT(weights),
                            .optional_biases = HD_BIAS_QKV | HD_BIAS_OUT,
                            .complete = complete,
                            .read = read,
                            .write = write};
