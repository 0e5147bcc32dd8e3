/* Questions with their contexts, and the options of heed_answer: shared by its two forms. */
#ifndef HD_TASKS_QUESTIONED_H
#define HD_TASKS_QUESTIONED_H

#include <string.h>

#include "base/context.h"

/* Options of heed_answer. */
typedef struct hd_answer_settings {
    int64_t top;               /* answers per question */
    int64_t max_answer_tokens; /* of a span */
    int64_t window, stride;    /* 0, −1: by the model */
    bool no_answer;            /* the empty answer is one of the candidates */
    bool subwords;             /* spans may begin and end inside of words */
    int64_t max_new_tokens;    /* of a generated answer */
} hd_answer_settings;

/* Questions and their contexts, [count] each, with sizes in bytes. */
typedef struct hd_questioned_texts {
    const char *const *questions, *const *contexts;
    const size_t *question_sizes, *context_sizes; /* NULL: the texts end with a zero */
    size_t count;
} hd_questioned_texts;

static inline size_t hd_text_size(const char *const *texts, const size_t *sizes, size_t index) {
    return sizes ? sizes[index] : strlen(texts[index]);
}

/* Why a question cannot be answered before a model reads it, or NULL. */
static inline const char *hd_question_problem(const hd_questioned_texts *texts, size_t index) {
    if (heed_text_is_blank(texts->questions[index], hd_text_size(texts->questions, texts->question_sizes, index)))
        return "the question is empty";
    if (heed_text_is_blank(texts->contexts[index], hd_text_size(texts->contexts, texts->context_sizes, index)))
        return "the context is empty";
    return NULL;
}

#endif
