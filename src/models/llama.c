/* Llama (Touvron et al., 2023). Decoder only, pre-norm by root mean squares, rotary positions, gated feed-forward, grouped
 * heads of keys and values. model_type: "llama" */
#include "models/family.h"
#include "models/rotary.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"intermediate_size", HD_KEY_INT, DECODER(ffn_width), NULL},
    {"num_hidden_layers", HD_KEY_INT, DECODER(layers), NULL},
    {"num_attention_heads", HD_KEY_INT, DECODER(heads), NULL},
    {"num_key_value_heads", HD_KEY_OPTIONAL, DECODER(key_heads)},
    {"head_dim", HD_KEY_OPTIONAL, DECODER(head_width)},
    {"hidden_act", HD_KEY_CHOICE, DECODER(activation), "silu", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "2048"},
    {"rope_theta", HD_KEY_FLOAT, DECODER(rotary_base), "10000"},
    {"rms_norm_eps", HD_KEY_FLOAT, DECODER(norm_epsilon), "1e-6"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"attention_dropout", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.0"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "-1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "-1"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "-1"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "false"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "model.embed_tokens.weight"},
    {HD_MODULE_Q, "model.layers.{}.self_attn.q_proj"},
    {HD_MODULE_K, "model.layers.{}.self_attn.k_proj"},
    {HD_MODULE_V, "model.layers.{}.self_attn.v_proj"},
    {HD_MODULE_OUT, "model.layers.{}.self_attn.o_proj"},
    {HD_MODULE_ATTENTION_NORM, "model.layers.{}.input_layernorm"},
    {HD_MODULE_FFN_GATE, "model.layers.{}.mlp.gate_proj"},
    {HD_MODULE_FFN_UP, "model.layers.{}.mlp.up_proj"},
    {HD_MODULE_FFN_DOWN, "model.layers.{}.mlp.down_proj"},
    {HD_MODULE_FFN_NORM, "model.layers.{}.post_attention_layernorm"},
    {HD_MODULE_FINAL_NORM, "model.norm"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head"},
    {HD_MODULE_TEXT_OUTPUT, "score"},
    {HD_MODULE_OUTPUT, "score"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static const char *const aliases[] = {"lm_head.weight", NULL};

/* Some files lack the prefix; that which answers has another one. */
static const hd_respelling respellings[] = {{"model.", ""}, {"model.", "transformer."}, {NULL, NULL}};

/* heed's own models share one table between input and output. */
static const char fresh[] = "{\"rms_norm_eps\": 1e-5, \"tie_word_embeddings\": true}";

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    side->positions = HD_POSITIONS_ROTARY;
    side->norm = HD_NORM_RMS;
    side->norm_placement = HD_NORM_PRE;
    side->final_norm = true;
    side->gated = true;
    hd_family_score_last(recipe);
}

enum { ATTENTION_BIASES = HD_BIAS_QKV | HD_BIAS_OUT };

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    bool attention, ffn;
    HD_TRY(hd_json_bool(config, "attention_bias", false, &attention));
    HD_TRY(hd_json_bool(config, "mlp_bias", false, &ffn));
    recipe->side[HD_DECODER].biases = (attention ? ATTENTION_BIASES : 0) | (ffn ? HD_BIAS_FFN : 0);
    if (recipe->head == HD_HEAD_CLASSIFY_TOKENS) {
        bool bias;
        HD_TRY(hd_json_bool(config, "token_classification_bias", true, &bias));
        recipe->head_output_unbiased = !bias;
    }
    return HEED_OK;
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    bool unbiased = recipe->head == HD_HEAD_CLASSIFY_TOKENS && recipe->head_output_unbiased;
    if (unbiased && json_object_set_new(config, "token_classification_bias", json_false()) != 0) return -1;
    return json_object_set_new(config, "num_key_value_heads", json_integer(hd_side_key_heads(side))) |
           json_object_set_new(config, "attention_bias", json_boolean((side->biases & ATTENTION_BIASES) != 0)) |
           json_object_set_new(config, "mlp_bias", json_boolean((side->biases & HD_BIAS_FFN) != 0));
}

const hd_family hd_llama = {.model_type = "llama",
                            .architectures = {[HD_HEAD_LANGUAGE] = "LlamaForCausalLM",
                                              [HD_HEAD_CLASSIFY_TEXT] = "LlamaForSequenceClassification",
                                              [HD_HEAD_CLASSIFY_TOKENS] = "LlamaForTokenClassification",
                                              [HD_HEAD_ANSWER] = "LlamaForQuestionAnswering",
                                              [HD_HEAD_NONE] = "LlamaModel"},
                            .prefix = "model.",
                            .prefixes = {[HD_HEAD_ANSWER] = "transformer."},
                            .respellings = respellings,
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .weights = weights,
                            .weight_count = HD_COUNT(weights),
                            .aliases = aliases,
                            .rotation = HD_ROTATION_STATED,
                            .optional_biases = HD_BIAS_ALL,
                            .fresh = fresh,
                            .complete = complete,
                            .read = read,
                            .write = write};
