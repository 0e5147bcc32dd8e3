/* The keys of an encoder–decoder's config and the names of its weights that the descendants of BART (Lewis et al.,
 * 2020) have in common. Each descendant adds the differences in its own file. */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"d_model", HD_KEY_INT, RECIPE(width), NULL},
    {"encoder_layers", HD_KEY_INT, ENCODER(layers), NULL},
    {"encoder_attention_heads", HD_KEY_INT, ENCODER(heads), NULL},
    {"encoder_ffn_dim", HD_KEY_INT, ENCODER(ffn_width), NULL},
    {"decoder_layers", HD_KEY_INT, DECODER(layers), NULL},
    {"decoder_attention_heads", HD_KEY_INT, DECODER(heads), NULL},
    {"decoder_ffn_dim", HD_KEY_INT, DECODER(ffn_width), NULL},
    {"max_position_embeddings", HD_KEY_INT, BOTH(max_positions), "1024"},
    {"activation_function", HD_KEY_CHOICE, BOTH(activation), "gelu", hd_activations},
    {"scale_embedding", HD_KEY_BOOL, BOTH(scale_embedding), "false"},
    {"dropout", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"attention_dropout", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.0"},
    {"activation_dropout", HD_KEY_FLOAT, RECIPE(activation_dropout), "0.0"},
    {"init_std", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), NULL},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), NULL},
    {"decoder_start_token_id", HD_KEY_ID, RECIPE(decoder_start), NULL},
    {"is_encoder_decoder", HD_KEY_CONSTANT, 0, "true"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
    {"static_position_embeddings", HD_KEY_CONSTANT, 0, "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "model.encoder.embed_tokens.weight", .only = HD_ENCODER_ONLY},
    {HD_MODULE_EMBEDDING, "model.decoder.embed_tokens.weight", .only = HD_DECODER_ONLY},
    {HD_MODULE_EMBEDDING, "model.shared.weight"},
    {HD_MODULE_OUTPUT_BIAS, "final_logits_bias"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head"},
    {HD_MODULE_Q, "model.{side}.layers.{}.self_attn.q_proj"},
    {HD_MODULE_K, "model.{side}.layers.{}.self_attn.k_proj"},
    {HD_MODULE_V, "model.{side}.layers.{}.self_attn.v_proj"},
    {HD_MODULE_OUT, "model.{side}.layers.{}.self_attn.out_proj"},
    {HD_MODULE_ATTENTION_NORM, "model.{side}.layers.{}.self_attn_layer_norm"},
    {HD_MODULE_CROSS_Q, "model.decoder.layers.{}.encoder_attn.q_proj"},
    {HD_MODULE_CROSS_K, "model.decoder.layers.{}.encoder_attn.k_proj"},
    {HD_MODULE_CROSS_V, "model.decoder.layers.{}.encoder_attn.v_proj"},
    {HD_MODULE_CROSS_OUT, "model.decoder.layers.{}.encoder_attn.out_proj"},
    {HD_MODULE_CROSS_NORM, "model.decoder.layers.{}.encoder_attn_layer_norm"},
    {HD_MODULE_FFN_UP, "model.{side}.layers.{}.fc1"},
    {HD_MODULE_FFN_DOWN, "model.{side}.layers.{}.fc2"},
    {HD_MODULE_FFN_NORM, "model.{side}.layers.{}.final_layer_norm"},
};

/* Names of the shared embedding where it is stored more than once. */
static const char *const aliases[] = {"model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight",
                                      "lm_head.weight", NULL};

/* Some files lack the prefix. */
static const hd_respelling respellings[] = {{"model.", ""}, {NULL, NULL}};

static const hd_tied_pair tied[] = {{"model.shared.weight", "model.encoder.embed_tokens.weight"},
                                    {"model.shared.weight", "model.decoder.embed_tokens.weight"},
                                    {"model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight"},
                                    {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    recipe->output_bias = recipe->head == HD_HEAD_LANGUAGE;
    for (int i = 0; i < HD_SIDES; i++) {
        recipe->side[i].positions = HD_POSITIONS_SINUSOIDAL;
        recipe->side[i].norm = HD_NORM_LAYER;
        recipe->side[i].norm_placement = HD_NORM_POST;
        recipe->side[i].norm_epsilon = 1e-5f;
        recipe->side[i].biases = HD_BIAS_ALL;
    }
}

/* heed's own translators have ReLU and scaled embeddings, as the Transformer of 2017. */
static const char fresh[] = "{\"activation_function\": \"relu\", \"scale_embedding\": true}";

const hd_family hd_bart_common = {.prefix = "model.",
                                  .keys = keys,
                                  .key_count = HD_COUNT(keys),
                                  .weights = weights,
                                  .weight_count = HD_COUNT(weights),
                                  .respellings = respellings,
                                  .aliases = aliases,
                                  .tied = tied,
                                  .fresh = fresh,
                                  .complete = complete};
