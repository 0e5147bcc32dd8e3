/* Copying from the source (CopyNet, Gu et al., 2016). The logits of a row and its scores of the source's tokens have one softmax:
 * token w has the logit l'_w = log(exp l_w + Σ exp score_j), over the places j of w in the source, and with g = dl'
 *   dl_w = g_w exp(l_w − l'_w),   d_score_j = g_w exp(score_j − l'_w)
 * Shared by the ops that compute logits. */
#ifndef HD_AUTOGRAD_COPYING_H
#define HD_AUTOGRAD_COPYING_H

#include "autograd/pass.h"

/* What rows may copy. */
typedef struct hd_copies {
    hd_layout rows, sources; /* the rows of a sequence copy from its source */
    const int32_t *ids;      /* [tokens of the sources] */
    hd_tensor *scores;       /* [pairs, 1]: of each sequence [rows, tokens], one after the other */
} hd_copies;

/* Logits [row_count, columns] of rows from first_row on, and of tokens from first_token on. */
typedef struct hd_copied_logits {
    const hd_copies *copies;
    int64_t first_row, row_count, first_token, columns;
    float *logits; /* device */
    float *shares; /* device [2, pairs], for the gradient; NULL: not needed */
} hd_copied_logits;

/* The logits become those with the copies. */
void hd_add_copies(hd_pass *pass, const hd_copied_logits *to);
/* Their gradients become those of the logits without the copies; d_scores [pairs] is added to. */
void hd_add_copies_backward(hd_pass *pass, const hd_copied_logits *to, float *d_scores);

#endif
