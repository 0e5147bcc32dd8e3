/* Finds the texts that are most similar to the first one, by the cosine of their vectors:
 *
 *     example-search MODEL QUERY TEXT...      MODEL: a sentence-transformers folder, or any encoder or decoder */
#include <heed/heed.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct hit {
    const char *text;
    float cosine;
} hit;

static int nearest_first(const void *a, const void *b) {
    const hit *x = a, *y = b;
    return (x->cosine < y->cosine) - (x->cosine > y->cosine);
}

/* The vectors have length 1, so their product is their cosine. */
static float multiply(const float *x, const float *y, size_t columns) {
    float sum = 0;
    for (size_t i = 0; i < columns; i++) sum += x[i] * y[i];
    return sum;
}

static void print_hits(const heed_results *results, const char *const *texts, size_t count) {
    size_t columns;
    const float *query = heed_results_vector(results, 0, &columns);
    hit *hits = calloc(count, sizeof *hits);
    for (size_t i = 1; i < count && query && hits; i++) {
        const float *vector = heed_results_vector(results, i, &columns);
        hits[i] = (hit){texts[i], multiply(query, vector, columns)};
    }
    if (query && hits) qsort(hits + 1, count - 1, sizeof *hits, nearest_first);
    for (size_t i = 1; i < count && query && hits; i++) printf("%.4f\t%s\n", (double)hits[i].cosine, hits[i].text);
    free(hits);
}

int main(int count, char **words) {
    if (count < 4) return fprintf(stderr, "%s MODEL QUERY TEXT...\n", words[0]), 2;
    const char *const *texts = (const char *const *)words + 2;
    size_t text_count = (size_t)count - 2;

    heed_context *context;
    heed_model *model = NULL;
    heed_options *options = NULL;
    heed_results *results = NULL;
    heed_status status = heed_context_open(&context);
    if (status == HEED_OK) status = heed_model_open(context, words[1], &model);
    if (status == HEED_OK) status = heed_embed_options(context, &options);
    if (status == HEED_OK) status = heed_options_set(options, "normalize", NULL);
    if (status == HEED_OK) status = heed_embed(model, options, texts, NULL, text_count, &results);
    if (status == HEED_OK) print_hits(results, texts, text_count);
    if (status != HEED_OK) fprintf(stderr, "%s\n", heed_context_message(context));
    heed_results_close(results);
    heed_options_close(options);
    heed_model_close(model);
    heed_context_close(context);
    return status == HEED_OK ? 0 : 1;
}
