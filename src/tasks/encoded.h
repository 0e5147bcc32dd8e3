/* Texts through an encoder and its head: shared by classify, tag and fill. */
#ifndef HD_TASKS_ENCODED_H
#define HD_TASKS_ENCODED_H

#include "models/model.h"
#include "tasks/results.h"

/* A text and the model's output for it. */
typedef struct hd_encoded {
    heed_model *model;
    heed_results *results;
    size_t index;
    const char *text;
    size_t size;
    const hd_encoding *encoding;
    hd_pass *pass;     /* its memory lasts until `answer` returns */
    hd_tensor *logits; /* [1 or tokens, classes] */
} hd_encoded;

/* Encodes each text (a blank one as the empty text) and calls `answer`, which fills in results->items[index]; a text that is too long gets a problem
 * instead. A text's result depends on it alone. HEED_UNSUPPORTED unless the model has this head; `kind` names the
 * models that do: "a text classification model". */
heed_status hd_encode_texts(heed_model *model, hd_head head, const char *kind, const char *const *texts,
                            const size_t *sizes, size_t count,
                            heed_status (*answer)(void *user, const hd_encoded *encoded), void *user,
                            heed_results **results);

/* Predicts labels [count] of the tokens at positions `tokens` [count], jointly where the model has a CRF; returns their
 * logits [count, classes]. */
hd_tensor *hd_choose_labels(const hd_encoded *encoded, const int32_t *tokens, int64_t count, int32_t *labels);

#endif
