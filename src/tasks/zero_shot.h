/* Zero-shot classification with a model of natural language inference (Yin et al., 2019): a label is as probable as the
 * hypothesis "This example is LABEL." follows from the text. */
#ifndef HD_TASKS_ZERO_SHOT_H
#define HD_TASKS_ZERO_SHOT_H

#include "base/settings.h"
#include "tasks/encoded.h"

typedef struct hd_zero_shot {
    const hd_string_list *labels;
    const char *template; /* of a hypothesis, with {} for the label; NULL: "This example is {}." */
    bool multi_label;     /* each label has a probability of its own */
    int64_t top;          /* labels per text; 0: all */
} hd_zero_shot;

/* The labels of each text, the most probable first, as the zero-shot-classification pipeline of transformers returns them. A text
 * that is too long is cut, never a hypothesis. HEED_UNSUPPORTED for a model without a label "entailment", HEED_ARGUMENT for a
 * template without {}. */
heed_status hd_classify_zero_shot(heed_model *model, const hd_zero_shot *settings, const hd_encoded_texts *texts,
                                  heed_results **results);

#endif
