/* Questions, each with the windows of its context, as run_qa.py of transformers makes them: the targets are the tokens in which
 * the first answer begins and ends. Where the question has no answer, or the window lacks a part of it, they are the first
 * token, which is that of the template. */
#include "data/readers/questions.h"
#include "data/readers/readers.h"
#include "base/utf8.h"
#include "text/pair_windows.h"

#include <stdio.h>
#include <string.h>

typedef struct reading {
    hd_corpus_builder *builder;
    hd_buffer ids, marks; /* int32, of a window */
    uint64_t elsewhere;   /* questions whose answer is not in the context where the file says */
} reading;

/* The tokens of the window in which the answer [start, end) begins and ends; both 0 if it has not all of the answer. */
static void find_ends(const hd_pair_window *window, size_t start, size_t end, size_t *first, size_t *last) {
    const hd_encoding *e = window->pair;
    size_t from = window->first, to = window->end;
    *first = *last = 0;
    if (from == to || e->starts[from] > start || e->ends[to - 1] < end) return;
    while (from + 1 < to && e->starts[from + 1] <= start) from++;
    while (to - 1 > window->first && e->ends[to - 2] >= end) to--;
    if (to - 1 < from) from = to - 1; /* tokens of one character have the same span */
    *first = from - window->first + e->firsts[1];
    *last = to - 1 - window->first + e->firsts[1];
}

static heed_status add_window(reading *r, const hd_pair_window *window, bool answered, size_t start, size_t end) {
    const hd_encoding *e = window->pair;
    size_t first = 0, last = 0;
    if (answered) find_ends(window, start, end, &first, &last);
    hd_buffer_clear(&r->ids);
    hd_buffer_clear(&r->marks);
    for (size_t i = 0; i < window->count; i++) {
        size_t token = hd_pair_window_token(window, i);
        int32_t mark = (int32_t)e->types[token] * HD_MARK_TYPE;
        if (i == first) mark |= HD_MARK_FIRST;
        if (i == last) mark |= HD_MARK_LAST;
        hd_buffer_append(&r->ids, &e->ids[token], sizeof *e->ids);
        hd_buffer_append(&r->marks, &mark, sizeof mark);
    }
    if (r->ids.failed || r->marks.failed) return HEED_MEMORY;
    return hd_corpus_add(r->builder,
                         (hd_side){.ids = (const int32_t *)(const void *)r->ids.data, .count = window->count},
                         (hd_side){.ids = (const int32_t *)(const void *)r->marks.data, .count = window->count}, 2);
}

static heed_status encode_question(hd_corpus_builder *b, const hd_question *question) {
    const hd_encode_options options = {
        .add_special = true, .second = question->context, .second_size = strlen(question->context)};
    heed_status status = hd_tokenizer_encode_with(b->tokenizer, b->context, question->question,
                                                  strlen(question->question), &options, &b->encoded_source);
    if (status == HEED_OK || status == HEED_MEMORY) return status;
    char place[512];
    snprintf(place, sizeof place, "%.400s: question %llu", b->options->source, (unsigned long long)question->number);
    return hd_fail_in(b->context, place);
}

static heed_status add_question(reading *r, const hd_question *question) {
    hd_corpus_builder *b = r->builder;
    hd_pair_windows windows;
    size_t start = 0, end = 0;
    if (hd_text_is_blank(question->question, strlen(question->question)) ||
        hd_text_is_blank(question->context, strlen(question->context))) {
        b->empty++;
        return HEED_OK;
    }
    if (question->count && !hd_reference_find(question, &question->answers[0], &start, &end)) {
        r->elsewhere++;
        return HEED_OK;
    }
    HD_TRY(encode_question(b, question));
    heed_status status =
        hd_pair_windows_cut(b->context, &b->encoded_source, (size_t)b->options->most, b->options->stride, &windows);
    if (status != HEED_OK) {
        b->long_ones++;
        return HEED_OK;
    }
    b->line = question->line;
    for (size_t i = 0; i < windows.count; i++) {
        hd_pair_window window = hd_pair_windows_get(&windows, i);
        HD_TRY(add_window(r, &window, question->count > 0, start, end));
    }
    return HEED_OK;
}

static heed_status read_all(reading *r, hd_questions *questions) {
    for (bool more;;) {
        HD_TRY(hd_questions_next(questions, &more));
        if (!more) break;
        HD_TRY(hd_check_stop(r->builder->context));
        HD_TRY(add_question(r, &questions->question));
    }
    if (r->elsewhere)
        hd_note(r->builder->context, "%s: %llu questions whose answer is not at its place in the context are left out",
                r->builder->options->source, (unsigned long long)r->elsewhere);
    return HEED_OK;
}

heed_status hd_read_questions(hd_corpus_builder *b) {
    reading r = {.builder = b};
    hd_questions questions;
    hd_buffer_open(&r.ids, b->context);
    hd_buffer_open(&r.marks, b->context);
    heed_status status = hd_questions_open(b->context, &b->source, &questions);
    if (status == HEED_OK) status = read_all(&r, &questions);
    hd_questions_close(&questions);
    hd_buffer_close(&r.ids);
    hd_buffer_close(&r.marks);
    return status;
}
