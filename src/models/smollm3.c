/* SmolLM3 (Hugging Face, 2025). Llama without positions in every fourth layer, or in those that the config lists.
 * model_type: "smollm3" */
#include "models/family.h"
#include "models/layer_types.h"

static const hd_config_key keys[] = {
    {"num_key_value_heads", HD_KEY_INT, DECODER(key_heads), "4"},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "32768"},
    {"rope_theta", HD_KEY_FLOAT, DECODER(rotary_base), "2000000"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "128000"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "128001"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "128004"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

/* Without a list of types, a window is of the layers without positions. */
static heed_status read_window(const hd_json *config, hd_side_recipe *side) {
    bool on;
    HD_TRY(hd_json_bool(config, "use_sliding_window", false, &on));
    HD_TRY(hd_window_read(config, "sliding_window", 0, side));
    if (!on && !hd_json_has(config, "layer_types")) side->window = 0;
    for (int64_t i = 0; i < HD_SET_LAYERS; i++)
        if (!hd_layer_set_has(&side->unrotated_layers, i)) hd_layer_set_add(&side->global_layers, i);
    return hd_layer_types_read(config, side);
}

/* "no_rope_layers" has a 1 for each layer with positions. Without it, each layer with a number that is a multiple of the
 * interval, counted from 1, has none. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    int64_t interval, rotated[HD_SET_LAYERS];
    size_t count;
    HD_TRY(hd_json_int(config, "no_rope_layer_interval", 4, 1, 1 << 24, &interval));
    HD_TRY(hd_json_ints(config, "no_rope_layers", 0, 1, rotated, HD_SET_LAYERS, &count));
    if (hd_json_has(config, "no_rope_layers") && (int64_t)count < side->layers)
        return hd_json_expected(config, "no_rope_layers", "a number for each layer");
    for (int64_t i = 0; i < (count ? (int64_t)count : HD_SET_LAYERS); i++)
        if (count ? !rotated[i] : (i + 1) % interval == 0) hd_layer_set_add(&side->unrotated_layers, i);
    return read_window(config, side);
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    json_t *rotated = json_array();
    int failed = 0;
    for (int64_t i = 0; i < hd_min(side->layers, HD_SET_LAYERS); i++)
        failed |= json_array_append_new(rotated, json_integer(!hd_layer_set_has(&side->unrotated_layers, i)));
    failed |= json_object_set_new(config, "no_rope_layers", rotated);
    if (side->window)
        failed |= json_object_set_new(config, "use_sliding_window", json_true()) |
                  json_object_set_new(config, "sliding_window", json_integer(side->window));
    return hd_layer_types_write(side, config) | failed;
}

const hd_family hd_smollm3 = {.model_type = "smollm3",
                              .architectures = {[HD_HEAD_LANGUAGE] = "SmolLM3ForCausalLM",
                                                [HD_HEAD_CLASSIFY_TEXT] = "SmolLM3ForSequenceClassification",
                                                [HD_HEAD_CLASSIFY_TOKENS] = "SmolLM3ForTokenClassification",
                                                [HD_HEAD_ANSWER] = "SmolLM3ForQuestionAnswering",
                                                [HD_HEAD_NONE] = "SmolLM3Model"},
                              .base = &hd_llama,
                              .keys = keys,
                              .key_count = HD_COUNT(keys),
                              .optional_biases = HD_BIAS_ALL,
                              .read = read,
                              .write = write};
