#include "tasks/results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

heed_status hd_results_check(heed_context *context, const char *const *texts, size_t count) {
    if (count > PTRDIFF_MAX / sizeof(hd_result))
        return hd_fail(context, HEED_ARGUMENT, "%zu texts are more than memory can address", count);
    if (!texts && count) return hd_fail(context, HEED_ARGUMENT, "texts is NULL, but count is %zu", count);
    return HEED_OK;
}

heed_status hd_results_open(heed_context *context, size_t count, heed_results **out) {
    heed_results *results = hd_alloc_zeroed(context, 1, sizeof *results);
    *out = results;
    if (!results) return HEED_MEMORY;
    results->context = context;
    hd_arena_open(&results->arena, context);
    results->items = hd_arena_alloc(&results->arena, count, sizeof *results->items);
    if (!results->items) {
        heed_results_close(results);
        *out = NULL;
        return HEED_MEMORY;
    }
    if (count) memset(results->items, 0, count * sizeof *results->items);
    results->count = count;
    return HEED_OK;
}

char *hd_results_copy(heed_results *results, const char *text, size_t size) {
    char *copy = hd_arena_alloc(&results->arena, size + 1, 1);
    if (!copy) return NULL;
    if (size) memcpy(copy, text, size);
    copy[size] = 0;
    return copy;
}

heed_status hd_results_problem(heed_results *results, size_t index, const char *problem) {
    results->items[index].problem = hd_results_copy(results, problem, strlen(problem));
    return results->items[index].problem ? HEED_OK : HEED_MEMORY;
}

heed_status hd_results_note(heed_results *results, size_t index, const char *format, ...) {
    char note[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(note, sizeof note, format, arguments);
    va_end(arguments);
    results->items[index].note = hd_results_copy(results, note, strlen(note));
    return results->items[index].note ? HEED_OK : HEED_MEMORY;
}

void heed_results_close(heed_results *results) {
    if (!results) return;
    hd_arena_close(&results->arena);
    hd_free(results->context, results);
}

size_t heed_results_alternatives(const heed_results *results, size_t index) {
    return index < results->count ? results->items[index].count : 0;
}

const char *heed_results_text(const heed_results *results, size_t index, size_t alternative) {
    return alternative < heed_results_alternatives(results, index) ? results->items[index].answers[alternative].text
                                                                   : NULL;
}

size_t heed_results_size(const heed_results *results, size_t index, size_t alternative) {
    return alternative < heed_results_alternatives(results, index) ? results->items[index].answers[alternative].size
                                                                   : 0;
}

float heed_results_score(const heed_results *results, size_t index, size_t alternative) {
    return alternative < heed_results_alternatives(results, index) ? results->items[index].answers[alternative].score
                                                                   : 0.0f;
}

const char *heed_results_alignment(const heed_results *results, size_t index, size_t alternative) {
    return alternative < heed_results_alternatives(results, index)
               ? results->items[index].answers[alternative].alignment
               : NULL;
}

const char *heed_results_problem(const heed_results *results, size_t index) {
    return index < results->count ? results->items[index].problem : NULL;
}

const char *heed_results_note(const heed_results *results, size_t index) {
    return index < results->count ? results->items[index].note : NULL;
}

const float *heed_results_vector(const heed_results *results, size_t index, size_t *columns) {
    *columns = index < results->count ? results->items[index].columns : 0;
    return *columns ? results->items[index].vector : NULL;
}

const char *heed_results_label(const heed_results *results, size_t index, size_t alternative) {
    return alternative < heed_results_alternatives(results, index) ? results->items[index].answers[alternative].label
                                                                   : NULL;
}

void heed_results_span(const heed_results *results, size_t index, size_t alternative, size_t *start, size_t *end) {
    *start = *end = 0;
    if (alternative >= heed_results_alternatives(results, index)) return;
    const hd_answer *answer = &results->items[index].answers[alternative];
    *start = answer->start, *end = answer->end;
}

static const hd_answer_tokens *tokens_of(const heed_results *results, size_t index, size_t alternative) {
    static const hd_answer_tokens none;
    return alternative < heed_results_alternatives(results, index) ? &results->items[index].answers[alternative].tokens
                                                                   : &none;
}

static const hd_scored_token *scored_token(const heed_results *results, size_t index, size_t alternative, size_t token,
                                           size_t rank) {
    const hd_answer_tokens *tokens = tokens_of(results, index, alternative);
    return token < tokens->count && rank <= tokens->top ? &tokens->items[token * (1 + tokens->top) + rank] : NULL;
}

size_t heed_results_tokens(const heed_results *results, size_t index, size_t alternative) {
    return tokens_of(results, index, alternative)->count;
}

int32_t heed_results_token(const heed_results *results, size_t index, size_t alternative, size_t token, size_t rank) {
    const hd_scored_token *scored = scored_token(results, index, alternative, token, rank);
    return scored ? scored->token : -1;
}

float heed_results_log_prob(const heed_results *results, size_t index, size_t alternative, size_t token, size_t rank) {
    const hd_scored_token *scored = scored_token(results, index, alternative, token, rank);
    return scored ? scored->log_prob : -INFINITY;
}

const char *heed_results_token_text(const heed_results *results, size_t index, size_t alternative, size_t token,
                                    size_t rank, size_t *size) {
    const hd_scored_token *scored = scored_token(results, index, alternative, token, rank);
    *size = scored ? scored->size : 0;
    return scored ? scored->text : NULL;
}
