/* The results of an array of texts: for each text its answers with scores, or why it has none. */
#ifndef HD_TASKS_RESULTS_H
#define HD_TASKS_RESULTS_H

#include "base/arena.h"

/* A token with its log-probability under the model's distribution. */
typedef struct hd_scored_token {
    int32_t token;
    float log_prob;
    const char *text; /* [size] and a 0: the bytes that it adds to a text */
    size_t size;
} hd_scored_token;

/* The generated tokens of an answer, each followed by the most probable ones in its place. */
typedef struct hd_answer_tokens {
    size_t count, top;
    const hd_scored_token *items; /* [count, 1 + top] */
} hd_answer_tokens;

typedef struct hd_answer {
    const char *text; /* [size] and a 0 */
    size_t size;
    float score;
    const char *label;       /* NULL: none */
    uint32_t start, end;     /* characters [start, end) of the text that the answer refers to */
    const char *alignment;   /* NULL: none was requested */
    hd_answer_tokens tokens; /* none unless they were requested */
    int32_t token;           /* id of the predicted token */
    int32_t position;        /* of the first token that the answer refers to, among those of the text */
    size_t generated;        /* tokens, with the one that ended it; 0 unless a session made the answer */
    bool ended;              /* by an end token or a stop string, and not by the limit of length */
} hd_answer;

typedef struct hd_result {
    hd_answer *answers; /* [count], the best first */
    size_t count;
    const char *problem; /* NULL: none */
    const char *note;    /* NULL: none */
    const float *vector; /* [columns]; NULL: none */
    size_t prompt;       /* tokens of the text: of a session, and of encoded.h */
    size_t columns;
} hd_result;

struct heed_results {
    heed_context *context;
    hd_arena arena;
    hd_result *items; /* [count] */
    size_t count;
};

/* A copy that lives as long as the results; NULL when out of memory. */
char *hd_results_copy(heed_results *results, const char *text, size_t size);
/* Records why a text has no answer. */
heed_status hd_results_problem(heed_results *results, size_t index, const char *problem);
/* Records what a caller should know about the answer to a text. */
heed_status hd_results_note(heed_results *results, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* HEED_ARGUMENT for texts that cannot be: NULL, or more than memory can address. */
heed_status hd_results_check(heed_context *context, const char *const *texts, size_t count);
heed_status hd_results_open(heed_context *context, size_t count, heed_results **results);

#endif
