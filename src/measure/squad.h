/* Exact match and F1 of answers to the questions of a file. */
#ifndef HD_MEASURE_SQUAD_H
#define HD_MEASURE_SQUAD_H

#include "measure/squad_thresholds.h"
#include "models/model.h"

/* Sums over questions: all, those with an answer, and those without. */
typedef struct hd_squad_sums {
    double exact, f1;
    uint64_t count;
} hd_squad_sums;

typedef struct hd_squad_scores {
    bool second; /* of version 2.0: some questions have no answer */
    hd_squad_sums all, answered, unanswered;
    bool has_best; /* there are probabilities that questions have no answer, and the best scores: */
    hd_squad_best best_exact, best_f1;
} hd_squad_scores;

/* Of a model's answers. A question that it cannot read counts as wrong, and a note says so. HEED_FORMAT for a file without
 * questions. */
heed_status hd_squad_evaluate(heed_model *model, const char *path, hd_squad_scores *scores);
/* As a percentage. */
static inline double hd_squad_mean(double sum, uint64_t count) { return count ? 100 * sum / (double)count : 0; }

#endif
