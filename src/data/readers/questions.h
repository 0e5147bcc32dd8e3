/* Questions about contexts, with their answers. A file is one JSON document, as SQuAD (Rajpurkar et al., 2016 and 2018) has it,
 *     {"data": [{"paragraphs": [{"context": …, "qas": [{"id", "question", "answers": [{"text", "answer_start"}]}]}]}]}
 * or an array, also under "data", of objects with "question", "context" and "answers", or such objects one per line. "answers"
 * may also be {"text": […], "answer_start": […]}, as in the package datasets. A question without an answer has none, or
 * "is_impossible". "answer_start" is in characters. */
#ifndef HD_DATA_QUESTIONS_H
#define HD_DATA_QUESTIONS_H

#include "base/lines.h"
#include "formats/json.h"

/* An answer, a part of the context. */
typedef struct hd_reference {
    const char *text;
    int64_t start; /* its first character in the context; −1: the file does not say */
} hd_reference;

typedef struct hd_question {
    const char *id; /* NULL: none */
    const char *question, *context;
    const hd_reference *answers; /* [count] */
    size_t count;
    uint64_t number; /* in the file, from 1 */
    uint64_t line;   /* of a file with one object per line, else 0 */
} hd_question;

/* It must not move between calls. */
typedef struct hd_questions {
    hd_question question;  /* its texts are valid until the next call */
    heed_context *context; /* the rest is private */
    hd_lines *lines;
    bool by_line, begun;
    hd_json document, data, article, paragraphs, paragraph, qas, item;
    size_t articles, next_article, paragraph_count, next_paragraph, qa_count, next_qa;
    hd_reference *answers; /* [capacity] */
    size_t capacity;
} hd_questions;

/* Reads a file whose lines are open, which the questions do not close. HEED_FORMAT names the place in the file. To be closed after
 * success and failure. */
heed_status hd_questions_open(heed_context *context, hd_lines *lines, hd_questions *questions);
/* The next question; false in *more after the last. */
heed_status hd_questions_next(hd_questions *questions, bool *more);
void hd_questions_close(hd_questions *questions);

/* The characters [start, end) of an answer in the context: at its place, or without one at its first occurrence. False if it is
 * not there. */
bool hd_reference_find(const hd_question *question, const hd_reference *answer, size_t *start, size_t *end);

#endif
