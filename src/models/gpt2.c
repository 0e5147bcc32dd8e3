/* GPT-2 (Radford et al., 2019). Decoder only, pre-norm, learned positions; matrices are stored [in, out], and those of q, k
 * and v as one. model_type: "gpt2" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"n_embd", HD_KEY_INT, RECIPE(width), NULL},
    {"n_layer", HD_KEY_INT, DECODER(layers), NULL},
    {"n_head", HD_KEY_INT, DECODER(heads), NULL},
    {"n_inner", HD_KEY_OPTIONAL, DECODER(ffn_width)},
    {"n_positions", HD_KEY_INT, DECODER(max_positions), "1024"},
    {"activation_function", HD_KEY_CHOICE, DECODER(activation), "gelu_new", hd_activations},
    {"layer_norm_epsilon", HD_KEY_FLOAT, DECODER(norm_epsilon), "1e-5"},
    {"embd_pdrop", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"resid_pdrop", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"attn_pdrop", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.1"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"bos_token_id", HD_KEY_ID, RECIPE(decoder_start), "-1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "-1"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "-1"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
    {"scale_attn_weights", HD_KEY_CONSTANT, 0, "true"},
    {"scale_attn_by_inverse_layer_idx", HD_KEY_CONSTANT, 0, "false"},
    {"add_cross_attention", HD_KEY_CONSTANT, 0, "false"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "transformer.wte.weight"},
    {HD_MODULE_POSITIONS, "transformer.wpe.weight"},
    {HD_MODULE_Q, "transformer.h.{}.attn.c_attn", 0, 3, true},
    {HD_MODULE_K, "transformer.h.{}.attn.c_attn", 1, 3, true},
    {HD_MODULE_V, "transformer.h.{}.attn.c_attn", 2, 3, true},
    {HD_MODULE_OUT, "transformer.h.{}.attn.c_proj", .transposed = true},
    {HD_MODULE_ATTENTION_NORM, "transformer.h.{}.ln_1"},
    {HD_MODULE_FFN_UP, "transformer.h.{}.mlp.c_fc", .transposed = true},
    {HD_MODULE_FFN_DOWN, "transformer.h.{}.mlp.c_proj", .transposed = true},
    {HD_MODULE_FFN_NORM, "transformer.h.{}.ln_2"},
    {HD_MODULE_FINAL_NORM, "transformer.ln_f"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head"},
    {HD_MODULE_TEXT_OUTPUT, "score"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static const char *const aliases[] = {"lm_head.weight", NULL};

/* Some files lack the prefix. */
static const hd_respelling respellings[] = {{"transformer.", ""}, {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    side->positions = HD_POSITIONS_LEARNED;
    side->norm = HD_NORM_LAYER;
    side->norm_placement = HD_NORM_PRE;
    side->final_norm = true;
    side->biases = HD_BIAS_ALL;
    hd_family_score_last(recipe);
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    hd_side_recipe *side = &recipe->side[HD_DECODER];
    if (!side->ffn_width) side->ffn_width = 4 * recipe->width;
    return HEED_OK;
}

const hd_family hd_gpt2 = {.model_type = "gpt2",
                           .architectures = {[HD_HEAD_LANGUAGE] = "GPT2LMHeadModel",
                                             [HD_HEAD_CLASSIFY_TEXT] = "GPT2ForSequenceClassification",
                                             [HD_HEAD_CLASSIFY_TOKENS] = "GPT2ForTokenClassification",
                                             [HD_HEAD_ANSWER] = "GPT2ForQuestionAnswering",
                                             [HD_HEAD_NONE] = "GPT2Model"},
                           .prefix = "transformer.",
                           .respellings = respellings,
                           .keys = keys,
                           .key_count = HD_COUNT(keys),
                           .weights = weights,
                           .weight_count = HD_COUNT(weights),
                           .aliases = aliases,
                           .complete = complete,
                           .read = read};
