/* Nomic BERT (Nussbaum et al., 2024). GTE without biases in attention and feed-forward layers, with SiLU and a small rotary base.
 * Files of the hub have the keys of GPT-2 and may have biases, or no gates. model_type: "nomic_bert" */
#include "models/family.h"
#include "models/rotary.h"

#include <string.h>

static const hd_config_key keys[] = {
    {"hidden_act", HD_KEY_CHOICE, ENCODER(activation), "silu", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, ENCODER(max_positions), "2048"},
    {"rope_theta", HD_KEY_FLOAT, ENCODER(rotary_base), "1000"},
    {"type_vocab_size", HD_KEY_COUNT, ENCODER(token_types), "2"},
    {"hidden_dropout_prob", HD_KEY_FLOAT, RECIPE(dropout), "0.0"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "0"},
    {"causal", HD_KEY_CONSTANT, 0, "false"},
    {"norm_mlp", HD_KEY_CONSTANT, 0, "false"},
    {"parallel_block", HD_KEY_CONSTANT, 0, "false"},
    {"prenorm", HD_KEY_CONSTANT, 0, "false"},
    {"rotary_emb_interleaved", HD_KEY_CONSTANT, 0, "false"},
    {"rotary_emb_scale_base", HD_KEY_CONSTANT, 0, "null"},
    {"rotary_head_dim", HD_KEY_CONSTANT, 0, "false"},
    {"use_rms_norm", HD_KEY_CONSTANT, 0, "false"},
};

static const hd_respelling other_keys[] = {{"hidden_size", "n_embd"},
                                           {"num_hidden_layers", "n_layer"},
                                           {"num_attention_heads", "n_head"},
                                           {"intermediate_size", "n_inner"},
                                           {"max_position_embeddings", "n_positions"},
                                           {"layer_norm_eps", "layer_norm_epsilon"},
                                           {"rope_theta", "rotary_emb_base"},
                                           {"hidden_dropout_prob", "resid_pdrop"},
                                           {"attention_probs_dropout_prob", "attn_pdrop"},
                                           {NULL, NULL}};

/* First the names of the files, then those of transformers' classes. */
static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "nomic_bert.embeddings.word_embeddings.weight"},
    {HD_MODULE_TOKEN_TYPES, "nomic_bert.embeddings.token_type_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "nomic_bert.emb_ln"},
    {HD_MODULE_Q, "nomic_bert.encoder.layers.{}.attn.Wqkv", 0, 3},
    {HD_MODULE_K, "nomic_bert.encoder.layers.{}.attn.Wqkv", 1, 3},
    {HD_MODULE_V, "nomic_bert.encoder.layers.{}.attn.Wqkv", 2, 3},
    {HD_MODULE_OUT, "nomic_bert.encoder.layers.{}.attn.out_proj"},
    {HD_MODULE_ATTENTION_NORM, "nomic_bert.encoder.layers.{}.norm1"},
    {HD_MODULE_FFN_UP, "nomic_bert.encoder.layers.{}.mlp.fc11"},
    {HD_MODULE_FFN_GATE, "nomic_bert.encoder.layers.{}.mlp.fc12"},
    {HD_MODULE_FFN_DOWN, "nomic_bert.encoder.layers.{}.mlp.fc2"},
    {HD_MODULE_FFN_NORM, "nomic_bert.encoder.layers.{}.norm2"},
    {HD_MODULE_HEAD_DENSE, "cls.predictions.transform.dense"},
    {HD_MODULE_HEAD_NORM, "cls.predictions.transform.layer_norm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "cls.predictions"},
    {HD_MODULE_TOKEN_OUTPUT, "cls.predictions.decoder"},
    {HD_MODULE_POOLER, "nomic_bert.pooler.dense"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_TEXT_OUTPUT, "classifier"},

    {HD_MODULE_EMBEDDING_NORM, "nomic_bert.embeddings.LayerNorm"},
    {HD_MODULE_Q, "nomic_bert.layers.{}.self_attn.q_proj"},
    {HD_MODULE_K, "nomic_bert.layers.{}.self_attn.k_proj"},
    {HD_MODULE_V, "nomic_bert.layers.{}.self_attn.v_proj"},
    {HD_MODULE_OUT, "nomic_bert.layers.{}.self_attn.o_proj"},
    {HD_MODULE_ATTENTION_NORM, "nomic_bert.layers.{}.post_attention_layernorm"},
    {HD_MODULE_FFN_UP, "nomic_bert.layers.{}.mlp.up_proj"},
    {HD_MODULE_FFN_GATE, "nomic_bert.layers.{}.mlp.gate_proj"},
    {HD_MODULE_FFN_DOWN, "nomic_bert.layers.{}.mlp.down_proj"},
    {HD_MODULE_FFN_NORM, "nomic_bert.layers.{}.post_mlp_layernorm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "cls.predictions.decoder"},

    {HD_MODULE_FFN_UP, "nomic_bert.encoder.layers.{}.mlp.fc1"}, /* without gates */
};

static const char *const aliases[] = {"cls.predictions.decoder.weight", NULL};

static const hd_tied_pair tied[] = {{"cls.predictions.bias", "cls.predictions.decoder.bias"}, {NULL, NULL}};

static const hd_respelling respellings[] = {{"nomic_bert.", ""}, {"nomic_bert.", "bert."}, {NULL, NULL}};

static const hd_other_class classes[] = {{"NomicBertForPreTraining", HD_HEAD_MASKED}, {NULL, HD_HEAD_NONE}};

static void complete(hd_recipe *recipe) {
    recipe->side[HD_ENCODER].biases = 0;
    recipe->activation_dropout = 0;
}

static heed_status refuse(const hd_json *config, const char *key, const char *what) {
    return hd_fail(config->context, HEED_UNSUPPORTED, "%s: \"%s\": %s, which heed lacks", config->path, key, what);
}

static heed_status check(const hd_json *config, const hd_side_recipe *side) {
    int64_t experts, key_heads;
    double part;
    HD_TRY(hd_json_int(config, "num_experts", 0, 0, 1 << 24, &experts));
    HD_TRY(hd_json_int(config, "num_heads_kv", side->heads, 0, 1 << 24, &key_heads));
    HD_TRY(hd_json_float(config, "rotary_emb_fraction", 1, 0, 1, &part));
    if (experts) return refuse(config, "num_experts", "a mixture of experts (nomic-embed-text-v2-moe)");
    if (key_heads != side->heads) return refuse(config, "num_heads_kv", "shared heads of keys and values");
    return part < 1 ? refuse(config, "rotary_emb_fraction", "learned positions, or rotary ones of a part of a head")
                    : HEED_OK;
}

/* The words of the hub's configs. The masked head has a GELU of its own. */
static const struct activation {
    const char *name;
    bool gated;
    int layers, head; /* hd_activation */
} activations[] = {{"swiglu", true, HD_SILU, HD_SILU},          {"geglu", true, HD_GELU, HD_GELU},
                   {"gelu", false, HD_GELU, HD_GELU},           {"gelu_new", false, HD_GELU, HD_GELU_TANH},
                   {"gelu_fast", false, HD_GELU, HD_GELU_TANH}, {"gelu_pytorch_tanh", false, HD_GELU, HD_GELU_TANH}};

static heed_status read_activation(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    const char *name;
    int head = side->activation;
    HD_TRY(hd_json_string(config, "activation_function", NULL, &name));
    for (size_t i = 0; name; i++) {
        if (i == HD_COUNT(activations)) return refuse(config, "activation_function", name);
        if (strcmp(name, activations[i].name) != 0) continue;
        side->gated = activations[i].gated, side->activation = activations[i].layers, head = activations[i].head;
        break;
    }
    if (recipe->head == HD_HEAD_MASKED) recipe->head_activation = head;
    return HEED_OK;
}

static heed_status read_biases(const hd_json *config, hd_side_recipe *side) {
    bool attention, in, out;
    HD_TRY(hd_json_bool(config, "qkv_proj_bias", false, &attention));
    HD_TRY(hd_json_bool(config, "mlp_fc1_bias", false, &in));
    HD_TRY(hd_json_bool(config, "mlp_fc2_bias", false, &out));
    side->biases =
        (attention ? HD_BIAS_QKV | HD_BIAS_OUT : 0) | (in ? HD_BIAS_FFN_IN : 0) | (out ? HD_BIAS_FFN_OUT : 0);
    return HEED_OK;
}

/* The hub's configs count the positions that the model was trained with apart from all of them. */
static heed_status read_positions(const hd_json *config, hd_side_recipe *side) {
    int64_t all, trained;
    double factor;
    HD_TRY(hd_json_int(config, "n_positions", side->max_positions, 1, 1 << 24, &all));
    HD_TRY(hd_json_int(config, "max_trained_positions", 2048, 2, 1 << 24, &trained));
    HD_TRY(hd_json_float(config, "rotary_scaling_factor", 0, 0, 1e6, &factor));
    side->max_positions = hd_max(side->max_positions, all);
    if (!(factor > 0)) return HEED_OK;
    side->rotary_scaling =
        (hd_rotary_scaling){.kind = HD_ROTARY_DYNAMIC, .factor = (float)factor, .original_positions = trained};
    side->max_positions = hd_max(trained, hd_min((int64_t)((double)trained * factor), 1 << 24));
    return HEED_OK;
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    HD_TRY(check(config, side));
    HD_TRY(read_activation(config, recipe));
    HD_TRY(read_biases(config, side));
    return read_positions(config, side);
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_ENCODER];
    bool tanh = recipe->head == HD_HEAD_MASKED && recipe->head_activation == HD_GELU_TANH;
    const char *activation = tanh ? "gelu_new" : "gelu";
    if (!side->gated && json_object_set_new(config, "activation_function", json_string(activation)) != 0) return -1;
    return json_object_set_new(config, "qkv_proj_bias", json_boolean((side->biases & HD_BIAS_QKV) != 0)) |
           json_object_set_new(config, "mlp_fc1_bias", json_boolean((side->biases & HD_BIAS_FFN_IN) != 0)) |
           json_object_set_new(config, "mlp_fc2_bias", json_boolean((side->biases & HD_BIAS_FFN_OUT) != 0));
}

static const hd_tokenizer_kind tokenizer = HD_KIND_WORDPIECE;

const hd_family hd_nomic_bert = {.model_type = "nomic_bert",
                                 .architectures = {[HD_HEAD_MASKED] = "NomicBertForMaskedLM",
                                                   [HD_HEAD_CLASSIFY_TEXT] = "NomicBertForSequenceClassification",
                                                   [HD_HEAD_CLASSIFY_TOKENS] = "NomicBertForTokenClassification",
                                                   [HD_HEAD_NONE] = "NomicBertModel"},
                                 .classes = classes,
                                 .prefix = "nomic_bert.",
                                 .base = &hd_gte,
                                 .keys = keys,
                                 .key_count = HD_COUNT(keys),
                                 .other_keys = other_keys,
                                 .weights = weights,
                                 .weight_count = HD_COUNT(weights),
                                 .aliases = aliases,
                                 .tied = tied,
                                 .respellings = respellings,
                                 .optional_head_biases = true,
                                 .rotation = HD_ROTATION_STATED,
                                 .tokenizer = &tokenizer,
                                 .complete = complete,
                                 .read = read,
                                 .write = write};
