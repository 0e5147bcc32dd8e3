/* MPNet (Song et al., 2020): RoBERTa with biases of position buckets besides learned positions, one table for all layers, and
 * without token types. The padding token is always 1. model_type: "mpnet" */
#include "models/family.h"

enum { PAD = 1, BUCKETS = 32, DISTANCE = 128 };

static const hd_config_key keys[] = {
    {"pad_token_id", HD_KEY_CONSTANT, 0, "1"},
    {"relative_attention_num_buckets", HD_KEY_CONSTANT, 0, "32"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_EMBEDDING, "mpnet.embeddings.word_embeddings.weight"},
    {HD_MODULE_POSITIONS, "mpnet.embeddings.position_embeddings.weight"},
    {HD_MODULE_EMBEDDING_NORM, "mpnet.embeddings.LayerNorm"},
    {HD_MODULE_POSITION_BIAS, "mpnet.encoder.relative_attention_bias.weight"},
    {HD_MODULE_Q, "mpnet.encoder.layer.{}.attention.attn.q"},
    {HD_MODULE_K, "mpnet.encoder.layer.{}.attention.attn.k"},
    {HD_MODULE_V, "mpnet.encoder.layer.{}.attention.attn.v"},
    {HD_MODULE_OUT, "mpnet.encoder.layer.{}.attention.attn.o"},
    {HD_MODULE_ATTENTION_NORM, "mpnet.encoder.layer.{}.attention.LayerNorm"},
    {HD_MODULE_FFN_UP, "mpnet.encoder.layer.{}.intermediate.dense"},
    {HD_MODULE_FFN_DOWN, "mpnet.encoder.layer.{}.output.dense"},
    {HD_MODULE_FFN_NORM, "mpnet.encoder.layer.{}.output.LayerNorm"},
    {HD_MODULE_STORED_POOLER, "mpnet.pooler.dense"},
};

static const hd_respelling respellings[] = {{"mpnet.", ""}, {NULL, NULL}};

static void complete(hd_recipe *recipe) {
    hd_side_recipe *side = &recipe->side[HD_ENCODER];
    side->position_buckets = BUCKETS;
    side->bucket_distance = DISTANCE;
    recipe->pad = PAD;
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    recipe->side[HD_ENCODER].token_types = 0;
    if (recipe->pad == PAD) return HEED_OK;
    return hd_fail(config->context, HEED_UNSUPPORTED, "%s: the padding token is %d, but MPNet's is always %d",
                   config->path, recipe->pad, PAD);
}

static int write(const hd_recipe *recipe, json_t *config) {
    (void)recipe;
    return json_object_del(config, "type_vocab_size");
}

static const hd_tokenizer_kind tokenizer = HD_KIND_MASK_BYTE_BPE;

const hd_family hd_mpnet = {.model_type = "mpnet",
                            .architectures = {[HD_HEAD_MASKED] = "MPNetForMaskedLM",
                                              [HD_HEAD_CLASSIFY_TEXT] = "MPNetForSequenceClassification",
                                              [HD_HEAD_CLASSIFY_TOKENS] = "MPNetForTokenClassification",
                                              [HD_HEAD_ANSWER] = "MPNetForQuestionAnswering",
                                              [HD_HEAD_NONE] = "MPNetModel"},
                            .prefix = "mpnet.",
                            .base = &hd_roberta,
                            .keys = keys,
                            .key_count = HD_COUNT(keys),
                            .weights = weights,
                            .weight_count = HD_COUNT(weights),
                            .respellings = respellings,
                            .tokenizer = &tokenizer,
                            .complete = complete,
                            .read = read,
                            .write = write};
