#include "data/readers/questions.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* ---- one question ---- */

/* A zero byte would end it. */
static bool is_text(const json_t *value) {
    return json_is_string(value) && strlen(json_string_value(value)) == json_string_length(value);
}

static heed_status add_answer(hd_questions *q, const char *text, int64_t start) {
    if (!hd_grow(q->context, &q->answers, &q->capacity, q->question.count + 1, sizeof *q->answers)) return HEED_MEMORY;
    q->answers[q->question.count++] = (hd_reference){text, start};
    return HEED_OK;
}

/* [{"text": …, "answer_start": …}] or ["…"] */
static heed_status read_answer_list(hd_questions *q, const hd_json *item) {
    hd_json list, answer;
    size_t count;
    HD_TRY(hd_json_array(item, "answers", &list, &count));
    for (size_t i = 0; i < count; i++) {
        const char *text;
        int64_t start = -1;
        hd_json_element(&list, i, &answer);
        if (is_text(answer.root)) {
            HD_TRY(add_answer(q, json_string_value(answer.root), -1));
            continue;
        }
        HD_TRY(hd_json_require(&answer, "text"));
        HD_TRY(hd_json_string(&answer, "text", NULL, &text));
        HD_TRY(hd_json_int(&answer, "answer_start", -1, 0, UINT32_MAX, &start));
        HD_TRY(add_answer(q, text, start));
    }
    return HEED_OK;
}

/* {"text": […], "answer_start": […]} */
static heed_status read_answer_columns(hd_questions *q, const hd_json *item) {
    hd_json answers, texts, starts;
    size_t count, start_count;
    HD_TRY(hd_json_object(item, "answers", &answers));
    HD_TRY(hd_json_array(&answers, "text", &texts, &count));
    HD_TRY(hd_json_array(&answers, "answer_start", &starts, &start_count));
    if (start_count && start_count != count) return hd_json_expected(&answers, "answer_start", "one per text");
    for (size_t i = 0; i < count; i++) {
        int64_t start = -1;
        const json_t *text = json_array_get(texts.root, i);
        if (!is_text(text)) return hd_json_expected(&answers, "text", "an array of strings");
        if (start_count && (!hd_json_value_int(json_array_get(starts.root, i), &start) || start < 0))
            return hd_json_expected(&answers, "answer_start", "an array of integers of at least 0");
        HD_TRY(add_answer(q, json_string_value(text), start));
    }
    return HEED_OK;
}

static heed_status read_answers(hd_questions *q, const hd_json *item) {
    bool impossible;
    HD_TRY(hd_json_bool(item, "is_impossible", false, &impossible));
    if (impossible) return HEED_OK;
    HD_TRY(hd_json_require(item, "answers"));
    return json_is_object(json_object_get(item->root, "answers")) ? read_answer_columns(q, item)
                                                                  : read_answer_list(q, item);
}

/* An object with the question, and one, which may be the same, with the context. */
static heed_status read_question(hd_questions *q, const hd_json *item, const hd_json *owner) {
    hd_question *question = &q->question;
    uint64_t number = question->number + 1;
    *question = (hd_question){.number = number, .line = q->by_line ? q->lines->number : 0};
    HD_TRY(hd_json_require(item, "question"));
    HD_TRY(hd_json_require(owner, "context"));
    HD_TRY(hd_json_string(item, "question", NULL, &question->question));
    HD_TRY(hd_json_string(owner, "context", NULL, &question->context));
    if (json_is_string(json_object_get(item->root, "id"))) HD_TRY(hd_json_string(item, "id", NULL, &question->id));
    heed_status status = read_answers(q, item);
    question->answers = q->answers;
    return status;
}

/* ---- the file ---- */

static bool next_line(hd_lines *lines) {
    while (hd_lines_next(lines))
        if (!hd_line_is_blank(lines)) return true;
    return false;
}

static heed_status open_line(hd_questions *q) {
    char name[512];
    snprintf(name, sizeof name, "%.460s: line %llu", q->lines->path, (unsigned long long)q->lines->number);
    hd_json_close(&q->document);
    return hd_json_open_bytes(q->context, name, q->lines->text, q->lines->size, HD_JSON_LENIENT, &q->document);
}

/* The first line is an object of its own, or the document is all lines. */
static heed_status open_document(hd_questions *q) {
    hd_buffer text;
    hd_buffer_open(&text, q->context);
    do {
        hd_buffer_append(&text, q->lines->text, q->lines->size);
        hd_buffer_byte(&text, '\n');
    } while (hd_lines_next(q->lines));
    heed_status status = text.failed ? HEED_MEMORY : q->lines->status;
    if (status == HEED_OK)
        status = hd_json_open_bytes(q->context, q->lines->path, text.data, text.size, HD_JSON_LENIENT, &q->document);
    hd_buffer_close(&text);
    return status;
}

static heed_status open_data(hd_questions *q) {
    if (json_is_array(q->document.root)) {
        q->data = q->document;
        q->articles = json_array_size(q->document.root);
        return HEED_OK;
    }
    HD_TRY(hd_json_require(&q->document, "data"));
    return hd_json_array(&q->document, "data", &q->data, &q->articles);
}

heed_status hd_questions_open(heed_context *context, hd_lines *lines, hd_questions *q) {
    *q = (hd_questions){.context = context, .lines = lines};
    if (!next_line(lines))
        return lines->status != HEED_OK ? lines->status
                                        : hd_fail(context, HEED_FORMAT, "%s holds no question", lines->path);
    heed_context quiet =
        hd_context_worker(context, 1); /* the message of a line that is no document is not the caller's */
    heed_status status =
        hd_json_open_bytes(&quiet, lines->path, lines->text, lines->size, HD_JSON_LENIENT, &q->document);
    if (status == HEED_MEMORY) return hd_fail_as(context, &quiet, status);
    q->document.context = context;
    if (status == HEED_OK && json_is_object(q->document.root) && !hd_json_has(&q->document, "data")) {
        q->by_line = true;
        return open_line(q);
    }
    if (status != HEED_OK) HD_TRY(open_document(q));
    return open_data(q);
}

static heed_status next_of_lines(hd_questions *q, bool *more) {
    *more = !q->begun || next_line(q->lines);
    if (!*more) return q->lines->status;
    if (q->begun) HD_TRY(open_line(q));
    q->begun = true;
    return read_question(q, &q->document, &q->document);
}

heed_status hd_questions_next(hd_questions *q, bool *more) {
    if (q->by_line) return next_of_lines(q, more);
    *more = true;
    for (;;) {
        if (q->next_qa < q->qa_count) {
            hd_json_element(&q->qas, q->next_qa++, &q->item);
            return read_question(q, &q->item, &q->paragraph);
        }
        if (q->next_paragraph < q->paragraph_count) {
            hd_json_element(&q->paragraphs, q->next_paragraph++, &q->paragraph);
            HD_TRY(hd_json_array(&q->paragraph, "qas", &q->qas, &q->qa_count));
            q->next_qa = 0;
            continue;
        }
        if (q->next_article == q->articles) break;
        hd_json_element(&q->data, q->next_article++, &q->article);
        if (!hd_json_has(&q->article, "paragraphs")) return read_question(q, &q->article, &q->article);
        HD_TRY(hd_json_array(&q->article, "paragraphs", &q->paragraphs, &q->paragraph_count));
        q->next_paragraph = 0;
    }
    *more = false;
    return HEED_OK;
}

void hd_questions_close(hd_questions *q) {
    if (!q->context) return;
    hd_json_close(&q->document);
    hd_free(q->context, q->answers);
}

/* ---- answers ---- */

bool hd_reference_find(const hd_question *question, const hd_reference *answer, size_t *start, size_t *end) {
    const char *context = question->context, *place;
    size_t size = strlen(context), length = strlen(answer->text);
    if (answer->start < 0) {
        place = strstr(context, answer->text);
        if (!place) return false;
        *start = hd_utf8_count(context, (size_t)(place - context));
    } else {
        size_t at = hd_utf8_offset(context, size, (size_t)answer->start);
        if (size - at < length || memcmp(context + at, answer->text, length) != 0) return false;
        *start = (size_t)answer->start;
    }
    *end = *start + hd_utf8_count(answer->text, length);
    return *end > *start;
}
