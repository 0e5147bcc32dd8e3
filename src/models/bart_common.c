/* What the descendants of BART (Lewis et al., 2020) share in transformers: the keys of an encoder–decoder's config and the
 * names of its weights. Each descendant has a file of its own that adds what is its own. */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, R(vocabulary), NULL, NULL},
    {"d_model", HD_KEY_INT, R(width), NULL, NULL},
    {"encoder_layers", HD_KEY_INT, R(encoder_layers), NULL, NULL},
    {"encoder_attention_heads", HD_KEY_INT, R(encoder_heads), NULL, NULL},
    {"encoder_ffn_dim", HD_KEY_INT, R(encoder_ffn_width), NULL, NULL},
    {"decoder_layers", HD_KEY_INT, R(decoder_layers), NULL, NULL},
    {"decoder_attention_heads", HD_KEY_INT, R(decoder_heads), NULL, NULL},
    {"decoder_ffn_dim", HD_KEY_INT, R(decoder_ffn_width), NULL, NULL},
    {"max_position_embeddings", HD_KEY_INT, R(max_positions), "1024", NULL},
    {"activation_function", HD_KEY_ACTIVATION, R(activation), "gelu", NULL},
    {"scale_embedding", HD_KEY_BOOL, R(scale_embedding), "false", NULL},
    {"dropout", HD_KEY_FLOAT, R(dropout), "0.1", NULL},
    {"attention_dropout", HD_KEY_FLOAT, R(attention_dropout), "0.0", NULL},
    {"activation_dropout", HD_KEY_FLOAT, R(activation_dropout), "0.0", NULL},
    {"init_std", HD_KEY_FLOAT, R(initial_spread), "0.02", NULL},
    {"pad_token_id", HD_KEY_ID, R(pad), NULL, NULL},
    {"eos_token_id", HD_KEY_ID, R(eos), NULL, NULL},
    {"decoder_start_token_id", HD_KEY_ID, R(decoder_start), NULL, NULL},
    {"is_encoder_decoder", HD_KEY_CONSTANT, 0, "true", NULL},
    {"tie_word_embeddings", HD_KEY_CONSTANT, 0, "true", NULL},
    {"static_position_embeddings", HD_KEY_CONSTANT, 0, "true", NULL},
};

static const hd_weight_name weights[] = {
    {HD_TOKEN_EMBEDDING, "model.shared.weight", 0, 0, false},
    {HD_OUTPUT_BIAS, "final_logits_bias", 0, 0, false},
    {HD_ENCODER_Q, "model.encoder.layers.{}.self_attn.q_proj", 0, 0, false},
    {HD_ENCODER_K, "model.encoder.layers.{}.self_attn.k_proj", 0, 0, false},
    {HD_ENCODER_V, "model.encoder.layers.{}.self_attn.v_proj", 0, 0, false},
    {HD_ENCODER_OUT, "model.encoder.layers.{}.self_attn.out_proj", 0, 0, false},
    {HD_ENCODER_ATTENTION_NORM, "model.encoder.layers.{}.self_attn_layer_norm", 0, 0, false},
    {HD_ENCODER_FFN_UP, "model.encoder.layers.{}.fc1", 0, 0, false},
    {HD_ENCODER_FFN_DOWN, "model.encoder.layers.{}.fc2", 0, 0, false},
    {HD_ENCODER_FFN_NORM, "model.encoder.layers.{}.final_layer_norm", 0, 0, false},
    {HD_DECODER_Q, "model.decoder.layers.{}.self_attn.q_proj", 0, 0, false},
    {HD_DECODER_K, "model.decoder.layers.{}.self_attn.k_proj", 0, 0, false},
    {HD_DECODER_V, "model.decoder.layers.{}.self_attn.v_proj", 0, 0, false},
    {HD_DECODER_OUT, "model.decoder.layers.{}.self_attn.out_proj", 0, 0, false},
    {HD_DECODER_ATTENTION_NORM, "model.decoder.layers.{}.self_attn_layer_norm", 0, 0, false},
    {HD_CROSS_Q, "model.decoder.layers.{}.encoder_attn.q_proj", 0, 0, false},
    {HD_CROSS_K, "model.decoder.layers.{}.encoder_attn.k_proj", 0, 0, false},
    {HD_CROSS_V, "model.decoder.layers.{}.encoder_attn.v_proj", 0, 0, false},
    {HD_CROSS_OUT, "model.decoder.layers.{}.encoder_attn.out_proj", 0, 0, false},
    {HD_CROSS_NORM, "model.decoder.layers.{}.encoder_attn_layer_norm", 0, 0, false},
    {HD_DECODER_FFN_UP, "model.decoder.layers.{}.fc1", 0, 0, false},
    {HD_DECODER_FFN_DOWN, "model.decoder.layers.{}.fc2", 0, 0, false},
    {HD_DECODER_FFN_NORM, "model.decoder.layers.{}.final_layer_norm", 0, 0, false},
};

/* What transformers calls the same table when it is stored more than once. */
static const char *const aliases[] = {"model.encoder.embed_tokens.weight", "model.decoder.embed_tokens.weight",
                                      "lm_head.weight", NULL};

const hd_family hd_bart_common = {.keys = keys,
                                  .key_count = HD_COUNT(keys),
                                  .weights = weights,
                                  .weight_count = HD_COUNT(weights),
                                  .aliases = aliases};
