/* RoBERTa (Liu et al., 2019): BERT with other names, other heads, and positions that begin after the padding token's
 * id. model_type: "roberta" */
#include "models/family.h"

/* hidden_act is that of the layers alone. */
static const hd_config_key keys[] = {
    {"hidden_act", HD_KEY_CHOICE, ENCODER(activation), "gelu", hd_activations},
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "1"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "roberta.embeddings.word_embeddings.weight"},
    {HD_MODULE_POSITIONS, "roberta.embeddings.position_embeddings.weight"},
    {HD_MODULE_TOKEN_TYPES, "roberta.embeddings.token_type_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "roberta.embeddings.LayerNorm"},
    {HD_MODULE_Q, "roberta.encoder.layer.{}.attention.self.query"},
    {HD_MODULE_K, "roberta.encoder.layer.{}.attention.self.key"},
    {HD_MODULE_V, "roberta.encoder.layer.{}.attention.self.value"},
    {HD_MODULE_OUT, "roberta.encoder.layer.{}.attention.output.dense"},
    {HD_MODULE_ATTENTION_NORM, "roberta.encoder.layer.{}.attention.output.LayerNorm"},
    {HD_MODULE_FFN_UP, "roberta.encoder.layer.{}.intermediate.dense"},
    {HD_MODULE_FFN_DOWN, "roberta.encoder.layer.{}.output.dense"},
    {HD_MODULE_FFN_NORM, "roberta.encoder.layer.{}.output.LayerNorm"},
    {HD_MODULE_HEAD_DENSE, "lm_head.dense"},
    {HD_MODULE_HEAD_NORM, "lm_head.layer_norm"},
    {HD_MODULE_OUTPUT_LEARNED_BIAS, "lm_head"},
    {HD_MODULE_TOKEN_OUTPUT, "lm_head.decoder"},
    {HD_MODULE_POOLER, "classifier.dense"},
    {HD_MODULE_STORED_POOLER, "roberta.pooler.dense"},
    {HD_MODULE_TEXT_OUTPUT, "classifier.out_proj"},
    {HD_MODULE_OUTPUT, "classifier"},
};

static const char *const aliases[] = {"lm_head.decoder.weight", NULL};

static const hd_respelling respellings[] = {{"roberta.", ""}, {"lm_head.bias", "lm_head.decoder.bias"}, {NULL, NULL}};

static const hd_tied_pair tied[] = {{"lm_head.bias", "lm_head.decoder.bias"}, {NULL, NULL}};

/* The config counts the table's rows; those up to the padding token's own are not positions. */
static heed_status read(const hd_json *config, hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    if (recipe->head == HD_HEAD_MASKED) recipe->head_activation = HD_GELU; /* whatever hidden_act says */
    if (recipe->pad < 0)
        return hd_fail(config->context, HEED_UNSUPPORTED,
                       "%s: \"pad_token_id\" is null, but positions begin after the padding token", config->path);
    side->position_offset = recipe->pad + 1;
    side->pads_unplaced = true;
    side->max_positions -= side->position_offset;
    return hd_family_check_positions(config, recipe);
}

static int write(const hd_recipe *recipe, json_t *config) {
    const hd_side_recipe *side = &recipe->side[HD_ENCODER];
    return json_object_set_new(config, "max_position_embeddings",
                               json_integer(side->max_positions + side->position_offset));
}

static const hd_tokenizer_kind tokenizer = HD_KIND_MASK_BYTE_BPE;

const hd_family hd_roberta = {.model_type = "roberta",
                              .architectures = {[HD_HEAD_MASKED] = "RobertaForMaskedLM",
                                                [HD_HEAD_CLASSIFY_TEXT] = "RobertaForSequenceClassification",
                                                [HD_HEAD_CLASSIFY_TOKENS] = "RobertaForTokenClassification",
                                                [HD_HEAD_ANSWER] = "RobertaForQuestionAnswering",
                                                [HD_HEAD_NONE] = "RobertaModel"},
                              .prefix = "roberta.",
                              .base = &hd_bert,
                              .keys = keys,
                              .key_count = HD_COUNT(keys),
                              .weights = weights,
                              .weight_count = HD_COUNT(weights),
                              .aliases = aliases,
                              .tied = tied,
                              .tokenizer = &tokenizer,
                              .respellings = respellings,
                              .read = read,
                              .write = write};
