/* ELECTRA (Clark et al., 2020): BERT with other heads, and with embeddings that are projected where they have a width of their
 * own. The generator fills in masks; the discriminator is opened without its head. model_type: "electra" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"embedding_size", HD_KEY_INT, RECIPE(embedding_width), "128"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "electra.embeddings.word_embeddings.weight"},
    {HD_MODULE_POSITIONS, "electra.embeddings.position_embeddings.weight"},
    {HD_MODULE_TOKEN_TYPES, "electra.embeddings.token_type_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "electra.embeddings.LayerNorm"},
    {HD_MODULE_EMBEDDING_PROJECTION, "electra.embeddings_project"},
    {HD_MODULE_Q, "electra.encoder.layer.{}.attention.self.query"},
    {HD_MODULE_K, "electra.encoder.layer.{}.attention.self.key"},
    {HD_MODULE_V, "electra.encoder.layer.{}.attention.self.value"},
    {HD_MODULE_OUT, "electra.encoder.layer.{}.attention.output.dense"},
    {HD_MODULE_ATTENTION_NORM, "electra.encoder.layer.{}.attention.output.LayerNorm"},
    {HD_MODULE_FFN_UP, "electra.encoder.layer.{}.intermediate.dense"},
    {HD_MODULE_FFN_DOWN, "electra.encoder.layer.{}.output.dense"},
    {HD_MODULE_FFN_NORM, "electra.encoder.layer.{}.output.LayerNorm"},
    {HD_MODULE_HEAD_DENSE, "generator_predictions.dense"},
    {HD_MODULE_HEAD_NORM, "generator_predictions.LayerNorm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "generator_lm_head"},
    {HD_MODULE_TOKEN_OUTPUT, "generator_lm_head"},
    {HD_MODULE_POOLER, "classifier.dense"},
    {HD_MODULE_TEXT_OUTPUT, "classifier.out_proj"},
};

static const char *const aliases[] = {"generator_lm_head.weight", NULL};

static const hd_respelling respellings[] = {{"electra.", ""}, {NULL, NULL}};

static const hd_other_class classes[] = {{"ElectraForPreTraining", HD_HEAD_NONE}, {NULL, HD_HEAD_NONE}};

/* Heads have GELU whatever hidden_act says. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    if (recipe->head_dense || recipe->head == HD_HEAD_MASKED) recipe->head_activation = HD_GELU;
    return HEED_OK;
}

static int write(const hd_recipe *recipe, json_t *config) {
    return json_object_set_new(config, "embedding_size", json_integer(hd_recipe_embedding_width(recipe)));
}

static const hd_tokenizer_kind tokenizer = HD_KIND_WORDPIECE;

const hd_family hd_electra = {.model_type = "electra",
                              .architectures = {[HD_HEAD_MASKED] = "ElectraForMaskedLM",
                                                [HD_HEAD_CLASSIFY_TEXT] = "ElectraForSequenceClassification",
                                                [HD_HEAD_CLASSIFY_TOKENS] = "ElectraForTokenClassification",
                                                [HD_HEAD_ANSWER] = "ElectraForQuestionAnswering",
                                                [HD_HEAD_NONE] = "ElectraModel"},
                              .classes = classes,
                              .prefix = "electra.",
                              .base = &hd_bert,
                              .keys = keys,
                              .key_count = HD_COUNT(keys),
                              .weights = weights,
                              .weight_count = HD_COUNT(weights),
                              .aliases = aliases,
                              .respellings = respellings,
                              .tokenizer = &tokenizer,
                              .read = read,
                              .write = write};
