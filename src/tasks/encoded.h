/* Texts through an encoder and its head: what classifying, tagging and filling share. */
#ifndef HD_TASKS_ENCODED_H
#define HD_TASKS_ENCODED_H

#include "models/model.h"
#include "tasks/results.h"

/* A text with what the model makes of it. */
typedef struct hd_encoded {
    heed_model *model;
    heed_results *results;
    size_t index;
    const char *text;
    size_t size;
    const hd_encoding *encoding;
    hd_pass *pass;     /* whose memory lasts until the answer is made */
    hd_tensor *logits; /* [1 or tokens, classes] */
} hd_encoded;

/* Makes answers of each text that is not too long; those are given a problem. A text's result depends on it alone. */
heed_status hd_encode_texts(heed_model *model, hd_head head, const char *what, const char *const *texts,
                            const size_t *sizes, size_t count,
                            heed_status (*answer)(void *user, const hd_encoded *encoded), void *user,
                            heed_results **results);

/* The label of each of some tokens, chosen together where the model does; returns their rows of the logits. */
hd_tensor *hd_choose_labels(const hd_encoded *encoded, const int32_t *tokens, int64_t count, int32_t *labels);

/* Softmax of a row of logits: probabilities [count] in double. */
void hd_probabilities(const float *logits, int64_t count, double *probabilities);

#endif
