/* GPT-2 (Radford et al., 2019). Decoder only, pre-norm, learned positions; matrices are stored [in, out], and those of q, k
 * and v as one. model_type: "gpt2" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, R(vocabulary), NULL, NULL},
    {"n_embd", HD_KEY_INT, R(width), NULL, NULL},
    {"n_layer", HD_KEY_INT, R(decoder_layers), NULL, NULL},
    {"n_head", HD_KEY_INT, R(decoder_heads), NULL, NULL},
    {"n_inner", HD_KEY_COUNT, R(decoder_ffn_width), "0", NULL},
    {"n_positions", HD_KEY_INT, R(max_positions), "1024", NULL},
    {"activation_function", HD_KEY_ACTIVATION, R(activation), "gelu_new", NULL},
    {"layer_norm_epsilon", HD_KEY_FLOAT, R(norm_epsilon), "1e-5", NULL},
    {"embd_pdrop", HD_KEY_FLOAT, R(dropout), "0.1", NULL},
    {"resid_pdrop", HD_KEY_FLOAT, R(dropout), "0.1", NULL},
    {"attn_pdrop", HD_KEY_FLOAT, R(attention_dropout), "0.1", NULL},
    {"initializer_range", HD_KEY_FLOAT, R(initial_spread), "0.02", NULL},
    {"bos_token_id", HD_KEY_ID, R(decoder_start), "-1", NULL},
    {"eos_token_id", HD_KEY_ID, R(eos), "-1", NULL},
    {"pad_token_id", HD_KEY_ID, R(pad), "-1", NULL},
    {"tie_word_embeddings", HD_KEY_CONSTANT, 0, "true", NULL},
    {"scale_attn_weights", HD_KEY_CONSTANT, 0, "true", NULL},
    {"scale_attn_by_inverse_layer_idx", HD_KEY_CONSTANT, 0, "false", NULL},
    {"add_cross_attention", HD_KEY_CONSTANT, 0, "false", NULL},
};

static const hd_weight_name weights[] = {
    {HD_TOKEN_EMBEDDING, "transformer.wte.weight", 0, 0, false},
    {HD_DECODER_POSITIONS, "transformer.wpe.weight", 0, 0, false},
    {HD_DECODER_Q, "transformer.h.{}.attn.c_attn", 0, 3, true},
    {HD_DECODER_K, "transformer.h.{}.attn.c_attn", 1, 3, true},
    {HD_DECODER_V, "transformer.h.{}.attn.c_attn", 2, 3, true},
    {HD_DECODER_OUT, "transformer.h.{}.attn.c_proj", 0, 0, true},
    {HD_DECODER_ATTENTION_NORM, "transformer.h.{}.ln_1", 0, 0, false},
    {HD_DECODER_FFN_UP, "transformer.h.{}.mlp.c_fc", 0, 0, true},
    {HD_DECODER_FFN_DOWN, "transformer.h.{}.mlp.c_proj", 0, 0, true},
    {HD_DECODER_FFN_NORM, "transformer.h.{}.ln_2", 0, 0, false},
    {HD_DECODER_FINAL_NORM, "transformer.ln_f", 0, 0, false},
};

static const char *const aliases[] = {"lm_head.weight", NULL};

static void complete(hd_recipe *recipe) {
    recipe->positions = HD_POSITIONS_LEARNED;
    recipe->pre_norm = true;
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    if (!recipe->decoder_ffn_width) recipe->decoder_ffn_width = 4 * recipe->width;
    return HEED_OK;
}

static bool carries(const hd_recipe *r) {
    return r->architecture == HD_TRANSFORMER && r->head == HD_HEAD_LANGUAGE && !r->encoder_layers &&
           r->positions == HD_POSITIONS_LEARNED && r->pre_norm && !r->rms_norm && !r->gated && !r->without_biases &&
           !r->untied && !r->key_heads && !r->scale_embedding && !r->embedding_norm && !r->output_bias;
}

const hd_family hd_gpt2 = {.model_type = "gpt2",
                           .architectures = {[HD_HEAD_LANGUAGE] = "GPT2LMHeadModel"},
                           .prefix = "transformer.",
                           .keys = keys,
                           .key_count = HD_COUNT(keys),
                           .weights = weights,
                           .weight_count = HD_COUNT(weights),
                           .aliases = aliases,
                           .complete = complete,
                           .read = read,
                           .carries = carries};
