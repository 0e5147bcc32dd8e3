/* The similarity of two texts: that of their vectors, as sentence-transformers' similarity_pairwise computes it. */
#include "base/options.h"
#include "formats/index.h"
#include "tasks/embedding.h"
#include "tasks/results.h"

#include <math.h>
#include <string.h>

static const char *const names[] = {"cosine", "dot", "euclidean", "manhattan"}; /* hd_metric */

/* In double precision, over ascending columns. Distances are negative: larger is more similar. */
static double compare(hd_metric metric, const float *a, const float *b, size_t columns) {
    double dot = 0, of_a = 0, of_b = 0, square = 0, sum = 0;
    for (size_t i = 0; i < columns; i++) {
        double x = (double)a[i], y = (double)b[i];
        dot += x * y, of_a += x * x, of_b += y * y;
        square += (x - y) * (x - y), sum += fabs(x - y);
    }
    switch (metric) {
        case HD_COSINE:
            return dot / (fmax(sqrt(of_a), 1e-12) * fmax(sqrt(of_b), 1e-12));
        case HD_DOT:
            return dot;
        case HD_EUCLIDEAN:
            return -sqrt(square);
        default:
            return -sum;
    }
}

static heed_status find_metric(const heed_model *model, const char *name, hd_metric *metric) {
    if (!name) name = model->embedder->similarity;
    for (size_t i = 0; i < HD_COUNT(names); i++) {
        if (strcmp(name, names[i]) != 0) continue;
        *metric = (hd_metric)i;
        return HEED_OK;
    }
    return hd_fail(model->context, HEED_ARGUMENT, "metric is \"%s\", expected cosine, dot, euclidean or manhattan",
                   name);
}

/* Text `index` of the results has a score, or the problem of one of its two texts. */
static heed_status answer(heed_results *results, size_t index, hd_metric metric, const heed_results *first,
                          const heed_results *second) {
    size_t columns;
    const float *a = heed_results_vector(first, index, &columns), *b = heed_results_vector(second, index, &columns);
    const char *problem = heed_results_problem(first, index), *note = heed_results_note(first, index);
    if (!problem) problem = heed_results_problem(second, index);
    if (!note) note = heed_results_note(second, index);
    if (problem) return hd_results_problem(results, index, problem);
    if (!a || !b) return HEED_OK; /* a text that is NULL */
    if (note) HD_TRY(hd_results_note(results, index, "%s", note));
    hd_answer *one = hd_arena_alloc(&results->arena, 1, sizeof *one);
    if (!one) return HEED_MEMORY;
    *one = (hd_answer){.text = "", .score = (float)compare(metric, a, b, columns)};
    results->items[index].answers = one;
    results->items[index].count = 1;
    return HEED_OK;
}

heed_status heed_similarity(heed_model *model, const heed_options *options, const char *metric,
                            const char *const *firsts, const size_t *first_sizes, const char *const *seconds,
                            const size_t *second_sizes, size_t count, heed_results **results) {
    hd_metric by = HD_COSINE;
    heed_results *first = NULL, *second = NULL;
    *results = NULL;
    HD_TRY(hd_embedding_check(model));
    HD_TRY(find_metric(model, metric, &by));
    heed_status status = heed_embed(model, options, firsts, first_sizes, count, &first);
    if (status == HEED_OK) status = heed_embed(model, options, seconds, second_sizes, count, &second);
    if (status == HEED_OK) status = hd_results_open(model->context, count, results);
    for (size_t i = 0; i < count && status == HEED_OK; i++) status = answer(*results, i, by, first, second);
    heed_results_close(first);
    heed_results_close(second);
    if (status == HEED_OK) return HEED_OK;
    heed_results_close(*results);
    *results = NULL;
    return status;
}
