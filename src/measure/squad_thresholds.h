/* Probabilities that questions have no answer: above a threshold, the answer counts as empty. Follows evaluate-v2.0.py of SQuAD
 * (Rajpurkar, Jia and Liang, 2018), which also finds the thresholds with the best scores. */
#ifndef HD_MEASURE_SQUAD_THRESHOLDS_H
#define HD_MEASURE_SQUAD_THRESHOLDS_H

#include "formats/json.h"
#include "measure/metrics/squad.h"

typedef struct hd_squad_item {
    double probability; /* that there is no answer */
    hd_squad_score score;
    bool answered, empty; /* the question has an answer; the predicted one is empty */
    size_t place;         /* in the file */
} hd_squad_item;

typedef struct hd_squad_thresholds {
    hd_json file;         /* an object of probabilities by the ids of questions; its root is NULL without one */
    json_t *indices;      /* of items, by the ids */
    hd_squad_item *items; /* [count] */
    size_t count, capacity;
} hd_squad_thresholds;

typedef struct hd_squad_best {
    double score, threshold; /* the sum over questions; a larger probability means that there is no answer */
} hd_squad_best;

/* Reads the probabilities. The caller closes it, also after a failure. */
heed_status hd_squad_thresholds_open(heed_context *context, const char *path, hd_squad_thresholds *t);
void hd_squad_thresholds_close(hd_squad_thresholds *t);
/* Adds the score of an answer; it changes if the probability is above the threshold. HEED_FORMAT without a probability. */
heed_status hd_squad_thresholds_add(hd_squad_thresholds *t, const char *id, bool answered, bool empty, double threshold,
                                    hd_squad_score *score);
/* The best exact matches and the best F1. Sorts the items. */
void hd_squad_thresholds_best(hd_squad_thresholds *t, hd_squad_best *exact, hd_squad_best *f1);

#endif
