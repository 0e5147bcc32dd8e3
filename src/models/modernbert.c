/* ModernBERT (Warner et al., 2024). Encoder only, pre-norm without shifts, no norm before the attention of layer 0, gated
 * feed-forward; two of three layers attend to a window and have a rotary base of their own. model_type: "modernbert" */
#include "models/family.h"
#include "models/layer_types.h"
#include "models/rotary.h"

static const hd_choice poolings[] = {{"cls", HD_POOL_FIRST, NULL}, {"mean", HD_POOL_MEAN, NULL}, {NULL, 0, NULL}};

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"num_hidden_layers", HD_KEY_INT, ENCODER(layers), NULL},
    {"num_attention_heads", HD_KEY_INT, ENCODER(heads), NULL},
    {"intermediate_size", HD_KEY_INT, ENCODER(ffn_width), NULL},
    {"hidden_activation", HD_KEY_CHOICE, ENCODER(activation), "gelu", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, ENCODER(max_positions), "8192"},
    {"global_rope_theta", HD_KEY_FLOAT, ENCODER(rotary_base), "160000"},
    {"local_rope_theta", HD_KEY_FLOAT, ENCODER(local_rotary_base), "10000"},
    {"norm_eps", HD_KEY_FLOAT, ENCODER(norm_epsilon), "1e-5"},
    {"embedding_dropout", HD_KEY_FLOAT, RECIPE(dropout), "0.0"},
    {"mlp_dropout", HD_KEY_FLOAT, RECIPE(activation_dropout), "0.0"},
    {"attention_dropout", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.0"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "50283"},
    {"classifier_pooling", HD_KEY_CHOICE, RECIPE(pooling), "cls", poolings},
    {"classifier_activation", HD_KEY_CHOICE, RECIPE(head_activation), "gelu", hd_activations},
    {"classifier_bias", HD_KEY_NOT, RECIPE(head_dense_unbiased), "false"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "model.embeddings.tok_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "model.embeddings.norm"},
    {HD_MODULE_Q, "model.layers.{}.attn.Wqkv", 0, 3},
    {HD_MODULE_K, "model.layers.{}.attn.Wqkv", 1, 3},
    {HD_MODULE_V, "model.layers.{}.attn.Wqkv", 2, 3},
    {HD_MODULE_OUT, "model.layers.{}.attn.Wo"},
    {HD_MODULE_ATTENTION_NORM, "model.layers.{}.attn_norm"},
    {HD_MODULE_FFN_GATE, "model.layers.{}.mlp.Wi", 0, 2},
    {HD_MODULE_FFN_UP, "model.layers.{}.mlp.Wi", 1, 2},
    {HD_MODULE_FFN_DOWN, "model.layers.{}.mlp.Wo"},
    {HD_MODULE_FFN_NORM, "model.layers.{}.mlp_norm"},
    {HD_MODULE_FINAL_NORM, "model.final_norm"},
    {HD_MODULE_HEAD_DENSE, "head.dense"},
    {HD_MODULE_POOLER, "head.dense"},
    {HD_MODULE_HEAD_NORM, "head.norm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "decoder"},
    {HD_MODULE_TOKEN_OUTPUT, "decoder"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_TEXT_OUTPUT, "classifier"},
    {HD_MODULE_ANSWER_OUTPUT, "classifier"},
};

static const char *const aliases[] = {"decoder.weight", NULL};

static const hd_respelling respellings[] = {{"model.", ""}, {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    side->positions = HD_POSITIONS_ROTARY;
    side->norm_placement = HD_NORM_PRE;
    side->embedding_norm = side->final_norm = side->first_unnormed = true;
    side->gated = true;
    recipe->eos = recipe->decoder_start = -1;
    recipe->head_dense = recipe->head_norm = recipe->head != HD_HEAD_NONE;
}

/* ---- layers with a window ---- */

/* A window of 128 is 64 keys on each side of the query. */
static heed_status read_window(const hd_json *config, hd_side_recipe *side) {
    int64_t keys_in_window, every;
    HD_TRY(hd_json_int(config, "local_attention", 128, 0, 1 << 24, &keys_in_window));
    HD_TRY(hd_json_int(config, "global_attn_every_n_layers", 3, 1, 1 << 24, &every));
    side->window = keys_in_window / 2 + 1;
    hd_layer_types_every(side, every, 0);
    return hd_layer_types_read(config, side);
}

static int write_window(const hd_side_recipe *side, json_t *config) {
    int64_t keys_in_window = side->window ? 2 * (side->window - 1) : 128;
    return json_object_set_new(config, "local_attention", json_integer(keys_in_window)) |
           hd_layer_types_write(side, config);
}

/* ---- the rest ---- */

enum { ATTENTION_BIASES = HD_BIAS_QKV | HD_BIAS_OUT };

/* A bias of the decoder is one of the masked head alone. rope_scaling would scale both kinds of layers. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    bool attention, ffn, shift, decoder;
    HD_TRY(hd_json_bool(config, "attention_bias", false, &attention));
    HD_TRY(hd_json_bool(config, "mlp_bias", false, &ffn));
    HD_TRY(hd_json_bool(config, "norm_bias", false, &shift));
    HD_TRY(hd_json_bool(config, "decoder_bias", true, &decoder));
    side->biases = (attention ? ATTENTION_BIASES : 0) | (ffn ? HD_BIAS_FFN : 0);
    side->norm = shift ? HD_NORM_LAYER : HD_NORM_LAYER_UNSHIFTED;
    recipe->head_output_unbiased = recipe->head == HD_HEAD_MASKED && !decoder;
    if (json_object_size(json_object_get(config->root, "rope_scaling")))
        return hd_fail(config->context, HEED_UNSUPPORTED,
                       "%s: \"rope_scaling\": scaled rotary positions, which heed lacks", config->path);
    return read_window(config, side);
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_ENCODER];
    bool decoder = recipe->head != HD_HEAD_MASKED || !recipe->head_output_unbiased;
    json_object_del(config, "rope_scaling"); /* rope_parameters has what it says */
    return json_object_set_new(config, "attention_bias", json_boolean((side->biases & ATTENTION_BIASES) != 0)) |
           json_object_set_new(config, "mlp_bias", json_boolean((side->biases & HD_BIAS_FFN) != 0)) |
           json_object_set_new(config, "norm_bias", json_boolean(side->norm == HD_NORM_LAYER)) |
           json_object_set_new(config, "decoder_bias", json_boolean(decoder)) | write_window(side, config);
}

static const hd_tokenizer_kind tokenizer = HD_KIND_MASK_BYTE_BPE;

const hd_family hd_modernbert = {.model_type = "modernbert",
                                 .architectures = {[HD_HEAD_MASKED] = "ModernBertForMaskedLM",
                                                   [HD_HEAD_CLASSIFY_TEXT] = "ModernBertForSequenceClassification",
                                                   [HD_HEAD_CLASSIFY_TOKENS] = "ModernBertForTokenClassification",
                                                   [HD_HEAD_ANSWER] = "ModernBertForQuestionAnswering",
                                                   [HD_HEAD_NONE] = "ModernBertModel"},
                                 .prefix = "model.",
                                 .respellings = respellings,
                                 .keys = keys,
                                 .key_count = HD_COUNT(keys),
                                 .weights = weights,
                                 .weight_count = HD_COUNT(weights),
                                 .aliases = aliases,
                                 .rotation = HD_ROTATION_STATED | HD_ROTATION_LAYERS,
                                 .tokenizer = &tokenizer,
                                 .complete = complete,
                                 .read = read,
                                 .write = write};
