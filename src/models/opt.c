/* OPT (Zhang et al., 2022). Decoder only, pre-norm, learned positions from the table's row 2 on. OPT-350m alone is post-norm and
 * has narrower embeddings. model_type: "opt" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"hidden_size", HD_KEY_INT, RECIPE(width), NULL},
    {"num_hidden_layers", HD_KEY_INT, DECODER(layers), NULL},
    {"num_attention_heads", HD_KEY_INT, DECODER(heads), NULL},
    {"ffn_dim", HD_KEY_INT, DECODER(ffn_width), NULL},
    {"max_position_embeddings", HD_KEY_INT, DECODER(max_positions), "2048"},
    {"activation_function", HD_KEY_CHOICE, DECODER(activation), "relu", hd_activations},
    {"dropout", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"attention_dropout", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.0"},
    {"init_std", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "2"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "2"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "1"},
    {"layer_norm_elementwise_affine", HD_KEY_CONSTANT, 0, "true"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "model.decoder.embed_tokens.weight"},
    {HD_MODULE_POSITIONS, "model.decoder.embed_positions.weight"},
    {HD_MODULE_EMBEDDING_PROJECTION, "model.decoder.project_in"},
    {HD_MODULE_STATE_PROJECTION, "model.decoder.project_out"},
    {HD_MODULE_Q, "model.decoder.layers.{}.self_attn.q_proj"},
    {HD_MODULE_K, "model.decoder.layers.{}.self_attn.k_proj"},
    {HD_MODULE_V, "model.decoder.layers.{}.self_attn.v_proj"},
    {HD_MODULE_OUT, "model.decoder.layers.{}.self_attn.out_proj"},
    {HD_MODULE_ATTENTION_NORM, "model.decoder.layers.{}.self_attn_layer_norm"},
    {HD_MODULE_FFN_UP, "model.decoder.layers.{}.fc1"},
    {HD_MODULE_FFN_DOWN, "model.decoder.layers.{}.fc2"},
    {HD_MODULE_FFN_NORM, "model.decoder.layers.{}.final_layer_norm"},
    {HD_MODULE_FINAL_NORM, "model.decoder.final_layer_norm"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head"},
    {HD_MODULE_TEXT_OUTPUT, "score"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static const char *const aliases[] = {"lm_head.weight", NULL};

static const hd_respelling respellings[] = {{"model.", ""}, {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    side->positions = HD_POSITIONS_LEARNED;
    side->position_offset = 2;
    side->norm = HD_NORM_LAYER;
    side->norm_epsilon = 1e-5f;
    recipe->embedding_projection = HD_PROJECTION_TOKENS;
    hd_family_score_last(recipe);
}

/* Only a pre-norm model has a norm after the last layer. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    bool before, bare, biased;
    HD_TRY(hd_json_int(config, "word_embed_proj_dim", recipe->width, 1, 1 << 24, &recipe->embedding_width));
    if (recipe->embedding_width == recipe->width) recipe->embedding_width = 0;
    HD_TRY(hd_json_bool(config, "do_layer_norm_before", true, &before));
    HD_TRY(hd_json_bool(config, "_remove_final_layer_norm", false, &bare));
    HD_TRY(hd_json_bool(config, "enable_bias", true, &biased));
    side->norm_placement = before ? HD_NORM_PRE : HD_NORM_POST;
    side->final_norm = before && !bare;
    side->biases = biased ? HD_BIAS_ALL : 0;
    return HEED_OK;
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_DECODER];
    bool before = side->norm_placement == HD_NORM_PRE;
    return json_object_set_new(config, "word_embed_proj_dim", json_integer(hd_recipe_embedding_width(recipe))) |
           json_object_set_new(config, "do_layer_norm_before", json_boolean(before)) |
           json_object_set_new(config, "_remove_final_layer_norm", json_boolean(before && !side->final_norm)) |
           json_object_set_new(config, "enable_bias", json_boolean(side->biases != 0));
}

const hd_family hd_opt = {.model_type = "opt",
                          .architectures = {[HD_HEAD_LANGUAGE] = "OPTForCausalLM",
                                            [HD_HEAD_CLASSIFY_TEXT] = "OPTForSequenceClassification",
                                            [HD_HEAD_ANSWER] = "OPTForQuestionAnswering",
                                            [HD_HEAD_NONE] = "OPTModel"},
                          .prefix = "model.",
                          .keys = keys,
                          .key_count = HD_COUNT(keys),
                          .weights = weights,
                          .weight_count = HD_COUNT(weights),
                          .aliases = aliases,
                          .respellings = respellings,
                          .complete = complete,
                          .read = read,
                          .write = write};
