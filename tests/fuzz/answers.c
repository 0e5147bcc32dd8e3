/* The answering functions: translate, generate, classify, tag and fill. The first byte selects a model of models.h and the
 * second is a small number; then, for models that generate, one line "name=value" or "name" per option up to an empty
 * line; then texts, separated by a
 * byte 0xFE. Each text has a problem or results with valid spans and scores, and the result that it has alone. */
#include "models.h"

#include "base/utf8.h"
#include "tasks/translate.h"

#include <math.h>

enum { MOST_TEXTS = 5, MOST_NUMBER = 20 /* beams, tokens, samples */ };

typedef struct query {
    heed_model *model;
    heed_options *options;   /* NULL: the verb has none, or none were set */
    char *texts[MOST_TEXTS]; /* each in a block of its size, so that a sanitizer detects reading past it */
    size_t sizes[MOST_TEXTS], count, number;
    hd_buffer words[MOST_TEXTS]; /* streamed */
} query;

static bool translates(const query *q) { return hd_recipe_translates(&q->model->network->recipe); }
static bool generates(const query *q) { return q->model->network->recipe.side[HD_DECODER].layers && !translates(q); }

static bool stream(void *user, size_t index, const char *text, size_t size) {
    hd_buffer *words = user;
    check(size > 0);
    hd_buffer_append(&words[index], text, size);
    return true;
}

static heed_status fill(const query *q, const char *const *texts, const size_t *sizes, size_t count,
                        heed_results **results) {
    heed_options *options;
    char top[16];
    snprintf(top, sizeof top, "%zu", q->number);
    check(heed_fill_options(fuzz_context, &options) == HEED_OK);
    check((heed_options_set(options, "top", top) == HEED_OK) == (q->number > 0));
    heed_status status = heed_fill(q->model, options, texts, sizes, count, results);
    heed_options_close(options);
    return status;
}

static heed_status tag(const query *q, const char *const *texts, const size_t *sizes, size_t count,
                       heed_results **results) {
    static const char *const aggregations[] = {"entities", "none", "simple", "first", "average", "max"};
    heed_options *options;
    check(heed_tag_options(fuzz_context, &options) == HEED_OK);
    check(heed_options_set(options, "aggregation", aggregations[q->number % HD_COUNT(aggregations)]) == HEED_OK);
    if (q->number >= 128) { /* a stride may be too large for the model's windows */
        char stride[16];
        snprintf(stride, sizeof stride, "%zu", q->number / 6 % 8);
        check(heed_options_set(options, "stride", stride) == HEED_OK);
    }
    heed_status status = heed_tag(q->model, options, texts, sizes, count, results);
    heed_options_close(options);
    return status;
}

/* Texts, or each text with itself as a pair; refused or cut if they are too long. */
static heed_status classify(const query *q, const char *const *texts, const size_t *sizes, size_t count,
                            heed_results **results) {
    heed_options *options;
    check(heed_classify_options(fuzz_context, &options) == HEED_OK);
    if (q->number & 1) check(heed_options_set(options, "truncate", NULL) == HEED_OK);
    heed_status status = q->number & 2
                             ? heed_classify_pairs(q->model, options, texts, sizes, texts, sizes, count, results)
                             : heed_classify(q->model, options, texts, sizes, count, results);
    heed_options_close(options);
    return status;
}

/* The texts from `first` on. */
static heed_status answer(query *q, size_t first, size_t count, hd_buffer *words, heed_results **results) {
    const char *const *texts = (const char *const *)(q->texts + first);
    const size_t *sizes = q->sizes + first;
    if (translates(q)) return heed_translate(q->model, q->options, texts, sizes, count, results);
    if (generates(q))
        return heed_generate(q->model, q->options, texts, sizes, count, q->number + first, words ? stream : NULL, words,
                             results);
    switch ((hd_head)q->model->network->recipe.head) {
        case HD_HEAD_CLASSIFY_TEXT:
            return classify(q, texts, sizes, count, results);
        case HD_HEAD_CLASSIFY_TOKENS:
            return tag(q, texts, sizes, count, results);
        default:
            return fill(q, texts, sizes, count, results);
    }
}

static void check_result(const query *q, const heed_results *results, size_t i) {
    size_t count = heed_results_alternatives(results, i), characters = hd_utf8_count(q->texts[i], q->sizes[i]);
    check(!heed_results_problem(results, i) || count == 0);
    for (size_t j = 0; j < count; j++) {
        size_t start, end;
        const char *text = heed_results_text(results, i, j);
        heed_results_span(results, i, j, &start, &end);
        check(text && text[heed_results_size(results, i, j)] == 0);
        check(start <= end && end <= characters);
        check(!isnan(heed_results_score(results, i, j)));
        if (!q->options || generates(q) || translates(q)) continue;
        check(heed_results_label(results, i, j) != NULL);
    }
    check(heed_results_text(results, i, count) == NULL);
}

static bool same_text(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

static bool same_answer(const heed_results *a, size_t i, const heed_results *b, size_t j) {
    float x = heed_results_score(a, i, j), y = heed_results_score(b, 0, j);
    size_t span[4], size = heed_results_size(a, i, j);
    heed_results_span(a, i, j, &span[0], &span[1]);
    heed_results_span(b, 0, j, &span[2], &span[3]);
    return memcmp(&x, &y, sizeof x) == 0 && span[0] == span[2] && span[1] == span[3] &&
           size == heed_results_size(b, 0, j) &&
           memcmp(heed_results_text(a, i, j), heed_results_text(b, 0, j), size) == 0 &&
           same_text(heed_results_label(a, i, j), heed_results_label(b, 0, j)) &&
           same_text(heed_results_alignment(a, i, j), heed_results_alignment(b, 0, j));
}

/* A text alone has the same result, or the same problem. */
static void compare_alone(query *q, const heed_results *all, size_t i) {
    heed_results *alone;
    check(answer(q, i, 1, NULL, &alone) == HEED_OK);
    check(same_text(heed_results_problem(all, i), heed_results_problem(alone, 0)));
    check(heed_results_alternatives(all, i) == heed_results_alternatives(alone, 0));
    for (size_t j = 0; j < heed_results_alternatives(all, i); j++) check(same_answer(all, i, alone, j));
    heed_results_close(alone);
}

/* What was streamed is the only alternative. */
static void compare_words(const query *q, const heed_results *results, size_t i) {
    const hd_buffer *words = &q->words[i];
    if (!words->size) return;
    check(heed_results_alternatives(results, i) == 1 && words->size == heed_results_size(results, i, 0));
    check(memcmp(words->data, heed_results_text(results, i, 0), words->size) == 0);
}

static void answer_all(query *q) {
    heed_results *results;
    for (size_t i = 0; i < q->count; i++) hd_buffer_open(&q->words[i], fuzz_context);
    heed_status status = answer(q, 0, q->count, q->words, &results);
    check((status == HEED_OK) == (results != NULL));
    check(status == HEED_OK || heed_context_message(fuzz_context)[0]);
    for (size_t i = 0; i < q->count && results; i++) {
        check_result(q, results, i);
        compare_words(q, results, i);
        if (q->count > 1) compare_alone(q, results, i);
    }
    for (size_t i = 0; i < q->count; i++) hd_buffer_close(&q->words[i]);
    heed_results_close(results);
}

static void read_texts(query *q, const char *at, const char *end) {
    while (q->count < MOST_TEXTS) {
        const char *stop = memchr(at, 0xFE, (size_t)(end - at));
        if (!stop) stop = end;
        size_t size = (size_t)(stop - at);
        q->texts[q->count] = malloc(size ? size : 1);
        memcpy(q->texts[q->count], at, size);
        q->sizes[q->count++] = size;
        if (stop == end) return;
        at = stop + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2) return 0;
    query q = {.model = fuzz_model(data[0]), .number = data[1]};
    if (translates(&q)) check(heed_translate_options(fuzz_context, &q.options) == HEED_OK);
    if (generates(&q)) check(heed_generate_options(fuzz_context, &q.options) == HEED_OK);
    char *text = malloc(size - 1); /* and a 0 at the end */
    memcpy(text, data + 2, size - 2);
    text[size - 2] = 0;
    char *end = text + size - 2;
    read_texts(&q, q.options ? read_fuzz_options(q.options, text, end, MOST_NUMBER) : text, end);
    answer_all(&q);
    heed_options_close(q.options);
    for (size_t i = 0; i < q.count; i++) free(q.texts[i]);
    free(text);
    return 0;
}
