/* Exact match and F1 of answers, as the evaluation scripts of SQuAD 1.1 (Rajpurkar et al., 2016) and 2.0 (2018) compute them. Both
 * compare normalized texts: in lowercase, without ASCII punctuation, without the words "a", "an" and "the", with single spaces.
 * F1 is that of the words that both have. Of several references, the one with the best score counts. */
#ifndef HD_MEASURE_METRICS_SQUAD_H
#define HD_MEASURE_METRICS_SQUAD_H

#include "base/context.h"

/* A normalized text. */
typedef struct hd_squad_text {
    uint32_t *points, *lower;    /* the words are in `lower` */
    struct hd_squad_word *words; /* [count] */
    size_t count, point_capacity, lower_capacity, word_capacity;
} hd_squad_text;

typedef struct hd_squad_scorer {
    heed_context *context;
    hd_squad_text prediction, reference; /* memory for the next answers */
} hd_squad_scorer;

typedef struct hd_squad_score {
    double exact, f1; /* 0 to 1 */
} hd_squad_score;

/* Initialize the scorer with its context alone. The score of a prediction with these references [count]. With `second`, as in
 * version 2.0: references that are empty after normalization are left out, and a question without one has the empty answer, which
 * only an empty prediction matches. HEED_MEMORY. */
heed_status hd_squad_compare(hd_squad_scorer *scorer, bool second, const char *prediction, size_t size,
                             const char *const *references, size_t count, hd_squad_score *score);
void hd_squad_close(hd_squad_scorer *scorer);

#endif
