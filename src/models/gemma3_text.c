/* Gemma 3 (Gemma Team, 2025), and EmbeddingGemma, whose tokens attend in both directions: an encoder. Gemma 2 with norms of
 * each head's query and key, without a cap of the scores, with a window in five of six layers, and with rotary positions of
 * another base in these. model_type: "gemma3_text" */
#include "models/family.h"
#include "models/layer_types.h"
#include "models/rotary.h"

static const char BIDIRECTIONAL[] = "use_bidirectional_attention", CAP[] = "final_logit_softcapping";

static const hd_config_key keys[] = {
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "131072"},
    {"rope_theta", HD_KEY_FLOAT, DECODER(rotary_base), "1000000"},
    {"rope_local_base_freq", HD_KEY_FLOAT, DECODER(local_rotary_base), "10000"},
    {BIDIRECTIONAL, HD_KEY_BIDIRECTIONAL, 0, "false"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_Q_NORM, "model.layers.{}.self_attn.q_norm"},
    {HD_MODULE_K_NORM, "model.layers.{}.self_attn.k_norm"},
};

static void complete(hd_recipe *recipe) { recipe->side[HD_DECODER].query_key_norm = HD_QUERY_KEY_HEADS; }

/* transformers ignores attn_logit_softcapping here. In both directions, the config's window is of both together. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    int64_t every;
    bool bidirectional;
    side->score_softcap = 0;
    if (!hd_json_has(config, CAP)) recipe->logit_softcap = 0;
    HD_TRY(hd_json_bool(config, BIDIRECTIONAL, false, &bidirectional));
    if (bidirectional && side->window) side->window = side->window / 2 + 1;
    HD_TRY(hd_json_int(config, "sliding_window_pattern", 6, 1, 1 << 24, &every));
    hd_layer_types_every(side, every, every - 1);
    return hd_layer_types_read(config, side);
}

static int write(const hd_recipe *recipe, json_t *config) {
    int64_t window = recipe->side[HD_DECODER].window;
    bool bidirectional = json_is_true(json_object_get(config, BIDIRECTIONAL));
    return bidirectional && window > 1 ? json_object_set_new(config, "sliding_window", json_integer(2 * (window - 1)))
                                       : 0;
}

const hd_family hd_gemma3_text = {.model_type = "gemma3_text",
                                  .architectures = {[HD_HEAD_LANGUAGE] = "Gemma3ForCausalLM",
                                                    [HD_HEAD_CLASSIFY_TEXT] = "Gemma3TextForSequenceClassification",
                                                    [HD_HEAD_NONE] = "Gemma3TextModel"},
                                  .base = &hd_gemma2,
                                  .keys = keys,
                                  .key_count = HD_COUNT(keys),
                                  .weights = weights,
                                  .weight_count = HD_COUNT(weights),
                                  .optional_biases = HD_BIAS_QKV | HD_BIAS_OUT,
                                  .rotation = HD_ROTATION_STATED | HD_ROTATION_LAYERS,
                                  .complete = complete,
                                  .read = read,
                                  .write = write};
