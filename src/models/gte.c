/* GTE (Zhang et al., 2024). Encoder only, post-norm, rotary positions, gated feed-forward with a bias after the activation
 * alone. model_type: "gte"; "new" in the files of Alibaba-NLP, which transformers opens with their own code. */
#include "models/family.h"
#include "models/rotary.h"

#include <string.h>

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"num_hidden_layers", HD_KEY_INT, ENCODER(layers), NULL},
    {"num_attention_heads", HD_KEY_INT, ENCODER(heads), NULL},
    {"head_dim", HD_KEY_OPTIONAL, ENCODER(head_width)},
    {"intermediate_size", HD_KEY_INT, ENCODER(ffn_width), NULL},
    {"hidden_act", HD_KEY_CHOICE, ENCODER(activation), "gelu", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, ENCODER(max_positions), "8192"},
    {"rope_theta", HD_KEY_FLOAT, ENCODER(rotary_base), "160000"},
    {"type_vocab_size", HD_KEY_COUNT, ENCODER(token_types), "1"},
    {"layer_norm_eps", HD_KEY_FLOAT, ENCODER(norm_epsilon), "1e-12"},
    {"hidden_dropout_prob", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"hidden_dropout_prob", HD_KEY_FLOAT, RECIPE(activation_dropout), "0.1"},
    {"attention_probs_dropout_prob", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.0"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "1"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

/* First the names of the files; then those of transformers' classes (conversion_mapping.py of 5.24), which are in files that
 * it saved without its conversion; last the queries, keys and values of a config without "pack_qkv". */
static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "gte.embeddings.word_embeddings.weight"},
    {HD_MODULE_TOKEN_TYPES, "gte.embeddings.token_type_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "gte.embeddings.LayerNorm"},
    {HD_MODULE_Q, "gte.encoder.layer.{}.attention.qkv_proj", 0, 3},
    {HD_MODULE_K, "gte.encoder.layer.{}.attention.qkv_proj", 1, 3},
    {HD_MODULE_V, "gte.encoder.layer.{}.attention.qkv_proj", 2, 3},
    {HD_MODULE_OUT, "gte.encoder.layer.{}.attention.o_proj"},
    {HD_MODULE_ATTENTION_NORM, "gte.encoder.layer.{}.attn_ln"},
    {HD_MODULE_FFN_UP, "gte.encoder.layer.{}.mlp.up_gate_proj", 0, 2},
    {HD_MODULE_FFN_GATE, "gte.encoder.layer.{}.mlp.up_gate_proj", 1, 2},
    {HD_MODULE_FFN_DOWN, "gte.encoder.layer.{}.mlp.down_proj"},
    {HD_MODULE_FFN_NORM, "gte.encoder.layer.{}.mlp_ln"},
    {HD_MODULE_HEAD_DENSE, "lm_head.dense"},
    {HD_MODULE_HEAD_NORM, "lm_head.norm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "lm_head.decoder"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head.decoder"},
    {HD_MODULE_POOLER, "gte.pooler.dense"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_TEXT_OUTPUT, "classifier"},

    {HD_MODULE_Q, "gte.layers.{}.self_attn.q_proj"},
    {HD_MODULE_K, "gte.layers.{}.self_attn.k_proj"},
    {HD_MODULE_V, "gte.layers.{}.self_attn.v_proj"},
    {HD_MODULE_OUT, "gte.layers.{}.self_attn.o_proj"},
    {HD_MODULE_ATTENTION_NORM, "gte.layers.{}.post_attention_layernorm"},
    {HD_MODULE_FFN_UP, "gte.layers.{}.mlp.up_proj"},
    {HD_MODULE_FFN_GATE, "gte.layers.{}.mlp.gate_proj"},
    {HD_MODULE_FFN_DOWN, "gte.layers.{}.mlp.down_proj"},
    {HD_MODULE_FFN_NORM, "gte.layers.{}.post_mlp_layernorm"},
    {HD_MODULE_HEAD_NORM, "lm_head.layer_norm"},

    {HD_MODULE_Q, "gte.encoder.layer.{}.attention.q_proj"},
    {HD_MODULE_K, "gte.encoder.layer.{}.attention.k_proj"},
    {HD_MODULE_V, "gte.encoder.layer.{}.attention.v_proj"},
};

static const char *const aliases[] = {"lm_head.decoder.weight", NULL};

static const hd_respelling respellings[] = {{"gte.", ""}, {"gte.", "new."}, {NULL, NULL}};

static const hd_other_class classes[] = {{"NewModel", HD_HEAD_NONE},
                                         {"NewForMaskedLM", HD_HEAD_MASKED},
                                         {"NewForSequenceClassification", HD_HEAD_CLASSIFY_TEXT},
                                         {"NewForTokenClassification", HD_HEAD_CLASSIFY_TOKENS},
                                         {NULL, HD_HEAD_NONE}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    side->positions = HD_POSITIONS_ROTARY;
    side->norm = HD_NORM_LAYER;
    side->norm_placement = HD_NORM_POST;
    side->embedding_norm = true;
    side->gated = true;
    side->biases = HD_BIAS_QKV | HD_BIAS_OUT | HD_BIAS_FFN_OUT;
    recipe->eos = recipe->decoder_start = -1;
    recipe->pooling = HD_POOL_FIRST;
    recipe->head_dense = recipe->head == HD_HEAD_CLASSIFY_TEXT;
    recipe->head_activation = recipe->head_dense ? HD_TANH : HD_GELU;
}

/* Keys of "new" without which its own defaults hold, and those of what heed lacks. */
static heed_status check_new(const hd_json *config) {
    static const char *const required[] = {"rope_theta", "type_vocab_size", "pad_token_id", "max_position_embeddings"};
    const char *positions, *norm;
    bool scaled;
    for (size_t i = 0; i < HD_COUNT(required); i++) HD_TRY(hd_json_require(config, required[i]));
    HD_TRY(hd_json_string(config, "position_embedding_type", "rope", &positions));
    HD_TRY(hd_json_string(config, "layer_norm_type", "layer_norm", &norm));
    HD_TRY(hd_json_bool(config, "logn_attention_scale", false, &scaled));
    const char *lacking = strcmp(positions, "rope") != 0    ? "position_embedding_type"
                          : strcmp(norm, "layer_norm") != 0 ? "layer_norm_type"
                          : scaled                          ? "logn_attention_scale"
                                                            : NULL;
    if (!lacking) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED,
                   "%s: \"%s\": heed has rotary positions, layer norms and plain scores alone", config->path, lacking);
}

/* In transformers the masked head has GELU; in the code of "new", the activation of the layers. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    const char *type;
    HD_TRY(hd_json_string(config, "model_type", "gte", &type));
    if (strcmp(type, "new") != 0) return HEED_OK;
    if (recipe->head == HD_HEAD_MASKED) recipe->head_activation = recipe->side[HD_ENCODER].activation;
    return check_new(config);
}

static const hd_tokenizer_kind tokenizer = HD_KIND_WORDPIECE;

const hd_family hd_gte = {.model_type = "gte",
                          .other_type = "new",
                          .architectures = {[HD_HEAD_MASKED] = "GteForMaskedLM",
                                            [HD_HEAD_CLASSIFY_TEXT] = "GteForSequenceClassification",
                                            [HD_HEAD_CLASSIFY_TOKENS] = "GteForTokenClassification",
                                            [HD_HEAD_NONE] = "GteModel"},
                          .classes = classes,
                          .prefix = "gte.",
                          .respellings = respellings,
                          .keys = keys,
                          .key_count = HD_COUNT(keys),
                          .weights = weights,
                          .weight_count = HD_COUNT(weights),
                          .aliases = aliases,
                          .rotation = HD_ROTATION_STATED | HD_ROTATION_NTK,
                          .tokenizer = &tokenizer,
                          .complete = complete,
                          .read = read};
