/* Mistral (Jiang et al., 2023). Llama without biases, with a window of attention in every layer or in none.
 * model_type: "mistral" */
#include "models/family.h"
#include "models/layer_types.h"

static const hd_config_key keys[] = {
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "131072"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "2"},
};

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    if (!json_object_get(config->root, "num_key_value_heads")) side->key_heads = 8; /* null: as many as heads */
    side->biases = 0; /* whatever attention_bias and mlp_bias say */
    if (hd_json_has(config, "layer_types"))
        return hd_fail(config->context, HEED_UNSUPPORTED,
                       "%s: \"layer_types\", of which a model of type \"mistral\" has none", config->path);
    return hd_window_read(config, "sliding_window", 4096, side);
}

static int write(const hd_recipe *recipe, json_t *config) {
    int64_t window = hd_side_window(&recipe->side[HD_DECODER], 0);
    return json_object_set_new(config, "sliding_window", window ? json_integer(window) : json_null());
}

const hd_family hd_mistral = {.model_type = "mistral",
                              .architectures = {[HD_HEAD_LANGUAGE] = "MistralForCausalLM",
                                                [HD_HEAD_CLASSIFY_TEXT] = "MistralForSequenceClassification",
                                                [HD_HEAD_CLASSIFY_TOKENS] = "MistralForTokenClassification",
                                                [HD_HEAD_ANSWER] = "MistralForQuestionAnswering",
                                                [HD_HEAD_NONE] = "MistralModel"},
                              .prefixes = {[HD_HEAD_ANSWER] = "model."},
                              .base = &hd_llama,
                              .keys = keys,
                              .key_count = HD_COUNT(keys),
                              .read = read,
                              .write = write};
