/* One vector for the states of a text, as sentence-transformers pools them (modules/pooling.py, version 6.2). */
#ifndef HD_LAYERS_POOLING_H
#define HD_LAYERS_POOLING_H

#include "layers/recipe.h"

typedef enum hd_state_pooling {
    HD_STATES_FIRST,     /* the first token's state: that of [CLS] */
    HD_STATES_MAX,       /* the largest number of each column */
    HD_STATES_MEAN,      /* Σ x / n */
    HD_STATES_MEAN_SQRT, /* Σ x / √n */
    HD_STATES_WEIGHTED,  /* Σ p x / Σ p, where p is the position of the token, from 1 */
    HD_STATES_LAST       /* the last token's state */
} hd_state_pooling;

/* The names of poolings in a config: "mean". */
extern const hd_choice hd_state_poolings[];

/* states [rows, columns] → pooled [columns]. `first` is the position of row 0 in its text, from 0; rows is at least 1.
 * sums [columns] is scratch. Sums are taken in double, over ascending rows. */
void hd_pool_states(hd_state_pooling pooling, const float *states, int64_t rows, int64_t columns, int64_t first,
                    double *sums, float *pooled);
/* x / max(|x|, 1e-12), as torch.nn.functional.normalize. */
void hd_normalize_vector(float *x, int64_t columns);

#endif
