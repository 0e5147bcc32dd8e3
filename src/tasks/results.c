#include "tasks/results.h"

#include <string.h>

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

float heed_results_score(const heed_results *results, size_t index, size_t alternative) {
    return alternative < heed_results_alternatives(results, index) ? results->items[index].answers[alternative].score
                                                                   : 0.0f;
}

const char *heed_results_problem(const heed_results *results, size_t index) {
    return index < results->count ? results->items[index].problem : NULL;
}
