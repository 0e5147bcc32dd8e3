/* Gemma 2 (Gemma Team, 2024). Llama with norms by 1 + gain before and after each sublayer, embeddings times √width, capped
 * scores and logits, and a window of attention in every second layer. model_type: "gemma2" */
#include "models/family.h"
#include "models/layer_types.h"
#include "models/real.h"

#include <math.h>

enum { WINDOW = 4096, MOST_SCALAR = 1 << 24 };

static const hd_config_key keys[] = {
    {"head_dim", HD_KEY_INT, DECODER(head_width), "256"},
    {"hidden_activation", HD_KEY_CHOICE, DECODER(activation), "gelu_pytorch_tanh", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "8192"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "2"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "1"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "0"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
    {"use_bidirectional_attention", HD_KEY_CONSTANT, 0, "false"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_ATTENTION_AFTER_NORM, "model.layers.{}.post_attention_layernorm"},
    {HD_MODULE_FFN_NORM, "model.layers.{}.pre_feedforward_layernorm"},
    {HD_MODULE_FFN_AFTER_NORM, "model.layers.{}.post_feedforward_layernorm"},
};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    side->norm = HD_NORM_RMS_PLUS_ONE;
    side->norm_placement = HD_NORM_BOTH;
    side->scale_embedding = true;
}

/* A cap; null: there is none. */
static heed_status read_cap(const hd_json *config, const char *key, double otherwise, float *cap) {
    double number = 0;
    bool none = json_is_null(json_object_get(config->root, key)); /* which is not the same as a missing key */
    HD_TRY(hd_json_float(config, key, none ? 0 : otherwise, 1e-6, 1e30, &number));
    *cap = (float)number;
    return HEED_OK;
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    int64_t scalar;                                                                 /* whose root divides the scores */
    if (!json_object_get(config->root, "num_key_value_heads")) side->key_heads = 4; /* null: as many as heads */
    side->biases &= ~(unsigned)HD_BIAS_FFN;
    HD_TRY(hd_json_int(config, "query_pre_attn_scalar", 256, 1, MOST_SCALAR, &scalar));
    side->score_scale = (float)(1 / sqrt((double)scalar));
    HD_TRY(read_cap(config, "attn_logit_softcapping", 50, &side->score_softcap));
    HD_TRY(read_cap(config, "final_logit_softcapping", 30, &recipe->logit_softcap));
    HD_TRY(hd_window_read(config, "sliding_window", WINDOW, side));
    hd_layer_types_every(side, 2, 1);
    return hd_layer_types_read(config, side);
}

static json_t *cap_of(float cap) { return cap > 0 ? hd_family_real(cap) : json_null(); }

/* The integer whose root divides the scores, or the nearest one. */
static json_t *scalar_of(float scale) {
    double scalar = 1 / ((double)scale * (double)scale);
    return json_integer(scalar < MOST_SCALAR ? (json_int_t)round(scalar) : 0);
}

/* Of two names for one activation, transformers computes Gemma's own one in another order. */
static int write_activation(const hd_side_recipe *side, json_t *config) {
    if (side->activation != HD_GELU_TANH) return 0;
    return json_object_set_new(config, "hidden_activation", json_string("gelu_pytorch_tanh"));
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    float scale = hd_side_score_scale(side, recipe->width);
    /* The key is required to be a number. */
    return json_object_set_new(config, "head_dim", json_integer(hd_side_head_width(side, recipe->width))) |
           json_object_set_new(config, "query_pre_attn_scalar", scalar_of(scale)) |
           json_object_set_new(config, "attn_logit_softcapping", cap_of(side->score_softcap)) |
           json_object_set_new(config, "final_logit_softcapping", cap_of(recipe->logit_softcap)) |
           json_object_set_new(config, "sliding_window", json_integer(side->window ? side->window : WINDOW)) |
           write_activation(side, config) | hd_layer_types_write(side, config);
}

const hd_family hd_gemma2 = {.model_type = "gemma2",
                             .architectures = {[HD_HEAD_LANGUAGE] = "Gemma2ForCausalLM",
                                               [HD_HEAD_CLASSIFY_TEXT] = "Gemma2ForSequenceClassification",
                                               [HD_HEAD_CLASSIFY_TOKENS] = "Gemma2ForTokenClassification",
                                               [HD_HEAD_NONE] = "Gemma2Model"},
                             .base = &hd_llama,
                             .keys = keys,
                             .key_count = HD_COUNT(keys),
                             .weights = weights,
                             .weight_count = HD_COUNT(weights),
                             .optional_biases = HD_BIAS_QKV | HD_BIAS_OUT,
                             .complete = complete,
                             .read = read,
                             .write = write};
