/* Question answering. The answer is a span of the context. A model scores each token of the context as its first and as its last
 * one (Devlin et al., 2018). Follows QuestionAnsweringPipeline of transformers 4.57: a context that is too long is read in
 * overlapping windows; in each of them, the score of a span is the product of the probabilities of its ends. */
#include "base/checksum.h"
#include "base/float_environment.h"
#include "base/options.h"
#include "base/real.h"
#include "base/utf8.h"
#include "tasks/answer_generated.h"
#include "tasks/encoded.h"
#include "text/lower.h"
#include "text/pair_windows.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST_WINDOW = 384 }; /* max_seq_len of transformers */

#define F(field) offsetof(hd_answer_settings, field)
#define LENGTHS  "Lengths and windows"
static const hd_setting option_rows[] = {
    {"top", HD_SETTING_INT, F(top), "1", 1, 1 << 16, "NUMBER", "answers per question, the most probable first"},
    {"no-answer", HD_SETTING_BOOL, F(no_answer), NULL, 0, 0, NULL,
     "allow the empty answer, for questions that the context does not answer"},
    {"max-answer-tokens", HD_SETTING_INT, F(max_answer_tokens), "15", 1, 1 << 20, "NUMBER",
     "maximum tokens of an answer that is a part of the context", NULL, 0, LENGTHS},
    {"window", HD_SETTING_INT, F(window), "0", 0, 1 << 24, "NUMBER",
     "tokens of a window, those of the question included; 0: 384, or fewer if the model has fewer positions", NULL, 0,
     LENGTHS},
    {"stride", HD_SETTING_INT, F(stride), "-1", -1, 1 << 24, "NUMBER",
     "tokens that windows of a long context have in common; -1: 128, or half of a short window", NULL, 0, LENGTHS},
    {"subwords", HD_SETTING_BOOL, F(subwords), NULL, 0, 0, NULL, "allow answers that begin or end inside of a word"},
    {"max-new-tokens", HD_SETTING_INT, F(max_new_tokens), "64", 1, 1 << 24, "NUMBER",
     "maximum tokens of an answer that the model generates", NULL, 0, LENGTHS},
};
#undef F

static const hd_option_table table = {option_rows, HD_COUNT(option_rows), sizeof(hd_answer_settings)};

heed_status heed_answer_options(heed_context *context, heed_options **options) {
    return hd_options_open(context, &table, options);
}

/* A span of the context that may be the answer, in tokens of the pair. */
typedef struct candidate {
    uint32_t first, last;
    float score;
} candidate;

typedef struct window {
    hd_pair_window part;
    candidate *candidates; /* [count], the best first, in the arena */
    int64_t count;
    float no_answer; /* the score of the empty answer */
} window;

/* A question of which the windows are waiting. */
typedef struct question {
    size_t index;
    size_t first, end; /* windows */
    hd_encoding pair;
    hd_pair_windows windows;
} question;

typedef struct answering {
    heed_model *model;
    const hd_answer_settings *settings;
    const hd_questioned_texts *texts;
    heed_results *results;
    int64_t longest;      /* tokens of a window */
    question **questions; /* [question_count], in the arena: windows point at their pairs */
    window *windows;
    size_t question_count, question_capacity, window_count, window_capacity;
    size_t tokens;            /* of the windows */
    hd_arena arena;           /* of what is waiting */
    uint32_t *points, *lower; /* of an answer that is compared */
    size_t point_capacity, lower_capacity;
} answering;

/* ---- one window ---- */

static bool is_before(const candidate *a, const candidate *b) {
    if (a->score != b->score) return a->score > b->score;
    return a->first != b->first ? a->first < b->first : a->last < b->last;
}

/* Inserts a candidate among the best `most`. */
static void keep(window *w, int64_t most, candidate c) {
    int64_t place = w->count;
    if (place == most && !is_before(&c, &w->candidates[most - 1])) return;
    if (place < most)
        w->count++;
    else
        place--;
    for (; place > 0 && is_before(&c, &w->candidates[place - 1]); place--)
        w->candidates[place] = w->candidates[place - 1];
    w->candidates[place] = c;
}

static bool is_class_token(const answering *a, int32_t id) { return id == a->model->specials[HD_SPECIAL_CLS]; }

/* The rows of the tokens that share the probability: those of the context, and "[CLS]", which stands for no answer. */
static heed_status select_rows(void *user, const hd_encoded *e, int32_t *rows, int64_t *count) {
    const answering *a = user;
    const hd_pair_window *part = &a->windows[e->index].part;
    size_t first = part->pair->firsts[1], end = first + part->end - part->first;
    for (size_t i = 0; i < part->count; i++)
        if ((i >= first && i < end) || is_class_token(a, e->encoding->ids[i])) rows[(*count)++] = (int32_t)i;
    return HEED_OK;
}

/* The probabilities [count] of one end, column 0 or 1 of the logits. */
static void end_probabilities(const hd_encoded *e, const float *logits, int end, float *column, double *probabilities) {
    for (int64_t i = 0; i < e->row_count; i++) column[i] = logits[2 * i + end];
    hd_softmax(column, e->row_count, probabilities);
}

static heed_status answer_window(void *user, const hd_encoded *e) {
    answering *a = user;
    window *w = &a->windows[e->index];
    int64_t rows = e->row_count,
            most = a->settings->top * (a->settings->subwords ? 1 : 2) + (a->settings->subwords ? 0 : 10);
    size_t context = w->part.pair->firsts[1], end = context + w->part.end - w->part.first;
    if (!rows) return HEED_OK;
    const float *logits = hd_pass_download(e->pass, e->logits->data, 2 * rows);
    float *column = hd_pass_alloc(e->pass, (size_t)rows, sizeof *column);
    double *first = hd_pass_alloc(e->pass, (size_t)rows, sizeof *first);
    double *last = hd_pass_alloc(e->pass, (size_t)rows, sizeof *last);
    if (!logits || !column || !first || !last) return e->pass->status;
    w->candidates = hd_arena_alloc(&a->arena, (size_t)hd_min(most, rows * rows), sizeof *w->candidates);
    if (!w->candidates) return HEED_MEMORY;
    end_probabilities(e, logits, 0, column, first);
    end_probabilities(e, logits, 1, column, last);
    if (e->rows[0] == 0) w->no_answer = (float)(first[0] * last[0]);
    for (int64_t i = 0; i < rows; i++) {
        size_t begins = (size_t)e->rows[i];
        if (begins < context || begins >= end) continue;
        for (int64_t j = i; j < rows && e->rows[j] - e->rows[i] < a->settings->max_answer_tokens; j++) {
            float score = (float)(first[i] * last[j]);
            if ((size_t)e->rows[j] >= end || !(score > 0)) continue;
            keep(w, most,
                 (candidate){(uint32_t)hd_pair_window_token(&w->part, begins),
                             (uint32_t)hd_pair_window_token(&w->part, (size_t)e->rows[j]), score});
        }
    }
    return HEED_OK;
}

/* ---- one question ---- */

/* An answer in bytes of the context. */
typedef struct span {
    size_t start, end;
    double score;
    uint64_t hash; /* of its lowercase */
} span;

/* The span of a candidate, extended to whole words as far as the window has them. */
static span span_of(const answering *a, const window *w, const candidate *c) {
    const hd_encoding *e = w->part.pair;
    size_t first = c->first, last = c->last;
    if (!a->settings->subwords) {
        while (first > w->part.first && e->words[first - 1] == e->words[c->first]) first--;
        while (last + 1 < w->part.end && e->words[last + 1] == e->words[c->last]) last++;
    }
    size_t start = e->starts[first], end = e->ends[last];
    return (span){.start = start, .end = end > start ? end : start, .score = (double)c->score};
}

/* The lowercase of a span, in a->lower from `place` on; its length. */
static heed_status lowercase(answering *a, const char *text, size_t size, size_t place, size_t *length) {
    size_t count = 0;
    if (!hd_grow(a->model->context, &a->points, &a->point_capacity, size + 1, sizeof *a->points) ||
        !hd_grow(a->model->context, &a->lower, &a->lower_capacity, place + 2 * size + 1, sizeof *a->lower))
        return HEED_MEMORY;
    for (size_t at = 0; at < size;) at += hd_utf8_decode(text + at, size - at, &a->points[count++]);
    *length = hd_lowercase_text(a->points, count, a->lower + place);
    return HEED_OK;
}

/* Whether two spans have the same text, but for the case of letters. */
static heed_status is_same(answering *a, const char *context, const span *x, const span *y, bool *same) {
    size_t one, two;
    *same = x->hash == y->hash;
    if (!*same) return HEED_OK;
    HD_TRY(lowercase(a, context + x->start, x->end - x->start, 0, &one));
    HD_TRY(lowercase(a, context + y->start, y->end - y->start, one, &two));
    *same = one == two && memcmp(a->lower, a->lower + one, one * sizeof *a->lower) == 0;
    return HEED_OK;
}

/* Adds a span to those with other texts; the scores of equal texts are added. */
static heed_status add_span(answering *a, const char *context, span s, span *spans, size_t *count) {
    size_t length;
    HD_TRY(lowercase(a, context + s.start, s.end - s.start, 0, &length));
    s.hash = hd_checksum_of(a->lower, length * sizeof *a->lower);
    for (size_t i = 0; i < *count; i++) {
        bool same;
        HD_TRY(is_same(a, context, &spans[i], &s, &same));
        if (!same) continue;
        spans[i].score += s.score;
        return HEED_OK;
    }
    spans[(*count)++] = s;
    return HEED_OK;
}

/* Stable, and the best first. */
static void sort_spans(span *spans, size_t count) {
    for (size_t i = 1; i < count; i++) {
        span s = spans[i];
        size_t place = i;
        for (; place > 0 && spans[place - 1].score < s.score; place--) spans[place] = spans[place - 1];
        spans[place] = s;
    }
}

static heed_status write_answers(answering *a, size_t index, const span *spans, size_t count) {
    hd_result *item = &a->results->items[index];
    const char *context = a->texts->contexts[index];
    count = (size_t)hd_min((int64_t)count, a->settings->top);
    if (!count) return hd_results_problem(a->results, index, "no part of the context has a probability above 0");
    item->answers = hd_arena_alloc(&a->results->arena, count, sizeof *item->answers);
    if (!item->answers) return HEED_MEMORY;
    for (size_t i = 0; i < count; i++) {
        size_t size = spans[i].end - spans[i].start, first = hd_utf8_count(context, spans[i].start);
        const char *text = hd_results_copy(a->results, context + spans[i].start, size);
        if (!text) return HEED_MEMORY;
        item->answers[i] = (hd_answer){.text = text,
                                       .size = size,
                                       .score = (float)spans[i].score,
                                       .start = (uint32_t)first,
                                       .end = (uint32_t)(first + hd_utf8_count(context + spans[i].start, size))};
    }
    item->count = count;
    return HEED_OK;
}

/* The candidates of all windows. */
static heed_status answer_question(answering *a, const question *q) {
    const char *context = a->texts->contexts[q->index];
    size_t most = 1, count = 0;
    float no_answer = 1;
    for (size_t i = q->first; i < q->end; i++) most += (size_t)a->windows[i].count;
    span *spans = hd_arena_alloc(&a->arena, most, sizeof *spans);
    if (!spans) return HEED_MEMORY;
    for (size_t i = q->first; i < q->end; i++) {
        const window *w = &a->windows[i];
        for (int64_t c = 0; c < w->count; c++)
            HD_TRY(add_span(a, context, span_of(a, w, &w->candidates[c]), spans, &count));
        no_answer = w->no_answer < no_answer ? w->no_answer : no_answer;
    }
    if (a->settings->no_answer) spans[count++] = (span){.score = (double)no_answer};
    sort_spans(spans, count);
    return write_answers(a, q->index, spans, count);
}

/* ---- all of them ---- */

/* The encodings that the network reads. */
static hd_encoding *encode_windows(answering *a) {
    hd_encoding *tokens = hd_arena_alloc(&a->arena, a->window_count, sizeof *tokens);
    for (size_t i = 0; tokens && i < a->window_count; i++) {
        const hd_pair_window *part = &a->windows[i].part;
        int32_t *ids = hd_arena_alloc(&a->arena, part->count, sizeof *ids);
        uint32_t *types = hd_arena_alloc(&a->arena, part->count, sizeof *types);
        if (!ids || !types) return NULL;
        for (size_t t = 0; t < part->count; t++) {
            size_t token = hd_pair_window_token(part, t);
            ids[t] = part->pair->ids[token];
            types[t] = part->pair->types[token];
        }
        tokens[i] = (hd_encoding){.count = part->count, .ids = ids, .types = types};
    }
    return tokens;
}

static heed_status run_windows(answering *a) {
    static const hd_encoded_task task = {
        .head = HD_HEAD_ANSWER, .kind = "a question answering model", .select = select_rows, .answer = answer_window};
    heed_results *of_windows = NULL;
    const char **texts = hd_arena_alloc(&a->arena, a->window_count, sizeof *texts);
    hd_encoding *tokens = encode_windows(a);
    if (!texts || !tokens) return HEED_MEMORY;
    for (size_t i = 0; i < a->window_count; i++) texts[i] = "";
    const hd_encoded_texts encoded = {.texts = texts, .count = a->window_count, .tokens = tokens};
    heed_status status = hd_encode_texts(a->model, &task, &encoded, a, &of_windows);
    heed_results_close(of_windows);
    return status;
}

static void drop_questions(answering *a) {
    for (size_t i = 0; i < a->question_count; i++) hd_encoding_close(&a->questions[i]->pair);
    a->question_count = a->window_count = a->tokens = 0;
    hd_arena_reset(&a->arena);
}

static heed_status answer_waiting(answering *a) {
    heed_status status = a->window_count ? run_windows(a) : HEED_OK;
    for (size_t i = 0; i < a->question_count && status == HEED_OK; i++) status = answer_question(a, a->questions[i]);
    drop_questions(a);
    return status;
}

/* Encodes a question with its context. What is wrong with them is the context's message, with HEED_LENGTH. */
static heed_status encode_question(answering *a, size_t index, question *q) {
    heed_context *context = a->model->context;
    const hd_questioned_texts *texts = a->texts;
    const hd_encode_options options = {.add_special = true,
                                       .second = texts->contexts[index],
                                       .second_size = hd_text_size(texts->contexts, texts->context_sizes, index),
                                       .byte_offsets = true};
    HD_TRY(hd_tokenizer_encode_with(a->model->tokenizer, context, texts->questions[index],
                                    hd_text_size(texts->questions, texts->question_sizes, index), &options, &q->pair));
    HD_TRY(hd_model_check_ids(a->model, q->pair.ids, q->pair.count));
    if (!q->pair.counts[1]) return hd_fail(context, HEED_LENGTH, "the context has no tokens");
    return hd_pair_windows_cut(context, &q->pair, (size_t)a->longest, a->settings->stride, &q->windows);
}

static heed_status add_windows(answering *a, question *q) {
    size_t count = q->windows.count;
    if (!hd_grow(a->model->context, &a->windows, &a->window_capacity, a->window_count + count, sizeof *a->windows))
        return HEED_MEMORY;
    q->first = a->window_count;
    for (size_t i = 0; i < count; i++) {
        window *w = &a->windows[a->window_count++];
        *w = (window){.part = hd_pair_windows_get(&q->windows, i)};
        a->tokens += w->part.count;
    }
    q->end = a->window_count;
    return HEED_OK;
}

static heed_status add_question(answering *a, size_t index) {
    heed_context *context = a->model->context;
    const char *problem = hd_question_problem(a->texts, index);
    if (problem) return hd_results_problem(a->results, index, problem);
    if (!hd_grow(context, &a->questions, &a->question_capacity, a->question_count + 1, sizeof *a->questions))
        return HEED_MEMORY;
    question *q = a->questions[a->question_count] = hd_arena_alloc(&a->arena, 1, sizeof *q);
    if (!q) return HEED_MEMORY;
    *q = (question){.index = index};
    heed_status status = encode_question(a, index, q);
    if (status == HEED_OK) status = add_windows(a, q);
    if (status == HEED_OK) {
        a->question_count++;
        return HEED_OK;
    }
    hd_encoding_close(&q->pair);
    return status == HEED_LENGTH ? hd_results_problem(a->results, index, context->message) : status;
}

static heed_status answer_all(answering *a) {
    enum { TOKENS_AT_ONCE = 1 << 18 }; /* they bound the memory of a long list */
    for (size_t i = 0; i < a->texts->count; i++) {
        if (a->texts->questions[i] && a->texts->contexts[i]) HD_TRY(add_question(a, i));
        if (a->tokens >= TOKENS_AT_ONCE) HD_TRY(answer_waiting(a));
    }
    return answer_waiting(a);
}

/* By spans of the contexts. */
static heed_status extract(heed_model *model, const hd_answer_settings *settings, const hd_questioned_texts *texts,
                           heed_results *results) {
    heed_context *context = model->context;
    answering a = {.model = model, .settings = settings, .texts = texts, .results = results};
    int64_t longest = hd_model_longest(model);
    a.longest = hd_min(settings->window ? settings->window : LONGEST_WINDOW, longest);
    if (settings->window > longest)
        return hd_fail(context, HEED_ARGUMENT, "a window of %lld tokens is more than the model's %lld",
                       (long long)settings->window, (long long)longest);
    hd_arena_open(&a.arena, context);
    heed_status status = answer_all(&a);
    drop_questions(&a);
    hd_arena_close(&a.arena);
    hd_free(context, a.questions);
    hd_free(context, a.windows);
    hd_free(context, a.points);
    hd_free(context, a.lower);
    return status;
}

static bool generates(const heed_model *model) {
    return hd_model_predicts(model, HD_HEAD_LANGUAGE, true, true) ||
           hd_model_predicts(model, HD_HEAD_LANGUAGE, false, true);
}

static heed_status answer(heed_model *model, const heed_options *options, const hd_questioned_texts *texts,
                          heed_results **results) {
    heed_context *context = model->context;
    hd_answer_settings settings;
    HD_TRY(hd_settings_default(context, option_rows, HD_COUNT(option_rows), &settings));
    HD_TRY(hd_options_apply(context, options, &table, &settings));
    bool generated = generates(model);
    if (!generated) HD_TRY(hd_model_require(model, HD_HEAD_ANSWER, true, false, "a question answering model"));
    HD_TRY(hd_results_check(context, texts->questions, texts->count));
    HD_TRY(hd_results_check(context, texts->contexts, texts->count));
    HD_TRY(hd_results_open(context, texts->count, results));
    return generated ? hd_generate_answers(model, &settings, texts, *results)
                     : extract(model, &settings, texts, *results);
}

heed_status heed_answer(heed_model *model, const heed_options *options, const char *const *questions,
                        const size_t *question_sizes, const char *const *contexts, const size_t *context_sizes,
                        size_t count, heed_results **results) {
    const hd_questioned_texts texts = {questions, contexts, question_sizes, context_sizes, count};
    *results = NULL;
    hd_float_environment found = hd_float_enter();
    heed_status status = answer(model, options, &texts, results);
    hd_float_leave(found);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}
