/* Answers to an array of texts: for each text its alternatives with scores, or why it has none. */
#ifndef HD_TASKS_RESULTS_H
#define HD_TASKS_RESULTS_H

#include "base/arena.h"

typedef struct hd_answer {
    const char *text;
    float score;
} hd_answer;

typedef struct hd_result {
    hd_answer *answers; /* [count], the best first */
    size_t count;
    const char *problem; /* NULL: none */
} hd_result;

struct heed_results {
    heed_context *context;
    hd_arena arena;
    hd_result *items; /* [count] */
    size_t count;
};

heed_status hd_results_open(heed_context *context, size_t count, heed_results **results);

#endif
