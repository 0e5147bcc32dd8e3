/* UMT5 (Chung et al., 2023): T5 1.1 with biases of position buckets in every layer. model_type: "umt5" */
#include "models/family.h"

static void complete(hd_recipe *recipe) {
    for (int i = 0; i < HD_SIDES; i++) {
        hd_side_recipe *side = &recipe->side[i];
        side->activation = HD_GELU_TANH;
        side->gated = true;
        side->bucket_per_layer = true;
    }
}

static const hd_other_class classes[] = {{"UMT5Model", HD_HEAD_LANGUAGE}, {NULL, HD_HEAD_NONE}};

const hd_family hd_umt5 = {.model_type = "umt5",
                           .architectures = {[HD_HEAD_LANGUAGE] = "UMT5ForConditionalGeneration",
                                             [HD_HEAD_CLASSIFY_TEXT] = "UMT5ForSequenceClassification",
                                             [HD_HEAD_ANSWER] = "UMT5ForQuestionAnswering",
                                             [HD_HEAD_CLASSIFY_TOKENS] = "UMT5ForTokenClassification",
                                             [HD_HEAD_NONE] = "UMT5EncoderModel"},
                           .base = &hd_t5,
                           .classes = classes,
                           .tied_if_missing = true,
                           .complete = complete};
