/* BART (Lewis et al., 2020): as the Transformer of 2017, with learned positions, of which the first two rows of the table are
 * unused, and a norm after the embedding. model_type: "bart" */
#include "models/family.h"

static const hd_config_key keys[] = {
    {"pad_token_id", HD_KEY_ID, RECIPE(pad), "1"},
    {"eos_token_id", HD_KEY_IDS, RECIPE(eos), "2"},
    {"decoder_start_token_id", HD_KEY_ID, RECIPE(decoder_start), "2"},
    {"static_position_embeddings", HD_KEY_CONSTANT, 0, "false"},
};

static const hd_weight_name weights[] = {
    {HD_MODULE_POSITIONS, "model.{side}.embed_positions.weight"},
    {HD_MODULE_EMBEDDING_NORM, "model.{side}.layernorm_embedding"},
    {HD_MODULE_POOLER, "classification_head.dense"},
    {HD_MODULE_TEXT_OUTPUT, "classification_head.out_proj"},
    {HD_MODULE_ANSWER_OUTPUT, "qa_outputs"},
};

static void complete(hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) {
        recipe->side[i].positions = HD_POSITIONS_LEARNED;
        recipe->side[i].position_offset = 2;
        recipe->side[i].embedding_norm = true;
    }
    recipe->pooling = HD_POOL_LAST;
    recipe->head_dense = recipe->head == HD_HEAD_CLASSIFY_TEXT;
    recipe->head_activation = HD_TANH;
}

const hd_family hd_bart = {.model_type = "bart",
                           .architectures = {[HD_HEAD_LANGUAGE] = "BartForConditionalGeneration",
                                             [HD_HEAD_CLASSIFY_TEXT] = "BartForSequenceClassification",
                                             [HD_HEAD_ANSWER] = "BartForQuestionAnswering",
                                             [HD_HEAD_NONE] = "BartModel"},
                           .base = &hd_bart_common,
                           .keys = keys,
                           .key_count = HD_COUNT(keys),
                           .weights = weights,
                           .weight_count = HD_COUNT(weights),
                           .fresh = "{}",
                           .complete = complete};
