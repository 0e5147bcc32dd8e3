/* ALBERT (Lan et al., 2019): BERT with narrow embeddings that are projected to the network's width, and one layer whose weights
 * all layers share, or a few groups of layers. model_type: "albert" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"embedding_size", HD_KEY_INT, RECIPE(embedding_width), "128"},
    {"num_hidden_groups", HD_KEY_INT, ENCODER(stored_layers), "1"},
    {"inner_group_num", HD_KEY_CONSTANT, 0, "1"},
    {"hidden_act", HD_KEY_CHOICE, ENCODER(activation), "gelu_new", hd_activations},
    {"hidden_dropout_prob", HD_KEY_FLOAT, RECIPE(dropout), "0"},
    {"attention_probs_dropout_prob", HD_KEY_FLOAT, RECIPE(attention_dropout), "0"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "albert.embeddings.word_embeddings.weight"},
    {HD_MODULE_POSITIONS, "albert.embeddings.position_embeddings.weight"},
    {HD_MODULE_TOKEN_TYPES, "albert.embeddings.token_type_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "albert.embeddings.LayerNorm"},
    {HD_MODULE_EMBEDDING_PROJECTION, "albert.encoder.embedding_hidden_mapping_in"},
    {HD_MODULE_Q, "albert.encoder.albert_layer_groups.{}.albert_layers.0.attention.query"},
    {HD_MODULE_K, "albert.encoder.albert_layer_groups.{}.albert_layers.0.attention.key"},
    {HD_MODULE_V, "albert.encoder.albert_layer_groups.{}.albert_layers.0.attention.value"},
    {HD_MODULE_OUT, "albert.encoder.albert_layer_groups.{}.albert_layers.0.attention.dense"},
    {HD_MODULE_ATTENTION_NORM, "albert.encoder.albert_layer_groups.{}.albert_layers.0.attention.LayerNorm"},
    {HD_MODULE_FFN_UP, "albert.encoder.albert_layer_groups.{}.albert_layers.0.ffn"},
    {HD_MODULE_FFN_DOWN, "albert.encoder.albert_layer_groups.{}.albert_layers.0.ffn_output"},
    {HD_MODULE_FFN_NORM, "albert.encoder.albert_layer_groups.{}.albert_layers.0.full_layer_layer_norm"},
    {HD_MODULE_HEAD_DENSE, "predictions.dense"},
    {HD_MODULE_HEAD_NORM, "predictions.LayerNorm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "predictions"},
    {HD_MODULE_TOKEN_OUTPUT, "predictions.decoder"},
    {HD_MODULE_POOLER, "albert.pooler"},
    {HD_MODULE_STORED_POOLER, "albert.pooler"},
};

static const char *const aliases[] = {"predictions.decoder.weight", NULL};

static const hd_respelling respellings[] = {
    {"albert.", ""}, {"predictions.bias", "predictions.decoder.bias"}, {NULL, NULL}};

static const hd_tied_pair tied[] = {{"predictions.bias", "predictions.decoder.bias"}, {NULL, NULL}};

/* What is also stored for predicting the order of sentences is not used. */
static const hd_other_class classes[] = {{"AlbertForPreTraining", HD_HEAD_MASKED}, {NULL, HD_HEAD_NONE}};

static void complete(hd_recipe *recipe) { recipe->embedding_projection = HD_PROJECTION_ALWAYS; }

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_ENCODER];
    return json_object_set_new(config, "num_hidden_groups",
                               json_integer(side->stored_layers ? side->stored_layers : side->layers));
}

static const hd_tokenizer_kind tokenizer = HD_KIND_WORDPIECE;

const hd_family hd_albert = {.model_type = "albert",
                             .architectures = {[HD_HEAD_MASKED] = "AlbertForMaskedLM",
                                               [HD_HEAD_CLASSIFY_TEXT] = "AlbertForSequenceClassification",
                                               [HD_HEAD_CLASSIFY_TOKENS] = "AlbertForTokenClassification",
                                               [HD_HEAD_ANSWER] = "AlbertForQuestionAnswering",
                                               [HD_HEAD_NONE] = "AlbertModel"},
                             .classes = classes,
                             .prefix = "albert.",
                             .base = &hd_bert,
                             .keys = keys,
                             .key_count = HD_COUNT(keys),
                             .weights = weights,
                             .weight_count = HD_COUNT(weights),
                             .aliases = aliases,
                             .respellings = respellings,
                             .tied = tied,
                             .tokenizer = &tokenizer,
                             .complete = complete,
                             .write = write};
