/* CamemBERT (Martin et al., 2019): RoBERTa by another name. model_type: "camembert" */
#include "models/family.h"

static const hd_tokenizer_kind tokenizer = HD_KIND_MASK_BYTE_BPE;

const hd_family hd_camembert = {.model_type = "camembert",
                                .architectures = {[HD_HEAD_MASKED] = "CamembertForMaskedLM",
                                                  [HD_HEAD_CLASSIFY_TEXT] = "CamembertForSequenceClassification",
                                                  [HD_HEAD_CLASSIFY_TOKENS] = "CamembertForTokenClassification",
                                                  [HD_HEAD_ANSWER] = "CamembertForQuestionAnswering",
                                                  [HD_HEAD_NONE] = "CamembertModel"},
                                .base = &hd_roberta,
                                .tokenizer = &tokenizer};
