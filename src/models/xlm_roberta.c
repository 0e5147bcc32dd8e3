/* XLM-RoBERTa (Conneau et al., 2019): RoBERTa by another name. model_type: "xlm-roberta" */
#include "models/family.h"

static const hd_tokenizer_kind tokenizer = HD_KIND_MASK_BYTE_BPE;

const hd_family hd_xlm_roberta = {.model_type = "xlm-roberta",
                                  .architectures = {[HD_HEAD_MASKED] = "XLMRobertaForMaskedLM",
                                                    [HD_HEAD_CLASSIFY_TEXT] = "XLMRobertaForSequenceClassification",
                                                    [HD_HEAD_CLASSIFY_TOKENS] = "XLMRobertaForTokenClassification",
                                                    [HD_HEAD_ANSWER] = "XLMRobertaForQuestionAnswering",
                                                    [HD_HEAD_NONE] = "XLMRobertaModel"},
                                  .base = &hd_roberta,
                                  .tokenizer = &tokenizer};
