/* mT5 (Xue et al., 2021): T5 1.1, whose scores of tokens are never scaled. model_type: "mt5" */
#include "models/family.h"

static const hd_config_key keys[] = {{"tie_word_embeddings", HD_KEY_NOT, RECIPE(untied), "true"}};

static void complete(hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) recipe->side[i].activation = HD_GELU_TANH, recipe->side[i].gated = true;
}

static heed_status read(const hd_json *config, hd_recipe *recipe) {
    (void)config;
    recipe->scale_logits = false;
    return HEED_OK;
}

static const hd_other_class classes[] = {{"MT5Model", HD_HEAD_LANGUAGE}, {NULL, HD_HEAD_NONE}};

const hd_family hd_mt5 = {.model_type = "mt5",
                          .architectures = {[HD_HEAD_LANGUAGE] = "MT5ForConditionalGeneration",
                                            [HD_HEAD_CLASSIFY_TEXT] = "MT5ForSequenceClassification",
                                            [HD_HEAD_ANSWER] = "MT5ForQuestionAnswering",
                                            [HD_HEAD_CLASSIFY_TOKENS] = "MT5ForTokenClassification",
                                            [HD_HEAD_NONE] = "MT5EncoderModel"},
                          .base = &hd_t5,
                          .classes = classes,
                          .tied_if_missing = true,
                          .keys = keys,
                          .key_count = HD_COUNT(keys),
                          .complete = complete,
                          .read = read};
