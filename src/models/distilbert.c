/* DistilBERT (Sanh et al., 2019): BERT without segments, with other names of keys and weights. model_type: "distilbert" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"vocab_size", HD_KEY_INT, RECIPE(vocabulary), NULL},
    {"dim", HD_KEY_INT, RECIPE(width), NULL},
    {"n_layers", HD_KEY_INT, ENCODER(layers), NULL},
    {"n_heads", HD_KEY_INT, ENCODER(heads), NULL},
    {"hidden_dim", HD_KEY_INT, ENCODER(ffn_width), NULL},
    {"activation", HD_KEY_CHOICE, ENCODER(activation), "gelu", hd_activations},
    {"max_position_embeddings", HD_KEY_INT, ENCODER(max_positions), "512"},
    {"dropout", HD_KEY_FLOAT, RECIPE(dropout), "0.1"},
    {"attention_dropout", HD_KEY_FLOAT, RECIPE(attention_dropout), "0.1"},
    {"initializer_range", HD_KEY_FLOAT, RECIPE(initial_spread), "0.02"},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "0"},
    {"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "distilbert.embeddings.word_embeddings.weight"},
    {HD_MODULE_POSITIONS, "distilbert.embeddings.position_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "distilbert.embeddings.LayerNorm"},
    {HD_MODULE_Q, "distilbert.transformer.layer.{}.attention.q_lin"},
    {HD_MODULE_K, "distilbert.transformer.layer.{}.attention.k_lin"},
    {HD_MODULE_V, "distilbert.transformer.layer.{}.attention.v_lin"},
    {HD_MODULE_OUT, "distilbert.transformer.layer.{}.attention.out_lin"},
    {HD_MODULE_ATTENTION_NORM, "distilbert.transformer.layer.{}.sa_layer_norm"},
    {HD_MODULE_FFN_UP, "distilbert.transformer.layer.{}.ffn.lin1"},
    {HD_MODULE_FFN_DOWN, "distilbert.transformer.layer.{}.ffn.lin2"},
    {HD_MODULE_FFN_NORM, "distilbert.transformer.layer.{}.output_layer_norm"},
    {HD_MODULE_HEAD_DENSE, "vocab_transform"},
    {HD_MODULE_HEAD_NORM, "vocab_layer_norm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "vocab_projector"},
    {HD_MODULE_TOKEN_OUTPUT, "vocab_projector"},
    {HD_MODULE_POOLER, "pre_classifier"},
    {HD_MODULE_TEXT_OUTPUT, "classifier"},
    {HD_MODULE_OUTPUT, "classifier"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static const char *const aliases[] = {"vocab_projector.weight", NULL};

static const hd_respelling respellings[] = {
    {"LayerNorm.weight", "LayerNorm.gamma"}, {"LayerNorm.bias", "LayerNorm.beta"}, {"distilbert.", ""}, {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    side->positions = HD_POSITIONS_LEARNED;
    side->norm = HD_NORM_LAYER;
    side->norm_placement = HD_NORM_POST;
    side->norm_epsilon = 1e-12f;
    side->embedding_norm = true;
    side->biases = HD_BIAS_ALL;
    recipe->eos = recipe->decoder_start = -1;
    recipe->pooling = HD_POOL_FIRST;
    recipe->head_dense = recipe->head == HD_HEAD_CLASSIFY_TEXT;
    recipe->head_activation = HD_RELU;
}

/* The masked head has the activation of the layers. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    if (recipe->head == HD_HEAD_MASKED) recipe->head_activation = recipe->side[HD_ENCODER].activation;
    return HEED_OK;
}

static const hd_tokenizer_kind tokenizer = HD_KIND_WORDPIECE;

const hd_family hd_distilbert = {.model_type = "distilbert",
                                 .architectures = {[HD_HEAD_MASKED] = "DistilBertForMaskedLM",
                                                   [HD_HEAD_CLASSIFY_TEXT] = "DistilBertForSequenceClassification",
                                                   [HD_HEAD_CLASSIFY_TOKENS] = "DistilBertForTokenClassification",
                                                   [HD_HEAD_ANSWER] = "DistilBertForQuestionAnswering",
                                                   [HD_HEAD_NONE] = "DistilBertModel"},
                                 .prefix = "distilbert.",
                                 .keys = keys,
                                 .key_count = HD_COUNT(keys),
                                 .weights = weights,
                                 .weight_count = HD_COUNT(weights),
                                 .aliases = aliases,
                                 .respellings = respellings,
                                 .tokenizer = &tokenizer,
                                 .complete = complete,
                                 .read = read};
