/* Labelled tokens as the token-classification pipeline of transformers returns them. */
#ifndef HD_TASKS_AGGREGATE_H
#define HD_TASKS_AGGREGATE_H

#include "tasks/encoded.h"

/* The values of the option "aggregation", in this order. */
typedef enum hd_aggregation {
    HD_AGGREGATE_ENTITIES, /* heed's own: tasks/tag.c */
    HD_AGGREGATE_NONE,     /* each token is an answer */
    HD_AGGREGATE_SIMPLE,   /* adjacent tokens with labels of one kind are an entity */
    HD_AGGREGATE_FIRST,    /* the same for words, which have the label of their first token, */
    HD_AGGREGATE_AVERAGE,  /* the label with the highest mean probability, */
    HD_AGGREGATE_MAX       /* or that of the token with the highest probability */
} hd_aggregation;
#define HD_AGGREGATIONS "entities|none|simple|first|average|max"

/* Adds the answers of a text or a window, those with the label "O" included. The rows of `encoded` are the tokens of the text.
 * `labels` [row_count] are their labels and `logits` [row_count, classes] their logits. */
heed_status hd_aggregate_labels(const hd_encoded *encoded, hd_aggregation aggregation, const int32_t *labels,
                                const float *logits, int64_t classes);
/* Of the answers of overlapping windows that have characters in common, keeps the longest one; of equally long ones that with the
 * highest score. Sorts the answers by their place. */
void hd_merge_overlapping(hd_result *item);

#endif
