/* Llama (Touvron et al., 2023). Decoder only, pre-norm by root mean squares, rotary positions, gated feed-forward, grouped
 * heads of keys and values. model_type: "llama" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, R(vocabulary), NULL, NULL},
    {"hidden_size", HD_KEY_INT, R(width), NULL, NULL},
    {"intermediate_size", HD_KEY_INT, R(decoder_ffn_width), NULL, NULL},
    {"num_hidden_layers", HD_KEY_INT, R(decoder_layers), NULL, NULL},
    {"num_attention_heads", HD_KEY_INT, R(decoder_heads), NULL, NULL},
    {"num_key_value_heads", HD_KEY_COUNT, R(key_heads), "0", NULL},
    {"hidden_act", HD_KEY_ACTIVATION, R(activation), "silu", NULL},
    {"max_position_embeddings", HD_KEY_INT, R(max_positions), "2048", NULL},
    {"rms_norm_eps", HD_KEY_FLOAT, R(norm_epsilon), "1e-6", NULL},
    {"initializer_range", HD_KEY_FLOAT, R(initial_spread), "0.02", NULL},
    {"attention_dropout", HD_KEY_FLOAT, R(attention_dropout), "0.0", NULL},
    {"bos_token_id", HD_KEY_ID, R(decoder_start), "-1", NULL},
    {"eos_token_id", HD_KEY_ID, R(eos), "-1", NULL},
    {"pad_token_id", HD_KEY_ID, R(pad), "-1", NULL},
    {"attention_bias", HD_KEY_CONSTANT, 0, "false", NULL},
    {"mlp_bias", HD_KEY_CONSTANT, 0, "false", NULL},
};

static const hd_weight_name weights[] = {
    {HD_TOKEN_EMBEDDING, "model.embed_tokens.weight", 0, 0, false},
    {HD_DECODER_Q, "model.layers.{}.self_attn.q_proj", 0, 0, false},
    {HD_DECODER_K, "model.layers.{}.self_attn.k_proj", 0, 0, false},
    {HD_DECODER_V, "model.layers.{}.self_attn.v_proj", 0, 0, false},
    {HD_DECODER_OUT, "model.layers.{}.self_attn.o_proj", 0, 0, false},
    {HD_DECODER_ATTENTION_NORM, "model.layers.{}.input_layernorm", 0, 0, false},
    {HD_DECODER_FFN_GATE, "model.layers.{}.mlp.gate_proj", 0, 0, false},
    {HD_DECODER_FFN_UP, "model.layers.{}.mlp.up_proj", 0, 0, false},
    {HD_DECODER_FFN_DOWN, "model.layers.{}.mlp.down_proj", 0, 0, false},
    {HD_DECODER_FFN_NORM, "model.layers.{}.post_attention_layernorm", 0, 0, false},
    {HD_DECODER_FINAL_NORM, "model.norm", 0, 0, false},
    {HD_OUTPUT, "lm_head", 0, 0, false},
};

static const char *const aliases[] = {"lm_head.weight", NULL};

static void complete(hd_recipe *recipe) {
    recipe->positions = HD_POSITIONS_ROTARY;
    recipe->pre_norm = recipe->rms_norm = recipe->gated = recipe->without_biases = true;
}

/* The base of the angles: in an object of its own, or as older configs write it. */
static heed_status read_rotation(const hd_json *config, hd_recipe *recipe) {
    double base = 10000;
    const char *kind = "default";
    const json_t *scaling = json_object_get(config->root, "rope_scaling");
    HD_TRY(hd_json_float(config, "rope_theta", base, 1.0 + 1e-6, 1e12, &base));
    if (hd_json_has(config, "rope_parameters")) {
        hd_json rotation;
        HD_TRY(hd_json_object(config, "rope_parameters", &rotation));
        HD_TRY(hd_json_float(&rotation, "rope_theta", base, 1.0 + 1e-6, 1e12, &base));
        HD_TRY(hd_json_string(&rotation, "rope_type", kind, &kind));
    }
    if ((scaling && !json_is_null(scaling)) || (kind[0] != 'd' && kind[0]))
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: rotary positions are scaled, which heed lacks",
                       config->path);
    recipe->rotary_base = (float)base;
    return HEED_OK;
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    bool tied;
    int64_t head_width;
    HD_TRY(hd_json_bool(config, "tie_word_embeddings", false, &tied));
    HD_TRY(hd_json_int(config, "head_dim", 0, 1, 1 << 16, &head_width));
    if (head_width && head_width * recipe->decoder_heads != recipe->width)
        return hd_fail(config->context, HEED_UNSUPPORTED, "%s: %lld heads of %lld are not as wide as the model's %lld",
                       config->path, (long long)recipe->decoder_heads, (long long)head_width, (long long)recipe->width);
    recipe->untied = !tied;
    return read_rotation(config, recipe);
}

static int write(const hd_recipe *recipe, json_t *config) {
    return json_object_set_new(config, "tie_word_embeddings", json_boolean(!recipe->untied)) |
           json_object_set_new(config, "rope_theta", json_real((double)recipe->rotary_base)) |
           json_object_set_new(
               config, "rope_parameters",
               json_pack("{s:s, s:f}", "rope_type", "default", "rope_theta", (double)recipe->rotary_base));
}

static bool carries(const hd_recipe *r) {
    return r->architecture == HD_TRANSFORMER && r->head == HD_HEAD_LANGUAGE && !r->encoder_layers &&
           r->positions == HD_POSITIONS_ROTARY && r->pre_norm && r->rms_norm && r->gated && r->without_biases &&
           !r->scale_embedding && !r->embedding_norm && !r->output_bias;
}

const hd_family hd_llama = {.model_type = "llama",
                            .architectures = {[HD_HEAD_LANGUAGE] = "LlamaForCausalLM"},
                            .prefix = "model.",
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .weights = weights,
                            .weight_count = HD_COUNT(weights),
                            .aliases = aliases,
                            .complete = complete,
                            .read = read,
                            .write = write,
                            .carries = carries};
